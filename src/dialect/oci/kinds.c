/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kinds that many members share: the field's own type, words, objects, lists; and the writer's side of the tables. */
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#include "base/parse.h"
#include "dialect/oci/rows.h"

/* --- what was written ------------------------------------------------------------------------------------------------ */

void oci_said(struct oci_writer *w, const char *field)
{
	const struct field *f = field_row(spec_fields, field, strlen(field));

	if (f)
		w->said[(f - spec_fields) / 64] |= 1ull << (f - spec_fields) % 64;
}

int oci_unsaid(struct oci_writer *w, struct err *e, const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list ap;

	if (!w->unsaid)
		return 0;
	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	return strv_push_take(w->unsaid, buf_take(&text), e);
}

int oci_save_object(struct oci_writer *w, const struct oci_row *rows, const struct oci_obj *o, struct err *e)
{
	int r = 0;

	for (const struct oci_row *row = rows; row->name && r >= 0; row++) {
		if (row->field && o->fields == spec_fields)
			oci_said(w, row->field);
		r = row->kind->save(w, row, o, e);
	}
	return r < 0 ? r : buf_error(w->j.out, e);
}

int oci_save_element(struct oci_writer *w, const struct oci_row *rows, const struct field *list, const void *element,
		     struct err *e)
{
	struct oci_obj o = { list->sub, (void *)(uintptr_t)element };
	int r;

	json_object(&w->j);
	r = oci_save_object(w, rows, &o, e);
	json_end_object(&w->j);
	return r;
}

/* --- plain ----------------------------------------------------------------------------------------------------------- */

static int load_string(const struct field *f, struct json_c_value *v, void *obj, struct err *e)
{
	const char *s;
	int r;

	r = oci_string(v, &s, e);
	/* An empty string is Go's word for one that was not said: field_set() takes it so. */
	return r < 0 ? r : field_set(f, obj, s, e);
}

static int load_number(const struct field *f, struct json_c_value *v, void *obj, struct err *e)
{
	char text[24];
	int r;

	r = oci_expect(v, json_type_int, e);
	if (r < 0)
		return r;
	if (json_object_get_int64(v) < 0)
		snprintf(text, sizeof(text), "%lld", (long long)json_object_get_int64(v));
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)json_object_get_uint64(v));
	return field_set(f, obj, text, e);
}

static int load_tri(const struct field *f, struct json_c_value *v, void *obj, struct err *e)
{
	int r = oci_expect(v, json_type_boolean, e);

	if (r >= 0)
		*(enum tri *)((char *)obj + f->offset) = json_object_get_boolean(v) ? TRI_YES : TRI_NO;
	return r;
}

static int load_word(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		     const struct oci_obj *o, struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	const char *s;
	int r;

	r = oci_string(v, &s, e);
	r = r < 0 || !f->check ? r : f->check(s, e);
	return r < 0 ? r : strv_push((struct strv *)((char *)o->p + f->offset), s, e);
}

int oci_plain_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		   struct err *e)
{
	const struct field *f = oci_row_field(row, o);

	switch (f->type) {
	case FT_TRI:
		return load_tri(f, v, o->p, e);
	case FT_U32:
	case FT_I32:
	case FT_U64:
		return load_number(f, v, o->p, e);
	case FT_STRV:
		return oci_each(rd, row, v, json_type_array, o, load_word, e);
	default:
		return load_string(f, v, o->p, e);
	}
}

static void put_strv(struct json *j, const char *key, const struct strv *l)
{
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < l->n; i++)
		json_string(j, l->v[i]);
	json_end_array(j);
}

int oci_plain_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	const char *p = (const char *)o->p + f->offset;

	if (!field_is_set(f, o->p))
		return 0;
	switch (f->type) {
	case FT_TRI:
		json_kv_bool(&w->j, row->name, *(const enum tri *)p == TRI_YES);
		break;
	case FT_U32:
		json_kv_u64(&w->j, row->name, *(const uint32_t *)p);
		break;
	case FT_I32:
		json_kv_i64(&w->j, row->name, *(const int32_t *)p);
		break;
	case FT_U64:
		json_kv_u64(&w->j, row->name, *(const uint64_t *)p);
		break;
	case FT_STRV:
		put_strv(&w->j, row->name, (const struct strv *)p);
		break;
	case FT_CHAR:
		json_kv_string(&w->j, row->name, (const char[]){ *p, '\0' });
		break;
	default:
		json_kv_string(&w->j, row->name, *(char *const *)p);
		break;
	}
	return 0;
}

int oci_save_map(struct oci_writer *w, const char *name, const struct strv *l, struct err *e)
{
	if (!l->n)
		return 0;
	json_key(&w->j, name);
	json_object(&w->j);
	for (size_t i = 0; i < l->n; i++) {
		const char *eq = strchrnul(l->v[i], '=');
		_cleanup_free_ char *key = strndup(l->v[i], (size_t)(eq - l->v[i]));

		if (!key)
			return err_oom(e);
		json_kv_string(&w->j, key, *eq ? eq + 1 : eq);
	}
	json_end_object(&w->j);
	return 0;
}

