/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From text to lines: directives, comments, continuation lines, here documents. */
#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "base/buf.h"
#include "image/build/dockerfile.h"
#include "image/build/utf8.h"

struct reader {
	struct dockerfile *df;
	const char *p, *end;
	unsigned line;	       /* of the last one read, from 1 */
	bool directives;       /* still possible */
	struct texts comments; /* right above what is read next */
	struct df_line **last;
};

void dockerfile_done(struct dockerfile *df)
{
	pool_done(&df->pool);
	*df = (struct dockerfile){ 0 };
}

/* The next line with its end; *LEN of it. 0 at the end of the file. */
static int next_line(struct reader *rd, const char **ret, size_t *len, struct err *e)
{
	const char *nl;

	if (rd->p >= rd->end)
		return 0;
	nl = memchr(rd->p, '\n', (size_t)(rd->end - rd->p));
	*ret = rd->p;
	*len = (size_t)((nl ? nl + 1 : rd->end) - rd->p);
	rd->p += *len;
	rd->line++;
	if (*len > DF_LINE_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "dockerfile line greater than max allowed size of %d",
				DF_LINE_MAX);
	return 1;
}

static const char *skip_blanks(const char *s)
{
	size_t len;

	while (utf8_space(utf8_get(s, &len)))
		s += len;
	return s;
}

/* Ends S before its last blanks. */
static void cut_end(char *s, const char *blanks)
{
	size_t n = strlen(s);

	while (n > 0 && strchr(blanks, s[n - 1]))
		n--;
	s[n] = '\0';
}

static int set_once(struct dockerfile *df, const char **slot, const char *name, const char *value, struct err *e)
{
	if (*slot)
		return err_kind(e, ERR_INVALID, -EINVAL, "only one %s parser directive can be used", name);
	*slot = pool_str(&df->pool, value);
	return 0;
}

