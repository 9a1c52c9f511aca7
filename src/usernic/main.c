/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * lxc-user-nic: installed setuid root, gives an ordinary user's container an interface on a bridge of the host, as far as
 * /etc/lxc/lxc-usernet allows it.
 *
 *   lxc-user-nic create LXCPATH NAME PID veth BRIDGE [NIC]
 *   lxc-user-nic delete LXCPATH NAME /proc/PID/ns/net veth BRIDGE NIC
 *
 * Everything on the command line is hostile. What of it is a path is opened with the user's rights and only ever used as a
 * descriptor, which must be a network name space that belongs to a user name space of his own (CVE-2017-5985); every way in
 * which that can fail gives one and the same answer (CVE-2018-6556, CVE-2022-47952). An interface is deleted only by
 * who made it, in the very words in which it is written down (CVE-2026-39402).
 *
 * The line in /run/lxc/nics is there before the interface is: who is killed in between leaves a line whose interface is
 * missing, and the next call drops it.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "config.h"
#include "net/net.h"
#include "sys/passwd.h"
#include "sys/syscalls.h"
#include "usernic/quota.h"

#define RUN_DIR "/run/lxc"
#define DB	"nics"
#define LOCK	"nics.lock"
#define USERNET CREEL_SYSCONFDIR "/lxc/lxc-usernet"

struct request {
	bool is_delete;
	const char *netns; /* PID or path */
	const char *type, *bridge, *nic;
	uid_t uid;
	gid_t gid;
	struct passwd_user user;
	int root_fd;
};

/* --- before anything is believed --------------------------------------------------------------------------------------- */

/* What the caller may have set up to make a program of root's stumble: its environment, descriptors, limits and signals.
 * From here on we are root altogether, so that the user cannot signal us either. */
static int harden(struct request *q)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *env[] = { path, NULL };
	static const int limits[] = { RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY }, files = { 1024, 1024 }, no_core = { 0, 0 };
	sigset_t all;
	int fd;

	environ = env;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
	if (fd < 0 || sys_close_range(STDERR_FILENO + 1, UINT32_MAX, 0) < 0)
		return -EBADF;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		(void)setrlimit(limits[i], limits[i] == RLIMIT_NOFILE ? &files : &none);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	umask(022);
	q->uid = getuid();
	q->gid = getgid();
	if (geteuid() != 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return -EPERM;
	return 0;
}

/* --- the name space ------------------------------------------------------------------------------------------------------ */

static bool owned_by(int netns, uid_t uid)
{
	_cleanup_close_ int userns = ioctl(netns, NS_GET_USERNS);
	uid_t owner;

	return userns >= 0 && ioctl(userns, NS_GET_OWNER_UID, &owner) == 0 && owner == uid;
}

/* Opened as the user, whatever it is. */
static int open_as_user(const char *path, const struct request *q)
{
	int fd;

	if (setegid(q->gid) < 0 || seteuid(q->uid) < 0)
		return -EPERM;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (seteuid(0) < 0 || setegid(0) < 0) {
		fd_close(fd);
		return -EPERM;
	}
	return fd;
}

static int open_netns(const struct request *q, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct statfs fs;
	char path[64];
	uint32_t pid;

	if (q->is_delete) {
		/* Only in the form in which it is documented. */
		const char *digits = startswith(q->netns, "/proc/");
		size_t n = digits ? strspn(digits, "0123456789") : 0;

		if (n > 0 && n < 11 && streq(digits + n, "/ns/net"))
			fd = open_as_user(q->netns, q);
	} else if (parse_u32(q->netns, &pid) == 0 && pid > 0) {
		snprintf(path, sizeof(path), "/proc/%u/ns/net", pid);
		fd = open_as_user(path, q);
	}
	if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET &&
	    (q->uid == 0 || owned_by(fd, q->uid)))
		return TAKE_FD(fd);
	return err_kind(e, ERR_DENIED, -EPERM, "'%s' names no network name space of yours", q->netns);
}

/* --- the data base ------------------------------------------------------------------------------------------------------- */

