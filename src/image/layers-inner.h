/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inside src/image only: layers and roots as folders, and the drivers.
 *
 *   DIR/driver                a link to nothing: the driver of what is made where nobody says another
 *   DIR/DRIVER/HEX/t          the layer's tree: with overlay this layer alone, else all of it; thin: a link that says its volume
 *   DIR/DRIVER/HEX/info       a link to nothing: "PARENT DIFF BYTES DISK[ BOOT]", PARENT "-" where there is none. BOOT: made since
 *                             that boot of the machine, and maybe not on the disk yet (layers_settle())
 *   DIR/DRIVER/.new-KEY       one that is being made, locked (flock) by whoever does
 *   DIR/DRIVER/.bottom        overlay: what a container's root has where no layer has it (mount points)
 *   DIR/thin/.pool/           of thin volumes (store/thin.h)
 *   DIR/roots/ID/             chain (a link to nothing: "CHAIN DRIVER"), and what the driver has there
 *   DIR/roots/.gone-…         one that is being removed
 *
 * A folder with its final name is whole, unless it is one of an earlier BOOT. HEX: digits of the chain id.
 */

#include "image/layers.h"
#include "store/thin.h"
#include "store/untar.h"

struct layers {
	char *dir;
	int fd;	   /* DIR/DRIVER */
	int roots; /* DIR/roots */
	bool user; /* in a user name space: overlayfs with "user." attributes */
	const struct layer_driver *driver;
	struct layers *next;   /* what other drivers have made: the same for each of them */
	struct thin_opts thin; /* its pool is POOL */
	char *pool;
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
	/* Whether DIR_FD, a folder, can have it; where nobody asks for it, that is why it is chosen. */
	bool (*suits)(const char *dir, int dir_fd);
	/* The same for who asks for it, with the reason. NULL: what suits() says. */
	int (*can)(struct layers *l, struct err *e);
	/* Makes the folder NEW/t (an absolute path, NEW_FD is NEW's), in which PARENT's layer is unpacked over; NULL: over nothing.
	 * Its fd. */
	int (*begin)(struct layers *l, int new_fd, const char *new_tree, const char *parent, struct err *e);
	/* Removes NAME of DIR_FD, which is PATH: a tree of ours, or a folder that has some in it. */
	int (*remove)(struct layers *l, int dir_fd, const char *path, const char *name, struct err *e);
	/* What ID's folder (made, with its chain) needs; *RET what spec.rootfs.path is to say. */
	int (*root_make)(struct layers *l, const char *id, const char *chain, struct err *e);
	int (*root_ref)(struct layers *l, const char *id, const char *chain, char **ret, struct err *e);
	/* A detached mount of what CHAIN alone is. */
	int (*open_chain)(struct layers *l, const char *chain, struct err *e);
	/* The same of a root, without a way to write to it. */
	int (*open_read)(struct layers *l, const char *id, const char *chain, struct err *e);
	/* To walk in: what a root holds. */
	int (*open_root)(struct layers *l, const char *id, const char *chain, struct err *e);
	/* When there is nothing of it any more, maybe. NULL: nothing is to be done. */
	int (*idle)(struct layers *l, struct err *e);
	/* What info shows of it: FN with pairs. NULL: nothing. */
	int (*figures)(struct layers *l, void (*fn)(void *arg, const char *name, const char *value), void *arg,
		       struct err *e);
	/* FN for what there is of it that neither layers nor roots say; REPAIR: removes it. NULL: there is no such thing. */
	int (*stray)(struct layers *l, bool repair, void (*fn)(void *arg, const char *what), void *arg, struct err *e);
	/* Whether the folder NAME of DIR_FD has its tree. */
	bool (*sound)(struct layers *l, int dir_fd, const char *name);
	bool over;   /* a root holds what has changed only, as overlayfs has it */
	bool own_fs; /* each tree is a file system of its own */
};
extern const struct layer_driver layer_overlay, layer_btrfs, layer_copy, layer_thin;

/* Chain of ID's root, "" for an empty one. *L becomes that of the driver that has it. */
int root_find(struct layers **l, const char *id, char ret[static DIGEST_MAX], struct err *e);

/* Removes the folder NAME of DIR/roots, by the driver that has made it. */
int root_destroy(struct layers *l, const char *name, struct err *e);

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
