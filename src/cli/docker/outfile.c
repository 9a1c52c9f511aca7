/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A file that is replaced when it is whole, so that a wrong name or a full disk costs nobody the one he had. */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/docker/dcli.h"

/* Under a name beside it that nobody has. */
static int open_beside(struct outfile *o, mode_t mode, struct err *e)
{
	if (asprintf(&o->tmp, "%s.new-XXXXXX", o->path) < 0) {
		o->tmp = NULL;
		return err_oom(e);
	}
	o->fd = mkostemp(o->tmp, O_CLOEXEC);
	if (o->fd < 0)
		return err_set(e, -errno, "open %s", o->path);
	return fchmod(o->fd, mode) < 0 ? err_set(e, -errno, "change mode of %s", o->tmp) : 0;
}

int outfile_open(const char *path, mode_t mode, struct outfile *ret, struct err *e)
{
	_cleanup_free_ char *copy = NULL;
	const char *dir;
	struct stat st;
	int r;

	*ret = (struct outfile){ .fd = STDOUT_FILENO };
	if (isempty(path) || streq(path, "-"))
		return 0;
	copy = strdup(path);
	if (!copy)
		return err_oom(e);
	dir = dirname(copy);
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "invalid output path: directory \"%s\" does not exist", dir);
	/* A device, or a pipe, is written to. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		ret->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return ret->fd < 0 ? err_set(e, -errno, "open %s", path) : 0;
	}
	/* Through a link, what it leads to. */
	ret->path = realpath(path, NULL) ?: strdup(path);
	r = ret->path ? open_beside(ret, mode, e) : err_oom(e);
	if (r < 0)
		(void)outfile_close(ret, false, NULL);
	return r;
}

int outfile_close(struct outfile *o, bool good, struct err *e)
{
	int r = 0;

	if (o->tmp && good && rename(o->tmp, o->path) < 0)
		r = err_set(e, -errno, "rename %s to %s", o->tmp, o->path);
	if (o->tmp && o->fd >= 0 && (!good || r < 0))
		unlink(o->tmp);
	if (o->fd != STDOUT_FILENO)
		fd_close(o->fd);
	free(o->tmp);
	free(o->path);
	*o = (struct outfile){ .fd = -EBADF };
	return r;
}
