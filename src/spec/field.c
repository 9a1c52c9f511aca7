/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one row means for one member. The table's walks (init, clear, copy, compare) live here too, so that a new
 * field_type is a matter of this file alone.
 */
#include "spec/field.h"

#include <errno.h>

#include "base/names.h"
#include "base/parse.h"
#include "spec/ops.h"

static void *at(const struct field *f, const void *obj)
{
	return (char *)(uintptr_t)obj + f->offset;
}

static int expected(struct err *e, const char *what, const char *value)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "expected %s, not '%.200s'", what, value);
}

static int expected_one_of(const struct field *f, const char *value, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *near;
	size_t n;
	int r;

	for (n = 0; f->names[n]; n++)
		buf_printf(&b, "%s%s", n ? ", " : "", f->names[n]);
	near = nearest(value, f->names, n);
	r = err_kind(e, ERR_INVALID, -EINVAL, "expected one of %s, not '%.200s'", buf_str(&b), value);
	return near ? err_hint(e, r, "did you mean '%s'?", near) : r;
}

static int expected_number(const struct field *f, const char *value, struct err *e)
{
	if (f->max)
		return err_kind(e, ERR_INVALID, -EINVAL, "expected a number from %llu to %llu, not '%.200s'",
				(unsigned long long)f->min, (unsigned long long)f->max, value);
	return expected(e, f->type == FT_I32 ? "a whole number" : "a number", value);
}

static bool in_names(const char *const *names, const char *value)
{
	for (; *names; names++)
		if (streq(*names, value))
			return true;
	return false;
}

/* --- set ---------------------------------------------------------------------------------------------------------- */

static int check_value(const struct field *f, const char *value, struct err *e)
{
	if (f->type == FT_ENUM && !in_names(f->names, value))
		return expected_one_of(f, value, e);
	if ((f->flags & F_ABS) && *value != '/')
		return expected(e, "an absolute path", value);
	return f->check ? f->check(value, e) : 0;
}

static int set_string(const struct field *f, void *obj, const char *value, struct err *e)
{
	char *copy, **p = at(f, obj);
	int r;

	r = check_value(f, value, e);
	if (r < 0)
		return r;
	copy = strdup(value);
	if (!copy)
		return err_oom(e);
	free(*p);
	*p = copy;
	return 0;
}

static int set_number(const struct field *f, void *obj, const char *value, struct err *e)
{
	uint64_t v;
	int r;

	r = f->flags & F_UNIT ? parse_size(value, &v) : parse_u64(value, &v);
	if (r < 0 && f->flags & F_UNIT)
		return expected(e, "a size like 500000 or 1M", value);
	if (r < 0 || (f->type == FT_U32 && v >= UNSET32 + (uint64_t) !!(f->flags & F_ZERO_UNSET)) || v == UNSET64)
		return expected_number(f, value, e);
	if (v < f->min || (f->max && v > f->max))
		return expected_number(f, value, e);
	if (f->type == FT_U32)
		*(uint32_t *)at(f, obj) = (uint32_t)v;
	else
		*(uint64_t *)at(f, obj) = v;
	return 0;
}

static int set_i32(const struct field *f, void *obj, const char *value, struct err *e)
{
	int32_t v;

	if (parse_i32(value, &v) < 0)
		return expected_number(f, value, e);
	*(int32_t *)at(f, obj) = v;
	return 0;
}

static int set_tri(const struct field *f, void *obj, const char *value, struct err *e)
{
	if (!streq(value, "0") && !streq(value, "1"))
		return expected(e, "0 or 1", value);
	*(enum tri *)at(f, obj) = *value == '1' ? TRI_YES : TRI_NO;
	return 0;
}

static int set_signal(const struct field *f, void *obj, const char *value, struct err *e)
{
	int sig;

	if (signal_parse(value, &sig) < 0)
		return expected(e, "a signal: SIGNAME, SIGRTMIN+N, SIGRTMAX-N or a number", value);
	*(int32_t *)at(f, obj) = sig;
	return 0;
}

static int set_char(const struct field *f, void *obj, const char *value, struct err *e)
{
	if (!in_names(f->names, value))
		return expected_one_of(f, value, e);
	*(char *)at(f, obj) = *value;
	return 0;
}

static int set_ns_mask(const struct field *f, void *obj, const char *value, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	uint32_t mask = 0;
	int r;

	r = strv_split(&words, value, " \t", e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++) {
		unsigned ns = 0;

		while (ns < NS_MAX && !streq(spec_ns_names[ns], words.v[i]))
			ns++;
		if (ns == NS_MAX)
			return expected(e, "name spaces out of user mnt pid uts ipc net cgroup time", words.v[i]);
		mask |= 1u << ns;
	}
	*(uint32_t *)at(f, obj) = mask;
	return 0;
}

