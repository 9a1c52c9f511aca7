/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-c/json.h>
#include <stdio.h>

#include "cli/docker/dcli.h"
#include "cli/docker/units.h"

#define COMMAND_MAX 20
#define MOUNT_MAX   15

struct args {
	bool all, latest, no_trunc, quiet, size;
	int last;
	const char *format;
	struct strv filters;
};
#define AT(member) offsetof(struct args, member)

static int add_filter(void *args, const char *arg, struct err *e)
{
	return dk_filter(args, &((struct args *)args)->filters, arg, e);
}

static const struct opt rows[] = { { 'a', "all", NULL, "Those that do not run, too.", OPT_BOOL, AT(all), 1 },
				   { 'f', "filter", "NAME=VALUE",
				     "Only those: name, id, label, status, ancestor, network, volume, exited, health …",
				     OPT_CALL, 0, .parse = add_filter },
				   { 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR,
				     AT(format) },
				   { 'n', "last", "N", "The last N that were made, in any state.", OPT_INT, AT(last) },
				   { 'l', "latest", NULL, "The last one that was made.", OPT_BOOL, AT(latest), 1 },
				   { 0, "no-trunc", NULL, "Cut nothing off.", OPT_BOOL, AT(no_trunc), 1 },
				   { 'q', "quiet", NULL, "The ids only.", OPT_BOOL, AT(quiet), 1 },
				   { 's', "size", NULL, "Their sizes, too.", OPT_BOOL, AT(size), 1 },
				   OPT_END };

static const struct column columns[] = {
	{ "Command", "COMMAND" }, { "CreatedAt", "CREATED AT" }, { "ID", "CONTAINER ID" },
	{ "Image", "IMAGE" },	  { "Labels", "LABELS" },	 { "LocalVolumes", "LOCAL VOLUMES" },
	{ "Mounts", "MOUNTS" },	  { "Names", "NAMES" },		 { "Networks", "NETWORKS" },
	{ "Ports", "PORTS" },	  { "RunningFor", "CREATED" },	 { "Size", "SIZE" },
	{ "State", "STATE" },	  { "Status", "STATUS" },	 { NULL, NULL }
};

static void put(struct json_object *row, const char *key, const char *value)
{
	json_object_object_add(row, key, json_object_new_string(value));
}

/* The first N columns of S, the last of them an ellipsis where something was cut off. */
static void put_cut(struct json_object *row, const char *key, const char *s, size_t max, bool all)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	size_t n = 0, at = 0;

	for (const char *p = s; *p; p++)
		n += (*p & 0xc0) != 0x80;
	if (all || n <= max) {
		put(row, key, s);
		return;
	}
	for (n = 0; s[at] && n < max; at++)
		n += (s[at + 1] & 0xc0) != 0x80 && n + 1 < max ? 1 : (s[at + 1] & 0xc0) != 0x80 ? 2 : 0;
	buf_add(&text, s, at - (n > max));
	buf_puts(&text, "\342\200\246");
	put(row, key, buf_str(&text));
}

/* --- ports ------------------------------------------------------------------------------------------------------------------ */

static int compare_ports(const void *a, const void *b)
{
	struct json_object *x = *(struct json_object *const *)a, *y = *(struct json_object *const *)b;
	int64_t d = dk_int(x, "PrivatePort") - dk_int(y, "PrivatePort");
	int c;

	if (d)
		return d < 0 ? -1 : 1;
	c = strcmp(dk_text(x, "IP"), dk_text(y, "IP"));
	if (c)
		return c;
	d = dk_int(x, "PublicPort") - dk_int(y, "PublicPort");
	return d ? (d < 0 ? -1 : 1) : strcmp(dk_text(x, "Type"), dk_text(y, "Type"));
}

struct group {
	const char *ip, *type;
	int64_t first, last;
};

