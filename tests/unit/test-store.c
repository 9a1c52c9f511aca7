/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "store/store.h"
#include "store/swap.h"
#include "sys/mount.h"
#include "sys/probe.h"
#include "sys/syscalls.h"
#include "unit/test.h"

static char top[] = "/var/tmp/creel-sys-store-XXXXXX";
static int top_fd = -EBADF;
static struct err err;

static void remove_all(void)
{
	if (tree_remove(AT_FDCWD, top, &err) < 0)
		printf("# %s\n", err.msg);
}

/* A clean directory, and "TOP/NAME" as a string that lasts until the next call but three. */
static void setup(void)
{
	umask(022);
	if (top_fd < 0) {
		if (!mkdtemp(top) || atexit(remove_all) != 0)
			abort();
		top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return;
	}
	if (tree_remove(AT_FDCWD, top, &err) < 0 || mkdir(top, 0700) < 0)
		abort();
	fd_close(top_fd);
	top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static const char *in(const char *name)
{
	static char buf[4][4096];
	static unsigned i;
	char *s = buf[i++ % 4];

	snprintf(s, sizeof(buf[0]), "%s/%s", top, name);
	return s;
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

/* --- names of roots ------------------------------------------------------------------------------------------------- */

TEST(parse_types)
{
	static const struct {
		const char *path, *driver, *src;
	} good[] = {
		{ "/x", "dir", "/x" },
		{ "dir:/x", "dir", "/x" },
		{ "overlay:/l:/u", "overlay", "/l:/u" },
		{ "overlayfs:/l:/u", "overlay", "/l:/u" },
		{ "/a:b/c", "dir", "/a:b/c" },
	};
	static const char *const bad[] = { "",		"x",	   "rootfs", "dir:x", "dir:",
					   "nosuch:/x", "overlay", "Dir:/x", "./x:/y" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_(store_ref_done) struct store_ref r = { 0 };

		CHECK(store_parse(good[i].path, &r, &err) == 0);
		CHECK_STR(r.driver->name, good[i].driver);
		CHECK_STR(r.src, good[i].src);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct store_ref r = { 0 };

		CHECK(store_parse(bad[i], &r, &err) == -EINVAL);
		CHECK(!r.driver && !r.src);
	}
	CHECK(store_parse("zfs2:/x", &(struct store_ref){ 0 }, &err) == -EINVAL);
	CHECK(strstr(err.msg, "zfs2") && strstr(err.msg, "dir, overlay"));
}

TEST(driver_table_is_sound)
{
	for (const struct store_driver *const *d = store_drivers; *d; d++) {
		CHECK((*d)->name && (*d)->open_tree && (*d)->create && (*d)->destroy && (*d)->host_dir && (*d)->place);
		for (const struct store_driver *const *o = store_drivers; *o != *d; o++)
			CHECK(!streq((*o)->name, (*d)->name));
	}
}

static const char *filesystems(void)
{
	static char buf[8192];

	return file_read_small(AT_FDCWD, "/proc/filesystems", buf, sizeof(buf)) > 0 ? buf : "";
}

/* --- the conformance run: what every driver promises ---------------------------------------------------------------- */

#define MUST(cond)                                                                                \
	do {                                                                                      \
		if (!(cond)) {                                                                    \
			printf("# line %d: %s (errno %d) %s\n", __LINE__, #cond, errno, err.msg); \
			fflush(stdout);                                                           \
			_exit(1);                                                                 \
		}                                                                                 \
	} while (0)

#define NO_OPTS (&(struct store_opts){ .size = 64 << 20 })

static void put_file(const struct store_ref *ref, const char *name, const char *text)
{
	_cleanup_close_ int mnt = ref->driver->open_tree(ref, NULL, &err), f = -EBADF;

	MUST(mnt >= 0 && fcntl(mnt, F_GETFD) == FD_CLOEXEC);
	f = openat(mnt, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	MUST(f >= 0 && fd_write_all(f, text, strlen(text)) == 0);
}

static bool file_says(const struct store_ref *ref, const char *options, const char *name, const char *text)
{
	_cleanup_close_ int mnt = ref->driver->open_tree(ref, options, &err), f = -EBADF;
	char buf[16] = "";

	MUST(mnt >= 0);
	f = openat(mnt, name, O_RDONLY | O_CLOEXEC);
	return f >= 0 && read(f, buf, sizeof(buf) - 1) == (ssize_t)strlen(text) && streq(buf, text);
}

/* Making, opening and refusing. */
static void conform_life(const struct store_ref *ref)
{
	const struct store_driver *d = ref->driver;
	_cleanup_close_ int ro = -EBADF;

	MUST(d->create(ref, NO_OPTS, &err) == 0);
	/* Still empty: to make it once more is fine, unless that would mean another device. */
	if (!(d->flags & STORE_DEVICE))
		MUST(d->create(ref, NO_OPTS, &err) == 0);
	put_file(ref, "file", "text");
	/* What was written is there the next time, also read-only. */
	MUST(file_says(ref, "ro,nosuid", "file", "text"));
	ro = d->open_tree(ref, "ro", &err);
	MUST(ro >= 0 && openat(ro, "file", O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS);
	ro = fd_close(ro);
	MUST(d->create(ref, NO_OPTS, &err) == -EEXIST && err.kind == ERR_EXISTS);
	if (d->host_dir(ref))
		MUST(*d->host_dir(ref) == '/' && file_exists(AT_FDCWD, d->host_dir(ref)));
	if (d->size)
		MUST(d->size(ref) == 64 << 20);
	if (!(d->flags & STORE_DEVICE))
		MUST(d->open_tree(ref, "create=nothing", &err) == -EINVAL);
	MUST(d->open_tree(ref, "no_such_option_anywhere", &err) == -EINVAL);
	MUST((strstr(err.msg, "no_such_option_anywhere") || strstr(err.hint, "no_such_option_anywhere")) &&
	     strstr(err.msg, top));
}

/* A second root of the same kind: as a snapshot where there are any, and as a copy. */
static void conform_copies(const struct store_ref *ref, const char *dir)
{
	const struct store_driver *d = ref->driver;
	const struct store_opts *o = NO_OPTS;
	struct store_owner w = { .name = "second", .dir = dir, .o = o };

	for (int copy = 0; copy < 2; copy++) {
		_cleanup_(store_ref_done) struct store_ref to = { 0 };
		_cleanup_free_ char *path = NULL;

		if (!copy && !store_shares(d, ref))
			continue;
		MUST(d->place(&w, copy ? NULL : ref, &path, &err) == 0 && store_parse(path, &to, &err) == 0);
		MUST(to.driver == d);
		MUST((copy ? store_copy(ref, NULL, &to, o, &err) : d->snapshot(ref, &to, o, &err)) == 0);
		MUST(file_says(&to, NULL, "file", "text"));
		/* What changes in one does not in the other. */
		put_file(&to, "file", "other");
		put_file(&to, "more", "more");
		MUST(file_says(ref, NULL, "file", "text") && !file_says(ref, NULL, "more", "more"));
		MUST(file_says(&to, NULL, "file", "other"));
		MUST(d->destroy(&to, &err) == 0);
		MUST(file_says(ref, NULL, "file", "text"));
	}
}

/* The work of one driver in a private mount name space; exits. ON: a loop root that is mounted on top first, or NULL. */
static void conform(const char *type, const char *on)
{
	struct store_owner w = { .name = "first", .dir = in("c"), .o = NO_OPTS };
	_cleanup_(store_ref_done) struct store_ref ref = { 0 };
	const struct store_driver *d;
	_cleanup_free_ char *path = NULL;

	MUST(unshare(CLONE_NEWNS) == 0 && sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	if (on) {
		_cleanup_(store_ref_done) struct store_ref base = { 0 };
		_cleanup_close_ int mnt = -EBADF, at = -EBADF;

		MUST(store_parse(on, &base, &err) == 0);
		mnt = base.driver->open_tree(&base, NULL, &err);
		MUST(mnt >= 0 && mkdir(in("c"), 0755) == 0);
		at = open(in("c"), O_PATH | O_DIRECTORY | O_CLOEXEC);
		MUST(at >= 0 && mount_attach(mnt, at, &err) == 0);
	}
	MUST(store_find(type, top, w.o, &d, &err) == 0 && d->place(&w, NULL, &path, &err) == 0);
	MUST(store_parse(path, &ref, &err) == 0 && ref.driver == d);
	conform_life(&ref);
	conform_copies(&ref, in("c/second"));
	MUST(d->destroy(&ref, &err) == 0);
	MUST(d->destroy(&ref, &err) == 0);
	if (d->host_dir(&ref))
		MUST(!file_exists(AT_FDCWD, d->host_dir(&ref)));
	_exit(0);
}

static void run_conform(const char *type, const char *on)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		conform(type, on);
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(directories_conform)
{
	if (geteuid() != 0)
		SKIP("mounting needs root");
	setup();
	run_conform("dir", NULL);
	setup();
	run_conform("overlay", NULL);
	CHECK(!file_exists(top_fd, "c/overlay/delta") && !file_exists(top_fd, "c/overlay/work"));
}

/* Nothing of ours is attached any more. A device that ends by itself does so a moment after its last user. */
static bool loops_are_gone(void)
{
	for (int tries = 0; tries < 100; tries++) {
		bool any = false;

		for (int i = 0; i < 64 && !any; i++) {
			char path[64], file[4096] = "";

			snprintf(path, sizeof(path), "/sys/block/loop%d/loop/backing_file", i);
			any = file_read_small(AT_FDCWD, path, file, sizeof(file)) > 0 && startswith(file, top);
		}
		if (!any)
			return true;
		usleep(20000);
	}
	return false;
}

static bool has_loops(void)
{
	_cleanup_close_ int fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	_cleanup_free_ char *mkfs = spawn_find("mkfs.ext4");

	return geteuid() == 0 && fd >= 0 && mkfs;
}

TEST(loop_conforms)
{
	if (!has_loops())
		SKIP("no loop devices, or no mkfs.ext4");
	setup();
	run_conform("loop", NULL);
	CHECK(!file_exists(top_fd, "c/rootdev"));
	CHECK(loops_are_gone());
}

TEST(btrfs_conforms)
{
	_cleanup_free_ char *mkfs = spawn_find("mkfs.btrfs");
	_cleanup_(store_ref_done) struct store_ref ref = { 0 };
	char path[256];

	if (!has_loops() || !mkfs || !strstr(filesystems(), "btrfs"))
		SKIP("no loop devices, no mkfs.btrfs, or no btrfs in the kernel");
	setup();
	snprintf(path, sizeof(path), "loop:%s/img", top);
	CHECK(store_parse(path, &ref, &err) == 0);
	CHECK(ref.driver->create(&ref, &(struct store_opts){ .size = 200 << 20, .fstype = "btrfs" }, &err) == 0);
	run_conform("btrfs", path);
	CHECK(loops_are_gone());
	CHECK(ref.driver->destroy(&ref, &err) == 0);
}

/* Of those whose tools are not here: one line that names the package, and nothing made. */
TEST(missing_tools_are_named)
{
	static const struct {
		const char *type, *tool, *path, *package;
	} rows[] = {
		{ "lvm", "vgs", "lvm:/dev/nosuchvg/lv", "lvm2" },
		{ "zfs", "zfs", "zfs:nosuchpool/set", "zfsutils-linux" },
		{ "rbd", "rbd", "rbd:/dev/rbd/nosuchpool/image", "ceph-common" },
		{ "nbd", "qemu-img", "nbd:/nonexistent/image", "qemu-utils" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(store_ref_done) struct store_ref ref = { 0 };
		_cleanup_free_ char *tool = spawn_find(rows[i].tool);

		if (tool || geteuid() != 0)
			continue;
		err = (struct err){ 0 };
		CHECK(store_parse(rows[i].path, &ref, &err) == 0);
		CHECK_STR(ref.driver->name, rows[i].type);
		CHECK(ref.driver->create(&ref, NO_OPTS, &err) < 0);
		CHECK(err.kind == ERR_MISSING && strstr(err.hint, rows[i].package));
	}
	CHECK(!file_exists(AT_FDCWD, "/nonexistent"));
}

static int run_in_ns(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(77);
		/* The old fd belongs to the old name space, where nothing of what follows is mounted. */
		top_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
		fn();
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

static void layers_stack(void)
{
	_cleanup_(store_ref_done) struct store_ref ref = { 0 };
	_cleanup_close_ int mnt = -EBADF;
	char path[4096], deep[400], buf[8] = "";
	int f;

	/* A layer whose name is longer than fsconfig(2) takes, and one with a colon in it. */
	memset(deep, 'n', sizeof(deep));
	deep[200] = '/';
	deep[399] = '\0';
	make("l1");
	make("l:2");
	MUST(dir_make_all(in(deep), 0755, &err) == 0);
	put("l1/who", "one");
	put("l:2/who", "two");
	put("l:2/two", "two");
	snprintf(path, sizeof(path), "%s/three", deep);
	put(path, "three");
	snprintf(path, sizeof(path), "overlay:%s/l1:%s/l\\:2:%s/%s:%s/up/delta0", top, top, top, deep, top);
	MUST(store_parse(path, &ref, &err) == 0);
	mnt = ref.driver->open_tree(&ref, NULL, &err);
	MUST(mnt >= 0);
	f = openat(mnt, "who", O_RDONLY | O_CLOEXEC);
	MUST(f >= 0 && read(f, buf, 3) == 3 && streq(buf, "one"));
	MUST(file_exists(mnt, "two") && file_exists(mnt, "three"));
	MUST(unlinkat(mnt, "who", 0) == 0 && !file_exists(mnt, "who") && file_exists(top_fd, "l1/who"));
	MUST(file_exists(top_fd, "up/olwork"));
}

TEST(overlay_stacks_long_and_odd_names)
{
	int r;

	setup();
	r = run_in_ns(layers_stack);
	if (r == 77)
		SKIP("no private mount name space here");
	CHECK(r == 0);
	setup();
	probe_mask(1u << PROBE_OVERLAY_APPEND);
	r = run_in_ns(layers_stack);
	probe_mask(0);
	CHECK(r == 0);
}

TEST(overlay_refuses)
{
	static const char *const bad[] = { "overlay:/only", "overlay:/", "overlay:/l:/upper" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_(store_ref_done) struct store_ref ref = { 0 };

		CHECK(store_parse(bad[i], &ref, &err) == 0);
		CHECK(ref.driver->create(&ref, &(struct store_opts){ 0 }, &err) == -EINVAL);
		CHECK(ref.driver->destroy(&ref, &err) == -EINVAL);
	}
}

/* A mount made in the tree that was opened must not appear on the host, where the directory's mount is shared. */
static void tells_the_host_nothing(void)
{
	_cleanup_(store_ref_done) struct store_ref ref = { 0 };
	_cleanup_close_ int mnt = -EBADF, at = -EBADF, sub = mount_new("tmpfs", NULL, NULL, 0, false, &err);
	char path[256];

	make("shared");
	MUST(sys_mount(top, top, NULL, MS_BIND, NULL) == 0 && sys_mount(NULL, top, NULL, MS_SHARED, NULL) == 0);
	MUST(mkdir(in("shared/sub"), 0755) == 0);
	snprintf(path, sizeof(path), "%s/shared", top);
	MUST(store_parse(path, &ref, &err) == 0);
	mnt = ref.driver->open_tree(&ref, NULL, &err);
	MUST(mnt >= 0);
	at = openat(mnt, "sub", O_PATH | O_CLOEXEC);
	MUST(sub >= 0 && mkdirat(sub, "mark", 0755) == 0);
	/* Into the detached tree where the kernel allows it; else attached first. */
	if (mount_attach(sub, at, &err) < 0)
		MUST(mount_attach(mnt, open("/mnt", O_PATH | O_CLOEXEC), &err) == 0 &&
		     mount_attach(sub, open("/mnt/sub", O_PATH | O_CLOEXEC), &err) == 0);
	MUST(!file_exists(AT_FDCWD, in("shared/sub/mark")));
}

TEST(opened_tree_tells_the_host_nothing)
{
	int r;

	setup();
	r = run_in_ns(tells_the_host_nothing);
	if (r == 77)
		SKIP("no private mount name space here");
	CHECK(r == 0);
}

TEST(destroy_never_removes_the_host)
{
	static const char *const names[] = { "/", "dir:/", "dir://", "/proc/self/root", "/tmp/.." };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_(store_ref_done) struct store_ref ref = { 0 };

		CHECK(store_parse(names[i], &ref, &err) == 0);
		CHECK(ref.driver->destroy(&ref, &err) == -EINVAL);
		CHECK(strstr(err.msg, "host's root"));
	}
}

/* --- copies --------------------------------------------------------------------------------------------------------- */

/* Why two objects differ, or NULL. Times of the directory itself and of what is in it included. */
static const char *differ(int a, int b, const char *name)
{
	struct stat x, y;
	char tx[256] = "", ty[256] = "";

	if (fstatat(a, name, &x, AT_SYMLINK_NOFOLLOW) < 0 || fstatat(b, name, &y, AT_SYMLINK_NOFOLLOW) < 0)
		return "existence";
	if (x.st_mode != y.st_mode)
		return "mode";
	if (x.st_uid != y.st_uid || x.st_gid != y.st_gid)
		return "owner";
	if (!S_ISDIR(x.st_mode) && x.st_size != y.st_size)
		return "size";
	if (x.st_nlink != y.st_nlink)
		return "links";
	if (x.st_rdev != y.st_rdev)
		return "device number";
	if (memcmp(&x.st_mtim, &y.st_mtim, sizeof(x.st_mtim)) != 0)
		return "time";
	if (S_ISLNK(x.st_mode) &&
	    (readlinkat(a, name, tx, sizeof(tx)) != readlinkat(b, name, ty, sizeof(ty)) || strcmp(tx, ty) != 0))
		return "target";
	return NULL;
}

static void check_xattrs_same(int a, int b, const char *name)
{
	char pa[512], pb[512], list[2][4096] = { 0 }, value[2][4096], dir[FD_PATH_MAX];
	ssize_t n[2];

	snprintf(pa, sizeof(pa), "%s/%s", fd_path(a, dir), name);
	snprintf(pb, sizeof(pb), "%s/%s", fd_path(b, dir), name);
	n[0] = llistxattr(pa, list[0], sizeof(list[0]));
	n[1] = llistxattr(pb, list[1], sizeof(list[1]));
	CHECK(n[0] == n[1]);
	for (const char *x = list[0]; x < list[0] + n[0]; x += strlen(x) + 1) {
		ssize_t la = lgetxattr(pa, x, value[0], 4096), lb = lgetxattr(pb, x, value[1], 4096);

		CHECK(la == lb && la >= 0 && memcmp(value[0], value[1], (size_t)la) == 0);
	}
}

static void check_same(const char *a, const char *b)
{
	int fa = openat(top_fd, a, O_RDONLY | O_DIRECTORY), fb = openat(top_fd, b, O_RDONLY | O_DIRECTORY);
	struct dirent *de;
	unsigned na = 0, nb = 0;
	DIR *d;

	CHECK(fa >= 0 && fb >= 0);
	d = fdopendir(fb);
	while (readdir(d))
		nb++;
	rewinddir(d);
	fb = dirfd(d);
	DIR *da = fdopendir(fa);
	while ((de = readdir(da))) {
		char sub[2][4096];
		const char *why;

		na++;
		if (streq(de->d_name, ".."))
			continue;
		why = differ(fa, fb, de->d_name);
		if (why)
			printf("# %s/%s: %s differs\n", a, de->d_name, why);
		CHECK(!why);
		check_xattrs_same(fa, fb, de->d_name);
		if (de->d_type != DT_DIR || streq(de->d_name, "."))
			continue;
		snprintf(sub[0], sizeof(sub[0]), "%s/%s", a, de->d_name);
		snprintf(sub[1], sizeof(sub[1]), "%s/%s", b, de->d_name);
		check_same(sub[0], sub[1]);
	}
	closedir(da);
	closedir(d);
	CHECK(na == nb);
}

static void set_old(const char *path)
{
	struct timespec t[2] = { { 1000000000, 123456789 }, { 1100000000, 987654321 } };

	if (utimensat(top_fd, path, t, AT_SYMLINK_NOFOLLOW) < 0)
		abort();
}

static void make_rich_tree(void)
{
	struct vfs_cap_data cap = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
				    .data = { { 1 << 13, 0 } } };
	/* user::rw-, user:7:rwx, group::r--, mask::rwx, other::--- as the kernel stores it */
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[5];
	} acl = { 2, { { 1, 6, ~0u }, { 2, 7, 7 }, { 4, 4, ~0u }, { 16, 7, ~0u }, { 32, 0, ~0u } } };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	make("src");
	make("src/a");
	make("src/a/b");
	make("src/empty");
	put("src/a/ping", "program");
	put("src/a/su", "program");
	put("src/acl", "x");
	put("src/a/b/one", "linked");
	CHECK(linkat(top_fd, "src/a/b/one", top_fd, "src/two", 0) == 0);
	CHECK(linkat(top_fd, "src/a/b/one", top_fd, "src/a/three", 0) == 0);
	CHECK(symlinkat("/etc/passwd", top_fd, "src/link") == 0 && symlinkat("nowhere", top_fd, "src/a/dangling") == 0);
	CHECK(linkat(top_fd, "src/link", top_fd, "src/a/samelink", 0) == 0);
	CHECK(mkfifoat(top_fd, "src/fifo", 0622) == 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", in("src/sock"));
	CHECK(bind(s, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	fd_close(s);
	CHECK(mknodat(top_fd, "src/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	CHECK(mknodat(top_fd, "src/white", S_IFCHR | 0600, makedev(0, 0)) == 0);
	CHECK(fchownat(top_fd, "src/a/su", 10, 20, 0) == 0 && fchmodat(top_fd, "src/a/su", 06755, 0) == 0);
	CHECK(fchownat(top_fd, "src/link", 30, 40, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(fchownat(top_fd, "src/a/ping", 5, 5, 0) == 0);
	CHECK(setxattr(in("src/a/ping"), "security.capability", &cap, sizeof(cap), 0) == 0);
	CHECK(setxattr(in("src/a/ping"), "user.note", "hello", 5, 0) == 0);
	CHECK(setxattr(in("src/empty"), "trusted.overlay.opaque", "y", 1, 0) == 0);
	CHECK(lsetxattr(in("src/link"), "trusted.t", "l", 1, 0) == 0);
	CHECK(setxattr(in("src/acl"), "system.posix_acl_access", &acl, sizeof(acl), 0) == 0);
	CHECK(setxattr(in("src/a"), "system.posix_acl_default", &acl, sizeof(acl), 0) == 0);
	CHECK(fchmodat(top_fd, "src/empty", 01777, 0) == 0 && fchmodat(top_fd, "src/a/b", 0500, 0) == 0);
	CHECK(fchmodat(top_fd, "src", 0710, 0) == 0);
	set_old("src/a/ping");
	set_old("src/link");
	set_old("src/fifo");
	set_old("src/null");
	set_old("src/a/b");
	set_old("src/a");
	set_old("src");
}

TEST(copy_keeps_everything)
{
	struct stat one, two;

	if (geteuid() != 0)
		SKIP("owners and devices need root");
	setup();
	make_rich_tree();
	if (store_copy_tree(in("src"), in("dst"), &err) < 0)
		printf("# %s\n", err.msg);
	CHECK(file_exists(top_fd, "dst"));
	check_same("src", "dst");
	CHECK(fstatat(top_fd, "dst/a/b/one", &one, 0) == 0 && fstatat(top_fd, "dst/two", &two, 0) == 0);
	CHECK(one.st_ino == two.st_ino && one.st_nlink == 3);
	CHECK(fstatat(top_fd, "dst/link", &one, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(fstatat(top_fd, "dst/a/samelink", &two, AT_SYMLINK_NOFOLLOW) == 0 && one.st_ino == two.st_ino);
}

TEST(copy_inherits_no_acl_from_its_place)
{
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} e[5];
	} acl = { 2, { { 1, 7, ~0u }, { 2, 7, 7 }, { 4, 7, ~0u }, { 16, 7, ~0u }, { 32, 7, ~0u } } };

	setup();
	make("src");
	make("src/d");
	put("src/d/f", "x");
	make("place");
	CHECK(setxattr(in("place"), "system.posix_acl_default", &acl, sizeof(acl), 0) == 0);
	CHECK(store_copy_tree(in("src"), in("place/dst"), &err) == 0);
	check_same("src", "place/dst");
}

/* Data at odd places between holes, compared byte by byte and by the room it takes. */
TEST(copy_keeps_holes)
{
	static const struct {
		off_t at;
		size_t len;
	} parts[] = { { 0, 10 }, { 1 << 20, 100000 }, { (5 << 20) + 77, 3 }, { 64 << 20, 1 } };
	_cleanup_free_ char *a = malloc(1 << 20), *b = malloc(1 << 20);
	_cleanup_close_ int src = -EBADF, dst = -EBADF;
	struct stat sa, sb;

	setup();
	make("src");
	src = openat(top_fd, "src/sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	memset(a, 'z', 1 << 20);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		CHECK(pwrite(src, a, parts[i].len, parts[i].at) == (ssize_t)parts[i].len);
	CHECK(ftruncate(src, 100 << 20) == 0);
	put("src/hole", "");
	CHECK(truncate(in("src/hole"), 50 << 20) == 0);
	CHECK(store_copy_tree(in("src"), in("dst"), &err) == 0);
	check_same("src", "dst");
	dst = openat(top_fd, "dst/sparse", O_RDONLY | O_CLOEXEC);
	CHECK(fstat(src, &sa) == 0 && fstat(dst, &sb) == 0);
	printf("# %ld blocks, the copy %ld\n", (long)sa.st_blocks, (long)sb.st_blocks);
	CHECK(sb.st_blocks < 2000);
	for (off_t at = 0; at < 100 << 20; at += 1 << 20) {
		CHECK(pread(src, a, 1 << 20, at) == 1 << 20 && pread(dst, b, 1 << 20, at) == 1 << 20);
		CHECK(memcmp(a, b, 1 << 20) == 0);
	}
}

static void put_pattern(const char *path, size_t size, unsigned seed)
{
	_cleanup_free_ char *data = malloc(size);
	_cleanup_close_ int fd = openat(top_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	for (size_t i = 0; i < size; i++)
		data[i] = (char)((seed = seed * 1103515245 + 12345) >> 16);
	if (fd_write_all(fd, data, size) < 0)
		abort();
}

TEST(copy_keeps_data_of_every_size)
{
	static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 262143, 262144, 262145, 3000000 };
	char name[32];

	setup();
	make("src");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(name, sizeof(name), "src/f%zu", sizes[i]);
		put_pattern(name, sizes[i], (unsigned)i);
	}
	CHECK(store_copy_tree(in("src"), in("dst"), &err) == 0);
	check_same("src", "dst");
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		_cleanup_free_ char *a = NULL, *b = NULL;

		snprintf(name, sizeof(name), "src/f%zu", sizes[i]);
		CHECK(file_read(top_fd, name, 1 << 22, &a, NULL, &err) == 0);
		memcpy(name, "dst", 3);
		CHECK(file_read(top_fd, name, 1 << 22, &b, NULL, &err) == 0);
		CHECK(memcmp(a, b, sizes[i]) == 0);
	}
}

TEST(copy_of_a_wide_tree_with_many_links)
{
	char name[64], other[64];
	struct stat st;

	setup();
	make("src");
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "src/d%u", i);
		make(name);
		for (unsigned k = 0; k < 10; k++) {
			snprintf(name, sizeof(name), "src/d%u/f%u", i, k);
			snprintf(other, sizeof(other), "src/d%u/f%u", i - 1, k);
			if (i % 20)
				CHECK(linkat(top_fd, other, top_fd, name, 0) == 0);
			else
				put(name, name);
		}
	}
	CHECK(store_copy_tree(in("src"), in("dst"), &err) == 0);
	check_same("src", "dst");
	CHECK(fstatat(top_fd, "dst/d19/f3", &st, 0) == 0 && st.st_nlink == 20);
}

/* Deeper than there are fds. */
TEST(copy_of_a_deep_tree)
{
	struct rlimit old, few = { 40, 40 };
	char path[1000];
	int r;

	setup();
	make("src");
	strcpy(path, top);
	strcat(path, "/src");
	for (unsigned i = 0; i < 200; i++)
		strcat(path, "/d");
	CHECK(dir_make_all(path, 0755, &err) == 0);
	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	r = store_copy_tree(in("src"), in("dst"), &err);
	setrlimit(RLIMIT_NOFILE, &old);
	if (r < 0)
		printf("# %s\n", err.msg);
	CHECK(r == 0);
	memmove(strstr(path, "/src"), "/dst", 4);
	CHECK(file_exists(AT_FDCWD, path));
}

/* One that a container's root made so that nobody can remove it: deeper than a path is long, with few fds to be had. */
TEST(destroy_of_an_endless_tree)
{
	_cleanup_(store_ref_done) struct store_ref ref = { 0 };
	struct rlimit old, few;
	char path[4000] = "";
	int r;

	setup();
	make("src");
	for (unsigned i = 0; i < 1800; i++)
		strcat(path, "/d");
	for (unsigned i = 0; i < 3; i++) {
		CHECK(dir_make_all(in("more"), 0755, &err) == 0);
		CHECK(dir_make_all(strcat(strcpy((char[4096]){ 0 }, in("more")), path), 0755, &err) == 0);
		CHECK(i == 0 || renameat(top_fd, "src", top_fd, "more/d/d/under") == 0);
		CHECK(i > 0 || tree_remove(top_fd, "src", &err) == 0);
		CHECK(renameat(top_fd, "more", top_fd, "src") == 0);
	}
	put("src/d/file", "x");
	put("src/.deep.0", "a name that the removal would like to use");
	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){ 100, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &few);
	CHECK(store_parse(in("src"), &ref, &err) == 0);
	r = ref.driver->destroy(&ref, &err);
	setrlimit(RLIMIT_NOFILE, &old);
	if (r < 0)
		printf("# %s\n", err.msg);
	CHECK(r == 0 && !file_exists(top_fd, "src"));
}

TEST(copy_refuses_and_leaves_nothing)
{
	setup();
	make("src");
	put("src/f", "x");
	make("there");
	put("there/keep", "x");
	CHECK(store_copy_tree(in("src"), in("there"), &err) == -EEXIST);
	CHECK(file_exists(top_fd, "there/keep"));
	CHECK(store_copy_tree(in("none"), in("dst"), &err) == -ENOENT && strstr(err.msg, "none"));
	CHECK(store_copy_tree(in("src/f"), in("dst"), &err) == -ENOTDIR);
	CHECK(store_copy_tree(in("src"), in("no/such/dst"), &err) == -ENOENT);
	CHECK(store_copy_tree(in("src"), in("src/inside"), &err) == -EINVAL && strstr(err.msg, "inside the tree"));
	CHECK(!file_exists(top_fd, "dst") && !file_exists(top_fd, "src/inside"));
}

/* A target too small: the error names the file, and nothing is left. Mounts in the source stay out. */
static void small_target(void)
{
	_cleanup_close_ int small = mount_new("tmpfs", NULL, "size=1m", 0, false, &err);
	_cleanup_close_ int sub = mount_new("tmpfs", NULL, "size=1m", 0, false, &err);

	MUST(small >= 0 && mount_attach(small, open(in("small"), O_PATH | O_CLOEXEC), &err) == 0);
	MUST(store_copy_tree(in("src"), in("small/dst"), &err) == -ENOSPC);
	MUST(strstr(err.msg, "d/big") && strstr(err.msg, "small/dst"));
	MUST(!file_exists(AT_FDCWD, in("small/dst")));
	MUST(sub >= 0 && mount_attach(sub, open(in("src/mnt"), O_PATH | O_CLOEXEC), &err) == 0);
	put("src/mnt/other", "x");
	MUST(store_copy_tree(in("src"), in("dst"), &err) == 0);
	MUST(file_exists(AT_FDCWD, in("dst/mnt")) && !file_exists(AT_FDCWD, in("dst/mnt/other")));
}

TEST(copy_to_a_full_disk_leaves_nothing)
{
	int r;

	setup();
	make("src");
	make("src/d");
	make("src/mnt");
	make("small");
	put_pattern("src/d/big", 3 << 20, 1);
	r = run_in_ns(small_target);
	if (r == 77)
		SKIP("no private mount name space here");
	CHECK(r == 0);
}

/* --- several entries as one ------------------------------------------------------------------------------------------- */

static void fill_swap(void)
{
	_cleanup_free_ char *fresh = NULL;

	setup();
	make("c");
	make("c/rootfs");
	put("c/rootfs/who", "old");
	put("c/config", "old");
	CHECK(swap_begin(in("c"), &fresh, &err) == 0);
	CHECK_STR(fresh, in("c/.swap/new"));
	make("c/.swap/new/rootfs");
	put("c/.swap/new/rootfs/who", "new");
	put("c/.swap/new/config", "new");
	put("c/.swap/new/extra", "new");
}

static bool says(const char *path, const char *text)
{
	char buf[16];

	return file_read_small(top_fd, path, buf, sizeof(buf)) > 0 && streq(buf, text);
}

static bool all_say(const char *text)
{
	return says("c/rootfs/who", text) && says("c/config", text) && !file_exists(top_fd, "c/.swap");
}

TEST(swap_is_all_or_nothing)
{
	fill_swap();
	CHECK(swap_pending(in("c")) && swap_settle(in("c"), &err) == 0 && all_say("old"));
	CHECK(!swap_pending(in("c")) && !file_exists(top_fd, "c/extra"));
	fill_swap();
	CHECK(swap_commit(in("c"), in("c"), NULL, &err) == 0);
	CHECK(swap_settle(in("c"), &err) == 0 && all_say("new") && says("c/extra", "new"));
	CHECK(swap_settle(in("c"), &err) == 0 && all_say("new"));
	/* Meant for a folder of another name: right only once it is called that. */
	fill_swap();
	CHECK(swap_commit(in("c"), in("d"), NULL, &err) == 0);
	CHECK(rename(in("c"), in("d")) == 0 && swap_settle(in("d"), &err) == 0);
	CHECK(says("d/config", "new") && !file_exists(top_fd, "d/.swap"));
	fill_swap();
	CHECK(swap_commit(in("c"), in("d"), NULL, &err) == 0 && swap_settle(in("c"), &err) == 0 && all_say("old"));
}

/* Every state that a kill may leave in the middle of putting things in place is gone on from. */
TEST(swap_goes_on_where_it_was_killed)
{
	fill_swap();
	CHECK(swap_commit(in("c"), in("c"), NULL, &err) == 0);
	make("c/.swap/old");
	CHECK(rename(in("c/rootfs"), in("c/.swap/old/rootfs")) == 0);
	CHECK(swap_settle(in("c"), &err) == 0 && all_say("new"));
	fill_swap();
	CHECK(swap_commit(in("c"), in("c"), NULL, &err) == 0);
	make("c/.swap/old");
	CHECK(rename(in("c/rootfs"), in("c/.swap/old/rootfs")) == 0);
	CHECK(rename(in("c/.swap/new/rootfs"), in("c/rootfs")) == 0);
	CHECK(swap_settle(in("c"), &err) == 0 && all_say("new"));
}

/* What was made elsewhere for it goes if nothing comes of it, and what it replaces goes when it does. */
TEST(swap_keeps_what_lies_elsewhere_in_step)
{
	char made[300], old[300];

	fill_swap();
	make("made");
	make("olden");
	snprintf(made, sizeof(made), "dir:%s/made", top);
	snprintf(old, sizeof(old), "dir:%s/olden", top);
	CHECK(swap_made(in("c"), made, &err) == 0 && swap_settle(in("c"), &err) == 0);
	CHECK(!file_exists(top_fd, "made") && file_exists(top_fd, "olden"));
	fill_swap();
	make("made");
	make("olden");
	CHECK(swap_made(in("c"), made, &err) == 0 && swap_commit(in("c"), in("c"), old, &err) == 0);
	CHECK(swap_settle(in("c"), &err) == 0 && all_say("new"));
	CHECK(file_exists(top_fd, "made") && !file_exists(top_fd, "olden"));
}
