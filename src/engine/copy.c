/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/copy.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/copy-inner.h"
#include "engine/owner.h"
#include "runtime/hook.h"
#include "runtime/journal.h"
#include "store/swap.h"
#include "sys/idmap.h"
#include "sys/inroot.h"

#define HOSTNAME_MAX 4096

void copy_job_done(struct copy_job *j)
{
	lxc_config_free(j->conf);
	store_ref_done(&j->src);
	store_ref_done(&j->dst);
	free(j->rootfs);
	fd_close(j->dirfd);
	fd_close(j->journal);
}

int copy_take_spec(struct spec *s, struct lxc_config *conf, struct err *e)
{
	spec_done(s);
	spec_init(s);
	return spec_copy(s, lxc_config_spec(conf), e);
}

/* --- whose files they are ------------------------------------------------------------------------------------------------ */

int copy_as_owner(const struct container *c, int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	_cleanup_(owner_maps_done) struct owner_maps m = { 0 };
	int r;

	if (geteuid() == 0 || !c->spec.idmaps.n)
		return fn(arg, e);
	r = owner_maps(c, &m, e);
	return r < 0 ? r : idmap_call(m.maps, m.n, fn, arg, e);
}

/* --- copies that were never finished ----------------------------------------------------------------------------------- */

bool copy_is_partial(const char *dir)
{
	_cleanup_free_ char *path = path_join(dir, "partial");

	return path && file_exists(AT_FDCWD, path);
}

int copy_mark(const char *dir, const struct spec *owner, const char *root, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, "partial");
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r;

	if (!path)
		return err_oom(e);
	buf_printf(&b, "%s\n", root ?: "-");
	r = lxc_key_get(owner, "lxc.idmap", &b, e);
	if (r == 0)
		r = buf_error(&b, e);
	/* What lies elsewhere must be known after a power failure, too; a folder without a config is no container anyway. */
	return r < 0 ? r : file_replace(AT_FDCWD, path, buf_str(&b), b.len, 0600, root != NULL, e);
}

/* A program of LXC's holds a lock on its mark while it is at work, which we do, too. */
static int open_mark(const char *dir)
{
	_cleanup_free_ char *path = path_join(dir, "partial");
	int fd;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	/* LXC makes it without any rights. */
	if (fd < 0 && errno == EACCES && chmod(path, 0600) == 0)
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

bool copy_is_claimed(const char *dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = open_mark(dir);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int copy_claim(const char *dir, int *ret_fd, struct err *e)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = open_mark(dir);

	if (fd < 0)
		return err_set(e, fd, "open %s/partial", dir);
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0)
		return err_set(e, -errno, "lock %s/partial", dir);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

struct remains {
	char *dir, *root;
	struct container owner; /* nothing but id maps */
};

static void remains_done(struct remains *m)
{
	free(m->dir);
	free(m->root);
	spec_done(&m->owner.spec);
}

static int read_partial(const char *dir, struct remains *m, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, "partial"), *text = NULL;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	int r;

	spec_init(&m->owner.spec);
	m->dir = strdup(dir);
	if (!path || !m->dir)
		return err_oom(e);
	r = file_read(AT_FDCWD, path, 65536, &text, NULL, e);
	if (r == 0)
		r = strv_split(&lines, text, "\n", e);
	/* LXC's own mark is empty. */
	if (r == 0 && lines.n && !streq(lines.v[0], "-")) {
		m->root = strdup(lines.v[0]);
		r = m->root ? 0 : err_oom(e);
	}
	for (size_t i = 1; i < lines.n && r == 0; i++)
		r = lxc_key_set(&m->owner.spec, "lxc.idmap", lines.v[i], e);
	return r;
}

static int remove_remains(void *arg, struct err *e)
{
	const struct remains *m = arg;
	struct store_ref ref = { 0 };
	int r = m->root ? store_parse(m->root, &ref, e) : 0;

	if (r == 0 && m->root)
		r = ref.driver->destroy(&ref, e);
	store_ref_done(&ref);
	if (r < 0)
		return err_wrap(e, r, "remove the rest of what was never finished");
	return store_remove_tree(m->dir, e);
}

