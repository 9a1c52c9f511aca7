/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The model: what a container should be, said once, in no dialect's words.
 *
 * Plain data: no fds, no parser types, no run-time state. Every dialect converts into it and out of it; everything
 * after load() works from it alone. Each member that a user can set is a row of the field table (spec/field.h), which
 * get, set, clear, list, copy, compare, dump and the documentation all walk.
 *
 * Ownership: the spec owns all its strings and lists; spec_done() frees them. A NULL string is "not said", as are
 * UNSET64, UNSET32 and TRI_UNSET: the defaults are applied when the plan is compiled, never here, so that saving
 * back says only what the user said.
 */

#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

#define UNSET64 UINT64_MAX
#define UNSET32 UINT32_MAX

enum tri { TRI_UNSET = 0, TRI_NO = 1, TRI_YES = 2 };

static inline bool tri_or(enum tri t, bool def)
{
	return t == TRI_UNSET ? def : t == TRI_YES;
}

/* Name spaces in the model's own numbering (bit i of the masks below); sys/ns.h has the kernel's. */
enum spec_ns { NS_USER, NS_MNT, NS_PID, NS_UTS, NS_IPC, NS_NET, NS_CGROUP, NS_TIME, NS_MAX };

enum spec_hook {
	HOOK_PRE_START,	 /* host, before anything exists */
	HOOK_PRE_MOUNT,	 /* container's mount name space, before the root is mounted */
	HOOK_MOUNT,	 /* the same, after the mounts, before the pivot */
	HOOK_AUTODEV,	 /* the same, after /dev is filled */
	HOOK_START_HOST, /* host, the container is set up, its init not yet executed */
	HOOK_START,	 /* in the container, just before init */
	HOOK_STOP,	 /* host, init is gone, its name spaces are held open */
	HOOK_POST_STOP,	 /* host, all is gone */
	HOOK_CLONE,
	HOOK_DESTROY,
	HOOK_MAX
};

/* A typed list: elements are stored by value, each zeroed by list_add() before it is filled. Where zero is not "not
 * said" (numbers), use field_list_add() of spec/field.h. */
struct list {
	void *v;
	size_t n, cap, size;
};

#define LIST_OF(type)	       ((struct list){ .size = sizeof(type) })
#define LIST_AT(l, type, i)    (&((type *)(l)->v)[i])
#define LIST_EACH(it, l, type) for (type *it = (l)->v; it && it < (type *)(l)->v + (l)->n; it++)

void *list_add(struct list *l, struct err *e); /* a zeroed element at the end, or NULL (e is set) */

/* One mount, as a line of fstab says it. A relative target lies below the root; so does an absolute one, for a
 * container that has a root file system of its own. */
struct spec_mount {
	char *source; /* host path, device or "none" */
	char *target;
	char *fstype;			/* "bind" and "none" with a bind option mean bind */
	char *options;			/* comma list; also create=dir|file, optional, relative, idmap=… */
	struct strv uid_maps, gid_maps; /* "NSID HOSTID RANGE": id maps of this mount alone */
};

/* One device node that the container is given, whatever /dev it has. */
struct spec_device {
	char *path; /* absolute, in the container */
	char type;  /* c, u (the same), b or p */
	uint32_t major, minor;
	uint32_t mode, uid, gid; /* UNSET32: 0666, 0, 0 */
};

/* A program run at one moment of the life, without a shell, the state as JSON on its standard input. The moments are
 * those of the OCI runtime specification, in its words. */
struct spec_exec_hook {
	char *moment; /* prestart, createRuntime, createContainer, startContainer, poststart, poststop */
	char *path;
	struct strv args, env; /* args: argv[0] on; empty: PATH alone. env: the whole of it; empty: the caller's … */
	enum tri env_exact;    /* … unless so */
	uint32_t timeout;      /* seconds, UNSET32: for ever */
};

/* One rule of a policy that is given as data; a file of LXC's formats is named by seccomp_profile instead. */
struct spec_syscall {
	struct strv names;
	char *action;	    /* allow, errno, kill, kill_process, kill_thread, log, notify, trace, trap */
	uint32_t errno_ret; /* errno, trace: its value; UNSET32: EPERM */
	struct strv args;   /* "INDEX OP VALUE [VALUE2]", OP one of eq ne lt le gt ge masked_eq (VALUE is the mask) */
};

