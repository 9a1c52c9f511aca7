/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

static int run_either(struct cli *c, bool freeze)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct err e = { 0 };
	int code;

	code = cli_parse(c, NULL);
	if (code >= 0)
		return code;
	if (cli_open(c, OPEN_NO_CONFIG, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return cli_not_running(c, ct);
	if (container_freeze(ct, freeze, &e) < 0)
		return cli_fail(c, &e);
	return cli_end(c, 0);
}

static int run_freeze(struct cli *c)
{
	return run_either(c, true);
}

static int run_unfreeze(struct cli *c)
{
	return run_either(c, false);
}

static const struct text_pair exits[] = { { "0", "Done, or it was so already." },
					  { "1", "It does not run, or could not be reached." },
					  { NULL, NULL } };

const struct command cmd_freeze = {
	.name = "lxc-freeze",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME",
	.summary = "suspend all processes of a container",
	.description =
		"Suspends every process of the running container NAME, and returns when all of them stand still.",
	.exits = exits,
	.see_also = "lxc-unfreeze(1), lxc-stop(1), lxc-wait(1)",
	.run = run_freeze,
};

const struct command cmd_unfreeze = {
	.name = "lxc-unfreeze",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME",
	.summary = "let a frozen container run on",
	.description = "Lets the processes of the frozen container NAME run on.",
	.exits = exits,
	.see_also = "lxc-freeze(1), lxc-wait(1)",
	.run = run_unfreeze,
};
