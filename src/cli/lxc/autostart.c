/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "cli/lxc/lxc-cli.h"

#define EXIT_SOME_FAILED  2
#define DEFAULT_TIMEOUT_S 60

enum action { ACT_START, ACT_REBOOT, ACT_SHUTDOWN, ACT_KILL };

struct args {
	bool kill, list, reboot, shutdown, all, ignore_auto;
	struct strv groups; /* as given: one element an option */
	int timeout;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'k', "kill", NULL, "Kill them instead.", OPT_BOOL, AT(kill), 1 },
	{ 'L', "list", NULL, "Only say which they are, and how long to wait after each.", OPT_BOOL, AT(list), 1 },
	{ 'r', "reboot", NULL, "Reboot them instead.", OPT_BOOL, AT(reboot), 1 },
	{ 's', "shutdown", NULL, "Shut them down instead.", OPT_BOOL, AT(shutdown), 1 },
	{ 'a', "all", NULL, "Those of every group and of none.", OPT_BOOL, AT(all), 1 },
	{ 'A', "ignore-auto", NULL, "Also those without lxc.start.auto.", OPT_BOOL, AT(ignore_auto), 1 },
	{ 'g', "groups", "GROUPS",
	  "Only those of these groups, separated by commas, one group after the other. An empty word is the containers "
	  "that are in no group: 'onboot,' are those of onboot, then those. May be repeated.",
	  OPT_LIST, AT(groups) },
	{ 't', "timeout", "SECONDS", "With -s: how long to wait before one is killed; 60 by default.", OPT_INT,
	  AT(timeout) },
	OPT_END
};

struct item {
	struct container *ct;
	bool done;
};

/* A start that is under way, in a process of its own: most of one is waiting for the kernel. */
#define STARTS_AT_ONCE 4
struct start {
	struct container *ct;
	pid_t pid;
	int sock; /* brings the error; its end says how it went */
};

struct work {
	struct cli *c;
	const struct args *a;
	enum action action;
	struct item *items;
	size_t n, n_defined;
	unsigned failed;
	struct buf out;
	struct json json;
	struct start starts[STARTS_AT_ONCE]; /* the oldest first */
	size_t n_starts;
};

static void work_done(struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		container_free(w->items[i].ct);
	free(w->items);
	buf_done(&w->out);
}

static int compare(const void *a, const void *b)
{
	const struct container *x = ((const struct item *)a)->ct, *y = ((const struct item *)b)->ct;

	if (x->spec.start_order != y->spec.start_order)
		return x->spec.start_order < y->spec.start_order ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Last started, first stopped. */
static int compare_back(const void *a, const void *b)
{
	return compare(b, a);
}

/* All that may be meant, in the order in which they are worked on. */
static int collect(struct work *w, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = cli_open_engine(w->c, e);

	if (r >= 0)
		r = engine_list(w->c->engine, LIST_DEFINED, &names, e);
	if (r < 0)
		return r;
	w->n_defined = names.n;
	w->items = calloc(names.n + 1, sizeof(*w->items));
	if (!w->items)
		return err_oom(e);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(container_freep) struct container *ct = NULL;

		r = container_open(w->c->engine, names.v[i], NULL, 0, &ct, e);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			cli_fail(w->c, e);
			err_clear(e);
			w->failed++;
			continue;
		}
		if (w->a->ignore_auto || ct->spec.start_auto == TRI_YES)
			w->items[w->n++].ct = TAKE_PTR(ct);
	}
	qsort(w->items, w->n, sizeof(*w->items),
	      w->action == ACT_SHUTDOWN || w->action == ACT_KILL ? compare_back : compare);
	return 0;
}

/* "onboot,,x": the empty words count, which is why this is not strv_split(). */
static int split_groups(const struct strv *given, struct strv *ret, struct err *e)
{
	int r = given->n ? 0 : strv_push(ret, "", e);

	for (size_t i = 0; i < given->n; i++) {
		const char *s = given->v[i];

		for (;;) {
			size_t len = strcspn(s, ",");

			r = strv_pushf(ret, e, "%.*s", (int)len, s);
			if (r < 0)
				return r;
			if (!s[len])
				break;
			s += len + 1;
		}
	}
	return r;
}

