/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is there, by name or id, and changes of names. A blob or a layer belongs to whoever has a row with it; index.json is
 * written within the transaction that changes a name, so it is true whenever nobody is just changing one.
 */
#include "image/images-inner.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "sys/proc.h"

#define INDEX_MAX 65536u

static const char *const steps[] = {
	"CREATE TABLE images (id TEXT PRIMARY KEY, manifest TEXT NOT NULL, type TEXT NOT NULL, manifest_size INTEGER "
	"NOT NULL,"
	" chain TEXT NOT NULL, created INTEGER NOT NULL, size INTEGER NOT NULL, parent TEXT, gone INTEGER NOT NULL "
	"DEFAULT 0)"
	" WITHOUT ROWID;"
	"CREATE INDEX images_parent ON images (parent) WHERE parent IS NOT NULL;"
	"CREATE TABLE image_names (name TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images) WITHOUT ROWID;"
	"CREATE INDEX image_names_image ON image_names (image);"
	"CREATE TABLE image_digests (name TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images) WITHOUT ROWID;"
	"CREATE INDEX image_digests_image ON image_digests (image);"
	"CREATE TABLE image_blobs (image TEXT NOT NULL REFERENCES images, digest TEXT NOT NULL, PRIMARY KEY (image, "
	"digest))"
	" WITHOUT ROWID;"
	"CREATE INDEX image_blobs_digest ON image_blobs (digest);"
	"CREATE TABLE image_layers (image TEXT NOT NULL REFERENCES images, chain TEXT NOT NULL, PRIMARY KEY (image, "
	"chain))"
	" WITHOUT ROWID;"
	"CREATE INDEX image_layers_chain ON image_layers (chain);"
	"CREATE TABLE image_users (user TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images) WITHOUT ROWID;"
	"CREATE INDEX image_users_image ON image_users (image);"
	"CREATE TABLE garbage (kind TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID",
	NULL,
};

/* --- the store -------------------------------------------------------------------------------------------------------- */

static char *default_root(void)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (geteuid() == 0 && !proc_user_entered())
		return strdup("/var/lib/creel");
	if (data && *data == '/')
		return path_join(data, "creel");
	return home && *home == '/' ? path_join(home, ".local/share/creel") : NULL;
}

