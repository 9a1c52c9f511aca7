/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What serves the host's bridge beside the kernel's interface: the firewall table and dnsmasq. Inside net/ only. */

#include "net/net.h"

/* One nft transaction each. off: missing chains are fine; the table goes with its last chain. */
int bridge_firewall_on(const struct net_bridge *b, struct err *e);
int bridge_firewall_off(const struct net_bridge *b, struct err *e);

/* dnsmasq with lxc-net's arguments; it answers when this returns. */
int bridge_dnsmasq_start(const struct net_bridge *b, const char *run_dir, struct err *e);
/* pidfd of the dnsmasq that serves B from RUN_DIR, or -ESRCH. */
int bridge_dnsmasq_find(const struct net_bridge *b, const char *run_dir);
int bridge_dnsmasq_stop(const struct net_bridge *b, const char *run_dir, bool keep_leases, struct err *e);
/* Whom a dnsmasq of ours becomes: the first of lxc-net's three users that this host knows. */
const char *bridge_dnsmasq_user(void);

/* --- host.c: for these and for net/nat.h --- */

/* flock on RUN_DIR itself, made where it is missing: no lock file to be left or raced for. fd. */
int net_lock(const char *run_dir, struct err *e);
/* Files of /proc/sys with a short value. */
bool net_setting_is(const char *path, const char *value);
int net_setting(const char *path, const char *value, struct err *e);
/* One transaction. TABLE: for the error. */
struct buf;
int net_nft(const struct buf *script, const char *table, struct err *e);
/* Does another interface than OWN (0: none) have an address or a route inside NETWORK ("10.0.3.0/24"), or is it connected to a network
 * around it? ROUTED: or has it a route to one. -EADDRINUSE (ERR_EXISTS). FD: netlink socket. */
int net_clash(int fd, int family, const char *network, int own, bool routed, struct err *e);
