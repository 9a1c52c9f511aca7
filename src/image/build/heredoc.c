/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/buf.h"
#include "base/parse.h"
#include "image/build/dockerfile.h"
#include "image/build/words.h"

static size_t quotes(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\'' || *s == '"';
	return n;
}

/* WORD without its quotes. Whether any went is known by their number before and after. False: it is not one word. */
static int unquote(const char *word, char **ret, bool *quoted, struct err *e)
{
	struct words w = { .escape = '\\', .keep_unset = true };
	_cleanup_strv_ struct strv plain = STRV_INIT, raw = STRV_INIT;
	int r = words_split(&w, word, &plain, e);

	if (r < 0)
		return r;
	if (plain.n != 1)
		return 0;
	w.keep_quotes = true;
	r = words_split(&w, word, &raw, e);
	if (r < 0)
		return r;
	*quoted = raw.n != 1 || quotes(raw.v[0]) != quotes(plain.v[0]);
	*ret = strdup(plain.v[0]);
	return *ret ? 1 : err_oom(e);
}

int heredoc_from_word(struct pool *p, const char *word, struct df_heredoc **ret, struct err *e)
{
	size_t digits = strspn(word, "0123456789");
	const char *rest = word + digits;
	_cleanup_free_ char *name = NULL;
	struct df_heredoc *h;
	bool quoted, chomp;
	uint32_t fd = 0;
	int r;

	*ret = NULL;
	rest = startswith(rest, "<<");
	if (!rest)
		return 0;
	chomp = *rest == '-';
	rest += chomp;
	rest += strspn(rest, " \t\n\f\r");
	if (!*rest || strchr(rest, '<'))
		return 0;
	r = unquote(rest, &name, &quoted, e);
	if (r <= 0)
		return r;
	if (digits) {
		const char *number = pool_strn(p, word, digits);

		if (parse_u32(number, &fd) < 0)
			return err_kind(e, ERR_INVALID, -EINVAL, "%s is no file descriptor", number);
	}
	h = pool_alloc(p, sizeof(*h));
	if (!h)
		return err_oom(e);
	*h = (struct df_heredoc){
		.name = pool_str(p, name), .content = "", .fd = fd, .expand = !quoted, .chomp = chomp
	};
	*ret = h;
	return 0;
}

int heredocs_from_line(struct pool *p, const char *line, struct df_heredoc **ret, struct err *e)
{
	const struct words w = { .escape = '\\', .keep_quotes = true, .keep_escapes = true, .keep_unset = true };
	_cleanup_strv_ struct strv words = STRV_INIT;
	struct df_heredoc **end = ret;
	struct err unused = { 0 };

	*ret = NULL;
	/* What a shell may well understand need not be understood here. */
	if (words_split(&w, line, &words, &unused) < 0)
		return 0;
	for (size_t i = 0; i < words.n; i++) {
		int r = heredoc_from_word(p, words.v[i], end, e);

		if (r < 0)
			return r;
		if (*end)
			end = &(*end)->next;
	}
	return 0;
}

const char *heredoc_text(struct pool *p, const struct df_heredoc *h)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	bool start = true;

	if (!h->chomp)
		return h->content;
	for (const char *c = h->content; *c; c++) {
		if (start && *c == '\t')
			continue;
		start = *c == '\n';
		buf_putc(&out, *c);
	}
	if (buf_error(&out, NULL) < 0)
		p->failed = true;
	return pool_str(p, buf_str(&out));
}