static bool in_group(const struct container *ct, const char *group)
{
	return *group ? strv_has(&ct->spec.groups, group) : ct->spec.groups.n == 0;
}

static unsigned delay_of(const struct container *ct)
{
	return ct->spec.start_delay == UNSET32 ? 0 : ct->spec.start_delay;
}

static void list_one(struct work *w, const struct container *ct)
{
	bool with_delay = w->action == ACT_START || w->action == ACT_REBOOT;

	if (!w->c->json) {
		buf_printf(&w->out, with_delay ? "%s %u\n" : "%s\n", ct->name, delay_of(ct));
		return;
	}
	json_object(&w->json);
	json_kv_string(&w->json, "name", ct->name);
	json_kv_u64(&w->json, "delay", delay_of(ct));
	json_kv_i64(&w->json, "order", ct->spec.start_order);
	json_key(&w->json, "groups");
	json_array(&w->json);
	for (size_t i = 0; i < ct->spec.groups.n; i++)
		json_string(&w->json, ct->spec.groups.v[i]);
	json_end_array(&w->json);
	json_end_object(&w->json);
}

static int act(const struct work *w, struct container *ct, struct err *e)
{
	struct stop_opts stop = { .timeout_s = w->a->timeout };
	struct start_opts start = START_OPTS_INIT;
	int status, r;

	switch (w->action) {
	case ACT_START:
		r = container_start(ct, &start, &status, e);
		break;
	case ACT_REBOOT:
		stop.reboot = stop.nowait = true;
		r = container_stop(ct, &stop, e);
		break;
	case ACT_KILL:
		stop.kill = true;
		r = container_stop(ct, &stop, e);
		break;
	case ACT_SHUTDOWN:
	default:
		r = container_stop(ct, &stop, e);
		/* It ended by itself meanwhile. */
		if (r == -ESRCH) {
			err_clear(e);
			r = 0;
		}
		break;
	}
	return r;
}

static void report(struct work *w, struct container *ct, int r, struct err *e)
{
	if (r == 0)
		return;
	w->c->name = ct->name;
	cli_fail(w->c, e);
	w->c->name = NULL;
	w->failed++;
}

