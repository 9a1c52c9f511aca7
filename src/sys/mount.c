/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/syscalls.h"

/* The kernel's own limit for a string given to fsconfig(2), with its NUL. */
#define FS_VALUE_MAX 256

/* What the kernel has to say about a refused option is read from the context: "e tmpfs: Bad value for 'size'". */
int mount_fs_error(int fs_fd, int r, const char *fstype, const char *what, struct err *e)
{
	char msg[256], line[256];
	ssize_t n;

	if (!e)
		return r;
	msg[0] = '\0';
	while ((n = read(fs_fd, line, sizeof(line) - 1)) > 0) {
		line[n] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (startswith(line, "e ") || startswith(line, "w "))
			memcpy(msg, line + 2, strlen(line + 2) + 1);
	}
	if (msg[0])
		return err_set(e, r, "mount %s (%s): %s", fstype, what, msg);
	return err_set(e, r, "mount %s (%s)", fstype, what);
}

/* One option, "key=value" or "flag", of LEN bytes. */
static int fs_option(int fs_fd, const char *fstype, const char *word, size_t len, struct err *e)
{
	char buf[2 * FS_VALUE_MAX], *eq;
	size_t n = 0;
	int r;

	for (size_t i = 0; i < len; i++) {
		/* "\," is a comma of the value; quotes only group. */
		if (word[i] == '"' || (word[i] == '\\' && i + 1 < len && word[i + 1] == ','))
			continue;
		if (n + 1 >= sizeof(buf))
			return err_kind(e, ERR_LIMIT, -E2BIG, "mount option %.32s… is too long", word);
		buf[n++] = word[i];
	}
	buf[n] = '\0';
	eq = strchr(buf, '=');
	if (!eq) {
		r = sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, buf, NULL, 0);
	} else {
		*eq = '\0';
		if (strlen(eq + 1) >= FS_VALUE_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "mount option %s: the value is longer than %d bytes", buf,
					FS_VALUE_MAX - 1);
		r = sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, buf, eq + 1, 0);
		*eq = '=';
	}
	return r < 0 ? mount_fs_error(fs_fd, r, fstype, buf, e) : 0;
}

int mount_fs_options(int fs_fd, const char *fstype, const char *data, struct err *e)
{
	for (const char *p = data; *p;) {
		size_t len = mount_opt_len(p);
		int r = len ? fs_option(fs_fd, fstype, p, len, e) : 0;

		if (r < 0)
			return r;
		p += len;
		if (*p)
			p++;
	}
	return 0;
}

int mount_open_fs(const char *fstype, struct err *e)
{
	int r = sys_fsopen(fstype, FSOPEN_CLOEXEC);

	if (r >= 0)
		return r;
	switch (r) {
	case -ENODEV:
		err_kind(e, ERR_MISSING, r, "the kernel has no file system '%s'", fstype);
		return err_hint(e, r, "load its module: modprobe %s", fstype);
	case -ENOSYS:
		err_kind(e, ERR_MISSING, r, "the kernel has no fsopen(2), which needs Linux 5.2");
		return err_hint(e, r, "run a newer kernel");
	default:
		return err_set(e, r, "open file system %s", fstype);
	}
}

int mount_new(const char *fstype, const char *source, const char *data, uint64_t attrs, bool sb_ro, struct err *e)
{
	_cleanup_close_ int fs_fd = mount_open_fs(fstype, e);
	int r;

	if (fs_fd < 0)
		return fs_fd;
	if (source) {
		if (strlen(source) >= FS_VALUE_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "mount %s: the source is longer than %d bytes", fstype,
					FS_VALUE_MAX - 1);
		r = sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0);
		if (r < 0)
			return mount_fs_error(fs_fd, r, fstype, source, e);
	}
	if (sb_ro) {
		r = sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0);
		if (r < 0)
			return mount_fs_error(fs_fd, r, fstype, "ro", e);
	}
	r = mount_fs_options(fs_fd, fstype, data ?: "", e);
	if (r < 0)
		return r;
	r = mount_finish(fs_fd, fstype, source ?: "none", attrs, e);
	/* A file system without the new API looks at its options only here, and names none. */
	if (r == -EINVAL && !isempty(data))
		err_hint(e, r, "%s may not know all of these options: %s", fstype, data);
	return r;
}

int mount_finish(int fs_fd, const char *fstype, const char *source, uint64_t attrs, struct err *e)
{
	int r = sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);

	if (r < 0)
		return mount_fs_error(fs_fd, r, fstype, source, e);
	r = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)attrs);
	return r < 0 ? mount_fs_error(fs_fd, r, fstype, source, e) : r;
}

int mount_clone(int dirfd, const char *path, bool recursive, struct err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd;

	if (recursive)
		flags |= AT_RECURSIVE;
	if (!*path)
		flags |= AT_EMPTY_PATH;
	fd = sys_open_tree(dirfd, path, flags);
	if (fd < 0)
		return err_set(e, fd, "clone the mount of %s", *path ? path : "a directory");
	return fd;
}

static int setattr(int mnt_fd, struct mount_attr *attr, bool recursive)
{
	return sys_mount_setattr(mnt_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attr);
}

static int no_setattr(int r, const char *what, struct err *e)
{
	if (r != -ENOSYS)
		return err_set(e, r, "%s", what);
	err_kind(e, ERR_MISSING, r, "%s: the kernel has no mount_setattr(2), which needs Linux 5.12", what);
	return err_hint(e, r, "run a newer kernel");
}

int mount_set(int mnt_fd, uint64_t set, uint64_t clr, uint64_t propagation, bool recursive, struct err *e)
{
	struct mount_attr attr = { .attr_set = set, .attr_clr = clr, .propagation = propagation };
	int r;

	if (!set && !clr && !propagation)
		return 0;
	/* A mode in the atime field is refused unless the whole field is cleared in the same call. */
	if (set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	r = setattr(mnt_fd, &attr, recursive);
	return r < 0 ? no_setattr(r, "set mount attributes", e) : 0;
}

int mount_clone_device(int fd, struct err *e)
{
	_cleanup_close_ int mnt = mount_clone(fd, "", false, e);
	int r;

	if (mnt < 0)
		return mnt;
	r = mount_set(mnt, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, 0, false, e);
	return r < 0 ? r : TAKE_FD(mnt);
}

int mount_idmap(int mnt_fd, int userns_fd, bool recursive, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns_fd };
	int r = setattr(mnt_fd, &attr, recursive);

	if (r >= 0)
		return 0;
	no_setattr(r, "map the ids of a mount", e);
	if (r == -EINVAL)
		return err_hint(e, r, "the file system may not know idmapped mounts, or is mapped already");
	return r;
}

int mount_attach(int mnt_fd, int target_fd, struct err *e)
{
	int r = sys_move_mount(mnt_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);

	return r < 0 ? err_set(e, r, "attach a mount") : 0;
}

int mount_reconfigure(int target_fd, const char *fstype, const char *data, bool ro, struct err *e)
{
	_cleanup_close_ int fs_fd = sys_fspick(target_fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	int r;

	if (fs_fd < 0)
		return err_set(e, fs_fd, "open the mounted file system");
	if (ro) {
		r = sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0);
		if (r < 0)
			return mount_fs_error(fs_fd, r, fstype, "ro", e);
	}
	r = mount_fs_options(fs_fd, fstype, data ?: "", e);
	if (r < 0)
		return r;
	r = sys_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
	return r < 0 ? mount_fs_error(fs_fd, r, fstype, "remount", e) : 0;
}
