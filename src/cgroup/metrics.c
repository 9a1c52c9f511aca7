/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * All figures of a group, and the JSON in which OCI runtimes tell them (`events --stats`).
 *
 * The JSON was made for v1: v2's figures are told under v1's names, swap with memory in it, as its readers expect.
 * Whatever file is missing leaves its figure at 0, which is not written; a figure is worth no failure.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "cgroup/driver.h"
#include "cgroup/metrics.h"

#define CPUS_MAX 65535

void cg_metrics_done(struct cg_metrics *m)
{
	free(m->percpu);
	free(m->percpu_user);
	free(m->percpu_kernel);
	free(m->cpus);
	free(m->mems);
	for (unsigned i = 0; i < CG_IO_MAX; i++)
		free(m->io[i].v);
	free(m->hugetlb);
	buf_done(&m->memory_stat);
	*m = (struct cg_metrics){ 0 };
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

/* Reads FILE of CTRL's hierarchy when that is of VERSION; false when there is nothing. */
static bool text_of(const struct cg *g, enum cg_ctrl ctrl, unsigned version, const char *file, struct buf *b)
{
	const struct cg_hier *h = cg_hier_for(g, ctrl);

	buf_reset(b);
	return h && h->ops->version == version && cg_read(g, h, file, b, NULL) == 0;
}

static uint64_t number(const char *s)
{
	return startswith(s, "max") ? UINT64_MAX : strtoull(s, NULL, 10);
}

static uint64_t number_of(const struct cg *g, enum cg_ctrl ctrl, unsigned version, const char *file)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	return text_of(g, ctrl, version, file, &b) ? number(buf_str(&b)) : 0;
}

/* N of the line "WORD N". */
static uint64_t line_of(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, word, n) == 0 && s[n] == ' ')
			return number(s + n + 1);
	return 0;
}

/* A list that grows by one; NULL, and nothing lost, when out of memory. */
static void *grow(void *v, size_t *n, size_t size)
{
	void *p = *n & (*n - 1) ? v : reallocarray(v, *n ? *n * 2 : 1, size);

	if (p)
		(*n)++;
	return p;
}

#define PUSH(list, count, value)                                    \
	do {                                                        \
		void *p_ = grow((list), &(count), sizeof(*(list))); \
                                                                    \
		if (p_) {                                           \
			(list) = p_;                                \
			(list)[(count)-1] = (value);                \
		}                                                   \
	} while (0)

/* "0-2,7" */
static void read_list(const char *s, uint16_t **ret, size_t *ret_n)
{
	while (*s >= '0' && *s <= '9') {
		char *end;
		unsigned long from = strtoul(s, &end, 10), to = from;

		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (; from <= to && to <= CPUS_MAX; from++)
			PUSH(*ret, *ret_n, (uint16_t)from);
		s = end + (*end == ',');
	}
}

static void read_psi(const struct cg *g, const char *file, struct cg_psi *ret)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	const struct cg_hier *h = g->host->v2 >= 0 ? &g->host->hier[g->host->v2] : NULL;
	static const char *const words[] = { "some ", "full " };

	/* Pressure is the core's, but told for the controller's sake: only where v2 has that as well. */
	if (!h || g->host->layout != CG_V2 || cg_read(g, h, file, &b, NULL) < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		const char *s = strstr(buf_str(&b), words[i]);
		struct cg_psi_line *l = i ? &ret->full : &ret->some;
		unsigned long long total;

		if (s && sscanf(s + 5, "avg10=%lf avg60=%lf avg300=%lf total=%llu", &l->avg10, &l->avg60, &l->avg300,
				&total) == 4) {
			l->total = total;
			ret->known = true;
		}
	}
}

static void read_cpu_v1(const struct cg *g, struct cg_metrics *m, struct buf *b)
{
	m->cpu_total = number_of(g, CC_CPUACCT, 1, "cpuacct.usage");
	m->cpu_user = number_of(g, CC_CPUACCT, 1, "cpuacct.usage_user");
	m->cpu_kernel = number_of(g, CC_CPUACCT, 1, "cpuacct.usage_sys");
	/* The header, then "cpu user system"; the sum of both is what usage_percpu would say. */
	if (text_of(g, CC_CPUACCT, 1, "cpuacct.usage_all", b)) {
		size_t n_user = 0, n_kernel = 0;
		char *rest = b->data, *line;

		while (rest && (line = cg_next_line(&rest))) {
			unsigned long long cpu, user, kernel;

			if (sscanf(line, "%llu %llu %llu", &cpu, &user, &kernel) != 3)
				continue;
			PUSH(m->percpu_user, n_user, user);
			PUSH(m->percpu_kernel, n_kernel, kernel);
			PUSH(m->percpu, m->n_percpu, user + kernel);
		}
	}
	if (text_of(g, CC_CPU, 1, "cpu.stat", b)) {
		m->periods = line_of(buf_str(b), "nr_periods");
		m->throttled_periods = line_of(buf_str(b), "nr_throttled");
		m->throttled_ns = line_of(buf_str(b), "throttled_time");
	}
}

