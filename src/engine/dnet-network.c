/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The networks themselves: rows of creel.db, and what the kernel has of them. */

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/fd.h"
#include "dialect/docker/value.h"
#include "engine/dnet-inner.h"
#include "net/bridge.h"

void network_done(struct network *w)
{
	char **const all[] = { &w->id,	     &w->name,	 &w->driver,  &w->bridge,   &w->parent,	 &w->subnet4,
			       &w->gateway4, &w->range4, &w->subnet6, &w->gateway6, &w->options, &w->labels };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		free(*all[i]);
	*w = (struct network){ 0 };
}

bool network_is(const struct network *w, const char *driver)
{
	return streq_ptr(w->driver, driver);
}

bool network_built_in(const struct network *w)
{
	return streq(w->name, "bridge") || streq(w->name, "host") || streq(w->name, "none");
}

bool network_has_names(const struct network *w)
{
	return network_is(w, "bridge") && !network_built_in(w);
}

/* --- rows ------------------------------------------------------------------------------------------------------------- */

#define COLUMNS                                                                                                        \
	"id, name, driver, bridge, parent, subnet4, gateway4, range4, subnet6, gateway6, options, labels, created_ns," \
	" mtu, internal, masquerade, attachable, ipv6"

struct networks {
	struct network *v;
	size_t n;
	struct err *e;
};

static int take_network(void *arg, const struct db_row *row)
{
	struct networks *l = arg;
	struct network *v = reallocarray(l->v, l->n + 1, sizeof(*v)), *w;

	if (!v)
		return err_oom(l->e);
	l->v = v;
	w = &v[l->n++];
	*w = (struct network){
		.created_ns = db_int(row, 12),
		.mtu = (uint32_t)db_int(row, 13),
		.internal = db_int(row, 14),
		.masquerade = db_int(row, 15),
		.attachable = db_int(row, 16),
		.ipv6 = db_int(row, 17),
	};
	{
		char **const to[] = { &w->id,	    &w->name,	&w->driver,  &w->bridge,   &w->parent,	&w->subnet4,
				      &w->gateway4, &w->range4, &w->subnet6, &w->gateway6, &w->options, &w->labels };

		for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
			const char *s = db_text(row, (int)i);

			*to[i] = s ? strdup(s) : NULL;
			if (s && !*to[i])
				return err_oom(l->e);
		}
	}
	return 0;
}

static void networks_done(struct networks *l)
{
	for (size_t i = 0; i < l->n; i++)
		network_done(&l->v[i]);
	free(l->v);
}

int network_each(struct dnet *n, int (*fn)(void *arg, struct network *w, struct err *e), void *arg, struct err *e)
{
	struct networks l = { .e = e };
	int r = db_query(n->db, take_network, &l, e, "SELECT " COLUMNS " FROM networks ORDER BY name", "");

	for (size_t i = 0; i < l.n && r == 0; i++)
		r = fn(arg, &l.v[i], e);
	networks_done(&l);
	return r;
}

int network_find(struct dnet *n, const char *name, struct network *ret, struct err *e)
{
	struct networks l = { .e = e };
	/* A name wins over an id, an id over the beginning of another. */
	int r = db_query(n->db, take_network, &l, e,
			 "SELECT " COLUMNS " FROM networks WHERE name = ?1 OR id = ?1 OR substr(id, 1, length(?1)) = ?1"
			 " ORDER BY name = ?1 DESC, id = ?1 DESC",
			 "s", name);

	if (r == 0 && (l.n == 0 || !*name))
		r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "network %s not found", name);
	else if (r == 0 && l.n > 1 && !streq(l.v[0].name, name) && !streq(l.v[0].id, name))
		r = err_kind(e, ERR_INVALID, -EINVAL, "network %s is ambiguous (%zu matches found based on ID prefix)",
			     name, l.n);
	else if (r == 0) {
		*ret = l.v[0];
		l.v[0] = (struct network){ 0 };
	}
	networks_done(&l);
	return r;
}

/* --- subnets ----------------------------------------------------------------------------------------------------------- */

