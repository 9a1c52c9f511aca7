/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Name spaces: the kernel's side. One table gives flag, file below /proc/PID/ns and the order in which to join. */

#include <sys/types.h>

#include "base/err.h"

struct ns_info {
	const char *name; /* file below /proc/PID/ns; "user", "mnt", … */
	unsigned flag;	  /* CLONE_NEW… */
};

/* In the order of the model's enum: user mnt pid uts ipc net cgroup time; ended by a NULL name. */
extern const struct ns_info ns_table[];

/* O_CLOEXEC fd of a name space file: TARGET is a pid or an absolute path. Verified to be of nsfs and of the wanted
 * type. fd or -errno. */
int ns_open(const char *target, const struct ns_info *ns, struct err *e);
int ns_open_pid(pid_t pid, const struct ns_info *ns, struct err *e);

/* inode number of /proc/PID/ns/NAME: equality is identity (with the nsfs device). 0 or -errno */
int ns_ino(pid_t pid, const struct ns_info *ns, ino_t *ret);
