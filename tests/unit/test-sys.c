/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "sys/clone.h"
#include "sys/errand.h"
#include "sys/ns.h"
#include "sys/probe.h"
#include "sys/proc.h"
#include "sys/pty.h"
#include "sys/syscalls.h"
#include "unit/test.h"

static const char *const table_order[] = { "user", "mnt", "pid", "uts", "ipc", "net", "cgroup", "time" };

TEST(ns_table_is_in_the_model_s_order)
{
	for (size_t i = 0; i < ARRAY_SIZE(table_order); i++)
		CHECK_STR(ns_table[i].name, table_order[i]);
	CHECK(!ns_table[ARRAY_SIZE(table_order)].name);
}

TEST(ns_open_all_of_self)
{
	for (const struct ns_info *ns = ns_table; ns->name; ns++) {
		_cleanup_close_ int fd = -EBADF;
		struct err e = { 0 };
		struct stat st;
		ino_t ino;

		fd = ns_open_pid(getpid(), ns, &e);
		if (fd == -EINVAL && ns->flag == CLONE_NEWTIME)
			continue;
		CHECK(fd >= 0);
		CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
		CHECK(fstat(fd, &st) == 0 && ns_ino(getpid(), ns, &ino) == 0);
		CHECK(st.st_ino == ino);
	}
}

TEST(ns_open_refuses_other_types_and_files)
{
	static const char *const bad[] = { "/proc/self/ns/net",	   "/dev/null", "/nonexistent",
					   "/proc/self/status",	   "relative",	"",
					   "99999999999999999999", "4194304000" };
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK(ns_open(bad[i], &ns_table[1], &e) == -EINVAL);
		CHECK(strstr(e.msg, "is no mnt name space"));
	}
}

TEST(proc_start_time_names_a_process)
{
	_cleanup_close_ int fd = -EBADF;
	uint64_t start = 0, again = 0;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		pause();
	CHECK(pid > 0);
	CHECK(proc_start_time(pid, &start) == 0 && proc_start_time(pid, &again) == 0);
	CHECK(start > 0 && start == again);
	CHECK(proc_open(pid, start + 1) == -ESRCH);
	fd = proc_open(pid, start);
	CHECK(fd >= 0);
	CHECK(sys_pidfd_send_signal(fd, SIGKILL) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	CHECK(proc_open(pid, start) == -ESRCH);
	CHECK(proc_start_time(pid, &start) == -ESRCH);
	CHECK(proc_open(0, 0) == -ESRCH);
}

TEST(proc_start_time_survives_a_hostile_name)
{
	uint64_t before, after;
	FILE *f;

	CHECK(proc_start_time(getpid(), &before) == 0);
	f = fopen("/proc/self/comm", "w");
	CHECK(f && fputs(") R 1 (x) 2 3", f) > 0 && fclose(f) == 0);
	CHECK(proc_start_time(getpid(), &after) == 0);
	CHECK(before == after);
}

TEST(pty_pair_talks)
{
	_cleanup_close_ int master = -EBADF, slave = -EBADF;
	struct winsize ws = { .ws_row = 11, .ws_col = 22 }, got;
	struct termios saved;
	char buf[8] = "";
	struct stat st;

	CHECK(pty_open(-EBADF, &master, &slave) == 0);
	CHECK(fcntl(master, F_GETFD) == FD_CLOEXEC && fcntl(slave, F_GETFD) == FD_CLOEXEC);
	CHECK(pty_raw(slave, &saved) == 0);
	CHECK(write(slave, "a\n", 2) == 2 && read(master, buf, sizeof(buf)) == 2);
	CHECK(buf[0] == 'a' && buf[1] == '\n');
	pty_restore(slave, &saved);
	CHECK(ioctl(master, TIOCSWINSZ, &ws) == 0);
	CHECK(pty_copy_size(slave, master) == 0 && ioctl(slave, TIOCGWINSZ, &got) == 0);
	CHECK(got.ws_row == 11 && got.ws_col == 22);
	CHECK(fstat(slave, &st) == 0 && major(st.st_rdev) == 136);
}

TEST(pty_refuses_what_is_no_devpts)
{
	_cleanup_close_ int dir = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int m = -7, s = -7;
	struct termios t;

	CHECK(pty_open(dir, &m, &s) == -ENODEV);
	CHECK(m == -7 && s == -7);
	CHECK(pty_raw(null, &t) == -ENOTTY);
}

static int run_clone(const struct clone_opts *o, int *pidfd)
{
	int status;
	pid_t pid = clone_process(o, pidfd);

	if (pid == 0)
		_exit(getpid() == 1 ? 41 : 42);
	if (pid < 0)
		return pid;
	if (waitpid(pid, &status, __WALL) != pid)
		return -errno;
	return WEXITSTATUS(status);
}

static int fork_and_clone_as_sibling(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct clone_opts o = { .flags = CLONE_PARENT };
		pid_t sibling = clone_process(&o, NULL);

		_exit(sibling < 0 ? 99 : sibling == 0 ? 7 : 0);
	}
	if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 0)
		return -ECHILD;
	return waitpid(-1, &status, 0) > 0 ? WEXITSTATUS(status) : -errno;
}

