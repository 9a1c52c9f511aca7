/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Several values at once.
 *
 * The kernel checks some files against each other: v1's memory+swap never below memory, a quota over a period never
 * above the parent's, a burst never above the quota. Whether the old or the new value of the other decides depends on
 * the order of the writes, and the right order on whether limits go up or down. Reading the old ones would tell; it is
 * cheaper to try: what is refused is tried again when its relatives are in.
 */

#include <errno.h>

#include "base/parse.h"
#include "cgroup/driver.h"
#include "cgroup/unit.h"

#define CHECK_KEY "memory.check_before_update"
#define LIMIT	  "memory.limit_in_bytes"
#define MEMSW	  "memory.memsw.limit_in_bytes"

static const char *const families[][4] = {
	{ LIMIT, MEMSW },
	{ "cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.cfs_burst_us" },
	{ "cpu.rt_period_us", "cpu.rt_runtime_us" },
	/* An idle group has no weight to set. */
	{ "cpu.shares", "cpu.idle" },
	{ "cpu.weight", "cpu.idle" },
	{ "cpu.max", "cpu.max.burst" },
};

static const char *find(const struct cg_item *items, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (streq(items[i].key, key))
			return items[i].value;
	return NULL;
}

/* Whether another of the list may be why the kernel refuses KEY. */
static bool has_relative(const struct cg_item *items, size_t n, const char *key)
{
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		unsigned in = 0, own = 0;

		for (size_t k = 0; k < ARRAY_SIZE(families[f]) && families[f][k]; k++) {
			own |= streq(families[f][k], key);
			in += find(items, n, families[f][k]) != NULL;
		}
		if (own && in > 1)
			return true;
	}
	return false;
}

static uint64_t usage(const struct cg *g, const char *key)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	uint64_t n;

	return cg_get(g, key, &b, NULL) == 0 && parse_u64(buf_str(&b), &n) == 0 ? n : 0;
}

/* v1's kernel refuses a limit below what is in use; v2's kills until it fits. */
static int check_usage(const struct cg *g, const struct cg_item *items, size_t n, struct err *e)
{
	const struct cg_hier *h = cg_hier_for(g, CC_MEMORY);
	const char *limit = find(items, n, LIMIT), *memsw = find(items, n, MEMSW), *ask = find(items, n, CHECK_KEY);
	uint64_t most, used;

	if (!ask || !streq(ask, "1") || !h || h->ops->version == 1)
		return 0;
	used = usage(g, "memory.current");
	if (limit && parse_u64(limit, &most) == 0 && used > most)
		return err_kind(e, ERR_STATE, -EBUSY,
				"rejecting memory limit %llu: %llu are in use, and the kernel would kill",
				(unsigned long long)most, (unsigned long long)used);
	used += usage(g, "memory.swap.current");
	if (memsw && parse_u64(memsw, &most) == 0 && used > most)
		return err_kind(e, ERR_STATE, -EBUSY,
				"rejecting memory+swap limit %llu: %llu are in use, and the kernel would kill",
				(unsigned long long)most, (unsigned long long)used);
	return 0;
}

/* Writes what is left, in order, and keeps in LEFT what a relative may make possible. Returns how many were written. */
static int round_of(struct cg *g, const struct cg_item *items, size_t n, size_t *left, size_t *n_left, struct err *e)
{
	size_t kept = 0;
	int done = 0;

	for (size_t i = 0; i < *n_left; i++) {
		const struct cg_item *it = &items[left[i]];
		int r = cg_set(g, it->version, it->key, it->value, e);

		if (r == -EINVAL && has_relative(items, n, it->key))
			left[kept++] = left[i];
		else if (r < 0)
			return r;
		else
			done++;
	}
	*n_left = kept;
	return done;
}

int cg_apply(struct cg *g, const struct cg_item *items, size_t n, struct err *e)
{
	_cleanup_free_ size_t *left = calloc(n + 1, sizeof(*left));
	const char *limit = find(items, n, LIMIT);
	size_t n_left = 0;
	int r;

	if (!left)
		return err_oom(e);
	r = check_usage(g, items, n, e);
	if (r == 0 && g->unit)
		r = unit_set(g, items, n, e);
	if (r < 0)
		return r;
	/* Memory+swap last: on v2 it is told from the memory limit that is in force then. */
	for (size_t i = 0; i < n; i++)
		if (!streq(items[i].key, MEMSW))
			left[n_left++] = i;
	for (size_t i = 0; i < n; i++)
		if (streq(items[i].key, MEMSW))
			left[n_left++] = i;
	/* No limit on memory, and one on memory+swap? Nobody who asks for the first means the second. */
	if (g->host->oci && limit && streq(limit, "-1") && !find(items, n, MEMSW))
		cg_set(g, 1, MEMSW, "-1", NULL);
	do {
		r = round_of(g, items, n, left, &n_left, e);
	} while (r > 0 && n_left > 0);
	if (r < 0 || n_left > 0)
		return r < 0 ? r : -EINVAL;
	err_clear(e);
	return cg_devices_commit(g, e);
}
