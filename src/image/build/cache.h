/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What builds keep for later ones: which layer each step made (rows of creel.db), and the folders of RUN --mount=type=cache
 * (DATA/build/cache, locked by those who use them). A row does not keep its layer: that goes with the last image that has it, and
 * the row is worth nothing then.
 */

#include "image/images.h"

/* What a step made. */
struct cached {
	char *created;
	char diff[DIGEST_MAX], blob[DIGEST_MAX], chain[DIGEST_MAX]; /* "": it made no layer */
	char *media_type;
	uint64_t size;
};
void cached_done(struct cached *c);
int cache_open(struct images *s, struct err *e);
/* 1, or 0 when KEY is not known. */
int cache_get(struct images *s, const char *key, struct cached *ret, struct err *e);
/* TEXT: what the step was, for people. */
int cache_put(struct images *s, const char *key, const char *text, const struct cached *c, struct err *e);

struct cache_entry {
	const char *id, *text;
	const char *chain; /* of its layer, "" */
	uint64_t size;
	int64_t made_ns, used_ns, uses;
	bool folder; /* of a cache mount */
	bool shared; /* an image has its layer */
	bool in_use;
};
/* FN's non-zero answer ends it and is returned. Folders first, then steps, those first that were used last. */
int cache_each(struct images *s, int (*fn)(void *arg, const struct cache_entry *c), void *arg, struct err *e);

struct cache_prune {
	bool all;	   /* also what images share */
	int64_t before_ns; /* only what was last used before; 0: all */
	uint64_t keep;	   /* as much of what was used last stays; 0: nothing */
	const char *id;	   /* only this one, or those that it is the beginning of; NULL */
	const char *type;  /* only "regular" or "exec.cachemount"; NULL */
};
/* Those that went, in DONE. */
int cache_prune(struct images *s, const struct cache_prune *o, struct strv *done, uint64_t *ret_bytes, struct err *e);
