/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * exec, ps, start and stop were creel's for LXC containers before they were Docker's. What was said to them in words that
 * Docker does not have goes on being done as it was.
 */

#include "cli/cli.h"

/* ARGV (its first word is the verb) has an option of the older command that Docker's has not. */
bool legacy_wanted(const char *verb, int argc, char *const *argv);
const struct command *legacy_command(const char *verb);

/* NAME is a container of ours; LXC: and no image's. */
bool legacy_knows(const char *name, bool lxc);

/* Docker's engine knows no container NAME: where another of ours does, VERB is done to it by the older command. ARGV: as typed
 * to that one, verb first. Its exit code, or -1: there is none of that name. */
int legacy_try(const char *name, const char *verb, int argc, char *const *argv);
