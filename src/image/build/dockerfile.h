/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A Dockerfile as data.
 *
 *   dockerfile_parse   text -> lines (struct df_line): instruction, flags, arguments, here documents, line numbers
 *                      -> typed instructions (struct df_instr), grouped to stages
 *   dockerfile_plan    base images and --from are resolved, the stages that the target needs are marked
 *
 * Variables are not expanded here but while a stage is built, because their values depend on what was before
 * (instr_expand). All memory belongs to the file's pool.
 */

#include <stdint.h>

#include "base/strv.h"
#include "image/build/pool.h"

#define DF_SIZE_MAX   (16u << 20)
#define DF_LINE_MAX   65535
#define DF_STAGES_MAX 1024
#define DF_NUL	      "\xc0\x80" /* in an argument of df_line: a NUL that stood in JSON */

enum df_kind {
	DF_ADD,
	DF_ARG,
	DF_CMD,
	DF_COPY,
	DF_ENTRYPOINT,
	DF_ENV,
	DF_EXPOSE,
	DF_FROM,
	DF_HEALTHCHECK,
	DF_LABEL,
	DF_MAINTAINER,
	DF_ONBUILD,
	DF_RUN,
	DF_SHELL,
	DF_STOPSIGNAL,
	DF_USER,
	DF_VOLUME,
	DF_WORKDIR,
	DF_KINDS, /* their number; also: none of them */
};
const char *df_kind_name(enum df_kind kind); /* "ADD" */
enum df_kind df_kind_find(const char *word);

/* A here document: <<NAME up to the line NAME. */
struct df_heredoc {
	const char *name, *content;
	unsigned fd;
	bool expand; /* NAME was not quoted */
	bool chomp;  /* <<-: leading tabs of each line go */
	struct df_heredoc *next;
};

/* One instruction as it is written. */
struct df_line {
	const char *word;     /* RUN, as written */
	const char *original; /* the whole, continuation lines joined */
	struct texts flags;
	struct texts args;   /* of ENV and LABEL three each: name, value, "=" or "" */
	bool json;	     /* the arguments were a JSON array */
	struct df_line *sub; /* what ONBUILD has for argument */
	struct df_heredoc *heredocs;
	struct texts comments; /* the lines right above it, without their # */
	unsigned first, last;  /* lines of the file, from 1 */
	bool gap;	       /* an empty line is among its continuations */
	struct df_line *next;
};

struct df_pair {
	const char *name, *value; /* value of an ARG may be NULL */
	bool blank;		  /* ENV NAME VALUE, without a = */
	struct df_pair *next;
};

enum df_tri { DF_UNSET, DF_NO, DF_YES };

struct df_health {
	int64_t interval, timeout, start_period, start_interval; /* ns, 0: not given */
	int32_t retries;
	struct texts test; /* NONE | CMD … | CMD-SHELL … */
};

/* One instruction with a meaning. Which members are used is in the table of instruction.c. */
struct df_instr {
	enum df_kind kind;
	const struct df_line *line;
	const char *text;	  /* for messages and history: "RUN make" */
	struct texts args;	  /* command line; ports; volumes; the one argument; sources of COPY, ADD */
	const char *dest;	  /* of COPY, ADD */
	bool json;		  /* args is a command line that needs no shell */
	struct df_pair *pairs;	  /* ENV, LABEL, ARG */
	struct df_heredoc *files; /* RUN: its here documents; COPY, ADD: those among the sources */
	struct df_health health;
	/* flags */
	const char *from, *chown, *chmod, *checksum, *platform, *network, *security;
	const char *interval, *timeout, *start_period, *start_interval, *retries;
	struct texts excludes, mounts, devices;
	enum df_tri link, parents, keep_git, unpack;
	struct df_instr *next;
};

enum df_mount_type { DF_MOUNT_BIND, DF_MOUNT_CACHE, DF_MOUNT_TMPFS, DF_MOUNT_SECRET, DF_MOUNT_SSH };
enum df_sharing { DF_SHARED, DF_PRIVATE, DF_LOCKED };

