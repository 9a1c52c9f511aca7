/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * JSON that has been checked already, looked at: what is missing, null or of another type is the default. No file but
 * value.c needs json-c for it.
 */

#include <stdint.h>

#include "base/json.h"

struct json_c_value;

/* Text whole, at most 32 levels. WHAT is named in the error. */
int value_parse(const char *text, size_t len, const char *what, struct json_c_value **ret, struct err *e);
struct json_c_value *value_free(struct json_c_value *v);
struct json_c_value *value_ref(struct json_c_value *v); /* one more who value_free()s it */
DEFINE_CLEANUP(struct json_c_value *, value_free);
#define _cleanup_value_ _cleanup_(value_freep)

/* The member, NULL: missing or null, or O is no object. Borrowed. */
struct json_c_value *value_get(const struct json_c_value *o, const char *name);
/* A path of members, "HostConfig.NetworkMode". */
struct json_c_value *value_at(const struct json_c_value *o, const char *path);
/* Text, NULL: missing or none. Of V itself where NAME is NULL. */
const char *value_text(const struct json_c_value *v, const char *name);
int64_t value_int(const struct json_c_value *v, const char *name, int64_t def);
bool value_bool(const struct json_c_value *v, const char *name);
/* Elements of an array. */
size_t value_len(const struct json_c_value *v);
struct json_c_value *value_elem(const struct json_c_value *v, size_t i);
/* Members of an object, in their order; FN's non-zero answer ends it and is returned. */
int value_each(const struct json_c_value *o, int (*fn)(void *arg, const char *name, struct json_c_value *v), void *arg);
size_t value_members(const struct json_c_value *o);

bool value_is_object(const struct json_c_value *v);
bool value_is_array(const struct json_c_value *v);

/* V (NULL: null) as an element of what is being written. */
void value_write(const struct json_c_value *v, struct json *out);
