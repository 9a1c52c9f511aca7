/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running a command in a container that runs: by its record and the policy kept in its run directory. */

#include "base/log.h"
#include "runtime/record.h"
#include "security/security.h"
#include "spec/spec.h"

struct attach_req {
	char *const *argv;   /* NULL: the login shell */
	char *const *envp;   /* complete */
	unsigned namespaces; /* mask of 1 << NS_x to join */
	bool elevated_cap, elevated_cgroup, elevated_lsm, remount;
	const char *label; /* NULL: the container's */
	const char *cwd;
	int64_t uid, gid; /* -1: 0 */
	unsigned long personality;
	bool set_personality;
	bool pty;
	const char *pty_log;
};

/* Returns 0 with the wait status (126 or 127 when the command could not be executed: then also an error), or the error of whichever process met it. Relays the caller's terminal when .pty. */
int attach_run(int dirfd, const struct record *rec, const struct spec *spec, const struct attach_req *q,
	       int *ret_status, struct err *e);
