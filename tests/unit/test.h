/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The unit tests' frame: TEST(name) registers itself, CHECK() counts, TEST_MAIN() runs all and prints TAP.
 * A check that fails says where and ends its test. SKIP(reason) ends a test as skipped; skips are counted.
 */

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
	const char *name;
	void (*fn)(void);
	struct test *next;
};

extern struct test *test_list;
extern jmp_buf test_out;

#define TEST(id)                                                         \
	static void test_##id(void);                                     \
	__attribute__((__constructor__)) static void register_##id(void) \
	{                                                                \
		static struct test t = { .name = #id, .fn = test_##id }; \
		struct test **p = &test_list;                            \
                                                                         \
		while (*p)                                               \
			p = &(*p)->next;                                 \
		*p = &t;                                                 \
	}                                                                \
	static void test_##id(void)

#define CHECK(cond)                                                                       \
	do {                                                                              \
		if (!(cond)) {                                                            \
			printf("# %s:%d: check failed: %s\n", __FILE__, __LINE__, #cond); \
			longjmp(test_out, 1);                                             \
		}                                                                         \
	} while (0)

#define CHECK_STR(a, b)                                                                                            \
	do {                                                                                                       \
		const char *_a = (a), *_b = (b);                                                                   \
		if (!_a || !_b || strcmp(_a, _b) != 0) {                                                           \
			printf("# %s:%d: '%s' is not '%s'\n", __FILE__, __LINE__, _a ?: "(null)", _b ?: "(null)"); \
			longjmp(test_out, 1);                                                                      \
		}                                                                                                  \
	} while (0)

#define SKIP(reason)                                 \
	do {                                         \
		printf("# skipped: %s\n", (reason)); \
		longjmp(test_out, 2);                \
	} while (0)
