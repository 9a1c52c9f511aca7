/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside src/image only: what has changed in a root, entry by entry with its folders open; for the list and for packing. */

#include <sys/stat.h>

#include "image/layers-inner.h"

#define WALK_DEPTH 256 /* folders within one another: each costs two fds */

/* Names in the folder FD, sorted, "." and ".." left out. */
int dir_names(int fd, struct strv *ret, struct err *e);

struct walk_entry {
	enum change kind;
	const char *path; /* "etc/hosts" */
	int dir;	  /* it is NAME of this one; not for what was deleted */
	const char *name;
	struct stat st;
};
/* FN for each in order of the walk: a folder before what is in it, siblings sorted; a folder also where only something below it
 * has changed. */
int walk_changes(struct layers *l, const char *id, int (*fn)(void *arg, const struct walk_entry *w, struct err *e),
		 void *arg, struct err *e);
