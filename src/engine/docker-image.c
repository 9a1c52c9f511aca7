/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images in the Engine API's words. */

#include <stdio.h>
#include <time.h>

#include <fnmatch.h>

#include "engine/docker-inner.h"

/* "docker.io/library/debian:12" as people write it. */
static int familiar(const char *full, struct buf *out, struct err *e)
{
	_cleanup_reference_ struct reference r = { 0 };
	int x = reference_parse(full, &r, e);

	if (x == 0)
		reference_familiar(&r, out);
	return x;
}

static int put_names(const struct strv *names, struct json *j, struct err *e)
{
	int r = 0;

	json_array(j);
	for (size_t i = 0; i < names->n && r == 0; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		r = familiar(names->v[i], &text, e);
		json_string(j, buf_str(&text));
	}
	json_end_array(j);
	return r;
}

static int put_labels(const struct container_config *c, struct json *j)
{
	if (!c->labels.n) {
		json_null(j);
		return 0;
	}
	json_object(j);
	for (size_t i = 0; i < c->labels.n; i++) {
		size_t n = strcspn(c->labels.v[i], "=");
		_cleanup_free_ char *key = strndup(c->labels.v[i], n);

		if (key)
			json_kv_string(j, key, c->labels.v[i][n] ? c->labels.v[i] + n + 1 : "");
	}
	json_end_object(j);
	return 0;
}

/* --- list ----------------------------------------------------------------------------------------------------------------- */

struct looking {
	struct docker *d;
	const struct image *i;
	const struct container_config *config;
	const char *tag; /* this one only; NULL: all of the image's */
	struct err *e;
};

static bool like_reference(void *arg, const char *want)
{
	const struct looking *l = arg;

	for (size_t i = 0; i < l->i->tags.n; i++) {
		_cleanup_buf_ struct buf name = BUF_INIT;
		char *colon;

		if ((l->tag && !streq(l->tag, l->i->tags.v[i])) || familiar(l->i->tags.v[i], &name, NULL) < 0)
			continue;
		if (fnmatch(want, buf_str(&name), FNM_PATHNAME) == 0)
			return true;
		colon = name.data ? strrchr(name.data, ':') : NULL;
		if (colon)
			*colon = '\0';
		if (fnmatch(want, buf_str(&name), FNM_PATHNAME) == 0)
			return true;
	}
	return false;
}

static bool like_label(void *arg, const char *want)
{
	const struct looking *l = arg;
	size_t n = strcspn(want, "=");

	for (size_t i = 0; i < l->config->labels.n; i++)
		if (streq(l->config->labels.v[i], want) ||
		    (!want[n] && strncmp(l->config->labels.v[i], want, n) == 0 && l->config->labels.v[i][n] == '='))
			return true;
	return false;
}

static bool like_dangling(void *arg, const char *want)
{
	const struct looking *l = arg;
	bool yes = streq(want, "true") || streq(want, "1");

	return yes == (l->i->tags.n == 0);
}

static bool like_before(void *arg, const char *want)
{
	const struct looking *l = arg;
	struct image other = { 0 };
	bool yes;

	if (image_find(l->d->images, want, &other, NULL) < 0)
		return false;
	yes = l->i->created_ns < other.created_ns;
	image_done(&other);
	return yes;
}

static bool like_since(void *arg, const char *want)
{
	const struct looking *l = arg;
	struct image other = { 0 };
	bool yes;

	if (image_find(l->d->images, want, &other, NULL) < 0)
		return false;
	yes = l->i->created_ns > other.created_ns;
	image_done(&other);
	return yes;
}

/* The names of an image of which some were asked for. */
static int put_tags(struct looking *l, const struct json_c_value *filters, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv tags = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < l->i->tags.n && r >= 0; i++) {
		l->tag = l->i->tags.v[i];
		if (docker_filter(filters, "reference", like_reference, l))
			r = strv_push(&tags, l->tag, e);
	}
	return r < 0 ? r : put_names(&tags, j, e);
}

static bool check_image(void *arg, const char *want)
{
	struct looking *l = arg;
	struct image i = { 0 };

	(void)image_find(l->d->images, want, &i, l->e);
	image_done(&i);
	return true;
}

static bool check_dangling(void *arg, const char *want)
{
	struct looking *l = arg;

	if (!streq(want, "true") && !streq(want, "1") && !streq(want, "false") && !streq(want, "0"))
		(void)err_kind(l->e, ERR_INVALID, -EINVAL, "invalid filter 'dangling=[%s]'", want);
	return true;
}

static int check_values(struct docker *d, const struct json_c_value *f, struct err *e)
{
	struct err own = { 0 };
	struct looking l = { .d = d, .e = e ?: &own };

	(void)docker_filter(f, "before", check_image, &l);
	(void)docker_filter(f, "since", check_image, &l);
	(void)docker_filter(f, "dangling", check_dangling, &l);
	return l.e->code;
}

static int put_image(struct docker *d, const struct image *i, const struct json_c_value *filters, struct json *j,
		     struct err *e)
{
	_cleanup_image_config_ struct image_config c;
	struct looking l = { .d = d, .i = i };
	int r;

