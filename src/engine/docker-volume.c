/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Volumes of the driver local (DATA/volumes/NAME/_data, a row each), and where a container has what: -v, --mount,
 * --volumes-from and the image's VOLUMEs become one list, which is the container's from then on.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"
#include "store/store.h"
#include "sys/inroot.h"

static const char *const schema[] = {
	"CREATE TABLE volumes (name TEXT PRIMARY KEY, created INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID",
	/* Who has it mounted; one that was never named goes with its container. */
	"CREATE TABLE volume_users (container TEXT NOT NULL, volume TEXT NOT NULL, anonymous INTEGER NOT NULL, "
	"PRIMARY KEY (container, volume)) WITHOUT ROWID",
	NULL,
};

static int tables(struct docker *d, struct err *e)
{
	return db_schema(d->images->db, "volumes", schema, e);
}

static char *data_path(const struct docker *d, const char *name)
{
	char *path;

	return asprintf(&path, "%s/volumes/%s/_data", d->images->root, name) < 0 ? NULL : path;
}

/* --- one volume ---------------------------------------------------------------------------------------------------------- */

/* 1: it is new. DOC: Labels, Options, Anonymous. */
static int make_volume(struct docker *d, const char *name, const char *doc, struct err *e)
{
	_cleanup_free_ char *path = data_path(d, name), *there = NULL;
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
	int r = tables(d, e);

	if (r == 0)
		r = db_query(d->images->db, take_volume, ret, e,
			     "SELECT name, created, doc FROM volumes WHERE name = ?", "s", name);
	if (r == 0 && !ret->name)
		r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "get %s: no such volume", name);
	return r;
}

static int write_volume(const struct docker *d, const struct one_volume *v, struct json *j, struct err *e)
{
	_cleanup_value_ struct json_c_value *doc = NULL;
	_cleanup_free_ char *path = data_path(d, v->name);
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
	json_end_object(j);
	return 0;
}

static int volume_doc(const struct json_c_value *labels, const struct json_c_value *options, bool anonymous,
		      struct buf *out, struct err *e)
{
	struct json j;

	json_init(&j, out, false);
	json_object(&j);
	json_key(&j, "Labels");
	if (anonymous) {
		json_object(&j);
		json_kv_string(&j, "com.docker.volume.anonymous", "");
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
		r = tables(d, e);
	if (r == 0)
		r = docker_new_id(id, e);
	if (r < 0)
		return r;
	name = value_text(b, "Name");
	driver = value_text(b, "Driver");
	if (!isempty(driver) && !streq(driver, "local"))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "error looking up volume plugin %s: plugin \"%s\" not found",
				driver, driver);
	if (value_members(value_get(b, "DriverOpts")))
		return err_kind(e, ERR_INVALID, -EOPNOTSUPP,
				"create %s: options of the driver local are not supported yet", name ?: "");
	r = volume_doc(value_get(b, "Labels"), value_get(b, "DriverOpts"), isempty(name), &doc, e);
	if (r == 0)
		r = make_volume(d, isempty(name) ? id : name, buf_str(&doc), e);
	if (r >= 0)
		r = find_volume(d, isempty(name) ? id : name, &v, e);
	json_init(&j, ret, false);
	if (r == 0)
		r = write_volume(d, &v, &j, e);
	return r == 0 ? buf_error(ret, e) : r;
}

