/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object `process`, of config.json and of exec's process.json. */
#include <errno.h>

#include "base/parse.h"
#include "dialect/oci/rows.h"

/* --- user -------------------------------------------------------------------------------------------------------------- */

static int load_gid(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		    const struct oci_obj *o, struct err *e)
{
	uint64_t gid;
	int r;

	r = oci_u64(v, UINT32_MAX - 1, &gid, e);
	return r < 0 ? r : strv_pushf(&rd->spec->process.groups, e, "%llu", (unsigned long long)gid);
}

static int gids_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_gid, e);
}

static int gids_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct strv *groups = &w->spec->process.groups;

	if (!groups->n)
		return 0;
	json_key(&w->j, row->name);
	json_array(&w->j);
	for (size_t i = 0; i < groups->n; i++) {
		uint32_t gid;

		if (parse_u32(groups->v[i], &gid) == 0)
			json_u64(&w->j, gid);
	}
	json_end_array(&w->j);
	return 0;
}

static const struct oci_kind kind_gids = { gids_load, gids_save };

static const struct oci_row rows_user[] = {
	{ "uid", &oci_kind_plain, .field = "process.uid" },
	{ "gid", &oci_kind_plain, .field = "process.gid" },
	{ "umask", &oci_kind_plain, .field = "process.umask" },
	{ "additionalGids", &kind_gids, .field = "process.groups" },
	{ "username", &oci_kind_ignored },
	{ NULL },
};

static const struct oci_row rows_console_size[] = {
	{ "height", &oci_kind_plain, .field = "process.rows" },
	{ "width", &oci_kind_plain, .field = "process.columns" },
	{ NULL },
};

/* --- command ------------------------------------------------------------------------------------------------------------ */

static int args_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec_process *p = &w->spec->process;
	_cleanup_strv_ struct strv words = STRV_INIT;
	const struct strv *args = &p->args;

	if (!args->n && p->init_cmd) {
		int r = strv_split_command(&words, p->init_cmd, e);

		if (r < 0)
			return r;
		args = &words;
		oci_said(w, "process.init_cmd");
	}
	json_key(&w->j, row->name);
	json_array(&w->j);
	for (size_t i = 0; i < args->n; i++)
		json_string(&w->j, args->v[i]);
	/* No config.json goes without; it is what a system container runs. */
	if (!args->n)
		json_string(&w->j, "/sbin/init");
	json_end_array(&w->j);
	return 0;
}

static const struct oci_kind kind_args = { oci_plain_load, args_save };

static int cwd_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	json_kv_string(&w->j, row->name, w->spec->process.cwd ?: "/");
	return 0;
}

static const struct oci_kind kind_cwd = { oci_plain_load, cwd_save };

/* "K" alone would inherit K from whoever calls: the specification has no such thing. */
static int load_env(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		    const struct oci_obj *o, struct err *e)
{
	const char *s, *eq;
	int r;

	r = oci_string(v, &s, e);
	if (r < 0)
		return r;
	eq = strchr(s, '=');
	if (!eq || eq == s)
		return oci_expected(e, "NAME=VALUE", s);
	return strv_push(&rd->spec->process.env, s, e);
}

static int env_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		    struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_env, e);
}

static int env_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct strv *env = &w->spec->process.env;
	int r = 0;

	if (!env->n)
		return 0;
	json_key(&w->j, row->name);
	json_array(&w->j);
	for (size_t i = 0; i < env->n && r >= 0; i++) {
		if (strchr(env->v[i], '='))
			json_string(&w->j, env->v[i]);
		else
			r = oci_unsaid(w, e, "process.env=%s", env->v[i]);
	}
	json_end_array(&w->j);
	return r;
}

static const struct oci_kind kind_env = { env_load, env_save };

/* --- capabilities ------------------------------------------------------------------------------------------------------- */

const char *oci_cap_word(const char *name)
{
	return oci_word(oci_caps, name, true);
}

