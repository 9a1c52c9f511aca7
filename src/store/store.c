/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "store/driver.h"
#include "sys/syscalls.h"

const struct store_driver *const store_drivers[] = {
	&store_dir,   &store_overlay, &store_loop, &store_lvm,	&store_zfs,
	&store_btrfs, &store_rbd,     &store_nbd,  &store_thin, NULL,
};

void store_ref_done(struct store_ref *r)
{
	free(r->src);
	*r = (struct store_ref){ 0 };
}

static const struct store_driver *find_driver(const char *name, size_t len)
{
	for (const struct store_driver *const *d = store_drivers; *d; d++) {
		const char *names[] = { (*d)->name, (*d)->alias };

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (names[i] && strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
				return *d;
	}
	return NULL;
}

static int unknown_type(const char *path, size_t len, struct err *e)
{
	_cleanup_buf_ struct buf known = BUF_INIT;

	for (const struct store_driver *const *d = store_drivers; *d; d++)
		if (!((*d)->flags & STORE_INNER))
			buf_printf(&known, "%s%s", d == store_drivers ? "" : ", ", (*d)->name);
	return err_kind(e, ERR_INVALID, -EINVAL, "unknown storage type '%.*s' in '%s': expected a path, or one of %s",
			(int)len, path, path, buf_str(&known));
}

int store_parse(const char *path, struct store_ref *ret, struct err *e)
{
	const struct store_driver *driver = &store_dir;
	const char *src = path;
	char *copy;

	if (*path != '/') {
		size_t len = strcspn(path, ":/");

		if (path[len] != ':')
			return err_kind(e, ERR_INVALID, -EINVAL, "root file system '%s': the path must be absolute",
					path);
		driver = find_driver(path, len);
		if (!driver)
			return unknown_type(path, len, e);
		src = path + len + 1;
	}
	if (*src != '/' && !driver->names)
		return err_kind(e, ERR_INVALID, -EINVAL, "root file system '%s': the path must be absolute", path);
	copy = strdup(src);
	if (!copy)
		return err_oom(e);
	*ret = (struct store_ref){ .driver = driver, .src = copy };
	return 0;
}

int store_find(const char *type, const char *lxcpath, const struct store_opts *o, const struct store_driver **ret,
	       struct err *e)
{
	const struct store_driver *d = find_driver(type, strlen(type));

	if (streq(type, "best"))
		/* The last row that suits: the plain directory, which always does, is the first. */
		for (const struct store_driver *const *p = store_drivers; *p; p++)
			if ((*p)->suits && (*p)->suits(lxcpath, o))
				d = *p;
	if (!d || d->flags & STORE_INNER)
		return unknown_type(type, strlen(type), e);
	*ret = d;
	return 0;
}

int store_place_below(const char *type, const char *dir, const char *name, char **ret, struct err *e)
{
	char *path;

	if (asprintf(&path, "%s:%s%s%s", type, dir, *name ? "/" : "", name) < 0)
		return err_oom(e);
	*ret = path;
	return 0;
}

/* --- copies ----------------------------------------------------------------------------------------------------------- */

/* The root's files, open for reading: where they lie, else by way of a mount that nobody else sees. */
static int open_files(const struct store_ref *r, const char *options, struct err *e)
{
	const char *dir = r->driver->host_dir(r);
	_cleanup_close_ int mnt = -EBADF;
	int fd;

	if (dir) {
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? err_set(e, -errno, "root file system %s", dir) : fd;
	}
	mnt = r->driver->open_tree(r, options, e);
	if (mnt < 0)
		return mnt;
	fd = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "root file system %s", r->src) : fd;
}

static int fill(const struct store_ref *from, const char *options, const struct store_ref *to, struct err *e)
{
	_cleanup_close_ int src = open_files(from, options, e), dst = -EBADF;

	if (src < 0)
		return src;
	dst = open_files(to, NULL, e);
	if (dst < 0)
		return dst;
	/* What mkfs has put there is there already: the source may have its own. */
	(void)unlinkat(dst, "lost+found", AT_REMOVEDIR);
	return store_copy_below(src, dst, e);
}

int store_check_free(const struct store_ref *r, struct err *e)
{
	if (!r->driver->exists || !r->driver->exists(r))
		return 0;
	return err_kind(e, ERR_EXISTS, -EEXIST, "%s:%s exists", r->driver->name, r->src);
}

bool store_rests(const struct store_ref *r)
{
	return r->driver->rests ? r->driver->rests(r) : r->driver->flags & STORE_DEPENDS;
}

bool store_shares(const struct store_driver *d, const struct store_ref *from)
{
	if (!d->snapshot || (d->can_share && d == from->driver && !d->can_share(from)))
		return false;
	return d == from->driver || ((d->flags & STORE_OVER_DIRS) && from->driver->host_dir(from));
}

int store_copy(const struct store_ref *from, const char *options, const struct store_ref *to,
	       const struct store_opts *o, struct err *e)
{
	struct store_opts sized = *o;
	int r;

	if (!sized.size && from->driver->size)
		sized.size = from->driver->size(from);
	r = to->driver->create(to, &sized, e);
	if (r < 0)
		return r;
	r = fill(from, options, to, e);
	if (from->driver->release)
		(void)from->driver->release(from, NULL);
	if (r == 0 && to->driver->release)
		r = to->driver->release(to, e);
	if (r < 0) {
		(void)to->driver->destroy(to, NULL);
		return err_wrap(e, r, "copy %s:%s to %s:%s", from->driver->name, from->src, to->driver->name, to->src);
	}
	return 0;
}

/* --- what drivers share ----------------------------------------------------------------------------------------------- */

int store_finish_tree(int mnt_fd, const struct mount_opts *o, struct err *e)
{
	int r = mount_set(mnt_fd, 0, 0, MS_SLAVE, true, e);

	if (r == 0 && o->propagation)
		r = mount_set(mnt_fd, 0, 0, o->propagation, o->propagation_rec, e);
	if (r == 0)
		r = mount_set(mnt_fd, o->attr_set, o->attr_clr, 0, false, e);
	if (r == 0 && o->recursive_attr)
		r = mount_set(mnt_fd, o->rattr_set, o->rattr_clr, 0, true, e);
	return r;
}

static int check_empty(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *de;
	bool empty = true;

	if (!d)
		return err_set(e, -errno, "open directory %s", path);
	while (empty && (de = readdir(d)))
		empty = streq(de->d_name, ".") || streq(de->d_name, "..");
	closedir(d);
	return empty ? 0 : err_kind(e, ERR_EXISTS, -EEXIST, "%s exists and is not empty", path);
}

int store_make_empty_dir(const char *path, struct err *e)
{
	int r = dir_make_all(path, 0755, e);

	return r < 0 ? r : check_empty(path, e);
}

int store_remove_tree(const char *path, struct err *e)
{
	struct stat st, root;
	int r;

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "stat %s", path);
	if (stat("/", &root) == 0 && st.st_dev == root.st_dev && st.st_ino == root.st_ino)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s is the host's root directory, not removed", path);
	r = tree_remove(AT_FDCWD, path, e);
	/* A subvolume in it is another device to those who walk. */
	if (r < 0 && btrfs_remove_below(path) == 0) {
		err_clear(e);
		r = tree_remove(AT_FDCWD, path, e);
	}
	return r;
}
