/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names that LXC had before 1.0 and that scripts and books still know: thin dialects of what there is today. The two
 * that gave programs rights of root (lxc-setcap, lxc-setuid) are refused with today's way.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/json.h"
#include "base/spawn.h"
#include "cli/lxc/lxc-cli.h"
#include "spec/field.h"

/* --- lxc-list --------------------------------------------------------------------------------------------------------- */

static const enum run_state sections[] = { RUN_RUNNING, RUN_FROZEN, RUN_STOPPED };

static enum run_state section_of(enum run_state s)
{
	return s == RUN_FROZEN || s == RUN_STOPPED ? s : RUN_RUNNING;
}

struct named {
	char *name;
	enum run_state state;
	bool autostart;
};

static int list_collect(struct cli *c, const struct strv *names, struct named *rows, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_(container_freep) struct container *ct = NULL;
		int r = container_open(c->engine, names->v[i], NULL, 0, &ct, e);

		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			cli_fail(c, e);
			err_clear(e);
			continue;
		}
		rows[i] =
			(struct named){ names->v[i], section_of(container_state(ct)), ct->spec.start_auto == TRI_YES };
	}
	return 0;
}

static void list_text(const struct named *rows, size_t n, struct buf *out)
{
	for (size_t s = 0; s < ARRAY_SIZE(sections); s++) {
		buf_printf(out, "%s\n", run_state_names[sections[s]]);
		for (size_t i = 0; i < n; i++)
			if (rows[i].name && rows[i].state == sections[s])
				buf_printf(out, "  %s%s\n", rows[i].name, rows[i].autostart ? " (auto)" : "");
		buf_putc(out, '\n');
	}
}

static void list_json(const struct named *rows, size_t n, struct buf *out)
{
	struct json j;

	json_init(&j, out, true);
	json_array(&j);
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].name)
			continue;
		json_object(&j);
		json_kv_string(&j, "name", rows[i].name);
		json_kv_string(&j, "state", run_state_names[rows[i].state]);
		json_kv_bool(&j, "autostart", rows[i].autostart);
		json_end_object(&j);
	}
	json_end_array(&j);
	buf_putc(out, '\n');
}

static int run_list(struct cli *c)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_free_ struct named *rows = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	int code = cli_parse(c, NULL);

	if (code >= 0)
		return code;
	if (cli_open_engine(c, &e) < 0 || engine_list(c->engine, LIST_DEFINED | LIST_ACTIVE, &names, &e) < 0)
		return cli_fail(c, &e);
	rows = calloc(names.n + 1, sizeof(*rows));
	if (!rows)
		return err_oom(&e), cli_fail(c, &e);
	if (list_collect(c, &names, rows, &e) < 0)
		return cli_fail(c, &e);
	if (c->json)
		list_json(rows, names.n, &out);
	else
		list_text(rows, names.n, &out);
	return cli_print(c, &out, 0);
}

const struct command cmd_list = {
	.name = "lxc-list",
	.flags = CMD_LXC | CMD_JSON,
	.synopsis = "[OPTION...]",
	.summary = "list containers by what they do (retired: lxc-ls)",
	.description =
		"A command of LXC before 1.0: the containers that run, are frozen and are stopped; (auto) are those "
		"with lxc.start.auto. Today: lxc-ls -f.",
	.exits = (const struct text_pair[]){ { "0", "Listed." }, { "1", "It failed." }, { NULL, NULL } },
	.see_also = "lxc-ls(1)",
	.run = run_list,
};

/* --- lxc-ps ----------------------------------------------------------------------------------------------------------- */

struct ps_args {
	const char *name;
	bool all;
};

static const struct opt ps_opts[] = { { 'n', "name", "NAME", "Only the processes of this container.", OPT_STR,
					offsetof(struct ps_args, name), .complete = COMPLETE_NAME },
				      { 0, "lxc", NULL, "Only the processes of containers.", OPT_BOOL,
					offsetof(struct ps_args, all), 1 },
				      OPT_END };

struct owner {
	pid_t pid;
	const char *name;
};
struct owners {
	struct owner *v;
	size_t n;
};

static int compare_owners(const void *a, const void *b)
{
	pid_t x = ((const struct owner *)a)->pid, y = ((const struct owner *)b)->pid;

	return x < y ? -1 : x > y;
}

