/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arrays and maps of `linux.resources`: devices, block devices, huge pages, networks, rdma. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/parse.h"
#include "dialect/oci/resources.h"
#include "spec/check.h"

/* --- lists of items ------------------------------------------------------------------------------------------------- */

/* Begins the array at its first element; the key's items one by one. */
struct item_walk {
	const struct oci_row *row;
	size_t i;
	bool open;
};

static const char *next_item(struct oci_writer *w, struct item_walk *walk, const char *key)
{
	const struct list *items = &w->spec->cgroup.items;

	while (walk->i < items->n) {
		const struct spec_cgroup_item *item = LIST_AT(items, struct spec_cgroup_item, walk->i++);

		if (streq(oci_item_key(item, 1), key))
			return item->value;
	}
	return NULL;
}

static void begin_element(struct oci_writer *w, struct item_walk *walk)
{
	if (!walk->open) {
		json_key(&w->j, walk->row->name);
		json_array(&w->j);
		walk->open = true;
	}
	json_object(&w->j);
}

static void end_walk(struct oci_writer *w, const struct item_walk *walk)
{
	if (walk->open)
		json_end_array(&w->j);
}

/* An element of any of these arrays, as fields of its own: the rows' kinds are the common ones. */
struct element {
	enum tri allow;
	uint32_t major, minor;
	uint64_t weight, leaf, rate, limit;
	uint32_t priority, handles, objects;
	char *type, *access, *name, *page;
};

/* clang-format off */
#define F(text, t, m, ...) \
	{ .name = (text), .len = sizeof(text) - 1, .type = (t), .offset = offsetof(struct element, m), __VA_ARGS__ }

static const char *const device_types[] = { "a", "b", "c", NULL };

static bool is_page_size(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n < 12 && *s != '0' && s[n] && strchr("KMG", s[n]) && streq(s + n + 1, "B");
}

static int check_page_size(const char *v, struct err *e)
{
	return is_page_size(v) ? 0 : oci_expected(e, "a page size like 2MB or 1GB", v);
}

static const struct field element_fields[] = {
	F("allow", FT_TRI, allow),
	F("type", FT_ENUM, type, .names = device_types),
	F("major", FT_U32, major),
	F("minor", FT_U32, minor),
	F("access", FT_STRING, access, .check = check_word),
	F("weight", FT_U64, weight, .max = UINT16_MAX),
	F("leaf", FT_U64, leaf, .max = UINT16_MAX),
	F("rate", FT_U64, rate),
	F("page", FT_STRING, page, .check = check_page_size),
	F("limit", FT_U64, limit),
	F("name", FT_STRING, name, .check = check_ifname),
	F("priority", FT_U32, priority),
	F("handles", FT_U32, handles),
	F("objects", FT_U32, objects),
	{ 0 },
};
#undef F
/* clang-format on */

static void element_done(struct element *m)
{
	fields_clear(element_fields, m);
}
#define _cleanup_element_ _cleanup_(element_done)

static int element_load(struct oci_reader *rd, const struct oci_row *rows, struct json_c_value *v, struct element *ret,
			struct err *e)
{
	struct oci_obj target = { element_fields, ret };
	int r;

	fields_init(element_fields, ret);
	r = oci_load_object(rd, rows, v, &target, e);
	/* -1 passes for a number; here it is none. */
	for (const struct oci_row *row = rows; row->name && r >= 0; row++)
		if (row->required && !field_is_set(oci_row_field(row, &target), ret))
			r = oci_missing(rd, row->name, e);
	return r;
}

/* -1 is any, as is a number that is not said. */
static int number_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	int64_t n;
	int r;

	/* Linux has 12 bits of major and 20 of minor. */
	r = oci_i64(v, -1, 0xfffff, &n, e);
	if (r >= 0 && n >= 0)
		*(uint32_t *)((char *)o->p + oci_row_field(row, o)->offset) = (uint32_t)n;
	return r;
}

static int part_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	return 0; /* arrays write their elements themselves */
}

