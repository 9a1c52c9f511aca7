/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Look-ups in a tree that somebody hostile fills: one test for each root cause that has bitten an engine, named after
 * the record of it. TOP/root is the container's tree, TOP/host the host's; nothing below host/ may ever change, nor be
 * read through the tree. The same attacks on whole containers are in class-a-live.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "store/store.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/passwd.h"
#include "sys/pty.h"
#include "sys/syscalls.h"
#include "unit/test.h"

static char top[] = "/var/tmp/creel-class-a-XXXXXX";
static int top_fd = -EBADF, root = -EBADF;
static struct err err;

static void remove_all(void)
{
	if (tree_remove(AT_FDCWD, top, &err) < 0)
		printf("# %s\n", err.msg);
}

static void put(const char *path, const char *text)
{
	int fd = openat(top_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		abort();
	fd_close(fd);
}

static void make(const char *path)
{
	if (mkdirat(top_fd, path, 0755) < 0 && errno != EEXIST)
		abort();
}

/* A link of the container: "@" at its start stands for the host's directory, by its absolute name. */
static void ln(const char *target, const char *path)
{
	char abs[4096];

	if (*target == '@')
		snprintf(abs, sizeof(abs), "%s/host%s", top, target + 1);
	else
		snprintf(abs, sizeof(abs), "%s", target);
	unlinkat(top_fd, path, 0);
	if (symlinkat(abs, top_fd, path) < 0)
		abort();
}

static void setup(void)
{
	umask(022);
	if (top_fd < 0) {
		if (!mkdtemp(top) || atexit(remove_all) != 0)
			abort();
	} else {
		fd_close(top_fd);
		fd_close(root);
		if (tree_remove(AT_FDCWD, top, &err) < 0 || mkdir(top, 0700) < 0)
			abort();
	}
	top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	make("root");
	make("root/etc");
	make("root/dev");
	make("host");
	make("host/dev");
	make("host/dir");
	put("host/secret", "host");
	put("host/dev/ptmx", "host");
	root = openat(top_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static unsigned count(const char *path)
{
	int fd = openat(top_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

/* As setup() left it. */
static bool host_is_untouched(void)
{
	_cleanup_free_ char *secret = NULL, *ptmx = NULL;
	struct stat st;

	return count("host") == 3 && count("host/dev") == 1 && count("host/dir") == 0 &&
	       fstatat(top_fd, "host/secret", &st, 0) == 0 && st.st_mode == (S_IFREG | 0644) && st.st_uid == 0 &&
	       file_read(top_fd, "host/secret", 10, &secret, NULL, NULL) == 0 && streq(secret, "host") &&
	       file_read(top_fd, "host/dev/ptmx", 10, &ptmx, NULL, NULL) == 0 && streq(ptmx, "host");
}

/* FN in a child with a mount name space of its own; what it returns, 77 for "cannot be had here". */
static int in_private_ns(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int r = 77;

		if (unshare(CLONE_NEWNS) == 0 && sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
			/* The old fds belong to the old name space's mounts, on which nothing can be put from here. */
			top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
			root = openat(top_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
			r = fn();
		}
		if (r)
			printf("# step %d: errno %d %s\n", r, errno, err.msg);
		fflush(stdout);
		_exit(r);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

#define IN_PRIVATE_NS(fn)                                         \
	do {                                                      \
		int _r = in_private_ns(fn);                       \
		if (_r == 77)                                     \
			SKIP("no private mount name space here"); \
		CHECK(_r == 0);                                   \
	} while (0)

/* --- the swapper ---------------------------------------------------------------------------------------------------- */

static struct {
	atomic_bool stop;
	atomic_uint n;
	const char *a, *b;
} swap;

static void *swapper(void *arg)
{
	while (!swap.stop)
		if (renameat2(top_fd, swap.a, top_fd, swap.b, RENAME_EXCHANGE) == 0)
			swap.n++;
	return NULL;
}

static pthread_t swap_start(const char *a, const char *b)
{
	pthread_t t;

	swap.stop = false;
	swap.n = 0;
	swap.a = a;
	swap.b = b;
	if (pthread_create(&t, NULL, swapper, NULL) != 0)
		abort();
	while (!swap.n)
		sched_yield();
	return t;
}

/* At least 2000 rounds, and more, up to a bound, while the interesting case has not come up often enough: on a busy machine
 * either thread may long have the processor to itself. */
static bool race_on(unsigned round, unsigned hits)
{
	if (round % 64 == 63)
		sched_yield();
	return round < 2000 || (hits < 100 && round < 2000000);
}

static void swap_end(pthread_t t)
{
	swap.stop = true;
	pthread_join(t, NULL);
}

/* --- mounts --------------------------------------------------------------------------------------------------------- */

static int mount_marked(int target)
{
	_cleanup_close_ int mnt = mount_new("tmpfs", NULL, "size=64k", 0, false, &err);

	if (mnt < 0 || mkdirat(mnt, "mark", 0755) < 0)
		return -errno;
	return mount_attach(mnt, target, &err);
}

static int mount_through_links(void)
{
	_cleanup_close_ int a = inroot_make_dirs(root, "mnt/sub", 0755), b = inroot_make_dirs(root, "rel", 0755);

	/* The kernel is not asked for what the link says on the host, but for what it says in the root. */
	if (a < 0 || b < 0 || mount_marked(a) < 0 || mount_marked(b) < 0)
		return 1;
	return !host_is_untouched() ? 2 : 0;
}

TEST(CVE_2015_1335_mount_target_is_a_link)
{
	setup();
	ln("@/dir", "root/mnt");
	ln("../../../../../../../../var/tmp", "root/rel");
	IN_PRIVATE_NS(mount_through_links);
	CHECK(host_is_untouched());
}

static int mount_while_swapped(void)
{
	pthread_t t = swap_start("root/mnt", "link");
	unsigned done = 0;

	for (unsigned i = 0; race_on(i, done); i++) {
		_cleanup_close_ int target = inroot_open_path(root, "mnt/dir", O_DIRECTORY);

		if (target < 0)
			continue;
		if (mount_marked(target) < 0)
			return 1;
		done++;
		if (!host_is_untouched())
			return 2;
		/* Or the mounts pile up on each other. */
		sys_umount2(strcat(strcpy((char[128]){ 0 }, top), "/root/mnt/dir"), MNT_DETACH | UMOUNT_NOFOLLOW);
	}
	swap_end(t);
	return done ? 0 : 3;
}

/* Also youki's CVE-2025-62161 and docker cp's CVE-2026-41568: the same between look and mount. */
TEST(CVE_2021_30465_mount_target_is_swapped)
{
	setup();
	make("root/mnt");
	make("root/mnt/dir");
	ln("@", "link");
	IN_PRIVATE_NS(mount_while_swapped);
}

TEST(CVE_2024_45310_mkdir_all_race)
{
	pthread_t t;
	unsigned made = 0;

	setup();
	make("root/a");
	make("root/a/dir");
	ln("@", "link");
	t = swap_start("root/a", "link");
	for (unsigned i = 0; race_on(i, made); i++) {
		char path[64];
		_cleanup_close_ int d = -EBADF, f = -EBADF;

		snprintf(path, sizeof(path), "a/dir/new%u", i % 50);
		d = inroot_make_dirs(root, path, 0755);
		snprintf(path, sizeof(path), "a/file%u", i % 50);
		f = inroot_make_file(root, path, 0644);
		made += d >= 0 && f >= 0;
	}
	swap_end(t);
	CHECK(made > 0);
	CHECK(host_is_untouched());
}

/* buildah's CVE-2024-1753 too: the source of a bind mount, when it is a path of the container. */
TEST(CVE_2024_1753_bind_source_is_a_link)
{
	setup();
	ln("@", "root/src");
	ln("/", "root/slash");
	CHECK(inroot_open_path(root, "src/secret", 0) == -ENOENT);
	{
		_cleanup_close_ int fd = inroot_open_path(root, "slash", 0);
		struct stat a, b;

		CHECK(fd >= 0 && fstat(fd, &a) == 0 && fstat(root, &b) == 0 && a.st_ino == b.st_ino);
	}
}

/* --- /proc ---------------------------------------------------------------------------------------------------------- */

TEST(CVE_2019_16884_proc_is_a_link)
{
	setup();
	ln("@/dir", "root/proc");
	CHECK(inroot_open_nolinks(root, "/proc", O_DIRECTORY) == -ELOOP);
	CHECK(inroot_open_nolinks(root, "/proc/self/attr/exec", 0) == -ELOOP);
	ln("dev", "root/proc");
	CHECK(inroot_open_nolinks(root, "proc/", O_DIRECTORY) == -ELOOP);
}

/* Also CVE-2019-19921, CVE-2023-27561, CVE-2023-28642: a directory in the place of /proc is no procfs. */
TEST(CVE_2019_19921_proc_is_a_directory)
{
	_cleanup_close_ int fd = -EBADF;
	struct statfs fs;

	setup();
	make("root/proc");
	fd = inroot_open_nolinks(root, "/proc", O_DIRECTORY);
	CHECK(fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type != 0x9fa0);
}

static int write_goes_to_the_private_proc(void)
{
	_cleanup_close_ int proc = mount_new("proc", "proc", NULL, 0, false, &err), over = -EBADF, fd = -EBADF,
			    at = -EBADF;

	/* The container's: a tmpfs with files of the same names lies over everything. */
	over = open("/proc", O_PATH | O_CLOEXEC);
	if (proc < 0 || mount_marked(over) < 0)
		return 77;
	if (mkdir("/proc/self", 0755) < 0 || !file_exists(AT_FDCWD, "/proc/mark"))
		return 1;
	fd = openat(proc, "self/comm", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "ok", 2) != 2)
		return 2;
	/* And nothing is reopened through the false one. */
	at = inroot_open_path(root, "etc/file", 0);
	return at < 0 || inroot_reopen(at, O_RDONLY) >= 0 ? 3 : 0;
}

TEST(CVE_2025_52881_writes_through_a_false_proc)
{
	setup();
	put("root/etc/file", "x");
	IN_PRIVATE_NS(write_goes_to_the_private_proc);
}

/* --- /dev ----------------------------------------------------------------------------------------------------------- */

/* Also crun's CVE-2026-47766 and CVE-2026-88264. */
TEST(CVE_2026_41579_dev_is_a_link)
{
	const char *name;

	setup();
	CHECK(unlinkat(top_fd, "root/dev", AT_REMOVEDIR) == 0);
	ln("@/dev", "root/dev");
	CHECK(inroot_open_nolinks(root, "/dev", O_DIRECTORY) == -ELOOP);
	/* Who does follow links gets what they say inside. */
	CHECK(inroot_open_parent(root, "/dev/ptmx", false, &name) == -ENOENT);
	CHECK(inroot_open(root, "/dev/console", O_WRONLY | O_CREAT, 0600) == -ENOENT);
	CHECK(host_is_untouched());
}

TEST(CVE_2026_88264_console_is_a_link)
{
	_cleanup_close_ int dev = -EBADF, fd = -EBADF;

	setup();
	ln("@/console", "root/dev/console");
	dev = inroot_open_nolinks(root, "/dev", O_DIRECTORY);
	CHECK(dev >= 0);
	/* Followed it is, but from the container's /dev or root on, never the host's. */
	fd = inroot_make_file(dev, "console", 0600);
	CHECK(fd >= 0);
	CHECK(host_is_untouched());
}

TEST(CVE_2025_31133_dev_null_is_a_link)
{
	setup();
	ln("/proc/sys/kernel/core_pattern", "root/dev/null");
	CHECK(inroot_open_nolinks(root, "/dev/null", 0) == -ELOOP);
	ln("@/secret", "root/dev/null");
	CHECK(inroot_open(root, "/dev/null", O_RDWR, 0) == -ENOENT);
	CHECK(host_is_untouched());
}

TEST(CVE_2026_88265_dev_null_is_a_file)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	setup();
	put("root/dev/null", "");
	fd = inroot_open_nolinks(root, "/dev/null", 0);
	CHECK(fd >= 0 && fstat(fd, &st) == 0 && !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)));
}

/* The peer comes from the master, so that no path below /dev/pts is asked: it works where there is none. */
static int pty_without_paths(void)
{
	_cleanup_close_ int pts = mount_new("devpts", NULL, "newinstance,ptmxmode=0666", 0, false, &err);
	int master = -EBADF, slave = -EBADF;
	struct stat st;

	/* A detached instance: its slaves have no path at all. */
	if (pts < 0 || pty_open(pts, &master, &slave) < 0)
		return 1;
	if (fstat(slave, &st) < 0 || !S_ISCHR(st.st_mode) || major(st.st_rdev) != 136)
		return 2;
	return write(slave, "x", 1) == 1 ? 0 : 3;
}

TEST(CVE_2025_52565_pts_is_a_link)
{
	setup();
	IN_PRIVATE_NS(pty_without_paths);
}

/* --- files ---------------------------------------------------------------------------------------------------------- */

TEST(CVE_2025_24965_file_written_through_a_link)
{
	setup();
	ln("@/planted", "root/config.json");
	ln("@/secret", "root/known.json");
	CHECK(inroot_open(root, "config.json", O_WRONLY | O_CREAT | O_TRUNC, 0644) == -ENOENT);
	CHECK(inroot_open(root, "known.json", O_WRONLY | O_TRUNC, 0644) == -ENOENT);
	CHECK(host_is_untouched());
}

TEST(CVE_2019_18837_long_climb_to_the_host)
{
	char path[4000] = "";

	setup();
	for (unsigned i = 0; i < 600; i++)
		strcat(path, ".././/");
	snprintf(path + strlen(path), 200, "%s/host/secret", top);
	CHECK(inroot_open(root, path, O_RDONLY, 0) == -ENOENT);
	ln(path, "root/etc/link");
	CHECK(inroot_open(root, "/etc/link", O_RDONLY, 0) == -ENOENT);
}

static long read_swapped(const char *path, unsigned *got)
{
	for (unsigned i = 0; race_on(i, *got); i++) {
		_cleanup_free_ char *text = NULL;

		if (inroot_read_file(root, path, 100, &text, NULL, NULL) < 0)
			continue;
		if (!streq(text, "container"))
			return -1;
		++*got;
	}
	return 0;
}

TEST(CVE_2018_15664_swapped_between_check_and_use)
{
	static const char *const components[] = { "root/a", "root/a/b", "root/a/b/secret" };
	static const char *const links[] = { "@/x", "@", "@/secret" };

	for (unsigned i = 0; i < ARRAY_SIZE(components); i++) {
		unsigned got = 0;
		pthread_t t;
		long r;

		setup();
		make("root/a");
		make("root/a/b");
		put("root/a/b/secret", "container");
		ln(links[i], "link");
		t = swap_start(components[i], "link");
		r = read_swapped("/a/b/secret", &got);
		swap_end(t);
		CHECK(r == 0 && got > 0);
		CHECK(host_is_untouched());
	}
}

/* containerd's CVE-2026-53489 as well: a link where a file is read. */
TEST(CVE_2026_53489_file_read_through_a_link)
{
	_cleanup_free_ char *text = NULL;

	setup();
	ln("@/secret", "root/log");
	ln("/proc/self/root/etc/passwd", "root/magic");
	CHECK(inroot_read_file(root, "log", 100, &text, NULL, NULL) == -ENOENT);
	CHECK(inroot_read_file(root, "magic", 1 << 20, &text, NULL, NULL) == -ENOENT);
}

/* Incus' CVE-2026-48752 and Docker's CVE-2014-6407: the tree itself is copied, never what its links say. */
TEST(CVE_2014_6407_copy_follows_no_link)
{
	char from[128], to[128], target[256];
	ssize_t n;

	setup();
	ln("@", "root/dir");
	ln("@/secret", "root/file");
	CHECK(symlinkat("/proc/self/root", top_fd, "root/magic") == 0);
	snprintf(from, sizeof(from), "%s/root", top);
	snprintf(to, sizeof(to), "%s/copy", top);
	CHECK(store_copy_tree(from, to, &err) == 0);
	n = readlinkat(top_fd, "copy/file", target, sizeof(target) - 1);
	CHECK(n > 0);
	target[n] = '\0';
	CHECK(strstr(target, "/host/secret"));
	CHECK(readlinkat(top_fd, "copy/dir", target, sizeof(target)) > 0);
	CHECK(readlinkat(top_fd, "copy/magic", target, sizeof(target)) == 15);
	/* Owner, mode and times were set on the links. */
	CHECK(host_is_untouched());
}

/* containerd's CVE-2021-32760: a mode set through what was a file a moment ago. */
TEST(CVE_2021_41089_mode_set_through_a_link)
{
	char from[128], to[128];
	struct stat st;
	pthread_t t;

	setup();
	make("root/many");
	for (unsigned i = 0; i < 20; i++) {
		char name[64];

		snprintf(name, sizeof(name), "root/many/f%u", i);
		put(name, "x");
	}
	put("root/many/victim", "x");
	CHECK(fchmodat(top_fd, "root/many/victim", 04777, 0) == 0);
	ln("@/secret", "link");
	snprintf(from, sizeof(from), "%s/root", top);
	snprintf(to, sizeof(to), "%s/copy", top);
	t = swap_start("root/many/victim", "link");
	for (unsigned i = 0; i < 100; i++) {
		/* It may notice and fail; then nothing is left. */
		_cleanup_free_ char *text = NULL;

		if (store_copy_tree(from, to, &err) < 0)
			CHECK(!file_exists(top_fd, "copy"));
		else if (fstatat(top_fd, "copy/many/victim", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			CHECK(file_read(top_fd, "copy/many/victim", 10, &text, NULL, &err) == 0 && streq(text, "x"));
		CHECK(tree_remove(AT_FDCWD, to, &err) == 0);
	}
	swap_end(t);
	CHECK(host_is_untouched());
}

/* BuildKit's mount-stub cleaner: what is removed must be ours, whatever is in its way. */
TEST(CVE_2024_23652_removal_follows_no_link)
{
	char path[128];

	setup();
	ln("@", "root/dir");
	ln("@/secret", "root/file");
	snprintf(path, sizeof(path), "%s/root", top);
	CHECK(tree_remove(AT_FDCWD, path, &err) == 0);
	CHECK(host_is_untouched());
	/* And while a directory is swapped with a link to the host's. */
	for (unsigned i = 0; i < 1000; i++) {
		pthread_t t;

		make("root");
		make("root/a");
		make("root/a/dir");
		put("root/a/dir/x", "x");
		ln("@", "link");
		t = swap_start("root/a", "link");
		tree_remove(top_fd, "root", &err);
		swap_end(t);
		CHECK(host_is_untouched());
		tree_remove(top_fd, "root", &err);
		tree_remove(top_fd, "link", &err);
	}
}

/* --- users ---------------------------------------------------------------------------------------------------------- */

static unsigned mapped_files(void)
{
	_cleanup_free_ char *maps = NULL;
	unsigned n = 0;

	if (file_read(AT_FDCWD, "/proc/self/maps", 1 << 20, &maps, NULL, &err) < 0)
		abort();
	for (const char *p = maps; (p = strstr(p, ".so")); p++)
		n++;
	return n;
}

/* A user's name is looked up in the container without loading anything, the container's name service least of all. */
TEST(CVE_2019_14271_no_library_is_loaded_for_a_name)
{
	struct passwd_user u;
	unsigned before;

	setup();
	put("root/etc/passwd", "alice:x:7:8::/:/bin/sh\n");
	put("root/etc/nsswitch.conf", "passwd: evil\n");
	make("root/lib");
	put("root/lib/libnss_evil.so.2", "not even a library");
	before = mapped_files();
	CHECK(passwd_find(root, "alice", &u, &err) == 0 && u.uid == 7);
	CHECK(passwd_find(root, "mallory", &u, &err) == -ENOENT);
	CHECK(mapped_files() == before);
}

TEST(CVE_2016_3697_digits_are_no_name)
{
	struct passwd_user u;

	setup();
	put("root/etc/passwd", "1000:x:0:0::/root:/bin/sh\nroot:x:0:0::/root:/bin/sh\n");
	CHECK(passwd_find(root, "1000", &u, &err) == 0 && u.uid == 1000);
	CHECK(passwd_find(root, "4294967295", &u, &err) == -ERANGE);
	CHECK(passwd_find(root, "4294967296", &u, &err) == -ERANGE);
}

/* --- names ---------------------------------------------------------------------------------------------------------- */

/* moby 4f84bcb967: an id that is joined to a path. */
TEST(moby_4f84bcb967_name_is_one_component)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "/a", "../a", "a/../b", "a/" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!path_is_component(bad[i]));
	CHECK(path_is_component("a") && path_is_component("...") && path_is_component("a.b"));
}

/* LXC's CVE-2018-6556 and CVE-2022-47952: what a path is may not be learnt from the error. */
TEST(CVE_2018_6556_one_error_for_every_path)
{
	static const char *const targets[] = { "/root/.bashrc", "/nonexistent", "/dev/null", "/etc/shadow", "/root" };
	struct err first = { 0 }, e = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		CHECK(ns_open(targets[i], &ns_table[5], i ? &e : &first) == -EINVAL);
		if (i)
			CHECK_STR(strstr(e.msg, " is no "), strstr(first.msg, " is no "));
	}
}
