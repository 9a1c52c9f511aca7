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
 * And what config.json says by default, with Docker's capabilities; FILTER is a file of compiled seccomp instructions:
 *
 *	floor oci ROOT FILTER CMD              the whole life of one container
 *	floor oci-create DIR ROOT FILTER CMD   ready, and waiting for DIR/exec.fifo; its cgroups have DIR's name
 *	floor oci-start DIR                    returns when CMD has been executed
 *	floor oci-delete DIR                   what the container has left
 *	floor oci-exec PID FILTER CMD          CMD beside PID
 *
 * FLOOR_MEMORY in the environment is a memory limit in bytes (version 1).
 *
 * It is a yardstick and no engine: an error ends it with the line it was on.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
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
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
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

#define N(array) (sizeof(array) / sizeof(*(array)))

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

/* Looked for where they are by convention: reading the list of mounts takes several times as long. */
static void cg_find(void)
{
	static const char top[] = "/sys/fs/cgroup";
	struct statfs fs;
	struct dirent *d;
	DIR *dir;

	MUST(statfs(top, &fs));
	if (fs.f_type == CGROUP2_SUPER_MAGIC) {
		cg_v2[0] = 1;
		memcpy(cg_dir[n_cg++], top, sizeof(top));
		return;
	}
	dir = opendir(top);
	while (dir && n_cg < MAX_CG && (d = readdir(dir))) {
		char *path = cg_dir[n_cg];

		if (d->d_type != DT_DIR || d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(*cg_dir), "%s/%.40s", top, d->d_name);
		if (statfs(path, &fs) < 0 || (fs.f_type != CGROUP_SUPER_MAGIC && fs.f_type != CGROUP2_SUPER_MAGIC))
			continue;
		cg_v2[n_cg++] = fs.f_type == CGROUP2_SUPER_MAGIC;
	}
	if (dir)
		closedir(dir);
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

/* What a runtime of OCI allows whatever config.json says. */
static const char *const oci_device_rules[] = {
	"c *:* m",   "b *:* m",	  "c 1:3 rwm", "c 1:8 rwm",   "c 1:7 rwm",
	"c 5:0 rwm", "c 1:5 rwm", "c 1:9 rwm", "c 136:* rwm", "c 5:2 rwm",
};

static void cg_create(const char *const *rules, unsigned n_rules)
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
		if (getenv("FLOOR_MEMORY") && strstr(cg_dir[i], "memory"))
			put(cg_path(i, "memory.limit_in_bytes"), getenv("FLOOR_MEMORY"));
		if (strstr(cg_dir[i], "devices")) {
			put(cg_path(i, "devices.deny"), "a");
			for (unsigned k = 0; k < n_rules; k++)
				put(cg_path(i, "devices.allow"), rules[k]);
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

static void fill_dev(void)
{
	static const struct {
		const char *name;
		unsigned major, minor;
	} nodes[] = { { "null", 1, 3 },	  { "zero", 1, 5 },    { "full", 1, 7 },
		      { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 } };
	static const char *const links[][2] = { { "/proc/self/fd", "fd" },
						{ "/proc/self/fd/0", "stdin" },
						{ "/proc/self/fd/1", "stdout" },
						{ "/proc/self/fd/2", "stderr" },
						{ "pts/ptmx", "ptmx" } };

	for (unsigned i = 0; i < N(nodes); i++) {
		char path[32];

		snprintf(path, sizeof(path), "dev/%s", nodes[i].name);
		MUST(mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)));
	}
	for (unsigned i = 0; i < N(links); i++) {
		char path[32];

		snprintf(path, sizeof(path), "dev/%s", links[i][1]);
		MUST(symlink(links[i][0], path));
	}
	MUST(mkdir("dev/pts", 0755));
}

