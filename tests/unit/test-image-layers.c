/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Layers and roots, the same for every driver: archives are made by hand, entry by entry, unpacked, mounted and looked at.
 */

#include <bzlib.h>
#include <fcntl.h>
#include <lzma.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "image/codec.h"
#include "image/layers.h"
#include "image/pack.h"
#include "sys/probe.h"
#include "sys/proc.h"
#include "unit/test.h"

static char top[] = "/var/tmp/creel-layers-XXXXXX";
static struct err err;

/* The digest of nothing here. */
#define NONE "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void remove_all(void)
{
	if (tree_remove(AT_FDCWD, top, &err) < 0)
		printf("# %s\n", err.msg);
}

static void setup(void)
{
	static bool made;

	umask(022);
	if (!made && (!mkdtemp(top) || atexit(remove_all) != 0))
		abort();
	made = true;
	if (chdir(top) < 0 || tree_remove(AT_FDCWD, "t", &err) < 0 || mkdir("t", 0700) < 0)
		abort();
	err = (struct err){ 0 };
}

/* Every driver that this machine has, in a store of its own. */
static const char *const driver_names[] = { "overlay", "copy" };

static struct layers *open_layers(const char *driver)
{
	_cleanup_free_ char *dir = path_join(top, "t/layers");
	struct layers *l = NULL;

	if (layers_open(dir, driver, NULL, true, &l, &err) < 0)
		printf("# %s\n", err.msg);
	CHECK(l);
	return l;
}

#define NEED_ROOT()            \
	if (!proc_host_root()) \
	SKIP("mounts and owners need root")

/* --- archives --------------------------------------------------------------------------------------------------------- */

static struct buf tar;
static struct tar_writer *out;

static int to_buf(void *arg, const void *data, size_t len)
{
	buf_add(arg, data, len);
	return 0;
}

static void begin(void)
{
	buf_reset(&tar);
	out = tar_writer_free(out);
	CHECK(tar_writer_new(&(struct pack_sink){ to_buf, &tar }, &out, &err) == 0);
}

static void add(char type, const char *name, const char *text)
{
	struct tar_out h = { .name = name, .type = type, .mode = type == '5' ? 0755 : 0644, .mtime = 1000000000 };

	if (type == '0')
		h.size = strlen(text);
	else
		h.link = text;
	CHECK(tar_put(out, &h, &err) == 0);
	if (type == '0')
		CHECK(tar_put_data(out, text, strlen(text), &err) == 0);
}

/* What was added, as a file: compressed by KIND, NULL: as it is. */
static int finish(const char *kind)
{
	_cleanup_(deflate_freep) struct deflate *z = NULL;
	_cleanup_buf_ struct buf packed = BUF_INIT;
	int fd = memfd_create("layer", MFD_CLOEXEC);

	CHECK(tar_end(out, &err) == 0);
	if (kind) {
		CHECK(deflate_new(kind, 0, &(struct pack_sink){ to_buf, &packed }, &z, &err) == 0);
		CHECK(deflate_add(z, tar.data, tar.len, &err) == 0 && deflate_end(z, &err) == 0);
		CHECK(fd_write_all(fd, packed.data, packed.len) == 0);
	} else {
		CHECK(fd_write_all(fd, tar.data, tar.len) == 0);
	}
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static char diff[DIGEST_MAX], chain[DIGEST_MAX];

/* As the next layer above what CHAIN is. */
static int unpack(struct layers *l, const char *parent, const char *kind, const char *want)
{
	_cleanup_close_ int fd = finish(kind);
	char below[DIGEST_MAX] = "";
	int r;

	if (parent)
		memcpy(below, parent, sizeof(below));
	r = layer_unpack(l, *below ? below : NULL, &(struct layer_input){ .fd = fd }, want, diff, chain, &err);
	if (r < 0 && !want)
		printf("# %s\n", err.msg);
	return r;
}

/* "dir/ dir/file=text link>target" of the tree FD, sorted. */
static void list(int fd, const char *prefix, struct buf *b)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "new", "sub", "x" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *path = path_join(prefix, names[i]);
		char data[64] = "";
		struct stat st;

		if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			int below = openat(fd, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			buf_printf(b, "%s/ ", path + 1);
			list(below, path, b);
			fd_close(below);
		} else if (S_ISLNK(st.st_mode)) {
			CHECK(readlinkat(fd, names[i], data, sizeof(data) - 1) > 0);
			buf_printf(b, "%s>%s ", path + 1, data);
		} else {
			int file = openat(fd, names[i], O_RDONLY | O_CLOEXEC);

			CHECK(fd_read_full(file, data, sizeof(data) - 1) >= 0);
			fd_close(file);
			buf_printf(b, "%s=%s ", path + 1, data);
		}
	}
}

