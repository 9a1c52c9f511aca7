/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/spawn.h"
#include "cli/oci/oci-cli.h"

struct args {
	const char *format;
};

static const struct opt opts[] = { { 'f', "format", "FORMAT", "How to print: table (the default) or json.", OPT_STR,
				     offsetof(struct args, format), .complete = COMPLETE_WORDS, .words = "table json" },
				   OPT_END };

/* Which word of the heading is PID; -1: none. */
static int pid_column(char *line)
{
	char *save = NULL;
	int i = 0;

	for (char *w = strtok_r(line, " \t", &save); w; w = strtok_r(NULL, " \t", &save), i++)
		if (streq(w, "PID"))
			return i;
	return -1;
}

static long pid_in(const char *line, int column)
{
	for (int i = 0; i < column; i++) {
		line += strspn(line, " \t");
		line += strcspn(line, " \t");
	}
	return strtol(line, NULL, 10);
}

static bool has_pid(const pid_t *pids, size_t n, long pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* The host's ps, and of what it says the heading and our lines. */
static int table(struct cli *c, const pid_t *pids, size_t n, struct buf *out, struct err *e)
{
	static char *const usual[] = { (char *)"ps", (char *)"-ef", NULL };
	_cleanup_free_ char *text = NULL, *head = NULL;
	struct spawn s = { .path = "ps", .argv = usual };
	char *save = NULL;
	int r, column;

	if (c->operands.n > 1) {
		free(c->operands.v[0]);
		c->operands.v[0] = strdup("ps");
		if (!c->operands.v[0])
			return err_oom(e);
		s.argv = c->operands.v;
	}
	r = spawn_run(&s, &text, e);
	if (r > 0)
		return err_kind(e, ERR_SYSTEM, -EIO, "exit status %d: %s", r, text ?: "");
	if (r < 0)
		return r;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (!head) {
			head = strdup(l);
			if (!head)
				return err_oom(e);
			buf_printf(out, "%s\n", l);
			column = pid_column(head);
			if (column < 0)
				return err_kind(e, ERR_INVALID, -EINVAL, "couldn't find PID field in ps output");
		} else if (has_pid(pids, n, pid_in(l, column))) {
			buf_printf(out, "%s\n", l);
		}
	}
	return 0;
}

static void numbers(const pid_t *pids, size_t n, struct buf *out)
{
	struct json j;

	json_init(&j, out, false);
	json_array(&j);
	for (size_t i = 0; i < n; i++)
		json_i64(&j, pids[i]);
	json_end_array(&j);
	buf_putc(out, '\n');
}

static int run(struct cli *c)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ pid_t *pids = NULL;
	struct args a = { 0 };
	struct err e = { 0 };
	bool json;
	size_t n = 0;
	int code, r;

	code = verb_parse(c, &a, 1, UINT32_MAX);
	if (code >= 0)
		return code;
	json = a.format && streq(a.format, "json");
	r = verb_container(c, 0, &rt, &ct, &e);
	if (r == 0 && a.format && !json && !streq(a.format, "table"))
		r = err_kind(&e, ERR_INVALID, -EINVAL, "invalid format option");
	if (r == 0)
		r = oci_pids(ct, &pids, &n, &e);
	if (r == 0 && json)
		numbers(pids, n, &out);
	else if (r == 0)
		r = table(c, pids, n, &out, &e);
	return r < 0 ? verb_fail(c, NULL, &e, 1) : verb_print(c, &out);
}

const struct command cmd_oci_ps = {
	.name = "oci-ps",
	.flags = CMD_OCI | CMD_NO_ENGINE | CMD_COMMAND,
	.synopsis = "[command options] <container-id> [ps options]",
	.summary = "ps displays the processes running inside a container",
	.description =
		"Lists the container's processes by the host's ps(1), with its options behind the container's id; "
		"as json their numbers alone.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "creel-oci ps web -o pid,cmd", "Two columns." }, { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Listed." }, { "1", "It failed." }, { NULL, NULL } },
	.see_also = "creel-oci(1), ps(1)",
	.run = run,
};
