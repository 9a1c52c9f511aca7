/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running a command, or a function, in a container that runs: by its record and the policy kept in its run directory. */

#include "base/log.h"
#include "runtime/record.h"
#include "security/security.h"
#include "spec/spec.h"

struct attach_req {
	char *const *argv; /* NULL: the login shell */
	/* In place of a command: called in the new process, which ends with what it returns. The process is a fork of the
	 * caller that executes nothing: it keeps the caller's memory, but no descriptor above 2 over an exec. */
	int (*fn)(void *arg);
	void *arg;
	char *const *envp;   /* complete */
	unsigned namespaces; /* mask of 1 << NS_x to join */
	bool elevated_cap, elevated_cgroup, elevated_lsm, remount;
	const char *label;   /* NULL: the container's */
	bool label_now;	     /* not only from the next exec on */
	bool no_new_privs;   /* also where the container has none */
	const gid_t *groups; /* supplementary, NULL: none */
	size_t n_groups;
	const int *stdio; /* three fds, NULL: as they are */
	const char *cwd;
	int64_t uid, gid; /* -1: 0 */
	unsigned long personality;
	bool set_personality;
	bool pty;
	const char *pty_log;
	int pty_log_fd; /* instead of that, where it is positive */
};

/* Returns when the command executes, the function is about to be called, or, with .pty, when its terminal has been closed:
 * 0 with *RET_PID, the caller's child and to be waited for, or the error of whichever process met it (then *RET_PID is
 * the process that ends, 0: none). */
int attach_start(int dirfd, const struct record *rec, const struct spec *spec, const struct attach_req *q,
		 pid_t *ret_pid, struct err *e);

/* Start and wait. Returns 0 with the wait status (126 or 127 when the command could not be executed: then also an error), or the error of whichever process met it. Relays the caller's terminal when .pty. */
int attach_run(int dirfd, const struct record *rec, const struct spec *spec, const struct attach_req *q,
	       int *ret_status, struct err *e);