static int load_cap(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		    const struct oci_obj *o, struct err *e)
{
	const struct field *f = oci_row_field(row, o);
	struct strv *set = (struct strv *)((char *)o->p + f->offset);
	const char *name, *word;
	int r;

	r = oci_string(v, &name, e);
	if (r < 0)
		return r;
	word = oci_cap_word(name);
	if (!word)
		return strv_has(&rd->unknown_caps, name) ? 0 : strv_push(&rd->unknown_caps, name, e);
	return strv_has(set, word) ? 0 : strv_push(set, word, e);
}

static int caps_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_cap, e);
}

static bool says_sets(const struct spec_process *p)
{
	return p->cap_bounding.n || p->cap_effective.n || p->cap_permitted.n || p->cap_inheritable.n ||
	       p->cap_ambient.n;
}

/* What drop or keep lists, or nothing at all, leave a container of another dialect: one set for three. */
static int caps_left(const struct oci_writer *w, struct strv *ret, struct err *e)
{
	const struct spec_process *p = &w->spec->process;
	int r = 0;

	for (const struct oci_word *c = oci_caps; c->name && r >= 0; c++)
		if (p->cap_keep.n ? strv_has(&p->cap_keep, c->word) : !strv_has(&p->cap_drop, c->word))
			r = strv_push(ret, c->word, e);
	return r;
}

static int caps_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec_process *p = &w->spec->process;
	const struct field *f = oci_row_field(row, o);
	const struct strv *set = (const struct strv *)((const char *)o->p + f->offset);
	_cleanup_strv_ struct strv left = STRV_INIT;
	bool any = false;
	int r = 0;

	if (!says_sets(p) && set != &p->cap_inheritable && set != &p->cap_ambient) {
		oci_said(w, "process.cap_keep");
		oci_said(w, "process.cap_drop");
		r = caps_left(w, &left, e);
		set = &left;
	}
	for (size_t i = 0; i < set->n && r >= 0; i++) {
		const char *name = oci_word_name(oci_caps, set->v[i]);

		if (!name) {
			if (!streq(set->v[i], "none"))
				r = oci_unsaid(w, e, "%s=%s", row->field, set->v[i]);
			continue;
		}
		if (!any) {
			json_key(&w->j, row->name);
			json_array(&w->j);
			any = true;
		}
		json_string(&w->j, name);
	}
	if (any)
		json_end_array(&w->j);
	return r;
}

static const struct oci_kind kind_caps = { caps_load, caps_save };

static const struct oci_row rows_caps[] = {
	{ "bounding", &kind_caps, .field = "process.cap_bounding" },
	{ "effective", &kind_caps, .field = "process.cap_effective" },
	{ "inheritable", &kind_caps, .field = "process.cap_inheritable" },
	{ "permitted", &kind_caps, .field = "process.cap_permitted" },
	{ "ambient", &kind_caps, .field = "process.cap_ambient" },
	{ NULL },
};

/* The sets that are not said are empty ones. */
static int empty_caps(struct spec_process *p, struct err *e)
{
	struct strv *sets[] = { &p->cap_bounding, &p->cap_effective, &p->cap_permitted, &p->cap_inheritable,
				&p->cap_ambient };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sets) && r >= 0; i++)
		if (!sets[i]->n)
			r = strv_push(sets[i], "none", e);
	return r;
}

static int capabilities_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			     const struct oci_obj *o, struct err *e)
{
	int r = oci_kind_object.load(rd, row, v, o, e);

	return r < 0 ? r : empty_caps(&rd->spec->process, e);
}

static int capabilities_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return oci_kind_object.save(w, row, o, e);
}

static const struct oci_kind kind_capabilities = { capabilities_load, capabilities_save };

static int warn_of_caps(struct oci_reader *rd, struct err *e)
{
	_cleanup_buf_ struct buf names = BUF_INIT;

	if (!rd->unknown_caps.n)
		return 0;
	strv_sort(&rd->unknown_caps);
	for (size_t i = 0; i < rd->unknown_caps.n; i++)
		buf_printf(&names, "%s%s", i ? " " : "", rd->unknown_caps.v[i]);
	return oci_warn(rd, e, "ignoring unknown or unavailable capabilities: [%s]", buf_str(&names));
}

