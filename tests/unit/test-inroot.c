/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/inroot.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "unit/test.h"

/* TOP holds root/, the container's tree, and out/, the host that nobody may reach. */
static char top[] = "/tmp/creel-sys-inroot-XXXXXX";
static int top_fd = -EBADF, root = -EBADF;

static void remove_all(void)
{
	if (tree_remove(AT_FDCWD, top, NULL) < 0)
		printf("# %s stays\n", top);
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

static void ln(const char *target, const char *path)
{
	unlinkat(top_fd, path, 0);
	if (symlinkat(target, top_fd, path) < 0)
		abort();
}

/* A fresh tree for each test. */
static void setup(void)
{
	umask(022);
	if (root >= 0) {
		fd_close(root);
		renameat(top_fd, "root", top_fd, "old");
		if (tree_remove(top_fd, "old", NULL) < 0)
			abort();
	} else {
		if (!mkdtemp(top) || atexit(remove_all) != 0)
			abort();
		top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	make("root");
	make("out");
	make("root/etc");
	make("root/usr");
	make("root/usr/bin");
	put("root/etc/passwd", "in\n");
	put("root/usr/bin/sh", "sh\n");
	put("out/secret", "out\n");
	ln("usr/bin", "root/bin");
	root = openat(top_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		abort();
}

/* Every test runs with both engines. */
static void with_both(void (*fn)(void))
{
	setup();
	fn();
	probe_mask(1u << PROBE_OPENAT2);
	setup();
	fn();
	probe_mask(0);
}
#define TEST_BOTH(id)                 \
	static void both_##id(void);  \
	TEST(id)                      \
	{                             \
		with_both(both_##id); \
	}                             \
	static void both_##id(void)

/* Inode of what PATH leads to, or a negative errno. */
static long ino_of(const char *path, int flags)
{
	_cleanup_close_ int fd = inroot_open_path(root, path, flags);
	struct stat st;

	if (fd < 0)
		return fd;
	return fstat(fd, &st) < 0 ? -errno : (long)st.st_ino;
}

static long host_ino(const char *path)
{
	struct stat st;

	return fstatat(top_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : (long)st.st_ino;
}

TEST_BOTH(plain_paths)
{
	long passwd = host_ino("root/etc/passwd"), dir = host_ino("root");

	CHECK(ino_of("etc/passwd", 0) == passwd);
	CHECK(ino_of("/etc/passwd", 0) == passwd);
	CHECK(ino_of("//etc/./../etc//passwd", 0) == passwd);
	CHECK(ino_of("/bin/sh", 0) == host_ino("root/usr/bin/sh"));
	CHECK(ino_of("/bin/", 0) == host_ino("root/usr/bin"));
	CHECK(ino_of("/bin", O_NOFOLLOW) == host_ino("root/bin"));
	CHECK(ino_of("/bin/", O_NOFOLLOW) == host_ino("root/usr/bin"));
	CHECK(ino_of("/", 0) == dir && ino_of(".", 0) == dir && ino_of("..", 0) == dir);
	CHECK(ino_of("usr/..", 0) == dir && ino_of("usr/bin/../../..", O_DIRECTORY) == dir);
	CHECK(ino_of("", 0) == -ENOENT);
	CHECK(ino_of("etc/passwd/", 0) == -ENOTDIR);
	CHECK(ino_of("etc/passwd/x", 0) == -ENOTDIR);
	CHECK(ino_of("etc/passwd", O_DIRECTORY) == -ENOTDIR);
	CHECK(ino_of("etc/nothing", 0) == -ENOENT);
}

TEST_BOTH(fds_are_path_and_cloexec)
{
	_cleanup_close_ int a = inroot_open_path(root, "etc", 0), b = inroot_open_path(root, "/", 0);

	CHECK(a >= 0 && b >= 0);
	CHECK(fcntl(a, F_GETFD) == FD_CLOEXEC && fcntl(b, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(a, F_GETFL) & O_PATH && fcntl(b, F_GETFL) & O_PATH);
}

TEST_BOTH(links_stay_inside)
{
	char abs[64];

	snprintf(abs, sizeof(abs), "%s/out/secret", top);
	ln(abs, "root/abs");
	ln("../out/secret", "root/rel");
	ln("../../../../../../../../etc/passwd", "root/storm");
	ln("/dev", "root/dev");
	ln("/etc", "root/usr/hostetc");
	ln("..", "root/usr/up");
	CHECK(ino_of("abs", 0) == -ENOENT);
	CHECK(ino_of("rel", 0) == -ENOENT);
	CHECK(ino_of("dev/null", 0) == -ELOOP);
	CHECK(ino_of("storm", 0) == host_ino("root/etc/passwd"));
	CHECK(ino_of("usr/hostetc/passwd", 0) == host_ino("root/etc/passwd"));
	CHECK(ino_of("usr/up/up/up/../../etc/passwd", 0) == -ENOENT);
	CHECK(ino_of("usr/up/usr/up/../../etc/passwd", 0) == host_ino("root/etc/passwd"));
}

TEST_BOTH(dotdot_storm)
{
	char path[PATH_MAX];
	size_t n = 0;

	while (n + 40 < sizeof(path))
		n += (size_t)sprintf(path + n, "../");
	strcpy(path + n, "out/secret");
	CHECK(ino_of(path, 0) == -ENOENT);
	strcpy(path + n, "etc/passwd");
	CHECK(ino_of(path, 0) == host_ino("root/etc/passwd"));
	n = 0;
	while (n + 40 < sizeof(path))
		n += (size_t)sprintf(path + n, "usr/bin/../../");
	strcpy(path + n, "etc/passwd");
	CHECK(ino_of(path, 0) == host_ino("root/etc/passwd"));
}

TEST_BOTH(link_loops_end)
{
	char name[32], target[32];

	ln("loop", "root/loop");
	CHECK(ino_of("loop", 0) == -ELOOP);
	CHECK(ino_of("loop", O_NOFOLLOW) == host_ino("root/loop"));
	ln("etc/passwd", "root/l0");
	for (int i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "root/l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		ln(target, name);
	}
	CHECK(ino_of("l39", 0) == host_ino("root/etc/passwd"));
	CHECK(ino_of("l40", 0) == -ELOOP);
}

TEST_BOTH(magic_links_are_refused)
{
	_cleanup_close_ int slash = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int ok = -EBADF, text = -EBADF;
	char path[64];
	static const char *const magic[] = { "root/etc", "cwd", "exe", "ns/mnt", "root" };

	for (size_t i = 0; i < ARRAY_SIZE(magic); i++) {
		int fd;

		snprintf(path, sizeof(path), "/proc/%s/%s", i % 2 ? "self" : "thread-self", magic[i]);
		fd = inroot_open_path(slash, path, 0);
		if (fd != -ELOOP)
			printf("# %s: %d\n", path, fd);
		CHECK(fd == -ELOOP);
	}
	snprintf(path, sizeof(path), "proc/self/fd/%d", top_fd);
	CHECK(inroot_open_path(slash, path, 0) == -ELOOP);
	snprintf(path, sizeof(path), "proc/%d/fd/%d/out", getpid(), top_fd);
	CHECK(inroot_open_path(slash, path, 0) == -ELOOP);
	CHECK(inroot_open(slash, "/proc/self/exe", O_RDONLY, 0) == -ELOOP);
	CHECK(inroot_make_dirs(slash, "/proc/self/cwd", 0755) == -ELOOP);
	ok = inroot_open_path(slash, "/proc/self/status", 0);
	text = inroot_open_path(slash, "/proc/mounts", 0);
	CHECK(ok >= 0 && text >= 0);
}

TEST_BOTH(nolinks_refuses_every_link)
{
	_cleanup_close_ int fd = inroot_open_nolinks(root, "usr/bin/../bin/sh", 0);

	ln("passwd", "root/etc/link");
	CHECK(fd >= 0);
	CHECK(inroot_open_nolinks(root, "bin/sh", 0) == -ELOOP);
	CHECK(inroot_open_nolinks(root, "bin", 0) == -ELOOP);
	CHECK(inroot_open_nolinks(root, "bin", O_NOFOLLOW) == -ELOOP);
	CHECK(inroot_open_nolinks(root, "bin/", O_NOFOLLOW | O_DIRECTORY) == -ELOOP);
	CHECK(inroot_open_nolinks(root, "etc/link", 0) == -ELOOP);
	CHECK(inroot_open_nolinks(root, "etc/none", 0) == -ENOENT);
}

TEST_BOTH(long_and_deep)
{
	static char path[PATH_MAX + 8];
	char name[NAME_MAX + 2];
	_cleanup_close_ int deep = -EBADF, again = -EBADF;

	memset(path, 0, sizeof(path));
	for (size_t i = 0; i < PATH_MAX - 11; i++)
		path[i] = i % 2 ? '/' : '.';
	strcpy(path + PATH_MAX - 11, "/etc/passwd");
	path[PATH_MAX - 1] = '\0';
	CHECK(strlen(path) == PATH_MAX - 1);
	CHECK(ino_of(path, 0) == -ENOENT);
	strcpy(path + PATH_MAX - 12, "/etc/passwd");
	CHECK(ino_of(path, 0) == host_ino("root/etc/passwd"));
	memset(path, '/', PATH_MAX);
	CHECK(ino_of(path, 0) == -ENAMETOOLONG);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	CHECK(ino_of(name, 0) == -ENAMETOOLONG);
	CHECK(inroot_make_dirs(root, name, 0755) == -ENAMETOOLONG);
	for (size_t i = 0; i < PATH_MAX - 2; i++)
		path[i] = i % 2 ? '/' : 'd';
	path[PATH_MAX - 2] = '\0';
	deep = inroot_make_dirs(root, path, 0755);
	CHECK(deep >= 0);
	again = inroot_open_path(root, path, O_DIRECTORY);
	CHECK(again >= 0);
}

TEST_BOTH(make_dirs_and_files)
{
	_cleanup_close_ int a = -EBADF, b = -EBADF, c = -EBADF, d = -EBADF;
	struct stat st;

	a = inroot_make_dirs(root, "/var/lib/x/../y", 0711);
	CHECK(a >= 0 && fstat(a, &st) == 0 && (st.st_mode & 07777) == 0711);
	CHECK(host_ino("root/var/lib/x") > 0 && (long)st.st_ino == host_ino("root/var/lib/y"));
	CHECK(inroot_make_dirs(root, "etc/passwd", 0755) == -ENOTDIR);
	CHECK(inroot_make_dirs(root, "etc/passwd/x", 0755) == -ENOTDIR);
	b = inroot_make_file(root, "run/a/b", 0640);
	CHECK(b >= 0 && fstat(b, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0640);
	c = inroot_make_file(root, "run/a/b", 0600);
	CHECK(c >= 0 && (long)st.st_ino == host_ino("root/run/a/b"));
	CHECK(inroot_make_file(root, "run/a/c/", 0600) == -EISDIR);
	CHECK(host_ino("root/run/a/c") == -ENOENT);
	/* As Debian's resolv.conf: a link to what will be there only once the container runs. */
	ln("../run/systemd/resolve/stub.conf", "root/etc/resolv.conf");
	d = inroot_make_file(root, "/etc/resolv.conf", 0644);
	CHECK(d >= 0 && host_ino("root/run/systemd/resolve/stub.conf") > 0);
	CHECK(host_ino("root/etc/resolv.conf") > 0);
	ln("/../../../../../../out/made", "root/bad");
	CHECK((c = inroot_make_dirs(root, "bad/deeper", 0755)) >= 0);
	CHECK(host_ino("out/made") == -ENOENT && host_ino("root/out/made/deeper") > 0);
}

TEST_BOTH(open_creates_only_the_last)
{
	_cleanup_close_ int a = -EBADF, b = -EBADF, c = -EBADF;

	CHECK(inroot_open(root, "no/file", O_WRONLY | O_CREAT, 0644) == -ENOENT);
	a = inroot_open(root, "etc/new", O_RDWR | O_CREAT | O_EXCL, 0600);
	CHECK(a >= 0 && write(a, "x", 1) == 1 && fcntl(a, F_GETFD) == FD_CLOEXEC);
	CHECK(inroot_open(root, "etc/new", O_RDWR | O_CREAT | O_EXCL, 0600) == -EEXIST);
	b = inroot_open(root, "etc/new", O_RDWR | O_CREAT | O_TRUNC, 0600);
	CHECK(b >= 0 && lseek(b, 0, SEEK_END) == 0);
	ln("../../out/planted", "root/etc/dangling");
	CHECK(inroot_open(root, "etc/dangling", O_WRONLY | O_CREAT, 0644) == -ENOENT);
	CHECK(inroot_open(root, "etc/dangling", O_WRONLY | O_CREAT | O_EXCL, 0644) == -EEXIST);
	CHECK(host_ino("out/planted") == -ENOENT);
	CHECK(inroot_open(root, "etc/passwd", O_RDONLY | O_NOFOLLOW, 0) >= 0);
	CHECK(inroot_open(root, "bin", O_RDONLY | O_NOFOLLOW, 0) == -ELOOP);
	c = inroot_open(root, "bin", O_RDONLY | O_DIRECTORY, 0);
	CHECK(c >= 0 && !(fcntl(c, F_GETFL) & O_PATH));
	CHECK(inroot_open(root, "etc", O_RDWR | O_TMPFILE, 0600) == -EINVAL);
}

TEST_BOTH(devices_fifos_sockets_are_refused)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), path = -EBADF;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/root/sock", top);
	CHECK(mkfifoat(top_fd, "root/fifo", 0666) == 0);
	CHECK(bind(sock, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	alarm(10); /* opening the fifo for real would wait for ever */
	CHECK(inroot_open(root, "fifo", O_RDONLY, 0) == -EPERM);
	CHECK(inroot_open(root, "fifo", O_WRONLY | O_CREAT, 0644) == -EPERM);
	CHECK(inroot_open(root, "sock", O_RDONLY, 0) == -EPERM);
	alarm(0);
	path = inroot_open(root, "fifo", O_PATH, 0);
	CHECK(path >= 0);
	if (mknodat(top_fd, "root/null", S_IFCHR | 0666, makedev(1, 3)) < 0)
		SKIP("cannot make devices here");
	CHECK(inroot_open(root, "null", O_RDWR, 0) == -EPERM);
}

TEST_BOTH(open_parent_splits)
{
	const char *name = "untouched", *path = "/usr/bin/sh";
	_cleanup_close_ int a = inroot_open_parent(root, path, false, &name), b = -EBADF, c = -EBADF;
	struct stat st;

	CHECK(a >= 0 && name == path + 9 && fstat(a, &st) == 0);
	CHECK((long)st.st_ino == host_ino("root/usr/bin"));
	b = inroot_open_parent(root, "x", false, &name);
	CHECK(b >= 0 && fstat(b, &st) == 0 && (long)st.st_ino == host_ino("root"));
	name = "untouched";
	CHECK(inroot_open_parent(root, "/", false, &name) == -EINVAL);
	CHECK(inroot_open_parent(root, "", false, &name) == -EINVAL);
	CHECK(inroot_open_parent(root, "a/..", false, &name) == -EINVAL);
	CHECK(inroot_open_parent(root, ".", true, &name) == -EINVAL);
	CHECK(inroot_open_parent(root, "usr/", true, &name) == -EINVAL);
	CHECK(inroot_open_parent(root, "no/such/x", false, &name) == -ENOENT);
	CHECK_STR(name, "untouched");
	c = inroot_open_parent(root, "no/such/x", true, &name);
	CHECK(c >= 0 && host_ino("root/no/such") > 0 && host_ino("root/no/such/x") == -ENOENT);
	CHECK_STR(name, "x");
}

TEST_BOTH(read_file_is_bounded)
{
	_cleanup_free_ char *text = NULL;
	struct err e = { 0 };
	size_t len;

	CHECK(inroot_read_file(root, "/etc/passwd", 3, &text, &len, &e) == 0);
	CHECK(len == 3);
	CHECK_STR(text, "in\n");
	CHECK(inroot_read_file(root, "/etc/passwd", 2, &text, &len, &e) == -E2BIG);
	CHECK(e.kind == ERR_LIMIT && strstr(e.msg, "/etc/passwd in the container is larger than 2 bytes"));
	CHECK(inroot_read_file(root, "/etc", 100, &text, &len, &e) == -EINVAL);
	CHECK(inroot_read_file(root, "/etc/none", 100, &text, &len, &e) == -ENOENT);
	CHECK(len == 3);
}

/* The two engines must agree on whatever there is: names, links of every sort, "..", trailing slashes. */
TEST(engines_agree_on_random_paths)
{
	static const char *const words[] = { "a", "b", "f", "up", "abs", "self", "none", "deep", "..", "..", ".", "" };
	static const int flags[] = { 0, O_NOFOLLOW, O_DIRECTORY, O_NOFOLLOW | O_DIRECTORY };
	unsigned seed = 4711;

	setup();
	make("root/a");
	make("root/a/b");
	make("root/a/b/a");
	make("root/b");
	put("root/a/f", "f");
	put("root/b/f", "f");
	ln("..", "root/a/up");
	ln("../..", "root/a/b/up");
	ln("../../../..", "root/b/up");
	ln("/a", "root/a/b/abs");
	ln("/a/b/", "root/abs");
	ln("self", "root/self");
	ln("b/./../b/abs/b", "root/a/deep");
	ln("nowhere/at/all", "root/b/none");
	ln("../a/f", "root/b/a");
	for (int i = 0; i < 20000; i++) {
		char path[128] = "";
		int n = 1 + rand_r(&seed) % 7, f = flags[rand_r(&seed) % 4];
		long one, two;

		for (int k = 0; k < n; k++) {
			strcat(path, words[(unsigned)rand_r(&seed) % ARRAY_SIZE(words)]);
			if (k + 1 < n || rand_r(&seed) % 4 == 0)
				strcat(path, "/");
		}
		one = ino_of(path, f);
		probe_mask(1u << PROBE_OPENAT2);
		two = ino_of(path, f);
		probe_mask(0);
		if (one != two)
			printf("# '%s' flags %o: openat2 %ld, walk %ld\n", path, f, one, two);
		CHECK(one == two);
	}
}

/* --- races --------------------------------------------------------------------------------------------------------- */

static struct {
	atomic_bool stop;
	const char *a, *b; /* exchanged for ever, names below top_fd */
	atomic_uint swaps;
} swap;

static void *swapper(void *arg)
{
	while (!swap.stop) {
		if (renameat2(top_fd, swap.a, top_fd, swap.b, RENAME_EXCHANGE) == 0)
			swap.swaps++;
	}
	return NULL;
}

static void swap_start(pthread_t *t, const char *a, const char *b)
{
	swap.stop = false;
	swap.swaps = 0;
	swap.a = a;
	swap.b = b;
	if (pthread_create(t, NULL, swapper, NULL) != 0)
		abort();
	while (!swap.swaps)
		sched_yield();
}

static unsigned swap_end(pthread_t t)
{
	swap.stop = true;
	pthread_join(t, NULL);
	return swap.swaps;
}

static unsigned entries(const char *path)
{
	int fd = openat(top_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* The host's side of the races: every name that a confused look-up would find there. */
static void setup_race(void)
{
	setup();
	make("root/x");
	make("root/x/y");
	make("root/x/y/z");
	put("root/x/y/z/secret", "in\n");
	make("out/y");
	make("out/y/z");
	put("out/y/z/secret", "out\n");
	make("out/z");
	put("out/z/secret", "out\n");
	make("swap");
}

static int race_look_ups(unsigned *found)
{
	static const char *const paths[] = { "x/y/z/secret", "/x/y/../y/z/secret", "x/./y/z/../z/secret" };

	/* On a busy machine either thread may long have the processor to itself: then it takes more rounds. */
	for (unsigned i = 0; i < 10000 || (*found < 100 && i < 2000000); i++) {
		_cleanup_close_ int fd = inroot_open(root, paths[i % 3], O_RDONLY, 0);
		char buf[8] = "";

		if (i % 64 == 63)
			sched_yield();

		if (fd < 0)
			continue;
		if (read(fd, buf, sizeof(buf) - 1) <= 0 || strcmp(buf, "in\n") != 0)
			return -EXDEV;
		++*found;
	}
	return 0;
}

/* Each component of root/x/y/z/secret in turn is exchanged with a link to its twin on the host. */
static void race_each_component(void)
{
	static const char *const names[] = { "root/x", "root/x/y", "root/x/y/z", "root/x/y/z/secret" };
	static const char *const twins[] = { "", "/y", "/y/z", "/y/z/secret" };
	char target[128];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		unsigned found = 0, swaps;
		pthread_t t;
		int r;

		setup_race();
		snprintf(target, sizeof(target), "%s/out%s", top, twins[i]);
		ln(target, "swap/abs");
		swap_start(&t, names[i], "swap/abs");
		r = race_look_ups(&found);
		swaps = swap_end(t);
		printf("# %s: %u swaps, %u found\n", names[i], swaps, found);
		CHECK(r == 0);
		CHECK(found > 0 && swaps > 0);
		CHECK(tree_remove(top_fd, "swap", NULL) == 0);
	}
}

TEST(swapper_on_every_component)
{
	race_each_component();
}

TEST(swapper_on_every_component_walk)
{
	probe_mask(1u << PROBE_OPENAT2);
	race_each_component();
	probe_mask(0);
}

/* The directory a look-up stands in is moved out of the root: ".." must not lead to the host's side. */
static void race_moved_out(void)
{
	unsigned swaps;
	pthread_t t;

	setup_race();
	make("out/y2");
	make("out/y2/z");
	swap_start(&t, "root/x/y", "out/y2");
	for (unsigned i = 0; i < 10000; i++) {
		_cleanup_close_ int fd = inroot_open_path(root, "x/y/z/../../secret", 0);
		_cleanup_close_ int up = inroot_open_path(root, "x/y/z/../../../../../out/secret", 0);

		if (fd >= 0 || up >= 0)
			swap.stop = true;
		CHECK(fd < 0 && up < 0);
	}
	swaps = swap_end(t);
	CHECK(swaps > 0);
	CHECK(tree_remove(top_fd, "swap", NULL) == 0);
}

TEST(swapper_moves_a_directory_out_of_the_root)
{
	race_moved_out();
}

TEST(swapper_moves_a_directory_out_of_the_root_walk)
{
	probe_mask(1u << PROBE_OPENAT2);
	race_moved_out();
	probe_mask(0);
}

TEST(make_dirs_race_makes_nothing_outside)
{
	unsigned before, made = 0;
	char target[64], path[64];
	pthread_t t;

	setup_race();
	snprintf(target, sizeof(target), "%s/out", top);
	ln(target, "swap/abs");
	before = entries("out") + entries("out/y") + entries("out/z");
	swap_start(&t, "root/x", "swap/abs");
	for (unsigned i = 0; i < 10000 || (!made && i < 2000000); i++) {
		_cleanup_close_ int dir = -EBADF, file = -EBADF, open = -EBADF;

		snprintf(path, sizeof(path), "x/y/new%u/deep", i % 97);
		dir = inroot_make_dirs(root, path, 0755);
		snprintf(path, sizeof(path), "x/z/file%u", i % 97);
		file = inroot_make_file(root, path, 0644);
		snprintf(path, sizeof(path), "x/made%u", i % 97);
		open = inroot_open(root, path, O_WRONLY | O_CREAT, 0644);
		made += (dir >= 0) + (file >= 0) + (open >= 0);
	}
	swap_end(t);
	CHECK(made > 0);
	CHECK(entries("out") + entries("out/y") + entries("out/z") == before);
	CHECK(tree_remove(top_fd, "swap", NULL) == 0);
}

/* A fifo that takes the file's place between look and open must neither be opened nor hold us up. */
TEST(swapped_fifo_is_never_opened)
{
	pthread_t t;

	setup_race();
	CHECK(mkfifoat(top_fd, "swap/fifo", 0666) == 0);
	swap_start(&t, "root/x/y/z/secret", "swap/fifo");
	alarm(60);
	for (unsigned i = 0; i < 10000; i++) {
		_cleanup_close_ int fd = inroot_open(root, "x/y/z/secret", O_RDONLY, 0);
		struct stat st;

		if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)))
			swap.stop = true;
		CHECK(fd < 0 || S_ISREG(st.st_mode));
	}
	alarm(0);
	swap_end(t);
	CHECK(tree_remove(top_fd, "swap", NULL) == 0);
}

/* --- reopening ------------------------------------------------------------------------------------------------------ */

TEST(reopen_is_the_same_object)
{
	_cleanup_close_ int at = -EBADF, fd = -EBADF, dir = -EBADF;
	char buf[8] = "";

	setup();
	at = inroot_open_path(root, "etc/passwd", 0);
	CHECK(renameat(top_fd, "root/etc/passwd", top_fd, "root/etc/gone") == 0);
	put("root/etc/passwd", "other\n");
	fd = inroot_reopen(at, O_RDONLY);
	CHECK(fd >= 0 && read(fd, buf, sizeof(buf) - 1) == 3);
	CHECK_STR(buf, "in\n");
	dir = inroot_reopen(root, O_RDONLY | O_DIRECTORY);
	CHECK(dir >= 0 && !(fcntl(dir, F_GETFL) & O_PATH));
}

/* 0 when a covered /proc is refused for reopening and the file is still read, by the second look-up. */
static int child_with_covered_proc(const char *what, const char *over)
{
	_cleanup_close_ int at = inroot_open_path(root, "etc/passwd", 0), fd = -EBADF;
	char buf[8] = "";

	if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	if (sys_mount(what, over, *what == '/' ? NULL : what, *what == '/' ? MS_BIND : 0, NULL) < 0)
		return 77;
	if (inroot_reopen(at, O_RDONLY) >= 0)
		return 1;
	fd = inroot_open(root, "etc/passwd", O_RDONLY, 0);
	if (fd < 0 || fcntl(fd, F_GETFL) & O_NONBLOCK)
		return 2;
	return read(fd, buf, 3) == 3 && streq(buf, "in\n") ? 0 : 3;
}

static int in_child(const char *what, const char *over)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(child_with_covered_proc(what, over));
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : -errno;
}

TEST(reopen_trusts_no_covered_proc)
{
	int r;

	setup();
	r = in_child("tmpfs", "/proc");
	if (r == 77)
		SKIP("no private mount name space here");
	CHECK(r == 0);
	/* A directory of procfs itself in the place of the root. */
	r = in_child("/proc/1", "/proc");
	CHECK(r == 0);
}
