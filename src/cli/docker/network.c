/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* network create, ls, rm, connect, disconnect. */

#include <arpa/inet.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/parse.h"
#include "cli/docker/create.h"
#include "cli/docker/dcli.h"
#include "cli/docker/units.h"

struct args {
	const char *driver, *ipam_driver, *scope, *config_from, *format, *ip, *ip6;
	bool attachable, config_only, ingress, internal, ipv6, force, quiet, no_trunc;
	struct strv aux, gateways, ranges, subnets, ipam_options, labels, options, filters;
	struct strv aliases, driver_options, links, link_local;
};
#define AT(member) offsetof(struct args, member)

static void args_done(struct args *a)
{
	struct strv *const lists[] = { &a->aux,		 &a->gateways,	     &a->ranges,  &a->subnets,
				       &a->ipam_options, &a->labels,	     &a->options, &a->filters,
				       &a->aliases,	 &a->driver_options, &a->links,	  &a->link_local };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
}

static int add_label(void *args, const char *arg, struct err *e)
{
	int r = flag_label(arg, e);

	return r < 0 ? r : strv_push(&((struct args *)args)->labels, arg, e);
}

static int add_link(void *args, const char *arg, struct err *e)
{
	int r = flag_link(arg, e);

	return r < 0 ? r : strv_push(&((struct args *)args)->links, arg, e);
}

static int add_filter(void *args, const char *arg, struct err *e)
{
	return dk_filter(args, &((struct args *)args)->filters, arg, e);
}

static void put(struct json_object *o, const char *key, const char *value)
{
	if (!isempty(value))
		json_object_object_add(o, key, json_object_new_string(value));
}

static void put_switch(struct json_object *o, const char *key, bool on)
{
	json_object_object_add(o, key, json_object_new_boolean(on));
}

static struct json_object *map_of(const struct strv *words)
{
	struct json_object *map = json_object_new_object();

	for (size_t i = 0; i < words->n; i++) {
		size_t n = strcspn(words->v[i], "=");
		_cleanup_free_ char *name = strndup(words->v[i], n);

		if (name)
			json_object_object_add(map, name,
					       json_object_new_string(words->v[i][n] ? words->v[i] + n + 1 : ""));
	}
	return map;
}

static void put_list(struct json_object *o, const char *key, const struct strv *words)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < words->n; i++)
		json_object_array_add(list, json_object_new_string(words->v[i]));
	if (words->n)
		json_object_object_add(o, key, list);
	else
		json_object_put(list);
}

