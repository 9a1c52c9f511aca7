/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Idioms every file uses: ownership by attribute, hand-over by TAKE_*, array sizes, alignment of string tests.
 *
 * A local that owns something carries _cleanup_(fn); the pointer is handed over with TAKE_PTR (or TAKE_FD), which
 * leaves the local empty so that the clean-up does nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(fn)	    __attribute__((__cleanup__(fn)))
#define _printf_(fmt, args) __attribute__((__format__(__printf__, fmt, args)))
#define _unused_	    __attribute__((__unused__))
#define _noreturn_	    __attribute__((__noreturn__))
#define _packed_	    __attribute__((__packed__))
#define _must_check_	    __attribute__((__warn_unused_result__))

#define ARRAY_SIZE(a)	    (sizeof(a) / sizeof((a)[0]))

#define TAKE_PTR(p)                      \
	({                               \
		typeof(p) _taken_ = (p); \
		(p) = NULL;              \
		_taken_;                 \
	})

#define TAKE_FD(fd)                 \
	({                          \
		int _taken_ = (fd); \
		(fd) = -EBADF;      \
		_taken_;            \
	})

/* Defines freep-like function NAME##p for _cleanup_(NAME##p). */
#define DEFINE_CLEANUP(type, fn)          \
	static inline void fn##p(type *p) \
	{                                 \
		if (*p)                   \
			*p = fn(*p);      \
	}                                 \
	static inline void fn##p(type *p)

static inline void freep(void *p)
{
	free(*(void **)p);
}

#define _cleanup_free_ _cleanup_(freep)

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Both may be NULL; two NULLs are equal. */
static inline bool streq_ptr(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Returns what follows PREFIX in S, or NULL when S does not begin with it. */
static inline const char *startswith(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

static inline bool isempty(const char *s)
{
	return !s || !*s;
}