int copy_drop_partial(const char *dir, struct err *e)
{
	_cleanup_(remains_done) struct remains m = { 0 };
	int r;

	if (copy_is_claimed(dir))
		return err_kind(e, ERR_STATE, -EBUSY, "%s is being made by another program", dir);
	r = read_partial(dir, &m, e);
	return r < 0 ? r : copy_as_owner(&m.owner, remove_remains, &m, e);
}

static int settle(void *arg, struct err *e)
{
	return swap_settle(arg, e);
}

int copy_settle(const char *dir, struct err *e)
{
	_cleanup_(remains_done) struct remains m = { 0 };
	_cleanup_(lxc_config_freep) struct lxc_config *conf = NULL;
	_cleanup_free_ char *config = path_join(dir, "config");
	int r = 0;

	if (geteuid() == 0)
		return swap_settle(dir, e);
	spec_init(&m.owner.spec);
	m.dir = strdup(dir);
	if (!config || !m.dir)
		return err_oom(e);
	/* Whose files they are is not what a restore changes. */
	if (lxc_config_load(config, &conf, NULL) == 0)
		r = spec_copy(&m.owner.spec, lxc_config_spec(conf), e);
	return r < 0 ? r : copy_as_owner(&m.owner, settle, m.dir, e);
}

/* --- the root file system ---------------------------------------------------------------------------------------------- */

/* The kind that the new root is to be of, and whether it shares. */
static int pick_driver(struct copy_job *j, const struct store_driver **ret, struct err *e)
{
	const struct store_driver *own = j->src.driver;
	const char *want = j->o->bdev;
	unsigned flags = j->o->flags;
	int r = 0;

	*ret = own;
	/* A plain directory is shared by way of an overlay; a copy of layers is a directory again. */
	if (!want && (flags & COPY_SNAPSHOT) && !own->snapshot && !(flags & COPY_KEEP_BDEV))
		want = "overlay";
	else if (!want && !(flags & COPY_SNAPSHOT) && (own->flags & STORE_OVER_DIRS))
		want = "dir";
	if (want)
		r = store_find(want, j->to->lxcpath, &j->store, ret, e);
	if (r < 0)
		return r;
	j->shared = (flags & COPY_SNAPSHOT) && store_shares(*ret, &j->src);
	if ((flags & COPY_SNAPSHOT) && !j->shared && !(flags & COPY_MAYBE_SNAPSHOT))
		return err_kind(e, ERR_INVALID, -EOPNOTSUPP, "a snapshot of %s storage as %s is not supported",
				own->name, (*ret)->name);
	return 0;
}

/* Called as whom the files belong to. */
static int make_root(void *arg, struct err *e)
{
	struct copy_job *j = arg;

	/* What has to be mounted to be read is mounted in a name space of that user name space's own. */
	if (j->apart && !j->src.driver->host_dir(&j->src) && unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "create a mount name space");
	return j->shared ? j->dst.driver->snapshot(&j->src, &j->dst, &j->store, e)
			 : store_copy(&j->src, j->from->spec.rootfs.options, &j->dst, &j->store, e);
}

/* Where LXC puts one, whatever the kind: hooks and tools look for it. */
static int make_mount_dir(const char *dir, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, "rootfs");

	if (!path)
		return err_oom(e);
	return mkdir(path, 0755) < 0 && errno != EEXIST ? err_set(e, -errno, "create %s", path) : 0;
}

/* --- the host name in it ------------------------------------------------------------------------------------------------ */

struct hostname_job {
	const struct store_ref *root;
	const char *name;
	bool apart; /* in a process that is there for this alone */
};

