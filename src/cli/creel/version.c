/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "cli/cli.h"
#include "config.h"

static int run(struct cli *c)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct utsname u = { 0 };
	struct json j;
	int code;

	code = cli_parse(c, NULL);
	if (code >= 0)
		return code;
	uname(&u);
	if (!c->json) {
		printf("creel %s\nlxc interface %s\nkernel %s %s\n", CREEL_VERSION, LXC_INTERFACE_VERSION, u.release,
		       u.machine);
		return 0;
	}
	json_init(&j, &out, true);
	json_object(&j);
	json_kv_string(&j, "creel", CREEL_VERSION);
	json_kv_string(&j, "lxc_interface", LXC_INTERFACE_VERSION);
	json_kv_string(&j, "kernel", u.release);
	json_kv_string(&j, "machine", u.machine);
	json_end_object(&j);
	buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

const struct command cmd_version = {
	.name = "version",
	.flags = CMD_JSON | CMD_NO_ENGINE,
	.synopsis = "[--format FORMAT]",
	.summary = "print the versions of creel, its interfaces and the kernel",
	.description =
		"Prints creel's version, the release of LXC whose commands it answers to, and the kernel it runs on.",
	.see_also = "creel(1)",
	.run = run,
};
