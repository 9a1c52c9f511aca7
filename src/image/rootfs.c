/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A container's root over its image's layers: a folder below roots/, and what the driver has in it. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/layers-inner.h"
#include "store/store.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

const struct bottom_entry bottom_entries[] = {
	{ "dev", NULL, true },		{ "dev/pts", NULL, true },
	{ "dev/shm", NULL, true },	{ "proc", NULL, true },
	{ "sys", NULL, true },		{ "etc", NULL, true },
	{ ".dockerenv", NULL, false },	{ "etc/resolv.conf", NULL, false },
	{ "etc/hosts", NULL, false },	{ "etc/hostname", NULL, false },
	{ "dev/console", NULL, false }, { "etc/mtab", "/proc/mounts", false },
	{ NULL, NULL, false },
};

char *root_path(const struct layers *l, const char *id, const char *name)
{
	char *path;

	return asprintf(&path, "%s/roots/%s%s%s", l->dir, id, name ? "/" : "", name ?: "") < 0 ? NULL : path;
}

/* In TREE, which nobody but us has yet. A folder of it that is a link is not followed; one that was there is none that has
 * changed (walk_changes()). */
int bottom_make(int tree, struct err *e)
{
	for (const struct bottom_entry *b = bottom_entries; b->name; b++) {
		const char *slash = strchr(b->name, '/'), *name = slash ? slash + 1 : b->name;
		_cleanup_close_ int dir = -EBADF;
		char above[16];
		struct stat st;
		int r;

		snprintf(above, sizeof(above), "%.*s", slash ? (int)(slash - b->name) : 1, slash ? b->name : ".");
		dir = openat(tree, above, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir < 0)
			continue;
		if (fstat(dir, &st) < 0)
			return err_set(e, -errno, "stat /%s", above);
		if (b->is_dir)
			r = mkdirat(dir, name, 0755);
		else if (b->link)
			r = symlinkat(b->link, dir, name);
		else
			r = mknodat(dir, name, S_IFREG | 0755, 0);
		if (r < 0 && errno != EEXIST)
			return err_set(e, -errno, "make /%s", b->name);
		if (r == 0 && !b->link && fchmodat(dir, name, 0755, 0) < 0)
			return err_set(e, -errno, "set the mode of /%s", b->name);
		if (r == 0 && futimens(dir, (struct timespec[2]){ st.st_atim, st.st_mtim }) < 0)
			return err_set(e, -errno, "set the time of /%s", above);
	}
	return 0;
}

static int check_id(const char *id, struct err *e)
{
	if (path_is_component(id) && id[0] != '.' && strlen(id) <= 128)
		return 0;
	return err_kind(e, ERR_INVALID, -EINVAL, "'%.64s' is no name for a root file system", id);
}

