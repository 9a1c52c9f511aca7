/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two trees, entry by entry: what is compared is what an archive says of a file, and all of its content. */
#include "image/check-layer.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/walk.h"

#define XATTR_MAX 65536

struct comparison {
	char *a, *b; /* XATTR_MAX each */
	unsigned depth;
};

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

/* Times of folders change with what is put into them, and nobody says a whiteout's. */
static bool same_stat(const struct stat *a, const struct stat *b)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid || a->st_rdev != b->st_rdev)
		return false;
	if (S_ISDIR(a->st_mode) || is_whiteout(a))
		return true;
	return a->st_size == b->st_size && a->st_nlink == b->st_nlink && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static bool same_xattrs(struct comparison *c, const char *a, const char *b)
{
	_cleanup_free_ char *names = malloc(XATTR_MAX);
	ssize_t n = names ? llistxattr(a, names, XATTR_MAX) : -1, m = llistxattr(b, c->b, XATTR_MAX);

	if (n < 0 || m < 0)
		return names && n == m;
	if (n != m)
		return false;
	for (const char *p = names; p < names + n; p += strlen(p) + 1) {
		ssize_t x = lgetxattr(a, p, c->a, XATTR_MAX), y = lgetxattr(b, p, c->b, XATTR_MAX);

		if (x != y || (x > 0 && memcmp(c->a, c->b, (size_t)x) != 0))
			return false;
	}
	return true;
}

/* Attributes are had by path only where the entry is not opened: of a folder of ours, by its fd. */
static bool same_xattrs_at(struct comparison *c, int a, int b, const char *name)
{
	char x[PATH_MAX], y[PATH_MAX];

	if (snprintf(x, sizeof(x), "/proc/self/fd/%d/%s", a, name) >= (int)sizeof(x) ||
	    snprintf(y, sizeof(y), "/proc/self/fd/%d/%s", b, name) >= (int)sizeof(y))
		return false;
	return same_xattrs(c, x, y);
}

static bool same_link(int a, int b, const char *name)
{
	char x[PATH_MAX], y[PATH_MAX];
	ssize_t n = readlinkat(a, name, x, sizeof(x)), m = readlinkat(b, name, y, sizeof(y));

	return n >= 0 && n == m && memcmp(x, y, (size_t)n) == 0;
}

static bool same_content(struct comparison *c, int a, int b, const char *name)
{
	_cleanup_close_ int x = openat(a, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
			    y = openat(b, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (x < 0 || y < 0)
		return false;
	for (;;) {
		ssize_t n = fd_read_full(x, c->a, XATTR_MAX), m = fd_read_full(y, c->b, XATTR_MAX);

		if (n < 0 || n != m || memcmp(c->a, c->b, (size_t)n) != 0)
			return false;
		if (n == 0)
			return true;
	}
}

static bool same_dir(struct comparison *c, int a, int b);

static bool same_entry(struct comparison *c, int a, int b, const char *name)
{
	struct stat x, y;

	if (fstatat(a, name, &x, AT_SYMLINK_NOFOLLOW) < 0 || fstatat(b, name, &y, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !same_stat(&x, &y) || !same_xattrs_at(c, a, b, name))
		return false;
	if (S_ISREG(x.st_mode))
		return same_content(c, a, b, name);
	if (S_ISLNK(x.st_mode))
		return same_link(a, b, name);
	if (S_ISDIR(x.st_mode)) {
		_cleanup_close_ int s = openat(a, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
				    t = openat(b, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		return s >= 0 && t >= 0 && same_dir(c, s, t);
	}
	return true;
}

static bool same_dir(struct comparison *c, int a, int b)
{
	_cleanup_strv_ struct strv x = STRV_INIT, y = STRV_INIT;
	bool same = ++c->depth < WALK_DEPTH && dir_names(a, &x, NULL) == 0 && dir_names(b, &y, NULL) == 0 && x.n == y.n;

	for (size_t i = 0; i < x.n && same; i++)
		same = streq(x.v[i], y.v[i]) && same_entry(c, a, b, x.v[i]);
	c->depth--;
	return same;
}

int trees_same(int a, int b, struct err *e)
{
	struct comparison c = { .a = malloc(XATTR_MAX), .b = malloc(XATTR_MAX) };
	struct stat x, y;
	int r = c.a && c.b ? 0 : err_oom(e);

	if (r == 0 && (fstat(a, &x) < 0 || fstat(b, &y) < 0))
		r = err_set(e, -errno, "stat two trees");
	if (r == 0)
		r = same_stat(&x, &y) && same_xattrs_at(&c, a, b, ".") && same_dir(&c, a, b);
	free(c.a);
	free(c.b);
	return r;
}
