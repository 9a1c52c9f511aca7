/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* creel.db and the content store: what several processes do at once, and what a kill leaves. */

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/blobs.h"
#include "image/db.h"
#include "unit/test.h"

#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char top[] = "/var/tmp/creel-image-XXXXXX";
static struct err err;

static void remove_all(void)
{
	if (tree_remove(AT_FDCWD, top, &err) < 0)
		printf("# %s\n", err.msg);
}

static void setup(void)
{
	static bool made;

	if (!made && (!mkdtemp(top) || chdir(top) < 0 || atexit(remove_all) != 0))
		abort();
	made = true;
	if (tree_remove(AT_FDCWD, "t", &err) < 0 || mkdir("t", 0700) < 0)
		abort();
	err = (struct err){ 0 };
}

/* --- db --------------------------------------------------------------------------------------------------------------- */

static const char *const steps[] = { "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)",
				     "INSERT INTO t VALUES ('first', 1)", NULL };
static const char *const more[] = { "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)",
				    "INSERT INTO t VALUES ('first', 1)", "INSERT INTO t VALUES ('second', 2)", NULL };

static struct db *opened(void)
{
	struct db *d = NULL;
	int r = db_open("t/creel.db", true, &d, &err);

	if (r == 0)
		r = db_schema(d, "test", steps, &err);
	if (r < 0)
		printf("# %s\n", err.msg);
	CHECK(r == 0);
	return d;
}

static int sum(void *arg, const struct db_row *row)
{
	*(int64_t *)arg += db_int(row, 0);
	return 0;
}

TEST(steps_are_done_once)
{
	_cleanup_(db_freep) struct db *d = NULL, *again = NULL, *newer = NULL;
	_cleanup_free_ char *n = NULL;

	setup();
	CHECK(db_open("t/creel.db", false, &d, &err) == -ENOENT);
	d = opened();
	again = opened();
	CHECK(db_one(again, &n, &err, "SELECT count(*) FROM t", "") == 1);
	CHECK_STR(n, "1");
	CHECK(db_open("t/creel.db", false, &newer, &err) == 0 && db_schema(newer, "test", more, &err) == 0);
	/* One that is older than the file goes no further. */
	CHECK(db_schema(again, "test", steps, &err) == -EPROTO);
}

TEST(a_part_that_fails_takes_all_back)
{
	_cleanup_(db_freep) struct db *d = NULL;
	_cleanup_free_ char *n = NULL;

	setup();
	d = opened();
	CHECK(db_begin(d, &err) == 0 && db_begin(d, &err) == 0);
	CHECK(db_exec(d, &err, "INSERT INTO t VALUES (?, ?)", "si", "x", (int64_t)5) == 0);
	CHECK(db_end(d, -EIO, NULL) == -EIO);
	CHECK(db_end(d, 0, &err) == -ECANCELED);
	CHECK(db_one(d, &n, &err, "SELECT k FROM t WHERE k = ?", "s", "x") == 0);
	CHECK(db_exec(d, &err, "INSERT INTO t VALUES (?, ?)", "si", "first", (int64_t)5) == -EEXIST);
	CHECK(db_exec(d, &err, "INSERT INTO t VALUES (?, ?)", "si", NULL, (int64_t)5) == 0 && db_changes(d) == 1);
	CHECK(db_exec(d, &err, "SELECT nonsense", "") == -EIO && strstr(err.msg, "nonsense"));
}

/* Eight processes, each adds its number a hundred times; nobody gives up and nothing is lost. */
TEST(many_write_at_once)
{
	_cleanup_(db_freep) struct db *d = NULL;
	int64_t total = 0;
	int status;

	setup();
	d = opened();
	d = db_free(d);
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			d = opened();
			for (int k = 0; k < 100; k++)
				if (db_begin(d, &err) < 0 ||
				    db_end(d, db_exec(d, &err, "UPDATE t SET n = n + ?", "i", (int64_t)i), &err) < 0)
					_exit(1);
			_exit(0);
		}
	while (wait(&status) > 0)
		CHECK(status == 0);
	d = opened();
	CHECK(db_query(d, sum, &total, &err, "SELECT n FROM t", "") == 0);
	CHECK(total == 1 + 100 * 28);
}

