/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The options of a command, said once: a table of rows that the parser, --help, --usage, the man page and the shells'
 * completions all read.
 *
 * The parser follows getopt_long(): short options may be bundled, long ones abbreviated while unique, options and
 * operands mixed, "--" ends the options. An unknown option names the nearest known one.
 */

#include "base/err.h"
#include "base/strv.h"

enum opt_kind {
	OPT_BOOL, /* bool: becomes .value */
	OPT_STR,  /* const char *, points into argv */
	OPT_LIST, /* struct strv: appended */
	OPT_INT,  /* int */
	OPT_I64,  /* int64_t */
	OPT_CALL, /* .parse decides; ARG NULL: none was given */
};

/* What a shell offers for the argument. */
enum opt_complete { COMPLETE_NONE, COMPLETE_FILE, COMPLETE_DIR, COMPLETE_NAME, COMPLETE_WORDS };

enum {
	OPT_HIDDEN = 1,	  /* accepted, not shown */
	OPT_OPTIONAL = 2, /* the argument may be left out */
};

struct opt {
	char letter;	  /* 0: none */
	const char *name; /* long form; NULL ends the table */
	const char *arg;  /* what its argument is called; NULL: takes none */
	const char *doc;  /* sentences; wrapped where they are shown */
	enum opt_kind kind;
	size_t offset; /* of the target in the command's arguments */
	int64_t value;
	unsigned flags;
	enum opt_complete complete;
	const char *words; /* COMPLETE_WORDS: separated by blanks */
	int (*parse)(void *args, const char *arg, struct err *e);
};

#define OPT_END              \
	{                    \
		.name = NULL \
	}

/* Rows whose targets lie in BASE. */
struct opt_set {
	const struct opt *rows;
	void *base;
};

#define OPT_SETS_MAX 10
struct opt_parser {
	struct opt_set sets[OPT_SETS_MAX]; /* ended by NULL rows; the first that knows an option wins */
	unsigned stop_after;		   /* operands after which nothing is an option any more; 0: no limit */
	bool go;			   /* as Go's flag package: "-name" is "--name", and a switch takes "=false" */
	struct strv operands;		   /* result; copies */
};

/* What one option's argument does to its target in BASE; ARG NULL: none was given. */
int opt_store(const struct opt *o, void *base, const char *arg, struct err *e);
/* A Go program's idea of true and false ("t", "False", "1"): 0 or -EINVAL. */
int opt_go_bool(const char *s, bool *ret);

/* ARGV[0] is skipped. 0, or -EINVAL with the message as getopt words it and the nearest option for a hint. */
int opt_parse(struct opt_parser *p, int argc, char *const *argv, struct err *e);
/* The same as Docker's client has it (Go's pflag), with its messages: nothing is abbreviated, switches take "=false", short ones
 * with an argument "=" or the next word, and "--" or STOP_AFTER operands end the options. */
int opt_parse_pflag(struct opt_parser *p, int argc, char *const *argv, struct err *e);
void opt_parser_done(struct opt_parser *p);
