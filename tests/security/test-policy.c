/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Regressions of identity, capabilities and policy that other engines have had, each under its number, against the
 * drivers alone: what a container's first process is given by them, tried on a process that is given the same.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cgroup/cgroup.h"
#include "security/security.h"
#include "sys/caps.h"
#include "sys/passwd.h"
#include "unit/test.h"

static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int st;

	if (pid == 0)
		_exit(fn());
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

/* --- who one is -------------------------------------------------------------------------------------------------- */

/* Every trap at once: users whose names are numbers, and root under each. */
static const char trap_passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
				  "1:x:0:0::/root:/bin/sh\n"
				  "1000:x:0:0::/root:/bin/sh\n"
				  "4294967296:x:0:0::/root:/bin/sh\n"
				  "-1:x:0:0::/root:/bin/sh\n"
				  "0x1:x:0:0::/root:/bin/sh\n"
				  "big:x:4294967296:4294967296::/:/bin/sh\n"
				  "minus:x:-1:-1::/:/bin/sh\n"
				  "empty:x:::::\n"
				  "short:x:5\n"
				  "app:x:1000:1000::/app:/bin/sh\n";
static const char trap_group[] =
	"root:x:0:\n1000:x:0:app\napp:x:1000:\nextra:x:2000:other,app\nwheel:x:10:apple,xapp\n";

static int find(const char *spec, struct passwd_user *ret)
{
	struct err e = { 0 };
	int r = passwd_find_text(trap_passwd, strlen(trap_passwd), trap_group, strlen(trap_group), spec, ret, &e);

	if (r < 0 && (e.code != r || !*e.msg))
		printf("# '%s' failed without a word\n", spec);
	return r;
}

/* CVE-2016-3697, CVE-2024-40635, CVE-2026-46680, CVE-2026-30892: digits are a number, whatever users are called. */
TEST(cve_2016_3697_digits_are_a_number)
{
	static const uint32_t numbers[] = { 1,	   2,	  9,	 10,	     999,	  1000,
					    65534, 65535, 65536, 2147483647, 2147483648u, 4294967294u };
	struct passwd_user *u = malloc(sizeof(*u));

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		char spec[64];

		snprintf(spec, sizeof(spec), "%u", numbers[i]);
		CHECK(find(spec, u) == 0 && u->uid == numbers[i]);
		snprintf(spec, sizeof(spec), "%u:%u", numbers[i], numbers[i]);
		CHECK(find(spec, u) == 0 && u->uid == numbers[i] && u->gid == numbers[i]);
		snprintf(spec, sizeof(spec), "app:%u", numbers[i]);
		CHECK(find(spec, u) == 0 && u->uid == 1000 && u->gid == numbers[i]);
	}
	free(u);
}

/* CVE-2024-40635 above all: what is out of range fails, it does not wrap round to root. */
TEST(cve_2024_40635_no_way_round_to_root)
{
	static const char *const specs[] = {
		"4294967295",
		"4294967296",
		"4294967297",
		"18446744073709551616",
		"18446744073709551617",
		"99999999999999999999999999",
		"big",
		"minus",
		"empty",
		"short",
		"1:4294967296",
		"1:4294967295",
		"1000:18446744073709551616",
		"1:-1",
		"nobody",
		"app:nogroup",
	};
	struct passwd_user *u = malloc(sizeof(*u));

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		int r = find(specs[i], u);

		if (r >= 0)
			printf("# '%s' is %u:%u\n", specs[i], u->uid, u->gid);
		CHECK(r < 0);
	}
	free(u);
}

/* CVE-2022-36109, CVE-2023-25173, CVE-2022-2989: the base group is in the list, groups of similar names are not. */
TEST(cve_2022_36109_base_group_is_in_the_list)
{
	struct passwd_user *u = malloc(sizeof(*u));

	CHECK(find("app", u) == 0 && u->uid == 1000 && u->gid == 1000);
	CHECK(u->n_groups >= 1 && u->groups[0] == 1000);
	for (size_t i = 0; i < u->n_groups; i++)
		CHECK(u->groups[i] != 10);
	CHECK(find("app:7", u) == 0 && u->gid == 7 && u->n_groups == 1 && u->groups[0] == 7);
	CHECK(find("5", u) == 0 && u->n_groups == 1 && u->groups[0] == u->gid);
	free(u);
}

