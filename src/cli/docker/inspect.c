/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* inspect, of anything, and container, image, network and volume inspect. */

#include <json-c/json.h>
#include <stdio.h>

#include "cli/docker/dcli.h"
#include "cli/docker/template.h"

struct args {
	const char *format, *type;
	bool size, verbose;
};
#define AT(member) offsetof(struct args, member)
#define FORMAT_ROW                                                                              \
	{                                                                                       \
		'f', "format", "FORMAT", "json, or a template (creel(1)).", OPT_STR, AT(format) \
	}

static const struct opt all_rows[] = { FORMAT_ROW,
				       { 's', "size", NULL, "The sizes of containers, too.", OPT_BOOL, AT(size), 1 },
				       { 0, "type", "TYPE", "Look among these only.", OPT_STR, AT(type),
					 .complete = COMPLETE_WORDS, .words = "container image network volume" },
				       OPT_END };
static const struct opt container_rows[] = { FORMAT_ROW,
					     { 's', "size", NULL, "Sizes, too.", OPT_BOOL, AT(size), 1 },
					     OPT_END };
static const struct opt network_rows[] = { FORMAT_ROW,
					   { 'v', "verbose", NULL, "Accepted.", OPT_BOOL, AT(verbose), 1 },
					   OPT_END };
static const struct opt plain_rows[] = { FORMAT_ROW, OPT_END };

static int of_container(struct docker *d, const char *name, bool size, struct buf *out, struct err *e)
{
	return docker_inspect(d, name, size, out, e);
}

static int of_image(struct docker *d, const char *name, bool size, struct buf *out, struct err *e)
{
	return docker_image_inspect(d, name, out, e);
}

static int of_network(struct docker *d, const char *name, bool size, struct buf *out, struct err *e)
{
	return docker_network_inspect(d, name, out, e);
}

static int of_volume(struct docker *d, const char *name, bool size, struct buf *out, struct err *e)
{
	return docker_volume_inspect(d, name, out, e);
}

static const struct kind {
	const char *name;
	int (*get)(struct docker *d, const char *name, bool size, struct buf *out, struct err *e);
} kinds[] = {
	{ "container", of_container }, { "image", of_image }, { "network", of_network }, { "volume", of_volume }
};

/* KIND NULL: the first that knows it. */
static int get(struct docker *d, const char *kind, const char *name, bool size, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r;

		if (!isempty(kind) && !streq(kind, kinds[i].name))
			continue;
		buf_reset(out);
		err_clear(e);
		r = kinds[i].get(d, name, size, out, e);
		/* What can be no image's name may be another's. */
		if (r >= 0 || !isempty(kind) ||
		    (e->kind != ERR_NOT_FOUND && !(e->kind == ERR_INVALID && streq(kinds[i].name, "image"))))
			return r;
	}
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such object: %s", name);
}

/* Members that the API leaves out where they say nothing, and templates may ask for. */
static void fill(struct json_object *o)
{
	static const char *const nulls[][2] = { { "State", "Health" },	       { "Config", "Healthcheck" },
						{ "Config", "StopTimeout" },   { "Config", "Shell" },
						{ "HostConfig", "Init" },      { "HostConfig", "Mounts" },
						{ "HostConfig", "Tmpfs" },     { "HostConfig", "Sysctls" },
						{ "HostConfig", "StorageOpt" } };
	static const char *const top[] = { "SizeRw", "SizeRootFs" };
	struct json_object *parent, *old;

	for (size_t i = 0; i < ARRAY_SIZE(top); i++)
		if (json_object_object_get_ex(o, "State", &old) && !json_object_object_get_ex(o, top[i], &old))
			json_object_object_add(o, top[i], NULL);

	for (size_t i = 0; i < ARRAY_SIZE(nulls); i++)
		if (json_object_object_get_ex(o, nulls[i][0], &parent) &&
		    json_object_is_type(parent, json_type_object) &&
		    !json_object_object_get_ex(parent, nulls[i][1], &old))
			json_object_object_add(parent, nulls[i][1], NULL);
	if (json_object_object_get_ex(o, "Config", &parent) && json_object_is_type(parent, json_type_object) &&
	    !json_object_object_get_ex(parent, "StopSignal", &old))
		json_object_object_add(parent, "StopSignal", json_object_new_string(""));
}

