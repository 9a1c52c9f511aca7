/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Networks as the Engine API shows them, and the two files that a container has of its own. */

#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "dialect/docker/value.h"
#include "engine/dnet-inner.h"
#include "engine/docker-inner.h"

#define RESOLV_MAX (64u << 10)

/* --- lists ------------------------------------------------------------------------------------------------------------ */

static bool by_name(void *arg, const char *value)
{
	return strstr(((const struct network *)arg)->name, value) != NULL;
}

static bool by_id(void *arg, const char *value)
{
	return startswith(((const struct network *)arg)->id, value) != NULL;
}

static bool by_driver(void *arg, const char *value)
{
	return streq(((const struct network *)arg)->driver, value);
}

static bool by_scope(void *arg, const char *value)
{
	return streq(value, "local");
}

static bool by_type(void *arg, const char *value)
{
	return streq(value, network_built_in(arg) ? "builtin" : "custom");
}

static bool by_label(void *arg, const char *value)
{
	const char *labels = ((const struct network *)arg)->labels ?: "{}";
	_cleanup_value_ struct json_c_value *v = NULL;

	return value_parse(labels, strlen(labels), "labels", &v, NULL) == 0 && docker_label_match(v, value);
}

bool network_matches(struct network *w, const struct json_c_value *filters)
{
	return docker_filter(filters, "name", by_name, w) && docker_filter(filters, "id", by_id, w) &&
	       docker_filter(filters, "driver", by_driver, w) && docker_filter(filters, "scope", by_scope, w) &&
	       docker_filter(filters, "type", by_type, w) && docker_filter_labels(filters, by_label, w);
}

struct showing {
	struct dnet *n;
	const struct json_c_value *filters;
	struct json out;
	bool containers;
};

static int show_container(void *arg, struct endpoint *p, struct err *e)
{
	const struct network *w = ((void **)arg)[0];
	struct json *out = ((void **)arg)[1];
	char text[80];

	if (!p->active)
		return 0;
	json_key(out, p->container);
	json_object(out);
	json_kv_string(out, "Name", p->name);
	json_kv_string(out, "EndpointID", p->id);
	json_kv_string(out, "MacAddress", p->mac ?: "");
	snprintf(text, sizeof(text), "%s/%u", p->ip4 ?: "", prefix_of(w->subnet4));
	json_kv_string(out, "IPv4Address", p->ip4 ? text : "");
	snprintf(text, sizeof(text), "%s/%u", p->ip6 ?: "", prefix_of(w->subnet6));
	json_kv_string(out, "IPv6Address", p->ip6 ? text : "");
	json_end_object(out);
	return 0;
}

static void show_pool(struct json *out, const char *subnet, const char *range, const char *gateway)
{
	if (isempty(subnet))
		return;
	json_object(out);
	json_kv_string(out, "Subnet", subnet);
	if (!isempty(range))
		json_kv_string(out, "IPRange", range);
	if (!isempty(gateway))
		json_kv_string(out, "Gateway", gateway);
	json_end_object(out);
}

static int raw_member(struct json *out, const char *name, const char *text, struct err *e)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	int r = value_parse(text ?: "{}", strlen(text ?: "{}"), name, &v, e);

	if (r < 0)
		return r;
	json_key(out, name);
	value_write(v, out);
	return 0;
}

struct use {
	struct dnet *n;
	const struct network *w;
};

static int note_endpoint(void *arg, struct endpoint *p, struct err *e)
{
	*(bool *)arg = true;
	return 0;
}

/* Dangling: a network of somebody's own that no container has. */
static bool by_use(void *arg, const char *value)
{
	const struct use *u = arg;
	bool used = false, want = streq(value, "true") || streq(value, "1");

	(void)endpoint_each(u->n, u->w->id, NULL, note_endpoint, &used, NULL);
	return want == (!used && !network_built_in(u->w));
}

