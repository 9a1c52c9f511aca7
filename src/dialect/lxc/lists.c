/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kinds whose lines become elements of a list: mounts, id maps, control files, limits, NAME=VALUE maps. */
#include <errno.h>
#include <stdio.h>

#include "base/parse.h"
#include "dialect/lxc/keys.h"

static int list_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	field_clear(lxc_key_field(k->key), s);
	return 0;
}

/* Adds an element to the row's list with MEMBERS set from VALUES; an empty value is skipped. */
static int add_element(const struct lxc_key *k, struct spec *s, const char *const *members, const char *const *values,
		       size_t n, struct err *e)
{
	const struct field *f = lxc_key_field(k);
	struct list *l = (struct list *)((char *)s + f->offset);
	void *element = field_list_add(f, s, e);
	int r = 0;

	if (!element)
		return -ENOMEM;
	for (size_t i = 0; i < n && r >= 0; i++)
		r = field_set(field_row(f->sub, members[i], strlen(members[i])), element, values[i], e);
	if (r < 0)
		field_list_remove(f, s, l->n - 1);
	return r;
}

/* --- lxc.mount.entry: a line of fstab(5), blanks in paths as \040 --------------------------------------------------- */

static void put_octal(struct buf *out, const char *s)
{
	if (!*s)
		buf_puts(out, "none");
	for (; *s; s++) {
		if (strchr(" \t\n\\", *s))
			buf_printf(out, "\\%03o", (unsigned)*s);
		else
			buf_putc(out, *s);
	}
}

static int mount_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	static const char *const members[] = { "source", "target", "fstype", "options" };
	_cleanup_strv_ struct strv w = STRV_INIT;
	int r;

	r = strv_split(&w, value, " \t", e);
	if (r < 0)
		return r;
	if (w.n < 2 || w.n > 6)
		return lxc_expected(e, "SOURCE TARGET TYPE [OPTIONS [0 0]]", value);
	/* LXC takes a line without a type, and refuses to start with it; so does the compiler. */
	r = w.n == 2 ? strv_push(&w, "none", e) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < w.n; i++) {
		unescape_octal(w.v[i]);
		if (strchr(w.v[i], '\n'))
			return lxc_expected(e, "SOURCE TARGET TYPE [OPTIONS [0 0]]", value);
	}
	return add_element(k->key, s, members, (const char *const *)w.v, w.n < 4 ? w.n : 4, e);
}

static void put_mount(struct buf *out, const struct spec_mount *m)
{
	put_octal(out, m->source ?: "");
	buf_putc(out, ' ');
	put_octal(out, m->target ?: "");
	buf_putc(out, ' ');
	put_octal(out, m->fstype ?: "");
	if (m->options) {
		buf_putc(out, ' ');
		put_octal(out, m->options);
		buf_puts(out, " 0 0");
	}
}

static int mount_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	LIST_EACH(m, &s->mounts, struct spec_mount) {
		put_mount(out, m);
		buf_putc(out, '\n');
	}
	return 0;
}

static int mount_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	int r = 0;

	LIST_EACH(m, &s->mounts, struct spec_mount) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		put_mount(&b, m);
		r = buf_error(&b, e);
		r = r < 0 ? r : lxc_put_line(out, k->name, buf_str(&b), e);
		if (r < 0)
			break;
	}
	return r;
}

const struct lxc_kind lxc_kind_mount = { mount_set, mount_get, list_clear, mount_save };

/* --- lxc.idmap: u|g NSID HOSTID RANGE --------------------------------------------------------------------------------- */

static int idmap_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	static const char *const members[] = { "type", "nsid", "hostid", "range" };
	_cleanup_strv_ struct strv w = STRV_INIT;
	uint32_t n;
	int r;

	r = strv_split(&w, value, " \t", e);
	if (r < 0)
		return r;
	if (w.n != 4 || (!streq(w.v[0], "u") && !streq(w.v[0], "g")) || parse_u32(w.v[1], &n) < 0 ||
	    parse_u32(w.v[2], &n) < 0 || parse_u32(w.v[3], &n) < 0 || !n)
		return lxc_expected(e, "u|g FIRST-ID FIRST-HOST-ID COUNT", value);
	return add_element(k->key, s, members, (const char *const *)w.v, w.n, e);
}

