/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object `linux`, but for resources and seccomp. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/names.h"
#include "base/parse.h"
#include "dialect/oci/rows.h"
#include "spec/check.h"

/* --- name spaces ---------------------------------------------------------------------------------------------------- */

/* One element of the array. */
struct namespace
{
	const char *type, *path;
};

static int ns_type_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return oci_read_word(oci_namespaces, v, &((struct namespace *)o->p)->type, e);
}

static int ns_path_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	struct namespace *n = o->p;
	int r;

	r = oci_string(v, &n->path, e);
	if (r >= 0 && *n->path && *n->path != '/')
		return oci_expected(e, "an absolute path", n->path);
	return r;
}

static int part_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return 0; /* the array writes its elements itself */
}

static const struct oci_kind kind_ns_type = { ns_type_load, part_save };
static const struct oci_kind kind_ns_path = { ns_path_load, part_save };

static const struct oci_row rows_namespace[] = {
	{ "type", &kind_ns_type, .required = true },
	{ "path", &kind_ns_path },
	{ NULL },
};

static unsigned ns_of(const char *word)
{
	unsigned ns = 0;

	while (!streq(spec_ns_names[ns], word))
		ns++;
	return ns;
}

static int load_namespace(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			  const struct oci_obj *o, struct err *e)
{
	struct namespace n = { 0 };
	struct oci_obj target = { NULL, &n };
	struct spec *s = rd->spec;
	unsigned ns;
	int r;

	r = oci_load_object(rd, rows_namespace, v, &target, e);
	if (r < 0)
		return r;
	ns = ns_of(n.type);
	if (s->ns_clone & 1u << ns || s->ns_share[ns])
		return err_kind(e, ERR_INVALID, -EINVAL, "expected each type once, and %s was said before",
				oci_word_name(oci_namespaces, n.type));
	if (isempty(n.path)) {
		s->ns_clone |= 1u << ns;
		return 0;
	}
	r = check_line(n.path, e);
	if (r < 0)
		return err_wrap(e, r, "path");
	s->ns_share[ns] = strdup(n.path);
	return s->ns_share[ns] ? 0 : err_oom(e);
}

static int namespaces_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			   const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_namespace, e);
}

/* What a spec of another dialect leaves open is what its containers get. */
static uint32_t cloned(const struct spec *s)
{
	uint32_t all = (1u << NS_MAX) - 1;

	if (s->ns_clone)
		return s->ns_clone;
	if (s->ns_keep)
		all &= ~s->ns_keep;
	else
		all &= ~(1u << NS_TIME);
	return s->idmaps.n ? all : all & ~(1u << NS_USER);
}

static int namespaces_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec *s = w->spec;
	int r = 0;

	oci_said(w, "ns.keep");
	json_key(&w->j, row->name);
	json_array(&w->j);
	for (const struct oci_word *n = oci_namespaces; n->name && r >= 0; n++) {
		unsigned ns = ns_of(n->word);
		_cleanup_buf_ struct buf field = BUF_INIT;

		buf_printf(&field, "ns.share.%s", n->word);
		oci_said(w, buf_str(&field));
		if (s->ns_share[ns] && *s->ns_share[ns] != '/') {
			r = oci_unsaid(w, e, "%s=%s", buf_str(&field), s->ns_share[ns]);
			continue;
		}
		if (!s->ns_share[ns] && !(cloned(s) & 1u << ns))
			continue;
		json_object(&w->j);
		json_kv_string(&w->j, "type", n->name);
		if (s->ns_share[ns])
			json_kv_string(&w->j, "path", s->ns_share[ns]);
		json_end_object(&w->j);
	}
	json_end_array(&w->j);
	return r;
}

static const struct oci_kind kind_namespaces = { namespaces_load, namespaces_save };

/* --- id maps -------------------------------------------------------------------------------------------------------- */

