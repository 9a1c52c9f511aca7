/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "cli/oci/oci-cli.h"
#include "spec/field.h"

struct args {
	bool all, regex;
	int sig;
};

static const struct opt opts[] = {
	{ 'a', "all", NULL, "To every process of the container, and no error when it has stopped.", OPT_BOOL,
	  offsetof(struct args, all), 1 },
	{ 'r', "regex", NULL, "Every container whose id matches this extended regular expression.", OPT_BOOL,
	  offsetof(struct args, regex), 1 },
	OPT_END
};

/* "KILL", "sigkill", "9". */
static int parse_signal(const char *word, int *ret, struct err *e)
{
	char up[32];
	size_t i;

	for (i = 0; word[i] && i + 1 < sizeof(up); i++)
		up[i] = (char)toupper((unsigned char)word[i]);
	up[i] = '\0';
	/* 0 asks whether there is anybody. */
	if (streq(word, "0"))
		return *ret = 0, 0;
	if (word[i] || signal_parse(up, ret) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "unknown signal \"%s\"", word);
	return 0;
}

static int kill_one(struct oci *rt, const char *name, void *arg, struct err *e)
{
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	const struct args *a = arg;
	int r = oci_container_open(rt, name, 0, &ct, e);

	return r < 0 ? r : oci_kill(ct, a->sig, a->all, e);
}

static int run(struct cli *c)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	struct args a = { .sig = SIGTERM };
	struct err e = { 0 };
	int code, r;

	code = verb_parse(c, &a, 1, 2);
	if (code >= 0)
		return code;
	r = a.regex ? verb_runtime(c, &rt, &e) : verb_container(c, 0, &rt, &ct, &e);
	if (r == 0 && c->operands.n > 1)
		r = parse_signal(c->operands.v[1], &a.sig, &e);
	if (r == 0)
		r = a.regex ? verb_each_matching(rt, c->operands.v[0], kill_one, &a, &e)
			    : oci_kill(ct, a.sig, a.all, &e);
	return r < 0 ? verb_fail(c, NULL, &e, 1) : 0;
}

const struct command cmd_oci_kill = {
	.name = "oci-kill",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "[command options] <container-id> [signal]",
	.summary = "kill sends the specified signal (default: SIGTERM) to the container's init process",
	.description = "Sends a signal, by name or number, to the container's first process.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "creel-oci kill web KILL", "Kills it." }, { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Sent." },
					     { "1", "There is no such container, or it does not run." },
					     { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-delete(1), signal(7)",
	.run = run,
};
