/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Architectures and their system calls. libseccomp knows the numbers; what it cannot tell stands here. */

#include <stdint.h>

#include "base/err.h"

struct arch {
	const char *name;   /* as a policy's section has it */
	uint32_t scmp;	    /* SCMP_ARCH_* */
	uint32_t token;	    /* AUDIT_ARCH_*: what the kernel reports */
	uint32_t host;	    /* SCMP_ARCH_* of the machine that runs it beside its own; itself for a machine's own */
	bool narrow;	    /* arguments have 32 bits */
	const char *beside; /* rules for that one are for this one too: the same system call entry */
};

/* Ended by a NULL name. */
extern const struct arch arch_table[];

/* SCMP_ARCH_* of this machine. */
uint32_t arch_native(void);

/* The ways a call can be made on one architecture: by its own number and by a multiplexer. */
struct call {
	int64_t nr;	   /* -1: has no number of its own */
	int64_t via;	   /* number of socketcall or ipc, -1: none */
	uint32_t selector; /* what its first argument, under VIA_MASK, says then */
	uint32_t via_mask;
	unsigned narrow_args; /* bit i: the kernel declares argument i with 32 bits */
};

/* 0, or -ENOENT when no architecture knows a call of that name. A call that this architecture lacks has no way. */
int call_find(const struct arch *a, const char *name, struct call *ret);

/* The same for a number of this machine's own architecture. */
void call_find_nr(const struct arch *a, uint32_t nr, struct call *ret);

/* The known name nearest to S, or NULL (free()). */
char *call_nearest(const char *s);
