/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * btrfs:PATH, a subvolume. Made, shared and removed by the kernel's own calls, which an ordinary user may use, too; what
 * he may not do (removing a subvolume, unless it was mounted with user_subvol_rm_allowed) rmdir(2) does once it is empty.
 *
 * Where a call is refused because the source is no subvolume, or lies elsewhere, a snapshot becomes a copy: file by file,
 * sharing extents.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "store/driver.h"

#define SUBVOLUME_INO 256 /* root directory of every subvolume */
#define NESTED_MAX    128

static bool is_btrfs(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && st.f_type == BTRFS_SUPER_MAGIC;
}

static bool is_subvolume(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_ino == SUBVOLUME_INO && is_btrfs(fd);
}

/* The directory above PATH, made where it is missing, and PATH's last component. */
static int open_parent(const char *path, bool make, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	int fd, r;

	if (!dir)
		return err_oom(e);
	if (!slash[1] || strlen(slash + 1) > BTRFS_SUBVOL_NAME_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "btrfs:%s: expected the path of a subvolume", path);
	r = make ? dir_make_all(dir, 0755, e) : 0;
	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open %s", dir);
	*ret_name = slash + 1;
	return fd;
}

static int subvolume_create(int dir, const char *name)
{
	struct btrfs_ioctl_vol_args a = { 0 };

	snprintf(a.name, sizeof(a.name), "%s", name);
	return ioctl(dir, BTRFS_IOC_SUBVOL_CREATE, &a) < 0 ? -errno : 0;
}

static int subvolume_snapshot(int dir, const char *name, int from)
{
	struct btrfs_ioctl_vol_args_v2 a = { .fd = from };

	snprintf(a.name, sizeof(a.name), "%s", name);
	return ioctl(dir, BTRFS_IOC_SNAP_CREATE_V2, &a) < 0 ? -errno : 0;
}

static int subvolume_destroy(int dir, const char *name)
{
	struct btrfs_ioctl_vol_args a = { 0 };

	snprintf(a.name, sizeof(a.name), "%s", name);
	return ioctl(dir, BTRFS_IOC_SNAP_DESTROY, &a) < 0 ? -errno : 0;
}

/* Removes all subvolumes below FD. They are found by walking: nothing else tells an ordinary user, and rmdir would. */
static int destroy_below(int fd, unsigned depth)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3), r = 0;
	DIR *d = own >= 0 ? fdopendir(own) : NULL;
	struct dirent *de;

	if (!d) {
		fd_close(own);
		return -ENOMEM;
	}
	rewinddir(d);
	while (r == 0 && (de = readdir(d))) {
		_cleanup_close_ int child = -EBADF;

		if (de->d_type != DT_DIR || streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		child = openat(fd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (child < 0)
			continue;
		/* One that holds no other goes without being walked through: most of what there is to read is in those. */
		if (is_subvolume(child) && subvolume_destroy(fd, de->d_name) == 0)
			continue;
		if (depth < NESTED_MAX)
			r = destroy_below(child, depth + 1);
		if (r == 0 && is_subvolume(child))
			r = subvolume_destroy(fd, de->d_name);
	}
	closedir(d);
	return r;
}

/* With what is nested in it. One that holds none, the usual case, goes without being looked through. */
static int subvolume_remove(int dir, const char *name)
{
	_cleanup_close_ int fd = -EBADF;
	int r = subvolume_destroy(dir, name);

	if (r != -ENOTEMPTY && r != -EPERM && r != -EACCES)
		return r;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = destroy_below(fd, 0);
	return r < 0 ? r : subvolume_destroy(dir, name);
}

int btrfs_remove_below(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || !is_btrfs(fd))
		return -ENOTDIR;
	return destroy_below(fd, 0);
}

static int btrfs_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	const char *name;
	_cleanup_close_ int dir = open_parent(ref->src, true, &name, e), fd = -EBADF;
	int r;

	if (dir < 0)
		return dir;
	if (!is_btrfs(dir)) {
		err_kind(e, ERR_INVALID, -EOPNOTSUPP, "%s is not on a btrfs file system", ref->src);
		return err_hint(e, -EOPNOTSUPP, "use storage of another type, dir say");
	}
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0) {
		r = store_make_empty_dir(ref->src, e);
		if (r < 0 || is_subvolume(fd))
			return r;
		unlinkat(dir, name, AT_REMOVEDIR);
	}
	r = subvolume_create(dir, name);
	return r < 0 ? err_set(e, r, "create subvolume %s", ref->src) : 0;
}

static int btrfs_destroy(const struct store_ref *ref, struct err *e)
{
	const char *name;
	_cleanup_close_ int dir = -EBADF, fd = -EBADF;
	int r;

	if (!file_exists(AT_FDCWD, ref->src))
		return 0;
	dir = open_parent(ref->src, false, &name, e);
	if (dir < 0)
		return dir;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || !is_subvolume(fd))
		return store_remove_tree(ref->src, e);
	r = subvolume_remove(dir, name);
	if (r == -EPERM || r == -EACCES)
		return store_remove_tree(ref->src, e);
	return r < 0 ? err_set(e, r, "remove subvolume %s", ref->src) : 0;
}

static const char *btrfs_host_dir(const struct store_ref *ref)
{
	return ref->src;
}

static int btrfs_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	return w->o->dir ? store_place_below("btrfs", w->o->dir, "", ret, e)
			 : store_place_below("btrfs", w->dir, "rootfs", ret, e);
}

static int btrfs_snapshot(const struct store_ref *from, const struct store_ref *to, const struct store_opts *o,
			  struct err *e)
{
	_cleanup_close_ int src = open(from->src, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dir = -EBADF;
	const char *name;
	int r;

	if (src < 0)
		return err_set(e, -errno, "root file system %s", from->src);
	dir = open_parent(to->src, true, &name, e);
	if (dir < 0)
		return dir;
	if (!is_subvolume(src))
		return store_copy(from, NULL, to, o, e);
	r = subvolume_snapshot(dir, name, src);
	if (r == -EXDEV)
		return store_copy(from, NULL, to, o, e);
	return r < 0 ? err_set(e, r, "snapshot %s to %s", from->src, to->src) : 0;
}

static bool btrfs_suits(const char *path, const struct store_opts *o)
{
	struct statfs st;

	return statfs(path, &st) == 0 && st.f_type == BTRFS_SUPER_MAGIC;
}

const struct store_driver store_btrfs = {
	.name = "btrfs",
	.open_tree = store_open_dir,
	.create = btrfs_create,
	.destroy = btrfs_destroy,
	.host_dir = btrfs_host_dir,
	.place = btrfs_place,
	.snapshot = btrfs_snapshot,
	.suits = btrfs_suits,
};
