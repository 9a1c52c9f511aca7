/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/commands.h"
#include "cli/docker/commands.h"

const struct command *const commands[] = { DOCKER_COMMANDS ONLINE_COMMANDS CORE_COMMANDS NULL };
