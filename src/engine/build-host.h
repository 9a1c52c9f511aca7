/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a build (image/build/build.h) needs of the engine: a container for each RUN, images of a registry, files of a URL. */

#include "base/log.h"
#include "image/build/build.h"
#include "image/registry.h"

struct build_env {
	const struct log *log;
	const struct registry_opts *registry; /* NULL: the defaults */
	void (*say)(void *arg, const char *text, size_t len);
	void *arg;
};
/* H's functions work with ENV, which must stay. */
void build_host_init(struct build_host *h, struct build_env *env);
