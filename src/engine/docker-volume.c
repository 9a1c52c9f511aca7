/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Volumes of the driver local: DATA/volumes/NAME/_data, a row each. What takes one and what removes one are transactions, so
 * that a run finds a volume whole or makes a new one. What is removed is renamed to DATA/gone/ID first, and what a kill leaves
 * there goes with the next docker_volumes_sweep().
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"

#define SIZE_DEPTH 512

static const char *const schema[] = {
	"CREATE TABLE volumes (name TEXT PRIMARY KEY, created INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID",
	/* Who has it mounted; one that was never named goes with its container. */
	"CREATE TABLE volume_users (container TEXT NOT NULL, volume TEXT NOT NULL, anonymous INTEGER NOT NULL, "
	"PRIMARY KEY (container, volume)) WITHOUT ROWID",
	NULL,
};

int docker_volume_tables(struct docker *d, struct err *e)
{
	return db_schema(d->images->db, "volumes", schema, e);
}

char *docker_volume_path(const struct docker *d, const char *name, const char *file)
{
	char *path;

	return asprintf(&path, "%s/volumes/%s%s%s", d->images->root, name, *file ? "/" : "", file) < 0 ? NULL : path;
}

/* --- one volume ---------------------------------------------------------------------------------------------------------- */

/* 1: it is new. Part of the caller's transaction. DOC: Labels, Options. */
static int make_volume(struct docker *d, const char *name, const char *doc, struct err *e)
{
	_cleanup_free_ char *path = docker_volume_path(d, name, "_data"), *there = NULL;
	int r;

	if (!path)
		return err_oom(e);
	if (!docker_name_valid(name))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"create %s: \"%s\" includes invalid characters for a local volume name, only "
				"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, "
				"use absolute "
				"path",
				name, name);
	r = db_one(d->images->db, &there, e, "SELECT name FROM volumes WHERE name = ?", "s", name);
	if (r < 0)
		return r;
	if (r > 0 && file_exists(AT_FDCWD, path))
		return 0;
	r = dir_make_all(path, 0755, e);
	if (r == 0)
		r = db_exec(d->images->db, e, "INSERT OR IGNORE INTO volumes (name, created, doc) VALUES (?, ?, ?)",
			    "sis", name, docker_now(), doc);
	if (r < 0)
		return r;
	docker_event_of(d, "volume", "create", name, (const char *const[]){ "driver=local", NULL });
	return 1;
}

struct one_volume {
	char *name, *doc;
	int64_t created_ns;
};

static void one_volume_done(struct one_volume *v)
{
	free(v->name);
	free(v->doc);
}

static int take_volume(void *arg, const struct db_row *row)
{
	struct one_volume *v = arg;

	v->name = strdup(db_text(row, 0));
	v->created_ns = db_int(row, 1);
	v->doc = strdup(db_text(row, 2));
	return v->name && v->doc ? 0 : -ENOMEM;
}

static int find_volume(struct docker *d, const char *name, struct one_volume *ret, struct err *e)
{
	int r = docker_volume_tables(d, e);

	if (r == 0)
		r = db_query(d->images->db, take_volume, ret, e,
			     "SELECT name, created, doc FROM volumes WHERE name = ?", "s", name);
	if (r == 0 && !ret->name)
		r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "get %s: no such volume", name);
	return r;
}

/* USERS -1: how many they are, and its SIZE, is not said. */
static int write_volume(const struct docker *d, const struct one_volume *v, int64_t users, uint64_t size,
			struct json *j, struct err *e)
{
	_cleanup_value_ struct json_c_value *doc = NULL;
	_cleanup_free_ char *path = docker_volume_path(d, v->name, "_data");
	char when[40];
	int r = value_parse(v->doc, strlen(v->doc), "volume", &doc, e);

	if (r < 0)
		return r;
	if (!path)
		return err_oom(e);
	json_object(j);
	json_kv_string(j, "CreatedAt", docker_time(v->created_ns / 1000000000 * 1000000000, when));
	json_kv_string(j, "Driver", "local");
	json_key(j, "Labels");
	value_write(value_get(doc, "Labels"), j);
	json_kv_string(j, "Mountpoint", path);
	json_kv_string(j, "Name", v->name);
	json_key(j, "Options");
	value_write(value_get(doc, "Options"), j);
	json_kv_string(j, "Scope", "local");
	if (users >= 0) {
		json_key(j, "UsageData");
		json_object(j);
		json_kv_i64(j, "RefCount", users);
		json_kv_u64(j, "Size", size);
		json_end_object(j);
	}
	json_end_object(j);
	return 0;
}

static int put_label(void *arg, const char *name, struct json_c_value *v)
{
	json_kv_string(arg, name, value_text(v, NULL) ?: "");
	return 0;
}

