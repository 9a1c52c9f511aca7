/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/lxc/ls-nested.h"
#include "cli/lxc/lxc-cli.h"
#include "net/net.h"

struct args {
	bool line, fancy, active, running, frozen, stopped, defined;
	const char *columns, *filter, *groups;
	unsigned nesting; /* levels */
};

#define AT(member)     offsetof(struct args, member)
#define DEFAULT_LEVELS 5
#define COLUMN_WORDS   "NAME STATE PID RAM SWAP AUTOSTART GROUPS INTERFACE IPV4 IPV6 UNPRIVILEGED"

static int parse_nesting(void *args, const char *arg, struct err *e)
{
	uint32_t levels = DEFAULT_LEVELS;

	if (arg && (parse_u32(arg, &levels) < 0 || levels > 100))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid number of levels '%s'", arg);
	((struct args *)args)->nesting = levels;
	return 0;
}

static const struct opt opts[] = {
	{ '1', "line", NULL, "One name a line.", OPT_BOOL, AT(line), 1 },
	{ 'f', "fancy", NULL, "A table.", OPT_BOOL, AT(fancy), 1 },
	{ 'F', "fancy-format", "COLUMNS",
	  "Columns of the table, separated by commas: NAME, STATE, PID, RAM, SWAP, AUTOSTART, GROUPS, INTERFACE, IPV4, "
	  "IPV6, "
	  "UNPRIVILEGED.",
	  OPT_STR, AT(columns), .complete = COMPLETE_WORDS, .words = COLUMN_WORDS },
	{ 0, "active", NULL, "Only those that run or are frozen.", OPT_BOOL, AT(active), 1 },
	{ 0, "running", NULL, "Only those that run.", OPT_BOOL, AT(running), 1 },
	{ 0, "frozen", NULL, "Only those that are frozen.", OPT_BOOL, AT(frozen), 1 },
	{ 0, "stopped", NULL, "Only those that do not run.", OPT_BOOL, AT(stopped), 1 },
	{ 0, "defined", NULL, "Only those that have a configuration.", OPT_BOOL, AT(defined), 1 },
	{ 0, "nesting", "LEVELS",
	  "Those inside of running containers, too, as OUTER/INNER: what the lxc-ls in there says, if it "
	  "does within 5 s. 5 levels by default.",
	  OPT_CALL, .flags = OPT_OPTIONAL, .parse = parse_nesting },
	{ 0, "filter", "REGEX", "Only names that match; the first operand does the same.", OPT_STR, AT(filter) },
	{ 'g', "groups", "GROUPS", "Only those in all of these groups, separated by commas.", OPT_STR, AT(groups) },
	OPT_END
};

enum column {
	COL_NAME,
	COL_STATE,
	COL_PID,
	COL_RAM,
	COL_SWAP,
	COL_AUTOSTART,
	COL_GROUPS,
	COL_INTERFACE,
	COL_IPV4,
	COL_IPV6,
	COL_UNPRIVILEGED,
	COL_MAX
};
static const char *const column_names[] = { "NAME",   "STATE",	   "PID",  "RAM",  "SWAP",	  "AUTOSTART",
					    "GROUPS", "INTERFACE", "IPV4", "IPV6", "UNPRIVILEGED" };

struct row {
	char *name;
	enum run_state state;
	pid_t pid;
	bool autostart, unprivileged;
	uint64_t ram, swap;
	char *groups, *interfaces, *ipv4, *ipv6;
};

struct listing {
	struct row *rows;
	size_t n, size;
	enum column columns[32];
	unsigned n_columns;
};

static void listing_done(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->rows[i].name);
		free(l->rows[i].groups);
		free(l->rows[i].interfaces);
		free(l->rows[i].ipv4);
		free(l->rows[i].ipv6);
	}
	free(l->rows);
}

static int parse_columns(struct listing *l, const char *text, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r;

	r = strv_split(&words, text, ", ", e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++) {
		unsigned k = 0;

		while (k < COL_MAX && strcasecmp(words.v[i], column_names[k]) != 0)
			k++;
		if (k == COL_MAX || l->n_columns == ARRAY_SIZE(l->columns))
			return err_hint(e, err_kind(e, ERR_INVALID, -EINVAL, "Invalid key: %s", words.v[i]),
					"the columns are " COLUMN_WORDS);
		l->columns[l->n_columns++] = k;
	}
	if (l->n_columns == 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "no column to show");
	return 0;
}

static bool wants(const struct listing *l, enum column k)
{
	for (unsigned i = 0; i < l->n_columns; i++)
		if (l->columns[i] == k)
			return true;
	return false;
}

