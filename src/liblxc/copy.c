/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copies: clones, snapshots, another name; and what awaits checkpoints. */

#include <stdio.h>

#include "engine/copy.h"
#include "liblxc/liblxc.h"

struct copying {
	struct container *ct;
	struct copy_opts o;
};

static int copy(void *arg, struct err *e)
{
	struct copying *w = arg;

	return container_copy(w->ct, &w->o, NULL, e);
}

static struct lxc_container *clone_of(struct lxc_container *c, const char *newname, const char *lxcpath, int flags,
				      const char *bdevtype, const char *bdevdata, uint64_t newsize, char **hookargs)
{
	_cleanup_view_ struct view v = { 0 };
	struct copying w = { .o = {
				     .name = newname,
				     .lxcpath = lxcpath,
				     .flags = (unsigned)flags,
				     .bdev = bdevtype,
				     .bdevdata = bdevdata,
				     .size = newsize,
				     .hook_args = hookargs,
			     } };
	struct err e = { 0 };
	int r;

	if (!c)
		return NULL;
	r = view_open(c, VIEW_MEMORY, &v, &e);
	if (r == 0) {
		w.ct = v.c;
		r = worker_call(copy, &w, false, NULL, 0, &e);
	}
	if (r < 0) {
		api_fail(c, &e);
		return NULL;
	}
	return lxc_container_new(newname ?: c->name, lxcpath ?: c->config_path);
}

struct renaming {
	struct container *ct;
	const char *name;
};

static int give_name(void *arg, struct err *e)
{
	const struct renaming *w = arg;

	return container_rename(w->ct, w->name, e);
}

static bool rename_to(struct lxc_container *c, const char *newname)
{
	_cleanup_view_ struct view v = { 0 };
	struct renaming w = { .name = newname };
	struct err e = { 0 };
	int r;

	if (!c || !newname)
		return false;
	r = view_open(c, VIEW_FILE, &v, &e);
	if (r == 0) {
		w.ct = v.c;
		r = worker_call(give_name, &w, false, NULL, 0, &e);
	}
	return r == 0 || api_fail(c, &e);
}

/* --- checkpoints ---------------------------------------------------------------------------------------------------------- */

static bool checkpoint(struct lxc_container *c, char *directory, bool stop, bool verbose)
{
	return c && api_unsupported(c, "checkpoint") == 0;
}

static bool restore(struct lxc_container *c, char *directory, bool verbose)
{
	return c && api_unsupported(c, "restore") == 0;
}

static int migrate(struct lxc_container *c, unsigned int cmd, struct migrate_opts *opts, unsigned int size)
{
	const unsigned char *bytes = (const unsigned char *)opts;
	struct err e = { 0 };

	if (!c || !opts)
		return -EINVAL;
	/* A caller of later times must not ask for what we do not know. */
	for (unsigned i = sizeof(*opts); i < size; i++)
		if (bytes[i])
			return -E2BIG;
	if (cmd > MIGRATE_FEATURE_CHECK) {
		err_kind(&e, ERR_INVALID, -EINVAL, "migrate: command %u is none", cmd);
		api_fail(c, &e);
		return -EINVAL;
	}
	return api_unsupported(c, "checkpoint and restore");
}

void methods_copy(struct lxc_container *c)
{
	c->clone = clone_of;
	c->rename = rename_to;
	c->checkpoint = checkpoint;
	c->restore = restore;
	c->migrate = migrate;
}
