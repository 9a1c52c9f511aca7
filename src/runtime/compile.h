/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the compiler: spec → plan. Each function appends the operations of its part, in order. */

#include "runtime/ops.h"
#include "runtime/plan.h"

struct compiler {
	const struct spec *spec;
	const struct plan_opts *opts;
	struct plan *plan;
	bool own_root;	    /* the container has a root file system of its own */
	bool mounts;	    /* … and a mount name space to arrange it in */
	bool host_mounts;   /* … which is the host's: the root is placed there, and changed to */
	bool joined_mounts; /* … which is another's: the root lies over its, and is changed to */
	bool dev_ro;	    /* /dev becomes read-only when it is filled */
	char *const *env;   /* of the command: that of the hooks inside, where none is said */
	struct err *e;
};

/* Appends an operation of strings A, B and numbers N, M. 0 or -ENOMEM. */
int compile_add(struct compiler *c, enum op_stage stage, const struct op_kind *kind, const char *a, const char *b,
		int64_t n, int64_t m);

/* The place of an fd that is opened on the host for the child, or -E2BIG. */
int compile_slot(struct compiler *c);

/* The same, with what undoes it. */
int compile_add_undo(struct compiler *c, enum op_stage stage, const struct op_kind *kind, const char *a,
		     const char *undo_kind, const char *undo_arg);

int compile_rootfs(struct compiler *c);	     /* compile_mounts.c: open, attach */
int compile_auto_mounts(struct compiler *c); /* lxc.mount.auto */
int compile_entries(struct compiler *c);     /* fstab and mount entries */
int compile_masks(struct compiler *c);
int compile_hide(struct compiler *c);	   /* procfs and sysfs of the host, where its root stays under the new one */
int compile_dev(struct compiler *c);	   /* compile_dev.c: /dev before the mounts */
int compile_terminals(struct compiler *c); /* devpts, console, ttys */
int compile_devices(struct compiler *c);   /* /dev after the mounts */
int compile_nets_host(struct compiler *c); /* compile_net.c */
int compile_user_net(struct compiler *c, const struct spec_net *s); /* op_user_net.c */
int compile_nets_child(struct compiler *c);
int compile_process(struct compiler *c); /* compile_process.c: limits, names, policy, exec */
int compile_seccomp(struct compiler *c); /* compile_seccomp.c */
int compile_moments(struct compiler *c, enum op_stage stage, const char *moment); /* exec_hook.c */
/* fstype "cgroup" on TARGET: compile_cgroupfs.c */
int compile_cgroup_mount(struct compiler *c, const char *target, bool ro);
/* The same as lxc.mount.auto has it. */
int compile_cgroup_auto(struct compiler *c, const char *mode);
struct op_mount *compile_add_mount(struct compiler *c, const char *fstype, const char *source, const char *target);
/* DATA (may be NULL) with the SELinux label of the container's file systems; DATA where none is said. NULL: out of memory. */
const char *compile_context(struct compiler *c, const char *data);
int compile_sched(struct compiler *c); /* op_sched.c: scheduler, I/O priority, memory policy */
int compile_affinity(struct compiler *c, const char *cpus);
int compile_affinity_reset(struct compiler *c);
/* What a process that joins a container does before it enters, and inside up to its exec. */
int compile_exec_before(struct compiler *c);
int compile_exec_inside(struct compiler *c);
uint32_t terminal_size(const struct spec_process *p); /* rows << 16 | columns, 0: as it is */
/* The five sets of capabilities are said one by one. */
bool spec_five_caps(const struct spec_process *p);

/* Rules that are given as data, as a policy to compile. IGNORED gets the names of calls that nobody knows. */
struct policy;
int seccomp_policy_of(const struct spec_seccomp *s, struct policy *ret, struct strv *ignored, struct err *e);
int compile_hooks(struct compiler *c, enum op_stage stage, enum spec_hook type);
