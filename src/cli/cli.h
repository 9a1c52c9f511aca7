/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What every command shares: its description (one table entry, from which --help, the man page and the completions
 * come), the common options, and the way errors and results reach the user.
 *
 * A command fills its own argument struct through cli_parse(), works through the engine, and returns the exit code.
 */

#include <limits.h>

#include "base/buf.h"
#include "base/log.h"
#include "cli/opt.h"
#include "engine/engine.h"

/* The release of LXC whose commands' interface this is; what lxc-* --version prints. */
#define LXC_INTERFACE_VERSION "6.0.4"

struct cli;
#define ARGS_ANY UINT_MAX

/* NULL-terminated pairs: examples (command line, what it does), exit codes (code, meaning). */
struct text_pair {
	const char *a, *b;
};

enum {
	CMD_LXC = 1,	      /* one of LXC's: help on standard error, LXC's common options */
	CMD_NAME = 2,	      /* needs a container: -n, or the first operand */
	CMD_MUTATES = 4,      /* has --dry-run */
	CMD_JSON = 8,	      /* has --format */
	CMD_RCFILE = 16,      /* its own table has --rcfile */
	CMD_COMMAND = 32,     /* nothing is an option after NAME and the first word of a command */
	CMD_NO_ENGINE = 64,   /* takes no -P, -o, -l, -q */
	CMD_HELP_FIRST = 128, /* not a command: an overview page only */
	CMD_NAMES = 256,      /* its operands are containers */
	CMD_ENTERS = 512,     /* part of it runs inside containers */
	CMD_OCI = 1024,	      /* a verb of creel-oci: runc's options and help */
	CMD_OWN_HELP = 2048,  /* its own table has --help and --version */
	CMD_OWN_NAME = 4096,  /* its own table has --name */
	CMD_OWN_PATH = 8192,  /* its own table has --lxcpath */
	CMD_OWN_O = 16384,    /* its own table has an -o: the log's file has its long name only */
	CMD_DOCKER = 32768,   /* a command of Docker's client: its ways of parsing, and no common options */
};

struct command {
	const char *name; /* "lxc-start", "oci-create"; creel's own without "creel " */
	unsigned flags;
	const char *synopsis;	     /* what follows the name */
	const char *summary;	     /* one line, no full stop */
	const char *description;     /* paragraphs, an empty line between them */
	const struct opt *opts;	     /* NULL: none of its own */
	const struct opt *more;	     /* CMD_DOCKER: further ones, shared with another command; NULL */
	unsigned min_args, max_args; /* CMD_DOCKER: operands */
	const struct text_pair *examples, *exits;
	const char *operand_words; /* for completion of the first operand, blank-separated */
	const char *see_also;
	int (*run)(struct cli *c);
};

extern const struct command *const commands[]; /* NULL-terminated */
extern const struct command cmd_creel;	       /* the overview */
extern const struct command cmd_oci;	       /* creel-oci, and whoever else wants a verb first */
const struct command *command_find(const char *name);

struct cli {
	const struct command *cmd;
	const char *prog; /* what it was called by: "lxc-start", "creel start" */
	int argc;
	char *const *argv;

	/* common options */
	const char *name, *lxcpath, *logfile, *logpriority, *rcfile, *format;
	bool help, bad_help, usage, version, quiet, dry_run;
	bool json; /* --format json */

	char *name_owned;
	struct strv operands; /* without the name */
	struct log log;
	struct buf plan; /* --dry-run */
	struct engine *engine;
	struct oci_globals *oci;       /* CMD_OCI: the options before the verb */
	struct docker_globals *docker; /* CMD_DOCKER: the same */
};

/* Parses into ARGS. Returns the exit code when there is nothing more to do (help, version, a wrong option), else -1. */
int cli_parse(struct cli *c, void *args);
void cli_done(struct cli *c);

/* The hidden commands of keepers and templates. Exit code, or -1: ARGV[1] is none of them. */
int cli_hidden(int argc, char *const *argv);

/* Executes this program anew from where containers cannot write to it. Returns when that is so, or cannot be done. */
void cli_protect_self(int argc, char **argv);
/* Executes PROGRAM, which lies in libexec, with ARGV: from where containers cannot write to it. Returns where it cannot. */
void cli_delegate(const char *program, char **argv);
/* The verb of "creel-oci [GLOBAL OPTION...] VERB ..." is one that enters containers. */
bool cli_oci_enters(int argc, char *const *argv);

/* Opens the engine; with FLAGS (OPEN_*) also the container of the common options. */
int cli_open_engine(struct cli *c, struct err *e);
int cli_open(struct cli *c, unsigned flags, struct container **ret, struct err *e);

/* "PROG: NAME: message" and the hint, on standard error. Returns 1. */
int cli_fail(const struct cli *c, const struct err *e);
int cli_error(const struct cli *c, const char *hint, const char *fmt, ...) _printf_(3, 4);
/* The same for options that make no sense: "PROG: message", and where to read on. Returns 1. */
int cli_usage_error(const struct cli *c, const char *fmt, ...) _printf_(2, 3);

/* Anything but STOPPED. */
bool cli_is_running(struct container *ct);
/* "NAME is not running", and why where there is no such container at all. Returns 1. */
int cli_not_running(const struct cli *c, const struct container *ct);

/* Writes OUT to standard output; the exit code, CODE when all of it could be written. */
int cli_print(const struct cli *c, struct buf *out, int code);
/* What a mutating command ends with: prints the plan of a dry run. */
int cli_end(struct cli *c, int code);
/* Ends here and now, for a command that has done its work: memory is not given back piece by piece first. Returns when
 * output is left that cannot be written; main() says so. */
void cli_leave(int code);
/* Exit code of a wait status, as a shell has it. */
int cli_exit_of(int status);

/* The option tables of C's command, its own first, ended by NULL rows. ARGS: where its own store (NULL: for reading). */
void cli_sets(const struct command *cmd, struct cli *c, void *args, struct opt_set sets[static OPT_SETS_MAX]);

/* Colour and width of standard output, honouring NO_COLOR. */
bool cli_colour(void);
unsigned cli_columns(void); /* 0: no terminal, never truncate */

/* --- help.c, man.c, complete.c: the same tables in four shapes ----------------------------------------------------- */

void help_text(const struct command *cmd, struct buf *out);
void help_usage(const struct command *cmd, const char *prog, struct buf *out);
void help_man(const struct command *cmd, struct buf *out);
void help_man_conf(struct buf *out);	       /* lxc.container.conf(5) */
void man_text(struct buf *out, const char *s); /* escapes for roff */
int help_completion(const char *shell, const struct command *cmd, struct buf *out, struct err *e);
/* "creel start" or "lxc-start", for pages and messages. */
const char *command_title(const struct command *cmd, char buf[static 64]);

/* --- table.c: aligned columns -------------------------------------------------------------------------------------- */

struct table {
	unsigned n_cols;
	struct strv cells; /* row by row, the header first */
};
void table_done(struct table *t);
#define _cleanup_table_ _cleanup_(table_done)
int table_add(struct table *t, const char *cell, struct err *e); /* NULL or "": "-" */
void table_render(const struct table *t, struct buf *out);	 /* as lxc-ls -f does it */
