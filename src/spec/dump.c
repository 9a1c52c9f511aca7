/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The whole-spec text form: "name=value" lines, one per value and list element. */
#include <errno.h>

#include "spec/ops.h"

static void put_escaped(struct buf *out, const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "\\\n");

		buf_add(out, s, n);
		s += n;
		if (!*s)
			return;
		buf_puts(out, *s == '\n' ? "\\n" : "\\\\");
		s++;
	}
}

static void put_line(struct buf *out, const char *prefix, const char *name, const char *value)
{
	buf_puts(out, prefix);
	buf_puts(out, name);
	buf_putc(out, '=');
	put_escaped(out, value);
	buf_putc(out, '\n');
}

static int dump_table(const struct field *table, const void *obj, const char *prefix, struct buf *out, struct err *e);

static int dump_list(const struct field *f, const struct list *l, struct buf *out, struct err *e)
{
	int r;

	for (size_t i = 0; i < l->n; i++) {
		_cleanup_buf_ struct buf prefix = BUF_INIT;

		buf_printf(&prefix, "%s.%zu.", f->name, i);
		r = buf_error(&prefix, e);
		r = r < 0 ? r : dump_table(f->sub, (const char *)l->v + i * l->size, buf_str(&prefix), out, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int dump_table(const struct field *table, const void *obj, const char *prefix, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf one = BUF_INIT;
	int r = 0;

	for (const struct field *f = table; f->name && r >= 0; f++) {
		const void *p = (const char *)obj + f->offset;

		if (!field_is_set(f, obj))
			continue;
		if (f->type == FT_STRV) {
			for (size_t i = 0; i < ((const struct strv *)p)->n; i++)
				put_line(out, prefix, f->name, ((const struct strv *)p)->v[i]);
		} else if (f->type == FT_LIST) {
			r = dump_list(f, p, out, e);
		} else {
			buf_reset(&one);
			r = field_get(f, obj, &one, e);
			put_line(out, prefix, f->name, buf_str(&one));
		}
	}
	return r < 0 ? r : buf_error(out, e);
}

int spec_dump(const struct spec *s, struct buf *out, struct err *e)
{
	return dump_table(spec_fields, s, "", out, e);
}

/* In place. */
static int unescape(char *s, struct err *e)
{
	char *to = s;

	for (; *s; s++) {
		if (*s == '\\') {
			s++;
			if (*s != 'n' && *s != '\\')
				return err_kind(e, ERR_INVALID, -EINVAL, "expected \\n or \\\\ after a backslash");
			*to++ = *s == 'n' ? '\n' : '\\';
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
	return 0;
}

static int load_line(struct spec *s, char *line, struct err *e)
{
	const struct field *f;
	char *eq = strchr(line, '=');
	void *obj;
	int r;

	if (!eq)
		return err_kind(e, ERR_INVALID, -EINVAL, "expected name=value, not '%.200s'", line);
	*eq = '\0';
	r = field_find(s, line, true, &f, &obj, e);
	if (r < 0)
		return r;
	r = unescape(eq + 1, e);
	r = r < 0 ? r : field_set_raw(f, obj, eq + 1, e);
	return r < 0 ? err_wrap(e, r, "%s", line) : 0;
}

int spec_load(struct spec *s, const char *text, struct err *e)
{
	return spec_load_without(s, text, NULL, e);
}

int spec_load_without(struct spec *s, const char *text, const char *skip, struct err *e)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	unsigned number = 0;
	int r;

	while (*text) {
		size_t n = strcspn(text, "\n");

		number++;
		if (skip && startswith(text, skip)) {
			text += n + (text[n] == '\n');
			continue;
		}
		buf_reset(&line);
		buf_add(&line, text, n);
		r = buf_error(&line, e);
		if (r < 0)
			return r;
		text += n + (text[n] == '\n');
		if (!line.len)
			continue;
		r = load_line(s, line.data, e);
		if (r < 0)
			return err_wrap(e, r, "line %u", number);
	}
	return 0;
}
