/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line to word, flags and arguments: each instruction has one of a few forms. */
#include <json-c/json.h>
#include <strings.h>

#include "base/buf.h"
#include "image/build/dockerfile.h"
#include "image/build/utf8.h"

#define ARGS_MAX 16384

enum form {
	ONE_TEXT, /* all of it, as it stands */
	WORDS,	  /* at blanks */
	JSON_OR_TEXT,
	JSON_OR_WORDS,
	NAME_VALUES, /* NAME=VALUE …, or NAME VALUE */
	NAMES,	     /* NAME[=VALUE] … */
	CHECK,	     /* a word, then JSON_OR_TEXT */
	SUB,	     /* another instruction */
};

static const struct {
	const char *name;
	enum form form;
} kinds[DF_KINDS] = {
	[DF_ADD] = { "ADD", JSON_OR_WORDS },
	[DF_ARG] = { "ARG", NAMES },
	[DF_CMD] = { "CMD", JSON_OR_TEXT },
	[DF_COPY] = { "COPY", JSON_OR_WORDS },
	[DF_ENTRYPOINT] = { "ENTRYPOINT", JSON_OR_TEXT },
	[DF_ENV] = { "ENV", NAME_VALUES },
	[DF_EXPOSE] = { "EXPOSE", WORDS },
	[DF_FROM] = { "FROM", WORDS },
	[DF_HEALTHCHECK] = { "HEALTHCHECK", CHECK },
	[DF_LABEL] = { "LABEL", NAME_VALUES },
	[DF_MAINTAINER] = { "MAINTAINER", ONE_TEXT },
	[DF_ONBUILD] = { "ONBUILD", SUB },
	[DF_RUN] = { "RUN", JSON_OR_TEXT },
	[DF_SHELL] = { "SHELL", JSON_OR_TEXT },
	[DF_STOPSIGNAL] = { "STOPSIGNAL", ONE_TEXT },
	[DF_USER] = { "USER", ONE_TEXT },
	[DF_VOLUME] = { "VOLUME", JSON_OR_WORDS },
	[DF_WORKDIR] = { "WORKDIR", ONE_TEXT },
};

const char *df_kind_name(enum df_kind kind)
{
	return kind < DF_KINDS ? kinds[kind].name : "?";
}

enum df_kind df_kind_find(const char *word)
{
	for (enum df_kind k = 0; k < DF_KINDS; k++)
		if (strcasecmp(kinds[k].name, word) == 0)
			return k;
	return DF_KINDS;
}

/* Between words of an instruction; other blanks of Unicode are text there. */
static bool is_blank(char c)
{
	return c && strchr(" \t\v\f\r", c);
}

static const char *skip_space(const char *s)
{
	size_t len;

	while (utf8_space(utf8_get(s, &len)))
		s += len;
	return s;
}

/* S without blanks at both ends. */
static const char *trimmed(struct pool *p, const char *s)
{
	const char *end, *at;
	size_t len;

	s = skip_space(s);
	for (at = end = s; *at; at += len)
		if (!utf8_space(utf8_get(at, &len)))
			end = at + len;
	return pool_strn(p, s, (size_t)(end - s));
}

/* A word that may have quotes and escapes in it, which stay (KEEP) or go. From S on; what follows it. */
static const char *quoted_word(const char *s, char escape, bool keep, struct buf *word, bool *quoted)
{
	char quote = 0;
	size_t len;

	for (; *s; s += len) {
		uint32_t c = utf8_get(s, &len);

		if (!quote && utf8_space(c))
			break;
		if (*s == escape && !(keep && quote == '\'')) {
			if (!s[1]) {
				/* At the end it escapes nothing. */
				s++;
				break;
			}
			if (keep)
				buf_putc(word, *s);
			s++;
			utf8_get(s, &len);
			buf_add(word, s, len);
			continue;
		}
		if (!quote && (c == '\'' || c == '"')) {
			quote = *s;
			*quoted = true;
			if (!keep)
				continue;
		} else if (quote && *s == quote) {
			quote = 0;
			if (!keep)
				continue;
		}
		buf_add(word, s, len);
	}
	return s;
}