static int show_network(void *arg, struct network *w, struct err *e)
{
	struct showing *s = arg;
	void *pair[] = { w, &s->out };
	struct use looking = { s->n, w };
	char created[40];
	int r = 0;

	if (!network_matches(w, s->filters) || !docker_filter(s->filters, "dangling", by_use, &looking))
		return 0;
	json_object(&s->out);
	json_kv_string(&s->out, "Name", w->name);
	json_kv_string(&s->out, "Id", w->id);
	json_kv_string(&s->out, "Created", docker_time(w->created_ns, created));
	json_kv_string(&s->out, "Scope", "local");
	json_kv_string(&s->out, "Driver", w->driver);
	json_kv_bool(&s->out, "EnableIPv6", w->ipv6 || !isempty(w->subnet6));
	json_key(&s->out, "IPAM");
	json_object(&s->out);
	json_kv_string(&s->out, "Driver", "default");
	json_key(&s->out, "Options");
	json_null(&s->out);
	json_key(&s->out, "Config");
	json_array(&s->out);
	show_pool(&s->out, w->subnet4, w->range4, w->gateway4);
	show_pool(&s->out, w->subnet6, NULL, w->gateway6);
	json_end_array(&s->out);
	json_end_object(&s->out);
	json_kv_bool(&s->out, "Internal", w->internal);
	json_kv_bool(&s->out, "Attachable", w->attachable);
	json_kv_bool(&s->out, "Ingress", false);
	json_key(&s->out, "ConfigFrom");
	json_object(&s->out);
	json_kv_string(&s->out, "Network", "");
	json_end_object(&s->out);
	json_kv_bool(&s->out, "ConfigOnly", false);
	json_key(&s->out, "Containers");
	json_object(&s->out);
	if (s->containers)
		r = endpoint_each(s->n, w->id, NULL, show_container, pair, e);
	json_end_object(&s->out);
	if (r == 0)
		r = raw_member(&s->out, "Options", w->options, e);
	if (r == 0)
		r = raw_member(&s->out, "Labels", w->labels, e);
	json_end_object(&s->out);
	return r;
}

int dnet_list(struct dnet *n, const struct json_c_value *filters, struct buf *ret, struct err *e)
{
	struct showing s = { .n = n, .filters = filters };
	int r;

	json_init(&s.out, ret, false);
	json_array(&s.out);
	r = network_each(n, show_network, &s, e);
	json_end_array(&s.out);
	return r < 0 ? r : buf_error(ret, e);
}

int dnet_inspect(struct dnet *n, const char *name, struct buf *ret, struct err *e)
{
	_cleanup_network_ struct network w = { 0 };
	struct showing s = { .n = n, .containers = true };
	int r = network_find(n, name, &w, e);

	json_init(&s.out, ret, false);
	if (r == 0)
		r = show_network(&s, &w, e);
	return r < 0 ? r : buf_error(ret, e);
}

/* --- one container ------------------------------------------------------------------------------------------------------ */

struct settings {
	struct dnet *n;
	struct json *out;
	struct endpoint first; /* of the network that its gateway is on */
	struct network network;
	bool active;
};

static void endpoint_members(struct json *out, const struct network *w, const struct endpoint *p)
{
	const bool on = p && p->active;

	json_kv_string(out, "EndpointID", on ? p->id : "");
	json_kv_string(out, "Gateway", on && p->ip4 && !w->internal ? w->gateway4 ?: "" : "");
	json_kv_string(out, "GlobalIPv6Address", on ? p->ip6 ?: "" : "");
	json_kv_u64(out, "GlobalIPv6PrefixLen", on && p->ip6 ? prefix_of(w->subnet6) : 0);
	json_kv_string(out, "IPAddress", on ? p->ip4 ?: "" : "");
	json_kv_u64(out, "IPPrefixLen", on && p->ip4 ? prefix_of(w->subnet4) : 0);
	json_kv_string(out, "IPv6Gateway", on && p->ip6 ? w->gateway6 ?: "" : "");
	json_kv_string(out, "MacAddress", on ? p->mac ?: "" : "");
}

