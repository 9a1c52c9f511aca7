/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a program that starts a container itself may do to its own process, a library may not do to its caller's: signal
 * masks and handlers, the umask, children that are reaped by whoever waits for any. So it is done by a child, and a
 * supervisor that it leaves behind is nobody's child when it ends.
 *
 * While a container runs in the foreground, its supervisor is asked to end, and the like, by a signal to the caller: those
 * are passed on. All other work is undone when the caller ends.
 */

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "liblxc/liblxc.h"

static const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };

struct answer {
	struct err err;
	char result[64];
};

static _noreturn_ void work(int sock, pid_t parent, int (*fn)(void *arg, struct err *e), void *arg, const void *result,
			    size_t n)
{
	struct answer a = { 0 };
	int r;

	/* The caller's handlers are about the caller's business. */
	for (int sig = 1; sig < SIGRTMAX; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	/* Asked to end, not killed: what is half done is undone. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	r = fn(arg, &a.err);
	if (r < 0 && !a.err.code)
		err_set(&a.err, r, "work");
	if (result)
		memcpy(a.result, result, n);
	(void)fd_send(sock, &a, sizeof(a), NULL, 0);
	_exit(0);
}

/* Until the worker has answered or died; signals go to it. */
static ssize_t await(int sock, int sigfd, pid_t pid, struct answer *a)
{
	struct pollfd p[] = { { .fd = sock, .events = POLLIN }, { .fd = sigfd, .events = POLLIN } };

	for (;;) {
		struct signalfd_siginfo si;

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents && read(sigfd, &si, sizeof(si)) == sizeof(si)) {
			/* What a terminal sends has gone to both of us. */
			if (si.ssi_code <= 0)
				kill(pid, (int)si.ssi_signo);
		} else if (p[0].revents)
			return fd_recv(sock, a, sizeof(*a), NULL, NULL);
	}
}

int worker_call(int (*fn)(void *arg, struct err *e), void *arg, bool pass_signals, void *result, size_t n,
		struct err *e)
{
	_cleanup_close_ int mine = -EBADF, theirs = -EBADF, sigfd = -EBADF;
	struct answer a = { 0 };
	pid_t parent = getpid(), pid;
	sigset_t set, old;
	ssize_t got;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	mine = pair[0];
	theirs = pair[1];
	sigemptyset(&set);
	pthread_sigmask(SIG_SETMASK, NULL, &old);
	/* What the caller has blocked he wants for himself. */
	for (size_t i = 0; pass_signals && i < ARRAY_SIZE(passed_on); i++)
		if (!sigismember(&old, passed_on[i]))
			sigaddset(&set, passed_on[i]);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigfd < 0)
		return err_set(e, -errno, "watch for signals");
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (pid == 0) {
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		fd_close(mine);
		fd_close(sigfd);
		work(theirs, parent, fn, arg, result, n);
	}
	theirs = fd_close(theirs);
	got = pid < 0 ? -errno : await(mine, sigfd, pid, &a);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0)
		return err_set(e, (int)got, "fork");
	if (got != sizeof(a))
		return err_kind(e, ERR_STATE, -ECHILD, "the process that worked on it was killed");
	if (result)
		memcpy(result, a.result, n);
	if (a.err.code && e)
		*e = a.err;
	return a.err.code;
}
