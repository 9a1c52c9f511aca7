/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* /dev of the container: nodes, links, terminals. Everything relative to the fd of a /dev that was opened without
 * following links; terminals by TIOCGPTPEER, bound from their fds. */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/ops.h"
#include "runtime/run.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/pty.h"

static void describe_ab(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s%s%s", op->args.a ?: "", op->args.b ? " -> " : "", op->args.b ?: "");
}

/* Opened before the pivot, in our own mount name space: a clone of it can be bound anywhere. */
static int null_open_apply(const struct op *op, struct run *run, struct err *e)
{
	struct stat st;

	run->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (run->null_fd < 0 || fstat(run->null_fd, &st) < 0)
		return err_set(e, -errno, "open the host's /dev/null");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_kind(e, ERR_STATE, -ENODEV, "the host's /dev/null is not device 1:3");
	return 0;
}

const struct op_kind op_null_open = { "null.open", describe_ab, null_open_apply };

static int dev_open_apply(const struct op *op, struct run *run, struct err *e)
{
	run->dev_fd = inroot_open_nolinks(run->root_fd, "/dev", O_DIRECTORY);
	if (run->dev_fd < 0) {
		err_set(e, run->dev_fd, "open /dev of the container");
		if (run->dev_fd == -ELOOP)
			err_hint(e, run->dev_fd, "/dev must be a directory, not a symbolic link");
		return run->dev_fd;
	}
	return 0;
}

const struct op_kind op_dev_open = { "dev.open", describe_ab, dev_open_apply };

/* --- device nodes --------------------------------------------------------------------------------------------------- */

static void node_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "/dev/%s %c %u:%u %04o", op->node->path, S_ISBLK(op->node->mode) ? 'b' : 'c', op->node->major,
		   op->node->minor, op->node->mode & 07777);
}

/* A user name space may not make nodes: the host's own is bound instead, after a look that it is the right device. */
static int node_bind(const struct op_node *n, struct run *run, struct err *e)
{
	_cleanup_close_ int src = -EBADF, target = -EBADF, mnt = -EBADF;
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s", n->path);
	src = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	if (src < 0 || fstat(src, &st) < 0)
		return err_set(e, -errno, "open the host's %s", path);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(n->major, n->minor))
		return err_kind(e, ERR_STATE, -ENODEV, "the host's %s is not device %u:%u", path, n->major, n->minor);
	target = inroot_make_file(run->dev_fd, n->path, 0666);
	if (target < 0)
		return err_set(e, target, "create %s in the container", path);
	mnt = mount_clone_device(src, e);
	if (mnt < 0)
		return mnt;
	return mount_attach(mnt, target, e);
}

static int node_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct op_node *n = op->node;

	if (!run->plan->in_userns) {
		if (mknodat(run->dev_fd, n->path, n->mode, makedev(n->major, n->minor)) == 0 || errno == EEXIST)
			return 0;
		if (errno != EPERM && errno != EACCES)
			return err_set(e, -errno, "create /dev/%s", n->path);
	}
	return node_bind(n, run, e);
}

const struct op_kind op_node = { "dev.node", node_describe, node_apply };

/* a name below /dev, b target */
static int link_apply(const struct op *op, struct run *run, struct err *e)
{
	if (symlinkat(op->args.b, run->dev_fd, op->args.a) < 0 && errno != EEXIST && errno != EROFS)
		return err_set(e, -errno, "link /dev/%s to %s", op->args.a, op->args.b);
	return 0;
}

const struct op_kind op_link = { "dev.link", describe_ab, link_apply };

/* a name below /dev, n mode */
static int dir_apply(const struct op *op, struct run *run, struct err *e)
{
	int fd = inroot_make_dirs(run->dev_fd, op->args.a, (mode_t)op->args.n);

	if (fd < 0)
		return err_set(e, fd, "create /dev/%s", op->args.a);
	fd_close(fd);
	return 0;
}

const struct op_kind op_dir = { "dev.dir", describe_ab, dir_apply };

/* --- devpts: b options ------------------------------------------------------------------------------------------------ */

