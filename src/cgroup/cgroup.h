/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Control groups: one container's group over v1, v2 or both (hybrid), as one object.
 *
 * struct cg_host is what this host mounts, probed once. struct cg is one group: the same relative path in every
 * hierarchy. The caller journals the path before cg_create() and undoes with cg_remove(). Values may be given in the
 * words of either version: cg_set() translates to what the hierarchy at hand speaks (memory.limit_in_bytes ↔
 * memory.max, cpu.shares ↔ cpu.weight, …); what has no counterpart is -EOPNOTSUPP naming the key.
 *
 * Drivers (cgroupfs v1, cgroupfs v2) stand behind one const ops table; a conformance test runs against each that the
 * host has. Devices are denied by default by the caller's own list: v1 by devices.deny/allow, v2 by a BPF program.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct cg_host; /* opaque */
struct cg;	/* opaque */

enum cg_layout { CG_NONE, CG_V1, CG_V2, CG_HYBRID };

/* Probes the mounts of the calling process. ROOT: NULL, or another folder than /sys/fs/cgroup (tests). A host without
 * any is CG_NONE, no failure. A struct cg borrows the host: free the host last. */
int cg_host_open(const char *root, struct cg_host **ret, struct err *e);
struct cg_host *cg_host_free(struct cg_host *h);
DEFINE_CLEANUP(struct cg_host *, cg_host_free);
enum cg_layout cg_host_layout(const struct cg_host *h);
/* Controllers in use, blank-separated, with their version: "memory:1 cpu:1 …": for doctor and checkconfig. */
int cg_host_describe(const struct cg_host *h, struct buf *out, struct err *e);
bool cg_host_has(const struct cg_host *h, const char *controller);
/* The calling process's own group (for lxc.cgroup.relative), without a leading slash. */
int cg_host_own_path(const struct cg_host *h, char **ret, struct err *e);

/*
 * PATH is relative to each hierarchy's root ("lxc.payload.c1"), no "..". create: makes it everywhere (v2: enables
 * the controllers in the parents where it may); what is there already and has no processes is taken over, one with
 * processes is -EBUSY. open: for a group that exists.
 */
int cg_create(struct cg_host *h, const char *path, struct cg **ret, struct err *e);
int cg_open(struct cg_host *h, const char *path, struct cg **ret, struct err *e);
struct cg *cg_free(struct cg *g); /* forgets, removes nothing */
DEFINE_CLEANUP(struct cg *, cg_free);
const char *cg_path(const struct cg *g);

/* Removes the group and its sub-groups in every hierarchy. Kills nothing: -EBUSY while there are processes (retried
 * for a short while, since exit is not instant). Missing is fine. */
int cg_remove(struct cg_host *h, const char *path, struct err *e);

/* O_CLOEXEC directory fd of the v2 group for CLONE_INTO_CGROUP, or -EOPNOTSUPP on a pure v1 host. Caller's. */
int cg_v2_fd(const struct cg *g);

/* Puts PID (0: the caller) into the group in every hierarchy; with SKIP_V2 in the v1 ones only. No allocation.
 * Where it can be had, a container's first process is made with CLONE_INTO_CGROUP and calls this itself with PID 0 and
 * SKIP_V2 while it has one thread and still sees the host's ids: some 20 µs a hierarchy. Moving another process costs
 * an RCU grace period, 4 ms and more. */
int cg_attach(const struct cg *g, pid_t pid, bool skip_v2, struct err *e);

/* Gives the directories and the delegatable files to UID:GID: for containers with a user name space. */
int cg_chown(const struct cg *g, uid_t uid, gid_t gid, struct err *e);

/* One control file by its name in either version. set: VERSION 1 or 2 says whose words KEY and VALUE are, 0: guess.
 * "devices.allow"/"devices.deny" collect into one program on v2: call cg_devices_commit() when done. There a later rule
 * wins, and the rules stay with the group, so that also an opened group's can be changed. */
int cg_set(struct cg *g, unsigned version, const char *key, const char *value, struct err *e);
int cg_get(const struct cg *g, const char *key, struct buf *out, struct err *e);
int cg_devices_commit(struct cg *g, struct err *e);

/* What cg_set() would write, for --dry-run and tests: controller file and value for hierarchy version HAVE. What needs
 * another file's content reads "1024 - memory.max", and "* 100000" keeps the file's first word. */
int cg_translate(unsigned have, unsigned version, const char *key, const char *value, struct strv *ret_keys,
		 struct strv *ret_values, struct err *e);

/* Freezes or thaws and waits until the kernel says so, at most TIMEOUT_MS. */
int cg_freeze(const struct cg *g, bool freeze, unsigned timeout_ms, struct err *e);
int cg_is_frozen(const struct cg *g, bool *ret, struct err *e);

/* SIGKILL to every process in it and below (cgroup.kill on v2, a freeze-kill-thaw loop on v1). */
int cg_kill(const struct cg *g, struct err *e);

/* All pids in it and below. *RET: free(). */
int cg_pids(const struct cg *g, pid_t **ret, size_t *ret_n, struct err *e);

/* Figures; UINT64_MAX where the host does not say. */
struct cg_stats {
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns;
	uint64_t memory, memory_max, memory_peak, swap, kernel_memory;
	uint64_t blkio_bytes, blkio_ios;
	uint64_t pids, pids_max;
	uint64_t oom_kills;
};
int cg_stats(const struct cg *g, struct cg_stats *ret, struct err *e);

/*
 * A non-blocking fd that becomes readable when the group runs out of memory (v1: an eventfd on memory.oom_control; v2:
 * inotify on memory.events, which also tells of memory.high). When poll says so: read up to 4096 bytes and forget
 * them, then compare cg_stats()'s oom_kills with the last known. It also becomes readable when the group is removed.
 */
int cg_oom_fd(const struct cg *g, int *ret, struct err *e);