static const char *plain(struct json_object *o)
{
	return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* --- create ------------------------------------------------------------------------------------------------------------------ */

static const struct opt create_rows[] = {
	{ 0, "attachable", NULL, "Accepted.", OPT_BOOL, AT(attachable), 1 },
	{ 0, "aux-address", "NAME=ADDRESS", "An address that is another's already.", OPT_LIST, AT(aux) },
	{ 0, "config-from", "NETWORK", "Of Swarm: refused by the engine.", OPT_STR, AT(config_from),
	  .flags = OPT_HIDDEN },
	{ 0, "config-only", NULL, "Of Swarm: refused by the engine.", OPT_BOOL, AT(config_only), 1,
	  .flags = OPT_HIDDEN },
	{ 'd', "driver", "DRIVER", "bridge, macvlan, ipvlan.", OPT_STR, AT(driver) },
	{ 0, "gateway", "ADDRESS", "The host's address in the subnet.", OPT_LIST, AT(gateways) },
	{ 0, "ingress", NULL, "Of Swarm: refused by the engine.", OPT_BOOL, AT(ingress), 1, .flags = OPT_HIDDEN },
	{ 0, "internal", NULL, "No way out.", OPT_BOOL, AT(internal), 1 },
	{ 0, "ip-range", "CIDR", "Where containers' addresses come from.", OPT_LIST, AT(ranges) },
	{ 0, "ipam-driver", "DRIVER", "Accepted: default.", OPT_STR, AT(ipam_driver) },
	{ 0, "ipam-opt", "NAME=VALUE", "An option of that.", OPT_LIST, AT(ipam_options) },
	{ 0, "ipv6", NULL, "With IPv6.", OPT_BOOL, AT(ipv6), 1 },
	{ 0, "label", "KEY[=VALUE]", "A label.", OPT_CALL, 0, .parse = add_label },
	{ 'o', "opt", "NAME=VALUE", "An option of the driver.", OPT_LIST, AT(options) },
	{ 0, "scope", "SCOPE", "Accepted: local.", OPT_STR, AT(scope), .flags = OPT_HIDDEN },
	{ 0, "subnet", "CIDR", "Its addresses; chosen where none are given.", OPT_LIST, AT(subnets) },
	OPT_END
};

/* Whether the address ADDR (with or without "/N") lies in the network CIDR. */
static bool inside(const char *cidr, const char *addr)
{
	unsigned char net[16], ip[16];
	int family = strchr(cidr, ':') ? AF_INET6 : AF_INET;
	char text[64];
	int32_t bits = 0;

	if (strchr(cidr, '/') && parse_i32(strchr(cidr, '/') + 1, &bits) < 0)
		return false;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(cidr, "/"), cidr);
	if (inet_pton(family, text, net) != 1)
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(addr, "/"), addr);
	if (inet_pton(family, text, ip) != 1)
		return false;
	for (int i = 0; i < bits && i < (family == AF_INET ? 32 : 128); i++)
		if ((net[i / 8] ^ ip[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}

/* The first subnet that ADDR is in. */
static struct json_object *config_for(struct json_object *config, const char *addr)
{
	for (size_t i = 0; i < json_object_array_length(config); i++) {
		struct json_object *one = json_object_array_get_idx(config, i);

		if (inside(dk_text(one, "Subnet"), addr))
			return one;
	}
	return NULL;
}

static int addresses(const struct cli *c, const struct args *a, struct json_object *config)
{
	struct json_object *one, *aux;

	if (a->subnets.n < a->ranges.n || a->subnets.n < a->gateways.n)
		return dk_error(c, "every ip-range or gateway must have a corresponding subnet");
	for (size_t i = 0; i < a->subnets.n; i++) {
		one = json_object_new_object();
		put(one, "Subnet", a->subnets.v[i]);
		json_object_array_add(config, one);
	}
	for (size_t i = 0; i < a->ranges.n; i++) {
		one = config_for(config, a->ranges.v[i]);
		if (!one)
			return dk_error(c, "no matching subnet for range %s", a->ranges.v[i]);
		put(one, "IPRange", a->ranges.v[i]);
	}
	for (size_t i = 0; i < a->gateways.n; i++) {
		one = config_for(config, a->gateways.v[i]);
		if (!one)
			return dk_error(c, "no matching subnet for gateway %s", a->gateways.v[i]);
		put(one, "Gateway", a->gateways.v[i]);
	}
	for (size_t i = 0; i < a->aux.n; i++) {
		const char *eq = strchr(a->aux.v[i], '=');
		_cleanup_free_ char *name = eq ? strndup(a->aux.v[i], (size_t)(eq - a->aux.v[i])) : NULL;

		one = eq ? config_for(config, eq + 1) : NULL;
		if (!one || !name)
			return dk_error(c, "no matching subnet for aux-address %s", eq ? eq + 1 : a->aux.v[i]);
		if (!json_object_object_get_ex(one, "AuxiliaryAddresses", &aux)) {
			aux = json_object_new_object();
			json_object_object_add(one, "AuxiliaryAddresses", aux);
		}
		put(aux, name, eq + 1);
	}
	return 0;
}

static int create(const struct cli *c, const struct args *a)
{
	struct json_object *body = json_object_new_object(), *ipam = json_object_new_object(),
			   *config = json_object_new_array(), *from, *o;
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err e = { 0 };
	int code;

	put(body, "Name", c->operands.v[0]);
	put(body, "Driver", isempty(a->driver) ? "bridge" : a->driver);
	put(body, "Scope", a->scope);
	put_switch(body, "Internal", a->internal);
	put_switch(body, "Attachable", a->attachable);
	put_switch(body, "Ingress", a->ingress);
	put_switch(body, "ConfigOnly", a->config_only);
	put_switch(body, "EnableIPv6", a->ipv6);
	if (!isempty(a->config_from)) {
		from = json_object_new_object();
		put(from, "Network", a->config_from);
		json_object_object_add(body, "ConfigFrom", from);
	}
	json_object_object_add(body, "Options", map_of(&a->options));
	json_object_object_add(body, "Labels", map_of(&a->labels));
	put(ipam, "Driver", isempty(a->ipam_driver) ? "default" : a->ipam_driver);
	json_object_object_add(ipam, "Options", map_of(&a->ipam_options));
	json_object_object_add(ipam, "Config", config);
	json_object_object_add(body, "IPAM", ipam);
	code = addresses(c, a, config) ?: dk_start(c, &d);
	if (code == 0 && docker_network_create(d, plain(body), &text, &e) < 0)
		code = dk_fail(c, &e);
	json_object_put(body);
	if (code)
		return code;
	o = dk_json(c, &text);
	if (*dk_text(o, "Warning"))
		fprintf(stderr, "WARNING: %s\n", dk_text(o, "Warning"));
	printf("%s\n", dk_text(o, "Id"));
	json_object_put(o);
	return 0;
}

static int with(struct cli *c, int (*fn)(const struct cli *c, const struct args *a))
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = fn(c, &a);
	args_done(&a);
	return code;
}

static int run_create(struct cli *c)
{
	return with(c, create);
}

const struct command cmd_docker_network_create = {
	.name = "network create",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] NETWORK",
	.summary = "Create a network",
	.description = "Makes a network whose containers know each other by their names, and prints its id.",
	.opts = create_rows,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-network-connect(1), creel-run(1)",
	.run = run_create,
};

