/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* create and run: the same but for who starts the container. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/oci/oci-cli.h"

struct args {
	struct oci_create_opts o;
	int preserve_fds;
};

#define AT(member) offsetof(struct args, member)

#define COMMON_OPTS                                                                                                        \
	{ 'b',                                                                                                             \
	  "bundle",                                                                                                        \
	  "DIR",                                                                                                           \
	  "The bundle's folder; the working directory by default.",                                                        \
	  OPT_STR,                                                                                                         \
	  AT(o.bundle),                                                                                                    \
	  .complete = COMPLETE_DIR },                                                                                      \
		{ 'f',                                                                                                     \
		  "config",                                                                                                \
		  "FILE",                                                                                                  \
		  "Another file than the bundle's config.json.",                                                           \
		  OPT_STR,                                                                                                 \
		  AT(o.config),                                                                                            \
		  .complete = COMPLETE_FILE },                                                                             \
		{ 0,                                                                                                       \
		  "console-socket",                                                                                        \
		  "SOCKET",                                                                                                \
		  "AF_UNIX socket that gets the master of the container's terminal.",                                      \
		  OPT_STR,                                                                                                 \
		  AT(o.console_socket),                                                                                    \
		  .complete = COMPLETE_FILE },                                                                             \
		{ 0,                                                                                                       \
		  "pidfd-socket",                                                                                          \
		  "SOCKET",                                                                                                \
		  "AF_UNIX socket that gets a pidfd of the first process.",                                                \
		  OPT_STR,                                                                                                 \
		  AT(o.pidfd_socket),                                                                                      \
		  .complete = COMPLETE_FILE },                                                                             \
		{ 0,                                                                                                       \
		  "pid-file",                                                                                              \
		  "FILE",                                                                                                  \
		  "Write the first process's id into FILE.",                                                               \
		  OPT_STR,                                                                                                 \
		  AT(o.pidfile),                                                                                           \
		  .complete = COMPLETE_FILE },                                                                             \
		{ 0,	    "no-pivot",	    NULL, "Do not use pivot_root(2): for a host that runs from its initramfs.",    \
		  OPT_BOOL, AT(o.no_pivot), 1 },                                                                           \
		{ 0, "no-new-keyring", NULL, "Stay in the caller's session keyring.", OPT_BOOL, AT(o.no_new_keyring), 1 }, \
	{                                                                                                                  \
		0, "preserve-fds", "N", "Leave N fds from 3 on open, besides those of LISTEN_FDS.", OPT_INT,               \
			AT(preserve_fds)                                                                                   \
	}

static const struct opt create_opts[] = { COMMON_OPTS,
					  { 0, "no-subreaper", NULL, "Accepted for crun's sake; create never is one.",
					    OPT_BOOL, AT(o.no_subreaper), 1, .flags = OPT_HIDDEN },
					  OPT_END };

static const struct opt run_opts[] = {
	{ 'd', "detach", NULL, "Leave the container running and return.", OPT_BOOL, AT(o.detach), 1 },
	{ 0, "keep", NULL, "Do not remove the container at its end.", OPT_BOOL, AT(o.keep), 1 },
	{ 0, "no-subreaper", NULL, "Do not reap what the container's processes leave to us.", OPT_BOOL,
	  AT(o.no_subreaper), 1 },
	COMMON_OPTS,
	OPT_END
};

static void info(void *arg, const struct oci_info *i)
{
	verb_log_info(arg, i);
}

/* Most of its memory is shared with the first process by now, so that freeing it means copying it. */
static void created(void *arg, int status)
{
	cli_leave(0);
}

static void ran(void *arg, int status)
{
	cli_leave(cli_exit_of(status));
}

static int go(struct cli *c, bool start)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	struct args a = { .o = { .start = start } };
	char prefix[128];
	struct err e = { 0 };
	int code, r, status = 0;

	code = verb_parse(c, &a, 1, 1);
	if (code >= 0)
		return code;
	/* "runc create failed", whichever name we have. */
	snprintf(prefix, sizeof(prefix), "%s failed", c->prog);
	if (a.preserve_fds < 0)
		r = err_kind(&e, ERR_INVALID, -EINVAL, "--preserve-fds: %d fds are none", a.preserve_fds);
	else
		r = verb_runtime(c, &rt, &e);
	if (r == 0) {
		a.o.preserve_fds = (unsigned)a.preserve_fds;
		a.o.info = info;
		a.o.done = start && !a.o.detach ? ran : created;
		a.o.arg = c;
		r = oci_create(rt, c->operands.v[0], &a.o, &status, &e);
	}
	if (r < 0)
		return verb_fail(c, prefix, &e, 1);
	return start && !a.o.detach ? cli_exit_of(status) : 0;
}

static int run_create(struct cli *c)
{
	return go(c, false);
}

static int run_run(struct cli *c)
{
	return go(c, true);
}

const struct command cmd_oci_create = {
	.name = "oci-create",
	.flags = CMD_OCI | CMD_NO_ENGINE | CMD_ENTERS,
	.synopsis = "[command options] <container-id>",
	.summary = "create a container",
	.description =
		"Makes a container from a bundle: its name spaces, control group, mounts and first process, which "
		"waits until 'start' lets it execute what config.json says.\n\n"
		"Where NOTIFY_SOCKET is set (sd_notify(3)), here and of 'start', the container finds a socket of its "
		"own "
		"in /run/notify; 'start' then returns when it says READY=1 there, which is told to the service manager "
		"along with the main process's id.",
	.opts = create_opts,
	.examples = (const struct text_pair[]){ { "creel-oci create -b /bundles/web web", "Makes web." },
						{ "creel-oci start web", "Starts it." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "It is there and waits." },
					     { "1", "It could not be made; nothing is left of it." },
					     { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-start(1), creel-oci-delete(1)",
	.run = run_create,
};

const struct command cmd_oci_run = {
	.name = "oci-run",
	.flags = CMD_OCI | CMD_NO_ENGINE | CMD_ENTERS,
	.synopsis = "[command options] <container-id>",
	.summary = "create and run a container",
	.description =
		"Makes a container from a bundle and starts it. Without --detach it is waited for and removed at its "
		"end; signals go to its first process, and its terminal is the caller's.\n\n"
		"Where NOTIFY_SOCKET is set, what the container says to the socket in /run/notify is heard as with "
		"'create'; with --detach this returns when the container is ready.",
	.opts = run_opts,
	.examples = (const struct text_pair[]){ { "creel-oci run -b /bundles/web web", "Runs web until it ends." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "N", "What its first process ended with; 128 + N for signal N." },
					     { "1", "It could not be made; nothing is left of it." },
					     { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-create(1)",
	.run = run_run,
};
