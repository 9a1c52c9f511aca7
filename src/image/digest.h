/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Digests of content, "sha256:HEX" (and sha512), by the grammar of the OCI image specification. Hashing is libcrypto's. */

#include <sys/types.h>

#include "base/err.h"

#define DIGEST_MAX 136 /* "sha512:" and 128 digits, NUL included */

/* A registered algorithm and exactly its digits, lower case. -EINVAL names what is wrong. */
int digest_check(const char *digest, struct err *e);
bool digest_valid(const char *digest);
/* "sha256", and the digits. DIGEST is valid. */
const char *digest_hex(const char *digest);

struct hasher; /* incremental */
/* ALGORITHM: "sha256" (NULL too) or "sha512". */
int hasher_new(const char *algorithm, struct hasher **ret, struct err *e);
/* Is DIGEST one of its algorithm? */
bool hasher_is(const struct hasher *h, const char *digest);
void hasher_add(struct hasher *h, const void *data, size_t len);
/* Once; then it may only be freed. */
void hasher_end(struct hasher *h, char ret[static DIGEST_MAX]);
struct hasher *hasher_free(struct hasher *h);
DEFINE_CLEANUP(struct hasher *, hasher_free);

/* sha256 of DATA. */
void digest_of(const void *data, size_t len, char ret[static DIGEST_MAX]);
