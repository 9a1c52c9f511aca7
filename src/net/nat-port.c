/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Published ports, as elements of the maps in "inet creel-nat". One message of nf_tables does it: the nft program would
 * take longer to start than the container.
 */

#include "net/nat.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "base/strv.h"
#include "net/driver.h"
#include "net/nat-inner.h"

#define MESSAGE_MAX 512

static const struct name protocols[] = {
	{ "tcp", IPPROTO_TCP },
	{ "udp", IPPROTO_UDP },
	{ "sctp", IPPROTO_SCTP },
	{ NULL, 0 },
};

static int port_number(const char *s, uint16_t *ret)
{
	uint32_t v;
	int r = parse_u32(s, &v);

	if (r < 0 || v == 0 || v > 65535)
		return -EINVAL;
	*ret = (uint16_t)v;
	return 0;
}

int net_port_parse(const char *text, struct net_port *ret, struct err *e)
{
	static const uint8_t zero[16];
	_cleanup_strv_ struct strv w = STRV_INIT;
	const struct name *proto;
	struct net_port p = { 0 };
	int r = strv_split(&w, text, " ", e);

	if (r < 0)
		return r;
	if (w.n != 5)
		return err_kind(e, ERR_INVALID, -EINVAL, "port '%s' is not 'PROTO ADDRESS PORT ADDRESS PORT'", text);
	proto = name_find(protocols, w.v[0]);
	p.family = strchr(w.v[1], ':') ? AF_INET6 : AF_INET;
	if (!proto)
		return err_kind(e, ERR_INVALID, -EINVAL, "port '%s': protocol '%s' is none of tcp, udp, sctp", text,
				w.v[0]);
	p.proto = (uint8_t)proto->value;
	if (inet_pton(p.family, w.v[1], p.host) != 1 || inet_pton(p.family, w.v[3], p.to) != 1 ||
	    port_number(w.v[2], &p.host_port) < 0 || port_number(w.v[4], &p.to_port) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"port '%s': addresses of one family and ports 1 to 65535 are needed", text);
	p.any = memcmp(p.host, zero, sizeof(zero)) == 0;
	*ret = p;
	return 0;
}

/* --- one message ---------------------------------------------------------------------------------------------------- */

struct message {
	char data[MESSAGE_MAX] __attribute__((__aligned__(8)));
	size_t len;
};

static void *put(struct message *m, const void *data, size_t len)
{
	char *at = m->data + m->len;

	memset(at, 0, NLA_ALIGN(len));
	if (data)
		memcpy(at, data, len);
	m->len += NLA_ALIGN(len);
	return at;
}

static struct nlattr *attr(struct message *m, uint16_t type, const void *data, size_t len)
{
	const struct nlattr a = { .nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + len) };
	struct nlattr *at = put(m, &a, sizeof(a));

	if (len)
		put(m, data, len);
	return at;
}

static void attr_end(const struct message *m, struct nlattr *a)
{
	a->nla_len = (uint16_t)(m->data + m->len - (char *)a);
}

static struct nlmsghdr *header(struct message *m, uint16_t type, uint16_t flags, uint8_t family, uint16_t res,
			       uint32_t seq)
{
	const struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = seq };
	const struct nfgenmsg g = { .nfgen_family = family, .version = NFNETLINK_V0, .res_id = htons(res) };
	struct nlmsghdr *at = put(m, &h, sizeof(h));

	put(m, &g, sizeof(g));
	at->nlmsg_len = NLMSG_LENGTH(sizeof(g));
	return at;
}

/* A value of the element: what is concatenated takes whole words of 32 bits each. */
static void value(struct message *m, uint16_t type, const uint8_t *data, size_t len)
{
	struct nlattr *outer = attr(m, type | NLA_F_NESTED, NULL, 0);

	attr(m, NFTA_DATA_VALUE, data, len);
	attr_end(m, outer);
}

static size_t add_word(uint8_t *to, size_t at, const void *data, size_t len)
{
	memset(to + at, 0, NLA_ALIGN(len));
	memcpy(to + at, data, len);
	return at + NLA_ALIGN(len);
}

static size_t target(const struct net_port *p, uint8_t to[static 32])
{
	const uint16_t port = htons(p->to_port);

	return add_word(to, add_word(to, 0, p->to, net_addr_len(p->family)), &port, 2);
}

static void element(struct message *m, const struct net_port *p)
{
	const uint16_t host_port = htons(p->host_port);
	struct nlattr *list = attr(m, NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED, NULL, 0);
	struct nlattr *one = attr(m, NFTA_LIST_ELEM | NLA_F_NESTED, NULL, 0);
	uint8_t key[32], to[32];
	size_t n = add_word(key, 0, &p->proto, 1);

	if (!p->any)
		n = add_word(key, n, p->host, net_addr_len(p->family));
	n = add_word(key, n, &host_port, 2);
	value(m, NFTA_SET_ELEM_KEY, key, n);
	value(m, NFTA_SET_ELEM_DATA, to, target(p, to));
	attr_end(m, one);
	attr_end(m, list);
}

