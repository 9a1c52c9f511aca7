/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/file.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "net/driver.h"

/*
 * veth: one RTM_NEWLINK makes both ends, each where it belongs, named, enslaved and up. What does not fit into it
 * (an Open vSwitch port, routes, proxies) follows; when that fails, deleting the host end takes all of it away.
 */

const struct name net_veth_modes[] = { { "bridge", VETH_BRIDGE }, { "router", VETH_ROUTER }, { NULL, 0 } };

static int vlan_number(const char *text, uint16_t *ret, struct err *e)
{
	uint32_t v;

	if (parse_u32(text, &v) < 0 || v < 1 || v > 4094)
		return err_kind(e, ERR_INVALID, -EINVAL, "bad VLAN '%s' of a bridge's port: expected 1 to 4094", text);
	*ret = (uint16_t)v;
	return 0;
}

static int vlan_filtering(const char *bridge, struct err *e)
{
	char path[64];
	_cleanup_free_ char *text = NULL;

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/vlan_filtering", bridge);
	if (file_read(AT_FDCWD, path, 16, &text, NULL, NULL) == 0 && *text == '1')
		return 0;
	return err_hint(e, err_kind(e, ERR_INVALID, -EOPNOTSUPP, "bridge '%s' does not tell VLANs apart", bridge),
			"ip link set %s type bridge vlan_filtering 1", bridge);
}

static int prepare_vlans(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e)
{
	int r = 0;

	if (!c->port_vlan && !(c->port_tagged && c->port_tagged->n))
		return 0;
	if (!link || d->mode != VETH_BRIDGE)
		return err_kind(e, ERR_INVALID, -EINVAL, "veth.vlan.id: only a port of a bridge has VLANs");
	if (c->port_vlan) {
		d->has_port_vlan = true;
		r = streq(c->port_vlan, "none") ? 0 : vlan_number(c->port_vlan, &d->port_vlan, e);
	}
	for (size_t i = 0; c->port_tagged && i < c->port_tagged->n && r == 0; i++) {
		if (d->n_port_tagged == NET_VLAN_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d tagged VLANs on one port", NET_VLAN_MAX);
		r = vlan_number(c->port_tagged->v[i], &d->port_tagged[d->n_port_tagged++], e);
	}
	return r == 0 && streq(link->kind, "bridge") ? vlan_filtering(link->name, e) : r;
}

static int veth_prepare(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e)
{
	if (link && d->mode == VETH_BRIDGE && !streq(link->kind, "bridge") && !streq(link->kind, "openvswitch"))
		return err_hint(e, err_kind(e, ERR_INVALID, -EINVAL, "interface '%s' is not a bridge", link->name),
				"name a bridge, or share the interface with type macvlan");
	if (link && d->mode == VETH_BRIDGE && !d->mtu)
		d->mtu = link->mtu;
	return prepare_vlans(c, link, d, e);
}

/* The bridge takes the lowest address of its ports for its own when it has none: fe:… is never the lowest. */
static int host_mac(uint8_t mac[static 6])
{
	if (getrandom(mac, 6, 0) != 6)
		return -errno;
	mac[0] = 0xfe;
	return 0;
}

static void create_pair(struct nl_batch *b, const struct net_dev *d, const uint8_t *mac, int master, int netns_fd)
{
	struct ifinfomsg host = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct ifinfomsg inner = { .ifi_family = AF_UNSPEC };
	struct nlattr *info, *data, *peer;

	nl_msg(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &host, sizeof(host), "create veth '%s' for '%s'%s%s%s",
	       d->host_name, d->name, master ? " on bridge '" : "", master ? d->link : "", master ? "'" : "");
	nl_put_str(b, IFLA_IFNAME, d->host_name);
	nl_put(b, IFLA_ADDRESS, mac, 6);
	if (d->mtu)
		nl_put_u32(b, IFLA_MTU, d->mtu);
	/* The host sends what the container receives. */
	if (d->rxqueues)
		nl_put_u32(b, IFLA_NUM_TX_QUEUES, d->rxqueues);
	if (d->txqueues)
		nl_put_u32(b, IFLA_NUM_RX_QUEUES, d->txqueues);
	if (master)
		nl_put_u32(b, IFLA_MASTER, (uint32_t)master);
	info = nl_nest(b, IFLA_LINKINFO);
	nl_put_str(b, IFLA_INFO_KIND, "veth");
	data = nl_nest(b, IFLA_INFO_DATA);
	peer = nl_nest(b, VETH_INFO_PEER);
	nl_put_head(b, &inner, sizeof(inner));
	nl_put_str(b, IFLA_IFNAME, d->name[0] ? d->name : "eth%d");
	if (d->has_mac)
		nl_put(b, IFLA_ADDRESS, d->mac, 6);
	if (d->mtu)
		nl_put_u32(b, IFLA_MTU, d->mtu);
	if (d->rxqueues)
		nl_put_u32(b, IFLA_NUM_RX_QUEUES, d->rxqueues);
	if (d->txqueues)
		nl_put_u32(b, IFLA_NUM_TX_QUEUES, d->txqueues);
	nl_put_u32(b, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	nl_unnest(b, peer);
	nl_unnest(b, data);
	nl_unnest(b, info);
}

static int ovs(const char *verb, const char *option, const char *bridge, const char *port, struct err *e)
{
	const char *argv[] = { "ovs-vsctl", option, verb, bridge, port, NULL };
	struct spawn s = { .path = "ovs-vsctl", .argv = (char *const *)(uintptr_t)argv };
	_cleanup_free_ char *out = NULL;
	int r = spawn_run(&s, &out, e);

	if (r == -ENOENT)
		return err_hint(e, r, "'%s' is an Open vSwitch bridge: install openvswitch-switch", bridge);
	if (r > 0)
		return err_kind(e, ERR_SYSTEM, -EIO, "ovs-vsctl %s %s %s: %s", verb, bridge, port, out);
	return r;
}

/* Router mode: the container's addresses are reached through the host end, which answers for the gateway. */
static void router(struct nl_batch *b, const struct net_dev *d, int host)
{
	for (unsigned i = 0; i < d->n_addrs; i++) {
		struct net_addr one = d->addrs[i];

		one.prefix = (uint8_t)(net_addr_len(one.family) * 8);
		req_route(b, true, host, d->host_name, one.family, &one, NULL);
	}
	if (d->has_gw4)
		req_proxy(b, true, host, d->host_name, AF_INET, d->gw4);
	if (d->has_gw6)
		req_proxy(b, true, host, d->host_name, AF_INET6, d->gw6);
}

static void port_vlan(struct nl_batch *b, bool add, const struct net_dev *d, int host, uint16_t vid, uint16_t flags)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = host };
	struct bridge_vlan_info v = { .vid = vid, .flags = flags };
	struct nlattr *spec;

	nl_msg(b, add ? RTM_SETLINK : RTM_DELLINK, 0, &ifi, sizeof(ifi), "%s VLAN %u on port '%s'",
	       add ? "set" : "delete", vid, d->host_name);
	if (!add)
		nl_allow(b, -ENOENT);
	spec = nl_nest(b, IFLA_AF_SPEC);
	nl_put(b, IFLA_BRIDGE_VLAN_INFO, &v, sizeof(v));
	nl_unnest(b, spec);
}

