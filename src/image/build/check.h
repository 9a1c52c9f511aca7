/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Warnings about a Dockerfile that can be built: `build --check`. */

#include "base/buf.h"
#include "image/build/dockerfile.h"

struct ignore;
struct strv;

struct df_finding {
	const char *rule, *text;
	unsigned first, last; /* lines; 0: of none */
	struct df_finding *next;
};
struct df_check_opts {
	const struct ignore *ignore; /* of .dockerignore; NULL */
	const struct strv *build_args;
	/* The environment of the image NAME. -ENOENT: it is not known here, and nothing is said of what rests on it. NULL: none is. */
	int (*env)(void *arg, const char *name, struct strv *ret, struct err *e);
	void *arg;
};
/* DF is planned, as far as that goes; its directive `# check=skip=RULE,…;experimental=RULE,…` is kept, and so is one right above
 * an instruction. What is found lives in DF's pool. */
int dockerfile_check(struct dockerfile *df, const struct df_check_opts *o, struct df_finding **ret, size_t *ret_n,
		     struct err *e);
/* The directive says that a finding is an error. */
bool dockerfile_check_is_error(const struct dockerfile *df);

/* check.c and check-vars.c among themselves */
struct checking {
	struct dockerfile *df;
	const struct df_check_opts *o;
	const struct df_stage *st;
	struct df_finding **list; /* by lines */
	size_t *n;
	int r;
	struct err *e;
};
void check_found(struct checking *c, const struct df_line *line, const char *rule, const char *fmt, ...) _printf_(4, 5);
/* Variables that nothing has given a value: UndefinedVar. */
void check_variables(struct checking *c);

void finding_print(const struct dockerfile *df, const struct df_finding *f, const char *file, struct buf *out);
