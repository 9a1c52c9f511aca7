/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* stop, restart, kill, pause, unpause, rm, rename, wait. */

#include <stdio.h>

#include "cli/docker/dcli.h"

#define DK_CONTAINERS .min_args = 1, .max_args = ARGS_ANY

struct stop_args {
	int timeout; /* -2: as the container says */
	const char *signal;
};
#define AT(member) offsetof(struct stop_args, member)

static const struct opt stop_opts_rows[] = {
	{ 's', "signal", "SIGNAL", "What asks it to end.", OPT_STR, AT(signal) },
	{ 't', "time", "SECONDS", "How long to wait before it is killed; -1 for ever.", OPT_INT, AT(timeout) },
	{ 0, "timeout", "SECONDS", "As --time.", OPT_INT, AT(timeout) },
	OPT_END
};

static int stop_one(struct docker *d, const char *name, void *arg, struct err *e)
{
	const struct stop_args *a = arg;

	return docker_stop(d, name, isempty(a->signal) ? NULL : a->signal, a->timeout, e);
}

static int restart_one(struct docker *d, const char *name, void *arg, struct err *e)
{
	const struct stop_args *a = arg;

	return docker_restart(d, name, isempty(a->signal) ? NULL : a->signal, a->timeout, e);
}

static int run_stop(struct cli *c)
{
	struct stop_args a = { .timeout = -2 };

	return dk_parse_each(c, &a, stop_one, &a);
}

static int run_restart(struct cli *c)
{
	struct stop_args a = { .timeout = -2 };

	return dk_parse_each(c, &a, restart_one, &a);
}

const struct command cmd_docker_stop = {
	.name = "stop",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Stop one or more running containers",
	.description =
		"Asks each container to end, waits, and kills what still runs after the time-out.\n\nLXC containers "
		"are "
		"known by their names, too; -k, -r, -P and the other options of creel's older stop go on working "
		"for them.",
	.opts = stop_opts_rows,
	DK_CONTAINERS,
	.exits = (const struct text_pair[]){ { "0", "None of them runs." },
					     { "1", "At least one could not be stopped." },
					     { NULL, NULL } },
	.see_also = "creel-start(1), creel-kill(1), lxc-stop(1)",
	.run = run_stop,
};

const struct command cmd_docker_restart = {
	.name = "restart",
	.flags = CMD_DOCKER | CMD_NAMES | CMD_ENTERS,
	.synopsis = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Restart one or more containers",
	.description = "Stops each container as stop does, and starts it again.",
	.opts = stop_opts_rows,
	DK_CONTAINERS,
	.see_also = "creel-stop(1), creel-start(1)",
	.run = run_restart,
};

/* --- kill ---------------------------------------------------------------------------------------------------------------- */

struct kill_args {
	const char *signal;
};
static const struct opt kill_opts[] = { { 's', "signal", "SIGNAL", "What is sent; KILL by default.", OPT_STR,
					  offsetof(struct kill_args, signal) },
					OPT_END };

static int kill_one(struct docker *d, const char *name, void *arg, struct err *e)
{
	const struct kill_args *a = arg;

	return docker_kill(d, name, isempty(a->signal) ? NULL : a->signal, e);
}

static int run_kill(struct cli *c)
{
	struct kill_args a = { 0 };

	return dk_parse_each(c, &a, kill_one, &a);
}

const struct command cmd_docker_kill = {
	.name = "kill",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Kill one or more running containers",
	.description = "Sends a signal to the first process of each container.",
	.opts = kill_opts,
	DK_CONTAINERS,
	.see_also = "creel-stop(1)",
	.run = run_kill,
};

/* --- pause ----------------------------------------------------------------------------------------------------------------- */

static int pause_one(struct docker *d, const char *name, void *arg, struct err *e)
{
	return docker_pause(d, name, *(bool *)arg, e);
}

static int run_pause(struct cli *c)
{
	bool pause = true;

	return dk_parse_each(c, NULL, pause_one, &pause);
}