/* The two, 192.0.2.0/24 and 192.0.2.128/25 say, have addresses in common. */
static bool overlap(const char *a, const char *b)
{
	const unsigned pa = prefix_of(a), pb = prefix_of(b), p = pa < pb ? pa : pb;
	char text[2][INET6_ADDRSTRLEN];
	uint8_t raw[2][16];
	const int family = strchr(a, ':') ? AF_INET6 : AF_INET;

	snprintf(text[0], sizeof(text[0]), "%.*s", (int)strcspn(a, "/"), a);
	snprintf(text[1], sizeof(text[1]), "%.*s", (int)strcspn(b, "/"), b);
	if (inet_pton(family, text[0], raw[0]) != 1 || inet_pton(family, text[1], raw[1]) != 1)
		return false;
	for (unsigned i = 0; i < p; i++)
		if ((raw[0][i / 8] ^ raw[1][i / 8]) & (0x80 >> (i % 8)))
			return false;
	return true;
}

struct search {
	const char *subnet, *self;
	bool found;
	char name[64];
};

static int compare_subnet(void *arg, struct network *w, struct err *e)
{
	struct search *s = arg;
	const char *other = strchr(s->subnet, ':') ? w->subnet6 : w->subnet4;

	if (!s->found && !isempty(other) && !streq_ptr(w->id, s->self) && overlap(other, s->subnet)) {
		s->found = true;
		snprintf(s->name, sizeof(s->name), "%s", w->name);
	}
	return 0;
}

int network_choose(struct dnet *n, struct network *w, struct err *e)
{
	char subnet[24], gateway[20];
	int r = 0;

	/* Docker's pools, in its order: 172.17 to 172.31 by 16 bits, then 192.168 by 20. */
	for (int i = 17; i < 48 && r == 0; i++) {
		struct search s = { .subnet = subnet, .self = w->id };

		if (i < 32)
			snprintf(subnet, sizeof(subnet), "172.%d.0.0/16", i);
		else
			snprintf(subnet, sizeof(subnet), "192.168.%d.0/20", (i - 32) * 16);
		r = network_each(n, compare_subnet, &s, e);
		if (r < 0 || s.found)
			continue;
		r = net_subnet_used(subnet, e);
		if (r > 0) {
			r = 0;
			continue;
		}
		if (r < 0)
			return r;
		snprintf(gateway, sizeof(gateway), "%.*s1", (int)(strcspn(subnet, "/") - 1), subnet);
		free(w->subnet4);
		free(w->gateway4);
		w->subnet4 = strdup(subnet);
		w->gateway4 = strdup(gateway);
		return w->subnet4 && w->gateway4 ? 0 : err_oom(e);
	}
	return r < 0 ? r
		     : err_kind(e, ERR_LIMIT, -ENOSPC,
				"could not find an available, non-overlapping IPv4 address pool among the defaults");
}

/* The first address of SUBNET, which has none of its own. */
static char *first_address(const char *subnet)
{
	const int family = strchr(subnet, ':') ? AF_INET6 : AF_INET;
	char text[INET6_ADDRSTRLEN];
	uint8_t raw[16];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(subnet, "/"), subnet);
	if (inet_pton(family, text, raw) != 1)
		return NULL;
	raw[family == AF_INET ? 3 : 15] |= 1;
	return strdup(inet_ntop(family, raw, text, sizeof(text)));
}

/* --- the kernel's part --------------------------------------------------------------------------------------------------- */

struct net_nat network_nat(const struct network *w)
{
	struct net_nat nat = { .mtu = w->mtu, .masquerade = w->masquerade, .internal = w->internal };

	snprintf(nat.bridge, sizeof(nat.bridge), "%s", w->bridge ?: "");
	if (!isempty(w->subnet4) && !isempty(w->gateway4))
		snprintf(nat.addr4, sizeof(nat.addr4), "%s/%u", w->gateway4, prefix_of(w->subnet4));
	if (!isempty(w->subnet6) && !isempty(w->gateway6))
		snprintf(nat.addr6, sizeof(nat.addr6), "%s/%u", w->gateway6, prefix_of(w->subnet6));
	return nat;
}

int network_up(struct dnet *n, struct network *w, struct err *e)
{
	struct net_nat nat;
	int r = 0;

	if (!network_is(w, "bridge"))
		return 0;
	if (isempty(w->subnet4) && isempty(w->subnet6)) {
		r = network_choose(n, w, e);
		if (r == 0)
			r = db_exec(n->db, e, "UPDATE networks SET subnet4 = ?, gateway4 = ? WHERE id = ?", "sss",
				    w->subnet4, w->gateway4, w->id);
	}
	nat = network_nat(w);
	return r < 0 ? r : net_nat_up(&nat, n->run_dir, e);
}

