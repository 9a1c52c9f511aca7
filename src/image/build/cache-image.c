/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cache of steps, in images: the comment of an instruction in an image's history says by which key its step is looked up. So
 * a cache travels as images do: in a registry, in an archive, or inline in the image itself.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/build/inner.h"

#define MARK	  "creel.step:"
#define FILE_NAME "cache.tar"

int cache_mark(struct state *s, struct err *e)
{
	for (size_t i = 0; i < s->config.n_history && i < s->keys.n; i++) {
		struct image_history *h = &s->config.history[i];

		if (!*s->keys.v[i] || h->comment)
			continue;
		if (asprintf(&h->comment, MARK "%s", s->keys.v[i]) < 0) {
			h->comment = NULL;
			return err_oom(e);
		}
	}
	return state_seal(s, e);
}

struct learning {
	struct images *s;
	struct image_config config;
	struct manifest m;
	char chain[DIGEST_MAX];
	size_t layer;
};

/* A row as the step itself would have written it. What is known stays. */
static int learn_step(struct learning *l, const struct image_history *h, struct err *e)
{
	const char *key = h->comment ? startswith(h->comment, MARK) : NULL;
	struct cached c = { .created = h->created }, known = { 0 };
	int r = 0;

	if (!h->empty_layer) {
		if (l->layer >= l->config.diff_ids.n || l->layer >= l->m.n_layers)
			return err_kind(e, ERR_INVALID, -EINVAL, "an image with more history than layers");
		snprintf(c.diff, sizeof(c.diff), "%s", l->config.diff_ids.v[l->layer]);
		snprintf(c.blob, sizeof(c.blob), "%s", l->m.layers[l->layer].digest);
		chain_id(*l->chain ? l->chain : NULL, c.diff, c.chain);
		memcpy(l->chain, c.chain, sizeof(c.chain));
		c.media_type = l->m.layers[l->layer].media_type;
		c.size = l->m.layers[l->layer].size;
		l->layer++;
	}
	if (!key || !digest_valid(key) || !c.created)
		return 0;
	r = cache_get(l->s, key, &known, e);
	cached_done(&known);
	return r != 0 ? r : cache_put(l->s, key, h->created_by ?: "", &c, e);
}

static int learn(struct images *s, const char *name, struct err *e)
{
	_cleanup_image_ struct image i = { 0 };
	_cleanup_free_ char *text = NULL, *type = NULL;
	struct learning l = { .s = s };
	size_t len;
	int r = image_find(s, name, &i, e);

	image_config_init(&l.config);
	if (r >= 0)
		r = image_config_of(s, &i, &l.config, e);
	if (r >= 0)
		r = image_manifest(s, &i, &text, &len, &type, e);
	if (r >= 0)
		r = manifest_parse(text, len, type, &l.m, e);
	for (size_t k = 0; r >= 0 && k < l.config.n_history; k++)
		r = learn_step(&l, &l.config.history[k], e);
	image_config_done(&l.config);
	manifest_done(&l.m);
	return r;
}

/* --- a folder ----------------------------------------------------------------------------------------------------------------- */

static int to_file(void *arg, const void *data, size_t len)
{
	return fd_write_all(*(int *)arg, data, len);
}

static int save(struct images *s, char *const *ids, const char *dir, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, FILE_NAME), *part = path_join(dir, "." FILE_NAME ".part");
	_cleanup_close_ int fd = -EBADF;
	const struct pack_sink sink = { .write = to_file, .arg = &fd };
	int r = path && part ? dir_make_all(dir, 0755, e) : err_oom(e);

	if (r < 0)
		return r;
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, -errno, "make %s", part);
	r = images_save(s, ids, &sink, e);
	if (r >= 0 && rename(part, path) < 0)
		r = err_set(e, -errno, "make %s", path);
	if (r < 0)
		unlink(part);
	return r;
}

static int load(struct images *s, const char *dir, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, FILE_NAME);
	_cleanup_strv_ struct strv ids = STRV_INIT;
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -EBADF;
	int r;

	if (fd < 0)
		return path ? err_set(e, -errno, "open %s", path) : err_oom(e);
	r = images_load_nameless(s, fd, &ids, e);
	for (size_t i = 0; i < ids.n && r >= 0; i++)
		r = learn(s, ids.v[i], e);
	return r;
}

/* --- from and to ---------------------------------------------------------------------------------------------------------------- */

