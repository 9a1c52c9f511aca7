/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/json.h"
#include "cli/lxc/lxc-cli.h"
#include "net/net.h"

struct args {
	struct strv keys;
	bool ips, pid, stats, state, raw;
	bool all; /* no filter was given */
	unsigned n_filters;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'c', "config", "KEY", "The value of a configuration key. May be repeated.", OPT_LIST, AT(keys) },
	{ 'i', "ips", NULL, "Its addresses.", OPT_BOOL, AT(ips), 1 },
	{ 'p', "pid", NULL, "The process id of its init.", OPT_BOOL, AT(pid), 1 },
	{ 'S', "stats", NULL, "What it uses.", OPT_BOOL, AT(stats), 1 },
	{ 'H', "no-humanize", NULL, "Plain numbers; with one filter, the bare value.", OPT_BOOL, AT(raw), 1 },
	{ 's', "state", NULL, "Its state.", OPT_BOOL, AT(state), 1 },
	OPT_END
};

struct facts {
	struct container *ct;
	bool running, has_stats;
	enum run_state state;
	struct strv ips;
	struct cg_stats stats;
};

static void line(struct buf *out, const struct args *a, const char *label, const char *value)
{
	if (a->raw && a->n_filters == 1)
		buf_printf(out, "%s\n", value);
	else
		buf_printf(out, "%-15s %s\n", label, value);
}

static void size_line(struct buf *out, const struct args *a, const char *label, uint64_t bytes)
{
	char text[32];

	if (bytes != UINT64_MAX)
		buf_printf(out, "%-15s %s\n", label, lxc_size(bytes, a->raw, text));
}

static void print_stats(struct buf *out, const struct args *a, const struct cg_stats *s)
{
	char text[64];

	if (s->cpu_ns != UINT64_MAX) {
		if (a->raw)
			snprintf(text, sizeof(text), "%llu", (unsigned long long)s->cpu_ns);
		else
			snprintf(text, sizeof(text), "%.2f seconds", (double)s->cpu_ns / 1e9);
		buf_printf(out, "%-15s %s\n", "CPU use:", text);
	}
	size_line(out, a, "BlkIO use:", s->blkio_bytes);
	size_line(out, a, "Memory use:", s->memory);
	size_line(out, a, "KMem use:", s->kernel_memory);
}

/* What the host's end receives, the container has sent. What has no such end is counted inside, and called after the
 * device that it lies on or was. */
static bool link_bytes(struct container *ct, size_t i, char name[static 16], uint64_t *ret_tx, uint64_t *ret_rx)
{
	const struct record *rec = &ct->rec;
	const char *inner;

	if (!streq(rec->host_ifs.v[i], "-")) {
		snprintf(name, 16, "%s", rec->host_ifs.v[i]);
		return net_if_stats(name, ret_tx, ret_rx, NULL) >= 0;
	}
	inner = i < rec->links.n ? strchr(rec->links.v[i], ' ') : NULL;
	if (!inner)
		return false;
	snprintf(name, 16, "%.*s", (int)(inner - rec->links.v[i]), rec->links.v[i]);
	return container_if_stats(ct, inner + 1, ret_rx, ret_tx, NULL) >= 0;
}

static void print_links(struct buf *out, const struct args *a, struct container *ct)
{
	for (size_t i = 0; i < ct->rec.host_ifs.n; i++) {
		uint64_t tx, rx;
		char name[16];

		if (!link_bytes(ct, i, name, &tx, &rx))
			continue;
		buf_printf(out, "%-15s %s\n", "Link:", name);
		size_line(out, a, " TX bytes:", tx);
		size_line(out, a, " RX bytes:", rx);
		size_line(out, a, " Total bytes:", tx + rx);
	}
}

static int print_keys(struct cli *c, struct buf *out, const struct args *a, struct container *ct)
{
	for (size_t i = 0; i < a->keys.n; i++) {
		_cleanup_buf_ struct buf value = BUF_INIT;
		struct err e = { 0 };

		if (container_config_get(ct, a->keys.v[i], &value, &e) < 0) {
			cli_fail(c, &e);
			continue;
		}
		while (value.len && value.data[value.len - 1] == '\n')
			value.data[--value.len] = '\0';
		if (a->raw && a->n_filters == 1)
			buf_printf(out, "%s\n", buf_str(&value));
		else
			buf_printf(out, "%s =%s%s\n", a->keys.v[i], value.len ? " " : "", buf_str(&value));
	}
	return 0;
}

static int print_text(struct cli *c, const struct args *a, struct facts *f)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	char pid[24];

	if (a->all)
		line(&out, a, "Name:", c->name);
	if (a->all || a->state)
		line(&out, a, "State:", run_state_names[f->state]);
	if (f->running && (a->all || a->pid)) {
		snprintf(pid, sizeof(pid), "%d", (int)f->ct->rec.pid);
		line(&out, a, "PID:", pid);
	}
	for (size_t i = 0; i < f->ips.n; i++)
		line(&out, a, "IP:", f->ips.v[i]);
	if (f->has_stats) {
		print_stats(&out, a, &f->stats);
		print_links(&out, a, f->ct);
	}
	print_keys(c, &out, a, f->ct);
	return cli_print(c, &out, 0);
}

static void json_stat(struct json *j, const char *key, uint64_t v)
{
	if (v == UINT64_MAX)
		return;
	json_kv_u64(j, key, v);
}

