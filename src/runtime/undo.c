/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The undo functions of the journal. Each takes a name, is idempotent, and takes "gone already" for done. */

#include <fcntl.h>
#include <signal.h>
#include <linux/magic.h>
#include <stdio.h>
#include <time.h>
#include <sys/vfs.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "cgroup/cgroup.h"
#include "net/nat.h"
#include "runtime/hook.h"
#include "runtime/journal.h"
#include "runtime/record.h"
#include "security/security.h"
#include "spec/field.h"
#include "store/store.h"
#include "sys/idmap.h"
#include "sys/syscalls.h"

#define SPEC_MAX (16u << 20)

/* What the container was started with; -ENOENT: it is not there any more. */
static int load_spec(const struct undo_ctx *c, struct spec *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r;

	spec_init(ret);
	r = file_read(c->dirfd, "spec", SPEC_MAX, &text, NULL, e);
	return r < 0 ? r : spec_load(ret, text, e);
}

/* Kills what is still in the group, then removes it. */
static int undo_cgroup(const struct undo_ctx *c, const char *path, struct err *e)
{
	_cleanup_(cg_host_freep) struct cg_host *own = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	struct cg_host *h = c->cg_host;
	int r;

	if (!h) {
		r = cg_host_open(NULL, &own, e);
		if (r < 0)
			return r;
		h = own;
	}
	if (cg_open(h, path, &g, NULL) == 0) {
		if (cg_is_shared(g))
			return cg_leave(h, path, true, e);
		(void)cg_kill(g, NULL);
	}
	return cg_remove(h, path, e);
}

static int take_back(void *arg, struct err *e)
{
	return cg_empty(arg, e);
}

