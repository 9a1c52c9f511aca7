/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Base64 (RFC 4648), for credentials and headers. */

#include "base/buf.h"

/* With the standard alphabet and padding; URL: the URL-safe alphabet. */
void base64_encode(const void *data, size_t len, bool url, struct buf *out);
/* Either alphabet, padding or none, no blanks. *RET is NUL-terminated (free()). -EINVAL: it is something else. */
int base64_decode(const char *s, size_t len, char **ret, size_t *ret_len);
