/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/names.h"
#include "base/parse.h"
#include "base/sha1.h"
#include "base/spawn.h"
#include "base/strv.h"
#include "unit/test.h"

TEST(err_set_appends_errno)
{
	struct err e = { 0 };

	CHECK(err_set(&e, -ENOENT, "open %s", "/x") == -ENOENT);
	CHECK_STR(e.msg, "open /x: No such file or directory");
	CHECK(e.kind == ERR_NOT_FOUND);
	CHECK(err_wrap(&e, -ENOENT, "container %s", "c1") == -ENOENT);
	CHECK_STR(e.msg, "container c1: open /x: No such file or directory");
}

TEST(err_is_one_line)
{
	struct err e = { 0 };

	err_kind(&e, ERR_INVALID, -EINVAL, "name '%s'", "a\nb\033[2J");
	CHECK(!strchr(e.msg, '\n'));
	CHECK(!strchr(e.msg, '\033'));
}

TEST(buf_limit_is_sticky)
{
	_cleanup_buf_ struct buf b = { .limit = 8 };

	buf_puts(&b, "1234");
	buf_puts(&b, "56789");
	buf_puts(&b, "x");
	CHECK(buf_error(&b, NULL) == -E2BIG);
	CHECK_STR(buf_str(&b), "1234");
	CHECK(buf_take(&b) == NULL);
}

TEST(strv_split_command_quotes)
{
	_cleanup_strv_ struct strv l = STRV_INIT;

	CHECK(strv_split_command(&l, " a 'b c'  \"d\\\"e\" f\\ g", NULL) == 0);
	CHECK(l.n == 4);
	CHECK_STR(l.v[1], "b c");
	CHECK_STR(l.v[2], "d\"e");
	CHECK_STR(l.v[3], "f g");
	CHECK(strv_split_command(&l, "'open", NULL) == -EINVAL);
}

TEST(strv_env)
{
	_cleanup_strv_ struct strv l = STRV_INIT;

	CHECK(strv_env_set(&l, "A=1", NULL) == 0);
	CHECK(strv_env_set(&l, "AB=2", NULL) == 0);
	CHECK(strv_env_set(&l, "A=3", NULL) == 0);
	CHECK(l.n == 2);
	CHECK_STR(strv_env_get(&l, "A"), "3");
	CHECK(!strv_env_get(&l, "B"));
	CHECK(strv_env_set(&l, "=x", NULL) == -EINVAL);
}

TEST(parse_numbers)
{
	uint64_t u = 7;
	int32_t i = 0;
	uint32_t w = 0;

	CHECK(parse_u64("18446744073709551615", &u) == 0 && u == UINT64_MAX);
	CHECK(parse_u64("18446744073709551616", &u) == -ERANGE && u == UINT64_MAX);
	CHECK(parse_u64("-1", &u) == -EINVAL);
	CHECK(parse_u64(" 1", &u) == -EINVAL);
	CHECK(parse_u64("", &u) == -EINVAL);
	CHECK(parse_u32("4294967296", &w) == -ERANGE);
	CHECK(parse_i32("-2147483648", &i) == 0 && i == INT32_MIN);
	CHECK(parse_i32("2147483648", &i) == -ERANGE);
}

TEST(parse_sizes)
{
	static const struct {
		const char *s;
		int r;
		uint64_t v;
	} cases[] = {
		{ "256M", 0, 256u << 20 },
		{ "256 MB", 0, 256u << 20 },
		{ "1k", 0, 1024 },
		{ "2GiB", 0, 2ull << 30 },
		{ "7", 0, 7 },
		{ "7b", 0, 7 },
		{ "x", -EINVAL, 0 },
		{ "1q", -EINVAL, 0 },
		{ "1Mx", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "99999999999P", -ERANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 0;

		CHECK(parse_size(cases[i].s, &v) == cases[i].r);
		CHECK(v == cases[i].v);
	}
}

TEST(nearest_word)
{
	static const char *const words[] = { "lxc.uts.name", "lxc.tty.max", "lxc.rootfs.path" };

	CHECK_STR(nearest("lxc.uts.nam", words, 3), "lxc.uts.name");
	CHECK(!nearest("something else", words, 3));
}

TEST(json_writer)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json j;

	json_init(&j, &b, false);
	json_object(&j);
	json_kv_string(&j, "a\"", "x\n\xff");
	json_key(&j, "l");
	json_array(&j);
	json_u64(&j, 1);
	json_i64(&j, -2);
	json_end_array(&j);
	json_kv_bool(&j, "t", true);
	json_key(&j, "n");
	json_string(&j, NULL);
	json_end_object(&j);
	CHECK_STR(buf_str(&b), "{\"a\\\"\":\"x\\n\xef\xbf\xbd\",\"l\":[1,-2],\"t\":true,\"n\":null}");
}

