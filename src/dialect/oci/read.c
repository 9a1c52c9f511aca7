/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading: text to a tree, by json-c, and a tree to the model, by the tables. The place of a value is a chain of frames
 * on the stack, made into text only when there is something to say about it.
 */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "dialect/oci/rows.h"

#define NOTES_MAX 256 /* of one kind: a file of a million unknown members says so once */

void oci_info_done(struct oci_info *i)
{
	free(i->version);
	strv_done(&i->ignored);
	strv_done(&i->warnings);
	*i = (struct oci_info){ 0 };
}

/* --- text ----------------------------------------------------------------------------------------------------------- */

static void drop_tokener(struct json_tokener **tok)
{
	if (*tok)
		json_tokener_free(*tok);
}

static void drop_json(struct json_c_value **v)
{
	json_object_put(*v);
}

static int misplaced(const char *text, size_t at, const char *name, const char *why, struct err *e)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < at; i++) {
		column++;
		if (text[i] == '\n') {
			line++;
			column = 1;
		}
	}
	return err_kind(e, ERR_INVALID, -EINVAL, "%s:%zu:%zu: %s", name, line, column, why);
}

static const char *why_not_json(enum json_tokener_error error)
{
	switch (error) {
	case json_tokener_continue:
	case json_tokener_error_parse_eof:
		return "expected more, the text ends here";
	case json_tokener_error_depth:
		return "expected fewer levels of nesting";
	case json_tokener_error_parse_null:
		return "expected null";
	case json_tokener_error_parse_boolean:
		return "expected true or false";
	case json_tokener_error_parse_number:
		return "expected a number that fits 64 bits";
	case json_tokener_error_parse_array:
		return "expected ',' or ']' after an array's element";
	case json_tokener_error_parse_object_key_name:
		return "expected a member's name in quotes";
	case json_tokener_error_parse_object_key_sep:
		return "expected ':' after a member's name";
	case json_tokener_error_parse_object_value_sep:
		return "expected ',' or '}' after a member";
	case json_tokener_error_parse_string:
		return "expected a string";
	case json_tokener_error_parse_utf8_string:
		return "expected UTF-8";
	default:
		return "expected JSON";
	}
}

static bool is_ascii(const char *text, size_t len)
{
	uint64_t high = 0, word;

	for (; len >= sizeof(word); text += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		high |= word;
	}
	while (len--)
		high |= (uint64_t)(unsigned char)*text++;
	return !(high & 0x8080808080808080ull);
}

#define LONG_RUN 19 /* digits: with less than that a number fits 64 bits */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Are there so many digits in a row? Only every 19th byte is looked at. */
static bool has_long_run(const char *text, size_t len)
{
	for (size_t i = LONG_RUN - 1; i < len; i += LONG_RUN) {
		size_t before = i, after = i;

		if (!is_digit(text[i]))
			continue;
		while (before && is_digit(text[before - 1]))
			before--;
		while (after + 1 < len && is_digit(text[after + 1]))
			after++;
		if (after - before + 1 >= LONG_RUN)
			return true;
	}
	return false;
}

static bool in_number(char c)
{
	return is_digit(c) || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
}

static bool fits(const char *number, size_t len)
{
	char text[32];

	if (len >= sizeof(text))
		return false;
	memcpy(text, number, len);
	text[len] = '\0';
	errno = 0;
	if (*text == '-')
		(void)strtoll(text, NULL, 10);
	else
		(void)strtoull(text, NULL, 10);
	return !errno;
}

/* json-c makes of a whole number that does not fit 64 bits the nearest that does. TEXT is JSON; where it has such a
 * one, or LEN. */
static size_t find_too_large(const char *text, size_t len)
{
	bool string = false;

	if (!has_long_run(text, len))
		return len;
	for (size_t i = 0; i < len; i++) {
		size_t n = 0;

		if (string && text[i] == '\\') {
			i++;
		} else if (text[i] == '"') {
			string = !string;
		} else if (!string && (text[i] == '-' || is_digit(text[i]))) {
			while (i + n < len && in_number(text[i + n]))
				n++;
			if (n >= LONG_RUN && !memchr(text + i, '.', n) && !memchr(text + i, 'e', n) &&
			    !memchr(text + i, 'E', n) && !fits(text + i, n))
				return i;
			i += n - 1;
		}
	}
	return len;
}