int docker_volume_doc(const struct json_c_value *labels, const struct json_c_value *options, bool anonymous,
		      struct buf *out, struct err *e)
{
	struct json j;

	json_init(&j, out, false);
	json_object(&j);
	json_key(&j, "Labels");
	if (anonymous) {
		json_object(&j);
		json_kv_string(&j, "com.docker.volume.anonymous", "");
		(void)value_each(labels, put_label, &j);
		json_end_object(&j);
	} else {
		value_write(labels, &j);
	}
	json_key(&j, "Options");
	value_write(options, &j);
	json_end_object(&j);
	return buf_error(out, e);
}

int docker_volume_create(struct docker *d, const char *body, struct buf *ret, struct err *e)
{
	_cleanup_(one_volume_done) struct one_volume v = { 0 };
	_cleanup_value_ struct json_c_value *b = NULL;
	_cleanup_buf_ struct buf doc = BUF_INIT;
	const char *name, *driver;
	char id[65];
	struct json j;
	int r = value_parse(body, strlen(body), "volume", &b, e);

	if (r == 0)
		r = docker_volume_tables(d, e);
	if (r == 0)
		r = docker_new_id(id, e);
	if (r < 0)
		return r;
	name = value_text(b, "Name");
	driver = value_text(b, "Driver");
	if (!isempty(driver) && !streq(driver, "local"))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "error looking up volume plugin %s: plugin \"%s\" not found",
				driver, driver);
	r = docker_volume_options(value_get(b, "DriverOpts"), NULL, isempty(name) ? id : name, e);
	if (r == 0)
		r = docker_volume_doc(value_get(b, "Labels"), value_get(b, "DriverOpts"), isempty(name), &doc, e);
	if (r == 0)
		r = db_begin(d->images->db, e);
	if (r < 0)
		return r;
	r = make_volume(d, isempty(name) ? id : name, buf_str(&doc), e);
	if (r >= 0)
		r = find_volume(d, isempty(name) ? id : name, &v, e);
	r = db_end(d->images->db, r, e);
	json_init(&j, ret, false);
	if (r == 0)
		r = write_volume(d, &v, -1, 0, &j, e);
	return r == 0 ? buf_error(ret, e) : r;
}

int docker_volume_inspect(struct docker *d, const char *name, struct buf *ret, struct err *e)
{
	_cleanup_(one_volume_done) struct one_volume v = { 0 };
	struct json j;
	int r = find_volume(d, name, &v, e);

	json_init(&j, ret, false);
	if (r == 0)
		r = write_volume(d, &v, -1, 0, &j, e);
	return r == 0 ? buf_error(ret, e) : r;
}

static int take_name(void *arg, const struct db_row *row)
{
	return strv_push(arg, db_text(row, 0), NULL);
}

static int users_of(struct docker *d, const char *name, struct strv *ret, struct err *e)
{
	return db_query(d->images->db, take_name, ret, e, "SELECT container FROM volume_users WHERE volume = ?", "s",
			name);
}

/* --- removal ------------------------------------------------------------------------------------------------------------- */

/* Out of the way, within the caller's transaction. */
static int set_aside(struct docker *d, const char *name, struct err *e)
{
	_cleanup_free_ char *from = docker_volume_path(d, name, ""), *dir = path_join(d->images->root, "gone"),
			    *to = NULL;
	char id[65];
	int r = docker_new_id(id, e);

	if (r < 0)
		return r;
	to = from && dir ? path_join(dir, id) : NULL;
	if (!to)
		return err_oom(e);
	docker_volume_unmount(d, name);
	r = rename(from, to) < 0 ? -errno : 0;
	if (r == -ENOENT && file_exists(AT_FDCWD, from)) {
		r = dir_make_all(dir, 0700, e);
		if (r < 0)
			return r;
		r = rename(from, to) < 0 ? -errno : 0;
	}
	return r < 0 && r != -ENOENT ? err_set(e, r, "remove the volume %s", name) : 0;
}

/* That nobody has it was looked at in the same transaction. */
static int drop_volume(struct docker *d, const char *name, struct err *e)
{
	int r = db_exec(d->images->db, e, "DELETE FROM volumes WHERE name = ?", "s", name);

	return r == 0 ? set_aside(d, name, e) : r;
}

static void tell_dropped(struct docker *d, const char *name)
{
	docker_event_of(d, "volume", "destroy", name, (const char *const[]){ "driver=local", NULL });
}

void docker_volumes_sweep(struct docker *d)
{
	_cleanup_free_ char *all = path_join(d->images->root, "gone");
	DIR *dir = all ? opendir(all) : NULL;
	struct dirent *de;

	if (!dir)
		return;
	while ((de = readdir(dir)))
		if (de->d_name[0] != '.')
			(void)tree_remove(dirfd(dir), de->d_name, NULL);
	closedir(dir);
	(void)rmdir(all);
}

