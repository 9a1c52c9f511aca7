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
#include "cgroup/unit.h"

#define REMOVE_WAIT_MS	 500
#define LEAVE_WAIT_MS	 100
#define REMOVE_DEPTH_MAX 64
#define MAKE_TRIES	 8

struct cg *cg_free(struct cg *g)
{
	if (!g)
		return NULL;
	unit_release(g);
	fd_close(g->prog_fd);
	fds_close_many(g->dev_fd, ARRAY_SIZE(g->dev_fd));
	free(g->rules);
	free(g->path);
	free(g->full);
	free(g);
	return NULL;
}

const char *cg_path(const struct cg *g)
{
	return g->full;
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

/* Groups above that were made for this one or its like go when nobody is left in them. */
static void remove_parents(struct cg_host *h, const struct cg *g)
{
	const struct cg_hier *main = cg_hier_main(g);
	char path[CG_PATH_MAX + 1];

	for (unsigned level = 1; cg_parent(cg_at(g, main), level, path); level++) {
		uint32_t made = cg_marked(main, path, CG_ATTR_MADE, h), left = 0;

		for (unsigned i = 0; i < h->n; i++)
			if (made & 1u << i && &h->hier[i] != main && cg_parent(g->at[i], level, path) &&
			    unlinkat(h->hier[i].fd, path, AT_REMOVEDIR) < 0 && errno != ENOENT)
				left |= 1u << i;
		/* The one that says who made them goes last. */
		if (!made || left || !cg_parent(cg_at(g, main), level, path))
			return;
		if (!(made & 1u << (main - h->hier)))
			cg_unmark(main, path, CG_ATTR_MADE);
		else if (unlinkat(main->fd, path, AT_REMOVEDIR) < 0)
			return;
	}
}

int cg_remove(struct cg_host *h, const char *path, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	const struct cg_hier *main;
	uint32_t kept;
	int64_t until;
	int r;

	r = cg_new(h, path, &g, e);
	if (r < 0 || h->n == 0)
		return r;
	g->used = (1u << h->n) - 1;
	main = cg_hier_main(g);
	kept = cg_marked(main, cg_at(g, main), CG_ATTR_KEPT, h);
	if (g->unit)
		unit_stop(g);
	until = cg_now_ms() + REMOVE_WAIT_MS;
	for (unsigned i = 0; i < h->n; i++) {
		const struct cg_hier *x = &h->hier[i];
		int k = kept & 1u << i ? remove_below(x->fd, g->at[i], 0) : hier_remove(x, g->at[i], until);

		/* Go on: what can go, goes. The first failure is told. */
		if (k < 0 && r == 0) {
			r = err_set(e, k, "remove control group %s (%s)", g->at[i], x->name);
			if (k == -EBUSY)
				err_hint(e, k, "there are processes in it: stop the container first");
		}
	}
	if (kept)
		cg_unmark(main, cg_at(g, main), CG_ATTR_KEPT);
	else if (r == 0 && !g->unit && strchr(cg_at(g, main), '/'))
		remove_parents(h, g);
	return r;
}

/* Makes PATH and, where they are missing, its parents. Returns how many directories were made: 0 when it was there. */
static int hier_make(const struct cg_hier *h, const char *path, struct err *e)
{
	char parent[CG_PATH_MAX + 1];
	int r, made = 0;

	if (h->ops->pass_down && !h->lazy)
		h->ops->pass_down(h, path);
	/* A parent may go again meanwhile, when its last group does. */
	for (unsigned i = 0; mkdirat(h->fd, path, 0755) < 0; i++) {
		if (errno == EEXIST)
			return 0;
		if (errno != ENOENT || i == MAKE_TRIES || !cg_parent(path, 1, parent))
			return err_set(e, -errno, "create control group %s (%s)", path, h->name);
		r = hier_make(h, parent, e);
		if (r < 0)
			return r;
		made = r;
		if (h->ops->pass_down && !h->lazy)
			h->ops->pass_down(h, path);
	}
	r = h->ops->ready(h, path, e);
	if (r < 0) {
		unlinkat(h->fd, path, AT_REMOVEDIR);
		return r;
	}
	return made + 1;
}

/* Whether a group that is there may be used: not with processes, and for OCI not frozen. */
static int hier_vacant(const struct cg *g, const struct cg_hier *h, struct err *e)
{
	_cleanup_free_ pid_t *pids = NULL;
	bool oci = g->host->oci, frozen = false;
	size_t n;
	int r;

	r = cg_hier_pids(g, h, &pids, &n, e);
	if (r < 0)
		return r;
	if (n > 0) {
		if (oci)
			err_kind(e, ERR_EXISTS, -EBUSY, "container's cgroup is not empty: %zu process(es) found in %s",
				 n, cg_at(g, h));
		else
			err_kind(e, ERR_EXISTS, -EBUSY, "control group %s (%s) has processes already (pid %d)", g->path,
				 h->name, (int)pids[0]);
		return err_hint(e, -EBUSY, "is another container or a left-over of this one running in it?");
	}
	if (oci && h->ctrls & CC(FREEZER) && h->ops->is_frozen(g, h, &frozen, NULL) == 0 && frozen) {
		err_kind(e, ERR_STATE, -EBUSY, "container's cgroup unexpectedly frozen: %s", g->path);
		return err_hint(e, -EBUSY, "thaw or remove it: a process that enters it would never run");
	}
	return 0;
}

int cg_vacant(struct cg_host *h, const char *path, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r = cg_new(h, path, &g, e);

	for (unsigned i = 0; r == 0 && i < h->n; i++)
		if (file_exists(h->hier[i].fd, g->at[i]))
			r = hier_vacant(g, &h->hier[i], e);
	/* Its unit may be running in another slice. */
	return r == 0 && g->unit ? unit_vacant(g, e) : r;
}

/* A group that is there already may be taken over when it is empty; left-over sub-groups go, unless it was OCI's caller
 * who made it. */
static int hier_take_over(struct cg *g, const struct cg_hier *h, struct err *e)
{
	int r = hier_vacant(g, h, e);

	if (r == 0 && !g->host->oci) {
		r = remove_below(h->fd, cg_at(g, h), 0);
		if (r < 0)
			return err_set(e, r, "empty control group %s (%s)", g->path, h->name);
	}
	if (r == 0 && h->ops->reuse)
		h->ops->reuse(g, h);
	return r;
}

/* Writes down whose the groups are, for cg_remove(). Costs nothing in the usual case: all was made, and no parent. */
static void mark_made(const struct cg *g, const int made[static CG_HIER_MAX])
{
	const struct cg_hier *main = cg_hier_main(g);
	char path[CG_PATH_MAX + 1];
	uint32_t kept = 0, at_level;
	unsigned level = 0;

	for (unsigned i = 0; i < g->host->n; i++)
		kept |= g->used & 1u << i && made[i] == 0 ? 1u << i : 0;
	if (kept && g->host->oci)
		cg_mark(main, cg_at(g, main), CG_ATTR_KEPT, g->host, kept);
	/* Of others, who have gone. */
	if (kept) {
		cg_unmark(main, cg_at(g, main), CG_ATTR_SHARED);
		cg_unmark(main, cg_at(g, main), CG_ATTR_ORPHAN);
	}
	do {
		level++;
		at_level = 0;
		for (unsigned i = 0; i < g->host->n; i++)
			at_level |= made[i] > (int)level ? 1u << i : 0;
		if (at_level && cg_parent(cg_at(g, main), level, path))
			cg_mark(main, path, CG_ATTR_MADE, g->host, at_level);
	} while (at_level);
}

static bool is_refusal(int r)
{
	return r == -EACCES || r == -EPERM || r == -EROFS;
}

static int create_everywhere(struct cg *g, int made[static CG_HIER_MAX], struct err *e)
{
	struct cg_host *h = g->host;
	int r = 0;

	for (unsigned i = 0; i < h->n; i++) {
		made[i] = r = hier_make(&h->hier[i], g->at[i], e);
		/* Systemd has made its unit's group in some hierarchies, and the unit's first process is in it. */
		if (r == 0 && !g->unit)
			r = hier_take_over(g, &h->hier[i], e);
		else if (is_refusal(r))
			continue; /* not ours to write: unprivileged users have some hierarchies only */
		if (r < 0)
			return r;
		g->used |= 1u << i;
	}
	return g->used ? 0 : r;
}

int cg_create(struct cg_host *h, const char *path, struct cg **ret, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int made[CG_HIER_MAX] = { 0 }, r;
	char parent[CG_PATH_MAX + 1];

	r = cg_new(h, path, &g, e);
	if (r < 0)
		return r;
	if (h->n == 0)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "this host has no control groups mounted");
	g->rules_known = true;
	/* A unit that cannot be started may be another container's. */
	r = g->unit ? unit_start(g, e) : 0;
	if (r < 0)
		return r;
	r = create_everywhere(g, made, e);
	if (r < 0) {
		for (unsigned i = 0; i < h->n; i++)
			for (int level = 0; level < made[i]; level++)
				if (level == 0)
					unlinkat(h->hier[i].fd, g->at[i], AT_REMOVEDIR);
				else if (cg_parent(g->at[i], (unsigned)level, parent))
					unlinkat(h->hier[i].fd, parent, AT_REMOVEDIR);
		if (g->unit)
			unit_stop(g);
		if (is_refusal(r))
			err_hint(e, r, "the control groups there belong to somebody else: have a sub-group delegated");
		return r;
	}
	if (!g->unit)
		mark_made(g, made);
	err_clear(e);
	*ret = TAKE_PTR(g);
	return 0;
}

