/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Containers as an OCI runtime has them: made from a bundle, without a keeper, their first process a child of whoever
 * called us. The state is in ROOT/ID, in the same files as every other container's (runtime/record.h); the default ROOT
 * is the run directory of all, so that an LXC container is seen here, too.
 *
 * Order: oci_open → oci_create, or oci_container_open → operations → oci_container_free → oci_free. What changes a
 * container's life takes its lock. No function prints. Words that callers of runc match are runc's.
 */

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "dialect/oci/oci.h"
#include "runtime/record.h"
#include "spec/spec.h"

struct oci_opts {
	const char *root; /* NULL: the run directory of all */
	const struct log *log;
	bool systemd_cgroup;
	bool no_cgroup; /* what is created stays in the caller's group, without limits */
	bool crun;	/* the caller takes us for crun: where its ways are not runc's, they are kept */
};
struct oci;
int oci_open(const struct oci_opts *o, struct oci **ret, struct err *e);
struct oci *oci_free(struct oci *r);
DEFINE_CLEANUP(struct oci *, oci_free);

/* --- one container ------------------------------------------------------------------------------------------------------ */

enum oci_status { OCI_CREATING, OCI_CREATED, OCI_RUNNING, OCI_PAUSED, OCI_STOPPED };
extern const char *const oci_status_names[]; /* "creating" …, NULL-terminated */

struct oci_container {
	struct oci *oci;
	char *name, *id; /* as the caller says it; among all containers */
	int dirfd, lock;
	struct record rec;
	struct spec spec;	/* once loaded */
	bool loaded, whole;	/* whole: with the rules of its seccomp policy, which are compiled already */
	enum oci_status status; /* as of the opening */
};

enum { OCI_LOCK = 1, OCI_SPEC = 2, OCI_FREEZER = 4 };
/*
 * -ENOENT "container does not exist". LOCK: it is this caller's alone until it is freed. SPEC: .spec is loaded, not the whole. FREEZER:
 * .status tells a container that runs from one that is paused; else it may be OCI_RUNNING for both.
 */
int oci_container_open(struct oci *r, const char *name, unsigned flags, struct oci_container **ret, struct err *e);
struct oci_container *oci_container_free(struct oci_container *c);
DEFINE_CLEANUP(struct oci_container *, oci_container_free);
int oci_container_spec(struct oci_container *c, bool whole, struct err *e);
int oci_container_freezer(struct oci_container *c, struct err *e);

/* What `state` and `list` say of it; strings live as long as C and STORE (of free()d text, zeroed before). */
struct oci_words {
	char *bundle, *rootfs, *owner;
};
void oci_words_done(struct oci_words *w);
int oci_describe(struct oci_container *c, struct oci_words *store, struct oci_state *ret, struct err *e);

/* Names of all containers of this root, sorted. */
int oci_list(struct oci *r, struct strv *ret, struct err *e);

/* --- its life ----------------------------------------------------------------------------------------------------------- */

struct oci_create_opts {
	const char *bundle; /* NULL: the working directory */
	const char *config; /* a file instead of BUNDLE/config.json */
	const char *pidfile, *console_socket, *pidfd_socket;
	bool start;  /* run: do not wait for `start` */
	bool detach; /* with .start: leave it running */
	bool keep;   /* with .start: do not remove it at its end */
	bool no_pivot, no_new_keyring, no_subreaper;
	unsigned preserve_fds;
	/* Told what a load left out (may be NULL). */
	void (*info)(void *arg, const struct oci_info *info);
	/* Adds what config.json has no words for, before anything is made of S (may be NULL). */
	int (*adjust)(void *arg, struct spec *s, struct err *e);
	/* All is done, and nothing is left to do but to free memory: who ends then may end at once (may be NULL). */
	void (*done)(void *arg, int status);
	void *arg;
};

/* create, and run. In the foreground *RET_STATUS is the wait status of init. What failed leaves nothing. */
int oci_create(struct oci *r, const char *name, const struct oci_create_opts *o, int *ret_status, struct err *e);
/* C is locked. The poststart hooks run here. */
int oci_start(struct oci_container *c, struct err *e);
/* To init, or with ALL to every process of it. */
int oci_kill(struct oci_container *c, int sig, bool all, struct err *e);
/* C is locked, its spec loaded. What runs is killed with FORCE only. */
int oci_delete(struct oci_container *c, bool force, struct err *e);
/* What a create that was killed left of NAME, undone. 0 also when there was nothing. */
int oci_delete_remains(struct oci *r, const char *name, struct err *e);
int oci_pause(struct oci_container *c, bool pause, struct err *e);

struct oci_exec_opts {
	const struct spec *spec; /* the container's, but for .process: what is run */
	const char *label;	 /* in place of the container's */
	bool detach, ignore_paused, no_subreaper;
	const char *pidfile, *console_socket, *pidfd_socket;
	const char *const *cgroups; /* "[CONTROLLER:]PATH" below the container's group, NULL-terminated, may be NULL */
	unsigned preserve_fds;
	void (*done)(void *arg, int status); /* as above */
	void *arg;
};
/* *RET_STATUS: wait status, unless detached. */
int oci_exec(struct oci_container *c, const struct oci_exec_opts *o, int *ret_status, struct err *e);

/* Items of S->cgroup into its groups, in order, and into what is kept of C, which is locked. */
int oci_update(struct oci_container *c, const struct spec *s, struct err *e);

/* --- questions ---------------------------------------------------------------------------------------------------------- */

/* Its control group, open; the host is C's. */
int oci_cgroup(struct oci_container *c, struct cg **ret, struct err *e);
/* All processes of it. free(). */
int oci_pids(struct oci_container *c, pid_t **ret, size_t *ret_n, struct err *e);
/* The `data` of an event of type stats, as runc writes it. */
int oci_stats(struct oci_container *c, struct json *out, struct err *e);
