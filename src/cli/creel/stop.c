/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/cli.h"

struct args {
	int timeout;
	bool kill, restart;
};

static const struct opt opts[] = {
	{ 't', "timeout", "SECONDS", "How long to wait before it is killed; 60 by default, -1 for ever.", OPT_INT,
	  offsetof(struct args, timeout) },
	{ 'k', "kill", NULL, "Kill it at once.", OPT_BOOL, offsetof(struct args, kill), 1 },
	{ 'r', "reboot", NULL, "Ask it to reboot instead.", OPT_BOOL, offsetof(struct args, restart), 1 },
	OPT_END
};

static int stop_one(struct cli *c, const struct args *a, const char *name)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct stop_opts o = { .kill = a->kill, .reboot = a->restart, .timeout_s = a->kill ? 0 : a->timeout };
	struct err e = { 0 };

	c->name = name;
	if (container_open(c->engine, name, NULL, OPEN_MUST_EXIST, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return 0;
	if (container_stop(ct, &o, &e) < 0 && (e.code != -ESRCH || a->restart))
		return cli_fail(c, &e);
	return 0;
}

static int run(struct cli *c)
{
	struct args a = { .timeout = 60 };
	struct err e = { 0 };
	int code;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (c->operands.n == 0)
		return cli_usage_error(c, "No container name specified");
	if (a.kill && a.restart)
		return cli_usage_error(c, "--kill and --reboot exclude each other");
	if (a.timeout < -1)
		return cli_usage_error(c, "invalid timeout %d", a.timeout);
	if (cli_open_engine(c, &e) < 0)
		return cli_fail(c, &e);
	code = 0;
	for (size_t i = 0; i < c->operands.n; i++)
		if (stop_one(c, &a, c->operands.v[i]) != 0)
			code = 1;
	c->name = NULL;
	return cli_end(c, code);
}

const struct command cmd_stop = {
	.name = "stop",
	.flags = CMD_MUTATES | CMD_NAMES,
	.synopsis = "[OPTION...] NAME...",
	.summary = "stop containers",
	.description = "Asks each NAME to shut down, waits, and kills what still runs after the time-out. One that "
		       "does not run "
		       "is left alone.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "None of them runs." },
					     { "1", "At least one could not be stopped." },
					     { NULL, NULL } },
	.see_also = "creel-start(1), lxc-stop(1)",
	.run = run,
};