/* --- with others -------------------------------------------------------------------------------------------------------- */

int cg_share(struct cg_host *h, const char *path, struct cg **ret, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	const struct cg_hier *main;
	uint32_t theirs = 0;
	bool frozen = false;
	int r = cg_new(h, path, &g, e);

	if (r < 0)
		return r;
	if (g->unit || h->n == 0)
		return err_kind(e, ERR_EXISTS, -EBUSY, "systemd's unit %s is somebody else's", g->path);
	for (unsigned i = 0; i < h->n; i++) {
		r = hier_make(&h->hier[i], g->at[i], e);
		if (r < 0)
			break;
		theirs |= r == 0 ? 1u << i : 0;
		g->used |= 1u << i;
	}
	main = cg_hier_main(g);
	if (r >= 0 && cg_is_frozen(g, &frozen, NULL) == 0 && frozen)
		r = err_kind(e, ERR_STATE, -EBUSY, "container's cgroup unexpectedly frozen: %s", g->path);
	if (r >= 0)
		cg_mark(main, cg_at(g, main), CG_ATTR_SHARED, h, theirs);
	/* Whoever made it would kill us at its end. */
	if (r >= 0 && !cg_is_shared(g))
		r = err_kind(e, ERR_EXISTS, -EBUSY,
			     "container's cgroup is not empty, and cannot be marked as shared: %s", g->path);
	if (r < 0) {
		for (unsigned i = 0; i < h->n; i++)
			if (g->used & 1u << i && !(theirs & 1u << i))
				unlinkat(h->hier[i].fd, g->at[i], AT_REMOVEDIR);
		return r;
	}
	*ret = TAKE_PTR(g);
	return 0;
}