TEST(file_replace_and_tree_remove)
{
	char dir[] = "/tmp/creel-test-XXXXXX";
	_cleanup_free_ char *deep = NULL, *file = NULL, *text = NULL;

	CHECK(mkdtemp(dir));
	deep = path_join(dir, "a/b/c");
	CHECK(dir_make_all(deep, 0755, NULL) == 0);
	file = path_join(deep, "f");
	CHECK(file_replace(AT_FDCWD, file, "one", 3, 0640, true, NULL) == 0);
	CHECK(file_replace(AT_FDCWD, file, "two", 3, 0640, false, NULL) == 0);
	CHECK(file_read(AT_FDCWD, file, 100, &text, NULL, NULL) == 0);
	CHECK_STR(text, "two");
	CHECK(file_read(AT_FDCWD, file, 2, &text, NULL, NULL) == -E2BIG);
	/* In an old one's place, and where there is none; what it was written in goes. */
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *lazy = NULL;

		CHECK(file_replace_lazy(AT_FDCWD, file, "three", 5, 0600, NULL) == 0);
		CHECK(file_read(AT_FDCWD, file, 100, &lazy, NULL, NULL) == 0);
		CHECK_STR(lazy, "three");
		CHECK(unlink(file) == 0);
		CHECK(rmdir(deep) == 0 && mkdir(deep, 0755) == 0);
	}
	/* Around the first reading's size, and past it. */
	for (size_t size = 4095; size < 80000; size = size < 4098 ? size + 1 : size * 2) {
		_cleanup_free_ char *big = calloc(1, size), *back = NULL;
		size_t len = 0;

		CHECK(big && memset(big, 'x', size));
		CHECK(file_replace(AT_FDCWD, file, big, size, 0640, false, NULL) == 0);
		CHECK(file_read(AT_FDCWD, file, size, &back, &len, NULL) == 0);
		CHECK(len == size && memcmp(back, big, size) == 0 && back[size] == '\0');
		CHECK(file_read(AT_FDCWD, file, size - 1, &back, NULL, NULL) == -E2BIG);
	}
	/* What a killed one has left, and nothing that is called nearly so. */
	static const char *const names[] = { "state.12~", "state.~", "state.1x~", "12~", "state.12" };
	_cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(file_replace(fd, names[i], "x", 1, 0600, false, NULL) == 0);
	file_replace_sweep(fd);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(file_exists(fd, names[i]) == (i > 0));
	CHECK(symlink("/", "/tmp/creel-test-link") == 0 || errno == EEXIST);
	CHECK(tree_remove(AT_FDCWD, "/tmp/creel-test-link", NULL) == 0);
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
	CHECK(!file_exists(AT_FDCWD, dir));
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

/* As who removes a container and a sweep may. */
TEST(two_who_remove_the_same_tree)
{
	char dir[] = "/tmp/creel-test-XXXXXX";
	int status;

	CHECK(mkdtemp(dir));
	for (unsigned round = 0; round < 20; round++) {
		pid_t pid;

		for (unsigned i = 0; i < 200; i++) {
			char name[64];

			snprintf(name, sizeof(name), "%s/%u/a/b", dir, i);
			CHECK(dir_make_all(name, 0755, NULL) == 0);
		}
		pid = fork();
		if (pid == 0)
			_exit(tree_remove(AT_FDCWD, dir, NULL) == 0 ? 0 : 1);
		CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
		CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
		CHECK(!file_exists(AT_FDCWD, dir));
	}
}

TEST(spawn_output_and_status)
{
	_cleanup_free_ char *out = NULL;
	char *argv[] = { (char[]){ "sh" }, (char[]){ "-c" }, (char[]){ "cat; echo e >&2; exit 7" }, NULL };
	struct spawn s = { .path = "sh", .argv = argv, .input = "hello " };
	struct err e = { 0 };

	CHECK(spawn_run(&s, &out, &e) == 7);
	CHECK_STR(out, "hello e\n");
	s.path = "no-such-program";
	CHECK(spawn_run(&s, NULL, &e) == -ENOENT);
	CHECK(e.kind == ERR_MISSING);
}

TEST(component_grammar)
{
	CHECK(path_is_component("c1"));
	CHECK(!path_is_component(""));
	CHECK(!path_is_component(".."));
	CHECK(!path_is_component("a/b"));
}

TEST(log_levels_round_trip)
{
	for (int i = LOG_TRACE; i <= LOG_FATAL; i++) {
		enum log_level l = LOG_TRACE;

		CHECK(log_level_parse(log_level_name((enum log_level)i), &l) == 0);
		CHECK((int)l == i);
	}
}

/* FIPS 180's samples, and lengths around the end of a block (sha1sum's words for runs of 'a'). */
TEST(octal_of_mount_tables)
{
	char blank[] = "/a\\040b\\134\\011", odd[] = "\\04\\400\\08x\\000\\";

	unescape_octal(blank);
	CHECK_STR(blank, "/a b\\\t");
	unescape_octal(odd);
	CHECK_STR(odd, "\\04\\400\\08x\\000\\");
}

TEST(sha1_of_samples)
{
	static const struct {
		size_t len;
		const char *sum;
	} runs[] = {
		{ 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709" },  { 1, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8" },
		{ 55, "c1c8bbdc22796e28c0e15163d20899b65621d65a" }, { 56, "c2db330f6083854c99d4b5bfb6e8f29f201be699" },
		{ 64, "0098ba824b5c16427bd7a1122a5a442a25ec644d" }, { 119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56" },
	};
	char text[128], sum[SHA1_HEX];

	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		sha1_hex(text, runs[i].len, sum);
		CHECK_STR(sum, runs[i].sum);
	}
	sha1_hex("abc", 3, sum);
	CHECK_STR(sum, "a9993e364706816aba3e25717850c26c9cd0d89d");
}
