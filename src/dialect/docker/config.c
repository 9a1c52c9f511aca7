/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One table gives names, fields and when a member is written, for both directions. Docker writes maps sorted, and knows
 * the difference between null and [] in Cmd and Entrypoint only.
 */
#include "dialect/docker/config.h"

#include <limits.h>

#include "base/json.h"
#include "dialect/docker/jread.h"
#include "dialect/oci/json-c.h"

enum kind { TEXT, FLAG, LIST, SET, MAP, HEALTH, TIMEOUT };
enum {
	IMAGE = 1, /* an image's configuration has it, too */
	FULL = 2,  /* the Engine API shows it when it is empty */
};

struct row {
	const char *name;
	enum kind kind;
	size_t at;
	unsigned flags;
};
#define R(name, kind, field, flags)                                         \
	{                                                                   \
		name, kind, offsetof(struct container_config, field), flags \
	}

/* In the order of the Engine API. */
static const struct row rows[] = {
	R("Hostname", TEXT, hostname, FULL),
	R("Domainname", TEXT, domainname, FULL),
	R("User", TEXT, user, IMAGE | FULL),
	R("AttachStdin", FLAG, attach_stdin, FULL),
	R("AttachStdout", FLAG, attach_stdout, FULL),
	R("AttachStderr", FLAG, attach_stderr, FULL),
	R("ExposedPorts", SET, exposed_ports, IMAGE),
	R("Tty", FLAG, tty, FULL),
	R("OpenStdin", FLAG, open_stdin, FULL),
	R("StdinOnce", FLAG, stdin_once, FULL),
	R("Env", LIST, env, IMAGE | FULL),
	R("Cmd", LIST, cmd, IMAGE | FULL),
	R("Healthcheck", HEALTH, health, IMAGE),
	R("ArgsEscaped", FLAG, args_escaped, IMAGE),
	R("Image", TEXT, image, FULL),
	R("Volumes", SET, volumes, IMAGE | FULL),
	R("WorkingDir", TEXT, working_dir, IMAGE | FULL),
	R("Entrypoint", LIST, entrypoint, IMAGE | FULL),
	R("NetworkDisabled", FLAG, network_disabled, 0),
	R("MacAddress", TEXT, mac_address, 0),
	R("OnBuild", LIST, on_build, IMAGE | FULL),
	R("Labels", MAP, labels, IMAGE | FULL),
	R("StopSignal", TEXT, stop_signal, IMAGE),
	R("StopTimeout", TIMEOUT, stop_timeout, 0),
	R("Shell", LIST, shell, IMAGE),
};

#define FIELD(c, row, type)  ((type *)(void *)((char *)(c) + (row)->at))
#define CFIELD(c, row, type) ((const type *)(const void *)((const char *)(c) + (row)->at))

void container_config_init(struct container_config *c)
{
	*c = (struct container_config){ .stop_timeout = -1 };
}

void container_config_done(struct container_config *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == TEXT)
			free(*FIELD(c, &rows[i], char *));
		else if (rows[i].kind == LIST || rows[i].kind == SET || rows[i].kind == MAP)
			strv_done(FIELD(c, &rows[i], struct strv));
	strv_done(&c->health.test);
	container_config_init(c);
}

int container_config_copy(struct container_config *to, const struct container_config *from, struct err *e)
{
	struct container_config c = *from;
	int r = 0;

	c.health.test = STRV_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == TEXT)
			*FIELD(&c, &rows[i], char *) = NULL;
		else if (rows[i].kind == LIST || rows[i].kind == SET || rows[i].kind == MAP)
			*FIELD(&c, &rows[i], struct strv) = STRV_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(rows) && r == 0; i++) {
		const struct row *w = &rows[i];

		if (w->kind == LIST || w->kind == SET || w->kind == MAP) {
			r = strv_copy(FIELD(&c, w, struct strv), CFIELD(from, w, struct strv), e);
		} else if (w->kind == TEXT && *CFIELD(from, w, char *)) {
			*FIELD(&c, w, char *) = strdup(*CFIELD(from, w, char *));
			r = *FIELD(&c, w, char *) ? 0 : err_oom(e);
		}
	}
	if (r == 0)
		r = strv_copy(&c.health.test, &from->health.test, e);
	if (r < 0) {
		container_config_done(&c);
		return r;
	}
	*to = c;
	return 0;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

static int read_health(struct json_c_value *o, const char *name, struct container_config *c, struct err *e)
{
	struct health_config *h = &c->health;
	struct json_c_value *v;
	int64_t retries = 0;
	int r = jread_object(o, name, &v, e);

	if (r < 0 || !v)
		return r;
	c->has_health = true;
	r = jread_strv(v, "Test", &h->test, NULL, e);
	if (r == 0)
		r = jread_i64(v, "Interval", 0, INT64_MAX, &h->interval_ns, e);
	if (r == 0)
		r = jread_i64(v, "Timeout", 0, INT64_MAX, &h->timeout_ns, e);
	if (r == 0)
		r = jread_i64(v, "StartPeriod", 0, INT64_MAX, &h->start_period_ns, e);
	if (r == 0)
		r = jread_i64(v, "StartInterval", 0, INT64_MAX, &h->start_interval_ns, e);
	if (r == 0)
		r = jread_i64(v, "Retries", 0, INT32_MAX, &retries, e);
	h->retries = (int32_t)retries;
	return r;
}

