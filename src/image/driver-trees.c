/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * btrfs and copy: each layer is a whole tree, made from its parent's and changed; a root is one more. On btrfs both are
 * snapshots, elsewhere copies that share extents where the file system can (store/copy.c).
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/layers-inner.h"
#include "store/store.h"
#include "sys/mount.h"

#define ROOT_NAME "root"

static bool btrfs_suits(const char *dir, int dir_fd)
{
	struct statfs st;

	return fstatfs(dir_fd, &st) == 0 && st.f_type == BTRFS_SUPER_MAGIC;
}

static bool copy_suits(const char *dir, int dir_fd)
{
	return true;
}

/* TO as a new tree of TYPE ("btrfs", "dir"), which begins as FROM; NULL: empty. */
static int make_tree(const char *type, const char *from, const char *to, struct err *e)
{
	_cleanup_(store_ref_done) struct store_ref a = { 0 }, b = { 0 };
	_cleanup_free_ char *src = NULL, *dst = NULL;
	struct store_opts o = { 0 };
	int r;

	if (asprintf(&dst, "%s:%s", type, to) < 0) {
		dst = NULL;
		return err_oom(e);
	}
	if (from && asprintf(&src, "%s:%s", type, from) < 0) {
		src = NULL;
		return err_oom(e);
	}
	r = store_parse(dst, &b, e);
	if (r == 0 && src)
		r = store_parse(src, &a, e);
	if (r < 0)
		return r;
	if (!from) {
		r = b.driver->create(&b, &o, e);
		return r == 0 && chmod(to, 0755) < 0 ? err_set(e, -errno, "set the mode of %s", to) : r;
	}
	return b.driver->snapshot ? b.driver->snapshot(&a, &b, &o, e) : store_copy_tree(from, to, e);
}

static const char *type_of(const struct layers *l)
{
	return l->driver == &layer_btrfs ? "btrfs" : "dir";
}

/* To read what lies at PATH, the caller's (free()). */
static int open_path(char *path, struct err *e)
{
	_cleanup_free_ char *own = path;
	int fd;

	if (!own)
		return err_oom(e);
	fd = open(own, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open %s", own) : fd;
}

static int trees_begin(struct layers *l, int new_fd, const char *new_tree, const char *parent, struct err *e)
{
	_cleanup_free_ char *from = parent ? layer_path(l, parent) : NULL;
	int r;

	if (parent && !from)
		return err_oom(e);
	if (parent && !layers_have(l, parent))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no layer %s", parent);
	r = make_tree(type_of(l), from, new_tree, e);
	return r < 0 ? r : open_path(strdup(new_tree), e);
}

static int trees_remove(struct layers *l, int dir_fd, const char *path, const char *name, struct err *e)
{
	return file_exists(dir_fd, name) ? store_remove_tree(path, e) : 0;
}

static int trees_root_make(struct layers *l, const char *id, const char *chain, struct err *e)
{
	_cleanup_free_ char *from = *chain ? layer_path(l, chain) : NULL, *to = root_path(l, id, ROOT_NAME);
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (!to || (*chain && !from))
		return err_oom(e);
	r = make_tree(type_of(l), from, to, e);
	if (r < 0)
		return r;
	fd = open_path(TAKE_PTR(to), e);
	return fd < 0 ? fd : bottom_make(fd, e);
}

static int trees_open_root(struct layers *l, const char *id, const char *chain, struct err *e)
{
	return open_path(root_path(l, id, ROOT_NAME), e);
}

static int trees_root_ref(struct layers *l, const char *id, const char *chain, char **ret, struct err *e)
{
	if (asprintf(ret, "%s:%s/roots/%s/" ROOT_NAME, type_of(l), l->dir, id) < 0) {
		*ret = NULL;
		return err_oom(e);
	}
	return 0;
}

static int trees_open_chain(struct layers *l, const char *chain, struct err *e)
{
	_cleanup_free_ char *path = NULL;

	if (!*chain)
		return mount_new("tmpfs", NULL, "mode=755", 0, false, e);
	path = layer_path(l, chain);
	return path ? mount_clone(AT_FDCWD, path, false, e) : err_oom(e);
}

static int trees_open_read(struct layers *l, const char *id, const char *chain, struct err *e)
{
	_cleanup_free_ char *path = root_path(l, id, ROOT_NAME);

	return path ? mount_clone(AT_FDCWD, path, false, e) : err_oom(e);
}

static bool trees_sound(struct layers *l, int dir_fd, const char *name)
{
	char path[DIGEST_MAX + 32];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", name, dir_fd == l->roots ? ROOT_NAME : "t");
	return fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

#define TREES                                                                                            \
	.mode = UNTAR_APPLY, .begin = trees_begin, .remove = trees_remove, .root_make = trees_root_make, \
	.root_ref = trees_root_ref, .open_chain = trees_open_chain, .open_read = trees_open_read,        \
	.open_root = trees_open_root, .sound = trees_sound

const struct layer_driver layer_btrfs = { .name = "btrfs", .suits = btrfs_suits, TREES };
const struct layer_driver layer_copy = { .name = "copy", .suits = copy_suits, TREES };
