/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the command build. */

#include "cli/docker/dcli.h"
#include "engine/build-host.h"

#define LIST_MAX 128

struct build_args {
	struct strv tags, build_args, labels, add_hosts, secrets, ssh, contexts, outputs, no_cache_filter, ulimits,
		cache_from, cache_to, allow, annotations, attest, security;
	const char *file, *iidfile, *target, *platform, *network, *progress, *compression, *metadata, *ignored, *parent,
		*cpus, *mems, *isolation;
	bool quiet, no_cache, pull, squash, force_rm, rm, compress, load, push, trust, check;
	bool to_stdout; /* an output is standard output: all else is said on the other */
	int64_t memory, swap, shm;
	int64_t period, quota, shares;
};
/* All that a build is made from, and lets go afterwards. */
struct build_job {
	struct cli *c;
	struct build_args *a;
	struct build_opts o;
	struct strv build_args, ssh;
	char *dockerfile, *ignore, *dir; /* DIR: a folder that was made for the context */
	struct build_secret secrets[LIST_MAX];
	char *dirs[LIST_MAX]; /* of --build-context */
	size_t n_dirs;
	char *texts[16 * LIST_MAX];
	size_t n_texts;
	struct build_context contexts[LIST_MAX];
	struct build_cache cache_from[LIST_MAX], cache_to[LIST_MAX];
};

/* TEXT is J's from now on. */
char *build_keep(struct build_job *j, char *text);
/* KEY's value of "KEY=VALUE,…", as long as J; NULL. */
char *build_field(struct build_job *j, const char *list, const char *key);

/* The folder of WHERE: PATH, URL or -; with it the Dockerfile and what is to be ignored. */
int build_take_context(struct build_job *j, const char *where, struct err *e);
/* The folder WHERE of --build-context: a path, or what is fetched into one. */
int build_named_context(struct build_job *j, const char *where, const char **ret, struct err *e);

/* Names, pushes and where standard output goes, of the --output options, before anything is built. */
int build_take_outputs(struct build_job *j, struct err *e);
/* What was built, to where it was to go. */
int build_put_outputs(struct build_job *j, const char *id, struct err *e);
