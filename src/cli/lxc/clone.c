/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* lxc-clone, the lxc-copy of LXC 0.7 to 2.0: thin words for the same. */

#include <stdio.h>

#include "cli/lxc/lxc-cli.h"
#include "engine/copy.h"

struct args {
	const char *orig, *new, *bdev, *vgname, *fstype, *newpath;
	const char *path;
	bool snapshot, keepname, keepmac, copyhooks;
	uint64_t size;
};

#define AT(member) offsetof(struct args, member)

static int parse_size_arg(void *args, const char *arg, struct err *e)
{
	return lxc_parse_fssize(arg, &((struct args *)args)->size, e);
}

static const struct opt opts[] = {
	{ 'o', "orig", "NAME", "The container that is copied; the first operand when it is left out.", OPT_STR,
	  AT(orig), .complete = COMPLETE_NAME },
	{ 'n', "new", "NEWNAME", "Name of the copy; the second operand when it is left out.", OPT_STR, AT(new) },
	{ 's', "snapshot", NULL, "Share the root file system with the original.", OPT_BOOL, AT(snapshot), 1 },
	{ 'B', "backingstore", "TYPE", "Kind of the copy's storage.", OPT_STR, AT(bdev), .complete = COMPLETE_WORDS,
	  .words = "dir overlay btrfs loop lvm zfs rbd nbd" },
	{ 'L', "size", "SIZE", "Size of a new block device, with a unit of bBkKmMgGtT (M by default).", OPT_CALL,
	  .parse = parse_size_arg },
	{ 'v', "vgname", "NAME", "Volume group of a new logical volume.", OPT_STR, AT(vgname) },
	{ 't', "fstype", "TYPE", "Accepted: the copy has the file system of the original, or ext4.", OPT_STR,
	  AT(fstype) },
	{ 'K', "keepname", NULL, "Keep the host name.", OPT_BOOL, AT(keepname), 1 },
	{ 'M', "keepmac", NULL, "Keep the MAC addresses.", OPT_BOOL, AT(keepmac), 1 },
	{ 'H', "copyhooks", NULL, "Accepted: hooks in the container's folder are always copied.", OPT_BOOL,
	  AT(copyhooks), 1 },
	{ 'p', "lxcpath", "PATH", "Folder that holds the original.", OPT_STR, AT(path), .complete = COMPLETE_DIR },
	{ 'P', "newpath", "NEWPATH", "Folder that the copy goes to.", OPT_STR, AT(newpath), .complete = COMPLETE_DIR },
	OPT_END
};

static int clone(struct cli *c, const struct args *a, struct err *e)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct copy_opts o = {
		.name = a->new,
		.lxcpath = a->newpath,
		.flags = (a->snapshot ? COPY_SNAPSHOT : 0) | (a->keepname ? COPY_KEEP_NAME : 0) |
			 (a->keepmac ? COPY_KEEP_MAC : 0),
		.bdev = a->bdev,
		.bdevdata = a->vgname,
		.size = a->size,
	};
	int r = container_open(c->engine, a->orig, NULL, 0, &ct, e);

	if (r < 0)
		return r;
	if (!ct->defined)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "Error: container %s is not defined", a->orig);
	r = container_copy(ct, &o, NULL, e);
	if (r == 0 && !c->quiet && !c->dry_run)
		printf("Created container %s as %s of %s\n", a->new, a->snapshot ? "snapshot" : "copy", a->orig);
	return r;
}

static int run(struct cli *c)
{
	struct args a = { 0 };
	struct err e = { 0 };
	char *const *words;
	int code = cli_parse(c, &a);

	if (code >= 0)
		return code;
	c->lxcpath = a.path;
	words = strv_get(&c->operands);
	if (!a.orig && *words)
		a.orig = *words++;
	if (!a.new &&*words)
		a.new = *words++;
	if (!a.orig || !a.new || *words)
		return cli_usage_error(c, "expected the name of a container and a new one");
	if (cli_open_engine(c, &e) < 0 || clone(c, &a, &e) < 0)
		return cli_fail(c, &e);
	return cli_end(c, 0);
}

const struct command cmd_clone = {
	.name = "lxc-clone",
	.flags = CMD_LXC | CMD_MUTATES | CMD_OWN_NAME | CMD_OWN_PATH | CMD_OWN_O,
	.synopsis = "[-s] [OPTION...] {-o NAME -n NEWNAME | NAME NEWNAME}",
	.summary = "copy a container, in the words of before 2.0",
	.description =
		"Makes the container NEWNAME a copy of NAME. This is lxc-copy(1) in the words of LXC 0.7 to 2.0.",
	.opts = opts,
	.examples =
		(const struct text_pair[]){
			{ "lxc-clone -s -o base -n web", "The same as lxc-copy -n base -N web -s." }, { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "It is made." }, { "1", "It could not be made." }, { NULL, NULL } },
	.see_also = "lxc-copy(1)",
	.run = run,
};
