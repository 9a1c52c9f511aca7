/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Attach. The command's process is forked by us after we have pointed our children at the container's pid name space;
 * it enters the control group, joins all other name spaces with one setns() on init's pidfd, takes the container's
 * policy upon itself in the same order as init did, and executes. What goes wrong there comes back as an error object.
 * Nothing of the container is read on the host's side, and until exec we are not dumpable (CVE-2016-9962).
 */

#include "runtime/attach.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "runtime/child.h"
#include "runtime/join.h"
#include "runtime/relay.h"
#include "runtime/run.h"
#include "runtime/seccomp_proxy.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/caps.h"
#include "sys/ns.h"
#include "sys/passwd.h"
#include "sys/proc.h"
#include "sys/pty.h"
#include "sys/syscalls.h"

struct attach {
	const struct attach_req *q;
	const struct record *rec;
	const struct spec *spec;
	struct join join;
	struct seccomp_prog seccomp;
	enum lsm_kind lsm;
	const char *label;
	int sock, proc_fd, console_slave;
	int pdeath; /* signal that we get when our parent dies, 0: none */
	bool exec_failed;
};

/* --- the child side ------------------------------------------------------------------------------------------------------- */

/* A terminal of the container's own devpts instance, so that it has a name in there. */
static int child_pty(struct attach *a, struct err *e)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), pts = -EBADF, master = -EBADF;
	struct statfs sf;
	int r;

	pts = inroot_open_nolinks(root, "/dev/pts", O_DIRECTORY);
	if (pts >= 0 && (fstatfs(pts, &sf) < 0 || sf.f_type != DEVPTS_SUPER_MAGIC))
		pts = fd_close(pts);
	r = pty_open(pts, &master, &a->console_slave);
	if (r < 0)
		return err_set(e, r, "allocate a terminal in the container");
	r = run_send_step(a->sock, STEP_PTYS, &master, 1, NULL);
	if (r < 0)
		return err_set(e, r, "hand over the terminal");
	for (int i = 0; i < 3; i++)
		if (isatty(i) && dup2(a->console_slave, i) < 0)
			return err_set(e, -errno, "set up standard stream %d", i);
	if (setsid() < 0 || ioctl(a->console_slave, TIOCSCTTY, 0) < 0)
		return err_set(e, -errno, "take the terminal");
	return 0;
}

/* Fresh /proc and /sys of the name spaces we are in, seen by this command only. */
static int child_remount(struct err *e)
{
	static const char *const kinds[][2] = { { "proc", "/proc" }, { "sysfs", "/sys" } };
	_cleanup_close_ int root = -EBADF;
	struct mount_attr attr = { .propagation = MS_SLAVE };

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "new mount name space");
	/* Only now: what was opened before is of the mount name space that was left. */
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	(void)sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_close_ int mnt = mount_new(kinds[i][0], kinds[i][0], NULL, 0, false, e), target = -EBADF;

		if (mnt < 0)
			return mnt;
		target = inroot_open_nolinks(root, kinds[i][1], O_DIRECTORY);
		if (target < 0)
			return err_set(e, target, "open %s in the container", kinds[i][1]);
		if (mount_attach(mnt, target, e) < 0)
			return -EIO;
	}
	return 0;
}

static bool wants_no_new_privs(const struct attach *a)
{
	return a->q->no_new_privs || (a->spec->process.no_new_privs == TRI_YES && !a->q->elevated_lsm);
}

static int child_ids(struct attach *a, struct err *e)
{
	const struct attach_req *q = a->q;
	uid_t uid = q->uid >= 0 ? (uid_t)q->uid : 0;
	gid_t gid = q->gid >= 0 ? (gid_t)q->gid : 0;
	int r;

	if (!q->elevated_cap) {
		r = cap_apply_bounding(a->rec->cap_mask);
		if (r < 0)
			return err_set(e, r, "limit the capabilities");
	}
	if (setgroups(q->n_groups, q->groups) < 0 && (errno != EPERM || q->groups))
		return err_set(e, -errno, q->groups ? "set supplementary groups" : "drop supplementary groups");
	if (setresgid(gid, gid, gid) < 0)
		return err_set(e, -errno, "become group %u", gid);
	r = cap_become(uid, q->elevated_cap ? UINT64_MAX : a->rec->cap_mask,
		       a->seccomp.insns && !q->elevated_lsm && !wants_no_new_privs(a));
	return r < 0 ? err_set(e, r, "become user %u", uid) : 0;
}

