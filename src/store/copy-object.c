/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/copy.h"

/* Below this size one read and one write cost less than asking for anything cleverer. */
#define SMALL_FILE COPY_DATA_MAX

int copy_bufs_init(struct copy_bufs *b)
{
	b->data = malloc(COPY_DATA_MAX);
	b->names = malloc(XATTR_LIST_MAX);
	b->value = malloc(XATTR_SIZE_MAX);
	return b->data && b->names && b->value ? 0 : -ENOMEM;
}

void copy_bufs_done(struct copy_bufs *b)
{
	free(b->data);
	free(b->names);
	free(b->value);
}

/* --- data ----------------------------------------------------------------------------------------------------------- */

static int write_at(int dst, const char *data, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(dst, data, len, at);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

static int copy_by_buffer(int src, int dst, off_t at, off_t end, struct copy_bufs *b)
{
	while (at < end) {
		size_t want = end - at < COPY_DATA_MAX ? (size_t)(end - at) : COPY_DATA_MAX;
		ssize_t n = pread(src, b->data, want, at);
		int r;

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (n == 0)
			return 0; /* shorter than it was */
		r = write_at(dst, b->data, (size_t)n, at);
		if (r < 0)
			return r;
		at += n;
	}
	return 0;
}

static bool not_for_these(int err)
{
	return err == EXDEV || err == EINVAL || err == EOPNOTSUPP || err == ENOSYS || err == EPERM || err == EBADF ||
	       err == ETXTBSY;
}

/* Within the kernel where it can be (it may share extents, or let the server copy), else through the buffer. */
static int copy_extent(int src, int dst, off_t at, off_t end, struct copy_caps *caps, struct copy_bufs *b)
{
	while (at < end && !caps->no_range) {
		off64_t in = at, out = at;
		ssize_t n = copy_file_range(src, &in, dst, &out, (size_t)(end - at), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && not_for_these(errno)) {
			caps->no_range = true;
			break;
		}
		if (n < 0)
			return -errno;
		if (n == 0)
			break; /* the end, or a file system that makes its contents as they are read */
		at += n;
	}
	return copy_by_buffer(src, dst, at, end, b);
}

static int copy_sparse(int src, int dst, off_t size, struct copy_caps *caps, struct copy_bufs *b)
{
	off_t data = 0, hole;
	int r;

	while (data < size) {
		data = lseek(src, data, SEEK_DATA);
		if (data < 0)
			break; /* ENXIO: only a hole is left */
		hole = lseek(src, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_extent(src, dst, data, hole < size ? hole : size, caps, b);
		if (r < 0)
			return r;
		data = hole;
	}
	if (data < 0 && errno != ENXIO)
		return copy_extent(src, dst, 0, size, caps, b);
	return ftruncate(dst, size) < 0 ? -errno : 0;
}

int copy_data(int src, int dst, const struct stat *st, struct copy_caps *caps, struct copy_bufs *b)
{
	if (st->st_size == 0)
		return 0;
	if (!caps->no_reflink) {
		if (ioctl(dst, FICLONE, src) == 0)
			return 0;
		if (!not_for_these(errno) && errno != ENOTTY)
			return -errno;
		caps->no_reflink = true;
	}
	if (st->st_blocks < (st->st_size + 511) / 512 && st->st_size > 4096)
		return copy_sparse(src, dst, st->st_size, caps, b);
	if (st->st_size <= SMALL_FILE)
		return copy_by_buffer(src, dst, 0, st->st_size, b);
	return copy_extent(src, dst, 0, st->st_size, caps, b);
}

/* --- what is known about it ----------------------------------------------------------------------------------------- */

/* Either two fds, or two paths that end in an object that must not be followed. */
struct pair {
	int src_fd, dst_fd;
	const char *src, *dst;
};

static int set_xattr(const struct pair *p, const char *name, size_t len, const struct copy_caps *caps,
		     const char *value)
{
	int r = p->src ? lsetxattr(p->dst, name, value, len, 0) : fsetxattr(p->dst_fd, name, value, len, 0);

	if (r == 0 || errno == EOPNOTSUPP)
		return 0;
	/* Without privilege over the whole host only some can be set; such a tree has no others that matter. */
	if (errno == EPERM && !caps->privileged)
		return 0;
	return -errno;
}

static int copy_xattrs(const struct pair *p, struct copy_caps *caps, struct copy_bufs *b)
{
	ssize_t n;
	int r;

	if (caps->no_xattr)
		return 0;
	n = p->src ? llistxattr(p->src, b->names, XATTR_LIST_MAX) : flistxattr(p->src_fd, b->names, XATTR_LIST_MAX);
	if (n < 0) {
		if (errno != EOPNOTSUPP)
			return -errno;
		caps->no_xattr = true;
		return 0;
	}
	for (const char *name = b->names; name < b->names + n; name += strlen(name) + 1) {
		ssize_t len = p->src ? lgetxattr(p->src, name, b->value, XATTR_SIZE_MAX)
				     : fgetxattr(p->src_fd, name, b->value, XATTR_SIZE_MAX);

		if (len < 0) {
			if (errno == ENODATA || errno == EOPNOTSUPP || (errno == EPERM && !caps->privileged))
				continue;
			return -errno;
		}
		r = set_xattr(p, name, (size_t)len, caps, b->value);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * A change of owner clears set-id bits and file capabilities, and a change of mode rewrites an ACL's mask: so owner,
 * mode, attributes; and times at the end.
 */
int copy_meta_fd(int src, int dst, const struct stat *st, struct copy_caps *caps, struct copy_bufs *b)
{
	struct pair p = { .src_fd = src, .dst_fd = dst };
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	int r;

	if (fchown(dst, st->st_uid, st->st_gid) < 0 || fchmod(dst, st->st_mode & 07777) < 0)
		return -errno;
	r = copy_xattrs(&p, caps, b);
	if (r < 0)
		return r;
	return futimens(dst, times) < 0 ? -errno : 0;
}

int copy_meta_at(int src_dir, int dst_dir, const char *name, const struct stat *st, struct copy_caps *caps,
		 struct copy_bufs *b)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };
	char src[FD_PATH_MAX + NAME_MAX + 2], dst[FD_PATH_MAX + NAME_MAX + 2], dir[FD_PATH_MAX];
	struct pair p = { .src = src, .dst = dst };
	int r;

	if (fchownat(dst_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISLNK(st->st_mode) && fchmodat(dst_dir, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	snprintf(src, sizeof(src), "%s/%s", fd_path(src_dir, dir), name);
	snprintf(dst, sizeof(dst), "%s/%s", fd_path(dst_dir, dir), name);
	r = copy_xattrs(&p, caps, b);
	if (r < 0)
		return r;
	return utimensat(dst_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}
