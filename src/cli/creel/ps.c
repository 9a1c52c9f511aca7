/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "cli/cli.h"
#include "cli/lxc/lxc-cli.h"

struct args {
	bool all, names;
};

static const struct opt opts[] = {
	{ 'a', "all", NULL, "Those that do not run, too.", OPT_BOOL, offsetof(struct args, all), 1 },
	{ '1', "names", NULL, "The names only, one a line.", OPT_BOOL, offsetof(struct args, names), 1 },
	OPT_END
};

/* "3d", "2h", "5m", "9s": the largest unit is enough to see. */
static const char *age(int64_t started_ns, char buf[static 32])
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	int64_t s = time(NULL) - started_ns / 1000000000;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (s >= units[i].seconds || i + 1 == ARRAY_SIZE(units)) {
			snprintf(buf, 32, "%lld%c", (long long)(s / units[i].seconds), units[i].unit);
			break;
		}
	return buf;
}

static int row_text(struct table *t, const struct container *ct, enum run_state s, const struct strv *ips,
		    struct err *e)
{
	_cleanup_free_ char *addr = lxc_join(ips, ", ");
	char pid[24] = "", up[32] = "", state[32];

	snprintf(state, sizeof(state), "%s", run_state_names[s]);
	for (char *p = state; *p; p++)
		*p |= 0x20;
	if (s != RUN_STOPPED) {
		snprintf(pid, sizeof(pid), "%d", (int)ct->rec.pid);
		age(ct->rec.started_ns, up);
	}
	if (table_add(t, ct->name, e) < 0 || table_add(t, state, e) < 0 || table_add(t, pid, e) < 0 ||
	    table_add(t, up, e) < 0 || table_add(t, addr, e) < 0)
		return -ENOMEM;
	return 0;
}

static void row_json(struct json *j, const struct container *ct, enum run_state s, const struct strv *ips)
{
	json_object(j);
	json_kv_string(j, "name", ct->name);
	json_kv_string(j, "id", ct->id);
	json_kv_string(j, "lxcpath", ct->lxcpath);
	json_kv_string(j, "state", run_state_names[s]);
	json_key(j, "pid");
	if (s == RUN_STOPPED)
		json_null(j);
	else
		json_i64(j, ct->rec.pid);
	json_key(j, "started_ns");
	if (s == RUN_STOPPED)
		json_null(j);
	else
		json_i64(j, ct->rec.started_ns);
	json_key(j, "addresses");
	json_array(j);
	for (size_t i = 0; i < ips->n; i++)
		json_string(j, ips->v[i]);
	json_end_array(j);
	json_end_object(j);
}

struct output {
	struct table t;
	struct buf names, json_text;
	struct json json;
};

static int add(struct cli *c, const struct args *a, const char *name, struct output *o, struct err *e)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	_cleanup_strv_ struct strv lines = STRV_INIT, ips = STRV_INIT;
	enum run_state s;
	int r;

	r = container_open(c->engine, name, NULL, OPEN_NO_CONFIG, &ct, e);
	if (r < 0)
		return r;
	s = container_state(ct);
	if (s == RUN_STOPPED && !a->all)
		return 0;
	if (a->names) {
		buf_printf(&o->names, "%s\n", name);
		return 0;
	}
	if (s != RUN_STOPPED && container_ips(ct, &lines, NULL) >= 0) {
		r = lxc_addresses(&lines, '4', &ips, e);
		if (r >= 0)
			r = lxc_addresses(&lines, '6', &ips, e);
		if (r < 0)
			return r;
	}
	if (c->json) {
		row_json(&o->json, ct, s, &ips);
		return 0;
	}
	return row_text(&o->t, ct, s, &ips, e);
}

static int list(struct cli *c, const struct args *a, struct output *o, struct err *e)
{
	static const char *const heads[] = { "NAME", "STATE", "PID", "UP", "ADDRESSES" };
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r;

	r = cli_open_engine(c, e);
	if (r >= 0)
		r = engine_list(c->engine, a->all ? LIST_DEFINED | LIST_ACTIVE : LIST_ACTIVE, &names, e);
	if (r < 0)
		return r;
	o->t.n_cols = ARRAY_SIZE(heads);
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		if (table_add(&o->t, heads[i], e) < 0)
			return -ENOMEM;
	json_init(&o->json, &o->json_text, true);
	json_array(&o->json);
	for (size_t i = 0; i < names.n && r >= 0; i++)
		r = add(c, a, names.v[i], o, e);
	json_end_array(&o->json);
	buf_putc(&o->json_text, '\n');
	return r;
}

static int run(struct cli *c)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct output o = { 0 };
	struct args a = { 0 };
	struct err e = { 0 };
	int code;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (list(c, &a, &o, &e) < 0) {
		code = cli_fail(c, &e);
	} else if (c->json) {
		code = cli_print(c, &o.json_text, 0);
	} else if (a.names) {
		code = cli_print(c, &o.names, 0);
	} else {
		table_render(&o.t, &text);
		code = cli_print(c, &text, 0);
	}
	table_done(&o.t);
	buf_done(&o.names);
	buf_done(&o.json_text);
	return code;
}

const struct command cmd_ps = {
	.name = "ps",
	.flags = CMD_JSON,
	.synopsis = "[OPTION...]",
	.summary = "list containers",
	.description = "Lists the containers that run, with their first process, how long they have been up, and their "
		       "addresses.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "Listed." }, { "1", "It failed." }, { NULL, NULL } },
	.see_also = "lxc-ls(1), lxc-info(1)",
	.run = run,
};