int network_down(struct dnet *n, const struct network *w, struct err *e)
{
	const struct net_nat nat = network_nat(w);
	int r = 0;

	if (!network_is(w, "bridge"))
		return 0;
	if (network_has_names(w))
		r = net_dns_stop(&nat, n->run_dir, e);
	return r < 0 ? r : net_nat_down(&nat, n->run_dir, e);
}

struct naming {
	const char *network;
	struct buf *out;
};

static int name_lines(void *arg, struct endpoint *p, struct err *e)
{
	const char *const addrs[] = { p->ip4, p->ip6 };
	const struct naming *w = arg;

	for (size_t i = 0; p->active && i < ARRAY_SIZE(addrs); i++)
		if (addrs[i])
			buf_printf(w->out, "%s %s %s.%s %.12s%s%s\n", addrs[i], p->name, p->name, w->network,
				   p->container, isempty(p->aliases) ? "" : " ", p->aliases ?: "");
	return 0;
}

int network_lines(struct dnet *n, const struct network *w, struct buf *out, struct err *e)
{
	return endpoint_each(n, w->id, NULL, name_lines, &(struct naming){ w->name, out }, e);
}

/* Nobody on it: nothing runs for it. */
int network_names(struct dnet *n, const struct network *w, struct err *e)
{
	const struct net_nat nat = network_nat(w);
	_cleanup_buf_ struct buf hosts = BUF_INIT;
	/* Before the rows: who writes last has read last. */
	_cleanup_close_ int lock = net_lock(n->run_dir, e);
	int r = lock < 0 ? lock : network_lines(n, w, &hosts, e);

	if (r == 0)
		r = buf_error(&hosts, e);
	if (r == 0)
		r = hosts.len ? net_dns_serve(&nat, n->run_dir, buf_str(&hosts), !w->internal, e)
			      : net_dns_stop(&nat, n->run_dir, e);
	lock = fd_close(lock);
	return r < 0 ? r : network_hosts(n, w, e);
}

/* --- made and removed ------------------------------------------------------------------------------------------------------ */

static int take(char **to, const char *s, struct err *e)
{
	free(*to);
	*to = isempty(s) ? NULL : strdup(s);
	return !isempty(s) && !*to ? err_oom(e) : 0;
}

static int read_subnet(struct dnet *n, struct network *w, const struct json_c_value *c, struct err *e)
{
	const char *subnet = value_text(c, "Subnet"), *gateway = value_text(c, "Gateway"),
		   *range = value_text(c, "IPRange");
	const bool six = subnet && strchr(subnet, ':');
	_cleanup_free_ char *first = NULL;
	struct search s = { .subnet = subnet };
	unsigned p = prefix_of(subnet);
	uint8_t raw[16];
	int r;

	if (isempty(subnet))
		return isempty(gateway) && isempty(range)
			       ? 0
			       : err_kind(e, ERR_INVALID, -EINVAL, "a gateway or a range needs a subnet");
	first = first_address(subnet);
	if (!first || p == 0 || p > (six ? 126u : 30u))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid subnet %s: expected ADDRESS/PREFIX", subnet);
	if (!isempty(gateway) && inet_pton(six ? AF_INET6 : AF_INET, gateway, raw) != 1)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid gateway address \"%s\"", gateway);
	if (!isempty(gateway)) {
		char of[80];

		snprintf(of, sizeof(of), "%.60s/%u", gateway, p);
		if (!overlap(of, subnet))
			return err_kind(e, ERR_INVALID, -EINVAL, "no matching subnet for gateway %s", gateway);
	}
	if (!isempty(range) && (prefix_of(range) < p || !overlap(range, subnet)))
		return err_kind(e, ERR_INVALID, -EINVAL, "no matching subnet for range %s", range);
	r = network_each(n, compare_subnet, &s, e);
	if (r < 0)
		return r;
	if (s.found)
		return err_kind(e, ERR_EXISTS, -EEXIST,
				"Pool overlaps with other one on this address space: %s is part of network %s", subnet,
				s.name);
	r = take(six ? &w->subnet6 : &w->subnet4, subnet, e);
	if (r == 0)
		r = take(six ? &w->gateway6 : &w->gateway4, isempty(gateway) ? first : gateway, e);
	if (r == 0 && !six)
		r = take(&w->range4, range, e);
	return r;
}

