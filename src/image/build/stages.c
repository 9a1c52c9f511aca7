/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which stage rests on which, and which of them the target needs. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/names.h"
#include "base/parse.h"
#include "image/build/dockerfile.h"
#include "image/build/words.h"

struct scope {
	struct dockerfile *df;
	const struct df_plan_opts *o;
	struct strv values; /* NAME=VALUE of the ARGs before the first FROM */
};

/* TARGETPLATFORM and its relatives. */
static const char *platform_value(const struct df_plan_opts *o, const char *name, struct pool *p)
{
	const char *of = startswith(name, "TARGET"), *platform = o->platform, *os, *arch;

	if (!of) {
		of = startswith(name, "BUILD");
		platform = o->build_platform;
	}
	if (!of || !platform)
		return NULL;
	os = strchrnul(platform, '/');
	arch = *os ? strchrnul(os + 1, '/') : os;
	if (streq(of, "PLATFORM"))
		return platform;
	if (streq(of, "OS"))
		return pool_strn(p, platform, (size_t)(os - platform));
	if (streq(of, "ARCH"))
		return *os ? pool_strn(p, os + 1, (size_t)(arch - os - 1)) : "";
	if (streq(of, "VARIANT"))
		return *arch ? arch + 1 : "";
	return NULL;
}

static const char *lookup(void *arg, const char *name)
{
	struct scope *s = arg;
	const char *v = strv_env_get(&s->values, name);
	const char *last = s->df->n_stages ? s->df->stages[s->df->n_stages - 1]->name : NULL;

	if (!v && streq(name, "TARGETSTAGE"))
		v = isempty(s->o->target) ? last ?: "default" : s->o->target;
	return v ?: platform_value(s->o, name, &s->df->pool);
}

static int global_args(struct scope *s, struct err *e)
{
	const struct words w = { .escape = s->df->escape, .get = lookup, .arg = s };

	for (const struct df_instr *in = s->df->meta; in; in = in->next)
		for (const struct df_pair *pair = in->pairs; pair; pair = pair->next) {
			const char *given = s->o->build_args ? strv_env_get(s->o->build_args, pair->name) : NULL;
			_cleanup_free_ char *value = NULL, *assignment = NULL;
			int r = 0;

			if (!given && pair->value)
				r = words_expand(&w, pair->value, &value, e);
			if (r < 0)
				return dockerfile_error(s->df, in->line, r, e);
			if (!given && !value)
				continue;
			if (asprintf(&assignment, "%s=%s", pair->name, given ?: value) < 0)
				return err_oom(e);
			r = strv_env_set(&s->values, assignment, e);
			if (r < 0)
				return r;
		}
	return 0;
}

const char *dockerfile_global(const struct dockerfile *df, const struct df_plan_opts *o, const char *name,
			      struct pool *p)
{
	struct dockerfile copy = *df;
	struct scope s = { .df = &copy, .o = o };
	const char *v;

	copy.pool = *p;
	v = global_args(&s, NULL) < 0 ? NULL : lookup(&s, name);
	v = v ? pool_str(&copy.pool, v) : NULL;
	*p = copy.pool;
	strv_done(&s.values);
	return v;
}

long dockerfile_stage(const struct dockerfile *df, const char *word, size_t before)
{
	uint32_t n;

	/* Of two with one name, the later one. */
	for (size_t i = before; i-- > 0;)
		if (df->stages[i]->name && strcasecmp(df->stages[i]->name, word) == 0)
			return (long)i;
	return parse_u32(word, &n) >= 0 && n < before ? (long)n : -1;
}

static int resolve_base(struct scope *s, struct df_stage *stage, struct err *e)
{
	const struct words w = { .escape = s->df->escape, .get = lookup, .arg = s };
	_cleanup_free_ char *base = NULL, *platform = NULL;
	int r = words_expand(&w, stage->base, &base, e);

	if (r >= 0 && stage->platform)
		r = words_expand(&w, stage->platform, &platform, e);
	if (r >= 0 && platform && !*platform)
		r = err_kind(e, ERR_INVALID, -EINVAL, "empty platform value from expression %s", stage->platform);
	if (r >= 0 && !*base)
		r = err_kind(e, ERR_INVALID, -EINVAL, "base name (%s) should not be blank", stage->base);
	if (r < 0)
		return dockerfile_error(s->df, stage->line, r, e);
	stage->platform_is = platform ? pool_str(&s->df->pool, platform) : NULL;
	/* A number names no base: FROM 0 is an image. */
	stage->base_stage = isdigit((unsigned char)*base) ? -1 : dockerfile_stage(s->df, base, stage->index);
	if (s->o->contexts && strv_has(s->o->contexts, base))
		stage->base_stage = -1;
	if (stage->base_stage >= 0)
		stage->uses[stage->base_stage] = true;
	else
		stage->base_image = pool_str(&s->df->pool, base);
	return 0;
}