static const struct oci_kind kind_number = { number_load, part_save };

/* --- devices -------------------------------------------------------------------------------------------------------- */

static const struct oci_row rows_device_rule[] = {
	{ "allow", &oci_kind_plain, .field = "allow", .required = true },
	{ "type", &oci_kind_plain, .field = "type" },
	{ "major", &kind_number, .field = "major" },
	{ "minor", &kind_number, .field = "minor" },
	{ "access", &oci_kind_plain, .field = "access", .required = true },
	{ NULL },
};

static int add_rule(struct oci_reader *rd, const struct element *m, char type, struct err *e)
{
	char major[16] = "*", minor[16] = "*";

	if (m->major != UNSET32)
		snprintf(major, sizeof(major), "%u", m->major);
	if (m->minor != UNSET32)
		snprintf(minor, sizeof(minor), "%u", m->minor);
	return oci_add_itemf(rd, m->allow == TRI_YES ? "devices.allow" : "devices.deny", e, "%c %s:%s %s", type, major,
			     minor, m->access);
}

/* Letters of r, w and m once each. Others are passed over, as the peers do, but not in silence. */
static int clean_access(struct oci_reader *rd, char *access, struct err *e)
{
	char known[4] = "";
	size_t n = 0;
	int r = 0;

	if (access[strspn(access, "rwm")])
		r = oci_warn(rd, e, "of the access '%s' only r, w and m are known", access);
	for (const char *letter = "rwm"; *letter; letter++)
		if (strchr(access, *letter))
			known[n++] = *letter;
	if (!n)
		return oci_expected(e, "an access of some of r, w and m", access);
	/* It is no shorter: N letters of it were found. */
	memcpy(access, known, n + 1);
	return r;
}

static int load_device_rule(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			    const struct oci_obj *o, struct err *e)
{
	_cleanup_element_ struct element m = { 0 };
	char type;
	int r;

	r = element_load(rd, rows_device_rule, v, &m, e);
	r = r < 0 ? r : clean_access(rd, m.access, e);
	if (r < 0)
		return r;
	type = m.type ? *m.type : 'a';
	/* To the kernel 'a' is all devices and every access, whatever stands after it. */
	if (type != 'a' || (m.major == UNSET32 && m.minor == UNSET32 && strlen(m.access) == 3))
		return add_rule(rd, &m, type, e);
	r = add_rule(rd, &m, 'b', e);
	return r < 0 ? r : add_rule(rd, &m, 'c', e);
}

static int devices_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	/* An update leaves them as they are. */
	if (rd->update)
		return oci_note_ignored(rd, e);
	return oci_each(rd, row, v, json_type_array, o, load_device_rule, e);
}

static int save_device_rule(struct oci_writer *w, bool allow, const char *text, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	char type[2] = { *text, '\0' };
	uint32_t major, minor;
	char *colon;
	int r;

	r = strv_split(&words, text, " \t", e);
	if (r < 0)
		return r;
	colon = words.n == 3 ? strchr(words.v[1], ':') : NULL;
	json_kv_bool(&w->j, "allow", allow);
	if (*type == 'a' || !colon) {
		json_kv_string(&w->j, "access", "rwm");
		return 0;
	}
	*colon = '\0';
	json_kv_string(&w->j, "type", type);
	if (parse_u32(words.v[1], &major) == 0)
		json_kv_u64(&w->j, "major", major);
	if (parse_u32(colon + 1, &minor) == 0)
		json_kv_u64(&w->j, "minor", minor);
	json_kv_string(&w->j, "access", words.v[2]);
	return 0;
}

static const char *device_key(const struct spec_cgroup_item *i)
{
	return startswith(oci_item_key(i, i->version), "devices.");
}

