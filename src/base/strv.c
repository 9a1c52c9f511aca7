/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/strv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"

void strv_done(struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	*l = (struct strv){ 0 };
}

int strv_push_take(struct strv *l, char *s, struct err *e)
{
	if (!s)
		return err_oom(e);
	if (l->n + 2 > l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 8;
		char **v = realloc(l->v, cap * sizeof(*v));

		if (!v) {
			free(s);
			return err_oom(e);
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
	return 0;
}

int strv_push(struct strv *l, const char *s, struct err *e)
{
	return strv_push_take(l, strdup(s), e);
}

int strv_pushf(struct strv *l, struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return strv_push_take(l, n < 0 ? NULL : s, e);
}

int strv_copy(struct strv *to, const struct strv *from, struct err *e)
{
	int r;

	for (size_t i = 0; i < from->n; i++) {
		r = strv_push(to, from->v[i], e);
		if (r < 0) {
			strv_done(to);
			return r;
		}
	}
	return 0;
}

bool strv_has(const struct strv *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (streq(l->v[i], s))
			return true;
	return false;
}

void strv_remove(struct strv *l, size_t i)
{
	if (i >= l->n)
		return;
	free(l->v[i]);
	memmove(l->v + i, l->v + i + 1, (l->n - i) * sizeof(*l->v));
	l->n--;
}

static int cmp_str(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *l)
{
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), cmp_str);
}

char *const *strv_get(const struct strv *l)
{
	static char *const none[] = { NULL };

	return l->v ?: none;
}

int strv_split(struct strv *l, const char *s, const char *seps, struct err *e)
{
	int r;

	for (;;) {
		size_t n;

		s += strspn(s, seps);
		if (!*s)
			return 0;
		n = strcspn(s, seps);
		r = strv_push_take(l, strndup(s, n), e);
		if (r < 0)
			return r;
		s += n;
	}
}

/* Reads one word of a command line at *P into B. Returns false at the end of a word, -EINVAL through *RET. */
static int read_word(const char **p, struct buf *b)
{
	char quote = 0;

	for (; **p; (*p)++) {
		char c = **p;

		if (quote) {
			if (c == quote) {
				quote = 0;
				continue;
			}
			if (c == '\\' && quote == '"' && ((*p)[1] == '"' || (*p)[1] == '\\'))
				c = *++*p;
		} else if (c == '\'' || c == '"') {
			quote = c;
			continue;
		} else if (c == '\\' && (*p)[1]) {
			c = *++*p;
		} else if (strchr(" \t\n", c)) {
			break;
		}
		buf_putc(b, c);
	}
	return quote ? -EINVAL : 0;
}

int strv_split_command(struct strv *l, const char *s, struct err *e)
{
	for (;;) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		int r;

		s += strspn(s, " \t\n");
		if (!*s)
			return 0;
		r = read_word(&s, &b);
		if (r < 0)
			return err_kind(e, ERR_INVALID, r, "unbalanced quote in command line");
		r = strv_push_take(l, buf_take(&b), e);
		if (r < 0)
			return r;
	}
}

static size_t env_index(const struct strv *l, const char *key, size_t len)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strncmp(l->v[i], key, len) == 0 && l->v[i][len] == '=')
			break;
	return i;
}

int strv_env_set(struct strv *l, const char *assignment, struct err *e)
{
	const char *eq = strchr(assignment, '=');
	char *copy;
	size_t i;

	if (!eq || eq == assignment)
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is not NAME=VALUE", assignment);
	i = env_index(l, assignment, (size_t)(eq - assignment));
	if (i == l->n)
		return strv_push(l, assignment, e);
	copy = strdup(assignment);
	if (!copy)
		return err_oom(e);
	free(l->v[i]);
	l->v[i] = copy;
	return 0;
}

const char *strv_env_get(const struct strv *l, const char *key)
{
	size_t n = strlen(key), i = env_index(l, key, n);

	return i < l->n ? l->v[i] + n + 1 : NULL;
}