static int read_row(struct json_c_value *o, const struct row *w, struct container_config *c, struct err *e)
{
	switch (w->kind) {
	case TEXT:
		return jread_string(o, w->name, FIELD(c, w, char *), e);
	case FLAG:
		return jread_bool(o, w->name, FIELD(c, w, bool), e);
	case LIST:
		return jread_strv(o, w->name, FIELD(c, w, struct strv),
				  w->at == offsetof(struct container_config, cmd)	   ? &c->cmd_set
				  : w->at == offsetof(struct container_config, entrypoint) ? &c->entrypoint_set
											   : NULL,
				  e);
	case SET:
		return jread_keys(o, w->name, FIELD(c, w, struct strv), e);
	case MAP:
		return jread_map(o, w->name, FIELD(c, w, struct strv), e);
	case HEALTH:
		return read_health(o, w->name, c, e);
	case TIMEOUT:
		return jread_i64(o, w->name, -1, INT32_MAX, FIELD(c, w, int64_t), e);
	}
	return 0;
}

int container_config_read(struct json_c_value *o, struct container_config *ret, struct err *e)
{
	struct container_config c;
	int r = 0;

	container_config_init(&c);
	if (!json_object_is_type(o, json_type_object))
		return err_kind(e, ERR_INVALID, -EINVAL, "Config: expected an object");
	for (size_t i = 0; i < ARRAY_SIZE(rows) && r == 0; i++)
		r = read_row(o, &rows[i], &c, e);
	if (r < 0) {
		container_config_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

static void write_list(struct json *out, const struct strv *l, bool set)
{
	if (!l->n && !set) {
		json_null(out);
		return;
	}
	json_array(out);
	for (size_t i = 0; i < l->n; i++)
		json_string(out, l->v[i]);
	json_end_array(out);
}

/* What is said before the first '=' of an entry, or all of it. */
static void write_member(struct json *out, const char *entry, bool value)
{
	size_t n = value ? strcspn(entry, "=") : strlen(entry);
	_cleanup_free_ char *key = strndup(entry, n);

	if (!key) {
		out->out->error = -ENOMEM;
		return;
	}
	json_key(out, key);
	if (value) {
		json_string(out, entry[n] ? entry + n + 1 : "");
		return;
	}
	json_object(out);
	json_end_object(out);
}

static int by_key(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t n = strcspn(x, "="), m = strcspn(y, "=");
	int d = memcmp(x, y, n < m ? n : m);

	return d ? d : n < m ? -1 : n > m;
}

static void write_members(struct json *out, const struct strv *l, bool values, bool null)
{
	const char **sorted = l->n ? malloc(l->n * sizeof(*sorted)) : NULL;

	if (!l->n && null) {
		json_null(out);
		return;
	}
	if (l->n && !sorted) {
		out->out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < l->n; i++)
		sorted[i] = l->v[i];
	if (values && l->n)
		qsort(sorted, l->n, sizeof(*sorted), by_key);
	json_object(out);
	for (size_t i = 0; i < l->n; i++)
		write_member(out, sorted[i], values);
	json_end_object(out);
	free(sorted);
}

static void write_health(struct json *out, const struct health_config *h)
{
	json_object(out);
	if (h->test.n) {
		json_key(out, "Test");
		write_list(out, &h->test, true);
	}
	if (h->interval_ns)
		json_kv_i64(out, "Interval", h->interval_ns);
	if (h->timeout_ns)
		json_kv_i64(out, "Timeout", h->timeout_ns);
	if (h->start_period_ns)
		json_kv_i64(out, "StartPeriod", h->start_period_ns);
	if (h->start_interval_ns)
		json_kv_i64(out, "StartInterval", h->start_interval_ns);
	if (h->retries)
		json_kv_i64(out, "Retries", h->retries);
	json_end_object(out);
}

static bool is_set(const struct container_config *c, const struct row *w)
{
	switch (w->kind) {
	case TEXT:
		return !isempty(*CFIELD(c, w, char *));
	case FLAG:
		return *CFIELD(c, w, bool);
	case HEALTH:
		return c->has_health;
	case TIMEOUT:
		return c->stop_timeout >= 0;
	default:
		break;
	}
	if (w->at == offsetof(struct container_config, cmd) && c->cmd_set)
		return true;
	if (w->at == offsetof(struct container_config, entrypoint) && c->entrypoint_set)
		return true;
	return CFIELD(c, w, struct strv)->n;
}

static void write_row(struct json *out, const struct row *w, const struct container_config *c, bool all)
{
	json_key(out, w->name);
	switch (w->kind) {
	case TEXT:
		json_string(out, *CFIELD(c, w, char *) ?: "");
		break;
	case FLAG:
		json_bool(out, *CFIELD(c, w, bool));
		break;
	case LIST:
		/* An Env of nothing is shown as [], the other lists as null. */
		write_list(out, CFIELD(c, w, struct strv),
			   is_set(c, w) || (all && w->at == offsetof(struct container_config, env)));
		break;
	case SET:
		write_members(out, CFIELD(c, w, struct strv), false, true);
		break;
	case MAP:
		write_members(out, CFIELD(c, w, struct strv), true, false);
		break;
	case HEALTH:
		write_health(out, &c->health);
		break;
	case TIMEOUT:
		json_i64(out, c->stop_timeout);
		break;
	}
}

void container_config_write(const struct container_config *c, struct json *out, bool all)
{
	json_object(out);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *w = &rows[i];

		if (!all && !(w->flags & IMAGE))
			continue;
		if (is_set(c, w) || (all && (w->flags & FULL)))
			write_row(out, w, c, all);
	}
	json_end_object(out);
}
