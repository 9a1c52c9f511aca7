/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/mount.h"
#include "sys/syscalls.h"
#include "unit/test.h"

/* --- options -------------------------------------------------------------------------------------------------------- */

TEST(every_option_says_something_and_none_is_data)
{
	/* Words that are accepted for the sake of other readers of an fstab line. */
	static const char *const mute[] = { "defaults", "auto",	  "noauto",  "user", "nouser", "users",
					    "group",	"nofail", "_netdev", "loud", "silent" };
	struct mount_opts none;
	const char *name;

	CHECK(mount_opts_parse(NULL, &none, NULL) == 0);
	for (unsigned i = 0; (name = mount_opt_name(i)); i++) {
		struct mount_opts m;
		char word[64];
		bool is_mute = false;

		for (size_t k = 0; k < ARRAY_SIZE(mute); k++)
			is_mute |= streq(mute[k], name);
		snprintf(word, sizeof(word), "%s%s", name, streq(name, "idmap=") ? "container" : "");
		CHECK(mount_opts_parse(word, &m, NULL) == 0);
		CHECK_STR(m.data, "");
		if ((memcmp(&m, &none, sizeof(m)) == 0) != is_mute)
			printf("# option %s\n", name);
		CHECK((memcmp(&m, &none, sizeof(m)) == 0) == is_mute);
		for (unsigned k = 0; k < i; k++)
			CHECK(!streq(mount_opt_name(k), name));
	}
}

/* For every "noX" the table has "X" too, and the later of two wins. */
TEST(option_pairs_undo_each_other)
{
	const char *name;

	for (unsigned i = 0; (name = mount_opt_name(i)); i++) {
		const char *base = startswith(name, "no"), *rbase = startswith(name, "rno");
		char pair[64], both[160];
		struct mount_opts a, b;

		if ((!base && !rbase) || streq(name, "noauto") || streq(name, "nofail") || streq(name, "nouser") ||
		    strstr(name, "time"))
			continue;
		snprintf(pair, sizeof(pair), "%s%s", base ? "" : "r", base ?: rbase);
		snprintf(both, sizeof(both), "%s,%s", name, pair);
		CHECK(mount_opts_parse(both, &a, NULL) == 0 && mount_opts_parse(pair, &b, NULL) == 0);
		CHECK(memcmp(&a, &b, sizeof(a)) == 0);
		CHECK(a.attr_clr || a.rattr_clr);
	}
}

TEST(options_parse)
{
	struct mount_opts m;

	CHECK(mount_opts_parse("ro,nosuid,nodev,noexec,noatime,create=dir,optional,size=1m,,mode=755", &m, NULL) == 0);
	CHECK(m.attr_set ==
	      (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME));
	CHECK(m.attr_clr == MOUNT_ATTR__ATIME);
	CHECK(m.create_dir && !m.create_file && m.optional && m.fs_ro && !m.recursive_attr);
	CHECK_STR(m.data, "size=1m,mode=755");
	CHECK(mount_opts_parse("create=dir,create=file,ro,rw,rbind,rslave,rro,idmap=/proc/1/ns/user", &m, NULL) == 0);
	CHECK(!m.create_dir && m.create_file && !m.fs_ro && m.attr_set == 0 && m.attr_clr == MOUNT_ATTR_RDONLY);
	CHECK(m.rbind && m.propagation == (1 << 19) && m.propagation_rec);
	CHECK(m.recursive_attr && m.rattr_set == MOUNT_ATTR_RDONLY);
	CHECK_STR(m.idmap, "/proc/1/ns/user");
	CHECK(mount_opts_parse("context=\"u:r:c0,c1\",a=b\\,c,ro", &m, NULL) == 0);
	CHECK_STR(m.data, "context=\"u:r:c0,c1\",a=b\\,c");
	CHECK(m.attr_set == MOUNT_ATTR_RDONLY);
}

