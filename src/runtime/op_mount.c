/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The container's mounts, made by its first process. A target is resolved once, in the root, to an fd (sys/inroot.h);
 * the mount is made detached, given its attributes, and moved onto that fd. No path of the container reaches the kernel
 * as a string, and nothing here allocates.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"
#include "runtime/ops.h"
#include "runtime/run.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

static void describe_a(const struct op *op, struct buf *out)
{
	buf_puts(out, op->args.a ?: "");
}

/* --- propagation: what the host mounts still arrives, what we mount never leaves ------------------------------------ */

static void private_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "all mounts become slaves of the host's");
}

static int private_apply(const struct op *op, struct run *run, struct err *e)
{
	struct mount_attr attr = { .propagation = MS_SLAVE };
	int r = sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr);

	if (r == -EINVAL || r == -ENOSYS)
		r = sys_mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL);
	return r < 0 ? err_set(e, r, "make / a slave mount") : 0;
}

const struct op_kind op_private = { "mount.slave", private_describe, private_apply };

/* --- the root: a place, n slot ------------------------------------------------------------------------------------- */

static void root_attach_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s on %s", op->args.b, op->args.a);
}

static int root_attach_apply(const struct op *op, struct run *run, struct err *e)
{
	int fd = run->slots[op->args.n], r;

	r = sys_move_mount(fd, "", AT_FDCWD, op->args.a, MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return err_set(e, r, "attach the root file system %s to %s", op->args.b, op->args.a);
	run->root_fd = fd;
	run->slots[op->args.n] = -EBADF;
	return 0;
}

const struct op_kind op_root_attach = { "root.attach", root_attach_describe, root_attach_apply };

static void root_host_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "the host's root, shared");
}

static int root_host_apply(const struct op *op, struct run *run, struct err *e)
{
	run->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return run->root_fd < 0 ? err_set(e, -errno, "open /") : 0;
}

const struct op_kind op_root_host = { "root.host", root_host_describe, root_host_apply };

/* --- one mount ------------------------------------------------------------------------------------------------------ */

static void mount_describe(const struct op *op, struct buf *out)
{
	const struct op_mount *m = op->mount;

	buf_printf(out, "%s %s on %s", m->bind ? (m->recursive ? "rbind" : "bind") : m->fstype ?: "none",
		   m->sub ?: m->source ?: "none", m->target);
	if (m->attr_set & MOUNT_ATTR_RDONLY || m->sb_ro)
		buf_puts(out, " ro");
	if (m->attr_set & MOUNT_ATTR_NOSUID)
		buf_puts(out, " nosuid");
	if (m->attr_set & MOUNT_ATTR_NODEV)
		buf_puts(out, " nodev");
	if (m->attr_set & MOUNT_ATTR_NOEXEC)
		buf_puts(out, " noexec");
	if (m->data && *m->data)
		buf_printf(out, " (%s)", m->data);
	if (m->optional)
		buf_puts(out, " optional");
}

static int open_target(const struct op_mount *m, struct run *run)
{
	int fd = m->nolinks ? inroot_open_nolinks(run->root_fd, m->target, 0)
			    : inroot_open_path(run->root_fd, m->target, 0);

	if (fd == -ENOENT && m->create == 'd')
		fd = inroot_make_dirs(run->root_fd, m->target, 0755);
	else if (fd == -ENOENT && m->create == 'f')
		fd = inroot_make_file(run->root_fd, m->target, 0644);
	return fd;
}

static int open_source(const struct op_mount *m, struct run *run, struct err *e)
{
	_cleanup_close_ int src = -EBADF;
	int fd;

	if (m->sub) {
		src = inroot_open_path(run->root_fd, m->sub, 0);
		if (src < 0)
			return err_set(e, src, "open %s in the container", m->sub);
		return mount_clone(src, "", m->recursive, e);
	}
	if (m->bind)
		return mount_clone(AT_FDCWD, m->source, m->recursive, e);
	fd = mount_new(m->fstype, m->source, m->data, m->attr_set, m->sb_ro, e);
	if (fd < 0 && m->fallback_bind && (fd == -EPERM || fd == -EBUSY)) {
		err_clear(e);
		fd = mount_clone(AT_FDCWD, m->source, true, e);
	}
	return fd;
}

