/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* commit: what a container has changed becomes a layer, and with its Config an image. */

#include <stdio.h>

#include "base/fd.h"
#include "engine/docker-inner.h"
#include "image/pack.h"

struct committing {
	struct docker *d;
	struct docker_row c;
	struct image image;
	bool has_image;
	struct image_config config;
	struct reference name;
	struct manifest base;		/* of the image that it was made from */
	struct descriptor own, *packed; /* packed: all layers, borrowed of these two */
	size_t n;
};

static void committing_done(struct committing *m)
{
	docker_row_done(&m->c);
	if (m->has_image)
		image_done(&m->image);
	image_config_done(&m->config);
	reference_done(&m->name);
	manifest_done(&m->base);
	free(m->own.media_type);
	platform_done(&m->own.platform);
	strv_done(&m->own.annotations);
	free(m->packed);
}

static int set(char **at, const char *s, struct err *e)
{
	free(*at);
	*at = s ? strdup(s) : NULL;
	return s && !*at ? err_oom(e) : 0;
}

static int base_layers(struct committing *m, struct err *e)
{
	_cleanup_free_ char *text = NULL, *type = NULL;
	size_t len;
	int r = image_manifest(m->d->images, &m->image, &text, &len, &type, e);

	if (r == 0)
		r = manifest_parse(text, len, type, &m->base, e);
	if (r < 0)
		return r;
	m->packed = calloc(m->base.n_layers + 1, sizeof(*m->packed));
	if (!m->packed)
		return err_oom(e);
	if (m->base.n_layers)
		memcpy(m->packed, m->base.layers, m->base.n_layers * sizeof(*m->packed));
	m->n = m->base.n_layers;
	return 0;
}

/* The container's changes as a blob, and unpacked over the image's layers as every other layer. */
static int own_layer(struct committing *m, bool pause, char diff[static DIGEST_MAX], struct err *e)
{
	struct pack_opts po = { .clamp_mtime = -1, .uid = -1, .gid = -1 };
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	struct images *s = m->d->images;
	struct layer_input in = { 0 };
	char chain[DIGEST_MAX], same[DIGEST_MAX];
	_cleanup_close_ int blob = -EBADF;
	bool paused = false;
	int r;

	if (pause && docker_running(&m->c, &rec, NULL) == 0 && rec.state == RUN_RUNNING)
		paused = docker_pause(m->d, m->c.id, true, NULL) == 0;
	r = pack_changes(s->layers, m->c.id, s->blobs, &po, &m->own, diff, e);
	if (paused)
		(void)docker_pause(m->d, m->c.id, false, NULL);
	if (r < 0)
		return r;
	m->packed[m->n++] = m->own;
	blob = blobs_fd(s->blobs, m->own.digest, e);
	if (blob < 0)
		return blob;
	in.fd = blob;
	/* The container may be another driver's. */
	r = image_need(s, &m->image, e);
	return r < 0 ? r : layer_unpack(s->layers, *m->image.chain ? m->image.chain : NULL, &in, diff, same, chain, e);
}

static int describe(struct committing *m, const struct docker_commit *o, const char *diff, struct err *e)
{
	struct image_config *ic = &m->config;
	struct container_config own;
	char when[40];
	struct image_history h = { 0 };
	_cleanup_buf_ struct buf by = BUF_INIT;
	int r = docker_config(&m->c, &own, e);

	if (r == 0) {
		container_config_done(&ic->config);
		ic->config = own;
		/* What belongs to this one container. */
		if (ic->config.hostname && startswith(m->c.id, ic->config.hostname))
			r = set(&ic->config.hostname, NULL, e);
	}
	for (size_t i = 0; i < ic->config.cmd.n; i++)
		buf_printf(&by, "%s%s", i ? " " : "", ic->config.cmd.v[i]);
	docker_time(docker_now(), when);
	if (r == 0)
		r = set(&ic->created, when, e);
	if (r == 0 && !isempty(o->author))
		r = set(&ic->author, o->author, e);
	if (r == 0)
		r = set(&ic->comment, o->message, e);
	if (r == 0)
		r = set(&ic->container, m->c.id, e);
	if (r == 0)
		r = strv_push(&ic->diff_ids, diff, e);
	h.created = when;
	h.created_by = (char *)buf_str(&by);
	h.author = ic->author;
	h.comment = ic->comment;
	return r == 0 ? image_config_history(ic, &h, e) : r;
}

int docker_commit(struct docker *d, const char *id, const struct docker_commit *o, struct buf *ret, struct err *e)
{
	_cleanup_(committing_done) struct committing m = { .d = d };
	char diff[DIGEST_MAX], image[DIGEST_MAX];
	struct json j;
	bool named = !isempty(o->repo);
	int r = docker_find(d, id, &m.c, e);

	image_config_init(&m.config);
	if (r == 0)
		r = image_find(d->images, m.c.image, &m.image, e);
	if (r < 0)
		return r;
	m.has_image = true;
	r = image_config_of(d->images, &m.image, &m.config, e);
	if (r == 0)
		r = base_layers(&m, e);
	if (r == 0 && named) {
		_cleanup_free_ char *text = NULL;

		if (asprintf(&text, "%s%s%s", o->repo, isempty(o->tag) ? "" : ":", o->tag ?: "") < 0)
			return err_oom(e);
		r = reference_parse(text, &m.name, e);
	}
	if (r < 0)
		return r;
	/* Until it is the image's, the layer is nobody's, and a sweep of another process would take it. */
	r = blobs_hold(d->images->blobs, e);
	if (r < 0)
		return r;
	r = own_layer(&m, o->pause, diff, e);
	if (r == 0)
		r = describe(&m, o, diff, e);
	for (char *const *x = o->changes; x && *x && r == 0; x++)
		r = docker_change(&m.config.config, *x, e);
	if (r == 0)
		r = image_add_local(d->images, &m.config, m.packed, m.n, m.image.id, named ? &m.name : NULL, image, e);
	blobs_release(d->images->blobs);
	if (r < 0)
		return r;
	docker_event(d, &m.c, "commit", NULL);
	json_init(&j, ret, false);
	json_object(&j);
	json_kv_string(&j, "Id", image);
	json_end_object(&j);
	return buf_error(ret, e);
}
