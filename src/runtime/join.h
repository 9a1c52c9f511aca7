/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A process of a running container that is our child: forked into its control group and pid name space. */

#include <sys/types.h>

#include "cgroup/cgroup.h"

struct join {
	int pidfd; /* of the container's init; borrowed */
	unsigned
		flags; /* CLONE_NEW… to join; the child is left with those that it must join itself, with one setns() */
	struct cg *cg; /* group to be born in, where it can be had (then IN_V2 is set); NULL: ours */
	bool in_v2;
	bool by_libc;	/* the child goes on in the caller's program: it is forked as the C library knows it */
	bool in_cg;	/* it has been put there by the caller, as far as that may */
	struct cg *sub; /* CG, where it is the owner's of this structure to free */
};

/* Returns twice: 0 in the child, the pid in the caller, or a negative errno. */
pid_t join_fork(struct join *j, struct err *e);

/* In the child, first: the group, where it is not in it yet. */
int join_group(const struct join *j, struct err *e);
/* The rest of the name spaces. */
int join_rest(struct join *j, struct err *e);

/* CLONE_NEW… of all name spaces of PID that are not ours. MADE: mask of 1 << NS_x, those that were made for it,
 * which need no comparing. */
int join_flags(pid_t pid, unsigned made, unsigned *ret, struct err *e);
