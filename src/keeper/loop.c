/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One poll() over everything. A pty whose slave nobody has open answers with EIO/HUP for ever, so a console in that
 * state is left out of the poll for a moment instead of spinning; it is looked at again when something else happens.
 */

#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper/inner.h"
#include "runtime/keeper_proto.h"

#define HUP_PAUSE_MS 200
#define RING_MAX     (1u << 30)

void keeper_init(struct keeper *k)
{
	memset(k, 0, offsetof(struct keeper, s.held));
	k->ctl = k->listen = k->commands = k->sigfd = k->init_fd = k->console = k->console_peer = k->seccomp = k->log =
		k->in = k->out = -1;
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		k->clients[i].fd = -1;
	streams_init(&k->s);
}

int keeper_signals(struct keeper *k)
{
	sigset_t set;

	/* All that can be caught: what is not for us is passed on to init. */
	sigfillset(&set);
	sigdelset(&set, SIGSEGV);
	sigdelset(&set, SIGBUS);
	sigdelset(&set, SIGILL);
	sigdelset(&set, SIGFPE);
	sigdelset(&set, SIGABRT);
	sigdelset(&set, SIGPIPE);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
		return -errno;
	k->sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->sigfd < 0 ? -errno : 0;
}

void keeper_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void keeper_write_all(int fd, const char *p, size_t len)
{
	while (fd >= 0 && len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		p += n;
		len -= (size_t)n;
	}
}

/* --- what the runtime says --------------------------------------------------------------------------------------------- */

static void take_ns(struct keeper *k, const int *fds, unsigned n)
{
	for (unsigned i = 0; i < k->n_ns; i++)
		keeper_close(&k->ns[i]);
	k->n_ns = 0;
	for (unsigned i = 0; i < n; i++)
		if (k->n_ns < KEEPER_NS)
			k->ns[k->n_ns++] = fds[i];
		else
			close(fds[i]);
}

static void new_life(struct keeper *k, pid_t pid, int pidfd)
{
	take_ns(k, NULL, 0);
	keeper_close(&k->init_fd);
	keeper_close(&k->console);
	keeper_close(&k->console_peer);
	keeper_close(&k->seccomp);
	k->proxy = 0;
	for (unsigned i = 0; i < k->n_ttys; i++)
		keeper_close(&k->ttys[i]);
	k->n_ttys = 0;
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (k->clients[i].kind == KC_TTY) {
			keeper_close(&k->clients[i].fd);
			k->clients[i].kind = KC_NONE;
		}
	streams_done(&k->s);
	k->probe_at = k->probe_every = 0;
	k->init = pid;
	k->init_fd = pidfd;
	k->generation++;
	/* It died, and was reaped as somebody unknown, before we heard of it: its start failed. */
	if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0 && errno == ESRCH) {
		k->init = 0;
		k->init_status = SIGKILL;
	}
}

static void take_ptys(struct keeper *k, const struct keeper_msg *m, const int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
		if (i == 0 && (m->flags & 1)) {
			keeper_close(&k->console);
			keeper_close(&k->console_peer);
			k->console = fds[i];
			k->console_peer = ioctl(fds[i], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
		} else if (k->n_ttys < KEEPER_TTYS) {
			k->ttys[k->n_ttys++] = fds[i];
		} else {
			close(fds[i]);
		}
	}
}

static void take_log(struct keeper *k, const struct keeper_msg *m, int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);

	keeper_close(&k->log);
	k->log = fd;
	k->log_size = end > 0 ? (uint64_t)end : 0;
	k->log_max = m->max;
	k->log_rotate = m->flags & 1;
	memcpy(k->log_path, m->path, sizeof(k->log_path));
	k->log_path[sizeof(k->log_path) - 1] = '\0';
}

