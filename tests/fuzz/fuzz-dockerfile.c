/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A Dockerfile: parsed, planned, each instruction with its variables; and the same text as an ignore file. What is refused
 * says why. */
#include <stdint.h>
#include <stdlib.h>

#include "image/build/dockerfile.h"
#include "image/build/ignore.h"
#include "image/build/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *get(void *arg, const char *name)
{
	(void)arg;
	return name[0] == 'a' ? "value of *?a" : name[0] == 'b' ? "" : NULL;
}

static void said(int r, const struct err *e)
{
	if (r < 0 && (!e->msg[0] || e->code != r))
		abort();
}

static void expand_all(struct dockerfile *df)
{
	const struct words w = { .escape = df->escape, .get = get };

	for (size_t i = 0; i < df->n_stages; i++)
		for (const struct df_instr *in = df->stages[i]->instrs; in; in = in->next) {
			struct df_instr out, *again;
			struct err e = { 0 };

			said(instr_expand(in, &w, &df->pool, &out, &e), &e);
			for (size_t m = 0; m < in->mounts.n; m++) {
				struct df_mount mount;

				e = (struct err){ 0 };
				said(mount_parse(in->mounts.v[m], &w, &df->pool, &mount, &e), &e);
			}
			e = (struct err){ 0 };
			if (in->kind == DF_ONBUILD)
				said(dockerfile_trigger(df, in->args.v[0], &again, &e), &e);
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct df_plan_opts o = { .platform = "linux/amd64", .build_platform = "linux/amd64" };
	_cleanup_dockerfile_ struct dockerfile df = { 0 };
	_cleanup_ignore_ struct ignore g = { 0 };
	_cleanup_free_ char *dump = NULL;
	struct err e = { 0 };
	size_t target = 0;
	int r = dockerfile_parse(&df, text, size, &e);

	said(r, &e);
	if (df.lines && dockerfile_dump(&df, &dump, NULL) < 0)
		abort();
	if (r >= 0) {
		r = dockerfile_plan(&df, &o, &target, &e);
		said(r, &e);
		if (r >= 0 && (target >= df.n_stages || !df.stages[target]->needed))
			abort();
		expand_all(&df);
	}
	e = (struct err){ 0 };
	r = ignore_parse(&g, text, size, &e);
	said(r, &e);
	if (r >= 0)
		ignore_match(&g, "some/path/below.txt");
	return 0;
}
