/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/build/glob.h"
#include "image/build/utf8.h"

enum kind {
	LITERAL,
	ONE,	  /* any but `bar` */
	SOME,	  /* any number of such */
	DEEP,	  /* any number of any */
	SKIP_DIR, /* what stands here and the TO_DIR behind it may be left out */
	TO_DIR,	  /* all up to a slash */
	CLASS,
};

struct range {
	uint32_t from, to;
};

struct glob_tok {
	enum kind kind;
	uint32_t c; /* LITERAL; of ONE and SOME what they do not take */
	bool no;    /* CLASS: all but these */
	struct range *ranges;
	size_t n;
};

#define SET_WORDS (GLOB_MAX / 64 + 1)

struct set {
	uint64_t w[SET_WORDS];
};

void glob_done(struct glob *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->tok[i].ranges);
	free(g->tok);
	*g = (struct glob){ 0 };
}

static struct glob_tok *add(struct glob *g, enum kind kind, uint32_t c)
{
	if (g->n + 1 >= GLOB_MAX)
		return NULL;
	/* Room is a power of two. */
	if ((g->n & (g->n - 1)) == 0) {
		struct glob_tok *more = reallocarray(g->tok, g->n ? g->n * 2 : 1, sizeof(*more));

		if (!more)
			return NULL;
		g->tok = more;
	}
	g->tok[g->n] = (struct glob_tok){ .kind = kind, .c = c };
	return &g->tok[g->n++];
}

static int too_long(struct err *e)
{
	return err_kind(e, ERR_LIMIT, -E2BIG, "pattern is longer than %d characters", GLOB_MAX - 1);
}

static int bad(const char *pattern, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "syntax error in pattern %s", pattern);
}

/* One end of a range of a class. Position after it, or NULL. */
static const char *class_char(const char *p, uint32_t *ret)
{
	size_t len;

	if (!*p || *p == '-' || *p == ']')
		return NULL;
	if (*p == '\\' && !*++p)
		return NULL;
	*ret = utf8_get(p, &len);
	return p + len;
}

/* From behind the bracket. Position behind the closing one, or NULL. */
static const char *parse_class(struct glob_tok *t, const char *p)
{
	t->no = *p == '^';
	if (t->no)
		p++;
	for (; *p != ']' || t->n == 0; t->n++) {
		struct range *more = reallocarray(t->ranges, t->n + 1, sizeof(*more));

		if (!more)
			return NULL;
		t->ranges = more;
		p = class_char(p, &more[t->n].from);
		if (!p)
			return NULL;
		more[t->n].to = more[t->n].from;
		if (*p == '-') {
			p = class_char(p + 1, &more[t->n].to);
			if (!p)
				return NULL;
		}
	}
	return p + 1;
}

/* Two stars or more. At the end they take all; before a slash any folders, or none. */
static const char *parse_stars(struct glob *g, const char *p, bool *ok)
{
	while (*p == '*')
		p++;
	if (*p == '/' && p[1]) {
		*ok = add(g, SKIP_DIR, 0) && add(g, TO_DIR, 0);
		return p + 1;
	}
	*ok = add(g, DEEP, 0);
	return p;
}

int glob_path(struct glob *g, const char *pattern, struct err *e)
{
	const char *p = pattern;

	while (*p) {
		struct glob_tok *t = NULL;
		bool ok;
		size_t len;

		if (p[0] == '*' && p[1] == '*') {
			p = parse_stars(g, p, &ok);
			if (!ok)
				return too_long(e);
			continue;
		}
		if (*p == '[') {
			t = add(g, CLASS, 0);
			if (!t)
				return too_long(e);
			p = parse_class(t, p + 1);
			if (!p)
				return bad(pattern, e);
			continue;
		}
		if (*p == '*' || *p == '?') {
			t = add(g, *p == '*' ? SOME : ONE, '/');
			len = 1;
		} else {
			if (*p == '\\' && !*++p)
				return bad(pattern, e);
			t = add(g, LITERAL, utf8_get(p, &len));
		}
		if (!t)
			return too_long(e);
		p += len;
	}
	return 0;
}