/* --- ls ------------------------------------------------------------------------------------------------------------------------ */

static const struct opt list_rows[] = {
	{ 'f', "filter", "NAME=VALUE", "Only those: dangling, driver, id, label, name, scope, type.", OPT_CALL, 0,
	  .parse = add_filter },
	{ 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR, AT(format) },
	{ 0, "no-trunc", NULL, "Cut nothing off.", OPT_BOOL, AT(no_trunc), 1 },
	{ 'q', "quiet", NULL, "The ids only.", OPT_BOOL, AT(quiet), 1 },
	OPT_END
};

static const struct column columns[] = { { "CreatedAt", "CREATED AT" },
					 { "Driver", "DRIVER" },
					 { "ID", "NETWORK ID" },
					 { "IPv6", "IPV6" },
					 { "Internal", "INTERNAL" },
					 { "Labels", "LABELS" },
					 { "Name", "NAME" },
					 { "Scope", "SCOPE" },
					 { NULL, NULL } };

static struct json_object *row_of(struct json_object *n, bool no_trunc)
{
	struct json_object *row = json_object_new_object(), *labels = dk_get(n, "Labels");
	char id[80], date[UNIT_TEXT_MAX];
	int64_t created = 0;

	(void)unit_rfc3339(dk_text(n, "Created"), &created);
	json_object_object_add(row, "ID", json_object_new_string(dk_id(dk_text(n, "Id"), no_trunc, id)));
	json_object_object_add(row, "Name", json_object_new_string(dk_text(n, "Name")));
	json_object_object_add(row, "Driver", json_object_new_string(dk_text(n, "Driver")));
	json_object_object_add(row, "Scope", json_object_new_string(dk_text(n, "Scope")));
	json_object_object_add(row, "IPv6", json_object_new_string(dk_bool(n, "EnableIPv6") ? "true" : "false"));
	json_object_object_add(row, "Internal", json_object_new_string(dk_bool(n, "Internal") ? "true" : "false"));
	json_object_object_add(row, "CreatedAt", json_object_new_string(unit_date(created, date)));
	dk_put_labels(row, labels);
	return row;
}

static int list(const struct cli *c, const struct args *a)
{
	const struct listing l = { "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}", columns, "networksFormat" };
	const char *format = a->quiet && isempty(a->format) ? "{{.ID}}" : a->format;
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf filters = BUF_INIT, text = BUF_INIT;
	struct json_object *networks, *rows;
	struct err e = { 0 };
	int code = dk_start(c, &d);

	if (code)
		return code;
	if (dk_filters(&a->filters, &filters, &e) < 0 ||
	    docker_network_list(d, filters.len ? buf_str(&filters) : NULL, &text, &e) < 0)
		return dk_fail(c, &e);
	networks = dk_json(c, &text);
	if (!networks)
		return 1;
	rows = json_object_new_array();
	json_object_array_sort(networks, dk_by_name);
	for (size_t i = 0; i < json_object_array_length(networks); i++)
		json_object_array_add(rows, row_of(json_object_array_get_idx(networks, i), a->no_trunc));
	code = dk_print_rows(c, format, &l, rows);
	json_object_put(rows);
	json_object_put(networks);
	return code;
}

static int run_list(struct cli *c)
{
	return with(c, list);
}