static int write_member(const struct json_c_value *body, const char *name, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json j;

	json_init(&j, &b, false);
	if (value_get(body, name))
		value_write(value_get(body, name), &j);
	else
		buf_puts(&b, "{}");
	*ret = buf_error(&b, e) == 0 ? buf_take(&b) : NULL;
	return *ret ? 0 : err_oom(e);
}

static int read_options(struct network *w, const struct json_c_value *body, struct err *e)
{
	const struct json_c_value *o = value_get(body, "Options");
	const char *bridge = value_text(o, "com.docker.network.bridge.name"),
		   *mtu = value_text(o, "com.docker.network.driver.mtu"),
		   *masq = value_text(o, "com.docker.network.bridge.enable_ip_masquerade"),
		   *parent = value_text(o, "parent");
	int r = 0;

	w->masquerade = !masq || !streq(masq, "false");
	if (mtu)
		w->mtu = (uint32_t)strtoul(mtu, NULL, 10);
	if (network_is(w, "bridge")) {
		if (bridge && (strlen(bridge) > 15 || strpbrk(bridge, "/ \t\"\n")))
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid bridge name '%s'", bridge);
		if (bridge)
			r = take(&w->bridge, bridge, e);
		else if (asprintf(&w->bridge, "br-%.12s", w->id) < 0)
			r = err_oom(e);
	} else {
		if (isempty(parent))
			return err_kind(e, ERR_INVALID, -EINVAL, "network driver %s needs the option parent=INTERFACE",
					w->driver);
		r = take(&w->parent, parent, e);
	}
	if (r == 0)
		r = write_member(body, "Options", &w->options, e);
	return r < 0 ? r : write_member(body, "Labels", &w->labels, e);
}

/* [a-zA-Z0-9][a-zA-Z0-9_.-]*, as Docker has it for networks. */
static bool name_valid(const char *s)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const size_t n = s ? strlen(s) : 0;

	if (n == 0 || n > 255 || !strchr(first, *s))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!strchr(first, s[i]) && !strchr("_.-", s[i]))
			return false;
	return true;
}

static int read_body(struct dnet *n, const struct json_c_value *body, struct network *w, struct err *e)
{
	const struct json_c_value *config = value_at(body, "IPAM.Config");
	const char *name = value_text(body, "Name"), *driver = value_text(body, "Driver");
	uint8_t raw[NET_ID_LEN / 2];
	char id[NET_ID_LEN + 1];
	int r;

	if (!name_valid(name))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"%s includes invalid characters for a local network name, only "
				"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
				name ?: "");
	driver = isempty(driver) ? "bridge" : driver;
	if (!streq(driver, "bridge") && !streq(driver, "macvlan") && !streq(driver, "ipvlan"))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT,
				"could not find plugin %s in v1 plugin registry: plugin not found", driver);
	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_set(e, -errno, "get random bytes");
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(id + 2 * i, 3, "%02x", raw[i]);
	w->internal = value_bool(body, "Internal");
	w->attachable = value_bool(body, "Attachable");
	w->ipv6 = value_bool(body, "EnableIPv6");
	r = take(&w->id, id, e);
	if (r == 0)
		r = take(&w->name, name, e);
	if (r == 0)
		r = take(&w->driver, driver, e);
	if (r == 0)
		r = read_options(w, body, e);
	for (size_t i = 0; i < value_len(config) && r == 0; i++)
		r = read_subnet(n, w, value_elem(config, i), e);
	if (r == 0 && w->ipv6 && isempty(w->subnet6)) {
		/* A unique local one (RFC 4193), of the network's random id. */
		char subnet[40];

		snprintf(subnet, sizeof(subnet), "fd%.2s:%.4s:%.4s::/64", id, id + 2, id + 6);
		r = take(&w->subnet6, subnet, e);
		if (r == 0)
			w->gateway6 = first_address(subnet);
	}
	if (r == 0 && isempty(w->subnet4))
		r = network_choose(n, w, e);
	return r;
}

