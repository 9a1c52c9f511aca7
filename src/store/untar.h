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

#include "base/err.h"

enum untar_whiteouts {
	UNTAR_PLAIN,  /* no name has a meaning */
	UNTAR_REMOVE, /* OCI: nothing but what the layer's whiteouts remove of the layers below */
	UNTAR_LAYER,  /* OCI: everything but the whiteouts. A layer is read twice, as its order means nothing */
};

struct untar_opts {
	unsigned strip;	      /* leading components to leave out; names that have no more are skipped */
	bool no_devices;      /* skip device nodes: a user name space has none of its own */
	bool files_only;      /* skip all but directories and regular files */
	char *const *exclude; /* patterns of fnmatch(3) for whole names, or for a directory above them; may be NULL */
	enum untar_whiteouts whiteouts;
};

int store_untar(int root_fd, int in_fd, const struct untar_opts *o, struct err *e);
