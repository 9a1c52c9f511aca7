/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A list of owned strings, NULL-terminated so that `v.v` can go to execve() as it stands.
 * v is NULL while the list is empty; use strv_get() where a non-NULL vector is wanted.
 */

#include "base/err.h"

struct strv {
	char **v;
	size_t n, cap;
};

#define STRV_INIT ((struct strv){ 0 })

void strv_done(struct strv *l);
#define _cleanup_strv_ _cleanup_(strv_done)

int strv_push(struct strv *l, const char *s, struct err *e); /* copies */
int strv_push_take(struct strv *l, char *s, struct err *e);  /* owns S, also on failure; NULL S is -ENOMEM */
int strv_pushf(struct strv *l, struct err *e, const char *fmt, ...) _printf_(3, 4);
int strv_copy(struct strv *to, const struct strv *from, struct err *e); /* TO must be empty */
bool strv_has(const struct strv *l, const char *s);
void strv_remove(struct strv *l, size_t i);
void strv_sort(struct strv *l);
char *const *strv_get(const struct strv *l); /* never NULL, always NULL-terminated */

/* Splits S at any of SEPS; empty words are dropped. */
int strv_split(struct strv *l, const char *s, const char *seps, struct err *e);

/* Splits a command line: blanks separate, '…' and "…" group, backslash escapes. -EINVAL on an open quote. */
int strv_split_command(struct strv *l, const char *s, struct err *e);

/* "K=V" lists: sets K, replacing an earlier value. */
int strv_env_set(struct strv *l, const char *assignment, struct err *e);
const char *strv_env_get(const struct strv *l, const char *key);
