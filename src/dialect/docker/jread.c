/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/docker/jread.h"

#include <limits.h>

#include "dialect/oci/json-c.h"

struct json_c_value *jread_free(struct json_c_value *v)
{
	json_object_put(v);
	return NULL;
}

static void drop_tokener(struct json_tokener **tok)
{
	if (*tok)
		json_tokener_free(*tok);
}

int jread_text(const char *text, size_t len, const char *what, struct json_c_value **ret, struct err *e)
{
	_cleanup_(drop_tokener) struct json_tokener *tok = json_tokener_new_ex(JREAD_DEPTH);
	_cleanup_(jread_freep) struct json_c_value *v = NULL;
	size_t end;

	if (!tok)
		return err_oom(e);
	if (len > INT_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: too long", what);
	json_tokener_set_flags(tok,
			       JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
	v = json_tokener_parse_ex(tok, text, (int)len);
	end = json_tokener_get_parse_end(tok);
	/* A number alone ends with the text only. */
	if (json_tokener_get_error(tok) == json_tokener_continue && len)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: not JSON: the text ends too early", what);
	if (json_tokener_get_error(tok) != json_tokener_success || !len)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: not JSON: %s at byte %zu", what,
				json_tokener_error_desc(json_tokener_get_error(tok)), end);
	while (end < len && text[end] && strchr(" \t\r\n", text[end]))
		end++;
	if (end < len)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: not JSON: more text after its end at byte %zu", what,
				end);
	if (!v)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected an object, not null", what);
	*ret = TAKE_PTR(v);
	return 0;
}

struct json_c_value *jread_get(struct json_c_value *o, const char *name)
{
	struct json_c_value *v = NULL;

	if (!o || !json_object_is_type(o, json_type_object))
		return NULL;
	return json_object_object_get_ex(o, name, &v) ? v : NULL;
}

static int expected(struct json_c_value *v, const char *name, const char *what, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected %s, not %s", name, what,
			json_type_to_name(json_object_get_type(v)));
}

int jread_object(struct json_c_value *o, const char *name, struct json_c_value **ret, struct err *e)
{
	struct json_c_value *v = jread_get(o, name);

	if (v && !json_object_is_type(v, json_type_object))
		return expected(v, name, "an object", e);
	*ret = v;
	return 0;
}

int jread_array(struct json_c_value *o, const char *name, struct json_c_value **ret, size_t *ret_n, struct err *e)
{
	struct json_c_value *v = jread_get(o, name);

	if (v && !json_object_is_type(v, json_type_array))
		return expected(v, name, "an array", e);
	if (v && json_object_array_length(v) > JREAD_LIST)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: more than %u elements", name, JREAD_LIST);
	*ret = v;
	*ret_n = v ? json_object_array_length(v) : 0;
	return 0;
}

int jread_value(struct json_c_value *v, const char *name, const char **ret, struct err *e)
{
	const char *s;

	if (!v || !json_object_is_type(v, json_type_string))
		return expected(v, name, "a string", e);
	s = json_object_get_string(v);
	if (strlen(s) != (size_t)json_object_get_string_len(v))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected text without NUL", name);
	*ret = s;
	return 0;
}

int jread_string(struct json_c_value *o, const char *name, char **ret, struct err *e)
{
	struct json_c_value *v = jread_get(o, name);
	const char *s;
	char *copy;
	int r;

	if (!v)
		return 0;
	r = jread_value(v, name, &s, e);
	if (r < 0)
		return r;
	copy = strdup(s);
	if (!copy)
		return err_oom(e);
	free(*ret);
	*ret = copy;
	return 0;
}

int jread_i64(struct json_c_value *o, const char *name, int64_t min, int64_t max, int64_t *ret, struct err *e)
{
	struct json_c_value *v = jread_get(o, name);
	int64_t n;

	if (!v)
		return 0;
	if (!json_object_is_type(v, json_type_int))
		return expected(v, name, "a whole number", e);
	n = json_object_get_int64(v);
	if (n < min || n > max)
		return err_kind(e, ERR_INVALID, -ERANGE, "%s: %lld is out of range", name, (long long)n);
	*ret = n;
	return 0;
}

int jread_bool(struct json_c_value *o, const char *name, bool *ret, struct err *e)
{
	struct json_c_value *v = jread_get(o, name);

	if (!v)
		return 0;
	if (!json_object_is_type(v, json_type_boolean))
		return expected(v, name, "true or false", e);
	*ret = json_object_get_boolean(v);
	return 0;
}

int jread_strv(struct json_c_value *o, const char *name, struct strv *ret, bool *ret_set, struct err *e)
{
	struct json_c_value *v = jread_get(o, name);
	const char *s;
	size_t n;
	int r;

	if (!v)
		return 0;
	if (ret_set)
		*ret_set = true;
	if (json_object_is_type(v, json_type_string)) {
		r = jread_value(v, name, &s, e);
		return r < 0 ? r : strv_push(ret, s, e);
	}
	r = jread_array(o, name, &v, &n, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = jread_value(json_object_array_get_idx(v, i), name, &s, e);
		if (r == 0)
			r = strv_push(ret, s, e);
	}
	return r;
}

static int read_members(struct json_c_value *o, const char *name, bool values, struct strv *ret, struct err *e)
{
	struct json_c_value *v;
	int r = jread_object(o, name, &v, e);

	if (r < 0 || !v)
		return r;
	if ((size_t)json_object_object_length(v) > JREAD_LIST)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: more than %u members", name, JREAD_LIST);
	for (struct json_object_iterator it = json_object_iter_begin(v), end = json_object_iter_end(v);
	     !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *key = json_object_iter_peek_name(&it), *s = "";
		struct json_c_value *value = json_object_iter_peek_value(&it);

		if (values && value)
			r = jread_value(value, name, &s, e);
		if (r == 0)
			r = values ? strv_pushf(ret, e, "%s=%s", key, s) : strv_push(ret, key, e);
		if (r < 0)
			return r;
	}
	strv_sort(ret);
	return 0;
}

int jread_keys(struct json_c_value *o, const char *name, struct strv *ret, struct err *e)
{
	return read_members(o, name, false, ret, e);
}

int jread_map(struct json_c_value *o, const char *name, struct strv *ret, struct err *e)
{
	return read_members(o, name, true, ret, e);
}
