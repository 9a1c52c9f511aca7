/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/bridge.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "net/driver.h"

/*
 * The order of up: lock, look, marker (what the host's settings were), interface, settings, firewall, dnsmasq, marker
 * again with "ready". A bridge of ours carries the alias "creel", set in the same sendmsg that makes it, so that whoever
 * is killed at whatever point leaves things that the next up or down recognises.
 */

#define OUR_ALIAS      "creel"
#define LXC_NET_MARKER "/run/lxc/network_up"
#define FORWARD4       "/proc/sys/net/ipv4/ip_forward"
#define FORWARD6       "/proc/sys/net/ipv6/conf/all/forwarding"

/* The marker: settings of the host as they were before, to be put back. */
struct marker {
	bool there, ready;
	bool set_forward4, set_forward6, made_addr;
	char accept_ra[1024]; /* interfaces whose accept_ra was 1 */
};

static char *marker_path(const struct net_bridge *b, const char *run_dir)
{
	char name[48];

	snprintf(name, sizeof(name), "network_up.%s", b->bridge);
	return path_join(run_dir, name);
}

static void marker_read(const char *path, struct marker *m)
{
	char text[2048];
	char *line, *next = text;

	*m = (struct marker){ 0 };
	if (file_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return;
	m->there = true;
	while ((line = strsep(&next, "\n"))) {
		const char *ra = startswith(line, "accept_ra=");

		m->ready |= streq(line, "ready");
		m->set_forward4 |= streq(line, "set_forward4");
		m->set_forward6 |= streq(line, "set_forward6");
		m->made_addr |= streq(line, "made_addr");
		if (ra)
			snprintf(m->accept_ra, sizeof(m->accept_ra), "%s", ra);
	}
}

static int marker_write(const char *path, const struct marker *m, struct err *e)
{
	_cleanup_buf_ struct buf t = BUF_INIT;
	int r;

	buf_printf(&t, "%s%s%saccept_ra=%s\n%s", m->set_forward4 ? "set_forward4\n" : "",
		   m->set_forward6 ? "set_forward6\n" : "", m->made_addr ? "made_addr\n" : "", m->accept_ra,
		   m->ready ? "ready\n" : "");
	r = buf_error(&t, e);
	return r < 0 ? r : file_replace(AT_FDCWD, path, t.data, t.len, 0644, false, e);
}

/* --- settings of the host ----------------------------------------------------------------------------------------- */

/*
 * A host that forwards IPv6 ignores router advertisements unless accept_ra is 2; one that lives on them would lose its
 * default route. Fills the names of those interfaces in.
 */
static void advertised(struct marker *m)
{
	DIR *d = opendir("/proc/sys/net/ipv6/conf");
	const struct dirent *entry;
	char path[320];

	while (d && (entry = readdir(d))) {
		size_t n = strlen(m->accept_ra), len = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || streq(entry->d_name, "all") || streq(entry->d_name, "default") ||
		    streq(entry->d_name, "lo") || n + len + 2 > sizeof(m->accept_ra))
			continue;
		snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", entry->d_name);
		if (net_setting_is(path, "1"))
			snprintf(m->accept_ra + n, sizeof(m->accept_ra) - n, "%s%s", n ? " " : "", entry->d_name);
	}
	if (d)
		closedir(d);
}

static void accept_ra(const struct marker *m, const char *value)
{
	char names[sizeof(m->accept_ra)], *next = names, *name;

	memcpy(names, m->accept_ra, sizeof(names));
	while ((name = strsep(&next, " ")))
		if (path_is_component(name))
			(void)net_conf_sysctl("ipv6", name, "accept_ra", value);
}

static int settings_on(const struct net_bridge *b, const struct marker *m, struct err *e)
{
	int r = net_setting(FORWARD4, "1", e);

	if (r < 0)
		return r;
	/* Containers are not to tell the host where its router is. */
	(void)net_conf_sysctl("ipv6", b->bridge, "accept_ra", "0");
	(void)net_conf_sysctl("ipv6", b->bridge, "autoconf", "0");
	(void)net_conf_sysctl("ipv6", b->bridge, "accept_dad", "0");
	if (!b->ipv6_addr[0])
		return 0;
	accept_ra(m, "2");
	return net_setting(FORWARD6, "1", e);
}

