/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshots of containers, and containers out of snapshots. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/copy-inner.h"
#include "store/swap.h"

#define COMMENT_MAX (1u << 20)
#define NUMBERS	    100000

void snapshots_free(struct snapshot *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(s[i].name);
		free(s[i].comment_path);
		free(s[i].timestamp);
		free(s[i].lxcpath);
	}
	free(s);
}

/* The one that new snapshots go to first: as LXC does it, the old place where there is one. */
int snapshot_dirs(const struct container *c, struct strv *ret, struct err *e)
{
	_cleanup_free_ char *old = NULL;
	int r = 0;

	if (asprintf(&old, "%ssnaps", c->lxcpath) < 0) {
		old = NULL;
		return err_oom(e);
	}
	if (file_exists(AT_FDCWD, old))
		r = strv_pushf(ret, e, "%s/%s", old, c->name);
	return r < 0 ? r : strv_pushf(ret, e, "%s/snaps", c->dir);
}

/* The snapshot as a container. Its config is loaded. */
static int open_snap(struct container *c, const char *snap, struct container **ret, struct err *e)
{
	_cleanup_strv_ struct strv dirs = STRV_INIT;
	int r = 0;

	if (!path_is_component(snap))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no name of a snapshot", snap);
	r = snapshot_dirs(c, &dirs, e);
	for (size_t i = 0; i < dirs.n && r == 0; i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s/config", dirs.v[i], snap) < 0) {
			path = NULL;
			return err_oom(e);
		}
		if (file_exists(AT_FDCWD, path))
			return container_open_in(c->engine, dirs.v[i], snap, OPEN_MUST_EXIST, ret, e);
	}
	return r < 0 ? r : err_kind(e, ERR_NOT_FOUND, -ENOENT, "Could not open snapshot %s", snap);
}

/* --- the list ------------------------------------------------------------------------------------------------------------ */

static int number_of(const char *name, uint32_t *ret)
{
	const char *digits = startswith(name, "snap");

	return digits ? parse_u32(digits, ret) : -EINVAL;
}

static int by_number(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;
	uint32_t m = UINT32_MAX, n = UINT32_MAX;

	(void)number_of(x->name, &m);
	(void)number_of(y->name, &n);
	return m != n ? (m < n ? -1 : 1) : strcmp(x->name, y->name);
}

/* Copies that are not finished are none. */
static bool is_snap(const char *dir)
{
	_cleanup_free_ char *config = path_join(dir, "config");

	return config && file_exists(AT_FDCWD, config) && !copy_is_partial(dir);
}

static int fill(struct snapshot *s, const char *lxcpath, const char *name, struct err *e)
{
	_cleanup_free_ char *dir = path_join(lxcpath, name), *ts = NULL;
	char when[64] = "";

	if (!dir)
		return err_oom(e);
	ts = path_join(dir, "ts");
	if (ts && file_read_small(AT_FDCWD, ts, when, sizeof(when)) < 0)
		*when = '\0';
	*s = (struct snapshot){
		.name = strdup(name),
		.comment_path = path_join(dir, "comment"),
		.timestamp = strdup(when),
		.lxcpath = strdup(lxcpath),
	};
	return s->name && s->comment_path && s->timestamp && s->lxcpath ? 0 : err_oom(e);
}

static int add_dir(const char *path, struct snapshot **l, size_t *n, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *de;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", path);
	while (r == 0 && (de = readdir(d))) {
		_cleanup_free_ char *dir = path_join(path, de->d_name);
		struct snapshot *more;

		if (!dir) {
			r = err_oom(e);
			break;
		}
		if (de->d_name[0] == '.' || !is_snap(dir))
			continue;
		more = realloc(*l, (*n + 1) * sizeof(**l));
		if (!more) {
			r = err_oom(e);
			break;
		}
		*l = more;
		r = fill(&more[(*n)++], path, de->d_name, e);
	}
	closedir(d);
	return r;
}

