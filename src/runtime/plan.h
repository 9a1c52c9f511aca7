/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plan: what a start does, as a flat list of small typed operations. Compiling it changes nothing; --dry-run prints
 * it; the executor consumes the very same list, so that what is printed is what is done.
 *
 * Five stages, in this order:
 *   OP_HOST    runtime, nothing of the container runs yet
 *   OP_PARENT  runtime, the first process exists in its new name spaces and waits
 *   OP_CHILD   the first process itself; no allocation, no name look-ups, no parsing
 *   OP_MOUNTED runtime, amid OP_CHILD: the container's mounts are made, its root is not yet entered, and it waits
 *   OP_READY   runtime, the first process has set itself up and waits to execute init
 *
 * All strings and structures an operation points to live in the plan's arena (or in the spec, which outlives it).
 */

#include <stdint.h>

#include "base/buf.h"
#include "net/net.h"
#include "security/security.h"
#include "spec/spec.h"
#include "sys/idmap.h"

enum op_stage { OP_HOST, OP_PARENT, OP_CHILD, OP_MOUNTED, OP_READY };

struct op;
struct run;

struct op_kind {
	const char *name; /* "mount", "cgroup.set": one word, stable */
	void (*describe)(const struct op *op, struct buf *out);
	int (*apply)(const struct op *op, struct run *run, struct err *e);
	/* An ERR_EXISTS of apply says that what is there is somebody else's and untouched: nothing to undo. */
	bool refuses;
};

/* A mount of any kind. The target lies below the container's root, always. */
struct op_mount {
	const char *fstype, *source, *data, *target;
	const char *own_group; /* bind: SOURCE is where this hierarchy is mounted, and its process's group is meant */
	const char *sub;       /* bind: the source is this path inside the container, not on the host */
	uint64_t attr_set, attr_clr, rattr_set, rattr_clr, propagation;
	bool bind, recursive, sb_ro, optional, nolinks, propagation_rec;
	const char *fallback; /* a new file system that is refused (user name space): bind this of the host's */
	bool remount;	      /* attributes and data of what is mounted there already; with BIND its attributes only */
	bool guard_proc;      /* nothing goes over a procfs but what ON_PROC lets through */
	bool on_proc;
	bool keep_mode;	     /* the root of the new file system gets the mode of the directory under it */
	bool copy_up;	     /* … and a copy of its contents */
	const char *context; /* in place of data where SELinux is there to label the new file system; NULL: data */
	const char *label;   /* the label, of one whose root is labelled when it is there */
	char create;	     /* 'd', 'f', 's' (as the source is) or 0 */
	int slot;	     /* pre-opened on the host, -1: opened where it is applied */
};

struct op_node {
	const char *path; /* below /dev */
	uint32_t mode;
	uint32_t major, minor;
};

/* A device node at a path of the container's. */
struct op_device {
	const char *path;
	uint32_t mode, major, minor, uid, gid; /* mode with its type: S_IFCHR … */
	int slot; /* >= 0: a node that the host's side made for a user name space, which may make none */
	uint32_t host_uid, host_gid; /* whose it is then */
};

/* A hook of the OCI runtime specification. The state is JSON_HEAD, the pid, JSON_TAIL. */
struct op_moment {
	const char *moment, *path, *cwd, *json_head, *json_tail;
	unsigned index;
	uint32_t timeout; /* seconds, UNSET32: for ever */
	char *const *argv;
	char *const *envp;
};

struct op_exec {
	char *const *argv;
	char *const *envp;
	const char *cwd;
	bool init_helper; /* under creel-init */
	uint32_t uid, gid;
	const gid_t *groups;
	size_t n_groups;
	struct cap_five caps; /* without .five_caps: the bounding set says it all */
	bool five_caps;
	bool files_stay; /* standard streams that are files keep their owner */
	bool no_new_privs, set_groups;
	uint32_t umask;
	char *home; /* the place in envp of HOME, which the container's passwd tells; NULL: said */
	size_t home_size;
};

struct op {
	const struct op_kind *kind;
	enum op_stage stage;
	const char *undo_kind, *undo_arg; /* journalled before apply; NULL: nothing outlives the container */
	union {
		struct {
			const char *a, *b;
			int64_t n, m;
		} args;
		const struct op_mount *mount;
		const struct op_node *node;
		const struct net_dev *net;
		const struct op_exec *exec;
		const struct op_device *device;
		const struct op_moment *moment;
		struct {
			const struct net_dev *devs;
			unsigned n;
		} nets;
		struct {
			const struct idmap *maps;
			size_t n;
			int slot;
			bool recursive;
		} ids;
		struct {
			const char *path, *pid_file;
			char **argv;
		} user_net;
		struct {
			const char *name;
			int resource;
			uint64_t soft, hard;
		} rlimit;
	};
};

