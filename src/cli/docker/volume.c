/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* volume create, ls, rm. */

#include <json-c/json.h>
#include <stdio.h>

#include "cli/docker/create.h"
#include "cli/docker/dcli.h"

struct args {
	const char *driver, *name, *format;
	struct strv labels, options, filters;
	bool force, quiet;
};
#define AT(member) offsetof(struct args, member)

static void args_done(struct args *a)
{
	strv_done(&a->labels);
	strv_done(&a->options);
	strv_done(&a->filters);
}

static int add_label(void *args, const char *arg, struct err *e)
{
	int r = flag_label(arg, e);

	return r < 0 ? r : strv_push(&((struct args *)args)->labels, arg, e);
}

static int add_filter(void *args, const char *arg, struct err *e)
{
	return dk_filter(args, &((struct args *)args)->filters, arg, e);
}

static void add_map(struct json_object *o, const char *key, const struct strv *words)
{
	struct json_object *map = json_object_new_object();

	for (size_t i = 0; i < words->n; i++) {
		size_t n = strcspn(words->v[i], "=");
		_cleanup_free_ char *name = strndup(words->v[i], n);

		if (name)
			json_object_object_add(map, name,
					       json_object_new_string(words->v[i][n] ? words->v[i] + n + 1 : ""));
	}
	if (words->n)
		json_object_object_add(o, key, map);
	else
		json_object_put(map);
}

static const struct opt create_rows[] = {
	{ 'd', "driver", "DRIVER", "Driver; local is the only one.", OPT_STR, AT(driver) },
	{ 0, "label", "KEY[=VALUE]", "A label.", OPT_CALL, 0, .parse = add_label },
	{ 0, "name", "NAME", "Its name, in place of the argument.", OPT_STR, AT(name), .flags = OPT_HIDDEN },
	{ 'o', "opt", "NAME=VALUE", "An option of the driver: type, device, o, as mount(8) has them.", OPT_LIST,
	  AT(options) },
	OPT_END
};

static int create(const struct cli *c, const struct args *a)
{
	const char *name = c->operands.n ? c->operands.v[0] : a->name;
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *body, *o;
	struct err e = { 0 };
	int code, r;

	if (c->operands.n && !isempty(a->name))
		return dk_error(c, "conflicting options: either specify --name or provide positional arg, not both");
	code = dk_start(c, &d);
	if (code)
		return code;
	body = json_object_new_object();
	json_object_object_add(body, "Driver", json_object_new_string(isempty(a->driver) ? "local" : a->driver));
	if (!isempty(name))
		json_object_object_add(body, "Name", json_object_new_string(name));
	add_map(body, "DriverOpts", &a->options);
	add_map(body, "Labels", &a->labels);
	r = docker_volume_create(d, json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN), &text, &e);
	json_object_put(body);
	o = dk_answer(c, r, &text, &e);
	if (!o)
		return 1;
	printf("%s\n", dk_text(o, "Name"));
	json_object_put(o);
	return 0;
}

static int run_create(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = create(c, &a);
	args_done(&a);
	return code;
}

const struct command cmd_docker_volume_create = {
	.name = "volume create",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] [VOLUME]",
	.summary = "Create a volume",
	.description = "Makes a volume and prints its name, which is made up where none is given.",
	.opts = create_rows,
	.max_args = 1,
	.see_also = "creel-run(1), creel-volume-ls(1)",
	.run = run_create,
};

/* --- ls --------------------------------------------------------------------------------------------------------------------- */

static const struct opt list_rows[] = {
	{ 'f', "filter", "NAME=VALUE", "Only those: dangling, driver, label, name.", OPT_CALL, 0, .parse = add_filter },
	{ 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR, AT(format) },
	{ 'q', "quiet", NULL, "The names only.", OPT_BOOL, AT(quiet), 1 },
	OPT_END
};

static const struct column columns[] = { { "Availability", "AVAILABILITY" },
					 { "Driver", "DRIVER" },
					 { "Group", "GROUP" },
					 { "Labels", "LABELS" },
					 { "Links", "LINKS" },
					 { "Mountpoint", "MOUNTPOINT" },
					 { "Name", "VOLUME NAME" },
					 { "Scope", "SCOPE" },
					 { "Size", "SIZE" },
					 { "Status", "STATUS" },
					 { NULL, NULL } };

static struct json_object *row_of(struct json_object *v)
{
	static const char *const same[] = { "Driver", "Mountpoint", "Name", "Scope" };
	static const char *const unknown[] = { "Availability", "Group", "Links", "Size", "Status" };
	struct json_object *row = json_object_new_object(), *labels = dk_get(v, "Labels");

	for (size_t i = 0; i < ARRAY_SIZE(same); i++)
		json_object_object_add(row, same[i], json_object_new_string(dk_text(v, same[i])));
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		json_object_object_add(row, unknown[i], json_object_new_string("N/A"));
	dk_put_labels(row, labels);
	return row;
}

static int list(const struct cli *c, const struct args *a)
{
	const struct listing l = { a->quiet ? "{{.Name}}" : "{{.Driver}}\t{{.Name}}", columns,
				   a->quiet ? "" : "volumesFormat" };
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf filters = BUF_INIT, text = BUF_INIT;
	struct json_object *o, *volumes, *rows;
	const char *format = a->quiet && isempty(a->format) ? "{{.Name}}" : a->format;
	struct err e = { 0 };
	int code = dk_start(c, &d);

	if (code)
		return code;
	if (dk_filters(&a->filters, &filters, &e) < 0 ||
	    docker_volume_list(d, filters.len ? buf_str(&filters) : NULL, false, &text, &e) < 0)
		return dk_fail(c, &e);
	o = dk_json(c, &text);
	if (!o)
		return 1;
	volumes = dk_get(o, "Volumes");
	rows = json_object_new_array();
	if (volumes)
		json_object_array_sort(volumes, dk_by_name);
	for (size_t i = 0; volumes && i < json_object_array_length(volumes); i++)
		json_object_array_add(rows, row_of(json_object_array_get_idx(volumes, i)));
	code = dk_print_rows(c, format, &l, rows);
	json_object_put(rows);
	json_object_put(o);
	return code;
}

static int run_list(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = list(c, &a);
	args_done(&a);
	return code;
}

const struct command cmd_docker_volume_ls = {
	.name = "volume ls",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "List volumes",
	.description = "Lists the volumes by name.",
	.opts = list_rows,
	.see_also = "creel-volume-create(1), creel-volume-inspect(1)",
	.run = run_list,
};

/* --- rm --------------------------------------------------------------------------------------------------------------------- */

static const struct opt rm_rows[] = {
	{ 'f', "force", NULL, "One that is not there is no mistake.", OPT_BOOL, AT(force), 1 }, OPT_END
};

static int rm_one(struct docker *d, const char *name, void *arg, struct err *e)
{
	return docker_volume_remove(d, name, *(bool *)arg, e);
}

static int run_rm(struct cli *c)
{
	struct args a = { 0 };

	return dk_parse_each(c, &a, rm_one, &a.force);
}

const struct command cmd_docker_volume_rm = {
	.name = "volume rm",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] VOLUME [VOLUME...]",
	.summary = "Remove one or more volumes",
	.description = "Removes volumes and what is in them. One that a container has is kept.",
	.opts = rm_rows,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.see_also = "creel-volume-prune(1)",
	.run = run_rm,
};