static bool has_groups(const struct strv *have, const struct strv *want)
{
	for (size_t i = 0; i < want->n; i++)
		if (!strv_has(have, want->v[i]))
			return false;
	return true;
}

/* Every filter takes something away: those that contradict each other leave nothing. */
static bool state_wanted(const struct args *a, enum run_state s)
{
	if (a->running && s != RUN_RUNNING)
		return false;
	if (a->frozen && s != RUN_FROZEN)
		return false;
	if (a->active && s == RUN_STOPPED)
		return false;
	return !a->stopped || s == RUN_STOPPED;
}

/* Names of the interfaces, sorted. The engine tells only of those that have an address. */
static int fill_interfaces(struct row *row, struct err *e)
{
	_cleanup_free_ struct net_if_info *infos = NULL;
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_close_ int fd = -EBADF;
	char path[64];
	size_t n = 0;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)row->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || net_list(fd, &infos, &n, NULL) < 0)
		return 0;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = strv_push(&names, infos[i].name, e);
	strv_sort(&names);
	if (r >= 0 && names.n)
		row->interfaces = lxc_join(&names, ", ");
	return r;
}

/* "eth0 4 10.0.3.5" lines into one cell of each kind. */
static int fill_addresses(struct row *row, struct container *ct, struct err *e)
{
	_cleanup_strv_ struct strv ips = STRV_INIT, v4 = STRV_INIT, v6 = STRV_INIT;

	if (container_ips(ct, &ips, NULL) < 0)
		return 0;
	if (lxc_addresses(&ips, '4', &v4, e) < 0 || lxc_addresses(&ips, '6', &v6, e) < 0)
		return -ENOMEM;
	row->ipv4 = lxc_join(&v4, ", ");
	row->ipv6 = lxc_join(&v6, ", ");
	return 0;
}

static int fill_row(const struct listing *l, const struct args *a, struct container *ct, struct row *row, struct err *e)
{
	struct cg_stats stats;

	row->ram = row->swap = UINT64_MAX;
	row->autostart = ct->spec.start_auto == TRI_YES;
	row->unprivileged = ct->spec.idmaps.n > 0;
	if (ct->spec.groups.n)
		row->groups = lxc_join(&ct->spec.groups, ", ");
	if (row->state == RUN_STOPPED)
		return 0;
	row->pid = ct->rec.pid;
	if ((a == NULL || wants(l, COL_RAM) || wants(l, COL_SWAP)) && container_stats(ct, &stats, NULL) >= 0) {
		row->ram = stats.memory;
		row->swap = stats.swap;
	}
	if ((a == NULL || wants(l, COL_INTERFACE)) && fill_interfaces(row, e) < 0)
		return -ENOMEM;
	if (a == NULL || wants(l, COL_IPV4) || wants(l, COL_IPV6))
		return fill_addresses(row, ct, e);
	return 0;
}

static void cell_of(const struct row *row, enum column k, char *buf, size_t size, const char **ret)
{
	const char *text = buf;

	buf[0] = '\0';
	switch (k) {
	case COL_NAME:
		text = row->name;
		break;
	case COL_STATE:
		text = run_state_names[row->state];
		break;
	case COL_PID:
		if (row->pid > 0)
			snprintf(buf, size, "%d", (int)row->pid);
		break;
	case COL_RAM:
	case COL_SWAP: {
		uint64_t v = k == COL_RAM ? row->ram : row->swap;

		if (v != UINT64_MAX)
			snprintf(buf, size, "%.2fMB", (double)v / 1048576);
		break;
	}
	case COL_AUTOSTART:
		text = row->autostart ? "1" : "0";
		break;
	case COL_GROUPS:
		text = row->groups;
		break;
	case COL_INTERFACE:
		text = row->interfaces;
		break;
	case COL_IPV4:
		text = row->ipv4;
		break;
	case COL_IPV6:
		text = row->ipv6;
		break;
	case COL_UNPRIVILEGED:
		text = row->unprivileged ? "true" : "false";
		break;
	case COL_MAX:
		break;
	}
	*ret = text;
}

static int print_fancy(struct cli *c, const struct listing *l)
{
	_cleanup_table_ struct table t = { .n_cols = l->n_columns };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	char buf[64];

	if (l->n == 0)
		return 0;
	for (unsigned k = 0; k < l->n_columns; k++)
		if (table_add(&t, column_names[l->columns[k]], &e) < 0)
			return cli_fail(c, &e);
	for (size_t i = 0; i < l->n; i++)
		for (unsigned k = 0; k < l->n_columns; k++) {
			const char *cell;

			cell_of(&l->rows[i], l->columns[k], buf, sizeof(buf), &cell);
			if (table_add(&t, cell, &e) < 0)
				return cli_fail(c, &e);
		}
	table_render(&t, &out);
	return cli_print(c, &out, 0);
}

