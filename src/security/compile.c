/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdio.h>

#include "security/arch.h"
#include "security/bpf.h"
#include "security/policy.h"

#define NR_MAX	0xfffff	   /* arm's private calls are the highest */
#define X32_BIT 0x40000000 /* calls of x32 differ from x86_64's by it alone */

/* One rule as it applies to one number of one kind of entry. */
struct slot {
	uint32_t nr;
	uint16_t order;	   /* in which the rules of one number are tried: slot_order() */
	uint16_t selector; /* VIA: what socketcall or ipc are called with */
	bool via, ipc;
	uint8_t narrow; /* bit i: argument i of the call has 32 bits */
	const struct policy_rule *rule;
};

/* All numbers from FROM to the next row's: an action, or N slots whose rules look at arguments. */
struct range {
	uint32_t from;
	uint32_t action;
	uint32_t first, n;
};

struct section {
	struct slot *slots;
	size_t n, cap;
	uint32_t last[2]; /* highest numbers that rules name, 0: none; of x32 apart */
};

static void section_done(struct section *s)
{
	free(s->slots);
}

const char *policy_arch(const char *name)
{
	for (const struct arch *a = arch_table; a->name; a++)
		if (strcasecmp(a->name, name) == 0)
			return a->name;
	return NULL;
}

int policy_add_arch(struct policy *p, const char *name)
{
	/* What libseccomp and the OCI specification know besides; no machine that this is built for runs them. */
	static const char *const others[] = { "loongarch64", "parisc", "parisc64", "m68k", "sh", "sheb" };

	if (streq(name, "aarch64"))
		name = "arm64";
	for (unsigned i = 0; arch_table[i].name; i++)
		if (streq(arch_table[i].name, name))
			p->archs |= 1u << i;
	if (policy_arch(name))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (streq(others[i], name))
			return 0;
	return -ENOENT;
}

const char *policy_native_arch(void)
{
	uint32_t native = arch_native();

	for (const struct arch *a = arch_table; a->name; a++)
		if (a->scmp == native)
			return a->name;
	return "unknown";
}

/* Whether calls of A, which this machine runs, are looked at rather than killed. */
static bool admits(const struct policy *p, const struct arch *a)
{
	if (p->native_only)
		return a->scmp == arch_native();
	return !p->archs || (p->archs & 1u << (a - arch_table));
}

static int add_slot(struct section *s, const struct slot *slot, struct err *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 1024;
		struct slot *p = reallocarray(s->slots, cap, sizeof(*p));

		if (!p)
			return err_oom(e);
		s->slots = p;
		s->cap = cap;
	}
	s->slots[s->n++] = *slot;
	return 0;
}

static int unknown_call(const struct policy *p, const struct policy_rule *rule, struct err *e)
{
	const char *near = call_nearest(rule->name);

	if (rule->line)
		err_kind(e, ERR_INVALID, -EINVAL, "%s:%u: '%s' is not a system call", p->path, rule->line, rule->name);
	else
		err_kind(e, ERR_INVALID, -EINVAL, "%s: '%s' is not a system call", p->path, rule->name);
	if (near)
		return err_hint(e, -EINVAL, "did you mean '%s'?", near);
	return err_hint(e, -EINVAL, "a call newer than this program can be given by its number");
}

/* Rules of one number that look at arguments come first, then the strictest, then as they are written. */
static uint16_t slot_order(bool looks, unsigned rank)
{
	return (uint16_t)(!looks << 4 | rank);
}

/* A stable sort by 8 bits of number, or by order where SHIFT is negative. */
static void sort_by(const struct slot *from, struct slot *to, size_t n, int shift)
{
	size_t at[257] = { 0 };

	for (size_t i = 0; i < n; i++)
		at[1 + (shift < 0 ? from[i].order : from[i].nr >> shift & 0xff)]++;
	for (size_t i = 1; i < ARRAY_SIZE(at); i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < n; i++)
		to[at[shift < 0 ? from[i].order : from[i].nr >> shift & 0xff]++] = from[i];
}