static const struct oci_row rows_idmap[] = {
	{ "containerID", &oci_kind_plain, .field = "nsid", .required = true },
	{ "hostID", &oci_kind_plain, .field = "hostid", .required = true },
	{ "size", &oci_kind_plain, .field = "range", .required = true },
	{ NULL },
};

/* A range of no ids, which the kernel does not take either. */
static int check_range(struct oci_reader *rd, const struct spec_idmap *m, struct err *e)
{
	return m->range ? 0 : oci_place(rd, err_kind(e, ERR_INVALID, -EINVAL, "size: must be at least 1"), e);
}

/* .text is the kind of the ranges. */
static int load_idmap(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		      const struct oci_obj *o, struct err *e)
{
	struct oci_obj element;
	int r;

	r = oci_load_element(rd, oci_row_field(row, o), rows_idmap, v, o, &element, e);
	if (r < 0)
		return r;
	((struct spec_idmap *)element.p)->type = *row->text;
	return check_range(rd, element.p, e);
}

static int idmaps_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_idmap, e);
}

static int idmaps_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	bool any = false;
	int r = 0;

	LIST_EACH(m, &w->spec->idmaps, struct spec_idmap) {
		if (r < 0 || (m->type != *row->text && m->type != 'b'))
			continue;
		if (!any) {
			json_key(&w->j, row->name);
			json_array(&w->j);
			any = true;
		}
		r = oci_save_element(w, rows_idmap, oci_row_field(row, o), m, e);
	}
	if (any)
		json_end_array(&w->j);
	return r;
}

static const struct oci_kind kind_idmaps = { idmaps_load, idmaps_save };

/* Of one mount: the same objects, in the model as text. .field: uid_maps or gid_maps. */
static int load_mount_idmap(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			    const struct oci_obj *o, struct err *e)
{
	const struct field *idmaps = field_row(spec_fields, "idmaps", 6);
	struct spec_idmap m;
	struct oci_obj target = { NULL, &m };
	int r;

	target.fields = idmaps->sub;
	fields_init(idmaps->sub, &m);
	r = oci_load_object(rd, rows_idmap, v, &target, e);
	if (r == 0)
		r = check_range(rd, &m, e);
	return r < 0 ? r
		     : strv_pushf((struct strv *)((char *)o->p + oci_row_field(row, o)->offset), e, "%u %u %u", m.nsid,
				  m.hostid, m.range);
}

static int mount_idmaps_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			     const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_mount_idmap, e);
}

static int mount_idmaps_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct strv *l = (const struct strv *)((const char *)o->p + oci_row_field(row, o)->offset);

	if (!l->n)
		return 0;
	json_key(&w->j, row->name);
	json_array(&w->j);
	for (size_t i = 0; i < l->n; i++) {
		_cleanup_strv_ struct strv words = STRV_INIT;
		uint32_t ids[3];
		int r;

		r = strv_split(&words, l->v[i], " ", e);
		if (r < 0)
			return r;
		if (words.n != 3 || parse_u32(words.v[0], &ids[0]) < 0 || parse_u32(words.v[1], &ids[1]) < 0 ||
		    parse_u32(words.v[2], &ids[2]) < 0)
			continue;
		json_object(&w->j);
		json_kv_u64(&w->j, "containerID", ids[0]);
		json_kv_u64(&w->j, "hostID", ids[1]);
		json_kv_u64(&w->j, "size", ids[2]);
		json_end_object(&w->j);
	}
	json_end_array(&w->j);
	return 0;
}

const struct oci_kind oci_kind_mount_idmaps = { mount_idmaps_load, mount_idmaps_save };

/* --- devices -------------------------------------------------------------------------------------------------------- */

static int mode_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	uint64_t mode;
	int r;

	/* The kind of file may be in it, as stat(2) gives it. */
	r = oci_u64(v, 0177777, &mode, e);
	if (r >= 0)
		((struct spec_device *)o->p)->mode = (uint32_t)mode & 07777;
	return r;
}

static int mode_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec_device *d = o->p;

	if (d->mode != UNSET32)
		json_kv_u64(&w->j, row->name, d->mode);
	return 0;
}