static int child_cwd(struct attach *a, struct err *e)
{
	char here[4096];

	if (!(a->q->namespaces & (1u << NS_MNT)))
		return 0;
	if ((!a->q->cwd || chdir(a->q->cwd) < 0) && chdir("/") < 0)
		return err_set(e, -errno, "change to /");
	if (syscall(SYS_getcwd, here, sizeof(here)) < 0 || here[0] != '/')
		return err_kind(e, ERR_DENIED, -EPERM, "the working directory is outside the container");
	return 0;
}

/* The shell and home of the user in the container's own files, read with its root pinned and their size bounded. */
static void child_shell(struct attach *a, char *shell, size_t size)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct passwd_user user;
	char spec[16];

	snprintf(spec, sizeof(spec), "%u", a->q->uid >= 0 ? (unsigned)a->q->uid : 0);
	snprintf(shell, size, "/bin/sh");
	if (root < 0 || passwd_find(root, spec, &user, NULL) < 0)
		return;
	if (strlen(user.shell) < size)
		snprintf(shell, size, "%s", user.shell);
	setenv("HOME", user.home, 1);
}

static void exec_path(const char *file, char *const *argv)
{
	const char *path = getenv("PATH") ?: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	int saved = ENOENT;

	if (strchr(file, '/')) {
		execv(file, argv);
		return;
	}
	while (*path) {
		size_t n = strcspn(path, ":");
		char full[4096];

		if (n && snprintf(full, sizeof(full), "%.*s/%s", (int)n, path, file) < (int)sizeof(full)) {
			execv(full, argv);
			if (errno != ENOENT && errno != ENOTDIR)
				saved = errno;
		}
		path += n + (path[n] == ':');
	}
	errno = saved;
}

/* What an exec would have dropped: the capability that loading a policy takes. */
static int drop_admin(const struct attach *a)
{
	uint64_t mask = a->q->elevated_cap ? UINT64_MAX : a->rec->cap_mask;
	struct cap_sets s;
	int r = caps_get(&s);

	if (r < 0)
		return r;
	if (a->q->uid > 0)
		mask = 0;
	if (!(s.permitted & ~mask))
		return 0;
	s.permitted &= mask;
	s.effective = s.permitted;
	return caps_set(&s);
}

static int child_call(struct attach *a, struct err *e)
{
	int r = drop_admin(a);

	if (r < 0)
		return err_set(e, r, "limit the capabilities");
	r = run_send_step(a->sock, STEP_READY, NULL, 0, NULL);
	if (r < 0)
		return err_set(e, r, "tell that all is set up");
	/* What the caller's program had registered to be done at its own end is not done here. */
	a->sock = fd_close(a->sock);
	_exit(a->q->fn(a->q->arg));
}

static int child_stdio(const int *fds, struct err *e)
{
	int copies[3];

	/* Away from 0 to 2 first: one may be another's number. */
	for (int i = 0; i < 3; i++) {
		copies[i] = fds[i] < 0 ? -EBADF : fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (fds[i] >= 0 && copies[i] < 0)
			return err_set(e, -errno, "standard stream %d", i);
	}
	for (int i = 0; i < 3; i++)
		if (copies[i] >= 0 && dup2(copies[i], i) < 0)
			return err_set(e, -errno, "set up standard stream %d", i);
	for (int i = 0; i < 3; i++)
		fd_close(copies[i]);
	return 0;
}