/* Which process is whose. One that ends meanwhile is nobody's. */
static int owners_fill(struct cli *c, const struct strv *names, struct owners *o, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		_cleanup_(container_freep) struct container *ct = NULL;
		_cleanup_free_ pid_t *pids = NULL;
		struct owner *v;
		size_t n = 0;

		if (container_open(c->engine, names->v[i], NULL, OPEN_NO_CONFIG, &ct, NULL) < 0 ||
		    container_pids(ct, &pids, &n, NULL) < 0)
			continue;
		v = realloc(o->v, (o->n + n + 1) * sizeof(*v));
		if (!v)
			return err_oom(e);
		o->v = v;
		for (size_t k = 0; k < n; k++)
			o->v[o->n++] = (struct owner){ pids[k], names->v[i] };
	}
	if (o->n)
		qsort(o->v, o->n, sizeof(*o->v), compare_owners);
	return 0;
}

/* The word of the heading that is PID; -1: none. */
static int pid_column(const char *head)
{
	for (int i = 0; *head; i++) {
		size_t len;

		head += strspn(head, " \t");
		len = strcspn(head, " \t");
		if (len == 3 && startswith(head, "PID"))
			return i;
		head += len;
	}
	return -1;
}

static const char *owner_of(const struct owners *o, const char *line, int column)
{
	struct owner key = { 0 }, *hit;

	for (int i = 0; i < column; i++) {
		line += strspn(line, " \t");
		line += strcspn(line, " \t");
	}
	key.pid = (pid_t)strtol(line, NULL, 10);
	hit = o->n ? bsearch(&key, o->v, o->n, sizeof(key), compare_owners) : NULL;
	return hit ? hit->name : NULL;
}

static int ps_run(struct cli *c, const struct ps_args *a, const struct owners *o, struct buf *out, struct err *e)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	_cleanup_free_ char *text = NULL;
	struct spawn s = { .path = "ps" };
	int r = strv_push(&argv, "ps", e), column = -1;
	char *save = NULL;

	for (size_t i = 0; i < c->operands.n && r == 0; i++)
		r = strv_push(&argv, c->operands.v[i], e);
	if (r == 0 && c->operands.n == 0 && (a->name || a->all))
		r = strv_push(&argv, "-A", e);
	if (r < 0)
		return r;
	s.argv = argv.v;
	r = spawn_run(&s, &text, e);
	if (r > 0)
		return err_kind(e, ERR_SYSTEM, -EIO, "ps ended with %d: %s", r, text ?: "");
	if (r < 0)
		return r;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *owner;

		if (column < 0) {
			column = pid_column(l);
			if (column < 0)
				return err_kind(e, ERR_INVALID, -EINVAL, "ps prints no column PID with these options");
			buf_printf(out, "%-10s %s\n", "CONTAINER", l);
			continue;
		}
		owner = owner_of(o, l, column);
		if (a->name ? streq_ptr(owner, a->name) : owner || !a->all)
			buf_printf(out, "%-10s %s\n", owner ?: "", l);
	}
	return 0;
}

static int run_ps(struct cli *c)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct owners owners = { 0 };
	struct ps_args a = { 0 };
	struct err e = { 0 };
	int code = cli_parse(c, &a), r;

	if (code >= 0)
		return code;
	r = cli_open_engine(c, &e);
	if (r == 0)
		r = engine_list(c->engine, LIST_ACTIVE, &names, &e);
	if (r == 0)
		r = owners_fill(c, &names, &owners, &e);
	if (r == 0)
		r = ps_run(c, &a, &owners, &out, &e);
	free(owners.v);
	return r < 0 ? cli_fail(c, &e) : cli_print(c, &out, 0);
}

