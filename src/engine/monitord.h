/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * LXC's monitor of one lxcpath: who connects to its socket is sent a message of 264 bytes for each change of state and
 * each exit. creel's own commands follow the run directories (watch.h) and need no such process; it is there for
 * programs of LXC's library, which connect to it or start it by its path.
 *
 * It takes messages from two sides: what creel's containers write into their run directories, and the FIFO into which
 * containers of LXC's library write.
 */

#include "engine/engine.h"

enum monitor_type { MONITOR_STATE = 0, MONITOR_PRIORITY = 1, MONITOR_EXIT_CODE = 2 };

/* On the wire, in the machine's own byte order. */
struct monitor_msg {
	int32_t type;
	char name[256];
	int32_t value; /* a state of enum run_state, or a wait status */
};

/*
 * Serves LXCPATH until somebody writes "quit", SIGTERM comes, or, unless PERSISTENT, nobody has been connected for 30
 * seconds. READY_FD (or -EBADF) is written to and closed once the socket is there.
 */
int monitord_run(const char *lxcpath, bool persistent, int ready_fd, struct err *e);

/* Tells the one of LXCPATH to end. -ECONNREFUSED: there is none. */
int monitord_quit(const char *lxcpath, struct err *e);
