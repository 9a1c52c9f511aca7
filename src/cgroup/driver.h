/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inside src/cgroup only: the host's hierarchies, one group, and what a driver does.
 *
 * A hierarchy is one mounted cgroup file system; its O_PATH fd is the anchor and every access is "<group>/<file>"
 * relative to it. That is one openat per file and no fd per group: a start touches nine hierarchies here, and each
 * system call counts. Nothing in this folder keeps a group's directory open but the caller's own cg_v2_fd().
 *
 * Who serves what on a hybrid host: a controller belongs to the one hierarchy that has it. The freezer is v1's where
 * v1 has one, since other tools on such a host look there; v2 serves placement (CLONE_INTO_CGROUP), cgroup.kill, and
 * what v1 lacks.
 */

#include <limits.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "cgroup/cgroup.h"

#define CG_HIER_MAX 24
#define CG_LEAF	    ".creel" /* for those who enter a v2 group that has sub-groups */
#define CG_PATH_MAX 3072     /* of a group; leaves room for a file name in PATH_MAX */

/* Bits of a hierarchy's controllers. CC_CORE is cgroup.*, which every v2 hierarchy has. */
enum cg_ctrl {
	CC_CPU,
	CC_CPUACCT,
	CC_CPUSET,
	CC_MEMORY,
	CC_DEVICES,
	CC_FREEZER,
	CC_IO,
	CC_PIDS,
	CC_HUGETLB,
	CC_RDMA,
	CC_MISC,
	CC_NET_CLS,
	CC_NET_PRIO,
	CC_PERF,
	CC_NAMED, /* v1 without a controller: name=systemd */
	CC_CORE,
	CC_MAX,
};
#define CC(x) (1u << CC_##x)

/* What v2 always has: the files are part of the core, devices are a program. */
#define CC_V2_CORE (CC(CORE) | CC(FREEZER) | CC(DEVICES) | CC(CPUACCT))

struct cg_hier {
	const struct cg_ops *ops;
	int fd;		/* O_PATH directory of the mount */
	uint32_t ctrls; /* of CC() */
	bool lazy;	/* v2 beside v1: controllers are passed down only when a value asks for one */
	char name[128]; /* "cpu,cpuacct", "name=systemd", "unified": by which it is known */
};

struct cg_host {
	enum cg_layout layout;
	struct cg_hier hier[CG_HIER_MAX];
	unsigned n;
	int v2;			  /* index of the v2 hierarchy, or -1 */
	bool complete;		  /* a lazy v2 hierarchy's controllers have been read */
	const struct cg_oci *oci; /* borrowed; NULL: values are in LXC's words */
};

/* A device rule: what devices.allow and devices.deny say. */
#define CG_DEV_ANY UINT32_MAX
enum { CG_DEV_MKNOD = 1, CG_DEV_READ = 2, CG_DEV_WRITE = 4 };
struct cg_dev_rule {
	bool allow;
	char type; /* 'a': everything, forgets what was before; 'b'; 'c' */
	uint32_t major, minor;
	uint32_t access;
};

struct cg {
	struct cg_host *host;	     /* borrowed */
	char *full;		     /* the path as the caller says it: see paths.c */
	char *path;		     /* its first part, which is what people are told; AT and UNIT point into it too */
	const char *at[CG_HIER_MAX]; /* the group's path in host->hier[i] */
	const char *unit;	     /* NULL, or the systemd unit that the group belongs to */
	bool unit_user;		     /* of the user's own service manager */
	pid_t holder;		     /* keeps a new unit alive until the first process is in; 0: none */
	uint32_t used;		     /* bit i: the group exists in host->hier[i] */
	int dev_fd[2];		     /* v1: devices.deny and devices.allow, kept open between rules */
	struct cg_dev_rule *rules;
	size_t n_rules, cap_rules;
	bool rules_known; /* RULES are what PROG_FD was made of: the group is new, or they were read back */
	bool rules_dirty;
	int prog_fd; /* v2: the attached program */
};

/*
 * One row of operations a version. H is a hierarchy that G (or PATH) is in. Functions answer for this hierarchy
 * alone; group.c loops. attach is the child side's: no allocation.
 */
