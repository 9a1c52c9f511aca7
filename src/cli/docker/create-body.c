/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options as the body of POST /containers/create. Members that say nothing are left out. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/docker/create.h"

#define BAD(...) err_kind(e, ERR_INVALID, -EINVAL, __VA_ARGS__)

void json_map(struct json *j, const char *key, const struct strv *words)
{
	json_key(j, key);
	json_object(j);
	for (size_t i = 0; i < words->n; i++) {
		size_t len = strcspn(words->v[i], "=");
		_cleanup_free_ char *name = strndup(words->v[i], len);
		bool again = false;

		if (!name)
			continue;
		/* The last one counts; a key stands once. */
		for (size_t k = i + 1; k < words->n && !again; k++)
			again = strcspn(words->v[k], "=") == len && strncmp(words->v[k], name, len) == 0;
		if (!again)
			json_kv_string(j, name, words->v[i][len] ? words->v[i] + len + 1 : "");
	}
	json_end_object(j);
}

void json_list(struct json *j, const char *key, const struct strv *words)
{
	if (words->n == 0)
		return;
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < words->n; i++)
		json_string(j, words->v[i]);
	json_end_array(j);
}

void json_text(struct json *j, const char *key, const char *s)
{
	if (!isempty(s))
		json_kv_string(j, key, s);
}

bool create_attaches(const struct create_args *a, const char *stream)
{
	for (size_t i = 0; i < a->attach.n; i++)
		if (strcasecmp(a->attach.v[i], stream) == 0)
			return true;
	if (a->attach.n)
		return false;
	return !streq(stream, "stdin") || a->interactive;
}

static int environment(const struct create_args *a, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < a->env_files.n && r >= 0; i++)
		r = env_file(a->env_files.v[i], true, &all, e);
	for (size_t i = 0; i < a->env.n && r >= 0; i++)
		r = env_add(&all, a->env.v[i], e);
	if (r >= 0)
		json_list(j, "Env", &all);
	return r;
}

static int labels(const struct create_args *a, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < a->label_files.n && r >= 0; i++)
		r = env_file(a->label_files.v[i], false, &all, e);
	for (size_t i = 0; i < a->labels.n && r >= 0; i++)
		r = strv_push(&all, a->labels.v[i], e);
	if (r >= 0 && all.n)
		json_map(j, "Labels", &all);
	return r;
}

static int health_check(const struct create_args *a, struct err *e)
{
	const struct {
		const char *name;
		int64_t v;
	} times[] = { { "interval", a->health_interval },
		      { "timeout", a->health_timeout },
		      { "start-period", a->health_start_period },
		      { "start-interval", a->health_start_interval } };

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i].v < 0)
			return BAD("--health-%s cannot be negative", times[i].name);
	if (a->health_retries < 0)
		return BAD("--health-retries cannot be negative");
	return 0;
}

static int health(const struct create_args *a, struct json *j, struct err *e)
{
	bool any = a->health_cmd || a->health_interval || a->health_timeout || a->health_start_period ||
		   a->health_start_interval || a->health_retries;

	if (a->no_healthcheck && any)
		return BAD("--no-healthcheck conflicts with --health-* options");
	if (health_check(a, e) < 0)
		return -EINVAL;
	if (!any && !a->no_healthcheck)
		return 0;
	json_key(j, "Healthcheck");
	json_object(j);
	if (a->no_healthcheck || !isempty(a->health_cmd)) {
		json_key(j, "Test");
		json_array(j);
		json_string(j, a->no_healthcheck ? "NONE" : "CMD-SHELL");
		if (!a->no_healthcheck)
			json_string(j, a->health_cmd);
		json_end_array(j);
	}
	if (!a->no_healthcheck) {
		json_kv_i64(j, "Interval", a->health_interval);
		json_kv_i64(j, "Timeout", a->health_timeout);
		json_kv_i64(j, "StartPeriod", a->health_start_period);
		json_kv_i64(j, "StartInterval", a->health_start_interval);
		json_kv_i64(j, "Retries", a->health_retries);
	}
	json_end_object(j);
	return 0;
}