static int devices_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	struct item_walk walk = { .row = row };
	int r = 0;

	LIST_EACH(i, &w->spec->cgroup.items, struct spec_cgroup_item) {
		const char *what = device_key(i);

		if (r < 0 || !what || (!streq(what, "allow") && !streq(what, "deny")))
			continue;
		begin_element(w, &walk);
		r = save_device_rule(w, streq(what, "allow"), i->value, e);
		json_end_object(&w->j);
	}
	end_walk(w, &walk);
	return r;
}

const struct oci_kind oci_kind_device_rules = { devices_load, devices_save };

/* --- block devices -------------------------------------------------------------------------------------------------- */

static const struct oci_row rows_weight[] = {
	{ "major", &kind_number, .field = "major", .required = true },
	{ "minor", &kind_number, .field = "minor", .required = true },
	{ "weight", &oci_kind_plain, .field = "weight" },
	{ "leafWeight", &oci_kind_plain, .field = "leaf" },
	{ NULL },
};

static int load_weight(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		       const struct oci_obj *o, struct err *e)
{
	_cleanup_element_ struct element m = { 0 };
	int r;

	r = element_load(rd, rows_weight, v, &m, e);
	if (r < 0)
		return r;
	if (m.weight && m.weight != UNSET64)
		r = oci_add_itemf(rd, "blkio.weight_device", e, "%u:%u %" PRIu64, m.major, m.minor, m.weight);
	if (m.leaf && m.leaf != UNSET64 && r >= 0)
		r = oci_add_itemf(rd, "blkio.leaf_weight_device", e, "%u:%u %" PRIu64, m.major, m.minor, m.leaf);
	return r;
}

static int weights_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_weight, e);
}

/* A "MAJOR:MINOR N" item as an element with N under NAME. */
static int save_per_device(struct oci_writer *w, struct item_walk *walk, const struct spec_cgroup_item *i,
			   const char *name, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	uint32_t major, minor;
	uint64_t n;
	int r;

	r = strv_split(&words, i->value, ": ", e);
	if (r < 0)
		return r;
	if (words.n != 3 || parse_u32(words.v[0], &major) < 0 || parse_u32(words.v[1], &minor) < 0 ||
	    parse_u64(words.v[2], &n) < 0)
		return oci_unsaid(w, e, "cgroup.items=%s %s", i->key, i->value);
	begin_element(w, walk);
	json_kv_u64(&w->j, "major", major);
	json_kv_u64(&w->j, "minor", minor);
	json_kv_u64(&w->j, name, n);
	json_end_object(&w->j);
	return 0;
}

/* One element for each of the two files' lines. */
static int weights_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	struct item_walk walk = { .row = row };
	int r = 0;

	LIST_EACH(i, &w->spec->cgroup.items, struct spec_cgroup_item) {
		if (r >= 0 && streq(oci_item_key(i, 1), "blkio.weight_device"))
			r = save_per_device(w, &walk, i, "weight", e);
		else if (r >= 0 && streq(oci_item_key(i, 1), "blkio.leaf_weight_device"))
			r = save_per_device(w, &walk, i, "leafWeight", e);
	}
	end_walk(w, &walk);
	return r;
}

static const struct oci_kind kind_weights = { weights_load, weights_save };

static const struct oci_row rows_rate[] = {
	{ "major", &kind_number, .field = "major", .required = true },
	{ "minor", &kind_number, .field = "minor", .required = true },
	{ "rate", &oci_kind_plain, .field = "rate", .required = true },
	{ NULL },
};

static int load_rate(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		     const struct oci_obj *o, struct err *e)
{
	_cleanup_element_ struct element m = { 0 };
	int r;

	r = element_load(rd, rows_rate, v, &m, e);
	if (r < 0)
		return r;
	return oci_add_itemf(rd, row->text, e, "%u:%u %" PRIu64, m.major, m.minor, m.rate);
}

static int rates_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_rate, e);
}

static int rates_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	struct item_walk walk = { .row = row };
	int r = 0;

	LIST_EACH(i, &w->spec->cgroup.items, struct spec_cgroup_item)
		if (r >= 0 && streq(oci_item_key(i, 1), row->text))
			r = save_per_device(w, &walk, i, "rate", e);
	end_walk(w, &walk);
	return r;
}

