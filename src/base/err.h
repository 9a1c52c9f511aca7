/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one error style.
 *
 * Every function that can fail returns a negative errno and takes `struct err *e` as its last parameter (NULL when
 * the caller only wants the code). The leaf that knows the object and the system call fills it with err_set(); each
 * caller that can add context does so with err_wrap(), and may name the likely cure with err_hint(). A failing
 * function never returns 0: err_set() and err_wrap() assert it.
 *
 * The object is plain data of fixed size without pointers, so it travels unchanged over a socket from a container's
 * first process to the command the user typed.
 */

#include <errno.h>

#include "base/macros.h"

#define ERR_MSG_MAX  768
#define ERR_HINT_MAX 256

enum err_kind {
	ERR_SYSTEM = 0,	   /* the kernel refused; code says how */
	ERR_INVALID = 1,   /* the user's input is wrong */
	ERR_NOT_FOUND = 2, /* the named object does not exist */
	ERR_EXISTS = 3,	   /* the named object exists already */
	ERR_STATE = 4,	   /* the object is not in a state that allows this */
	ERR_MISSING = 5,   /* a helper program, kernel feature or library is not there */
	ERR_DENIED = 6,	   /* not permitted */
	ERR_LIMIT = 7,	   /* a size, depth or count limit was exceeded */
};

struct err {
	int code; /* negative errno, 0 when nothing failed */
	enum err_kind kind;
	char msg[ERR_MSG_MAX]; /* one line, no full stop: "mount proc on /proc: Operation not permitted" */
	char hint[ERR_HINT_MAX];
};

/* Fills E with the message and, where NEG_ERRNO is the kernel's answer, its text. Returns NEG_ERRNO. */
int err_set(struct err *e, int neg_errno, const char *fmt, ...) _printf_(3, 4);

/* The same, for a cause of KIND that no system call reported: the errno's text is not appended. */
int err_kind(struct err *e, enum err_kind kind, int neg_errno, const char *fmt, ...) _printf_(4, 5);

/* Puts "context: " before E's message. Returns R, which must be negative. */
int err_wrap(struct err *e, int r, const char *fmt, ...) _printf_(3, 4);

/* Sets the likely cure ("load the module with: modprobe overlay"). Returns R. */
int err_hint(struct err *e, int r, const char *fmt, ...) _printf_(3, 4);

/* Out of memory. Returns -ENOMEM. */
int err_oom(struct err *e);

/* Forgets an error that has been handled. */
void err_clear(struct err *e);
