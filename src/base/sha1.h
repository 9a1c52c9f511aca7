/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-1 (FIPS 180-4), for checksums that others expect to find; it protects nothing. */

#include <stddef.h>

#define SHA1_HEX 41

/* Of DATA, as text. */
void sha1_hex(const void *data, size_t len, char ret[static SHA1_HEX]);
