/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All containers of an lxcpath, and the items of lxc.conf. */

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialect/lxc/global.h"
#include "liblxc/liblxc.h"

static void drop_objects(struct lxc_container **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		lxc_container_put(v[i]);
	free(v);
}

/* An object for each name; without NAMES those that cannot be loaded are left out of NAMES as well. */
static int make_objects(struct strv *names, const char *lxcpath, struct lxc_container ***ret)
{
	struct lxc_container **v = calloc(names->n + 1, sizeof(struct lxc_container *));

	if (!v)
		return -1;
	for (size_t i = 0; i < names->n;) {
		v[i] = lxc_container_new(names->v[i], lxcpath);
		if (v[i])
			i++;
		else
			strv_remove(names, i);
	}
	*ret = v;
	return 0;
}

static int list(unsigned which, const char *lxcpath, char ***names, struct lxc_container ***cret)
{
	_cleanup_(engine_freep) struct engine *g = NULL;
	_cleanup_strv_ struct strv l = STRV_INIT;
	struct lxc_container **objects = NULL;
	struct engine_opts o = { .lxcpath = lxcpath, .log = api_log() };
	struct err e = { 0 };
	struct stat st;
	int r;

	if (names)
		*names = NULL;
	if (cret)
		*cret = NULL;
	r = engine_open(&o, &g, &e);
	if (r == 0 && (which & LIST_DEFINED) && (stat(engine_lxcpath(g), &st) < 0 || !S_ISDIR(st.st_mode)))
		r = err_kind(&e, ERR_NOT_FOUND, -ENOTDIR, "%s is no directory", engine_lxcpath(g));
	if (r == 0)
		r = engine_list(g, which, &l, &e);
	if (r < 0) {
		api_log_error(NULL, &e);
		return -1;
	}
	if (cret && make_objects(&l, lxcpath, &objects) < 0)
		return -1;
	r = (int)l.n;
	if (!l.n) {
		drop_objects(objects, 0);
		return 0;
	}
	if (cret)
		*cret = objects;
	if (names) {
		*names = l.v;
		l = STRV_INIT;
	}
	return r;
}

PUBLIC int list_defined_containers(const char *lxcpath, char ***names, struct lxc_container ***cret)
{
	return list(LIST_DEFINED, lxcpath, names, cret);
}

PUBLIC int list_active_containers(const char *lxcpath, char ***names, struct lxc_container ***cret)
{
	return list(LIST_ACTIVE, lxcpath, names, cret);
}

PUBLIC int list_all_containers(const char *lxcpath, char ***names, struct lxc_container ***cret)
{
	return list(LIST_DEFINED | LIST_ACTIVE, lxcpath, names, cret);
}

/* --- lxc.conf -------------------------------------------------------------------------------------------------------------- */

/* The caller frees nothing and may keep what he gets: it is read once. */
static struct strv globals;
static pthread_once_t globals_once = PTHREAD_ONCE_INIT;

static void load_globals(void)
{
	struct err e = { 0 };
	const char *home = geteuid() == 0 ? NULL : getenv("HOME");

	/* A file that is wrong: what there would be without. */
	if (lxc_global_load(NULL, home, &globals, &e) < 0) {
		api_log_error(NULL, &e);
		(void)lxc_global_parse("", 0, "", home, &globals, NULL);
	}
}

PUBLIC const char *lxc_get_global_config_item(const char *key)
{
	pthread_once(&globals_once, load_globals);
	return key ? strv_env_get(&globals, key) : NULL;
}
