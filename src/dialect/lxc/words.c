/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kinds that stand for one field each and differ in how its value is spelled. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parse.h"
#include "dialect/lxc/keys.h"

/* --- plain: the field's own text form; a list takes one element a line -------------------------------------------- */

static int plain_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	return field_set(lxc_key_field(k->key), s, value, e);
}

static int plain_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const struct field *f = lxc_key_field(k->key);

	if (field_is_set(f, s))
		return field_get(f, s, out, e);
	buf_puts(out, k->key->def ?: "");
	return 0;
}

static int plain_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	field_clear(lxc_key_field(k->key), s);
	return 0;
}

static int plain_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	const struct field *f = lxc_key_field(k);
	_cleanup_buf_ struct buf b = BUF_INIT;
	const struct strv *l = (const struct strv *)((const char *)s + f->offset);
	int r = 0;

	if (!field_is_set(f, s))
		return 0;
	if (f->type == FT_STRV) {
		for (size_t i = 0; i < l->n && r >= 0; i++)
			r = lxc_put_line(out, k->name, l->v[i], e);
		return r;
	}
	r = field_get(f, s, &b, e);
	return r < 0 ? r : lxc_put_line(out, k->name, buf_str(&b), e);
}

const struct lxc_kind lxc_kind_plain = { plain_set, plain_get, plain_clear, plain_save };

/* --- words: several elements a line --------------------------------------------------------------------------------- */

static int split_set(const struct lxc_ref *k, struct spec *s, const char *value, const char *seps, struct err *e)
{
	const struct field *f = lxc_key_field(k->key);
	struct strv *l = (struct strv *)((char *)s + f->offset);
	_cleanup_strv_ struct strv words = STRV_INIT;
	size_t before = l->n;
	int r;

	r = strv_split(&words, value, seps, e);
	for (size_t i = 0; i < words.n && r >= 0; i++)
		r = field_set(f, s, words.v[i], e);
	/* All of a line or nothing of it. */
	while (r < 0 && l->n > before)
		strv_remove(l, l->n - 1);
	return r;
}

static int joined(const struct lxc_key *k, const struct spec *s, const char *sep, struct buf *out)
{
	const struct field *f = lxc_key_field(k);
	const struct strv *l = (const struct strv *)((const char *)s + f->offset);

	for (size_t i = 0; i < l->n; i++)
		buf_printf(out, "%s%s", i ? sep : "", l->v[i]);
	return (int)(l->n > 0);
}

static int joined_save(const struct lxc_key *k, const struct spec *s, const char *sep, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	return joined(k, s, sep, &b) ? lxc_put_line(out, k->name, buf_str(&b), e) : 0;
}

static int words_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	return split_set(k, s, value, " \t", e);
}

static int words_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	return joined_save(k, s, " ", out, e);
}

const struct lxc_kind lxc_kind_words = { words_set, plain_get, plain_clear, words_save };

/* --- mount.auto: words, shown on one line with what a bare word means ------------------------------------------------- */

static int auto_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < s->mount_auto.n; i++) {
		const char *w = s->mount_auto.v[i];

		buf_printf(out, "%s%s%s", i ? " " : "", w, streq(w, "proc") || streq(w, "sys") ? ":mixed" : "");
	}
	return 0;
}

const struct lxc_kind lxc_kind_auto = { words_set, auto_get, plain_clear, words_save };

/* --- commas ----------------------------------------------------------------------------------------------------------- */

static int commas_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	return split_set(k, s, value, ", \t", e);
}

static int commas_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	joined(k->key, s, ",", out);
	return 0;
}

static int commas_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	return joined_save(k, s, ",", out, e);
}

const struct lxc_kind lxc_kind_commas = { commas_set, commas_get, plain_clear, commas_save };

/* --- signal: read by name, shown as a number ------------------------------------------------------------------------ */

static int signal_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const struct field *f = lxc_key_field(k->key);

	buf_printf(out, "%d", *(const int32_t *)((const char *)s + f->offset));
	return 0;
}

const struct lxc_kind lxc_kind_signal = { plain_set, signal_get, plain_clear, plain_save };