static int child_run(struct attach *a, struct err *e)
{
	char shell[4096], *shell_argv[] = { shell, NULL };
	char *const *argv = a->q->argv;
	int notify = -EBADF, r;
	sigset_t none;

	environ = (char **)a->q->envp;
	if (!argv && !a->q->fn) {
		child_shell(a, shell, sizeof(shell));
		argv = shell_argv;
	}
	if (wants_no_new_privs(a) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, -errno, "set no_new_privs");
	for (int sig = 1; sig <= SIGRTMAX && !a->q->fn; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Where our life hangs on that of who called us, the command's hangs on ours: lxc-ls gives up on one that hangs. */
	if (a->pdeath)
		prctl(PR_SET_PDEATHSIG, a->pdeath);
	sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	if (!a->q->elevated_lsm) {
		if (a->seccomp.has_notify && a->spec->security.seccomp_proxy)
			r = child_load_filter(&a->seccomp, a->sock, e);
		else if ((r = seccomp_apply(&a->seccomp, &notify)) < 0)
			err_set(e, r, "load the container's seccomp policy");
		if (r < 0)
			return r;
	}
	if (a->q->fn)
		return child_call(a, e);
	exec_path(argv[0], argv);
	r = -errno;
	/* No shell where passwd says: any shell. */
	if (!a->q->argv && r == -ENOENT) {
		snprintf(shell, sizeof(shell), "/bin/sh");
		exec_path(shell, argv);
	}
	a->exec_failed = true;
	return err_set(e, r, "execute %s", argv[0]);
}

static int child_setup(struct attach *a, struct err *e)
{
	int r;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (a->q->stdio) {
		r = child_stdio(a->q->stdio, e);
		if (r < 0)
			return r;
	}
	r = join_group(&a->join, e);
	if (r < 0)
		return r;
	if (a->label && !a->q->elevated_lsm && a->lsm != LSM_NONE)
		a->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = join_rest(&a->join, e);
	if (r < 0)
		return r;
	if (a->q->remount) {
		r = child_remount(e);
		if (r < 0)
			return r;
	}
	r = child_cwd(a, e);
	if (r == 0 && a->q->pty)
		r = child_pty(a, e);
	if (r == 0 && a->proc_fd >= 0) {
		r = a->q->label_now ? lsm_apply_now(a->lsm, a->proc_fd, a->label)
				    : lsm_apply_exec(a->lsm, a->proc_fd, a->label);
		if (r < 0)
			err_set(e, r, "set security label '%s'", a->label);
	}
	if (r == 0 && a->q->set_personality && personality(a->q->personality) < 0)
		r = err_set(e, -errno, "set the personality");
	if (r == 0)
		r = child_ids(a, e);
	return r == 0 ? child_run(a, e) : r;
}

/* --- our side --------------------------------------------------------------------------------------------------------------- */

static int prepare(struct attach *a, int dirfd, struct cg_host **ret_host, struct err *e)
{
	int r;

	a->join.pidfd = proc_open(a->rec->pid, a->rec->pid_start);
	if (a->join.pidfd < 0)
		return err_kind(e, ERR_STATE, a->join.pidfd, "container %s is not running", a->rec->name);
	if (prctl(PR_GET_PDEATHSIG, &a->pdeath) < 0)
		a->pdeath = 0;
	for (int i = 0; i < NS_MAX; i++)
		if (a->q->namespaces & (1u << i))
			a->join.flags |= ns_table[i].flag;
	if (!a->q->elevated_cgroup && a->rec->cgroup) {
		r = cg_host_open(NULL, ret_host, e);
		if (r == 0)
			r = cg_open(*ret_host, a->rec->cgroup, &a->join.cg, e);
		if (r < 0)
			return r;
	}
	if (a->q->elevated_lsm)
		return 0;
	a->label = a->q->label ?: a->rec->lsm_label;
	if (a->label)
		a->lsm = lsm_active();
	return seccomp_prog_load(dirfd, "seccomp", &a->seccomp, e);
}

/* Until the exec has closed the child's end: a terminal, an error, or nothing. */
static int await_child(const struct attach *a, int sock, int *ret_master, struct err *e)
{
	const struct proxy_conf proxy = {
		.address = a->spec->security.seccomp_proxy,
		.cookie = a->spec->security.seccomp_cookie,
		.monitor = a->rec->keeper,
		.init = a->rec->pid,
	};

	for (;;) {
		int fd[1];
		size_t n = 1;
		pid_t asker;
		int r = run_recv_step(sock, fd, &n, e);

		if (r == STEP_PTYS && n == 1)
			*ret_master = fd[0];
		else if (r == STEP_NOTIFY && n == 1) {
			r = seccomp_proxy_start(&proxy, fd[0], &asker, e);
			fd_close(fd[0]);
			if (r < 0)
				return r;
		} else if (r == STEP_READY)
			return 0;
		else if (r == -EPIPE || r == -ECONNRESET)
			return 0;
		else if (r < 0)
			return r;
	}
}

/*
 * The command has the new terminal for those of its streams that were terminals, and the others as they are: what comes over
 * a pipe is its to read, not ours. As with LXC, what is typed meanwhile goes to the new terminal all the same, unless we
 * are in the background, where a terminal is not read from.
 */
static int relay(const struct attach_req *q, int master, struct err *e)
{
	static const int own[] = { 0, 1, 2 };
	const int *fds = q->stdio ?: own;
	struct relay_ends ends = { -EBADF, fds[1] };

	for (int i = 0; i < 3; i++) {
		int fd = fds[(i + 1) % 3]; /* where it is shown: output, errors, and only then input */

		if (!isatty(fd))
			continue;
		ends.out = fd;
		if (tcgetpgrp(fd) == getpgrp())
			ends.in = fd;
		break;
	}
	if (isatty(fds[0]))
		ends.in = fds[0];
	return q->pty_log_fd > 0 ? relay_logged(master, &ends, q->pty_log_fd, NULL, e)
				 : relay_terminal(master, &ends, q->pty_log, NULL, e);
}

int attach_start(int dirfd, const struct record *rec, const struct spec *spec, const struct attach_req *q,
		 pid_t *ret_pid, struct err *e)
{
	struct attach a = {
		.q = q,
		.rec = rec,
		.spec = spec,
		.join = { .pidfd = -EBADF, .by_libc = q->fn != NULL },
		.proc_fd = -EBADF,
		.console_slave = -EBADF,
	};
	_cleanup_(cg_host_freep) struct cg_host *host = NULL;
	_cleanup_close_ int mine = -EBADF, master = -EBADF;
	int pair[2], r;
	pid_t pid;

	*ret_pid = 0;
	r = prepare(&a, dirfd, &host, e);
	if (r < 0)
		goto out;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		r = err_set(e, -errno, "make a socket pair");
		goto out;
	}
	mine = pair[0];
	a.sock = pair[1];
	pid = join_fork(&a.join, e);
	if (pid == 0) {
		struct err ce = { 0 };

		fd_close(mine);
		r = child_setup(&a, &ce);
		if (!ce.code)
			err_set(&ce, r, "attach");
		run_send_step(a.sock, STEP_ERROR, NULL, 0, &ce);
		/* What a shell says of a command that it cannot find or execute. */
		_exit(!a.exec_failed ? 1 : ce.code == -ENOENT ? 127 : 126);
	}
	fd_close(a.sock);
	r = pid < 0 ? pid : await_child(&a, mine, &master, e);
	if (pid > 0)
		*ret_pid = pid;
	if (r == 0 && master >= 0)
		r = relay(q, master, e);
out:
	fd_close(a.join.pidfd);
	cg_free(a.join.cg);
	seccomp_prog_done(&a.seccomp);
	return r;
}

int attach_run(int dirfd, const struct record *rec, const struct spec *spec, const struct attach_req *q,
	       int *ret_status, struct err *e)
{
	int status = 0, r;
	pid_t pid;

	r = attach_start(dirfd, rec, spec, q, &pid, e);
	if (pid > 0)
		while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
			;
	*ret_status = status;
	return r;
}
