/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names and properties of systemd's units: everything about them that needs no bus. */

#include "cgroup/unit.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"
#include "cgroup/driver.h"
#include "cgroup/translate.h"

#define UNIT_NAME_MAX  255
#define CPUS_MAX       8192
#define PERIOD_USEC    100000 /* the kernel's own */
#define QUOTA_STEP     10000  /* systemd keeps whole percents of a CPU */
#define VERSION_IDLE   252    /* CPUWeight=idle */
#define VERSION_OOM    253    /* OOMPolicy of scopes */
#define DEFAULT_PREFIX "creel"

/* --- names ----------------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && streq(s + n - m, suffix);
}

bool unit_name_ok(const char *name)
{
	if (!*name || strlen(name) > UNIT_NAME_MAX || (!ends_with(name, ".scope") && !ends_with(name, ".slice")))
		return false;
	return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")] == '\0' &&
	       strlen(name) > strlen(".slice");
}

int unit_slice_path(const char *slice, struct buf *out, struct err *e)
{
	size_t len = strlen(slice), n = len - strlen(".slice");

	if (!ends_with(slice, ".slice") || !unit_name_ok(slice))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is not the name of a slice", slice);
	if (streq(slice, "-.slice"))
		return 0;
	/* Each dash is a level; an empty level is no name. */
	for (size_t i = 0; i <= n; i++) {
		if (i < n && slice[i] != '-')
			continue;
		if (i == 0 || slice[i - 1] == '-')
			return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is not the name of a slice", slice);
		buf_printf(out, "%s%.*s.slice", out->len ? "/" : "", (int)i, slice);
	}
	return buf_error(out, e);
}

int unit_path_below(const char *root, const char *text, const char *id, bool user, char **ret, struct err *e)
{
	const char *slice = user ? "user.slice" : "system.slice", *prefix = DEFAULT_PREFIX, *name = id;
	_cleanup_free_ char *copy = NULL, *unit = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r;

	if (text) {
		char *one, *two;

		copy = strdup(text);
		if (!copy)
			return err_oom(e);
		one = strchr(copy, ':');
		two = one ? strchr(one + 1, ':') : NULL;
		if (!two || strchr(two + 1, ':'))
			return err_kind(
				e, ERR_INVALID, -EINVAL,
				"linux.cgroupsPath: expected the form \"slice:prefix:name\" for systemd, got \"%s\"",
				text);
		*one++ = *two++ = '\0';
		slice = *copy ? copy : slice;
		prefix = one;
		name = *two ? two : id;
	}
	if (ends_with(name, ".slice"))
		unit = strdup(name);
	else if (asprintf(&unit, "%s%s%s.scope", prefix, *prefix ? "-" : "", name) < 0)
		unit = NULL;
	if (!unit)
		return err_oom(e);
	if (!unit_name_ok(unit))
		return err_kind(e, ERR_INVALID, -EINVAL, "linux.cgroupsPath: systemd takes no unit called '%s'", unit);
	buf_puts(&b, root + strspn(root, "/"));
	r = unit_slice_path(slice, &b, e);
	if (r < 0)
		return err_wrap(e, r, "linux.cgroupsPath");
	buf_printf(&b, "%s%s//%s:%s", b.len ? "/" : "", unit, user ? "user-unit" : "unit", unit);
	*ret = buf_take(&b);
	return *ret ? 0 : err_oom(e);
}

/* --- lists of properties --------------------------------------------------------------------------------------------- */

void unit_props_done(struct unit_props *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].name);
		free(p->v[i].bytes);
		strv_done(&p->v[i].strings);
	}
	free(p->v);
	*p = (struct unit_props){ 0 };
}

static struct unit_prop *prop_new(struct unit_props *p, const char *name, enum unit_type type, struct err *e)
{
	struct unit_prop *n;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 16;
		struct unit_prop *v = reallocarray(p->v, cap, sizeof(*v));

		if (!v) {
			err_oom(e);
			return NULL;
		}
		p->v = v;
		p->cap = cap;
	}
	n = &p->v[p->n];
	*n = (struct unit_prop){ .name = strdup(name), .type = type };
	if (!n->name) {
		err_oom(e);
		return NULL;
	}
	p->n++;
	return n;
}

int unit_prop_add(struct unit_props *p, const char *name, enum unit_type type, uint64_t n, struct err *e)
{
	struct unit_prop *prop = NULL;

	/* Said again, the later one counts: cpu.shares and unified's cpu.weight. */
	for (size_t i = 0; i < p->n && !prop; i++)
		if (streq(p->v[i].name, name) && p->v[i].type == type)
			prop = &p->v[i];
	prop = prop ?: prop_new(p, name, type, e);
	if (!prop)
		return -ENOMEM;
	prop->n = n;
	return 0;
}

