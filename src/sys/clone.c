/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/probe.h"
#include "sys/syscalls.h"

#define CLONE_FORBIDDEN (CLONE_VM | CLONE_THREAD | CLONE_SIGHAND | CLONE_VFORK | CLONE_SETTLS | CLONE_INTO_CGROUP)

/* Room for the kernel's answer to getdents64(2): no allocation here. */
struct dirent64_raw {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static pid_t clone_old(const struct clone_opts *o, int exit_signal, int *pidfd)
{
	unsigned long flags = (unsigned long)o->flags | (unsigned long)exit_signal;
	long r;

	/* Its bit lies in the byte that clone(2) takes for the exit signal. */
	if (o->cgroup_fd > 0 || (o->flags & CLONE_NEWTIME))
		return -EOPNOTSUPP;
	if (pidfd)
		flags |= CLONE_PIDFD;
	r = sys_clone_fork(flags, pidfd);
	return (pid_t)r;
}

pid_t clone_process(const struct clone_opts *o, int *ret_pidfd)
{
	int pidfd = -EBADF, exit_signal = o->exit_signal ?: SIGCHLD;
	struct clone_args args = { .flags = o->flags };
	pid_t pid;

	if (o->flags & CLONE_FORBIDDEN)
		return -EINVAL;
	/* clone3 wants none said where the parent's is inherited. */
	if (o->flags & CLONE_PARENT)
		exit_signal = 0;
	if (!probe_has(PROBE_CLONE3)) {
		pid = clone_old(o, exit_signal, ret_pidfd ? &pidfd : NULL);
	} else {
		args.exit_signal = (uint64_t)exit_signal;
		if (ret_pidfd) {
			args.flags |= CLONE_PIDFD;
			args.pidfd = (uint64_t)(uintptr_t)&pidfd;
		}
		if (o->cgroup_fd > 0) {
			if (!probe_has(PROBE_CLONE_INTO_CGROUP))
				return -EOPNOTSUPP;
			args.flags |= CLONE_INTO_CGROUP;
			args.cgroup = (uint64_t)o->cgroup_fd;
		}
		pid = sys_clone3(&args);
	}
	if (pid > 0 && ret_pidfd)
		*ret_pidfd = pidfd;
	return pid;
}

static int cloexec_by_list(int first)
{
	_cleanup_close_ int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct dirent64_raw) char buf[4096];

	if (dir < 0)
		return -errno;
	for (;;) {
		long n = syscall(SYS_getdents64, dir, buf, sizeof(buf));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (long at = 0; at < n;) {
			const struct dirent64_raw *de = (const void *)(buf + at);
			int fd = (int)strtol(de->name, NULL, 10);

			if (*de->name != '.' && fd >= first)
				fd_set_cloexec(fd, true);
			at += de->reclen;
		}
	}
}

int clone_cloexec_from(int first)
{
	if (probe_has(PROBE_CLOSE_RANGE))
		return sys_close_range((unsigned)first, ~0u, CLOSE_RANGE_CLOEXEC);
	return cloexec_by_list(first);
}
