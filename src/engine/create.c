/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Making and destroying containers. A create is journalled before the first directory is made, so that a kill at any
 * moment leaves an entry that the next create, destroy or doctor undoes; a destroy journals the tree it removes.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "engine/copy-inner.h"
#include "engine/owner.h"
#include "engine/template.h"
#include "net/net.h"
#include "runtime/hook.h"
#include "runtime/journal.h"
#include "store/store.h"

#define CONFIG_MAX (16u << 20)

struct creation {
	struct container *c;
	const struct create_opts *o;
	char *rootfs; /* where the template finds it */
	char *path;   /* "TYPE:PATH", NULL: it has none, nor a template */
	char *template;
	struct lxc_config *conf;
	struct store_opts store;
	struct store_ref ref;
	char *kept;   /* text of the configuration that was there before, NULL: none */
	bool adopted; /* the folder was there before */
	int dirfd, journal, claim;
};

static void creation_done(struct creation *n)
{
	free(n->rootfs);
	free(n->path);
	free(n->template);
	lxc_config_free(n->conf);
	store_ref_done(&n->ref);
	free(n->kept);
	fd_close(n->claim);
	fd_close(n->dirfd);
	fd_close(n->journal);
}

/* Every x of a hardware address is given a digit, once and for all: the address is the container's. */
static int fill_address(void *arg, const char *key, const char *value, char **ret_value, struct err *e)
{
	size_t n = strlen(key), tail = strlen(".hwaddr");
	_cleanup_free_ char *address = NULL;
	int r;

	if (n < tail || !streq(key + n - tail, ".hwaddr") || !strpbrk(value, "xX"))
		return 0;
	address = strdup(value);
	if (!address)
		return err_oom(e);
	r = net_hwaddr_fill(address, e);
	if (r == 0)
		*ret_value = TAKE_PTR(address);
	return r;
}

static int load_config(struct creation *n, struct err *e)
{
	_cleanup_free_ char *etc = NULL;
	const char *from = n->o->config ?: engine_global(n->c->engine, "lxc.default_config");

	if (!n->o->config && !isempty(from) && !file_exists(AT_FDCWD, from)) {
		etc = engine_resource(RES_ETC, "default.conf");
		from = etc;
	}
	if (n->o->text)
		return lxc_config_parse(n->o->text, strlen(n->o->text), "configuration", &n->conf, e);
	if (!isempty(from) && (n->o->config || file_exists(AT_FDCWD, from)))
		return lxc_config_load(from, &n->conf, e);
	return lxc_config_new(&n->conf, e);
}

/* The user's default configuration, and the root file system's place. Whose files it is to have is known from here on. */
static int take_config(struct creation *n, struct err *e)
{
	int r = load_config(n, e);

	if (r == 0)
		r = lxc_config_map(n->conf, fill_address, NULL, e);
	if (r == 0 && n->path)
		r = lxc_config_set(n->conf, "lxc.rootfs.path", n->path, e);
	return r == 0 ? copy_take_spec(&n->c->spec, n->conf, e) : r;
}

/* With a header that says who made it; the user's alone where nobody did. */
static int write_config(struct creation *n, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	if (n->template)
		template_header(&text, n->template, n->o->argv);
	r = lxc_config_text(n->conf, &text, e);
	return r < 0 ? r : file_replace(AT_FDCWD, n->c->config, buf_str(&text), text.len, 0640, true, e);
}

/* The root is on a device, and the template finds it mounted. */
static bool is_mounted(const struct creation *n)
{
	return !n->ref.driver->host_dir(&n->ref) && !(n->ref.driver->flags & STORE_OVER_DIRS);
}

/* Nobody takes it for a container before it is finished. A folder of the user's own is not marked: it is to stay. */
static int make_folder(struct creation *n, const char *elsewhere, struct err *e)
{
	struct container *c = n->c;
	int r = dir_make_all(c->lxcpath, 0755, e);

	if (r < 0 || n->adopted)
		return r;
	r = journal_add(n->journal, "tree", c->dir, e);
	if (r < 0)
		return r;
	if (mkdir(c->dir, 0770) < 0)
		return err_set(e, -errno, "create %s", c->dir);
	r = copy_mark(c->dir, &c->spec, elsewhere, e);
	return r == 0 ? copy_claim(c->dir, &n->claim, e) : r;
}