/* --- what one may ------------------------------------------------------------------------------------------------ */

static uint64_t status_line(const char *key)
{
	_cleanup_free_ char *text = NULL;
	const char *p;

	if (file_read(AT_FDCWD, "/proc/self/status", 1 << 20, &text, NULL, NULL) < 0)
		return UINT64_MAX;
	p = strstr(text, key);
	return p ? strtoull(p + strlen(key), NULL, 16) : UINT64_MAX;
}

static int inherits_nothing(void)
{
	static const uid_t uids[] = { 0, 1000 };

	for (size_t i = 0; i < ARRAY_SIZE(uids); i++)
		for (int filter = 0; filter < 2; filter++) {
			struct cap_sets s;
			pid_t pid = fork();
			int st;

			if (pid == 0) {
				if (caps_get(&s) < 0)
					_exit(1);
				s.inheritable = s.permitted;
				if (caps_set(&s) < 0 ||
				    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) < 0)
					_exit(2);
				if (cap_become(uids[i], 1 << CAP_CHOWN, filter) < 0)
					_exit(3);
				_exit(status_line("CapInh:") || status_line("CapAmb:") ? 4 : 0);
			}
			waitpid(pid, &st, 0);
			if (!WIFEXITED(st) || WEXITSTATUS(st))
				return 1;
		}
	return 0;
}

/* CVE-2016-8867, CVE-2022-24769, CVE-2022-27649, CVE-2022-27650, CVE-2022-29162: for root and for others, at a start
 * and when entered. */
TEST(cve_2022_24769_inheritable_and_ambient_are_empty)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK(in_child(inherits_nothing) == 0);
}

/* Any disk of the host: the path of its node, false when there is none. */
static bool find_disk(char *path, size_t size)
{
	DIR *d = opendir("/sys/block");
	bool found = false;
	struct dirent *entry;
	struct stat st;

	while (d && !found && (entry = readdir(d))) {
		snprintf(path, size, "/dev/%.200s", entry->d_name);
		found = *entry->d_name != '.' && stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
			close(open(path, O_RDONLY | O_CLOEXEC)) == 0;
	}
	if (d)
		closedir(d);
	return found;
}

static int opens(const struct cg *group, const char *disk)
{
	pid_t pid = fork();
	struct err e = { 0 };
	int st;

	if (pid == 0) {
		int fd;

		if (cg_attach(group, 0, false, &e) < 0)
			_exit(100);
		if (open("/dev/null", O_RDWR | O_CLOEXEC) < 0)
			_exit(101);
		fd = open(disk, O_RDONLY | O_CLOEXEC);
		_exit(fd >= 0 ? 0 : errno);
	}
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 255;
}

/* GHSA-g54h-m393-cpwq: a list of devices denies by default, and what is not on it stays shut. */
TEST(go_2022_0396_devices_are_denied_by_default)
{
	_cleanup_(cg_host_freep) struct cg_host *host = NULL;
	_cleanup_(cg_freep) struct cg *group = NULL;
	char disk[256], name[64];
	struct err e = { 0 };
	int r, before, after;

	if (geteuid() != 0)
		SKIP("needs root");
	if (!find_disk(disk, sizeof(disk)))
		SKIP("no disk to try");
	CHECK(cg_host_open(NULL, &host, &e) == 0);
	if (cg_host_layout(host) == CG_NONE)
		SKIP("no cgroups here");
	snprintf(name, sizeof(name), "test-policy-%d", (int)getpid());
	if (cg_create(host, name, &group, &e) < 0)
		SKIP(e.msg);
	before = opens(group, disk);
	r = cg_set(group, 1, "devices.deny", "a", &e);
	if (r == 0)
		r = cg_set(group, 1, "devices.allow", "c 1:3 rwm", &e);
	if (r == 0)
		r = cg_devices_commit(group, &e);
	after = opens(group, disk);
	if (r < 0)
		printf("# %s\n", e.msg);
	CHECK(cg_remove(host, name, NULL) == 0);
	if (r == -EOPNOTSUPP)
		SKIP("no control over devices here");
	CHECK(r == 0);
	CHECK(before == 0);
	CHECK(after == EPERM);
}

/* --- the default seccomp policy ---------------------------------------------------------------------------------- */