bool cg_is_shared(const struct cg *g)
{
	const struct cg_hier *main = cg_hier_main(g);

	return main && cg_marked(main, cg_at(g, main), CG_ATTR_SHARED, g->host);
}

int cg_leave(struct cg_host *h, const char *path, bool made, struct err *e)
{
	int64_t until = cg_now_ms() + LEAVE_WAIT_MS;
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ pid_t *pids = NULL;
	const struct cg_hier *main;
	uint32_t theirs;
	size_t n = 0;
	int r = cg_open(h, path, &g, e);

	if (r < 0)
		return r == -ENOENT ? (err_clear(e), 0) : r;
	main = cg_hier_main(g);
	theirs = cg_marked(main, cg_at(g, main), CG_ATTR_KEPT, h);
	if (!made && !cg_marked(main, cg_at(g, main), CG_ATTR_ORPHAN, h))
		theirs |= cg_marked(main, cg_at(g, main), CG_ATTR_SHARED, h);
	/* The one that says whose they are goes last. */
	for (unsigned i = 0; i < h->n; i++)
		if (&h->hier[i] != main && !(theirs & 1u << i))
			(void)hier_remove(&h->hier[i], g->at[i], until);
	if (!(theirs & 1u << (main - h->hier)) && hier_remove(main, cg_at(g, main), until) >= 0)
		remove_parents(h, g);
	else if (made)
		cg_mark(main, cg_at(g, main), CG_ATTR_ORPHAN, h, g->used);
	else if (cg_pids(g, &pids, &n, NULL) == 0 && n == 0)
		cg_unmark(main, cg_at(g, main), CG_ATTR_SHARED);
	return 0;
}

/* --- groups that are there ---------------------------------------------------------------------------------------------- */

int cg_open(struct cg_host *h, const char *path, struct cg **ret, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r;

	r = cg_new(h, path, &g, e);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < h->n; i++)
		if (file_exists(h->hier[i].fd, g->at[i]))
			g->used |= 1u << i;
	if (!g->used)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no control group %s", g->path);
	*ret = TAKE_PTR(g);
	return 0;
}

int cg_root(struct cg_host *h, struct cg **ret, struct err *e)
{
	struct cg *g;
	int r = cg_new(h, "root", &g, e);

	if (r < 0)
		return r;
	for (unsigned i = 0; i < h->n; i++)
		g->at[i] = ".";
	g->used = (1u << h->n) - 1;
	*ret = g;
	return 0;
}

