/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Removing, in two steps: the transaction that takes the last row of a blob or layer away notes it in the table "garbage";
 * files go after it, only while nobody brings anything in. So a kill loses nothing and leaks nothing: what was noted waits for
 * the next who removes.
 */
#include <stdio.h>
#include <time.h>

#include "base/parse.h"
#include "image/images-inner.h"

#define INGEST_KEPT (24 * 3600)

static int push_text(void *arg, const struct db_row *row)
{
	return strv_push(arg, db_text(row, 0), NULL);
}

static int query_list(struct images *s, struct strv *ret, struct err *e, const char *sql, const char *arg)
{
	int r = db_query(s->db, push_text, ret, e, sql, "s", arg);

	return r == -ENOMEM ? err_oom(e) : r;
}

/* What cannot be known is taken to be so: whoever asks removes what nobody has. */
static bool query_any(struct images *s, const char *sql, const char *arg)
{
	_cleanup_free_ char *x = NULL;

	return db_one(s->db, &x, NULL, sql, "s", arg) != 0;
}

int images_note(struct images *s, const char *digest, struct err *e)
{
	return db_exec(s->db, e, "INSERT OR IGNORE INTO garbage VALUES ('blob', ?)", "s", digest);
}

static int say(struct strv *done, const char *what, const char *name, struct err *e)
{
	return done ? strv_pushf(done, e, "%s: %s", what, name) : 0;
}

/* "debian:12" for "docker.io/library/debian:12". */
static int say_name(struct strv *done, const char *name, struct err *e)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (reference_parse(name, &ref, NULL) < 0)
		return say(done, "Untagged", name, e);
	reference_familiar(&ref, &b);
	return say(done, "Untagged", buf_str(&b), e);
}

int images_drop(struct images *s, const char *id, struct strv *done, struct err *e)
{
	static const char *const sql[] = {
		"INSERT OR IGNORE INTO garbage SELECT 'blob', digest FROM image_blobs WHERE image = ?",
		"INSERT OR IGNORE INTO garbage SELECT 'layer', chain FROM image_layers WHERE image = ?",
		"DELETE FROM image_blobs WHERE image = ?",
		"DELETE FROM image_layers WHERE image = ?",
		"DELETE FROM image_names WHERE image = ?",
		"DELETE FROM image_digests WHERE image = ?",
		"UPDATE images SET parent = NULL WHERE parent = ?",
		"DELETE FROM images WHERE id = ?",
	};
	_cleanup_strv_ struct strv gone = STRV_INIT;
	int r = say(done, "Deleted", id, e);

	for (size_t i = 0; i < ARRAY_SIZE(sql) && r == 0; i++)
		r = db_exec(s->db, e, sql[i], "s", id);
	if (r == 0)
		r = db_query(s->db, push_text, &gone, e,
			     "SELECT name FROM garbage WHERE kind = 'layer' AND NOT EXISTS"
			     " (SELECT 1 FROM image_layers WHERE chain = name)",
			     "");
	for (size_t i = 0; done && i < gone.n && r == 0; i++)
		if (!strv_has(done, gone.v[i]))
			r = say(done, "Deleted", gone.v[i], e);
	return r;
}

/* --- files ------------------------------------------------------------------------------------------------------------ */

struct garbage {
	struct strv blobs, layers;
};

static void garbage_done(struct garbage *g)
{
	strv_done(&g->blobs);
	strv_done(&g->layers);
}

static int add_garbage(void *arg, const struct db_row *row)
{
	struct garbage *g = arg;

	return strv_push(streq(db_text(row, 0), "blob") ? &g->blobs : &g->layers, db_text(row, 1), NULL);
}

static int collect_blob(struct images *s, const char *digest, uint64_t *bytes, struct err *e)
{
	uint64_t size = 0;
	int r;

	if (query_any(s, "SELECT 1 FROM image_blobs WHERE digest = ?", digest))
		return 0;
	(void)blobs_stat(s->blobs, digest, &size, NULL);
	r = blobs_delete(s->blobs, digest, e);
	if (r == 0 && bytes)
		*bytes += size;
	return r;
}

