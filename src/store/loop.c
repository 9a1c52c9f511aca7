/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * loop:FILE, a file with a file system in it. Its loop device is one that ends by itself (LO_FLAGS_AUTOCLEAR) with the last
 * who uses it: our fd until it is mounted, then the mount. So there is nothing to undo.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "store/block.h"
#include "store/copy.h"

#define TRIES	   64
#define LOOP_MAJOR 7

/* /dev/loopN, made where nobody has. */
static int open_device(int number, char dev[static LOOP_DEV_MAX])
{
	int fd;

	snprintf(dev, LOOP_DEV_MAX, "/dev/loop%d", number);
	fd = open(dev, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && mknod(dev, S_IFBLK | 0660, makedev(LOOP_MAJOR, (unsigned)number)) == 0)
		fd = open(dev, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Before Linux 5.8 in two steps. */
static int configure_old(int dev, int file, const struct loop_info64 *info)
{
	int r = 0;

	if (ioctl(dev, LOOP_SET_FD, file) < 0)
		return -errno;
	if (ioctl(dev, LOOP_SET_STATUS64, info) < 0) {
		r = -errno;
		ioctl(dev, LOOP_CLR_FD, 0);
	}
	return r;
}

static int configure(int dev, int file, bool ro)
{
	struct loop_config c = {
		.fd = (uint32_t)file,
		.info = { .lo_flags = LO_FLAGS_AUTOCLEAR | (ro ? LO_FLAGS_READ_ONLY : 0) },
	};

	if (ioctl(dev, LOOP_CONFIGURE, &c) == 0)
		return 0;
	return errno == EINVAL || errno == ENOTTY ? configure_old(dev, file, &c.info) : -errno;
}

/* fd of a device that shows FILE, its name in DEV. Another may take the free one before us: the next, then. */
int loop_attach(const char *file, bool *ret_ro, char dev[static LOOP_DEV_MAX], struct err *e)
{
	_cleanup_close_ int ctl = -EBADF, fd = open(file, O_RDWR | O_CLOEXEC);

	*ret_ro = false;
	if (fd < 0 && (errno == EROFS || errno == EACCES)) {
		fd = open(file, O_RDONLY | O_CLOEXEC);
		*ret_ro = true;
	}
	if (fd < 0)
		return err_set(e, -errno, "root file system loop:%s", file);
	ctl = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (ctl < 0) {
		int r = err_set(e, -errno, "open /dev/loop-control");

		return r == -ENOENT ? err_hint(e, r, "load the module with: modprobe loop") : r;
	}
	for (int i = 0; i < TRIES; i++) {
		int n = ioctl(ctl, LOOP_CTL_GET_FREE), loop, r;

		if (n < 0)
			return err_set(e, -errno, "find a free loop device");
		loop = open_device(n, dev);
		if (loop < 0)
			return err_set(e, loop, "open %s", dev);
		r = configure(loop, fd, *ret_ro);
		if (r == 0)
			return loop;
		fd_close(loop);
		if (r != -EBUSY)
			return err_set(e, r, "attach %s to %s", file, dev);
	}
	return err_kind(e, ERR_LIMIT, -EBUSY, "no free loop device");
}

static int loop_open_tree(const struct store_ref *ref, const char *options, struct err *e)
{
	_cleanup_close_ int loop = -EBADF;
	char dev[LOOP_DEV_MAX];
	bool ro;

	loop = loop_attach(ref->src, &ro, dev, e);
	return loop < 0 ? loop : block_open_tree(dev, ref->src, options, ro, e);
}

static int make_file(const char *path, struct err *e)
{
	_cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	int fd, r;

	if (!dir)
		return err_oom(e);
	r = *dir ? dir_make_all(dir, 0755, e) : 0;
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s exists", path);
	return fd < 0 ? err_set(e, -errno, "create %s", path) : fd;
}

static int loop_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	_cleanup_close_ int fd = make_file(ref->src, e);
	int r;

	if (fd < 0)
		return fd;
	r = ftruncate(fd, (off_t)(o->size ?: BLOCK_SIZE_DEFAULT)) < 0 ? err_set(e, -errno, "size of %s", ref->src)
								      : block_mkfs(ref->src, o, e);
	if (r < 0)
		unlink(ref->src);
	return r;
}

static int loop_destroy(const struct store_ref *ref, struct err *e)
{
	struct stat st;

	if (lstat(ref->src, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_set(e, -errno, "stat %s", ref->src);
	if (!S_ISREG(st.st_mode))
		return err_kind(e, ERR_INVALID, -EINVAL, "loop:%s is no file, not removed", ref->src);
	return unlink(ref->src) < 0 ? err_set(e, -errno, "remove %s", ref->src) : 0;
}

static const char *loop_host_dir(const struct store_ref *ref)
{
	return NULL;
}

static int loop_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	return store_place_below("loop", w->dir, "rootdev", ret, e);
}

/* The file as a whole: its extents are shared where the file system under it can, holes stay holes. */
static int copy_file(int src, const char *to, struct err *e)
{
	_cleanup_close_ int dst = make_file(to, e);
	struct copy_caps caps = { 0 };
	struct copy_bufs b = { 0 };
	struct stat st;
	int r;

	if (dst < 0)
		return dst;
	r = fstat(src, &st) < 0 ? -errno : copy_bufs_init(&b);
	if (r == 0)
		r = copy_data(src, dst, &st, &caps, &b);
	copy_bufs_done(&b);
	if (r < 0)
		unlink(to);
	return r < 0 ? err_set(e, r, "copy to %s", to) : 0;
}

static int loop_snapshot(const struct store_ref *from, const struct store_ref *to, const struct store_opts *o,
			 struct err *e)
{
	_cleanup_close_ int fd = open(from->src, O_RDONLY | O_CLOEXEC);
	const char *type;

	if (fd < 0)
		return err_set(e, -errno, "root file system loop:%s", from->src);
	type = block_fs_type(fd);
	/* Two of one UUID are one to btrfs. */
	if (!type || streq(type, "btrfs"))
		return store_copy(from, NULL, to, o, e);
	return copy_file(fd, to->src, e);
}

static uint64_t loop_size(const struct store_ref *ref)
{
	return block_size(ref->src);
}

const struct store_driver store_loop = {
	.name = "loop",
	.flags = STORE_DEVICE,
	.open_tree = loop_open_tree,
	.create = loop_create,
	.destroy = loop_destroy,
	.host_dir = loop_host_dir,
	.place = loop_place,
	.snapshot = loop_snapshot,
	.size = loop_size,
};
