/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * thin: each layer is a volume of a thin pool with a file system of its own, a snapshot of the layer below; a root is one more. In
 * place of a tree there is a link "t" that says the volume's number. Nothing is mounted where anybody would see it: what is
 * looked at is a detached mount, so a kill leaves a volume at most, and its number.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "image/layers-inner.h"
#include "image/walk.h"
#include "sys/dm.h"
#include "sys/mount.h"

static char *pool_dir(const struct layers *l)
{
	char *path;

	return asprintf(&path, "%s/thin/.pool", l->dir) < 0 ? NULL : path;
}

static int thin_can(struct layers *l, struct err *e)
{
	_cleanup_free_ char *pool = pool_dir(l);
	int r;

	if (!pool)
		return err_oom(e);
	if (l->user)
		return err_kind(e, ERR_DENIED, -EPERM, "storage driver thin: an ordinary user has no devices");
	r = thin_pool_check(pool, &l->thin, e);
	return r < 0 ? err_wrap(e, r, "storage driver thin") : 0;
}

/* The pool may have gone since it was looked for: with the last that was in it. */
static int new_volume(struct layers *l, uint32_t from, int at, struct err *e)
{
	_cleanup_free_ char *pool = pool_dir(l);
	uint32_t id = 0;
	int r = -ENOENT;

	for (int i = 0; i < 3 && r == -ENOENT; i++) {
		if (!pool)
			return err_oom(e);
		err_clear(e);
		r = thin_pool_make(pool, &l->thin, e);
		if (r == 0)
			r = thin_new(pool, from, at, "t", &id, e);
	}
	return r < 0 ? r : (int)id;
}

static int layer_volume(struct layers *l, const char *chain, uint32_t *ret, struct err *e)
{
	char path[DIGEST_MAX + 8];

	*ret = 0;
	if (isempty(chain))
		return 0;
	snprintf(path, sizeof(path), "%s/t", digest_hex(chain));
	return thin_number(l->fd, path, ret) ? 0 : err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no layer %s", chain);
}

static int root_volume(struct layers *l, const char *id, uint32_t *ret, struct err *e)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/t", id);
	return thin_number(l->roots, path, ret)
		       ? 0
		       : err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no root file system for %s", id);
}

static int open_volume(struct layers *l, uint32_t id, bool layer, struct err *e)
{
	_cleanup_free_ char *pool = pool_dir(l);

	return pool ? thin_open(pool, id, layer, NULL, e) : err_oom(e);
}

/* To read from and write to, which the fd of a mount is not. It lasts as long as this. */
static int open_top(int mnt, struct err *e)
{
	int fd = mnt < 0 ? mnt : openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (mnt >= 0 && fd < 0)
		fd = err_set(e, -errno, "open a volume's root");
	fd_close(mnt);
	return fd;
}

static int thin_begin(struct layers *l, int new_fd, const char *new_tree, const char *parent, struct err *e)
{
	uint32_t from;
	int id, r = layer_volume(l, parent, &from, e);

	if (r < 0)
		return r;
	id = new_volume(l, from, new_fd, e);
	return id < 0 ? id : open_top(open_volume(l, (uint32_t)id, false, e), e);
}

static int drop_volume(struct layers *l, int at, const char *name, struct err *e)
{
	_cleanup_free_ char *pool = pool_dir(l);
	uint32_t id;

	if (!thin_number(at, name, &id))
		return 0;
	return pool ? thin_delete(pool, id, e) : err_oom(e);
}

static int thin_remove(struct layers *l, int dir_fd, const char *path, const char *name, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int r = drop_volume(l, dir_fd, name, e);

	if (r < 0)
		return r;
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		r = drop_volume(l, fd, "t", e);
	return r < 0 ? r : tree_remove(dir_fd, name, e);
}

static int thin_root_make(struct layers *l, const char *id, const char *chain, struct err *e)
{
	_cleanup_close_ int dir = openat(l->roots, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), top = -EBADF;
	uint32_t from;
	int n, r = dir < 0 ? err_set(e, -errno, "open the folder of %s", id) : layer_volume(l, chain, &from, e);

	if (r < 0)
		return r;
	n = new_volume(l, from, dir, e);
	if (n < 0)
		return n;
	top = open_top(open_volume(l, (uint32_t)n, false, e), e);
	return top < 0 ? top : bottom_make(top, e);
}

static int thin_root_ref(struct layers *l, const char *id, const char *chain, char **ret, struct err *e)
{
	uint32_t n;
	int r = root_volume(l, id, &n, e);

	if (r < 0)
		return r;
	if (asprintf(ret, "thin:%s/thin/.pool/%u", l->dir, n) < 0) {
		*ret = NULL;
		return err_oom(e);
	}
	return 0;
}

