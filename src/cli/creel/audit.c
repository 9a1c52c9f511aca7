/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "engine/audit.h"

#include <stdio.h>

#include "cli/cli.h"

struct args {
	const char *level;
};

static const struct opt opts[] = {
	{ 'L', "level", "LEVEL", "Leave out what is less grave: low (all, the default), medium or high.", OPT_STR,
	  offsetof(struct args, level), .complete = COMPLETE_WORDS, .words = "low medium high" },
	OPT_END
};

static int find_level(const char *word)
{
	for (int i = 0; audit_level_names[i]; i++)
		if (streq(audit_level_names[i], word))
			return i;
	return -1;
}

static void as_text(const struct cli *c, const struct audit *a, int level, struct buf *out)
{
	static const char *const colours[] = { "", "\033[33m", "\033[31m" };
	bool colour = cli_colour();

	LIST_EACH(f, &a->findings, struct audit_finding) {
		if ((int)f->level < level)
			continue;
		buf_printf(out, "%s%-7s%s %s: %s\n", colour ? colours[f->level] : "", audit_level_names[f->level],
			   colour && *colours[f->level] ? "\033[0m" : "", f->id, f->what);
		buf_printf(out, "        why: %s\n", f->why);
		if (f->fix)
			buf_printf(out, "        fix: %s\n", f->fix);
	}
	buf_printf(out, "%s: %u high, %u medium, %u low\n", c->name, a->n[AUDIT_HIGH], a->n[AUDIT_MEDIUM],
		   a->n[AUDIT_LOW]);
}

static void as_json(const struct cli *c, struct container *ct, const struct audit *a, int level, struct buf *out)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j);
	json_kv_string(&j, "name", c->name);
	json_kv_string(&j, "state", run_state_names[container_state(ct)]);
	json_kv_string(&j, "dialect", a->oci ? "oci" : "lxc");
	for (int i = AUDIT_LEVELS; i-- > 0;)
		json_kv_u64(&j, audit_level_names[i], a->n[i]);
	json_key(&j, "findings");
	json_array(&j);
	LIST_EACH(f, &a->findings, struct audit_finding) {
		if ((int)f->level < level)
			continue;
		json_object(&j);
		json_kv_string(&j, "severity", audit_level_names[f->level]);
		json_kv_string(&j, "id", f->id);
		json_kv_string(&j, "what", f->what);
		json_kv_string(&j, "why", f->why);
		json_kv_string(&j, "fix", f->fix);
		json_end_object(&j);
	}
	json_end_array(&j);
	json_end_object(&j);
	buf_putc(out, '\n');
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	_cleanup_audit_ struct audit a = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct args args = { .level = "low" };
	struct err e = { 0 };
	int code, level;
	unsigned n = 0;

	code = cli_parse(c, &args);
	if (code >= 0)
		return code;
	level = find_level(args.level);
	if (level < 0)
		return cli_usage_error(c, "unknown level '%s': low, medium or high", args.level);
	if (cli_open(c, c->rcfile ? 0 : OPEN_MUST_EXIST, &ct, &e) < 0 || container_audit(ct, &a, &e) < 0)
		return cli_fail(c, &e);
	for (int i = level; i < AUDIT_LEVELS; i++)
		n += a.n[i];
	if (c->json)
		as_json(c, ct, &a, level, &out);
	else
		as_text(c, &a, level, &out);
	return cli_print(c, &out, n ? 1 : 0);
}

const struct command cmd_audit = {
	.name = "audit",
	.flags = CMD_NAME | CMD_JSON,
	.synopsis = "[OPTION...] NAME",
	.summary = "print what a container can do that it could do without",
	.description =
		"Looks at the container NAME, whichever dialect it was made in, for what widens the way out of it: "
		"capabilities that are kept and whether any process has them, name spaces that are the host's, root "
		"that is "
		"root outside too, settings of the kernel that are writable, system calls that its seccomp policy lets "
		"through, devices beyond the standard ones, paths and sockets of the host that are mounted inside, and "
		"limits that are missing. Each finding has a severity, why it matters, and the key of lxc.conf or the "
		"member of config.json that closes it. While a container runs, its processes are looked at; else what "
		"is "
		"written of it. Nothing is changed. In a user name space most rights are worth less, and are graded "
		"so.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "Nothing was found at that level." },
					     { "1", "Something was found, or there is no such container." },
					     { NULL, NULL } },
	.see_also = "creel-show(1), creel-doctor(1), lxc.container.conf(5)",
	.run = run,
};
