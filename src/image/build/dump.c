/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of a Dockerfile in the form of BuildKit's own dumper, whose tables of tests then hold for us too. */
#include <ctype.h>

#include "base/buf.h"
#include "image/build/dockerfile.h"
#include "image/build/utf8.h"

static void quote(struct buf *out, const char *s)
{
	size_t len;

	buf_putc(out, '"');
	for (; *s; s += len) {
		uint32_t c = utf8_get(s, &len);
		const char *known = c < 128 ? strchr("\aa\bb\ff\nn\rr\tt\vv\"\"\\\\", (int)c) : NULL;

		/* Pairs: the character, the letter for it. */
		if (startswith(s, DF_NUL)) {
			buf_puts(out, "\\x00");
			len = strlen(DF_NUL);
		} else if (known && ((c >= 7 && c <= 13) || c == '"' || c == '\\')) {
			buf_printf(out, "\\%c", known[1]);
		} else if (c < 32 || c == 127 || (c > 127 && len == 1)) {
			buf_printf(out, "\\x%02x", c);
		} else if (c < 0xa0 && c > 127) {
			buf_printf(out, "\\u%04x", c);
		} else {
			buf_add(out, s, len);
		}
	}
	buf_putc(out, '"');
}

static void dump_line(struct buf *out, const struct df_line *line)
{
	for (const char *c = line->word; *c; c++)
		buf_putc(out, (char)tolower((unsigned char)*c));
	for (size_t i = 0; i < line->flags.n; i++) {
		buf_puts(out, i ? " " : " [");
		quote(out, line->flags.v[i]);
		if (i + 1 == line->flags.n)
			buf_putc(out, ']');
	}
	if (line->sub) {
		buf_puts(out, " (");
		dump_line(out, line->sub);
		buf_putc(out, ')');
	}
	for (size_t i = 0; i < line->args.n; i++) {
		buf_putc(out, ' ');
		quote(out, line->args.v[i]);
	}
}

int dockerfile_dump(const struct dockerfile *df, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r;

	for (const struct df_line *line = df->lines; line; line = line->next) {
		buf_putc(&out, '(');
		dump_line(&out, line);
		buf_puts(&out, ")\n");
	}
	r = buf_error(&out, e);
	if (r < 0)
		return r;
	*ret = buf_take(&out);
	return *ret ? 0 : err_oom(e);
}
