/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: the pool, while its folder is locked. */

#include "store/thin.h"
#include "sys/dm.h"

#define THIN_IDS (1u << 24)

struct tpool {
	const char *path;
	int fd; /* of PATH, locked; -EBADF */
	uint64_t token, sectors;
	bool made;
	char name[128], node[DM_NODE_MAX];
};
void tpool_done(struct tpool *p);
#define _cleanup_tpool_ _cleanup_(tpool_done)

/* What is known of it. -ENOENT without a message: nothing. */
int tpool_lock(const char *path, struct tpool *ret, struct err *e);
/* The same, and it is up. */
int tpool_open(const char *path, struct tpool *ret, struct err *e);

struct tpool_state {
	uint64_t token, meta_used, meta_total, data_used, data_total; /* blocks */
};
int tpool_state(const struct tpool *p, struct tpool_state *ret, struct err *e);
int tpool_tell(const struct tpool *p, const int *expected, struct err *e, const char *fmt, ...) _printf_(4, 5);
/* Volume ID's device: fd, its node's path. In use while the fd is. */
int tpool_activate(const struct tpool *p, uint32_t id, bool ro, char node[static DM_NODE_MAX], struct err *e);
/* With the last who uses it; or now, when nobody does. */
int tpool_deactivate(const struct tpool *p, uint32_t id, bool now, struct err *e);
