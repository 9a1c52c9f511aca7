/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cgroup/translate.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include "base/parse.h"
#include "cgroup/driver.h"

#define V1_UNLIMITED 0x7ffffffffffff000ULL /* what v1 reads back for -1: LONG_MAX in whole pages */
#define WORD_MAX     64

enum conv {
	CONV_SAME,
	CONV_BYTES,	  /* -1 ↔ max, units resolved */
	CONV_MEMSW,	  /* the sum of memory and swap ↔ swap alone */
	CONV_MEMSW_USAGE, /* the same for what is used */
	CONV_SHARES,	  /* 2…262144 ↔ 1…10000 */
	CONV_PERIOD,	  /* second word of cpu.max */
	CONV_QUOTA,	  /* first word of cpu.max */
	CONV_IO_WEIGHT,	  /* 10…1000 ↔ 1…10000 */
	CONV_IO_DEVICE,	  /* "8:0 500" ↔ "8:0 4951" */
	CONV_THROTTLE,	  /* "8:0 N" ↔ "8:0 ARG=N", 0 ↔ max */
	CONV_FREEZE,	  /* FROZEN/THAWED ↔ 1/0 */
	CONV_USEC,	  /* nanoseconds ↔ the line "ARG microseconds"; reading only */
};

enum {
	TO1 = 1,	 /* used only from v2 to v1 */
	TO2 = 2,	 /* used only from v1 to v2 */
	ALTERNATIVE = 4, /* where the row before it names a missing file */
	RDONLY = 8,
};

/*
 * '*' stands for a page size or device name. For one key the first usable row counts, with its alternatives; only
 * cpu.max and io.max are spread over all theirs.
 */
static const struct row {
	const char *v1, *v2;
	enum conv conv;
	unsigned flags;
	const char *arg;
} rows[] = {
	{ "memory.limit_in_bytes", "memory.max", CONV_BYTES },
	{ "memory.memsw.limit_in_bytes", "memory.swap.max", CONV_MEMSW },
	/* The soft limit is what a group keeps when memory is short: memory.low. memory.high has no v1 counterpart; a
	 * soft limit is the nearest that also makes the kernel reclaim from the group without killing. */
	{ "memory.soft_limit_in_bytes", "memory.low", CONV_BYTES },
	{ "memory.soft_limit_in_bytes", "memory.high", CONV_BYTES, TO1 },
	{ "memory.usage_in_bytes", "memory.current", CONV_BYTES, RDONLY },
	{ "memory.max_usage_in_bytes", "memory.peak", CONV_BYTES },
	{ "memory.memsw.usage_in_bytes", "memory.swap.current", CONV_MEMSW_USAGE, RDONLY },
	{ "cpu.shares", "cpu.weight", CONV_SHARES },
	{ "cpu.cfs_period_us", "cpu.max", CONV_PERIOD },
	{ "cpu.cfs_quota_us", "cpu.max", CONV_QUOTA },
	{ "cpu.cfs_burst_us", "cpu.max.burst", CONV_SAME },
	{ "cpu.idle", "cpu.idle", CONV_SAME },
	{ "cpu.uclamp.min", "cpu.uclamp.min", CONV_SAME },
	{ "cpu.uclamp.max", "cpu.uclamp.max", CONV_SAME },
	{ "cpuacct.usage", "cpu.stat", CONV_USEC, RDONLY, "usage_usec" },
	{ "cpuacct.usage_user", "cpu.stat", CONV_USEC, RDONLY, "user_usec" },
	{ "cpuacct.usage_sys", "cpu.stat", CONV_USEC, RDONLY, "system_usec" },
	{ "cpuset.cpus", "cpuset.cpus", CONV_SAME },
	{ "cpuset.mems", "cpuset.mems", CONV_SAME },
	{ "cpuset.effective_cpus", "cpuset.cpus.effective", CONV_SAME, RDONLY },
	{ "cpuset.effective_mems", "cpuset.mems.effective", CONV_SAME, RDONLY },
	/* BFQ's own file first, as all of its kind do: it has v1's range. Without BFQ there is iocost's. */
	{ "blkio.weight", "io.bfq.weight", CONV_SAME, TO2 },
	{ "blkio.weight", "io.weight", CONV_IO_WEIGHT, ALTERNATIVE },
	{ "blkio.bfq.weight", "io.weight", CONV_IO_WEIGHT, ALTERNATIVE | TO1 },
	{ "blkio.bfq.weight", "io.bfq.weight", CONV_SAME },
	{ "blkio.weight_device", "io.bfq.weight", CONV_SAME, TO2 },
	{ "blkio.weight_device", "io.weight", CONV_IO_DEVICE, ALTERNATIVE | TO2 },
	{ "blkio.throttle.read_bps_device", "io.max", CONV_THROTTLE, 0, "rbps" },
	{ "blkio.throttle.write_bps_device", "io.max", CONV_THROTTLE, 0, "wbps" },
	{ "blkio.throttle.read_iops_device", "io.max", CONV_THROTTLE, 0, "riops" },
	{ "blkio.throttle.write_iops_device", "io.max", CONV_THROTTLE, 0, "wiops" },
	{ "pids.max", "pids.max", CONV_SAME },
	{ "pids.current", "pids.current", CONV_SAME, RDONLY },
	{ "freezer.state", "cgroup.freeze", CONV_FREEZE },
	{ "hugetlb.*.limit_in_bytes", "hugetlb.*.max", CONV_BYTES },
	{ "hugetlb.*.rsvd.limit_in_bytes", "hugetlb.*.rsvd.max", CONV_BYTES },
	{ "hugetlb.*.usage_in_bytes", "hugetlb.*.current", CONV_BYTES, RDONLY },
	{ "rdma.max", "rdma.max", CONV_SAME },
	{ "rdma.current", "rdma.current", CONV_SAME, RDONLY },
	{ "misc.max", "misc.max", CONV_SAME },
	{ "misc.current", "misc.current", CONV_SAME, RDONLY },
	{ "devices.allow", "devices.allow", CONV_SAME }, /* v2: collected into a program, no file */
	{ "devices.deny", "devices.deny", CONV_SAME },
};

