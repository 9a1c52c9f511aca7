/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>

#include "cli/docker/template-internal.h"

#define BAD(...) err_kind(e, ERR_INVALID, -EINVAL, "template: :1: " __VA_ARGS__)

struct var {
	const char *name;
	struct val v;
};

struct exec {
	unsigned flags;
	struct json_object *root;
	struct buf *out;
	struct var vars[VARS_MAX];
	unsigned n_vars, steps, depth;
	enum { GO_ON, GO_BREAK, GO_CONTINUE } jump;
};

bool val_true(const struct val *v)
{
	if (!v->o)
		return false;
	switch (json_object_get_type(v->o)) {
	case json_type_boolean:
		return json_object_get_boolean(v->o);
	case json_type_int:
		return json_object_get_int64(v->o) != 0;
	case json_type_double:
		return json_object_get_double(v->o) != 0;
	case json_type_string:
		return json_object_get_string_len(v->o) > 0;
	case json_type_array:
		return json_object_array_length(v->o) > 0;
	case json_type_object:
		return json_object_object_length(v->o) > 0;
	default:
		return false;
	}
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of an object, sorted as Go prints and ranges over a map. free() */
static const char **sorted_keys(struct json_object *o, size_t *ret_n)
{
	size_t n = (size_t)json_object_object_length(o), i = 0;
	const char **keys = calloc(n + 1, sizeof(*keys));

	*ret_n = 0;
	if (!keys)
		return NULL;
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		keys[i++] = key;
	}
	qsort(keys, n, sizeof(*keys), compare_keys);
	*ret_n = n;
	return keys;
}

static void print_double(double d, struct buf *out)
{
	char text[40], *exp;

	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	/* Go has an exponent from 10^21 on, C earlier. */
	exp = strchr(text, 'e');
	if (exp && d < 1e21 && d > -1e21 && (d >= 1e-4 || d <= -1e-4))
		snprintf(text, sizeof(text), "%.0f", d);
	buf_puts(out, text);
}

void template_print(struct json_object *o, struct buf *out)
{
	_cleanup_free_ const char **keys = NULL;
	size_t n;

	switch (o ? json_object_get_type(o) : json_type_null) {
	case json_type_null:
		buf_puts(out, "<nil>");
		break;
	case json_type_double:
		print_double(json_object_get_double(o), out);
		break;
	case json_type_array:
		buf_putc(out, '[');
		n = json_object_array_length(o);
		for (size_t i = 0; i < n; i++) {
			if (i)
				buf_putc(out, ' ');
			template_print(json_object_array_get_idx(o, i), out);
		}
		buf_putc(out, ']');
		break;
	case json_type_object:
		keys = sorted_keys(o, &n);
		buf_puts(out, "map[");
		for (size_t i = 0; i < n; i++) {
			buf_printf(out, "%s%s:", i ? " " : "", keys[i]);
			template_print(json_object_object_get(o, keys[i]), out);
		}
		buf_putc(out, ']');
		break;
	default:
		buf_puts(out, json_object_get_string(o));
		break;
	}
}

