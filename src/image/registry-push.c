/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole image to a registry, in Docker's words. */
#include <stdio.h>

#include "image/registry-inner.h"

#define PARALLEL   5u
#define CONFIG_MAX MANIFEST_MAX

struct push {
	struct images *s;
	struct registry *r;
	const struct reference *name;
	const struct progress *p;
	struct manifest m;
	struct strv diffs;
	struct strv elsewhere; /* "PATH DIGEST": repositories of the same registry that had the content once */
};

static void say(const struct progress *p, const char *id, const char *what, const char *of)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_printf(&b, "%s%s", what, of);
	progress_say(p, id, buf_str(&b), 0, 0);
}

/* --- where else the registry may have it ------------------------------------------------------------------------------------------------ */

/* NAME's path where it is of this registry and another repository than ours. free(), NULL. */
static char *path_here(const struct push *x, const char *name)
{
	_cleanup_reference_ struct reference ref = { 0 };

	if (reference_parse(name, &ref, NULL) < 0 || !streq(ref.domain, x->name->domain) ||
	    streq(ref.path, x->name->path))
		return NULL;
	return TAKE_PTR(ref.path);
}

static int note_image(struct push *x, const struct image *i, const char *path, struct err *e)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int rc = 0;

	/* What cannot be read is no help, and no hindrance. */
	if (!*i->manifest || blobs_read(x->s->blobs, i->manifest, MANIFEST_MAX, &text, &len, NULL) < 0 ||
	    manifest_parse(text, len, NULL, &m, NULL) < 0)
		return 0;
	for (size_t k = 0; rc >= 0 && k < m.n_layers; k++)
		rc = strv_pushf(&x->elsewhere, e, "%s %s", path, m.layers[k].digest);
	return rc;
}

static int find_elsewhere(struct push *x, struct err *e)
{
	struct image *list = NULL;
	size_t n = 0;
	int rc = image_list(x->s, &list, &n, e);

	for (size_t i = 0; rc >= 0 && i < n; i++) {
		/* By digest only: that is how what came from a registry, or went there, is known. */
		for (size_t k = 0; rc >= 0 && k < list[i].digests.n; k++) {
			_cleanup_free_ char *path = path_here(x, list[i].digests.v[k]);

			if (path)
				rc = note_image(x, &list[i], path, e);
		}
	}
	for (size_t i = 0; i < n; i++)
		image_done(&list[i]);
	free(list);
	return rc < 0 ? rc : 0;
}

/* free(), NULL: nowhere. */
static char *source_of(const struct push *x, const char *digest)
{
	for (size_t i = 0; i < x->elsewhere.n; i++) {
		const char *blank = strchr(x->elsewhere.v[i], ' ');

		if (streq(blank + 1, digest))
			return strndup(x->elsewhere.v[i], (size_t)(blank - x->elsewhere.v[i]));
	}
	return NULL;
}

/* --- one image ------------------------------------------------------------------------------------------------------------------------------ */

/* As Docker shows it: by what the layer is unpacked. */
static const char *id_of(const struct push *x, size_t i, char buf[static SHORT_ID])
{
	return short_id(i < x->diffs.n ? x->diffs.v[i] : x->m.layers[i].digest, buf);
}

static bool is_again(const struct push *x, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (streq(x->m.layers[k].digest, x->m.layers[i].digest))
			return true;
	return false;
}

static int push_layer(void *arg, size_t i, struct err *e)
{
	struct push *x = arg;
	const struct descriptor *d = &x->m.layers[i];
	_cleanup_free_ char *from = source_of(x, d->digest);
	char id[SHORT_ID];
	int rc;

	id_of(x, i, id);
	if (is_again(x, i)) {
		progress_say(x->p, id, "Layer already exists", 0, 0);
		return 0;
	}
	rc = registry_upload(x->r, x->name->path, d, from, x->s->blobs, x->p, id, e);
	if (rc < 0)
		return err_wrap(e, rc, "layer %s", id);
	if (rc == 2)
		say(x->p, id, "Mounted from ", from);
	else
		progress_say(x->p, id, rc ? "Layer already exists" : "Pushed", 0, 0);
	return 0;
}

static int load(struct push *x, const struct image *i, char **ret, size_t *ret_len, char **ret_type, struct err *e)
{
	_cleanup_image_config_ struct image_config config;
	char id[SHORT_ID];
	int rc = image_manifest(x->s, i, ret, ret_len, ret_type, e);

	image_config_init(&config);
	if (rc >= 0)
		rc = manifest_parse(*ret, *ret_len, *ret_type, &x->m, e);
	if (rc >= 0)
		rc = image_config_of(x->s, i, &config, e);
	if (rc >= 0)
		rc = strv_copy(&x->diffs, &config.diff_ids, e);
	if (rc >= 0)
		rc = find_elsewhere(x, e);
	for (size_t k = 0; rc >= 0 && k < x->m.n_layers; k++)
		progress_say(x->p, id_of(x, k, id), "Preparing", 0, 0);
	return rc;
}

static int explain(const struct push *x, int rc, struct err *e)
{
	_cleanup_buf_ struct buf name = BUF_INIT;

	reference_name(x->name, true, &name);
	return err_wrap(e, rc, "push %s", buf_str(&name));
}

