/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where a container has what: -v, --mount, --volumes-from and the image's VOLUMEs become one list, which is the container's
 * from then on.
 */

#include <fcntl.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"

struct point {
	char *type, *name, *source, *target, *mode, *propagation, *options, *subpath;
	bool rw, anonymous, no_copy, non_recursive, shallow, make;
	bool mounted; /* the volume is a mount of its own while it is used */
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
		free(p->v[i].subpath);
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

/* A volume by NAME (NULL: a new one), made where it is not there. Its user comes with it: a volume that nobody has would be
 * nobody's to remove. */
static int be_volume(struct points *p, struct point *v, const char *name, const char *doc)
{
	_cleanup_buf_ struct buf own = BUF_INIT;
	_cleanup_value_ struct json_c_value *there = NULL;
	char id[65];
	int r = 0;

	v->anonymous = isempty(name);
	if (v->anonymous)
		r = docker_new_id(id, p->e);
	if (r == 0 && !doc)
		r = docker_volume_doc(NULL, NULL, v->anonymous, &own, p->e);
	if (r == 0) {
		v->name = strdup(v->anonymous ? id : name);
		r = v->name ? 0 : err_oom(p->e);
	}
	if (r == 0)
		r = docker_volume_take(p->d, p->m->id, v->name, v->anonymous, doc ?: buf_str(&own), p->e);
	if (r == 0)
		r = docker_volume_find(p->d, v->name, &there, NULL, p->e);
	if (r < 0)
		return r;
	v->mounted = value_members(value_get(there, "Options")) > 0;
	v->source = docker_volume_path(p->d, v->name, "_data");
	return v->source ? 0 : err_oom(p->e);
}

static const char *const propagations[] = { "private", "rprivate", "shared", "rshared", "slave", "rslave", NULL };

static int take_mode(struct points *p, struct point *v, const char *mode)
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
			r = err_kind(p->e, ERR_INVALID, -EINVAL, "invalid mode: %s", mode);
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
		return err_wrap(p->e, failed(p), "invalid volume specification: '%s'", said);
	if (c && take_mode(p, v, c) < 0)
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

static int volume_mount(struct points *p, struct point *v, const struct json_c_value *o, const char *source)
{
	const struct json_c_value *driver = value_get(o, "DriverConfig");
	const char *sub = value_text(o, "Subpath"), *name = value_text(driver, "Name");
	_cleanup_buf_ struct buf doc = BUF_INIT;
	int r;

	if (!isempty(sub)) {
		if (*sub == '/' || streq(sub, "..") || startswith(sub, "../"))
			return err_kind(
				p->e, ERR_INVALID, -EINVAL,
				"invalid mount config for type \"volume\": subpath must be a relative path within "
				"the volume");
		v->subpath = clean(sub);
		if (!v->subpath)
			return err_oom(p->e);
	}
	if (!isempty(name) && !streq(name, "local"))
		return err_kind(p->e, ERR_NOT_FOUND, -ENOENT,
				"error looking up volume plugin %s: plugin \"%s\" not found", name, name);
	r = docker_volume_options(value_get(driver, "Options"), NULL, source ?: "", p->e);
	if (r < 0)
		return r;
	v->no_copy = value_bool(o, "NoCopy");
	r = docker_volume_doc(value_get(o, "Labels"), value_get(driver, "Options"), isempty(source), &doc, p->e);
	return r == 0 ? be_volume(p, v, source, buf_str(&doc)) : r;
}

static int bind_mount(struct points *p, struct point *v, const struct json_c_value *o, const char *source)
{
	const char *propagation = value_text(o, "Propagation");

	if (isempty(source) || *source != '/')
		return err_kind(
			p->e, ERR_INVALID, -EINVAL,
			"invalid mount config for type \"bind\": invalid mount path: '%s' mount path must be absolute",
			source ?: "");
	v->source = clean(source);
	if (!v->source)
		return err_oom(p->e);
	for (size_t k = 0; propagations[k] && !isempty(propagation); k++)
		if (streq(propagation, propagations[k])) {
			v->propagation = strdup(propagation);
			propagation = NULL;
		}
	if (!isempty(propagation))
		return err_kind(p->e, ERR_INVALID, -EINVAL,
				"invalid mount config for type \"bind\": invalid propagation mode '%s'", propagation);
	v->non_recursive = value_bool(o, "NonRecursive");
	v->shallow = value_bool(o, "ReadOnlyNonRecursive");
	v->make = value_bool(o, "CreateMountpoint");
	if (!v->make && !file_exists(AT_FDCWD, v->source))
		return err_kind(p->e, ERR_INVALID, -EINVAL,
				"invalid mount config for type \"bind\": bind source path does not exist: %s",
				v->source);
	return 0;
}

static int take_mount(struct points *p, const struct json_c_value *m)
{
	const char *type = value_text(m, "Type") ?: "", *source = value_text(m, "Source");
	struct point *v;

	if (!streq(type, "bind") && !streq(type, "volume") && !streq(type, "tmpfs"))
		return err_kind(p->e, ERR_INVALID, -EINVAL,
				"invalid mount config for type \"%s\": mount type unknown: \"%s\"", type, type);
	v = add_point(p, type, value_text(m, "Target"), true);
	if (!v)
		return failed(p);
	v->rw = !value_bool(m, "ReadOnly");
	return streq(type, "tmpfs")    ? tmpfs_options(v, value_get(m, "TmpfsOptions"), p->e)
	       : streq(type, "volume") ? volume_mount(p, v, value_get(m, "VolumeOptions"), source)
				       : bind_mount(p, v, value_get(m, "BindOptions"), source);
}

static int copy_text(char **to, const char *s, struct err *e)
{
	if (!s)
		return 0;
	free(*to);
	*to = strdup(s);
	return *to ? 0 : err_oom(e);
}

/* How the other has it: a part of a volume is no more than that for whoever has it from there. */
static int take_ways(struct points *p, struct point *v, const struct json_c_value *m)
{
	const char *propagation = value_text(m, "Propagation");
	int r = copy_text(&v->subpath, value_text(m, "Subpath"), p->e);

	v->rw = value_bool(m, "RW");
	v->non_recursive = value_bool(m, "NonRecursive");
	v->shallow = value_bool(m, "Shallow");
	v->no_copy = true;
	return r == 0 && !isempty(propagation) ? copy_text(&v->propagation, propagation, p->e) : r;
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
		r = take_ways(p, v, m);
		if (r == 0 && mode)
			r = take_mode(p, v, mode);
		if (r == 0)
			r = isempty(volume) ? copy_text(&v->source, value_text(m, "Source") ?: "", p->e)
					    : be_volume(p, v, volume, NULL);
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

static int settle(struct points *p)
{
	_cleanup_close_ int root = -EBADF;
	int r = 0;

	for (size_t i = 0; i < p->n && r == 0; i++) {
		const struct point *v = &p->v[i];
		struct docker_fill f = { .name = v->name,
					 .target = v->target,
					 .container = p->m->id,
					 .root = -EBADF,
					 .mounted = v->mounted };

		if (!v->name)
			continue;
		if (!v->no_copy && !v->subpath && root < 0)
			root = p->m->open_root(p->m->arg, p->e);
		if (!v->no_copy && !v->subpath && root < 0)
			return root;
		f.root = v->no_copy || v->subpath ? -EBADF : root;
		r = docker_volume_fill(p->d, &f, p->e);
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
	if (v->mounted)
		json_kv_bool(j, "Mounted", true);
	if (v->subpath)
		json_kv_string(j, "Subpath", v->subpath);
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
