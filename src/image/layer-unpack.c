/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One layer, in one pass. Three threads share a ring of buffers: one reads and inflates, one hashes, the caller's unpacks
 * straight from the buffers. So the slowest of the three sets the pace, and memory is what the ring has.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/check-layer.h"
#include "image/check.h"
#include "image/codec.h"
#include "image/layers-inner.h"
#include "store/tar-read.h"
#include "sys/inroot.h"

#define SLOTS	  16u
#define SLOT_SIZE (256u << 10)

struct flow {
	struct inflate *z;
	const struct layer_input *in;
	struct hasher *hash;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	char *slots[SLOTS];
	size_t len[SLOTS];
	uint64_t made, hashed, used; /* slots */
	bool end, stop;
	struct err err; /* of the first thread; with end */
};

static void *inflate_all(void *arg)
{
	struct flow *f = arg;
	bool more = true;

	while (more) {
		struct err e = { 0 };
		uint64_t i;
		ssize_t n;

		pthread_mutex_lock(&f->lock);
		while (!f->stop && f->made - (f->hashed < f->used ? f->hashed : f->used) >= SLOTS)
			pthread_cond_wait(&f->moved, &f->lock);
		more = !f->stop;
		i = f->made % SLOTS;
		pthread_mutex_unlock(&f->lock);
		n = more ? inflate_read(f->z, f->slots[i], SLOT_SIZE, &e) : 0;
		if (n > 0 && f->in->progress)
			f->in->progress(f->in->arg, inflate_taken(f->z));
		pthread_mutex_lock(&f->lock);
		if (n > 0) {
			f->len[i] = (size_t)n;
			f->made++;
		} else {
			more = false;
			f->end = true;
			f->err = e;
		}
		pthread_cond_broadcast(&f->moved);
		pthread_mutex_unlock(&f->lock);
	}
	return NULL;
}

static void *hash_all(void *arg)
{
	struct flow *f = arg;

	for (;;) {
		bool more;
		uint64_t i;

		pthread_mutex_lock(&f->lock);
		while (!f->stop && !f->end && f->hashed == f->made)
			pthread_cond_wait(&f->moved, &f->lock);
		more = !f->stop && f->hashed < f->made;
		i = f->hashed % SLOTS;
		pthread_mutex_unlock(&f->lock);
		if (!more)
			return NULL;
		hasher_add(f->hash, f->slots[i], f->len[i]);
		pthread_mutex_lock(&f->lock);
		f->hashed++;
		pthread_cond_broadcast(&f->moved);
		pthread_mutex_unlock(&f->lock);
	}
}

/* The next slot; the one before is free from now on. USED counts those that were given back. */
struct reader {
	struct flow *f;
	bool has;
};

static ssize_t next_slot(void *arg, const char **ret, struct err *e)
{
	struct reader *rd = arg;
	struct flow *f = rd->f;
	ssize_t n = 0;

	pthread_mutex_lock(&f->lock);
	if (rd->has) {
		f->used++;
		pthread_cond_broadcast(&f->moved);
	}
	while (!f->end && f->used == f->made)
		pthread_cond_wait(&f->moved, &f->lock);
	rd->has = f->used < f->made;
	if (rd->has) {
		*ret = f->slots[f->used % SLOTS];
		n = (ssize_t)f->len[f->used % SLOTS];
	} else if (f->err.code) {
		if (e)
			*e = f->err;
		n = f->err.code;
	}
	pthread_mutex_unlock(&f->lock);
	return n;
}

static void flow_done(struct flow *f)
{
	for (unsigned i = 0; i < SLOTS; i++)
		free(f->slots[i]);
	inflate_free(f->z);
	hasher_free(f->hash);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->moved);
}

static int flow_init(struct flow *f, const struct layer_input *in, struct err *e)
{
	int r;

	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->moved, NULL);
	f->in = in;
	for (unsigned i = 0; i < SLOTS; i++) {
		f->slots[i] = malloc(SLOT_SIZE);
		if (!f->slots[i])
			return err_oom(e);
	}
	r = inflate_open(in->fd, &f->z, e);
	return r == 0 ? hasher_new(NULL, &f->hash, e) : r;
}

int layer_stream(int tree, const struct layer_input *in, const struct untar_opts *o, char ret_diff[static DIGEST_MAX],
		 struct err *e)
{
	_cleanup_(flow_done) struct flow f = { 0 };
	struct reader rd = { .f = &f };
	struct tar_source source = { next_slot, &rd };
	pthread_t threads[2];
	unsigned n = 0;
	int r = flow_init(&f, in, e);

