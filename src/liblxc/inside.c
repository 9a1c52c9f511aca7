/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Into a running container: processes, terminals, devices, interfaces, mounts. */

#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/kept.h"
#include "engine/device.h"
#include "engine/inject.h"
#include "liblxc/liblxc.h"
#include "sys/ns.h"
#include "sys/passwd.h"

#define LSM_FLAGS (LXC_ATTACH_LSM_EXEC | LXC_ATTACH_LSM_NOW | LXC_ATTACH_LSM_LABEL)

/* --- attach --------------------------------------------------------------------------------------------------------------- */

static unsigned ns_mask(int flags)
{
	unsigned mask = 1u << NS_MAX; /* none of them is not "all of them" */

	if (flags == -1)
		return 0;
	for (unsigned i = 0; i < NS_MAX; i++)
		if ((unsigned)flags & ns_table[i].flag)
			mask |= 1u << i;
	return mask;
}

struct entry {
	struct attach_opts o;
	unsigned long personality;
	int stdio[3];
	char cwd[4096];
};

static void translate(const lxc_attach_options_t *o, struct entry *n)
{
	unsigned flags = (unsigned)o->attach_flags;

	n->o = ATTACH_OPTS_INIT;
	n->o.namespaces = ns_mask(o->namespaces);
	n->o.elevated_cgroup = !(flags & LXC_ATTACH_MOVE_TO_CGROUP);
	n->o.elevated_cap = !(flags & LXC_ATTACH_DROP_CAPABILITIES);
	n->o.elevated_lsm = !(flags & LSM_FLAGS);
	n->o.label_now = flags & LXC_ATTACH_LSM_NOW;
	n->o.label = flags & LXC_ATTACH_LSM_LABEL ? o->lsm_label : NULL;
	n->o.remount = flags & LXC_ATTACH_REMOUNT_PROC_SYS;
	n->o.no_new_privs = flags & LXC_ATTACH_NO_NEW_PRIVS;
	n->o.no_personality = !(flags & LXC_ATTACH_SET_PERSONALITY);
	if (o->personality != LXC_ATTACH_DETECT_PERSONALITY) {
		n->personality = (unsigned long)o->personality;
		n->o.personality = &n->personality;
	}
	n->o.no_pty = !(flags & LXC_ATTACH_TERMINAL);
	n->o.force_pty = !n->o.no_pty;
	n->o.pty_log_fd = o->log_fd;
	n->o.uid = o->uid == (uid_t)-1 ? -1 : (int64_t)o->uid;
	n->o.gid = o->gid == (gid_t)-1 ? -1 : (int64_t)o->gid;
	n->o.clear_env = o->env_policy == LXC_ATTACH_CLEAR_ENV;
	n->o.keep_vars = (const char *const *)o->extra_keep_env;
	n->o.set_vars = (const char *const *)o->extra_env_vars;
	n->o.cwd = o->initial_cwd ?: getcwd(n->cwd, sizeof(n->cwd));
	if (flags & LXC_ATTACH_SETGROUPS) {
		n->o.groups = o->groups.list;
		n->o.n_groups = o->groups.list ? o->groups.size : 0;
	}
	n->stdio[0] = o->stdin_fd;
	n->stdio[1] = o->stdout_fd;
	n->stdio[2] = o->stderr_fd;
	n->o.stdio = n->stdio;
}

static int attach(struct lxc_container *c, lxc_attach_exec_t exec_function, void *exec_payload,
		  lxc_attach_options_t *options, pid_t *attached_process)
{
	lxc_attach_options_t defaults = LXC_ATTACH_OPTIONS_DEFAULT;
	_cleanup_view_ struct view v = { 0 };
	struct entry n = { 0 };
	struct err e = { 0 };
	pid_t pid = 0;
	int r;

	if (!c || !exec_function)
		return -1;
	translate(options ?: &defaults, &n);
	n.o.fn = exec_function;
	n.o.arg = exec_payload;
	r = view_open(c, VIEW_FILE, &v, &e);
	if (r == 0)
		r = container_attach_start(v.c, &n.o, &pid, &e);
	if (r < 0) {
		api_fail(c, &e);
		return -1;
	}
	if (attached_process)
		*attached_process = pid;
	return 0;
}

