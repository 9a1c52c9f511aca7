/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli/docker/dcli.h"
#include "cli/docker/template.h"

#define CELLS_MAX 64
#define CELL_MIN  10 /* as narrow as a column gets */
#define CELL_GAP  3

char *dk_unescape(const char *format)
{
	char *copy = strdup(format), *to = copy;

	if (!copy)
		return NULL;
	for (const char *s = format; *s; s++)
		if (s[0] == '\\' && (s[1] == 't' || s[1] == 'n'))
			*to++ = *++s == 't' ? '\t' : '\n';
		else
			*to++ = *s;
	*to = '\0';
	return copy;
}

static size_t columns_of(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

void dk_align(const char *text, struct buf *out)
{
	size_t width[CELLS_MAX] = { 0 };

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *s = line;

		for (unsigned i = 0; i < CELLS_MAX; i++) {
			size_t n = strcspn(s, "\t\n");

			/* The last cell of a line takes part in no column. */
			if (s[n] != '\t')
				break;
			if (columns_of(s, n) + CELL_GAP > width[i])
				width[i] = columns_of(s, n) + CELL_GAP;
			if (width[i] < CELL_MIN)
				width[i] = CELL_MIN;
			s += n + 1;
		}
	}
	for (const char *s = text, *end = s + strlen(s); s < end;) {
		for (unsigned i = 0; s < end; i++) {
			size_t n = strcspn(s, "\t\n"), have = columns_of(s, n);

			buf_add(out, s, n);
			s += n;
			if (*s != '\t')
				break;
			for (s++; i < CELLS_MAX && have < width[i]; have++)
				buf_putc(out, ' ');
		}
		buf_putc(out, '\n');
		s += *s == '\n';
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct json_object *dk_sorted(struct json_object *o)
{
	struct json_object *copy = json_object_new_object();
	size_t n = (size_t)json_object_object_length(o), i = 0;
	_cleanup_free_ const char **names = calloc(n + 1, sizeof(*names));

	if (!copy || !names)
		return copy;
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		/* Methods are no fields. */
		if (!strchr(key, '('))
			names[i++] = key;
	}
	qsort(names, i, sizeof(*names), compare_names);
	for (size_t k = 0; k < i; k++)
		json_object_object_add(copy, names[k], json_object_get(json_object_object_get(o, names[k])));
	return copy;
}

void dk_pretty(struct json_object *o, struct buf *out)
{
	static const unsigned flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB | JSON_C_TO_STRING_SPACED |
				      JSON_C_TO_STRING_NOSLASHESCAPE;
	const char *s = json_object_to_json_string_ext(o, flags);
	bool text = false, bol = true;

	for (; *s; s++) {
		if (text) {
			size_t n = strcspn(s, "\"\\");

			buf_add(out, s, n);
			s += n;
			text = *s != '"';
			buf_putc(out, *s);
			if (text)
				buf_putc(out, *++s);
			continue;
		}
		if (*s == '\t' && bol) {
			buf_puts(out, "    ");
			continue;
		}
		bol = *s == '\n';
		/* json-c spaces both sides of a colon, and breaks the line of what is empty. */
		if (s[0] == '{' && startswith(s + 1, "\n") && s[2 + strspn(s + 2, "\t")] == '}') {
			buf_puts(out, "{}");
			s += 2 + strspn(s + 2, "\t");
			continue;
		}
		if (s[0] == '[' && startswith(s + 1, "\n") && s[2 + strspn(s + 2, "\t")] == ']') {
			buf_puts(out, "[]");
			s += 2 + strspn(s + 2, "\t");
			continue;
		}
		text = *s == '"';
		buf_putc(out, *s);
	}
}

static int as_json(const struct cli *c, struct json_object *rows)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = dk_sorted(json_object_array_get_idx(rows, i));

		buf_printf(
			&out, "%s\n",
			json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		json_object_put(row);
	}
	return cli_print(c, &out, 0);
}

static struct json_object *headers(const struct listing *l)
{
	struct json_object *o = json_object_new_object();

	for (const struct column *col = l->columns; col->field; col++)
		json_object_object_add(o, col->field, json_object_new_string(col->header));
	return o;
}

int dk_print_rows(const struct cli *c, const char *said, const struct listing *l, struct json_object *rows)
{
	_cleanup_free_ char *own = isempty(said) && *l->name ? dk_config(c, l->name) : NULL;
	const char *format = own ?: said ?: "";
	bool table = isempty(format) || streq(format, "table") || startswith(format, "table ");
	const char *source = !table ? format : startswith(format, "table ") ?: l->table;
	_cleanup_free_ char *text = dk_unescape(source + strspn(source, " "));
	_cleanup_(template_freep) struct template *t = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT, aligned = BUF_INIT;
	struct json_object *head = NULL;
	struct err e = { 0 };
	int r;

	if (!text)
		return 1;
	if (!table && streq(format, "json"))
		return as_json(c, rows);
	r = template_parse(text, &t, &e);
	if (r < 0)
		return dk_error(c, "template parsing error: %s", e.msg);
	if (table) {
		head = headers(l);
		r = template_execute(t, head, TEMPLATE_HEADER, &out, &e);
		json_object_put(head);
		buf_putc(&out, '\n');
	}
	for (size_t i = 0; i < json_object_array_length(rows) && r >= 0; i++) {
		r = template_execute(t, json_object_array_get_idx(rows, i), 0, &out, &e);
		buf_putc(&out, '\n');
	}
	if (r < 0)
		return dk_error(c, "failed to execute template: %s", e.msg);
	if (!table)
		return cli_print(c, &out, 0);
	dk_align(buf_str(&out), &aligned);
	return cli_print(c, &aligned, 0);
}
