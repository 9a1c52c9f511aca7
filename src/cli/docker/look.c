/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* top, port, diff, update. */

#include <json-c/json.h>
#include <stdio.h>

#include "base/parse.h"
#include "cli/docker/create.h"
#include "cli/docker/dcli.h"

/* --- top --------------------------------------------------------------------------------------------------------------------- */

static void add_line(struct json_object *cells, struct buf *out)
{
	for (size_t i = 0; cells && i < json_object_array_length(cells); i++)
		buf_printf(out, "%s%s", i ? "\t" : "", json_object_get_string(json_object_array_get_idx(cells, i)));
	buf_putc(out, '\n');
}

static int run_top(struct cli *c)
{
	_cleanup_buf_ struct buf ps = BUF_INIT, text = BUF_INIT, out = BUF_INIT, aligned = BUF_INIT;
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct json_object *o, *list;
	struct err e = { 0 };
	int code = dk_begin(c, NULL, &d);

	if (code >= 0)
		return code;
	for (size_t i = 1; i < c->operands.n; i++)
		buf_printf(&ps, "%s%s", i > 1 ? " " : "", c->operands.v[i]);
	o = dk_answer(c, docker_top(d, c->operands.v[0], ps.len ? buf_str(&ps) : NULL, &text, &e), &text, &e);
	if (!o)
		return 1;
	add_line(dk_get(o, "Titles"), &out);
	list = dk_get(o, "Processes");
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		add_line(json_object_array_get_idx(list, i), &out);
	json_object_put(o);
	dk_align(buf_str(&out), &aligned);
	return cli_print(c, &aligned, 0);
}

const struct command cmd_docker_top = {
	.name = "top",
	.flags = CMD_DOCKER | CMD_NAMES | CMD_COMMAND,
	.synopsis = "CONTAINER [ps OPTIONS]",
	.summary = "Display the running processes of a container",
	.description =
		"Prints the container's processes by the host's ps(1), with the options that are given, -ef without.",
	.min_args = 1,
	.max_args = ARGS_ANY,
	.see_also = "creel-stats(1), lxc-top(1)",
	.run = run_top,
};

/* --- port -------------------------------------------------------------------------------------------------------------------- */

static void add_bindings(struct json_object *list, const char *port, struct buf *out)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *b = json_object_array_get_idx(list, i);
		const char *ip = dk_text(b, "HostIp");
		bool v6 = strchr(ip, ':');

		if (port)
			buf_printf(out, "%s -> ", port);
		buf_printf(out, "%s%s%s:%s\n", v6 ? "[" : "", ip, v6 ? "]" : "", dk_text(b, "HostPort"));
	}
}

static int port(const struct cli *c, struct json_object *ports, struct buf *out)
{
	const char *want = c->operands.n > 1 ? c->operands.v[1] : NULL, *slash = want ? strchr(want, '/') : NULL;
	char key[64];
	uint32_t n;
	struct json_object *sorted, *found = NULL;

	if (!want) {
		sorted = ports ? dk_sorted(ports) : NULL;
		if (sorted) {
			json_object_object_foreach(sorted, name, list) add_bindings(list, name, out);
		}
		json_object_put(sorted);
		return 0;
	}
	snprintf(key, sizeof(key), "%.*s", slash ? (int)(slash - want) : (int)strlen(want), want);
	if (parse_u32(key, &n) < 0 || n > 65535)
		return dk_error(c, "Error: invalid port (%s): strconv.ParseUint: parsing \"%s\": invalid syntax", key,
				key);
	snprintf(key, sizeof(key), "%u/%s", n, slash ? slash + 1 : "tcp");
	if (ports)
		json_object_object_get_ex(ports, key, &found);
	if (!found)
		return dk_error(c, "Error: No public port '%s' published for %s", want, c->operands.v[0]);
	add_bindings(found, NULL, out);
	return 0;
}

static int run_port(struct cli *c)
{
	_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct json_object *o;
	struct err e = { 0 };
	int code = dk_begin(c, NULL, &d);

	if (code >= 0)
		return code;
	o = dk_answer(c, docker_inspect(d, c->operands.v[0], false, &text, &e), &text, &e);
	if (!o)
		return 1;
	code = port(c, dk_get(o, "NetworkSettings.Ports"), &out);
	json_object_put(o);
	return cli_print(c, &out, code);
}

const struct command cmd_docker_port = {
	.name = "port",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "CONTAINER [PRIVATE_PORT[/PROTO]]",
	.summary = "List port mappings or a specific mapping for the container",
	.description = "Prints which ports of the host lead to the container.",
	.min_args = 1,
	.max_args = 2,
	.see_also = "creel-run(1), creel-ps(1)",
	.run = run_port,
};

/* --- diff -------------------------------------------------------------------------------------------------------------------- */

static int run_diff(struct cli *c)
{
	_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct json_object *list;
	struct err e = { 0 };
	int code = dk_begin(c, NULL, &d);

	if (code >= 0)
		return code;
	list = dk_answer(c, docker_changes(d, c->operands.v[0], &text, &e), &text, &e);
	if (!list)
		return 1;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		int64_t kind = dk_int(o, "Kind");

		buf_printf(&out, "%c %s\n", kind == 1 ? 'A' : kind == 2 ? 'D' : 'C', dk_text(o, "Path"));
	}
	json_object_put(list);
	return cli_print(c, &out, 0);
}

