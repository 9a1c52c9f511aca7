/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A JSON writer: output only. Commas and quoting are its business; nesting up to 32. Reading is json-c's. */

#include "base/buf.h"

struct json {
	struct buf *out;
	bool pretty;
	const char *indent; /* of one level, NULL: two blanks */
	unsigned depth;
	uint32_t filled; /* bit d: level d has an element already */
	bool after_key;
};

void json_init(struct json *j, struct buf *out, bool pretty);
void json_object(struct json *j);
void json_end_object(struct json *j);
void json_array(struct json *j);
void json_end_array(struct json *j);
void json_key(struct json *j, const char *key);
void json_string(struct json *j, const char *s); /* NULL writes null; bytes that are not UTF-8 become U+FFFD */
void json_u64(struct json *j, uint64_t v);
void json_i64(struct json *j, int64_t v);
void json_double(struct json *j, double v);
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
void json_verbatim(struct json *j, const char *text); /* JSON of one value, as it is */

/* key + value */
void json_kv_string(struct json *j, const char *key, const char *s);
void json_kv_u64(struct json *j, const char *key, uint64_t v);
void json_kv_i64(struct json *j, const char *key, int64_t v);
void json_kv_double(struct json *j, const char *key, double v);
void json_kv_bool(struct json *j, const char *key, bool v);
