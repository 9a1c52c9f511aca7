/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Entering: attach and console. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/personality.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "runtime/attach.h"
#include "runtime/relay.h"
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
static int arch_personality(const char *arch, unsigned long *ret, struct err *e)
{
	static const char *const linux32[] = { "arm",  "armel",	 "armhf", "armv7l",  "athlon",
					       "i386", "i486",	 "i586",  "i686",    "linux32",
					       "mips", "mipsel", "ppc",	  "powerpc", "x86" };

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

int container_attach(struct container *c, const struct attach_opts *o, int *ret_status, struct err *e)
{
	_cleanup_strv_ struct strv env = STRV_INIT;
	_cleanup_close_ int dirfd = -EBADF;
	struct attach_req q = {
		.argv = o->argv,
		.elevated_cap = o->elevated_cap,
		.elevated_cgroup = o->elevated_cgroup,
		.elevated_lsm = o->elevated_lsm,
		.remount = o->remount,
		.label = o->label,
		.cwd = o->cwd,
		.uid = o->uid,
		.gid = o->gid,
		.pty_log = o->pty_log,
		.pty = !o->no_pty && (isatty(0) || isatty(1) || isatty(2)),
	};
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (c->rec.state == RUN_STOPPED || !record_alive(&c->rec))
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	if (engine_dry(c->engine, "attach to %s", c->name))
		return 0;
	r = other_namespaces(c->rec.pid, &q.namespaces, e);
	if (r < 0)
		return r;
	if (o->namespaces)
		q.namespaces &= o->namespaces;
	r = make_env(c, o, &env, e);
	if (r == 0 && (o->arch || c->spec.process.arch)) {
		r = arch_personality(o->arch ?: c->spec.process.arch, &q.personality, e);
		q.set_personality = true;
	}
	if (r < 0)
		return r;
	q.envp = strv_get(&env);
	dirfd = record_open_dir(c->id, false, e);
	if (dirfd < 0)
		return dirfd;
	return attach_run(dirfd, &c->rec, &c->spec, &q, ret_status, e);
}

int container_console(struct container *c, int tty, int escape, void (*notify)(void *arg, int tty), void *arg,
		      struct err *e)
{
	_cleanup_close_ int dirfd = -EBADF;
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (c->rec.state == RUN_STOPPED)
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	dirfd = record_open_dir(c->id, false, e);
	return dirfd < 0 ? dirfd : relay_console(dirfd, tty, escape, notify, arg, e);
}
