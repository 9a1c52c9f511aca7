/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * create and run. All that can be wrong about what was asked is found before anything is changed. From then on the
 * journal knows what has been done: a kill at any moment leaves at most a state directory whose record was never
 * completed (created_ns is 0), which the next create of that id, `delete --force` and `creel doctor --fix` undo.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/oci-internal.h"
#include "runtime/run.h"
#include "spec/field.h"
#include "sys/pty.h"

/* All that one create needs. */
struct making {
	struct oci *oci;
	const struct oci_create_opts *o;
	struct oci_container *ct;
	struct oci_info info;
	struct plan plan;
	struct plan_opts opts;
	struct run run;
	bool planned, claimed, kept, there; /* claimed: its directory is ours; there: it has come to be */
	char *bundle, *cgroup, *run_dir;
	struct cg_item *items;
	struct strv unit_props;
	int master; /* of its terminal, where we relay it */
	bool notified;
	struct oci_notify notify;
};

static void making_done(struct making *m)
{
	run_done(&m->run);
	if (m->planned)
		plan_done(&m->plan);
	oci_info_done(&m->info);
	oci_container_free(m->ct);
	free(m->bundle);
	free(m->cgroup);
	free(m->run_dir);
	free(m->items);
	strv_done(&m->unit_props);
	fd_close(m->master);
	oci_notify_done(&m->notify);
}

/* --- what was asked ------------------------------------------------------------------------------------------------------ */

static int load_bundle(struct making *m, struct err *e)
{
	const char *dir = isempty(m->o->bundle) ? "." : m->o->bundle;
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len;
	int r;

	m->bundle = realpath(dir, NULL);
	if (!m->bundle)
		return err_set(e, -errno, "chdir %s", dir);
	path = m->o->config ? strdup(m->o->config) : path_join(m->bundle, "config.json");
	if (!path)
		return err_oom(e);
	r = file_read(AT_FDCWD, path, OCI_TEXT_MAX, &text, &len, e);
	if (r == -ENOENT || r == -ENOTDIR) {
		err_clear(e);
		return err_kind(e, ERR_NOT_FOUND, r, "JSON specification file %s not found",
				m->o->config ?: "config.json");
	}
	if (r == 0)
		r = oci_load(text, len, m->o->config ?: "config.json", m->bundle, &m->ct->spec, &m->info, e);
	if (r < 0)
		return r;
	m->ct->loaded = m->ct->whole = true;
	if (m->o->info)
		m->o->info(m->o->arg, &m->info);
	m->ct->spec.name = strdup(m->ct->name);
	if (!m->ct->spec.name)
		return err_oom(e);
	return m->o->adjust ? m->o->adjust(m->o->arg, &m->ct->spec, e) : 0;
}

/* As runc words it: a terminal goes to whoever listens for it, or is ours. */
static int check_terminal(const struct making *m, struct err *e)
{
	bool terminal = m->ct->spec.process.terminal == TRI_YES, detached = m->o->detach || !m->o->start;

	if (detached && terminal && isempty(m->o->console_socket))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"cannot allocate tty if runc will detach without setting console socket");
	if ((!detached || !terminal) && !isempty(m->o->console_socket))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"cannot use console socket if runc will not detach or allocate tty");
	return 0;
}

static int check_rootfs(const struct making *m, struct err *e)
{
	const char *path = m->ct->spec.rootfs.path;
	struct stat st;

	path = path ? startswith(path, "dir:") : NULL;
	if (path && stat(path, &st) < 0)
		return err_set(e, -errno, "invalid rootfs: stat %s", path);
	if (path && !S_ISDIR(st.st_mode))
		return err_kind(e, ERR_INVALID, -ENOTDIR, "invalid rootfs: %s is not a directory", path);
	return 0;
}

/* Sockets of an activation are the container's first process's, as sd_listen_fds(3) has them. */
static int pass_listen_fds(struct making *m, struct err *e)
{
	static const char *const passed[] = { "LISTEN_FDS", "LISTEN_FDNAMES" };
	struct strv *env = &m->ct->spec.process.env;
	unsigned n = oci_listen_fds();
	int r = 0;

	m->opts.preserve_fds = m->o->preserve_fds + n;
	if (!n)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(passed) && r == 0; i++)
		if (getenv(passed[i])) {
			_cleanup_free_ char *said = NULL;

			if (asprintf(&said, "%s=%s", passed[i], getenv(passed[i])) < 0)
				return err_oom(e);
			r = strv_env_set(env, said, e);
		}
	return r == 0 ? strv_env_set(env, "LISTEN_PID=1", e) : r;
}

