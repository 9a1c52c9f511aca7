/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/check.h"

#include <stdio.h>

#include "base/fd.h"
#include "image/images-inner.h"
#include "image/layers-inner.h"

struct checking {
	struct images *s;
	const struct check_opts *o;
	bool cache;		/* there is one of builds */
	struct strv bad_blobs;	/* damaged or lost */
	struct strv done;	/* chains that were looked at */
	struct strv bad_images; /* ids, what of it is lost is lost for good */
	struct err *e;
};

static int push_text(void *arg, const struct db_row *row)
{
	return strv_push(arg, db_text(row, 0), NULL);
}

static bool has_row(struct checking *c, const char *sql, const char *arg)
{
	_cleanup_free_ char *x = NULL;

	return db_one(c->s->db, &x, NULL, sql, "s", arg) != 0;
}

/* DONE: what was done about it, where R says that it was; WHY: else, R's message. */
static void tell(struct checking *c, const char *kind, const char *name, const char *is, const char *done,
		 const struct err *why)
{
	_cleanup_buf_ struct buf what = BUF_INIT;

	buf_printf(&what, "%s %s", kind, name);
	c->o->found(c->o->arg, buf_str(&what), is, why && why->code ? NULL : done, why && why->code ? why->msg : NULL);
}

/* --- the database ------------------------------------------------------------------------------------------------------- */

static int check_db(struct checking *c)
{
	_cleanup_free_ char *said = NULL;
	int r = db_one(c->s->db, &said, c->e, c->o->quick ? "PRAGMA quick_check(1)" : "PRAGMA integrity_check(1)", "");

	if (r > 0 && !streq(said, "ok"))
		tell(c, "database", "creel.db", said, NULL, NULL);
	return r < 0 ? r : 0;
}

/* --- blobs -------------------------------------------------------------------------------------------------------------- */

/* 1: it is what its name says. */
static int blob_is_good(struct checking *c, const char *digest)
{
	_cleanup_(hasher_freep) struct hasher *h = NULL;
	_cleanup_close_ int fd = blobs_fd(c->s->blobs, digest, NULL);
	_cleanup_free_ char *data = NULL;
	char algorithm[16], is[DIGEST_MAX];
	ssize_t n;
	int r;

	if (fd < 0)
		return 0;
	if (c->o->quick)
		return 1;
	data = malloc(1u << 20);
	if (!data)
		return err_oom(c->e);
	snprintf(algorithm, sizeof(algorithm), "%.*s", (int)strcspn(digest, ":"), digest);
	r = hasher_new(algorithm, &h, c->e);
	if (r < 0)
		return r;
	while ((n = fd_read_full(fd, data, 1u << 20)) > 0)
		hasher_add(h, data, (size_t)n);
	hasher_end(h, is);
	return n == 0 && streq(is, digest);
}

/* A cache of builds makes again what it lacks. */
static int forget_cached(struct checking *c, const char *digest, struct err *e)
{
	return c->cache ? db_exec(c->s->db, e, "DELETE FROM build_cache WHERE blob = ?", "s", digest) : 0;
}

static int check_blob(struct checking *c, const char *digest)
{
	bool there = blobs_stat(c->s->blobs, digest, NULL, NULL) == 0;
	struct err why = { 0 };
	int r = blob_is_good(c, digest);

	if (r != 0)
		return r < 0 ? r : 0;
	r = strv_push(&c->bad_blobs, digest, c->e);
	if (r == 0 && c->o->repair && blobs_delete(c->s->blobs, digest, &why) == 0)
		(void)forget_cached(c, digest, &why);
	tell(c, "blob", digest, there ? "its content is damaged" : "it is not there", c->o->repair ? "removed" : NULL,
	     &why);
	return r;
}

static int check_blobs(struct checking *c, const char *image)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	int r = image ? db_query(c->s->db, push_text, &all, c->e, "SELECT digest FROM image_blobs WHERE image = ?", "s",
				 image)
		      : db_query(c->s->db, push_text, &all, c->e, "SELECT DISTINCT digest FROM image_blobs", "");

	if (r == 0 && c->cache && !image)
		r = db_query(c->s->db, push_text, &all, c->e,
			     "SELECT DISTINCT blob FROM build_cache WHERE blob <> '' AND NOT EXISTS"
			     " (SELECT 1 FROM image_blobs WHERE digest = blob)",
			     "");
	for (size_t i = 0; i < all.n && r == 0; i++)
		r = check_blob(c, all.v[i]);
	return r;
}

/* --- layers ------------------------------------------------------------------------------------------------------------- */

/* Somebody runs on CHAIN: the container's id. */
static char *who_runs(struct checking *c, const char *chain)
{
	_cleanup_strv_ struct strv users = STRV_INIT;

	if (!c->o->runs ||
	    db_query(c->s->db, push_text, &users, NULL,
		     "SELECT user FROM image_users u JOIN image_layers l ON l.image = u.image WHERE l.chain = ?", "s",
		     chain) < 0)
		return NULL;
	for (size_t i = 0; i < users.n; i++)
		if (c->o->runs(c->o->arg, users.v[i]))
			return strdup(users.v[i]);
	return NULL;
}

