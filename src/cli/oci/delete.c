/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/oci/oci-cli.h"

struct args {
	bool force;
};

static const struct opt opts[] = { { 'f', "force", NULL, "Kill it first; no error when there is none.", OPT_BOOL,
				     offsetof(struct args, force), 1 },
				   OPT_END };

static int run(struct cli *c)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	struct args a = { 0 };
	struct err e = { 0 }, left = { 0 };
	int code, r;

	code = verb_parse(c, &a, 1, 1);
	if (code >= 0)
		return code;
	r = verb_container(c, OCI_LOCK, &rt, &ct, &e);
	if (r == -ENOENT && rt) {
		/* Not even a record: a create that was killed at once may have left a journal. */
		if (oci_delete_remains(rt, c->operands.v[0], &left) < 0)
			return verb_fail(c, NULL, &left, 1);
		if (a.force)
			return 0;
	}
	if (r == 0)
		r = oci_delete(ct, a.force, &e);
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
