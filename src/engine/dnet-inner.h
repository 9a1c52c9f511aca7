/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of engine/dnet*.c. */

#include "engine/dnet.h"
#include "net/dns.h"

#define NET_ID_LEN 64

/* What an ordinary user has not. -EPERM */
int dnet_refuse_user(const char *what, struct err *e);

struct network {
	char *id, *name, *driver, *bridge, *parent, *subnet4, *gateway4, *range4, *subnet6, *gateway6, *options,
		*labels;
	int64_t created_ns;
	uint32_t mtu;
	bool internal, masquerade, attachable, ipv6;
};
void network_done(struct network *w);
#define _cleanup_network_ _cleanup_(network_done)

bool network_is(const struct network *w, const char *driver);
/* One of those that nobody made: bridge, host, none. */
bool network_built_in(const struct network *w);
/* It has names: a bridge that somebody made. */
bool network_has_names(const struct network *w);

/* By name, id, or a beginning of an id that is no other's. ERR_NOT_FOUND "network x not found". */
int network_find(struct dnet *n, const char *name, struct network *ret, struct err *e);
int network_each(struct dnet *n, int (*fn)(void *arg, struct network *w, struct err *e), void *arg, struct err *e);
struct net_nat network_nat(const struct network *w);
/* Its subnet chosen where it has none yet, and the kernel's part made. */
int network_up(struct dnet *n, struct network *w, struct err *e);
int network_down(struct dnet *n, const struct network *w, struct err *e);
/* A subnet that neither a network of ours nor this host uses, with the gateway as its first address. */
int network_choose(struct dnet *n, struct network *w, struct err *e);
/* Who is on it is told to its server and to whom the server does not tell. */
int network_names(struct dnet *n, const struct network *w, struct err *e);
/* Those on it that run, as hosts(5) has lines. */
int network_lines(struct dnet *n, const struct network *w, struct buf *out, struct err *e);

/* The names for CONTAINER that the first server of RESOLV (resolv.conf) does not know, for its /etc/hosts. */
int hosts_names(struct dnet *n, const char *container, const char *resolv, struct buf *out, struct err *e);
/* The same in the file that it has. None yet: fine. */
int hosts_refresh(struct dnet *n, const char *container, struct err *e);
/* For all on W that run. */
int network_hosts(struct dnet *n, const struct network *w, struct err *e);

struct endpoint {
	char *network, *container, *id, *name, *ask4, *ask6, *mac, *aliases, *ip4, *ip6;
	bool active;
};
void endpoint_done(struct endpoint *p);
/* Those of CONTAINER in the order of their making, or with NETWORK those on it. NULL: any. */
int endpoint_each(struct dnet *n, const char *network, const char *container,
		  int (*fn)(void *arg, struct endpoint *p, struct err *e), void *arg, struct err *e);
/* A row for Q on W, as EP (EndpointSettings, NULL) says. */
int endpoint_add(struct dnet *n, const struct network *w, const struct dnet_req *q, const struct json_c_value *ep,
		 struct err *e);
/* Gives it addresses: those it asked for, or free ones. In a transaction. */
int endpoint_lease(struct dnet *n, const struct network *w, struct endpoint *p, struct err *e);
/* As one interface of a container. */
int endpoint_spec(const struct network *w, const struct endpoint *p, bool gateway, struct spec_net *ret, struct err *e);
unsigned prefix_of(const char *subnet);

/* The ports that Q asks for, chosen and written down, as spec_net.publish has them. In a transaction. */
int ports_choose(struct dnet *n, const struct dnet_req *q, const struct endpoint *p, struct strv *ret, struct err *e);
/* NetworkSettings.Ports of an inspect. ACTIVE: with those that are exposed only. */
int ports_map(struct dnet *n, const struct dnet_req *q, bool active, struct json *out, struct err *e);
/* By the API's filters ({"name":["x"]}; NULL: all). */
bool network_matches(struct network *w, const struct json_c_value *filters);
