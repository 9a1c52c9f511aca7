/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * lxc-user-nic create LXCPATH NAME PID veth BRIDGE [NIC]
 * lxc-user-nic delete LXCPATH NAME /proc/PID/ns/net veth BRIDGE NIC
 *
 * Setuid root and run by anybody, so in this order: nothing of the caller's environment is used; every object that the
 * caller names is opened with the caller's own rights, and seen as an fd from then on (CVE-2018-6556, CVE-2022-47952:
 * whatever is wrong with it, the text is one); the network name space must belong to a user name space of the caller's
 * (CVE-2017-5985); the database is changed before the interface is made, so that who is killed in between has less, not
 * more; an interface is deleted only by who had it made (CVE-2026-39402).
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "config.h"
#include "net/driver.h"
#include "sys/ns.h"
#include "sys/passwd.h"
#include "usernic/usernic.h"

#define USERNET_FILE CREEL_SYSCONFDIR "/lxc/lxc-usernet"
#define DB_DIR	     "/run/lxc"

struct caller {
	uid_t uid;
	char name[USERNIC_WORD_MAX];
	gid_t groups[1024]; /* the kernel's word for them, the real one among them */
	int n_groups;
	int root;
};

struct request {
	const char *verb, *target, *type, *bridge, *nic;
	int netns;
};

static int usage(void)
{
	fputs("Usage: lxc-user-nic create LXCPATH NAME PID TYPE BRIDGE [NIC]\n"
	      "       lxc-user-nic delete LXCPATH NAME NETNS TYPE BRIDGE NIC\n"
	      "Gives a container of the caller an interface on a bridge, as far as " USERNET_FILE " allows.\n",
	      stderr);
	return 1;
}

/* --- the process ------------------------------------------------------------------------------------------------------- */

static int harden(void)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	static char *const env[] = { path, locale, NULL };
	static const int limits[] = { RLIMIT_FSIZE, RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_AS, RLIMIT_DATA };
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY }, files = { 1024, 1024 };
	sigset_t all;

	/* A file opened as 1 would be written to by whoever prints. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) != fd)
			return -EBADF;
	syscall(SYS_close_range, 3, ~0u, 0);
	environ = (char **)(uintptr_t)env;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		(void)setrlimit(limits[i], limits[i] == RLIMIT_NOFILE ? &files : &none);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	/* No signal of the caller's ends this in the middle; those are few milliseconds. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_DUMPABLE, 0);
	umask(022);
	return chdir("/") < 0 ? -errno : 0;
}

static int who_calls(struct caller *c, struct err *e)
{
	static struct passwd_user u;
	char id[16];
	int r;

	c->uid = getuid();
	c->n_groups = getgroups(ARRAY_SIZE(c->groups) - 1, c->groups);
	if (c->n_groups < 0)
		return err_set(e, -errno, "get the caller's groups");
	c->groups[c->n_groups++] = getgid();
	c->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(id, sizeof(id), "%u", c->uid);
	r = c->root < 0 ? -errno : passwd_find(c->root, id, &u, e);
	if (r < 0)
		return r;
	if (!*u.name || strlen(u.name) >= sizeof(c->name) || strpbrk(u.name, " \t\n"))
		return err_kind(e, ERR_DENIED, -EPERM, "uid %u has no name in /etc/passwd", c->uid);
	memcpy(c->name, u.name, strlen(u.name) + 1);
	return 0;
}

static bool is_member(void *arg, const char *group)
{
	static struct passwd_user u;
	const struct caller *c = arg;
	char spec[USERNIC_WORD_MAX + 1];

	/* Digits would be taken for a number. */
	if (strlen(group) >= USERNIC_WORD_MAX || strpbrk(group, ":") || !group[strspn(group, "0123456789")])
		return false;
	snprintf(spec, sizeof(spec), ":%s", group);
	if (passwd_find(c->root, spec, &u, NULL) < 0)
		return false;
	for (int i = 0; i < c->n_groups; i++)
		if (c->groups[i] == u.gid)
			return true;
	return false;
}

/* --- the name space ------------------------------------------------------------------------------------------------------ */

static bool same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* The kernel's rule for who has all rights over a name space: the owner of that ancestor of its user name space whose parent
 * is the user name space he is in. */
