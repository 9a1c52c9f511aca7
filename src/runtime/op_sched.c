/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the kernel schedules the process, and where its memory comes from: said in words, applied as plain numbers. */

#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/names.h"
#include "base/parse.h"
#include "runtime/compile.h"
#include "runtime/run.h"

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5
#endif
#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE 6
#endif
#ifndef MPOL_F_NUMA_BALANCING
#define MPOL_F_NUMA_BALANCING (1 << 13)
#endif

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS_SHIFT 13
#define LIST_BITS	   4096 /* CPUs or nodes that a list can name */
#define LIST_WORD	   (8 * sizeof(unsigned long))

/* The kernel's structure, first version: libc has none. */
struct sched_words {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* A set of CPUs or nodes. */
struct bits {
	unsigned long word[LIST_BITS / LIST_WORD];
	size_t n_bits;
};

static const struct name policies[] = {
	{ "other", 0 }, { "fifo", 1 }, { "rr", 2 },	  { "batch", 3 },
	{ "iso", 4 },	{ "idle", 5 }, { "deadline", 6 }, { NULL },
};
static const struct name sched_flags[] = {
	{ "reset_on_fork", 0x01 }, { "reclaim", 0x02 },	       { "dl_overrun", 0x04 },	   { "keep_policy", 0x08 },
	{ "keep_params", 0x10 },   { "util_clamp_min", 0x20 }, { "util_clamp_max", 0x40 }, { NULL },
};
static const struct name io_classes[] = { { "rt", 1 }, { "be", 2 }, { "idle", 3 }, { NULL } };
static const struct name mem_modes[] = {
	{ "default", MPOL_DEFAULT },
	{ "preferred", MPOL_PREFERRED },
	{ "bind", MPOL_BIND },
	{ "interleave", MPOL_INTERLEAVE },
	{ "local", MPOL_LOCAL },
	{ "preferred_many", MPOL_PREFERRED_MANY },
	{ "weighted_interleave", MPOL_WEIGHTED_INTERLEAVE },
	{ NULL },
};
static const struct name mem_flags[] = {
	{ "static", MPOL_F_STATIC_NODES },
	{ "relative", MPOL_F_RELATIVE_NODES },
	{ "numa_balancing", MPOL_F_NUMA_BALANCING },
	{ NULL },
};

static void describe_a(const struct op *op, struct buf *out)
{
	buf_puts(out, op->args.a ?: "");
}

/* What the operations need is reached by their number b: a pointer into the arena. */
static const void *words_of(const struct op *op)
{
	return op->args.b;
}

static int sched_apply(const struct op *op, struct run *run, struct err *e)
{
	return syscall(SYS_sched_setattr, 0, words_of(op), 0) < 0 ? err_set(e, -errno, "scheduler: %s", op->args.a) : 0;
}

static const struct op_kind op_sched = { "sched", describe_a, sched_apply };

/* n: class and level */
static int ioprio_apply(const struct op *op, struct run *run, struct err *e)
{
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (int)op->args.n) < 0)
		return err_set(e, -errno, "I/O priority: %s", op->args.a);
	return 0;
}

static const struct op_kind op_ioprio = { "ioprio", describe_a, ioprio_apply };

static int affinity_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct bits *b = words_of(op);

	if (syscall(SYS_sched_setaffinity, 0, sizeof(b->word), b->word) < 0)
		return err_set(e, -errno, "CPU affinity %s", op->args.a);
	return 0;
}

static const struct op_kind op_affinity = { "affinity", describe_a, affinity_apply };

/* All that its control group grants, however few CPUs our caller keeps to. */
static int affinity_reset(const struct op *op, struct run *run, struct err *e)
{
	struct bits b;

	memset(b.word, 0xff, sizeof(b.word));
	/* Where the group has none at all there is nothing to be had. */
	(void)syscall(SYS_sched_setaffinity, 0, sizeof(b.word), b.word);
	return 0;
}

static const struct op_kind op_affinity_reset = { "affinity.reset", describe_a, affinity_reset };

/* n: mode and flags */
static int mempolicy_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct bits *b = words_of(op);

	if (syscall(SYS_set_mempolicy, (int)op->args.n, b ? b->word : NULL, b ? b->n_bits + 1 : 0) < 0)
		return err_set(e, -errno, "memory policy %s", op->args.a);
	return 0;
}

static const struct op_kind op_mempolicy = { "mempolicy", describe_a, mempolicy_apply };

/* --- compiling ------------------------------------------------------------------------------------------------------------ */

