/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The device mapper: devices by name, each a table of one target. Asked directly, by ioctl(2); udev hears of none of it. */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DM_NODE_MAX 32 /* "/dev/dm-N" */
#define DM_TEXT_MAX 512

struct dm_target {
	uint64_t sectors;
	const char *type, *params;
	bool ro;
};

/* -EOPNOTSUPP (ERR_MISSING): this kernel has none. */
int dm_check(struct err *e);
/* Makes NAME, ready for use. -EEXIST without a message: there is one. */
int dm_create(const char *name, const struct dm_target *t, struct err *e);
/* Removes it; where somebody has it open, LATER, with the last who has: 0. Else -EBUSY. Missing is fine. */
int dm_remove(const char *name, bool later, struct err *e);
/* 1 and its node's path, made where nobody has; 0: there is none by this name, or one that is half made. */
int dm_find(const char *name, char node[static DM_NODE_MAX], struct err *e);
/* Tells the target of NAME something. E stays empty for the answers that are in EXPECTED (negative errno, ended by 0). */
int dm_message(const char *name, const char *text, const int *expected, struct err *e);
/* What the only target of NAME says of itself; TABLE: what it was made of. -ENXIO: there is no such device. */
int dm_status(const char *name, bool table, char text[static DM_TEXT_MAX], struct err *e);
