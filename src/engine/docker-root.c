/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The root of a container that does not run, with its volumes and binds in their places: mounted in a name space of its own,
 * which a process of ours keeps for as long as somebody looks into it. Nobody else sees it, and a kill leaves nothing.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/docker-inner.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

static int mount_one(int root, const struct json_c_value *m, struct err *e)
{
	const char *source = value_text(m, "Source") ?: "", *to = value_text(m, "Destination") ?: "",
		   *sub = value_text(m, "Subpath");
	_cleanup_close_ int from = open(source, O_PATH | O_CLOEXEC), fd = -EBADF, target = -EBADF;
	struct stat st;
	int r;

	if (from >= 0 && sub) {
		int part = inroot_open_path(from, sub, 0);

		fd_close(from);
		from = part;
	}
	if (from < 0 || fstat(from, &st) < 0)
		return err_set(e, from < 0 && sub ? from : -errno, "open %s%s", source, sub ?: "");
	fd = mount_clone(from, "", !value_bool(m, "NonRecursive"), e);
	if (fd < 0)
		return fd;
	r = value_bool(m, "RW") ? 0 : mount_set(fd, MOUNT_ATTR_RDONLY, 0, 0, false, e);
	if (r < 0)
		return r;
	target = inroot_make(root, to, 0755, S_ISDIR(st.st_mode), false);
	if (target < 0)
		return err_set(e, target, "find the place of %s", to);
	return mount_attach(fd, target, e);
}

static size_t parts(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Those with fewer parts first. */
static int mount_all(int root, const struct json_c_value *l, struct err *e)
{
	size_t deepest = 0;
	int r = 0;

	for (size_t i = 0; i < value_len(l); i++) {
		size_t n = parts(value_text(value_elem(l, i), "Destination") ?: "");

		deepest = n > deepest ? n : deepest;
	}
	for (size_t depth = 1; depth <= deepest; depth++)
		for (size_t i = 0; i < value_len(l) && r == 0; i++) {
			const struct json_c_value *m = value_elem(l, i);

			if (parts(value_text(m, "Destination") ?: "") == depth && !isempty(value_text(m, "Source")))
				r = mount_one(root, m, e);
		}
	return r;
}

/* An O_PATH fd of the root. */
static int assemble(int root, const char *where, const struct json_c_value *mounts, struct err *e)
{
	_cleanup_close_ int target = -EBADF, fd = -EBADF;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "create a mount name space");
	r = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	if (r < 0)
		return err_set(e, r, "make mounts private");
	target = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return err_set(e, -errno, "open %s", where);
	r = mount_attach(root, target, e);
	if (r < 0)
		return r;
	fd = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open the root");
	r = mount_all(fd, mounts, e);
	return r < 0 ? r : TAKE_FD(fd);
}

static _noreturn_ void keep(int sock, int root, const char *where, const struct json_c_value *mounts)
{
	struct err answer = { 0 };
	int fd = -EBADF;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = assemble(root, where, mounts, &answer);
	if (fd < 0 && !answer.code)
		err_set(&answer, fd, "mount the root");
	(void)fd_send(sock, &answer, sizeof(answer), fd < 0 ? NULL : &fd, fd >= 0);
	/* Until the other end is closed. */
	while (read(sock, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

void docker_root_close(struct docker *d, const struct docker_row *c, struct docker_root *r)
{
	r->fd = fd_close(r->fd);
	r->sock = fd_close(r->sock);
	while (r->pid > 0 && waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (r->pid > 0)
		docker_volumes_release(d, c);
	r->pid = 0;
}

int docker_root_open(struct docker *d, const struct docker_row *c, struct docker_root *ret, struct err *e)
{
	_cleanup_close_ int root = rootfs_open(d->images->layers, c->id, NULL, false, e);
	_cleanup_free_ char *where = docker_path(d, c->id, NULL);
	struct err answer = { 0 };
	int pair[2], fd = -EBADF, r = root < 0 ? root : 0;
	size_t n = 1;

	*ret = (struct docker_root){ .fd = -EBADF, .sock = -EBADF };
	if (r == 0 && !where)
		r = err_oom(e);
	if (r < 0)
		return r;
	if (!value_len(value_get(c->doc, "Mounts"))) {
		ret->fd = TAKE_FD(root);
		return 0;
	}
	r = docker_mounts_check(c, e);
	if (r == 0)
		r = docker_volumes_mount(d, c, e);
	if (r == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		r = err_set(e, -errno, "make a socket pair");
	if (r < 0) {
		docker_volumes_release(d, c);
		return r;
	}
	ret->pid = fork();
	if (ret->pid == 0) {
		close(pair[0]);
		keep(pair[1], root, where, value_get(c->doc, "Mounts"));
	}
	r = ret->pid < 0 ? err_set(e, -errno, "fork") : 0;
	if (r < 0)
		docker_volumes_release(d, c);
	fd_close(pair[1]);
	ret->sock = pair[0];
	if (r == 0 && fd_recv(pair[0], &answer, sizeof(answer), &fd, &n) != sizeof(answer))
		r = err_kind(e, ERR_STATE, -ECHILD, "the process that mounts the root of %s was killed", c->name);
	ret->fd = r == 0 && n == 1 ? fd : -EBADF;
	if (r == 0 && answer.code) {
		if (e)
			*e = answer;
		r = answer.code;
	}
	if (r < 0)
		docker_root_close(d, c, ret);
	return r;
}