static void read_cpu(const struct cg *g, struct cg_metrics *m)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	read_cpu_v1(g, m, &b);
	if (!text_of(g, CC_CPUACCT, 2, "cpu.stat", &b))
		return;
	m->cpu_total = line_of(buf_str(&b), "usage_usec") * 1000;
	m->cpu_user = line_of(buf_str(&b), "user_usec") * 1000;
	m->cpu_kernel = line_of(buf_str(&b), "system_usec") * 1000;
	m->periods = line_of(buf_str(&b), "nr_periods");
	m->throttled_periods = line_of(buf_str(&b), "nr_throttled");
	m->throttled_ns = line_of(buf_str(&b), "throttled_usec") * 1000;
}

static const struct {
	const char *file, *name;
	size_t offset;
} cpuset_flags[] = {
#define F(name)                                                           \
	{                                                                 \
		"cpuset." #name, #name, offsetof(struct cg_metrics, name) \
	}
	F(cpu_exclusive),   F(mem_hardwall),	   F(mem_exclusive),
	F(memory_migrate),  F(memory_spread_page), F(memory_spread_slab),
	F(memory_pressure), F(sched_load_balance), F(sched_relax_domain_level),
#undef F
};

static void read_cpuset(const struct cg *g, struct cg_metrics *m)
{
	const struct cg_hier *h = cg_hier_for(g, CC_CPUSET);
	_cleanup_buf_ struct buf b = BUF_INIT;

	/* As runc has it: of v1 only. */
	if (!h || h->ops->version != 1)
		return;
	if (text_of(g, CC_CPUSET, 1, "cpuset.cpus", &b))
		read_list(buf_str(&b), &m->cpus, &m->n_cpus);
	if (text_of(g, CC_CPUSET, 1, "cpuset.mems", &b))
		read_list(buf_str(&b), &m->mems, &m->n_mems);
	for (size_t i = 0; i < ARRAY_SIZE(cpuset_flags); i++)
		if (text_of(g, CC_CPUSET, 1, cpuset_flags[i].file, &b))
			*(int64_t *)((char *)m + cpuset_flags[i].offset) = strtoll(buf_str(&b), NULL, 10);
}

static void read_memory_v1(const struct cg *g, const char *kind, struct cg_memory_metrics *ret)
{
	static const char *const files[] = { "usage_in_bytes", "max_usage_in_bytes", "failcnt", "limit_in_bytes" };
	uint64_t *const to[] = { &ret->usage, &ret->max, &ret->failcnt, &ret->limit };
	_cleanup_buf_ struct buf b = BUF_INIT;
	char file[64];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(file, sizeof(file), "memory%s.%s", kind, files[i]);
		/* Without the first there are none. */
		if (!text_of(g, CC_MEMORY, 1, file, &b))
			return;
		*to[i] = number(buf_str(&b));
	}
}

static void read_memory(const struct cg *g, struct cg_metrics *m)
{
	const struct cg_hier *h = cg_hier_for(g, CC_MEMORY);
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!h)
		return;
	if (cg_read(g, h, "memory.stat", &m->memory_stat, NULL) < 0)
		buf_reset(&m->memory_stat);
	if (h->ops->version == 1) {
		m->cache = line_of(buf_str(&m->memory_stat), "cache");
		read_memory_v1(g, "", &m->memory);
		read_memory_v1(g, ".memsw", &m->swap);
		read_memory_v1(g, ".kmem", &m->kernel);
		read_memory_v1(g, ".kmem.tcp", &m->kernel_tcp);
		if (text_of(g, CC_MEMORY, 1, "memory.oom_control", &b))
			m->oom_kills = line_of(buf_str(&b), "oom_kill");
		return;
	}
	m->cache = line_of(buf_str(&m->memory_stat), "file");
	m->memory.usage = number_of(g, CC_MEMORY, 2, "memory.current");
	m->memory.max = number_of(g, CC_MEMORY, 2, "memory.peak");
	m->memory.limit = number_of(g, CC_MEMORY, 2, "memory.max");
	if (text_of(g, CC_MEMORY, 2, "memory.events", &b)) {
		m->memory.failcnt = line_of(buf_str(&b), "max");
		m->oom_kills = line_of(buf_str(&b), "oom_kill");
	}
	if (text_of(g, CC_MEMORY, 2, "memory.swap.current", &b)) {
		m->swap.usage = number(buf_str(&b)) + m->memory.usage;
		m->swap.limit = number_of(g, CC_MEMORY, 2, "memory.swap.max");
		if (m->swap.limit != UINT64_MAX)
			m->swap.limit += m->memory.limit;
	}
}