/* A new port is in the bridge's default VLAN, untagged, until it is told otherwise. */
static int port_vlans(const struct net_dev *d, int fd, struct err *e)
{
	int host = link_index(fd, d->host_name);
	struct nl_batch b;

	if (host < 0)
		return err_set(e, host, "look interface '%s' up", d->host_name);
	nl_begin(&b, fd, e);
	if (d->has_port_vlan) {
		port_vlan(&b, false, d, host, 1, 0);
		if (d->port_vlan)
			port_vlan(&b, true, d, host, d->port_vlan, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
	}
	for (unsigned i = 0; i < d->n_port_tagged; i++)
		port_vlan(&b, true, d, host, d->port_tagged[i], 0);
	return nl_commit(&b);
}

/* The same of an Open vSwitch port. */
static int ovs_vlans(const struct net_dev *d, struct err *e)
{
	char tag[32] = "", trunks[16 + NET_VLAN_MAX * 5] = "";
	const char *argv[] = { "ovs-vsctl", "set", "port", d->host_name, NULL, NULL, NULL };
	struct spawn s = { .path = "ovs-vsctl", .argv = (char *const *)(uintptr_t)argv };
	_cleanup_free_ char *out = NULL;
	unsigned n = 4;
	int r;

	if (d->port_vlan) {
		snprintf(tag, sizeof(tag), "tag=%u", d->port_vlan);
		argv[n++] = tag;
	}
	for (unsigned i = 0; i < d->n_port_tagged; i++) {
		size_t len = strlen(trunks);

		snprintf(trunks + len, sizeof(trunks) - len, "%s%u", i ? "," : "trunks=", d->port_tagged[i]);
	}
	if (*trunks)
		argv[n++] = trunks;
	if (n == 4)
		return 0;
	r = spawn_run(&s, &out, e);
	return r > 0 ? err_kind(e, ERR_SYSTEM, -EIO, "ovs-vsctl set port %s: %s", d->host_name, out) : r;
}

static int host_side(const struct net_dev *d, int fd, struct err *e)
{
	int host = link_index(fd, d->host_name);
	struct nl_batch b;
	int r;

	if (host < 0)
		return err_set(e, host, "look interface '%s' up", d->host_name);
	nl_begin(&b, fd, e);
	if (d->mode == VETH_ROUTER) {
		if (d->has_gw6) {
			r = net_conf_sysctl("ipv6", d->host_name, "proxy_ndp", "1");
			if (r < 0)
				return err_set(e, r, "set net.ipv6.conf.%s.proxy_ndp to 1", d->host_name);
		}
		router(&b, d, host);
	}
	for (unsigned i = 0; i < d->n_routes; i++)
		req_route(&b, true, host, d->host_name, d->routes[i].family, &d->routes[i], NULL);
	r = nl_commit(&b);
	return r < 0 ? r : net_l2proxy(d, fd, true, e);
}

/* True when NAME goes away by itself soon. Sleeping here holds no lock of the kernel's, so many stops share one wait. */
static bool goes(int fd, const char *name)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	for (int i = 0; i < 100; i++) {
		if (link_index(fd, name) == -ENODEV)
			return true;
		nanosleep(&ms, NULL);
	}
	return false;
}