static int run_unpause(struct cli *c)
{
	bool pause = false;

	return dk_parse_each(c, NULL, pause_one, &pause);
}

const struct command cmd_docker_pause = {
	.name = "pause",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "CONTAINER [CONTAINER...]",
	.summary = "Pause all processes within one or more containers",
	.description = "Freezes the containers' control groups.",
	DK_CONTAINERS,
	.see_also = "creel-unpause(1)",
	.run = run_pause,
};

const struct command cmd_docker_unpause = {
	.name = "unpause",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "CONTAINER [CONTAINER...]",
	.summary = "Unpause all processes within one or more containers",
	.description = "Lets go on what pause has frozen.",
	DK_CONTAINERS,
	.see_also = "creel-pause(1)",
	.run = run_unpause,
};

/* --- rm ---------------------------------------------------------------------------------------------------------------------- */

struct rm_args {
	bool force, volumes, link;
};
static const struct opt rm_opts[] = {
	{ 'f', "force", NULL, "One that runs, too: it is killed.", OPT_BOOL, offsetof(struct rm_args, force), 1 },
	{ 'l', "link", NULL, "Remove the link of that name: there are none, refused.", OPT_BOOL,
	  offsetof(struct rm_args, link), 1 },
	{ 'v', "volumes", NULL, "Its volumes without a name, too.", OPT_BOOL, offsetof(struct rm_args, volumes), 1 },
	OPT_END
};

static int rm_one(struct docker *d, const char *name, void *arg, struct err *e)
{
	const struct rm_args *a = arg;
	const char *bare = *name == '/' ? name + 1 : name;

	return docker_remove(d, bare, a->force, a->volumes, e);
}

static int run_rm(struct cli *c)
{
	struct rm_args a = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	if (a.link)
		return dk_error(c, "links are names in the network of the two containers: there is none to be removed");
	return dk_remove_each(c, a.force, rm_one, &a);
}

const struct command cmd_docker_rm = {
	.name = "rm",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Remove one or more containers",
	.description = "Removes containers that do not run, and all that was theirs.",
	.opts = rm_opts,
	DK_CONTAINERS,
	.see_also = "creel-run(1), creel-container-prune(1)",
	.run = run_rm,
};

/* --- rename, wait ---------------------------------------------------------------------------------------------------------- */

static int run_rename(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct err e = { 0 };
	int code = dk_parse(c, NULL);

	if (code >= 0)
		return code;
	if (!*c->operands.v[0] || !*c->operands.v[1])
		return dk_error(c, "Error: Neither old nor new names may be empty");
	code = dk_start(c, &d);
	if (code == 0 && docker_rename(d, c->operands.v[0], c->operands.v[1], &e) < 0) {
		dk_fail(c, &e);
		return dk_error(c, "Error: failed to rename container named %s", c->operands.v[0]);
	}
	return code;
}

const struct command cmd_docker_rename = {
	.name = "rename",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "CONTAINER NEW_NAME",
	.summary = "Rename a container",
	.description = "Gives a container another name, whether it runs or not.",
	.min_args = 2,
	.max_args = 2,
	.see_also = "creel-ps(1)",
	.run = run_rename,
};

static int run_wait(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	int code = dk_begin(c, NULL, &d);

	if (code >= 0)
		return code;
	code = 0;
	for (size_t i = 0; i < c->operands.n; i++) {
		struct err e = { 0 };
		int status = 0;

		if (docker_wait(d, c->operands.v[i], "not-running", &status, &e) < 0)
			code = dk_fail(c, &e);
		else
			printf("%d\n", status);
		fflush(stdout);
	}
	return code;
}

const struct command cmd_docker_wait = {
	.name = "wait",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "CONTAINER [CONTAINER...]",
	.summary = "Block until one or more containers stop, then print their exit codes",
	.description = "Waits for each container in turn and prints what it ended with.",
	DK_CONTAINERS,
	.see_also = "creel-run(1), lxc-wait(1)",
	.run = run_wait,
};
