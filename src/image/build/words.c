/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/buf.h"
#include "image/build/glob.h"
#include "image/build/utf8.h"
#include "image/build/words.h"

#define DEPTH_MAX 64
#define OUT_MAX	  (16u << 20)

struct lex {
	const struct words *w;
	const char *p;
	bool keep_escapes;
	unsigned depth;
};

struct split {
	struct strv *list;
	struct buf word;
	bool in_word;
};

static int until(struct lex *l, char stop, bool keep_escapes, struct buf *out, struct split *s, struct err *e);

static bool chars_left(const struct lex *l)
{
	return *l->p != '\0';
}

/* Copies one character. */
static void copy_char(struct lex *l, struct buf *out)
{
	size_t len;

	utf8_get(l->p, &len);
	buf_add(out, l->p, len);
	l->p += len;
}

static int end_word(struct split *s, struct err *e)
{
	int r;

	if (s->word.len == 0)
		return 0;
	r = strv_push(s->list, buf_str(&s->word), e);
	buf_reset(&s->word);
	s->in_word = false;
	return r;
}

/* TEXT with its blanks for ends of words. */
static int add_soft(struct split *s, const char *text, struct err *e)
{
	for (size_t len; *text; text += len) {
		int r;

		if (!utf8_space(utf8_get(text, &len))) {
			buf_add(&s->word, text, len);
			s->in_word = true;
		} else if (s->in_word) {
			r = end_word(s, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void add_hard(struct split *s, const char *text)
{
	buf_puts(&s->word, text);
	s->in_word = true;
}

static const char *value_of(struct lex *l, const char *name, struct err *e, int *r)
{
	const char *v = l->w->get ? l->w->get(l->w->arg, name) : NULL;

	*r = 0;
	if (!v && l->w->unset && !strv_has(l->w->unset, name))
		*r = strv_push(l->w->unset, name, e);
	return v;
}

/* A name, a number, or one of the shell's signs. Empty when there is none. */
static void read_name(struct lex *l, struct buf *name)
{
	size_t len;

	if (*l->p >= '0' && *l->p <= '9') {
		while (*l->p >= '0' && *l->p <= '9')
			buf_putc(name, *l->p++);
		return;
	}
	if (*l->p && strchr("@*#?-$!", *l->p)) {
		buf_putc(name, *l->p++);
		return;
	}
	for (;;) {
		uint32_t c = utf8_get(l->p, &len);

		if (!utf8_letter(c) && c != '_' && !(c >= '0' && c <= '9'))
			return;
		buf_add(name, l->p, len);
		l->p += len;
	}
}

static int bad_modifier(const char *sign, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "unsupported modifier (%s) in substitution", sign);
}

/* What ends too early inside of ${ is told as such. */
static int part_error(const struct lex *l, int r, const char *missing, struct err *e)
{
	if (chars_left(l) || r != -EINVAL)
		return r;
	return err_kind(e, ERR_INVALID, -EINVAL, "syntax error: missing '%s'", missing);
}

/* ${name#pattern} and ${name%pattern}; doubled, the longest match goes. */
static int cut_match(const char *pattern, const char *value, bool suffix, struct buf *out, struct err *e)
{
	_cleanup_glob_ struct glob g = { 0 };
	size_t n = 0;
	_cleanup_free_ uint32_t *text = glob_chars(value, &n);
	bool longest = pattern[0] == (suffix ? '%' : '#');
	char utf8[4];
	long end;
	int r;

	if (!text)
		return err_oom(e);
	r = glob_shell(&g, pattern + longest, e);
	if (r < 0)
		return r;
	if (suffix) {
		glob_reverse(&g);
		for (size_t i = 0; i < n / 2; i++) {
			uint32_t c = text[i];

			text[i] = text[n - 1 - i];
			text[n - 1 - i] = c;
		}
	}
	end = glob_end(&g, text, n, 0, longest);
	if (end < 0)
		end = 0;
	for (size_t i = suffix ? 0 : (size_t)end; i < (suffix ? n - (size_t)end : n); i++)
		buf_add(out, utf8, utf8_put(utf8, text[suffix ? n - 1 - i : i]));
	return 0;
}

/* ${name/pattern/text}: the first match, or all. */
static int replace(const char *pattern, const char *with, const char *value, bool all, struct buf *out, struct err *e)
{
	_cleanup_glob_ struct glob g = { 0 };
	size_t n = 0, at = 0, last = 0;
	_cleanup_free_ uint32_t *text = glob_chars(value, &n);
	char utf8[4];
	int r;

	if (!text)
		return err_oom(e);
	r = glob_shell(&g, pattern, e);
	if (r < 0)
		return r;
	if (n > 16384 && g.n > 64)
		return err_kind(e, ERR_LIMIT, -E2BIG, "value and pattern of a substitution are too long");
	for (bool done = false; at <= n && !done;) {
		long end = glob_end(&g, text, n, at, true);

		/* An empty match right behind another one is none. */
		if (end >= 0 && ((size_t)end > last || end == 0)) {
			buf_puts(out, with);
			done = !all;
		}
		if (end > (long)at) {
			at = last = (size_t)end;
			continue;
		}
		if (at < n)
			buf_add(out, utf8, utf8_put(utf8, text[at]));
		at++;
	}
	for (; at < n; at++)
		buf_add(out, utf8, utf8_put(utf8, text[at]));
	return buf_error(out, e);
}

static int slash(struct lex *l, const char *name, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf pattern = BUF_INIT, with = BUF_INIT;
	bool all = *l->p == '/';
	const char *value;
	int r;

	l->p += all;
	r = until(l, '/', true, &pattern, NULL, e);
	if (r < 0)
		return part_error(l, r, "/' in '${}", e);
	r = until(l, '}', true, &with, NULL, e);
	if (r < 0)
		return part_error(l, r, "}", e);
	value = value_of(l, name, e, &r);
	if (r < 0)
		return r;
	if (!value && l->w->keep_unset) {
		buf_printf(out, "${%s/%s/%s}", name, buf_str(&pattern), buf_str(&with));
		return 0;
	}
	return replace(buf_str(&pattern), buf_str(&with), value ?: "", all, out, e);
}

static int question(const char *name, const char *value, bool empty_too, const char *word, struct buf *out,
		    struct err *e)
{
	if (!value || (empty_too && !*value))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: %s", name,
				*word	? word
				: value ? "is not allowed to be empty"
					: "is not allowed to be unset");
	buf_puts(out, value);
	return 0;
}

/* From the sign on that stands behind the name. */
static int modifier(struct lex *l, const char *name, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf word = BUF_INIT;
	char sign[8] = { *l->p++ };
	bool empty_too = sign[0] == ':', unset;
	char op = sign[0];
	const char *value;
	int r;

	if (empty_too) {
		if (!chars_left(l))
			return bad_modifier(sign, e);
		op = *l->p;
		sign[1] = *l->p++;
	}
	if (!strchr("+-?#%", op) || (empty_too && strchr("#%", op)))
		return bad_modifier(sign, e);
	r = until(l, '}', op == '#' || op == '%', &word, NULL, e);
	if (r < 0)
		return part_error(l, r, "}", e);
	value = value_of(l, name, e, &r);
	if (r < 0)
		return r;
	if (!value && l->w->keep_unset) {
		buf_printf(out, "${%s%s%s}", name, sign, buf_str(&word));
		return 0;
	}
	unset = !value || (empty_too && !*value);
	switch (op) {
	case '-':
		buf_puts(out, unset ? buf_str(&word) : value);
		return 0;
	case '+':
		buf_puts(out, unset ? "" : buf_str(&word));
		return 0;
	case '?':
		return question(name, value, empty_too, buf_str(&word), out, e);
	default:
		return cut_match(buf_str(&word), value ?: "", op == '%', out, e);
	}
}

static int braces(struct lex *l, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	const char *value;
	int r;

	l->p++;
	if (!chars_left(l))
		return err_kind(e, ERR_INVALID, -EINVAL, "syntax error: missing '}'");
	if (strchr("{}:", *l->p))
		return err_kind(e, ERR_INVALID, -EINVAL, "syntax error: bad substitution");
	read_name(l, &name);
	if (!chars_left(l))
		return err_kind(e, ERR_INVALID, -EINVAL, "syntax error: missing '}'");
	if (*l->p == '/') {
		l->p++;
		return slash(l, buf_str(&name), out, e);
	}
	if (*l->p != '}')
		return modifier(l, buf_str(&name), out, e);
	l->p++;
	value = value_of(l, buf_str(&name), e, &r);
	if (!value && l->w->keep_unset)
		buf_printf(out, "${%s}", buf_str(&name));
	else
		buf_puts(out, value ?: "");
	return r;
}

static int dollar(struct lex *l, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	const char *value;
	int r;

	l->p++;
	if (*l->p == '{') {
		if (l->depth >= DEPTH_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "substitutions are nested more than %d deep", DEPTH_MAX);
		l->depth++;
		r = braces(l, out, e);
		l->depth--;
		return r;
	}
	read_name(l, &name);
	if (name.len == 0) {
		buf_putc(out, '$');
		return 0;
	}
	value = value_of(l, buf_str(&name), e, &r);
	if (!value && l->w->keep_unset)
		buf_printf(out, "$%s", buf_str(&name));
	else
		buf_puts(out, value ?: "");
	return r;
}

static int single_quotes(struct lex *l, struct buf *out, struct err *e)
{
	const char *end = strchr(l->p + 1, '\'');

	if (!end)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"unexpected end of statement while looking for matching single-quote");
	if (l->w->keep_quotes)
		buf_add(out, l->p, (size_t)(end + 1 - l->p));
	else
		buf_add(out, l->p + 1, (size_t)(end - l->p - 1));
	l->p = end + 1;
	return 0;
}

static int double_quotes(struct lex *l, struct buf *out, struct err *e)
{
	if (l->w->keep_quotes)
		buf_putc(out, '"');
	l->p++;
	while (chars_left(l)) {
		char c = *l->p;
		int r;

		if (c == '"') {
			if (l->w->keep_quotes)
				buf_putc(out, c);
			l->p++;
			return 0;
		}
		if (c == '$') {
			r = dollar(l, out, e);
			if (r < 0)
				return r;
			continue;
		}
		if (c != l->w->escape) {
			copy_char(l, out);
			continue;
		}
		/* Escapes only what would mean something here. */
		if (l->keep_escapes)
			buf_putc(out, c);
		l->p++;
		if (*l->p == '"' || *l->p == '$' || *l->p == l->w->escape)
			buf_putc(out, *l->p++);
		else if (chars_left(l) && !l->keep_escapes)
			buf_putc(out, c);
	}
	return err_kind(e, ERR_INVALID, -EINVAL, "unexpected end of statement while looking for matching double-quote");
}

/* << with the blanks behind it is one word with what follows. */
static void less_than(struct lex *l, struct buf *out)
{
	buf_putc(out, *l->p++);
	if (*l->p != '<')
		return;
	buf_putc(out, *l->p++);
	while (*l->p == ' ' || *l->p == '\t' || *l->p == '\r')
		buf_putc(out, *l->p++);
}

/* Anything but what has a meaning of its own. SOFT: a blank of it ends a word. */
static void plain(struct lex *l, struct buf *out, bool *soft)
{
	*soft = *l->p != l->w->escape;
	if (!*soft) {
		if (l->keep_escapes)
			buf_putc(out, *l->p);
		l->p++;
		if (!chars_left(l))
			return;
	}
	copy_char(l, out);
}

static int one(struct lex *l, struct buf *out, bool *soft, struct err *e)
{
	*soft = false;
	switch (*l->p) {
	case '$':
		*soft = true;
		return dollar(l, out, e);
	case '<':
		less_than(l, out);
		return 0;
	case '\'':
		if (!l->w->no_quotes)
			return single_quotes(l, out, e);
		break;
	case '"':
		if (!l->w->no_quotes)
			return double_quotes(l, out, e);
		break;
	}
	plain(l, out, soft);
	return 0;
}

static int until(struct lex *l, char stop, bool keep_escapes, struct buf *out, struct split *s, struct err *e)
{
	bool before = l->keep_escapes;
	int r = 0;

	l->keep_escapes = keep_escapes;
	out->limit = OUT_MAX;
	while (chars_left(l) && !(stop && *l->p == stop) && r >= 0) {
		size_t start = out->len;
		bool soft;

		r = one(l, out, &soft, e);
		if (r >= 0)
			r = buf_error(out, e);
		if (r < 0 || !s)
			continue;
		if (soft)
			r = add_soft(s, buf_str(out) + start, e);
		else
			add_hard(s, buf_str(out) + start);
	}
	l->keep_escapes = before;
	if (r >= 0 && stop && !chars_left(l))
		return err_kind(e, ERR_INVALID, -EINVAL, "unexpected end of statement while looking for matching %c",
				stop);
	if (r >= 0 && stop)
		l->p++;
	return r;
}

static int run(const struct words *w, const char *text, struct buf *out, struct split *s, struct err *e)
{
	struct lex l = { .w = w, .p = text };
	int r = until(&l, '\0', w->keep_escapes, out, s, e);

	return r < 0 && r != -ENOMEM ? err_wrap(e, r, "failed to process \"%.200s\"", text) : r;
}

int words_expand(const struct words *w, const char *text, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r = run(w, text, &out, NULL, e);

	if (r < 0)
		return r;
	*ret = out.len ? buf_take(&out) : strdup("");
	return *ret ? 0 : err_oom(e);
}

int words_split(const struct words *w, const char *text, struct strv *ret, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct split s = { .list = ret };
	int r = run(w, text, &out, &s, e);

	if (r >= 0)
		r = end_word(&s, e);
	if (r >= 0)
		r = buf_error(&s.word, e);
	buf_done(&s.word);
	return r;
}
