/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Setting and reading control files in either version's words. */

#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "cgroup/driver.h"
#include "cgroup/translate.h"

static int key_check(const char *key, struct err *e)
{
	const char *dot = strchr(key, '.');

	/* cgroup.procs and tasks are cg_attach()'s; the rest of a file name is the kernel's to know. */
	if (!path_is_component(key) || !dot || dot == key || !dot[1] || streq(key, "cgroup.procs"))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%.64s' is not the name of a control file", key);
	return 0;
}

/* The hierarchy that KEY is for, and whether KEY is in its words (0: native) or the other version's (that version). */
static int find_hier(const struct cg *g, unsigned version, const char *key, const struct cg_hier **ret,
		     unsigned *ret_from, struct err *e)
{
	int c = cg_key_ctrl(key);
	const struct cg_hier *h = NULL;
	unsigned known = cg_key_versions(key), from;

	/* cgroup.* is v2's core, but for the one file that v1's cpuset knows. */
	if (c == CC_CORE && known == 0 && streq(key, "cgroup.clone_children"))
		c = CC_CPUSET;
	if (c >= 0 && !(h = cg_hier_for(g, c))) {
		cg_host_complete(g->host);
		h = cg_hier_for(g, c);
	}
	if (!h) {
		err_kind(e, ERR_MISSING, -EOPNOTSUPP, "%s: this host has no %s controller mounted", key,
			 c >= 0 ? cg_ctrl_name(c, 1) : "such");
		return err_hint(e, -EOPNOTSUPP, "see 'creel doctor' for the controllers there are");
	}
	/* A file of both versions' names needs no translation, whatever version is said. */
	from = known == 3 || (known & h->ops->version) ? h->ops->version : known ? 3 - h->ops->version : version;
	if (version && known == 0 && version != h->ops->version && c != CC_NAMED)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP,
				"%s has no counterpart in cgroup v%u, which this host uses", key, h->ops->version);
	*ret = h;
	*ret_from = from == h->ops->version ? 0 : from;
	return 0;
}

static int explain(const struct cg *g, const struct cg_hier *h, const char *key, int r, struct err *e)
{
	if (r == -ENOENT && startswith(key, "memory.memsw."))
		return err_hint(e, r, "swap is not accounted: boot with swapaccount=1");
	if (r == -ENOENT && h->ops->version == 2)
		return err_hint(e, r, "the group above does not pass this controller on, or the kernel lacks it");
	if (r == -EBUSY && strstr(key, "limit_in_bytes"))
		return err_hint(e, r, "more is in use than the new limit and it cannot be reclaimed");
	return r;
}

/* Writes; a file that is missing because the groups above do not pass its controller on gets a second chance. */
static int write_value(const struct cg *g, const struct cg_hier *h, const char *key, const char *value, struct err *e)
{
	int r = cg_write(g, h, key, value, e);

	if (r != -ENOENT || !h->lazy)
		return r;
	err_clear(e);
	h->ops->pass_down(h, g->path);
	return cg_write(g, h, key, value, e);
}

static int set_piece(struct cg *g, const struct cg_hier *h, const struct cg_piece *p, struct err *e)
{
	_cleanup_buf_ struct buf other = BUF_INIT, value = BUF_INIT;
	int r;

	if (p->fix != FIX_NONE) {
		r = cg_read(g, h, p->fix_file, &other, e);
		if (r < 0)
			return err_wrap(e, r, "set %s", p->key);
	}
	r = cg_fix_apply(p->fix, h->ops->version, false, p->value, buf_str(&other), &value);
	if (r < 0)
		return err_kind(e, ERR_INVALID, r, "%s: '%s' does not go with %s, which is '%s'", p->key, p->value,
				p->fix_file, buf_str(&other));
	return write_value(g, h, p->key, buf_str(&value), e);
}

static int set_device(struct cg *g, const struct cg_hier *h, const char *key, const char *value, struct err *e)
{
	struct cg_dev_rule rule;
	int r = cg_dev_parse(streq(key, "devices.allow"), value, &rule, e);

	return r < 0 ? r : h->ops->device(g, h, &rule, value, e);
}

