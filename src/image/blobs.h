/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The content store: an OCI image layout (oci-layout, index.json, blobs/ALGORITHM/HEX), which other tools can read. A blob
 * is there whole and with the digest of its name, or not at all: it is written below ingest/, hashed on the way, fsynced
 * and renamed. What was written of one that was interrupted stays below its key and is taken up where it ended.
 */

#include <stdint.h>
#include <time.h>

#include "base/err.h"
#include "image/digest.h"

struct blobs;
/* ROOT is made where DO_MAKE (0700); else -ENOENT when it is not there. */
int blobs_open(const char *root, bool do_make, struct blobs **ret, struct err *e);
struct blobs *blobs_free(struct blobs *b);
DEFINE_CLEANUP(struct blobs *, blobs_free);
const char *blobs_root(const struct blobs *b);

/*
 * Content that no image has yet may go at any time, unless somebody holds the store: whoever brings an image in (pull, load,
 * build, commit) does so from the first question about what is there until the image is written down. Counted, by any threads;
 * taken before a transaction of the database, never within one.
 * blobs_alone(): 0 when nobody does, and nobody will until blobs_not_alone(); else -EBUSY at once.
 */
int blobs_hold(struct blobs *b, struct err *e);
void blobs_release(struct blobs *b);
int blobs_alone(struct blobs *b);
void blobs_not_alone(struct blobs *b);

/* 0 and its size; -ENOENT (ERR_NOT_FOUND). RET_SIZE may be NULL. */
int blobs_stat(struct blobs *b, const char *digest, uint64_t *ret_size, struct err *e);
/* To read from. fd, or -ENOENT. */
int blobs_fd(struct blobs *b, const char *digest, struct err *e);
/* All of it, at most MAX bytes, its digest checked; NUL-terminated (free()). */
int blobs_read(struct blobs *b, const char *digest, size_t max, char **ret, size_t *ret_len, struct err *e);
/* Missing is fine. */
int blobs_delete(struct blobs *b, const char *digest, struct err *e);
/* Each blob; FN's non-zero answer ends it and is returned. */
int blobs_each(struct blobs *b, int (*fn)(void *arg, const char *digest, uint64_t size, const struct timespec *mtime),
	       void *arg, struct err *e);

struct blob_writer;
/*
 * KEY names the ingest (a digest, or an upload's id: one path component). One writer a key: -EBUSY (ERR_STATE). RESUME keeps what
 * an earlier one left, whose length *RET_AT tells; otherwise it starts empty.
 */
int blob_begin(struct blobs *b, const char *key, bool resume, struct blob_writer **ret, uint64_t *ret_at,
	       struct err *e);
/* What is written of KEY so far, also by another process. -ENOENT: nothing. */
int blobs_ingest_size(struct blobs *b, const char *key, uint64_t *ret, struct err *e);
int blob_write(struct blob_writer *w, const void *data, size_t len, struct err *e);
uint64_t blob_written(const struct blob_writer *w);
/* To read what is written so far, by offset. Stays the writer's. */
int blob_writer_fd(const struct blob_writer *w);
/* Puts it in place. WANT (may be NULL): the digest it must have, of whatever algorithm; where it has another, it is dropped and this is -EBADMSG
 * (ERR_INVALID). W is empty afterwards and may only be freed. */
int blob_commit(struct blob_writer *w, const char *want, char ret[static DIGEST_MAX], struct err *e);
void blob_drop(struct blob_writer *w);			     /* removes what was written */
struct blob_writer *blob_writer_free(struct blob_writer *w); /* leaves it for a resume */
DEFINE_CLEANUP(struct blob_writer *, blob_writer_free);
/* Forgets ingests that nobody writes to and that were last written to before BEFORE (seconds since 1970). */
int blobs_sweep_ingest(struct blobs *b, time_t before, struct err *e);

/* DATA whole. RET: DIGEST_MAX bytes, may be NULL. */
int blobs_add(struct blobs *b, const void *data, size_t len, char *ret, struct err *e);

/* Replaces index.json: what readers of the layout find by name. */
struct blobs_name {
	const char *media_type, *digest;
	uint64_t size;
	const char *ref; /* org.opencontainers.image.ref.name, NULL: none */
};
int blobs_index(struct blobs *b, const struct blobs_name *names, size_t n, struct err *e);
