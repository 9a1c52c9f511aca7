/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The mount API (open_tree, fsopen, move_mount, mount_setattr): mounts are made detached, given their attributes, and
 * only then moved onto a target that is an fd. Nothing here allocates; the child side uses it.
 */

#include <stdint.h>

#include "base/err.h"

/* What an option list says. Options the VFS knows become attributes; the rest is the file system's data. */
struct mount_opts {
	uint64_t attr_set, attr_clr;   /* MOUNT_ATTR_* of the mount itself */
	bool recursive_attr;	       /* an "rro"-like option: attributes for the whole tree */
	uint64_t rattr_set, rattr_clr; /* recursive ones */
	uint64_t propagation;	       /* MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0 */
	bool propagation_rec;
	bool bind, rbind, remount, move;
	bool create_dir, create_file, optional, relative;
	bool tmpcopyup;		    /* a tmpfs begins with what lies under it */
	bool idmap_own, ridmap_own; /* "idmap", "ridmap": by maps that are said elsewhere */
	bool fs_ro;		    /* "ro" for a new file system's superblock */
	char idmap[256];	    /* idmap=…: "container" or a path; "" none */
	char data[2048];	    /* "size=1m,mode=755" */
};

/* Parses "ro,nosuid,create=dir,size=1m". -EINVAL, or -E2BIG when the data does not fit. */
int mount_opts_parse(const char *options, struct mount_opts *ret, struct err *e);

/* Two-way table of the options above: "nosuid" … . Returns the I-th option's name or NULL at the end (for docs). */
const char *mount_opt_name(unsigned i);

/* Length of the option at the start of S. A comma behind a backslash or within "…" does not end it. */
size_t mount_opt_len(const char *s);

/* Detached mount of a new file system. SOURCE may be NULL. DATA: "k=v,flag". An fd or -errno. */
int mount_new(const char *fstype, const char *source, const char *data, uint64_t attrs, bool sb_ro, struct err *e);

/* mount_new() in its parts, for those who fill the context themselves: fsopen(2), options as in DATA, the detached mount.
 * mount_fs_error() adds to R, which a call on FS_FD returned, what the kernel has to say about WHAT. */
int mount_open_fs(const char *fstype, struct err *e);
int mount_fs_options(int fs_fd, const char *fstype, const char *data, struct err *e);
int mount_finish(int fs_fd, const char *fstype, const char *source, uint64_t attrs, struct err *e);
int mount_fs_error(int fs_fd, int r, const char *fstype, const char *what, struct err *e);

/* Detached clone of the tree at DIRFD/PATH ("" with an O_PATH fd: itself). An fd or -errno. */
int mount_clone(int dirfd, const char *path, bool recursive, struct err *e);
/* The same of the device node FD: nosuid, noexec. */
int mount_clone_device(int fd, struct err *e);

/* Attributes and propagation of a detached or attached mount. 0 or -errno. */
int mount_set(int mnt_fd, uint64_t set, uint64_t clr, uint64_t propagation, bool recursive, struct err *e);

/* Shifts ownership on a detached mount by the maps of USERNS_FD. */
int mount_idmap(int mnt_fd, int userns_fd, bool recursive, struct err *e);

/* New options for the file system that is mounted at TARGET_FD. */
int mount_reconfigure(int target_fd, const char *fstype, const char *data, bool ro, struct err *e);

/* Attaches MNT_FD on top of what TARGET_FD (O_PATH) is. 0 or -errno. */
int mount_attach(int mnt_fd, int target_fd, struct err *e);

/* For the stop hook unmount-namespace: unmounts all but the root in the mount name space that the file MNT_NS is, USER_NS's
 * or NULL, last first, and returns when that is done. The calling process stays in there. DONE: what was unmounted, a line
 * each. The first failure of those that matter, after all were tried. */
struct buf;
int mount_unmount_all(const char *mnt_ns, const char *user_ns, struct buf *done, struct err *e);