/* A kill within a transaction takes it back, after it changes nothing. */
TEST(a_kill_leaves_whole_transactions)
{
	_cleanup_(db_freep) struct db *d = NULL;
	_cleanup_free_ char *n = NULL;
	pid_t pid;

	setup();
	d = db_free(opened());
	pid = fork();
	if (pid == 0) {
		d = opened();
		if (db_exec(d, &err, "INSERT INTO t VALUES ('kept', 1)", "") == 0 && db_begin(d, &err) == 0 &&
		    db_exec(d, &err, "INSERT INTO t VALUES ('lost', 1)", "") == 0)
			raise(SIGKILL);
		_exit(1);
	}
	CHECK(waitpid(pid, NULL, 0) == pid);
	d = opened();
	CHECK(db_one(d, &n, &err, "SELECT group_concat(k) FROM (SELECT k FROM t ORDER BY k)", "") == 1);
	CHECK_STR(n, "first,kept");
}

/* Each has one thing to write, and the next has all of the log to read. */
TEST(the_log_does_not_grow)
{
	struct stat st;
	off_t most = 0;

	setup();
	for (int i = 0; i < 500; i++) {
		_cleanup_(db_freep) struct db *d = opened();
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		CHECK(db_exec(d, &err, "INSERT INTO t VALUES (?, ?)", "si", key, (int64_t)i) == 0);
		if (stat("t/creel.db-wal", &st) == 0 && st.st_size > most)
			most = st.st_size;
	}
	CHECK(most > 0 && most < (2 << 20));
}

TEST(a_damaged_file_is_said_to_be)
{
	_cleanup_(db_freep) struct db *d = NULL;
	char page[4096];
	int fd;

	setup();
	memset(page, 'x', sizeof(page));
	fd = open("t/creel.db", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && fd_write_all(fd, page, sizeof(page)) == 0);
	fd_close(fd);
	CHECK(db_open("t/creel.db", true, &d, &err) == -EBADMSG && strstr(err.msg, "not a database"));
}

/* --- blobs ------------------------------------------------------------------------------------------------------------ */

static struct blobs *store(void)
{
	struct blobs *b = NULL;

	CHECK(blobs_open("t/blobs", true, &b, &err) == 0);
	return b;
}

static int count(void *arg, const char *digest, uint64_t size, const struct timespec *mtime)
{
	return (*(int *)arg)++ < 0;
}

static int how_many(struct blobs *b)
{
	int n = 0;

	CHECK(blobs_each(b, count, &n, &err) == 0);
	return n;
}

TEST(content_is_there_whole_or_not_at_all)
{
	_cleanup_(blobs_freep) struct blobs *b = NULL;
	_cleanup_(blob_writer_freep) struct blob_writer *w = NULL;
	_cleanup_free_ char *text = NULL;
	char digest[DIGEST_MAX];
	uint64_t at = 9;

	setup();
	CHECK(blobs_open("t/none", false, &b, &err) == -ENOENT);
	b = store();
	CHECK(blob_begin(b, ABC, true, &w, &at, &err) == 0 && at == 0);
	CHECK(blob_write(w, "ab", 2, &err) == 0 && blobs_stat(b, ABC, NULL, NULL) == -ENOENT && how_many(b) == 0);
	w = blob_writer_free(w);
	CHECK(blob_begin(b, ABC, true, &w, &at, &err) == 0 && at == 2);
	CHECK(blob_write(w, "c", 1, &err) == 0 && blob_commit(w, ABC, digest, &err) == 0);
	CHECK_STR(digest, ABC);
	CHECK(blobs_read(b, ABC, 3, &text, NULL, &err) == 0 && how_many(b) == 1);
	CHECK_STR(text, "abc");
	CHECK(!file_exists(AT_FDCWD, "t/blobs/ingest/" ABC));
	CHECK(blobs_delete(b, ABC, &err) == 0 && blobs_delete(b, ABC, &err) == 0 && blobs_fd(b, ABC, &err) == -ENOENT);
}

