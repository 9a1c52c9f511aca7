/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names of commands, and the programs that have them. */

/* "container ls" is "ps". NULL-terminated. */
struct alias {
	const char *name, *is;
};
extern const struct alias docker_aliases[];

/* Why these words of Docker's client are no command of ours; NULL: they are none of Docker's, either. */
const char *docker_absent(int argc, char *const *argv);

/* Executes creel-online with these arguments. Returns where this is it, or it is not there. */
void docker_execute_online(char **argv);
