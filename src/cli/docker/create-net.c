/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --network, several times and in its long form, with the options that belong to the first of them. */

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/docker/create.h"

#define BAD(...) err_kind(e, ERR_INVALID, -EINVAL, __VA_ARGS__)

struct endpoint {
	struct strv fields; /* of the long form; what follows points into it */
	const char *target, *ip, *ip6, *mac;
	struct strv aliases, link_local, options;
	const struct strv *links;
};

static void endpoint_done(struct endpoint *p)
{
	strv_done(&p->fields);
	strv_done(&p->aliases);
	strv_done(&p->link_local);
	strv_done(&p->options);
}

static int endpoint_field(struct endpoint *p, const char *field, struct err *e)
{
	const char *v = strchr(field, '=') + 1;

	if (startswith(field, "name="))
		p->target = v;
	else if (startswith(field, "ip="))
		p->ip = v;
	else if (startswith(field, "ip6="))
		p->ip6 = v;
	else if (startswith(field, "mac-address="))
		p->mac = v;
	else if (startswith(field, "alias="))
		return strv_push(&p->aliases, v, e);
	else if (startswith(field, "link-local-ip="))
		return strv_push(&p->link_local, v, e);
	else
		return strv_push(&p->options, v, e);
	return 0;
}

/* ARG has passed flag_network(): each field of a long form has a known key. */
static int endpoint_parse(const char *arg, struct endpoint *p, struct err *e)
{
	int r = 0;

	p->target = arg;
	if (!strchr(arg, '=') || strchr(arg, '=')[1] == '\0')
		return 0;
	p->target = "";
	r = csv_split(arg, &p->fields, e);
	for (size_t i = 0; i < p->fields.n && r >= 0; i++)
		r = endpoint_field(p, p->fields.v[i], e);
	return r;
}

static bool user_defined(const char *target)
{
	static const char *const own[] = { "default", "bridge", "host", "none" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (streq(target, own[i]))
			return false;
	return !startswith(target, "container:");
}

static int conflict(const char *option, const char *per, struct err *e)
{
	return BAD("conflicting options: cannot specify both --%s and per-network %s", option, per);
}

/* The options of the whole command belong to the first network. */
static int endpoint_add(const struct create_args *a, struct endpoint *p, struct err *e)
{
	int r = 0;

	if (p->aliases.n && a->aliases.n)
		return conflict("network-alias", "alias", e);
	if (p->ip && a->ip)
		return conflict("ip", "IPv4 address", e);
	if (p->ip6 && a->ip6)
		return conflict("ip6", "IPv6 address", e);
	if (p->mac && a->mac_address)
		return conflict("mac-address", "MAC address", e);
	if (p->link_local.n && a->link_local.n)
		return conflict("link-local-ip", "link-local IP addresses", e);
	for (size_t i = 0; i < a->aliases.n && r >= 0; i++)
		r = strv_push(&p->aliases, a->aliases.v[i], e);
	for (size_t i = 0; i < a->link_local.n && r >= 0; i++)
		r = strv_push(&p->link_local, a->link_local.v[i], e);
	p->ip = a->ip ?: p->ip;
	p->ip6 = a->ip6 ?: p->ip6;
	p->mac = a->mac_address ?: p->mac;
	if (a->links.n && !streq(p->target, "default"))
		p->links = &a->links;
	return r;
}

static int endpoint_check(const struct endpoint *p, struct err *e)
{
	if (isempty(p->target))
		return BAD("no name set for network");
	if (user_defined(p->target))
		return 0;
	if (p->aliases.n)
		return BAD("network-scoped aliases are only supported for user-defined networks");
	if (p->links && p->links->n)
		return BAD("links are only supported for user-defined networks");
	return 0;
}

static bool endpoint_is_bare(const struct endpoint *p)
{
	return !p->ip && !p->ip6 && !p->mac && !p->aliases.n && !p->link_local.n && !p->options.n && !p->links;
}

static void endpoint_write(const struct endpoint *p, struct json *j)
{
	json_key(j, p->target);
	json_object(j);
	if (p->ip || p->ip6 || p->link_local.n) {
		json_key(j, "IPAMConfig");
		json_object(j);
		json_text(j, "IPv4Address", p->ip);
		json_text(j, "IPv6Address", p->ip6);
		json_list(j, "LinkLocalIPs", &p->link_local);
		json_end_object(j);
	}
	json_text(j, "MacAddress", p->mac);
	json_list(j, "Aliases", &p->aliases);
	if (p->links)
		json_list(j, "Links", p->links);
	if (p->options.n)
		json_map(j, "DriverOpts", &p->options);
	json_end_object(j);
}

static int endpoints(const struct create_args *a, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv seen = STRV_INIT;
	size_t n = a->networks.n ?: 1;
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		_cleanup_(endpoint_done) struct endpoint p = { 0 };

		r = endpoint_parse(a->networks.n ? a->networks.v[i] : "default", &p, e);
		if (r >= 0 && i == 0)
			r = endpoint_add(a, &p, e);
		if (r >= 0)
			r = endpoint_check(&p, e);
		if (r < 0)
			return r;
		if (strv_has(&seen, p.target))
			return BAD("network \"%s\" is specified multiple times", p.target);
		r = strv_push(&seen, p.target, e);
		/* The only one, of which nothing is said but its name, is NetworkMode's. */
		if (r >= 0 && (n > 1 || !endpoint_is_bare(&p)))
			endpoint_write(&p, j);
	}
	return r;
}

int create_networking(const struct create_args *a, struct json *j, struct err *e)
{
	int r;

	json_key(j, "NetworkingConfig");
	json_object(j);
	json_key(j, "EndpointsConfig");
	json_object(j);
	r = endpoints(a, j, e);
	json_end_object(j);
	json_end_object(j);
	return r;
}

int network_mode(const struct create_args *a, char *to, size_t size, struct err *e)
{
	_cleanup_(endpoint_done) struct endpoint p = { 0 };
	int r;

	if (a->networks.n == 0) {
		snprintf(to, size, "default");
		return 0;
	}
	r = endpoint_parse(a->networks.v[0], &p, e);
	if (r < 0)
		return r;
	if (snprintf(to, size, "%s", p.target) >= (int)size)
		return err_kind(e, ERR_LIMIT, -ENAMETOOLONG, "network name is too long");
	return 0;
}
