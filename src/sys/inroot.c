/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two engines with one result.
 *
 * openat2(2) does plain look-ups in one call. It gives up with EAGAIN when something was renamed while it followed
 * ".." (anywhere on the host), so a busy or hostile neighbour can starve it: after a few tries the second engine takes
 * over.
 *
 * The walk takes one component at a time with O_PATH | O_NOFOLLOW and interprets links itself; it also serves where
 * openat2 is missing, and for everything that creates, since it knows at which directory a name was missing. It never
 * gives ".." to the kernel: it remembers the names it came by and starts again from the root without the last one.
 * Whatever is renamed meanwhile, each step goes down one name from a directory that was reached the same way.
 */
#include "sys/inroot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/probe.h"
#include "sys/syscalls.h"

#define TRIES	      32    /* of openat2 against EAGAIN, and of open against a swapper */
#define LINKS_MAX     40    /* the kernel's own limit */
#define STEPS_MAX     32768 /* a storm of ".." costs the walk its depth each time */
#define PROC_ROOT_INO 1
#define AAFS_MAGIC    0x5a3c69f0

enum walk_make { MAKE_NONE, MAKE_DIRS, MAKE_FILE };

struct walk {
	int root_fd, cur; /* cur is -EBADF at the root */
	enum walk_make make;
	mode_t mode;
	bool nolinks, nofollow_last;
	unsigned links, steps;
	size_t done_len;
	char done[PATH_MAX]; /* the names that lead from the root to cur */
	char rest[PATH_MAX]; /* what is still to do */
};

static int walk_dir(const struct walk *w)
{
	return w->cur >= 0 ? w->cur : w->root_fd;
}

static void walk_restart(struct walk *w)
{
	w->cur = fd_close(w->cur);
	w->done_len = 0;
}

/* Puts FIRST "/" before what is left to do. */
static int walk_prepend(struct walk *w, const char *first, size_t len)
{
	size_t rest = strlen(w->rest);

	if (len + 1 + rest >= sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + len + 1, w->rest, rest + 1);
	memcpy(w->rest, first, len);
	w->rest[len] = '/';
	return 0;
}

static int walk_up(struct walk *w)
{
	size_t len = w->done_len;
	int r;

	while (len && w->done[len - 1] != '/')
		len--;
	if (len)
		len--;
	r = len ? walk_prepend(w, w->done, len) : 0;
	if (r == 0)
		walk_restart(w);
	return r;
}

/* Links of procfs that jump instead of naming: /proc/PID/{root,cwd,exe,fd/N,ns/X,map_files/X}. All lie below a
 * directory of /proc; those of /proc itself (self, mounts, net) are text. */
static bool is_magic_link(int parent, int link)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(link, &fs) < 0)
		return true;
	if (fs.f_type == AAFS_MAGIC)
		return true;
	if (fs.f_type != PROC_SUPER_MAGIC)
		return false;
	return fstat(parent, &st) < 0 || st.st_ino != PROC_ROOT_INO;
}

/* ENDS: the link ends the path, and its target takes that place; else the target must be a directory to go on from. */
static int walk_link(struct walk *w, int link, bool ends)
{
	char target[PATH_MAX];
	ssize_t n;

	if (w->nolinks || ++w->links > LINKS_MAX || is_magic_link(walk_dir(w), link))
		return -ELOOP;
	n = readlinkat(link, "", target, sizeof(target));
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENOENT;
	if (n == (ssize_t)sizeof(target))
		return -ENAMETOOLONG;
	if (target[0] == '/')
		walk_restart(w);
	if (!ends)
		return walk_prepend(w, target, (size_t)n);
	memcpy(w->rest, target, (size_t)n);
	w->rest[n] = '\0';
	return 0;
}

/* Makes NAME in the directory reached, unless it must exist. 0: look again. */
static int walk_make(struct walk *w, const char *name, bool last)
{
	int r;

	if (w->make == MAKE_NONE)
		return -ENOENT;
	if (last && w->make == MAKE_FILE)
		r = mknodat(walk_dir(w), name, S_IFREG | (w->mode & 07777), 0);
	else
		r = mkdirat(walk_dir(w), name, w->make == MAKE_FILE ? 0755 : w->mode);
	return r < 0 && errno != EEXIST ? -errno : 0;
}