static void check_clone(void)
{
	struct clone_opts plain = { 0 }, pidns = { .flags = CLONE_NEWPID }, vm = { .flags = CLONE_VM };
	int pidfd = -EBADF;

	CHECK(run_clone(&plain, NULL) == 42);
	CHECK(run_clone(&plain, &pidfd) == 42);
	CHECK(pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	fd_close(pidfd);
	CHECK(run_clone(&vm, NULL) == -EINVAL);
	CHECK(fork_and_clone_as_sibling() == 7);
	if (geteuid() == 0)
		CHECK(run_clone(&pidns, NULL) == 41);
}

TEST(clone_forks)
{
	check_clone();
}

TEST(clone_forks_without_clone3)
{
	struct clone_opts timens = { .flags = CLONE_NEWTIME }, cg = { .cgroup_fd = 100 };

	probe_mask(1u << PROBE_CLONE3);
	check_clone();
	CHECK(run_clone(&timens, NULL) == -EOPNOTSUPP);
	CHECK(run_clone(&cg, NULL) == -EOPNOTSUPP);
	probe_mask(1u << PROBE_CLONE_INTO_CGROUP);
	CHECK(run_clone(&cg, NULL) == -EOPNOTSUPP);
	probe_mask(0);
}

static void check_cloexec_from(void)
{
	int fds[40];
	size_t marked = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		CHECK((fds[i] = open("/dev/null", O_RDONLY)) >= 0);
	CHECK(clone_cloexec_from(fds[1]) == 0);
	CHECK(fcntl(fds[0], F_GETFD) == 0);
	for (size_t i = 1; i < ARRAY_SIZE(fds); i++)
		marked += fcntl(fds[i], F_GETFD) == FD_CLOEXEC;
	CHECK(marked == ARRAY_SIZE(fds) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

TEST(cloexec_from)
{
	check_cloexec_from();
}

TEST(cloexec_from_without_close_range)
{
	probe_mask(1u << PROBE_CLOSE_RANGE);
	check_cloexec_from();
	probe_mask(0);
}

TEST(probes_have_names_and_can_be_masked)
{
	for (unsigned i = 0; i < PROBE_MAX; i++) {
		CHECK(probe_name(i) && *probe_name(i));
		for (unsigned k = 0; k < i; k++)
			CHECK(strcmp(probe_name(i), probe_name(k)) != 0);
		printf("# %s: %s\n", probe_name(i), probe_has(i) ? "yes" : "no");
		CHECK(probe_has(i) == probe_has(i));
	}
	CHECK(probe_mask(1u << PROBE_PIDFD) == 0);
	CHECK(!probe_has(PROBE_PIDFD));
	CHECK(probe_mask(0) == 1u << PROBE_PIDFD);
	CHECK(probe_has(PROBE_PIDFD));
}

/* --- errands --------------------------------------------------------------------------------------------------------- */

static int errand(int sock, int *ret_fd, void *arg, struct err *e)
{
	const char *what = arg;
	char c;

	if (streq(what, "fail"))
		return err_kind(e, ERR_LIMIT, -E2BIG, "too much");
	if (streq(what, "silent"))
		return -EIO;
	if (streq(what, "die"))
		_exit(0);
	if (streq(what, "talk") &&
	    (fd_send(sock, "w", 1, NULL, 0) != 1 || fd_recv(sock, &c, 1, NULL, NULL) != 1 || c != 'g'))
		return err_kind(e, ERR_STATE, -EPROTO, "not the word");
	if (streq(what, "give"))
		*ret_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

static int run_errand(const char *what, int *ret_fd, struct err *e)
{
	struct errand x;
	int r = errand_start(&x, errand, (void *)(uintptr_t)what, e);

	if (r == 0)
		r = errand_answer(&x, ret_fd, "the errand", e);
	errand_end(&x);
	errand_end(&x);
	return r;
}

TEST(errand_answers)
{
	_cleanup_close_ int fd = -EBADF;
	struct err e = { 0 };

	CHECK(run_errand("nothing", &fd, &e) == 0 && fd == -EBADF && e.code == 0);
	CHECK(run_errand("give", &fd, &e) == 0 && fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
	CHECK(run_errand("fail", NULL, &e) == -E2BIG && e.kind == ERR_LIMIT && streq(e.msg, "too much"));
	CHECK(run_errand("silent", NULL, &e) == -EIO && e.code == -EIO && e.msg[0]);
	CHECK(run_errand("fail", NULL, NULL) == -E2BIG);
	CHECK(run_errand("die", NULL, &e) == -ECHILD && streq(e.msg, "the errand was killed"));
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
}

TEST(errand_says_a_word_first)
{
	struct errand x;
	struct err e = { 0 };

	CHECK(errand_start(&x, errand, (void *)(uintptr_t) "talk", &e) == 0);
	CHECK(errand_word(&x) && fd_send(x.sock, "g", 1, NULL, 0) == 1);
	CHECK(errand_answer(&x, NULL, "the errand", &e) == 0);
	errand_end(&x);
	CHECK(errand_start(&x, errand, (void *)(uintptr_t) "fail", &e) == 0);
	CHECK(!errand_word(&x));
	CHECK(errand_answer(&x, NULL, "the errand", &e) == -E2BIG);
	errand_end(&x);
	CHECK(errand_start(&x, errand, (void *)(uintptr_t) "die", &e) == 0);
	CHECK(!errand_word(&x));
	/* Let go of in the middle, it ends. */
	errand_end(&x);
	CHECK(errand_start(&x, errand, (void *)(uintptr_t) "talk", &e) == 0);
	CHECK(errand_word(&x));
	errand_end(&x);
	CHECK(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
}
