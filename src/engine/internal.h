/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the engine's files. */

#include "dialect/lxc/lxc.h"
#include "engine/engine.h"
#include "engine/self.h"
#include "runtime/run.h"

struct engine {
	char *lxcpath;
	bool usual_path; /* nobody asked for another: containers that lie in none are shown, too */
	char *run_dir;
	const struct log *log;
	bool dry_run;
	struct buf *plan;
	struct strv globals;	 /* "lxc.lxcpath=…" as read from lxc.conf */
	struct cg_host *cg_host; /* probed on first use */
};

/* The engine of the lxcpath that the container with this id was started from, and its name. */
int engine_of_id(const char *id, const struct log *log, struct engine **ret, char **ret_name, struct err *e);

/* The host's control groups, probed once. */
int engine_cgroups(struct engine *g, struct cg_host **ret, struct err *e);

/* Where our own files are: beside the running program (build tree, staged install) or where they were installed.
 * free(); NULL when it is in neither. */
enum resource { RES_KEEPER, RES_REGISTRY, RES_INIT, RES_TEMPLATES, RES_CONFIG, RES_ETC, RES_LXC_LIBEXEC };
char *engine_resource(enum resource kind, const char *name);

/* Not the host's root: an ordinary user, or root of a user name space only. */
bool engine_rootless(void);

/* Appends a line to the dry-run's text. Returns true when the caller must change nothing. */
bool engine_dry(struct engine *g, const char *fmt, ...) _printf_(2, 3);

/* container_open() of a container of another lxcpath. */
int container_open_in(struct engine *g, const char *lxcpath, const char *name, unsigned flags, struct container **ret,
		      struct err *e);

/* A group for the first process, and (NULL: not asked for) for the keeper, where nothing runs yet. The caller's to free;
 * NULL on a host without control groups. */
int container_pick_group(struct container *c, bool rootless, char **ret, struct err *e);
int container_monitor_group(struct container *c, char **ret, struct err *e);

/* The log of one container's life: the caller's, if it has a place, else what lxc.log.* say; one of those that cannot be
 * opened is NULL and *e. L holds what it needs. */
struct container_log {
	struct log file, both;
	int sock, facility;
};
/* The level for LXC_LOG_LEVEL of hooks; NULL: nobody has said one. */
const char *container_log_level(const struct container *c);

const struct log *container_log_open(struct container *c, struct container_log *l, struct err *e);
void container_log_done(struct container_log *l);
#define _cleanup_log_ _cleanup_(container_log_done)

/* The container's group, open. -ESTATE kind when it does not run. */
int container_cgroup(struct container *c, struct cg **ret, struct err *e);

/* Who holds the name spaces of a container that has stop hooks: a keeper, reached over CTL, or this process. */
struct ns_holder {
	pid_t pid;
	int ctl; /* -EBADF: this process */
	int fds[NS_MAX];
	unsigned n;
};
/* The ending of a life: stop hooks, undo, STOPPED. REBOOT says what init's status asks for. The lock is the caller's. */
int container_ended(struct container *c, int dirfd, int status, struct ns_holder *h, bool *ret_reboot, struct err *e);

/* What a dead or aborted life left behind, undone. The lock is the caller's. */
int container_recover(struct container *c, int dirfd, struct err *e);

/* Removes the run directory of a container that is not defined or destroyed, and its lock's file. The lock is the
 * caller's. */
int container_forget(struct container *c, struct err *e);
