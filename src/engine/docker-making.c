/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What kills leave of containers that were being made or removed. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"

/* A create makes DATA/making/ID first, and takes it away with the row: what lies there, and nobody is at, came to nothing. */
static char *making_path(const struct docker *d, const char *id)
{
	char *path;

	return asprintf(&path, "%s/making%s%s", d->images->root, *id ? "/" : "", id) < 0 ? NULL : path;
}

int docker_making_begin(struct docker *d, const char *id, struct err *e)
{
	_cleanup_free_ char *path = making_path(d, id), *all = making_path(d, "");
	int r;

	if (!path || !all)
		return err_oom(e);
	r = mkdir(path, 0700) < 0 ? -errno : 0;
	if (r == -ENOENT) {
		r = dir_make_all(all, 0700, e);
		if (r < 0)
			return r;
		r = mkdir(path, 0700) < 0 ? -errno : 0;
	}
	return r < 0 ? err_set(e, r, "create %s", path) : 0;
}

void docker_making_end(struct docker *d, const char *id)
{
	_cleanup_free_ char *path = making_path(d, id);

	if (path)
		rmdir(path);
}

/* Its row may be there: then only the mark is left over. */
static void sweep_one(struct docker *d, const char *id)
{
	_cleanup_close_ int lock = record_lock(id, false, NULL);
	_cleanup_free_ char *there = NULL, *dir = docker_path(d, id, NULL), *file = NULL;
	int r;

	if (lock < 0 || !dir)
		return;
	r = db_one(d->images->db, &there, NULL, "SELECT id FROM containers WHERE id = ?", "s", id);
	if (r == 0) {
		(void)rootfs_remove(d->images->layers, id, NULL);
		(void)tree_remove(AT_FDCWD, dir, NULL);
		docker_net_removed(d, id);
		(void)docker_volumes_leave(d, id, true, NULL);
	}
	if (r >= 0)
		docker_making_end(d, id);
	if (r == 0 && asprintf(&file, "%s/locks/%s", d->engine->run_dir, id) > 0)
		unlink(file);
}

void docker_sweep(struct docker *d)
{
	_cleanup_free_ char *all = making_path(d, "");
	DIR *dir = all ? opendir(all) : NULL;
	struct dirent *de;

	while (dir && (de = readdir(dir)))
		if (strlen(de->d_name) == 64)
			sweep_one(d, de->d_name);
	if (dir)
		closedir(dir);
	docker_volumes_sweep(d);
}

bool docker_sweep_row(struct docker *d, struct docker_row *c, const struct docker_state *st)
{
	_cleanup_close_ int lock = -EBADF;
	bool over = st->status == DS_REMOVING || st->status == DS_DEAD;

	/* Before all of it is parsed: the few that may say so. */
	if (!over && (st->status != DS_EXITED || st->kept || !strstr(c->text, "\"AutoRemove\":true")))
		return false;
	if (docker_row_parse(c, NULL) < 0 || !(over || value_bool(c->host, "AutoRemove")))
		return false;
	lock = record_lock(c->id, false, NULL);
	if (lock < 0)
		return false;
	return docker_remove_locked(d, c, st->volumes || value_bool(c->host, "AutoRemove"), NULL) == 0;
}
