/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What may be meant otherwise than it is written: the checks of BuildKit, by their names and in their words.
 */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/names.h"
#include "image/build/check.h"
#include "image/build/ignore.h"
#include "image/build/words.h"

/* Whether the list of KEY in "skip=A,B;error=true" has RULE, or is "all". */
static bool option_has(const char *options, const char *key, const char *rule)
{
	for (const char *p = options; p && *p; p += *p == ';') {
		size_t n = strlen(key), end = strcspn(p, ";");
		const char *at, *stop = p + end;

		p += strspn(p, " \t");
		at = strncasecmp(p, key, n) == 0 && p[n] == '=' ? p + n + 1 : stop;
		while (at < stop) {
			size_t one;

			at += strspn(at, " \t,");
			one = strcspn(at, " \t,;");
			if ((one == strlen(rule) && strncasecmp(at, rule, one) == 0) ||
			    (one == 3 && strncasecmp(at, "all", one) == 0))
				return true;
			at += one + !one;
		}
		p = stop;
	}
	return false;
}

/* Of "check=…" above an instruction, what is behind the sign. */
static const char *options_above(const char *comment)
{
	const char *p = strncasecmp(comment, "check", 5) == 0 ? comment + 5 : "";

	p += strspn(p, " \t");
	return *p == '=' ? p + 1 + strspn(p + 1, " \t") : NULL;
}

static bool is_wanted(const struct checking *c, const struct df_line *line, const char *rule)
{
	bool experimental = streq(rule, "InvalidDefinitionDescription");
	const char *key = experimental ? "experimental" : "skip";
	bool said = option_has(c->df->check, key, rule);

	for (size_t i = 0; line && i < line->comments.n; i++) {
		const char *above = options_above(line->comments.v[i]);

		said = said || option_has(above, key, rule);
	}
	return said == experimental;
}

void check_found(struct checking *c, const struct df_line *line, const char *rule, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct df_finding *f, **at = c->list;
	va_list ap;

	if (!is_wanted(c, line, rule))
		return;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	f = pool_alloc(&c->df->pool, sizeof(*f));
	if (!f || buf_error(&text, NULL) < 0) {
		c->r = err_oom(c->e);
		return;
	}
	f->rule = rule;
	f->text = pool_str(&c->df->pool, buf_str(&text));
	f->first = line ? line->first : 0;
	f->last = line ? line->last : 0;
	while (*at && (*at)->first <= f->first)
		at = &(*at)->next;
	f->next = *at;
	*at = f;
	(*c->n)++;
}

static bool has_case(const char *s, int (*is)(int))
{
	for (; *s; s++)
		if (is((unsigned char)*s))
			return true;
	return false;
}

static void casing(struct checking *c)
{
	size_t upper = 0, lower = 0;
	bool to_lower;

	for (const struct df_line *l = c->df->lines; l; l = l->next) {
		upper += !has_case(l->word, islower);
		lower += !has_case(l->word, isupper);
	}
	to_lower = lower > upper;
	for (const struct df_line *l = c->df->lines; l; l = l->next)
		if (has_case(l->word, to_lower ? isupper : islower))
			check_found(c, l, "ConsistentInstructionCasing",
				    "Command '%s' should match the case of the command majority (%s)", l->word,
				    to_lower ? "lowercase" : "uppercase");
}

/* The comment above an ARG or a FROM describes it, and begins with a name of its: NAME or one of PAIRS. */
static void description(struct checking *c, const struct df_line *line, const char *name, const struct df_pair *pairs)
{
	const char *text = line->comments.n ? line->comments.v[line->comments.n - 1] : NULL;
	size_t n = text ? strcspn(text, " ") : 0;
	bool several = pairs && pairs->next;

	if (!text || !name)
		return;
	do {
		if (strlen(pairs ? pairs->name : name) == n && strncmp(pairs ? pairs->name : name, text, n) == 0)
			return;
		pairs = pairs ? pairs->next : NULL;
	} while (pairs);
	check_found(c, line, "InvalidDefinitionDescription",
		    "Comment for %s should follow the format: `# %s <description>`",
		    df_kind_name(df_kind_find(line->word)), several ? "<arg_key>" : name);
}

/* --- FROM ----------------------------------------------------------------------------------------------------------------------- */