static int make_dirs(struct creation *n, struct err *e)
{
	/* A root file system elsewhere is made by us too, so it goes with a failed create. */
	bool own = n->path && (n->o->dir || n->adopted) && !file_exists(AT_FDCWD, n->rootfs);
	bool named = n->path && n->ref.driver->rename;
	int r = named ? store_check_free(&n->ref, e) : 0;

	if (r == 0)
		r = make_folder(n, named || (own && n->o->dir) ? n->path : NULL, e);
	if (r < 0 || !n->path)
		return r;
	if (own)
		r = journal_add(n->journal, "tree", n->rootfs, e);
	if (r == 0 && named)
		r = journal_add(n->journal, "store", n->path, e);
	if (r == 0)
		r = n->ref.driver->create(&n->ref, &n->store, e);
	if (r == 0 && is_mounted(n) && mkdir(n->rootfs, 0755) < 0 && errno != EEXIST)
		r = err_set(e, -errno, "create %s", n->rootfs);
	return r;
}

/* Waits for the template; a signal that would end us ends it instead, so that we can clean up after it. */
static int wait_template(pid_t pid, struct err *e)
{
	sigset_t set, old;
	int status = 0, caught = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, &old);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		int sig = sigwaitinfo(&set, NULL);

		if (sig > 0 && sig != SIGCHLD) {
			caught = sig;
			kill(pid, SIGTERM);
		}
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (caught)
		return err_kind(e, ERR_STATE, -EINTR, "interrupted (signal %d)", caught);
	if (WIFSIGNALED(status))
		return err_kind(e, ERR_STATE, -EINTR, "the template was killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* A word of its own, and last: templates that go through their words one by one know no other way. */
static int push_number(struct strv *argv, const char *option, unsigned n, struct err *e)
{
	int r = strv_push(argv, option, e);

	return r < 0 ? r : strv_pushf(argv, e, "%u", n);
}

static int run_template(void *arg, struct err *e)
{
	struct creation *n = arg;
	_cleanup_strv_ struct strv argv = STRV_INIT, env = STRV_INIT;
	_cleanup_free_ char *config = engine_resource(RES_CONFIG, NULL), *self = engine_self();
	struct spawn s = { .path = n->template, .inherit_stdio = true };
	_cleanup_close_ int null = -EBADF, userns = -EBADF;
	_cleanup_(owner_maps_done) struct owner_maps m = { 0 };
	sigset_t set, old;
	pid_t pid;
	int r;

	r = owner_give(n->c, n->rootfs, e);
	if (r == 0)
		r = strv_push(&argv, n->template, e);
	if (r == 0)
		r = strv_pushf(&argv, e, "--path=%s", n->c->dir);
	if (r == 0)
		r = strv_pushf(&argv, e, "--name=%s", n->c->name);
	if (r == 0)
		r = strv_pushf(&argv, e, "--rootfs=%s", n->rootfs);
	if (r == 0)
		r = owner_userns(n->c, &m, &userns, e);
	for (char *const *a = n->o->argv; a && *a && r == 0; a++)
		r = strv_push(&argv, *a, e);
	if (r == 0 && userns >= 0) {
		s.userns_fd = userns;
		r = push_number(&argv, "--mapped-uid", m.uid, e);
	}
	if (r == 0 && userns >= 0)
		r = push_number(&argv, "--mapped-gid", m.gid, e);
	for (char *const *p = environ; *p && r == 0; p++)
		r = strv_push(&env, *p, e);
	if (r == 0 && config && !strv_env_get(&env, "LXC_TEMPLATE_CONFIG"))
		r = strv_pushf(&env, e, "LXC_TEMPLATE_CONFIG=%s", config);
	if (r == 0 && self)
		r = strv_pushf(&env, e, "CREEL=%s", self);
	if (r < 0)
		return r;
	if (n->o->quiet) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		s.inherit_stdio = false;
		s.stdout_fd = s.stderr_fd = null;
	}
	s.argv = argv.v;
	s.envp = env.v;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &old);
	r = spawn_start(&s, &pid, e);
	if (r == 0)
		r = wait_template(pid, e);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (r == TEMPLATE_NO_CONTAINER)
		return err_kind(e, ERR_STATE, -ENOMSG, "no container was asked for");
	if (r > 0)
		return err_kind(e, ERR_STATE, -ECANCELED, "template %s failed with status %d", n->o->template, r);
	return r;
}

static int fill_root(struct creation *n, struct err *e)
{
	if (!n->template)
		return owner_give(n->c, NULL, e);
	return is_mounted(n) ? with_root_mounted(&n->ref, n->rootfs, run_template, n, e) : run_template(n, e);
}

