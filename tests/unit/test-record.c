/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <linux/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/proc.h"
#include "sys/syscalls.h"
#include "unit/test.h"

/* A run directory of this test's own: /run is ours in a mount name space of our own, or the user's is elsewhere. */
static void own_run(void)
{
	static bool done;

	if (done)
		return;
	if (geteuid() == 0) {
		if (unshare(CLONE_NEWNS) < 0)
			SKIP("no mount name space of its own to be had");
		CHECK(sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
		CHECK(sys_mount("tmpfs", "/run", "tmpfs", 0, NULL) == 0);
	} else {
		static char dir[] = "/tmp/creel-record-test.XXXXXX";

		CHECK(mkdtemp(dir));
		setenv("XDG_RUNTIME_DIR", dir, 1);
	}
	done = true;
}

static struct record sample(void)
{
	struct record r = {
		.id = strdup("c1"),
		.name = strdup("c1"),
		.lxcpath = strdup("/var/lib/lxc"),
		.config = strdup("/var/lib/lxc/c1/config = odd"),
		.state = RUN_RUNNING,
		.pid = getpid(),
		.keeper = 4194303,
		.keeper_start = UINT64_MAX,
		.started_ns = -5,
		.ns_cloned = 0xff,
		.cgroup = strdup("lxc.payload.c1"),
		.lsm_label = strdup("lxc-c1 (enforce)"),
		.cap_mask = 0x1ffffffffff,
		.has_userns = true,
		.ttys = 4,
		.exit_status = 42 << 8,
		.restarts = 3,
		.bundle = strdup("/srv/b"),
		.version = strdup("1.2.0"),
		.root = strdup("/run/other"),
		.created_ns = 7,
		.systemd_cgroup = true,
	};

	CHECK(proc_start_time(getpid(), &r.pid_start) == 0);
	CHECK(strv_push(&r.host_ifs, "veth1", NULL) == 0 && strv_push(&r.host_ifs, "-", NULL) == 0);
	return r;
}

static int fresh(const char *id)
{
	int fd;

	own_run();
	fd = record_open_dir(id, true, NULL);
	CHECK(fd >= 0);
	return fd;
}

static void put(int dirfd, const char *text)
{
	CHECK(file_replace(dirfd, "state", text, strlen(text), 0600, false, NULL) == 0);
}

TEST(round_trip)
{
	struct record a = sample(), b = { 0 };
	int dir = fresh("trip");

	CHECK(record_write(dir, &a, NULL) == 0);
	CHECK(record_read(dir, &b, NULL) == 0);
	CHECK_STR(b.id, a.id);
	CHECK_STR(b.name, a.name);
	CHECK_STR(b.lxcpath, a.lxcpath);
	CHECK_STR(b.config, a.config);
	CHECK_STR(b.cgroup, a.cgroup);
	CHECK_STR(b.lsm_label, a.lsm_label);
	CHECK(b.state == a.state && b.pid == a.pid && b.pid_start == a.pid_start);
	CHECK(b.keeper == a.keeper && b.keeper_start == a.keeper_start && b.started_ns == a.started_ns);
	CHECK(b.ns_cloned == a.ns_cloned && b.cap_mask == a.cap_mask && b.has_userns && b.ttys == 4);
	CHECK(b.exit_status == a.exit_status && b.restarts == 3);
	CHECK_STR(b.bundle, a.bundle);
	CHECK_STR(b.version, a.version);
	CHECK_STR(b.root, a.root);
	CHECK(b.created_ns == 7 && b.systemd_cgroup);
	CHECK(b.host_ifs.n == 2);
	CHECK_STR(b.host_ifs.v[0], "veth1");
	CHECK_STR(b.host_ifs.v[1], "-");
	record_done(&a);
	record_done(&b);
	fd_close(dir);
}

/* A container of another root is found among all the others, until it is forgotten. */
TEST(other_roots)
{
	char root[] = "/tmp/creel-root-XXXXXX", dir[64];
	_cleanup_free_ char *id = NULL;
	_cleanup_record_ struct record a = sample(), b = { 0 };
	_cleanup_close_ int fd = -EBADF, by_id = -EBADF;
	struct err e = { 0 };

	own_run();
	CHECK(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/r", root);
	CHECK(record_open_root(dir, "c1", false, &e) == -ENOENT);
	fd = record_open_root(dir, "c1", true, NULL);
	CHECK(fd >= 0 && record_write(fd, &a, NULL) == 0);
	CHECK(record_open_root(dir, "c1", true, &e) == -EEXIST && e.kind == ERR_EXISTS);
	CHECK(record_id(dir, "c1", &id, NULL) == 0);
	by_id = record_open_dir(id, false, NULL);
	CHECK(by_id >= 0 && record_read(by_id, &b, NULL) == 0);
	CHECK_STR(b.bundle, "/srv/b");
	CHECK(record_forget_root(dir, "c1", NULL) == 0 && record_forget_root(dir, "c1", NULL) == 0);
	CHECK(record_open_dir(id, false, NULL) == -ENOENT && record_open_root(dir, "c1", false, NULL) == -ENOENT);
	CHECK(rmdir(dir) == 0 && rmdir(root) == 0);
}

/* Every field of the record is in the file: one that is forgotten in the table would be lost between two commands. */
TEST(every_field_is_written)
{
	static const char *const keys[] = { "id",	    "name",	  "lxcpath",	"config",	 "state",
					    "pid",	    "pid_start",  "keeper",	"ns_cloned",	 "cgroup",
					    "lsm_label",    "cap_mask",	  "ttys",	"host_ifs",	 "restarts",
					    "keeper_start", "started_ns", "has_userns", "exit_status",	 "bundle",
					    "version",	    "root",	  "created_ns", "systemd_cgroup" };
	_cleanup_free_ char *text = NULL;
	struct record a = sample();
	int dir = fresh("fields");
	size_t lines = 0;

	CHECK(record_write(dir, &a, NULL) == 0);
	CHECK(file_read(dir, "state", 65536, &text, NULL, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s%s=", i ? "\n" : "", keys[i]);
		CHECK(strstr(text, key));
	}
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	CHECK(lines == ARRAY_SIZE(keys) + 1); /* host_ifs twice */
	record_done(&a);
	fd_close(dir);
}

TEST(a_line_break_is_refused)
{
	struct record a = sample();
	struct err e = { 0 };
	int dir = fresh("break");

	free(a.config);
	a.config = strdup("/tmp/x\npid=1");
	CHECK(record_write(dir, &a, &e) == -EINVAL && e.kind == ERR_INVALID);
	CHECK(!file_exists(dir, "state"));
	record_done(&a);
	fd_close(dir);
}

TEST(what_cannot_be_read)
{
	static const char *const bad[] = { "",
					   "id=a\n",
					   "name=a\n",
					   "id=a\nname=a\nnonsense\n",
					   "id=a\nname=a\npid=x\n",
					   "id=a\nname=a\nstate=WALKING\n",
					   "id=a\nname=a\npid=99999999999\n",
					   "id=a\nname=a\ncap_mask=-1\n" };
	struct record r = { .pid = 77 };
	int dir = fresh("bad");

	CHECK(record_read(dir, &r, NULL) == -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		put(dir, bad[i]);
		CHECK(record_read(dir, &r, &e) < 0 && e.code < 0);
		CHECK(r.pid == 77);
	}
	/* A key of a newer version is passed over. */
	put(dir, "id=a\nname=b\nmood=fine\nstate=stopped\n");
	CHECK(record_read(dir, &r, NULL) == 0 && r.exit_status == -1);
	CHECK_STR(r.name, "b");
	record_done(&r);
	fd_close(dir);
}

static enum run_state read_state(int dir)
{
	struct record r = { 0 };
	enum run_state s;

	CHECK(record_read(dir, &r, NULL) == 0);
	s = r.state;
	record_done(&r);
	return s;
}

TEST(stale_processes)
{
	struct record a = sample();
	int dir = fresh("stale");
	siginfo_t si;
	pid_t pid;

	a.keeper = 0;
	CHECK(record_write(dir, &a, NULL) == 0 && read_state(dir) == RUN_RUNNING);
	/* Somebody else has the number now. */
	a.pid_start++;
	CHECK(record_write(dir, &a, NULL) == 0 && read_state(dir) == RUN_STOPPED);
	/* Its keeper still works on it. */
	a.keeper = getpid();
	a.keeper_start = a.pid_start - 1;
	CHECK(record_write(dir, &a, NULL) == 0 && read_state(dir) == RUN_RUNNING);
	a.keeper = 0;
	/* Dead, and not reaped yet. */
	pid = fork();
	if (pid == 0)
		_exit(0);
	CHECK(waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT) == 0);
	a.pid = pid;
	CHECK(proc_start_time(pid, &a.pid_start) == 0);
	CHECK(record_write(dir, &a, NULL) == 0 && read_state(dir) == RUN_STOPPED && !record_alive(&a));
	waitpid(pid, NULL, 0);
	CHECK(read_state(dir) == RUN_STOPPED);
	record_done(&a);
	fd_close(dir);
}

TEST(ids)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/" };
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL, *d = NULL;

	CHECK(record_id(NULL, "c1", &a, NULL) == 0);
	CHECK_STR(a, "c1");
	CHECK(record_id("/var/lib/lxc", "c1", &b, NULL) == 0);
	CHECK_STR(b, "c1");
	CHECK(record_id("/srv/lxc", "c1", &c, NULL) == 0 && record_id("/srv/lxd", "c1", &d, NULL) == 0);
	CHECK(startswith(c, "c1@") && strlen(c) == 3 + 16 && strcmp(c, d) != 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *id = NULL;

		CHECK(record_id(NULL, bad[i], &id, NULL) == -EINVAL && !id);
	}
}

/* A container may be called what a directory of ours beside the containers' is called. */
TEST(ids_of_our_own_names)
{
	static const char *const names[] = { "locks", "rootfs", "net", "cache" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *id = NULL;

		CHECK(record_id("/var/lib/lxc", names[i], &id, NULL) == 0);
		CHECK(strcmp(id, names[i]) != 0 && startswith(id, names[i]));
	}
}

TEST(state_names)
{
	enum run_state s = RUN_FROZEN;

	for (int i = 0; i < RUN_STATE_MAX; i++)
		CHECK(run_state_parse(run_state_names[i], &s) == 0 && (int)s == i);
	CHECK(!run_state_names[RUN_STATE_MAX]);
	CHECK(run_state_parse("running", &s) == 0 && s == RUN_RUNNING);
	CHECK(run_state_parse("RUNNIN", &s) == -EINVAL && run_state_parse("", &s) == -EINVAL && s == RUN_RUNNING);
}

TEST(locks)
{
	int a, b, status;
	struct stat st;
	pid_t pid;

	own_run();
	a = record_lock("lk", true, NULL);
	CHECK(a >= 0);
	CHECK(record_lock("lk", false, NULL) == -EWOULDBLOCK);
	b = record_lock("other", false, NULL);
	CHECK(b >= 0);
	fd_close(b);
	/* One who waits while the file is removed must end up with the lock of the file that is there. */
	pid = fork();
	if (pid == 0) {
		struct stat mine, there;
		int fd;

		alarm(5);
		close(a);
		fd = record_lock("lk", true, NULL);
		_exit(fd < 0 || fstat(fd, &mine) < 0 || stat("/run/creel/locks/lk", &there) < 0 ||
		      (geteuid() == 0 && mine.st_ino != there.st_ino));
	}
	usleep(20000);
	if (geteuid() == 0)
		CHECK(unlink("/run/creel/locks/lk") == 0 && stat("/run/creel/locks/lk", &st) < 0);
	fd_close(a);
	CHECK(waitpid(pid, &status, 0) == pid && (status == 0 || geteuid() != 0));
}

static int64_t ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* A process that plays a container: after DELAY_MS it goes through STATES (ended by -1), all at once. */
static pid_t player(const char *id, int delay_ms, const int *states)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct record r = sample();
		int dir;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		usleep((useconds_t)delay_ms * 1000);
		dir = record_open_dir(id, true, NULL);
		r.keeper = 0;
		for (; *states >= 0; states++)
			if (record_set_state(dir, &r, (enum run_state) * states, NULL) < 0)
				_exit(1);
		sleep(10);
		_exit(0);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST(wait_at_once_and_in_vain)
{
	enum run_state s = RUN_THAWED;
	int64_t t = ms();

	own_run();
	CHECK(record_wait("nobody", 1u << RUN_STOPPED, -1, &s, NULL) == 1 && s == RUN_STOPPED);
	CHECK(record_wait("nobody", 1u << RUN_RUNNING, 0, &s, NULL) == 0 && s == RUN_STOPPED);
	CHECK(record_wait("nobody", 1u << RUN_RUNNING, 60, &s, NULL) == 0);
	CHECK(ms() - t >= 60 && ms() - t < 3000);
}

/* Neither the directory nor the file is there when the wait begins, and all is over before anybody can look. */
TEST(wait_sees_what_is_over)
{
	static const int states[] = { RUN_STARTING, RUN_RUNNING, RUN_STOPPING, RUN_STOPPED, -1 };
	enum run_state s = RUN_THAWED;
	pid_t pid;

	own_run();
	for (int i = 0; i < 5; i++) {
		char id[16];

		snprintf(id, sizeof(id), "brief%d", i);
		pid = player(id, 10 * i, states);
		CHECK(record_wait(id, 1u << RUN_STOPPING, 5000, &s, NULL) == 1 && s == RUN_STOPPING);
		end(pid);
	}
}

/* What was before the call does not count. */
TEST(wait_is_from_now)
{
	static const int states[] = { RUN_STARTING, RUN_RUNNING, RUN_FROZEN, -1 };
	enum run_state s = RUN_THAWED;
	pid_t pid;

	own_run();
	pid = player("past", 0, states);
	CHECK(record_wait("past", 1u << RUN_FROZEN, 5000, &s, NULL) == 1);
	CHECK(record_wait("past", 1u << RUN_RUNNING, 50, &s, NULL) == 0);
	end(pid);
}

/* A new life that drops the old lines: its first states are seen although the file is shorter than before. */
TEST(wait_over_a_shortened_file)
{
	static const int states[] = { RUN_STARTING, RUN_RUNNING, RUN_STOPPING, RUN_STOPPED, -1 };
	_cleanup_close_ int dir = fresh("grown"), fd = -EBADF;
	enum run_state s = RUN_THAWED;
	struct stat st;
	pid_t pid;

	fd = openat(dir, "events", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	for (int i = 0; i < 4000; i++)
		CHECK(write(fd, "STOPPED 1234567890 0\n", 21) == 21);
	pid = player("grown", 50, states);
	CHECK(record_wait("grown", 1u << RUN_RUNNING, 5000, &s, NULL) == 1 && s == RUN_RUNNING);
	end(pid);
	CHECK(fstat(fd, &st) == 0 && st.st_size < 1000);
}

/* Killed, so that nobody writes anything down: who waits for the end is woken all the same. */
TEST(wait_for_the_killed)
{
	static const int states[] = { RUN_STARTING, RUN_RUNNING, -1 };
	enum run_state s = RUN_THAWED;
	int64_t t;
	pid_t pid, killer;

	own_run();
	pid = player("victim", 0, states);
	CHECK(record_wait("victim", 1u << RUN_RUNNING, 5000, &s, NULL) == 1);
	killer = fork();
	if (killer == 0) {
		usleep(50000);
		kill(pid, SIGKILL);
		_exit(0);
	}
	t = ms();
	CHECK(record_wait("victim", 1u << RUN_STOPPED, 5000, &s, NULL) == 1 && s == RUN_STOPPED);
	CHECK(ms() - t < 900);
	waitpid(killer, NULL, 0);
	waitpid(pid, NULL, 0);
}
