/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All that a group's files tell, for `events --stats` and the like. For the few figures of lxc-info there is cg_stats().
 *
 * What the host does not say is 0 and an empty list; no limit is UINT64_MAX, and 0 for pids. v2's figures stand under
 * v1's names, as the readers of this JSON expect: swap has memory in it, memory.stat is as the kernel writes it.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cgroup/cgroup.h"

struct cg_memory_metrics {
	uint64_t usage, max, failcnt, limit;
};

struct cg_io_entry {
	unsigned major, minor;
	char op[16]; /* Read, Write, Sync, Async, Discard, Total; empty: none */
	uint64_t value;
};

struct cg_io_metrics {
	struct cg_io_entry *v;
	size_t n;
};

enum cg_io {
	CG_IO_BYTES,
	CG_IO_SERVICED,
	CG_IO_QUEUED,
	CG_IO_SERVICE_TIME,
	CG_IO_WAIT_TIME,
	CG_IO_MERGED,
	CG_IO_TIME,
	CG_IO_SECTORS,
	CG_IO_MAX,
};

struct cg_hugetlb_metrics {
	char size[16]; /* "2MB" */
	uint64_t usage, max, failcnt;
};

/* Pressure: shares of time in percent, and microseconds. v2 only. */
struct cg_psi_line {
	double avg10, avg60, avg300;
	uint64_t total;
};
struct cg_psi {
	bool known;
	struct cg_psi_line some, full;
};

struct cg_metrics {
	/* nanoseconds */
	uint64_t cpu_total, cpu_user, cpu_kernel, throttled_ns, periods, throttled_periods;
	uint64_t *percpu, *percpu_user, *percpu_kernel;
	size_t n_percpu;

	/* v1's cpuset */
	uint16_t *cpus, *mems;
	size_t n_cpus, n_mems;
	int64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page, memory_spread_slab,
		memory_pressure, sched_load_balance, sched_relax_domain_level;

	uint64_t cache, oom_kills;
	struct cg_memory_metrics memory, swap, kernel, kernel_tcp;
	struct buf memory_stat; /* the file's text */

	uint64_t pids, pids_limit;
	struct cg_io_metrics io[CG_IO_MAX];
	struct cg_hugetlb_metrics *hugetlb;
	size_t n_hugetlb;
	struct cg_psi cpu_psi, memory_psi, io_psi;
};

int cg_metrics_read(const struct cg *g, struct cg_metrics *ret, struct err *e);
void cg_metrics_done(struct cg_metrics *m);
#define _cleanup_cg_metrics_ _cleanup_(cg_metrics_done)

/*
 * The members cpu, cpuset, memory, pids, blkio and hugetlb of runc's "stats" event, into the object that is open in J
 * (its "data"): intel_rdt and network_interfaces are the caller's to add. Figures of 0 are left out where runc does.
 */
void cg_stats_json(const struct cg_metrics *m, struct json *j);
