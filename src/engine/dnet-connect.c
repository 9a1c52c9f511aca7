/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container that is there already, put on a further network or taken off one; also while it runs. */

#include <sched.h>
#include <stdio.h>

#include "base/fd.h"
#include "dialect/docker/value.h"
#include "engine/dnet-inner.h"
#include "net/net.h"
#include "runtime/inside.h"
#include "runtime/journal.h"
#include "runtime/record.h"
#include "spec/spec.h"
#include "sys/ns.h"

struct hot {
	int ns, dirfd, journal;
};

static void hot_done(struct hot *h)
{
	fd_close(h->ns);
	fd_close(h->dirfd);
	fd_close(h->journal);
}

static int hot_open(const char *id, pid_t pid, struct hot *h, struct err *e)
{
	h->ns = ns_open_pid(pid, &ns_table[NS_NET], e);
	if (h->ns < 0)
		return h->ns;
	h->dirfd = record_open_dir(id, false, e);
	if (h->dirfd < 0)
		return h->dirfd;
	h->journal = journal_open(h->dirfd, e);
	return h->journal < 0 ? h->journal : 0;
}

static int configure(void *arg, struct err *e)
{
	return net_configure(arg, 1, false, e);
}

/* Addresses and routes are given by a child, in there. */
static int configure_in(int dirfd, struct net_dev *d, struct err *e)
{
	_cleanup_record_ struct record rec = { 0 };
	int r = record_read(dirfd, &rec, e);

	return r < 0 ? r : inside_call(&rec, CLONE_NEWNET, configure, d, e);
}

/* The lowest ethN that it has not. */
static int free_name(int ns, char ret[static 16], struct err *e)
{
	_cleanup_free_ struct net_if_info *v = NULL;
	size_t n = 0;
	int r = net_list(ns, &v, &n, e);

	for (unsigned k = 0; r >= 0 && k <= n; k++) {
		bool used = false;

		snprintf(ret, 16, "eth%u", k);
		for (size_t i = 0; i < n; i++)
			used |= streq(v[i].name, ret);
		if (!used)
			return 0;
	}
	return r < 0 ? r : err_kind(e, ERR_LIMIT, -ENOSPC, "no name for a further interface");
}

static int attach(const struct hot *h, struct spec_net *s, struct err *e)
{
	char name[16], line[512];
	struct net_conf conf = {
		.type = s->type,
		.link = s->link,
		.name = name,
		.hwaddr = s->hwaddr,
		.mtu = s->mtu == UNSET32 ? 0 : s->mtu,
		.up = true,
		.ipv4 = &s->ipv4,
		.ipv6 = &s->ipv6,
		.ipv4_gateway = s->ipv4_gateway,
		.ipv6_gateway = s->ipv6_gateway,
		.mode = s->macvlan_mode,
	};
	struct net_dev d;
	int r = free_name(h->ns, name, e);

	if (r == 0)
		r = net_prepare(&conf, &d, e);
	if (r == 0)
		r = net_dev_print(&d, line, sizeof(line), e);
	if (r == 0)
		r = journal_add(h->journal, "net", line, e);
	if (r < 0)
		return r;
	r = net_attach(&d, h->ns, e);
	if (r == 0) {
		r = configure_in(h->dirfd, &d, e);
		if (r < 0)
			(void)net_detach(&d, h->ns, NULL);
	}
	if (r < 0)
		(void)journal_drop(h->dirfd, "net", line, NULL);
	return r;
}

struct connecting {
	struct dnet *n;
	const struct network *w;
	pid_t pid;
	unsigned others; /* networks that it is on and has addresses of */
};

static int count_others(void *arg, struct endpoint *p, struct err *e)
{
	struct connecting *c = arg;

	c->others += p->active && !streq(p->network, c->w->id);
	return 0;
}

static int connect_running(void *arg, struct endpoint *p, struct err *e)
{
	struct connecting *c = arg;
	_cleanup_(hot_done) struct hot h = { -EBADF, -EBADF, -EBADF };
	struct spec_net s = { .mtu = UNSET32, .vlan_id = UNSET32 };
	int r = hot_open(p->container, c->pid, &h, e);

	if (r == 0)
		r = endpoint_lease(c->n, c->w, p, e);
	if (r == 0)
		r = endpoint_spec(c->w, p, !c->others && !c->w->internal, &s, e);
	if (r == 0)
		r = attach(&h, &s, e);
	free(s.type);
	free(s.link);
	free(s.hwaddr);
	free(s.macvlan_mode);
	free(s.ipv4_gateway);
	free(s.ipv6_gateway);
	strv_done(&s.ipv4);
	strv_done(&s.ipv6);
	return r;
}

