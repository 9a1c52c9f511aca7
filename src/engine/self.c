/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/self.h"

#include <errno.h>
#include <unistd.h>

#include "base/file.h"

char *engine_self(void)
{
	char buf[4096];
	ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);

	if (n <= 0)
		return NULL;
	buf[n] = '\0';
	/* Executed from a detached mount of its folder: the folder is in the name it was given then. */
	if (!strchr(buf + 1, '/') && *program_invocation_name == '/') {
		_cleanup_free_ char *name = strdup(program_invocation_name);

		if (!name)
			return NULL;
		*strrchr(name, '/') = '\0';
		return path_join(name, buf + 1);
	}
	return strdup(buf);
}
