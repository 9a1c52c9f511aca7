/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/plan.h"

#include <stdarg.h>
#include <stdio.h>

#define CHUNK_SIZE 8192

struct plan_chunk {
	struct plan_chunk *next;
	size_t used, size;
	_Alignas(16) char data[];
};

void *plan_alloc(struct plan *p, size_t size, struct err *e)
{
	struct plan_chunk *c = p->chunks;
	void *mem;

	size = (size + 15) & ~(size_t)15;
	if (!c || c->size - c->used < size) {
		size_t want = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		c = malloc(sizeof(*c) + want);
		if (!c) {
			err_oom(e);
			return NULL;
		}
		c->next = p->chunks;
		c->used = 0;
		c->size = want;
		p->chunks = c;
	}
	mem = c->data + c->used;
	c->used += size;
	memset(mem, 0, size);
	return mem;
}

char *plan_strdup(struct plan *p, const char *s, struct err *e)
{
	size_t n = strlen(s) + 1;
	char *copy = plan_alloc(p, n, e);

	return copy ? memcpy(copy, s, n) : NULL;
}

char *plan_printf(struct plan *p, struct err *e, const char *fmt, ...)
{
	va_list ap, again;
	char *s;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	s = plan_alloc(p, (size_t)n + 1, e);
	if (s)
		vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

struct op *plan_add(struct plan *p, enum op_stage stage, const struct op_kind *kind, struct err *e)
{
	struct op *op;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct op *ops = realloc(p->ops, cap * sizeof(*ops));

		if (!ops) {
			err_oom(e);
			return NULL;
		}
		p->ops = ops;
		p->cap = cap;
	}
	op = &p->ops[p->n++];
	*op = (struct op){ .kind = kind, .stage = stage };
	return op;
}

void plan_done(struct plan *p)
{
	while (p->chunks) {
		struct plan_chunk *next = p->chunks->next;

		free(p->chunks);
		p->chunks = next;
	}
	free(p->ops);
	seccomp_prog_done(&p->seccomp);
	*p = (struct plan){ 0 };
}

void plan_print(const struct plan *p, struct buf *out)
{
	static const char *const stages[] = {
		[OP_HOST] = "host",	  [OP_PARENT] = "parent", [OP_CHILD] = "child",
		[OP_MOUNTED] = "mounted", [OP_READY] = "ready",
	};
	static const enum op_stage order[] = { OP_HOST, OP_PARENT, OP_CHILD, OP_MOUNTED, OP_READY };

	for (size_t s = 0; s < ARRAY_SIZE(order); s++)
		for (size_t i = 0; i < p->n; i++) {
			const struct op *op = &p->ops[i];

			if (op->stage != order[s])
				continue;
			buf_printf(out, "%-7s %-16s ", stages[op->stage], op->kind->name);
			op->kind->describe(op, out);
			if (op->undo_kind)
				buf_printf(out, "  [undo: %s %s]", op->undo_kind, op->undo_arg);
			buf_putc(out, '\n');
		}
}
