/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Compressed streams: gzip by isa-l, zstd by libzstd, xz by liblzma, bzip2 by libbz2, and what is not compressed, told apart by
 * its first bytes. Nothing is ever handed to a program. Linked by programs that are not static: isa-l comes as a shared library only.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "image/pack.h"

struct inflate;
/* FD stays the caller's, and is read ahead of. */
int inflate_open(int fd, struct inflate **ret, struct err *e);
struct inflate *inflate_free(struct inflate *z);
DEFINE_CLEANUP(struct inflate *, inflate_free);
/* "gzip", "zstd", "xz", "bzip2", "none" */
const char *inflate_kind(const struct inflate *z);
/* LEN bytes, fewer only at the end; 0: the end. */
ssize_t inflate_read(struct inflate *z, void *buf, size_t len, struct err *e);
/* Compressed bytes so far. */
uint64_t inflate_taken(const struct inflate *z);

/* "gzip" (NULL too), "zstd", "none"; level 0: the default. The same input gives the same output. */
struct deflate;
int deflate_new(const char *kind, int level, const struct pack_sink *out, struct deflate **ret, struct err *e);
int deflate_add(struct deflate *z, const void *data, size_t len, struct err *e);
int deflate_end(struct deflate *z, struct err *e);
struct deflate *deflate_free(struct deflate *z);
DEFINE_CLEANUP(struct deflate *, deflate_free);