int container_snapshots(struct container *c, struct snapshot **ret, size_t *ret_n, struct err *e)
{
	_cleanup_strv_ struct strv dirs = STRV_INIT;
	struct snapshot *l = NULL;
	size_t n = 0;
	int r = snapshot_dirs(c, &dirs, e);

	for (size_t i = 0; i < dirs.n && r == 0; i++)
		r = add_dir(dirs.v[i], &l, &n, e);
	if (r < 0) {
		snapshots_free(l, n);
		return r;
	}
	if (n)
		qsort(l, n, sizeof(*l), by_number);
	*ret = l;
	*ret_n = n;
	return 0;
}

/* --- taking one ------------------------------------------------------------------------------------------------------------ */

struct taking {
	const char *comment_file;
};

static int copy_comment(const char *from, const char *dir, struct err *e)
{
	_cleanup_free_ char *text = NULL, *to = path_join(dir, "comment");
	size_t len;
	int r;

	if (!to)
		return err_oom(e);
	r = file_read(AT_FDCWD, from, COMMENT_MAX, &text, &len, e);
	return r < 0 ? err_wrap(e, r, "comment") : file_replace(AT_FDCWD, to, text, len, 0644, false, e);
}

static int finish(struct container *to, void *arg, struct err *e)
{
	const struct taking *t = arg;
	_cleanup_free_ char *path = path_join(to->dir, "ts");
	time_t now = time(NULL);
	char when[64];
	struct tm tm;
	int r;

	if (!path || !localtime_r(&now, &tm) || !strftime(when, sizeof(when), "%Y:%m:%d %H:%M:%S", &tm))
		return err_oom(e);
	r = file_replace(AT_FDCWD, path, when, strlen(when), 0644, false, e);
	return r == 0 && t->comment_file ? copy_comment(t->comment_file, to->dir, e) : r;
}

/* The first number that is free. What is left of a snapshot that was killed is free, too. */
static int open_next(struct container *c, const char *lxcpath, unsigned *ret_n, struct container **ret, struct err *e)
{
	for (unsigned n = 0; n < NUMBERS; n++) {
		_cleanup_free_ char *dir = NULL;
		char name[32];

		snprintf(name, sizeof(name), "snap%u", n);
		dir = path_join(lxcpath, name);
		if (!dir)
			return err_oom(e);
		if (file_exists(AT_FDCWD, dir) && !copy_is_partial(dir))
			continue;
		*ret_n = n;
		return container_open_in(c->engine, lxcpath, name, OPEN_NO_CONFIG, ret, e);
	}
	return err_kind(e, ERR_LIMIT, -EMFILE, "%s has too many snapshots", c->name);
}

int container_snapshot(struct container *c, const char *comment_file, unsigned *ret_n, struct err *e)
{
	const struct copy_opts o = {
		.flags = COPY_SNAPSHOT | COPY_MAYBE_SNAPSHOT | COPY_KEEP_NAME | COPY_KEEP_MAC | COPY_KEEP_BDEV,
	};
	_cleanup_(container_freep) struct container *to = NULL;
	_cleanup_(copy_job_done) struct copy_job j = COPY_JOB_INIT;
	struct taking t = { comment_file };
	_cleanup_strv_ struct strv dirs = STRV_INIT;
	_cleanup_close_ int lock = -EBADF;
	unsigned n = 0;
	int r = copy_check_source(c, &o, e);

	if (r == 0 && comment_file && access(comment_file, R_OK) < 0)
		r = err_set(e, -errno, "comment %s", comment_file);
	if (r == 0)
		r = snapshot_dirs(c, &dirs, e);
	if (r < 0)
		return r;
	if (engine_dry(c->engine, "take a snapshot of %s in %s", c->dir, dirs.v[0]))
		return 0;
	lock = record_lock(c->id, true, e);
	if (lock < 0)
		return lock;
	/* The folder is there before it is opened: an id is made of its real path. */
	r = dir_make_all(dirs.v[0], 0755, e);
	if (r == 0)
		r = open_next(c, dirs.v[0], &n, &to, e);
	if (r < 0)
		return r;
	j.from = c;
	j.to = to;
	j.o = &o;
	j.within = true;
	j.extra = finish;
	j.arg = &t;
	r = copy_locked(&j, e);
	if (r < 0)
		(void)rmdir(dirs.v[0]); /* unless there are others */
	else if (ret_n)
		*ret_n = n;
	return r;
}

