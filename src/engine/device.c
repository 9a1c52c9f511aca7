/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/device.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "net/net.h"
#include "runtime/inside.h"
#include "runtime/journal.h"
#include "sys/idmap.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

/* Running, and we are one who may. */
static int check_hot(struct container *c, const char *what, struct err *e)
{
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (c->rec.state == RUN_STOPPED || !record_alive(&c->rec))
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	if (!c->engine->dry_run && engine_rootless())
		return err_kind(e, ERR_DENIED, -EPERM, "%s needs root of the host", what);
	return 0;
}

/* --- device nodes ------------------------------------------------------------------------------------------------------ */

struct node {
	const char *path; /* in the container */
	mode_t mode;	  /* type and permissions */
	dev_t rdev;
	int64_t uid, gid;
	int mount; /* detached mount of the host's node, -EBADF: it is made */
};

static bool is_device(mode_t mode)
{
	return S_ISCHR(mode) || S_ISBLK(mode);
}

/* What is at PATH of the container: 1 with *RET filled, 0: nothing. */
static int look_inside(struct container *c, const char *path, struct stat *ret, struct err *e)
{
	_cleanup_close_ int root = inside_root(&c->rec, e), fd = -EBADF;

	if (root < 0)
		return root;
	fd = inroot_open_path(root, path, O_NOFOLLOW);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, ret) < 0)
		return err_set(e, fd < 0 ? fd : -errno, "open %s in the container", path);
	return 1;
}

/* In the container: its device NAME of PARENT goes, mounted or made. */
static int remove_node(int parent, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "look at device %s", name);
	if (!is_device(st.st_mode))
		return err_kind(e, ERR_EXISTS, -EEXIST, "%s is there and no device", name);
	/* A mount point's name is taken relative to a directory that nobody can exchange. */
	if (fchdir(parent) < 0)
		return err_set(e, -errno, "enter the directory of %s", name);
	while (sys_umount2(name, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	return unlinkat(parent, name, 0) < 0 && errno != ENOENT ? err_set(e, -errno, "remove %s", name) : 0;
}

static int make_node(void *arg, struct err *e)
{
	const struct node *n = arg;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), parent = -EBADF, at = -EBADF;
	const char *name;
	int r;

	umask(0);
	if (n->mount >= 0) {
		/* A file system of its user name space takes no files of a user that it does not know. */
		setfsgid((gid_t)n->gid);
		setfsuid((uid_t)n->uid);
	}
	parent = inroot_open_parent(root, n->path, true, &name);
	if (parent < 0)
		return err_set(e, parent, "open the directory of %s in the container", n->path);
	r = remove_node(parent, name, e);
	if (r < 0)
		return r;
	if (mknodat(parent, name, n->mount < 0 ? n->mode : S_IFREG, n->mount < 0 ? n->rdev : 0) < 0)
		return err_set(e, -errno, "make %s in the container", n->path);
	at = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at < 0)
		r = err_set(e, -errno, "open %s in the container", n->path);
	else if (n->mount >= 0)
		r = mount_attach(n->mount, at, e);
	else if (fchownat(at, "", (uid_t)n->uid, (gid_t)n->gid, AT_EMPTY_PATH) < 0)
		r = err_set(e, -errno, "give %s to the container's root", n->path);
	if (r < 0)
		unlinkat(parent, name, 0);
	return r;
}

static int drop_node(void *arg, struct err *e)
{
	const struct node *n = arg;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), parent = -EBADF;
	const char *name;

	parent = inroot_open_parent(root, n->path, false, &name);
	if (parent == -ENOENT)
		return 0;
	if (parent < 0)
		return err_set(e, parent, "open the directory of %s in the container", n->path);
	return remove_node(parent, name, e);
}

static int allow(struct container *c, const struct node *n, bool yes, struct err *e)
{
	char rule[64];

	snprintf(rule, sizeof(rule), "%c %u:%u rwm", S_ISCHR(n->mode) ? 'c' : 'b', major(n->rdev), minor(n->rdev));
	return container_cgroup_set(c, yes ? "devices.allow" : "devices.deny", rule, e);
}

