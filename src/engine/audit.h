/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a container can do that it could do without: `creel audit`. One finding a thing that could be closed, with the key
 * or member that closes it in the container's own dialect. Of a container that runs the processes are looked at, of one
 * that does not the spec alone.
 */

#include "engine/engine.h"

enum audit_level { AUDIT_LOW, AUDIT_MEDIUM, AUDIT_HIGH, AUDIT_LEVELS };
extern const char *const audit_level_names[]; /* "low" …, NULL-terminated */

struct audit_finding {
	enum audit_level level;
	const char *id; /* "cap.sys_module", "ns.net": stable */
	char *what;	/* one line */
	const char *why;
	char *fix; /* one line; NULL: nothing in the container's configuration closes it */
};

struct audit {
	struct list findings; /* struct audit_finding, the gravest first */
	unsigned n[AUDIT_LEVELS];
	bool oci; /* fixes are in the words of config.json */
};
void audit_done(struct audit *a);
#define _cleanup_audit_ _cleanup_(audit_done)

int container_audit(struct container *c, struct audit *ret, struct err *e);
