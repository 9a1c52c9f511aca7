/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * attach: three fds of the caller on one side, the keeper's stream client on the other. Before a start there is no keeper:
 * who wants to hear all of it listens on a socket in the container's folder, whose name says what for, and the start
 * connects to it for the keeper.
 */

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "engine/docker-inner.h"
#include "runtime/keeper_proto.h"
#include "runtime/relay.h"

#define MEETING "attach."

/* --- before the start ------------------------------------------------------------------------------------------------------ */

static int meet_address(int dirfd, const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dirfd, name) <
			       (int)sizeof(ret->sun_path)
		       ? 0
		       : -ENAMETOOLONG;
}

static int meet_listen(int dirfd, unsigned what, char name[static 64], struct err *e)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr;
	struct timespec ts;

	if (fd < 0)
		return err_set(e, -errno, "make a socket");
	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(name, 64, MEETING "%u.%d.%lld", what, getpid(), (long long)ts.tv_sec * 1000000000 + ts.tv_nsec);
	if (meet_address(dirfd, name, &addr) < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    listen(fd, 1) < 0)
		return err_set(e, -errno, "wait for the start");
	return TAKE_FD(fd);
}

/* CTL -EBADF: there is no start, they wait in vain. */
static int meet_one(int dirfd, const char *name, int ctl, struct err *e)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct keeper_msg m = { .type = KM_CLIENT };
	struct sockaddr_un addr;
	ssize_t r;

	m.flags = (uint32_t)strtoul(name + strlen(MEETING), NULL, 10);
	if (fd < 0 || meet_address(dirfd, name, &addr) < 0)
		return err_set(e, fd < 0 ? -errno : -ENAMETOOLONG, "make a socket");
	/* One whose owner has been killed refuses. */
	r = connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? -errno : 0;
	unlinkat(dirfd, name, 0);
	if (r < 0 || ctl < 0)
		return 0;
	r = fd_send(ctl, &m, sizeof(m), &fd, 1);
	return r < 0 ? err_set(e, (int)r, "tell the keeper of a client") : 0;
}

int docker_give_clients(int dirfd, int ctl, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		fd_close(fd);
		return 0;
	}
	while (r == 0 && (de = readdir(d)))
		if (startswith(de->d_name, MEETING))
			r = meet_one(dirfd, de->d_name, ctl, e);
	closedir(d);
	return r;
}

/* --- detaching --------------------------------------------------------------------------------------------------------------- */

static int parse_key(const char *s, size_t n, unsigned char *ret)
{
	if (n == 1) {
		*ret = (unsigned char)*s;
		return 0;
	}
	if (n == 6 && strncmp(s, "ctrl-", 5) == 0) {
		if ((s[5] >= 'a' && s[5] <= 'z') || s[5] == '@' || (s[5] >= '[' && s[5] <= '_')) {
			*ret = s[5] & 0x1f;
			return 0;
		}
	}
	return n == 3 && strncmp(s, "DEL", 3) == 0 ? (*ret = 0x7f, 0) : -EINVAL;
}

int docker_keys_parse(const char *said, struct docker_keys *ret, struct err *e)
{
	const char *s = said ?: "ctrl-p,ctrl-q";

	*ret = (struct docker_keys){ 0 };
	while (*s) {
		size_t n = strcspn(s, ",");

		if (!n)
			n = 1; /* the comma itself */
		if (ret->n == DOCKER_KEYS_MAX || parse_key(s, n, &ret->seq[ret->n]) < 0)
			return err_kind(e, ERR_INVALID, -EINVAL, "Invalid detach keys (%s) provided", said ?: "");
		ret->n++;
		s += n;
		s += *s == ',';
	}
	return 0;
}

int docker_keys_filter(struct docker_keys *k, const unsigned char *in, size_t n, unsigned char *out, size_t *ret_n)
{
	size_t o = 0;

	for (size_t i = 0; i < n; i++) {
		if (k->n && in[i] == k->seq[k->at]) {
			if (++k->at == k->n) {
				*ret_n = o;
				return 1;
			}
			continue;
		}
		memcpy(out + o, k->seq, k->at);
		o += k->at;
		k->at = 0;
		if (k->n && in[i] == k->seq[0]) {
			k->at = 1;
			if (k->n == 1) {
				*ret_n = o;
				return 1;
			}
			continue;
		}
		out[o++] = in[i];
	}
	*ret_n = o;
	return 0;
}

/* --- the relay ------------------------------------------------------------------------------------------------------------- */

struct relay {
	const struct docker_attach *a;
	int sock, in;
	bool tty, end; /* end: of the input, to be told */
	bool ended;    /* the container, and what is to be done is ours */
	struct keeper_ended how;
	struct docker_keys keys;
	size_t held; /* to the keeper: a whole message */
	unsigned char buf[sizeof(struct keeper_req) + KEEPER_DATA_MAX];
};

