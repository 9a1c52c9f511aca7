/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fd.h"

/* The multiplexer: char 5:2 on whatever file system. */
static bool is_ptmx(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2);
}

static int open_master(int devpts_fd)
{
	_cleanup_close_ int fd = -EBADF;
	const int flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
	struct statfs fs;

	if (devpts_fd < 0)
		fd = open("/dev/ptmx", flags);
	else if (fstatfs(devpts_fd, &fs) < 0)
		return -errno;
	else if (fs.f_type != DEVPTS_SUPER_MAGIC)
		return -ENODEV;
	else
		fd = openat(devpts_fd, "ptmx", flags | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (!is_ptmx(fd))
		return -ENODEV;
	return TAKE_FD(fd);
}

int pty_open(int devpts_fd, int *ret_master, int *ret_slave)
{
	_cleanup_close_ int master = open_master(devpts_fd), slave = -EBADF;
	int unlock = 0;

	if (master < 0)
		return master;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	*ret_master = TAKE_FD(master);
	*ret_slave = TAKE_FD(slave);
	return 0;
}

int pty_raw(int fd, struct termios *ret_saved)
{
	struct termios saved, raw;

	if (tcgetattr(fd, &saved) < 0)
		return -errno;
	raw = saved;
	cfmakeraw(&raw);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	/* TCSAFLUSH would throw away what was typed ahead. */
	if (tcsetattr(fd, TCSADRAIN, &raw) < 0)
		return -errno;
	*ret_saved = saved;
	return 0;
}

void pty_plain_output(int master)
{
	struct termios t;

	if (tcgetattr(master, &t) < 0)
		return;
	t.c_oflag &= ~(tcflag_t)ONLCR;
	tcsetattr(master, TCSANOW, &t);
}

void pty_restore(int fd, const struct termios *saved)
{
	tcsetattr(fd, TCSADRAIN, saved);
}

int pty_copy_size(int from, int to)
{
	struct winsize ws;

	if (ioctl(from, TIOCGWINSZ, &ws) < 0 || ioctl(to, TIOCSWINSZ, &ws) < 0)
		return -errno;
	return 0;
}