static int set_strv(const struct field *f, void *obj, const char *value, struct err *e)
{
	int r = check_value(f, value, e);

	return r < 0 ? r : strv_push(at(f, obj), value, e);
}

/* "member=value member=value", quoted as a command line is. */
static int set_list(const struct field *f, void *obj, const char *value, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	struct list *l = at(f, obj);
	void *element;
	int r;

	r = strv_split_command(&words, value, e);
	if (r < 0)
		return r;
	element = field_list_add(f, obj, e);
	if (!element)
		return -ENOMEM;
	for (size_t i = 0; i < words.n; i++) {
		const char *eq = strchr(words.v[i], '=');
		const struct field *m = eq ? field_row(f->sub, words.v[i], (size_t)(eq - words.v[i])) : NULL;

		r = m ? field_set_raw(m, element, eq + 1, e) : expected(e, "member=value words", words.v[i]);
		if (r < 0) {
			field_list_remove(f, obj, l->n - 1);
			return r;
		}
	}
	return 0;
}

/* By enum field_type. Like field_set(), but an empty value is a value. */
static int (*const setters[])(const struct field *, void *, const char *, struct err *) = {
	[FT_STRING] = set_string,   [FT_PATH] = set_string,   [FT_TRI] = set_tri,   [FT_U32] = set_number,
	[FT_I32] = set_i32,	    [FT_U64] = set_number,    [FT_STRV] = set_strv, [FT_ENUM] = set_string,
	[FT_NS_MASK] = set_ns_mask, [FT_SIGNAL] = set_signal, [FT_CHAR] = set_char, [FT_LIST] = set_list,
};

int field_set_raw(const struct field *f, void *obj, const char *value, struct err *e)
{
	return setters[f->type](f, obj, value, e);
}

int field_set(const struct field *f, void *obj, const char *value, struct err *e)
{
	if (!*value) {
		field_clear(f, obj);
		return 0;
	}
	return field_set_raw(f, obj, value, e);
}

/* --- get ---------------------------------------------------------------------------------------------------------- */

static void get_ns_mask(uint32_t mask, struct buf *out)
{
	const char *sep = "";

	for (unsigned i = 0; i < NS_MAX; i++)
		if (mask & 1u << i) {
			buf_printf(out, "%s%s", sep, spec_ns_names[i]);
			sep = " ";
		}
}

static void put_quoted(struct buf *out, const char *s)
{
	buf_putc(out, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
	buf_putc(out, '"');
}

static int get_list(const struct field *f, const struct list *l, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		const void *element = (const char *)l->v + i * l->size;
		const char *sep = "";

		for (const struct field *m = f->sub; m->name; m++) {
			_cleanup_buf_ struct buf one = BUF_INIT;
			_cleanup_strv_ struct strv lines = STRV_INIT;
			int r;

			if (!field_is_set(m, element))
				continue;
			r = field_get(m, element, &one, e);
			r = r < 0 ? r : strv_split(&lines, buf_str(&one), "\n", e);
			if (r < 0)
				return r;
			for (size_t k = 0; k < lines.n; k++) {
				buf_printf(out, "%s%s=", sep, m->name);
				if (strpbrk(lines.v[k], " \t\"'\\"))
					put_quoted(out, lines.v[k]);
				else
					buf_puts(out, lines.v[k]);
				sep = " ";
			}
		}
		buf_putc(out, '\n');
	}
	return 0;
}

int field_get(const struct field *f, const void *obj, struct buf *out, struct err *e)
{
	const void *p = at(f, obj);
	char name[16];

	if (!field_is_set(f, obj))
		return 0;
	switch (f->type) {
	case FT_STRING:
	case FT_PATH:
	case FT_ENUM:
		buf_puts(out, *(char *const *)p);
		break;
	case FT_TRI:
		buf_putc(out, *(const enum tri *)p == TRI_YES ? '1' : '0');
		break;
	case FT_U32:
		buf_printf(out, "%u", *(const uint32_t *)p);
		break;
	case FT_I32:
		buf_printf(out, "%d", *(const int32_t *)p);
		break;
	case FT_U64:
		buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)p);
		break;
	case FT_STRV:
		for (size_t i = 0; i < ((const struct strv *)p)->n; i++)
			buf_printf(out, "%s\n", ((const struct strv *)p)->v[i]);
		break;
	case FT_NS_MASK:
		get_ns_mask(*(const uint32_t *)p, out);
		break;
	case FT_SIGNAL:
		buf_puts(out, signal_name(*(const int32_t *)p, name));
		break;
	case FT_CHAR:
		buf_putc(out, *(const char *)p);
		break;
	case FT_LIST:
		return get_list(f, p, out, e);
	}
	return buf_error(out, e);
}