static int mount_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct op_mount *m = op->mount;
	_cleanup_close_ int target = -EBADF, fd = -EBADF;
	int r;

	if (m->slot >= 0)
		fd = TAKE_FD(run->slots[m->slot]);
	else
		fd = open_source(m, run, e);
	if (fd < 0)
		return m->optional ? (err_clear(e), 0)
				   : err_wrap(e, fd, "mount %s on %s", m->source ?: m->fstype, m->target);
	target = open_target(m, run);
	if (target < 0) {
		if (m->optional)
			return 0;
		err_set(e, target, "mount target %s in the container", m->target);
		if (target == -ENOENT)
			err_hint(e, target, "add create=dir or create=file to the mount's options");
		else if (target == -ELOOP || target == -EXDEV)
			err_hint(e, target, "the path leads through a symbolic link, which is refused here");
		return target;
	}
	r = mount_set(fd, m->attr_set, m->attr_clr, m->propagation, m->propagation_rec, e);
	if (r == 0 && (m->rattr_set || m->rattr_clr))
		r = mount_set(fd, m->rattr_set, m->rattr_clr, 0, true, e);
	if (r == 0)
		r = mount_attach(fd, target, e);
	if (r < 0)
		return m->optional ? (err_clear(e), 0)
				   : err_wrap(e, r, "mount %s on %s", m->source ?: m->fstype, m->target);
	return 0;
}

const struct op_kind op_mount = { "mount", mount_describe, mount_apply };

/* --- pivot ------------------------------------------------------------------------------------------------------------ */

static void pivot_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "into the root; the host's is detached");
}

static int pivot_apply(const struct op *op, struct run *run, struct err *e)
{
	int r;

	if (fchdir(run->root_fd) < 0)
		return err_set(e, -errno, "enter the root file system");
	/* The old root lands on top of the new one, so one umount of "." reveals it: no put_old directory is needed. */
	r = sys_pivot_root(".", ".");
	if (r < 0)
		return err_set(e, r, "pivot_root");
	r = sys_umount2(".", MNT_DETACH);
	if (r < 0)
		return err_set(e, r, "detach the host's root");
	if (chdir("/") < 0)
		return err_set(e, -errno, "change to /");
	return 0;
}

const struct op_kind op_pivot = { "pivot", pivot_describe, pivot_apply };

static void root_ro_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "the root becomes read-only");
}

static int root_ro_apply(const struct op *op, struct run *run, struct err *e)
{
	return mount_set(run->root_fd, MOUNT_ATTR_RDONLY, 0, 0, false, e);
}

const struct op_kind op_root_ro = { "root.readonly", root_ro_describe, root_ro_apply };

/* --- masked and read-only paths: a path ---------------------------------------------------------------------------- */

static int mask_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int target = inroot_open_path(run->root_fd, op->args.a, 0), fd = -EBADF;
	struct stat st;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return err_set(e, target < 0 ? target : -errno, "mask %s", op->args.a);
	if (S_ISDIR(st.st_mode)) {
		fd = mount_new("tmpfs", "tmpfs", "size=0k,mode=000", MOUNT_ATTR_RDONLY, true, e);
	} else {
		/* The device itself is checked, not its name: the container's /dev/null may be anything (CVE-2025-31133). */
		fd = mount_clone(run->null_fd, "", false, e);
	}
	if (fd < 0)
		return err_wrap(e, fd, "mask %s", op->args.a);
	return mount_attach(fd, target, e);
}

const struct op_kind op_mask = { "mask", describe_a, mask_apply };

static int readonly_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int target = inroot_open_path(run->root_fd, op->args.a, 0), fd = -EBADF;
	int r;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_set(e, target, "make %s read-only", op->args.a);
	fd = mount_clone(target, "", true, e);
	if (fd < 0)
		return err_wrap(e, fd, "make %s read-only", op->args.a);
	r = mount_set(fd, MOUNT_ATTR_RDONLY, 0, 0, true, e);
	return r < 0 ? err_wrap(e, r, "make %s read-only", op->args.a) : mount_attach(fd, target, e);
}

const struct op_kind op_readonly = { "readonly", describe_a, readonly_apply };
