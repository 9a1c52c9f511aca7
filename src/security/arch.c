/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/arch.h"

#include <errno.h>
#include <seccomp.h>

#include "base/names.h"
#include "security/calls.h"

#include "security/calls.inc"

/* gcc's and clang's word for the machine that this is compiled for. */
#if defined(__x86_64__) && defined(__ILP32__)
#define NATIVE SCMP_ARCH_X32
#elif defined(__x86_64__)
#define NATIVE SCMP_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE SCMP_ARCH_X86
#elif defined(__aarch64__)
#define NATIVE SCMP_ARCH_AARCH64
#elif defined(__arm__)
#define NATIVE SCMP_ARCH_ARM
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define NATIVE SCMP_ARCH_PPC64LE
#elif defined(__powerpc64__)
#define NATIVE SCMP_ARCH_PPC64
#elif defined(__s390x__)
#define NATIVE SCMP_ARCH_S390X
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE SCMP_ARCH_RISCV64
#elif defined(__mips64) && defined(__MIPSEL__)
#define NATIVE SCMP_ARCH_MIPSEL64
#elif defined(__mips64)
#define NATIVE SCMP_ARCH_MIPS64
#else
#define NATIVE 0 /* no policy is compiled here */
#endif

const char *const call_table_version = CALLS_VERSION;

const struct arch arch_table[] = {
#define ARCH(scmp, name, token, host, narrow, beside) { name, scmp, token, host, narrow, beside },
	ARCHS(ARCH)
#undef ARCH
		{ NULL },
};

/* Newer than the oldest libseccomp in use; from 424 on a call has one number everywhere, mips' offsets aside. */
#define UNIFIED_FIRST 424
static const struct name newer[] = {
	{ "set_mempolicy_home_node", 450 },
	{ "cachestat", 451 },
	{ "fchmodat2", 452 },
	{ "map_shadow_stack", 453 },
	{ "futex_wake", 454 },
	{ "futex_wait", 455 },
	{ "futex_requeue", 456 },
	{ "statmount", 457 },
	{ "listmount", 458 },
	{ "lsm_get_self_attr", 459 },
	{ "lsm_set_self_attr", 460 },
	{ "lsm_list_modules", 461 },
	{ "mseal", 462 },
	{ "setxattrat", 463 },
	{ "getxattrat", 464 },
	{ "listxattrat", 465 },
	{ "removexattrat", 466 },
	{ "open_tree_attr", 467 },
	{ "file_getattr", 468 },
	{ "file_setattr", 469 },
	{ "listns", 470 },
	{ NULL },
};

/* Arguments that the kernel truncates to 32 bits before it looks at them. */
static const struct name narrow_args[] = {
	{ "arch_prctl", 1 << 0 },
	{ "bpf", 1 << 0 | 1 << 2 },
	{ "delete_module", 1 << 1 },
	{ "fcntl", 1 << 0 | 1 << 1 },
	{ "finit_module", 1 << 0 | 1 << 2 },
	{ "getsockopt", 1 << 0 | 1 << 1 | 1 << 2 },
	{ "ioctl", 1 << 0 | 1 << 1 },
	{ "keyctl", 1 << 0 },
	{ "mknod", 1 << 1 | 1 << 2 },
	{ "mknodat", 1 << 0 | 1 << 2 | 1 << 3 },
	{ "open", 1 << 1 | 1 << 2 },
	{ "openat", 1 << 0 | 1 << 2 | 1 << 3 },
	{ "personality", 1 << 0 },
	{ "prctl", 1 << 0 },
	{ "quotactl", 1 << 0 | 1 << 2 },
	{ "reboot", 1 << 0 | 1 << 1 | 1 << 2 },
	{ "seccomp", 1 << 0 | 1 << 1 },
	{ "setns", 1 << 0 | 1 << 1 },
	{ "setsockopt", 1 << 0 | 1 << 1 | 1 << 2 },
	{ "socket", 1 << 0 | 1 << 1 | 1 << 2 },
	{ "socketpair", 1 << 0 | 1 << 1 | 1 << 2 },
	{ "syslog", 1 << 0 | 1 << 2 },
	{ "umount2", 1 << 1 },
	{ NULL },
};

/* libseccomp numbers multiplexed calls below zero: -100 minus socketcall's selector, -200 minus ipc's. These are the
 * numbers that such calls have of their own besides: on x86 and s390, on powerpc. */