static void mount_dev(void)
{
	int fd;

	MUST(mount("none", "dev", "tmpfs", 0, "size=500000,mode=755"));
	fill_dev();
	MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=0620,max=1024"));
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
	enum { N_CALLS = N(calls) };
	struct sock_filter code[N_CALLS + 3];
	struct sock_fprog prog = { N_CALLS + 3, code };

	for (unsigned i = 0; i < N(caps); i++)
		MUST(prctl(PR_CAPBSET_DROP, caps[i], 0, 0, 0));
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < N_CALLS; i++)
		code[i + 1] =
			(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], (uint8_t)(N_CALLS - i), 0);
	code[N_CALLS + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[N_CALLS + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
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
	cg_create(device_rules, N(device_rules));
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

/* --- what config.json says by default ----------------------------------------------------------------------------- */

/* The hierarchies of version 1, each as the new cgroup name space shows it. */
static void oci_mount_cgroups(unsigned long flags)
{
	MUST(mount("tmpfs", "sys/fs/cgroup", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755"));
	for (unsigned i = 0; i < n_cg; i++) {
		const char *base = strrchr(cg_dir[i], '/') + 1;
		char path[96], from[160];

		snprintf(path, sizeof(path), "sys/fs/cgroup/%s", base);
		snprintf(from, sizeof(from), "%s/%s", cg_dir[i], cg_name);
		MUST(mkdir(path, 0755));
		MUST(mount(from, path, NULL, MS_BIND, NULL));
		MUST(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | flags, NULL));
	}
	MUST(mount(NULL, "sys/fs/cgroup", NULL, MS_BIND | MS_REMOUNT | flags, NULL));
}

static void oci_protect_paths(void)
{
	static const char *const masked[] = { "proc/acpi",	  "proc/asound",	"proc/kcore",
					      "proc/keys",	  "proc/latency_stats", "proc/timer_list",
					      "proc/timer_stats", "proc/sched_debug",	"sys/firmware",
					      "proc/scsi" };
	static const char *const read_only[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };

	for (unsigned i = 0; i < N(masked); i++)
		if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) < 0 && errno == ENOTDIR)
			MUST(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, "nr_blocks=1,nr_inodes=1"));
	for (unsigned i = 0; i < N(read_only); i++)
		if (mount(read_only[i], read_only[i], NULL, MS_BIND | MS_REC, NULL) == 0)
			MUST(mount(NULL, read_only[i], NULL,
				   MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
}

static void oci_mount_root(const char *root)
{
	enum { SAFE = MS_NOSUID | MS_NODEV | MS_NOEXEC };

	MUST(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
	MUST(mount(root, root, NULL, MS_BIND | MS_REC, NULL));
	MUST(chdir(root));
	MUST(mount("proc", "proc", "proc", SAFE, NULL));
	MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "size=65536k,mode=755"));
	fill_dev();
	MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"));
	MUST(mkdir("dev/shm", 0755));
	MUST(mount("shm", "dev/shm", "tmpfs", SAFE, "mode=1777,size=65536k"));
	MUST(mkdir("dev/mqueue", 0755));
	MUST(mount("mqueue", "dev/mqueue", "mqueue", SAFE, NULL));
	MUST(mount("sysfs", "sys", "sysfs", SAFE | MS_RDONLY, NULL));
	oci_mount_cgroups(SAFE | MS_RDONLY);
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(chdir("/"));
	oci_protect_paths();
	MUST(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL));
}

static void oci_loopback(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	MUST(ioctl(fd, SIOCSIFFLAGS, &ifr));
	close(fd);
}

static void oci_drop(const struct sock_fprog *filter)
{
	/* Docker's: chown, dac_override, fowner, fsetid, kill, set*id, setpcap, net_*, sys_chroot, mknod, audit_write, setfcap */
	static const uint64_t keep = 0xa80425fb;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { (uint32_t)keep, (uint32_t)keep, 0 } };
	struct rlimit files = { 1024, 1024 };

	MUST(setrlimit(RLIMIT_NOFILE, &files));
	for (unsigned i = 0; i <= 40; i++)
		if (!(keep >> i & 1))
			MUST(prctl(PR_CAPBSET_DROP, i, 0, 0, 0));
	MUST(syscall(SYS_setgroups, 0, NULL));
	MUST(syscall(SYS_capset, &head, data));
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter));
}

static struct sock_fprog oci_filter(const char *path)
{
	static struct sock_filter code[4096];
	int fd = (int)MUST(open(path, O_RDONLY | O_CLOEXEC));
	ssize_t n = MUST(read(fd, code, sizeof(code)));

	close(fd);
	return (struct sock_fprog){ (unsigned short)((size_t)n / sizeof(*code)), code };
}

