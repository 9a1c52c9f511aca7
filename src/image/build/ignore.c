/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/build/glob.h"
#include "image/build/ignore.h"
#include "image/build/utf8.h"

#define RULES_MAX 16384

struct ignore_rule {
	struct glob glob;
	bool except;
};

void ignore_done(struct ignore *g)
{
	for (size_t i = 0; i < g->n; i++)
		glob_done(&g->rules[i].glob);
	free(g->rules);
	*g = (struct ignore){ 0 };
}

char *path_clean(const char *path)
{
	size_t n = strlen(path), len = 0;
	char *out = malloc(n + 2);
	bool rooted = *path == '/';

	if (!out)
		return NULL;
	if (rooted)
		out[len++] = '/';
	while (*path) {
		size_t part = strcspn(path, "/");
		/* What ".." may take away: not what is ".." itself. */
		size_t start = len;

		while (start > rooted && out[start - 1] != '/')
			start--;
		if (part == 2 && path[0] == '.' && path[1] == '.' && len > rooted &&
		    !(len - start == 2 && out[start] == '.' && out[start + 1] == '.')) {
			len = start > (size_t)rooted ? start - 1 : start;
		} else if (part && !(part == 1 && *path == '.') &&
			   !(rooted && part == 2 && path[0] == '.' && path[1] == '.')) {
			if (len > rooted)
				out[len++] = '/';
			memcpy(out + len, path, part);
			len += part;
		}
		path += part;
		path += *path == '/';
	}
	if (len == 0)
		out[len++] = '.';
	out[len] = '\0';
	return out;
}

int ignore_add(struct ignore *g, const char *pattern, struct err *e)
{
	bool except = *pattern == '!';
	struct ignore_rule rule = { .except = except };
	_cleanup_free_ char *clean = NULL;
	struct ignore_rule *more;
	size_t len;
	int r;

	pattern += except;
	while (utf8_space(utf8_get(pattern, &len)))
		pattern += len;
	if (!*pattern && except)
		return err_kind(e, ERR_INVALID, -EINVAL, "illegal exclusion pattern: \"!\"");
	if (!*pattern)
		return 0;
	clean = path_clean(pattern);
	if (!clean)
		return err_oom(e);
	r = glob_path(&rule.glob, clean[0] == '/' && clean[1] ? clean + 1 : clean, e);
	if (r >= 0 && g->n == RULES_MAX)
		r = err_kind(e, ERR_LIMIT, -E2BIG, "more than %d patterns", RULES_MAX);
	more = r < 0 ? NULL : reallocarray(g->rules, g->n + 1, sizeof(*more));
	if (!more) {
		glob_done(&rule.glob);
		return r < 0 ? r : err_oom(e);
	}
	g->rules = more;
	g->rules[g->n++] = rule;
	g->exceptions = g->exceptions || rule.except;
	return 0;
}

/* Ends S before its last blanks. */
static void cut_blanks(char *s)
{
	size_t len, end = 0;

	for (size_t i = 0; s[i]; i += len)
		if (!utf8_space(utf8_get(s + i, &len)))
			end = i + len;
	s[end] = '\0';
}

int ignore_parse(struct ignore *g, const char *text, size_t len, struct err *e)
{
	_cleanup_free_ char *copy = NULL;
	char *line, *rest;
	unsigned number = 0;

	if (len > IGNORE_SIZE_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "an ignore file has at most %u KiB", IGNORE_SIZE_MAX >> 10);
	copy = strndup(text, len);
	if (!copy)
		return err_oom(e);
	rest = copy + (startswith(copy, "\xef\xbb\xbf") ? 3 : 0);
	while ((line = strsep(&rest, "\n"))) {
		size_t blank;
		int r;

		number++;
		if (*line == '#')
			continue;
		while (utf8_space(utf8_get(line, &blank)))
			line += blank;
		cut_blanks(line);
		r = ignore_add(g, line, e);
		if (r < 0)
			return err_wrap(e, r, "line %u of the ignore file", number);
	}
	return 0;
}

/* PATH itself, or a folder above it. */
static bool matches(const struct glob *glob, char *path)
{
	bool found = glob_match(glob, path);

	for (char *slash = strchr(path, '/'); slash && !found; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		found = glob_match(glob, path);
		*slash = '/';
	}
	return found;
}

bool ignore_match(const struct ignore *g, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	bool out = false;

	/* A rule that could not change the answer is not asked. */
	for (size_t i = 0; i < g->n && copy; i++)
		if (g->rules[i].except == out && matches(&g->rules[i].glob, copy))
			out = !g->rules[i].except;
	return out;
}
