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

/* Whether a copy into DIR, or the making of a container there, was begun and never finished. */
bool copy_is_partial(const char *dir);
/* Sets the mark of that: ROOT is what lies elsewhere (NULL: nothing), the files are those of OWNER's users. */
int copy_mark(const char *dir, const struct spec *owner, const char *root, struct err *e);
/* Says by a lock on the mark, as LXC's programs do, that somebody is at it; *RET_FD holds it. And asks for that. */
int copy_claim(const char *dir, int *ret_fd, struct err *e);
bool copy_is_claimed(const char *dir);
/* Removes what is left of such a one. The lock of the container that it would have become is the caller's. */
int copy_drop_partial(const char *dir, struct err *e);

/* swap_settle() as whom the files belong to. The same lock. */
int copy_settle(const char *dir, struct err *e);
/* Both, wherever they are due below the lxcpath: for doctor. */
int copy_doctor(struct engine *g, bool fix, struct buf *report, unsigned *found, struct err *e);

/* Calls FN as root of C's users where an ordinary user is behind them, else as we are. */
int copy_as_owner(const struct container *c, int (*fn)(void *arg, struct err *e), void *arg, struct err *e);

/* --- mounted.c ------------------------------------------------------------------------------------------------------- */

/* Calls FN in a process of its own in which ROOT is mounted on WHERE; returns what FN did, with its error. */
int with_root_mounted(const struct store_ref *root, const char *where, int (*fn)(void *arg, struct err *e), void *arg,
		      struct err *e);
/* The first half of it, for those who are in a process of their own already. */
int root_mount_here(const struct store_ref *root, const char *where, struct err *e);

/* Writes NAME into the root's etc/hostname where it has that. OWNER: whose users own the files. */
int copy_hostname(const struct container *owner, const struct store_ref *root, const char *name, struct err *e);

/* What lxc.conf says of new storage. */
void store_defaults(struct engine *g, struct store_opts *o);

/* One copy under way. */
struct copy_job {
	struct container *from, *to;
	const struct copy_opts *o;
	const char *put_dir; /* where everything is put: TO's folder, or what will take the place of things in it */
	int (*extra)(struct container *to, void *arg, struct err *e); /* before it is finished; NULL: nothing */
	void *arg;
	bool within; /* TO is a snapshot that goes with FROM: it is not said to rest on it */

	struct lxc_config *conf;
	struct store_opts store;
	struct store_ref src, dst;
	char *rootfs; /* "TYPE:PATH" of the new one, as it will be */
	bool shared;  /* it is a snapshot */
	bool apart;   /* the root is made by a process of its own */
	int dirfd, journal;
};
#define COPY_JOB_INIT ((struct copy_job){ .dirfd = -EBADF, .journal = -EBADF })
void copy_job_done(struct copy_job *j);

/* The source's text, and what the source is by it (of one that runs, too). */
int copy_load(struct copy_job *j, struct err *e);
/* Makes the root, called NAME where it lies elsewhere: then ELSEWHERE is told before. */
int copy_root(struct copy_job *j, const char *name, int (*elsewhere)(struct copy_job *j, struct err *e), struct err *e);
int copy_config(struct copy_job *j, struct err *e);
int copy_hooks(struct copy_job *j, struct err *e);
/* FROM, TO and O are set, FROM's lock is the caller's: the whole of it. */
int copy_locked(struct copy_job *j, struct err *e);
int copy_check_source(struct container *c, const struct copy_opts *o, struct err *e);
/* S becomes what CONF means. */
int copy_take_spec(struct spec *s, struct lxc_config *conf, struct err *e);

/* --- snapshot.c ------------------------------------------------------------------------------------------------------- */

/* Folders that hold C's snapshots: its own, and the one beside the lxcpath where old releases kept them. */
int snapshot_dirs(const struct container *c, struct strv *ret, struct err *e);
