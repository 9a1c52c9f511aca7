/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files that COPY, ADD and bind mounts take: found, hashed, copied. Both ends are resolved inside their roots; names come sorted,
 * so that the same tree gives the same digest.
 */

#include <stdint.h>
#include <sys/stat.h>

#include "base/strv.h"
#include "image/build/ignore.h"
#include "image/digest.h"

#define TREE_DEPTH_MAX 256
#define TREE_PATH_MAX  4096

struct tree_source {
	int root_fd;
	const struct ignore *ignore; /* by paths below the root, NULL */
	bool keep_owner;	     /* else all is root's */
};

struct tree_copy {
	struct ignore *exclude; /* by paths below what is copied, NULL */
	int64_t uid, gid;	/* -1: as the source says */
	const char *chmod;	/* "u=rwX,go=rX"; NULL */
	bool parents;		/* the source's folders too, but for the first SKIP characters */
	size_t skip;
};

/* Paths below ROOT that PATTERN means, sorted, maybe none; itself, which must be there, where it is no pattern. */
int tree_find(const struct tree_source *s, const char *pattern, struct strv *ret, struct err *e);

/* Adds names, kinds, modes, owners and contents of PATH. */
int tree_hash(const struct tree_source *s, const char *path, const struct tree_copy *o, struct hasher *h,
	      struct err *e);

/*
 * PATH to DEST below DEST_ROOT. INTO: DEST is a folder that PATH goes into by its own name; the contents of a folder always go
 * into DEST itself.
 */
int tree_copy(const struct tree_source *s, const char *path, int dest_root, const char *dest, bool into,
	      const struct tree_copy *o, struct err *e);

/* mkdir -p below ROOT; folders that were not there become UID's and GID's, with MODE. */
int tree_make_dirs(int root_fd, const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e);
/* The same with the owner and the mode that O gives to what it copies; a mode in words is of files. */
int tree_make_dest(int root_fd, const char *path, const struct tree_copy *o, struct err *e);

/* TEXT as a mode: octal, or chmod(1)'s words for a file of mode OLD. */
int tree_mode(const char *text, mode_t old, bool is_dir, mode_t *ret, struct err *e);
