/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdio.h>
#include <strings.h>

#include "base/json.h"
#include "base/parse.h"
#include "image/build/apply.h"
#include "image/build/ignore.h"
#include "image/build/words.h"

static const unsigned not_applied = 1u << DF_ADD | 1u << DF_COPY | 1u << DF_RUN | 1u << DF_FROM | 1u << DF_ARG;

bool config_applies(enum df_kind kind)
{
	return kind < DF_KINDS && !(not_applied & 1u << kind);
}

static int set_text(char **to, const char *s, struct err *e)
{
	char *copy = strdup(s);

	if (!copy)
		return err_oom(e);
	free(*to);
	*to = copy;
	return 0;
}

static int set_list(struct strv *to, const struct texts *from, struct err *e)
{
	struct strv out = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < from->n && r == 0; i++)
		r = strv_push(&out, from->v[i], e);
	strv_done(to);
	*to = out;
	return r;
}

int config_shell(const struct image_config *c, struct strv *ret, struct err *e)
{
	int r = 0;

	if (c->config.shell.n)
		return strv_copy(ret, &c->config.shell, e);
	r = strv_push(ret, "/bin/sh", e);
	return r < 0 ? r : strv_push(ret, "-c", e);
}

/* A command line, with the shell before it where it is not JSON. */
static int set_command(const struct image_config *c, struct strv *to, const struct df_instr *in, struct err *e)
{
	struct strv out = STRV_INIT;
	int r = 0;

	if (!in->json && in->args.n)
		r = config_shell(c, &out, e);
	for (size_t i = 0; i < in->args.n && r == 0; i++)
		r = strv_push(&out, in->args.v[i], e);
	strv_done(to);
	*to = out;
	return r;
}

static int set_pairs(struct strv *to, const struct df_instr *in, struct err *e)
{
	int r = 0;

	for (const struct df_pair *p = in->pairs; p && r >= 0; p = p->next) {
		_cleanup_free_ char *text = NULL;

		if (!*p->name)
			return err_kind(e, ERR_INVALID, -EINVAL, "%s names can not be blank", df_kind_name(in->kind));
		if (asprintf(&text, "%s=%s", p->name, p->value ?: "") < 0)
			return err_oom(e);
		r = strv_env_set(to, text, e);
	}
	return r;
}

static int add_port(struct strv *to, unsigned port, const char *proto, struct err *e)
{
	char text[32];

	snprintf(text, sizeof(text), "%u/%.8s", port, proto);
	return strv_has(to, text) ? 0 : strv_push(to, text, e);
}

/* 80, 53/udp, 8000-8010/tcp */
static int expose(struct strv *to, const char *word, struct err *e)
{
	_cleanup_free_ char *copy = strdup(word);
	char tcp[] = "tcp", *proto, *last;
	uint32_t from, end;
	int r = 0;

	if (!copy)
		return err_oom(e);
	proto = strchr(copy, '/');
	if (proto)
		*proto++ = '\0';
	else
		proto = tcp;
	for (char *p = proto; *p; p++)
		*p = (char)(*p | 0x20);
	if (!streq(proto, "tcp") && !streq(proto, "udp") && !streq(proto, "sctp"))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid proto: %.40s", proto);
	last = strchr(copy, '-');
	if (last)
		*last++ = '\0';
	if (parse_u32(copy, &from) < 0 || parse_u32(last ?: copy, &end) < 0 || !from || end > 65535 || from > end)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid containerPort: %.60s", word);
	for (; from <= end && r >= 0; from++)
		r = add_port(to, from, proto, e);
	return r;
}

static bool valid_signal(const char *s)
{
	uint32_t n;

	if (parse_u32(s, &n) >= 0)
		return n > 0 && n <= 64;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	if (strncasecmp(s, "RTMIN", 5) == 0 || strncasecmp(s, "RTMAX", 5) == 0)
		return !s[5] || parse_u32(s + 6, &n) >= 0;
	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && strcasecmp(sigabbrev_np(i), s) == 0)
			return true;
	return false;
}

static int set_health(struct container_config *c, const struct df_instr *in, struct err *e)
{
	c->has_health = true;
	c->health.interval_ns = in->health.interval;
	c->health.timeout_ns = in->health.timeout;
	c->health.start_period_ns = in->health.start_period;
	c->health.start_interval_ns = in->health.start_interval;
	c->health.retries = in->health.retries;
	return set_list(&c->health.test, &in->health.test, e);
}

char *config_path(const struct image_config *c, const char *path)
{
	_cleanup_free_ char *text = NULL;

	if (*path == '/')
		return path_clean(path);
	if (asprintf(&text, "/%s/%s", c->config.working_dir ?: "", path) < 0) {
		text = NULL;
		return NULL;
	}
	return path_clean(text);
}

static int set_workdir(struct image_config *c, const char *dir, struct err *e)
{
	char *path = *dir ? config_path(c, dir) : NULL;

	if (!*dir)
		return err_kind(e, ERR_INVALID, -EINVAL, "WORKDIR cannot be empty");
	if (!path)
		return err_oom(e);
	free(c->config.working_dir);
	c->config.working_dir = path;
	return 0;
}

static int add_unique(struct strv *to, const struct texts *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r >= 0; i++)
		if (!strv_has(to, l->v[i]))
			r = strv_push(to, l->v[i], e);
	return r;
}