int docker_volume_inspect(struct docker *d, const char *name, struct buf *ret, struct err *e)
{
	_cleanup_(one_volume_done) struct one_volume v = { 0 };
	struct json j;
	int r = find_volume(d, name, &v, e);

	json_init(&j, ret, false);
	if (r == 0)
		r = write_volume(d, &v, &j, e);
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

static int drop_volume(struct docker *d, const char *name, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/volumes/%s", d->images->root, name) < 0)
		return err_oom(e);
	r = tree_remove(AT_FDCWD, path, e);
	if (r == 0)
		r = db_exec(d->images->db, e, "DELETE FROM volumes WHERE name = ?", "s", name);
	if (r == 0)
		docker_event_of(d, "volume", "destroy", name, (const char *const[]){ "driver=local", NULL });
	return r;
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
		r = users_of(d, name, &users, e);
	if (r == 0 && users.n) {
		_cleanup_buf_ struct buf ids = BUF_INIT;

		for (size_t i = 0; i < users.n; i++)
			buf_printf(&ids, "%s%s", i ? ", " : "", users.v[i]);
		return err_kind(e, ERR_STATE, -EBUSY, "remove %s: volume is in use - [%s]", name, buf_str(&ids));
	}
	return r == 0 ? drop_volume(d, name, e) : r;
}

struct listing {
	struct docker *d;
	struct json_c_value *filters;
	struct json j;
	struct err *e;
	struct strv names; /* prune */
	const struct json_c_value *labels;
	const char *name;
	bool all;
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
	int r = tables(l->d, l->e);

	if (r == 0)
		r = db_query(l->d->images->db, take_name, &names, l->e, "SELECT name FROM volumes ORDER BY name", "");
	for (size_t i = 0; i < names.n && r == 0; i++) {
		_cleanup_(one_volume_done) struct one_volume v = { 0 };
		_cleanup_value_ struct json_c_value *doc = NULL;

		r = find_volume(l->d, names.v[i], &v, l->e);
		if (r == 0)
			r = value_parse(v.doc, strlen(v.doc), "volume", &doc, l->e);
		if (r < 0)
			return r;
		l->name = v.name;
		l->labels = value_get(doc, "Labels");
		if (docker_filter(l->filters, "name", like_name, l) &&
		    docker_filter(l->filters, "label", like_label, l) &&
		    docker_filter(l->filters, "driver", like_driver, l) &&
		    docker_filter(l->filters, "dangling", like_dangling, l))
			r = fn(l, &v);
	}
	return r;
}

static int print_one(struct listing *l, const struct one_volume *v)
{
	return write_volume(l->d, v, &l->j, l->e);
}

int docker_volume_list(struct docker *d, const char *filters, struct buf *ret, struct err *e)
{
	static const char *const known[] = { "dangling", "driver", "label", "name", NULL };
	struct listing l = { .d = d, .e = e };
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
	int r = users_of(l->d, v->name, &users, l->e);

	if (r < 0 || users.n || (!anonymous && !l->all))
		return r;
	r = drop_volume(l->d, v->name, l->e);
	return r == 0 ? strv_push(&l->names, v->name, l->e) : r;
}

int docker_volume_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e)
{
	static const char *const known[] = { "all", "label", NULL };
	struct listing l = { .d = d, .e = e };
	struct json j;
	int r = docker_filters_parse(filters, known, &l.filters, e);

	if (r == 0) {
		if (docker_filter_said(l.filters, "all"))
			(void)docker_filter(l.filters, "all", says_true, &l.all);
		r = list_each(&l, prune_one);
	}
	json_init(&j, ret, false);
	json_object(&j);
	json_key(&j, "VolumesDeleted");
	json_array(&j);
	for (size_t i = 0; i < l.names.n; i++)
		json_string(&j, l.names.v[i]);
	json_end_array(&j);
	json_kv_u64(&j, "SpaceReclaimed", 0);
	json_end_object(&j);
	value_free(l.filters);
	strv_done(&l.names);
	return r == 0 ? buf_error(ret, e) : r;
}

/* --- what a container has where -------------------------------------------------------------------------------------------- */

struct point {
	char *type, *name, *source, *target, *mode, *propagation, *options;
	bool rw, anonymous, no_copy, non_recursive, shallow, make;
};

struct points {
	struct point *v;
	size_t n;
	struct docker *d;
	const struct docker_mounts *m;
	struct err *e;
};

static void points_done(struct points *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].type);
		free(p->v[i].name);
		free(p->v[i].source);
		free(p->v[i].target);
		free(p->v[i].mode);
		free(p->v[i].propagation);
		free(p->v[i].options);
	}
	free(p->v);
}

/* Clean: no double slashes, "." and "..", as Go's filepath.Clean. */
static char *clean(const char *path)
{
	char *out = malloc(strlen(path) + 2), *o = out;

	if (!out)
		return NULL;
	*o++ = '/';
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && memcmp(path, "..", 2) == 0) {
			while (o > out + 1 && *--o != '/')
				;
			if (o == out)
				o = out + 1;
		} else if (n && !(n == 1 && *path == '.')) {
			if (o > out + 1)
				*o++ = '/';
			memcpy(o, path, n);
			o += n;
		}
		path += n + (path[n] == '/');
	}
	*o = '\0';
	return out;
}

