/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a line to an instruction: its flags and the number and kind of its arguments. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/buf.h"
#include "base/names.h"
#include "base/parse.h"
#include "image/build/dockerfile.h"

#define K(kind) (1u << (kind))

enum flag_type { TEXT, TEXTS, BOOL };

static const struct flag {
	const char *name;
	enum flag_type type;
	unsigned kinds;
	size_t at;
} flags[] = {
	{ "checksum", TEXT, K(DF_ADD), offsetof(struct df_instr, checksum) },
	{ "chmod", TEXT, K(DF_ADD) | K(DF_COPY), offsetof(struct df_instr, chmod) },
	{ "chown", TEXT, K(DF_ADD) | K(DF_COPY), offsetof(struct df_instr, chown) },
	{ "device", TEXTS, K(DF_RUN), offsetof(struct df_instr, devices) },
	{ "exclude", TEXTS, K(DF_ADD) | K(DF_COPY), offsetof(struct df_instr, excludes) },
	{ "from", TEXT, K(DF_COPY), offsetof(struct df_instr, from) },
	{ "interval", TEXT, K(DF_HEALTHCHECK), offsetof(struct df_instr, interval) },
	{ "keep-git-dir", BOOL, K(DF_ADD), offsetof(struct df_instr, keep_git) },
	{ "link", BOOL, K(DF_ADD) | K(DF_COPY), offsetof(struct df_instr, link) },
	{ "mount", TEXTS, K(DF_RUN), offsetof(struct df_instr, mounts) },
	{ "network", TEXT, K(DF_RUN), offsetof(struct df_instr, network) },
	{ "parents", BOOL, K(DF_COPY), offsetof(struct df_instr, parents) },
	{ "platform", TEXT, K(DF_FROM), offsetof(struct df_instr, platform) },
	{ "retries", TEXT, K(DF_HEALTHCHECK), offsetof(struct df_instr, retries) },
	{ "security", TEXT, K(DF_RUN), offsetof(struct df_instr, security) },
	{ "start-interval", TEXT, K(DF_HEALTHCHECK), offsetof(struct df_instr, start_interval) },
	{ "start-period", TEXT, K(DF_HEALTHCHECK), offsetof(struct df_instr, start_period) },
	{ "timeout", TEXT, K(DF_HEALTHCHECK), offsetof(struct df_instr, timeout) },
	{ "unpack", BOOL, K(DF_ADD), offsetof(struct df_instr, unpack) },
};

static int invalid(struct err *e, const char *fmt, ...) _printf_(2, 3);
static int invalid(struct err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_kind(e, ERR_INVALID, -EINVAL, "%s", text);
}

static int unknown_flag(enum df_kind kind, const char *name, struct err *e)
{
	const char *known[ARRAY_SIZE(flags)];
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].kinds & K(kind))
			known[n++] = flags[i].name;
	near = nearest(name, known, n);
	return invalid(e, "unknown flag: --%.60s%s%s%s", name, near ? " (did you mean " : "", near ?: "",
		       near ? "?)" : "");
}

