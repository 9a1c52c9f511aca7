/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers and sizes from any text; what is accepted must print back as the same number. */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = strndup((const char *)data, size);
	_cleanup_buf_ struct buf out = {};
	char again[32], text[32];
	uint64_t u, u2;
	int64_t i;
	uint32_t w;
	struct json j;

	if (!s)
		return 0;
	if (parse_u64(s, &u) == 0) {
		snprintf(again, sizeof(again), "%" PRIu64, u);
		if (parse_u64(again, &u2) < 0 || u != u2)
			abort();
	}
	(void)parse_i64(s, &i);
	(void)parse_u32(s, &w);
	(void)parse_octal(s, &w);
	if (parse_size(s, &u) == 0 && !*format_size(u, text))
		abort();
	json_init(&j, &out, true);
	json_object(&j);
	json_kv_string(&j, s, s);
	json_end_object(&j);
	return 0;
}