static void json_stats(struct json *j, const struct facts *f)
{
	const struct cg_stats *s = &f->stats;

	json_key(j, "stats");
	json_object(j);
	json_stat(j, "cpu_ns", s->cpu_ns);
	json_stat(j, "blkio_bytes", s->blkio_bytes);
	json_stat(j, "memory_bytes", s->memory);
	json_stat(j, "memory_max_bytes", s->memory_max);
	json_stat(j, "memory_peak_bytes", s->memory_peak);
	json_stat(j, "swap_bytes", s->swap);
	json_stat(j, "kernel_memory_bytes", s->kernel_memory);
	json_stat(j, "pids", s->pids);
	json_stat(j, "oom_kills", s->oom_kills);
	json_end_object(j);
	json_key(j, "links");
	json_array(j);
	for (size_t i = 0; i < f->ct->rec.host_ifs.n; i++) {
		uint64_t tx, rx;
		char name[16];

		if (!link_bytes(f->ct, i, name, &tx, &rx))
			continue;
		json_object(j);
		json_kv_string(j, "name", name);
		json_kv_u64(j, "tx_bytes", tx);
		json_kv_u64(j, "rx_bytes", rx);
		json_end_object(j);
	}
	json_end_array(j);
}

static int json_config(struct cli *c, struct json *j, const struct args *a, struct container *ct)
{
	json_key(j, "config");
	json_object(j);
	for (size_t i = 0; i < a->keys.n; i++) {
		_cleanup_buf_ struct buf value = BUF_INIT;
		_cleanup_strv_ struct strv lines = STRV_INIT;
		struct err e = { 0 };

		if (container_config_get(ct, a->keys.v[i], &value, &e) < 0 ||
		    strv_split(&lines, buf_str(&value), "\n", &e) < 0)
			return cli_fail(c, &e);
		json_key(j, a->keys.v[i]);
		json_array(j);
		for (size_t k = 0; k < lines.n; k++)
			json_string(j, lines.v[k]);
		json_end_array(j);
	}
	json_end_object(j);
	return 0;
}

/* As a shell would tell it. */
static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int print_json(struct cli *c, const struct args *a, struct facts *f)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json j;

	json_init(&j, &out, true);
	json_object(&j);
	json_kv_string(&j, "name", c->name);
	json_kv_string(&j, "state", run_state_names[f->state]);
	if (f->running)
		json_kv_i64(&j, "pid", f->ct->rec.pid);
	else if (f->ct->rec.exit_status >= 0)
		json_kv_i64(&j, "exit_status", exit_code(f->ct->rec.exit_status));
	if (f->running && (a->all || a->ips)) {
		json_key(&j, "ips");
		json_array(&j);
		for (size_t i = 0; i < f->ips.n; i++)
			json_string(&j, f->ips.v[i]);
		json_end_array(&j);
	}
	if (f->has_stats)
		json_stats(&j, f);
	if (a->keys.n && json_config(c, &j, a, f->ct) != 0)
		return 1;
	json_end_object(&j);
	buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

static int collect(struct cli *c, const struct args *a, struct facts *f, struct err *e)
{
	_cleanup_strv_ struct strv ips = STRV_INIT;
	int r;

	f->state = container_state(f->ct);
	f->running = f->state != RUN_STOPPED && f->ct->rec.pid > 0;
	if (!f->running)
		return 0;
	if (a->all || a->ips) {
		/* A network that cannot be looked into (another user's container) has no addresses to show. */
		r = container_ips(f->ct, &ips, NULL);
		if (r >= 0)
			r = lxc_addresses(&ips, '4', &f->ips, e);
		if (r >= 0)
			r = lxc_addresses(&ips, '6', &f->ips, e);
		if (r == -ENOMEM)
			return r;
	}
	f->has_stats = a->all || a->stats;
	/* Without a control group that we may read there are the links at least. */
	if (f->has_stats && container_stats(f->ct, &f->stats, NULL) < 0)
		memset(&f->stats, 0xff, sizeof(f->stats));
	return 0;
}

static int info(struct cli *c, struct args *a)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct facts f = { 0 };
	struct err e = { 0 };
	int code;

	a->n_filters = a->ips + a->pid + a->stats + a->state + a->keys.n;
	a->all = a->n_filters == 0;
	if (cli_open(c, 0, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!ct->defined && !cli_is_running(ct)) {
		fprintf(stderr, "%s doesn't exist\n", c->name);
		return 1;
	}
	f.ct = ct;
	if (collect(c, a, &f, &e) < 0)
		code = cli_fail(c, &e);
	else
		code = c->json ? print_json(c, a, &f) : print_text(c, a, &f);
	strv_done(&f.ips);
	return code;
}

static int run(struct cli *c)
{
	struct args a = { 0 };
	int code;

	code = cli_parse(c, &a);
	if (code < 0)
		code = info(c, &a);
	strv_done(&a.keys);
	return code;
}

const struct command cmd_info = {
	.name = "lxc-info",
	.flags = CMD_LXC | CMD_NAME | CMD_JSON,
	.synopsis = "[-n] NAME [OPTION...]",
	.summary = "show what is known of a container",
	.description =
		"Prints the state of the container NAME, and while it runs its process id, addresses and what it uses. "
		"The filters restrict that to what they name.",
	.opts = opts,
	.examples =
		(const struct text_pair[]){ { "lxc-info web", "Everything." },
					    { "lxc-info web -sH", "The state alone: RUNNING." },
					    { "lxc-info web -c lxc.net.0.veth.pair", "A value of its configuration." },
					    { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Printed." },
					     { "1", "There is no such container." },
					     { NULL, NULL } },
	.see_also = "lxc-ls(1), lxc-wait(1), lxc-cgroup(1)",
	.run = run,
};
