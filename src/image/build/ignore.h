/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* .dockerignore, and --exclude of COPY: which files of a context are left out. Paths are relative and clean: "a/b". */

#include "base/err.h"
#include "image/build/pool.h"

#define IGNORE_SIZE_MAX (1u << 20)

struct ignore_rule;
struct ignore {
	struct ignore_rule *rules;
	size_t n;
	bool exceptions; /* a line with ! is among them */
};

void ignore_done(struct ignore *g);
#define _cleanup_ignore_ _cleanup_(ignore_done)

/* The text of a file. */
int ignore_parse(struct ignore *g, const char *text, size_t len, struct err *e);
/* One pattern more. */
int ignore_add(struct ignore *g, const char *pattern, struct err *e);

/* Whether PATH is left out: the last rule that it, or a folder above it, matches decides. */
bool ignore_match(const struct ignore *g, const char *path);

/* filepath.Clean of Go, of a path or a pattern (free()); NULL when out of memory. */
char *path_clean(const char *path);
