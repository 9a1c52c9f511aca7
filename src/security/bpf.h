/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes classic BPF from its end to its beginning.
 *
 * All jumps of classic BPF go forward, so what is written last-to-first knows where every target lies. A position is
 * the count of instructions behind it and stays valid; conditional jumps that reach further than their eight bits get
 * a long jump beside them.
 */

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "security/policy.h"

#define BPF_PROGRAM_MAX 4096 /* BPF_MAXINSNS */
#define BPF_RETURNS	16

struct bpf {
	struct sock_filter *code; /* reversed */
	size_t n, cap;
	int error; /* sticky: -ENOMEM, -E2BIG */
	struct bpf_return {
		uint32_t action;
		size_t at;
	} returns[BPF_RETURNS]; /* the latest ones, to be shared */
	size_t n_returns;
};

void bpf_done(struct bpf *b);
#define _cleanup_bpf_ _cleanup_(bpf_done)

/* Each returns the position of what it wrote (or found written already, for bpf_return). */
size_t bpf_return(struct bpf *b, uint32_t action);
size_t bpf_load(struct bpf *b, size_t offset); /* a word of struct seccomp_data; goes on with what was written last */
size_t bpf_and(struct bpf *b, uint32_t mask);
size_t bpf_jump(struct bpf *b, size_t to);
/* OP: BPF_JEQ, BPF_JGT, BPF_JGE */
size_t bpf_branch(struct bpf *b, unsigned op, uint32_t k, size_t yes, size_t no);
/* Goes on at YES when the argument compares, else at NO. NARROW: its lower 32 bits only. */
size_t bpf_compare(struct bpf *b, const struct policy_arg *a, bool narrow, size_t yes, size_t no);

/* The program in its running order (free()). */
int bpf_finish(struct bpf *b, struct sock_filter **ret, unsigned short *ret_len, struct err *e);