int dnet_add(struct dnet *n, const struct json_c_value *body, struct buf *ret, struct err *e)
{
	_cleanup_network_ struct network w = { 0 };
	_cleanup_free_ char *there = NULL;
	struct timespec now;
	int r = n->user ? dnet_refuse_user(value_text(body, "Name") ?: "", e) : db_begin(n->db, e);

	if (r < 0)
		return r;
	r = read_body(n, body, &w, e);
	if (r == 0)
		r = db_one(n->db, &there, e, "SELECT id FROM networks WHERE name = ?", "s", w.name);
	if (r > 0)
		r = err_kind(e, ERR_EXISTS, -EEXIST, "network with name %s already exists", w.name);
	clock_gettime(CLOCK_REALTIME, &now);
	if (r == 0)
		r = db_exec(n->db, e,
			    "INSERT INTO networks(" COLUMNS
			    ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			    "ssssssssssssiiiiii", w.id, w.name, w.driver, w.bridge, w.parent, w.subnet4, w.gateway4,
			    w.range4, w.subnet6, w.gateway6, w.options, w.labels,
			    (int64_t)now.tv_sec * 1000000000 + (int64_t)now.tv_nsec, (int64_t)w.mtu,
			    (int64_t)w.internal, (int64_t)w.masquerade, (int64_t)w.attachable, (int64_t)w.ipv6);
	if (r == 0)
		r = network_up(n, &w, e);
	r = db_end(n->db, r, e);
	if (r < 0)
		return r;
	buf_printf(ret, "{\"Id\":\"%s\",\"Warning\":\"\"}", w.id);
	return buf_error(ret, e);
}

static int count_active(void *arg, struct endpoint *p, struct err *e)
{
	struct buf *who = arg;

	if (p->active)
		buf_printf(who, "%s%s", who->len ? ", " : "", p->name);
	return 0;
}

static int remove_one(struct dnet *n, const struct network *w, struct err *e)
{
	_cleanup_buf_ struct buf who = BUF_INIT;
	int r;

	if (network_built_in(w))
		return err_kind(e, ERR_DENIED, -EPERM, "%s is a pre-defined network and cannot be removed", w->name);
	r = db_begin(n->db, e);
	if (r < 0)
		return r;
	r = endpoint_each(n, w->id, NULL, count_active, &who, e);
	if (r == 0 && who.len)
		r = err_kind(e, ERR_DENIED, -EBUSY,
			     "error while removing network: network %s id %s has active endpoints: %s", w->name, w->id,
			     buf_str(&who));
	if (r == 0)
		r = db_exec(n->db, e, "DELETE FROM endpoints WHERE network = ?", "s", w->id);
	if (r == 0)
		r = network_down(n, w, e);
	if (r == 0)
		r = db_exec(n->db, e, "DELETE FROM networks WHERE id = ?", "s", w->id);
	return db_end(n->db, r, e);
}

int dnet_remove(struct dnet *n, const char *name, struct err *e)
{
	_cleanup_network_ struct network w = { 0 };
	int r = network_find(n, name, &w, e);

	return r < 0 ? r : remove_one(n, &w, e);
}

struct pruning {
	struct dnet *n;
	const struct json_c_value *filters;
	struct json out;
};

static int prune_one(void *arg, struct network *w, struct err *e)
{
	struct pruning *p = arg;
	_cleanup_free_ char *who = NULL;
	int r;

	if (network_built_in(w) || !network_matches(w, p->filters))
		return 0;
	r = db_one(p->n->db, &who, e, "SELECT container FROM endpoints WHERE network = ?", "s", w->id);
	if (r != 0)
		return r < 0 ? r : 0;
	r = remove_one(p->n, w, e);
	if (r == 0)
		json_string(&p->out, w->name);
	return r;
}

int dnet_prune(struct dnet *n, const struct json_c_value *filters, struct buf *ret, struct err *e)
{
	struct pruning p = { .n = n, .filters = filters };
	int r;

	json_init(&p.out, ret, false);
	json_object(&p.out);
	json_key(&p.out, "NetworksDeleted");
	json_array(&p.out);
	r = network_each(n, prune_one, &p, e);
	json_end_array(&p.out);
	json_end_object(&p.out);
	return r < 0 ? r : buf_error(ret, e);
}
