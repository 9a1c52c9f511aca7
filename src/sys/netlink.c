/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

/* Room that a request may take at most; nl_msg() sends before less than this is left. */
#define MSG_ROOM 1024

static int open_here(int protocol)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int on = 1;

	if (fd < 0)
		return -errno;
	/* Kernels without one of these (before 4.12, 4.3, 4.20) only tell us less. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return fd;
}

struct helper {
	int netns_fd, protocol;
	int fd; /* what it made, or -errno */
};

static int helper_main(void *arg)
{
	struct helper *h = arg;

	h->fd = setns(h->netns_fd, CLONE_NEWNET) < 0 ? -errno : open_here(h->protocol);
	return 0;
}

/*
 * A socket belongs for ever to the name space it was made in. Going there and back in this thread could fail half way
 * (the way back needs rights over the name space we came from), so a helper goes: it shares our memory and fd table,
 * we sleep until it is gone, and no SIGCHLD tells anyone about it.
 */
static int open_there(int netns_fd, int protocol)
{
	struct helper h = { .netns_fd = netns_fd, .protocol = protocol, .fd = -ECHILD };
	char stack[16384] __attribute__((__aligned__(16)));
	sigset_t all, saved;
	pid_t pid;
	int r;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &saved);
	pid = clone(helper_main, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES, &h);
	r = pid < 0 ? -errno : 0;
	if (pid > 0)
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	sigprocmask(SIG_SETMASK, &saved, NULL);
	return r < 0 ? r : h.fd;
}

static int open_socket(int netns_fd, int protocol, struct err *e)
{
	int fd = netns_fd < 0 ? open_here(protocol) : open_there(netns_fd, protocol);

	if (fd < 0)
		return err_set(e, fd, "open a netlink socket%s", netns_fd < 0 ? "" : " in the network name space");
	return fd;
}

int nl_open(int netns_fd, struct err *e)
{
	return open_socket(netns_fd, NETLINK_ROUTE, e);
}

int nl_open_generic(int netns_fd, struct err *e)
{
	return open_socket(netns_fd, NETLINK_GENERIC, e);
}

void nl_begin(struct nl_batch *b, int fd, struct err *e)
{
	b->fd = fd;
	b->r = 0;
	b->e = e;
	b->seq = 1;
	b->n = 0;
	b->cur = b->len = 0;
}

static struct nlmsghdr *current(struct nl_batch *b)
{
	return (void *)(b->data + b->cur);
}

static void fail(struct nl_batch *b, int r)
{
	if (!b->r)
		b->r = err_set(b->e, r, "%s", b->n ? b->ops[b->n - 1].what : "netlink");
}

static int flush(struct nl_batch *b);

void nl_msg(struct nl_batch *b, uint16_t type, uint16_t flags, const void *head, size_t head_len, const char *fmt, ...)
{
	struct nlmsghdr *h;
	va_list ap;

	if (b->r)
		return;
	if (b->n == NL_BATCH_OPS || b->len + MSG_ROOM > NL_BATCH_BYTES) {
		(void)flush(b);
		if (b->r)
			return;
	}
	b->cur = b->len;
	h = current(b);
	memset(h, 0, sizeof(*h));
	h->nlmsg_len = (uint32_t)NLMSG_LENGTH(head_len);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = b->seq + b->n;
	memset(NLMSG_DATA(h), 0, NLMSG_ALIGN(head_len));
	memcpy(NLMSG_DATA(h), head, head_len);
	va_start(ap, fmt);
	vsnprintf(b->ops[b->n].what, NL_WHAT_MAX, fmt, ap);
	va_end(ap);
	b->ops[b->n].allow = 0;
	b->n++;
	b->len += NLMSG_ALIGN(h->nlmsg_len);
}

void nl_allow(struct nl_batch *b, int neg_errno)
{
	if (!b->r)
		b->ops[b->n - 1].allow = neg_errno;
}

void nl_put(struct nl_batch *b, uint16_t attr, const void *data, size_t len)
{
	struct nlmsghdr *h;
	struct nlattr *a;

	if (b->r)
		return;
	if (len > UINT16_MAX - NLA_HDRLEN || b->len + NLA_HDRLEN + NLA_ALIGN(len) > NL_BATCH_BYTES) {
		fail(b, -EMSGSIZE);
		return;
	}
	h = current(b);
	a = (void *)(b->data + b->len);
	*a = (struct nlattr){ .nla_type = attr, .nla_len = (uint16_t)(NLA_HDRLEN + len) };
	/* What pads it to four bytes goes to the kernel, too. */
	memset((char *)a + NLA_HDRLEN, 0, NLA_ALIGN(len));
	if (len)
		memcpy((char *)a + NLA_HDRLEN, data, len);
	b->len += NLA_HDRLEN + NLA_ALIGN(len);
	h->nlmsg_len = (uint32_t)(b->len - b->cur);
}