bool cg_table_row(unsigned i, const char **ret_v1, const char **ret_v2)
{
	if (i >= ARRAY_SIZE(rows))
		return false;
	*ret_v1 = rows[i].v1;
	*ret_v2 = rows[i].v2;
	return true;
}

void cg_pieces_done(struct cg_pieces *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].key);
		free(p->v[i].value);
	}
	p->n = 0;
}

/* Matches KEY against PATTERN; what '*' (one part without a dot) stood for goes to STAR. */
static bool match(const char *pattern, const char *key, char star[static WORD_MAX])
{
	const char *s;
	size_t head, n;

	star[0] = '\0';
	/* No row begins with its star; most are told apart here. */
	if (*pattern != *key)
		return false;
	s = strchr(pattern, '*');
	if (!s)
		return streq(pattern, key);
	head = (size_t)(s - pattern);
	if (strncmp(pattern, key, head) != 0)
		return false;
	n = strcspn(key + head, ".");
	if (n == 0 || n >= WORD_MAX || !streq(s + 1, key + head + n))
		return false;
	memcpy(star, key + head, n);
	star[n] = '\0';
	return true;
}

static char *expand(const char *pattern, const char *star)
{
	const char *s = strchr(pattern, '*');
	char *out = NULL;

	if (!s)
		return strdup(pattern);
	return asprintf(&out, "%.*s%s%s", (int)(s - pattern), pattern, star, s + 1) < 0 ? NULL : out;
}

unsigned cg_key_versions(const char *key)
{
	char star[WORD_MAX];
	unsigned v = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		v |= (match(rows[i].v1, key, star) ? 1u : 0) | (match(rows[i].v2, key, star) ? 2u : 0);
	return v;
}

int cg_key_ctrl(const char *key)
{
	char star[WORD_MAX];

	/* v1's name tells: cgroup.freeze is the freezer's and cpu.stat's usage is cpuacct's only when asked so. */
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (match(rows[i].v1, key, star) || (match(rows[i].v2, key, star) && rows[i].conv != CONV_USEC))
			return cg_ctrl_find(rows[i].v1, strcspn(rows[i].v1, "."));
	return cg_ctrl_find(key, strcspn(key, "."));
}

static bool is_multi(enum conv c)
{
	return c == CONV_PERIOD || c == CONV_QUOTA || c == CONV_THROTTLE;
}

/* The WHICH-th word of a line; false when there are not so many. */
static bool word(const char *s, unsigned which, char out[static WORD_MAX])
{
	for (unsigned i = 0;; i++) {
		size_t n;

		s += strspn(s, " \t\n");
		n = strcspn(s, " \t\n");
		if (n == 0 || n >= WORD_MAX)
			return false;
		if (i == which) {
			memcpy(out, s, n);
			out[n] = '\0';
			return true;
		}
		s += n;
	}
}