int oci_parse(const char *text, size_t len, const char *name, struct json_c_value **ret, struct err *e)
{
	_cleanup_(drop_tokener) struct json_tokener *tok = NULL;
	_cleanup_(drop_json) struct json_c_value *v = NULL;
	enum json_tokener_error error;
	size_t end;

	if (len > OCI_TEXT_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: expected at most %u MiB", name, OCI_TEXT_MAX >> 20);
	tok = json_tokener_new_ex(OCI_DEPTH_MAX);
	if (!tok)
		return err_oom(e);
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS |
					    (is_ascii(text, len) ? 0 : JSON_TOKENER_VALIDATE_UTF8));
	v = json_tokener_parse_ex(tok, text, (int)len);
	error = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	if (error != json_tokener_success)
		return misplaced(text, end < len ? end : len, name, why_not_json(error), e);
	while (end < len && strchr(" \t\r\n", text[end]) && text[end])
		end++;
	if (end < len)
		return misplaced(text, end, name, "expected nothing more after the end of the object", e);
	if (!json_object_is_type(v, json_type_object))
		return misplaced(text, 0, name, "expected an object", e);
	end = find_too_large(text, len);
	if (end < len)
		return misplaced(text, end, name, "expected a number that fits 64 bits", e);
	*ret = TAKE_PTR(v);
	return 0;
}

/* --- places --------------------------------------------------------------------------------------------------------- */