/* --- limits --------------------------------------------------------------------------------------------------------------- */

static int limit_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	struct spec_rlimit *l = o->p;
	uint64_t n;
	int r;

	/* RLIM_INFINITY is the model's "not said". */
	r = oci_u64(v, UINT64_MAX, &n, e);
	if (r >= 0)
		*(streq(row->field, "soft") ? &l->soft : &l->hard) = n;
	return r;
}

static int limit_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct spec_rlimit *l = o->p;

	json_kv_u64(&w->j, row->name, streq(row->field, "soft") ? l->soft : l->hard);
	return 0;
}

static const struct oci_kind kind_limit = { limit_load, limit_save };

static const struct oci_row rows_rlimit[] = {
	{ "type", &oci_kind_words, .field = "resource", .words = oci_rlimits, .required = true },
	{ "hard", &kind_limit, .field = "hard", .required = true },
	{ "soft", &kind_limit, .field = "soft", .required = true },
	{ NULL },
};

static int load_rlimit(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	struct oci_obj element;
	struct spec_rlimit *l;
	int r;

	r = oci_load_element(rd, oci_row_field(row, o), row->sub, v, o, &element, e);
	if (r < 0)
		return r;
	l = element.p;
	LIST_EACH(other, &rd->spec->process.rlimits, struct spec_rlimit)
		if (other != l && streq(other->resource, l->resource))
			return err_kind(e, ERR_INVALID, -EINVAL, "expected one limit for %s, not two",
					oci_word_name(oci_rlimits, l->resource));
	if (l->soft > l->hard)
		return err_kind(e, ERR_INVALID, -EINVAL, "expected a soft limit that is not above the hard one");
	return 0;
}

static int rlimits_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_rlimit, e);
}

static const struct oci_kind kind_rlimits = { rlimits_load, oci_list_save };

static int oom_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		    struct err *e)
{
	int64_t n;
	int r;

	r = oci_i64(v, -1000, 1000, &n, e);
	return r < 0 ? r : strv_pushf(&rd->spec->process.procs, e, "oom_score_adj=%lld", (long long)n);
}

static int oom_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const struct strv *procs = &w->spec->process.procs;
	int r = 0;

	for (size_t i = 0; i < procs->n && r >= 0; i++) {
		const char *value = startswith(procs->v[i], "oom_score_adj=");
		int64_t n;

		if (value && parse_i64(value, &n) == 0)
			json_kv_i64(&w->j, row->name, n);
		else
			r = oci_unsaid(w, e, "process.procs=%s", procs->v[i]);
	}
	return r;
}

static const struct oci_kind kind_oom = { oom_load, oom_save };

/* --- the object ------------------------------------------------------------------------------------------------------------ */

static const struct oci_row rows_scheduler[] = {
	{ "policy", &oci_kind_words, .field = "process.sched.policy", .words = oci_sched_policies, .required = true },
	{ "nice", &oci_kind_plain, .field = "process.sched.nice" },
	{ "priority", &oci_kind_plain, .field = "process.sched.priority" },
	{ "flags", &oci_kind_words, .field = "process.sched.flags", .words = oci_sched_flags },
	{ "runtime", &oci_kind_plain, .field = "process.sched.runtime" },
	{ "deadline", &oci_kind_plain, .field = "process.sched.deadline" },
	{ "period", &oci_kind_plain, .field = "process.sched.period" },
	{ NULL },
};

/* What sched_setattr(2) would only call invalid. */
static int check_deadline(const struct spec_sched *s, struct err *e)
{
	if (s->runtime == UNSET64 || s->runtime < 1024)
		return err_kind(e, ERR_INVALID, -EINVAL, "SCHED_DEADLINE needs a runtime of at least 1024 (ns)");
	if (s->deadline == UNSET64 || s->deadline < s->runtime)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"SCHED_DEADLINE needs a deadline that is not below its runtime");
	if (s->period != UNSET64 && s->period && s->period < s->deadline)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"SCHED_DEADLINE needs a period that is not below its deadline");
	return 0;
}

