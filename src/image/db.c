/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * WAL with synchronous=NORMAL: a commit is one write without a flush, which a kill cannot undo and a power failure takes back
 * as a whole. The log stays when the last one leaves: to fold it in is what costs flushes. But whoever comes first reads all
 * of it, so it is folded in and emptied long before SQLite would do so; and SQLite would not empty it: how much of it is folded
 * in is forgotten when the last one leaves, so that it grows for ever where each has one thing to write.
 *
 * A handle may be shared by threads: whoever has begun a transaction has it alone until db_end().
 */
#include "image/db.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/fd.h"

#define BUSY_MS	  30000
#define LOG_PAGES 200
#define SQL_CACHE 64

/* Statements are compiled once a handle: their texts are constants, so their addresses tell them apart. */
struct cached {
	const char *sql;
	sqlite3_stmt *stmt;
	bool busy;
};

struct db {
	sqlite3 *sql;
	pthread_mutex_t lock; /* recursive */
	unsigned depth;
	bool failed; /* of nested ones, one has: none of it is to be */
	struct cached cache[SQL_CACHE];
	sqlite3_stmt *steps; /* how many of a part's are done, NULL: not asked yet */
};

struct db_row {
	sqlite3_stmt *stmt;
};

static int code_of(int rc, enum err_kind *kind)
{
	*kind = ERR_SYSTEM;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		*kind = ERR_STATE;
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		*kind = ERR_DENIED;
		return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		*kind = ERR_INVALID;
		return -EBADMSG;
	case SQLITE_CONSTRAINT:
		*kind = ERR_EXISTS;
		return -EEXIST;
	default:
		return -EIO;
	}
}

static int fail(struct db *d, int rc, const char *what, struct err *e)
{
	enum err_kind kind;
	int code = code_of(rc, &kind);

	return err_kind(e, kind, code, "creel.db: %.80s: %s", what,
			d && d->sql ? sqlite3_errmsg(d->sql) : sqlite3_errstr(rc));
}

static int run(struct db *d, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(d->sql, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(d, rc, sql, e);
}

static int make_lock(struct db *d)
{
	pthread_mutexattr_t a;

	if (pthread_mutexattr_init(&a) != 0)
		return -ENOMEM;
	(void)pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
	(void)pthread_mutex_init(&d->lock, &a);
	(void)pthread_mutexattr_destroy(&a);
	return 0;
}

/* The file is ours alone before SQLite gives its log the same mode. */
static int make_file(const char *file, bool do_make, struct err *e)
{
	_cleanup_close_ int fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (do_make ? O_CREAT : 0), 0600);

	if (fd >= 0)
		return 0;
	if (errno == ENOENT)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "%s is not there", file);
	return err_set(e, -errno, "open %s", file);
}

static const char *const first_step =
	"CREATE TABLE IF NOT EXISTS schema_steps (part TEXT PRIMARY KEY, done INTEGER NOT NULL)"
	" WITHOUT ROWID";