/* Of -v: what has no source is a volume without a name, and stands in the Config. */
static int anonymous_volumes(const struct create_args *a, struct json *j, struct err *e)
{
	bool open = false;

	for (size_t i = 0; i < a->volumes.n; i++) {
		const char *v = a->volumes.v[i];

		if (!*v)
			return BAD("invalid empty volume spec");
		if (*v == ':' || strstr(v, "::") || v[strlen(v) - 1] == ':')
			return BAD("invalid spec: %s: empty section between colons", v);
		if (strchr(v, ':'))
			continue;
		if (!open) {
			json_key(j, "Volumes");
			json_object(j);
			open = true;
		}
		json_key(j, v);
		json_object(j);
		json_end_object(j);
	}
	if (open)
		json_end_object(j);
	return 0;
}

static void command(const struct create_args *a, char *const *words, struct json *j)
{
	json_kv_string(j, "Image", words[0]);
	if (words[1]) {
		json_key(j, "Cmd");
		json_array(j);
		for (char *const *w = words + 1; *w; w++)
			json_string(j, *w);
		json_end_array(j);
	}
	if (a->entrypoint_set) {
		json_key(j, "Entrypoint");
		json_array(j);
		json_string(j, a->entrypoint);
		json_end_array(j);
	}
}

static bool is_mac(const char *s)
{
	unsigned digits = 0;

	for (; *s; s++) {
		if (strspn(s, "0123456789abcdefABCDEF"))
			digits++;
		else if (digits % 2 || !strchr(":-.", *s))
			return false;
	}
	return digits == 12;
}

/* What one option says against another. */
static int contradictions(const struct create_args *a, struct err *e)
{
	if (a->swappiness < -1 || a->swappiness > 100)
		return BAD("invalid value: %lld. Valid memory swappiness range is 0-100", (long long)a->swappiness);
	if (a->rm && !isempty(a->restart) && !streq(a->restart, "no"))
		return BAD("Conflicting options: --restart and --rm");
	if (!streq(a->pull, "always") && !streq(a->pull, "missing") && !streq(a->pull, "never"))
		return BAD("invalid pull option: '%s': must be one of \"always\", \"missing\" or \"never\"", a->pull);
	if (!isempty(a->mac_address) && !is_mac(a->mac_address))
		return BAD("%s is not a valid mac address", a->mac_address);
	return 0;
}

int create_body(const struct create_args *a, char *const *words, struct buf *ret, struct err *e)
{
	bool in = create_attaches(a, "stdin");
	struct json j;

	json_init(&j, ret, false);
	if (contradictions(a, e) < 0)
		return -EINVAL;
	json_object(&j);
	json_text(&j, "Hostname", a->hostname);
	json_text(&j, "Domainname", a->domainname);
	json_text(&j, "User", a->user);
	json_kv_bool(&j, "AttachStdin", in);
	json_kv_bool(&j, "AttachStdout", create_attaches(a, "stdout"));
	json_kv_bool(&j, "AttachStderr", create_attaches(a, "stderr"));
	/* What an init says of the boot goes to its console: of one that nobody sees, to the log. */
	json_kv_bool(&j, "Tty", a->tty || (a->system && !create_attaches(a, "stdout")));
	json_kv_bool(&j, "OpenStdin", a->interactive);
	json_kv_bool(&j, "StdinOnce", a->interactive && in);
	json_text(&j, "WorkingDir", a->workdir);
	json_text(&j, "StopSignal", a->stop_signal);
	if (a->stop_timeout_set)
		json_kv_i64(&j, "StopTimeout", a->stop_timeout);
	command(a, words, &j);
	if (environment(a, &j, e) < 0 || labels(a, &j, e) < 0 || health(a, &j, e) < 0 ||
	    anonymous_volumes(a, &j, e) < 0)
		return -EINVAL;
	if (create_host_config(a, &j, e) < 0 || create_networking(a, &j, e) < 0)
		return -EINVAL;
	json_end_object(&j);
	return buf_error(ret, e);
}
