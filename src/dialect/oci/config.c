/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The outermost object, and the doors: load, save. */
#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/parse.h"
#include "dialect/oci/rows.h"

/* --- version -------------------------------------------------------------------------------------------------------- */

/* MAJOR.MINOR.PATCH[-PRERELEASE][+BUILD] of semver.org; a prerelease of 1.0.0 comes before it. */
static bool is_version(const char *v)
{
	uint64_t n[3];
	const char *p = v;

	for (size_t i = 0; i < 3; i++) {
		size_t digits = strspn(p, "0123456789");
		char text[12];

		if (!digits || digits >= sizeof(text) || (*p == '0' && digits > 1))
			return false;
		memcpy(text, p, digits);
		text[digits] = '\0';
		if (parse_u64(text, &n[i]) < 0)
			return false;
		p += digits;
		if (i < 2 && *p++ != '.')
			return false;
	}
	if (*p && *p != '-' && *p != '+')
		return false;
	if (p[strspn(p, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-+")])
		return false;
	return n[0] == 1 && (*p != '-' || n[1] || n[2]);
}

static int version_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	const char *s;
	int r;

	r = oci_string(v, &s, e);
	if (r < 0)
		return r;
	if (!is_version(s))
		return oci_expected(e, "a version of the specification from 1.0.0 to below 2.0.0", s);
	rd->minor = (unsigned)strtoul(s + 2, NULL, 10);
	if (!rd->info || rd->info->version)
		return 0;
	rd->info->version = strdup(s);
	return rd->info->version ? 0 : err_oom(e);
}

static int version_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	json_kv_string(&w->j, row->name, OCI_VERSION);
	return 0;
}

static const struct oci_kind kind_version = { version_load, version_save };

/* --- root ----------------------------------------------------------------------------------------------------------- */

/* PATH below the bundle, unless it is absolute already (free()). */
static char *from_bundle(const struct oci_reader *rd, const char *path)
{
	return *path == '/' || !rd->bundle ? strdup(path) : path_join(rd->bundle, path);
}

static int root_path_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			  const struct oci_obj *o, struct err *e)
{
	_cleanup_free_ char *path = NULL, *typed = NULL;
	const char *s;
	int r;

	r = oci_string(v, &s, e);
	if (r < 0)
		return r;
	if (!*s)
		return 0;
	path = from_bundle(rd, s);
	if (!path || asprintf(&typed, "dir:%s", path) < 0)
		return err_oom(e);
	return field_set(oci_row_field(row, o), o->p, typed, e);
}

static int root_path_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const char *path = w->spec->rootfs.path, *plain;

	if (!path)
		return 0;
	plain = startswith(path, "dir:") ?: path;
	if (plain == path && *path != '/')
		return oci_unsaid(w, e, "%s=%s", row->field, path);
	json_kv_string(&w->j, row->name, plain);
	return 0;
}

static const struct oci_kind kind_root_path = { root_path_load, root_path_save };

static const struct oci_row rows_root[] = {
	{ "path", &kind_root_path, .field = "rootfs.path", .required = true },
	{ "readonly", &oci_kind_plain, .field = "rootfs.read_only" },
	{ NULL },
};

/* --- mounts --------------------------------------------------------------------------------------------------------- */

static int load_option(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	struct spec_mount *m = o->p;
	const char *s;
	int r;

	r = oci_string(v, &s, e);
	if (r == 0)
		r = oci_row_field(row, o)->check(s, e);
	/* One may hold several; empty ones say nothing. */
	if (r == 0)
		r = strv_split(&words, s, ",", e);
	for (size_t i = 0; i < words.n && r == 0; i++) {
		char *joined;

		if (asprintf(&joined, "%s%s%s", m->options ?: "", m->options ? "," : "", words.v[i]) < 0)
			return err_oom(e);
		free(m->options);
		m->options = joined;
	}
	return r;
}

static int options_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_option, e);
}

static int options_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec_mount *m = o->p;
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r;

	if (!m->options)
		return 0;
	r = strv_split(&words, m->options, ",", e);
	if (r < 0 || !words.n)
		return r;
	json_key(&w->j, row->name);
	json_array(&w->j);
	for (size_t i = 0; i < words.n; i++)
		json_string(&w->j, words.v[i]);
	json_end_array(&w->j);
	return 0;
}

