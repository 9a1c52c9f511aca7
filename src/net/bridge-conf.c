/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/parse.h"
#include "net/driver.h"

/*
 * lxc-net's file is shell text that lxc-net sources. Assignments are all that it holds in practice, so they are all
 * that is read here; nothing is ever run.
 */

#define CONF_MAX (1u << 20)

enum var_type { V_TEXT, V_BOOL, V_U32, V_IFNAME, V_IP4, V_IP6, V_NET4, V_NET6, V_MAC, V_WORD };

static const struct var {
	const char *name;
	enum var_type type;
	size_t offset, size;
	const char *def, *expected;
} vars[] = {
#define VAR(name, type, member, def, expected)                                                                  \
	{                                                                                                       \
		name, type, offsetof(struct net_bridge, member), sizeof(((struct net_bridge *)0)->member), def, \
			expected                                                                                \
	}
	VAR("USE_LXC_BRIDGE", V_BOOL, use, "true", "true or false"),
	VAR("LXC_BRIDGE", V_IFNAME, bridge, "lxcbr0", "an interface name of letters, digits, '-', '_' and '.'"),
	VAR("LXC_BRIDGE_MAC", V_MAC, mac, "10:66:6a:00:00:00", "a hardware address"),
	VAR("LXC_ADDR", V_IP4, addr, "10.0.3.1", "an IPv4 address"),
	VAR("LXC_NETMASK", V_IP4, netmask, "255.255.255.0", "a netmask as in 255.255.255.0"),
	VAR("LXC_NETWORK", V_NET4, network, "10.0.3.0/24", "a network as in 10.0.3.0/24"),
	VAR("LXC_DHCP_RANGE", V_WORD, dhcp_range, "10.0.3.2,10.0.3.254", "two addresses with a comma between"),
	VAR("LXC_DHCP_MAX", V_U32, dhcp_max, "253", "a number"),
	VAR("LXC_DHCP_CONFILE", V_TEXT, dhcp_confile, "", "a path"),
	VAR("LXC_DHCP_PING", V_BOOL, dhcp_ping, "true", "true or false"),
	VAR("LXC_DOMAIN", V_WORD, domain, "", "a domain name"),
	VAR("LXC_IPV6_ENABLE", V_BOOL, ipv6_enable, "true", "true or false"),
	VAR("LXC_IPV6_ADDR", V_IP6, ipv6_addr, "", "an IPv6 address"),
	VAR("LXC_IPV6_MASK", V_WORD, ipv6_mask, "", "a prefix length"),
	VAR("LXC_IPV6_NETWORK", V_NET6, ipv6_network, "", "a network as in fd00:1::/64"),
	VAR("LXC_IPV6_NAT", V_BOOL, ipv6_nat, "false", "true or false"),
#undef VAR
};

static bool chars_ok(const char *s, const char *extra)
{
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(extra, *s))
			return false;
	return true;
}

/* The text goes into firewall rules and command lines: each kind lets through only what it is made of. */
static bool text_ok(enum var_type type, const char *s)
{
	struct net_addr a;
	uint8_t bin[16];

	switch (type) {
	case V_TEXT:
		return *s == '\0' || *s == '/';
	case V_IFNAME:
		return *s && chars_ok(s, "-_.") && isalnum((unsigned char)*s);
	case V_IP4:
		return inet_pton(AF_INET, s, bin) == 1;
	case V_IP6:
		return !*s || inet_pton(AF_INET6, s, bin) == 1;
	case V_NET4:
		return net_route_parse(AF_INET, s, &a, NULL) == 0;
	case V_NET6:
		return !*s || net_route_parse(AF_INET6, s, &a, NULL) == 0;
	case V_MAC:
		return !*s || net_mac_parse(s, bin) == 0;
	case V_WORD:
		return chars_ok(s, "-_.,:/");
	case V_BOOL:
	case V_U32:
		break;
	}
	return false;
}

static bool assign(const struct var *v, const char *s, struct net_bridge *b)
{
	char *at = (char *)b + v->offset;
	uint32_t n;

	if (v->type == V_BOOL) {
		/* lxc-net compares with "true"; the empty word and "false" are no. */
		if (!streq(s, "true") && !streq(s, "false") && *s)
			return false;
		*(bool *)at = streq(s, "true");
		return true;
	}
	if (v->type == V_U32) {
		if (parse_u32(s, &n) < 0)
			return false;
		memcpy(at, &n, sizeof(n));
		return true;
	}
	if (strlen(s) >= v->size || !text_ok(v->type, s))
		return false;
	memset(at, 0, v->size);
	snprintf(at, v->size, "%s", s);
	return true;
}