int unit_prop_add_string(struct unit_props *p, const char *name, const char *s, struct err *e)
{
	struct unit_prop *prop = prop_new(p, name, UT_STRING, e);

	return prop ? strv_push(&prop->strings, s, e) : -ENOMEM;
}

/* --- resources ------------------------------------------------------------------------------------------------------- */

/* "0-2,7" as a little-endian mask. */
static int add_mask(struct unit_props *p, const char *name, const char *list, struct err *e)
{
	struct unit_prop *prop = prop_new(p, name, UT_BYTES, e);
	const char *s = list;

	if (!prop || !(prop->bytes = calloc(1, CPUS_MAX / 8)))
		return err_oom(e);
	while (*s) {
		char *end;
		unsigned long from, to;

		s += strspn(s, " ,\n");
		if (!*s)
			break;
		from = to = strtoul(s, &end, 10);
		if (end != s && *end == '-') {
			s = end + 1;
			to = strtoul(s, &end, 10);
		}
		if (end == s || from > to || to >= CPUS_MAX || !strchr(" ,\n", *end))
			return err_kind(e, ERR_INVALID, -EINVAL, "'%.64s' is not a list of numbers", list);
		s = end;
		for (; from <= to; from++) {
			prop->bytes[from / 8] |= (uint8_t)(1u << from % 8);
			prop->n_bytes = from / 8 >= prop->n_bytes ? from / 8 + 1 : prop->n_bytes;
		}
	}
	return 0;
}

/* A limit in v2's words; systemd has all bits for "none". */
static int parse_max(const char *s, uint64_t *ret)
{
	if (streq(s, "max") || streq(s, "-1")) {
		*ret = UINT64_MAX;
		return 0;
	}
	return parse_size(s, ret);
}

struct cpu {
	int64_t quota; /* 0: not said, -1: none */
	uint64_t period;
	bool idle;
};

static int add_cpu(const struct cpu *c, struct unit_props *p, struct err *e)
{
	uint64_t usec = UINT64_MAX;
	int r = 0;

	if (c->period)
		r = unit_prop_add(p, "CPUQuotaPeriodUSec", UT_U64, c->period, e);
	if (r < 0 || (!c->quota && !c->period))
		return r;
	/* Up to the next percent, or what the container divides among its own groups would not fit. */
	if (c->quota > 0) {
		usec = (uint64_t)((__uint128_t)c->quota * 1000000 / (c->period ?: PERIOD_USEC));
		usec = (usec + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP;
	}
	return unit_prop_add(p, "CPUQuotaPerSecUSec", UT_U64, usec, e);
}

static int cpu_max(const char *value, struct cpu *c)
{
	char quota[32], period[32];
	int n = sscanf(value, "%31s %31s", quota, period);

	if (n < 1 || (!streq(quota, "max") && parse_i64(quota, &c->quota) < 0))
		return -EINVAL;
	if (streq(quota, "max"))
		c->quota = -1;
	return n == 2 ? parse_u64(period, &c->period) : 0;
}

/* One file of v2's. */
static int add_v2(const char *key, const char *value, unsigned version, struct cpu *cpu, struct unit_props *p,
		  struct err *e)
{
	static const char *const sizes[][2] = {
		{ "memory.max", "MemoryMax" }, { "memory.high", "MemoryHigh" },	       { "memory.low", "MemoryLow" },
		{ "memory.min", "MemoryMin" }, { "memory.swap.max", "MemorySwapMax" }, { "pids.max", "TasksMax" },
	};
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (!streq(key, sizes[i][0]))
			continue;
		if (parse_max(value, &n) < 0)
			return -EINVAL;
		/* systemd has no TasksMax=0. */
		return unit_prop_add(p, sizes[i][1], UT_U64, n == 0 && streq(key, "pids.max") ? 1 : n, e);
	}
	if (streq(key, "cpu.weight"))
		return parse_u64(value, &n) < 0 ? -EINVAL : unit_prop_add(p, "CPUWeight", UT_U64, n, e);
	if (streq(key, "cpu.max"))
		return cpu_max(value, cpu);
	if (streq(key, "cpu.idle"))
		cpu->idle = version >= VERSION_IDLE && streq(value, "1");
	if (streq(key, "cpuset.cpus"))
		return add_mask(p, "AllowedCPUs", value, e);
	if (streq(key, "cpuset.mems"))
		return add_mask(p, "AllowedMemoryNodes", value, e);
	return 0;
}

