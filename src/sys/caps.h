/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capability sets as the kernel has them: bits of 1 << CAP_x. Raw calls without allocation: usable on a child side. */

#include <stdint.h>

#include "base/macros.h"

struct cap_sets {
	uint64_t effective, permitted, inheritable;
};

int caps_get(struct cap_sets *ret);
int caps_set(const struct cap_sets *sets);

/* Highest capability of the running kernel; asked of the kernel itself, so that no /proc is needed. */
unsigned caps_last(void);

/* Drops what is not in KEEP from the bounding set. */
int caps_bound(uint64_t keep);

/* Empties the ambient set. A kernel without one has an empty one. */
int caps_clear_ambient(void);

/* Adds SET to it: each must be permitted and inheritable. */
int caps_raise_ambient(uint64_t set);
