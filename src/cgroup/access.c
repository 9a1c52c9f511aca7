/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files and directories of one group in one hierarchy: what both drivers are made of. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "cgroup/driver.h"

#define WALK_DEPTH_MAX 64

const char *cg_file(const char *path, const char *file, char buf[static PATH_MAX])
{
	size_t n = strlen(path), m = strlen(file);

	/* Group paths are checked against CG_PATH_MAX and file names against NAME_MAX before they come here. */
	if (n + m + 2 > PATH_MAX) {
		buf[0] = '\0';
		return buf;
	}
	memcpy(buf, path, n);
	if (n)
		buf[n++] = '/';
	memcpy(buf + n, file, m + 1);
	return buf;
}

int cg_write(const struct cg *g, const struct cg_hier *h, const char *file, const char *value, struct err *e)
{
	char p[PATH_MAX];
	int r = file_write_raw(h->fd, cg_file(cg_at(g, h), file, p), value, strlen(value));

	return r < 0 ? err_set(e, r, "write '%.64s' to %s of group %s (%s)", value, file, g->path, h->name) : 0;
}

int cg_read(const struct cg *g, const struct cg_hier *h, const char *file, struct buf *out, struct err *e)
{
	char p[PATH_MAX], chunk[4096];
	_cleanup_close_ int fd = openat(h->fd, cg_file(cg_at(g, h), file, p), O_RDONLY | O_CLOEXEC);
	size_t start = out->len;
	ssize_t n = 0;

	if (fd < 0)
		return err_set(e, -errno, "open %s of group %s (%s)", file, g->path, h->name);
	/* A value of one line comes whole in the first read: the end needs no second one. */
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		buf_add(out, chunk, (size_t)n);
		if (n < 64 && out->len - start == (size_t)n && chunk[n - 1] == '\n' &&
		    !memchr(chunk, '\n', (size_t)n - 1))
			break;
	}
	if (n < 0)
		return err_set(e, -errno, "read %s of group %s (%s)", file, g->path, h->name);
	if (out->len > start && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	return buf_error(out, e);
}

const struct cg_hier *cg_hier_for(const struct cg *g, enum cg_ctrl ctrl)
{
	for (unsigned i = 0; i < g->host->n; i++)
		if (g->used & 1u << i && g->host->hier[i].ctrls & 1u << ctrl)
			return &g->host->hier[i];
	return NULL;
}

const struct cg_hier *cg_hier_main(const struct cg *g)
{
	const struct cg_hier *h;

	if (g->host->v2 >= 0 && g->used & 1u << g->host->v2)
		return &g->host->hier[g->host->v2];
	if ((h = cg_hier_for(g, CC_FREEZER)) || (h = cg_hier_for(g, CC_NAMED)))
		return h;
	for (unsigned i = 0; i < g->host->n; i++)
		if (g->used & 1u << i)
			return &g->host->hier[i];
	return NULL;
}

/* FD is consumed. */
static int walk(int fd, unsigned depth, int (*fn)(int dirfd, void *arg), void *arg)
{
	_cleanup_close_ int own = fd;
	struct dirent *d;
	struct stat st;
	DIR *dir;
	int r;

	r = fn(fd, arg);
	if (r < 0)
		return r;
	/* kernfs counts sub-directories in the link count: a leaf needs no listing. */
	if (fstat(fd, &st) == 0 && st.st_nlink == 2)
		return 0;
	if (depth >= WALK_DEPTH_MAX)
		return -ELOOP;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	TAKE_FD(own);
	while (r == 0 && (d = readdir(dir))) {
		int sub;

		if (d->d_type != DT_DIR || streq(d->d_name, ".") || streq(d->d_name, ".."))
			continue;
		sub = openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (sub >= 0)
			r = walk(sub, depth + 1, fn, arg);
		else if (errno != ENOENT && errno != ENODEV)
			r = -errno;
	}
	closedir(dir);
	return r;
}

int cg_walk(const struct cg_hier *h, const char *path, int (*fn)(int dirfd, void *arg), void *arg)
{
	int fd = openat(h->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : walk(fd, 0, fn, arg);
}

struct pid_list {
	pid_t *v;
	size_t n, cap;
	struct buf text;
};

static int pids_here(int dirfd, void *arg)
{
	struct pid_list *l = arg;
	_cleanup_close_ int fd = openat(dirfd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	const char *s;
	ssize_t n;

	buf_reset(&l->text);
	while (fd >= 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		/* EOPNOTSUPP: a threaded group, its processes are listed in the domain above. ENODEV: it is gone. */
		if (n < 0)
			return errno == EOPNOTSUPP || errno == ENODEV ? 0 : -errno;
		buf_add(&l->text, chunk, (size_t)n);
	}
	if (buf_error(&l->text, NULL) < 0)
		return -ENOMEM;
	for (s = buf_str(&l->text); *s; s += strspn(s, "\n")) {
		char *end;
		long pid = strtol(s, &end, 10);

		if (end == s)
			break;
		s = end;
		/* 0 is somebody outside this pid name space. */
		if (pid <= 0)
			continue;
		if (l->n == l->cap) {
			size_t cap = l->cap ? l->cap * 2 : 64;
			pid_t *p = reallocarray(l->v, cap, sizeof(*p));

			if (!p)
				return -ENOMEM;
			l->v = p;
			l->cap = cap;
		}
		l->v[l->n++] = (pid_t)pid;
	}
	return 0;
}

int cg_hier_pids(const struct cg *g, const struct cg_hier *h, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct pid_list l = { 0 };
	int r = cg_walk(h, cg_at(g, h), pids_here, &l);

	buf_done(&l.text);
	if (r < 0) {
		free(l.v);
		return err_set(e, r, "list the processes of group %s (%s)", g->path, h->name);
	}
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

int64_t cg_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void cg_sleep_us(unsigned us)
{
	nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000 }, NULL);
}
