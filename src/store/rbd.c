/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* rbd:/dev/rbd/POOL/IMAGE, a block device of a Ceph cluster. It is mapped when it is needed, and stays mapped. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "store/block.h"

#define PACKAGE "ceph-common"
#define PREFIX	"/dev/rbd/"

/* "POOL/IMAGE" within the path. */
static int check(const struct store_ref *ref, const char **ret_image, struct err *e)
{
	const char *image = startswith(ref->src, PREFIX), *slash = image ? strchr(image, '/') : NULL;

	if (!slash || slash == image || *image == '-' || !path_is_component(slash + 1))
		return err_kind(e, ERR_INVALID, -EINVAL, "rbd:%s: expected rbd:" PREFIX "POOL/IMAGE", ref->src);
	*ret_image = image;
	return 0;
}

static int map(const struct store_ref *ref, const char *image, const char *user, struct err *e)
{
	int r;

	if (file_exists(AT_FDCWD, ref->src))
		return 0;
	r = store_tool(PACKAGE, NULL, e, "rbd", "map", image, "--id", user ?: "admin", NULL);
	return r < 0 ? err_wrap(e, r, "map the image %s", image) : block_wait(ref->src, e);
}

static int rbd_open_tree(const struct store_ref *ref, const char *options, struct err *e)
{
	const char *image;
	int r = check(ref, &image, e);

	if (r == 0)
		r = map(ref, image, NULL, e);
	return r < 0 ? r : block_open_tree(ref->src, ref->src, options, false, e);
}

static int rbd_destroy(const struct store_ref *ref, struct err *e)
{
	const char *image;
	int r = check(ref, &image, e);

	if (r < 0)
		return r;
	if (file_exists(AT_FDCWD, ref->src)) {
		r = store_tool(PACKAGE, NULL, e, "rbd", "unmap", ref->src, NULL);
		if (r < 0)
			return r;
	}
	if (store_tool(PACKAGE, NULL, e, "rbd", "info", image, NULL) < 0)
		return e && e->kind == ERR_MISSING ? e->code : (err_clear(e), 0);
	r = store_tool(PACKAGE, NULL, e, "rbd", "rm", "--no-progress", image, NULL);
	return r < 0 ? err_wrap(e, r, "remove the image %s", image) : 0;
}

static int rbd_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	const char *image;
	char size[32];
	int r = check(ref, &image, e);

	if (r < 0)
		return r;
	if (file_exists(AT_FDCWD, ref->src))
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s exists", ref->src);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)((o->size ?: BLOCK_SIZE_DEFAULT) >> 20));
	r = store_tool(PACKAGE, NULL, e, "rbd", "create", "--size", size, "--id", o->rbduser ?: "admin", image, NULL);
	if (r < 0)
		return err_wrap(e, r, "make the image %s", image);
	r = map(ref, image, o->rbduser, e);
	if (r == 0)
		r = block_mkfs(ref->src, o, e);
	if (r < 0)
		(void)rbd_destroy(ref, NULL);
	return r;
}

static const char *rbd_host_dir(const struct store_ref *ref)
{
	return NULL;
}

static bool rbd_exists(const struct store_ref *ref)
{
	const char *image;

	return check(ref, &image, NULL) == 0 &&
	       (file_exists(AT_FDCWD, ref->src) || store_tool(PACKAGE, NULL, NULL, "rbd", "info", image, NULL) == 0);
}

static int rbd_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	const char *image = NULL, *pool = w->o->rbdpool ?: "lxc";
	int r = from ? check(from, &image, e) : 0, len = (int)strlen(pool);

	if (r < 0)
		return r;
	/* A copy lies beside its origin. */
	if (image) {
		pool = image;
		len = (int)strcspn(image, "/");
	}
	return asprintf(ret, "rbd:" PREFIX "%.*s/%s", len, pool, w->o->rbdname ?: w->name) < 0 ? err_oom(e) : 0;
}

static int rbd_rename(const struct store_ref *from, const struct store_ref *to, struct err *e)
{
	const char *a, *b;
	int r = check(from, &a, e);

	if (r == 0)
		r = check(to, &b, e);
	if (r == 0 && file_exists(AT_FDCWD, from->src))
		r = store_tool(PACKAGE, NULL, e, "rbd", "unmap", from->src, NULL);
	return r < 0 ? r : store_tool(PACKAGE, NULL, e, "rbd", "rename", a, b, NULL);
}

static uint64_t rbd_size(const struct store_ref *ref)
{
	return block_size(ref->src);
}

const struct store_driver store_rbd = {
	.name = "rbd",
	.flags = STORE_DEVICE,
	.open_tree = rbd_open_tree,
	.create = rbd_create,
	.destroy = rbd_destroy,
	.host_dir = rbd_host_dir,
	.place = rbd_place,
	.exists = rbd_exists,
	.rename = rbd_rename,
	.size = rbd_size,
};
