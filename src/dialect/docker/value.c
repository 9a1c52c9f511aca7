/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/docker/value.h"

#include <limits.h>

#include "dialect/oci/json-c.h"

#define VALUE_DEPTH 32

struct json_c_value *value_free(struct json_c_value *v)
{
	json_object_put(v);
	return NULL;
}

struct json_c_value *value_ref(struct json_c_value *v)
{
	return json_object_get(v);
}

static void drop_tokener(struct json_tokener **tok)
{
	if (*tok)
		json_tokener_free(*tok);
}

int value_parse(const char *text, size_t len, const char *what, struct json_c_value **ret, struct err *e)
{
	_cleanup_(drop_tokener) struct json_tokener *tok = json_tokener_new_ex(VALUE_DEPTH);
	_cleanup_value_ struct json_c_value *v = NULL;
	enum json_tokener_error error;

	if (!tok)
		return err_oom(e);
	if (len > INT_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: too long", what);
	json_tokener_set_flags(tok, JSON_TOKENER_VALIDATE_UTF8);
	v = json_tokener_parse_ex(tok, text, (int)len);
	error = json_tokener_get_error(tok);
	if (error == json_tokener_continue || !len)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid JSON: unexpected EOF");
	if (error != json_tokener_success)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid JSON: %s at byte %zu", json_tokener_error_desc(error),
				json_tokener_get_parse_end(tok));
	if (!v || !json_object_is_type(v, json_type_object))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid JSON: %s: expected an object", what);
	*ret = TAKE_PTR(v);
	return 0;
}

struct json_c_value *value_get(const struct json_c_value *o, const char *name)
{
	struct json_c_value *v = NULL;

	if (!o || !json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, name, &v))
		return NULL;
	return v;
}

struct json_c_value *value_at(const struct json_c_value *o, const char *path)
{
	char name[128];

	while (o && *path) {
		size_t n = strcspn(path, ".");

		if (n >= sizeof(name))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		o = value_get(o, name);
		path += n + (path[n] == '.');
	}
	return (struct json_c_value *)o;
}

static const struct json_c_value *self_or(const struct json_c_value *v, const char *name)
{
	return name ? value_get(v, name) : v;
}

const char *value_text(const struct json_c_value *o, const char *name)
{
	const struct json_c_value *v = self_or(o, name);

	return v && json_object_is_type(v, json_type_string) ? json_object_get_string((struct json_c_value *)v) : NULL;
}

int64_t value_int(const struct json_c_value *o, const char *name, int64_t def)
{
	const struct json_c_value *v = self_or(o, name);

	return v && (json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double))
		       ? json_object_get_int64(v)
		       : def;
}

bool value_bool(const struct json_c_value *o, const char *name)
{
	const struct json_c_value *v = self_or(o, name);

	return v && json_object_is_type(v, json_type_boolean) && json_object_get_boolean(v);
}

bool value_is_object(const struct json_c_value *v)
{
	return v && json_object_is_type(v, json_type_object);
}

bool value_is_array(const struct json_c_value *v)
{
	return v && json_object_is_type(v, json_type_array);
}

size_t value_len(const struct json_c_value *v)
{
	return value_is_array(v) ? json_object_array_length(v) : 0;
}

struct json_c_value *value_elem(const struct json_c_value *v, size_t i)
{
	return i < value_len(v) ? json_object_array_get_idx(v, i) : NULL;
}

int value_each(const struct json_c_value *o, int (*fn)(void *arg, const char *name, struct json_c_value *v), void *arg)
{
	int r = 0;

	if (!value_is_object(o))
		return 0;
	for (struct lh_entry *i = json_object_get_object(o)->head; i && r == 0; i = i->next)
		r = fn(arg, i->k, (struct json_c_value *)i->v);
	return r;
}

size_t value_members(const struct json_c_value *o)
{
	return value_is_object(o) ? (size_t)json_object_object_length(o) : 0;
}

static int write_member(void *arg, const char *name, struct json_c_value *v)
{
	json_key(arg, name);
	value_write(v, arg);
	return 0;
}

void value_write(const struct json_c_value *v, struct json *out)
{
	switch (json_object_get_type(v)) {
	case json_type_object:
		(json_object)(out);
		(void)value_each(v, write_member, out);
		json_end_object(out);
		break;
	case json_type_array:
		json_array(out);
		for (size_t i = 0; i < value_len(v); i++)
			value_write(value_elem(v, i), out);
		json_end_array(out);
		break;
	case json_type_string:
		json_string(out, json_object_get_string((struct json_c_value *)v));
		break;
	case json_type_int:
		json_i64(out, json_object_get_int64(v));
		break;
	case json_type_double:
		json_double(out, json_object_get_double(v));
		break;
	case json_type_boolean:
		(json_bool)(out, json_object_get_boolean(v));
		break;
	default:
		json_null(out);
	}
}
