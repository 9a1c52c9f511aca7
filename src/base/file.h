/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Whole files on the host. Never for paths inside a container's root: those go through sys/inroot.h.
 * DIRFD is AT_FDCWD or an open directory.
 */

#include <sys/types.h>

#include "base/err.h"

/* Reads up to MAX bytes; a larger file is -E2BIG. *RET is NUL-terminated (free()), *RET_LEN may be NULL. */
int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);

/* Reads a small (procfs, cgroupfs) file into BUF, NUL-terminated, trailing newline cut. Bytes, or -errno. */
ssize_t file_read_small(int dirfd, const char *path, char *buf, size_t size);

/* One write() to an existing file, as kernel interface files want it. */
int file_write(int dirfd, const char *path, const char *text, struct err *e);

/* The same without an error object, for the child side: 0 or -errno. */
int file_write_raw(int dirfd, const char *path, const void *data, size_t len);

/* Temporary name in the same directory, fsync where DURABLE, rename over PATH: a reader sees old or new, never half. */
int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode, bool durable, struct err *e);
/* The same for what ends with the boot or is written anew: nobody waits for a disk, and after a power failure it may be empty. */
int file_replace_lazy(int dirfd, const char *path, const void *data, size_t len, mode_t mode, struct err *e);

/* Removes what killed ones of them have left in DIRFD, where nobody is at one now. */
void file_replace_sweep(int dirfd);

/* mkdir -p; existing directories are left as they are. */
int dir_make_all(const char *path, mode_t mode, struct err *e);

/* rm -rf below and including PATH, never crossing into another file system, never following links. Missing is fine. */
int tree_remove(int dirfd, const char *path, struct err *e);

bool file_exists(int dirfd, const char *path);

/* Joins with exactly one slash. NULL when out of memory. */
char *path_join(const char *a, const char *b);

/* One path component: not empty, not "." or "..", no slash, at most 255 bytes. */
bool path_is_component(const char *s);
