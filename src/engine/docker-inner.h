/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between the engine's files for containers of images.
 *
 * What was asked is a row of creel.db; what has become of it is the file `state` of DATA/containers/ID, replaced as a whole
 * at each change, so that those who wait need inotify only. The lock of the id is held for every change of life.
 */

#include <dirent.h>

#include "dialect/docker/docker.h"
#include "engine/docker.h"
#include "engine/internal.h"
#include "runtime/plan.h"
#include "sys/errand.h"

struct docker {
	struct images *images;
	const struct log *log;
	const struct registry_opts *registry;
	struct engine *engine; /* of the same host */
	char *text;	       /* of the container that was found last, and the same parsed: most commands have one */
	struct json_c_value *doc;
};

/* A container as it was asked for. */
struct docker_row {
	char *id, *name, *image; /* image: "sha256:…" */
	int64_t created_ns;
	char *text;		  /* the JSON below */
	struct json_c_value *doc; /* Config, HostConfig, Networks, Mounts, Rootfs, Driver, Warnings */
	struct json_c_value *host, *config;
};
void docker_row_done(struct docker_row *c);
#define _cleanup_row_ _cleanup_(docker_row_done)

/* By name, id or the beginning of an id. ERR_NOT_FOUND "No such container: X". */
int docker_find(struct docker *d, const char *id, struct docker_row *ret, struct err *e);
/* The one whose id begins so, whatever others are called. */
int docker_find_id(struct docker *d, const char *id, struct docker_row *ret, struct err *e);
/* All of them, newest first, not parsed yet; FN's non-zero answer ends it and is returned. The row lives as long as the call. */
int docker_each(struct docker *d, int (*fn)(void *arg, struct docker_row *c), void *arg, struct err *e);
/* Reads .text. */
int docker_row_parse(struct docker_row *c, struct err *e);

enum docker_status { DS_CREATED, DS_RUNNING, DS_PAUSED, DS_RESTARTING, DS_REMOVING, DS_EXITED, DS_DEAD };
extern const char *const docker_status_names[];

enum docker_health { DH_NONE, DH_STARTING, DH_HEALTHY, DH_UNHEALTHY };
extern const char *const docker_health_names[];

struct docker_state {
	enum docker_status status;
	int pid;
	int exit_code;
	int64_t started_ns, finished_ns;
	bool oom, stopped; /* stopped: somebody asked for it: the policy does not start it again */
	bool down;	   /* the host was about to: the same until it has come up again */
	bool kept;	   /* by a restart: its end does not remove it */
	bool volumes;	   /* removing: its anonymous volumes are to go along */
	int restarts;
	enum docker_health health;
	char *error;
};
void docker_state_done(struct docker_state *s);
#define _cleanup_state_ _cleanup_(docker_state_done)

/* DATA/containers/ID, O_DIRECTORY. -ENOENT: it is being removed. */
int docker_dir(const struct docker *d, const char *id, struct err *e);
char *docker_path(const struct docker *d, const char *id, const char *name); /* free(); NULL: out of memory */
/* As it is now: what says that it runs is looked at. DIRFD: of docker_dir(). */
int docker_state_read(int dirfd, const char *id, struct docker_state *ret, struct err *e);
int docker_state_write(int dirfd, const struct docker_state *s, struct err *e);
/* Of a container that is running: its record. ERR_STATE where it is not. */
int docker_running(const struct docker_row *c, struct record *ret, struct err *e);

/* Merged Config of C. */
int docker_config(const struct docker_row *c, struct container_config *ret, struct err *e);

/* Something happened to C. EXTRA: pairs "K=V" of attributes, NULL-terminated, may be NULL. Errors are nobody's business. */
void docker_event(struct docker *d, const struct docker_row *c, const char *action, const char *const *extra);
void docker_event_of(struct docker *d, const char *type, const char *action, const char *id, const char *const *extra);

int64_t docker_now(void);
/* RFC 3339 with nanoseconds; 0 is "0001-01-01T00:00:00Z". */
const char *docker_time(int64_t ns, char buf[static 40]);
/* 64 hex digits. */
int docker_new_id(char ret[static 65], struct err *e);
/* A HostConfig that asks for more than this machine has. */
int docker_check_machine(const struct json_c_value *host, struct err *e);
/* "SIGTERM", "TERM", "15". */
int docker_signal(const char *s, int *ret, struct err *e);

/* --- docker-create.c ----------------------------------------------------------------------------------------------------- */

/* -EEXIST: another container has the name. */
int docker_name_free(struct docker *d, const char *name, struct err *e);

/* --- docker-start.c ------------------------------------------------------------------------------------------------------ */

/* "USER[:GROUP]" by the files under ROOT. */
struct passwd_user;
int docker_find_user(int root, const char *spec, struct passwd_user *ret, struct err *e);
/* Of others, held until the container has what it was to get: a number of a process, and a path, may be somebody else's by then. */
struct docker_held {
	int ns[NS_MAX];		  /* -EBADF: none */
	struct plan_given *given; /* their targets are the spec's */
	size_t n_given;
};
int docker_spec_of(struct docker *d, struct docker_row *c, struct spec *ret, struct docker_held *held, struct err *e);
/* The lock is the caller's. CTL_FD: of the keeper that goes on, -EBADF: a new one. */
int docker_start_locked(struct docker *d, struct docker_row *c, int dirfd, struct docker_state *st, int ctl_fd,
			struct err *e);

