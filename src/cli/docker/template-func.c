/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The functions of templates. Text is bytes where Go has runes, except where something is counted or changed. */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "cli/docker/template-internal.h"

#define BAD(...) err_kind(e, ERR_INVALID, -EINVAL, __VA_ARGS__)

static int give(struct json_object *o, struct val *ret, struct err *e)
{
	ret->o = o;
	return o ? 0 : err_oom(e);
}

static int give_text(struct buf *b, struct val *ret, struct err *e)
{
	int r = buf_error(b, e);

	return r < 0 ? r : give(json_object_new_string_len(buf_str(b), (int)b->len), ret, e);
}

static int give_val(const struct val *v, struct val *ret)
{
	*ret = *v;
	json_object_get(ret->o);
	return 0;
}

static const char *text_of(const struct val *v)
{
	return v->o ? json_object_get_string(v->o) : "";
}

static int want_text(const struct val *v, struct err *e)
{
	return v->o && json_object_is_type(v->o, json_type_string) ? 0 : BAD("wrong type for value; expected string");
}

static bool is_number(const struct val *v)
{
	return json_object_is_type(v->o, json_type_int) || json_object_is_type(v->o, json_type_double);
}

/* --- truth and comparison ------------------------------------------------------------------------------------------------- */

static int f_last(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	return give_val(&args[n - 1], ret);
}

static int f_not(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	return give(json_object_new_boolean(!val_true(args)), ret, e);
}

/* -1, 0, 1; an error where the two are of different kinds. */
static int compare(const struct val *a, const struct val *b, int *ret, struct err *e)
{
	if (is_number(a) && is_number(b)) {
		double x = json_object_get_double(a->o), y = json_object_get_double(b->o);

		*ret = x < y ? -1 : x > y;
		return 0;
	}
	if (json_object_get_type(a->o) != json_object_get_type(b->o))
		return BAD("incompatible types for comparison");
	if (json_object_is_type(a->o, json_type_string))
		*ret = strcmp(text_of(a), text_of(b));
	else if (json_object_is_type(a->o, json_type_boolean))
		*ret = json_object_get_boolean(a->o) - json_object_get_boolean(b->o);
	else if (!a->o)
		*ret = 0;
	else
		return BAD("invalid type for comparison");
	return 0;
}

static int f_eq(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	int c = 1, r = 0;

	for (unsigned i = 1; i < n && c != 0; i++) {
		/* nil equals nothing but nil, without being a mistake. */
		if (!args[0].o != !args[i].o)
			continue;
		r = compare(&args[0], &args[i], &c, e);
		if (r < 0)
			return r;
	}
	return give(json_object_new_boolean(c == 0), ret, e);
}

static int f_ne(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	int r = f_eq(args, n, ret, e);

	if (r >= 0)
		json_object_set_boolean(ret->o, !json_object_get_boolean(ret->o));
	return r;
}

#define ORDER(name, holds)                                                                      \
	static int f_##name(const struct val *args, unsigned n, struct val *ret, struct err *e) \
	{                                                                                       \
		int c, r = compare(&args[0], &args[1], &c, e);                                  \
                                                                                                \
		return r < 0 ? r : give(json_object_new_boolean(holds), ret, e);                \
	}
ORDER(lt, c < 0)
ORDER(le, c <= 0)
ORDER(gt, c > 0)
ORDER(ge, c >= 0)

/* --- parts ------------------------------------------------------------------------------------------------------------------ */

static int f_len(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	struct json_object *o = args->o;
	int64_t len;

	if (json_object_is_type(o, json_type_string) && o)
		len = json_object_get_string_len(o);
	else if (json_object_is_type(o, json_type_array) && o)
		len = (int64_t)json_object_array_length(o);
	else if (json_object_is_type(o, json_type_object) && o)
		len = json_object_object_length(o);
	else
		return BAD(!o ? "len of nil pointer" : "len of type that has none");
	return give(json_object_new_int64(len), ret, e);
}

