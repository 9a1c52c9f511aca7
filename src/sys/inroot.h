/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Look-ups inside a tree that somebody else controls: the one place where a container's paths are resolved.
 *
 * Every function takes the root's fd and a path as the container would write it. Symbolic links are followed inside
 * the root only, magic links never; ".." stops at the root. What comes back is an fd to work on: the path is never
 * given to the kernel a second time. Source: openat2(2); security class A (CVE-2015-1335, CVE-2021-30465, …).
 * Where the kernel lacks openat2 a component-wise O_NOFOLLOW walk with the same result is used (forced in a test).
 *
 * No allocation: usable on the child side of a start. All return an fd or a negative errno.
 */

#include <sys/types.h>

#include "base/err.h"

/* O_PATH fd of an existing object. FLAGS: O_DIRECTORY, O_NOFOLLOW. */
int inroot_open_path(int root_fd, const char *path, int flags);

/* Opens for reading or writing. FLAGS as for open(); O_CREAT only creates the last component, never through a link to
 * nothing (-ENOENT). Devices, fifos and sockets are refused (-EPERM) unless O_PATH, before they are opened. */
int inroot_open(int root_fd, const char *path, int flags, mode_t mode);

/* As inroot_open_path, but no component may be a symbolic link (-ELOOP): for /proc, /sys, /dev. */
int inroot_open_nolinks(int root_fd, const char *path, int flags);

/* mkdir -p inside the root, component by component, through links too; O_PATH fd of the last. New directories get MODE
 * (less the umask) and belong to the caller. */
int inroot_make_dirs(int root_fd, const char *path, mode_t mode);

/* Creates an empty regular file (and its parents, 0755) unless something is there; O_PATH fd of what is there. A link to
 * nothing gets its target made. */
int inroot_make_file(int root_fd, const char *path, mode_t mode);

/* Either of the two; NOLINKS: no component may be a symbolic link (-ELOOP). */
int inroot_make(int root_fd, const char *path, mode_t mode, bool is_dir, bool nolinks);

/* Splits: opens the parent (creating it with MAKE), *RET_NAME points into PATH at the last component, whose length is
 * the rest of the string. -EINVAL when there is no last component, or a slash after it. */
int inroot_open_parent(int root_fd, const char *path, bool make, const char **ret_name);

/* Reads a whole small regular file of the container (its /etc/passwd, say): at most MAX bytes. */
int inroot_read_file(int root_fd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);

/* The object behind an O_PATH fd, opened with FLAGS (read, write, O_DIRECTORY …): the same one, whatever its path has
 * become. Anything but directories needs a procfs at /proc with nothing mounted over it: -ENODEV or -EXDEV else. */
int inroot_reopen(int path_fd, int flags);