/* Who waits for our caller to be ready is to hear of the container. */
static int pass_notify(struct making *m, struct err *e)
{
	_cleanup_free_ char *dir = NULL;
	int r = isempty(getenv("NOTIFY_SOCKET")) ? 0 : oci_dir_path(m->oci, m->ct->name, m->ct->id, &dir, e);

	if (r == 0 && dir)
		r = oci_notify_spec(&m->ct->spec, dir, m->oci->crun, e);
	m->notified = r > 0;
	return r < 0 ? r : 0;
}

/* --- its place ----------------------------------------------------------------------------------------------------------- */

/* Undoes what was made of a container that never came to be. */
static int recover(struct oci *r, struct oci_container *c, struct err *e)
{
	if (!c->rec.id)
		c->rec.id = strdup(c->id);
	if (!c->rec.name)
		c->rec.name = strdup(c->name);
	if (!c->rec.id || !c->rec.name)
		return err_oom(e);
	return run_cleanup(c->dirfd, &c->rec, &c->spec, NULL, r->log, e);
}

/* The state directory, made or, when a killed create left it, taken over. */
static int claim(struct making *m, struct err *e)
{
	struct oci_container *c = m->ct;
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	int r;

	c->lock = record_lock(c->id, true, e);
	if (c->lock < 0)
		return c->lock;
	c->dirfd = oci_open_dir(m->oci, c->name, true, e);
	if (c->dirfd >= 0) {
		m->claimed = true;
		return 0;
	}
	if (c->dirfd != -EEXIST)
		return c->dirfd;
	c->dirfd = oci_open_dir(m->oci, c->name, false, NULL);
	if (c->dirfd < 0)
		return -EEXIST; /* *e says so */
	r = record_read(c->dirfd, &rec, NULL);
	if (r != -ENOENT && (r < 0 || rec.created_ns || rec.lxcpath || record_alive(&rec)))
		return -EEXIST;
	err_clear(e);
	r = recover(m->oci, c, e);
	record_done(&c->rec);
	m->claimed = r == 0;
	return r < 0 ? err_wrap(e, r, "clean up after an earlier create of %s", c->name) : 0;
}

/* Before the group's host is asked for: a unit of systemd is told its limits as it is made. */
static int unit_of(struct making *m, struct err *e)
{
	const struct spec *s = &m->ct->spec;
	struct cg_oci *o = &m->oci->cg_oci;
	size_t n = 0;
	int r = 0;

	o->systemd = m->oci->systemd_cgroup;
	o->user = o->systemd && m->opts.rootless;
	if (!o->systemd)
		return 0;
	m->items = calloc(s->cgroup.items.n + 1, sizeof(*m->items));
	if (!m->items)
		return err_oom(e);
	LIST_EACH(i, &s->cgroup.items, struct spec_cgroup_item)
		m->items[n++] = (struct cg_item){ i->version, i->key, i->value };
	for (size_t i = 0; i < s->annotations.n && r == 0; i++) {
		const char *prop = startswith(s->annotations.v[i], "org.systemd.property.");

		if (prop)
			r = strv_push(&m->unit_props, prop, e);
	}
	o->items = m->items;
	o->n_items = n;
	o->unit_props = &m->unit_props;
	return r;
}

static int pick_cgroup(struct making *m, struct err *e)
{
	const struct spec_cgroup *s = &m->ct->spec.cgroup;
	struct cg_host *h = NULL;
	int r;

	if (m->oci->no_cgroup) {
		if (s->items.n)
			log_debug(m->oci->log, "linux.resources: no control group is wanted, no limit is set");
		/* What is kept of it says what it has. */
		field_clear(field_row(spec_fields, "cgroup.items", strlen("cgroup.items")), &m->ct->spec);
		return 0;
	}
	r = unit_of(m, e);
	if (r == 0)
		r = oci_cgroups(m->oci, &h, e);
	if (r < 0 || cg_host_layout(h) == CG_NONE)
		return r;
	r = cg_oci_path(h, s->dir_container, s->relative == TRI_YES, m->ct->name, &m->cgroup, e);
	m->opts.cgroup = m->cgroup;
	return r;
}

