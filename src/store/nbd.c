/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * nbd:FILE[:PARTITION], an image in any format that qemu-nbd(8) reads, shown as a network block device. The server of a
 * file is found again by its command line, so that a file is served once, and release() can end it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parse.h"
#include "store/block.h"

#define PACKAGE	 "qemu-utils"
#define NBD_MAX	 1024
#define PATH_LEN 64

/* FILE and the partition, 0: the whole. */
static int split(const struct store_ref *ref, char **ret_file, uint32_t *ret_part, struct err *e)
{
	const char *colon = strrchr(ref->src, ':');

	*ret_part = 0;
	if (colon && (parse_u32(colon + 1, ret_part) < 0 || !*ret_part))
		colon = NULL;
	*ret_file = colon ? strndup(ref->src, (size_t)(colon - ref->src)) : strdup(ref->src);
	return *ret_file ? 0 : err_oom(e);
}

/* The device number whose server serves FILE, or the first free one (*RET_FREE), or -ENOENT. */
static int find(const char *file, int *ret_free)
{
	*ret_free = -ENOENT;
	for (int i = 0; i < NBD_MAX; i++) {
		char path[PATH_LEN], pid[16], cmd[4096];
		ssize_t n;

		snprintf(path, sizeof(path), "/sys/block/nbd%d", i);
		if (!file_exists(AT_FDCWD, path))
			break;
		snprintf(path, sizeof(path), "/sys/block/nbd%d/pid", i);
		if (file_read_small(AT_FDCWD, path, pid, sizeof(pid)) <= 0) {
			if (*ret_free < 0)
				*ret_free = i;
			continue;
		}
		snprintf(path, sizeof(path), "/proc/%s/cmdline", pid);
		n = file_read_small(AT_FDCWD, path, cmd, sizeof(cmd) - 1);
		for (ssize_t at = 0; at < n; at += (ssize_t)strlen(cmd + at) + 1) {
			cmd[n] = '\0';
			if (streq(cmd + at, file))
				return i;
		}
	}
	return -ENOENT;
}

/* The device of FILE, served from now on if it was not. */
static int connect_file(const char *file, char dev[static PATH_LEN], struct err *e)
{
	int unused, n = find(file, &unused), r;

	if (n < 0) {
		if (unused < 0) {
			err_kind(e, ERR_MISSING, -ENODEV, "no free network block device");
			return err_hint(e, -ENODEV, "load the module with: modprobe nbd max_part=16");
		}
		n = unused;
		snprintf(dev, PATH_LEN, "/dev/nbd%d", n);
		r = store_tool(PACKAGE, NULL, e, "qemu-nbd", "-c", dev, file, NULL);
		return r < 0 ? err_wrap(e, r, "serve %s", file) : 0;
	}
	snprintf(dev, PATH_LEN, "/dev/nbd%d", n);
	return 0;
}

static int nbd_release(const struct store_ref *ref, struct err *e)
{
	_cleanup_free_ char *file = NULL;
	char dev[PATH_LEN];
	uint32_t part;
	int unused, n, r = split(ref, &file, &part, e);

	if (r < 0)
		return r;
	n = find(file, &unused);
	if (n < 0)
		return 0;
	snprintf(dev, sizeof(dev), "/dev/nbd%d", n);
	return store_tool(PACKAGE, NULL, e, "qemu-nbd", "-d", dev, NULL);
}

static int nbd_open_tree(const struct store_ref *ref, const char *options, struct err *e)
{
	_cleanup_free_ char *file = NULL;
	char dev[PATH_LEN], node[PATH_LEN + 16];
	uint32_t part;
	int r = split(ref, &file, &part, e);

	if (r == 0 && !file_exists(AT_FDCWD, file))
		r = err_set(e, -ENOENT, "root file system nbd:%s", file);
	if (r == 0)
		r = connect_file(file, dev, e);
	if (r < 0)
		return r;
	snprintf(node, sizeof(node), part ? "%sp%u" : "%s", dev, part);
	r = block_wait(node, e);
	return r < 0 ? r : block_open_tree(node, ref->src, options, false, e);
}

static int nbd_destroy(const struct store_ref *ref, struct err *e)
{
	_cleanup_free_ char *file = NULL;
	uint32_t part;
	int r = split(ref, &file, &part, e);

	if (r < 0 || !file_exists(AT_FDCWD, file))
		return r;
	r = nbd_release(ref, e);
	if (r < 0)
		return r;
	return unlink(file) < 0 ? err_set(e, -errno, "remove %s", file) : 0;
}

static int nbd_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	_cleanup_free_ char *file = NULL, *dir = NULL;
	char size[32], dev[PATH_LEN];
	uint32_t part;
	int r = split(ref, &file, &part, e);

	if (r < 0)
		return r;
	if (file_exists(AT_FDCWD, file))
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s exists", file);
	if (part)
		return err_kind(e, ERR_INVALID, -EINVAL, "nbd:%s: no partitions are made", ref->src);
	r = store_need(PACKAGE, "qemu-img", e);
	if (r < 0)
		return r;
	dir = strndup(file, (size_t)(strrchr(file, '/') - file));
	r = dir ? (*dir ? dir_make_all(dir, 0755, e) : 0) : err_oom(e);
	snprintf(size, sizeof(size), "%llu", (unsigned long long)(o->size ?: BLOCK_SIZE_DEFAULT));
	if (r == 0)
		r = store_tool(PACKAGE, NULL, e, "qemu-img", "create", "-q", "-f", "qcow2", file, size, NULL);
	if (r < 0)
		return r;
	r = connect_file(file, dev, e);
	if (r == 0)
		r = block_mkfs(dev, o, e);
	if (r < 0)
		(void)nbd_destroy(ref, NULL);
	return r;
}

static const char *nbd_host_dir(const struct store_ref *ref)
{
	return NULL;
}

static int nbd_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	return store_place_below("nbd", w->dir, "rootdev.qcow2", ret, e);
}

const struct store_driver store_nbd = {
	.name = "nbd",
	.flags = STORE_DEVICE,
	.open_tree = nbd_open_tree,
	.release = nbd_release,
	.create = nbd_create,
	.destroy = nbd_destroy,
	.host_dir = nbd_host_dir,
	.place = nbd_place,
};
