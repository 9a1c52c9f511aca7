/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * checkpoint and restore: not built yet. Podman and others learn whether a runtime has them from the exit code of
 * "checkpoint --help", so that this one must be 1 for as long as they would not work, help or no help. Who says -h is a
 * person, and gets what was asked for.
 */

#include "base/fd.h"
#include "cli/oci/oci-cli.h"

#include <unistd.h>

static int run(struct cli *c)
{
	const char *verb = startswith(c->cmd->name, "oci-");
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (int i = 1; i < c->argc; i++)
		if (streq(c->argv[i], "--help") || streq(c->argv[i], "-h") || streq(c->argv[i], "-help")) {
			verb_help(c->cmd, c->oci->prog, &out);
			(void)fd_write_all(STDOUT_FILENO, buf_str(&out), out.len);
			return streq(c->argv[i], "-h") ? 0 : 1;
		}
	return verb_error(c, "%s: not built yet: this runtime cannot %s containers", verb, verb);
}

const struct command cmd_oci_checkpoint = {
	.name = "oci-checkpoint",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "[command options] <container-id>",
	.summary = "checkpoint a running container (not built yet)",
	.description = "Not built yet: it fails, and so does its --help, by which callers find out.",
	.exits = (const struct text_pair[]){ { "0", "With -h." }, { "1", "Else." }, { NULL, NULL } },
	.see_also = "creel-oci(1)",
	.run = run,
};

const struct command cmd_oci_restore = {
	.name = "oci-restore",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "[command options] <container-id>",
	.summary = "restore a container from a previous checkpoint (not built yet)",
	.description = "Not built yet: it fails, and so does its --help, by which callers find out.",
	.exits = (const struct text_pair[]){ { "0", "With -h." }, { "1", "Else." }, { NULL, NULL } },
	.see_also = "creel-oci(1)",
	.run = run,
};