static int make_plan(struct making *m, struct err *e)
{
	int r = run_dir(false, &m->run_dir, e);

	if (r < 0)
		return r;
	m->opts.id = m->ct->id;
	m->opts.run_dir = m->run_dir;
	m->opts.uid = m->opts.gid = -1;
	m->opts.rootless = engine_rootless();
	m->opts.oci = true;
	m->opts.foreground = true;
	m->opts.wait_start = !m->o->start;
	m->opts.always_listen = m->oci->crun;
	m->opts.no_pivot = m->o->no_pivot;
	m->opts.no_new_keyring = m->o->no_new_keyring;
	m->opts.bundle = m->bundle;
	m->opts.version = m->info.version;
	r = pick_cgroup(m, e);
	if (r == 0)
		r = plan_compile(&m->ct->spec, &m->opts, &m->plan, e);
	m->planned = r == 0;
	return r;
}

/* Others in the group that it is to have are no reason to refuse it, but one to say so. */
static int check_group(struct making *m, struct err *e)
{
	struct err busy = { 0 };
	int r = m->cgroup ? cg_vacant(m->oci->cg_host, m->cgroup, &busy) : 0;

	if (r < 0 && (busy.kind != ERR_EXISTS || m->oci->systemd_cgroup)) {
		if (e)
			*e = busy;
		return r;
	}
	if (r == 0)
		return 0;
	log_msg(m->oci->log, LOG_WARN, "%s; it is shared with them", busy.msg);
	m->opts.cgroup_shared = true;
	plan_done(&m->plan);
	m->planned = false;
	r = plan_compile(&m->ct->spec, &m->opts, &m->plan, e);
	m->planned = r == 0;
	return r;
}

static int copy_to(char **at, const char *s, struct err *e)
{
	if (!s)
		return 0;
	*at = strdup(s);
	return *at ? 0 : err_oom(e);
}

static int fill_record(struct making *m, struct err *e)
{
	struct record *rec = &m->run.rec;
	int r;

	rec->ns_cloned = m->plan.ns_cloned;
	rec->cap_mask = m->plan.cap_mask;
	rec->has_userns = m->plan.has_userns;
	rec->systemd_cgroup = m->oci->systemd_cgroup;
	r = copy_to(&rec->id, m->ct->id, e);
	if (r == 0)
		r = copy_to(&rec->name, m->ct->name, e);
	if (r == 0)
		r = copy_to(&rec->cgroup, m->cgroup, e);
	if (r == 0)
		r = copy_to(&rec->bundle, m->bundle, e);
	if (r == 0)
		r = copy_to(&rec->version, m->info.version ?: OCI_VERSION, e);
	return r == 0 ? copy_to(&rec->root, m->oci->shared ? NULL : m->oci->root, e) : r;
}

/* What is kept for those who come later. With hooks it is there before the first operation: whoever undoes a create that was
 * killed reads them there. Without, there is time for it while the first process is busy. */
static int keep(struct making *m, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	m->kept = true;
	r = spec_dump(&m->ct->spec, &text, e);
	if (r == 0)
		r = file_replace(m->run.dirfd, "spec", buf_str(&text), text.len, 0600, false, e);
	if (r == 0 && m->plan.seccomp.len)
		r = seccomp_prog_save(&m->plan.seccomp, m->run.dirfd, "seccomp", e);
	return r;
}

static int keep_meanwhile(void *arg, struct run *run, struct err *e)
{
	struct making *m = arg;

	return m->kept ? 0 : keep(m, e);
}

