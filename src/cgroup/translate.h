/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * v1's words for v2's and back. Inside src/cgroup only; pure, so that all of it is tested without a kernel.
 *
 * Each row of the table pairs one v1 file with one v2 file and says how a value becomes the other's, both ways. A v2
 * file with several values (cpu.max, io.max) has several rows. What needs a second file's content to be complete is
 * left open in the piece: `fix` says what cg_set() has to read.
 */

#include "base/buf.h"
#include "base/err.h"

enum cg_fix {
	FIX_NONE,
	FIX_MINUS,	/* VALUE minus what FIX_FILE holds: memsw counts memory in */
	FIX_PLUS,	/* VALUE plus it */
	FIX_KEEP_FIRST, /* the first word of FIX_FILE, then VALUE: cpu.max's period alone */
};

struct cg_piece {
	char *key, *value;
	enum cg_fix fix;
	const char *fix_file;
	bool alternative; /* only where the piece before it names a file that is not there */
};

struct cg_pieces {
	struct cg_piece v[8];
	size_t n;
};

void cg_pieces_done(struct cg_pieces *p);
#define _cleanup_pieces_ _cleanup_(cg_pieces_done)

/* Which version KEY belongs to: 1, 2, 3 for both, 0 when the table does not know it. */
unsigned cg_key_versions(const char *key);
/* The controller of KEY, as the table says or by its prefix; -1. */
int cg_key_ctrl(const char *key);

/* KEY=VALUE in version FROM's words as pieces for version HAVE. -EOPNOTSUPP: no counterpart. */
int cg_translate_pieces(unsigned have, unsigned from, const char *key, const char *value, struct cg_pieces *ret,
			struct err *e);

/* VALUE completed with OTHER, the content of the fix file, in version TO's words. */
int cg_fix_apply(enum cg_fix fix, unsigned to, bool reading, const char *value, const char *other, struct buf *out);

/* Reading KEY, a version FROM word, where the other version is spoken: the I-th file to read, false after the last,
 * and its content in KEY's words (1: says nothing of KEY). */
struct row;
struct cg_source {
	const struct row *row;
	char file[256];
	bool alternative;
};
bool cg_source_get(unsigned from, const char *key, unsigned i, struct cg_source *ret);
int cg_source_value(const struct cg_source *s, unsigned from, const char *text, struct buf *out, enum cg_fix *ret_fix,
		    const char **ret_fix_file);

/* For the tests: row I of the table; false after the last. */
bool cg_table_row(unsigned i, const char **ret_v1, const char **ret_v2);

uint64_t cg_shares_to_weight(uint64_t shares);
uint64_t cg_weight_to_shares(uint64_t weight);