/* v1: lines "8:0 Read 123" or "8:0 123", and "Total 123". False when there is no such file. */
static bool read_io_v1(const struct cg *g, const char *file, struct cg_io_metrics *ret)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char *rest, *line;

	if (!text_of(g, CC_IO, 1, file, &b))
		return false;
	rest = b.data;
	while (rest && (line = cg_next_line(&rest))) {
		struct cg_io_entry x = { 0 };
		unsigned long long value;

		if (sscanf(line, "%u:%u %15s %llu", &x.major, &x.minor, x.op, &value) != 4) {
			x.op[0] = '\0';
			if (sscanf(line, "%u:%u %llu", &x.major, &x.minor, &value) != 3)
				continue;
		}
		x.value = value;
		PUSH(ret->v, ret->n, x);
	}
	return true;
}

/* Lines "8:0 rbytes=1 wbytes=2 rios=3 wios=4 …". */
static void read_io_v2(const struct cg *g, struct cg_metrics *m)
{
	static const struct {
		const char *word, *op;
		enum cg_io to;
	} words[] = {
		{ "rbytes=", "Read", CG_IO_BYTES },
		{ "wbytes=", "Write", CG_IO_BYTES },
		{ "rios=", "Read", CG_IO_SERVICED },
		{ "wios=", "Write", CG_IO_SERVICED },
	};
	_cleanup_buf_ struct buf b = BUF_INIT;
	char *rest, *line;

	if (!text_of(g, CC_IO, 2, "io.stat", &b))
		return;
	rest = b.data;
	while (rest && (line = cg_next_line(&rest))) {
		struct cg_io_entry x = { 0 };

		if (sscanf(line, "%u:%u", &x.major, &x.minor) != 2)
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
			struct cg_io_metrics *to = &m->io[words[i].to];
			const char *s = strstr(line, words[i].word);

			if (!s || s == line || s[-1] != ' ')
				continue;
			snprintf(x.op, sizeof(x.op), "%s", words[i].op);
			x.value = number(s + strlen(words[i].word));
			PUSH(to->v, to->n, x);
		}
	}
}

static const struct {
	const char *file, *json;
} io_tables[CG_IO_MAX] = {
	[CG_IO_BYTES] = { "io_service_bytes", "ioServiceBytesRecursive" },
	[CG_IO_SERVICED] = { "io_serviced", "ioServicedRecursive" },
	[CG_IO_QUEUED] = { "io_queued", "ioQueueRecursive" },
	[CG_IO_SERVICE_TIME] = { "io_service_time", "ioServiceTimeRecursive" },
	[CG_IO_WAIT_TIME] = { "io_wait_time", "ioWaitTimeRecursive" },
	[CG_IO_MERGED] = { "io_merged", "ioMergedRecursive" },
	[CG_IO_TIME] = { "time", "ioTimeRecursive" },
	[CG_IO_SECTORS] = { "sectors", "sectorsRecursive" },
};

static void read_io(const struct cg *g, struct cg_metrics *m)
{
	/* Who schedules tells most; what the throttle counts is there always. */
	static const char *const prefixes[] = { "blkio.bfq.", "blkio.", "blkio.throttle." };
	const struct cg_hier *h = cg_hier_for(g, CC_IO);
	char file[64];

	if (!h || h->ops->version == 2) {
		read_io_v2(g, m);
		return;
	}
	for (size_t p = 0; p < ARRAY_SIZE(prefixes); p++) {
		for (unsigned i = 0; i < CG_IO_MAX; i++) {
			snprintf(file, sizeof(file), "%s%s_recursive", prefixes[p], io_tables[i].file);
			/* A scheduler that does not have the first has none. */
			if (!read_io_v1(g, file, &m->io[i]) && i == CG_IO_BYTES)
				break;
		}
		if (m->io[CG_IO_BYTES].n)
			return;
	}
}