/* Host id of the container's root. */
static int64_t root_id(const struct container *c, char type)
{
	LIST_EACH(m, &c->spec.idmaps, struct spec_idmap) {
		if ((m->type == type || m->type == 'b') && m->nsid == 0)
			return m->hostid;
	}
	return 0;
}

static int check_path(const char *path, struct err *e)
{
	if (isempty(path) || *path != '/')
		return err_kind(e, ERR_INVALID, -EINVAL, "device '%s': expected an absolute path", path ?: "");
	return 0;
}

int container_device_add(struct container *c, const char *src, const char *dst, struct err *e)
{
	struct node n = { .path = dst ?: src, .mount = -EBADF };
	_cleanup_close_ int mnt = -EBADF;
	struct stat st;
	int r = check_path(src, e);

	if (r == 0)
		r = check_path(n.path, e);
	if (r == 0)
		r = check_hot(c, "adding a device", e);
	if (r < 0)
		return r;
	if (stat(src, &st) < 0)
		return err_set(e, -errno, "device %s", src);
	if (!is_device(st.st_mode))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s is no device", src);
	if (engine_dry(c->engine, "device %s = %s in %s", n.path, src, c->name))
		return 0;
	n.mode = st.st_mode;
	n.rdev = st.st_rdev;
	n.uid = root_id(c, 'u');
	n.gid = root_id(c, 'g');
	if (c->rec.has_userns) {
		mnt = n.mount = mount_clone(AT_FDCWD, src, false, e);
		if (mnt < 0)
			return mnt;
	}
	r = inside_call(&c->rec, CLONE_NEWNS, make_node, &n, e);
	if (r < 0)
		return r;
	r = allow(c, &n, true, e);
	if (r < 0)
		(void)inside_call(&c->rec, CLONE_NEWNS, drop_node, &n, NULL);
	return r;
}

int container_device_remove(struct container *c, const char *src, const char *dst, struct err *e)
{
	struct node n = { .path = dst ?: src, .mount = -EBADF };
	struct stat st;
	int r = check_path(n.path, e);

	if (r == 0)
		r = check_hot(c, "removing a device", e);
	if (r == 0)
		r = look_inside(c, n.path, &st, e);
	if (r < 0)
		return r;
	if (r == 0 && stat(src ?: n.path, &st) < 0)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "the container has no device %s", n.path);
	if (!is_device(st.st_mode))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s is no device", n.path);
	if (engine_dry(c->engine, "no device %s in %s", n.path, c->name))
		return 0;
	n.mode = st.st_mode;
	n.rdev = st.st_rdev;
	/* First the right, then the name. */
	r = allow(c, &n, false, e);
	return r < 0 ? r : inside_call(&c->rec, CLONE_NEWNS, drop_node, &n, e);
}

/* --- interfaces --------------------------------------------------------------------------------------------------------- */

static int open_netns(struct container *c, struct err *e)
{
	ino_t own, its;
	int fd = ns_open_pid(c->rec.pid, &ns_table[NS_NET], e);

	if (fd < 0)
		return fd;
	if (ns_ino(getpid(), &ns_table[NS_NET], &own) == 0 && ns_ino(c->rec.pid, &ns_table[NS_NET], &its) == 0 &&
	    own == its) {
		fd_close(fd);
		return err_kind(e, ERR_STATE, -EINVAL, "the container shares our network name space");
	}
	return fd;
}

/* What both directions work with: the container's lock, its network name space and its run directory. */
struct hot {
	int lock, ns, dirfd;
};

static void hot_done(struct hot *h)
{
	fd_close(h->dirfd);
	fd_close(h->ns);
	fd_close(h->lock);
}

