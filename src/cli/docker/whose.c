/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An ordinary user's containers of images live in a user name space of his, and are worked on in there; his LXC containers have
 * one each, and are worked on from outside. A command that names some of both does its work in turns.
 */

#include "cli/docker/whose.h"

#include <stdio.h>
#include <unistd.h>

#include "base/spawn.h"
#include "cli/docker/legacy.h"

/* ONE: the first operand alone is a container. What else shows containers does so for both kinds from inside. */
static const struct {
	const char *verb;
	bool one;
} verbs[] = {
	{ "exec", true },  { "top", true },   { "port", true },	    { "logs", true },	{ "start", false },
	{ "stop", false }, { "kill", false }, { "restart", false }, { "pause", false }, { "unpause", false },
};

static const struct opt *option_named(const struct command *cmd, const char *s, size_t n)
{
	for (const struct opt *o = cmd->opts; o && o->name; o++)
		if (strlen(o->name) == n && strncmp(o->name, s, n) == 0)
			return o;
	return NULL;
}

static const struct opt *option_lettered(const struct command *cmd, char letter)
{
	for (const struct opt *o = cmd->opts; o && o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

/* The option S, a word that begins with '-', has its argument in the next word. */
static bool takes_next(const struct command *cmd, const char *s)
{
	const struct opt *o;

	if (s[1] == '-') {
		o = option_named(cmd, s + 2, strcspn(s + 2, "="));
		return o && o->arg && !strchr(s, '=');
	}
	for (s++; *s; s++) {
		o = option_lettered(cmd, *s);
		if (o && o->arg)
			return !s[1];
	}
	return false;
}

/* What is no operand into OPTIONS, the operands' places in ARGV into AT (ARGC of them at most). Their number. */
static int operands(const struct command *cmd, int argc, char **argv, struct strv *options, int *at)
{
	int n = 0;

	for (int i = 1; i < argc; i++) {
		if (streq(argv[i], "--")) {
			while (++i < argc)
				at[n++] = i;
		} else if (argv[i][0] != '-' || !argv[i][1]) {
			at[n++] = i;
			if (cmd->flags & CMD_COMMAND)
				break;
		} else {
			(void)strv_push(options, argv[i], NULL);
			if (takes_next(cmd, argv[i]) && i + 1 < argc)
				(void)strv_push(options, argv[++i], NULL);
		}
	}
	return n;
}

/* The command for N of its operands, by another process of this program. WHOLE: from its name on, HEAD words of it before options. */
static int turn(char **whole, int head, const struct strv *options, char **argv, const int *at, int n)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	struct err e = { 0 };
	int r = 0;

	for (int i = 0; i < head && r == 0; i++)
		r = strv_push(&words, whole[i], &e);
	for (size_t i = 0; i < options->n && r == 0; i++)
		r = strv_push(&words, options->v[i], &e);
	if (r == 0)
		r = strv_push(&words, "--", &e);
	for (int i = 0; i < n && r == 0; i++)
		r = strv_push(&words, argv[at[i]], &e);
	if (r == 0)
		r = spawn_run(&(struct spawn){ .path = "/proc/self/exe", .argv = words.v, .inherit_stdio = true }, NULL,
			      &e);
	if (r < 0)
		fprintf(stderr, "%s\n", e.msg);
	return r < 0 ? 1 : r;
}

enum whose docker_whose(const struct command *cmd, int argc, char **argv, char **whole, int *ret_code)
{
	_cleanup_strv_ struct strv options = STRV_INIT;
	_cleanup_free_ int *at = calloc((size_t)argc + 1, sizeof(*at));
	_cleanup_free_ bool *lxc = calloc((size_t)argc + 1, sizeof(*lxc));
	int n, theirs = 0, head = 0;
	size_t v = 0;

	while (v < ARRAY_SIZE(verbs) && !streq(verbs[v].verb, cmd->name))
		v++;
	if (v == ARRAY_SIZE(verbs) || !at || !lxc)
		return WHOSE_IMAGES;
	n = operands(cmd, argc, argv, &options, at);
	if (verbs[v].one && n > 1)
		n = 1;
	for (int i = 0; i < n; i++)
		theirs += lxc[i] = legacy_knows(argv[at[i]], true);
	if (theirs == 0 || theirs == n)
		return theirs ? WHOSE_LXC : WHOSE_IMAGES;
	while (whole + head != argv + 1)
		head++;
	*ret_code = 0;
	for (int i = 0, end; i < n; i = end) {
		int code;

		for (end = i + 1; end < n && lxc[end] == lxc[i]; end++)
			;
		code = turn(whole, head, &options, argv, at + i, end - i);
		*ret_code = *ret_code ?: code;
	}
	return WHOSE_BOTH;
}
