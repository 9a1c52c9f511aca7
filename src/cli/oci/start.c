/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/oci/oci-cli.h"

static int run(struct cli *c)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	struct err e = { 0 };
	int code, r;

	code = verb_parse(c, NULL, 1, 1);
	if (code >= 0)
		return code;
	r = verb_container(c, OCI_LOCK | OCI_SPEC, &rt, &ct, &e);
	if (r == 0)
		r = oci_start(ct, &e);
	return r < 0 ? verb_fail(c, NULL, &e, 1) : 0;
}

const struct command cmd_oci_start = {
	.name = "oci-start",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "<container-id>",
	.summary = "executes the user defined process in a created container",
	.description = "Lets the first process of a container that 'create' made execute what config.json says.",
	.exits = (const struct text_pair[]){ { "0", "It runs." }, { "1", "It does not." }, { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-create(1)",
	.run = run,
};
