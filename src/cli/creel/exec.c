/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

struct args {
	struct attach_opts o;
	struct strv env;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'u', "user", "UID", "User id of the command, inside.", OPT_I64, AT(o.uid) },
	{ 'g', "group", "GID", "Group id of the command, inside.", OPT_I64, AT(o.gid) },
	{ 'w', "workdir", "DIR", "Folder to run it in.", OPT_STR, AT(o.cwd) },
	{ 'e', "env", "VAR=VALUE", "A variable to set. May be repeated.", OPT_LIST, AT(env) },
	{ 0, "keep-env", NULL, "Keep the caller's environment.", OPT_BOOL, AT(o.clear_env), 0 },
	{ 'T', "no-pty", NULL, "Do not allocate a terminal.", OPT_BOOL, AT(o.no_pty), 1 },
	OPT_END
};

static int exec(struct cli *c, struct args *a)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	static const char *const kept[] = { "TERM", NULL };
	struct err e = { 0 };
	int status = 0;

	if (cli_open(c, OPEN_MUST_EXIST, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return cli_not_running(c, ct);
	a->o.keep_vars = kept;
	a->o.set_vars = (const char *const *)strv_get(&a->env);
	a->o.argv = c->operands.n ? strv_get(&c->operands) : NULL;
	if (container_attach(ct, &a->o, &status, &e) < 0)
		return cli_fail(c, &e), cli_exit_of(status) ?: 1;
	return c->dry_run ? cli_end(c, 0) : cli_exit_of(status);
}

static int run(struct cli *c)
{
	struct args a = { .o = ATTACH_OPTS_INIT };
	int code;

	a.o.clear_env = true;
	code = cli_parse(c, &a);
	if (code < 0 && (a.o.uid < -1 || a.o.uid >= UINT32_MAX || a.o.gid < -1 || a.o.gid >= UINT32_MAX))
		code = cli_usage_error(c, "invalid user or group id");
	if (code < 0)
		code = exec(c, &a);
	strv_done(&a.env);
	return code;
}

const struct command cmd_exec = {
	.name = "exec",
	.flags = CMD_NAME | CMD_MUTATES | CMD_COMMAND | CMD_ENTERS,
	.synopsis = "[OPTION...] NAME [COMMAND...]",
	.summary = "run a command inside a running container",
	.description =
		"Runs COMMAND, or a login shell, inside the running container NAME. Everything after NAME belongs to "
		"COMMAND. The environment is the container's, not the caller's.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "creel exec web ls -l /", "Options of ls need no '--'." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "N", "What COMMAND ended with; 128 + N when signal N killed it." },
					     { "1", "The container could not be entered." },
					     { NULL, NULL } },
	.see_also = "creel-ps(1), lxc-attach(1)",
	.run = run,
};
