/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operations on the host: before the clone (OP_HOST), beside the waiting child (OP_PARENT), and after it (OP_READY). */

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "net/nat.h"
#include "runtime/hook.h"
#include "runtime/journal.h"
#include "runtime/ops.h"
#include "runtime/run.h"
#include "spec/field.h"
#include "store/store.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

static void describe_ab(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s%s%s", op->args.a ?: "", op->args.b ? " " : "", op->args.b ?: "");
}

static void describe_eq(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s = %s", op->args.a, op->args.b ?: "");
}

/* --- hooks: a command, n type ------------------------------------------------------------------------------------ */

static void hook_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s: %s", spec_hook_names[op->args.n], op->args.a);
}

static int hook_apply(const struct op *op, struct run *run, struct err *e)
{
	struct hook_ctx c = {
		.spec = run->spec,
		.name = run->rec.name,
		.config = run->opts->config,
		.rootfs_mount = run->plan->rootfs_mount,
		.pid = run->pid,
		.log_level = run->opts->log_level,
	};

	return hook_run_one(&c, (enum spec_hook)op->args.n, op->args.a, run->log, e);
}

const struct op_kind op_hook = { "hook", hook_describe, hook_apply };

/* --- guard: only a journal entry (that the stop hooks are due, say); nothing to apply ------------------------------ */

static int guard_apply(const struct op *op, struct run *run, struct err *e)
{
	return 0;
}

const struct op_kind op_guard = { "guard", describe_ab, guard_apply };

/* --- control groups ------------------------------------------------------------------------------------------------ */

/* a: path, n: may fail for want of rights (then there is none) */
static int cgroup_create_apply(const struct op *op, struct run *run, struct err *e)
{
	int r = cg_create(run->cg_host, op->args.a, &run->cg, e);

	if (r < 0 && op->args.n && (r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT)) {
		err_clear(e);
		free(run->rec.cgroup);
		run->rec.cgroup = NULL;
		return 0;
	}
	return r;
}

const struct op_kind op_cgroup_create = { "cgroup.create", describe_ab, cgroup_create_apply, true };

/* a: path of one that others are in */
static int cgroup_share_apply(const struct op *op, struct run *run, struct err *e)
{
	return cg_share(run->cg_host, op->args.a, &run->cg, e);
}

const struct op_kind op_cgroup_share = { "cgroup.share", describe_ab, cgroup_share_apply };

/* a: path below the group; from here on it is the one that processes enter */
static int cgroup_inner_apply(const struct op *op, struct run *run, struct err *e)
{
	struct cg *inner = NULL;
	int r = cg_create(run->cg_host, op->args.a, &inner, e);

	if (r < 0)
		return r;
	cg_free(run->cg);
	run->cg = inner;
	return 0;
}

const struct op_kind op_cgroup_inner = { "cgroup.inner", describe_ab, cgroup_inner_apply };

static int cgroup_monitor_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r = cg_create(run->cg_host, op->args.a, &g, e);

	return r < 0 ? r : cg_attach(g, run->rec.keeper, false, e);
}

const struct op_kind op_cgroup_monitor = { "cgroup.monitor", describe_ab, cgroup_monitor_apply };

static int cgroup_set_apply(const struct op *op, struct run *run, struct err *e)
{
	return cg_set(run->cg, (unsigned)op->args.n, op->args.a, op->args.b, e);
}

const struct op_kind op_cgroup_set = { "cgroup.set", describe_eq, cgroup_set_apply };

static void devices_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "devices program where the host has v2");
}

static int devices_apply(const struct op *op, struct run *run, struct err *e)
{
	return cg_devices_commit(run->cg, e);
}

const struct op_kind op_cgroup_devices = { "cgroup.devices", devices_describe, devices_apply };

static void chown_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "to %" PRIi64 ":%" PRIi64, op->args.n, op->args.m);
}

static int chown_apply(const struct op *op, struct run *run, struct err *e)
{
	return !run->cg ? 0 : cg_chown(run->cg, (uid_t)op->args.n, (gid_t)op->args.m, e);
}