/* Sends and takes the one answer. Bytes, or -errno. */
static ssize_t ask(const struct message *m, char *answer, size_t size)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (sendto(fd, m->data, m->len, 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	n = recv(fd, answer, size, 0);
	if (n < 0)
		return -errno;
	return NLMSG_OK((const struct nlmsghdr *)answer, (size_t)n) ? n : -EPROTO;
}

static const char *map_of(const struct net_port *p)
{
	static const char *const maps[2][2] = { { "at4", "any4" }, { "at6", "any6" } };

	return maps[p->family == AF_INET6][p->any];
}

static struct nlmsghdr *element_message(struct message *m, const struct net_port *p, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = header(m, NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET, 0, 1);

	attr(m, NFTA_SET_ELEM_LIST_TABLE, NAT_TABLE, sizeof(NAT_TABLE));
	attr(m, NFTA_SET_ELEM_LIST_SET, map_of(p), strlen(map_of(p)) + 1);
	element(m, p);
	h->nlmsg_len = (uint32_t)(m->data + m->len - (char *)h);
	return h;
}

/* Adds or takes away. The kernel answers the one message that wants it, or says what was wrong with it. */
static int change(const struct net_port *p, bool add)
{
	char answer[1024] __attribute__((__aligned__(8)));
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	struct message m = { .len = 0 };
	ssize_t n;

	header(&m, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 0);
	element_message(&m, p, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, NLM_F_ACK | (add ? NLM_F_CREATE : 0));
	header(&m, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES, 2);
	n = ask(&m, answer, sizeof(answer));
	if (n < 0)
		return (int)n;
	if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return -EPROTO;
	return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
}

/* Where the port leads is what P says: 1; elsewhere: 0; it is not published: -ENOENT. */
static int leads_there(const struct net_port *p)
{
	const struct nlattr *list[NFTA_SET_ELEM_LIST_MAX + 1], *one[NFTA_LIST_MAX + 1], *tb[NFTA_SET_ELEM_MAX + 1],
		*data[NFTA_DATA_MAX + 1];
	char answer[1024] __attribute__((__aligned__(8)));
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	struct message m = { .len = 0 };
	uint8_t to[32];
	size_t len;
	ssize_t n;

	element_message(&m, p, NFT_MSG_GETSETELEM, 0);
	n = ask(&m, answer, sizeof(answer));
	if (n < 0)
		return (int)n;
	if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct nlmsgerr)))
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error ?: -ENOENT;
	nl_attrs(h, sizeof(struct nfgenmsg), list, NFTA_SET_ELEM_LIST_MAX);
	if (!list[NFTA_SET_ELEM_LIST_ELEMENTS])
		return -ENOENT;
	nl_attrs_nested(list[NFTA_SET_ELEM_LIST_ELEMENTS], one, NFTA_LIST_MAX);
	if (!one[NFTA_LIST_ELEM])
		return -ENOENT;
	nl_attrs_nested(one[NFTA_LIST_ELEM], tb, NFTA_SET_ELEM_MAX);
	if (!tb[NFTA_SET_ELEM_DATA])
		return 0;
	nl_attrs_nested(tb[NFTA_SET_ELEM_DATA], data, NFTA_DATA_MAX);
	len = target(p, to);
	return nl_attr_fits(data[NFTA_DATA_VALUE], len) &&
	       memcmp(nl_attr_fits(data[NFTA_DATA_VALUE], len), to, len) == 0;
}

static const char *host_text(const struct net_port *p, char buf[static INET6_ADDRSTRLEN])
{
	return inet_ntop(p->family, p->host, buf, INET6_ADDRSTRLEN);
}

int net_publish(const struct net_port *p, struct err *e)
{
	char text[INET6_ADDRSTRLEN];
	int r = change(p, true);

	if (r == -EEXIST)
		return err_kind(e, ERR_EXISTS, r, "Bind for %s:%u failed: port is already allocated",
				host_text(p, text), p->host_port);
	return r < 0 ? err_set(e, r, "publish port %u of the host", p->host_port) : 0;
}

/* The kernel takes an element away by its key alone, and the port may be another's by now. */
int net_unpublish(const struct net_port *p, struct err *e)
{
	int r = leads_there(p);

	if (r > 0)
		r = change(p, false);

	return r < 0 && r != -ENOENT ? err_set(e, r, "take published port %u back", p->host_port) : 0;
}

int net_port_free(const struct net_port *p, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(p->host_port) };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(p->host_port) };
	const bool v4 = p->family == AF_INET, tcp = p->proto == IPPROTO_TCP;
	const int one = 1;
	char text[INET6_ADDRSTRLEN];

	if (p->proto == IPPROTO_SCTP)
		return 0;
	memcpy(&a4.sin_addr, p->host, 4);
	memcpy(&a6.sin6_addr, p->host, 16);
	fd = socket(p->family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "open a socket");
	/* Connections that have just ended keep nobody from listening; and a host without IPv6 has nothing in use there. */
	if (tcp)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, v4 ? (struct sockaddr *)&a4 : (struct sockaddr *)&a6, v4 ? sizeof(a4) : sizeof(a6)) == 0)
		return 0;
	if (!v4 && errno == EADDRNOTAVAIL && p->any)
		return 0;
	return err_kind(e, errno == EADDRINUSE ? ERR_EXISTS : ERR_SYSTEM, -errno,
			"failed to bind host port for %s:%u/%s: %s", host_text(p, text), p->host_port,
			name_of(protocols, p->proto),
			errno == EADDRINUSE ? "address already in use" : "cannot assign requested address");
}