/* --- docker-life.c -------------------------------------------------------------------------------------------------------- */

/* Ends a container that is running, with the lock held. */
int docker_kill_wait(struct docker *d, const struct docker_row *c, int timeout_ms, struct err *e);
/* The host goes down: ID is asked to end, 1: it does not run. Then waited for, its own time from SINCE_MS (monotonic) on, and
 * killed. */
int docker_down_begin(struct docker *d, const char *id, struct err *e);
int docker_down_end(struct docker *d, const char *id, int64_t since_ms, struct err *e);
/* All of C goes. */
int docker_remove_locked(struct docker *d, struct docker_row *c, bool volumes, struct err *e);
/* Whether there is nothing to be done after its end that outlives a client. */
bool docker_ends_for_good(const struct docker_row *c);
/* What the keeper's helper does at the end of a life, by the client that KEEPER handed it to. -EAGAIN: it is to do it itself. */
int docker_end_life(struct docker *d, const char *id, int status, pid_t keeper, int *ret_code, struct err *e);
/* The undoing of what a killed life left. */
int docker_recover(struct docker *d, const char *id, struct err *e);

/* --- docker-making.c ------------------------------------------------------------------------------------------------------ */

/* Around the making of a container; and what kills have left of those, and of removals. SWEEP_ROW: true, it is gone now. */
int docker_making_begin(struct docker *d, const char *id, struct err *e);
void docker_making_end(struct docker *d, const char *id);
void docker_sweep(struct docker *d);
bool docker_sweep_row(struct docker *d, struct docker_row *c, const struct docker_state *st);

/* --- docker-limits.c ------------------------------------------------------------------------------------------------------ */

/* Those of an update's BODY, of a container that runs. */
int docker_limits_apply(struct docker *d, struct docker_row *c, const struct json_c_value *body, struct err *e);

/* --- docker-lxc.c --------------------------------------------------------------------------------------------------------- */

/* A container that is no image's, for those that docker_find() does not know: *E is cleared. NULL: there is none, *E stays as it
 * is. LOAD reads its configuration, too. */
struct container *docker_lxc_find(struct docker *d, const char *name, struct err *e);
struct container *docker_lxc_load(struct docker *d, const char *name, struct err *e);
/* As docker_start() and its neighbours. */
int docker_lxc_start(struct container *c, struct err *e);
int docker_lxc_stop(struct container *c, const char *signal, int timeout_s, struct err *e);
int docker_lxc_wait(struct container *c, const char *condition, int *ret_code, struct err *e);
int docker_lxc_inspect(struct container *c, struct buf *ret, struct err *e);

/* --- docker-attach.c ----------------------------------------------------------------------------------------------------- */

/* Those who wait for the start of C, as clients of the keeper at CTL. */
int docker_give_clients(int dirfd, int ctl, struct err *e);

/* What is typed to go away and leave it running. */
#define DOCKER_KEYS_MAX 16
struct docker_keys {
	unsigned char seq[DOCKER_KEYS_MAX];
	unsigned n, at;
};
/* "ctrl-a,x"; NULL: ctrl-p,ctrl-q; "": none. */
int docker_keys_parse(const char *said, struct docker_keys *ret, struct err *e);
/* Takes the keys out of what was typed; what began like them and is not goes on. 1: they were typed. OUT: DOCKER_KEYS_MAX
 * longer than IN. */
int docker_keys_filter(struct docker_keys *k, const unsigned char *in, size_t n, unsigned char *out, size_t *ret_n);

/* --- docker-volume.c ------------------------------------------------------------------------------------------------------ */

/* DATA/volumes/NAME or a FILE in it; free(). */
char *docker_volume_path(const struct docker *d, const char *name, const char *file);
/* Their rows can be asked for. */
int docker_volume_tables(struct docker *d, struct err *e);
/* What a row of a volume says of it. */
int docker_volume_doc(const struct json_c_value *labels, const struct json_c_value *options, bool anonymous,
		      struct buf *out, struct err *e);
int docker_volume_find(struct docker *d, const char *name, struct json_c_value **ret, struct strv *users,
		       struct err *e);
/* CONTAINER has it from now on; it is made, by DOC, where it is not there. */
int docker_volume_take(struct docker *d, const char *container, const char *name, bool anonymous, const char *doc,
		       struct err *e);
/* CONTAINER has none any more; with VOLUMES its anonymous ones go that nobody else has. */
int docker_volumes_leave(struct docker *d, const char *container, bool volumes, struct err *e);
/* What a killed removal has left. */
void docker_volumes_sweep(struct docker *d);

/* --- docker-volume-use.c --------------------------------------------------------------------------------------------------- */

