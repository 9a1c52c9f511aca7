/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Signatures of JSON web tokens (RFC 7515): RS256, ES256, EdDSA. By themselves, for libcrypto has an ERR_STATE of its own. */

#include <stdbool.h>
#include <stddef.h>

struct jwt_keys;
/* The public keys and certificates of PEM text. NULL: there is none. */
struct jwt_keys *jwt_keys_new(const char *pem, size_t len);
void jwt_keys_free(struct jwt_keys *k);
/* Is SIG one of TEXT by any of them, whose kind is what ALG needs? */
bool jwt_signed(const struct jwt_keys *k, const char *alg, const char *text, size_t len, const char *sig,
		size_t sig_len);
