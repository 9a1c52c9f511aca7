/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --output: the root file system of what was built, as files or as an archive. */
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/build/build.h"
#include "image/build/tree.h"
#include "image/pack.h"

static int to_fd(void *arg, const void *data, size_t len)
{
	return fd_write_all(*(int *)arg, data, len);
}

static int to_archive(int root, const char *dest, struct err *e)
{
	const struct pack_opts o = { .clamp_mtime = -1, .uid = -1, .gid = -1 };
	bool std = streq(dest, "-");
	int fd = std ? STDOUT_FILENO : open(dest, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), r;
	const struct pack_sink sink = { .write = to_fd, .arg = &fd };

	if (fd < 0)
		return err_set(e, -errno, "open %s", dest);
	r = pack_tree(root, &o, &sink, e);
	if (!std)
		fd_close(fd);
	return r;
}

static int to_folder(int root, const char *dest, struct err *e)
{
	const struct tree_source s = { .root_fd = root, .keep_owner = true };
	const struct tree_copy o = { .uid = -1, .gid = -1 };
	_cleanup_close_ int fd = -EBADF;
	int r = dir_make_all(dest, 0755, e);

	if (r < 0)
		return r;
	fd = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open %s", dest) : tree_copy(&s, "", fd, "/", false, &o, e);
}

int build_export(const struct build_opts *o, const char *id, bool archive, const char *dest, struct err *e)
{
	_cleanup_(images_freep) struct images *s = NULL;
	_cleanup_image_ struct image i = { 0 };
	_cleanup_close_ int root = -EBADF;
	int r = images_open(o->data_root, o->driver, &s, e);

	if (r >= 0)
		r = image_find(s, id, &i, e);
	if (r < 0)
		return r;
	if (!*i.chain)
		return err_kind(e, ERR_STATE, -ENODATA, "the image has no files to export");
	root = rootfs_open(s->layers, NULL, i.chain, true, e);
	if (root < 0)
		return root;
	return archive ? to_archive(root, dest, e) : to_folder(root, dest, e);
}
