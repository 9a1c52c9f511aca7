/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The API's filters: {"name":["a","b"]} or {"name":{"a":true}}. Of one name any value will do, of
 * several names each has to; of labels each. */

#include "engine/docker-inner.h"

struct checking {
	const char *const *known;
	struct err *e;
};

static int check_name(void *arg, const char *name, struct json_c_value *v)
{
	const struct checking *c = arg;

	for (const char *const *k = c->known; *k; k++)
		if (streq(*k, name))
			return value_is_array(v) || value_is_object(v)
				       ? 0
				       : err_kind(c->e, ERR_INVALID, -EINVAL, "invalid filter");
	return err_kind(c->e, ERR_INVALID, -EINVAL, "invalid filter '%s'", name);
}

int docker_filters_parse(const char *text, const char *const *known, struct json_c_value **ret, struct err *e)
{
	struct checking c = { known, e };
	int r;

	if (isempty(text) || streq(text, "null"))
		return 0;
	r = value_parse(text, strlen(text), "filters", ret, e);
	return r < 0 ? err_wrap(e, r, "invalid filter") : value_each(*ret, check_name, &c);
}

struct asking {
	bool (*fn)(void *arg, const char *value);
	void *arg;
	bool any, all;
};

static int ask(void *arg, const char *name, struct json_c_value *v)
{
	struct asking *a = arg;

	if (a->fn(a->arg, name))
		a->any = true;
	else
		a->all = false;
	return 0;
}

bool docker_filter_said(const struct json_c_value *f, const char *name)
{
	const struct json_c_value *v = value_get(f, name);

	return value_len(v) || value_members(v);
}

bool docker_filter(const struct json_c_value *f, const char *name, bool (*fn)(void *arg, const char *value), void *arg)
{
	const struct json_c_value *v = value_get(f, name);
	struct asking a = { fn, arg, false, true };

	if (!docker_filter_said(f, name))
		return true;
	for (size_t i = 0; i < value_len(v); i++)
		(void)ask(&a, value_text(value_elem(v, i), NULL) ?: "", NULL);
	(void)value_each(v, ask, &a);
	return startswith(name, "label") ? a.all : a.any;
}

bool docker_filter_labels(const struct json_c_value *f, bool (*fn)(void *arg, const char *value), void *arg)
{
	return docker_filter(f, "label", fn, arg) &&
	       (!docker_filter_said(f, "label!") || !docker_filter(f, "label!", fn, arg));
}

bool docker_label_match(const struct json_c_value *labels, const char *want)
{
	const char *eq = strchr(want, '=');
	_cleanup_free_ char *key = strndup(want, eq ? (size_t)(eq - want) : strlen(want));
	const char *value = key ? value_text(labels, key) : NULL;

	return value && (!eq || streq(value, eq + 1));
}
