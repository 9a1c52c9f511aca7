/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The root of a container that does not run, with its volumes and binds in their places: mounted in a name space of its own,
 * which a process of ours keeps for as long as somebody looks into it. Nobody else sees it, and a kill leaves nothing.
 */

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
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

struct keep {
	int root;
	const char *where;
	const struct json_c_value *mounts;
};

static int keep(int sock, int *ret_fd, void *arg, struct err *e)
{
	const struct keep *k = arg;

	*ret_fd = assemble(k->root, k->where, k->mounts, e);
	return *ret_fd < 0 ? *ret_fd : 0;
}

void docker_root_close(struct docker *d, const struct docker_row *c, struct docker_root *r)
{
	bool mounted = r->keeps.pid > 0;

	r->fd = fd_close(r->fd);
	errand_end(&r->keeps);
	if (mounted)
		docker_volumes_release(d, c);
}

int docker_root_open(struct docker *d, const struct docker_row *c, struct docker_root *ret, struct err *e)
{
	_cleanup_close_ int root = rootfs_open(d->images->layers, c->id, NULL, false, e);
	_cleanup_free_ char *where = docker_path(d, c->id, NULL), *what = NULL;
	struct keep k = { root, where, value_get(c->doc, "Mounts") };
	int r = root < 0 ? root : 0;

	*ret = (struct docker_root){ .fd = -EBADF, .keeps = { .sock = -EBADF } };
	if (r == 0 && (!where || asprintf(&what, "the process that mounts the root of %s", c->name) < 0))
		r = err_oom(e);
	if (r < 0)
		return r;
	if (!value_len(k.mounts)) {
		ret->fd = TAKE_FD(root);
		return 0;
	}
	r = docker_mounts_check(c, e);
	if (r == 0)
		r = docker_volumes_mount(d, c, e);
	if (r == 0)
		r = errand_start(&ret->keeps, keep, &k, e);
	if (r < 0) {
		docker_volumes_release(d, c);
		return r;
	}
	r = errand_answer(&ret->keeps, &ret->fd, what, e);
	if (r < 0)
		docker_root_close(d, c, ret);
	return r;
}