static void put_path(const struct oci_frame *at, struct buf *out)
{
	if (!at)
		return;
	put_path(at->up, out);
	if (!at->name) {
		buf_printf(out, "[%zu]", at->index);
		return;
	}
	if (out->len)
		buf_putc(out, '.');
	/* A message is one line. */
	for (const char *p = at->name; *p; p++)
		buf_putc(out, (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
}

int oci_place(struct oci_reader *rd, int r, struct err *e)
{
	_cleanup_buf_ struct buf path = BUF_INIT;

	if (rd->placed)
		return r;
	rd->placed = true;
	put_path(rd->at, &path);
	if (!path.len)
		return err_wrap(e, r, "%s", rd->name);
	return err_wrap(e, r, "%s: %.300s", rd->name, buf_str(&path));
}

static int note(struct strv *list, char *text, struct err *e)
{
	/* Members' names and values are anything; a note is one line. */
	for (char *p = text; p && *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (text && list->n >= NOTES_MAX) {
		free(text);
		return 0;
	}
	return strv_push_take(list, text, e);
}

int oci_note_ignored(struct oci_reader *rd, struct err *e)
{
	struct buf path = BUF_INIT;

	if (!rd->info)
		return 0;
	put_path(rd->at, &path);
	return note(&rd->info->ignored, buf_take(&path), e);
}

int oci_warn(struct oci_reader *rd, struct err *e, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	if (!rd->info)
		return 0;
	put_path(rd->at, &text);
	if (text.len)
		buf_puts(&text, ": ");
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	return note(&rd->info->warnings, buf_take(&text), e);
}

int oci_missing(struct oci_reader *rd, const char *member, struct err *e)
{
	struct oci_frame f = { .up = rd->at, .name = member };
	int r;

	rd->at = &f;
	r = oci_place(rd, err_kind(e, ERR_INVALID, -EINVAL, "is missing"), e);
	rd->at = f.up;
	return r;
}

int oci_expected(struct err *e, const char *what, const char *value)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "expected %s, not '%.200s'", what, value);
}

/* --- values --------------------------------------------------------------------------------------------------------- */

static const char *type_name(enum json_type type)
{
	switch (type) {
	case json_type_null:
		return "null";
	case json_type_boolean:
		return "true or false";
	case json_type_double:
		return "a fraction";
	case json_type_int:
		return "a number";
	case json_type_object:
		return "an object";
	case json_type_array:
		return "an array";
	case json_type_string:
		return "a string";
	}
	return "something else";
}

int oci_expect(struct json_c_value *v, enum json_type type, struct err *e)
{
	if (json_object_is_type(v, type))
		return 0;
	return err_kind(e, ERR_INVALID, -EINVAL, "expected %s, not %s", type_name(type),
			type_name(json_object_get_type(v)));
}

int oci_string(struct json_c_value *v, const char **ret, struct err *e)
{
	const char *s;
	int r;

	r = oci_expect(v, json_type_string, e);
	if (r < 0)
		return r;
	s = json_object_get_string(v);
	if (strlen(s) != (size_t)json_object_get_string_len(v))
		return err_kind(e, ERR_INVALID, -EINVAL, "expected text without NUL");
	*ret = s;
	return 0;
}

static bool is_negative(struct json_c_value *v)
{
	return json_object_get_int64(v) < 0;
}

int oci_i64(struct json_c_value *v, int64_t min, int64_t max, int64_t *ret, struct err *e)
{
	int64_t n;
	int r;

	r = oci_expect(v, json_type_int, e);
	if (r < 0)
		return r;
	n = json_object_get_int64(v); /* saturates at INT64_MAX */
	if (n < min || n > max || (n >= 0 && json_object_get_uint64(v) != (uint64_t)n))
		return err_kind(e, ERR_INVALID, -EINVAL, "expected a number from %lld to %lld, not %s", (long long)min,
				(long long)max, json_object_to_json_string(v));
	*ret = n;
	return 0;
}

int oci_u64(struct json_c_value *v, uint64_t max, uint64_t *ret, struct err *e)
{
	int r;

	r = oci_expect(v, json_type_int, e);
	if (r < 0)
		return r;
	if (is_negative(v) || json_object_get_uint64(v) > max)
		return err_kind(e, ERR_INVALID, -EINVAL, "expected a number from 0 to %llu, not %s",
				(unsigned long long)max, json_object_to_json_string(v));
	*ret = json_object_get_uint64(v);
	return 0;
}

/* --- objects and arrays ---------------------------------------------------------------------------------------------- */

static int load_row(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		    struct err *e)
{
	struct oci_frame f = { .up = rd->at, .name = row->name };
	int r;

	rd->at = &f;
	r = row->kind->load(rd, row, v, o, e);
	if (r < 0)
		oci_place(rd, r, e);
	rd->at = f.up;
	return r;
}

static int ignore_member(struct oci_reader *rd, const char *name, struct err *e)
{
	struct oci_frame f = { .up = rd->at, .name = name };
	int r;

	rd->at = &f;
	r = oci_note_ignored(rd, e);
	rd->at = f.up;
	return r;
}

/* The members that no row has by its exact name. Other case counts as the same name where that is free: so Go's decoder
 * reads it, and configurations that were only ever tried with that exist. */
static int match_rest(struct oci_reader *rd, const struct oci_row *rows, struct json_c_value *v,
		      struct json_c_value **found, struct err *e)
{
	struct json_object_iterator it = json_object_iter_begin(v), end = json_object_iter_end(v);
	int r = 0;

	for (; r >= 0 && !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *name = json_object_iter_peek_name(&it);
		const struct oci_row *row = rows;

		while (row->name && strcasecmp(row->name, name) != 0)
			row++;
		if (row->name && streq(row->name, name))
			continue;
		if (row->name && !found[row - rows])
			found[row - rows] = json_object_iter_peek_value(&it);
		else
			r = ignore_member(rd, name, e);
	}
	return r;
}

static bool is_empty(const struct oci_row *row, const struct oci_obj *o)
{
	const struct field *f = row->field && o->fields ? oci_row_field(row, o) : NULL;

	return f && f->type != FT_U32 && f->type != FT_U64 && f->type != FT_TRI && !field_is_set(f, o->p);
}

int oci_load_object(struct oci_reader *rd, const struct oci_row *rows, struct json_c_value *v, const struct oci_obj *o,
		    struct err *e)
{
	struct json_c_value *found[OCI_ROWS_MAX] = { 0 };
	int n = 0, r;

	r = oci_expect(v, json_type_object, e);
	if (r < 0)
		return r;
	for (size_t i = 0; rows[i].name; i++)
		n += json_object_object_get_ex(v, rows[i].name, &found[i]);
	if (n < json_object_object_length(v))
		r = match_rest(rd, rows, v, found, e);
	/* null is Go's word for a member that is not there; so is an empty text or array. */
	for (size_t i = 0; r >= 0 && rows[i].name; i++) {
		if (found[i])
			r = load_row(rd, &rows[i], found[i], o, e);
		if (r >= 0 && rows[i].required && (!found[i] || is_empty(&rows[i], o)))
			r = oci_missing(rd, rows[i].name, e);
	}
	return r;
}

static int call_each(struct oci_reader *rd, struct oci_frame *f, const struct oci_row *row, struct json_c_value *v,
		     const struct oci_obj *o, oci_each_fn fn, struct err *e)
{
	int r;

	rd->at = f;
	r = fn(rd, row, f->name, v, o, e);
	if (r < 0)
		oci_place(rd, r, e);
	rd->at = f->up;
	return r;
}

int oci_each(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, enum json_type type,
	     const struct oci_obj *o, oci_each_fn fn, struct err *e)
{
	struct oci_frame f = { .up = rd->at };
	int r;

	r = oci_expect(v, type, e);
	if (r < 0)
		return r;
	if (type == json_type_array) {
		size_t n = json_object_array_length(v);

		for (; r >= 0 && f.index < n; f.index++)
			r = call_each(rd, &f, row, json_object_array_get_idx(v, f.index), o, fn, e);
		return r;
	}
	for (const struct lh_entry *m = lh_table_head(json_object_get_object(v)); r >= 0 && m; m = lh_entry_next(m)) {
		f.name = lh_entry_k(m);
		r = call_each(rd, &f, row, lh_entry_v(m), o, fn, e);
	}
	return r;
}

const struct field *oci_row_field(const struct oci_row *row, const struct oci_obj *o)
{
	return field_row(o->fields, row->field, strlen(row->field));
}

int oci_load_element(struct oci_reader *rd, const struct field *f, const struct oci_row *rows, struct json_c_value *v,
		     const struct oci_obj *o, struct oci_obj *ret, struct err *e)
{
	*ret = (struct oci_obj){ f->sub, field_list_add(f, o->p, e) };
	return ret->p ? oci_load_object(rd, rows, v, ret, e) : -ENOMEM;
}
