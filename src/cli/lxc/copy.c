/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/parse.h"
#include "cli/lxc/lxc-cli.h"
#include "engine/copy.h"

enum task { TASK_CLONE, TASK_EPHEMERAL, TASK_RENAME };

struct args {
	enum task task;
	const char *newname, *newpath, *bdev;
	bool foreground, tmpfs, keep_data, allow_running;
	struct strv mounts;
	unsigned flags;
	uint64_t size;
};

#define AT(member) offsetof(struct args, member)

/* Of these the last one counts. */
static int parse_rename(void *args, const char *arg, struct err *e)
{
	((struct args *)args)->task = TASK_RENAME;
	return 0;
}

static int parse_ephemeral(void *args, const char *arg, struct err *e)
{
	((struct args *)args)->task = TASK_EPHEMERAL;
	return 0;
}

static int parse_snapshot(void *args, const char *arg, struct err *e)
{
	((struct args *)args)->task = TASK_CLONE;
	((struct args *)args)->flags |= COPY_SNAPSHOT;
	return 0;
}

static int parse_keepname(void *args, const char *arg, struct err *e)
{
	((struct args *)args)->flags |= COPY_KEEP_NAME;
	return 0;
}

static int parse_keepmac(void *args, const char *arg, struct err *e)
{
	((struct args *)args)->flags |= COPY_KEEP_MAC;
	return 0;
}

static int parse_fssize(void *args, const char *arg, struct err *e)
{
	return lxc_parse_fssize(arg, &((struct args *)args)->size, e);
}

static const struct opt opts[] = {
	{ 'N', "newname", "NEWNAME", "Name of the copy.", OPT_STR, AT(newname) },
	{ 'p', "newpath", "NEWPATH", "Keep the copy below NEWPATH.", OPT_STR, AT(newpath), .complete = COMPLETE_DIR },
	{ 'R', "rename", NULL, "Make no copy: give the container the new name.", OPT_CALL, .parse = parse_rename },
	{ 's', "snapshot", NULL,
	  "Share the root file system with the container: a copy-on-write snapshot, of a directory an overlay.",
	  OPT_CALL, .parse = parse_snapshot },
	{ 'a', "allowrunning", NULL, "Copy it even while it runs, as it is at some moment of its work.", OPT_BOOL,
	  AT(allow_running), 1 },
	{ 'F', "foreground", NULL, "With -e: stay, with this terminal as the container's console.", OPT_BOOL,
	  AT(foreground), 1 },
	{ 'd', "daemon", NULL, "With -e: run it in the background; this is the default.", OPT_BOOL, AT(foreground), 0 },
	{ 'e', "ephemeral", NULL, "Start a snapshot of it that is destroyed when it stops.", OPT_CALL,
	  .parse = parse_ephemeral },
	{ 'm', "mount", "TYPE=SRC[:DST]",
	  "With -e: a directory of the host for the copy, bind=/src[:/dst[:ro]] or overlay=/src[:/dst]; several with "
	  "commas, or by repeating the option.",
	  OPT_LIST, AT(mounts) },
	{ 'B', "backingstorage", "TYPE", "Kind of the copy's storage.", OPT_STR, AT(bdev), .complete = COMPLETE_WORDS,
	  .words = "dir overlay btrfs loop lvm zfs rbd nbd" },
	{ 't', "tmpfs", NULL, "With -e: keep in memory what it changes.", OPT_BOOL, AT(tmpfs), 1 },
	{ 'L', "fssize", "SIZE", "Size of a new block device, with a unit of bBkKmMgGtT (M by default).", OPT_CALL,
	  .parse = parse_fssize },
	{ 'D', "keepdata", NULL, "With -e: do not destroy it when it stops.", OPT_BOOL, AT(keep_data), 1 },
	{ 'K', "keepname", NULL, "Keep the host name of the original.", OPT_CALL, .parse = parse_keepname },
	{ 'M', "keepmac", NULL, "Keep the MAC addresses of the original.", OPT_CALL, .parse = parse_keepmac },
	OPT_END
};

/* With a command: it is run in the copy, and that is stopped when the command has ended. */
static int run_command(struct container *ct, char *const *argv, struct err *e)
{
	struct attach_opts o = ATTACH_OPTS_INIT;
	struct stop_opts stop = { .timeout_s = 60 };
	int status = 0, r;

	o.argv = argv;
	r = container_attach(ct, &o, &status, e);
	if (r < 0) {
		stop.kill = true;
		(void)container_stop(ct, &stop, NULL);
		return r;
	}
	return container_stop(ct, &stop, e);
}

