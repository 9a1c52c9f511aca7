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
/* Leaves the hierarchies alone that serve none of the controllers in LIST ("cpu,memory"; "@all" or empty: all), v2 and
 * those without a controller, the freezer and devices aside. One that the host has not is an error. */
int cg_host_use(struct cg_host *h, const char *list, struct err *e);
/* The calling process's own group (for lxc.cgroup.relative), without a leading slash. */
int cg_host_own_path(const struct cg_host *h, char **ret, struct err *e);

/* --- OCI's way -------------------------------------------------------------------------------------------------------
 *
 * cg_host_oci() makes a host take paths and values as the OCI runtime specification and runc mean them:
 *  - an existing group is the caller's: its sub-groups stay, and cg_remove() leaves it. One with processes is refused in
 *    runc's words, and so is a frozen one;
 *  - version 2 keys (linux.resources.unified) are refused unless the host has v2 only;
 *  - a hugepage limit is one for reservations too; pids.max of 0 is 1; swap that is not accounted may be unlimited or 0;
 *    memory lifted to -1 lifts memory+swap as well.
 * With .systemd, cg_oci_path() names a unit, and cg_create(), cg_apply(), cg_attach() and cg_remove() speak to systemd
 * over D-Bus: nothing else changes for the caller. A new unit has one process of ours in it until cg_free().
 */
struct cg_item {
	unsigned version;
	const char *key, *value;
};

struct cg_oci {
	bool systemd;		     /* linux.cgroupsPath is "slice:prefix:name" */
	bool user;		     /* … of the user's own service manager */
	bool rootless;		     /* device rules are tried, not insisted on */
	const char *description;     /* of a new unit; NULL: its name */
	const struct cg_item *items; /* resources that a new unit is told at its start */
	size_t n_items;
	const struct strv *unit_props; /* "TimeoutStopUSec=uint64 5000000": annotations without org.systemd.property. */
};

/* O is borrowed for the life of the host. NULL: not OCI's. */
void cg_host_oci(struct cg_host *h, const struct cg_oci *o);
/*
 * linux.cgroupsPath to what cg_create() takes. PATH NULL or empty: ID. Relative (or empty) ones are below the caller's
 * own group in each hierarchy, on a pure v2 host beside it; a RELATIVE that starts with a slash is absolute all the
 * same. ".." does not leave the root. .systemd: "slice:prefix:name", each part may be empty: system.slice (user.slice),
 * "creel", ID; a name in ".slice" is a slice.
 */
int cg_oci_path(const struct cg_host *h, const char *path, bool relative, const char *id, char **ret, struct err *e);
/* An ordinary user's place on a host with v2 alone: what cg_create() takes for a unit "PREFIX-NAME.scope" of his own
 * service manager, which gives it limits that are his to set. An error where none answers, or NAME is no unit's. */
int cg_user_unit(const struct cg_host *h, const char *prefix, const char *name, char **ret, struct err *e);
/* `exec --cgroup`: SPECS (NULL-terminated) are "path", for every hierarchy, or v1's "controller[,controller]:path", all
 * below G's; "/" is G's own. What is not there is an error. The result is for cg_attach() and cg_v2_fd() only. */
int cg_sub(const struct cg *g, const char *const *specs, struct cg **ret, struct err *e);
/* The groups that a process is in. */
int cg_open_pid(struct cg_host *h, pid_t pid, struct cg **ret, struct err *e);
/* Where a further process of G's container goes: *RET is NULL for G itself. A v2 group that passes controllers on to
 * groups below takes no processes (cg_attach() and clone3() would say -EBUSY): then it is INIT's, below G. */
int cg_entry(const struct cg *g, pid_t init, struct cg **ret, struct err *e);

/*
 * PATH is relative to each hierarchy's root ("lxc.payload.c1"), no "..", or what cg_oci_path() or cg_path() gave.
 * create: makes it everywhere (v2: enables the controllers in the parents where it may) with the parents that are
 * missing; what is there already and has no processes is taken over, one with processes is -EBUSY. open: for a group
 * that exists.
 */
int cg_create(struct cg_host *h, const char *path, struct cg **ret, struct err *e);
/* What cg_create() would refuse, before anything is made or journalled (undoing kills and removes): a group that has
 * processes, or for OCI is frozen; a unit that systemd has in use. 0 when there is none. */
