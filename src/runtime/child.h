/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between fork and exec: what a container's first process and those that join it later do alike. Nothing here allocates
 * or looks a name up; what needs either has been made ready in struct op_exec.
 */

#include "base/err.h"
#include "runtime/plan.h"

/* Changes to X's working directory, which must lie in the root: a directory reached through a leaked fd has no path there
 * (CVE-2024-21626). */
int child_enter_cwd(const struct op_exec *x, struct err *e);

/* Ids and capabilities. FILTER: a seccomp policy is loaded afterwards. */
int child_become(const struct op_exec *x, bool filter, struct err *e);

/* Gives standard streams that are no /dev/null to the user who is about to own them. */
int child_own_stdio(const struct op_exec *x, struct err *e);

/* The container's seccomp filter, if there is one. Its listener goes over SOCK, as STEP_NOTIFY. */
int child_load_filter(const struct seccomp_prog *p, int sock, struct err *e);

/* Signals as a new program expects them. */
void child_reset_signals(void);

/* The program that X names, over the PATH of its environment: 0 when it could be executed. */
int child_lookup(const struct op_exec *x, struct err *e);

/* execve(), over PATH for a name without a slash. Returns a negative errno. */
int child_exec(const struct op_exec *x);

/* Copies what is in directory FROM into TO: owners, modes, times, links, devices. Whole trees, one file system. */
int copy_up(int from, int to);

/* Fills X's HOME from PASSWD, an fd of the container's /etc/passwd or -EBADF. */
void child_set_home(const struct op_exec *x, int passwd);
