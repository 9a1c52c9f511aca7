/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Archives and folders on either side of a build: the context that it takes, the root file system that --output gives. */
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/build/inner.h"
#include "image/codec.h"
#include "image/layers-inner.h"
#include "store/tar-read.h"

struct pieces {
	struct inflate *z;
	char data[16u << 10];
};

static ssize_t next_piece(void *arg, const char **ret, struct err *e)
{
	struct pieces *p = arg;

	*ret = p->data;
	return inflate_read(p->z, p->data, sizeof(p->data), e);
}

bool archive_begins(int fd)
{
	_cleanup_free_ struct pieces *p = calloc(1, sizeof(*p));
	const struct tar_source source = { next_piece, p };
	struct tar_entry entry = { 0 };
	struct tar_reader t;
	bool is;

	if (!p || inflate_open(fd, &p->z, NULL) < 0)
		return false;
	tar_reader_init_source(&t, &source);
	is = tar_next(&t, &entry, NULL) > 0;
	tar_entry_done(&entry);
	tar_reader_done(&t);
	inflate_free(p->z);
	return is;
}

int build_unpack(int dir_fd, int in_fd, struct err *e)
{
	const struct untar_opts o = { .whiteouts = UNTAR_PLAIN, .no_devices = true };
	const struct layer_input in = { .fd = in_fd };
	char unused[DIGEST_MAX];

	if (!archive_begins(in_fd) || lseek(in_fd, 0, SEEK_SET) < 0)
		return err_kind(e, ERR_INVALID, -ENOMSG, "the context is no archive");
	return layer_stream(dir_fd, &in, &o, unused, e);
}

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

/* A folder with nothing in it, and no name any more. */
static int nothing(struct err *e)
{
	char path[] = "/var/tmp/creel-build-XXXXXX";
	int fd = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0)
		return err_set(e, -errno, "make a folder in /var/tmp");
	rmdir(path);
	return fd;
}

int build_export(const struct build_opts *o, const char *id, bool archive, const char *dest, struct err *e)
{
	_cleanup_(images_freep) struct images *s = NULL;
	_cleanup_image_ struct image i = { 0 };
	_cleanup_close_ int root = -EBADF;
	int r = images_open(o->data_root, o->driver, &s, e);

	if (r >= 0)
		r = image_find(s, id, &i, e);
	if (r >= 0)
		r = image_need(s, &i, e);
	if (r < 0)
		return r;
	root = *i.chain ? rootfs_open(s->layers, NULL, i.chain, true, e) : nothing(e);
	if (root < 0)
		return root;
	return archive ? to_archive(root, dest, e) : to_folder(root, dest, e);
}
