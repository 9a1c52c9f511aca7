/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Architectures and their system calls. The numbers are libseccomp's (tools/gen-calls.c); what it cannot tell stands here. */

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

/* Names of system calls as indices, the same for all architectures. -ENOENT: no architecture has a call of that name. */
int call_index(const char *name);
const char *call_name(int index);
/* Bit i: the kernel declares argument i with 32 bits. */
unsigned call_narrow_args(int index);

/* The ways a call can be made on one architecture: by its own number and by a multiplexer. */
struct call {
	int64_t nr;	   /* -1: has no number of its own */
	int64_t via;	   /* number of socketcall or ipc, -1: none */
	uint32_t selector; /* what its first argument, under VIA_MASK, says then */
	uint32_t via_mask;
};

/* A call that this architecture lacks has no way. */
void call_at(const struct arch *a, int index, struct call *ret);
/* The same by name; 0 or -ENOENT. */
int call_find(const struct arch *a, const char *name, struct call *ret);
/* The same for a number of this machine's own architecture, whose name's index, or -1, is returned. */
int call_find_nr(const struct arch *a, uint32_t nr, struct call *ret);

/* The known name nearest to S, or NULL. */
const char *call_nearest(const char *s);

/* Of the libseccomp that the table of calls was made from: "2.5.4". */
extern const char *const call_table_version;
