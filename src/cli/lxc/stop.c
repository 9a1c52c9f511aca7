/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/cli.h"

#define DEFAULT_TIMEOUT_S 60
#define EXIT_NOT_RUNNING  2

struct args {
	bool reboot, nowait, kill, nolock, nokill;
	int timeout; /* INT32_MIN: not given */
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'r', "reboot", NULL, "Ask it to reboot instead.", OPT_BOOL, AT(reboot), 1 },
	{ 'W', "nowait", NULL, "Do not wait until it has stopped or rebooted.", OPT_BOOL, AT(nowait), 1 },
	{ 't', "timeout", "SECONDS", "How long to wait before it is killed; 60 by default, -1 for ever.", OPT_INT,
	  AT(timeout) },
	{ 'k', "kill", NULL, "Kill it at once.", OPT_BOOL, AT(kill), 1 },
	{ 0, "nolock", NULL, "Do not wait for other operations on it; only with --kill.", OPT_BOOL, AT(nolock), 1 },
	{ 0, "nokill", NULL, "Only ask; never kill after the time-out.", OPT_BOOL, AT(nokill), 1 },
	OPT_END
};

static int check(const struct cli *c, const struct args *a)
{
	if (a->timeout != INT32_MIN && a->timeout < -1)
		return cli_error(c, "seconds, or -1 for ever", "Invalid timeout");
	if (a->kill && a->nokill)
		return cli_error(c, NULL, "-k can't be used with --nokill");
	if (a->kill && a->reboot)
		return cli_error(c, NULL, "-k can't be used with -r");
	if (a->kill && a->timeout > 0)
		return cli_error(c, NULL, "-k doesn't allow timeouts");
	if (a->nolock && !a->kill)
		return cli_error(c, NULL, "--nolock may only be used with -k");
	return -1;
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct args a = { .timeout = INT32_MIN };
	struct stop_opts o;
	struct err e = { 0 };
	int code, r;

	code = cli_parse(c, &a);
	if (code < 0)
		code = check(c, &a);
	if (code >= 0)
		return code;
	o = (struct stop_opts){ .kill = a.kill,
				.reboot = a.reboot,
				.nowait = a.nowait,
				.nokill = a.nokill,
				.nolock = a.nolock,
				.timeout_s = a.timeout };
	if (a.timeout == INT32_MIN)
		o.timeout_s = a.kill ? 0 : DEFAULT_TIMEOUT_S;
	r = cli_open(c, 0, &ct, &e);
	if (r < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct)) {
		cli_not_running(c, ct);
		return EXIT_NOT_RUNNING;
	}
	r = container_stop(ct, &o, &e);
	if (r < 0) {
		cli_fail(c, &e);
		return e.code == -ESRCH && !a.reboot ? EXIT_NOT_RUNNING : 1;
	}
	return cli_end(c, 0);
}

const struct command cmd_lxc_stop = {
	.name = "lxc-stop",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES,
	.synopsis = "[-n] NAME [OPTION...]",
	.summary = "stop or reboot a container",
	.description =
		"Asks the container's init to shut down (lxc.signal.halt) or, with -r, to reboot (lxc.signal.reboot), "
		"and waits for it. What still runs after the time-out is killed.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-stop web", "Shuts web down within a minute." },
						{ "lxc-stop -t 5 web", "The same, killed after five seconds." },
						{ "lxc-stop -k web", "Kills it." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "It has stopped or rebooted." },
					     { "1", "It could not be stopped." },
					     { "2", "It was not running." },
					     { NULL, NULL } },
	.see_also = "lxc-start(1), lxc-freeze(1), lxc-wait(1), lxc.container.conf(5)",
	.run = run,
};
