/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The verbs of Docker's client are other programs' (docker/main.c). As those enter containers, they are executed from a
 * detached read-only mount of their folder at once, as protect.c does it for us: one execve(2) does both.
 */

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cli/cli.h"
#include "config.h"
#include "engine/self.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

/* The folder that has NAME: of the build, beside what is installed elsewhere, where it belongs. */
static int program_dir(const char *self_dir, const char *name, char ret[static PATH_MAX])
{
	const char *const places[][2] = { { self_dir, "" }, { self_dir, "/../libexec/creel" }, { CREEL_LIBEXEC, "" } };
	char path[PATH_MAX + NAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		/* Beside a program of the system's there is nothing of ours. */
		if (i < 2 && (streq(self_dir, "/usr/bin") || streq(self_dir, "/usr/sbin")))
			continue;
		if (snprintf(ret, PATH_MAX, "%s%s", places[i][0], places[i][1]) >= PATH_MAX)
			continue;
		snprintf(path, sizeof(path), "%s/%s", ret, name);
		if (access(path, X_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static void execute_protected(const char *dir, const char *name, char **argv)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	_cleanup_close_ int fd = sys_open_tree(AT_FDCWD, dir, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd >= 0 && sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr) >= 0)
		(void)sys_execveat(fd, name, argv, environ, 0);
}

void cli_delegate(const char *program, char **argv)
{
	_cleanup_free_ char *self = engine_self();
	char dir[PATH_MAX], path[PATH_MAX + NAME_MAX + 2], *slash = self ? strrchr(self, '/') : NULL;
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	char *first = argv[0], as[PATH_MAX + NAME_MAX + 2];

	if (!slash)
		return;
	*slash = '\0';
	if (program_dir(self, program, dir) < 0)
		return;
	/* By what name it was called, and where we are: the other finds its neighbours by that. */
	snprintf(as, sizeof(as), "%s/%s", self, name);
	argv[0] = as;
	if (geteuid() == 0)
		execute_protected(dir, program, argv);
	snprintf(path, sizeof(path), "%s/%s", dir, program);
	execv(path, argv);
	argv[0] = first;
}
