/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which containers rest on which. lxc_rdepends of a clone and lxc_snapshots of what it rests on are lists of two lines an
 * entry, LXCPATH and NAME. The oldest releases kept a bare number in lxc_snapshots: it is believed, and counted down.
 *
 * A file is changed under a lock of its folder that nobody holds for longer than that.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/copy-inner.h"

#define LIST_MAX (1u << 20)

struct list_file {
	struct strv words; /* LXCPATH, NAME, LXCPATH, NAME … */
	uint32_t count;	   /* of the old kind */
	bool is_count;
};

static void list_done(struct list_file *l)
{
	strv_done(&l->words);
}
#define _cleanup_list_ _cleanup_(list_done)

static int list_read(int dirfd, const char *file, struct list_file *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r = file_read(dirfd, file, LIST_MAX, &text, NULL, NULL);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, r, "read %s", file);
	r = strv_split(&ret->words, text, "\n", e);
	if (r == 0 && ret->words.n == 1 && parse_u32(ret->words.v[0], &ret->count) == 0)
		ret->is_count = true;
	if (r == 0 && !ret->is_count && ret->words.n % 2)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected two lines an entry", file);
	return r;
}

static int list_write(int dirfd, const char *file, const struct list_file *l, struct err *e)
{
	/* After a power failure it is lxc_snapshots that keeps a container from being destroyed under its clones. */
	bool sync = streq(file, "lxc_snapshots");
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r;

	if (l->is_count ? !l->count : !l->words.n) {
		if (unlinkat(dirfd, file, 0) < 0 && errno != ENOENT)
			return err_set(e, -errno, "remove %s", file);
		return 0;
	}
	if (l->is_count)
		buf_printf(&b, "%u", l->count);
	for (size_t i = 0; i < l->words.n && !l->is_count; i++)
		buf_printf(&b, "%s\n", l->words.v[i]);
	r = buf_error(&b, e);
	return r < 0 ? r : file_replace(dirfd, file, buf_str(&b), b.len, 0644, sync, e);
}

/* An entry more at the end of what is there, for one file less to make; durable, as above. What has no room leaves nothing.
 * -EAGAIN: the list has to be written anew. */
static int list_append(int dirfd, const char *file, const char *lxcpath, const char *name, struct err *e)
{
	_cleanup_close_ int fd = openat(dirfd, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct stat st;
	ssize_t n;
	char last;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_size < 1 ||
	    pread(fd, &last, 1, st.st_size - 1) != 1 || last != '\n')
		return -EAGAIN;
	buf_printf(&b, "%s\n%s\n", lxcpath, name);
	r = buf_error(&b, e);
	if (r < 0)
		return r;
	n = pwrite(fd, buf_str(&b), b.len, st.st_size);
	if (n == (ssize_t)b.len && fsync(fd) == 0)
		return 0;
	r = n < 0 ? -errno : n < (ssize_t)b.len ? -ENOSPC : -errno;
	if (ftruncate(fd, st.st_size) < 0)
		return err_set(e, -errno, "shorten %s", file);
	return err_set(e, r, "write %s", file);
}

static int open_locked(const char *dir, struct err *e)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(e, -errno, "open %s", dir);
	if (flock(fd, LOCK_EX) < 0)
		return err_set(e, -errno, "lock %s", dir);
	return TAKE_FD(fd);
}

/* Index of the entry, or the list's length. */
static size_t list_find(const struct list_file *l, const char *lxcpath, const char *name)
{
	size_t i = 0;

	while (i < l->words.n && !(streq(l->words.v[i], lxcpath) && streq(l->words.v[i + 1], name)))
		i += 2;
	return i;
}

static int list_add_entry(struct list_file *l, const char *lxcpath, const char *name, struct err *e)
{
	int r;

	if (list_find(l, lxcpath, name) < l->words.n)
		return 0;
	r = strv_push(&l->words, lxcpath, e);
	return r < 0 ? r : strv_push(&l->words, name, e);
}

