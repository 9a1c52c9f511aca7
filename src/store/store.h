/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Root file systems: where they live and how one becomes a detached mount. One const table of drivers by the TYPE of
 * "[TYPE:]PATH"; dir and overlay now, the block and network kinds as further rows.
 */

#include "base/err.h"
#include "base/strv.h"

struct store_ref {
	const struct store_driver *driver;
	char *src; /* the PATH part, owned */
};
void store_ref_done(struct store_ref *r);

struct store_driver {
	const char *name, *alias;
	/* Detached mount fd (O_CLOEXEC) of the root. OPTIONS: VFS and file system options of lxc.rootfs.options. */
	int (*open_tree)(const struct store_ref *r, const char *options, struct err *e);
	/* Makes an empty root (mkdir, subvolume …). Existing and not empty: -EEXIST. */
	int (*create)(const struct store_ref *r, struct err *e);
	/* Removes it for good. Missing is fine. */
	int (*destroy)(const struct store_ref *r, struct err *e);
	/* The directory that holds the files while not mounted, or NULL when there is none. */
	const char *(*host_dir)(const struct store_ref *r);
};
extern const struct store_driver *const store_drivers[]; /* NULL-terminated */

/* "overlay:/lower:/upper", "dir:/x", "/x". Unknown TYPE: -EINVAL listing the known ones. */
int store_parse(const char *path, struct store_ref *ret, struct err *e);

/* Copies the tree FROM to TO (made here): reflinks where the file system can, else copies data, keeping owners, modes,
 * times, links, xattrs, sparse holes and devices. Nothing is left at TO on failure. */
int store_copy_tree(const char *from, const char *to, struct err *e);
