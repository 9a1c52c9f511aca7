/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* System calls that the container's policy lets through: the program itself is asked. */

#include <sys/socket.h>

#include "base/fd.h"
#include "engine/audit-internal.h"

#define TIOCSTI_NR 0x5412

struct call {
	const char *name, *shown; /* shown: with the argument that is meant */
	uint64_t args[3];
};

/* Each way round the boundary, or a part of the kernel that holes have been found in again and again. */
static const struct call kernel_calls[] = {
	{ "init_module", "init_module", { 0 } },
	{ "finit_module", "finit_module", { 0 } },
	{ "delete_module", "delete_module", { 0 } },
	{ "kexec_load", "kexec_load", { 0 } },
	{ "open_by_handle_at", "open_by_handle_at", { 0 } },
	{ "bpf", "bpf", { 0 } },
	{ "perf_event_open", "perf_event_open", { 0 } },
	{ "swapon", "swapon", { 0 } },
	{ "acct", "acct", { 0 } },
	{ "settimeofday", "settimeofday", { 0 } },
};
static const struct call surface_calls[] = {
	{ "userfaultfd", "userfaultfd", { 0 } },
	{ "io_uring_setup", "io_uring_setup", { 0 } },
	{ "add_key", "add_key", { 0 } },
	{ "request_key", "request_key", { 0 } },
	{ "keyctl", "keyctl", { 0 } },
	{ "socket", "socket(AF_ALG)", { AF_ALG, SOCK_SEQPACKET, 0 } },
	{ "socket", "socket(AF_VSOCK)", { AF_VSOCK, SOCK_STREAM, 0 } },
	{ "ioctl", "ioctl(TIOCSTI)", { 0, TIOCSTI_NR, 0 } },
};

static int add_passing(struct auditor *x, const struct seccomp_prog *p, const struct call *calls, size_t n,
		       enum audit_level level, const char *id, const char *why)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		if (seccomp_lets_through(p, calls[i].name, calls[i].args))
			buf_printf(&b, "%s%s", b.len ? ", " : "", calls[i].shown);
	if (!b.len)
		return buf_error(&b, x->e);
	return audit_add(x, level, id, audit_text("the policy lets through: %s", buf_str(&b)), why,
			 audit_text("%s: refuse them, or let the built-in policy: %s",
				    audit_key(x, "the file of lxc.seccomp.profile", "linux.seccomp.syscalls"),
				    audit_key(x, "lxc.seccomp.profile = default", "none is named in this dialect")));
}

static int program(struct auditor *x, struct seccomp_prog *ret)
{
	_cleanup_close_ int dirfd = x->pid ? record_open_dir(x->c->id, false, NULL) : -EBADF;

	if (dirfd >= 0)
		return seccomp_prog_load(dirfd, "seccomp", ret, x->e);
	return spec_seccomp(x->s, ret, x->e);
}

int audit_seccomp(struct auditor *x)
{
	struct seccomp_prog p = { 0 };
	int r = program(x, &p);

	if (r < 0)
		return r;
	if (!p.insns)
		return audit_add(x, x->userns ? AUDIT_LOW : AUDIT_MEDIUM, "seccomp.none",
				 audit_text("no seccomp policy: every system call reaches the kernel"),
				 "most holes of kernels are in calls that the container never needs",
				 audit_text("%s", audit_key(x, "lxc.seccomp.profile = default", "linux.seccomp")));
	r = add_passing(x, &p, kernel_calls, ARRAY_SIZE(kernel_calls), x->userns ? AUDIT_LOW : AUDIT_MEDIUM,
			"seccomp.kernel", "these change the host itself where a capability lets them");
	if (r == 0)
		r = add_passing(x, &p, surface_calls, ARRAY_SIZE(surface_calls), AUDIT_LOW, "seccomp.surface",
				"these need no capability, and holes have been found behind each");
	seccomp_prog_done(&p);
	return r;
}