/* An fd to write it through, or -ENOENT when it is no plain file. */
static int open_hostname(const struct hostname_job *h, struct err *e)
{
	const struct store_driver *d = h->root->driver;
	const char *dir = d->host_dir(h->root);
	_cleanup_close_ int root = -EBADF, fd = -EBADF;
	struct stat st;

	fd = d->renew_file ? d->renew_file(h->root, "etc", "hostname") : -EOPNOTSUPP;
	if (fd >= 0)
		return TAKE_FD(fd);
	/* In a user name space of its own that process may mount in a mount name space of its own only. */
	if (h->apart && !dir && unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "create a mount name space");
	root = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : d->open_tree(h->root, NULL, e);
	if (root < 0)
		return dir ? err_set(e, -errno, "open %s", dir) : root;
	/* The tree is the container's: nothing in it leads out of it, and nothing but a file is written to. */
	fd = inroot_open(root, "etc/hostname", O_WRONLY, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
		return -ENOENT;
	return TAKE_FD(fd);
}

static int write_hostname(void *arg, struct err *e)
{
	const struct hostname_job *h = arg;
	_cleanup_close_ int fd = open_hostname(h, e);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (ftruncate(fd, 0) < 0 || fd_write_all(fd, h->name, strlen(h->name)) < 0 || fd_write_all(fd, "\n", 1) < 0)
		return err_set(e, -errno, "write the host name %s into etc/hostname", h->name);
	return 0;
}

int copy_hostname(const struct container *owner, const struct store_ref *root, const char *name, struct err *e)
{
	struct hostname_job h = { root, name, geteuid() != 0 && owner->spec.idmaps.n };

	return copy_as_owner(owner, write_hostname, &h, e);
}

/* --- clone hooks ---------------------------------------------------------------------------------------------------------- */

static int run_hooks(struct copy_job *j, const char *mount, struct err *e)
{
	_cleanup_free_ char *config = path_join(j->put_dir, "config");
	struct hook_ctx h = {
		.spec = &j->to->spec,
		.name = j->to->name,
		.config = config,
		.rootfs_mount = mount,
		.src_name = j->from->name,
		.args = j->o->hook_args,
	};

	if (!config)
		return err_oom(e);
	return hooks_run(&h, HOOK_CLONE, false, j->from->engine->log, e);
}

static int hooks_mounted(void *arg, struct err *e)
{
	struct copy_job *j = arg;
	_cleanup_free_ char *where = path_join(j->put_dir, "rootfs");

	return where ? run_hooks(j, where, e) : err_oom(e);
}

/* In the process of an ordinary user's container root. */
static int hooks_here(void *arg, struct err *e)
{
	struct copy_job *j = arg;
	_cleanup_free_ char *where = path_join(j->put_dir, "rootfs");
	int r = where ? root_mount_here(&j->dst, where, e) : err_oom(e);

	return r < 0 ? r : hooks_mounted(j, e);
}

/* A root that is no directory is mounted for the hooks, where nobody else sees it. */
int copy_hooks(struct copy_job *j, struct err *e)
{
	const char *dir = j->dst.driver ? j->dst.driver->host_dir(&j->dst) : j->put_dir;
	_cleanup_free_ char *where = path_join(j->put_dir, "rootfs");

	if (!j->to->spec.hooks[HOOK_CLONE].n)
		return 0;
	if (!where)
		return err_oom(e);
	if (dir)
		return run_hooks(j, dir, e);
	return geteuid() != 0 ? copy_as_owner(j->from, hooks_here, j, e)
			      : with_root_mounted(&j->dst, where, hooks_mounted, j, e);
}

/* --- the copy itself ------------------------------------------------------------------------------------------------------ */

/* Reads the text that the new one begins with, and what the source is by it: of one that runs, too. */
int copy_load(struct copy_job *j, struct err *e)
{
	int r = lxc_config_load(j->from->config, &j->conf, e);

	if (r == 0)
		r = copy_take_spec(&j->from->spec, j->conf, e);
	if (r == 0 && j->from->spec.rootfs.path)
		r = store_parse(j->from->spec.rootfs.path, &j->src, e);
	return r;
}

/* The folder, marked as unfinished and noted in the journal. */
static int job_begin(struct copy_job *j, struct err *e)
{
	struct container *to = j->to;
	struct stat st;
	int r;

	r = dir_make_all(to->lxcpath, 0755, e);
	if (r == 0)
		r = journal_add(j->journal, "tree", to->dir, e);
	if (r < 0)
		return r;
	if (mkdir(to->dir, 0770) < 0)
		return err_set(e, -errno, "create %s", to->dir);
	/* The root of an ordinary user's container is none of the owners: it gets through as it does at the source's. */
	if (geteuid() != 0 && stat(j->from->dir, &st) == 0 && chmod(to->dir, (st.st_mode & 0777) | 0700) < 0)
		return err_set(e, -errno, "set the mode of %s", to->dir);
	return copy_mark(to->dir, &j->from->spec, NULL, e);
}

int copy_root(struct copy_job *j, const char *name, int (*elsewhere)(struct copy_job *j, struct err *e), struct err *e)
{
	struct store_owner w = { .name = name, .dir = j->put_dir, .o = &j->store };
	const struct store_driver *d;
	_cleanup_free_ char *path = NULL;
	const struct store_ref *from;
	int r;

	if (!j->src.driver)
		return 0;
	r = pick_driver(j, &d, e);
	if (r < 0)
		return r;
	/* Beside it, too, where nobody has named another place. */
	from = j->shared || (d == j->src.driver && d->rename && !j->o->bdevdata) ? &j->src : NULL;
	r = d->place(&w, from, &path, e);
	if (r == 0)
		r = store_parse(path, &j->dst, e);
	w.dir = j->to->dir;
	if (r == 0)
		r = d->place(&w, from, &j->rootfs, e);
	if (r == 0 && d->rename) {
		r = store_check_free(&j->dst, e);
		if (r == 0)
			r = elsewhere(j, e);
	}
	j->apart = geteuid() != 0 && j->from->spec.idmaps.n;
	if (r == 0)
		r = copy_as_owner(j->from, make_root, j, e);
	return r;
}

/* A root that is not below the folder is noted where it will be found if we are killed. */
static int note_root(struct copy_job *j, struct err *e)
{
	int r = copy_mark(j->to->dir, &j->from->spec, j->rootfs, e);

	return r == 0 ? journal_add(j->journal, "store", j->rootfs, e) : r;
}

int copy_config(struct copy_job *j, struct err *e)
{
	struct copy_text t = {
		.from_dir = j->from->dir,
		.to_dir = j->to->dir,
		.put_dir = j->put_dir,
		.name = j->o->flags & COPY_KEEP_NAME ? NULL : j->to->name,
		.rootfs = j->rootfs,
		.new_macs = !(j->o->flags & COPY_KEEP_MAC),
	};
	_cleanup_free_ char *path = path_join(j->put_dir, "config");
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = path ? copy_text(j->conf, &t, e) : err_oom(e);

	for (const char *const *s = j->o->sets; s && *s && r == 0; s++) {
		_cleanup_free_ char *key = strndup(*s, strcspn(*s, "="));

		r = key ? lxc_config_set(j->conf, key, *s + strlen(key) + 1, e) : err_oom(e);
	}
	if (r == 0)
		r = lxc_config_text(j->conf, &text, e);
	if (r == 0)
		r = file_replace(AT_FDCWD, path, buf_str(&text), text.len, 0640, true, e);
	return r == 0 ? copy_take_spec(&j->to->spec, j->conf, e) : r;
}

static int job_steps(struct copy_job *j, struct err *e)
{
	_cleanup_free_ char *root = NULL;
	bool rests;
	int r;

	/* Where roots lie side by side, every container's first snapshot may not be "snap0". */
	if (asprintf(&root, "%s%s%s", j->within ? j->from->name : "", j->within ? "_" : "", j->to->name) < 0) {
		root = NULL;
		return err_oom(e);
	}
	r = copy_load(j, e);
	if (r == 0)
		r = job_begin(j, e);
	if (r == 0)
		r = copy_root(j, root, note_root, e);
	if (r == 0)
		r = make_mount_dir(j->put_dir, e);
	if (r == 0)
		r = copy_config(j, e);
	if (r == 0 && j->dst.driver)
		r = j->o->flags & COPY_KEEP_NAME ? 0 : copy_hostname(j->from, &j->dst, j->to->name, e);
	if (r == 0)
		r = copy_hooks(j, e);
	if (r == 0 && j->extra)
		r = j->extra(j->to, j->arg, e);
	/* Its folder is as one that was made: its root's, too. */
	if (r == 0 && geteuid() != 0 && !j->within && streq(j->put_dir, j->to->dir))
		r = owner_give(j->to, NULL, e);
	rests = j->shared && store_rests(&j->dst);
	if (r == 0 && rests)
		r = depends_write(j->from, j->to, !j->within, e);
	return r == 0 && rests ? depends_tell(j->to->dir, j->to->lxcpath, j->to->name, true, e) : r;
}

/* All that was made goes. */
static int undo_all(void *arg, struct err *e)
{
	struct copy_job *j = arg;
	struct undo_ctx u = { .dirfd = j->dirfd, .id = j->to->id, .log = j->from->engine->log };

	return journal_undo(&u, e);
}

static int finish(struct copy_job *j, int r, struct err *e)
{
	_cleanup_free_ char *partial = path_join(j->to->dir, "partial");

	if (r < 0) {
		(void)depends_tell(j->to->dir, j->to->lxcpath, j->to->name, false, NULL);
		if (copy_as_owner(j->from, undo_all, j, NULL) < 0 && undo_all(j, NULL) < 0)
			return err_hint(e, r, "not everything could be removed: creel doctor");
	}
	unlinkat(j->dirfd, "journal", 0);
	(void)container_forget(j->to, NULL);
	/* Now it is a container. */
	if (r == 0 && partial && unlink(partial) < 0)
		return err_set(e, -errno, "remove %s", partial);
	j->to->defined = r == 0;
	return r;
}

int copy_check_source(struct container *c, const struct copy_opts *o, struct err *e)
{
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (!c->defined)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "Container is not defined");
	if (c->rec.state == RUN_STOPPED || (o->flags & COPY_ALLOW_RUNNING))
		return 0;
	err_kind(e, ERR_STATE, -EBUSY, "Original container (%s) is running", c->name);
	return err_hint(e, -EBUSY, "use --allowrunning to take a snapshot of it as it is at some moment of its work");
}