/* Nothing of that name, or another tag of it. */
static int not_here(struct images *s, const struct reference *name, struct err *e)
{
	_cleanup_buf_ struct buf prefix = BUF_INIT, familiar = BUF_INIT;
	struct image *list = NULL;
	size_t n = 0;
	bool other = false;
	int r = image_list(s, &list, &n, e);

	reference_name(name, false, &prefix);
	buf_putc(&prefix, ':');
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; r >= 0 && k < list[i].tags.n; k++)
			other |= startswith(list[i].tags.v[k], buf_str(&prefix)) != NULL;
		image_done(&list[i]);
	}
	free(list);
	if (r < 0)
		return r;
	if (other) {
		reference_familiar(name, &familiar);
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "tag does not exist: %s", buf_str(&familiar));
	}
	reference_name(name, true, &familiar);
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "An image does not exist locally with the tag: %s",
			buf_str(&familiar));
}

static int push_one(struct images *s, struct registry *r, const struct reference *name, unsigned parallel,
		    const struct progress *p, struct err *e)
{
	struct push x = { .s = s, .r = r, .name = name, .p = p };
	_cleanup_buf_ struct buf full = BUF_INIT, done = BUF_INIT;
	_cleanup_free_ char *text = NULL, *type = NULL;
	_cleanup_image_ struct image i = { 0 };
	char digest[DIGEST_MAX], full_id[DIGEST_MAX], id[SHORT_ID];
	size_t len = 0;
	int rc;

	reference_full(name, &full);
	rc = image_find(s, buf_str(&full), &i, e);
	if (rc < 0)
		return not_here(s, name, e);
	rc = load(&x, &i, &text, &len, &type, e);
	for (size_t k = parallel; rc >= 0 && k < x.m.n_layers; k++)
		progress_say(p, id_of(&x, k, id), "Waiting", 0, 0);
	if (rc >= 0)
		rc = registry_each(r, x.m.n_layers, parallel, push_layer, &x, e);
	if (rc >= 0)
		rc = registry_upload(r, name->path, &x.m.config, NULL, s->blobs, NULL, NULL, e);
	if (rc >= 0)
		rc = registry_put_manifest(r, name->path, name->tag, type, text, len, e);
	if (rc >= 0) {
		struct reference pushed = { .domain = name->domain, .path = name->path, .digest = digest };

		/* Known by that digest from now on, as what was pulled. */
		digest_of(text, len, digest);
		rc = image_add(s, text, len, type, &pushed, NULL, full_id, e);
	}
	if (rc >= 0) {
		buf_printf(&done, "%s: digest: %s size: %zu", name->tag, digest, len);
		progress_say(p, NULL, buf_str(&done), 0, 0);
	} else {
		rc = explain(&x, rc, e);
	}
	manifest_done(&x.m);
	strv_done(&x.diffs);
	strv_done(&x.elsewhere);
	return rc;
}

/* Every tag of the repository. */
static int push_tags(struct images *s, struct registry *r, const struct reference *name, unsigned parallel,
		     const struct progress *p, struct err *e)
{
	_cleanup_buf_ struct buf prefix = BUF_INIT;
	struct image *list = NULL;
	size_t n = 0, pushed = 0;
	int rc = image_list(s, &list, &n, e);

	reference_name(name, false, &prefix);
	buf_putc(&prefix, ':');
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		for (size_t k = 0; rc >= 0 && k < list[i].tags.n; k++) {
			_cleanup_reference_ struct reference one = { 0 };

			if (!startswith(list[i].tags.v[k], buf_str(&prefix)))
				continue;
			rc = reference_parse(list[i].tags.v[k], &one, e);
			if (rc >= 0)
				rc = push_one(s, r, &one, parallel, p, e);
			pushed++;
		}
	}
	for (size_t i = 0; i < n; i++)
		image_done(&list[i]);
	free(list);
	if (rc >= 0 && !pushed)
		rc = not_here(s, name, e);
	return rc;
}

int image_push(struct images *s, const struct reference *name, const struct pull_opts *o, const struct progress *p,
	       struct err *e)
{
	_cleanup_(registry_freep) struct registry *r = NULL;
	_cleanup_buf_ struct buf repository = BUF_INIT;
	unsigned parallel = o && o->parallel ? o->parallel : PARALLEL;
	struct reference tagged = *name;
	char latest[] = "latest";
	struct told told;
	int rc;

	if (name->digest)
		return err_kind(e, ERR_INVALID, -EINVAL, "cannot push a digest reference");
	rc = registry_open(name->domain, o ? o->registry : NULL, &r, e);
	if (rc >= 0)
		rc = blobs_hold(s->blobs, e);
	if (rc < 0)
		return rc;
	told_init(&told, p);
	p = p ? &told.progress : NULL;
	reference_name(name, false, &repository);
	buf_putc(&repository, ']');
	say(p, NULL, "The push refers to repository [", buf_str(&repository));
	if (!tagged.tag)
		tagged.tag = latest;
	rc = o && o->all_tags ? push_tags(s, r, name, parallel, p, e) : push_one(s, r, &tagged, parallel, p, e);
	told_done(&told);
	blobs_release(s->blobs);
	return rc;
}
