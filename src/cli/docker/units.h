/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Amounts as Docker's client takes and shows them. Parsers: 0 or -EINVAL/-ERANGE, *RET untouched on failure. */

#include <stdint.h>

#include "base/err.h"

/* "64m", "1.5g", "10MiB": bytes, units of 1024. */
int unit_bytes(const char *s, int64_t *ret);
/* "1.5", ".5": 10^-9 of a processor. -ERANGE: too many digits. */
int unit_nano(const char *s, int64_t *ret);
/* "1m30s", "500ms", "-2h": nanoseconds, as Go's time.ParseDuration(). */
int unit_duration(const char *s, int64_t *ret);
/* A time of --since and --until: RFC 3339 in parts, Unix seconds with a fraction, or a duration before NOW_NS. */
int unit_time(const char *s, int64_t now_ns, int64_t *ret);
/* The API's "2024-05-01T10:00:00.123456789Z". */
int unit_rfc3339(const char *s, int64_t *ret);

#define UNIT_TEXT_MAX 64
/* "12.3MB" of 1000s, DIGITS significant ones; "12.3MiB" of 1024s. */
const char *unit_size(double bytes, unsigned digits, char buf[static UNIT_TEXT_MAX]);
const char *unit_size_1024(double bytes, unsigned digits, char buf[static UNIT_TEXT_MAX]);
/* "About a minute", "3 weeks". */
const char *unit_ago(int64_t ns, char buf[static UNIT_TEXT_MAX]);
/* "2024-05-01 10:00:00 +0000 UTC", in the local zone. */
const char *unit_date(int64_t ns, char buf[static UNIT_TEXT_MAX]);
