/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/syscalls.h"

/* ENOSYS is an old kernel; EPERM is what some sand boxes answer for calls that they do not know. */
static bool is_absent(int r)
{
	return r == -ENOSYS || r == -EPERM || r == -EOPNOTSUPP;
}

static bool try_openat2(void)
{
	_cleanup_close_ int fd = sys_openat2(AT_FDCWD, "/", O_PATH | O_CLOEXEC, 0, RESOLVE_IN_ROOT);

	return fd >= 0;
}

/* A size below the structure's first version is refused with EINVAL before anything is cloned. */
static bool try_clone3(void)
{
	return sys_clone3_sized(NULL, 1) == -EINVAL;
}

/* An unknown flag is EINVAL, a known one gets as far as the bad fd: EBADF. Nothing is cloned either way. */
static bool try_clone_into_cgroup(void)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .cgroup = INT32_MAX };

	return sys_clone3(&args) == -EBADF;
}

static bool try_pidfd(void)
{
	_cleanup_close_ int fd = sys_pidfd_open(getpid(), 0);

	return fd >= 0;
}

static bool try_close_range(void)
{
	return sys_close_range(UINT32_MAX - 1, UINT32_MAX - 1, CLOSE_RANGE_CLOEXEC) == 0;
}

static bool try_mount_api(void)
{
	int r = sys_fsopen(NULL, 0);

	return !is_absent(r) || (r == -EPERM && sys_move_mount(-EBADF, "", -EBADF, "", 0) != -ENOSYS);
}

static bool try_mount_setattr(void)
{
	struct mount_attr attr = { 0 };

	return sys_mount_setattr(-EBADF, "", AT_EMPTY_PATH, &attr) != -ENOSYS;
}

/* The context is thrown away before a superblock is made. A file system that has not been taught the new API yet takes
 * whatever it is given until then, so a key that none knows must be refused. */
static bool fs_takes(const char *fstype, const char *key, const char *value)
{
	_cleanup_close_ int fd = sys_fsopen(fstype, FSOPEN_CLOEXEC);

	return fd >= 0 && sys_fsconfig(fd, FSCONFIG_SET_STRING, "no-such-key", value, 0) < 0 &&
	       sys_fsconfig(fd, FSCONFIG_SET_STRING, key, value, 0) >= 0;
}

static bool try_proc_subset(void)
{
	return fs_takes("proc", "subset", "pid");
}

/* A folder would be cloned and let go of again, for which the kernel waits: who knows the key looks for what is not there. */
static bool try_overlay_append(void)
{
	_cleanup_close_ int fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	int r;

	if (fd < 0 || sys_fsconfig(fd, FSCONFIG_SET_STRING, "no-such-key", "/", 0) >= 0)
		return false;
	r = sys_fsconfig(fd, FSCONFIG_SET_STRING, "lowerdir+", "/dev/null/none", 0);
	return r == -ENOTDIR || r == -ENOENT;
}

static bool try_time_ns(void)
{
	return access("/proc/self/ns/time", F_OK) == 0;
}

static bool try_cgroup_ns(void)
{
	return access("/proc/self/ns/cgroup", F_OK) == 0;
}

static bool try_user_ns(void)
{
	return access("/proc/self/ns/user", F_OK) == 0;
}

static const struct {
	const char *name;
	bool (*try)(void);
} probes[PROBE_MAX] = {
	[PROBE_OPENAT2] = { "openat2", try_openat2 },
	[PROBE_CLONE3] = { "clone3", try_clone3 },
	[PROBE_CLONE_INTO_CGROUP] = { "clone-into-cgroup", try_clone_into_cgroup },
	[PROBE_PIDFD] = { "pidfd", try_pidfd },
	[PROBE_CLOSE_RANGE] = { "close-range", try_close_range },
	[PROBE_MOUNT_API] = { "mount-api", try_mount_api },
	[PROBE_MOUNT_SETATTR] = { "mount-setattr", try_mount_setattr },
	[PROBE_PROC_SUBSET] = { "proc-subset", try_proc_subset },
	[PROBE_OVERLAY_APPEND] = { "overlay-append", try_overlay_append },
	[PROBE_TIME_NS] = { "time-namespace", try_time_ns },
	[PROBE_CGROUP_NS] = { "cgroup-namespace", try_cgroup_ns },
	[PROBE_USER_NS] = { "user-namespace", try_user_ns },
};

/* The one cache. Every thread computes the same answer, so that a race only costs a second probe. */
static struct {
	atomic_uint known, have, masked;
} cache;

bool probe_has(enum probe p)
{
	uint32_t bit = 1u << p;

	if (cache.masked & bit)
		return false;
	if (!(cache.known & bit)) {
		if (probes[p].try())
			cache.have |= bit;
		cache.known |= bit;
	}
	return cache.have & bit;
}

const char *probe_name(enum probe p)
{
	return probes[p].name;
}

uint32_t probe_mask(uint32_t mask)
{
	return atomic_exchange(&cache.masked, mask);
}