static const struct oci_kind kind_rates = { rates_load, rates_save };

static int io_weight_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			  const struct oci_obj *o, struct err *e)
{
	uint64_t n;
	int r;

	r = oci_u64(v, UINT16_MAX, &n, e);
	return r < 0 || !n ? r : oci_add_itemf(rd, row->text, e, "%" PRIu64, n);
}

static const struct oci_kind kind_io_weight = { io_weight_load, oci_number_save };

const struct oci_row oci_rows_block_io[] = {
	{ "weight", &kind_io_weight, .text = "blkio.weight" },
	{ "leafWeight", &kind_io_weight, .text = "blkio.leaf_weight" },
	{ "weightDevice", &kind_weights, .text = "blkio.weight_device" },
	{ "throttleReadBpsDevice", &kind_rates, .text = "blkio.throttle.read_bps_device" },
	{ "throttleWriteBpsDevice", &kind_rates, .text = "blkio.throttle.write_bps_device" },
	{ "throttleReadIOPSDevice", &kind_rates, .text = "blkio.throttle.read_iops_device" },
	{ "throttleWriteIOPSDevice", &kind_rates, .text = "blkio.throttle.write_iops_device" },
	{ NULL },
};

/* --- huge pages, network, rdma -------------------------------------------------------------------------------------- */

static const struct oci_row rows_hugepage[] = {
	{ "pageSize", &oci_kind_plain, .field = "page", .required = true },
	{ "limit", &oci_kind_plain, .field = "limit", .required = true },
	{ NULL },
};

static int load_hugepage(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			 const struct oci_obj *o, struct err *e)
{
	_cleanup_element_ struct element m = { 0 };
	_cleanup_buf_ struct buf file = BUF_INIT;
	int r;

	r = element_load(rd, rows_hugepage, v, &m, e);
	if (r < 0)
		return r;
	buf_printf(&file, "hugetlb.%s.limit_in_bytes", m.page);
	return oci_add_itemf(rd, buf_str(&file), e, "%" PRIu64, m.limit);
}

static int hugepages_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			  const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_hugepage, e);
}

/* "2MB" out of "hugetlb.2MB.limit_in_bytes". */
static bool page_of(const char *key, char ret[static 16])
{
	const char *page = startswith(key, "hugetlb.");
	size_t n = page ? strcspn(page, ".") : 0;

	if (!n || n >= 16 || !streq(page + n, ".limit_in_bytes"))
		return false;
	memcpy(ret, page, n);
	ret[n] = '\0';
	return is_page_size(ret);
}

bool oci_is_hugepage(const char *key)
{
	char page[16];

	return page_of(key, page);
}

static int hugepages_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	struct item_walk walk = { .row = row };
	int r = 0;

	LIST_EACH(i, &w->spec->cgroup.items, struct spec_cgroup_item) {
		char page[16];
		uint64_t n;

		if (r < 0 || !page_of(oci_item_key(i, 1), page))
			continue;
		if (parse_size(i->value, &n) < 0) {
			r = oci_unsaid(w, e, "cgroup.items=%s %s", i->key, i->value);
			continue;
		}
		begin_element(w, &walk);
		json_kv_string(&w->j, "pageSize", page);
		json_kv_u64(&w->j, "limit", n);
		json_end_object(&w->j);
	}
	end_walk(w, &walk);
	return r;
}

const struct oci_kind oci_kind_hugepages = { hugepages_load, hugepages_save };

static const struct oci_row rows_priority[] = {
	{ "name", &oci_kind_plain, .field = "name", .required = true },
	{ "priority", &oci_kind_plain, .field = "priority", .required = true },
	{ NULL },
};

static int load_priority(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			 const struct oci_obj *o, struct err *e)
{
	_cleanup_element_ struct element m = { 0 };
	int r;

	r = element_load(rd, rows_priority, v, &m, e);
	return r < 0 ? r : oci_add_itemf(rd, row->text, e, "%s %u", m.name, m.priority);
}

