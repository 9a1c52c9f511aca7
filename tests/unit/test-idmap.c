/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "unit/test.h"

#define MAPS(...) ((const struct idmap[]){ __VA_ARGS__ }), ARRAY_SIZE(((const struct idmap[]){ __VA_ARGS__ }))

/* Runs CHECK_FN in a child that has joined the name space; its exit status. */
static int inside(int ns, int (*check)(void))
{
	pid_t pid = fork();
	int st;

	if (pid == 0)
		_exit(setns(ns, CLONE_NEWUSER) < 0 ? 100 : check());
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

static int has_root_and_map(void)
{
	char uid[256], gid[256];

	if (file_read_small(AT_FDCWD, "/proc/self/uid_map", uid, sizeof(uid)) < 0 ||
	    file_read_small(AT_FDCWD, "/proc/self/gid_map", gid, sizeof(gid)) < 0)
		return 101;
	if (!strstr(uid, " 0 ") || !strstr(uid, " 100000 ") || !strstr(uid, " 65536"))
		return 102;
	if (!strstr(gid, " 200000 ") || strstr(gid, "100000"))
		return 103;
	if (setresgid(0, 0, 0) < 0 || setresuid(7, 7, 7) < 0)
		return 104;
	return getuid() == 7 && getgid() == 0 ? 0 : 105;
}

TEST(userns_fd_has_its_maps)
{
	_cleanup_close_ int fd = -EBADF;
	struct err e = { 0 };

	if (geteuid() != 0)
		SKIP("needs root");
	fd = idmap_userns_fd(MAPS({ 'u', 0, 100000, 65536 }, { 'g', 0, 200000, 65536 }), &e);
	CHECK(fd >= 0);
	CHECK(inside(fd, has_root_and_map) == 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	/* nothing is left to be waited for */
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
}

static int map_is_both(void)
{
	char uid[256], gid[256];

	if (file_read_small(AT_FDCWD, "/proc/self/uid_map", uid, sizeof(uid)) < 0 ||
	    file_read_small(AT_FDCWD, "/proc/self/gid_map", gid, sizeof(gid)) < 0)
		return 101;
	return streq(uid, gid) && strstr(uid, "300000") ? 0 : 102;
}

TEST(type_b_is_for_both)
{
	_cleanup_close_ int fd = -EBADF;
	struct err e = { 0 };

	if (geteuid() != 0)
		SKIP("needs root");
	fd = idmap_userns_fd(MAPS({ 'b', 0, 300000, 1000 }, { 'b', 5000, 400000, 10 }), &e);
	CHECK(fd >= 0);
	CHECK(inside(fd, map_is_both) == 0);
}

TEST(bad_maps)
{
	static const struct {
		struct idmap maps[2];
		size_t n;
		const char *message;
	} cases[] = {
		{ { { 'x', 0, 0, 1 } }, 1, "id map: type 'x' is none of u, g, b" },
		{ { { 0, 0, 0, 1 } }, 1, "id map: type '" },
		{ { { 'u', 0, 5, 0 } }, 1, "id map u 0 5 0: an empty range" },
		{ { { 'u', 0, 4294967295u, 1 } }, 1, "ends above 4294967294" },
		{ { { 'u', 4294967290u, 0, 6 } }, 1, "ends above 4294967294" },
		{ { { 'u', 1, 0, 4294967295u } }, 1, "ends above 4294967294" },
		{ { { 'u', 0, 1000, 10 }, { 'u', 9, 2000, 10 } }, 2, "overlap in the container" },
		{ { { 'u', 0, 1000, 10 }, { 'u', 10, 1009, 10 } }, 2, "overlap on the host" },
		{ { { 'b', 0, 1000, 10 }, { 'g', 5, 2000, 10 } }, 2, "overlap in the container" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };
		int r = idmap_userns_fd(cases[i].maps, cases[i].n, &e);

		CHECK(r < 0 && e.code == r && e.kind == ERR_INVALID);
		if (!strstr(e.msg, cases[i].message))
			printf("# case %zu: %s\n", i, e.msg);
		CHECK(strstr(e.msg, cases[i].message));
	}
}

TEST(limits_of_the_kernel)
{
	static struct idmap maps[341];
	struct err e = { 0 };
	_cleanup_close_ int fd = -EBADF;

	if (geteuid() != 0)
		SKIP("needs root");
	for (uint32_t i = 0; i < ARRAY_SIZE(maps); i++)
		maps[i] = (struct idmap){ 'b', i, i, 1 };
	CHECK(idmap_userns_fd(maps, 341, &e) == -E2BIG);
	CHECK(e.kind == ERR_LIMIT && strstr(e.msg, "340"));
	fd = idmap_userns_fd(maps, 340, &e);
	CHECK(fd >= 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(maps); i++)
		maps[i] = (struct idmap){ 'b', 1000000000 + i, 2000000000 + i, 1 };
	CHECK(idmap_userns_fd(maps, 340, &e) == -E2BIG && strstr(e.msg, "one page"));
}

TEST(to_host)
{
	static const struct idmap m[] = { { 'u', 0, 100000, 10 }, { 'g', 0, 7, 1 }, { 'b', 10, 4294967000u, 200 } };

	CHECK(idmap_to_host(m, 3, 'u', 0) == 100000);
	CHECK(idmap_to_host(m, 3, 'u', 9) == 100009);
	CHECK(idmap_to_host(m, 3, 'u', 10) == 4294967000);
	CHECK(idmap_to_host(m, 3, 'g', 209) == 4294967199);
	CHECK(idmap_to_host(m, 3, 'g', 210) == -EINVAL);
	CHECK(idmap_to_host(m, 3, 'g', 1) == -EINVAL);
	CHECK(idmap_to_host(m, 3, 'g', 0) == 7);
	CHECK(idmap_to_host(m, 3, 'u', 4294967295u) == -EINVAL);
}

/* As nobody: one's own ids need no privilege and no helper, others need one and are refused by it. */
static int unprivileged(void)
{
	struct err e = { 0 };
	int fd, r;

	if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 90;
	/* Changing ids made this process undumpable and its /proc files root's, which an exec would have undone. */
	prctl(PR_SET_DUMPABLE, 1);
	fd = idmap_userns_fd(MAPS({ 'u', 0, 65534, 1 }, { 'g', 0, 65534, 1 }), &e);
	if (fd < 0)
		return e.code == -EPERM || e.code == -ENOSPC ? 77 : 91;
	close(fd);
	r = idmap_userns_fd(MAPS({ 'b', 0, 0, 1 }), &e);
	if (r >= 0)
		return 92;
	return (r == -EPERM && strstr(e.hint, "/etc/subuid")) || e.kind == ERR_MISSING ? 0 : 93;
}

TEST(own_ids_without_privilege)
{
	pid_t pid;
	int st;

	if (geteuid() != 0)
		SKIP("needs root to become nobody");
	pid = fork();
	if (pid == 0)
		_exit(unprivileged());
	CHECK(waitpid(pid, &st, 0) == pid && WIFEXITED(st));
	if (WEXITSTATUS(st) == 77)
		SKIP("user name spaces are for root here");
	CHECK(WEXITSTATUS(st) == 0);
}

static int who(void *arg, struct err *e)
{
	if (geteuid() != 0 || getpid() == *(pid_t *)arg)
		return -EIO;
	return err_kind(e, ERR_DENIED, -EACCES, "said by root of it");
}

TEST(calls_run_as_root_of_the_name_space)
{
	struct idmap maps[] = { { 'u', 0, geteuid(), 1 }, { 'g', 0, getegid(), 1 } };
	struct idmap bad[] = { { 'u', 0, 1, 1 }, { 'u', 0, 2, 1 } };
	struct err e = { 0 };
	pid_t self = getpid();

	CHECK(idmap_call(maps, 2, who, &self, &e) == -EACCES);
	CHECK(e.kind == ERR_DENIED && strstr(e.msg, "said by root of it"));
	err_clear(&e);
	CHECK(idmap_call(bad, 2, who, &self, &e) == -EINVAL && e.code == -EINVAL);
}
