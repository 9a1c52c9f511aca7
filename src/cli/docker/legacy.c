/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/docker/legacy.h"

#include <errno.h>
#include <stdio.h>

extern const struct command cmd_exec, cmd_ps, cmd_start, cmd_stop;

static const struct {
	const struct command *cmd;
	const char *letters;	/* of options that only the older command has */
	const char *with_value; /* letters of Docker's that take an argument */
} verbs[] = {
	{ &cmd_exec, "PogT", "euw" },
	{ &cmd_ps, "Po1", "fn" },
	{ &cmd_start, "Pol", "" },
	{ &cmd_stop, "Polkr", "ts" },
};

static const char *const words[] = { "lxcpath", "logfile", "logpriority", "rcfile", "dry-run", "keep-env",
				     "no-pty",	"group",   "names",	  "kill",   "reboot",  "usage" };

static bool long_option(const char *s)
{
	size_t n = strcspn(s, "=");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && strncmp(words[i], s, n) == 0)
			return true;
	return false;
}

bool legacy_wanted(const char *verb, int argc, char *const *argv)
{
	size_t v = 0;

	while (v < ARRAY_SIZE(verbs) && !streq(verbs[v].cmd->name, verb))
		v++;
	if (v == ARRAY_SIZE(verbs))
		return false;
	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];

		if (streq(s, "--"))
			return false;
		/* The command of exec is not ours. */
		if (*s != '-' && streq(verb, "exec"))
			return false;
		if (startswith(s, "--")) {
			if (long_option(s + 2))
				return true;
			continue;
		}
		if (*s != '-' || !s[1])
			continue;
		for (const char *p = s + 1; *p; p++) {
			if (strchr(verbs[v].letters, *p))
				return true;
			if (strchr(verbs[v].with_value, *p)) {
				i += p[1] == '\0';
				break;
			}
		}
	}
	return false;
}

const struct command *legacy_command(const char *verb)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (streq(verbs[i].cmd->name, verb))
			return verbs[i].cmd;
	return NULL;
}

bool legacy_knows(const char *name, bool lxc)
{
	_cleanup_(engine_freep) struct engine *g = NULL;
	_cleanup_(container_freep) struct container *ct = NULL;
	struct engine_opts o = { 0 };

	if (engine_open(&o, &g, NULL) < 0 ||
	    container_open(g, name, NULL, OPEN_NO_CONFIG | OPEN_MUST_EXIST, &ct, NULL) < 0)
		return false;
	return (ct->defined || container_state(ct) != RUN_STOPPED) && !(lxc && container_has_data(ct));
}

int legacy_try(const char *name, const char *verb, int argc, char *const *argv)
{
	const struct command *cmd = legacy_command(verb);
	char prog[32];
	struct cli c = { .cmd = cmd, .prog = prog, .argc = argc, .argv = argv, .log = { .fd = -EBADF } };
	int code;

	if (!cmd || !legacy_knows(name, false))
		return -1;
	snprintf(prog, sizeof(prog), "creel %s", verb);
	code = cmd->run(&c);
	cli_done(&c);
	return code;
}
