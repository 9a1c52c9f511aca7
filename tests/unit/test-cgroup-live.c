/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The conformance run: the same calls against every layout this kernel can show. "host" is what is mounted; "v1" is a
 * folder of links to the host's v1 hierarchies; "v2" is the host's v2 mount by itself. All groups are named
 * creel-test-cgroup-PID and removed, also when a check fails.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cgroup/cgroup.h"
#include "cgroup/metrics.h"
#include "sys/syscalls.h"
#include "unit/test.h"

#define V1_ROOT "/sys/fs/cgroup"

static char group[64];
static char links[64];
static struct cg_host *host;
static struct cg *cg;
static pid_t child = -1;
static char passed_on[256]; /* what the v2 root passes down without us */
static const char *v2_root;

/* Making a v2 group made the root pass its controllers down: as found, please. */
static void restore_v2(void)
{
	char now[256], minus[64], *save = NULL;
	int fd = open(v2_root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (file_read_small(fd, "cgroup.subtree_control", now, sizeof(now)) > 0)
		for (char *w = strtok_r(now, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
			snprintf(minus, sizeof(minus), "-%s", w);
			if (!strstr(passed_on, w))
				file_write_raw(fd, "cgroup.subtree_control", minus, strlen(minus));
		}
	fd_close(fd);
	v2_root = NULL;
}

static void clean(void)
{
	if (child > 0) {
		if (cg)
			cg_freeze(cg, false, 1000, NULL);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = -1;
	cg = cg_free(cg);
	if (host)
		cg_remove(host, group, NULL);
	host = cg_host_free(host);
	if (links[0])
		tree_remove(AT_FDCWD, links, NULL);
	links[0] = '\0';
	if (v2_root)
		restore_v2();
}

/* Opens the layout and makes the group; false when this host has no such layout. */
static bool begin(const char *layout)
{
	const char *root = NULL, *control = V1_ROOT "/unified/cgroup.subtree_control";
	struct err e = { 0 };

	clean();
	snprintf(group, sizeof(group), "creel-test-cgroup-%d", (int)getpid());
	if (streq(layout, "v2")) {
		root = file_exists(AT_FDCWD, V1_ROOT "/cgroup.controllers")	      ? V1_ROOT
		       : file_exists(AT_FDCWD, V1_ROOT "/unified/cgroup.controllers") ? V1_ROOT "/unified"
										      : NULL;
		if (!root)
			return false;
	} else if (streq(layout, "v1")) {
		static const char *const names[] = { "cpu",	"cpuacct", "cpu,cpuacct", "cpuset", "memory",
						     "devices", "freezer", "blkio",	  "pids",   "systemd" };

		strcpy(links, "/tmp/creel-test-cgroup-XXXXXX");
		if (!mkdtemp(links))
			return false;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			char from[128], to[128];
			struct stat st;

			snprintf(from, sizeof(from), V1_ROOT "/%s", names[i]);
			snprintf(to, sizeof(to), "%s/%s", links, names[i]);
			if (lstat(from, &st) == 0 && S_ISDIR(st.st_mode) && symlink(from, to) < 0)
				return false;
		}
		root = links;
	}
	v2_root = V1_ROOT "/unified";
	if (file_exists(AT_FDCWD, V1_ROOT "/cgroup.controllers")) {
		v2_root = V1_ROOT;
		control = V1_ROOT "/cgroup.subtree_control";
	}
	if (file_read_small(AT_FDCWD, control, passed_on, sizeof(passed_on)) < 0)
		v2_root = NULL;
	if (cg_host_open(root, &host, &e) < 0 || cg_host_layout(host) == CG_NONE)
		return false;
	if (cg_create(host, group, &cg, &e) < 0) {
		printf("# %s\n", e.msg);
		return false;
	}
	return true;
}

/* A child in the group that sleeps, or runs FN. */
static int spawn(int (*fn)(void))
{
	int in[2], r = 0;

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		r = cg_attach(cg, 0, false, NULL);
		if (write(in[1], &r, sizeof(r)) != sizeof(r) || r < 0)
			_exit(99);
		if (fn)
			_exit(fn());
		for (;;)
			pause();
	}
	close(in[1]);
	if (read(in[0], &r, sizeof(r)) != sizeof(r))
		r = -EIO;
	close(in[0]);
	return r;
}

static bool has_child(void)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n;

	if (cg_pids(cg, &pids, &n, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pids[i] == child)
			return true;
	return false;
}

static const char *get(const char *key)
{
	static char text[1024];
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err e = { 0 };
	int r = cg_get(cg, key, &b, &e);

	snprintf(text, sizeof(text), "%s", r < 0 ? e.msg : buf_str(&b));
	return text;
}

static void conformance(const char *layout)
{
	_cleanup_close_ int fd = -EBADF;
	struct cg *again = NULL;
	struct cg_stats st;
	struct err e = { 0 };
	bool frozen = true;

	CHECK_STR(cg_path(cg), group);
	CHECK(spawn(NULL) == 0);
	CHECK(has_child());

	/* Entered groups are not given away and not removed. */
	CHECK(cg_create(host, group, &again, &e) == -EBUSY);
	CHECK(cg_remove(host, group, &e) == -EBUSY && e.hint[0]);
	CHECK(has_child());
	CHECK(cg_open(host, group, &again, &e) == 0);
	again = cg_free(again);

	CHECK(cg_is_frozen(cg, &frozen, &e) == 0 && !frozen);
	CHECK(cg_freeze(cg, true, 2000, &e) == 0);
	CHECK(cg_is_frozen(cg, &frozen, &e) == 0 && frozen);
	CHECK_STR(get("freezer.state"), "FROZEN");
	CHECK_STR(get("cgroup.freeze"), "1");
	CHECK(cg_freeze(cg, false, 2000, &e) == 0);
	CHECK(cg_is_frozen(cg, &frozen, &e) == 0 && !frozen);

	CHECK(cg_stats(cg, &st, &e) == 0);
	CHECK(st.cpu_ns != UINT64_MAX);
	if (cg_host_has(host, "pids")) {
		CHECK(st.pids == 1 && st.pids_max == UINT64_MAX);
		CHECK(cg_set(cg, 2, "pids.max", "20", &e) == 0);
		CHECK_STR(get("pids.max"), "20");
	}
	if (cg_host_has(host, "memory")) {
		CHECK(st.memory != UINT64_MAX && st.memory_max == UINT64_MAX && st.oom_kills == 0);
		CHECK(cg_set(cg, 1, "memory.limit_in_bytes", "64M", &e) == 0);
		CHECK_STR(get("memory.max"), "67108864");
		CHECK_STR(get("memory.limit_in_bytes"), "67108864");
		CHECK(cg_set(cg, 2, "memory.max", "32M", &e) == 0);
		CHECK_STR(get("memory.limit_in_bytes"), "33554432");
		CHECK(cg_set(cg, 0, "memory.max", "nonsense", &e) < 0 && strstr(e.msg, "nonsense"));
		CHECK(cg_stats(cg, &st, &e) == 0 && st.memory_max == 32u << 20);
		CHECK(cg_set(cg, 2, "memory.swap.max", "16M", &e) == 0);
		CHECK_STR(get("memory.swap.max"), "16777216");
		CHECK_STR(get("memory.memsw.limit_in_bytes"), "50331648");
	}
	if (cg_host_has(host, "cpu")) {
		CHECK(cg_set(cg, 2, "cpu.weight", "200", &e) == 0);
		CHECK_STR(get("cpu.weight"), "200");
		CHECK(cg_set(cg, 2, "cpu.max", "50000 200000", &e) == 0);
		CHECK_STR(get("cpu.max"), "50000 200000");
		CHECK_STR(get("cpu.cfs_quota_us"), "50000");
	}
	/* On a hybrid host this is the one that v2 has: passed down when it is asked for. */
	if (cg_host_has(host, "hugetlb") && file_exists(AT_FDCWD, "/sys/kernel/mm/hugepages/hugepages-2048kB")) {
		CHECK(cg_set(cg, 1, "hugetlb.2MB.limit_in_bytes", "4M", &e) == 0);
		CHECK_STR(get("hugetlb.2MB.max"), "4194304");
		CHECK_STR(get("hugetlb.2MB.limit_in_bytes"), "4194304");
	}
	if (cg_host_has(host, "cpuset"))
		CHECK(get("cpuset.effective_cpus")[0]);
	CHECK(cg_set(cg, 0, "nothing.here", "1", &e) == -EOPNOTSUPP && strstr(e.msg, "nothing.here"));

	fd = cg_v2_fd(cg);
	CHECK(fd >= 0 || (streq(layout, "v1") && fd == -EOPNOTSUPP));

	CHECK(cg_kill(cg, &e) == 0);
	CHECK(waitpid(child, NULL, 0) == child);
	child = -1;
	CHECK(cg_remove(host, group, &e) == 0);
	CHECK(cg_remove(host, group, &e) == 0);
	CHECK(cg_open(host, group, &again, &e) == -ENOENT);
	CHECK(cg_stats(cg, &st, &e) == -ENOENT);
}

#define LAYOUT_TEST(name, layout)                                  \
	TEST(name##_##layout)                                      \
	{                                                          \
		jmp_buf out;                                       \
		int r;                                             \
                                                                   \
		if (!begin(#layout)) {                             \
			clean();                                   \
			SKIP("no " #layout " hierarchies to use"); \
		}                                                  \
		/* Whatever a check says, the group goes. */       \
		memcpy(&out, &test_out, sizeof(out));              \
		r = setjmp(test_out);                              \
		if (r == 0)                                        \
			name(#layout);                             \
		memcpy(&test_out, &out, sizeof(out));              \
		clean();                                           \
		if (r != 0)                                        \
			longjmp(test_out, r);                      \
	}

LAYOUT_TEST(conformance, host)
LAYOUT_TEST(conformance, v1)
LAYOUT_TEST(conformance, v2)

/* Allocates until it is stopped. */
static int hog(void)
{
	for (unsigned i = 0; i < 64; i++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return 1;
		memset(p, 1, 1 << 20);
	}
	return 0;
}

static void out_of_memory(const char *layout)
{
	_cleanup_close_ int fd = -EBADF;
	struct pollfd p = { .events = POLLIN };
	struct cg_stats st;
	struct err e = { 0 };
	char text[4096];
	int status;

	if (!cg_host_has(host, "memory"))
		SKIP("no memory controller in this layout");
	CHECK(cg_set(cg, 1, "memory.limit_in_bytes", "8M", &e) == 0);
	/* Without swap accounting the file is missing: then there is no swap to escape to here either. */
	cg_set(cg, 1, "memory.memsw.limit_in_bytes", "8M", NULL);
	CHECK(cg_oom_fd(cg, &fd, &e) == 0);
	p.fd = fd;
	CHECK(poll(&p, 1, 0) == 0);
	CHECK(spawn(hog) == 0);
	CHECK(waitpid(child, &status, 0) == child);
	child = -1;
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(poll(&p, 1, 2000) == 1);
	CHECK(read(fd, text, sizeof(text)) > 0);
	CHECK(read(fd, text, sizeof(text)) == -1 && errno == EAGAIN);
	CHECK(cg_stats(cg, &st, &e) == 0);
	CHECK(st.oom_kills >= 1 && st.memory_max == 8u << 20);
	CHECK(st.memory_peak >= 4u << 20);
}

LAYOUT_TEST(out_of_memory, host)
LAYOUT_TEST(out_of_memory, v1)
LAYOUT_TEST(out_of_memory, v2)

/* Opens what the rules forbid and allow; the exit code says which went wrong. */
static int open_devices(void)
{
	if (open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
		return 1;
	if (open("/dev/zero", O_RDONLY | O_CLOEXEC) < 0)
		return 2;
	if (open("/dev/zero", O_RDWR | O_CLOEXEC) >= 0 || errno != EPERM)
		return 3;
	if (open("/dev/full", O_RDONLY | O_CLOEXEC) >= 0 || errno != EPERM)
		return 4;
	return 42;
}

static int open_full(void)
{
	return open("/dev/full", O_RDONLY | O_CLOEXEC) < 0 ? 1 : 42;
}

static int status_of(int (*fn)(void))
{
	int status, r = spawn(fn);

	if (r < 0 || waitpid(child, &status, 0) != child)
		return -1;
	child = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void devices(const char *layout)
{
	struct err e = { 0 };

	CHECK(cg_set(cg, 1, "devices.deny", "a", &e) == 0);
	CHECK(cg_set(cg, 1, "devices.allow", "c 1:3 rwm", &e) == 0);
	CHECK(cg_set(cg, 2, "devices.allow", "c 1:5 rw", &e) == 0);
	CHECK(cg_set(cg, 2, "devices.deny", "c 1:5 w", &e) == 0);
	CHECK(cg_set(cg, 2, "devices.allow", "c 1:* q", &e) == -EINVAL);
	CHECK(cg_devices_commit(cg, &e) == 0);
	CHECK(status_of(open_devices) == 42);
	CHECK(status_of(open_full) == 1);
	/* Rules may be added later: the program is replaced. */
	CHECK(cg_set(cg, 0, "devices.allow", "c 1:7 r", &e) == 0);
	CHECK(cg_devices_commit(cg, &e) == 0);
	CHECK(cg_devices_commit(cg, &e) == 0);
	CHECK(status_of(open_full) == 42);
	/* Also by somebody else, who knows only the group. */
	cg = cg_free(cg);
	CHECK(cg_open(host, group, &cg, &e) == 0);
	CHECK(cg_set(cg, 0, "devices.deny", "c 1:7 rwm", &e) == 0);
	CHECK(cg_devices_commit(cg, &e) == 0);
	CHECK(status_of(open_devices) == 42);
	cg = cg_free(cg);
	CHECK(cg_open(host, group, &cg, &e) == 0);
	CHECK(cg_set(cg, 0, "devices.allow", "c 1:7 rwm", &e) == 0);
	CHECK(cg_devices_commit(cg, &e) == 0);
	CHECK(status_of(open_full) == 42);
	CHECK(status_of(open_devices) == 4);
	/* A group that is taken over brings no program along. */
	cg = cg_free(cg);
	CHECK(cg_create(host, group, &cg, &e) == 0);
	CHECK(status_of(open_devices) == (cg_host_layout(host) == CG_V2 ? 3 : 4));
}

LAYOUT_TEST(devices, host)
LAYOUT_TEST(devices, v1)
LAYOUT_TEST(devices, v2)

/* 64 processes that all fork as fast as they can. */
static int storm(void)
{
	for (unsigned i = 0; i < 6; i++)
		if (fork() < 0)
			break;
	for (;;)
		if (fork() == 0)
			_exit(0);
		else
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
}

static void kill_all(const char *layout)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct err e = { 0 };
	size_t n = 0;

	if (cg_host_has(host, "pids"))
		CHECK(cg_set(cg, 0, "pids.max", "100", &e) == 0);
	CHECK(spawn(storm) == 0);
	for (unsigned i = 0; i < 200 && n < 8; i++) {
		usleep(5000);
		free(TAKE_PTR(pids));
		CHECK(cg_pids(cg, &pids, &n, &e) == 0);
	}
	CHECK(n >= 8);
	/* Killed while frozen: nothing of it stays frozen. */
	CHECK(cg_freeze(cg, true, 5000, &e) == 0);
	CHECK(cg_kill(cg, &e) == 0);
	CHECK(waitpid(child, NULL, 0) == child);
	child = -1;
	for (unsigned i = 0; i < 400 && n > 0; i++) {
		usleep(5000);
		free(TAKE_PTR(pids));
		CHECK(cg_pids(cg, &pids, &n, &e) == 0);
	}
	CHECK(n == 0);
	CHECK(cg_kill(cg, &e) == 0);
	CHECK(cg_remove(host, group, &e) == 0);
}

LAYOUT_TEST(kill_all, host)
LAYOUT_TEST(kill_all, v1)
LAYOUT_TEST(kill_all, v2)

static void nested(const char *layout)
{
	_cleanup_free_ pid_t *pids = NULL;
	char inner[96], deep[128], procs[160];
	struct cg *sub = NULL, *whole;
	struct err e = { 0 };
	struct stat st;
	size_t n;
	int r, fd;

	/* Parents that are missing are made, and are ready to be entered (v1's cpuset wants that). */
	snprintf(inner, sizeof(inner), "%s/a", group);
	snprintf(deep, sizeof(deep), "%s/b/c", inner);
	CHECK(cg_create(host, deep, &sub, &e) == 0);
	whole = cg;
	cg = sub;
	r = spawn(NULL);
	cg = whole;
	sub = cg_free(sub);
	CHECK(r == 0);
	CHECK(cg_pids(cg, &pids, &n, &e) == 0 && n == 1 && pids[0] == child);
	CHECK(cg_create(host, inner, &sub, &e) == -EBUSY);
	CHECK(cg_freeze(cg, true, 2000, &e) == 0);
	CHECK(cg_freeze(cg, false, 2000, &e) == 0);
	CHECK(cg_chown(cg, 12345, 54321, &e) == 0);
	fd = cg_v2_fd(cg);
	if (fd >= 0) {
		snprintf(procs, sizeof(procs), "/proc/self/fd/%d/cgroup.procs", fd);
		CHECK(stat(procs, &st) == 0 && st.st_uid == 12345 && st.st_gid == 54321);
		CHECK(fstat(fd, &st) == 0 && st.st_uid == 12345);
		fd_close(fd);
	}
	/* From outside, the expensive way. */
	r = cg_attach(cg, child, false, &e);
	/* v2: a group that passes controllers on takes no processes. */
	CHECK(r == 0 || (cg_host_layout(host) == CG_V2 && r == -EBUSY && e.hint[0]));
	CHECK(cg_kill(cg, &e) == 0);
	CHECK(waitpid(child, NULL, 0) == child);
	child = -1;
	/* What is empty is taken over, without the sub-groups it had. */
	CHECK(cg_create(host, inner, &sub, &e) == 0);
	sub = cg_free(sub);
	CHECK(cg_open(host, deep, &sub, &e) == -ENOENT);
	CHECK(cg_create(host, deep, &sub, &e) == 0);
	sub = cg_free(sub);
	CHECK(cg_remove(host, group, &e) == 0);
	CHECK(cg_open(host, group, &sub, &e) == -ENOENT);
}

LAYOUT_TEST(nested, host)
LAYOUT_TEST(nested, v1)
LAYOUT_TEST(nested, v2)

/* CLONE_INTO_CGROUP for v2, the child's own step for v1. */
static void clone_into(const char *layout)
{
	_cleanup_close_ int fd = cg_v2_fd(cg);
	struct clone_args args = { .exit_signal = SIGCHLD };
	struct cg_stats st;
	int status;

	if (fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)fd;
	}
	fflush(stdout);
	child = sys_clone3(&args);
	if (child == -ENOSYS)
		SKIP("no clone3");
	if (child == 0) {
		if (cg_attach(cg, 0, true, NULL) < 0)
			_exit(1);
		if (cg_stats(cg, &st, NULL) < 0 || (st.pids != UINT64_MAX && st.pids != 1))
			_exit(2);
		_exit(42);
	}
	CHECK(child > 0);
	CHECK(waitpid(child, &status, 0) == child);
	child = -1;
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

LAYOUT_TEST(clone_into, host)
LAYOUT_TEST(clone_into, v1)
LAYOUT_TEST(clone_into, v2)

/* Who may write nowhere gets one clear answer. */
static int create_as_nobody(void)
{
	char path[96];
	struct cg *g = NULL;
	struct err e = { 0 };
	int r;

	snprintf(path, sizeof(path), "%s-nobody", group);
	if (setresuid(65534, 65534, 65534) < 0)
		return 1;
	r = cg_create(host, path, &g, &e);
	return (r == -EACCES || r == -EPERM) && !g && strstr(e.msg, path) && e.hint[0] ? 42 : 2;
}

static void unprivileged(const char *layout)
{
	CHECK(status_of(create_as_nobody) == 42);
}

LAYOUT_TEST(unprivileged, host)
LAYOUT_TEST(unprivileged, v1)
LAYOUT_TEST(unprivileged, v2)

/* Too few fds for all hierarchies: an error, never a host that seems to have fewer of them. */
TEST(probe_is_all_or_nothing)
{
	_cleanup_buf_ struct buf whole = BUF_INIT;
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	struct rlimit saved, low;
	unsigned failed = 0;

	CHECK(cg_host_open(NULL, &h, NULL) == 0);
	if (cg_host_layout(h) == CG_NONE)
		SKIP("no control groups");
	CHECK(cg_host_describe(h, &whole, NULL) == 0);
	h = cg_host_free(h);
	CHECK(getrlimit(RLIMIT_NOFILE, &saved) == 0);
	low = saved;
	for (low.rlim_cur = 3; low.rlim_cur < 64; low.rlim_cur++) {
		_cleanup_buf_ struct buf now = BUF_INIT;
		int r;

		setrlimit(RLIMIT_NOFILE, &low);
		r = cg_host_open(NULL, &h, NULL);
		setrlimit(RLIMIT_NOFILE, &saved);
		failed += r < 0;
		if (r < 0)
			continue;
		CHECK(cg_host_describe(h, &now, NULL) == 0);
		CHECK_STR(buf_str(&now), buf_str(&whole));
		h = cg_host_free(h);
	}
	CHECK(failed > 0);
}

/* --- as OCI has it --------------------------------------------------------------------------------------------------- */

static const struct cg_oci oci = { 0 };

/* Whether any hierarchy has a group of that path. */
static bool there(const char *path)
{
	struct cg *g = NULL;
	bool is = cg_open(host, path, &g, NULL) == 0;

	cg_free(g);
	return is;
}

/* Parents that were made go with the last of their groups; what was there stays. */
static void owners(const char *layout)
{
	char a[96], b[96], mid[96], made[96];
	struct cg *one = NULL, *two = NULL;
	struct err e = { 0 };

	cg_host_oci(host, &oci);
	snprintf(mid, sizeof(mid), "%s/x", group);
	snprintf(made, sizeof(made), "%s/x/y", group);
	snprintf(a, sizeof(a), "%s/x/y/a", group);
	snprintf(b, sizeof(b), "%s/x/y/b", group);
	CHECK(cg_create(host, a, &one, &e) == 0);
	one = cg_free(one);
	CHECK(cg_create(host, b, &two, &e) == 0);
	two = cg_free(two);
	CHECK(cg_remove(host, a, &e) == 0);
	CHECK(!there(a) && there(made) && there(b));
	CHECK(cg_remove(host, b, &e) == 0);
	CHECK(!there(made) && !there(mid) && there(group));
	/* The whole was made by begin(), so it is ours; what OCI finds is somebody's. */
	CHECK(cg_create(host, mid, &one, &e) == 0);
	one = cg_free(one);
	CHECK(cg_create(host, mid, &two, &e) == 0);
	two = cg_free(two);
	CHECK(cg_remove(host, mid, &e) == 0);
	CHECK(there(mid));
	CHECK(cg_remove(host, mid, &e) == 0);
	CHECK(!there(mid));
	cg_host_oci(host, NULL);
}

LAYOUT_TEST(owners, host)
LAYOUT_TEST(owners, v1)
LAYOUT_TEST(owners, v2)

/* Limits go up and down in any order of the list, and in both directions. */
static void updates(const char *layout)
{
	static const struct {
		const char *limit, *memsw;
	} steps[] = { { "33554432", "67108864" },
		      { "134217728", "268435456" },
		      { "16777216", "33554432" },
		      { "-1", NULL },
		      { "33554432", "33554432" } };
	const struct cg_item cpu[] = { { 1, "cpu.cfs_burst_us", "5000" },
				       { 1, "cpu.cfs_period_us", "50000" },
				       { 1, "cpu.cfs_quota_us", "10000" },
				       { 1, "cpu.shares", "512" },
				       { 1, "pids.max", "0" },
				       { 1, "blkio.leaf_weight", "0" } };
	const struct cg_item idle[] = { { 1, "cpu.idle", "1" } };
	const struct cg_item busy[] = { { 1, "cpu.shares", "512" }, { 1, "cpu.idle", "0" } };
	_cleanup_cg_metrics_ struct cg_metrics m = { 0 };
	struct err e = { 0 };

	cg_host_oci(host, &oci);
	for (size_t i = 0; cg_host_has(host, "memory") && i < 2 * ARRAY_SIZE(steps); i++) {
		const char *limit = steps[i / 2].limit, *memsw = steps[i / 2].memsw;
		const struct cg_item up[] = { { 1, "memory.limit_in_bytes", limit },
					      { 1, "memory.memsw.limit_in_bytes", memsw } };
		const struct cg_item down[] = { up[1], up[0] };

		CHECK(cg_apply(cg, i % 2 && memsw ? down : up, memsw ? 2 : 1, &e) == 0);
		CHECK_STR(get("memory.limit_in_bytes"), streq(limit, "-1") ? "9223372036854771712" : limit);
		CHECK_STR(get("memory.memsw.limit_in_bytes"), memsw ?: "9223372036854771712");
	}
	if (cg_host_has(host, "cpu")) {
		CHECK(cg_apply(cg, cpu, cg_host_has(host, "pids") ? 6 : 4, &e) == 0);
		CHECK_STR(get("cpu.cfs_quota_us"), "10000");
		CHECK_STR(get("cpu.cfs_period_us"), "50000");
		CHECK_STR(get("cpu.cfs_burst_us"), "5000");
		/* Several shares have one weight. */
		CHECK_STR(get("cpu.weight"), "59");
		CHECK(cg_apply(cg, idle, 1, &e) == 0);
		CHECK_STR(get("cpu.idle"), "1");
		CHECK(cg_apply(cg, busy, 2, &e) == 0);
		CHECK_STR(get("cpu.idle"), "0");
	}
	CHECK(spawn(NULL) == 0);
	CHECK(cg_metrics_read(cg, &m, &e) == 0);
	if (cg_host_has(host, "memory"))
		CHECK(m.memory.usage > 0 && m.memory.limit == 33554432 && m.memory_stat.len > 100);
	if (cg_host_has(host, "pids"))
		CHECK(m.pids == 1 && m.pids_limit == 1);
	if (cg_host_layout(host) != CG_V2)
		CHECK(m.n_percpu > 0 && m.n_cpus > 0 && m.n_mems > 0);
	cg_host_oci(host, NULL);
}

LAYOUT_TEST(updates, host)
LAYOUT_TEST(updates, v1)
LAYOUT_TEST(updates, v2)

/* What a process is in, and what is relative to it. */
static void relative(const char *layout)
{
	_cleanup_free_ char *path = NULL, *own = NULL;
	struct cg *again = NULL, *sub = NULL;
	struct err e = { 0 };
	char below[96];

	cg_host_oci(host, &oci);
	CHECK(spawn(NULL) == 0);
	CHECK(cg_open_pid(host, child, &again, &e) == 0);
	CHECK_STR(cg_path(again), group);
	again = cg_free(again);
	CHECK(cg_oci_path(host, NULL, false, "creel-test-id", &own, &e) == 0);
	CHECK(strstr(own, "creel-test-id"));
	CHECK(cg_oci_path(host, "/creel-test-abs/x", true, "id", &path, &e) == 0);
	CHECK_STR(path, "creel-test-abs/x");
	/* Wherever we are ourselves, groups below can be made, found and removed. */
	CHECK(cg_create(host, own, &sub, &e) == 0);
	sub = cg_free(sub);
	CHECK(there(own));
	CHECK(cg_remove(host, own, &e) == 0);
	CHECK(!there(own));
	/* Sub-groups for exec. */
	snprintf(below, sizeof(below), "%s/s", group);
	CHECK(cg_create(host, below, &sub, &e) == 0);
	sub = cg_free(sub);
	CHECK(cg_sub(cg, (const char *const[]){ "s", NULL }, &sub, &e) == 0);
	CHECK(cg_attach(sub, child, false, &e) == 0);
	sub = cg_free(sub);
	CHECK(cg_open_pid(host, child, &sub, &e) == 0);
	CHECK_STR(cg_path(sub), below);
	sub = cg_free(sub);
	cg_host_oci(host, NULL);
}

/* Where a further process goes when the first has moved below and the group takes none itself. */
static void entry(const char *layout)
{
	struct cg *sub = NULL;
	struct err e = { 0 };
	char below[96];

	cg_host_oci(host, &oci);
	CHECK(spawn(NULL) == 0);
	CHECK(cg_entry(cg, child, &sub, &e) == 0 && !sub);
	snprintf(below, sizeof(below), "%s/s", group);
	CHECK(cg_create(host, below, &sub, &e) == 0);
	CHECK(cg_attach(sub, child, false, &e) == 0);
	sub = cg_free(sub);
	/* A hybrid host's v2 has nothing to pass on. */
	if (cg_host_layout(host) == CG_V2 && cg_set(cg, 2, "cgroup.subtree_control", "+pids", &e) == 0) {
		CHECK(cg_attach(cg, child, false, NULL) == -EBUSY);
		CHECK(cg_entry(cg, child, &sub, &e) == 0 && sub);
		CHECK_STR(cg_path(sub), below);
		CHECK(cg_attach(sub, child, false, &e) == 0);
		sub = cg_free(sub);
		/* Nobody is led out of the container's group. */
		CHECK(cg_entry(cg, getpid(), &sub, &e) == 0 && !sub);
	} else {
		CHECK(cg_host_layout(host) != CG_V2 || !streq(layout, "host"));
		CHECK(cg_entry(cg, child, &sub, &e) == 0 && !sub);
	}
	cg_host_oci(host, NULL);
}

LAYOUT_TEST(entry, host)
LAYOUT_TEST(entry, v1)
LAYOUT_TEST(entry, v2)

LAYOUT_TEST(relative, host)
LAYOUT_TEST(relative, v1)
LAYOUT_TEST(relative, v2)
