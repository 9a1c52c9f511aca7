/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/docker/dcli.h"
#include "cli/docker/units.h"

#define PERIOD_MS 1000

struct args {
	bool all, no_stream, no_trunc;
	const char *format;
};
#define AT(member) offsetof(struct args, member)

static const struct opt rows_[] = { { 'a', "all", NULL, "Those that do not run, too.", OPT_BOOL, AT(all), 1 },
				    { 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR,
				      AT(format) },
				    { 0, "no-stream", NULL, "Once, not again and again.", OPT_BOOL, AT(no_stream), 1 },
				    { 0, "no-trunc", NULL, "Whole ids.", OPT_BOOL, AT(no_trunc), 1 },
				    OPT_END };

static const struct column columns[] = { { "BlockIO", "BLOCK I/O" },   { "CPUPerc", "CPU %" },
					 { "Container", "CONTAINER" }, { "ID", "CONTAINER ID" },
					 { "MemPerc", "MEM %" },       { "MemUsage", "MEM USAGE / LIMIT" },
					 { "Name", "NAME" },	       { "NetIO", "NET I/O" },
					 { "PIDs", "PIDS" },	       { NULL, NULL } };

static void put(struct json_object *row, const char *key, const char *value)
{
	json_object_object_add(row, key, json_object_new_string(value));
}

static double cpu_percent(struct json_object *o)
{
	double cpu = (double)(dk_int(o, "cpu_stats.cpu_usage.total_usage") -
			      dk_int(o, "precpu_stats.cpu_usage.total_usage"));
	double host = (double)(dk_int(o, "cpu_stats.system_cpu_usage") - dk_int(o, "precpu_stats.system_cpu_usage"));
	int64_t cpus = dk_int(o, "cpu_stats.online_cpus");

	if (cpu <= 0 || host <= 0)
		return 0;
	return cpu / host * (double)(cpus > 0 ? cpus : 1) * 100;
}

/* What is used, without the cache that can go. */
static double memory_used(struct json_object *o)
{
	int64_t usage = dk_int(o, "memory_stats.usage"), cache = dk_int(o, "memory_stats.stats.total_inactive_file");

	if (cache == 0)
		cache = dk_int(o, "memory_stats.stats.inactive_file");
	return (double)(cache < usage ? usage - cache : usage);
}

static void put_network(struct json_object *row, struct json_object *o)
{
	struct json_object *nets = dk_get(o, "networks");
	char in[UNIT_TEXT_MAX], out[UNIT_TEXT_MAX], text[2 * UNIT_TEXT_MAX + 4];
	double rx = 0, tx = 0;

	if (nets && json_object_is_type(nets, json_type_object)) {
		json_object_object_foreach(nets, name, n)
		{
			(void)name;
			rx += (double)dk_int(n, "rx_bytes");
			tx += (double)dk_int(n, "tx_bytes");
		}
	}
	snprintf(text, sizeof(text), "%s / %s", unit_size(rx, 3, in), unit_size(tx, 3, out));
	put(row, "NetIO", text);
}

static void put_blocks(struct json_object *row, struct json_object *o)
{
	struct json_object *list = dk_get(o, "blkio_stats.io_service_bytes_recursive");
	char in[UNIT_TEXT_MAX], out[UNIT_TEXT_MAX], text[2 * UNIT_TEXT_MAX + 4];
	double rd = 0, wr = 0;

	for (size_t i = 0; list && json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++) {
		struct json_object *x = json_object_array_get_idx(list, i);

		if (strncasecmp(dk_text(x, "op"), "r", 1) == 0)
			rd += (double)dk_int(x, "value");
		else if (strncasecmp(dk_text(x, "op"), "w", 1) == 0)
			wr += (double)dk_int(x, "value");
	}
	snprintf(text, sizeof(text), "%s / %s", unit_size(rd, 3, in), unit_size(wr, 3, out));
	put(row, "BlockIO", text);
}

static struct json_object *row_of(struct json_object *o, const char *asked, const struct args *a)
{
	struct json_object *row = json_object_new_object();
	double used = memory_used(o), limit = (double)dk_int(o, "memory_stats.limit");
	char id[80], text[2 * UNIT_TEXT_MAX + 4], x[UNIT_TEXT_MAX], y[UNIT_TEXT_MAX];
	const char *name = dk_text(o, "name");