static int count_bridge(const struct link_info *l, void *arg)
{
	*(unsigned *)arg += streq(l->kind, "bridge");
	return 0;
}

/* Forwarding that we switched on goes off again, unless another bridge (of docker, libvirt, …) lives on it by now. */
static int settings_off(int fd, const struct marker *m, struct err *e)
{
	unsigned bridges = 0;
	int r = link_each(fd, count_bridge, &bridges, e);

	if (r < 0 || bridges)
		return r;
	r = m->set_forward4 ? net_setting(FORWARD4, "0", e) : 0;
	if (r == 0 && m->set_forward6)
		r = net_setting(FORWARD6, "0", e);
	if (r == 0)
		accept_ra(m, "1");
	return r;
}

/* --- the interface ------------------------------------------------------------------------------------------------ */

static int check_clash(const struct net_bridge *b, int fd, int own, struct err *e)
{
	int r = net_clash(fd, AF_INET, b->network, own, false, e);

	if (r == 0)
		return 0;
	r = err_wrap(e, r, "bridge '%s'", b->bridge);
	return err_hint(
		e, r, "choose another: LXC_ADDR, LXC_NETMASK, LXC_NETWORK and LXC_DHCP_RANGE in /etc/default/lxc-net");
}

static int addresses(const struct net_bridge *b, struct net_addr v[static 2], unsigned *ret_n, struct err *e)
{
	struct net_addr net;
	char text[64];
	int r = net_route_parse(AF_INET, b->network, &net, e);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%s/%u", b->addr, net.prefix);
	r = net_addr_parse(AF_INET, text, &v[0], e);
	if (r < 0)
		return r;
	*ret_n = 1;
	if (!b->ipv6_addr[0])
		return 0;
	snprintf(text, sizeof(text), "%s/%s", b->ipv6_addr, b->ipv6_mask);
	*ret_n = 2;
	return net_addr_parse(AF_INET6, text, &v[1], e);
}

/* LINK: the bridge as found, or with ifindex 0 none. */
static int interface_on(const struct net_bridge *b, int fd, const struct link_info *link, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP }, set = { 0 };
	struct net_addr addrs[2];
	struct nlattr *info;
	struct nl_batch q;
	unsigned n;
	uint8_t mac[6];
	int ifindex, r = addresses(b, addrs, &n, e);

	if (r < 0)
		return r;
	nl_begin(&q, fd, e);
	nl_msg(&q, RTM_NEWLINK, link->ifindex ? 0 : NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "%s bridge '%s'",
	       link->ifindex ? "set up" : "create", b->bridge);
	nl_put_str(&q, IFLA_IFNAME, b->bridge);
	if (!link->ifindex) {
		if (net_mac_parse(b->mac, mac) == 0)
			nl_put(&q, IFLA_ADDRESS, mac, 6);
		info = nl_nest(&q, IFLA_LINKINFO);
		nl_put_str(&q, IFLA_INFO_KIND, "bridge");
		nl_unnest(&q, info);
		nl_msg(&q, RTM_NEWLINK, 0, &set, sizeof(set), "mark bridge '%s' as ours", b->bridge);
		nl_put_str(&q, IFLA_IFNAME, b->bridge);
		nl_put(&q, IFLA_IFALIAS, OUR_ALIAS, strlen(OUR_ALIAS) + 1);
	}
	r = nl_commit(&q);
	if (r < 0)
		return r == -EOPNOTSUPP ? err_hint(e, r, "load the module with: modprobe bridge") : r;
	ifindex = link_index(fd, b->bridge);
	if (ifindex < 0)
		return err_set(e, ifindex, "look bridge '%s' up", b->bridge);
	for (unsigned i = 0; i < n; i++)
		req_addr(&q, ifindex, b->bridge, &addrs[i], addrs[i].family == AF_INET6 ? IFA_F_NODAD : 0);
	return nl_commit(&q);
}

