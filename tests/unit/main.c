/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit/test.h"

struct test *test_list;
jmp_buf test_out;

/* Runs every registered test, or the one named; TAP on standard output, 1 when any failed. */
int main(int argc, char **argv)
{
	volatile unsigned n = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (struct test *volatile t = test_list; t; t = t->next) {
		int r;

		if (argc > 1 && strcmp(argv[1], t->name) != 0)
			continue;
		n++;
		r = setjmp(test_out);
		if (r == 0)
			t->fn();
		failed += r == 1;
		printf("%s %u - %s%s\n", r == 1 ? "not ok" : "ok", n, t->name, r == 2 ? " # SKIP" : "");
	}
	printf("1..%u\n", n);
	return failed ? 1 : 0;
}
