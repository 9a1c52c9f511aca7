/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Executes a Dockerfile: stages that do not need each other at the same time, each in a process of its own, each step looked up in
 * the cache of steps first. What a kill leaves (roots, mounts of the run that was going on) is removed by the next build; what was
 * finished is in the cache.
 *
 * DATA/build/: ID/ of a stage that is being built (its lock file is held as long), cache/ of RUN --mount=type=cache.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/strv.h"
#include "image/images.h"

/* What a RUN may use; 0 and NULL: no limit. */
struct build_limits {
	int64_t memory, memory_swap, cpu_period, cpu_quota, cpu_shares, shm_size;
	const char *cpuset_cpus, *cpuset_mems, *cgroup_parent;
	const struct strv *ulimits; /* "nofile=1024[:2048]" */
};

/* One RUN. Paths are the caller's, in the calling process's name space. */
struct build_mount {
	const char *source; /* NULL: a tmpfs */
	const char *target;
	bool readonly;
	uint64_t size; /* of a tmpfs; 0: no limit */
};
struct build_run {
	struct images *images; /* of the stage */
	const char *id;	       /* of the container, 64 digits */
	const char *dir;       /* for files of the run; goes with the stage */
	const char *rootfs;    /* a folder */
	const struct strv *argv, *env;
	const char *cwd, *user;	      /* "" root */
	const char *network;	      /* "default", "host", "none" */
	const struct strv *add_hosts; /* "NAME:ADDRESS" */
	const struct build_limits *limits;
	const struct build_mount *mounts;
	size_t n_mounts;
	bool insecure; /* all capabilities */
};

/* What a build needs from above. They are called in the stages' processes. */
struct build_host {
	/* In the foreground, with the process's own streams. *RET_CODE as a shell has it. */
	int (*run)(void *arg, const struct build_run *r, int *ret_code, struct err *e);
	/* Ends and removes what a run that was killed has left. */
	int (*clean)(void *arg, struct images *s, const char *id, struct err *e);
	/* Into the store. ALWAYS: also where it is there. */
	int (*pull)(void *arg, struct images *s, const char *name, const char *platform, bool always, struct err *e);
	/* An image of the store to where its name says. */
	int (*push)(void *arg, struct images *s, const char *name, struct err *e);
	/* URL into FD. *RET_MTIME 0: not said. */
	int (*fetch)(void *arg, const char *url, int fd, int64_t *ret_mtime, struct err *e);
	/* Text for the user, in order. */
	void (*say)(void *arg, const char *text, size_t len);
	void *arg;
};

struct build_secret {
	const char *id;
	const char *file; /* NULL: data */
	const char *data;
};
/* --build-context NAME=…: what --from and FROM may name. */
struct build_context {
	const char *name;
	const char *dir; /* NULL: an image */
	const char *image;
};

/* --cache-from and --cache-to. */
struct build_cache {
	enum { BUILD_CACHE_INLINE, BUILD_CACHE_IMAGE, BUILD_CACHE_FOLDER } kind;
	const char *where; /* a name; a folder; of an inline one NULL */
	bool max;	   /* of all stages, not only of the last */
};

struct build_opts {
	const char *data_root, *driver; /* as images_open() */
	const char *context;		/* a folder; NULL: none */
	const char *dockerfile;		/* its text */
	size_t dockerfile_len;
	const char *ignore; /* text of the ignore file, NULL */
	size_t ignore_len;
	const struct strv *build_args, *labels, *tags, *add_hosts;
	const struct build_secret *secrets;
	size_t n_secrets;
	const struct strv *ssh; /* "ID=SOCKET" */
	const struct build_context *contexts;
	size_t n_contexts;
	const struct build_cache *cache_from, *cache_to;
	size_t n_cache_from, n_cache_to;
	const char *target, *platform, *network;
	const char *compression; /* of layers; NULL: gzip */
	const struct strv *no_cache_stages;
	bool no_cache, pull, squash, keep_failed;
	bool allow_insecure; /* RUN --security=insecure is for who builds to allow, not for the Dockerfile */
	struct build_limits limits;
	int64_t epoch; /* SOURCE_DATE_EPOCH; -1 */
	unsigned jobs; /* 0: as many as there are processors */
	const struct build_host *host;
};

/* The image's id. An error names the line in its hint; *RET_EXIT is what the command ended with that failed, 0 where it was
 * something else. */
int build_image(const struct build_opts *o, char ret_id[static DIGEST_MAX], int *ret_exit, struct err *e);

/* What of the Dockerfile, FILE by name, may be meant otherwise than it is written: *RET_N texts in OUT, also where it cannot be built. */
int build_check(const struct build_opts *o, const char *file, struct buf *out, size_t *ret_n, struct err *e);

/* Whether S is a repository's; it into the folder DIR, with .git where KEEP says so. *RET_SUB: the folder of it that URL#REF:SUB
 * names, "": all. */
bool git_is_url(const char *s);
/* What a Dockerfile's ADD has of the caller's; NULL for whom the caller has named himself: all. */
struct git_access {
	const char *agent;  /* socket of an agent for ssh; NULL: there is no ssh */
	const char *commit; /* what is fetched must be this one, or one that begins so; NULL: anything */
};
int git_fetch(const char *url, const struct git_access *access, const char *dir, bool keep, const char **ret_sub,
	      struct err *e);

/* A context that came as a tar, compressed or not, into DIR_FD: by us, in here, whatever it holds. -ENOMSG: it is none. */
int build_unpack(int dir_fd, int in_fd, struct err *e);

/* The files of image ID: an archive (DEST "-": standard output), or into the folder DEST. */
int build_export(const struct build_opts *o, const char *id, bool archive, const char *dest, struct err *e);
