/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Warnings about a Dockerfile that can be built: `build --check`. */

#include "base/buf.h"
#include "image/build/dockerfile.h"

struct ignore;

struct df_finding {
	const char *rule, *text;
	unsigned first, last; /* lines; 0: of none */
	struct df_finding *next;
};
/* DF is parsed; its directive `# check=skip=RULE,…` is kept. IGNORE: of .dockerignore, NULL. What is found lives in DF's pool. */
int dockerfile_check(struct dockerfile *df, const struct ignore *ignore, struct df_finding **ret, size_t *ret_n,
		     struct err *e);
/* The directive says that a finding is an error. */
bool dockerfile_check_is_error(const struct dockerfile *df);
void finding_print(const struct dockerfile *df, const struct df_finding *f, const char *file, struct buf *out);