/* A limit in either version's words; UINT64_MAX: none. */
static int parse_limit(const char *s, uint64_t *ret)
{
	char w[WORD_MAX], more[WORD_MAX];
	uint64_t n;
	int r;

	if (!word(s, 0, w) || word(s, 1, more))
		return -EINVAL;
	if (streq(w, "max") || streq(w, "-1")) {
		*ret = UINT64_MAX;
		return 0;
	}
	r = parse_size(w, &n);
	if (r < 0)
		return r;
	*ret = n >= V1_UNLIMITED ? UINT64_MAX : n;
	return 0;
}

static void put_limit(struct buf *out, unsigned to, bool reading, uint64_t n)
{
	if (n != UINT64_MAX)
		buf_printf(out, "%llu", (unsigned long long)n);
	else if (to == 2)
		buf_puts(out, "max");
	else
		buf_printf(out, reading ? "%llu" : "-1", (unsigned long long)V1_UNLIMITED);
}

static int parse_weight(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	char w[WORD_MAX];
	uint64_t n;

	/* io.weight reads as "default 100" and lines of devices after it. */
	if (!word(s, 0, w) || (streq(w, "default") && !word(s, 1, w)) || parse_u64(w, &n) < 0)
		return -EINVAL;
	if (n < min || n > max)
		return -ERANGE;
	*ret = n;
	return 0;
}

static uint64_t io_weight(unsigned to, uint64_t n)
{
	return to == 2 ? 1 + (n - 10) * 9999 / 990 : 10 + ((n - 1) * 990 + 4999) / 9999;
}

/* "8:0 N" lines to "8:0 ARG=N" lines and back. Returns 1 when there is nothing for ARG in them. */
static int throttle(const struct row *r, unsigned to, const char *in, struct buf *out)
{
	bool any = false;

	while (*in) {
		char line[256], dev[WORD_MAX], w[WORD_MAX];
		size_t n = strcspn(in, "\n");
		const char *v;

		if (n >= sizeof(line))
			return -EINVAL;
		memcpy(line, in, n);
		line[n] = '\0';
		in += n + (in[n] == '\n');
		if (!word(line, 0, dev))
			continue;
		if (!strchr(dev, ':') || !word(line, 1, w))
			return -EINVAL;
		if (to == 2) {
			buf_printf(out, "%s%s %s=%s", any ? "\n" : "", dev, r->arg, streq(w, "0") ? "max" : w);
			any = true;
			continue;
		}
		for (unsigned i = 1; word(line, i, w); i++) {
			v = startswith(w, r->arg);
			if (!v || *v != '=')
				continue;
			buf_printf(out, "%s%s %s", any ? "\n" : "", dev, streq(v + 1, "max") ? "0" : v + 1);
			any = true;
		}
	}
	return any ? 0 : 1;
}

static int stat_usec(const struct row *r, const char *in, struct buf *out)
{
	for (const char *s = in; (s = strstr(s, r->arg)); s++) {
		char w[WORD_MAX];
		uint64_t n;

		if ((s != in && s[-1] != '\n') || !word(s, 1, w) || parse_u64(w, &n) < 0)
			continue;
		buf_printf(out, "%llu", (unsigned long long)n * 1000);
		return 0;
	}
	return -EINVAL;
}

static int conv_limit(const struct row *r, unsigned to, bool reading, const char *in, struct buf *out, enum cg_fix *fix)
{
	uint64_t n;
	int k = parse_limit(in, &n);

	if (k < 0)
		return k;
	put_limit(out, to, reading, n);
	if (r->conv != CONV_BYTES && n != UINT64_MAX)
		*fix = to == 2 ? FIX_MINUS : FIX_PLUS;
	return 0;
}

static int conv_weight(const struct row *r, unsigned to, const char *in, struct buf *out)
{
	bool shares = r->conv == CONV_SHARES;
	uint64_t n;
	int k;

	if (to == 1)
		k = parse_weight(in, 1, 10000, &n);
	else
		k = shares ? parse_weight(in, 0, UINT64_MAX, &n) : parse_weight(in, 10, 1000, &n);
	if (k < 0)
		return k;
	if (shares)
		n = to == 2 ? cg_shares_to_weight(n) : cg_weight_to_shares(n);
	else
		n = io_weight(to, n);
	buf_printf(out, "%llu", (unsigned long long)n);
	return 0;
}

