/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whether what is stored is what it is said to be: blobs against their digests, layers against their blobs, rows against files and
 * files against rows. What is damaged is found by doing again what made it, and mended by putting the new in its place.
 */

#include "image/images.h"

struct check_opts {
	bool quick;  /* what is there and what is not; contents are not read */
	bool repair; /* what can be had again is made anew; what nobody can use goes */
	/* Whether the container USER runs: then nothing below it is replaced. */
	bool (*runs)(void *arg, const char *user);
	/* One finding: WHAT ("layer sha256:…") IS ("not what its blob says"). MENDED: what was done; NULL: nothing, because of WHY
	 * (may be NULL). */
	void (*found)(void *arg, const char *what, const char *is, const char *mended, const char *why);
	void *arg;
};
/* All of it, while nobody brings anything in: -EBUSY otherwise. Less than 0: it could not be looked at. */
int images_check(struct images *s, const struct check_opts *o, struct err *e);
/* Of one image. */
int image_check(struct images *s, const char *name, const struct check_opts *o, struct err *e);
/* A layer against its blob IN: 1, it is the same; 0, it is not, and was replaced where REPAIR. */
int layer_check(struct layers *l, const char *parent, const struct layer_input *in, const char *diff, const char *chain,
		bool repair, struct err *e);
