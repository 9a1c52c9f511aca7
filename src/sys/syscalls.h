/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Raw system calls that libc lacks or hides, and kernel constants its headers may be too old for, each defined once.
 * Every sys_* function returns a negative errno on failure, never -1.
 */

#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"

#ifndef MOVE_MOUNT_BENEATH
#define MOVE_MOUNT_BENEATH 0x00000200
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MNT_DETACH
#define MNT_DETACH	0x00000002
#define UMOUNT_NOFOLLOW 0x00000008
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int sys_open_tree(int dirfd, const char *path, unsigned flags);
int sys_move_mount(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int sys_mount_setattr(int dirfd, const char *path, unsigned flags, struct mount_attr *attr);
int sys_fsopen(const char *fstype, unsigned flags);
int sys_fspick(int dirfd, const char *path, unsigned flags);
int sys_fsconfig(int fd, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fd, unsigned flags, unsigned attrs);
int sys_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve);
/* Our own "sys/mount.h" hides libc's, so these two are here. */
int sys_mount(const char *source, const char *target, const char *fstype, unsigned long flags, const void *data);
int sys_umount2(const char *target, int flags);
int sys_pivot_root(const char *new_root, const char *put_old);
pid_t sys_clone3(struct clone_args *args);
int sys_clone3_sized(struct clone_args *args, size_t size); /* for probing */
pid_t sys_clone_fork(unsigned long flags, int *pidfd);
int sys_pidfd_open(pid_t pid, unsigned flags);
int sys_pidfd_send_signal(int pidfd, int sig);
int sys_pidfd_getfd(int pidfd, int fd);
int sys_close_range(unsigned first, unsigned last, unsigned flags);
int sys_execveat(int dirfd, const char *path, char *const *argv, char *const *envp, int flags);
