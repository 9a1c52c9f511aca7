/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "image/build/pool.h"

#define BLOCK 8192

struct pool_block {
	struct pool_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

void pool_done(struct pool *p)
{
	while (p->blocks) {
		struct pool_block *b = p->blocks;

		p->blocks = b->next;
		free(b);
	}
	*p = (struct pool){ 0 };
}

void *pool_alloc(struct pool *p, size_t size)
{
	size_t need = (size + 15) & ~(size_t)15;
	struct pool_block *b = p->blocks;

	if (need < size || need > POOL_LIMIT || p->used + need > POOL_LIMIT) {
		p->failed = true;
		return NULL;
	}
	if (!b || b->size - b->used < need) {
		size_t room = need > BLOCK / 4 ? need : BLOCK;

		b = calloc(1, sizeof(*b) + room);
		if (!b) {
			p->failed = true;
			return NULL;
		}
		b->size = room;
		/* A large one goes behind the block that still has room. */
		if (p->blocks && room == need) {
			b->next = p->blocks->next;
			p->blocks->next = b;
		} else {
			b->next = p->blocks;
			p->blocks = b;
		}
	}
	p->used += need;
	b->used += need;
	return b->data + b->used - need;
}

const char *pool_strn(struct pool *p, const char *s, size_t n)
{
	char *copy = pool_alloc(p, n + 1);

	if (!copy)
		return "";
	memcpy(copy, s, n);
	return copy;
}

const char *pool_str(struct pool *p, const char *s)
{
	return pool_strn(p, s, strlen(s));
}

const char *pool_printf(struct pool *p, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		p->failed = true;
		return "";
	}
	return pool_strn(p, text, (size_t)n);
}

void pool_add(struct pool *p, struct texts *l, const char *s)
{
	/* Room is a power of two; a full list moves. */
	if ((l->n & (l->n - 1)) == 0 && l->n != 1) {
		const char **v = pool_alloc(p, sizeof(*v) * (l->n ? l->n * 2 : 2));

		if (!v)
			return;
		if (l->n)
			memcpy(v, l->v, sizeof(*v) * l->n);
		l->v = v;
	}
	l->v[l->n++] = s;
}

long pool_find(const struct texts *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++)
		if (streq(l->v[i], s))
			return (long)i;
	return -1;
}

int pool_error(const struct pool *p, struct err *e)
{
	return p->failed ? err_oom(e) : 0;
}
