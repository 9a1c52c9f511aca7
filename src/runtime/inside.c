/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/inside.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/join.h"
#include "sys/proc.h"

static _noreturn_ void inside_child(struct join *j, int sock, int (*fn)(void *arg, struct err *e), void *arg)
{
	struct err e = { 0 };
	int r;

	/* Nothing inside looks into us: we have the host's descriptors open (CVE-2016-9962). */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = join_rest(j, &e);
	if (r == 0)
		r = fn(arg, &e);
	if (r < 0 && !e.code)
		err_set(&e, r, "work in the container");
	(void)fd_send(sock, &e, sizeof(e), NULL, 0);
	_exit(0);
}

int inside_call(const struct record *rec, unsigned flags, int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	_cleanup_close_ int mine = -EBADF, theirs = -EBADF, pidfd = -EBADF;
	struct join j = { .flags = flags };
	struct err answer = { 0 };
	int pair[2];
	ssize_t got;
	pid_t pid;

	pidfd = proc_open(rec->pid, rec->pid_start);
	if (pidfd < 0)
		return err_kind(e, ERR_STATE, pidfd, "container %s is not running", rec->name);
	j.pidfd = pidfd;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	mine = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "fork");
	if (pid == 0) {
		fd_close(mine);
		inside_child(&j, theirs, fn, arg);
	}
	theirs = fd_close(theirs);
	got = fd_recv(mine, &answer, sizeof(answer), NULL, NULL);
	/* Its word is what counts: a caller that ignores SIGCHLD has no status to collect. */
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (got != sizeof(answer))
		return err_kind(e, ERR_STATE, -ECHILD, "the process in the container was killed");
	if (answer.code && e)
		*e = answer;
	return answer.code;
}

int inside_root(const struct record *rec, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)rec->pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return err_set(e, -errno, "open the container's root");
	/* Looked at afterwards: the number was its own when we opened. */
	if (fd < 0 || !proc_alive(rec->pid, rec->pid_start))
		return err_kind(e, ERR_STATE, -ESRCH, "container %s is not running", rec->name);
	return TAKE_FD(fd);
}
