/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* --mount type=bind,source=/a,target=/b,…: a line of CSV, one table row a key. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/docker/create.h"
#include "cli/docker/units.h"

#define BAD(...) err_kind(e, ERR_INVALID, -EINVAL, __VA_ARGS__)

struct mount {
	const char *type, *target, *consistency, *propagation, *driver, *subpath;
	char *source; /* owned */
	bool readonly, non_recursive, create, ro_non_recursive, ro_force, nocopy;
	bool bind_options, volume_options, tmpfs_options;
	struct strv labels, options;
	int64_t size;
	uint32_t mode;
};

static void mount_done(struct mount *m)
{
	free(m->source);
	strv_done(&m->labels);
	strv_done(&m->options);
}

int csv_split(const char *line, struct strv *ret, struct err *e)
{
	_cleanup_buf_ struct buf field = BUF_INIT;
	const char *s = line;
	int r;

	for (;;) {
		buf_reset(&field);
		if (*s == '"') {
			for (s++; *s && !(*s == '"' && s[1] != '"'); s++) {
				s += *s == '"';
				buf_putc(&field, *s);
			}
			if (*s != '"' || (s[1] && s[1] != ','))
				return BAD("parse error on line 1: extraneous or missing \" in quoted-field");
			s++;
		} else {
			for (; *s && *s != ','; s++) {
				if (*s == '"')
					return BAD("parse error on line 1: bare \" in non-quoted-field");
				buf_putc(&field, *s);
			}
		}
		r = buf_error(&field, e);
		if (r >= 0)
			r = strv_push(ret, buf_str(&field), e);
		if (r < 0 || !*s)
			return r;
		s++;
	}
}

static int mount_bool(const char *key, const char *value, bool *ret, struct err *e)
{
	*ret = true;
	return value && opt_go_bool(value, ret) < 0 ? BAD("invalid value for %s: %s", key, value) : 0;
}

/* A source that begins with a dot is the caller's. */
static int set_source(struct mount *m, const char *value, struct err *e)
{
	_cleanup_free_ char *cwd = NULL;

	free(m->source);
	if (!streq(value, ".") && !startswith(value, "./")) {
		m->source = strdup(value);
	} else {
		cwd = getcwd(NULL, 0);
		m->source = !cwd ? NULL : streq(value, ".") ? TAKE_PTR(cwd) : path_join(cwd, value + 2);
	}
	return m->source ? 0 : err_oom(e);
}

static int bind_recursive(struct mount *m, const char *value, struct err *e)
{
	if (streq(value, "enabled"))
		return 0;
	if (streq(value, "disabled"))
		m->non_recursive = true;
	else if (streq(value, "writable"))
		m->ro_non_recursive = true;
	else if (streq(value, "readonly"))
		m->ro_force = true;
	else
		return BAD("invalid value for bind-recursive: %s (must be \"enabled\", \"disabled\", \"writable\", or "
			   "\"readonly\")",
			   value);
	m->bind_options = true;
	return 0;
}

static int bind_key(struct mount *m, const char *key, const char *value, struct err *e)
{
	m->bind_options = true;
	if (streq(key, "bind-propagation")) {
		m->propagation = value;
		return 0;
	}
	if (streq(key, "bind-nonrecursive"))
		return mount_bool(key, value, &m->non_recursive, e);
	if (streq(key, "bind-create-src"))
		return mount_bool(key, value, &m->create, e);
	m->bind_options = false;
	if (streq(key, "bind-recursive"))
		return bind_recursive(m, value, e);
	return -ENOENT;
}

static int volume_key(struct mount *m, const char *key, const char *value, struct err *e)
{
	m->volume_options = true;
	if (streq(key, "volume-nocopy"))
		return mount_bool(key, value, &m->nocopy, e);
	if (streq(key, "volume-label"))
		return strv_push(&m->labels, value, e);
	if (streq(key, "volume-opt"))
		return strv_push(&m->options, value, e);
	if (streq(key, "volume-driver"))
		m->driver = value;
	else if (streq(key, "volume-subpath"))
		m->subpath = value;
	else
		return -ENOENT;
	return 0;
}

static int tmpfs_key(struct mount *m, const char *key, const char *value, struct err *e)
{
	m->tmpfs_options = true;
	if (streq(key, "tmpfs-size"))
		return unit_bytes(value, &m->size) < 0 ? BAD("invalid value for %s: %s", key, value) : 0;
	if (streq(key, "tmpfs-mode"))
		return parse_octal(value, &m->mode) < 0 ? BAD("invalid value for %s: %s", key, value) : 0;
	return -ENOENT;
}

