/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * struct lxc_config: the user's text beside the spec it means.
 *
 * An edit is tidy where it can be: the key's old lines go and the new one takes the place of the last of them. Whether
 * that means the same (an include or a numberless legacy key further down may say otherwise) is not reasoned about but
 * tried: the edited text is read again and its spec compared. Where it differs, the line is added at the end, which by
 * the grammar is always right.
 */
#include "dialect/lxc/lxc.h"

#include <errno.h>

#include "dialect/lxc/keys.h"
#include "dialect/lxc/load.h"

struct lxc_config {
	char *name; /* for messages */
	struct buf text;
	struct spec spec;
};

int lxc_config_new(struct lxc_config **ret, struct err *e)
{
	struct lxc_config *c = calloc(1, sizeof(*c));

	if (!c)
		return err_oom(e);
	spec_init(&c->spec);
	c->text.limit = LXC_FILE_MAX;
	*ret = c;
	return 0;
}

struct lxc_config *lxc_config_free(struct lxc_config *c)
{
	if (!c)
		return NULL;
	spec_done(&c->spec);
	buf_done(&c->text);
	free(c->name);
	free(c);
	return NULL;
}

struct spec *lxc_config_spec(struct lxc_config *c)
{
	return &c->spec;
}

static int parse_copy(struct spec *s, const char *text, size_t len, const char *name, struct err *e)
{
	_cleanup_free_ char *scratch = malloc(len + 1);
	struct lxc_reader reader = { 0 };

	if (!scratch)
		return err_oom(e);
	memcpy(scratch, text, len);
	scratch[len] = '\0';
	return lxc_parse_text(s, scratch, len, name, &reader, e);
}