static int collect_layer(struct images *s, const char *chain, uint64_t *bytes, struct err *e)
{
	uint64_t size = 0;
	int r;

	if (query_any(s, "SELECT 1 FROM image_layers WHERE chain = ?", chain))
		return 0;
	(void)layer_size(s->layers, chain, &size, NULL);
	r = layers_remove(s->layers, chain, e);
	if (r == 0 && bytes)
		*bytes += size;
	return r;
}

/* Alone: nothing can become somebody's meanwhile, so the files go outside of a transaction, and then what was noted of them. */
static int collect(struct images *s, uint64_t *bytes, struct err *e)
{
	_cleanup_(garbage_done) struct garbage g = { 0 };
	int r = db_query(s->db, add_garbage, &g, e, "SELECT kind, name FROM garbage", "");

	for (size_t i = 0; i < g.blobs.n && r == 0; i++)
		r = collect_blob(s, g.blobs.v[i], bytes, e);
	for (size_t i = 0; i < g.layers.n && r == 0; i++)
		r = collect_layer(s, g.layers.v[i], bytes, e);
	if (r < 0 || !(g.blobs.n + g.layers.n))
		return r;
	r = db_begin(s->db, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < g.blobs.n && r == 0; i++)
		r = db_exec(s->db, e, "DELETE FROM garbage WHERE kind = 'blob' AND name = ?", "s", g.blobs.v[i]);
	for (size_t i = 0; i < g.layers.n && r == 0; i++)
		r = db_exec(s->db, e, "DELETE FROM garbage WHERE kind = 'layer' AND name = ?", "s", g.layers.v[i]);
	return db_end(s->db, r, e);
}

int images_collect(struct images *s, uint64_t *ret_bytes, struct err *e)
{
	int r;

	if (blobs_alone(s->blobs) < 0)
		return 0;
	r = collect(s, ret_bytes, e);
	blobs_not_alone(s->blobs);
	return r;
}

struct sweep {
	struct images *s;
	struct err *e;
	bool cache; /* there is one of builds: what it has is not ours to sweep */
};

static int sweep_blob(void *arg, const char *digest, uint64_t size, const struct timespec *mtime)
{
	struct sweep *w = arg;

	if (query_any(w->s, "SELECT 1 FROM image_blobs WHERE digest = ?", digest) ||
	    (w->cache && query_any(w->s, "SELECT 1 FROM build_cache WHERE blob = ?", digest)))
		return 0;
	return images_note(w->s, digest, w->e);
}

static int sweep_layer(void *arg, const char *chain)
{
	struct sweep *w = arg;

	if (query_any(w->s, "SELECT 1 FROM image_layers WHERE chain = ?", chain) ||
	    (w->cache && query_any(w->s, "SELECT 1 FROM build_cache WHERE chain = ?", chain)))
		return 0;
	return db_exec(w->s->db, w->e, "INSERT OR IGNORE INTO garbage VALUES ('layer', ?)", "s", chain);
}

int images_sweep(struct images *s, struct err *e)
{
	struct sweep w = { s, e, query_any(s, "SELECT 1 FROM sqlite_master WHERE name = ?", "build_cache") };
	int r;

	if (blobs_alone(s->blobs) < 0)
		return err_kind(e, ERR_STATE, -EBUSY, "images are being brought in: nothing can be swept now");
	r = db_begin(s->db, e);
	if (r == 0) {
		r = blobs_each(s->blobs, sweep_blob, &w, e);
		if (r == 0)
			r = layers_each(s->layers, sweep_layer, &w, e);
		if (r == 0)
			r = images_index(s, e);
		r = db_end(s->db, r, e);
	}
	if (r == 0)
		r = collect(s, NULL, e);
	if (r == 0)
		r = layers_sweep(s->layers, e);
	if (r == 0)
		r = blobs_sweep_ingest(s->blobs, time(NULL) - INGEST_KEPT, e);
	blobs_not_alone(s->blobs);
	return r;
}

/* --- rmi -------------------------------------------------------------------------------------------------------------- */

struct removal {
	struct images *s;
	struct image i;
	struct strv *done;
	bool force, no_prune;
};