static int take_ring(struct keeper *k, uint64_t size)
{
	void *p;

	if (size > RING_MAX)
		return -E2BIG;
	if (k->ring)
		munmap(k->ring, k->ring_size);
	k->ring = NULL;
	k->ring_at = k->ring_used = k->ring_size = 0;
	if (!size)
		return 0;
	p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	k->ring = p;
	k->ring_size = (size_t)size;
	return 0;
}

/* A device, or a file that is written only: what it holds already was not typed. It may not hold us up either. */
static void take_peer(struct keeper *k, int fd)
{
	struct stat st;

	keeper_close(&k->out);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	k->out = fd;
	k->in = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? -1 : fd;
}

int keeper_take(struct keeper *k, const struct keeper_msg *m, const int *fds, unsigned n)
{
	switch (m->type) {
	case KM_INIT:
		if (n != 1)
			return -EPROTO;
		new_life(k, m->pid, fds[0]);
		return 0;
	case KM_PTYS:
		take_ptys(k, m, fds, n);
		return 0;
	case KM_LOG:
		if (n != 1)
			return -EPROTO;
		take_log(k, m, fds[0]);
		return 0;
	case KM_PEER:
		if (n != 1)
			return -EPROTO;
		take_peer(k, fds[0]);
		return 0;
	case KM_LISTEN:
		if (n != 1)
			return -EPROTO;
		keeper_close(&k->listen);
		k->listen = fds[0];
		return 0;
	case KM_NS:
		take_ns(k, fds, n);
		return 0;
	case KM_SECCOMP:
		if (n != 1)
			return -EPROTO;
		keeper_close(&k->seccomp);
		k->seccomp = fds[0];
		k->proxy = m->pid;
		return 0;
	case KM_RING:
		return n ? -EPROTO : take_ring(k, m->max);
	case KM_STREAMS:
	case KM_LINES:
	case KM_CLIENT:
		return streams_take(k, m, fds, n);
	case KM_COMMANDS:
		if (n != 1)
			return -EPROTO;
		keeper_close(&k->commands);
		k->commands = fds[0];
		return 0;
	case KM_PROBE:
		k->probe_every = m->max;
		probe_set(k, m->max);
		return n ? -EPROTO : 0;
	case KM_GO:
		return n ? -EPROTO : 0;
	default:
		return -EPROTO;
	}
}

/* One message with its fds. Bytes, 0 at the end, or -errno. */
static ssize_t receive(int sock, void *data, size_t len, int *fds, unsigned *n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(16 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t r;

	*n = 0;
	do
		r = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
			*n = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(fds, CMSG_DATA(c), *n * sizeof(int));
			break;
		}
	/* Longer than we know, or more fds: not ours. What came of it the caller closes. */
	return msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : r;
}

static void serve_ctl(struct keeper *k)
{
	struct keeper_msg m;
	int fds[16];
	unsigned n;
	ssize_t r = receive(k->ctl, &m, sizeof(m), fds, &n);

	if (r == 0 || (r < 0 && r != -EAGAIN && r != -EMSGSIZE)) {
		keeper_close(&k->ctl);
		return;
	}
	if (r != (ssize_t)sizeof(m) || keeper_take(k, &m, fds, n) < 0) {
		for (unsigned i = 0; i < n; i++)
			close(fds[i]);
		return;
	}
	if (m.type == KM_GO || (m.type == KM_NS && !n)) {
		m.type = KM_ACK;
		(void)send(k->ctl, &m, sizeof(m), MSG_NOSIGNAL);
	}
}

/* --- clients ------------------------------------------------------------------------------------------------------------- */

void keeper_drop(struct keeper_client *c)
{
	keeper_close(&c->fd);
	c->kind = KC_NONE;
}

void keeper_reply(struct keeper_client *c, int ret, int value, int pass)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct keeper_rep rep = { .ret = ret, .value = value };
	struct iovec iov = { .iov_base = &rep, .iov_len = sizeof(rep) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (pass >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &pass, sizeof(int));
	}
	if (sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		keeper_drop(c);
}

