/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "net/driver.h"

/*
 * veth: one RTM_NEWLINK makes both ends, each where it belongs, named, enslaved and up. What does not fit into it
 * (an Open vSwitch port, routes, proxies) follows; when that fails, deleting the host end takes all of it away.
 */

const struct name net_veth_modes[] = { { "bridge", VETH_BRIDGE }, { "router", VETH_ROUTER }, { NULL, 0 } };

/* The bridge takes the lowest address of its ports for its own when it has none: fe:… is never the lowest. */
static int host_mac(uint8_t mac[static 6])
{
	if (getrandom(mac, 6, 0) != 6)
		return -errno;
	mac[0] = 0xfe;
	return 0;
}

static int veth_prepare(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e)
{
	bool bridged = link && d->mode == VETH_BRIDGE;
	int r = net_port_vlans(c, link, d, e);

	if (r < 0)
		return r;
	if (bridged && !streq(link->kind, "bridge"))
		d->ovs = net_ovs_maybe(link);
	if (bridged && !streq(link->kind, "bridge") && !d->ovs)
		return err_hint(e, err_kind(e, ERR_INVALID, -EINVAL, "interface '%s' is not a bridge", link->name),
				"name a bridge, or share the interface with type macvlan");
	if (bridged && !d->mtu)
		d->mtu = link->mtu;
	r = host_mac(d->host_mac);
	return r < 0 ? err_set(e, r, "get a random hardware address") : 0;
}

static void create_pair(struct nl_batch *b, const struct net_dev *d, int master, int netns_fd)
{
	struct ifinfomsg host = { .ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct ifinfomsg inner = { .ifi_family = AF_UNSPEC };
	struct nlattr *info, *data, *peer;

	nl_msg(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &host, sizeof(host), "create veth '%s' for '%s'%s%s%s",
	       d->host_name, d->name, master ? " on bridge '" : "", master ? d->link : "", master ? "'" : "");
	nl_put_str(b, IFLA_IFNAME, d->host_name);
	nl_put(b, IFLA_ADDRESS, d->host_mac, 6);
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
	static const uint8_t none[6];
	struct link_info l;
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_batch b;
	int r;

	/* One that another program made: it goes by itself, and is not ours to touch. */
	if (!d->host_name[0])
		return 0;
	r = net_l2proxy(d, fd, false, e);

	if (r < 0)
		return r;
	if (d->ovs) {
		r = net_ovs_del(d, e);
		if (r < 0)
			return r;
	}
	/* One that was there before, under the name that the configuration gives ours, stays. */
	if (memcmp(d->host_mac, none, 6) != 0 &&
	    (link_get(fd, d->host_name, &l, NULL) != 0 || memcmp(l.mac, d->host_mac, 6) != 0))
		return 0;
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
	int r;

	if (bridged) {
		r = link_get(fd, d->link, &link, e);
		if (r != 0)
			return r < 0 ? r
				     : err_kind(e, ERR_NOT_FOUND, -ENODEV, "bridge '%s' does not exist any more",
						d->link);
	}
	nl_begin(&b, fd, e);
	create_pair(&b, d, streq(link.kind, "bridge") ? link.ifindex : 0, netns_fd);
	r = nl_commit(&b);
	if (r == -EOPNOTSUPP)
		return err_hint(e, r, "load the module with: modprobe veth");
	if (r < 0)
		return r;
	if (d->ovs)
		r = net_ovs_add(d, e);
	else if (d->has_port_vlan || d->n_port_tagged)
		r = net_port_filter(d, &link, fd, e);
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