static struct point *find_point(struct points *p, const char *target)
{
	for (size_t i = 0; i < p->n; i++)
		if (streq(p->v[i].target, target))
			return &p->v[i];
	return NULL;
}

/* UNIQUE: said twice is an error; else the first one stays. NULL and *e, or NULL and no error. */
static struct point *add_point(struct points *p, const char *type, const char *target, bool unique)
{
	_cleanup_free_ char *t = NULL;
	struct point *v;

	if (isempty(target) || *target != '/') {
		err_kind(p->e, ERR_INVALID, -EINVAL,
			 "invalid mount config for type \"%s\": invalid mount path: '%s' mount path must "
			 "be absolute",
			 type, target ?: "");
		return NULL;
	}
	t = clean(target);
	if (!t) {
		err_oom(p->e);
		return NULL;
	}
	if (streq(t, "/")) {
		err_kind(p->e, ERR_INVALID, -EINVAL,
			 "invalid mount config for type \"%s\": invalid specification: destination "
			 "can't be '/'",
			 type);
		return NULL;
	}
	if (find_point(p, t)) {
		if (unique)
			err_kind(p->e, ERR_INVALID, -EINVAL, "Duplicate mount point: %s", t);
		return NULL;
	}
	v = reallocarray(p->v, p->n + 1, sizeof(*v));
	if (!v) {
		err_oom(p->e);
		return NULL;
	}
	p->v = v;
	v = &p->v[p->n++];
	*v = (struct point){ .type = strdup(type), .target = TAKE_PTR(t), .rw = true, .mode = strdup("") };
	if (!v->type || !v->mode) {
		err_oom(p->e);
		return NULL;
	}
	return v;
}

static int failed(const struct points *p)
{
	return p->e && p->e->code ? p->e->code : 0;
}

/* A volume by NAME (NULL: a new one), made where it is not there. */
static int be_volume(struct points *p, struct point *v, const char *name, const char *doc)
{
	_cleanup_buf_ struct buf own = BUF_INIT;
	char id[65];
	int r = tables(p->d, p->e);

	v->anonymous = isempty(name);
	if (r == 0 && v->anonymous)
		r = docker_new_id(id, p->e);
	if (r == 0 && !doc)
		r = volume_doc(NULL, NULL, v->anonymous, &own, p->e);
	if (r == 0) {
		v->name = strdup(v->anonymous ? id : name);
		r = v->name ? 0 : err_oom(p->e);
	}
	/* Its user first: a volume that nobody has would be nobody's to remove. */
	if (r == 0)
		r = db_exec(p->d->images->db, p->e,
			    "INSERT OR IGNORE INTO volume_users (container, volume, anonymous) VALUES (?, ?, ?)", "ssi",
			    p->m->id, v->name, (int64_t)v->anonymous);
	if (r == 0)
		r = make_volume(p->d, v->name, doc ?: buf_str(&own), p->e);
	if (r < 0)
		return r;
	v->source = data_path(p->d, v->name);
	return v->source ? 0 : err_oom(p->e);
}

static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave", NULL };

static int take_mode(struct points *p, struct point *v, const char *mode, const char *whole)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = strv_split(&words, mode, ",", p->e);

	for (size_t i = 0; i < words.n && r == 0; i++) {
		const char *w = words.v[i];
		bool known = streq(w, "rw") || streq(w, "z") || streq(w, "Z") || streq(w, "cached") ||
			     streq(w, "consistent") || streq(w, "delegated");

		if (streq(w, "ro")) {
			v->rw = false;
			known = true;
		} else if (streq(w, "nocopy")) {
			v->no_copy = true;
			known = true;
		}
		for (size_t k = 0; propagations[k]; k++)
			if (streq(w, propagations[k])) {
				free(v->propagation);
				v->propagation = strdup(w);
				known = true;
			}
		if (!known)
			r = err_kind(p->e, ERR_INVALID, -EINVAL, "invalid volume specification: '%s': invalid mode: %s",
				     whole, mode);
	}
	free(v->mode);
	v->mode = strdup(mode);
	return r == 0 && !v->mode ? err_oom(p->e) : r;
}

