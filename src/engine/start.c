/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting: from a container and what was asked for to a plan, to a supervisor; and what happens when init has gone. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/internal.h"
#include "engine/lxc-command.h"
#include "keeper/keeper.h"
#include "runtime/hook.h"
#include "runtime/journal.h"
#include "runtime/keeper_proto.h"
#include "runtime/supervise.h"
#include "spec/field.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/pty.h"

#define NETS_SHOWN   64
#define LOCK_LOOK_MS 5

/* All that one life needs; made anew for each. */
struct life {
	struct container *c;
	struct plan plan;
	struct plan_opts opts;
	struct run run;
	struct supervise sup;
	_Bool planned;
	char *cgroup, *monitor, *init_helper, *user_nic, *keeper, *self;
	char *share[NS_MAX];
	int dirfd;
	struct ns_holder ns;
	int *lock; /* the caller's; let go while a container runs in the foreground */
};

static void life_done(struct life *l)
{
	run_done(&l->run);
	if (l->planned)
		plan_done(&l->plan);
	free(l->cgroup);
	free(l->monitor);
	free(l->init_helper);
	free(l->user_nic);
	free(l->keeper);
	free(l->self);
	for (size_t i = 0; i < NS_MAX; i++)
		free(l->share[i]);
	fds_close_many(l->ns.fds, l->ns.n);
	fd_close(l->dirfd);
}
#define _cleanup_life_ _cleanup_(life_done)

/* --- shared name spaces: "NAME", "PID" or "/path" → path --------------------------------------------------------------- */

static int resolve_share(struct container *c, enum spec_ns ns, const char *said, char **ret, struct err *e)
{
	_cleanup_(container_freep) struct container *other = NULL;
	uint32_t pid;
	int r;

	if (*said == '/') {
		*ret = strdup(said);
		return *ret ? 0 : err_oom(e);
	}
	if (parse_u32(said, &pid) < 0) {
		r = container_open(c->engine, said, NULL, OPEN_MUST_EXIST | OPEN_NO_CONFIG, &other, e);
		if (r < 0)
			return err_wrap(e, r, "share the %s name space with %s", ns_table[ns].name, said);
		if (!record_alive(&other->rec))
			return err_kind(e, ERR_STATE, -ESRCH, "share the %s name space: container %s is not running",
					ns_table[ns].name, said);
		pid = (uint32_t)other->rec.pid;
	}
	if (asprintf(ret, "/proc/%u/ns/%s", pid, ns_table[ns].name) < 0)
		return err_oom(e);
	return 0;
}

static int resolve_shares(struct life *l, const struct start_opts *o, struct err *e)
{
	int r = 0;

	for (enum spec_ns ns = 0; ns < NS_MAX && r == 0; ns++) {
		const char *said = o->share[ns] ?: l->c->spec.ns_share[ns];

		if (!said)
			continue;
		r = resolve_share(l->c, ns, said, &l->share[ns], e);
		l->opts.share[ns] = l->share[ns];
	}
	return r;
}

/* Not the host's root: an ordinary user, or root of a user namespace only. What takes the host's rights is done
 * without or by the container's own. */
bool engine_rootless(void)
{
	return !proc_host_root();
}

/* --- making a life ready --------------------------------------------------------------------------------------------- */

static int apply_defines(struct container *c, const struct start_opts *o, struct err *e)
{
	int r = 0;

	for (const char *const *d = o->defines; d && *d && r == 0; d++) {
		_cleanup_free_ char *key = strdup(*d);
		char *eq = key ? strchr(key, '=') : NULL;
		size_t n;

		if (!key)
			return err_oom(e);
		if (!eq)
			return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is not KEY=VALUE", *d);
		*eq++ = '\0';
		n = strlen(key);
		while (n && strchr(" \t", key[n - 1]))
			key[--n] = '\0';
		eq += strspn(eq, " \t");
		r = lxc_key_set(&c->spec, key, eq, e);
	}
	if (r == 0 && o->console) {
		free(c->spec.dev.console_path);
		c->spec.dev.console_path = strdup(o->console);
		r = c->spec.dev.console_path ? 0 : err_oom(e);
	}
	if (r == 0 && o->console_log) {
		free(c->spec.dev.console_logfile);
		c->spec.dev.console_logfile = strdup(o->console_log);
		r = c->spec.dev.console_logfile ? 0 : err_oom(e);
	}
	return r;
}