static int idmap_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const char *sep = "";

	LIST_EACH(m, &s->idmaps, struct spec_idmap) {
		buf_printf(out, "%s%c %u %u %u", sep, m->type, m->nsid, m->hostid, m->range);
		sep = "\n";
	}
	return 0;
}

static int idmap_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	/* LXC has no word for both kinds at once. */
	LIST_EACH(m, &s->idmaps, struct spec_idmap)
		for (const char *t = m->type == 'b' ? "ug" : (char[]){ m->type, '\0' }; *t; t++)
			buf_printf(out, "%s = %c %u %u %u\n", k->name, *t, m->nsid, m->hostid, m->range);
	return 0;
}

const struct lxc_kind lxc_kind_idmap = { idmap_set, idmap_get, list_clear, idmap_save };

/* --- lxc.cgroup.FILE, lxc.cgroup2.FILE --------------------------------------------------------------------------------- */

static int cgroup_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	static const char *const members[] = { "version", "key", "value" };
	const char *values[] = { k->key->version == 1 ? "1" : "2", k->sub, value };

	if (!k->sub || !*k->sub)
		return lxc_expected(e, "an empty value, or a key like lxc.cgroup2.memory.max", value);
	return add_element(k->key, s, members, values, ARRAY_SIZE(values), e);
}

static int cgroup_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	LIST_EACH(i, &s->cgroup.items, struct spec_cgroup_item) {
		if (i->version != k->key->version || !i->key || (k->sub && !streq(i->key, k->sub)))
			continue;
		if (!k->sub)
			buf_printf(out, "%s%s = ", k->key->name, i->key);
		buf_printf(out, "%s\n", i->value ?: "");
	}
	return 0;
}

static int cgroup_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	const struct field *f = lxc_key_field(k->key);

	for (size_t i = s->cgroup.items.n; i-- > 0;) {
		struct spec_cgroup_item *it = LIST_AT(&s->cgroup.items, struct spec_cgroup_item, i);

		if (it->version == k->key->version && (!k->sub || streq_ptr(it->key, k->sub)))
			field_list_remove(f, s, i);
	}
	return 0;
}

/* Both families stand in one list: the row of version 1 writes them all, in order. */
static int cgroup_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	int r = 0;

	if (k->version != 1)
		return 0;
	LIST_EACH(i, &s->cgroup.items, struct spec_cgroup_item) {
		_cleanup_buf_ struct buf name = BUF_INIT;

		buf_printf(&name, "lxc.cgroup%s.%s", i->version == 1 ? "" : "2", i->key ?: "");
		r = buf_error(&name, e);
		r = r < 0 ? r : lxc_put_line(out, buf_str(&name), i->value ?: "", e);
		if (r < 0)
			break;
	}
	return r;
}

const struct lxc_kind lxc_kind_cgroup = { cgroup_set, cgroup_get, cgroup_clear, cgroup_save };

/* --- lxc.prlimit.RESOURCE: SOFT[:HARD] ---------------------------------------------------------------------------------- */

static int parse_limit(const char *v, uint64_t *ret)
{
	if (streq(v, "unlimited")) {
		*ret = UNSET64;
		return 0;
	}
	return parse_u64(v, ret);
}

static int rlimit_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	const struct field *f = lxc_key_field(k->key);

	for (size_t i = s->process.rlimits.n; i-- > 0;)
		if (!k->sub || streq_ptr(LIST_AT(&s->process.rlimits, struct spec_rlimit, i)->resource, k->sub))
			field_list_remove(f, s, i);
	return 0;
}

