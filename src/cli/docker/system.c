/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* info, version, system df. */

#include <json-c/json.h>
#include <stdio.h>

#include "cli/docker/dcli.h"
#include "cli/docker/template.h"
#include "cli/docker/units.h"

struct args {
	const char *format;
	bool verbose;
};
#define AT(member) offsetof(struct args, member)
static const struct opt format_rows[] = {
	{ 'f', "format", "FORMAT", "json, or a template (creel(1)).", OPT_STR, AT(format) }, OPT_END
};

static int by_template(const struct cli *c, const char *format, struct json_object *o)
{
	_cleanup_free_ char *text = dk_unescape(streq(format, "json") ? "{{json .}}" : format);
	_cleanup_(template_freep) struct template *t = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };

	if (!text || template_parse(text, &t, &e) < 0) {
		dk_error(c, "template parsing error: %s", e.msg);
		return 64;
	}
	if (template_execute(t, o, 0, &out, &e) < 0)
		return dk_error(c, "%s", e.msg);
	buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

/* --- info -------------------------------------------------------------------------------------------------------------------- */

static void line(const char *indent, const char *title, const char *value)
{
	if (*value)
		printf("%s%s: %s\n", indent, title, value);
}

static void words(const char *indent, const char *title, struct json_object *list)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; list && json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++)
		buf_printf(&text, "%s%s", i ? " " : "", json_object_get_string(json_object_array_get_idx(list, i)));
	line(indent, title, buf_str(&text));
}

