/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-c/json.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/docker/create.h"
#include "cli/docker/dcli.h"
#include "cli/docker/legacy.h"

struct exec_args {
	bool detach, interactive, privileged, tty;
	struct strv env, env_files;
	const char *user, *workdir, *detach_keys;
};
#define AT(member) offsetof(struct exec_args, member)

static int add_env(void *args, const char *arg, struct err *e)
{
	struct exec_args *a = args;
	int r = flag_env(arg, e);

	return r < 0 ? r : strv_push(&a->env, arg, e);
}

static const struct opt rows[] = {
	{ 'd', "detach", NULL, "Leave it in the background.", OPT_BOOL, AT(detach), 1 },
	{ 0, "detach-keys", "KEYS", "What leaves it; ctrl-p,ctrl-q by default.", OPT_STR, AT(detach_keys) },
	{ 'e', "env", "NAME[=VALUE]", "A variable; without a value the caller's.", OPT_CALL, 0, .parse = add_env },
	{ 0, "env-file", "FILE", "Variables from FILE, one a line.", OPT_LIST, AT(env_files),
	  .complete = COMPLETE_FILE },
	{ 'i', "interactive", NULL, "Connect standard input.", OPT_BOOL, AT(interactive), 1 },
	{ 0, "privileged", NULL, "With all capabilities.", OPT_BOOL, AT(privileged), 1 },
	{ 't', "tty", NULL, "Give it a terminal.", OPT_BOOL, AT(tty), 1 },
	{ 'u', "user", "USER[:GROUP]", "Who it is.", OPT_STR, AT(user) },
	{ 'w', "workdir", "DIR", "Folder to run in.", OPT_STR, AT(workdir) },
	OPT_END
};

static void add_text(struct json_object *o, const char *key, const char *value)
{
	if (!isempty(value))
		json_object_object_add(o, key, json_object_new_string(value));
}

static void add_list(struct json_object *o, const char *key, char *const *words)
{
	struct json_object *list = json_object_new_array();

	for (; *words; words++)
		json_object_array_add(list, json_object_new_string(*words));
	json_object_object_add(o, key, list);
}

static void add_switch(struct json_object *o, const char *key, bool on)
{
	json_object_object_add(o, key, json_object_new_boolean(on));
}

static int body(const struct cli *c, const struct exec_args *a, struct buf *out, struct err *e)
{
	_cleanup_strv_ struct strv env = STRV_INIT;
	struct json_object *o, *size;
	struct winsize ws;
	int r = 0;

	for (size_t i = 0; i < a->env_files.n && r >= 0; i++)
		r = env_file(a->env_files.v[i], true, &env, e);
	for (size_t i = 0; i < a->env.n && r >= 0; i++)
		r = env_add(&env, a->env.v[i], e);
	if (r < 0)
		return r;
	o = json_object_new_object();
	add_switch(o, "AttachStdin", a->interactive && !a->detach);
	add_switch(o, "AttachStdout", !a->detach);
	add_switch(o, "AttachStderr", !a->detach);
	add_switch(o, "Tty", a->tty);
	add_switch(o, "Privileged", a->privileged);
	add_switch(o, "Detach", a->detach);
	add_text(o, "User", a->user);
	add_text(o, "WorkingDir", a->workdir);
	add_text(o, "DetachKeys", a->detach_keys);
	if (env.n)
		add_list(o, "Env", env.v);
	add_list(o, "Cmd", c->operands.v + 1);
	if (a->tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0) {
		size = json_object_new_array();
		json_object_array_add(size, json_object_new_int(ws.ws_row));
		json_object_array_add(size, json_object_new_int(ws.ws_col));
		json_object_object_add(o, "ConsoleSize", size);
	}
	buf_puts(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return buf_error(out, e);
}

static void ready(void *arg)
{
	streams_started(arg);
}

static int connected(const struct cli *c, struct docker *d, const struct exec_args *a, const char *id)
{
	struct streams_opts so = { .docker = d, .cli = c, .exec = id, .tty = a->tty, .raw = a->tty && a->interactive };
	struct docker_attach at = { .in = a->interactive ? STDIN_FILENO : -EBADF,
				    .out = STDOUT_FILENO,
				    .err = STDERR_FILENO,
				    .stream = true,
				    .detach_keys = a->detach_keys };
	struct streams *s = NULL;
	struct err e = { 0 };
	int code = 0, r;

	if (streams_begin(&so, &s, &e) < 0)
		return dk_fail(c, &e);
	at.ready = ready;
	at.arg = s;
	r = docker_exec_start(d, id, &at, &code, &e);
	streams_end(s);
	if (r < 0) {
		dk_fail(c, &e);
		return dk_start_code(e.msg, 126);
	}
	return r == 1 ? dk_error(c, "read escape sequence") : code;
}

/* A container that no image was made into: by the older command, with what both have. -1: there is none. */
static int older(const struct cli *c, const struct exec_args *a)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	int r = strv_push(&argv, "exec", NULL);

	if (r >= 0 && !a->tty)
		r = strv_push(&argv, "-T", NULL);
	if (r >= 0 && !isempty(a->user))
		r = strv_pushf(&argv, NULL, "-u%s", a->user);
	if (r >= 0 && !isempty(a->workdir))
		r = strv_pushf(&argv, NULL, "-w%s", a->workdir);
	for (size_t i = 0; i < a->env.n && r >= 0; i++)
		r = strv_pushf(&argv, NULL, "-e%s", a->env.v[i]);
	for (size_t i = 0; i < c->operands.n && r >= 0; i++)
		r = strv_push(&argv, c->operands.v[i], NULL);
	return r < 0 ? -1 : legacy_try(c->operands.v[0], "exec", (int)argv.n, argv.v);
}

