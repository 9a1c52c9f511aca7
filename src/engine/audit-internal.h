/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the audit. */

#include "engine/audit.h"
#include "engine/internal.h"
#include "security/security.h"

struct auditor {
	struct container *c;
	const struct spec *s;
	struct audit *a;
	pid_t pid;   /* of a container that runs; 0 */
	bool userns; /* root inside is nobody outside */
	struct err *e;
};

/* What each needs for the key of this container's dialect. */
static inline const char *audit_key(const struct auditor *x, const char *lxc, const char *oci)
{
	return x->a->oci ? oci : lxc;
}

/* Takes WHAT and FIX (may be NULL) over. A NULL WHAT is "out of memory". */
int audit_add(struct auditor *x, enum audit_level level, const char *id, char *what, const char *why, char *fix);
char *audit_text(const char *fmt, ...) _printf_(1, 2);

/* The value of FIELD of /proc/PID/status, or empty. */
void audit_status(pid_t pid, const char *field, char *buf, size_t size);

int audit_caps(struct auditor *x);    /* audit-caps.c */
int audit_seccomp(struct auditor *x); /* audit-seccomp.c */
int audit_mounts(struct auditor *x);  /* audit-mounts.c: what is mounted, and from where */
