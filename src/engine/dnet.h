/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Networks of Docker's dialect: which there are, who is on them with which addresses, which ports of the host lead to whom.
 * All of it is in creel.db; the kernel's part is made from there when a container starts (net/nat.h, net/dns.h) and needs no
 * process to stay. Built in are `bridge` (the device creel0), `host` and `none`.
 *
 * A container's way through here: dnet_ensure() when it is made (its row on each network it asked for), _prepare() when it starts
 * (addresses, ports, names, the networks up), _release() when it has ended, _forget() when it is removed.
 * Releasing and forgetting take any number of times and any state: they are what clean-up calls.
 */

#include "base/buf.h"
#include "base/json.h"
#include "image/db.h"
#include "spec/spec.h"

struct json_c_value;

struct dnet {
	struct db *db;
	const char *run_dir;	/* of the networks' markers and servers: <run dir>/net */
	const char *containers; /* <this>/<id>/hosts: /etc/hosts of a container. NULL: of none */
	bool user; /* an ordinary user's: of networks there are host, none, and his way out by the name of bridge */
};
int dnet_open(struct db *db, const char *run_dir, const char *containers, struct dnet *ret, struct err *e);

/* What the container says. Strings and values are the caller's. */
struct dnet_req {
	const char *id, *name;		       /* 64 digits; "web" */
	const char *hostname, *domainname;     /* NULL: none */
	const struct json_c_value *host;       /* HostConfig, with every member */
	const struct json_c_value *networking; /* NetworkingConfig, NULL */
	const struct strv *exposed;	       /* Config.ExposedPorts and the image's, "80/tcp" */
	const char *mac;		       /* Config.MacAddress, NULL */
	bool disabled;			       /* Config.NetworkDisabled */
};

/* The networks that are asked for are there: else ERR_NOT_FOUND "network x not found". */
int dnet_check(struct dnet *n, const struct dnet_req *q, struct err *e);
/* Its rows, where it has none yet; in the caller's transaction, or one of its own. */
int dnet_ensure(struct dnet *n, const struct dnet_req *q, struct err *e);
/* Fills S's nets, or what name space it shares. *RET_JOIN (free()): the container whose network it joins, NULL. Its name is
 * told by dnet_names(), once its own files are there. */
int dnet_prepare(struct dnet *n, const struct dnet_req *q, struct spec *s, char **ret_join, struct err *e);
/* /etc/hosts and /etc/resolv.conf for it, after _prepare(). */
int dnet_hosts(struct dnet *n, const struct dnet_req *q, struct buf *out, struct err *e);
int dnet_resolv(struct dnet *n, const struct dnet_req *q, struct buf *out, struct err *e);
int dnet_release(struct dnet *n, const char *id, struct err *e);
int dnet_forget(struct dnet *n, const char *id, struct err *e);
/* Who is on its networks is told to all of them. In no transaction: others read the rows, too, and the last has to know all. */
int dnet_names(struct dnet *n, const char *id, struct err *e);
/* In the caller's transaction; dnet_names() comes after it. */
int dnet_rename(struct dnet *n, const char *id, const char *name, struct err *e);

/* NetworkSettings of an inspect, as the value of a key; FULL: with what it says beside Networks. */
int dnet_settings(struct dnet *n, const struct dnet_req *q, bool full, struct json *out, struct err *e);
/* Ports of a list: [{IP, PrivatePort, PublicPort, Type}]. */
int dnet_ports(struct dnet *n, const struct dnet_req *q, struct json *out, struct err *e);

/* --- what the API does with networks ---------------------------------------------------------------------------------------- */

int dnet_add(struct dnet *n, const struct json_c_value *body, struct buf *ret, struct err *e);
int dnet_list(struct dnet *n, const struct json_c_value *filters, struct buf *ret, struct err *e);
int dnet_inspect(struct dnet *n, const char *name, struct buf *ret, struct err *e);
/* Containers that run are on it, or it is built in: ERR_DENIED. */
int dnet_remove(struct dnet *n, const char *name, struct err *e);
int dnet_prune(struct dnet *n, const struct json_c_value *filters, struct buf *ret, struct err *e);
/* A further network. PID: of its first process, 0: it does not run. EP: EndpointSettings, NULL. */
int dnet_connect(struct dnet *n, const char *network, const struct dnet_req *q, pid_t pid,
		 const struct json_c_value *ep, struct err *e);
int dnet_disconnect(struct dnet *n, const char *network, const char *id, pid_t pid, bool force, struct err *e);