struct cg_ops {
	unsigned version;
	/* PATH was just made (its parents are ready): gives it what the kernel wants before a process may enter. */
	int (*ready)(const struct cg_hier *h, const char *path, struct err *e);
	/* An empty group that was there becomes G: forgets what an earlier container left, keeps what an admin set. */
	void (*reuse)(struct cg *g, const struct cg_hier *h); /* NULL: nothing to forget */
	/* v2: makes PATH's parents pass the controllers down to it. NULL: nothing to pass. */
	void (*pass_down)(const struct cg_hier *h, const char *path);
	int (*attach)(const struct cg *g, const struct cg_hier *h, pid_t pid, struct err *e);
	/* What besides the directory a delegate owns; missing ones are skipped. NULL-terminated. */
	const char *const *delegate;
	int (*freeze)(const struct cg *g, const struct cg_hier *h, bool freeze, unsigned timeout_ms, struct err *e);
	int (*is_frozen)(const struct cg *g, const struct cg_hier *h, bool *ret, struct err *e);
	int (*kill)(const struct cg *g, const struct cg_hier *h, struct err *e);
	/* One rule, at once (v1) or at commit (v2). */
	int (*device)(struct cg *g, const struct cg_hier *h, const struct cg_dev_rule *rule, const char *text,
		      struct err *e);
	int (*device_commit)(struct cg *g, const struct cg_hier *h, struct err *e);
	int (*oom_fd)(const struct cg *g, const struct cg_hier *h, int *ret, struct err *e);
};

extern const struct cg_ops cgroupfs_v1, cgroupfs_v2;

/* Where G is in H. */
static inline const char *cg_at(const struct cg *g, const struct cg_hier *h)
{
	return g->at[h - g->host->hier];
}

/* paths.c: what a path says, without looking whether anything is there. */
int cg_new(struct cg_host *h, const char *path, struct cg **ret, struct err *e);

/* The LEVEL-th directory above PATH; false where that is the hierarchy's root. */
bool cg_parent(const char *path, unsigned level, char out[static CG_PATH_MAX + 1]);

/*
 * marks.c: notes on groups for whoever removes them, in extended attributes of the main hierarchy's group: the names of
 * the hierarchies that they are about. KEPT: the group was there before us. MADE: a parent that was made for a group.
 * SHARED: others were in it when a container went there, too. ORPHAN: whoever made a shared one has left.
 * Where the kernel or the caller's rights have no such attributes nothing is noted: groups go, their parents stay.
 */
#define CG_ATTR_KEPT   "trusted.creel.kept"
#define CG_ATTR_MADE   "trusted.creel.made"
#define CG_ATTR_SHARED "trusted.creel.shared"
#define CG_ATTR_ORPHAN "trusted.creel.orphan"
void cg_mark(const struct cg_hier *main, const char *path, const char *attr, const struct cg_host *h, uint32_t hiers);
void cg_unmark(const struct cg_hier *main, const char *path, const char *attr);
uint32_t cg_marked(const struct cg_hier *main, const char *path, const char *attr, const struct cg_host *h);

/* "<group>/<file>" without allocation or stdio. BUF holds PATH_MAX. */
const char *cg_file(const char *path, const char *file, char buf[static PATH_MAX]);
int cg_write(const struct cg *g, const struct cg_hier *h, const char *file, const char *value, struct err *e);
/* One control file's text, without the last newline; -errno with E filled. */
int cg_read(const struct cg *g, const struct cg_hier *h, const char *file, struct buf *out, struct err *e);
/* Reads what the probe put off. */
void cg_host_complete(struct cg_host *h);
/* The hierarchy of G that serves CTRL, or NULL. */
const struct cg_hier *cg_hier_for(const struct cg *g, enum cg_ctrl ctrl);
/* The hierarchy that lists the group's processes best: v2, else freezer, else the named one, else the first. */
const struct cg_hier *cg_hier_main(const struct cg *g);
int cg_hier_pids(const struct cg *g, const struct cg_hier *h, pid_t **ret, size_t *ret_n, struct err *e);
/* Calls FN for the group's directory and each below it; a group that vanishes meanwhile is passed over. */
int cg_walk(const struct cg_hier *h, const char *path, int (*fn)(int dirfd, void *arg), void *arg);
int64_t cg_now_ms(void);
void cg_sleep_us(unsigned us);

/* Controller by the part of a key before the dot or by its name ("blkio", "io", "name=systemd"); -1: unknown. */
int cg_ctrl_find(const char *name, size_t len);
/* Names separated by any of SEPS, as bits; unknown ones are left out. */
uint32_t cg_ctrl_mask(const char *s, const char *seps);
/* Cuts the next line off *S; NULL at the end. */
char *cg_next_line(char **s);
const char *cg_ctrl_name(enum cg_ctrl ctrl, unsigned version);

/* devices.c */
int cg_dev_parse(bool allow, const char *text, struct cg_dev_rule *ret, struct err *e);
/* Rules as lines "allow c 1:3 rwm" and back, appended to G's. */
void cg_dev_format(const struct cg_dev_rule *rules, size_t n, struct buf *out);
int cg_dev_load(struct cg *g, char *text, struct err *e);
int cg_dev_add(struct cg *g, const struct cg_dev_rule *rule, struct err *e);
struct bpf_insn;
/* The program for the rules in order (a later one wins, bit by bit of the access). *RET: free(). */
int cg_dev_program(const struct cg_dev_rule *rules, size_t n, struct bpf_insn **ret, size_t *ret_n, struct err *e);
