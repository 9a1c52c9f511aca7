/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/names.h"
#include "cli/cli.h"

struct args {
	bool man;
	const char *completion;
};

static const struct opt opts[] = {
	{ 0, "man", NULL, "As a manual page, in roff.", OPT_BOOL, offsetof(struct args, man), 1 },
	{ 0, "completion", "SHELL", "The completions for bash, zsh or fish.", OPT_STR,
	  offsetof(struct args, completion), .complete = COMPLETE_WORDS, .words = "bash zsh fish" },
	OPT_END
};

/* "lxc-start", "start", "creel-start", "creel-oci-create", "creel-volume-ls" or "creel"; NEXT: the word behind it, NULL. */
static const struct command *find(const char *word, const char *next)
{
	const char *own = startswith(word, "creel-") ?: word;
	const struct command *cmd;
	char name[128], *dash;

	if (streq(word, "creel"))
		return &cmd_creel;
	if (next) {
		snprintf(name, sizeof(name), "%s %s", own, next);
		cmd = command_find(name);
		if (cmd)
			return cmd;
	}
	cmd = command_find(own);
	snprintf(name, sizeof(name), "%s", own);
	dash = strchr(name, '-');
	if (cmd || !dash)
		return cmd;
	*dash = ' ';
	return command_find(name);
}

static int run(struct cli *c)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const struct command *cmd = &cmd_creel;
	struct args a = { 0 };
	struct err e = { 0 };
	int code;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (a.man && c->operands.n && streq(c->operands.v[0], "lxc.container.conf")) {
		help_man_conf(&out);
		return cli_print(c, &out, 0);
	}
	if (c->operands.n)
		cmd = find(c->operands.v[0], c->operands.n > 1 ? c->operands.v[1] : NULL);
	if (!cmd && startswith(c->prog, "docker ")) {
		fprintf(stderr, "unknown help topic: %s\n", c->operands.v[0]);
		return 1;
	}
	if (!cmd)
		return cli_usage_error(c, "unknown command '%s'", c->operands.v[0]);
	if (a.completion && help_completion(a.completion, cmd, &out, &e) < 0)
		return cli_fail(c, &e);
	if (!a.completion && a.man)
		help_man(cmd, &out);
	else if (!a.completion)
		help_text(cmd, &out);
	return cli_print(c, &out, 0);
}

const struct command cmd_help = {
	.name = "help",
	.flags = CMD_NO_ENGINE,
	.synopsis = "[--man] [--completion SHELL] [COMMAND]",
	.summary = "explain a command",
	.description =
		"Prints what COMMAND does and takes, or the list of commands. The manual pages and the completions of "
		"the shells are made from the same source.",
	.opts = opts,
	.see_also = "creel(1)",
	.run = run,
};
