/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Class C against layers: archives that want something outside of the root they are unpacked into, each in one layer and
 * spread over two, with every driver. Beside the store lies a folder that nobody may touch.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/codec.h"
#include "image/images.h"
#include "image/pack.h"
#include "sys/proc.h"
#include "unit/test.h"

static char top[] = "/var/tmp/creel-class-c-XXXXXX";
static char outside[64];
static struct err err;

static void remove_all(void)
{
	(void)tree_remove(AT_FDCWD, top, NULL);
}

static struct layers *setup(const char *driver)
{
	_cleanup_free_ char *dir = NULL;
	struct layers *l = NULL;
	static bool made;
	int fd;

	umask(022);
	if (!made && (!mkdtemp(top) || atexit(remove_all) != 0))
		abort();
	made = true;
	dir = path_join(top, "layers");
	snprintf(outside, sizeof(outside), "%s/outside", top);
	if (tree_remove(AT_FDCWD, dir, NULL) < 0 || tree_remove(AT_FDCWD, outside, NULL) < 0 ||
	    mkdir(outside, 0755) < 0)
		abort();
	fd = openat(AT_FDCWD, outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(fd, "dir", 0755) < 0)
		abort();
	for (int i = 0; i < 2; i++) {
		int file = openat(fd, i ? "dir/file" : "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		if (file < 0 || fd_write_all(file, "safe", 4) < 0)
			abort();
		fd_close(file);
	}
	fd_close(fd);
	CHECK(layers_open(dir, driver, NULL, true, &l, &err) == 0);
	return l;
}

static bool untouched(void)
{
	static const char *const files[] = { "file", "dir/file" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *path = path_join(outside, files[i]), *text = NULL;
		struct stat st;

		if (lstat(path, &st) < 0 || st.st_mode != (S_IFREG | 0600) || st.st_nlink != 1 ||
		    file_read(AT_FDCWD, path, 100, &text, NULL, NULL) < 0 || !streq(text, "safe"))
			return false;
	}
	return true;
}

/* --- archives --------------------------------------------------------------------------------------------------------- */

struct entry {
	char type;
	const char *name, *link; /* of a file: what is in it */
};

static int to_buf(void *arg, const void *data, size_t len)
{
	buf_add(arg, data, len);
	return 0;
}

/* Up to an entry without a type. "@" at the beginning of a link: the folder outside. */
static int make(const struct entry *v)
{
	_cleanup_(tar_writer_freep) struct tar_writer *t = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;
	int fd = memfd_create("layer", MFD_CLOEXEC);

	CHECK(tar_writer_new(&(struct pack_sink){ to_buf, &b }, &t, &err) == 0);
	for (; v->type; v++) {
		struct tar_out h = { .name = v->name, .type = v->type, .mode = 0777, .link = v->link };
		char link[128];

		if (v->link && v->link[0] == '@') {
			snprintf(link, sizeof(link), "%s%s", outside, v->link + 1);
			h.link = link;
		}
		if (v->type == '0') {
			h.link = NULL;
			h.size = v->link ? strlen(v->link) : 0;
		}
		CHECK(tar_put(t, &h, &err) == 0);
		if (h.size)
			CHECK(tar_put_data(t, v->link, h.size, &err) == 0);
	}
	CHECK(tar_end(t, &err) == 0 && fd_write_all(fd, b.data, b.len) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static int unpack(struct layers *l, const char *parent, const struct entry *v, char chain[static DIGEST_MAX])
{
	_cleanup_close_ int fd = make(v);
	char diff[DIGEST_MAX];

	return layer_unpack(l, parent, &(struct layer_input){ .fd = fd }, NULL, diff, chain, &err);
}

/* FIRST, then SECOND over it; and both in one. */
struct attack {
	const char *what;
	struct entry first[4], second[4];
};

static const struct attack attacks[] = {
	{ "CVE-2014-6407: a link, then a file through it",
	  { { '2', "a", "@" } },
	  { { '0', "a/file", "bad" }, { '0', "a/new", "bad" } } },
	{ "CVE-2014-9356: a relative link",
	  { { '2', "a", "../../../../../../../../../../tmp/.." } },
	  { { '5', "a/var", NULL } } },
	{ "a link to a link", { { '2', "b", "@" }, { '2', "a", "b" } }, { { '0', "a/file", "bad" } } },
	{ "a link below a folder", { { '5', "d", NULL }, { '2', "d/a", "@/dir" } }, { { '0', "d/a/file", "bad" } } },
	{ "CVE-2021-32760: the mode of a file outside", { { '2', "a", "@/file" } }, { { '0', "a", "" } } },
	{ "a folder over a link", { { '2', "a", "@" } }, { { '5', "a", NULL }, { '0', "a/file", "bad" } } },
	{ "CVE-2026-17106: a hard link to outside", { { '2', "a", "@" } }, { { '1', "b", "a/file" } } },
	{ "a hard link by its full name", { { '5', "d", NULL } }, { { '1', "b", "@/file" } } },
	{ "a hard link with dots", { { '5', "d", NULL } }, { { '1', "b", "../../../../outside/file" } } },
	{ "a whiteout through a link", { { '2', "a", "@" } }, { { '0', "a/.wh.file", NULL } } },
	{ "an opaque folder through a link", { { '2', "a", "@" } }, { { '0', "a/.wh..wh..opq", NULL } } },
	{ "an opaque link", { { '5', "d", NULL }, { '2', "d/a", "@/dir" } }, { { '0', "d/a/.wh..wh..opq", NULL } } },
	{ "an opaque folder with a link in it",
	  { { '5', "d", NULL }, { '2', "d/a", "@/dir" } },
	  { { '0', "d/.wh..wh..opq", NULL } } },
	{ "a whiteout of a folder with a link in it",
	  { { '5', "d", NULL }, { '2', "d/a", "@" } },
	  { { '0', ".wh.d", NULL } } },
	{ "a name with dots", { { '5', "d", NULL } }, { { '0', "../../outside/file", "bad" } } },
	{ "a whiteout with dots", { { '5', "d", NULL } }, { { '0', "d/../../../outside/.wh.file", NULL } } },
	{ "a full name", { { '5', "d", NULL } }, { { '0', "/etc/creel-class-c", "bad" } } },
	{ "a device over a link", { { '2', "a", "@/file" } }, { { '3', "a", NULL } } },
};

static void try_all(const char *driver)
{
	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		_cleanup_(layers_freep) struct layers *l = setup(driver);
		char below[DIGEST_MAX], chain[DIGEST_MAX];
		struct entry both[8] = { 0 };
		size_t n = 0;

		CHECK(unpack(l, NULL, attacks[i].first, below) == 0);
		(void)unpack(l, below, attacks[i].second, chain);
		if (!untouched() || file_exists(AT_FDCWD, "/etc/creel-class-c"))
			printf("# %s: %s\n", driver, attacks[i].what);
		CHECK(untouched() && !file_exists(AT_FDCWD, "/etc/creel-class-c"));
		for (const struct entry *v = attacks[i].first; v->type; v++)
			both[n++] = *v;
		for (const struct entry *v = attacks[i].second; v->type; v++)
			both[n++] = *v;
		(void)unpack(l, NULL, both, chain);
		if (!untouched())
			printf("# %s, in one layer: %s\n", driver, attacks[i].what);
		CHECK(untouched());
	}
}

TEST(nothing_outside_is_touched_with_overlay)
{
	if (!proc_host_root())
		SKIP("overlay needs root");
	try_all("overlay");
}

TEST(nothing_outside_is_touched_with_copies)
{
	try_all("copy");
}

/* CVE-2017-14992: what inflates to a thousand times its size is written as it comes, with the memory of a small one. */
TEST(a_bomb_of_gzip_takes_no_memory)
{
	_cleanup_(layers_freep) struct layers *l = setup("copy");
	_cleanup_(deflate_freep) struct deflate *z = NULL;
	_cleanup_buf_ struct buf packed = BUF_INIT;
	_cleanup_close_ int fd = memfd_create("bomb", MFD_CLOEXEC);
	static const char zeroes[1 << 20];
	char diff[DIGEST_MAX], chain[DIGEST_MAX];
	struct rusage before, after;
	struct pack_sink sink = { to_buf, &packed };

	CHECK(deflate_new("gzip", 0, &sink, &z, &err) == 0);
	/* No archive, but zeroes: it is read to the end all the same. */
	for (int i = 0; i < 300; i++)
		CHECK(deflate_add(z, zeroes, sizeof(zeroes), &err) == 0);
	CHECK(deflate_end(z, &err) == 0 && packed.len < (3u << 20));
	CHECK(fd_write_all(fd, packed.data, packed.len) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	getrusage(RUSAGE_SELF, &before);
	(void)layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, NULL, diff, chain, &err);
	getrusage(RUSAGE_SELF, &after);
	CHECK(after.ru_maxrss - before.ru_maxrss < 64 << 10);
}

/* CVE-2021-41091: what is set-uid in a layer is not for the host's users. */
TEST(others_do_not_get_into_the_store)
{
	static const char *const dirs[] = { "store", "store/layers", "store/layers/copy", "store/layers/roots",
					    "store/blobs" };
	_cleanup_(images_freep) struct images *s = NULL;
	_cleanup_free_ char *dir = NULL;

	layers_free(setup("copy"));
	dir = path_join(top, "store");
	CHECK(images_open(dir, "copy", &s, &err) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_free_ char *path = path_join(top, dirs[i]);
		struct stat st;

		CHECK(stat(path, &st) == 0 && (st.st_mode & 07) == 0 && (i == 0 || (st.st_mode & 077) == 0));
	}
}
