/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Networks of containers behind this host: a bridge with the gateway's address, translation of addresses, walls between
 * networks, and published ports. All of the firewall is in the table "inet creel-nat"; networks and ports are elements of
 * its sets and maps, so that no rule is looked for to be removed.
 *
 * What is there of a network: an interface with the alias "creel-nat", and a file of its name in RUN_DIR once all of it
 * is up. flock on RUN_DIR makes racing callers queue.
 */

#include "net/net.h"

struct net_nat {
	char bridge[16];
	char addr4[24], addr6[56]; /* the gateway with its prefix, "172.17.0.1/16"; "": none of that family */
	uint32_t mtu;		   /* 0: the kernel's */
	bool masquerade;	   /* to the outside under the host's address */
	bool internal;		   /* no way out of it and none in */
};

/* Idempotent, and quick where it is up already. Nothing of it is left on failure. The subnet clashing with another
 * interface's: -EADDRINUSE (ERR_EXISTS). */
int net_nat_up(const struct net_nat *n, const char *run_dir, struct err *e);
/* Missing is fine. A bridge that still has ports, or that is not ours, stays. */
int net_nat_down(const struct net_nat *n, const char *run_dir, struct err *e);
/* All of them that no container is on. */
int net_nat_down_idle(const char *run_dir, struct err *e);
bool net_nat_is_up(const char *bridge, const char *run_dir);
/* Is any address of SUBNET ("172.18.0.0/16") in use by an interface or a route of this host? 1, 0. */
int net_subnet_used(const char *subnet, struct err *e);

/* One port: "PROTO HOST-ADDRESS HOST-PORT ADDRESS PORT", PROTO tcp, udp or sctp; HOST-ADDRESS 0.0.0.0 and :: any. */
struct net_port {
	uint8_t proto, family; /* IPPROTO_x, AF_x */
	bool any;
	uint8_t host[16], to[16];
	uint16_t host_port, to_port;
};
int net_port_parse(const char *text, struct net_port *ret, struct err *e);
/* One message to the kernel. Published already to the same: fine, to another: -EEXIST (ERR_EXISTS) "port is already
 * allocated". No table: -ENOENT, some network's net_nat_up() makes it. */
int net_publish(const struct net_port *p, struct err *e);
/* Missing is fine, and so is that it leads elsewhere by now: that stays. */
int net_unpublish(const struct net_port *p, struct err *e);
/* The bridge sends back through PORT, a veth's end, what came from it: so that a container reaches its own published port. */
int net_hairpin(const char *port, struct err *e);
/* 0 where a program of this host could listen there; -EADDRINUSE. */
int net_port_free(const struct net_port *p, struct err *e);