int cg_vacant(struct cg_host *h, const char *path, struct err *e);
int cg_open(struct cg_host *h, const char *path, struct cg **ret, struct err *e);
/*
 * A group that others have processes in, for OCI's callers who want just that: share in place of create, leave in place of
 * remove, which for whoever made it (MADE) is so as soon as somebody shares it. The last of them takes it away. Nobody's
 * end kills what is in it.
 */
int cg_share(struct cg_host *h, const char *path, struct cg **ret, struct err *e);
bool cg_is_shared(const struct cg *g);
int cg_leave(struct cg_host *h, const char *path, bool made, struct err *e);
int cg_root(struct cg_host *h, struct cg **ret, struct err *e); /* every hierarchy's root, to attach to */
struct cg *cg_free(struct cg *g);				/* forgets, removes nothing */
DEFINE_CLEANUP(struct cg *, cg_free);
const char *cg_path(const struct cg *g);

/* Removes the group and its sub-groups in every hierarchy, and parents that were made for it and are empty now. Kills
 * nothing but a systemd unit's: -EBUSY while there are processes (retried for a short while, since exit is not
 * instant). Missing is fine. */
int cg_remove(struct cg_host *h, const char *path, struct err *e);

/* O_CLOEXEC directory fd of the v2 group for CLONE_INTO_CGROUP, or -EOPNOTSUPP on a pure v1 host. Caller's. */
int cg_v2_fd(const struct cg *g);

/* Where the group is in the hierarchy that serves CONTROLLER ("memory"; NULL: v2's), for programs that do by themselves
 * what they want there. PATH lives as long as G; FD, an O_PATH one of the directory, is the caller's. */
struct cg_place {
	const char *path;
	unsigned version;
	int fd;
};
int cg_place(const struct cg *g, const char *controller, struct cg_place *ret, struct err *e);
/* The same directories of all hierarchies, at most MAX: how many, or an error. */
int cg_dirs(const struct cg *g, int *ret, size_t max, struct err *e);

/* Puts PID (0: the caller) into the group in every hierarchy; with SKIP_V2 in the v1 ones only. No allocation.
 * Where it can be had, a container's first process is made with CLONE_INTO_CGROUP and calls this itself with PID 0 and
 * SKIP_V2 while it has one thread and still sees the host's ids: some 20 µs a hierarchy. Moving another process costs
 * an RCU grace period, 4 ms and more. */
int cg_attach(const struct cg *g, pid_t pid, bool skip_v2, struct err *e);

/* Gives the directories and the delegatable files to UID:GID: for containers with a user name space. */
int cg_chown(const struct cg *g, uid_t uid, gid_t gid, struct err *e);
/* The same for two: UID keeps them, and the group GID may do there all that UID may. */
int cg_lend(const struct cg *g, uid_t uid, gid_t gid, struct err *e);
/* Removes the groups below G, which whoever it was lent to has made: called as him. -EBUSY while there are processes. */
int cg_empty(const struct cg *g, struct err *e);

/* One control file by its name in either version. set: VERSION 1 or 2 says whose words KEY and VALUE are, 0: guess.
 * "devices.allow"/"devices.deny" collect into one program on v2: call cg_devices_commit() when done. There a later rule
 * wins, and the rules stay with the group, so that also an opened group's can be changed. */
int cg_set(struct cg *g, unsigned version, const char *key, const char *value, struct err *e);
int cg_get(const struct cg *g, const char *key, struct buf *out, struct err *e);
/*
 * Several at once, also for a group that is in use (`update`): values that the kernel takes in one order only (memory
 * and memory+swap, quota, period and burst, the real-time pair) are written in the order that works, devices are
 * committed, a unit's properties are set. The key "memory.check_before_update" with "1" refuses, on v2, a memory limit
 * below what is in use. What was written before an error stays.
 */
int cg_apply(struct cg *g, const struct cg_item *items, size_t n, struct err *e);
/* Whether this host could take the item at all: before anything is made. The error names key and controller. */
int cg_check(struct cg_host *h, const struct cg_item *item, struct err *e);
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
