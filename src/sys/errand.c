/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/errand.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

static _noreturn_ void child(int sock, int (*fn)(int sock, int *ret_fd, void *arg, struct err *e), void *arg)
{
	struct err answer = { 0 };
	int fd = -EBADF, r;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	r = fn(sock, &fd, arg, &answer);
	if (r < 0 && !answer.code)
		err_set(&answer, r, "work in a process of its own");
	(void)fd_send(sock, &answer, sizeof(answer), &fd, fd >= 0);
	while (read(sock, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int errand_start(struct errand *h, int (*fn)(int sock, int *ret_fd, void *arg, struct err *e), void *arg, struct err *e)
{
	int pair[2], r = 0;

	*h = (struct errand){ .sock = -EBADF };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	h->sock = pair[0];
	h->pid = fork();
	if (h->pid == 0) {
		fd_close(pair[0]);
		child(pair[1], fn, arg);
	}
	if (h->pid < 0) {
		r = err_set(e, -errno, "fork");
		h->pid = 0;
		h->sock = fd_close(h->sock);
	}
	fd_close(pair[1]);
	return r;
}

bool errand_word(struct errand *h)
{
	ssize_t n;
	char c;

	do
		n = recv(h->sock, &c, 1, MSG_PEEK | MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	return n == 1 && fd_recv(h->sock, &c, 1, NULL, NULL) == 1;
}

int errand_answer(struct errand *h, int *ret_fd, const char *what, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct err answer = { 0 };
	size_t n = 1;

	if (ret_fd)
		*ret_fd = -EBADF;
	if (fd_recv(h->sock, &answer, sizeof(answer), &fd, &n) != sizeof(answer))
		return err_kind(e, ERR_STATE, -ECHILD, "%s was killed", what);
	if (answer.code && e)
		*e = answer;
	if (answer.code == 0 && ret_fd)
		*ret_fd = TAKE_FD(fd);
	return answer.code;
}

void errand_end(struct errand *h)
{
	h->sock = fd_close(h->sock);
	/* A caller that ignores SIGCHLD has no status to collect. */
	while (h->pid > 0 && waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
	h->pid = 0;
}
