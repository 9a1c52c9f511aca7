/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: the entries of a tar stream, one after the other. Touches nothing but its input; fuzzed and bounded: names and
 * pax headers have a limit, sizes are what the stream really has. */

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"

#define TAR_BLOCK      512u
#define TAR_NAME_MAX   (64u << 10)
#define TAR_PAX_MAX    (1u << 20)
#define TAR_SPARSE_MAX (64u << 10)
#define TAR_XATTRS_MAX 64u

struct tar_hole_map {
	uint64_t at, len;
};

struct tar_xattr {
	const char *name, *value; /* in the entry's pax text */
	size_t len;
};

struct tar_entry {
	char type;	   /* as in ustar; old regular files are '0', sparse ones too */
	char *name, *link; /* owned */
	mode_t mode;
	uint32_t uid, gid, dev_major, dev_minor;
	uint64_t size;	 /* of the file that is to be made */
	uint64_t stored; /* bytes of data that follow in the stream */
	struct timespec mtime;
	bool sparse;
	struct tar_hole_map *map; /* of a sparse file: what of it is stored, ascending */
	size_t n_map;
	char *pax; /* owned */
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	size_t n_xattrs;
};
void tar_entry_done(struct tar_entry *t);

/* Where the bytes come from, when it is not an fd: the next of them, which stay until the next call. 0: the end. */
struct tar_source {
	ssize_t (*next)(void *arg, const char **ret, struct err *e);
	void *arg;
};

struct tar_reader {
	int fd;
	struct tar_source source; /* where .next is set */
	char *own;		  /* buffer for what an fd gives */
	const char *data;	  /* what was read and not used yet is data[at .. len] */
	size_t at, len;
	uint64_t left; /* of the entry's data, padding not counted */
	unsigned pad;
};
int tar_reader_init(struct tar_reader *t, int fd, struct err *e);
void tar_reader_init_source(struct tar_reader *t, const struct tar_source *source);
void tar_reader_done(struct tar_reader *t);

/* Skips what is left of the last entry and reads the next: 1, or 0 at the end. *RET is the caller's. */
int tar_next(struct tar_reader *t, struct tar_entry *ret, struct err *e);

/* Some of the entry's data, at most MAX bytes: how many, 0 when there is no more. */
ssize_t tar_data(struct tar_reader *t, const char **ret, size_t max, struct err *e);