static int life_monitor_group(struct life *l, struct err *e)
{
	const struct spec_cgroup *s = &l->c->spec.cgroup;
	int r = container_monitor_group(l->c, &l->monitor, e);

	l->opts.monitor_cgroup = l->monitor;
	l->opts.monitor_pivot = s->dir_monitor_pivot;
	l->opts.inner_cgroup = s->dir_container ? s->dir_inner : NULL;
	return r;
}

/* Everything up to the compiled plan. Changes nothing on the host. */
static int life_plan(struct life *l, struct container *c, const struct start_opts *o, struct err *e)
{
	int r;

	l->c = c;
	l->dirfd = -EBADF;
	l->ns.ctl = -EBADF;
	run_init(&l->run);
	l->opts = (struct plan_opts){
		.id = c->id,
		.lxcpath = c->lxcpath,
		.run_dir = c->engine->run_dir,
		.config = c->defined ? c->config : NULL,
		.argv = o->argv,
		.execute = o->execute,
		.foreground = o->foreground,
		.uid = o->uid,
		.gid = o->gid,
		.pidfile = o->pidfile,
		.log_level = container_log_level(c),
		.rootless = engine_rootless(),
	};
	/* Root of a user name space makes what is in his own network name space; setuid means nothing there. */
	if (geteuid() != 0)
		l->opts.user_nic = l->user_nic = engine_resource(RES_LXC_LIBEXEC, "lxc-user-nic");
	if (o->execute) {
		l->init_helper = engine_resource(RES_INIT, "creel-init");
		l->opts.init_helper = l->init_helper;
		if (!l->init_helper)
			return err_kind(e, ERR_MISSING, -ENOENT, "the program creel-init is not installed");
	}
	r = resolve_shares(l, o, e);
	if (r == 0)
		r = container_pick_group(c, l->opts.rootless, &l->cgroup, e);
	if (r == 0)
		r = life_monitor_group(l, e);
	l->opts.cgroup = l->cgroup;
	if (r == 0)
		r = plan_compile(&c->spec, &l->opts, &l->plan, e);
	l->planned = r == 0;
	return r;
}

/* What was left to chance stands in a running container's spec as it came out. */
static int dump_spec(struct life *l, struct buf *out, struct err *e)
{
	struct spec_net was[NETS_SHOWN] = { 0 };
	char macs[NETS_SHOWN][18];
	unsigned n = 0, k = 0;
	int r;

	LIST_EACH(s, &l->c->spec.nets, struct spec_net) {
		const struct net_dev *d = &l->plan.nets[k];

		if (n == NETS_SHOWN || k == l->plan.n_nets)
			break;
		was[n++] = *s;
		if (!s->type || !streq(s->type, d->type))
			continue;
		k++;
		if (!s->name && *d->name)
			s->name = (char *)(uintptr_t)d->name;
		if (!s->veth_pair && *d->host_name)
			s->veth_pair = (char *)(uintptr_t)d->host_name;
		if (s->hwaddr && d->has_mac) {
			snprintf(macs[n - 1], sizeof(macs[0]), "%02x:%02x:%02x:%02x:%02x:%02x", d->mac[0], d->mac[1],
				 d->mac[2], d->mac[3], d->mac[4], d->mac[5]);
			s->hwaddr = macs[n - 1];
		}
	}
	r = spec_dump(&l->c->spec, out, e);
	while (n-- > 0)
		*LIST_AT(&l->c->spec.nets, struct spec_net, n) = was[n];
	return r;
}

