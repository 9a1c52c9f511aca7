/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: between the files that copy containers. */

#include "engine/copy.h"
#include "engine/internal.h"
#include "store/store.h"

/* --- depends.c: who rests on whom ------------------------------------------------------------------------------------ */

/* How many clones rest on the container in DIR. Those that are gone do not count. */
int depends_clones(const char *dir, unsigned *ret, struct err *e);
/* TO begins with what FROM rests on, and with FROM itself where SELF says that it rests on that, too. */
int depends_write(const struct container *from, const struct container *to, bool self, struct err *e);
/* Tells all that C rests on that it is there (ADD), or that it has gone. Those that are gone themselves are passed over. */
int depends_tell(const char *dir, const char *lxcpath, const char *name, bool add, struct err *e);
/* Whether C has snapshots of its own. */
bool depends_snapshots(const struct container *c);

/* --- copy-config.c: the text ----------------------------------------------------------------------------------------- */

struct copy_text {
	const char *from_dir, *to_dir; /* folders of the two, as paths in the text name them */
	const char *put_dir;	       /* where files for TO_DIR are put meanwhile */
	const char *name;	       /* new host name, NULL: kept */
	const char *rootfs;	       /* "TYPE:PATH", NULL: kept */
	bool new_macs;
};
/* Edits CONF, which came from FROM_DIR, for TO_DIR; copies hooks and the fstab that lie in FROM_DIR to PUT_DIR. */
int copy_text(struct lxc_config *conf, const struct copy_text *t, struct err *e);

/* --- copy.c ---------------------------------------------------------------------------------------------------------- */

/* Whether a copy into DIR was begun and never finished. */
bool copy_is_partial(const char *dir);
/* Removes what is left of such a one. The lock of the container that it would have become is the caller's. */
int copy_drop_partial(const char *dir, struct err *e);

/* Calls FN as root of C's users where an ordinary user is behind them, else as we are. */
int copy_as_owner(const struct container *c, int (*fn)(void *arg, struct err *e), void *arg, struct err *e);

/* The host name that a root file system says, where it says one. */
int copy_hostname(const struct store_ref *root, const char *options, const char *name, struct err *e);
