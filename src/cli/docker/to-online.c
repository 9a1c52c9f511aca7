/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/docker/programs.h"

#include "cli/cli.h"

void docker_execute_online(char **argv)
{
	cli_delegate("creel-online", argv);
}