/* What has to be on disk before the first operation. */
static int prepare(struct making *m, struct err *e)
{
	struct run *run = &m->run;
	int r;

	run->plan = &m->plan;
	run->spec = &m->ct->spec;
	run->opts = &m->opts;
	run->log = m->oci->log;
	run->dirfd = m->ct->dirfd;
	run->lock_fd = m->ct->lock;
	run->own_supervisor = true;
	for (int i = 0; i < 3; i++)
		run->stdio[i] = m->ct->spec.process.terminal == TRI_YES ? -EBADF : i;
	r = fill_record(m, e);
	if (r == 0 && m->ct->spec.exec_hooks.n)
		r = keep(m, e);
	if (r == 0 && m->notified)
		r = oci_notify_make_dir(run->dirfd, e);
	if (r == 0 && m->notified && m->o->start)
		r = oci_notify_listen(&m->notify, &m->ct->spec, run->dirfd, run->log, e);
	if (r == 0 && m->plan.rootfs_mount && !m->ct->spec.rootfs.mount && mkdir(m->plan.rootfs_mount, 0755) < 0 &&
	    errno != EEXIST)
		r = err_set(e, -errno, "create %s", m->plan.rootfs_mount);
	if (r == 0 && m->cgroup)
		r = oci_cgroups(m->oci, &run->cg_host, e);
	/* The run's from here on. */
	m->oci->cg_host = NULL;
	return r;
}

/* --- the first process is set up, and has not begun ----------------------------------------------------------------- */

static int send_console(struct making *m, struct run *run, struct err *e)
{
	char name[32];
	int sock, r;

	if (m->ct->spec.process.terminal != TRI_YES)
		return 0;
	if (!run->n_ptys)
		return err_kind(e, ERR_STATE, -EPROTO, "the first process has made no terminal");
	if (isempty(m->o->console_socket)) {
		m->master = run->ptys[0];
		pty_plain_output(m->master);
		run->n_ptys = 0;
		return 0;
	}
	sock = oci_connect(m->o->console_socket, "console socket", e);
	if (sock < 0)
		return sock;
	oci_pts_name(run->ptys[0], name);
	r = oci_send_fd(sock, name, run->ptys[0], "terminal", e);
	fd_close(sock);
	return r;
}

static int take(void *arg, struct run *run, struct err *e)
{
	struct making *m = arg;
	int r = send_console(m, run, e);

	if (r == 0 && !isempty(m->o->pidfd_socket)) {
		_cleanup_close_ int sock = oci_connect(m->o->pidfd_socket, "pidfd socket", e);

		r = sock < 0 ? sock : oci_send_fd(sock, "pidfd", run->pidfd, "pidfd", e);
	}
	if (r == 0 && m->oci->crun)
		r = oci_crun_status(m->ct, &run->rec, m->o->detach || !m->o->start, e);
	if (r == 0 && !isempty(m->o->pidfile))
		r = oci_write_pidfile(m->o->pidfile, run->pid, e);
	return r;
}

static int notify(void *arg, struct run *run, int fd, struct err *e)
{
	return oci_send_listener(((const struct making *)arg)->oci, run->spec, &run->rec, "creating", run->pid, fd, e);
}

/* --- its end in the foreground ---------------------------------------------------------------------------------------- */

/* Waits for init and removes the container. Somebody else may have done so by then. */
static int see_it_out(struct making *m, int *ret_status, struct err *e)
{
	_cleanup_(oci_container_freep) struct oci_container *c = NULL;
	struct err waste = { 0 };

	m->ct->lock = fd_close(m->ct->lock);
	*ret_status = oci_wait_child(m->run.pid, !m->o->no_subreaper, m->master, &m->notify);
	if (m->o->keep)
		return 0;
	if (oci_container_open(m->oci, m->ct->name, OCI_LOCK, &c, &waste) < 0 || c->rec.pid != m->run.pid)
		return 0;
	m->oci->cg_host = TAKE_PTR(m->run.cg_host);
	spec_done(&c->spec);
	c->spec = m->ct->spec;
	c->loaded = c->whole = true;
	spec_init(&m->ct->spec);
	m->run.spec = &c->spec;
	return oci_destroy(c, e);
}