/* 1: somebody has it, USERS says who. */
static int remove_unused(struct docker *d, const char *name, struct strv *users, struct err *e)
{
	struct db *db = d->images->db;
	int r = db_begin(db, e);

	if (r < 0)
		return r;
	r = users_of(d, name, users, e);
	if (r == 0 && !users->n)
		r = drop_volume(d, name, e);
	r = db_end(db, r, e);
	if (r < 0 || users->n)
		return r < 0 ? r : 1;
	tell_dropped(d, name);
	return 0;
}

int docker_volume_remove(struct docker *d, const char *name, bool force, struct err *e)
{
	_cleanup_(one_volume_done) struct one_volume v = { 0 };
	_cleanup_strv_ struct strv users = STRV_INIT;
	int r = find_volume(d, name, &v, e);

	if (r == -ENOENT && force) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = remove_unused(d, name, &users, e);
	if (r > 0) {
		_cleanup_buf_ struct buf ids = BUF_INIT;

		for (size_t i = 0; i < users.n; i++)
			buf_printf(&ids, "%s%s", i ? ", " : "", users.v[i]);
		return err_kind(e, ERR_STATE, -EBUSY, "remove %s: volume is in use - [%s]", name, buf_str(&ids));
	}
	if (r == 0)
		docker_volumes_sweep(d);
	return r;
}

struct listing {
	struct docker *d;
	struct json_c_value *filters;
	struct json j;
	struct err *e;
	struct strv names; /* prune */
	const struct json_c_value *labels;
	const char *name;
	bool all, usage;
	uint64_t bytes;
};

static bool like_name(void *arg, const char *want)
{
	return strstr(((struct listing *)arg)->name, want) != NULL;
}

static bool like_label(void *arg, const char *want)
{
	return docker_label_match(((struct listing *)arg)->labels, want);
}

static bool like_driver(void *arg, const char *want)
{
	return streq(want, "local");
}

static bool like_dangling(void *arg, const char *want)
{
	struct listing *l = arg;
	_cleanup_strv_ struct strv users = STRV_INIT;
	bool no = streq(want, "false") || streq(want, "0");

	(void)users_of(l->d, l->name, &users, NULL);
	return (users.n == 0) != no;
}

static int list_each(struct listing *l, int (*fn)(struct listing *l, const struct one_volume *v))
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = docker_volume_tables(l->d, l->e);

	if (r == 0)
		r = db_query(l->d->images->db, take_name, &names, l->e, "SELECT name FROM volumes ORDER BY name", "");
	for (size_t i = 0; i < names.n && r == 0; i++) {
		_cleanup_(one_volume_done) struct one_volume v = { 0 };
		_cleanup_value_ struct json_c_value *doc = NULL;

		r = find_volume(l->d, names.v[i], &v, l->e);
		/* Removed meanwhile. */
		if (r == -ENOENT && !v.name) {
			err_clear(l->e);
			r = 0;
			continue;
		}
		if (r == 0)
			r = value_parse(v.doc, strlen(v.doc), "volume", &doc, l->e);
		if (r < 0)
			return r;
		l->name = v.name;
		l->labels = value_get(doc, "Labels");
		if (docker_filter(l->filters, "name", like_name, l) &&
		    docker_filter_labels(l->filters, like_label, l) &&
		    docker_filter(l->filters, "driver", like_driver, l) &&
		    docker_filter(l->filters, "dangling", like_dangling, l))
			r = fn(l, &v);
	}
	return r;
}

/* Of the files, as they say themselves; a file with several names is one. */
static uint64_t size_below(int dirfd, const char *name, unsigned depth)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	uint64_t sum = 0;
	struct dirent *de;

	if (!dir) {
		fd_close(fd);
		return 0;
	}
	while ((de = readdir(dir))) {
		struct stat st;

		if (streq(de->d_name, ".") || streq(de->d_name, "..") ||
		    fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(st.st_mode))
			sum += (uint64_t)st.st_size / st.st_nlink;
		else if (depth < SIZE_DEPTH)
			sum += size_below(fd, de->d_name, depth + 1);
	}
	closedir(dir);
	return sum;
}

static uint64_t volume_size(const struct docker *d, const char *name)
{
	_cleanup_free_ char *path = docker_volume_path(d, name, "_data");

	return path ? size_below(AT_FDCWD, path, 0) : 0;
}

static int print_one(struct listing *l, const struct one_volume *v)
{
	_cleanup_strv_ struct strv users = STRV_INIT;
	int r = l->usage ? users_of(l->d, v->name, &users, l->e) : 0;

	return r < 0 ? r
		     : write_volume(l->d, v, l->usage ? (int64_t)users.n : -1,
				    l->usage ? volume_size(l->d, v->name) : 0, &l->j, l->e);
}

