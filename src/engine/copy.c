/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/copy.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/copy-inner.h"
#include "runtime/hook.h"
#include "runtime/journal.h"
#include "store/swap.h"
#include "sys/idmap.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

#define HOSTNAME_MAX 4096

/* One copy under way. */
struct copy_job {
	struct container *from, *to;
	const struct copy_opts *o;
	struct lxc_config *conf;
	struct store_opts store;
	struct store_ref src, dst;
	char *rootfs; /* "TYPE:PATH" of the new one */
	bool shared;  /* it is a snapshot */
	int dirfd, journal;
};

static void job_done(struct copy_job *j)
{
	lxc_config_free(j->conf);
	store_ref_done(&j->src);
	store_ref_done(&j->dst);
	free(j->rootfs);
	fd_close(j->dirfd);
	fd_close(j->journal);
}

static int take_spec(struct spec *s, struct lxc_config *conf, struct err *e)
{
	spec_done(s);
	spec_init(s);
	return spec_copy(s, lxc_config_spec(conf), e);
}

/* --- copies that were never finished ----------------------------------------------------------------------------------- */

bool copy_is_partial(const char *dir)
{
	_cleanup_free_ char *path = path_join(dir, "partial");

	return path && file_exists(AT_FDCWD, path);
}

/* The file says what lies elsewhere, if anything does. */
int copy_drop_partial(const char *dir, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, "partial"), *text = NULL;
	struct store_ref ref = { 0 };
	int r;

	if (!path)
		return err_oom(e);
	if (file_read(AT_FDCWD, path, 4096, &text, NULL, NULL) == 0 && *text) {
		text[strcspn(text, "\n")] = '\0';
		r = store_parse(text, &ref, e);
		if (r == 0)
			r = ref.driver->destroy(&ref, e);
		store_ref_done(&ref);
		if (r < 0)
			return err_wrap(e, r, "remove the rest of an unfinished copy");
	}
	return store_remove_tree(dir, e);
}

/* --- whose files they are ------------------------------------------------------------------------------------------------ */

