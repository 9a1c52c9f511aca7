/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The caller's terminal on one side, a pty of a container on the other. */

#include "base/err.h"

/* What else is heard of meanwhile. */
struct relay_watch {
	void (*signal)(void *arg,
		       int sig);  /* all but SIGWINCH, which are the relay's own; all are blocked by the caller */
	void (*ready)(void *arg); /* there is something to read on FD */
	int fd;			  /* -EBADF: none */
	void *arg;
};

/* Relays standard input and output to MASTER, in raw mode, until the other side has closed. LOG: also appended to. WATCH
 * may be NULL, as LOG may. */
int relay_terminal(int master, const char *log, const struct relay_watch *watch, struct err *e);

/* The console client: terminal TTY (0: console, -1: first free) of the container whose run directory is DIRFD, until
 * ESCAPE q is typed (ESCAPE -1: never) or it hangs up. NOTIFY (may be NULL) learns which one it became. */
int relay_console(int dirfd, int tty, int escape, void (*notify)(void *arg, int tty), void *arg, struct err *e);
