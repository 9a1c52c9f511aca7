/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes calls.inc at build time: libseccomp's numbers of all system calls on all architectures, so that a container's
 * start neither loads the library nor searches it. Names come sorted, with a hash table over them; numbers a column an
 * architecture, since a machine looks at two or three of those.
 */

#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "security/calls.h"

#define NAMES_MAX 2048

static const uint32_t archs[] = {
#define ARCH(name, ...) name,
	ARCHS(ARCH)
#undef ARCH
};
#define N_ARCHS (sizeof(archs) / sizeof(archs[0]))

static char *names[NAMES_MAX];
static size_t n;

static int cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* What the library calls NR there, if it does. */
static void add(uint32_t arch, int nr)
{
	char *name = seccomp_syscall_resolve_num_arch(arch, nr);

	if (!name)
		return;
	if (n == NAMES_MAX)
		exit(1);
	names[n++] = name;
	qsort(names, n, sizeof(*names), cmp);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(names[i - 1], names[i]) != 0)
			continue;
		free(names[i]);
		memmove(names + i, names + i + 1, (--n - i) * sizeof(*names));
		return;
	}
}

static void collect(uint32_t arch)
{
	/* the usual ones, those of mips' three conventions, arm's private ones; x32 sets a bit */
	static const int ranges[][2] = {
		{ 0, 1000 }, { 4000, 4600 }, { 5000, 5600 }, { 6000, 6600 }, { 0xf0000, 0xf0010 }
	};

	for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++)
		for (int nr = ranges[r][0]; nr < ranges[r][1]; nr++)
			add(arch, arch == SCMP_ARCH_X32 ? nr | 0x40000000 : nr);
}

static void print_names(void)
{
	size_t at = 0;

	printf("static const char call_names[] =\n");
	for (size_t i = 0; i < n; i++)
		printf("\t\"%s\\0\"\n", names[i]);
	printf(";\nstatic const uint16_t call_at_name[CALLS] = {\n");
	for (size_t i = 0; i < n; i++) {
		printf("%zu,%s", at, i % 16 == 15 ? "\n" : " ");
		at += strlen(names[i]) + 1;
	}
	printf("};\n");
	if (at > UINT16_MAX)
		exit(1);
}

/* Open addressing; 0: empty, else an index plus one. */
static void print_hash(void)
{
	static uint16_t slots[CALL_SLOTS];

	if (2 * n > CALL_SLOTS)
		exit(1);
	for (size_t i = 0; i < n; i++) {
		unsigned h = call_hash(names[i]);

		while (slots[h])
			h = (h + 1) % CALL_SLOTS;
		slots[h] = (uint16_t)(i + 1);
	}
	printf("static const uint16_t call_slots[CALL_SLOTS] = {\n");
	for (unsigned h = 0; h < CALL_SLOTS; h++)
		printf("%u,%s", slots[h], h % 16 == 15 ? "\n" : " ");
	printf("};\n");
}

int main(void)
{
	const struct scmp_version *v = seccomp_version();

	for (size_t a = 0; a < N_ARCHS; a++)
		collect(archs[a]);
	printf("/* of libseccomp %u.%u.%u, by gen-calls.c */\n", v->major, v->minor, v->micro);
	printf("#define CALLS_VERSION \"%u.%u.%u\"\n#define CALLS %zu\n", v->major, v->minor, v->micro, n);
	print_names();
	print_hash();
	printf("static const int32_t call_numbers[%zu][CALLS] = {\n", N_ARCHS);
	for (size_t a = 0; a < N_ARCHS; a++) {
		printf("{\n");
		for (size_t i = 0; i < n; i++)
			printf("%d,%s", seccomp_syscall_resolve_name_arch(archs[a], names[i]),
			       i % 16 == 15 ? "\n" : " ");
		printf("},\n");
	}
	printf("};\n");
	return 0;
}