const struct op_kind op_cgroup_chown = { "cgroup.chown", chown_describe, chown_apply };

static void lend_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "what the container's root makes below its group is his");
}

struct loan {
	const struct cg *cg;
	uint32_t uid;
};

static int lend(void *arg, struct err *e)
{
	const struct loan *l = arg;

	return cg_lend(l->cg, l->uid, 0, e);
}

static int lend_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct plan *p = run->plan;
	_cleanup_free_ struct idmap *maps = calloc(p->n_maps + 2, sizeof(*maps));
	struct loan l = { .cg = run->cg };
	size_t n = p->n_maps;
	uint32_t gid;
	int r;

	if (!maps)
		return err_oom(e);
	if (!run->cg)
		return 0;
	memcpy(maps, p->maps, n * sizeof(*maps));
	/* By one who has both ids. */
	n = idmap_add_own(maps, n, 'u', geteuid(), &l.uid);
	n = idmap_add_own(maps, n, 'g', getegid(), &gid);
	r = idmap_call(maps, n, lend, &l, e);
	if (r == 0)
		return 0;
	/* Those that need no groups below run as well without. */
	log_msg(run->log, LOG_WARN, "no control groups can be made in the container: %s", e ? e->msg : "");
	err_clear(e);
	return 0;
}

const struct op_kind op_cgroup_lend = { "cgroup.lend", lend_describe, lend_apply };

static void attach_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "the first process, in every hierarchy it was not cloned into");
}

static int attach_apply(const struct op *op, struct run *run, struct err *e)
{
	return run->cg ? cg_attach(run->cg, op->stage == OP_PARENT ? run->pid : 0, run->into_cgroup, e) : 0;
}

const struct op_kind op_cgroup_attach = { "cgroup.attach", attach_describe, attach_apply };

/* --- file systems: a path or source, b options, n slot ------------------------------------------------------------- */

static int rootfs_open_apply(const struct op *op, struct run *run, struct err *e)
{
	struct store_ref ref = { 0 };
	int fd, r;

	r = store_parse(op->args.a, &ref, e);
	if (r < 0)
		return r;
	fd = ref.driver->open_tree(&ref, op->args.b, e);
	store_ref_done(&ref);
	/* Most drivers say which one it is. */
	if (fd < 0)
		return e && startswith(e->msg, "root file system ")
			       ? fd
			       : err_wrap(e, fd, "root file system %s", op->args.a);
	run->slots[op->args.n] = fd;
	return 0;
}

const struct op_kind op_rootfs_open = { "rootfs.open", describe_ab, rootfs_open_apply };

/* "container" or a user name space's path → fd of it. */
static int idmap_fd(struct run *run, const char *what, struct err *e)
{
	if (streq(what, "container"))
		return idmap_userns_fd(run->plan->maps, run->plan->n_maps, e);
	return ns_open(what, &ns_table[NS_USER], e);
}

static int rootfs_idmap_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int userns = idmap_fd(run, op->args.a, e);
	int r;

	if (userns < 0)
		return userns;
	r = mount_idmap(run->slots[op->args.n], userns, false, e);
	return r < 0 ? err_wrap(e, r, "idmapped root file system") : 0;
}

const struct op_kind op_rootfs_idmap = { "rootfs.idmap", describe_ab, rootfs_idmap_apply };

static int bind_open_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int fd = -EBADF, userns = -EBADF;
	int r;

	fd = mount_clone(AT_FDCWD, op->args.a, op->args.m & 1, e);
	if (fd < 0)
		return op->args.m & 2 ? (err_clear(e), 0) : err_wrap(e, fd, "bind source");
	if (op->args.b) {
		userns = idmap_fd(run, op->args.b, e);
		if (userns < 0)
			return userns;
		r = mount_idmap(fd, userns, op->args.m & 1, e);
		if (r < 0)
			return err_wrap(e, r, "idmapped mount of %s", op->args.a);
	}
	run->slots[op->args.n] = TAKE_FD(fd);
	return 0;
}

