/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * BuildKit's own tables of Dockerfiles and words (github.com/moby/buildkit, frontend/dockerfile), which are not part of this
 * tree: CREEL_BUILDKIT names a copy of that folder. Without it our own cases, in test-dockerfile.c, are all there is.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "image/build/dockerfile.h"
#include "image/build/words.h"
#include "unit/test.h"

#define FILE_MAX (1u << 20)

static const char *tables(void)
{
	const char *dir = getenv("CREEL_BUILDKIT");

	if (isempty(dir))
		SKIP("CREEL_BUILDKIT does not name BuildKit's folder frontend/dockerfile");
	return dir;
}

static char *read_in(const char *dir, const char *a, const char *b, const char *c, size_t *len)
{
	char path[512];
	char *text = NULL;

	snprintf(path, sizeof(path), "%s/%s/%s%s%s", dir, a, b ?: "", b && c ? "/" : "", c ?: "");
	if (file_read(AT_FDCWD, path, FILE_MAX, &text, len, NULL) < 0)
		printf("# cannot read %s\n", path);
	CHECK(text);
	return text;
}

/* 1: as it should be. */
static int one_file(const char *dir, const char *name)
{
	size_t len = 0, want_len = 0;
	_cleanup_free_ char *text = read_in(dir, "parser/testfiles", name, "Dockerfile", &len);
	_cleanup_free_ char *want = read_in(dir, "parser/testfiles", name, "result", &want_len);
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	_cleanup_free_ char *got = NULL;
	struct err e = { 0 };

	if (dockerfile_lines(&df, text, len, &e) < 0 || dockerfile_dump(&df, &got, &e) < 0) {
		printf("# %s: %s\n", name, e.msg);
		return 0;
	}
	if (streq(got, want))
		return 1;
	printf("# %s differs; it is\n%s", name, got);
	return 0;
}

static int one_negative(const char *dir, const char *name)
{
	size_t len = 0;
	_cleanup_free_ char *text = read_in(dir, "parser/testfiles-negative", name, "Dockerfile", &len);
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	struct err e = { 0 };

	if (dockerfile_lines(&df, text, len, &e) < 0)
		return e.msg[0] != '\0';
	printf("# %s is taken\n", name);
	return 0;
}

static void each(const char *sub, int (*fn)(const char *dir, const char *name), int want)
{
	const char *dir = tables();
	char path[512];
	struct dirent *d;
	int n = 0, good = 0;
	DIR *list;

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	list = opendir(path);
	CHECK(list);
	while ((d = readdir(list)))
		if (d->d_name[0] != '.') {
			n++;
			good += fn(dir, d->d_name);
		}
	closedir(list);
	printf("# %s: %d of %d\n", sub, good, n);
	CHECK(n >= want);
	CHECK(good == n);
}

TEST(parser_testfiles)
{
	each("parser/testfiles", one_file, 33);
}

TEST(parser_testfiles_negative)
{
	each("parser/testfiles-negative", one_negative, 4);
}

TEST(parser_testfile_line)
{
	size_t len = 0;
	_cleanup_free_ char *text = read_in(tables(), "parser/testfile-line", "Dockerfile", NULL, &len);
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	static const unsigned lines[][2] = { { 5, 5 }, { 11, 12 }, { 17, 31 } };
	const struct df_line *l;
	size_t i = 0;

	CHECK(dockerfile_lines(&df, text, len, NULL) == 0);
	for (l = df.lines; l; l = l->next, i++)
		CHECK(i < 3 && l->first == lines[i][0] && l->last == lines[i][1]);
	CHECK(i == 3);
}

static const char *get(void *arg, const char *name)
{
	return strv_env_get(arg, name);
}

/* The part of a line up to the next |, blanks at its ends cut where TRIM. */
static char *column(char **rest, bool trim)
{
	char *s = strsep(rest, "|");
	size_t n;

	CHECK(s);
	while (*s == ' ' || (trim && *s == '\t'))
		s++;
	for (n = strlen(s); trim && n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
		s[n - 1] = '\0';
	return s;
}

TEST(shell_env_var_table)
{
	size_t len = 0;
	_cleanup_free_ char *text = read_in(tables(), "shell", "envVarTest", NULL, &len);
	struct strv env = STRV_INIT;
	struct words w = { .escape = '\\', .get = get, .arg = &env };
	char *line, *rest = text;
	int n = 0, good = 0;

	CHECK(strv_push(&env, "PWD=/home", NULL) == 0 && strv_push(&env, "SHELL=bash", NULL) == 0 &&
	      strv_push(&env, "KOREAN=\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4", NULL) == 0 &&
	      strv_push(&env, "NULL=", NULL) == 0);
	while ((line = strsep(&rest, "\n"))) {
		_cleanup_free_ char *got = NULL;
		const char *source, *want;
		bool failed;

		if (*line == '#' || !line[strspn(line, " \t")])
			continue;
		if (*column(&line, true) == 'W')
			continue;
		source = column(&line, true);
		want = column(&line, true);
		failed = words_expand(&w, source, &got, NULL) < 0;
		n++;
		if (streq(want, "error") ? failed : !failed && streq(got, want))
			good++;
		else
			printf("# %s gives %s, not %s\n", source, failed ? "an error" : got, want);
	}
	strv_done(&env);
	printf("# envVarTest: %d of %d\n", good, n);
	CHECK(n > 200 && good == n);
}

static bool same(struct strv *got, bool failed, const char *want)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (failed)
		return streq(want, "error");
	for (size_t i = 0; i < got->n; i++)
		buf_printf(&b, "%s%s", i ? "," : "", got->v[i]);
	return streq(buf_str(&b), want);
}

TEST(shell_words_table)
{
	size_t len = 0;
	_cleanup_free_ char *text = read_in(tables(), "shell", "wordsTest", NULL, &len);
	struct strv env = STRV_INIT;
	struct words w = { .escape = '\\', .get = get, .arg = &env };
	char *line, *rest = text;
	int n = 0, good = 0;

	while ((line = strsep(&rest, "\n"))) {
		struct strv got = STRV_INIT;
		const char *source, *want, *assignment;
		bool failed;

		if (*line == '#' || !*line)
			continue;
		assignment = startswith(line, "ENV ");
		if (assignment) {
			CHECK(strv_env_set(&env, assignment + strspn(assignment, " "), NULL) == 0);
			continue;
		}
		source = column(&line, true);
		want = column(&line, false);
		failed = words_split(&w, source, &got, NULL) < 0;
		n++;
		if (same(&got, failed, want))
			good++;
		else
			printf("# %s is not %s\n", source, want);
		strv_done(&got);
	}
	strv_done(&env);
	printf("# wordsTest: %d of %d\n", good, n);
	CHECK(n > 20 && good == n);
}