/* By number, then by order; the slots of a section are few and their numbers mostly small. */
static int sort_slots(struct section *s, struct err *e)
{
	struct slot *other = reallocarray(NULL, s->n + 1, sizeof(*other)), *t;
	uint32_t high = 0;

	if (!other)
		return err_oom(e);
	for (size_t i = 0; i < s->n; i++)
		high |= s->slots[i].nr;
	for (int shift = -8; shift < 32; shift += 8) {
		if (shift >= 0 && high >> shift == 0)
			break;
		sort_by(s->slots, other, s->n, shift);
		t = s->slots;
		s->slots = other;
		other = t;
	}
	s->cap = s->n + 1;
	free(other);
	return 0;
}

/* Adds RULE as architecture A has to see it. */
static int add_rule(struct section *s, const struct policy *p, const struct policy_rule *rule, const struct arch *a,
		    struct err *e)
{
	struct slot slot = { .rule = rule };
	unsigned rank = policy_action_rank(rule->action);
	int index = rule->call, r;
	struct call c;

	if (!rule->name && rule->nr > NR_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s:%u: %u is not the number of a system call", p->path,
				rule->line, rule->nr);
	if (!rule->name)
		index = call_find_nr(a, rule->nr, &c);
	else if (index >= 0)
		call_at(a, index, &c);
	else
		return unknown_call(p, rule, e);
	if (c.nr > s->last[a->scmp == SCMP_ARCH_X32])
		s->last[a->scmp == SCMP_ARCH_X32] = (uint32_t)c.nr;
	if (rule->names_only)
		return 0;
	if (c.nr >= 0) {
		slot.nr = (uint32_t)c.nr;
		slot.order = slot_order(rule->n_args, rank);
		if (rule->n_args)
			slot.narrow = a->narrow ? 0xff : index >= 0 ? (uint8_t)call_narrow_args(index) : 0;
		r = add_slot(s, &slot, e);
		if (r < 0)
			return r;
	}
	if (c.via < 0 || rule->direct_only)
		return 0;
	/* The real arguments lie in memory there: what they are to permit is not permitted, what they are to refuse is
	 * refused whatever they are. */
	if (rule->n_args && rank >= policy_action_rank(p->default_action))
		return 0;
	slot.nr = (uint32_t)c.via;
	slot.order = slot_order(true, rank);
	slot.via = true;
	slot.ipc = c.via_mask != UINT32_MAX;
	slot.selector = (uint16_t)c.selector;
	return add_slot(s, &slot, e);
}

/* Whether a rule looks at arguments. */
static bool picky(const struct slot *s)
{
	return s->via || (s->rule && s->rule->n_args);
}

/* The rule without is that of s390 (write_section). */
static uint32_t slot_action(const struct slot *s)
{
	return s->rule ? s->rule->action : SECCOMP_RET_ERRNO | ENOSYS;
}

static size_t add_range(struct range *ranges, size_t n, struct range row)
{
	if (n && ranges[n - 1].from == row.from)
		n--;
	if (n && !row.n && !ranges[n - 1].n && ranges[n - 1].action == row.action)
		return n;
	ranges[n] = row;
	return n + 1;
}

#define CUT_ROOM(s) (2 * (s)->n + 6)

/* What becomes of numbers that no rule names, in one half of a section's numbers. */
struct rest {
	uint32_t from; /* where the half begins */
	uint32_t action;
	uint32_t newer; /* what is newer than the policy is ENOSYS from here on; 0: nothing */
};

/* Ends one half's ranges. */
static size_t cut_newer(const struct rest *rest, struct range *ranges, size_t n)
{
	if (!rest->newer)
		return n;
	return add_range(ranges, n, (struct range){ .from = rest->newer, .action = SECCOMP_RET_ERRNO | ENOSYS });
}