/* Takes the next name off w->rest. *RET_LAST: nothing comes after it; *RET_DIR: a slash does, so a directory it is. */
static int walk_next(struct walk *w, char name[static NAME_MAX + 1], bool *ret_last, bool *ret_dir)
{
	const char *p = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(p, "/");
	const char *after = p + len + strspn(p + len, "/");

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, p, len);
	name[len] = '\0';
	*ret_last = !*after;
	*ret_dir = *after || p[len] == '/';
	memmove(w->rest, after, strlen(after) + 1);
	return 0;
}

static int walk_enter(struct walk *w, int fd, const char *name)
{
	size_t len = strlen(name);

	if (w->done_len + len + 2 > sizeof(w->done))
		return -ENAMETOOLONG;
	if (w->done_len)
		w->done[w->done_len++] = '/';
	memcpy(w->done + w->done_len, name, len + 1);
	w->done_len += len;
	fd_close(w->cur);
	w->cur = fd;
	return 0;
}

/* One name. *RET_DIR: it is the last and a slash follows, so that it must be a directory. */
static int walk_step(struct walk *w, bool *ret_dir)
{
	char name[NAME_MAX + 1];
	_cleanup_close_ int fd = -EBADF;
	bool last, dir;
	struct stat st;
	int r;

	r = walk_next(w, name, &last, &dir);
	if (r < 0)
		return r;
	*ret_dir = last && dir;
	if (!*name || streq(name, "."))
		return 0;
	if (streq(name, ".."))
		return walk_up(w);
	for (unsigned i = 0;; i++) {
		fd = openat(walk_dir(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			break;
		if (errno != ENOENT || i >= TRIES)
			return -errno;
		r = walk_make(w, name, last);
		if (r < 0)
			return r;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && (!last || dir || !w->nofollow_last))
		return walk_link(w, fd, last && !dir);
	if (!last && !S_ISDIR(st.st_mode))
		return -ENOTDIR;
	r = walk_enter(w, fd, name);
	if (r == 0)
		TAKE_FD(fd);
	return r;
}

static int walk_init(struct walk *w, int root_fd, const char *path)
{
	size_t len = strlen(path);

	if (len == 0)
		return -ENOENT;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	w->root_fd = root_fd;
	w->cur = -EBADF;
	w->links = w->steps = 0;
	w->done_len = 0;
	memcpy(w->rest, path, len + 1);
	return 0;
}

static int open_self(int fd)
{
	int r = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return r < 0 ? -errno : r;
}

/* Runs the walk to its end: an O_PATH fd of what the path names. */
static int walk_run(struct walk *w, int flags)
{
	bool need_dir = flags & O_DIRECTORY;
	_cleanup_close_ int fd = -EBADF;
	int r = 0;

	while (w->rest[0]) {
		bool dir = false;

		r = ++w->steps > STEPS_MAX ? -ELOOP : walk_step(w, &dir);
		if (r < 0) {
			w->cur = fd_close(w->cur);
			return r;
		}
		need_dir |= dir;
	}
	fd = w->cur;
	if (fd < 0)
		return open_self(w->root_fd);
	if (need_dir) {
		struct stat st;

		if (fstat(fd, &st) < 0)
			return -errno;
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
	}
	return TAKE_FD(fd);
}

static int walk_path(int root_fd, const char *path, int flags, bool nolinks)
{
	struct walk w = { .nolinks = nolinks, .nofollow_last = flags & O_NOFOLLOW };
	int r = walk_init(&w, root_fd, path);

	return r < 0 ? r : walk_run(&w, flags);
}

static int lookup(int root_fd, const char *path, int flags, bool nolinks)
{
	uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | (nolinks ? RESOLVE_NO_SYMLINKS : 0);

	flags &= O_DIRECTORY | O_NOFOLLOW;
	for (unsigned i = 0; i < TRIES && probe_has(PROBE_OPENAT2); i++) {
		int fd = sys_openat2(root_fd, path, (uint64_t)(flags | O_PATH | O_CLOEXEC), 0, resolve);

		if (fd != -EAGAIN && fd != -EINTR)
			return fd;
	}
	return walk_path(root_fd, path, flags, nolinks);
}

int inroot_open_path(int root_fd, const char *path, int flags)
{
	return lookup(root_fd, path, flags, false);
}

int inroot_open_nolinks(int root_fd, const char *path, int flags)
{
	/* O_PATH | O_NOFOLLOW would hand out the link itself. */
	return lookup(root_fd, path, flags & ~O_NOFOLLOW, true);
}

/* /proc/self/fd of a procfs that nothing is mounted over, as an O_PATH fd. */
static int open_proc_fds(void)
{
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct statfs fs;
	struct stat st;
	int r;

	if (proc < 0)
		return -errno;
	if (fstatfs(proc, &fs) < 0 || fstat(proc, &st) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INO)
		return -ENODEV;
	if (probe_has(PROBE_OPENAT2))
		return sys_openat2(proc, "thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
				   RESOLVE_BENEATH | RESOLVE_NO_XDEV);
	r = openat(proc, "thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

static bool is_same(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino &&
	       (sa.st_mode & S_IFMT) == (sb.st_mode & S_IFMT);
}

int inroot_reopen(int path_fd, int flags)
{
	_cleanup_close_ int dir = -EBADF, fd = -EBADF;
	char name[16];

	/* Directories need no help: "." of an O_PATH fd is itself. */
	fd = openat(path_fd, ".", (flags & ~O_NOFOLLOW) | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return TAKE_FD(fd);
	if (errno != ENOTDIR)
		return -errno;
	dir = open_proc_fds();
	if (dir < 0)
		return dir;
	snprintf(name, sizeof(name), "%d", path_fd);
	fd = openat(dir, name, (flags & ~O_NOFOLLOW) | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return is_same(path_fd, fd) ? TAKE_FD(fd) : -EAGAIN;
}

/* Without a procfs to reopen by: a second look-up, which must arrive at the same object. O_NONBLOCK keeps a fifo that
 * was swapped in from holding us up. */
static int open_again(int root_fd, const char *path, int at, int flags)
{
	_cleanup_close_ int fd = -EBADF;

	if (!probe_has(PROBE_OPENAT2))
		return -EOPNOTSUPP;
	fd = sys_openat2(root_fd, path, (uint64_t)(flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), 0,
			 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	if (fd < 0)
		return fd;
	if (!is_same(at, fd))
		return -EAGAIN;
	if (!(flags & O_NONBLOCK)) {
		int r = fd_set_nonblock(fd, false);

		if (r < 0)
			return r;
	}
	return TAKE_FD(fd);
}

/* Opens what AT is, once it is known to be a file or directory: opening a device or fifo already does something. */
static int open_checked(int root_fd, const char *path, int at, int flags)
{
	struct stat st;
	int fd;

	if (fstat(at, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -EPERM;
	fd = inroot_reopen(at, flags);
	if (fd == -ENOENT || fd == -ENODEV || fd == -EXDEV || fd == -ENOTDIR)
		fd = open_again(root_fd, path, at, flags);
	return fd;
}

static int create_exclusive(int root_fd, const char *path, int flags, mode_t mode)
{
	_cleanup_close_ int parent = -EBADF;
	const char *name;
	int fd;

	parent = inroot_open_parent(root_fd, path, false, &name);
	if (parent < 0)
		return parent;
	fd = openat(parent, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

int inroot_open(int root_fd, const char *path, int flags, mode_t mode)
{
	int open_flags = flags & ~(O_CREAT | O_EXCL);
	int fd;

	if (flags & O_PATH)
		return inroot_open_path(root_fd, path, flags);
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return -EINVAL;
	for (unsigned i = 0; i < TRIES; i++) {
		if (flags & O_CREAT) {
			fd = create_exclusive(root_fd, path, open_flags, mode);
			if (fd != -EEXIST || (flags & O_EXCL))
				return fd;
		}
		fd = inroot_open_path(root_fd, path, flags);
		if (fd >= 0) {
			_cleanup_close_ int at = fd;

			fd = open_checked(root_fd, path, at, open_flags);
		}
		/* Gone or swapped between two looks. A link to nothing ends here too, after the tries. */
		if (fd != -EAGAIN && (fd != -ENOENT || !(flags & O_CREAT)))
			return fd;
	}
	return fd;
}

/*
 * Nearly always only the last name is missing: the kernel looks up the rest in one call. -EAGAIN: that is not so, or
 * something came in between; then the walk does it.
 */
static int make_last(int root_fd, const char *path, enum walk_make make, mode_t mode, bool nolinks)
{
	_cleanup_close_ int parent = -EBADF, fd = -EBADF;
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	struct stat st;
	int r;

	if (!slash || slash == path || !slash[1] || streq(slash + 1, ".") || streq(slash + 1, "..") ||
	    (size_t)(slash - path) >= sizeof(dir))
		return -EAGAIN;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	parent = lookup(root_fd, dir, O_DIRECTORY, nolinks);
	if (parent < 0)
		return -EAGAIN;
	r = make == MAKE_DIRS ? mkdirat(parent, slash + 1, mode)
			      : mknodat(parent, slash + 1, S_IFREG | (mode & 07777), 0);
	if (r < 0)
		return -EAGAIN;
	fd = openat(parent, slash + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || (make == MAKE_DIRS ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)))
		return -EAGAIN;
	return TAKE_FD(fd);
}

int inroot_make(int root_fd, const char *path, mode_t mode, bool is_dir, bool nolinks)
{
	struct walk w = { .make = is_dir ? MAKE_DIRS : MAKE_FILE, .mode = mode, .nolinks = nolinks };
	size_t len = strlen(path);
	int r;

	if (!is_dir && len && path[len - 1] == '/')
		return -EISDIR;
	r = make_last(root_fd, path, w.make, mode, nolinks);
	if (r != -EAGAIN)
		return r;
	r = walk_init(&w, root_fd, path);
	return r < 0 ? r : walk_run(&w, is_dir ? O_DIRECTORY : 0);
}

int inroot_make_dirs(int root_fd, const char *path, mode_t mode)
{
	return inroot_make(root_fd, path, mode, true, false);
}

int inroot_make_file(int root_fd, const char *path, mode_t mode)
{
	return inroot_make(root_fd, path, mode, false, false);
}

int inroot_open_parent(int root_fd, const char *path, bool make, const char **ret_name)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = (size_t)(name - path);
	char dir[PATH_MAX];
	int fd;

	if (!*name || streq(name, ".") || streq(name, ".."))
		return -EINVAL;
	if (len >= sizeof(dir) || strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (len == 0)
		memcpy(dir, ".", 2);
	fd = make ? inroot_make_dirs(root_fd, dir, 0755) : inroot_open_path(root_fd, dir, O_DIRECTORY);
	if (fd >= 0)
		*ret_name = name;
	return fd;
}

int inroot_read_file(int root_fd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_close_ int fd = inroot_open(root_fd, path, O_RDONLY, 0);
	_cleanup_free_ char *data = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return err_set(e, fd, "open %s in the container", path);
	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "stat %s in the container", path);
	if (!S_ISREG(st.st_mode))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s in the container is no regular file", path);
	if ((uint64_t)st.st_size > max)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s in the container is larger than %zu bytes", path, max);
	/* Files of procfs and the like say 0 and have more. One byte over tells a file that grows. */
	data = malloc(max + 1);
	if (!data)
		return err_oom(e);
	n = fd_read_full(fd, data, max + 1);
	if (n < 0)
		return err_set(e, (int)n, "read %s in the container", path);
	if ((size_t)n > max)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s in the container is larger than %zu bytes", path, max);
	data[n] = '\0';
	*ret = TAKE_PTR(data);
	if (ret_len)
		*ret_len = (size_t)n;
	return 0;
}