static const struct oci_kind kind_options = { options_load, options_save };

static int target_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec_mount *m = o->p;
	_cleanup_free_ char *path = NULL;

	if (!m->target)
		return 0;
	path = *m->target == '/' ? strdup(m->target) : path_join("/", m->target);
	if (!path)
		return err_oom(e);
	json_kv_string(&w->j, row->name, path);
	return 0;
}

static const struct oci_kind kind_target = { oci_plain_load, target_save };

static const struct oci_row rows_mount[] = {
	{ "destination", &kind_target, .field = "target", .required = true },
	{ "type", &oci_kind_plain, .field = "fstype" },
	{ "source", &oci_kind_plain, .field = "source" },
	{ "options", &kind_options, .field = "options" },
	{ "uidMappings", &oci_kind_mount_idmaps, .field = "uid_maps" },
	{ "gidMappings", &oci_kind_mount_idmaps, .field = "gid_maps" },
	{ NULL },
};

static bool has_option(const char *options, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = options; p && *p;) {
		size_t n = strcspn(p, ",");

		if (n == len && memcmp(p, name, n) == 0)
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

static int replace(char **p, char *value, struct err *e)
{
	if (!value)
		return err_oom(e);
	free(*p);
	*p = value;
	return 0;
}

static int load_mount(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		      const struct oci_obj *o, struct err *e)
{
	struct oci_obj element;
	struct spec_mount *m;
	int r;

	r = oci_load_element(rd, oci_row_field(row, o), row->sub, v, o, &element, e);
	if (r < 0)
		return r;
	m = element.p;
	if (*m->target != '/') {
		r = oci_warn(rd, e, "the destination '%s' is relative and taken as below /", m->target);
		r = r < 0 ? r : replace(&m->target, path_join("/", m->target), e);
	}
	if (r < 0)
		return r;
	if (has_option(m->options, "bind") || has_option(m->options, "rbind"))
		r = replace(&m->fstype, strdup("bind"), e);
	if (!m->fstype)
		return oci_missing(rd, "type", e);
	if (r >= 0 && streq(m->fstype, "bind") && m->source)
		r = replace(&m->source, from_bundle(rd, m->source), e);
	return r;
}

static int mounts_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_mount, e);
}

static const struct oci_kind kind_mounts = { mounts_load, oci_list_save };

/* --- hooks ---------------------------------------------------------------------------------------------------------- */

static int timeout_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	int64_t n;
	int r;

	r = oci_i64(v, 1, UINT32_MAX - 1, &n, e);
	if (r >= 0)
		((struct spec_exec_hook *)o->p)->timeout = (uint32_t)n;
	return r;
}

static const struct oci_kind kind_timeout = { timeout_load, oci_plain_save };

/* An empty one is said to be so, and not left to the caller's. */
static int hook_env_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			 const struct oci_obj *o, struct err *e)
{
	struct spec_exec_hook *h = o->p;
	int r = oci_plain_load(rd, row, v, o, e);

	if (r >= 0 && !h->env.n)
		h->env_exact = TRI_YES;
	return r;
}

static int hook_env_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec_exec_hook *h = o->p;

	if (h->env.n || h->env_exact != TRI_YES)
		return oci_plain_save(w, row, o, e);
	json_key(&w->j, row->name);
	json_array(&w->j);
	json_end_array(&w->j);
	return 0;
}

static const struct oci_kind kind_hook_env = { hook_env_load, hook_env_save };

static const struct oci_row rows_hook[] = {
	{ "path", &oci_kind_plain, .field = "path", .required = true },
	{ "args", &oci_kind_plain, .field = "args" },
	{ "env", &kind_hook_env, .field = "env" },
	{ "timeout", &kind_timeout, .field = "timeout" },
	{ NULL },
};

