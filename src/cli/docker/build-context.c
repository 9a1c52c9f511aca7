/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The context of a build: a folder of ours, or one that is filled from an archive, a URL or a repository. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cli/docker/build.h"
#include "image/build/dockerfile.h"
#include "sys/inroot.h"

static int temporary(struct build_job *j, struct err *e)
{
	char path[] = "/var/tmp/creel-build-XXXXXX";

	if (!mkdtemp(path))
		return err_set(e, -errno, "make a folder in /var/tmp");
	j->dir = strdup(path);
	return j->dir ? 0 : err_oom(e);
}

/* An archive in FILE, or the text of a Dockerfile: what it is its beginning says. */
static int unpack(struct build_job *j, const char *file, struct err *e)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC), dir = -EBADF;
	char link[FD_PATH_MAX];
	int r;

	unlink(file);
	dir = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || dir < 0)
		return err_set(e, -errno, "read the context");
	r = build_unpack(dir, fd, e);
	if (r != -ENOMSG)
		return r;
	err_clear(e);
	if (j->a->file)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
	return file_read(AT_FDCWD, fd_path(fd, link), DF_SIZE_MAX, &j->dockerfile, &j->o.dockerfile_len, e);
}

static int from_stdin(struct build_job *j, struct err *e)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_close_ int fd = -EBADF;
	char data[65536];
	ssize_t n;
	int r = temporary(j, e);

	file = r < 0 ? NULL : path_join(j->dir, ".stdin");
	if (!file)
		return r < 0 ? r : err_oom(e);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "make %s", file);
	while ((n = read(STDIN_FILENO, data, sizeof(data))) > 0 && r >= 0)
		r = fd_write_all(fd, data, (size_t)n);
	if (r < 0 || n < 0)
		return err_set(e, r < 0 ? r : -errno, "read standard input");
	return unpack(j, file, e);
}

/* The folder SUB of what was cloned: the repository's links lead nowhere else. */
static int sub_folder(struct build_job *j, const char *url, const char *sub, struct err *e)
{
	_cleanup_close_ int root = open(j->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = root < 0 ? -EBADF : inroot_open_path(root, *sub ? sub : "/", O_DIRECTORY);
	char link[FD_PATH_MAX], path[4096];
	ssize_t n;

	if (fd < 0)
		return err_set(e, root < 0 ? -errno : fd, "%s: no folder of the repository", url);
	n = readlink(fd_path(fd, link), path, sizeof(path) - 1);
	if (n < 0)
		return err_set(e, -errno, "%s: find its folder", url);
	path[n] = '\0';
	j->o.context = build_keep(j, strdup(path));
	return j->o.context ? 0 : err_oom(e);
}

static int from_git(struct build_job *j, const char *url, struct err *e)
{
	const char *sub;
	int r = git_fetch(url, NULL, j->dir, false, &sub, e);

	return r >= 0 && *sub ? sub_folder(j, url, sub, e) : r;
}

static int from_url(struct build_job *j, const char *url, struct err *e)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_close_ int fd = -EBADF;
	int64_t mtime;
	int r = temporary(j, e);

	if (r < 0)
		return r;
	j->o.context = j->dir;
	if (git_is_url(url))
		return from_git(j, url, e);
	file = path_join(j->dir, ".url");
	fd = file ? open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -EBADF;
	if (fd < 0)
		return err_set(e, -errno, "make a file in %s", j->dir);
	r = j->o.host->fetch(j->o.host->arg, url, fd, &mtime, e);
	return r < 0 ? r : unpack(j, file, e);
}

static bool is_url(const char *s)
{
	return startswith(s, "http://") || startswith(s, "https://") || git_is_url(s);
}

/* A file of ours by its path; of a context that was fetched by its name there: its links lead nowhere else. */
static int read_named(struct build_job *j, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_close_ int root = -EBADF;

	if (!j->dir)
		return file_read(AT_FDCWD, path, max, ret, ret_len, e);
	root = open(j->o.context, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? err_set(e, -errno, "open %s", j->o.context)
			: inroot_read_file(root, path, max, ret, ret_len, e);
}

/* What need not be there. */
static int read_ignore_file(struct build_job *j, const char *path, struct err *e)
{
	int r = read_named(j, path, 1u << 20, &j->ignore, &j->o.ignore_len, e);

	if (r != -ENOENT)
		return r;
	err_clear(e);
	return 0;
}

static int read_dockerfile(struct build_job *j, struct err *e)
{
	const char *file = j->a->file;
	_cleanup_free_ char *path = NULL, *beside = NULL;
	int r;

	if (j->dockerfile)
		return 0;
	if (file && streq(file, "-")) {
		j->dockerfile = NULL;
		return file_read(AT_FDCWD, "/dev/stdin", DF_SIZE_MAX, &j->dockerfile, &j->o.dockerfile_len, e);
	}
	/* Of an archive or a repository the file's name is one in there. */
	path = file || j->dir ? strdup(file ?: "Dockerfile") : path_join(j->o.context, "Dockerfile");
	if (!path)
		return err_oom(e);
	r = read_named(j, path, DF_SIZE_MAX, &j->dockerfile, &j->o.dockerfile_len, e);
	if (r == -ENOENT)
		return err_kind(e, ERR_NOT_FOUND, r,
				"unable to evaluate symlinks in Dockerfile path: lstat %s: no such file or directory",
				path);
	if (r < 0)
		return r;
	if (asprintf(&beside, "%s.dockerignore", path) < 0) {
		beside = NULL;
		return err_oom(e);
	}
	return read_ignore_file(j, beside, e);
}

static int read_ignore(struct build_job *j, struct err *e)
{
	_cleanup_free_ char *path = j->dir	   ? strdup(".dockerignore")
				    : j->o.context ? path_join(j->o.context, ".dockerignore")
						   : NULL;

	return j->ignore || !path ? 0 : read_ignore_file(j, path, e);
}

int build_take_context(struct build_job *j, const char *where, struct err *e)
{
	int r = 0;

	if (streq(where, "-")) {
		r = from_stdin(j, e);
		j->o.context = j->dir;
	} else if (is_url(where)) {
		r = from_url(j, where, e);
	} else if (access(where, F_OK) < 0) {
		r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "path \"%s\" not found", where);
	} else {
		j->o.context = where;
	}
	if (r >= 0)
		r = read_dockerfile(j, e);
	if (r >= 0)
		r = read_ignore(j, e);
	j->o.dockerfile = j->dockerfile;
	j->o.ignore = j->ignore;
	return r;
}

int build_named_context(struct build_job *j, const char *where, const char **ret, struct err *e)
{
	char *first = j->dir;
	const char *context = j->o.context;
	char *text = j->dockerfile;
	int r;

	if (!is_url(where)) {
		*ret = where;
		return access(where, R_OK | X_OK) < 0 ? err_set(e, -errno, "%s", where) : 0;
	}
	/* As the context itself is fetched; its folder goes along with ours. */
	j->dir = NULL;
	r = from_url(j, where, e);
	*ret = j->o.context;
	if (r >= 0 && j->dockerfile != text)
		r = err_kind(e, ERR_INVALID, -EINVAL, "%s: neither an archive nor a repository", where);
	if (j->dir && j->n_dirs < ARRAY_SIZE(j->dirs))
		j->dirs[j->n_dirs++] = j->dir;
	j->dir = first;
	j->o.context = context;
	return r;
}
