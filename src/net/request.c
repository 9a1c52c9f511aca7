/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/file.h"
#include "net/driver.h"

void req_addr(struct nl_batch *b, int ifindex, const char *ifname, const struct net_addr *a, uint32_t flags)
{
	struct ifaddrmsg ifa = {
		.ifa_family = a->family,
		.ifa_prefixlen = a->prefix,
		.ifa_index = (uint32_t)ifindex,
	};
	size_t len = net_addr_len(a->family);
	char text[NET_ADDR_TEXT];

	nl_msg(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(ifa), "add address %s to '%s'",
	       net_addr_text(a, text), ifname);
	nl_allow(b, -EEXIST);
	nl_put(b, IFA_LOCAL, a->addr, len);
	nl_put(b, IFA_ADDRESS, a->addr, len);
	if (a->has_brd)
		nl_put(b, IFA_BROADCAST, a->brd, len);
	if (flags)
		nl_put_u32(b, IFA_FLAGS, flags);
}

void req_route(struct nl_batch *b, bool add, int ifindex, const char *ifname, int family, const struct net_addr *dst,
	       const void *gw)
{
	struct rtmsg rt = {
		.rtm_family = (uint8_t)family,
		.rtm_dst_len = dst ? dst->prefix : 0,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = gw || family == AF_INET6 ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	char to[NET_ADDR_TEXT], via[NET_ADDR_TEXT];

	nl_msg(b, add ? RTM_NEWROUTE : RTM_DELROUTE, add ? NLM_F_CREATE | NLM_F_EXCL : 0, &rt, sizeof(rt),
	       "%s route to %s%s%s on '%s'", add ? "add" : "remove", dst ? net_addr_text(dst, to) : "everywhere",
	       gw ? " by way of " : "", gw ? net_ip_text(family, gw, via) : "", ifname);
	nl_allow(b, add ? -EEXIST : -ESRCH);
	if (dst)
		nl_put(b, RTA_DST, dst->addr, net_addr_len(family));
	if (gw)
		nl_put(b, RTA_GATEWAY, gw, net_addr_len(family));
	nl_put_u32(b, RTA_OIF, (uint32_t)ifindex);
}

void req_proxy(struct nl_batch *b, bool add, int ifindex, const char *ifname, int family, const void *addr)
{
	struct ndmsg neigh = {
		.ndm_family = (uint8_t)family,
		.ndm_ifindex = ifindex,
		.ndm_state = NUD_PERMANENT,
		.ndm_flags = NTF_PROXY,
	};
	char text[NET_ADDR_TEXT];

	nl_msg(b, add ? RTM_NEWNEIGH : RTM_DELNEIGH, add ? NLM_F_CREATE | NLM_F_REPLACE : 0, &neigh, sizeof(neigh),
	       "%s neighbour proxy %s on '%s'", add ? "add" : "remove", net_ip_text(family, addr, text), ifname);
	if (!add)
		nl_allow(b, -ENOENT);
	nl_put(b, NDA_DST, addr, net_addr_len(family));
}

int net_conf_sysctl(const char *family, const char *ifname, const char *key, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, ifname, key);
	return file_write_raw(AT_FDCWD, path, value, strlen(value));
}

/* The host must forward (and for IPv6 proxy) on the uplink; that is the administrator's choice, so it is only checked. */
static int l2proxy_check(const char *family, const char *link, const char *key, struct err *e)
{
	char path[128], value[16] = "";
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, link, key);
	n = file_read_small(AT_FDCWD, path, value, sizeof(value));
	if (n > 0 && streq(value, "1"))
		return 0;
	return err_hint(
		e,
		err_kind(e, ERR_STATE, -EINVAL, "l2proxy on '%s' needs net.%s.conf.%s.%s = 1", link, family, link, key),
		"sysctl -w net/%s/conf/%s/%s=1", family, link, key);
}

int net_l2proxy(const struct net_dev *d, int fd, bool add, struct err *e)
{
	bool v4 = false, v6 = false;
	int link, lo = 1, r = 0;
	struct nl_batch b;

	if (!d->l2proxy || !d->link[0])
		return 0;
	link = link_index(fd, d->link);
	if (link < 0)
		return add ? err_set(e, link, "look interface '%s' up", d->link) : 0;
	for (unsigned i = 0; i < d->n_addrs; i++)
		*(d->addrs[i].family == AF_INET ? &v4 : &v6) = true;
	if (add && v4)
		r = l2proxy_check("ipv4", d->link, "forwarding", e);
	if (r == 0 && add && v6)
		r = l2proxy_check("ipv6", d->link, "proxy_ndp", e) ?: l2proxy_check("ipv6", d->link, "forwarding", e);
	if (r < 0)
		return r;
	nl_begin(&b, fd, e);
	for (unsigned i = 0; i < d->n_addrs; i++) {
		struct net_addr host = d->addrs[i];

		host.prefix = (uint8_t)(net_addr_len(host.family) * 8);
		/* An ipvlan in l3s mode hands nothing to the host: a route to lo makes the host answer for the address. */
		if (streq(d->type, "ipvlan"))
			req_route(&b, add, lo, "lo", host.family, &host, NULL);
		req_proxy(&b, add, link, d->link, host.family, host.addr);
	}
	return nl_commit(&b);
}
