/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/lxc-command.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/kept.h"
#include "engine/monitord.h"
#include "runtime/inside.h"
#include "runtime/seccomp_proxy.h"
#include "sys/inroot.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/pty.h"

/* A longer name is a hash. */
#define SOCK_NAME_MAX  105
#define REQUEST_WAIT_S 10
/* The last life's keeper leaves by itself, mostly within the first of these; then whoever listens is asked. */
#define KEEPER_GRACE_MS 20
#define KEEPER_ASK_MS	200
#define KEEPER_LEAVE_MS 5000
#define LXC_STATE_MAX	8
#define COMMAND_STATE	3

/* LXC's words for a layout, and its two kinds of hierarchies. */
enum { LAYOUT_UNKNOWN = -1, LAYOUT_V1 = 0, LAYOUT_HYBRID = 1, LAYOUT_V2 = 2 };
enum { UTILITY_DEVICES = 1, UTILITY_FREEZER = 2 };

struct wire_cgroup {
	int32_t layout;
	uint32_t utilities;
	int32_t type, fd;
	char controller[64];
};

#define WIRE_CGROUPS 20
struct wire_cgroups {
	int32_t layout;
	uint32_t utilities, n;
	int32_t fd[WIRE_CGROUPS];
	uint32_t pad;
};

struct wire_console_log {
	bool clear, read;
	uint64_t max;
	bool write;
};

struct wire_device {
	char type;
	int32_t major, minor;
	char access[4];
	int32_t allow; /* more follows, which is its sender's own */
};

_Static_assert(sizeof(struct lxc_request) == 16 && sizeof(struct lxc_answer) == 16, "the wire format");
_Static_assert(sizeof(struct wire_cgroup) == 80 && sizeof(struct wire_cgroups) == 96, "the wire format");
_Static_assert(sizeof(struct wire_console_log) == 24 && sizeof(struct wire_device) == 20, "the wire format");

/* --- the socket ----------------------------------------------------------------------------------------------------------- */

static socklen_t sock_address(const char *lxcpath, const char *name, struct sockaddr_un *ret)
{
	char place[SOCK_NAME_MAX + 2];
	int n = snprintf(place, sizeof(place), "%s/%s/command", lxcpath, name);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n > SOCK_NAME_MAX) {
		_cleanup_free_ char *full = NULL;

		if (asprintf(&full, "%s/%s", lxcpath, name) < 0)
			return 0;
		n = snprintf(place, sizeof(place), "lxc/%016" PRIx64 "/command", record_hash(full));
	}
	memcpy(ret->sun_path + 1, place, (size_t)n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

/* Who listens there: any user may have taken the name, which is not to keep another from his container. */
enum listener { LISTENER_GONE, LISTENER_LEAVING, LISTENER_RUNS, LISTENER_FOREIGN };

/* With the sender's credentials, as LXC wants them. */
static bool ask_state(int fd)
{
	const struct lxc_request q = { .cmd = COMMAND_STATE };
	const struct ucred who = { .pid = getpid(), .uid = geteuid(), .gid = getegid() };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)&q, .iov_len = sizeof(q) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_CREDENTIALS;
	h->cmsg_len = CMSG_LEN(sizeof(who));
	memcpy(CMSG_DATA(h), &who, sizeof(who));
	return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)sizeof(q);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The last life's keeper leaves a moment after it has said that all is over: its end is waited for, up to MS. Whoever
 * answers that the container is not stopped runs it; so does who says nothing for so long. */
static enum listener who_listens(const struct sockaddr_un *sa, socklen_t len, int ms)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct lxc_answer a;
	struct ucred peer;
	socklen_t n = sizeof(peer);
	struct pollfd p;

	if (fd < 0 || connect(fd, (const struct sockaddr *)sa, len) < 0)
		return errno == ECONNREFUSED ? LISTENER_GONE : LISTENER_FOREIGN;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || (peer.uid != 0 && peer.uid != geteuid()))
		return LISTENER_FOREIGN;
	if (!ask_state(fd))
		return LISTENER_LEAVING;
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	if (poll(&p, 1, ms) == 0)
		return LISTENER_RUNS;
	return recv(fd, &a, sizeof(a), 0) == (ssize_t)sizeof(a) && a.ret == 0 && a.value != RUN_STOPPED
		       ? LISTENER_RUNS
		       : LISTENER_LEAVING;
}