static void group_add(struct buf *out, const struct group *g)
{
	char range[48];

	snprintf(range, sizeof(range), g->first == g->last ? "%lld" : "%lld-%lld", (long long)g->first,
		 (long long)g->last);
	buf_puts(out, out->len ? ", " : "");
	if (*g->ip)
		buf_printf(out, "%s:%s->", g->ip, range);
	buf_printf(out, "%s/%s", range, g->type);
}

/* Neighbouring ports that are the same on both sides are one range; the others follow one by one. */
static void put_ports(struct json_object *row, struct json_object *ports)
{
	_cleanup_buf_ struct buf text = BUF_INIT, mapped = BUF_INIT;
	size_t n = ports ? json_object_array_length(ports) : 0, n_groups = 0;
	_cleanup_free_ struct json_object **sorted = calloc(n + 1, sizeof(*sorted));
	_cleanup_free_ struct group *groups = calloc(n + 1, sizeof(*groups));

	if (!sorted || !groups)
		return;
	for (size_t i = 0; i < n; i++)
		sorted[i] = json_object_array_get_idx(ports, i);
	qsort(sorted, n, sizeof(*sorted), compare_ports);
	for (size_t i = 0; i < n; i++) {
		int64_t private = dk_int(sorted[i], "PrivatePort"), public = dk_int(sorted[i], "PublicPort");
		const char *ip = dk_text(sorted[i], "IP"), *type = dk_text(sorted[i], "Type");
		size_t k = 0;

		if (*ip && public != private) {
			buf_printf(&mapped, ", %s:%lld->%lld/%s", ip, (long long)public, (long long)private, type);
			continue;
		}
		while (k < n_groups && !(streq(groups[k].ip, ip) && streq(groups[k].type, type)))
			k++;
		if (k < n_groups && private == groups[k].last + 1) {
			groups[k].last = private;
			continue;
		}
		if (k < n_groups)
			group_add(&text, &groups[k]);
		else
			n_groups++;
		groups[k] = (struct group){ ip, type, private, private };
	}
	for (size_t k = 0; k < n_groups; k++)
		group_add(&text, &groups[k]);
	buf_puts(&text, text.len || !mapped.len ? buf_str(&mapped) : buf_str(&mapped) + 2);
	put(row, "Ports", buf_str(&text));
}

/* --- one row ----------------------------------------------------------------------------------------------------------------- */

static void put_names(struct json_object *row, struct json_object *names, bool all)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; names && i < json_object_array_length(names); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(names, i));

		name += *name == '/';
		/* What has a slash in it is a link's. */
		if (!all && strchr(name, '/'))
			continue;
		buf_printf(&text, "%s%s", text.len ? "," : "", name);
	}
	put(row, "Names", buf_str(&text));
}

static void put_labels(struct json_object *row, struct json_object *labels)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *sorted = labels ? dk_sorted(labels) : json_object_new_object();

	json_object_object_foreach(sorted, key, value)
		buf_printf(&text, "%s%s=%s", text.len ? "," : "", key, json_object_get_string(value));
	put(row, "Labels", buf_str(&text));
	json_object_object_add(row, "Label()", sorted);
}

static void put_mounts(struct json_object *row, struct json_object *mounts, bool all)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char count[24];
	unsigned local = 0;

	for (size_t i = 0; mounts && i < json_object_array_length(mounts); i++) {
		struct json_object *m = json_object_array_get_idx(mounts, i), *one = json_object_new_object();
		const char *name = dk_text(m, "Name");

		local += streq(dk_text(m, "Driver"), "local");
		put_cut(one, "m", *name ? name : dk_text(m, "Source"), MOUNT_MAX, all);
		buf_printf(&text, "%s%s", text.len ? "," : "", dk_text(one, "m"));
		json_object_put(one);
	}
	snprintf(count, sizeof(count), "%u", local);
	put(row, "LocalVolumes", count);
	put(row, "Mounts", buf_str(&text));
}