static bool owns(uid_t uid, int netns)
{
	_cleanup_close_ int own = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC), ns = ioctl(netns, NS_GET_USERNS);

	while (own >= 0 && ns >= 0 && !same_file(ns, own)) {
		_cleanup_close_ int parent = ioctl(ns, NS_GET_PARENT);
		uid_t owner;

		if (parent < 0)
			return false;
		if (same_file(parent, own))
			return ioctl(ns, NS_GET_OWNER_UID, &owner) == 0 && owner == uid;
		fd_close(ns);
		ns = TAKE_FD(parent);
	}
	return false;
}

static int denied(const struct request *q, struct err *e)
{
	return err_kind(e, ERR_DENIED, -EPERM, "'%s' is no network name space of yours", q->target);
}

/* With the caller's rights: what he may not see is not there. */
static int open_target(const struct caller *c, struct request *q, struct err *e)
{
	bool create = streq(q->verb, "create");
	uint32_t pid = 0;
	static const struct ns_info net_ns = { "net", CLONE_NEWNET };
	uid_t root = geteuid();
	bool good = create ? parse_u32(q->target, &pid) == 0 && pid > 0 && pid <= INT32_MAX
			   : startswith(q->target, "/proc/") && !strstr(q->target, "..");
	int fd = -EBADF;

	if (setresuid((uid_t)-1, c->uid, (uid_t)-1) < 0)
		return err_set(e, -errno, "take the caller's rights");
	if (good)
		fd = create ? ns_open_pid((pid_t)pid, &net_ns, NULL) : ns_open(q->target, &net_ns, NULL);
	if (setresuid((uid_t)-1, root, (uid_t)-1) < 0) {
		fd_close(fd);
		return err_set(e, -errno, "take our rights back");
	}
	if (fd < 0 || !owns(c->uid, fd)) {
		fd_close(fd);
		return denied(q, e);
	}
	q->netns = fd;
	return 0;
}

/* --- the database -------------------------------------------------------------------------------------------------------- */

