/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Networks: one interface of one container, and the host's bridge.
 *
 * Three moments. On the host before the clone: nothing but checks. On the host after it (the container's network name
 * space exists, named by an fd): net_attach() makes the device with its final name in there. In the container:
 * net_configure() gives addresses, routes and state in one netlink batch. At the end net_detach() removes what is on
 * the host or brings a physical device back; it is what the journal calls, so it takes only names and is idempotent.
 *
 * Drivers (veth, macvlan, ipvlan, vlan, phys, …) stand behind one const table, net_drivers[].
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"

/* What one interface should be. Strings are the caller's. Zero or NULL: not said. */
struct net_conf {
	const char *type;      /* "veth", "macvlan", "phys", "empty", … */
	const char *link;      /* bridge or parent */
	const char *name;      /* in the container; NULL: "eth0", "eth1" … by what is free */
	const char *host_name; /* veth's host end; NULL: picked (vethXXXXXX) by net_prepare() */
	const char *hwaddr;    /* no x left */
	uint32_t mtu;
	bool up, l2proxy;
	const struct strv *ipv4, *ipv6;		 /* "A[/P] [BROADCAST]" */
	const char *ipv4_gateway, *ipv6_gateway; /* address, "auto", "dev" */
	const char *mode;			 /* macvlan/ipvlan/veth mode */
	const char *isolation;			 /* ipvlan: bridge, private, vepa */
	const struct strv *routes4, *routes6;	 /* router mode */
	const char *port_vlan;			 /* veth on a bridge: untagged VLAN of its port, or "none" */
	const struct strv *port_tagged;		 /* … and tagged ones */
	uint32_t vlan_id, rxqueues, txqueues;
};

/* The same, checked and resolved: plain data, no pointers to the caller; applied without allocation. NAME "": it is up
 * to net_names(), else to the kernel, which takes the first free ethN. */
#define NET_ADDR_MAX 32
#define NET_VLAN_MAX 64
struct net_addr {
	uint8_t family, prefix;
	uint8_t addr[16], brd[16];
	bool has_brd;
};
struct net_dev {
	char type[16], link[16], name[16], host_name[16];
	uint8_t mac[6];
	bool has_mac, up, l2proxy, gw4_dev, gw6_dev, has_gw4, has_gw6;
	uint32_t mtu, mode, isolation, vlan_id, rxqueues, txqueues;
	uint32_t link_mtu; /* phys: what LINK had, to be restored */
	uint8_t link_mac[6];
	struct net_addr addrs[NET_ADDR_MAX];
	unsigned n_addrs;
	struct net_addr routes[NET_ADDR_MAX];
	unsigned n_routes;
	uint8_t host_mac[6]; /* of veth's host end: by it we know that it is ours */
	bool keep;	     /* its name space is to last until net_detach() */
	bool by_helper;	     /* made by another program: the address is set by net_configure() */
	bool ovs;	     /* LINK is a bridge of Open vSwitch */
	bool has_port_vlan;
	uint16_t port_vlan; /* 0: none */
	uint16_t port_tagged[NET_VLAN_MAX];
	unsigned n_port_tagged;
	uint8_t gw4[4], gw6[16];
};

/* Checks and resolves ("auto" gateway from the bridge's address, names). Errors name the value and its grammar. */
int net_prepare(const struct net_conf *c, struct net_dev *ret, struct err *e);

/* Gives every device without a name the lowest ethN that no other of the same container has. Before net_attach(). */
void net_names(struct net_dev *devs, unsigned n);

/* Host: makes the device(s); the container's end lands in NETNS_FD under its final name, in one netlink transaction. */
int net_attach(const struct net_dev *d, int netns_fd, struct err *e);

/* Container (or anyone in its name space): loopback up where LO; addresses, mtu, routes, up. Allocates nothing. */
int net_configure(const struct net_dev *devs, unsigned n, bool lo, struct err *e);

/*
 * Host, when it is over; idempotent, missing is fine. macvlan & co go with the name space. NETNS_FD: the container's,
 * or -EBADF when it is gone or going, which is the way to call it after a stop: close every fd of it first.
 * veth: deleting one costs the kernel 35 ms of the caller's time, name spaces that die are cleaned 40 in the same time; so
 * with -EBADF this waits for the host's end to go and deletes it only when it does not (within 0.1 s).
 * phys: NAME comes back from NETNS_FD and is LINK again; with -EBADF the kernel brings it back, this waits (2 s) and
 * gives it its name, knowing it by its hardware address only.
 */
int net_detach(const struct net_dev *d, int netns_fd, struct err *e);

/* What net_detach() needs of D, in words for a journal's line ("veth vethAb3xYz eth0 lxcbr0"); and back. -E2BIG. */
int net_dev_print(const struct net_dev *d, char *buf, size_t size, struct err *e);
int net_dev_scan(const char *text, struct net_dev *ret, struct err *e);

/* "10:66:6a:xx:xx:xx" → each x a random digit; the first byte is left unicast. In place. -EINVAL on bad grammar. */
int net_hwaddr_fill(char *hwaddr, struct err *e);

/* Interfaces and addresses of a network name space, without entering the caller's thread in it for good. */
struct net_if_info {
	char name[16];
	int ifindex;
	struct net_addr addrs[NET_ADDR_MAX];
	unsigned n_addrs;
	bool up;
	uint64_t rx_bytes, tx_bytes;
};
int net_list(int netns_fd, struct net_if_info **ret, size_t *ret_n, struct err *e); /* free(); -EBADF: this one */
/* 1: the name space has an interface of that name, 0: it has none. */
int net_present(int netns_fd, const char *name, struct err *e);
int net_if_stats(const char *host_if, uint64_t *ret_rx, uint64_t *ret_tx, struct err *e);

/* --- the host's bridge (creel net up; lxc-net's names and defaults) ----------------------------------------------- */

struct net_bridge {
	char bridge[16];			 /* lxcbr0 */
	char addr[16], netmask[16], network[20]; /* 10.0.3.1 255.255.255.0 10.0.3.0/24 */
	char dhcp_range[40];			 /* 10.0.3.2,10.0.3.254 */
	uint32_t dhcp_max;			 /* 253 */
	char mac[18];				 /* 10:66:6a:00:00:00 */
	char domain[64], dhcp_confile[256];
	char ipv6_addr[48], ipv6_mask[8], ipv6_network[48]; /* "": no IPv6 */
	bool ipv6_enable, ipv6_nat, use, nat, dhcp_ping;
};

/* Defaults, then /etc/default/lxc-net style assignments from FILE (missing: defaults). They are read, not run: a value
 * with $ or ` is an error, other shell code and unknown variables are passed over. */
int net_bridge_conf(const char *file, struct net_bridge *ret, struct err *e);

/*
 * RUN_DIR (made when missing) holds dnsmasq's pid and leases and the marker; flock on it makes racing callers queue.
 * Firewall rules are in nft table "inet creel-net", three chains a bridge. up: idempotent, or nothing is left on
 * failure; what a killed one left is completed by the next up or taken away by down. A bridge that lxc-net serves, or
 * USE_LXC_BRIDGE=false, is left alone. down: only what up made goes; a bridge that still has ports stays, without
 * address. Nothing there: 0.
 */
int net_bridge_up(const struct net_bridge *b, const char *run_dir, struct err *e);
int net_bridge_down(const struct net_bridge *b, const char *run_dir, struct err *e);
bool net_bridge_is_up(const struct net_bridge *b, const char *run_dir);
