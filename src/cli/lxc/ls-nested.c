/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/lxc/ls-nested.h"

#include <ctype.h>
#include <stdio.h>

#include "base/spawn.h"

#define ROWS_MAX       10000
#define ANSWER_SECONDS 5

/* Where each column begins, from the heading. False: this line is none. */
static bool columns_of(const char *line, size_t len, size_t at[static LS_N_COLUMNS])
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	const char *p = line;

	if (strv_split(&names, LS_COLUMNS, ",", NULL) < 0)
		return false;
	for (size_t i = 0; i < names.n; i++) {
		size_t n = strlen(names.v[i]);

		while (p < line + len && *p == ' ')
			p++;
		if ((size_t)(line + len - p) < n || memcmp(p, names.v[i], n) != 0)
			return false;
		at[i] = (size_t)(p - line);
		p += n;
	}
	return true;
}

/* What stands between two offsets, without blanks; what is no text is left out of it. */
static int push_cell(struct strv *cells, const char *line, size_t from, size_t to, struct err *e)
{
	_cleanup_buf_ struct buf cell = BUF_INIT;

	while (from < to && line[from] == ' ')
		from++;
	while (to > from && line[to - 1] == ' ')
		to--;
	if (to - from == 1 && line[from] == '-')
		from = to;
	for (; from < to; from++)
		if (!iscntrl((unsigned char)line[from]))
			buf_putc(&cell, line[from]);
	return strv_push(cells, buf_str(&cell), e);
}

int ls_nested_parse(const char *text, struct strv *cells, struct err *e)
{
	size_t at[LS_N_COLUMNS];
	bool head = false;
	int r = 0;

	for (const char *line = text; *line && r == 0;) {
		size_t len = strcspn(line, "\n");

		if (!head) {
			head = columns_of(line, len, at);
		} else if (len > at[LS_N_COLUMNS - 1] && *line != ' ' && cells->n / LS_N_COLUMNS < ROWS_MAX) {
			for (size_t k = 0; k < LS_N_COLUMNS && r == 0; k++)
				r = push_cell(cells, line, at[k], k + 1 < LS_N_COLUMNS ? at[k + 1] : len, e);
		}
		line += len + (line[len] == '\n');
	}
	return r;
}

int ls_nested(const char *lxcpath, const char *name, unsigned levels, struct strv *cells, struct err *e)
{
	char nesting[32];
	const char *argv[] = { "lxc-attach", "-q",     "-P", lxcpath, "-n",	  name,
			       "--",	     "lxc-ls", "-f", "-F",    LS_COLUMNS, levels ? nesting : NULL,
			       NULL };
	struct spawn s = { .path = "/proc/self/exe",
			   .argv = (char *const *)(uintptr_t)argv,
			   .timeout_ms = ANSWER_SECONDS * 1000 };
	_cleanup_free_ char *text = NULL;
	int r;

	snprintf(nesting, sizeof(nesting), "--nesting=%u", levels);
	r = spawn_run(&s, &text, NULL);
	if (r == -ETIMEDOUT)
		return err_kind(e, ERR_STATE, r, "%s: the lxc-ls inside has not answered for %d s", name,
				ANSWER_SECONDS);
	/* None in there, or it cannot be entered: then there is nothing to show. */
	if (r != 0)
		return 0;
	return ls_nested_parse(text, cells, e);
}