/* Until no more than LEFT are under way. */
static void await_starts(struct work *w, size_t left)
{
	while (w->n_starts > left) {
		struct start s = w->starts[0];
		struct err e = { 0 };
		int status = 0;

		if (fd_recv(s.sock, &e, sizeof(e), NULL, NULL) != (ssize_t)sizeof(e))
			err_clear(&e);
		fd_close(s.sock);
		while (waitpid(s.pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!e.code && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
			err_kind(&e, ERR_STATE, -ECHILD, "the process that started it was killed");
		report(w, s.ct, e.code, &e);
		w->n_starts--;
		memmove(w->starts, w->starts + 1, w->n_starts * sizeof(*w->starts));
	}
}

static int start_one(struct work *w, struct container *ct, struct err *e)
{
	int pair[2];
	pid_t pid;

	await_starts(w, STARTS_AT_ONCE - 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int r = act(w, ct, e);

		if (r < 0)
			(void)fd_send(pair[1], e, sizeof(*e), NULL, 0);
		_exit(r < 0);
	}
	fd_close(pair[1]);
	if (pid < 0) {
		fd_close(pair[0]);
		return err_set(e, -errno, "fork");
	}
	w->starts[w->n_starts++] = (struct start){ ct, pid, pair[0] };
	return 0;
}

/* Those of one order have none among themselves, but for the one that goes into another's name spaces. */
static bool start_apart(const struct work *w, const struct container *ct)
{
	bool shares = false;

	for (size_t i = 0; i < NS_MAX; i++)
		shares |= ct->spec.ns_share[i] != NULL;
	return w->n_starts && (shares || w->starts[0].ct->spec.start_order != ct->spec.start_order);
}

static void work_on(struct work *w, struct item *it)
{
	bool running = cli_is_running(it->ct);
	unsigned failed = w->failed;
	struct err e = { 0 };

	it->done = true;
	if (running == (w->action == ACT_START))
		return;
	if (w->a->list) {
		list_one(w, it->ct);
		return;
	}
	if (w->action != ACT_START || w->c->dry_run) {
		report(w, it->ct, act(w, it->ct, &e), &e);
	} else {
		if (delay_of(it->ct) || start_apart(w, it->ct))
			await_starts(w, 0);
		failed = w->failed;
		report(w, it->ct, start_one(w, it->ct, &e), &e);
		if (delay_of(it->ct))
			await_starts(w, 0);
	}
	if (w->failed == failed && !w->c->dry_run && (w->action == ACT_START || w->action == ACT_REBOOT))
		sleep(delay_of(it->ct));
}

static int work_on_groups(struct work *w, struct err *e)
{
	_cleanup_strv_ struct strv groups = STRV_INIT;
	int r = split_groups(&w->a->groups, &groups, e);

	if (r < 0)
		return r;
	for (size_t k = 0; k < (w->a->all ? 1 : groups.n); k++) {
		for (size_t i = 0; i < w->n; i++)
			if (!w->items[i].done && (w->a->all || in_group(w->items[i].ct, groups.v[k])))
				work_on(w, &w->items[i]);
		await_starts(w, 0);
	}
	return 0;
}

static int autostart(struct cli *c, const struct args *a)
{
	struct work w = { .c = c, .a = a };
	struct err e = { 0 };
	int code;

	w.action = a->shutdown ? ACT_SHUTDOWN : a->kill ? ACT_KILL : a->reboot ? ACT_REBOOT : ACT_START;
	json_init(&w.json, &w.out, true);
	if (c->json)
		json_array(&w.json);
	if (collect(&w, &e) < 0 || work_on_groups(&w, &e) < 0) {
		code = cli_fail(c, &e);
	} else {
		code = !w.failed ? 0 : w.failed == w.n_defined ? 1 : EXIT_SOME_FAILED;
		if (c->json) {
			json_end_array(&w.json);
			buf_putc(&w.out, '\n');
		}
		code = a->list ? cli_print(c, &w.out, code) : cli_end(c, code);
	}
	work_done(&w);
	return code;
}

static int run(struct cli *c)
{
	struct args a = { .timeout = DEFAULT_TIMEOUT_S };
	int code;

	code = cli_parse(c, &a);
	if (code < 0 && a.timeout < -1)
		code = cli_usage_error(c, "the time-out is seconds, or -1 for ever");
	if (code < 0)
		code = autostart(c, &a);
	strv_done(&a.groups);
	return code;
}

const struct command cmd_autostart = {
	.name = "lxc-autostart",
	.flags = CMD_LXC | CMD_MUTATES | CMD_JSON | CMD_ENTERS,
	.synopsis = "[OPTION...]",
	.summary = "start, reboot or stop the containers that start by themselves",
	.description =
		"Starts the containers whose configuration has lxc.start.auto = 1 and that do not run yet: in the "
		"order of "
		"lxc.start.order and then of their names, with a pause of lxc.start.delay seconds after each. Those of "
		"one order without a pause are started several at a time. Without -g or -a those that are in no group "
		"(lxc.group).\n\n"
		"With -r, -s or -k those of them that run are rebooted, shut down or killed; the last to be started "
		"is the first to go. Of several, -s is meant, else -k.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-autostart -g onboot,", "What a boot does." },
						{ "lxc-autostart -a -A -s -t 5", "What a shutdown does: all of them." },
						{ "lxc-autostart -L -a", "Which ones there are." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Nothing failed." },
					     { "1", "It failed for every container there is, or not at all begun." },
					     { "2", "It failed for some." },
					     { NULL, NULL } },
	.see_also = "lxc-start(1), lxc-stop(1), lxc.container.conf(5)",
	.run = run,
};
