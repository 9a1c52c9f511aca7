/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * context ls, show, inspect, use. Docker's client has contexts for daemons elsewhere. Ours has one, "default": containers are run
 * here. Those that another client has left in ~/.docker/contexts are shown, and are as good as "default" where they mean this machine.
 */

#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/file.h"
#include "cli/docker/context.h"
#include "cli/docker/dcli.h"
#include "image/digest.h"

#define SOCKET "unix:///var/run/docker.sock"

struct args {
	const char *format;
	bool quiet;
};
#define AT(member) offsetof(struct args, member)

static const struct opt list_rows[] = { { 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR,
					  AT(format) },
					{ 'q', "quiet", NULL, "The names only.", OPT_BOOL, AT(quiet), 1 },
					OPT_END };
static const struct opt inspect_rows[] = {
	{ 'f', "format", "FORMAT", "json, or a template (creel(1)).", OPT_STR, AT(format) }, OPT_END
};

/* Where its description is; free(), NULL: out of memory. */
static char *meta_path(const struct docker_globals *g, const char *name)
{
	_cleanup_free_ char *dir = dk_config_path(g, "contexts/meta");
	char digest[DIGEST_MAX], rest[DIGEST_MAX + 16];

	digest_of(name, strlen(name), digest);
	snprintf(rest, sizeof(rest), "%s/meta.json", digest + strlen("sha256:"));
	return dir ? path_join(dir, rest) : NULL;
}

static const char *endpoint(struct json_object *meta)
{
	return dk_text(meta, "Endpoints.docker.Host");
}

/* What is asked for: by -c, else $DOCKER_CONTEXT, else config.json; "": nothing is. free(), NULL: out of memory. */
static char *asked(const struct docker_globals *g)
{
	const char *env = g->environment ? getenv("DOCKER_CONTEXT") : NULL;
	char *config;

	if (!isempty(g->context))
		return strdup(g->context);
	if (!g->environment || g->hosts.n || !isempty(getenv("DOCKER_HOST")))
		return strdup("");
	if (!isempty(env))
		return strdup(env);
	config = dk_config_text(g, "currentContext");
	return config ?: strdup("");
}

int docker_context_check(const struct docker_globals *g)
{
	_cleanup_free_ char *name = asked(g), *path = NULL;
	struct json_object *meta;
	int code = 0;

	if (g->hosts.n && !isempty(g->context)) {
		fprintf(stderr, "conflicting options: either specify --host or --context, not both\n");
		return 1;
	}
	if (isempty(name) || streq(name, "default"))
		return 0;
	path = meta_path(g, name);
	meta = path ? dk_read_object(path) : NULL;
	if (!meta) {
		fprintf(stderr,
			"Failed to initialize: unable to resolve docker endpoint: context \"%s\": context not found: "
			"%s\n",
			name, path ?: "");
		code = 1;
	} else if (!startswith(endpoint(meta), "unix://")) {
		fprintf(stderr,
			"unable to resolve docker endpoint: context \"%s\": %s: containers are run here, no daemon "
			"elsewhere is "
			"asked\n",
			name, endpoint(meta));
		code = 1;
	}
	json_object_put(meta);
	return code;
}

/* --- the commands ------------------------------------------------------------------------------------------------------------- */

static struct json_object *member(struct json_object *o, const char *name, struct json_object *value)
{
	json_object_object_add(o, name, value);
	return o;
}

static void add_row(struct json_object *rows, const char *name, const char *description, const char *host,
		    const char *current)
{
	struct json_object *row = json_object_new_object();

	member(row, "Name", json_object_new_string(name));
	member(row, "Description", json_object_new_string(description));
	member(row, "DockerEndpoint", json_object_new_string(host));
	member(row, "Current", json_object_new_boolean(streq(name, current)));
	member(row, "Error", json_object_new_string(""));
	json_object_array_add(rows, row);
}

static void add_stored(const struct docker_globals *g, struct json_object *rows, const char *current)
{
	_cleanup_free_ char *path = dk_config_path(g, "contexts/meta");
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		_cleanup_free_ char *of = path_join(path, de->d_name), *file = of ? path_join(of, "meta.json") : NULL;
		struct json_object *meta = file ? dk_read_object(file) : NULL;

		if (meta && *dk_text(meta, "Name"))
			add_row(rows, dk_text(meta, "Name"), dk_text(meta, "Metadata.Description"), endpoint(meta),
				current);
		json_object_put(meta);
	}
	if (dir)
		closedir(dir);
}

