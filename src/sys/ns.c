/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/ns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "sys/inroot.h"
#include "sys/syscalls.h"

const struct ns_info ns_table[] = {
	{ "user", CLONE_NEWUSER },     { "mnt", CLONE_NEWNS },	  { "pid", CLONE_NEWPID },
	{ "uts", CLONE_NEWUTS },       { "ipc", CLONE_NEWIPC },	  { "net", CLONE_NEWNET },
	{ "cgroup", CLONE_NEWCGROUP }, { "time", CLONE_NEWTIME }, { 0 },
};

static bool is_pid(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* One text for every way in which TARGET is not what was asked for: the caller may act for somebody who may not learn
 * which files exist. */
static int not_a_ns(const char *target, const struct ns_info *ns, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "%s is no %s name space", target, ns->name);
}

static int open_verified(const char *path, const char *target, const struct ns_info *ns, struct err *e)
{
	/* O_PATH first: what lies at a path from outside may be a device, whose opening does things. */
	_cleanup_close_ int at = open(path, O_PATH | O_CLOEXEC), fd = -EBADF;
	struct statfs fs;
	int type;

	if (at < 0 || fstatfs(at, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return not_a_ns(target, ns, e);
	fd = inroot_reopen(at, O_RDONLY);
	if (fd < 0)
		return err_set(e, fd, "open %s", target);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return err_set(e, -errno, "type of name space %s", target);
	if ((unsigned)type != ns->flag)
		return not_a_ns(target, ns, e);
	return TAKE_FD(fd);
}

int ns_open_pid(pid_t pid, const struct ns_info *ns, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, ns->name);
	return open_verified(path, path, ns, e);
}

int ns_open(const char *target, const struct ns_info *ns, struct err *e)
{
	char path[64];

	if (is_pid(target)) {
		if (snprintf(path, sizeof(path), "/proc/%s/ns/%s", target, ns->name) >= (int)sizeof(path))
			return not_a_ns(target, ns, e);
		return open_verified(path, path, ns, e);
	}
	if (*target != '/')
		return not_a_ns(target, ns, e);
	return open_verified(target, target, ns, e);
}

int ns_ino(pid_t pid, const struct ns_info *ns, ino_t *ret)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, ns->name);
	if (stat(path, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}
