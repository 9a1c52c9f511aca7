/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* fork(2) with flags: into new name spaces, into a cgroup, as a sibling. */

#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"

struct clone_opts {
	uint64_t flags;	 /* CLONE_NEW*, CLONE_PARENT. CLONE_VM and the like are refused: this is a fork */
	int exit_signal; /* 0 means SIGCHLD; with CLONE_PARENT the caller's own is inherited */
	int cgroup_fd;	 /* v2 directory to be born in; 0 and below: none */
};

/*
 * Returns twice: 0 in the child, the pid in the parent, or a negative errno. *RET_PIDFD (may be NULL; O_CLOEXEC) is set in
 * the parent. -EOPNOTSUPP when a cgroup or CLONE_NEWTIME is asked for that the kernel cannot give here: the caller
 * writes cgroup.procs, or uses unshare(2).
 *
 * No atfork handlers run and libc's idea of the thread id is the parent's: the child allocates nothing, starts no
 * threads, and ends by execve(2) or _exit(2).
 */
pid_t clone_process(const struct clone_opts *o, int *ret_pidfd);

/* Marks all fds from FIRST on close-on-exec. 0 or -errno. */
int clone_cloexec_from(int first);
