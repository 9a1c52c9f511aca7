/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where a group is.
 *
 * Mostly at one path in every hierarchy: "lxc.payload.c1". Where a path is relative to the caller's own group it may
 * differ between hierarchies, and a group of systemd's belongs to a unit. Both have to survive in one string, since the
 * record and the journal keep nothing else. So a path is
 *
 *	PATH{//HIERARCHY:PATH}[//unit:NAME | //user-unit:NAME]
 *
 * which cannot be taken for a plain one: those have no empty parts.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "cgroup/driver.h"
#include "cgroup/unit.h"

#define PROC_LIMIT (1u << 20)

static int path_check(const char *path, struct err *e)
{
	const char *s = path;

	if (!*path || strlen(path) > CG_PATH_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "group path '%.64s' is empty or too long", path);
	while (*s) {
		size_t n = strcspn(s, "/");

		if (n == 0 || n > NAME_MAX || (s[n] == '/' && !s[n + 1]) || (n <= 2 && memcmp(s, "..", n) == 0))
			return err_kind(e, ERR_INVALID, -EINVAL,
					"group path '%.64s' is not relative or has empty, '.' or '..' parts", path);
		s += n + (s[n] == '/');
	}
	return 0;
}

/* "KEY:VALUE" after a "//". What names a hierarchy that is not there (any more) is passed over. */
static int add_part(struct cg *g, char *part, struct err *e)
{
	char *value = strchr(part, ':');
	bool user;

	if (!value)
		return err_kind(e, ERR_INVALID, -EINVAL, "group path has an odd part '%.64s'", part);
	*value++ = '\0';
	user = streq(part, "user-unit");
	if (user || streq(part, "unit")) {
		g->unit = value;
		g->unit_user = user;
		return unit_name_ok(value) ? 0 : err_kind(e, ERR_INVALID, -EINVAL, "'%.64s' is no unit", value);
	}
	if (path_check(value, e) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < g->host->n; i++)
		if (streq(g->host->hier[i].name, part))
			g->at[i] = value;
	return 0;
}

int cg_new(struct cg_host *h, const char *path, struct cg **ret, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = calloc(1, sizeof(*g));
	char *next;
	int r;

	if (!g)
		return err_oom(e);
	g->host = h;
	g->prog_fd = g->dev_fd[0] = g->dev_fd[1] = -EBADF;
	g->full = strdup(path);
	g->path = strdup(path);
	if (!g->full || !g->path)
		return err_oom(e);
	next = strstr(g->path, "//");
	if (next)
		*next = '\0';
	r = path_check(g->path, e);
	for (unsigned i = 0; i < h->n; i++)
		g->at[i] = g->path;
	while (r == 0 && next) {
		char *part = next + 2;

		next = strstr(part, "//");
		if (next)
			*next = '\0';
		r = add_part(g, part, e);
	}
	if (r < 0)
		return r;
	*ret = TAKE_PTR(g);
	return 0;
}

/* --- groups of processes --------------------------------------------------------------------------------------------- */

/* The paths that /proc/PID/cgroup says, by hierarchy; NULL where it is the root or not to be seen from here. They point
 * into *RET_TEXT. */
static int proc_paths(const struct cg_host *h, pid_t pid, const char *at[static CG_HIER_MAX], char **ret_text,
		      struct err *e)
{
	char name[32] = "/proc/self/cgroup", *rest, *line;
	int r;

	if (pid)
		snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	r = file_read(AT_FDCWD, name, PROC_LIMIT, ret_text, NULL, e);
	if (r < 0)
		return r;
	memset(at, 0, sizeof(*at) * CG_HIER_MAX);
	rest = *ret_text;
	while ((line = cg_next_line(&rest))) {
		char *list = strchr(line, ':'), *path;
		uint32_t ctrls;

		if (!list || !(path = strchr(++list, ':')))
			continue;
		*path++ = '\0';
		path += strspn(path, "/");
		ctrls = cg_ctrl_mask(list, ",");
		for (unsigned i = 0; i < h->n; i++) {
			const struct cg_hier *x = &h->hier[i];

			if (*list ? x->ops->version == 1 && (x->ctrls == ctrls || streq(x->name, list))
				  : (int)i == h->v2)
				/* Inside a container without a cgroup name space the text counts from the host's root,
				 * the mount does not. */
				at[i] = *path && file_exists(x->fd, path) ? path : NULL;
		}
	}
	return 0;
}

/* The string for paths BASE[i]/NAME; a NULL base is the root. NAME may be empty, then a NULL base is passed over. */
static int encode(const struct cg_host *h, const char *const base[static CG_HIER_MAX], const char *name, char **ret,
		  struct err *e)
{
	_cleanup_buf_ struct buf first = BUF_INIT, rest = BUF_INIT;

	for (unsigned i = 0; i < h->n; i++) {
		_cleanup_buf_ struct buf one = BUF_INIT;

		if (!base[i] && !*name)
			continue;
		buf_printf(&one, "%s%s%s", base[i] ?: "", base[i] && *name ? "/" : "", name);
		if (!first.len)
			buf_puts(&first, buf_str(&one));
		else if (!streq(buf_str(&first), buf_str(&one)))
			buf_printf(&rest, "//%s:%s", h->hier[i].name, buf_str(&one));
	}
	buf_puts(&first, buf_str(&rest));
	*ret = buf_take(&first);
	return *ret ? 0 : err_oom(e);
}

/* "a//./b/../c" → "a/c"; never leaves the root. OUT holds as much as S. */
static void clean(const char *s, char *out)
{
	size_t n = 0;

	while (*s) {
		size_t len = strcspn(s, "/");

		if (len == 2 && s[0] == '.' && s[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
		} else if (len > 0 && !(len == 1 && s[0] == '.')) {
			if (n > 0)
				out[n++] = '/';
			memcpy(out + n, s, len);
			n += len;
		}
		s += len + (s[len] == '/');
	}
	out[n] = '\0';
}

/* On v2 our own group has us in it and so cannot pass controllers down: beside it, not below. Only where an ordinary user
 * may write nowhere but in his own, below it after all: a group without limits is better than none. */
static void step_beside(const struct cg_hier *h, const char **path)
{
	char *own = (char *)*path, *slash = strrchr(own, '/');

	if (geteuid() != 0) {
		char parent[CG_PATH_MAX + 1] = ".";

		if (slash)
			snprintf(parent, sizeof(parent), "%.*s", (int)(slash - own), own);
		if (faccessat(h->fd, parent, W_OK, AT_EACCESS) < 0 && faccessat(h->fd, own, W_OK, AT_EACCESS) == 0)
			return;
	}
	if (slash)
		*slash = '\0';
	else
		*path = NULL;
}

int cg_oci_path(const struct cg_host *h, const char *path, bool relative, const char *id, char **ret, struct err *e)
{
	const char *base[CG_HIER_MAX] = { NULL };
	_cleanup_free_ char *text = NULL, *name = NULL;
	bool given = path && *path;
	int r;

	if (h->oci && h->oci->systemd)
		return unit_path(given ? path : NULL, id, h->oci->user, ret, e);
	name = strdup(given ? path : id);
	if (!name)
		return err_oom(e);
	clean(given ? path : id, name);
	if (!*name)
		return err_kind(e, ERR_INVALID, -EINVAL, "linux.cgroupsPath: '%s' is the root of all control groups",
				path ?: "");
	if (!given || (relative && *path != '/')) {
		r = proc_paths(h, 0, base, &text, e);
		if (r < 0)
			return r;
		if (h->layout == CG_V2 && base[h->v2])
			step_beside(&h->hier[h->v2], &base[h->v2]);
	}
	return encode(h, base, name, ret, e);
}

int cg_user_unit(const struct cg_host *h, const char *prefix, const char *name, char **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;

	if (h->layout != CG_V2)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "no host with cgroup v2 alone");
	if (asprintf(&text, ":%s:%s", prefix, name) < 0)
		return err_oom(e);
	return unit_path(text, name, true, ret, e);
}

int cg_open_pid(struct cg_host *h, pid_t pid, struct cg **ret, struct err *e)
{
	const char *base[CG_HIER_MAX];
	_cleanup_free_ char *text = NULL, *path = NULL;
	int r = proc_paths(h, pid, base, &text, e);

	if (r == 0)
		r = encode(h, base, "", &path, e);
	if (r < 0)
		return r;
	if (!*path)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "process %d is in no control group of its own", (int)pid);
	r = cg_open(h, path, ret, e);
	/* The others' roots are not what the process shares with its first group's name. */
	for (unsigned i = 0; r == 0 && i < h->n; i++)
		if (!base[i])
			(*ret)->used &= ~(1u << i);
	return r;
}

