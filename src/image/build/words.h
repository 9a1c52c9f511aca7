/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Variables and quotes in the arguments of a Dockerfile's instructions:
 * $v ${v} and ${v…} with :- - :+ + :? ? # ## % %% / //
 */

#include "base/err.h"
#include "base/strv.h"

struct words {
	char escape;
	bool keep_quotes, keep_escapes; /* in what comes out */
	bool no_quotes;			/* quotes are ordinary characters: the body of a here document */
	bool keep_unset;		/* a variable that is not set stays as it is written */
	const char *(*get)(void *arg, const char *name); /* NULL: it is not set. NULL here: none is */
	void *arg;
	struct strv *unset; /* names that were not set; may be NULL */
};

/* TEXT with its variables replaced and its quotes taken away (free()). */
int words_expand(const struct words *w, const char *text, char **ret, struct err *e);

/* The same, split at blanks that are not quoted; values of variables are split too. */
int words_split(const struct words *w, const char *text, struct strv *ret, struct err *e);