static void hold(struct relay *r, uint32_t type, size_t n)
{
	struct keeper_req head = { .type = type };

	memcpy(r->buf, &head, sizeof(head));
	r->held = sizeof(head) + n;
}

static int flush_input(struct relay *r)
{
	if (r->held && send(r->sock, r->buf, r->held, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -errno;
	r->held = 0;
	if (r->end) {
		r->end = false;
		hold(r, KR_END, 0);
		return flush_input(r);
	}
	return 0;
}

/* 1: the keys to go away. */
static int read_input(struct relay *r)
{
	unsigned char typed[KEEPER_DATA_MAX - DOCKER_KEYS_MAX];
	ssize_t n = read(r->in, typed, sizeof(typed));
	size_t len = (size_t)n;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		r->in = -1;
		r->end = true;
		return flush_input(r);
	}
	if (!r->tty)
		memcpy(r->buf + sizeof(struct keeper_req), typed, len);
	else if (docker_keys_filter(&r->keys, typed, (size_t)n, r->buf + sizeof(struct keeper_req), &len) == 1)
		return 1;
	if (!len)
		return 0;
	hold(r, KR_DATA, len);
	return flush_input(r);
}

/* -EPIPE: it has ended. */
static int read_output(struct relay *r)
{
	unsigned char buf[sizeof(struct keeper_req) + KEEPER_DATA_MAX];
	struct keeper_req head;
	ssize_t n = recv(r->sock, buf, sizeof(buf), MSG_DONTWAIT);
	int to;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return -EPIPE;
	if (n < (ssize_t)sizeof(head))
		return 0;
	memcpy(&head, buf, sizeof(head));
	if (head.type == KR_ENDED && n == (ssize_t)sizeof(r->how)) {
		memcpy(&r->how, buf, sizeof(r->how));
		r->ended = true;
		return -EPIPE;
	}
	if (head.type != KR_DATA)
		return 0;
	to = head.arg == 2 ? r->a->err : r->a->out;
	if (to < 0)
		return 0;
	/* Who listens to us has gone: then so do we. */
	return fd_write_all(to, buf + sizeof(head), (size_t)n - sizeof(head)) < 0 ? -EIO : 0;
}

static int relay(struct relay *r)
{
	for (;;) {
		struct pollfd p[] = { { .fd = r->sock, .events = POLLIN | (r->held ? POLLOUT : 0) },
				      { .fd = r->held ? -1 : r->in, .events = POLLIN } };
		int x = 0;

		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return 0;
		}
		if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
			x = read_output(r);
		if (x == 0 && p[0].revents & POLLOUT && r->held)
			(void)flush_input(r);
		if (x == 0 && p[1].revents)
			x = read_input(r);
		if (x == 1)
			return 1;
		if (x == -EPIPE || x == -EIO)
			return 0;
	}
}

/* --- coming together --------------------------------------------------------------------------------------------------------- */

static int greet(int sock, struct err *e)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct keeper_rep rep;
	ssize_t n;

	do
		n = poll(&p, 1, -1);
	while (n < 0 && errno == EINTR);
	n = recv(sock, &rep, sizeof(rep), 0);
	/* Who refuses does not read what was asked, which is told before what he has said. */
	if (n < 0 && errno == ECONNRESET)
		n = recv(sock, &rep, sizeof(rep), 0);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return -EPIPE; /* it has ended, or was never started */
	if (n != (ssize_t)sizeof(rep))
		return err_set(e, n < 0 ? -errno : -EPROTO, "hear from the keeper");
	if (rep.ret == -EUSERS)
		return err_kind(e, ERR_LIMIT, rep.ret,
				"attach to the container: it has %d clients already, which is the limit", rep.value);
	return rep.ret < 0 ? err_set(e, rep.ret, "attach to the container") : 0;
}

static int join_running(const char *id, unsigned what, struct err *e)
{
	_cleanup_close_ int run = record_open_dir(id, false, e), sock = -EBADF;
	struct keeper_req q = { .type = KR_ATTACH, .arg = (int32_t)what };

	if (run < 0)
		return run;
	sock = keeper_connect(run, e);
	if (sock < 0)
		return sock;
	/* Who has refused us already has said why. */
	if (send(sock, &q, sizeof(q), MSG_NOSIGNAL) < 0 && errno != EPIPE)
		return err_set(e, -errno, "ask the keeper");
	return TAKE_FD(sock);
}

/* Whether it was started before anybody could know that we wait. Where the name is gone, and nobody has come, nobody will. */
static bool too_late(int dirfd, const char *id, int lis, const char *name)
{
	_cleanup_state_ struct docker_state st = { 0 };
	struct pollfd p = { .fd = lis, .events = POLLIN };

	if (docker_state_read(dirfd, id, &st, NULL) < 0 || st.status != DS_RUNNING)
		return false;
	unlinkat(dirfd, name, 0);
	return poll(&p, 1, 0) == 0;
}