static const char *seen(struct layers *l, const char *id, const char *of)
{
	static struct buf b;
	int fd = rootfs_open(l, id, of, true, &err);

	if (fd < 0)
		printf("# %s\n", err.msg);
	CHECK(fd >= 0);
	buf_reset(&b);
	list(fd, "", &b);
	fd_close(fd);
	return buf_str(&b);
}

/* --- layers ----------------------------------------------------------------------------------------------------------- */

static void lowest(struct layers *l, const char *kind)
{
	begin();
	add('5', "a/", "");
	add('0', "a/b", "one");
	add('0', "a/c", "two");
	add('5', "a/d/", "");
	add('0', "a/d/e", "deep");
	add('2', "x", "a/b");
	CHECK(unpack(l, NULL, kind, NULL) == 0);
}

static void each_driver(void (*fn)(struct layers *l))
{
	NEED_ROOT();
	for (size_t i = 0; i < ARRAY_SIZE(driver_names); i++) {
		struct layers *l;

		setup();
		l = open_layers(driver_names[i]);
		printf("# %s\n", driver_names[i]);
		fn(l);
		layers_free(l);
	}
}

static void check_unpack(struct layers *l)
{
	static const char *const kinds[] = { NULL, "gzip", "zstd" };
	char first[DIGEST_MAX] = "", is[DIGEST_MAX];
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (*first)
			CHECK(layers_remove(l, first, &err) == 0 && !layers_have(l, first));
		lowest(l, kinds[i]);
		digest_of(tar.data, tar.len, is);
		CHECK_STR(diff, is);
		CHECK_STR(chain, is);
		CHECK(layers_have(l, chain));
		CHECK_STR(seen(l, NULL, chain), "a/ a/b=one a/c=two a/d/ a/d/e=deep x>a/b ");
		memcpy(first, chain, sizeof(first));
	}
	CHECK(layer_bytes(l, chain, &n, &err) == 0 && n == 10);
	CHECK(layer_size(l, chain, &n, &err) == 0 && n >= 3 * 512);
	/* Again: it is there, and what is given is not even read. */
	CHECK(layer_unpack(l, NULL, &(struct layer_input){ .fd = -1 }, chain, diff, chain, &err) == 0);
}

TEST(a_layer_of_each_kind)
{
	each_driver(check_unpack);
}