	image_config_init(&c);
	r = image_config_of(d->images, i, &c, e);
	if (r < 0)
		return r;
	l.config = &c.config;
	if (!docker_filter(filters, "reference", like_reference, &l) ||
	    !docker_filter(filters, "label", like_label, &l) ||
	    !docker_filter(filters, "dangling", like_dangling, &l) ||
	    !docker_filter(filters, "before", like_before, &l) || !docker_filter(filters, "since", like_since, &l))
		return 0;
	json_object(j);
	json_kv_i64(j, "Containers", -1);
	json_kv_i64(j, "Created", i->created_ns / 1000000000);
	json_kv_string(j, "Id", i->id);
	json_key(j, "Labels");
	(void)put_labels(&c.config, j);
	json_kv_string(j, "ParentId", i->parent ?: "");
	json_key(j, "RepoDigests");
	r = put_names(&i->digests, j, e);
	json_key(j, "RepoTags");
	if (r == 0)
		r = put_tags(&l, filters, j, e);
	json_kv_i64(j, "SharedSize", -1);
	json_kv_u64(j, "Size", i->size);
	json_end_object(j);
	return r;
}

static void drop_images(struct image *l, size_t n)
{
	for (size_t i = 0; i < n; i++)
		image_done(&l[i]);
	free(l);
}

int docker_image_list(struct docker *d, bool all, bool digests, const char *filters, struct buf *ret, struct err *e)
{
	static const char *const known[] = { "before", "dangling", "label", "reference", "since", "until", NULL };
	_cleanup_value_ struct json_c_value *f = NULL;
	struct image *l = NULL;
	struct json j;
	size_t n = 0;
	int r = docker_filters_parse(filters, known, &f, e);

	if (r == 0)
		r = check_values(d, f, e);
	if (r == 0)
		r = image_list(d->images, &l, &n, e);
	json_init(&j, ret, false);
	json_array(&j);
	for (size_t i = 0; i < n && r == 0; i++)
		r = put_image(d, &l[i], f, &j, e);
	json_end_array(&j);
	drop_images(l, n);
	return r == 0 ? buf_error(ret, e) : r;
}

/* --- one ------------------------------------------------------------------------------------------------------------------- */

static void put_rootfs(const struct image_config *c, struct json *j)
{
	json_object(j);
	json_kv_string(j, "Type", "layers");
	if (c->diff_ids.n) {
		json_key(j, "Layers");
		json_array(j);
		for (size_t i = 0; i < c->diff_ids.n; i++)
			json_string(j, c->diff_ids.v[i]);
		json_end_array(j);
	}
	json_end_object(j);
}

int docker_image_inspect(struct docker *d, const char *name, struct buf *ret, struct err *e)
{
	_cleanup_image_config_ struct image_config c;
	struct image i = { 0 };
	const char *driver = layers_driver(d->images->layers);
	struct json j;
	int r = image_find(d->images, name, &i, e);

	image_config_init(&c);
	if (r < 0)
		return r;
	r = image_config_of(d->images, &i, &c, e);
	json_init(&j, ret, false);
	json_object(&j);
	json_kv_string(&j, "Id", i.id);
	json_key(&j, "RepoTags");
	if (r == 0)
		r = put_names(&i.tags, &j, e);
	json_key(&j, "RepoDigests");
	if (r == 0)
		r = put_names(&i.digests, &j, e);
	json_kv_string(&j, "Parent", i.parent ?: "");
	json_kv_string(&j, "Comment", c.comment ?: "");
	json_kv_string(&j, "Created", c.created ?: "0001-01-01T00:00:00Z");
	json_kv_string(&j, "DockerVersion", c.docker_version ?: "");
	json_kv_string(&j, "Author", c.author ?: "");
	json_key(&j, "Config");
	container_config_write(&c.config, &j, true);
	json_kv_string(&j, "Architecture", c.architecture ?: "");
	if (!isempty(c.variant))
		json_kv_string(&j, "Variant", c.variant);
	json_kv_string(&j, "Os", c.os ?: "");
	json_kv_u64(&j, "Size", i.size);
	json_key(&j, "GraphDriver");
	json_object(&j);
	json_key(&j, "Data");
	json_null(&j);
	json_kv_string(&j, "Name", streq(driver, "overlay") ? "overlay2" : driver);
	json_end_object(&j);
	json_key(&j, "RootFS");
	put_rootfs(&c, &j);
	json_key(&j, "Metadata");
	json_object(&j);
	json_kv_string(&j, "LastTagTime", "0001-01-01T00:00:00Z");
	json_end_object(&j);
	json_end_object(&j);
	image_done(&i);
	return r == 0 ? buf_error(ret, e) : r;
}

/* Seconds since the epoch of an RFC 3339 time, 0: none. */
static int64_t seconds(const char *s)
{
	struct tm tm = { 0 };

	return s && strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) ? (int64_t)timegm(&tm) : 0;
}