static void list_member(struct json *out, const char *name, const char *words, const char *last)
{
	_cleanup_strv_ struct strv w = STRV_INIT;

	json_key(out, name);
	if (isempty(words) && !last) {
		json_null(out);
		return;
	}
	(void)strv_split(&w, words ?: "", " ", NULL);
	json_array(out);
	for (size_t i = 0; i < w.n; i++)
		json_string(out, w.v[i]);
	if (last)
		json_string(out, last);
	json_end_array(out);
}

static int show_endpoint(void *arg, struct endpoint *p, struct err *e)
{
	struct settings *s = arg;
	_cleanup_network_ struct network w = { 0 };
	char short_id[13];
	int r = network_find(s->n, p->network, &w, e);

	if (r < 0)
		return r;
	snprintf(short_id, sizeof(short_id), "%.12s", p->container);
	json_key(s->out, w.name);
	json_object(s->out);
	json_key(s->out, "IPAMConfig");
	if (p->ask4 || p->ask6) {
		json_object(s->out);
		if (p->ask4)
			json_kv_string(s->out, "IPv4Address", p->ask4);
		if (p->ask6)
			json_kv_string(s->out, "IPv6Address", p->ask6);
		json_end_object(s->out);
	} else
		json_null(s->out);
	json_key(s->out, "Links");
	json_null(s->out);
	list_member(s->out, "Aliases", p->aliases, NULL);
	json_kv_string(s->out, "NetworkID", w.id);
	endpoint_members(s->out, &w, p);
	json_key(s->out, "DriverOpts");
	json_null(s->out);
	if (network_has_names(&w)) {
		_cleanup_buf_ struct buf names = BUF_INIT;

		buf_printf(&names, "%s %s", p->name, p->aliases ?: "");
		list_member(s->out, "DNSNames", buf_str(&names), short_id);
	} else
		list_member(s->out, "DNSNames", NULL, NULL);
	json_end_object(s->out);
	return 0;
}

/* The members beside Networks are those of the network that is built in, as in Docker. */
static int find_default(void *arg, struct endpoint *p, struct err *e)
{
	struct settings *s = arg;
	_cleanup_network_ struct network w = { 0 };
	int r = network_find(s->n, p->network, &w, e);

	if (r < 0)
		return r;
	s->active |= p->active;
	if (streq(w.name, "bridge") && !s->first.id) {
		s->first = *p;
		*p = (struct endpoint){ 0 };
		s->network = w;
		w = (struct network){ 0 };
	}
	return 0;
}

int dnet_settings(struct dnet *n, const struct dnet_req *q, bool full, struct json *out, struct err *e)
{
	struct settings s = { .n = n, .out = out };
	int r = 0;

	json_object(out);
	if (full) {
		r = endpoint_each(n, NULL, q->id, find_default, &s, e);
		json_kv_string(out, "Bridge", "");
		json_kv_string(out, "SandboxID", s.active ? q->id : "");
		json_kv_string(out, "SandboxKey", "");
		json_key(out, "Ports");
		if (r == 0)
			r = ports_map(n, q, s.active, out, e);
		json_kv_bool(out, "HairpinMode", false);
		json_kv_string(out, "LinkLocalIPv6Address", "");
		json_kv_u64(out, "LinkLocalIPv6PrefixLen", 0);
		json_key(out, "SecondaryIPAddresses");
		json_null(out);
		json_key(out, "SecondaryIPv6Addresses");
		json_null(out);
		endpoint_members(out, &s.network, s.first.id ? &s.first : NULL);
	}
	json_key(out, "Networks");
	json_object(out);
	if (r == 0)
		r = endpoint_each(n, NULL, q->id, show_endpoint, &s, e);
	json_end_object(out);
	json_end_object(out);
	endpoint_done(&s.first);
	network_done(&s.network);
	return r;
}

/* --- its files ------------------------------------------------------------------------------------------------------------- */