static int by_template(const struct cli *c, const char *format, struct json_object *list)
{
	_cleanup_free_ char *text = dk_unescape(streq(format, "json") ? "{{json .}}" : format);
	_cleanup_(template_freep) struct template *t = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	int code = 0;

	if (!text || template_parse(text, &t, &e) < 0) {
		dk_error(c, "template parsing error: %s", e.msg);
		return 64;
	}
	for (size_t i = 0; i < json_object_array_length(list) && code == 0; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!streq(format, "json"))
			fill(o);
		if (template_execute(t, o, 0, &out, &e) < 0)
			code = dk_error(c, "template parsing error: %s", e.msg);
		buf_putc(&out, '\n');
	}
	if (json_object_array_length(list) == 0)
		buf_putc(&out, '\n');
	return cli_print(c, &out, code);
}

int dk_print_inspected(const struct cli *c, const char *format, struct json_object *list)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (!isempty(format))
		return by_template(c, format, list);
	dk_pretty(list, &out);
	buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

static bool known(const char *type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].name, type))
			return true;
	return isempty(type);
}

/* OF: the one kind of a command that has one, NULL: inspect itself. */
static int inspect(struct cli *c, const char *of)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf errors = BUF_INIT;
	struct json_object *list;
	struct args a = { .type = of };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	if (!known(a.type ?: ""))
		return dk_error(c, "\"%s\" is not a valid value for --type", a.type);
	code = dk_start(c, &d);
	if (code)
		return code;
	list = json_object_new_array();
	for (size_t i = 0; i < c->operands.n; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		struct json_object *o;
		struct err e = { 0 };

		if (get(d, a.type, c->operands.v[i], a.size, &text, &e) < 0) {
			buf_printf(&errors, "Error%s: %s\n",
				   a.type || e.kind != ERR_NOT_FOUND ? " response from daemon" : "", e.msg);
			continue;
		}
		o = dk_json(c, &text);
		if (o)
			json_object_array_add(list, o);
	}
	code = dk_print_inspected(c, a.format, list);
	json_object_put(list);
	fflush(stdout);
	fputs(buf_str(&errors), stderr);
	return errors.len ? 1 : code;
}

static int run_any(struct cli *c)
{
	return inspect(c, NULL);
}

static int run_container(struct cli *c)
{
	return inspect(c, "container");
}

static int run_image(struct cli *c)
{
	return inspect(c, "image");
}

static int run_network(struct cli *c)
{
	return inspect(c, "network");
}

static int run_volume(struct cli *c)
{
	return inspect(c, "volume");
}

#define INSPECT(id, title, what, plural, table)                                                                     \
	const struct command id = {                                                                                 \
		.name = title,                                                                                      \
		.flags = CMD_DOCKER | CMD_NAMES,                                                                    \
		.synopsis = "[OPTIONS] " what " [" what "...]",                                                     \
		.summary = "Display detailed information on one or more " plural,                                   \
		.description = "Prints all that is known of each as JSON, or what a template makes of it.",         \
		.opts = table,                                                                                      \
		.min_args = 1,                                                                                      \
		.max_args = ARGS_ANY,                                                                               \
		.examples = (const struct text_pair[]){ { "creel " title " -f '{{json .}}' NAME", "On one line." }, \
							{ NULL, NULL } },                                           \
		.exits = (const struct text_pair[]){ { "0", "All were there." },                                    \
						     { "1", "One was not there." },                                 \
						     { NULL, NULL } },                                              \
		.see_also = "creel-ps(1), creel-images(1)",                                                         \
		.run = RUN_##id,                                                                                    \
	}
#define RUN_cmd_docker_inspect		 run_any
#define RUN_cmd_docker_container_inspect run_container
#define RUN_cmd_docker_image_inspect	 run_image
#define RUN_cmd_docker_network_inspect	 run_network
#define RUN_cmd_docker_volume_inspect	 run_volume
INSPECT(cmd_docker_inspect, "inspect", "NAME|ID", "objects: containers, images, networks, volumes", all_rows);
INSPECT(cmd_docker_container_inspect, "container inspect", "CONTAINER", "containers", container_rows);
INSPECT(cmd_docker_image_inspect, "image inspect", "IMAGE", "images", plain_rows);
INSPECT(cmd_docker_network_inspect, "network inspect", "NETWORK", "networks", network_rows);
INSPECT(cmd_docker_volume_inspect, "volume inspect", "VOLUME", "volumes", plain_rows);
