/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "config.h"
#include "dialect/lxc/global.h"
#include "engine/internal.h"
#include "sys/proc.h"

static char *try_resource(const char *a, const char *b, const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s%s%s", a, b, name ? "/" : "", name ?: "") < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *engine_resource(enum resource kind, const char *name)
{
	/* Relative to the program's directory (build tree first, then PREFIX/bin), then the installed place. */
	static const struct {
		const char *build, *prefix, *installed;
	} places[] = {
		[RES_KEEPER] = { "/../keeper", "/../libexec/creel", CREEL_LIBEXEC },
		[RES_REGISTRY] = { "/../registryd", "/../libexec/creel", CREEL_LIBEXEC },
		[RES_INIT] = { "/../keeper", "/../libexec/creel", CREEL_LIBEXEC },
		[RES_TEMPLATES] = { "/../../../templates", "/../share/lxc/templates", CREEL_DATADIR "/lxc/templates" },
		[RES_CONFIG] = { "/../../config", "/../share/lxc/config", CREEL_DATADIR "/lxc/config" },
		[RES_LXC_LIBEXEC] = { "/../usernic", "/../libexec/lxc", CREEL_LXC_LIBEXEC },
		[RES_ETC] = { "/../../../config", "/../../etc/lxc", CREEL_SYSCONFDIR "/lxc" },
	};
	_cleanup_free_ char *self = engine_self();
	char *slash = self ? strrchr(self, '/') : NULL, *found = NULL;

	if (slash && !startswith(self, "/usr/bin/") && !startswith(self, "/usr/sbin/")) {
		*slash = '\0';
		found = try_resource(self, places[kind].build, name);
		if (!found)
			found = try_resource(self, places[kind].prefix, name);
	}
	return found ?: try_resource(places[kind].installed, "", name);
}

const char *engine_global(struct engine *g, const char *item)
{
	return strv_env_get(&g->globals, item);
}

int engine_open(const struct engine_opts *o, struct engine **ret, struct err *e)
{
	_cleanup_(engine_freep) struct engine *g = calloc(1, sizeof(*g));
	const char *path = o->lxcpath;
	int r;

	if (!g)
		return err_oom(e);
	g->log = o->log;
	g->dry_run = o->dry_run;
	g->plan = o->plan;
	r = lxc_global_load(NULL, geteuid() == 0 && !proc_user_entered() ? NULL : getenv("HOME"), &g->globals, e);
	if (r < 0)
		return r;
	g->usual_path = isempty(path);
	if (isempty(path))
		path = engine_global(g, "lxc.lxcpath");
	if (isempty(path))
		path = "/var/lib/lxc";
	/* One spelling: the id of a container is made from it. */
	g->lxcpath = realpath(path, NULL) ?: strdup(path);
	if (!g->lxcpath)
		return err_oom(e);
	/* Who only looks needs no folder; who starts something is told by the start why there is none. */
	if (o->dry_run || run_dir(true, &g->run_dir, NULL) < 0) {
		r = run_dir(false, &g->run_dir, e);
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(g);
	return 0;
}

struct engine *engine_free(struct engine *g)
{
	if (!g)
		return NULL;
	free(g->lxcpath);
	free(g->run_dir);
	strv_done(&g->globals);
	cg_host_free(g->cg_host);
	free(g);
	return NULL;
}

const char *engine_lxcpath(const struct engine *g)
{
	return g->lxcpath;
}

int engine_cgroups(struct engine *g, struct cg_host **ret, struct err *e)
{
	if (!g->cg_host) {
		int r = cg_host_open(NULL, &g->cg_host, e);

		if (r == 0 && !isempty(engine_global(g, "lxc.cgroup.use")))
			r = cg_host_use(g->cg_host, engine_global(g, "lxc.cgroup.use"), e);
		if (r < 0) {
			g->cg_host = cg_host_free(g->cg_host);
			return r;
		}
	}
	*ret = g->cg_host;
	return 0;
}

bool engine_dry(struct engine *g, const char *fmt, ...)
{
	va_list ap;

	if (!g->dry_run)
		return false;
	if (g->plan) {
		va_start(ap, fmt);
		buf_vprintf(g->plan, fmt, ap);
		va_end(ap);
		buf_putc(g->plan, '\n');
	}
	return true;
}

/* --- listing ------------------------------------------------------------------------------------------------------------- */

static int list_defined(struct engine *g, struct strv *ret, struct err *e)
{
	DIR *d = opendir(g->lxcpath);
	struct dirent *de;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", g->lxcpath);
	while (r == 0 && (de = readdir(d))) {
		char path[NAME_MAX + sizeof("/partial")];

		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/config", de->d_name);
		if (faccessat(dirfd(d), path, F_OK, 0) < 0)
			continue;
		/* A copy that is not finished is none. */
		snprintf(path, sizeof(path), "%s/partial", de->d_name);
		if (faccessat(dirfd(d), path, F_OK, 0) < 0)
			r = strv_push(ret, de->d_name, e);
	}
	closedir(d);
	return r;
}

static int list_active(struct engine *g, struct strv *ret, struct err *e)
{
	DIR *d = opendir(g->run_dir);
	struct dirent *de;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", g->run_dir);
	while (r == 0 && (de = readdir(d))) {
		_cleanup_close_ int fd = -EBADF;
		_cleanup_record_ struct record rec = { 0 };

		/* An OCI container's name may begin with a dot. */
		if (streq(de->d_name, ".") || streq(de->d_name, "..") || streq(de->d_name, "locks"))
			continue;
		/* A link leads to a container of an OCI runtime's own root. */
		fd = openat(dirfd(d), de->d_name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (de->d_type == DT_LNK ? 0 : O_NOFOLLOW));
		if (fd < 0 || record_read(fd, &rec, NULL) < 0 || rec.state == RUN_STOPPED)
			continue;
		if (streq_ptr(rec.lxcpath, g->lxcpath))
			r = strv_push(ret, rec.name, e);
		else if (rec.bundle && g->usual_path)
			r = strv_push(ret, de->d_name, e);
		else if (rec.data && g->usual_path)
			r = strv_push(ret, rec.name, e);
	}
	closedir(d);
	return r;
}

int engine_list(struct engine *g, unsigned which, struct strv *ret, struct err *e)
{
	int r = 0;

	if (which & LIST_DEFINED)
		r = list_defined(g, ret, e);
	if (r == 0 && (which & LIST_ACTIVE))
		r = list_active(g, ret, e);
	if (r < 0)
		return r;
	strv_sort(ret);
	for (size_t i = 1; i < ret->n;)
		if (streq(ret->v[i - 1], ret->v[i]))
			strv_remove(ret, i);
		else
			i++;
	return 0;
}
