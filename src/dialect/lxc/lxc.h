/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The lxc dialect: lxc.conf text of every era into the model and back. Facts: lxc.container.conf(5).
 *
 * struct lxc_config keeps the text as the user wrote it (comments, order, includes) beside the spec it means, so that
 * saving changes only what was changed. Keys go through one table, exact or explicit-prefix, order-free; legacy names
 * (lxc.utsname, lxc.network.type, lxc.cgroup.*, …) are rows of the same table.
 */

#include "base/buf.h"
#include "base/strv.h"
#include "spec/spec.h"

struct lxc_config;

/* An unreadable file, unknown key or bad value: ERR_INVALID "FILE:LINE: KEY: what was expected", err_hint the nearest
 * known key. Nothing of *ret is made then. Includes: at most 16 deep; a line at most 1 MiB, a file at most 16 MiB. */
int lxc_config_load(const char *path, struct lxc_config **ret, struct err *e);
/* From memory; NAME is used in messages. For tests, defines and fuzzing. */
int lxc_config_parse(const char *text, size_t len, const char *name, struct lxc_config **ret, struct err *e);
int lxc_config_new(struct lxc_config **ret, struct err *e); /* empty */
/* Adds a file's text and meaning to C, which is unchanged on failure. */
int lxc_config_read(struct lxc_config *c, const char *path, struct err *e);
struct lxc_config *lxc_config_free(struct lxc_config *c);
DEFINE_CLEANUP(struct lxc_config *, lxc_config_free);

struct spec *lxc_config_spec(struct lxc_config *c); /* owned by C */

/* One key, as a line of the file would; the text is changed to agree. Empty value clears. */
int lxc_config_set(struct lxc_config *c, const char *key, const char *value, struct err *e);
int lxc_config_clear(struct lxc_config *c, const char *key, struct err *e);
/* Each line of the text that says a key, in order: FN may give it another value (*RET_VALUE, which becomes C's to free). */
typedef int (*lxc_map_fn)(void *arg, const char *key, const char *value, char **ret_value, struct err *e);
int lxc_config_map(struct lxc_config *c, lxc_map_fn fn, void *arg, struct err *e);
/* The user's own text (with the changes): what is written to LXCPATH/NAME/config. */
int lxc_config_text(const struct lxc_config *c, struct buf *out, struct err *e);

/* Straight on a spec. get: one line per element, without the key. -ENOENT: unknown key (hint: the nearest). */
int lxc_key_set(struct spec *s, const char *key, const char *value, struct err *e);
int lxc_key_get(const struct spec *s, const char *key, struct buf *out, struct err *e);
int lxc_key_clear(struct spec *s, const char *key, struct err *e);
bool lxc_key_known(const char *key);
/* Keys, or what follows PREFIX in those below it ("lxc.hook", "lxc.net.0"), as get_keys of the API lists them. */
int lxc_key_list(const struct spec *s, const char *prefix, struct strv *ret, struct err *e);

/* The whole spec as lxc.conf; what LXC has no word for follows as "# not expressible: field=value". */
int lxc_save(const struct spec *s, struct buf *out, struct err *e);
