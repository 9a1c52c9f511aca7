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
