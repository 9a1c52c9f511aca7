/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Members of JSON objects that came from outside, one call each: what is missing or null leaves *RET as it was, what has
 * another type is an error that names the member. Used by those who include json-c by dialect/oci/json-c.h.
 */

#include <stdint.h>

#include "base/strv.h"

#define JREAD_DEPTH 32	   /* levels of nesting */
#define JREAD_LIST  65536u /* elements of one list */

struct json_c_value;
struct json_c_value *jread_free(struct json_c_value *v);
DEFINE_CLEANUP(struct json_c_value *, jread_free);

/* TEXT whole, UTF-8. WHAT: what it is, for the error. Any type of value; jread_free(). */
int jread_text(const char *text, size_t len, const char *what, struct json_c_value **ret, struct err *e);

/* The member, or NULL: missing, null, or O is no object. */
struct json_c_value *jread_get(struct json_c_value *o, const char *name);
/* The member, which is an object; an array. *RET NULL: missing. */
int jread_object(struct json_c_value *o, const char *name, struct json_c_value **ret, struct err *e);
int jread_array(struct json_c_value *o, const char *name, struct json_c_value **ret, size_t *ret_n, struct err *e);
/* V itself as text without NUL bytes. */
int jread_value(struct json_c_value *v, const char *name, const char **ret, struct err *e);
/* *RET (free()) replaces what was there. */
int jread_string(struct json_c_value *o, const char *name, char **ret, struct err *e);
int jread_i64(struct json_c_value *o, const char *name, int64_t min, int64_t max, int64_t *ret, struct err *e);
int jread_bool(struct json_c_value *o, const char *name, bool *ret, struct err *e);
/* An array of strings, or (as Docker takes it) one string. *RET_SET: it was there. May be NULL. */
int jread_strv(struct json_c_value *o, const char *name, struct strv *ret, bool *ret_set, struct err *e);
/* The names of an object's members, whatever they hold; with their strings, "K=V". Sorted. */
int jread_keys(struct json_c_value *o, const char *name, struct strv *ret, struct err *e);
int jread_map(struct json_c_value *o, const char *name, struct strv *ret, struct err *e);
