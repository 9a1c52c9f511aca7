/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Thin volumes of the device mapper, each with a file system (ext4), known by numbers of one pool. What is known of the pool lies in
 * a folder of its own:
 *
 *   id        a link to nothing: "TOKEN SECTORS POOL", POOL "-": ours, of the files data and meta, by way of loop devices
 *   base      there when volume 0, an empty file system of SECTORS, is whole: what all others begin as
 *   next      the number to try next
 *   ids/N     volume N may be there
 *
 * The pool's transaction id is TOKEN: so nobody takes another's. The folder is locked (flock) while any of this is looked at.
 * A volume's device is there while it is mounted: its removal is asked for at once, and the kernel does it with the last user.
 */

#include "base/err.h"
#include "store/store.h"

#include <stdint.h>

struct thin_opts {
	const char *pool;	 /* a device of the device mapper, by name or path; NULL: one is made */
	uint64_t size, basesize; /* of the pool that is made; of each volume. 0: as usual */
};

/* Whether there can be one: the kernel's part, and the device that is named. */
int thin_pool_check(const char *dir, const struct thin_opts *o, struct err *e);
/* Finds the pool of folder DIR, or makes both; up and ready afterwards. */
int thin_pool_make(const char *dir, const struct thin_opts *o, struct err *e);
/* Where nothing uses it any more, it goes: files and all, or it is as it was when it was given. */
int thin_pool_drop(const char *dir, struct err *e);

struct thin_figures {
	char pool[128];
	bool made;
	uint64_t block, base;
	uint64_t data_used, data_total, meta_used, meta_total;
};
int thin_pool_figures(const char *dir, struct thin_figures *ret, struct err *e);

/* A new volume, a snapshot of FROM (0: empty). The link AT/NAME says its number before there is anything of it, so that what a kill
 * leaves is found. */
int thin_new(const char *dir, uint32_t from, int at, const char *name, uint32_t *ret, struct err *e);
/* The number that the link AT/NAME says: 1, or 0. */
int thin_number(int at, const char *name, uint32_t *ret);
/* Its file system as a detached mount. LAYER: one that is not written to any more. fd. */
int thin_open(const char *dir, uint32_t id, bool layer, const char *options, struct err *e);
/* Missing is fine. */
int thin_delete(const char *dir, uint32_t id, struct err *e);
/* Each number that is taken; FN's non-zero answer ends it and is returned. */
int thin_each(const char *dir, int (*fn)(void *arg, uint32_t id), void *arg, struct err *e);
/* Whether there is a volume with this number: 1, 0. */
int thin_there(const char *dir, uint32_t id, struct err *e);