struct spec_seccomp {
	char *action; /* for what no rule names; NULL: there is no such policy */
	uint32_t errno_ret;
	struct strv archs;		    /* "x86_64" …, the native one always being in */
	struct strv flags;		    /* tsync, log, spec_allow, wait_killable_recv */
	struct list rules;		    /* struct spec_syscall */
	char *listener, *listener_metadata; /* socket that gets the notify fd, and what is said along with it */
};

struct spec_idmap {
	char type; /* 'u', 'g', or 'b' for both */
	uint32_t nsid, hostid, range;
};

struct spec_rlimit {
	char *resource;	     /* "nofile" */
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

/* One control file: KEY is "memory.max" or "memory.limit_in_bytes"; VERSION 1 or 2 says which family the user spoke.
 * The drivers translate where the host has the other one. Order matters (devices.deny before devices.allow). */
struct spec_cgroup_item {
	uint32_t version;
	char *key, *value;
};

enum spec_net_type { NET_NONE, NET_EMPTY, NET_VETH, NET_MACVLAN, NET_IPVLAN, NET_VLAN, NET_PHYS };

struct spec_net {
	uint32_t index; /* N of lxc.net.N: order of set-up; gaps are allowed */
	char *type;	/* "veth" …, NULL: not said yet */
	enum tri up;
	char *link, *name, *hwaddr;
	uint32_t mtu;			   /* UNSET32 */
	struct strv ipv4, ipv6;		   /* "A[/P] [BROADCAST]" */
	char *ipv4_gateway, *ipv6_gateway; /* address, "auto" or "dev" */
	enum tri l2proxy;
	char *script_up, *script_down;
	char *veth_mode; /* bridge (default) | router */
	char *veth_pair;
	uint32_t veth_rxqueues, veth_txqueues;
	struct strv veth_ipv4_routes, veth_ipv6_routes;
	enum tri keep_conf; /* phys: its addresses and routes go along */
	char *veth_vlan_id; /* "none" or a number */
	struct strv veth_vlan_tagged;
	uint32_t vlan_id;
	char *macvlan_mode, *ipvlan_mode, *ipvlan_isolation;
	enum tri user_out;   /* with type "empty": an ordinary user's way out, by pasta or slirp4netns */
	struct strv publish; /* "PROTO HOST-ADDRESS HOST-PORT ADDRESS PORT": ports of the host that lead to it */
};

struct spec_sched {
	char *policy; /* other, batch, idle, fifo, rr, deadline, iso; NULL: not said */
	int32_t nice, priority;
	struct strv flags;		    /* reset_on_fork, reclaim, dl_overrun, keep_policy … */
	uint64_t runtime, deadline, period; /* nanoseconds, UNSET64 */
};

struct spec_process {
	struct strv args;   /* the command as words; wins over init_cmd */
	enum tri none;	    /* there is none: the container can be made, and not started */
	char *init_cmd;	    /* as one line, as the user wrote it */
	char *execute_cmd;  /* what lxc-execute runs when no command is given */
	uint32_t uid, gid;  /* UNSET32 */
	struct strv groups; /* supplementary gids, decimal */
	char *cwd;
	struct strv env, env_runtime, env_hooks; /* "K=V" or "K": inherit K */
	enum tri env_exact;			 /* nothing is added to env but HOME */
	struct strv cap_drop, cap_keep;		 /* lower-case, no cap_; keep may hold "none" */
	/* The five sets one by one, in place of drop and keep; "none" says an empty one. Not said: empty, if one is. */
	struct strv cap_bounding, cap_effective, cap_permitted, cap_inheritable, cap_ambient;
	enum tri no_new_privs, sched_core, keyring_session;
	struct list rlimits;			/* struct spec_rlimit */
	struct strv sysctls;			/* "net.ipv4.ip_forward=1" */
	struct strv procs;			/* "oom_score_adj=10": files of /proc/PID */
	char *arch;				/* personality, by the name the user gave */
	int32_t sig_halt, sig_reboot, sig_stop; /* 0: not said */
	uint32_t umask;				/* UNSET32: 022 */
	enum tri terminal;			/* its standard streams are a terminal of its own */
	uint32_t rows, columns;			/* of that terminal, UNSET32 */
	struct spec_sched sched;
	char *ioprio_class;		 /* rt, be, idle */
	uint32_t ioprio;		 /* 0–7, UNSET32 */
	char *cpus_initial, *cpus_final; /* CPU lists: while it is set up (of an exec), and from its start on */
	char *mem_mode, *mem_nodes;	 /* memory policy: default, bind, preferred …; node list */
	struct strv mem_flags;		 /* static, relative, numa_balancing */
};

struct spec_rootfs {
	char *path;    /* "[TYPE:]PATH"; NULL: the host's root is shared */
	char *mount;   /* where it is mounted while it is set up; NULL: the built-in place */
	char *options; /* mount options, idmap=container|PATH */
	enum tri managed;
	enum tri read_only;
	char *propagation; /* of the root: [r]private, [r]slave, [r]shared, [r]unbindable; NULL: rslave */
};

struct spec_dev {
	enum tri autodev;
	enum tri standard;	   /* the standard nodes, links and ptmx are put into the /dev that the mounts give */
	struct list devices;	   /* struct spec_device */
	uint64_t tmpfs_size;	   /* bytes, UNSET64 */
	uint32_t tty_max, pty_max; /* UNSET32 */
	char *tty_dir;
	char *console_path, *console_logfile;
	enum tri console_rotate;
	uint64_t console_log_size, console_buffer_size; /* bytes, UNSET64 */
};

struct spec_cgroup {
	struct list items; /* struct spec_cgroup_item */
	char *dir, *dir_monitor, *dir_monitor_pivot, *dir_container, *dir_inner;
	enum tri relative;
};

struct spec_security {
	char *apparmor_profile;
	enum tri apparmor_incomplete, apparmor_nesting;
	struct strv apparmor_raw;
	char *selinux_context, *selinux_keyring;
	char *seccomp_profile; /* path of a policy in LXC's formats; "default": the built-in one; NULL: none */
	enum tri seccomp_nesting;
	char *seccomp_proxy, *seccomp_cookie;
	struct spec_seccomp seccomp;
	char *mount_label; /* SELinux label of its file systems */
	struct strv masked_paths, readonly_paths;
};

struct spec {
	char *name;
	char *hostname, *domainname;
	struct strv groups;
	struct strv annotations; /* K=V */

