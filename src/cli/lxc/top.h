/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* lxc-top: what it samples (top.c) and how that is drawn (top-draw.c). */

#include "cli/cli.h"

#define TOP_HISTORY 12

struct top_row {
	char *name;
	struct cg_stats stats;
	double load;		     /* CPUs in use since the last look: 1.0 is one whole CPU; < 0: not known yet */
	double history[TOP_HISTORY]; /* of load, the newest last */
	unsigned n_history;
};

struct top_view {
	struct top_row *rows; /* sorted */
	size_t n, n_defined;
	size_t first; /* the row at the top of the screen */
	unsigned lines, columns;
	bool colour;
	uint64_t memory; /* of the host, bytes */
};

/* Bytes or a count that the host may not know: 0 then, as LXC prints it. */
static inline uint64_t top_known(uint64_t v)
{
	return v == UINT64_MAX ? 0 : v;
}

/* One whole screen. */
void top_draw(const struct top_view *v, struct buf *out);
