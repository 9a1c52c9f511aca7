/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inside the net layer: drivers, links as the kernel shows them, and the small writers that more than one file needs.
 */

#include "base/names.h"
#include "net/net.h"
#include "sys/netlink.h"

/* One link of a network name space. */
struct link_info {
	int ifindex;
	uint32_t mtu, flags;
	int master;
	int lower;		 /* ifindex of what it lies on, or of a veth's other end */
	char name[16], kind[20]; /* kind: "bridge", "veth", …; "" for hardware */
	char alias[32];
	uint8_t mac[6];
	uint64_t rx_bytes, tx_bytes;
	bool vlan_filtering; /* of a bridge */
	uint16_t default_pvid;
};

/* Looks NAME up through the netlink socket FD. 0; 1 when there is none; or -errno. */
int link_get(int fd, const char *name, struct link_info *ret, struct err *e);
/* Calls CB for each link; its non-zero return ends the walk. */
int link_each(int fd, int (*cb)(const struct link_info *l, void *arg), void *arg, struct err *e);
/* How many links are ports of the bridge with that ifindex. */
int link_ports(int fd, int bridge, unsigned *ret, struct err *e);
/* ifindex of NAME in FD's name space, or -errno; allocates nothing. */
int link_index(int fd, const char *name);

struct net_driver {
	const char *type;
	bool needs_link;
	const struct name *modes; /* NULL: it has none */
	/* After the general checks: LINK is what c->link names, NULL when nothing is said. May be NULL. */
	int (*prepare)(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e);
	/* FD: netlink socket of the host. NULL: nothing to do. Undoes its own half when it fails. */
	int (*attach)(const struct net_dev *d, int fd, int netns_fd, struct err *e);
	int (*detach)(const struct net_dev *d, int fd, int netns_fd, struct err *e);
};

extern const struct net_driver net_driver_veth, net_driver_macvlan, net_driver_ipvlan, net_driver_vlan, net_driver_phys;
extern const struct net_driver *const net_drivers[]; /* ended by NULL */

extern const struct name net_veth_modes[], net_macvlan_modes[], net_ipvlan_modes[], net_ipvlan_isolations[];
enum { VETH_BRIDGE = 0, VETH_ROUTER = 1 };

/* --- addresses (addr.c) --- */
#define NET_ADDR_TEXT 64
int net_mac_parse(const char *s, uint8_t ret[static 6]);
/* "A[/P] [BROADCAST]"; a missing prefix is the class's, or 64. Error names the text and the grammar. */
int net_addr_parse(int family, const char *s, struct net_addr *ret, struct err *e);
/* "A/P": both needed; bits behind the prefix are cleared. */
int net_route_parse(int family, const char *s, struct net_addr *ret, struct err *e);
/* "10.0.3.2/24" */
const char *net_addr_text(const struct net_addr *a, char buf[static NET_ADDR_TEXT]);
const char *net_ip_text(int family, const void *addr, char buf[static NET_ADDR_TEXT]);
size_t net_addr_len(int family);
/* Does A's subnet hold IP of the same family? */
bool net_addr_holds(const struct net_addr *a, const uint8_t *ip);

/* --- radios (wireless.c) --- */
/* Has the interface IFINDEX of NETNS_FD (-EBADF: ours) one? */
bool wireless_is(int netns_fd, int ifindex);
/* The radio of the interface IFINDEX (NAME) of NETNS_FD to the name space TO. */
int wireless_move(int netns_fd, int ifindex, const char *name, int to, struct err *e);

/* --- ports of a bridge (port.c) --- */
int net_port_vlans(const struct net_conf *c, const struct link_info *link, struct net_dev *d,
		   struct err *e); /* checks */
/* The VLANs of the host's end, which is on the kernel's BRIDGE already. */
int net_port_filter(const struct net_dev *d, const struct link_info *bridge, int fd, struct err *e);
/* Can L be a bridge of Open vSwitch? Asks nobody. */
bool net_ovs_maybe(const struct link_info *l);
int net_ovs_add(const struct net_dev *d, struct err *e); /* the port and its VLANs */
int net_ovs_del(const struct net_dev *d, struct err *e); /* none: fine */

/* --- requests (request.c) --- */
void req_addr(struct nl_batch *b, int ifindex, const char *ifname, const struct net_addr *a, uint32_t flags);
/* DST (NULL: default) via GW (NULL: on the link itself). */
void req_route(struct nl_batch *b, bool add, int ifindex, const char *ifname, int family, const struct net_addr *dst,
	       const void *gw);
void req_proxy(struct nl_batch *b, bool add, int ifindex, const char *ifname, int family, const void *addr);
int net_l2proxy(const struct net_dev *d, int fd, bool add, struct err *e);
/* Writes /proc/sys/net/FAMILY/conf/IFNAME/KEY of the caller's network name space. 0 or -errno. */
int net_conf_sysctl(const char *family, const char *ifname, const char *key, const char *value);
