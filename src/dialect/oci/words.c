/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The specification's words beside the model's: one table each, read in both directions. */
#include "dialect/oci/rows.h"

/* clang-format off */

const struct oci_word oci_caps[] = {
	{ "CAP_CHOWN", "chown" }, { "CAP_DAC_OVERRIDE", "dac_override" }, { "CAP_DAC_READ_SEARCH", "dac_read_search" },
	{ "CAP_FOWNER", "fowner" }, { "CAP_FSETID", "fsetid" }, { "CAP_KILL", "kill" }, { "CAP_SETGID", "setgid" },
	{ "CAP_SETUID", "setuid" }, { "CAP_SETPCAP", "setpcap" }, { "CAP_LINUX_IMMUTABLE", "linux_immutable" },
	{ "CAP_NET_BIND_SERVICE", "net_bind_service" }, { "CAP_NET_BROADCAST", "net_broadcast" },
	{ "CAP_NET_ADMIN", "net_admin" }, { "CAP_NET_RAW", "net_raw" }, { "CAP_IPC_LOCK", "ipc_lock" },
	{ "CAP_IPC_OWNER", "ipc_owner" }, { "CAP_SYS_MODULE", "sys_module" }, { "CAP_SYS_RAWIO", "sys_rawio" },
	{ "CAP_SYS_CHROOT", "sys_chroot" }, { "CAP_SYS_PTRACE", "sys_ptrace" }, { "CAP_SYS_PACCT", "sys_pacct" },
	{ "CAP_SYS_ADMIN", "sys_admin" }, { "CAP_SYS_BOOT", "sys_boot" }, { "CAP_SYS_NICE", "sys_nice" },
	{ "CAP_SYS_RESOURCE", "sys_resource" }, { "CAP_SYS_TIME", "sys_time" },
	{ "CAP_SYS_TTY_CONFIG", "sys_tty_config" }, { "CAP_MKNOD", "mknod" }, { "CAP_LEASE", "lease" },
	{ "CAP_AUDIT_WRITE", "audit_write" }, { "CAP_AUDIT_CONTROL", "audit_control" }, { "CAP_SETFCAP", "setfcap" },
	{ "CAP_MAC_OVERRIDE", "mac_override" }, { "CAP_MAC_ADMIN", "mac_admin" }, { "CAP_SYSLOG", "syslog" },
	{ "CAP_WAKE_ALARM", "wake_alarm" }, { "CAP_BLOCK_SUSPEND", "block_suspend" }, { "CAP_AUDIT_READ", "audit_read" },
	{ "CAP_PERFMON", "perfmon" }, { "CAP_BPF", "bpf" }, { "CAP_CHECKPOINT_RESTORE", "checkpoint_restore" },
	{ NULL, NULL },
};

/* The model keeps the moments in these words. */
const struct oci_word oci_hooks[] = {
	{ "prestart", "prestart" }, { "createRuntime", "createRuntime" }, { "createContainer", "createContainer" },
	{ "startContainer", "startContainer" }, { "poststart", "poststart" }, { "poststop", "poststop" },
	{ NULL, NULL },
};

/* In the order of `runc spec`. */
const struct oci_word oci_namespaces[] = {
	{ "pid", "pid" }, { "network", "net" }, { "ipc", "ipc" }, { "uts", "uts" }, { "mount", "mnt" },
	{ "cgroup", "cgroup" }, { "user", "user" }, { "time", "time" }, { NULL, NULL },
};

const struct oci_word oci_seccomp_actions[] = {
	{ "SCMP_ACT_ALLOW", "allow" }, { "SCMP_ACT_ERRNO", "errno" }, { "SCMP_ACT_KILL", "kill" },
	{ "SCMP_ACT_KILL_PROCESS", "kill_process" }, { "SCMP_ACT_KILL_THREAD", "kill_thread" },
	{ "SCMP_ACT_LOG", "log" }, { "SCMP_ACT_NOTIFY", "notify" }, { "SCMP_ACT_TRACE", "trace" },
	{ "SCMP_ACT_TRAP", "trap" }, { NULL, NULL },
};

const struct oci_word oci_seccomp_operators[] = {
	{ "SCMP_CMP_EQ", "eq" }, { "SCMP_CMP_GE", "ge" }, { "SCMP_CMP_GT", "gt" }, { "SCMP_CMP_LE", "le" },
	{ "SCMP_CMP_LT", "lt" }, { "SCMP_CMP_MASKED_EQ", "masked_eq" }, { "SCMP_CMP_NE", "ne" }, { NULL, NULL },
};