int glob_shell(struct glob *g, const char *pattern, struct err *e)
{
	size_t len;

	for (const char *p = pattern; *p; p += len) {
		struct glob_tok *t;

		/* The end of ${} and the slash are escaped there, which is not the pattern's. */
		if (p[0] == '\\' && (p[1] == '}' || p[1] == '/')) {
			t = add(g, LITERAL, (unsigned char)p[1]);
			len = 2;
		} else if (*p == '\\') {
			if (!p[1] || !strchr("*?\\", p[1]))
				return err_kind(e, ERR_INVALID, -EINVAL,
						"invalid pattern (%s) in substitution: invalid escape '\\%.1s'",
						pattern, p + 1);
			t = add(g, LITERAL, (unsigned char)p[1]);
			len = 2;
		} else if (*p == '*' || *p == '?') {
			t = add(g, *p == '*' ? SOME : ONE, '\n');
			len = 1;
		} else {
			t = add(g, LITERAL, utf8_get(p, &len));
		}
		if (!t)
			return too_long(e);
	}
	return 0;
}

void glob_reverse(struct glob *g)
{
	for (size_t i = 0; i < g->n / 2; i++) {
		struct glob_tok t = g->tok[i];

		g->tok[i] = g->tok[g->n - 1 - i];
		g->tok[g->n - 1 - i] = t;
	}
}

static bool in_class(const struct glob_tok *t, uint32_t c)
{
	for (size_t i = 0; i < t->n; i++)
		if (c >= t->ranges[i].from && c <= t->ranges[i].to)
			return !t->no;
	/* As in Go, a class never takes a slash by being negated. */
	return t->no && c != '/';
}

static bool has(const struct set *s, size_t i)
{
	return s->w[i / 64] >> (i % 64) & 1;
}

/* Position I, and those that are reached from it without a character. */
static void enter(const struct glob *g, struct set *s, size_t i)
{
	while (!has(s, i)) {
		s->w[i / 64] |= UINT64_C(1) << (i % 64);
		if (i >= g->n)
			return;
		if (g->tok[i].kind == SKIP_DIR) {
			enter(g, s, i + 2);
			i++;
		} else if (g->tok[i].kind == SOME || g->tok[i].kind == DEEP) {
			i++;
		}
	}
}

/* All positions after one more character; whether there are any. */
static bool step(const struct glob *g, const struct set *from, struct set *to, uint32_t c)
{
	bool any = false;

	*to = (struct set){ 0 };
	for (size_t i = 0; i < g->n; i++) {
		const struct glob_tok *t = &g->tok[i];
		bool stay, go;

		if (!has(from, i))
			continue;
		stay = (t->kind == SOME && c != t->c) || t->kind == DEEP || t->kind == TO_DIR;
		go = (t->kind == LITERAL && c == t->c) || (t->kind == ONE && c != t->c) ||
		     (t->kind == TO_DIR && c == '/') || (t->kind == CLASS && in_class(t, c));
		if (stay)
			enter(g, to, i);
		if (go)
			enter(g, to, i + 1);
		any = any || stay || go;
	}
	return any;
}

long glob_end(const struct glob *g, const uint32_t *text, size_t n, size_t at, bool longest)
{
	struct set now = { 0 }, next;
	long end = -1;

	enter(g, &now, 0);
	for (;; at++) {
		if (has(&now, g->n)) {
			end = (long)at;
			if (!longest)
				break;
		}
		if (at == n || !step(g, &now, &next, text[at]))
			break;
		now = next;
	}
	return end;
}

uint32_t *glob_chars(const char *text, size_t *ret_n)
{
	uint32_t *chars = calloc(strlen(text) + 1, sizeof(*chars));
	size_t n = 0, len;

	if (!chars)
		return NULL;
	for (; *text; text += len)
		chars[n++] = utf8_get(text, &len);
	*ret_n = n;
	return chars;
}

bool glob_match(const struct glob *g, const char *text)
{
	size_t n = 0;
	_cleanup_free_ uint32_t *chars = glob_chars(text, &n);

	return chars && glob_end(g, chars, n, 0, true) == (long)n;
}
