/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole image from a registry, in Docker's words. */
#include <stdio.h>

#include "image/registry-inner.h"

#define PARALLEL   3u
#define CONFIG_MAX MANIFEST_MAX

struct pull_one {
	struct images *s;
	struct registry *r;
	const struct reference *name; /* with a tag or a digest */
	const struct pull_opts *o;
	const struct progress *p;
	char digest[DIGEST_MAX]; /* what the name leads to: of a manifest, or of an index */
	char *text, *type;	 /* of the manifest */
	size_t len;
};

static const char *ref_of(const struct reference *name)
{
	return name->digest ?: name->tag;
}

static void say(const struct progress *p, const char *id, const char *what, const char *of)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_printf(&b, "%s%s", what, of);
	progress_say(p, id, buf_str(&b), 0, 0);
}

/* Docker's words for what a user meets most. */
static int explain(const struct pull_one *x, int rc, struct err *e)
{
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct err was;

	if (!e)
		return rc;
	was = *e;
	reference_name(x->name, true, &name);
	if (was.kind == ERR_DENIED && rc == -EACCES)
		return err_kind(
			e, ERR_DENIED, rc,
			"pull access denied for %s, repository does not exist or may require 'docker login': %.400s",
			buf_str(&name), was.msg);
	if (was.kind == ERR_NOT_FOUND && rc == -ENOENT)
		return err_kind(e, ERR_NOT_FOUND, rc, "manifest for %s%s%s not found: %.400s", buf_str(&name),
				x->name->digest ? "@" : ":", ref_of(x->name), was.msg);
	return err_wrap(e, rc, "pull %s", buf_str(&name));
}

/* The manifest of this machine's platform, where the name is an index's. */
static int pick(struct pull_one *x, struct err *e)
{
	_cleanup_image_index_ struct image_index index = { 0 };
	_cleanup_buf_ struct buf platform = BUF_INIT;
	const struct descriptor *d;
	char digest[DIGEST_MAX];
	int rc = image_index_parse(x->text, x->len, &index, e);

	if (rc < 0)
		return rc;
	d = image_index_pick(&index, x->o->platform);
	if (!d) {
		if (x->o->platform)
			platform_format(x->o->platform, &platform);
		return err_kind(e, ERR_NOT_FOUND, -ENODATA, "no matching manifest for %s in the manifest list entries",
				x->o->platform ? buf_str(&platform) : "this machine");
	}
	free(x->text);
	free(x->type);
	x->text = x->type = NULL;
	rc = registry_manifest(x->r, x->name->path, d->digest, &x->text, &x->len, &x->type, digest, e);
	if (rc >= 0 && media_is_index(x->type))
		return err_kind(e, ERR_INVALID, -EINVAL, "the entry %s of an image index is an index itself",
				d->digest);
	return rc;
}

static int get_manifest(struct pull_one *x, struct manifest *ret, struct err *e)
{
	const char *ref = *x->digest ? x->digest : ref_of(x->name);
	int rc = registry_manifest(x->r, x->name->path, ref, &x->text, &x->len, &x->type, x->digest, e);

	if (rc >= 0 && media_is_index(*x->type ? x->type : NULL))
		rc = pick(x, e);
	return rc < 0 ? rc : manifest_parse(x->text, x->len, *x->type ? x->type : NULL, ret, e);
}

static int get_config(struct pull_one *x, const struct manifest *m, struct image_config *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int rc;

	if (m->config.size > CONFIG_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "the image's configuration is larger than %u bytes", CONFIG_MAX);
	rc = blobs_stat(x->s->blobs, m->config.digest, NULL, NULL);
	if (rc < 0)
		rc = registry_fetch(x->r, x->name->path, &m->config, x->s->blobs, NULL, NULL, e);
	if (rc >= 0)
		rc = blobs_read(x->s->blobs, m->config.digest, CONFIG_MAX, &text, &len, e);
	return rc < 0 ? rc : image_config_parse(text, len, ret, e);
}