	put(row, "Container", asked);
	put(row, "ID", dk_id(dk_text(o, "id"), a->no_trunc, id));
	put(row, "Name", name + (*name == '/'));
	snprintf(text, sizeof(text), "%.2f%%", cpu_percent(o));
	put(row, "CPUPerc", text);
	snprintf(text, sizeof(text), "%s / %s", unit_size_1024(used, 4, x), unit_size_1024(limit, 4, y));
	put(row, "MemUsage", text);
	snprintf(text, sizeof(text), "%.2f%%", limit > 0 ? used / limit * 100 : 0);
	put(row, "MemPerc", text);
	put_network(row, o);
	put_blocks(row, o);
	snprintf(text, sizeof(text), "%lld", (long long)dk_int(o, "pids_stats.current"));
	put(row, "PIDs", text);
	return row;
}

/* Those that were named, or all that run. */
static int targets(const struct cli *c, struct docker *d, bool all, struct strv *to, struct err *e)
{
	struct docker_list o = { .all = all };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *list;
	int r = 0;

	if (c->operands.n)
		return strv_copy(to, &c->operands, e);
	r = docker_list(d, &o, &text, e);
	list = r < 0 ? NULL : json_tokener_parse(buf_str(&text));
	for (size_t i = 0; list && i < json_object_array_length(list) && r >= 0; i++)
		r = strv_push(to, dk_text(json_object_array_get_idx(list, i), "Id"), e);
	json_object_put(list);
	return r;
}

struct last {
	struct strv ids, texts; /* side by side */
};

static const char *last_of(const struct last *l, const char *id)
{
	for (size_t i = 0; i < l->ids.n; i++)
		if (streq(l->ids.v[i], id))
			return l->texts.v[i];
	return NULL;
}

/* A row each; what was read is the next round's before. */
static int round_of(const struct cli *c, struct docker *d, const struct args *a, const struct strv *ids, struct last *l,
		    struct json_object *rows)
{
	struct last now = { 0 };
	int code = 0;

	for (size_t i = 0; i < ids->n; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		struct err e = { 0 };
		struct json_object *o;

		if (docker_stats(d, ids->v[i], last_of(l, ids->v[i]), &text, &e) < 0) {
			/* One that has gone meanwhile is no mistake, one that was named and never was is. */
			if (e.kind != ERR_NOT_FOUND || c->operands.n)
				code = dk_fail(c, &e);
			continue;
		}
		o = dk_json(c, &text);
		if (!o)
			continue;
		json_object_array_add(rows, row_of(o, ids->v[i], a));
		json_object_put(o);
		(void)strv_push(&now.ids, ids->v[i], NULL);
		(void)strv_push(&now.texts, buf_str(&text), NULL);
	}
	strv_done(&l->ids);
	strv_done(&l->texts);
	*l = now;
	return code;
}

static int stats(const struct cli *c, const struct args *a)
{
	static const char table[] =
		"{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t"
		"{{.PIDs}}";
	const struct listing l = { table, columns, "statsFormat" };
	const struct timespec pause = { .tv_sec = PERIOD_MS / 1000, .tv_nsec = PERIOD_MS % 1000 * 1000000L };
	_cleanup_(docker_freep) struct docker *d = NULL;
	bool clear = !a->no_stream && isatty(STDOUT_FILENO);
	struct last last = { 0 };
	struct err e = { 0 };
	int code = dk_start(c, &d);

	/* Processor time needs two looks; the first shows nothing. */
	for (unsigned n = 0; code == 0; n++) {
		_cleanup_strv_ struct strv ids = STRV_INIT;
		struct json_object *rows = json_object_new_array();

		if (targets(c, d, a->all, &ids, &e) < 0)
			code = dk_fail(c, &e);
		if (code == 0)
			code = round_of(c, d, a, &ids, &last, rows);
		if (code == 0 && n > 0) {
			if (clear)
				fputs("\033[H\033[J", stdout);
			fflush(stdout);
			code = dk_print_rows(c, a->format, &l, rows);
		}
		json_object_put(rows);
		if (code || (n > 0 && a->no_stream))
			break;
		nanosleep(&pause, NULL);
	}
	strv_done(&last.ids);
	strv_done(&last.texts);
	return code;
}

static int run(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	return code >= 0 ? code : stats(c, &a);
}

const struct command cmd_docker_stats = {
	.name = "stats",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] [CONTAINER...]",
	.summary = "Display a live stream of container(s) resource usage statistics",
	.description = "Prints what containers use, every second: those that are named, or all that run.",
	.opts = rows_,
	.max_args = ARGS_ANY,
	.see_also = "creel-top(1), lxc-top(1), lxc-info(1)",
	.run = run,
};
