/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: the drivers, and what they share. */

#include "store/store.h"
#include "sys/mount.h"

extern const struct store_driver store_dir, store_overlay, store_btrfs, store_loop, store_lvm, store_zfs, store_nbd,
	store_rbd, store_thin;

/* open_tree() of what is a directory. */
int store_open_dir(const struct store_ref *ref, const char *options, struct err *e);
/* Removes all subvolumes below PATH. -ENOTDIR: it is not on btrfs. */
int btrfs_remove_below(const char *path);

/* Gives a detached tree what OPTIONS say of attributes and propagation. Unless they say otherwise it hears of the host's
 * mounts below it and tells the host of none (slave): a copy of a shared mount would tell. */
int store_finish_tree(int mnt_fd, const struct mount_opts *o, struct err *e);

/* "PREFIX:DIR/NAME" for place(). */
int store_place_below(const char *type, const char *dir, const char *name, char **ret, struct err *e);

/* mkdir -p; an existing directory must be empty (-EEXIST). */
int store_make_empty_dir(const char *path, struct err *e);
