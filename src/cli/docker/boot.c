/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* boot: what a host's service manager calls at its start and stop. */

#include <stdio.h>

#include "cli/docker/dcli.h"

static void told(void *arg, const char *name, int r, const struct err *e)
{
	const struct cli *c = arg;

	if (r == 0)
		printf("%s\n", name);
	else
		fprintf(stderr, "%s: %s: %s\n", c->prog, name, e->msg);
	if (r < 0 && *e->hint)
		fprintf(stderr, "hint: %s\n", e->hint);
	fflush(stdout);
}

static int run_boot(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct err e = { 0 };
	int code = dk_parse(c, NULL), r;
	bool up;

	if (code >= 0)
		return code;
	up = streq(c->operands.v[0], "up");
	if (!up && !streq(c->operands.v[0], "down"))
		return dk_error(c, "%s: up or down is expected, not '%s'", c->prog, c->operands.v[0]);
	code = dk_start(c, &d);
	if (code)
		return code;
	r = up ? docker_host_up(d, told, c, &e) : docker_host_down(d, told, c, &e);
	return r < 0 ? dk_fail(c, &e) : r > 0;
}

const struct command cmd_docker_boot = {
	.name = "boot",
	.flags = CMD_DOCKER | CMD_ENTERS,
	.synopsis = "up|down",
	.summary = "Start what is to run whenever the host does; stop all before it goes down",
	.description =
		"up starts, oldest first, the containers of images whose restart policy wants it: always, "
		"unless-stopped unless somebody has stopped it, on-failure where it ended with an error, each if it "
		"was "
		"ever started; and takes away what the others had when the host went down. down stops all "
		"that run, each in its own time and all at once, so that the next up starts them again. Each name is "
		"printed.\n\nThe unit creel.service calls it at the host's start and stop. Containers of LXC: "
		"lxc-autostart(1).",
	.min_args = 1,
	.max_args = 1,
	.exits = (const struct text_pair[]){ { "0", "Done." },
					     { "1", "At least one could not be started, or stopped." },
					     { NULL, NULL } },
	.operand_words = "up down",
	.see_also = "creel-run(1), creel-update(1), lxc-autostart(1)",
	.run = run_boot,
};