/* What the template wrote must be a configuration. */
static int check_result(struct creation *n, struct err *e)
{
	_cleanup_(lxc_config_freep) struct lxc_config *conf = NULL;
	int r = lxc_config_load(n->c->config, &conf, e);

	return r < 0 ? err_wrap(e, r, "the template wrote a bad configuration") : 0;
}

/* A folder, a configuration perhaps, and no root file system of ours yet. */
static int adopt(struct creation *n, struct err *e)
{
	struct container *c = n->c;

	if (!n->o->adopt || !file_exists(AT_FDCWD, c->dir))
		return 0;
	n->adopted = true;
	return c->defined ? file_read(AT_FDCWD, c->config, CONFIG_MAX, &n->kept, NULL, e) : 0;
}

/* As it was before. */
static void give_back(struct creation *n)
{
	if (n->kept)
		(void)file_replace(AT_FDCWD, n->c->config, n->kept, strlen(n->kept), 0640, true, NULL);
	else if (n->adopted)
		unlink(n->c->config);
}

static int take_back(struct creation *n)
{
	struct undo_ctx u = { .dirfd = n->dirfd, .id = n->c->id, .log = n->c->engine->log };

	give_back(n);
	/* An ordinary user may not remove what his container's users own. */
	if (n->c->spec.idmaps.n && geteuid() != 0 && !n->adopted && n->rootfs)
		(void)owner_remove(n->c, n->rootfs, NULL);
	return journal_undo(&u, NULL);
}

static int check_new(struct container *c, struct err *e)
{
	if (c->defined)
		return err_kind(e, ERR_EXISTS, -EEXIST, "Container already exists");
	if (file_exists(AT_FDCWD, c->dir))
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s exists already and is not a container", c->dir);
	return 0;
}

/* An ordinary user's container without ids of its own could not be started. */
static int check_ids(const struct creation *n, struct err *e)
{
	_cleanup_buf_ struct buf lines = BUF_INIT;
	const char *file = engine_global(n->c->engine, "lxc.default_config") ?: "default.conf";
	int r;

	if (geteuid() == 0 || !n->template || n->c->spec.idmaps.n)
		return 0;
	r = err_kind(e, ERR_INVALID, -EINVAL, "an ordinary user's container needs lxc.idmap in its configuration");
	if (owner_suggest(&lines) && buf_error(&lines, NULL) == 0)
		return err_hint(e, r, "write into %s: %s", file, buf_str(&lines));
	return err_hint(e, r, "root gives ids by usermod --add-subuids and --add-subgids; then lxc.idmap goes into %s",
			file);
}

static int create_steps(struct creation *n, struct err *e)
{
	int r;

	n->journal = journal_open(n->dirfd, e);
	if (n->journal < 0)
		return n->journal;
	r = take_config(n, e);
	if (r == 0)
		r = check_ids(n, e);
	if (r == 0)
		r = make_dirs(n, e);
	if (r == 0)
		r = write_config(n, e);
	if (r == 0)
		r = fill_root(n, e);
	return r == 0 ? check_result(n, e) : r;
}

/* Now it is a container; or all of it goes, and what cannot be removed now stays in the journal, for doctor. */
static int finish(struct creation *n, int r, struct err *e)
{
	_cleanup_free_ char *mark = path_join(n->c->dir, "partial");

	if (r < 0 && take_back(n) < 0) {
		n->c->defined = false;
		return err_hint(e, r, "not everything could be removed: creel doctor");
	}
	unlinkat(n->dirfd, "journal", 0);
	(void)container_forget(n->c, NULL);
	if (r == 0 && n->claim >= 0 && (!mark || unlink(mark) < 0))
		r = err_set(e, mark ? -errno : -ENOMEM, "remove the mark of %s", n->c->dir);
	n->c->defined = r == 0 || n->kept;
	return r;
}

void store_defaults(struct engine *g, struct store_opts *o)
{
	const struct {
		const char *item, **target;
	} rows[] = {
		{ "lxc.bdev.lvm.vg", &o->vg },		 { "lxc.bdev.lvm.thin_pool", &o->usual_pool },
		{ "lxc.bdev.zfs.root", &o->zfsroot },	 { "lxc.bdev.rbd.rbdpool", &o->rbdpool },
		{ "lxc.bdev.rbd.rbduser", &o->rbduser },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *value = engine_global(g, rows[i].item);

		if (!isempty(value) && !*rows[i].target)
			*rows[i].target = value;
	}
}

