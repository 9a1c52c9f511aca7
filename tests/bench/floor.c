/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor: what the kernel alone takes for a container. A static program that makes the system calls that a run, a
 * start, an attach and an idle supervisor cannot do without, in a row, with nothing decided, parsed, logged or undone.
 *
 *	floor run ROOT CMD      a container of ROOT, a first process that runs CMD and reaps it; exits as CMD does
 *	floor start ROOT CMD    the same with a supervisor left behind; returns when CMD has been executed
 *	floor attach PID CMD    CMD in all name spaces and cgroups of PID
 *	floor idle              an epoll loop, for its memory
 *
 * It is a yardstick and no engine: an error ends it with the line it was on.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(x)                                                                           \
	({                                                                                \
		long must_ = (long)(x);                                                   \
		if (must_ < 0) {                                                          \
			dprintf(2, "floor: %d: %s: %s\n", __LINE__, #x, strerror(errno)); \
			_exit(111);                                                       \
		}                                                                         \
		must_;                                                                    \
	})

enum { NS_ALL = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET, MAX_CG = 16 };

/* The mount points of all hierarchies. */
static char cg_dir[MAX_CG][64];
static int cg_v2[MAX_CG];
static unsigned n_cg;
static char cg_name[32];

static void put(const char *path, const char *text)
{
	int fd = (int)MUST(open(path, O_WRONLY | O_CLOEXEC));

	MUST(write(fd, text, strlen(text)));
	close(fd);
}

static void cg_find(void)
{
	char line[1024];
	FILE *f = fopen("/proc/self/mounts", "re");

	while (f && n_cg < MAX_CG && fgets(line, sizeof(line), f)) {
		char dir[64], type[16];

		if (sscanf(line, "%*s %63s %15s", dir, type) == 2 && !strncmp(type, "cgroup", 6)) {
			cg_v2[n_cg] = !strcmp(type, "cgroup2");
			memcpy(cg_dir[n_cg++], dir, sizeof(dir));
		}
	}
	if (f)
		fclose(f);
}

static const char *cg_path(unsigned i, const char *file)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s/%s", cg_dir[i], cg_name, file);
	return path;
}

/* What common.conf says of devices. */
static const char *const device_rules[] = {
	"c *:* m",   "b *:* m",	  "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm",   "c 1:8 rwm",
	"c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm", "c 10:229 rwm",
};

static void cg_create(void)
{
	char buf[256], path[160];

	for (unsigned i = 0; i < n_cg; i++) {
		MUST(mkdir(cg_path(i, ""), 0755));
		if (strstr(cg_dir[i], "cpuset")) {
			static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
			for (unsigned k = 0; k < 2; k++) {
				int fd;
				ssize_t n;

				snprintf(path, sizeof(path), "%s/%s", cg_dir[i], files[k]);
				fd = (int)MUST(open(path, O_RDONLY | O_CLOEXEC));
				n = MUST(read(fd, buf, sizeof(buf) - 1));
				buf[n] = 0;
				close(fd);
				put(cg_path(i, files[k]), buf);
			}
		}
		if (strstr(cg_dir[i], "devices")) {
			put(cg_path(i, "devices.deny"), "a");
			for (unsigned k = 0; k < sizeof(device_rules) / sizeof(*device_rules); k++)
				put(cg_path(i, "devices.allow"), device_rules[k]);
		}
	}
}

/*
 * The caller enters by itself, one thread of one, which needs no lock; moving another process waits for an RCU grace
 * period. Into a v2 group one is born, for the same reason.
 */
static void cg_enter(void)
{
	for (unsigned i = 0; i < n_cg; i++)
		if (!cg_v2[i])
			put(cg_path(i, "tasks"), "0");
}

