/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Unpacked layers, and the root file systems that containers have over them. A layer is known by its chain id; it is there
 * whole or not at all (made in a folder of its own, renamed, then written down). Behind one table of drivers: overlay (a
 * folder a layer), btrfs (a subvolume each), copy (a whole tree each), thin (a volume of a thin pool each). Roots stay with the
 * driver that made them; a layer that another has is none of this one's.
 */

#include <stdint.h>

#include "base/buf.h"
#include "image/blobs.h"
#include "image/db.h"
#include "image/manifest.h"

struct layers;
/*
 * DRIVER: "NAME[,OPTION=VALUE]…", as Docker's daemon has them ("overlay2", "devicemapper,dm.basesize=1G", too). NULL: what is there
 * already, else what suits DIR best.
 */
int layers_open(const char *dir, const char *driver, struct db *db, bool do_make, struct layers **ret, struct err *e);
struct layers *layers_free(struct layers *l);
DEFINE_CLEANUP(struct layers *, layers_free);
const char *layers_driver(const struct layers *l); /* "overlay", "btrfs", "copy", "thin" */
/* What is to be known of it, in pairs. */
int layers_figures(struct layers *l, void (*fn)(void *arg, const char *name, const char *value), void *arg,
		   struct err *e);

/* Of this driver. */
bool layers_have(struct layers *l, const char *chain);
/*
 * Layers are unpacked without waiting for the disk. Those of DIFF_IDS, bottom first, are on it afterwards, once for all of them; only
 * then a row may say that they are there. One that was not settled when the machine went down is not had any more.
 */
int layers_settle(struct layers *l, const struct strv *diff_ids, struct err *e);
/*
 * Unpacks what IN gives (a tar: plain, gzip or zstd, found by its first bytes) over PARENT (NULL: nothing) in one pass: it
 * is inflated, hashed and unpacked as it comes. Its digest must be DIFF (NULL: whatever it is, see RET_DIFF). Two who unpack the
 * same at once: the second waits for the first. PROGRESS may be NULL.
 */
struct layer_input {
	int fd;
	void (*progress)(void *arg, uint64_t compressed_bytes);
	void *arg;
};
int layer_unpack(struct layers *l, const char *parent, const struct layer_input *in, const char *diff,
		 char ret_diff[static DIGEST_MAX], char ret_chain[static DIGEST_MAX], struct err *e);
/* Bytes on disk of this layer alone; those of its files as they say themselves, which is the size that Docker shows. */
int layer_size(struct layers *l, const char *chain, uint64_t *ret, struct err *e);
int layer_bytes(struct layers *l, const char *chain, uint64_t *ret, struct err *e);
/* The same, as often as it is there. */
int layer_bytes_all(struct layers *l, const char *chain, uint64_t *ret, struct err *e);
/* Chain id of the layer below, "": it is the lowest. */
int layer_parent(struct layers *l, const char *chain, char ret[static DIGEST_MAX], struct err *e);
/* One that no image and no container has, of all drivers. Missing is fine. */
int layers_remove(struct layers *l, const char *chain, struct err *e);
/* Each that is there, whoever made it; FN's non-zero answer ends it and is returned. */
int layers_each(struct layers *l, int (*fn)(void *arg, const char *chain), void *arg, struct err *e);
/* What is half made or half removed, and nobody works on. */
int layers_sweep(struct layers *l, struct err *e);
/* Of this driver: whether CHAIN has all that a layer has, whatever is in it. */
bool layer_sound(struct layers *l, const char *chain);
/* FN for what layers_sweep() would take, and for what no layer and no root has. REPAIR: that goes. */
int layers_stray(struct layers *l, bool repair, void (*fn)(void *arg, const char *what), void *arg, struct err *e);
/* Each root by its name; FN's non-zero answer ends it and is returned. */
int rootfs_each(struct layers *l, int (*fn)(void *arg, const char *id), void *arg, struct err *e);
/* Whether ID's root has all that it needs. */
bool rootfs_sound(struct layers *l, const char *id);

/* --- a root over them --------------------------------------------------------------------------------------------------- */

/* A writable root over CHAIN (NULL: an empty one), by the name ID. *RET_ROOTFS (free()): what spec.rootfs.path is to say. */
int rootfs_make(struct layers *l, const char *id, const char *chain, char **ret_rootfs, struct err *e);
int rootfs_remove(struct layers *l, const char *id, struct err *e);	     /* missing is fine */
int rootfs_ref(struct layers *l, const char *id, char **ret, struct err *e); /* what rootfs_make() said */
/* Mounted as a start does it that has the reference only: detached, with no attributes of ours. fd. */
int rootfs_mount(struct layers *l, const char *id, struct err *e);
/* Its tree as a detached mount, also while it is not running. READ_ONLY also for a layer's own: ID NULL, CHAIN said. fd. */
int rootfs_open(struct layers *l, const char *id, const char *chain, bool read_only, struct err *e);
/* Bytes of the files that are new or changed: Docker's SizeRw. */
int rootfs_size(struct layers *l, const char *id, uint64_t *ret, struct err *e);

enum change { CHANGE_MODIFIED = 0, CHANGE_ADDED = 1, CHANGE_DELETED = 2 }; /* the Engine API's numbers */
/* What is different from the layers below, sorted by path ("/etc/hosts"), folders above a change included as modified. */
int rootfs_changes(struct layers *l, const char *id, int (*fn)(void *arg, enum change kind, const char *path),
		   void *arg, struct err *e);
