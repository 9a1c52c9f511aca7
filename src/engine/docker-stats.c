/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* stats and top: what runs in a container, and what it uses. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "cgroup/metrics.h"
#include "engine/docker-inner.h"
#include "net/net.h"
#include "sys/ns.h"

/* A container of either kind that runs: NAME, ID and what the engine needs of it. */
struct running {
	struct docker_row c;
	struct container x;
	struct container *lxc;
};

static void running_done(struct running *r)
{
	docker_row_done(&r->c);
	record_done(&r->x.rec);
	container_free(r->lxc);
}
#define _cleanup_running_ _cleanup_(running_done)

static int open_running(struct docker *d, const char *id, struct running *ret, struct container **ret_c, struct err *e)
{
	int r = docker_find(d, id, &ret->c, e);

	if (r == -ENOENT) {
		err_clear(e);
		if (container_open(d->engine, id, NULL, OPEN_MUST_EXIST | OPEN_NO_CONFIG, &ret->lxc, NULL) < 0)
			return err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such container: %s", id);
		*ret_c = ret->lxc;
		return 0;
	}
	if (r < 0)
		return r;
	ret->x = (struct container){ .engine = d->engine, .id = ret->c.id, .name = ret->c.name };
	ret->x.rec.exit_status = -1;
	*ret_c = &ret->x;
	return container_refresh(&ret->x, e);
}

/* --- stats ------------------------------------------------------------------------------------------------------------------ */

/* Nanoseconds of all processors since the host's start, and how many there are. */
static uint64_t host_cpu(unsigned *ret_n)
{
	_cleanup_free_ char *text = NULL;
	uint64_t v, sum = 0;
	char *at, *end;

	*ret_n = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (file_read(AT_FDCWD, "/proc/stat", 4u << 20, &text, NULL, NULL) < 0 || !startswith(text, "cpu "))
		return 0;
	at = text + 4;
	/* Guests are in the first of them already. */
	for (int i = 0; i < 8; i++, at = end) {
		v = strtoull(at, &end, 10);
		if (end == at)
			break;
		sum += v;
	}
	return sum * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void put_cpu(const struct cg_metrics *m, struct json *j)
{
	unsigned n;
	uint64_t host = host_cpu(&n);

	json_object(j);
	json_key(j, "cpu_usage");
	json_object(j);
	json_kv_u64(j, "total_usage", m->cpu_total);
	if (m->n_percpu) {
		json_key(j, "percpu_usage");
		json_array(j);
		for (size_t i = 0; i < m->n_percpu; i++)
			json_u64(j, m->percpu[i]);
		json_end_array(j);
	}
	json_kv_u64(j, "usage_in_kernelmode", m->cpu_kernel);
	json_kv_u64(j, "usage_in_usermode", m->cpu_user);
	json_end_object(j);
	json_kv_u64(j, "system_cpu_usage", host);
	json_kv_u64(j, "online_cpus", n);
	json_key(j, "throttling_data");
	json_object(j);
	json_kv_u64(j, "periods", m->periods);
	json_kv_u64(j, "throttled_periods", m->throttled_periods);
	json_kv_u64(j, "throttled_time", m->throttled_ns);
	json_end_object(j);
	json_end_object(j);
}

static void put_memory_stat(const struct cg_metrics *m, struct json *j)
{
	_cleanup_free_ char *text = strdup(buf_str(&m->memory_stat));
	char *save = NULL;

	json_object(j);
	for (char *l = text ? strtok_r(text, "\n", &save) : NULL; l; l = strtok_r(NULL, "\n", &save)) {
		char *sp = strchr(l, ' ');
		uint64_t v;

		if (!sp)
			continue;
		*sp = '\0';
		if (parse_u64(sp + 1, &v) == 0)
			json_kv_u64(j, l, v);
	}
	json_end_object(j);
}

static uint64_t host_memory(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put_memory(const struct cg_metrics *m, struct json *j)
{
	uint64_t host = host_memory();

	json_object(j);
	json_kv_u64(j, "usage", m->memory.usage);
	if (m->memory.max)
		json_kv_u64(j, "max_usage", m->memory.max);
	json_key(j, "stats");
	put_memory_stat(m, j);
	json_kv_u64(j, "limit", m->memory.limit < host ? m->memory.limit : host);
	json_end_object(j);
}

static void put_io(const struct cg_metrics *m, struct json *j)
{
	static const char *const names[] = {
		[CG_IO_BYTES] = "io_service_bytes_recursive", [CG_IO_SERVICED] = "io_serviced_recursive",
		[CG_IO_QUEUED] = "io_queue_recursive",	      [CG_IO_SERVICE_TIME] = "io_service_time_recursive",
		[CG_IO_WAIT_TIME] = "io_wait_time_recursive", [CG_IO_MERGED] = "io_merged_recursive",
		[CG_IO_TIME] = "io_time_recursive",	      [CG_IO_SECTORS] = "sectors_recursive",
	};

	json_object(j);
	for (size_t i = 0; i < CG_IO_MAX; i++) {
		json_key(j, names[i]);
		if (!m->io[i].n) {
			json_null(j);
			continue;
		}
		json_array(j);
		for (size_t k = 0; k < m->io[i].n; k++) {
			const struct cg_io_entry *x = &m->io[i].v[k];

			json_object(j);
			json_kv_u64(j, "major", x->major);
			json_kv_u64(j, "minor", x->minor);
			json_kv_string(j, "op", x->op);
			json_kv_u64(j, "value", x->value);
			json_end_object(j);
		}
		json_end_array(j);
	}
	json_end_object(j);
}

/* Lines of /proc/PID/net/dev: all counters of each interface. */
static void put_nets(pid_t pid, struct json *j)
{
	static const char *const names[] = { "rx_bytes", "rx_packets", "rx_errors", "rx_dropped",
					     NULL,	 NULL,	       NULL,	    NULL,
					     "tx_bytes", "tx_packets", "tx_errors", "tx_dropped" };
	_cleanup_free_ char *text = NULL;
	char path[64], *save = NULL;

	snprintf(path, sizeof(path), "/proc/%d/net/dev", pid);
	json_object(j);
	if (file_read(AT_FDCWD, path, 1u << 20, &text, NULL, NULL) == 0)
		for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
			char *colon = strchr(l, ':'), *end;

			if (!colon)
				continue;
			*colon = '\0';
			l += strspn(l, " ");
			if (streq(l, "lo"))
				continue;
			json_key(j, l);
			json_object(j);
			end = colon + 1;
			for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
				uint64_t v = strtoull(end, &end, 10);

				if (names[i])
					json_kv_u64(j, names[i], v);
			}
			json_end_object(j);
		}
	json_end_object(j);
}

