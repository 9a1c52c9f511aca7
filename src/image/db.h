/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * creel.db: what is not in files of its own. SQLite in WAL mode, so that any number of commands and daemons work at once; every
 * change is one transaction. Tables are made by the part that owns them: each has its list of schema steps, and the number of
 * those that were done is kept under its name.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct db;
/* FILE is made (0600) where DO_MAKE; else -ENOENT. */
int db_open(const char *file, bool do_make, struct db **ret, struct err *e);
struct db *db_free(struct db *d);
DEFINE_CLEANUP(struct db *, db_free);

/* Brings PART's tables up to date: STEPS, SQL texts ended by NULL, each of which is done once. Never change one that was released. */
int db_schema(struct db *d, const char *part, const char *const *steps, struct err *e);

/* BEGIN IMMEDIATE; nested ones join the outer one. db_end() commits where R >= 0, else rolls back; returns R, or its own error. */
int db_begin(struct db *d, struct err *e);
int db_end(struct db *d, int r, struct err *e);

/*
 * One statement. TYPES has a letter for each ?: s (const char *, NULL is null), i (int64_t), b (const void *, size_t). A row
 * at a time goes to FN (may be NULL), whose non-zero answer ends it and is returned. Without FN or rows: 0.
 */
struct db_row;
const char *db_text(const struct db_row *row, int col); /* NULL: null. As long as the row */
int64_t db_int(const struct db_row *row, int col);
int db_query(struct db *d, int (*fn)(void *arg, const struct db_row *row), void *arg, struct err *e, const char *sql,
	     const char *types, ...);
#define db_exec(d, e, ...) db_query(d, NULL, NULL, e, __VA_ARGS__)
/* First column of the first row: 1 (*RET free()) or 0. */
int db_one(struct db *d, char **ret, struct err *e, const char *sql, const char *types, ...);
/* Rows that the last statement of this handle changed. */
int64_t db_changes(const struct db *d);