static int open_db(int *ret_lock, struct err *e)
{
	_cleanup_close_ int dir = -EBADF, lock = -EBADF;
	struct stat st;

	if (mkdir(DB_DIR, 0755) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make " DB_DIR);
	dir = open(DB_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return err_set(e, -errno, "open " DB_DIR);
	if (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH))
		return err_kind(e, ERR_DENIED, -EPERM, DB_DIR " can be written to by others than root");
	lock = openat(dir, "nics.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_set(e, -errno, "lock " DB_DIR "/nics");
	*ret_lock = TAKE_FD(lock);
	return TAKE_FD(dir);
}

static bool exists(int fd, const struct nic *n)
{
	struct link_info l;

	if (link_get(fd, n->name, &l, NULL) != 0)
		return false;
	return streq(l.kind, n->type) && (!n->has_mac || memcmp(l.mac, n->mac, 6) == 0);
}

/* A port of Open vSwitch outlives its interface. */
static void drop_port(int fd, const struct nic *n)
{
	struct net_dev d = { 0 };
	struct link_info l;

	if (link_get(fd, n->name, &l, NULL) == 0 || link_get(fd, n->bridge, &l, NULL) != 0 || !net_ovs_maybe(&l))
		return;
	memcpy(d.link, n->bridge, sizeof(d.link));
	memcpy(d.host_name, n->name, sizeof(d.host_name));
	(void)net_ovs_del(&d, NULL);
}

/* The entries of what exists, but SKIP. */
static int read_db(int dir, int fd, const struct nic *skip, struct buf *out, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	const char *pos;
	struct nic n;
	int r = file_read(dir, "nics", USERNIC_FILE_MAX, &text, NULL, e);

	if (r < 0 && r != -ENOENT)
		return r;
	err_clear(e);
	for (pos = text ?: ""; nic_next(&pos, &n);) {
		if (skip && nic_is(&n, skip->user, skip->type, skip->bridge, skip->name))
			continue;
		if (exists(fd, &n))
			nic_print(&n, out);
		else
			drop_port(fd, &n);
	}
	return buf_error(out, e);
}

static int write_db(int dir, const struct buf *text, struct err *e)
{
	return file_replace(dir, "nics", buf_str(text), text->len, 0644, false, e);
}

/* --- create --------------------------------------------------------------------------------------------------------------- */

/* "veth1000_AbCd": it can be seen whose it is. */
static int pick_name(const struct caller *c, int fd, char name[static 16], struct err *e)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t random[8];

	for (int tries = 0; tries < 16; tries++) {
		int n = c->uid < 1000000 ? snprintf(name, 16, "veth%u_", c->uid) : snprintf(name, 16, "veth");
		int end = c->uid < 1000000 ? n + 4 : n + 8;

		if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return err_set(e, -errno, "get random letters for a name");
		for (int i = 0; n < end; i++)
			name[n++] = digits[random[i] % (sizeof(digits) - 1)];
		name[n] = '\0';
		if (link_index(fd, name) == -ENODEV)
			return 0;
	}
	return err_kind(e, ERR_EXISTS, -EEXIST, "no free name for an interface");
}

static int allowed(struct caller *c, const struct request *q, const char *db, struct nic *n, struct err *e)
{
	struct allot a[USERNIC_ALLOT_MAX];
	_cleanup_free_ char *text = NULL;
	size_t n_allots = 0;
	int r = file_read(AT_FDCWD, USERNET_FILE, USERNIC_FILE_MAX, &text, NULL, e);

	if (r < 0 && r != -ENOENT)
		return r;
	err_clear(e);
	n_allots = allot_find(text ?: "", c->name, is_member, c, q->type, q->bridge, a);
	r = allot_pick(a, n_allots, db, q->type, q->bridge);
	if (r < 0 && !n_allots)
		return err_hint(
			e, err_kind(e, ERR_DENIED, -EPERM, "%s may have no %s on '%s'", c->name, q->type, q->bridge),
			"root allows it by a line in " USERNET_FILE ": %s %s %s 10", c->name, q->type, q->bridge);
	if (r < 0)
		return err_kind(e, ERR_LIMIT, -EDQUOT,
				"Quota reached: %s has all the %s on '%s' that " USERNET_FILE " allows", c->name,
				q->type, q->bridge);
	memcpy(n->who, a[r].who, sizeof(n->who));
	return 0;
}

/* Where the container's end is, and what it is called. */
static int report(int fd, const struct net_dev *d, int netns, struct err *e)
{
	_cleanup_close_ int inner = nl_open(netns, e);
	struct ifreq ifr = { 0 };
	struct link_info l;

	if (inner < 0)
		return inner;
	if (link_get(fd, d->host_name, &l, e) != 0)
		return err_kind(e, ERR_STATE, -ENODEV, "interface '%s' went away", d->host_name);
	ifr.ifr_ifindex = l.lower;
	if (ioctl(inner, SIOCGIFNAME, &ifr) < 0)
		return err_set(e, -errno, "look interface %d up in the container", l.lower);
	ifr.ifr_name[IFNAMSIZ - 1] = '\0';
	printf("%s:%d:%s:%d\n", ifr.ifr_name, l.lower, d->host_name, l.ifindex);
	return fflush(stdout) != 0 || ferror(stdout) ? err_set(e, -EIO, "print the result") : 0;
}

static int create(struct caller *c, const struct request *q, int dir, int fd, struct err *e)
{
	bool none = streq(q->bridge, "none");
	char host[16];
	struct net_conf conf = {
		.type = q->type,
		.link = none ? NULL : q->bridge,
		.name = q->nic,
		.host_name = host,
		.up = true,
	};
	_cleanup_buf_ struct buf db = BUF_INIT;
	struct nic n = { .has_mac = true };
	struct net_dev d;
	int r = read_db(dir, fd, NULL, &db, e);

	/* Before anything is said of the bridge. */
	if (r == 0)
		r = allowed(c, q, buf_str(&db), &n, e);
	if (r == 0)
		r = pick_name(c, fd, host, e);
	if (r == 0)
		r = net_prepare(&conf, &d, e);
	if (r < 0)
		return r;
	snprintf(n.user, sizeof(n.user), "%s", c->name);
	snprintf(n.type, sizeof(n.type), "%s", q->type);
	snprintf(n.bridge, sizeof(n.bridge), "%s", q->bridge);
	memcpy(n.name, host, sizeof(n.name));
	memcpy(n.mac, d.host_mac, 6);
	nic_print(&n, &db);
	r = buf_error(&db, e);
	if (r == 0)
		r = write_db(dir, &db, e);
	if (r == 0)
		r = net_attach(&d, q->netns, e);
	if (r < 0)
		return r;
	r = report(fd, &d, q->netns, e);
	if (r < 0)
		(void)net_detach(&d, q->netns, NULL);
	return r;
}

/* --- delete --------------------------------------------------------------------------------------------------------------- */

static int find_entry(int dir, const struct caller *c, const struct request *q, struct nic *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r = file_read(dir, "nics", USERNIC_FILE_MAX, &text, NULL, e);
	const char *pos = text ?: "";

	if (r < 0 && r != -ENOENT)
		return r;
	err_clear(e);
	while (r == 0 && nic_next(&pos, ret))
		if (nic_is(ret, c->name, q->type, q->bridge, q->nic))
			return 0;
	return err_kind(e, ERR_DENIED, -EPERM, "'%s' on '%s' is no interface of yours", q->nic, q->bridge);
}

static int delete (struct caller *c, struct request *q, int dir, int fd, struct err *e)
{
	_cleanup_buf_ struct buf db = BUF_INIT;
	struct net_dev d = { .type = "veth" };
	struct nic n;
	int r = find_entry(dir, c, q, &n, e);

	if (r < 0)
		return r;
	/* One that has gone with its name space is only forgotten. */
	if (exists(fd, &n)) {
		struct link_info l;

		if (q->netns < 0)
			return denied(q, e);
		memcpy(d.host_name, n.name, sizeof(d.host_name));
		memcpy(d.link, n.bridge, sizeof(d.link));
		memcpy(d.host_mac, n.mac, 6);
		d.ovs = link_get(fd, n.bridge, &l, NULL) == 0 && net_ovs_maybe(&l);
		r = net_detach(&d, q->netns, e);
		if (r < 0)
			return r;
	} else {
		drop_port(fd, &n);
	}
	r = read_db(dir, fd, &n, &db, e);
	return r < 0 ? r : write_db(dir, &db, e);
}

/* -------------------------------------------------------------------------------------------------------------------------- */

static int run(struct request *q, struct err *e)
{
	_cleanup_close_ int dir = -EBADF, lock = -EBADF, fd = -EBADF;
	static struct caller c;
	int r = who_calls(&c, e);

	if (r == 0 && geteuid() != 0)
		r = err_hint(e, err_kind(e, ERR_DENIED, -EPERM, "not installed setuid root"),
			     "chown root lxc-user-nic and chmod u+s lxc-user-nic");
	if (r == 0 && !streq(q->type, "veth"))
		r = err_kind(e, ERR_INVALID, -EINVAL, "type '%s': an ordinary user can have veth only", q->type);
	if (r == 0 && (!nic_name_ok(q->bridge) || (q->nic && !nic_name_ok(q->nic))))
		r = err_kind(e, ERR_INVALID, -EINVAL, "a name of an interface that is none");
	/* An interface may be forgotten when the name space has gone. */
	if (r == 0 && open_target(&c, q, e) < 0) {
		if (streq(q->verb, "create"))
			return e->code;
		err_clear(e);
	}
	if (r < 0)
		return r;
	/* The caller's uid could be used to send signals and to look at us. */
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, -errno, "become root");
	fd = nl_open(-EBADF, e);
	if (fd < 0)
		return fd;
	dir = open_db(&lock, e);
	if (dir < 0)
		return dir;
	return streq(q->verb, "create") ? create(&c, q, dir, fd, e) : delete (&c, q, dir, fd, e);
}

int main(int argc, char **argv)
{
	struct request q = { .netns = -EBADF };
	struct err e = { 0 };

	if (harden() < 0)
		return 1;
	if (argc < 7 || argc > 8)
		return usage();
	q.verb = argv[1];
	if (streq(q.verb, "delete") ? argc != 8 : !streq(q.verb, "create"))
		return usage();
	q.target = argv[4];
	q.type = argv[5];
	q.bridge = argv[6];
	q.nic = argc == 8 ? argv[7] : NULL;
	if (run(&q, &e) < 0) {
		fprintf(stderr, "lxc-user-nic: %s\n", e.msg);
		if (*e.hint)
			fprintf(stderr, "hint: %s\n", e.hint);
		return 1;
	}
	return 0;
}
