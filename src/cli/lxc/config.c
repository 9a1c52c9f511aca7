/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"

static const char *const items[] = {
	"lxc.default_config", "lxc.lxcpath",	"lxc.bdev.lvm.vg",    "lxc.bdev.lvm.thin_pool",
	"lxc.bdev.zfs.root",  "lxc.cgroup.use", "lxc.cgroup.pattern",
};
#define ITEM_WORDS                                                                                                \
	"lxc.default_config lxc.lxcpath lxc.bdev.lvm.vg lxc.bdev.lvm.thin_pool lxc.bdev.zfs.root lxc.cgroup.use " \
	"lxc.cgroup.pattern"

struct args {
	bool list;
};

static const struct opt opts[] = { { 'l', "list", NULL, "The names of all items; as json, with their values.", OPT_BOOL,
				     offsetof(struct args, list), 1 },
				   OPT_END };

/* The beginning of a name is enough; the first match counts, as ever. */
static int print_item(struct cli *c, const char *word)
{
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		const char *value;

		if (!startswith(items[i], word))
			continue;
		if (cli_open_engine(c, &e) < 0)
			return cli_fail(c, &e);
		value = engine_global(c->engine, items[i]);
		if (isempty(value))
			printf("%s is not set.\n", items[i]);
		else
			printf("%s\n", value);
		return 0;
	}
	printf("Unknown configuration item: %s\n", word);
	return 1;
}

static int list_json(struct cli *c)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	struct json j;

	if (cli_open_engine(c, &e) < 0)
		return cli_fail(c, &e);
	json_init(&j, &out, true);
	json_object(&j);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
		const char *value = engine_global(c->engine, items[i]);

		json_kv_string(&j, items[i], isempty(value) ? NULL : value);
	}
	json_end_object(&j);
	buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

static int run(struct cli *c)
{
	struct args a = { 0 };
	int code;

	code = cli_parse(c, &a);
	if (code >= 0)
		return code;
	if (a.list && c->json)
		return list_json(c);
	if (a.list) {
		for (size_t i = 0; i < ARRAY_SIZE(items); i++)
			puts(items[i]);
		return 0;
	}
	if (c->operands.n == 0 || isempty(c->operands.v[0])) {
		puts("Usage: lxc-config -l: list all available configuration items\n"
		     "       lxc-config item: print configuration item");
		return 0;
	}
	return print_item(c, c->operands.v[0]);
}

const struct command cmd_config = {
	.name = "lxc-config",
	.flags = CMD_LXC | CMD_NO_ENGINE | CMD_JSON,
	.synopsis = "-l | ITEM",
	.summary = "print a value of the system's configuration",
	.description =
		"Prints the value of ITEM from lxc.conf, or the default that is built in. The beginning of a name is "
		"enough.",
	.opts = opts,
	.examples =
		(const struct text_pair[]){ { "lxc-config lxc.lxcpath", "Where the containers are." }, { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Printed." }, { "1", "There is no such item." }, { NULL, NULL } },
	.operand_words = ITEM_WORDS,
	.see_also = "lxc-ls(1), lxc.container.conf(5)",
	.run = run,
};
