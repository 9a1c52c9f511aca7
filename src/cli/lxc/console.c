/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "cli/cli.h"

struct args {
	int tty, escape;
};

static int parse_escape(void *args, const char *arg, struct err *e)
{
	struct args *a = args;
	char ch;

	if (streq(arg, "none") || streq(arg, "-1")) {
		a->escape = -1;
		return 0;
	}
	if (arg[0] == '^' && arg[1])
		arg++;
	ch = arg[0] | 0x20;
	if (ch < 'a' || ch > 'z' || arg[1])
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid escape prefix '%s': one letter, or none", arg);
	a->escape = ch - 'a' + 1;
	return 0;
}

static const struct opt opts[] = {
	{ 't', "tty", "NUMBER", "Which terminal: 0 is the console, -1 (the default) the first one that is free.",
	  OPT_INT, offsetof(struct args, tty) },
	{ 'e', "escape", "PREFIX",
	  "Letter that is typed with Ctrl before 'q' to leave; 'a' by default, 'none' for no way out but the end.",
	  OPT_CALL, .parse = parse_escape },
	OPT_END
};

static void connected(void *arg, int tty)
{
	const struct args *a = arg;

	if (tty > 0)
		fprintf(stderr, "\nConnected to tty %d\n", tty);
	else
		fprintf(stderr, "\nConnected to the console\n");
	if (a->escape > 0) {
		char ch = 'a' + a->escape - 1;

		fprintf(stderr, "Type <Ctrl+%c q> to exit the console, <Ctrl+%c Ctrl+%c> to enter Ctrl+%c itself\n", ch,
			ch, ch, ch);
	}
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct args a = { .tty = -1, .escape = 1 };
	struct err e = { 0 };
	int code;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (a.tty < -1)
		return cli_usage_error(c, "invalid tty number %d", a.tty);
	if (cli_open(c, OPEN_NO_CONFIG, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return cli_not_running(c, ct);
	if (container_console(ct, a.tty, a.escape, connected, &a, &e) < 0)
		return cli_fail(c, &e);
	return 0;
}

const struct command cmd_console = {
	.name = "lxc-console",
	.flags = CMD_LXC | CMD_NAME,
	.synopsis = "[-n] NAME [-t NUMBER] [-e PREFIX]",
	.summary = "connect to a terminal of a container",
	.description = "Connects this terminal with one of the container's (lxc.tty.max says how many there are), "
		       "where a getty "
		       "usually waits. The first call gets tty 1, the second tty 2, and so on; -t 0 is the console.\n\n"
		       "Ctrl-a q leaves, Ctrl-a Ctrl-a sends one Ctrl-a.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-console web", "The first free terminal." },
						{ "lxc-console web -t 0 -e b", "The console; Ctrl-b q leaves." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Left, or the terminal was closed inside." },
					     { "1", "It could not be connected." },
					     { NULL, NULL } },
	.see_also = "lxc-attach(1), lxc-start(1), lxc.container.conf(5)",
	.run = run,
};