	if (r < 0)
		return r;
	if (pthread_create(&threads[n], NULL, inflate_all, &f) == 0)
		n++;
	if (n == 1 && pthread_create(&threads[n], NULL, hash_all, &f) == 0)
		n++;
	r = n == 2 ? store_untar_from(tree, &source, o, e) : err_set(e, -EAGAIN, "start a thread");
	pthread_mutex_lock(&f.lock);
	if (r < 0)
		f.stop = true;
	f.used = r < 0 ? f.used : f.made;
	pthread_cond_broadcast(&f.moved);
	pthread_mutex_unlock(&f.lock);
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (r == 0)
		hasher_end(f.hash, ret_diff);
	return r;
}

/* --- putting it in place ---------------------------------------------------------------------------------------------- */

/* A folder .new-KEY that is being filled. */
struct fresh {
	char name[DIGEST_MAX + 8];
	int fd; /* locked */
};

static int fresh_open(struct layers *l, const char *key, struct fresh *f, struct err *e)
{
	snprintf(f->name, sizeof(f->name), ".new-%.128s", key);
	for (;;) {
		_cleanup_close_ int fd = -EBADF;
		struct stat mine, now;

		if (mkdirat(l->fd, f->name, 0700) < 0 && errno != EEXIST)
			return err_set(e, -errno, "make %s of the layers", f->name);
		fd = openat(l->fd, f->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_set(e, -errno, "open %s of the layers", f->name);
		/* The second of two who unpack the same waits here. */
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return err_set(e, -errno, "lock %s of the layers", f->name);
		if (fstat(fd, &mine) == 0 && fstatat(l->fd, f->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
		    mine.st_ino == now.st_ino) {
			f->fd = TAKE_FD(fd);
			return 0;
		}
	}
}

static void fresh_drop(struct layers *l, struct fresh *f)
{
	_cleanup_free_ char *path = path_join(l->dir, l->driver->name);
	_cleanup_free_ char *full = path ? path_join(path, f->name) : NULL;

	if (full)
		(void)l->driver->remove(l, l->fd, full, f->name, NULL);
	f->fd = fd_close(f->fd);
}

/* RET_TREE: NULL, or to look into what was unpacked. */
static int fill_fresh(struct layers *l, struct fresh *f, const char *parent, const struct layer_input *in,
		      struct layer_info *info, int *ret_tree, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int tree = -EBADF;
	struct untar_stats stats = { 0 };
	struct untar_opts o = { .whiteouts = l->driver->mode, .user_xattr = l->user, .stats = &stats };
	int r;

	if (asprintf(&path, "%s/%s/%s/t", l->dir, l->driver->name, f->name) < 0) {
		path = NULL;
		return err_oom(e);
	}
	/* What a kill has left of an earlier one. */
	r = l->driver->remove(l, f->fd, path, "t", e);
	if (r == 0 && unlinkat(f->fd, "info", 0) < 0 && errno != ENOENT)
		r = err_set(e, -errno, "remove what is left of %s", f->name);
	if (r < 0)
		return r;
	tree = l->driver->begin(l, f->fd, path, parent, e);
	if (tree < 0)
		return tree;
	r = layer_stream(tree, in, &o, info->diff, e);
	/* Its end is the last to hear that there was no room. */
	if (r == 0 && l->driver->own_fs && syncfs(tree) < 0)
		r = err_set(e, -errno, "write %s", path);
	info->bytes = stats.bytes;
	info->disk = stats.disk;
	if (r == 0 && ret_tree)
		*ret_tree = TAKE_FD(tree);
	return r;
}

static int put_in_place(struct layers *l, struct fresh *f, const char *parent, struct layer_info *info,
			const char *chain, struct err *e)
{
	snprintf(info->parent, sizeof(info->parent), "%s", parent ?: "");
	layer_info_boot(info);
	if (layer_info_write(f->fd, info, e) < 0)
		return e ? e->code : -EIO;
	if (renameat2(l->fd, f->name, l->fd, digest_hex(chain), RENAME_NOREPLACE) == 0)
		return 0;
	/* One of before the machine went down, which may be any part of it, is replaced. */
	if (errno == EEXIST && !layers_have(l, chain) &&
	    renameat2(l->fd, f->name, l->fd, digest_hex(chain), RENAME_EXCHANGE) == 0)
		errno = EEXIST;
	if (errno != EEXIST)
		return err_set(e, -errno, "put the layer %s in place", chain);
	fresh_drop(l, f);
	return 0;
}

int layer_unpack(struct layers *l, const char *parent, const struct layer_input *in, const char *diff,
		 char ret_diff[static DIGEST_MAX], char ret_chain[static DIGEST_MAX], struct err *e)
{
	struct layer_info info = { 0 };
	struct fresh f = { .fd = -EBADF };
	char key[DIGEST_MAX], want[DIGEST_MAX];
	int r = diff ? digest_check(diff, e) : 0;

	if (r < 0)
		return r;
	snprintf(key, sizeof(key), "any-%d-%p", (int)gettid(), (void *)&f);
	if (diff) {
		chain_id(parent, diff, want);
		snprintf(key, sizeof(key), "%s", digest_hex(want));
	}
	r = fresh_open(l, key, &f, e);
	if (r < 0)
		return r;
	if (diff && layers_have(l, want)) {
		fresh_drop(l, &f);
		memcpy(ret_chain, want, DIGEST_MAX);
		snprintf(ret_diff, DIGEST_MAX, "%s", diff);
		return 0;
	}
	r = fill_fresh(l, &f, parent, in, &info, NULL, e);
	if (r == 0 && diff && !streq(diff, info.diff))
		r = err_kind(e, ERR_INVALID, -EBADMSG, "the layer has the digest %s, expected %s", info.diff, diff);
	if (r == 0) {
		chain_id(parent, info.diff, ret_chain);
		memcpy(ret_diff, info.diff, DIGEST_MAX);
		r = put_in_place(l, &f, parent, &info, ret_chain, e);
	}
	if (r < 0)
		fresh_drop(l, &f);
	fd_close(f.fd);
	return r;
}

/* --- looking again ---------------------------------------------------------------------------------------------------- */

/* A tree of CHAIN's to read: with overlay, what it alone has. */
static int open_layer(struct layers *l, const char *chain, struct err *e)
{
	_cleanup_close_ int mnt = -EBADF;
	_cleanup_free_ char *path = NULL;
	int fd;

	if (l->driver->own_fs) {
		mnt = l->driver->open_chain(l, chain, e);
		if (mnt < 0)
			return mnt;
		fd = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	} else {
		path = layer_path(l, chain);
		if (!path)
			return err_oom(e);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd < 0 ? err_set(e, -errno, "open layer %s", chain) : fd;
}

static int compare(struct layers *l, int fresh, const struct layer_info *now, const char *chain, struct err *e)
{
	struct layer_info was;
	_cleanup_close_ int old = -EBADF;

	/* What cannot be read is damaged. */
	if (layer_info_read(l, chain, &was, NULL) < 0 || !streq(was.parent, now->parent) || !streq(was.diff, now->diff))
		return 0;
	old = open_layer(l, chain, NULL);
	return old < 0 ? 0 : trees_same(fresh, old, e);
}

int layer_check(struct layers *l, const char *parent, const struct layer_input *in, const char *diff, const char *chain,
		bool repair, struct err *e)
{
	struct layer_info info = { 0 };
	struct fresh f = { .fd = -EBADF };
	int tree = -EBADF, same = 0, r;
	char key[48];

	snprintf(key, sizeof(key), "check-%d-%p", (int)gettid(), (void *)&f);
	r = fresh_open(l, key, &f, e);
	if (r < 0)
		return r;
	snprintf(info.parent, sizeof(info.parent), "%s", parent ?: "");
	r = fill_fresh(l, &f, parent, in, &info, &tree, e);
	if (r == 0 && !streq(diff, info.diff))
		r = err_kind(e, ERR_INVALID, -EBADMSG, "the layer has the digest %s, expected %s", info.diff, diff);
	if (r == 0)
		same = r = compare(l, tree, &info, chain, e);
	fd_close(tree);
	if (r == 0 && repair) {
		r = layer_info_write(f.fd, &info, e);
		if (r == 0 && syncfs(f.fd) < 0)
			r = err_set(e, -errno, "write the layer %s", chain);
		if (r == 0 && renameat2(l->fd, f.name, l->fd, digest_hex(chain), RENAME_EXCHANGE) < 0)
			r = err_set(e, -errno, "put the layer %s in place", chain);
	}
	/* The new one, or the old one in its place. */
	fresh_drop(l, &f);
	return r < 0 ? r : same;
}