int cg_v2_fd(const struct cg *g)
{
	int fd;

	if (g->host->v2 < 0 || !(g->used & 1u << g->host->v2))
		return -EOPNOTSUPP;
	fd = openat(g->host->hier[g->host->v2].fd, g->at[g->host->v2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_dir(const struct cg *g, const struct cg_hier *h, struct err *e)
{
	int fd = openat(h->fd, cg_at(g, h), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_set(e, -errno, "open control group %s (%s)", cg_at(g, h), h->name) : fd;
}

int cg_place(const struct cg *g, const char *controller, struct cg_place *ret, struct err *e)
{
	const struct cg_hier *h = NULL;
	int ctrl, fd;

	cg_host_complete(g->host);
	/* v1's named ones are CC_NAMED all: which of them is said by the whole name. */
	for (unsigned i = 0; i < g->host->n && controller; i++)
		if (g->used & 1u << i && streq(g->host->hier[i].name, controller))
			h = &g->host->hier[i];
	ctrl = controller ? cg_ctrl_find(controller, strlen(controller)) : (int)CC_CORE;
	if (!h && ctrl >= 0 && ctrl != CC_NAMED)
		h = cg_hier_for(g, (enum cg_ctrl)ctrl);
	if (!h)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "no control group for %s", controller ?: "version 2");
	fd = open_dir(g, h, e);
	if (fd < 0)
		return fd;
	*ret = (struct cg_place){ .path = cg_at(g, h), .version = h->ops->version, .fd = fd };
	return 0;
}

int cg_dirs(const struct cg *g, int *ret, size_t max, struct err *e)
{
	size_t n = 0;

	for (unsigned i = 0; i < g->host->n; i++) {
		int fd = -E2BIG;

		if (!(g->used & 1u << i))
			continue;
		if (n < max)
			fd = open_dir(g, &g->host->hier[i], e);
		if (fd < 0) {
			fds_close_many(ret, n);
			return fd;
		}
		ret[n++] = fd;
	}
	return (int)n;
}

int cg_attach(const struct cg *g, pid_t pid, bool skip_v2, struct err *e)
{
	for (unsigned i = 0; i < g->host->n; i++) {
		const struct cg_hier *h = &g->host->hier[i];
		int r;

		if (!(g->used & 1u << i) || (skip_v2 && h->ops->version == 2))
			continue;
		r = h->ops->attach(g, h, pid, e);
		/* An ordinary user's own service manager may move what the user may not. */
		if (is_refusal(r) && g->unit && pid) {
			err_clear(e);
			r = unit_attach(g, pid, e);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* The modes are for all that there is: 0 leaves them. */
static int give(const struct cg *g, uid_t uid, gid_t gid, mode_t dir_mode, mode_t file_mode, struct err *e)
{
	char p[PATH_MAX];

	for (unsigned i = 0; i < g->host->n; i++) {
		const struct cg_hier *h = &g->host->hier[i];

		if (!(g->used & 1u << i))
			continue;
		if (fchownat(h->fd, cg_at(g, h), uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
		    (dir_mode && fchmodat(h->fd, cg_at(g, h), dir_mode, 0) < 0))
			return err_set(e, -errno, "give control group %s (%s) to %u:%u", g->path, h->name, uid, gid);
		for (const char *const *f = h->ops->delegate; *f; f++) {
			const char *file = cg_file(cg_at(g, h), *f, p);

			if ((fchownat(h->fd, file, uid, gid, AT_SYMLINK_NOFOLLOW) < 0 ||
			     (file_mode && fchmodat(h->fd, file, file_mode, 0) < 0)) &&
			    errno != ENOENT)
				return err_set(e, -errno, "give %s of group %s (%s) to %u:%u", *f, g->path, h->name,
					       uid, gid);
		}
	}
	return 0;
}

int cg_chown(const struct cg *g, uid_t uid, gid_t gid, struct err *e)
{
	return give(g, uid, gid, 0, 0, e);
}

int cg_lend(const struct cg *g, uid_t uid, gid_t gid, struct err *e)
{
	return give(g, uid, gid, 0775, 0664, e);
}

int cg_empty(const struct cg *g, struct err *e)
{
	int64_t until = cg_now_ms() + REMOVE_WAIT_MS;
	int r = 0;

	for (unsigned i = 0; i < g->host->n && r == 0; i++) {
		const struct cg_hier *h = &g->host->hier[i];

		while (g->used & 1u << i && (r = remove_below(h->fd, cg_at(g, h), 0)) == -EBUSY && cg_now_ms() < until)
			cg_sleep_us(1000);
		if (r < 0)
			err_set(e, r, "remove what is below control group %s (%s)", g->path, h->name);
	}
	return r;
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