void keeper_refuse(int fd)
{
	struct keeper_client c = { .fd = fd };

	keeper_reply(&c, -EUSERS, KEEPER_CLIENTS, -1);
	keeper_drop(&c);
}

static int tty_busy(const struct keeper *k, int tty)
{
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (k->clients[i].kind == KC_TTY && k->clients[i].tty == tty)
			return 1;
	return 0;
}

static void give_tty(struct keeper *k, struct keeper_client *c, int want)
{
	int tty = want;

	/* One each: a second would leave the first unguarded in the client's hands. */
	if (c->kind == KC_TTY) {
		keeper_reply(c, -EALREADY, c->tty, -1);
		return;
	}
	if (want == -1)
		for (tty = 1; tty <= (int)k->n_ttys && tty_busy(k, tty);)
			tty++;
	if (tty < 1 || tty > (int)k->n_ttys) {
		keeper_reply(c, want == -1 && k->n_ttys ? -EBUSY : -ENODEV, (int)k->n_ttys, -1);
		return;
	}
	if (tty_busy(k, tty)) {
		keeper_reply(c, -EBUSY, tty, -1);
		return;
	}
	c->kind = KC_TTY;
	c->tty = tty;
	keeper_reply(c, 0, tty, k->ttys[tty - 1]);
}

/* The oldest N bytes of the ring in a file of their own: a reply of any size that nobody can hold us up with. */
static int ring_file(const struct keeper *k, size_t n)
{
	int fd = memfd_create("console", MFD_CLOEXEC);
	size_t first = k->ring_size - k->ring_at;

	if (fd < 0)
		return -errno;
	if (first > n)
		first = n;
	keeper_write_all(fd, k->ring + k->ring_at, first);
	keeper_write_all(fd, k->ring, n - first);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void give_log(struct keeper *k, struct keeper_client *c, const struct keeper_log_req *q)
{
	size_t n = q->head.arg & KEEPER_LOG_READ ? k->ring_used : 0;
	int fd = -1;

	if (!k->ring || (q->head.arg & KEEPER_LOG_READ && !n)) {
		keeper_reply(c, k->ring ? -ENODATA : -EFAULT, 0, -1);
		return;
	}
	if (q->max && q->max < n)
		n = (size_t)q->max;
	if (n)
		fd = ring_file(k, n);
	if (n && fd < 0) {
		keeper_reply(c, fd, 0, -1);
		return;
	}
	if (q->head.arg & KEEPER_LOG_CLEAR)
		n = k->ring_used;
	k->ring_at = (k->ring_at + n) % k->ring_size;
	k->ring_used -= n;
	keeper_reply(c, 0, 0, fd);
	keeper_close(&fd);
}

static void serve_client(struct keeper *k, struct keeper_client *c)
{
	char buf[sizeof(struct keeper_req) + KEEPER_DATA_MAX];
	struct keeper_req req;
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < (ssize_t)sizeof(req)) {
		if (c->kind == KC_STREAMS)
			streams_input_ended(k, c);
		keeper_drop(c);
		return;
	}
	memcpy(&req, buf, sizeof(req));
	switch (req.type) {
	case KR_TTY:
		give_tty(k, c, req.arg);
		break;
	case KR_CONSOLE:
		if (k->console < 0) {
			keeper_reply(c, -ENODEV, 0, -1);
			break;
		}
		c->kind = KC_CONSOLE;
		keeper_reply(c, 0, 0, -1);
		break;
	case KR_ATTACH:
		streams_attach(k, c, req.arg);
		break;
	case KR_END:
		if (c->kind == KC_STREAMS)
			streams_input_ended(k, c);
		break;
	case KR_ENDED:
		k->seen_to = k->ends_at && c->tty & KEEPER_ENDS;
		break;
	case KR_PROBE:
		probe_set(k, (uint64_t)(uint32_t)req.arg * 1000000u);
		keeper_reply(c, 0, 0, -1);
		break;
	case KR_DATA:
		if (c->kind == KC_STREAMS)
			streams_type(k, c, buf + sizeof(req), (size_t)n - sizeof(req));
		else if (c->kind == KC_CONSOLE)
			keeper_write_all(k->console, buf + sizeof(req), (size_t)n - sizeof(req));
		break;
	case KR_WINSIZE:
		if (k->console >= 0) {
			struct winsize ws = { .ws_row = (unsigned short)((uint32_t)req.arg >> 16),
					      .ws_col = (unsigned short)(req.arg & 0xffff) };

			ioctl(k->console, TIOCSWINSZ, &ws);
		}
		break;
	case KR_PING:
		keeper_reply(c, 0, k->init, -1);
		break;
	case KR_SECCOMP:
		keeper_reply(c, k->seccomp < 0 ? -EBADF : 0, 0, k->seccomp);
		break;
	case KR_LOG: {
		struct keeper_log_req log;

		memcpy(&log, buf, sizeof(log));
		if (n == (ssize_t)sizeof(log))
			give_log(k, c, &log);
		else
			keeper_drop(c);
		break;
	}
	default:
		keeper_reply(c, -EOPNOTSUPP, 0, -1);
	}
}

