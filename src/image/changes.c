/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * With overlay the upper folder says what has changed: what is in it, devices 0:0 for what was removed, an attribute where a
 * folder was replaced. With whole trees the two are compared, by type, owner, size and time, as Docker does.
 */
#include "image/walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"

struct walk {
	struct layers *l;
	int (*fn)(void *arg, const struct walk_entry *w, struct err *e);
	void *arg;
	struct buf path;
	/* Folders on the way down that were not told yet: they have no change of their own. */
	struct walk_entry pending[WALK_DEPTH];
	size_t pending_len[WALK_DEPTH];
	unsigned n_pending, depth;
};

int dir_names(int fd, struct strv *ret, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *x;

	if (!d) {
		r = err_set(e, -errno, "list a folder");
		fd_close(copy);
		return r;
	}
	while (r == 0 && (x = readdir(d)))
		if (!streq(x->d_name, ".") && !streq(x->d_name, ".."))
			r = strv_push(ret, x->d_name, e);
	closedir(d);
	strv_sort(ret);
	return r;
}

/* --- telling ---------------------------------------------------------------------------------------------------------- */

static size_t push_name(struct walk *w, const char *name)
{
	size_t was = w->path.len;

	if (was)
		buf_putc(&w->path, '/');
	buf_puts(&w->path, name);
	return was;
}

static void pop_name(struct walk *w, size_t was)
{
	w->path.len = was;
	if (w->path.data)
		w->path.data[was] = '\0';
}

/* The folders above come first, where they were not told. */
static int tell(struct walk *w, struct walk_entry *x, struct err *e)
{
	int r = buf_error(&w->path, e);

	for (unsigned i = 0; i < w->n_pending && r == 0; i++) {
		_cleanup_free_ char *above = strndup(buf_str(&w->path), w->pending_len[i]);

		if (!above)
			return err_oom(e);
		w->pending[i].path = above;
		r = w->fn(w->arg, &w->pending[i], e);
	}
	w->n_pending = 0;
	x->path = buf_str(&w->path);
	return r == 0 ? w->fn(w->arg, x, e) : r;
}