int lxc_command_listen(const struct container *c, int *ret, struct err *e)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa;
	socklen_t len = sock_address(c->lxcpath, c->name, &sa);
	int64_t until, ask, now;
	enum listener who;

	if (!len)
		return err_oom(e);
	if (fd < 0)
		return err_set(e, -errno, "make a socket");
	now = now_ms();
	until = now + KEEPER_LEAVE_MS;
	ask = now + KEEPER_GRACE_MS;
	while (bind(fd, (struct sockaddr *)&sa, len) < 0) {
		if (errno != EADDRINUSE)
			return err_set(e, -errno, "bind the socket of LXC's commands, @%s", sa.sun_path + 1);
		now = now_ms();
		if (now < ask) {
			usleep(1000);
			continue;
		}
		ask = now + KEEPER_ASK_MS;
		who = who_listens(&sa, len, now < until ? (int)(until - now) : 0);
		if (who == LISTENER_FOREIGN || (who == LISTENER_GONE && now >= until)) {
			log_msg(c->engine->log, LOG_WARN,
				"the socket @%s is taken by another user: programs of LXC's library will not find %s",
				sa.sun_path + 1, c->name);
			return 0;
		}
		if (who == LISTENER_RUNS || now >= until) {
			err_kind(e, ERR_STATE, -EADDRINUSE, "container is run by another program: it listens on @%s",
				 sa.sun_path + 1);
			return err_hint(e, -EADDRINUSE, "stop it with the LXC that started it");
		}
	}
	if (listen(fd, 100) < 0)
		return err_set(e, -errno, "listen on @%s", sa.sun_path + 1);
	*ret = TAKE_FD(fd);
	return 0;
}

/* --- requests and answers ------------------------------------------------------------------------------------------------- */

struct request {
	struct container *c; /* its own */
	int sock;
	struct lxc_request head;
	char data[LXC_COMMAND_DATA_MAX + 1]; /* .head.len bytes, and a NUL */
};

static void request_done(struct request *q)
{
	container_free(q->c);
}

static int send_bytes(int sock, const void *data, size_t len, const int *fds, size_t n)
{
	while (len) {
		ssize_t r = fd_send(sock, data, len, fds, n);

		if (r < 0)
			return (int)r;
		n = 0;
		data = (const char *)data + r;
		len -= (size_t)r;
	}
	return 0;
}

static int answer_all(const struct request *q, const struct lxc_answer *a, const void *data, const int *fds, size_t n)
{
	int r = send_bytes(q->sock, a, sizeof(*a), fds, n);

	return r == 0 && a->len ? send_bytes(q->sock, data, (size_t)a->len, NULL, 0) : r;
}

static int answer(const struct request *q, uint64_t value)
{
	return answer_all(q, &(struct lxc_answer){ .value = value }, NULL, NULL, 0);
}

static int answer_text(const struct request *q, const char *text)
{
	size_t len = strlen(text) + 1;

	if (len > LXC_COMMAND_DATA_MAX)
		return -E2BIG;
	return answer_all(q, &(struct lxc_answer){ .len = (int32_t)len }, text, NULL, 0);
}

static int answer_fd(const struct request *q, int fd, uint64_t value)
{
	return fd < 0 ? fd : answer_all(q, &(struct lxc_answer){ .value = value }, NULL, &fd, 1);
}

/* A word of the client's. NULL: none, or it is not ended. */
static const char *request_text(const struct request *q)
{
	size_t len = (size_t)q->head.len;

	return len && strlen(q->data) + 1 == len ? q->data : NULL;
}

