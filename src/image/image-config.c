/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image configurations (image-spec, "OCI Image Configuration"), Docker's members included. */
#include "base/json.h"
#include "dialect/docker/jread.h"
#include "dialect/oci/json-c.h"
#include "image/manifest.h"

#define HISTORY_MAX 4096u

/* Members that are plain texts, in the order in which Docker writes them. */
struct text {
	const char *name;
	size_t at;
};
#define T(name, field)                                     \
	{                                                  \
		name, offsetof(struct image_config, field) \
	}
static const struct text texts[] = {
	T("architecture", architecture),
	T("author", author),
	T("container", container),
	T("created", created),
	T("docker_version", docker_version),
	T("comment", comment),
	T("os", os),
	T("os.version", os_version),
	T("parent", parent),
	T("variant", variant),
};
#define TEXT(c, t)  ((char **)(void *)((char *)(c) + (t)->at))
#define CTEXT(c, t) (*(char *const *)(const void *)((const char *)(c) + (t)->at))

static void history_done(struct image_history *h)
{
	free(h->created);
	free(h->created_by);
	free(h->author);
	free(h->comment);
}

void image_config_init(struct image_config *c)
{
	*c = (struct image_config){ 0 };
	container_config_init(&c->config);
}

void image_config_done(struct image_config *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		free(*TEXT(c, &texts[i]));
	container_config_done(&c->config);
	strv_done(&c->diff_ids);
	for (size_t i = 0; i < c->n_history; i++)
		history_done(&c->history[i]);
	free(c->history);
	image_config_init(c);
}

static int add_history(struct image_config *c, struct image_history **ret, struct err *e)
{
	if (c->n_history >= HISTORY_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "history: more than %u elements", HISTORY_MAX);
	if ((c->n_history & (c->n_history - 1)) == 0) {
		struct image_history *more = realloc(c->history, (c->n_history ? c->n_history * 2 : 1) * sizeof(*more));

		if (!more)
			return err_oom(e);
		c->history = more;
	}
	*ret = &c->history[c->n_history++];
	**ret = (struct image_history){ 0 };
	return 0;
}

static int copy_text(char **to, const char *from, struct err *e)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? err_oom(e) : 0;
}

int image_config_history(struct image_config *c, const struct image_history *h, struct err *e)
{
	struct image_history *x;
	int r = add_history(c, &x, e);

	if (r == 0)
		r = copy_text(&x->created, h->created, e);
	if (r == 0)
		r = copy_text(&x->created_by, h->created_by, e);
	if (r == 0)
		r = copy_text(&x->author, h->author, e);
	if (r == 0)
		r = copy_text(&x->comment, h->comment, e);
	if (r == 0)
		x->empty_layer = h->empty_layer;
	return r;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static int read_history(struct json_c_value *o, struct image_config *c, struct err *e)
{
	struct json_c_value *v;
	size_t n;
	int r = jread_array(o, "history", &v, &n, e);

	for (size_t i = 0; i < n && r == 0; i++) {
		struct json_c_value *x = json_object_array_get_idx(v, i);
		struct image_history *h;

		r = add_history(c, &h, e);
		if (r == 0)
			r = jread_string(x, "created", &h->created, e);
		if (r == 0)
			r = jread_string(x, "created_by", &h->created_by, e);
		if (r == 0)
			r = jread_string(x, "author", &h->author, e);
		if (r == 0)
			r = jread_string(x, "comment", &h->comment, e);
		if (r == 0)
			r = jread_bool(x, "empty_layer", &h->empty_layer, e);
	}
	return r;
}

static int read_rootfs(struct json_c_value *o, struct image_config *c, struct err *e)
{
	_cleanup_free_ char *type = NULL;
	struct json_c_value *v;
	int r = jread_object(o, "rootfs", &v, e);

	if (r == 0)
		r = jread_string(v, "type", &type, e);
	if (r == 0)
		r = jread_strv(v, "diff_ids", &c->diff_ids, NULL, e);
	if (r < 0)
		return r;
	if (type && !streq(type, "layers"))
		return err_kind(e, ERR_INVALID, -EINVAL, "rootfs: expected layers, not '%.64s'", type);
	if (c->diff_ids.n > MANIFEST_LAYERS)
		return err_kind(e, ERR_LIMIT, -E2BIG, "diff_ids: more than %u layers", MANIFEST_LAYERS);
	for (size_t i = 0; i < c->diff_ids.n && r == 0; i++)
		r = digest_check(c->diff_ids.v[i], e);
	return r;
}

static int read_all(struct json_c_value *o, struct image_config *c, struct err *e)
{
	struct json_c_value *config;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts) && r == 0; i++)
		r = jread_string(o, texts[i].name, TEXT(c, &texts[i]), e);
	if (r == 0)
		r = jread_object(o, "config", &config, e);
	if (r == 0 && config)
		r = container_config_read(config, &c->config, e);
	if (r == 0)
		r = read_rootfs(o, c, e);
	return r == 0 ? read_history(o, c, e) : r;
}

int image_config_parse(const char *text, size_t len, struct image_config *ret, struct err *e)
{
	_cleanup_(jread_freep) struct json_c_value *o = NULL;
	_cleanup_image_config_ struct image_config c;
	int r;

	image_config_init(&c);
	if (len > MANIFEST_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "image configuration: more than %u MiB", MANIFEST_MAX >> 20);
	r = jread_text(text, len, "image configuration", &o, e);
	if (r == 0 && !json_object_is_type(o, json_type_object))
		r = err_kind(e, ERR_INVALID, -EINVAL, "expected an object");
	if (r == 0)
		r = read_all(o, &c, e);
	if (r < 0)
		return err_wrap(e, r, "image configuration");
	*ret = c;
	image_config_init(&c);
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

static void write_some(struct json *j, const char *key, const char *s)
{
	if (!isempty(s))
		json_kv_string(j, key, s);
}

static void write_history(struct json *j, const struct image_config *c)
{
	json_key(j, "history");
	json_array(j);
	for (size_t i = 0; i < c->n_history; i++) {
		const struct image_history *h = &c->history[i];

		json_object(j);
		write_some(j, "created", h->created);
		write_some(j, "created_by", h->created_by);
		write_some(j, "author", h->author);
		write_some(j, "comment", h->comment);
		if (h->empty_layer)
			json_kv_bool(j, "empty_layer", true);
		json_end_object(j);
	}
	json_end_array(j);
}

int image_config_write(const struct image_config *c, struct buf *out, struct err *e)
{
	struct json j;

	json_init(&j, out, false);
	json_object(&j);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		write_some(&j, texts[i].name, CTEXT(c, &texts[i]));
	json_key(&j, "config");
	container_config_write(&c->config, &j, false);
	if (c->n_history)
		write_history(&j, c);
	json_key(&j, "rootfs");
	json_object(&j);
	json_kv_string(&j, "type", "layers");
	json_key(&j, "diff_ids");
	json_array(&j);
	for (size_t i = 0; i < c->diff_ids.n; i++)
		json_string(&j, c->diff_ids.v[i]);
	json_end_array(&j);
	json_end_object(&j);
	json_end_object(&j);
	return buf_error(out, e);
}

void chain_id(const char *parent, const char *diff_id, char ret[static DIGEST_MAX])
{
	char both[2 * DIGEST_MAX];
	size_t n = parent ? strlen(parent) : 0, m = strlen(diff_id);

	if (!parent) {
		memcpy(ret, diff_id, m + 1);
		return;
	}
	memcpy(both, parent, n);
	both[n++] = ' ';
	memcpy(both + n, diff_id, m);
	digest_of(both, n + m, ret);
}