static int set_directive(struct dockerfile *df, const char *name, const char *value, struct err *e)
{
	if (streq(name, "syntax"))
		return set_once(df, &df->syntax, name, value, e);
	if (streq(name, "check"))
		return set_once(df, &df->check, name, value, e);
	if (df->escape)
		return err_kind(e, ERR_INVALID, -EINVAL, "only one %s parser directive can be used", name);
	if (!streq(value, "\\") && !streq(value, "`"))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid escape token '%.40s' does not match ` or \\", value);
	df->escape = value[0];
	return 0;
}

/* "# name = value" as long as nothing else has been. */
static int directive(struct reader *rd, const char *text, struct err *e)
{
	_cleanup_free_ char *copy = NULL;
	char name[16] = "";
	size_t n = 0;
	char *value;

	if (!rd->directives)
		return 0;
	rd->directives = false;
	if (*text != '#')
		return 0;
	text = skip_blanks(text + 1);
	for (; isalnum((unsigned char)text[n]) && n + 1 < sizeof(name); n++)
		name[n] = (char)tolower((unsigned char)text[n]);
	if (!streq(name, "syntax") && !streq(name, "escape") && !streq(name, "check"))
		return 0;
	text = skip_blanks(text + n);
	if (*text != '=')
		return 0;
	copy = strdup(skip_blanks(text + 1));
	if (!copy)
		return err_oom(e);
	value = copy;
	cut_end(value, " \t\n\v\f\r");
	if (!*value)
		return 0;
	rd->directives = true;
	return set_directive(rd->df, name, value, e);
}

/* Whether LINE goes on in the next one; the sign for that is taken away. */
static bool continues(char *line, char escape)
{
	size_t n = strlen(line);

	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	if (n == 0 || line[n - 1] != escape || (n > 1 && line[n - 2] == escape))
		return false;
	line[n - 1] = '\0';
	return true;
}

static char escape_of(const struct dockerfile *df)
{
	return df->escape ?: '\\';
}

/* An empty one, and an empty line, part what is above from what follows. */
static void note_comment(struct reader *rd, const char *text)
{
	size_t n;

	text = skip_blanks(text);
	n = strlen(text);
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	if (n)
		pool_add(&rd->df->pool, &rd->comments, pool_strn(&rd->df->pool, text, n));
	else
		rd->comments = (struct texts){ 0 };
}

/* Appends LINE to ALL. *MORE: another one belongs to it. FIRST: the first of an instruction. */
static int take(struct reader *rd, const char *line, size_t len, bool first, struct buf *all, bool *more, bool *empty,
		struct err *e)
{
	_cleanup_free_ char *copy = strndup(line, len);
	const char *text;
	int r;

	if (!copy)
		return err_oom(e);
	cut_end(copy, "\r\n");
	text = skip_blanks(copy);
	r = directive(rd, first ? text : copy, e);
	if (r < 0)
		return r;
	if (first && !rd->directives && (*text == '#' || !*text))
		note_comment(rd, *text ? text + 1 : text);
	if (*text == '#') {
		*more = !first;
		return 0;
	}
	if (!first && !*text) {
		*empty = *more = true;
		return 0;
	}
	*more = continues(copy, escape_of(rd->df));
	/* Blanks before a line that goes on another one are kept, and have always been. */
	text = first ? skip_blanks(copy) : copy;
	buf_puts(all, text);
	return buf_error(all, e);
}

static int read_heredoc(struct reader *rd, struct df_heredoc *h, struct err *e)
{
	_cleanup_buf_ struct buf content = BUF_INIT;
	const char *line;
	size_t len;
	int r;

	while ((r = next_line(rd, &line, &len, e)) > 0) {
		const char *text = line;
		size_t n = len;

		while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
			n--;
		for (; h->chomp && n > 0 && *text == '\t'; text++)
			n--;
		if (n == strlen(h->name) && memcmp(text, h->name, n) == 0) {
			h->content = pool_str(&rd->df->pool, buf_str(&content));
			return buf_error(&content, e);
		}
		buf_add(&content, line, len);
	}
	return r < 0 ? r : err_kind(e, ERR_INVALID, -EINVAL, "unterminated heredoc");
}

static bool may_have_heredoc(const struct df_line *line)
{
	enum df_kind kind;

	if (df_kind_find(line->word) == DF_ONBUILD && line->sub)
		line = line->sub;
	kind = df_kind_find(line->word);
	return (kind == DF_ADD || kind == DF_COPY || kind == DF_RUN) && !line->json;
}

static int finish(struct reader *rd, const char *text, unsigned first, bool empty, struct err *e)
{
	struct df_line *line;
	int r;

	if (empty)
		pool_add(&rd->df->pool, &rd->df->warnings,
			 pool_printf(&rd->df->pool, "Empty continuation line found in: %s", text));
	r = line_parse(rd->df, text, &line, e);
	if (r < 0)
		return r;
	line->first = first;
	line->gap = empty;
	line->comments = rd->comments;
	rd->comments = (struct texts){ 0 };
	if (may_have_heredoc(line) && strstr(text, "<<")) {
		r = heredocs_from_line(&rd->df->pool, text, &line->heredocs, e);
		for (struct df_heredoc *h = line->heredocs; h && r >= 0; h = h->next)
			r = read_heredoc(rd, h, e);
		if (r < 0)
			return r;
	}
	line->last = rd->line;
	*rd->last = line;
	rd->last = &line->next;
	return pool_error(&rd->df->pool, e);
}

static int read_all(struct reader *rd, unsigned *first, struct err *e)
{
	_cleanup_buf_ struct buf all = BUF_INIT;
	const char *line;
	size_t len;
	int r;

	while ((r = next_line(rd, &line, &len, e)) > 0) {
		bool more = false, empty = false;

		*first = rd->line;
		buf_reset(&all);
		r = take(rd, line, len, true, &all, &more, &empty, e);
		if (r < 0)
			return r;
		if (!more && all.len == 0)
			continue;
		while (more && (r = next_line(rd, &line, &len, e)) > 0) {
			r = take(rd, line, len, false, &all, &more, &empty, e);
			if (r < 0)
				return r;
		}
		if (r < 0)
			return r;
		r = finish(rd, buf_str(&all), *first, empty, e);
		if (r < 0)
			return r;
	}
	return r;
}

/* The error's line, and what stands there. */
static int located(struct dockerfile *df, unsigned line, const char *text, int r, struct err *e)
{
	size_t n = strcspn(text, "\n");

	df->error_line = line;
	if (!e || r == -ENOMEM)
		return r;
	if (!startswith(e->msg, "dockerfile parse error"))
		err_wrap(e, r, "dockerfile parse error on line %u", line);
	return err_hint(e, r, "%4u | %.*s", line, n < 160 ? (int)n : 160, text);
}

static const char *line_start(const char *text, const char *end, unsigned line)
{
	for (; line > 1; line--) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		if (!nl)
			return "";
		text = nl + 1;
	}
	return text;
}

int dockerfile_error(struct dockerfile *df, const struct df_line *line, int r, struct err *e)
{
	df->error_line = line->first;
	return e ? err_hint(e, r, "%4u | %.160s", line->first, line->original) : r;
}

int dockerfile_lines(struct dockerfile *df, const char *text, size_t len, struct err *e)
{
	struct reader rd = { .df = df, .directives = true, .last = &df->lines };
	_cleanup_free_ char *copy = NULL;
	unsigned first = 0;
	int r;

	if (len > DF_SIZE_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "a Dockerfile has at most %u MiB", DF_SIZE_MAX >> 20);
	if (memchr(text, '\0', len))
		return err_kind(e, ERR_INVALID, -EINVAL, "the Dockerfile has a NUL byte: is it text?");
	copy = strndup(text, len);
	if (!copy)
		return err_oom(e);
	rd.p = startswith(copy, "\xef\xbb\xbf") ?: copy;
	rd.end = copy + len;
	r = read_all(&rd, &first, e);
	if (r < 0)
		return located(df, first, line_start(copy, rd.end, first), r, e);
	if (!df->escape)
		df->escape = '\\';
	if (!df->lines)
		return err_kind(e, ERR_INVALID, -EINVAL, "file with no instructions");
	return 0;
}

static int add_stage(struct dockerfile *df, const struct df_instr *from, struct err *e)
{
	struct df_stage *s = pool_alloc(&df->pool, sizeof(*s));

	if (df->n_stages == DF_STAGES_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "a Dockerfile has at most %d stages", DF_STAGES_MAX);
	if (!df->stages)
		df->stages = pool_alloc(&df->pool, sizeof(struct df_stage *) * DF_STAGES_MAX);
	if (!s || !df->stages)
		return err_oom(e);
	*s = (struct df_stage){ .base = from->args.v[0],
				.name = from->args.n > 1 ? from->args.v[1] : NULL,
				.platform = from->platform,
				.line = from->line,
				.index = (unsigned)df->n_stages,
				.base_stage = -1 };
	df->stages[df->n_stages++] = s;
	return 0;
}

int dockerfile_parse(struct dockerfile *df, const char *text, size_t len, struct err *e)
{
	struct df_instr **end = &df->meta;
	int r = dockerfile_lines(df, text, len, e);

	for (struct df_line *line = df->lines; line && r >= 0; line = line->next) {
		struct df_instr *in = NULL;

		r = instr_parse(df, line, &in, e);
		if (r >= 0 && in->kind == DF_FROM) {
			r = add_stage(df, in, e);
			if (r >= 0)
				end = &df->stages[df->n_stages - 1]->instrs;
		} else if (r >= 0 && df->n_stages == 0 && in->kind != DF_ARG) {
			r = err_kind(e, ERR_INVALID, -EINVAL, "no build stage in current context");
		} else if (r >= 0) {
			*end = in;
			end = &in->next;
			if (df->n_stages)
				df->stages[df->n_stages - 1]->n_instrs++;
		}
		if (r < 0)
			return located(df, line->first, line->original, r, e);
	}
	if (r >= 0 && df->n_stages == 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "no build stage in current context");
	return r < 0 ? r : pool_error(&df->pool, e);
}
