/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/lxc/lxc-cli.h"
#include "engine/monitord.h"
#include "engine/watch.h"

struct args {
	const char *name;
	struct strv lxcpaths;
	bool quit;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'n', "name", "REGEX",
	  "Only containers whose whole name matches; the first operand does the same. All when there is none.", OPT_STR,
	  AT(name), .complete = COMPLETE_NAME },
	{ 'P', "lxcpath", "PATH", "Folder that holds the containers. May be repeated.", OPT_LIST, AT(lxcpaths),
	  .complete = COMPLETE_DIR },
	{ 'Q', "quit", NULL, "Tell the lxc-monitord of each PATH to end.", OPT_BOOL, AT(quit), 1 },
	OPT_END
};

/* The paths in the engine's spelling; the usual one when none was given. */
static int resolve_paths(struct cli *c, const struct args *a, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < (a->lxcpaths.n ?: 1); i++) {
		struct engine_opts o = { .lxcpath = a->lxcpaths.n ? a->lxcpaths.v[i] : NULL, .log = &c->log };
		_cleanup_(engine_freep) struct engine *g = NULL;
		int r = engine_open(&o, &g, e);

		if (r == 0)
			r = strv_push(ret, engine_lxcpath(g), e);
		if (r < 0)
			return r;
	}
	return 0;
}

static void put_json(struct buf *out, const struct watch_event *ev, bool exit_status)
{
	struct json j;

	json_init(&j, out, false);
	json_object(&j);
	json_kv_string(&j, "name", ev->name);
	json_kv_string(&j, "lxcpath", ev->lxcpath);
	json_kv_i64(&j, "time_ns", ev->time_ns);
	if (exit_status)
		json_kv_i64(&j, "exit_status", cli_exit_of(ev->status));
	else
		json_kv_string(&j, "state", run_state_names[ev->state]);
	json_end_object(&j);
	buf_putc(out, '\n');
}

static int put_event(const struct cli *c, const struct watch_event *ev, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r;

	if (ev->state == RUN_STOPPING && ev->status >= 0) {
		if (c->json)
			put_json(&out, ev, true);
		else
			buf_printf(&out, "'%s' exited with status [%d]\n", ev->name, (ev->status >> 8) & 0xff);
	}
	if (c->json)
		put_json(&out, ev, false);
	else
		buf_printf(&out, "'%s' changed state to [%s]\n", ev->name, run_state_names[ev->state]);
	r = buf_error(&out, e);
	if (r == 0)
		r = fd_write_all(STDOUT_FILENO, buf_str(&out), out.len);
	/* Whoever read this has enough. */
	if (r < 0 && r != -EPIPE && !e->code)
		err_set(e, r, "write to standard output");
	return r;
}

static int follow(const struct cli *c, const struct strv *paths, const regex_t *re, struct err *e)
{
	_cleanup_(watch_freep) struct watch *w = NULL;
	int r = watch_open(paths, &w, e);

	while (r >= 0) {
		/* The second fd only says when nobody reads any more. */
		struct pollfd p[] = { { .fd = watch_fd(w), .events = POLLIN }, { .fd = STDOUT_FILENO } };
		struct watch_event ev;

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return err_set(e, -errno, "wait for events");
		if (p[1].revents & (POLLERR | POLLHUP))
			return -EPIPE;
		while ((r = watch_next(w, &ev, e)) > 0)
			if (regexec(re, ev.name, 0, NULL, 0) == 0) {
				r = put_event(c, &ev, e);
				if (r < 0)
					return r;
			}
	}
	return r;
}

