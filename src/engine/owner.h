/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whose files a container's are, where its ids are mapped: those of its root. Its folder belongs to that root, too, and to
 * the group of who made it: so both get in, and nobody else, to whom a setuid program in there would be one.
 */

#include "engine/internal.h"
#include "sys/idmap.h"

struct owner_maps {
	struct idmap *maps;
	size_t n;
	uint32_t uid, gid; /* what the caller's own ids are in there */
};
void owner_maps_done(struct owner_maps *m);

/* C's id maps and one more for the caller, unless he is in them already. */
int owner_maps(const struct container *c, struct owner_maps *ret, struct err *e);

/* Gives the folder and the new, empty ROOTFS (NULL: none) to C's root. Nothing to do without id maps. */
int owner_give(const struct container *c, const char *rootfs, struct err *e);
/* A user name space that has these maps, for a template to run in: fd, or -EBADF without id maps. Closed by the caller. */
int owner_userns(const struct container *c, struct owner_maps *ret, int *ret_fd, struct err *e);
/* What of /etc/subuid and /etc/subgid is the caller's, as lines of a configuration. False: nothing is. */
bool owner_suggest(struct buf *out);
/* Removes the tree at DIR as who owns it. */
int owner_remove(const struct container *c, const char *dir, struct err *e);
