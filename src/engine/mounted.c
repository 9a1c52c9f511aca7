/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Work on a root file system that is no directory: by a process of its own, in whose mount name space it is mounted. So
 * nobody else sees it, and a kill leaves nothing mounted. */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/copy-inner.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

int root_mount_here(const struct store_ref *root, const char *where, struct err *e)
{
	_cleanup_close_ int mnt = -EBADF, target = -EBADF;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "create a mount name space");
	r = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	if (r < 0)
		return err_set(e, r, "make mounts private");
	mnt = root->driver->open_tree(root, NULL, e);
	if (mnt < 0)
		return mnt;
	target = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return err_set(e, -errno, "open %s", where);
	return mount_attach(mnt, target, e);
}

/* The answer; a signal that would end us ends the other first, so that we can clean up after it. */
static ssize_t wait_answer(int sock, pid_t pid, const sigset_t *set, struct err *answer)
{
	_cleanup_close_ int sigs = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

	for (;;) {
		struct pollfd p[] = { { .fd = sock, .events = POLLIN }, { .fd = sigs, .events = POLLIN } };
		struct signalfd_siginfo info;

		if (poll(p, sigs < 0 ? 1 : 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (p[0].revents)
			return fd_recv(sock, answer, sizeof(*answer), NULL, NULL);
		if (sigs >= 0 && p[1].revents && read(sigs, &info, sizeof(info)) == sizeof(info))
			kill(pid, SIGTERM);
	}
}

int with_root_mounted(const struct store_ref *root, const char *where, int (*fn)(void *arg, struct err *e), void *arg,
		      struct err *e)
{
	struct err answer = { 0 };
	sigset_t set, old;
	int pair[2], r;
	ssize_t got;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		r = root_mount_here(root, where, &answer);
		if (r == 0)
			r = fn(arg, &answer);
		if (r < 0 && !answer.code)
			err_set(&answer, r, "work on the root file system %s", root->src);
		(void)fd_send(pair[1], &answer, sizeof(answer), NULL, 0);
		_exit(0);
	}
	r = pid < 0 ? err_set(e, -errno, "fork") : 0;
	fd_close(pair[1]);
	got = pid < 0 ? 0 : wait_answer(pair[0], pid, &set, &answer);
	fd_close(pair[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (r < 0)
		return r;
	if (root->driver->release)
		(void)root->driver->release(root, NULL);
	if (got != sizeof(answer))
		return err_kind(e, ERR_STATE, -ECHILD, "the process that works on %s was killed", root->src);
	if (answer.code && e)
		*e = answer;
	return answer.code;
}
