/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mounts in a running container's mount name space, made from the host. */

#include "engine/engine.h"

struct inject_opts {
	const char *source;  /* on the host; a device or name for a new file system */
	const char *target;  /* in the container; made, as a directory or a file, when it is not there */
	const char *fstype;  /* of a new file system; NULL with MS_BIND */
	unsigned long flags; /* MS_BIND, MS_REC, MS_RDONLY, MS_NOSUID … of mount(2) */
	const char *data;    /* its options, may be NULL */
};
/* The mount is made detached and appears in the container whole or not at all. Needs root of the host. */
int container_mount(struct container *c, const struct inject_opts *o, struct err *e);
/* FLAGS as of umount2(2). */
int container_umount(struct container *c, const char *target, int flags, struct err *e);