/* Options of the driver local, as Docker has them: type, device, o. WORDS (may be NULL): of OPTIONS, three of them, borrowed. */
int docker_volume_options(const struct json_c_value *options, const char *words[3], const char *name, struct err *e);
/* A volume that is empty begins with what the image's ROOT (-EBADF: nothing) has at TARGET. What a killed one left is
 * finished, whoever takes it next. */
struct docker_fill {
	const char *name, *target, *container;
	int root;
	bool mounted;
};
int docker_volume_fill(struct docker *d, const struct docker_fill *f, struct err *e);
/* Volumes of C with options are mounted, for all that use them, while any of them runs. Any number of times. */
int docker_volumes_mount(struct docker *d, const struct docker_row *c, struct err *e);
void docker_volumes_unmount(struct docker *d, const struct docker_row *c);
/* The same where C's lock is not the caller's: C, too, may run, or be about to. */
void docker_volumes_release(struct docker *d, const struct docker_row *c);
void docker_volume_unmount(struct docker *d, const char *name); /* nobody has it */

/* --- docker-root.c --------------------------------------------------------------------------------------------------------- */

/* Of a container that does not run: its root, as it would see it. Its lock is not needed. */
struct docker_root {
	int fd; /* O_PATH */
	struct errand keeps;
};
int docker_root_open(struct docker *d, const struct docker_row *c, struct docker_root *ret, struct err *e);
void docker_root_close(struct docker *d, const struct docker_row *c, struct docker_root *r);

/* --- docker-mounts.c ------------------------------------------------------------------------------------------------------- */

/* Where everything is mounted: an array as inspect's Mounts, written to OUT. Volumes that are not there are made, and filled
 * from the image's root where they are empty. */
struct docker_mounts {
	const struct container_config *config;
	const struct json_c_value *host;
	const char *id; /* of the container */
	int (*open_root)(void *arg, struct err *e);
	void *arg;
};
int docker_mounts(struct docker *d, const struct docker_mounts *m, struct json *out, struct err *e);
/* What is missing now and may be made: directories of binds that were given by -v. */
int docker_mounts_check(const struct docker_row *c, struct err *e);

/* --- docker-net.c --------------------------------------------------------------------------------------------------------- */

/* At create: what was asked is checked. */
int docker_net_check(struct docker *d, const struct json_c_value *host, const struct json_c_value *networks,
		     struct err *e);
/* Before a start: networks of C into S; NetworkMode host, none and container: need nothing here. */
int docker_net_prepare(struct docker *d, const struct docker_row *c, struct spec *s, struct err *e);
/* Lines for /etc/hosts and the text of /etc/resolv.conf. */
int docker_net_hosts(struct docker *d, const struct docker_row *c, struct buf *out, struct err *e);
int docker_net_resolv(struct docker *d, const struct docker_row *c, struct buf *out, struct err *e);
/* Part of create's transaction; and of a rename. */
int docker_net_created(struct docker *d, const struct docker_row *c, struct err *e);
/* What is to be told of ID's name, and of its addresses, on its networks; in no transaction. */
int docker_net_names(struct docker *d, const char *id, struct err *e);
int docker_net_renamed(struct docker *d, const char *id, const char *name, struct err *e);
/* It has ended; it is removed. Any number of times. */
void docker_net_stopped(struct docker *d, const char *id);
void docker_net_removed(struct docker *d, const char *id);
/* inspect's NetworkSettings; of a list the same with Networks only; and the list's Ports. */
int docker_net_settings(struct docker *d, const struct docker_row *c, const struct record *rec, bool brief,
			struct json *out, struct err *e);
int docker_net_ports(struct docker *d, const struct docker_row *c, bool running, struct json *out, struct err *e);

/* --- docker-log.c ---------------------------------------------------------------------------------------------------------- */

/* What the keeper is told of C's log. 0 with *RET_FD -EBADF: it has none. */
struct keeper_msg;
int docker_log_open(const struct docker *d, const struct docker_row *c, int *ret_fd, struct keeper_msg *ret,
		    struct err *e);
char *docker_log_path(const struct docker *d, const struct docker_row *c); /* NULL: none */

/* --- docker-health.c ------------------------------------------------------------------------------------------------------- */

/* Nanoseconds until the first check, 0: none. */
int64_t docker_health_first(const struct container_config *c);
void docker_health_write(int dirfd, const struct docker_state *st, struct json *out);

/* --- docker-filter.c ------------------------------------------------------------------------------------------------------- */

/* The API's filters. Known names: KNOWN, NULL-terminated. */
int docker_filters_parse(const char *text, const char *const *known, struct json_c_value **ret, struct err *e);
/* Values of NAME, "K" true ones of a map or elements of a list; false where one was said and FN likes none of them. */
bool docker_filter(const struct json_c_value *f, const char *name, bool (*fn)(void *arg, const char *value), void *arg);
/* "label", and "label!" where it is known. */
bool docker_filter_labels(const struct json_c_value *f, bool (*fn)(void *arg, const char *value), void *arg);
bool docker_filter_said(const struct json_c_value *f, const char *name);
bool docker_label_match(const struct json_c_value *labels, const char *want);