/* Nothing may be where the copy is to go, but for what is left of another that was killed. */
static int check_target(struct container *to, int dirfd, struct err *e)
{
	int r = 0;

	if (to->rec.state != RUN_STOPPED)
		return err_kind(e, ERR_STATE, -EBUSY, "a container named %s is running", to->name);
	if (file_exists(dirfd, "journal"))
		(void)container_recover(to, dirfd, NULL);
	if (copy_is_partial(to->dir))
		r = copy_drop_partial(to->dir, e);
	if (r < 0)
		return r;
	if (file_exists(AT_FDCWD, to->config))
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s exists", to->config);
	if (file_exists(AT_FDCWD, to->dir))
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s exists already and is not a container", to->dir);
	return 0;
}

static int run_job(struct copy_job *j, struct err *e)
{
	_cleanup_close_ int lock = record_lock(j->to->id, false, e);
	int r;

	if (lock < 0)
		return lock == -EWOULDBLOCK ? err_kind(e, ERR_STATE, -EBUSY, "%s is being worked on", j->to->name)
					    : lock;
	j->dirfd = record_open_dir(j->to->id, true, e);
	if (j->dirfd < 0)
		return j->dirfd;
	r = container_refresh(j->to, e);
	if (r == 0)
		r = check_target(j->to, j->dirfd, e);
	if (r == 0) {
		j->journal = journal_open(j->dirfd, e);
		r = j->journal < 0 ? j->journal : finish(j, job_steps(j, e), e);
	}
	return r;
}

