/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options as Docker's client parses them. Its messages are what scripts and people know, so they are the same here. */

#include <errno.h>
#include <stdio.h>

#include "base/parse.h"
#include "cli/opt.h"

static const struct opt *find_long(const struct opt_parser *p, const char *name, size_t len, void **ret_base)
{
	for (const struct opt_set *s = p->sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++)
			if (strncmp(o->name, name, len) == 0 && o->name[len] == '\0') {
				*ret_base = s->base;
				return o;
			}
	return NULL;
}

static const struct opt *find_short(const struct opt_parser *p, char letter, void **ret_base)
{
	for (const struct opt_set *s = p->sets; s->rows; s++)
		for (const struct opt *o = s->rows; o->name; o++)
			if (o->letter == letter) {
				*ret_base = s->base;
				return o;
			}
	return NULL;
}

/* Why a number is none, in the words of Go's strconv; "" for what is no number's fault. */
static const char *number_fault(const struct opt *o, const char *arg)
{
	int64_t i;

	if (o->kind != OPT_INT && o->kind != OPT_I64)
		return "";
	return parse_i64(arg, &i) == -ERANGE || (o->kind == OPT_INT && parse_i64(arg, &i) == 0) ? "value out of range"
												: "invalid syntax";
}

static int set(const struct opt *o, void *base, const char *arg, struct err *e)
{
	char shown[80], why[ERR_MSG_MAX];
	struct err inner = { 0 };
	bool on = true;
	int r;

	if (o->kind == OPT_BOOL) {
		r = arg ? opt_go_bool(arg, &on) : 0;
		snprintf(why, sizeof(why), "strconv.ParseBool: parsing \"%s\": invalid syntax", arg ?: "");
		if (r == 0)
			*(bool *)((char *)base + o->offset) = on ? o->value != 0 : o->value == 0;
	} else {
		r = opt_store(o, base, arg, &inner);
		snprintf(why, sizeof(why), "%s", inner.msg);
		if (r < 0 && *number_fault(o, arg ?: ""))
			snprintf(why, sizeof(why), "strconv.ParseInt: parsing \"%s\": %s", arg ?: "",
				 number_fault(o, arg ?: ""));
	}
	if (r >= 0)
		return 0;
	if (o->letter)
		snprintf(shown, sizeof(shown), "-%c, --%s", o->letter, o->name);
	else
		snprintf(shown, sizeof(shown), "--%s", o->name);
	return err_kind(e, ERR_INVALID, r, "invalid argument \"%s\" for \"%s\" flag: %s", arg ?: "", shown, why);
}

static int parse_long(struct opt_parser *p, int argc, char *const *argv, int *i, struct err *e)
{
	const char *word = argv[*i] + 2, *eq = strchr(word, '='), *arg = eq ? eq + 1 : NULL;
	size_t len = eq ? (size_t)(eq - word) : strlen(word);
	const struct opt *o;
	void *base;

	if (len == 0 || *word == '-')
		return err_kind(e, ERR_INVALID, -EINVAL, "bad flag syntax: %s", argv[*i]);
	o = find_long(p, word, len, &base);
	if (!o)
		return err_kind(e, ERR_INVALID, -EINVAL, "unknown flag: --%.*s", (int)len, word);
	if (!arg && o->arg && !(o->flags & OPT_OPTIONAL)) {
		if (*i + 1 >= argc)
			return err_kind(e, ERR_INVALID, -EINVAL, "flag needs an argument: --%s", o->name);
		arg = argv[++*i];
	}
	return set(o, base, arg, e);
}

static int parse_short(struct opt_parser *p, int argc, char *const *argv, int *i, struct err *e)
{
	const char *word = argv[*i] + 1;

	for (const char *c = word; *c; c++) {
		const char *arg = NULL;
		const struct opt *o;
		void *base;
		int r;

		o = find_short(p, *c, &base);
		if (!o)
			return err_kind(e, ERR_INVALID, -EINVAL, "unknown shorthand flag: '%c' in -%s", *c, c);
		if (c[1] == '=' && c[2])
			arg = c + 2;
		else if (o->arg && !(o->flags & OPT_OPTIONAL) && c[1])
			arg = c + 1;
		else if (o->arg && !(o->flags & OPT_OPTIONAL)) {
			if (*i + 1 >= argc)
				return err_kind(e, ERR_INVALID, -EINVAL, "flag needs an argument: '%c' in -%s", *c, c);
			arg = argv[++*i];
		}
		r = set(o, base, arg, e);
		if (r < 0 || arg)
			return r;
	}
	return 0;
}

int opt_parse_pflag(struct opt_parser *p, int argc, char *const *argv, struct err *e)
{
	bool only_operands = false;
	int r = 0;

	for (int i = 1; i < argc && r >= 0; i++) {
		if (!only_operands && streq(argv[i], "--")) {
			only_operands = true;
			continue;
		}
		if (only_operands || argv[i][0] != '-' || !argv[i][1]) {
			r = strv_push(&p->operands, argv[i], e);
			only_operands = only_operands || (p->stop_after && p->operands.n >= p->stop_after);
		} else if (argv[i][1] == '-') {
			r = parse_long(p, argc, argv, &i, e);
		} else {
			r = parse_short(p, argc, argv, &i, e);
		}
	}
	return r < 0 ? r : 0;
}
