/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside src/image only: what pack.h does not have of the tar writer. */

#include "image/pack.h"

struct tar_xattr;
int tar_put_full(struct tar_writer *t, const struct tar_out *h, const struct tar_xattr *xattrs, size_t n,
		 struct err *e);
int tar_put_zeroes(struct tar_writer *t, uint64_t len, struct err *e);

/* What FILL writes, as a compressed blob of B: descriptor and the digest of what was written. */
int pack_stream(struct blobs *b, const char *compression, int level,
		int (*fill)(void *arg, const struct pack_sink *out, struct err *e), void *arg, struct descriptor *ret,
		char ret_diff[static DIGEST_MAX], struct err *e);
