/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "store/driver.h"
#include "sys/syscalls.h"

const struct store_driver *const store_drivers[] = { &store_dir, &store_overlay, NULL };

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
	if (*src != '/')
		return err_kind(e, ERR_INVALID, -EINVAL, "root file system '%s': the path must be absolute", path);
	copy = strdup(src);
	if (!copy)
		return err_oom(e);
	*ret = (struct store_ref){ .driver = driver, .src = copy };
	return 0;
}

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

	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "stat %s", path);
	if (stat("/", &root) == 0 && st.st_dev == root.st_dev && st.st_ino == root.st_ino)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s is the host's root directory, not removed", path);
	return tree_remove(AT_FDCWD, path, e);
}
