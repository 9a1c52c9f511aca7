/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/nat.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <linux/if_bridge.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "net/bridge.h"
#include "net/driver.h"
#include "net/nat-inner.h"

#define OUR_ALIAS "creel-nat"

/* --- the firewall --------------------------------------------------------------------------------------------------- */

/*
 * The rules are the same for every network; what differs is in the sets. A rule is flushed and added anew, the sets keep
 * what they have, so the text can be loaded at any time.
 *
 * 127.0.0.0/8 of the host is not to be reached from a bridge, although the kernel would route it since published ports of
 * localhost are (the class of CVE-2020-8558).
 */
static const char rules[] =
	"add table inet creel-nat\n"
	"add map inet creel-nat any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"add map inet creel-nat any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }\n"
	"add map inet creel-nat at4 { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }\n"
	"add map inet creel-nat at6 { type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service; }\n"
	"add set inet creel-nat bridges { type ifname; }\n"
	"add set inet creel-nat internal { type ifname; }\n"
	"add set inet creel-nat same { type ifname . ifname; }\n"
	"add set inet creel-nat masquerade4 { type ipv4_addr; flags interval; }\n"
	"add set inet creel-nat masquerade6 { type ipv6_addr; flags interval; }\n"
	"add chain inet creel-nat early { type filter hook prerouting priority -300; }\n"
	"add chain inet creel-nat arriving { type nat hook prerouting priority -100; }\n"
	"add chain inet creel-nat own { type nat hook output priority -100; }\n"
	"add chain inet creel-nat passing { type filter hook forward priority 0; }\n"
	"add chain inet creel-nat leaving { type nat hook postrouting priority 100; }\n"
	"flush chain inet creel-nat early\n"
	"flush chain inet creel-nat arriving\n"
	"flush chain inet creel-nat own\n"
	"flush chain inet creel-nat passing\n"
	"flush chain inet creel-nat leaving\n"
	"add rule inet creel-nat early iifname @bridges ip daddr 127.0.0.0/8 drop\n"
	"add rule inet creel-nat arriving dnat ip to meta l4proto . ip daddr . th dport map @at4\n"
	"add rule inet creel-nat arriving dnat ip6 to meta l4proto . ip6 daddr . th dport map @at6\n"
	"add rule inet creel-nat arriving fib daddr type local dnat ip to meta l4proto . th dport map @any4\n"
	"add rule inet creel-nat arriving fib daddr type local dnat ip6 to meta l4proto . th dport map @any6\n"
	"add rule inet creel-nat own dnat ip to meta l4proto . ip daddr . th dport map @at4\n"
	"add rule inet creel-nat own dnat ip6 to meta l4proto . ip6 daddr . th dport map @at6\n"
	"add rule inet creel-nat own fib daddr type local dnat ip to meta l4proto . th dport map @any4\n"
	"add rule inet creel-nat own ip6 daddr != ::1 fib daddr type local dnat ip6 to meta l4proto . th dport map "
	"@any6\n"
	"add rule inet creel-nat passing iifname . oifname @same accept\n"
	"add rule inet creel-nat passing iifname @internal drop\n"
	"add rule inet creel-nat passing oifname @internal drop\n"
	"add rule inet creel-nat passing ct state established,related accept\n"
	"add rule inet creel-nat passing oifname @bridges ct status dnat accept\n"
	"add rule inet creel-nat passing oifname @bridges drop\n"
	"add rule inet creel-nat leaving ip saddr @masquerade4 oifname != @bridges masquerade\n"
	"add rule inet creel-nat leaving ip6 saddr @masquerade6 oifname != @bridges masquerade\n"
	/* One container to another by a port of the host, and the host itself by localhost: answers must come back here. */
	"add rule inet creel-nat leaving oifname @bridges ct status dnat ip saddr @masquerade4 masquerade\n"
	"add rule inet creel-nat leaving oifname @bridges ct status dnat ip6 saddr @masquerade6 masquerade\n"
	"add rule inet creel-nat leaving oifname @bridges ip saddr 127.0.0.0/8 masquerade\n";

/* "172.17.0.1/16" → "172.17.0.0/16" */
static int subnet_of(int family, const char *gateway, char ret[static NET_ADDR_TEXT], struct err *e)
{
	struct net_addr a;
	int r = net_route_parse(family, gateway, &a, e);

	if (r == 0)
		net_addr_text(&a, ret);
	return r;
}