static int load_hook(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		     const struct oci_obj *o, struct err *e)
{
	struct oci_obj element;
	int r;

	r = oci_load_element(rd, oci_row_field(row, o), rows_hook, v, o, &element, e);
	return r < 0 ? r : replace(&((struct spec_exec_hook *)element.p)->moment, strdup(row->name), e);
}

static int hooks_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_hook, e);
}

static int hooks_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	bool any = false;
	int r = 0;

	LIST_EACH(h, &w->spec->exec_hooks, struct spec_exec_hook) {
		if (r < 0 || !h->moment || !streq(h->moment, row->name))
			continue;
		if (!any) {
			json_key(&w->j, row->name);
			json_array(&w->j);
			any = true;
		}
		r = oci_save_element(w, rows_hook, oci_row_field(row, o), h, e);
	}
	if (any)
		json_end_array(&w->j);
	return r;
}

static const struct oci_kind kind_hooks = { hooks_load, hooks_save };

static const struct oci_row rows_hooks[] = {
	{ "prestart", &kind_hooks, .field = "exec_hooks" },
	{ "createRuntime", &kind_hooks, .field = "exec_hooks" },
	{ "createContainer", &kind_hooks, .field = "exec_hooks" },
	{ "startContainer", &kind_hooks, .field = "exec_hooks" },
	{ "poststart", &kind_hooks, .field = "exec_hooks" },
	{ "poststop", &kind_hooks, .field = "exec_hooks" },
	{ NULL },
};

/* --- annotations ---------------------------------------------------------------------------------------------------- */

static int load_annotation(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			   const struct oci_obj *o, struct err *e)
{
	const char *value;
	int r;

	r = oci_string(v, &value, e);
	if (r < 0)
		return r;
	if (!*key || strchr(key, '='))
		return oci_expected(e, "a name without '='", key);
	return strv_pushf(&rd->spec->annotations, e, "%s=%s", key, value);
}

static int annotations_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			    const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_object, o, load_annotation, e);
}

static int annotations_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return oci_save_map(w, row->name, &w->spec->annotations, e);
}

static const struct oci_kind kind_annotations = { annotations_load, annotations_save };

/* --- process: required of who starts the container only ---------------------------------------------------------------- */

static int process_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return oci_kind_object.load(rd, row, v, o, e);
}

static int process_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	if (w->spec->process.none != TRI_YES)
		return oci_kind_object.save(w, row, o, e);
	oci_said(w, "process.none");
	return 0;
}

static const struct oci_kind kind_process = { process_load, process_save };

/* --- the object ----------------------------------------------------------------------------------------------------- */

const struct oci_row oci_rows_config[] = {
	{ "ociVersion", &kind_version, .required = true },
	{ "process", &kind_process, .sub = oci_rows_process },
	{ "root", &oci_kind_object, .sub = rows_root, .required = true },
	{ "hostname", &oci_kind_plain, .field = "hostname" },
	{ "domainname", &oci_kind_plain, .field = "domainname" },
	{ "mounts", &kind_mounts, .field = "mounts", .sub = rows_mount },
	{ "hooks", &oci_kind_object, .sub = rows_hooks },
	{ "annotations", &kind_annotations, .field = "annotations" },
	{ "linux", &oci_kind_object, .sub = oci_rows_linux },
	{ "solaris", &oci_kind_ignored },
	{ "windows", &oci_kind_ignored },
	{ "vm", &oci_kind_ignored },
	{ "zos", &oci_kind_ignored },
	{ "freebsd", &oci_kind_ignored },
	{ NULL },
};

/* What is true of every container of this dialect, without a word for it. */
static const struct {
	const char *field, *value;
} implied[] = {
	{ "mounts_create", "1" },     { "dev.autodev", "0" },	      { "dev.standard", "1" },
	{ "process.env_exact", "1" }, { "dev.console_path", "none" },
};

static int imply(struct spec *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(implied) && r >= 0; i++)
		if (!streq(implied[i].field, "dev.console_path") || s->process.terminal != TRI_YES)
			r = field_set(field_row(spec_fields, implied[i].field, strlen(implied[i].field)), s,
				      implied[i].value, e);
	return r;
}

/* --- load ----------------------------------------------------------------------------------------------------------- */