struct files {
	struct dnet *n;
	const struct dnet_req *q;
	struct buf *hosts, *servers;
	bool names; /* some network of it has a server of its own */
};

static int add_addresses(void *arg, struct endpoint *p, struct err *e)
{
	struct files *f = arg;
	const char *const addrs[] = { p->ip4, p->ip6 };
	_cleanup_network_ struct network w = { 0 };
	int r = network_find(f->n, p->network, &w, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		if (!addrs[i] || isempty(f->q->hostname))
			continue;
		buf_printf(f->hosts, "%s\t", addrs[i]);
		if (!isempty(f->q->domainname))
			buf_printf(f->hosts, "%s.%s ", f->q->hostname, f->q->domainname);
		buf_printf(f->hosts, "%s\n", f->q->hostname);
	}
	if (network_has_names(&w)) {
		f->names = true;
		if (p->ip4 && !isempty(w.gateway4))
			buf_printf(f->servers, "nameserver %s\n", w.gateway4);
		else if (p->ip6 && !isempty(w.gateway6))
			buf_printf(f->servers, "nameserver %s\n", w.gateway6);
	}
	return 0;
}

/* "db:1.2.3.4", "db=1.2.3.4", "db:host-gateway" */
static int add_extra_hosts(struct files *f, struct err *e)
{
	const struct json_c_value *list = value_get(f->q->host, "ExtraHosts");

	for (size_t i = 0; i < value_len(list); i++) {
		const char *text = value_text(value_elem(list, i), NULL) ?: "", *addr = strpbrk(text, ":=");
		_cleanup_free_ char *gateway = NULL;
		int r;

		if (!addr || addr == text || strpbrk(text, " \t\n"))
			return err_kind(e, ERR_INVALID, -EINVAL, "bad format for add-host: \"%s\"", text);
		if (streq(addr + 1, "host-gateway")) {
			r = db_one(f->n->db, &gateway, e, "SELECT gateway4 FROM networks WHERE name = 'bridge'", "");
			if (r < 0)
				return r;
			if (isempty(gateway))
				continue;
		}
		buf_printf(f->hosts, "%s\t%.*s\n", gateway ?: addr + 1, (int)(addr - text), text);
	}
	return 0;
}

struct link {
	struct buf *hosts;
	const char *alias;
	unsigned n;
};

static int add_link_line(void *arg, const struct db_row *row)
{
	struct link *l = arg;

	buf_printf(l->hosts, "%s\t%s %.12s %s\n", db_text(row, 0), l->alias, db_text(row, 1), db_text(row, 2));
	l->n++;
	return 0;
}

/* "NAME[:ALIAS]", Docker's old way of naming neighbours on the built-in network. */
static int add_links(struct files *f, struct err *e)
{
	const struct json_c_value *list = value_get(f->q->host, "Links");

	for (size_t i = 0; i < value_len(list); i++) {
		const char *text = value_text(value_elem(list, i), NULL) ?: "";
		_cleanup_strv_ struct strv w = STRV_INIT;
		struct link l = { .hosts = f->hosts };
		int r = strv_split(&w, text, ":", e);

		if (r < 0)
			return r;
		if (w.n < 1 || w.n > 2 || strpbrk(text, " \t\n"))
			return err_kind(e, ERR_INVALID, -EINVAL, "bad format for links: %s", text);
		l.alias = w.v[w.n - 1];
		r = db_query(
			f->n->db, add_link_line, &l, e,
			"SELECT ip4, container, name FROM endpoints WHERE active AND ip4 IS NOT NULL AND"
			" (name = ?1 OR container = ?1 OR (length(?1) > 11 AND substr(container, 1, length(?1)) = ?1))",
			"s", w.v[0]);
		if (r < 0)
			return r;
		if (!l.n)
			return err_kind(e, ERR_STATE, -ESRCH, "Cannot link to a non running container: /%s", w.v[0]);
	}
	return 0;
}

