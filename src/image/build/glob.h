/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Patterns with wildcards, of two kinds:
 *   paths  as Go's filepath.Match has them, with `**`: for .dockerignore and for the sources of COPY
 *   shell  `*` and `?` of ${name#pattern} and its relatives
 * A match takes time that grows with text times pattern only, whatever the pattern.
 */

#include <stdint.h>

#include "base/err.h"

#define GLOB_MAX 1024 /* tokens */

struct glob_tok;
struct glob {
	struct glob_tok *tok;
	size_t n;
};

void glob_done(struct glob *g);
#define _cleanup_glob_ _cleanup_(glob_done)

int glob_path(struct glob *g, const char *pattern, struct err *e);
int glob_shell(struct glob *g, const char *pattern, struct err *e);
void glob_reverse(struct glob *g);

/* Whether all of TEXT matches. */
bool glob_match(const struct glob *g, const char *text);

/* Where the longest (or shortest) match ends that begins at AT; -1: there is none. */
long glob_end(const struct glob *g, const uint32_t *text, size_t n, size_t at, bool longest);

/* TEXT's characters (free()), *RET_N of them; NULL when out of memory. */
uint32_t *glob_chars(const char *text, size_t *ret_n);