TEST(wrong_content_is_dropped)
{
	_cleanup_(blobs_freep) struct blobs *b = NULL;
	_cleanup_(blob_writer_freep) struct blob_writer *w = NULL;
	char digest[DIGEST_MAX];

	setup();
	b = store();
	CHECK(blob_begin(b, ABC, false, &w, NULL, &err) == 0 && blob_write(w, "abd", 3, &err) == 0);
	CHECK(blob_commit(w, ABC, digest, &err) == -EBADMSG && how_many(b) == 0);
	CHECK(!file_exists(AT_FDCWD, "t/blobs/ingest/" ABC));
}

TEST(damaged_content_is_not_given_out)
{
	_cleanup_(blobs_freep) struct blobs *b = NULL;
	_cleanup_free_ char *text = NULL;
	int fd;

	setup();
	b = store();
	CHECK(blobs_add(b, "abc", 3, NULL, &err) == 0 && blobs_stat(b, ABC, NULL, &err) == 0);
	fd = open("t/blobs/blobs/sha256/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		  O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0 && fd_write_all(fd, "x", 1) == 0);
	fd_close(fd);
	CHECK(blobs_read(b, ABC, 3, &text, NULL, &err) == -EBADMSG);
}

TEST(one_writer_a_key)
{
	_cleanup_(blobs_freep) struct blobs *b = NULL, *other = NULL;
	_cleanup_(blob_writer_freep) struct blob_writer *w = NULL, *v = NULL;

	setup();
	b = store();
	other = store();
	CHECK(blob_begin(b, "upload", false, &w, NULL, &err) == 0);
	CHECK(blob_begin(other, "upload", false, &v, NULL, &err) == -EBUSY);
	CHECK(blob_begin(other, "../x", false, &v, NULL, &err) == -EINVAL);
	CHECK(blob_begin(other, ".x", false, &v, NULL, &err) == -EINVAL);
}

TEST(old_ingests_go_others_stay)
{
	_cleanup_(blobs_freep) struct blobs *b = NULL;
	_cleanup_(blob_writer_freep) struct blob_writer *w = NULL, *v = NULL;

	setup();
	b = store();
	CHECK(blob_begin(b, "left", false, &w, NULL, &err) == 0 && blob_write(w, "x", 1, &err) == 0);
	w = blob_writer_free(w);
	CHECK(blob_begin(b, "live", false, &v, NULL, &err) == 0);
	CHECK(blobs_sweep_ingest(b, time(NULL) - 60, &err) == 0 && file_exists(AT_FDCWD, "t/blobs/ingest/left"));
	CHECK(blobs_sweep_ingest(b, time(NULL) + 60, &err) == 0 && !file_exists(AT_FDCWD, "t/blobs/ingest/left"));
	CHECK(file_exists(AT_FDCWD, "t/blobs/ingest/live"));
}

/* Who sweeps is alone; who brings something in is not swept. */
TEST(nobody_sweeps_while_another_holds)
{
	_cleanup_(blobs_freep) struct blobs *b = NULL, *other = NULL;

	setup();
	b = store();
	other = store();
	CHECK(blobs_hold(b, &err) == 0 && blobs_hold(b, &err) == 0 && blobs_hold(other, &err) == 0);
	CHECK(blobs_alone(b) == -EBUSY && blobs_alone(other) == -EBUSY);
	blobs_release(other);
	CHECK(blobs_alone(other) == -EBUSY);
	blobs_release(b);
	CHECK(blobs_alone(other) == -EBUSY);
	blobs_release(b);
	CHECK(blobs_alone(other) == 0);
	CHECK(blobs_alone(b) == -EBUSY);
	blobs_not_alone(other);
	CHECK(blobs_hold(b, &err) == 0);
	blobs_release(b);
}