/* Takes one shell word off *S (quotes removed, in place). False: it holds what only a shell can evaluate. */
static bool take_word(char **s, char **ret)
{
	char *in = *s, *out = *s, quote = 0;

	*ret = out;
	for (; *in && (quote || !strchr(" \t;#", *in)); in++) {
		if (quote != '\'' && (*in == '$' || *in == '`'))
			return false;
		if (quote ? *in == quote : *in == '"' || *in == '\'')
			quote = quote ? 0 : *in;
		else if (*in == '\\' && quote != '\'' && in[1])
			*out++ = *++in;
		else
			*out++ = *in;
	}
	*s = in;
	*out = '\0';
	return quote == 0;
}

static int read_line(const char *file, unsigned number, char *line, struct net_bridge *b, struct err *e)
{
	char *value, *rest, *name = line + strspn(line, " \t");
	const char *exported = startswith(name, "export ");
	size_t n;

	if (exported) {
		name += strlen("export ");
		name += strspn(name, " \t");
	}
	n = strcspn(name, "= \t#");
	if (name[n] != '=')
		return 0;
	name[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(vars); i++) {
		if (!streq(vars[i].name, name))
			continue;
		rest = name + n + 1;
		if (!take_word(&rest, &value))
			return err_kind(e, ERR_INVALID, -EINVAL,
					"%s:%u: %s: this file is read, not run: expected a plain value, %s", file,
					number, name, vars[i].expected);
		if (!assign(&vars[i], value, b))
			return err_kind(e, ERR_INVALID, -EINVAL, "%s:%u: bad %s '%s': expected %s", file, number, name,
					value, vars[i].expected);
	}
	return 0;
}

/* What must fit together. */
static int check(const char *file, const struct net_bridge *b, struct err *e)
{
	struct net_addr net;
	uint8_t ip[16];
	uint32_t mask, prefix;

	inet_pton(AF_INET, b->netmask, &mask);
	mask = ntohl(mask);
	if (net_route_parse(AF_INET, b->network, &net, e) < 0)
		return -EINVAL;
	if (mask != (net.prefix ? ~0u << (32 - net.prefix) : 0))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: LXC_NETMASK %s is not that of LXC_NETWORK %s", file,
				b->netmask, b->network);
	inet_pton(AF_INET, b->addr, ip);
	if (!net_addr_holds(&net, ip))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: LXC_ADDR %s is not in LXC_NETWORK %s", file, b->addr,
				b->network);
	if (!b->ipv6_addr[0])
		return 0;
	if (net_route_parse(AF_INET6, b->ipv6_network, &net, NULL) < 0 || inet_pton(AF_INET6, b->ipv6_addr, ip) != 1 ||
	    !net_addr_holds(&net, ip) || parse_u32(b->ipv6_mask, &prefix) < 0 || prefix != net.prefix)
		return err_kind(
			e, ERR_INVALID, -EINVAL,
			"%s: LXC_IPV6_ADDR %s, LXC_IPV6_MASK '%s' and LXC_IPV6_NETWORK '%s' do not fit together", file,
			b->ipv6_addr, b->ipv6_mask, b->ipv6_network);
	return 0;
}

int net_bridge_conf(const char *file, struct net_bridge *ret, struct err *e)
{
	struct net_bridge b = { .nat = true };
	_cleanup_free_ char *text = NULL;
	struct err mine = { 0 };
	char *next;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(vars); i++)
		assign(&vars[i], vars[i].def, &b);
	r = file ? file_read(AT_FDCWD, file, CONF_MAX, &text, NULL, &mine) : -ENOENT;
	if (r < 0 && r != -ENOENT) {
		if (e)
			*e = mine;
		return r;
	}
	next = text;
	for (unsigned number = 1; next; number++) {
		char *line = strsep(&next, "\n");

		r = read_line(file, number, line, &b, e);
		if (r < 0)
			return r;
	}
	if (!b.ipv6_enable)
		b.ipv6_addr[0] = '\0';
	r = check(file ?: "lxc-net", &b, e);
	if (r < 0)
		return r;
	*ret = b;
	return 0;
}
