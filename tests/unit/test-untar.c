/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unpacking of archives into roots. Hostile ones are made here, header by header, as no tool would make them; the formats
 * are compared with what the host's tar writes. Named after what went wrong elsewhere: CVE-2014-9356, CVE-2014-6407,
 * CVE-2026-17106 (links lead out of the root), CVE-2021-32760 (mode of a file outside), CVE-2025-58183 (sparse maps).
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "store/untar.h"
#include "unit/test.h"

static char top[] = "/var/tmp/creel-untar-XXXXXX";
static char archive[64 << 10];
static size_t archive_len;
static struct err err;

static void remove_all(void)
{
	if (tree_remove(AT_FDCWD, top, &err) < 0)
		printf("# %s\n", err.msg);
}

/* TOP/root, empty, and TOP/outside, a file that nobody may touch. */
static void setup(void)
{
	static bool made;
	int fd;

	umask(022);
	if (!made && (!mkdtemp(top) || atexit(remove_all) != 0))
		abort();
	made = true;
	if (chdir(top) < 0 || tree_remove(AT_FDCWD, "root", &err) < 0 || tree_remove(AT_FDCWD, "outside", &err) < 0 ||
	    mkdir("root", 0755) < 0 || mkdir("outside", 0755) < 0)
		abort();
	fd = open("outside/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || fd_write_all(fd, "safe", 4) < 0)
		abort();
	fd_close(fd);
	archive_len = 0;
	err = (struct err){ 0 };
}

static void number(char *to, size_t n, unsigned long v)
{
	to[n - 1] = '\0';
	for (size_t i = n - 1; i-- > 0; v >>= 3)
		to[i] = (char)('0' + (v & 7));
}

/* One header with its data behind it. */
static char *add(char type, const char *name, const char *link, const char *data, size_t len)
{
	char *h = archive + archive_len;
	unsigned sum = 0;

	if (archive_len + 1024 + len > sizeof(archive))
		abort();
	memset(h, 0, 512);
	memcpy(h, name, strlen(name) < 100 ? strlen(name) : 100);
	number(h + 100, 8, type == '5' ? 0755 : 0644);
	number(h + 108, 8, geteuid());
	number(h + 116, 8, getegid());
	number(h + 124, 12, len);
	number(h + 136, 12, 1000000000);
	h[156] = type;
	memcpy(h + 157, link, strlen(link) < 100 ? strlen(link) : 100);
	memcpy(h + 257, "ustar\00000", 8);
	memset(h + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	number(h + 148, 7, sum);
	archive_len += 512;
	if (len) {
		memset(archive + archive_len, 0, (len + 511) / 512 * 512);
		memcpy(archive + archive_len, data, len);
		archive_len += (len + 511) / 512 * 512;
	}
	return h;
}

static void file(const char *name, const char *text)
{
	add('0', name, "", text, strlen(text));
}

static void sum_again(char *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	number(h + 148, 7, sum);
}

static int unpack_with(const struct untar_opts *o)
{
	_cleanup_close_ int root = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int in = memfd_create("archive", MFD_CLOEXEC);
	int r;

	if (root < 0 || in < 0 || fd_write_all(in, archive, archive_len) < 0 || lseek(in, 0, SEEK_SET) < 0)
		abort();
	err = (struct err){ 0 };
	r = store_untar(root, in, o, &err);
	if (r < 0 && !err.msg[0])
		abort();
	archive_len = 0;
	return r;
}

static int unpack(void)
{
	archive_len += 1024;
	memset(archive + archive_len - 1024, 0, 1024);
	return unpack_with(&(struct untar_opts){ 0 });
}

static const char *text_of(const char *path)
{
	static char buf[256];

	return file_read_small(AT_FDCWD, path, buf, sizeof(buf)) < 0 ? NULL : buf;
}

static bool outside_is_safe(void)
{
	struct stat st;
	const char *text = text_of("outside/file");

	return text && strcmp(text, "safe") == 0 && stat("outside/file", &st) == 0 && (st.st_mode & 07777) == 0644 &&
	       st.st_nlink == 1 && !file_exists(AT_FDCWD, "outside/new");
}

TEST(plain_things)
{
	struct stat st;

	setup();
	add('5', "./", "", "", 0);
	add('5', "a/", "", "", 0);
	file("a/b", "hello");
	file("/abs", "absolute");
	file("deep/er/file", "parents made");
	add('2', "link", "a/b", "", 0);
	add('1', "hard", "a/b", "", 0);
	add('6', "fifo", "", "", 0);
	CHECK(unpack() == 0);
	CHECK_STR(text_of("root/a/b"), "hello");
	CHECK_STR(text_of("root/abs"), "absolute");
	CHECK_STR(text_of("root/deep/er/file"), "parents made");
	CHECK_STR(text_of("root/link"), "hello");
	CHECK(stat("root/hard", &st) == 0 && st.st_nlink == 2 && st.st_mtim.tv_sec == 1000000000);
	CHECK(stat("root/a", &st) == 0 && st.st_mtim.tv_sec == 1000000000);
	CHECK(stat("root/fifo", &st) == 0 && S_ISFIFO(st.st_mode));
}

TEST(names_that_climb_are_refused)
{
	static const char *const names[] = { "../outside/new", "a/../../outside/new", "/../outside/new", "..", "a/.." };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		setup();
		file(names[i], "evil");
		CHECK(unpack() == -EPERM);
		CHECK(outside_is_safe());
	}
}

TEST(links_then_files_through_them)
{
	char absolute[128];

	setup();
	snprintf(absolute, sizeof(absolute), "%s/outside", top);
	add('2', "abs", absolute, "", 0);
	add('2', "rel", "../outside", "", 0);
	add('2', "deep", "../../../../../../../../..", "", 0);
	file("rel/file", "evil");
	file("rel/new", "evil");
	(void)unpack();
	CHECK(outside_is_safe());
	/* Links of an earlier archive are no better. A link that leads nowhere inside is no folder to write to. */
	file("abs/new", "evil");
	(void)unpack();
	file("abs/file", "evil");
	(void)unpack();
	snprintf(absolute, sizeof(absolute), "deep%s/outside/new", top);
	file(absolute, "evil");
	(void)unpack();
	CHECK(outside_is_safe());
	/* ".." of the link stops at the root, where there may be such a folder. */
	add('5', "outside", "", "", 0);
	file("rel/new", "inside");
	CHECK(unpack() == 0);
	CHECK_STR(text_of("root/outside/new"), "inside");
	CHECK(outside_is_safe());
}

TEST(what_stands_at_a_name_is_replaced)
{
	char absolute[128];
	struct stat st;

	setup();
	snprintf(absolute, sizeof(absolute), "%s/outside/file", top);
	add('2', "file", absolute, "", 0);
	file("file", "new");
	add('2', "dir", absolute, "", 0);
	add('5', "dir", "", "", 0);
	add('5', "gone", "", "", 0);
	file("gone/child", "x");
	file("gone", "a file now");
	CHECK(unpack() == 0);
	CHECK_STR(text_of("root/file"), "new");
	CHECK_STR(text_of("root/gone"), "a file now");
	CHECK(lstat("root/file", &st) == 0 && S_ISREG(st.st_mode));
	CHECK(lstat("root/dir", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(outside_is_safe());
}

TEST(hard_links_stay_inside)
{
	char absolute[128];
	struct stat st;

	setup();
	snprintf(absolute, sizeof(absolute), "%s/outside/file", top);
	add('1', "hard", absolute, "", 0);
	CHECK(unpack() < 0);
	add('1', "hard", "../outside/file", "", 0);
	CHECK(unpack() == -EPERM);
	/* A hard link to a link is one to the link itself, and what is written later replaces it. */
	add('2', "link", absolute, "", 0);
	add('1', "hard", "link", "", 0);
	file("hard", "evil");
	CHECK(unpack() == 0);
	CHECK(lstat("root/hard", &st) == 0 && S_ISREG(st.st_mode));
	/* Through a folder that is a link. */
	snprintf(absolute, sizeof(absolute), "%s/outside", top);
	add('2', "d", absolute, "", 0);
	add('1', "hard2", "d/file", "", 0);
	CHECK(unpack() < 0);
	/* To itself: nothing is lost. */
	file("self", "kept");
	add('1', "self", "self", "", 0);
	CHECK(unpack() == 0);
	CHECK_STR(text_of("root/self"), "kept");
	CHECK(outside_is_safe());
}

TEST(damaged_archives_are_refused)
{
	char *h;

	setup();
	file("whole", "data");
	archive_len -= 100;
	CHECK(unpack_with(&(struct untar_opts){ 0 }) == -EBADMSG);
	file("sum", "data");
	archive[0] = 'x';
	CHECK(unpack() == -EBADMSG);
	archive_len = 0;
	CHECK(unpack_with(&(struct untar_opts){ 0 }) == -EBADMSG);
	file("odd", "");
	archive[156] = 'Z';
	sum_again(archive);
	CHECK(unpack() == -EINVAL);
	add('x', "pax", "", "999 path=x\n", 11);
	file("y", "");
	CHECK(unpack() == -EBADMSG);
	add('x', "pax", "", "20 path=../outside/y\n", 21);
	CHECK(unpack() == -EBADMSG);
	add('x', "pax", "", "13 size=-512\n", 13);
	file("y", "");
	CHECK(unpack() == -EBADMSG);
	/* A size that nobody has room for is not believed before it has come. */
	h = add('0', "huge", "", "", 0);
	memset(h + 124, '7', 11);
	sum_again(h);
	CHECK(unpack_with(&(struct untar_opts){ 0 }) == -EBADMSG);
	/* A long name longer than any name. */
	h = add('L', "././@LongLink", "", "", 0);
	memset(h + 124, '7', 11);
	sum_again(h);
	CHECK(unpack_with(&(struct untar_opts){ 0 }) == -EBADMSG);
}

TEST(sparse_maps_are_bounded)
{
	static const char map[] = "99999999\n";
	static const char pax[] = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n29 GNU.sparse.realsize=1024\n";
	static const char wild[] = "1\n5000\n5000\n";
	char block[512] = "";

	setup();
	memcpy(block, map, sizeof(map));
	add('x', "pax", "", pax, sizeof(pax) - 1);
	add('0', "sparse", "", block, sizeof(block));
	CHECK(unpack() == -EBADMSG);
	memset(block, 0, sizeof(block));
	memcpy(block, wild, sizeof(wild));
	add('x', "pax", "", pax, sizeof(pax) - 1);
	add('0', "sparse", "", block, sizeof(block));
	CHECK(unpack() == -EBADMSG);
}

TEST(whiteouts_remove_what_is_below)
{
	setup();
	file("dir/old", "below");
	file("dir/kept", "below");
	file("opaque/old", "below");
	file("gone", "below");
	CHECK(unpack() == 0);
	for (int pass = 0; pass < 2; pass++) {
		file("opaque/new", "above");
		file("opaque/.wh..wh..opq", "");
		file("dir/.wh.old", "");
		file(".wh.gone", "");
		file("none/.wh.such", "");
		CHECK(unpack_with(&(struct untar_opts){ .whiteouts = pass ? UNTAR_LAYER : UNTAR_REMOVE }) == 0);
	}
	CHECK(!file_exists(AT_FDCWD, "root/dir/old") && !file_exists(AT_FDCWD, "root/gone"));
	CHECK(!file_exists(AT_FDCWD, "root/opaque/old") && !file_exists(AT_FDCWD, "root/none"));
	CHECK(!file_exists(AT_FDCWD, "root/dir/.wh.old"));
	CHECK_STR(text_of("root/dir/kept"), "below");
	CHECK_STR(text_of("root/opaque/new"), "above");
	/* Whiteouts that would remove the root, or something outside of it. */
	file(".wh..", "");
	CHECK(unpack_with(&(struct untar_opts){ .whiteouts = UNTAR_REMOVE }) == -EPERM);
	file(".wh...", "");
	CHECK(unpack_with(&(struct untar_opts){ .whiteouts = UNTAR_REMOVE }) == -EPERM);
	file(".wh.", "");
	CHECK(unpack_with(&(struct untar_opts){ .whiteouts = UNTAR_REMOVE }) == -EPERM);
	file(".wh..wh..opq", "");
	CHECK(unpack_with(&(struct untar_opts){ .whiteouts = UNTAR_REMOVE }) == -EINVAL);
	add('2', "out", "../outside", "", 0);
	CHECK(unpack() == 0);
	file("out/.wh.file", "");
	CHECK(unpack_with(&(struct untar_opts){ .whiteouts = UNTAR_REMOVE }) == 0);
	CHECK(outside_is_safe());
}

TEST(options_leave_things_out)
{
	char *patterns[] = { (char[]){ "dev/*" }, (char[]){ "secret" }, NULL };

	setup();
	file("top/dev/null", "");
	file("top/secret/file", "");
	add('2', "top/link", "x", "", 0);
	file("top/kept", "yes");
	file("short", "");
	CHECK(unpack_with(&(struct untar_opts){ .strip = 1, .files_only = true, .exclude = patterns }) == 0);
	CHECK_STR(text_of("root/kept"), "yes");
	CHECK(!file_exists(AT_FDCWD, "root/dev/null") && !file_exists(AT_FDCWD, "root/secret"));
	CHECK(!file_exists(AT_FDCWD, "root/link") && !file_exists(AT_FDCWD, "root/short"));
}

/* What the host's tar writes is what it was, in each of its formats. */
TEST(formats_of_tar)
{
	static const char *const formats[] = { "--format=gnu", "--format=gnu -S", "--format=posix",
					       "--format=posix -S --xattrs", "--format=v7" };

	setup();
	if (system("command -v tar >/dev/null") != 0)
		SKIP("no tar here");
	CHECK(system("rm -rf src && mkdir -p src/a && cd src && seq 40000 >a/seq && ln a/seq a/hard && ln -s ../x "
		     "a/link && "
		     "truncate -s 3M a/sparse && for i in 0 100 200 300 500; do printf x | dd of=a/sparse bs=1 "
		     "seek=$((i * 5000)) conv=notrunc 2>/dev/null; done && chmod 2750 a") == 0);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		_cleanup_close_ int root = -EBADF, in = -EBADF;
		char command[512];

		snprintf(command, sizeof(command), "rm -rf root && mkdir root && tar %s -C src -cf x.tar .",
			 formats[i]);
		CHECK(system(command) == 0);
		root = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		in = open("x.tar", O_RDONLY | O_CLOEXEC);
		CHECK(store_untar(root, in, &(struct untar_opts){ 0 }, &err) == 0);
		CHECK(system("diff -r --no-dereference src root && [ root/a/seq -ef root/a/hard ] && "
			     "[ \"$(stat -c %a root/a)\" = 2750 ]") == 0);
		if (strstr(formats[i], "-S"))
			CHECK(system("[ $(du -k root/a/sparse | cut -f1) -lt 1000 ]") == 0);
	}
	/* A long name, which gnu and posix each write their own way. */
	for (size_t i = 0; i < 3; i += 2) {
		_cleanup_close_ int root = -EBADF, in = -EBADF;
		char command[512];

		snprintf(command, sizeof(command),
			 "rm -rf root src/* && mkdir root && d=src/$(printf 'y%%.0s' $(seq 120)) && mkdir $d && "
			 "echo long >$d/$(printf 'z%%.0s' $(seq 200)) && tar %s -C src -cf x.tar .",
			 formats[i]);
		CHECK(system(command) == 0);
		root = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		in = open("x.tar", O_RDONLY | O_CLOEXEC);
		CHECK(store_untar(root, in, &(struct untar_opts){ 0 }, &err) == 0);
		CHECK(system("diff -r src root") == 0);
	}
}