static int print_names(struct cli *c, const struct listing *l, bool line)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t width = strlen("NAME"), per_line = 1;
	unsigned columns = cli_columns();

	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->rows[i].name) > width)
			width = strlen(l->rows[i].name);
	if (columns > width + 1)
		per_line = columns / (width + 1);
	for (size_t i = 0; i < l->n; i++) {
		bool last = (i + 1) % per_line == 0 || i + 1 == l->n;

		if (line)
			buf_printf(&out, "%s\n", l->rows[i].name);
		else
			buf_printf(&out, "%-*s%s", (int)width, l->rows[i].name, last ? "\n" : " ");
	}
	return cli_print(c, &out, 0);
}

/* A cell of several things, "a, b", as a list of them. */
static void json_list(struct json *j, const char *cell)
{
	_cleanup_strv_ struct strv words = STRV_INIT;

	json_array(j);
	if (cell && strv_split(&words, cell, ", ", NULL) == 0)
		for (size_t i = 0; i < words.n; i++)
			json_string(j, words.v[i]);
	json_end_array(j);
}

static void json_row(struct json *j, const struct row *row)
{
	char key[16], buf[64];

	json_object(j);
	for (unsigned k = 0; k < COL_MAX; k++) {
		const char *cell;
		size_t i = 0;

		for (; column_names[k][i]; i++)
			key[i] = tolower(column_names[k][i]);
		key[i] = '\0';
		cell_of(row, k, buf, sizeof(buf), &cell);
		json_key(j, key);
		if (k == COL_PID && row->pid > 0)
			json_i64(j, row->pid);
		else if (k == COL_RAM && row->ram != UINT64_MAX)
			json_u64(j, row->ram);
		else if (k == COL_SWAP && row->swap != UINT64_MAX)
			json_u64(j, row->swap);
		else if (k == COL_AUTOSTART || k == COL_UNPRIVILEGED)
			json_bool(j, k == COL_AUTOSTART ? row->autostart : row->unprivileged);
		else if (k >= COL_GROUPS && k <= COL_IPV6)
			json_list(j, cell);
		else
			json_string(j, isempty(cell) ? NULL : cell);
	}
	json_end_object(j);
}

static int print_json(struct cli *c, const struct listing *l)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json j;

	json_init(&j, &out, true);
	json_array(&j);
	for (size_t i = 0; i < l->n; i++)
		json_row(&j, &l->rows[i]);
	json_end_array(&j);
	buf_putc(&out, '\n');
	return cli_print(c, &out, 0);
}

static int more_room(struct listing *l, struct err *e)
{
	size_t size = l->size ? l->size * 2 : 64;
	struct row *more;

	if (l->n < l->size)
		return 0;
	more = realloc(l->rows, size * sizeof(*more));
	if (!more)
		return err_oom(e);
	l->rows = more;
	l->size = size;
	return 0;
}

static char *text_or_null(const char *cell)
{
	return *cell ? strdup(cell) : NULL;
}

static uint64_t megabytes(const char *cell)
{
	return *cell ? (uint64_t)(strtod(cell, NULL) * 1048576) : UINT64_MAX;
}

/* A row of what the lxc-ls inside of OUTER printed. */
static int take_nested(const struct args *a, const char *outer, char *const *cells, const struct strv *groups,
		       struct listing *l, struct err *e)
{
	_cleanup_strv_ struct strv in = STRV_INIT;
	struct row row = { .autostart = streq(cells[COL_AUTOSTART], "1"),
			   .unprivileged = streq(cells[COL_UNPRIVILEGED], "true") };

	if (run_state_parse(cells[COL_STATE], &row.state) < 0 || !state_wanted(a, row.state))
		return 0;
	if (strv_split(&in, cells[COL_GROUPS], ", ", e) < 0)
		return -ENOMEM;
	if (!has_groups(&in, groups))
		return 0;
	if (more_room(l, e) < 0)
		return -ENOMEM;
	if (asprintf(&row.name, "%s/%s", outer, cells[COL_NAME]) < 0)
		return err_oom(e);
	row.pid = (pid_t)strtol(cells[COL_PID], NULL, 10);
	row.ram = megabytes(cells[COL_RAM]);
	row.swap = megabytes(cells[COL_SWAP]);
	row.groups = text_or_null(cells[COL_GROUPS]);
	row.interfaces = text_or_null(cells[COL_INTERFACE]);
	row.ipv4 = text_or_null(cells[COL_IPV4]);
	row.ipv6 = text_or_null(cells[COL_IPV6]);
	l->rows[l->n++] = row;
	return 0;
}

