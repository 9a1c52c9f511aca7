/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What this kernel can do: found by trying, never by version number, and remembered. Probing allocates nothing and
 * changes nothing, so the child side may ask.
 *
 * A test hides features with probe_mask() to drive the fallbacks; nothing else does, and no environment variable can.
 */

#include <stdint.h>

#include "base/macros.h"

enum probe {
	PROBE_OPENAT2,		 /* openat2(2) with RESOLVE_IN_ROOT; else sys/inroot.c walks by components */
	PROBE_CLONE3,		 /* clone3(2); else clone(2), without CLONE_NEWTIME */
	PROBE_CLONE_INTO_CGROUP, /* else the parent writes cgroup.procs */
	PROBE_PIDFD,		 /* pidfd_open(2) */
	PROBE_CLOSE_RANGE,	 /* close_range(2) with CLOEXEC; else /proc/self/fd is walked */
	PROBE_MOUNT_API,	 /* open_tree, fsopen, move_mount; required */
	PROBE_MOUNT_SETATTR,	 /* mount_setattr(2), and with it idmapped mounts; required for attributes of clones */
	PROBE_PROC_SUBSET,	 /* procfs takes hidepid= and subset= per instance */
	PROBE_OVERLAY_APPEND,	 /* overlay takes "lowerdir+"; else one colon list */
	PROBE_TIME_NS,
	PROBE_CGROUP_NS,
	PROBE_USER_NS,
	PROBE_MAX
};

bool probe_has(enum probe p);
const char *probe_name(enum probe p);

/* For tests: features of MASK (1 << PROBE_x) read as absent from now on. Returns the previous mask. */
uint32_t probe_mask(uint32_t mask);