static void set_element(struct buf *s, const char *verb, const char *set, const char *element)
{
	/* What is there or not there already must not fail the whole. */
	if (streq(verb, "delete"))
		buf_printf(s, "add element inet creel-nat %s { %s }\n", set, element);
	buf_printf(s, "%s element inet creel-nat %s { %s }\n", verb, set, element);
}

static int network_elements(const struct net_nat *n, const char *verb, struct buf *s, struct err *e)
{
	char text[64], subnet[NET_ADDR_TEXT];
	int r;

	snprintf(text, sizeof(text), "\"%s\"", n->bridge);
	set_element(s, verb, "bridges", text);
	if (n->internal)
		set_element(s, verb, "internal", text);
	snprintf(text, sizeof(text), "\"%s\" . \"%s\"", n->bridge, n->bridge);
	set_element(s, verb, "same", text);
	if (!n->masquerade || n->internal)
		return 0;
	if (n->addr4[0]) {
		r = subnet_of(AF_INET, n->addr4, subnet, e);
		if (r < 0)
			return r;
		set_element(s, verb, "masquerade4", subnet);
	}
	if (n->addr6[0]) {
		r = subnet_of(AF_INET6, n->addr6, subnet, e);
		if (r < 0)
			return r;
		set_element(s, verb, "masquerade6", subnet);
	}
	return 0;
}

static int firewall_on(const struct net_nat *n, struct err *e)
{
	_cleanup_buf_ struct buf s = BUF_INIT;
	int r;

	buf_puts(&s, rules);
	r = network_elements(n, "add", &s, e);
	return r < 0 ? r : net_nft(&s, "inet " NAT_TABLE, e);
}

static int firewall_off(const struct net_nat *n, struct err *e)
{
	const char *list_argv[] = { "nft", "list", "set", "inet", NAT_TABLE, "bridges", NULL };
	struct spawn list = { .path = "nft", .argv = (char *const *)(uintptr_t)list_argv };
	_cleanup_buf_ struct buf s = BUF_INIT, drop = BUF_INIT;
	_cleanup_free_ char *out = NULL;
	int r = spawn_run(&list, &out, e);

	/* Without nft there can be no rules of ours; without the table there are none. */
	if (r == -ENOENT || r > 0)
		return 0;
	if (r < 0)
		return r;
	r = network_elements(n, "delete", &s, e);
	if (r == 0)
		r = net_nft(&s, "inet " NAT_TABLE, e);
	if (r < 0)
		return r;
	free(out);
	out = NULL;
	r = spawn_run(&list, &out, e);
	if (r != 0 || strstr(out, "elements"))
		return r < 0 ? r : 0;
	buf_puts(&drop, "delete table inet " NAT_TABLE "\n");
	return net_nft(&drop, "inet " NAT_TABLE, e);
}

int net_subnet_used(const char *subnet, struct err *e)
{
	_cleanup_close_ int fd = nl_open(-EBADF, e);
	int r = fd < 0 ? fd : net_clash(fd, strchr(subnet, ':') ? AF_INET6 : AF_INET, subnet, 0, true, e);

	if (r == -EADDRINUSE)
		err_clear(e);
	return r == -EADDRINUSE ? 1 : r;
}

/* --- the interface ------------------------------------------------------------------------------------------------- */

static int addresses(const struct net_nat *n, struct net_addr v[static 2], unsigned *ret_n, struct err *e)
{
	int r = 0;

	*ret_n = 0;
	if (n->addr4[0])
		r = net_addr_parse(AF_INET, n->addr4, &v[(*ret_n)++], e);
	if (r == 0 && n->addr6[0])
		r = net_addr_parse(AF_INET6, n->addr6, &v[(*ret_n)++], e);
	return r;
}