static int use(struct scope *s, struct df_stage *stage, const struct df_instr *in, const char *from, struct err *e)
{
	long i, later;
	uint32_t n;
	int r;

	if (!from || (s->o->contexts && strv_has(s->o->contexts, from)))
		return 0;
	if (strchr(from, '$')) {
		r = err_kind(
			e, ERR_INVALID, -EINVAL,
			"variable expansion is not supported for --from, define a new stage with FROM using ARG from "
			"global scope as a workaround");
		return dockerfile_error(s->df, in->line, r, e);
	}
	i = dockerfile_stage(s->df, from, stage->index);
	if (i >= 0) {
		stage->uses[i] = true;
		return 0;
	}
	later = dockerfile_stage(s->df, from, s->df->n_stages);
	if (later > (long)stage->index && parse_u32(from, &n) < 0) {
		char number[16];

		snprintf(number, sizeof(number), "%u", stage->index);
		r = err_kind(e, ERR_INVALID, -EINVAL,
			     "cannot copy from stage \"%s\", it needs to be defined before current stage \"%s\"", from,
			     stage->name ?: number);
		return dockerfile_error(s->df, in->line, r, e);
	}
	if (parse_u32(from, &n) >= 0 || later >= 0) {
		r = err_kind(e, ERR_INVALID, -EINVAL, "invalid from flag value %s: it names no stage before this one",
			     from);
		return dockerfile_error(s->df, in->line, r, e);
	}
	return 0;
}

static int use_all(struct scope *s, struct df_stage *stage, const struct df_instr *in, struct err *e)
{
	int r = use(s, stage, in, in->from, e);

	for (size_t i = 0; i < in->mounts.n && r >= 0; i++) {
		struct df_mount m;

		r = mount_parse(in->mounts.v[i], NULL, &s->df->pool, &m, e);
		if (r >= 0)
			r = use(s, stage, in, m.from, e);
	}
	return r;
}

static int resolve_uses(struct scope *s, struct df_stage *stage, struct err *e)
{
	const struct df_stage *base = stage->base_stage >= 0 ? s->df->stages[stage->base_stage] : NULL;
	int r = 0;

	/* The triggers of a base that is a stage are executed in this one. */
	for (const struct df_instr *in = base ? base->instrs : NULL; in && r >= 0; in = in->next) {
		struct df_instr *trigger;

		if (in->kind != DF_ONBUILD)
			continue;
		r = dockerfile_trigger(s->df, in->args.v[0], &trigger, e);
		if (r >= 0)
			r = use_all(s, stage, trigger, e);
	}
	for (const struct df_instr *in = stage->instrs; in && r >= 0; in = in->next)
		r = use_all(s, stage, in, e);
	return r;
}

static int find_target(const struct dockerfile *df, const char *target, size_t *ret, struct err *e)
{
	const char *names[64];
	const char *near;
	size_t n = 0;
	long i;

	*ret = df->n_stages - 1;
	if (isempty(target))
		return 0;
	i = dockerfile_stage(df, target, df->n_stages);
	if (i >= 0) {
		*ret = (size_t)i;
		return 0;
	}
	for (size_t j = 0; j < df->n_stages && n < ARRAY_SIZE(names); j++)
		if (df->stages[j]->name)
			names[n++] = df->stages[j]->name;
	near = nearest(target, names, n);
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "target stage \"%.60s\" could not be found%s%s%s", target,
			near ? " (did you mean " : "", near ?: "", near ? "?)" : "");
}

int dockerfile_plan(struct dockerfile *df, const struct df_plan_opts *o, size_t *ret_target, struct err *e)
{
	struct scope s = { .df = df, .o = o };
	int r = global_args(&s, e);

	for (size_t i = 0; i < df->n_stages && r >= 0; i++) {
		df->stages[i]->uses = pool_alloc(&df->pool, df->n_stages * sizeof(bool));
		if (!df->stages[i]->uses)
			r = err_oom(e);
		if (r >= 0)
			r = resolve_base(&s, df->stages[i], e);
		if (r >= 0)
			r = resolve_uses(&s, df->stages[i], e);
	}
	strv_done(&s.values);
	if (r >= 0)
		r = find_target(df, o->target, ret_target, e);
	if (r < 0)
		return r;
	/* What is used stands before, so one pass from the end finds all. */
	df->stages[*ret_target]->needed = true;
	for (size_t i = *ret_target + 1; i-- > 0;)
		for (size_t j = 0; j < i && df->stages[i]->needed; j++)
			if (df->stages[i]->uses[j])
				df->stages[j]->needed = true;
	return pool_error(&df->pool, e);
}
