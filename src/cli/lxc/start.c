/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/cli.h"
#include "cli/lxc/lxc-cli.h"

struct args {
	bool foreground;
	const char *rcfile;
	struct strv defines;
	struct start_opts o;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'd', "daemon", NULL, "Run it in the background; this is the default.", OPT_BOOL, AT(foreground), 0 },
	{ 'F', "foreground", NULL, "Stay, with this terminal as the container's console.", OPT_BOOL, AT(foreground),
	  1 },
	{ 'p', "pidfile", "FILE", "Write the process id of its init to FILE.", OPT_STR, AT(o.pidfile),
	  .complete = COMPLETE_FILE },
	{ 'f', "rcfile", "FILE", "Read the container's configuration from FILE.", OPT_STR, AT(rcfile),
	  .complete = COMPLETE_FILE },
	{ 'c', "console", "FILE", "Device or file to use as the container's console; 'none' for no console.", OPT_STR,
	  AT(o.console), .complete = COMPLETE_FILE },
	{ 'L', "console-log", "FILE", "Copy what the console prints to FILE.", OPT_STR, AT(o.console_log),
	  .complete = COMPLETE_FILE },
	{ 'C', "close-all-fds", NULL, "Close inherited file descriptors; implied by --daemon.", OPT_BOOL,
	  AT(o.close_all_fds), 1 },
	{ 's', "define", "KEY=VAL", "Set a configuration key for this start. May be repeated.", OPT_LIST, AT(defines) },
	SHARE_OPTS(AT(o.share)),
	OPT_END
};

static int start(struct cli *c, struct args *a, struct err *e)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	int r, status = 0;

	r = cli_open(c, 0, &ct, e);
	if (r < 0)
		return r;
	if (cli_is_running(ct)) {
		cli_error(c, NULL, "Container is already running");
		return 0;
	}
	r = container_check_finished(ct, e);
	if (r < 0)
		return r;
	if (!ct->defined && !c->rcfile && a->defines.n == 0)
		return err_hint(e, err_kind(e, ERR_NOT_FOUND, -ENOENT, "No container config specified"),
				"%s does not exist; make it with lxc-create, or name a file with -f", ct->config);
	a->o.defines = (const char *const *)strv_get(&a->defines);
	a->o.foreground = a->foreground;
	a->o.argv = c->operands.n ? strv_get(&c->operands) : NULL;
	r = container_start(ct, &a->o, &status, e);
	/* Another start came first. */
	if (r == -EALREADY) {
		cli_error(c, NULL, "%s", e->msg);
		err_clear(e);
		return 0;
	}
	return r;
}

static int run(struct cli *c)
{
	struct args a = { .o = START_OPTS_INIT };
	struct err e = { 0 };
	int code, r;

	code = cli_parse(c, &a);
	if (code < 0)
		code = lxc_check_defines(c, &a.defines);
	if (code >= 0)
		goto out;
	c->rcfile = a.rcfile;
	r = start(c, &a, &e);
	code = r < 0 ? cli_fail(c, &e) : cli_end(c, 0);
out:
	strv_done(&a.defines);
	return code;
}

const struct command cmd_lxc_start = {
	.name = "lxc-start",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES | CMD_RCFILE | CMD_ENTERS,
	.synopsis = "[-n] NAME [OPTION...] [-- COMMAND...]",
	.summary = "start a container",
	.description =
		"Starts the container NAME, in the background unless -F is given, and returns when its first process "
		"has been executed.\n\n"
		"The first process is COMMAND where one is given, else lxc.execute.cmd or lxc.init.cmd of the "
		"configuration, else /sbin/init. A container that runs already is left alone.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-start web", "Boots web in the background." },
						{ "lxc-start -F web", "Boots it on this terminal." },
						{ "lxc-start -n try -f try.conf -s lxc.uts.name=try -F -- /bin/sh",
						  "A shell in a container that only the file describes." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "It runs, or, with -F, has ended." },
					     { "1", "It could not be started." },
					     { NULL, NULL } },
	.see_also = "lxc-stop(1), lxc-attach(1), lxc-console(1), lxc-execute(1), lxc.container.conf(5)",
	.run = run,
};