static int hot_open(struct container *c, struct hot *h, struct err *e)
{
	h->lock = record_lock(c->id, true, e);
	if (h->lock < 0)
		return h->lock;
	h->ns = open_netns(c, e);
	if (h->ns < 0)
		return h->ns;
	h->dirfd = record_open_dir(c->id, false, e);
	return h->dirfd < 0 ? h->dirfd : 0;
}

int container_interface_attach(struct container *c, const char *ifname, const char *dst, struct err *e)
{
	struct net_conf conf = { .type = "phys", .link = ifname, .name = dst ?: ifname };
	_cleanup_(hot_done) struct hot h = { -EBADF, -EBADF, -EBADF };
	_cleanup_close_ int journal = -EBADF;
	struct net_dev d;
	char line[512];
	int r = check_hot(c, "attaching an interface", e);

	if (r == 0)
		r = net_prepare(&conf, &d, e);
	if (r < 0)
		return r;
	if (engine_dry(c->engine, "interface %s = %s in %s", conf.name, ifname, c->name))
		return 0;
	r = hot_open(c, &h, e);
	if (r < 0)
		return r;
	journal = journal_open(h.dirfd, e);
	if (journal < 0)
		return journal;
	/* As a start does it with the devices of the host that a config names. */
	r = netns_pin(h.dirfd, h.ns, e);
	if (r == 0)
		r = net_dev_print(&d, line, sizeof(line), e);
	if (r == 0)
		r = journal_add(journal, "net", line, e);
	if (r < 0)
		return r;
	r = net_attach(&d, h.ns, e);
	if (r < 0)
		(void)journal_drop(h.dirfd, "net", line, NULL);
	return r;
}

/* What the journal knows of the interface NAME. *RET_LINE: its entry, NULL when it has none. free(). */
static int find_entry(int dirfd, const char *name, struct net_dev *ret, char **ret_line, struct err *e)
{
	_cleanup_strv_ struct strv entries = STRV_INIT;
	int r = journal_find(dirfd, "net", &entries, e);

	if (r < 0)
		return r;
	for (size_t i = entries.n; i-- > 0;) {
		struct net_dev d;

		if (net_dev_scan(entries.v[i], &d, NULL) < 0 || !streq(d.type, "phys") || !streq(d.name, name))
			continue;
		*ret_line = strdup(entries.v[i]);
		*ret = d;
		return *ret_line ? 0 : err_oom(e);
	}
	return 0;
}

int container_interface_detach(struct container *c, const char *ifname, const char *dst, struct err *e)
{
	_cleanup_(hot_done) struct hot h = { -EBADF, -EBADF, -EBADF };
	_cleanup_free_ char *entry = NULL;
	struct net_dev d = { .type = "phys" };
	int r = check_hot(c, "detaching an interface", e);

	if (r < 0)
		return r;
	if (isempty(ifname) || strlen(ifname) >= sizeof(d.name) || (dst && strlen(dst) >= sizeof(d.link)))
		return err_kind(e, ERR_INVALID, -EINVAL, "bad interface name '%s'", dst && *ifname ? dst : ifname ?: "");
	if (engine_dry(c->engine, "no interface %s in %s", ifname, c->name))
		return 0;
	r = hot_open(c, &h, e);
	if (r < 0)
		return r;
	r = find_entry(h.dirfd, ifname, &d, &entry, e);
	if (r < 0)
		return r;
	snprintf(d.name, sizeof(d.name), "%s", ifname);
	if (dst || !entry)
		snprintf(d.link, sizeof(d.link), "%s", dst ?: ifname);
	r = net_present(h.ns, ifname, e);
	if (r == 0)
		return err_kind(e, ERR_NOT_FOUND, -ENODEV, "the container has no interface '%s'", ifname);
	/* It would come all the same, under the name that it has inside. */
	if (r > 0 && net_present(-EBADF, d.link, NULL) > 0)
		return err_kind(e, ERR_EXISTS, -EEXIST, "the host has an interface '%s' already", d.link);
	if (r > 0)
		r = net_detach(&d, h.ns, e);
	return r == 0 && entry ? journal_drop(h.dirfd, "net", entry, e) : r;
}
