/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/cli.h"

struct args {
	const char *states;
	int timeout;
};

static const struct opt opts[] = { { 's', "state", "STATE",
				     "States to wait for, joined by '|': STOPPED, STARTING, RUNNING, STOPPING, "
				     "ABORTING, FREEZING, FROZEN, THAWED.",
				     OPT_STR, offsetof(struct args, states), .complete = COMPLETE_WORDS,
				     .words = "STOPPED STARTING RUNNING STOPPING ABORTING FREEZING FROZEN THAWED" },
				   { 't', "timeout", "SECONDS", "How long to wait; -1 (the default) for ever.", OPT_INT,
				     offsetof(struct args, timeout) },
				   OPT_END };

/* Only the names as they are written, in capitals: what the scripts around expect to be refused is refused. */
static int parse_states(const struct cli *c, const char *text, unsigned *ret)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	struct err e = { 0 };
	unsigned mask = 0;

	if (strv_split(&words, text, "|", &e) < 0)
		return cli_fail(c, &e);
	for (size_t i = 0; i < words.n; i++) {
		unsigned s = 0;

		while (s < RUN_STATE_MAX && !streq(words.v[i], run_state_names[s]))
			s++;
		if (s == RUN_STATE_MAX)
			return cli_error(
				c, "the states are STOPPED STARTING RUNNING STOPPING ABORTING FREEZING FROZEN THAWED",
				"invalid state '%s'", words.v[i]);
		mask |= 1u << s;
	}
	if (!mask)
		return cli_error(c, NULL, "no state to wait for");
	*ret = mask;
	return -1;
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct args a = { .timeout = -1 };
	struct err e = { 0 };
	enum run_state reached;
	unsigned states = 0;
	int code, r;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (!a.states)
		return cli_usage_error(c, "missing state to wait for (-s)");
	code = parse_states(c, a.states, &states);
	if (code >= 0)
		return code;
	if (a.timeout > INT32_MAX / 1000)
		a.timeout = -1;
	if (cli_open(c, OPEN_NO_CONFIG, &ct, &e) < 0)
		return cli_fail(c, &e);
	r = container_wait(ct, states, a.timeout < 0 ? -1 : a.timeout * 1000, &reached, &e);
	if (r < 0)
		return cli_fail(c, &e);
	return r ? 0 : 1;
}

const struct command cmd_wait = {
	.name = "lxc-wait",
	.flags = CMD_LXC | CMD_NAME,
	.synopsis = "[-n] NAME -s STATE[|STATE...] [-t SECONDS]",
	.summary = "wait until a container is in some state",
	.description =
		"Returns when the container NAME is in one of the states, or has been since the call. NAME need not be "
		"defined; one that is not is STOPPED.",
	.opts = opts,
	.examples =
		(const struct text_pair[]){ { "lxc-wait web -s RUNNING -t 10", "Waits ten seconds for web to run." },
					    { "lxc-wait web -s 'STOPPED|FROZEN'", "Waits until it does nothing." },
					    { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "The state was reached." },
					     { "1", "It was not within the time, or there is no such state." },
					     { NULL, NULL } },
	.see_also = "lxc-info(1), lxc-start(1), lxc-freeze(1)",
	.run = run,
};
