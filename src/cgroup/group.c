/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One group in all hierarchies: making, removing, entering, and what loops over the drivers. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cgroup/driver.h"

#define REMOVE_WAIT_MS	 500
#define REMOVE_DEPTH_MAX 64

static int path_check(const char *path, struct err *e)
{
	const char *s = path;

	if (!*path || strlen(path) > CG_PATH_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "group path '%.64s' is empty or too long", path);
	while (*s) {
		size_t n = strcspn(s, "/");

		if (n == 0 || n > NAME_MAX || (s[n] == '/' && !s[n + 1]) || (n <= 2 && memcmp(s, "..", n) == 0))
			return err_kind(e, ERR_INVALID, -EINVAL,
					"group path '%.64s' is not relative or has empty, '.' or '..' parts", path);
		s += n + (s[n] == '/');
	}
	return 0;
}

static int cg_new(struct cg_host *h, const char *path, struct cg **ret, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r;

	r = path_check(path, e);
	if (r < 0)
		return r;
	g = calloc(1, sizeof(*g));
	if (!g)
		return err_oom(e);
	g->host = h;
	g->prog_fd = g->dev_fd[0] = g->dev_fd[1] = -EBADF;
	g->path = strdup(path);
	if (!g->path)
		return err_oom(e);
	*ret = TAKE_PTR(g);
	return 0;
}

struct cg *cg_free(struct cg *g)
{
	if (!g)
		return NULL;
	fd_close(g->prog_fd);
	fds_close_many(g->dev_fd, ARRAY_SIZE(g->dev_fd));
	free(g->rules);
	free(g->path);
	free(g);
	return NULL;
}

const char *cg_path(const struct cg *g)
{
	return g->path;
}

static int remove_below(int dirfd, const char *path, unsigned depth);

/* rmdir of the whole tree. -EBUSY while processes are in it. */
static int remove_tree(int dirfd, const char *path, unsigned depth)
{
	int r;

	if (unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	/* A plain directory in a test's tree says ENOTEMPTY for its files; the kernel's groups say EBUSY. */
	if (errno != EBUSY)
		return -errno;
	r = remove_below(dirfd, path, depth);
	if (r < 0)
		return r;
	return unlinkat(dirfd, path, AT_REMOVEDIR) == 0 || errno == ENOENT ? 0 : -errno;
}

static int remove_below(int dirfd, const char *path, unsigned depth)
{
	struct dirent *d;
	DIR *dir;
	int fd, r = 0;

	if (depth >= REMOVE_DEPTH_MAX)
		return -ELOOP;
	fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		fd_close(fd);
		return r;
	}
	while (r == 0 && (d = readdir(dir)))
		if (d->d_type == DT_DIR && !streq(d->d_name, ".") && !streq(d->d_name, ".."))
			r = remove_tree(fd, d->d_name, depth + 1);
	closedir(dir);
	return r;
}

static int hier_remove(const struct cg_hier *h, const char *path, int64_t until)
{
	unsigned us = 100;

	for (;;) {
		int r = remove_tree(h->fd, path, 0);

		/* A process that was killed leaves its group a moment after its parent could reap it. */
		if (r != -EBUSY || cg_now_ms() >= until)
			return r;
		cg_sleep_us(us);
		us = us < 4000 ? us * 2 : us;
	}
}

int cg_remove(struct cg_host *h, const char *path, struct err *e)
{
	int64_t until;
	int r;

	r = path_check(path, e);
	if (r < 0)
		return r;
	until = cg_now_ms() + REMOVE_WAIT_MS;
	for (unsigned i = 0; i < h->n; i++) {
		int k = hier_remove(&h->hier[i], path, until);

		/* Go on: what can go, goes. The first failure is told. */
		if (k < 0 && r == 0) {
			r = err_set(e, k, "remove control group %s (%s)", path, h->hier[i].name);
			if (k == -EBUSY)
				err_hint(e, k, "there are processes in it: stop the container first");
		}
	}
	return r;
}

/* Makes PATH and, where they are missing, its parents. Returns 1 when PATH was made, 0 when it was there. */
static int hier_make(const struct cg_hier *h, const char *path, struct err *e)
{
	char parent[CG_PATH_MAX + 1];
	const char *slash;
	int r;

	if (h->ops->pass_down && !h->lazy)
		h->ops->pass_down(h, path);
	if (mkdirat(h->fd, path, 0755) == 0) {
		r = h->ops->ready(h, path, e);
		if (r < 0) {
			unlinkat(h->fd, path, AT_REMOVEDIR);
			return r;
		}
		return 1;
	}
	if (errno == EEXIST)
		return 0;
	slash = strrchr(path, '/');
	if (errno != ENOENT || !slash)
		return err_set(e, -errno, "create control group %s (%s)", path, h->name);
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	r = hier_make(h, parent, e);
	return r < 0 ? r : hier_make(h, path, e);
}