/* Leading --flags of ARGS into the line; what follows them. */
static const char *take_flags(struct dockerfile *df, struct df_line *line, const char *args, struct err *e)
{
	for (;;) {
		_cleanup_buf_ struct buf word = BUF_INIT;
		bool quoted = false;

		args = skip_space(args);
		if (args[0] != '-' || args[1] != '-')
			return args;
		args = quoted_word(args, df->escape ?: '\\', false, &word, &quoted);
		if (buf_error(&word, e) < 0 || line->flags.n >= ARGS_MAX) {
			df->pool.failed = true;
			return args;
		}
		if (streq(buf_str(&word), "--"))
			return skip_space(args);
		pool_add(&df->pool, &line->flags, pool_str(&df->pool, buf_str(&word)));
	}
}

static int add_arg(struct dockerfile *df, struct df_line *line, const char *s, struct err *e)
{
	if (line->args.n >= ARGS_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d arguments", ARGS_MAX);
	pool_add(&df->pool, &line->args, s);
	return 0;
}

/* A string of JSON may have NULs in it. No program can be given one, but a dump shows it. */
static const char *json_text(struct pool *p, struct json_object *o)
{
	size_t n = (size_t)json_object_get_string_len(o);
	const char *s = json_object_get_string(o);
	char *out = pool_alloc(p, n * 2 + 1), *to = out;

	for (size_t i = 0; out && i < n; i++) {
		if (s[i]) {
			*to++ = s[i];
			continue;
		}
		for (const char *nul = DF_NUL; *nul; nul++)
			*to++ = *nul;
	}
	return out ?: "";
}

/* 1: it was an array of strings. 0: it is none. */
static int parse_json(struct dockerfile *df, struct df_line *line, const char *text, struct err *e)
{
	struct json_tokener *tok;
	struct json_object *o = NULL;
	int r = 0;

	text = skip_space(text);
	if (*text != '[')
		return 0;
	tok = json_tokener_new_ex(32);
	if (!tok)
		return err_oom(e);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	/* With its NUL, or a number at the end would wait for more. */
	o = json_tokener_parse_ex(tok, text, (int)strlen(text) + 1);
	if (json_tokener_get_error(tok) == json_tokener_success && json_object_is_type(o, json_type_array))
		r = 1;
	for (size_t i = 0; r > 0 && i < json_object_array_length(o); i++) {
		struct json_object *s = json_object_array_get_idx(o, i);

		if (!json_object_is_type(s, json_type_string)) {
			r = err_kind(e, ERR_INVALID, -EINVAL,
				     "when using JSON array syntax, arrays must be comprised of strings only");
		} else {
			int n = add_arg(df, line, json_text(&df->pool, s), e);

			if (n < 0)
				r = n;
		}
	}
	line->json = r > 0;
	json_object_put(o);
	json_tokener_free(tok);
	return r;
}

/* As BuildKit does it: blanks are kept in no word, and an empty word stands only where the text is empty. */
static int split_blanks(struct dockerfile *df, struct df_line *line, const char *text, struct err *e)
{
	int r = 0;

	while (*text && r >= 0) {
		size_t n = 0;

		while (text[n] && !is_blank(text[n]))
			n++;
		r = add_arg(df, line, pool_strn(&df->pool, text, n), e);
		text += n;
		while (is_blank(*text))
			text++;
	}
	return r;
}

static int split_quoted(struct dockerfile *df, const char *text, struct texts *ret, struct err *e)
{
	for (text = skip_space(text); *text; text = skip_space(text)) {
		_cleanup_buf_ struct buf word = BUF_INIT;
		bool quoted = false;

		text = quoted_word(text, df->escape ?: '\\', true, &word, &quoted);
		if (ret->n >= ARGS_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d arguments", ARGS_MAX);
		if (buf_error(&word, e) < 0)
			return buf_error(&word, e);
		if (quoted || word.len)
			pool_add(&df->pool, ret, pool_str(&df->pool, buf_str(&word)));
	}
	return 0;
}

static int add_pair(struct dockerfile *df, struct df_line *line, const char *name, const char *value, const char *sign,
		    struct err *e)
{
	int r = add_arg(df, line, name, e);

	if (r >= 0)
		r = add_arg(df, line, value, e);
	return r < 0 ? r : add_arg(df, line, sign, e);
}

static int name_values(struct dockerfile *df, struct df_line *line, const char *text, struct err *e)
{
	struct texts words = { 0 };
	int r = split_quoted(df, text, &words, e);

	if (r < 0 || words.n == 0)
		return r;
	if (!strchr(words.v[0], '=')) {
		size_t n = 0;
		const char *rest;

		while (text[n] && !is_blank(text[n]))
			n++;
		rest = text + n;
		while (is_blank(*rest))
			rest++;
		if (!text[n])
			return err_kind(e, ERR_INVALID, -EINVAL, "%s must have two arguments",
					df_kind_name(df_kind_find(line->word)));
		return add_pair(df, line, pool_strn(&df->pool, text, n), pool_str(&df->pool, rest), "", e);
	}
	for (size_t i = 0; i < words.n && r >= 0; i++) {
		const char *sign = strchr(words.v[i], '=');

		if (!sign)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"Syntax error - can't find = in \"%.100s\". Must be of the form: name=value",
					words.v[i]);
		r = add_pair(df, line, pool_strn(&df->pool, words.v[i], (size_t)(sign - words.v[i])), sign + 1, "=", e);
	}
	return r;
}

static int check_form(struct dockerfile *df, struct df_line *line, const char *text, struct err *e)
{
	size_t n = 0, len;
	int r;

	while (text[n] && !utf8_space(utf8_get(text + n, &len)))
		n += len;
	if (n == 0)
		return 0;
	r = add_arg(df, line, pool_strn(&df->pool, text, n), e);
	text = skip_space(text + n);
	if (r < 0 || !*text)
		return r;
	r = parse_json(df, line, text, e);
	return r ? r : add_arg(df, line, text, e);
}

static int parse_args(struct dockerfile *df, struct df_line *line, const char *text, struct err *e)
{
	enum df_kind kind = df_kind_find(line->word);
	int r;

	if (kind == DF_KINDS)
		return add_arg(df, line, "", e);
	if (!*text)
		return 0;
	switch (kinds[kind].form) {
	case ONE_TEXT:
		return add_arg(df, line, text, e);
	case WORDS:
		return split_blanks(df, line, text, e);
	case JSON_OR_TEXT:
		r = parse_json(df, line, text, e);
		return r ? r : add_arg(df, line, text, e);
	case JSON_OR_WORDS:
		r = parse_json(df, line, text, e);
		return r ? r : split_blanks(df, line, text, e);
	case NAME_VALUES:
		return name_values(df, line, text, e);
	case NAMES:
		return split_quoted(df, text, &line->args, e);
	case CHECK:
		return check_form(df, line, text, e);
	case SUB:
		/* One of its own kind is refused later, with a better text; here it must only end. */
		if (strncasecmp(text, "ONBUILD", 7) == 0)
			return add_arg(df, line, text, e);
		return line_parse(df, text, &line->sub, e);
	}
	return 0;
}

int line_parse(struct dockerfile *df, const char *text, struct df_line **ret, struct err *e)
{
	const char *all = trimmed(&df->pool, text);
	struct df_line *line = pool_alloc(&df->pool, sizeof(*line));
	size_t n = 0;
	const char *rest;
	int r;

	if (!line)
		return err_oom(e);
	while (all[n] && !is_blank(all[n]))
		n++;
	line->word = pool_strn(&df->pool, all, n);
	line->original = all;
	rest = all + n;
	while (is_blank(*rest))
		rest++;
	rest = take_flags(df, line, rest, e);
	r = parse_args(df, line, trimmed(&df->pool, rest), e);
	if (r < 0)
		return r;
	*ret = line;
	return pool_error(&df->pool, e);
}
