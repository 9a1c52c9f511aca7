/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

/*
 * What has been done to the host for one container, and how to undo it.
 *
 * A line "KIND ARGUMENT" is appended before the operation is applied; each kind names an undo function that takes the
 * argument alone, may run any number of times, and takes "already gone" for success. journal_undo() runs them from the
 * last line to the first and forgets lines only when it has tried all, so that a kill in the middle loses nothing.
 */

#include "base/err.h"
#include "base/log.h"
#include "base/strv.h"

struct undo_ctx {
	int dirfd; /* the container's run directory */
	const char *id;
	const struct log *log;
	struct cg_host *cg_host; /* of whom has one open already, NULL: it is opened where it is needed */
};

struct undo_kind {
	const char *name; /* one word; never changes, for journals outlive upgrades */
	const char *what; /* for people: "control group", "network device" */
	int (*undo)(const struct undo_ctx *c, const char *arg, struct err *e);
};

/* Ended by a NULL name. */
extern const struct undo_kind undo_kinds[];

/* Keeps the network name space NS_FD as <run dir>/netns: devices of the host in there would end with it, or lose what
 * they were. Once is enough; of what is not pinned unpin knows nothing. */
int netns_pin(int dirfd, int ns_fd, struct err *e);
void netns_unpin(int dirfd);
/* Ends the program whose number PID_FILE has, an ordinary user's way out. */
int user_net_stop(const char *pid_file);

int journal_open(int dirfd, struct err *e); /* O_APPEND fd */
int journal_add(int fd, const char *kind, const char *arg, struct err *e);
/* Drops the line that was just added: what it would undo turned out to be somebody else's. */
void journal_take_back(int fd, const char *kind, const char *arg);

/* Arguments of all entries of KIND, in order, appended to RET. */
int journal_find(int dirfd, const char *kind, struct strv *ret, struct err *e);
/* Forgets the entry: what it stands for has been undone otherwise. Under the container's lock. */
int journal_drop(int dirfd, const char *kind, const char *arg, struct err *e);

/* Undoes everything. Goes on after a failure and returns the first one; what failed stays in the journal. */
int journal_undo(const struct undo_ctx *c, struct err *e);

/* One line per entry, for people: "control group lxc.payload.c1". N: how many. */
struct buf;
int journal_describe(int dirfd, struct buf *out, unsigned *ret_n, struct err *e);