static void print_info(struct json_object *o)
{
	static const char *const lines[][2] = { { "Logging Driver", "LoggingDriver" },
						{ "Cgroup Driver", "CgroupDriver" },
						{ "Cgroup Version", "CgroupVersion" } };
	static const char *const host[][2] = { { "Kernel Version", "KernelVersion" },
					       { "Operating System", "OperatingSystem" },
					       { "OSType", "OSType" },
					       { "Architecture", "Architecture" },
					       { "CPUs", "NCPU" } };
	struct json_object *list = dk_get(o, "DriverStatus");
	char size[UNIT_TEXT_MAX];

	printf("Client:\n Version:    %s\n Context:    default\n Debug Mode: false\n\nServer:\n",
	       dk_text(o, "ServerVersion"));
	printf(" Containers: %lld\n  Running: %lld\n  Paused: %lld\n  Stopped: %lld\n Images: %lld\n",
	       (long long)dk_int(o, "Containers"), (long long)dk_int(o, "ContainersRunning"),
	       (long long)dk_int(o, "ContainersPaused"), (long long)dk_int(o, "ContainersStopped"),
	       (long long)dk_int(o, "Images"));
	line(" ", "Server Version", dk_text(o, "ServerVersion"));
	line(" ", "Storage Driver", dk_text(o, "Driver"));
	for (size_t i = 0; list && json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++) {
		struct json_object *pair = json_object_array_get_idx(list, i);

		if (json_object_is_type(pair, json_type_array) && json_object_array_length(pair) == 2)
			line("  ", json_object_get_string(json_object_array_get_idx(pair, 0)),
			     json_object_get_string(json_object_array_get_idx(pair, 1)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		line(" ", lines[i][0], dk_text(o, lines[i][1]));
	if (dk_get(o, "Plugins"))
		printf(" Plugins:\n");
	words("  ", "Volume", dk_get(o, "Plugins.Volume"));
	words("  ", "Network", dk_get(o, "Plugins.Network"));
	words("  ", "Log", dk_get(o, "Plugins.Log"));
	line(" ", "Default Runtime", dk_text(o, "DefaultRuntime"));
	line(" ", "Init Binary", dk_text(o, "InitBinary"));
	for (size_t i = 0; i < ARRAY_SIZE(host); i++)
		line(" ", host[i][0], dk_text(o, host[i][1]));
	line(" ", "Total Memory", unit_size_1024((double)dk_int(o, "MemTotal"), 4, size));
	line(" ", "Name", dk_text(o, "Name"));
	line(" ", "ID", dk_text(o, "ID"));
	line(" ", "Docker Root Dir", dk_text(o, "DockerRootDir"));
	line(" ", "Debug Mode", "false");
	list = dk_get(o, "Warnings");
	for (size_t i = 0; list && json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++)
		fprintf(stderr, "%s\n", json_object_get_string(json_object_array_get_idx(list, i)));
}

static int run_info(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *o;
	struct args a = { 0 };
	struct err e = { 0 };
	int code = dk_begin(c, &a, &d);

	if (code >= 0)
		return code;
	o = dk_answer(c, docker_info(d, &text, &e), &text, &e);
	if (!o)
		return 1;
	if (!isempty(a.format))
		code = by_template(c, a.format, o);
	else
		print_info(o);
	json_object_put(o);
	return code;
}

const struct command cmd_docker_info = {
	.name = "info",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Display system-wide information",
	.description = "Prints what is here: how many containers and images, which drivers, the host.",
	.opts = format_rows,
	.see_also = "creel-version(1), lxc-checkconfig(1)",
	.run = run_info,
};

/* --- version ------------------------------------------------------------------------------------------------------------------- */

static void print_version(struct json_object *server, struct json_object *client)
{
	static const char *const rows[][2] = { { "Version", "Version" },
					       { "API version", "ApiVersion" },
					       { "Git commit", "GitCommit" },
					       { "Built", "BuildTime" },
					       { "OS/Arch", "" } };
	struct json_object *of[] = { client, server };

	for (int i = 0; i < 2; i++) {
		printf("%s: %s\n%s", i ? "\nServer" : "Client", dk_text(of[i], "Platform.Name"), i ? " Engine:\n" : "");
		for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
			char value[160];

			if (*rows[k][1])
				snprintf(value, sizeof(value), "%s", dk_text(of[i], rows[k][1]));
			else
				snprintf(value, sizeof(value), "%s/%s", dk_text(of[i], "Os"), dk_text(of[i], "Arch"));
			if (*value)
				printf("%s %s:%*s%s\n", i ? " " : "", rows[k][0], (int)(17 - strlen(rows[k][0])), "",
				       value);
		}
	}
}

static int run_version(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *server, *both;
	struct args a = { 0 };
	struct err e = { 0 };
	int code = dk_begin(c, &a, &d);

	if (code >= 0)
		return code;
	server = dk_answer(c, docker_version(d, &text, &e), &text, &e);
	if (!server)
		return 1;
	/* Client and server are one program. */
	both = json_object_new_object();
	json_object_object_add(both, "Client", json_object_get(server));
	json_object_object_add(both, "Server", server);
	code = 0;
	if (!isempty(a.format))
		code = by_template(c, a.format, both);
	else
		print_version(server, server);
	json_object_put(both);
	return code;
}

const struct command cmd_docker_version = {
	.name = "version",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Show the version information",
	.description =
		"Prints the release of Docker whose interface this is, as client and server. 'creel version' without a "
		"template prints creel's own, the release of LXC and the kernel.",
	.opts = format_rows,
	.see_also = "creel-info(1)",
	.run = run_version,
};

/* --- system df ------------------------------------------------------------------------------------------------------------------- */

static const struct opt df_rows[] = { { 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR,
					AT(format) },
				      { 'v', "verbose", NULL, "Each of them.", OPT_BOOL, AT(verbose), 1 },
				      OPT_END };

static const struct column df_columns[] = { { "Active", "ACTIVE" }, { "Reclaimable", "RECLAIMABLE" },
					    { "Size", "SIZE" },	    { "TotalCount", "TOTAL" },
					    { "Type", "TYPE" },	    { NULL, NULL } };

struct sum {
	int64_t n, active, size, reclaimable;
};

static void add_sum(struct json_object *rows, const char *type, const struct sum *s)
{
	struct json_object *row = json_object_new_object();
	char size[UNIT_TEXT_MAX], text[UNIT_TEXT_MAX + 16], number[24];

	json_object_object_add(row, "Type", json_object_new_string(type));
	snprintf(number, sizeof(number), "%lld", (long long)s->n);
	json_object_object_add(row, "TotalCount", json_object_new_string(number));
	snprintf(number, sizeof(number), "%lld", (long long)s->active);
	json_object_object_add(row, "Active", json_object_new_string(number));
	json_object_object_add(row, "Size", json_object_new_string(unit_size((double)s->size, 4, size)));
	unit_size((double)s->reclaimable, 4, size);
	if (s->size > 0)
		snprintf(text, sizeof(text), "%s (%lld%%)", size, (long long)(s->reclaimable * 100 / s->size));
	else
		snprintf(text, sizeof(text), "%s", size);
	json_object_object_add(row, "Reclaimable", json_object_new_string(text));
	json_object_array_add(rows, row);
}

/* SIZE: a member of each, USED what says that it is in use. */
static void sum_up_list(struct json_object *list, const char *size, const char *used, struct sum *s)
{
	for (size_t i = 0; list && json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++) {
		struct json_object *x = json_object_array_get_idx(list, i);
		/* A layer that an image has is counted there. */
		int64_t bytes = dk_bool(x, "Shared") || dk_int(x, size) < 0 ? 0 : dk_int(x, size);
		bool active = streq(used, "State")
				      ? streq(dk_text(x, "State"), "running") || streq(dk_text(x, "State"), "paused")
				      : dk_int(x, used) > 0;

		s->n++;
		s->active += active;
		s->size += bytes;
		s->reclaimable += active ? 0 : bytes;
	}
}

static void sum_up(struct json_object *o, const char *list_name, const char *size, const char *used, struct sum *s)
{
	sum_up_list(dk_get(o, list_name), size, used, s);
}

/* How many containers each image has. */
static void count_users(struct json_object *o)
{
	struct json_object *images = dk_get(o, "Images"), *containers = dk_get(o, "Containers");

	for (size_t i = 0; images && i < json_object_array_length(images); i++) {
		struct json_object *image = json_object_array_get_idx(images, i);
		int64_t n = 0;

		for (size_t k = 0; containers && k < json_object_array_length(containers); k++)
			n += streq(dk_text(json_object_array_get_idx(containers, k), "ImageID"), dk_text(image, "Id"));
		json_object_object_add(image, "Containers", json_object_new_int64(n));
	}
}

static int df(const struct cli *c, const struct args *a, struct json_object *o)
{
	const struct listing l = { "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}", df_columns,
				   "" };
	struct sum images = { 0 }, containers = { 0 }, volumes = { 0 }, cache = { 0 };
	struct json_object *rows = json_object_new_array();
	int code;

	count_users(o);
	sum_up(o, "Images", "Size", "Containers", &images);
	sum_up(o, "Containers", "SizeRw", "State", &containers);
	sum_up(o, "Volumes", "UsageData.Size", "UsageData.RefCount", &volumes);
	sum_up(o, "BuildCache", "Size", "InUse", &cache);
	/* Layers that several images share are there once. */
	if (dk_int(o, "LayersSize") > 0 && images.size > 0) {
		images.reclaimable = images.active == images.n			    ? 0
				     : images.reclaimable < dk_int(o, "LayersSize") ? images.reclaimable
										    : dk_int(o, "LayersSize");
		images.size = dk_int(o, "LayersSize");
	}
	add_sum(rows, "Images", &images);
	add_sum(rows, "Containers", &containers);
	add_sum(rows, "Local Volumes", &volumes);
	add_sum(rows, "Build Cache", &cache);
	code = dk_print_rows(c, a->format, &l, rows);
	json_object_put(rows);
	return code;
}

/* -v: the lists themselves. */
static int df_verbose(const struct cli *c, const struct args *a, struct json_object *o)
{
	static const struct column columns[] = {
		{ "Name", "NAME" }, { "Size", "SIZE" }, { "Used", "USED BY" }, { NULL, NULL }
	};
	static const char *const lists[][5] = {
		{ "Images space usage:", "Images", "Id", "Size", "Containers" },
		{ "Containers space usage:", "Containers", "Id", "SizeRw", "State" },
		{ "Local Volumes space usage:", "Volumes", "Name", "UsageData.Size", "UsageData.RefCount" },
		{ "Build cache usage:", "BuildCache", "ID", "Size", "UsageCount" },
	};
	const struct listing l = { "{{.Name}}\t{{.Used}}\t{{.Size}}", columns, "" };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		struct json_object *list = dk_get(o, lists[i][1]), *rows = json_object_new_array();

		printf("%s%s\n\n", i ? "\n" : "", lists[i][0]);
		fflush(stdout);
		for (size_t k = 0; list && k < json_object_array_length(list); k++) {
			struct json_object *x = json_object_array_get_idx(list, k), *row = json_object_new_object();
			char id[80], size[UNIT_TEXT_MAX];

			json_object_object_add(row, "Name",
					       json_object_new_string(!streq(lists[i][2], "Name")
									      ? dk_id(dk_text(x, "Id"), false, id)
									      : dk_text(x, lists[i][2])));
			json_object_object_add(row, "Used", json_object_new_string(dk_text(x, lists[i][4])));
			json_object_object_add(
				row, "Size",
				json_object_new_string(unit_size((double)dk_int(x, lists[i][3]), 3, size)));
			json_object_array_add(rows, row);
		}
		(void)dk_print_rows(c, NULL, &l, rows);
		json_object_put(rows);
	}
	return 0;
}

/* --- builder du ------------------------------------------------------------------------------------------------------------------ */

static void print_du(struct json_object *o, bool verbose)
{
	struct sum sum = { 0 };
	int64_t shared = 0;
	char text[UNIT_TEXT_MAX];

	if (!verbose)
		printf("%-64s  %-11s  %-8s  %s\n", "ID", "RECLAIMABLE", "SIZE", "LAST ACCESSED");
	for (size_t i = 0; i < json_object_array_length(o); i++) {
		struct json_object *x = json_object_array_get_idx(o, i);
		const char *used = dk_bool(x, "InUse") ? "false" : "true";

		unit_size((double)dk_int(x, "Size"), 4, text);
		shared += dk_bool(x, "Shared") ? dk_int(x, "Size") : 0;
		if (verbose)
			printf("ID:\t\t%s\nCreated at:\t%s\nReclaimable:\t%s\nShared:\t\t%s\nSize:\t\t%s\n"
			       "Description:\t%s\nUsage count:\t%lld\nLast used:\t%s\nType:\t\t%s\n\n",
			       dk_text(x, "ID"), dk_text(x, "CreatedAt"), used, dk_bool(x, "Shared") ? "true" : "false",
			       text, dk_text(x, "Description"), (long long)dk_int(x, "UsageCount"),
			       dk_text(x, "LastUsedAt"), dk_text(x, "Type"));
		else
			printf("%-64s  %-11s  %-8s  %s\n", dk_text(x, "ID"), used, text, dk_text(x, "LastUsedAt"));
	}
	printf("Shared:\t\t%s\n", unit_size((double)shared, 4, text));
	sum_up_list(o, "Size", "InUse", &sum);
	printf("Private:\t%s\n", unit_size((double)sum.size, 4, text));
	printf("Reclaimable:\t%s\n", unit_size((double)sum.reclaimable, 4, text));
	printf("Total:\t\t%s\n", unit_size((double)(sum.size + shared), 4, text));
}

static const struct opt du_rows[] = { { 0, "verbose", NULL, "All that is known of each.", OPT_BOOL, AT(verbose), 1 },
				      OPT_END };

static int run_du(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *o;
	struct args a = { 0 };
	struct err e = { 0 };
	int code = dk_begin(c, &a, &d);

	if (code >= 0)
		return code;
	o = dk_answer(c, docker_build_cache(d, &text, &e), &text, &e);
	if (!o)
		return 1;
	print_du(o, a.verbose);
	json_object_put(o);
	return 0;
}

const struct command cmd_docker_builder_du = {
	.name = "builder du",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Show disk usage of the build cache",
	.description = "Lists what builds keep for later ones: the layers that steps made, and the folders of RUN "
		       "--mount=type=cache. What an image has, too, is shared and takes no room of its own.",
	.opts = du_rows,
	.see_also = "creel-builder-prune(1), creel-system-df(1)",
	.run = run_du,
};

static int run_df(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *o;
	struct args a = { 0 };
	struct err e = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	if (a.verbose && !isempty(a.format))
		return dk_error(c, "the verbose and the format options conflict");
	code = dk_start(c, &d);
	if (code)
		return code;
	o = dk_answer(c, docker_df(d, &text, &e), &text, &e);
	if (!o)
		return 1;
	code = a.verbose ? df_verbose(c, &a, o) : df(c, &a, o);
	json_object_put(o);
	return code;
}

const struct command cmd_docker_system_df = {
	.name = "system df",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Show docker disk usage",
	.description = "Prints how much room images, containers, volumes and the cache of builds take, and how much of "
		       "it a prune would "
		       "free.",
	.opts = df_rows,
	.see_also = "creel-system-prune(1)",
	.run = run_df,
};
