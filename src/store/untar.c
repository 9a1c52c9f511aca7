/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each entry: its parent is opened inside the root (made where it is missing), what stands at the name is removed, the
 * object is made exclusively there, and its attributes are set on its fd. Times of directories are set at the end, as
 * whatever comes into one changes them.
 */

#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/macros.h"
#include "store/tar-read.h"
#include "store/untar.h"
#include "sys/inroot.h"

#define WHITEOUT	".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

struct dir_time {
	char *path;
	struct timespec mtime;
};

struct untar {
	int root;
	const struct untar_opts *o;
	struct tar_reader in;
	bool no_owner; /* not root of any name space: what is made is the caller's */
	struct dir_time *times;
	size_t n_times;
};

static void untar_done(struct untar *u)
{
	tar_reader_done(&u->in);
	for (size_t i = 0; i < u->n_times; i++)
		free(u->times[i].path);
	free(u->times);
}

/* --- names ------------------------------------------------------------------------------------------------------------ */

/* Without slashes at the ends, "." and empty components, in place. -EINVAL for "..". */
static int clean_name(char *name)
{
	char *to = name;

	for (const char *p = name; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return -EINVAL;
		if (n && !(n == 1 && *p == '.')) {
			if (to > name)
				*to++ = '/';
			memmove(to, p, n);
			to += n;
		}
		p += n;
		p += *p == '/';
	}
	*to = '\0';
	return 0;
}

/* False when nothing is left. */
static bool strip_name(char *name, unsigned n)
{
	char *p = name;

	while (n--) {
		p = strchr(p, '/');
		if (!p)
			return false;
		p++;
	}
	memmove(name, p, strlen(p) + 1);
	return *name;
}

static bool excluded(const struct untar_opts *o, const char *name)
{
	for (char *const *p = o->exclude; p && *p; p++)
		if (fnmatch(*p, name, FNM_LEADING_DIR) == 0)
			return true;
	return false;
}

static const char *last_part(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

static bool wanted(const struct untar *u, struct tar_entry *t)
{
	const struct untar_opts *o = u->o;
	bool whiteout = startswith(last_part(t->name), WHITEOUT);

	if (o->whiteouts != UNTAR_PLAIN && whiteout != (o->whiteouts == UNTAR_REMOVE))
		return false;
	if (o->strip && (!strip_name(t->name, o->strip)))
		return false;
	if ((t->type == '3' || t->type == '4') && o->no_devices)
		return false;
	if (o->files_only && t->type != '0' && t->type != '5')
		return false;
	return !excluded(o, t->name);
}

/* --- attributes ------------------------------------------------------------------------------------------------------- */

/* What this file system or this name space has no use for is left out, as by other unpackers. */
static int set_xattrs(int fd, const struct tar_entry *t, struct err *e)
{
	for (size_t i = 0; i < t->n_xattrs; i++) {
		const struct tar_xattr *x = &t->xattrs[i];

		if (fsetxattr(fd, x->name, x->value, x->len, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM &&
		    errno != EINVAL)
			return err_set(e, -errno, "set attribute %s of %s", x->name, t->name);
	}
	return 0;
}

/* Owner first: a change of owner takes set-id bits and file capabilities away. */
static int set_attributes(const struct untar *u, int fd, const struct tar_entry *t, struct err *e)
{
	if (!u->no_owner && fchown(fd, t->uid, t->gid) < 0)
		return err_set(e, -errno, "give %s to %u:%u", t->name, t->uid, t->gid);
	if (fchmod(fd, t->mode) < 0)
		return err_set(e, -errno, "set the mode of %s", t->name);
	return set_xattrs(fd, t, e);
}

static int set_times(int fd, const struct timespec *mtime)
{
	return futimens(fd, (const struct timespec[]){ { .tv_nsec = UTIME_OMIT }, *mtime }) < 0 ? -errno : 0;
}

static int set_attributes_at(const struct untar *u, int dir, const char *name, const struct tar_entry *t, struct err *e)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, t->mtime };

	if (!u->no_owner && fchownat(dir, name, t->uid, t->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, -errno, "give %s to %u:%u", t->name, t->uid, t->gid);
	/* Exclusively made by us in this directory: no link. */
	if (t->type != '2' && fchmodat(dir, name, t->mode, 0) < 0)
		return err_set(e, -errno, "set the mode of %s", t->name);
	(void)utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* --- objects ---------------------------------------------------------------------------------------------------------- */

static int remove_at(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return tree_remove(dir, name, e);
}

static int write_pieces(struct untar *u, int fd, const struct tar_entry *t, uint64_t at, uint64_t len, struct err *e)
{
	if (lseek(fd, (off_t)at, SEEK_SET) < 0)
		return err_set(e, -errno, "write %s", t->name);
	while (len) {
		const char *data;
		ssize_t n = tar_data(&u->in, &data, len > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)len, e);
		int r;

		if (n <= 0)
			return n < 0 ? (int)n
				     : err_kind(e, ERR_INVALID, -EBADMSG, "not a good tar archive: %s is short of data",
						t->name);
		r = fd_write_all(fd, data, (size_t)n);
		if (r < 0)
			return err_set(e, r, "write %s", t->name);
		len -= (uint64_t)n;
	}
	return 0;
}

static int write_data(struct untar *u, int fd, const struct tar_entry *t, struct err *e)
{
	int r = 0;

	if (!t->sparse)
		return write_pieces(u, fd, t, 0, t->size, e);
	for (size_t i = 0; i < t->n_map && r == 0; i++)
		r = write_pieces(u, fd, t, t->map[i].at, t->map[i].len, e);
	if (r == 0 && ftruncate(fd, (off_t)t->size) < 0)
		return err_set(e, -errno, "write %s", t->name);
	return r;
}

static int make_file(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "make %s", t->name);
	r = write_data(u, fd, t, e);
	if (r == 0)
		r = set_attributes(u, fd, t, e);
	if (r == 0)
		(void)set_times(fd, &t->mtime);
	return r;
}