int dnet_connect(struct dnet *n, const char *network, const struct dnet_req *q, pid_t pid,
		 const struct json_c_value *ep, struct err *e)
{
	_cleanup_network_ struct network w = { 0 };
	_cleanup_free_ char *there = NULL;
	const char *mode = value_text(q->host, "NetworkMode") ?: "";
	struct connecting c = { .n = n, .w = &w, .pid = pid };
	int r = network_find(n, network, &w, e);

	if (r == 0 && n->user)
		r = dnet_refuse_user(network, e);
	if (r < 0)
		return r;
	if (streq(mode, "host") || startswith(mode, "container:") || network_is(&w, "host"))
		return err_kind(e, ERR_DENIED, -EPERM,
				"container sharing network namespace with another container or host cannot be "
				"connected to any other network");
	if (network_is(&w, "null"))
		return err_kind(e, ERR_DENIED, -EPERM,
				"container cannot be connected to multiple networks with one of the networks in "
				"private (none) mode");
	r = db_begin(n->db, e);
	if (r < 0)
		return r;
	r = db_one(n->db, &there, e, "SELECT id FROM endpoints WHERE network = ? AND container = ?", "ss", w.id, q->id);
	if (r > 0)
		r = err_kind(e, ERR_DENIED, -EEXIST, "endpoint with name %s already exists in network %s", q->name,
			     w.name);
	/* None is what it had while it had none. */
	if (r == 0)
		r = db_exec(n->db, e,
			    "DELETE FROM endpoints WHERE container = ? AND network IN (SELECT id FROM networks WHERE "
			    "driver = 'null')",
			    "s", q->id);
	if (r == 0)
		r = network_up(n, &w, e);
	if (r == 0)
		r = endpoint_add(n, &w, q, ep, e);
	if (r == 0 && pid) {
		r = endpoint_each(n, NULL, q->id, count_others, &c, e);
		if (r == 0)
			r = endpoint_each(n, w.id, q->id, connect_running, &c, e);
	}
	r = db_end(n->db, r, e);
	if (r == 0 && pid && network_has_names(&w))
		r = network_names(n, &w, e);
	return r;
}

/* The interface is found by its bridge and its hardware address, which no other of the container has. */
static int detach(const struct hot *h, const struct network *w, const struct endpoint *p, struct err *e)
{
	_cleanup_strv_ struct strv entries = STRV_INIT;
	int r = journal_find(h->dirfd, "net", &entries, e);

	for (size_t i = entries.n; i-- > 0 && r >= 0;) {
		struct net_dev d;

		if (net_dev_scan(entries.v[i], &d, NULL) < 0 || !streq(d.link, w->bridge ?: w->parent ?: ""))
			continue;
		r = net_detach(&d, h->ns, e);
		return r < 0 ? r : journal_drop(h->dirfd, "net", entries.v[i], e);
	}
	return r < 0 ? r : 0;
}

static int disconnect_running(void *arg, struct endpoint *p, struct err *e)
{
	struct connecting *c = arg;
	_cleanup_(hot_done) struct hot h = { -EBADF, -EBADF, -EBADF };
	int r = hot_open(p->container, c->pid, &h, e);

	return r < 0 ? r : detach(&h, c->w, p, e);
}

int dnet_disconnect(struct dnet *n, const char *network, const char *id, pid_t pid, bool force, struct err *e)
{
	_cleanup_network_ struct network w = { 0 };
	_cleanup_free_ char *there = NULL;
	struct connecting c = { .n = n, .w = &w, .pid = pid };
	int r = network_find(n, network, &w, e);

	if (r < 0)
		return r;
	if (network_is(&w, "host"))
		return err_kind(e, ERR_DENIED, -EPERM,
				"container cannot be disconnected from host network or connected to host network");
	r = db_one(n->db, &there, e, "SELECT id FROM endpoints WHERE network = ? AND container = ?", "ss", w.id, id);
	if (r < 0)
		return r;
	if (r == 0)
		return force ? 0
			     : err_kind(e, ERR_DENIED, -ENOENT, "container %s is not connected to network %s", id,
					w.name);
	if (pid) {
		r = endpoint_each(n, w.id, id, disconnect_running, &c, e);
		if (r < 0 && !force)
			return r;
		err_clear(e);
	}
	r = db_exec(n->db, e, "DELETE FROM endpoints WHERE network = ? AND container = ?", "ss", w.id, id);
	if (r == 0 && pid && network_has_names(&w)) {
		r = network_names(n, &w, e);
		if (r == 0)
			r = hosts_refresh(n, id, e);
	}
	return r;
}