struct layer_of {
	const char *chain, *parent, *diff, *blob;
};

/* The layer as its blob says it: unpacked beside, compared, put in its place. */
static int unpack_again(struct checking *c, struct layers *l, const struct layer_of *x, bool repair, struct err *e)
{
	_cleanup_close_ int fd = blobs_fd(c->s->blobs, x->blob, e);
	const struct layer_input in = { .fd = fd };
	char diff[DIGEST_MAX], chain[DIGEST_MAX];

	if (fd < 0)
		return fd;
	if (layers_have(l, x->chain))
		return layer_check(l, x->parent, &in, x->diff, x->chain, repair, e);
	return layer_unpack(l, x->parent, &in, x->diff, diff, chain, e);
}

static void mend_layer(struct checking *c, struct layers *l, const struct layer_of *x, const char *is)
{
	_cleanup_free_ char *user = who_runs(c, x->chain);
	bool there = layers_have(l, x->chain);
	struct err why = { 0 };

	if (c->o->repair && there && user)
		err_kind(&why, ERR_STATE, -EBUSY, "container %.12s runs on it", user);
	else if (c->o->repair)
		(void)unpack_again(c, l, x, true, &why);
	tell(c, "layer", x->chain, is, c->o->repair ? "unpacked again" : NULL, &why);
}

/* Whoever has it; where nobody does, the driver of what is new is to. */
static void check_layer(struct checking *c, const struct layer_of *x)
{
	bool good = !strv_has(&c->bad_blobs, x->blob), any = false;

	for (struct layers *l = c->s->layers; l; l = l->next) {
		if (!layers_have(l, x->chain))
			continue;
		any = true;
		if (!layer_sound(l, x->chain)) {
			mend_layer(c, l, x, "it is not whole");
		} else if (!c->o->quick && good) {
			struct err why = { 0 };
			int same = unpack_again(c, l, x, false, &why);

			if (same < 0)
				tell(c, "layer", x->chain, "it could not be compared with its blob", NULL, &why);
			else if (!same)
				mend_layer(c, l, x, "it is not what its blob says");
		}
	}
	if (!any)
		mend_layer(c, c->s->layers, x, "it is not there");
}

static int check_layers_of(struct checking *c, const struct image *i)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_image_config_ struct image_config config;
	_cleanup_free_ char *text = NULL, *type = NULL;
	char chain[DIGEST_MAX] = "", parent[DIGEST_MAX] = "";
	struct err why = { 0 };
	size_t len;
	int r;

	image_config_init(&config);
	r = image_config_of(c->s, i, &config, &why);
	if (r == 0)
		r = image_manifest(c->s, i, &text, &len, &type, &why);
	if (r == 0)
		r = manifest_parse(text, len, type, &m, &why);
	if (r == 0 && m.n_layers != config.diff_ids.n)
		r = -EBADMSG;
	/* That its blobs are damaged has been said. */
	if (r < 0)
		return strv_push(&c->bad_images, i->id, c->e);
	for (size_t k = 0; k < m.n_layers && r == 0; k++) {
		struct layer_of x = { chain, k ? parent : NULL, config.diff_ids.v[k], m.layers[k].digest };

		memcpy(parent, chain, sizeof(parent));
		chain_id(k ? parent : NULL, config.diff_ids.v[k], chain);
		if (strv_has(&c->bad_blobs, x.blob) && !strv_has(&c->bad_images, i->id))
			r = strv_push(&c->bad_images, i->id, c->e);
		if (r < 0 || strv_has(&c->done, chain))
			continue;
		check_layer(c, &x);
		r = strv_push(&c->done, chain, c->e);
	}
	/* What was unpacked is to be on the disk. A driver need not have all of it. */
	for (struct layers *l = c->s->layers; l && r == 0 && c->o->repair; l = l->next) {
		r = layers_settle(l, &config.diff_ids, c->e);
		if (r == -ENOENT) {
			err_clear(c->e);
			r = 0;
		}
	}
	return r;
}

/* --- images ------------------------------------------------------------------------------------------------------------- */

static int drop(struct checking *c, const char *id, struct err *e)
{
	_cleanup_free_ char *user = NULL;
	int r = db_one(c->s->db, &user, e, "SELECT user FROM image_users WHERE image = ?", "s", id);

	if (r > 0)
		return err_kind(e, ERR_STATE, -EBUSY, "container %.12s has it", user);
	if (r == 0)
		r = db_begin(c->s->db, e);
	if (r < 0)
		return r;
	r = images_drop(c->s, id, NULL, e);
	if (r == 0)
		r = images_index(c->s, e);
	return db_end(c->s->db, r, e);
}

static void name_of(struct checking *c, const char *id, struct buf *out)
{
	_cleanup_image_ struct image i = { 0 };

	buf_printf(out, "%s", id);
	if (images_get(c->s, id, &i, NULL) < 0)
		return;
	for (size_t k = 0; k < i.tags.n; k++)
		buf_printf(out, "%s%s", k ? ", " : " (", i.tags.v[k]);
	buf_puts(out, i.tags.n ? ")" : "");
}

