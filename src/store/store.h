/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Root file systems: where they live and how one becomes a detached mount. One const table of drivers by the TYPE of
 * "[TYPE:]PATH"; dir and overlay now, the block and network kinds as further rows.
 */

#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

struct store_ref {
	const struct store_driver *driver;
	char *src; /* the PATH part, owned */
};
void store_ref_done(struct store_ref *r);

/* What a new one is made with. NULL and 0: the driver's default. */
struct store_opts {
	uint64_t size; /* bytes */
	const char *fstype;
	const char *vg, *lv, *thinpool;
	const char *usual_pool; /* the thin pool of those groups that have it */
	const char *zfsroot;
	const char *rbdname, *rbdpool, *rbduser;
	const char *dir; /* the directory itself, for what is one */
};

/* Whose root it is to be. */
struct store_owner {
	const char *name, *dir;	    /* the container, and its folder */
	const struct store_opts *o; /* never NULL */
};

enum {
	STORE_DEPENDS = 1,   /* a snapshot needs what it was taken of for as long as it lives */
	STORE_OVER_DIRS = 2, /* it makes snapshots of whatever lies in a directory, too */
	STORE_DEVICE = 4,    /* a file system of its own on a device: size and fstype count */
	STORE_INNER = 8,     /* of images' containers only: it is opened, and never made by name */
};

struct store_driver {
	const char *name, *alias;
	unsigned flags;
	bool names; /* PATH is a name and no path */
	/* Detached mount fd (O_CLOEXEC) of the root. OPTIONS: VFS and file system options of lxc.rootfs.options. */
	int (*open_tree)(const struct store_ref *r, const char *options, struct err *e);
	/* What opening it has set up for it, ended, once it is not mounted any more. NULL: nothing. Any number of times. */
	int (*release)(const struct store_ref *r, struct err *e);
	/* Makes an empty root (mkdir, subvolume …). Existing and not empty: -EEXIST. */
	int (*create)(const struct store_ref *r, const struct store_opts *o, struct err *e);
	/* Removes it for good. Missing is fine. */
	int (*destroy)(const struct store_ref *r, struct err *e);
	/* The directory that holds the files while not mounted, or NULL when there is none. */
	const char *(*host_dir)(const struct store_ref *r);
	/* "TYPE:PATH" for a new root of W (free()). FROM: what it will be a snapshot of, or one of this kind that it is to
	 * lie beside, or NULL. */
	int (*place)(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e);
	/* Makes TO, which place() has named for it, sharing what it can with FROM. NULL: no such thing here. */
	int (*snapshot)(const struct store_ref *from, const struct store_ref *to, const struct store_opts *o,
			struct err *e);
	/* Whether there are snapshots of R. NULL: of all that snapshot() is for. */
	bool (*can_share)(const struct store_ref *r);
	/* For a snapshot: does it need what it was taken of for as long as it lives? NULL: as STORE_DEPENDS says. */
	bool (*rests)(const struct store_ref *r);
	/* Whether there is such a root, whoever has made it; only of those whose place is not below their container's folder. */
	bool (*exists)(const struct store_ref *r);
	/* Takes a root whose place is not below its container's folder to another. NULL: there is none such. */
	int (*rename)(const struct store_ref *from, const struct store_ref *to, struct err *e);
	/* Whether new roots can be had below DIR on this machine: for "best". NULL: never chosen. */
	bool (*suits)(const char *dir, const struct store_opts *o);
	/* Size of the file system, for copies onto a device; 0: there is no device. NULL: the same. */
	uint64_t (*size)(const struct store_ref *r);
	/* The regular file NAME of the root's folder DIR, open for writing and empty, without mounting anything; only where
	 * it is certain that nobody uses the root. -EOPNOTSUPP, nothing changed: it takes a mount. NULL: it always does. */
	int (*renew_file)(const struct store_ref *r, const char *dir, const char *name);
};
extern const struct store_driver *const store_drivers[]; /* NULL-terminated */

/* "overlay:/lower:/upper", "dir:/x", "/x". Unknown TYPE: -EINVAL listing the known ones. */
int store_parse(const char *path, struct store_ref *ret, struct err *e);
/* By name or alias; "best" is what suits LXCPATH best. -EINVAL: no such driver. */
int store_find(const char *type, const char *lxcpath, const struct store_opts *o, const struct store_driver **ret,
	       struct err *e);

/* -EEXIST: R's place is taken, by what is none of ours. To be asked before it is noted as ours, to be removed. */
int store_check_free(const struct store_ref *r, struct err *e);

/* Whether R, a snapshot, needs what it was taken of for as long as it lives. */
bool store_rests(const struct store_ref *r);
/* Whether D makes snapshots of roots like FROM. */
bool store_shares(const struct store_driver *d, const struct store_ref *from);

/* Makes TO and fills it with what is in FROM, whose options are OPTIONS. What TO was made of is gone on failure. */
int store_copy(const struct store_ref *from, const char *options, const struct store_ref *to,
	       const struct store_opts *o, struct err *e);

/* Copies the tree FROM to TO (made here): reflinks where the file system can, else copies data, keeping owners, modes,
 * times, links, xattrs, sparse holes and devices. Nothing is left at TO on failure. */
int store_copy_tree(const char *from, const char *to, struct err *e);
/* The same below two open directories, the second of them empty. */
int store_copy_below(int src, int dst, struct err *e);

/* rm -rf, subvolumes included; never "/", by whatever name: these paths come from a configuration. */
int store_remove_tree(const char *path, struct err *e);

/* A detached mount of the folders LOWERS, the first the top one, that cannot be written to. fd or -errno. */
int store_overlay_lowers(char *const *lowers, size_t n, struct err *e);