static const struct direct {
	int16_t scmp, x86, s390, ppc;
} direct_numbers[] = {
	{ -101, 359, 359, 326 }, { -102, 361, 361, 327 }, { -103, 362, 362, 328 }, { -104, 363, 363, 329 },
	{ -105, -1, -1, 330 },	 { -106, 367, 367, 331 }, { -107, 368, 368, 332 }, { -108, 360, 360, 333 },
	{ -109, -1, -1, 334 },	 { -110, -1, -1, 336 },	  { -111, 369, 369, 335 }, { -112, 371, 371, 337 },
	{ -113, 373, 373, 338 }, { -114, 366, 366, 339 }, { -115, 365, 365, 340 }, { -116, 370, 370, 341 },
	{ -117, 372, 372, 342 }, { -118, 364, 364, 344 }, { -119, 337, 357, 343 }, { -120, 345, 358, 349 },
	{ -202, 393, 393, 393 }, { -203, 394, 394, 394 }, { -204, -1, 392, 392 },  { -211, 400, 400, 400 },
	{ -212, 401, 401, 401 }, { -213, 399, 399, 399 }, { -214, 402, 402, 402 }, { -221, 397, 397, 397 },
	{ -222, 398, 398, 398 }, { -223, 395, 395, 395 }, { -224, 396, 396, 396 },
};

uint32_t arch_native(void)
{
	return NATIVE;
}

static bool is_mips(uint32_t scmp)
{
	return (scmp & 0xffff) == EM_MIPS;
}

static int64_t unified(const struct arch *a, uint32_t nr)
{
	if (a->scmp == SCMP_ARCH_X32)
		return nr | 0x40000000;
	if (!is_mips(a->scmp))
		return nr;
	return nr + (a->scmp & 0x20000000 ? 6000 : a->scmp & __AUDIT_ARCH_64BIT ? 5000 : 4000);
}

static int64_t direct_number(const struct arch *a, int scmp)
{
	for (size_t i = 0; i < ARRAY_SIZE(direct_numbers); i++) {
		const struct direct *d = &direct_numbers[i];

		if (d->scmp != scmp)
			continue;
		if (a->scmp == SCMP_ARCH_X86)
			return d->x86;
		if (a->scmp == SCMP_ARCH_S390 || a->scmp == SCMP_ARCH_S390X)
			return d->s390;
		return d->ppc;
	}
	return -1;
}

int call_index(const char *name)
{
	for (unsigned h = call_hash(name); call_slots[h]; h = (h + 1) % CALL_SLOTS)
		if (streq(call_names + call_at_name[call_slots[h] - 1], name))
			return call_slots[h] - 1;
	for (int i = 0; newer[i].name; i++)
		if (streq(newer[i].name, name))
			return CALLS + i;
	return -ENOENT;
}

const char *call_name(int index)
{
	return index < CALLS ? call_names + call_at_name[index] : newer[index - CALLS].name;
}

unsigned call_narrow_args(int index)
{
	const struct name *n = name_find(narrow_args, call_name(index));

	return n ? (unsigned)n->value : 0;
}

void call_at(const struct arch *a, int index, struct call *ret)
{
	const int32_t *numbers = call_numbers[a - arch_table];
	struct call c = { .nr = -1, .via = -1 };
	int nr;

	if (index >= CALLS) {
		c.nr = unified(a, (uint32_t)newer[index - CALLS].value);
		*ret = c;
		return;
	}
	nr = numbers[index];
	if (nr >= 0) {
		c.nr = nr;
	} else if (nr <= -100 && nr > -300) {
		bool ipc = nr < -200;
		int via = numbers[call_index(ipc ? "ipc" : "socketcall")];

		/* The upper half of ipc's selector is a version that the kernel looks at itself. */
		if (via >= 0) {
			c.via = via;
			c.selector = (uint32_t)(ipc ? -200 - nr : -100 - nr);
			c.via_mask = ipc ? 0xffff : UINT32_MAX;
			c.nr = direct_number(a, nr);
		}
	}
	*ret = c;
}

int call_find(const struct arch *a, const char *name, struct call *ret)
{
	int index = call_index(name);

	if (index < 0)
		return index;
	call_at(a, index, ret);
	return 0;
}

int call_find_nr(const struct arch *a, uint32_t nr, struct call *ret)
{
	const int32_t *native = NULL;
	int index = -1;

	for (const struct arch *n = arch_table; n->name && !native; n++)
		if (n->scmp == NATIVE)
			native = call_numbers[n - arch_table];
	for (int i = 0; native && i < CALLS && index < 0; i++)
		if (native[i] >= 0 && (uint32_t)native[i] == nr)
			index = i;
	*ret = (struct call){ .nr = -1, .via = -1 };
	if (index >= 0)
		call_at(a, index, ret);
	else if (nr >= UNIFIED_FIRST)
		ret->nr = unified(a, nr);
	if (a->scmp == NATIVE)
		ret->nr = nr;
	return index;
}

const char *call_nearest(const char *s)
{
	const char *names[CALLS + ARRAY_SIZE(newer)];
	size_t n = 0;

	for (const struct name *row = newer; row->name; row++)
		names[n++] = row->name;
	for (int i = 0; i < CALLS; i++)
		names[n++] = call_name(i);
	return nearest(s, names, n);
}