static void put_last(const char *last, const char *member, const char *path, struct json *j, const char *def)
{
	_cleanup_value_ struct json_c_value *v = NULL;

	json_key(j, member);
	if (last && value_parse(last, strlen(last), "stats", &v, NULL) == 0 && value_get(v, path)) {
		value_write(value_get(v, path), j);
	} else if (def) {
		json_string(j, def);
	} else {
		json_object(j);
		json_key(j, "cpu_usage");
		json_object(j);
		json_kv_u64(j, "total_usage", 0);
		json_kv_u64(j, "usage_in_kernelmode", 0);
		json_kv_u64(j, "usage_in_usermode", 0);
		json_end_object(j);
		json_key(j, "throttling_data");
		json_object(j);
		json_kv_u64(j, "periods", 0);
		json_kv_u64(j, "throttled_periods", 0);
		json_kv_u64(j, "throttled_time", 0);
		json_end_object(j);
		json_end_object(j);
	}
}

int docker_stats(struct docker *d, const char *id, const char *last, struct buf *ret, struct err *e)
{
	_cleanup_running_ struct running x = { 0 };
	_cleanup_cg_metrics_ struct cg_metrics m = { 0 };
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ char *name = NULL;
	struct container *c;
	char now[40];
	struct json j;
	bool alive;
	int r = open_running(d, id, &x, &c, e);

	if (r < 0)
		return r;
	alive = record_alive(&c->rec);
	if (alive)
		r = container_cgroup(c, &g, e);
	if (r == 0 && g)
		r = cg_metrics_read(g, &m, e);
	if (r < 0)
		return r;
	if (asprintf(&name, "/%s", c->name) < 0)
		return err_oom(e);
	json_init(&j, ret, false);
	json_object(&j);
	/* Of one that does not run: noughts, and no time. */
	json_kv_string(&j, "read", docker_time(alive ? docker_now() : 0, now));
	put_last(last, "preread", "read", &j, "0001-01-01T00:00:00Z");
	json_key(&j, "pids_stats");
	json_object(&j);
	if (alive) {
		json_kv_u64(&j, "current", m.pids);
		json_kv_u64(&j, "limit", m.pids_limit ? m.pids_limit : UINT64_MAX);
	}
	json_end_object(&j);
	json_key(&j, "blkio_stats");
	put_io(&m, &j);
	json_kv_u64(&j, "num_procs", 0);
	json_key(&j, "storage_stats");
	json_object(&j);
	json_end_object(&j);
	json_key(&j, "cpu_stats");
	put_cpu(&m, &j);
	put_last(last, "precpu_stats", "cpu_stats", &j, NULL);
	json_key(&j, "memory_stats");
	put_memory(&m, &j);
	json_kv_string(&j, "name", name);
	json_kv_string(&j, "id", c->id);
	if (alive && c->rec.ns_cloned & (1u << NS_NET)) {
		json_key(&j, "networks");
		put_nets(c->rec.pid, &j);
	}
	json_end_object(&j);
	return buf_error(ret, e);
}