TEST(options_refused)
{
	struct mount_opts m = { .bind = true };
	char big[4096];
	struct err e = { 0 };

	CHECK(mount_opts_parse("create=fifo", &m, &e) == -EINVAL);
	CHECK_STR(e.msg, "create=fifo: expected create=dir or create=file");
	CHECK(mount_opts_parse("idmap=", &m, &e) == -EINVAL);
	CHECK(mount_opts_parse("bind,move", &m, &e) == -EINVAL);
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	CHECK(mount_opts_parse(big, &m, &e) == -E2BIG && e.kind == ERR_LIMIT);
	memcpy(big, "idmap=", 6);
	CHECK(mount_opts_parse(big, &m, &e) == -E2BIG);
	memset(big, ',', sizeof(big) - 1);
	CHECK(mount_opts_parse(big, &m, &e) == 0);
	CHECK(mount_opts_parse("size=1m,", &m, &e) == 0);
	CHECK_STR(m.data, "size=1m");
	for (size_t n = sizeof(m.data) - 2; n < sizeof(m.data) + 2; n++) {
		memset(big, 'y', n);
		big[n] = '\0';
		CHECK(mount_opts_parse(big, &m, &e) == (n < sizeof(m.data) - 1 ? 0 : -E2BIG));
	}
}

/* --- mounts, in a child with its own mount name space ---------------------------------------------------------------- */

/* In the child a failed check exits with the line's number, which the parent prints. */
#define MUST(cond)                                                                                \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			printf("# line %d: %s (errno %d) %s\n", __LINE__, #cond, errno, err.msg); \
			fflush(stdout);                                                           \
			_exit(1);                                                                 \
		}                                                                                 \
	} while (0)

static struct err err;

static void in_private_ns(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		fn();
		fflush(stdout);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		SKIP("no private mount name space here");
	CHECK(WEXITSTATUS(status) == 0);
}

/* A tmpfs on /mnt of this name space only; fd of its root. */
static int scratch(void)
{
	int mnt = mount_new("tmpfs", "scratch", "size=16m,mode=755", 0, false, &err), fd;
	_cleanup_close_ int at = open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC);

	MUST(mnt >= 0);
	MUST(mount_attach(mnt, at, &err) == 0);
	fd_close(mnt);
	fd = open("/mnt", O_PATH | O_DIRECTORY | O_CLOEXEC);
	MUST(fd >= 0);
	return fd;
}

static int at_dir(int fd, const char *name)
{
	int r;

	mkdirat(fd, name, 0755);
	r = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	MUST(r >= 0);
	return r;
}

static bool is_ro(int fd, const char *name)
{
	int f = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int saved = errno;

	if (f >= 0)
		fd_close(f);
	return f < 0 && saved == EROFS;
}

static void new_fs(void)
{
	_cleanup_close_ int top = scratch(), a = at_dir(top, "a"), mnt = -EBADF, now = -EBADF;
	struct statvfs vfs;

	mnt = mount_new("tmpfs", NULL, "size=1m,mode=700,nr_inodes=20", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, false,
			&err);
	MUST(mnt >= 0);
	/* Detached it is usable already, and not seen anywhere. */
	MUST(mkdirat(mnt, "early", 0700) == 0);
	MUST(!file_exists(a, "early"));
	MUST(fcntl(mnt, F_GETFD) == FD_CLOEXEC);
	MUST(mount_attach(mnt, a, &err) == 0);
	now = openat(top, "a", O_PATH | O_DIRECTORY | O_CLOEXEC);
	MUST(file_exists(now, "early"));
	MUST(fstatvfs(now, &vfs) == 0 && vfs.f_blocks * vfs.f_frsize == 1 << 20 && vfs.f_files == 20);
	MUST((vfs.f_flag & (ST_NOSUID | ST_NODEV)) == (ST_NOSUID | ST_NODEV) && !(vfs.f_flag & ST_RDONLY));
	fd_close(mnt);
	mnt = mount_new("tmpfs", NULL, NULL, 0, true, &err);
	MUST(mnt >= 0 && is_ro(mnt, "x"));
	fd_close(mnt);
	mnt = mount_new("proc", "proc", "", MOUNT_ATTR_RDONLY, false, &err);
	MUST(mnt >= 0 && file_exists(mnt, "self/status"));
}

TEST(new_file_system)
{
	in_private_ns(new_fs);
}