/* fork with FLAGS, into the v2 group where there is one. */
static pid_t cg_fork(uint64_t flags)
{
	struct clone_args a = { .flags = flags, .exit_signal = SIGCHLD };
	int fd = -1;
	pid_t pid;

	for (unsigned i = 0; i < n_cg; i++)
		if (cg_v2[i]) {
			fd = (int)MUST(open(cg_path(i, ""), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
			a.flags |= CLONE_INTO_CGROUP;
			a.cgroup = (uint64_t)fd;
		}
	pid = (pid_t)MUST(syscall(SYS_clone3, &a, sizeof(a)));
	if (fd >= 0)
		close(fd);
	return pid;
}

static void cg_remove(void)
{
	for (unsigned i = 0; i < n_cg; i++)
		rmdir(cg_path(i, ""));
}

static void mount_dev(void)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} nodes[] = { { "null", 1, 3 },	  { "zero", 1, 5 },    { "full", 1, 7 },
		      { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
	static const char *const links[][2] = { { "/proc/self/fd", "fd" },
						{ "/proc/self/fd/0", "stdin" },
						{ "/proc/self/fd/1", "stdout" },
						{ "/proc/self/fd/2", "stderr" } };
	int fd;

	MUST(mount("none", "dev", "tmpfs", 0, "size=500000,mode=755"));
	for (unsigned i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		char path[32];

		snprintf(path, sizeof(path), "dev/%s", nodes[i].name);
		MUST(mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	}
	for (unsigned i = 0; i < sizeof(links) / sizeof(*links); i++) {
		char path[32];

		snprintf(path, sizeof(path), "dev/%s", links[i][1]);
		MUST(symlink(links[i][0], path));
	}
	MUST(mkdir("dev/pts", 0755));
	MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=0620,max=1024"));
	MUST(symlink("pts/ptmx", "dev/ptmx"));
	/* The console. */
	fd = (int)MUST(open("dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
	MUST(ioctl(fd, TIOCSPTLCK, &(int){ 0 }));
	close((int)MUST(open("dev/console", O_CREAT | O_CLOEXEC | O_WRONLY, 0600)));
	MUST(mount("dev/pts/0", "dev/console", NULL, MS_BIND, NULL));
}

static void mount_root(const char *root)
{
	MUST(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	MUST(mount(root, root, NULL, MS_BIND | MS_REC, NULL));
	MUST(chdir(root));
	MUST(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	MUST(mount("proc/sys/net", "proc/sys/net", NULL, MS_BIND, NULL));
	MUST(mount("proc/sys", "proc/sys", NULL, MS_BIND | MS_REC, NULL));
	MUST(mount(NULL, "proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
	MUST(mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL));
	mount_dev();
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(chdir("/"));
}

static void drop(void)
{
	static const int caps[] = { 16, 17, 25, 32, 33 }; /* sys_module, sys_rawio, sys_time, mac_override, mac_admin */
	static const unsigned calls[] = { SYS_kexec_load,   SYS_kexec_file_load, SYS_init_module,
					  SYS_finit_module, SYS_delete_module,	 SYS_open_by_handle_at };
	enum { N = sizeof(calls) / sizeof(*calls) };
	struct sock_filter code[N + 3];
	struct sock_fprog prog = { N + 3, code };

	for (unsigned i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		MUST(prctl(PR_CAPBSET_DROP, caps[i], 0, 0, 0));
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < N; i++)
		code[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], (uint8_t)(N - i), 0);
	code[N + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[N + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}

/* The first process: enters its cgroups, makes its root, and is the container's init or executes it. */
static void child(const char *root, char **argv, int reap)
{
	extern char **environ;
	int status;

	cg_enter();
	MUST(unshare(CLONE_NEWCGROUP));
	MUST(sethostname("floor", 5));
	MUST(setsid());
	mount_root(root);
	drop();
	MUST(syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */));
	if (reap) {
		pid_t pid = (pid_t)MUST(fork());

		if (pid) {
			MUST(waitpid(pid, &status, 0));
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
	}
	MUST(execve(argv[0], argv, environ));
}

static int run(const char *root, char **argv, int reap, int started)
{
	int status;
	pid_t pid;

	cg_find();
	snprintf(cg_name, sizeof(cg_name), "floor.%d", getpid());
	cg_create();
	pid = cg_fork(NS_ALL);
	if (pid == 0)
		child(root, argv, reap);
	if (started >= 0)
		close(started);
	MUST(waitpid(pid, &status, 0));
	cg_remove();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Returns when the pipe that execve closes in the container is closed everywhere. */
static int start(const char *root, char **argv)
{
	int up[2];
	char byte;

	MUST(pipe2(up, O_CLOEXEC));
	if (MUST(fork()) == 0) {
		close(up[0]);
		MUST(setsid());
		_exit(run(root, argv, 0, up[1]));
	}
	close(up[1]);
	MUST(read(up[0], &byte, 1));
	return 0;
}

static int attach(pid_t target, char **argv)
{
	extern char **environ;
	int pidfd = (int)MUST(syscall(SYS_pidfd_open, target, 0)), status;
	char path[64], line[512];
	FILE *f;
	pid_t pid;

	cg_find();
	snprintf(path, sizeof(path), "/proc/%d/cgroup", target);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && !cg_name[0]) {
		char *slash = strrchr(line, '/');

		line[strcspn(line, "\n")] = 0;
		snprintf(cg_name, sizeof(cg_name), "%s", slash ? slash + 1 : "");
	}
	if (f)
		fclose(f);
	/* Children are born in the pid name space that was joined. */
	MUST(setns(pidfd, CLONE_NEWPID));
	pid = cg_fork(0);
	if (pid == 0) {
		cg_enter();
		MUST(setns(pidfd, (NS_ALL & ~CLONE_NEWPID) | CLONE_NEWCGROUP));
		drop();
		MUST(setsid());
		MUST(execve(argv[0], argv, environ));
	}
	MUST(waitpid(pid, &status, 0));
	return WEXITSTATUS(status);
}

static int idle(void)
{
	int ep = (int)MUST(epoll_create1(EPOLL_CLOEXEC)), fd;
	struct epoll_event ev = { .events = EPOLLIN };
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	fd = (int)MUST(signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	for (;;)
		epoll_wait(ep, &ev, 1, -1);
}

int main(int argc, char **argv)
{
	if (argc > 3 && !strcmp(argv[1], "run"))
		return run(argv[2], argv + 3, 1, -1);
	if (argc > 3 && !strcmp(argv[1], "start"))
		return start(argv[2], argv + 3);
	if (argc > 3 && !strcmp(argv[1], "attach"))
		return attach(atoi(argv[2]), argv + 3);
	if (argc == 2 && !strcmp(argv[1], "idle"))
		return idle();
	dprintf(2, "usage: floor run|start ROOT CMD ... | attach PID CMD ... | idle\n");
	return 2;
}