static void until_hang_up(const struct request *q)
{
	struct pollfd p = { .fd = q->sock, .events = POLLIN };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

/* --- what is asked ---------------------------------------------------------------------------------------------------------- */

static int cmd_state(struct request *q, struct err *e)
{
	return answer(q, container_state(q->c));
}

static int cmd_init_pid(struct request *q, struct err *e)
{
	return answer(q, (uint64_t)(record_alive(&q->c->rec) ? q->c->rec.pid : -1));
}

static int cmd_init_pidfd(struct request *q, struct err *e)
{
	_cleanup_close_ int fd = proc_open(q->c->rec.pid, q->c->rec.pid_start);

	return answer_fd(q, fd, 0);
}

static int cmd_clone_flags(struct request *q, struct err *e)
{
	uint32_t flags = 0;

	for (unsigned i = 0; i < NS_MAX; i++)
		if (q->c->rec.ns_cloned & 1u << i)
			flags |= (uint32_t)ns_table[i].flag;
	return answer(q, flags);
}

static int cmd_name(struct request *q, struct err *e)
{
	return answer_text(q, q->c->name);
}

static int cmd_lxcpath(struct request *q, struct err *e)
{
	return answer_text(q, q->c->lxcpath);
}

static int cmd_config_item(struct request *q, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *key = request_text(q);
	int r = key ? container_config_get(q->c, key, &text, e) : -EINVAL;

	if (r < 0)
		return r;
	/* As LXC has it: what has no value is an error. */
	return text.len ? answer_text(q, buf_str(&text)) : -ENOENT;
}

static int cmd_devpts(struct request *q, struct err *e)
{
	_cleanup_close_ int root = inside_root(&q->c->rec, e), fd = -EBADF;
	struct statfs fs;

	if (root < 0)
		return root;
	fd = inroot_open_nolinks(root, "/dev/pts", O_DIRECTORY);
	return fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC ? -EBADF : answer_fd(q, fd, 0);
}

static int cmd_console_log(struct request *q, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct wire_console_log want;
	int r;

	if (q->head.len != sizeof(want))
		return -EINVAL;
	memcpy(&want, q->data, sizeof(want));
	r = container_console_log(q->c, want.read, want.clear, want.max, &text, e);
	if (r < 0)
		return r;
	return answer_all(q, &(struct lxc_answer){ .len = (int32_t)text.len }, buf_str(&text), NULL, 0);
}

/* --- control groups --------------------------------------------------------------------------------------------------------- */

static int32_t layout(struct request *q)
{
	struct cg_host *h;

	if (engine_cgroups(q->c->engine, &h, NULL) < 0)
		return LAYOUT_UNKNOWN;
	switch (cg_host_layout(h)) {
	case CG_V1:
		return LAYOUT_V1;
	case CG_HYBRID:
		return LAYOUT_HYBRID;
	case CG_V2:
		return LAYOUT_V2;
	default:
		return LAYOUT_UNKNOWN;
	}
}

static int cmd_cgroup(struct request *q, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ char *path = NULL;
	struct cg_place place;
	int r;

	if (q->head.len && !request_text(q))
		return -EINVAL;
	r = container_cgroup(q->c, &g, e);
	if (r == 0)
		r = cg_place(g, request_text(q), &place, e);
	if (r < 0)
		return r;
	fd_close(place.fd);
	return asprintf(&path, "/%s", place.path) < 0 ? -ENOMEM : answer_text(q, path);
}

static int cmd_cgroup2_fd(struct request *q, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r;

	/* Beside v1 it has no limits, which is what is asked for. */
	if (layout(q) != LAYOUT_V2)
		return -EINVAL;
	r = container_cgroup(q->c, &g, e);
	if (r < 0)
		return r;
	fd = cg_v2_fd(g);
	return answer_fd(q, fd, 0);
}

static int cmd_cgroup_fd(struct request *q, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct wire_cgroup w = { 0 };
	struct cg_place place;
	size_t len = (size_t)q->head.len < sizeof(w) ? (size_t)q->head.len : sizeof(w);
	int32_t want;
	int r;

	memcpy(&w, q->data, len);
	if (!*w.controller || !memchr(w.controller, '\0', sizeof(w.controller)))
		return -EINVAL;
	want = w.type;
	r = container_cgroup(q->c, &g, e);
	if (r == 0)
		r = cg_place(g, w.controller, &place, e);
	if (r < 0)
		return r;
	fd = place.fd;
	w.type = place.version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC;
	w.layout = layout(q);
	w.utilities = place.version == 2 ? UTILITY_DEVICES | UTILITY_FREEZER : 0;
	w.fd = -EBADF;
	if (want && want != w.type)
		return -EINVAL;
	return answer_all(q, &(struct lxc_answer){ .len = (int32_t)len }, &w, &fd, 1);
}

static int cmd_cgroups(struct request *q, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	struct wire_cgroups w = { .layout = layout(q) };
	size_t len = (size_t)q->head.len < sizeof(w) ? (size_t)q->head.len : sizeof(w);
	int fds[FD_PASS_MAX], r;

	r = container_cgroup(q->c, &g, e);
	if (r == 0)
		r = cg_dirs(g, fds, FD_PASS_MAX, e);
	/* Without a group of its own there is none to enter. */
	if (r <= 0)
		return -ENOENT;
	w.n = (uint32_t)r;
	w.utilities = w.layout == LAYOUT_V2 ? UTILITY_DEVICES | UTILITY_FREEZER : 0;
	r = answer_all(q, &(struct lxc_answer){ .len = (int32_t)len }, &w, fds, w.n);
	fds_close_many(fds, w.n);
	return r;
}

static int cmd_device(struct request *q, struct err *e)
{
	struct wire_device d;
	char rule[64], major[16] = "*", minor[16] = "*";
	int r;

	if (q->head.len < (int32_t)sizeof(d))
		return -EINVAL;
	memcpy(&d, q->data, sizeof(d));
	if (d.major >= 0)
		snprintf(major, sizeof(major), "%d", d.major);
	if (d.minor >= 0)
		snprintf(minor, sizeof(minor), "%d", d.minor);
	snprintf(rule, sizeof(rule), "%c %s:%s %.3s", d.type, major, minor, d.access);
	r = container_cgroup_set(q->c, d.allow ? "devices.allow" : "devices.deny", rule, e);
	return r < 0 ? r : answer(q, 0);
}

static int cmd_scope(struct request *q, struct err *e)
{
	const char *unit = q->c->rec.cgroup ? strstr(q->c->rec.cgroup, "unit:") : NULL;

	return unit ? answer_text(q, unit + strlen("unit:")) : -EINVAL;
}

/* --- what is told ----------------------------------------------------------------------------------------------------------- */

/* No answer: the connection ends when all is over. */
static int cmd_stop(struct request *q, struct err *e)
{
	struct stop_opts o = { .kill = true, .timeout_s = -1 };

	return container_stop(q->c, &o, e);
}

static int freeze(struct request *q, bool on, struct err *e)
{
	int r = container_freeze(q->c, on, e);

	return r < 0 ? r : answer(q, 0);
}

static int cmd_freeze(struct request *q, struct err *e)
{
	return freeze(q, true, e);
}

static int cmd_unfreeze(struct request *q, struct err *e)
{
	return freeze(q, false, e);
}

/* A client that freezes or thaws the group by itself says so, for those who wait. */
static int cmd_told_state(struct request *q, struct err *e)
{
	const unsigned known = 1u << RUN_FREEZING | 1u << RUN_FROZEN | 1u << RUN_THAWED | 1u << RUN_RUNNING;
	_cleanup_close_ int lock = -EBADF, dirfd = -EBADF;
	int r;

	if (q->head.arg >= LXC_STATE_MAX || !(known & 1u << q->head.arg))
		return -EINVAL;
	lock = record_lock(q->c->id, true, e);
	if (lock < 0)
		return lock;
	r = container_refresh(q->c, e);
	if (r < 0)
		return r;
	dirfd = record_open_dir(q->c->id, false, e);
	if (dirfd < 0 || !record_alive(&q->c->rec))
		return -ESRCH;
	r = record_set_state(dirfd, &q->c->rec, (enum run_state)q->head.arg, e);
	return r < 0 ? r : answer(q, 0);
}

static int cmd_wait_state(struct request *q, struct err *e)
{
	enum run_state state = container_state(q->c);
	struct monitor_msg m = { .type = MONITOR_STATE };
	int32_t wanted[LXC_STATE_MAX];
	unsigned states = 0;
	int r;

	if (q->head.len != sizeof(wanted))
		return -EINVAL;
	memcpy(wanted, q->data, sizeof(wanted));
	for (unsigned i = 0; i < LXC_STATE_MAX; i++)
		states |= wanted[i] == 1 ? 1u << i : 0;
	if (states & 1u << state)
		return answer_all(q, &(struct lxc_answer){ .ret = (int32_t)state, .value = state }, NULL, NULL, 0);
	r = answer_all(q, &(struct lxc_answer){ .ret = LXC_STATE_MAX, .value = LXC_STATE_MAX }, NULL, NULL, 0);
	if (r < 0)
		return 0;
	r = record_wait_for(q->c->id, states, -1, q->sock, &state, e);
	if (r != 1)
		return 0;
	snprintf(m.name, sizeof(m.name), "%s", q->c->name);
	m.value = (int32_t)state;
	(void)send_bytes(q->sock, &m, sizeof(m), NULL, 0);
	return 0;
}

struct console {
	struct request *q;
	int master;
	bool given;
};

/* We watch by now: nothing that is said from here on is lost. */
static void console_ready(void *arg, int tty)
{
	struct console *k = arg;

	k->given = answer_fd(k->q, k->master, (uint64_t)tty) == 0;
	k->master = fd_close(k->master);
}

/* The console is for all who watch: the client has a terminal of his own, and we pass on between the two. */
static int give_console(struct request *q, struct err *e)
{
	_cleanup_close_ int slave = -EBADF;
	struct console k = { .q = q, .master = -EBADF };
	struct termios saved;
	int r = pty_open(-EBADF, &k.master, &slave);

	if (r == 0)
		r = pty_raw(slave, &saved);
	if (r == 0 && (dup2(slave, STDIN_FILENO) < 0 || dup2(slave, STDOUT_FILENO) < 0))
		r = -errno;
	/* As its session we are told when its size changes. */
	if (r == 0 && setsid() >= 0)
		(void)ioctl(slave, TIOCSCTTY, 0);
	slave = fd_close(slave);
	if (r == 0)
		r = container_console(q->c, 0, -1, console_ready, &k, e);
	fd_close(k.master);
	return k.given ? 0 : r;
}

static int cmd_tty(struct request *q, struct err *e)
{
	_cleanup_close_ int kept = -EBADF, master = -EBADF;
	int want = (int32_t)q->head.arg, tty = 0, r;

	if (want == 0)
		return give_console(q, e);
	kept = container_take_tty(q->c, want, &tty, &master, e);
	if (kept < 0)
		return -EBADF;
	r = answer_fd(q, master, (uint64_t)tty);
	if (r == 0)
		until_hang_up(q);
	return r;
}

static int cmd_seccomp_fd(struct request *q, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int r = container_seccomp_listener(q->c, &fd, e);

	return r < 0 ? r : answer_fd(q, fd, 0);
}

/* A process that a client has put inside has a listener of its own: it follows, in a message of one byte. */
static int cmd_seccomp_add(struct request *q, struct err *e)
{
	const struct proxy_conf conf = {
		.address = q->c->spec.security.seccomp_proxy,
		.cookie = q->c->spec.security.seccomp_cookie,
		.monitor = q->c->rec.keeper,
		.init = q->c->rec.pid,
	};
	int fds[FD_PASS_MAX], r;
	size_t n = FD_PASS_MAX;
	char byte[8];
	pid_t pid;
	ssize_t got = fd_recv(q->sock, byte, sizeof(byte), fds, &n);

	if (got < 0)
		return (int)got;
	r = n == 1 && conf.address ? seccomp_proxy_start(&conf, fds[0], &pid, e) : -EINVAL;
	fds_close_many(fds, n);
	return r < 0 ? r : answer(q, 0);
}

/* By number. NULL: as LXC, no answer. */
static int (*const commands[])(struct request *q, struct err *e) = {
	[0] = cmd_tty,	       [1] = NULL, /* the size of a terminal, which nobody sends */
	[2] = cmd_stop,	       [COMMAND_STATE] = cmd_state,
	[4] = cmd_init_pid,    [5] = cmd_clone_flags,
	[6] = cmd_cgroup,      [7] = cmd_config_item,
	[8] = cmd_name,	       [9] = cmd_lxcpath,
	[10] = cmd_wait_state, [11] = cmd_console_log,
	[12] = cmd_told_state, [13] = cmd_seccomp_add,
	[14] = cmd_device,     [15] = cmd_freeze,
	[16] = cmd_unfreeze,   [17] = cmd_cgroup2_fd,
	[18] = cmd_init_pidfd, [19] = cmd_cgroup, /* of the group with the limits, which here is the same one */
	[20] = cmd_cgroup2_fd, [21] = cmd_devpts,
	[22] = cmd_seccomp_fd, [23] = cmd_cgroups,
	[24] = cmd_cgroup_fd,  [25] = cmd_cgroup_fd,
	[26] = cmd_scope,
};

/* --- one connection --------------------------------------------------------------------------------------------------------- */

/* The request with the credentials of who sent it, who need not be who connected: root, or the same user and group. */
static int receive_head(struct request *q)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec iov = { .iov_base = &q->head, .iov_len = sizeof(q->head) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	struct ucred who = { .uid = (uid_t)-1 };
	struct cmsghdr *h;
	ssize_t n;

	do
		n = recvmsg(q->sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(q->head))
		return -EPROTO;
	h = CMSG_FIRSTHDR(&msg);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_CREDENTIALS)
		memcpy(&who, CMSG_DATA(h), sizeof(who));
	return who.uid == 0 || (who.uid == geteuid() && who.gid == getegid()) ? 0 : -EPERM;
}

