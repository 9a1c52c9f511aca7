/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container's way through its networks: rows when it is made, addresses when it starts, nothing left when it has gone. */

#include "engine/dnet-inner.h"
#include "sys/proc.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base/parse.h"
#include "dialect/docker/value.h"
#include "spec/field.h"

static const char *const schema[] = {
	"CREATE TABLE networks(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, driver TEXT NOT NULL, created_ns "
	"INTEGER NOT NULL,"
	" bridge TEXT, parent TEXT, subnet4 TEXT, gateway4 TEXT, range4 TEXT, subnet6 TEXT, gateway6 TEXT,"
	" internal INTEGER NOT NULL DEFAULT 0, masquerade INTEGER NOT NULL DEFAULT 1, mtu INTEGER NOT NULL DEFAULT 0,"
	" attachable INTEGER NOT NULL DEFAULT 0, ipv6 INTEGER NOT NULL DEFAULT 0, options TEXT, labels TEXT);"
	"CREATE TABLE endpoints(seq INTEGER PRIMARY KEY AUTOINCREMENT, network TEXT NOT NULL REFERENCES networks(id),"
	" container TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, ask4 TEXT, ask6 TEXT, mac TEXT, aliases TEXT,"
	" ip4 TEXT, ip6 TEXT, active INTEGER NOT NULL DEFAULT 0,"
	" UNIQUE(network, container), UNIQUE(network, ip4), UNIQUE(network, ip6));"
	"CREATE INDEX endpoints_of ON endpoints(container);"
	"CREATE TABLE ports(container TEXT NOT NULL, proto TEXT NOT NULL, host TEXT NOT NULL, host_port INTEGER NOT "
	"NULL,"
	" addr TEXT NOT NULL, port INTEGER NOT NULL, PRIMARY KEY(proto, host, host_port)) WITHOUT ROWID;"
	"CREATE INDEX ports_of ON ports(container);"
	"INSERT INTO networks(id, name, driver, created_ns, bridge, masquerade) VALUES"
	" (lower(hex(randomblob(32))), 'bridge', 'bridge', strftime('%s', 'now') * 1000000000, 'creel0', 1),"
	" (lower(hex(randomblob(32))), 'host', 'host', strftime('%s', 'now') * 1000000000, NULL, 0),"
	" (lower(hex(randomblob(32))), 'none', 'null', strftime('%s', 'now') * 1000000000, NULL, 0);",
	NULL,
};

int dnet_open(struct db *db, const char *run_dir, const char *containers, struct dnet *ret, struct err *e)
{
	*ret = (struct dnet){ .db = db, .run_dir = run_dir, .containers = containers, .user = proc_user_entered() };
	return db_schema(db, "networks", schema, e);
}

int dnet_refuse_user(const char *what, struct err *e)
{
	return err_hint(e, err_kind(e, ERR_DENIED, -EPERM, "network %s: one of its own needs root of the host", what),
			"an ordinary user's containers can have the networks bridge, host and none");
}

/* --- endpoints ------------------------------------------------------------------------------------------------------ */

void endpoint_done(struct endpoint *p)
{
	char **const all[] = { &p->network, &p->container, &p->id,	&p->name, &p->ask4,
			       &p->ask6,    &p->mac,	   &p->aliases, &p->ip4,  &p->ip6 };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		free(*all[i]);
	*p = (struct endpoint){ 0 };
}

struct endpoints {
	struct endpoint *v;
	size_t n;
	struct err *e;
};

static int take_text(const struct db_row *row, int col, char **ret, struct err *e)
{
	const char *s = db_text(row, col);

	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? err_oom(e) : 0;
}

static int take_endpoint(void *arg, const struct db_row *row)
{
	struct endpoints *l = arg;
	struct endpoint *v = reallocarray(l->v, l->n + 1, sizeof(*v)), *p;
	int r = 0;

	if (!v)
		return err_oom(l->e);
	l->v = v;
	p = &v[l->n++];
	*p = (struct endpoint){ .active = db_int(row, 10) };
	{
		char **const to[] = { &p->network, &p->container, &p->id,      &p->name, &p->ask4,
				      &p->ask6,	   &p->mac,	  &p->aliases, &p->ip4,	 &p->ip6 };

		for (size_t i = 0; i < ARRAY_SIZE(to) && r == 0; i++)
			r = take_text(row, (int)i, to[i], l->e);
	}
	return r;
}

