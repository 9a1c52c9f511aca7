/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A seccomp policy as data: what the dialects' parsers fill and what the compiler turns into a program.
 *
 * The compiler is our own; libseccomp is asked only for the numbers of system calls, when this is built. It generates
 * well, but adding a rule costs it a copy of all rules before: a policy like Docker's, of 400 calls for three
 * architectures, takes it 30 ms, and this one 0.2 ms, so that nothing needs to be cached. What it decides differently,
 * each time for the stricter:
 *
 * - A call's rules with arguments are tried before its rule without, the most restrictive first; libseccomp lets the
 *   rule without arguments win.
 * - Arguments that the kernel declares as 32 bits wide are compared in 32 bits. Comparing all 64 lets ioctl(fd,
 *   TIOCSTI | 1 << 32) pass a rule against TIOCSTI (CVE-2019-10063).
 * - Where socketcall(2) or ipc(2) carry a call whose arguments they hide, a rule with arguments that refuses counts
 *   for every such call, and one that permits for none.
 */

#include <linux/seccomp.h>
#include <stdint.h>

#include "base/err.h"
#include "security/security.h"

/* "sys/mount.h" of this tree hides libc's, which alone has it. */
#ifndef MNT_FORCE
#define MNT_FORCE 1
#endif

enum policy_op { OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_MASKED_EQ };

struct policy_arg {
	uint8_t index; /* 0–5 */
	enum policy_op op;
	uint64_t value, mask; /* mask: OP_MASKED_EQ only */
};

#define POLICY_ARGS_MAX	 6
#define POLICY_RULES_MAX 16384

struct policy_rule {
	const char *name; /* owned by the policy, unless it is a known call's; NULL: NR is meant */
	int call;	  /* of call_index(); negative: nobody knows the name */
	uint32_t nr;	  /* the running architecture's number */
	uint32_t action;  /* SECCOMP_RET_* with data */
	const char *arch; /* one of policy_archs(); NULL: all */
	unsigned line;	  /* for messages; 0: none */
	bool direct_only; /* not where socketcall or ipc hide the arguments */
	bool names_only;  /* changes nothing: a call that newer_enosys is to know of */
	unsigned n_args;  /* all must hold */
	const struct policy_arg *args;
};

struct policy {
	uint32_t default_action;
	bool native_only;  /* calls of other architectures are killed */
	uint32_t archs;	   /* of policy_add_arch(): besides these and the native one all are killed; 0: none is */
	bool newer_enosys; /* calls above the highest that a rule names fail with ENOSYS, not as default_action says */
	bool skip_unknown; /* rules for calls that nobody knows are none */
	unsigned load_flags; /* SECCOMP_FILTER_FLAG_* to be loaded with */
	const char *path;    /* for messages */
	struct policy_rule *rules;
	size_t n_rules, cap;
};

void policy_done(struct policy *p);
#define _cleanup_policy_ _cleanup_(policy_done)

/* Copies RULE with its name and its arguments, and finds its call. 1: nobody knows the name, and with .skip_unknown
 * nothing was added. */
int policy_add(struct policy *p, const struct policy_rule *rule, struct err *e);

/* Admits an architecture by libseccomp's name in lower case ("x86_64", "aarch64"), or -ENOENT. One of another machine
 * changes nothing here. */
int policy_add_arch(struct policy *p, const char *name);
const char *policy_native_arch(void);

/* LXC's format of version 1 or 2. PATH is borrowed. */
int policy_parse(const char *text, const char *path, struct policy *ret, struct err *e);

int policy_compile(const struct policy *p, struct seccomp_prog *ret, struct err *e);

/* The table's own string for an architecture "x86_64", in any case; NULL when there is none of that name. */
const char *policy_arch(const char *name);

/* How restrictive an action is: 0 for the most. */
unsigned policy_action_rank(uint32_t action);
