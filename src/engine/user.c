/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/user.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "engine/unshare.h"
#include "runtime/record.h"
#include "sys/errand.h"
#include "sys/idmap.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

#define LIST_MAX (256u << 10)

/* --- whom to join ---------------------------------------------------------------------------------------------------- */

/* PID's user name space, when it is one that this user made from where we are. fd. */
static int open_ns(pid_t pid)
{
	_cleanup_close_ int fd = -EBADF, parent = -EBADF;
	struct stat ours, above;
	char path[48];
	uid_t owner;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	parent = ioctl(fd, NS_GET_PARENT);
	if (parent < 0 || ioctl(fd, NS_GET_OWNER_UID, &owner) < 0)
		return -errno;
	(void)fd_set_cloexec(parent, true);
	if (owner != geteuid() || stat("/proc/self/ns/user", &ours) < 0 || fstat(parent, &above) < 0 ||
	    ours.st_ino != above.st_ino || ours.st_dev != above.st_dev)
		return -EPERM;
	return TAKE_FD(fd);
}

static int join_one(pid_t pid, uint64_t start)
{
	_cleanup_close_ int fd = proc_alive(pid, start) ? open_ns(pid) : -ESRCH;

	/* A number that was given away since would have another time of its start. */
	if (fd < 0 || !proc_alive(pid, start))
		return fd < 0 ? fd : -ESRCH;
	return setns(fd, CLONE_NEWUSER) < 0 ? -errno : 0;
}

/* By the keeper of a container of images, or by the container itself. */
static int join_container(const char *run)
{
	DIR *d = opendir(run);
	struct dirent *de;
	int r = -ESRCH;

	while (d && r < 0 && (de = readdir(d))) {
		_cleanup_record_ struct record rec = { .exit_status = -1 };
		_cleanup_close_ int fd = -EBADF;

		if (de->d_name[0] == '.' || de->d_type != DT_DIR)
			continue;
		fd = openat(dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || record_read(fd, &rec, NULL) < 0 || !rec.data)
			continue;
		r = join_one(rec.keeper, rec.keeper_start);
		if (r < 0)
			r = join_one(rec.pid, rec.pid_start);
	}
	if (d)
		closedir(d);
	return r;
}

/* By the commands of LIST: lines of a process and its start. Those that live are kept in ALIVE. */
static int join_command(char *list, struct buf *alive)
{
	char *save = NULL;
	int r = -ESRCH;

	for (char *l = strtok_r(list, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		unsigned long long start;
		int pid;

		if (sscanf(l, "%d %llu", &pid, &start) != 2 || !proc_alive(pid, start))
			continue;
		buf_printf(alive, "%d %llu\n", pid, start);
		if (r < 0)
			r = join_one(pid, start);
	}
	return r;
}

/* --- a new one ------------------------------------------------------------------------------------------------------- */

/* Himself as root, and behind him what he was given; nothing but himself where that is nothing. */
static int choose_maps(struct idmap maps[static 4], size_t *ret_n, struct err *e)
{
	struct idmap more[2];
	int r = engine_subids(NULL, geteuid(), more, e);

	maps[0] = (struct idmap){ 'u', 0, geteuid(), 1 };
	maps[1] = (struct idmap){ 'g', 0, getegid(), 1 };
	*ret_n = 2;
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(more) && r == 0; i++) {
		maps[2 + i] = more[i];
		maps[2 + i].nsid = 1;
		(*ret_n)++;
	}
	return r;
}

struct outside {
	pid_t pid;
	struct idmap maps[4];
	size_t n;
};

/* Stays outside, and writes the maps of who made it once that is inside. */
static int write_maps(int sock, int *ret_fd, void *arg, struct err *e)
{
	const struct outside *o = arg;
	char byte;

	if (fd_recv(sock, &byte, 1, NULL, NULL) != 1)
		return -ECHILD;
	return idmap_write(o->pid, o->maps, o->n, e);
}

static int make_ns(struct err *e)
{
	struct outside o = { .pid = getpid() };
	struct errand h;
	char byte = 0;
	int r = choose_maps(o.maps, &o.n, e);

	if (r == 0)
		r = errand_start(&h, write_maps, &o, e);
	if (r < 0)
		return r;
	if (unshare(CLONE_NEWUSER) < 0) {
		r = err_set(e, -errno, "create a user name space");
		err_hint(e, r, "see /proc/sys/user/max_user_namespaces and kernel.unprivileged_userns_clone");
	} else {
		(void)fd_send(h.sock, &byte, 1, NULL, 0);
		r = errand_answer(&h, NULL, "the process that writes the id maps", e);
	}
	errand_end(&h);
	return r;
}

/* --- going in -------------------------------------------------------------------------------------------------------- */

/* Who comes next finds us. */
static int note_self(int lock, struct buf *alive, struct err *e)
{
	uint64_t start = 0;
	int r = proc_start_time(getpid(), &start);

	buf_printf(alive, "%d %llu\n", (int)getpid(), (unsigned long long)start);
	r = r < 0 ? err_set(e, r, "read our own start") : buf_error(alive, e);
	/* A kill in between leaves lines of before, never none. */
	if (r == 0 &&
	    (pwrite(lock, alive->data, alive->len, 0) != (ssize_t)alive->len || ftruncate(lock, (off_t)alive->len) < 0))
		r = err_set(e, -errno, "write down who uses the user name space");
	return r;
}

static int become_root(struct err *e)
{
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, -errno, "become root of a user name space");
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "create a mount name space");
	return sys_mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ? err_set(e, -errno, "make the mounts ours") : 0;
}

int engine_user_enter(struct err *e)
{
	_cleanup_free_ char *run = NULL, *path = NULL, *list = NULL;
	_cleanup_buf_ struct buf alive = BUF_INIT;
	_cleanup_close_ int lock = -EBADF;
	int r = run_dir(true, &run, e);

	if (r < 0)
		return r;
	path = path_join(run, "locks/userns");
	if (!path)
		return err_oom(e);
	lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_set(e, -errno, "lock %s", path);
	r = file_read(AT_FDCWD, path, LIST_MAX, &list, NULL, e);
	if (r < 0)
		return r;
	if (join_command(list, &alive) < 0 && join_container(run) < 0)
		r = make_ns(e);
	if (r == 0)
		r = note_self(lock, &alive, e);
	return r < 0 ? r : become_root(e);
}