static const char *short_id(const struct image *i, char buf[static 16])
{
	snprintf(buf, 16, "%.12s", digest_hex(i->id));
	return buf;
}

static int in_use(struct removal *x, char **ret, struct err *e)
{
	int r = db_one(x->s->db, ret, e, "SELECT user FROM image_users WHERE image = ? ORDER BY user", "s", x->i.id);

	return r < 0 ? r : r > 0;
}

static bool has_children(struct removal *x)
{
	return query_any(x->s, "SELECT 1 FROM images WHERE parent = ? AND gone = 0", x->i.id);
}

/* Parents that nobody has by name, by a child or a container go with the last child. */
static int drop_parents(struct removal *x, char *parent, struct err *e)
{
	int r = 0;

	while (parent && r == 0) {
		_cleanup_image_ struct image p = { 0 };
		_cleanup_free_ char *id = parent;

		parent = NULL;
		if (images_get(x->s, id, &p, NULL) < 0 || p.tags.n || p.digests.n ||
		    query_any(x->s, "SELECT 1 FROM images WHERE parent = ? AND gone = 0", id) ||
		    query_any(x->s, "SELECT 1 FROM image_users WHERE image = ?", id))
			break;
		parent = TAKE_PTR(p.parent);
		r = images_drop(x->s, id, x->done, e);
	}
	free(parent);
	return r;
}

/* All names are gone or go now. With a user it stays, unseen, until he leaves. */
static int drop_image(struct removal *x, struct err *e)
{
	_cleanup_free_ char *user = NULL, *parent = x->i.parent ? strdup(x->i.parent) : NULL;
	int r = 0, used = in_use(x, &user, e);

	if (used < 0)
		return used;
	for (size_t i = 0; i < x->i.tags.n && r == 0; i++)
		r = say_name(x->done, x->i.tags.v[i], e);
	for (size_t i = 0; i < x->i.digests.n && r == 0; i++)
		r = say_name(x->done, x->i.digests.v[i], e);
	if (r < 0)
		return r;
	if (used) {
		r = db_exec(x->s->db, e, "DELETE FROM image_names WHERE image = ?", "s", x->i.id);
		if (r == 0)
			r = db_exec(x->s->db, e, "DELETE FROM image_digests WHERE image = ?", "s", x->i.id);
		if (r == 0)
			r = db_exec(x->s->db, e, "UPDATE images SET gone = 1 WHERE id = ?", "s", x->i.id);
		return r == 0 ? say(x->done, "Deleted", x->i.id, e) : r;
	}
	r = images_drop(x->s, x->i.id, x->done, e);
	return r == 0 && !x->no_prune ? drop_parents(x, TAKE_PTR(parent), e) : r;
}

static size_t name_len(const char *name)
{
	const char *at = strchr(name, '@'), *slash = strrchr(name, '/'), *colon;

	if (at)
		return (size_t)(at - name);
	colon = strchr(slash ?: name, ':');
	return colon ? (size_t)(colon - name) : strlen(name);
}

static bool same_repository(const char *a, const char *b)
{
	size_t n = name_len(a);

	return n == name_len(b) && memcmp(a, b, n) == 0;
}

/* One name only; the digests under which it was pulled there do not count. */
static bool one_name(const struct image *i)
{
	if (i->tags.n > 1)
		return false;
	for (size_t k = 0; k < i->digests.n; k++)
		if (!same_repository(i->tags.n ? i->tags.v[0] : i->digests.v[0], i->digests.v[k]))
			return false;
	return true;
}

static int remove_by_id(struct removal *x, struct err *e)
{
	_cleanup_free_ char *user = NULL;
	char id[16];
	int used = in_use(x, &user, e);

	if (used < 0)
		return used;
	short_id(&x->i, id);
	if (has_children(x))
		return err_kind(e, ERR_STATE, -EBUSY,
				"conflict: unable to delete %s (cannot be forced) - image has dependent child images",
				id);
	if (!x->force && !one_name(&x->i))
		return err_kind(
			e, ERR_STATE, -EBUSY,
			"conflict: unable to delete %s (must be forced) - image is referenced in multiple repositories",
			id);
	if (!x->force && used)
		return err_kind(
			e, ERR_STATE, -EBUSY,
			"conflict: unable to delete %s (must be forced) - image is being used by container %.12s", id,
			user);
	return drop_image(x, e);
}

