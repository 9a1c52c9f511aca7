/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One archive that is both: an OCI layout (index.json, blobs/) and what Docker calls its own (manifest.json, which names files
 * of the layout). Blobs go out as they are in the store; nothing is unpacked or packed for it.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "image/images-inner.h"
#include "image/pack.h"

#define NAME_KEY "io.containerd.image.name"
#define REF_KEY	 "org.opencontainers.image.ref.name"
#define LAYOUT	 "{\"imageLayoutVersion\":\"1.0.0\"}"
#define CHUNK	 (256u << 10)

/* One image to go out, and under which names ("docker.io/library/x:1"). */
struct item {
	struct image i;
	struct strv names;
	struct manifest m;
	size_t manifest_len;
};

struct save {
	struct images *s;
	struct item *items;
	size_t n;
	struct tar_writer *t;
};

static void save_done(struct save *x)
{
	for (size_t i = 0; i < x->n; i++) {
		image_done(&x->items[i].i);
		strv_done(&x->items[i].names);
		manifest_done(&x->items[i].m);
	}
	free(x->items);
	tar_writer_free(x->t);
}

/* The item of an image, made where it is the first time that one of its names is asked for. */
static int item_of(struct save *x, const char *id, struct item **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL, *type = NULL;
	struct item *more;
	int r;

	for (size_t i = 0; i < x->n; i++)
		if (streq(x->items[i].i.id, id)) {
			*ret = &x->items[i];
			return 0;
		}
	more = reallocarray(x->items, x->n + 1, sizeof(*more));
	if (!more)
		return err_oom(e);
	x->items = more;
	*ret = &x->items[x->n++];
	**ret = (struct item){ 0 };
	r = images_get(x->s, id, &(*ret)->i, e);
	if (r == 0)
		r = image_manifest(x->s, &(*ret)->i, &text, &(*ret)->manifest_len, &type, e);
	return r == 0 ? manifest_parse(text, (*ret)->manifest_len, type, &(*ret)->m, e) : r;
}

static int add_name(struct save *x, const char *id, const char *name, struct err *e)
{
	struct item *item;
	int r = item_of(x, id, &item, e);

	return r < 0 || strv_has(&item->names, name) ? r : strv_push(&item->names, name, e);
}

/* A name without a tag stands for all tags of its repository. 1: it was one. */
static int add_repository(struct save *x, const char *name, struct err *e)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	struct image *list;
	size_t n;
	int r, found = 0;

	if (reference_parse(name, &ref, NULL) < 0 || ref.tag || ref.digest)
		return 0;
	reference_name(&ref, false, &prefix);
	buf_putc(&prefix, ':');
	r = image_list(x->s, &list, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < list[i].tags.n && r == 0; k++)
			if (startswith(list[i].tags.v[k], buf_str(&prefix))) {
				r = add_name(x, list[i].id, list[i].tags.v[k], e);
				found = 1;
			}
		image_done(&list[i]);
	}
	free(list);
	return r < 0 ? r : found;
}

static int add_asked(struct save *x, const char *name, struct err *e)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_buf_ struct buf full = BUF_INIT;
	_cleanup_free_ char *id = NULL;
	struct item *item;
	bool by_id;
	int r = add_repository(x, name, e);

	if (r != 0)
		return r < 0 ? r : 0;
	r = images_resolve(x->s, name, &id, &by_id, &ref, e);
	if (r < 0)
		return r;
	if (by_id || ref.digest)
		return item_of(x, id, &item, e);
	reference_full(&ref, &full);
	return add_name(x, id, buf_str(&full), e);
}

/* --- texts ------------------------------------------------------------------------------------------------------------ */

static void put_blob_path(struct json *j, const char *digest)
{
	char path[DIGEST_MAX + 16];

	snprintf(path, sizeof(path), "blobs/%.*s/%s", (int)strcspn(digest, ":"), digest, digest_hex(digest));
	json_string(j, path);
}

static void put_index_entry(struct json *j, const struct item *item, const char *name)
{
	const char *tag = name ? strrchr(name, ':') : NULL;

	json_object(j);
	json_kv_string(j, "mediaType", item->m.media_type);
	json_kv_string(j, "digest", item->i.manifest);
	json_kv_u64(j, "size", item->manifest_len);
	if (tag) {
		json_key(j, "annotations");
		json_object(j);
		json_kv_string(j, NAME_KEY, name);
		json_kv_string(j, REF_KEY, tag + 1);
		json_end_object(j);
	}
	json_end_object(j);
}

static void make_index(const struct save *x, struct buf *out)
{
	struct json j;

	json_init(&j, out, false);
	json_object(&j);
	json_kv_i64(&j, "schemaVersion", 2);
	json_kv_string(&j, "mediaType", MT_OCI_INDEX);
	json_key(&j, "manifests");
	json_array(&j);
	for (size_t i = 0; i < x->n; i++) {
		for (size_t k = 0; k < x->items[i].names.n; k++)
			put_index_entry(&j, &x->items[i], x->items[i].names.v[k]);
		if (!x->items[i].names.n)
			put_index_entry(&j, &x->items[i], NULL);
	}
	json_end_array(&j);
	json_end_object(&j);
}