static const struct oci_kind kind_mode = { mode_load, mode_save };

static const struct oci_row rows_device[] = {
	{ "path", &oci_kind_plain, .field = "path", .required = true },
	{ "type", &oci_kind_plain, .field = "type", .required = true },
	{ "major", &oci_kind_plain, .field = "major" },
	{ "minor", &oci_kind_plain, .field = "minor" },
	{ "fileMode", &kind_mode, .field = "mode" },
	{ "uid", &oci_kind_plain, .field = "uid" },
	{ "gid", &oci_kind_plain, .field = "gid" },
	{ NULL },
};

static int load_device(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	struct oci_obj element;
	struct spec_device *d;
	int r;

	r = oci_load_element(rd, oci_row_field(row, o), row->sub, v, o, &element, e);
	if (r < 0)
		return r;
	d = element.p;
	if (d->type != 'p') {
		d->major = d->major == UNSET32 ? 0 : d->major;
		d->minor = d->minor == UNSET32 ? 0 : d->minor;
	}
	return 0;
}

static int devices_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_device, e);
}

static const struct oci_kind kind_devices = { devices_load, oci_list_save };

/* --- network devices ------------------------------------------------------------------------------------------------ */

static const struct oci_row rows_net_device[] = {
	{ "name", &oci_kind_plain, .field = "name" },
	{ NULL },
};

static int load_net_device(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			   const struct oci_obj *o, struct err *e)
{
	struct oci_obj element;
	struct spec_net *n;
	int r;

	r = oci_load_element(rd, oci_row_field(row, o), row->sub, v, o, &element, e);
	if (r < 0)
		return r;
	n = element.p;
	n->index = (uint32_t)rd->spec->nets.n - 1;
	n->keep_conf = TRI_YES;
	r = field_set(field_row(element.fields, "type", 4), n, "phys", e);
	r = r < 0 ? r : field_set(field_row(element.fields, "link", 4), n, key, e);
	if (r >= 0 && !n->link)
		return oci_expected(e, "an interface's name", key);
	return r < 0 || n->name ? r : field_set(field_row(element.fields, "name", 4), n, key, e);
}

static int net_devices_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			    const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_object, o, load_net_device, e);
}

static int net_devices_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	bool any = false;
	int r = 0;

	LIST_EACH(n, &w->spec->nets, struct spec_net) {
		if (!n->link || !n->type || !streq(n->type, "phys")) {
			r = r < 0 ? r : oci_unsaid(w, e, "net.%u.type=%s", n->index, n->type ?: "");
			continue;
		}
		if (!any) {
			json_key(&w->j, row->name);
			json_object(&w->j);
			any = true;
		}
		json_key(&w->j, n->link);
		r = r < 0 ? r : oci_save_element(w, row->sub, oci_row_field(row, o), n, e);
	}
	if (any)
		json_end_object(&w->j);
	return r;
}

static const struct oci_kind kind_net_devices = { net_devices_load, net_devices_save };

/* --- sysctl --------------------------------------------------------------------------------------------------------- */

static int load_sysctl(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	_cleanup_free_ char *text = NULL;
	const char *value;
	int r;

	r = oci_string(v, &value, e);
	if (r < 0)
		return r;
	if (!*key || strchr(key, '='))
		return oci_expected(e, "a kernel parameter's name", key);
	if (asprintf(&text, "%s=%s", key, value) < 0)
		return err_oom(e);
	r = f->check(text, e);
	return r < 0 ? r : strv_push(&rd->spec->process.sysctls, text, e);
}

static int sysctl_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_object, o, load_sysctl, e);
}

static int sysctl_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return oci_save_map(w, row->name, &w->spec->process.sysctls, e);
}

static const struct oci_kind kind_sysctl = { sysctl_load, sysctl_save };

static bool has_ns(const struct spec *s, unsigned ns)
{
	return s->ns_clone & 1u << ns || s->ns_share[ns];
}

