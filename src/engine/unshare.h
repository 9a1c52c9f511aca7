/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A command in name spaces of its own, without a container: lxc-unshare and lxc-usernsexec. */

#include "base/strv.h"
#include "sys/idmap.h"

struct unshare_opts {
	unsigned flags;		  /* CLONE_NEW* */
	const struct idmap *maps; /* of a new user name space; none: it has no ids */
	size_t n_maps;
	int64_t uid, gid;	    /* -1: stays what it is */
	bool drop_groups;	    /* no supplementary groups */
	const char *hostname;	    /* NULL: as it is */
	const struct strv *ifnames; /* interfaces of the host to move into the new network name space; may be NULL */
	bool remount;		    /* /proc, /dev/shm and /dev/mqueue of the new name spaces */
	bool daemon;		    /* do not wait for it */
	char *const *argv;	    /* looked up in PATH */
};
#define UNSHARE_OPTS_INIT ((struct unshare_opts){ .uid = -1, .gid = -1 })

/* *RET_STATUS: the wait status; 0 for a daemon. What fails before the command is executed is an error; one that is not
 * there is -ENOENT. */
int engine_unshare(const struct unshare_opts *o, int *ret_status, struct err *e);

/*
 * The first ranges that /etc/subuid and /etc/subgid (below ROOT, NULL: the host) give the user UID, as maps of type 'u' and
 * 'g' that begin at 0. ERR_NOT_FOUND when it has none.
 */
int engine_subids(const char *root, uid_t uid, struct idmap ret[static 2], struct err *e);
