/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>

void json_init(struct json *j, struct buf *out, bool pretty)
{
	*j = (struct json){ .out = out, .pretty = pretty };
}

static void newline(struct json *j)
{
	if (!j->pretty)
		return;
	buf_putc(j->out, '\n');
	for (unsigned i = 0; i < j->depth; i++)
		buf_puts(j->out, j->indent ?: "  ");
}

/* What comes before any value or key at this level. */
static void separate(struct json *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->filled & (1u << j->depth))
		buf_putc(j->out, ',');
	j->filled |= 1u << j->depth;
	if (j->depth)
		newline(j);
}

static void open_level(struct json *j, char c)
{
	separate(j);
	buf_putc(j->out, c);
	if (j->depth >= 31) {
		j->out->error = j->out->error ?: -E2BIG;
		return;
	}
	j->depth++;
	j->filled &= ~(1u << j->depth);
}

static void close_level(struct json *j, char c)
{
	bool had = j->filled & (1u << j->depth);

	if (j->depth)
		j->depth--;
	if (had)
		newline(j);
	buf_putc(j->out, c);
}

void json_object(struct json *j)
{
	open_level(j, '{');
}

void json_end_object(struct json *j)
{
	close_level(j, '}');
}

void json_array(struct json *j)
{
	open_level(j, '[');
}

void json_end_array(struct json *j)
{
	close_level(j, ']');
}

/* Length of the well-formed UTF-8 sequence at P, 0 when there is none. */
static size_t utf8_len(const unsigned char *p)
{
	size_t n = *p < 0x80		     ? 1
		   : *p >= 0xc2 && *p < 0xe0 ? 2
		   : (*p & 0xf0) == 0xe0     ? 3
		   : *p >= 0xf0 && *p < 0xf5 ? 4
					     : 0;

	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

/* How much of P stands for itself. */
static size_t plain_len(const unsigned char *p)
{
	size_t n = 0;

	while (p[n] >= 0x20 && p[n] < 0x7f && p[n] != '"' && p[n] != '\\')
		n++;
	return n;
}

static void quote(struct json *j, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;

	buf_putc(j->out, '"');
	for (;;) {
		size_t n = plain_len(p);

		buf_add(j->out, p, n);
		p += n;
		if (!*p)
			break;
		n = utf8_len(p);
		if (!n) {
			buf_puts(j->out, "\xef\xbf\xbd");
			p++;
			continue;
		}
		if (*p == '"' || *p == '\\')
			buf_printf(j->out, "\\%c", *p);
		else if (*p == '\n')
			buf_puts(j->out, "\\n");
		else if (*p == '\t')
			buf_puts(j->out, "\\t");
		else if (*p < 0x20 || *p == 0x7f)
			buf_printf(j->out, "\\u%04x", *p);
		else
			buf_add(j->out, p, n);
		p += n;
	}
	buf_putc(j->out, '"');
}

void json_key(struct json *j, const char *key)
{
	separate(j);
	quote(j, key);
	buf_puts(j->out, j->pretty ? ": " : ":");
	j->after_key = true;
}

void json_string(struct json *j, const char *s)
{
	if (!s) {
		json_null(j);
		return;
	}
	separate(j);
	quote(j, s);
}

void json_u64(struct json *j, uint64_t v)
{
	separate(j);
	buf_printf(j->out, "%" PRIu64, v);
}

void json_i64(struct json *j, int64_t v)
{
	separate(j);
	buf_printf(j->out, "%" PRId64, v);
}

void json_double(struct json *j, double v)
{
	separate(j);
	/* JSON has no word for infinity, nor for what is no number. */
	if (v != v || v - v != 0)
		buf_puts(j->out, "null");
	else
		buf_printf(j->out, "%.15g", v);
}

void json_bool(struct json *j, bool v)
{
	separate(j);
	buf_puts(j->out, v ? "true" : "false");
}

void json_null(struct json *j)
{
	separate(j);
	buf_puts(j->out, "null");
}

void json_verbatim(struct json *j, const char *text)
{
	separate(j);
	buf_puts(j->out, text);
}

void json_kv_string(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	json_string(j, s);
}

void json_kv_u64(struct json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

void json_kv_i64(struct json *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_i64(j, v);
}

void json_kv_double(struct json *j, const char *key, double v)
{
	json_key(j, key);
	json_double(j, v);
}

void json_kv_bool(struct json *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}