/* All that the specification names; which of them a filter can be made for is known where it is made. */
const struct oci_word oci_seccomp_archs[] = {
	{ "SCMP_ARCH_AARCH64", "arm64" }, { "SCMP_ARCH_ARM", "arm" }, { "SCMP_ARCH_LOONGARCH64", "loongarch64" },
	{ "SCMP_ARCH_M68K", "m68k" }, { "SCMP_ARCH_MIPS", "mips" }, { "SCMP_ARCH_MIPS64", "mips64" },
	{ "SCMP_ARCH_MIPS64N32", "mips64n32" }, { "SCMP_ARCH_MIPSEL", "mipsel" }, { "SCMP_ARCH_MIPSEL64", "mipsel64" },
	{ "SCMP_ARCH_MIPSEL64N32", "mipsel64n32" }, { "SCMP_ARCH_PARISC", "parisc" },
	{ "SCMP_ARCH_PARISC64", "parisc64" }, { "SCMP_ARCH_PPC", "ppc" }, { "SCMP_ARCH_PPC64", "ppc64" },
	{ "SCMP_ARCH_PPC64LE", "ppc64le" }, { "SCMP_ARCH_RISCV64", "riscv64" }, { "SCMP_ARCH_S390", "s390" },
	{ "SCMP_ARCH_S390X", "s390x" }, { "SCMP_ARCH_SH", "sh" }, { "SCMP_ARCH_SHEB", "sheb" },
	{ "SCMP_ARCH_X32", "x32" }, { "SCMP_ARCH_X86", "x86" }, { "SCMP_ARCH_X86_64", "x86_64" }, { NULL, NULL },
};

const struct oci_word oci_seccomp_flags[] = {
	{ "SECCOMP_FILTER_FLAG_TSYNC", "tsync" }, { "SECCOMP_FILTER_FLAG_LOG", "log" },
	{ "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "spec_allow" },
	{ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "wait_killable_recv" }, { NULL, NULL },
};

const struct oci_word oci_sched_policies[] = {
	{ "SCHED_OTHER", "other" }, { "SCHED_FIFO", "fifo" }, { "SCHED_RR", "rr" }, { "SCHED_BATCH", "batch" },
	{ "SCHED_ISO", "iso" }, { "SCHED_IDLE", "idle" }, { "SCHED_DEADLINE", "deadline" }, { NULL, NULL },
};

const struct oci_word oci_sched_flags[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", "reset_on_fork" }, { "SCHED_FLAG_RECLAIM", "reclaim" },
	{ "SCHED_FLAG_DL_OVERRUN", "dl_overrun" }, { "SCHED_FLAG_KEEP_POLICY", "keep_policy" },
	{ "SCHED_FLAG_KEEP_PARAMS", "keep_params" }, { "SCHED_FLAG_UTIL_CLAMP_MIN", "util_clamp_min" },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", "util_clamp_max" }, { NULL, NULL },
};

const struct oci_word oci_ioprio_classes[] = {
	{ "IOPRIO_CLASS_RT", "rt" }, { "IOPRIO_CLASS_BE", "be" }, { "IOPRIO_CLASS_IDLE", "idle" }, { NULL, NULL },
};

const struct oci_word oci_mem_modes[] = {
	{ "MPOL_DEFAULT", "default" }, { "MPOL_BIND", "bind" }, { "MPOL_INTERLEAVE", "interleave" },
	{ "MPOL_WEIGHTED_INTERLEAVE", "weighted_interleave" }, { "MPOL_PREFERRED", "preferred" },
	{ "MPOL_PREFERRED_MANY", "preferred_many" }, { "MPOL_LOCAL", "local" }, { NULL, NULL },
};

const struct oci_word oci_mem_flags[] = {
	{ "MPOL_F_STATIC_NODES", "static" }, { "MPOL_F_RELATIVE_NODES", "relative" },
	{ "MPOL_F_NUMA_BALANCING", "numa_balancing" }, { NULL, NULL },
};

const struct oci_word oci_rlimits[] = {
	{ "RLIMIT_AS", "as" }, { "RLIMIT_CORE", "core" }, { "RLIMIT_CPU", "cpu" }, { "RLIMIT_DATA", "data" },
	{ "RLIMIT_FSIZE", "fsize" }, { "RLIMIT_LOCKS", "locks" }, { "RLIMIT_MEMLOCK", "memlock" },
	{ "RLIMIT_MSGQUEUE", "msgqueue" }, { "RLIMIT_NICE", "nice" }, { "RLIMIT_NOFILE", "nofile" },
	{ "RLIMIT_NPROC", "nproc" }, { "RLIMIT_RSS", "rss" }, { "RLIMIT_RTPRIO", "rtprio" },
	{ "RLIMIT_RTTIME", "rttime" }, { "RLIMIT_SIGPENDING", "sigpending" }, { "RLIMIT_STACK", "stack" },
	{ NULL, NULL },
};

const struct oci_word oci_propagations[] = {
	{ "private", "private" }, { "rprivate", "rprivate" }, { "slave", "slave" }, { "rslave", "rslave" },
	{ "shared", "shared" }, { "rshared", "rshared" }, { "unbindable", "unbindable" },
	{ "runbindable", "runbindable" }, { NULL, NULL },
};