/* The variables before the first FROM as they are when nobody gives one a value. */
static const char *default_of(void *arg, const char *name)
{
	static const char *const of[] = { "TARGET", "BUILD" };
	static const char *const what[] = { "PLATFORM", "OS", "ARCH", "VARIANT", "STAGE" };
	const struct strv *values = arg;
	const char *value = strv_env_get(values, name);

	for (size_t i = 0; i < ARRAY_SIZE(of) && !value; i++)
		for (size_t k = 0; k < ARRAY_SIZE(what) && startswith(name, of[i]); k++)
			if (streq(startswith(name, of[i]), what[k]))
				value = "x";
	return value;
}

static void defaults(struct checking *c, struct strv *ret)
{
	const struct words w = { .escape = c->df->escape, .get = default_of, .arg = ret };

	for (const struct df_instr *in = c->df->meta; in && c->r >= 0; in = in->next)
		for (const struct df_pair *p = in->pairs; p && c->r >= 0; p = p->next) {
			_cleanup_free_ char *value = NULL, *assignment = NULL;

			if (!p->value || words_expand(&w, p->value, &value, NULL) < 0)
				continue;
			if (asprintf(&assignment, "%s=%s", p->name, value) < 0)
				c->r = err_oom(c->e);
			else
				c->r = strv_env_set(ret, assignment, c->e);
		}
}

static void undeclared(struct checking *c, const struct strv *unset)
{
	static const char *const automatic[] = { "TARGETPLATFORM", "BUILDPLATFORM", "TARGETARCH", "BUILDARCH",
						 "TARGETOS" };
	struct texts names = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(automatic); i++)
		pool_add(&c->df->pool, &names, automatic[i]);
	for (const struct df_instr *in = c->df->meta; in; in = in->next)
		for (const struct df_pair *p = in->pairs; p; p = p->next)
			pool_add(&c->df->pool, &names, p->name);
	for (size_t i = 0; i < unset->n; i++) {
		const char *near = nearest(unset->v[i], names.v, names.n);

		if (pool_find(&names, unset->v[i]) >= 0)
			continue;
		check_found(c, c->st->line, "UndefinedArgInFrom", "FROM argument '%s' is not declared%s%s%s",
			    unset->v[i], near ? " (did you mean " : "", near ?: "", near ? "?)" : "");
	}
}

/* As far as can be seen without knowing any. */
static bool may_be_image(const char *name)
{
	size_t n = strlen(name);

	return n && !strchr(":/@-._", name[0]) && !strchr(":/@-._", name[n - 1]) && !strstr(name, "//") &&
	       !strstr(name, "::");
}

static void from_variables(struct checking *c, const struct strv *values)
{
	const char *texts[] = { c->st->base, c->st->platform };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_strv_ struct strv unset = STRV_INIT;
		const struct words w = {
			.escape = c->df->escape, .get = default_of, .arg = (void *)values, .unset = &unset
		};
		_cleanup_free_ char *value = NULL;

		if (!texts[i] || words_expand(&w, texts[i], &value, NULL) < 0)
			continue;
		undeclared(c, &unset);
		if (i == 0 && !may_be_image(value))
			check_found(c, c->st->line, "InvalidDefaultArgInFrom",
				    "Default value for ARG %s results in empty or invalid base image name",
				    c->st->base);
	}
}

/* FROM IMAGE AS NAME, as it is written. */
static void stage_name(struct checking *c)
{
	const struct df_line *l = c->st->line;
	const char *as = l->args.n > 2 ? l->args.v[1] : NULL, *name = as ? l->args.v[2] : NULL;

	if (!as || strcasecmp(as, "as") != 0)
		return;
	if (has_case(l->word, islower) != has_case(as, islower))
		check_found(c, l, "FromAsCasing", "'%s' and '%s' keywords' casing do not match", as, l->word);
	if (has_case(name, isupper))
		check_found(c, l, "StageNameCasing", "Stage name '%s' should be lowercase", name);
	if (strcasecmp(name, "scratch") == 0 || strcasecmp(name, "context") == 0)
		check_found(c, l, "ReservedStageName",
			    "Stage name should not use the same name as reserved stage \"%s\"", c->st->name);
	for (size_t i = 0; i < c->st->index; i++)
		if (c->df->stages[i]->name && streq(c->df->stages[i]->name, c->st->name)) {
			check_found(c, l, "DuplicateStageName",
				    "Duplicate stage name \"%s\", stage names should be unique", c->st->name);
			return;
		}
}

