/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables: one row an option. Everything that can be said about a container is here and only here. */
#include "spec/check.h"
#include "spec/field.h"

/* clang-format off */

#define F(parent, text, t, member, d, ...) \
	{ .name = (text), .len = sizeof(text) - 1, .type = (t), .offset = offsetof(parent, member), .doc = (d), __VA_ARGS__ }
#define SUB(table, element) .sub = (table), .sub_size = sizeof(element)

static const char *const veth_modes[] = { "bridge", "router", NULL };
static const char *const macvlan_modes[] = { "private", "vepa", "bridge", "passthru", NULL };
static const char *const ipvlan_modes[] = { "l3", "l3s", "l2", NULL };
static const char *const ipvlan_isolations[] = { "bridge", "private", "vepa", NULL };
static const char *const syslog_facilities[] = {
	"auth", "authpriv", "cron", "daemon", "ftp", "kern", "lpr", "mail", "news", "security", "syslog", "user", "uucp",
	"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", NULL,
};
static const char *const device_types[] = { "c", "u", "b", "p", NULL };
static const char *const sched_policies[] = { "other", "batch", "idle", "fifo", "rr", "deadline", "iso", NULL };
static const char *const ioprio_classes[] = { "rt", "be", "idle", NULL };
static const char *const mem_modes[] = { "default", "bind", "interleave", "weighted_interleave", "preferred",
					 "preferred_many", "local", NULL };
static const char *const propagations[] = { "private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable",
					    "runbindable", NULL };
static const char *const idmap_types[] = { "u", "g", "b", NULL };

#define R(...) F(struct spec_mount, __VA_ARGS__)
static const struct field mount_fields[] = {
	R("source", FT_STRING, source, "host path, device, or none", .check = check_line),
	R("target", FT_STRING, target, "place below the root", .check = check_line),
	R("fstype", FT_STRING, fstype, "file system type; none or bind: a bind mount", .check = check_line),
	R("options", FT_STRING, options, "mount options, comma-separated", .check = check_line),
	R("uid_maps", FT_STRV, uid_maps, "user ids of this mount: NSID HOSTID RANGE", .flags = F_INTERNAL, .check = check_idmap),
	R("gid_maps", FT_STRV, gid_maps, "group ids of this mount: NSID HOSTID RANGE", .flags = F_INTERNAL, .check = check_idmap),
	{ 0 },
};
#undef R

#define R(...) F(struct spec_idmap, __VA_ARGS__)
static const struct field idmap_fields[] = {
	R("type", FT_CHAR, type, "u: user ids, g: group ids, b: both", .names = idmap_types),
	R("nsid", FT_U32, nsid, "first id in the container"),
	R("hostid", FT_U32, hostid, "first id on the host"),
	R("range", FT_U32, range, "how many, 4294967295 for all", .flags = F_ZERO_UNSET),
	{ 0 },
};
#undef R

#define R(...) F(struct spec_device, __VA_ARGS__)
static const struct field device_fields[] = {
	R("path", FT_PATH, path, "place in the container", .flags = F_ABS, .check = check_line),
	R("type", FT_CHAR, type, "c or u: character, b: block, p: fifo", .names = device_types),
	R("major", FT_U32, major, "major number"),
	R("minor", FT_U32, minor, "minor number"),
	R("mode", FT_U32, mode, "permissions", .max = 07777),
	R("uid", FT_U32, uid, "owner"),
	R("gid", FT_U32, gid, "group"),
	{ 0 },
};
#undef R

#define R(...) F(struct spec_exec_hook, __VA_ARGS__)
static const struct field exec_hook_fields[] = {
	R("moment", FT_ENUM, moment, "when it is run", .names = spec_moment_names),
	R("path", FT_PATH, path, "the program", .flags = F_ABS),
	R("args", FT_STRV, args, "its arguments, the name first"),
	R("env", FT_STRV, env, "its environment", .check = check_kv),
	R("env_exact", FT_TRI, env_exact, "no environment is none, not the caller's"),
	R("timeout", FT_U32, timeout, "seconds it may take", .min = 1, .max = UINT32_MAX - 1),
	{ 0 },
};
#undef R

