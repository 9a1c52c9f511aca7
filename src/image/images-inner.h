/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside src/image only: the rows of images. */

#include "image/images.h"

/* An image with all that it needs, or another manifest of one that is there. In the caller's transaction. */
struct image_row {
	const char *id, *manifest, *type; /* TYPE: media type of the manifest */
	size_t manifest_size;
	const struct image_config *config;
	const struct descriptor *layers; /* as packed, bottom first; as many as diff ids */
	const char *parent;		 /* id, NULL */
};
int images_put(struct images *s, const struct image_row *row, struct err *e);
/* NAME, NAME@DIGEST of NAME (may be NULL) lead to ID; index.json says so. In the caller's transaction. */
int images_name(struct images *s, const char *id, const struct reference *name, struct err *e);
/* index.json anew. */
int images_index(struct images *s, struct err *e);
/* By its id. -ENOENT. */
int images_get(struct images *s, const char *id, struct image *ret, struct err *e);
/* Removes an image's rows; what is nobody's any more is noted. In the caller's transaction. */
int images_drop(struct images *s, const char *id, struct strv *done, struct err *e);
/* Removes what was noted, unless somebody brings something in: then a later one does. *RET_BYTES grows (may be NULL). */
int images_collect(struct images *s, uint64_t *ret_bytes, struct err *e);
/* Notes a blob as perhaps nobody's. */
int images_note(struct images *s, const char *digest, struct err *e);

/* The id that NAME leads to. BY_ID: it is an id itself, or the beginning of one; else RET_REF (may be NULL) is the name, with a
 * tag or a digest. */
int images_resolve(struct images *s, const char *name, char **ret_id, bool *ret_by_id, struct reference *ret_ref,
		   struct err *e);

/* "DRIVER[,OPTION=VALUE]…" as the configuration of this host, or of an ordinary user, says; NULL: it says nothing. free().
 * FILE: NULL, where that is. */
int storage_conf(const char *file, char **ret, struct err *e);

/* Time of "2024-01-02T03:04:05.678Z" in nanoseconds since 1970; 0: none. */
int64_t image_time(const char *rfc3339);
