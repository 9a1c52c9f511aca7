/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A copy of a tree, by a few threads that share a stack of directories.
 *
 * A directory is the unit of work: whoever takes it copies its files, makes its subdirectories and puts them on the
 * stack, and gives it its own owner, mode and times; nothing changes in it after that, whoever goes on below. A
 * directory's two fds stay open until its last subdirectory has been opened, so that a deep chain holds few of them.
 *
 * The source may have been written by somebody hostile: each name is opened without following, a link's text is only
 * copied, devices and fifos are never opened, and mounts in it are left out. The target is private to us (mode 0700)
 * until the root directory gets its own mode, at the very end.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "store/copy.h"
#include "store/store.h"

#define THREADS_MAX  4
#define LINK_BUCKETS 4096

struct node {
	struct node *parent, *next; /* next: on the stack */
	struct node *all;	    /* every node, until the end: hard links look paths up */
	int src, dst;
	unsigned users; /* of the fds: itself while it is worked on, and each unopened child */
	char name[];
};

/* The first copy of an object that has several names. */
struct link_entry {
	struct link_entry *next;
	dev_t dev;
	ino_t ino;
	struct node *dir;
	char name[];
};

struct copy {
	struct copy_caps caps;
	int dst_root;
	struct stat src_st, dst_st; /* of the two roots */

	pthread_mutex_t lock; /* all below */
	pthread_cond_t work;
	struct node *stack, *all;
	unsigned busy; /* threads that have a directory in hand and may push more */
	bool stop;
	int error;
	struct err err;

	pthread_mutex_t link_lock;
	struct link_entry *links[LINK_BUCKETS];
};

/* --- directories ---------------------------------------------------------------------------------------------------- */

static void node_release(struct copy *c, struct node *n)
{
	bool last;

	pthread_mutex_lock(&c->lock);
	last = --n->users == 0;
	pthread_mutex_unlock(&c->lock);
	if (last) {
		n->src = fd_close(n->src);
		n->dst = fd_close(n->dst);
	}
}

