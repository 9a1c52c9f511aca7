/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/syscalls.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline long ret(long r)
{
	return r < 0 ? -errno : r;
}

int sys_open_tree(int dirfd, const char *path, unsigned flags)
{
	return (int)ret(syscall(SYS_open_tree, dirfd, path, flags));
}

int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	return (int)ret(syscall(SYS_move_mount, from_fd, from, to_fd, to, flags));
}

int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attr)
{
	return (int)ret(syscall(SYS_mount_setattr, dirfd, path, flags, attr, sizeof(*attr)));
}

int sys_fsopen(const char *fstype, unsigned flags)
{
	return (int)ret(syscall(SYS_fsopen, fstype, flags));
}

int sys_fspick(int dirfd, const char *path, unsigned flags)
{
	return (int)ret(syscall(SYS_fspick, dirfd, path, flags));
}

int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)ret(syscall(SYS_fsconfig, fd, cmd, key, value, aux));
}

int sys_fsmount(int fd, unsigned flags, unsigned attrs)
{
	return (int)ret(syscall(SYS_fsmount, fd, flags, attrs));
}

int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags, .mode = mode, .resolve = resolve };

	return (int)ret(syscall(SYS_openat2, dirfd, path, &how, sizeof(how)));
}

int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags, const void *data)
{
	return (int)ret(syscall(SYS_mount, source, target, fstype, flags, data));
}

int sys_umount2(const char *target, int flags)
{
	return (int)ret(syscall(SYS_umount2, target, flags));
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)ret(syscall(SYS_pivot_root, new_root, put_old));
}

pid_t sys_clone3(struct clone_args *args)
{
	return (pid_t)ret(syscall(SYS_clone3, args, sizeof(*args)));
}

int sys_clone3_sized(struct clone_args *args, size_t size)
{
	return (int)ret(syscall(SYS_clone3, args, size));
}

/* Without a stack of its own the child is a fork. x86, arm64 and riscv agree on the first three arguments. */
pid_t sys_clone_fork(unsigned long flags, int *pidfd)
{
	return (pid_t)ret(syscall(SYS_clone, flags, NULL, pidfd, NULL, NULL));
}

int sys_pidfd_open(pid_t pid, unsigned flags)
{
	return (int)ret(syscall(SYS_pidfd_open, pid, flags));
}

int sys_pidfd_send_signal(int pidfd, int sig)
{
	return (int)ret(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0));
}

int sys_pidfd_getfd(int pidfd, int fd)
{
	return (int)ret(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)ret(syscall(SYS_close_range, first, last, flags));
}

int sys_execveat(int dirfd, const char *path, char *const *argv, char *const *envp, int flags)
{
	return (int)ret(syscall(SYS_execveat, dirfd, path, argv, envp, flags));
}
