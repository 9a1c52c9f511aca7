/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Images and containers with Docker's habits: what `creel run` and its neighbours call, and the Engine API's server will. What goes in and
 * comes out as text is the Engine API's JSON (1.45), so that neither of the two has a second form of anything. No function prints.
 *
 * A container made here has a row in creel.db (what was asked: Config, HostConfig, networks), a folder DATA/containers/ID (64 hex digits:
 * hosts, hostname, resolv.conf, log), a root over its image's layers and, while it runs, /run/creel/ID and a keeper as every other
 * container has. Nothing runs but keepers: there is no daemon.
 *
 * Kinds of error are the API's: ERR_NOT_FOUND 404, ERR_EXISTS and ERR_STATE 409, ERR_INVALID 400, ERR_DENIED 403, else 500.
 */

#include "base/log.h"
#include "engine/engine.h"
#include "image/images.h"
#include "image/registry.h"

/* The release of Docker whose interface this is. */
#define DOCKER_INTERFACE_VERSION "26.1.5"

struct docker_opts {
	const char *root;   /* data root, NULL: images_open()'s */
	const char *driver; /* of layers, NULL */
	const struct log *log;
	const struct registry_opts *registry;
};
struct docker;
int docker_open(const struct docker_opts *o, struct docker **ret, struct err *e);
struct docker *docker_free(struct docker *d);
DEFINE_CLEANUP(struct docker *, docker_free);
struct images *docker_images(struct docker *d);

/* Bytes as they come; non-zero (a negative errno) ends the call, which returns it. STREAM: 1 standard output, 2 standard error. */
struct docker_sink {
	int (*write)(void *arg, int stream, const void *data, size_t len);
	void *arg;
};

/* --- containers. ID: a name, an id, or a beginning of one that is no other's. LXC containers are found by name, too ------------ */

/* BODY: of POST /containers/create. NAME NULL: one is made up ("eager_turing"). An image that is not there: ERR_NOT_FOUND, nothing is pulled. -ESTALE: the storage
 * driver does not have its layers yet (docker_check()).
 * RET: {"Id", "Warnings"}. */
int docker_create(struct docker *d, const char *name, const char *body, const char *platform, struct buf *ret,
		  struct err *e);
/* 1: it runs already. What cannot be executed is -ENOENT (127) or -EACCES (126), the container exists. */
int docker_start(struct docker *d, const char *id, struct err *e);
/* SIGNAL NULL, TIMEOUT_S -2: as the container says (SIGTERM, 10). 1: it did not run. */
int docker_stop(struct docker *d, const char *id, const char *signal, int timeout_s, struct err *e);
int docker_restart(struct docker *d, const char *id, const char *signal, int timeout_s, struct err *e);
int docker_kill(struct docker *d, const char *id, const char *signal, struct err *e);
int docker_pause(struct docker *d, const char *id, bool pause, struct err *e);
int docker_rename(struct docker *d, const char *id, const char *name, struct err *e);
int docker_update(struct docker *d, const char *id, const char *body, struct buf *ret, struct err *e);
int docker_remove(struct docker *d, const char *id, bool force, bool volumes, struct err *e);
/* CONDITION: "not-running", "next-exit", "removed". */
int docker_wait(struct docker *d, const char *id, const char *condition, int *ret_code, struct err *e);
/* The same in two: what happens from BEGIN on is not missed, also that it is gone before END is called. */
struct docker_waiter;
int docker_wait_begin(struct docker *d, const char *id, const char *condition, struct docker_waiter **ret,
		      struct err *e);
int docker_wait_end(const struct docker_waiter *w, int *ret_code, struct err *e);
struct docker_waiter *docker_waiter_free(struct docker_waiter *w);
DEFINE_CLEANUP(struct docker_waiter *, docker_waiter_free);
int docker_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e);