static int run_ls(struct cli *c)
{
	static const struct column columns[] = { { "Current", "" },
						 { "Description", "DESCRIPTION" },
						 { "DockerEndpoint", "DOCKER ENDPOINT" },
						 { "Error", "ERROR" },
						 { "Name", "NAME" },
						 { NULL, NULL } };
	static const struct listing l = {
		"{{.Name}}{{if .Current}} *{{end}}\t{{.Description}}\t{{.DockerEndpoint}}\t{{.Error}}", columns, ""
	};
	_cleanup_free_ char *current = asked(c->docker);
	struct json_object *rows;
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	rows = json_object_new_array();
	add_stored(c->docker, rows, current ?: "");
	add_row(rows, "default", "Current DOCKER_HOST based configuration", SOCKET,
		isempty(current) ? "default" : current);
	json_object_array_sort(rows, dk_by_name);
	code = dk_print_rows(c, a.quiet ? "{{.Name}}" : a.format, &l, rows);
	json_object_put(rows);
	return code;
}

static int run_show(struct cli *c)
{
	_cleanup_free_ char *current = asked(c->docker);
	int code = dk_parse(c, NULL);

	if (code >= 0)
		return code;
	printf("%s\n", isempty(current) ? "default" : current);
	return 0;
}

/* The caller's; NULL: there is none of that name, and that has been said. */
static struct json_object *description(const struct cli *c, const char *name)
{
	_cleanup_free_ char *path = meta_path(c->docker, name);
	struct json_object *o;

	if (!streq(name, "default")) {
		o = path ? dk_read_object(path) : NULL;
		if (!o)
			dk_error(c, "context \"%s\": context not found: %s", name, path ?: "");
		return o;
	}
	o = json_object_new_object();
	member(o, "Name", json_object_new_string("default"));
	member(o, "Metadata", json_object_new_object());
	return member(o, "Endpoints",
		      member(json_object_new_object(), "docker",
			     member(member(json_object_new_object(), "Host", json_object_new_string(SOCKET)),
				    "SkipTLSVerify", json_object_new_boolean(false))));
}

static int run_inspect(struct cli *c)
{
	_cleanup_free_ char *current = asked(c->docker);
	struct json_object *list;
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	code = 0;
	list = json_object_new_array();
	for (size_t i = 0; i < (c->operands.n ?: 1); i++) {
		struct json_object *o = description(c, c->operands.n	  ? c->operands.v[i]
						       : isempty(current) ? "default"
									  : current);

		if (!o) {
			code = 1;
			continue;
		}
		member(o, "TLSMaterial", json_object_new_object());
		member(o, "Storage",
		       member(member(json_object_new_object(), "MetadataPath", json_object_new_string("<IN MEMORY>")),
			      "TLSPath", json_object_new_string("<IN MEMORY>")));
		json_object_array_add(list, o);
	}
	code = dk_print_inspected(c, a.format, list) ?: code;
	json_object_put(list);
	return code;
}

static int run_use(struct cli *c)
{
	_cleanup_free_ char *config = NULL;
	int code = dk_parse(c, NULL);

	if (code >= 0)
		return code;
	if (!streq(c->operands.v[0], "default"))
		return dk_error(c,
				"context \"%s\": containers are run here: there is no context to use but \"default\"",
				c->operands.v[0]);
	config = dk_config_text(c->docker, "currentContext");
	if (config && !streq(config, "default"))
		return dk_error(c, "config.json says \"%s\": take its member currentContext out", config);
	printf("default\n");
	fflush(stdout);
	fprintf(stderr, "Current context is now \"default\"\n");
	return 0;
}

const struct command cmd_docker_context_ls = {
	.name = "context ls",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "List contexts",
	.description = "Lists \"default\", which is this machine, and what Docker's client has of others: no daemon is "
		       "asked, so those "
		       "are good for nothing here but where they mean a socket of this machine.",
	.opts = list_rows,
	.see_also = "creel-context-inspect(1)",
	.run = run_ls,
};

const struct command cmd_docker_context_show = {
	.name = "context show",
	.flags = CMD_DOCKER,
	.synopsis = "",
	.summary = "Print the name of the current context",
	.description =
		"Prints which context is asked for: \"default\", unless $DOCKER_CONTEXT or config.json say otherwise.",
	.see_also = "creel-context-ls(1)",
	.run = run_show,
};

const struct command cmd_docker_context_inspect = {
	.name = "context inspect",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] [CONTEXT...]",
	.summary = "Display detailed information on one or more contexts",
	.description = "Prints what is known of each as JSON, or what a template makes of it.",
	.opts = inspect_rows,
	.max_args = ARGS_ANY,
	.see_also = "creel-context-ls(1)",
	.run = run_inspect,
};

const struct command cmd_docker_context_use = {
	.name = "context use",
	.flags = CMD_DOCKER,
	.synopsis = "CONTEXT",
	.summary = "Set the current context",
	.description = "Accepts \"default\", and says why it can be no other.",
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-context-ls(1)",
	.run = run_use,
};