static const char *limit_of(const struct cg_item *items, size_t n)
{
	const char *limit = NULL;

	for (size_t i = 0; i < n; i++)
		if (streq(items[i].key, "memory.limit_in_bytes"))
			limit = items[i].value;
	return limit;
}

/* One of v1's, by way of v2's. Device rules are not said: systemd's list would be a second one beside ours, which both
 * have to agree, and it cannot say all that ours does. */
static int add_v1(const struct cg_item *it, const char *limit, unsigned version, struct cpu *cpu, struct unit_props *p,
		  struct err *e)
{
	_cleanup_pieces_ struct cg_pieces pieces = { 0 };
	int r = 0;

	if (startswith(it->key, "devices."))
		return 0;
	if (streq(it->key, "cpu.cfs_quota_us"))
		return parse_i64(it->value, &cpu->quota);
	if (streq(it->key, "cpu.cfs_period_us"))
		return parse_u64(it->value, &cpu->period);
	if (streq(it->key, "pids.max") && it->value[0] == '-')
		return unit_prop_add(p, "TasksMax", UT_U64, UINT64_MAX, e);
	if (cg_translate_pieces(2, cg_key_versions(it->key) & 2 ? 2 : 1, it->key, it->value, &pieces, NULL) < 0)
		return 0;
	for (size_t i = 0; r == 0 && i < pieces.n; i++) {
		const struct cg_piece *x = &pieces.v[i];
		_cleanup_buf_ struct buf b = BUF_INIT;

		if (x->fix != FIX_NONE && !limit)
			continue;
		if (cg_fix_apply(x->fix, 2, false, x->value, limit ?: "", &b) < 0)
			return -EINVAL;
		r = add_v2(x->key, buf_str(&b), version, cpu, p, e);
	}
	return r;
}

int unit_resource_props(const struct cg_item *items, size_t n, bool start, unsigned version, struct unit_props *ret,
			struct err *e)
{
	const char *limit = limit_of(items, n);
	struct cpu cpu = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct cg_item *it = &items[i];

		if (it->version == 2)
			r = add_v2(it->key, it->value, version, &cpu, ret, e);
		else
			r = add_v1(it, limit, version, &cpu, ret, e);
		if (r == 0 && start && version >= VERSION_OOM && streq(it->key, "memory.oom.group"))
			r = unit_prop_add_string(ret, "OOMPolicy", streq(it->value, "1") ? "kill" : "continue", e);
		if (r == -EINVAL || r == -ERANGE)
			return err_kind(e, ERR_INVALID, r, "'%.64s' is not a value for %s", it->value, it->key);
	}
	if (r == 0)
		r = add_cpu(&cpu, ret, e);
	/* 0 is systemd's word for idle, and goes before any weight. */
	return r == 0 && cpu.idle ? unit_prop_add(ret, "CPUWeight", UT_U64, 0, e) : r;
}

/* --- annotations: GVariant's text format ----------------------------------------------------------------------------- */

static int bad_value(const char *assignment, struct err *e)
{
	err_kind(e, ERR_INVALID, -EINVAL,
		 "annotation org.systemd.property.%.128s: not a value of GVariant's text format", assignment);
	return err_hint(e, -EINVAL, "such as true, 'text', uint64 5, ['a', 'b']");
}

static const char *skip(const char *s)
{
	return s + strspn(s, " \t\n");
}

/* 'text' or "text"; returns what follows, or NULL. */
static const char *quoted(const char *s, struct strv *out, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char q = *s++;

	if (q != '\'' && q != '"')
		return NULL;
	for (; *s != q; s++) {
		bool escaped = *s == '\\';

		s += escaped;
		if (!*s)
			return NULL;
		buf_putc(&b, !escaped ? *s : *s == 'n' ? '\n' : *s == 't' ? '\t' : *s);
	}
	return strv_push(out, buf_str(&b), e) < 0 ? NULL : s + 1;
}

static const struct {
	const char *word;
	enum unit_type type;
} types[] = {
	{ "uint64", UT_U64 },	 { "@t", UT_U64 },    { "int64", UT_I64 },    { "@x", UT_I64 },
	{ "uint32", UT_U32 },	 { "@u", UT_U32 },    { "int32", UT_I32 },    { "@i", UT_I32 },
	{ "double", UT_DOUBLE }, { "@d", UT_DOUBLE }, { "boolean", UT_BOOL }, { "@b", UT_BOOL },
	{ "string", UT_STRING }, { "@s", UT_STRING }, { "@as", UT_STRINGS },
};