const struct oci_kind oci_kind_plain = { oci_plain_load, oci_plain_save };

/* --- words ----------------------------------------------------------------------------------------------------------- */

const char *oci_word(const struct oci_word *words, const char *name, bool any_case)
{
	for (; words->name; words++)
		if (streq(words->name, name) || (any_case && strcasecmp(words->name, name) == 0))
			return words->word;
	return NULL;
}

const char *oci_word_name(const struct oci_word *words, const char *word)
{
	for (; words->name; words++)
		if (streq(words->word, word))
			return words->name;
	return NULL;
}

int oci_read_word(const struct oci_word *words, struct json_c_value *v, const char **ret, struct err *e)
{
	_cleanup_buf_ struct buf known = BUF_INIT;
	const char *s, *word;
	int r;

	r = oci_string(v, &s, e);
	if (r < 0)
		return r;
	word = oci_word(words, s, false);
	if (word) {
		*ret = word;
		return 0;
	}
	for (const struct oci_word *k = words; k->name; k++)
		buf_printf(&known, "%s%s", k == words ? "" : ", ", k->name);
	return err_kind(e, ERR_INVALID, -EINVAL, "expected one of %.400s, not '%.200s'", buf_str(&known), s);
}

static int load_one_of(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	const char *word;
	int r;

	r = oci_read_word(row->words, v, &word, e);
	return r < 0 ? r : strv_push((struct strv *)((char *)o->p + f->offset), word, e);
}

int oci_words_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		   struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	const char *word;
	int r;

	if (f->type == FT_STRV)
		return oci_each(rd, row, v, json_type_array, o, load_one_of, e);
	if (json_object_is_type(v, json_type_string) && !json_object_get_string_len(v))
		return 0;
	r = oci_read_word(row->words, v, &word, e);
	return r < 0 ? r : field_set(f, o->p, word, e);
}

static int save_words(struct oci_writer *w, const struct oci_row *row, const struct strv *l, struct err *e)
{
	int r = 0;

	json_key(&w->j, row->name);
	json_array(&w->j);
	for (size_t i = 0; i < l->n && r >= 0; i++) {
		const char *name = oci_word_name(row->words, l->v[i]);

		if (name)
			json_string(&w->j, name);
		else
			r = oci_unsaid(w, e, "%s=%s", row->field, l->v[i]);
	}
	json_end_array(&w->j);
	return r;
}

static int words_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	const char *name, *p = (const char *)o->p + f->offset;

	if (!field_is_set(f, o->p))
		return 0;
	if (f->type == FT_STRV)
		return save_words(w, row, (const struct strv *)p, e);
	name = oci_word_name(row->words, *(char *const *)p);
	if (!name)
		return oci_unsaid(w, e, "%s=%s", row->field, *(char *const *)p);
	json_kv_string(&w->j, row->name, name);
	return 0;
}

const struct oci_kind oci_kind_words = { oci_words_load, words_save };

/* --- objects and lists ----------------------------------------------------------------------------------------------- */

static int object_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	return oci_load_object(rd, row->sub, v, o, e);
}

int oci_save_member(struct oci_writer *w, const char *name, const struct oci_row *rows, const struct oci_obj *o,
		    struct err *e)
{
	struct json before = w->j;
	struct buf *out = w->j.out;
	size_t len = out->len, inside;
	int r;

	json_key(&w->j, name);
	json_object(&w->j);
	inside = out->len;
	r = oci_save_object(w, rows, o, e);
	if (r >= 0 && out->len == inside) {
		out->len = len;
		out->data[len] = '\0';
		w->j = before;
		return 0;
	}
	json_end_object(&w->j);
	return r;
}

static int object_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return oci_save_member(w, row->name, row->sub, o, e);
}

const struct oci_kind oci_kind_object = { object_load, object_save };

static int load_element(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	struct oci_obj element;

	return oci_load_element(rd, oci_row_field(row, o), row->sub, v, o, &element, e);
}

static int list_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_element, e);
}

int oci_list_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	const struct list *l = (const struct list *)((const char *)o->p + f->offset);
	int r = 0;

	if (!l->n)
		return 0;
	json_key(&w->j, row->name);
	json_array(&w->j);
	for (size_t i = 0; i < l->n && r >= 0; i++)
		r = oci_save_element(w, row->sub, f, (const char *)l->v + i * l->size, e);
	json_end_array(&w->j);
	return r;
}

const struct oci_kind oci_kind_list = { list_load, oci_list_save };

/* --- without effect, or without a way -------------------------------------------------------------------------------- */

static int nothing_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return 0;
}

static int ignored_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return oci_note_ignored(rd, e);
}

const struct oci_kind oci_kind_ignored = { ignored_load, nothing_save };

static int refused_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "%s", row->text);
}

const struct oci_kind oci_kind_refused = { refused_load, nothing_save };

static int no_effect_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			  const struct oci_obj *o, struct err *e)
{
	return oci_warn(rd, e, "%s", row->text);
}

const struct oci_kind oci_kind_no_effect = { no_effect_load, nothing_save };
