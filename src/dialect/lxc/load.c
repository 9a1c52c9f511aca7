/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading. One pass over a scratch copy of the text: keys and values are cut in place, so that a line costs its
 * look-up and the copy of its value.
 */
#include "dialect/lxc/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "dialect/lxc/keys.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static char *trim(char *s)
{
	char *end;

	while (is_blank(*s))
		s++;
	end = s + strlen(s);
	while (end > s && is_blank(end[-1]))
		end--;
	*end = '\0';
	return s;
}

char *lxc_value_trim(char *value)
{
	size_t n;

	value = trim(value);
	n = strlen(value);
	if (n > 1 && (*value == '"' || *value == '\'') && value[n - 1] == *value) {
		value[n - 1] = '\0';
		value++;
	}
	return value;
}

int lxc_line_split(char *line, struct lxc_line *ret, struct err *e)
{
	char *eq;

	while (is_blank(*line))
		line++;
	/* Comments, and what is not ours: other programs keep their own keys in the same file. */
	if (!startswith(line, "lxc."))
		return 0;
	eq = strchr(line, '=');
	if (!eq)
		return err_kind(e, ERR_INVALID, -EINVAL, "%.200s: expected KEY = VALUE", trim(line));
	*eq = '\0';
	ret->key = trim(line);
	ret->value = lxc_value_trim(eq + 1);
	return 1;
}

static int parse_line(struct spec *s, char *line, struct lxc_reader *reader, struct err *e)
{
	struct lxc_line l;
	struct lxc_ref k;
	int r;

	r = lxc_line_split(line, &l, e);
	if (r <= 0)
		return r;
	r = lxc_key_find(l.key, strlen(l.key), &k, e);
	k.reader = reader;
	r = r < 0 ? r : lxc_ref_set(&k, s, l.value, e);
	if (r == -ENOENT && (!e || e->kind == ERR_INVALID))
		r = -EINVAL;
	return r < 0 && !reader->placed ? err_wrap(e, r, "%.200s", l.key) : r;
}

int lxc_parse_text(struct spec *s, char *text, size_t len, const char *name, struct lxc_reader *reader, struct err *e)
{
	char *end = text + len, *next;
	unsigned number = 1;
	int r;

	for (char *line = text; line < end; line = next, number++) {
		char *nl = memchr(line, '\n', (size_t)(end - line)) ?: end;

		next = nl + 1;
		*nl = '\0';
		if (nl - line > (ptrdiff_t)LXC_LINE_MAX)
			r = err_kind(e, ERR_LIMIT, -E2BIG, "expected lines of at most %u bytes", LXC_LINE_MAX);
		else if (strlen(line) != (size_t)(nl - line))
			r = err_kind(e, ERR_INVALID, -EINVAL, "expected text, not a NUL byte");
		else
			r = parse_line(s, line, reader, e);
		if (r >= 0)
			continue;
		/* The innermost file is the one to look into. */
		if (!reader->placed)
			err_wrap(e, r, "%s:%u", name, number);
		reader->placed = true;
		return r;
	}
	return 0;
}

int lxc_read(const char *path, char **ret, size_t *ret_len, struct err *e)
{
	struct stat st;

	/* A device or a pipe would block or never end. */
	if (stat(path, &st) < 0)
		return err_set(e, -errno, "open %s", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, -EISDIR, "read %s", path);
	if (!S_ISREG(st.st_mode) && !streq(path, "/dev/null"))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected a regular file", path);
	return file_read(AT_FDCWD, path, LXC_FILE_MAX, ret, ret_len, e);
}

/* --- lxc.include --------------------------------------------------------------------------------------------------- */

static int include_file(const struct lxc_ref *k, struct spec *s, const char *path, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct lxc_reader own = { 0 }, *reader = k->reader ?: &own;
	size_t len;
	int r;

	if (reader->depth >= LXC_INCLUDE_DEPTH)
		return err_kind(e, ERR_LIMIT, -ELOOP, "expected at most %u files that include each other",
				LXC_INCLUDE_DEPTH);
	if (++reader->files > LXC_INCLUDE_FILES)
		return err_kind(e, ERR_LIMIT, -ELOOP, "expected at most %u included files", LXC_INCLUDE_FILES);
	r = lxc_read(path, &text, &len, e);
	if (r < 0)
		return r;
	reader->depth++;
	r = lxc_parse_text(s, text, len, path, reader, e);
	reader->depth--;
	return r;
}

static int only_conf(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 5 && streq(d->d_name + n - 5, ".conf");
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Sorted: LXC takes what readdir() gives, which no two file systems agree on. */
static int include_dir(const struct lxc_ref *k, struct spec *s, const char *path, struct err *e)
{
	struct dirent **names;
	int n, r = 0;

	n = scandir(path, &names, only_conf, by_name);
	if (n < 0)
		return err_set(e, -errno, "open %s", path);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *file = path_join(path, names[i]->d_name);

		if (r >= 0)
			r = file ? include_file(k, s, file, e) : err_oom(e);
		free(names[i]);
	}
	free(names);
	return r;
}

static int include_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	struct stat st;

	if (stat(value, &st) < 0) {
		/* "DIR/" that is not there includes nothing: packages drop files into such folders. */
		if (errno == ENOENT && value[strlen(value) - 1] == '/')
			return 0;
		/* Not -ENOENT: that would say there is no such container. */
		if (errno == ENOENT)
			return err_kind(e, ERR_INVALID, -EINVAL, "expected a file or folder, and there is no %s",
					value);
		return err_set(e, -errno, "expected a file or folder; open %s", value);
	}
	return S_ISDIR(st.st_mode) ? include_dir(k, s, value, e) : include_file(k, s, value, e);
}

static int include_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	return err_kind(e, ERR_INVALID, -ENOENT, "expected a key that has a value of its own");
}

static int nothing_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	return 0;
}

static int nothing_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	return 0;
}

static int nothing_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	return 0;
}

const struct lxc_kind lxc_kind_include = { include_set, include_get, nothing_clear, nothing_save };

/* --- keys that nothing came after: read, kept in the text, without effect -------------------------------------------- */

static int dropped_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	return 0;
}

const struct lxc_kind lxc_kind_dropped = { dropped_set, nothing_get, nothing_clear, nothing_save };