const struct command cmd_lxc_ps = {
	.name = "lxc-ps",
	.flags = CMD_LXC | CMD_OWN_NAME,
	.synopsis = "[--lxc | -n NAME] [-- PS OPTION...]",
	.summary = "list processes with the containers they are in (retired: ps)",
	.description =
		"A command of LXC before 1.0: the host's ps(1) with its options behind '--', and a first column that "
		"names the container of each process.",
	.opts = ps_opts,
	.examples = (const struct text_pair[]){ { "lxc-ps --lxc -- -ef", "All processes of all containers." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Listed." }, { "1", "It failed." }, { NULL, NULL } },
	.see_also = "ps(1), lxc-info(1)",
	.run = run_ps,
};

/* --- lxc-netstat, lxc-kill, lxc-shutdown ------------------------------------------------------------------------------- */

/* A running container, or the exit code. */
static int open_running(struct cli *c, struct container **ret)
{
	struct err e = { 0 };

	if (cli_open(c, OPEN_NO_CONFIG, ret, &e) < 0)
		return cli_fail(c, &e);
	return cli_is_running(*ret) ? -1 : cli_not_running(c, *ret);
}

static int run_netstat(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	_cleanup_free_ char *netstat = spawn_find("netstat"), *ss = spawn_find("ss");
	struct attach_opts o = ATTACH_OPTS_INIT;
	_cleanup_strv_ struct strv argv = STRV_INIT;
	struct err e = { 0 };
	int code = cli_parse(c, NULL), status = 0, r;

	if (code >= 0)
		return code;
	if (!netstat && !ss)
		return cli_error(c, "install net-tools or iproute2", "neither netstat nor ss is there");
	r = cli_open(c, 0, &ct, &e);
	if (r < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return cli_not_running(c, ct);
	r = strv_push(&argv, netstat ?: ss, &e);
	for (size_t i = 0; i < c->operands.n && r == 0; i++)
		r = strv_push(&argv, c->operands.v[i], &e);
	o.argv = argv.v;
	o.namespaces = 1u << NS_NET;
	o.elevated_cap = o.elevated_cgroup = o.elevated_lsm = o.no_pty = true;
	if (r == 0)
		r = container_attach(ct, &o, &status, &e);
	return r < 0 ? cli_fail(c, &e) : cli_exit_of(status);
}

const struct command cmd_netstat = {
	.name = "lxc-netstat",
	.flags = CMD_LXC | CMD_NAME | CMD_ENTERS,
	.synopsis = "[-n] NAME [-- NETSTAT OPTION...]",
	.summary = "netstat on a container's network (retired: lxc-attach -s NETWORK)",
	.description = "A command of LXC before 1.0: the host's netstat(8), or ss(8) where there is no netstat, on the "
		       "network of the running container NAME.",
	.exits = (const struct text_pair[]){ { "N", "What netstat ended with." },
					     { "1", "NAME does not run, or could not be entered." },
					     { NULL, NULL } },
	.see_also = "lxc-attach(1), ss(8)",
	.run = run_netstat,
};

static int run_kill(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct err e = { 0 };
	int code = cli_parse(c, NULL), sig = SIGKILL;

	if (code >= 0)
		return code;
	if (c->operands.n > 1)
		return cli_usage_error(c, "one signal is enough");
	if (c->operands.n && signal_parse(c->operands.v[0], &sig) < 0)
		return cli_usage_error(c, "unknown signal '%s'", c->operands.v[0]);
	code = open_running(c, &ct);
	if (code >= 0)
		return code;
	return container_signal(ct, sig, &e) < 0 ? cli_fail(c, &e) : cli_end(c, 0);
}

const struct command cmd_kill = {
	.name = "lxc-kill",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME [SIGNAL]",
	.summary = "send a signal to a container's first process (retired: lxc-stop -k)",
	.description =
		"A command of LXC before 1.0: sends SIGNAL, a number or a name, to the first process of the running "
		"container NAME; SIGKILL unless one is given. Today: lxc-stop -k.",
	.exits = (const struct text_pair[]){ { "0", "Sent." }, { "1", "It does not run." }, { NULL, NULL } },
	.see_also = "lxc-stop(1)",
	.run = run_kill,
};

struct shutdown_args {
	bool reboot, wait;
	int timeout; /* INT32_MIN: not given */
};

static const struct opt shutdown_opts[] = {
	{ 'r', "reboot", NULL, "Reboot it instead.", OPT_BOOL, offsetof(struct shutdown_args, reboot), 1 },
	{ 'w', "wait", NULL, "Wait until it has stopped.", OPT_BOOL, offsetof(struct shutdown_args, wait), 1 },
	{ 't', "timeout", "SECONDS", "Wait, and kill it after so long.", OPT_INT,
	  offsetof(struct shutdown_args, timeout) },
	OPT_END
};

static int run_shutdown(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct shutdown_args a = { .timeout = INT32_MIN };
	struct stop_opts o = { .timeout_s = -1 };
	struct err e = { 0 };
	int code = cli_parse(c, &a);

	if (code >= 0)
		return code;
	if (a.timeout != INT32_MIN && a.timeout < 0)
		return cli_usage_error(c, "the time-out is a number of seconds");
	if (cli_open(c, 0, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return cli_not_running(c, ct);
	o.reboot = a.reboot;
	o.nowait = a.reboot || (!a.wait && a.timeout == INT32_MIN);
	if (a.timeout != INT32_MIN)
		o.timeout_s = a.timeout;
	return container_stop(ct, &o, &e) < 0 ? cli_fail(c, &e) : cli_end(c, 0);
}

const struct command cmd_shutdown = {
	.name = "lxc-shutdown",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME [-w] [-r] [-t SECONDS]",
	.summary = "ask a container to shut down (retired: lxc-stop)",
	.description =
		"A command of LXC before 1.0: asks the first process of the running container NAME to shut down and "
		"returns at once, unless -w or -t is given. Today: lxc-stop.",
	.opts = shutdown_opts,
	.exits = (const struct text_pair[]){ { "0", "It was asked, or has stopped." },
					     { "1", "It does not run, or did not stop." },
					     { NULL, NULL } },
	.see_also = "lxc-stop(1)",
	.run = run_shutdown,
};

/* --- lxc-version, lxc-setcap, lxc-setuid -------------------------------------------------------------------------------- */

static int run_version(struct cli *c)
{
	int code = cli_parse(c, NULL);

	if (code >= 0)
		return code;
	puts("lxc version: " LXC_INTERFACE_VERSION);
	return 0;
}

const struct command cmd_lxc_version = {
	.name = "lxc-version",
	.flags = CMD_LXC | CMD_NO_ENGINE,
	.synopsis = "",
	.summary = "print the version of LXC that is spoken (retired: --version)",
	.description = "A command of LXC before 1.0: prints the release of LXC whose commands these are.",
	.exits = (const struct text_pair[]){ { "0", "Printed." }, { NULL, NULL } },
	.see_also = "creel(1)",
	.run = run_version,
};

static const struct opt drop_opts[] = { { 'd', "drop", NULL, "Accepted for old scripts' sake.", OPT_BOOL, 0, 1 },
					OPT_END };

static int refuse(struct cli *c)
{
	bool drop = false;
	int code = cli_parse(c, &drop);

	if (code >= 0)
		return code;
	return cli_error(c,
			 "as an ordinary user: give yourself ids in /etc/subuid and /etc/subgid, an lxc.idmap in "
			 "~/.config/lxc/default.conf, and use the same commands",
			 "refused: it made LXC's programs run with root's rights for every user");
}

static const struct text_pair refused[] = { { "1", "Always." }, { NULL, NULL } };

const struct command cmd_setcap = {
	.name = "lxc-setcap",
	.flags = CMD_LXC | CMD_NO_ENGINE,
	.synopsis = "[-d]",
	.summary = "refused: it gave every user root's capabilities (retired)",
	.description = "A command of LXC before 1.0 that put file capabilities on LXC's programs. creel refuses: an "
		       "ordinary user has containers of his own, with his ids of /etc/subuid and /etc/subgid.",
	.opts = drop_opts,
	.exits = refused,
	.see_also = "lxc-usernsexec(1), lxc.container.conf(5)",
	.run = refuse,
};

const struct command cmd_setuid = {
	.name = "lxc-setuid",
	.flags = CMD_LXC | CMD_NO_ENGINE,
	.synopsis = "[-d]",
	.summary = "refused: it made LXC's programs setuid root (retired)",
	.description =
		"A command of LXC before 1.0 that made LXC's programs setuid root. creel refuses: an ordinary user "
		"has containers of his own, with his ids of /etc/subuid and /etc/subgid.",
	.opts = drop_opts,
	.exits = refused,
	.see_also = "lxc-usernsexec(1), lxc.container.conf(5)",
	.run = refuse,
};
