/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/cli.h"
#include "engine/copy.h"

#define COMMENT_MAX (1u << 20)

struct args {
	bool list, comments;
	const char *restore, *newname, *destroy, *comment;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 'L', "list", NULL, "List the snapshots.", OPT_BOOL, AT(list), 1 },
	{ 'C', "showcomments", NULL, "Their comments, too.", OPT_BOOL, AT(comments), 1 },
	{ 'r', "restore", "SNAPSHOT", "Make the container what it was then.", OPT_STR, AT(restore) },
	{ 'N', "newname", "NEWNAME", "With -r: make a new container of it, and leave this one alone.", OPT_STR,
	  AT(newname) },
	{ 'd', "destroy", "SNAPSHOT", "Remove the snapshot; ALL removes all of them.", OPT_STR, AT(destroy) },
	{ 'c', "comment", "FILE", "Keep the text of FILE with the snapshot.", OPT_STR, AT(comment),
	  .complete = COMPLETE_FILE },
	OPT_END
};

static int print_json(struct cli *c, const struct snapshot *l, size_t n)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json j;

	json_init(&j, &out, true);
	json_array(&j);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *comment = NULL;

		(void)file_read(AT_FDCWD, l[i].comment_path, COMMENT_MAX, &comment, NULL, NULL);
		json_object(&j);
		json_kv_string(&j, "name", l[i].name);
		json_kv_string(&j, "lxcpath", l[i].lxcpath);
		json_kv_string(&j, "timestamp", *l[i].timestamp ? l[i].timestamp : NULL);
		json_kv_string(&j, "comment", comment);
		json_end_object(&j);
	}
	json_end_array(&j);
	buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

static int print_list(struct cli *c, const struct snapshot *l, size_t n, bool comments)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (!n)
		buf_puts(&out, "No snapshots\n");
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *comment = NULL;
		size_t len = 0;

		buf_printf(&out, "%s (%s) %s\n", l[i].name, l[i].lxcpath, l[i].timestamp);
		if (!comments || file_read(AT_FDCWD, l[i].comment_path, COMMENT_MAX, &comment, &len, NULL) < 0)
			continue;
		buf_add(&out, comment, len);
		if (len && comment[len - 1] != '\n')
			buf_putc(&out, '\n');
	}
	return cli_print(c, &out, 0);
}

static int list(struct cli *c, struct container *ct, bool comments)
{
	struct snapshot *l;
	struct err e = { 0 };
	size_t n;
	int code;

	if (container_snapshots(ct, &l, &n, &e) < 0)
		return cli_fail(c, &e);
	code = c->json ? print_json(c, l, n) : print_list(c, l, n, comments);
	snapshots_free(l, n);
	return code;
}

static int act(const struct args *a, struct container *ct, struct err *e)
{
	if (a->restore)
		return container_snapshot_restore(ct, a->restore, a->newname, e);
	if (a->destroy)
		return container_snapshot_destroy(ct, strcmp(a->destroy, "ALL") == 0 ? NULL : a->destroy, e);
	return container_snapshot(ct, a->comment, NULL, e);
}

static int run(struct cli *c)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct args a = { 0 };
	struct err e = { 0 };
	int code = cli_parse(c, &a);

	if (code >= 0)
		return code;
	if (a.newname && !a.restore)
		return cli_usage_error(c, "-N goes with -r");
	if (cli_open(c, 0, &ct, &e) < 0)
		return cli_fail(c, &e);
	if (!ct->defined)
		return cli_error(c, NULL, "No container config specified");
	if (a.list)
		return list(c, ct, a.comments);
	if (act(&a, ct, &e) < 0)
		return cli_fail(c, &e);
	return cli_end(c, 0);
}

const struct command cmd_snapshot = {
	.name = "lxc-snapshot",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES | CMD_JSON,
	.synopsis = "[-n] NAME [-c FILE | -L [-C] | -r SNAPSHOT [-N NEWNAME] | -d SNAPSHOT|ALL]",
	.summary = "keep a container as it is, and go back to it",
	.description =
		"Takes a snapshot of the container NAME, which must be stopped: snap0, snap1 and so on, each a "
		"container of "
		"its own below NAME's folder. Where the storage can, the snapshot shares its data with the container; "
		"a plain "
		"directory is copied.\n\n"
		"-r puts the snapshot in the container's place, all of it at once: a restore that is killed leaves the "
		"container as it was or as the snapshot is. With -N it becomes a new container instead.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-snapshot web -c why.txt", "Takes one, with a comment." },
						{ "lxc-snapshot web -L -C", "Lists them all." },
						{ "lxc-snapshot web -r snap0", "Goes back." },
						{ "lxc-snapshot web -r snap0 -N web-old",
						  "Makes another container of it." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Done." }, { "1", "It could not be done." }, { NULL, NULL } },
	.see_also = "lxc-copy(1), lxc-destroy(1)",
	.run = run,
};