static int rlimit_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	static const char *const members[] = { "resource" };
	_cleanup_free_ char *copy = strdup(value);
	struct spec_rlimit *l;
	uint64_t soft, hard;
	char *colon;
	int r;

	if (!copy)
		return err_oom(e);
	if (!k->sub || !*k->sub)
		return lxc_expected(e, "an empty value, or a key like lxc.prlimit.nofile", value);
	colon = strchr(copy, ':');
	if (colon)
		*colon++ = '\0';
	copy[strcspn(copy, " \t")] = '\0';
	if (colon)
		colon += strspn(colon, " \t");
	if (parse_limit(copy, &soft) < 0 || parse_limit(colon ?: copy, &hard) < 0 || soft > hard)
		return lxc_expected(e, "SOFT[:HARD], numbers or 'unlimited', the soft limit not above the hard one",
				    value);
	/* The later line counts; add first, so that a wrong name changes nothing. */
	r = add_element(k->key, s, members, &k->sub, 1, e);
	if (r < 0)
		return r;
	for (size_t i = s->process.rlimits.n - 1; i-- > 0;)
		if (streq_ptr(LIST_AT(&s->process.rlimits, struct spec_rlimit, i)->resource, k->sub))
			field_list_remove(lxc_key_field(k->key), s, i);
	l = LIST_AT(&s->process.rlimits, struct spec_rlimit, s->process.rlimits.n - 1);
	l->soft = soft;
	l->hard = hard;
	return 0;
}

static void put_limit(struct buf *out, uint64_t v)
{
	if (v == UNSET64)
		buf_puts(out, "unlimited");
	else
		buf_printf(out, "%llu", (unsigned long long)v);
}

static int put_rlimits(const struct lxc_key *k, const char *sub, const struct spec *s, struct buf *out)
{
	LIST_EACH(l, &s->process.rlimits, struct spec_rlimit) {
		if (!l->resource || (sub && !streq(l->resource, sub)))
			continue;
		if (!sub)
			buf_printf(out, "%s%s = ", k->name, l->resource);
		put_limit(out, l->soft);
		if (l->soft != l->hard) {
			buf_putc(out, ':');
			put_limit(out, l->hard);
		}
		if (!sub)
			buf_putc(out, '\n');
	}
	return 0;
}

static int rlimit_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	return put_rlimits(k->key, k->sub, s, out);
}

static int rlimit_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	return put_rlimits(k, NULL, s, out);
}

const struct lxc_kind lxc_kind_rlimit = { rlimit_set, rlimit_get, rlimit_clear, rlimit_save };

/* --- lxc.sysctl.NAME, lxc.proc.FILE: a list of NAME=VALUE ----------------------------------------------------------------- */

static struct strv *map_of(const struct lxc_key *k, const struct spec *s)
{
	return (struct strv *)((char *)(uintptr_t)s + lxc_key_field(k)->offset);
}

static int map_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	const struct field *f = lxc_key_field(k->key);
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r;

	if (!k->sub || !*k->sub || strchr(k->sub, '='))
		return lxc_expected(e, "an empty value, or a key with the parameter's name", value);
	buf_printf(&b, "%s=%s", k->sub, value);
	r = buf_error(&b, e);
	if (r < 0)
		return r;
	r = f->check(buf_str(&b), e);
	return r < 0 ? r : strv_env_set(map_of(k->key, s), buf_str(&b), e);
}

static int put_map(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	const struct strv *l = map_of(k, s);
	int r = 0;

	for (size_t i = 0; i < l->n && r >= 0; i++) {
		_cleanup_buf_ struct buf name = BUF_INIT;
		const char *eq = strchr(l->v[i], '=');

		buf_puts(&name, k->name);
		buf_add(&name, l->v[i], (size_t)(eq - l->v[i]));
		r = buf_error(&name, e);
		r = r < 0 ? r : lxc_put_line(out, buf_str(&name), eq + 1, e);
	}
	return r;
}

static int map_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	if (!k->sub)
		return put_map(k->key, s, out, e);
	buf_puts(out, strv_env_get(map_of(k->key, s), k->sub) ?: "");
	return 0;
}

static int map_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	struct strv *l = map_of(k->key, s);
	size_t n = k->sub ? strlen(k->sub) : 0;

	for (size_t i = l->n; i-- > 0;)
		if (!k->sub || (strncmp(l->v[i], k->sub, n) == 0 && l->v[i][n] == '='))
			strv_remove(l, i);
	return 0;
}

const struct lxc_kind lxc_kind_map = { map_set, map_get, map_clear, put_map };
