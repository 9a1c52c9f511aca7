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
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"
#include "base/file.h"
#include "runtime/child.h"
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

/* n: nothing arrives either */
static void private_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, op->args.n ? "all mounts become private" : "all mounts become slaves of the host's");
}

static int private_apply(const struct op *op, struct run *run, struct err *e)
{
	unsigned long flag = op->args.n ? MS_PRIVATE : MS_SLAVE;
	struct mount_attr attr = { .propagation = flag };
	int r = sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &attr);

	if (r == -EINVAL || r == -ENOSYS)
		r = sys_mount(NULL, "/", NULL, flag | MS_REC, NULL);
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
	int fd = run->slots[op->args.n], r = -ENOENT;

	/* m: over itself, where hooks of the host's side look for it by the bundle's path, and join us to mount there. Not
	 * every user may reach that. */
	if (op->args.m)
		r = sys_move_mount(fd, "", AT_FDCWD, op->args.b + strlen("dir:"), MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		r = sys_move_mount(fd, "", AT_FDCWD, op->args.a, MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return err_set(e, r, "attach the root file system %s to %s", op->args.b ?: "", op->args.a);
	run->root_fd = fd;
	run->slots[op->args.n] = -EBADF;
	return 0;
}

const struct op_kind op_root_attach = { "root.attach", root_attach_describe, root_attach_apply };

/* The same in the host's own mount name space, where the container has none: at a place of this container alone. */
static int root_place_apply(const struct op *op, struct run *run, struct err *e)
{
	if (mkdir(op->args.a, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "create %s", op->args.a);
	return root_attach_apply(op, run, e);
}

const struct op_kind op_root_place = { "root.place", describe_a, root_place_apply };

static void root_over_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s over the root of the mounts that are joined", op->args.b);
}

/* Whoever lives there keeps his root: he sees what lies over it as little as we see what lies under it. */
static int root_over_apply(const struct op *op, struct run *run, struct err *e)
{
	struct mount_attr attr = { .propagation = MS_SLAVE };
	int fd = run->slots[op->args.n], r;

	/* If it has peers elsewhere they shall have none of this. */
	r = sys_mount_setattr(AT_FDCWD, "/", 0, &attr);
	if (r == 0)
		r = sys_move_mount(fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
	if (r < 0)
		return err_set(e, r, "attach the root file system %s in the mount name space that is joined",
			       op->args.b);
	run->root_fd = fd;
	run->slots[op->args.n] = -EBADF;
	return 0;
}

const struct op_kind op_root_over = { "root.over", root_over_describe, root_over_apply };

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
	if (!isempty(m->context ?: m->data))
		buf_printf(out, " (%s)", m->context ?: m->data);
	if (m->label)
		buf_printf(out, " label=%s", m->label);
	if (m->remount)
		buf_puts(out, " remount");
	if (m->copy_up)
		buf_puts(out, " with what is there");
	if (m->optional)
		buf_puts(out, " optional");
}

static int look_target(const struct op_mount *m, struct run *run)
{
	return m->nolinks ? inroot_open_nolinks(run->root_fd, m->target, 0)
			  : inroot_open_path(run->root_fd, m->target, 0);
}

/* SRC: what will lie there. *RET_MADE: it was not there before. */
static int open_target(const struct op_mount *m, struct run *run, int src, bool *ret_made)
{
	char create = m->create;
	int fd = look_target(m, run);
	struct stat st;

	*ret_made = fd == -ENOENT && create;
	if (!*ret_made)
		return fd;
	if (create == 's')
		create = fstat(src, &st) == 0 && !S_ISDIR(st.st_mode) ? 'f' : 'd';
	return inroot_make(run->root_fd, m->target, create == 'd' ? 0755 : 0644, create == 'd', m->nolinks);
}

static bool is_procfs(int fd)
{
	struct statfs sf;

	return fstatfs(fd, &sf) == 0 && sf.f_type == PROC_SUPER_MAGIC;
}

/* Nothing may stand in for /proc or a part of it: what is written there has power, and what is read is believed
 * (CVE-2019-16884, CVE-2025-52881). By what the target is, and by its name while no procfs is there yet. */
static int guard_proc(const struct op_mount *m, int target, int src, struct err *e)
{
	const char *rest = startswith(m->target, "/proc");

	if (!m->guard_proc || m->on_proc)
		return 0;
	if (rest && !rest[strspn(rest, "/")])
		return is_procfs(src) ? 0
				      : err_kind(e, ERR_DENIED, -EPERM,
						 "\"%s\" cannot be mounted because it is not of type proc", m->target);
	if ((rest && *rest == '/') || is_procfs(target))
		return err_kind(e, ERR_DENIED, -EPERM, "\"%s\" cannot be mounted because it is inside /proc",
				m->target);
	return 0;
}

static int target_error(const struct op_mount *m, int r, struct err *e)
{
	if (m->nolinks && (r == -ELOOP || r == -ENOTDIR))
		return err_kind(e, ERR_DENIED, r, "filesystem \"%s\" must be mounted on ordinary directory %s",
				m->fstype ?: "none", m->target);
	err_set(e, r, "mount target %s in the container", m->target);
	if (r == -ENOENT)
		err_hint(e, r, "add create=dir or create=file to the mount's options");
	else if (r == -ELOOP || r == -EXDEV)
		err_hint(e, r, "the path leads through a symbolic link, which is refused here");
	return r;
}

/* The clone of the caller's own group in the hierarchy NAME, which is mounted at PLACE. */
static int open_own_group(const char *place, const char *name, struct err *e)
{
	char text[16384], path[4096], *save = NULL;
	ssize_t n = file_read_small(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));

	if (n < 0)
		return err_set(e, (int)n, "read /proc/self/cgroup");
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *names = strchr(line, ':'), *group = names ? strchr(names + 1, ':') : NULL;

		if (!group)
			continue;
		*group++ = '\0';
		if (!streq(names + 1, name) || startswith(group, "/.."))
			continue;
		if (snprintf(path, sizeof(path), "%s%s", place, group) >= (int)sizeof(path))
			return err_set(e, -ENAMETOOLONG, "control group %s", group);
		return mount_clone(AT_FDCWD, path, false, e);
	}
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "no control group of the container's in %s", place);
}