static int make(struct making *m, int *ret_status, struct err *e)
{
	struct run_supervisor sup = { .take = take, .meanwhile = keep_meanwhile, .arg = m };
	sigset_t all, old;
	int r;

	r = prepare(m, e);
	if (r < 0)
		return r;
	m->run.notify = notify;
	m->run.notify_arg = m;
	/* Half a container is nobody's wish: who interrupts us is heard when it is there. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	if (m->o->start && !m->o->detach && !m->o->no_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	r = run_execute(&m->run, &sup, e);
	m->there = r == 0;
	if (r == 0 && m->o->start) {
		r = oci_poststart(m->oci, &m->ct->spec, &m->run.rec, e);
		if (r < 0)
			(void)see_it_out(m, ret_status, NULL);
		else if (!m->o->detach)
			r = see_it_out(m, ret_status, e);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (r == 0 && m->o->detach && m->notify.fd >= 0) {
		/* It may be killed meanwhile, by others too. */
		m->ct->lock = m->run.lock_fd = fd_close(m->ct->lock);
		oci_notify_wait(&m->notify, &m->run.rec);
	}
	return r;
}

int oci_create(struct oci *r, const char *name, const struct oci_create_opts *o, int *ret_status, struct err *e)
{
	_cleanup_(making_done) struct making m = { .oci = r, .o = o, .master = -EBADF, .notify = { .fd = -EBADF } };
	struct err undo = { 0 };
	int x;

	run_init(&m.run);
	m.ct = calloc(1, sizeof(*m.ct));
	if (!m.ct)
		return err_oom(e);
	m.ct->oci = r;
	m.ct->dirfd = m.ct->lock = -EBADF;
	m.ct->rec.exit_status = -1;
	spec_init(&m.ct->spec);
	m.ct->name = strdup(name);
	if (!m.ct->name)
		return err_oom(e);
	x = load_bundle(&m, e);
	if (x == 0)
		x = oci_name_check(name, e);
	if (x == 0)
		x = check_terminal(&m, e);
	if (x == 0)
		x = check_rootfs(&m, e);
	if (x == 0)
		x = pass_listen_fds(&m, e);
	/* crun passes on what there is of them. */
	if (x == 0 && !r->crun)
		x = oci_check_fds(o->preserve_fds, e);
	if (x == 0)
		x = oci_id(r, name, &m.ct->id, e);
	if (x == 0)
		x = pass_notify(&m, e);
	if (x == 0)
		x = make_plan(&m, e);
	if (x == 0)
		x = claim(&m, e);
	/* After the claim: that the id is in use says more, and what a killed create left has gone by now. Before the journal
	 * says that the group, or systemd's unit, is ours: undoing that would kill whoever is in it. */
	if (x == 0)
		x = check_group(&m, e);
	if (x == 0)
		x = make(&m, ret_status, e);
	/* run_execute() has undone what was done; a journal that stays is what could not be, and needs its directory. */
	if (x < 0 && m.claimed && !m.there && !file_exists(m.ct->dirfd, "journal"))
		(void)oci_forget(r, name, m.ct->id, &undo);
	if (x == 0 && o->done && m.notify.fd < 0)
		o->done(o->arg, *ret_status);
	return x;
}

int oci_delete_remains(struct oci *r, const char *name, struct err *e)
{
	struct oci_container c = { .oci = r, .name = (char *)name, .dirfd = -EBADF, .lock = -EBADF };
	_cleanup_free_ char *id = NULL;
	int x;

	if (oci_name_check(name, NULL) < 0)
		return 0;
	spec_init(&c.spec);
	x = oci_id(r, name, &id, e);
	if (x < 0)
		return x;
	c.id = id;
	c.dirfd = oci_open_dir(r, name, false, NULL);
	/* Killed before it made its directory: there is a lock's file, at most. */
	if (c.dirfd < 0 && !record_lock_exists(id))
		return 0;
	c.lock = record_lock(id, true, e);
	x = c.lock < 0 ? c.lock : 0;
	/* A create that was at work has come to its end meanwhile, and left a record. */
	if (x == 0 && c.dirfd < 0)
		c.dirfd = oci_open_dir(r, name, false, NULL);
	if (x == 0 && (c.dirfd < 0 || !file_exists(c.dirfd, "state"))) {
		c.rec.exit_status = -1;
		x = c.dirfd < 0 ? 0 : recover(r, &c, e);
		if (x == 0)
			x = oci_forget(r, name, id, e);
	}
	record_done(&c.rec);
	fd_close(c.dirfd);
	fd_close(c.lock);
	return x;
}