static int veth_detach(const struct net_dev *d, int fd, int netns_fd, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct link_info l;
	struct nl_batch b;
	int r = net_l2proxy(d, fd, false, e);

	if (r < 0)
		return r;
	if (d->link[0] && d->mode == VETH_BRIDGE && link_get(fd, d->link, &l, NULL) == 0 &&
	    streq(l.kind, "openvswitch")) {
		r = ovs("del-port", "--if-exists", d->link, d->host_name, e);
		if (r < 0)
			return r;
	}
	if (netns_fd < 0 && goes(fd, d->host_name))
		return 0;
	nl_begin(&b, fd, e);
	nl_msg(&b, RTM_DELLINK, 0, &ifi, sizeof(ifi), "delete veth '%s'", d->host_name);
	nl_allow(&b, -ENODEV);
	nl_put_str(&b, IFLA_IFNAME, d->host_name);
	return nl_commit(&b);
}

static int veth_attach(const struct net_dev *d, int fd, int netns_fd, struct err *e)
{
	struct link_info link = { 0 };
	struct nl_batch b;
	bool bridged = d->link[0] && d->mode == VETH_BRIDGE;
	uint8_t mac[6];
	int r;

	if (bridged) {
		r = link_get(fd, d->link, &link, e);
		if (r != 0)
			return r < 0 ? r
				     : err_kind(e, ERR_NOT_FOUND, -ENODEV, "bridge '%s' does not exist any more",
						d->link);
	}
	r = host_mac(mac);
	if (r < 0)
		return err_set(e, r, "get a random hardware address");
	nl_begin(&b, fd, e);
	create_pair(&b, d, mac, streq(link.kind, "bridge") ? link.ifindex : 0, netns_fd);
	r = nl_commit(&b);
	if (r == -EOPNOTSUPP)
		return err_hint(e, r, "load the module with: modprobe veth");
	if (r < 0)
		return r;
	if (streq(link.kind, "openvswitch")) {
		r = ovs("add-port", "--may-exist", d->link, d->host_name, e);
		if (r >= 0)
			r = ovs_vlans(d, e);
	} else if (d->has_port_vlan || d->n_port_tagged) {
		r = port_vlans(d, fd, e);
	}
	if (r >= 0 && (d->mode == VETH_ROUTER || d->n_routes || d->l2proxy))
		r = host_side(d, fd, e);
	if (r < 0)
		(void)veth_detach(d, fd, netns_fd, NULL);
	return r;
}

const struct net_driver net_driver_veth = {
	.type = "veth",
	.modes = net_veth_modes,
	.prepare = veth_prepare,
	.attach = veth_attach,
	.detach = veth_detach,
};