static void put_familiar(struct json *j, const char *name)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (reference_parse(name, &ref, NULL) == 0)
		reference_familiar(&ref, &b);
	json_string(j, b.len ? buf_str(&b) : name);
}

static void make_docker(const struct save *x, struct buf *out)
{
	struct json j;

	json_init(&j, out, false);
	json_array(&j);
	for (size_t i = 0; i < x->n; i++) {
		const struct item *item = &x->items[i];

		json_object(&j);
		json_key(&j, "Config");
		put_blob_path(&j, item->i.id);
		json_key(&j, "RepoTags");
		if (item->names.n) {
			json_array(&j);
			for (size_t k = 0; k < item->names.n; k++)
				put_familiar(&j, item->names.v[k]);
			json_end_array(&j);
		} else {
			json_null(&j);
		}
		json_key(&j, "Layers");
		json_array(&j);
		for (size_t k = 0; k < item->m.n_layers; k++)
			put_blob_path(&j, item->m.layers[k].digest);
		json_end_array(&j);
		json_end_object(&j);
	}
	json_end_array(&j);
}

/* --- the archive ------------------------------------------------------------------------------------------------------ */

static int put_dir(struct save *x, const char *name, struct err *e)
{
	return tar_put(x->t, &(struct tar_out){ .name = name, .type = '5', .mode = 0755 }, e);
}

static int put_text(struct save *x, const char *name, const char *text, size_t len, struct err *e)
{
	int r = tar_put(x->t, &(struct tar_out){ .name = name, .type = '0', .mode = 0644, .size = len }, e);

	return r == 0 ? tar_put_data(x->t, text, len, e) : r;
}

static int put_blob(struct save *x, const char *digest, char *chunk, struct err *e)
{
	_cleanup_close_ int fd = blobs_fd(x->s->blobs, digest, e);
	char path[DIGEST_MAX + 16];
	uint64_t size, left;
	int r;

	if (fd < 0)
		return fd;
	r = blobs_stat(x->s->blobs, digest, &size, e);
	snprintf(path, sizeof(path), "blobs/%.*s/%s", (int)strcspn(digest, ":"), digest, digest_hex(digest));
	if (r == 0)
		r = tar_put(x->t, &(struct tar_out){ .name = path, .type = '0', .mode = 0644, .size = size }, e);
	for (left = size; left && r == 0;) {
		ssize_t n = fd_read_full(fd, chunk, left < CHUNK ? (size_t)left : CHUNK);

		if (n <= 0)
			return err_set(e, n < 0 ? (int)n : -EIO, "read content %s", digest);
		r = tar_put_data(x->t, chunk, (size_t)n, e);
		left -= (uint64_t)n;
	}
	return r;
}

/* Each once, sorted. */
static int put_blobs(struct save *x, struct err *e)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	_cleanup_strv_ struct strv l = STRV_INIT;
	int r = chunk ? 0 : err_oom(e);

	for (size_t i = 0; i < x->n && r == 0; i++) {
		const struct item *item = &x->items[i];

		r = strv_push(&l, item->i.id, e);
		if (r == 0)
			r = strv_push(&l, item->i.manifest, e);
		for (size_t k = 0; k < item->m.n_layers && r == 0; k++)
			r = strv_push(&l, item->m.layers[k].digest, e);
	}
	strv_sort(&l);
	if (r == 0)
		r = put_dir(x, "blobs/", e);
	if (r == 0)
		r = put_dir(x, "blobs/sha256/", e);
	for (size_t i = 0; i < l.n && r == 0; i++)
		if (i == 0 || !streq(l.v[i], l.v[i - 1]))
			r = put_blob(x, l.v[i], chunk, e);
	return r;
}

static int save(struct images *s, char *const *names, const struct pack_sink *out, struct err *e)
{
	_cleanup_(save_done) struct save x = { .s = s };
	_cleanup_buf_ struct buf index = BUF_INIT, docker = BUF_INIT;
	int r = 0;

	for (; *names && r == 0; names++)
		r = add_asked(&x, *names, e);
	make_index(&x, &index);
	make_docker(&x, &docker);
	if (r == 0)
		r = buf_error(&index, e);
	if (r == 0)
		r = buf_error(&docker, e);
	if (r == 0)
		r = tar_writer_new(out, &x.t, e);
	if (r == 0)
		r = put_blobs(&x, e);
	if (r == 0)
		r = put_text(&x, "index.json", index.data, index.len, e);
	if (r == 0)
		r = put_text(&x, "manifest.json", docker.data, docker.len, e);
	if (r == 0)
		r = put_text(&x, "oci-layout", LAYOUT, strlen(LAYOUT), e);
	return r == 0 ? tar_end(x.t, e) : r;
}

/* Nobody takes content away while it is read. */
int images_save(struct images *s, char *const *names, const struct pack_sink *out, struct err *e)
{
	int r = blobs_hold(s->blobs, e);

	if (r < 0)
		return r;
	r = save(s, names, out, e);
	blobs_release(s->blobs);
	return r;
}
