/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * zfs:POOL/DATASET. A snapshot is a clone of the data set, made of a snapshot of it that is named after the clone. What
 * others were cloned of can go all the same: the clone is promoted, which makes it the one that the snapshot belongs to.
 */
#include <errno.h>
#include <stdio.h>

#include "base/fd.h"
#include "store/block.h"

#define PACKAGE	    "zfsutils-linux"
#define DATASET_MAX 256

static int check(const struct store_ref *ref, struct err *e)
{
	if (*ref->src == '/' || *ref->src == '-' || strpbrk(ref->src, "@#, \t") || strlen(ref->src) >= DATASET_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "zfs:%s: expected zfs:POOL/DATASET", ref->src);
	return 0;
}

static bool exists(const char *dataset)
{
	return store_tool(PACKAGE, NULL, NULL, "zfs", "list", "-H", dataset, NULL) == 0;
}

static int zfs_open_tree(const struct store_ref *ref, const char *options, struct err *e)
{
	_cleanup_close_ int mnt = -EBADF;
	struct mount_opts o;
	char data[sizeof(o.data) + 16];
	int r = check(ref, e);

	if (r == 0)
		r = mount_opts_parse(options, &o, e);
	if (r < 0)
		return r;
	snprintf(data, sizeof(data), "zfsutil%s%s", *o.data ? "," : "", o.data);
	mnt = mount_new("zfs", ref->src, data, 0, o.fs_ro, e);
	if (mnt < 0)
		return err_wrap(e, mnt, "root file system zfs:%s", ref->src);
	r = store_finish_tree(mnt, &o, e);
	return r < 0 ? err_wrap(e, r, "root file system zfs:%s", ref->src) : TAKE_FD(mnt);
}

static int zfs_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	int r = check(ref, e);

	if (r < 0)
		return r;
	if (exists(ref->src))
		return err_kind(e, ERR_EXISTS, -EEXIST, "the data set %s exists", ref->src);
	r = store_tool(PACKAGE, NULL, e, "zfs", "create", "-o", "canmount=noauto", "-o", "mountpoint=legacy", ref->src,
		       NULL);
	return r < 0 ? err_wrap(e, r, "make the data set %s", ref->src) : 0;
}

/* All clones of snapshots of DATASET take those over. */
static int promote_clones(const char *dataset, struct err *e)
{
	_cleanup_free_ char *out = NULL;
	char *save = NULL;
	int r = store_tool(PACKAGE, &out, e, "zfs", "list", "-H", "-t", "snapshot", "-r", "-d", "1", "-o", "clones",
			   dataset, NULL);

	if (r < 0 || !out)
		return r;
	for (char *w = strtok_r(out, ",\n", &save); w && r == 0; w = strtok_r(NULL, ",\n", &save))
		if (!streq(w, "-"))
			r = store_tool(PACKAGE, NULL, e, "zfs", "promote", w, NULL);
	return r;
}

static int zfs_destroy(const struct store_ref *ref, struct err *e)
{
	int r = check(ref, e);

	if (r < 0)
		return r;
	/* Which says also when there are no tools. */
	r = store_tool(PACKAGE, NULL, e, "zfs", "list", "-H", NULL);
	if (r < 0)
		return r;
	if (!exists(ref->src))
		return 0;
	r = promote_clones(ref->src, e);
	if (r == 0)
		r = store_tool(PACKAGE, NULL, e, "zfs", "destroy", "-r", ref->src, NULL);
	return r < 0 ? err_wrap(e, r, "remove the data set %s", ref->src) : 0;
}

static const char *zfs_host_dir(const struct store_ref *ref)
{
	return NULL;
}

static bool zfs_exists(const struct store_ref *ref)
{
	return check(ref, NULL) == 0 && exists(ref->src);
}

static int zfs_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	const char *slash = from ? strrchr(from->src, '/') : NULL;

	/* A clone, or a copy, lies beside its origin. */
	if (slash)
		return asprintf(ret, "zfs:%.*s/%s", (int)(slash - from->src), from->src, w->name) < 0 ? err_oom(e) : 0;
	return asprintf(ret, "zfs:%s/%s", w->o->zfsroot ?: "lxc", w->name) < 0 ? err_oom(e) : 0;
}

static int zfs_snapshot(const struct store_ref *from, const struct store_ref *to, const struct store_opts *o,
			struct err *e)
{
	const char *slash = strrchr(to->src, '/');
	char snap[2 * DATASET_MAX];
	int r = check(from, e);

	if (r == 0)
		r = check(to, e);
	if (r < 0)
		return r;
	snprintf(snap, sizeof(snap), "%s@%s", from->src, slash ? slash + 1 : to->src);
	if (!exists(snap))
		r = store_tool(PACKAGE, NULL, e, "zfs", "snapshot", snap, NULL);
	if (r == 0)
		r = store_tool(PACKAGE, NULL, e, "zfs", "clone", "-o", "canmount=noauto", "-o", "mountpoint=legacy",
			       snap, to->src, NULL);
	return r < 0 ? err_wrap(e, r, "snapshot the data set %s", from->src) : 0;
}

static int zfs_rename(const struct store_ref *from, const struct store_ref *to, struct err *e)
{
	int r = check(from, e);

	if (r == 0)
		r = check(to, e);
	return r < 0 ? r : store_tool(PACKAGE, NULL, e, "zfs", "rename", from->src, to->src, NULL);
}

static bool zfs_suits(const char *dir, const struct store_opts *o)
{
	return exists(o->zfsroot ?: "lxc");
}

const struct store_driver store_zfs = {
	.name = "zfs",
	.names = true,
	.open_tree = zfs_open_tree,
	.create = zfs_create,
	.destroy = zfs_destroy,
	.host_dir = zfs_host_dir,
	.place = zfs_place,
	.snapshot = zfs_snapshot,
	.exists = zfs_exists,
	.rename = zfs_rename,
	.suits = zfs_suits,
};
