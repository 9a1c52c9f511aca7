/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

static int get(struct cli *c, struct container *ct, const char *key)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };

	if (container_cgroup_get(ct, key, &out, &e) < 0)
		return cli_fail(c, &e);
	if (out.len == 0 || out.data[out.len - 1] != '\n')
		buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct err e = { 0 };
	int code;

	code = cli_parse(c, NULL);
	if (code >= 0)
		return code;
	if (c->operands.n == 0)
		return cli_usage_error(c, "missing state object, like memory.max");
	if (c->operands.n > 2)
		return cli_usage_error(c, "too many operands: '%s'", c->operands.v[2]);
	if (cli_open(c, OPEN_NO_CONFIG, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return cli_not_running(c, ct);
	if (c->operands.n == 1)
		return get(c, ct, c->operands.v[0]);
	if (container_cgroup_set(ct, c->operands.v[0], c->operands.v[1], &e) < 0)
		return cli_fail(c, &e);
	return cli_end(c, 0);
}

const struct command cmd_cgroup = {
	.name = "lxc-cgroup",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME STATE-OBJECT [VALUE]",
	.summary = "read or set a control group value of a container",
	.description =
		"Prints the value of STATE-OBJECT, a file of the container's control group, or sets it to VALUE. Names "
		"of both versions of control groups are understood wherever the one has a counterpart in the other: "
		"memory.limit_in_bytes is memory.max. The value holds until the container stops.",
	.examples = (const struct text_pair[]){ { "lxc-cgroup web memory.max 256M", "Limits web's memory." },
						{ "lxc-cgroup web cpuset.cpus", "The processors it may use." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Done." },
					     { "1", "It does not run, or has no such object, or refuses the value." },
					     { NULL, NULL } },
	.see_also = "lxc-info(1), lxc.container.conf(5), cgroups(7)",
	.run = run,
};
