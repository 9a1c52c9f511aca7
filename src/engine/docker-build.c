/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What builds keep for later ones, as the Engine API says it. */

#include "base/parse.h"
#include "engine/docker-inner.h"
#include "image/build/cache.h"

static void put_time(struct json *j, const char *key, int64_t ns)
{
	char text[40];

	json_kv_string(j, key, docker_time(ns, text));
}

static int put_entry(void *arg, const struct cache_entry *c)
{
	struct json *j = arg;

	json_object(j);
	json_kv_string(j, "ID", c->id);
	json_kv_string(j, "Type", c->folder ? "exec.cachemount" : "regular");
	json_kv_string(j, "Description", c->text);
	json_kv_bool(j, "InUse", c->in_use);
	json_kv_bool(j, "Shared", c->shared);
	json_kv_u64(j, "Size", c->size);
	put_time(j, "CreatedAt", c->made_ns);
	put_time(j, "LastUsedAt", c->used_ns);
	json_kv_i64(j, "UsageCount", c->uses);
	json_end_object(j);
	return 0;
}

int docker_build_cache(struct docker *d, struct buf *ret, struct err *e)
{
	struct json j;
	int r;

	json_init(&j, ret, false);
	json_array(&j);
	r = cache_each(d->images, put_entry, &j, e);
	json_end_array(&j);
	return r < 0 ? r : buf_error(ret, e);
}

struct asked {
	struct cache_prune o;
	struct err *e;
	int r;
};

static bool take_all(void *arg, const char *v)
{
	((struct asked *)arg)->o.all |= streq(v, "true") || streq(v, "1");
	return true;
}

static bool take_until(void *arg, const char *v)
{
	struct asked *a = arg;

	if (a->r >= 0)
		a->r = image_until(v, &a->o.before_ns, a->e);
	return true;
}

static bool take_keep(void *arg, const char *v)
{
	struct asked *a = arg;

	if (a->r >= 0 && parse_u64(v, &a->o.keep) < 0)
		a->r = err_kind(a->e, ERR_INVALID, -EINVAL, "invalid size: '%s'", v);
	return true;
}

static bool take_id(void *arg, const char *v)
{
	((struct asked *)arg)->o.id = v;
	return true;
}

static bool take_type(void *arg, const char *v)
{
	((struct asked *)arg)->o.type = v;
	return true;
}

int docker_build_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e)
{
	static const struct {
		const char *name;
		bool (*fn)(void *arg, const char *value);
	} rows[] = { { "all", take_all },	    { "until", take_until }, { "unused-for", take_until },
		     { "keep-storage", take_keep }, { "id", take_id },	     { "type", take_type } };
	static const char *const known[] = { "all", "until", "unused-for", "keep-storage", "id", "type", NULL };
	_cleanup_value_ struct json_c_value *f = NULL;
	_cleanup_strv_ struct strv done = STRV_INIT;
	struct asked a = { .e = e };
	uint64_t bytes = 0;
	struct json j;
	int r = docker_filters_parse(filters, known, &f, e);

	for (size_t i = 0; i < ARRAY_SIZE(rows) && r >= 0; i++)
		if (docker_filter_said(f, rows[i].name))
			(void)docker_filter(f, rows[i].name, rows[i].fn, &a);
	if (r >= 0)
		r = a.r;
	if (r >= 0)
		r = cache_prune(d->images, &a.o, &done, &bytes, e);
	if (r < 0)
		return r;
	json_init(&j, ret, false);
	json_object(&j);
	json_key(&j, "CachesDeleted");
	json_array(&j);
	for (size_t i = 0; i < done.n; i++)
		json_string(&j, done.v[i]);
	json_end_array(&j);
	json_kv_u64(&j, "SpaceReclaimed", bytes);
	json_end_object(&j);
	return buf_error(ret, e);
}
