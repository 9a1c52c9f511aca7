/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: one object's copy, without its place in a tree. Several threads at once; see copy.c. */

#include <stdatomic.h>
#include <sys/stat.h>

#include "base/err.h"

/* What has turned out not to work between the two file systems, found once and remembered. */
struct copy_caps {
	atomic_bool no_reflink, no_range, no_xattr;
	bool privileged; /* CAP_SYS_ADMIN over the source: a refused trusted.* attribute is an error */
};

/* A thread's own buffers. */
struct copy_bufs {
	char *data;  /* COPY_DATA_MAX */
	char *names; /* XATTR_LIST_MAX */
	char *value; /* XATTR_SIZE_MAX */
};
#define COPY_DATA_MAX (256u << 10)

int copy_bufs_init(struct copy_bufs *b);
void copy_bufs_done(struct copy_bufs *b);

/* Contents of a regular file into an empty one: a shared extent if it can be, else data with its holes. 0 or -errno. */
int copy_data(int src, int dst, const struct stat *st, struct copy_caps *caps, struct copy_bufs *b);

/* Owner, mode, extended attributes (labels, ACLs, capabilities), times: in the order in which none undoes another.
 * For open files and directories. */
int copy_meta_fd(int src, int dst, const struct stat *st, struct copy_caps *caps, struct copy_bufs *b);

/* The same for links, devices, fifos and sockets, which are not opened: NAME in both directories. */
int copy_meta_at(int src_dir, int dst_dir, const char *name, const struct stat *st, struct copy_caps *caps,
		 struct copy_bufs *b);