/* "SOURCE:TARGET[:MODE]" or "TARGET". */
static int take_bind(struct points *p, const char *said)
{
	_cleanup_free_ char *text = strdup(said);
	char *a = text, *b, *c;
	struct point *v;
	bool path;

	if (!text)
		return err_oom(p->e);
	b = strchr(a, ':');
	c = b ? strchr(b + 1, ':') : NULL;
	if (b)
		*b++ = '\0';
	if (c)
		*c++ = '\0';
	if (!*a || (b && !*b) || (c && (!*c || strchr(c, ':'))))
		return err_kind(p->e, ERR_INVALID, -EINVAL, "invalid volume specification: '%s'", said);
	path = b && *a == '/';
	v = add_point(p, path ? "bind" : "volume", b ?: a, true);
	if (!v)
		return failed(p);
	if (c && take_mode(p, v, c, said) < 0)
		return failed(p);
	if (!path)
		return be_volume(p, v, b ? a : NULL, NULL);
	v->source = clean(a);
	v->make = true;
	return v->source ? 0 : err_oom(p->e);
}

static int tmpfs_options(struct point *v, const struct json_c_value *o, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	int64_t size = value_int(o, "SizeBytes", 0), mode = value_int(o, "Mode", 0);

	if (size > 0)
		buf_printf(&b, "size=%lld", (long long)size);
	if (mode > 0)
		buf_printf(&b, "%smode=%llo", b.len ? "," : "", (unsigned long long)mode);
	if (!v->rw)
		buf_printf(&b, "%sro", b.len ? "," : "");
	v->options = buf_take(&b);
	return v->options || !b.error ? 0 : err_oom(e);
}

static int take_mount(struct points *p, const struct json_c_value *m)
{
	const char *type = value_text(m, "Type") ?: "", *source = value_text(m, "Source"),
		   *target = value_text(m, "Target"), *propagation;
	_cleanup_buf_ struct buf doc = BUF_INIT;
	struct point *v;
	int r;

	if (!streq(type, "bind") && !streq(type, "volume") && !streq(type, "tmpfs"))
		return err_kind(p->e, ERR_INVALID, -EINVAL,
				"invalid mount config for type \"%s\": mount type unknown: \"%s\"", type, type);
	v = add_point(p, type, target, true);
	if (!v)
		return failed(p);
	v->rw = !value_bool(m, "ReadOnly");
	if (streq(type, "tmpfs"))
		return tmpfs_options(v, value_get(m, "TmpfsOptions"), p->e);
	if (streq(type, "volume")) {
		const struct json_c_value *o = value_get(m, "VolumeOptions");

		/* The whole of it would be more than was asked for. */
		if (!isempty(value_text(o, "Subpath")))
			return err_kind(p->e, ERR_INVALID, -EOPNOTSUPP,
					"invalid mount config for type \"volume\": a part of a volume (Subpath) is not "
					"supported yet");
		if (value_members(value_get(value_get(o, "DriverConfig"), "Options")))
			return err_kind(p->e, ERR_INVALID, -EOPNOTSUPP,
					"create %s: options of the driver local are not supported yet", source ?: "");
		v->no_copy = value_bool(o, "NoCopy");
		r = volume_doc(value_get(o, "Labels"), NULL, isempty(source), &doc, p->e);
		return r == 0 ? be_volume(p, v, source, buf_str(&doc)) : r;
	}
	if (isempty(source) || *source != '/')
		return err_kind(
			p->e, ERR_INVALID, -EINVAL,
			"invalid mount config for type \"bind\": invalid mount path: '%s' mount path must be absolute",
			source ?: "");
	v->source = clean(source);
	if (!v->source)
		return err_oom(p->e);
	propagation = value_text(value_get(m, "BindOptions"), "Propagation");
	for (size_t k = 0; propagations[k] && !isempty(propagation); k++)
		if (streq(propagation, propagations[k])) {
			v->propagation = strdup(propagation);
			propagation = NULL;
		}
	if (!isempty(propagation))
		return err_kind(p->e, ERR_INVALID, -EINVAL,
				"invalid mount config for type \"bind\": invalid propagation mode '%s'", propagation);
	v->non_recursive = value_bool(value_get(m, "BindOptions"), "NonRecursive");
	v->shallow = value_bool(value_get(m, "BindOptions"), "ReadOnlyNonRecursive");
	v->make = value_bool(value_get(m, "BindOptions"), "CreateMountpoint");
	if (!v->make && !file_exists(AT_FDCWD, v->source))
		return err_kind(p->e, ERR_INVALID, -EINVAL,
				"invalid mount config for type \"bind\": bind source path does not exist: %s",
				v->source);
	return 0;
}

