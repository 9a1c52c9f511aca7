/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/unshare.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/internal.h"
#include "net/net.h"
#include "sys/clone.h"
#include "sys/ns.h"
#include "sys/passwd.h"
#include "sys/syscalls.h"

/* --- the child -------------------------------------------------------------------------------------------------------- */

/* What a program inside looks at. Not every kernel has message queues. */
static int remount(const struct unshare_opts *o, struct err *e)
{
	static const struct {
		const char *source, *target, *type;
		bool needed;
	} mounts[] = {
		{ "proc", "/proc", "proc", true },
		{ "shmfs", "/dev/shm", "tmpfs", true },
		{ "mqueue", "/dev/mqueue", "mqueue", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		int r = sys_mount(mounts[i].source, mounts[i].target, mounts[i].type, MS_NOSUID | MS_NODEV | MS_NOEXEC,
				  NULL);

		if (r < 0 && mounts[i].needed)
			return err_set(e, r, "mount %s", mounts[i].target);
	}
	return 0;
}

static int become(const struct unshare_opts *o, struct err *e)
{
	/* Denied where an ordinary user has mapped his own group himself: none can be dropped there. */
	if (o->drop_groups && setgroups(0, NULL) < 0 && errno != EPERM)
		return err_set(e, -errno, "drop the groups");
	if (o->gid >= 0 && setresgid((gid_t)o->gid, (gid_t)o->gid, (gid_t)o->gid) < 0)
		return err_set(e, -errno, "become group %lld", (long long)o->gid);
	if (o->uid >= 0 && setresuid((uid_t)o->uid, (uid_t)o->uid, (uid_t)o->uid) < 0)
		return err_set(e, -errno, "become user %lld", (long long)o->uid);
	return 0;
}

static int child_setup(const struct unshare_opts *o, struct err *e)
{
	int r = become(o, e);

	/* What is mounted from here on is nobody else's. */
	if (r == 0 && o->flags & CLONE_NEWNS)
		r = sys_mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL);
	if (r < 0)
		return e->code ? r : err_set(e, r, "make the mounts private");
	if (o->remount) {
		r = remount(o, e);
		if (r < 0)
			return r;
	}
	if (o->hostname && sethostname(o->hostname, strlen(o->hostname)) < 0)
		return err_set(e, -errno, "set the host name '%s'", o->hostname);
	return 0;
}

/* Waits for the parent's word; the socket's end says that the command runs. */
static _noreturn_ void child(const struct unshare_opts *o, int sock)
{
	struct err e = { 0 };
	char byte;

	if (fd_recv(sock, &byte, 1, NULL, NULL) != 1)
		_exit(1);
	if (child_setup(o, &e) == 0) {
		execvp(o->argv[0], o->argv);
		err_set(&e, -errno, "execute %s", o->argv[0]);
	}
	(void)fd_send(sock, &e, sizeof(e), NULL, 0);
	_exit(1);
}

/* --- the parent -------------------------------------------------------------------------------------------------------- */

static int move_interfaces(const struct unshare_opts *o, pid_t pid, struct err *e)
{
	_cleanup_close_ int ns = -EBADF;

	if (!o->ifnames || o->ifnames->n == 0)
		return 0;
	ns = ns_open_pid(pid, &ns_table[NS_NET], e);
	if (ns < 0)
		return ns;
	for (size_t i = 0; i < o->ifnames->n; i++) {
		struct net_conf conf = { .type = "phys", .link = o->ifnames->v[i], .name = o->ifnames->v[i] };
		struct net_dev dev;
		int r = net_prepare(&conf, &dev, e);

		if (r == 0)
			r = net_attach(&dev, ns, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* From the maps on until the command runs. */
static int guide(const struct unshare_opts *o, pid_t pid, int sock, struct err *e)
{
	struct err answer = { 0 };
	char byte = 0;
	ssize_t n;
	int r = o->n_maps ? idmap_write(pid, o->maps, o->n_maps, e) : 0;

	if (r == 0)
		r = move_interfaces(o, pid, e);
	if (r < 0)
		return r;
	if (fd_send(sock, &byte, 1, NULL, 0) != 1)
		return err_kind(e, ERR_STATE, -ECHILD, "the process in the new name spaces was killed");
	n = fd_recv(sock, &answer, sizeof(answer), NULL, NULL);
	if (n != sizeof(answer) || !answer.code)
		return 0;
	if (e)
		*e = answer;
	return answer.code;
}

int engine_unshare(const struct unshare_opts *o, int *ret_status, struct err *e)
{
	struct clone_opts clone = { .flags = o->flags };
	_cleanup_close_ int mine = -EBADF, theirs = -EBADF;
	int pair[2], r, status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	mine = pair[0];
	theirs = pair[1];
	pid = clone_process(&clone, NULL);
	if (pid < 0)
		return err_hint(e, err_set(e, (int)pid, "create name spaces"),
				pid == -EPERM ? "as an ordinary user a new user name space must be among them" : "");
	if (pid == 0) {
		fd_close(mine);
		child(o, theirs);
	}
	theirs = fd_close(theirs);
	r = guide(o, pid, mine, e);
	mine = fd_close(mine);
	if (r < 0 || !o->daemon)
		while (waitpid(pid, &status, 0) < 0)
			if (errno != EINTR)
				return r < 0 ? r : err_set(e, -errno, "wait for %s", o->argv[0]);
	*ret_status = r < 0 ? 0 : status;
	return r;
}

/* --- subordinate ids ---------------------------------------------------------------------------------------------------- */

/* "NAME:FIRST:COUNT". The user is meant by name or by number. */
static bool take_range(char *line, const char *name, uid_t uid, struct idmap *ret)
{
	char *save = NULL, *who = strtok_r(line, ":", &save), *first = strtok_r(NULL, ":", &save),
	     *count = strtok_r(NULL, ":", &save);
	uint32_t number;

	if (!who || !first || !count || (!streq(who, name) && (parse_u32(who, &number) < 0 || number != uid)))
		return false;
	return parse_u32(first, &ret->hostid) == 0 && parse_u32(count, &ret->range) == 0 && ret->range > 0;
}

static int first_range(int root_fd, const char *file, const char *name, uid_t uid, struct idmap *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = file_read(root_fd, file, 1u << 20, &text, NULL, e);

	if (r == -ENOENT)
		err_clear(e);
	else if (r < 0)
		return r;
	for (char *l = r < 0 ? NULL : strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (*l != '#' && take_range(l, name, uid, ret))
			return 0;
	err_kind(e, ERR_NOT_FOUND, -ENOENT, "user %s has no ids in /%s", name, file);
	return err_hint(e, -ENOENT, "usermod --add-sub%cids 100000-165535 %s", ret->type, name);
}

int engine_subids(const char *root, uid_t uid, struct idmap ret[static 2], struct err *e)
{
	static const char *const files[] = { "etc/subuid", "etc/subgid" };
	_cleanup_close_ int fd = open(root ?: "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct idmap maps[2] = { { .type = 'u' }, { .type = 'g' } };
	struct passwd_user user;
	char spec[16];
	int r;

	if (fd < 0)
		return err_set(e, -errno, "open %s", root ?: "/");
	snprintf(spec, sizeof(spec), "%u", uid);
	r = passwd_find(fd, spec, &user, e);
	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
		r = first_range(fd, files[i], user.name[0] ? user.name : spec, uid, &maps[i], e);
	if (r == 0)
		memcpy(ret, maps, sizeof(maps));
	return r;
}
