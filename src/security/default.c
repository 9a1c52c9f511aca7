/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "security/policy.h"

/*
 * The built-in policy: a deny list for system containers. Name spaces, mounts, ptrace, chroot and reboot stay, since
 * systemd and container engines inside need them and the kernel limits them to the container; what is refused either
 * has no such limit or is a known way out. EPERM where a program should see that it may not, ENOSYS or EAFNOSUPPORT
 * where it has something else to fall back on.
 */
static const struct refusal {
	const char *name;
	int error;
	unsigned n_args;
	struct policy_arg arg;
	bool by_socketcall; /* would refuse every socket made through socketcall(2) too */
} refusals[] = {
	/* the kernel's code */
	{ "init_module", EPERM },
	{ "finit_module", EPERM },
	{ "delete_module", EPERM },
	{ "kexec_load", EPERM },
	{ "kexec_file_load", EPERM },
	{ "bpf", EPERM },
	{ "perf_event_open", EPERM },
	{ "iopl", EPERM },
	{ "ioperm", EPERM },

	/* of the host, and in no name space */
	{ "add_key", EPERM },
	{ "request_key", EPERM },
	{ "keyctl", EPERM },
	{ "syslog", EPERM },
	{ "swapon", EPERM },
	{ "swapoff", EPERM },
	{ "acct", EPERM },
	{ "quotactl", EPERM },
	{ "quotactl_fd", EPERM },
	/* files by inode number, past the root directory (the "shocker" of 2014) */
	{ "open_by_handle_at", EPERM },
	/* a busy file system of the host under a bind mount would lose data */
	{ "umount2", EACCES, 1, { .index = 1, .op = OP_MASKED_EQ, .value = MNT_FORCE, .mask = MNT_FORCE } },

	/* typing into a terminal that the container was given (CVE-2016-10124, CVE-2017-5226) */
	{ "ioctl", EPERM, 1, { .index = 1, .op = OP_EQ, .value = TIOCSTI } },
	{ "ioctl", EPERM, 1, { .index = 1, .op = OP_EQ, .value = TIOCLINUX } },

	/* large attack surface, hardly used: the kernel's crypto (CVE-2026-31431), the hypervisor's sockets, stopping
	 * the kernel within a copy. io_uring makes sockets and opens files without any system call that a filter sees */
	{ "socket", EAFNOSUPPORT, 1, { .index = 0, .op = OP_EQ, .value = AF_ALG }, true },
	{ "socket", EAFNOSUPPORT, 1, { .index = 0, .op = OP_EQ, .value = AF_VSOCK }, true },
	{ "userfaultfd", EPERM },
	{ "io_uring_setup", ENOSYS },
	{ "io_uring_enter", ENOSYS },
	{ "io_uring_register", ENOSYS },

	/* gone from the kernel, or only there for programs of the nineties */
	{ "create_module", ENOSYS },
	{ "get_kernel_syms", ENOSYS },
	{ "query_module", ENOSYS },
	{ "lookup_dcookie", ENOSYS },
	{ "nfsservctl", ENOSYS },
	{ "_sysctl", ENOSYS },
	{ "sysfs", ENOSYS },
	{ "uselib", ENOSYS },
	{ "vm86", ENOSYS },
	{ "vm86old", ENOSYS },
};

static int compile(bool socketcall, struct seccomp_prog *ret, struct err *e)
{
	_cleanup_policy_ struct policy p = { .default_action = SECCOMP_RET_ALLOW,
					     .path = "the default seccomp policy" };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		const struct refusal *f = &refusals[i];
		struct policy_rule rule = { .action = SECCOMP_RET_ERRNO | (uint32_t)f->error, .n_args = f->n_args };

		rule.direct_only = f->by_socketcall && socketcall;
		rule.args = &f->arg;
		rule.name = f->name;
		r = policy_add(&p, &rule, e);
		if (r < 0)
			return r;
	}
	return policy_compile(&p, ret, e);
}

int seccomp_compile_default(struct seccomp_prog *ret, struct err *e)
{
	return compile(false, ret, e);
}

int seccomp_compile_default_32bit(struct seccomp_prog *ret, struct err *e)
{
	return compile(true, ret, e);
}
