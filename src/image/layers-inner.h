/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inside src/image only: layers and roots as folders, and the drivers.
 *
 *   DIR/DRIVER/HEX/t          the layer's tree: with overlay this layer alone, else all of it
 *   DIR/DRIVER/HEX/info       a link to nothing: "PARENT DIFF BYTES DISK[ BOOT]", PARENT "-" where there is none. BOOT: made since
 *                             that boot of the machine, and maybe not on the disk yet (layers_settle())
 *   DIR/DRIVER/.new-KEY       one that is being made, locked (flock) by whoever does
 *   DIR/DRIVER/.bottom        overlay: what a container's root has where no layer has it (mount points)
 *   DIR/roots/ID/             chain (a link to nothing: the chain id), and what the driver has there
 *   DIR/roots/.gone-…         one that is being removed
 *
 * A folder with its final name is whole, unless it is one of an earlier BOOT. HEX: digits of the chain id.
 */

#include "image/layers.h"
#include "store/untar.h"

struct layers {
	char *dir;
	int fd;	   /* DIR/DRIVER */
	int roots; /* DIR/roots */
	bool user; /* in a user name space: overlayfs with "user." attributes */
	const struct layer_driver *driver;
};

struct layer_info {
	char parent[DIGEST_MAX], diff[DIGEST_MAX]; /* PARENT "": none */
	uint64_t bytes, disk;
	char boot[40]; /* "": it is on the disk */
};
void layer_info_boot(struct layer_info *i); /* of now */
int layer_info_read(struct layers *l, const char *chain, struct layer_info *ret, struct err *e);
int layer_info_write(int layer_fd, const struct layer_info *i, struct err *e);

/* CHAIN's layers from the top down, as chain ids. */
int layer_stack(struct layers *l, const char *chain, struct strv *ret, struct err *e);
/* "DIR/DRIVER/HEX/t" (free()) */
char *layer_path(const struct layers *l, const char *chain);
/* "DIR/roots/ID/NAME" (free()) */
char *root_path(const struct layers *l, const char *id, const char *name);

struct layer_driver {
	const char *name;
	enum untar_whiteouts mode;
	/* Whether DIR_FD, an empty folder, can have it. */
	bool (*suits)(const char *dir, int dir_fd);
	/* Makes the folder NEW/t (an absolute path), in which PARENT's layer is unpacked over; NULL: over nothing. */
	int (*begin)(struct layers *l, const char *new_tree, const char *parent, struct err *e);
	/* Removes a folder that has trees of ours in it. */
	int (*remove)(int dir_fd, const char *path, const char *name, struct err *e);
	/* What ID's folder (made, with its chain) needs; *RET what spec.rootfs.path is to say. */
	int (*root_make)(struct layers *l, const char *id, const char *chain, struct err *e);
	int (*root_ref)(struct layers *l, const char *id, const char *chain, char **ret, struct err *e);
	/* A detached mount of what CHAIN alone is. */
	int (*open_chain)(struct layers *l, const char *chain, struct err *e);
	/* The same of a root, without a way to write to it. */
	int (*open_read)(struct layers *l, const char *id, const char *chain, struct err *e);
	bool over; /* a root holds what has changed only, as overlayfs has it */
};
extern const struct layer_driver layer_overlay, layer_btrfs, layer_copy;

/* Chain of ID's root, "" for an empty one. */
int root_chain(struct layers *l, const char *id, char ret[static DIGEST_MAX], struct err *e);

/* What Docker has in every root for mounts, empty: its init layer. Ended by a NULL name. */
struct bottom_entry {
	const char *name, *link;
	bool is_dir;
};
extern const struct bottom_entry bottom_entries[];
/* Those that are missing below the root of TREE. */
int bottom_make(int tree, struct err *e);

/* overlay: a mount of STACK (top first) with the bottom below it. */
int layer_open_below(struct layers *l, const struct strv *stack, struct err *e);

/* Unpacks IN into TREE; its digest. */
int layer_stream(int tree, const struct layer_input *in, const struct untar_opts *o, char ret_diff[static DIGEST_MAX],
		 struct err *e);
