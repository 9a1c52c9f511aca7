/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Commands that are not for people: creel keeper-exit ID STATUS CTL-FD, which the keeper of container ID starts when init
 * has gone, and creel copy-tree FROM TO, which templates use.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/parse.h"
#include "cli/cli.h"

static int keeper_exit(int argc, char *const *argv)
{
	struct log log = { .fd = -EBADF };
	struct err e = { 0 };
	int32_t status, ctl;
	int r;

	if (argc != 5 || parse_i32(argv[3], &status) < 0 || parse_i32(argv[4], &ctl) < 0)
		return 2;
	if (ctl >= 0)
		fd_set_cloexec(ctl, true);
	r = engine_keeper_exit(argv[2], status, ctl, &log, &e);
	/* Nobody reads our standard streams; what could not be undone stays in the journal, for doctor. */
	return r < 0;
}

static int copy_tree(int argc, char *const *argv)
{
	struct err e = { 0 };

	if (argc != 4)
		return 2;
	if (engine_copy_tree(argv[2], argv[3], &e) == 0)
		return 0;
	fprintf(stderr, "creel: %s\n", e.msg);
	return 1;
}

int cli_hidden(int argc, char *const *argv)
{
	if (streq(argv[1], "keeper-exit"))
		return keeper_exit(argc, argv);
	if (streq(argv[1], "copy-tree"))
		return copy_tree(argc, argv);
	return -1;
}