/* *L: of the driver that has ROOTS/NAME; where nothing says which that is, it stays. -ENOENT */
static int read_chain(struct layers **l, const char *name, char ret[static DIGEST_MAX])
{
	char path[300], text[DIGEST_MAX + 32], *driver;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/chain", name);
	n = readlinkat((*l)->roots, path, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	driver = strchr(text, ' ');
	if (driver)
		*driver++ = '\0';
	for (struct layers *o = *l; driver && o; o = o->next)
		if (streq(o->driver->name, driver)) {
			*l = o;
			driver = NULL;
		}
	snprintf(ret, DIGEST_MAX, "%.135s", streq(text, "-") ? "" : text);
	return driver ? -EOPNOTSUPP : 0;
}

int root_find(struct layers **l, const char *id, char ret[static DIGEST_MAX], struct err *e)
{
	int r = check_id(id, e);

	if (r < 0)
		return r;
	r = read_chain(l, id, ret);
	if (r == -ENOENT)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no root file system for %s", id);
	if (r < 0)
		return err_set(e, r, "read the layer of %s", id);
	return *ret ? digest_check(ret, e) : 0;
}

int rootfs_ref(struct layers *l, const char *id, char **ret, struct err *e)
{
	char chain[DIGEST_MAX];
	int r = root_find(&l, id, chain, e);

	return r < 0 ? r : l->driver->root_ref(l, id, chain, ret, e);
}

static int write_chain(struct layers *l, const char *id, const char *chain)
{
	char path[160], text[DIGEST_MAX + 32];

	snprintf(path, sizeof(path), "%s/chain", id);
	snprintf(text, sizeof(text), "%s %s", *chain ? chain : "-", l->driver->name);
	return symlinkat(text, l->roots, path) < 0 ? -errno : 0;
}

int rootfs_make(struct layers *l, const char *id, const char *chain, char **ret_rootfs, struct err *e)
{
	_cleanup_free_ char *ref = NULL;
	int r = check_id(id, e);

	if (isempty(chain))
		chain = "";
	if (r == 0 && *chain && !layers_have(l, chain)) {
		r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no layer %s for the storage driver %s", chain,
			     l->driver->name);
		err_hint(e, r, "creel system check --repair unpacks what is missing");
	}
	if (r < 0)
		return r;
	if (mkdirat(l->roots, id, 0700) < 0)
		return errno == EEXIST
			       ? err_kind(e, ERR_EXISTS, -EEXIST, "there is a root file system for %s already", id)
			       : err_set(e, -errno, "make the root file system of %s", id);
	r = write_chain(l, id, chain);
	if (r < 0)
		err_set(e, r, "make the root file system of %s", id);
	if (r == 0)
		r = l->driver->root_make(l, id, chain, e);
	if (r == 0)
		r = l->driver->root_ref(l, id, chain, &ref, e);
	if (r < 0) {
		(void)rootfs_remove(l, id, NULL);
		return err_wrap(e, r, "root file system of %s", id);
	}
	*ret_rootfs = TAKE_PTR(ref);
	return 0;
}

int root_destroy(struct layers *l, const char *name, struct err *e)
{
	_cleanup_free_ char *path = root_path(l, name, NULL);
	char chain[DIGEST_MAX];

	/* Without a word of whose it is, it has nothing yet. */
	(void)read_chain(&l, name, chain);
	return path ? l->driver->remove(l, l->roots, path, name, e) : err_oom(e);
}

int rootfs_remove(struct layers *l, const char *id, struct err *e)
{
	char gone[192];
	int r = check_id(id, e);

	if (r < 0)
		return r;
	snprintf(gone, sizeof(gone), ".gone-%d-%s", (int)gettid(), id);
	if (renameat(l->roots, id, l->roots, gone) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "remove the root file system of %s", id);
	r = root_destroy(l, gone, e);
	return r < 0 ? err_wrap(e, r, "remove the root file system of %s", id) : 0;
}

int rootfs_mount(struct layers *l, const char *id, struct err *e)
{
	_cleanup_free_ char *ref = NULL;
	struct store_ref s = { 0 };
	int fd = rootfs_ref(l, id, &ref, e);

	if (fd == 0)
		fd = store_parse(ref, &s, e);
	if (fd == 0)
		fd = s.driver->open_tree(&s, NULL, e);
	store_ref_done(&s);
	return fd;
}

int rootfs_open(struct layers *l, const char *id, const char *chain, bool read_only, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	char own[DIGEST_MAX] = "";
	int r = 0;

	if (!id) {
		fd = l->driver->open_chain(l, chain ?: "", e);
	} else if (!read_only) {
		fd = rootfs_mount(l, id, e);
	} else {
		r = root_find(&l, id, own, e);
		if (r < 0)
			return r;
		fd = l->driver->open_read(l, id, own, e);
	}
	if (fd < 0)
		return fd;
	r = mount_set(fd, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (read_only || !id ? MOUNT_ATTR_RDONLY : 0), 0, 0,
		      false, e);
	return r < 0 ? r : TAKE_FD(fd);
}
