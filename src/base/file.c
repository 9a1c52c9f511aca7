/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_free_ char *data = NULL;
	size_t len = 0, cap = 4096;
	struct stat st;

	if (fd < 0)
		return err_set(e, -errno, "open %s", path);
	for (;;) {
		ssize_t n;
		char *p;

		if (cap > max)
			cap = max;
		p = realloc(data, cap + 1);
		if (!p)
			return err_oom(e);
		data = p;
		n = fd_read_full(fd, data + len, cap - len);
		if (n < 0)
			return err_set(e, (int)n, "read %s", path);
		len += (size_t)n;
		if (len < cap)
			break;
		if (cap == max) {
			char c;

			if (fd_read_full(fd, &c, 1) == 1)
				return err_kind(e, ERR_LIMIT, -E2BIG, "%s is larger than %zu bytes", path, max);
			break;
		}
		/* One more reading is enough for a file that says its size, and knows it. */
		cap *= 2;
		if (fstat(fd, &st) == 0 && (size_t)st.st_size >= cap)
			cap = (size_t)st.st_size + 1;
	}
	data[len] = '\0';
	if (ret_len)
		*ret_len = len;
	*ret = TAKE_PTR(data);
	return 0;
}

ssize_t file_read_small(int dirfd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = fd_read_full(fd, buf, size - 1);
	if (n < 0)
		return n;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int file_write_raw(int dirfd, const char *path, const void *data, size_t len)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}

int file_write(int dirfd, const char *path, const char *text, struct err *e)
{
	int r = file_write_raw(dirfd, path, text, strlen(text));

	return r < 0 ? err_set(e, r, "write '%.64s' to %s", text, path) : 0;
}

/* What a rename puts in an old file's place is written to the disk at once by ext4, and whoever removes it waits for that:
 * not where the two are exchanged. */
static int put_in_place(int dirfd, const char *tmp, const char *path, bool lazy)
{
	if (lazy && renameat2(dirfd, tmp, dirfd, path, RENAME_EXCHANGE) == 0)
		return unlinkat(dirfd, tmp, 0) < 0 ? -errno : 0;
	return renameat(dirfd, tmp, dirfd, path) < 0 ? -errno : 0;
}

static int replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode, bool durable, bool lazy,
		   struct err *e)
{
	char tmp[4096];
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (snprintf(tmp, sizeof(tmp), "%s.%d~", path, getpid()) >= (int)sizeof(tmp))
		return err_set(e, -ENAMETOOLONG, "%s", path);
	fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_set(e, -errno, "create %s", tmp);
	r = fd_write_all(fd, data, len);
	if (r == 0 && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0 && durable && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		r = put_in_place(dirfd, tmp, path, lazy);
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return err_set(e, r, "write %s", path);
	}
	return 0;
}

int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode, bool durable, struct err *e)
{
	return replace(dirfd, path, data, len, mode, durable, false, e);
}

int file_replace_lazy(int dirfd, const char *path, const void *data, size_t len, mode_t mode, struct err *e)
{
	return replace(dirfd, path, data, len, mode, false, true, e);
}

/* "NAME.PID~" */
static bool is_half(const char *name)
{
	size_t len = strlen(name), digits = 0;

	if (len < 4 || name[len - 1] != '~')
		return false;
	while (digits + 2 < len && name[len - 2 - digits] >= '0' && name[len - 2 - digits] <= '9')
		digits++;
	return digits && name[len - 2 - digits] == '.';
}

void file_replace_sweep(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return;
	}
	for (const struct dirent *de; (de = readdir(d));)
		if (is_half(de->d_name))
			(void)unlinkat(dirfd, de->d_name, 0);
	closedir(d);
}

int dir_make_all(const char *path, mode_t mode, struct err *e)
{
	_cleanup_free_ char *copy = strdup(path);
	int passed = 0;

	if (!copy)
		return err_oom(e);
	if (mkdir(copy, mode) == 0 || errno == EEXIST)
		return 0;
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		/* It may be there all the same; where it is not, this is why. */
		if (mkdir(copy, mode) < 0 && errno != EEXIST) {
			passed = errno;
			if (passed != EROFS && passed != EACCES)
				return err_set(e, -passed, "create directory %s", copy);
		}
		*p = '/';
	}
	if (mkdir(copy, mode) < 0 && errno != EEXIST)
		return err_set(e, errno == ENOENT && passed ? -passed : -errno, "create directory %s", path);
	return 0;
}

