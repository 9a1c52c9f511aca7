/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nodes, links and directories anywhere in the container's root: each parent resolved in the root to an fd, once. */

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/ops.h"
#include "runtime/run.h"
#include "sys/inroot.h"
#include "sys/mount.h"

static void describe_ab(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s%s%s", op->args.a ?: "", op->args.b ? " -> " : "", op->args.b ?: "");
}

/* --- devices ---------------------------------------------------------------------------------------------------------- */

static char type_of(uint32_t mode)
{
	return S_ISBLK(mode) ? 'b' : S_ISFIFO(mode) ? 'p' : 'c';
}

static void device_describe(const struct op *op, struct buf *out)
{
	const struct op_device *d = op->device;

	buf_printf(out, "%s %c %u:%u %04o %u:%u", d->path, type_of(d->mode), d->major, d->minor, d->mode & 07777,
		   d->uid, d->gid);
}

/* On the host: a node in the run directory, and going with it. That nobody could open it there (nodev) is of the mount,
 * not of the node. */
static int device_make_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct op_device *d = op->device;
	char name[32];
	int fd = -EBADF;

	snprintf(name, sizeof(name), "device-%d", d->slot);
	(void)unlinkat(run->dirfd, name, 0);
	/* Who may not is given the host's, if that is the right one. */
	if (mknodat(run->dirfd, name, d->mode, makedev(d->major, d->minor)) < 0)
		return 0;
	/* The caller's umask is still in force here. */
	if (fchmodat(run->dirfd, name, d->mode & 07777, 0) == 0 &&
	    fchownat(run->dirfd, name, d->host_uid, d->host_gid, AT_SYMLINK_NOFOLLOW) == 0)
		fd = mount_clone(run->dirfd, name, false, NULL);
	if (fd >= 0 && mount_set(fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_RDONLY, 0,
				 false, NULL) < 0)
		fd = fd_close(fd);
	run->slots[d->slot] = fd;
	return 0;
}

const struct op_kind op_device_make = { "device.make", device_describe, device_make_apply };

static int device_place(int mnt, int parent, const char *name, const struct op_device *d, struct err *e)
{
	_cleanup_close_ int target = inroot_make_file(parent, name, 0666);

	return target < 0 ? err_set(e, target, "device %s: create it in the container", d->path)
			  : mount_attach(mnt, target, e);
}

/* The host's node of the same name, after a look that it is the right device. */
static int device_bind(const struct op_device *d, int parent, const char *name, struct err *e)
{
	_cleanup_close_ int src = open(d->path, O_PATH | O_CLOEXEC | O_NOFOLLOW), mnt = -EBADF;
	struct stat st;

	if (src < 0 || fstat(src, &st) < 0)
		return err_set(e, -errno, "device %s: open the host's", d->path);
	if ((st.st_mode & S_IFMT) != (d->mode & S_IFMT) || st.st_rdev != makedev(d->major, d->minor))
		return err_kind(e, ERR_STATE, -ENODEV, "device %s: the host's is not %c %u:%u", d->path,
				type_of(d->mode), d->major, d->minor);
	mnt = mount_clone_device(src, e);
	return mnt < 0 ? mnt : device_place(mnt, parent, name, d, e);
}

static int device_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct op_device *d = op->device;
	_cleanup_close_ int parent = -EBADF;
	const char *name;

	parent = inroot_open_parent(run->root_fd, d->path, true, &name);
	if (parent < 0)
		return err_set(e, parent, "device %s: open the directory in the container", d->path);
	if (!run->plan->in_userns || S_ISFIFO(d->mode)) {
		if (mknodat(parent, name, d->mode, makedev(d->major, d->minor)) == 0) {
			if (fchownat(parent, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
				return err_set(e, -errno, "device %s: give it to %u:%u", d->path, d->uid, d->gid);
			return 0;
		}
		if (errno == EEXIST)
			return 0;
		if ((errno != EPERM && errno != EACCES) || S_ISFIFO(d->mode))
			return err_set(e, -errno, "device %s: create it", d->path);
	}
	if (d->slot >= 0 && run->slots[d->slot] >= 0) {
		_cleanup_close_ int made = TAKE_FD(run->slots[d->slot]);

		return device_place(made, parent, name, d, e);
	}
	return device_bind(d, parent, name, e);
}

const struct op_kind op_device = { "device", device_describe, device_apply };

/* --- links: a path, b target ---------------------------------------------------------------------------------------- */

static int symlink_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int parent = -EBADF;
	const char *name;

	parent = inroot_open_parent(run->root_fd, op->args.a, true, &name);
	if (parent < 0)
		return err_set(e, parent, "link %s: open the directory in the container", op->args.a);
	if (symlinkat(op->args.b, parent, name) < 0 && errno != EEXIST)
		return err_set(e, -errno, "link %s to %s", op->args.a, op->args.b);
	return 0;
}

const struct op_kind op_symlink = { "link", describe_ab, symlink_apply };

/* Of a kernel that has it. */
static int core_link_apply(const struct op *op, struct run *run, struct err *e)
{
	if (access("/proc/kcore", F_OK) < 0)
		return 0;
	if (symlinkat("/proc/kcore", run->dev_fd, "core") < 0 && errno != EEXIST)
		return err_set(e, -errno, "link /dev/core");
	return 0;
}

const struct op_kind op_core_link = { "dev.core", describe_ab, core_link_apply };

/* The multiplexer of the container's own devpts, in place of whatever is there. */
static int ptmx_apply(const struct op *op, struct run *run, struct err *e)
{
	if (unlinkat(run->dev_fd, "ptmx", 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "replace /dev/ptmx");
	return symlinkat("pts/ptmx", run->dev_fd, "ptmx") < 0 ? err_set(e, -errno, "link /dev/ptmx") : 0;
}

const struct op_kind op_ptmx = { "dev.ptmx", describe_ab, ptmx_apply };

static int pts_open_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int fd = inroot_open_nolinks(run->dev_fd, "pts", O_DIRECTORY);
	struct statfs sf;

	if (fd >= 0 && fstatfs(fd, &sf) == 0 && sf.f_type == DEVPTS_SUPER_MAGIC) {
		run->devpts_fd = TAKE_FD(fd);
		return 0;
	}
	err_kind(e, ERR_INVALID, -ENODEV, "a terminal is asked for, but no devpts is mounted on /dev/pts");
	return err_hint(e, -ENODEV, "mount one there, with the option newinstance");
}

const struct op_kind op_pts_open = { "dev.pts", describe_ab, pts_open_apply };

/* --- directories: a path, n mode ------------------------------------------------------------------------------------ */

static int make_dir_apply(const struct op *op, struct run *run, struct err *e)
{
	int fd = inroot_make_dirs(run->root_fd, op->args.a, (mode_t)op->args.n);

	/* It may be there in a form that only its user may enter: who becomes that user sees. */
	if (fd < 0 && fd != -EACCES && fd != -EPERM)
		return err_set(e, fd, "create %s in the container", op->args.a);
	fd_close(fd);
	return 0;
}

const struct op_kind op_make_dir = { "dir", describe_ab, make_dir_apply };
