/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"

struct args {
	const char *as;
};

static const struct opt opts[] = { { 0, "as", "DIALECT", "Whose words to use: lxc or oci.", OPT_STR,
				     offsetof(struct args, as), .complete = COMPLETE_WORDS, .words = "lxc oci" },
				   OPT_END };

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;
	_cleanup_strv_ struct strv unsaid = STRV_INIT;
	struct args a = { .as = "lxc" };
	struct err e = { 0 };
	struct json j;
	int code;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (cli_open(c, c->rcfile ? 0 : OPEN_MUST_EXIST, &ct, &e) < 0 ||
	    container_show(ct, a.as, &text, &unsaid, &e) < 0)
		return cli_fail(c, &e);
	if (!c->json) {
		code = cli_print(c, &text, 0);
		for (size_t i = 0; i < unsaid.n && !c->quiet; i++)
			fprintf(stderr, "%s: %s: not expressible: %s\n", c->prog, c->name, unsaid.v[i]);
		return code;
	}
	json_init(&j, &out, true);
	json_object(&j);
	json_kv_string(&j, "name", c->name);
	json_kv_string(&j, "state", run_state_names[container_state(ct)]);
	json_kv_string(&j, "dialect", a.as);
	json_kv_string(&j, "config", ct->config);
	json_kv_string(&j, "text", buf_str(&text));
	json_key(&j, "not_expressible");
	json_array(&j);
	for (size_t i = 0; i < unsaid.n; i++)
		json_string(&j, unsaid.v[i]);
	json_end_array(&j);
	json_end_object(&j);
	buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

const struct command cmd_show = {
	.name = "show",
	.flags = CMD_NAME | CMD_JSON,
	.synopsis = "[OPTION...] NAME",
	.summary = "print a container in a dialect's words",
	.description =
		"Prints what the container NAME is, in the words of a dialect, whichever dialect it was made in. What "
		"cannot be said there follows as comments, or on standard error where the dialect has none.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "Printed." },
					     { "1", "There is no such container or dialect." },
					     { NULL, NULL } },
	.see_also = "creel-plan(1), lxc.container.conf(5)",
	.run = run,
};
