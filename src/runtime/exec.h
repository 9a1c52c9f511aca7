/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A further process in a running container, with a whole process specification of its own: exec of an OCI runtime. The
 * process is our child and may outlive us. It joins whatever name spaces of init are not ours, and does what a first
 * process does in the same operations: a plan of its own, executed between fork and exec.
 *
 * (lxc-attach is runtime/attach.h: the caller's environment, and partial joins.)
 */

#include "base/log.h"
#include "cgroup/cgroup.h"
#include "runtime/record.h"
#include "spec/spec.h"

struct exec_req {
	const struct spec *spec;    /* the container's own, but for .process: what is run */
	const char *label;	    /* in place of the container's */
	struct cg *cg;		    /* the container's group, borrowed; NULL: by its record */
	const char *const *cgroups; /* below it, as cg_sub() takes them; NULL: itself */
	bool ignore_paused;	    /* begin although all are frozen; it stands still with them */
	bool no_seccomp;	    /* without the container's policy */
	bool no_new_keyring;
	bool files_stay;       /* standard streams that are files keep their owner: they are the caller's */
	bool relayed;	       /* its terminal is shown by us (relay_terminal()), not handed over */
	unsigned preserve_fds; /* 3 … 3 + N - 1 stay open */
	int stdio[3];	       /* with process.terminal: not looked at */
	const struct log *log;
	/* Takes a seccomp listener, FD being the callee's then; NULL: it is an error that there is one. */
	int (*notify)(void *arg, pid_t pid, int fd, struct err *e);
	void *notify_arg;
};

/* Returns when it has been executed: 0 with its pid and, of a terminal, the master (else -EBADF); or the error from
 * whichever process met it, all being gone by then. Until it is waited for it is the caller's child. */
int exec_start(int dirfd, const struct record *rec, const struct exec_req *q, pid_t *ret_pid, int *ret_master,
	       struct err *e);

/* What exec_start() does, one operation a line. */
struct buf;
int exec_describe(const struct record *rec, const struct exec_req *q, struct buf *out, struct err *e);
