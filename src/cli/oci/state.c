/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/oci/oci-cli.h"

static int run(struct cli *c)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	_cleanup_(oci_words_done) struct oci_words words = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct oci_state s;
	struct err e = { 0 };
	int code, r;

	code = verb_parse(c, NULL, 1, 1);
	if (code >= 0)
		return code;
	r = verb_container(c, OCI_FREEZER, &rt, &ct, &e);
	if (r == 0)
		r = oci_describe(ct, &words, &s, &e);
	if (r == 0) {
		/* Only `list` says whose it is. */
		s.owner = "";
		r = oci_state_json(&out, &s, true, &e);
	}
	return r < 0 ? verb_fail(c, NULL, &e, 1) : verb_print(c, &out);
}

const struct command cmd_oci_state = {
	.name = "oci-state",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "<container-id>",
	.summary = "output the state of a container",
	.description = "Prints what the container is, and whether it runs, as the specification's JSON.",
	.exits = (const struct text_pair[]){ { "0", "Printed." }, { "1", "There is none." }, { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-list(1)",
	.run = run,
};