/* As the machine would be after a crash: the layer's mark is of another boot. */
static void check_crash(struct layers *l)
{
	_cleanup_free_ char *dir = path_join("t/layers", layers_driver(l)), *info = NULL, *tree = NULL;
	_cleanup_strv_ struct strv diffs = STRV_INIT;
	char text[600], mark[700];
	ssize_t n;

	begin();
	add('0', "a", "content");
	CHECK(unpack(l, NULL, "none", NULL) == 0 && layers_have(l, chain));
	CHECK(asprintf(&info, "%s/%s/info", dir, digest_hex(chain)) > 0);
	CHECK(asprintf(&tree, "%s/%s/t/a", dir, digest_hex(chain)) > 0);
	n = readlink(info, text, sizeof(text) - 1);
	CHECK(n > 0);
	text[n > 0 ? n : 0] = '\0';
	*strrchr(text, ' ') = '\0';
	snprintf(mark, sizeof(mark), "%s 00000000-0000-0000-0000-000000000000", text);
	CHECK(unlink(info) == 0 && symlink(mark, info) == 0 && truncate(tree, 0) == 0);
	CHECK(!layers_have(l, chain));
	begin();
	add('0', "a", "content");
	CHECK(unpack(l, NULL, "none", NULL) == 0 && layers_have(l, chain));
	CHECK_STR(seen(l, NULL, chain), "a=content ");
	n = readlink(info, mark, sizeof(mark) - 1);
	CHECK(n > (ssize_t)strlen(text) && strncmp(mark, text, strlen(text)) == 0);
	/* On the disk: no boot makes a difference. */
	CHECK(strv_push(&diffs, diff, &err) == 0 && layers_settle(l, &diffs, &err) == 0);
	n = readlink(info, mark, sizeof(mark) - 1);
	CHECK(n == (ssize_t)strlen(text) && memcmp(mark, text, (size_t)n) == 0 && layers_have(l, chain));
	CHECK(layers_settle(l, &diffs, &err) == 0);
}

TEST(what_was_not_on_the_disk_is_unpacked_again)
{
	each_driver(check_crash);
}

/* DATA of LEN bytes, each twice, the last CUT off; whether it is read as PLAIN, twice. */
static int read_twice(const void *data, size_t len, size_t cut, const char *plain)
{
	_cleanup_close_ int fd = memfd_create("packed", MFD_CLOEXEC);
	_cleanup_(inflate_freep) struct inflate *z = NULL;
	char got[4096];
	ssize_t n;

	CHECK(fd_write_all(fd, data, len) == 0 && fd_write_all(fd, data, len) == 0);
	CHECK(ftruncate(fd, (off_t)(2 * len - cut)) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(inflate_open(fd, &z, &err) == 0);
	n = inflate_read(z, got, sizeof(got), &err);
	if (n < 0)
		return (int)n;
	CHECK((size_t)n == 2 * strlen(plain) && memcmp(got, plain, (size_t)n / 2) == 0);
	CHECK(inflate_read(z, got, sizeof(got), &err) == 0);
	return 0;
}

TEST(xz_and_bzip2_are_read)
{
	static const char plain[] = "what is packed, what is packed, what is packed";
	char in[sizeof(plain)];
	uint8_t xz[512];
	char bz[512];
	size_t n = 0;
	unsigned m = sizeof(bz);

	memcpy(in, plain, sizeof(in));
	CHECK(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, (const uint8_t *)in, sizeof(in) - 1, xz, &n,
				      sizeof(xz)) == LZMA_OK);
	CHECK(read_twice(xz, n, 0, plain) == 0);
	CHECK(read_twice(xz, n, 10, plain) == -EBADMSG);
	xz[n / 2] ^= 0xff;
	CHECK(read_twice(xz, n, 0, plain) == -EBADMSG);
	CHECK(BZ2_bzBuffToBuffCompress(bz, &m, in, sizeof(in) - 1, 1, 0, 0) == BZ_OK);
	CHECK(read_twice(bz, m, 0, plain) == 0);
	CHECK(read_twice(bz, m, 5, plain) == -EBADMSG);
	bz[m / 2] ^= 0x55;
	CHECK(read_twice(bz, m, 0, plain) == -EBADMSG);
}

static int count_entries(const char *dir)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_free_ char *text = NULL;
	char *argv[] = { (char *)(uintptr_t) "ls", (char *)(uintptr_t) "-A", (char *)(uintptr_t)dir, NULL };

	CHECK(spawn_run(&(struct spawn){ .path = "ls", .argv = argv }, &text, &err) == 0);
	CHECK(strv_split(&names, text, "\n", &err) == 0);
	return (int)names.n;
}