static int thin_open_chain(struct layers *l, const char *chain, struct err *e)
{
	uint32_t n;
	int r;

	if (!*chain)
		return mount_new("tmpfs", NULL, "mode=755", 0, false, e);
	r = layer_volume(l, chain, &n, e);
	return r < 0 ? r : open_volume(l, n, true, e);
}

static int thin_open_read(struct layers *l, const char *id, const char *chain, struct err *e)
{
	uint32_t n;
	int r = root_volume(l, id, &n, e);

	return r < 0 ? r : open_volume(l, n, false, e);
}

static int thin_open_root(struct layers *l, const char *id, const char *chain, struct err *e)
{
	return open_top(thin_open_read(l, id, chain, e), e);
}

static int thin_idle(struct layers *l, struct err *e)
{
	_cleanup_free_ char *pool = pool_dir(l);

	return pool ? thin_pool_drop(pool, e) : err_oom(e);
}

static int thin_show(struct layers *l, void (*fn)(void *arg, const char *name, const char *value), void *arg,
		     struct err *e)
{
	_cleanup_free_ char *pool = pool_dir(l);
	struct thin_figures f;
	char text[64];
	int r = pool ? thin_pool_figures(pool, &f, e) : err_oom(e);
	const struct {
		const char *name;
		uint64_t bytes;
	} sizes[] = { { "Pool Blocksize", f.block },
		      { "Base Device Size", f.base },
		      { "Data Space Used", f.data_used },
		      { "Data Space Total", f.data_total },
		      { "Data Space Available", f.data_total - f.data_used },
		      { "Metadata Space Used", f.meta_used },
		      { "Metadata Space Total", f.meta_total },
		      { "Metadata Space Available", f.meta_total - f.meta_used } };

	/* It is made with the first layer. */
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	fn(arg, "Pool Name", f.pool);
	fn(arg, "Backing Filesystem", "ext4");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		fn(arg, sizes[i].name, format_size(sizes[i].bytes, text));
	if (f.made)
		fn(arg, "Data loop file", pool);
	return 0;
}

static bool thin_sound(struct layers *l, int dir_fd, const char *name)
{
	_cleanup_free_ char *pool = pool_dir(l);
	char path[DIGEST_MAX + 8];
	uint32_t id;

	snprintf(path, sizeof(path), "%s/t", name);
	return pool && thin_number(dir_fd, path, &id) && thin_there(pool, id, NULL) > 0;
}

#define NUMBERS (1u << 24)

/* A bit for each number. */
static int note_claim(void *arg, uint32_t id)
{
	unsigned char *bits = arg;

	if (id < NUMBERS)
		bits[id / 8] |= (unsigned char)(1u << id % 8);
	return 0;
}

static int forget_used(unsigned char *bits, int dir, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = dir_names(dir, &names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		char path[300];
		uint32_t id;

		snprintf(path, sizeof(path), "%.255s/t", names.v[i]);
		if (thin_number(dir, path, &id))
			bits[id / 8] &= (unsigned char)~(1u << id % 8);
	}
	return r;
}

/* Who takes a number says so before: those that are taken come first, then what says them. */
static int thin_stray(struct layers *l, bool repair, void (*fn)(void *arg, const char *what), void *arg, struct err *e)
{
	_cleanup_free_ unsigned char *bits = calloc(NUMBERS / 8, 1);
	_cleanup_free_ char *pool = pool_dir(l);
	int r = bits && pool ? thin_each(pool, note_claim, bits, e) : err_oom(e);

	if (r == 0)
		r = forget_used(bits, l->fd, e);
	if (r == 0)
		r = forget_used(bits, l->roots, e);
	for (uint32_t id = 1; id < NUMBERS && r == 0; id++) {
		char text[48];

		if (!(bits[id / 8] & 1u << id % 8))
			continue;
		snprintf(text, sizeof(text), "volume %u of the thin pool", id);
		fn(arg, text);
		r = repair ? thin_delete(pool, id, e) : 0;
	}
	return r;
}

const struct layer_driver layer_thin = {
	.name = "thin",
	.mode = UNTAR_APPLY,
	.own_fs = true,
	.can = thin_can,
	.begin = thin_begin,
	.remove = thin_remove,
	.root_make = thin_root_make,
	.root_ref = thin_root_ref,
	.open_chain = thin_open_chain,
	.open_read = thin_open_read,
	.open_root = thin_open_root,
	.idle = thin_idle,
	.figures = thin_show,
	.stray = thin_stray,
	.sound = thin_sound,
};
