/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/blobs.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"

#define LAYOUT	    "{\"imageLayoutVersion\":\"1.0.0\"}"
#define EMPTY_INDEX "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.index.v1+json\",\"manifests\":[]}"
#define WRITE_BACK  (16u << 20) /* so much is handed to the disk at once, so that the flush at the end is short */
#define KEY_MAX	    200

struct blobs {
	char *root;
	int root_fd, lock_fd;
	pthread_mutex_t lock;
	unsigned holds;
};

struct blob_writer {
	struct blobs *b;
	char key[KEY_MAX + 1];
	int fd;
	uint64_t at, flushed;
	struct hasher *hash;
};

/* "blobs/sha256/HEX". DIGEST is valid. */
static const char *path_of(const char *digest, char buf[static DIGEST_MAX + 16])
{
	snprintf(buf, DIGEST_MAX + 16, "blobs/%.*s/%s", (int)strcspn(digest, ":"), digest, digest_hex(digest));
	return buf;
}

static int make_layout(int root, struct err *e)
{
	static const char *const dirs[] = { "blobs", "blobs/sha256", "blobs/sha512", "ingest" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(root, dirs[i], 0700) < 0 && errno != EEXIST)
			return err_set(e, -errno, "make %s of the content store", dirs[i]);
	if (!file_exists(root, "index.json"))
		r = file_replace(root, "index.json", EMPTY_INDEX, strlen(EMPTY_INDEX), 0600, false, e);
	if (r == 0 && !file_exists(root, "oci-layout"))
		r = file_replace(root, "oci-layout", LAYOUT, strlen(LAYOUT), 0600, false, e);
	return r;
}

int blobs_open(const char *root, bool do_make, struct blobs **ret, struct err *e)
{
	_cleanup_(blobs_freep) struct blobs *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return err_oom(e);
	b->root_fd = b->lock_fd = -EBADF;
	pthread_mutex_init(&b->lock, NULL);
	b->root = strdup(root);
	if (!b->root)
		return err_oom(e);
	r = do_make ? dir_make_all(root, 0700, e) : 0;
	if (r < 0)
		return r;
	b->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->root_fd < 0 && errno == ENOENT)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no content store %s", root);
	if (b->root_fd < 0)
		return err_set(e, -errno, "open %s", root);
	/* What is made last tells that all is there. */
	if (!file_exists(b->root_fd, "oci-layout")) {
		r = make_layout(b->root_fd, e);
		if (r < 0)
			return r;
	}
	b->lock_fd = openat(b->root_fd, "ingest", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->lock_fd < 0)
		return err_set(e, -errno, "open %s/ingest", root);
	*ret = TAKE_PTR(b);
	return 0;
}

struct blobs *blobs_free(struct blobs *b)
{
	if (!b)
		return NULL;
	fd_close(b->lock_fd);
	fd_close(b->root_fd);
	pthread_mutex_destroy(&b->lock);
	free(b->root);
	free(b);
	return NULL;
}

const char *blobs_root(const struct blobs *b)
{
	return b->root;
}

/* --- who works on it -------------------------------------------------------------------------------------------------- */

int blobs_hold(struct blobs *b, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&b->lock);
	if (b->holds == 0)
		while (flock(b->lock_fd, LOCK_SH) < 0)
			if (errno != EINTR) {
				r = err_set(e, -errno, "lock %s", b->root);
				break;
			}
	if (r == 0)
		b->holds++;
	pthread_mutex_unlock(&b->lock);
	return r;
}

void blobs_release(struct blobs *b)
{
	pthread_mutex_lock(&b->lock);
	if (--b->holds == 0)
		(void)flock(b->lock_fd, LOCK_UN);
	pthread_mutex_unlock(&b->lock);
}

int blobs_alone(struct blobs *b)
{
	int r = 0;

	if (pthread_mutex_trylock(&b->lock) != 0)
		return -EBUSY;
	if (b->holds || flock(b->lock_fd, LOCK_EX | LOCK_NB) < 0)
		r = -EBUSY;
	/* Until blobs_not_alone(), nobody of this process begins either. */
	if (r < 0)
		pthread_mutex_unlock(&b->lock);
	return r;
}

