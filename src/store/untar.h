/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Unpacks a tar stream (v7, ustar, pax, GNU) into a root that earlier archives may have filled with links of every kind:
 * each name is resolved inside the root (sys/inroot.h), names with ".." are refused, hard links are made between names
 * of the root only, and what stands at a name is replaced, never followed. Security class C.
 *
 * Owners are numbers, as the calling name space sees them. Kept: modes, times, links, devices, extended attributes
 * where the file system takes them, holes of sparse files. A stream that ends within an entry is an error; what it had
 * before stays, so callers unpack beside and rename. Folders that no entry names get 0755, less the umask.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum untar_whiteouts {
	UNTAR_PLAIN,  /* no name has a meaning */
	UNTAR_REMOVE, /* OCI: nothing but what the layer's whiteouts remove of the layers below */
	UNTAR_LAYER,  /* OCI: everything but the whiteouts. A layer is read twice, as its order means nothing */
	/* The same in one pass. Attributes that only overlayfs gives a meaning to are not taken from an archive. */
	UNTAR_OVERLAY, /* into a folder of its own, for overlayfs: whiteouts become devices 0:0, opaque folders an attribute */
	UNTAR_APPLY, /* over the layers below: a whiteout removes nothing that this layer itself has made */
};

/* What was unpacked. */
struct untar_stats {
	uint64_t entries, bytes; /* BYTES: of regular files, as they say */
	uint64_t disk;		 /* as the file system says */
};

struct untar_owner {
	uid_t uid;
	gid_t gid;
};

struct untar_opts {
	unsigned strip;	 /* leading components to leave out; names that have no more are skipped */
	bool no_devices; /* skip device nodes: a user name space has none of its own */
	bool keep_kind;	 /* no folder takes the place of something else, nor the other way round: -EISDIR, -ENOTDIR */
	bool files_only; /* skip all but directories and regular files */
	char *const *exclude; /* patterns of fnmatch(3) for whole names, or for a directory above them; may be NULL */
	enum untar_whiteouts whiteouts;
	const struct untar_owner *owner; /* of all of it, NULL: what the archive says */
	bool user_xattr; /* UNTAR_OVERLAY: "user.overlay.opaque" instead of "trusted.": in a user name space */
	struct untar_stats *stats; /* may be NULL */
};

int store_untar(int root_fd, int in_fd, const struct untar_opts *o, struct err *e);
/* The same of what is not an fd (store/tar-read.h). */
struct tar_source;
int store_untar_from(int root_fd, const struct tar_source *from, const struct untar_opts *o, struct err *e);