/* The stage is called after the system or the processor. */
static bool names_platform(const char *stage, const char *p)
{
	while (stage && *p) {
		size_t n = strcspn(p, "/");
		const char *found = n ? memmem(stage, strlen(stage), p, n) : NULL;

		if (found)
			return true;
		p += n + (p[n] == '/');
	}
	return false;
}

static void platform(struct checking *c)
{
	const char *p = c->st->platform;

	if (!p)
		return;
	if (streq(p, "$TARGETPLATFORM") || streq(p, "${TARGETPLATFORM}"))
		check_found(c, c->st->line, "RedundantTargetPlatform",
			    "Setting platform to predefined %s in FROM is redundant as this is the default behavior",
			    p);
	else if (!strchr(p, '$') && !names_platform(c->st->name, p))
		check_found(c, c->st->line, "FromPlatformFlagConstDisallowed",
			    "FROM --platform flag should not use constant value \"%s\"", p);
}

/* --- what is in a stage ------------------------------------------------------------------------------------------------------- */

/* One of the words, between the beginning, underscores and the end. */
static bool is_secret(const char *name)
{
	static const char *const words[] = { "apikey",	 "auth",  "credential", "credentials", "key",
					     "password", "pword", "passwd",	"secret",      "token" };
	static const char *const harmless[] = { "public", "file", "version" };
	bool secret = false;

	while (*name) {
		size_t n = strcspn(name, "_");

		for (size_t i = 0; i < ARRAY_SIZE(harmless); i++)
			if (strlen(harmless[i]) == n && strncasecmp(harmless[i], name, n) == 0)
				return false;
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			secret |= strlen(words[i]) == n && strncasecmp(words[i], name, n) == 0;
		name += n + (name[n] == '_');
	}
	return secret;
}

static void pairs(struct checking *c, const struct df_instr *in)
{
	bool legacy = false;

	for (const struct df_pair *p = in->pairs; p; p = p->next) {
		legacy |= p->blank;
		if ((in->kind == DF_ARG || in->kind == DF_ENV) && is_secret(p->name))
			check_found(c, in->line, "SecretsUsedInArgOrEnv",
				    "Do not use ARG or ENV instructions for sensitive data (%s \"%s\")",
				    df_kind_name(in->kind), p->name);
	}
	if (legacy)
		check_found(c, in->line, "LegacyKeyValueFormat",
			    "\"%s key=value\" should be used instead of legacy \"%s key value\" format",
			    df_kind_name(in->kind), df_kind_name(in->kind));
}

static void ports(struct checking *c, const struct df_instr *in)
{
	for (size_t i = 0; i < in->args.n; i++) {
		const char *port = in->args.v[i], *proto = strchr(port, '/');

		if (proto && has_case(proto, isupper))
			check_found(c, in->line, "ExposeProtoCasing",
				    "Defined protocol '%s' in EXPOSE instruction should be lowercase", port);
		if (strchr(port, ':'))
			check_found(
				c, in->line, "ExposeInvalidFormat",
				"EXPOSE instruction should not define an IP address or host-port mapping, found '%s'",
				port);
	}
}

/* What is left out may be let in again by an exception below it: then nothing can be said. */
static void sources(struct checking *c, const struct df_instr *in)
{
	const struct ignore *ignore = c->o->ignore;

	for (size_t i = 0; i < in->args.n && !in->from && ignore && !ignore->exceptions; i++) {
		_cleanup_free_ char *clean = path_clean(in->args.v[i]);
		const char *src = clean ? clean + (*clean == '/') : "";
		bool all = !*src || streq(src, ".");

		if (strpbrk(src, "*?[$:"))
			continue;
		/* All that lies in the context, whatever it is. */
		if (all ? ignore_match(ignore, "\x01") && ignore_match(ignore, ".\x01") : ignore_match(ignore, src))
			check_found(c, in->line, "CopyIgnoredFile",
				    "Attempting to %s file \"%s\" that is excluded by .dockerignore",
				    in->kind == DF_ADD ? "Add" : "Copy", all ? "." : src);
	}
}

/* Of CMD, ENTRYPOINT and HEALTHCHECK the last one counts. */
static void repeated(struct checking *c, const struct df_instr *in)
{
	for (const struct df_instr *later = in->next; later; later = later->next)
		if (later->kind == in->kind) {
			check_found(
				c, in->line, "MultipleInstructionsDisallowed",
				"Multiple %s instructions should not be used in the same stage because only the last "
				"one will be used",
				df_kind_name(in->kind));
			return;
		}
}