static int parse_number(const char *word, bool typed, struct unit_prop *p)
{
	char *end;

	if (!typed)
		p->type = strpbrk(word, ".eE") && !startswith(word, "0x") ? UT_DOUBLE : UT_I32;
	errno = 0;
	switch (p->type) {
	case UT_DOUBLE:
		p->d = strtod(word, &end);
		break;
	case UT_U64:
	case UT_U32:
		if (*word == '-')
			return -EINVAL;
		p->n = strtoull(word, &end, 0);
		break;
	default:
		p->n = (uint64_t)strtoll(word, &end, 0);
	}
	if (errno || end == word || *end)
		return -EINVAL;
	if ((p->type == UT_U32 && p->n > UINT32_MAX) ||
	    (p->type == UT_I32 && ((int64_t)p->n > INT32_MAX || (int64_t)p->n < INT32_MIN)))
		return -ERANGE;
	return 0;
}

static int parse_strings(const char *s, struct unit_prop *p, struct err *e)
{
	p->type = UT_STRINGS;
	for (s = skip(s + 1); *s != ']'; s = skip(s)) {
		s = quoted(s, &p->strings, e);
		if (!s)
			return -EINVAL;
		s = skip(s);
		if (*s == ',')
			s = skip(s + 1);
		else if (*s != ']')
			return -EINVAL;
	}
	return s[1] ? -EINVAL : 0;
}

/* S: the text without blanks around it. */
static int parse_variant(const char *s, struct unit_prop *p, struct err *e)
{
	bool typed = false;

	for (size_t i = 0; i < ARRAY_SIZE(types) && !typed; i++) {
		const char *rest = startswith(s, types[i].word);

		if (rest && (*rest == ' ' || *rest == '\t')) {
			p->type = types[i].type;
			s = skip(rest);
			typed = true;
		}
	}
	if (*s == '[' && (!typed || p->type == UT_STRINGS))
		return parse_strings(s, p, e);
	if ((*s == '\'' || *s == '"') && (!typed || p->type == UT_STRING)) {
		p->type = UT_STRING;
		s = quoted(s, &p->strings, e);
		return s && !*s ? 0 : -EINVAL;
	}
	if ((streq(s, "true") || streq(s, "false")) && (!typed || p->type == UT_BOOL)) {
		p->type = UT_BOOL;
		p->n = *s == 't';
		return 0;
	}
	if (typed && (p->type == UT_STRING || p->type == UT_STRINGS || p->type == UT_BOOL))
		return -EINVAL;
	return parse_number(s, typed, p);
}

/* systemd's manual has TimeoutStopSec, its bus TimeoutStopUSec. */
static int seconds_to_usec(struct unit_prop *p, struct err *e)
{
	size_t n = strlen(p->name);
	char *name = NULL;

	if (n < 4 || !ends_with(p->name, "Sec") || !islower((unsigned char)p->name[n - 4]))
		return 0;
	if (p->type == UT_DOUBLE ? p->d < 0 || p->d > 1e12 : p->type > UT_I64 || p->type == UT_BOOL)
		return -EINVAL;
	if (p->type != UT_DOUBLE && p->n > UINT64_MAX / 1000000)
		return -ERANGE;
	p->n = p->type == UT_DOUBLE ? (uint64_t)(p->d * 1e6) : p->n * 1000000;
	p->type = UT_U64;
	if (asprintf(&name, "%.*sUSec", (int)(n - 3), p->name) < 0)
		return err_oom(e);
	free(p->name);
	p->name = name;
	return 0;
}

int unit_annotation_prop(const char *assignment, struct unit_props *ret, struct err *e)
{
	_cleanup_free_ char *copy = strdup(assignment);
	char *eq, *end, *value;
	struct unit_prop *p;
	size_t n = 0;

	if (!copy)
		return err_oom(e);
	eq = strchr(copy, '=');
	if (eq)
		*eq = '\0';
	while (isalpha((unsigned char)copy[n]))
		n++;
	if (!eq || n < 3 || copy[n])
		return err_kind(e, ERR_INVALID, -EINVAL,
				"annotation org.systemd.property.%.128s: not a property's name", copy);
	value = eq + 1 + strspn(eq + 1, " \t\n");
	end = value + strlen(value);
	while (end > value && strchr(" \t\n", end[-1]))
		*--end = '\0';
	p = prop_new(ret, copy, UT_STRING, e);
	if (!p)
		return -ENOMEM;
	if (!*value || parse_variant(value, p, e) < 0 || seconds_to_usec(p, e) < 0)
		return bad_value(assignment, e);
	return 0;
}