	struct spec_process process;
	struct spec_rootfs rootfs;
	struct list mounts;	/* struct spec_mount */
	enum tri mounts_create; /* missing targets are made, file or folder as the source is */
	char *fstab;
	struct strv mount_auto; /* "proc:mixed", "sys:ro", "cgroup:rw:force", "shmounts:…" */
	struct spec_dev dev;

	uint32_t ns_clone, ns_keep;	  /* masks of 1 << NS_x; 0: not said */
	char *ns_share[NS_MAX];		  /* container name, pid or path */
	struct list idmaps;		  /* struct spec_idmap */
	char *time_boot, *time_monotonic; /* as said: "1h", "-3d" … value + unit */

	struct spec_cgroup cgroup;
	struct spec_security security;
	struct list nets; /* struct spec_net, ascending index */

	struct strv hooks[HOOK_MAX];
	uint32_t hook_version;	/* UNSET32 */
	struct list exec_hooks; /* struct spec_exec_hook */

	enum tri ephemeral, start_auto;
	uint32_t start_delay; /* seconds, UNSET32 */
	int32_t start_order;  /* 0: not said */
	enum tri monitor_unshare;
	int32_t monitor_pdeath; /* signal, 0: not said */
	char *log_file, *log_level, *log_syslog;
};

void spec_init(struct spec *s);
void spec_done(struct spec *s);
#define _cleanup_spec_ _cleanup_(spec_done)

int spec_copy(struct spec *to, const struct spec *from, struct err *e); /* TO: initialised, empty */

/* Checks what no single field can: exclusive pairs, ids that overlap, names. 0 or -EINVAL naming the field. */
int spec_validate(const struct spec *s, struct err *e);

/* Every file that names a container agrees: one path component, no control characters, at most 255 bytes. */
int spec_name_check(const char *name, struct err *e);
