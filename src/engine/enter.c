/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Entering: attach and console. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "runtime/attach.h"
#include "runtime/relay.h"
#include "spec/field.h"
#include "sys/ns.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* The command's environment: the caller's (unless cleared), what the container says, what was asked for. */
static int make_env(struct container *c, const struct attach_opts *o, struct strv *env, struct err *e)
{
	int r = 0;

	if (!o->clear_env)
		for (char *const *p = environ; *p && r == 0; p++)
			r = strv_push(env, *p, e);
	for (const char *const *k = o->keep_vars; o->clear_env && k && *k && r == 0; k++) {
		const char *v = getenv(*k);

		if (v)
			r = strv_pushf(env, e, "%s=%s", *k, v);
	}
	if (r == 0 && !strv_env_get(env, "PATH"))
		r = strv_push(env, DEFAULT_PATH, e);
	if (r == 0)
		r = strv_env_set(env, "container=lxc", e);
	for (size_t i = 0; i < c->spec.process.env.n && r == 0; i++)
		if (strchr(c->spec.process.env.v[i], '='))
			r = strv_env_set(env, c->spec.process.env.v[i], e);
	for (const char *const *v = o->set_vars; v && *v && r == 0; v++)
		r = strv_env_set(env, *v, e);
	return r;
}

/* By name, as lxc.arch takes it. */
int engine_personality(const char *arch, unsigned long *ret, struct err *e)
{
	static const char *const linux32[] = { "arm",  "armel",	  "armhf", "armv7l",  "athlon", "i386",
					       "i486", "i586",	  "i686",  "linux32", "mips",	"mipsel",
					       "ppc",  "powerpc", "x32",   "x86" };
	const char *const *known = spec_arch_names;

	while (*known && !streq(*known, arch))
		known++;
	if (!*known)
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no architecture", arch);
	*ret = PER_LINUX;
	for (size_t i = 0; i < ARRAY_SIZE(linux32); i++)
		if (streq(arch, linux32[i]))
			*ret = PER_LINUX32;
	return 0;
}

/* The name spaces of init that are not ours: its own, and those it shares with another container. */
static int other_namespaces(pid_t pid, unsigned *ret, struct err *e)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < NS_MAX; i++) {
		ino_t own, its;
		int r;

		if (ns_ino(getpid(), &ns_table[i], &own) < 0)
			continue; /* a kind that this kernel does not have */
		r = ns_ino(pid, &ns_table[i], &its);
		if (r < 0)
			return err_set(e, r, "look at the container's %s name space", ns_table[i].name);
		if (own != its)
			mask |= 1u << i;
	}
	*ret = mask;
	return 0;
}

/* All that one entry needs. */
struct entry {
	struct attach_req q;
	struct strv env;
	int dirfd;
};

static void entry_done(struct entry *n)
{
	strv_done(&n->env);
	fd_close(n->dirfd);
}

static int set_personality(struct container *c, const struct attach_opts *o, struct attach_req *q, struct err *e)
{
	const char *arch = o->arch ?: c->spec.process.arch;

	if (o->no_personality || (!o->personality && !arch))
		return 0;
	q->set_personality = true;
	if (!o->personality)
		return engine_personality(arch, &q->personality, e);
	q->personality = *o->personality;
	return 0;
}

/* 1: a dry run. */
static int entry_prepare(struct container *c, const struct attach_opts *o, struct entry *n, struct err *e)
{
	int r = container_refresh(c, e);

	n->q = (struct attach_req){
		.argv = o->argv,
		.fn = o->fn,
		.arg = o->arg,
		.elevated_cap = o->elevated_cap,
		.elevated_cgroup = o->elevated_cgroup,
		.elevated_lsm = o->elevated_lsm,
		.remount = o->remount,
		.label = o->label,
		.label_now = o->label_now,
		.no_new_privs = o->no_new_privs,
		.groups = o->groups,
		.n_groups = o->n_groups,
		.stdio = o->stdio,
		.cwd = o->cwd,
		.uid = o->uid,
		.gid = o->gid,
		.pty_log = o->pty_log,
		.pty_log_fd = o->pty_log_fd,
		.pty = !o->no_pty && (o->force_pty || isatty(0) || isatty(1) || isatty(2)),
	};
	if (r < 0)
		return r;
	if (c->rec.state == RUN_STOPPED || !record_alive(&c->rec))
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	if (engine_dry(c->engine, "attach to %s", c->name))
		return 1;
	r = other_namespaces(c->rec.pid, &n->q.namespaces, e);
	if (r < 0)
		return r;
	if (o->namespaces)
		n->q.namespaces &= o->namespaces;
	r = make_env(c, o, &n->env, e);
	if (r == 0)
		r = set_personality(c, o, &n->q, e);
	if (r < 0)
		return r;
	n->q.envp = strv_get(&n->env);
	n->dirfd = record_open_dir(c->id, false, e);
	return n->dirfd < 0 ? n->dirfd : 0;
}

int container_attach(struct container *c, const struct attach_opts *o, int *ret_status, struct err *e)
{
	_cleanup_(entry_done) struct entry n = { .dirfd = -EBADF };
	int r = entry_prepare(c, o, &n, e);

	if (r != 0)
		return r < 0 ? r : 0;
	return attach_run(n.dirfd, &c->rec, &c->spec, &n.q, ret_status, e);
}

int container_attach_start(struct container *c, const struct attach_opts *o, pid_t *ret_pid, struct err *e)
{
	_cleanup_(entry_done) struct entry n = { .dirfd = -EBADF };
	pid_t pid = 0;
	int r = entry_prepare(c, o, &n, e);

	if (r != 0)
		return r < 0 ? r : err_kind(e, ERR_INVALID, -EOPNOTSUPP, "nothing is started in a dry run");
	r = attach_start(n.dirfd, &c->rec, &c->spec, &n.q, &pid, e);
	if (r < 0 && pid > 0)
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	if (r == 0)
		*ret_pid = pid;
	return r;
}

/* --- terminals ---------------------------------------------------------------------------------------------------------- */

static int open_running(struct container *c, struct err *e)
{
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (c->rec.state == RUN_STOPPED)
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	return record_open_dir(c->id, false, e);
}

int container_console(struct container *c, int tty, int escape, void (*notify)(void *arg, int tty), void *arg,
		      struct err *e)
{
	_cleanup_close_ int dirfd = open_running(c, e);

	return dirfd < 0 ? dirfd : relay_console(dirfd, tty, escape, notify, arg, e);
}

int container_console_at(struct container *c, int in, int out, int tty, int escape, struct err *e)
{
	_cleanup_close_ int dirfd = open_running(c, e);
	struct relay_ends ends = { in, out };

	return dirfd < 0 ? dirfd : relay_console_at(dirfd, &ends, tty, escape, NULL, NULL, e);
}

int container_take_tty(struct container *c, int tty, int *ret_tty, int *ret_master, struct err *e)
{
	_cleanup_close_ int dirfd = open_running(c, e);

	return dirfd < 0 ? dirfd : relay_take_tty(dirfd, tty, ret_tty, ret_master, e);
}