static void check_wrong(struct layers *l)
{
	_cleanup_free_ char *dir = path_join("t/layers", layers_driver(l));
	int before = count_entries(dir), fd;
	char bytes[200];

	begin();
	add('0', "a", "x");
	CHECK(unpack(l, NULL, "gzip", NONE) == -EBADMSG && !layers_have(l, NONE));
	CHECK(count_entries(dir) == before);
	/* Ends within a member; the data is not what the checksum says; something follows. */
	begin();
	add('0', "a", "x");
	fd = finish("gzip");
	CHECK(pread(fd, bytes, sizeof(bytes), 0) > 60 && ftruncate(fd, 60) == 0);
	CHECK(layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, NULL, diff, chain, &err) == -EBADMSG);
	CHECK(strstr(err.msg, "gzip") && count_entries(dir) == before);
	fd_close(fd);
	begin();
	add('0', "a", "x");
	fd = finish("gzip");
	CHECK(lseek(fd, 0, SEEK_END) > 0 && fd_write_all(fd, "more", 4) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, NULL, diff, chain, &err) == -EBADMSG);
	fd_close(fd);
	fd = memfd_create("other", MFD_CLOEXEC);
	CHECK(fd_write_all(fd, "\x04\x22\x4d\x18...", 7) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, NULL, diff, chain, &err) == -EOPNOTSUPP);
	fd_close(fd);
	CHECK(count_entries(dir) == before);
}

TEST(a_bad_layer_leaves_nothing)
{
	each_driver(check_wrong);
}

/* Members one after the other, as pigz and stargz write them. */
static void check_members(struct layers *l)
{
	_cleanup_(deflate_freep) struct deflate *z = NULL;
	_cleanup_buf_ struct buf packed = BUF_INIT;
	struct pack_sink sink = { to_buf, &packed };
	int fd = memfd_create("members", MFD_CLOEXEC);

	begin();
	add('0', "a", "x");
	add('0', "b", "y");
	CHECK(tar_end(out, &err) == 0);
	for (size_t at = 0; at < tar.len; at += 512) {
		z = deflate_free(z);
		CHECK(deflate_new("gzip", 0, &sink, &z, &err) == 0 && deflate_add(z, tar.data + at, 512, &err) == 0);
		CHECK(deflate_end(z, &err) == 0);
	}
	CHECK(fd_write_all(fd, packed.data, packed.len) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK(layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, NULL, diff, chain, &err) == 0);
	fd_close(fd);
	CHECK_STR(seen(l, NULL, chain), "a=x b=y ");
}

TEST(gzip_of_many_members)
{
	each_driver(check_members);
}

static void check_whiteouts(struct layers *l)
{
	char base[DIGEST_MAX];

	lowest(l, NULL);
	memcpy(base, chain, sizeof(base));
	begin();
	add('5', "a/", "");
	add('0', "a/.wh.b", "");
	add('0', "a/new", "n");
	add('0', ".wh.x", "");
	CHECK(unpack(l, base, "gzip", NULL) == 0);
	CHECK_STR(seen(l, NULL, chain), "a/ a/c=two a/d/ a/d/e=deep a/new=n ");
	/* An opaque folder, with what this layer has in it before and after. */
	begin();
	add('5', "a/", "");
	add('0', "a/x", "before");
	add('0', "a/.wh..wh..opq", "");
	add('5', "a/d/", "");
	add('0', "a/d/new", "after");
	CHECK(unpack(l, base, NULL, NULL) == 0);
	CHECK_STR(seen(l, NULL, chain), "a/ a/d/ a/d/new=after a/x=before x>a/b ");
	/* Removed and made again in one layer, in either order, as a file and as a folder. */
	begin();
	add('0', ".wh.a", "");
	add('5', "a/", "");
	add('0', "a/new", "n");
	add('2', "x", "y");
	add('0', ".wh.x", "");
	CHECK(unpack(l, base, NULL, NULL) == 0);
	CHECK_STR(seen(l, NULL, chain), "a/ a/new=n x>y ");
	begin();
	add('5', "a/", "");
	add('5', "a/d/", "");
	add('0', "a/d/x", "x");
	add('0', "a/.wh.d", "");
	add('0', ".wh..wh.plnk", "");
	CHECK(unpack(l, base, NULL, NULL) == 0);
	CHECK_STR(seen(l, NULL, chain), "a/ a/b=one a/c=two a/d/ a/d/x=x x>a/b ");
	begin();
	add('0', "a/.wh..", "");
	CHECK(unpack(l, base, NULL, NONE) == -EPERM);
	begin();
	add('0', ".wh..wh..opq", "");
	CHECK(unpack(l, base, NULL, NONE) == -EINVAL);
}