struct plan_chunk;
struct plan {
	struct op *ops;
	size_t n, cap;
	struct plan_chunk *chunks; /* the arena */
	int n_slots;		   /* fds opened on the host for the child */
	unsigned clone_flags;	   /* CLONE_NEW… of the first process */
	unsigned unshare_flags;	   /* what it unshares itself: cgroup, time */
	uint32_t ns_cloned;	   /* mask of NS_x that are the container's own */
	char *share[NS_MAX];	   /* path of a name space to join, or NULL */
	struct net_dev *nets;
	unsigned n_nets;
	struct seccomp_prog seccomp;
	bool seccomp_early;	     /* by an operation of its own, before the launch */
	const char *seccomp_ignored; /* names in the policy that are no system calls, NULL: none */
	uint64_t cap_mask;
	const char *cgroup;	  /* payload path */
	const char *rootfs_mount; /* where the root is attached while it is set up; NULL: host root shared */
	struct idmap *maps;
	size_t n_maps;
	unsigned ttys;	 /* number of terminals besides the console */
	bool console;	 /* a console pty is made */
	bool has_userns; /* a new one */
	bool in_userns;	 /* that, or one that is joined */
};

/* Appends an operation and returns it zeroed, or NULL (sticky: plan_done() and see *e). */
struct op *plan_add(struct plan *p, enum op_stage stage, const struct op_kind *kind, struct err *e);
/* Arena: zeroed memory and copies that live as long as the plan. NULL when out of memory (e is set). */
void *plan_alloc(struct plan *p, size_t size, struct err *e);
char *plan_strdup(struct plan *p, const char *s, struct err *e);
char *plan_printf(struct plan *p, struct err *e, const char *fmt, ...) _printf_(3, 4);
void plan_done(struct plan *p);

/* One line per operation: "host    cgroup.create  lxc.payload.c1". */
void plan_print(const struct plan *p, struct buf *out);

/* What is to be mounted at TARGET: FD, a detached mount that the caller of the plan holds, in place of what the entry's source
 * names; "/": of what the root file system's path names, where it is mounted on the host. So nobody can make another thing of it meanwhile, and it may come from where no path leads. */
struct plan_given {
	const char *target;
	int fd;
};

/* What a start was asked for beyond the spec. */
struct plan_opts {
	const char *id, *lxcpath, *run_dir;
	const char *config;
	char *const *argv; /* NULL: from the spec */
	bool execute;
	bool foreground;
	int64_t uid, gid;	   /* -1: as the spec says */
	const char *share[NS_MAX]; /* resolved: /proc/PID/ns/x paths */
	const struct plan_given *given;
	size_t n_given;
	const char *pidfile;
	const char *cgroup;	  /* payload path that is free */
	bool cgroup_shared;	  /* … but that others are in it */
	const char *inner_cgroup; /* … and below it, out of reach of the limits' files, where init lives; NULL */
	const char *monitor_cgroup, *monitor_pivot; /* of the keeper, and where it goes at the end; NULL */
	const char *log_level;
	const char *init_helper; /* creel-init on the host, for execute */
	bool rootless;		 /* not host root */
	bool files_stay;	 /* standard streams that are files keep their owner */
	const char *user_nic;	 /* lxc-user-nic, which makes an ordinary user's interfaces; NULL: made directly */

	/* A life without a keeper, as an OCI runtime has it: init is our child (run.own_supervisor) and outlives us. Words,
	 * defaults and order are those of the OCI runtime specification. */
	bool oci;
	bool wait_start;       /* set up, then wait for run_start(): what lies between create and start */
	bool always_listen;    /* who wants a seccomp listener gets it, whether or not a rule notifies */
	bool no_pivot;	       /* move the root over / and change into it: a host root of initramfs cannot be pivoted */
	bool no_new_keyring;   /* stay in the caller's session keyring */
	unsigned preserve_fds; /* 3 … 3 + N - 1 of the caller stay open in init */
	const char *bundle;    /* hooks are told of it … */
	const char *version;   /* … and of its ociVersion */
};

/* Decisions of a start that others ask about: whether it makes a name space of its own, and which devices are allowed
 * where the spec says nothing of them (ended by NULL). */
bool spec_makes_ns(const struct spec *s, enum spec_ns ns);
extern const char *const default_devices[];
/* The program of the policy that the spec names or holds; empty where there is none. */
int spec_seccomp(const struct spec *s, struct seccomp_prog *ret, struct err *e);

/* Spec to plan. Changes nothing on the host; reads what it must (policy files, addresses of bridges). */
int plan_compile(const struct spec *s, const struct plan_opts *o, struct plan *ret, struct err *e);

/* The model's words for what a seccomp policy can ask for on this kernel, each list empty before. */
int seccomp_words(struct strv *actions, struct strv *flags, struct err *e);
