/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "base/spawn.h"
#include "cli/lxc/lxc-cli.h"
#include "store/store.h"

struct args {
	struct create_opts o;
	struct store_opts store;
};

#define AT(member) offsetof(struct args, member)

static int parse_fssize(void *args, const char *arg, struct err *e)
{
	return lxc_parse_fssize(arg, &((struct args *)args)->store.size, e);
}

static const struct opt opts[] = {
	{ 't', "template", "TEMPLATE", "What fills the root file system: a template's name, an absolute path, or none.",
	  OPT_STR, AT(o.template), .complete = COMPLETE_WORDS,
	  .words = "alpine altlinux archlinux busybox centos cirros debian devuan download fedora kali local "
		   "none oci opensuse oracle rocky sshd ubuntu ubuntu-cloud" },
	{ 'f', "config", "FILE", "Configuration to begin with, instead of lxc.default_config.", OPT_STR, AT(o.config),
	  .complete = COMPLETE_FILE },
	{ 'B', "bdev", "STORE",
	  "Where the root file system is kept: dir (the default), overlay, btrfs, zfs, lvm, loop ...", OPT_STR,
	  AT(o.bdev), .complete = COMPLETE_WORDS, .words = "dir lvm loop btrfs zfs overlay rbd nbd best" },
	{ 0, "dir", "DIR", "Put the root file system into DIR.", OPT_STR, AT(o.dir), .complete = COMPLETE_DIR },
	{ 0, "lvname", "NAME", "lvm: name of the logical volume; the container's by default.", OPT_STR, AT(store.lv) },
	{ 0, "vgname", "NAME", "lvm: volume group; lxc by default.", OPT_STR, AT(store.vg) },
	{ 0, "thinpool", "NAME", "lvm: thin pool; lxc by default.", OPT_STR, AT(store.thinpool) },
	{ 0, "rbdname", "NAME", "rbd: image; the container's name by default.", OPT_STR, AT(store.rbdname) },
	{ 0, "rbdpool", "NAME", "rbd: pool; lxc by default.", OPT_STR, AT(store.rbdpool) },
	{ 0, "rbduser", "NAME", "rbd: user; admin by default.", OPT_STR, AT(store.rbduser) },
	{ 0, "zfsroot", "PATH", "zfs: parent of the new file system.", OPT_STR, AT(store.zfsroot) },
	{ 0, "fstype", "TYPE", "lvm, loop, rbd: file system to make; ext4 by default.", OPT_STR, AT(store.fstype) },
	{ 0, "fssize", "SIZE", "lvm, loop, rbd: its size, with a unit of bBkKmMgGtT (M by default); 1G by default.",
	  OPT_CALL, .parse = parse_fssize },
	OPT_END
};

static bool bdev_known(const char *s)
{
	static const char *const known[] = { "dir",	  "lvm",     "loop", "btrfs", "zfs",
					     "overlayfs", "overlay", "rbd",  "nbd",   "best" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(s, known[i]))
			return true;
	return false;
}

/* lxc-create -t NAME -h: the template says what it takes. */
static int template_help(struct cli *c, const char *template)
{
	_cleanup_free_ char *path = NULL;
	struct err e = { 0 };

	if (engine_template(template, &path, &e) < 0) {
		cli_fail(c, &e);
		return 0;
	}
	fflush(stdout);
	if (spawn_run(&(struct spawn){ .path = path,
				       .argv = (char *const[]){ path, (char[]){ "-h" }, NULL },
				       .inherit_stdio = true },
		      NULL, &e) < 0)
		cli_fail(c, &e);
	return 0;
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct args a = { 0 };
	struct err e = { 0 };
	int code, r;

	code = cli_parse(c, &a);
	if (code == 0 && c->help && !isempty(a.o.template) && !streq(a.o.template, "none"))
		return template_help(c, a.o.template);
	if (code >= 0)
		return code;
	if (isempty(a.o.template))
		return cli_error(c, "use -t NAME, or -t none for a container without a root file system",
				 "A template must be specified");
	if (streq(a.o.template, "none"))
		a.o.template = NULL;
	if (a.o.bdev && !bdev_known(a.o.bdev))
		return cli_error(c, "dir, lvm, loop, btrfs, zfs, overlay, rbd, nbd or best",
				 "%s is not a valid backing storage type", a.o.bdev);
	if (cli_open(c, OPEN_NO_CONFIG, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (ct->defined)
		return cli_error(c, NULL, "Container already exists");
	a.o.argv = c->operands.n ? strv_get(&c->operands) : NULL;
	a.o.quiet = c->quiet;
	a.o.store = &a.store;
	r = container_create(ct, &a.o, &e);
	/* A template that lists what there is, or empties its cache, has made nothing, as it was told. */
	if (r < 0 && r != -ENOMSG)
		return cli_fail(c, &e);
	return cli_end(c, 0);
}

const struct command cmd_create = {
	.name = "lxc-create",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME -t TEMPLATE [OPTION...] [-- TEMPLATE-OPTION...]",
	.summary = "make a container",
	.description =
		"Makes the container NAME: a folder with a configuration, and a root file system that the template "
		"fills; with -t none a configuration alone. What stands after '--' goes to the template; its -h lists "
		"what it takes. When anything fails, or the command is interrupted, nothing is left.",
	.opts = opts,
	.examples =
		(const struct text_pair[]){ { "lxc-create -n web -t debian -- -r bookworm",
					      "Debian 12, from its mirror or from the cache." },
					    { "lxc-create -n tiny -t busybox", "A root file system of one program." },
					    { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "It is made." },
					     { "1", "It exists already, or could not be made." },
					     { NULL, NULL } },
	.see_also = "lxc-destroy(1), lxc-start(1), lxc.container.conf(5)",
	.run = run,
};