static int interface_on(const struct net_nat *n, int fd, const struct link_info *link, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP }, set = { 0 };
	uint8_t mac[6] = { 0x02, 0x42 };
	struct net_addr addrs[2];
	struct nlattr *info;
	struct nl_batch q;
	unsigned n_addrs;
	int ifindex, r = addresses(n, addrs, &n_addrs, e);

	if (r < 0)
		return r;
	nl_begin(&q, fd, e);
	nl_msg(&q, RTM_NEWLINK, link->ifindex ? 0 : NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "%s bridge '%s'",
	       link->ifindex ? "set up" : "create", n->bridge);
	nl_put_str(&q, IFLA_IFNAME, n->bridge);
	if (n->mtu)
		nl_put_u32(&q, IFLA_MTU, n->mtu);
	if (!link->ifindex) {
		/* One of its own: a bridge that takes its ports' changes it with them, and neighbours have a wrong one then. */
		if (getrandom(mac + 2, 4, 0) != 4)
			return err_set(e, -errno, "get a random hardware address");
		nl_put(&q, IFLA_ADDRESS, mac, sizeof(mac));
		info = nl_nest(&q, IFLA_LINKINFO);
		nl_put_str(&q, IFLA_INFO_KIND, "bridge");
		nl_unnest(&q, info);
		nl_msg(&q, RTM_NEWLINK, 0, &set, sizeof(set), "mark bridge '%s' as ours", n->bridge);
		nl_put_str(&q, IFLA_IFNAME, n->bridge);
		nl_put(&q, IFLA_IFALIAS, OUR_ALIAS, sizeof(OUR_ALIAS));
	}
	r = nl_commit(&q);
	if (r < 0)
		return r == -EOPNOTSUPP ? err_hint(e, r, "load the module with: modprobe bridge") : r;
	ifindex = link_index(fd, n->bridge);
	if (ifindex < 0)
		return err_set(e, ifindex, "look bridge '%s' up", n->bridge);
	for (unsigned i = 0; i < n_addrs; i++)
		req_addr(&q, ifindex, n->bridge, &addrs[i], addrs[i].family == AF_INET6 ? IFA_F_NODAD : 0);
	return nl_commit(&q);
}

int net_hairpin(const char *port, struct err *e)
{
	_cleanup_close_ int fd = nl_open(-EBADF, e);
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	struct nlattr *info;
	struct nl_batch q;

	if (fd < 0)
		return fd;
	ifi.ifi_index = link_index(fd, port);
	if (ifi.ifi_index < 0)
		return err_set(e, ifi.ifi_index, "look '%s' up", port);
	nl_begin(&q, fd, e);
	nl_msg(&q, RTM_SETLINK, 0, &ifi, sizeof(ifi), "let bridge port '%s' send back", port);
	info = nl_nest(&q, IFLA_PROTINFO | NLA_F_NESTED);
	nl_put_u8(&q, IFLA_BRPORT_MODE, BRIDGE_MODE_HAIRPIN);
	nl_unnest(&q, info);
	return nl_commit(&q);
}

static int settings_on(const struct net_nat *n, struct err *e)
{
	int r = 0;

	/* For published ports of localhost; and containers are not to tell the host where its router is. */
	(void)net_conf_sysctl("ipv4", n->bridge, "route_localnet", "1");
	(void)net_conf_sysctl("ipv6", n->bridge, "accept_ra", "0");
	(void)net_conf_sysctl("ipv6", n->bridge, "autoconf", "0");
	if (!n->addr6[0])
		(void)net_conf_sysctl("ipv6", n->bridge, "disable_ipv6", "1");
	if (n->addr4[0])
		r = net_setting("/proc/sys/net/ipv4/ip_forward", "1", e);
	if (r == 0 && n->addr6[0])
		r = net_setting("/proc/sys/net/ipv6/conf/all/forwarding", "1", e);
	return r;
}

