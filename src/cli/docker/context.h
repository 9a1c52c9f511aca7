/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

struct docker_globals;

/* The context that is asked for means this machine: 0, or the exit code, with the reason said. */
int docker_context_check(const struct docker_globals *g);