/* --- level: read as a number or a name, shown by name ---------------------------------------------------------------- */

static int level_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	enum log_level level;

	if (s->log_level && log_level_parse(s->log_level, &level) == 0)
		buf_puts(out, log_level_name(level));
	else
		buf_puts(out, k->key->def);
	return 0;
}

const struct lxc_kind lxc_kind_level = { plain_set, level_get, plain_clear, plain_save };

/* --- buffer: a size, "auto", rounded up to a power of two of at least a page ------------------------------------------ */

static int buffer_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	uint64_t size, rounded = (uint64_t)sysconf(_SC_PAGESIZE);
	char text[24];

	if (streq(value, "auto"))
		size = 128 << 10;
	else if (parse_size(value, &size) < 0 || size > 1ull << 40)
		return lxc_expected(e, "a size like 128 KB, or 'auto'", value);
	while (rounded < size)
		rounded <<= 1;
	snprintf(text, sizeof(text), "%llu", size ? (unsigned long long)rounded : 0);
	return field_set(lxc_key_field(k->key), s, text, e);
}

const struct lxc_kind lxc_kind_buffer = { buffer_set, plain_get, plain_clear, plain_save };

/* --- clock: an offset, shown in seconds or, where that is no whole number of them, nanoseconds ------------------------ */

static int clock_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = { { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 },
		      { "ms", 1000000 },      { "us", 1000 },	    { "ns", 1 } };
	const struct field *f = lxc_key_field(k->key);
	const char *said = *(char *const *)((const char *)s + f->offset) ?: k->key->def;
	char *end;
	long long v = strtoll(said, &end, 10);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		__int128 ns = (__int128)v * units[i].ns;

		if (!streq(end, units[i].unit))
			continue;
		if (v && units[i].ns >= 1000000000)
			buf_printf(out, "%llds", (long long)(ns / 1000000000));
		else
			buf_printf(out, "%lldns", (long long)ns);
	}
	return 0;
}

const struct lxc_kind lxc_kind_clock = { plain_set, clock_get, plain_clear, plain_save };

/* --- proxy: unix:PATH or unix:@NAME, shown as the socket's address -------------------------------------------------- */

static int proxy_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const char *path = startswith(s->security.seccomp_proxy ?: "", "unix:");

	buf_puts(out, path ? path + (*path == '@') : "");
	return 0;
}

const struct lxc_kind lxc_kind_proxy = { plain_set, proxy_get, plain_clear, plain_save };

/* --- ns: a set of words, added to by each line ------------------------------------------------------------------------ */

static int ns_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	const struct field *f = lxc_key_field(k->key);
	uint32_t *mask = (uint32_t *)((char *)s + f->offset), before = *mask;
	int r;

	r = field_set(f, s, value, e);
	*mask |= before;
	return r;
}

static int ns_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const struct field *f = lxc_key_field(k->key);
	uint32_t mask = *(const uint32_t *)((const char *)s + f->offset);

	for (unsigned i = 0; i < NS_MAX; i++)
		if (mask & 1u << i)
			buf_printf(out, "%s\n", spec_ns_names[i]);
	return 0;
}

const struct lxc_kind lxc_kind_ns = { ns_set, ns_get, plain_clear, plain_save };

/* --- share: one field a name space ------------------------------------------------------------------------------------ */

static const struct field *share_field(const struct lxc_ref *k, struct err *e)
{
	const struct field *f = NULL;
	char name[32];

	if (k->sub && strlen(k->sub) < 8) {
		snprintf(name, sizeof(name), "%s%s", k->key->field, k->sub);
		f = field_row(spec_fields, name, strlen(name));
	}
	if (!f)
		lxc_unknown(e, k->sub ?: "", k->key->name, spec_ns_names, NS_MAX);
	return f;
}

static int share_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	const struct field *f = share_field(k, e);

	return f ? field_set(f, s, value, e) : -ENOENT;
}

static int share_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const struct field *f = share_field(k, e);

	return f ? field_get(f, s, out, e) : -ENOENT;
}