/* FIFO: where to wait before CMD is executed, -1 for not at all. */
static void oci_child(const char *root, const struct sock_fprog *filter, char **argv, int fifo, int ready)
{
	static char *const env[] = { (char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
				     (char *)"TERM=xterm", NULL };
	char path[32];

	cg_enter();
	MUST(unshare(CLONE_NEWCGROUP));
	MUST(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
	MUST(sethostname("floor", 5));
	MUST(setsid());
	oci_loopback();
	oci_mount_root(root);
	MUST(syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */));
	if (fifo >= 0) {
		close(ready);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fifo);
		MUST(open(path, O_WRONLY | O_CLOEXEC));
	}
	oci_drop(filter);
	MUST(execve(argv[0], argv, env));
}

static int oci_run(const char *root, const char *filter_path, char **argv)
{
	struct sock_fprog filter = oci_filter(filter_path);
	int status;
	pid_t pid;

	cg_find();
	snprintf(cg_name, sizeof(cg_name), "floor.%d", getpid());
	cg_create(oci_device_rules, N(oci_device_rules));
	pid = cg_fork(NS_ALL);
	if (pid == 0)
		oci_child(root, &filter, argv, -1, -1);
	MUST(waitpid(pid, &status, 0));
	cg_remove();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static const char *oci_fifo(const char *dir)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/exec.fifo", dir);
	snprintf(cg_name, sizeof(cg_name), "%s", strrchr(dir, '/') + 1);
	return path;
}

static int oci_create(const char *dir, const char *root, const char *filter_path, char **argv)
{
	struct sock_fprog filter = oci_filter(filter_path);
	const char *fifo = oci_fifo(dir);
	int ready[2], fd;
	char byte;

	MUST(mkdir(dir, 0700));
	MUST(mkfifo(fifo, 0600));
	cg_find();
	cg_create(oci_device_rules, N(oci_device_rules));
	fd = (int)MUST(open(fifo, O_PATH | O_CLOEXEC));
	MUST(pipe2(ready, O_CLOEXEC));
	if (cg_fork(NS_ALL) == 0) {
		close(ready[0]);
		oci_child(root, &filter, argv, fd, ready[1]);
	}
	close(ready[1]);
	MUST(read(ready[0], &byte, 1));
	return 0;
}

static int oci_start(const char *dir)
{
	const char *fifo = oci_fifo(dir);
	int fd = (int)MUST(open(fifo, O_RDONLY | O_CLOEXEC));
	char byte;

	MUST(unlink(fifo));
	MUST(read(fd, &byte, 1));
	return 0;
}

static int oci_delete(const char *dir)
{
	oci_fifo(dir);
	cg_find();
	cg_remove();
	MUST(rmdir(dir));
	return 0;
}

static int attach(pid_t target, const struct sock_fprog *filter, char **argv)
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
		MUST(setsid());
		if (filter)
			oci_drop(filter);
		else
			drop();
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
	const char *what = argc > 1 ? argv[1] : "";

	if (argc > 3 && !strcmp(what, "run"))
		return run(argv[2], argv + 3, 1, -1);
	if (argc > 3 && !strcmp(what, "start"))
		return start(argv[2], argv + 3);
	if (argc > 3 && !strcmp(what, "attach"))
		return attach(atoi(argv[2]), NULL, argv + 3);
	if (argc == 2 && !strcmp(what, "idle"))
		return idle();
	if (argc > 4 && !strcmp(what, "oci"))
		return oci_run(argv[2], argv[3], argv + 4);
	if (argc > 5 && !strcmp(what, "oci-create"))
		return oci_create(argv[2], argv[3], argv[4], argv + 5);
	if (argc == 3 && !strcmp(what, "oci-start"))
		return oci_start(argv[2]);
	if (argc == 3 && !strcmp(what, "oci-delete"))
		return oci_delete(argv[2]);
	if (argc > 4 && !strcmp(what, "oci-exec")) {
		struct sock_fprog filter = oci_filter(argv[3]);

		return attach(atoi(argv[2]), &filter, argv + 4);
	}
	dprintf(2, "usage: floor run|start ROOT CMD ... | attach PID CMD ... | idle | "
		   "oci[-create|-start|-delete|-exec] ...\n");
	return 2;
}
