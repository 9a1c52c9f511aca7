/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Command lines of `create` against the bodies that Docker's client makes of them (docker-create.cases). */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libgen.h>

#include "base/file.h"
#include "unit/test.h"

#include "docker-rig.h"

/* Says nothing: the API's empty values are the same as no member at all. */
static bool says_nothing(const char *key, struct json_object *o)
{
	if (!o)
		return true;
	switch (json_object_get_type(o)) {
	case json_type_boolean:
		return !json_object_get_boolean(o) && strcmp(key, "Init") != 0;
	case json_type_int:
		return json_object_get_int64(o) == 0;
	case json_type_string:
		return json_object_get_string_len(o) == 0;
	case json_type_array:
		return json_object_array_length(o) == 0 && !strstr(key, "Paths");
	case json_type_object:
		return json_object_object_length(o) == 0 && !strchr(key, '/');
	default:
		return false;
	}
}

/* A copy without what says nothing. */
static struct json_object *essence(struct json_object *o)
{
	struct json_object *copy;

	if (json_object_is_type(o, json_type_array) && o) {
		copy = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(o); i++)
			json_object_array_add(copy, essence(json_object_array_get_idx(o, i)));
		return copy;
	}
	if (!json_object_is_type(o, json_type_object) || !o)
		return json_object_get(o);
	copy = json_object_new_object();
	json_object_object_foreach(o, key, value)
	{
		struct json_object *v = essence(value);

		if (says_nothing(key, v))
			json_object_put(v);
		else
			json_object_object_add(copy, key, v);
	}
	return copy;
}

/* Limits are a set: Docker sorts them, we keep their order. */
static bool same(struct json_object *a, struct json_object *b)
{
	if (json_object_is_type(a, json_type_array) && json_object_is_type(b, json_type_array) && a && b) {
		size_t n = json_object_array_length(a);
		struct json_object *name;

		if (n != json_object_array_length(b))
			return false;
		if (n == 0 || !json_object_object_get_ex(json_object_array_get_idx(a, 0), "Soft", &name))
			return json_object_equal(a, b);
		for (size_t i = 0; i < n; i++) {
			bool found = false;

			for (size_t k = 0; k < n; k++)
				found = found || json_object_equal(json_object_array_get_idx(a, i),
								   json_object_array_get_idx(b, k));
			if (!found)
				return false;
		}
		return true;
	}
	if (!a || !b || !json_object_is_type(a, json_type_object) || !json_object_is_type(b, json_type_object))
		return json_object_equal(a, b);
	if (json_object_object_length(a) != json_object_object_length(b))
		return false;
	json_object_object_foreach(a, key, value)
	{
		struct json_object *other;

		if (!json_object_object_get_ex(b, key, &other) || !same(value, other))
			return false;
	}
	return true;
}

static bool one(const char *line, const char *want)
{
	char got[ERR_MSG_MAX + 8192] = "";
	struct json_object *a, *b;
	bool ok;

	rig_create(line, got, sizeof(got));
	if (*want == '!' || *got == '!') {
		ok = strcmp(got, want) == 0;
	} else {
		struct json_object *ours = json_tokener_parse(got), *theirs = json_tokener_parse(want);

		a = essence(ours);
		b = essence(theirs);
		ok = ours && theirs && same(a, b);
		json_object_put(a);
		json_object_put(b);
		json_object_put(ours);
		json_object_put(theirs);
	}
	if (!ok)
		printf("# %s\n#   ours   %s\n#   theirs %s\n", line, got, want);
	return ok;
}

TEST(bodies_are_those_of_dockers_client)
{
	char path[4096], *text, *next;
	unsigned n = 0, bad = 0;

	snprintf(path, sizeof(path), "%s", __FILE__);
	snprintf(path + strlen(dirname(path)), 64, "/docker-create.cases");
	CHECK(file_read(AT_FDCWD, path, 1 << 20, &text, NULL, NULL) == 0);
	for (char *line = text; line && *line; line = next) {
		char *want;

		next = strchr(line, '\n');
		*next++ = '\0';
		if (*line != '$')
			continue;
		want = next;
		next = strchr(want, '\n');
		*next++ = '\0';
		n++;
		bad += !one(line + 2, want);
	}
	free(text);
	printf("# %u command lines\n", n);
	CHECK(bad == 0);
	CHECK(n > 100);
}