static int share_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	const struct field *f = share_field(k, e);

	if (!f)
		return -ENOENT;
	field_clear(f, s);
	return 0;
}

static int share_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	char name[64];
	int r = 0;

	for (unsigned i = 0; i < NS_MAX && r >= 0; i++) {
		snprintf(name, sizeof(name), "%s%s", k->name, spec_ns_names[i]);
		if (s->ns_share[i])
			r = lxc_put_line(out, name, s->ns_share[i], e);
	}
	return r;
}

const struct lxc_kind lxc_kind_share = { share_set, share_get, share_clear, share_save };

/* --- rootfs: "[TYPE:]PATH"; shown without the type, as LXC does --------------------------------------------------------- */

static const char *const storage_types[] = { "dir", "overlay", "overlayfs", "aufs", "loop", "lvm",
					     "zfs", "btrfs",   "rbd",	    "nbd",  "best" };

/* What follows the type, or all of it. */
static const char *after_type(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(storage_types); i++) {
		const char *rest = startswith(path, storage_types[i]);

		if (rest && *rest == ':')
			return rest + 1;
	}
	return path;
}

static int rootfs_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	buf_puts(out, after_type(s->rootfs.path ?: ""));
	return 0;
}

const struct lxc_kind lxc_kind_rootfs = { plain_set, rootfs_get, plain_clear, plain_save };

static int join_type(struct spec *s, const char *type, size_t len, const char *path, struct err *e)
{
	char *joined_path;

	if (asprintf(&joined_path, "%.*s%s", (int)len, type, path) < 0)
		return err_oom(e);
	free(s->rootfs.path);
	s->rootfs.path = joined_path;
	return 0;
}

/* lxc.rootfs and lxc.rootfs.backend come in any order: until the path is there, "TYPE:" waits for it. */
static int rootfs_legacy_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	const char *type = s->rootfs.path ?: "", *old = after_type(type);

	if (old != type && !*old)
		return join_type(s, type, (size_t)(old - type), value, e);
	return plain_set(k, s, value, e);
}

static int no_save(const struct lxc_key *k, const struct spec *s, struct buf *out, struct err *e)
{
	return 0;
}

const struct lxc_kind lxc_kind_rootfs_legacy = { rootfs_legacy_set, rootfs_get, plain_clear, no_save };

static int backend_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	char type[16];

	for (size_t i = 0; i < ARRAY_SIZE(storage_types); i++) {
		if (!streq(storage_types[i], value))
			continue;
		snprintf(type, sizeof(type), "%s:", value);
		return join_type(s, type, strlen(type), after_type(s->rootfs.path ?: ""), e);
	}
	return lxc_expected(e, "dir, overlay, loop, lvm, zfs, btrfs, rbd or nbd", value);
}

static int backend_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	const char *path = s->rootfs.path ?: "", *rest = after_type(path);

	buf_add(out, path, rest > path ? (size_t)(rest - path) - 1 : 0);
	return 0;
}

static int backend_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	const char *path = s->rootfs.path ?: "", *rest = after_type(path);

	if (rest == path)
		return 0;
	if (*rest)
		return join_type(s, "", 0, rest, e);
	return plain_clear(k, s, e);
}

const struct lxc_kind lxc_kind_backend = { backend_set, backend_get, backend_clear, no_save };

/* --- lxc.hook: clears all hooks ----------------------------------------------------------------------------------------- */

static int hooks_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	return lxc_expected(e, "an empty value, or a key like lxc.hook.start", value);
}

static int hooks_get(const struct lxc_ref *k, const struct spec *s, struct buf *out, struct err *e)
{
	return err_kind(e, ERR_INVALID, -ENOENT, "expected a key like lxc.hook.start");
}

static int hooks_clear(const struct lxc_ref *k, struct spec *s, struct err *e)
{
	for (unsigned i = 0; i < HOOK_MAX; i++)
		strv_done(&s->hooks[i]);
	return 0;
}

const struct lxc_kind lxc_kind_hooks = { hooks_set, hooks_get, hooks_clear, no_save };