static int set_entrypoint(struct image_config *c, const struct df_instr *in, bool cmd_set, struct err *e)
{
	c->config.entrypoint_set = true;
	if (!cmd_set) {
		strv_done(&c->config.cmd);
		c->config.cmd_set = false;
	}
	return set_command(c, &c->config.entrypoint, in, e);
}

int config_apply(struct image_config *c, const struct df_instr *in, bool *cmd_set, struct err *e)
{
	struct container_config *k = &c->config;
	int r = 0;

	switch (in->kind) {
	case DF_CMD:
		*cmd_set = k->cmd_set = true;
		return set_command(c, &k->cmd, in, e);
	case DF_ENTRYPOINT:
		return set_entrypoint(c, in, *cmd_set, e);
	case DF_ENV:
		return set_pairs(&k->env, in, e);
	case DF_LABEL:
		return set_pairs(&k->labels, in, e);
	case DF_EXPOSE:
		for (size_t i = 0; i < in->args.n && r >= 0; i++)
			r = expose(&k->exposed_ports, in->args.v[i], e);
		return r;
	case DF_HEALTHCHECK:
		return set_health(k, in, e);
	case DF_MAINTAINER:
		return set_text(&c->author, in->args.v[0], e);
	case DF_ONBUILD:
		return strv_push(&k->on_build, in->args.v[0], e);
	case DF_SHELL:
		return set_list(&k->shell, &in->args, e);
	case DF_STOPSIGNAL:
		if (!valid_signal(in->args.v[0]))
			return err_kind(e, ERR_INVALID, -EINVAL, "Invalid signal: %.40s", in->args.v[0]);
		return set_text(&k->stop_signal, in->args.v[0], e);
	case DF_USER:
		return set_text(&k->user, in->args.v[0], e);
	case DF_VOLUME:
		return add_unique(&k->volumes, &in->args, e);
	case DF_WORKDIR:
		return set_workdir(c, in->args.v[0], e);
	default:
		return err_kind(e, ERR_INVALID, -EINVAL, "%s is not a valid change command", df_kind_name(in->kind));
	}
}

/* As Go prints a list of strings. */
static void describe_list(const struct texts *l, struct buf *out)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		buf_puts(out, i ? " \"" : "\"");
		for (const char *s = l->v[i]; *s; s++) {
			if (*s == '"' || *s == '\\')
				buf_putc(out, '\\');
			buf_putc(out, *s);
		}
		buf_putc(out, '"');
	}
	buf_putc(out, ']');
}

static void describe_health(const struct df_instr *in, struct buf *out)
{
	const struct df_health *h = &in->health;

	buf_printf(out, " %lld %lld %lld %lld %d ", (long long)h->interval, (long long)h->timeout,
		   (long long)h->start_period, (long long)h->start_interval, h->retries);
	describe_list(&h->test, out);
}

void config_describe(const struct image_config *c, const struct df_instr *in, struct buf *out)
{
	struct strv shell = STRV_INIT;
	struct texts all = { 0 };
	_cleanup_pool_ struct pool p = { 0 };

	buf_puts(out, df_kind_name(in->kind));
	if (in->kind == DF_HEALTHCHECK) {
		describe_health(in, out);
		return;
	}
	for (const struct df_pair *pair = in->pairs; pair; pair = pair->next)
		buf_printf(out, pair->value ? " %s=%s" : " %s", pair->name, pair->value ?: "");
	if (in->pairs)
		return;
	buf_putc(out, ' ');
	if (in->kind != DF_CMD && in->kind != DF_ENTRYPOINT && in->kind != DF_SHELL && in->kind != DF_VOLUME) {
		for (size_t i = 0; i < in->args.n; i++)
			buf_printf(out, i ? " %s" : "%s", in->args.v[i]);
		return;
	}
	if ((in->kind == DF_CMD || in->kind == DF_ENTRYPOINT) && !in->json && config_shell(c, &shell, NULL) >= 0)
		for (size_t i = 0; i < shell.n; i++)
			pool_add(&p, &all, shell.v[i]);
	for (size_t i = 0; i < in->args.n; i++)
		pool_add(&p, &all, in->args.v[i]);
	describe_list(&all, out);
	strv_done(&shell);
}

static const char *env_value(void *arg, const char *name)
{
	const struct image_config *c = arg;

	return strv_env_get(&c->config.env, name);
}

int config_changes(struct image_config *c, char *const *changes, struct err *e)
{
	bool cmd_set = false;
	int r = 0;

	for (; changes && *changes && r >= 0; changes++) {
		_cleanup_dockerfile_ struct dockerfile df = { 0 };
		const struct words w = { .escape = '\\', .get = env_value, .arg = c };
		struct df_instr *in, full;

		r = dockerfile_lines(&df, *changes, strlen(*changes), e);
		for (struct df_line *line = df.lines; line && r >= 0; line = line->next) {
			r = instr_parse(&df, line, &in, e);
			if (r >= 0)
				r = instr_expand(in, &w, &df.pool, &full, e);
			if (r >= 0)
				r = config_apply(c, &full, &cmd_set, e);
		}
	}
	return r;
}

int config_fingerprint(const struct image_config *c, struct buf *out, struct err *e)
{
	struct json j;

	json_init(&j, out, false);
	json_object(&j);
	json_key(&j, "config");
	container_config_write(&c->config, &j, true);
	json_kv_string(&j, "author", c->author);
	json_kv_string(&j, "os", c->os);
	json_kv_string(&j, "arch", c->architecture);
	json_kv_string(&j, "variant", c->variant);
	json_end_object(&j);
	return buf_error(out, e);
}
