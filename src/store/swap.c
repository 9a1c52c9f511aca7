/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/swap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/strv.h"
#include "store/store.h"

#define TEXT_MAX 65536

bool swap_pending(const char *dir)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/" SWAP_NAME, dir) < (int)sizeof(path) && file_exists(AT_FDCWD, path);
}

static int open_swap(const char *dir, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, SWAP_NAME);
	int fd;

	if (!path)
		return err_oom(e);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open %s", path) : fd;
}

int swap_begin(const char *dir, char **ret_new, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	int r = swap_settle(dir, e);

	if (r < 0)
		return r;
	path = path_join(dir, SWAP_NAME "/new");
	if (!path)
		return err_oom(e);
	r = dir_make_all(path, 0700, e);
	if (r == 0)
		*ret_new = TAKE_PTR(path);
	return r;
}

int swap_made(const char *dir, const char *root, struct err *e)
{
	_cleanup_close_ int fd = open_swap(dir, e);

	return fd < 0 ? fd : file_replace(fd, "made", root, strlen(root), 0600, true, e);
}

int swap_commit(const char *dir, const char *for_dir, const char *old, struct err *e)
{
	_cleanup_close_ int fd = open_swap(dir, e);
	_cleanup_free_ char *text = NULL;

	if (fd < 0)
		return fd;
	if (asprintf(&text, "%s\n%s%s", for_dir, old ?: "", old ? "\n" : "") < 0)
		return err_oom(e);
	return file_replace(fd, "ready", text, strlen(text), 0600, true, e);
}

static int destroy_root(const char *path, struct err *e)
{
	struct store_ref ref = { 0 };
	int r = store_parse(path, &ref, e);

	if (r == 0)
		r = ref.driver->destroy(&ref, e);
	store_ref_done(&ref);
	return r;
}

static int read_lines(int fd, const char *name, struct strv *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r = file_read(fd, name, TEXT_MAX, &text, NULL, NULL);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? err_set(e, r, "read %s", name) : strv_split(ret, text, "\n", e);
}

/* A file takes the old one's place at once; a directory's old one steps aside first. */
static int put_in_place(int top, int fd, const char *name, struct err *e)
{
	char from[NAME_MAX + sizeof("new/")], aside[NAME_MAX + sizeof("old/")];
	struct stat st;

	snprintf(from, sizeof(from), "new/%s", name);
	snprintf(aside, sizeof(aside), "old/%s", name);
	if (fstatat(top, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	    renameat(top, name, fd, aside) < 0)
		return err_set(e, -errno, "put %s aside", name);
	if (renameat(fd, from, top, name) < 0)
		return err_set(e, -errno, "put %s in its place", name);
	return 0;
}

static int put_all(int top, int fd, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int new = openat(fd, "new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	struct dirent *de;
	DIR *d;

	if (new < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open what is new");
	if (mkdirat(fd, "old", 0700) < 0 && errno != EEXIST) {
		r = err_set(e, -errno, "make a place for what is old");
		fd_close(new);
		return r;
	}
	d = fdopendir(new);
	if (!d) {
		fd_close(new);
		return err_oom(e);
	}
	while (r == 0 && (de = readdir(d)))
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			r = strv_push(&names, de->d_name, e);
	closedir(d);
	/* The configuration last: it speaks of the others. */
	for (size_t i = 0; i < names.n && r == 0; i++)
		if (!streq(names.v[i], "config"))
			r = put_in_place(top, fd, names.v[i], e);
	if (r == 0 && strv_has(&names, "config"))
		r = put_in_place(top, fd, "config", e);
	return r;
}

int swap_settle(const char *dir, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, SWAP_NAME);
	_cleanup_strv_ struct strv ready = STRV_INIT, made = STRV_INIT;
	_cleanup_close_ int top = -EBADF, fd = -EBADF;
	bool go;
	int r;

	if (!path)
		return err_oom(e);
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", dir);
	fd = openat(top, SWAP_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", path);
	r = read_lines(fd, "ready", &ready, e);
	if (r == 0)
		r = read_lines(fd, "made", &made, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	go = ready.n && streq(ready.v[0], dir);
	if (go) {
		r = put_all(top, fd, e);
		if (r == 0 && ready.n > 1)
			r = destroy_root(ready.v[1], e);
	} else if (made.n) {
		r = destroy_root(made.v[0], e);
	}
	if (r < 0)
		return err_wrap(e, r, "%s", dir);
	/* What was made is in use by now: a word that outlived "ready" would have it removed. */
	if (go && unlinkat(fd, "made", 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "remove %s/made", path);
	r = store_remove_tree(path, e);
	return r < 0 ? err_wrap(e, r, "%s", dir) : 0;
}
