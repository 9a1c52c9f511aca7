/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/fd.h"
#include "store/driver.h"

int store_open_dir(const struct store_ref *ref, const char *options, struct err *e)
{
	_cleanup_close_ int at = -EBADF, mnt = -EBADF;
	struct mount_opts o;
	int r;

	r = mount_opts_parse(options, &o, e);
	if (r < 0)
		return r;
	if (o.data[0])
		return err_kind(e, ERR_INVALID, -EINVAL,
				"root file system %s: option '%s' means nothing for a directory", ref->src, o.data);
	at = open(ref->src, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return err_set(e, -errno, "root file system %s", ref->src);
	mnt = mount_clone(at, "", true, e);
	if (mnt < 0)
		return err_wrap(e, mnt, "root file system %s", ref->src);
	r = store_finish_tree(mnt, &o, e);
	return r < 0 ? err_wrap(e, r, "root file system %s", ref->src) : TAKE_FD(mnt);
}

static int dir_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	return store_make_empty_dir(ref->src, e);
}

static int dir_destroy(const struct store_ref *ref, struct err *e)
{
	return store_remove_tree(ref->src, e);
}

static const char *dir_host_dir(const struct store_ref *ref)
{
	return ref->src;
}

static int dir_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	return w->o->dir ? store_place_below("dir", w->o->dir, "", ret, e)
			 : store_place_below("dir", w->dir, "rootfs", ret, e);
}

static bool dir_suits(const char *dir, const struct store_opts *o)
{
	return true;
}

const struct store_driver store_dir = {
	.name = "dir",
	.open_tree = store_open_dir,
	.create = dir_create,
	.destroy = dir_destroy,
	.host_dir = dir_host_dir,
	.place = dir_place,
	.suits = dir_suits,
};