/* How many steps of PART were done; -1: the table of them is not there yet. */
static int steps_done(struct db *d, const char *part, int64_t *ret, struct err *e)
{
	int rc = SQLITE_OK;

	*ret = -1;
	if (!d->steps)
		rc = sqlite3_prepare_v3(d->sql, "SELECT done FROM schema_steps WHERE part = ?", -1,
					SQLITE_PREPARE_PERSISTENT, &d->steps, NULL);
	if (rc == SQLITE_ERROR)
		return 0;
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(d->steps, 1, part, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(d->steps);
	if (rc == SQLITE_ROW)
		*ret = sqlite3_column_int64(d->steps, 0);
	else if (rc == SQLITE_DONE)
		*ret = 0;
	else
		rc = fail(d, rc, part, e);
	sqlite3_reset(d->steps);
	return rc < 0 ? rc : 0;
}

/* Nobody waits for those who read: then a later one does it. */
static int log_written(void *arg, sqlite3 *sql, const char *name, int pages)
{
	if (pages < LOG_PAGES)
		return SQLITE_OK;
	sqlite3_busy_timeout(sql, 0);
	(void)sqlite3_wal_checkpoint_v2(sql, name, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(sql, BUSY_MS);
	return SQLITE_OK;
}

int db_open(const char *file, bool do_make, struct db **ret, struct err *e)
{
	_cleanup_(db_freep) struct db *d = NULL;
	int rc, r = make_file(file, do_make, e);

	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d || make_lock(d) < 0) {
		free(TAKE_PTR(d));
		return err_oom(e);
	}
	rc = sqlite3_open_v2(file, &d->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
	if (rc != SQLITE_OK)
		return fail(d, rc, file, e);
	sqlite3_extended_result_codes(d->sql, 0);
	sqlite3_busy_timeout(d->sql, BUSY_MS);
	sqlite3_wal_hook(d->sql, log_written, NULL);
	(void)sqlite3_db_config(d->sql, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_db_config(d->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	r = run(d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON", e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct db *db_free(struct db *d)
{
	if (!d)
		return NULL;
	sqlite3_finalize(d->steps);
	for (size_t i = 0; i < SQL_CACHE; i++)
		sqlite3_finalize(d->cache[i].stmt);
	sqlite3_close_v2(d->sql);
	pthread_mutex_destroy(&d->lock);
	free(d);
	return NULL;
}

/* --- transactions ----------------------------------------------------------------------------------------------------- */

int db_begin(struct db *d, struct err *e)
{
	int r;

	pthread_mutex_lock(&d->lock);
	if (d->depth++ > 0)
		return 0;
	d->failed = false;
	r = run(d, "BEGIN IMMEDIATE", e);
	if (r < 0) {
		d->depth--;
		pthread_mutex_unlock(&d->lock);
	}
	return r;
}

int db_end(struct db *d, int r, struct err *e)
{
	d->failed |= r < 0;
	if (--d->depth == 0) {
		if (d->failed)
			(void)run(d, "ROLLBACK", NULL);
		else if (run(d, "COMMIT", e) < 0) {
			r = e && e->code ? e->code : -EIO;
			(void)run(d, "ROLLBACK", NULL);
		}
		if (d->failed && r >= 0)
			r = err_kind(e, ERR_STATE, -ECANCELED, "creel.db: a part of the change has failed");
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

int db_schema(struct db *d, const char *part, const char *const *steps, struct err *e)
{
	int64_t n = 0, done;
	int r;

	while (steps[n])
		n++;
	pthread_mutex_lock(&d->lock);
	r = steps_done(d, part, &done, e);
	pthread_mutex_unlock(&d->lock);
	if (r < 0 || done == n)
		return r;
	r = db_begin(d, e);
	if (r < 0)
		return r;
	r = run(d, first_step, e);
	if (r == 0)
		r = steps_done(d, part, &done, e);
	if (r == 0 && done > n)
		r = err_kind(e, ERR_STATE, -EPROTO, "creel.db: made by a newer creel (%s, step %lld)", part,
			     (long long)done);
	for (int64_t i = done; i < n && r == 0; i++)
		r = run(d, steps[i], e);
	if (r == 0)
		r = db_exec(d, e, "INSERT OR REPLACE INTO schema_steps VALUES (?, ?)", "si", part, n);
	return db_end(d, r, e);
}

/* --- statements ------------------------------------------------------------------------------------------------------- */

/* A free compiled one, or a new one; *RET_SLOT NULL: it is not kept. */
static int prepare(struct db *d, const char *sql, sqlite3_stmt **ret, struct cached **ret_slot, struct err *e)
{
	struct cached *slot = NULL;
	int rc;

	*ret_slot = NULL;
	for (size_t i = 0; i < SQL_CACHE; i++) {
		struct cached *c = &d->cache[i];

		if (c->sql == sql && !c->busy) {
			c->busy = true;
			*ret = c->stmt;
			*ret_slot = c;
			return 0;
		}
		if (!c->sql && !slot)
			slot = c;
	}
	rc = sqlite3_prepare_v3(d->sql, sql, -1, slot ? SQLITE_PREPARE_PERSISTENT : 0, ret, NULL);
	if (rc != SQLITE_OK)
		return fail(d, rc, sql, e);
	if (slot) {
		*slot = (struct cached){ sql, *ret, true };
		*ret_slot = slot;
	}
	return 0;
}

static void let_go(sqlite3_stmt *s, struct cached *slot)
{
	if (!slot) {
		sqlite3_finalize(s);
		return;
	}
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	slot->busy = false;
}

static int bind(struct db *d, sqlite3_stmt *s, const char *sql, const char *types, va_list ap, struct err *e)
{
	int rc = SQLITE_OK;

	for (int i = 1; *types && rc == SQLITE_OK; i++, types++) {
		const void *data;

		switch (*types) {
		case 's':
			data = va_arg(ap, const char *);
			rc = sqlite3_bind_text(s, i, data, -1, SQLITE_STATIC);
			break;
		case 'i':
			rc = sqlite3_bind_int64(s, i, va_arg(ap, int64_t));
			break;
		case 'b':
			data = va_arg(ap, const void *);
			rc = sqlite3_bind_blob64(s, i, data, va_arg(ap, size_t), SQLITE_STATIC);
			break;
		default:
			rc = SQLITE_MISUSE;
		}
	}
	return rc == SQLITE_OK ? 0 : fail(d, rc, sql, e);
}

const char *db_text(const struct db_row *row, int col)
{
	return (const char *)sqlite3_column_text(row->stmt, col);
}

int64_t db_int(const struct db_row *row, int col)
{
	return sqlite3_column_int64(row->stmt, col);
}

static int query(struct db *d, int (*fn)(void *arg, const struct db_row *row), void *arg, struct err *e,
		 const char *sql, const char *types, va_list ap)
{
	struct cached *slot;
	struct db_row row;
	int rc = SQLITE_OK, r;

	r = prepare(d, sql, &row.stmt, &slot, e);
	if (r < 0)
		return r;
	r = bind(d, row.stmt, sql, types, ap, e);
	while (r == 0 && (rc = sqlite3_step(row.stmt)) == SQLITE_ROW)
		r = fn ? fn(arg, &row) : 0;
	if (r == 0 && rc != SQLITE_DONE)
		r = fail(d, rc, sql, e);
	let_go(row.stmt, slot);
	return r;
}

int db_query(struct db *d, int (*fn)(void *arg, const struct db_row *row), void *arg, struct err *e, const char *sql,
	     const char *types, ...)
{
	va_list ap;
	int r;

	pthread_mutex_lock(&d->lock);
	va_start(ap, types);
	r = query(d, fn, arg, e, sql, types, ap);
	va_end(ap);
	pthread_mutex_unlock(&d->lock);
	return r;
}

static int take_first(void *arg, const struct db_row *row)
{
	const char *s = db_text(row, 0);
	char **ret = arg;

	*ret = strdup(s ?: "");
	return *ret ? 1 : -ENOMEM;
}

int db_one(struct db *d, char **ret, struct err *e, const char *sql, const char *types, ...)
{
	va_list ap;
	int r;

	pthread_mutex_lock(&d->lock);
	va_start(ap, types);
	r = query(d, take_first, ret, e, sql, types, ap);
	va_end(ap);
	pthread_mutex_unlock(&d->lock);
	return r == -ENOMEM && !*ret ? err_oom(e) : r;
}

int64_t db_changes(const struct db *d)
{
	return sqlite3_changes64(d->sql);
}