static int write_spec(struct life *l, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r = dump_spec(l, &b, e);

	return r < 0 ? r : file_replace(l->dirfd, "spec", buf_str(&b), b.len, 0600, false, e);
}

static int fill_record(struct life *l, struct err *e)
{
	struct record *rec = &l->run.rec;
	struct container *c = l->c;

	rec->restarts = c->rec.restarts;
	rec->id = strdup(c->id);
	rec->name = strdup(c->name);
	rec->lxcpath = strdup(c->lxcpath);
	rec->config = c->defined ? strdup(c->config) : NULL;
	rec->cgroup = l->cgroup ? strdup(l->cgroup) : NULL;
	rec->ns_cloned = l->plan.ns_cloned;
	rec->cap_mask = l->plan.cap_mask;
	rec->has_userns = l->plan.has_userns;
	rec->ttys = l->plan.ttys;
	if (!rec->id || !rec->name || !rec->lxcpath || (c->defined && !rec->config) || (l->cgroup && !rec->cgroup))
		return err_oom(e);
	for (unsigned i = 0; i < l->plan.n_nets; i++) {
		const struct net_dev *d = &l->plan.nets[i];
		bool veth = streq(d->type, "veth");
		int r = strv_push(&rec->host_ifs, veth && *d->host_name ? d->host_name : "-", e);

		if (r == 0)
			r = veth ? strv_push(&rec->links, "-", e)
				 : strv_pushf(&rec->links, e, "%s %s", d->link, d->name);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Where the root is attached while it is set up: one directory for all, each in its own mount name space. */
static int make_mount_point(struct life *l, struct err *e)
{
	if (!l->plan.rootfs_mount || l->c->spec.rootfs.mount)
		return 0;
	if (mkdir(l->plan.rootfs_mount, 0755) < 0 && errno != EEXIST)
		return err_set(e, -errno, "create %s", l->plan.rootfs_mount);
	return 0;
}

static int life_prepare(struct life *l, struct err *e)
{
	struct container *c = l->c;
	struct cg_host *h;
	int r;

	l->dirfd = record_open_dir(c->id, true, e);
	if (l->dirfd < 0)
		return l->dirfd;
	l->run.plan = &l->plan;
	l->run.spec = &c->spec;
	l->run.opts = &l->opts;
	l->run.log = c->engine->log;
	l->run.dirfd = l->dirfd;
	l->keeper = engine_resource(RES_KEEPER, "creel-keeper");
	l->self = engine_self();
	if (!l->keeper || !l->self)
		return err_kind(e, ERR_MISSING, -ENOENT, "the program creel-keeper is not installed");
	l->sup = (struct supervise){
		.keeper = l->keeper, .creel = l->self, .peer_fd = -EBADF, .commands_fd = -EBADF, .ctl_fd = -EBADF
	};
	r = write_spec(l, e);
	if (r == 0)
		r = fill_record(l, e);
	if (r == 0)
		r = make_mount_point(l, e);
	if (r == 0 && l->plan.seccomp.len)
		r = seccomp_prog_save(&l->plan.seccomp, l->dirfd, "seccomp", e);
	if (r == 0 && l->cgroup) {
		r = engine_cgroups(c->engine, &h, e);
		if (r < 0)
			return r;
		/* The probe belongs to the engine; the run takes it over for this start. */
		l->run.cg_host = h;
		c->engine->cg_host = NULL;
	}
	return r;
}

/* --- in the foreground --------------------------------------------------------------------------------------------------- */

struct foreground {
	struct keeper *k;
	struct life *l;
};

static int take_foreground(void *arg, struct run *run, struct err *e)
{
	const struct foreground *f = arg;
	struct keeper *k = f->k;
	struct keeper_msg m = { .type = KM_INIT, .pid = run->pid };
	int fd = fcntl(run->pidfd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0 || keeper_take(k, &m, &fd, 1) < 0)
		return err_set(e, -EBADF, "take the container over");
	m = (struct keeper_msg){ .type = KM_PTYS, .n = run->n_ptys, .flags = run->plan->console };
	(void)keeper_take(k, &m, run->ptys, run->n_ptys);
	run->n_ptys = 0; /* the keeper's now */
	f->l->ns.n = (unsigned)open_stop_namespaces(run, f->l->ns.fds);
	m = (struct keeper_msg){ .type = KM_RING, .max = console_ring_size(run->spec) };
	if (m.max && keeper_take(k, &m, NULL, 0) < 0)
		return err_set(e, -ENOMEM, "keep the console's last %llu bytes", (unsigned long long)m.max);
	fd = open_console_log(run->spec, &m, e);
	if (fd < 0 && fd != -EBADF)
		return fd;
	if (fd >= 0)
		(void)keeper_take(k, &m, &fd, 1);
	return 0;
}

static int listen_foreground(void *arg, struct run *run, int fd, struct err *e)
{
	const struct foreground *f = arg;
	struct keeper_msg m;
	int r = serve_listener(run, fd, &m, e);

	if (r == 0)
		return keeper_take(f->k, &m, &fd, 1);
	fd_close(fd);
	return r;
}

static int open_peer(struct life *l, struct err *e)
{
	const char *path = l->c->spec.dev.console_path;

	if (isempty(path) || streq(path, "none"))
		return 0;
	l->sup.peer_fd = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_CREAT | O_APPEND, 0600);
	return l->sup.peer_fd < 0 ? err_set(e, -errno, "open console device %s", path) : 0;
}

/* One life in the foreground: the caller's process is init's parent and plays the keeper. */
static int run_foreground(struct life *l, const struct start_opts *o, int *ret_status, struct err *e)
{
	struct keeper k;
	struct foreground f = { &k, l };
	struct run_supervisor sup = { .take = take_foreground, .listener = listen_foreground, .arg = &f };
	struct termios saved;
	sigset_t old;
	bool raw = false, terminal;
	int r = open_peer(l, e);

	if (r < 0)
		return r;
	keeper_init(&k);
	sigprocmask(SIG_SETMASK, NULL, &old);
	r = keeper_signals(&k);
	if (r < 0)
		return err_set(e, r, "watch for signals");
	k.id = l->c->id;
	k.creel = l->self;
	k.commands = l->sup.commands_fd;
	k.listen = keeper_listen(l->dirfd, e);
	if (k.listen < 0)
		return k.listen;
	if (tri_or(l->c->spec.monitor_unshare, false)) {
		r = unshare_mounts(e);
		if (r < 0)
			return r;
	}
	l->run.own_supervisor = true;
	l->run.rec.keeper = getpid();
	(void)proc_start_time(l->run.rec.keeper, &l->run.rec.keeper_start);
	/* A stream that is a terminal becomes the container's console: the caller's own never goes in (CVE-2016-10124). */
	for (int i = 0; i < 3; i++)
		l->run.stdio[i] = l->plan.console && isatty(i) && !o->no_terminal ? -EBADF : i;
	terminal = l->plan.console && isatty(0) && !o->no_terminal && l->sup.peer_fd < 0;
	r = run_execute(&l->run, &sup, e);
	if (r == 0 && l->sup.peer_fd >= 0) {
		(void)keeper_take(&k, &(struct keeper_msg){ .type = KM_PEER }, &l->sup.peer_fd, 1);
		l->sup.peer_fd = -EBADF; /* the keeper's now */
	}
	if (r == 0) {
		*l->lock = fd_close(*l->lock);
		if (terminal) {
			raw = pty_raw(0, &saved) == 0;
			k.in = 0;
			k.out = 1;
			keeper_winsize(&k);
		}
		*ret_status = keeper_run(&k);
		if (raw)
			pty_restore(0, &saved);
	}
	if (!terminal)
		fd_close(k.out);
	fd_close(k.sigfd);
	fd_close(k.listen);
	for (unsigned i = 0; i < KEEPER_CLIENTS; i++)
		fd_close(k.clients[i].fd);
	fd_close(k.console);
	fd_close(k.seccomp);
	fd_close(k.log);
	for (unsigned i = 0; i < k.n_ttys; i++)
		fd_close(k.ttys[i]);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}

/* --- the end of a life ------------------------------------------------------------------------------------------------------ */

int container_recover(struct container *c, int dirfd, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	int r = record_read(dirfd, &rec, NULL);

	if (r < 0) {
		/* Killed before the first record, or in a create: the journal is all there is. */
		rec.id = strdup(c->id);
		rec.name = strdup(c->name);
		rec.lxcpath = strdup(c->lxcpath);
		if (!rec.id || !rec.name || !rec.lxcpath)
			return err_oom(e);
	}
	file_replace_sweep(dirfd);
	r = run_cleanup(dirfd, &rec, &c->spec, NULL, c->engine->log, e);
	return r < 0 ? err_wrap(e, r, "clean up after an earlier life") : 0;
}

int container_forget(struct container *c, struct err *e)
{
	_cleanup_free_ char *dir = path_join(c->engine->run_dir, c->id), *lock = NULL;
	int r;

	if (!dir || asprintf(&lock, "%s/locks/%s", c->engine->run_dir, c->id) < 0)
		return err_oom(e);
	r = tree_remove(AT_FDCWD, dir, e);
	/* Who waits for the lock sees that its file has gone, and makes a new one. */
	unlink(lock);
	return r;
}

/* With the container's name spaces in their reach, which are let go then: what is in them ends with them. */
static int stop_hooks(const struct container *c, struct hook_ctx *h, struct ns_holder *ns, struct err *e)
{
	_cleanup_strv_ struct strv paths = STRV_INIT;
	int r;

	if (!c->spec.hooks[HOOK_STOP].n)
		return 0;
	if (stop_namespaces(ns->pid, &paths, NULL) == 0)
		h->ns_paths = (const char *const *)paths.v;
	r = hooks_run(h, HOOK_STOP, true, c->engine->log, e);
	h->ns_paths = NULL;
	fds_close_many(ns->fds, ns->n);
	ns->n = 0;
	if (paths.n)
		stop_namespaces_done(ns->ctl);
	return r;
}

int container_ended(struct container *c, int dirfd, int status, struct ns_holder *ns, bool *ret_reboot, struct err *e)
{
	struct hook_ctx h = {
		.spec = &c->spec,
		.name = c->name,
		.target = WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP ? "reboot" : "stop",
		.log_level = c->spec.log_level,
	};
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	struct err he = { 0 };
	_cleanup_free_ char *mount = path_join(c->engine->run_dir, "rootfs");
	int r = record_read(dirfd, &rec, e);

	if (r < 0)
		return r;
	log_msg(c->engine->log, LOG_INFO, "the first process %s %d",
		WIFSIGNALED(status) ? "was ended by signal" : "exited with",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	rec.exit_status = status;
	h.config = rec.config;
	h.pid = rec.pid;
	h.rootfs_mount = c->spec.rootfs.mount ?: c->spec.rootfs.path ? mount : NULL;
	(void)record_set_state(dirfd, &rec, RUN_STOPPING, NULL);
	/* The end goes on whatever a hook says. */
	if (stop_hooks(c, &h, ns, &he) < 0)
		log_msg(c->engine->log, LOG_WARN, "%s", he.msg);
	*ret_reboot = streq(h.target, "reboot");
	rec.restarts += *ret_reboot;
	c->rec.restarts = rec.restarts;
	r = run_cleanup(dirfd, &rec, &c->spec, NULL, c->engine->log, e);
	return r;
}

/* --- entry points -------------------------------------------------------------------------------------------------------------- */

static int check_startable(struct container *c, struct err *e)
{
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (c->rec.state != RUN_STOPPED)
		return err_kind(e, ERR_STATE, -EALREADY, "Container is already running");
	if (c->rec.bundle)
		return err_kind(e, ERR_EXISTS, -EEXIST,
				"an OCI container of that name is in the way: creel-oci delete %s", c->rec.name);
	return container_check_finished(c, e);
}

/* A start that failed before its runtime began has no journal, only the files made for it. */
static void drop_files(int dirfd)
{
	if (dirfd < 0 || file_exists(dirfd, "journal"))
		return;
	unlinkat(dirfd, "sock", 0);
	unlinkat(dirfd, "spec", 0);
	unlinkat(dirfd, "seccomp", 0);
}

/* One life from plan to RUNNING (detached) or to its end (foreground). */
static int live(struct container *c, const struct start_opts *o, int *lock, int *ret_status, bool *ret_reboot,
		struct err *e)
{
	_cleanup_close_ int commands = -EBADF;
	_cleanup_life_ struct life l = { .dirfd = -EBADF };
	int r;

	r = life_plan(&l, c, o, e);
	l.lock = lock;
	if (r == 0)
		r = lxc_command_listen(c, &commands, e);
	if (r == 0) {
		r = life_prepare(&l, e);
		l.sup.commands_fd = commands;
		if (r < 0)
			drop_files(l.dirfd);
	}
	if (r < 0)
		return r;
	if (!o->foreground) {
		r = open_peer(&l, e);
		if (r == 0)
			r = start_detached(&l.run, &l.sup, e);
		fd_close(l.sup.peer_fd);
		if (r < 0)
			drop_files(l.dirfd);
		return r;
	}
	r = run_foreground(&l, o, ret_status, e);
	fd_close(l.sup.peer_fd);
	if (r < 0) {
		drop_files(l.dirfd);
		return r;
	}
	*lock = record_lock(c->id, true, e);
	if (*lock < 0)
		return *lock;
	l.run.netns_fd = fd_close(l.run.netns_fd);
	l.ns.pid = getpid();
	r = container_ended(c, l.dirfd, *ret_status, &l.ns, ret_reboot, e);
	return r;
}

static int start_logged(struct container *c, const struct start_opts *o, int *ret_status, struct err *e)
{
	_cleanup_close_ int lock = -EBADF;
	bool reboot = false;
	int r;

	lock = record_lock(c->id, true, e);
	if (lock < 0)
		return lock;
	r = check_startable(c, e);
	if (r < 0)
		return r;
	{
		_cleanup_close_ int dirfd = record_open_dir(c->id, false, NULL);

		if (dirfd >= 0 && file_exists(dirfd, "journal")) {
			r = container_recover(c, dirfd, e);
			if (r < 0)
				return r;
		}
	}
	do {
		reboot = false;
		r = live(c, o, &lock, ret_status, &reboot, e);
	} while (r == 0 && reboot && !o->execute);
	/* What was never defined, or could not be started, leaves no trace. */
	if ((o->foreground || r < 0) && !c->defined)
		(void)container_forget(c, NULL);
	lock = fd_close(lock);
	if (r == 0 && o->foreground && c->defined && c->spec.ephemeral == TRI_YES)
		r = container_destroy(c, true, e);
	return r;
}

int container_start(struct container *c, const struct start_opts *o, int *ret_status, struct err *e)
{
	const struct log *given = c->engine->log, *log;
	_cleanup_log_ struct container_log own = { .file.fd = -EBADF, .sock = -EBADF };
	int r;

	if (c->engine->dry_run)
		return container_plan(c, o, c->engine->plan, e);
	r = apply_defines(c, o, e);
	if (r < 0)
		return r;
	log = container_log_open(c, &own, e);
	if (!log && e && e->code)
		return e->code;
	c->engine->log = log;
	r = start_logged(c, o, ret_status, e);
	if (r < 0 && e)
		log_msg(log, LOG_ERROR, "%s", e->msg);
	c->engine->log = given;
	return r;
}

int container_plan(struct container *c, const struct start_opts *o, struct buf *out, struct err *e)
{
	_cleanup_life_ struct life l = { .dirfd = -EBADF };
	int r = check_startable(c, e);

	if (r < 0 && r != -EALREADY)
		return r;
	err_clear(e);
	r = apply_defines(c, o, e);
	if (r == 0)
		r = life_plan(&l, c, o, e);
	if (r < 0)
		return r;
	plan_print(&l.plan, out);
	return buf_error(out, e);
}

/* The lock for the end of the life that KEEPER keeps; -ENOENT where it is over already. A start that failed late has been
 * cleaned up by its runtime, and the next may hold the lock by now, waiting for this keeper to leave. */
static int lock_life(struct container *c, pid_t keeper, struct err *e)
{
	for (;;) {
		int lock = record_lock(c->id, false, e), r;

		if (lock < 0 && lock != -EWOULDBLOCK)
			return lock;
		err_clear(e);
		r = container_refresh(c, e);
		if (r == 0 && (!c->rec.id || c->rec.keeper != keeper))
			r = -ENOENT;
		if (r == 0 && lock >= 0)
			return lock;
		fd_close(lock);
		if (r < 0)
			return r;
		usleep(LOCK_LOOK_MS * 1000);
	}
}

/* The keeper's helper: init of ID has gone with STATUS. Cleans up; after a reboot, starts again for the same keeper. */
static int keeper_exit(struct engine *g, const char *name, int status, int ctl_fd, struct err *e)
{
	_cleanup_(container_freep) struct container *c = NULL, *again = NULL;
	_cleanup_close_ int lock = -EBADF, dirfd = -EBADF;
	struct start_opts o = START_OPTS_INIT;
	_cleanup_life_ struct life l = { .dirfd = -EBADF };
	_cleanup_log_ struct container_log own = { .file.fd = -EBADF, .sock = -EBADF };
	bool reboot = false, ephemeral;
	pid_t keeper = getppid();
	int r;

	run_init(&l.run);
	r = container_open(g, name, NULL, OPEN_MUST_EXIST, &c, e);
	if (r < 0)
		return r;
	g->log = container_log_open(c, &own, NULL) ?: g->log;
	lock = lock_life(c, keeper, e);
	if (lock < 0)
		return lock == -ENOENT ? 0 : lock;
	dirfd = record_open_dir(c->id, false, e);
	if (dirfd < 0)
		return dirfd;
	ephemeral = c->spec.ephemeral == TRI_YES;
	r = container_ended(c, dirfd, status, &(struct ns_holder){ .pid = keeper, .ctl = ctl_fd }, &reboot, e);
	if (r == 0 && reboot) {
		/* By the file as it is now; one that a program never wrote is as it was started. */
		if (c->rec.config && file_exists(AT_FDCWD, c->rec.config))
			r = container_open(g, name, c->rec.config, OPEN_MUST_EXIST, &again, e);
		if (again)
			again->rec.restarts = c->rec.restarts;
		if (r == 0)
			r = life_plan(&l, again ?: c, &o, e);
		if (r == 0)
			r = life_prepare(&l, e);
		if (r < 0)
			return r;
		l.sup.ctl_fd = ctl_fd;
		return start_again(&l.run, &l.sup, e);
	}
	if (!c->defined)
		(void)container_forget(c, NULL);
	lock = fd_close(lock);
	if (r == 0 && ephemeral && c->defined)
		return container_destroy(c, true, e);
	return r;
}

int engine_of_id(const char *id, const struct log *log, struct engine **ret, char **ret_name, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int dirfd = record_open_dir(id, false, e);
	struct engine_opts o = { .log = log };
	int r;

	if (dirfd < 0)
		return dirfd;
	r = record_read(dirfd, &rec, e);
	if (r < 0)
		return r;
	o.lxcpath = rec.lxcpath;
	r = engine_open(&o, ret, e);
	if (r == 0)
		*ret_name = TAKE_PTR(rec.name);
	return r;
}

int engine_keeper_exit(const char *id, int status, int ctl_fd, const struct log *log, struct err *e)
{
	_cleanup_(engine_freep) struct engine *g = NULL;
	_cleanup_free_ char *name = NULL;
	int r = engine_of_id(id, log, &g, &name, e);

	return r < 0 ? r : keeper_exit(g, name, status, ctl_fd, e);
}