static int remember_time(struct untar *u, const struct tar_entry *t, struct err *e)
{
	if ((u->n_times & (u->n_times - 1)) == 0) {
		struct dir_time *more = realloc(u->times, (u->n_times ? u->n_times * 2 : 1) * sizeof(*more));

		if (!more)
			return err_oom(e);
		u->times = more;
	}
	u->times[u->n_times].path = strdup(t->name);
	if (!u->times[u->n_times].path)
		return err_oom(e);
	u->times[u->n_times++].mtime = t->mtime;
	return 0;
}

/* A directory that is there stays, with the attributes of this entry; a link to one does not. */
static int make_dir(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	int r = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
		r = remove_at(dir, name, e);
	if (r == 0 && mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		r = err_set(e, -errno, "make %s", t->name);
	if (r < 0)
		return r;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open %s", t->name);
	r = set_attributes(u, fd, t, e);
	return r == 0 ? remember_time(u, t, e) : r;
}

static int make_hard_link(struct untar *u, int dir, const char *name, struct tar_entry *t, struct err *e)
{
	_cleanup_close_ int from = -EBADF;
	const char *target;
	struct stat a, b;

	if (clean_name(t->link) < 0)
		return err_kind(e, ERR_DENIED, -EPERM, "%s: a hard link to outside of the archive, %s", t->name,
				t->link);
	if (u->o->strip && !strip_name(t->link, u->o->strip))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: a hard link to what is not unpacked", t->name);
	from = inroot_open_parent(u->root, t->link, false, &target);
	if (from < 0)
		return err_set(e, from, "link %s to %s", t->name, t->link);
	if (fstatat(from, target, &a, AT_SYMLINK_NOFOLLOW) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0) {
		int r;

		if (a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return 0;
		r = remove_at(dir, name, e);
		if (r < 0)
			return r;
	}
	/* Without AT_SYMLINK_FOLLOW a link is linked, not followed. */
	if (linkat(from, target, dir, name, 0) < 0)
		return err_set(e, -errno, "link %s to %s", t->name, t->link);
	return 0;
}

static int make_node(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct err *e)
{
	mode_t kind = t->type == '3' ? S_IFCHR : t->type == '4' ? S_IFBLK : S_IFIFO;

	if (mknodat(dir, name, kind | 0600, kind == S_IFIFO ? 0 : makedev(t->dev_major, t->dev_minor)) < 0) {
		/* Outside the first user name space there are no devices; an autodev container has its own /dev. */
		if (errno == EPERM && kind != S_IFIFO)
			return 0;
		return err_set(e, -errno, "make %s", t->name);
	}
	return set_attributes_at(u, dir, name, t, e);
}

static int make_symlink(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct err *e)
{
	if (symlinkat(t->link, dir, name) < 0)
		return err_set(e, -errno, "make the link %s", t->name);
	return set_attributes_at(u, dir, name, t, e);
}

/* --- whiteouts -------------------------------------------------------------------------------------------------------- */

static int remove_children(int dir, const char *name, struct err *e)
{
	struct stat st;

	/* The directory itself, with its attributes, is the layer's to make again if it says so. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	if (tree_remove(dir, name, e) < 0)
		return e ? e->code : -EIO;
	if (mkdirat(dir, name, 0700) < 0 || fchmodat(dir, name, st.st_mode & 07777, 0) < 0)
		return err_set(e, -errno, "make %s again", name);
	(void)fchownat(dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int whiteout(struct untar *u, struct tar_entry *t, struct err *e)
{
	_cleanup_close_ int dir = -EBADF;
	const char *part = last_part(t->name), *name;
	bool opaque = streq(part, WHITEOUT_OPAQUE);
	size_t up = (size_t)(part - t->name);

	if (!opaque && !path_is_component(part + strlen(WHITEOUT)))
		return err_kind(e, ERR_DENIED, -EPERM, "%s: a whiteout of nothing", t->name);
	if (opaque) {
		if (up == 0)
			return err_kind(e, ERR_INVALID, -EINVAL, "a whiteout of the whole root");
		t->name[up - 1] = '\0';
	} else {
		memmove(t->name + up, part + strlen(WHITEOUT), strlen(part) - strlen(WHITEOUT) + 1);
	}
	dir = inroot_open_parent(u->root, t->name, false, &name);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0; /* of something that no layer below has */
	if (dir < 0)
		return err_set(e, dir, "remove %s", t->name);
	return opaque ? remove_children(dir, name, e) : remove_at(dir, name, e);
}

/* --- the stream ------------------------------------------------------------------------------------------------------- */

static int root_entry(struct untar *u, struct tar_entry *t, struct err *e)
{
	int r;

	if (t->type != '5')
		return err_kind(e, ERR_INVALID, -EINVAL, "the archive has an entry without a name");
	r = set_attributes(u, u->root, t, e);
	return r == 0 ? remember_time(u, t, e) : r;
}

static int unpack_entry(struct untar *u, struct tar_entry *t, struct err *e)
{
	_cleanup_close_ int dir = -EBADF;
	const char *name;
	int r = 0;

	if (u->o->whiteouts == UNTAR_REMOVE)
		return whiteout(u, t, e);
	if (!*t->name)
		return root_entry(u, t, e);
	dir = inroot_open_parent(u->root, t->name, true, &name);
	if (dir < 0)
		return err_set(e, dir, "make the folder of %s", t->name);
	if (t->type != '5' && t->type != '1')
		r = remove_at(dir, name, e);
	if (r < 0)
		return r;
	switch (t->type) {
	case '0':
		return make_file(u, dir, name, t, e);
	case '1':
		return make_hard_link(u, dir, name, t, e);
	case '2':
		return make_symlink(u, dir, name, t, e);
	case '3':
	case '4':
	case '6':
		return make_node(u, dir, name, t, e);
	case '5':
		return make_dir(u, dir, name, t, e);
	default:
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: an entry of the unknown kind '%c'", t->name,
				t->type >= ' ' && t->type < 127 ? t->type : '?');
	}
}

/* The last ones first: a folder's own time is set after those of what is in it. */
static void set_dir_times(struct untar *u)
{
	for (size_t i = u->n_times; i-- > 0;) {
		struct dir_time *d = &u->times[i];
		_cleanup_close_ int fd = *d->path ? inroot_open(u->root, d->path, O_RDONLY | O_DIRECTORY, 0)
						  : fcntl(u->root, F_DUPFD_CLOEXEC, 3);

		if (fd >= 0)
			(void)set_times(fd, &d->mtime);
	}
}

static int unpack_all(struct untar *u, struct err *e)
{
	bool any = false;

	for (;;) {
		_cleanup_(tar_entry_done) struct tar_entry t = { 0 };
		int r = tar_next(&u->in, &t, e);

		if (r == 0 && !any)
			return err_kind(e, ERR_INVALID, -EBADMSG, "not a good tar archive: it is empty");
		if (r <= 0)
			return r;
		any = true;
		if (clean_name(t.name) < 0)
			return err_kind(e, ERR_DENIED, -EPERM, "%s: a name outside of the root", t.name);
		if (!wanted(u, &t))
			continue;
		r = unpack_entry(u, &t, e);
		if (r < 0)
			return r;
	}
}

int store_untar(int root_fd, int in_fd, const struct untar_opts *o, struct err *e)
{
	_cleanup_(untar_done) struct untar u = { .root = root_fd, .o = o, .no_owner = geteuid() != 0 };
	int r;

	r = tar_reader_init(&u.in, in_fd, e);
	if (r < 0)
		return r;
	r = unpack_all(&u, e);
	set_dir_times(&u);
	return r;
}
