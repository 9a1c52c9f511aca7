/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The contents of a directory into a new tmpfs (mount option tmpcopyup), between fork and exec: buffers on the stack, one
 * directory open a level. The tree is the container's: links are copied, never followed, and depth is bounded.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/child.h"

#define DEPTH_MAX 64

/* The kernel's answer to getdents64(2): opendir() allocates. */
struct entry {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static int copy_tree(int from, int to, unsigned depth);

static int copy_meta(int to, const char *name, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	if (fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	/* After the owner, whose change clears set-id bits. */
	if (!S_ISLNK(st->st_mode) && fchmodat(to, name, st->st_mode & 07777, 0) < 0)
		return -errno;
	return utimensat(to, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int copy_file(int from, int to, const char *name)
{
	_cleanup_close_ int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), out = -EBADF;
	char data[16 << 10];

	if (in < 0)
		return -errno;
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(in, data, sizeof(data));
		int r;

		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = fd_write_all(out, data, (size_t)n);
		if (r < 0)
			return r;
	}
}

static int copy_dir(int from, int to, const char *name, unsigned depth)
{
	_cleanup_close_ int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), out = -EBADF;

	if (in < 0)
		return -errno;
	if (mkdirat(to, name, 0700) < 0)
		return -errno;
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return out < 0 ? -errno : copy_tree(in, out, depth + 1);
}

static int copy_link(int from, int to, const char *name)
{
	char target[4096];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? -errno : 0;
}

static int copy_one(int from, int to, const char *name, unsigned depth)
{
	struct stat st;
	int r = 0;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		r = copy_file(from, to, name);
	else if (S_ISDIR(st.st_mode))
		r = copy_dir(from, to, name, depth);
	else if (S_ISLNK(st.st_mode))
		r = copy_link(from, to, name);
	else if (mknodat(to, name, st.st_mode, st.st_rdev) < 0)
		/* A user name space has no devices to give. */
		return errno == EPERM ? 0 : -errno;
	return r == 0 ? copy_meta(to, name, &st) : r;
}

static int copy_tree(int from, int to, unsigned depth)
{
	_Alignas(struct entry) char buf[4096];

	if (depth > DEPTH_MAX)
		return -ELOOP;
	for (;;) {
		long n = syscall(SYS_getdents64, from, buf, sizeof(buf));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct entry *de = (const void *)(buf + at);
			int r;

			at += de->reclen;
			if (streq(de->name, ".") || streq(de->name, ".."))
				continue;
			r = copy_one(from, to, de->name, depth);
			if (r < 0)
				return r;
		}
	}
}

int copy_up(int from, int to)
{
	/* Both are known by O_PATH fds. */
	_cleanup_close_ int in = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
			    out = openat(to, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (in < 0 || out < 0 || fstat(in, &st) < 0)
		return -errno;
	r = copy_tree(in, out, 0);
	return r == 0 ? copy_meta(out, ".", &st) : r;
}