/* Digests of a repository whose last tag goes, go along. */
static int untag(struct removal *x, const char *name, struct err *e)
{
	bool digest = strchr(name, '@');
	int r = db_exec(x->s->db, e,
			digest ? "DELETE FROM image_digests WHERE name = ?" : "DELETE FROM image_names WHERE name = ?",
			"s", name);

	if (r == 0)
		r = say_name(x->done, name, e);
	for (size_t i = 0; i < x->i.tags.n; i++)
		if (!streq(x->i.tags.v[i], name) && same_repository(x->i.tags.v[i], name))
			return r;
	for (size_t i = 0; i < x->i.digests.n && r == 0 && !digest; i++)
		if (same_repository(x->i.digests.v[i], name)) {
			r = db_exec(x->s->db, e, "DELETE FROM image_digests WHERE name = ?", "s", x->i.digests.v[i]);
			if (r == 0)
				r = say_name(x->done, x->i.digests.v[i], e);
		}
	return r;
}

static bool has_names(struct removal *x)
{
	return query_any(x->s, "SELECT 1 FROM image_names WHERE image = ?", x->i.id) ||
	       query_any(x->s, "SELECT 1 FROM image_digests WHERE image = ?", x->i.id);
}

/* SAID: NAME as it was given. */
static int remove_by_name(struct removal *x, const char *said, const struct reference *ref, struct err *e)
{
	_cleanup_buf_ struct buf full = BUF_INIT;
	_cleanup_free_ char *user = NULL, *parent = NULL;
	struct reference one = *ref;
	char id[16];
	int r, used = in_use(x, &user, e);
	bool last;

	if (used < 0)
		return used;
	if (one.digest)
		one.tag = NULL;
	last = one.digest ? !x->i.tags.n && x->i.digests.n == 1 : one_name(&x->i);
	reference_full(&one, &full);
	if (last && used && !x->force)
		return err_kind(e, ERR_STATE, -EBUSY,
				"conflict: unable to remove repository reference \"%s\" (must force) - container %.12s "
				"is using its"
				" referenced image %s",
				said, user, short_id(&x->i, id));
	r = buf_error(&full, e);
	if (r == 0)
		r = untag(x, buf_str(&full), e);
	if (r < 0 || used || has_names(x) || has_children(x))
		return r;
	parent = TAKE_PTR(x->i.parent);
	r = images_drop(x->s, x->i.id, x->done, e);
	return r == 0 && !x->no_prune ? drop_parents(x, TAKE_PTR(parent), e) : r;
}

static int remove_found(struct removal *x, const char *name, struct err *e)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_free_ char *id = NULL;
	bool by_id;
	int r = images_resolve(x->s, name, &id, &by_id, &ref, e);

	if (r == 0)
		r = images_get(x->s, id, &x->i, e);
	if (r == 0)
		r = by_id ? remove_by_id(x, e) : remove_by_name(x, name, &ref, e);
	return r == 0 ? images_index(x->s, e) : r;
}

int image_remove(struct images *s, const char *name, bool force, bool no_prune, struct strv *done, struct err *e)
{
	struct removal x = { .s = s, .done = done, .force = force, .no_prune = no_prune };
	int r = db_begin(s->db, e);

	if (r < 0)
		return r;
	r = remove_found(&x, name, e);
	r = db_end(s->db, r, e);
	image_done(&x.i);
	return r == 0 ? images_collect(s, NULL, e) : r;
}

/* --- prune ------------------------------------------------------------------------------------------------------------ */

/* "1h30m", "90s": as Go has it. -EINVAL */
static int go_duration(const char *s, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = { { "h", 3600 }, { "m", 60 }, { "s", 1 } };
	int64_t sum = 0;

	if (!*s)
		return -EINVAL;
	while (*s) {
		size_t n = strspn(s, "0123456789"), i = 0;
		uint64_t v;
		char digits[20];

		if (n == 0 || n >= sizeof(digits))
			return -EINVAL;
		memcpy(digits, s, n);
		digits[n] = '\0';
		while (i < ARRAY_SIZE(units) && s[n] != *units[i].unit)
			i++;
		if (i == ARRAY_SIZE(units) || parse_u64(digits, &v) < 0 || v > INT32_MAX)
			return -EINVAL;
		sum += (int64_t)v * units[i].seconds;
		s += n + 1;
	}
	*ret = sum;
	return 0;
}