int keeper_trusts(int fd, pid_t *ret_pid)
{
	struct {
		pid_t pid;
		uid_t uid;
		gid_t gid;
	} peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return 0;
	*ret_pid = peer.pid;
	return peer.uid == 0 || peer.uid == geteuid();
}

static void accept_client(struct keeper *k)
{
	int fd = accept4(k->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	pid_t pid;

	if (fd < 0)
		return;
	if (!keeper_trusts(fd, &pid)) {
		close(fd);
		return;
	}
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (k->clients[i].kind == KC_NONE) {
			k->clients[i] = (struct keeper_client){ .fd = fd, .kind = KC_NEW };
			return;
		}
	keeper_refuse(fd);
}

/* --- the console --------------------------------------------------------------------------------------------------------- */

static void write_log(struct keeper *k, const char *p, size_t n)
{
	if (k->log < 0)
		return;
	if (k->log_max && k->log_size + n > k->log_max) {
		if (k->log_rotate && *k->log_path) {
			char old[sizeof(k->log_path) + 2];
			int fd;

			snprintf(old, sizeof(old), "%s.1", k->log_path);
			rename(k->log_path, old);
			fd = open(k->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
			if (fd >= 0) {
				close(k->log);
				k->log = fd;
			}
		} else if (ftruncate(k->log, 0) < 0) {
			return;
		}
		k->log_size = 0;
	}
	keeper_write_all(k->log, p, n);
	k->log_size += n;
}

/* The newest stays. */
static void write_ring(struct keeper *k, const char *p, size_t n)
{
	if (!k->ring_size)
		return;
	if (n > k->ring_size) {
		p += n - k->ring_size;
		n = k->ring_size;
	}
	for (size_t i = 0; i < n; i++)
		k->ring[(k->ring_at + k->ring_used + i) % k->ring_size] = p[i];
	k->ring_used += n;
	if (k->ring_used > k->ring_size) {
		k->ring_at = (k->ring_at + k->ring_used - k->ring_size) % k->ring_size;
		k->ring_used = k->ring_size;
	}
}

/* Reads what the console says. 1: something, 0: nothing now, -1: nobody has it open. */
static int serve_console(struct keeper *k)
{
	char buf[sizeof(struct keeper_req) + KEEPER_DATA_MAX];
	char *data = buf + sizeof(struct keeper_req);
	struct keeper_req head = { .type = KR_DATA };
	ssize_t n = read(k->console, data, KEEPER_DATA_MAX);

	if (n <= 0)
		return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
	memcpy(buf, &head, sizeof(head));
	write_log(k, data, (size_t)n);
	if (k->ring)
		write_ring(k, data, (size_t)n);
	keeper_write_all(k->out, data, (size_t)n);
	for (int i = 0; i < KEEPER_CLIENTS; i++) {
		struct keeper_client *c = &k->clients[i];

		/* Who does not read loses bytes, never the container its console. */
		if (c->kind == KC_CONSOLE &&
		    send(c->fd, buf, sizeof(head) + (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EAGAIN)
			keeper_drop(c);
	}
	streams_lines(k, 1, data, (size_t)n);
	streams_out(k, 1, data, (size_t)n);
	return 1;
}

static void serve_input(struct keeper *k)
{
	char buf[1024];
	ssize_t n = read(k->in, buf, sizeof(buf));

	if (n > 0)
		keeper_write_all(k->console, buf, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		k->in = -1;
}

void keeper_winsize(struct keeper *k)
{
	struct winsize ws;

	if (k->out >= 0 && k->console >= 0 && ioctl(k->out, TIOCGWINSZ, &ws) == 0)
		ioctl(k->console, TIOCSWINSZ, &ws);
}

/* --- children and signals ------------------------------------------------------------------------------------------------- */

void keeper_exec(const char *creel, char *const argv[])
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execv(creel, argv);
	_exit(127);
}

static void reap(struct keeper *k)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);

		if (pid <= 0)
			return;
		if (pid == k->init) {
			k->init = 0;
			k->init_status = status;
			keeper_close(&k->init_fd);
		} else if (pid == k->helper) {
			k->helper = 0;
		} else if (pid == k->probe) {
			k->probe = 0;
		} else if (pid == k->proxy) {
			k->proxy = 0;
			keeper_close(&k->seccomp);
		}
	}
}

static void serve_signals(struct keeper *k)
{
	struct signalfd_siginfo si;

	while (read(k->sigfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			reap(k);
		else if (si.ssi_signo == SIGWINCH)
			keeper_winsize(k);
		else if (si.ssi_signo != SIGTTOU && si.ssi_signo != SIGTTIN && si.ssi_signo != SIGCONT && k->init > 0)
			kill(k->init, (int)si.ssi_signo);
	}
}

/* --- the loop --------------------------------------------------------------------------------------------------------------- */

enum { P_SIGNALS, P_CTL, P_LISTEN, P_COMMANDS, P_CONSOLE, P_INPUT, P_OUT, P_ERR, P_TYPED, P_CLIENTS };

/* What is not ready for us is left out. */
static void watch(struct keeper *k, struct pollfd *p, int console_hup)
{
	int held = streams_held(k), full = streams_full(k);

	p[P_SIGNALS] = (struct pollfd){ .fd = k->sigfd, .events = POLLIN };
	p[P_CTL] = (struct pollfd){ .fd = k->ctl, .events = POLLIN };
	p[P_LISTEN] = (struct pollfd){ .fd = k->listen, .events = POLLIN };
	p[P_COMMANDS] = (struct pollfd){ .fd = k->commands, .events = POLLIN };
	p[P_CONSOLE] = (struct pollfd){ .fd = console_hup || held ? -1 : k->console, .events = POLLIN };
	p[P_INPUT] = (struct pollfd){ .fd = k->console >= 0 ? k->in : -1, .events = POLLIN };
	p[P_OUT] = (struct pollfd){ .fd = held ? -1 : k->s.out[0].fd, .events = POLLIN };
	p[P_ERR] = (struct pollfd){ .fd = held ? -1 : k->s.out[1].fd, .events = POLLIN };
	p[P_TYPED] = (struct pollfd){ .fd = !full ? -1 : k->console >= 0 ? k->console : k->s.in, .events = POLLOUT };
	for (int i = 0; i < KEEPER_CLIENTS; i++) {
		const struct keeper_client *c = &k->clients[i];
		struct pollfd *q = &p[P_CLIENTS + i];
		int types = c->kind == KC_STREAMS && c->tty & KEEPER_IN;

		*q = (struct pollfd){ .fd = c->kind ? c->fd : -1, .events = full && types ? 0 : POLLIN };
		if (k->s.owed & (1u << i))
			q->events |= POLLOUT;
		/* A hang-up cannot be left out by its events. */
		if (!q->events)
			q->fd = -1;
	}
}

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

static void serve(struct keeper *k, int *console_hup)
{
	struct pollfd p[P_CLIENTS + KEEPER_CLIENTS];
	int n = 0;

	watch(k, p, *console_hup);
	/* Nobody has the console open, nor could we: no wake-ups for it but a slow look, and that only while init lives. */
	n = sooner(probe_timeout(k), keeper_ms_until(k->ends_at));
	n = poll(p, P_CLIENTS + KEEPER_CLIENTS, sooner(*console_hup ? HUP_PAUSE_MS * 10 : -1, n));
	if (n < 0)
		return;
	*console_hup = 0;
	if (p[P_CONSOLE].revents && serve_console(k) < 0)
		*console_hup = 1;
	for (int i = 0; i < 2; i++)
		if (p[P_OUT + i].revents && !streams_held(k))
			(void)streams_read(k, i);
	if (p[P_SIGNALS].revents)
		serve_signals(k);
	if (p[P_CTL].revents)
		serve_ctl(k);
	if (p[P_INPUT].revents)
		serve_input(k);
	if (p[P_TYPED].revents && streams_full(k))
		streams_typed(k);
	for (int i = 0; i < KEEPER_CLIENTS; i++) {
		struct keeper_client *c = &k->clients[i];
		int types = c->kind == KC_STREAMS && c->tty & KEEPER_IN;

		if (p[P_CLIENTS + i].revents & ~POLLOUT && c->kind && !(types && streams_full(k)))
			serve_client(k, c);
	}
	if (k->s.owed)
		streams_flush(k);
	if (p[P_LISTEN].revents)
		accept_client(k);
	if (p[P_COMMANDS].revents)
		commands_accept(k);
	probe_run(k);
}

static void drain_console(struct keeper *k)
{
	for (int n = 0; n < KEEPER_DRAIN && k->console >= 0 && !streams_held(k) && serve_console(k) > 0; n++)
		;
}

int keeper_run(struct keeper *k)
{
	int hup = 0;

	while (k->init > 0 || (k->ctl >= 0 && !k->generation))
		serve(k, &hup);
	keeper_close(&k->console_peer);
	/* What the console still holds belongs to the log and to those who watch. */
	drain_console(k);
	streams_ended(k);
	return k->init_status;
}

int keeper_hand_over(struct keeper *k)
{
	int hup = 1;

	k->seen_to = 0;
	for (int i = 0; i < KEEPER_CLIENTS; i++) {
		struct keeper_client *c = &k->clients[i];

		if (c->kind != KC_STREAMS || !(c->tty & KEEPER_ENDS))
			continue;
		k->ends_at = keeper_now() + KEEPER_ENDS_MS * 1000000ull;
		if (!k->seen_to && streams_hand_over(k, c))
			while (!k->seen_to && c->kind == KC_STREAMS && keeper_now() < k->ends_at)
				serve(k, &hup);
		k->ends_at = 0;
		c->tty &= ~KEEPER_ENDS;
		if (c->kind == KC_STREAMS && !streams_held(k))
			keeper_drop(c);
	}
	return k->seen_to;
}

void keeper_finish(struct keeper *k)
{
	int hup = 1;

	do {
		while (streams_held(k))
			serve(k, &hup);
		drain_console(k);
		if (!streams_held(k))
			streams_ended(k);
	} while (streams_held(k));
}

int keeper_wait_helper(struct keeper *k)
{
	unsigned before = k->generation;
	int hup = 0;

	while (k->helper > 0 && k->generation == before)
		serve(k, &hup);
	return k->generation != before;
}