static void put_networks(struct json_object *row, struct json_object *networks)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *sorted = networks ? dk_sorted(networks) : json_object_new_object();

	json_object_object_foreach(sorted, key, value)
	{
		(void)value;
		buf_printf(&text, "%s%s", text.len ? "," : "", key);
	}
	put(row, "Networks", buf_str(&text));
	json_object_put(sorted);
}

static void put_times(struct json_object *row, int64_t created_ns)
{
	char text[UNIT_TEXT_MAX], ago[UNIT_TEXT_MAX + 8];

	put(row, "CreatedAt", unit_date(created_ns, text));
	snprintf(ago, sizeof(ago), "%s ago", unit_ago(dk_now() - created_ns, text));
	put(row, "RunningFor", ago);
}

static void put_size(struct json_object *row, struct json_object *o)
{
	char rw[UNIT_TEXT_MAX], all[UNIT_TEXT_MAX], text[2 * UNIT_TEXT_MAX + 16];
	int64_t root = dk_int(o, "SizeRootFs");

	unit_size((double)dk_int(o, "SizeRw"), 3, rw);
	snprintf(text, sizeof(text), root > 0 ? "%s (virtual %s)" : "%s", rw, unit_size((double)root, 3, all));
	put(row, "Size", text);
}

static struct json_object *row_of(struct json_object *o, const struct args *a)
{
	struct json_object *row = json_object_new_object();
	const char *image = dk_text(o, "Image");
	char id[80], image_id[80];
	_cleanup_buf_ struct buf quoted = BUF_INIT;

	put(row, "ID", dk_id(dk_text(o, "Id"), a->no_trunc, id));
	dk_id(dk_text(o, "ImageID"), false, image_id);
	if (!a->no_trunc && (startswith(image, "sha256:") || startswith(image, image_id)))
		image = image_id;
	put(row, "Image", *image ? image : "<no image>");
	put_cut(row, "Command", dk_text(o, "Command"), COMMAND_MAX, a->no_trunc);
	buf_printf(&quoted, "\"%s\"", dk_text(row, "Command"));
	put(row, "Command", buf_str(&quoted));
	put_times(row, dk_int(o, "Created") * 1000000000);
	put(row, "State", dk_text(o, "State"));
	put(row, "Status", dk_text(o, "Status"));
	put_ports(row, dk_get(o, "Ports"));
	put_names(row, dk_get(o, "Names"), a->no_trunc);
	put_labels(row, dk_get(o, "Labels"));
	put_mounts(row, dk_get(o, "Mounts"), a->no_trunc);
	put_networks(row, dk_get(o, "NetworkSettings.Networks"));
	put_size(row, o);
	return row;
}

/* --- containers that no image was made into ------------------------------------------------------------------------------------ */

static void add_other(struct json_object *to, const struct container *ct, const char *name, enum run_state s)
{
	struct json_object *row = json_object_new_object();
	char text[UNIT_TEXT_MAX], status[UNIT_TEXT_MAX + 8] = "Exited";

	put(row, "ID", name);
	put(row, "Image", ct->defined ? "(lxc)" : "(oci)");
	put(row, "Command", "\"\"");
	put(row, "State", s == RUN_STOPPED ? "exited" : s == RUN_FROZEN ? "paused" : "running");
	if (s != RUN_STOPPED)
		snprintf(status, sizeof(status), "Up %s%s", unit_ago(dk_now() - ct->rec.started_ns, text),
			 s == RUN_FROZEN ? " (Paused)" : "");
	put(row, "Status", status);
	put(row, "Names", name);
	if (s != RUN_STOPPED) {
		put_times(row, ct->rec.started_ns);
	} else {
		put(row, "CreatedAt", "");
		put(row, "RunningFor", "");
	}
	put_ports(row, NULL);
	put_labels(row, NULL);
	put_mounts(row, NULL, false);
	put_networks(row, NULL);
	put(row, "Size", "0B");
	json_object_array_add(to, row);
}

