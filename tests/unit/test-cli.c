/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "cli/cli.h"
#include "unit/test.h"

struct args {
	bool flag, other;
	const char *text, *maybe;
	struct strv list;
	int number;
	unsigned calls;
};

static int count(void *args, const char *arg, struct err *e)
{
	struct args *a = args;

	a->calls++;
	a->maybe = arg;
	return arg && streq(arg, "bad") ? err_kind(e, ERR_INVALID, -EINVAL, "bad") : 0;
}

#define AT(m) offsetof(struct args, m)
static const struct opt rows[] = { { 'f', "flag", NULL, "A.", OPT_BOOL, AT(flag), 1 },
				   { 'o', "other", NULL, "B.", OPT_BOOL, AT(other), 1 },
				   { 't', "text", "TEXT", "C.", OPT_STR, AT(text) },
				   { 'm', "maybe", "TEXT", "D.", OPT_CALL, .flags = OPT_OPTIONAL, .parse = count },
				   { 'l', "list", "TEXT", "E.", OPT_LIST, AT(list) },
				   { 0, "number", "N", "F.", OPT_INT, AT(number) },
				   { 0, "numeral", "N", "G.", OPT_INT, AT(number) },
				   OPT_END };

/* Parses LINE, split at blanks. What ARGS points to lives until the next call. */
static int parse(struct args *a, struct opt_parser *p, struct err *e, const char *line)
{
	static struct strv words;

	strv_done(&words);
	CHECK(strv_push(&words, "prog", NULL) == 0 && strv_split(&words, line, " ", NULL) == 0);
	p->sets[0] = (struct opt_set){ rows, a };
	return opt_parse(p, (int)words.n, words.v, e);
}

TEST(opt_mixed_with_operands)
{
	struct opt_parser p = { .stop_after = 0 };
	struct args a = { 0 };
	struct err e = { 0 };

	CHECK(parse(&a, &p, &e, "one -fo -tx two --list=a -l b -- -f") == 0);
	CHECK(a.flag && a.other);
	CHECK_STR(a.text, "x");
	CHECK(a.list.n == 2 && streq(a.list.v[1], "b"));
	CHECK(p.operands.n == 3);
	CHECK_STR(p.operands.v[2], "-f");
	opt_parser_done(&p);
	strv_done(&a.list);
}

/* runc's callers write "-no-subreaper", and nobody "-ab" for "-a -b". */
TEST(opt_as_go_has_them)
{
	struct opt_parser p = { .go = true };
	struct args a = { 0 };
	struct err e = { 0 };

	CHECK(parse(&a, &p, &e, "one -flag -text=x --list a -l=b -o --flag=false -t y") == 0);
	CHECK(!a.flag && a.other);
	CHECK_STR(a.text, "y");
	CHECK(a.list.n == 2 && streq(a.list.v[1], "b"));
	CHECK(p.operands.n == 1);
	opt_parser_done(&p);
	strv_done(&a.list);
	CHECK(parse(&a, &p, &e, "-fo") == -EINVAL);
	CHECK_STR(e.msg, "flag provided but not defined: -fo");
	CHECK(parse(&a, &p, &e, "--flag=maybe") == -EINVAL && strstr(e.msg, "boolean"));
	CHECK(parse(&a, &p, &e, "-t") == -EINVAL);
	opt_parser_done(&p);
}

TEST(opt_stop_after)
{
	struct opt_parser p = { .stop_after = 1 };
	struct args a = { 0 };
	struct err e = { 0 };

	CHECK(parse(&a, &p, &e, "-f name -o -- x") == 0);
	CHECK(a.flag && !a.other);
	CHECK(p.operands.n == 4);
	CHECK_STR(p.operands.v[2], "--");
	opt_parser_done(&p);
}

TEST(opt_optional_argument)
{
	struct opt_parser p = { .stop_after = 0 };
	struct args a = { 0 };
	struct err e = { 0 };

	CHECK(parse(&a, &p, &e, "-m x") == 0);
	CHECK(a.calls == 1 && !a.maybe && p.operands.n == 1);
	opt_parser_done(&p);
	p = (struct opt_parser){ .stop_after = 0 };
	CHECK(parse(&a, &p, &e, "-mx --maybe=y") == 0);
	CHECK(a.calls == 3);
	CHECK_STR(a.maybe, "y");
	CHECK(parse(&a, &p, &e, "-mbad") == -EINVAL);
	opt_parser_done(&p);
}

