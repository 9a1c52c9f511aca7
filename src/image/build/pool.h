/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Memory that is let go all at once: what a Dockerfile parses to, and what one build makes of it.
 * A failure is sticky (`failed`) and harmless: strings become "", lists stay as they are. It is asked for at the end.
 */

#include "base/err.h"

#define POOL_LIMIT (64u << 20)

struct pool_block;
struct pool {
	struct pool_block *blocks;
	size_t used;
	bool failed;
};

void pool_done(struct pool *p);
#define _cleanup_pool_ _cleanup_(pool_done)

/* Zeroed; NULL when out of memory. */
void *pool_alloc(struct pool *p, size_t size);
const char *pool_str(struct pool *p, const char *s);
const char *pool_strn(struct pool *p, const char *s, size_t n);
const char *pool_printf(struct pool *p, const char *fmt, ...) _printf_(2, 3);

/* A list of strings in a pool. */
struct texts {
	const char **v;
	size_t n;
};
void pool_add(struct pool *p, struct texts *l, const char *s); /* keeps the pointer */
/* Index of S, or -1. */
long pool_find(const struct texts *l, const char *s);

/* 0, or -ENOMEM. */
int pool_error(const struct pool *p, struct err *e);