/* Bytes of each layer, bottom first. */
static uint64_t *layer_sizes(struct docker *d, const struct image_config *c)
{
	uint64_t *v = calloc(c->diff_ids.n + 1, sizeof(*v));
	char chain[DIGEST_MAX] = "", next[DIGEST_MAX];

	for (size_t i = 0; v && i < c->diff_ids.n; i++) {
		chain_id(*chain ? chain : NULL, c->diff_ids.v[i], next);
		memcpy(chain, next, sizeof(chain));
		if (layer_size(d->images->layers, chain, &v[i], NULL) < 0)
			v[i] = 0;
	}
	return v;
}

int docker_image_history(struct docker *d, const char *name, struct buf *ret, struct err *e)
{
	_cleanup_image_config_ struct image_config c;
	_cleanup_free_ uint64_t *sizes = NULL;
	struct image i = { 0 };
	struct json j;
	size_t layer;
	int r = image_find(d->images, name, &i, e);

	image_config_init(&c);
	if (r < 0)
		return r;
	r = image_config_of(d->images, &i, &c, e);
	sizes = r == 0 ? layer_sizes(d, &c) : NULL;
	layer = c.diff_ids.n;
	json_init(&j, ret, false);
	json_array(&j);
	for (size_t k = c.n_history; k-- > 0 && sizes && r == 0;) {
		const struct image_history *h = &c.history[k];

		json_object(&j);
		json_kv_string(&j, "Comment", h->comment ?: "");
		json_kv_i64(&j, "Created", seconds(h->created));
		json_kv_string(&j, "CreatedBy", h->created_by ?: "");
		json_kv_string(&j, "Id", k + 1 == c.n_history ? i.id : "<missing>");
		json_kv_u64(&j, "Size", h->empty_layer || !layer ? 0 : sizes[--layer]);
		json_key(&j, "Tags");
		if (k + 1 == c.n_history && i.tags.n)
			r = put_names(&i.tags, &j, e);
		else
			json_null(&j);
		json_end_object(&j);
	}
	json_end_array(&j);
	image_done(&i);
	return r == 0 ? buf_error(ret, e) : r;
}

/* --- going ------------------------------------------------------------------------------------------------------------------- */

/* "Untagged: X" as an object. */
static void put_done(const struct strv *done, struct json *j)
{
	json_array(j);
	for (size_t i = 0; i < done->n; i++) {
		const char *untagged = startswith(done->v[i], "Untagged: "),
			   *deleted = startswith(done->v[i], "Deleted: ");

		if (!untagged && !deleted)
			continue;
		json_object(j);
		json_kv_string(j, untagged ? "Untagged" : "Deleted", untagged ?: deleted);
		json_end_object(j);
	}
	json_end_array(j);
}

int docker_image_remove(struct docker *d, const char *name, bool force, bool no_prune, struct buf *ret, struct err *e)
{
	_cleanup_strv_ struct strv done = STRV_INIT;
	struct json j;
	int r = image_remove(d->images, name, force, no_prune, &done, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < done.n; i++) {
		const char *untagged = startswith(done.v[i], "Untagged: "),
			   *deleted = startswith(done.v[i], "Deleted: ");

		if (untagged || deleted)
			docker_event_of(d, "image", untagged ? "untag" : "delete", untagged ?: deleted, NULL);
	}
	json_init(&j, ret, false);
	put_done(&done, &j);
	return buf_error(ret, e);
}

struct pruning {
	struct strv *out;
	struct err *e;
	bool all;
};

static bool take_dangling(void *arg, const char *want)
{
	((struct pruning *)arg)->all |= streq(want, "false") || streq(want, "0");
	return true;
}

static bool take_label(void *arg, const char *want)
{
	struct pruning *p = arg;

	(void)strv_pushf(p->out, p->e, "label=%s", want);
	return true;
}

static bool take_until(void *arg, const char *want)
{
	struct pruning *p = arg;

	(void)strv_pushf(p->out, p->e, "until=%s", want);
	return true;
}

int docker_image_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e)
{
	static const char *const known[] = { "dangling", "label", "until", NULL };
	_cleanup_strv_ struct strv done = STRV_INIT, list = STRV_INIT;
	_cleanup_value_ struct json_c_value *f = NULL;
	struct pruning p = { .out = &list, .e = e };
	uint64_t bytes = 0;
	struct json j;
	int r = docker_filters_parse(filters, known, &f, e);

	if (r < 0)
		return r;
	if (docker_filter_said(f, "dangling"))
		(void)docker_filter(f, "dangling", take_dangling, &p);
	if (docker_filter_said(f, "label"))
		(void)docker_filter(f, "label", take_label, &p);
	if (docker_filter_said(f, "until"))
		(void)docker_filter(f, "until", take_until, &p);
	r = image_prune(d->images, p.all, &list, &done, &bytes, e);
	if (r < 0)
		return r;
	json_init(&j, ret, false);
	json_object(&j);
	json_key(&j, "ImagesDeleted");
	put_done(&done, &j);
	json_kv_u64(&j, "SpaceReclaimed", bytes);
	json_end_object(&j);
	return buf_error(ret, e);
}
