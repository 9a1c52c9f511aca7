/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* -p [[IP:]HOST:]PORT[/PROTO] with ranges, its long form, and --expose. */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/parse.h"
#include "cli/docker/create.h"

#define BAD(...)  err_kind(e, ERR_INVALID, -EINVAL, __VA_ARGS__)
#define PORTS_MAX 65536

struct range {
	unsigned first, last;
};

static int port(const char *s, unsigned *ret)
{
	uint64_t v;

	if (parse_u64(s, &v) < 0 || v > 65535)
		return -EINVAL;
	*ret = (unsigned)v;
	return 0;
}

static int range_parse(const char *s, struct range *ret)
{
	const char *dash = strchr(s, '-');
	char first[16];

	if (!dash) {
		if (port(s, &ret->first) < 0)
			return -EINVAL;
		ret->last = ret->first;
		return 0;
	}
	if ((size_t)(dash - s) >= sizeof(first))
		return -EINVAL;
	memcpy(first, s, (size_t)(dash - s));
	first[dash - s] = '\0';
	if (port(first, &ret->first) < 0 || port(dash + 1, &ret->last) < 0 || ret->last < ret->first)
		return -EINVAL;
	return 0;
}

/* What a range says when it is none, as Go's strconv does. */
static int range_expose(const char *s, struct range *ret, struct err *e)
{
	return range_parse(s, ret) < 0 ? BAD("strconv.ParseUint: parsing \"%s\": invalid syntax", s) : 0;
}

static int add_port(struct strv *exposed, unsigned n, const char *proto, struct err *e)
{
	char text[24];

	snprintf(text, sizeof(text), "%u/%s", n, proto);
	return strv_has(exposed, text) ? 0 : strv_push(exposed, text, e);
}

/* "tcp", "udp", "sctp" in lower case. */
static int proto_parse(const char *s, char ret[static 8], struct err *e)
{
	size_t n = strlen(s);

	if (n < 8) {
		for (size_t i = 0; i <= n; i++)
			ret[i] = (char)tolower((unsigned char)s[i]);
		if (streq(ret, "tcp") || streq(ret, "udp") || streq(ret, "sctp"))
			return 0;
	}
	return BAD("Invalid proto: %s", s);
}

/* target=80,published=8080,protocol=tcp as "8080:80/tcp". */
static int long_form(const char *arg, char **ret, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	const char *target = "", *published = "", *proto = "tcp";
	int r = strv_split(&words, arg, ",", e);

	for (size_t i = 0; i < words.n && r >= 0; i++) {
		const char *v;

		if ((v = startswith(words.v[i], "target=")))
			target = v;
		else if ((v = startswith(words.v[i], "published=")))
			published = v;
		else if ((v = startswith(words.v[i], "protocol=")))
			proto = v;
		else if (!startswith(words.v[i], "mode="))
			return BAD("invalid publish opts format (should be name=value but got '%s')", words.v[i]);
	}
	if (r < 0)
		return r;
	if (asprintf(ret, "%s%s%s/%s", published, *published ? ":" : "", target, proto) < 0)
		return err_oom(e);
	return 0;
}

struct publish {
	char *text; /* cut into what follows */
	const char *ip, *host, *inside;
	char proto[8];
	struct range h, c;
};

/* From the right: the container's port, the host's, and all the rest is the address (colons of IPv6). */
static void publish_cut(struct publish *p)
{
	char *colon = strrchr(p->text, ':');

	p->ip = p->host = "";
	p->inside = p->text;
	if (!colon)
		return;
	*colon = '\0';
	p->inside = colon + 1;
	p->host = p->text;
	colon = strrchr(p->text, ':');
	if (!colon)
		return;
	*colon = '\0';
	p->host = colon + 1;
	p->ip = p->text;
	if (*p->ip == '[' && colon[-1] == ']') {
		colon[-1] = '\0';
		p->ip++;
	}
}

static int publish_parse(struct publish *p, struct err *e)
{
	unsigned char a[16];
	char *slash = strchr(p->text, '/');

	if (slash)
		*slash = '\0';
	publish_cut(p);
	if (*p->ip && inet_pton(AF_INET, p->ip, a) != 1 && inet_pton(AF_INET6, p->ip, a) != 1)
		return BAD("Invalid ip address: %s", p->ip);
	if (!*p->inside)
		return BAD("No port specified: %s<empty>", p->text);
	if (range_parse(p->inside, &p->c) < 0)
		return BAD("Invalid containerPort: %s", p->inside);
	if (*p->host && range_parse(p->host, &p->h) < 0)
		return BAD("Invalid hostPort: %s", p->host);
	if (*p->host && p->c.last - p->c.first != p->h.last - p->h.first && p->c.first != p->c.last)
		return BAD("Invalid ranges specified for container and host Ports: %s and %s", p->inside, p->host);
	return proto_parse(slash ? slash + 1 : "tcp", p->proto, e);
}

static int publish_add(const struct publish *p, struct strv *exposed, struct strv *bindings, struct err *e)
{
	int r = 0;

	for (unsigned i = 0; i <= p->c.last - p->c.first && r >= 0; i++) {
		char host[16] = "";

		if (*p->host && p->c.first == p->c.last && p->h.first != p->h.last)
			snprintf(host, sizeof(host), "%u-%u", p->h.first, p->h.last);
		else if (*p->host)
			snprintf(host, sizeof(host), "%u", p->h.first + i);
		r = add_port(exposed, p->c.first + i, p->proto, e);
		if (r >= 0)
			r = strv_pushf(bindings, e, "%u/%s %s|%s", p->c.first + i, p->proto, p->ip, host);
	}
	return r;
}

static int expose_one(const char *arg, struct strv *exposed, struct err *e)
{
	const char *slash = strchr(arg, '/');
	char ports[16], proto[8];
	struct range range;
	size_t n = slash ? (size_t)(slash - arg) : strlen(arg);
	int r;

	if (strchr(arg, ':') || n >= sizeof(ports))
		return BAD("invalid port format for --expose: %s", arg);
	memcpy(ports, arg, n);
	ports[n] = '\0';
	r = range_expose(ports, &range, e);
	if (r < 0) {
		char why[ERR_MSG_MAX];

		snprintf(why, sizeof(why), "%s", e ? e->msg : "");
		return BAD("invalid range format for --expose: %s, error: %s", arg, why);
	}
	r = proto_parse(slash ? slash + 1 : "tcp", proto, e);
	for (unsigned i = range.first; i <= range.last && r >= 0; i++)
		r = add_port(exposed, i, proto, e);
	return r;
}

int port_options(const struct strv *publish, const struct strv *expose, struct strv *exposed, struct strv *bindings,
		 struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < publish->n && r >= 0; i++) {
		_cleanup_free_ char *text = NULL;
		struct publish p = { 0 };

		if (strchr(publish->v[i], '='))
			r = long_form(publish->v[i], &text, e);
		else if (!(text = strdup(publish->v[i])))
			r = err_oom(e);
		p.text = text;
		if (r >= 0)
			r = publish_parse(&p, e);
		if (r >= 0)
			r = publish_add(&p, exposed, bindings, e);
		if (r >= 0 && bindings->n > PORTS_MAX)
			r = err_kind(e, ERR_LIMIT, -E2BIG, "more than %d published ports", PORTS_MAX);
	}
	for (size_t i = 0; i < expose->n && r >= 0; i++)
		r = expose_one(expose->v[i], exposed, e);
	strv_sort(exposed);
	return r;
}
