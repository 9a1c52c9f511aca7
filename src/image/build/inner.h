/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inner: one build, one stage of it, one step. exec.c runs stages, stage.c the steps of one, step-*.c what a step does. */

#include "image/build/apply.h"
#include "image/build/build.h"
#include "image/build/cache.h"
#include "image/build/dockerfile.h"
#include "image/build/ignore.h"
#include "image/build/tree.h"
#include "image/build/words.h"
#include "image/pack.h"

#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* What a stage is after a step: all that the next one, or another stage, begins from. */
struct state {
	struct image_config config;
	struct strv args; /* K=V: ARGs that were declared, with their values */
	struct strv keys; /* of the steps in the history, by its index; "" where there is none */
	struct descriptor *layers;
	size_t n_layers, n_base; /* of them those of the base image */
	char chain[DIGEST_MAX];	 /* "": no layer */
	char id[DIGEST_MAX];	 /* of the configuration as it is */
	char parent[DIGEST_MAX]; /* image that it began from, "" */
	bool cmd_set;
};
void state_init(struct state *s);
void state_done(struct state *s);
int state_copy(struct state *to, const struct state *from, struct err *e);
int state_write(const struct state *s, struct buf *out, struct err *e);
int state_read(struct state *s, const char *text, size_t len, struct err *e);
/* Computes .id. */
int state_seal(struct state *s, struct err *e);
/* One layer more; *D's strings are taken. */
int state_add_layer(struct state *s, struct descriptor *d, const char *diff, struct err *e);

struct build {
	const struct build_opts *o;
	struct dockerfile df;
	struct df_plan_opts plan;
	struct strv context_names;
	struct ignore ignore;
	char *dir; /* DATA/build */
	char *platform, *build_platform;
	size_t target, n_steps;
	size_t *first_step;   /* of each stage */
	struct state *states; /* of the stages that are done */
	struct blobs *held;
};

struct stage {
	struct build *b;
	const struct df_stage *st;
	struct images *images;
	struct pool pool;
	struct state s;
	char id[65]; /* of the run and of the writable root; "" before the first */
	char *dir;   /* DATA/build/ID */
	int lock;
	int out; /* what it says */
	bool has_root, no_cache, missed;
	size_t step;
	int exit_code;		    /* of the command that failed */
	const struct df_line *line; /* the step that is going on */
	struct strv used;	    /* build arguments that an ARG asked for */
};

void stage_say(struct stage *g, const char *fmt, ...) _printf_(2, 3);
/* The value of a variable now: of the environment, else of an ARG. For struct words. */
const char *stage_var(void *arg, const char *name);

/* All of a stage; its state is in G->s. */
int stage_run(struct stage *g, struct err *e);
void stage_done(struct stage *g);
/* A folder that is this process's alone, and a name for its root. */
int stage_claim(struct stage *g, struct err *e);
/* Removes those that nobody holds any more. */
int stages_sweep(struct build *b, struct images *images, struct err *e);

/*
 * One step that may make a layer. KEY is what it depends on besides the state; then it is looked up, and only what is not known
 * is done: FN changes the root at ROOT_FD. HISTORY is what the image's history says.
 */
struct step {
	const char *key, *history;
	bool empty; /* makes no layer */
	bool no_cache;
	int (*fn)(struct stage *g, int root_fd, void *arg, struct err *e);
	void *arg;
};
int step_do(struct stage *g, const struct step *step, struct err *e);

int step_run(struct stage *g, const struct df_instr *in, struct err *e);
int step_copy(struct stage *g, const struct df_instr *in, struct err *e); /* ADD too */
/* Whether FD begins, compressed or not, as a tar does; its offset is anywhere afterwards. */
bool archive_begins(int fd);
/* All layers that are not the base image's become one. */
int stage_squash(struct stage *g, struct err *e);
/* Puts what FN makes of a root over the state's layers on top of them. */
int layer_make(struct stage *g, const struct step *step, struct cached *c, struct err *e);
int step_workdir(struct stage *g, const struct df_instr *in, struct err *e);

/* A read-only root of what FROM names: stage, context or image. NULL: the build's context. Its fd; *KEEP_OWNER as tree_source. */
int open_from(struct stage *g, const char *from, bool *is_image, char key[static DIGEST_MAX], struct err *e);
/* The .dockerignore of the context that FROM names; 0: it has none, or is no context. */
int context_ignore(struct stage *g, const char *from, struct ignore *ret, struct err *e);
/* An image by NAME, pulled where it is not there. */
int find_image(struct stage *g, const char *name, const char *platform, struct image *ret, struct err *e);

/* The cache of steps of elsewhere (cache-image.c). What cannot be had makes a build slower, not wrong: a warning. */
void cache_import(struct build *b, struct images *s);
/* Of the result, image ID. */
int cache_export(struct build *b, struct images *s, const char *id, struct err *e);
bool cache_is_inline(const struct build_opts *o);
/* The history of S says by which keys its steps are looked up. */
int cache_mark(struct state *s, struct err *e);
void build_warn(struct build *b, const char *text);

/* "2026-01-02T03:04:05.000000000Z": now, or the epoch that was given. free() */
char *build_time(const struct build_opts *o);