static int step(struct exec *x, struct err *e)
{
	return ++x->steps > STEPS_MAX ? err_kind(e, ERR_LIMIT, -ELOOP, "template: it takes too long") : 0;
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

/* Members that are maps of the API: what is not in one of them is no mistake. */
static bool is_map(const char *key)
{
	static const char *const maps[] = {
		"Labels",     "Networks", "Ports",	  "Options",	  "DriverOpts",
		"Sysctls",    "Tmpfs",	  "Volumes",	  "ExposedPorts", "Annotations",
		"StorageOpt", "Data",	  "PortBindings", "Containers",	  "EndpointsConfig"
	};

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		if (streq(maps[i], key))
			return true;
	return false;
}

/* Members that Go's structures call "ID", "APIVersion", "NanoCPUs" are "Id", "ApiVersion", "NanoCpus" in JSON. */
static bool by_gos_name(struct json_object *o, const char *name, struct json_object **ret)
{
	json_object_object_foreach(o, key, value)
	{
		if (strcasecmp(key, name) == 0) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* V.NAME into V; OF is the name that V was itself got by. */
static int field(struct exec *x, struct val *v, const char *name, const char *of, struct err *e)
{
	struct json_object *next = NULL;

	if (!v->o)
		return BAD("nil pointer evaluating interface {}.%s", name);
	if (!json_object_is_type(v->o, json_type_object))
		return BAD("can't evaluate field %s in type %s", name,
			   json_object_is_type(v->o, json_type_array) ? "[]interface {}" : "string");
	if (!json_object_object_get_ex(v->o, name, &next) && !(!(of && is_map(of)) && by_gos_name(v->o, name, &next))) {
		if (!(x->flags & (TEMPLATE_LENIENT | TEMPLATE_HEADER)) && !(of && is_map(of)))
			return BAD("executing \"\" at <.%s>: map has no entry for key \"%s\"", name, name);
		val_done(v);
		v->missing = true;
		return 0;
	}
	next = json_object_get(next);
	val_done(v);
	v->o = next;
	v->missing = false;
	return 0;
}

static int fields(struct exec *x, const struct strv *names, struct val *v, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		int r = field(x, v, names->v[i], i ? names->v[i - 1] : NULL, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int pipe_value(struct exec *x, const struct pipe *p, struct json_object *dot, struct val *ret, struct err *e);

/* The value of an operand alone. */
static int arg_value(struct exec *x, const struct arg *a, struct json_object *dot, struct val *ret, struct err *e)
{
	int r = 0;

	*ret = (struct val){ 0 };
	switch (a->kind) {
	case ARG_DOT:
	case ARG_FIELD:
		ret->o = json_object_get(dot);
		break;
	case ARG_VALUE:
		ret->o = json_object_get(a->value);
		break;
	case ARG_PIPE:
		r = pipe_value(x, a->pipe, dot, ret, e);
		break;
	case ARG_VAR:
		r = -ENOENT;
		if (streq(a->name, "$")) {
			ret->o = json_object_get(x->root);
			r = 0;
		}
		for (unsigned i = x->n_vars; i > 0 && r < 0; i--)
			if (streq(x->vars[i - 1].name, a->name)) {
				*ret = x->vars[i - 1].v;
				json_object_get(ret->o);
				r = 0;
			}
		if (r < 0)
			return BAD("undefined variable \"%s\"", a->name);
		break;
	case ARG_FUNC: {
		const struct func *f = func_find(a->name);

		if (!f || f->min > 0)
			return BAD("wrong number of args for %s: want at least %u got 0", a->name, f ? f->min : 0);
		r = f->call(NULL, 0, ret, e);
		break;
	}
	}
	if (r >= 0)
		r = fields(x, &a->fields, ret, e);
	if (r < 0)
		val_done(ret);
	return r;
}

/* and, or: they stop where the answer is known. */
static bool settles(const char *name, const struct val *v)
{
	return (streq(name, "and") && !val_true(v)) || (streq(name, "or") && val_true(v));
}

static int call(struct exec *x, const struct cmd *c, struct json_object *dot, const struct val *piped, struct val *ret,
		struct err *e)
{
	const struct func *f = func_find(c->args->name);
	struct val args[ARGS_MAX + 1] = { 0 };
	unsigned n = 0;
	int r = 0;

	for (const struct arg *a = c->args->next; a && r >= 0; a = a->next) {
		r = arg_value(x, a, dot, &args[n], e);
		if (r >= 0 && settles(f->name, &args[n++]))
			break;
	}
	if (r >= 0 && piped && n < ARRAY_SIZE(args) && !(n && settles(f->name, &args[n - 1]))) {
		args[n] = *piped;
		json_object_get(args[n++].o);
	}
	if (r >= 0 && (n < f->min || n > f->max))
		r = BAD("wrong number of args for %s: want %s%u got %u", f->name, f->max > f->min ? "at least " : "",
			f->min, n);
	if (r >= 0 && x->flags & TEMPLATE_HEADER && n > 0) {
		*ret = args[n - 1];
		json_object_get(ret->o);
	} else if (r >= 0) {
		r = f->call(args, n, ret, e);
	}
	for (unsigned i = 0; i < n; i++)
		val_done(&args[i]);
	return r < 0 ? err_wrap(e, r, "error calling %s", f->name) : 0;
}

/* .Label "x": the member "Label()" of the object, by key. */
static int method(struct exec *x, const struct cmd *c, struct json_object *dot, struct val *ret, struct err *e)
{
	const struct arg *a = c->args;
	struct json_object *map = NULL, *found = NULL;
	struct val key;
	char name[64];
	int r;

	if (a->kind != ARG_FIELD || a->fields.n != 1 || a->next->next || !dot)
		return BAD("can't give argument to non-function");
	r = arg_value(x, a->next, dot, &key, e);
	if (r < 0)
		return r;
	if (x->flags & TEMPLATE_HEADER) {
		*ret = key;
		return 0;
	}
	snprintf(name, sizeof(name), "%s()", a->fields.v[0]);
	if (!json_object_is_type(dot, json_type_object) || !json_object_object_get_ex(dot, name, &map)) {
		val_done(&key);
		return BAD("%s has arguments but cannot be invoked as function", a->fields.v[0]);
	}
	if (key.o)
		json_object_object_get_ex(map, json_object_get_string(key.o), &found);
	ret->o = found ? json_object_get(found) : json_object_new_string("");
	val_done(&key);
	return 0;
}

static int cmd_value(struct exec *x, const struct cmd *c, struct json_object *dot, const struct val *piped,
		     struct val *ret, struct err *e)
{
	int r = step(x, e);

	*ret = (struct val){ 0 };
	if (r < 0)
		return r;
	if (c->args->kind == ARG_FUNC)
		return call(x, c, dot, piped, ret, e);
	if (c->args->next)
		return method(x, c, dot, ret, e);
	if (piped)
		return BAD("can't give argument to non-function");
	return arg_value(x, c->args, dot, ret, e);
}

static int pipe_value(struct exec *x, const struct pipe *p, struct json_object *dot, struct val *ret, struct err *e)
{
	struct val v = { 0 };
	int r = 0;

	for (const struct cmd *c = p->cmds; c && r >= 0; c = c->next) {
		struct val next = { 0 };

		r = cmd_value(x, c, dot, c == p->cmds ? NULL : &v, &next, e);
		val_done(&v);
		v = next;
	}
	if (r < 0)
		val_done(&v);
	else
		*ret = v;
	return r;
}

/* --- variables ------------------------------------------------------------------------------------------------------------ */

static int declare(struct exec *x, const char *name, const struct val *v, struct err *e)
{
	if (x->n_vars >= VARS_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "template: more than %d variables", VARS_MAX);
	x->vars[x->n_vars].name = name;
	x->vars[x->n_vars].v = *v;
	json_object_get(v->o);
	x->n_vars++;
	return 0;
}

static void forget(struct exec *x, unsigned n)
{
	while (x->n_vars > n)
		val_done(&x->vars[--x->n_vars].v);
}

static int assign(struct exec *x, const char *name, const struct val *v, struct err *e)
{
	for (unsigned i = x->n_vars; i > 0; i--)
		if (streq(x->vars[i - 1].name, name)) {
			val_done(&x->vars[i - 1].v);
			x->vars[i - 1].v = *v;
			json_object_get(v->o);
			return 0;
		}
	return BAD("undefined variable \"%s\"", name);
}

static int bind(struct exec *x, const struct pipe *p, const struct val *v, struct err *e)
{
	if (p->n_vars == 0)
		return 0;
	return p->assigns ? assign(x, p->vars[0], v, e) : declare(x, p->vars[0], v, e);
}

/* --- nodes ----------------------------------------------------------------------------------------------------------------- */

static int list(struct exec *x, const struct node *n, struct json_object *dot, struct err *e);

/* One turn of a range. KEY is the index. */
static int turn(struct exec *x, const struct node *n, struct json_object *key, struct json_object *elem, struct err *e)
{
	struct val k = { .o = key }, v = { .o = elem };
	unsigned before = x->n_vars;
	int r = step(x, e);

	if (r >= 0 && n->pipe->n_vars == 1)
		r = bind(x, n->pipe, &v, e);
	if (r >= 0 && n->pipe->n_vars == 2) {
		r = n->pipe->assigns ? assign(x, n->pipe->vars[0], &k, e) : declare(x, n->pipe->vars[0], &k, e);
		if (r >= 0)
			r = n->pipe->assigns ? assign(x, n->pipe->vars[1], &v, e) : declare(x, n->pipe->vars[1], &v, e);
	}
	if (r >= 0)
		r = list(x, n->body, elem, e);
	forget(x, before);
	json_object_put(key);
	if (x->jump == GO_CONTINUE)
		x->jump = GO_ON;
	return r;
}

static int range_object(struct exec *x, const struct node *n, struct json_object *o, struct err *e)
{
	_cleanup_free_ const char **keys = NULL;
	size_t count;
	int r = 0;

	keys = sorted_keys(o, &count);
	for (size_t i = 0; i < count && r >= 0 && x->jump == GO_ON; i++)
		r = turn(x, n, json_object_new_string(keys[i]), json_object_object_get(o, keys[i]), e);
	return r;
}

static int range(struct exec *x, const struct node *n, struct json_object *dot, struct err *e)
{
	struct val v = { 0 };
	int r = pipe_value(x, n->pipe, dot, &v, e);

	if (r < 0)
		return r;
	if (!val_true(&v)) {
		val_done(&v);
		return list(x, n->otherwise, dot, e);
	}
	if (json_object_is_type(v.o, json_type_object)) {
		r = range_object(x, n, v.o, e);
	} else if (json_object_is_type(v.o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(v.o) && r >= 0 && x->jump == GO_ON; i++)
			r = turn(x, n, json_object_new_int64((int64_t)i), json_object_array_get_idx(v.o, i), e);
	} else if (json_object_is_type(v.o, json_type_int)) {
		for (int64_t i = 0; i < json_object_get_int64(v.o) && r >= 0 && x->jump == GO_ON; i++) {
			struct json_object *elem = json_object_new_int64(i);

			r = turn(x, n, json_object_new_int64(i), elem, e);
			json_object_put(elem);
		}
	} else {
		r = BAD("range can't iterate over %s", json_object_get_string(v.o));
	}
	if (x->jump == GO_BREAK)
		x->jump = GO_ON;
	val_done(&v);
	return r;
}

static int condition(struct exec *x, const struct node *n, struct json_object *dot, struct err *e)
{
	unsigned before = x->n_vars;
	struct val v = { 0 };
	bool holds;
	int r = pipe_value(x, n->pipe, dot, &v, e);

	if (r >= 0)
		r = bind(x, n->pipe, &v, e);
	holds = r >= 0 && val_true(&v);
	if (r >= 0)
		r = list(x, holds ? n->body : n->otherwise, holds && n->kind == NODE_WITH ? v.o : dot, e);
	val_done(&v);
	forget(x, before);
	return r;
}

static int print(struct exec *x, const struct node *n, struct json_object *dot, struct err *e)
{
	struct val v = { 0 };
	int r = pipe_value(x, n->pipe, dot, &v, e);

	if (r >= 0 && n->pipe->n_vars)
		r = bind(x, n->pipe, &v, e);
	else if (r >= 0 && v.missing)
		buf_puts(x->out, "<no value>");
	else if (r >= 0)
		template_print(v.o, x->out);
	val_done(&v);
	return r;
}

static int list(struct exec *x, const struct node *n, struct json_object *dot, struct err *e)
{
	int r = 0;

	for (; n && r >= 0 && x->jump == GO_ON; n = n->next)
		switch (n->kind) {
		case NODE_TEXT:
			buf_puts(x->out, n->text);
			break;
		case NODE_PRINT:
			r = print(x, n, dot, e);
			break;
		case NODE_IF:
		case NODE_WITH:
			r = condition(x, n, dot, e);
			break;
		case NODE_RANGE:
			r = range(x, n, dot, e);
			break;
		case NODE_BREAK:
			x->jump = GO_BREAK;
			break;
		case NODE_CONTINUE:
			x->jump = GO_CONTINUE;
			break;
		}
	return r;
}

int template_execute(const struct template *t, struct json_object *data, unsigned flags, struct buf *out, struct err *e)
{
	struct exec x = { .flags = flags, .root = data, .out = out };
	int r = list(&x, t->root, data, e);

	forget(&x, 0);
	return r < 0 ? r : buf_error(out, e);
}
