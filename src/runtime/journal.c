/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/strv.h"

#define JOURNAL_MAX (1u << 20)

int journal_open(int dirfd, struct err *e)
{
	int fd = openat(dirfd, "journal", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	return fd < 0 ? err_set(e, -errno, "open journal") : fd;
}

int journal_add(int fd, const char *kind, const char *arg, struct err *e)
{
	char line[1024];
	int n = snprintf(line, sizeof(line), "%s %s\n", kind, arg), r;

	if (n >= (int)sizeof(line) || strchr(arg, '\n'))
		return err_kind(e, ERR_LIMIT, -E2BIG, "journal: argument of %s is too long", kind);
	r = fd_write_all(fd, line, (size_t)n);
	return r < 0 ? err_set(e, r, "write journal") : 0;
}

void journal_take_back(int fd, const char *kind, const char *arg)
{
	off_t end = lseek(fd, 0, SEEK_END), len = (off_t)(strlen(kind) + strlen(arg) + 2);

	if (end >= len)
		(void)ftruncate(fd, end - len);
}

/* The whole lines of the journal; a last line without newline was never acted upon. */
static int journal_lines(int dirfd, struct strv *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char *line, *nl;
	int r;

	r = file_read(dirfd, "journal", JOURNAL_MAX, &text, NULL, e);
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	for (line = text; (nl = strchr(line, '\n')); line = nl + 1) {
		r = strv_push_take(ret, strndup(line, (size_t)(nl - line)), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static const struct undo_kind *find_kind(const char *line, const char **ret_arg)
{
	size_t n = strcspn(line, " ");

	*ret_arg = line[n] ? line + n + 1 : line + n;
	for (const struct undo_kind *k = undo_kinds; k->name; k++)
		if (strlen(k->name) == n && strncmp(k->name, line, n) == 0)
			return k;
	return NULL;
}

int journal_find(int dirfd, const char *kind, struct strv *ret, struct err *e)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	int r = journal_lines(dirfd, &lines, e);

	for (size_t i = 0; i < lines.n && r == 0; i++) {
		const char *arg = startswith(lines.v[i], kind);

		if (arg && *arg == ' ')
			r = strv_push(ret, arg + 1, e);
	}
	return r;
}

int journal_drop(int dirfd, const char *kind, const char *arg, struct err *e)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	_cleanup_buf_ struct buf kept = BUF_INIT;
	int r = journal_lines(dirfd, &lines, e);
	bool dropped = false;

	for (size_t i = 0; i < lines.n && r == 0; i++) {
		const char *rest = startswith(lines.v[i], kind);

		if (!dropped && rest && *rest == ' ' && streq(rest + 1, arg))
			dropped = true;
		else
			buf_printf(&kept, "%s\n", lines.v[i]);
	}
	if (r == 0)
		r = buf_error(&kept, e);
	return r < 0 || !dropped ? r : file_replace(dirfd, "journal", buf_str(&kept), kept.len, 0600, false, e);
}

int journal_undo(const struct undo_ctx *c, struct err *e)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	_cleanup_buf_ struct buf kept = BUF_INIT;
	bool *failed;
	int r, first = 0;

	r = journal_lines(c->dirfd, &lines, e);
	if (r < 0)
		return r;
	failed = calloc(lines.n + 1, sizeof(*failed));
	if (!failed)
		return err_oom(e);
	for (size_t i = lines.n; i-- > 0;) {
		const char *arg;
		const struct undo_kind *k = find_kind(lines.v[i], &arg);
		struct err mine = { 0 };

		if (!k) {
			r = err_kind(&mine, ERR_INVALID, -EINVAL, "journal: unknown entry '%.40s'", lines.v[i]);
		} else {
			log_debug(c->log, "undo %s", lines.v[i]);
			r = k->undo(c, arg, &mine);
		}
		failed[i] = r < 0;
		if (r < 0 && !first) {
			first = r;
			if (e)
				*e = mine;
		}
	}
	/* What is left keeps its order. */
	for (size_t i = 0; i < lines.n; i++)
		if (failed[i])
			buf_printf(&kept, "%s\n", lines.v[i]);
	free(failed);
	if (buf_error(&kept, NULL) < 0)
		return first; /* the whole of it stays */
	if (!first) {
		if (unlinkat(c->dirfd, "journal", 0) < 0 && errno != ENOENT && !first)
			first = err_set(e, -errno, "remove journal");
	} else {
		(void)file_replace(c->dirfd, "journal", kept.data, kept.len, 0600, false, NULL);
	}
	return first;
}

int journal_describe(int dirfd, struct buf *out, unsigned *ret_n, struct err *e)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	int r = journal_lines(dirfd, &lines, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < lines.n; i++) {
		const char *arg;
		const struct undo_kind *k = find_kind(lines.v[i], &arg);

		buf_printf(out, "%s %s\n", k ? k->what : "unknown", arg);
	}
	*ret_n = (unsigned)lines.n;
	return 0;
}
