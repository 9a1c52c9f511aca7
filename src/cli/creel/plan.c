/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct start_opts o = START_OPTS_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	int code;

	code = cli_parse(c, NULL);
	if (code >= 0)
		return code;
	/* Not even the run directory is made. */
	c->dry_run = true;
	o.argv = c->operands.n ? strv_get(&c->operands) : NULL;
	if (cli_open(c, c->rcfile ? 0 : OPEN_MUST_EXIST, &ct, &e) < 0 || container_plan(ct, &o, &out, &e) < 0)
		return cli_fail(c, &e);
	return cli_print(c, &out, 0);
}

const struct command cmd_plan = {
	.name = "plan",
	.flags = CMD_NAME | CMD_COMMAND,
	.synopsis = "[OPTION...] NAME [COMMAND...]",
	.summary = "show what a start would do, step by step",
	.description =
		"Prints the plan of a start of the container NAME: the steps in their order, one a line, exactly those "
		"that the start executes. Nothing is changed.",
	.exits = (const struct text_pair[]){ { "0", "Printed." },
					     { "1", "There is no such container, or it cannot be started so." },
					     { NULL, NULL } },
	.see_also = "creel-start(1), creel-show(1), lxc-start(1)",
	.run = run,
};
