/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * lvm:/dev/VG/LV, a logical volume: in the thin pool where the group has it, else a volume of its own. Snapshots of thin
 * volumes rest on nothing and cost nothing; those of others need their origin, and as much room as they may come to differ
 * by.
 */
#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "store/block.h"

#define PACKAGE	      "lvm2"
#define SIZE_MAX_TEXT 32

/* "/dev/VG/LV" taken apart. */
struct volume {
	char *vg, *lv;
};

static void volume_done(struct volume *v)
{
	free(v->vg);
	free(v->lv);
}
#define _cleanup_volume_ _cleanup_(volume_done)

static int volume_parse(const struct store_ref *ref, struct volume *ret, struct err *e)
{
	const char *vg = startswith(ref->src, "/dev/"), *slash = vg ? strchr(vg, '/') : NULL;

	if (!slash || slash == vg || !path_is_component(slash + 1))
		return err_kind(e, ERR_INVALID, -EINVAL, "lvm:%s: expected lvm:/dev/VG/LV", ref->src);
	ret->vg = strndup(vg, (size_t)(slash - vg));
	ret->lv = strdup(slash + 1);
	if (!ret->vg || !ret->lv)
		return err_oom(e);
	/* Neither may be taken for an option. */
	if (*ret->vg == '-' || *ret->lv == '-')
		return err_kind(e, ERR_INVALID, -EINVAL, "lvm:%s: a name begins with '-'", ref->src);
	return 0;
}

/* What LVM says of a volume. */
struct found {
	bool there, thin, snapshot;
	bool pool; /* the thin pool that was asked for, too */
};

static void found_line(char *line, const struct volume *v, const char *pool, struct found *f)
{
	char *name = line + strspn(line, " \t"), *in, *origin;

	in = strchr(name, ':');
	origin = in ? strchr(in + 1, ':') : NULL;
	if (!origin)
		return;
	*in++ = '\0';
	*origin++ = '\0';
	if (pool && streq(name, pool))
		f->pool = true;
	if (streq(name, v->lv))
		*f = (struct found){ true, *in, *origin, f->pool };
}

/* One question for all: each costs tens of milliseconds. */
static int find(const struct volume *v, const char *pool, struct found *ret, struct err *e)
{
	_cleanup_free_ char *out = NULL;
	char *save = NULL;
	int r;

	*ret = (struct found){ 0 };
	r = store_tool(PACKAGE, &out, e, "lvs", "--noheadings", "--separator", ":", "-o", "lv_name,pool_lv,origin",
		       v->vg, NULL);
	if (r < 0)
		return err_wrap(e, r, "volume group %s", v->vg);
	for (char *l = out ? strtok_r(out, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save))
		found_line(l, v, pool, ret);
	return 0;
}

static int find_ref(const struct store_ref *ref, struct found *ret, struct err *e)
{
	_cleanup_volume_ struct volume v = { 0 };
	int r = volume_parse(ref, &v, e);

	*ret = (struct found){ 0 };
	return r < 0 ? r : find(&v, NULL, ret, e);
}

/* 1: there is such a group. */
static int find_group(const char *vg, struct err *e)
{
	_cleanup_free_ char *out = NULL;
	char *save = NULL;
	int r = store_tool(PACKAGE, &out, e, "vgs", "--noheadings", "-o", "vg_name", NULL);

	for (char *p = r == 0 && out ? strtok_r(out, " \t\n", &save) : NULL; p; p = strtok_r(NULL, " \t\n", &save))
		if (streq(p, vg))
			return 1;
	return r;
}

static int lvm_open_tree(const struct store_ref *ref, const char *options, struct err *e)
{
	return block_open_tree(ref->src, ref->src, options, false, e);
}

static int make_volume(const struct volume *v, const struct store_opts *o, struct err *e)
{
	const char *pool = o->thinpool ?: o->usual_pool ?: "lxc";
	char size[SIZE_MAX_TEXT], in[300];
	struct found f;
	int r = find(v, pool, &f, e);

	if (r < 0)
		return r;
	if (f.there)
		return err_kind(e, ERR_EXISTS, -EEXIST, "the volume exists");
	snprintf(size, sizeof(size), "%llub", (unsigned long long)(o->size ?: BLOCK_SIZE_DEFAULT));
	snprintf(in, sizeof(in), "%s/%s", v->vg, pool);
	if (f.pool)
		return store_tool(PACKAGE, NULL, e, "lvcreate", "-qq", "--yes", "-V", size, "--thinpool", in, "-n",
				  v->lv, NULL);
	if (o->thinpool)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "the volume group %s has no thin pool %s", v->vg, pool);
	return store_tool(PACKAGE, NULL, e, "lvcreate", "-qq", "--yes", "--wipesignatures", "y", "-L", size, "-n",
			  v->lv, v->vg, NULL);
}