static int ephemeral(struct cli *c, struct args *a, struct container *ct, struct err *e)
{
	_cleanup_(container_freep) struct container *to = NULL;
	_cleanup_free_ char *mounts = lxc_join(&a->mounts, ",");
	struct ephemeral_opts o = {
		.copy = { .name = a->newname,
			  .lxcpath = a->newpath,
			  .flags = a->flags,
			  .bdev = a->bdev,
			  .size = a->size },
		.mounts = mounts,
		.tmpfs = a->tmpfs,
		.keep_data = a->keep_data,
	};
	char *const *argv = c->operands.n ? strv_get(&c->operands) : NULL;
	struct start_opts start = START_OPTS_INIT;
	int status = 0, r;

	if (!mounts)
		return err_oom(e);
	r = container_ephemeral(ct, &o, &to, e);
	if (r < 0 || !to)
		return r;
	if (!c->quiet) {
		printf("Created %s as clone of %s\n", to->name, ct->name);
		if (a->tmpfs)
			printf("Container is placed on tmpfs.\nRebooting will cause all changes made to it to be "
			       "lost!\n");
		fflush(stdout);
	}
	start.foreground = a->foreground && !argv;
	r = container_start(to, &start, &status, e);
	if (r == 0 && argv)
		r = container_refresh(to, e);
	if (r == 0 && argv)
		return run_command(to, argv, e);
	if (r < 0 && !a->keep_data)
		(void)container_destroy(to, true, NULL);
	return r;
}

static int act(struct cli *c, struct args *a, struct container *ct, struct err *e)
{
	struct copy_opts o = {
		.name = a->newname,
		.lxcpath = a->newpath,
		.flags = a->flags,
		.bdev = a->bdev,
		.size = a->size,
		.hook_args = strv_get(&c->operands),
	};

	if (a->task == TASK_RENAME)
		return container_rename(ct, a->newname, e);
	if (a->task == TASK_EPHEMERAL)
		return ephemeral(c, a, ct, e);
	return container_copy(ct, &o, NULL, e);
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct args a = { 0 };
	struct err e = { 0 };
	int code = cli_parse(c, &a);

	if (code >= 0)
		goto out;
	if (a.allow_running)
		a.flags |= COPY_ALLOW_RUNNING;
	code = 1;
	if (!a.newname && a.task != TASK_EPHEMERAL)
		cli_error(c, "say it with -N", "You must provide a NEWNAME for the clone");
	else if (a.task != TASK_EPHEMERAL && (a.foreground || a.tmpfs || a.keep_data || a.mounts.n))
		cli_error(c, NULL, "-F, -t, -D and -m are for ephemeral copies (-e) only");
	else if (cli_open(c, 0, &ct, &e) < 0)
		cli_fail(c, &e);
	else if (!ct->defined)
		cli_error(c, NULL, "Container %s is not defined", c->name);
	else if (act(c, &a, ct, &e) < 0)
		cli_fail(c, &e);
	else
		code = cli_end(c, 0);
out:
	strv_done(&a.mounts);
	return code;
}

const struct command cmd_copy = {
	.name = "lxc-copy",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME {-N NEWNAME [-s] | -R -N NEWNAME | -e} [OPTION...] [-- ARGUMENT...]",
	.summary = "copy, rename or try a container",
	.description =
		"Makes the container NEWNAME a copy of NAME: its configuration with a host name, MAC addresses and "
		"paths of "
		"its own, and its root file system, copied whole or, with -s, shared as a copy-on-write snapshot. "
		"Hooks and "
		"the fstab in the container's folder are copied; what stands after '--' goes to its clone hooks.\n\n"
		"With -e the copy is a snapshot that is started at once and destroyed when it stops; its name, NAME_ "
		"and six "
		"letters, is printed. What stands after '--' is then a command that is run in it, after which it "
		"stops.\n\n"
		"A container that others share their root file system with cannot be destroyed or renamed. When "
		"anything "
		"fails, or the command is killed, nothing is left of the copy.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-copy -n web -N web2", "A second web, of its own." },
						{ "lxc-copy -n base -N web -s", "An overlay over base." },
						{ "lxc-copy -n web -e -- /bin/sh -c 'make check'",
						  "Runs a command in a throw-away copy." },
						{ "lxc-copy -n web -R -N www", "Another name." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Done." }, { "1", "It could not be done." }, { NULL, NULL } },
	.see_also = "lxc-create(1), lxc-snapshot(1), lxc-destroy(1), lxc.container.conf(5)",
	.run = run,
};
