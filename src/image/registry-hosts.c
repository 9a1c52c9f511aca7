/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this host says of registries. Two files of the same form, ours and that of Docker's daemon, whose other members mean
 * nothing here:
 *
 *   { "insecure-registries": ["host:5000", "10.0.0.0/8"],
 *     "registry-mirrors": ["https://mirror.example"],                  of Docker Hub
 *     "mirrors": { "quay.io": ["https://mirror.example/quay"] } }      of any
 */
#include <fcntl.h>
#include <json-c/json.h>

#include "base/file.h"
#include "image/registry-inner.h"

#include "config.h"

#define HOSTS_MAX   (1u << 20)
#define HOSTS_DEPTH 8

void registry_hosts_done(struct registry_hosts *h)
{
	strv_done(&h->insecure);
	strv_done(&h->mirrors);
}

/* Each text of LIST, PREFIX before it. */
static int take_list(struct json_object *list, const char *prefix, const char *what, struct strv *to, struct err *e)
{
	int rc = 0;

	if (!json_object_is_type(list, json_type_array))
		return err_kind(e, ERR_INVALID, -EINVAL, "member '%s' is no array", what);
	for (size_t i = 0; rc >= 0 && i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (!json_object_is_type(v, json_type_string))
			return err_kind(e, ERR_INVALID, -EINVAL, "member '%s' has an element that is no text", what);
		rc = strv_pushf(to, e, "%s%s", prefix, json_object_get_string(v));
	}
	return rc;
}

static int take_mirrors(struct json_object *o, struct strv *to, struct err *e)
{
	int rc = 0;

	if (!json_object_is_type(o, json_type_object))
		return err_kind(e, ERR_INVALID, -EINVAL, "member 'mirrors' is no object");
	json_object_object_foreach(o, domain, list)
	{
		_cleanup_buf_ struct buf prefix = BUF_INIT;

		buf_printf(&prefix, "%s=", domain);
		rc = take_list(list, buf_str(&prefix), "mirrors", to, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int registry_hosts_parse(const char *text, size_t len, struct registry_hosts *ret, struct err *e)
{
	struct json_tokener *tok = json_tokener_new_ex(HOSTS_DEPTH);
	struct json_object *o = tok && len <= HOSTS_MAX ? json_tokener_parse_ex(tok, text, (int)len) : NULL, *v;
	int rc = 0;

	if (!json_object_is_type(o, json_type_object))
		rc = err_kind(e, ERR_INVALID, -EINVAL, "expected a JSON object");
	if (rc >= 0 && json_object_object_get_ex(o, "insecure-registries", &v))
		rc = take_list(v, "", "insecure-registries", &ret->insecure, e);
	if (rc >= 0 && json_object_object_get_ex(o, "registry-mirrors", &v))
		rc = take_list(v, REFERENCE_DOCKER "=", "registry-mirrors", &ret->mirrors, e);
	if (rc >= 0 && json_object_object_get_ex(o, "mirrors", &v))
		rc = take_mirrors(v, &ret->mirrors, e);
	json_object_put(o);
	if (tok)
		json_tokener_free(tok);
	return rc;
}

int registry_hosts_load(const char *file, struct registry_hosts *ret, struct err *e)
{
	static const char *const files[] = { CREEL_SYSCONFDIR "/creel/registries.json", "/etc/docker/daemon.json" };

	for (size_t i = 0; i < (file ? 1 : ARRAY_SIZE(files)); i++) {
		const char *path = file ?: files[i];
		_cleanup_free_ char *text = NULL;
		size_t len;
		int rc = file_read(AT_FDCWD, path, HOSTS_MAX, &text, &len, e);

		/* An ordinary user may not be allowed to read Docker's. */
		if (!file && (rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES)) {
			err_clear(e);
			continue;
		}
		if (rc >= 0)
			rc = registry_hosts_parse(text, len, ret, e);
		if (rc < 0)
			return err_wrap(e, rc, "%s", path);
	}
	return 0;
}
