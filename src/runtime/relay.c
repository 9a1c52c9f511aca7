/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/keeper_proto.h"
#include "sys/pty.h"

#define HANGUP_MS 100 /* until a terminal that hung up is looked at again */
#define LEAVE_MS  500 /* silence after the end of standard input */

struct relay {
	int sigfd;
	int in, out;  /* the caller's terminal */
	int fd;	      /* pty master, or the keeper's socket */
	bool packets; /* fd is the socket: KR_DATA each way */
	int sock; /* beside a terminal's master: the keeper's socket, closed when the container ends. -EBADF: none */
	int log;
	int escape;    /* -1: none */
	bool escaping; /* the escape was typed, the next key decides */
	struct termios saved;
	bool raw;
	sigset_t old_mask;
	const struct relay_watch *watch;
};

static void relay_done(struct relay *r)
{
	if (r->raw)
		pty_restore(r->in, &r->saved);
	fd_close(r->sigfd);
	sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
}

static int relay_begin(struct relay *r, struct err *e)
{
	struct termios ours, theirs;
	sigset_t set;

	sigemptyset(&set);
	if (r->watch)
		sigfillset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &r->old_mask);
	r->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r->sigfd < 0)
		return err_set(e, -errno, "watch the terminal's size");
	r->raw = pty_raw(r->in, &r->saved) == 0;
	/* Lines that come as new-lines alone are ended by our own terminal. */
	if (r->raw && !r->packets && tcgetattr(r->fd, &theirs) == 0 && !(theirs.c_oflag & ONLCR) &&
	    tcgetattr(r->in, &ours) == 0) {
		ours.c_oflag |= OPOST | ONLCR;
		tcsetattr(r->in, TCSADRAIN, &ours);
	}
	return 0;
}

static void send_size(const struct relay *r)
{
	struct keeper_req q = { .type = KR_WINSIZE };
	struct winsize ws;

	if (!r->packets) {
		(void)pty_copy_size(r->out, r->fd);
		return;
	}
	/* One that nobody has given a size says nothing of the console's. */
	if (ioctl(r->out, TIOCGWINSZ, &ws) == 0 && ws.ws_row) {
		q.arg = (int32_t)((uint32_t)ws.ws_row << 16 | ws.ws_col);
		(void)fd_send(r->fd, &q, sizeof(q), NULL, 0);
	}
}

/* One chunk towards the container. */
static int put(const struct relay *r, const char *p, size_t n)
{
	char buf[sizeof(struct keeper_req) + KEEPER_DATA_MAX];
	struct keeper_req q = { .type = KR_DATA };

	if (!r->packets) {
		int x = fd_write_all(r->fd, p, n);

		/* Its input queue is full (the master does not block): what does not fit is lost, as on a serial line. */
		return x == -EAGAIN ? 0 : x;
	}
	memcpy(buf, &q, sizeof(q));
	memcpy(buf + sizeof(q), p, n);
	ssize_t x = fd_send(r->fd, buf, sizeof(q) + n, NULL, 0);

	return x < 0 ? (int)x : 0;
}

/* What was typed. 1: the user asked to leave. */
static int from_user(struct relay *r)
{
	char buf[KEEPER_DATA_MAX / 2], out[KEEPER_DATA_MAX];
	ssize_t n = read(r->in, buf, sizeof(buf));
	size_t k = 0;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return -EPIPE;
	for (ssize_t i = 0; i < n; i++) {
		if (r->escaping) {
			r->escaping = false;
			if (buf[i] == 'q')
				return 1;
			/* Twice: itself once. Anything else: both. */
			if (buf[i] != (char)r->escape)
				out[k++] = (char)r->escape;
			out[k++] = buf[i];
		} else if (r->escape >= 0 && buf[i] == (char)r->escape) {
			r->escaping = true;
		} else {
			out[k++] = buf[i];
		}
	}
	return k ? put(r, out, k) : 0;
}

static int from_container(struct relay *r)
{
	char buf[sizeof(struct keeper_req) + KEEPER_DATA_MAX];
	size_t head = r->packets ? sizeof(struct keeper_req) : 0;
	ssize_t n = r->packets ? recv(r->fd, buf, sizeof(buf), 0) : read(r->fd, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= (ssize_t)head)
		return -EIO;
	if (r->log >= 0)
		(void)fd_write_all(r->log, buf + head, (size_t)n - head);
	return fd_write_all(r->out, buf + head, (size_t)n - head);
}

static void from_signals(const struct relay *r)
{
	struct signalfd_siginfo si;

	while (read(r->sigfd, &si, sizeof(si)) == sizeof(si))
		if (si.ssi_signo == SIGWINCH)
			send_size(r);
		else if (r->watch)
			r->watch->signal(r->watch->arg, (int)si.ssi_signo);
}

/* Returns true when the user leaves. */
static bool take_input(struct relay *r, struct pollfd *in, bool *leaving)
{
	int x = from_user(r);

	/* -EIO: typed while nobody has the terminal open; lost, as on a line without a modem. */
	if (x < 0 && (x != -EIO || r->sock < 0)) {
		in->fd = -EBADF;
		*leaving = r->sock >= 0;
	}
	return x == 1;
}

/*
 * Until either side closes (0) or the user leaves (0). A terminal that nobody has open inside answers with a hang-up
 * as long as that lasts: between two gettys, or before the first. It is looked at again, slowly, until the container
 * itself is gone.
 */
