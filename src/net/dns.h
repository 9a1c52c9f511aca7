/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Names of containers for the containers of one network: a dnsmasq that listens on the bridge's address, knows a file of
 * hosts, and asks the host's own servers for all else. It answers when this returns.
 */

#include "net/nat.h"

/* HOSTS: lines of hosts(5). Starts it, or tells the one that runs to read again. FORWARD: other names are asked for
 * outside. No dnsmasq on this machine: ERR_MISSING. */
int net_dns_serve(const struct net_nat *n, const char *run_dir, const char *hosts, bool forward, struct err *e);
/* Ends it; what it had in RUN_DIR goes. None there: fine. */
int net_dns_stop(const struct net_nat *n, const char *run_dir, struct err *e);