int images_open(const char *root, const char *driver, struct images **ret, struct err *e)
{
	_cleanup_(images_freep) struct images *s = calloc(1, sizeof(*s));
	_cleanup_free_ char *db = NULL, *blobs = NULL, *layers = NULL, *conf = NULL;
	int r;

	if (!s)
		return err_oom(e);
	s->root = root ? strdup(root) : default_root();
	if (!s->root)
		return root ? err_oom(e) : err_kind(e, ERR_INVALID, -ENOENT, "no place for images: HOME is not set");
	db = path_join(s->root, "creel.db");
	blobs = path_join(s->root, "blobs");
	layers = path_join(s->root, "layers");
	if (!db || !blobs || !layers)
		return err_oom(e);
	/* An ordinary user's group may have others in it, and in there are set-user-id programs of his. */
	r = dir_make_all(s->root, proc_host_root() ? 0710 : 0700, e);
	if (r == 0)
		r = db_open(db, true, &s->db, e);
	if (r == 0)
		r = db_schema(s->db, "images", steps, e);
	if (r == 0)
		r = blobs_open(blobs, true, &s->blobs, e);
	if (r == 0)
		r = driver ? 0 : storage_conf(NULL, &conf, e);
	if (r == 0)
		r = layers_open(layers, driver ?: conf, s->db, true, &s->layers, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct images *images_free(struct images *s)
{
	if (!s)
		return NULL;
	layers_free(s->layers);
	blobs_free(s->blobs);
	db_free(s->db);
	free(s->root);
	free(s);
	return NULL;
}

void image_done(struct image *i)
{
	free(i->parent);
	strv_done(&i->tags);
	strv_done(&i->digests);
	*i = (struct image){ 0 };
}

/* --- times ------------------------------------------------------------------------------------------------------------ */

int64_t image_time(const char *s)
{
	struct tm t = { 0 };
	int n = 0, hours = 0, minutes = 0;
	int64_t ns = 0, unit = 100000000, off = 0;
	char sign;

	if (!s || sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &t.tm_hour, &t.tm_min,
			 &t.tm_sec, &n) != 6)
		return 0;
	s += n;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			ns += (*s - '0') * unit;
	if (sscanf(s, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-'))
		off = (hours * 60 + minutes) * (sign == '+' ? 60 : -60);
	if (t.tm_year < 1 || t.tm_year > 9999)
		return 0;
	t.tm_year -= 1900;
	t.tm_mon--;
	return ((int64_t)timegm(&t) - off) > INT64_MAX / 1000000000 || t.tm_year < -200 || t.tm_year > 300
		       ? 0
		       : ((int64_t)timegm(&t) - off) * 1000000000 + ns;
}

/* --- finding ---------------------------------------------------------------------------------------------------------- */

struct filler {
	struct image *i;
	struct err *e;
	bool has;
};

static int fill_image(void *arg, const struct db_row *row)
{
	struct filler *f = arg;
	const char *parent = db_text(row, 5);

	snprintf(f->i->id, DIGEST_MAX, "%s", db_text(row, 0));
	snprintf(f->i->manifest, DIGEST_MAX, "%s", db_text(row, 1));
	snprintf(f->i->chain, DIGEST_MAX, "%s", db_text(row, 2));
	f->i->created_ns = db_int(row, 3);
	f->i->size = (uint64_t)db_int(row, 4);
	f->i->parent = parent ? strdup(parent) : NULL;
	f->has = true;
	return parent && !f->i->parent ? err_oom(f->e) : 0;
}

static int push_text(void *arg, const struct db_row *row)
{
	return strv_push(arg, db_text(row, 0), NULL);
}

static int fill_names(struct images *s, struct image *i, struct err *e)
{
	int r = db_query(s->db, push_text, &i->tags, e, "SELECT name FROM image_names WHERE image = ? ORDER BY name",
			 "s", i->id);

	if (r == 0)
		r = db_query(s->db, push_text, &i->digests, e,
			     "SELECT name FROM image_digests WHERE image = ? ORDER BY name", "s", i->id);
	return r;
}

int images_get(struct images *s, const char *id, struct image *ret, struct err *e)
{
	_cleanup_image_ struct image i = { 0 };
	struct filler f = { &i, e, false };
	int r = db_query(s->db, fill_image, &f, e,
			 "SELECT id, manifest, chain, created, size, parent FROM images WHERE id = ?", "s", id);

	if (r == 0 && !f.has)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such image: %s", id);
	if (r == 0)
		r = fill_names(s, &i, e);
	if (r < 0)
		return r;
	*ret = i;
	i = (struct image){ 0 };
	return 0;
}

static int no_such(const char *name, const struct reference *ref, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (ref && ref->path)
		reference_familiar(ref, &b);
	else
		buf_puts(&b, name);
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such image: %.256s", buf_str(&b));
}

/* The id that NAME as a name leads to: 1, or 0. */
static int id_by_name(struct images *s, const struct reference *ref, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf full = BUF_INIT;

	reference_name(ref, false, &full);
	if (ref->digest) {
		buf_printf(&full, "@%s", ref->digest);
		return db_one(s->db, ret, e, "SELECT image FROM image_digests WHERE name = ?", "s", buf_str(&full));
	}
	buf_printf(&full, ":%s", ref->tag);
	return db_one(s->db, ret, e, "SELECT image FROM image_names WHERE name = ?", "s", buf_str(&full));
}

/* The only id that begins like this: 1, or 0. */
static int id_by_prefix(struct images *s, const char *name, char **ret, struct err *e)
{
	const char *hex = startswith(name, "sha256:") ?: name;
	_cleanup_strv_ struct strv ids = STRV_INIT;
	char from[80], to[80];
	int r;

	if (!reference_is_id(hex))
		return 0;
	snprintf(from, sizeof(from), "sha256:%s", hex);
	snprintf(to, sizeof(to), "sha256:%sg", hex);
	r = db_query(s->db, push_text, &ids, e, "SELECT id FROM images WHERE id >= ? AND id < ? AND gone = 0 LIMIT 2",
		     "ss", from, to);
	if (r < 0 || ids.n == 0)
		return r;
	if (ids.n > 1)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s is the beginning of more than one image's id", name);
	*ret = TAKE_PTR(ids.v[0]);
	ids.n = 0;
	return *ret ? 1 : err_oom(e);
}

int images_resolve(struct images *s, const char *name, char **ret_id, bool *ret_by_id, struct reference *ret_ref,
		   struct err *e)
{
	_cleanup_reference_ struct reference ref = { 0 };
	struct err why = { 0 };
	int r = 0, bad;

	if (digest_valid(name) || (strlen(name) == 64 && reference_is_id(name))) {
		r = id_by_prefix(s, name, ret_id, e);
		*ret_by_id = true;
		return r < 0 ? r : r == 0 ? no_such(name, NULL, e) : 0;
	}
	bad = reference_parse(name, &ref, &why);
	if (bad == 0)
		bad = reference_default_tag(&ref, &why);
	if (bad == 0)
		r = id_by_name(s, &ref, ret_id, e);
	*ret_by_id = false;
	if (r == 0) {
		r = id_by_prefix(s, name, ret_id, e);
		*ret_by_id = true;
	}
	if (r < 0)
		return r;
	if (r == 0 && bad < 0) {
		if (e)
			*e = why;
		return bad;
	}
	if (r == 0)
		return no_such(name, &ref, e);
	if (ret_ref) {
		*ret_ref = ref;
		ref = (struct reference){ 0 };
	}
	return 0;
}

int image_find(struct images *s, const char *name, struct image *ret, struct err *e)
{
	_cleanup_free_ char *id = NULL;
	bool by_id;
	int r = images_resolve(s, name, &id, &by_id, NULL, e);

	return r < 0 ? r : images_get(s, id, ret, e);
}

int image_config_of(struct images *s, const struct image *i, struct image_config *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = blobs_read(s->blobs, i->id, MANIFEST_MAX, &text, &len, e);

	return r < 0 ? r : image_config_parse(text, len, ret, e);
}

int image_manifest(struct images *s, const struct image *i, char **ret, size_t *ret_len, char **ret_type, struct err *e)
{
	_cleanup_free_ char *type = NULL;
	int r = db_one(s->db, &type, e, "SELECT type FROM images WHERE id = ?", "s", i->id);

	if (r == 0)
		return no_such(i->id, NULL, e);
	if (r > 0)
		r = blobs_read(s->blobs, i->manifest, MANIFEST_MAX, ret, ret_len, e);
	if (r < 0)
		return r;
	if (ret_type)
		*ret_type = TAKE_PTR(type);
	return 0;
}

int image_list(struct images *s, struct image **ret, size_t *ret_n, struct err *e)
{
	_cleanup_strv_ struct strv ids = STRV_INIT;
	struct image *list;
	size_t n = 0;
	int r;

	/* One state of things for all of them. */
	r = db_begin(s->db, e);
	if (r < 0)
		return r;
	r = db_query(s->db, push_text, &ids, e, "SELECT id FROM images WHERE gone = 0 ORDER BY created DESC, id", "");
	list = calloc(ids.n ? ids.n : 1, sizeof(*list));
	if (!list)
		r = err_oom(e);
	for (; n < ids.n && r == 0; n++)
		r = images_get(s, ids.v[n], &list[n], e);
	r = db_end(s->db, r, e);
	if (r < 0) {
		for (size_t i = 0; list && i < n; i++)
			image_done(&list[i]);
		free(list);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int images_layers_size(struct images *s, uint64_t *ret, struct err *e)
{
	_cleanup_strv_ struct strv chains = STRV_INIT;
	int r = db_query(s->db, push_text, &chains, e, "SELECT DISTINCT chain FROM image_layers", "");

	*ret = 0;
	for (size_t i = 0; i < chains.n && r == 0; i++) {
		uint64_t bytes = 0;

		r = layer_bytes_all(s->layers, chains.v[i], &bytes, e);
		*ret += bytes;
	}
	return r;
}

/* --- names ------------------------------------------------------------------------------------------------------------ */

struct names {
	struct blobs_name *v;
	char **text; /* what they point to, a row's three */
	size_t n;
	struct err *e;
};

static int add_name(void *arg, const struct db_row *row)
{
	struct names *x = arg;
	struct blobs_name *n;

	if (x->n >= INDEX_MAX)
		return 0;
	if ((x->n & (x->n - 1)) == 0) {
		size_t cap = x->n ? x->n * 2 : 1;
		struct blobs_name *v = reallocarray(x->v, cap, sizeof(*v));
		char **text = v ? reallocarray(x->text, cap * 3, sizeof(*text)) : NULL;

		if (v)
			x->v = v;
		if (text)
			x->text = text;
		if (!v || !text)
			return err_oom(x->e);
	}
	for (int i = 0; i < 3; i++) {
		const char *s = db_text(row, i);

		x->text[x->n * 3 + (size_t)i] = s ? strdup(s) : NULL;
	}
	n = &x->v[x->n];
	*n = (struct blobs_name){ x->text[x->n * 3], x->text[x->n * 3 + 1], (uint64_t)db_int(row, 3),
				  x->text[x->n * 3 + 2] };
	x->n++;
	return n->media_type && n->digest ? 0 : err_oom(x->e);
}

int images_index(struct images *s, struct err *e)
{
	struct names x = { .e = e };
	int r = db_query(s->db, add_name, &x, e,
			 "SELECT type, manifest, name, manifest_size FROM images LEFT JOIN image_names ON image = id"
			 " WHERE gone = 0 ORDER BY name, id",
			 "");

	if (r == 0)
		r = blobs_index(s->blobs, x.v, x.n, e);
	for (size_t i = 0; i < x.n * 3; i++)
		free(x.text[i]);
	free(x.text);
	free(x.v);
	return r;
}

int images_name(struct images *s, const char *id, const struct reference *name, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	size_t len;
	int r = 0;

	if (name) {
		reference_name(name, false, &b);
		len = b.len;
		if (name->tag || !name->digest) {
			buf_printf(&b, ":%s", name->tag ?: "latest");
			r = buf_error(&b, e);
			if (r == 0)
				r = db_exec(s->db, e, "INSERT OR REPLACE INTO image_names VALUES (?, ?)", "ss",
					    buf_str(&b), id);
			b.len = len;
		}
		if (r == 0 && name->digest) {
			buf_printf(&b, "@%s", name->digest);
			r = buf_error(&b, e);
			if (r == 0)
				r = db_exec(s->db, e, "INSERT OR REPLACE INTO image_digests VALUES (?, ?)", "ss",
					    buf_str(&b), id);
		}
	}
	return r == 0 ? images_index(s, e) : r;
}

int image_tag(struct images *s, const char *id, const struct reference *name, struct err *e)
{
	struct reference tag = *name;
	struct image i = { 0 };
	char latest[] = "latest";
	int r;

	if (name->digest)
		return err_kind(e, ERR_INVALID, -EINVAL, "refusing to create a tag with a digest reference");
	if (!tag.tag)
		tag.tag = latest;
	r = db_begin(s->db, e);
	if (r < 0)
		return r;
	r = images_get(s, id, &i, e);
	image_done(&i);
	if (r == 0)
		r = images_name(s, id, &tag, e);
	return db_end(s->db, r, e);
}

/* --- rows ------------------------------------------------------------------------------------------------------------- */

static int put_layers(struct images *s, const struct image_row *row, char chain[static DIGEST_MAX], uint64_t *ret_bytes,
		      struct err *e)
{
	char next[DIGEST_MAX];
	uint64_t bytes;
	int r = 0;

	*ret_bytes = 0;
	chain[0] = '\0';
	for (size_t i = 0; i < row->config->diff_ids.n && r == 0; i++) {
		chain_id(chain[0] ? chain : NULL, row->config->diff_ids.v[i], next);
		memcpy(chain, next, sizeof(next));
		r = layer_bytes(s->layers, chain, &bytes, e);
		if (r == 0)
			r = db_exec(s->db, e, "INSERT OR IGNORE INTO image_layers VALUES (?, ?)", "ss", row->id, chain);
		*ret_bytes += bytes;
	}
	return r;
}

static int put_blob(struct images *s, const char *id, const char *digest, struct err *e)
{
	int r = blobs_stat(s->blobs, digest, NULL, e);

	return r < 0 ? r : db_exec(s->db, e, "INSERT OR IGNORE INTO image_blobs VALUES (?, ?)", "ss", id, digest);
}

int images_put(struct images *s, const struct image_row *row, struct err *e)
{
	char chain[DIGEST_MAX];
	uint64_t bytes;
	int r;

	/* Its rows come first, for those of others refer to it; what it needs is filled in after. */
	r = db_exec(s->db, e,
		    "INSERT INTO images VALUES (?1, ?2, ?3, ?4, '', ?5, 0, ?6, 0) ON CONFLICT (id) DO UPDATE SET"
		    " manifest = ?2, type = ?3, manifest_size = ?4, gone = 0",
		    "sssiis", row->id, row->manifest, row->type, (int64_t)row->manifest_size,
		    image_time(row->config->created), row->parent);
	if (r == 0)
		r = put_layers(s, row, chain, &bytes, e);
	if (r == 0)
		r = db_exec(s->db, e, "UPDATE images SET chain = ?, size = ? WHERE id = ?", "sis", chain,
			    (int64_t)bytes, row->id);
	if (r == 0)
		r = put_blob(s, row->id, row->id, e);
	if (r == 0)
		r = put_blob(s, row->id, row->manifest, e);
	for (size_t i = 0; i < row->config->diff_ids.n && r == 0; i++)
		r = put_blob(s, row->id, row->layers[i].digest, e);
	return r;
}

int image_use(struct images *s, const char *image, const char *id, struct err *e)
{
	int r = db_exec(s->db, e, "INSERT OR REPLACE INTO image_users VALUES (?, ?)", "ss", id, image);

	return r == -EEXIST ? err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such image: %s", image) : r;
}

/* The last user of an image that was removed by force takes it along. */
int image_unuse(struct images *s, const char *id, struct err *e)
{
	_cleanup_free_ char *image = NULL, *gone = NULL;
	int r = db_begin(s->db, e);

	if (r < 0)
		return r;
	r = db_one(s->db, &image, e, "SELECT image FROM image_users WHERE user = ?", "s", id);
	if (r > 0)
		r = db_exec(s->db, e, "DELETE FROM image_users WHERE user = ?", "s", id);
	if (r == 0 && image)
		r = db_one(s->db, &gone, e,
			   "SELECT id FROM images WHERE id = ? AND gone = 1 AND NOT EXISTS (SELECT 1 FROM image_users "
			   "WHERE image = id)",
			   "s", image);
	if (r > 0)
		r = images_drop(s, image, NULL, e);
	return db_end(s->db, r, e);
}
