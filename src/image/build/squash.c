/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --squash: one layer over the base image that has what all the others made of it. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/build/inner.h"
#include "image/layers-inner.h"

static int apply_all(struct stage *g, int root, void *arg, struct err *e)
{
	const struct untar_opts o = { .whiteouts = UNTAR_APPLY };
	const struct state *full = arg;
	int r = 0;

	for (size_t i = full->n_base; i < full->n_layers && r >= 0; i++) {
		_cleanup_close_ int tar = blobs_fd(g->images->blobs, full->layers[i].digest, e), fd = -EBADF;
		const struct layer_input in = { .fd = tar };
		char unused[DIGEST_MAX];

		if (tar < 0)
			return tar;
		fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, -errno, "open the root");
		r = layer_stream(fd, &in, &o, unused, e);
	}
	return r;
}

/* Back to the base's layers; what was said of the others stays. */
static int cut(struct state *s, struct err *e)
{
	struct strv ids = STRV_INIT;
	char before[DIGEST_MAX];
	int r = 0;

	*s->chain = '\0';
	for (size_t i = 0; i < s->n_base && i < s->config.diff_ids.n && r >= 0; i++) {
		snprintf(before, sizeof(before), "%s", s->chain);
		chain_id(*before ? before : NULL, s->config.diff_ids.v[i], s->chain);
		r = strv_push(&ids, s->config.diff_ids.v[i], e);
	}
	strv_done(&s->config.diff_ids);
	s->config.diff_ids = ids;
	for (; s->n_layers > s->n_base; s->n_layers--)
		free(s->layers[s->n_layers - 1].media_type);
	for (size_t i = 0, layers = 0; i < s->config.n_history; i++)
		if (!s->config.history[i].empty_layer && ++layers > s->n_base)
			s->config.history[i].empty_layer = true;
	return r;
}

int stage_squash(struct stage *g, struct err *e)
{
	_cleanup_buf_ struct buf comment = BUF_INIT;
	struct image_history h = { 0 };
	struct step step = { .fn = apply_all };
	struct cached c = { 0 };
	struct state full;
	int r;

	if (g->s.n_layers <= g->s.n_base + 1)
		return 0;
	r = state_copy(&full, &g->s, e);
	step.arg = &full;
	if (r >= 0)
		r = cut(&g->s, e);
	if (r >= 0)
		r = layer_make(g, &step, &c, e);
	if (r >= 0) {
		buf_printf(&comment, "merge %s to %s", full.id, *g->s.parent ? g->s.parent : "scratch");
		h.created = g->s.config.created;
		h.comment = comment.data;
		r = image_config_history(&g->s.config, &h, e);
	}
	if (r >= 0)
		r = state_seal(&g->s, e);
	state_done(&full);
	cached_done(&c);
	return r;
}
