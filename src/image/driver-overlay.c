/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * overlay: a folder a layer, none of which knows of the others, so any number can be unpacked at once; a root is an upper
 * folder ("delta", with "work" beside it) that store/overlay.c mounts over all of them. Lowest is a folder with the mount
 * points that Docker has in every container; nothing has to be made for them.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "image/layers-inner.h"
#include "store/store.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

/* Tried, not asked: what lies below may be an overlay itself, or know no attributes. */
static bool overlay_suits(const char *dir, int dir_fd)
{
	_cleanup_free_ char *ref = NULL;
	struct store_ref s = { 0 };
	char name[48];
	int fd = -1;

	/* Nobody mounts as an ordinary user: what needs a root is done in a name space of his. */
	if (geteuid() != 0)
		return true;
	snprintf(name, sizeof(name), ".try-%d-%p", (int)getpid(), (void *)&fd);
	if (asprintf(&ref, "overlay:%s/%s/lower:%s/%s/delta", dir, name, dir, name) < 0) {
		ref = NULL;
		return false;
	}
	if (mkdirat(dir_fd, name, 0700) == 0 && store_parse(ref, &s, NULL) == 0 &&
	    s.driver->create(&s, &(struct store_opts){ 0 }, NULL) == 0)
		fd = s.driver->open_tree(&s, NULL, NULL);
	store_ref_done(&s);
	if (fd >= 0)
		close(fd);
	(void)tree_remove(dir_fd, name, NULL);
	return fd >= 0;
}

static int overlay_begin(struct layers *l, int new_fd, const char *new_tree, const char *parent, struct err *e)
{
	int fd = mkdirat(new_fd, "t", 0755) < 0 ? -1
						: openat(new_fd, "t", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0755) < 0) {
		int r = err_set(e, -errno, "make %s", new_tree);

		fd_close(fd);
		return r;
	}
	return fd;
}

static int overlay_remove(struct layers *l, int dir_fd, const char *path, const char *name, struct err *e)
{
	return tree_remove(dir_fd, name, e);
}

/* Owner and mode of the root are those of the upper folder. */
static int overlay_root_make(struct layers *l, const char *id, const char *chain, struct err *e)
{
	char delta[160], work[160], top[DIGEST_MAX + 8] = ".bottom";
	struct stat st;

	snprintf(delta, sizeof(delta), "%s/delta", id);
	snprintf(work, sizeof(work), "%s/work", id);
	if (*chain)
		snprintf(top, sizeof(top), "%s/t", digest_hex(chain));
	if (fstatat(l->fd, top, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, -errno, "stat layer %s", top);
	if (mkdirat(l->roots, delta, 0700) < 0 || mkdirat(l->roots, work, 0700) < 0)
		return err_set(e, -errno, "make its folders");
	if (((st.st_uid || st.st_gid) && fchownat(l->roots, delta, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0) ||
	    fchmodat(l->roots, delta, st.st_mode & 07777, 0) < 0)
		return err_set(e, -errno, "give it the owner and mode of its layer");
	return 0;
}

/* As store/overlay.c reads it. */
static void put_path(struct buf *b, const char *path)
{
	for (; *path; path++) {
		if (*path == ':' || *path == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *path);
	}
}

static int put_layers(struct layers *l, const char *chain, struct buf *b, struct err *e)
{
	_cleanup_strv_ struct strv stack = STRV_INIT;
	int r = layer_stack(l, chain, &stack, e);

	for (size_t i = 0; i < stack.n && r == 0; i++) {
		_cleanup_free_ char *path = layer_path(l, stack.v[i]);

		if (!path)
			return err_oom(e);
		put_path(b, path);
		buf_putc(b, ':');
	}
	return r;
}

static int overlay_root_ref(struct layers *l, const char *id, const char *chain, char **ret, struct err *e)
{
	_cleanup_free_ char *upper = root_path(l, id, "delta");
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r;

	if (!upper)
		return err_oom(e);
	buf_puts(&b, "overlay:");
	r = put_layers(l, chain, &b, e);
	put_path(&b, l->dir);
	buf_printf(&b, "/%s/.bottom:", l->driver->name);
	put_path(&b, upper);
	r = r < 0 ? r : buf_error(&b, e);
	if (r == 0)
		*ret = buf_take(&b);
	return r;
}

/* Of lower folders only, the first the top one. One alone is no overlay. */
static int open_lowers(struct layers *l, const struct strv *lowers, struct err *e)
{
	if (lowers->n == 1)
		return mount_clone(AT_FDCWD, lowers->v[0], false, e);
	return store_overlay_lowers(lowers->v, lowers->n, e);
}

static int overlay_open(struct layers *l, const char *upper, const char *chain, struct err *e)
{
	_cleanup_strv_ struct strv stack = STRV_INIT, lowers = STRV_INIT;
	int r = upper ? strv_push(&lowers, upper, e) : 0;

	if (r == 0)
		r = layer_stack(l, chain, &stack, e);
	for (size_t i = 0; i < stack.n && r == 0; i++)
		r = strv_push_take(&lowers, layer_path(l, stack.v[i]), e);
	if (r == 0 && (upper || !lowers.n))
		r = strv_pushf(&lowers, e, "%s/%s/.bottom", l->dir, l->driver->name);
	return r < 0 ? r : open_lowers(l, &lowers, e);
}

int layer_open_below(struct layers *l, const struct strv *stack, struct err *e)
{
	_cleanup_strv_ struct strv lowers = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < stack->n && r == 0; i++)
		r = strv_push_take(&lowers, layer_path(l, stack->v[i]), e);
	if (r == 0)
		r = strv_pushf(&lowers, e, "%s/%s/.bottom", l->dir, l->driver->name);
	return r < 0 ? r : open_lowers(l, &lowers, e);
}

static int overlay_open_chain(struct layers *l, const char *chain, struct err *e)
{
	return overlay_open(l, NULL, chain, e);
}

static int overlay_open_read(struct layers *l, const char *id, const char *chain, struct err *e)
{
	_cleanup_free_ char *upper = root_path(l, id, "delta");

	return upper ? overlay_open(l, upper, chain, e) : err_oom(e);
}

static int overlay_open_root(struct layers *l, const char *id, const char *chain, struct err *e)
{
	_cleanup_free_ char *path = root_path(l, id, "delta");
	int fd;

	if (!path)
		return err_oom(e);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open %s", path) : fd;
}

static bool is_dir(int at, const char *path)
{
	struct stat st;

	return fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static bool overlay_sound(struct layers *l, int dir_fd, const char *name)
{
	char path[DIGEST_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", name, dir_fd == l->roots ? "work" : "t");
	if (!is_dir(dir_fd, path))
		return false;
	snprintf(path, sizeof(path), "%s/%s", name, dir_fd == l->roots ? "delta" : "t");
	return is_dir(dir_fd, path);
}

const struct layer_driver layer_overlay = {
	.name = "overlay",
	.mode = UNTAR_OVERLAY,
	.over = true,
	.suits = overlay_suits,
	.begin = overlay_begin,
	.remove = overlay_remove,
	.root_make = overlay_root_make,
	.root_ref = overlay_root_ref,
	.open_chain = overlay_open_chain,
	.open_read = overlay_open_read,
	.open_root = overlay_open_root,
	.sound = overlay_sound,
};