void blobs_not_alone(struct blobs *b)
{
	(void)flock(b->lock_fd, LOCK_UN);
	pthread_mutex_unlock(&b->lock);
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static int missing(const char *digest, struct err *e)
{
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "content %s is not there", digest);
}

int blobs_stat(struct blobs *b, const char *digest, uint64_t *ret_size, struct err *e)
{
	char path[DIGEST_MAX + 16];
	struct stat st;
	int r = digest_check(digest, e);

	if (r < 0)
		return r;
	if (fstatat(b->root_fd, path_of(digest, path), &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? missing(digest, e) : err_set(e, -errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return missing(digest, e);
	if (ret_size)
		*ret_size = (uint64_t)st.st_size;
	return 0;
}

int blobs_fd(struct blobs *b, const char *digest, struct err *e)
{
	char path[DIGEST_MAX + 16];
	int fd, r = digest_check(digest, e);

	if (r < 0)
		return r;
	fd = openat(b->root_fd, path_of(digest, path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? missing(digest, e) : err_set(e, -errno, "open %s", path);
	return fd;
}

int blobs_read(struct blobs *b, const char *digest, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_(hasher_freep) struct hasher *h = NULL;
	char path[DIGEST_MAX + 16], algorithm[16], is[DIGEST_MAX];
	_cleanup_free_ char *data = NULL;
	size_t len;
	int r = blobs_stat(b, digest, NULL, e);

	if (r < 0)
		return r;
	snprintf(algorithm, sizeof(algorithm), "%.*s", (int)strcspn(digest, ":"), digest);
	r = file_read(b->root_fd, path_of(digest, path), max, &data, &len, e);
	if (r == 0)
		r = hasher_new(algorithm, &h, e);
	if (r < 0)
		return err_wrap(e, r, "content %s", digest);
	hasher_add(h, data, len);
	hasher_end(h, is);
	if (!streq(is, digest))
		return err_kind(e, ERR_INVALID, -EBADMSG, "content %s is damaged: it is %s", digest, is);
	*ret = TAKE_PTR(data);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int blobs_delete(struct blobs *b, const char *digest, struct err *e)
{
	char path[DIGEST_MAX + 16];
	int r = digest_check(digest, e);

	if (r < 0)
		return r;
	if (unlinkat(b->root_fd, path_of(digest, path), 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "remove %s", path);
	return 0;
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Entries of a folder of the store, "." and ".." left out. */
static int each_of(struct blobs *b, const char *dir,
		   int (*fn)(struct blobs *b, int dir_fd, const char *name, void *arg), void *arg, struct err *e)
{
	int fd = openat(b->root_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	_cleanup_(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *x;

	if (!d) {
		r = fd < 0 && errno == ENOENT ? 0 : err_set(e, -errno, "list %s/%s", b->root, dir);
		fd_close(fd);
		return r;
	}
	while (r == 0 && (x = readdir(d)))
		if (x->d_name[0] != '.')
			r = fn(b, dirfd(d), x->d_name, arg);
	return r;
}

struct visit {
	int (*fn)(void *arg, const char *digest, uint64_t size, const struct timespec *mtime);
	void *arg;
	const char *algorithm;
};

static int visit_one(struct blobs *b, int dir, const char *name, void *arg)
{
	struct visit *v = arg;
	char digest[DIGEST_MAX];
	struct stat st;

	if (snprintf(digest, sizeof(digest), "%s:%s", v->algorithm, name) >= (int)sizeof(digest) ||
	    !digest_valid(digest) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return v->fn(v->arg, digest, (uint64_t)st.st_size, &st.st_mtim);
}

int blobs_each(struct blobs *b, int (*fn)(void *arg, const char *digest, uint64_t size, const struct timespec *mtime),
	       void *arg, struct err *e)
{
	struct visit v = { fn, arg, "sha256" };
	int r = each_of(b, "blobs/sha256", visit_one, &v, e);

	v.algorithm = "sha512";
	return r == 0 ? each_of(b, "blobs/sha512", visit_one, &v, e) : r;
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

/* The ingest KEY, ours alone. It may have been put in place between open and lock: then it is another one's name. */
static int open_ingest(struct blobs *b, const char *path, const char *key, struct err *e)
{
	for (;;) {
		_cleanup_close_ int fd = openat(b->root_fd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		struct stat mine, now;

		if (fd < 0)
			return err_set(e, -errno, "make %s/%s", b->root, path);
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			return errno == EWOULDBLOCK ? err_kind(e, ERR_STATE, -EBUSY,
							       "content %s is being written by another process", key)
						    : err_set(e, -errno, "lock %s/%s", b->root, path);
		if (fstat(fd, &mine) == 0 && fstatat(b->root_fd, path, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		    mine.st_ino == now.st_ino && mine.st_dev == now.st_dev)
			return TAKE_FD(fd);
	}
}

/* What is there already goes into the hash, too. */
static int take_up(struct blob_writer *w, struct err *e)
{
	_cleanup_free_ char *data = malloc(1u << 20);
	ssize_t n;

	if (!data)
		return err_oom(e);
	while ((n = fd_read_full(w->fd, data, 1u << 20)) > 0) {
		hasher_add(w->hash, data, (size_t)n);
		w->at += (uint64_t)n;
	}
	return n < 0 ? err_set(e, (int)n, "read what is there of %s", w->key) : 0;
}

int blob_begin(struct blobs *b, const char *key, bool resume, struct blob_writer **ret, uint64_t *ret_at, struct err *e)
{
	_cleanup_(blob_writer_freep) struct blob_writer *w = NULL;
	char path[KEY_MAX + 16], algorithm[16] = "sha256";
	int r;

	if (!path_is_component(key) || strlen(key) > KEY_MAX || key[0] == '.')
		return err_kind(e, ERR_INVALID, -EINVAL, "'%.64s' is no name for content to be written", key);
	r = blobs_hold(b, e);
	if (r < 0)
		return r;
	w = calloc(1, sizeof(*w));
	if (!w) {
		blobs_release(b);
		return err_oom(e);
	}
	w->b = b;
	snprintf(w->key, sizeof(w->key), "%s", key);
	snprintf(path, sizeof(path), "ingest/%s", key);
	if (digest_valid(key))
		snprintf(algorithm, sizeof(algorithm), "%.*s", (int)strcspn(key, ":"), key);
	w->fd = open_ingest(b, path, key, e);
	if (w->fd < 0)
		return w->fd;
	r = hasher_new(algorithm, &w->hash, e);
	if (r == 0 && !resume && ftruncate(w->fd, 0) < 0)
		r = err_set(e, -errno, "truncate %s/%s", b->root, path);
	if (r == 0 && resume)
		r = take_up(w, e);
	if (r < 0)
		return r;
	if (ret_at)
		*ret_at = w->at;
	*ret = TAKE_PTR(w);
	return 0;
}

int blobs_ingest_size(struct blobs *b, const char *key, uint64_t *ret, struct err *e)
{
	char path[KEY_MAX + 16];
	struct stat st;

	if (!path_is_component(key) || strlen(key) > KEY_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "'%.64s' is no name for content to be written", key);
	snprintf(path, sizeof(path), "ingest/%s", key);
	if (fstatat(b->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "nothing has been written of %s", key);
	*ret = (uint64_t)st.st_size;
	return 0;
}

int blob_write(struct blob_writer *w, const void *data, size_t len, struct err *e)
{
	int r = fd_write_all(w->fd, data, len);

	if (r < 0)
		return err_set(e, r, "write %s/ingest/%s", w->b->root, w->key);
	hasher_add(w->hash, data, len);
	w->at += len;
	if (w->at - w->flushed >= WRITE_BACK) {
		(void)sync_file_range(w->fd, (off_t)w->flushed, (off_t)(w->at - w->flushed), SYNC_FILE_RANGE_WRITE);
		w->flushed = w->at;
	}
	return 0;
}

uint64_t blob_written(const struct blob_writer *w)
{
	return w->at;
}

int blob_writer_fd(const struct blob_writer *w)
{
	return w->fd;
}

static void unlink_ingest(struct blob_writer *w)
{
	char path[KEY_MAX + 16];

	snprintf(path, sizeof(path), "ingest/%s", w->key);
	(void)unlinkat(w->b->root_fd, path, 0);
	w->fd = fd_close(w->fd);
}

/* It turns out that the content goes by another algorithm than it was hashed with on the way. */
static int hash_again(struct blob_writer *w, const char *want, struct err *e)
{
	char algorithm[16];
	int r;

	snprintf(algorithm, sizeof(algorithm), "%.*s", (int)strcspn(want, ":"), want);
	w->hash = hasher_free(w->hash);
	r = hasher_new(algorithm, &w->hash, e);
	if (r < 0)
		return r;
	if (lseek(w->fd, 0, SEEK_SET) < 0)
		return err_set(e, -errno, "read %s again", w->key);
	w->at = 0;
	return take_up(w, e);
}

int blob_commit(struct blob_writer *w, const char *want, char ret[static DIGEST_MAX], struct err *e)
{
	char from[KEY_MAX + 16], to[DIGEST_MAX + 16];
	int r;

	snprintf(from, sizeof(from), "ingest/%s", w->key);
	if (want && digest_valid(want) && !hasher_is(w->hash, want)) {
		r = hash_again(w, want, e);
		if (r < 0)
			return r;
	}
	hasher_end(w->hash, ret);
	w->hash = hasher_free(w->hash);
	if (want && !streq(want, ret)) {
		unlink_ingest(w);
		return err_kind(e, ERR_INVALID, -EBADMSG, "content has the digest %s, expected %s", ret, want);
	}
	/* The same content is there: nothing to flush. */
	if (blobs_stat(w->b, ret, NULL, NULL) == 0) {
		unlink_ingest(w);
		return 0;
	}
	if (fdatasync(w->fd) < 0)
		return err_set(e, -errno, "flush %s/%s", w->b->root, from);
	if (renameat(w->b->root_fd, from, w->b->root_fd, path_of(ret, to)) < 0)
		return err_set(e, -errno, "put %s in place", to);
	w->fd = fd_close(w->fd);
	return 0;
}

void blob_drop(struct blob_writer *w)
{
	if (w->fd >= 0)
		unlink_ingest(w);
}

struct blob_writer *blob_writer_free(struct blob_writer *w)
{
	if (!w)
		return NULL;
	fd_close(w->fd);
	hasher_free(w->hash);
	blobs_release(w->b);
	free(w);
	return NULL;
}

static int sweep_one(struct blobs *b, int dir, const char *name, void *arg)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const time_t *before = arg;
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_mtim.tv_sec < *before && flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlinkat(dir, name, 0);
	return 0;
}

int blobs_sweep_ingest(struct blobs *b, time_t before, struct err *e)
{
	return each_of(b, "ingest", sweep_one, &before, e);
}

int blobs_add(struct blobs *b, const void *data, size_t len, char *ret, struct err *e)
{
	_cleanup_(blob_writer_freep) struct blob_writer *w = NULL;
	char digest[DIGEST_MAX], key[KEY_MAX];
	int r;

	digest_of(data, len, digest);
	if (ret)
		memcpy(ret, digest, sizeof(digest));
	if (blobs_stat(b, digest, NULL, NULL) == 0)
		return 0;
	/* Not the digest alone: a transfer may be writing the same, slowly. */
	snprintf(key, sizeof(key), "add-%d-%p-%.64s", (int)getpid(), (void *)&digest, digest_hex(digest));
	r = blob_begin(b, key, false, &w, NULL, e);
	if (r == 0)
		r = blob_write(w, data, len, e);
	if (r == 0)
		r = blob_commit(w, digest, digest, e);
	else if (w)
		blob_drop(w);
	return r;
}

int blobs_index(struct blobs *b, const struct blobs_name *names, size_t n, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json j;
	int r;

	json_init(&j, &out, false);
	json_object(&j);
	json_kv_i64(&j, "schemaVersion", 2);
	json_kv_string(&j, "mediaType", "application/vnd.oci.image.index.v1+json");
	json_key(&j, "manifests");
	json_array(&j);
	for (size_t i = 0; i < n; i++) {
		json_object(&j);
		json_kv_string(&j, "mediaType", names[i].media_type);
		json_kv_string(&j, "digest", names[i].digest);
		json_kv_u64(&j, "size", names[i].size);
		if (names[i].ref) {
			json_key(&j, "annotations");
			json_object(&j);
			json_kv_string(&j, "org.opencontainers.image.ref.name", names[i].ref);
			json_end_object(&j);
		}
		json_end_object(&j);
	}
	json_end_array(&j);
	json_end_object(&j);
	r = buf_error(&out, e);
	return r == 0 ? file_replace(b->root_fd, "index.json", buf_str(&out), out.len, 0600, false, e) : r;
}