/* n: slot, m: the fd */
static int bind_given_apply(const struct op *op, struct run *run, struct err *e)
{
	int fd = fcntl((int)op->args.m, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return err_set(e, -errno, "take the mount for %s", op->args.a);
	run->slots[op->args.n] = fd;
	return 0;
}

static void bind_given_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "for %s, which is held", op->args.a);
}

const struct op_kind op_bind_given = { "mount.take", bind_given_describe, bind_given_apply };

static void mount_idmap_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "slot %d%s:", op->ids.slot, op->ids.recursive ? " and below" : "");
	if (!op->ids.n)
		buf_puts(out, " as the joined user name space");
	for (size_t i = 0; i < op->ids.n; i++)
		buf_printf(out, "%s%c %u %u %u", i ? ", " : " ", op->ids.maps[i].type, op->ids.maps[i].nsid,
			   op->ids.maps[i].hostid, op->ids.maps[i].range);
}

static int mount_idmap_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int made = op->ids.n ? idmap_userns_fd(op->ids.maps, op->ids.n, e) : -EBADF;

	if (op->ids.n && made < 0)
		return made;
	/* Without maps of its own: those of the name space that is joined. */
	return mount_idmap(run->slots[op->ids.slot], op->ids.n ? made : run->share_fds[NS_USER], op->ids.recursive, e);
}

const struct op_kind op_mount_idmap = { "mount.idmap", mount_idmap_describe, mount_idmap_apply };

static void bind_open_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s%s%s%s", op->args.a, op->args.m & 1 ? " and below" : "", op->args.b ? " idmap=" : "",
		   op->args.b ?: "");
}

const struct op_kind op_bind_open = { "mount.open", bind_open_describe, bind_open_apply };

/* The init of lxc-execute, from a detached read-only mount of its own: nothing inside can reach a writable copy
 * (CVE-2019-5736). */
static int init_open_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int mnt = mount_clone(AT_FDCWD, op->args.a, false, e);
	int r;

	if (mnt == -EPERM && run->opts->rootless) {
		/* Who may not clone mounts cannot write root's file either. */
		err_clear(e);
		run->init_helper_fd = open(op->args.a, O_PATH | O_CLOEXEC | O_NOFOLLOW);
		return run->init_helper_fd < 0 ? err_set(e, -errno, "open %s", op->args.a) : 0;
	}
	if (mnt < 0)
		return err_wrap(e, mnt, "init helper");
	r = mount_set(mnt, MOUNT_ATTR_RDONLY, 0, 0, false, e);
	if (r < 0)
		return r;
	run->init_helper_fd = TAKE_FD(mnt);
	return 0;
}

const struct op_kind op_init_open = { "init.open", describe_ab, init_open_apply };

/* --- labels -------------------------------------------------------------------------------------------------------- */

static void lsm_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s", op->args.a ?: "the default profile where a security module is active");
}

/* Confinement that was asked for and cannot be had is no detail. (LXC's configurations ask for it everywhere.) */
static int need_lsm(const struct run *run, const struct spec_security *s, struct err *e)
{
	enum lsm_kind lsm = run->lsm;

	if (lsm != LSM_APPARMOR && !isempty(s->apparmor_profile) && !streq(s->apparmor_profile, "unconfined"))
		return err_kind(
			e, ERR_MISSING, -EOPNOTSUPP,
			"process.apparmorProfile: unable to apply apparmor profile %s: AppArmor is not active here",
			s->apparmor_profile);
	if (lsm != LSM_SELINUX && !isempty(s->selinux_context))
		return err_kind(
			e, ERR_MISSING, -EOPNOTSUPP,
			"process.selinuxLabel: selinux label is specified in config, but selinux is disabled or not "
			"supported");
	/* Who asks for labels where there are none is not less confined than he meant. */
	if (lsm != LSM_SELINUX && !isempty(s->mount_label))
		log_msg(run->log, LOG_WARN,
			"linux.mountLabel: mounts are not labelled, SELinux is disabled or not supported");
	return 0;
}

