/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"

const struct command *const commands[] = { CORE_COMMANDS & cmd_version, NULL };
