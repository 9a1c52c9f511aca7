/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

const struct command cmd_creel = {
	.name = "creel",
	.flags = CMD_HELP_FIRST | CMD_NO_ENGINE,
	.synopsis = "COMMAND [OPTION...] [ARGUMENT...]",
	.summary = "containers, by every tool's words",
	.description =
		"creel makes, starts, enters, limits and removes Linux containers. The commands of LXC are answered "
		"under "
		"their own names, with their options, texts and exit codes: creel is one program, and the name it is "
		"called by says which command it is.\n\n"
		"What a container should be is read from its configuration (lxc.container.conf(5)), turned into a plan "
		"of "
		"single steps, and the plan is executed. --dry-run prints that plan and changes nothing. Every step "
		"that "
		"touches the host is written down before it is taken, so that 'creel doctor --fix' can clear up after "
		"anything that was killed half-way.\n\n"
		"Errors say what failed, on which object and why, in one line; a second line that begins with 'hint:' "
		"names the likely cure.",
	.examples = (const struct text_pair[]){ { "creel ps -a", "All containers, running or not." },
						{ "creel lxc start web", "The same as lxc-start web." },
						{ "creel help lxc-start", "What lxc-start can do." },
						{ NULL, NULL } },
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *p = commands; *p; p++)
		if (streq((*p)->name, name))
			return *p;
	return NULL;
}
