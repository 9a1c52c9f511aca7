/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The object `linux.resources`, also of update --resources: control files, in the words of version 1 that the
 * specification was written in; `unified` is in those of version 2. The row's .text is the file.
 *
 * A zero says nothing where Go cannot tell it from a member that is not there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/parse.h"
#include "dialect/oci/resources.h"
#include "spec/check.h"

int oci_add_item(struct oci_reader *rd, uint32_t version, const char *key, const char *value, struct err *e)
{
	const struct field *items = field_row(spec_fields, "cgroup.items", 12);
	struct spec_cgroup_item *item = field_list_add(items, rd->spec, e);
	int r;

	if (!item)
		return -ENOMEM;
	item->version = version;
	r = field_set(field_row(items->sub, "key", 3), item, key, e);
	r = r < 0 ? r : field_set(field_row(items->sub, "value", 5), item, value, e);
	if (r >= 0 && (!item->key || !item->value))
		return oci_expected(e, "a control file and a value", item->key ? value : key);
	return r;
}

int oci_add_itemf(struct oci_reader *rd, const char *key, struct err *e, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list ap;
	int r;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	r = buf_error(&text, e);
	return r < 0 ? r : oci_add_item(rd, 1, key, buf_str(&text), e);
}

const char *oci_item_key(const struct spec_cgroup_item *i, uint32_t version)
{
	return i->version == version && i->key && i->value ? i->key : "";
}

/* The last one that was said wins. */
static const char *item_value(const struct oci_writer *w, const char *key)
{
	const char *value = NULL;

	LIST_EACH(i, &w->spec->cgroup.items, struct spec_cgroup_item)
		if (streq(oci_item_key(i, 1), key))
			value = i->value;
	return value;
}

/* --- single values -------------------------------------------------------------------------------------------------- */

/* Of a kind's numbers: from -1, which is "no limit", or 0; is a zero said? */
static int load_number(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, bool is_signed,
		       bool zero, struct err *e)
{
	uint64_t n = 0;
	int64_t i = 0;
	int r;

	if (is_signed) {
		r = oci_i64(v, -1, INT64_MAX, &i, e);
		if (r < 0 || (!i && !zero))
			return r;
		return oci_add_itemf(rd, row->text, e, "%" PRId64, i);
	}
	r = oci_u64(v, UINT64_MAX, &n, e);
	if (r < 0 || (!n && !zero))
		return r;
	return oci_add_itemf(rd, row->text, e, "%" PRIu64, n);
}

static int limit_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return load_number(rd, row, v, true, false, e);
}

static int count_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return load_number(rd, row, v, false, false, e);
}

static int exact_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return load_number(rd, row, v, false, true, e);
}

static int idle_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	int64_t n;
	int r;

	r = oci_i64(v, 0, 1, &n, e);
	return r < 0 ? r : oci_add_itemf(rd, row->text, e, "%" PRId64, n);
}

static int swappiness_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			   const struct oci_obj *o, struct err *e)
{
	uint64_t n;
	int r;

	r = oci_u64(v, 100, &n, e);
	return r < 0 ? r : oci_add_itemf(rd, row->text, e, "%" PRIu64, n);
}

int oci_number_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const char *value = item_value(w, row->text);
	uint64_t n;

	if (!value)
		return 0;
	if (streq(value, "-1") || streq(value, "max"))
		json_kv_i64(&w->j, row->name, -1);
	else if (parse_size(value, &n) == 0)
		json_kv_u64(&w->j, row->name, n);
	else
		return oci_unsaid(w, e, "cgroup.items=%s %s", row->text, value);
	return 0;
}

static const struct oci_kind kind_limit = { limit_load, oci_number_save };
static const struct oci_kind kind_count = { count_load, oci_number_save };
static const struct oci_kind kind_exact = { exact_load, oci_number_save };
static const struct oci_kind kind_idle = { idle_load, oci_number_save };
static const struct oci_kind kind_swappiness = { swappiness_load, oci_number_save };

static int pids_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	int64_t n;
	int r;

	r = oci_i64(v, INT64_MIN, INT64_MAX, &n, e);
	/* From version 1.3 on a zero is a limit. The first process is one already. */
	if (r >= 0 && !n && rd->minor >= 3)
		n = 1;
	if (r < 0 || !n)
		return r;
	return n < 0 ? oci_add_item(rd, 1, row->text, "max", e) : oci_add_itemf(rd, row->text, e, "%" PRId64, n);
}

