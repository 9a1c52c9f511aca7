/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Two-way tables of names and values. Each table is one array, ended by a NULL name; both directions are generated
 * from it, and a unit test round-trips every table.
 */

#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

struct name {
	const char *name;
	int64_t value;
};

/* The first row whose name / value matches, or NULL. Several names may share a value: the first is the canonical. */
const struct name *name_find(const struct name *table, const char *s);
const char *name_of(const struct name *table, int64_t value);

/* The nearest of the candidates by edit distance, when it is near enough to be worth showing; else NULL. */
const char *nearest(const char *s, const char *const *candidates, size_t n);