static int under_default(int (*fn)(void))
{
	struct seccomp_prog p = { 0 };
	pid_t pid;
	int st, fd;

	CHECK(seccomp_compile_default(&p, NULL) == 0);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_apply(&p, &fd) < 0)
			_exit(100);
		_exit(fn());
	}
	seccomp_prog_done(&p);
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

#if defined(__x86_64__)
static long int_0x80(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return r;
}
#else
static long int_0x80(long nr, long a, long b, long c)
{
	return -ENOSYS;
}
#endif

static int try_32bit(void)
{
	return int_0x80(20, 0, 0, 0) == getpid() ? 0 : 1;
}

/* A call as a program for 32-bit x86 makes it; -ENOSYS on other machines, and on kernels built without. */
static long call_32bit(long nr, long a, long b, long c)
{
	return in_child(try_32bit) == 0 ? int_0x80(nr, a, b, c) : -ENOSYS;
}

static int every_socket_door(void)
{
	static const int families[] = { AF_ALG, AF_VSOCK };
	uint32_t *args = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (args == MAP_FAILED)
		return 90;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		if (socket(families[i], SOCK_SEQPACKET, 0) >= 0)
			return 1;
		/* the upper half is cut off by the kernel before it looks */
		if (syscall(SYS_socket, (1L << 32) + families[i], SOCK_SEQPACKET, 0) >= 0)
			return 2;
		if (call_32bit(359, families[i], SOCK_SEQPACKET, 0) >= 0)
			return 3;
		args[0] = (uint32_t)families[i];
		args[1] = SOCK_SEQPACKET;
		if (call_32bit(102, 1, (long)(uintptr_t)args, 0) >= 0)
			return 4;
	}
	/* io_uring makes sockets without a system call for each */
	if (syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != ENOSYS)
		return 5;
	return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 && call_32bit(359, AF_UNIX, SOCK_STREAM, 0) != -EAFNOSUPPORT ? 0
														 : 6;
}

TEST(cve_2026_31431_af_alg_by_every_door)
{
	CHECK(under_default(every_socket_door) == 0);
}

static int every_terminal_door(void)
{
	static const unsigned long commands[] = { TIOCSTI, TIOCLINUX };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (syscall(SYS_ioctl, -1, commands[i], "x") != -1 || errno != EPERM)
			return 1;
		if (syscall(SYS_ioctl, -1, commands[i] | 1UL << 32, "x") != -1 || errno != EPERM)
			return 2;
		if (syscall(SYS_ioctl, -1, commands[i] | 0xffffffffUL << 32, "x") != -1 || errno != EPERM)
			return 3;
		if (call_32bit(54, -1, (long)commands[i], 0) == -EBADF)
			return 4;
	}
	return syscall(SYS_ioctl, -1, TIOCGWINSZ, "x") == -1 && errno == EBADF ? 0 : 5;
}

/* CVE-2016-10124 and CVE-2017-5226, and CVE-2019-10063, which was the way round. */
TEST(cve_2016_10124_typing_into_a_terminal)
{
	CHECK(under_default(every_terminal_door) == 0);
}

static int host_s_kernel(void)
{
	static const struct {
		long nr;
		int error;
	} calls[] = {
		{ SYS_init_module, EPERM },
		{ SYS_finit_module, EPERM },
		{ SYS_delete_module, EPERM },
		{ SYS_kexec_load, EPERM },
		{ SYS_add_key, EPERM },
		{ SYS_request_key, EPERM },
		{ SYS_keyctl, EPERM },
		{ SYS_bpf, EPERM },
		{ SYS_perf_event_open, EPERM },
		{ SYS_open_by_handle_at, EPERM },
		{ SYS_userfaultfd, EPERM },
		{ SYS_syslog, EPERM },
		{ SYS_swapon, EPERM },
		{ SYS_swapoff, EPERM },
		{ SYS_acct, EPERM },
		{ SYS_quotactl, EPERM },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (syscall(calls[i].nr, -1L, 0L, 0L, 0L, 0L) != -1 || errno != calls[i].error)
			return (int)i + 1;
	return 0;
}

TEST(default_policy_keeps_off_the_host_s_kernel)
{
	CHECK(under_default(host_s_kernel) == 0);
}
