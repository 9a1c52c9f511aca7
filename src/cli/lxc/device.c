/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/device.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/lxc/lxc-cli.h"

static bool is_interface(const char *name)
{
	char path[64];

	if (strchr(name, '/') || strlen(name) > 15)
		return false;
	snprintf(path, sizeof(path), "/sys/class/net/%s", name);
	return access(path, F_OK) == 0;
}

/* A path is a device node, all else an interface: what a container gives back is not on the host. */
static int change(const struct cli *c, struct container *ct, bool do_add, const char *dev, const char *as,
		  struct err *e)
{
	if (strchr(dev, '/')) {
		return do_add ? container_device_add(ct, dev, as, e) : container_device_remove(ct, dev, as, e);
	}
	if (do_add && !is_interface(dev)) {
		err_kind(e, ERR_NOT_FOUND, -ENOENT, "%s is neither a device's path nor an interface of the host", dev);
		return err_hint(e, -ENOENT, "ip link lists the interfaces; a device is named by its path: /dev/%s",
				dev);
	}
	return do_add ? container_interface_attach(ct, dev, as, e) : container_interface_detach(ct, dev, as, e);
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct err e = { 0 };
	const char *verb, *dev, *as;
	int code = cli_parse(c, NULL);

	if (code >= 0)
		return code;
	if (geteuid() != 0)
		return cli_error(c, "run it as root", "devices are root's to give");
	if (cli_open(c, 0, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return cli_error(c, ct->defined ? NULL : "lxc-ls lists those that are", "Container %s is not running",
				 c->name);
	if (c->operands.n < 2 || c->operands.n > 3)
		return cli_usage_error(c, "expected: add or del, a device, and perhaps its name there");
	verb = c->operands.v[0];
	dev = c->operands.v[1];
	as = c->operands.n > 2 ? c->operands.v[2] : NULL;
	if (!streq(verb, "add") && !streq(verb, "del"))
		return cli_usage_error(c, "unknown verb '%s': add or del", verb);
	return change(c, ct, streq(verb, "add"), dev, as, &e) < 0 ? cli_fail(c, &e) : cli_end(c, 0);
}

const struct command cmd_device = {
	.name = "lxc-device",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME add|del DEVICE [NAME THERE]",
	.summary = "give a running container a device, or take it away",
	.description =
		"add gives the running container NAME a device of the host: a device node by its path, which it may "
		"use "
		"from then on, or a network interface by its name, which leaves the host. del takes it away again; an "
		"interface comes back to the host. Without NAME THERE a device is called the same on both sides.",
	.examples = (const struct text_pair[]){ { "lxc-device web add /dev/ttyUSB0", "A serial line." },
						{ "lxc-device web add eth1 lan0", "A network card, as lan0." },
						{ "lxc-device web del lan0 eth1", "And back." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Done." },
					     { "1", "It does not run, or it could not be done." },
					     { NULL, NULL } },
	.see_also = "lxc-cgroup(1), lxc.container.conf(5)",
	.run = run,
};
