/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Its life: created, started, waited for, frozen, stopped, destroyed. */

#include <signal.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/file.h"
#include "liblxc/liblxc.h"
#include "store/store.h"

/* --- questions ------------------------------------------------------------------------------------------------------------ */

static enum run_state state_of(struct lxc_container *c)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };

	return view_record(c, &rec, NULL, NULL) < 0 ? RUN_STOPPED : rec.state;
}

static const char *state(struct lxc_container *c)
{
	return c ? run_state_names[state_of(c)] : NULL;
}

static bool is_running(struct lxc_container *c)
{
	return c && state_of(c) != RUN_STOPPED;
}

/* "RUNNING|STOPPED" → mask */
static int parse_states(const char *text, unsigned *ret, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = strv_split(&words, text ?: "", "|", e);

	*ret = 0;
	for (size_t i = 0; i < words.n && r == 0; i++) {
		enum run_state s;

		if (run_state_parse(words.v[i], &s) < 0)
			r = err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no state", words.v[i]);
		else
			*ret |= 1u << s;
	}
	return r == 0 && !*ret ? err_kind(e, ERR_INVALID, -EINVAL, "no state to wait for") : r;
}

static bool wait_for(struct lxc_container *c, const char *states, int timeout)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	enum run_state s;
	unsigned mask;
	int r;

	if (!c)
		return false;
	r = parse_states(states, &mask, &e);
	if (r == 0)
		r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_wait(v.c, mask, timeout < 0 ? -1 : timeout > 2000000 ? -1 : timeout * 1000, &s, &e);
	return r < 0 ? api_fail(c, &e) : r == 1;
}

/* --- starting -------------------------------------------------------------------------------------------------------------- */

struct launch {
	struct lxc_container *c;
	struct container *ct;
	struct start_opts o;
	int status;
};

static int launch(void *arg, struct err *e)
{
	struct launch *l = arg;

	return container_start(l->ct, &l->o, &l->status, e);
}

/* What lxc.execute.cmd or lxc.init.cmd say is run when the caller says nothing. */
static int default_command(const struct spec *s, struct strv *ret, struct err *e)
{
	const char *cmd = s->process.execute_cmd ?: s->process.init_cmd;

	if (isempty(cmd))
		return err_kind(e, ERR_INVALID, -EINVAL, "no command: neither given nor in lxc.execute.cmd");
	return strv_split_command(ret, cmd, e);
}

static int start_steps(struct lxc_container *c, int useinit, char *const argv[], struct launch *l, struct err *e)
{
	_cleanup_view_ struct view v = { 0 };
	_cleanup_strv_ struct strv cmd = STRV_INIT;
	int r;

	if (!c->lxc_conf)
		return err_kind(e, ERR_STATE, -EINVAL, "no configuration has been loaded");
	r = view_open(c, VIEW_MEMORY, &v, e);
	if (r == 0 && useinit && !argv)
		r = default_command(&v.c->spec, &cmd, e);
	if (r < 0)
		return r;
	l->ct = v.c;
	l->o = START_OPTS_INIT;
	l->o.argv = argv ?: cmd.v;
	l->o.execute = useinit;
	l->o.foreground = !c->daemonize;
	l->o.pidfile = c->pidfile;
	r = worker_call(launch, l, l->o.foreground, &l->status, sizeof(l->status), e);
	return r;
}

static bool start(struct lxc_container *c, int useinit, char *const argv[])
{
	struct err e = { 0 };
	struct launch l = { .c = c };

	if (!c)
		return false;
	if (start_steps(c, useinit, argv && argv[0] ? argv : NULL, &l, &e) < 0) {
		api_fail(c, &e);
		/* What lxc-start ends with. */
		c->error_num = 1;
		return false;
	}
	c->error_num = l.status;
	return true;
}

static bool startl(struct lxc_container *c, int useinit, ...)
{
	char **argv;
	va_list ap;
	bool ok;

	va_start(ap, useinit);
	argv = api_arguments(va_arg(ap, const char *), ap);
	va_end(ap);
	ok = argv && start(c, useinit, argv);
	free(argv);
	return ok;
}

/* --- stopping -------------------------------------------------------------------------------------------------------------- */

/* R where it does not run: what the caller wanted, or not. */
static bool stop_with(struct lxc_container *c, const struct stop_opts *o, bool if_stopped)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c)
		return false;
	if (!is_running(c))
		return if_stopped;
	r = view_open(c, VIEW_FILE, &v, &e);
	if (r == 0)
		r = container_stop(v.c, o, &e);
	/* It has gone meanwhile. */
	if (r == -ESRCH && !o->reboot)
		return if_stopped;
	return r == 0 || api_fail(c, &e);
}

static bool stop(struct lxc_container *c)
{
	return stop_with(c, &(struct stop_opts){ .kill = true }, true);
}

static bool shutdown(struct lxc_container *c, int timeout)
{
	return stop_with(c, &(struct stop_opts){ .nokill = true, .nowait = timeout == 0, .timeout_s = timeout }, true);
}

static bool reboot(struct lxc_container *c)
{
	return stop_with(c, &(struct stop_opts){ .reboot = true, .nowait = true }, false);
}

