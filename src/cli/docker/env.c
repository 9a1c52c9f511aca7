/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "cli/docker/create.h"

#define FILE_MAX (4u << 20)

int env_add(struct strv *to, const char *word, struct err *e)
{
	const char *value;

	if (strchr(word, '='))
		return strv_push(to, word, e);
	value = getenv(word);
	return value ? strv_pushf(to, e, "%s=%s", word, value) : strv_push(to, word, e);
}

static int add_line(const char *line, bool inherit, struct strv *to, struct err *e)
{
	size_t name;

	line += strspn(line, " \t\v\f\r");
	if (!*line || *line == '#')
		return 0;
	name = strcspn(line, "=");
	if (name == 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "no variable name on line '%s'", line);
	if (strcspn(line, " \t") < name)
		return err_kind(e, ERR_INVALID, -EINVAL, "variable '%.*s' contains whitespaces", (int)name, line);
	if (line[name] || !inherit)
		return strv_push(to, line, e);
	return getenv(line) ? env_add(to, line, e) : 0;
}

int env_file(const char *path, bool inherit, struct strv *to, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct err inner = { 0 };
	size_t len;
	int r;

	r = file_read(AT_FDCWD, path, FILE_MAX, &text, &len, &inner);
	if (r == -ENOENT)
		return err_kind(e, ERR_NOT_FOUND, r, "open %s: no such file or directory", path);
	if (r == -EACCES)
		return err_kind(e, ERR_DENIED, r, "open %s: permission denied", path);
	if (r < 0)
		return err_kind(e, inner.kind, r, "%s", inner.msg);
	if (strlen(text) != len)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: contains zero bytes", path);
	for (char *line = text, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = add_line(line, inherit, to, e);
		if (r < 0)
			return err_wrap(e, r, "poorly formatted environment");
	}
	return 0;
}