/* A group that is there already may be taken over when it is empty; left-over sub-groups go. */
static int hier_take_over(struct cg *g, const struct cg_hier *h, struct err *e)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n;
	int r;

	r = cg_hier_pids(g, h, &pids, &n, e);
	if (r < 0)
		return r;
	if (n > 0) {
		err_kind(e, ERR_EXISTS, -EBUSY, "control group %s (%s) has processes already (pid %d)", g->path,
			 h->name, (int)pids[0]);
		return err_hint(e, -EBUSY, "is another container or a left-over of this one running in it?");
	}
	r = remove_below(h->fd, g->path, 0);
	if (r < 0)
		return err_set(e, r, "empty control group %s (%s)", g->path, h->name);
	if (h->ops->reuse)
		h->ops->reuse(g, h);
	return 0;
}

int cg_create(struct cg_host *h, const char *path, struct cg **ret, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	uint32_t made = 0;
	int r;

	r = cg_new(h, path, &g, e);
	if (r < 0)
		return r;
	if (h->n == 0)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "this host has no control groups mounted");
	g->rules_known = true;
	for (unsigned i = 0; i < h->n; i++) {
		r = hier_make(&h->hier[i], path, e);
		if (r == 1)
			made |= 1u << i;
		else if (r == 0)
			r = hier_take_over(g, &h->hier[i], e);
		else if (r == -EACCES || r == -EPERM || r == -EROFS)
			continue; /* not ours to write: unprivileged users have some hierarchies only */
		if (r < 0)
			break;
		g->used |= 1u << i;
	}
	if (r < 0 && g->used && (r == -EACCES || r == -EPERM || r == -EROFS))
		r = 0;
	if (r < 0) {
		for (unsigned i = 0; i < h->n; i++)
			if (made & 1u << i)
				unlinkat(h->hier[i].fd, path, AT_REMOVEDIR);
		if (r == -EACCES || r == -EPERM || r == -EROFS)
			err_hint(e, r, "the control groups there belong to somebody else: have a sub-group delegated");
		return r;
	}
	err_clear(e);
	*ret = TAKE_PTR(g);
	return 0;
}

int cg_open(struct cg_host *h, const char *path, struct cg **ret, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r;

	r = cg_new(h, path, &g, e);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < h->n; i++)
		if (file_exists(h->hier[i].fd, path))
			g->used |= 1u << i;
	if (!g->used)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no control group %s", path);
	*ret = TAKE_PTR(g);
	return 0;
}

int cg_v2_fd(const struct cg *g)
{
	int fd;

	if (g->host->v2 < 0 || !(g->used & 1u << g->host->v2))
		return -EOPNOTSUPP;
	fd = openat(g->host->hier[g->host->v2].fd, g->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cg_attach(const struct cg *g, pid_t pid, bool skip_v2, struct err *e)
{
	for (unsigned i = 0; i < g->host->n; i++) {
		const struct cg_hier *h = &g->host->hier[i];
		int r;

		if (!(g->used & 1u << i) || (skip_v2 && h->ops->version == 2))
			continue;
		r = h->ops->attach(g, h, pid, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int cg_chown(const struct cg *g, uid_t uid, gid_t gid, struct err *e)
{
	char p[PATH_MAX];

	for (unsigned i = 0; i < g->host->n; i++) {
		const struct cg_hier *h = &g->host->hier[i];

		if (!(g->used & 1u << i))
			continue;
		if (fchownat(h->fd, g->path, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, -errno, "give control group %s (%s) to %u:%u", g->path, h->name, uid, gid);
		for (const char *const *f = h->ops->delegate; *f; f++)
			if (fchownat(h->fd, cg_file(g->path, *f, p), uid, gid, AT_SYMLINK_NOFOLLOW) < 0 &&
			    errno != ENOENT)
				return err_set(e, -errno, "give %s of group %s (%s) to %u:%u", *f, g->path, h->name,
					       uid, gid);
	}
	return 0;
}

int cg_freeze(const struct cg *g, bool freeze, unsigned timeout_ms, struct err *e)
{
	const struct cg_hier *h = cg_hier_for(g, CC_FREEZER);

	if (!h)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "control group %s has no freezer on this host", g->path);
	return h->ops->freeze(g, h, freeze, timeout_ms, e);
}

int cg_is_frozen(const struct cg *g, bool *ret, struct err *e)
{
	const struct cg_hier *h = cg_hier_for(g, CC_FREEZER);

	if (!h)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "control group %s has no freezer on this host", g->path);
	return h->ops->is_frozen(g, h, ret, e);
}

int cg_kill(const struct cg *g, struct err *e)
{
	const struct cg_hier *main = cg_hier_main(g), *freezer = cg_hier_for(g, CC_FREEZER);
	int r = 0;

	/* v2's cgroup.kill cannot be outrun by forks, but a process may have been moved out of v2 alone, and what v1's
	 * freezer holds dies only when thawed: so the freezer's hierarchy has its turn as well. */
	if (main && main != freezer)
		r = main->ops->kill(g, main, e);
	if (r == 0 && freezer)
		r = freezer->ops->kill(g, freezer, e);
	return r;
}

int cg_pids(const struct cg *g, pid_t **ret, size_t *ret_n, struct err *e)
{
	const struct cg_hier *h = cg_hier_main(g);

	if (!h)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "control group %s is nowhere", g->path);
	return cg_hier_pids(g, h, ret, ret_n, e);
}
