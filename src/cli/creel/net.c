/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

static int run(struct cli *c)
{
	_cleanup_buf_ struct buf report = BUF_INIT;
	struct err e = { 0 };
	const char *verb;
	int code, r;

	code = cli_parse(c, NULL);
	if (code >= 0)
		return code;
	if (c->operands.n != 1)
		return cli_usage_error(c, "one of up, down and status is expected");
	verb = c->operands.v[0];
	if (!streq(verb, "up") && !streq(verb, "down") && !streq(verb, "status"))
		return cli_usage_error(c, "unknown verb '%s': up, down or status", verb);
	if (cli_open_engine(c, &e) < 0)
		return cli_fail(c, &e);
	r = engine_net(c->engine, verb, &report, &e);
	if (r < 0)
		return cli_fail(c, &e);
	code = cli_print(c, &report, 0);
	return cli_end(c, code);
}

const struct command cmd_net = {
	.name = "net",
	.flags = CMD_MUTATES,
	.synopsis = "up|down|status",
	.summary = "the host's bridge for containers",
	.description = "up makes the bridge (lxcbr0, 10.0.3.1/24 unless /etc/default/lxc-net says otherwise), lets its "
		       "containers out through the host by address translation, and gives them addresses and names by "
		       "dnsmasq. down removes all of that, and the networks of images' containers that no "
		       "container is on. All rules are in a table of creel's own.",
	.exits = (const struct text_pair[]){ { "0", "Done; for status: printed." },
					     { "1", "It failed." },
					     { NULL, NULL } },
	.operand_words = "up down status",
	.see_also = "creel(1), lxc.container.conf(5)",
	.run = run,
};