static int add_nested(struct cli *c, const struct args *a, const struct container *ct, struct listing *l,
		      const struct strv *groups, struct err *e)
{
	_cleanup_strv_ struct strv cells = STRV_INIT;
	int r = ls_nested(ct->lxcpath, ct->name, a->nesting - 1, &cells, e);

	/* The others are shown all the same. */
	if (r == -ETIMEDOUT) {
		cli_fail(c, e);
		err_clear(e);
		return 0;
	}
	for (size_t i = 0; i + LS_N_COLUMNS <= cells.n && r == 0; i += LS_N_COLUMNS)
		r = take_nested(a, ct->name, cells.v + i, groups, l, e);
	return r;
}

/* One container into the listing, if it is wanted. A configuration that cannot be read is told on standard error and
 * left out, so that what a script reads is true. */
static int add_row(struct cli *c, const struct args *a, const struct strv *groups, const char *name, struct listing *l,
		   struct err *e)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	bool names_only = !a->fancy && !c->json && groups->n == 0;
	struct row row = { 0 };
	int r;

	r = container_open(c->engine, name, NULL, names_only ? OPEN_NO_CONFIG : 0, &ct, e);
	if (r < 0) {
		if (r == -ENOMEM)
			return r;
		cli_fail(c, e);
		err_clear(e);
		return 0;
	}
	row.state = container_state(ct);
	if ((a->active && a->defined && !ct->defined) || !state_wanted(a, row.state) ||
	    !has_groups(&ct->spec.groups, groups))
		return 0;
	r = more_room(l, e);
	if (r < 0)
		return r;
	row.name = strdup(name);
	if (!row.name)
		return err_oom(e);
	if (!names_only) {
		r = fill_row(l, c->json ? NULL : a, ct, &row, e);
		if (r < 0) {
			free(row.name);
			return r;
		}
	}
	l->rows[l->n++] = row;
	return a->nesting && row.state == RUN_RUNNING ? add_nested(c, a, ct, l, groups, e) : 0;
}

static int collect(struct cli *c, const struct args *a, const regex_t *re, struct listing *l, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT, groups = STRV_INIT;
	unsigned which = LIST_DEFINED | LIST_ACTIVE;
	int r;

	if (a->groups) {
		r = strv_split(&groups, a->groups, ", ", e);
		if (r < 0)
			return r;
	}
	if (a->active)
		which = LIST_ACTIVE;
	else if (a->defined)
		which = LIST_DEFINED;
	r = cli_open_engine(c, e);
	if (r >= 0)
		r = engine_list(c->engine, which, &names, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n && r >= 0; i++)
		if (!re || regexec(re, names.v[i], 0, NULL, 0) == 0)
			r = add_row(c, a, &groups, names.v[i], l, e);
	return r;
}

static int list(struct cli *c, struct args *a)
{
	struct listing l = { 0 };
	struct err e = { 0 };
	regex_t re;
	int code, r;

	r = parse_columns(&l, a->columns ?: "NAME,STATE,AUTOSTART,GROUPS,IPV4,IPV6,UNPRIVILEGED", &e);
	if (r < 0)
		return cli_fail(c, &e);
	if (!a->filter && c->operands.n)
		a->filter = c->operands.v[0];
	if (a->filter && regcomp(&re, a->filter, REG_EXTENDED | REG_NOSUB) != 0)
		return cli_error(c, NULL, "invalid regular expression '%s'", a->filter);
	r = collect(c, a, a->filter ? &re : NULL, &l, &e);
	if (a->filter)
		regfree(&re);
	if (r < 0)
		code = cli_fail(c, &e);
	else if (c->json)
		code = print_json(c, &l);
	else
		code = a->fancy ? print_fancy(c, &l) : print_names(c, &l, a->line);
	listing_done(&l);
	return code;
}

static int run(struct cli *c)
{
	struct args a = { 0 };
	int code;

	code = cli_parse(c, &a);
	return code < 0 ? list(c, &a) : code;
}

const struct command cmd_ls = {
	.name = "lxc-ls",
	.flags = CMD_LXC | CMD_JSON,
	.synopsis = "[OPTION...] [REGEX]",
	.summary = "list containers",
	.description =
		"Lists the containers that are defined or run, as names or, with -f, as a table. Nothing is cut off.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-ls -f", "A table of all." },
						{ "lxc-ls --active -1", "The names of those that run." },
						{ "lxc-ls -f -F NAME,STATE,RAM '^web'", "Three columns of some." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Listed." },
					     { "1", "A wrong option, or no access." },
					     { NULL, NULL } },
	.see_also = "lxc-info(1), creel-ps(1)",
	.run = run,
};
