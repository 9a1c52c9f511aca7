/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * lxc-checkpoint, and lxc-restart of the releases before 1.0. Saving a container's processes is not built yet: the options
 * are parsed and checked as they will be, so that a wrong call is told what is wrong with it.
 */

#include "cli/cli.h"

struct args {
	const char *dir, *predump, *script;
	bool stop, verbose, restore, daemon, foreground, pre_dump;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'r', "restore", NULL, "Restore the container.", OPT_BOOL, AT(restore), 1 },
	{ 'D', "checkpoint-dir", "DIR", "Where the images are. Must be given.", OPT_STR, AT(dir),
	  .complete = COMPLETE_DIR },
	{ 'v', "verbose", NULL, "Log more.", OPT_BOOL, AT(verbose), 1 },
	{ 'A', "action-script", "PATH", "A program that is told of each step.", OPT_STR, AT(script),
	  .complete = COMPLETE_FILE },
	{ 's', "stop", NULL, "Stop the container when it has been saved.", OPT_BOOL, AT(stop), 1 },
	{ 'p', "pre-dump", NULL, "Save its memory only; it runs on, and a later checkpoint saves what has changed.",
	  OPT_BOOL, AT(pre_dump), 1 },
	{ 0, "predump-dir", "DIR", "The images of an earlier --pre-dump, relative to those of -D.", OPT_STR,
	  AT(predump), .complete = COMPLETE_DIR },
	{ 'd', "daemon", NULL, "Restore it into the background; this is the default.", OPT_BOOL, AT(daemon), 1 },
	{ 'F', "foreground", NULL, "Restore it with this terminal as its console.", OPT_BOOL, AT(foreground), 1 },
	OPT_END
};

static int check(const struct cli *c, const struct args *a)
{
	if (!a->dir)
		return cli_usage_error(c, "-D (--checkpoint-dir) must say where the images are");
	if (a->restore && (a->pre_dump || a->stop || a->predump))
		return cli_usage_error(c, "-p, -s and --predump-dir are for a checkpoint, not for -r");
	if (!a->restore && (a->daemon || a->foreground))
		return cli_usage_error(c, "-d and -F are for a restore (-r)");
	return -1;
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct args a = { 0 };
	struct err e = { 0 };
	int code;

	code = cli_parse(c, &a);
	if (code < 0)
		code = check(c, &a);
	if (code >= 0)
		return code;
	if (cli_open(c, OPEN_NO_CONFIG, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!ct->defined && !cli_is_running(ct))
		return cli_error(c, NULL, "%s is not defined", c->name);
	if (!a.restore && !cli_is_running(ct))
		return cli_not_running(c, ct);
	if (a.restore && cli_is_running(ct))
		return cli_error(c, NULL, "%s is running", c->name);
	return cli_error(c, "lxc-freeze keeps it in memory; lxc-copy copies its files",
			 "not built yet: creel cannot %s containers", a.restore ? "restore" : "checkpoint");
}

static const struct text_pair exits[] = { { "1", "Always." }, { NULL, NULL } };

const struct command cmd_checkpoint = {
	.name = "lxc-checkpoint",
	.flags = CMD_LXC | CMD_NAME,
	.synopsis = "[-n] NAME -D DIR [OPTION...]",
	.summary = "save or restore a running container (not built yet)",
	.description =
		"Would save the processes of the container NAME into a folder, or restore them from there. That is not "
		"built yet: it says so, and changes nothing.",
	.opts = opts,
	.exits = exits,
	.see_also = "lxc-freeze(1), lxc-stop(1)",
	.run = run,
};

/* --- lxc-restart ------------------------------------------------------------------------------------------------------ */

struct restart_args {
	const char *statefile, *rcfile;
	bool pause;
};

static const struct opt restart_opts[] = {
	{ 'S', "statefile", "FILE", "The file of a checkpoint.", OPT_STR, offsetof(struct restart_args, statefile),
	  .complete = COMPLETE_FILE },
	{ 'f', "rcfile", "FILE", "Read the container's configuration from FILE.", OPT_STR,
	  offsetof(struct restart_args, rcfile), .complete = COMPLETE_FILE },
	{ 'p', "pause", NULL, "Leave it frozen.", OPT_BOOL, offsetof(struct restart_args, pause), 1 },
	OPT_END
};

static int run_restart(struct cli *c)
{
	struct restart_args a = { 0 };
	int code = cli_parse(c, &a);

	if (code >= 0)
		return code;
	return cli_error(c, "for a reboot: lxc-stop -r NAME",
			 "not built yet: creel cannot restart containers from a file");
}

const struct command cmd_restart = {
	.name = "lxc-restart",
	.flags = CMD_LXC | CMD_NAME | CMD_RCFILE,
	.synopsis = "[-n] NAME -S FILE",
	.summary = "restart a container from a checkpoint's file (retired, not built yet)",
	.description =
		"A command of LXC before 1.0: it would restart the container NAME from the file of a checkpoint. That "
		"is not built yet. To reboot a running container there is lxc-stop -r.",
	.opts = restart_opts,
	.exits = exits,
	.see_also = "lxc-checkpoint(1), lxc-stop(1)",
	.run = run_restart,
};