void nl_put_u8(struct nl_batch *b, uint16_t attr, uint8_t v)
{
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_u16(struct nl_batch *b, uint16_t attr, uint16_t v)
{
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_u32(struct nl_batch *b, uint16_t attr, uint32_t v)
{
	nl_put(b, attr, &v, sizeof(v));
}

void nl_put_str(struct nl_batch *b, uint16_t attr, const char *s)
{
	nl_put(b, attr, s, strlen(s) + 1);
}

struct nlattr *nl_nest(struct nl_batch *b, uint16_t attr)
{
	struct nlattr *nest = (void *)(b->data + b->len);

	nl_put(b, NLA_F_NESTED | attr, NULL, 0);
	return b->r ? NULL : nest;
}

void nl_unnest(struct nl_batch *b, struct nlattr *nest)
{
	if (!b->r && nest)
		nest->nla_len = (uint16_t)(b->data + b->len - (char *)nest);
}

void nl_put_head(struct nl_batch *b, const void *head, size_t head_len)
{
	struct nlmsghdr *h;
	char *tail;

	if (b->r)
		return;
	h = current(b);
	tail = (char *)h + NLMSG_ALIGN(h->nlmsg_len);
	if (tail + NLMSG_ALIGN(head_len) > b->data + NL_BATCH_BYTES) {
		fail(b, -EMSGSIZE);
		return;
	}
	memset(tail, 0, NLMSG_ALIGN(head_len));
	memcpy(tail, head, head_len);
	h->nlmsg_len = (uint32_t)(NLMSG_ALIGN(h->nlmsg_len) + NLMSG_ALIGN(head_len));
	b->len = b->cur + NLMSG_ALIGN(h->nlmsg_len);
}

/* The attributes in DATA[0..LEN), by type. One that claims more than is there ends the walk. */
static void sort_attrs(const void *data, size_t len, const struct nlattr **tb, unsigned max)
{
	const struct nlattr *a = data;

	for (unsigned i = 0; i <= max; i++)
		tb[i] = NULL;
	while (len >= sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= len) {
		unsigned type = a->nla_type & NLA_TYPE_MASK;
		size_t step = NLA_ALIGN(a->nla_len);

		if (type <= max)
			tb[type] = a;
		len -= step < len ? step : len;
		a = (const void *)((const char *)a + step);
	}
}

static size_t attr_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

static const void *attr_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

void nl_attrs(const struct nlmsghdr *h, size_t head_len, const struct nlattr **tb, unsigned max)
{
	size_t skip = NLMSG_LENGTH(NLMSG_ALIGN(head_len));

	sort_attrs((const char *)h + skip, h->nlmsg_len > skip ? h->nlmsg_len - skip : 0, tb, max);
}

void nl_attrs_nested(const struct nlattr *nest, const struct nlattr **tb, unsigned max)
{
	sort_attrs(attr_data(nest), attr_len(nest), tb, max);
}

const void *nl_attr_fits(const struct nlattr *a, size_t len)
{
	return a && attr_len(a) >= len ? attr_data(a) : NULL;
}

const char *nl_attr_text(const struct nlattr *a)
{
	const char *s;

	if (!a)
		return NULL;
	s = attr_data(a);
	return memchr(s, '\0', attr_len(a)) ? s : NULL;
}

/* The kernel's own words behind an error, or NULL. With NETLINK_CAP_ACK they follow the failed request's header. */
static const char *ext_message(const struct nlmsghdr *h)
{
	const struct nlmsgerr *m = NLMSG_DATA(h);
	const struct nlattr *tb[NLMSGERR_ATTR_MSG + 1];
	size_t skip = sizeof(*m);

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(m->msg.nlmsg_len) - sizeof(m->msg);
	if (NLMSG_PAYLOAD(h, 0) < skip)
		return NULL;
	nl_attrs(h, skip, tb, NLMSGERR_ATTR_MSG);
	return nl_attr_text(tb[NLMSGERR_ATTR_MSG]);
}

/* Takes one NLMSG_ERROR. Returns its request's index, or -1 when it is not of this batch. */
static int take_ack(struct nl_batch *b, const struct nlmsghdr *h)
{
	const struct nlmsgerr *m = NLMSG_DATA(h);
	uint32_t i = h->nlmsg_seq - b->seq;
	const char *ext;

	if (i >= b->n || NLMSG_PAYLOAD(h, 0) < sizeof(*m))
		return -1;
	if (m->error == 0 || m->error == b->ops[i].allow || b->r)
		return (int)i;
	ext = ext_message(h);
	b->r = ext ? err_set(b->e, m->error, "%s: %s", b->ops[i].what, ext)
		   : err_set(b->e, m->error, "%s", b->ops[i].what);
	return (int)i;
}

/* H is a whole message in the LEFT bytes of a datagram. */
static bool msg_ok(const struct nlmsghdr *h, size_t left)
{
	return left >= sizeof(*h) && h->nlmsg_len >= sizeof(*h) && h->nlmsg_len <= left;
}

static const struct nlmsghdr *msg_next(const struct nlmsghdr *h, size_t *left)
{
	size_t step = NLMSG_ALIGN(h->nlmsg_len);

	*left -= step < *left ? step : *left;
	return (const void *)((const char *)h + step);
}

/* One datagram from the kernel. Bytes, or -errno. */
static ssize_t receive(int fd, void *data, size_t size)
{
	struct sockaddr_nl from = { 0 };
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	/* Any process may send to a netlink socket; only the kernel is port 0. */
	do
		n = recvmsg(fd, &msg, 0);
	while ((n < 0 && errno == EINTR) || (n >= 0 && from.nl_pid != 0));
	if (n < 0)
		return -errno;
	return msg.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

static int transmit(struct nl_batch *b)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	do
		n = sendto(b->fd, b->data, b->len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static void forget(struct nl_batch *b)
{
	b->seq += b->n;
	b->n = 0;
	b->cur = b->len = 0;
}

static int flush(struct nl_batch *b)
{
	char data[4096] __attribute__((__aligned__(8)));
	int last = -1, r;

	if (b->r || !b->n)
		return b->r;
	current(b)->nlmsg_flags |= NLM_F_ACK;
	r = transmit(b);
	if (r < 0)
		fail(b, r);
	while (r == 0 && last != (int)b->n - 1) {
		ssize_t n = receive(b->fd, data, sizeof(data));
		const struct nlmsghdr *h = (const void *)data;
		size_t left = (size_t)n;

		if (n < 0) {
			fail(b, (int)n);
			break;
		}
		for (; msg_ok(h, left); h = msg_next(h, &left))
			if (h->nlmsg_type == NLMSG_ERROR) {
				int i = take_ack(b, h);

				last = i > last ? i : last;
			}
	}
	forget(b);
	return b->r;
}

int nl_commit(struct nl_batch *b)
{
	return flush(b);
}

/* One datagram of answers. 1: the answer is complete, 0: more to come, or a failure (sticky) or CB's own end. */
static int take_answers(struct nl_batch *b, const void *data, ssize_t n, nl_answer_fn cb, void *arg, bool *intr)
{
	const struct nlmsghdr *h = data;
	size_t left = (size_t)n;
	int r;

	for (; msg_ok(h, left); h = msg_next(h, &left)) {
		if (h->nlmsg_seq != b->seq)
			continue;
		*intr |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (h->nlmsg_type == NLMSG_ERROR) {
			take_ack(b, h);
			return b->r ?: 1;
		}
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		r = cb(h, arg, b->e);
		if (r != 0)
			return b->r = r;
		if (!(h->nlmsg_flags & NLM_F_MULTI))
			return 1;
	}
	return 0;
}

int nl_query(struct nl_batch *b, nl_answer_fn cb, void *arg)
{
	char data[32768] __attribute__((__aligned__(8)));
	bool intr = false;
	int r = b->r;

	if (r)
		return r;
	r = transmit(b);
	if (r < 0)
		fail(b, r);
	while (r == 0) {
		ssize_t n = receive(b->fd, data, sizeof(data));

		if (n < 0) {
			fail(b, (int)n);
			break;
		}
		r = take_answers(b, data, n, cb, arg, &intr);
	}
	forget(b);
	if (!b->r && intr)
		return err_set(b->e, -EINTR, "%s", "netlink dump changed while it was read");
	return b->r;
}
