/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole spec as lxc.conf: what reads back as the same spec, and comments for what LXC has no word for. */
#include <errno.h>

#include "dialect/lxc/keys.h"

static bool wants_quotes(const char *v)
{
	size_t n = strlen(v);

	return n && (strchr(" \t\r", v[0]) || strchr(" \t\r", v[n - 1]) ||
		     (n > 1 && (v[0] == '"' || v[0] == '\'') && v[n - 1] == v[0]));
}

int lxc_put_line(struct buf *out, const char *key, const char *value, struct err *e)
{
	const char *q = wants_quotes(value) ? "\"" : "";

	if (strchr(value, '\n'))
		return err_kind(e, ERR_INVALID, -EOPNOTSUPP, "%s: a value of several lines cannot be said", key);
	buf_puts(out, key);
	buf_puts(out, *value ? " = " : " =");
	buf_puts(out, q);
	buf_puts(out, value);
	buf_puts(out, q);
	buf_putc(out, '\n');
	return buf_error(out, e);
}

static bool has_key(const struct field *f)
{
	if (startswith(f->name, "ns.share."))
		return true;
	for (const struct lxc_key *k = lxc_keys; k->name; k++)
		if (k->field && streq(k->field, f->name))
			return true;
	return false;
}

static bool has_option(const char *options, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = options ?: ""; *p; p += strcspn(p, ",")) {
		p += *p == ',';
		if (strncmp(p, word, n) == 0 && (p[n] == ',' || !p[n]))
			return true;
	}
	return false;
}

/* What LXC says with another key: adds to TO, a copy that is saved. The fields in FROM that found no words stay set. */
static int rephrase(struct spec *to, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (to->rootfs.read_only == TRI_YES) {
		if (!has_option(to->rootfs.options, "ro")) {
			buf_printf(&b, "%s%sro", to->rootfs.options ?: "", to->rootfs.options ? "," : "");
			free(to->rootfs.options);
			to->rootfs.options = buf_take(&b);
			if (!to->rootfs.options)
				return err_oom(e);
		}
		to->rootfs.read_only = TRI_UNSET;
	}
	if (!to->process.args.n)
		return 0;
	for (size_t i = 0; i < to->process.args.n; i++) {
		const char *w = to->process.args.v[i];

		if (strchr(w, '\n'))
			return 0;
		buf_puts(&b, i ? " " : "");
		if (*w && !strpbrk(w, " \t\"'\\")) {
			buf_puts(&b, w);
			continue;
		}
		buf_putc(&b, '"');
		for (; *w; w++)
			buf_printf(&b, *w == '"' || *w == '\\' ? "\\%c" : "%c", *w);
		buf_putc(&b, '"');
	}
	free(to->process.init_cmd);
	to->process.init_cmd = buf_take(&b);
	strv_done(&to->process.args);
	return to->process.init_cmd ? 0 : err_oom(e);
}

/* One comment a line of F's dump, except for the name, which LXC keeps in the folder's name. */
static int put_inexpressible(const struct field *f, const struct spec *s, struct buf *out, struct err *e)
{
	const struct strv *l = (const struct strv *)((const char *)s + f->offset);
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r;

	if (f->type == FT_STRV) {
		for (size_t i = 0; i < l->n; i++)
			buf_printf(&b, "%s\n", l->v[i]);
	} else {
		r = field_get(f, s, &b, e);
		if (r < 0)
			return r;
		buf_putc(&b, '\n');
	}
	for (const char *p = buf_str(&b); *p;) {
		size_t n = strcspn(p, "\n");

		buf_printf(out, "# not expressible: %s=%.*s\n", f->name, (int)n, p);
		p += n + (p[n] == '\n');
	}
	return buf_error(out, e);
}

int lxc_save(const struct spec *s, struct buf *out, struct err *e)
{
	_cleanup_spec_ struct spec copy;
	int r;

	spec_init(&copy);
	r = spec_copy(&copy, s, e);
	r = r < 0 ? r : rephrase(&copy, e);
	for (const struct lxc_key *k = lxc_keys; k->name && r >= 0; k++) {
		size_t before = out->len;

		if (k->alias)
			continue;
		r = k->kind->save(k, &copy, out, e);
		if (r != -EOPNOTSUPP)
			continue;
		/* Several lines in one value: said as a comment, and no half of it as a key. */
		out->len = before;
		if (out->data)
			out->data[before] = '\0';
		err_clear(e);
		r = put_inexpressible(lxc_key_field(k), &copy, out, e);
	}
	for (const struct field *f = spec_fields; f->name && r >= 0; f++)
		if (field_is_set(f, &copy) && !has_key(f) && !streq(f->name, "name"))
			r = put_inexpressible(f, &copy, out, e);
	return r < 0 ? r : buf_error(out, e);
}