static int lvm_destroy(const struct store_ref *ref, struct err *e)
{
	_cleanup_volume_ struct volume v = { 0 };
	struct found f;
	struct err why = { 0 };
	char name[300];
	int r = volume_parse(ref, &v, e);

	if (r < 0)
		return r;
	r = find(&v, NULL, &f, &why);
	if (r < 0) {
		/* Of a group that is gone, all is. */
		r = find_group(v.vg, e);
		if (r > 0 && e)
			*e = why;
		return r > 0 ? why.code : r;
	}
	if (!f.there)
		return 0;
	snprintf(name, sizeof(name), "%s/%s", v.vg, v.lv);
	r = store_tool(PACKAGE, NULL, e, "lvremove", "-qq", "-f", name, NULL);
	return r < 0 ? err_wrap(e, r, "remove the volume %s", name) : 0;
}

static int lvm_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	_cleanup_volume_ struct volume v = { 0 };
	int r = volume_parse(ref, &v, e);

	if (r < 0)
		return r;
	r = make_volume(&v, o, e);
	if (r < 0)
		return err_wrap(e, r, "make the volume %s/%s", v.vg, v.lv);
	r = block_wait(ref->src, e);
	if (r == 0)
		r = block_mkfs(ref->src, o, e);
	if (r < 0)
		(void)lvm_destroy(ref, NULL);
	return r;
}

static const char *lvm_host_dir(const struct store_ref *ref)
{
	return NULL;
}

static int lvm_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	_cleanup_volume_ struct volume v = { 0 };
	const char *vg = w->o->vg;
	int r;

	/* A snapshot is of the origin's group, and a copy lies beside it. */
	if (from) {
		r = volume_parse(from, &v, e);
		if (r < 0)
			return r;
		vg = v.vg;
	}
	return asprintf(ret, "lvm:/dev/%s/%s", vg ?: "lxc", w->o->lv ?: w->name) < 0 ? err_oom(e) : 0;
}

static int lvm_snapshot(const struct store_ref *from, const struct store_ref *to, const struct store_opts *o,
			struct err *e)
{
	_cleanup_volume_ struct volume a = { 0 }, b = { 0 };
	char size[SIZE_MAX_TEXT], origin[300];
	struct found f;
	int r = volume_parse(from, &a, e);

	if (r == 0)
		r = volume_parse(to, &b, e);
	if (r == 0)
		r = find(&a, NULL, &f, e);
	if (r < 0)
		return r;
	snprintf(origin, sizeof(origin), "%s/%s", a.vg, a.lv);
	snprintf(size, sizeof(size), "%llub", (unsigned long long)(o->size ?: block_size(from->src)));
	if (f.thin)
		r = store_tool(PACKAGE, NULL, e, "lvcreate", "-qq", "--yes", "-kn", "-s", "-n", b.lv, origin, NULL);
	else
		r = store_tool(PACKAGE, NULL, e, "lvcreate", "-qq", "--yes", "-s", "-L", size, "-n", b.lv, origin,
			       NULL);
	if (r < 0)
		return err_wrap(e, r, "snapshot the volume %s", origin);
	r = block_wait(to->src, e);
	if (r < 0)
		(void)lvm_destroy(to, NULL);
	return r;
}

static int lvm_rename(const struct store_ref *from, const struct store_ref *to, struct err *e)
{
	_cleanup_volume_ struct volume a = { 0 }, b = { 0 };
	int r = volume_parse(from, &a, e);

	if (r == 0)
		r = volume_parse(to, &b, e);
	return r < 0 ? r : store_tool(PACKAGE, NULL, e, "lvrename", "-qq", a.vg, a.lv, b.lv, NULL);
}

static bool lvm_suits(const char *dir, const struct store_opts *o)
{
	return store_tool(PACKAGE, NULL, NULL, "vgs", o->vg ?: "lxc", NULL) == 0;
}

/* Only one of a thin pool is done with its origin. */
static bool lvm_rests(const struct store_ref *ref)
{
	struct found f;

	return find_ref(ref, &f, NULL) < 0 || !f.thin;
}

/* There are no snapshots of snapshots, but in a thin pool. */
static bool lvm_can_share(const struct store_ref *ref)
{
	struct found f;

	return find_ref(ref, &f, NULL) == 0 && (f.thin || !f.snapshot);
}

static bool lvm_exists(const struct store_ref *ref)
{
	struct found f;

	return find_ref(ref, &f, NULL) == 0 && f.there;
}

static uint64_t lvm_size(const struct store_ref *ref)
{
	return block_size(ref->src);
}

const struct store_driver store_lvm = {
	.name = "lvm",
	.flags = STORE_DEVICE,
	.open_tree = lvm_open_tree,
	.create = lvm_create,
	.destroy = lvm_destroy,
	.host_dir = lvm_host_dir,
	.place = lvm_place,
	.snapshot = lvm_snapshot,
	.can_share = lvm_can_share,
	.rests = lvm_rests,
	.exists = lvm_exists,
	.rename = lvm_rename,
	.suits = lvm_suits,
	.size = lvm_size,
};