/* --- clear, test, list -------------------------------------------------------------------------------------------- */

static void set_unset(const struct field *f, void *obj)
{
	void *p = at(f, obj);

	switch (f->type) {
	case FT_STRING:
	case FT_PATH:
	case FT_ENUM:
		*(char **)p = NULL;
		break;
	case FT_TRI:
		*(enum tri *)p = TRI_UNSET;
		break;
	case FT_U32:
		*(uint32_t *)p = f->flags & F_ZERO_UNSET ? 0 : UNSET32;
		break;
	case FT_I32:
	case FT_SIGNAL:
		*(int32_t *)p = 0;
		break;
	case FT_NS_MASK:
		*(uint32_t *)p = 0;
		break;
	case FT_U64:
		*(uint64_t *)p = UNSET64;
		break;
	case FT_STRV:
		*(struct strv *)p = STRV_INIT;
		break;
	case FT_CHAR:
		*(char *)p = '\0';
		break;
	case FT_LIST:
		*(struct list *)p = (struct list){ .size = f->sub_size };
		break;
	}
}

void field_clear(const struct field *f, void *obj)
{
	void *p = at(f, obj);

	if (f->type == FT_STRING || f->type == FT_PATH || f->type == FT_ENUM)
		free(*(char **)p);
	else if (f->type == FT_STRV)
		strv_done(p);
	else if (f->type == FT_LIST) {
		struct list *l = p;

		for (size_t i = 0; i < l->n; i++)
			fields_clear(f->sub, (char *)l->v + i * l->size);
		free(l->v);
	}
	set_unset(f, obj);
}

bool field_is_set(const struct field *f, const void *obj)
{
	const void *p = at(f, obj);

	switch (f->type) {
	case FT_STRING:
	case FT_PATH:
	case FT_ENUM:
		return *(char *const *)p != NULL;
	case FT_TRI:
		return *(const enum tri *)p != TRI_UNSET;
	case FT_U32:
		return *(const uint32_t *)p != (f->flags & F_ZERO_UNSET ? 0 : UNSET32);
	case FT_I32:
	case FT_SIGNAL:
		return *(const int32_t *)p != 0;
	case FT_NS_MASK:
		return *(const uint32_t *)p != 0;
	case FT_U64:
		return *(const uint64_t *)p != UNSET64;
	case FT_STRV:
		return ((const struct strv *)p)->n != 0;
	case FT_CHAR:
		return *(const char *)p != '\0';
	case FT_LIST:
		return ((const struct list *)p)->n != 0;
	}
	return false;
}

void *list_add(struct list *l, struct err *e)
{
	void *element;

	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		void *v = reallocarray(l->v, cap, l->size);

		if (!v) {
			err_oom(e);
			return NULL;
		}
		l->v = v;
		l->cap = cap;
	}
	element = (char *)l->v + l->n++ * l->size;
	memset(element, 0, l->size);
	return element;
}

void *field_list_add(const struct field *f, void *obj, struct err *e)
{
	void *element = list_add(at(f, obj), e);

	if (element)
		fields_init(f->sub, element);
	return element;
}

void field_list_remove(const struct field *f, void *obj, size_t i)
{
	struct list *l = at(f, obj);
	char *element = (char *)l->v + i * l->size;

	if (i >= l->n)
		return;
	fields_clear(f->sub, element);
	memmove(element, element + l->size, (l->n - i - 1) * l->size);
	l->n--;
}

/* --- walks -------------------------------------------------------------------------------------------------------- */

void fields_init(const struct field *table, void *obj)
{
	for (const struct field *f = table; f->name; f++)
		set_unset(f, obj);
}

void fields_clear(const struct field *table, void *obj)
{
	for (const struct field *f = table; f->name; f++)
		field_clear(f, obj);
}

static size_t value_size(const struct field *f)
{
	switch (f->type) {
	case FT_TRI:
		return sizeof(enum tri);
	case FT_U64:
		return sizeof(uint64_t);
	case FT_CHAR:
		return sizeof(char);
	default:
		return sizeof(uint32_t);
	}
}

