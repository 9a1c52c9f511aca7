/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes one system call as no C library would and prints its errno (0: it worked): probe NUMBER [ARG…]; probe 32 NUMBER
 * [ARG…] by the entry of 32-bit programs; probe socketcall FAMILY TYPE PROTOCOL, by that entry; probe sti, into the
 * terminal that is its standard input, or with "high" with rubbish in the half of the request that the kernel ignores.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __x86_64__
static long call32(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return (int)r;
}
#else
static long call32(long nr, long a, long b, long c)
{
	(void)nr, (void)a, (void)b, (void)c;
	return -ENOSYS;
}
#endif

static long words(char **v, long *to)
{
	long n = 0;

	for (; v[n] && n < 6; n++)
		to[n] = (long)strtoull(v[n], NULL, 0);
	return n;
}

int main(int argc, char **argv)
{
	long a[6] = { 0 }, nr, r;

	if (argc < 2)
		return 2;
	if (strcmp(argv[1], "sti") == 0) {
		uint64_t request = TIOCSTI | (argc > 2 ? UINT64_C(1) << 32 : 0);

		r = syscall(SYS_ioctl, 0, request, "x") < 0 ? -errno : 0;
	} else if (strcmp(argv[1], "socketcall") == 0) {
		/* Its arguments lie where 32 bits reach. */
		uint32_t *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

		if (low == MAP_FAILED)
			return 3;
		words(argv + 2, a);
		for (int i = 0; i < 3; i++)
			low[i] = (uint32_t)a[i];
		r = call32(102, 1, (long)low, 0);
	} else if (strcmp(argv[1], "32") == 0 && argc > 2) {
		nr = atol(argv[2]);
		words(argv + 3, a);
		r = call32(nr, a[0], a[1], a[2]);
	} else {
		nr = (long)strtoull(argv[1], NULL, 0);
		words(argv + 2, a);
		r = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]) < 0 ? -errno : 0;
	}
	printf("%ld\n", r < 0 ? -r : 0);
	return 0;
}