int copy_as_owner(const struct container *c, int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	_cleanup_free_ struct idmap *maps = NULL;
	uint32_t free_id = 0;
	size_t n = 0;

	if (geteuid() == 0 || !c->spec.idmaps.n)
		return fn(arg, e);
	maps = calloc(c->spec.idmaps.n + 2, sizeof(*maps));
	if (!maps)
		return err_oom(e);
	LIST_EACH(m, &c->spec.idmaps, struct spec_idmap) {
		maps[n++] = (struct idmap){ m->type, m->nsid, m->hostid, m->range };
		if (m->nsid + m->range > free_id)
			free_id = m->nsid + m->range;
	}
	maps[n++] = (struct idmap){ 'u', free_id, geteuid(), 1 };
	maps[n++] = (struct idmap){ 'g', free_id, getegid(), 1 };
	return idmap_call(maps, n, fn, arg, e);
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

/* Where the new root goes. DIR: the folder that it is built in. */
static int place_root(struct copy_job *j, const struct store_driver *d, const char *dir, char **ret, struct err *e)
{
	struct store_owner w = { .name = j->to->name, .dir = dir, .o = &j->store };

	return d->place(&w, j->shared ? &j->src : NULL, ret, e);
}

/* Called as whom the files belong to. */
static int make_root(void *arg, struct err *e)
{
	struct copy_job *j = arg;

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
	const char *options, *name;
	bool apart; /* in a process that is there for this alone */
};

static int write_hostname(void *arg, struct err *e)
{
	const struct hostname_job *h = arg;
	const char *dir = h->root->driver->host_dir(h->root);
	_cleanup_close_ int root = -EBADF, fd = -EBADF;
	struct stat st;

	/* In a user name space of its own that process may mount in a mount name space of its own only. */
	if (h->apart && !dir && unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "create a mount name space");
	root = dir ? open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : h->root->driver->open_tree(h->root, h->options, e);
	if (root < 0)
		return dir ? err_set(e, -errno, "open %s", dir) : root;
	/* The tree is the container's: nothing in it leads out of it, and nothing but a file is written to. */
	fd = inroot_open(root, "etc/hostname", O_WRONLY, 0);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
		return 0;
	if (ftruncate(fd, 0) < 0 || fd_write_all(fd, h->name, strlen(h->name)) < 0 || fd_write_all(fd, "\n", 1) < 0)
		return err_set(e, -errno, "write the host name %s into etc/hostname", h->name);
	return 0;
}

int copy_hostname(const struct store_ref *root, const char *options, const char *name, struct err *e)
{
	struct hostname_job h = { root, options, name, false };

	return write_hostname(&h, e);
}

static int job_hostname(struct copy_job *j, struct err *e)
{
	struct hostname_job h = { &j->dst, NULL, j->to->name, geteuid() != 0 };

	return j->o->flags & COPY_KEEP_NAME ? 0 : copy_as_owner(j->from, write_hostname, &h, e);
}

/* --- clone hooks ---------------------------------------------------------------------------------------------------------- */

static int run_hooks(struct copy_job *j, const char *mount, struct err *e)
{
	struct hook_ctx h = {
		.spec = &j->to->spec,
		.name = j->to->name,
		.config = j->to->config,
		.rootfs_mount = mount,
		.src_name = j->from->name,
		.args = j->o->hook_args,
	};

	return hooks_run(&h, HOOK_CLONE, false, j->from->engine->log, e);
}

/* A root that is no directory is mounted for the hooks, where nobody else sees it. */
static int hooks_in_mount(void *arg, struct err *e)
{
	struct copy_job *j = arg;
	_cleanup_free_ char *where = path_join(j->to->dir, "rootfs");
	_cleanup_close_ int mnt = -EBADF, target = -EBADF;

	if (!where)
		return err_oom(e);
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "mount name space for clone hooks");
	if (sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(e, -errno, "make mounts private");
	mnt = j->dst.driver->open_tree(&j->dst, NULL, e);
	if (mnt < 0)
		return mnt;
	target = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return err_set(e, -errno, "open %s", where);
	if (mount_attach(mnt, target, e) < 0)
		return -EIO;
	return run_hooks(j, where, e);
}

static int job_hooks(struct copy_job *j, struct err *e)
{
	const char *dir = j->dst.driver ? j->dst.driver->host_dir(&j->dst) : j->to->dir;
	struct err answer = { 0 };
	int pair[2], r;
	ssize_t got;
	pid_t pid;

	if (!j->to->spec.hooks[HOOK_CLONE].n)
		return 0;
	if (dir)
		return run_hooks(j, dir, e);
	if (geteuid() != 0)
		return copy_as_owner(j->from, hooks_in_mount, j, e);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	pid = fork();
	if (pid == 0) {
		r = hooks_in_mount(j, &answer);
		if (r < 0 && !answer.code)
			err_set(&answer, r, "clone hooks");
		(void)fd_send(pair[1], &answer, sizeof(answer), NULL, 0);
		_exit(0);
	}
	fd_close(pair[1]);
	if (pid < 0) {
		fd_close(pair[0]);
		return err_set(e, -errno, "fork");
	}
	got = fd_recv(pair[0], &answer, sizeof(answer), NULL, NULL);
	fd_close(pair[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (got != sizeof(answer))
		return err_kind(e, ERR_STATE, -ECHILD, "the process that runs the clone hooks was killed");
	if (answer.code && e)
		*e = answer;
	return answer.code;
}

/* --- the copy itself ------------------------------------------------------------------------------------------------------ */

/* Reads the text that the new one begins with, and what the source is by it: of one that runs, too. */
static int job_load(struct copy_job *j, struct err *e)
{
	int r = lxc_config_load(j->from->config, &j->conf, e);

	if (r == 0)
		r = take_spec(&j->from->spec, j->conf, e);
	if (r == 0 && j->from->spec.rootfs.path)
		r = store_parse(j->from->spec.rootfs.path, &j->src, e);
	return r;
}

/* The folder, marked as unfinished and noted in the journal. */
static int job_begin(struct copy_job *j, struct err *e)
{
	struct container *to = j->to;
	_cleanup_free_ char *partial = path_join(to->dir, "partial");
	int r;

	if (!partial)
		return err_oom(e);
	r = dir_make_all(to->lxcpath, 0755, e);
	if (r == 0)
		r = journal_add(j->journal, "tree", to->dir, e);
	if (r < 0)
		return r;
	if (mkdir(to->dir, 0770) < 0)
		return err_set(e, -errno, "create %s", to->dir);
	return file_replace(AT_FDCWD, partial, "", 0, 0600, false, e);
}

static int job_root(struct copy_job *j, struct err *e)
{
	const struct store_driver *d;
	int r;

	if (!j->src.driver)
		return 0;
	r = pick_driver(j, &d, e);
	if (r == 0)
		r = place_root(j, d, j->to->dir, &j->rootfs, e);
	if (r == 0)
		r = store_parse(j->rootfs, &j->dst, e);
	if (r == 0 && !d->host_dir(&j->dst) && !(d->flags & STORE_OVER_DIRS)) {
		_cleanup_free_ char *partial = path_join(j->to->dir, "partial");

		/* It may lie elsewhere. */
		r = partial ? file_replace(AT_FDCWD, partial, j->rootfs, strlen(j->rootfs), 0600, true, e) : err_oom(e);
		if (r == 0)
			r = journal_add(j->journal, "store", j->rootfs, e);
	}
	if (r == 0)
		r = copy_as_owner(j->from, make_root, j, e);
	return r == 0 ? make_mount_dir(j->to->dir, e) : r;
}

static int job_config(struct copy_job *j, struct err *e)
{
	struct copy_text t = {
		.from_dir = j->from->dir,
		.to_dir = j->to->dir,
		.put_dir = j->to->dir,
		.name = j->o->flags & COPY_KEEP_NAME ? NULL : j->to->name,
		.rootfs = j->rootfs,
		.new_macs = !(j->o->flags & COPY_KEEP_MAC),
	};
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = copy_text(j->conf, &t, e);

	for (const char *const *s = j->o->sets; s && *s && r == 0; s++) {
		_cleanup_free_ char *key = strndup(*s, strcspn(*s, "="));

		r = key ? lxc_config_set(j->conf, key, *s + strlen(key) + 1, e) : err_oom(e);
	}
	if (r == 0)
		r = lxc_config_text(j->conf, &text, e);
	if (r == 0)
		r = file_replace(AT_FDCWD, j->to->config, buf_str(&text), text.len, 0640, true, e);
	return r == 0 ? take_spec(&j->to->spec, j->conf, e) : r;
}

static int job_steps(struct copy_job *j, struct err *e)
{
	bool rests;
	int r;

	r = job_load(j, e);
	if (r == 0)
		r = job_begin(j, e);
	if (r == 0)
		r = job_root(j, e);
	if (r == 0)
		r = job_config(j, e);
	if (r == 0 && j->dst.driver)
		r = job_hostname(j, e);
	if (r == 0)
		r = job_hooks(j, e);
	rests = j->shared && (j->dst.driver->flags & STORE_DEPENDS);
	if (r == 0 && rests)
		r = depends_write(j->from, j->to, true, e);
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

static int check_source(struct container *c, const struct copy_opts *o, struct err *e)
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

int container_copy(struct container *c, const struct copy_opts *o, struct container **ret, struct err *e)
{
	_cleanup_(container_freep) struct container *to = NULL;
	_cleanup_(job_done) struct copy_job j = { .from = c, .o = o, .dirfd = -EBADF, .journal = -EBADF };
	_cleanup_close_ int lock = -EBADF;
	int r = check_source(c, o, e);

	if (r == 0)
		r = container_open_in(c->engine, o->lxcpath ?: c->lxcpath, o->name, OPEN_NO_CONFIG, &to, e);
	if (r < 0)
		return r;
	j.to = to;
	j.store = (struct store_opts){ .size = o->size, .vg = o->bdevdata, .zfsroot = o->bdevdata };
	if (engine_dry(c->engine, "copy %s to %s%s", c->dir, to->dir, o->flags & COPY_SNAPSHOT ? " (shared)" : ""))
		return 0;
	lock = record_lock(c->id, true, e);
	if (lock < 0)
		return lock;
	r = check_source(c, o, e);
	if (r == 0)
		r = run_job(&j, e);
	if (r == 0 && ret)
		*ret = TAKE_PTR(to);
	return r;
}

/* --- another name ---------------------------------------------------------------------------------------------------------- */

static int check_renamable(struct container *c, struct err *e)
{
	unsigned clones;
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (!c->defined)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "Container is not defined");
	if (c->rec.state != RUN_STOPPED)
		return err_kind(e, ERR_STATE, -EBUSY, "a container that runs cannot be renamed");
	r = depends_clones(c->dir, &clones, e);
	if (r < 0)
		return r;
	if (clones || depends_snapshots(c))
		return err_kind(e, ERR_STATE, -EBUSY, "Renaming a container with snapshots is not supported");
	return 0;
}

/* Where the root of the container will be when its folder is TO's: below it, or under another name elsewhere. */
static int renamed_root(const struct container *c, const struct container *to, const struct store_ref *root, char **ret,
			struct err *e)
{
	const struct store_opts none = { 0 };
	struct store_owner w = { .name = to->name, .dir = to->dir, .o = &none };
	const char *path = c->spec.rootfs.path;
	_cleanup_buf_ struct buf b = BUF_INIT;
	size_t n = strlen(c->dir);
	const char *p = path, *hit;
	int r;

	if (root->driver->rename && c->spec.rootfs.managed != TRI_NO)
		return root->driver->place(&w, root, ret, e);
	while ((hit = strstr(p, c->dir))) {
		buf_add(&b, p, (size_t)(hit - p));
		buf_puts(&b, hit[n] == '/' ? to->dir : c->dir);
		p = hit + n;
	}
	buf_puts(&b, p);
	r = buf_error(&b, e);
	if (r == 0)
		*ret = buf_take(&b);
	return r;
}

struct renaming {
	struct container *c, *to;
	struct lxc_config *conf;
	struct store_ref root;
	char *rootfs, *fresh;
};

static void renaming_done(struct renaming *n)
{
	lxc_config_free(n->conf);
	store_ref_done(&n->root);
	free(n->rootfs);
	free(n->fresh);
}

/* The text for the new place, laid down beside the old: it is right once the folder has its new name. */
static int prepare_rename(struct renaming *n, struct err *e)
{
	struct copy_text t = { .from_dir = n->c->dir, .to_dir = n->to->dir, .name = n->to->name };
	_cleanup_free_ char *config = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = lxc_config_load(n->c->config, &n->conf, e);

	if (r == 0)
		r = take_spec(&n->c->spec, n->conf, e);
	if (r == 0 && n->c->spec.rootfs.path)
		r = store_parse(n->c->spec.rootfs.path, &n->root, e);
	if (r == 0 && n->root.driver)
		r = renamed_root(n->c, n->to, &n->root, &n->rootfs, e);
	if (r == 0)
		r = swap_begin(n->c->dir, &n->fresh, e);
	if (r < 0)
		return r;
	t.rootfs = n->rootfs;
	t.put_dir = n->fresh;
	r = copy_text(n->conf, &t, e);
	if (r == 0)
		r = lxc_config_text(n->conf, &text, e);
	if (r < 0)
		return r;
	config = path_join(n->fresh, "config");
	r = config ? file_replace(AT_FDCWD, config, buf_str(&text), text.len, 0640, true, e) : err_oom(e);
	return r == 0 ? swap_commit(n->c->dir, n->to->dir, NULL, e) : r;
}

static int rename_steps(struct renaming *n, struct err *e)
{
	struct store_ref moved = { 0 };
	int r = prepare_rename(n, e);

	if (r == 0 && n->rootfs)
		r = store_parse(n->rootfs, &moved, e);
	if (r == 0 && n->root.driver && n->root.driver->rename && n->c->spec.rootfs.managed != TRI_NO)
		r = n->root.driver->rename(&n->root, &moved, e);
	if (r == 0 && renameat2(AT_FDCWD, n->c->dir, AT_FDCWD, n->to->dir, RENAME_NOREPLACE) < 0)
		r = err_set(e, -errno, "rename %s to %s", n->c->dir, n->to->dir);
	if (r < 0) {
		/* Still the old name: nothing of it comes into force. */
		(void)swap_settle(n->c->dir, NULL);
		store_ref_done(&moved);
		return r;
	}
	r = swap_settle(n->to->dir, e);
	if (r == 0 && moved.driver) {
		struct hostname_job h = { &moved, NULL, n->to->name, geteuid() != 0 };

		r = copy_as_owner(n->c, write_hostname, &h, e);
	}
	store_ref_done(&moved);
	/* Those that it rests on know it by its name. */
	if (r == 0)
		r = depends_tell(n->to->dir, n->c->lxcpath, n->c->name, false, e);
	return r == 0 ? depends_tell(n->to->dir, n->to->lxcpath, n->to->name, true, e) : r;
}

/* C is what TO was opened as. */
static void become(struct container *c, struct container *to)
{
	char **mine[] = { &c->name, &c->id, &c->dir, &c->config },
	     **other[] = { &to->name, &to->id, &to->dir, &to->config };

	for (size_t i = 0; i < ARRAY_SIZE(mine); i++) {
		char *s = *mine[i];

		*mine[i] = *other[i];
		*other[i] = s;
	}
	record_done(&c->rec);
}

int container_rename(struct container *c, const char *name, struct err *e)
{
	_cleanup_(container_freep) struct container *to = NULL;
	_cleanup_(renaming_done) struct renaming n = { .c = c };
	_cleanup_close_ int lock = -EBADF, to_lock = -EBADF;
	int r = check_renamable(c, e);

	if (r == 0)
		r = container_open_in(c->engine, c->lxcpath, name, OPEN_NO_CONFIG, &to, e);
	if (r < 0)
		return r;
	if (file_exists(AT_FDCWD, to->dir))
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s exists", to->dir);
	if (engine_dry(c->engine, "rename %s to %s", c->dir, to->dir))
		return 0;
	lock = record_lock(c->id, true, e);
	to_lock = lock < 0 ? lock : record_lock(to->id, false, e);
	if (to_lock < 0)
		return to_lock == -EWOULDBLOCK ? err_kind(e, ERR_STATE, -EBUSY, "%s is being worked on", name)
					       : to_lock;
	n.to = to;
	r = check_renamable(c, e);
	if (r == 0)
		r = rename_steps(&n, e);
	if (r < 0)
		return r;
	(void)container_forget(c, NULL);
	become(c, to);
	return take_spec(&c->spec, n.conf, e);
}
