/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the table of system calls and the program that writes it must agree on. */

#include <linux/audit.h>

/* SCMP_ARCH_*, name, AUDIT_ARCH_*, the machine that runs it, arguments of 32 bits, "rules for that one are for this one
 * too". A machine's own architecture stands before those it runs beside. */
#define ARCHS(X)                                                                                        \
	X(SCMP_ARCH_X86_64, "x86_64", AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, false, NULL)                 \
	X(SCMP_ARCH_X86, "x86", AUDIT_ARCH_I386, SCMP_ARCH_X86_64, true, NULL)                          \
	X(SCMP_ARCH_X32, "x32", AUDIT_ARCH_X86_64, SCMP_ARCH_X86_64, false, "x86_64")                   \
	X(SCMP_ARCH_AARCH64, "arm64", AUDIT_ARCH_AARCH64, SCMP_ARCH_AARCH64, false, NULL)               \
	X(SCMP_ARCH_ARM, "arm", AUDIT_ARCH_ARM, SCMP_ARCH_AARCH64, true, NULL)                          \
	X(SCMP_ARCH_PPC64LE, "ppc64le", AUDIT_ARCH_PPC64LE, SCMP_ARCH_PPC64LE, false, NULL)             \
	X(SCMP_ARCH_PPC64, "ppc64", AUDIT_ARCH_PPC64, SCMP_ARCH_PPC64, false, NULL)                     \
	X(SCMP_ARCH_PPC, "ppc", AUDIT_ARCH_PPC, SCMP_ARCH_PPC64, true, NULL)                            \
	X(SCMP_ARCH_S390X, "s390x", AUDIT_ARCH_S390X, SCMP_ARCH_S390X, false, NULL)                     \
	X(SCMP_ARCH_S390, "s390", AUDIT_ARCH_S390, SCMP_ARCH_S390X, true, NULL)                         \
	X(SCMP_ARCH_RISCV64, "riscv64", AUDIT_ARCH_RISCV64, SCMP_ARCH_RISCV64, false, NULL)             \
	X(SCMP_ARCH_MIPS64, "mips64", AUDIT_ARCH_MIPS64, SCMP_ARCH_MIPS64, false, NULL)                 \
	X(SCMP_ARCH_MIPS64N32, "mips64n32", AUDIT_ARCH_MIPS64N32, SCMP_ARCH_MIPS64, true, NULL)         \
	X(SCMP_ARCH_MIPS, "mips", AUDIT_ARCH_MIPS, SCMP_ARCH_MIPS64, true, NULL)                        \
	X(SCMP_ARCH_MIPSEL64, "mipsel64", AUDIT_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64, false, NULL)         \
	X(SCMP_ARCH_MIPSEL64N32, "mipsel64n32", AUDIT_ARCH_MIPSEL64N32, SCMP_ARCH_MIPSEL64, true, NULL) \
	X(SCMP_ARCH_MIPSEL, "mipsel", AUDIT_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64, true, NULL)

#define CALL_SLOTS 2048

static inline unsigned call_hash(const char *s)
{
	unsigned h = 2166136261u;

	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return (h ^ h >> 15) % CALL_SLOTS;
}
