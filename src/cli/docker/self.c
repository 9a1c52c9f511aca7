/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program that keepers are to call: creel-docker, from itself and from creel-online. */

#include "engine/self.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "config.h"

#define NAME "creel-docker"

static char *beside(const char *file, const char *rest)
{
	const char *slash = strrchr(file, '/');
	char path[2 * PATH_MAX];

	if (!slash || *file != '/')
		return NULL;
	snprintf(path, sizeof(path), "%.*s%s/" NAME, (int)(slash - file), file, rest);
	return access(path, X_OK) == 0 ? strdup(path) : NULL;
}

char *engine_self(void)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *found = NULL;

	exe[n > 0 ? n : 0] = '\0';
	/* Executed from a detached mount of its folder: the name that we were called by tells where that is. */
	if (n > 0 && strchr(exe + 1, '/'))
		found = beside(exe, "");
	if (!found)
		found = beside(program_invocation_name, "");
	if (!found)
		found = beside(program_invocation_name, "/../libexec/creel");
	return found ?: path_join(CREEL_LIBEXEC, NAME);
}
