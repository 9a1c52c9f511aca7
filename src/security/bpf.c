/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/bpf.h"

#include <endian.h>
#include <errno.h>
#include <linux/seccomp.h>

#define FAR 240 /* of 255: leaves room for the long jumps put in between */

void bpf_done(struct bpf *b)
{
	free(b->code);
	*b = (struct bpf){ 0 };
}

static size_t emit(struct bpf *b, unsigned code, uint32_t k, size_t jt, size_t jf)
{
	if (b->error)
		return 0;
	/* Well above the kernel's limit, so that the message can say how long the program would be. */
	if (b->n >= 16 * BPF_PROGRAM_MAX) {
		b->error = -E2BIG;
		return 0;
	}
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 256;
		struct sock_filter *p = reallocarray(b->code, cap, sizeof(*p));

		if (!p) {
			b->error = -ENOMEM;
			return 0;
		}
		b->code = p;
		b->cap = cap;
	}
	b->code[b->n] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
	return b->n++;
}

/* How many instructions a jump written now skips to reach AT. */
static size_t distance(const struct bpf *b, size_t at)
{
	return b->n - at - 1;
}

size_t bpf_return(struct bpf *b, uint32_t action)
{
	struct bpf_return *slot = NULL;

	for (size_t i = 0; i < b->n_returns; i++)
		if (b->returns[i].action == action)
			slot = &b->returns[i];
	if (slot && distance(b, slot->at) < FAR)
		return slot->at;
	if (!slot)
		slot = &b->returns[b->n_returns < BPF_RETURNS ? b->n_returns++ : 0];
	*slot = (struct bpf_return){ action, emit(b, BPF_RET | BPF_K, action, 0, 0) };
	return slot->at;
}

size_t bpf_load(struct bpf *b, size_t offset)
{
	return emit(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

size_t bpf_and(struct bpf *b, uint32_t mask)
{
	return emit(b, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
}

size_t bpf_jump(struct bpf *b, size_t to)
{
	return emit(b, BPF_JMP | BPF_JA, (uint32_t)distance(b, to), 0, 0);
}

size_t bpf_branch(struct bpf *b, unsigned op, uint32_t k, size_t yes, size_t no)
{
	if (distance(b, no) > FAR)
		no = bpf_jump(b, no);
	if (distance(b, yes) > FAR)
		yes = bpf_jump(b, yes);
	return emit(b, BPF_JMP | op | BPF_K, k, distance(b, yes), distance(b, no));
}

static size_t low_word(unsigned index)
{
	return offsetof(struct seccomp_data, args) + 8 * index + (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0);
}

static size_t high_word(unsigned index)
{
	return offsetof(struct seccomp_data, args) + 8 * index + (__BYTE_ORDER == __BIG_ENDIAN ? 0 : 4);
}

static size_t compare_equal(struct bpf *b, const struct policy_arg *a, bool narrow, size_t yes, size_t no)
{
	uint64_t mask = a->op == OP_MASKED_EQ ? a->mask : UINT64_MAX;
	uint32_t high = (uint32_t)(a->value >> 32);
	size_t at;

	/* A negative number may come with its sign extended; anything else up there was meant as it stands. */
	if ((high && high != UINT32_MAX) || (uint32_t)mask == 0)
		narrow = false;
	at = bpf_branch(b, BPF_JEQ, (uint32_t)a->value, yes, no);
	if ((uint32_t)mask != UINT32_MAX)
		bpf_and(b, (uint32_t)mask);
	at = bpf_load(b, low_word(a->index));
	if (narrow || mask >> 32 == 0)
		return at;
	bpf_branch(b, BPF_JEQ, high, at, no);
	if (mask >> 32 != UINT32_MAX)
		bpf_and(b, (uint32_t)(mask >> 32));
	return bpf_load(b, high_word(a->index));
}

/* Above, or with OR_EQUAL not below, the value. */
static size_t compare_above(struct bpf *b, const struct policy_arg *a, bool or_equal, bool narrow, size_t yes,
			    size_t no)
{
	uint32_t high = (uint32_t)(a->value >> 32);
	size_t at;

	bpf_branch(b, or_equal ? BPF_JGE : BPF_JGT, (uint32_t)a->value, yes, no);
	at = bpf_load(b, low_word(a->index));
	if (narrow && !high)
		return at;
	at = bpf_branch(b, BPF_JEQ, high, at, no);
	bpf_branch(b, BPF_JGT, high, yes, at);
	return bpf_load(b, high_word(a->index));
}

size_t bpf_compare(struct bpf *b, const struct policy_arg *a, bool narrow, size_t yes, size_t no)
{
	switch (a->op) {
	case OP_EQ:
	case OP_MASKED_EQ:
		return compare_equal(b, a, narrow, yes, no);
	case OP_NE:
		return compare_equal(b, a, narrow, no, yes);
	case OP_GT:
		return compare_above(b, a, false, narrow, yes, no);
	case OP_GE:
		return compare_above(b, a, true, narrow, yes, no);
	case OP_LT:
		return compare_above(b, a, true, narrow, no, yes);
	case OP_LE:
		return compare_above(b, a, false, narrow, no, yes);
	}
	b->error = -EINVAL;
	return 0;
}

int bpf_finish(struct bpf *b, struct sock_filter **ret, unsigned short *ret_len, struct err *e)
{
	if (b->error == -ENOMEM)
		return err_oom(e);
	if (b->error == -E2BIG || b->n > BPF_PROGRAM_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG,
				"the seccomp policy needs %s%zu instructions, and the kernel takes %u",
				b->error ? "more than " : "", b->n, BPF_PROGRAM_MAX);
	if (b->error)
		return err_kind(e, ERR_INVALID, b->error, "an unknown comparison in a seccomp rule");
	for (size_t i = 0, j = b->n - 1; i < j; i++, j--) {
		struct sock_filter t = b->code[i];

		b->code[i] = b->code[j];
		b->code[j] = t;
	}
	*ret_len = (unsigned short)b->n;
	*ret = TAKE_PTR(b->code);
	return 0;
}
