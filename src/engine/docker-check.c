/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether what is stored is what it is said to be: images and layers (image/check.h), and here roots, containers and volumes. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"
#include "image/check.h"

struct checking {
	struct docker *d;
	const struct docker_check *o;
	struct err *e;
	unsigned found, left;
};

static void on_found(void *arg, const char *what, const char *is, const char *mended, const char *why)
{
	struct checking *c = arg;

	c->found++;
	c->left += !mended;
	c->o->found(c->o->arg, what, is, mended, why);
}

static void tell(struct checking *c, const char *kind, const char *name, const char *is, const char *done, int r,
		 const struct err *why)
{
	_cleanup_buf_ struct buf what = BUF_INIT;

	buf_printf(&what, "%s %s", kind, name);
	on_found(c, buf_str(&what), is, c->o->repair && r >= 0 ? done : NULL, r < 0 && why ? why->msg : NULL);
}

static bool runs(void *arg, const char *user)
{
	struct checking *c = arg;
	_cleanup_row_ struct docker_row row = { 0 };
	_cleanup_record_ struct record rec = { .exit_status = -1 };

	return docker_find_id(c->d, user, &row, NULL) >= 0 && docker_running(&row, &rec, NULL) == 0;
}

static bool has(struct checking *c, const char *sql, const char *arg)
{
	_cleanup_free_ char *x = NULL;

	return db_one(c->d->images->db, &x, NULL, sql, "s", arg) != 0;
}

/* Somebody is making it, or removing it, or builds in it. */
static bool is_worked_on(struct checking *c, const char *id)
{
	static const char *const marks[] = { "making", "build" };

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		_cleanup_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s/%s", c->d->images->root, marks[i], id) < 0) {
			path = NULL;
			return true;
		}
		if (file_exists(AT_FDCWD, path))
			return true;
	}
	return false;
}

/* The mark comes before all else, and goes last: so the row is asked for after it. */
static bool is_strange(struct checking *c, const char *id)
{
	return !is_worked_on(c, id) && !has(c, "SELECT 1 FROM containers WHERE id = ?", id) && !is_worked_on(c, id);
}

static int check_root(void *arg, const char *id)
{
	_cleanup_free_ char *path = NULL;
	struct checking *c = arg;
	struct err why = { 0 };

	if (asprintf(&path, "%s/layers/roots/%s", c->d->images->root, id) < 0) {
		path = NULL;
		return err_oom(c->e);
	}
	/* One that is just being removed has gone by now. */
	if (is_strange(c, id) && file_exists(AT_FDCWD, path))
		tell(c, "root file system", id, "no container has it", "removed",
		     c->o->repair ? rootfs_remove(c->d->images->layers, id, &why) : 0, &why);
	return 0;
}

static int check_container(void *arg, struct docker_row *row)
{
	struct checking *c = arg;
	_cleanup_close_ int dir = docker_dir(c->d, row->id, NULL);
	struct err why = { 0 };

	err_kind(&why, ERR_STATE, -EIO, "remove the container");
	/* One that is just being removed. */
	if (is_worked_on(c, row->id) || !has(c, "SELECT 1 FROM containers WHERE id = ?", row->id))
		return 0;
	if (dir < 0)
		tell(c, "container", row->name, "its folder is not there", NULL, -1, &why);
	else if (!rootfs_sound(c->d->images->layers, row->id))
		tell(c, "container", row->name, "its root file system is not whole", NULL, -1, &why);
	return 0;
}

static int names_in(const char *path, struct strv *ret, struct err *e)
{
	DIR *dir = opendir(path);
	struct dirent *de;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_set(e, -errno, "list %s", path);
	while (r == 0 && (de = readdir(dir)))
		if (de->d_name[0] != '.')
			r = strv_push(ret, de->d_name, e);
	closedir(dir);
	return r;
}

static int check_folders(struct checking *c)
{
	_cleanup_free_ char *all = docker_path(c->d, "", NULL);
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = all ? names_in(all, &names, c->e) : err_oom(c->e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		_cleanup_free_ char *path = docker_path(c->d, names.v[i], NULL);
		struct err why = { 0 };

		if (path && is_strange(c, names.v[i]) && file_exists(AT_FDCWD, path))
			tell(c, "folder of a container", names.v[i], "no container has it", "removed",
			     c->o->repair ? tree_remove(AT_FDCWD, path, &why) : 0, &why);
	}
	return r;
}

