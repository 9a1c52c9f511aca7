/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* start and attach. */

#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/docker/dcli.h"

struct attach_args {
	bool attach, interactive, no_stdin, sig_proxy;
	const char *detach_keys, *checkpoint, *checkpoint_dir;
};
#define AT(member) offsetof(struct attach_args, member)

static const struct opt start_rows[] = {
	{ 'a', "attach", NULL, "Show its output, and pass signals on.", OPT_BOOL, AT(attach), 1 },
	{ 0, "checkpoint", "NAME", "Not there yet: refused.", OPT_STR, AT(checkpoint), .flags = OPT_HIDDEN },
	{ 0, "checkpoint-dir", "DIR", "Not there yet: refused.", OPT_STR, AT(checkpoint_dir), .flags = OPT_HIDDEN },
	{ 0, "detach-keys", "KEYS", "What leaves a container that goes on; ctrl-p,ctrl-q by default.", OPT_STR,
	  AT(detach_keys) },
	{ 'i', "interactive", NULL, "Connect its standard input.", OPT_BOOL, AT(interactive), 1 },
	{ 0, "sig-proxy", NULL, "Pass signals on to it; =false not to.", OPT_BOOL, AT(sig_proxy), 1,
	  .flags = OPT_HIDDEN },
	OPT_END
};

struct starter {
	struct docker *d;
	const char *id;
	struct streams *streams;
	struct err error;
	bool start, failed;
};

static void ready(void *arg)
{
	struct starter *x = arg;

	if (x->start && docker_start(x->d, x->id, &x->error) < 0)
		x->failed = true;
	else if (x->streams)
		streams_started(x->streams);
}

/* Whole description of a container, the caller's. */
static struct json_object *inspected(const struct cli *c, struct docker *d, const char *name, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	return docker_inspect(d, name, false, &text, e) < 0 ? NULL : dk_json(c, &text);
}

/* What it has ended with, or 0 when only we have gone. */
static int connect_it(const struct cli *c, struct docker *d, const char *name, const struct attach_args *a, bool start)
{
	struct docker_attach at = {
		.out = STDOUT_FILENO, .err = STDERR_FILENO, .in = -EBADF, .stream = true, .ready = ready
	};
	struct starter x = { .d = d, .start = start };
	struct streams_opts so = { .docker = d, .cli = c };
	_cleanup_free_ char *id = NULL, *keys = dk_detach_keys(c, a->detach_keys);
	struct err e = { 0 };
	struct json_object *o = inspected(c, d, name, &e);
	int r, code = -1;

	if (!o)
		return dk_fail(c, &e);
	id = strdup(dk_text(o, "Id"));
	so.tty = dk_bool(o, "Config.Tty");
	if (dk_bool(o, "Config.OpenStdin") && (start ? a->interactive : !a->no_stdin))
		at.in = STDIN_FILENO;
	json_object_put(o);
	if (!id)
		return 1;
	if (so.tty && at.in >= 0 && !isatty(STDIN_FILENO))
		return dk_error(c, "the input device is not a TTY");
	x.id = so.id = id;
	so.raw = so.tty && at.in >= 0;
	so.proxy = a->sig_proxy && !so.tty;
	at.arg = &x;
	at.ret_code = start ? &code : NULL;
	at.detach_keys = keys;
	if (streams_begin(&so, &x.streams, &e) < 0)
		return dk_fail(c, &e);
	r = docker_attach(d, id, &at, &e);
	x.streams = streams_end(x.streams);
	if (x.failed) {
		dk_fail(c, &x.error);
		return start ? dk_error(c, "Error: failed to start containers: %s", name) : 1;
	}
	if (r < 0)
		return dk_fail(c, &e);
	if (r == 1 && !start)
		return dk_error(c, "read escape sequence");
	if (r == 0 && code < 0 && docker_wait(d, id, "not-running", &code, &e) < 0 && e.kind != ERR_NOT_FOUND)
		return dk_fail(c, &e);
	return code < 0 ? 0 : code;
}

static int start_all(const struct cli *c, struct docker *d)
{
	_cleanup_buf_ struct buf failed = BUF_INIT;

	for (size_t i = 0; i < c->operands.n; i++) {
		struct err e = { 0 };

		if (docker_start(d, c->operands.v[i], &e) >= 0) {
			printf("%s\n", c->operands.v[i]);
			fflush(stdout);
			continue;
		}
		dk_fail(c, &e);
		buf_printf(&failed, "%s%s", failed.len ? ", " : "", c->operands.v[i]);
	}
	return failed.len ? dk_error(c, "Error: failed to start containers: %s", buf_str(&failed)) : 0;
}

static int run_start(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct attach_args a = { .sig_proxy = true };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	if (a.checkpoint || a.checkpoint_dir)
		return dk_error(c, "a start from a checkpoint is not there yet");
	if ((a.attach || a.interactive) && c->operands.n > 1)
		return dk_error(c, "you cannot start and attach multiple containers at once");
	code = dk_start(c, &d);
	if (code)
		return code;
	return a.attach || a.interactive ? connect_it(c, d, c->operands.v[0], &a, true) : start_all(c, d);
}

const struct command cmd_docker_start = {
	.name = "start",
	.flags = CMD_DOCKER | CMD_NAMES | CMD_ENTERS,
	.synopsis = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Start one or more stopped containers",
	.description =
		"Starts containers in the background; with -a or -i one of them, connected with this terminal. One "
		"that "
		"runs already is left alone.\n\nLXC containers are known by their names, too; lxc-start(1) has more to "
		"choose from for those, and -P, --dry-run and the other options of creel's older start go on working.",
	.opts = start_rows,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.exits = (const struct text_pair[]){ { "0", "All of them run." },
					     { "1", "At least one could not be started." },
					     { "N", "With -a: what it ended with." },
					     { NULL, NULL } },
	.see_also = "creel-run(1), creel-stop(1), lxc-start(1)",
	.run = run_start,
};

/* --- attach ------------------------------------------------------------------------------------------------------------------ */

static const struct opt attach_rows[] = {
	{ 0, "detach-keys", "KEYS", "What leaves it again; ctrl-p,ctrl-q by default.", OPT_STR, AT(detach_keys) },
	{ 0, "no-stdin", NULL, "Do not connect standard input.", OPT_BOOL, AT(no_stdin), 1 },
	{ 0, "sig-proxy", NULL, "Pass signals on to it; =false not to.", OPT_BOOL, AT(sig_proxy), 1 },
	OPT_END
};

static int run_attach(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct attach_args a = { .sig_proxy = true };
	struct json_object *o;
	struct err e = { 0 };
	int code = dk_begin(c, &a, &d);
	bool running, paused;

	if (code >= 0)
		return code;
	o = inspected(c, d, c->operands.v[0], &e);
	if (!o)
		return dk_fail(c, &e);
	running = dk_bool(o, "State.Running");
	paused = dk_bool(o, "State.Paused");
	json_object_put(o);
	if (!running)
		return dk_error(c, "You cannot attach to a stopped container, start it first");
	if (paused)
		return dk_error(c, "You cannot attach to a paused container, unpause it first");
	return connect_it(c, d, c->operands.v[0], &a, false);
}

const struct command cmd_docker_attach = {
	.name = "attach",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] CONTAINER",
	.summary = "Attach local standard input, output, and error streams to a running container",
	.description = "Connects this terminal with the streams of the container's first process, until that ends or "
		       "the detach "
		       "keys are typed.",
	.opts = attach_rows,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-exec(1), creel-logs(1), lxc-console(1)",
	.run = run_attach,
};
