/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

/* Several names; each is tried, the first failure gives the exit code. */
static int start_one(struct cli *c, const char *name)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct start_opts o = START_OPTS_INIT;
	struct err e = { 0 };
	int status;

	c->name = name;
	if (container_open(c->engine, name, NULL, OPEN_MUST_EXIST, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (cli_is_running(ct))
		return 0;
	if (container_start(ct, &o, &status, &e) < 0)
		return cli_fail(c, &e);
	return 0;
}

static int run(struct cli *c)
{
	struct err e = { 0 };
	int code;

	code = cli_parse(c, NULL);
	if (code >= 0)
		return code;
	if (c->operands.n == 0)
		return cli_usage_error(c, "No container name specified");
	if (cli_open_engine(c, &e) < 0)
		return cli_fail(c, &e);
	code = 0;
	for (size_t i = 0; i < c->operands.n; i++)
		if (start_one(c, c->operands.v[i]) != 0)
			code = 1;
	c->name = NULL;
	return cli_end(c, code);
}

const struct command cmd_start = {
	.name = "start",
	.flags = CMD_MUTATES | CMD_NAMES | CMD_ENTERS,
	.synopsis = "NAME...",
	.summary = "start containers in the background",
	.description =
		"Starts each NAME and returns when their first processes have been executed. One that runs already is "
		"left alone. lxc-start(1) has more to choose from.",
	.exits = (const struct text_pair[]){ { "0", "All of them run." },
					     { "1", "At least one could not be started." },
					     { NULL, NULL } },
	.see_also = "creel-stop(1), creel-plan(1), lxc-start(1)",
	.run = run,
};
