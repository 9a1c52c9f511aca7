/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The grammar by hand: each part is cut off at the character that no earlier part may have, then checked alone. */
#include "image/reference.h"

#include <ctype.h>

#include "image/digest.h"

#define LIBRARY "library/"
#define INDEX	"index.docker.io"

void reference_done(struct reference *r)
{
	free(r->domain);
	free(r->path);
	free(r->tag);
	free(r->digest);
	*r = (struct reference){ 0 };
}

static int invalid(struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "invalid reference format");
}

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_alnum(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

bool reference_tag_valid(const char *tag)
{
	size_t n = 0;

	for (; tag[n]; n++)
		if (!is_alnum(tag[n]) && tag[n] != '_' && (n == 0 || (tag[n] != '.' && tag[n] != '-')))
			return false;
	return n > 0 && n <= REFERENCE_TAG_MAX;
}

bool reference_is_id(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return n > 0 && n <= 64 && !s[n];
}

/* "::1]" behind its '[': where it ends, or NULL. */
static const char *ipv6_end(const char *p, const char *end)
{
	const char *s = p;

	while (p < end && (isxdigit((unsigned char)*p) || *p == ':'))
		p++;
	return p > s && p < end && *p == ']' ? p + 1 : NULL;
}

/* Names with dots between them, none of which begins or ends with '-': where the last ends, or NULL. */
static const char *host_end(const char *p, const char *end)
{
	for (;; p++) {
		const char *s = p;

		while (p < end && (is_alnum(*p) || *p == '-'))
			p++;
		if (p == s || *s == '-' || p[-1] == '-')
			return NULL;
		if (p == end || *p != '.')
			return p;
	}
}

/* "host", "host.name", "[::1]", each with ":port". */
static bool domain_valid(const char *s, size_t len)
{
	const char *end = s + len, *p = len && *s == '[' ? ipv6_end(s + 1, end) : host_end(s, end);

	if (!p || p == end)
		return p;
	if (*p++ != ':' || p == end)
		return false;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p == end;
}

/* Between letters and digits: one of "." "_" "__", or any number of "-". */
static size_t separator(const char *p, const char *end)
{
	size_t n = 0;

	if (p < end && *p == '.')
		return 1;
	if (p < end && *p == '_')
		return p + 1 < end && p[1] == '_' ? 2 : 1;
	while (p + n < end && p[n] == '-')
		n++;
	return n;
}

static bool path_valid(const char *p, size_t len)
{
	const char *end = p + len;

	for (;;) {
		size_t n = 0;

		while (p + n < end && is_lower(p[n]))
			n++;
		if (n == 0)
			return false;
		p += n;
		if (p == end)
			return true;
		n = *p == '/' ? 1 : separator(p, end);
		if (n == 0)
			return false;
		p += n;
	}
}

/* Whether what stands before the first slash is a domain, as Docker decides it. */
static bool is_domain(const char *s, size_t len)
{
	if (len == strlen("localhost") && memcmp(s, "localhost", len) == 0)
		return true;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
			return true;
	return false;
}

static bool has_upper(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (isupper((unsigned char)s[i]))
			return true;
	return false;
}

static int set_name(struct reference *r, const char *domain, size_t domain_len, const char *path, size_t path_len,
		    struct err *e)
{
	bool hub = !domain || (domain_len == strlen(INDEX) && memcmp(domain, INDEX, domain_len) == 0) ||
		   (domain_len == strlen(REFERENCE_DOCKER) && memcmp(domain, REFERENCE_DOCKER, domain_len) == 0);
	const char *prefix = hub && !memchr(path, '/', path_len) ? LIBRARY : "";

	if (!path_len || path_len > 4096)
		return invalid(e);
	if (has_upper(path, path_len))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"invalid reference format: repository name (%s%.*s) must be lowercase", prefix,
				path_len > 255 ? 255 : (int)path_len, path);
	if (!path_valid(path, path_len) || (domain && !domain_valid(domain, domain_len)))
		return invalid(e);
	if (path_len + strlen(prefix) > REFERENCE_NAME_MAX || domain_len > REFERENCE_NAME_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "repository name must not be more than %d characters",
				REFERENCE_NAME_MAX);
	r->domain = hub ? strdup(REFERENCE_DOCKER) : strndup(domain, domain_len);
	r->path = malloc(strlen(prefix) + path_len + 1);
	if (!r->domain || !r->path)
		return err_oom(e);
	memcpy(r->path, prefix, strlen(prefix));
	memcpy(r->path + strlen(prefix), path, path_len);
	r->path[strlen(prefix) + path_len] = '\0';
	return 0;
}

static int set_rest(struct reference *r, const char *tag, const char *tag_end, const char *digest, struct err *e)
{
	if (tag) {
		r->tag = strndup(tag, (size_t)(tag_end - tag));
		if (!r->tag)
			return err_oom(e);
		if (!reference_tag_valid(r->tag))
			return invalid(e);
	}
	if (!digest)
		return 0;
	if (!digest_valid(digest))
		return invalid(e);
	r->digest = strdup(digest);
	return r->digest ? 0 : err_oom(e);
}

int reference_parse(const char *s, struct reference *ret, struct err *e)
{
	_cleanup_reference_ struct reference r = { 0 };
	const char *at = strchr(s, '@'), *end = at ?: s + strlen(s), *slash, *domain = NULL, *tag;
	size_t domain_len = 0;
	int k;

	if (strlen(s) == 64 && reference_is_id(s))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"invalid repository name (%s), cannot specify 64-byte hexadecimal strings", s);
	slash = memchr(s, '/', (size_t)(end - s));
	if (slash && is_domain(s, (size_t)(slash - s))) {
		domain = s;
		domain_len = (size_t)(slash - s);
		s = slash + 1;
	}
	tag = memchr(s, ':', (size_t)(end - s));
	k = set_name(&r, domain, domain_len, s, (size_t)((tag ?: end) - s), e);
	if (k == 0)
		k = set_rest(&r, tag ? tag + 1 : NULL, end, at ? at + 1 : NULL, e);
	if (k < 0)
		return k;
	*ret = r;
	r = (struct reference){ 0 };
	return 0;
}

int reference_default_tag(struct reference *r, struct err *e)
{
	if (r->tag || r->digest)
		return 0;
	r->tag = strdup("latest");
	return r->tag ? 0 : err_oom(e);
}

void reference_name(const struct reference *r, bool familiar, struct buf *out)
{
	const char *path = r->path, *rest;

	/* Not where it would be read as another domain's. */
	if (familiar && streq(r->domain, REFERENCE_DOCKER) && !is_domain(path, strcspn(path, "/"))) {
		rest = startswith(path, LIBRARY);
		buf_puts(out, rest && !strchr(rest, '/') ? rest : path);
		return;
	}
	buf_printf(out, "%s/%s", r->domain, path);
}

static void put(const struct reference *r, bool familiar, struct buf *out)
{
	reference_name(r, familiar, out);
	if (r->tag)
		buf_printf(out, ":%s", r->tag);
	if (r->digest)
		buf_printf(out, "@%s", r->digest);
}

void reference_full(const struct reference *r, struct buf *out)
{
	put(r, false, out);
}

void reference_familiar(const struct reference *r, struct buf *out)
{
	put(r, true, out);
}