#define R(...) F(struct spec_syscall, __VA_ARGS__)
static const struct field syscall_fields[] = {
	R("names", FT_STRV, names, "system calls", .check = check_word),
	R("action", FT_ENUM, action, "what is done", .names = spec_seccomp_actions),
	R("errno_ret", FT_U32, errno_ret, "error or trace value", .max = 65535),
	R("args", FT_STRV, args, "INDEX OP VALUE [VALUE2]: all must hold", .check = check_syscall_arg),
	{ 0 },
};
#undef R

#define R(...) F(struct spec_rlimit, __VA_ARGS__)
static const struct field rlimit_fields[] = {
	R("resource", FT_STRING, resource, "name of the resource", .check = check_rlimit),
	R("soft", FT_U64, soft, "soft limit; not said: unlimited"),
	R("hard", FT_U64, hard, "hard limit; not said: unlimited"),
	{ 0 },
};
#undef R

#define R(...) F(struct spec_cgroup_item, __VA_ARGS__)
static const struct field cgroup_item_fields[] = {
	R("version", FT_U32, version, "whose words these are: 1 or 2", .min = 1, .max = 2),
	R("key", FT_STRING, key, "control file", .check = check_cgroup_key),
	R("value", FT_STRING, value, "what is written to it", .check = check_line),
	{ 0 },
};
#undef R

#define R(...) F(struct spec_net, __VA_ARGS__)
static const struct field net_fields[] = {
	R("index", FT_U32, index, "order of set-up"),
	R("type", FT_ENUM, type, "kind of interface", .names = spec_net_type_names),
	R("up", FT_TRI, up, "bring it up"),
	R("link", FT_STRING, link, "bridge or parent on the host", .check = check_link),
	R("name", FT_STRING, name, "name in the container", .check = check_ifname),
	R("hwaddr", FT_STRING, hwaddr, "hardware address; x: a random digit", .check = check_hwaddr),
	R("mtu", FT_U32, mtu, "largest packet", .min = 68, .max = 65535 + 14),
	R("ipv4", FT_STRV, ipv4, "addresses A[/P] [BROADCAST]", .check = check_ipv4),
	R("ipv6", FT_STRV, ipv6, "addresses A[/P]", .check = check_ipv6),
	R("ipv4_gateway", FT_STRING, ipv4_gateway, "default route: address, auto or dev", .check = check_gateway4),
	R("ipv6_gateway", FT_STRING, ipv6_gateway, "default route: address, auto or dev", .check = check_gateway6),
	R("l2proxy", FT_TRI, l2proxy, "answer ARP and NDP for it on the host"),
	R("script_up", FT_STRING, script_up, "host command after set-up", .check = check_line),
	R("script_down", FT_STRING, script_down, "host command before removal", .check = check_line),
	R("veth_mode", FT_ENUM, veth_mode, "bridge or router", .names = veth_modes),
	R("veth_pair", FT_STRING, veth_pair, "name of the host's end", .check = check_ifname),
	R("veth_rxqueues", FT_U32, veth_rxqueues, "receive queues", .min = 1, .max = 4096),
	R("veth_txqueues", FT_U32, veth_txqueues, "send queues", .min = 1, .max = 4096),
	R("veth_ipv4_routes", FT_STRV, veth_ipv4_routes, "host routes to it A/P", .check = check_route4),
	R("veth_ipv6_routes", FT_STRV, veth_ipv6_routes, "host routes to it A/P", .check = check_route6),
	R("keep_conf", FT_TRI, keep_conf, "addresses and routes of a moved interface go along", .flags = F_INTERNAL),
	R("veth_vlan_id", FT_STRING, veth_vlan_id, "untagged VLAN on the bridge port", .check = check_veth_vlan),
	R("veth_vlan_tagged", FT_STRV, veth_vlan_tagged, "tagged VLANs on the bridge port", .check = check_vlan),
	R("vlan_id", FT_U32, vlan_id, "VLAN of a vlan interface", .max = 4094),
	R("macvlan_mode", FT_ENUM, macvlan_mode, "how macvlans of one parent talk", .names = macvlan_modes),
	R("ipvlan_mode", FT_ENUM, ipvlan_mode, "layer of an ipvlan", .names = ipvlan_modes),
	R("ipvlan_isolation", FT_ENUM, ipvlan_isolation, "how ipvlans of one parent talk", .names = ipvlan_isolations),
	R("user_out", FT_TRI, user_out, "an ordinary user's way out, by a program beside it", .flags = F_INTERNAL),
	R("publish", FT_STRV, publish, "ports of the host that lead to it", .check = check_line, .flags = F_INTERNAL),
	{ 0 },
};
#undef R

