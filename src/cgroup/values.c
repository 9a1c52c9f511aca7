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

/* The hierarchy that KEY is for, among those in USED, and whether KEY is in its words (0: native) or the other version's
 * (that version). */
static int find_hier(struct cg_host *host, uint32_t used, unsigned version, const char *key, const struct cg_hier **ret,
		     unsigned *ret_from, struct err *e)
{
	struct cg g = { .host = host, .used = used };
	int c = cg_key_ctrl(key);
	const struct cg_hier *h = NULL;
	unsigned known = cg_key_versions(key), from;

	if (host->oci && version == 2 && host->layout != CG_V2)
		return err_kind(
			e, ERR_INVALID, -EINVAL,
			"linux.resources.unified: invalid configuration: %s needs cgroup v2 alone, this host has %s",
			key, host->layout == CG_HYBRID ? "v1 beside it" : "v1");
	/* cgroup.* is v2's core, but for the one file that v1's cpuset knows. */
	if (c == CC_CORE && known == 0 && streq(key, "cgroup.clone_children"))
		c = CC_CPUSET;
	if (c >= 0 && !(h = cg_hier_for(&g, c))) {
		cg_host_complete(host);
		h = cg_hier_for(&g, c);
	}
	g.used = (1u << host->n) - 1;
	if (!h && c >= 0 && (h = cg_hier_for(&g, c))) {
		err_kind(e, ERR_DENIED, -EACCES, "cannot set %s: container could not join or create cgroup (%s)", key,
			 h->name);
		return err_hint(e, -EACCES, "have a group of that hierarchy delegated, or do without the limit");
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
	if (r == -ENOENT)
		return err_hint(e, r, "this kernel does not have it");
	return r;
}

static int write_once(const struct cg *g, const struct cg_hier *h, const char *key, const char *value, struct err *e)
{
	const char *s = value;
	int r = 0;

	/* v2's files take one line a write: io.max of several disks is several writes. */
	if (h->ops->version == 1 || !strchr(value, '\n'))
		return cg_write(g, h, key, value, e);
	while (*s && r == 0) {
		size_t n = strcspn(s, "\n");
		_cleanup_free_ char *line = strndup(s, n);

		if (!line)
			return err_oom(e);
		if (n > 0)
			r = cg_write(g, h, key, line, e);
		s += n + (s[n] == '\n');
	}
	return r;
}

/* Writes; a file that is missing because the groups above do not pass its controller on gets a second chance. */
static int write_value(const struct cg *g, const struct cg_hier *h, const char *key, const char *value, struct err *e)
{
	int r = write_once(g, h, key, value, e);

	if (r != -ENOENT || !h->lazy)
		return r;
	err_clear(e);
	h->ops->pass_down(h, cg_at(g, h));
	return write_once(g, h, key, value, e);
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
	r = write_value(g, h, p->key, buf_str(&value), e);
	/* Without swap, or its accounting, there is none to forbid or to allow. */
	if (r == -ENOENT && g->host->oci && streq(p->key, "memory.swap.max") &&
	    (streq(buf_str(&value), "max") || streq(buf_str(&value), "0"))) {
		err_clear(e);
		return 0;
	}
	return r;
}

/* Files that v1 kernels have under either name: BFQ's since 5.0. */
static const char *other_name(const char *key)
{
	return streq(key, "blkio.weight")	   ? "blkio.bfq.weight"
	       : streq(key, "blkio.weight_device") ? "blkio.bfq.weight_device"
						   : NULL;
}

static int set_native(struct cg *g, const struct cg_hier *h, const char *key, const char *value, struct err *e)
{
	const char *other = h->ops->version == 1 ? other_name(key) : NULL;
	int r = write_value(g, h, key, value, e);

	if (r == -ENOENT && other) {
		err_clear(e);
		r = write_value(g, h, other, value, e);
	}
	return r;
}

/* A limit on huge pages in use kills; one on reservations makes mmap() say no. Who sets the first wants the second. */
static int set_reservation(struct cg *g, const struct cg_hier *h, const char *key, const char *value, struct err *e)
{
	const char *suffix = h->ops->version == 1 ? ".limit_in_bytes" : ".max", *dot = strchr(key + 8, '.');
	_cleanup_free_ char *file = NULL;
	int r;

	/* "hugetlb.2MB.limit_in_bytes", and not what has ".rsvd" already. */
	if (!dot || (!streq(dot, ".limit_in_bytes") && !streq(dot, ".max")))
		return 0;
	if (asprintf(&file, "%.*s.rsvd%s", (int)(dot - key), key, suffix) < 0)
		return err_oom(e);
	r = write_value(g, h, file, h->ops->version == 2 && streq(value, "-1") ? "max" : value, e);
	if (r == -ENOENT) {
		err_clear(e);
		r = 0;
	}
	return r;
}

/* Callers that fill in all of linux.resources say 0 where they mean nothing: so runc takes it, and neither the kernel's
 * answer nor a missing controller is of interest then. */
static bool says_nothing(const struct cg_host *host, const char *key, const char *value)
{
	static const char *const zero[] = { "memory.limit_in_bytes",
					    "memory.memsw.limit_in_bytes",
					    "memory.soft_limit_in_bytes",
					    "memory.oom_control",
					    "cpu.shares",
					    "cpu.cfs_quota_us",
					    "cpu.cfs_period_us",
					    "cpu.rt_runtime_us",
					    "cpu.rt_period_us",
					    "blkio.weight",
					    "blkio.leaf_weight",
					    "net_cls.classid" };

	/* cg_apply()'s. */
	if (streq(key, "memory.check_before_update"))
		return true;
	if (!host->oci)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(zero); i++)
		if (streq(key, zero[i]))
			return streq(value, "0");
	return streq(key, "memory.swappiness") && streq(value, "-1");
}