static int scheduler_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			  const struct oci_obj *o, struct err *e)
{
	const struct spec_sched *s = &rd->spec->process.sched;
	int r = oci_kind_object.load(rd, row, v, o, e);

	return r < 0 || !streq(s->policy, "deadline") ? r : check_deadline(s, e);
}

static int scheduler_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return oci_kind_object.save(w, row, o, e);
}

static const struct oci_kind kind_scheduler = { scheduler_load, scheduler_save };

static const struct oci_row rows_ioprio[] = {
	{ "class", &oci_kind_words, .field = "process.ioprio_class", .words = oci_ioprio_classes, .required = true },
	{ "priority", &oci_kind_plain, .field = "process.ioprio" },
	{ NULL },
};

static const struct oci_row rows_affinity[] = {
	{ "initial", &oci_kind_plain, .field = "process.cpus_initial" },
	{ "final", &oci_kind_plain, .field = "process.cpus_final" },
	{ NULL },
};

const struct oci_row oci_rows_process[] = {
	{ "terminal", &oci_kind_plain, .field = "process.terminal" },
	{ "consoleSize", &oci_kind_object, .sub = rows_console_size },
	{ "user", &oci_kind_object, .sub = rows_user },
	{ "args", &kind_args, .field = "process.args", .required = true },
	{ "commandLine", &oci_kind_ignored },
	{ "env", &kind_env, .field = "process.env" },
	{ "cwd", &kind_cwd, .field = "process.cwd", .required = true },
	{ "capabilities", &kind_capabilities, .sub = rows_caps },
	{ "rlimits", &kind_rlimits, .field = "process.rlimits", .sub = rows_rlimit },
	{ "noNewPrivileges", &oci_kind_plain, .field = "process.no_new_privs" },
	{ "apparmorProfile", &oci_kind_plain, .field = "security.apparmor_profile" },
	{ "oomScoreAdj", &kind_oom, .field = "process.procs" },
	{ "scheduler", &kind_scheduler, .sub = rows_scheduler },
	{ "selinuxLabel", &oci_kind_plain, .field = "security.selinux_context" },
	{ "ioPriority", &oci_kind_object, .sub = rows_ioprio },
	{ "execCPUAffinity", &oci_kind_object, .sub = rows_affinity },
	{ NULL },
};

int oci_finish_process(struct oci_reader *rd, struct err *e)
{
	struct spec_process *p = &rd->spec->process;

	if (p->uid == UNSET32)
		p->uid = 0;
	if (p->gid == UNSET32)
		p->gid = 0;
	p->env_exact = TRI_YES;
	return warn_of_caps(rd, e);
}

int oci_no_caps(struct spec *s, struct err *e)
{
	return empty_caps(&s->process, e);
}

/* --- what a further process has of the container --------------------------------------------------------------------------- */

static const struct field *process_field(const char *name)
{
	return field_row(spec_fields, name, strlen(name));
}

int oci_process_inherit(struct spec *s, const struct spec *container, struct err *e)
{
	/* Members that are one whole each. The last two are the container's, no process object names them. */
	static const char *const members[][8] = {
		{ "process.cap_bounding", "process.cap_effective", "process.cap_permitted", "process.cap_inheritable",
		  "process.cap_ambient" },
		{ "process.rlimits" },
		{ "process.procs" },
		{ "process.umask" },
		{ "process.sched.policy", "process.sched.nice", "process.sched.priority", "process.sched.flags",
		  "process.sched.runtime", "process.sched.deadline", "process.sched.period" },
		{ "process.ioprio_class", "process.ioprio" },
		{ "process.cpus_initial", "process.cpus_final" },
		{ "process.arch" },
		{ "process.mem_mode", "process.mem_nodes", "process.mem_flags" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		bool said = false;
		int r = 0;

		for (const char *const *m = members[i]; *m; m++)
			said |= field_is_set(process_field(*m), s);
		for (const char *const *m = members[i]; *m && !said && r >= 0; m++)
			if (field_is_set(process_field(*m), container))
				r = field_copy(process_field(*m), s, container, e);
		if (r < 0)
			return r;
	}
	return 0;
}
