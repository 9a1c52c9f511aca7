/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Starting with a supervisor: a keeper of its own (detached), or the keeper that called us back (a new life). */

#include "runtime/run.h"

struct supervise {
	const char *keeper; /* path of creel-keeper */
	const char *creel;  /* path of the program it calls when init has gone */
	int peer_fd;	    /* device of lxc.console.path, -EBADF */
	int commands_fd;    /* listener for KM_COMMANDS, -EBADF: none, or the keeper has it */
	int ctl_fd;	    /* an existing keeper's, for a new life; -EBADF: make one */
	/* What else the keeper is to know (streams, log, clients), said before it owns the container. NULL: nothing. */
	int (*more)(void *arg, int ctl, struct run *run, struct err *e);
	void *arg;
};

/* lxc.monitor.unshare: a mount name space of the caller's own, which still gets what the host mounts. */
int unshare_mounts(struct err *e);

/* Forks the keeper and, as its child, a runtime that executes the plan. Returns when init has been executed or with
 * the error from wherever it happened. */
int start_detached(struct run *run, const struct supervise *s, struct err *e);

/* In the keeper's helper: executes the plan for the keeper at S->ctl_fd. */
int start_again(struct run *run, const struct supervise *s, struct err *e);

/* The socket <run dir>/sock, listening. fd or -errno. */
int keeper_listen(int dirfd, struct err *e);

/* Where there are stop hooks: the container's own name spaces, held open for them by whoever keeps the container. How
 * many. Only then is anything held, for a network name space that is held takes its devices' end with it. */
int open_stop_namespaces(const struct run *run, int fds[static NS_MAX]);
/* "mnt:/proc/HOLDER/fd/N" … of what HOLDER has open. */
int stop_namespaces(pid_t holder, struct strv *ret, struct err *e);
/* In the keeper's helper, once the hooks have run: the keeper at CTL lets go of them. */
void stop_namespaces_done(int ctl);

/* Somebody answers at the listener FD where the spec says who. *RET is what the keeper must know, with FD. */
struct keeper_msg;
int serve_listener(const struct run *run, int fd, struct keeper_msg *ret, struct err *e);

/* Console log of the spec, opened for appending, and in *RET what the keeper must know of it; -EBADF: none wanted. */
uint64_t console_ring_size(const struct spec *s); /* lxc.console.buffer.size, 0: none */
int open_console_log(const struct spec *s, struct keeper_msg *ret, struct err *e);
