/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/parse.h"
#include "net/driver.h"

size_t net_addr_len(int family)
{
	return family == AF_INET ? 4 : 16;
}

const char *net_ip_text(int family, const void *addr, char buf[static NET_ADDR_TEXT])
{
	return inet_ntop(family, addr, buf, NET_ADDR_TEXT) ?: "?";
}

const char *net_addr_text(const struct net_addr *a, char buf[static NET_ADDR_TEXT])
{
	size_t n;

	net_ip_text(a->family, a->addr, buf);
	n = strlen(buf);
	snprintf(buf + n, NET_ADDR_TEXT - n, "/%u", a->prefix);
	return buf;
}

/* Clears (or with ONES sets) the bits of IP behind PREFIX. */
static void mask_tail(uint8_t *ip, size_t len, unsigned prefix, bool ones)
{
	for (size_t i = 0; i < len; i++) {
		unsigned keep = prefix > i * 8 ? prefix - (unsigned)i * 8 : 0;
		uint8_t tail = keep >= 8 ? 0 : (uint8_t)(0xff >> keep);

		ip[i] = ones ? ip[i] | tail : ip[i] & (uint8_t)~tail;
	}
}

bool net_addr_holds(const struct net_addr *a, const uint8_t *ip)
{
	size_t len = net_addr_len(a->family);
	uint8_t x[16], y[16];

	memcpy(x, a->addr, len);
	memcpy(y, ip, len);
	mask_tail(x, len, a->prefix, false);
	mask_tail(y, len, a->prefix, false);
	return memcmp(x, y, len) == 0;
}

/* The prefix that an address of the old classes had; 0: it is no host's address. */
static unsigned class_prefix(const uint8_t *ip)
{
	return ip[0] < 128 ? 8 : ip[0] < 192 ? 16 : ip[0] < 224 ? 24 : 0;
}

/* Splits S at its first blank or slash: the address goes to IP, the rest (from the separator on) is returned. */
static const char *take_ip(int family, const char *s, void *ip)
{
	char text[NET_ADDR_TEXT];
	size_t n = strcspn(s, "/ \t");

	if (n >= sizeof(text))
		return NULL;
	memcpy(text, s, n);
	text[n] = '\0';
	return inet_pton(family, text, ip) == 1 ? s + n : NULL;
}

static const char *take_prefix(int family, const char *s, uint8_t *ret)
{
	char text[4];
	size_t n = strcspn(s, " \t");
	uint32_t v;

	if (n >= sizeof(text))
		return NULL;
	memcpy(text, s, n);
	text[n] = '\0';
	if (parse_u32(text, &v) < 0 || v > net_addr_len(family) * 8)
		return NULL;
	*ret = (uint8_t)v;
	return s + n;
}

static int bad_addr(int family, const char *s, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "bad %s address '%s': expected %s",
			family == AF_INET ? "IPv4" : "IPv6", s,
			family == AF_INET ? "A.B.C.D[/0-32] [BROADCAST]" : "ADDRESS[/0-128]");
}

/* Broadcast, none or said: only subnets of four addresses and more have one. */
static int addr_tail(const char *rest, struct net_addr *a)
{
	rest += strspn(rest, " \t");
	if (*rest) {
		if (a->family != AF_INET)
			return -EINVAL;
		rest = take_ip(AF_INET, rest, a->brd);
		if (!rest || rest[strspn(rest, " \t")])
			return -EINVAL;
		a->has_brd = true;
	} else if (a->family == AF_INET && a->prefix < 31) {
		memcpy(a->brd, a->addr, 4);
		mask_tail(a->brd, 4, a->prefix, true);
		a->has_brd = true;
	}
	return 0;
}

int net_addr_parse(int family, const char *s, struct net_addr *ret, struct err *e)
{
	struct net_addr a = { .family = (uint8_t)family };
	const char *rest = take_ip(family, s, a.addr);

	if (!rest)
		return bad_addr(family, s, e);
	if (*rest == '/')
		rest = take_prefix(family, rest + 1, &a.prefix);
	else
		a.prefix = family == AF_INET ? (uint8_t)class_prefix(a.addr) : 64;
	if (!rest || addr_tail(rest, &a) < 0)
		return bad_addr(family, s, e);
	if (family == AF_INET ? a.addr[0] == 0 || a.addr[0] >= 224 : a.addr[0] == 0xff)
		return err_kind(e, ERR_INVALID, -EINVAL, "bad %s address '%s': not the address of a host",
				family == AF_INET ? "IPv4" : "IPv6", s);
	*ret = a;
	return 0;
}

int net_route_parse(int family, const char *s, struct net_addr *ret, struct err *e)
{
	struct net_addr a = { .family = (uint8_t)family };
	const char *rest = take_ip(family, s, a.addr);

	if (rest && *rest == '/')
		rest = take_prefix(family, rest + 1, &a.prefix);
	else
		rest = NULL;
	if (!rest || *rest)
		return err_kind(e, ERR_INVALID, -EINVAL, "bad %s route '%s': expected ADDRESS/PREFIX",
				family == AF_INET ? "IPv4" : "IPv6", s);
	mask_tail(a.addr, net_addr_len(family), a.prefix, false);
	*ret = a;
	return 0;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

int net_mac_parse(const char *s, uint8_t ret[static 6])
{
	uint8_t mac[6];

	for (int i = 0; i < 6; i++) {
		int hi = hex_value(*s), lo;

		if (hi < 0)
			return -EINVAL;
		s++;
		lo = hex_value(*s);
		if (lo >= 0)
			s++;
		mac[i] = (uint8_t)(lo >= 0 ? hi * 16 + lo : hi);
		if (*s++ != (i < 5 ? ':' : '\0'))
			return -EINVAL;
	}
	memcpy(ret, mac, 6);
	return 0;
}

int net_hwaddr_fill(char *hwaddr, struct err *e)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t random[17], mac[6];
	char out[18];
	size_t len = strlen(hwaddr);

	if (len >= sizeof(out))
		goto bad;
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(e, -errno, "get random digits for hardware address '%s'", hwaddr);
	memcpy(out, hwaddr, len + 1);
	for (size_t i = 0; i < len; i++)
		/* The second digit holds the multicast bit. */
		if ((out[i] | 32) == 'x')
			out[i] = hex[random[i] & (i == 1 ? 0x0e : 0x0f)];
	if (net_mac_parse(out, mac) < 0)
		goto bad;
	memcpy(hwaddr, out, len);
	return 0;
bad:
	return err_kind(e, ERR_INVALID, -EINVAL,
			"bad hardware address '%s': expected six hexadecimal bytes, an x for each random digit, "
			"as in 10:66:6a:xx:xx:xx",
			hwaddr);
}