int cg_entry(const struct cg *g, pid_t init, struct cg **ret, struct err *e)
{
	const struct cg_hier *h = g->host->v2 >= 0 ? &g->host->hier[g->host->v2] : NULL;
	_cleanup_(cg_freep) struct cg *its = NULL;
	char text[256], p[PATH_MAX];
	const char *below;
	int r;

	*ret = NULL;
	if (!h || !(g->used & 1u << g->host->v2) ||
	    file_read_small(h->fd, cg_file(cg_at(g, h), "cgroup.subtree_control", p), text, sizeof(text)) <= 0)
		return 0;
	r = cg_open_pid(g->host, init, &its, e);
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	/* Whoever was moved out of the container's group does not lead others there. */
	below = its->used & 1u << g->host->v2 ? startswith(cg_at(its, h), cg_at(g, h)) : NULL;
	if (below && *below == '/')
		*ret = TAKE_PTR(its);
	return 0;
}

/* --- sub-groups ------------------------------------------------------------------------------------------------------ */

/* The hierarchies of "cpu,memory" among those of G; 0 when one of them is not known. */
static uint32_t named_hiers(const struct cg *g, const char *list, size_t len, struct err *e)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < len; i += strcspn(list + i, ",:") + 1) {
		size_t n = strcspn(list + i, ",:");
		int c = cg_ctrl_find(list + i, n);
		const struct cg_hier *h = c >= 0 ? cg_hier_for(g, (enum cg_ctrl)c) : NULL;

		if (!h || h->ops->version == 2) {
			err_kind(e, ERR_INVALID, -EINVAL, "unknown controller '%.*s' in --cgroup %s", (int)n, list + i,
				 list);
			return 0;
		}
		mask |= 1u << (h - g->host->hier);
	}
	return mask;
}

