/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/lxc/global.h"

#include <errno.h>

#include "base/file.h"
#include "base/names.h"
#include "config.h"
#include "dialect/lxc/load.h"

/* clang-format off */
const struct lxc_global lxc_globals[] = {
	{ "lxc.default_config", CREEL_SYSCONFDIR "/lxc/default.conf", ".config/lxc/default.conf", true },
	{ "lxc.lxcpath", "/var/lib/lxc", ".local/share/lxc", true },
	{ "lxc.bdev.lvm.vg", "lxc" },
	{ "lxc.bdev.lvm.thin_pool", "lxc" },
	{ "lxc.bdev.zfs.root", "lxc" },
	{ "lxc.bdev.rbd.rbdpool", "lxc" },
	{ "lxc.bdev.rbd.rbduser" },
	{ "lxc.cgroup.use" },
	{ "lxc.cgroup.pattern" },
	{ 0 },
};
/* clang-format on */

#define N_GLOBALS (ARRAY_SIZE(lxc_globals) - 1)

const struct lxc_global *lxc_global_find(const char *name)
{
	for (const struct lxc_global *g = lxc_globals; g->name; g++)
		if (streq(g->name, name))
			return g;
	return NULL;
}

static int default_of(const struct lxc_global *g, const char *home, struct strv *ret, struct err *e)
{
	if (home && g->user)
		return strv_pushf(ret, e, "%s=%s/%s", g->name, home, g->user);
	return g->root ? strv_pushf(ret, e, "%s=%s", g->name, g->root) : 0;
}

static int set_item(struct strv *values, const struct lxc_line *l, struct err *e)
{
	const struct lxc_global *g = lxc_global_find(l->key);
	const char *names[N_GLOBALS], *near;
	_cleanup_buf_ struct buf b = BUF_INIT;
	size_t n = strlen(l->value);
	int r;

	for (size_t i = 0; i < N_GLOBALS; i++)
		names[i] = lxc_globals[i].name;
	if (!g) {
		near = nearest(l->key, names, N_GLOBALS);
		r = err_kind(e, ERR_INVALID, -EINVAL, "%.200s: expected a known item", l->key);
		return near ? err_hint(e, r, "did you mean '%s'?", near) : r;
	}
	if (g->path && n && *l->value != '/')
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected an absolute path, not '%.200s'", g->name,
				l->value);
	while (g->path && n > 1 && l->value[n - 1] == '/')
		l->value[--n] = '\0';
	buf_printf(&b, "%s=%s", g->name, l->value);
	r = buf_error(&b, e);
	return r < 0 ? r : strv_env_set(values, buf_str(&b), e);
}

/* TEXT is scratch. */
static int parse(char *text, size_t len, const char *name, struct strv *values, struct err *e)
{
	char *end = text + len, *next;
	unsigned number = 1;
	int r;

	for (char *line = text; line < end; line = next, number++) {
		char *nl = memchr(line, '\n', (size_t)(end - line)) ?: end;
		struct lxc_line l;

		next = nl + 1;
		*nl = '\0';
		r = lxc_line_split(line, &l, e);
		if (r > 0)
			r = set_item(values, &l, e);
		if (r < 0)
			return err_wrap(e, r, "%s:%u", name, number);
	}
	return 0;
}

int lxc_global_parse(const char *text, size_t len, const char *name, const char *home, struct strv *ret, struct err *e)
{
	_cleanup_free_ char *scratch = malloc(len + 1);
	_cleanup_strv_ struct strv values = STRV_INIT;
	int r;

	if (!scratch)
		return err_oom(e);
	memcpy(scratch, text, len);
	scratch[len] = '\0';
	r = parse(scratch, len, name, &values, e);
	if (r < 0)
		return r;
	/* An empty value is "not said": the default comes back. */
	for (const struct lxc_global *g = lxc_globals; g->name && r >= 0; g++) {
		const char *value = strv_env_get(&values, g->name);

		if (isempty(value))
			r = default_of(g, home, ret, e);
		else
			r = strv_pushf(ret, e, "%s=%s", g->name, value);
	}
	return r;
}

int lxc_global_load(const char *path, const char *home, struct strv *ret, struct err *e)
{
	_cleanup_free_ char *own = NULL, *text = NULL;
	size_t len = 0;
	int r;

	if (!path) {
		own = home ? path_join(home, ".config/lxc/lxc.conf") : strdup(CREEL_SYSCONFDIR "/lxc/lxc.conf");
		if (!own)
			return err_oom(e);
		path = own;
	}
	r = lxc_read(path, &text, &len, e);
	if (r == -ENOENT && own)
		err_clear(e);
	else if (r < 0)
		return r;
	return lxc_global_parse(text ?: "", len, path, home, ret, e);
}
