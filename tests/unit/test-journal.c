/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "unit/test.h"

static char top[64];
static int dir = -EBADF;
static struct undo_ctx ctx;

static void begin(void)
{
	if (*top)
		tree_remove(AT_FDCWD, top, NULL);
	fd_close(dir);
	strcpy(top, "/tmp/creel-journal-test.XXXXXX");
	CHECK(mkdtemp(top));
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(dir >= 0);
	ctx = (struct undo_ctx){ .dirfd = dir, .id = "j" };
}

static void finish(void)
{
	tree_remove(AT_FDCWD, top, NULL);
	*top = '\0';
	dir = fd_close(dir);
}

static void put(const char *text)
{
	CHECK(file_replace(dir, "journal", text, strlen(text), 0600, false, NULL) == 0);
}

static char *get(void)
{
	static char text[4096];

	/* The reader cuts one newline; what counts is the lines. */
	return file_read_small(dir, "journal", text, sizeof(text)) < 0 ? NULL : text;
}

static const char *at(const char *name)
{
	static char path[4][128];
	static unsigned n;

	n = (n + 1) % 4;
	snprintf(path[n], sizeof(path[n]), "%s/%s", top, name);
	return path[n];
}

static void touch(const char *name)
{
	CHECK(file_replace(dir, name, "x", 1, 0600, false, NULL) == 0);
}

TEST(add_and_undo)
{
	int fd;

	begin();
	fd = journal_open(dir, NULL);
	CHECK(fd >= 0);
	CHECK(journal_add(fd, "file", at("a"), NULL) == 0);
	CHECK(journal_add(fd, "tree", at("t"), NULL) == 0);
	/* Written down first, made afterwards; B is never made. */
	CHECK(journal_add(fd, "file", at("b"), NULL) == 0);
	touch("a");
	CHECK(mkdirat(dir, "t", 0700) == 0 && mkdirat(dir, "t/deep", 0700) == 0);
	touch("t/deep/file");
	CHECK(journal_undo(&ctx, NULL) == 0);
	CHECK(!file_exists(dir, "a") && !file_exists(dir, "t") && !file_exists(dir, "journal"));
	/* Again: nothing to do is no failure. */
	CHECK(journal_undo(&ctx, NULL) == 0);
	fd_close(fd);
	finish();
}

/* One entry goes, the others stay, in order; only the first of two that are the same. */
TEST(find_and_drop)
{
	_cleanup_strv_ struct strv found = STRV_INIT;
	int fd;

	begin();
	CHECK(journal_find(dir, "net", &found, NULL) == 0 && found.n == 0);
	CHECK(journal_drop(dir, "net", "phys a", NULL) == 0 && !file_exists(dir, "journal"));
	fd = journal_open(dir, NULL);
	CHECK(journal_add(fd, "net", "phys a", NULL) == 0);
	CHECK(journal_add(fd, "netx", "phys a", NULL) == 0);
	CHECK(journal_add(fd, "net", "phys a", NULL) == 0);
	CHECK(journal_add(fd, "net", "phys b", NULL) == 0);
	fd_close(fd);
	CHECK(journal_find(dir, "net", &found, NULL) == 0 && found.n == 3 && streq(found.v[2], "phys b"));
	CHECK(journal_drop(dir, "net", "phys", NULL) == 0);
	CHECK(journal_drop(dir, "net", "phys a", NULL) == 0);
	CHECK(streq(get(), "netx phys a\nnet phys a\nnet phys b"));
	finish();
}

/* Without record and spec the hooks cannot ever be run: that is said in the log, and the entry does not stay. */
TEST(hooks_that_are_lost)
{
	begin();
	put("hooks j\nfile /nowhere/x\n");
	CHECK(journal_undo(&ctx, NULL) == 0 && !get());
	finish();
}

TEST(what_fails_stays_in_order)
{
	struct err e = { 0 };
	char text[512];

	begin();
	touch("gone");
	snprintf(text, sizeof(text), "first unknown\nfile %s\ntree /\nthird unknown\n", at("gone"));
	put(text);
	CHECK(journal_undo(&ctx, &e) < 0 && e.code < 0 && strstr(e.msg, "third"));
	CHECK(!file_exists(dir, "gone"));
	CHECK_STR(get(), "first unknown\ntree /\nthird unknown");
	/* And the same again, in the same order. */
	CHECK(journal_undo(&ctx, NULL) < 0);
	CHECK_STR(get(), "first unknown\ntree /\nthird unknown");
	finish();
}