static int index_one(struct val *v, const struct val *by, struct err *e)
{
	struct json_object *next = NULL;

	if (!v->o)
		return BAD("index of untyped nil");
	if (json_object_is_type(v->o, json_type_array)) {
		int64_t i = json_object_get_int64(by->o);

		if (!json_object_is_type(by->o, json_type_int))
			return BAD("cannot index slice/array with type string");
		if (i < 0 || i >= (int64_t)json_object_array_length(v->o))
			return BAD("index out of range: %lld", (long long)i);
		next = json_object_array_get_idx(v->o, (size_t)i);
	} else if (json_object_is_type(v->o, json_type_object)) {
		bool texts = true;

		json_object_object_get_ex(v->o, text_of(by), &next);
		/* A map of strings has "" for what it has not, other maps nothing. */
		json_object_object_foreach(v->o, key, value)
		{
			(void)key;
			texts = texts && json_object_is_type(value, json_type_string);
		}
		if (!next && texts && json_object_object_length(v->o) > 0) {
			val_done(v);
			return give(json_object_new_string(""), v, e);
		}
	} else if (json_object_is_type(v->o, json_type_string)) {
		int64_t i = json_object_get_int64(by->o);

		if (i < 0 || i >= json_object_get_string_len(v->o))
			return BAD("index out of range: %lld", (long long)i);
		next = json_object_new_int64((unsigned char)text_of(v)[i]);
		val_done(v);
		v->o = next;
		return 0;
	} else {
		return BAD("can't index item of type that has no parts");
	}
	next = json_object_get(next);
	val_done(v);
	v->o = next;
	return 0;
}

static int f_index(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	int r = 0;

	give_val(&args[0], ret);
	for (unsigned i = 1; i < n && r >= 0; i++)
		r = index_one(ret, &args[i], e);
	if (r < 0)
		val_done(ret);
	return r;
}

static int f_slice(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	struct json_object *o = args[0].o, *part;
	bool text = json_object_is_type(o, json_type_string) && o;
	int64_t len, from, to;

	if (!text && (!o || !json_object_is_type(o, json_type_array)))
		return BAD("can't slice item of type that has no parts");
	len = text ? json_object_get_string_len(o) : (int64_t)json_object_array_length(o);
	from = n > 1 ? json_object_get_int64(args[1].o) : 0;
	to = n > 2 ? json_object_get_int64(args[2].o) : len;
	if (from < 0 || from > len || to < 0 || to > len)
		return BAD("index out of range: %lld", (long long)(from < 0 || from > len ? from : to));
	if (from > to)
		return BAD("invalid slice index: %lld > %lld", (long long)from, (long long)to);
	if (text)
		return give(json_object_new_string_len(text_of(args) + from, (int)(to - from)), ret, e);
	part = json_object_new_array();
	for (int64_t i = from; part && i < to; i++)
		json_object_array_add(part, json_object_get(json_object_array_get_idx(o, (size_t)i)));
	return give(part, ret, e);
}

/* --- text --------------------------------------------------------------------------------------------------------------------- */

static void print_any(const struct val *v, struct buf *b)
{
	if (v->missing)
		buf_puts(b, "<no value>");
	else
		template_print(v->o, b);
}

/* Blanks stand between two that are both no strings, as fmt.Sprint() has it. */
static int f_print(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (unsigned i = 0; i < n; i++) {
		if (i && !(args[i].o && json_object_is_type(args[i].o, json_type_string)) &&
		    !(args[i - 1].o && json_object_is_type(args[i - 1].o, json_type_string)))
			buf_putc(&b, ' ');
		print_any(&args[i], &b);
	}
	return give_text(&b, ret, e);
}

static int f_println(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_putc(&b, ' ');
		print_any(&args[i], &b);
	}
	buf_putc(&b, '\n');
	return give_text(&b, ret, e);
}

static void quote(const char *s, struct buf *b)
{
	buf_putc(b, '"');
	for (; *s; s++)
		if (*s == '"' || *s == '\\')
			buf_printf(b, "\\%c", *s);
		else if (*s == '\n')
			buf_puts(b, "\\n");
		else if (*s == '\t')
			buf_puts(b, "\\t");
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			buf_printf(b, "\\x%02x", (unsigned char)*s);
		else
			buf_putc(b, *s);
	buf_putc(b, '"');
}

struct verb {
	char flags[8], verb;
	int width, precision;
};

#define WIDTH_MAX 1000

/* S stands behind the percent sign. Returns what follows the verb. */
static const char *verb_parse(const char *s, struct verb *v)
{
	size_t n = strspn(s, "-+# 0");

	*v = (struct verb){ .precision = -1 };
	if (n < sizeof(v->flags))
		memcpy(v->flags, s, n);
	for (s += n; isdigit((unsigned char)*s); s++)
		v->width = v->width < WIDTH_MAX ? v->width * 10 + (*s - '0') : WIDTH_MAX;
	if (*s == '.')
		for (s++, v->precision = 0; isdigit((unsigned char)*s); s++)
			v->precision = v->precision < WIDTH_MAX ? v->precision * 10 + (*s - '0') : WIDTH_MAX;
	v->verb = *s;
	return *s ? s + 1 : s;
}

