/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Processes as the host's /proc shows them. */

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Start time of PID in clock ticks since boot: with the pid it names a process for ever. 0 or -errno. */
int proc_start_time(pid_t pid, uint64_t *ret);

/* Whether that very process still runs. One that is dead and not yet reaped does not. */
bool proc_alive(pid_t pid, uint64_t start);

/* A pidfd of PID, provided that its start time is START (0: any). -ESRCH when it is another process by now. */
int proc_open(pid_t pid, uint64_t start);

/* Whether we are root of the host, not of a user name space only. */
bool proc_host_root(void);

/* Whether we are root of a user name space that an ordinary user has entered (podman does that first of all, and so do we for
 * images): what he has stays in his own folders. Root of a system container has a /run and a /var of its own. XDG_RUNTIME_DIR
 * and USER tell the two apart, as they do for runc. */
bool proc_user_entered(void);
