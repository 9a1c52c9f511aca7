/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/err.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static enum err_kind kind_of_errno(int neg_errno)
{
	switch (-neg_errno) {
	case EPERM:
	case EACCES:
		return ERR_DENIED;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	default:
		return ERR_SYSTEM;
	}
}

static void _printf_(2, 0) set_msg(struct err *e, const char *fmt, va_list ap)
{
	size_t n;

	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	/* One error is one line, whatever an object's name holds. */
	for (n = 0; e->msg[n]; n++)
		if (e->msg[n] == '\n' || e->msg[n] == '\r' || e->msg[n] == '\033')
			e->msg[n] = '?';
	e->hint[0] = '\0';
}

int err_set(struct err *e, int neg_errno, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	assert(neg_errno < 0);
	if (!e)
		return neg_errno;
	va_start(ap, fmt);
	set_msg(e, fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerrordesc_np(-neg_errno) ?: "unknown error");
	e->code = neg_errno;
	e->kind = kind_of_errno(neg_errno);
	return neg_errno;
}

int err_kind(struct err *e, enum err_kind kind, int neg_errno, const char *fmt, ...)
{
	va_list ap;

	assert(neg_errno < 0);
	if (!e)
		return neg_errno;
	va_start(ap, fmt);
	set_msg(e, fmt, ap);
	va_end(ap);
	e->code = neg_errno;
	e->kind = kind;
	return neg_errno;
}

int err_wrap(struct err *e, int r, const char *fmt, ...)
{
	char tail[ERR_MSG_MAX];
	va_list ap;
	size_t n;

	assert(r < 0);
	if (!e)
		return r;
	memcpy(tail, e->msg, sizeof(tail));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	if (!e->code) {
		/* The callee did not say why: the code is all there is. */
		e->code = r;
		e->kind = kind_of_errno(r);
		snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerrordesc_np(-r) ?: "unknown error");
		return r;
	}
	snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", tail);
	return r;
}

int err_hint(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return r;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return r;
}

int err_oom(struct err *e)
{
	return err_kind(e, ERR_SYSTEM, -ENOMEM, "out of memory");
}

void err_clear(struct err *e)
{
	if (!e)
		return;
	e->code = 0;
	e->kind = ERR_SYSTEM;
	e->msg[0] = '\0';
	e->hint[0] = '\0';
}