static int put_off(struct walk *w, const struct walk_entry *x, struct err *e)
{
	if (w->n_pending >= WALK_DEPTH)
		return err_kind(e, ERR_LIMIT, -ELOOP, "folders more than %d deep", WALK_DEPTH);
	w->pending_len[w->n_pending] = w->path.len;
	w->pending[w->n_pending++] = *x;
	return 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_meta(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
	       a->st_rdev == b->st_rdev && same_time(&a->st_mtim, &b->st_mtim) &&
	       (S_ISDIR(a->st_mode) || a->st_size == b->st_size);
}

static int open_below(int dir, const char *name, int *ret, struct err *e)
{
	*ret = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? err_set(e, -errno, "open the folder %s", name) : 0;
}

static int tell_deleted(struct walk *w, const char *name, struct err *e)
{
	struct walk_entry x = { .kind = CHANGE_DELETED, .dir = -EBADF, .name = name };
	size_t was = push_name(w, name);
	int r = tell(w, &x, e);

	pop_name(w, was);
	return r;
}

static int enter(struct walk *w, struct err *e)
{
	return ++w->depth > WALK_DEPTH ? err_kind(e, ERR_LIMIT, -ELOOP, "folders more than %d deep", WALK_DEPTH) : 0;
}

/* --- overlay's upper folder ------------------------------------------------------------------------------------------- */

static bool is_opaque(const struct walk *w, int fd)
{
	char v[4];
	ssize_t n = fgetxattr(fd, w->l->user ? "user.overlay.opaque" : "trusted.overlay.opaque", v, sizeof(v));

	return n == 1 && v[0] == 'y';
}

static int walk_upper(struct walk *w, int upper, int lower, struct err *e);

/* OLD: what the layers below have there, NULL nothing. */
static int upper_dir(struct walk *w, struct walk_entry *x, int lower, const struct stat *old, struct err *e)
{
	_cleanup_close_ int fd = -EBADF, below = -EBADF;
	bool both = old && S_ISDIR(old->st_mode);
	unsigned pending = w->n_pending;
	int r = open_below(x->dir, x->name, &fd, e);

	if (r == 0 && both)
		r = open_below(lower, x->name, &below, e);
	if (r < 0)
		return r;
	r = both && same_meta(&x->st, old) ? put_off(w, x, e) : tell(w, x, e);
	if (r == 0)
		r = enter(w, e);
	if (r == 0)
		r = walk_upper(w, fd, below, e);
	w->depth--;
	/* Nothing was told of what is in it. */
	if (w->n_pending > pending)
		w->n_pending = pending;
	return r;
}

static int upper_entry(struct walk *w, int upper, int lower, const char *name, struct err *e)
{
	struct walk_entry x = { .dir = upper, .name = name };
	struct stat old;
	bool has;

	if (fstatat(upper, name, &x.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "stat /%s", buf_str(&w->path));
	has = lower >= 0 && fstatat(lower, name, &old, AT_SYMLINK_NOFOLLOW) == 0;
	x.kind = has ? CHANGE_MODIFIED : CHANGE_ADDED;
	if (S_ISCHR(x.st.st_mode) && x.st.st_rdev == makedev(0, 0)) {
		if (!has)
			return 0;
		x.kind = CHANGE_DELETED;
		return tell(w, &x, e);
	}
	return S_ISDIR(x.st.st_mode) ? upper_dir(w, &x, lower, has ? &old : NULL, e) : tell(w, &x, e);
}

/* What a replaced folder has hidden. */
static int hidden_names(const struct strv *upper, int lower, struct strv *ret, struct err *e)
{
	_cleanup_strv_ struct strv old = STRV_INIT;
	int r = dir_names(lower, &old, e);

	for (size_t i = 0, k = 0; i < old.n && r == 0; i++) {
		while (k < upper->n && strcmp(upper->v[k], old.v[i]) < 0)
			k++;
		if (k == upper->n || !streq(upper->v[k], old.v[i]))
			r = strv_push(ret, old.v[i], e);
	}
	return r;
}

static int walk_upper(struct walk *w, int upper, int lower, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT, hidden = STRV_INIT;
	int r = dir_names(upper, &names, e);
	size_t k = 0;

	if (r == 0 && lower >= 0 && is_opaque(w, upper))
		r = hidden_names(&names, lower, &hidden, e);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		size_t was;

		for (; k < hidden.n && strcmp(hidden.v[k], names.v[i]) < 0 && r == 0; k++)
			r = tell_deleted(w, hidden.v[k], e);
		was = push_name(w, names.v[i]);
		if (r == 0)
			r = upper_entry(w, upper, lower, names.v[i], e);
		pop_name(w, was);
	}
	for (; k < hidden.n && r == 0; k++)
		r = tell_deleted(w, hidden.v[k], e);
	return r;
}

/* --- whole trees ------------------------------------------------------------------------------------------------------ */

static bool is_bottom(const char *path, const struct stat *st)
{
	for (const struct bottom_entry *b = bottom_entries; b->name; b++)
		if (streq(b->name, path))
			return b->is_dir ? S_ISDIR(st->st_mode) : S_ISLNK(st->st_mode) || st->st_size == 0;
	return false;
}

static int walk_trees(struct walk *w, int new, int old, struct err *e);

static int tree_entry(struct walk *w, int new, int old, const char *name, struct err *e)
{
	struct walk_entry x = { .dir = new, .name = name };
	_cleanup_close_ int fd = -EBADF, below = -EBADF;
	bool has, same, both;
	unsigned pending = w->n_pending;
	struct stat was;
	int r;

	if (fstatat(new, name, &x.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "stat /%s", buf_str(&w->path));
	has = old >= 0 && fstatat(old, name, &was, AT_SYMLINK_NOFOLLOW) == 0;
	x.kind = has ? CHANGE_MODIFIED : CHANGE_ADDED;
	same = has ? same_meta(&x.st, &was) : is_bottom(buf_str(&w->path), &x.st);
	if (!S_ISDIR(x.st.st_mode))
		return same ? 0 : tell(w, &x, e);
	both = has && S_ISDIR(was.st_mode);
	r = open_below(new, name, &fd, e);
	if (r == 0 && both)
		r = open_below(old, name, &below, e);
	if (r == 0)
		r = same ? put_off(w, &x, e) : tell(w, &x, e);
	if (r == 0)
		r = enter(w, e);
	if (r == 0)
		r = walk_trees(w, fd, below, e);
	w->depth--;
	if (w->n_pending > pending)
		w->n_pending = pending;
	return r;
}

static int walk_trees(struct walk *w, int new, int old, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT, gone = STRV_INIT;
	int r = dir_names(new, &names, e);
	size_t k = 0;

	if (r == 0 && old >= 0)
		r = hidden_names(&names, old, &gone, e);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		size_t was;

		for (; k < gone.n && strcmp(gone.v[k], names.v[i]) < 0 && r == 0; k++)
			r = tell_deleted(w, gone.v[k], e);
		was = push_name(w, names.v[i]);
		if (r == 0)
			r = tree_entry(w, new, old, names.v[i], e);
		pop_name(w, was);
	}
	for (; k < gone.n && r == 0; k++)
		r = tell_deleted(w, gone.v[k], e);
	return r;
}

/* --- both ------------------------------------------------------------------------------------------------------------- */

/* What there was before: with overlay, the mount points below all layers, too. */
static int open_old(struct layers *l, const char *chain, int *ret, struct err *e)
{
	_cleanup_strv_ struct strv stack = STRV_INIT;
	int r;

	*ret = -EBADF;
	if (!l->driver->over) {
		*ret = *chain ? l->driver->open_chain(l, chain, e) : -EBADF;
		return *chain && *ret < 0 ? *ret : 0;
	}
	r = layer_stack(l, chain, &stack, e);
	if (r < 0)
		return r;
	*ret = layer_open_below(l, &stack, e);
	return *ret < 0 ? *ret : 0;
}

int walk_changes(struct layers *l, const char *id, int (*fn)(void *arg, const struct walk_entry *w, struct err *e),
		 void *arg, struct err *e)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	_cleanup_close_ int new = -EBADF, old = -EBADF;
	char chain[DIGEST_MAX];
	int r;

	if (!w)
		return err_oom(e);
	r = root_find(&l, id, chain, e);
	if (r < 0)
		return r;
	*w = (struct walk){ .l = l, .fn = fn, .arg = arg };
	new = l->driver->open_root(l, id, chain, e);
	if (new < 0)
		return new;
	r = open_old(l, chain, &old, e);
	if (r == 0)
		r = l->driver->over ? walk_upper(w, new, old, e) : walk_trees(w, new, old, e);
	buf_done(&w->path);
	return r;
}