static int take_name(void *arg, const struct db_row *row)
{
	return strv_push(arg, db_text(row, 0), NULL);
}

static int check_users(struct checking *c)
{
	_cleanup_strv_ struct strv users = STRV_INIT;
	int r = db_query(c->d->images->db, take_name, &users, c->e,
			 "SELECT user FROM image_users WHERE user NOT IN (SELECT id FROM containers)", "");

	for (size_t i = 0; i < users.n && r == 0; i++) {
		struct err why = { 0 };

		if (is_strange(c, users.v[i]))
			tell(c, "use of an image by", users.v[i], "there is no such container", "removed",
			     c->o->repair ? image_unuse(c->d->images, users.v[i], &why) : 0, &why);
	}
	return r;
}

/* What is in a volume is nobody's but the user's: it is never removed. */
static int check_volumes(struct checking *c)
{
	_cleanup_free_ char *all = docker_volume_path(c->d, "", "");
	_cleanup_strv_ struct strv dirs = STRV_INIT, rows = STRV_INIT;
	int r = all ? names_in(all, &dirs, c->e) : err_oom(c->e);

	if (r == 0)
		r = docker_volume_tables(c->d, c->e);
	if (r == 0)
		r = db_query(c->d->images->db, take_name, &rows, c->e, "SELECT name FROM volumes", "");
	for (size_t i = 0; i < rows.n && r == 0; i++) {
		_cleanup_free_ char *data = docker_volume_path(c->d, rows.v[i], "_data");
		struct err why = { 0 };

		if (data && !file_exists(AT_FDCWD, data) && has(c, "SELECT 1 FROM volumes WHERE name = ?", rows.v[i]))
			tell(c, "volume", rows.v[i], "its folder is not there", "made again, empty",
			     c->o->repair ? dir_make_all(data, 0755, &why) : 0, &why);
	}
	for (size_t i = 0; i < dirs.n && r == 0; i++) {
		_cleanup_buf_ struct buf body = BUF_INIT, out = BUF_INIT;
		_cleanup_free_ char *path = docker_volume_path(c->d, dirs.v[i], "");
		struct err why = { 0 };
		int done = 0;

		/* Made within a transaction: its row is seen by now, unless there is none. */
		if (!path || has(c, "SELECT 1 FROM volumes WHERE name = ?", dirs.v[i]) || !file_exists(AT_FDCWD, path))
			continue;
		buf_printf(&body, "{\"Name\":\"%s\"}", dirs.v[i]);
		if (c->o->repair && !docker_name_valid(dirs.v[i]))
			done = err_kind(&why, ERR_INVALID, -EINVAL, "it is no name of a volume");
		else if (c->o->repair)
			done = docker_volume_create(c->d, buf_str(&body), &out, &why);
		tell(c, "volume", dirs.v[i], "it has files, and is not listed", "listed again", done, &why);
	}
	return r;
}

int docker_check(struct docker *d, const struct docker_check *o, unsigned *ret_left, struct err *e)
{
	struct checking c = { .d = d, .o = o, .e = e };
	const struct check_opts io = {
		.quick = o->quick, .repair = o->repair, .runs = runs, .found = on_found, .arg = &c
	};
	struct images *s = d->images;
	int r;

	if (o->image) {
		r = image_check(s, o->image, &io, e);
		*ret_left = c.left;
		return r < 0 ? r : (int)c.found;
	}
	/* What kills have left of containers goes with every list, too. */
	if (o->repair)
		docker_sweep(d);
	r = images_check(s, &io, e);
	if (r == 0)
		r = rootfs_each(s->layers, check_root, &c, e);
	if (r == 0)
		r = docker_each(d, check_container, &c, e);
	if (r == 0)
		r = check_folders(&c);
	if (r == 0)
		r = check_users(&c);
	if (r == 0)
		r = check_volumes(&c);
	*ret_left = c.left;
	return r < 0 ? r : (int)c.found;
}