static int sub_path(const struct cg *g, const char *spec, const char *sub[static CG_HIER_MAX], uint32_t *taken,
		    struct err *e)
{
	const char *colon = strchr(spec, ':'), *path = colon ? colon + 1 : spec;
	uint32_t mask = colon ? 0 : g->used;

	if (colon == spec)
		return err_kind(e, ERR_INVALID, -EINVAL, "--cgroup %s: no controller before the colon", spec);
	if (colon && !(mask = named_hiers(g, spec, (size_t)(colon - spec), e)))
		return -EINVAL;
	if (*taken & mask)
		return err_kind(e, ERR_INVALID, -EINVAL, "--cgroup %s: said twice for one controller", spec);
	*taken |= mask;
	path += strspn(path, "/");
	if (*path && path_check(path, NULL) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "bad sub cgroup path: %s is not a sub cgroup path",
				colon ? colon + 1 : spec);
	for (unsigned i = 0; i < g->host->n; i++)
		if (mask & 1u << i)
			sub[i] = path;
	return 0;
}

int cg_sub(const struct cg *g, const char *const *specs, struct cg **ret, struct err *e)
{
	const char *sub[CG_HIER_MAX] = { NULL }, *at[CG_HIER_MAX] = { NULL };
	_cleanup_(cg_freep) struct cg *n = NULL;
	_cleanup_strv_ struct strv own = STRV_INIT;
	_cleanup_free_ char *path = NULL;
	uint32_t taken = 0;
	int r = 0;

	for (const char *const *s = specs; s && *s && r == 0; s++)
		r = sub_path(g, *s, sub, &taken, e);
	for (unsigned i = 0; r == 0 && i < g->host->n; i++) {
		if (!(g->used & 1u << i))
			continue;
		r = strv_pushf(&own, e, "%s%s%s", g->at[i], sub[i] && *sub[i] ? "/" : "", sub[i] ?: "");
		if (r < 0)
			break;
		at[i] = own.v[own.n - 1];
		if (!file_exists(g->host->hier[i].fd, at[i]))
			r = err_kind(e, ERR_NOT_FOUND, -ENOENT,
				     "cannot join: adding pid to %s: /%s/cgroup.procs: no such file or directory",
				     g->host->hier[i].name, at[i]);
	}
	if (r == 0)
		r = encode(g->host, at, "", &path, e);
	if (r == 0)
		r = cg_new(g->host, path, &n, e);
	if (r < 0)
		return r;
	n->used = g->used;
	*ret = TAKE_PTR(n);
	return 0;
}