static bool list_lines(const struct json_c_value *list, const char *word, bool each, struct buf *out)
{
	const size_t n = value_len(list);

	for (size_t i = 0; i < n; i++) {
		const char *v = value_text(value_elem(list, i), NULL) ?: "";

		/* A line more would be the user's own harm only, but not what he means. */
		if (strpbrk(v, "\n\r"))
			continue;
		if (each || i == 0)
			buf_printf(out, "%s %s%s", word, v, each ? "\n" : "");
		else
			buf_printf(out, " %s", v);
	}
	if (n && !each)
		buf_putc(out, '\n');
	return n > 0;
}

/* The host's own file, less the servers that only the host can reach. */
static int host_resolv(bool servers, bool search, bool options, struct buf *out, struct err *e)
{
	static const char *const files[] = { "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf" };
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && n == 0; i++) {
		_cleanup_free_ char *text = NULL;
		char *next, *line;

		if (file_read(AT_FDCWD, files[i], RESOLV_MAX, &text, NULL, NULL) < 0)
			continue;
		next = text;
		while ((line = strsep(&next, "\n"))) {
			const char *ns = startswith(line, "nameserver");
			const char *addr = ns ? ns + strspn(ns, " \t") : NULL;
			const bool local = addr && (startswith(addr, "127.") || startswith(addr, "::1"));

			if (ns && servers && !local) {
				buf_printf(out, "%s\n", line);
				n++;
			} else if (i == 0 && ((search && (startswith(line, "search") || startswith(line, "domain"))) ||
					      (options && startswith(line, "options"))))
				buf_printf(out, "%s\n", line);
		}
		if (!servers)
			return 0;
	}
	/* A host that asks itself only: Docker takes two that everybody can reach. */
	if (n == 0)
		buf_puts(out, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
	return 0;
}

static int write_resolv(const struct files *f, struct buf *out, struct err *e)
{
	const struct json_c_value *host = f->q->host;
	bool dns = false, search, options;

	if (f->names)
		buf_puts(out, buf_str(f->servers));
	else
		dns = list_lines(value_get(host, "Dns"), "nameserver", true, out);
	search = list_lines(value_get(host, "DnsSearch"), "search", false, out);
	options = list_lines(value_get(host, "DnsOptions"), "options", false, out);
	if (f->names && !options) {
		buf_puts(out, "options ndots:0\n");
		options = true;
	}
	return host_resolv(!f->names && !dns, !search, !options, out, e);
}

int dnet_hosts(struct dnet *n, const struct dnet_req *q, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf servers = BUF_INIT, resolv = BUF_INIT;
	struct files f = { .n = n, .q = q, .hosts = out, .servers = &servers };
	int r;

	buf_puts(out, "127.0.0.1\tlocalhost\n"
		      "::1\tlocalhost ip6-localhost ip6-loopback\n"
		      "fe00::0\tip6-localnet\n"
		      "ff00::0\tip6-mcastprefix\n"
		      "ff02::1\tip6-allnodes\n"
		      "ff02::2\tip6-allrouters\n");
	r = add_extra_hosts(&f, e);
	if (r == 0)
		r = add_links(&f, e);
	if (r == 0)
		r = endpoint_each(n, NULL, q->id, add_addresses, &f, e);
	if (r == 0)
		r = dnet_resolv(n, q, &resolv, e);
	if (r == 0)
		r = hosts_names(n, q->id, buf_str(&resolv), out, e);
	return r < 0 ? r : buf_error(out, e);
}

int dnet_resolv(struct dnet *n, const struct dnet_req *q, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf hosts = BUF_INIT, servers = BUF_INIT;
	struct files f = { .n = n, .q = q, .hosts = &hosts, .servers = &servers };
	int r = endpoint_each(n, NULL, q->id, add_addresses, &f, e);

	if (r == 0)
		r = write_resolv(&f, out, e);
	return r < 0 ? r : buf_error(out, e);
}
