/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Trees into tar streams (pax where ustar does not do): sorted names, hard links once, devices, attributes that
 * mean the same elsewhere (user.*, capabilities), whiteouts of OCI for what was removed. Holes become zeroes, as the image
 * specification wants it. The same tree gives the same bytes.
 */

#include <stdint.h>

#include "base/strv.h"
#include "image/blobs.h"
#include "image/layers.h"

/* NULL where it is asked for: all as it is, gzip. */
struct pack_opts {
	int64_t clamp_mtime; /* SOURCE_DATE_EPOCH: no time is later; -1: as they are */
	const char *prefix;  /* put before every name */
	bool no_xattrs;
	int32_t uid, gid;	 /* -1: as they are */
	int level;		 /* of gzip, 0: the default */
	const char *compression; /* "gzip" (NULL too), "zstd", "none" */
};

/* A sink for bytes; non-zero (a negative errno) ends it. */
struct pack_sink {
	int (*write)(void *arg, const void *data, size_t len);
	void *arg;
};

/* All of the tree ROOT_FD, as a plain tar. */
int pack_tree(int root_fd, const struct pack_opts *o, const struct pack_sink *out, struct err *e);
/* What ID's root has changed, as a layer of OCI: into B, compressed. RET: descriptor and diff id. */
int pack_changes(struct layers *l, const char *id, struct blobs *b, const struct pack_opts *o, struct descriptor *ret,
		 char ret_diff[static DIGEST_MAX], struct err *e);
/* A single entry after the other, for archives that are put together by hand. */
struct tar_writer;
struct tar_out {
	const char *name, *link; /* LINK: symbolic or hard */
	char type; /* as in ustar: '0' file, '1' hard link, '2' symbolic link, '3' '4' device, '5' folder, '6' pipe */
	uint32_t mode, uid, gid, dev_major, dev_minor;
	uint64_t size;
	int64_t mtime;
};
int tar_writer_new(const struct pack_sink *out, struct tar_writer **ret, struct err *e);
int tar_put(struct tar_writer *t, const struct tar_out *h, struct err *e);
int tar_put_data(struct tar_writer *t, const void *data, size_t len, struct err *e);
int tar_end(struct tar_writer *t, struct err *e);
struct tar_writer *tar_writer_free(struct tar_writer *t);
DEFINE_CLEANUP(struct tar_writer *, tar_writer_free);
