/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "cli/lxc/lxc-cli.h"
#include "cli/lxc/top.h"

#define BAR_CELLS 10
#define CLEAR	  "\033[H"
#define CLEAR_EOL "\033[K"
#define CLEAR_EOS "\033[J"
#define REVERSE	  "\033[7m"
#define RESET	  "\033[0m"

/* Eighths of a cell, in UTF-8. */
static const char *const eighths[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
enum { HEIGHTS = 8 };
static const char *const heights[HEIGHTS] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

/* Green, yellow, red as it fills. */
static const char *colour_of(double share)
{
	return share < 0.6 ? "\033[32m" : share < 0.85 ? "\033[33m" : "\033[31m";
}

static void bar(struct buf *out, double share, bool colour)
{
	unsigned n;

	if (share < 0)
		share = 0;
	if (share > 1)
		share = 1;
	n = (unsigned)(share * BAR_CELLS * 8 + 0.5);
	if (colour)
		buf_puts(out, colour_of(share));
	for (unsigned i = 0; i < BAR_CELLS; i++) {
		unsigned part = n > i * 8 ? n - i * 8 : 0;

		buf_puts(out, eighths[part > 8 ? 8 : part]);
	}
	if (colour)
		buf_puts(out, RESET);
}

/* The last loads, the highest of them (at least a tenth of a CPU) being full height. */
static void sparkline(struct buf *out, const struct top_row *row, bool colour)
{
	double top = 0.1;

	for (unsigned i = 0; i < row->n_history; i++)
		if (row->history[i] > top)
			top = row->history[i];
	if (colour)
		buf_puts(out, "\033[36m");
	for (unsigned i = row->n_history; i < TOP_HISTORY; i++)
		buf_putc(out, ' ');
	for (unsigned i = 0; i < row->n_history; i++) {
		unsigned h = (unsigned)(row->history[i] / top * (HEIGHTS - 1) + 0.5);

		buf_puts(out, heights[h < HEIGHTS ? h : HEIGHTS - 1]);
	}
	if (colour)
		buf_puts(out, RESET);
}

/* A number in its column; a screen too narrow for all columns leaves out the last ones, never half a number. */
struct line {
	struct buf *out;
	unsigned left;
};

static bool room(struct line *l, unsigned width)
{
	if (l->left < width) {
		l->left = 0;
		return false;
	}
	l->left -= width;
	return true;
}

static void cell(struct line *l, unsigned width, const char *text)
{
	if (room(l, width))
		buf_printf(l->out, "%*s", (int)width, text);
}

static void size_cell(struct line *l, uint64_t bytes)
{
	char text[32];

	cell(l, 12, lxc_size(top_known(bytes), false, text));
}

static void seconds_cell(struct line *l, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%.2f", (double)top_known(ns) / 1e9);
	cell(l, 11, text);
}

static void name_cell(struct line *l, const char *name)
{
	char text[24];

	/* More than fits ends in two dots. */
	if (strlen(name) > 18)
		snprintf(text, sizeof(text), "%.16s..", name);
	else
		snprintf(text, sizeof(text), "%s", name);
	if (room(l, 18))
		buf_printf(l->out, "%-18s", text);
}

static double memory_share(const struct top_view *v, const struct cg_stats *s)
{
	uint64_t max = v->memory;

	if (s->memory_max != UINT64_MAX && s->memory_max < max)
		max = s->memory_max;
	return max ? (double)top_known(s->memory) / (double)max : 0;
}

static void draw_row(const struct top_view *v, const struct top_row *row, struct buf *out)
{
	const struct cg_stats *s = &row->stats;
	struct line l = { out, v->columns };
	char text[32];

	name_cell(&l, row->name);
	seconds_cell(&l, s->cpu_ns);
	snprintf(text, sizeof(text), row->load < 0 ? "-" : "%.1f%%", row->load * 100);
	cell(&l, 8, text);
	if (room(&l, 1 + BAR_CELLS)) {
		buf_putc(out, ' ');
		bar(out, row->load, v->colour);
	}
	if (room(&l, 1 + TOP_HISTORY)) {
		buf_putc(out, ' ');
		sparkline(out, row, v->colour);
	}
	size_cell(&l, s->memory);
	if (room(&l, 1 + BAR_CELLS)) {
		buf_putc(out, ' ');
		bar(out, memory_share(v, s), v->colour);
	}
	size_cell(&l, s->blkio_bytes);
	seconds_cell(&l, s->cpu_system_ns);
	seconds_cell(&l, s->cpu_user_ns);
	size_cell(&l, s->kernel_memory);
	buf_puts(out, CLEAR_EOL "\r\n");
}

static void draw_head(const struct top_view *v, struct buf *out)
{
	static const struct {
		unsigned width;
		const char *text;
	} heads[] = { { 18, "Container" }, { 11, "CPU s" },	{ 8, "CPU" },	     { 11 + 13, "last looks" },
		      { 12, "Memory" },	   { 11, "" },		{ 12, "Block I/O" }, { 11, "System s" },
		      { 11, "User s" },	   { 12, "Kernel mem" } };
	struct line l = { out, v->columns };

	if (v->colour)
		buf_puts(out, REVERSE);
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (room(&l, heads[i].width))
			buf_printf(out, i ? "%*s" : "%-*s", (int)heads[i].width, heads[i].text);
	if (v->colour)
		buf_puts(out, RESET);
	buf_puts(out, CLEAR_EOL "\r\n");
}

static void add(uint64_t *sum, uint64_t v)
{
	*sum += top_known(v);
}

static void draw_total(const struct top_view *v, struct buf *out)
{
	struct cg_stats sum = { .memory_max = UINT64_MAX };
	struct line l = { out, v->columns };
	char name[64], text[32];
	double load = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct cg_stats *s = &v->rows[i].stats;

		add(&sum.cpu_ns, s->cpu_ns);
		add(&sum.memory, s->memory);
		add(&sum.blkio_bytes, s->blkio_bytes);
		load += v->rows[i].load > 0 ? v->rows[i].load : 0;
	}
	snprintf(name, sizeof(name), "TOTAL %zu of %zu", v->n, v->n_defined);
	name_cell(&l, name);
	seconds_cell(&l, sum.cpu_ns);
	snprintf(text, sizeof(text), "%.1f%%", load * 100);
	cell(&l, 8, text);
	cell(&l, 1 + BAR_CELLS + 1 + TOP_HISTORY, "");
	size_cell(&l, sum.memory);
	if (room(&l, 1 + BAR_CELLS)) {
		buf_putc(out, ' ');
		bar(out, memory_share(v, &sum), v->colour);
	}
	size_cell(&l, sum.blkio_bytes);
	buf_puts(out, CLEAR_EOL);
}

void top_draw(const struct top_view *v, struct buf *out)
{
	size_t rows = v->lines > 3 ? v->lines - 3 : 1;

	buf_puts(out, CLEAR);
	draw_head(v, out);
	for (size_t i = v->first; i < v->n && i < v->first + rows; i++)
		draw_row(v, &v->rows[i], out);
	draw_total(v, out);
	buf_puts(out, CLEAR_EOS);
}
