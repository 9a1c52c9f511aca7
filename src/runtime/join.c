/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/join.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "spec/spec.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

static bool is_refusal(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT;
}

/* An ordinary user may not move everybody everywhere: who comes from another session stays in that one's group, unless
 * the user's service manager moves him. Nothing of the container's needs it to be otherwise. */
static int attach_where_allowed(struct join *j, pid_t pid, struct err *e)
{
	int r = j->cg ? cg_attach(j->cg, pid, false, e) : 0;

	if (is_refusal(r)) {
		err_clear(e);
		return 0;
	}
	return r;
}

/* By way of a process of its own: it joins (the user name space first, which cannot be left again), makes the command's
 * process as our child, tells its number, and ends. The child waits until it has been put into the group: from inside it
 * could not do so. */
static pid_t fork_by_proxy(struct join *j, struct err *e)
{
	unsigned first = j->flags & (CLONE_NEWUSER | CLONE_NEWPID);
	struct clone_args args = { .flags = CLONE_PARENT, .exit_signal = 0 };
	_cleanup_close_ int mine = -EBADF, go = -EBADF;
	int pair[2], gate[2], status, r;
	pid_t pid, made = 0;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(e, -errno, "make a pipe");
	mine = pair[0];
	if (pipe2(gate, O_CLOEXEC) < 0) {
		fd_close(pair[1]);
		return err_set(e, -errno, "make a pipe");
	}
	go = gate[1];
	pid = fork();
	if (pid == 0) {
		char c;

		if (first && setns(j->pidfd, (int)first) < 0)
			_exit(255);
		j->flags &= ~first;
		made = sys_clone3(&args);
		if (made != 0)
			_exit(made < 0 || write(pair[1], &made, sizeof(made)) != sizeof(made) ? 255 : 0);
		/* It was joined by the proxy, and we are its child. */
		fd_close(pair[1]);
		go = fd_close(go);
		while (read(gate[0], &c, 1) < 0 && errno == EINTR)
			;
		fd_close(gate[0]);
		j->in_cg = true;
		return 0;
	}
	fd_close(pair[1]);
	fd_close(gate[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0 || read(mine, &made, sizeof(made)) != sizeof(made))
		return err_set(e, -EPERM, "join the container's user and pid name spaces");
	r = attach_where_allowed(j, made, e);
	if (r == 0)
		return made;
	(void)kill(made, SIGKILL);
	while (waitpid(made, NULL, __WALL) < 0 && errno == EINTR)
		;
	return r;
}

/* Into the container's v2 group by birth: to be moved there afterwards waits for an RCU grace period, which is longer than
 * all the rest. */
static pid_t fork_into_group(struct join *j)
{
	_cleanup_close_ int fd = j->cg && !j->by_libc ? cg_v2_fd(j->cg) : -EBADF;
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };
	pid_t pid;

	if (fd < 0)
		return fork();
	args.cgroup = (uint64_t)fd;
	j->in_v2 = true;
	pid = sys_clone3(&args);
	if (pid >= 0)
		return pid;
	j->in_v2 = false;
	return fork();
}

pid_t join_fork(struct join *j, struct err *e)
{
	_cleanup_close_ int own = -EBADF;
	pid_t pid;

	if (geteuid() != 0 && (j->flags & CLONE_NEWPID || !j->by_libc))
		return fork_by_proxy(j, e);
	if (!(j->flags & CLONE_NEWPID)) {
		pid = fork_into_group(j);
		return pid < 0 ? err_set(e, pid == -1 ? -errno : pid, "fork") : pid;
	}
	/* With the host's rights that is one fork, between two changes of where our children are born; who could not come
	 * back goes by proxy. */
	own = sys_pidfd_open(getpid(), 0);
	if (own < 0)
		return err_set(e, own, "open ourselves");
	if (setns(own, CLONE_NEWPID) < 0)
		return fork_by_proxy(j, e);
	if (setns(j->pidfd, CLONE_NEWPID) < 0)
		return err_set(e, -errno, "join the container's pid name space");
	j->flags &= ~(unsigned)CLONE_NEWPID;
	pid = fork_into_group(j);
	if (pid != 0 && setns(own, CLONE_NEWPID) < 0)
		return err_set(e, -errno, "return to our own pid name space");
	return pid < 0 ? err_set(e, -errno, "fork") : pid;
}

int join_group(const struct join *j, struct err *e)
{
	int r = j->cg && !j->in_cg ? cg_attach(j->cg, 0, j->in_v2, e) : 0;

	if (r < 0 && geteuid() != 0 && is_refusal(r)) {
		err_clear(e);
		return 0;
	}
	return r;
}

int join_rest(struct join *j, struct err *e)
{
	if (j->flags && setns(j->pidfd, (int)j->flags) < 0)
		return err_set(e, -errno, "join the container's name spaces");
	if (j->flags & CLONE_NEWUSER && (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) &&
	    errno != EPERM)
		return err_set(e, -errno, "become root of the container");
	return 0;
}

int join_flags(pid_t pid, unsigned made, unsigned *ret, struct err *e)
{
	unsigned flags = 0;

	for (const struct ns_info *ns = ns_table; ns->name; ns++) {
		ino_t own, its;
		int r;

		/* Our own user name space cannot be joined, so that one is compared always. */
		if (made & 1u << (ns - ns_table) && ns->flag != CLONE_NEWUSER) {
			flags |= ns->flag;
			continue;
		}
		if (ns_ino(getpid(), ns, &own) < 0)
			continue; /* a kind that this kernel does not have */
		r = ns_ino(pid, ns, &its);
		if (r < 0)
			return err_set(e, r, "look at the container's %s name space", ns->name);
		if (own != its)
			flags |= ns->flag;
	}
	*ret = flags;
	return 0;
}