/* Groups that the container's root has made below its own: nobody but he can remove them. */
static int undo_lent(const struct undo_ctx *c, const char *path, struct err *e)
{
	_cleanup_(cg_host_freep) struct cg_host *own = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ struct idmap *maps = NULL;
	_cleanup_spec_ struct spec spec = { 0 };
	size_t n = 0;
	int r = load_spec(c, &spec, e);

	if (r == 0 && !c->cg_host)
		r = cg_host_open(NULL, &own, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (cg_open(c->cg_host ?: own, path, &g, NULL) < 0)
		return 0;
	maps = calloc(spec.idmaps.n + 1, sizeof(*maps));
	if (!maps)
		return err_oom(e);
	LIST_EACH(x, &spec.idmaps, struct spec_idmap)
		maps[n++] = (struct idmap){ x->type, x->nsid, x->hostid, x->range };
	(void)cg_kill(g, NULL);
	return idmap_call(maps, n, take_back, g, e);
}

/* One that others are in. */
static int undo_shared(const struct undo_ctx *c, const char *path, struct err *e)
{
	_cleanup_(cg_host_freep) struct cg_host *own = NULL;
	int r = c->cg_host ? 0 : cg_host_open(NULL, &own, e);

	return r < 0 ? r : cg_leave(c->cg_host ?: own, path, false, e);
}

/* "PATH PIVOT": the keeper and we, who are in it, go to PIVOT, or where everybody may be; then it is removed. */
static int undo_monitor(const struct undo_ctx *c, const char *arg, struct err *e)
{
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL, *to = NULL;
	_cleanup_free_ char *path = strdup(arg);
	_cleanup_free_ pid_t *pids = NULL;
	char *pivot = path ? strchr(path, ' ') : NULL;
	size_t n = 0;
	int r;

	if (!pivot)
		return path ? err_kind(e, ERR_INVALID, -EINVAL, "journal: '%s' is no group and its pivot", arg)
			    : err_oom(e);
	*pivot++ = '\0';
	r = cg_host_open(NULL, &h, e);
	if (r < 0)
		return r;
	if (cg_open(h, path, &g, NULL) < 0)
		return 0;
	if (cg_pids(g, &pids, &n, NULL) < 0)
		n = 0;
	if (n && (streq(pivot, "-") || (cg_open(h, pivot, &to, NULL) < 0 && cg_create(h, pivot, &to, NULL) < 0)))
		(void)cg_root(h, &to, NULL);
	for (size_t i = 0; to && i < n; i++)
		(void)cg_attach(to, pids[i], false, NULL);
	return cg_remove(h, path, e);
}

#define PIN_PATH_MAX 64

int netns_pin(int dirfd, int ns_fd, struct err *e)
{
	_cleanup_close_ int fd = openat(dirfd, "netns", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	char path[PIN_PATH_MAX], ns[PIN_PATH_MAX];
	int r;

	if (fd < 0)
		return errno == EEXIST ? 0 : err_set(e, -errno, "create a place for the network name space");
	snprintf(path, sizeof(path), "/proc/self/fd/%d/netns", dirfd);
	snprintf(ns, sizeof(ns), "/proc/self/fd/%d", ns_fd);
	r = sys_mount(ns, path, NULL, MS_BIND, NULL);
	return r < 0 ? err_set(e, r, "keep network name space %s", ns) : 0;
}

void netns_unpin(int dirfd)
{
	char path[PIN_PATH_MAX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/netns", dirfd);
	(void)sys_umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	(void)unlinkat(dirfd, "netns", 0);
}

static int undo_net(const struct undo_ctx *c, const char *arg, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct statfs st;
	struct net_dev d;
	int r = net_dev_scan(arg, &d, e);

	if (r < 0)
		return err_wrap(e, r, "journal");
	fd = openat(c->dirfd, "netns", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* Killed before the name space was mounted there: an empty file. */
	if (fd >= 0 && (fstatfs(fd, &st) < 0 || st.f_type != NSFS_MAGIC))
		fd = fd_close(fd);
	return net_detach(&d, fd < 0 ? -EBADF : fd, e);
}

static int undo_port(const struct undo_ctx *c, const char *arg, struct err *e)
{
	struct net_port p;
	int r = net_port_parse(arg, &p, e);

	return r < 0 ? err_wrap(e, r, "journal") : net_unpublish(&p, e);
}

/* "BRIDGE HOSTNIC PROGRAM": an ordinary user's port of Open vSwitch, by lxc-user-nic, once its interface has gone. */
static int undo_usernic(const struct undo_ctx *c, const char *arg, struct err *e)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	_cleanup_free_ char *words = strdup(arg), *out = NULL;
	char *program, *bridge, *nic;
	int r;

	if (!words)
		return err_oom(e);
	bridge = words;
	nic = strchr(bridge, ' ');
	program = nic ? strchr(nic + 1, ' ') : NULL;
	if (!program)
		return err_kind(e, ERR_INVALID, -EINVAL, "bad journal entry '%.80s'", arg);
	*nic++ = '\0';
	*program++ = '\0';
	for (int i = 0; i < 200 && net_present(-EBADF, nic, NULL) > 0; i++)
		nanosleep(&pause, NULL);
	{
		const char *argv[] = { "lxc-user-nic", "delete", "-", c->id, "/proc/self/ns/net",
				       "veth",	       bridge,	 nic, NULL };
		const struct spawn s = { .path = program, .argv = (char *const *)(uintptr_t)argv };

		r = spawn_run(&s, &out, e);
	}
	/* Its line may have been cleaned by then, and the port with it. */
	if (r > 0)
		log_debug(c->log, "%s", out);
	return r < 0 ? r : 0;
}

static int undo_user_net(const struct undo_ctx *c, const char *pid_file, struct err *e)
{
	return user_net_stop(pid_file);
}

static int undo_file(const struct undo_ctx *c, const char *path, struct err *e)
{
	struct stat st;

	/* A path that the user gave, /dev/null say: only a file that we can have made is removed. */
	if (*path != '/' || (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)))
		return 0;
	if (unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		return err_set(e, -errno, "remove %s", path);
	return 0;
}

/* A network script of the user that is due at the end. One that fails is not run again. */
static int undo_script(const struct undo_ctx *c, const char *line, struct err *e)
{
	_cleanup_record_ struct record rec = { 0 };

	(void)record_read(c->dirfd, &rec, NULL);
	if (hook_net_run(line, rec.pid, e) < 0)
		log_msg(c->log, LOG_WARN, "%s", e ? e->msg : "a network script failed");
	err_clear(e);
	return 0;
}

static int undo_tree(const struct undo_ctx *c, const char *path, struct err *e)
{
	if (*path != '/' || !path[1])
		return err_kind(e, ERR_INVALID, -EINVAL, "journal: '%s' is no tree of ours", path);
	return store_remove_tree(path, e);
}

/* A root that lies in no container's folder: a volume, a data set. */
static int undo_store(const struct undo_ctx *c, const char *path, struct err *e)
{
	struct store_ref ref = { 0 };
	struct err own = { 0 };
	int r = store_parse(path, &ref, &own);

	if (r == 0)
		r = ref.driver->destroy(&ref, &own);
	store_ref_done(&ref);
	/* Without the tools for it nothing can have been made. */
	if (r < 0 && own.kind == ERR_MISSING)
		return 0;
	if (r < 0 && e)
		*e = own;
	return r;
}

static int undo_mount(const struct undo_ctx *c, const char *path, struct err *e)
{
	int r = sys_umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);

	return r < 0 && r != -EINVAL && r != -ENOENT ? err_set(e, r, "unmount %s", path) : 0;
}

static int undo_apparmor(const struct undo_ctx *c, const char *profile, struct err *e)
{
	return lsm_unload(profile, e);
}

/* The start hooks have begun: the ending side's are due, whatever has become of the start. */
static int undo_hooks(const struct undo_ctx *c, const char *arg, struct err *e)
{
	_cleanup_spec_ struct spec spec = { 0 };
	_cleanup_record_ struct record rec = { 0 };
	_cleanup_free_ char *dir = NULL, *mount = NULL;
	struct hook_ctx h = { .spec = &spec };
	struct moment_ctx m;
	int r;

	r = record_read(c->dirfd, &rec, e);
	if (r == 0)
		r = load_spec(c, &spec, e);
	if (r == -ENOENT) {
		/* Without them nobody can ever run these hooks: the entry would stay for good. */
		err_clear(e);
		log_msg(c->log, LOG_WARN, "%s: its stop hooks are not known any more", c->id);
		return 0;
	}
	if (r < 0)
		return r;
	m = (struct moment_ctx){ .version = rec.version, .bundle = rec.bundle };
	h.name = rec.name;
	h.config = rec.config;
	h.pid = rec.pid;
	h.log_level = spec.log_level;
	r = run_dir(false, &dir, e);
	mount = r < 0 ? NULL : path_join(dir, "rootfs");
	if (!mount)
		return r < 0 ? r : err_oom(e);
	h.rootfs_mount = spec.rootfs.mount ?: spec.rootfs.path ? mount : NULL;
	h.target = WIFSIGNALED(rec.exit_status) && WTERMSIG(rec.exit_status) == SIGHUP ? "reboot" : "stop";
	/* A hook that fails is not run again: its entry goes, its message is reported by the log. */
	if (hooks_run(&h, HOOK_POST_STOP, true, c->log, e) < 0)
		log_msg(c->log, LOG_WARN, "%s", e ? e->msg : "post-stop hook failed");
	err_clear(e);
	(void)moments_run(&spec, "poststop", &m, true, c->log, NULL);
	return 0;
}

static int undo_release(const struct undo_ctx *c, const char *path, struct err *e)
{
	struct store_ref ref = { 0 };
	int r = store_parse(path, &ref, e);

	if (r == 0 && ref.driver->release)
		r = ref.driver->release(&ref, e);
	store_ref_done(&ref);
	return r;
}

const struct undo_kind undo_kinds[] = {
	{ "cgroup", "control group", undo_cgroup },
	{ "lent", "groups below control group", undo_lent },
	{ "shared", "shared control group", undo_shared },
	{ "monitor", "control group of the keeper", undo_monitor },
	{ "net", "network device", undo_net },
	{ "port", "published port", undo_port },
	{ "usernic", "port of Open vSwitch", undo_usernic },
	{ "usernet", "way out by pasta or slirp4netns", undo_user_net },
	{ "script", "network script", undo_script },
	{ "file", "file", undo_file },
	{ "tree", "directory tree", undo_tree },
	{ "store", "root file system", undo_store },
	{ "release", "server of", undo_release },
	{ "mount", "mount", undo_mount },
	{ "apparmor", "AppArmor profile", undo_apparmor },
	{ "hooks", "stop hooks of", undo_hooks },
	{ NULL, NULL, NULL },
};
