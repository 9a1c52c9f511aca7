/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input is manifest.json (or index.json, where it begins with '{') of an archive that has a good image beside it. Whatever it
 * says, nothing but whole images stays in the store, and without them nothing at all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/images.h"
#include "image/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char top[] = "/dev/shm/creel-fuzz-XXXXXX";

static int to_buf(void *arg, const void *data, size_t len)
{
	buf_add(arg, data, len);
	return 0;
}

static void remove_top(void)
{
	(void)tree_remove(AT_FDCWD, top, NULL);
}

static struct images *store(void)
{
	static struct images *s;

	if (!s && (!mkdtemp(top) || images_open(top, "copy", &s, NULL) < 0 || atexit(remove_top) != 0))
		abort();
	return s;
}

static void put(struct tar_writer *t, const char *name, const void *data, size_t len)
{
	if (tar_put(t, &(struct tar_out){ .name = name, .type = '0', .size = len }, NULL) < 0 ||
	    tar_put_data(t, data, len, NULL) < 0)
		abort();
}

static void make_archive(const uint8_t *data, size_t size, struct buf *b)
{
	struct tar_writer *t = NULL, *inner = NULL;
	struct buf layer = BUF_INIT, config = BUF_INIT;
	char diff[DIGEST_MAX];

	if (tar_writer_new(&(struct pack_sink){ to_buf, &layer }, &inner, NULL) < 0 ||
	    tar_writer_new(&(struct pack_sink){ to_buf, b }, &t, NULL) < 0)
		abort();
	put(inner, "f", "x", 1);
	if (tar_end(inner, NULL) < 0)
		abort();
	digest_of(layer.data, layer.len, diff);
	buf_printf(&config, "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}", diff);
	put(t, "l.tar", layer.data, layer.len);
	put(t, "c.json", config.data, config.len);
	put(t, size && data[0] == '{' ? "index.json" : "manifest.json", data, size);
	if (tar_end(t, NULL) < 0)
		abort();
	tar_writer_free(t);
	tar_writer_free(inner);
	buf_done(&layer);
	buf_done(&config);
}

static int count_blob(void *arg, const char *digest, uint64_t size, const struct timespec *mtime)
{
	++*(int *)arg;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("archive", MFD_CLOEXEC);
	struct images *s = store();
	struct buf b = BUF_INIT;
	struct err e = { 0 };
	int n = 0, r;

	make_archive(data, size, &b);
	if (fd < 0 || fd_write_all(fd, b.data, b.len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	buf_done(&b);
	r = images_load(s, fd, NULL, NULL, &e);
	if (r < 0 && !e.msg[0])
		abort();
	if (image_prune(s, true, NULL, NULL, NULL, &e) < 0 || blobs_each(s->blobs, count_blob, &n, NULL) < 0 || n)
		abort();
	return 0;
}