TEST(whiteouts_hide_what_is_below_and_nothing_else)
{
	each_driver(check_whiteouts);
}

/* --- roots ------------------------------------------------------------------------------------------------------------ */

static int note_change(void *arg, enum change kind, const char *path)
{
	buf_printf(arg, "%c%s ", "CAD"[kind], path);
	return 0;
}

static const char *changes(struct layers *l, const char *id)
{
	static struct buf b;

	buf_reset(&b);
	CHECK(rootfs_changes(l, id, note_change, &b, &err) == 0);
	return buf_str(&b);
}

static void put(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	fd_close(fd);
}

static void check_root(struct layers *l)
{
	_cleanup_(blobs_freep) struct blobs *b = NULL;
	_cleanup_free_ char *ref = NULL, *again = NULL;
	struct descriptor d = { 0 }, same = { 0 };
	char base[DIGEST_MAX], packed[DIGEST_MAX], other[DIGEST_MAX];
	uint64_t n;
	int fd;

	lowest(l, NULL);
	memcpy(base, chain, sizeof(base));
	CHECK(rootfs_make(l, "one", base, &ref, &err) == 0);
	CHECK(rootfs_make(l, "one", base, &again, &err) == -EEXIST);
	CHECK(rootfs_ref(l, "one", &again, &err) == 0);
	CHECK_STR(ref, again);
	CHECK_STR(changes(l, "one"), "");
	fd = rootfs_open(l, "one", NULL, false, &err);
	CHECK(fd >= 0 && faccessat(fd, "etc/hosts", F_OK, 0) == 0 && faccessat(fd, "dev/shm", F_OK, 0) == 0);
	put(fd, "a/b", "changed");
	put(fd, "new", "n");
	CHECK(unlinkat(fd, "a/d/e", 0) == 0 && unlinkat(fd, "x", 0) == 0);
	CHECK(mkdirat(fd, "sub", 0755) == 0 && linkat(fd, "new", fd, "sub/x", 0) == 0);
	CHECK(mkdirat(fd, "sub/a", 0700) == 0 && symlinkat("..", fd, "sub/b") == 0);
	fd_close(fd);
	CHECK_STR(changes(l, "one"), "C/a C/a/b C/a/d D/a/d/e A/new A/sub A/sub/a A/sub/b A/sub/x D/x ");
	CHECK_STR(seen(l, "one", NULL), "a/ a/b=changed a/c=two a/d/ new=n sub/ sub/a/ sub/b>.. sub/x=n ");
	CHECK(rootfs_size(l, "one", &n, &err) == 0 && n == 9);
	/* Packed and unpacked again it is the same, and the same bytes each time. */
	CHECK(blobs_open("t/blobs", true, &b, &err) == 0);
	CHECK(pack_changes(l, "one", b, NULL, &d, packed, &err) == 0);
	CHECK(pack_changes(l, "one", b, NULL, &same, other, &err) == 0);
	CHECK_STR(d.digest, same.digest);
	CHECK_STR(packed, other);
	CHECK_STR(d.media_type, MT_OCI_LAYER_GZ);
	fd = blobs_fd(b, d.digest, &err);
	CHECK(layer_unpack(l, base, &(struct layer_input){ .fd = fd }, packed, diff, chain, &err) == 0);
	fd_close(fd);
	CHECK_STR(seen(l, NULL, chain), "a/ a/b=changed a/c=two a/d/ new=n sub/ sub/a/ sub/b>.. sub/x=n ");
	free(d.media_type);
	free(same.media_type);
	CHECK(rootfs_remove(l, "one", &err) == 0 && rootfs_remove(l, "one", &err) == 0);
	CHECK(rootfs_open(l, "one", NULL, true, &err) == -ENOENT && count_entries("t/layers/roots") == 0);
}

