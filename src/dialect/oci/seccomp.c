/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object `linux.seccomp`. */
#include <errno.h>
#include <stdio.h>

#include "base/parse.h"
#include "dialect/oci/rows.h"

/* --- comparisons of arguments: "INDEX OP VALUE [VALUE2]" in the model ------------------------------------------------ */

struct comparison {
	uint64_t index, value, value_two;
	bool has_two;
	const char *op;
};

static int index_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return oci_u64(v, 5, &((struct comparison *)o->p)->index, e);
}

static int value_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return oci_u64(v, UINT64_MAX, &((struct comparison *)o->p)->value, e);
}

static int value_two_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			  const struct oci_obj *o, struct err *e)
{
	struct comparison *c = o->p;

	c->has_two = true;
	return oci_u64(v, UINT64_MAX, &c->value_two, e);
}

static int op_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		   struct err *e)
{
	struct comparison *c = o->p;

	return oci_read_word(oci_seccomp_operators, v, &c->op, e);
}

static int part_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return 0; /* args_save writes all four */
}

static const struct oci_kind kind_index = { index_load, part_save };
static const struct oci_kind kind_value = { value_load, part_save };
static const struct oci_kind kind_value_two = { value_two_load, part_save };
static const struct oci_kind kind_op = { op_load, part_save };

static const struct oci_row rows_arg[] = {
	{ "index", &kind_index, .required = true },
	{ "value", &kind_value, .required = true },
	{ "valueTwo", &kind_value_two },
	{ "op", &kind_op, .required = true },
	{ NULL },
};

static int load_arg(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		    const struct oci_obj *o, struct err *e)
{
	struct comparison c = { 0 };
	struct spec_syscall *rule = o->p;
	struct oci_obj target = { NULL, &c };
	int r;

	r = oci_load_object(rd, rows_arg, v, &target, e);
	if (r < 0)
		return r;
	/* A zero says nothing where there is no second value: Go leaves neither out. */
	if (c.value_two || streq(c.op, "masked_eq"))
		return strv_pushf(&rule->args, e, "%llu %s %llu %llu", (unsigned long long)c.index, c.op,
				  (unsigned long long)c.value, (unsigned long long)c.value_two);
	return strv_pushf(&rule->args, e, "%llu %s %llu", (unsigned long long)c.index, c.op,
			  (unsigned long long)c.value);
}

static int args_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_arg, e);
}

static int save_arg(struct oci_writer *w, const char *text, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	const char *op = NULL;
	uint64_t n[3] = { 0 };
	int r;

	r = strv_split(&words, text, " ", e);
	if (r < 0)
		return r;
	if (words.n >= 3 && words.n <= 4)
		op = oci_word_name(oci_seccomp_operators, words.v[1]);
	if (!op || parse_u64(words.v[0], &n[0]) < 0 || parse_u64(words.v[2], &n[1]) < 0 ||
	    (words.n == 4 && parse_u64(words.v[3], &n[2]) < 0))
		return oci_unsaid(w, e, "security.seccomp.rules.args=%s", text);
	json_object(&w->j);
	json_kv_u64(&w->j, "index", n[0]);
	json_kv_u64(&w->j, "value", n[1]);
	if (words.n == 4)
		json_kv_u64(&w->j, "valueTwo", n[2]);
	json_kv_string(&w->j, "op", op);
	json_end_object(&w->j);
	return 0;
}

static int args_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec_syscall *rule = o->p;
	int r = 0;

	if (!rule->args.n)
		return 0;
	json_key(&w->j, row->name);
	json_array(&w->j);
	for (size_t i = 0; i < rule->args.n && r >= 0; i++)
		r = save_arg(w, rule->args.v[i], e);
	json_end_array(&w->j);
	return r;
}

static const struct oci_kind kind_args = { args_load, args_save };

/* --- rules ------------------------------------------------------------------------------------------------------------- */

static const struct oci_row rows_syscall[] = {
	{ "names", &oci_kind_plain, .field = "names", .required = true },
	{ "action", &oci_kind_words, .field = "action", .words = oci_seccomp_actions, .required = true },
	{ "errnoRet", &oci_kind_plain, .field = "errno_ret" },
	{ "args", &kind_args, .field = "args" },
	{ NULL },
};

static int check_errno(struct oci_reader *rd, const char *member, const char *action, uint32_t errno_ret, struct err *e)
{
	struct oci_frame f = { .up = rd->at, .name = member };
	int r;

	if (errno_ret == UNSET32 || (action && (streq(action, "errno") || streq(action, "trace"))))
		return 0;
	rd->at = &f;
	r = oci_place(rd,
		      err_kind(e, ERR_INVALID, -EINVAL,
			       "is for the actions SCMP_ACT_ERRNO and SCMP_ACT_TRACE, and this one is %s",
			       action ? oci_word_name(oci_seccomp_actions, action) : "not said"),
		      e);
	rd->at = f.up;
	return r;
}

static int load_rule(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		     const struct oci_obj *o, struct err *e)
{
	struct oci_obj element;
	struct spec_syscall *rule;
	int r;

	r = oci_load_element(rd, oci_row_field(row, o), row->sub, v, o, &element, e);
	if (r < 0)
		return r;
	rule = element.p;
	return check_errno(rd, "errnoRet", rule->action, rule->errno_ret, e);
}

static int rules_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_rule, e);
}

static const struct oci_kind kind_rules = { rules_load, oci_list_save };

static const struct oci_row rows_seccomp[] = {
	{ "defaultAction", &oci_kind_words, .field = "security.seccomp.action", .words = oci_seccomp_actions },
	{ "defaultErrnoRet", &oci_kind_plain, .field = "security.seccomp.errno_ret" },
	{ "architectures", &oci_kind_words, .field = "security.seccomp.archs", .words = oci_seccomp_archs },
	{ "flags", &oci_kind_words, .field = "security.seccomp.flags", .words = oci_seccomp_flags },
	{ "listenerPath", &oci_kind_plain, .field = "security.seccomp.listener" },
	{ "listenerMetadata", &oci_kind_plain, .field = "security.seccomp.listener_metadata" },
	{ "syscalls", &kind_rules, .field = "security.seccomp.rules", .sub = rows_syscall },
	{ NULL },
};

static int seccomp_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	struct spec_seccomp *s = &rd->spec->security.seccomp;
	int r;

	r = oci_load_object(rd, rows_seccomp, v, o, e);
	if (r < 0)
		return r;
	/* An object without either is no policy, for every runtime. */
	if (!s->action && (s->rules.n || s->listener))
		return oci_missing(rd, "defaultAction", e);
	if (s->listener_metadata && !s->listener)
		return oci_missing(rd, "listenerPath", e);
	return check_errno(rd, "defaultErrnoRet", s->action, s->errno_ret, e);
}

static int seccomp_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return oci_save_member(w, row->name, rows_seccomp, o, e);
}

const struct oci_kind oci_kind_seccomp = { seccomp_load, seccomp_save };