static void drop_json(struct json_c_value **v)
{
	json_object_put(*v);
}

static void reader_done(struct oci_reader *rd)
{
	strv_done(&rd->unknown_caps);
}

static int load_rows(struct oci_reader *rd, const struct oci_row *rows, const char *text, size_t len, struct err *e)
{
	_cleanup_(drop_json) struct json_c_value *v = NULL;
	const struct oci_obj o = { spec_fields, rd->spec };
	int r;

	r = oci_parse(text, len, rd->name, &v, e);
	if (r < 0)
		return r;
	r = oci_load_object(rd, rows, v, &o, e);
	return r < 0 ? oci_place(rd, r, e) : r;
}

int oci_load(const char *text, size_t len, const char *name, const char *bundle, struct spec *s, struct oci_info *info,
	     struct err *e)
{
	_cleanup_(reader_done) struct oci_reader rd = { .name = name, .bundle = bundle, .spec = s, .info = info };
	const struct oci_frame process = { .name = "process" };
	int r;

	r = load_rows(&rd, oci_rows_config, text, len, e);
	if (r < 0)
		return r;
	rd.at = &process;
	if (!s->process.args.n)
		s->process.none = TRI_YES;
	else
		r = oci_no_caps(s, e);
	if (r >= 0 && s->process.args.n)
		r = oci_finish_process(&rd, e);
	rd.at = NULL;
	r = r < 0 ? r : oci_finish_linux(&rd, e);
	r = r < 0 ? r : oci_finish_devices(&rd, e);
	r = r < 0 ? r : imply(s, e);
	return r < 0 ? oci_place(&rd, r, e) : 0;
}

int oci_process_load(const char *text, size_t len, const char *name, struct spec *s, struct oci_info *info,
		     struct err *e)
{
	_cleanup_(reader_done) struct oci_reader rd = { .name = name, .spec = s, .info = info };
	int r;

	r = load_rows(&rd, oci_rows_process, text, len, e);
	r = r < 0 ? r : oci_finish_process(&rd, e);
	return r < 0 ? oci_place(&rd, r, e) : 0;
}

int oci_resources_load(const char *text, size_t len, const char *name, struct spec *s, struct oci_info *info,
		       struct err *e)
{
	_cleanup_(reader_done) struct oci_reader rd = { .name = name, .spec = s, .info = info, .update = true };

	return load_rows(&rd, oci_rows_resources, text, len, e);
}

/* --- save ----------------------------------------------------------------------------------------------------------- */

static bool is_implied(const struct spec *s, const struct field *f)
{
	_cleanup_buf_ struct buf value = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(implied); i++)
		if (streq(implied[i].field, f->name))
			return field_get(f, s, &value, NULL) == 0 && streq(buf_str(&value), implied[i].value);
	return false;
}

static int name_unsaid(struct oci_writer *w, const struct field *f, struct err *e)
{
	_cleanup_buf_ struct buf value = BUF_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	int r;

	r = field_get(f, w->spec, &value, e);
	r = r < 0 ? r : strv_split(&lines, buf_str(&value), "\n", e);
	for (size_t i = 0; i < lines.n && r >= 0; i++)
		r = oci_unsaid(w, e, "%s=%s", f->name, lines.v[i]);
	return r;
}

int oci_save(const struct spec *s, struct buf *out, struct strv *unsaid, struct err *e)
{
	struct oci_writer w = { .spec = s, .unsaid = unsaid };
	const struct oci_obj o = { spec_fields, (void *)(uintptr_t)s };
	int r;

	json_init(&w.j, out, true);
	w.j.indent = "\t";
	oci_said(&w, "name"); /* is the command line's */
	json_object(&w.j);
	r = oci_save_object(&w, oci_rows_config, &o, e);
	json_end_object(&w.j);
	buf_putc(out, '\n');
	for (const struct field *f = spec_fields; f->name && r >= 0; f++)
		if (!(w.said[(f - spec_fields) / 64] & 1ull << (f - spec_fields) % 64) && field_is_set(f, s) &&
		    !is_implied(s, f))
			r = name_unsaid(&w, f, e);
	return r < 0 ? r : buf_error(out, e);
}
