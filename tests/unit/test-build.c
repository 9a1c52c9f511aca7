/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/build/apply.h"
#include "image/build/inner.h"
#include "image/build/tree.h"
#include "unit/test.h"

static char dir[] = "/tmp/creel-test-build-XXXXXX";

/* A fresh folder with SRC and DST in it; removed at the next call and by the last test. */
static void fresh(int *src, int *dst)
{
	if (strstr(dir, "XXXXXX"))
		CHECK(mkdtemp(dir));
	tree_remove(AT_FDCWD, dir, NULL);
	CHECK(mkdir(dir, 0755) == 0);
	CHECK(chdir(dir) == 0 && mkdir("src", 0755) == 0 && mkdir("dst", 0755) == 0);
	*src = open("src", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*dst = open("dst", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(*src >= 0 && *dst >= 0);
}

static void put(const char *path, const char *text, mode_t mode)
{
	CHECK(file_replace(AT_FDCWD, path, text, strlen(text), mode, false, NULL) == 0);
	CHECK(chmod(path, mode) == 0);
}

static void hash(const struct tree_source *s, const char *path, char ret[static DIGEST_MAX])
{
	struct hasher *h = NULL;

	CHECK(hasher_new(NULL, &h, NULL) == 0 && tree_hash(s, path, NULL, h, NULL) == 0);
	hasher_end(h, ret);
	hasher_free(h);
}

TEST(copies_take_what_they_should)
{
	_cleanup_ignore_ struct ignore ignore = { 0 }, exclude = { 0 };
	struct tree_copy o = { .uid = -1, .gid = -1, .exclude = &exclude };
	struct tree_source s = { .ignore = &ignore };
	int src, dst;
	struct stat st;

	fresh(&src, &dst);
	s.root_fd = src;
	CHECK(mkdir("src/d", 0750) == 0 && mkdir("src/d/e", 0700) == 0);
	put("src/d/a.txt", "a", 0640);
	put("src/d/b.o", "b", 0644);
	put("src/d/e/secret", "s", 0600);
	put("src/d/e/keep", "k", 0600);
	put("src/d/no.md", "n", 0600);
	CHECK(symlink("/etc/passwd", "src/d/link") == 0);
	CHECK(ignore_parse(&ignore, "d/e\n!d/e/keep\n", 14, NULL) == 0 && ignore_add(&exclude, "*.md", NULL) == 0);
	CHECK(tree_copy(&s, "d", dst, "/to/here", false, &o, NULL) == 0);
	CHECK(stat("dst/to/here/a.txt", &st) == 0 && (st.st_mode & 07777) == 0640);
	CHECK(stat("dst/to/here/b.o", &st) == 0 && stat("dst/to/here/e/keep", &st) == 0);
	CHECK(lstat("dst/to/here/link", &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(access("dst/to/here/e/secret", F_OK) < 0 && access("dst/to/here/no.md", F_OK) < 0);
	/* A file into a folder, and by a name of its own; modes in words. */
	o = (struct tree_copy){ .uid = -1, .gid = -1, .chmod = "u=rw,go=r" };
	CHECK(tree_copy(&s, "d/a.txt", dst, "/to", true, &o, NULL) == 0 && stat("dst/to/a.txt", &st) == 0);
	CHECK((st.st_mode & 07777) == 0644);
	CHECK(tree_copy(&s, "d/a.txt", dst, "/to/new/name", false, &o, NULL) == 0 && stat("dst/to/new/name", &st) == 0);
	o.parents = true;
	CHECK(tree_copy(&s, "d/a.txt", dst, "/p", true, &o, NULL) == 0 && stat("dst/p/d/a.txt", &st) == 0);
	close(src);
	close(dst);
}

TEST(links_lead_nowhere_outside)
{
	const struct tree_copy o = { .uid = -1, .gid = -1 };
	struct tree_source s = { 0 };
	struct err e = { 0 };
	int src, dst;
	struct stat st;

	fresh(&src, &dst);
	s.root_fd = src;
	put("src/f", "new", 0644);
	put("outside", "old", 0644);
	CHECK(mkdir("src/etc", 0755) == 0);
	put("src/etc/x", "mine", 0644);
	/* In the destination: an absolute link out of it, and one in place of the file. */
	CHECK(symlink(dir, "dst/out") == 0 && symlink("../outside", "dst/f") == 0);
	CHECK(tree_copy(&s, "f", dst, "/f", false, &o, NULL) == 0);
	CHECK(lstat("dst/f", &st) == 0 && S_ISREG(st.st_mode) && stat("outside", &st) == 0 && st.st_size == 3);
	CHECK(tree_copy(&s, "f", dst, "/out", true, &o, NULL) == 0 && access("f", F_OK) < 0);
	/* In the source: what leads out of the context is looked up in it. */
	CHECK(symlink("/etc/x", "src/l") == 0 && symlink("../../outside", "src/up") == 0);
	CHECK(tree_copy(&s, "l", dst, "/l", false, &o, NULL) == 0 && stat("dst/l", &st) == 0 && st.st_size == 4);
	CHECK(tree_copy(&s, "up", dst, "/up", false, &o, &e) < 0 && e.msg[0]);
	/* A folder over a file, and a file over a folder. */
	CHECK(tree_copy(&s, "etc", dst, "/l", false, &o, &e) < 0 && strstr(e.msg, "non-directory"));
	CHECK(mkdir("dst/folder", 0755) == 0 && tree_copy(&s, "f", dst, "/folder", false, &o, &e) < 0);
	close(src);
	close(dst);
}

TEST(finds_by_patterns)
{
	_cleanup_ignore_ struct ignore ignore = { 0 };
	struct tree_source s = { .ignore = &ignore };
	struct strv found = STRV_INIT;
	struct err e = { 0 };
	int src, dst;

	fresh(&src, &dst);
	s.root_fd = src;
	put("src/b.c", "", 0644);
	put("src/a.c", "", 0644);
	put("src/c.h", "", 0644);
	CHECK(mkdir("src/d", 0755) == 0);
	put("src/d/e.c", "", 0644);
	CHECK(ignore_parse(&ignore, "b.c", 3, NULL) == 0);
	CHECK(tree_find(&s, "*.c", &found, NULL) == 0 && found.n == 1);
	CHECK(tree_find(&s, "./d/../[c-d]*", &found, NULL) == 0 && found.n == 3);
	CHECK_STR(found.v[1], "c.h");
	CHECK(tree_find(&s, "/d/*.c", &found, NULL) == 0 && found.n == 4);
	CHECK(tree_find(&s, "../../d", &found, NULL) == 0 && found.n == 5);
	CHECK_STR(found.v[4], "d");
	CHECK(tree_find(&s, "b.c", &found, &e) == -ENOENT && strstr(e.msg, "excluded by .dockerignore"));
	strv_done(&found);
	CHECK(tree_find(&s, "*.x", &found, &e) == 0 && found.n == 0);
	CHECK(mkdir("src/d/f", 0755) == 0);
	put("src/d/f/g.c", "", 0644);
	CHECK(tree_find(&s, "**/*.c", &found, NULL) == 0 && found.n == 3);
	CHECK_STR(found.v[2], "d/f/g.c");
	CHECK(tree_find(&s, "*/*.c", &found, NULL) == 0 && found.n == 4);
	CHECK(tree_find(&s, "[", &found, &e) == -EINVAL);
	strv_done(&found);
	close(src);
	close(dst);
}

TEST(digests_are_of_content)
{
	struct tree_source s = { 0 };
	char one[DIGEST_MAX], two[DIGEST_MAX];
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	int src, dst;

	fresh(&src, &dst);
	s.root_fd = src;
	put("src/a", "text", 0644);
	hash(&s, "", one);
	CHECK(utimensat(AT_FDCWD, "src/a", times, 0) == 0);
	hash(&s, "", two);
	CHECK_STR(one, two);
	CHECK(chmod("src/a", 0755) == 0);
	hash(&s, "", two);
	CHECK(!streq(one, two));
	put("src/a", "texT", 0644);
	hash(&s, "", two);
	CHECK(!streq(one, two));
	CHECK(rename("src/a", "src/b") == 0);
	put("src/b", "text", 0644);
	hash(&s, "", two);
	CHECK(!streq(one, two));
	close(src);
	close(dst);
	CHECK(chdir("/") == 0 && tree_remove(AT_FDCWD, dir, NULL) == 0);
}

TEST(modes_in_words)
{
	mode_t m;
	struct err e = { 0 };

	CHECK(tree_mode("4755", 0, false, &m, NULL) == 0 && m == 04755);
	CHECK(tree_mode("u=rwX,go=rX", 0640, false, &m, NULL) == 0 && m == 0644);
	CHECK(tree_mode("u=rwX,go=rX", 0640, true, &m, NULL) == 0 && m == 0755);
	CHECK(tree_mode("+x", 0644, false, &m, NULL) == 0 && m == 0755);
	CHECK(tree_mode("a-w,o-r", 0666, false, &m, NULL) == 0 && m == 0440);
	CHECK(tree_mode("u+s", 0755, false, &m, NULL) == 0 && m == 04755);
	CHECK(tree_mode("99", 0, false, &m, &e) < 0 && tree_mode("rw", 0, false, &m, &e) < 0 &&
	      tree_mode("u=q", 0, false, &m, &e) < 0);
}

static struct image_config cfg;

static int change(const char *line, struct err *e)
{
	char *const lines[] = { (char *)(uintptr_t)line, NULL };

	return config_changes(&cfg, lines, e);
}

TEST(changes_of_a_configuration)
{
	struct err e = { 0 };

	image_config_init(&cfg);
	CHECK(change("ENV A=1 B=\"2 3\"", NULL) == 0 && change("ENV C=$A-$B", NULL) == 0);
	CHECK_STR(strv_env_get(&cfg.config.env, "C"), "1-2 3");
	CHECK(change("CMD echo $A", NULL) == 0 && cfg.config.cmd.n == 3);
	CHECK_STR(cfg.config.cmd.v[2], "echo $A");
	CHECK(change("SHELL [\"/bin/ash\", \"-ec\"]\nENTRYPOINT x", NULL) == 0);
	CHECK_STR(cfg.config.entrypoint.v[0], "/bin/ash");
	CHECK(cfg.config.cmd.n == 0);
	CHECK(change("EXPOSE 80 53/udp 8000-8002 80/tcp", NULL) == 0 && cfg.config.exposed_ports.n == 5);
	CHECK(change("WORKDIR a", NULL) == 0 && change("WORKDIR ../b/", NULL) == 0);
	CHECK_STR(cfg.config.working_dir, "/b");
	CHECK(change("LABEL x=y", NULL) == 0 && change("USER u:g", NULL) == 0 && change("VOLUME /v /v", NULL) == 0);
	CHECK(cfg.config.volumes.n == 1);
	CHECK(change("STOPSIGNAL SIGRTMIN+3", NULL) == 0 && change("STOPSIGNAL quit", NULL) == 0);
	CHECK(change("STOPSIGNAL SIGNOT", &e) < 0 && strstr(e.msg, "Invalid signal"));
	CHECK(change("EXPOSE 0", &e) < 0 && change("EXPOSE 80/foo", &e) < 0 && change("EXPOSE 9-8", &e) < 0);
	CHECK(change("RUN x", &e) < 0 && strstr(e.msg, "RUN is not a valid change command"));
	CHECK(change("HEALTHCHECK --retries=2 CMD x", NULL) == 0 && cfg.config.health.retries == 2);
	image_config_done(&cfg);
}

static int clean_result;

static int clean_run(void *arg, struct images *s, const char *id, struct err *e)
{
	return clean_result;
}

TEST(what_could_not_be_ended_is_found_again)
{
	_cleanup_(images_freep) struct images *images = NULL;
	_cleanup_free_ char *root = NULL, *runs = NULL, *run = NULL;
	const struct build_host host = { .clean = clean_run };
	const struct build_opts o = { .host = &host };
	struct build b = { .o = &o };
	char id[65];
	int src, dst;

	fresh(&src, &dst);
	snprintf(id, sizeof(id), "%064d", 7);
	root = path_join(dir, "data");
	runs = path_join(dir, "data/build");
	run = runs ? path_join(runs, id) : NULL;
	CHECK(root && run && images_open(root, "copy", &images, NULL) == 0 && dir_make_all(run, 0700, NULL) == 0);
	b.dir = runs;
	clean_result = -EBUSY;
	CHECK(stages_sweep(&b, images, NULL) == 0 && file_exists(AT_FDCWD, run));
	clean_result = 0;
	CHECK(stages_sweep(&b, images, NULL) == 0 && !file_exists(AT_FDCWD, run));
	fd_close(src);
	fd_close(dst);
}