static int take_from(struct points *p, const char *said)
{
	_cleanup_free_ char *name = strdup(said);
	_cleanup_row_ struct docker_row c = { 0 };
	char *mode = name ? strchr(name, ':') : NULL;
	const struct json_c_value *l;
	int r;

	if (!name)
		return err_oom(p->e);
	if (mode)
		*mode++ = '\0';
	r = docker_find(p->d, name, &c, p->e);
	if (r < 0)
		return r;
	l = value_get(c.doc, "Mounts");
	for (size_t i = 0; i < value_len(l) && r == 0; i++) {
		const struct json_c_value *m = value_elem(l, i);
		const char *volume = value_text(m, "Name");
		struct point *v;

		if (streq(value_text(m, "Type") ?: "", "tmpfs"))
			continue;
		v = add_point(p, value_text(m, "Type") ?: "", value_text(m, "Destination"), false);
		if (!v) {
			r = failed(p);
			continue;
		}
		v->rw = value_bool(m, "RW");
		if (mode)
			r = take_mode(p, v, mode, said);
		v->no_copy = true;
		if (r == 0 && !isempty(volume)) {
			r = be_volume(p, v, volume, NULL);
		} else if (r == 0) {
			v->source = strdup(value_text(m, "Source") ?: "");
			r = v->source ? 0 : err_oom(p->e);
		}
	}
	return r;
}

static bool is_tmpfs(const struct points *p, const char *target)
{
	return value_get(value_get(p->m->host, "Tmpfs"), target) != NULL;
}

static int gather(struct points *p)
{
	const struct json_c_value *binds = value_get(p->m->host, "Binds"), *mounts = value_get(p->m->host, "Mounts"),
				  *from = value_get(p->m->host, "VolumesFrom");
	const struct strv *volumes = &p->m->config->volumes;
	int r = 0;

	for (size_t i = 0; i < value_len(binds) && r == 0; i++)
		r = take_bind(p, value_text(value_elem(binds, i), NULL) ?: "");
	for (size_t i = 0; i < value_len(mounts) && r == 0; i++)
		r = take_mount(p, value_elem(mounts, i));
	for (size_t i = 0; i < value_len(from) && r == 0; i++)
		r = take_from(p, value_text(value_elem(from, i), NULL) ?: "");
	for (size_t i = 0; i < volumes->n && r == 0; i++) {
		struct point *v = is_tmpfs(p, volumes->v[i]) ? NULL : add_point(p, "volume", volumes->v[i], false);

		r = v ? be_volume(p, v, NULL, NULL) : failed(p);
	}
	return r;
}

static bool dir_is_empty(int fd)
{
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = own < 0 ? NULL : fdopendir(own);
	struct dirent *de;
	bool empty = true;

	if (!d) {
		fd_close(own);
		return false;
	}
	while (empty && (de = readdir(d)))
		empty = streq(de->d_name, ".") || streq(de->d_name, "..");
	closedir(d);
	return empty;
}

/* What the image has there comes to be in a volume that is empty: owner and mode of the folder, too. The source is looked up
 * in the image's root, and copied by descriptors: no link of either leads anywhere else. */