/* RUN --mount=… */
struct df_mount {
	enum df_mount_type type;
	enum df_sharing sharing;
	const char *from, *source, *target, *id, *env;
	bool readonly, required, has_env;
	uint64_t size;		/* tmpfs; 0: no limit */
	int64_t mode, uid, gid; /* -1: not given */
};

struct df_stage {
	const char *name; /* lower case; NULL: it has none */
	const char *base; /* as written */
	const char *platform;
	const struct df_line *line;
	struct df_instr *instrs;
	size_t n_instrs;
	unsigned index;
	/* by dockerfile_plan: */
	const char *base_image; /* expanded; NULL: base_stage */
	const char *platform_is;
	long base_stage; /* -1: an image */
	bool needed;
	bool *uses; /* by index: stages that must be done before */
};

struct dockerfile {
	struct pool pool;
	char escape;
	const char *syntax, *check; /* directives, NULL */
	struct df_line *lines;
	struct df_instr *meta; /* ARG before the first FROM */
	struct df_stage **stages;
	size_t n_stages;
	struct texts warnings;
	unsigned error_line; /* where a failure is, 0: nowhere */
};

void dockerfile_done(struct dockerfile *df);
#define _cleanup_dockerfile_ _cleanup_(dockerfile_done)

/* The lines only: what any instruction is, known or not. */
int dockerfile_lines(struct dockerfile *df, const char *text, size_t len, struct err *e);
int dockerfile_parse(struct dockerfile *df, const char *text, size_t len, struct err *e);

/* The lines as BuildKit's parser dumps them, one list a line (free()). */
int dockerfile_dump(const struct dockerfile *df, char **ret, struct err *e);

/* "NAME=VALUE" lists. */
struct df_plan_opts {
	const struct strv *build_args;
	const struct strv *contexts; /* names of --build-context: what --from may mean besides a stage */
	const char *target;	     /* NULL: the last stage */
	const char *platform;	     /* of the result, "linux/amd64" */
	const char *build_platform;  /* of this machine */
};
/* *RET_TARGET: the stage that was asked for. */
int dockerfile_plan(struct dockerfile *df, const struct df_plan_opts *o, size_t *ret_target, struct err *e);

/* Values that every ARG without a default may have: of the ARGs before the first FROM, of the platform. */
const char *dockerfile_global(const struct dockerfile *df, const struct df_plan_opts *o, const char *name,
			      struct pool *p);

/* The stage that WORD names, by name or number, before BEFORE; -1. */
long dockerfile_stage(const struct dockerfile *df, const char *word, size_t before);

/* One line of a Dockerfile that is not the file: what ONBUILD kept. Its instruction goes into DF's pool. */
int dockerfile_trigger(struct dockerfile *df, const char *text, struct df_instr **ret, struct err *e);

/* Puts "line N: text" beside an error that stage or instruction at LINE met. Returns R. */
int dockerfile_error(struct dockerfile *df, const struct df_line *line, int r, struct err *e);

struct words;
/* A copy of IN in P in which the variables have their values; those instructions that leave it to a shell stay. */
int instr_expand(const struct df_instr *in, const struct words *w, struct pool *p, struct df_instr *ret, struct err *e);
/* The mount flag TEXT, after variables. */
int mount_parse(const char *text, const struct words *w, struct pool *p, struct df_mount *ret, struct err *e);

/* parse.c, heredoc.c, args.c, instruction.c among themselves */
int heredoc_from_word(struct pool *p, const char *word, struct df_heredoc **ret, struct err *e); /* *RET NULL: none */
int heredocs_from_line(struct pool *p, const char *line, struct df_heredoc **ret, struct err *e);
const char *heredoc_text(struct pool *p, const struct df_heredoc *h); /* without the tabs that <<- takes away */
int line_parse(struct dockerfile *df, const char *text, struct df_line **ret, struct err *e);
int instr_parse(struct dockerfile *df, const struct df_line *line, struct df_instr **ret, struct err *e);