static int devpts_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int mnt = -EBADF, target = -EBADF;
	int r;

	mnt = mount_new("devpts", "devpts", op->args.b, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, e);
	if (mnt == -EINVAL) {
		/* gid=5 is not mapped in every user name space. */
		err_clear(e);
		mnt = mount_new("devpts", "devpts", "newinstance,ptmxmode=0666,mode=0620",
				MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, e);
	}
	if (mnt < 0)
		return err_wrap(e, mnt, "new devpts instance");
	target = inroot_make_dirs(run->dev_fd, "pts", 0755);
	if (target < 0)
		return err_set(e, target, "create /dev/pts");
	r = mount_attach(mnt, target, e);
	if (r < 0)
		return r;
	run->devpts_fd = TAKE_FD(mnt);
	if (unlinkat(run->dev_fd, "ptmx", 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "replace /dev/ptmx");
	if (symlinkat("pts/ptmx", run->dev_fd, "ptmx") < 0)
		return err_set(e, -errno, "link /dev/ptmx");
	return 0;
}

const struct op_kind op_devpts = { "dev.pts", describe_ab, devpts_apply };

/* --- terminals -------------------------------------------------------------------------------------------------------- */

/* Binds the terminal SLAVE on /dev/NAME, which is made when it is not there. */
static int bind_tty(struct run *run, int slave, const char *name, struct err *e)
{
	_cleanup_close_ int target = -EBADF, mnt = -EBADF;
	int r;

	target = inroot_make_file(run->dev_fd, name, 0600);
	if (target < 0)
		return err_set(e, target, "create /dev/%s", name);
	mnt = mount_clone(slave, "", false, e);
	if (mnt < 0)
		return mnt;
	r = mount_attach(mnt, target, e);
	return r < 0 ? err_wrap(e, r, "bind terminal on /dev/%s", name) : 0;
}

static int own_tty(int slave, struct err *e)
{
	/* In a user name space the new pty belongs to the mapped root already. */
	if (fchown(slave, 0, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return err_set(e, -errno, "give the terminal to the container's root");
	return 0;
}

/* a: place below /dev beside "console" (lxc.tty.dir), or NULL; m: rows << 16 | columns, 0: as it is */
static int console_apply(const struct op *op, struct run *run, struct err *e)
{
	int master, slave, r;

	r = pty_open(run->devpts_fd, &master, &slave);
	if (r < 0)
		return err_set(e, r, "allocate the console");
	run->masters[run->n_masters++] = master;
	run->console_slave = slave;
	if (op->args.m) {
		struct winsize size = { .ws_row = (unsigned short)(op->args.m >> 16),
					.ws_col = (unsigned short)op->args.m };

		if (ioctl(slave, TIOCSWINSZ, &size) < 0)
			return err_set(e, -errno, "size of the terminal");
	}
	r = own_tty(slave, e);
	if (r < 0 || op->args.n) /* n: no /dev of its own to put it in */
		return r;
	if (op->args.a) {
		char name[300];

		snprintf(name, sizeof(name), "%s/console", op->args.a);
		r = bind_tty(run, slave, name, e);
		if (r < 0)
			return r;
		if (symlinkat(name, run->dev_fd, "console") < 0 && errno != EEXIST)
			return err_set(e, -errno, "link /dev/console");
		return 0;
	}
	return bind_tty(run, slave, "console", e);
}

const struct op_kind op_console = { "dev.console", describe_ab, console_apply };

/* a: lxc.tty.dir or NULL, n: how many */
static void ttys_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "tty1 … tty%d%s%s", (int)op->args.n, op->args.a ? " below " : "", op->args.a ?: "");
}

static int ttys_apply(const struct op *op, struct run *run, struct err *e)
{
	for (int i = 1; i <= op->args.n; i++) {
		_cleanup_close_ int slave = -EBADF;
		char name[300], link[16];
		int master, r;

		r = pty_open(run->devpts_fd, &master, &slave);
		if (r < 0)
			return err_set(e, r, "allocate terminal %d", i);
		run->masters[run->n_masters++] = master;
		r = own_tty(slave, e);
		if (r < 0)
			return r;
		snprintf(link, sizeof(link), "tty%d", i);
		snprintf(name, sizeof(name), "%s%s%s", op->args.a ?: "", op->args.a ? "/" : "", link);
		r = bind_tty(run, slave, name, e);
		if (r < 0)
			return r;
		if (op->args.a && symlinkat(name, run->dev_fd, link) < 0 && errno != EEXIST)
			return err_set(e, -errno, "link /dev/%s", link);
	}
	return 0;
}

const struct op_kind op_ttys = { "dev.ttys", ttys_describe, ttys_apply };