#define R(...) F(struct spec, __VA_ARGS__)
#define NS(id, text) R("ns.share." text, FT_STRING, ns_share[id], "share this name space: container, pid or path", \
		       .check = check_line)
#define CAPS(text, member) R("process.cap_" text, FT_STRV, process.member, text " capabilities, none: not one", \
			     .flags = F_INTERNAL, .check = check_cap_keep)
#define HOOK(id, text) R("hooks." text, FT_STRV, hooks[id], "commands run at this moment", .check = check_line)

const struct field spec_fields[] = {
	R("name", FT_STRING, name, "the container's name", .flags = F_INTERNAL, .check = check_component),
	R("hostname", FT_STRING, hostname, "host name inside", .check = check_hostname),
	R("domainname", FT_STRING, domainname, "NIS domain name inside", .flags = F_INTERNAL, .check = check_hostname),
	R("groups", FT_STRV, groups, "groups it belongs to, for autostart", .check = check_word),
	R("annotations", FT_STRV, annotations, "free K=V data", .flags = F_INTERNAL, .check = check_kv),

	R("process.args", FT_STRV, process.args, "command as words; wins over init_cmd", .flags = F_INTERNAL),
	R("process.init_cmd", FT_STRING, process.init_cmd, "command line of init", .check = check_line),
	R("process.execute_cmd", FT_STRING, process.execute_cmd, "command line run under the small init",
	  .check = check_line),
	R("process.uid", FT_U32, process.uid, "user id of init"),
	R("process.gid", FT_U32, process.gid, "group id of init"),
	R("process.groups", FT_STRV, process.groups, "supplementary groups of init", .check = check_id),
	R("process.cwd", FT_PATH, process.cwd, "working directory of init", .flags = F_ABS),
	R("process.env", FT_STRV, process.env, "environment: K=V, or K to inherit", .check = check_env),
	R("process.env_runtime", FT_STRV, process.env_runtime, "the same, for init only", .check = check_env),
	R("process.env_hooks", FT_STRV, process.env_hooks, "the same, for hooks only", .check = check_env),
	R("process.none", FT_TRI, process.none, "there is none, it cannot be started", .flags = F_INTERNAL),
	R("process.env_exact", FT_TRI, process.env_exact, "nothing is added to it but HOME", .flags = F_INTERNAL),
	CAPS("bounding", cap_bounding), CAPS("effective", cap_effective), CAPS("permitted", cap_permitted),
	CAPS("inheritable", cap_inheritable), CAPS("ambient", cap_ambient),
	R("process.cap_drop", FT_STRV, process.cap_drop, "capabilities taken away", .check = check_cap),
	R("process.cap_keep", FT_STRV, process.cap_keep, "capabilities left, all others go", .check = check_cap_keep),
	R("process.no_new_privs", FT_TRI, process.no_new_privs, "exec never gains privileges"),
	R("process.sched_core", FT_TRI, process.sched_core, "core scheduling domain of its own"),
	R("process.keyring_session", FT_TRI, process.keyring_session, "session keyring of its own"),
	R("process.rlimits", FT_LIST, process.rlimits, "resource limits", SUB(rlimit_fields, struct spec_rlimit)),
	R("process.sysctls", FT_STRV, process.sysctls, "kernel parameters NAME=VALUE", .check = check_key_file),
	R("process.procs", FT_STRV, process.procs, "files of /proc/PID of init, NAME=VALUE", .check = check_key_file),
	R("process.arch", FT_ENUM, process.arch, "personality", .names = spec_arch_names),
	R("process.sig_halt", FT_SIGNAL, process.sig_halt, "asks init to halt"),
	R("process.sig_reboot", FT_SIGNAL, process.sig_reboot, "asks init to reboot"),
	R("process.sig_stop", FT_SIGNAL, process.sig_stop, "kills"),

	R("process.umask", FT_U32, process.umask, "mask of file modes", .flags = F_INTERNAL, .max = 0777),
	R("process.terminal", FT_TRI, process.terminal, "its standard streams are a terminal", .flags = F_INTERNAL),
	R("process.rows", FT_U32, process.rows, "height of it", .flags = F_INTERNAL, .max = 65535),
	R("process.columns", FT_U32, process.columns, "width of it", .flags = F_INTERNAL, .max = 65535),
	R("process.sched.policy", FT_ENUM, process.sched.policy, "scheduling policy", .flags = F_INTERNAL,
	  .names = sched_policies),
	R("process.sched.nice", FT_I32, process.sched.nice, "nice value", .flags = F_INTERNAL),
	R("process.sched.priority", FT_I32, process.sched.priority, "priority of fifo and rr", .flags = F_INTERNAL),
	R("process.sched.flags", FT_STRV, process.sched.flags, "flags of sched_setattr(2)", .flags = F_INTERNAL,
	  .check = check_word),
	R("process.sched.runtime", FT_U64, process.sched.runtime, "deadline: nanoseconds of run time", .flags = F_INTERNAL),
	R("process.sched.deadline", FT_U64, process.sched.deadline, "deadline: relative, nanoseconds", .flags = F_INTERNAL),
	R("process.sched.period", FT_U64, process.sched.period, "deadline: period, nanoseconds", .flags = F_INTERNAL),
	R("process.ioprio_class", FT_ENUM, process.ioprio_class, "I/O priority class", .flags = F_INTERNAL,
	  .names = ioprio_classes),
	R("process.ioprio", FT_U32, process.ioprio, "I/O priority in it", .flags = F_INTERNAL, .max = 7),
	R("process.cpus_initial", FT_STRING, process.cpus_initial, "CPUs while it is set up", .flags = F_INTERNAL,
	  .check = check_cpus),
	R("process.cpus_final", FT_STRING, process.cpus_final, "CPUs of the command", .flags = F_INTERNAL,
	  .check = check_cpus),
	R("process.mem_mode", FT_ENUM, process.mem_mode, "memory policy", .flags = F_INTERNAL, .names = mem_modes),
	R("process.mem_nodes", FT_STRING, process.mem_nodes, "its memory nodes", .flags = F_INTERNAL, .check = check_cpus),
	R("process.mem_flags", FT_STRV, process.mem_flags, "static, relative, numa_balancing", .flags = F_INTERNAL,
	  .check = check_word),

	R("rootfs.path", FT_STRING, rootfs.path, "[TYPE:]PATH of the root file system", .check = check_line),
	R("rootfs.mount", FT_PATH, rootfs.mount, "where it is mounted during set-up", .flags = F_ABS, .check = check_line),
	R("rootfs.options", FT_STRING, rootfs.options, "mount options, idmap=container|PATH", .check = check_line),
	R("rootfs.managed", FT_TRI, rootfs.managed, "destroy and copy treat the storage too"),
	R("rootfs.read_only", FT_TRI, rootfs.read_only, "the root is read-only", .flags = F_INTERNAL),
	R("rootfs.propagation", FT_ENUM, rootfs.propagation, "propagation of the root", .flags = F_INTERNAL,
	  .names = propagations),
	R("mounts", FT_LIST, mounts, "mounts, in this order", SUB(mount_fields, struct spec_mount)),
	R("mounts_create", FT_TRI, mounts_create, "missing targets are made", .flags = F_INTERNAL),
	R("fstab", FT_PATH, fstab, "file of mounts in fstab(5) format", .check = check_line),
	R("mount_auto", FT_STRV, mount_auto, "kernel file systems mounted by themselves", .check = check_mount_auto),

	R("dev.autodev", FT_TRI, dev.autodev, "fill /dev"),
	R("dev.standard", FT_TRI, dev.standard, "standard nodes and links in the /dev that the mounts give",
	  .flags = F_INTERNAL),
	R("dev.devices", FT_LIST, dev.devices, "device nodes", SUB(device_fields, struct spec_device), .flags = F_INTERNAL),
	R("dev.tmpfs_size", FT_U64, dev.tmpfs_size, "bytes of the tmpfs on /dev", .flags = F_UNIT),
	R("dev.tty_max", FT_U32, dev.tty_max, "terminals beside the console", .max = 512),
	R("dev.pty_max", FT_U32, dev.pty_max, "pseudo terminals of its devpts", .max = 1 << 20),
	R("dev.tty_dir", FT_STRING, dev.tty_dir, "folder below /dev for the terminals", .check = check_cgroup_dir),
	R("dev.console_path", FT_STRING, dev.console_path, "device used as console, none: no console",
	  .check = check_line),
	R("dev.console_logfile", FT_STRING, dev.console_logfile, "file the console's output goes to", .check = check_line),
	R("dev.console_rotate", FT_TRI, dev.console_rotate, "rotate that file when it is full"),
	R("dev.console_log_size", FT_U64, dev.console_log_size, "its largest size", .flags = F_UNIT),
	R("dev.console_buffer_size", FT_U64, dev.console_buffer_size, "bytes of console output kept in memory",
	  .flags = F_UNIT),

	R("ns.clone", FT_NS_MASK, ns_clone, "name spaces that are made, all others are shared with the caller"),
	R("ns.keep", FT_NS_MASK, ns_keep, "name spaces shared with the caller"),
	NS(NS_USER, "user"), NS(NS_MNT, "mnt"), NS(NS_PID, "pid"), NS(NS_UTS, "uts"),
	NS(NS_IPC, "ipc"), NS(NS_NET, "net"), NS(NS_CGROUP, "cgroup"), NS(NS_TIME, "time"),
	R("idmaps", FT_LIST, idmaps, "user and group id ranges", SUB(idmap_fields, struct spec_idmap)),
	R("time.boot", FT_STRING, time_boot, "offset of the boot clock", .check = check_time_offset),
	R("time.monotonic", FT_STRING, time_monotonic, "offset of the monotonic clock", .check = check_time_offset),

	R("cgroup.items", FT_LIST, cgroup.items, "control files, in this order",
	  SUB(cgroup_item_fields, struct spec_cgroup_item)),
	R("cgroup.dir", FT_STRING, cgroup.dir, "group below which the container's are made", .check = check_cgroup_dir),
	R("cgroup.dir_monitor", FT_STRING, cgroup.dir_monitor, "group of the keeper", .check = check_cgroup_dir),
	R("cgroup.dir_monitor_pivot", FT_STRING, cgroup.dir_monitor_pivot, "group the keeper leaves to at the end",
	  .check = check_cgroup_dir),
	R("cgroup.dir_container", FT_STRING, cgroup.dir_container, "group with the limits", .check = check_cgroup_dir),
	R("cgroup.dir_inner", FT_STRING, cgroup.dir_inner, "group below it that init lives in", .check = check_component),
	R("cgroup.relative", FT_TRI, cgroup.relative, "groups are made below the caller's own"),

	R("security.apparmor_profile", FT_STRING, security.apparmor_profile, "AppArmor profile", .check = check_line),
	R("security.apparmor_incomplete", FT_TRI, security.apparmor_incomplete, "start though AppArmor lacks features"),
	R("security.apparmor_nesting", FT_TRI, security.apparmor_nesting, "allow containers inside"),
	R("security.apparmor_raw", FT_STRV, security.apparmor_raw, "rules added to a generated profile",
	  .check = check_line),
	R("security.selinux_context", FT_STRING, security.selinux_context, "SELinux label of init", .check = check_line),
	R("security.selinux_keyring", FT_STRING, security.selinux_keyring, "SELinux label of its keyring",
	  .check = check_line),
	R("security.seccomp_profile", FT_STRING, security.seccomp_profile, "seccomp policy file; default: the built-in one",
	  .check = check_line),
	R("security.seccomp_nesting", FT_TRI, security.seccomp_nesting, "0: no policy where the caller is under one; else it is stacked"),
	R("security.seccomp_proxy", FT_STRING, security.seccomp_proxy, "socket that decides on notified calls",
	  .check = check_proxy),
	R("security.seccomp_cookie", FT_STRING, security.seccomp_cookie, "text sent along to it", .check = check_line),
	R("security.seccomp.action", FT_ENUM, security.seccomp.action, "what is done with calls that no rule names",
	  .flags = F_INTERNAL, .names = spec_seccomp_actions),
	R("security.seccomp.errno_ret", FT_U32, security.seccomp.errno_ret, "its error or trace value",
	  .flags = F_INTERNAL, .max = 65535),
	R("security.seccomp.archs", FT_STRV, security.seccomp.archs, "architectures", .flags = F_INTERNAL,
	  .check = check_word),
	R("security.seccomp.flags", FT_STRV, security.seccomp.flags, "flags of seccomp(2)", .flags = F_INTERNAL,
	  .check = check_word),
	R("security.seccomp.rules", FT_LIST, security.seccomp.rules, "rules",
	  SUB(syscall_fields, struct spec_syscall), .flags = F_INTERNAL),
	R("security.seccomp.listener", FT_STRING, security.seccomp.listener, "socket that gets the notify fd",
	  .flags = F_INTERNAL, .check = check_line),
	R("security.seccomp.listener_metadata", FT_STRING, security.seccomp.listener_metadata, "text said along with it",
	  .flags = F_INTERNAL),
	R("security.mount_label", FT_STRING, security.mount_label, "SELinux label of its file systems",
	  .flags = F_INTERNAL, .check = check_label),
	R("security.masked_paths", FT_STRV, security.masked_paths, "paths hidden from the container", .flags = F_INTERNAL),
	R("security.readonly_paths", FT_STRV, security.readonly_paths, "paths made read-only", .flags = F_INTERNAL),
	R("net", FT_LIST, nets, "network interfaces, in this order", SUB(net_fields, struct spec_net)),

	HOOK(HOOK_PRE_START, "pre-start"), HOOK(HOOK_PRE_MOUNT, "pre-mount"), HOOK(HOOK_MOUNT, "mount"),
	HOOK(HOOK_AUTODEV, "autodev"), HOOK(HOOK_START_HOST, "start-host"), HOOK(HOOK_START, "start"),
	HOOK(HOOK_STOP, "stop"), HOOK(HOOK_POST_STOP, "post-stop"), HOOK(HOOK_CLONE, "clone"),
	HOOK(HOOK_DESTROY, "destroy"),
	R("hook_version", FT_U32, hook_version, "how hooks get their data: 0 arguments, 1 environment", .max = 1),

	R("exec_hooks", FT_LIST, exec_hooks, "programs run at moments of its life",
	  SUB(exec_hook_fields, struct spec_exec_hook), .flags = F_INTERNAL),

	R("ephemeral", FT_TRI, ephemeral, "destroy it when it stops"),
	R("start.auto", FT_TRI, start_auto, "start it at boot"),
	R("start.delay", FT_U32, start_delay, "seconds to wait after its start"),
	R("start.order", FT_I32, start_order, "place in the order of starts, low first"),
	R("monitor.unshare", FT_TRI, monitor_unshare, "run the keeper in a mount name space of its own"),
	R("monitor.pdeath", FT_SIGNAL, monitor_pdeath, "signal to init when the keeper dies"),
	R("log.file", FT_STRING, log_file, "log file", .check = check_line),
	R("log.level", FT_STRING, log_level, "lowest level logged", .check = check_log_level),
	R("log.syslog", FT_ENUM, log_syslog, "syslog facility", .names = syslog_facilities),
	{ 0 },
};
