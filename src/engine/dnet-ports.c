/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ports of the host that lead to a container: which it asks for, which it gets, what is shown of them. */

#include <arpa/inet.h>
#include <stdio.h>

#include "base/parse.h"
#include "dialect/docker/value.h"
#include "engine/dnet-inner.h"

#define EPHEMERAL_FIRST 32768u
#define EPHEMERAL_LAST	60999u

struct choosing {
	struct dnet *n;
	const struct dnet_req *q;
	const struct endpoint *p;
	struct strv *ret;
	struct err *e;
	uint32_t port; /* of the container, of what is being looked at */
	char proto[8];
	bool fixed; /* those that name one port of the host, which no other may take before them */
};

/* "80/tcp", "80" */
static int scan_port(const char *text, uint32_t *ret, char proto[static 8], struct err *e)
{
	const size_t n = strcspn(text, "/");
	char digits[8];

	snprintf(digits, sizeof(digits), "%.*s", n < sizeof(digits) ? (int)n : 0, text);
	snprintf(proto, 8, "%s", text[n] ? text + n + 1 : "tcp");
	if (parse_u32(digits, ret) < 0 || *ret == 0 || *ret > 65535 ||
	    (!streq(proto, "tcp") && !streq(proto, "udp") && !streq(proto, "sctp")))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid port specification: \"%s\"", text);
	return 0;
}

/* "", "8080", "8000-8010" */
static int scan_range(const char *text, uint32_t *ret_first, uint32_t *ret_last, struct err *e)
{
	const char *dash = strchr(text, '-');
	char first[8];

	*ret_first = EPHEMERAL_FIRST;
	*ret_last = EPHEMERAL_LAST;
	if (!*text)
		return 0;
	snprintf(first, sizeof(first), "%.*s", dash ? (int)(dash - text) : 7, text);
	if (parse_u32(first, ret_first) < 0 || *ret_first > 65535 ||
	    (dash && (parse_u32(dash + 1, ret_last) < 0 || *ret_last > 65535 || *ret_last < *ret_first)))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid port specification: \"%s\"", text);
	if (!dash)
		*ret_last = *ret_first;
	/* Port 0 is any. */
	if (*ret_first == 0) {
		*ret_first = EPHEMERAL_FIRST;
		*ret_last = EPHEMERAL_LAST;
	}
	return 0;
}

/* Somebody's: on this address, or on all of them, or this is all of them. */
static int is_taken(const struct choosing *c, const char *host, bool any, uint32_t port, struct err *e)
{
	_cleanup_free_ char *who = NULL;

	return db_one(c->n->db, &who, e,
		      "SELECT container FROM ports WHERE proto = ? AND host_port = ? AND"
		      " (host = ? OR ? OR host IN ('0.0.0.0', '::')) AND (instr(host, ':') > 0) = ?",
		      "sisii", c->proto, (int64_t)port, host, (int64_t)any, (int64_t)(strchr(host, ':') != NULL));
}

static int try_port(const struct choosing *c, const char *host, const char *addr, uint32_t port, struct err *e)
{
	struct net_port p;
	char text[160];
	int r;

	snprintf(text, sizeof(text), "%s %s %u %s %u", c->proto, host, port, addr, c->port);
	r = net_port_parse(text, &p, e);
	if (r < 0)
		return r;
	r = is_taken(c, host, p.any, port, e);
	if (r > 0)
		return err_kind(e, ERR_EXISTS, -EEXIST, "Bind for %s:%u failed: port is already allocated", host, port);
	if (r == 0)
		r = net_port_free(&p, e);
	if (r == 0)
		r = db_exec(c->n->db, e,
			    "INSERT INTO ports(container, proto, host, host_port, addr, port) VALUES(?, ?, ?, ?, ?, ?)",
			    "sssisi", c->q->id, c->proto, host, (int64_t)port, addr, (int64_t)c->port);
	return r < 0 ? r : strv_push(c->ret, text, e);
}

static int publish(const struct choosing *c, const char *host, const char *addr, const char *range, struct err *e)
{
	uint32_t first, last;
	int r = scan_range(range, &first, &last, e);

	for (uint32_t port = first; r == 0; port++) {
		r = try_port(c, host, addr, port, e);
		if (r == 0 || port == last || (r != -EEXIST && r != -EADDRINUSE))
			return r;
		err_clear(e);
		r = 0;
	}
	return r;
}

/* Where no address is said it is all of them, of each family that the container has. */
static int publish_on(const struct choosing *c, const char *host, const char *range)
{
	int r = 0;

	if (!isempty(host) && !strchr(host, ':')) {
		if (!c->p->ip4)
			return err_kind(c->e, ERR_INVALID, -EINVAL, "the container has no IPv4 address for %s", host);
		return publish(c, host, c->p->ip4, range, c->e);
	}
	if (isempty(host) && c->p->ip4)
		r = publish(c, "0.0.0.0", c->p->ip4, range, c->e);
	if (r == 0 && c->p->ip6) {
		/* The same one in both families. */
		char same[8] = "";

		if (isempty(host) && c->ret->n) {
			struct net_port p;

			if (net_port_parse(c->ret->v[c->ret->n - 1], &p, NULL) == 0)
				snprintf(same, sizeof(same), "%u", p.host_port);
		}
		r = publish(c, isempty(host) ? "::" : host, c->p->ip6, *same ? same : range, c->e);
	} else if (r == 0 && !isempty(host))
		r = err_kind(c->e, ERR_INVALID, -EINVAL, "the container has no IPv6 address for %s", host);
	return r;
}