static int exec(const struct cli *c, const struct exec_args *a)
{
	_cleanup_buf_ struct buf text = BUF_INIT, answer = BUF_INIT;
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_free_ char *id = NULL;
	struct json_object *o;
	struct err e = { 0 };
	int code = 0;

	if (a->tty && a->interactive && !a->detach && !isatty(STDIN_FILENO))
		return dk_error(c, "the input device is not a TTY");
	if (body(c, a, &text, &e) < 0)
		return dk_error(c, "%s", e.msg);
	code = dk_start(c, &d);
	if (code)
		return code;
	if (docker_exec_create(d, c->operands.v[0], buf_str(&text), &answer, &e) < 0) {
		code = e.kind == ERR_NOT_FOUND ? older(c, a) : -1;
		return code >= 0 ? code : dk_fail(c, &e);
	}
	o = dk_json(c, &answer);
	if (!o)
		return 1;
	id = strdup(dk_text(o, "Id"));
	json_object_put(o);
	if (!id)
		return 1;
	if (!a->detach)
		return connected(c, d, a, id);
	if (docker_exec_start(d, id, NULL, &code, &e) < 0) {
		dk_fail(c, &e);
		return dk_start_code(e.msg, 126);
	}
	return 0;
}

static int run(struct cli *c)
{
	struct exec_args a = { 0 };
	int code = dk_parse(c, &a);

	if (code < 0) {
		_cleanup_free_ char *keys = dk_detach_keys(c, a.detach_keys);

		a.detach_keys = keys;
		code = exec(c, &a);
	}
	strv_done(&a.env);
	strv_done(&a.env_files);
	return code;
}

const struct command cmd_docker_exec = {
	.name = "exec",
	.flags = CMD_DOCKER | CMD_COMMAND | CMD_NAMES | CMD_ENTERS,
	.synopsis = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	.summary = "Execute a command in a running container",
	.description = "Runs COMMAND inside the running container. Standard input is connected with -i only.\n\nLXC "
		       "containers are "
		       "known by their names, too; -g, --keep-env, -T, -P, --dry-run and the other options of creel's "
		       "older exec "
		       "go on working for them.",
	.opts = rows,
	.min_args = 2,
	.max_args = ARGS_ANY,
	.examples = (const struct text_pair[]){ { "creel exec -it web sh", "A shell inside." },
						{ "creel exec web ls -l /", "Options of ls need no '--'." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "N", "What COMMAND ended with; 128 + N when signal N killed it." },
					     { "126", "COMMAND cannot be executed." },
					     { "127", "There is no COMMAND." },
					     { "1", "The container could not be entered." },
					     { NULL, NULL } },
	.see_also = "creel-run(1), creel-attach(1), lxc-attach(1)",
	.run = run,
};
