/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Commands that are not for people: creel keeper-exit ID STATUS CTL-FD, which the keeper of container ID starts when init
 * has gone; creel keeper-command ID FD, which it starts for each connection of a program of LXC's library; creel copy-tree
 * FROM TO and creel untar [OPTION...] DIR <ARCHIVE, which templates use; creel unmount-all MNT-NS [USER-NS], which a hook
 * uses.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/parse.h"
#include "cli/cli.h"
#include "engine/lxc-command.h"
#include "store/untar.h"
#include "sys/mount.h"

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

static int keeper_command(int argc, char *const *argv)
{
	int32_t fd;

	if (argc != 4 || parse_i32(argv[3], &fd) < 0 || fd < 0)
		return 2;
	fd_set_cloexec(fd, true);
	return engine_lxc_command(argv[2], fd, NULL) < 0;
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

/* Options of untar: --strip=N, --no-devices, --files-only, --whiteouts, --layer, --exclude=PATTERN. */
static int untar_option(const char *arg, struct untar_opts *o, struct strv *exclude)
{
	const char *v = startswith(arg, "--strip=");
	int32_t n;

	if (v) {
		if (parse_i32(v, &n) < 0 || n < 0)
			return -EINVAL;
		o->strip = (unsigned)n;
		return 0;
	}
	v = startswith(arg, "--exclude=");
	if (v)
		return strv_push(exclude, v, NULL);
	if (streq(arg, "--no-devices"))
		o->no_devices = true;
	else if (streq(arg, "--files-only"))
		o->files_only = true;
	else if (streq(arg, "--whiteouts"))
		o->whiteouts = UNTAR_REMOVE;
	else if (streq(arg, "--layer"))
		o->whiteouts = UNTAR_LAYER;
	else
		return -EINVAL;
	return 0;
}

static int untar(int argc, char *const *argv)
{
	_cleanup_strv_ struct strv exclude = STRV_INIT;
	_cleanup_close_ int root = -EBADF;
	struct untar_opts o = { 0 };
	struct err e = { 0 };

	for (int i = 2; i < argc - 1; i++)
		if (untar_option(argv[i], &o, &exclude) < 0)
			return 2;
	if (argc < 3)
		return 2;
	o.exclude = exclude.n ? strv_get(&exclude) : NULL;
	root = open(argv[argc - 1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) {
		fprintf(stderr, "creel: open %s: %m\n", argv[argc - 1]);
		return 1;
	}
	if (store_untar(root, STDIN_FILENO, &o, &e) == 0)
		return 0;
	fprintf(stderr, "creel: %s\n", e.msg);
	return 1;
}

static int unmount_all(int argc, char *const *argv)
{
	_cleanup_buf_ struct buf done = BUF_INIT;
	struct err e = { 0 };
	int r;

	if (argc != 3 && argc != 4)
		return 2;
	r = mount_unmount_all(argv[2], argv[3], &done, &e);
	fputs(buf_str(&done), stdout);
	if (r == 0)
		return 0;
	fprintf(stderr, "creel: %s\n", e.msg);
	return 1;
}

int cli_hidden(int argc, char *const *argv)
{
	if (streq(argv[1], "keeper-exit"))
		return keeper_exit(argc, argv);
	if (streq(argv[1], "keeper-command"))
		return keeper_command(argc, argv);
	if (streq(argv[1], "copy-tree"))
		return copy_tree(argc, argv);
	if (streq(argv[1], "untar"))
		return untar(argc, argv);
	if (streq(argv[1], "unmount-all"))
		return unmount_all(argc, argv);
	return -1;
}