/* Cuts the numbers into ranges of one fate. RANGES has CUT_ROOM(s). */
static size_t cut(const struct section *s, const struct rest low, const struct rest high, struct range *ranges)
{
	size_t n = add_range(ranges, 0, (struct range){ .action = low.action });
	const struct rest *rest = &low;

	for (size_t i = 0, count; i < s->n; i += count) {
		const struct slot *first = &s->slots[i];
		struct range row = { .from = first->nr, .action = slot_action(first), .first = (uint32_t)i };

		for (count = 1; i + count < s->n && first[count].nr == row.from; count++)
			;
		if (rest == &low && high.from && row.from >= high.from) {
			n = cut_newer(rest, ranges, n);
			rest = &high;
			n = add_range(ranges, n, (struct range){ .from = high.from, .action = high.action });
		}
		if (picky(first))
			row.n = (uint32_t)count;
		n = add_range(ranges, n, row);
		n = add_range(ranges, n, (struct range){ .from = row.from + 1, .action = rest->action });
	}
	n = cut_newer(rest, ranges, n);
	if (rest == &low && high.from) {
		n = add_range(ranges, n, (struct range){ .from = high.from, .action = high.action });
		n = cut_newer(&high, ranges, n);
	}
	/* -1 is what a tracer writes to skip a call: an unknown number like any other. */
	if (high.from && high.action != low.action)
		n = add_range(ranges, n, (struct range){ .from = UINT32_MAX, .action = low.action });
	return n;
}

/* Goes on at YES when all that the rule looks at is as it says, else at NO. */
static size_t write_rule(struct bpf *b, const struct slot *s, size_t yes, size_t no)
{
	const struct policy_rule *rule = s->rule;

	if (s->via) {
		/* The upper half of ipc's selector is a version that the kernel looks at itself. */
		struct policy_arg a = { .op = OP_MASKED_EQ,
					.value = s->selector,
					.mask = s->ipc ? 0xffff : UINT32_MAX };

		return bpf_compare(b, &a, true, yes, no);
	}
	for (unsigned i = rule->n_args; i--;)
		yes = bpf_compare(b, &rule->args[i], s->narrow >> rule->args[i].index & 1, yes, no);
	return yes;
}

/* Tries the rules of one number in their order. */
static size_t write_chain(struct bpf *b, const struct slot *slots, size_t n, uint32_t otherwise)
{
	size_t conditional = 0, next;

	while (conditional < n && picky(&slots[conditional]))
		conditional++;
	/* Without arguments comes last, and the strictest of those decides. */
	next = bpf_return(b, conditional < n ? slot_action(&slots[conditional]) : otherwise);
	while (conditional--)
		next = write_rule(b, &slots[conditional], bpf_return(b, slot_action(&slots[conditional])), next);
	return next;
}

static size_t write_tree(struct bpf *b, const struct section *s, const struct range *ranges, size_t n,
			 uint32_t otherwise)
{
	size_t low, high;

	if (n == 1) {
		if (!ranges->n)
			return bpf_return(b, ranges->action);
		return write_chain(b, s->slots + ranges->first, ranges->n, otherwise);
	}
	high = write_tree(b, s, ranges + n / 2, n - n / 2, otherwise);
	low = write_tree(b, s, ranges, n / 2, otherwise);
	return bpf_branch(b, BPF_JGE, ranges[n / 2].from, high, low);
}

/* Whether RULE's section, if it stands in one, is about A. */
static bool concerns(const struct policy_rule *rule, const struct arch *a)
{
	return !rule->arch || streq(rule->arch, a->name) || (a->beside && streq(rule->arch, a->beside));
}

/* From which number on calls are newer than the rules, the highest of which is LAST. */
static uint32_t newer_than(const struct policy *p, uint32_t last)
{
	return p->newer_enosys && last ? last + 1 : 0;
}