static int fill_volume(const struct point *v, int root, struct err *e)
{
	_cleanup_close_ int from = -EBADF, to = open(v->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int path;

	if (to < 0)
		return err_set(e, -errno, "open %s", v->source);
	if (!dir_is_empty(to))
		return 0;
	path = inroot_open_path(root, v->target, O_DIRECTORY);
	if (path < 0)
		return 0; /* the image has no such folder */
	from = openat(path, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd_close(path);
	if (from < 0 || fstat(from, &st) < 0)
		return err_set(e, -errno, "open %s of the image", v->target);
	if (fchown(to, st.st_uid, st.st_gid) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return err_set(e, -errno, "give %s its owner", v->source);
	return dir_is_empty(from) ? 0 : store_copy_below(from, to, e);
}

static int settle(struct points *p)
{
	_cleanup_close_ int root = -EBADF;
	int r = 0;

	for (size_t i = 0; i < p->n && r == 0; i++) {
		const struct point *v = &p->v[i];

		if (!v->name || v->no_copy)
			continue;
		if (root < 0)
			root = p->m->open_root(p->m->arg, p->e);
		r = root < 0 ? root : fill_volume(v, root, p->e);
	}
	return r;
}

static void write_point(const struct point *v, struct json *j)
{
	json_object(j);
	json_kv_string(j, "Type", v->type);
	if (v->name)
		json_kv_string(j, "Name", v->name);
	json_kv_string(j, "Source", v->source ?: "");
	json_kv_string(j, "Destination", v->target);
	if (v->name)
		json_kv_string(j, "Driver", "local");
	json_kv_string(j, "Mode", v->name && !*v->mode ? "z" : v->mode);
	json_kv_bool(j, "RW", v->rw);
	json_kv_string(j, "Propagation", streq(v->type, "bind") ? v->propagation ?: "rprivate" : "");
	if (v->options)
		json_kv_string(j, "Options", v->options);
	if (v->non_recursive)
		json_kv_bool(j, "NonRecursive", true);
	if (v->shallow)
		json_kv_bool(j, "Shallow", true);
	if (v->make)
		json_kv_bool(j, "Make", true);
	json_end_object(j);
}

int docker_mounts(struct docker *d, const struct docker_mounts *m, struct json *out, struct err *e)
{
	_cleanup_(points_done) struct points p = { .d = d, .m = m, .e = e };
	int r = gather(&p);

	if (r == 0)
		r = settle(&p);
	json_array(out);
	for (size_t i = 0; i < p.n && r == 0; i++)
		write_point(&p.v[i], out);
	json_end_array(out);
	return r;
}

int docker_mounts_check(const struct docker_row *c, struct err *e)
{
	const struct json_c_value *l = value_get(c->doc, "Mounts");

	for (size_t i = 0; i < value_len(l); i++) {
		const struct json_c_value *m = value_elem(l, i);
		const char *source = value_text(m, "Source");
		int r;

		if (!streq(value_text(m, "Type") ?: "", "bind"))
			continue;
		if (file_exists(AT_FDCWD, source))
			continue;
		if (!value_bool(m, "Make"))
			return err_kind(e, ERR_INVALID, -ENOENT,
					"invalid mount config for type \"bind\": bind source path does not exist: %s",
					source);
		r = dir_make_all(source, 0755, e);
		if (r < 0)
			return err_wrap(e, r, "error while creating mount source path '%s'", source);
	}
	return 0;
}

/* The volumes first: what a kill leaves has its user still, and is found by it. */
int docker_mounts_remove(struct docker *d, const struct docker_row *c, bool volumes, struct err *e)
{
	_cleanup_strv_ struct strv own = STRV_INIT;
	int r = !c->doc || value_len(value_get(c->doc, "Mounts")) ? tables(d, e) : 1;

	if (r > 0)
		return 0;
	if (r == 0 && volumes)
		r = db_query(d->images->db, take_name, &own, e,
			     "SELECT volume FROM volume_users u WHERE container = ? AND anonymous = 1 AND NOT EXISTS "
			     "(SELECT 1 FROM volume_users o WHERE o.volume = u.volume AND o.container <> u.container)",
			     "s", c->id);
	for (size_t i = 0; i < own.n && r == 0; i++)
		r = drop_volume(d, own.v[i], e);
	if (r == 0)
		r = db_exec(d->images->db, e, "DELETE FROM volume_users WHERE container = ?", "s", c->id);
	return r;
}