int field_copy(const struct field *f, void *to, const void *from, struct err *e)
{
	const struct list *l;
	int r;

	switch (f->type) {
	case FT_STRING:
	case FT_PATH:
	case FT_ENUM:
		if (!*(char **)at(f, from))
			return 0;
		*(char **)at(f, to) = strdup(*(char **)at(f, from));
		return *(char **)at(f, to) ? 0 : err_oom(e);
	case FT_STRV:
		return strv_copy(at(f, to), at(f, from), e);
	case FT_LIST:
		l = at(f, from);
		for (size_t i = 0; i < l->n; i++) {
			void *element = field_list_add(f, to, e);

			if (!element)
				return -ENOMEM;
			r = fields_copy(f->sub, element, (const char *)l->v + i * l->size, e);
			if (r < 0)
				return r;
		}
		return 0;
	default:
		memcpy(at(f, to), at(f, from), value_size(f));
		return 0;
	}
}

int fields_copy(const struct field *table, void *to, const void *from, struct err *e)
{
	int r;

	for (const struct field *f = table; f->name; f++) {
		r = field_copy(f, to, from, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool equal_one(const struct field *f, const void *a, const void *b)
{
	const struct strv *sa = at(f, a), *sb = at(f, b);
	const struct list *la = at(f, a), *lb = at(f, b);

	switch (f->type) {
	case FT_STRING:
	case FT_PATH:
	case FT_ENUM:
		return streq_ptr(*(char **)at(f, a), *(char **)at(f, b));
	case FT_STRV:
		if (sa->n != sb->n)
			return false;
		for (size_t i = 0; i < sa->n; i++)
			if (!streq(sa->v[i], sb->v[i]))
				return false;
		return true;
	case FT_LIST:
		if (la->n != lb->n)
			return false;
		for (size_t i = 0; i < la->n; i++)
			if (!fields_equal(f->sub, (const char *)la->v + i * la->size,
					  (const char *)lb->v + i * lb->size))
				return false;
		return true;
	default:
		return memcmp(at(f, a), at(f, b), value_size(f)) == 0;
	}
}

bool fields_equal(const struct field *table, const void *a, const void *b)
{
	for (const struct field *f = table; f->name; f++)
		if (!equal_one(f, a, b))
			return false;
	return true;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

const struct field *field_row(const struct field *table, const char *name, size_t len)
{
	for (const struct field *f = table; f->name; f++)
		if (f->len == len && memcmp(f->name, name, len) == 0)
			return f;
	return NULL;
}

static int unknown(const char *name, struct err *e)
{
	const char *names[128], *near;
	size_t n = 0;
	int r;

	for (const struct field *f = spec_fields; f->name && n < ARRAY_SIZE(names); f++)
		names[n++] = f->name;
	near = nearest(name, names, n);
	r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no field '%.200s'", name);
	return near ? err_hint(e, r, "did you mean '%s'?", near) : r;
}

/* NAME is "LIST.N.MEMBER" for row F: the element (made when CREATE allows it) and the member's row. */
static int find_member(const struct field *f, void *obj, const char *rest, bool create, const struct field **ret,
		       void **ret_obj, struct err *e)
{
	struct list *l = at(f, obj);
	const char *dot = strchr(rest, '.');
	const struct field *m;
	char digits[12];
	uint32_t i;

	if (!dot || (size_t)(dot - rest) >= sizeof(digits))
		return -ENOENT;
	memcpy(digits, rest, (size_t)(dot - rest));
	digits[dot - rest] = '\0';
	m = field_row(f->sub, dot + 1, strlen(dot + 1));
	if (!m || parse_u32(digits, &i) < 0 || i > l->n || (i == l->n && !create))
		return -ENOENT;
	if (i == l->n && !field_list_add(f, obj, e))
		return -ENOMEM;
	*ret = m;
	*ret_obj = (char *)l->v + i * l->size;
	return 0;
}

int field_find(struct spec *s, const char *name, bool create, const struct field **ret, void **ret_obj, struct err *e)
{
	size_t len = strlen(name);
	int r = -ENOENT;

	/* One pass: each line of a running container's spec comes through here. */
	for (const struct field *f = spec_fields; f->name && r == -ENOENT; f++) {
		if (f->len == len && memcmp(f->name, name, len) == 0) {
			*ret = f;
			*ret_obj = s;
			return 0;
		}
		if (f->type == FT_LIST && len > f->len && name[f->len] == '.' && memcmp(f->name, name, f->len) == 0)
			r = find_member(f, s, name + f->len + 1, create, ret, ret_obj, e);
	}
	return r == -ENOENT ? unknown(name, e) : r;
}