const struct command cmd_docker_network_ls = {
	.name = "network ls",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "List networks",
	.description = "Lists the networks by name.",
	.opts = list_rows,
	.see_also = "creel-network-create(1), creel-network-inspect(1)",
	.run = run_list,
};

/* --- rm, connect, disconnect ---------------------------------------------------------------------------------------------------- */

static const struct opt rm_rows[] = {
	{ 'f', "force", NULL, "One that is not there is no mistake.", OPT_BOOL, AT(force), 1 }, OPT_END
};

static int rm_one(struct docker *d, const char *name, void *arg, struct err *e)
{
	return docker_network_remove(d, name, e);
}

static int rm(const struct cli *c, const struct args *a)
{
	return dk_remove_each(c, a->force, rm_one, NULL);
}

static int run_rm(struct cli *c)
{
	return with(c, rm);
}

const struct command cmd_docker_network_rm = {
	.name = "network rm",
	.flags = CMD_DOCKER,
	.synopsis = "NETWORK [NETWORK...]",
	.summary = "Remove one or more networks",
	.description = "Removes networks that no container is in.",
	.opts = rm_rows,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.see_also = "creel-network-prune(1)",
	.run = run_rm,
};

static const struct opt connect_rows[] = {
	{ 0, "alias", "NAME", "A further name in the network.", OPT_LIST, AT(aliases) },
	{ 0, "driver-opt", "NAME=VALUE", "An option of the driver.", OPT_LIST, AT(driver_options) },
	{ 0, "ip", "ADDRESS", "IPv4 address.", OPT_STR, AT(ip) },
	{ 0, "ip6", "ADDRESS", "IPv6 address.", OPT_STR, AT(ip6) },
	{ 0, "link", "NAME[:ALIAS]", "Another container, to be known by a name.", OPT_CALL, 0, .parse = add_link },
	{ 0, "link-local-ip", "ADDRESS", "A link-local address.", OPT_LIST, AT(link_local) },
	OPT_END
};

static int connect_it(const struct cli *c, const struct args *a)
{
	struct json_object *body = json_object_new_object(), *endpoint = json_object_new_object(), *ipam;
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct err e = { 0 };
	int code = dk_start(c, &d);

	put(body, "Container", c->operands.v[1]);
	if (!isempty(a->ip) || !isempty(a->ip6) || a->link_local.n) {
		ipam = json_object_new_object();
		put(ipam, "IPv4Address", a->ip);
		put(ipam, "IPv6Address", a->ip6);
		put_list(ipam, "LinkLocalIPs", &a->link_local);
		json_object_object_add(endpoint, "IPAMConfig", ipam);
	}
	put_list(endpoint, "Links", &a->links);
	put_list(endpoint, "Aliases", &a->aliases);
	if (a->driver_options.n)
		json_object_object_add(endpoint, "DriverOpts", map_of(&a->driver_options));
	json_object_object_add(body, "EndpointConfig", endpoint);
	if (code == 0 && docker_network_connect(d, c->operands.v[0], plain(body), &e) < 0)
		code = dk_fail(c, &e);
	json_object_put(body);
	return code;
}

static int run_connect(struct cli *c)
{
	return with(c, connect_it);
}

const struct command cmd_docker_network_connect = {
	.name = "network connect",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Connect a container to a network",
	.description = "Puts a container into one more network, while it runs, too.",
	.opts = connect_rows,
	.min_args = 2,
	.max_args = 2,
	.see_also = "creel-network-disconnect(1)",
	.run = run_connect,
};

static const struct opt disconnect_rows[] = {
	{ 'f', "force", NULL, "Also one that is not there any more.", OPT_BOOL, AT(force), 1 }, OPT_END
};

static int disconnect(const struct cli *c, const struct args *a)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct err e = { 0 };
	int code = dk_start(c, &d);

	if (code == 0 && docker_network_disconnect(d, c->operands.v[0], c->operands.v[1], a->force, &e) < 0)
		code = dk_fail(c, &e);
	return code;
}

static int run_disconnect(struct cli *c)
{
	return with(c, disconnect);
}

const struct command cmd_docker_network_disconnect = {
	.name = "network disconnect",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Disconnect a container from a network",
	.description = "Takes a container out of a network, while it runs, too.",
	.opts = disconnect_rows,
	.min_args = 2,
	.max_args = 2,
	.see_also = "creel-network-connect(1)",
	.run = run_disconnect,
};
