/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"
#include "engine/copy.h"

struct args {
	bool force, snapshots;
};

static const struct opt opts[] = {
	{ 's', "snapshots", NULL, "Its snapshots, too.", OPT_BOOL, offsetof(struct args, snapshots), 1 },
	{ 'f', "force", NULL, "Kill it first if it runs.", OPT_BOOL, offsetof(struct args, force), 1 },
	OPT_END
};

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct args a = { 0 };
	struct err e = { 0 };
	int code;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (cli_open(c, 0, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (cli_is_running(ct) && !a.force)
		return cli_error(c, "stop it first, or use -f", "%s is running", c->name);
	if ((a.snapshots ? container_destroy_with_snapshots : container_destroy)(ct, a.force, &e) < 0)
		return cli_fail(c, &e);
	return cli_end(c, 0);
}

const struct command cmd_destroy = {
	.name = "lxc-destroy",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME [-f] [-s]",
	.summary = "remove a container for good",
	.description =
		"Removes the container NAME: its root file system (unless lxc.rootfs.managed is 0), its configuration "
		"and whatever else is in its folder. One that has snapshots goes with -s only, one that clones rest on "
		"not at "
		"all.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-destroy -f web", "Kills and removes web." }, { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "It is gone." },
					     { "1", "It is not defined, runs, or could not be removed." },
					     { NULL, NULL } },
	.see_also = "lxc-create(1), lxc-stop(1)",
	.run = run,
};
