/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "cli/oci/oci-cli.h"

struct args {
	const char *format;
	bool quiet;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = { { 'f', "format", "FORMAT", "How to print: table (the default) or json.", OPT_STR,
				     AT(format), .complete = COMPLETE_WORDS, .words = "table json" },
				   { 'q', "quiet", NULL, "The ids only, one a line.", OPT_BOOL, AT(quiet), 1 },
				   OPT_END };

enum { COLUMNS = 6, CELL_MIN = 12, CELL_PAD = 3 };

/* RFC 3339 with as many digits as it takes. */
static void stamp(uint64_t ns, char *out, size_t size)
{
	time_t s = (time_t)(ns / 1000000000);
	unsigned rest = (unsigned)(ns % 1000000000);
	char frac[16] = "";
	struct tm tm;
	size_t n;

	gmtime_r(&s, &tm);
	n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest) {
		snprintf(frac, sizeof(frac), ".%09u", rest);
		for (size_t k = strlen(frac); k && frac[k - 1] == '0'; k--)
			frac[k - 1] = '\0';
	}
	snprintf(out + n, size - n, "%sZ", frac);
}

static int add_row(struct strv *cells, const struct oci_state *s, struct err *e)
{
	char created[64];
	int r;

	stamp(s->created_ns, created, sizeof(created));
	r = strv_push(cells, s->id, e);
	if (r == 0)
		r = strv_pushf(cells, e, "%d", s->pid);
	if (r == 0)
		r = strv_push(cells, s->status, e);
	if (r == 0)
		r = strv_push(cells, s->bundle, e);
	if (r == 0)
		r = strv_push(cells, created, e);
	return r < 0 ? r : strv_push(cells, s->owner ?: "", e);
}

/* As Go's tabwriter aligns them; the last column is not. */
static void render(const struct strv *cells, struct buf *out)
{
	size_t width[COLUMNS] = { 0 };

	for (size_t i = 0; i < cells->n; i++) {
		size_t w = strlen(cells->v[i]) + CELL_PAD, *have = &width[i % COLUMNS];

		w = w < CELL_MIN ? CELL_MIN : w;
		*have = w > *have ? w : *have;
	}
	for (size_t i = 0; i < cells->n; i++)
		if (i % COLUMNS == COLUMNS - 1)
			buf_printf(out, "%s\n", cells->v[i]);
		else
			buf_printf(out, "%-*s", (int)width[i % COLUMNS], cells->v[i]);
}

struct output {
	struct strv cells;
	struct json json;
};

static int add(struct oci *rt, const char *name, struct output *o, struct err *e)
{
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	_cleanup_(oci_words_done) struct oci_words words = { 0 };
	struct oci_state s;
	int r = oci_container_open(rt, name, OCI_FREEZER, &ct, e);

	/* Removed while we looked, or being made. */
	if (r == -ENOENT)
		return err_clear(e), 0;
	if (r == 0)
		r = oci_describe(ct, &words, &s, e);
	if (r < 0)
		return r;
	oci_state_put(&o->json, &s);
	return add_row(&o->cells, &s, e);
}

static int list(struct cli *c, const struct args *a, struct buf *out, struct err *e)
{
	static const char *const heads[] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" };
	bool json = a->format && streq(a->format, "json");
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct output o = { 0 };
	int r = verb_runtime(c, &rt, e);

	if (r == 0)
		r = oci_list(rt, &names, e);
	if (r < 0)
		return r;
	if (a->quiet) {
		for (size_t i = 0; i < names.n; i++)
			buf_printf(out, "%s\n", names.v[i]);
		return 0;
	}
	if (a->format && !json && !streq(a->format, "table"))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid format option");
	for (size_t i = 0; i < ARRAY_SIZE(heads) && r == 0; i++)
		r = strv_push(&o.cells, heads[i], e);
	json_init(&o.json, &text, false);
	json_array(&o.json);
	for (size_t i = 0; i < names.n && r == 0; i++)
		r = add(rt, names.v[i], &o, e);
	json_end_array(&o.json);
	if (r == 0 && json)
		buf_printf(out, "%s\n", o.cells.n > COLUMNS ? buf_str(&text) : "null");
	else if (r == 0)
		render(&o.cells, out);
	strv_done(&o.cells);
	return r;
}

static int run(struct cli *c)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct args a = { 0 };
	struct err e = { 0 };
	int code;

	code = verb_parse(c, &a, 0, 0);
	if (code >= 0)
		return code;
	return list(c, &a, &out, &e) < 0 ? verb_fail(c, NULL, &e, 1) : verb_print(c, &out);
}

const struct command cmd_oci_list = {
	.name = "oci-list",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "[command options]",
	.summary = "lists containers started by creel-oci with the given root",
	.description = "Lists the containers of --root with their first process and what they do.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "Listed." }, { "1", "It failed." }, { NULL, NULL } },
	.see_also = "creel-oci(1), creel-oci-state(1), creel-ps(1)",
	.run = run,
};