static const struct oci_kind kind_pids = { pids_load, oci_number_save };

static int cpus_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	const char *s;
	int r;

	r = oci_string(v, &s, e);
	if (r < 0 || !*s)
		return r;
	r = check_cpus(s, e);
	return r < 0 ? r : oci_add_item(rd, 1, row->text, s, e);
}

static int string_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const char *value = item_value(w, row->text);

	if (value)
		json_kv_string(&w->j, row->name, value);
	return 0;
}

static const struct oci_kind kind_cpus = { cpus_load, string_save };

static int oom_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		    struct err *e)
{
	int r = oci_expect(v, json_type_boolean, e);

	return r < 0 || !json_object_get_boolean(v) ? r : oci_add_item(rd, 1, row->text, "1", e);
}

static int oom_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	const char *value = item_value(w, row->text);

	if (value)
		json_kv_bool(&w->j, row->name, streq(value, "1"));
	return 0;
}

static const struct oci_kind kind_oom = { oom_load, oom_save };

/* Warns only where the member asks for something. */
static int true_warns_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			   const struct oci_obj *o, struct err *e)
{
	int r = oci_expect(v, json_type_boolean, e);

	return r < 0 || !json_object_get_boolean(v) ? r : oci_warn(rd, e, "%s", row->text);
}

static int nonzero_warns_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			      const struct oci_obj *o, struct err *e)
{
	int64_t n;
	int r;

	r = oci_i64(v, INT64_MIN, INT64_MAX, &n, e);
	return r < 0 || !n ? r : oci_warn(rd, e, "%s", row->text);
}

static int part_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return 0;
}

static const struct oci_kind kind_true_warns = { true_warns_load, part_save };
static const struct oci_kind kind_nonzero_warns = { nonzero_warns_load, part_save };

static const struct oci_row rows_memory[] = {
	{ "limit", &kind_limit, .text = "memory.limit_in_bytes" },
	{ "reservation", &kind_limit, .text = "memory.soft_limit_in_bytes" },
	{ "swap", &kind_limit, .text = "memory.memsw.limit_in_bytes" },
	{ "kernel", &kind_nonzero_warns, .text = "kernel memory has no limit of its own any more; ignored" },
	{ "kernelTCP", &kind_nonzero_warns, .text = "kernel memory has no limit of its own any more; ignored" },
	{ "swappiness", &kind_swappiness, .text = "memory.swappiness" },
	{ "disableOOMKiller", &kind_oom, .text = "memory.oom_control" },
	{ "useHierarchy", &oci_kind_ignored }, /* always so */
	{ "checkBeforeUpdate", &kind_true_warns, .text = "usage is not looked at before an update; ignored" },
	{ NULL },
};

static const struct oci_row rows_cpu[] = {
	{ "shares", &kind_count, .text = "cpu.shares" },
	{ "quota", &kind_limit, .text = "cpu.cfs_quota_us" },
	{ "burst", &kind_exact, .text = "cpu.cfs_burst_us" },
	{ "period", &kind_count, .text = "cpu.cfs_period_us" },
	{ "realtimeRuntime", &kind_limit, .text = "cpu.rt_runtime_us" },
	{ "realtimePeriod", &kind_count, .text = "cpu.rt_period_us" },
	{ "cpus", &kind_cpus, .text = "cpuset.cpus" },
	{ "mems", &kind_cpus, .text = "cpuset.mems" },
	{ "idle", &kind_idle, .text = "cpu.idle" },
	{ NULL },
};

static const struct oci_row rows_pids[] = {
	{ "limit", &kind_pids, .text = "pids.max" },
	{ NULL },
};

/* --- unified -------------------------------------------------------------------------------------------------------- */

static int load_unified(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	const char *value;
	int r;

	r = oci_string(v, &value, e);
	/* CONTROLLER.FILE: the group's own cgroup.* are not a limit's business. */
	if (r >= 0 && (!strchr(key, '.') || startswith(key, "cgroup.")))
		return oci_expected(e, "a control file like memory.max", key);
	return r < 0 ? r : oci_add_item(rd, 2, key, value, e);
}

static int unified_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_object, o, load_unified, e);
}

static int unified_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	bool any = false;

	LIST_EACH(i, &w->spec->cgroup.items, struct spec_cgroup_item) {
		if (!*oci_item_key(i, 2) || startswith(i->key, "devices."))
			continue;
		if (!any) {
			json_key(&w->j, row->name);
			json_object(&w->j);
			any = true;
		}
		json_kv_string(&w->j, i->key, i->value);
	}
	if (any)
		json_end_object(&w->j);
	return 0;
}