const struct command cmd_docker_diff = {
	.name = "diff",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "CONTAINER",
	.summary = "Inspect changes to files or directories on a container's filesystem",
	.description = "Prints what differs from the image: A added, C changed, D deleted.",
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-commit(1)",
	.run = run_diff,
};

/* --- update ------------------------------------------------------------------------------------------------------------------ */

struct update_args {
	int64_t shares, period, quota, rt_period, rt_runtime, nano, memory, reservation, swap, kernel, pids;
	int blkio;
	const char *cpus, *mems, *restart;
};
#define AT(member) offsetof(struct update_args, member)
#define BYTES(member, unlimited)                                                              \
	static int set_##member(void *args, const char *arg, struct err *e)                   \
	{                                                                                     \
		return size_option(arg, unlimited, &((struct update_args *)args)->member, e); \
	}
BYTES(memory, false)
BYTES(reservation, false)
BYTES(swap, true)
BYTES(kernel, false)

static int set_cpus(void *args, const char *arg, struct err *e)
{
	return cpus_option(arg, &((struct update_args *)args)->nano, e);
}

static const struct opt update_rows[] = {
	{ 0, "blkio-weight", "N", "Relative weight of block I/O.", OPT_INT, AT(blkio) },
	{ 0, "cpu-period", "MICROSECONDS", "Period of the processor's quota.", OPT_I64, AT(period) },
	{ 0, "cpu-quota", "MICROSECONDS", "Processor time in a period.", OPT_I64, AT(quota) },
	{ 0, "cpu-rt-period", "MICROSECONDS", "The same for real-time processes.", OPT_I64, AT(rt_period) },
	{ 0, "cpu-rt-runtime", "MICROSECONDS", "The same for real-time processes.", OPT_I64, AT(rt_runtime) },
	{ 'c', "cpu-shares", "N", "Relative weight of processor time.", OPT_I64, AT(shares) },
	{ 0, "cpus", "N", "Processors at most.", OPT_CALL, 0, .parse = set_cpus },
	{ 0, "cpuset-cpus", "LIST", "Processors that may be used.", OPT_STR, AT(cpus) },
	{ 0, "cpuset-mems", "LIST", "Memory nodes that may be used.", OPT_STR, AT(mems) },
	{ 0, "kernel-memory", "BYTES", "Accepted; the kernel has no such limit any more.", OPT_CALL, 0,
	  .parse = set_kernel, .flags = OPT_HIDDEN },
	{ 'm', "memory", "BYTES", "Memory at most.", OPT_CALL, 0, .parse = set_memory },
	{ 0, "memory-reservation", "BYTES", "Memory that is left to it.", OPT_CALL, 0, .parse = set_reservation },
	{ 0, "memory-swap", "BYTES", "Memory and swap together; -1 for unlimited.", OPT_CALL, 0, .parse = set_swap },
	{ 0, "pids-limit", "N", "Processes at most; -1 for unlimited.", OPT_I64, AT(pids) },
	{ 0, "restart", "POLICY", "no, always, unless-stopped, on-failure[:N].", OPT_STR, AT(restart) },
	OPT_END
};

static void number(struct json_object *o, const char *key, int64_t v)
{
	if (v)
		json_object_object_add(o, key, json_object_new_int64(v));
}

static int policy(const struct cli *c, struct json_object *o, const char *text)
{
	const char *colon = strchr(text, ':');
	struct json_object *p;
	int32_t n = 0;

	if (colon && parse_i32(colon + 1, &n) < 0)
		return dk_error(c, "invalid restart policy format: maximum retry count must be an integer");
	p = json_object_new_object();
	json_object_object_add(p, "Name",
			       json_object_new_string_len(text, colon ? (int)(colon - text) : (int)strlen(text)));
	json_object_object_add(p, "MaximumRetryCount", json_object_new_int(n));
	json_object_object_add(o, "RestartPolicy", p);
	return 0;
}

static int update_one(struct docker *d, const char *name, void *arg, struct err *e)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;

	return docker_update(d, name, arg, &answer, e);
}

static int run_update(struct cli *c)
{
	struct update_args a = { 0 };
	_cleanup_free_ char *body = NULL;
	struct json_object *o;
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	o = json_object_new_object();
	number(o, "CpuShares", a.shares);
	number(o, "CpuPeriod", a.period);
	number(o, "CpuQuota", a.quota);
	number(o, "CpuRealtimePeriod", a.rt_period);
	number(o, "CpuRealtimeRuntime", a.rt_runtime);
	number(o, "NanoCpus", a.nano);
	number(o, "Memory", a.memory);
	number(o, "MemoryReservation", a.reservation);
	number(o, "MemorySwap", a.swap);
	number(o, "PidsLimit", a.pids);
	number(o, "BlkioWeight", a.blkio);
	if (!isempty(a.cpus))
		json_object_object_add(o, "CpusetCpus", json_object_new_string(a.cpus));
	if (!isempty(a.mems))
		json_object_object_add(o, "CpusetMems", json_object_new_string(a.mems));
	code = isempty(a.restart) ? 0 : policy(c, o, a.restart);
	if (code == 0 && json_object_object_length(o) == 0 && !a.kernel)
		code = dk_error(c, "you must provide one or more flags when using this command");
	body = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	if (code == 0)
		code = body ? dk_each(c, update_one, body) : 1;
	return code;
}

const struct command cmd_docker_update = {
	.name = "update",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Update configuration of one or more containers",
	.description = "Changes limits and the restart policy, of containers that run, too.",
	.opts = update_rows,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.see_also = "creel-run(1), lxc-cgroup(1)",
	.run = run_update,
};