/* *RET_ATTRS: with the attributes that it is to have. */
static int open_source(const struct op_mount *m, struct run *run, bool *ret_attrs, struct err *e)
{
	_cleanup_close_ int src = -EBADF;
	int fd;

	if (m->sub) {
		src = inroot_open_path(run->root_fd, m->sub, 0);
		if (src < 0)
			return err_set(e, src, "open %s in the container", m->sub);
		return mount_clone(src, "", m->recursive, e);
	}
	if (m->own_group)
		return open_own_group(m->source, m->own_group, e);
	if (m->bind)
		return mount_clone(AT_FDCWD, m->source, m->recursive, e);
	*ret_attrs = !m->keep_mode && !m->copy_up;
	/* Read-only later, where something is written into it first. */
	fd = mount_new(m->fstype, m->source, m->context && run->lsm == LSM_SELINUX ? m->context : m->data,
		       m->keep_mode || m->copy_up ? m->attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY : m->attr_set, m->sb_ro,
		       e);
	if (fd < 0 && m->fallback && (fd == -EPERM || fd == -EBUSY)) {
		err_clear(e);
		*ret_attrs = false;
		fd = mount_clone(AT_FDCWD, m->fallback, true, e);
	}
	return fd;
}

/* Each for itself: a propagation of the whole tree makes no "ro" of the whole tree. OWN: its own attributes, too. */
static int set_attributes(const struct op_mount *m, int fd, bool own, struct err *e)
{
	int r = own ? mount_set(fd, m->attr_set, m->attr_clr, 0, false, e) : 0;

	if (r == 0)
		r = mount_set(fd, 0, 0, m->propagation, m->propagation_rec, e);
	if (r == 0)
		r = mount_set(fd, m->rattr_set, m->rattr_clr, 0, true, e);
	return r;
}