static bool reboot2(struct lxc_container *c, int timeout)
{
	return stop_with(c, &(struct stop_opts){ .reboot = true, .nowait = timeout == 0, .timeout_s = timeout }, true);
}

static bool set_frozen(struct lxc_container *c, bool frozen)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	enum run_state now;
	int r;

	if (!c || !c->lxc_conf)
		return false;
	now = state_of(c);
	if (frozen ? now == RUN_FROZEN : now != RUN_FROZEN && now != RUN_FREEZING && now != RUN_STOPPED)
		return true;
	r = view_open(c, VIEW_RECORD, &v, &e);
	if (r == 0)
		r = container_freeze(v.c, frozen, &e);
	return r == 0 || api_fail(c, &e);
}

static bool freeze(struct lxc_container *c)
{
	return set_frozen(c, true);
}

static bool unfreeze(struct lxc_container *c)
{
	return set_frozen(c, false);
}

/* --- creating and destroying -------------------------------------------------------------------------------------------- */

struct making {
	struct container *ct;
	struct create_opts o;
	struct store_opts store;
};

static int make(void *arg, struct err *e)
{
	struct making *m = arg;

	return container_create(m->ct, &m->o, e);
}

static void take_specs(struct making *m, const char *bdevtype, const struct bdev_specs *specs)
{
	m->o.bdev = bdevtype;
	if (!specs)
		return;
	m->o.dir = specs->dir;
	m->store = (struct store_opts){
		.size = specs->fssize,
		.fstype = specs->fstype,
		.vg = specs->lvm.vg,
		.lv = specs->lvm.lv,
		.thinpool = specs->lvm.thinpool,
		.zfsroot = specs->zfs.zfsroot,
		.rbdname = specs->rbd.rbdname,
		.rbdpool = specs->rbd.rbdpool,
	};
	m->o.store = &m->store;
}

static int create_steps(struct lxc_container *c, struct making *m, struct err *e)
{
	_cleanup_view_ struct view v = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = view_open(c, VIEW_MEMORY, &v, e);

	if (r < 0)
		return r;
	/* In memory is what it begins with. */
	api_lock(c);
	if (c->lxc_conf) {
		r = lxc_config_text(c->lxc_conf->config, &text, e);
		m->o.text = buf_str(&text);
	}
	api_unlock(c);
	/* The root file system that it names is there already, and is filled by the template. */
	if (r == 0 && v.c->spec.rootfs.path && !m->o.dir) {
		const char *path = startswith(v.c->spec.rootfs.path, "dir:") ?: v.c->spec.rootfs.path;

		if (*path == '/' && access(path, F_OK) < 0)
			r = err_set(e, -errno, "root file system %s", path);
		m->o.dir = path;
	}
	if (r == 0 && v.c->defined && v.c->spec.rootfs.path)
		r = err_kind(e, ERR_EXISTS, -EEXIST, "Container already exists");
	if (r < 0)
		return r;
	m->ct = v.c;
	return worker_call(make, m, false, NULL, 0, e);
}

static bool create(struct lxc_container *c, const char *t, const char *bdevtype, struct bdev_specs *specs, int flags,
		   char *const argv[])
{
	struct making m = { .o = { .template = t, .argv = argv, .quiet = flags & LXC_CREATE_QUIET, .adopt = true } };
	struct err e = { 0 };
	int r;

	if (!c)
		return false;
	/* Without a template there is nothing to make but the configuration. */
	if (!t)
		return c->save_config(c, NULL);
	take_specs(&m, bdevtype, specs);
	r = create_steps(c, &m, &e);
	if (r == 0) {
		c->clear_config(c);
		r = config_load(c, c->configfile, &e);
	}
	return r == 0 || api_fail(c, &e);
}

static bool createl(struct lxc_container *c, const char *t, const char *bdevtype, struct bdev_specs *specs, int flags,
		    ...)
{
	char **argv;
	va_list ap;
	bool ok;

	va_start(ap, flags);
	argv = api_arguments(va_arg(ap, const char *), ap);
	va_end(ap);
	ok = argv && create(c, t, bdevtype, specs, flags, argv);
	free(argv);
	return ok;
}

static int unmake(void *arg, struct err *e)
{
	return container_destroy(arg, false, e);
}

static bool destroy(struct lxc_container *c)
{
	_cleanup_view_ struct view v = { 0 };
	struct err e = { 0 };
	int r;

	if (!c)
		return false;
	r = view_open(c, VIEW_FILE, &v, &e);
	if (r == 0)
		r = worker_call(unmake, v.c, false, NULL, 0, &e);
	return r == 0 || api_fail(c, &e);
}

void methods_life(struct lxc_container *c)
{
	c->state = state;
	c->is_running = is_running;
	c->wait = wait_for;
	c->start = start;
	c->startl = startl;
	c->stop = stop;
	c->shutdown = shutdown;
	c->reboot = reboot;
	c->reboot2 = reboot2;
	c->freeze = freeze;
	c->unfreeze = unfreeze;
	c->create = create;
	c->createl = createl;
	c->destroy = destroy;
}