/* *RET_KEPT: the bridge stays, because it is not ours or containers are on it. */
static int interface_off(const struct net_bridge *b, int fd, bool made_addr, bool *ret_kept, struct err *e)
{
	struct ifinfomsg ifi = { 0 };
	struct net_addr addrs[2];
	unsigned ports;
	struct link_info l;
	struct nl_batch q;
	unsigned n = 0;
	int r = link_get(fd, b->bridge, &l, e);

	*ret_kept = r == 0;
	if (r != 0)
		return r < 0 ? r : 0;
	r = link_ports(fd, l.ifindex, &ports, e);
	if (r < 0)
		return r;
	nl_begin(&q, fd, e);
	if (streq(l.kind, "bridge") && streq(l.alias, OUR_ALIAS) && !ports) {
		ifi.ifi_index = l.ifindex;
		nl_msg(&q, RTM_DELLINK, 0, &ifi, sizeof(ifi), "delete bridge '%s'", b->bridge);
		nl_allow(&q, -ENODEV);
		*ret_kept = false;
		return nl_commit(&q);
	}
	if (!made_addr)
		return 0;
	r = addresses(b, addrs, &n, e);
	for (unsigned i = 0; r == 0 && i < n; i++) {
		struct ifaddrmsg ifa = { .ifa_family = addrs[i].family,
					 .ifa_prefixlen = addrs[i].prefix,
					 .ifa_index = (uint32_t)l.ifindex };

		nl_msg(&q, RTM_DELADDR, 0, &ifa, sizeof(ifa), "remove %s's address", b->bridge);
		nl_allow(&q, -EADDRNOTAVAIL);
		nl_put(&q, IFA_LOCAL, addrs[i].addr, net_addr_len(addrs[i].family));
	}
	return r < 0 ? r : nl_commit(&q);
}