/* All rows first: what is done with them may ask the data base again. */
int endpoint_each(struct dnet *n, const char *network, const char *container,
		  int (*fn)(void *arg, struct endpoint *p, struct err *e), void *arg, struct err *e)
{
	struct endpoints l = { .e = e };
	int r = db_query(
		n->db, take_endpoint, &l, e,
		"SELECT network, container, id, name, ask4, ask6, mac, aliases, ip4, ip6, active FROM endpoints"
		" WHERE (?1 IS NULL OR network = ?1) AND (?2 IS NULL OR container = ?2) ORDER BY seq",
		"ss", network, container);

	for (size_t i = 0; i < l.n; i++) {
		if (r == 0)
			r = fn(arg, &l.v[i], e);
		endpoint_done(&l.v[i]);
	}
	free(l.v);
	return r;
}

static int random_id(char ret[static NET_ID_LEN + 1], struct err *e)
{
	uint8_t raw[NET_ID_LEN / 2];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_set(e, -errno, "get random bytes");
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(ret + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

/* What the user gives his container of its network, checked before anything is written down. */
static int check_endpoint(const struct network *w, const char *ip4, const char *ip6, const char *mac, struct err *e)
{
	uint8_t raw[16];

	if ((ip4 || ip6) && !network_has_names(w) && !network_is(w, "macvlan") && !network_is(w, "ipvlan"))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"user specified IP address is supported on user defined networks only");
	if (ip4 && inet_pton(AF_INET, ip4, raw) != 1)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid IPv4 address: %s", ip4);
	if (ip6 && inet_pton(AF_INET6, ip6, raw) != 1)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid IPv6 address: %s", ip6);
	for (size_t i = 0; mac && i < 17; i++)
		if ((i % 3 == 2) ? mac[i] != ':' && mac[i] != '-'
				 : !strchr("0123456789abcdefABCDEF", mac[i]) || !mac[i])
			return err_kind(e, ERR_INVALID, -EINVAL, "%s is not a valid mac address", mac);
	if (mac && strlen(mac) != 17)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s is not a valid mac address", mac);
	return 0;
}

/* Aliases, and in the old way of links "web:db" the part behind the colon: blank-separated. */
static int aliases_of(const struct json_c_value *ep, struct buf *out, struct err *e)
{
	const struct json_c_value *list = value_get(ep, "Aliases");

	for (size_t i = 0; i < value_len(list); i++) {
		const char *a = value_text(value_elem(list, i), NULL);

		if (isempty(a) || strlen(a) > 253 || strpbrk(a, " \t\n\r#"))
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid network alias '%s'", a ?: "");
		buf_printf(out, "%s%s", out->len ? " " : "", a);
	}
	return buf_error(out, e);
}

int endpoint_add(struct dnet *n, const struct network *w, const struct dnet_req *q, const struct json_c_value *ep,
		 struct err *e)
{
	const struct json_c_value *ipam = value_get(ep, "IPAMConfig");
	const char *ip4 = value_text(ipam, "IPv4Address"), *ip6 = value_text(ipam, "IPv6Address"),
		   *mac = value_text(ep, "MacAddress");
	_cleanup_buf_ struct buf aliases = BUF_INIT;
	char id[NET_ID_LEN + 1];
	int r;

	ip4 = isempty(ip4) ? NULL : ip4;
	ip6 = isempty(ip6) ? NULL : ip6;
	mac = isempty(mac) ? (isempty(q->mac) ? NULL : q->mac) : mac;
	r = check_endpoint(w, ip4, ip6, mac, e);
	if (r == 0)
		r = aliases_of(ep, &aliases, e);
	if (r == 0)
		r = random_id(id, e);
	if (r < 0)
		return r;
	return db_exec(n->db, e,
		       "INSERT INTO endpoints(network, container, id, name, ask4, ask6, mac, aliases) VALUES(?, ?, ?, "
		       "?, ?, ?, ?, ?)",
		       "ssssssss", w->id, q->id, id, q->name, ip4, ip6, mac, buf_str(&aliases));
}

/* --- addresses ------------------------------------------------------------------------------------------------------ */

unsigned prefix_of(const char *subnet)
{
	const char *slash = subnet ? strchr(subnet, '/') : NULL;
	uint32_t v = 0;

	return slash && parse_u32(slash + 1, &v) == 0 ? v : 0;
}

struct taken {
	uint64_t *v; /* places within the subnet, ascending or not */
	size_t n, cap;
	int family;
	uint8_t base[16];
	unsigned prefix;
	struct err *e;
};

/* The place of an address within a subnet: its bits behind the prefix; of IPv6 the lowest 64 of them. */
static uint64_t place_of(const uint8_t *addr, int family, unsigned prefix)
{
	const size_t len = family == AF_INET ? 4 : 16;
	const unsigned bits = (unsigned)len * 8 - prefix;
	uint64_t v = 0;

	for (size_t i = len > 8 ? len - 8 : 0; i < len; i++)
		v = v << 8 | addr[i];
	return bits >= 64 ? v : v & ((UINT64_C(1) << bits) - 1);
}

static void at_place(const uint8_t *base, int family, uint64_t place, char ret[static INET6_ADDRSTRLEN])
{
	const size_t len = family == AF_INET ? 4 : 16;
	uint8_t a[16];

	memcpy(a, base, len);
	for (size_t i = len; i-- > 0 && place; place >>= 8)
		a[i] |= (uint8_t)place;
	inet_ntop(family, a, ret, INET6_ADDRSTRLEN);
}

static int note_taken(void *arg, const struct db_row *row)
{
	struct taken *t = arg;
	uint8_t a[16];

	if (!db_text(row, 0) || inet_pton(t->family, db_text(row, 0), a) != 1)
		return 0;
	if (t->n == t->cap) {
		uint64_t *v = reallocarray(t->v, t->cap + 64, sizeof(*v));

		if (!v)
			return err_oom(t->e);
		t->v = v;
		t->cap += 64;
	}
	t->v[t->n++] = place_of(a, t->family, t->prefix);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* "10.1.0.0/16" → its address and prefix. */
static int subnet_scan(const char *text, int family, uint8_t ret[static 16], unsigned *ret_prefix, struct err *e)
{
	char addr[INET6_ADDRSTRLEN];
	const size_t n = strcspn(text, "/");

	*ret_prefix = prefix_of(text);
	if (n >= sizeof(addr))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid subnet %s", text);
	memcpy(addr, text, n);
	addr[n] = '\0';
	if (inet_pton(family, addr, ret) != 1)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid subnet %s", text);
	return 0;
}

/* The lowest place from FIRST on that is neither GATEWAY nor among those that are taken, which are sorted. */
static uint64_t lowest_free(const struct taken *t, uint64_t first, uint64_t gateway)
{
	uint64_t place = first;

	place += place == gateway;
	for (size_t i = 0; i < t->n && t->v[i] <= place; i++) {
		if (t->v[i] != place)
			continue;
		place++;
		place += place == gateway;
	}
	return place;
}

/* Of the network, or of its range; the subnet's own address and the one of broadcasts are nobody's. */
static int find_free(struct taken *t, const char *range, const char *gateway, uint64_t *ret, struct err *e)
{
	uint64_t first, last, gw_place = UINT64_MAX;
	uint8_t from[16], gw[16];
	unsigned prefix;
	int r = subnet_scan(range, t->family, from, &prefix, e);

	if (r < 0)
		return r;
	first = place_of(from, t->family, t->prefix);
	last = t->family == AF_INET6 ? UINT64_MAX >> 1 : first + (UINT64_C(1) << (32 - prefix)) - 1;
	if (t->family == AF_INET && last == (UINT64_C(1) << (32 - t->prefix)) - 1 && t->prefix < 31)
		last--;
	if (gateway && inet_pton(t->family, gateway, gw) == 1)
		gw_place = place_of(gw, t->family, t->prefix);
	qsort(t->v, t->n, sizeof(*t->v), by_value);
	*ret = lowest_free(t, first ?: 1, gw_place);
	return *ret <= last ? 0 : -ENOSPC;
}

static int free_address(struct dnet *n, const struct network *w, int family, char ret[static INET6_ADDRSTRLEN],
			struct err *e)
{
	const bool four = family == AF_INET;
	const char *subnet = four ? w->subnet4 : w->subnet6, *range = four ? w->range4 : NULL;
	struct taken t = { .family = family, .e = e };
	uint64_t place;
	int r = subnet_scan(subnet, family, t.base, &t.prefix, e);

	if (r == 0)
		r = db_query(n->db, note_taken, &t, e,
			     four ? "SELECT ip4 FROM endpoints WHERE network = ? AND ip4 IS NOT NULL"
				  : "SELECT ip6 FROM endpoints WHERE network = ? AND ip6 IS NOT NULL",
			     "s", w->id);
	if (r == 0)
		r = find_free(&t, isempty(range) ? subnet : range, four ? w->gateway4 : w->gateway6, &place, e);
	if (r == -ENOSPC)
		r = err_kind(e, ERR_LIMIT, r, "no available IPv%d addresses on this network's address pools: %s",
			     four ? 4 : 6, w->name);
	if (r == 0)
		at_place(t.base, family, place, ret);
	free(t.v);
	return r;
}

/* "02:42" and the address, as Docker made them for ten years. */
static int mac_of(const char *ip4, char **ret, struct err *e)
{
	uint8_t a[4];

	if (!ip4 || inet_pton(AF_INET, ip4, a) != 1)
		return 0;
	return asprintf(ret, "02:42:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3]) < 0 ? err_oom(e) : 0;
}

static int asked_address(struct dnet *n, const struct network *w, int family, const char *ask, struct err *e)
{
	const char *subnet = family == AF_INET ? w->subnet4 : w->subnet6;
	_cleanup_free_ char *who = NULL;
	uint8_t base[16], a[16];
	unsigned prefix;
	int r;

	if (isempty(subnet))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"user specified IP address is supported only when connecting to networks with user "
				"configured subnets");
	r = subnet_scan(subnet, family, base, &prefix, e);
	if (r < 0)
		return r;
	if (inet_pton(family, ask, a) != 1 || memcmp(a, base, prefix / 8) != 0 ||
	    (prefix % 8 && (a[prefix / 8] ^ base[prefix / 8]) >> (8 - prefix % 8)))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid address %s: it is not in %s", ask, subnet);
	r = db_one(n->db, &who, e, "SELECT name FROM endpoints WHERE network = ? AND (ip4 = ? OR ip6 = ?)", "sss",
		   w->id, ask, ask);
	if (r > 0)
		return err_kind(e, ERR_EXISTS, -EADDRINUSE, "Address already in use: %s is %s's", ask, who);
	return r;
}

int endpoint_lease(struct dnet *n, const struct network *w, struct endpoint *p, struct err *e)
{
	char ip4[INET6_ADDRSTRLEN] = "", ip6[INET6_ADDRSTRLEN] = "";
	int r = 0;

	if (p->ask4)
		r = asked_address(n, w, AF_INET, p->ask4, e);
	else if (!isempty(w->subnet4))
		r = free_address(n, w, AF_INET, ip4, e);
	if (r == 0 && p->ask6)
		r = asked_address(n, w, AF_INET6, p->ask6, e);
	else if (r == 0 && !isempty(w->subnet6))
		r = free_address(n, w, AF_INET6, ip6, e);
	if (r < 0)
		return r;
	free(p->ip4);
	free(p->ip6);
	p->ip4 = p->ask4 || *ip4 ? strdup(p->ask4 ?: ip4) : NULL;
	p->ip6 = p->ask6 || *ip6 ? strdup(p->ask6 ?: ip6) : NULL;
	if (((p->ask4 || *ip4) && !p->ip4) || ((p->ask6 || *ip6) && !p->ip6))
		return err_oom(e);
	if (!p->mac)
		r = mac_of(p->ip4, &p->mac, e);
	if (r == 0)
		r = db_exec(n->db, e,
			    "UPDATE endpoints SET ip4 = ?, ip6 = ?, active = 1 WHERE network = ? AND container = ?",
			    "ssss", p->ip4, p->ip6, w->id, p->container);
	p->active = r == 0;
	return r;
}

/* --- one interface --------------------------------------------------------------------------------------------------- */

static int set_text(char **to, const char *s, struct err *e)
{
	free(*to);
	*to = isempty(s) ? NULL : strdup(s);
	return !isempty(s) && !*to ? err_oom(e) : 0;
}

int endpoint_spec(const struct network *w, const struct endpoint *p, bool gateway, struct spec_net *ret, struct err *e)
{
	const bool bridge = network_is(w, "bridge");
	int r = set_text(&ret->type, bridge ? "veth" : w->driver, e);

	ret->up = TRI_YES;
	if (w->mtu)
		ret->mtu = w->mtu;
	if (r == 0)
		r = set_text(&ret->link, bridge ? w->bridge : w->parent, e);
	if (r == 0 && !network_is(w, "ipvlan"))
		r = set_text(&ret->hwaddr, p->mac, e);
	if (r == 0 && network_is(w, "macvlan"))
		r = set_text(&ret->macvlan_mode, "bridge", e);
	if (r == 0 && p->ip4)
		r = strv_pushf(&ret->ipv4, e, "%s/%u", p->ip4, prefix_of(w->subnet4));
	if (r == 0 && p->ip6)
		r = strv_pushf(&ret->ipv6, e, "%s/%u", p->ip6, prefix_of(w->subnet6));
	if (r == 0 && gateway && p->ip4)
		r = set_text(&ret->ipv4_gateway, w->gateway4, e);
	if (r == 0 && gateway && p->ip6)
		r = set_text(&ret->ipv6_gateway, w->gateway6, e);
	return r;
}

/* --- the container's way ---------------------------------------------------------------------------------------------- */

/* HostConfig.NetworkMode, "bridge" where it says nothing. */
static const char *mode_of(const struct dnet_req *q)
{
	const char *mode = value_text(q->host, "NetworkMode");

	if (q->disabled)
		return "none";
	return isempty(mode) || streq(mode, "default") ? "bridge" : mode;
}

struct creating {
	struct dnet *n;
	const struct dnet_req *q;
	const char *first; /* id of the network that has its row already */
	struct err *e;
};

static int create_further(void *arg, const char *name, struct json_c_value *ep)
{
	struct creating *c = arg;
	_cleanup_network_ struct network w = { 0 };
	int r;

	/* The built-in one has two names. */
	r = network_find(c->n, streq(name, "default") ? "bridge" : name, &w, c->e);
	if (r < 0 || streq(w.id, c->first))
		return r;
	return endpoint_add(c->n, &w, c->q, ep, c->e);
}

static int check_one(void *arg, const char *name, struct json_c_value *ep)
{
	struct creating *c = arg;
	_cleanup_network_ struct network w = { 0 };

	return network_find(c->n, streq(name, "default") ? "bridge" : name, &w, c->e);
}

int dnet_check(struct dnet *n, const struct dnet_req *q, struct err *e)
{
	_cleanup_network_ struct network w = { 0 };
	struct creating c = { .n = n, .e = e };
	const char *mode = mode_of(q);
	int r;

	if (startswith(mode, "container:"))
		return 0;
	r = network_find(n, mode, &w, e);
	return r < 0 ? r : value_each(value_get(q->networking, "EndpointsConfig"), check_one, &c);
}

static int create_rows(struct dnet *n, const struct dnet_req *q, struct err *e)
{
	const struct json_c_value *eps = value_get(q->networking, "EndpointsConfig");
	const char *mode = mode_of(q);
	_cleanup_network_ struct network w = { 0 };
	struct creating c = { .n = n, .q = q, .e = e };
	const struct json_c_value *ep;
	int r = network_find(n, mode, &w, e);

	if (r < 0)
		return r;
	ep = value_get(eps, mode) ?: value_get(eps, w.name) ?: value_get(eps, w.id);
	if (!ep && streq(mode, "bridge"))
		ep = value_get(eps, "default");
	r = endpoint_add(n, &w, q, ep, e);
	c.first = w.id;
	if (r == 0 && eps && (network_is(&w, "bridge") || w.parent))
		r = value_each(eps, create_further, &c);
	return r;
}

int dnet_ensure(struct dnet *n, const struct dnet_req *q, struct err *e)
{
	_cleanup_free_ char *there = NULL;
	int r;

	if (startswith(mode_of(q), "container:"))
		return 0;
	r = db_one(n->db, &there, e, "SELECT id FROM endpoints WHERE container = ?", "s", q->id);
	if (r != 0)
		return r < 0 ? r : 0;
	r = db_begin(n->db, e);
	return r < 0 ? r : db_end(n->db, create_rows(n, q, e), e);
}

static struct spec_net *add_net(struct spec *s, struct err *e)
{
	return field_list_add(field_row(spec_fields, "net", 3), s, e);
}

struct preparing {
	struct dnet *n;
	const struct dnet_req *q;
	struct spec *s;
	unsigned index;
	bool gateway; /* some network is the way out already */
};

/* A program beside the container is its way out: what addresses it has there is that one's to say. */
static int prepare_user(struct preparing *c, struct endpoint *p, const struct network *w, struct err *e)
{
	struct spec_net *net;
	int r;

	if (!streq(w->name, "bridge"))
		return dnet_refuse_user(w->name, e);
	net = add_net(c->s, e);
	if (!net)
		return -ENOMEM;
	net->index = c->index++;
	net->up = net->user_out = TRI_YES;
	r = set_text(&net->type, "empty", e);
	if (r == 0)
		r = set_text(&p->ip4, "127.0.0.1", e);
	return r == 0 ? ports_choose(c->n, c->q, p, &net->publish, e) : r;
}

static int prepare_one(void *arg, struct endpoint *p, struct err *e)
{
	struct preparing *c = arg;
	_cleanup_network_ struct network w = { 0 };
	struct spec_net *net;
	bool gateway;
	int r = network_find(c->n, p->network, &w, e);

	if (r < 0 || network_is(&w, "null") || network_is(&w, "host"))
		return r;
	if (c->n->user)
		return prepare_user(c, p, &w, e);
	r = network_up(c->n, &w, e);
	if (r == 0)
		r = endpoint_lease(c->n, &w, p, e);
	if (r < 0)
		return r;
	net = add_net(c->s, e);
	if (!net)
		return -ENOMEM;
	net->index = c->index++;
	gateway = !c->gateway && !w.internal;
	r = endpoint_spec(&w, p, gateway, net, e);
	if (r == 0 && gateway) {
		c->gateway = true;
		r = ports_choose(c->n, c->q, p, &net->publish, e);
		if (r < 0)
			r = err_wrap(e, r, "driver failed programming external connectivity on endpoint %s",
				     c->q->name);
	}
	return r;
}

int dnet_prepare(struct dnet *n, const struct dnet_req *q, struct spec *s, char **ret_join, struct err *e)
{
	struct preparing c = { .n = n, .q = q, .s = s };
	const char *mode = mode_of(q), *other = startswith(mode, "container:");
	int r;

	*ret_join = NULL;
	if (other) {
		*ret_join = strdup(other);
		return *ret_join ? 0 : err_oom(e);
	}
	if (streq(mode, "host")) {
		s->ns_clone &= ~(1u << NS_NET);
		return 0;
	}
	r = db_begin(n->db, e);
	if (r < 0)
		return r;
	r = endpoint_each(n, NULL, q->id, prepare_one, &c, e);
	if (r == 0 && !s->nets.n) {
		struct spec_net *net = add_net(s, e);

		r = net ? set_text(&net->type, "empty", e) : -ENOMEM;
		if (net)
			net->up = TRI_YES;
	}
	return db_end(n->db, r, e);
}

static int tell_one(void *arg, struct endpoint *p, struct err *e)
{
	struct dnet *n = arg;
	_cleanup_network_ struct network w = { 0 };

	if (!p->active || network_find(n, p->network, &w, NULL) < 0 || !network_has_names(&w))
		return 0;
	return network_names(n, &w, e);
}

int dnet_names(struct dnet *n, const char *id, struct err *e)
{
	return endpoint_each(n, NULL, id, tell_one, n, e);
}

/* The names last, for they are made from the rows. */
int dnet_release(struct dnet *n, const char *id, struct err *e)
{
	struct endpoints l = { .e = e };
	int r = db_begin(n->db, e);

	if (r < 0)
		return r;
	r = db_query(n->db, take_endpoint, &l, e,
		     "SELECT network, container, id, name, ask4, ask6, mac, aliases, ip4, ip6, active FROM endpoints"
		     " WHERE container = ? AND active",
		     "s", id);
	if (r == 0 && l.n)
		r = db_exec(n->db, e,
			    "UPDATE endpoints SET ip4 = NULL, ip6 = NULL, active = 0 WHERE container = ? AND active",
			    "s", id);
	if (r == 0)
		r = db_exec(n->db, e, "DELETE FROM ports WHERE container = ?", "s", id);
	r = db_end(n->db, r, e);
	for (size_t i = 0; i < l.n; i++) {
		if (r == 0)
			r = tell_one(n, &l.v[i], e);
		endpoint_done(&l.v[i]);
	}
	free(l.v);
	return r;
}

int dnet_forget(struct dnet *n, const char *id, struct err *e)
{
	int r = dnet_release(n, id, e);

	return r < 0 ? r : db_exec(n->db, e, "DELETE FROM endpoints WHERE container = ?", "s", id);
}

int dnet_rename(struct dnet *n, const char *id, const char *name, struct err *e)
{
	return db_exec(n->db, e, "UPDATE endpoints SET name = ? WHERE container = ?", "ss", name, id);
}