/* The exact list of what has an instance in each name space: anything else would be the host's. Dots and slashes are
 * both in use; the first one says which of them separates, as with sysctl(8). KEY is "KEY=VALUE", scratch. */
static int check_sysctl(struct oci_reader *rd, char *key, struct err *e)
{
	static const char *const ipc[] = {
		"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"
	};
	const struct spec *s = rd->spec;
	bool is_ipc = false;

	key[strcspn(key, "=")] = '\0';
	if (key[strcspn(key, "./")] == '/')
		for (char *p = key; *p; p++)
			*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		is_ipc |= streq(key, ipc[i]);
	is_ipc |= startswith(key, "fs.mqueue.") != NULL;
	if (is_ipc && !has_ns(s, NS_IPC))
		return err_kind(e, ERR_INVALID, -EINVAL, "sysctl \"%s\" is not allowed in the host's ipc namespace",
				key);
	if (startswith(key, "net.") && !has_ns(s, NS_NET))
		return err_kind(e, ERR_INVALID, -EINVAL, "sysctl \"%s\" is not allowed in the host's network namespace",
				key);
	if (streq(key, "kernel.domainname") && s->domainname && !streq(key + strlen(key) + 1, s->domainname))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"sysctl \"kernel.domainname\" conflicts with the OCI \"domainname\" field");
	if (is_ipc || startswith(key, "net.") || (streq(key, "kernel.domainname") && has_ns(s, NS_UTS)))
		return 0;
	if (streq(key, "kernel.hostname") && has_ns(s, NS_UTS))
		return err_kind(
			e, ERR_INVALID, -EINVAL,
			"sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \"hostname\" field");
	return err_kind(e, ERR_INVALID, -EINVAL, "sysctl \"%s\" is not in a separate kernel namespace", key);
}

/* --- clocks --------------------------------------------------------------------------------------------------------- */

struct offset {
	int64_t secs;
	uint64_t nanosecs;
};

static int secs_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	/* 30 years; in nanoseconds it must fit what the model takes. */
	return oci_i64(v, -999999998, 999999998, &((struct offset *)o->p)->secs, e);
}

static int nanosecs_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			 const struct oci_obj *o, struct err *e)
{
	return oci_u64(v, 999999999, &((struct offset *)o->p)->nanosecs, e);
}

static const struct oci_kind kind_secs = { secs_load, part_save };
static const struct oci_kind kind_nanosecs = { nanosecs_load, part_save };

static const struct oci_row rows_offset[] = {
	{ "secs", &kind_secs },
	{ "nanosecs", &kind_nanosecs },
	{ NULL },
};

static int offset_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	struct offset offset = { 0 };
	struct oci_obj target = { NULL, &offset };
	int64_t total;
	char text[32];
	int r;

	r = oci_load_object(rd, rows_offset, v, &target, e);
	if (r < 0)
		return r;
	total = offset.secs * 1000000000 + (int64_t)offset.nanosecs;
	snprintf(text, sizeof(text), "%" PRId64 "ns", total);
	return field_set(oci_row_field(row, o), o->p, text, e);
}

static int offset_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	static const struct name units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", 60000000000ll },
		{ "h", 3600000000000ll },
		{ "d", 86400000000000ll },
		{ NULL },
	};
	const char *text = *(char *const *)((const char *)o->p + oci_row_field(row, o)->offset);
	const struct name *unit;
	char number[24];
	int64_t n, secs;
	size_t digits;

	if (!text)
		return 0;
	digits = strspn(text, "-0123456789");
	snprintf(number, sizeof(number), "%.*s", (int)digits, text);
	unit = name_find(units, text + digits + strspn(text + digits, " "));
	if (!unit || parse_i64(number, &n) < 0 || __builtin_mul_overflow(n, unit->value, &n))
		return oci_unsaid(w, e, "%s=%s", row->field, text);
	secs = n / 1000000000 - (n % 1000000000 < 0);
	json_key(&w->j, row->name);
	json_object(&w->j);
	json_kv_i64(&w->j, "secs", secs);
	json_kv_i64(&w->j, "nanosecs", n - secs * 1000000000);
	json_end_object(&w->j);
	return 0;
}

