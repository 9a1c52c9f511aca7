/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the commands of Docker's client share. Each turns its options into the Engine API's JSON, calls the engine, and prints
 * what that answers: nothing is decided here. Messages and exit codes are those of Docker's client, which scripts look for.
 *
 * Files of this folder may use json-c, whose names base/json.h has, too: no header here includes either.
 */

#include "cli/cli.h"
#include "engine/docker.h"

struct json_object;

/* The options before the verb. */
struct docker_globals {
	const char *config; /* folder of config.json */
	const char *root;   /* data root, NULL: the usual one */
	const char *driver;
	struct strv driver_opts;
	char *storage; /* both, as images_open() has them; NULL: not said */
	bool debug, version, help;
	struct strv hosts;
	const char *ignored, *context;
	bool tls, tls_verify;
	bool environment; /* it was called by the name docker: what the environment and config.json say of a daemon counts */
};
extern const struct opt docker_global_opts[];

/* Parses into ARGS, checks how many operands there are. Returns the exit code when there is nothing more to do, else -1. */
int dk_parse(struct cli *c, void *args);
int dk_open(const struct cli *c, struct docker **ret, struct err *e);
/* Opens or says why not: 0, or the exit code. */
int dk_start(const struct cli *c, struct docker **ret);
/* dk_parse() and dk_start(): as the first, -1 means that *RET is open. */
int dk_begin(struct cli *c, void *args, struct docker **ret);

/* "Error response from daemon: …", as scripts know it. Returns 1. */
int dk_fail(const struct cli *c, const struct err *e);
int dk_error(const struct cli *c, const char *fmt, ...) _printf_(2, 3); /* the bare message; 1 */
/* Parses what the engine has answered. The caller's (json_object_put()); NULL: it is no JSON, and that has been said. */
struct json_object *dk_json(const struct cli *c, const struct buf *text);

/* The same of what an engine's call that returned R has answered; NULL: what went wrong has been said, and the exit code is 1. */
struct json_object *dk_answer(const struct cli *c, int r, const struct buf *text, const struct err *e);

/* Calls FN for each operand and prints its name where that worked, the error where not. 0, or 1: one of them did not. */
typedef int (*dk_fn)(struct docker *d, const char *name, void *arg, struct err *e);
int dk_each(const struct cli *c, dk_fn fn, void *arg);
/* The same for what removes: with FORCE one that is not there is told, and no mistake. */
int dk_remove_each(const struct cli *c, bool force, dk_fn fn, void *arg);
/* The whole of a command that does one thing to each operand: dk_parse() into ARGS, then FN with ARG. */
int dk_parse_each(struct cli *c, void *args, dk_fn fn, void *arg);

/* Members: text ("" where there is none), numbers, and members of members by "A.B". */
const char *dk_text(struct json_object *o, const char *path);
int64_t dk_int(struct json_object *o, const char *path);
bool dk_bool(struct json_object *o, const char *path);
struct json_object *dk_get(struct json_object *o, const char *path);

/* What lists show of LABELS (may be NULL): "K=V,…" as Labels, and an object for templates. */
void dk_put_labels(struct json_object *row, struct json_object *labels);
/* For sorting objects by their Name. */
int dk_by_name(const void *a, const void *b);

/* --filter K=V words as the API's JSON, "" where there are none. */
int dk_filter(void *args, struct strv *to, const char *arg, struct err *e);
int dk_filters(const struct strv *words, struct buf *out, struct err *e);

/* A text of config.json, "detachKeys"; NULL: not said. free() */
char *dk_config(const struct cli *c, const char *member);
/* --detach-keys, else those of config.json. free(); NULL: as always */
char *dk_detach_keys(const struct cli *c, const char *said);
/* The same of a command that is not known yet, and a file or folder beside config.json (free(); NULL: there is no home). */
char *dk_config_text(const struct docker_globals *g, const char *member);
char *dk_config_path(const struct docker_globals *g, const char *file);
/* The object of a file of those; the caller's, NULL: there is none that can be read. */
struct json_object *dk_read_object(const char *path);
/* The proxies of config.json into ENV, where it does not say otherwise. */
int dk_proxies(const struct cli *c, struct strv *env, struct err *e);

/* "[y/N]" */
bool dk_confirm(const char *question);

/* The id without "sha256:", twelve digits of it where SHORT. */
const char *dk_id(const char *id, bool all, char buf[static 80]);

int64_t dk_now(void);

/* --- format.c: rows of text fields as a table, by a template, or as JSON ----------------------------------------------------- */

struct column {
	const char *field, *header;
};
struct listing {
	const char *table; /* the template of the default table */
	const struct column *columns;
	const char *name; /* of its format in config.json, "": none */
};
/* ROWS: an array of objects, one member a column. FORMAT: --format, NULL or "" is the table. The exit code. */
int dk_print_rows(const struct cli *c, const char *format, const struct listing *l, struct json_object *rows);
/* What inspect prints of LIST, by --format (NULL, "": as JSON). The exit code. */
int dk_print_inspected(const struct cli *c, const char *format, struct json_object *list);
/* DATA as JSON with an indent of four, as inspect prints it. */
void dk_pretty(struct json_object *o, struct buf *out);
/* An object's members, sorted by name. Owned by the caller. */
struct json_object *dk_sorted(struct json_object *o);
/* Aligns lines whose cells are separated by tabs. */
void dk_align(const char *text, struct buf *out);
/* \t and \n in what was typed. */
char *dk_unescape(const char *format);

/* --- outfile.c: what -o names -------------------------------------------------------------------------------------------------- */

struct outfile {
	int fd;
	char *path, *tmp; /* NULL: nothing is replaced at the end */
};
/* PATH "" or "-": standard output. A device or a pipe is written to; a file is what it was until it is closed as GOOD. */
int outfile_open(const char *path, mode_t mode, struct outfile *ret, struct err *e);
int outfile_close(struct outfile *o, bool good, struct err *e);

/* --- streams.c: a terminal in raw mode, its size, and signals that are passed on ---------------------------------------------- */

struct streams;
/* What to do about the terminal and signals while a container's streams are connected. */
struct streams_opts {
	struct docker *docker;
	const struct cli *cli;
	const char *id;	  /* of the container, or NULL */
	const char *exec; /* of an exec */
	bool tty;	  /* the container has one */
	bool raw;	  /* ours is its: raw mode */
	bool proxy;	  /* signals go to it */
};
int streams_begin(const struct streams_opts *o, struct streams **ret, struct err *e);
/* The container runs: tells it the size of the terminal. */
void streams_started(struct streams *s);
struct streams *streams_end(struct streams *s);

/* --- run.c ------------------------------------------------------------------------------------------------------------------ */

/* Pulls IMAGE by the program that can, saying so on standard error. 0 or -errno with the message said. */
int dk_pull_missing(const struct cli *c, const char *image, const char *platform, bool quiet);
/* 127 or 126 where MSG says that the command is not there or cannot be executed, else OTHERWISE. */
int dk_start_code(const char *msg, int otherwise);
