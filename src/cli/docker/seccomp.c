/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>

#include "base/file.h"
#include "cli/docker/seccomp.h"

#define BAD(...)    err_kind(e, ERR_INVALID, -EINVAL, __VA_ARGS__)
#define PROFILE_MAX (4u << 20)

int seccomp_inline(const char *path, struct strv *out, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct json_object *o;
	int r;

	r = file_read(AT_FDCWD, path, PROFILE_MAX, &text, NULL, NULL);
	if (r < 0)
		return err_kind(e, ERR_INVALID, r, "opening seccomp profile (%s) failed: open %s: %s", path, path,
				r == -ENOENT ? "no such file or directory" : "it cannot be read");
	o = json_tokener_parse(text);
	if (!o)
		return BAD("compacting json for seccomp profile (%s) failed: not JSON", path);
	r = strv_pushf(out, e, "seccomp=%s",
		       json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return r;
}