int cg_set(struct cg *g, unsigned version, const char *key, const char *value, struct err *e)
{
	_cleanup_pieces_ struct cg_pieces p = { 0 };
	const struct cg_hier *h;
	unsigned from;
	int r;

	r = key_check(key, e);
	if (r == 0)
		r = find_hier(g, version, key, &h, &from, e);
	if (r < 0)
		return r;
	if (streq(key, "devices.allow") || streq(key, "devices.deny"))
		return set_device(g, h, key, value, e);
	if (from == 0) {
		r = write_value(g, h, key, value, e);
		return r < 0 ? explain(g, h, key, r, e) : 0;
	}
	r = cg_translate_pieces(h->ops->version, from, key, value, &p, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < p.n; i++) {
		r = set_piece(g, h, &p.v[i], e);
		if (r == -ENOENT && i + 1 < p.n && p.v[i + 1].alternative)
			continue;
		if (r < 0)
			return explain(g, h, p.v[i].key, r, e);
		while (i + 1 < p.n && p.v[i + 1].alternative)
			i++;
	}
	err_clear(e);
	return 0;
}

/* One source file in KEY's words, appended. 1: it says nothing of KEY. */
static int get_source(const struct cg *g, const struct cg_hier *h, const struct cg_source *s, unsigned from,
		      struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT, value = BUF_INIT, other = BUF_INIT;
	const char *file;
	enum cg_fix fix;
	int r;

	r = cg_read(g, h, s->file, &text, e);
	if (r < 0)
		return r;
	r = cg_source_value(s, from, buf_str(&text), &value, &fix, &file);
	if (r == 0 && fix != FIX_NONE) {
		r = cg_read(g, h, file, &other, e);
		if (r < 0)
			return r;
	}
	if (r == 1)
		return 1;
	if (r == 0 && out->len)
		buf_putc(out, '\n');
	if (r == 0)
		r = cg_fix_apply(fix, from, true, buf_str(&value), buf_str(&other), out);
	return r < 0 ? err_set(e, r, "read '%.64s' of %s", buf_str(&text), s->file) : buf_error(out, e);
}

int cg_get(const struct cg *g, const char *key, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const struct cg_hier *h;
	struct cg_source s;
	unsigned from;
	int r;

	r = key_check(key, e);
	if (r == 0)
		r = find_hier(g, 0, key, &h, &from, e);
	if (r < 0)
		return r;
	if (from == 0) {
		r = cg_read(g, h, key, out, e);
		return r < 0 ? explain(g, h, key, r, e) : 0;
	}
	if (!cg_source_get(from, key, 0, &s) || startswith(key, "devices."))
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP,
				"%s has no counterpart to read in cgroup v%u, which this host uses", key,
				h->ops->version);
	for (unsigned i = 0; cg_source_get(from, key, i, &s); i++) {
		if (s.alternative && r != -ENOENT)
			continue;
		r = get_source(g, h, &s, from, &b, e);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	if (r < 0)
		return explain(g, h, key, r, e);
	err_clear(e);
	buf_puts(out, buf_str(&b));
	return buf_error(out, e);
}

int cg_devices_commit(struct cg *g, struct err *e)
{
	const struct cg_hier *h = cg_hier_for(g, CC_DEVICES);

	return h ? h->ops->device_commit(g, h, e) : 0;
}

int cg_translate(unsigned have, unsigned version, const char *key, const char *value, struct strv *ret_keys,
		 struct strv *ret_values, struct err *e)
{
	_cleanup_pieces_ struct cg_pieces p = { 0 };
	_cleanup_strv_ struct strv keys = STRV_INIT, values = STRV_INIT;
	unsigned known = cg_key_versions(key);
	int r;

	r = key_check(key, e);
	if (r < 0)
		return r;
	/* The names in the table are never ambiguous: each is v1's, v2's, or the same in both. */
	if (known)
		version = known & have ? have : 3 - have;
	r = cg_translate_pieces(have, version ?: have, key, value, &p, e);
	for (size_t i = 0; r == 0 && i < p.n; i++) {
		const struct cg_piece *x = &p.v[i];

		if (x->alternative)
			continue;
		r = strv_push(&keys, x->key, e);
		if (r < 0)
			break;
		if (x->fix == FIX_NONE)
			r = strv_push(&values, x->value, e);
		else if (x->fix == FIX_KEEP_FIRST)
			r = strv_pushf(&values, e, "* %s", x->value);
		else
			r = strv_pushf(&values, e, "%s %c %s", x->value, x->fix == FIX_PLUS ? '+' : '-', x->fix_file);
	}
	if (r < 0)
		return r;
	*ret_keys = keys;
	*ret_values = values;
	keys = values = STRV_INIT;
	return 0;
}