static const char *fails_with(const char *line)
{
	static struct err e;
	struct opt_parser p = { .stop_after = 0 };
	struct args a = { 0 };
	int r;

	e = (struct err){ 0 };
	r = parse(&a, &p, &e, line);
	opt_parser_done(&p);
	strv_done(&a.list);
	CHECK(r == -EINVAL);
	return e.msg;
}

TEST(opt_errors)
{
	CHECK_STR(fails_with("-x"), "invalid option -- 'x'");
	CHECK_STR(fails_with("--texd=1"), "unrecognized option '--texd'");
	CHECK_STR(fails_with("-t"), "option requires an argument -- 't'");
	CHECK_STR(fails_with("--text"), "option '--text' requires an argument");
	CHECK_STR(fails_with("--flag=1"), "option '--flag' doesn't allow an argument");
	CHECK_STR(fails_with("--num=1"), "option '--num' is ambiguous; possibilities: '--number' '--numeral'");
	CHECK_STR(fails_with("--number=1x"), "option '--number': '1x' is not a number");
	CHECK_STR(fails_with("--number=99999999999"), "option '--number': '99999999999' is not a number");
}

TEST(opt_abbreviation_and_hint)
{
	struct opt_parser p = { .stop_after = 0 };
	struct args a = { 0 };
	struct err e = { 0 };

	CHECK(parse(&a, &p, &e, "--te y") == 0);
	CHECK_STR(a.text, "y");
	CHECK(parse(&a, &p, &e, "--flog") == -EINVAL);
	CHECK_STR(e.hint, "did you mean '--flag'?");
	opt_parser_done(&p);
}

/* Every command's tables, which nothing else checks as a whole. */
static void check_command(const struct command *cmd)
{
	struct opt_set sets[OPT_SETS_MAX];
	bool letters[256] = { false };
	_cleanup_strv_ struct strv names = STRV_INIT;

	CHECK(cmd->run || cmd == &cmd_creel);
	CHECK(cmd->summary && cmd->description && cmd->synopsis);
	CHECK(cmd->summary[strlen(cmd->summary) - 1] != '.');
	CHECK(command_find(cmd->name) == cmd || cmd == &cmd_creel);
	cli_sets(cmd, NULL, NULL, sets);
	for (const struct opt_set *s = sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++) {
			unsigned char c = o->letter;

			CHECK(!c || !letters[c]);
			letters[c] = c != 0;
			CHECK(o->flags & OPT_HIDDEN || !strv_has(&names, o->name));
			CHECK(strv_push(&names, o->name, NULL) == 0);
			CHECK(o->doc && o->doc[strlen(o->doc) - 1] == '.');
			CHECK(o->complete != COMPLETE_WORDS || o->words);
			CHECK(o->kind != OPT_CALL || o->parse);
			CHECK((o->kind == OPT_BOOL) == !o->arg || o->kind == OPT_CALL);
		}
}

TEST(command_tables)
{
	check_command(&cmd_creel);
	for (const struct command *const *p = commands; *p; p++)
		check_command(*p);
}

TEST(every_shape_of_help)
{
	struct err e = { 0 };

	for (const struct command *const *p = commands; *p; p++) {
		_cleanup_buf_ struct buf text = BUF_INIT, man = BUF_INIT, fish = BUF_INIT;

		help_text(*p, &text);
		help_man(*p, &man);
		CHECK(buf_error(&text, &e) == 0 && buf_error(&man, &e) == 0);
		CHECK(strstr(buf_str(&text), "--help"));
		CHECK(strstr(buf_str(&man), ".SH OPTIONS"));
		CHECK(help_completion("fish", *p, &fish, &e) == 0 && fish.len > 0);
		for (const char *line = buf_str(&text); *line; line += strcspn(line, "\n"), line += *line == '\n')
			CHECK(strcspn(line, "\n") <= 120);
	}
	CHECK(help_completion("tcsh", &cmd_creel, &(struct buf){ 0 }, &e) == -EINVAL);
}

TEST(tables_align)
{
	_cleanup_table_ struct table t = { .n_cols = 2 };
	_cleanup_buf_ struct buf out = BUF_INIT;

	CHECK(table_add(&t, "NAME", NULL) == 0 && table_add(&t, "X", NULL) == 0);
	CHECK(table_add(&t, "\xc3\xa9t\xc3\xa9-long", NULL) == 0 && table_add(&t, NULL, NULL) == 0);
	table_render(&t, &out);
	CHECK_STR(buf_str(&out), "NAME     X \n\xc3\xa9t\xc3\xa9-long - \n");
}