static const struct oci_kind kind_unified = { unified_load, unified_save };

/* --- the object ----------------------------------------------------------------------------------------------------- */

const struct oci_row oci_rows_resources[] = {
	{ "devices", &oci_kind_device_rules },
	{ "memory", &oci_kind_object, .sub = rows_memory },
	{ "cpu", &oci_kind_object, .sub = rows_cpu },
	{ "pids", &oci_kind_object, .sub = rows_pids },
	{ "blockIO", &oci_kind_object, .sub = oci_rows_block_io },
	{ "hugepageLimits", &oci_kind_hugepages },
	{ "network", &oci_kind_object, .sub = oci_rows_network },
	{ "rdma", &oci_kind_rdma, .text = "rdma.max" },
	{ "unified", &kind_unified },
	{ NULL },
};

/* A row of the tables that writes items of KEY. */
static bool sayable(const struct oci_row *rows, const char *key)
{
	for (const struct oci_row *row = rows; row->name; row++)
		if (row->sub ? sayable(row->sub, key) : row->text && streq(row->text, key))
			return true;
	return false;
}

static int resources_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			  const struct oci_obj *o, struct err *e)
{
	return oci_load_object(rd, oci_rows_resources, v, o, e);
}

static int resources_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	int r = 0;

	LIST_EACH(i, &w->spec->cgroup.items, struct spec_cgroup_item)
		if (r >= 0 && *oci_item_key(i, 1) && !sayable(oci_rows_resources, i->key) &&
		    !startswith(i->key, "devices.") && !streq(i->key, "blkio.leaf_weight_device") &&
		    !oci_is_hugepage(i->key))
			r = oci_unsaid(w, e, "cgroup.items=%s %s", i->key, i->value);
	return r < 0 ? r : oci_save_member(w, row->name, oci_rows_resources, o, e);
}

const struct oci_kind oci_kind_resources = { resources_load, resources_save };

/* --- devices that every container has ------------------------------------------------------------------------------- */

static bool has_rule(const struct list *items, const char *value)
{
	LIST_EACH(i, items, struct spec_cgroup_item)
		if (streq(i->key, "devices.allow") && streq(i->value, value))
			return true;
	return false;
}

/* All denied first, then what was said, then the specification's default devices and those that all runtimes add:
 * making any node, terminals, /dev/net/tun. */
int oci_finish_devices(struct oci_reader *rd, struct err *e)
{
	static const char *const defaults[] = { "c *:* m",     "b *:* m",   "c 1:3 rwm",   "c 1:8 rwm",
						"c 1:7 rwm",   "c 5:0 rwm", "c 1:5 rwm",   "c 1:9 rwm",
						"c 136:* rwm", "c 5:2 rwm", "c 10:200 rwm" };
	struct list *items = &rd->spec->cgroup.items, said = *items;
	bool everything = false;
	size_t rules = 0;
	int r = 0;

	while (rules < said.n && startswith(LIST_AT(&said, struct spec_cgroup_item, rules)->key, "devices."))
		rules++;
	*items = LIST_OF(struct spec_cgroup_item);
	if (!rules || !streq(LIST_AT(&said, struct spec_cgroup_item, 0)->value, "a *:* rwm") ||
	    streq(LIST_AT(&said, struct spec_cgroup_item, 0)->key, "devices.allow"))
		r = oci_add_item(rd, 1, "devices.deny", "a *:* rwm", e);
	for (size_t i = 0; i <= said.n && r >= 0; i++) {
		struct spec_cgroup_item *to, *from;

		for (size_t k = 0; i == rules && k < ARRAY_SIZE(defaults) && !everything && r >= 0; k++)
			if (!has_rule(items, defaults[k]))
				r = oci_add_item(rd, 1, "devices.allow", defaults[k], e);
		if (i == said.n || r < 0)
			break;
		from = LIST_AT(&said, struct spec_cgroup_item, i);
		if (i < rules)
			everything =
				streq(from->key, "devices.allow") && (everything || streq(from->value, "a *:* rwm"));
		to = list_add(items, e);
		if (to) {
			*to = *from;
			*from = (struct spec_cgroup_item){ 0 };
		} else {
			r = -ENOMEM;
		}
	}
	LIST_EACH(i, &said, struct spec_cgroup_item) {
		free(i->key);
		free(i->value);
	}
	free(said.v);
	return r;
}