/* What kind of storage, and where. */
static int place_root(struct creation *n, struct err *e)
{
	const struct create_opts *o = n->o;
	struct store_owner w = { .name = n->c->name, .dir = n->c->dir, .o = &n->store };
	const struct store_driver *d;
	int r;

	if (o->store)
		n->store = *o->store;
	n->store.dir = o->dir;
	store_defaults(n->c->engine, &n->store);
	r = store_find(!o->bdev || streq(o->bdev, "_unset") ? "dir" : o->bdev, n->c->lxcpath, &n->store, &d, e);
	if (r == 0)
		r = d->place(&w, NULL, &n->path, e);
	if (r == 0)
		r = store_parse(n->path, &n->ref, e);
	if (r < 0)
		return r;
	n->rootfs = o->dir ? strdup(o->dir) : path_join(n->c->dir, "rootfs");
	return n->rootfs ? 0 : err_oom(e);
}

int container_create(struct container *c, const struct create_opts *o, struct err *e)
{
	_cleanup_(creation_done) struct creation n = {
		.c = c, .o = o, .dirfd = -EBADF, .journal = -EBADF, .claim = -EBADF
	};
	_cleanup_close_ int lock = -EBADF;
	int r = 0;

	if (o->template)
		r = place_root(&n, e);
	if (r == 0 && o->template)
		r = engine_template(o->template, &n.template, e);
	if (r == 0)
		r = c->engine->dry_run ? check_new(c, e) : 0;
	if (r < 0)
		return r;
	if (n.template ? engine_dry(c->engine, "mkdir %s\nmkdir %s\nwrite %s\nrun %s", c->dir, n.rootfs, c->config,
				    n.template)
		       : engine_dry(c->engine, "mkdir %s\nwrite %s", c->dir, c->config))
		return 0;
	lock = record_lock(c->id, true, e);
	if (lock < 0)
		return lock;
	n.dirfd = record_open_dir(c->id, true, e);
	if (n.dirfd < 0)
		return n.dirfd;
	r = container_refresh(c, e);
	if (r < 0)
		return r;
	/* Undefined, yet alive: lxc-execute, or a start with a file from elsewhere. Its journal must not be undone. */
	if (c->rec.state != RUN_STOPPED)
		return err_kind(e, ERR_STATE, -EBUSY, "a container of this name is running");
	/* An earlier create was killed half-way: its remains are in the journal. */
	if (file_exists(n.dirfd, "journal"))
		(void)container_recover(c, n.dirfd, NULL);
	if (copy_is_partial(c->dir))
		r = copy_drop_partial(c->dir, e);
	c->defined = file_exists(AT_FDCWD, c->config);
	if (r == 0)
		r = adopt(&n, e);
	if (r == 0 && !n.adopted)
		r = check_new(c, e);
	if (r < 0)
		return r;
	return finish(&n, create_steps(&n, e), e);
}

/* --- destroy --------------------------------------------------------------------------------------------------------------- */

/* DIR is PATH or a directory that PATH lies below. */
static bool is_above(const char *dir, const char *path)
{
	const char *rest = startswith(path, dir);

	return rest && (!*rest || *rest == '/' || dir[strlen(dir) - 1] == '/');
}

static int destroy_ref(void *arg, struct err *e)
{
	const struct store_ref *ref = arg;

	return ref->driver->destroy(ref, e);
}

static int destroy_rootfs(struct container *c, int journal, struct err *e)
{
	struct store_ref ref = { 0 };
	const char *dir;
	int r;

	if (!c->spec.rootfs.path || c->spec.rootfs.managed == TRI_NO)
		return 0;
	r = store_parse(c->spec.rootfs.path, &ref, e);
	if (r < 0)
		return r;
	dir = ref.driver->host_dir(&ref);
	/* "/" for a container that shares the host's tree, say: nobody means that to be removed. */
	if (dir && is_above(dir, c->dir)) {
		store_ref_done(&ref);
		return 0;
	}
	if (dir && !is_above(c->dir, dir))
		r = journal_add(journal, "tree", dir, e);
	if (r == 0 && geteuid() != 0 && c->spec.idmaps.n)
		/* An ordinary user may not remove what his container's users own; their root may. What is left is for us to
		 * remove, and to complain about. */
		(void)copy_as_owner(c, destroy_ref, &ref, NULL);
	if (r == 0)
		r = ref.driver->destroy(&ref, e);
	store_ref_done(&ref);
	return r;
}