static const struct oci_kind kind_offset = { offset_load, offset_save };

static const struct oci_row rows_time[] = {
	{ "monotonic", &kind_offset, .field = "time.monotonic" },
	{ "boottime", &kind_offset, .field = "time.boot" },
	{ NULL },
};

/* --- odd members ---------------------------------------------------------------------------------------------------- */

/* Without empty parts, "." and "..", which never leads above the top: "a/../b" is "b". In place. */
static void clean_path(char *path)
{
	char *out = path;

	for (const char *in = path; *in;) {
		size_t n = strcspn(in, "/");

		if (n == 2 && memcmp(in, "..", 2) == 0) {
			while (out > path && *--out != '/')
				;
		} else if (n && !(n == 1 && *in == '.')) {
			if (out > path)
				*out++ = '/';
			memmove(out, in, n);
			out += n;
		}
		in += n + (in[n] == '/');
	}
	*out = '\0';
}

/* "/a" is below the mount points, "a" below the caller's own group, "SLICE:PREFIX:NAME" systemd's. */
static int cgroup_path_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			    const struct oci_obj *o, struct err *e)
{
	_cleanup_free_ char *path = NULL;
	const char *s;
	int r;

	r = oci_string(v, &s, e);
	if (r < 0 || !*s)
		return r;
	path = strdup(s);
	if (!path)
		return err_oom(e);
	if (*s == '/' || !strchr(s, ':'))
		clean_path(path);
	if (!*path)
		return oci_expected(e, "a group below the top", s);
	if (*s != '/' && !strchr(s, ':'))
		rd->spec->cgroup.relative = TRI_YES;
	return field_set(oci_row_field(row, o), o->p, path, e);
}

static int cgroup_path_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const char *path = w->spec->cgroup.dir_container;
	_cleanup_buf_ struct buf text = BUF_INIT;
	bool relative = w->spec->cgroup.relative == TRI_YES;

	if (!path)
		return 0;
	oci_said(w, "cgroup.relative");
	buf_printf(&text, "%s%s", strchr(path, ':') || relative ? "" : "/", path);
	json_kv_string(&w->j, row->name, buf_str(&text));
	return 0;
}

static const struct oci_kind kind_cgroup_path = { cgroup_path_load, cgroup_path_save };

static const struct oci_word domains[] = { { "LINUX", "linux64" }, { "LINUX32", "linux32" }, { NULL, NULL } };

static int domain_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	static const char *const narrow[] = { "arm",  "armel",	 "armhf", "armv7l", "athlon", "i386", "i486",	"i586",
					      "i686", "linux32", "mips",  "mipsel", "ppc",    "x86",  "powerpc" };
	const char *arch = w->spec->process.arch;
	bool is_narrow = false;

	if (!arch)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(narrow); i++)
		is_narrow |= streq(arch, narrow[i]);
	json_kv_string(&w->j, row->name, is_narrow ? "LINUX32" : "LINUX");
	return 0;
}

static const struct oci_kind kind_domain = { oci_words_load, domain_save };

static int flags_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	int r = oci_expect(v, json_type_array, e);

	if (r < 0 || !json_object_array_length(v))
		return r;
	return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "the specification names no flag yet, so none can be set");
}

static const struct oci_kind kind_no_flags = { flags_load, part_save };

static const struct oci_row rows_personality[] = {
	{ "domain", &kind_domain, .field = "process.arch", .words = domains, .required = true },
	{ "flags", &kind_no_flags },
	{ NULL },
};

static const struct oci_row rows_memory_policy[] = {
	{ "mode", &oci_kind_words, .field = "process.mem_mode", .words = oci_mem_modes, .required = true },
	{ "nodes", &oci_kind_plain, .field = "process.mem_nodes" },
	{ "flags", &oci_kind_words, .field = "process.mem_flags", .words = oci_mem_flags },
	{ NULL },
};

