/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a program would answer to one call: classic BPF as seccomp has it, which is words of struct seccomp_data only. */

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

#include "security/arch.h"
#include "security/security.h"

struct machine {
	uint32_t a, x, mem[BPF_MEMWORDS];
};

static uint32_t arithmetic(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return b < 32 ? a << b : 0;
	case BPF_RSH:
		return b < 32 ? a >> b : 0;
	case BPF_NEG:
		return -a;
	default:
		return a;
	}
}

static bool holds(uint16_t code, uint32_t a, uint32_t b)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	case BPF_JSET:
		return a & b;
	default:
		return true;
	}
}

static uint32_t load(const struct sock_filter *i, const struct machine *m, const struct seccomp_data *d)
{
	uint32_t word = 0;

	switch (BPF_MODE(i->code)) {
	case BPF_IMM:
		return i->k;
	case BPF_MEM:
		return i->k < BPF_MEMWORDS ? m->mem[i->k] : 0;
	case BPF_LEN:
		return sizeof(*d);
	default:
		if (i->k <= sizeof(*d) - sizeof(word))
			memcpy(&word, (const char *)d + i->k, sizeof(word));
		return word;
	}
}

uint32_t seccomp_verdict(const struct seccomp_prog *p, const struct seccomp_data *d)
{
	struct machine m = { 0 };

	/* Jumps go forward only: it ends. */
	for (size_t pc = 0; pc < p->len; pc++) {
		const struct sock_filter *i = &p->insns[pc];
		uint32_t other = BPF_SRC(i->code) == BPF_X ? m.x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			m.a = load(i, &m, d);
			break;
		case BPF_LDX:
			m.x = load(i, &m, d);
			break;
		case BPF_ST:
		case BPF_STX:
			if (i->k < BPF_MEMWORDS)
				m.mem[i->k] = BPF_CLASS(i->code) == BPF_ST ? m.a : m.x;
			break;
		case BPF_ALU:
			m.a = arithmetic(i->code, m.a, other);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				pc += i->k;
			else
				pc += holds(i->code, m.a, other) ? i->jt : i->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		default:
			if (BPF_MISCOP(i->code) == BPF_TAX)
				m.x = m.a;
			else
				m.a = m.x;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

bool seccomp_lets_through(const struct seccomp_prog *p, const char *name, const uint64_t args[static 3])
{
	const struct arch *a = arch_table;
	struct seccomp_data d = { .args = { args[0], args[1], args[2] } };
	struct call c;
	uint32_t action;

	while (a->name && a->scmp != arch_native())
		a++;
	if (!a->name || call_find(a, name, &c) < 0 || c.nr < 0)
		return false;
	d.nr = (int)c.nr;
	d.arch = a->token;
	action = seccomp_verdict(p, &d) & SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}