/* The whole name must match. */
static int compile(const char *name, regex_t *re, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char why[128];
	int r;

	if (asprintf(&text, "^(%s)$", name) < 0)
		return err_oom(e);
	r = regcomp(re, text, REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		return 0;
	regerror(r, re, why, sizeof(why));
	return err_kind(e, ERR_INVALID, -EINVAL, "invalid regular expression '%s': %s", name, why);
}

static int quit_all(const struct cli *c, const struct strv *paths)
{
	int code = 0;

	for (size_t i = 0; i < paths->n; i++) {
		struct err e = { 0 };

		if (monitord_quit(paths->v[i], &e) < 0)
			code = cli_fail(c, &e);
	}
	return code;
}

static int monitor(struct cli *c, const struct args *a)
{
	_cleanup_strv_ struct strv paths = STRV_INIT;
	struct err e = { 0 };
	regex_t re;
	int r = resolve_paths(c, a, &paths, &e);

	if (r < 0)
		return cli_fail(c, &e);
	if (a->quit)
		return quit_all(c, &paths);
	r = compile(a->name ?: c->operands.n ? c->operands.v[0] : ".*", &re, &e);
	if (r < 0)
		return cli_fail(c, &e);
	r = follow(c, &paths, &re, &e);
	regfree(&re);
	return r < 0 && e.code ? cli_fail(c, &e) : 0;
}

static int run(struct cli *c)
{
	struct args a = { 0 };
	int code = cli_parse(c, &a);

	if (code < 0)
		code = monitor(c, &a);
	strv_done(&a.lxcpaths);
	return code;
}

const struct command cmd_monitor = {
	.name = "lxc-monitor",
	.flags = CMD_LXC | CMD_JSON | CMD_OWN_NAME | CMD_OWN_PATH,
	.synopsis = "[-n] [REGEX] [-P PATH]...",
	.summary = "tell when containers change their state",
	.description = "Prints a line for each change of state of the containers whose names match, and for each exit "
		       "of a first "
		       "process, until it is interrupted. As json, each event is an object on a line of its own.\n\n"
		       "No process needs to run for it: what containers write down is followed. -Q is for an "
		       "lxc-monitord that "
		       "programs of LXC's library have started.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-monitor", "All containers." },
						{ "lxc-monitor 'web.*|db' -P /var/lib/lxc -P /srv/lxc",
						  "Some of two folders." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Nobody reads any more; with -Q: told." },
					     { "1", "It failed; with -Q: there is no lxc-monitord." },
					     { NULL, NULL } },
	.see_also = "lxc-wait(1), lxc-monitord(1), lxc-ls(1)",
	.run = run,
};

/* --- lxc-monitord ------------------------------------------------------------------------------------------------------ */

struct daemon_args {
	bool persistent;
};

static const struct opt daemon_opts[] = { { 0, "daemon", NULL, "Stay, also when nobody listens.", OPT_BOOL,
					    offsetof(struct daemon_args, persistent), 1 },
					  OPT_END };

static int run_daemon(struct cli *c)
{
	struct daemon_args a = { 0 };
	struct engine_opts o = { 0 };
	struct err e = { 0 };
	int32_t fd = -EBADF;
	int code = cli_parse(c, &a);

	if (code >= 0)
		return code;
	if (c->operands.n > 2 || (c->operands.n == 0 && !a.persistent))
		return cli_usage_error(c, "a folder of containers is expected, and nothing behind it but a descriptor");
	if (c->operands.n == 2 && (parse_i32(c->operands.v[1], &fd) < 0 || fd <= STDERR_FILENO))
		return cli_usage_error(c, "'%s' is no file descriptor", c->operands.v[1]);
	if (fd >= 0 && fd_set_cloexec(fd, true) < 0)
		return cli_usage_error(c, "descriptor %d is not open", fd);
	o.lxcpath = c->operands.n ? c->operands.v[0] : NULL;
	if (engine_open(&o, &c->engine, &e) < 0)
		return cli_fail(c, &e);
	return monitord_run(engine_lxcpath(c->engine), a.persistent, fd, &e) < 0 ? cli_fail(c, &e) : 0;
}

const struct command cmd_monitord = {
	.name = "lxc-monitord",
	.flags = CMD_LXC | CMD_NO_ENGINE,
	.synopsis = "[--daemon] [LXCPATH [FD]]",
	.summary = "tell programs of LXC's library about changes of state",
	.description =
		"Serves LXC's monitor socket of one folder of containers, for programs that are built with LXC's "
		"library: "
		"they start it as /usr/libexec/lxc/lxc-monitord with a descriptor FD that it writes to when it is "
		"ready. It ends when nobody has been connected for 30 seconds. lxc-monitor needs none.",
	.opts = daemon_opts,
	.exits = (const struct text_pair[]){ { "0", "It was told to end, or nobody listened." },
					     { "1", "It failed; there may be one already." },
					     { NULL, NULL } },
	.see_also = "lxc-monitor(1)",
	.run = run_daemon,
};
