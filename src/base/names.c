/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/names.h"

#define NEAREST_MAX 64

const struct name *name_find(const struct name *table, const char *s)
{
	for (; table->name; table++)
		if (streq(table->name, s))
			return table;
	return NULL;
}

const char *name_of(const struct name *table, int64_t value)
{
	for (; table->name; table++)
		if (table->value == value)
			return table->name;
	return NULL;
}

/* Levenshtein's distance of two short words, one row kept. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned row[NEAREST_MAX + 1];

	for (unsigned j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned up = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (up + 1 < best)
				best = up + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = up;
		}
	}
	return row[nb];
}

const char *nearest(const char *s, const char *const *candidates, size_t n)
{
	size_t len = strlen(s);
	const char *best = NULL;
	unsigned best_d = (unsigned)(len / 3 + 2);

	if (!len || len > NEAREST_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t cl = candidates[i] ? strlen(candidates[i]) : 0;
		unsigned d;

		if (!cl || cl > NEAREST_MAX)
			continue;
		d = distance(s, len, candidates[i], cl);
		if (d < best_d) {
			best_d = d;
			best = candidates[i];
		}
	}
	return best;
}