/* The page sizes are those that the kernel has: "hugepages-2048kB" is 2MB in file names. */
static void read_hugetlb(const struct cg *g, struct cg_metrics *m)
{
	static const struct {
		uint64_t kb;
		const char *name;
	} sizes[] = {
		{ 64, "64KB" },	     { 512, "512KB" },	 { 1024, "1MB" },    { 2048, "2MB" },
		{ 8192, "8MB" },     { 16384, "16MB" },	 { 32768, "32MB" },  { 262144, "256MB" },
		{ 524288, "512MB" }, { 1048576, "1GB" }, { 2097152, "2GB" }, { 16777216, "16GB" },
	};
	const struct cg_hier *h = cg_hier_for(g, CC_HUGETLB);
	unsigned v = h ? h->ops->version : 0;
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; h && i < ARRAY_SIZE(sizes); i++) {
		struct cg_hugetlb_metrics x = { 0 };
		const char *rsvd = ".rsvd";
		char file[64];

		/* Reservations where the kernel counts them. */
		snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", sizes[i].name,
			 v == 1 ? "usage_in_bytes" : "current");
		if (!text_of(g, CC_HUGETLB, v, file, &b)) {
			rsvd = "";
			snprintf(file, sizeof(file), "hugetlb.%s.%s", sizes[i].name,
				 v == 1 ? "usage_in_bytes" : "current");
			if (!text_of(g, CC_HUGETLB, v, file, &b))
				continue;
		}
		snprintf(x.size, sizeof(x.size), "%s", sizes[i].name);
		x.usage = number(buf_str(&b));
		if (v == 1) {
			snprintf(file, sizeof(file), "hugetlb.%s%s.max_usage_in_bytes", sizes[i].name, rsvd);
			x.max = number_of(g, CC_HUGETLB, v, file);
			snprintf(file, sizeof(file), "hugetlb.%s%s.failcnt", sizes[i].name, rsvd);
			x.failcnt = number_of(g, CC_HUGETLB, v, file);
		} else {
			snprintf(file, sizeof(file), "hugetlb.%s.events", sizes[i].name);
			if (text_of(g, CC_HUGETLB, v, file, &b))
				x.failcnt = line_of(buf_str(&b), "max");
		}
		PUSH(m->hugetlb, m->n_hugetlb, x);
	}
}

static void read_pids(const struct cg *g, struct cg_metrics *m)
{
	const struct cg_hier *h = cg_hier_for(g, CC_PIDS);

	if (!h)
		return;
	m->pids = number_of(g, CC_PIDS, h->ops->version, "pids.current");
	m->pids_limit = number_of(g, CC_PIDS, h->ops->version, "pids.max");
	/* "max" is no limit: 0 in these figures. */
	if (m->pids_limit == UINT64_MAX)
		m->pids_limit = 0;
}

int cg_metrics_read(const struct cg *g, struct cg_metrics *ret, struct err *e)
{
	struct cg_metrics m = { 0 };
	const struct cg_hier *h = cg_hier_main(g);

	if (!h || !file_exists(h->fd, cg_at(g, h)))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no control group %s", g->path);
	cg_host_complete(g->host);
	read_cpu(g, &m);
	read_cpuset(g, &m);
	read_memory(g, &m);
	read_pids(g, &m);
	read_io(g, &m);
	read_hugetlb(g, &m);
	read_psi(g, "cpu.pressure", &m.cpu_psi);
	read_psi(g, "memory.pressure", &m.memory_psi);
	read_psi(g, "io.pressure", &m.io_psi);
	*ret = m;
	return 0;
}

/* --- JSON ------------------------------------------------------------------------------------------------------------ */

/* Figures of 0 are left out. */
static void kv(struct json *j, const char *key, uint64_t v)
{
	if (v)
		json_kv_u64(j, key, v);
}

static void json_list(struct json *j, const char *key, const uint64_t *v, size_t n)
{
	if (n == 0)
		return;
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < n; i++)
		json_u64(j, v[i]);
	json_end_array(j);
}

static void json_numbers(struct json *j, const char *key, const uint16_t *v, size_t n)
{
	if (n == 0)
		return;
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < n; i++)
		json_u64(j, v[i]);
	json_end_array(j);
}

static void json_psi(struct json *j, const struct cg_psi *p)
{
	if (!p->known)
		return;
	json_key(j, "psi");
	json_object(j);
	for (unsigned i = 0; i < 2; i++) {
		const struct cg_psi_line *l = i ? &p->full : &p->some;

		json_key(j, i ? "full" : "some");
		json_object(j);
		json_kv_double(j, "avg10", l->avg10);
		json_kv_double(j, "avg60", l->avg60);
		json_kv_double(j, "avg300", l->avg300);
		json_kv_u64(j, "total", l->total);
		json_end_object(j);
	}
	json_end_object(j);
}