static int choose_bindings(void *arg, const char *port, struct json_c_value *list)
{
	struct choosing *c = arg;
	int r = scan_port(port, &c->port, c->proto, c->e);

	if (r == 0 && value_len(list) == 0 && !c->fixed)
		r = publish_on(c, "", "");
	for (size_t i = 0; i < value_len(list) && r == 0; i++) {
		const struct json_c_value *b = value_elem(list, i);
		const char *host = value_text(b, "HostPort") ?: "";

		if (c->fixed == (*host && !strchr(host, '-')))
			r = publish_on(c, value_text(b, "HostIp") ?: "", host);
	}
	return r;
}

int ports_choose(struct dnet *n, const struct dnet_req *q, const struct endpoint *p, struct strv *ret, struct err *e)
{
	const struct json_c_value *bindings = value_get(q->host, "PortBindings");
	struct choosing c = { .n = n, .q = q, .p = p, .ret = ret, .e = e, .fixed = true };
	int r = value_each(bindings, choose_bindings, &c);

	c.fixed = false;
	if (r == 0)
		r = value_each(bindings, choose_bindings, &c);

	for (size_t i = 0; r == 0 && value_bool(q->host, "PublishAllPorts") && q->exposed && i < q->exposed->n; i++) {
		if (value_get(bindings, q->exposed->v[i]))
			continue;
		r = scan_port(q->exposed->v[i], &c.port, c.proto, e);
		if (r == 0)
			r = publish_on(&c, "", "");
	}
	return r;
}

/* --- shown --------------------------------------------------------------------------------------------------------------- */

struct listing {
	struct json *out;
	char last[24]; /* "80/tcp", whose list is open */
	struct strv shown;
	struct err *e;
};

static int list_one(void *arg, const struct db_row *row)
{
	struct listing *l = arg;

	json_object(l->out);
	json_kv_string(l->out, "IP", db_text(row, 1));
	json_kv_u64(l->out, "PrivatePort", (uint64_t)db_int(row, 3));
	json_kv_u64(l->out, "PublicPort", (uint64_t)db_int(row, 2));
	json_kv_string(l->out, "Type", db_text(row, 0));
	json_end_object(l->out);
	return strv_pushf(&l->shown, l->e, "%lld/%s", (long long)db_int(row, 3), db_text(row, 0));
}

#define PORTS_OF "SELECT proto, host, host_port, port FROM ports WHERE container = ? ORDER BY port, proto, host"

int dnet_ports(struct dnet *n, const struct dnet_req *q, struct json *out, struct err *e)
{
	struct listing l = { .out = out, .e = e };
	uint32_t port;
	char proto[8];
	int r;

	json_array(out);
	r = db_query(n->db, list_one, &l, e, PORTS_OF, "s", q->id);
	/* Those that are exposed only, of a container that has addresses. */
	for (size_t i = 0; r == 0 && q->exposed && i < q->exposed->n; i++) {
		if (strv_has(&l.shown, q->exposed->v[i]) || scan_port(q->exposed->v[i], &port, proto, NULL) < 0)
			continue;
		json_object(out);
		json_kv_u64(out, "PrivatePort", port);
		json_kv_string(out, "Type", proto);
		json_end_object(out);
	}
	json_end_array(out);
	strv_done(&l.shown);
	return r;
}

static int map_one(void *arg, const struct db_row *row)
{
	struct listing *l = arg;
	char key[24], port[8];

	snprintf(key, sizeof(key), "%lld/%s", (long long)db_int(row, 3), db_text(row, 0));
	if (!streq(key, l->last)) {
		if (l->last[0])
			json_end_array(l->out);
		json_key(l->out, key);
		json_array(l->out);
		snprintf(l->last, sizeof(l->last), "%s", key);
	}
	snprintf(port, sizeof(port), "%u", (unsigned)db_int(row, 2) & 0xffff);
	json_object(l->out);
	json_kv_string(l->out, "HostIp", db_text(row, 1));
	json_kv_string(l->out, "HostPort", port);
	json_end_object(l->out);
	return strv_push(&l->shown, key, l->e);
}

/* NetworkSettings.Ports: each exposed or published one, null where it is not published. */
int ports_map(struct dnet *n, const struct dnet_req *q, bool active, struct json *out, struct err *e)
{
	struct listing l = { .out = out, .e = e };
	int r;

	json_object(out);
	r = db_query(n->db, map_one, &l, e, PORTS_OF, "s", q->id);
	if (l.last[0])
		json_end_array(out);
	for (size_t i = 0; r == 0 && active && q->exposed && i < q->exposed->n; i++)
		if (!strv_has(&l.shown, q->exposed->v[i])) {
			json_key(out, q->exposed->v[i]);
			json_null(out);
		}
	json_end_object(out);
	strv_done(&l.shown);
	return r;
}