/* Of what is mounted there already. */
static int remount(const struct op_mount *m, struct run *run, struct err *e)
{
	_cleanup_close_ int target = look_target(m, run);
	int r = 0;

	if (target < 0)
		return target_error(m, target, e);
	if (!m->bind)
		r = mount_reconfigure(target, m->fstype ?: "none", m->data, m->sb_ro, e);
	/* A user name space may not change the file system; what it may is the mount. */
	if (r == -EPERM && (run->plan->in_userns || run->opts->rootless)) {
		err_clear(e);
		r = 0;
	}
	if (r == 0)
		r = set_attributes(m, target, true, e);
	return r < 0 ? err_wrap(e, r, "remount %s", m->target) : 0;
}

/* What the new file system takes over from the directory that it covers. */
static int inherit(const struct op_mount *m, int target, int mnt, struct err *e)
{
	struct stat st;
	int r;

	if (m->keep_mode && fstat(target, &st) == 0 && S_ISDIR(st.st_mode) &&
	    fchmodat(mnt, ".", st.st_mode & 07777, 0) < 0)
		return err_set(e, -errno, "mode of %s", m->target);
	if (!m->copy_up)
		return 0;
	r = copy_up(target, mnt);
	return r < 0 ? err_set(e, r, "copy what is in %s", m->target) : 0;
}

static int set_label(const struct op_mount *m, int mnt, struct err *e)
{
	_cleanup_close_ int root = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root < 0 || fsetxattr(root, "security.selinux", m->label, strlen(m->label), 0) < 0)
		return err_set(e, -errno, "linux.mountLabel: label %s with %s", m->target, m->label);
	return 0;
}

/* HAS_ATTRS: FD was made with its attributes. */
static int place(const struct op_mount *m, struct run *run, int fd, bool has_attrs, struct err *e)
{
	_cleanup_close_ int target = -EBADF;
	bool made;
	int r;

	target = open_target(m, run, fd, &made);
	if (target < 0)
		return target_error(m, target, e);
	r = guard_proc(m, target, fd, e);
	if (r == 0 && !made)
		r = inherit(m, target, fd, e);
	if (r == 0 && m->label && run->lsm == LSM_SELINUX)
		r = set_label(m, fd, e);
	if (r == 0)
		r = set_attributes(m, fd, !has_attrs, e);
	if (r == 0)
		r = mount_attach(fd, target, e);
	return r < 0 && e && e->kind == ERR_SYSTEM ? err_wrap(e, r, "mount %s on %s", m->source ?: m->fstype, m->target)
						   : r;
}

static int mount_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct op_mount *m = op->mount;
	_cleanup_close_ int fd = -EBADF;
	bool has_attrs = false;
	int r;

	if (m->remount)
		return remount(m, run, e);
	if (m->slot >= 0)
		fd = TAKE_FD(run->slots[m->slot]);
	else
		fd = open_source(m, run, &has_attrs, e);
	if (fd < 0)
		return m->optional ? (err_clear(e), 0)
				   : err_wrap(e, fd, "mount %s on %s", m->source ?: m->fstype, m->target);
	r = place(m, run, fd, has_attrs, e);
	return r < 0 && m->optional ? (err_clear(e), 0) : r;
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

static void chroot_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "to the root, the mounts being the host's");
}

static int chroot_apply(const struct op *op, struct run *run, struct err *e)
{
	if (fchdir(run->root_fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_set(e, -errno, "change to the root file system");
	return 0;
}

const struct op_kind op_chroot = { "chroot", chroot_describe, chroot_apply };

static void move_root_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "the root is moved over the host's, and changed to");
}

/* a: a procfs or sysfs of the host's; what cannot be unmounted is covered */
static int hide_apply(const struct op *op, struct run *run, struct err *e)
{
	int r = sys_umount2(op->args.a, MNT_DETACH);

	if (r == -EINVAL || r == -EPERM)
		r = sys_mount("tmpfs", op->args.a, "tmpfs", 0, NULL);
	return r < 0 && r != -ENOENT && r != -ENOTDIR ? err_set(e, r, "hide the host's %s", op->args.a) : 0;
}