static bool listed(struct json_object *containers, const char *name)
{
	for (size_t i = 0; i < json_object_array_length(containers); i++) {
		struct json_object *o = json_object_array_get_idx(containers, i), *names = dk_get(o, "Names");
		const char *own = names ? json_object_get_string(json_object_array_get_idx(names, 0)) : "";

		if (streq(dk_text(o, "Id"), name) || (own && streq(own + (*own == '/'), name)))
			return true;
	}
	return false;
}

static int add_others(struct json_object *containers, struct json_object *to, bool all, struct err *e)
{
	_cleanup_(engine_freep) struct engine *g = NULL;
	_cleanup_strv_ struct strv names = STRV_INIT;
	struct engine_opts o = { 0 };
	int r = engine_open(&o, &g, e);

	if (r >= 0)
		r = engine_list(g, all ? LIST_DEFINED | LIST_ACTIVE : LIST_ACTIVE, &names, e);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		_cleanup_(container_freep) struct container *ct = NULL;
		enum run_state s;

		if (listed(containers, names.v[i]) ||
		    container_open(g, names.v[i], NULL, OPEN_NO_CONFIG, &ct, NULL) < 0)
			continue;
		s = container_state(ct);
		/* Another container of an image, which a filter or -n has left out. */
		if (ct->rec.data)
			continue;
		if (s != RUN_STOPPED || all)
			add_other(to, ct, names.v[i], s);
	}
	return r;
}

static int print_ids(const struct cli *c, struct json_object *containers, const struct args *a)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	char id[80];

	for (size_t i = 0; i < json_object_array_length(containers); i++)
		buf_printf(&out, "%s\n",
			   dk_id(dk_text(json_object_array_get_idx(containers, i), "Id"), a->no_trunc, id));
	return cli_print(c, &out, 0);
}

static int list(const struct cli *c, const struct args *a)
{
	static const char table[] =
		"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
	static const char sizes[] =
		"{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}\t{{.Size}}";
	struct listing l = { a->size ? sizes : table, columns, "psFormat" };
	struct docker_list o = { .all = a->all || a->latest || a->last > 0,
				 .size = a->size || (a->format && strstr(a->format, ".Size")),
				 .limit = a->latest	? 1
					  : a->last > 0 ? a->last
							: 0 };
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf filters = BUF_INIT, text = BUF_INIT;
	struct json_object *containers, *out;
	struct err e = { 0 };
	int code = dk_start(c, &d);

	if (code)
		return code;
	if (dk_filters(&a->filters, &filters, &e) < 0)
		return dk_fail(c, &e);
	o.filters = filters.len ? buf_str(&filters) : NULL;
	containers = dk_answer(c, docker_list(d, &o, &text, &e), &text, &e);
	if (!containers)
		return 1;
	if (a->quiet && isempty(a->format)) {
		code = print_ids(c, containers, a);
		json_object_put(containers);
		return code;
	}
	out = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(containers); i++)
		json_object_array_add(out, row_of(json_object_array_get_idx(containers, i), a));
	if (a->filters.n == 0 && o.limit == 0 && !streq(c->prog, "docker ps") &&
	    add_others(containers, out, a->all, &e) < 0)
		code = dk_fail(c, &e);
	if (code == 0)
		code = dk_print_rows(c, a->format, &l, out);
	json_object_put(containers);
	json_object_put(out);
	return code;
}

static int run(struct cli *c)
{
	struct args a = { .last = -1 };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = list(c, &a);
	strv_done(&a.filters);
	return code;
}

const struct command cmd_docker_ps = {
	.name = "ps",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "List containers",
	.description = "Lists the containers that run. Those of LXC and of OCI clients stand behind those made from "
		       "images, by "
		       "their names; -q and filters leave them out. With -P, -1 and the other options of creel's older "
		       "ps the list "
		       "is as it was: name, state, process, addresses.",
	.opts = rows,
	.exits = (const struct text_pair[]){ { "0", "Listed." }, { "1", "It failed." }, { NULL, NULL } },
	.see_also = "lxc-ls(1), creel-inspect(1)",
	.run = run,
};
