/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inside src/dialect/lxc only: the key table.
 *
 * A row is a key and the field it stands for. What a value looks like in this dialect is the row's kind: a const table
 * of set, get, clear and save. Rows are found by their whole name; a name that ends in '.' is a family ("lxc.cgroup2.")
 * and is found by what the key begins with, the longest first, whatever the order of the rows. A row with an alias is
 * a legacy name; it lends its rest of the key to the row it names.
 */

#include "dialect/lxc/lxc.h"
#include "spec/field.h"

struct lxc_kind;
struct lxc_reader;

struct lxc_key {
	const char *name;
	unsigned len;
	const struct lxc_kind *kind;
	const char *field; /* row of spec_fields */
	const char *def;   /* what get prints when nothing was said; NULL: nothing */
	const char *alias; /* legacy: the name of today */
	uint32_t version;  /* lxc.cgroup. 1, lxc.cgroup2. 2 */
};

/* A key as it was found: its row, and for a family what follows the row's name (NULL: the family as a whole). */
struct lxc_ref {
	const struct lxc_key *key;
	const char *sub;
	struct lxc_reader *reader; /* of the file it stands in; NULL: none */
};

/* VALUE is never empty: that is a clear. */
struct lxc_kind {
	int (*set)(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e);
	int (*get)(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e);
	int (*clear)(const struct lxc_ref *k, struct spec *s, struct err *e);
	int (*save)(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e);
};

/* -ENOENT: "expected a known key", the hint is the nearest. */
int lxc_key_find(const char *key, size_t len, struct lxc_ref *ret, struct err *e);
int lxc_ref_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e);

extern const struct lxc_key lxc_keys[]; /* ended by a NULL name */
const struct field *lxc_key_field(const struct lxc_key *k);

/* Kinds, by file. words.c: one field, several spellings. */
extern const struct lxc_kind lxc_kind_plain, lxc_kind_words, lxc_kind_commas, lxc_kind_signal, lxc_kind_level,
	lxc_kind_buffer, lxc_kind_ns, lxc_kind_rootfs, lxc_kind_rootfs_legacy, lxc_kind_backend, lxc_kind_share,
	lxc_kind_hooks, lxc_kind_auto, lxc_kind_clock, lxc_kind_proxy;
/* lists.c: keys that make elements of a list. */
extern const struct lxc_kind lxc_kind_mount, lxc_kind_idmap, lxc_kind_cgroup, lxc_kind_rlimit, lxc_kind_map;
/* net.c */
extern const struct lxc_kind lxc_kind_net, lxc_kind_network;
int lxc_net_names(const struct spec *s, const char *index, struct strv *ret, struct err *e);
/* load.c */
extern const struct lxc_kind lxc_kind_include, lxc_kind_dropped;

/* "KEY = VALUE\n", quoted where the reader would trim. A value of several lines is -EOPNOTSUPP. */
int lxc_put_line(struct buf *out, const char *key, const char *value, struct err *e);

int lxc_expected(struct err *e, const char *what, const char *value);
/* An unknown key; the hint is the nearest of NAMES with PREFIX before it. */
int lxc_unknown(struct err *e, const char *what, const char *prefix, const char *const *names, size_t n);