/* What OCI's numbers say that the files say otherwise. NULL: there is nothing to write. */
static const char *oci_value(const struct cg_host *host, const struct cg_hier *h, const char *key, const char *value)
{
	if (streq(key, "pids.max"))
		return value[0] == '-' ? "max" : streq(value, "0") && host->oci ? "1" : value;
	/* What the kernel does by itself needs no words for it. */
	return streq(key, "memory.oom_control") && h->ops->version == 2 && streq(value, "0") ? NULL : value;
}

/* An ordinary user has no devices that a rule could keep from him, nor the right to make rules. */
static int forgive_rootless(const struct cg_host *host, int r, struct err *e)
{
	if (!host->oci || !host->oci->rootless || (r != -EACCES && r != -EPERM && r != -EROFS && r != -EOPNOTSUPP))
		return r;
	err_clear(e);
	return 0;
}

static int set_device(struct cg *g, const struct cg_hier *h, const char *key, const char *value, struct err *e)
{
	struct cg_dev_rule rule;
	int r = cg_dev_parse(streq(key, "devices.allow"), value, &rule, e);

	return r < 0 ? r : forgive_rootless(g->host, h->ops->device(g, h, &rule, value, e), e);
}

static int set_translated(struct cg *g, const struct cg_hier *h, unsigned from, const char *key, const char *value,
			  struct err *e)
{
	_cleanup_pieces_ struct cg_pieces p = { 0 };
	int r;

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

int cg_set(struct cg *g, unsigned version, const char *key, const char *value, struct err *e)
{
	const struct cg_hier *h;
	unsigned from;
	int r;

	if (says_nothing(g->host, key, value))
		return 0;
	r = key_check(key, e);
	if (r == 0)
		r = find_hier(g->host, g->used, version, key, &h, &from, e);
	if (r < 0)
		return startswith(key, "devices.") ? forgive_rootless(g->host, r, e) : r;
	if (streq(key, "devices.allow") || streq(key, "devices.deny"))
		return set_device(g, h, key, value, e);
	value = oci_value(g->host, h, key, value);
	if (!value)
		return 0;
	if (from == 0) {
		r = set_native(g, h, key, value, e);
		r = r < 0 ? explain(g, h, key, r, e) : 0;
	} else {
		r = set_translated(g, h, from, key, value, e);
	}
	if (r == 0 && g->host->oci && version != 2 && startswith(key, "hugetlb."))
		r = set_reservation(g, h, key, value, e);
	return r;
}

int cg_check(struct cg_host *h, const struct cg_item *item, struct err *e)
{
	_cleanup_pieces_ struct cg_pieces p = { 0 };
	const struct cg_hier *x = NULL;
	unsigned from = 0;
	int r;

	if (says_nothing(h, item->key, item->value))
		return 0;
	r = key_check(item->key, e);
	if (r == 0)
		r = find_hier(h, (1u << h->n) - 1, item->version, item->key, &x, &from, e);
	if (r < 0 || !oci_value(h, x, item->key, item->value) || from == 0)
		return r;
	return cg_translate_pieces(x->ops->version, from, item->key, item->value, &p, e);
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
		r = find_hier(g->host, g->used, 0, key, &h, &from, e);
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

	return h ? forgive_rootless(g->host, h->ops->device_commit(g, h, e), e) : 0;
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
