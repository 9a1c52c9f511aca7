/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Taking images in. All content is in the store before, layers are unpacked next, rows come last, in one transaction: until
 * then nobody sees anything of it, and what a kill leaves is nobody's. With overlay no layer needs another, so they are unpacked
 * at once.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/images-inner.h"
#include "image/layers-inner.h"

#define WORKERS 2u

struct job {
	struct images *s;
	const struct manifest *m;
	const struct image_config *c;
	const struct progress *progress;
	char (*chains)[DIGEST_MAX];
	atomic_size_t next;
	pthread_mutex_t lock;
	struct err err; /* of the first that failed */
};

static const char *short_of(const char *digest, char buf[static 16])
{
	snprintf(buf, 16, "%.12s", digest_hex(digest));
	return buf;
}

static void say(struct job *j, size_t i, const char *what, uint64_t at)
{
	char id[16];

	pthread_mutex_lock(&j->lock);
	progress_say(j->progress, short_of(j->m->layers[i].digest, id), what, at, j->m->layers[i].size);
	pthread_mutex_unlock(&j->lock);
}

struct told {
	struct job *j;
	size_t i;
};

static void on_progress(void *arg, uint64_t bytes)
{
	struct told *t = arg;

	say(t->j, t->i, "Extracting", bytes);
}

static int unpack_one(struct job *j, size_t i, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct told t = { j, i };
	struct layer_input in = { .progress = j->progress ? on_progress : NULL, .arg = &t };
	char diff[DIGEST_MAX], chain[DIGEST_MAX];
	int r;

	if (layers_have(j->s->layers, j->chains[i]))
		return 0;
	fd = blobs_fd(j->s->blobs, j->m->layers[i].digest, e);
	if (fd < 0)
		return fd;
	in.fd = fd;
	r = layer_unpack(j->s->layers, i ? j->chains[i - 1] : NULL, &in, j->c->diff_ids.v[i], diff, chain, e);
	if (r < 0)
		return err_wrap(e, r, "layer %s", j->m->layers[i].digest);
	say(j, i, "Pull complete", 0);
	return 0;
}

static void *work(void *arg)
{
	struct job *j = arg;
	size_t i;

	while ((i = atomic_fetch_add(&j->next, 1)) < j->m->n_layers) {
		struct err e = { 0 };

		if (unpack_one(j, i, &e) == 0)
			continue;
		pthread_mutex_lock(&j->lock);
		if (!j->err.code)
			j->err = e;
		pthread_mutex_unlock(&j->lock);
		atomic_store(&j->next, j->m->n_layers);
	}
	return NULL;
}

static int unpack_all(struct images *s, const struct manifest *m, const struct image_config *c,
		      const struct progress *progress, struct err *e)
{
	struct job j = { .s = s, .m = m, .c = c, .progress = progress };
	pthread_t threads[WORKERS];
	unsigned n = 0;

	j.chains = calloc(m->n_layers ? m->n_layers : 1, sizeof(*j.chains));
	if (!j.chains)
		return err_oom(e);
	for (size_t i = 0; i < m->n_layers; i++)
		chain_id(i ? j.chains[i - 1] : NULL, c->diff_ids.v[i], j.chains[i]);
	pthread_mutex_init(&j.lock, NULL);
	if (s->layers->driver->over && m->n_layers > 1)
		while (n < WORKERS - 1 && pthread_create(&threads[n], NULL, work, &j) == 0)
			n++;
	work(&j);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&j.lock);
	free(j.chains);
	if (j.err.code && e)
		*e = j.err;
	return j.err.code;
}

static int read_config(struct images *s, const struct manifest *m, struct image_config *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = blobs_read(s->blobs, m->config.digest, MANIFEST_MAX, &text, &len, e);

	if (r == 0)
		r = image_config_parse(text, len, ret, e);
	if (r == 0 && ret->diff_ids.n != m->n_layers) {
		r = err_kind(e, ERR_INVALID, -EINVAL, "the manifest has %zu layers, the image's configuration %zu",
			     m->n_layers, ret->diff_ids.n);
		image_config_done(ret);
	}
	return r;
}

static int put_image(struct images *s, const struct image_row *row, const struct reference *name, struct err *e)
{
	int r = db_begin(s->db, e);

	if (r < 0)
		return r;
	r = images_put(s, row, e);
	if (r == 0)
		r = images_name(s, row->id, name, e);
	return db_end(s->db, r, e);
}