TEST(a_root_and_what_it_has_changed)
{
	each_driver(check_root);
}

static void check_replaced(struct layers *l)
{
	_cleanup_free_ char *ref = NULL;
	int fd;

	lowest(l, NULL);
	CHECK(rootfs_make(l, "one", chain, &ref, &err) == 0);
	fd = rootfs_open(l, "one", NULL, false, &err);
	CHECK(fd >= 0 && unlinkat(fd, "a/b", 0) == 0 && unlinkat(fd, "a/c", 0) == 0 && unlinkat(fd, "a/d/e", 0) == 0);
	CHECK(unlinkat(fd, "a/d", AT_REMOVEDIR) == 0 && unlinkat(fd, "a", AT_REMOVEDIR) == 0 &&
	      mkdirat(fd, "a", 0700) == 0);
	put(fd, "a/c", "again");
	CHECK(unlinkat(fd, "x", 0) == 0 && mkdirat(fd, "x", 0755) == 0);
	fd_close(fd);
	CHECK_STR(changes(l, "one"), "C/a D/a/b C/a/c D/a/d C/x ");
}

TEST(folders_that_were_replaced)
{
	each_driver(check_replaced);
}

static void check_empty(struct layers *l)
{
	_cleanup_free_ char *ref = NULL;
	int fd;

	CHECK(rootfs_make(l, "scratch", NULL, &ref, &err) == 0);
	fd = rootfs_open(l, "scratch", NULL, false, &err);
	CHECK(fd >= 0);
	put(fd, "a", "x");
	fd_close(fd);
	CHECK_STR(changes(l, "scratch"), "A/a ");
	CHECK(rootfs_make(l, "../x", NULL, &ref, &err) == -EINVAL && rootfs_make(l, ".x", NULL, &ref, &err) == -EINVAL);
	CHECK(rootfs_make(l, "x", NONE, &ref, &err) == -ENOENT);
	CHECK(rootfs_remove(l, "scratch", &err) == 0);
}

TEST(a_root_over_nothing)
{
	each_driver(check_empty);
}

/* As many as Docker allows. */
TEST(a_stack_of_127_layers)
{
	_cleanup_(layers_freep) struct layers *l = NULL;
	_cleanup_free_ char *ref = NULL;
	char last[DIGEST_MAX] = "", text[16];
	int fd;

	NEED_ROOT();
	setup();
	l = open_layers("overlay");
	for (int i = 0; i < 127; i++) {
		snprintf(text, sizeof(text), "%d", i);
		begin();
		add('0', i % 2 ? "a" : "b", text);
		CHECK(unpack(l, *last ? last : NULL, NULL, NULL) == 0);
		memcpy(last, chain, sizeof(last));
	}
	CHECK_STR(seen(l, NULL, chain), "a=125 b=126 ");
	CHECK(rootfs_make(l, "deep", chain, &ref, &err) == 0);
	CHECK_STR(seen(l, "deep", NULL), "a=125 b=126 ");
	/* As before Linux 6.7. */
	probe_mask(1u << PROBE_OVERLAY_APPEND);
	CHECK_STR(seen(l, NULL, chain), "a=125 b=126 ");
	CHECK_STR(seen(l, "deep", NULL), "a=125 b=126 ");
	fd = rootfs_open(l, "deep", NULL, false, &err);
	CHECK(fd >= 0);
	put(fd, "new", "n");
	fd_close(fd);
	probe_mask(0);
	CHECK_STR(changes(l, "deep"), "A/new ");
	CHECK(rootfs_remove(l, "deep", &err) == 0);
}

/* --- attacks and kills ------------------------------------------------------------------------------------------------ */