static size_t runes(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void verb_pad(const struct verb *v, const char *text, struct buf *b)
{
	size_t n = runes(text), width = (size_t)(v->width < WIDTH_MAX ? v->width : WIDTH_MAX);
	bool left = strchr(v->flags, '-'), zero = !left && strchr(v->flags, '0') && strchr("dxX", v->verb);

	if (left)
		buf_puts(b, text);
	if (zero && *text == '-' && width > n)
		buf_putc(b, *text++);
	for (size_t i = n; i < width; i++)
		buf_putc(b, zero ? '0' : ' ');
	if (!left)
		buf_puts(b, text);
}

static void verb_wrong(const struct verb *v, const struct val *arg, struct buf *b)
{
	buf_printf(b, "%%!%c(", v->verb);
	if (is_number(arg))
		buf_puts(b, json_object_is_type(arg->o, json_type_int) ? "int=" : "float64=");
	else
		buf_puts(b, json_object_is_type(arg->o, json_type_boolean) ? "bool=" : "string=");
	print_any(arg, b);
	buf_putc(b, ')');
}

static void verb_one(const struct verb *v, const struct val *arg, struct buf *b)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *cut = NULL;
	char hex[8];

	if (v->verb == 'd' && !json_object_is_type(arg->o, json_type_int)) {
		verb_wrong(v, arg, b);
		return;
	}
	if (v->verb == 'q') {
		quote(text_of(arg), &text);
	} else if (v->verb == 'f' && is_number(arg)) {
		buf_printf(&text, "%.*f", v->precision >= 0 ? v->precision : 6, json_object_get_double(arg->o));
	} else if (v->verb == 'x' && json_object_is_type(arg->o, json_type_int)) {
		buf_printf(&text, "%llx", (unsigned long long)json_object_get_int64(arg->o));
	} else if (v->verb == 'x') {
		for (const char *s = text_of(arg); *s; s++) {
			snprintf(hex, sizeof(hex), "%02x", (unsigned char)*s);
			buf_puts(&text, hex);
		}
	} else if (strchr("svdt", v->verb)) {
		print_any(arg, &text);
		if (v->precision >= 0 && v->verb == 's' && (size_t)v->precision < text.len)
			cut = strndup(buf_str(&text), (size_t)v->precision);
	} else {
		verb_wrong(v, arg, b);
		return;
	}
	verb_pad(v, cut ?: buf_str(&text), b);
}

static int f_printf(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	unsigned next = 1;

	if (want_text(&args[0], e) < 0)
		return -EINVAL;
	for (const char *s = text_of(&args[0]); *s;) {
		struct verb v;

		if (*s != '%') {
			buf_putc(&b, *s++);
			continue;
		}
		s = verb_parse(s + 1, &v);
		if (v.verb == '%')
			buf_putc(&b, '%');
		else if (!v.verb)
			buf_puts(&b, "%!(NOVERB)");
		else if (next >= n)
			buf_printf(&b, "%%!%c(MISSING)", v.verb);
		else
			verb_one(&v, &args[next++], &b);
	}
	if (next < n)
		buf_puts(&b, "%!(EXTRA ");
	for (unsigned i = next; i < n; i++) {
		struct verb v = { .verb = '(' };
		_cleanup_buf_ struct buf one = BUF_INIT;

		verb_wrong(&v, &args[i], &one);
		buf_printf(&b, "%s%.*s", i > next ? ", " : "", (int)one.len - 5, buf_str(&one) + 4);
	}
	if (next < n)
		buf_putc(&b, ')');
	return give_text(&b, ret, e);
}