/* Everything that comes in under one token of the kernel; NEXT is where other tokens are looked at. */
static int write_section(struct bpf *b, const struct policy *p, const struct arch *first, size_t *next, struct err *e)
{
	_cleanup_(section_done) struct section s = { 0 };
	_cleanup_free_ struct range *ranges = NULL;
	struct rest low = { .action = p->default_action }, high = { 0 };
	size_t n, at;
	int r;

	if (first->token == AUDIT_ARCH_X86_64)
		high = (struct rest){ .from = X32_BIT, .action = SECCOMP_RET_KILL_PROCESS };
	for (const struct arch *a = first; a->name; a++) {
		if (a->token != first->token || a->host != first->host || !admits(p, a))
			continue;
		if (a->scmp == SCMP_ARCH_X32)
			high.action = p->default_action;
		for (size_t i = 0; i < p->n_rules; i++) {
			r = concerns(&p->rules[i], a) ? add_rule(&s, p, &p->rules[i], a, e) : 0;
			if (r < 0)
				return r;
		}
	}
	/* A number that the kernel of s390 does not know arrives there as 0. */
	if (p->newer_enosys && (first->token == AUDIT_ARCH_S390X || first->token == AUDIT_ARCH_S390)) {
		r = add_slot(&s, &(struct slot){ 0 }, e);
		if (r < 0)
			return r;
	}
	low.newer = newer_than(p, s.last[0]);
	high.newer = newer_than(p, s.last[1]);
	/* Not zeroed: few of the rows are used, and the rest of the pages need not be there. */
	ranges = reallocarray(NULL, CUT_ROOM(&s), sizeof(*ranges));
	if (!ranges)
		return err_oom(e);
	r = sort_slots(&s, e);
	if (r < 0)
		return r;
	n = cut(&s, low, high, ranges);
	at = write_tree(b, &s, ranges, n, p->default_action);
	/* The load goes on with what was written last. */
	if (at + 1 != b->n)
		bpf_jump(b, at);
	at = bpf_load(b, offsetof(struct seccomp_data, nr));
	*next = bpf_branch(b, BPF_JEQ, first->token, at, *next);
	return 0;
}

/* In sections for other machines too, so that a policy is good everywhere or nowhere. */
static int check_names(const struct policy *p, struct err *e)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct policy_rule *rule = &p->rules[i];

		if (rule->name && rule->call < 0)
			return unknown_call(p, rule, e);
	}
	return 0;
}

int policy_compile(const struct policy *p, struct seccomp_prog *ret, struct err *e)
{
	_cleanup_bpf_ struct bpf b = { 0 };
	struct seccomp_prog prog = { 0 };
	uint32_t native = arch_native();
	const struct arch *rows[8];
	size_t n = 0, next;
	int r;

	r = check_names(p, e);
	if (r < 0)
		return r;
	for (const struct arch *a = arch_table; a->name && n < ARRAY_SIZE(rows); a++) {
		bool seen = false;

		for (size_t i = 0; i < n; i++)
			seen |= rows[i]->token == a->token;
		if (a->host == native && !seen && admits(p, a))
			rows[n++] = a;
	}
	if (n == 0)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "seccomp: this machine's architecture is not supported");

	next = bpf_return(&b, SECCOMP_RET_KILL_PROCESS);
	while (n--) {
		r = write_section(&b, p, rows[n], &next, e);
		if (r < 0)
			return r;
	}
	bpf_load(&b, offsetof(struct seccomp_data, arch));
	r = bpf_finish(&b, &prog.insns, &prog.len, e);
	if (r < 0)
		return err_wrap(e, r, "%s", p->path);
	prog.has_notify = (p->default_action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;
	for (size_t i = 0; i < p->n_rules; i++)
		prog.has_notify |= (p->rules[i].action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;
	prog.flags = p->load_flags;
	if (prog.has_notify)
		prog.flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	else
		prog.flags &=
			~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; /* which means nothing, and is refused, without */
	*ret = prog;
	return 0;
}
