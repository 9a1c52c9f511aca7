/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: what the drivers of block devices share. */

#include "store/driver.h"

#define BLOCK_SIZE_DEFAULT (1ULL << 30)

/* Makes a file system on DEV, by the mkfs of its type. */
int block_mkfs(const char *dev, const struct store_opts *o, struct err *e);
/* Detached mount of what is on DEV, whatever that is. WHAT: for messages. */
int block_open_tree(const char *dev, const char *what, const char *options, bool ro, struct err *e);
/* The name of the file system on it, or NULL. */
const char *block_fs_type(int fd);
uint64_t block_size(const char *dev);

/* A loop device that shows FILE and ends with the last who uses it; its name in DEV. fd. */
#define LOOP_DEV_MAX 32
int loop_attach(const char *file, bool *ret_ro, char dev[static LOOP_DEV_MAX], struct err *e);

/* Waits for a node that udev makes. */
int block_wait(const char *dev, struct err *e);

/* Is there such a tool? An error that names the package. For those that do something else before they run it. */
int store_need(const char *package, const char *prog, struct err *e);
/* Runs a tool. Missing: PACKAGE is named. A status that is not 0 is an error with the first line of what it said.
 * *RET_OUTPUT may be NULL. */
int store_tool(const char *package, char **ret_output, struct err *e, const char *prog, ...)
	__attribute__((__sentinel__));
