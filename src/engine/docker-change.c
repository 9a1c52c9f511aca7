/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The instructions that commit and import take: those that say something of the image's configuration. */

#include <stdio.h>
#include <strings.h>

#include "engine/docker-inner.h"

static int set(char **at, const char *s, struct err *e)
{
	free(*at);
	*at = strdup(s);
	return *at ? 0 : err_oom(e);
}

/* ["a","b"], or a line for the shell. */
static int take_command(struct strv *l, bool *ret_set, const char *rest, struct err *e)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	_cleanup_free_ char *wrapped = NULL;
	int r = 0;

	strv_done(l);
	*l = STRV_INIT;
	*ret_set = true;
	if (*rest == '[' && asprintf(&wrapped, "{\"a\":%s}", rest) > 0 &&
	    value_parse(wrapped, strlen(wrapped), "command", &v, NULL) == 0 && value_is_array(value_get(v, "a"))) {
		const struct json_c_value *a = value_get(v, "a");

		for (size_t i = 0; i < value_len(a) && r == 0; i++)
			r = strv_push(l, value_text(value_elem(a, i), NULL) ?: "", e);
		return r;
	}
	r = strv_push(l, "/bin/sh", e);
	if (r == 0)
		r = strv_push(l, "-c", e);
	return r == 0 ? strv_push(l, rest, e) : r;
}

/* K=V K=V …, or "K V". */
static int take_pairs(struct strv *l, const char *rest, const char *what, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = strv_split_command(&words, rest, e);

	if (r == 0 && !words.n)
		r = err_kind(e, ERR_INVALID, -EINVAL, "%s must have two arguments", what);
	if (r == 0 && !strchr(words.v[0], '=')) {
		size_t n = strcspn(rest, " \t");
		const char *value = rest + n + strspn(rest + n, " \t");
		_cleanup_free_ char *pair = NULL;

		if (!*value)
			return err_kind(e, ERR_INVALID, -EINVAL, "%s must have two arguments", what);
		if (asprintf(&pair, "%.*s=%s", (int)n, rest, value) < 0) {
			pair = NULL;
			return err_oom(e);
		}
		return strv_env_set(l, pair, e);
	}
	for (size_t i = 0; i < words.n && r == 0; i++)
		r = strchr(words.v[i], '=')
			    ? strv_env_set(l, words.v[i], e)
			    : err_kind(e, ERR_INVALID, -EINVAL, "Syntax error - can't find = in \"%s\"", words.v[i]);
	return r;
}

static int take_words(struct strv *l, const char *rest, const char *suffix, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	bool waste;
	int r = *rest == '[' ? take_command(&words, &waste, rest, e) : strv_split(&words, rest, " \t", e);

	for (size_t i = 0; i < words.n && r == 0; i++) {
		_cleanup_free_ char *whole = NULL;

		if (asprintf(&whole, "%s%s", words.v[i], suffix && !strchr(words.v[i], '/') ? suffix : "") < 0) {
			whole = NULL;
			return err_oom(e);
		}
		if (!strv_has(l, whole))
			r = strv_push(l, whole, e);
	}
	return r;
}

static int take_workdir(struct container_config *c, const char *rest, struct err *e)
{
	_cleanup_free_ char *whole = NULL;

	if (*rest == '/')
		return set(&c->working_dir, rest, e);
	if (asprintf(&whole, "%s/%s", isempty(c->working_dir) || streq(c->working_dir, "/") ? "" : c->working_dir,
		     rest) < 0) {
		whole = NULL;
		return err_oom(e);
	}
	return set(&c->working_dir, whole, e);
}

int docker_change(struct container_config *c, const char *line, struct err *e)
{
	size_t n = strcspn(line += strspn(line, " \t"), " \t");
	const char *rest = line + n + strspn(line + n, " \t");
	_cleanup_free_ char *word = strndup(line, n);
	bool waste;

	if (!word)
		return err_oom(e);
	if (!*rest)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s requires at least one argument", word);
	if (strcasecmp(word, "CMD") == 0)
		return take_command(&c->cmd, &c->cmd_set, rest, e);
	if (strcasecmp(word, "ENTRYPOINT") == 0)
		return take_command(&c->entrypoint, &c->entrypoint_set, rest, e);
	if (strcasecmp(word, "SHELL") == 0)
		return take_command(&c->shell, &waste, rest, e);
	if (strcasecmp(word, "ENV") == 0)
		return take_pairs(&c->env, rest, "ENV", e);
	if (strcasecmp(word, "LABEL") == 0)
		return take_pairs(&c->labels, rest, "LABEL", e);
	if (strcasecmp(word, "EXPOSE") == 0)
		return take_words(&c->exposed_ports, rest, "/tcp", e);
	if (strcasecmp(word, "VOLUME") == 0)
		return take_words(&c->volumes, rest, NULL, e);
	if (strcasecmp(word, "USER") == 0)
		return set(&c->user, rest, e);
	if (strcasecmp(word, "WORKDIR") == 0)
		return take_workdir(c, rest, e);
	if (strcasecmp(word, "STOPSIGNAL") == 0)
		return set(&c->stop_signal, rest, e);
	if (strcasecmp(word, "ONBUILD") == 0)
		return strv_push(&c->on_build, rest, e);
	return err_kind(e, ERR_INVALID, -EINVAL, "%s is not a valid change command", word);
}
