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

static bool has_volume(const char *vg, const char *lv)
{
	char name[300];

	snprintf(name, sizeof(name), "%s/%s", vg, lv);
	return store_tool(PACKAGE, NULL, NULL, "lvs", name, NULL) == 0;
}

/* The thin pool that it lies in, or NULL. free() */
static char *pool_of(const struct volume *v)
{
	_cleanup_free_ char *out = NULL;
	char name[300], *p;

	snprintf(name, sizeof(name), "%s/%s", v->vg, v->lv);
	if (store_tool(PACKAGE, &out, NULL, "lvs", "--noheadings", "-o", "pool_lv", name, NULL) < 0 || !out)
		return NULL;
	p = out + strspn(out, " \t\n");
	p[strcspn(p, " \t\n")] = '\0';
	return *p ? strdup(p) : NULL;
}

static int lvm_open_tree(const struct store_ref *ref, const char *options, struct err *e)
{
	return block_open_tree(ref->src, ref->src, options, false, e);
}

static int make_volume(const struct volume *v, const struct store_opts *o, struct err *e)
{
	const char *pool = o->thinpool ?: "lxc";
	char size[SIZE_MAX_TEXT], in[300];

	snprintf(size, sizeof(size), "%llub", (unsigned long long)(o->size ?: BLOCK_SIZE_DEFAULT));
	snprintf(in, sizeof(in), "%s/%s", v->vg, pool);
	if (has_volume(v->vg, pool))
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
	char name[300];
	int r = volume_parse(ref, &v, e);

	if (r < 0)
		return r;
	/* Which says also when there are no tools. */
	r = store_tool(PACKAGE, NULL, e, "lvs", v.vg, NULL);
	if (r < 0)
		return err_wrap(e, r, "volume group %s", v.vg);
	if (!has_volume(v.vg, v.lv))
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
	r = store_tool(PACKAGE, NULL, e, "vgs", v.vg, NULL);
	if (r < 0)
		return err_wrap(e, r, "volume group %s", v.vg);
	if (has_volume(v.vg, v.lv))
		return err_kind(e, ERR_EXISTS, -EEXIST, "the volume %s/%s exists", v.vg, v.lv);
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

	/* A snapshot is of the origin's group. */
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
	_cleanup_free_ char *pool = NULL;
	char size[SIZE_MAX_TEXT], origin[300];
	int r = volume_parse(from, &a, e);

	if (r == 0)
		r = volume_parse(to, &b, e);
	if (r < 0)
		return r;
	snprintf(origin, sizeof(origin), "%s/%s", a.vg, a.lv);
	snprintf(size, sizeof(size), "%llub", (unsigned long long)(o->size ?: block_size(from->src)));
	pool = pool_of(&a);
	if (pool)
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
	_cleanup_volume_ struct volume v = { 0 };
	_cleanup_free_ char *pool = volume_parse(ref, &v, NULL) == 0 ? pool_of(&v) : NULL;

	return !pool;
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
	.rests = lvm_rests,
	.rename = lvm_rename,
	.suits = lvm_suits,
	.size = lvm_size,
};
