/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

void table_done(struct table *t)
{
	strv_done(&t->cells);
}

int table_add(struct table *t, const char *cell, struct err *e)
{
	return strv_push(&t->cells, isempty(cell) ? "-" : cell, e);
}

/* Columns, not bytes: continuation bytes of UTF-8 take no room. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

void table_render(const struct table *t, struct buf *out)
{
	size_t width[32] = { 0 };
	unsigned n = t->n_cols;

	if (n == 0 || n > ARRAY_SIZE(width))
		return;
	for (size_t i = 0; i < t->cells.n; i++) {
		size_t w = width_of(t->cells.v[i]);

		if (w > width[i % n])
			width[i % n] = w;
	}
	for (size_t i = 0; i < t->cells.n; i++) {
		const char *cell = t->cells.v[i];

		buf_puts(out, cell);
		for (size_t w = width_of(cell); w < width[i % n] + 1; w++)
			buf_putc(out, ' ');
		if (i % n == n - 1)
			buf_putc(out, '\n');
	}
}