int lxc_config_parse(const char *text, size_t len, const char *name, struct lxc_config **ret, struct err *e)
{
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;
	int r;

	if (len > LXC_FILE_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: expected a file of at most %u bytes", name, LXC_FILE_MAX);
	r = lxc_config_new(&c, e);
	if (r < 0)
		return r;
	c->name = strdup(name);
	/* Room for the edits to come. */
	c->text.limit = 2 * LXC_FILE_MAX;
	buf_add(&c->text, text, len);
	r = c->name ? buf_error(&c->text, e) : err_oom(e);
	r = r < 0 ? r : parse_copy(&c->spec, text, len, name, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

int lxc_config_load(const char *path, struct lxc_config **ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = lxc_read(path, &text, &len, e);
	return r < 0 ? r : lxc_config_parse(text, len, path, ret, e);
}

int lxc_config_read(struct lxc_config *c, const char *path, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_spec_ struct spec both;
	size_t len;
	int r;

	spec_init(&both);
	r = lxc_read(path, &text, &len, e);
	r = r < 0 ? r : spec_copy(&both, &c->spec, e);
	r = r < 0 ? r : parse_copy(&both, text, len, path, e);
	if (r < 0)
		return r;
	if (c->text.len && c->text.data[c->text.len - 1] != '\n')
		buf_putc(&c->text, '\n');
	buf_add(&c->text, text, len);
	r = buf_error(&c->text, e);
	if (r < 0)
		return r;
	spec_done(&c->spec);
	c->spec = both;
	spec_init(&both);
	return 0;
}

int lxc_config_text(const struct lxc_config *c, struct buf *out, struct err *e)
{
	buf_add(out, c->text.data, c->text.len);
	return buf_error(out, e);
}

/* --- edits ------------------------------------------------------------------------------------------------------------ */

static bool same_key(const struct lxc_ref *a, const struct lxc_ref *b)
{
	return a->key == b->key && (!a->sub || !b->sub ? a->sub == b->sub : streq(a->sub, b->sub));
}

/* Does LINE (LEN bytes) say K, or something below K when K is a whole family? */
static bool line_says(const char *line, size_t len, const struct lxc_ref *k)
{
	_cleanup_free_ char *copy = strndup(line, len);
	struct lxc_line l;
	struct lxc_ref found;

	if (!copy || lxc_line_split(copy, &l, NULL) <= 0 || lxc_key_find(l.key, strlen(l.key), &found, NULL) < 0)
		return false;
	return same_key(&found, k) || (!k->sub && found.key == k->key);
}

/* OUT: TEXT without the lines that say K, and LINE (may be empty) where the last of them was, or at the end. */
static void edit_in_place(const struct buf *text, const struct lxc_ref *k, const char *line, struct buf *out)
{
	const char *p = buf_str(text), *end = p + text->len;
	size_t at = SIZE_MAX;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl ? (size_t)(nl - p) + 1 : (size_t)(end - p);

		if (line_says(p, n - (nl != NULL), k))
			at = out->len;
		else
			buf_add(out, p, n);
		p += n;
	}
	if (at < out->len) {
		_cleanup_free_ char *tail = strndup(out->data + at, out->len - at);

		if (!tail)
			out->error = -ENOMEM;
		out->len = at;
		buf_puts(out, line);
		buf_puts(out, tail ?: "");
		return;
	}
	if (*line && out->len && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
	buf_puts(out, line);
}

static void edit_at_end(const struct buf *text, const char *line, struct buf *out)
{
	buf_add(out, text->data, text->len);
	if (out->len && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
	buf_puts(out, line);
}

static bool means(const struct buf *text, const struct spec *want)
{
	_cleanup_spec_ struct spec s;

	spec_init(&s);
	return !text->error && parse_copy(&s, buf_str(text), text->len, "", NULL) == 0 && spec_equal(&s, want);
}

/* A list takes one more line; everything else has one. */
static bool is_list(const struct lxc_ref *k, const struct spec *s)
{
	const struct field *f = k->key->field ? lxc_key_field(k->key) : NULL;

	return k->key->kind == &lxc_kind_include || k->key->kind == &lxc_kind_cgroup ||
	       k->key->kind == &lxc_kind_mount || k->key->kind == &lxc_kind_idmap || k->key->kind == &lxc_kind_ns ||
	       (f && f->type == FT_STRV && k->key->kind != &lxc_kind_map);
}

/* TEXT and what it means become C's own; what was there goes. */
static void take_over(struct lxc_config *c, struct buf *text, struct spec *spec)
{
	buf_done(&c->text);
	c->text = *text;
	*text = BUF_INIT;
	spec_done(&c->spec);
	c->spec = *spec;
	spec_init(spec);
}

static int edit(struct lxc_config *c, const char *key, const struct lxc_ref *k, const char *value, struct err *e)
{
	_cleanup_spec_ struct spec want;
	_cleanup_buf_ struct buf line = BUF_INIT, text = { .limit = 2 * LXC_FILE_MAX };
	struct lxc_reader reader = { 0 };
	struct lxc_ref ref = *k;
	bool tidy = false;
	int r;

	ref.reader = &reader;
	spec_init(&want);
	r = spec_copy(&want, &c->spec, e);
	r = r < 0 ? r : lxc_ref_set(&ref, &want, value, e);
	if (r < 0)
		return r;
	r = lxc_put_line(&line, key, value, e);
	if (r < 0)
		return r;
	if (!*value || !is_list(k, &want)) {
		edit_in_place(&c->text, k, *value ? buf_str(&line) : "", &text);
		tidy = means(&text, &want);
	}
	if (!tidy) {
		buf_reset(&text);
		edit_at_end(&c->text, buf_str(&line), &text);
	}
	r = buf_error(&text, e);
	if (r < 0)
		return r;
	take_over(c, &text, &want);
	return 0;
}

int lxc_config_set(struct lxc_config *c, const char *key, const char *value, struct err *e)
{
	_cleanup_free_ char *copy = strdup(value);
	struct lxc_ref k;
	int r;

	if (!copy)
		return err_oom(e);
	r = lxc_key_find(key, strlen(key), &k, e);
	if (r >= 0)
		r = strchr(value, '\n') ? lxc_expected(e, "one line", value)
					: edit(c, key, &k, lxc_value_trim(copy), e);
	return r < 0 ? err_wrap(e, r, "%.200s", key) : 0;
}

int lxc_config_clear(struct lxc_config *c, const char *key, struct err *e)
{
	return lxc_config_set(c, key, "", e);
}

/* OUT: the line at P, of N bytes, or what FN makes of it. */
static int map_line(const char *p, size_t n, lxc_map_fn fn, void *arg, struct buf *out, struct err *e)
{
	size_t len = n && p[n - 1] == '\n' ? n - 1 : n;
	_cleanup_free_ char *copy = strndup(p, len), *value = NULL;
	struct lxc_line l;
	int r = 0;

	if (!copy)
		return err_oom(e);
	if (lxc_line_split(copy, &l, NULL) > 0)
		r = fn(arg, l.key, l.value, &value, e);
	if (r < 0)
		return r;
	if (value)
		return lxc_put_line(out, l.key, value, e);
	buf_add(out, p, n);
	return 0;
}

int lxc_config_map(struct lxc_config *c, lxc_map_fn fn, void *arg, struct err *e)
{
	_cleanup_buf_ struct buf text = { .limit = 2 * LXC_FILE_MAX };
	_cleanup_spec_ struct spec s;
	const char *p = buf_str(&c->text), *end = p + c->text.len;
	int r = 0;

	spec_init(&s);
	while (p < end && r == 0) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl ? (size_t)(nl - p) + 1 : (size_t)(end - p);

		r = map_line(p, n, fn, arg, &text, e);
		p += n;
	}
	r = r < 0 ? r : buf_error(&text, e);
	r = r < 0 ? r : parse_copy(&s, buf_str(&text), text.len, c->name ?: "", e);
	if (r < 0)
		return r;
	take_over(c, &text, &s);
	return 0;
}