static void instruction(struct checking *c, const struct df_instr *in, bool *shell, bool *rooted)
{
	switch (in->kind) {
	case DF_MAINTAINER:
		check_found(c, in->line, "MaintainerDeprecated",
			    "Maintainer instruction is deprecated in favor of using label");
		break;
	case DF_ARG:
		description(c, in->line, in->pairs ? in->pairs->name : NULL, in->pairs);
		pairs(c, in);
		break;
	case DF_ENV:
	case DF_LABEL:
		pairs(c, in);
		break;
	case DF_EXPOSE:
		ports(c, in);
		break;
	case DF_COPY:
	case DF_ADD:
		sources(c, in);
		break;
	case DF_SHELL:
		*shell = true;
		break;
	case DF_WORKDIR:
		if (in->args.n && *in->args.v[0] != '/' && *in->args.v[0] != '$' && !*rooted)
			check_found(c, in->line, "WorkdirRelativePath",
				    "Relative workdir \"%s\" can have unexpected results if the base image changes",
				    in->args.v[0]);
		*rooted = true;
		break;
	case DF_CMD:
	case DF_ENTRYPOINT:
		if (!in->json && !*shell)
			check_found(c, in->line, "JSONArgsRecommended",
				    "JSON arguments recommended for %s to prevent unintended behavior related to OS "
				    "signals",
				    df_kind_name(in->kind));
		repeated(c, in);
		break;
	case DF_HEALTHCHECK:
		repeated(c, in);
		break;
	default:
		break;
	}
}

int dockerfile_check(struct dockerfile *df, const struct df_check_opts *o, struct df_finding **ret, size_t *ret_n,
		     struct err *e)
{
	struct checking c = { .df = df, .o = o, .list = ret, .n = ret_n, .e = e };
	_cleanup_strv_ struct strv values = STRV_INIT;

	*ret = NULL;
	*ret_n = 0;
	for (const struct df_line *l = df->lines; l; l = l->next)
		if (l->gap)
			check_found(&c, l, "NoEmptyContinuation", "Empty continuation line");
	casing(&c);
	defaults(&c, &values);
	for (const struct df_instr *in = df->meta; in; in = in->next) {
		pairs(&c, in);
		description(&c, in->line, in->pairs ? in->pairs->name : NULL, in->pairs);
	}
	for (size_t i = 0; i < df->n_stages; i++) {
		bool shell = false, rooted = false;

		c.st = df->stages[i];
		/* What it begins from may have said which shell, and where it works. */
		for (long k = c.st->base_stage; k >= 0; k = df->stages[k]->base_stage)
			for (const struct df_instr *in = df->stages[k]->instrs; in; in = in->next) {
				shell |= in->kind == DF_SHELL;
				rooted |= in->kind == DF_WORKDIR;
			}
		stage_name(&c);
		description(&c, c.st->line, c.st->name, NULL);
		platform(&c);
		from_variables(&c, &values);
		for (const struct df_instr *in = c.st->instrs; in; in = in->next)
			instruction(&c, in, &shell, &rooted);
	}
	check_variables(&c);
	return c.r;
}

bool dockerfile_check_is_error(const struct dockerfile *df)
{
	return df->check && strstr(df->check, "error=true");
}

/* "StageNameCasing" is "stage-name-casing" there. */
void finding_print(const struct dockerfile *df, const struct df_finding *f, const char *file, struct buf *out)
{
	buf_printf(out, "WARNING: %s - https://docs.docker.com/go/dockerfile/rule/", f->rule);
	for (const char *p = f->rule; *p; p++) {
		bool begins = isupper((unsigned char)*p) && p != f->rule &&
			      (islower((unsigned char)p[-1]) || islower((unsigned char)p[1]));

		if (begins)
			buf_putc(out, '-');
		buf_putc(out, (char)tolower((unsigned char)*p));
	}
	buf_printf(out, "/\n%s\n", f->text);
	if (!f->first) {
		buf_putc(out, '\n');
		return;
	}
	buf_printf(out, "%s:%u\n--------------------\n", file, f->first);
	for (const struct df_line *l = df->lines; l; l = l->next)
		if (l->first + 1 >= f->first && l->first <= f->last + 1)
			buf_printf(out, "%4u | %s %s\n", l->first, l->first == f->first ? ">>>" : "   ", l->original);
	buf_puts(out, "--------------------\n\n");
}
