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

struct relay_ends {
	int in, out; /* in place of standard input and output; -EBADF: none */
};

/* Relays ENDS (NULL: standard input and output) to MASTER, in raw mode, until the other side has closed. LOG: also appended
 * to. WATCH may be NULL, as LOG may. */
int relay_terminal(int master, const struct relay_ends *ends, const char *log, const struct relay_watch *watch,
		   struct err *e);
/* The same with LOG_FD, which stays the caller's; -EBADF: nowhere. */
int relay_logged(int master, const struct relay_ends *ends, int log_fd, const struct relay_watch *watch, struct err *e);

/* The console client: terminal TTY (0: console, -1: first free) of the container whose run directory is DIRFD, until
 * ESCAPE q is typed (ESCAPE -1: never) or it hangs up. NOTIFY (may be NULL) learns which one it became. */
int relay_console_at(int dirfd, const struct relay_ends *ends, int tty, int escape, void (*notify)(void *arg, int tty),
		     void *arg, struct err *e);
int relay_console(int dirfd, int tty, int escape, void (*notify)(void *arg, int tty), void *arg, struct err *e);

/* Takes terminal TTY (-1: the first free) for the caller. Returns the fd that keeps it taken until it is closed; *RET_TTY
 * is its number and *RET_MASTER its master, both of them the caller's to close. */
int relay_take_tty(int dirfd, int tty, int *ret_tty, int *ret_master, struct err *e);

/* A connection to the keeper of the container whose run directory is DIRFD, for the requests of keeper_proto.h. */
int keeper_connect(int dirfd, struct err *e);
