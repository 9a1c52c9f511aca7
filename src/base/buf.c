/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->error = 0;
	if (b->data)
		b->data[0] = '\0';
}

/* Makes room for N more bytes and the NUL. Returns false with the sticky error set. */
static bool buf_grow(struct buf *b, size_t n)
{
	size_t limit = b->limit ?: BUF_LIMIT_DEFAULT, cap;
	char *p;

	if (b->error)
		return false;
	if (n >= limit || b->len + n >= limit) {
		b->error = -E2BIG;
		return false;
	}
	if (b->len + n + 1 <= b->cap)
		return true;
	cap = b->cap ?: 128;
	while (cap < b->len + n + 1)
		cap *= 2;
	p = realloc(b->data, cap);
	if (!p) {
		b->error = -ENOMEM;
		return false;
	}
	b->data = p;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (!len || !buf_grow(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	if (!buf_grow(b, 1))
		return;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	size_t room;
	int n;

	/* Mostly it fits into what there is, and is formatted once. */
	if (!buf_grow(b, 0))
		return;
	room = b->cap - b->len;
	va_copy(again, ap);
	n = vsnprintf(b->data + b->len, room, fmt, again);
	va_end(again);
	if (n >= 0 && (size_t)n >= room) {
		b->data[b->len] = '\0';
		if (!buf_grow(b, (size_t)n))
			return;
		n = vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	}
	if (n < 0) {
		b->data[b->len] = '\0';
		b->error = b->error ?: -EINVAL;
		return;
	}
	b->len += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

int buf_error(const struct buf *b, struct err *e)
{
	if (!b->error)
		return 0;
	if (b->error == -E2BIG)
		return err_kind(e, ERR_LIMIT, -E2BIG, "text exceeds %zu bytes", b->limit ?: (size_t)BUF_LIMIT_DEFAULT);
	return err_oom(e);
}

const char *buf_str(const struct buf *b)
{
	return b->data ?: "";
}

char *buf_take(struct buf *b)
{
	char *p;

	if (b->error) {
		buf_done(b);
		return NULL;
	}
	p = b->data ?: strdup("");
	*b = (struct buf){ .limit = b->limit };
	return p;
}
