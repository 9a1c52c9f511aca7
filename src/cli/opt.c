/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/buf.h"
#include "base/names.h"
#include "base/parse.h"
#include "cli/opt.h"

#define MAX_ROWS 160

void opt_parser_done(struct opt_parser *p)
{
	strv_done(&p->operands);
}

int opt_store(const struct opt *o, void *base, const char *arg, struct err *e)
{
	void *at = (char *)base + o->offset;
	int32_t i32;
	int64_t i64;

	switch (o->kind) {
	case OPT_BOOL:
		*(bool *)at = o->value != 0;
		return 0;
	case OPT_STR:
		*(const char **)at = arg ?: "";
		return 0;
	case OPT_LIST:
		return strv_push(at, arg ?: "", e);
	case OPT_INT:
		if (parse_i32(arg ?: "", &i32) < 0)
			break;
		*(int *)at = i32;
		return 0;
	case OPT_I64:
		if (parse_i64(arg ?: "", &i64) < 0)
			break;
		*(int64_t *)at = i64;
		return 0;
	case OPT_CALL:
		return o->parse(base, arg, e);
	}
	return err_kind(e, ERR_INVALID, -EINVAL, "option '--%s': '%s' is not a number", o->name, arg ?: "");
}

static const struct opt *opt_by_letter(const struct opt_parser *p, char c, void **ret_base)
{
	for (const struct opt_set *s = p->sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++)
			if (o->letter == c) {
				*ret_base = s->base;
				return o;
			}
	return NULL;
}

static void opt_unknown(const struct opt_parser *p, const char *name, size_t len, struct err *e)
{
	const char *names[MAX_ROWS], *near;
	char word[64];
	size_t n = 0;

	for (const struct opt_set *s = p->sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++)
			if (!(o->flags & OPT_HIDDEN) && n < MAX_ROWS)
				names[n++] = o->name;
	if (len >= sizeof(word))
		len = sizeof(word) - 1;
	memcpy(word, name, len);
	word[len] = '\0';
	err_kind(e, ERR_INVALID, -EINVAL, p->go ? "flag provided but not defined: -%s" : "unrecognized option '--%s'",
		 word);
	near = nearest(word, names, n);
	if (near)
		err_hint(e, -EINVAL, "did you mean '--%s'?", near);
}

/* Exact, or the one row that NAME abbreviates. NULL: *E is set. */
static const struct opt *opt_by_name(const struct opt_parser *p, const char *name, size_t len, void **ret_base,
				     struct err *e)
{
	const struct opt *found = NULL;
	_cleanup_buf_ struct buf all = BUF_INIT;
	unsigned n = 0;

	for (const struct opt_set *s = p->sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++) {
			if (strncmp(o->name, name, len) != 0)
				continue;
			if (o->name[len] == '\0') {
				*ret_base = s->base;
				return o;
			}
			if (found && streq(found->name, o->name))
				continue;
			if (!found) {
				found = o;
				*ret_base = s->base;
			}
			buf_printf(&all, " '--%s'", o->name);
			n++;
		}
	if (n == 1)
		return found;
	if (n > 1)
		err_kind(e, ERR_INVALID, -EINVAL, "option '--%.*s' is ambiguous; possibilities:%s", (int)len, name,
			 buf_str(&all));
	else
		opt_unknown(p, name, len, e);
	return NULL;
}

/* The words that Go's strconv.ParseBool() knows. */
int opt_go_bool(const char *s, bool *ret)
{
	static const char *const words[][2] = { { "0", "1" },	     { "f", "t" },	  { "F", "T" },
						{ "false", "true" }, { "False", "True" }, { "FALSE", "TRUE" } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (int v = 0; v < 2; v++)
			if (streq(s, words[i][v])) {
				*ret = v;
				return 0;
			}
	return -EINVAL;
}

static int store_switch(const struct opt *o, void *base, const char *arg, struct err *e)
{
	bool on;

	if (opt_go_bool(arg, &on) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid boolean value \"%s\" for -%s", arg, o->name);
	*(bool *)((char *)base + o->offset) = on ? o->value != 0 : o->value == 0;
	return 0;
}

static int opt_long(struct opt_parser *p, int argc, char *const *argv, int *i, struct err *e)
{
	const char *word = argv[*i] + (argv[*i][1] == '-' ? 2 : 1), *eq = strchr(word, '='), *arg = eq ? eq + 1 : NULL;
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const struct opt *o;
	void *base;

	o = opt_by_name(p, word, len, &base, e);
	if (!o)
		return -EINVAL;
	if (p->go && o->kind == OPT_BOOL && arg)
		return store_switch(o, base, arg, e);
	if (!o->arg && arg)
		return err_kind(e, ERR_INVALID, -EINVAL, "option '--%s' doesn't allow an argument", o->name);
	if (o->arg && !arg && !(o->flags & OPT_OPTIONAL)) {
		if (*i + 1 >= argc)
			return err_kind(e, ERR_INVALID, -EINVAL, "option '--%s' requires an argument", o->name);
		arg = argv[++*i];
	}
	return opt_store(o, base, arg, e);
}

static int opt_short(struct opt_parser *p, int argc, char *const *argv, int *i, struct err *e)
{
	int r;

	for (const char *c = argv[*i] + 1; *c; c++) {
		const char *arg = NULL;
		const struct opt *o;
		void *base;

		o = opt_by_letter(p, *c, &base);
		if (!o)
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid option -- '%c'", *c);
		if (o->arg && c[1])
			arg = c + 1;
		else if (o->arg && !(o->flags & OPT_OPTIONAL)) {
			if (*i + 1 >= argc)
				return err_kind(e, ERR_INVALID, -EINVAL, "option requires an argument -- '%c'", *c);
			arg = argv[++*i];
		}
		r = opt_store(o, base, arg, e);
		if (r < 0 || arg)
			return r;
	}
	return 0;
}

/* "-X", "-X=ARG", "-X ARG", and never more letters behind one dash: "-detach" is a long option. */
static int opt_go(struct opt_parser *p, int argc, char *const *argv, int *i, struct err *e)
{
	const char *word = argv[*i] + 1, *arg = NULL;
	size_t len = strcspn(word, "=");
	const struct opt *o;
	void *base;

	if (len != 1)
		return opt_long(p, argc, argv, i, e);
	o = opt_by_letter(p, *word, &base);
	if (!o)
		return err_kind(e, ERR_INVALID, -EINVAL, "flag provided but not defined: -%c", *word);
	if (word[1])
		arg = word + 2;
	if (o->kind == OPT_BOOL && arg)
		return store_switch(o, base, arg, e);
	if (o->arg && !arg) {
		if (*i + 1 >= argc)
			return err_kind(e, ERR_INVALID, -EINVAL, "flag needs an argument: -%c", *word);
		arg = argv[++*i];
	}
	return opt_store(o, base, arg, e);
}

int opt_parse(struct opt_parser *p, int argc, char *const *argv, struct err *e)
{
	bool only_operands = false;
	int r = 0;

	for (int i = 1; i < argc; i++) {
		if (p->stop_after && p->operands.n >= p->stop_after)
			only_operands = true;
		if (!only_operands && streq(argv[i], "--")) {
			only_operands = true;
			continue;
		}
		if (only_operands || argv[i][0] != '-' || !argv[i][1])
			r = strv_push(&p->operands, argv[i], e);
		else if (argv[i][1] == '-')
			r = opt_long(p, argc, argv, &i, e);
		else if (p->go)
			r = opt_go(p, argc, argv, &i, e);
		else
			r = opt_short(p, argc, argv, &i, e);
		if (r < 0)
			return r;
	}
	return 0;
}