/* What a host does when it has come up: what a life that ended with it has left goes, and those start whose policy wants it, oldest first:
 * always; unless-stopped that nobody stopped; on-failure that failed; each that was ever started. And before it goes down: all that run are
 * stopped, each in its own time, all at once, and what becomes of them then is not somebody's wish. TOLD hears of each, with E where R is
 * not 0; the answer is how many failed. */
typedef void (*docker_told_fn)(void *arg, const char *name, int r, const struct err *e);
int docker_host_up(struct docker *d, docker_told_fn told, void *arg, struct err *e);
int docker_host_down(struct docker *d, docker_told_fn told, void *arg, struct err *e);

/* Connects three fds with its streams: what the keeper still has of the log where LOGS; then until it ends (0), or the detach keys (1). IN
 * -EBADF: no input. With a terminal ERR is not used. SIG_PROXY is the caller's business. READY as above. */
struct docker_attach {
	int in, out, err;
	bool logs, stream;
	const char *detach_keys; /* "ctrl-p,ctrl-q" where NULL, "" none */
	void (*ready)(void *arg);
	void *arg;
	/* May be NULL. Where READY starts it, and it is not started again by itself, its end is seen to by this call rather than by a
	 * program that the keeper starts: then this is its code. Untouched otherwise. */
	int *ret_code;
};
int docker_attach(struct docker *d, const char *id, const struct docker_attach *a, struct err *e);
int docker_resize(struct docker *d, const char *id, unsigned rows, unsigned columns, struct err *e);

/* BODY: of POST /containers/ID/exec. RET: {"Id"}. */
int docker_exec_create(struct docker *d, const char *id, const char *body, struct buf *ret, struct err *e);
/* Runs it with the fds of A (NULL: detached) and waits. 1: the keys were typed to go away, and it goes on. */
int docker_exec_start(struct docker *d, const char *exec, const struct docker_attach *a, int *ret_code, struct err *e);
int docker_exec_resize(struct docker *d, const char *exec, unsigned rows, unsigned columns, struct err *e);
int docker_exec_inspect(struct docker *d, const char *exec, struct buf *ret, struct err *e);

struct docker_logs {
	bool follow, out, err, timestamps, details;
	int64_t since_ns, until_ns; /* 0: not said */
	int64_t tail;		    /* lines, -1: all */
};
int docker_logs(struct docker *d, const char *id, const struct docker_logs *o, const struct docker_sink *out,
		struct err *e);

/* RET: the API's answers. FILTERS: the API's JSON ({"name":["x"]}), NULL. */
struct docker_list {
	bool all, size;
	int limit; /* 0: no limit */
	const char *filters;
};
int docker_list(struct docker *d, const struct docker_list *o, struct buf *ret, struct err *e);
int docker_inspect(struct docker *d, const char *id, bool size, struct buf *ret, struct err *e);
int docker_top(struct docker *d, const char *id, const char *ps_args, struct buf *ret, struct err *e);
int docker_changes(struct docker *d, const char *id, struct buf *ret, struct err *e);
/* One object; the caller asks again for the next, and gives the last one for precpu_stats (NULL: none). */
int docker_stats(struct docker *d, const char *id, const char *last, struct buf *ret, struct err *e);
int docker_export(struct docker *d, const char *id, const struct docker_sink *out, struct err *e);
/* cp: PATH inside. STAT: the API's {"name","size","mode","mtime","linkTarget"}. */
int docker_archive_stat(struct docker *d, const char *id, const char *path, struct buf *stat, struct err *e);
int docker_archive_get(struct docker *d, const char *id, const char *path, struct buf *stat,
		       const struct docker_sink *out, struct err *e);
int docker_archive_put(struct docker *d, const char *id, const char *path, int in_fd, bool no_overwrite_dir,
		       bool copy_ids, struct err *e);
/* CHANGES: Dockerfile instructions. RET: {"Id"}. */
struct docker_commit {
	const char *repo, *tag, *author, *message;
	char *const *changes;
	bool pause;
};
int docker_commit(struct docker *d, const char *id, const struct docker_commit *o, struct buf *ret, struct err *e);

