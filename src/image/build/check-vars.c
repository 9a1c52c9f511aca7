/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * UndefinedVar: the variables of each stage are followed from the environment of its base on. They have their values, as far as
 * those are known, since a value may be used to find another.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/names.h"
#include "image/build/check.h"
#include "image/build/words.h"

struct scope {
	bool known;	       /* what the stage begins from is */
	struct strv values;    /* NAME=VALUE: ENV and ARG */
	struct texts declared; /* ARGs, with a value and without */
};

struct follow {
	struct checking *c;
	struct scope *scopes, *now;
};

static const char *value_of(void *arg, const char *name)
{
	const struct scope *s = arg;

	return strv_env_get(&s->values, name);
}

static void set(struct follow *f, const char *name, const char *value)
{
	_cleanup_free_ char *assignment = NULL;

	if (asprintf(&assignment, "%s=%s", name, value) < 0)
		f->c->r = err_oom(f->c->e);
	else if (f->c->r >= 0)
		f->c->r = strv_env_set(&f->now->values, assignment, f->c->e);
}

static const char *similar(struct follow *f, const char *name)
{
	const struct strv *l = &f->now->values;
	const char *names[128];
	size_t n = 0;

	for (; n < l->n && n < ARRAY_SIZE(names); n++)
		names[n] = pool_strn(&f->c->df->pool, l->v[n], strcspn(l->v[n], "="));
	return nearest(name, names, n);
}

static void report(struct follow *f, const struct df_line *line, const struct strv *unset)
{
	for (size_t i = 0; i < unset->n; i++) {
		const char *near;

		if (pool_find(&f->now->declared, unset->v[i]) >= 0)
			continue;
		near = similar(f, unset->v[i]);
		check_found(f->c, line, "UndefinedVar", "Usage of undefined variable '$%s'%s%s%s", unset->v[i],
			    near ? " (did you mean $" : "", near ?: "", near ? "?)" : "");
	}
}

static void declare(struct follow *f, const struct df_instr *in)
{
	struct checking *c = f->c;

	for (const struct df_pair *p = in->pairs; p; p = p->next) {
		_cleanup_strv_ struct strv unset = STRV_INIT;
		const struct words w = { .escape = c->df->escape, .get = value_of, .arg = f->now, .unset = &unset };
		const char *given = c->o->build_args ? strv_env_get(c->o->build_args, p->name) : NULL;
		_cleanup_free_ char *value = NULL;

		/* What cannot be expanded is told by the build. */
		if (!given && p->value && words_expand(&w, p->value, &value, NULL) >= 0)
			report(f, in->line, &unset);
		if (given || value)
			set(f, p->name, given ?: value);
		pool_add(&c->df->pool, &f->now->declared, p->name);
	}
}

static void use(struct follow *f, const struct df_instr *in)
{
	_cleanup_strv_ struct strv unset = STRV_INIT;
	struct checking *c = f->c;
	const struct words w = { .escape = c->df->escape, .get = value_of, .arg = f->now, .unset = &unset };
	struct df_instr full;
	struct df_mount m;
	int r = instr_expand(in, &w, &c->df->pool, &full, NULL);

	for (size_t i = 0; i < in->mounts.n; i++)
		mount_parse(in->mounts.v[i], &w, &c->df->pool, &m, NULL);
	report(f, in->line, &unset);
	for (const struct df_pair *p = r >= 0 && in->kind == DF_ENV ? full.pairs : NULL; p; p = p->next)
		set(f, p->name, p->value);
}

/* The environment that the stage begins with. */
static void begin(struct follow *f, const struct df_stage *st)
{
	const struct scope *base = st->base_stage >= 0 ? &f->scopes[st->base_stage] : NULL;
	const struct df_check_opts *o = f->c->o;
	int r = -ENOENT;

	if (base) {
		r = base->known ? strv_copy(&f->now->values, &base->values, f->c->e) : -ENOENT;
		for (size_t i = 0; i < base->declared.n; i++)
			pool_add(&f->c->df->pool, &f->now->declared, base->declared.v[i]);
	} else if (st->base_image && streq(st->base_image, "scratch")) {
		r = 0;
	} else if (st->base_image && o->env) {
		r = o->env(o->arg, st->base_image, &f->now->values, f->c->e);
	}
	f->now->known = r >= 0;
	if (r < 0 && r != -ENOENT)
		f->c->r = r;
	if (f->now->known && !strv_env_get(&f->now->values, "PATH"))
		set(f, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

void check_variables(struct checking *c)
{
	struct dockerfile *df = c->df;
	struct follow f = { .c = c, .scopes = calloc(df->n_stages, sizeof(*f.scopes)) };

	if (!f.scopes) {
		c->r = err_oom(c->e);
		return;
	}
	for (size_t i = 0; i < df->n_stages && c->r >= 0; i++) {
		c->st = df->stages[i];
		f.now = &f.scopes[i];
		begin(&f, c->st);
		for (const struct df_instr *in = f.now->known ? c->st->instrs : NULL; in && c->r >= 0; in = in->next)
			if (in->kind == DF_ARG)
				declare(&f, in);
			else
				use(&f, in);
	}
	for (size_t i = 0; i < df->n_stages; i++)
		strv_done(&f.scopes[i].values);
	free(f.scopes);
}