/* --- restoring one --------------------------------------------------------------------------------------------------------- */

/* Which flags a container out of a snapshot is made with: it shares where that has no cost later on. */
static unsigned restore_flags(const struct container *snap)
{
	struct store_ref ref = { 0 };
	unsigned flags = 0;

	if (snap->spec.rootfs.path && store_parse(snap->spec.rootfs.path, &ref, NULL) == 0 && ref.driver->snapshot)
		flags = COPY_SNAPSHOT | COPY_MAYBE_SNAPSHOT | COPY_KEEP_BDEV;
	store_ref_done(&ref);
	return flags;
}

static int restore_new(struct container *c, struct container *snap, const char *name, struct err *e)
{
	struct copy_opts o = { .name = name, .lxcpath = c->lxcpath, .flags = restore_flags(snap) };

	return container_copy(snap, &o, NULL, e);
}

static int note_made(struct copy_job *j, struct err *e)
{
	return swap_made(j->to->dir, j->rootfs, e);
}

/* The old root, if it does not go with the folder's entries. */
static const char *old_root(const struct container *c)
{
	const char *path = c->spec.rootfs.path, *dir;
	struct store_ref ref = { 0 };
	bool elsewhere;
	size_t n = strlen(c->dir);

	if (!path || c->spec.rootfs.managed == TRI_NO || store_parse(path, &ref, NULL) < 0)
		return NULL;
	dir = ref.driver->host_dir(&ref);
	elsewhere = ref.driver->rename || (dir && (strncmp(dir, c->dir, n) != 0 || dir[n] != '/'));
	store_ref_done(&ref);
	return elsewhere ? path : NULL;
}

static int check_restorable(struct container *c, struct err *e)
{
	unsigned clones;
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (c->rec.state != RUN_STOPPED)
		return err_kind(e, ERR_STATE, -EBUSY, "%s is running", c->name);
	r = depends_clones(c->dir, &clones, e);
	if (r < 0)
		return r;
	if (clones)
		return err_kind(e, ERR_STATE, -EBUSY, "%s has clones, which rest on its files as they are now",
				c->name);
	if (c->spec.rootfs.managed == TRI_NO)
		return err_kind(e, ERR_STATE, -EPERM, "the root file system of %s is not managed (lxc.rootfs.managed)",
				c->name);
	return 0;
}

static int restore_steps(struct copy_job *j, const char *old, struct err *e)
{
	char name[300], word[9];
	uint32_t random;
	int r;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return err_set(e, -errno, "random bytes");
	snprintf(word, sizeof(word), "%08x", random);
	/* Where it lies elsewhere the two are there side by side for a while. */
	snprintf(name, sizeof(name), "%s-%s", j->to->name, word);
	r = copy_load(j, e);
	if (r == 0)
		r = copy_root(j, name, note_made, e);
	if (r == 0)
		r = copy_config(j, e);
	if (r == 0)
		r = copy_hooks(j, e);
	if (r == 0 && j->shared && store_rests(&j->dst)) {
		/* It rests on what the snapshot does: of layers, on those below. */
		r = depends_write(j->from, j->to, false, e);
		if (r == 0)
			r = depends_tell(j->to->dir, j->to->lxcpath, j->to->name, true, e);
	}
	return r == 0 ? swap_commit(j->to->dir, j->to->dir, old, e) : r;
}

static bool snap_needs_origin(const struct container *snap)
{
	struct store_ref ref = { 0 };
	bool needs = snap->spec.rootfs.path && store_parse(snap->spec.rootfs.path, &ref, NULL) == 0 &&
		     ref.driver->rests && ref.driver->rests(&ref);

	store_ref_done(&ref);
	return needs;
}