/* Nothing rests on it, and no snapshots would go with it unasked. */
static int check_unused(struct container *c, struct err *e)
{
	unsigned clones;
	int r = depends_clones(c->dir, &clones, e);

	if (r < 0)
		return r;
	if (clones)
		return err_kind(e, ERR_STATE, -EBUSY, "Destroying %s failed: %s has clones", c->name, c->name);
	if (depends_snapshots(c))
		return err_kind(e, ERR_STATE, -EBUSY, "Destroying %s failed: %s has snapshots", c->name, c->name);
	return 0;
}

/* What cannot be begun is not to be ended by a later command unasked: once the journal says so, it is. */
static int check_writable(const struct container *c, struct err *e)
{
	struct store_ref ref = { 0 };
	const char *dir = NULL;
	int r = faccessat(AT_FDCWD, c->dir, W_OK, AT_EACCESS) < 0 ? err_set(e, -errno, "remove %s", c->dir) : 0;

	if (r == 0 && c->spec.rootfs.path && c->spec.rootfs.managed != TRI_NO &&
	    store_parse(c->spec.rootfs.path, &ref, NULL) == 0)
		dir = ref.driver->host_dir(&ref);
	/* One that has gone already is no hindrance. */
	if (dir && faccessat(AT_FDCWD, dir, W_OK, AT_EACCESS) < 0 && errno == EROFS)
		r = err_set(e, -errno, "remove %s", dir);
	store_ref_done(&ref);
	return r;
}

static int destroy_locked(struct container *c, struct err *e)
{
	struct hook_ctx h = { .spec = &c->spec, .name = c->name, .config = c->config };
	_cleanup_close_ int dirfd = -EBADF, journal = -EBADF;
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (c->rec.state != RUN_STOPPED)
		return err_kind(e, ERR_STATE, -EBUSY, "%s has been started again meanwhile", c->name);
	r = check_unused(c, e);
	if (r == 0)
		r = check_writable(c, e);
	if (r < 0)
		return r;
	r = hooks_run(&h, HOOK_DESTROY, false, c->engine->log, e);
	if (r < 0)
		return r;
	dirfd = record_open_dir(c->id, true, e);
	if (dirfd < 0)
		return dirfd;
	if (file_exists(dirfd, "journal")) {
		r = container_recover(c, dirfd, e);
		if (r < 0)
			return r;
	}
	journal = journal_open(dirfd, e);
	if (journal < 0)
		return journal;
	r = journal_add(journal, "tree", c->dir, e);
	if (r == 0)
		r = depends_tell(c->dir, c->lxcpath, c->name, false, e);
	if (r == 0)
		r = destroy_rootfs(c, journal, e);
	if (r == 0)
		r = store_remove_tree(c->dir, e);
	return r == 0 ? container_forget(c, e) : r;
}

/* What nobody is at work on. */
static int destroy_unfinished(struct container *c, struct err *e)
{
	_cleanup_close_ int lock = -EBADF, dirfd = -EBADF;
	int r;

	if (engine_dry(c->engine, "remove %s", c->dir))
		return 0;
	lock = record_lock(c->id, false, e);
	if (lock < 0)
		return lock == -EWOULDBLOCK ? err_kind(e, ERR_STATE, -EBUSY, "%s is being made", c->name) : lock;
	dirfd = record_open_dir(c->id, false, NULL);
	if (dirfd >= 0 && file_exists(dirfd, "journal"))
		(void)container_recover(c, dirfd, NULL);
	r = copy_is_partial(c->dir) ? copy_drop_partial(c->dir, e) : 0;
	return r == 0 ? container_forget(c, e) : r;
}

int container_destroy(struct container *c, bool force, struct err *e)
{
	_cleanup_close_ int lock = -EBADF;
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (!c->defined && copy_is_partial(c->dir))
		return destroy_unfinished(c, e);
	if (!c->defined)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "Container is not defined");
	r = check_unused(c, e);
	if (r < 0)
		return r;
	if (c->rec.state != RUN_STOPPED && !force) {
		err_kind(e, ERR_STATE, -EBUSY, "%s is running", c->name);
		return err_hint(e, -EBUSY, "stop it first, or use -f");
	}
	if (engine_dry(c->engine, "remove %s", c->dir))
		return 0;
	if (c->rec.state != RUN_STOPPED) {
		struct stop_opts o = { .kill = true };

		r = container_stop(c, &o, e);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	lock = record_lock(c->id, true, e);
	return lock < 0 ? lock : destroy_locked(c, e);
}

int engine_copy_tree(const char *from, const char *to, struct err *e)
{
	return store_copy_tree(from, to, e);
}