static bool has_our_addr(const struct net_bridge *b)
{
	struct net_if_info *v = NULL;
	char text[NET_ADDR_TEXT];
	bool found = false;
	size_t n = 0;

	if (net_list(-EBADF, &v, &n, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; streq(v[i].name, b->bridge) && k < v[i].n_addrs; k++)
			found |= v[i].addrs[k].family == AF_INET &&
				 streq(net_ip_text(AF_INET, v[i].addrs[k].addr, text), b->addr);
	free(v);
	return found;
}

/* --- up and down -------------------------------------------------------------------------------------------------- */

static bool serving(const struct net_bridge *b, const char *run_dir, const struct marker *m,
		    const struct link_info *link)
{
	_cleanup_close_ int fd = -EBADF;

	if (!m->ready || !link->ifindex || !(link->flags & IFF_UP) || !has_our_addr(b))
		return false;
	fd = bridge_dnsmasq_find(b, run_dir);
	return fd >= 0;
}

static int take_down(const struct net_bridge *b, const char *run_dir, int fd, const char *marker,
		     const struct marker *m, struct err *e)
{
	struct err later = { 0 };
	bool kept = false;
	int r = interface_off(b, fd, m->made_addr, &kept, e), r2;

	/* One step's failure does not spare the others; the first is told. */
	r2 = bridge_dnsmasq_stop(b, run_dir, kept, &later);
	if (r2 == 0)
		r2 = bridge_firewall_off(b, &later);
	if (r2 == 0)
		r2 = settings_off(fd, m, &later);
	if (r == 0 && r2 == 0)
		unlink(marker);
	if (r == 0 && r2 < 0) {
		if (e)
			*e = later;
		return r2;
	}
	return r;
}

static int put_up(const struct net_bridge *b, const char *run_dir, int fd, const char *marker, struct marker *m,
		  const struct link_info *link, struct err *e)
{
	_cleanup_close_ int running = -EBADF;
	int r;

	if (!m->there) {
		m->set_forward4 = net_setting_is(FORWARD4, "0");
		m->set_forward6 = b->ipv6_addr[0] && net_setting_is(FORWARD6, "0");
		m->made_addr = !has_our_addr(b);
		if (m->set_forward6)
			advertised(m);
	}
	m->ready = false;
	r = marker_write(marker, m, e);
	if (r == 0)
		r = interface_on(b, fd, link, e);
	if (r == 0)
		r = settings_on(b, m, e);
	if (r == 0)
		r = bridge_firewall_on(b, e);
	if (r < 0)
		return r;
	running = bridge_dnsmasq_find(b, run_dir);
	if (running < 0)
		r = bridge_dnsmasq_start(b, run_dir, e);
	if (r < 0)
		return r;
	m->ready = true;
	return marker_write(marker, m, e);
}

/* Looks the bridge up: *RET with ifindex 0 when there is none. */
static int find_link(int fd, const struct net_bridge *b, struct link_info *ret, struct err *e)
{
	int r;

	*ret = (struct link_info){ 0 };
	r = link_get(fd, b->bridge, ret, e);
	if (r < 0)
		return r;
	if (r == 0 && !streq(ret->kind, "bridge"))
		return err_kind(e, ERR_EXISTS, -EEXIST, "interface '%s' exists already and is not a bridge", b->bridge);
	return 0;
}

static bool of_lxc_net(const struct link_info *l)
{
	return l->ifindex && !streq(l->alias, OUR_ALIAS) && file_exists(AT_FDCWD, LXC_NET_MARKER);
}

int net_bridge_up(const struct net_bridge *b, const char *run_dir, struct err *e)
{
	_cleanup_close_ int locked = -EBADF, fd = -EBADF;
	_cleanup_free_ char *marker = marker_path(b, run_dir);
	struct link_info link;
	struct marker m;
	int r;

	if (!marker)
		return err_oom(e);
	if (!b->use)
		return 0;
	locked = net_lock(run_dir, e);
	if (locked < 0)
		return locked;
	fd = nl_open(-EBADF, e);
	if (fd < 0)
		return fd;
	r = find_link(fd, b, &link, e);
	if (r < 0)
		return r;
	marker_read(marker, &m);
	if (serving(b, run_dir, &m, &link) || (!m.there && of_lxc_net(&link)))
		return 0;
	r = check_clash(b, fd, link.ifindex, e);
	if (r < 0)
		return r;
	r = put_up(b, run_dir, fd, marker, &m, &link, e);
	if (r < 0)
		(void)take_down(b, run_dir, fd, marker, &m, NULL);
	return r;
}

int net_bridge_down(const struct net_bridge *b, const char *run_dir, struct err *e)
{
	_cleanup_close_ int locked = -EBADF, fd = -EBADF;
	_cleanup_free_ char *marker = marker_path(b, run_dir);
	struct link_info link;
	struct marker m;
	int r;

	if (!marker)
		return err_oom(e);
	if (!file_exists(AT_FDCWD, marker)) {
		/* Without a marker only a bridge whose containers outlived an earlier down can be ours. */
		fd = nl_open(-EBADF, e);
		if (fd < 0)
			return fd;
		r = link_get(fd, b->bridge, &link, e);
		if (r < 0)
			return r;
		if (r > 0 || !streq(link.alias, OUR_ALIAS))
			return 0;
		fd = fd_close(fd);
	}
	locked = net_lock(run_dir, e);
	if (locked < 0)
		return locked;
	fd = nl_open(-EBADF, e);
	if (fd < 0)
		return fd;
	marker_read(marker, &m);
	return take_down(b, run_dir, fd, marker, &m, e);
}

bool net_bridge_is_up(const struct net_bridge *b, const char *run_dir)
{
	_cleanup_free_ char *marker = marker_path(b, run_dir);
	_cleanup_close_ int fd = nl_open(-EBADF, NULL);
	struct link_info link;
	struct marker m;

	if (!marker || fd < 0 || find_link(fd, b, &link, NULL) < 0)
		return false;
	marker_read(marker, &m);
	return serving(b, run_dir, &m, &link) || (!m.there && of_lxc_net(&link));
}