static int priorities_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v,
			   const struct oci_obj *o, struct err *e)
{
	return oci_each(rd, row, v, json_type_array, o, load_priority, e);
}

static int priorities_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	struct item_walk walk = { .row = row };
	const char *value;

	while ((value = next_item(w, &walk, row->text))) {
		const char *blank = strchr(value, ' ');
		char name[16];
		uint32_t n;

		if (!blank || blank - value > 15 || parse_u32(blank + 1, &n) < 0) {
			int r = oci_unsaid(w, e, "cgroup.items=%s %s", row->text, value);

			if (r < 0)
				return r;
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(blank - value), value);
		begin_element(w, &walk);
		json_kv_string(&w->j, "name", name);
		json_kv_u64(&w->j, "priority", n);
		json_end_object(&w->j);
	}
	end_walk(w, &walk);
	return 0;
}

static const struct oci_kind kind_priorities = { priorities_load, priorities_save };

static int class_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		      struct err *e)
{
	uint64_t n;
	int r;

	r = oci_u64(v, UINT32_MAX, &n, e);
	return r < 0 || !n ? r : oci_add_itemf(rd, row->text, e, "%" PRIu64, n);
}

static const struct oci_kind kind_class = { class_load, oci_number_save };

const struct oci_row oci_rows_network[] = {
	{ "classID", &kind_class, .text = "net_cls.classid" },
	{ "priorities", &kind_priorities, .text = "net_prio.ifpriomap" },
	{ NULL },
};

static const struct oci_row rows_rdma[] = {
	{ "hcaHandles", &oci_kind_plain, .field = "handles" },
	{ "hcaObjects", &oci_kind_plain, .field = "objects" },
	{ NULL },
};

static int load_rdma(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
		     const struct oci_obj *o, struct err *e)
{
	_cleanup_element_ struct element m = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	r = element_load(rd, rows_rdma, v, &m, e);
	r = r < 0 ? r : check_word(key, e);
	if (r < 0 || (m.handles == UNSET32 && m.objects == UNSET32))
		return r;
	buf_puts(&text, key);
	if (m.handles != UNSET32)
		buf_printf(&text, " hca_handle=%u", m.handles);
	if (m.objects != UNSET32)
		buf_printf(&text, " hca_object=%u", m.objects);
	r = buf_error(&text, e);
	return r < 0 ? r : oci_add_item(rd, 1, row->text, buf_str(&text), e);
}

static int rdma_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		     struct err *e)
{
	return oci_each(rd, row, v, json_type_object, o, load_rdma, e);
}

static int save_rdma(struct oci_writer *w, const char *value, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r;

	r = strv_split(&words, value, " ", e);
	if (r < 0 || !words.n)
		return r;
	json_key(&w->j, words.v[0]);
	json_object(&w->j);
	for (size_t i = 1; i < words.n && r >= 0; i++) {
		const char *handles = startswith(words.v[i], "hca_handle=");
		const char *objects = startswith(words.v[i], "hca_object=");
		uint32_t n;

		if ((handles || objects) && parse_u32(handles ?: objects, &n) == 0)
			json_kv_u64(&w->j, handles ? "hcaHandles" : "hcaObjects", n);
		else
			r = oci_unsaid(w, e, "cgroup.items=rdma.max %s", words.v[i]);
	}
	json_end_object(&w->j);
	return r;
}

static int rdma_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e)
{
	struct item_walk walk = { .row = row };
	const char *value;
	int r = 0;

	while (r >= 0 && (value = next_item(w, &walk, row->text))) {
		if (!walk.open) {
			json_key(&w->j, row->name);
			json_object(&w->j);
			walk.open = true;
		}
		r = save_rdma(w, value, e);
	}
	if (walk.open)
		json_end_object(&w->j);
	return r;
}

const struct oci_kind oci_kind_rdma = { rdma_load, rdma_save };