static int f_json(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	const char *s =
		json_object_to_json_string_ext(args->o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	return give(json_object_new_string(s ?: "null"), ret, e);
}

static int f_join(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json_object *o = args[0].o;

	if (o && !json_object_is_type(o, json_type_array))
		return BAD("wrong type for value; expected []string");
	if (want_text(&args[1], e) < 0)
		return -EINVAL;
	for (size_t i = 0; o && i < json_object_array_length(o); i++) {
		if (i)
			buf_puts(&b, text_of(&args[1]));
		template_print(json_object_array_get_idx(o, i), &b);
	}
	return give_text(&b, ret, e);
}

static int f_split(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	const char *s = text_of(&args[0]), *sep = text_of(&args[1]), *at;
	struct json_object *o;

	if (want_text(&args[0], e) < 0 || want_text(&args[1], e) < 0)
		return -EINVAL;
	o = json_object_new_array();
	if (!o)
		return err_oom(e);
	for (; *sep && (at = strstr(s, sep)); s = at + strlen(sep))
		json_object_array_add(o, json_object_new_string_len(s, (int)(at - s)));
	for (; !*sep && *s; s++)
		json_object_array_add(o, json_object_new_string_len(s, 1));
	if (*sep)
		json_object_array_add(o, json_object_new_string(s));
	return give(o, ret, e);
}

static int map_text(const struct val *v, int (*fn)(int c, int before), struct val *ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	int before = ' ';

	if (want_text(v, e) < 0)
		return -EINVAL;
	for (const char *s = text_of(v); *s; s++) {
		buf_putc(&b, (char)fn((unsigned char)*s, before));
		before = (unsigned char)*s;
	}
	return give_text(&b, ret, e);
}

static int up(int c, int before)
{
	return c < 0x80 ? toupper(c) : c;
}

static int down(int c, int before)
{
	return c < 0x80 ? tolower(c) : c;
}

static int title(int c, int before)
{
	bool inside = before >= 0x80 || isalnum(before) || before == '_' || before == '\'';

	return inside ? c : up(c, before);
}

static int f_upper(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	return map_text(args, up, ret, e);
}

static int f_lower(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	return map_text(args, down, ret, e);
}

static int f_title(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	return map_text(args, title, ret, e);
}

static int f_truncate(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	const char *s = text_of(&args[0]);
	int64_t len = json_object_get_int64(args[1].o);

	if (want_text(&args[0], e) < 0)
		return -EINVAL;
	if (len >= 0 && len < json_object_get_string_len(args[0].o))
		return give(json_object_new_string_len(s, (int)len), ret, e);
	return give_val(&args[0], ret);
}

/* TEXT with blanks before and behind it; an empty one stays empty. */
static int f_pad(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	int64_t before = json_object_get_int64(args[1].o), after = json_object_get_int64(args[2].o);
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (want_text(&args[0], e) < 0)
		return -EINVAL;
	if (before < 0 || after < 0 || before > WIDTH_MAX || after > WIDTH_MAX)
		return BAD("a width is 0 to %d", WIDTH_MAX);
	if (*text_of(&args[0]))
		buf_printf(&b, "%*s%s%*s", (int)before, "", text_of(&args[0]), (int)after, "");
	return give_text(&b, ret, e);
}

static int f_html(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	static const struct {
		char c;
		const char *text;
	} escapes[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&#34;" }, { '\'', "&#39;" } };
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (const char *s = text_of(args); *s; s++) {
		const char *text = NULL;

		for (size_t i = 0; i < ARRAY_SIZE(escapes); i++)
			text = escapes[i].c == *s ? escapes[i].text : text;
		if (text)
			buf_puts(&b, text);
		else
			buf_putc(&b, *s);
	}
	return give_text(&b, ret, e);
}

static int f_urlquery(const struct val *args, unsigned n, struct val *ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (const char *s = text_of(args); *s; s++)
		if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
			buf_putc(&b, *s);
		else if (*s == ' ')
			buf_putc(&b, '+');
		else
			buf_printf(&b, "%%%02X", (unsigned char)*s);
	return give_text(&b, ret, e);
}

const struct func *func_find(const char *name)
{
	static const struct func funcs[] = {
		{ "and", 1, ARGS_MAX, f_last },
		{ "or", 1, ARGS_MAX, f_last },
		{ "not", 1, 1, f_not },
		{ "eq", 2, ARGS_MAX, f_eq },
		{ "ne", 2, 2, f_ne },
		{ "lt", 2, 2, f_lt },
		{ "le", 2, 2, f_le },
		{ "gt", 2, 2, f_gt },
		{ "ge", 2, 2, f_ge },
		{ "len", 1, 1, f_len },
		{ "index", 1, ARGS_MAX, f_index },
		{ "slice", 1, 3, f_slice },
		{ "print", 0, ARGS_MAX, f_print },
		{ "println", 0, ARGS_MAX, f_println },
		{ "printf", 1, ARGS_MAX, f_printf },
		{ "json", 1, 1, f_json },
		{ "join", 2, 2, f_join },
		{ "split", 2, 2, f_split },
		{ "upper", 1, 1, f_upper },
		{ "lower", 1, 1, f_lower },
		{ "title", 1, 1, f_title },
		{ "truncate", 2, 2, f_truncate },
		{ "pad", 3, 3, f_pad },
		{ "html", 1, 1, f_html },
		{ "urlquery", 1, 1, f_urlquery },
	};

	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++)
		if (streq(funcs[i].name, name))
			return &funcs[i];
	return NULL;
}