const struct op_kind op_hide = { "mount.hide", describe_a, hide_apply };

/* Where the host's root cannot be pivoted. What lies under the new root is out of reach for who may not change his root
 * again; what a user name space would take for proof that it may mount its own is hidden by then. */
static int move_root_apply(const struct op *op, struct run *run, struct err *e)
{
	int r;

	if (fchdir(run->root_fd) < 0)
		return err_set(e, -errno, "enter the root file system");
	r = sys_mount(".", "/", NULL, MS_MOVE, NULL);
	if (r < 0)
		return err_set(e, r, "move the root file system over /");
	if (chroot(".") < 0 || chdir("/") < 0)
		return err_set(e, -errno, "change to the root file system");
	return 0;
}

const struct op_kind op_move_root = { "root.move", move_root_describe, move_root_apply };

/* a: propagation of the root, by its word in mount options */
static int propagation_apply(const struct op *op, struct run *run, struct err *e)
{
	const char *word = op->args.a + (*op->args.a == 'r');
	uint64_t flag = streq(word, "shared")	    ? MS_SHARED
			: streq(word, "slave")	    ? MS_SLAVE
			: streq(word, "unbindable") ? MS_UNBINDABLE
						    : MS_PRIVATE;
	struct mount_attr attr = { .propagation = flag };
	int r = sys_mount_setattr(AT_FDCWD, "/", *op->args.a == 'r' ? AT_RECURSIVE : 0, &attr);

	return r < 0 ? err_set(e, r, "make the root file system %s", op->args.a) : 0;
}

const struct op_kind op_propagation = { "root.propagation", describe_a, propagation_apply };

/* a: a mount that is filled by now */
static int mount_ro_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int fd = inroot_open_nolinks(run->root_fd, op->args.a, O_DIRECTORY);
	int r = fd < 0 ? err_set(e, fd, "open %s", op->args.a) : mount_set(fd, MOUNT_ATTR_RDONLY, 0, 0, false, e);

	return r < 0 ? err_wrap(e, r, "make %s read-only", op->args.a) : 0;
}

const struct op_kind op_mount_ro = { "mount.readonly", describe_a, mount_ro_apply };

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

static void mask_describe(const struct op *op, struct buf *out)
{
	const char *context = strstr(op->args.b, "context=");

	buf_printf(out, "%s%s%s%s", op->args.a, context ? " (" : "", context ?: "", context ? ")" : "");
}

/* One empty file system covers all directories. */
static int mask_directory(const struct op *op, struct run *run, struct err *e)
{
	if (run->mask_fd >= 0)
		return mount_clone(run->mask_fd, "", false, e);
	run->mask_fd = mount_new("tmpfs", "tmpfs", run->lsm == LSM_SELINUX ? op->args.b : "size=0k,mode=755",
				 MOUNT_ATTR_RDONLY, true, e);
	return run->mask_fd < 0 ? run->mask_fd : fcntl(run->mask_fd, F_DUPFD_CLOEXEC, 3);
}

static int mask_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int target = inroot_open_path(run->root_fd, op->args.a, 0), fd = -EBADF;
	struct stat st;

	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0 || fstat(target, &st) < 0)
		return err_set(e, target < 0 ? target : -errno, "mask %s", op->args.a);
	if (S_ISDIR(st.st_mode)) {
		fd = mask_directory(op, run, e);
	} else {
		/* The device itself is checked, not its name: the container's /dev/null may be anything (CVE-2025-31133). */
		fd = mount_clone_device(run->null_fd, e);
	}
	if (fd < 0)
		return err_wrap(e, fd, "mask %s", op->args.a);
	return mount_attach(fd, target, e);
}

const struct op_kind op_mask = { "mask", mask_describe, mask_apply };

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
