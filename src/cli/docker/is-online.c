/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/docker/programs.h"

void docker_execute_online(char **argv)
{
	(void)argv;
}