/* Below this depth directories are moved up instead of being entered: the tree may be deeper than there are fds, and
 * whoever filled it could have meant that. */
#define REMOVE_DEPTH 64

struct removal {
	int top_fd; /* of the tree's root directory */
	dev_t dev;  /* nothing on another file system is touched */
	unsigned moved;
};

static int empty_dir(struct removal *rm, int fd, const char *path, unsigned depth, struct err *e);

/* The directory NAME of DIR goes to the root of the tree, whose own loop comes by again. */
static int move_up(struct removal *rm, int dir, const char *name, const char *path, struct err *e)
{
	char up[32];

	for (;;) {
		snprintf(up, sizeof(up), ".deep.%u", rm->moved++);
		if (renameat2(dir, name, rm->top_fd, up, RENAME_NOREPLACE) == 0)
			return 0;
		if (errno != EEXIST)
			return err_set(e, -errno, "remove %s/%s", path, name);
	}
}

static int remove_entry(struct removal *rm, int dir, const char *name, const char *path, unsigned depth, struct err *e)
{
	struct stat st;
	int sub, r;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set(e, -errno, "remove %s/%s", path, name);
	sub = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* Another one removes it, too, and was quicker. */
	if (sub < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "remove %s/%s", path, name);
	if (fstat(sub, &st) < 0)
		r = err_set(e, -errno, "remove %s/%s", path, name);
	else if (st.st_dev != rm->dev)
		r = err_kind(e, ERR_STATE, -EXDEV, "%s/%s is on another file system, not removed", path, name);
	else if (depth >= REMOVE_DEPTH && unlinkat(dir, name, AT_REMOVEDIR) < 0)
		r = move_up(rm, dir, name, path, e);
	else
		r = depth >= REMOVE_DEPTH ? 0 : 1;
	if (r != 1) {
		fd_close(sub);
		return r;
	}
	r = empty_dir(rm, sub, name, depth + 1, e);
	if (r == 0 && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = err_set(e, -errno, "remove %s/%s", path, name);
	return r;
}

/* Empties the directory FD (consumed). */
static int empty_dir(struct removal *rm, int fd, const char *path, unsigned depth, struct err *e)
{
	DIR *d = fdopendir(fd);
	struct dirent *de;
	unsigned moved;
	int r = 0;

	if (!d) {
		r = err_set(e, -errno, "read directory %s", path);
		fd_close(fd);
		return r;
	}
	do {
		moved = rm->moved;
		rewinddir(d);
		while (r == 0 && (de = readdir(d)))
			if (!streq(de->d_name, ".") && !streq(de->d_name, ".."))
				r = remove_entry(rm, dirfd(d), de->d_name, path, depth, e);
	} while (r == 0 && depth == 0 && rm->moved != moved);
	closedir(d);
	return r;
}

int tree_remove(int dirfd, const char *path, struct err *e)
{
	struct removal rm = { 0 };
	struct stat st;
	int fd, r;

	if (unlinkat(dirfd, path, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set(e, -errno, "remove %s", path);
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", path);
	if (fstat(fd, &st) < 0) {
		r = -errno;
		fd_close(fd);
		return err_set(e, r, "stat %s", path);
	}
	rm.top_fd = fd;
	rm.dev = st.st_dev;
	r = empty_dir(&rm, fd, path, 0, e);
	if (r < 0)
		return r;
	if (unlinkat(dirfd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_set(e, -errno, "remove %s", path);
	return 0;
}

bool file_exists(int dirfd, const char *path)
{
	struct stat st;

	return fstatat(dirfd, path, &st, 0) == 0;
}

char *path_join(const char *a, const char *b)
{
	size_t n = strlen(a);
	char *p;

	while (n > 1 && a[n - 1] == '/')
		n--;
	while (*b == '/')
		b++;
	if (asprintf(&p, "%.*s%s%s", (int)n, a, n == 1 && *a == '/' ? "" : "/", b) < 0)
		return NULL;
	return p;
}

bool path_is_component(const char *s)
{
	return !isempty(s) && !streq(s, ".") && !streq(s, "..") && !strchr(s, '/') && strlen(s) <= 255;
}
