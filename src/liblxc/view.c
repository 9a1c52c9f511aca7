/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From an object to the engine's container. */

#include "base/fd.h"
#include "liblxc/liblxc.h"

void view_done(struct view *v)
{
	container_free(v->c);
	engine_free(v->engine);
}

static int copy_memory(struct lxc_container *c, struct container *to, struct err *e)
{
	int r = 0;

	api_lock(c);
	if (c->lxc_conf)
		r = spec_copy(&to->spec, lxc_config_spec(c->lxc_conf->config), e);
	api_unlock(c);
	if (r < 0 || to->spec.name)
		return r;
	to->spec.name = strdup(c->name);
	return to->spec.name ? 0 : err_oom(e);
}

int view_open(struct lxc_container *c, enum view_spec which, struct view *ret, struct err *e)
{
	_cleanup_view_ struct view v = { 0 };
	_cleanup_free_ char *path = NULL;
	struct engine_opts o = { .log = api_log() };
	int r;

	api_lock(c);
	path = strdup(c->config_path);
	api_unlock(c);
	if (!path)
		return err_oom(e);
	o.lxcpath = path;
	r = engine_open(&o, &v.engine, e);
	if (r == 0)
		r = container_open(v.engine, c->name, NULL, which == VIEW_FILE ? 0 : OPEN_NO_CONFIG, &v.c, e);
	if (r == 0 && which == VIEW_MEMORY)
		r = copy_memory(c, v.c, e);
	if (r < 0)
		return r;
	*ret = v;
	v = (struct view){ 0 };
	return 0;
}

int view_record(struct lxc_container *c, struct record *ret, int *ret_dirfd, struct err *e)
{
	_cleanup_free_ char *path = NULL, *id = NULL;
	_cleanup_close_ int dirfd = -EBADF;
	int r;

	api_lock(c);
	/* One spelling: the id is made from it. */
	path = realpath(c->config_path, NULL) ?: strdup(c->config_path);
	api_unlock(c);
	if (!path)
		return err_oom(e);
	r = record_id(path, c->name, &id, e);
	if (r < 0)
		return r;
	dirfd = record_open_dir(id, false, e);
	/* A container that an OCI runtime made goes by its name alone. */
	if (dirfd == -ENOENT && !streq(id, c->name)) {
		dirfd = record_open_dir(c->name, false, e);
		r = dirfd < 0 ? dirfd : record_read(dirfd, ret, e);
		if (r == 0 && !ret->bundle) {
			record_done(ret);
			*ret = (struct record){ .exit_status = -1 };
			r = -ENOENT;
		}
	} else {
		r = dirfd < 0 ? dirfd : record_read(dirfd, ret, e);
	}
	if (r == 0 && ret_dirfd)
		*ret_dirfd = TAKE_FD(dirfd);
	return r;
}