static int attach_run_wait(struct lxc_container *c, lxc_attach_options_t *options, const char *program,
			   const char *const argv[])
{
	lxc_attach_command_t cmd = { (char *)(uintptr_t)program, (char **)(uintptr_t)argv };
	int status = 0, r;
	pid_t pid;

	r = attach(c, lxc_attach_run_command, &cmd, options, &pid);
	if (r < 0)
		return r;
	while ((r = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
		;
	return r < 0 ? -1 : status;
}

static int attach_run_waitl(struct lxc_container *c, lxc_attach_options_t *options, const char *program,
			    const char *arg, ...)
{
	char **argv;
	va_list ap;
	int r;

	va_start(ap, arg);
	argv = api_arguments(arg, ap);
	va_end(ap);
	r = argv ? attach_run_wait(c, options, program, (const char *const *)argv) : -1;
	free(argv);
	return r;
}

/* In the container's process: what these report is its exit status. */
PUBLIC int lxc_attach_run_command(void *payload)
{
	const lxc_attach_command_t *cmd = payload;

	execvp(cmd->program, cmd->argv);
	return errno == ENOENT ? 127 : errno == EACCES || errno == ENOEXEC ? 126 : -1;
}

PUBLIC int lxc_attach_run_shell(void *payload)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct passwd_user user;
	char uid[16];

	snprintf(uid, sizeof(uid), "%u", getuid());
	if (root >= 0 && passwd_find(root, uid, &user, NULL) == 0)
		execl(user.shell, user.shell, (char *)NULL);
	execl("/bin/sh", "/bin/sh", (char *)NULL);
	return -1;
}

/* --- terminals ---------------------------------------------------------------------------------------------------------- */

static int console_getfd(struct lxc_container *c, int *ttynum, int *ptxfd)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c || !ttynum || !ptxfd)
		return -1;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_take_tty(v.c, *ttynum, ttynum, ptxfd, &e);
	if (r < 0) {
		api_fail(c, &e);
		return -1;
	}
	return r;
}

static int console(struct lxc_container *c, int ttynum, int stdinfd, int stdoutfd, int stderrfd, int escape)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c)
		return -1;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_console_at(v.c, stdinfd, stdoutfd, ttynum, escape, &e);
	if (r < 0)
		api_fail(c, &e);
	return r < 0 ? -1 : 0;
}

static int console_log(struct lxc_container *c, struct lxc_console_log *log)
{
	_cleanup_view_ struct view v = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err e = { 0 };
	int r;

	if (!c || !log || !log->read_max)
		return -EINVAL;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_console_log(v.c, log->read, log->clear, *log->read_max, &text, &e);
	if (r < 0) {
		/* Nothing to be had is said in both ways. */
		if (r == -ENODATA || r == -EFAULT) {
			*log->read_max = 0;
			log->data = NULL;
		}
		api_fail(c, &e);
		return r;
	}
	*log->read_max = text.len;
	log->data = buf_take(&text);
	return 0;
}

/* --- devices, interfaces, mounts ---------------------------------------------------------------------------------------- */

typedef int change_fn(struct container *c, const char *a, const char *b, struct err *e);

static bool change(struct lxc_container *c, change_fn *fn, const char *a, const char *b)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c || !a)
		return false;
	r = view_open(c, VIEW_FILE, &v, &e);
	if (r == 0)
		r = fn(v.c, a, b, &e);
	return r == 0 || api_fail(c, &e);
}

static bool add_device_node(struct lxc_container *c, const char *src_path, const char *dest_path)
{
	return change(c, container_device_add, src_path, dest_path);
}

static bool remove_device_node(struct lxc_container *c, const char *src_path, const char *dest_path)
{
	return change(c, container_device_remove, src_path, dest_path);
}

static bool attach_interface(struct lxc_container *c, const char *dev, const char *dst_dev)
{
	return change(c, container_interface_attach, dev, dst_dev);
}

static bool detach_interface(struct lxc_container *c, const char *dev, const char *dst_dev)
{
	return change(c, container_interface_detach, dev, dst_dev);
}

static int mount_in(struct lxc_container *c, const char *source, const char *target, const char *filesystemtype,
		    unsigned long mountflags, const void *data, struct lxc_mount *mnt)
{
	const struct inject_opts o = { source, target, filesystemtype, mountflags, data };
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c || !target || (mnt && mnt->version != LXC_MOUNT_API_V1))
		return -EINVAL;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_mount(v.c, &o, &e);
	if (r < 0)
		api_fail(c, &e);
	return r;
}

static int umount_in(struct lxc_container *c, const char *target, unsigned long mountflags, struct lxc_mount *mnt)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c || !target || (mnt && mnt->version != LXC_MOUNT_API_V1))
		return -EINVAL;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_umount(v.c, target, (int)mountflags, &e);
	if (r < 0)
		api_fail(c, &e);
	return r;
}

void methods_inside(struct lxc_container *c)
{
	c->attach = attach;
	c->attach_run_wait = attach_run_wait;
	c->attach_run_waitl = attach_run_waitl;
	c->console_getfd = console_getfd;
	c->console = console;
	c->console_log = console_log;
	c->add_device_node = add_device_node;
	c->remove_device_node = remove_device_node;
	c->attach_interface = attach_interface;
	c->detach_interface = detach_interface;
	c->mount = mount_in;
	c->umount = umount_in;
}