static int lsm_prepare_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct spec_security *s = &run->spec->security;
	struct lsm_want w = {
		.container = run->rec.id,
		.apparmor_profile = s->apparmor_profile,
		.apparmor_incomplete = s->apparmor_incomplete == TRI_YES,
		.apparmor_nesting = s->apparmor_nesting == TRI_YES,
		.apparmor_raw = &s->apparmor_raw,
		.selinux_context = s->selinux_context,
		.selinux_keyring = s->selinux_keyring,
	};
	int r;

	run->lsm = lsm_active();
	r = run->opts->oci ? need_lsm(run, s, e) : 0;
	if (r < 0 || run->lsm == LSM_NONE)
		return r;
	r = lsm_prepare(&w, &run->lsm_label, &run->lsm_loaded, e);
	if (r < 0)
		return r;
	if (run->lsm_loaded)
		r = journal_add(run->journal_fd, "apparmor", run->lsm_loaded, e);
	if (r == 0 && run->lsm_label) {
		run->rec.lsm_label = strdup(run->lsm_label);
		if (!run->rec.lsm_label)
			return err_oom(e);
	}
	return r;
}

const struct op_kind op_lsm_prepare = { "lsm.prepare", lsm_describe, lsm_prepare_apply };

/* --- pid file: written when init is known -------------------------------------------------------------------------- */

static int pidfile_apply(const struct op *op, struct run *run, struct err *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", run->pid);
	struct stat st;

	/* Replacing is what makes it appear whole; a device or a link must not be replaced. */
	if (lstat(op->args.a, &st) == 0 && !S_ISREG(st.st_mode))
		return err_kind(e, ERR_INVALID, -EINVAL, "pid file %s: exists and is not a regular file", op->args.a);
	return file_replace(AT_FDCWD, op->args.a, text, (size_t)n, 0644, false, e);
}

const struct op_kind op_pidfile = { "pidfile", describe_ab, pidfile_apply };

/* --- name spaces: a path, n which ---------------------------------------------------------------------------------- */

static int ns_open_apply(const struct op *op, struct run *run, struct err *e)
{
	int fd = ns_open(op->args.a, &ns_table[op->args.n], e);

	if (fd < 0)
		return fd;
	run->share_fds[op->args.n] = fd;
	return 0;
}

static void ns_open_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s of %s", ns_table[op->args.n].name, op->args.a);
}

const struct op_kind op_ns_open = { "ns.open", ns_open_describe, ns_open_apply };

/* --- the clone: n flags -------------------------------------------------------------------------------------------- */

static void clone_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "first process, new:");
	for (const struct ns_info *ns = ns_table; ns->name; ns++)
		if ((uint64_t)op->args.n & ns->flag)
			buf_printf(out, " %s", ns->name);
}

/*
 * Into the user name space of an existing container. The other new ones must belong to that, so who makes the process has
 * joined it: a process of its own, for there is no way back. The first process is ours by CLONE_PARENT; the proxy tells
 * its number, and ends.
 */
