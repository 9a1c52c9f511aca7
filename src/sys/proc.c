/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/syscalls.h"

/* Field of /proc/PID/stat, counted from 1 as in proc(5). */
#define STAT_STARTTIME 22

static int read_stat(pid_t pid, uint64_t *ret_start, char *ret_state)
{
	char path[32], buf[1024], *p, *end, *state;
	uint64_t v;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	n = file_read_small(AT_FDCWD, path, buf, sizeof(buf));
	if (n == -ENOENT)
		return -ESRCH;
	if (n < 0)
		return (int)n;
	/* The name in field 2 may hold blanks and parentheses of its own: count from the last one. */
	p = strrchr(buf, ')');
	state = p && p[1] ? p : NULL;
	if (!state)
		return -EIO;
	for (unsigned field = 2; p && field < STAT_STARTTIME; field++) {
		p = strchr(p, ' ');
		if (p)
			p++;
	}
	if (!p)
		return -EIO;
	errno = 0;
	v = strtoull(p, &end, 10);
	if (errno || end == p)
		return -EIO;
	*ret_start = v;
	*ret_state = state[2];
	return 0;
}

int proc_start_time(pid_t pid, uint64_t *ret)
{
	char state;

	return read_stat(pid, ret, &state);
}

bool proc_alive(pid_t pid, uint64_t start)
{
	uint64_t now;
	char state;

	return pid > 0 && read_stat(pid, &now, &state) == 0 && now == start && state != 'Z' && state != 'X';
}

int proc_open(pid_t pid, uint64_t start)
{
	_cleanup_close_ int fd = -EBADF;
	uint64_t now;
	int r;

	if (pid <= 0)
		return -ESRCH;
	fd = sys_pidfd_open(pid, 0);
	if (fd < 0)
		return fd;
	if (start) {
		/* Checked after the open. A process that took the number over since started later than START. */
		r = proc_start_time(pid, &now);
		if (r < 0)
			return r;
		if (now != start)
			return -ESRCH;
	}
	return TAKE_FD(fd);
}

bool proc_host_root(void)
{
	static const unsigned long whole[] = { 0, 0, 4294967295ul };
	char map[128], *p = map;

	if (geteuid() != 0)
		return false;
	/* No such file: a kernel without user name spaces. */
	if (file_read_small(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) <= 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++)
		if (strtoul(p, &p, 10) != whole[i])
			return false;
	return true;
}

bool proc_user_entered(void)
{
	const char *user = getenv("USER"), *xdg = getenv("XDG_RUNTIME_DIR");

	return geteuid() == 0 && xdg && *xdg && !(user && strcmp(user, "root") == 0) && !proc_host_root();
}