/* All of it is made beside what there is, and then takes its place at once. */
static int restore_same(struct container *c, struct container *snap, struct err *e)
{
	const struct copy_opts o = { .flags = restore_flags(snap) | COPY_KEEP_NAME | COPY_KEEP_MAC };
	_cleanup_(copy_job_done) struct copy_job j = COPY_JOB_INIT;
	_cleanup_close_ int lock = -EBADF;
	_cleanup_free_ char *fresh = NULL, *old = NULL;
	int r;

	lock = record_lock(c->id, true, e);
	if (lock < 0)
		return lock;
	r = check_restorable(c, e);
	if (r < 0)
		return r;
	{
		_cleanup_close_ int dirfd = record_open_dir(c->id, false, NULL);

		/* A start that was killed: its journal is of the old root. */
		if (dirfd >= 0 && file_exists(dirfd, "journal"))
			r = container_recover(c, dirfd, e);
	}
	if (r == 0 && old_root(c)) {
		old = strdup(old_root(c));
		r = old ? 0 : err_oom(e);
	}
	/* Whose old root must not go: the new one would go with it. */
	if (r == 0 && snap_needs_origin(snap))
		r = err_kind(e, ERR_STATE, -EOPNOTSUPP,
			     "%s needs the volume that it would replace: restore it as another container", snap->name);
	if (r == 0)
		r = copy_settle(c->dir, e);
	if (r == 0)
		r = swap_begin(c->dir, &fresh, e);
	if (r < 0)
		return r;
	j.from = snap;
	j.to = c;
	j.o = &o;
	j.put_dir = fresh;
	store_defaults(c->engine, &j.store);
	r = restore_steps(&j, old, e);
	if (r < 0) {
		(void)copy_settle(c->dir, NULL);
		return r;
	}
	return copy_settle(c->dir, e);
}

int container_snapshot_restore(struct container *c, const char *snap, const char *new_name, struct err *e)
{
	_cleanup_(container_freep) struct container *from = NULL;
	bool same = !new_name || streq(new_name, c->name);
	int r = open_snap(c, snap, &from, e);

	if (r < 0)
		return r;
	if (engine_dry(c->engine, "restore %s as %s", from->dir, same ? c->name : new_name))
		return 0;
	return same ? restore_same(c, from, e) : restore_new(c, from, new_name, e);
}

/* --- the end ---------------------------------------------------------------------------------------------------------------- */

static int destroy_one(struct container *c, const char *snap, struct err *e)
{
	_cleanup_(container_freep) struct container *s = NULL;
	_cleanup_free_ char *dir = NULL;
	unsigned clones;
	int r = open_snap(c, snap, &s, e);

	if (r < 0)
		return r;
	r = depends_clones(s->dir, &clones, e);
	if (r < 0)
		return r;
	if (clones)
		return err_kind(e, ERR_STATE, -EBUSY, "container %s has snapshots on its rootfs", snap);
	dir = strdup(s->lxcpath);
	r = container_destroy(s, false, e);
	if (r == 0 && dir && !c->engine->dry_run)
		(void)rmdir(dir); /* the last one's */
	return r;
}

int container_snapshot_destroy(struct container *c, const char *snap, struct err *e)
{
	struct snapshot *l = NULL;
	size_t n = 0;
	int r;

	if (snap)
		return destroy_one(c, snap, e);
	r = container_snapshots(c, &l, &n, e);
	if (r == 0 && !n)
		r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "%s has no snapshots", c->name);
	/* The last ones rest on earlier ones, if any does. */
	for (size_t i = n; i-- > 0 && r == 0;)
		r = destroy_one(c, l[i].name, e);
	snapshots_free(l, n);
	return r;
}

int container_destroy_with_snapshots(struct container *c, bool force, struct err *e)
{
	unsigned clones;
	int r = depends_clones(c->dir, &clones, e);

	if (r < 0)
		return r;
	if (clones)
		return err_kind(e, ERR_STATE, -EBUSY, "Destroying %s failed: %s has clones", c->name, c->name);
	r = container_refresh(c, e);
	if (r == 0 && c->rec.state != RUN_STOPPED && !force) {
		err_kind(e, ERR_STATE, -EBUSY, "%s is running", c->name);
		return err_hint(e, -EBUSY, "stop it first, or use -f");
	}
	if (r == 0 && depends_snapshots(c))
		r = container_snapshot_destroy(c, NULL, e);
	return r == 0 ? container_destroy(c, force, e) : r;
}