/* Under the name there is what the registry has. */
static bool is_up_to_date(const struct pull_one *x)
{
	_cleanup_buf_ struct buf full = BUF_INIT, pinned = BUF_INIT;
	_cleanup_image_ struct image i = { 0 };

	reference_name(x->name, false, &full);
	buf_printf(&pinned, "%s@%s", buf_str(&full), x->digest);
	if (x->name->tag)
		buf_printf(&full, ":%s", x->name->tag);
	else
		buf_printf(&full, "@%s", x->name->digest);
	return image_find(x->s, buf_str(&full), &i, NULL) >= 0 && strv_has(&i.digests, buf_str(&pinned)) &&
	       (!x->name->tag || strv_has(&i.tags, buf_str(&full)));
}

static int bring(struct pull_one *x, bool *ret_new, struct err *e)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_image_config_ struct image_config config;
	struct reference name = *x->name;
	char id[DIGEST_MAX];
	int rc;

	image_config_init(&config);
	*ret_new = true;
	/* The question costs nothing where pulls are counted; who does not answer it is asked for the manifest. */
	if (x->name->digest) {
		snprintf(x->digest, sizeof(x->digest), "%s", x->name->digest);
		rc = 1;
	} else {
		rc = registry_head(x->r, x->name->path, x->name->tag, x->digest, e);
	}
	if (rc == -EACCES || rc == -ENOENT || rc == -ECANCELED)
		return rc;
	if (rc > 0 && !x->o->platform && is_up_to_date(x)) {
		*ret_new = false;
		return 0;
	}
	err_clear(e);
	rc = get_manifest(x, &m, e);
	if (rc >= 0)
		rc = get_config(x, &m, &config, e);
	if (rc >= 0)
		rc = registry_pull_layers(x->r, x->s, x->name->path, &m, &config, x->o->parallel ?: PARALLEL, x->p, e);
	if (rc < 0)
		return rc;
	name.digest = x->digest;
	return image_add(x->s, x->text, x->len, *x->type ? x->type : m.media_type, &name, NULL, id, e);
}

static int pull_one(struct images *s, struct registry *r, const struct reference *name, const struct pull_opts *o,
		    const struct progress *p, struct err *e)
{
	struct pull_one x = { .s = s, .r = r, .name = name, .o = o, .p = p };
	_cleanup_buf_ struct buf familiar = BUF_INIT;
	bool fresh;
	int rc;

	say(p, ref_of(name), "Pulling from ", name->path);
	rc = blobs_hold(s->blobs, e);
	if (rc < 0)
		return rc;
	rc = bring(&x, &fresh, e);
	blobs_release(s->blobs);
	if (rc >= 0) {
		reference_familiar(name, &familiar);
		say(p, NULL, "Digest: ", x.digest);
		say(p, NULL, fresh ? "Status: Downloaded newer image for " : "Status: Image is up to date for ",
		    buf_str(&familiar));
	} else {
		rc = explain(&x, rc, e);
	}
	free(x.text);
	free(x.type);
	return rc;
}

static int pull_tags(struct images *s, struct registry *r, const struct reference *name, const struct pull_opts *o,
		     const struct progress *p, struct err *e)
{
	_cleanup_strv_ struct strv tags = STRV_INIT;
	int rc = registry_tags(r, name->path, &tags, e);

	for (size_t i = 0; rc >= 0 && i < tags.n; i++) {
		struct reference one = { .domain = name->domain, .path = name->path, .tag = tags.v[i] };

		rc = pull_one(s, r, &one, o, p, e);
	}
	return rc;
}

int image_pull(struct images *s, const struct reference *name, const struct pull_opts *o, const struct progress *p,
	       struct err *e)
{
	static const struct pull_opts none = { 0 };
	_cleanup_(registry_freep) struct registry *r = NULL;
	struct reference tagged = *name;
	struct told told;
	char latest[] = "latest";
	int rc;

	o = o ?: &none;
	rc = registry_open(name->domain, o->registry, &r, e);
	if (rc < 0)
		return rc;
	told_init(&told, p);
	p = p ? &told.progress : NULL;
	if (!tagged.tag && !tagged.digest)
		tagged.tag = latest;
	rc = o->all_tags ? pull_tags(s, r, name, o, p, e) : pull_one(s, r, &tagged, o, p, e);
	told_done(&told);
	return rc;
}