/* Its folder and its lock, which is nobody else's to take. *RET_LOCK: held until it is closed. */
static int open_db(int *ret_dir, int *ret_lock, struct err *e)
{
	_cleanup_close_ int dir = -EBADF, lock = -EBADF;
	struct stat st;

	if (mkdir(RUN_DIR, 0755) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make " RUN_DIR);
	dir = open(RUN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0 || fstat(dir, &st) < 0)
		return err_set(e, -errno, "open " RUN_DIR);
	if (st.st_uid != 0 || st.st_mode & 022)
		return err_kind(e, ERR_DENIED, -EPERM, RUN_DIR " is not root's alone");
	lock = openat(dir, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_set(e, -errno, "lock " RUN_DIR "/" LOCK);
	*ret_dir = TAKE_FD(dir);
	*ret_lock = TAKE_FD(lock);
	return 0;
}

static bool still_there(const struct nic_entry *n, void *arg)
{
	return if_nametoindex(n->nic) != 0;
}

/* What it says and is true. */
static int read_db(int dir, struct buf *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r = file_read(dir, DB, NIC_FILE_MAX, &text, NULL, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	nic_filter(text, still_there, NULL, ret);
	return buf_error(ret, e);
}

static int write_db(int dir, const struct buf *text, struct err *e)
{
	return file_replace(dir, DB, buf_str(text), text->len, 0644, false, e);
}

/* --- quotas -------------------------------------------------------------------------------------------------------------- */

static bool in_group(void *arg, const char *group)
{
	const struct request *q = arg;
	struct passwd_user found;
	char spec[QUOTA_WORD + 1];

	snprintf(spec, sizeof(spec), ":%s", group);
	if (passwd_find(q->root_fd, spec, &found, NULL) < 0)
		return false;
	for (size_t i = 0; i < q->user.n_groups; i++)
		if (q->user.groups[i] == found.gid)
			return true;
	return q->user.gid == found.gid;
}

/* Whose quota has room for one more. */
static int pick_owner(struct request *q, const char *db, struct nic_entry *ret, struct err *e)
{
	_cleanup_free_ char *usernet = NULL;
	struct quota quotas[QUOTAS_MAX];
	int r = file_read(AT_FDCWD, USERNET, NIC_FILE_MAX, &usernet, NULL, e);
	size_t n;

	if (r == -ENOENT) {
		err_clear(e);
		n = 0;
	} else if (r < 0) {
		return r;
	} else {
		n = quota_find(usernet, q->user.name, in_group, q, q->type, q->bridge, quotas);
	}
	for (size_t i = 0; i < n; i++)
		if (nic_count(db, quotas[i].owner, q->type, q->bridge) < quotas[i].allowed) {
			memcpy(ret->owner, quotas[i].owner, sizeof(ret->owner));
			return 0;
		}
	err_kind(e, n ? ERR_LIMIT : ERR_DENIED, -EDQUOT,
		 n ? "user %s has used up his interfaces of type %s on %s"
		   : "user %s may have no interface of type %s on %s",
		 q->user.name, q->type, q->bridge);
	return err_hint(e, -EDQUOT, "root gives them by a line in " USERNET ": %s %s %s COUNT", q->user.name, q->type,
			q->bridge);
}

/* --- create and delete ---------------------------------------------------------------------------------------------------- */

/* The container's interface that was not there before, or is called so. */
static int find_inner(int netns, const char *name, const struct net_if_info *before, size_t n_before,
		      struct net_if_info *ret, struct err *e)
{
	_cleanup_free_ struct net_if_info *now = NULL;
	size_t n;
	int r = net_list(netns, &now, &n, e);

	for (size_t i = 0; i < n && r == 0; i++) {
		bool known = false;

		for (size_t k = 0; k < n_before; k++)
			known |= before[k].ifindex == now[i].ifindex;
		if (!known && (!*name || streq(name, now[i].name))) {
			*ret = now[i];
			return 0;
		}
	}
	return r < 0 ? r : err_kind(e, ERR_STATE, -ENODEV, "the new interface has gone");
}

static int make_pair(const struct request *q, const struct net_dev *dev, int netns, struct err *e)
{
	_cleanup_free_ struct net_if_info *before = NULL;
	struct net_if_info inner;
	size_t n = 0;
	int r = net_list(netns, &before, &n, e);

	if (r == 0)
		r = net_attach(dev, netns, e);
	if (r < 0)
		return r;
	r = find_inner(netns, q->nic ?: "", before, n, &inner, e);
	if (r < 0) {
		(void)net_detach(dev, netns, NULL);
		return r;
	}
	printf("%s:%d:%s:%u\n", inner.name, inner.ifindex, dev->host_name, if_nametoindex(dev->host_name));
	return 0;
}

static bool not_this(const struct nic_entry *n, void *arg)
{
	return !streq(n->nic, arg);
}

static int do_create(struct request *q, int netns, int dir, struct err *e)
{
	struct net_conf conf = { .type = "veth", .link = q->bridge, .name = q->nic, .up = true };
	struct nic_entry entry = { .uid = q->uid };
	_cleanup_buf_ struct buf db = BUF_INIT, without = BUF_INIT;
	struct net_dev dev;
	int r = read_db(dir, &db, e);

	if (r == 0)
		r = pick_owner(q, buf_str(&db), &entry, e);
	if (r == 0)
		r = net_prepare(&conf, &dev, e);
	if (r < 0)
		return r;
	snprintf(entry.type, sizeof(entry.type), "%s", q->type);
	snprintf(entry.bridge, sizeof(entry.bridge), "%s", q->bridge);
	snprintf(entry.nic, sizeof(entry.nic), "%s", dev.host_name);
	nic_entry_print(&entry, &db);
	r = write_db(dir, &db, e);
	if (r < 0)
		return r;
	r = make_pair(q, &dev, netns, e);
	if (r < 0) {
		nic_filter(buf_str(&db), not_this, dev.host_name, &without);
		(void)write_db(dir, &without, NULL);
	}
	return r;
}

static int do_delete(const struct request *q, int netns, int dir, struct err *e)
{
	_cleanup_buf_ struct buf db = BUF_INIT, without = BUF_INIT;
	struct net_dev dev = { .type = "veth" };
	struct nic_entry entry;
	int r = read_db(dir, &db, e);

	if (r < 0)
		return r;
	if (!nic_find(buf_str(&db), q->uid, q->type, q->bridge, q->nic, &entry))
		return err_kind(e, ERR_DENIED, -EPERM, "'%s' on %s is no interface of yours", q->nic, q->bridge);
	snprintf(dev.host_name, sizeof(dev.host_name), "%s", entry.nic);
	snprintf(dev.link, sizeof(dev.link), "%s", entry.bridge);
	r = net_detach(&dev, netns, e);
	if (r < 0)
		return r;
	nic_filter(buf_str(&db), not_this, entry.nic, &without);
	return write_db(dir, &without, e);
}

/* --- the command line ------------------------------------------------------------------------------------------------------ */

static int usage(void)
{
	fputs("Usage: lxc-user-nic create LXCPATH NAME PID TYPE BRIDGE [NIC]\n"
	      "       lxc-user-nic delete LXCPATH NAME /proc/PID/ns/net TYPE BRIDGE NIC\n",
	      stderr);
	return 1;
}

static bool parse(int argc, char **argv, struct request *q)
{
	if (argc < 7 || argc > 8)
		return false;
	q->is_delete = streq(argv[1], "delete");
	if (!q->is_delete && !streq(argv[1], "create"))
		return false;
	q->netns = argv[4];
	q->type = argv[5];
	q->bridge = argv[6];
	q->nic = argc > 7 ? argv[7] : NULL;
	return !q->is_delete || q->nic;
}

static int check(struct request *q, struct err *e)
{
	char spec[16];
	int r;

	if (!streq(q->type, "veth"))
		return err_kind(e, ERR_INVALID, -EINVAL, "interfaces of type '%s' are not given: only veth", q->type);
	if (!nic_name_ok(q->bridge))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no name of a bridge", q->bridge);
	if (q->nic && !nic_name_ok(q->nic))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no name of an interface", q->nic);
	q->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (q->root_fd < 0)
		return err_set(e, -errno, "open /");
	snprintf(spec, sizeof(spec), "%u", q->uid);
	r = passwd_find(q->root_fd, spec, &q->user, e);
	if (r == 0 && (!q->user.name[0] || strpbrk(q->user.name, " \t\n@#") || strlen(q->user.name) >= QUOTA_WORD))
		r = err_kind(e, ERR_DENIED, -EPERM, "user %u has no name that could be given interfaces", q->uid);
	return r;
}

static int run(struct request *q, struct err *e)
{
	_cleanup_close_ int netns = -EBADF, dir = -EBADF, lock = -EBADF;
	int r = check(q, e);

	if (r < 0)
		return r;
	netns = open_netns(q, e);
	if (netns < 0)
		return netns;
	r = open_db(&dir, &lock, e);
	if (r < 0)
		return r;
	return q->is_delete ? do_delete(q, netns, dir, e) : do_create(q, netns, dir, e);
}

int main(int argc, char **argv)
{
	struct request q = { .root_fd = -EBADF };
	struct err e = { 0 };

	if (!parse(argc, argv, &q))
		return usage();
	if (harden(&q) < 0) {
		fputs("lxc-user-nic: not installed setuid root\n"
		      "hint: chmod 4755 of the program, as root, if users shall have interfaces\n",
		      stderr);
		return 1;
	}
	if (run(&q, &e) == 0 && fflush(stdout) == 0)
		return 0;
	fprintf(stderr, "lxc-user-nic: %s\n", e.code ? e.msg : "write to standard output");
	if (e.hint[0])
		fprintf(stderr, "hint: %s\n", e.hint);
	return 1;
}