static int relay_loop(struct relay *r)
{
	struct pollfd p[] = {
		{ .fd = r->sigfd, .events = POLLIN },
		{ .fd = r->fd, .events = POLLIN },
		{ .fd = r->in, .events = POLLIN },
		{ .fd = r->sock, .events = POLLIN },
		{ .fd = r->watch ? r->watch->fd : -EBADF, .events = POLLIN },
	};
	bool hung_up = false, leaving = false;

	send_size(r);
	for (;;) {
		int n = poll(p, ARRAY_SIZE(p), leaving ? LEAVE_MS : hung_up ? HANGUP_MS : -1), x = 0;

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n < 0)
			continue;
		if (n == 0 && leaving)
			return 0;
		if (p[0].revents)
			from_signals(r);
		if (r->watch && p[4].revents)
			r->watch->ready(r->watch->arg);
		/* Output first: what the command said last is shown before its hang-up is believed. */
		if (p[1].revents)
			x = from_container(r);
		if (x < 0 && (x != -EIO || r->sock < 0))
			return 0;
		hung_up = x < 0;
		p[1].fd = hung_up ? -EBADF : r->fd;
		if (p[3].revents && (hung_up || !(p[1].revents & POLLIN)))
			return 0;
		if (p[2].revents && take_input(r, &p[2], &leaving))
			return 0;
	}
}

int relay_logged(int master, const struct relay_ends *ends, int log_fd, const struct relay_watch *watch, struct err *e)
{
	struct relay r = {
		.sigfd = -EBADF,
		.in = ends ? ends->in : 0,
		.out = ends ? ends->out : 1,
		.fd = master,
		.sock = -EBADF,
		.log = log_fd,
		.escape = -1,
		.watch = watch,
	};
	int x = relay_begin(&r, e);

	if (x == 0)
		x = relay_loop(&r);
	relay_done(&r);
	return x;
}

int relay_terminal(int master, const struct relay_ends *ends, const char *log, const struct relay_watch *watch,
		   struct err *e)
{
	_cleanup_close_ int fd = -EBADF;

	if (log) {
		fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
		if (fd < 0)
			return err_set(e, -errno, "open %s", log);
	}
	return relay_logged(master, ends, fd, watch, e);
}

int keeper_connect(int dirfd, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_set(e, -errno, "make a socket");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/sock", dirfd);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_set(e, -errno, "connect to the container's keeper");
	return TAKE_FD(fd);
}

static int request_tty(int sock, int tty, int *ret_fd, int *ret_tty, struct err *e)
{
	struct keeper_req q = { .type = tty == 0 ? KR_CONSOLE : KR_TTY, .arg = tty };
	struct keeper_rep rep = { 0 };
	size_t n = 1;
	ssize_t x;
	int fd[1];

	x = fd_send(sock, &q, sizeof(q), NULL, 0);
	if (x >= 0)
		x = fd_recv(sock, &rep, sizeof(rep), fd, &n);
	if (x < 0)
		return err_set(e, (int)x, "ask the keeper for a terminal");
	if (x != (ssize_t)sizeof(rep))
		return err_kind(e, ERR_STATE, -EPIPE, "the keeper hung up");
	if (rep.ret == -EBUSY && tty == -1)
		return err_kind(e, ERR_STATE, -EBUSY, "all %d terminals are in use", rep.value);
	if (rep.ret == -EBUSY)
		return err_kind(e, ERR_STATE, -EBUSY, "terminal %d is in use", tty);
	if (rep.ret == -ENODEV)
		return err_kind(e, ERR_NOT_FOUND, -ENODEV, "no such terminal: the container has %d (lxc.tty.max)",
				rep.value);
	if (rep.ret < 0)
		return err_set(e, rep.ret, "terminal %d", tty);
	*ret_tty = rep.value;
	*ret_fd = n ? fd[0] : -EBADF;
	return 0;
}

int relay_take_tty(int dirfd, int tty, int *ret_tty, int *ret_master, struct err *e)
{
	_cleanup_close_ int sock = keeper_connect(dirfd, e), master = -EBADF;
	int x;

	if (sock < 0)
		return sock;
	x = request_tty(sock, tty, &master, ret_tty, e);
	if (x < 0)
		return x;
	if (master < 0)
		return err_kind(e, ERR_INVALID, -EOPNOTSUPP, "the console has no terminal of its own to be given away");
	*ret_master = TAKE_FD(master);
	return TAKE_FD(sock);
}

int relay_console(int dirfd, int tty, int escape, void (*notify)(void *arg, int tty), void *arg, struct err *e)
{
	return relay_console_at(dirfd, &(struct relay_ends){ 0, 1 }, tty, escape, notify, arg, e);
}

int relay_console_at(int dirfd, const struct relay_ends *ends, int tty, int escape, void (*notify)(void *arg, int tty),
		     void *arg, struct err *e)
{
	_cleanup_close_ int sock = keeper_connect(dirfd, e), master = -EBADF;
	struct relay r = {
		.sigfd = -EBADF, .in = ends->in, .out = ends->out, .sock = -EBADF, .log = -EBADF, .escape = escape
	};
	int x;

	if (sock < 0)
		return sock;
	x = request_tty(sock, tty, &master, &tty, e);
	if (x < 0)
		return x;
	r.packets = master < 0;
	r.fd = r.packets ? sock : master;
	r.sock = r.packets ? -EBADF : sock;
	if (notify)
		notify(arg, tty);
	x = relay_begin(&r, e);
	if (x == 0)
		x = relay_loop(&r);
	relay_done(&r);
	return x;
}
