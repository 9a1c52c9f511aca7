/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Id maps of user name spaces: written directly where we may, else by newuidmap(1) and newgidmap(1). */

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct idmap {
	char type; /* 'u', 'g' or 'b' */
	uint32_t nsid, hostid, range;
};

/* Writes both maps of PID's user name space. */
int idmap_write(pid_t pid, const struct idmap *maps, size_t n, struct err *e);

/* fd of a fresh user name space with these maps, for idmapped mounts; nothing runs in it. fd or -errno. */
int idmap_userns_fd(const struct idmap *maps, size_t n, struct err *e);

/* Host id of container id NSID, or -EINVAL when it is not mapped. TYPE 'u' or 'g'. */
int64_t idmap_to_host(const struct idmap *maps, size_t n, char type, uint32_t nsid);

/* Adds the id OWN of the host's to the N maps of MAPS, which has room for one more, unless it is there. *RET_NSID is what it
 * is in there. Returns how many there are. */
size_t idmap_add_own(struct idmap *maps, size_t n, char type, uint32_t own, uint32_t *ret_nsid);

/* Calls FN as root of a fresh user name space with these maps, in a process of its own; returns what FN did, with its
 * error. For trees that belong to a container's users and are worked on by the ordinary user behind them. */
int idmap_call(const struct idmap *maps, size_t n, int (*fn)(void *arg, struct err *e), void *arg, struct err *e);