/* What cannot be had again from here. */
static int check_lost(struct checking *c)
{
	for (size_t i = 0; i < c->bad_images.n; i++) {
		_cleanup_buf_ struct buf name = BUF_INIT;
		struct err why = { 0 };

		name_of(c, c->bad_images.v[i], &name);
		if (c->o->repair)
			(void)drop(c, c->bad_images.v[i], &why);
		tell(c, "image", buf_str(&name), "content of it is lost",
		     c->o->repair ? "removed, it can be pulled or built again" : NULL, &why);
	}
	return 0;
}

static int check_images(struct checking *c)
{
	_cleanup_strv_ struct strv ids = STRV_INIT;
	int r = db_query(c->s->db, push_text, &ids, c->e, "SELECT id FROM images ORDER BY id", "");

	for (size_t i = 0; i < ids.n && r == 0; i++) {
		_cleanup_image_ struct image x = { 0 };

		r = images_get(c->s, ids.v[i], &x, c->e);
		if (r == 0)
			r = check_layers_of(c, &x);
	}
	return r;
}

/* --- what nobody has ------------------------------------------------------------------------------------------------------ */

static int stray_blob(void *arg, const char *digest, uint64_t size, const struct timespec *mtime)
{
	struct checking *c = arg;

	if (!has_row(c, "SELECT 1 FROM image_blobs WHERE digest = ?", digest) &&
	    !(c->cache && has_row(c, "SELECT 1 FROM build_cache WHERE blob = ?", digest)))
		tell(c, "blob", digest, "nothing refers to it", c->o->repair ? "removed" : NULL, NULL);
	return 0;
}

/* Those of the cache alone have nothing to be made from again but the build. */
static int stray_layer(void *arg, const char *chain)
{
	struct checking *c = arg;
	bool sound = false;

	if (has_row(c, "SELECT 1 FROM image_layers WHERE chain = ?", chain))
		return 0;
	for (const struct layers *l = c->s->layers; l && !sound; l = l->next)
		sound = layer_sound((struct layers *)(uintptr_t)l, chain);
	if (!c->cache || !has_row(c, "SELECT 1 FROM build_cache WHERE chain = ?", chain)) {
		tell(c, "layer", chain, "nothing refers to it", c->o->repair ? "removed" : NULL, NULL);
	} else if (!sound) {
		struct err why = { 0 };

		if (c->o->repair && layers_remove(c->s->layers, chain, &why) == 0)
			(void)db_exec(c->s->db, &why, "DELETE FROM build_cache WHERE chain = ?", "s", chain);
		tell(c, "layer", chain, "it is not whole", c->o->repair ? "removed from the build cache" : NULL, &why);
	}
	return 0;
}

static void stray_rest(void *arg, const char *what)
{
	struct checking *c = arg;

	tell(c, "what a kill has left:", what, "nobody works on it", c->o->repair ? "removed" : NULL, NULL);
}

static int check_all(struct checking *c)
{
	int r = check_db(c);

	if (r == 0)
		r = check_blobs(c, NULL);
	if (r == 0)
		r = check_images(c);
	if (r == 0)
		r = check_lost(c);
	if (r == 0)
		r = blobs_each(c->s->blobs, stray_blob, c, c->e);
	if (r == 0)
		r = layers_each(c->s->layers, stray_layer, c, c->e);
	return r == 0 ? layers_stray(c->s->layers, c->o->repair, stray_rest, c, c->e) : r;
}

static void begin(struct checking *c, struct images *s, const struct check_opts *o, struct err *e)
{
	*c = (struct checking){ .s = s, .o = o, .e = e };
	c->cache = has_row(c, "SELECT 1 FROM sqlite_master WHERE name = ?", "build_cache");
}

static void end(struct checking *c)
{
	strv_done(&c->bad_blobs);
	strv_done(&c->bad_images);
	strv_done(&c->done);
}

int images_check(struct images *s, const struct check_opts *o, struct err *e)
{
	struct checking c;
	int r;

	if (blobs_alone(s->blobs) < 0)
		return err_kind(e, ERR_STATE, -EBUSY, "images are being brought in: nothing can be checked now");
	begin(&c, s, o, e);
	r = check_all(&c);
	end(&c);
	blobs_not_alone(s->blobs);
	/* Blobs and layers that nothing refers to. */
	return r == 0 && o->repair ? images_sweep(s, e) : r;
}

int image_check(struct images *s, const char *name, const struct check_opts *o, struct err *e)
{
	_cleanup_image_ struct image i = { 0 };
	struct checking c;
	int r = image_find(s, name, &i, e);

	if (r < 0)
		return r;
	/* What another driver has is enough to others; who asks for this image wants to run it. */
	if (o->repair && o->quick)
		return image_need(s, &i, e);
	r = blobs_hold(s->blobs, e);
	if (r < 0)
		return r;
	begin(&c, s, o, e);
	r = check_blobs(&c, i.id);
	if (r == 0)
		r = check_layers_of(&c, &i);
	if (r == 0)
		r = check_lost(&c);
	end(&c);
	blobs_release(s->blobs);
	return r;
}
