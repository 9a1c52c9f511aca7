/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * WWW-Authenticate is a list of challenges whose parameters are a list too, with the same comma: a word that '=' follows is a
 * parameter, any other begins the next challenge (RFC 9110, 11.2 to 11.6).
 */
#include "image/auth.h"

#include <strings.h>

struct cursor {
	const char *at;
};

static bool is_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_blanks(struct cursor *p)
{
	while (*p->at == ' ' || *p->at == '\t')
		p->at++;
}

static void skip_commas(struct cursor *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == ',')
		p->at++;
}

static size_t token_length(const struct cursor *p)
{
	size_t n = 0;

	while (is_token(p->at[n]))
		n++;
	return n;
}

static int bad(const char *what, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "header WWW-Authenticate: %s", what);
}

/* token68 of "Negotiate abc==": nothing that we can answer. */
static bool skip_token68(struct cursor *p)
{
	const char *s = p->at;

	while (is_token(*s) || *s == '/')
		s++;
	while (*s == '=')
		s++;
	while (*s == ' ' || *s == '\t')
		s++;
	if (*s && *s != ',')
		return false;
	p->at = s;
	return true;
}

static int quoted(struct cursor *p, struct buf *out, struct err *e)
{
	for (p->at++; *p->at != '"'; p->at++) {
		if (*p->at == '\\' && p->at[1])
			p->at++;
		if (!*p->at)
			return bad("a quoted value has no end", e);
		if ((unsigned char)*p->at < 0x20 || *p->at == 0x7f)
			return bad("a control character in a quoted value", e);
		buf_putc(out, *p->at);
	}
	p->at++;
	return 0;
}

static int value(struct cursor *p, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t n;
	int r;

	skip_blanks(p);
	if (*p->at == '"') {
		r = quoted(p, &out, e);
		if (r < 0)
			return r;
	} else {
		/* More than the grammar has: URLs without quotes are met. */
		for (n = 0; (unsigned char)p->at[n] > ' ' && p->at[n] != ',' && p->at[n] != '"'; n++)
			;
		if (!n)
			return bad("a parameter has no value", e);
		buf_add(&out, p->at, n);
		p->at += n;
	}
	if (!out.len)
		buf_puts(&out, "");
	*ret = buf_take(&out);
	return *ret ? 0 : err_oom(e);
}

static char **member(struct challenge *c, const char *name, size_t n)
{
	static const struct {
		const char *name;
		size_t offset;
	} known[] = {
		{ "realm", offsetof(struct challenge, realm) },
		{ "service", offsetof(struct challenge, service) },
		{ "scope", offsetof(struct challenge, scope) },
		{ "error", offsetof(struct challenge, error) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == n && strncasecmp(known[i].name, name, n) == 0)
			return (char **)((char *)c + known[i].offset);
	return NULL;
}

/* Parameters up to the next challenge. */
static int parameters(struct cursor *p, struct challenge *c, struct err *e)
{
	for (;;) {
		struct cursor name = *p, after;
		char **to, *v;
		int r;
		size_t n;

		skip_commas(&name);
		n = token_length(&name);
		after = name;
		after.at += n;
		skip_blanks(&after);
		if (!n || *after.at != '=')
			return 0;
		after.at++;
		r = value(&after, &v, e);
		if (r < 0)
			return r;
		to = member(c, name.at, n);
		if (to && !*to)
			*to = v;
		else
			free(v);
		*p = after;
		skip_blanks(p);
		if (*p->at && *p->at != ',')
			return bad("expected ',' after a parameter", e);
	}
}

static int one(struct cursor *p, struct challenge *c, struct err *e)
{
	size_t n = token_length(p);

	if (!n)
		return bad("expected a scheme's name", e);
	c->scheme = strndup(p->at, n);
	if (!c->scheme)
		return err_oom(e);
	for (char *s = c->scheme; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	p->at += n;
	if (*p->at && *p->at != ' ' && *p->at != '\t' && *p->at != ',')
		return bad("expected a blank after a scheme's name", e);
	skip_blanks(p);
	if (!*p->at || *p->at == ',' || skip_token68(p))
		return 0;
	return parameters(p, c, e);
}

void challenges_free(struct challenge *c, size_t n)
{
	for (size_t i = 0; c && i < n; i++) {
		free(c[i].scheme);
		free(c[i].realm);
		free(c[i].service);
		free(c[i].scope);
		free(c[i].error);
	}
	free(c);
}

int challenges_parse(const char *text, struct challenge **ret, size_t *ret_n, struct err *e)
{
	struct challenge *list;
	struct cursor p = { text };
	size_t n = 0;
	int r = 0;

	if (strlen(text) > CHALLENGE_TEXT_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "header WWW-Authenticate: longer than %u bytes",
				CHALLENGE_TEXT_MAX);
	list = calloc(CHALLENGES_MAX, sizeof(*list));
	if (!list)
		return err_oom(e);
	for (skip_commas(&p); *p.at && r >= 0; skip_commas(&p)) {
		if (n == CHALLENGES_MAX)
			r = err_kind(e, ERR_LIMIT, -E2BIG, "header WWW-Authenticate: more than %u challenges",
				     CHALLENGES_MAX);
		else
			r = one(&p, &list[n++], e);
	}
	if (r >= 0 && !n)
		r = bad("it is empty", e);
	if (r < 0) {
		challenges_free(list, n);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}
