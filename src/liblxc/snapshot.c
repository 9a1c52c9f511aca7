/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots. */

#include <stdio.h>

#include "engine/copy.h"
#include "liblxc/liblxc.h"

struct work {
	struct container *ct;
	const char *a, *b;
	unsigned n;
};

static int take(void *arg, struct err *e)
{
	struct work *w = arg;

	return container_snapshot(w->ct, w->a, &w->n, e);
}

static int put_back(void *arg, struct err *e)
{
	const struct work *w = arg;

	return container_snapshot_restore(w->ct, w->a, w->b, e);
}

static int drop(void *arg, struct err *e)
{
	const struct work *w = arg;

	return container_snapshot_destroy(w->ct, w->a, e);
}

static int destroy_all(void *arg, struct err *e)
{
	const struct work *w = arg;

	return container_destroy_with_snapshots(w->ct, false, e);
}

static int run(struct lxc_container *c, int (*fn)(void *arg, struct err *e), struct work *w)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c)
		return -EINVAL;
	r = view_open(c, VIEW_FILE, &v, &e);
	if (r == 0) {
		w->ct = v.c;
		r = worker_call(fn, w, false, &w->n, sizeof(w->n), &e);
	}
	if (r < 0)
		api_fail(c, &e);
	return r;
}

static int snapshot(struct lxc_container *c, const char *commentfile)
{
	struct work w = { .a = commentfile };

	return run(c, take, &w) < 0 ? -1 : (int)w.n;
}

static void free_parts(struct lxc_snapshot *s)
{
	free(s->name);
	free(s->comment_pathname);
	free(s->timestamp);
	free(s->lxcpath);
}

static int snapshot_list(struct lxc_container *c, struct lxc_snapshot **ret)
{
	_cleanup_view_ struct view v = { 0 };
	struct lxc_snapshot *out = NULL;
	struct snapshot *l = NULL;
	struct err e = { 0 };
	size_t n = 0;
	int r;

	if (!c || !ret || !c->is_defined(c))
		return -1;
	r = view_open(c, VIEW_FILE, &v, &e);
	if (r == 0)
		r = container_snapshots(v.c, &l, &n, &e);
	if (r == 0 && n) {
		out = calloc(n, sizeof(*out));
		if (!out)
			r = err_oom(&e);
	}
	for (size_t i = 0; out && i < n; i++) {
		out[i] =
			(struct lxc_snapshot){ l[i].name, l[i].comment_path, l[i].timestamp, l[i].lxcpath, free_parts };
		l[i] = (struct snapshot){ 0 };
	}
	snapshots_free(l, n);
	if (r < 0) {
		api_fail(c, &e);
		return -1;
	}
	if (n)
		*ret = out;
	return (int)n;
}

static bool snapshot_restore(struct lxc_container *c, const char *snapname, const char *newname)
{
	struct work w = { .a = snapname, .b = newname };

	return snapname && run(c, put_back, &w) == 0;
}

static bool snapshot_destroy(struct lxc_container *c, const char *snapname)
{
	struct work w = { .a = snapname };

	return snapname && run(c, drop, &w) == 0;
}

static bool snapshot_destroy_all(struct lxc_container *c)
{
	struct work w = { 0 };

	return run(c, drop, &w) == 0;
}

static bool destroy_with_snapshots(struct lxc_container *c)
{
	struct work w = { 0 };

	return run(c, destroy_all, &w) == 0;
}

void methods_snapshot(struct lxc_container *c)
{
	c->snapshot = snapshot;
	c->snapshot_list = snapshot_list;
	c->snapshot_restore = snapshot_restore;
	c->snapshot_destroy = snapshot_destroy;
	c->snapshot_destroy_all = snapshot_destroy_all;
	c->destroy_with_snapshots = destroy_with_snapshots;
}
