/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The engine's programs and data, found from where this library lies: the program that runs is somebody else's. */

#include <dlfcn.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "config.h"
#include "engine/self.h"

char *engine_self(void)
{
	/* Build tree, PREFIX/lib, PREFIX/lib/ARCH. */
	static const char *const beside[] = { "/../cli/creel", "/../bin/creel", "/../../bin/creel" };
	_cleanup_free_ char *lib = NULL;
	char path[PATH_MAX + 32], *slash;
	Dl_info info;

	if (dladdr((void *)(uintptr_t)engine_self, &info) && info.dli_fname)
		lib = realpath(info.dli_fname, NULL);
	slash = lib ? strrchr(lib, '/') : NULL;
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && i < ARRAY_SIZE(beside); i++) {
		snprintf(path, sizeof(path), "%s%s", lib, beside[i]);
		if (access(path, X_OK) == 0)
			return realpath(path, NULL);
	}
	return strdup(CREEL_BINDIR "/creel");
}