struct found {
	enum change kind;
	char *path;
};

struct list {
	struct found *v;
	size_t n, cap;
};

static int add_found(void *arg, const struct walk_entry *w, struct err *e)
{
	struct list *l = arg;

	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct found *more = reallocarray(l->v, cap, sizeof(*more));

		if (!more)
			return err_oom(e);
		l->v = more;
		l->cap = cap;
	}
	if (asprintf(&l->v[l->n].path, "/%s", w->path) < 0)
		return err_oom(e);
	l->v[l->n++].kind = w->kind;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

int rootfs_changes(struct layers *l, const char *id, int (*fn)(void *arg, enum change kind, const char *path),
		   void *arg, struct err *e)
{
	struct list list = { 0 };
	int r = walk_changes(l, id, add_found, &list, e);

	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_path);
	for (size_t i = 0; i < list.n; i++) {
		if (r == 0)
			r = fn(arg, list.v[i].kind, list.v[i].path);
		free(list.v[i].path);
	}
	free(list.v);
	return r;
}

/* --- sizes ------------------------------------------------------------------------------------------------------------ */

static int add_size(void *arg, const struct walk_entry *w, struct err *e)
{
	uint64_t *sum = arg;

	if (w->kind != CHANGE_DELETED && S_ISREG(w->st.st_mode))
		*sum += (uint64_t)w->st.st_size;
	return 0;
}

int rootfs_size(struct layers *l, const char *id, uint64_t *ret, struct err *e)
{
	uint64_t sum = 0;
	int r = walk_changes(l, id, add_size, &sum, e);

	if (r == 0)
		*ret = sum;
	return r;
}