static bool is_there(const char *lxcpath, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s/config", lxcpath, name) < (int)sizeof(path) &&
	       file_exists(AT_FDCWD, path);
}

int depends_clones(const char *dir, unsigned *ret, struct err *e)
{
	_cleanup_close_ int fd = open_locked(dir, e);
	_cleanup_list_ struct list_file l = { 0 };
	unsigned n = 0;
	int r;

	*ret = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = list_read(fd, "lxc_snapshots", &l, e);
	if (r < 0)
		return err_wrap(e, r, "%s", dir);
	for (size_t i = 0; i < l.words.n && !l.is_count; i += 2)
		n += is_there(l.words.v[i], l.words.v[i + 1]);
	*ret = l.is_count ? l.count : n;
	return 0;
}

int depends_write(const struct container *from, const struct container *to, bool self, struct err *e)
{
	_cleanup_close_ int src = open_locked(from->dir, e), dst = -EBADF;
	_cleanup_list_ struct list_file l = { 0 };
	int r;

	if (src < 0)
		return src == -ENOENT ? err_set(e, src, "open %s", from->dir) : src;
	r = list_read(src, "lxc_rdepends", &l, e);
	if (r == 0 && self)
		r = list_add_entry(&l, from->lxcpath, from->name, e);
	if (r < 0 || !l.words.n)
		return r;
	dst = open(to->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dst < 0)
		return err_set(e, -errno, "open %s", to->dir);
	return list_write(dst, "lxc_rdepends", &l, e);
}

static int tell_one(const char *target, const char *lxcpath, const char *name, bool add, struct err *e)
{
	_cleanup_close_ int fd = open_locked(target, e);
	_cleanup_list_ struct list_file l = { 0 };
	size_t i;
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = list_read(fd, "lxc_snapshots", &l, e);
	if (r < 0)
		return err_wrap(e, r, "%s", target);
	if (l.is_count) {
		l.count = add ? l.count + 1 : l.count ? l.count - 1 : 0;
		return list_write(fd, "lxc_snapshots", &l, e);
	}
	i = list_find(&l, lxcpath, name);
	if (add && i == l.words.n) {
		r = list_append(fd, "lxc_snapshots", lxcpath, name, e);
		if (r != -EAGAIN)
			return r;
	}
	if (add) {
		r = list_add_entry(&l, lxcpath, name, e);
		return r < 0 ? r : list_write(fd, "lxc_snapshots", &l, e);
	}
	if (i == l.words.n)
		return 0;
	strv_remove(&l.words, i);
	strv_remove(&l.words, i);
	return list_write(fd, "lxc_snapshots", &l, e);
}

int depends_tell(const char *dir, const char *lxcpath, const char *name, bool add, struct err *e)
{
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_list_ struct list_file l = { 0 };
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", dir);
	r = list_read(fd, "lxc_rdepends", &l, e);
	for (size_t i = 0; i + 1 < l.words.n && r == 0; i += 2) {
		_cleanup_free_ char *target = NULL;

		if (!path_is_component(l.words.v[i + 1]))
			continue;
		target = path_join(l.words.v[i], l.words.v[i + 1]);
		r = target ? tell_one(target, lxcpath, name, add, e) : err_oom(e);
	}
	return r;
}

static bool holds_any(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *de;
	bool any = false;

	if (!d)
		return false;
	while (!any && (de = readdir(d)))
		any = de->d_name[0] != '.';
	closedir(d);
	return any;
}

bool depends_snapshots(const struct container *c)
{
	_cleanup_strv_ struct strv dirs = STRV_INIT;
	bool any = false;

	if (snapshot_dirs(c, &dirs, NULL) < 0)
		return true;
	for (size_t i = 0; i < dirs.n && !any; i++)
		any = holds_any(dirs.v[i]);
	return any;
}