static int receive_request(struct request *q)
{
	const struct timeval wait = { .tv_sec = REQUEST_WAIT_S };
	int on = 1, r;
	ssize_t n;

	if (setsockopt(q->sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0 ||
	    setsockopt(q->sock, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0)
		return -errno;
	r = receive_head(q);
	if (r < 0)
		return r;
	if (q->head.len < 0 || q->head.len > LXC_COMMAND_DATA_MAX)
		return -E2BIG;
	n = q->head.len ? recv(q->sock, q->data, (size_t)q->head.len, MSG_WAITALL) : 0;
	return n < 0 ? -errno : n == q->head.len ? 0 : -EPROTO;
}

static int serve(struct request *q, struct err *e)
{
	size_t cmd = (uint32_t)q->head.cmd;
	int r = cmd >= ARRAY_SIZE(commands) ? -ENOSYS : commands[cmd] ? commands[cmd](q, e) : 0;

	if (r < 0)
		(void)answer_all(q, &(struct lxc_answer){ .ret = r }, NULL, NULL, 0);
	return r;
}

int engine_lxc_command(const char *id, int fd, struct err *e)
{
	_cleanup_(engine_freep) struct engine *g = NULL;
	_cleanup_free_ char *name = NULL;
	struct log log = { .fd = -EBADF };
	_cleanup_(request_done) struct request q = { .sock = fd };
	int r = receive_request(&q);

	if (r == -EPERM)
		(void)answer_all(&q, &(struct lxc_answer){ .ret = r }, NULL, NULL, 0);
	if (r < 0)
		return err_set(e, r, "take a request");
	r = engine_of_id(id, &log, &g, &name, e);
	if (r == 0)
		r = container_open(g, name, NULL, OPEN_MUST_EXIST, &q.c, e);
	return r < 0 ? r : serve(&q, e);
}
