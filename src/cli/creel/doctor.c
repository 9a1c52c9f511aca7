/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "cli/cli.h"

struct args {
	bool fix;
};

static const struct opt opts[] = { { 0, "fix", NULL, "Remove what is found.", OPT_BOOL, offsetof(struct args, fix), 1 },
				   OPT_END };

static int print_json(struct cli *c, const struct args *a, const struct buf *report, unsigned n)
{
	_cleanup_strv_ struct strv lines = STRV_INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	struct json j;

	if (strv_split(&lines, buf_str(report), "\n", &e) < 0)
		return cli_fail(c, &e);
	json_init(&j, &out, true);
	json_object(&j);
	json_kv_u64(&j, "found", n);
	json_kv_bool(&j, "fixed", a->fix);
	json_key(&j, "findings");
	json_array(&j);
	for (size_t i = 0; i < lines.n; i++)
		json_string(&j, lines.v[i]);
	json_end_array(&j);
	json_end_object(&j);
	buf_putc(&out, '\n');
	return cli_print(c, &out, n && !a->fix ? 1 : 0);
}

static int run(struct cli *c)
{
	_cleanup_buf_ struct buf report = BUF_INIT;
	struct args a = { 0 };
	struct err e = { 0 };
	unsigned n = 0;
	int code;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (c->dry_run)
		a.fix = false;
	if (cli_open_engine(c, &e) < 0)
		return cli_fail(c, &e);
	if (engine_doctor(c->engine, a.fix, &report, &n, &e) < 0) {
		cli_print(c, &report, 0);
		return cli_fail(c, &e);
	}
	if (c->json)
		return print_json(c, &a, &report, n);
	if (n == 0)
		buf_puts(&report, "nothing is left of dead containers\n");
	return cli_print(c, &report, n && !a.fix ? 1 : 0);
}

const struct command cmd_doctor = {
	.name = "doctor",
	.flags = CMD_MUTATES | CMD_JSON,
	.synopsis = "[--fix]",
	.summary = "find and remove what dead containers left behind",
	.description =
		"Looks for control groups, mounts, devices, rules, files and processes of containers whose keeper and "
		"command are both gone, by the journals that were written before each step. One line per finding.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "Nothing is left, or it has been removed." },
					     { "1", "Something is left, or could not be removed." },
					     { NULL, NULL } },
	.see_also = "creel(1), lxc-checkconfig(1)",
	.run = run,
};