static int conv_cpu(const struct row *r, unsigned to, bool reading, const char *in, struct buf *out, enum cg_fix *fix)
{
	bool quota = r->conv == CONV_QUOTA;
	char w[WORD_MAX], none[WORD_MAX];
	uint64_t n;

	if (!word(in, to == 1 && !quota, w))
		return to == 1 && !quota ? 1 : -EINVAL;
	if (word(in, to == 1 ? 2 : 1, none))
		return -EINVAL;
	if (!quota && to == 2)
		*fix = FIX_KEEP_FIRST;
	if (quota && (streq(w, "-1") || streq(w, "max")))
		buf_puts(out, to == 2 ? "max" : "-1");
	else if (parse_u64(w, &n) < 0)
		return -EINVAL;
	else
		buf_puts(out, w);
	return 0;
}

static int conv_io_device(const char *in, struct buf *out)
{
	char dev[WORD_MAX], w[WORD_MAX];
	uint64_t n;
	int k;

	if (!word(in, 0, dev) || !strchr(dev, ':') || !word(in, 1, w))
		return -EINVAL;
	k = parse_weight(w, 10, 1000, &n);
	if (k < 0)
		return k;
	buf_printf(out, "%s %llu", dev, (unsigned long long)io_weight(2, n));
	return 0;
}

static int conv_freeze(unsigned to, const char *in, struct buf *out)
{
	char w[WORD_MAX];

	if (!word(in, 0, w))
		return -EINVAL;
	if (to == 2 && (streq(w, "FROZEN") || streq(w, "FREEZING") || streq(w, "THAWED")))
		buf_puts(out, streq(w, "THAWED") ? "0" : "1");
	else if (to == 1 && (streq(w, "0") || streq(w, "1")))
		buf_puts(out, streq(w, "1") ? "FROZEN" : "THAWED");
	else
		return -EINVAL;
	return 0;
}

/* IN in the other version's words to version TO's. 1: this row has no part in the value. */
static int convert(const struct row *r, unsigned to, bool reading, const char *in, struct buf *out, enum cg_fix *fix)
{
	switch (r->conv) {
	case CONV_SAME:
		buf_puts(out, in);
		return 0;
	case CONV_BYTES:
	case CONV_MEMSW:
	case CONV_MEMSW_USAGE:
		return conv_limit(r, to, reading, in, out, fix);
	case CONV_SHARES:
	case CONV_IO_WEIGHT:
		return conv_weight(r, to, in, out);
	case CONV_PERIOD:
	case CONV_QUOTA:
		return conv_cpu(r, to, reading, in, out, fix);
	case CONV_IO_DEVICE:
		return conv_io_device(in, out);
	case CONV_THROTTLE:
		return throttle(r, to, in, out);
	case CONV_FREEZE:
		return conv_freeze(to, in, out);
	case CONV_USEC:
		return stat_usec(r, in, out);
	}
	return -EINVAL;
}

/* What a row's fix reads on a host of version HAVE. */
static const char *fix_file(const struct row *r, unsigned have)
{
	switch (r->conv) {
	case CONV_MEMSW:
		return have == 2 ? "memory.max" : "memory.limit_in_bytes";
	case CONV_MEMSW_USAGE:
		return have == 2 ? "memory.current" : "memory.usage_in_bytes";
	case CONV_PERIOD:
		return have == 2 ? "cpu.max" : "cpu.cfs_quota_us";
	default:
		return NULL;
	}
}

int cg_fix_apply(enum cg_fix fix, unsigned to, bool reading, const char *value, const char *other, struct buf *out)
{
	char w[WORD_MAX];
	uint64_t a, b;

	if (fix == FIX_NONE) {
		buf_puts(out, value);
		return 0;
	}
	if (fix == FIX_KEEP_FIRST) {
		if (!word(other, 0, w))
			return -EINVAL;
		buf_printf(out, "%s %s", streq(w, "-1") ? "max" : w, value);
		return 0;
	}
	if (parse_limit(value, &a) < 0 || parse_limit(other, &b) < 0)
		return -EINVAL;
	if (b == UINT64_MAX) {
		/* No memory limit: the sum cannot be met, nor does "all but the memory" say anything. */
		put_limit(out, to, reading, UINT64_MAX);
		return 0;
	}
	if (fix == FIX_MINUS && a < b)
		return -ERANGE;
	put_limit(out, to, reading, fix == FIX_MINUS ? a - b : a + b);
	return 0;
}