static void json_cpu(struct json *j, const struct cg_metrics *m)
{
	json_key(j, "cpu");
	json_object(j);
	json_key(j, "usage");
	json_object(j);
	kv(j, "total", m->cpu_total);
	json_list(j, "percpu", m->percpu, m->n_percpu);
	json_list(j, "percpu_kernel", m->percpu_kernel, m->n_percpu);
	json_list(j, "percpu_user", m->percpu_user, m->n_percpu);
	json_kv_u64(j, "kernel", m->cpu_kernel);
	json_kv_u64(j, "user", m->cpu_user);
	json_end_object(j);
	json_key(j, "throttling");
	json_object(j);
	kv(j, "periods", m->periods);
	kv(j, "throttledPeriods", m->throttled_periods);
	kv(j, "throttledTime", m->throttled_ns);
	json_end_object(j);
	json_psi(j, &m->cpu_psi);
	json_end_object(j);
}

static void json_cpuset(struct json *j, const struct cg_metrics *m)
{
	json_key(j, "cpuset");
	json_object(j);
	json_numbers(j, "cpus", m->cpus, m->n_cpus);
	json_numbers(j, "mems", m->mems, m->n_mems);
	for (size_t i = 0; i < ARRAY_SIZE(cpuset_flags); i++)
		json_kv_i64(j, cpuset_flags[i].name, *(const int64_t *)((const char *)m + cpuset_flags[i].offset));
	json_end_object(j);
}

static void json_memory_entry(struct json *j, const char *key, const struct cg_memory_metrics *x)
{
	json_key(j, key);
	json_object(j);
	json_kv_u64(j, "limit", x->limit);
	kv(j, "usage", x->usage);
	kv(j, "max", x->max);
	json_kv_u64(j, "failcnt", x->failcnt);
	json_end_object(j);
}

/* memory.stat as it stands. */
static void json_raw(struct json *j, const struct buf *stat)
{
	const char *s = buf_str(stat);

	if (!*s)
		return;
	json_key(j, "raw");
	json_object(j);
	while (*s) {
		char word[64];
		size_t n = strcspn(s, " \n");

		if (n > 0 && n < sizeof(word) && s[n] == ' ') {
			memcpy(word, s, n);
			word[n] = '\0';
			json_kv_u64(j, word, number(s + n + 1));
		}
		s += strcspn(s, "\n");
		s += *s == '\n';
	}
	json_end_object(j);
}

static void json_memory(struct json *j, const struct cg_metrics *m)
{
	json_key(j, "memory");
	json_object(j);
	kv(j, "cache", m->cache);
	json_memory_entry(j, "usage", &m->memory);
	json_memory_entry(j, "swap", &m->swap);
	json_memory_entry(j, "kernel", &m->kernel);
	json_memory_entry(j, "kernelTCP", &m->kernel_tcp);
	json_raw(j, &m->memory_stat);
	json_psi(j, &m->memory_psi);
	json_end_object(j);
}

static void json_io(struct json *j, const struct cg_metrics *m)
{
	json_key(j, "blkio");
	json_object(j);
	for (unsigned i = 0; i < CG_IO_MAX; i++) {
		if (!m->io[i].n)
			continue;
		json_key(j, io_tables[i].json);
		json_array(j);
		for (size_t k = 0; k < m->io[i].n; k++) {
			const struct cg_io_entry *x = &m->io[i].v[k];

			json_object(j);
			kv(j, "major", x->major);
			kv(j, "minor", x->minor);
			if (x->op[0])
				json_kv_string(j, "op", x->op);
			kv(j, "value", x->value);
			json_end_object(j);
		}
		json_end_array(j);
	}
	json_psi(j, &m->io_psi);
	json_end_object(j);
}

void cg_stats_json(const struct cg_metrics *m, struct json *j)
{
	json_cpu(j, m);
	json_cpuset(j, m);
	json_memory(j, m);
	json_key(j, "pids");
	json_object(j);
	kv(j, "current", m->pids);
	kv(j, "limit", m->pids_limit);
	json_end_object(j);
	json_io(j, m);
	json_key(j, "hugetlb");
	json_object(j);
	for (size_t i = 0; i < m->n_hugetlb; i++) {
		const struct cg_hugetlb_metrics *x = &m->hugetlb[i];

		json_key(j, x->size);
		json_object(j);
		kv(j, "usage", x->usage);
		kv(j, "max", x->max);
		json_kv_u64(j, "failcnt", x->failcnt);
		json_end_object(j);
	}
	json_end_object(j);
}
