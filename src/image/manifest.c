/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/manifest.h"

#include <limits.h>

#include "base/json.h"
#include "dialect/docker/jread.h"
#include "dialect/oci/json-c.h"

static void descriptor_done(struct descriptor *d)
{
	free(d->media_type);
	platform_done(&d->platform);
	strv_done(&d->annotations);
}

void manifest_done(struct manifest *m)
{
	free(m->media_type);
	descriptor_done(&m->config);
	for (size_t i = 0; i < m->n_layers; i++)
		descriptor_done(&m->layers[i]);
	free(m->layers);
	strv_done(&m->annotations);
	*m = (struct manifest){ 0 };
}

void image_index_done(struct image_index *x)
{
	free(x->media_type);
	for (size_t i = 0; i < x->n; i++)
		descriptor_done(&x->manifests[i]);
	free(x->manifests);
	*x = (struct image_index){ 0 };
}

bool media_is_index(const char *type)
{
	return type && (streq(type, MT_OCI_INDEX) || streq(type, MT_DOCKER_LIST));
}

bool media_is_manifest(const char *type)
{
	return type && (streq(type, MT_OCI_MANIFEST) || streq(type, MT_DOCKER_MANIFEST));
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static int parse(const char *text, size_t len, const char *what, struct json_c_value **ret, struct err *e)
{
	int r;

	if (len > MANIFEST_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: more than %u MiB", what, MANIFEST_MAX >> 20);
	r = jread_text(text, len, what, ret, e);
	if (r == 0 && !json_object_is_type(*ret, json_type_object)) {
		*ret = jread_free(*ret);
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected an object", what);
	}
	return r;
}

static int read_platform(struct json_c_value *o, struct platform *p, struct err *e)
{
	struct json_c_value *v;
	int r = jread_object(o, "platform", &v, e);

	if (r == 0)
		r = jread_string(v, "os", &p->os, e);
	if (r == 0)
		r = jread_string(v, "architecture", &p->arch, e);
	if (r == 0)
		r = jread_string(v, "variant", &p->variant, e);
	return r == 0 ? jread_string(v, "os.version", &p->os_version, e) : r;
}

static int read_descriptor(struct json_c_value *o, const char *what, struct descriptor *d, struct err *e)
{
	_cleanup_free_ char *digest = NULL;
	int64_t size = -1;
	int r = 0;

	if (!json_object_is_type(o, json_type_object))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected an object", what);
	r = jread_string(o, "mediaType", &d->media_type, e);
	if (r == 0)
		r = jread_string(o, "digest", &digest, e);
	if (r == 0)
		r = digest_check(digest, e);
	if (r == 0)
		r = jread_i64(o, "size", 0, INT64_MAX, &size, e);
	if (r == 0)
		r = read_platform(o, &d->platform, e);
	if (r == 0)
		r = jread_map(o, "annotations", &d->annotations, e);
	if (r < 0)
		return err_wrap(e, r, "%s", what);
	if (size < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected a size", what);
	if (!d->media_type) {
		d->media_type = strdup("");
		if (!d->media_type)
			return err_oom(e);
	}
	d->size = (uint64_t)size;
	memcpy(d->digest, digest, strlen(digest) + 1);
	return 0;
}

static int read_descriptors(struct json_c_value *o, const char *name, size_t max, struct descriptor **ret,
			    size_t *ret_n, struct err *e)
{
	struct json_c_value *v;
	size_t n;
	int r = jread_array(o, name, &v, &n, e);

	if (r < 0)
		return r;
	if (n > max)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: more than %zu elements", name, max);
	*ret = calloc(n ?: 1, sizeof(**ret));
	if (!*ret)
		return err_oom(e);
	for (size_t i = 0; i < n && r == 0; i++) {
		*ret_n = i + 1;
		r = read_descriptor(json_object_array_get_idx(v, i), name, &(*ret)[i], e);
	}
	return r;
}

/* A text that can be read as both a manifest and an index is neither (CVE-2021-41190). */
static int check_shape(struct json_c_value *o, const char *type, bool index, struct err *e)
{
	_cleanup_free_ char *own = NULL;
	bool manifests = jread_get(o, "manifests"), layers = jread_get(o, "layers") || jread_get(o, "config");
	int64_t version = 0;
	int r = jread_i64(o, "schemaVersion", 0, INT_MAX, &version, e);

	if (r == 0)
		r = jread_string(o, "mediaType", &own, e);
	if (r < 0)
		return r;
	if (version != 2 || jread_get(o, "fsLayers"))
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: schema version %lld is not supported, expected 2",
				(long long)version);
	if (manifests && layers)
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: it is a manifest and an index at once");
	if (index != manifests)
		return err_kind(e, ERR_INVALID, -EINVAL,
				index ? "index: expected manifests" : "manifest: this is an index");
	if (own && type && !streq(own, type))
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: it is called %s and says %s", type, own);
	type = type ?: own;
	if (type && !(index ? media_is_index(type) : media_is_manifest(type)))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: unsupported media type %s", index ? "index" : "manifest",
				type);
	return 0;
}

/* What is to be fetched from another place than the registry is asked for by name only, never silently. */
static int refuse_foreign(const struct manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->n_layers; i++)
		if (strstr(m->layers[i].media_type, ".foreign.") ||
		    strstr(m->layers[i].media_type, ".nondistributable."))
			return err_kind(e, ERR_INVALID, -EINVAL,
					"layer %s is a foreign one (%s), which is not supported", m->layers[i].digest,
					m->layers[i].media_type);
	return 0;
}