static int piece_add(struct cg_pieces *p, const struct row *r, unsigned have, const char *star, struct buf *value,
		     enum cg_fix fix, struct err *e)
{
	struct cg_piece *n = &p->v[p->n];

	if (p->n == ARRAY_SIZE(p->v))
		return err_kind(e, ERR_LIMIT, -E2BIG, "too many control files for one value");
	*n = (struct cg_piece){
		.key = expand(have == 1 ? r->v1 : r->v2, star),
		.value = buf_error(value, NULL) < 0 ? NULL : strdup(buf_str(value)),
		.fix = fix,
		.fix_file = fix == FIX_NONE ? NULL : fix_file(r, have),
		.alternative = p->n > 0 && r->flags & ALTERNATIVE,
	};
	p->n++;
	return n->key && n->value ? 0 : err_oom(e);
}

static int same_piece(struct cg_pieces *p, const char *key, const char *value, struct err *e)
{
	p->v[p->n++] = (struct cg_piece){ .key = strdup(key), .value = strdup(value) };
	return p->v[0].key && p->v[0].value ? 0 : err_oom(e);
}

/* Whether row I is one to use for KEY, a version FROM word. */
static bool usable(const struct row *r, unsigned from, const char *key, unsigned not_flags, char star[static WORD_MAX])
{
	return !(r->flags & not_flags) && match(from == 1 ? r->v1 : r->v2, key, star);
}

int cg_translate_pieces(unsigned have, unsigned from, const char *key, const char *value, struct cg_pieces *ret,
			struct err *e)
{
	_cleanup_pieces_ struct cg_pieces p = { 0 };
	bool known = false;
	int r;

	if (have == from) {
		r = same_piece(&p, key, value, e);
		if (r < 0)
			return r;
		*ret = p;
		p.n = 0;
		return 0;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		enum cg_fix fix = FIX_NONE;
		char star[WORD_MAX];

		if (!usable(&rows[i], from, key, RDONLY | (have == 1 ? TO2 : TO1), star) ||
		    (p.n > 0 && !(rows[i].flags & ALTERNATIVE) && !is_multi(rows[i].conv)))
			continue;
		known = true;
		r = convert(&rows[i], have, false, value, &b, &fix);
		if (r < 0)
			return err_kind(e, ERR_INVALID, r, "'%.64s' is not a value for %s", value, key);
		r = r == 1 ? 0 : piece_add(&p, &rows[i], have, star, &b, fix, e);
		if (r < 0)
			return r;
	}
	if (p.n == 0 && known)
		return err_kind(e, ERR_INVALID, -EINVAL, "'%.64s' is not a value for %s", value, key);
	if (p.n == 0)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP,
				"%s has no counterpart in cgroup v%u, which this host uses", key, have);
	*ret = p;
	p.n = 0;
	return 0;
}

bool cg_source_get(unsigned from, const char *key, unsigned i, struct cg_source *ret)
{
	const struct row *first = NULL;
	char star[WORD_MAX];

	for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
		const struct row *r = &rows[k];
		const char *pattern, *s;

		if (!usable(r, from, key, from == 2 ? TO1 : TO2, star))
			continue;
		if (first && !(r->flags & ALTERNATIVE) && r->conv != CONV_THROTTLE)
			continue;
		first = first ?: r;
		if (i-- > 0)
			continue;
		pattern = from == 1 ? r->v2 : r->v1;
		s = strchrnul(pattern, '*');
		snprintf(ret->file, sizeof(ret->file), "%.*s%s%s", (int)(s - pattern), pattern, star, *s ? s + 1 : "");
		ret->row = r;
		ret->alternative = r != first && r->flags & ALTERNATIVE;
		return true;
	}
	return false;
}

int cg_source_value(const struct cg_source *s, unsigned from, const char *text, struct buf *out, enum cg_fix *ret_fix,
		    const char **ret_fix_file)
{
	enum cg_fix fix = FIX_NONE;
	int r = convert(s->row, from, true, text, out, &fix);

	*ret_fix = fix;
	*ret_fix_file = fix == FIX_NONE ? NULL : fix_file(s->row, from == 1 ? 2 : 1);
	return r;
}
