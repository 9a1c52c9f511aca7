/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/oci/oci-cli.h"

struct args {
	bool force, regex;
};

static const struct opt opts[] = { { 'f', "force", NULL, "Kill it first; no error when there is none.", OPT_BOOL,
				     offsetof(struct args, force), 1 },
				   { 'r', "regex", NULL,
				     "Every container whose id matches this extended regular expression.", OPT_BOOL,
				     offsetof(struct args, regex), 1 },
				   OPT_END };

/* The container NAME. ARG: the options. */
static int delete_one(struct oci *rt, const char *name, void *arg, struct err *e)
{
	bool force = ((const struct args *)arg)->force;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	int r = oci_container_open(rt, name, OCI_LOCK, &ct, e), x;

	if (r == -ENOENT) {
		struct err left = { 0 };

		/* Not even a record: a create that was killed at once may have left a journal. */
		x = oci_delete_remains(rt, name, &left);
		if (x < 0)
			*e = left;
		else if (force)
			err_clear(e);
		return x < 0 ? x : force ? 0 : r;
	}
	return r < 0 ? r : oci_delete(ct, force, e);
}

static int run(struct cli *c)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	struct args a = { 0 };
	struct err e = { 0 };
	int code, r;

	code = verb_parse(c, &a, 1, 1);
	if (code >= 0)
		return code;
	if (*c->operands.v[0])
		r = verb_runtime(c, &rt, &e);
	else
		r = err_kind(&e, ERR_INVALID, -EINVAL, "container id cannot be empty");
	if (r == 0 && a.regex)
		r = verb_each_matching(rt, c->operands.v[0], delete_one, &a, &e);
	else if (r == 0)
		r = delete_one(rt, c->operands.v[0], &a, &e);
	return r < 0 ? verb_fail(c, NULL, &e, 1) : 0;
}

const struct command cmd_oci_delete = {
	.name = "oci-delete",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "[command options] <container-id>",
	.summary = "delete any resources held by the container often used with detached container",
	.description = "Removes a container that has stopped or was never started: its control group, its state, and "
		       "whatever else was made for it on the host. With --force one that runs, too.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "It is gone." },
					     { "1", "It runs, or there was none." },
					     { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-kill(1)",
	.run = run,
};