static int load_path(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		     const struct oci_obj *o, struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	const char *path;
	int r;

	r = oci_string(v, &path, e);
	if (r >= 0 && *path != '/')
		return oci_expected(e, "an absolute path", path);
	return r < 0 ? r : strv_push((struct strv *)((char *)o->p + f->offset), path, e);
}

static int paths_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_path, e);
}

static const struct oci_kind kind_paths = { paths_load, oci_plain_save };

const struct oci_row oci_rows_linux[] = {
	{ "uidMappings", &kind_idmaps, .field = "idmaps", .text = "u" },
	{ "gidMappings", &kind_idmaps, .field = "idmaps", .text = "g" },
	{ "sysctl", &kind_sysctl, .field = "process.sysctls" },
	{ "resources", &oci_kind_resources, .field = "cgroup.items" },
	{ "cgroupsPath", &kind_cgroup_path, .field = "cgroup.dir_container" },
	{ "namespaces", &kind_namespaces, .field = "ns.clone" },
	{ "devices", &kind_devices, .field = "dev.devices", .sub = rows_device },
	{ "netDevices", &kind_net_devices, .field = "net", .sub = rows_net_device },
	{ "seccomp", &oci_kind_seccomp },
	{ "rootfsPropagation", &oci_kind_words, .field = "rootfs.propagation", .words = oci_propagations },
	{ "maskedPaths", &kind_paths, .field = "security.masked_paths" },
	{ "readonlyPaths", &kind_paths, .field = "security.readonly_paths" },
	{ "mountLabel", &oci_kind_plain, .field = "security.mount_label" },
	{ "intelRdt", &oci_kind_refused, .text = "creel cannot set up Intel RDT: leave the member out" },
	{ "memoryPolicy", &oci_kind_object, .sub = rows_memory_policy },
	{ "personality", &oci_kind_object, .sub = rows_personality },
	{ "timeOffsets", &oci_kind_object, .sub = rows_time },
	{ NULL },
};

/* --- what members need of each other -------------------------------------------------------------------------------- */

/* Without its own name space a member would change the host. */
static int check_needs(struct oci_reader *rd, struct err *e)
{
	const struct spec *s = rd->spec;
	const struct {
		bool said;
		unsigned ns;
		const char *path;
	} needs[] = {
		{ s->hostname, NS_UTS, "hostname" },
		{ s->domainname, NS_UTS, "domainname" },
		{ s->idmaps.n, NS_USER, "linux.uidMappings" },
		{ s->time_boot || s->time_monotonic, NS_TIME, "linux.timeOffsets" },
		{ s->nets.n, NS_NET, "linux.netDevices" },
		{ s->security.masked_paths.n, NS_MNT, "linux.maskedPaths" },
		{ s->security.readonly_paths.n, NS_MNT, "linux.readonlyPaths" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
		if (needs[i].said && !has_ns(s, needs[i].ns))
			return err_kind(e, ERR_INVALID, -EINVAL, "%s: needs a private %s namespace, and there is none",
					needs[i].path, oci_word_name(oci_namespaces, spec_ns_names[needs[i].ns]));
	return 0;
}

int oci_finish_linux(struct oci_reader *rd, struct err *e)
{
	struct spec *s = rd->spec;
	int r;

	if (!s->ns_clone)
		for (unsigned i = 0; i < NS_MAX; i++)
			s->ns_keep |= s->ns_share[i] ? 0 : 1u << i;
	r = check_needs(rd, e);
	for (size_t i = 0; i < s->process.sysctls.n && r >= 0; i++) {
		_cleanup_free_ char *key = strdup(s->process.sysctls.v[i]);

		r = key ? check_sysctl(rd, key, e) : err_oom(e);
		if (r < 0)
			err_wrap(e, r, "linux.sysctl");
	}
	return r;
}
