/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/hook.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/spawn.h"
#include "spec/field.h"

static bool version1(const struct hook_ctx *c)
{
	return c->spec->hook_version == 1;
}

/* One word of a shell's line, whatever is in it. */
static void put_word(struct buf *out, const char *s)
{
	bool plain = *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@+%")];

	buf_puts(out, plain ? "" : "'");
	for (; *s; s++)
		if (*s == '\'')
			buf_puts(out, "'\\''");
		else
			buf_add(out, s, 1);
	buf_puts(out, plain ? "" : "'");
}

/* "[TYPE:]PATH" without the type, which only clone hooks are told. */
static const char *root_path(const struct spec *s, enum spec_hook type)
{
	const char *path = s->rootfs.path, *colon = NULL;

	if (path && *path != '/' && type != HOOK_CLONE)
		colon = strchr(path, ':');

	return colon ? colon + 1 : path;
}

int hook_command(const struct hook_ctx *c, enum spec_hook type, const char *command, struct buf *out, struct err *e)
{
	buf_puts(out, command);
	if (!version1(c)) {
		buf_puts(out, " ");
		if (c->name)
			put_word(out, c->name);
		buf_printf(out, " lxc %s", spec_hook_names[type]);
		for (const char *const *p = c->ns_paths; p && *p; p++)
			buf_printf(out, " %s", *p);
	}
	for (char *const *a = c->args; a && *a; a++) {
		buf_puts(out, " ");
		put_word(out, *a);
	}
	return buf_error(out, e);
}

/* KEY=VALUE, or without a value: no KEY. */
static int set_var(struct strv *env, const char *key, const char *value, struct err *e)
{
	size_t n = strlen(key);
	int r;

	for (size_t i = env->n; i-- > 0;)
		if (strncmp(env->v[i], key, n) == 0 && env->v[i][n] == '=')
			strv_remove(env, i);
	r = value ? strv_pushf(env, e, "%s=%s", key, value) : 0;
	return r;
}

/* What is only named is inherited, and there already. */
static int add_said(const struct strv *l, struct strv *env, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++)
		if (strchr(l->v[i], '='))
			r = strv_env_set(env, l->v[i], e);
	return r;
}

static int add_namespaces(const struct hook_ctx *c, struct strv *env, struct err *e)
{
	int r = 0;

	for (const char *const *p = c->ns_paths; p && *p && r == 0; p++) {
		const char *colon = strchr(*p, ':');
		char up[16] = "";

		for (size_t i = 0; colon && i < (size_t)(colon - *p) && i < sizeof(up) - 1; i++)
			up[i] = (char)((*p)[i] & ~0x20);
		r = strv_pushf(env, e, "LXC_%s_NS=%s", up, colon ? colon + 1 : "");
	}
	return r;
}

int hook_env(const struct hook_ctx *c, enum spec_hook type, struct strv *env, struct err *e)
{
	const struct spec *s = c->spec;
	const struct {
		const char *key, *value;
	} vars[] = {
		{ "LXC_NAME", c->name },
		{ "LXC_CONFIG_FILE", c->config },
		{ "LXC_ROOTFS_MOUNT", c->rootfs_mount },
		{ "LXC_ROOTFS_PATH", root_path(s, type) },
		{ "LXC_CONSOLE", s->dev.console_path },
		{ "LXC_CONSOLE_LOGPATH", s->dev.console_logfile },
		{ "LXC_CGNS_AWARE", "1" },
		{ "LXC_LOG_LEVEL", c->log_level ?: "ERROR" },
		{ "LXC_TARGET", c->target },
		{ "LXC_SRC_NAME", c->src_name },
		{ "LXC_HOOK_TYPE", version1(c) ? spec_hook_names[type] : NULL },
		{ "LXC_HOOK_SECTION", version1(c) ? "lxc" : NULL },
	};
	char pid[16];
	int r = 0;

	/* Ours replace what the caller's environment has under these names: a hook may itself start a container. */
	for (char *const *p = environ; *p && r == 0; p++)
		r = strv_push(env, *p, e);
	if (r == 0)
		r = add_said(&s->process.env, env, e);
	if (r == 0)
		r = add_said(&s->process.env_hooks, env, e);
	for (size_t i = 0; i < ARRAY_SIZE(vars) && r == 0; i++)
		r = set_var(env, vars[i].key, vars[i].value, e);
	if (r == 0)
		r = set_var(env, "LXC_HOOK_VERSION", version1(c) ? "1" : "0", e);
	if (r == 0) {
		snprintf(pid, sizeof(pid), "%d", c->pid);
		r = set_var(env, "LXC_PID", c->pid ? pid : NULL, e);
	}
	return r < 0 ? r : add_namespaces(c, env, e);
}

