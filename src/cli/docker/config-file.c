/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What Docker's config.json says besides log-ins: detachKeys, the formats of lists, proxies. */

#include <ctype.h>
#include <fcntl.h>
#include <json-c/json.h>

#include "base/file.h"
#include "cli/docker/create.h"
#include "cli/docker/dcli.h"

#define CONFIG_MAX (1u << 20)

char *dk_config_path(const struct docker_globals *g, const char *file)
{
	const char *dir = g->config, *home = getenv("HOME");
	_cleanup_free_ char *usual = NULL;

	if (isempty(dir))
		dir = getenv("DOCKER_CONFIG");
	if (isempty(dir))
		dir = usual = isempty(home) ? NULL : path_join(home, ".docker");
	return dir ? path_join(dir, file) : NULL;
}

struct json_object *dk_read_object(const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct json_object *o;

	if (file_read(AT_FDCWD, path, CONFIG_MAX, &text, NULL, NULL) < 0)
		return NULL;
	o = json_tokener_parse(text);
	if (o && json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

static struct json_object *read_config(const struct docker_globals *g)
{
	_cleanup_free_ char *path = dk_config_path(g, "config.json");

	return path ? dk_read_object(path) : NULL;
}

char *dk_config_text(const struct docker_globals *g, const char *member)
{
	struct json_object *o = read_config(g);
	const char *s = o ? dk_text(o, member) : "";
	char *copy = *s ? strdup(s) : NULL;

	json_object_put(o);
	return copy;
}

char *dk_config(const struct cli *c, const char *member)
{
	return dk_config_text(c->docker, member);
}

char *dk_detach_keys(const struct cli *c, const char *said)
{
	return isempty(said) ? dk_config(c, "detachKeys") : strdup(said);
}

static bool named(const struct strv *env, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, n) == 0 && (env->v[i][n] == '=' || !env->v[i][n]))
			return true;
	return false;
}

int dk_proxies(const struct cli *c, struct strv *env, struct err *e)
{
	static const char *const known[][2] = { { "HTTP_PROXY", "httpProxy" },
						{ "HTTPS_PROXY", "httpsProxy" },
						{ "FTP_PROXY", "ftpProxy" },
						{ "NO_PROXY", "noProxy" },
						{ "ALL_PROXY", "allProxy" } };
	struct json_object *o = read_config(c->docker), *of = o ? dk_get(o, "proxies.default") : NULL;
	int r = 0;

	for (size_t i = 0; of && i < ARRAY_SIZE(known) && r >= 0; i++) {
		const char *value = dk_text(of, known[i][1]);
		char name[2][16] = { "", "" };

		for (size_t k = 0; known[i][0][k]; k++) {
			name[0][k] = known[i][0][k];
			name[1][k] = (char)tolower((unsigned char)known[i][0][k]);
		}
		for (int k = 0; k < 2 && *value && r >= 0; k++)
			if (!named(env, name[k]))
				r = strv_pushf(env, e, "%s=%s", name[k], value);
	}
	json_object_put(o);
	return r;
}