/* A layer that brings overlayfs's own attributes would have it look elsewhere in the layers. */
TEST(attributes_of_overlayfs_are_not_taken)
{
	static const char pax[] =
		"51 SCHILY.xattr.trusted.overlay.redirect=/a/secret\n41 SCHILY.xattr.trusted.overlay.opaque=y\n";
	_cleanup_(layers_freep) struct layers *l = NULL;
	_cleanup_free_ char *path = NULL;
	char v[32];

	NEED_ROOT();
	setup();
	l = open_layers("overlay");
	begin();
	CHECK(tar_put(out, &(struct tar_out){ .name = "x", .type = 'x', .size = strlen(pax) }, &err) == 0);
	buf_reset(&tar);
	begin();
	CHECK(tar_put(out, &(struct tar_out){ .name = "p", .type = '0', .size = strlen(pax) }, &err) == 0);
	CHECK(tar_put_data(out, pax, strlen(pax), &err) == 0);
	add('5', "a/", "");
	CHECK(tar_end(out, &err) == 0);
	/* The first entry becomes a pax header of the second. */
	tar.data[156] = 'x';
	snprintf(tar.data + 148, 8, "%06o", (unsigned)strtoul(tar.data + 148, NULL, 8) + ('x' - '0'));
	{
		_cleanup_close_ int fd = memfd_create("layer", MFD_CLOEXEC);

		CHECK(fd_write_all(fd, tar.data, tar.len) == 0 && lseek(fd, 0, SEEK_SET) == 0);
		if (layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, NULL, diff, chain, &err) < 0)
			printf("# %s\n", err.msg);
		CHECK(err.code == 0);
	}
	CHECK(asprintf(&path, "t/layers/overlay/%s/t/a", digest_hex(chain)) > 0);
	CHECK(getxattr(path, "trusted.overlay.redirect", v, sizeof(v)) < 0);
	CHECK(getxattr(path, "trusted.overlay.opaque", v, sizeof(v)) < 0);
}

/* Two at once: one unpacks, the other waits, and both have it. */
TEST(the_same_layer_twice_at_once)
{
	char is[DIGEST_MAX];
	int status, fd;

	NEED_ROOT();
	setup();
	layers_free(open_layers("overlay"));
	begin();
	for (int i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		add('0', name, "text");
	}
	fd = finish("gzip");
	digest_of(tar.data, tar.len, is);
	for (int i = 0; i < 4; i++)
		if (fork() == 0) {
			struct layers *l = open_layers("overlay");
			char path[32];

			snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			_exit(layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, is, diff, chain, &err) == 0 &&
					      layers_have(l, is)
				      ? 0
				      : 1);
		}
	while (wait(&status) > 0)
		CHECK(status == 0);
	fd_close(fd);
	CHECK(count_entries("t/layers/overlay") == 2); /* it, and the bottom */
}

/* Killed at any moment there is all of a layer or none; the next who comes finishes it, and a sweep leaves nothing. */
TEST(a_kill_while_unpacking)
{
	char is[DIGEST_MAX];
	int fd;

	NEED_ROOT();
	setup();
	begin();
	for (int i = 0; i < 2000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		add('0', name, "text");
	}
	fd = finish("gzip");
	digest_of(tar.data, tar.len, is);
	for (int i = 0; i < 12; i++) {
		_cleanup_(layers_freep) struct layers *l = NULL;
		uint64_t n = 0;
		pid_t pid = fork();

		if (pid == 0) {
			l = open_layers("overlay");
			_exit(layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, is, diff, chain, &err) < 0);
		}
		usleep((useconds_t)(i * 1500));
		kill(pid, SIGKILL);
		CHECK(waitpid(pid, NULL, 0) == pid && lseek(fd, 0, SEEK_SET) == 0);
		l = open_layers("overlay");
		if (layers_have(l, is))
			CHECK(layer_bytes(l, is, &n, &err) == 0 && n == 8000);
		if (i % 2)
			CHECK(layer_unpack(l, NULL, &(struct layer_input){ .fd = fd }, is, diff, chain, &err) == 0);
		CHECK(lseek(fd, 0, SEEK_SET) == 0 && layers_remove(l, is, &err) == 0 && layers_sweep(l, &err) == 0);
		CHECK(count_entries("t/layers/overlay") == 1);
	}
	fd_close(fd);
}
