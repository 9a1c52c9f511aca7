/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * LXC's command protocol: what programs that were linked with LXC's own library ask about a container and tell it, each by
 * one request over a connection to the abstract socket LXCPATH/NAME/command. The keeper accepts; each connection is served
 * by a process of its own, `creel keeper-command ID FD`.
 *
 * A request is struct lxc_request and so many bytes, an answer struct lxc_answer and so many bytes, with descriptors beside
 * it where the command has some. Native byte order; numbers are LXC's and never change.
 */

#include "engine/engine.h"

#define LXC_COMMAND_DATA_MAX 4096

struct lxc_request {
	int32_t cmd, len;
	uint64_t arg; /* of commands without bytes: a number, in the place of a pointer */
};

struct lxc_answer {
	int32_t ret, len; /* 0 or a negative errno */
	uint64_t value;
};

/* The listening socket of a container that is about to start. -EADDRINUSE where a process of LXC's runs it; *RET stays as it is, and that is
 * no failure, where somebody else is in the way. */
int lxc_command_listen(const struct container *c, int *ret, struct err *e);

/* keeper-command ID FD: one connection. */
int engine_lxc_command(const char *id, int fd, struct err *e);
