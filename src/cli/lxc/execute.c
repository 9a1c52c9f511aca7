/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/lxc/lxc-cli.h"

struct args {
	bool daemon;
	const char *rcfile;
	struct strv defines;
	struct start_opts o;
};

#define AT(member) offsetof(struct args, member)

static int parse_uid(void *args, const char *arg, struct err *e)
{
	return lxc_parse_id(&((struct args *)args)->o.uid, "user id", arg, e);
}

static int parse_gid(void *args, const char *arg, struct err *e)
{
	return lxc_parse_id(&((struct args *)args)->o.gid, "group id", arg, e);
}

static const struct opt opts[] = { { 'd', "daemon", NULL, "Return as soon as COMMAND runs.", OPT_BOOL, AT(daemon), 1 },
				   { 'f', "rcfile", "FILE", "Read the container's configuration from FILE.", OPT_STR,
				     AT(rcfile), .complete = COMPLETE_FILE },
				   { 's', "define", "KEY=VAL", "Set a configuration key for this run. May be repeated.",
				     OPT_LIST, AT(defines) },
				   { 'u', "uid", "UID", "User id of COMMAND, inside.", OPT_CALL, .parse = parse_uid },
				   { 'g', "gid", "GID", "Group id of COMMAND, inside.", OPT_CALL, .parse = parse_gid },
				   SHARE_OPTS(AT(o.share)),
				   OPT_END };

static bool defines_command(const struct args *a)
{
	for (size_t i = 0; i < a->defines.n; i++)
		if (startswith(a->defines.v[i], "lxc.execute.cmd"))
			return true;
	return false;
}

static int execute(struct cli *c, struct args *a)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct err e = { 0 };
	int r, status = 0;

	r = cli_open(c, 0, &ct, &e);
	if (r < 0)
		return cli_fail(c, &e);
	if (cli_is_running(ct))
		return cli_error(c, NULL, "Container is already running");
	if (!ct->defined && !c->rcfile && a->defines.n == 0)
		return cli_error(c, "give at least one key with -s, or a file with -f",
				 "Executing a container with no configuration file may crash the host");
	if (c->operands.n == 0 && !ct->spec.process.execute_cmd && !defines_command(a))
		return cli_usage_error(c, "missing command to execute");
	a->o.defines = (const char *const *)strv_get(&a->defines);
	a->o.foreground = !a->daemon;
	a->o.execute = true;
	a->o.argv = c->operands.n ? strv_get(&c->operands) : NULL;
	r = container_start(ct, &a->o, &status, &e);
	if (r < 0)
		return cli_fail(c, &e);
	if (c->dry_run || a->daemon)
		return cli_end(c, 0);
	return cli_exit_of(status);
}

static int run(struct cli *c)
{
	struct args a = { .o = START_OPTS_INIT };
	int code;

	code = cli_parse(c, &a);
	if (code < 0)
		code = lxc_check_defines(c, &a.defines);
	if (code < 0) {
		c->rcfile = a.rcfile;
		code = execute(c, &a);
	}
	strv_done(&a.defines);
	return code;
}

const struct command cmd_execute = {
	.name = "lxc-execute",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES | CMD_RCFILE | CMD_ENTERS,
	.synopsis = "[-n] NAME [OPTION...] [-- COMMAND...]",
	.summary = "run one command in a container of its own",
	.description =
		"Makes a container for COMMAND alone, under a small init that forwards signals and reaps orphans, and "
		"removes it when COMMAND ends. NAME need not be defined: its configuration may come from -f and -s.\n\n"
		"Without COMMAND, lxc.execute.cmd is run.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-execute -n try -s lxc.net.0.type=empty -- ip addr",
						  "A program of the host without a network." },
						{ "lxc-execute web -- /bin/sh -c 'exit 3'; echo $?", "Prints 3." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "N", "What COMMAND ended with; 128 + N when signal N killed it." },
					     { "1", "The container could not be made." },
					     { NULL, NULL } },
	.see_also = "lxc-start(1), lxc-attach(1), lxc.container.conf(5)",
	.run = run,
};
