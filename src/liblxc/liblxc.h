/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inside src/liblxc only: the facade that gives the engine liblxc's ABI. Each public function is a few lines around an
 * engine call; what is kept between calls is what struct lxc_container shows, and the error of the last failure.
 *
 * Threads: a configuration in memory is read and changed under the object's lock; for the engine every call opens the
 * container anew, so calls do not share anything else. What changes signals, umask or children of its process (starting,
 * creating, copying, destroying) is done by a worker process, worker.c.
 */

#include <lxc/lxccontainer.h>

#include <pthread.h>

#include "dialect/lxc/lxc.h"
#include "engine/engine.h"

#define PUBLIC __attribute__((__visibility__("default")))

struct lxc_lock {
	pthread_mutex_t mutex;
};

/* The configuration in memory. */
struct lxc_conf {
	struct lxc_config *config;
};

void api_lock(struct lxc_container *c);
void api_unlock(struct lxc_container *c);

/* Notes the failure in C, and in the log when there is one. false. */
bool api_fail(struct lxc_container *c, const struct err *e);
/* The same for a call that is not there: -EOPNOTSUPP. */
int api_unsupported(struct lxc_container *c, const char *what);

/* The container as the engine knows it. */
struct view {
	struct engine *engine;
	struct container *c;
};
void view_done(struct view *v);
#define _cleanup_view_ _cleanup_(view_done)

/* FILE: with what it was started with, or what its file says. MEMORY: with the configuration in memory. Else without. */
enum view_spec { VIEW_RECORD, VIEW_FILE, VIEW_MEMORY };
int view_open(struct lxc_container *c, enum view_spec which, struct view *ret, struct err *e);
/* Its record alone, which is what the quick questions need. */
int view_record(struct lxc_container *c, struct record *ret, int *ret_dirfd, struct err *e);

/* Calls FN in a child of ours, which has C's state as of now; the error and up to the N bytes that FN leaves in RESULT
 * come back. Its children do not become the caller's. PASS_SIGNALS: to it, while it works. */
int worker_call(int (*fn)(void *arg, struct err *e), void *arg, bool pass_signals, void *result, size_t n,
		struct err *e);

/* Text in the way of get_config_item. Its length. */
int api_copy_out(const char *text, char *retv, int inlen);
/* NULL, NAME, … of a call with variable arguments; only the array is to be freed. NULL: out of memory. */
char **api_arguments(const char *first, va_list ap);

const struct log *api_log(void);
void api_log_error(const char *name, const struct err *e);

/* What the object has of C's engine calls, by file. */
void methods_config(struct lxc_container *c);
void methods_life(struct lxc_container *c);
void methods_info(struct lxc_container *c);
void methods_inside(struct lxc_container *c);
void methods_copy(struct lxc_container *c);
void methods_snapshot(struct lxc_container *c);

/* Loads FILE into C's memory. */
int config_load(struct lxc_container *c, const char *file, struct err *e);
/* The file's name from config_path and name. */
int config_name(struct lxc_container *c, struct err *e);
