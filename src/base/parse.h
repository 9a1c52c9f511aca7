/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Numbers and sizes from text. The whole text must be consumed; 0 or -EINVAL/-ERANGE, *RET untouched on failure. */

#include <stdint.h>

#include "base/err.h"

int parse_u64(const char *s, uint64_t *ret); /* decimal, no sign */
int parse_u32(const char *s, uint32_t *ret);
int parse_i64(const char *s, int64_t *ret); /* optional sign */
int parse_i32(const char *s, int32_t *ret);
int parse_octal(const char *s, uint32_t *ret);

/* Decodes in place the \040 and friends that fstab(5) and /proc/PID/mountinfo write for blanks. "\000" stays as it is. */
void unescape_octal(char *s);

/* "N", or N with one of b k m g t p (any case), optionally followed by "b" or "iB"; blanks before the unit are allowed.
 * Units are powers of 1024. */
int parse_size(const char *s, uint64_t *ret);

/* "1.4 GiB": for people. */
const char *format_size(uint64_t bytes, char buf[static 32]);
