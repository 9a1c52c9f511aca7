/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --squash: one layer over the base image that has what all the others made of it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/spawn.h"
#include "image/build/inner.h"
#include "store/untar.h"

/* The plain tar of a layer, in memory or behind it. */
static int inflate(struct stage *g, const struct descriptor *d, struct err *e)
{
	_cleanup_close_ int in = blobs_fd(g->images->blobs, d->digest, e), out = -EBADF;
	const char *program = strstr(d->media_type, "zstd") ? "zstd" : "gzip";
	const char *argv[] = { program, "-dc", NULL };
	struct spawn sp = { .path = program, .argv = (char *const *)argv, .stdin_fd = in };
	pid_t pid;
	int r;

	if (in < 0)
		return in;
	if (!strstr(d->media_type, "zip") && !strstr(d->media_type, "zstd"))
		return TAKE_FD(in);
	out = open(g->dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(e, -errno, "make a file in %s", g->dir);
	sp.stdout_fd = out;
	r = spawn_start(&sp, &pid, e);
	if (r >= 0)
		r = spawn_wait(pid, e);
	if (r > 0)
		return err_kind(e, ERR_INVALID, -EBADMSG, "%s cannot read layer %s", program, d->digest);
	return r < 0 ? r : TAKE_FD(out);
}

static int apply_all(struct stage *g, int root, void *arg, struct err *e)
{
	const struct untar_opts o = { .whiteouts = UNTAR_APPLY };
	const struct state *full = arg;
	int r = 0;

	for (size_t i = full->n_base; i < full->n_layers && r >= 0; i++) {
		_cleanup_close_ int tar = inflate(g, &full->layers[i], e), fd = -EBADF;

		if (tar < 0)
			return tar;
		fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, -errno, "open the root");
		if (lseek(tar, 0, SEEK_SET) < 0)
			return err_set(e, -errno, "seek");
		r = store_untar(fd, tar, &o, e);
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