/* --- top -------------------------------------------------------------------------------------------------------------------- */

static bool among(const pid_t *pids, size_t n, const char *text)
{
	int32_t pid;

	if (parse_i32(text, &pid) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* One line of ps as as many words as there are titles: the last has what is left. */
static int split_line(const char *line, size_t n, struct strv *words, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		_cleanup_free_ char *word = NULL;
		size_t len;

		line += strspn(line, " \t");
		len = i + 1 == n ? strlen(line) : strcspn(line, " \t");
		word = strndup(line, len);
		r = word ? strv_push(words, word, e) : err_oom(e);
		line += len;
	}
	return r;
}

static int put_table(char *text, const pid_t *pids, size_t n, struct buf *ret, struct err *e)
{
	_cleanup_strv_ struct strv titles = STRV_INIT;
	char *save = NULL, *l = strtok_r(text, "\n", &save);
	size_t at = SIZE_MAX;
	struct json j;
	int r = l ? strv_split(&titles, l, " \t", e) : 0;

	for (size_t i = 0; i < titles.n; i++)
		if (streq(titles.v[i], "PID"))
			at = i;
	if (r == 0 && at == SIZE_MAX)
		r = err_kind(e, ERR_INVALID, -EINVAL, "Couldn't find PID field in ps output");
	if (r < 0)
		return r;
	json_init(&j, ret, false);
	json_object(&j);
	json_key(&j, "Titles");
	json_array(&j);
	for (size_t i = 0; i < titles.n; i++)
		json_string(&j, titles.v[i]);
	json_end_array(&j);
	json_key(&j, "Processes");
	json_array(&j);
	while (r == 0 && (l = strtok_r(NULL, "\n", &save))) {
		_cleanup_strv_ struct strv words = STRV_INIT;

		r = split_line(l, titles.n, &words, e);
		if (r == 0 && words.n == titles.n && among(pids, n, words.v[at])) {
			json_array(&j);
			for (size_t i = 0; i < words.n; i++)
				json_string(&j, words.v[i]);
			json_end_array(&j);
		}
	}
	json_end_array(&j);
	json_end_object(&j);
	return r == 0 ? buf_error(ret, e) : r;
}

int docker_top(struct docker *d, const char *id, const char *ps_args, struct buf *ret, struct err *e)
{
	_cleanup_running_ struct running x = { 0 };
	_cleanup_strv_ struct strv argv = STRV_INIT;
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ pid_t *pids = NULL;
	struct container *c;
	size_t n;
	int r = open_running(d, id, &x, &c, e);

	if (r == 0 && !record_alive(&c->rec))
		r = err_kind(e, ERR_STATE, -ESRCH, "container %s is not running", c->id);
	if (r == 0)
		r = container_pids(c, &pids, &n, e);
	if (r == 0)
		r = strv_push(&argv, "ps", e);
	if (r == 0)
		r = strv_split(&argv, isempty(ps_args) ? "-ef" : ps_args, " \t", e);
	if (r < 0)
		return r;
	r = spawn_run(&(struct spawn){ .path = "ps", .argv = argv.v }, &text, e);
	if (r > 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "ps: %.*s", text ? (int)strcspn(text, "\n") : 0, text ?: "");
	if (r == 0)
		r = put_table(text, pids, n, ret, e);
	if (r == 0 && !x.lxc)
		docker_event(d, &x.c, "top", NULL);
	return r;
}