static int node_push(struct copy *c, struct node *parent, const char *name, struct err *e)
{
	size_t len = strlen(name);
	struct node *n = calloc(1, sizeof(*n) + len + 1);

	if (!n)
		return err_oom(e);
	memcpy(n->name, name, len + 1);
	n->src = n->dst = -EBADF;
	n->parent = parent;
	pthread_mutex_lock(&c->lock);
	if (parent)
		parent->users++;
	n->next = c->stack;
	c->stack = n;
	n->all = c->all;
	c->all = n;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

/* "a/b/c", for messages; the end of it when it is long. */
static void node_path(const struct node *n, const char *name, char *buf, size_t size)
{
	size_t at = size - 1;

	buf[at] = '\0';
	for (;;) {
		size_t len = strlen(name);

		if (len + 1 > at)
			break;
		at -= len;
		memcpy(buf + at, name, len);
		if (!n || !n->parent)
			break;
		buf[--at] = '/';
		name = n->name;
		n = n->parent;
	}
	memmove(buf, buf + at, size - at);
}

static int fail(const struct node *dir, const char *name, int r, const char *what, struct err *e)
{
	char path[256];

	node_path(dir, name, path, sizeof(path));
	return err_set(e, r, "%s %s", what, path);
}

/* O_PATH fd of the copy of a directory whose fds may be closed by now. */
static int node_reopen_dst(const struct copy *c, const struct node *n)
{
	_cleanup_close_ int parent = -EBADF;
	int fd;

	if (!n->parent)
		return openat(c->dst_root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	parent = node_reopen_dst(c, n->parent);
	if (parent < 0)
		return parent;
	fd = openat(parent, n->name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* --- objects with several names ------------------------------------------------------------------------------------- */

static unsigned link_bucket(const struct stat *st)
{
	return (unsigned)((st->st_ino * 0x9e3779b97f4a7c15u ^ st->st_dev) >> 40) % LINK_BUCKETS;
}

/* 1: NAME is now another name of an earlier copy. 0: it is the first; the caller makes it and calls link_add(). The
 * link lock is held from here until the object has been made. */
static int link_to_earlier(struct copy *c, struct node *dir, const char *name, const struct stat *st)
{
	_cleanup_close_ int at = -EBADF;

	for (struct link_entry *l = c->links[link_bucket(st)]; l; l = l->next) {
		if (l->ino != st->st_ino || l->dev != st->st_dev)
			continue;
		at = node_reopen_dst(c, l->dir);
		if (at < 0)
			return at;
		return linkat(at, l->name, dir->dst, name, 0) < 0 ? -errno : 1;
	}
	return 0;
}

static int link_add(struct copy *c, struct node *dir, const char *name, const struct stat *st)
{
	size_t len = strlen(name);
	struct link_entry *l = malloc(sizeof(*l) + len + 1);
	unsigned b = link_bucket(st);

	if (!l)
		return -ENOMEM;
	*l = (struct link_entry){ .next = c->links[b], .dev = st->st_dev, .ino = st->st_ino, .dir = dir };
	memcpy(l->name, name, len + 1);
	c->links[b] = l;
	return 0;
}

static int make_symlink(struct node *dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir->src, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlinkat(target, dir->dst, name) < 0 ? -errno : 0;
}

/* Makes the empty object; for a regular file *RET_FD is open for writing. */
static int make_object(struct node *dir, const char *name, const struct stat *st, int *ret_fd)
{
	int fd;

	if (S_ISLNK(st->st_mode))
		return make_symlink(dir, name);
	if (!S_ISREG(st->st_mode))
		return mknodat(dir->dst, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0 ? -errno : 0;
	fd = openat(dir->dst, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* 1: done, it was a further name. 0: made, contents are due. */
static int make_or_link(struct copy *c, struct node *dir, const char *name, const struct stat *st, int *ret_fd)
{
	int r;

	if (st->st_nlink < 2)
		return make_object(dir, name, st, ret_fd);
	pthread_mutex_lock(&c->link_lock);
	r = link_to_earlier(c, dir, name, st);
	if (r == 0)
		r = make_object(dir, name, st, ret_fd);
	else if (r == 1)
		goto out;
	if (r == 0)
		r = link_add(c, dir, name, st);
out:
	pthread_mutex_unlock(&c->link_lock);
	return r;
}

static int open_source(int dir, const char *name)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(dir, name, flags | O_NOATIME);

	/* Only the owner may leave the access time alone. */
	if (fd < 0 && errno == EPERM)
		fd = openat(dir, name, flags);
	return fd < 0 ? -errno : fd;
}

static int copy_regular(struct copy *c, struct node *dir, const char *name, struct copy_bufs *b, struct err *e)
{
	_cleanup_close_ int src = open_source(dir->src, name), dst = -EBADF;
	struct stat st;
	int r;

	if (src < 0)
		return fail(dir, name, src, "open", e);
	if (fstat(src, &st) < 0)
		return fail(dir, name, -errno, "stat", e);
	if (!S_ISREG(st.st_mode))
		return fail(dir, name, -ESTALE, "copy", e);
	r = make_or_link(c, dir, name, &st, &dst);
	if (r < 0)
		return fail(dir, name, r, "make the copy of", e);
	if (r == 1)
		return 0;
	r = copy_data(src, dst, &st, &c->caps, b);
	if (r < 0)
		return fail(dir, name, r, "copy the data of", e);
	r = copy_meta_fd(src, dst, &st, &c->caps, b);
	return r < 0 ? fail(dir, name, r, "copy owner, mode and attributes of", e) : 0;
}

static int copy_special(struct copy *c, struct node *dir, const char *name, const struct stat *st, struct copy_bufs *b,
			struct err *e)
{
	int none, r = make_or_link(c, dir, name, st, &none);

	if (r == 1)
		return 0;
	if (r < 0)
		return fail(dir, name, r, "make the copy of", e);
	r = copy_meta_at(dir->src, dir->dst, name, st, &c->caps, b);
	return r < 0 ? fail(dir, name, r, "copy owner, mode and attributes of", e) : 0;
}

static int copy_entry(struct copy *c, struct node *dir, const struct dirent *de, struct copy_bufs *b, struct err *e)
{
	struct stat st;

	if (de->d_type == DT_REG)
		return copy_regular(c, dir, de->d_name, b, e);
	if (fstatat(dir->src, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(dir, de->d_name, -errno, "stat", e);
	if (S_ISREG(st.st_mode))
		return copy_regular(c, dir, de->d_name, b, e);
	if (!S_ISDIR(st.st_mode))
		return copy_special(c, dir, de->d_name, &st, b, e);
	if (mkdirat(dir->dst, de->d_name, 0700) < 0)
		return fail(dir, de->d_name, -errno, "make the copy of", e);
	return node_push(c, dir, de->d_name, e);
}

/* --- one directory -------------------------------------------------------------------------------------------------- */

static int node_open(struct copy *c, struct node *n, struct err *e)
{
	struct node *p = n->parent;
	int r = 0;

	n->users = 1;
	if (!p)
		return 0; /* the root's came with it */
	n->src = open_source(p->src, n->name);
	if (n->src < 0)
		r = fail(p, n->name, n->src, "open", e);
	if (r == 0) {
		n->dst = openat(p->dst, n->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (n->dst < 0)
			r = fail(p, n->name, -errno, "open the copy of", e);
	}
	node_release(c, p);
	return r;
}

/* A mount in the source is another tree: only the directory below it is copied, empty. */
static bool is_mount_root(int fd)
{
	struct statx stx;

	return statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) == 0 && (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

static int copy_entries(struct copy *c, struct node *n, struct copy_bufs *b, struct err *e)
{
	int fd = fcntl(n->src, F_DUPFD_CLOEXEC, 0), r = 0;
	struct dirent *de;
	DIR *d;

	d = fd >= 0 ? fdopendir(fd) : NULL;
	if (!d) {
		r = -errno;
		fd_close(fd);
		return fail(n->parent, n->name, r, "read directory", e);
	}
	while (r == 0) {
		errno = 0;
		de = readdir(d);
		if (!de) {
			if (errno)
				r = fail(n->parent, n->name, -errno, "read directory", e);
			break;
		}
		if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
			r = copy_entry(c, n, de, b, e);
	}
	closedir(d);
	return r;
}

static int copy_directory(struct copy *c, struct node *n, struct copy_bufs *b, struct err *e)
{
	struct stat st;
	int r = node_open(c, n, e);

	if (r < 0)
		return r;
	if (fstat(n->src, &st) < 0)
		return fail(n->parent, n->name, -errno, "stat", e);
	if (!S_ISDIR(st.st_mode))
		return fail(n->parent, n->name, -ENOTDIR, "copy", e);
	if (st.st_dev == c->dst_st.st_dev && st.st_ino == c->dst_st.st_ino)
		return err_kind(e, ERR_INVALID, -EINVAL, "the copy would lie inside the tree that is copied");
	if (!n->parent || !is_mount_root(n->src)) {
		r = copy_entries(c, n, b, e);
		if (r < 0)
			return r;
	}
	/* The root keeps its 0700 until all is there. */
	if (!n->parent)
		return 0;
	r = copy_meta_fd(n->src, n->dst, &st, &c->caps, b);
	return r < 0 ? fail(n->parent, n->name, r, "copy owner, mode and attributes of", e) : 0;
}

/* --- threads -------------------------------------------------------------------------------------------------------- */

static struct node *take_work(struct copy *c)
{
	struct node *n;

	pthread_mutex_lock(&c->lock);
	while (!c->stack && c->busy && !c->stop)
		pthread_cond_wait(&c->work, &c->lock);
	n = c->stop ? NULL : c->stack;
	if (n) {
		c->stack = n->next;
		c->busy++;
	}
	pthread_mutex_unlock(&c->lock);
	return n;
}

static void end_work(struct copy *c, int r, const struct err *e)
{
	pthread_mutex_lock(&c->lock);
	c->busy--;
	if (r < 0) {
		if (!c->error) {
			c->error = r;
			c->err = *e;
		}
		c->stop = true;
	}
	if (c->stop || (!c->busy && !c->stack))
		pthread_cond_broadcast(&c->work);
	pthread_mutex_unlock(&c->lock);
}

static void *worker(void *arg)
{
	struct copy *c = arg;
	struct copy_bufs b = { 0 };
	struct err e = { 0 };
	struct node *n;
	int r = copy_bufs_init(&b);

	if (r < 0)
		err_oom(&e);
	while ((n = take_work(c))) {
		if (r == 0) {
			r = copy_directory(c, n, &b, &e);
			node_release(c, n);
		}
		end_work(c, r, &e);
	}
	copy_bufs_done(&b);
	return NULL;
}

/* The caller works too; a thread that cannot be had is done without. */
static void run(struct copy *c)
{
	pthread_t threads[THREADS_MAX];
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = 0, want = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (unsigned)cpus;

	while (n + 1 < want && pthread_create(&threads[n], NULL, worker, c) == 0)
		n++;
	worker(c);
	while (n)
		pthread_join(threads[--n], NULL);
}

static void free_all(struct copy *c)
{
	while (c->all) {
		struct node *n = c->all;

		c->all = n->all;
		fd_close(n->src);
		fd_close(n->dst);
		free(n);
	}
	for (size_t i = 0; i < LINK_BUCKETS; i++)
		while (c->links[i]) {
			struct link_entry *l = c->links[i];

			c->links[i] = l->next;
			free(l);
		}
	pthread_cond_destroy(&c->work);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->link_lock);
}

static int copy_below(struct copy *c, int src, int dst, struct err *e)
{
	struct copy_bufs b = { 0 };
	int r = node_push(c, NULL, "", e);

	if (r < 0)
		return r;
	c->all->src = fcntl(src, F_DUPFD_CLOEXEC, 0);
	c->all->dst = fcntl(dst, F_DUPFD_CLOEXEC, 0);
	if (c->all->src < 0 || c->all->dst < 0)
		return err_set(e, -errno, "duplicate a file descriptor");
	run(c);
	if (c->error) {
		if (e)
			*e = c->err;
		return c->error;
	}
	r = copy_bufs_init(&b);
	if (r == 0)
		r = copy_meta_fd(src, dst, &c->src_st, &c->caps, &b);
	copy_bufs_done(&b);
	return r < 0 ? err_set(e, r, "copy owner, mode and attributes of the root") : 0;
}

/* A default ACL that the new root has from its place would spread to every file in it. */
static void drop_inherited_acl(int fd)
{
	fremovexattr(fd, "system.posix_acl_default");
	fremovexattr(fd, "system.posix_acl_access");
}

/* Root of the host, not of a user name space: its map is the whole range. */
static bool is_privileged(void)
{
	char map[64];

	return geteuid() == 0 && file_read_small(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) > 0 &&
	       strstr(map, "4294967295");
}

int store_copy_below(int src, int dst, struct err *e)
{
	_cleanup_free_ struct copy *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_oom(e);
	if (fstat(src, &c->src_st) < 0 || fstat(dst, &c->dst_st) < 0)
		return err_set(e, -errno, "stat the roots of a copy");
	drop_inherited_acl(dst);
	c->dst_root = dst;
	c->caps.privileged = is_privileged();
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->link_lock, NULL);
	pthread_cond_init(&c->work, NULL);
	r = copy_below(c, src, dst, e);
	free_all(c);
	return r;
}

int store_copy_tree(const char *from, const char *to, struct err *e)
{
	_cleanup_close_ int src = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC), dst = -EBADF;
	int r;

	if (src < 0)
		return err_set(e, -errno, "open %s", from);
	if (mkdir(to, 0700) < 0)
		return err_set(e, -errno, "create directory %s", to);
	dst = open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = dst < 0 ? err_set(e, -errno, "open %s", to) : store_copy_below(src, dst, e);
	if (r < 0) {
		tree_remove(AT_FDCWD, to, NULL);
		return err_wrap(e, r, "copy %s to %s", from, to);
	}
	return 0;
}
