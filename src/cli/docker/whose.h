/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "cli/cli.h"

/* BOTH: it has been done, *RET_CODE is the exit code. */
enum whose { WHOSE_IMAGES, WHOSE_LXC, WHOSE_BOTH };

/* Whose containers an ordinary user's command is about. ARGV: its words, the last of the verb first; WHOLE: those of the program, of
 * which ARGV is the end. */
enum whose docker_whose(const struct command *cmd, int argc, char **argv, char **whole, int *ret_code);