static pid_t clone_by_proxy(struct run *run, uint64_t flags)
{
	struct clone_args args = { .flags = flags | CLONE_PARENT };
	_cleanup_close_ int mine = -EBADF;
	int pair[2], status = -1;
	pid_t proxy, pid = -EPERM;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -errno;
	mine = pair[0];
	proxy = fork();
	if (proxy == 0) {
		if (setns(run->share_fds[NS_USER], CLONE_NEWUSER) < 0)
			pid = -errno;
		else if (run->share_fds[NS_PID] >= 0 && setns(run->share_fds[NS_PID], CLONE_NEWPID) < 0)
			pid = -errno;
		else
			pid = sys_clone3(&args);
		if (pid == 0) {
			fd_close(pair[1]);
			return 0;
		}
		_exit(write(pair[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	fd_close(pair[1]);
	if (proxy < 0)
		return -errno;
	while (waitpid(proxy, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0 || read(mine, &pid, sizeof(pid)) != sizeof(pid))
		return -ECHILD;
	if (pid > 0) {
		run->pidfd = sys_pidfd_open(pid, 0);
		if (run->pidfd < 0)
			return run->pidfd;
	}
	return pid;
}

static pid_t clone_here(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int cg_fd = run->cg ? cg_v2_fd(run->cg) : -EBADF, own_pidns = -EBADF;
	struct clone_args args = {
		.flags = (uint64_t)op->args.n | CLONE_PIDFD | (run->own_supervisor ? 0 : CLONE_PARENT),
		.pidfd = (uint64_t)(uintptr_t)&run->pidfd,
		.exit_signal = run->own_supervisor ? SIGCHLD : 0,
	};
	pid_t pid;

	/* The pid name space of an existing container: children are born in it, we ourselves stay where we are. */
	if (run->share_fds[NS_PID] >= 0) {
		own_pidns = ns_open_pid(getpid(), &ns_table[NS_PID], e);
		if (own_pidns < 0)
			return own_pidns;
		if (setns(run->share_fds[NS_PID], CLONE_NEWPID) < 0)
			return -errno;
	}
	if (cg_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cg_fd;
		run->into_cgroup = true;
	}
	pid = sys_clone3(&args);
	if (pid == -EBUSY || pid == -EOPNOTSUPP || (pid == -EACCES && cg_fd >= 0)) {
		/* A threaded or domain-invalid v2 group: the attach operation does it. */
		args.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
		run->into_cgroup = false;
		pid = sys_clone3(&args);
	}
	if (own_pidns >= 0 && pid != 0 && setns(own_pidns, CLONE_NEWPID) < 0 && pid > 0)
		pid = -errno;
	return pid;
}

static int clone_apply(const struct op *op, struct run *run, struct err *e)
{
	pid_t pid = run->plan->in_userns && run->share_fds[NS_USER] >= 0 ? clone_by_proxy(run, (uint64_t)op->args.n)
									 : clone_here(op, run, e);

	if (pid == 0)
		run_child(run);
	if (pid < 0) {
		if (e && e->code)
			return pid;
		err_set(e, pid, "create the first process");
		if (pid == -ENOSPC)
			err_hint(e, pid, "raise the limits in /proc/sys/user/max_*_namespaces");
		else if (pid == -EPERM)
			err_hint(e, pid, "an ordinary user needs a user name space: add lxc.idmap lines");
		return pid;
	}
	run->pid = pid;
	run->rec.pid = pid;
	run->child_sync = fd_close(run->child_sync);
	run->start_fd = fd_close(run->start_fd);
	run->root_fd = fd_close(run->root_fd);
	if (proc_start_time(pid, &run->rec.pid_start) < 0)
		return err_kind(e, ERR_STATE, -ESRCH, "the first process died at once");
	return 0;
}

const struct op_kind op_clone = { "clone", clone_describe, clone_apply };

/* --- beside the child ---------------------------------------------------------------------------------------------- */

static void idmap_describe(const struct op *op, struct buf *out)
{
	for (size_t i = 0; i < op->ids.n; i++)
		buf_printf(out, "%s%c %u %u %u", i ? ", " : "", op->ids.maps[i].type, op->ids.maps[i].nsid,
			   op->ids.maps[i].hostid, op->ids.maps[i].range);
}

static int idmap_apply(const struct op *op, struct run *run, struct err *e)
{
	return idmap_write(run->pid, op->ids.maps, op->ids.n, e);
}

const struct op_kind op_idmap_write = { "idmap", idmap_describe, idmap_apply };

static int proc_write_apply(const struct op *op, struct run *run, struct err *e)
{
	char path[300];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", run->pid, op->args.a);
	r = file_write(AT_FDCWD, path, op->args.b, e);
	/* Engines ask for a lower badness than an ordinary user can give. */
	if (r < 0 && run->opts->oci && run->opts->rootless && (r == -EACCES || r == -EPERM)) {
		err_clear(e);
		return 0;
	}
	return r;
}

const struct op_kind op_proc_write = { "proc.write", describe_eq, proc_write_apply };

static void net_describe(const struct op *op, struct buf *out)
{
	const struct net_dev *d = op->net;

	buf_printf(out, "%s %s", d->type, d->name);
	if (*d->host_name)
		buf_printf(out, " host=%s", d->host_name);
	if (*d->link)
		buf_printf(out, " link=%s", d->link);
}

/* "eth0:5:veth1000_AbCd:9": the host's end goes into the record. */
static int note_host_end(struct run *run, const struct net_dev *d, char *out, struct err *e)
{
	struct strv *ifs = &run->rec.host_ifs;
	size_t k = (size_t)(d - run->plan->nets);
	_cleanup_free_ char *words = NULL;
	char *save = NULL, *name;

	strtok_r(out, ":\n", &save);
	strtok_r(NULL, ":\n", &save);
	name = strtok_r(NULL, ":\n", &save);
	if (!name || k >= ifs->n)
		return 0;
	name = strdup(name);
	if (!name)
		return err_oom(e);
	free(ifs->v[k]);
	ifs->v[k] = name;
	/* A port of Open vSwitch outlives its interface: the helper takes it away. */
	if (!d->ovs)
		return 0;
	if (asprintf(&words, "%s %s %s", d->link, name, run->opts->user_nic) < 0)
		return err_oom(e);
	return journal_add(run->journal_fd, "usernic", words, e);
}

/* A program that is setuid root knows what this user may have. */
static int attach_by_helper(const struct net_dev *d, struct run *run, struct err *e)
{
	const struct plan_opts *o = run->opts;
	char pid[16];
	const char *argv[] = { "lxc-user-nic", "create", o->lxcpath, o->id, pid, "veth", *d->link ? d->link : "none",
			       d->name,	       NULL };
	const struct spawn s = { .path = o->user_nic, .argv = (char *const *)(uintptr_t)argv };
	_cleanup_free_ char *out = NULL;
	const char *msg, *hint;
	int r;

	snprintf(pid, sizeof(pid), "%d", (int)run->pid);
	r = spawn_run(&s, &out, e);
	if (r == 0)
		return note_host_end(run, d, out, e);
	if (r < 0)
		return r;
	msg = startswith(out, "lxc-user-nic: ") ?: out;
	hint = strstr(msg, "\nhint: ");
	r = err_kind(e, ERR_DENIED, -EPERM, "interface '%s' on '%s': %.*s", d->name, d->link, (int)strcspn(msg, "\n"),
		     msg);
	return hint ? err_hint(e, r, "%.*s", (int)strcspn(hint + 7, "\n"), hint + 7) : r;
}

static int net_apply(const struct op *op, struct run *run, struct err *e)
{
	if (run->netns_fd < 0) {
		/* One that is joined the process may not have reached yet. */
		run->netns_fd = run->share_fds[NS_NET] >= 0 ? fcntl(run->share_fds[NS_NET], F_DUPFD_CLOEXEC, 3)
							    : ns_open_pid(run->pid, &ns_table[NS_NET], e);
		if (run->netns_fd < 0)
			return run->netns_fd;
	}
	if (streq(op->net->type, "phys") || op->net->keep) {
		int r = netns_pin(run->dirfd, run->netns_fd, e);

		if (r == -EPERM && op->net->keep && run->opts->rootless)
			err_clear(e);
		else if (r < 0)
			return r;
	}
	return op->net->by_helper ? attach_by_helper(op->net, run, e) : net_attach(op->net, run->netns_fd, e);
}

const struct op_kind op_net_attach = { "net.attach", net_describe, net_apply };

/* a: "PROTO HOST-ADDRESS HOST-PORT ADDRESS PORT", b: the host's end of the interface that it leads to */
static int net_publish_apply(const struct op *op, struct run *run, struct err *e)
{
	struct net_port p;
	int r = net_port_parse(op->args.a, &p, e);

	if (r == 0 && p.family == AF_INET)
		r = net_hairpin(op->args.b, e);
	return r < 0 ? r : net_publish(&p, e);
}

const struct op_kind op_net_publish = { "net.publish", describe_ab, net_publish_apply };

/* a: a network script of the user with its words, on the host */
static int net_script_apply(const struct op *op, struct run *run, struct err *e)
{
	return hook_net_run(op->args.a, run->pid, e);
}

const struct op_kind op_net_script = { "net.script", describe_ab, net_script_apply };