static int import(struct build *b, struct images *s, const struct build_cache *c, struct err *e)
{
	const struct build_host *h = b->o->host;
	_cleanup_image_ struct image found = { 0 };
	int r;

	if (c->kind == BUILD_CACHE_INLINE)
		return 0;
	if (c->kind == BUILD_CACHE_FOLDER)
		return load(s, c->where, e);
	r = image_find(s, c->where, &found, e);
	if (r < 0 && h->pull) {
		err_clear(e);
		r = h->pull(h->arg, s, c->where, b->platform, true, e);
	}
	return r < 0 ? r : learn(s, c->where, e);
}

void cache_import(struct build *b, struct images *s)
{
	for (size_t i = 0; i < b->o->n_cache_from; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		struct err e = { 0 };

		if (import(b, s, &b->o->cache_from[i], &e) >= 0)
			continue;
		buf_printf(&text, "failed to import the cache of %s: %s", b->o->cache_from[i].where, e.msg);
		build_warn(b, buf_str(&text));
	}
}

/* Stage INDEX as an image whose history is marked. */
static int marked_image(struct build *b, struct images *s, size_t index, const struct reference *name,
			char ret[static DIGEST_MAX], struct err *e)
{
	struct state copy;
	int r = state_copy(&copy, &b->states[index], e);

	if (r >= 0)
		r = cache_mark(&copy, e);
	if (r >= 0)
		r = image_add_local(s, &copy.config, copy.layers, copy.n_layers, NULL, name, ret, e);
	state_done(&copy);
	return r;
}

/* Unless it is somebody's. */
static void drop_marked(struct images *s, const char *id, const char *result)
{
	_cleanup_image_ struct image i = { 0 };

	if (!streq(id, result) && image_find(s, id, &i, NULL) >= 0 && !i.tags.n && !i.digests.n)
		(void)image_remove(s, id, false, true, NULL, NULL);
}

static int export_folder(struct build *b, struct images *s, const struct build_cache *c, const char *id, struct err *e)
{
	_cleanup_strv_ struct strv ids = STRV_INIT;
	char one[DIGEST_MAX];
	int r = 0;

	for (size_t i = c->max ? 0 : b->target; i <= b->target && r >= 0; i++) {
		if (!b->df.stages[i]->needed || !b->states[i].n_layers)
			continue;
		r = marked_image(b, s, i, NULL, one, e);
		if (r >= 0 && !strv_has(&ids, one))
			r = strv_push(&ids, one, e);
	}
	if (r >= 0 && ids.n)
		r = save(s, (char *const *)strv_get(&ids), c->where, e);
	for (size_t i = 0; i < ids.n; i++)
		drop_marked(s, ids.v[i], id);
	return r;
}

/* Under its name for as long as that takes; an image that has the name gets it back. */
static int export_image(struct build *b, struct images *s, const struct build_cache *c, const char *result,
			struct err *e)
{
	const struct build_host *h = b->o->host;
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_image_ struct image before = { 0 };
	_cleanup_buf_ struct buf name = BUF_INIT;
	bool had = false;
	char id[DIGEST_MAX];
	int r = reference_parse(c->where, &ref, e);

	if (r >= 0)
		r = reference_default_tag(&ref, e);
	if (r >= 0) {
		reference_familiar(&ref, &name);
		r = buf_error(&name, e);
	}
	if (r >= 0)
		had = image_find(s, buf_str(&name), &before, NULL) >= 0;
	if (r >= 0)
		r = marked_image(b, s, b->target, &ref, id, e);
	if (r < 0)
		return r;
	r = h->push ? h->push(h->arg, s, c->where, e)
		    : err_kind(e, ERR_MISSING, -ENOTSUP, "nothing here pushes images");
	if (had && image_tag(s, before.id, &ref, NULL) >= 0)
		drop_marked(s, id, result);
	else
		(void)image_remove(s, buf_str(&name), false, true, NULL, NULL);
	return r;
}

int cache_export(struct build *b, struct images *s, const char *id, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < b->o->n_cache_to && r >= 0; i++) {
		const struct build_cache *c = &b->o->cache_to[i];

		if (c->kind == BUILD_CACHE_FOLDER)
			r = export_folder(b, s, c, id, e);
		else if (c->kind == BUILD_CACHE_IMAGE)
			r = export_image(b, s, c, id, e);
		if (r < 0)
			r = err_wrap(e, r, "the cache for %s", c->where ?: "the image");
	}
	return r;
}

bool cache_is_inline(const struct build_opts *o)
{
	for (size_t i = 0; i < o->n_cache_to; i++)
		if (o->cache_to[i].kind == BUILD_CACHE_INLINE)
			return true;
	return false;
}
