/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Copies of containers: clones, renames, snapshots.
 *
 * A copy is built in its own folder, which holds a file `partial` until the last step: nobody takes it for a container
 * before, and whoever finds one that nobody works on (the next copy of that name, doctor) removes it. What replaces
 * something (a restore, a rename) is built beside it and put in place by store/swap.h. A kill at any moment therefore
 * leaves the old or the new, and never half of either.
 *
 * Which container a clone's root rests on is kept on both sides, in LXC's files: lxc_rdepends of the clone,
 * lxc_snapshots of the other. None is destroyed while something rests on it.
 */

#include "engine/engine.h"

/* The numbers of LXC's API. */
enum {
	COPY_KEEP_NAME = 1,	  /* its host name, not the container's */
	COPY_KEEP_MAC = 2,	  /* else every interface that has an address gets a new one */
	COPY_SNAPSHOT = 4,	  /* share the root with the source; a directory becomes an overlay */
	COPY_KEEP_BDEV = 8,	  /* the new root is of the source's kind */
	COPY_MAYBE_SNAPSHOT = 16, /* copy where a snapshot cannot be made */
	COPY_ALLOW_RUNNING = 64,
};

struct copy_opts {
	const char *name, *lxcpath; /* NULL: the source's */
	unsigned flags;
	const char *bdev;     /* kind of the new root, NULL: the source's */
	const char *bdevdata; /* lvm: volume group; zfs: parent */
	uint64_t size;	      /* of a new block device, bytes; 0: as the source's */
	char *const *hook_args;
	const char *const *sets; /* "KEY=VALUE" lines of its configuration, NULL-terminated, or NULL */
};

/* Makes a copy of C, which must be defined and, but for COPY_ALLOW_RUNNING, stopped. *RET may be NULL. */
int container_copy(struct container *c, const struct copy_opts *o, struct container **ret, struct err *e);

/* C is the container NAME afterwards. Refused for one that runs, has snapshots, or has clones that rest on it. */
int container_rename(struct container *c, const char *name, struct err *e);

/*
 * A copy that shares the root with C and lives as long as it runs.
 *
 * NAME of .copy may be NULL: C's, and six letters. Mounts are LXC's words, "bind=/src[:/dst[:ro]]" or
 * "overlay=/src[:/dst]", a comma between several.
 */
struct ephemeral_opts {
	struct copy_opts copy;
	const char *mounts;
	bool tmpfs;	/* what it changes is kept in memory */
	bool keep_data; /* it stays when it stops */
};
/* Makes it; starting it is the caller's. */
int container_ephemeral(struct container *c, const struct ephemeral_opts *o, struct container **ret, struct err *e);

/*
 * Snapshots are containers of their own, snap0, snap1 …, below LXCPATH/NAME/snaps: lxcpath says where exactly. Each holds
 * `ts`, the time as "%Y:%m:%d %H:%M:%S", and may hold `comment`.
 */
struct snapshot {
	char *name;
	char *comment_path; /* exists or not */
	char *timestamp;    /* "" when it is not known */
	char *lxcpath;
};
void snapshots_free(struct snapshot *s, size_t n);

/* Takes one of C, which must be stopped. COMMENT_FILE: a file whose text is kept with it, or NULL. *RET_N: its number. */
int container_snapshot(struct container *c, const char *comment_file, unsigned *ret_n, struct err *e);
/* By number, then name. snapshots_free(). */
int container_snapshots(struct container *c, struct snapshot **ret, size_t *ret_n, struct err *e);
/* NEW_NAME: a new container; NULL or C's own: C is as it was then, its MAC addresses and host name, too. */
int container_snapshot_restore(struct container *c, const char *snap, const char *new_name, struct err *e);
/* SNAP NULL: all of them, of which there must be one. Refused for one that another container rests on. */
int container_snapshot_destroy(struct container *c, const char *snap, struct err *e);
/* container_destroy() of one that may have snapshots: they go first. */
int container_destroy_with_snapshots(struct container *c, bool force, struct err *e);