int image_until(const char *s, int64_t *ret, struct err *e)
{
	char day[48];
	uint64_t v;
	int64_t ago;

	if (parse_u64(s, &v) == 0 && v < INT64_MAX / 1000000000) {
		*ret = (int64_t)v * 1000000000;
		return 0;
	}
	if (go_duration(s, &ago) == 0) {
		*ret = ((int64_t)time(NULL) - ago) * 1000000000;
		return 0;
	}
	snprintf(day, sizeof(day), strchr(s, 'T') ? "%.40s" : "%.10sT00:00:00Z", s);
	*ret = image_time(day);
	return *ret ? 0 : err_kind(e, ERR_INVALID, -EINVAL, "failed to parse '%.64s' as a time or a duration", s);
}

static bool has_label(const struct image_config *c, const char *want)
{
	size_t n = strcspn(want, "=");

	for (size_t i = 0; i < c->config.labels.n; i++) {
		const char *l = c->config.labels.v[i];

		if (want[n] ? streq(l, want) : strncmp(l, want, n) == 0 && (l[n] == '=' || !l[n]))
			return true;
	}
	return false;
}

/* 1: FILTERS let it go. */
static int wanted(struct images *s, const struct image *i, const struct strv *filters, struct err *e)
{
	_cleanup_image_config_ struct image_config c;
	int r = 1;

	image_config_init(&c);
	if (!filters || !filters->n)
		return 1;
	if (image_config_of(s, i, &c, e) < 0)
		return e ? e->code : -EIO;
	for (size_t k = 0; k < filters->n && r == 1; k++) {
		const char *f = filters->v[k], *v;
		int64_t until;

		if ((v = startswith(f, "label!=")))
			r = !has_label(&c, v);
		else if ((v = startswith(f, "label=")))
			r = has_label(&c, v);
		else if ((v = startswith(f, "until=")))
			r = image_until(v, &until, e) < 0 ? -EINVAL : i->created_ns < until;
		else if (!startswith(f, "dangling="))
			r = err_kind(e, ERR_INVALID, -EINVAL, "invalid filter '%.64s'", f);
	}
	return r;
}

static int prune_one(struct removal *x, bool all, const struct strv *filters, struct err *e)
{
	_cleanup_free_ char *user = NULL;
	int r;

	if ((!all && (x->i.tags.n || x->i.digests.n)) || has_children(x))
		return 0;
	r = in_use(x, &user, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = wanted(x->s, &x->i, filters, e);
	return r > 0 ? drop_image(x, e) : r;
}

int image_prune(struct images *s, bool all, const struct strv *filters, struct strv *done, uint64_t *ret_bytes,
		struct err *e)
{
	_cleanup_strv_ struct strv ids = STRV_INIT;
	uint64_t bytes = 0;
	int r = db_begin(s->db, e);

	if (r < 0)
		return r;
	/* Children first: then their parents have none. */
	r = query_list(s, &ids, e, "SELECT id FROM images WHERE gone = ? ORDER BY created DESC, id", "0");
	for (size_t i = 0; i < ids.n && r == 0; i++) {
		struct removal x = { .s = s, .done = done };

		if (images_get(s, ids.v[i], &x.i, NULL) == 0)
			r = prune_one(&x, all, filters, e);
		image_done(&x.i);
	}
	if (r == 0)
		r = images_index(s, e);
	r = db_end(s->db, r, e);
	if (r == 0)
		r = images_collect(s, &bytes, e);
	/* What kills have left, unless somebody is bringing something in. */
	if (r == 0 && (r = images_sweep(s, e)) == -EBUSY) {
		err_clear(e);
		r = 0;
	}
	if (r == 0 && ret_bytes)
		*ret_bytes = bytes;
	return r;
}