static void new_fs_refused(void)
{
	char big[600] = "mpol=";

	MUST(mount_new("nosuchfs", NULL, NULL, 0, false, &err) == -ENODEV);
	MUST(err.kind == ERR_MISSING && strstr(err.msg, "nosuchfs") && strstr(err.hint, "modprobe nosuchfs"));
	MUST(mount_new("tmpfs", NULL, "size=bogus", 0, false, &err) == -EINVAL);
	MUST(strstr(err.msg, "mount tmpfs (size=bogus): ") && strstr(err.msg, "Bad value"));
	MUST(mount_new("tmpfs", NULL, "mode=755,nonsense", 0, false, &err) == -EINVAL);
	MUST(strstr(err.msg, "nonsense"));
	memset(big + 5, 'x', 300);
	MUST(mount_new("tmpfs", NULL, big, 0, false, &err) == -E2BIG && err.kind == ERR_LIMIT);
	memset(big, 'x', sizeof(big) - 1);
	MUST(mount_new("tmpfs", NULL, big, 0, false, &err) == -E2BIG);
	MUST(mount_new("tmpfs", big, NULL, 0, false, &err) == -E2BIG);
}

TEST(new_file_system_refused)
{
	in_private_ns(new_fs_refused);
}

/* top/a with top/a/sub mounted on it, cloned to top/b. */
static void clones(void)
{
	_cleanup_close_ int top = scratch(), a = at_dir(top, "a"), b = at_dir(top, "b"), c = at_dir(top, "c");
	_cleanup_close_ int sub_at = at_dir(a, "sub"), sub = mount_new("tmpfs", NULL, NULL, 0, false, &err);
	_cleanup_close_ int flat = -EBADF, tree = -EBADF, file = -EBADF, file_at = -EBADF, f = -EBADF;

	MUST(sub >= 0 && mkdirat(sub, "inner", 0755) == 0 && mount_attach(sub, sub_at, &err) == 0);
	flat = mount_clone(a, "", false, &err);
	tree = mount_clone(top, "a", true, &err);
	MUST(flat >= 0 && tree >= 0);
	MUST(!file_exists(flat, "sub/inner") && file_exists(tree, "sub/inner"));
	MUST(mount_set(tree, MOUNT_ATTR_RDONLY, 0, 0, true, &err) == 0);
	MUST(is_ro(tree, "x") && is_ro(tree, "sub/x") && !is_ro(flat, "x") && !is_ro(a, "sub/x"));
	MUST(mount_set(flat, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME, 0, 0, false, &err) == 0 && is_ro(flat, "y"));
	MUST(mount_set(flat, 0, MOUNT_ATTR_RDONLY, 0, false, &err) == 0 && !is_ro(flat, "y"));
	MUST(mount_attach(tree, b, &err) == 0 && mount_attach(flat, c, &err) == 0);
	MUST(file_exists(top, "b/sub/inner") && !file_exists(top, "c/sub/inner"));
	/* A file on a file. */
	f = openat(top, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	MUST(f >= 0 && write(f, "hi", 2) == 2);
	fd_close(f);
	f = openat(top, "target", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	file_at = openat(top, "target", O_PATH | O_CLOEXEC);
	file = mount_clone(top, "file", false, &err);
	MUST(file >= 0 && mount_attach(file, file_at, &err) == 0);
	MUST(mount_attach(file, c, &err) < 0 && strstr(err.msg, "attach a mount"));
	fd_close(f);
	f = openat(top, "target", O_RDONLY | O_CLOEXEC);
	char buf[4] = "";
	MUST(read(f, buf, 2) == 2 && streq(buf, "hi"));
	MUST(mount_clone(top, "missing", false, &err) == -ENOENT && strstr(err.msg, "missing"));
}

TEST(clone_and_attach)
{
	in_private_ns(clones);
}

/* A path swapped after its fd was taken changes nothing: the mount lands on the object. */
static void attach_by_fd(void)
{
	_cleanup_close_ int top = scratch(), a = at_dir(top, "a"), mnt = -EBADF;

	MUST(renameat(top, "a", top, "moved") == 0 && symlinkat("/tmp", top, "a") == 0);
	mnt = mount_new("tmpfs", NULL, NULL, 0, false, &err);
	MUST(mnt >= 0 && mkdirat(mnt, "mark-of-test-mount", 0755) == 0 && mount_attach(mnt, a, &err) == 0);
	MUST(file_exists(top, "moved/mark-of-test-mount") && !file_exists(AT_FDCWD, "/tmp/mark-of-test-mount"));
}

TEST(attach_lands_on_the_object)
{
	in_private_ns(attach_by_fd);
}

/* Optional fields of the last line of mountinfo that names /mnt/NAME. */
static void propagation_of(const char *name, char ret[static 128])
{
	_cleanup_free_ char *text = NULL;
	char key[64];

	MUST(file_read(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &text, NULL, &err) == 0);
	snprintf(key, sizeof(key), " /mnt/%s ", name);
	ret[0] = '\0';
	for (char *p = strstr(text, key); p; p = strstr(p + 1, key))
		snprintf(ret, 128, "%.*s", (int)strcspn(p, "\n"), p);
}

static void propagation(void)
{
	_cleanup_close_ int top = scratch(), a = at_dir(top, "a"), mnt = mount_new("tmpfs", NULL, NULL, 0, false, &err);
	char line[128];

	MUST(mnt >= 0 && mount_set(mnt, 0, 0, MS_SHARED, false, &err) == 0 && mount_attach(mnt, a, &err) == 0);
	propagation_of("a", line);
	MUST(strstr(line, "shared:"));
	MUST(mount_set(mnt, 0, 0, MS_SLAVE, true, &err) == 0);
	propagation_of("a", line);
	MUST(!strstr(line, "shared:"));
	MUST(mount_set(mnt, 0, 0, MS_UNBINDABLE, false, &err) == 0);
	propagation_of("a", line);
	MUST(strstr(line, "unbindable"));
	MUST(mount_set(mnt, 0, 0, MS_PRIVATE | MS_SHARED, false, &err) == -EINVAL &&
	     strstr(err.msg, "mount attributes"));
}

TEST(propagation_types)
{
	in_private_ns(propagation);
}

/* fd of a user name space that maps 0..65535 to 200000…; its child waits on a pipe until the fd is had. */
static int test_userns(void)
{
	char path[64];
	pid_t pid;
	int fd;

	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(1);
		kill(getpid(), SIGSTOP);
		_exit(0);
	}
	if (waitpid(pid, NULL, WUNTRACED) != pid)
		return -ECHILD;
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	MUST(file_write_raw(AT_FDCWD, path, "0 200000 65536", 14) == 0);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	MUST(file_write_raw(AT_FDCWD, path, "0 200000 65536", 14) == 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return fd;
}

static void check_idmap(int dir, bool may_be_unknown)
{
	_cleanup_close_ int userns = test_userns(), mnt = -EBADF, f = -EBADF;
	struct stat st;
	int r;

	MUST(userns >= 0);
	f = openat(dir, "owned", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	MUST(f >= 0 && fchown(f, 5, 7) == 0);
	mnt = mount_clone(dir, "", false, &err);
	MUST(mnt >= 0);
	r = mount_idmap(mnt, userns, false, &err);
	if (r == -EINVAL && may_be_unknown) {
		MUST(strstr(err.hint, "may not know idmapped mounts"));
		printf("# tmpfs knows no idmapped mounts here\n");
		return;
	}
	MUST(r == 0);
	MUST(fstatat(mnt, "owned", &st, 0) == 0 && st.st_uid == 200005 && st.st_gid == 200007);
	MUST(fstatat(dir, "owned", &st, 0) == 0 && st.st_uid == 5);
	unlinkat(dir, "owned", 0);
	/* Mapped once, it cannot be mapped again, and the cure says so. */
	MUST(mount_idmap(mnt, userns, false, &err) < 0 && strstr(err.msg, "map the ids"));
}

static void idmapped(void)
{
	_cleanup_close_ int top = scratch(), a = at_dir(top, "a"), disk = -EBADF;
	char dir[] = "/var/tmp/creel-sys-idmap-XXXXXX";

	/* Since Linux 6.3. */
	check_idmap(a, true);
	MUST(mkdtemp(dir));
	disk = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	check_idmap(disk, false);
	rmdir(dir);
}

TEST(idmapped_mounts)
{
	in_private_ns(idmapped);
}