/* What no start can have written is refused, however it came there. */
TEST(arguments_that_cannot_be_ours)
{
	static const char *const lines[] = { "tree /",	 "tree ",     "tree",		"tree relative", "cgroup ",
					     "cgroup /", "cgroup ..", "cgroup a/../..", "net nonsense" };

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s\n", lines[i]);
		put(text);
		CHECK(journal_undo(&ctx, NULL) < 0);
		CHECK_STR(get(), lines[i]);
	}
	finish();
}

/* A pid file's place may be a device by the time of the undo, or from the start. */
TEST(only_regular_files)
{
	struct stat st;
	char text[160];

	begin();
	CHECK(mkfifoat(dir, "pipe", 0600) == 0);
	snprintf(text, sizeof(text), "file %s\nfile relative\n", at("pipe"));
	put(text);
	CHECK(journal_undo(&ctx, NULL) == 0);
	CHECK(fstatat(dir, "pipe", &st, 0) == 0 && S_ISFIFO(st.st_mode));
	finish();
}

/* A line without its newline was never acted upon: the write was cut, and the operation comes after the write. */
TEST(torn_line)
{
	char text[200];
	_cleanup_buf_ struct buf b = BUF_INIT;
	unsigned n = 99;

	begin();
	touch("a");
	touch("b");
	snprintf(text, sizeof(text), "file %s\nfile %s", at("a"), at("b"));
	put(text);
	CHECK(journal_describe(dir, &b, &n, NULL) == 0 && n == 1);
	CHECK(journal_undo(&ctx, NULL) == 0);
	CHECK(!file_exists(dir, "a") && file_exists(dir, "b") && !file_exists(dir, "journal"));
	finish();
}

TEST(limits)
{
	char arg[1100];
	int fd;

	begin();
	fd = journal_open(dir, NULL);
	memset(arg, 'x', sizeof(arg));
	arg[sizeof(arg) - 1] = '\0';
	CHECK(journal_add(fd, "file", arg, NULL) == -E2BIG);
	CHECK(journal_add(fd, "file", "/a\nfile /etc/passwd", NULL) == -E2BIG);
	CHECK_STR(get(), "");
	fd_close(fd);
	finish();
}

TEST(describe)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	unsigned n = 99;

	begin();
	CHECK(journal_describe(dir, &b, &n, NULL) == 0 && n == 0 && b.len == 0);
	put("cgroup lxc.payload.c1\nfile /x y\nodd thing\n");
	CHECK(journal_describe(dir, &b, &n, NULL) == 0 && n == 3);
	CHECK_STR(buf_str(&b), "control group lxc.payload.c1\nfile /x y\nunknown thing\n");
	finish();
}

/* Every kind has its words, and none is another's prefix with a blank. */
TEST(kinds)
{
	for (const struct undo_kind *k = undo_kinds; k->name; k++) {
		CHECK(*k->name && k->what && *k->what && k->undo && !strchr(k->name, ' '));
		for (const struct undo_kind *o = undo_kinds; o != k; o++)
			CHECK(strcmp(o->name, k->name) != 0);
	}
}

/* Killed again and again in the middle of the undo: the next goes on, and at the end nothing is left. */
TEST(killed_in_the_middle)
{
	begin();
	for (int round = 0; round < 20; round++) {
		int fd = journal_open(dir, NULL), tries = 0;

		for (int i = 0; i < 60; i++) {
			char name[16];

			snprintf(name, sizeof(name), "d%d", i);
			CHECK(journal_add(fd, "tree", at(name), NULL) == 0);
			CHECK(mkdirat(dir, name, 0700) == 0);
		}
		fd_close(fd);
		do {
			pid_t pid = fork();

			if (pid == 0)
				_exit(journal_undo(&ctx, NULL) < 0);
			usleep((useconds_t)(round * 40));
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		} while (file_exists(dir, "journal") && ++tries < 3);
		CHECK(journal_undo(&ctx, NULL) == 0 && !file_exists(dir, "journal"));
		for (int i = 0; i < 60; i++) {
			char name[16];

			snprintf(name, sizeof(name), "d%d", i);
			CHECK(!file_exists(dir, name));
		}
	}
	finish();
}