static int set_type(struct json_c_value *o, const char *type, const char *shape, char **ret, struct err *e)
{
	int r = jread_string(o, "mediaType", ret, e);

	if (r == 0 && !*ret)
		*ret = strdup(type ?: shape);
	return r < 0 ? r : *ret ? 0 : err_oom(e);
}

int manifest_parse(const char *text, size_t len, const char *type, struct manifest *ret, struct err *e)
{
	_cleanup_(jread_freep) struct json_c_value *o = NULL;
	_cleanup_manifest_ struct manifest m = { 0 };
	struct json_c_value *config;
	int r = parse(text, len, "manifest", &o, e);

	if (r == 0)
		r = check_shape(o, media_is_manifest(type) ? type : NULL, false, e);
	if (r == 0)
		r = jread_object(o, "config", &config, e);
	if (r < 0)
		return r;
	if (!config)
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: expected a config");
	r = set_type(o, media_is_manifest(type) ? type : NULL, MT_OCI_MANIFEST, &m.media_type, e);
	if (r == 0)
		r = read_descriptor(config, "config", &m.config, e);
	if (r == 0)
		r = read_descriptors(o, "layers", MANIFEST_LAYERS, &m.layers, &m.n_layers, e);
	if (r == 0)
		r = jread_map(o, "annotations", &m.annotations, e);
	if (r == 0)
		r = refuse_foreign(&m, e);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}

int image_index_parse(const char *text, size_t len, struct image_index *ret, struct err *e)
{
	_cleanup_(jread_freep) struct json_c_value *o = NULL;
	_cleanup_image_index_ struct image_index x = { 0 };
	int r = parse(text, len, "index", &o, e);

	if (r == 0)
		r = check_shape(o, NULL, true, e);
	if (r == 0)
		r = set_type(o, NULL, MT_OCI_INDEX, &x.media_type, e);
	if (r == 0)
		r = read_descriptors(o, "manifests", 1024, &x.manifests, &x.n, e);
	if (r < 0)
		return r;
	*ret = x;
	x = (struct image_index){ 0 };
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

static void write_map(struct json *j, const char *name, const struct strv *l)
{
	if (!l->n)
		return;
	json_key(j, name);
	json_object(j);
	for (size_t i = 0; i < l->n; i++) {
		const char *eq = strchr(l->v[i], '=');
		_cleanup_free_ char *key = eq ? strndup(l->v[i], (size_t)(eq - l->v[i])) : NULL;

		if (key)
			json_kv_string(j, key, eq + 1);
	}
	json_end_object(j);
}

static void write_descriptor(struct json *j, const struct descriptor *d)
{
	json_object(j);
	json_kv_string(j, "mediaType", d->media_type);
	json_kv_string(j, "digest", d->digest);
	json_kv_u64(j, "size", d->size);
	if (d->platform.os || d->platform.arch) {
		json_key(j, "platform");
		json_object(j);
		json_kv_string(j, "architecture", d->platform.arch ?: "");
		json_kv_string(j, "os", d->platform.os ?: "");
		if (d->platform.os_version)
			json_kv_string(j, "os.version", d->platform.os_version);
		if (d->platform.variant)
			json_kv_string(j, "variant", d->platform.variant);
		json_end_object(j);
	}
	write_map(j, "annotations", &d->annotations);
	json_end_object(j);
}

int manifest_write(const struct manifest *m, struct buf *out, struct err *e)
{
	struct json j;

	json_init(&j, out, false);
	json_object(&j);
	json_kv_i64(&j, "schemaVersion", 2);
	json_kv_string(&j, "mediaType", m->media_type ?: MT_OCI_MANIFEST);
	json_key(&j, "config");
	write_descriptor(&j, &m->config);
	json_key(&j, "layers");
	json_array(&j);
	for (size_t i = 0; i < m->n_layers; i++)
		write_descriptor(&j, &m->layers[i]);
	json_end_array(&j);
	write_map(&j, "annotations", &m->annotations);
	json_end_object(&j);
	return buf_error(out, e);
}
