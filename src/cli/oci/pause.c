/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/oci/oci-cli.h"

static int go(struct cli *c, bool pause)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	struct err e = { 0 };
	int code, r;

	code = verb_parse(c, NULL, 1, 1);
	if (code >= 0)
		return code;
	r = verb_container(c, OCI_LOCK | OCI_FREEZER, &rt, &ct, &e);
	if (r == 0)
		r = oci_pause(ct, pause, &e);
	return r < 0 ? verb_fail(c, NULL, &e, 1) : 0;
}

static int run_pause(struct cli *c)
{
	return go(c, true);
}

static int run_resume(struct cli *c)
{
	return go(c, false);
}

const struct command cmd_oci_pause = {
	.name = "oci-pause",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "<container-id>",
	.summary = "pause suspends all processes inside the container",
	.description = "Freezes the container's control group.",
	.exits = (const struct text_pair[]){ { "0", "It is paused." }, { "1", "It is not." }, { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-resume(1)",
	.run = run_pause,
};

const struct command cmd_oci_resume = {
	.name = "oci-resume",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "<container-id>",
	.summary = "resumes all processes that have been previously paused",
	.description = "Thaws the container's control group.",
	.exits = (const struct text_pair[]){ { "0", "It runs on." }, { "1", "It does not." }, { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-pause(1)",
	.run = run_resume,
};