static int set_flag(struct pool *p, struct df_instr *in, const struct flag *f, const char *value, struct err *e)
{
	char *slot = (char *)in + f->at;

	if (f->type == BOOL) {
		enum df_tri *tri = (enum df_tri *)slot;

		if (*tri != DF_UNSET)
			return invalid(e, "duplicate flag specified: --%s", f->name);
		if (value && !*value)
			return invalid(e, "missing a value on flag: --%s", f->name);
		if (value && strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
			return invalid(e, "expecting boolean value for flag --%s, not: %.60s", f->name, value);
		*tri = value && strcasecmp(value, "false") == 0 ? DF_NO : DF_YES;
		return 0;
	}
	if (!value)
		return invalid(e, "missing a value on flag: --%s", f->name);
	if (f->type == TEXTS) {
		pool_add(p, (struct texts *)slot, value);
		return 0;
	}
	if (*(const char **)slot)
		return invalid(e, "duplicate flag specified: --%s", f->name);
	*(const char **)slot = value;
	return 0;
}

static int parse_flags(struct pool *p, struct df_instr *in, struct err *e)
{
	const struct texts *given = &in->line->flags;

	for (size_t i = 0; i < given->n; i++) {
		const char *text = given->v[i] + 2, *sign = strchr(text, '=');
		const char *name = sign ? pool_strn(p, text, (size_t)(sign - text)) : text;
		const struct flag *found = NULL;
		int r;

		for (size_t j = 0; j < ARRAY_SIZE(flags) && !found; j++)
			if ((flags[j].kinds & K(in->kind)) && streq(flags[j].name, name))
				found = &flags[j];
		if (!found)
			return unknown_flag(in->kind, name, e);
		r = set_flag(p, in, found, sign ? sign + 1 : NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int at_least_one(const struct df_instr *in, struct err *e)
{
	if (in->line->args.n == 0 && !in->line->sub)
		return invalid(e, "%s requires at least one argument", df_kind_name(in->kind));
	return 0;
}

static int exactly_one(const struct df_instr *in, struct err *e)
{
	if (in->line->args.n != 1)
		return invalid(e, "%s requires exactly one argument", df_kind_name(in->kind));
	return 0;
}

static void add_pair(struct pool *p, struct df_instr *in, struct df_pair pair)
{
	struct df_pair **end = &in->pairs;
	struct df_pair *copy = pool_alloc(p, sizeof(*copy));

	while (*end)
		end = &(*end)->next;
	if (copy)
		*copy = pair;
	*end = copy;
}

static int parse_pairs(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	const struct texts *a = &in->line->args;
	int r = at_least_one(in, e);

	for (size_t i = 0; i + 2 < a->n && r >= 0; i += 3) {
		if (!*a->v[i])
			return invalid(e, "%s names can not be blank", df_kind_name(in->kind));
		add_pair(&df->pool, in,
			 (struct df_pair){ .name = a->v[i], .value = a->v[i + 1], .blank = !*a->v[i + 2] });
	}
	return r;
}

static int parse_arg(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	const struct texts *a = &in->line->args;
	int r = at_least_one(in, e);

	for (size_t i = 0; i < a->n && r >= 0; i++) {
		const char *sign = strchr(a->v[i], '=');

		if (sign == a->v[i])
			return invalid(e, "ARG names can not be blank");
		add_pair(&df->pool, in,
			 (struct df_pair){ .name = sign ? pool_strn(&df->pool, a->v[i], (size_t)(sign - a->v[i]))
							: a->v[i],
					   .value = sign ? sign + 1 : NULL });
	}
	return r;
}

static bool valid_stage_name(const char *s)
{
	if (*s < 'a' || *s > 'z')
		return false;
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

static int parse_from(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	const struct texts *a = &in->line->args;

	if (a->n != 1 && !(a->n == 3 && strcasecmp(a->v[1], "as") == 0))
		return invalid(e, "FROM requires either one or three arguments");
	pool_add(&df->pool, &in->args, a->v[0]);
	if (a->n == 3) {
		char *name = pool_alloc(&df->pool, strlen(a->v[2]) + 1);

		for (size_t i = 0; name && a->v[2][i]; i++)
			name[i] = (char)tolower((unsigned char)a->v[2][i]);
		if (!name || !valid_stage_name(name))
			return invalid(e,
				       "invalid name for build stage: \"%.60s\", name can't start with a number or "
				       "contain symbols",
				       a->v[2]);
		pool_add(&df->pool, &in->args, name);
	}
	return pool_error(&df->pool, e);
}

/* Here documents among the sources, with what they hold. */
static int add_source(struct dockerfile *df, struct df_instr *in, const char *word, struct err *e)
{
	struct df_heredoc *h, **end = &in->files;
	struct err unused = { 0 };

	if (in->json || heredoc_from_word(&df->pool, word, &h, &unused) < 0 || !h) {
		pool_add(&df->pool, &in->args, word);
		return 0;
	}
	for (const struct df_heredoc *body = in->line->heredocs; body; body = body->next)
		if (streq(body->name, h->name))
			h->content = body->content;
	h->content = heredoc_text(&df->pool, h);
	while (*end)
		end = &(*end)->next;
	*end = h;
	return 0;
}

static int parse_copy(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	const struct texts *a = &in->line->args;
	struct df_heredoc *h = NULL;
	struct err unused = { 0 };
	int r = 0;

	if (a->n < 2)
		return invalid(e,
			       "%s requires at least two arguments, but only one was provided. Destination could not "
			       "be determined",
			       df_kind_name(in->kind));
	in->dest = a->v[a->n - 1];
	if (!in->json && heredoc_from_word(&df->pool, in->dest, &h, &unused) >= 0 && h)
		return invalid(e, "%s cannot accept a heredoc as a destination", df_kind_name(in->kind));
	for (size_t i = 0; i + 1 < a->n && r >= 0; i++)
		r = add_source(df, in, a->v[i], e);
	return r;
}

static int parse_command(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	(void)df;
	(void)e;
	in->args = in->line->args;
	in->files = in->line->heredocs;
	return 0;
}

static int parse_run(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	int r = parse_command(df, in, e);

	if (r >= 0 && in->args.n == 0)
		return at_least_one(in, e);
	for (size_t i = 0; i < in->mounts.n && r >= 0; i++) {
		struct df_mount unused;

		r = mount_parse(in->mounts.v[i], NULL, &df->pool, &unused, e);
	}
	if (r >= 0 && in->network && !streq(in->network, "default") && !streq(in->network, "none") &&
	    !streq(in->network, "host"))
		return invalid(e, "invalid network mode \"%.40s\": it is default, none or host", in->network);
	if (r >= 0 && in->security && !streq(in->security, "sandbox") && !streq(in->security, "insecure"))
		return invalid(e, "invalid security mode \"%.40s\": it is sandbox or insecure", in->security);
	return r;
}

static int parse_shell(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	if (in->line->args.n == 0)
		return at_least_one(in, e);
	if (!in->json)
		return invalid(e, "SHELL requires the arguments to be in JSON form");
	return parse_command(df, in, e);
}

static int parse_single(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	int r = exactly_one(in, e);

	(void)df;
	in->args = in->line->args;
	return r;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int parse_expose(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	int r = at_least_one(in, e);

	for (size_t i = 0; i < in->line->args.n; i++)
		pool_add(&df->pool, &in->args, in->line->args.v[i]);
	if (r >= 0 && in->args.n > 1)
		qsort(in->args.v, in->args.n, sizeof(*in->args.v), by_text);
	return r;
}

static int parse_volume(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	int r = at_least_one(in, e);

	(void)df;
	for (size_t i = 0; i < in->line->args.n && r >= 0; i++)
		if (in->line->args.v[i][strspn(in->line->args.v[i], " \t")] == '\0')
			return invalid(e, "VOLUME specified can not be an empty string");
	in->args = in->line->args;
	return r;
}

/* 1h2m3.5s, as Go writes and reads it, in nanoseconds. */
static int parse_duration(const char *name, const char *s, int64_t *ret, struct err *e)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ns", 1 },   { "us", 1e3 }, { "\xc2\xb5s", 1e3 }, { "\xce\xbcs", 1e3 },
		      { "ms", 1e6 }, { "s", 1e9 },  { "m", 60e9 },	  { "h", 3600e9 } };
	double total = 0;
	const char *p = s;

	if (!s)
		return 0;
	if (!*s)
		return 0;
	if (streq(s, "0"))
		return 0;
	while (*p) {
		size_t n = strspn(p, "0123456789."), i = ARRAY_SIZE(units), len = 0;
		double value = 0;

		char *end = NULL;

		if (n > 0 && n <= 20)
			value = strtod(p, &end);
		/* Of more than one point it takes only a part; an exponent would be a letter. */
		if (end != p + n)
			return invalid(e, "invalid duration \"%.40s\" of --%s", s, name);
		for (size_t j = 0; j < ARRAY_SIZE(units); j++)
			if (startswith(p + n, units[j].unit) && strlen(units[j].unit) > len) {
				len = strlen(units[j].unit);
				i = j;
			}
		if (i == ARRAY_SIZE(units))
			return invalid(e, "missing unit in duration \"%.40s\" of --%s", s, name);
		total += value * units[i].ns;
		p += n + len;
	}
	if (total > 9e18)
		return invalid(e, "duration \"%.40s\" of --%s is too long", s, name);
	if (total > 0 && total < 1e6)
		return invalid(e, "Interval \"%s\" cannot be less than 1ms", name);
	*ret = (int64_t)total;
	return 0;
}

static int parse_health_numbers(struct df_instr *in, struct err *e)
{
	int r = parse_duration("interval", in->interval, &in->health.interval, e);

	if (r >= 0)
		r = parse_duration("timeout", in->timeout, &in->health.timeout, e);
	if (r >= 0)
		r = parse_duration("start-period", in->start_period, &in->health.start_period, e);
	if (r >= 0)
		r = parse_duration("start-interval", in->start_interval, &in->health.start_interval, e);
	if (r < 0 || isempty(in->retries))
		return r;
	if (parse_i32(in->retries, &in->health.retries) < 0)
		return invalid(e, "invalid number \"%.40s\" of --retries", in->retries);
	if (in->health.retries < 0)
		return invalid(e, "--retries cannot be negative (%d)", in->health.retries);
	return 0;
}

static int parse_health(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	const struct texts *a = &in->line->args;
	int r = at_least_one(in, e);

	if (r < 0)
		return r;
	if (strcasecmp(a->v[0], "NONE") == 0) {
		if (a->n > 1)
			return invalid(e, "HEALTHCHECK NONE takes no arguments");
		pool_add(&df->pool, &in->health.test, "NONE");
		return 0;
	}
	if (strcasecmp(a->v[0], "CMD") != 0)
		return invalid(e, "Unknown type \"%.40s\" in HEALTHCHECK (try CMD)", a->v[0]);
	if (a->n == 1)
		return invalid(e, "Missing command after HEALTHCHECK CMD");
	pool_add(&df->pool, &in->health.test, in->json ? "CMD" : "CMD-SHELL");
	for (size_t i = 1; i < a->n; i++)
		pool_add(&df->pool, &in->health.test, a->v[i]);
	return parse_health_numbers(in, e);
}

/* What is kept of it is text: its here documents too. */
static int parse_onbuild(struct dockerfile *df, struct df_instr *in, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *word = in->line->sub ? in->line->sub->word : in->line->args.n ? in->line->args.v[0] : "";
	int r = at_least_one(in, e);

	if (r < 0)
		return r;
	if (!in->line->sub)
		return invalid(e, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	switch (df_kind_find(word)) {
	case DF_MAINTAINER:
	case DF_FROM:
		return invalid(e, "%s isn't allowed as an ONBUILD trigger", df_kind_name(df_kind_find(word)));
	case DF_KINDS:
		return invalid(e, "unknown instruction: %.60s", word);
	default:
		break;
	}
	buf_puts(&text, in->line->sub->original);
	for (const struct df_heredoc *h = in->line->heredocs; h; h = h->next)
		buf_printf(&text, "\n%s%s", h->content, h->name);
	r = buf_error(&text, e);
	if (r >= 0)
		pool_add(&df->pool, &in->args, pool_str(&df->pool, buf_str(&text)));
	return r;
}

static int (*const parsers[DF_KINDS])(struct dockerfile *, struct df_instr *, struct err *) = {
	[DF_ADD] = parse_copy,
	[DF_ARG] = parse_arg,
	[DF_CMD] = parse_command,
	[DF_COPY] = parse_copy,
	[DF_ENTRYPOINT] = parse_command,
	[DF_ENV] = parse_pairs,
	[DF_EXPOSE] = parse_expose,
	[DF_FROM] = parse_from,
	[DF_HEALTHCHECK] = parse_health,
	[DF_LABEL] = parse_pairs,
	[DF_MAINTAINER] = parse_single,
	[DF_ONBUILD] = parse_onbuild,
	[DF_RUN] = parse_run,
	[DF_SHELL] = parse_shell,
	[DF_STOPSIGNAL] = parse_single,
	[DF_USER] = parse_single,
	[DF_VOLUME] = parse_volume,
	[DF_WORKDIR] = parse_single,
};

static int unknown(const char *word, struct err *e)
{
	const char *names[DF_KINDS];
	char upper[32] = "";
	const char *near;

	for (enum df_kind k = 0; k < DF_KINDS; k++)
		names[k] = df_kind_name(k);
	for (size_t i = 0; word[i] && i + 1 < sizeof(upper); i++)
		upper[i] = (char)toupper((unsigned char)word[i]);
	near = nearest(upper, names, DF_KINDS);
	return invalid(e, "unknown instruction: %.60s%s%s%s", word, near ? " (did you mean " : "", near ?: "",
		       near ? "?)" : "");
}

int instr_parse(struct dockerfile *df, const struct df_line *line, struct df_instr **ret, struct err *e)
{
	struct df_instr *in = pool_alloc(&df->pool, sizeof(*in));
	int r;

	if (!in)
		return err_oom(e);
	in->kind = df_kind_find(line->word);
	if (in->kind == DF_KINDS)
		return unknown(line->word, e);
	for (size_t i = 0; i < line->args.n; i++)
		if (line->json && strstr(line->args.v[i], DF_NUL))
			return invalid(e, "a string of the JSON array has a NUL byte");
	in->line = line;
	in->text = line->original;
	in->json = line->json;
	r = parse_flags(&df->pool, in, e);
	if (r >= 0)
		r = parsers[in->kind](df, in, e);
	*ret = in;
	return r < 0 ? r : pool_error(&df->pool, e);
}

int dockerfile_trigger(struct dockerfile *df, const char *text, struct df_instr **ret, struct err *e)
{
	struct dockerfile one = { .pool = df->pool };
	int r = dockerfile_lines(&one, text, strlen(text), e);

	if (r >= 0 && one.lines->next)
		r = invalid(e, "a trigger is one instruction");
	if (r >= 0)
		r = instr_parse(&one, one.lines, ret, e);
	df->pool = one.pool;
	return r < 0 ? err_wrap(e, r, "ONBUILD %.100s", text) : 0;
}
