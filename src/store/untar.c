/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each entry: its parent is opened inside the root (made where it is missing), what stands at the name is removed, the
 * object is made exclusively there, and its attributes are set on its fd. Times of directories are set at the end, as
 * whatever comes into one changes them.
 */

#include <dirent.h>
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
#include "store/path-set.h"
#include "store/tar-read.h"
#include "store/untar.h"
#include "sys/inroot.h"

#define WHITEOUT	".wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"
#define WHITEOUT_META	".wh..wh." /* of aufs: nothing to us */
#define BELOW_MAX	128	   /* depth of what an opaque folder hides */
#define ENTRIES_MAX	(1u << 26)

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
	/* The folder that the last entry was in, as most of the next ones are, too. */
	char *at;
	int at_fd;
	bool at_stale; /* something was removed since: its name may lead elsewhere */
	struct path_set made;
	struct untar_stats stats;
};

static void untar_done(struct untar *u)
{
	tar_reader_done(&u->in);
	fd_close(u->at_fd);
	free(u->at);
	path_set_done(&u->made);
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

	if ((o->whiteouts == UNTAR_REMOVE || o->whiteouts == UNTAR_LAYER) && whiteout != (o->whiteouts == UNTAR_REMOVE))
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

/* What this file system or this name space has no use for is left out, as by other unpackers. Overlayfs follows its own
 * attributes to other places of the layers: those of a layer are ours to set. */
static int set_xattrs(const struct untar *u, int fd, const struct tar_entry *t, struct err *e)
{
	for (size_t i = 0; i < t->n_xattrs; i++) {
		const struct tar_xattr *x = &t->xattrs[i];

		if (u->o->whiteouts != UNTAR_PLAIN &&
		    (startswith(x->name, "trusted.overlay.") || startswith(x->name, "user.overlay.")))
			continue;
		if (fsetxattr(fd, x->name, x->value, x->len, 0) < 0 && errno != EOPNOTSUPP && errno != EPERM &&
		    errno != EINVAL)
			return err_set(e, -errno, "set attribute %s of %s", x->name, t->name);
	}
	return 0;
}

static struct untar_owner owner_of(const struct untar *u, const struct tar_entry *t)
{
	return u->o->owner ? *u->o->owner : (struct untar_owner){ t->uid, t->gid };
}

/* The kernel's word for an id that the name space does not have. */
static int owner_refused(const struct tar_entry *t, struct untar_owner own, struct err *e)
{
	int r = -errno;

	err_set(e, r, "give %s to %u:%u", t->name, own.uid, own.gid);
	return r == -EINVAL ? err_hint(e, r,
				       "the user name space has no such id: more ids for the user in /etc/subuid and "
				       "/etc/subgid (usermod --add-subuids, --add-subgids)")
			    : r;
}

/* Owner first: a change of owner takes set-id bits and file capabilities away. */
static int set_attributes(const struct untar *u, int fd, const struct tar_entry *t, struct err *e)
{
	struct untar_owner own = owner_of(u, t);

	if (!u->no_owner && fchown(fd, own.uid, own.gid) < 0)
		return owner_refused(t, own, e);
	if (fchmod(fd, t->mode) < 0)
		return err_set(e, -errno, "set the mode of %s", t->name);
	return set_xattrs(u, fd, t, e);
}

static int set_times(int fd, const struct timespec *mtime)
{
	return futimens(fd, (const struct timespec[]){ { .tv_nsec = UTIME_OMIT }, *mtime }) < 0 ? -errno : 0;
}

static int set_attributes_at(const struct untar *u, int dir, const char *name, const struct tar_entry *t, struct err *e)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, t->mtime };
	struct untar_owner own = owner_of(u, t);

	if (!u->no_owner && fchownat(dir, name, own.uid, own.gid, AT_SYMLINK_NOFOLLOW) < 0)
		return owner_refused(t, own, e);
	/* Exclusively made by us in this directory: no link. */
	if (t->type != '2' && fchmodat(dir, name, t->mode, 0) < 0)
		return err_set(e, -errno, "set the mode of %s", t->name);
	(void)utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* --- objects ---------------------------------------------------------------------------------------------------------- */