int docker_volume_list(struct docker *d, const char *filters, bool usage, struct buf *ret, struct err *e)
{
	static const char *const known[] = { "dangling", "driver", "label", "name", NULL };
	struct listing l = { .d = d, .e = e, .usage = usage };
	int r = docker_filters_parse(filters, known, &l.filters, e);

	json_init(&l.j, ret, false);
	json_object(&l.j);
	json_key(&l.j, "Volumes");
	json_array(&l.j);
	if (r == 0)
		r = list_each(&l, print_one);
	json_end_array(&l.j);
	json_key(&l.j, "Warnings");
	json_null(&l.j);
	json_end_object(&l.j);
	value_free(l.filters);
	return r == 0 ? buf_error(ret, e) : r;
}

static bool says_true(void *arg, const char *want)
{
	*(bool *)arg |= streq(want, "true") || streq(want, "1");
	return true;
}

static int prune_one(struct listing *l, const struct one_volume *v)
{
	_cleanup_strv_ struct strv users = STRV_INIT;
	bool anonymous = value_get(l->labels, "com.docker.volume.anonymous") != NULL;
	uint64_t bytes = anonymous || l->all ? volume_size(l->d, v->name) : 0;
	int r = anonymous || l->all ? remove_unused(l->d, v->name, &users, l->e) : 1;

	if (r == 0)
		l->bytes += bytes;
	return r ? (r < 0 ? r : 0) : strv_push(&l->names, v->name, l->e);
}

int docker_volume_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e)
{
	static const char *const known[] = { "all", "label", "label!", NULL };
	struct listing l = { .d = d, .e = e };
	struct json j;
	int r = docker_filters_parse(filters, known, &l.filters, e);

	if (r == 0) {
		if (docker_filter_said(l.filters, "all"))
			(void)docker_filter(l.filters, "all", says_true, &l.all);
		r = list_each(&l, prune_one);
		docker_volumes_sweep(d);
	}
	json_init(&j, ret, false);
	json_object(&j);
	json_key(&j, "VolumesDeleted");
	json_array(&j);
	for (size_t i = 0; i < l.names.n; i++)
		json_string(&j, l.names.v[i]);
	json_end_array(&j);
	json_kv_u64(&j, "SpaceReclaimed", l.bytes);
	json_end_object(&j);
	value_free(l.filters);
	strv_done(&l.names);
	return r == 0 ? buf_error(ret, e) : r;
}

/* --- containers and their volumes ----------------------------------------------------------------------------------------- */

int docker_volume_take(struct docker *d, const char *container, const char *name, bool anonymous, const char *doc,
		       struct err *e)
{
	struct db *db = d->images->db;
	int r = docker_volume_tables(d, e);

	/* Its user first, for itself: by that a volume is found whose making was killed, and nobody removes it from here on. */
	if (r == 0)
		r = db_exec(db, e, "INSERT OR IGNORE INTO volume_users (container, volume, anonymous) VALUES (?, ?, ?)",
			    "ssi", container, name, (int64_t)anonymous);
	if (r == 0)
		r = db_begin(db, e);
	if (r < 0)
		return r;
	r = make_volume(d, name, doc, e);
	r = db_end(db, r, e);
	return r < 0 ? r : 0;
}

int docker_volumes_leave(struct docker *d, const char *container, bool volumes, struct err *e)
{
	_cleanup_strv_ struct strv own = STRV_INIT;
	struct db *db = d->images->db;
	int r = docker_volume_tables(d, e);

	if (r == 0)
		r = db_begin(db, e);
	if (r < 0)
		return r;
	if (volumes)
		r = db_query(db, take_name, &own, e,
			     "SELECT volume FROM volume_users u WHERE container = ? AND anonymous = 1 AND NOT EXISTS "
			     "(SELECT 1 FROM volume_users o WHERE o.volume = u.volume AND o.container <> u.container)",
			     "s", container);
	for (size_t i = 0; i < own.n && r == 0; i++)
		r = drop_volume(d, own.v[i], e);
	if (r == 0)
		r = db_exec(db, e, "DELETE FROM volume_users WHERE container = ?", "s", container);
	r = db_end(db, r, e);
	for (size_t i = 0; i < own.n && r == 0; i++)
		tell_dropped(d, own.v[i]);
	if (own.n)
		docker_volumes_sweep(d);
	return r;
}

int docker_volume_find(struct docker *d, const char *name, struct json_c_value **ret, struct strv *users, struct err *e)
{
	_cleanup_(one_volume_done) struct one_volume v = { 0 };
	int r = find_volume(d, name, &v, e);

	if (r == 0 && users)
		r = users_of(d, name, users, e);
	return r == 0 ? value_parse(v.doc, strlen(v.doc), "volume", ret, e) : r;
}
