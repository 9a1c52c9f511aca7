/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A growing byte buffer with a hard limit and a sticky error.
 *
 * Every append is checked once, at the end: buf_error() is 0 or the first failure (-ENOMEM, -E2BIG). The data is
 * always NUL-terminated, the NUL not counted in len. Not for the child side of a start, which allocates nothing.
 */

#include <stdarg.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
	char *data; /* NULL while empty */
	size_t len, cap;
	size_t limit; /* 0: BUF_LIMIT_DEFAULT */
	int error;
};

#define BUF_LIMIT_DEFAULT (64u << 20)
#define BUF_INIT	  ((struct buf){ 0 })

void buf_done(struct buf *b);
#define _cleanup_buf_ _cleanup_(buf_done)

void buf_reset(struct buf *b); /* empties, keeps the memory */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) _printf_(2, 0);
int buf_error(const struct buf *b, struct err *e);

/* The text so far, "" when empty; owned by the buffer. */
const char *buf_str(const struct buf *b);

/* Hands the text over to the caller (free()), or NULL after an error. The buffer is empty afterwards. */
char *buf_take(struct buf *b);