static int join_start(int dirfd, const char *id, unsigned what, const struct docker_attach *a, bool *ret_runs,
		      struct err *e)
{
	_cleanup_close_ int lis = -EBADF;
	struct pollfd p = { .events = POLLIN };
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char name[64];
	int fd;

	lis = meet_listen(dirfd, what, name, e);
	if (lis < 0)
		return lis;
	*ret_runs = too_late(dirfd, id, lis, name);
	if (*ret_runs)
		return join_running(id, what, e);
	if (a->ready)
		a->ready(a->arg);
	p.fd = lis;
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	fd = accept4(lis, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		(void)err_set(e, -errno, "hear from the start");
	unlinkat(dirfd, name, 0);
	return fd < 0 ? -EIO : fd;
}

static int show_log(void *arg, int stream, const void *data, size_t len)
{
	const struct docker_attach *a = arg;
	int fd = stream == 2 ? a->err : a->out;

	return fd < 0 ? 0 : fd_write_all(fd, data, len);
}

static int earlier(struct docker *d, const char *id, const struct docker_attach *a, int64_t until, struct err *e)
{
	struct docker_logs o = {
		.out = a->out >= 0, .err = a->err >= 0, .tail = -1, .until_ns = until, .follow = false
	};
	struct docker_sink sink = { .write = show_log, .arg = (void *)a };

	return docker_logs(d, id, &o, &sink, e);
}

/* Where this fails, the keeper's helper does what is left. */
static void see_to_the_end(struct docker *d, const char *id, const struct relay *x)
{
	struct keeper_req done = { .type = KR_ENDED };

	if (docker_end_life(d, id, x->how.head.arg, x->how.keeper, x->a->ret_code, NULL) >= 0)
		(void)send(x->sock, &done, sizeof(done), MSG_NOSIGNAL);
}

int docker_attach(struct docker *d, const char *id, const struct docker_attach *a, struct err *e)
{
	_cleanup_free_ struct relay *x = calloc(1, sizeof(*x));
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_state_ struct docker_state st = { 0 };
	_cleanup_close_ int dirfd = -EBADF, sock = -EBADF;
	unsigned what = KEEPER_OUT | KEEPER_ERR;
	bool running;
	int r;

	if (!x)
		return err_oom(e);
	r = docker_find(d, id, &c, e);
	if (r == 0)
		r = docker_keys_parse(a->detach_keys, &x->keys, e);
	if (r < 0)
		return r;
	dirfd = docker_dir(d, c.id, e);
	if (dirfd < 0)
		return dirfd;
	r = docker_state_read(dirfd, c.id, &st, e);
	if (r < 0)
		return r;
	r = a->logs ? earlier(d, c.id, a, docker_now(), e) : 0;
	if (r < 0)
		return r;
	if (!a->stream)
		return 0;
	if (st.status == DS_PAUSED)
		return err_kind(e, ERR_STATE, -EBUSY, "container %s is paused, unpause the container before attach",
				c.id);
	what |= a->in >= 0 && value_bool(c.config, "OpenStdin") ? KEEPER_IN : 0;
	running = st.status == DS_RUNNING;
	what |= !running && a->ret_code && docker_ends_for_good(&c) ? KEEPER_ENDS : 0;
	sock = running ? join_running(c.id, what, e) : join_start(dirfd, c.id, what, a, &running, e);
	if (sock < 0)
		return sock;
	r = greet(sock, e);
	if (r == -EPIPE)
		return 0;
	if (r < 0)
		return r;
	docker_event(d, &c, "attach", NULL);
	if (running && a->ready)
		a->ready(a->arg);
	fd_set_nonblock(sock, true);
	x->a = a;
	x->sock = sock;
	x->tty = value_bool(c.config, "Tty");
	x->in = what & KEEPER_IN ? a->in : -1;
	r = relay(x);
	if (r == 1)
		docker_event(d, &c, "detach", NULL);
	else if (x->ended)
		see_to_the_end(d, c.id, x);
	return r;
}

int docker_resize(struct docker *d, const char *id, unsigned rows, unsigned columns, struct err *e)
{
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int run = -EBADF, sock = -EBADF;
	struct keeper_req q = { .type = KR_WINSIZE, .arg = (int32_t)((rows & 0xffff) << 16 | (columns & 0xffff)) };
	int r = docker_find(d, id, &c, e);

	if (r == 0)
		r = docker_running(&c, &rec, e);
	if (r < 0)
		return r;
	run = record_open_dir(c.id, false, e);
	if (run < 0)
		return run;
	sock = keeper_connect(run, e);
	if (sock < 0)
		return sock;
	return send(sock, &q, sizeof(q), MSG_NOSIGNAL) < 0 ? err_set(e, -errno, "tell the keeper") : 0;
}