static int common_key(struct mount *m, const char *key, const char *value, struct err *e)
{
	if (streq(key, "type"))
		m->type = value;
	else if (streq(key, "source") || streq(key, "src"))
		return set_source(m, value, e);
	else if (streq(key, "target") || streq(key, "dst") || streq(key, "destination"))
		m->target = value;
	else if (streq(key, "consistency"))
		m->consistency = value;
	else if (streq(key, "readonly") || streq(key, "ro"))
		return mount_bool(key, value, &m->readonly, e);
	else
		return -ENOENT;
	return 0;
}

static bool is_switch(const char *key)
{
	return streq(key, "readonly") || streq(key, "ro") || streq(key, "volume-nocopy") ||
	       streq(key, "bind-nonrecursive");
}

/* FIELD is cut at its "=". */
static int mount_field(struct mount *m, char *field, struct err *e)
{
	char *eq = strchr(field, '=');
	int r = -ENOENT;

	if (!eq && !is_switch(field))
		return BAD("invalid field '%s' must be a key=value pair", field);
	if (eq)
		*eq = '\0';
	for (char *p = field; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p |= 0x20;
	if (startswith(field, "bind-"))
		r = bind_key(m, field, eq ? eq + 1 : NULL, e);
	else if (startswith(field, "volume-"))
		r = volume_key(m, field, eq ? eq + 1 : NULL, e);
	else if (startswith(field, "tmpfs-"))
		r = tmpfs_key(m, field, eq ? eq + 1 : NULL, e);
	else
		r = common_key(m, field, eq ? eq + 1 : NULL, e);
	if (r == -ENOENT)
		return BAD("unexpected key '%s' in '%s%s%s'", field, field, eq ? "=" : "", eq ? eq + 1 : "");
	return r;
}

static int mount_check(const struct mount *m, struct err *e)
{
	if (isempty(m->type))
		return BAD("type is required");
	if (isempty(m->target))
		return BAD("target is required");
	if (m->bind_options && !streq(m->type, "bind"))
		return BAD("cannot mix 'bind-*' options with mount type '%s'", m->type);
	if (m->volume_options && !streq(m->type, "volume"))
		return BAD("cannot mix 'volume-*' options with mount type '%s'", m->type);
	if (m->tmpfs_options && !streq(m->type, "tmpfs"))
		return BAD("cannot mix 'tmpfs-*' options with mount type '%s'", m->type);
	if (m->ro_non_recursive && !m->readonly)
		return BAD("option 'bind-recursive=writable' requires 'readonly' to be specified in conjunction");
	if (m->ro_force && !m->readonly)
		return BAD("option 'bind-recursive=readonly' requires 'readonly' to be specified in conjunction");
	if (m->ro_force && (!m->propagation || !streq(m->propagation, "rprivate")))
		return BAD("option 'bind-recursive=readonly' requires 'bind-propagation=rprivate' to be specified in "
			   "conjunction");
	return 0;
}

static void switch_write(struct json *j, const char *key, bool on)
{
	if (on)
		json_kv_bool(j, key, true);
}

static void options_write(const struct mount *m, struct json *j)
{
	if (m->bind_options) {
		json_key(j, "BindOptions");
		json_object(j);
		json_text(j, "Propagation", m->propagation);
		switch_write(j, "NonRecursive", m->non_recursive);
		switch_write(j, "CreateMountpoint", m->create);
		switch_write(j, "ReadOnlyNonRecursive", m->ro_non_recursive);
		switch_write(j, "ReadOnlyForceRecursive", m->ro_force);
		json_end_object(j);
	}
	if (m->volume_options) {
		json_key(j, "VolumeOptions");
		json_object(j);
		switch_write(j, "NoCopy", m->nocopy);
		if (m->labels.n)
			json_map(j, "Labels", &m->labels);
		json_text(j, "Subpath", m->subpath);
		json_key(j, "DriverConfig");
		json_object(j);
		json_text(j, "Name", m->driver);
		if (m->options.n)
			json_map(j, "Options", &m->options);
		json_end_object(j);
		json_end_object(j);
	}
	if (m->tmpfs_options) {
		json_key(j, "TmpfsOptions");
		json_object(j);
		if (m->size)
			json_kv_i64(j, "SizeBytes", m->size);
		if (m->mode)
			json_kv_u64(j, "Mode", m->mode);
		json_end_object(j);
	}
}

int mount_option(const char *arg, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv fields = STRV_INIT;
	_cleanup_(mount_done) struct mount m = { .type = "volume" };
	int r = csv_split(arg, &fields, e);

	for (size_t i = 0; i < fields.n && r >= 0; i++)
		r = mount_field(&m, fields.v[i], e);
	if (r >= 0)
		r = mount_check(&m, e);
	if (r < 0 || !j)
		return r;
	json_object(j);
	json_kv_string(j, "Type", m.type);
	json_text(j, "Source", m.source);
	json_kv_string(j, "Target", m.target);
	switch_write(j, "ReadOnly", m.readonly);
	json_text(j, "Consistency", m.consistency);
	options_write(&m, j);
	json_end_object(j);
	return 0;
}