/* Objects, one a call, until UNTIL_NS (0: for ever) or the sink's word. */
int docker_events(struct docker *d, int64_t since_ns, int64_t until_ns, const char *filters,
		  const struct docker_sink *out, struct err *e);

/* --- images ----------------------------------------------------------------------------------------------------------------------- */

int docker_image_list(struct docker *d, bool all, bool digests, const char *filters, struct buf *ret, struct err *e);
int docker_image_inspect(struct docker *d, const char *name, struct buf *ret, struct err *e);
int docker_image_history(struct docker *d, const char *name, struct buf *ret, struct err *e);
int docker_image_remove(struct docker *d, const char *name, bool force, bool no_prune, struct buf *ret, struct err *e);
int docker_image_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e);
/* The cache of builds: an array of {ID, Type, Description, InUse, Shared, Size, CreatedAt, LastUsedAt, UsageCount}. */
int docker_build_cache(struct docker *d, struct buf *ret, struct err *e);
/* FILTERS: until, unused-for, id, type; all (what images share, too), keep-storage (bytes). RET: {CachesDeleted, SpaceReclaimed}. */
int docker_build_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e);
/* One of commit's and import's changes, an instruction of a Dockerfile: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER … */
int docker_change(struct container_config *c, const char *instruction, struct err *e);
/* pull, push, tag, save, load: image/images.h and image/registry.h, with docker_images(). */

/* --- volumes and networks ------------------------------------------------------------------------------------------------------------ */

int docker_volume_create(struct docker *d, const char *body, struct buf *ret, struct err *e);
/* USAGE: with size and users of each, which takes a walk through it. */
int docker_volume_list(struct docker *d, const char *filters, bool usage, struct buf *ret, struct err *e);
int docker_volume_inspect(struct docker *d, const char *name, struct buf *ret, struct err *e);
int docker_volume_remove(struct docker *d, const char *name, bool force, struct err *e);
int docker_volume_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e);

int docker_network_create(struct docker *d, const char *body, struct buf *ret, struct err *e);
int docker_network_list(struct docker *d, const char *filters, struct buf *ret, struct err *e);
int docker_network_inspect(struct docker *d, const char *name, struct buf *ret, struct err *e);
int docker_network_remove(struct docker *d, const char *name, struct err *e);
int docker_network_connect(struct docker *d, const char *name, const char *body, struct err *e);
int docker_network_disconnect(struct docker *d, const char *name, const char *id, bool force, struct err *e);
int docker_network_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e);

/* --- the whole ------------------------------------------------------------------------------------------------------------------------ */

int docker_info(struct docker *d, struct buf *ret, struct err *e);
int docker_version(struct docker *d, struct buf *ret, struct err *e);
int docker_df(struct docker *d, struct buf *ret, struct err *e);
/*
 * Looks whether what is stored is what it is said to be; REPAIR mends what can be mended. FOUND is called for each finding: WHAT, what
 * is the matter with it, and what was done, or NULL and, maybe, why nothing was. How many there are; RET_LEFT: that are left.
 */
struct docker_check {
	bool quick, repair;
	const char *image; /* only this one, and what it needs */
	void (*found)(void *arg, const char *what, const char *is, const char *mended, const char *why);
	void *arg;
};
int docker_check(struct docker *d, const struct docker_check *o, unsigned *ret_left, struct err *e);

/* --- the keeper's helpers: hidden commands of the program that started a container ---------------------------------------------------- */

/* keeper-exit ID STATUS CTL-FD: its first process has gone. Cleans up, starts it again, or removes it. */
int docker_keeper_exit(const char *id, int status, int ctl_fd, const struct log *log, struct err *e);
/* keeper-probe ID: one health check. */
int docker_keeper_probe(const char *id, const struct log *log, struct err *e);