/* 1: it stays, because containers are on it or it is not ours. */
static int interface_off(const struct net_nat *n, int fd, struct err *e)
{
	struct ifinfomsg ifi = { 0 };
	unsigned ports;
	struct link_info l;
	struct nl_batch q;
	int r = link_get(fd, n->bridge, &l, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = link_ports(fd, l.ifindex, &ports, e);
	if (r < 0)
		return r;
	if (ports || !streq(l.kind, "bridge") || !streq(l.alias, OUR_ALIAS))
		return 1;
	ifi.ifi_index = l.ifindex;
	nl_begin(&q, fd, e);
	nl_msg(&q, RTM_DELLINK, 0, &ifi, sizeof(ifi), "delete bridge '%s'", n->bridge);
	nl_allow(&q, -ENODEV);
	return nl_commit(&q);
}

/* --- up and down ---------------------------------------------------------------------------------------------------- */

static char *marker_path(const char *bridge, const char *run_dir)
{
	char name[32];

	snprintf(name, sizeof(name), "nat.%.15s", bridge);
	return path_join(run_dir, name);
}

/* What net_nat_down_idle() must know of it when all else is forgotten. */
static int marker_write(const char *path, const struct net_nat *n, struct err *e)
{
	char text[160];
	int len = snprintf(text, sizeof(text), "%s %s %d %d\n", n->addr4[0] ? n->addr4 : "-",
			   n->addr6[0] ? n->addr6 : "-", n->masquerade, n->internal);

	return file_replace(AT_FDCWD, path, text, (size_t)len, 0644, false, e);
}

static int marker_read(const char *path, const char *bridge, struct net_nat *ret)
{
	char text[160];
	int masquerade, internal;

	*ret = (struct net_nat){ 0 };
	if (file_read_small(AT_FDCWD, path, text, sizeof(text)) < 0 ||
	    sscanf(text, "%23s %55s %d %d", ret->addr4, ret->addr6, &masquerade, &internal) != 4)
		return -EINVAL;
	if (streq(ret->addr4, "-"))
		ret->addr4[0] = '\0';
	if (streq(ret->addr6, "-"))
		ret->addr6[0] = '\0';
	snprintf(ret->bridge, sizeof(ret->bridge), "%s", bridge);
	ret->masquerade = masquerade;
	ret->internal = internal;
	return 0;
}

static bool is_up(int fd, const char *bridge, const char *marker, struct link_info *ret)
{
	*ret = (struct link_info){ 0 };
	return link_get(fd, bridge, ret, NULL) == 0 && ret->flags & IFF_UP && streq(ret->alias, OUR_ALIAS) &&
	       file_exists(AT_FDCWD, marker);
}

bool net_nat_is_up(const char *bridge, const char *run_dir)
{
	_cleanup_free_ char *marker = marker_path(bridge, run_dir);
	_cleanup_close_ int fd = nl_open(-EBADF, NULL);
	struct link_info l;

	return marker && fd >= 0 && is_up(fd, bridge, marker, &l);
}

static int put_up(const struct net_nat *n, int fd, const struct link_info *link, struct err *e)
{
	int r = 0;

	if (n->addr4[0])
		r = net_clash(fd, AF_INET, n->addr4, link->ifindex, true, e);
	if (r == 0 && n->addr6[0])
		r = net_clash(fd, AF_INET6, n->addr6, link->ifindex, true, e);
	if (r == 0)
		r = interface_on(n, fd, link, e);
	if (r == 0)
		r = settings_on(n, e);
	return r < 0 ? r : firewall_on(n, e);
}

int net_nat_up(const struct net_nat *n, const char *run_dir, struct err *e)
{
	_cleanup_free_ char *marker = marker_path(n->bridge, run_dir);
	_cleanup_close_ int locked = -EBADF, fd = nl_open(-EBADF, e);
	struct link_info link;
	int r;

	if (!marker)
		return err_oom(e);
	if (fd < 0)
		return fd;
	if (is_up(fd, n->bridge, marker, &link))
		return 0;
	locked = net_lock(run_dir, e);
	if (locked < 0)
		return locked;
	if (is_up(fd, n->bridge, marker, &link))
		return 0;
	if (link.ifindex && !streq(link.alias, OUR_ALIAS))
		return err_kind(e, ERR_EXISTS, -EEXIST, "interface '%s' exists already and is not ours", n->bridge);
	r = put_up(n, fd, &link, e);
	if (r == 0)
		r = marker_write(marker, n, e);
	/* What was there before us may have containers on it. */
	if (r < 0 && interface_off(n, fd, NULL) == 0)
		(void)firewall_off(n, NULL);
	return r;
}

int net_nat_down(const struct net_nat *n, const char *run_dir, struct err *e)
{
	_cleanup_free_ char *marker = marker_path(n->bridge, run_dir);
	_cleanup_close_ int locked = -EBADF, fd = nl_open(-EBADF, e);
	struct link_info link;
	int r;

	if (!marker)
		return err_oom(e);
	if (fd < 0)
		return fd;
	(void)is_up(fd, n->bridge, marker, &link);
	if (!link.ifindex && !file_exists(AT_FDCWD, marker))
		return 0;
	locked = net_lock(run_dir, e);
	if (locked < 0)
		return locked;
	r = interface_off(n, fd, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = firewall_off(n, e);
	if (r == 0)
		unlink(marker);
	return r;
}

int net_nat_down_idle(const char *run_dir, struct err *e)
{
	DIR *d = opendir(run_dir);
	const struct dirent *entry;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", run_dir);
	while (r == 0 && (entry = readdir(d))) {
		const char *bridge = startswith(entry->d_name, "nat.");
		_cleanup_free_ char *marker = bridge ? path_join(run_dir, entry->d_name) : NULL;
		struct net_nat n;

		if (marker && strlen(bridge) < sizeof(n.bridge) && marker_read(marker, bridge, &n) == 0)
			r = net_nat_down(&n, run_dir, e);
	}
	closedir(d);
	return r;
}