static int add_held(struct images *s, const char *text, size_t len, const char *type, const struct reference *name,
		    const struct progress *progress, char ret_id[static DIGEST_MAX], struct err *e)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_image_config_ struct image_config c;
	char digest[DIGEST_MAX];
	struct image_row row = { .manifest = digest, .manifest_size = len, .config = &c };
	int r;

	image_config_init(&c);
	r = manifest_parse(text, len, type, &m, e);
	if (r == 0)
		r = read_config(s, &m, &c, e);
	if (r == 0)
		r = unpack_all(s, &m, &c, progress, e);
	if (r == 0)
		r = layers_settle(s->layers, &c.diff_ids, e);
	if (r == 0)
		r = blobs_add(s->blobs, text, len, digest, e);
	row.id = m.config.digest;
	row.type = m.media_type;
	row.layers = m.layers;
	if (r == 0)
		r = put_image(s, &row, name, e);
	if (r == 0)
		memcpy(ret_id, m.config.digest, DIGEST_MAX);
	return r;
}

int image_add(struct images *s, const char *manifest, size_t len, const char *type, const struct reference *name,
	      const struct progress *progress, char ret_id[static DIGEST_MAX], struct err *e)
{
	int r = blobs_hold(s->blobs, e);

	if (r < 0)
		return r;
	r = add_held(s, manifest, len, type, name, progress, ret_id, e);
	blobs_release(s->blobs);
	return r;
}

int image_need(struct images *s, const struct image *i, struct err *e)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_image_config_ struct image_config c;
	_cleanup_free_ char *text = NULL, *type = NULL;
	size_t len;
	int r;

	image_config_init(&c);
	if (!*i->chain || layers_have(s->layers, i->chain))
		return 0;
	r = blobs_hold(s->blobs, e);
	if (r < 0)
		return r;
	r = image_manifest(s, i, &text, &len, &type, e);
	if (r == 0)
		r = manifest_parse(text, len, type, &m, e);
	if (r == 0)
		r = read_config(s, &m, &c, e);
	if (r == 0)
		r = unpack_all(s, &m, &c, NULL, e);
	if (r == 0)
		r = layers_settle(s->layers, &c.diff_ids, e);
	blobs_release(s->blobs);
	return r < 0 ? err_wrap(e, r, "unpack image %.19s for the storage driver %s", i->id, layers_driver(s->layers))
		     : 0;
}

/* --- what was made here ----------------------------------------------------------------------------------------------- */

static int make_manifest(const struct descriptor *config, const struct descriptor *layers, size_t n, struct buf *out,
			 struct err *e)
{
	struct manifest m = { .config = *config, .n_layers = n };
	int r;

	m.layers = n ? calloc(n, sizeof(*m.layers)) : NULL;
	if (n && !m.layers)
		return err_oom(e);
	for (size_t i = 0; i < n; i++)
		m.layers[i] = layers[i];
	r = manifest_write(&m, out, e);
	free(m.layers);
	return r;
}

static int add_local_held(struct images *s, const struct image_config *config, const struct descriptor *packed,
			  size_t n, const char *parent, const struct reference *name, char ret_id[static DIGEST_MAX],
			  struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT, manifest = BUF_INIT;
	char type[] = MT_OCI_CONFIG, digest[DIGEST_MAX];
	struct descriptor d = { .media_type = type };
	struct image_row row = { .id = d.digest,
				 .manifest = digest,
				 .type = MT_OCI_MANIFEST,
				 .config = config,
				 .layers = packed,
				 .parent = parent };
	int r;

	if (n != config->diff_ids.n)
		return err_kind(e, ERR_INVALID, -EINVAL, "an image of %zu layers with %zu blobs", config->diff_ids.n,
				n);
	r = layers_settle(s->layers, &config->diff_ids, e);
	if (r == 0)
		r = image_config_write(config, &text, e);
	if (r == 0)
		r = blobs_add(s->blobs, text.data, text.len, d.digest, e);
	d.size = text.len;
	if (r == 0)
		r = make_manifest(&d, packed, n, &manifest, e);
	if (r == 0)
		r = blobs_add(s->blobs, manifest.data, manifest.len, digest, e);
	row.manifest_size = manifest.len;
	if (r == 0)
		r = put_image(s, &row, name, e);
	if (r == 0)
		memcpy(ret_id, d.digest, DIGEST_MAX);
	return r;
}

int image_add_local(struct images *s, const struct image_config *config, const struct descriptor *packed, size_t n,
		    const char *parent, const struct reference *name, char ret_id[static DIGEST_MAX], struct err *e)
{
	int r = blobs_hold(s->blobs, e);

	if (r < 0)
		return r;
	r = add_local_held(s, config, packed, n, parent, name, ret_id, e);
	blobs_release(s->blobs);
	return r;
}