static int remove_at(struct untar *u, int dir, const char *name, struct err *e)
{
	struct stat st;

	if (u->o->keep_kind && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return err_kind(e, ERR_INVALID, -EISDIR, "cannot overwrite directory \"%s\" with non-directory", name);
	if (unlinkat(dir, name, 0) < 0) {
		if (errno == ENOENT)
			return 0;
		u->at_stale = true;
		return tree_remove(dir, name, e);
	}
	u->at_stale = true;
	return 0;
}

/* The folder PATH's last component is in: borrowed, until the next call. */
static int parent_of(struct untar *u, const char *path, bool make, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	int fd;

	if (u->at && !u->at_stale && strlen(u->at) == len && memcmp(u->at, path, len) == 0 && path[len ? len + 1 : 0]) {
		*ret_name = slash ? slash + 1 : path;
		return u->at_fd;
	}
	fd = inroot_open_parent(u->root, path, make, ret_name);
	if (fd < 0)
		return fd;
	free(u->at);
	u->at = strndup(path, len);
	fd_close(u->at_fd);
	u->at_fd = fd;
	u->at_stale = false;
	return fd;
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

static void count_object(struct untar *u, int fd, uint64_t bytes)
{
	struct stat st;

	u->stats.bytes += bytes;
	if (u->o->stats && fstat(fd, &st) == 0)
		u->stats.disk += (uint64_t)st.st_blocks * 512;
}

static int make_file(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST) {
		r = remove_at(u, dir, name, e);
		if (r < 0)
			return r;
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return err_set(e, -errno, "make %s", t->name);
	r = write_data(u, fd, t, e);
	if (r == 0)
		r = set_attributes(u, fd, t, e);
	if (r == 0)
		(void)set_times(fd, &t->mtime);
	if (r == 0)
		count_object(u, fd, t->size);
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

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static int set_opaque(struct untar *u, int fd, const char *name, struct err *e)
{
	const char *attribute = u->o->user_xattr ? "user.overlay.opaque" : "trusted.overlay.opaque";

	return fsetxattr(fd, attribute, "y", 1, 0) < 0 ? err_set(e, -errno, "set attribute %s of %s", attribute, name)
						       : 0;
}

/* A directory that is there stays, with the attributes of this entry; a link to one does not. *RET_OPAQUE: it takes the place
 * of a whiteout of overlayfs. */
static int make_dir_at(struct untar *u, int dir, const char *name, bool *ret_opaque, struct err *e)
{
	struct stat st;
	int r;

	if (mkdirat(dir, name, 0700) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return 0;
	if (u->o->keep_kind)
		return -ENOTDIR;
	*ret_opaque = u->o->whiteouts == UNTAR_OVERLAY && is_whiteout(&st);
	r = remove_at(u, dir, name, e);
	return r < 0 ? r : mkdirat(dir, name, 0700) < 0 ? -errno : 0;
}

static int make_dir(struct untar *u, int dir, const char *name, const struct tar_entry *t, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	bool opaque = false;
	int r = make_dir_at(u, dir, name, &opaque, e);

	if (r < 0)
		return err_set(e, r, "make %s", t->name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open %s", t->name);
	r = set_attributes(u, fd, t, e);
	if (r == 0 && opaque)
		r = set_opaque(u, fd, t->name, e);
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
		r = remove_at(u, dir, name, e);
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

/* Removes what the folder PATH has of the layers below and this one has not made itself. */
static int hide_below(struct untar *u, int parent, const char *name, const char *path, unsigned depth, struct err *e)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *x;

	if (!d) {
		fd_close(fd);
		return fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
			       ? 0
			       : err_set(e, -errno, "list %s", path);
	}
	while (r == 0 && (x = readdir(d))) {
		_cleanup_free_ char *below = NULL;

		if (streq(x->d_name, ".") || streq(x->d_name, ".."))
			continue;
		below = path_join(path, x->d_name);
		if (!below)
			r = err_oom(e);
		else if (!path_set_has(&u->made, below))
			r = remove_at(u, fd, x->d_name, e);
		else if (depth >= BELOW_MAX)
			r = err_kind(e, ERR_LIMIT, -ELOOP, "%s: folders too deep", path);
		else
			r = hide_below(u, fd, x->d_name, below, depth + 1, e);
	}
	closedir(d);
	return r;
}

static int whiteout_apply(struct untar *u, const char *path, bool opaque, struct err *e)
{
	const char *name;
	int dir = parent_of(u, path, false, &name);

	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	if (dir < 0)
		return err_set(e, dir, "remove %s", path);
	if (opaque || path_set_has(&u->made, path))
		return hide_below(u, dir, name, path, 0, e);
	return remove_at(u, dir, name, e);
}

/* The layer has a folder of its own: what is in it already was made by itself, and hides what lies below it. */
static int whiteout_overlay(struct untar *u, const char *path, bool opaque, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	const char *name;
	int dir = parent_of(u, path, true, &name), r = 0;

	if (dir < 0)
		return err_set(e, dir, "make the folder of %s", path);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return set_opaque(u, fd, path, e);
	if (errno == ENOENT && opaque) {
		if (mkdirat(dir, name, 0755) < 0)
			return err_set(e, -errno, "make %s", path);
		return whiteout_overlay(u, path, opaque, e);
	}
	if (errno == ENOENT && mknodat(dir, name, S_IFCHR, makedev(0, 0)) < 0)
		r = err_set(e, -errno, "make the whiteout of %s", path);
	return r;
}

static int whiteout_remove(struct untar *u, const char *path, bool opaque, struct err *e)
{
	_cleanup_close_ int dir = -EBADF;
	const char *name;

	dir = inroot_open_parent(u->root, path, false, &name);
	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0; /* of something that no layer below has */
	if (dir < 0)
		return err_set(e, dir, "remove %s", path);
	return opaque ? remove_children(dir, name, e) : remove_at(u, dir, name, e);
}

static int whiteout(struct untar *u, struct tar_entry *t, struct err *e)
{
	const char *part = last_part(t->name);
	bool opaque = streq(part, WHITEOUT_OPAQUE);
	size_t up = (size_t)(part - t->name);

	if (!opaque && startswith(part, WHITEOUT_META))
		return 0;
	if (!opaque && !path_is_component(part + strlen(WHITEOUT)))
		return err_kind(e, ERR_DENIED, -EPERM, "%s: a whiteout of nothing", t->name);
	if (opaque) {
		if (up == 0)
			return err_kind(e, ERR_INVALID, -EINVAL, "a whiteout of the whole root");
		t->name[up - 1] = '\0';
	} else {
		memmove(t->name + up, part + strlen(WHITEOUT), strlen(part) - strlen(WHITEOUT) + 1);
	}
	switch (u->o->whiteouts) {
	case UNTAR_OVERLAY:
		return whiteout_overlay(u, t->name, opaque, e);
	case UNTAR_APPLY:
		return whiteout_apply(u, t->name, opaque, e);
	default:
		return whiteout_remove(u, t->name, opaque, e);
	}
}

/* --- the stream ------------------------------------------------------------------------------------------------------- */

static int root_entry(struct untar *u, struct tar_entry *t, struct err *e)
{
	int r;

	/* The root is a folder and stays one; some archives begin with a file without a name. */
	if (t->type != '5')
		return 0;
	r = set_attributes(u, u->root, t, e);
	return r == 0 ? remember_time(u, t, e) : r;
}

static int make_object(struct untar *u, int dir, const char *name, struct tar_entry *t, struct err *e)
{
	int r;

	switch (t->type) {
	case '0':
		return make_file(u, dir, name, t, e);
	case '1':
		return make_hard_link(u, dir, name, t, e);
	case '2':
		r = remove_at(u, dir, name, e);
		return r == 0 ? make_symlink(u, dir, name, t, e) : r;
	case '3':
	case '4':
	case '6':
		r = remove_at(u, dir, name, e);
		return r == 0 ? make_node(u, dir, name, t, e) : r;
	case '5':
		return make_dir(u, dir, name, t, e);
	default:
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: an entry of the unknown kind '%c'", t->name,
				t->type >= ' ' && t->type < 127 ? t->type : '?');
	}
}

/* PATH and the folders above it, which may have come without an entry of their own. */
static int note_made(struct untar *u, const char *path, struct err *e)
{
	for (size_t n = strlen(path); n; n--)
		if ((path[n] == '/' || !path[n]) && path_set_add(&u->made, path, n) < 0)
			return err_oom(e);
	return 0;
}

static int unpack_entry(struct untar *u, struct tar_entry *t, struct err *e)
{
	const char *name;
	int dir, r;

	if (u->o->whiteouts != UNTAR_PLAIN && u->o->whiteouts != UNTAR_LAYER &&
	    startswith(last_part(t->name), WHITEOUT))
		return whiteout(u, t, e);
	if (!*t->name)
		return root_entry(u, t, e);
	dir = parent_of(u, t->name, true, &name);
	if (dir < 0)
		return err_set(e, dir, "make the folder of %s", t->name);
	r = make_object(u, dir, name, t, e);
	if (r == 0 && u->o->whiteouts == UNTAR_APPLY)
		r = note_made(u, t->name, e);
	return r;
}

/* The last ones first: a folder's own time is set after those of what is in it. */
static void set_dir_times(struct untar *u)
{
	for (size_t i = u->n_times; i-- > 0;) {
		struct dir_time *d = &u->times[i];
		_cleanup_close_ int fd = *d->path ? inroot_open(u->root, d->path, O_RDONLY | O_DIRECTORY, 0)
						  : fcntl(u->root, F_DUPFD_CLOEXEC, 3);

		if (fd >= 0) {
			(void)set_times(fd, &d->mtime);
			count_object(u, fd, 0);
		}
	}
}

static int unpack_all(struct untar *u, struct err *e)
{
	bool any = false;

	for (;;) {
		_cleanup_(tar_entry_done) struct tar_entry t = { 0 };
		int r = tar_next(&u->in, &t, e);

		/* A layer may change nothing; a root file system of nothing is a mistake. */
		if (r == 0 && !any && u->o->whiteouts == UNTAR_PLAIN)
			return err_kind(e, ERR_INVALID, -EBADMSG, "not a good tar archive: it is empty");
		if (r <= 0)
			return r;
		any = true;
		if (++u->stats.entries > ENTRIES_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "the archive has more than %u entries", ENTRIES_MAX);
		if (clean_name(t.name) < 0)
			return err_kind(e, ERR_DENIED, -EPERM, "%s: a name outside of the root", t.name);
		if (!wanted(u, &t))
			continue;
		r = unpack_entry(u, &t, e);
		if (r < 0)
			return r;
	}
}

static int unpack_stream(struct untar *u, struct err *e)
{
	int r = unpack_all(u, e);

	set_dir_times(u);
	if (u->o->stats)
		*u->o->stats = u->stats;
	return r;
}

int store_untar(int root_fd, int in_fd, const struct untar_opts *o, struct err *e)
{
	_cleanup_(untar_done) struct untar u = { .root = root_fd, .o = o, .no_owner = geteuid() != 0, .at_fd = -EBADF };
	int r = tar_reader_init(&u.in, in_fd, e);

	return r < 0 ? r : unpack_stream(&u, e);
}

int store_untar_from(int root_fd, const struct tar_source *from, const struct untar_opts *o, struct err *e)
{
	_cleanup_(untar_done) struct untar u = { .root = root_fd, .o = o, .no_owner = geteuid() != 0, .at_fd = -EBADF };

	tar_reader_init_source(&u.in, from);
	return unpack_stream(&u, e);
}