int hook_net_line(const struct hook_ctx *c, const struct hook_net *n, struct buf *out, struct err *e)
{
	const struct {
		const char *key, *value;
	} vars[] = {
		{ "LXC_NAME", c->name },
		{ "LXC_CONFIG_FILE", c->config },
		{ "LXC_ROOTFS_MOUNT", c->rootfs_mount },
		{ "LXC_ROOTFS_PATH", root_path(c->spec, HOOK_MAX) },
		{ "LXC_CGNS_AWARE", "1" },
		{ "LXC_LOG_LEVEL", c->log_level ?: "ERROR" },
		{ "LXC_HOOK_VERSION", version1(c) ? "1" : "0" },
		{ "LXC_HOOK_TYPE", version1(c) ? n->moment : NULL },
		{ "LXC_HOOK_SECTION", version1(c) ? "net" : NULL },
		{ "LXC_NET_TYPE", version1(c) ? n->type : NULL },
		{ "LXC_NET_PARENT", version1(c) ? n->parent : NULL },
		{ "LXC_NET_PEER", version1(c) ? n->peer : NULL },
	};

	buf_puts(out, "export");
	for (size_t i = 0; i < ARRAY_SIZE(vars); i++) {
		if (!vars[i].value)
			continue;
		buf_printf(out, " %s=", vars[i].key);
		put_word(out, vars[i].value);
	}
	buf_printf(out, "; %s", n->script);
	if (!version1(c)) {
		buf_puts(out, " ");
		put_word(out, c->name);
		buf_printf(out, " net %s", n->moment);
	}
	/* In either version, whatever the manual says. */
	buf_printf(out, " %s", n->type);
	for (int i = 0; i < 2; i++) {
		const char *word = i ? n->peer : n->parent;

		if (isempty(word))
			continue;
		buf_puts(out, " ");
		put_word(out, word);
	}
	return buf_error(out, e);
}

int hook_net_run(const char *line, pid_t pid, struct err *e)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)line, NULL };
	_cleanup_strv_ struct strv env = STRV_INIT;
	_cleanup_free_ char *out = NULL;
	char number[16];
	struct spawn s = { .path = "/bin/sh", .argv = argv };
	int r = 0;

	for (char *const *p = environ; *p && r == 0; p++)
		r = strv_push(&env, *p, e);
	snprintf(number, sizeof(number), "%d", pid);
	if (r == 0)
		r = set_var(&env, "LXC_PID", pid ? number : NULL, e);
	if (r < 0)
		return r;
	s.envp = strv_get(&env);
	r = spawn_run(&s, &out, e);
	if (r > 0) {
		const char *script = strstr(line, "; ");
		size_t n = out ? strcspn(out, "\n") : 0;

		return err_kind(e, ERR_STATE, -ECANCELED, "network script '%s' failed with status %d%s%.*s",
				script ? script + 2 : line, r, n ? ": " : "", (int)n, out ?: "");
	}
	return r;
}

int hook_run_one(const struct hook_ctx *c, enum spec_hook type, const char *command, const struct log *log,
		 struct err *e)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	_cleanup_strv_ struct strv env = STRV_INIT;
	_cleanup_free_ char *out = NULL;
	int r;

	r = hook_command(c, type, command, &line, e);
	if (r == 0)
		r = hook_env(c, type, &env, e);
	if (r < 0)
		return r;
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)buf_str(&line), NULL };
	struct spawn s = { .path = "/bin/sh", .argv = argv, .envp = env.v };

	r = spawn_run(&s, &out, e);
	if (r < 0)
		return err_wrap(e, r, "%s hook '%s'", spec_hook_names[type], command);
	if (out && *out)
		log_debug(log, "%s hook '%s' said: %s", spec_hook_names[type], command, out);
	if (r > 0) {
		size_t n = out ? strcspn(out, "\n") : 0;

		return err_kind(e, ERR_STATE, -ECANCELED, "%s hook '%s' failed with status %d%s%.*s",
				spec_hook_names[type], command, r, n ? ": " : "", (int)n, out ?: "");
	}
	return 0;
}

int hooks_run(const struct hook_ctx *c, enum spec_hook type, bool go_on, const struct log *log, struct err *e)
{
	const struct strv *l = &c->spec->hooks[type];
	int first = 0;

	for (size_t i = 0; i < l->n; i++) {
		int r = hook_run_one(c, type, l->v[i], log, first ? NULL : e);

		if (r < 0 && !go_on)
			return r;
		first = first ?: r;
	}
	return first;
}
