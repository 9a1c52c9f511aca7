/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where the control groups of a container lie: said by its keys, by lxc.conf, or as LXC has always had them. */

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/internal.h"

/* A path of lxc.conf(5)'s lxc.cgroup.pattern, with the name in the place of every %n. */
static int put_pattern(const char *pattern, const char *name, struct buf *out, struct err *e)
{
	pattern += strspn(pattern, "/");
	for (const char *p = pattern; *p; p++)
		if (p[0] == '%' && p[1] == 'n') {
			buf_puts(out, name);
			p++;
		} else {
			buf_putc(out, *p);
		}
	if (!*pattern || strstr(pattern, ".."))
		return err_kind(e, ERR_INVALID, -EINVAL, "lxc.cgroup.pattern: expected a path without '..', not '%s'",
				pattern);
	return buf_error(out, e);
}

/* What all groups of the container lie below: the caller's own group where that is asked for, or all there is. */
static int put_base(const struct container *c, struct cg_host *h, bool own, struct buf *out, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	int r = 0;

	if (own)
		r = cg_host_own_path(h, &path, e);
	if (r == 0 && !isempty(path))
		buf_printf(out, "%s/", path);
	return r;
}

static int group_base(const struct container *c, struct cg_host *h, bool rootless, struct buf *out, struct err *e)
{
	const struct spec_cgroup *s = &c->spec.cgroup;
	const char *pattern = engine_global(c->engine, "lxc.cgroup.pattern");
	/* What has been delegated to a user lies below his own group. */
	int r = put_base(c, h, s->relative == TRI_YES || (rootless && !s->dir_container), out, e);

	if (r < 0)
		return r;
	if (s->dir_container)
		buf_puts(out, s->dir_container);
	else if (s->dir)
		buf_printf(out, "%s/lxc.payload.%s", s->dir, c->name);
	else if (!isempty(pattern))
		return put_pattern(pattern, c->name, out, e);
	else
		buf_printf(out, "lxc.payload.%s", c->name);
	return buf_error(out, e);
}

/* Nothing runs in it: a name is taken by a container of another lxcpath now and then. */
static bool is_free(struct cg_host *h, const char *path)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;

	return cg_open(h, path, &g, NULL) < 0 || (cg_pids(g, &pids, &n, NULL) == 0 && n == 0);
}

static int pick_free(struct cg_host *h, const char *base, char **ret, struct err *e)
{
	for (unsigned i = 0; i < 1000; i++) {
		_cleanup_free_ char *path = NULL;

		if ((i ? asprintf(&path, "%s-%u", base, i) : asprintf(&path, "%s", base)) < 0)
			return err_oom(e);
		if (is_free(h, path)) {
			*ret = TAKE_PTR(path);
			return 0;
		}
	}
	return err_kind(e, ERR_LIMIT, -EBUSY, "no free control group name for %s", base);
}

/* A unit of the user's own service manager, where he has one: what is delegated to him is delegated to that. */
static bool pick_unit(const struct container *c, struct cg_host *h, char **ret)
{
	for (unsigned i = 0; i < 100; i++) {
		_cleanup_free_ char *name = NULL, *path = NULL;

		if ((i ? asprintf(&name, "%s-%u", c->id, i) : asprintf(&name, "%s", c->id)) < 0)
			return false;
		/* A unit's instance is something else. */
		for (char *s = name; (s = strchr(s, '@'));)
			*s = '-';
		if (cg_user_unit(h, "lxc", name, &path, NULL) < 0)
			return false;
		if (cg_vacant(h, path, NULL) == 0) {
			*ret = TAKE_PTR(path);
			return true;
		}
	}
	return false;
}

/* Nobody has said a place. */
static bool is_anywhere(const struct container *c)
{
	const struct spec_cgroup *s = &c->spec.cgroup;

	return !s->dir_container && !s->dir && s->relative != TRI_YES &&
	       isempty(engine_global(c->engine, "lxc.cgroup.pattern"));
}

int container_pick_group(struct container *c, bool rootless, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf base = BUF_INIT;
	struct cg_host *h;
	int r = engine_cgroups(c->engine, &h, e);

	if (r < 0 || cg_host_layout(h) == CG_NONE)
		return r;
	if (rootless && geteuid() != 0 && is_anywhere(c) && pick_unit(c, h, ret))
		return 0;
	r = group_base(c, h, rootless, &base, e);
	return r < 0 ? r : pick_free(h, buf_str(&base), ret, e);
}

int container_monitor_group(struct container *c, char **ret, struct err *e)
{
	const struct spec_cgroup *s = &c->spec.cgroup;
	_cleanup_buf_ struct buf base = BUF_INIT;
	struct cg_host *h;
	int r;

	if (!s->dir_monitor)
		return 0;
	r = engine_cgroups(c->engine, &h, e);
	if (r < 0 || cg_host_layout(h) == CG_NONE)
		return r;
	r = put_base(c, h, s->relative == TRI_YES, &base, e);
	buf_puts(&base, s->dir_monitor);
	if (r == 0)
		r = buf_error(&base, e);
	return r < 0 ? r : pick_free(h, buf_str(&base), ret, e);
}
