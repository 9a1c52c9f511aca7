/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: a set of paths, of which only 64 bits each are kept. Who makes two paths the same on purpose damages his own
 * archive only. */

#include <stdint.h>

#include "base/macros.h"

struct path_set {
	uint64_t *slots; /* 0: free */
	size_t n, size;	 /* SIZE: a power of two */
};
void path_set_done(struct path_set *s);
int path_set_add(struct path_set *s, const char *path, size_t len); /* -ENOMEM */
bool path_set_has(const struct path_set *s, const char *path);
