/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/seccomp_proxy.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/syscalls.h"

#define NOTIF_MAX  512 /* of either structure, whatever the kernel adds */
#define COOKIE_MAX 4096
#define ANSWER_MS  60000

struct proxy {
	const struct proxy_conf *c;
	int listener, sock;
	struct seccomp_notif_sizes sizes;
	_Alignas(8) char notif[NOTIF_MAX], resp[NOTIF_MAX];
};

static int connect_to(const char *address)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *path = address + strlen("unix:");
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	size_t n = strlen(path);

	if (fd < 0)
		return -errno;
	if (n >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, n);
	if (*path == '@')
		addr.sun_path[0] = '\0';
	if (connect(fd, (const struct sockaddr *)&addr,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*path != '@'))) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static struct seccomp_notif *notif(struct proxy *p)
{
	return (struct seccomp_notif *)p->notif;
}

static struct seccomp_notif_resp *resp(struct proxy *p)
{
	return (struct seccomp_notif_resp *)p->resp;
}

/* The process that waits, by fds that stay its: the number is checked after they are open. */
static int open_caller(struct proxy *p, int fds[static 2])
{
	char path[64];
	uint64_t id = notif(p)->id;

	snprintf(path, sizeof(path), "/proc/%u", notif(p)->pid);
	fds[0] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/%u/mem", notif(p)->pid);
	fds[1] = open(path, O_RDWR | O_CLOEXEC);
	if (fds[0] < 0 || fds[1] < 0 || ioctl(p->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0) {
		fds_close_many(fds, 2);
		return -ESRCH;
	}
	return 0;
}

static int send_question(struct proxy *p, const int fds[static 2])
{
	struct proxy_msg m = {
		.monitor_pid = p->c->monitor,
		.init_pid = p->c->init,
		.sizes = p->sizes,
		.cookie_len = p->c->cookie ? strnlen(p->c->cookie, COOKIE_MAX) : 0,
	};
	char all[sizeof(m) + NOTIF_MAX * 2 + COOKIE_MAX], *to = all;
	const int pass[3] = { fds[0], fds[1], p->listener };
	ssize_t r;

	memcpy(to, &m, sizeof(m));
	to += sizeof(m);
	memcpy(to, p->notif, p->sizes.seccomp_notif);
	to += p->sizes.seccomp_notif;
	memcpy(to, p->resp, p->sizes.seccomp_notif_resp);
	to += p->sizes.seccomp_notif_resp;
	if (m.cookie_len)
		memcpy(to, p->c->cookie, m.cookie_len);
	to += m.cookie_len;
	r = fd_send(p->sock, all, (size_t)(to - all), pass, 3);
	return r < 0 ? (int)r : 0;
}

/* 0 with the response in place; what is not an answer to this very question is none. */
static int take_answer(struct proxy *p)
{
	struct pollfd w = { .fd = p->sock, .events = POLLIN };
	struct proxy_msg m;
	char all[sizeof(m) + NOTIF_MAX * 2 + COOKIE_MAX];
	size_t base = sizeof(m) + p->sizes.seccomp_notif + p->sizes.seccomp_notif_resp;
	const char *from = all + sizeof(m) + p->sizes.seccomp_notif;
	ssize_t n;

	if (poll(&w, 1, ANSWER_MS) <= 0)
		return -ETIMEDOUT;
	n = fd_recv(p->sock, all, sizeof(all), NULL, NULL);
	if (n < (ssize_t)base)
		return n < 0 ? (int)n : -EPROTO;
	memcpy(&m, all, sizeof(m));
	memcpy(p->resp, from, p->sizes.seccomp_notif_resp);
	if (m.reserved != 0 || resp(p)->id != notif(p)->id)
		return -EPROTO;
	return 0;
}

static int ask(struct proxy *p, const int fds[static 2])
{
	int r = p->sock >= 0 ? send_question(p, fds) : -ENOTCONN;

	/* The program may have been started anew since. */
	if (r < 0) {
		fd_close(p->sock);
		p->sock = connect_to(p->c->address);
		r = p->sock < 0 ? p->sock : send_question(p, fds);
	}
	if (r == 0)
		r = take_answer(p);
	if (r < 0)
		p->sock = fd_close(p->sock);
	return r;
}

static void serve_one(struct proxy *p)
{
	int fds[2];

	memset(p->notif, 0, sizeof(p->notif));
	memset(p->resp, 0, sizeof(p->resp));
	if (ioctl(p->listener, SECCOMP_IOCTL_NOTIF_RECV, p->notif) < 0)
		return;
	resp(p)->id = notif(p)->id;
	if (open_caller(p, fds) < 0)
		return;
	if (ask(p, fds) < 0) {
		memset(p->resp, 0, sizeof(p->resp));
		resp(p)->id = notif(p)->id;
		resp(p)->error = -ENOSYS;
	}
	fds_close_many(fds, 2);
	(void)ioctl(p->listener, SECCOMP_IOCTL_NOTIF_SEND, p->resp);
}

static _noreturn_ void proxy_process(const struct proxy_conf *c, int listener)
{
	struct proxy p = { .c = c, .listener = 3, .sock = -EBADF };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	if (listener != 3)
		dup2(listener, 3);
	sys_close_range(4, ~0u, 0);
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	prctl(PR_SET_PDEATHSIG, 0);
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "creel-seccomp");
	if (chdir("/") < 0 || syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &p.sizes) < 0 ||
	    p.sizes.seccomp_notif > NOTIF_MAX || p.sizes.seccomp_notif_resp > NOTIF_MAX)
		_exit(1);
	for (;;) {
		struct pollfd w = { .fd = p.listener, .events = POLLIN };

		if (poll(&w, 1, -1) < 0 && errno != EINTR)
			_exit(1);
		if (w.revents & POLLIN)
			serve_one(&p);
		else if (w.revents)
			_exit(0); /* nobody is under the filter any more */
	}
}

int seccomp_proxy_start(const struct proxy_conf *c, int listener, pid_t *ret_pid, struct err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_set(e, -errno, "fork the seccomp proxy");
	if (pid == 0)
		proxy_process(c, listener);
	*ret_pid = pid;
	return 0;
}