int copy_locked(struct copy_job *j, struct err *e)
{
	int r = copy_check_source(j->from, j->o, e);

	store_defaults(j->from->engine, &j->store);
	j->store.size = j->o->size;
	j->store.vg = j->o->bdevdata ?: j->store.vg;
	j->store.zfsroot = j->o->bdevdata ?: j->store.zfsroot;
	j->put_dir = j->to->dir;
	return r == 0 ? run_job(j, e) : r;
}

int container_copy(struct container *c, const struct copy_opts *o, struct container **ret, struct err *e)
{
	_cleanup_(container_freep) struct container *to = NULL;
	_cleanup_(copy_job_done) struct copy_job j = COPY_JOB_INIT;
	_cleanup_close_ int lock = -EBADF;
	int r = copy_check_source(c, o, e);

	if (r == 0)
		r = container_open_in(c->engine, o->lxcpath ?: c->lxcpath, o->name, OPEN_NO_CONFIG, &to, e);
	if (r < 0)
		return r;
	j.from = c;
	j.to = to;
	j.o = o;
	if (engine_dry(c->engine, "copy %s to %s%s", c->dir, to->dir, o->flags & COPY_SNAPSHOT ? " (shared)" : ""))
		return 0;
	lock = record_lock(c->id, true, e);
	if (lock < 0)
		return lock;
	r = copy_locked(&j, e);
	if (r == 0 && ret)
		*ret = TAKE_PTR(to);
	return r;
}
