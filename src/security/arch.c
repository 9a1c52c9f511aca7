/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/arch.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>

#include "base/names.h"

/* A machine's own architecture stands before those it runs beside. */
const struct arch arch_table[] = {
	{ "x86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, false, NULL },
	{ "x86", SCMP_ARCH_X86, AUDIT_ARCH_I386, SCMP_ARCH_X86_64, true, NULL },
	{ "x32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, false, "x86_64" },
	{ "arm64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64, false, NULL },
	{ "arm", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, SCMP_ARCH_AARCH64, true, NULL },
	{ "ppc64le", SCMP_ARCH_PPC64LE, AUDIT_ARCH_PPC64LE, SCMP_ARCH_PPC64LE, false, NULL },
	{ "ppc64", SCMP_ARCH_PPC64, AUDIT_ARCH_PPC64, SCMP_ARCH_PPC64, false, NULL },
	{ "ppc", SCMP_ARCH_PPC, AUDIT_ARCH_PPC, SCMP_ARCH_PPC64, true, NULL },
	{ "s390x", SCMP_ARCH_S390X, AUDIT_ARCH_S390X, SCMP_ARCH_S390X, false, NULL },
	{ "s390", SCMP_ARCH_S390, AUDIT_ARCH_S390, SCMP_ARCH_S390X, true, NULL },
	{ "riscv64", SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64, SCMP_ARCH_RISCV64, false, NULL },
	{ "mips64", SCMP_ARCH_MIPS64, AUDIT_ARCH_MIPS64, SCMP_ARCH_MIPS64, false, NULL },
	{ "mips64n32", SCMP_ARCH_MIPS64N32, AUDIT_ARCH_MIPS64N32, SCMP_ARCH_MIPS64, true, NULL },
	{ "mips", SCMP_ARCH_MIPS, AUDIT_ARCH_MIPS, SCMP_ARCH_MIPS64, true, NULL },
	{ "mipsel64", SCMP_ARCH_MIPSEL64, AUDIT_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64, false, NULL },
	{ "mipsel64n32", SCMP_ARCH_MIPSEL64N32, AUDIT_ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL64, true, NULL },
	{ "mipsel", SCMP_ARCH_MIPSEL, AUDIT_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64, true, NULL },
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
	return seccomp_arch_native();
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

int call_find(const struct arch *a, const char *name, struct call *ret)
{
	struct call c = { .nr = -1, .via = -1 };
	const struct name *n = name_find(narrow_args, name);
	int nr = seccomp_syscall_resolve_name_arch(a->scmp, name);

	c.narrow_args = n ? (unsigned)n->value : 0;
	if (nr >= 0) {
		c.nr = nr;
	} else if (nr == __NR_SCMP_ERROR) {
		n = name_find(newer, name);
		if (!n)
			return -ENOENT;
		c.nr = unified(a, (uint32_t)n->value);
	} else if (nr > -300) {
		bool ipc = nr < -200;
		int via = seccomp_syscall_resolve_name_arch(a->scmp, ipc ? "ipc" : "socketcall");

		/* The upper half of ipc's selector is a version that the kernel looks at itself. */
		if (via >= 0) {
			c.via = via;
			c.selector = (uint32_t)(ipc ? -200 - nr : -100 - nr);
			c.via_mask = ipc ? 0xffff : UINT32_MAX;
			c.nr = direct_number(a, nr);
		}
	}
	*ret = c;
	return 0;
}

void call_find_nr(const struct arch *a, uint32_t nr, struct call *ret)
{
	uint32_t native = arch_native();
	char *name;

	*ret = (struct call){ .nr = -1, .via = -1 };
	name = seccomp_syscall_resolve_num_arch(native, (int)nr);
	if (name)
		call_find(a, name, ret);
	else if (nr >= UNIFIED_FIRST)
		ret->nr = unified(a, nr);
	free(name);
	if (a->scmp == native)
		ret->nr = nr;
}

char *call_nearest(const char *s)
{
	const char *names[1024];
	char *owned[600], *found = NULL;
	const char *best;
	size_t n = 0, n_owned = 0;

	for (const struct name *row = newer; row->name; row++)
		names[n++] = row->name;
	/* The widest table of numbers, whatever machine this is. */
	for (int nr = 0; nr < 600; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);

		if (name)
			names[n++] = owned[n_owned++] = name;
	}
	best = nearest(s, names, n);
	if (best)
		found = strdup(best);
	while (n_owned)
		free(owned[--n_owned]);
	return found;
}