/* "0-3,7" */
static int parse_list(struct compiler *c, const char *text, const char *what, struct bits **ret)
{
	_cleanup_strv_ struct strv parts = STRV_INIT;
	struct bits *b = plan_alloc(c->plan, sizeof(*b), c->e);
	int r = b ? strv_split(&parts, text, ",", c->e) : -ENOMEM;

	for (size_t i = 0; i < parts.n && r == 0; i++) {
		char *dash = strchr(parts.v[i], '-');
		uint32_t from, to;

		if (dash)
			*dash++ = '\0';
		if (parse_u32(parts.v[i], &from) < 0 || parse_u32(dash ?: parts.v[i], &to) < 0 || from > to ||
		    to >= LIST_BITS)
			return err_kind(c->e, ERR_INVALID, -EINVAL,
					"%s '%s': expected numbers below %d and ranges, as in 0-3,7", what, text,
					LIST_BITS);
		for (uint32_t n = from; n <= to; n++)
			b->word[n / LIST_WORD] |= 1UL << n % LIST_WORD;
		if (to + 1 > b->n_bits)
			b->n_bits = to + 1;
	}
	if (r == 0)
		*ret = b;
	return r;
}

static int find(struct compiler *c, const struct name *table, const char *word, const char *what, int64_t *ret)
{
	const struct name *n = name_find(table, word);

	if (!n)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "%s: unknown word '%s'", what, word);
	*ret |= (int64_t)n->value;
	return 0;
}

static int compile_scheduler(struct compiler *c)
{
	const struct spec_sched *s = &c->spec->process.sched;
	struct sched_words *w = plan_alloc(c->plan, sizeof(*w), c->e);
	int64_t policy = 0, flags = 0;
	int r;

	if (!w)
		return -ENOMEM;
	r = find(c, policies, s->policy, "scheduler", &policy);
	for (size_t i = 0; i < s->flags.n && r == 0; i++)
		r = find(c, sched_flags, s->flags.v[i], "scheduler flags", &flags);
	*w = (struct sched_words){
		.size = sizeof(*w),
		.policy = (uint32_t)policy,
		.flags = (uint64_t)flags,
		.nice = s->nice,
		.priority = (uint32_t)s->priority,
		.runtime = s->runtime == UNSET64 ? 0 : s->runtime,
		.deadline = s->deadline == UNSET64 ? 0 : s->deadline,
		.period = s->period == UNSET64 ? 0 : s->period,
	};
	return r == 0 ? compile_add(c, OP_CHILD, &op_sched, s->policy, (const char *)w, 0, 0) : r;
}

static int compile_mempolicy(struct compiler *c)
{
	const struct spec_process *p = &c->spec->process;
	struct bits *b = NULL;
	int64_t mode = 0;
	int r = find(c, mem_modes, p->mem_mode, "memory policy", &mode);

	for (size_t i = 0; i < p->mem_flags.n && r == 0; i++)
		r = find(c, mem_flags, p->mem_flags.v[i], "memory policy flags", &mode);
	if (r == 0 && !isempty(p->mem_nodes))
		r = parse_list(c, p->mem_nodes, "memory nodes", &b);
	return r == 0 ? compile_add(c, OP_CHILD, &op_mempolicy, p->mem_mode, (const char *)b, mode, 0) : r;
}

int compile_affinity(struct compiler *c, const char *cpus)
{
	struct bits *b;
	int r;

	if (isempty(cpus))
		return 0;
	r = parse_list(c, cpus, "CPU affinity", &b);
	return r == 0 ? compile_add(c, OP_CHILD, &op_affinity, cpus, (const char *)b, 0, 0) : r;
}

int compile_affinity_reset(struct compiler *c)
{
	return compile_add(c, OP_CHILD, &op_affinity_reset, NULL, NULL, 0, 0);
}

int compile_sched(struct compiler *c)
{
	const struct spec_process *p = &c->spec->process;
	int64_t class = 0;
	int r = p->sched.policy ? compile_scheduler(c) : 0;

	if (r == 0 && p->ioprio_class) {
		r = find(c, io_classes, p->ioprio_class, "I/O priority", &class);
		if (r == 0)
			r = compile_add(c, OP_CHILD, &op_ioprio, p->ioprio_class, NULL,
					class << IOPRIO_CLASS_SHIFT | (p->ioprio == UNSET32 ? 0 : p->ioprio), 0);
	}
	if (r == 0 && p->mem_mode)
		r = compile_mempolicy(c);
	return r;
}
