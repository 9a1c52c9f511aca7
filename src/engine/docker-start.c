/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* start: a row becomes a spec, the spec a plan, and a keeper takes over what the plan made. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"
#include "runtime/inside.h"
#include "runtime/keeper_proto.h"
#include "runtime/supervise.h"
#include "security/security.h"
#include "spec/field.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/passwd.h"
#include "sys/proc.h"
#include "sys/pty.h"
#include "sys/syscalls.h"

/* --- what the spec needs of the host and of the image ------------------------------------------------------------------- */

struct resolving {
	struct docker *d;
	struct docker_row *c;
	struct container_config config;
	struct docker_container in;
	char *hosts, *hostname, *resolv, *init;
	char *share[NS_MAX];
	struct docker_held *held;
	struct docker_device *devices;
	size_t n_devices;
	gid_t groups[PASSWD_GROUPS_MAX + 64];
};

static void resolving_done(struct resolving *x)
{
	container_config_done(&x->config);
	free(x->hosts);
	free(x->hostname);
	free(x->resolv);
	free(x->init);
	for (size_t i = 0; i < NS_MAX; i++)
		free(x->share[i]);
	for (size_t i = 0; i < x->n_devices; i++)
		free(x->devices[i].path);
	free(x->devices);
}

int docker_config(const struct docker_row *c, struct container_config *ret, struct err *e)
{
	container_config_init(ret);
	return container_config_read(c->config, ret, e);
}

/* "user[:group]" by the files under ROOT. */
/* Digits that no id has. */
static bool beyond_ids(const char *s)
{
	bool negative = *s == '-';
	size_t n = strspn(s + negative, "0123456789");

	return n > 0 && (!s[negative + n] || s[negative + n] == ':') &&
	       (negative || n > 10 || strtoull(s, NULL, 10) > INT32_MAX);
}

int docker_find_user(int root, const char *spec, struct passwd_user *ret, struct err *e)
{
	const char *colon = strchr(spec ?: "", ':');
	int r = beyond_ids(spec ?: "") || (colon && beyond_ids(colon + 1)) ? -ERANGE : passwd_find(root, spec, ret, e);

	if (r == -ERANGE)
		return err_kind(e, ERR_INVALID, -EINVAL, "uids and gids must be in range 0-2147483647: %s", spec);
	if (r != -ENOENT)
		return r;
	if (colon && colon != spec) {
		_cleanup_free_ char *user = strndup(spec, (size_t)(colon - spec));

		if (user && passwd_find(root, user, ret, NULL) == 0)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"unable to find group %s: no matching entries in group file", colon + 1);
	}
	return err_kind(e, ERR_INVALID, -EINVAL, "unable to find user %.*s: no matching entries in passwd file",
			colon ? (int)(colon - spec) : (int)strlen(spec), spec);
}

/* --- what the start holds from the moment that it was found ----------------------------------------------------------------- */

static int hold_mount(struct resolving *x, const char *target, int fd, struct err *e)
{
	struct docker_held *h = x->held;
	struct plan_given *v = reallocarray(h->given, h->n_given + 1, sizeof(*v));

	if (!v) {
		fd_close(fd);
		return err_oom(e);
	}
	h->given = v;
	v[h->n_given++] = (struct plan_given){ target, fd };
	return 0;
}

/* The root file system, mounted once: to be looked into, and for the container. An ordinary user's mounts its own, and what is
 * looked into is another one of the layers. */
static int hold_root(struct resolving *x, struct err *e)
{
	struct layers *l = x->d->images->layers;
	int fd = engine_rootless() ? rootfs_open(l, x->c->id, NULL, true, e) : rootfs_mount(l, x->c->id, e);
	int r = fd < 0 ? fd : hold_mount(x, "/", fd, e);

	return r < 0 ? r : fd;
}

/* "user[:group]" by the image's own files, and --group-add. */
static int resolve_user(struct resolving *x, struct err *e)
{
	_cleanup_free_ struct passwd_user *u = calloc(1, sizeof(*u));
	const struct json_c_value *add = value_get(x->c->host, "GroupAdd");
	int root, r;
	size_t n;

	if (!u)
		return err_oom(e);
	root = hold_root(x, e);
	if (root < 0)
		return root;
	r = docker_find_user(root, x->config.user, u, e);
	if (r < 0)
		return r;
	x->in.uid = u->uid;
	x->in.gid = u->gid;
	n = u->n_groups;
	memcpy(x->groups, u->groups, n * sizeof(gid_t));
	for (size_t i = 0; i < value_len(add) && i < 64; i++) {
		char spec[300];

		snprintf(spec, sizeof(spec), ":%s", value_text(value_elem(add, i), NULL) ?: "");
		r = passwd_find(root, spec, u, e);
		if (r < 0)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"Unable to find group %s: no matching entries in group file", spec + 1);
		x->groups[n++] = u->gid;
	}
	x->in.groups = x->groups;
	x->in.n_groups = n;
	return 0;
}

#define GATHERING "error gathering device information while adding custom device \"%s\": "

static int add_device(struct resolving *x, const char *host, const char *inside, const char *access, struct err *e)
{
	struct docker_device *v = reallocarray(x->devices, x->n_devices + 1, sizeof(*v));
	struct stat st;

	if (!v)
		return err_oom(e);
	x->devices = v;
	if (stat(host, &st) < 0)
		return errno == ENOENT
			       ? err_kind(e, ERR_NOT_FOUND, -ENOENT, GATHERING "no such file or directory", host)
			       : err_set(e, -errno,
					 "error gathering device information while adding custom device \"%s\"", host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_kind(e, ERR_INVALID, -EINVAL, GATHERING "not a device node", host);
	v = &x->devices[x->n_devices];
	*v = (struct docker_device){ .path = strdup(inside),
				     .type = S_ISBLK(st.st_mode) ? 'b' : 'c',
				     .major = major(st.st_rdev),
				     .minor = minor(st.st_rdev),
				     .mode = st.st_mode & 07777,
				     .uid = st.st_uid,
				     .gid = st.st_gid };
	snprintf(v->access, sizeof(v->access), "%s", isempty(access) ? "rwm" : access);
	x->n_devices++;
	return v->path ? 0 : err_oom(e);
}

/* A folder of devices is all that are in it. */
static int add_devices_below(struct resolving *x, const char *host, const char *inside, const char *access,
			     unsigned depth, struct err *e)
{
	DIR *dir = opendir(host);
	struct dirent *de;
	int r = 0;

	while (dir && r == 0 && (de = readdir(dir))) {
		_cleanup_free_ char *from = NULL, *to = NULL;
		struct stat st;

		if (de->d_name[0] == '.' || streq(de->d_name, "pts") || streq(de->d_name, "shm") ||
		    streq(de->d_name, "fd") || streq(de->d_name, "mqueue") || streq(de->d_name, "console"))
			continue;
		from = path_join(host, de->d_name);
		to = path_join(inside, de->d_name);
		if (!from || !to)
			r = err_oom(e);
		else if (lstat(from, &st) < 0)
			continue;
		else if (S_ISDIR(st.st_mode) && depth < 8)
			r = add_devices_below(x, from, to, access, depth + 1, e);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			r = add_device(x, from, to, access, e);
	}
	if (dir)
		closedir(dir);
	return r;
}

static int resolve_devices(struct resolving *x, struct err *e)
{
	const struct json_c_value *l = value_get(x->c->host, "Devices");
	int r = 0;

	if (value_bool(x->c->host, "Privileged"))
		r = add_devices_below(x, "/dev", "/dev", "rwm", 0, e);
	for (size_t i = 0; i < value_len(l) && r == 0; i++) {
		const char *host = value_text(value_elem(l, i), "PathOnHost") ?: "",
			   *inside = value_text(value_elem(l, i), "PathInContainer"),
			   *access = value_text(value_elem(l, i), "CgroupPermissions");
		size_t had = x->n_devices;
		struct stat st;

		if (isempty(inside))
			inside = host;
		r = stat(host, &st) == 0 && S_ISDIR(st.st_mode) ? add_devices_below(x, host, inside, access, 0, e)
								: add_device(x, host, inside, access, e);
		if (r == 0 && x->n_devices == had)
			r = err_kind(e, ERR_INVALID, -EINVAL, GATHERING "not a device node", host);
	}
	x->in.devices = x->devices;
	x->in.n_devices = x->n_devices;
	return r;
}

/* --- what is another's: held from the moment that it was found --------------------------------------------------------------- */

static bool mounted_by_user(const struct resolving *x, const char *target)
{
	for (size_t i = 0; i < value_len(x->in.mounts); i++)
		if (streq(value_text(value_elem(x->in.mounts, i), "Destination") ?: "", target))
			return true;
	return value_get(value_get(x->c->host, "Tmpfs"), target) != NULL;
}

/* In the other's mount name space: its /dev/shm, sent to who asked. */
static int send_shm(void *arg, struct err *e)
{
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), shm = -EBADF, fd = -EBADF;
	int sock = *(int *)arg;
	ssize_t n;

	shm = root < 0 ? -errno : inroot_open_nolinks(root, "/dev/shm", O_DIRECTORY);
	if (shm < 0)
		return err_set(e, shm, "open /dev/shm of the other container");
	fd = mount_clone(shm, "", true, e);
	if (fd < 0)
		return fd;
	n = fd_send(sock, "", 1, &fd, 1);
	return n < 0 ? err_set(e, (int)n, "pass /dev/shm on") : 0;
}

static int hold_shm(struct resolving *x, const struct record *other, struct err *e)
{
	_cleanup_close_ int ours = -EBADF, theirs = -EBADF;
	int pair[2], fd = -EBADF, r;
	size_t n = 1;
	char c;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a pair of sockets");
	ours = pair[0];
	theirs = pair[1];
	r = inside_call(other, CLONE_NEWNS, send_shm, &theirs, e);
	theirs = fd_close(theirs);
	if (r < 0)
		return r;
	if (fd_recv(ours, &c, 1, &fd, &n) != 1 || n != 1)
		return err_set(e, -EPROTO, "take /dev/shm of the other container");
	return hold_mount(x, "/dev/shm", fd, e);
}

/* The other one's process, whose number nobody else has while we look. */
static int hold_ns(struct resolving *x, enum spec_ns ns, const struct record *other, struct err *e)
{
	_cleanup_close_ int pidfd = proc_open(other->pid, other->pid_start);
	int fd = pidfd < 0 ? pidfd : ns_open_pid(other->pid, &ns_table[ns], e);

	if (fd >= 0 && sys_pidfd_send_signal(pidfd, 0) < 0) {
		fd_close(fd);
		fd = -ESRCH;
	}
	if (fd < 0)
		return err_kind(e, ERR_STATE, fd, "join the %s name space of container %s: it has ended",
				ns_table[ns].name, other->id);
	x->held->ns[ns] = fd;
	if (asprintf(&x->share[ns], "/proc/%d/ns/%s", other->pid, ns_table[ns].name) < 0) {
		x->share[ns] = NULL;
		return err_oom(e);
	}
	x->in.share[ns] = x->share[ns];
	return 0;
}

/* "container:NAME". */
static int resolve_shares(struct resolving *x, struct err *e)
{
	static const struct {
		enum spec_ns ns;
		const char *member, *what;
	} modes[] = { { NS_PID, "PidMode", "PID" },
		      { NS_IPC, "IpcMode", "IPC" },
		      { NS_NET, "NetworkMode", "network" } };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(modes) && r == 0; i++) {
		const char *other = startswith(value_text(x->c->host, modes[i].member) ?: "", "container:"), *ipc;
		_cleanup_row_ struct docker_row o = { 0 };
		_cleanup_record_ struct record rec = { .exit_status = -1 };

		if (!other)
			continue;
		r = docker_find(x->d, other, &o, e);
		if (r == 0 && docker_running(&o, &rec, e) < 0)
			r = err_kind(e, ERR_STATE, -ESRCH, "cannot join %s of a non running container: %s",
				     modes[i].what, o.id);
		if (r < 0 || modes[i].ns != NS_IPC) {
			r = r < 0 ? r : hold_ns(x, modes[i].ns, &rec, e);
			continue;
		}
		ipc = value_text(o.host, "IpcMode") ?: "";
		if (streq(ipc, "private") || streq(ipc, "none"))
			return err_kind(
				e, ERR_STATE, -EPERM,
				"cannot join IPC of container %s: non-shareable IPC (hint: use IpcMode:shareable "
				"for the donor container)",
				o.id);
		r = hold_ns(x, NS_IPC, &rec, e);
		if (r == 0 && !mounted_by_user(x, "/dev/shm"))
			r = hold_shm(x, &rec, e);
	}
	return r;
}

/* A part of a volume: what its path leads to now, inside the volume, whoever else writes there. */
static int resolve_parts(struct resolving *x, struct err *e)
{
	for (size_t i = 0; i < value_len(x->in.mounts); i++) {
		const struct json_c_value *m = value_elem(x->in.mounts, i);
		const char *sub = value_text(m, "Subpath"), *source = value_text(m, "Source") ?: "";
		_cleanup_close_ int volume = -EBADF, part = -EBADF;
		int fd, r;

		if (!sub)
			continue;
		volume = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		part = volume < 0 ? -errno : inroot_open_path(volume, sub, 0);
		if (part < 0)
			return err_kind(
				e, ERR_INVALID, part,
				"failed to mount volume subpath: cannot access path %s%s: no such file or directory",
				source, sub);
		fd = mount_clone(part, "", true, e);
		if (fd < 0)
			return fd;
		r = hold_mount(x, value_text(m, "Destination"), fd, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static void held_done(struct docker_held *h)
{
	fds_close_many(h->ns, NS_MAX);
	for (size_t i = 0; i < h->n_given; i++)
		fd_close(h->given[i].fd);
	free(h->given);
}

static int write_file(struct resolving *x, const char *name, const struct buf *text, char **ret, struct err *e)
{
	int r = buf_error(text, e);

	*ret = docker_path(x->d, x->c->id, name);
	if (r == 0 && !*ret)
		r = err_oom(e);
	return r == 0 ? file_replace_lazy(AT_FDCWD, *ret, buf_str(text), text->len, 0644, e) : r;
}

/* Files that say where it is, bound over the image's. */
static int resolve_files(struct resolving *x, struct err *e)
{
	_cleanup_buf_ struct buf hosts = BUF_INIT, name = BUF_INIT, resolv = BUF_INIT;
	int r = docker_net_hosts(x->d, x->c, &hosts, e);

	if (r == 0)
		r = docker_net_resolv(x->d, x->c, &resolv, e);
	if (r == 0)
		r = write_file(x, "hosts", &hosts, &x->hosts, e);
	if (r == 0)
		r = write_file(x, "resolv.conf", &resolv, &x->resolv, e);
	buf_printf(&name, "%s\n", x->config.hostname ?: "");
	if (r == 0)
		r = write_file(x, "hostname", &name, &x->hostname, e);
	x->in.hosts = x->hosts;
	x->in.hostname = x->hostname;
	x->in.resolv = x->resolv;
	return r;
}

static int resolve_init(struct resolving *x, struct err *e)
{
	if (!value_bool(x->c->host, "Init"))
		return 0;
	x->init = engine_resource(RES_INIT, "creel-init");
	if (!x->init)
		return err_kind(e, ERR_MISSING, -ENOENT, "the program creel-init is not installed");
	x->in.init = x->init;
	return 0;
}

/* The group of terminals, which an ordinary user without ids of his own in /etc/subgid has not. */
static bool has_tty_group(void)
{
	unsigned first, host, count;
	char map[4096], *save = NULL;

	if (file_read_small(AT_FDCWD, "/proc/self/gid_map", map, sizeof(map)) <= 0)
		return true;
	for (char *l = strtok_r(map, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (sscanf(l, "%u %u %u", &first, &host, &count) == 3 && first <= 5 && 5 - first < count)
			return true;
	return false;
}

int docker_spec_of(struct docker *d, struct docker_row *c, struct spec *ret, struct docker_held *held, struct err *e)
{
	_cleanup_free_ struct resolving *x = calloc(1, sizeof(*x));
	struct utsname host;
	int r;

	if (!x)
		return err_oom(e);
	*x = (struct resolving){ .d = d, .c = c, .held = held };
	r = docker_config(c, &x->config, e);
	x->in.id = c->id;
	x->in.config = &x->config;
	x->in.host = c->host;
	x->in.no_tty_group = !has_tty_group();
	x->in.mounts = value_get(c->doc, "Mounts");
	x->in.rootfs = value_text(c->doc, "Rootfs");
	if (r == 0)
		r = resolve_user(x, e);
	if (r == 0)
		r = resolve_devices(x, e);
	if (r == 0)
		r = resolve_shares(x, e);
	if (r == 0)
		r = resolve_init(x, e);
	if (r == 0)
		r = docker_mounts_check(c, e);
	if (r == 0)
		r = docker_volumes_mount(d, c, e);
	if (r == 0)
		r = resolve_parts(x, e);
	/* Networks first: they know the addresses that the files name. */
	if (r == 0)
		r = docker_net_prepare(d, c, ret, e);
	if (r == 0)
		r = resolve_files(x, e);
	if (r == 0)
		r = docker_net_names(d, c->id, e);
	x->in.kernel = uname(&host) == 0 ? host.release : NULL;
	x->in.apparmor = lsm_active() == LSM_APPARMOR && !engine_rootless();
	x->in.selinux = lsm_active() == LSM_SELINUX;
	if (r == 0)
		r = docker_spec(&x->in, ret, e);
	resolving_done(x);
	return r;
}

/* --- one life ------------------------------------------------------------------------------------------------------------ */

struct life {
	struct docker *d;
	struct docker_row *c;
	int dirfd; /* the container's folder */
	struct spec spec;
	struct docker_held held;
	struct plan plan;
	struct plan_opts opts;
	struct run run;
	struct supervise sup;
	char *cgroup, *keeper, *self;
	bool planned, tty, input, once;
	int64_t probe;
	int ours[3], theirs[3]; /* ends of its streams: the keeper's, its own */
	int run_fd;
};

static void life_done(struct life *l)
{
	run_done(&l->run);
	if (l->planned)
		plan_done(&l->plan);
	spec_done(&l->spec);
	held_done(&l->held);
	free(l->cgroup);
	free(l->keeper);
	free(l->self);
	fds_close_many(l->ours, 3);
	fds_close_many(l->theirs, 3);
	fd_close(l->run_fd);
}
#define _cleanup_life_ _cleanup_(life_done)

/* On v2 a unit of his own service manager, or beside where he is, if that is his to divide; where it is not, and a limit is
 * asked for, making the group says so. On v1 nothing is anybody's but root's: what was asked for was told at create. */
static int pick_user_group(struct life *l, struct cg_host *h, struct err *e)
{
	int r;

	if (cg_host_layout(h) != CG_V2) {
		field_clear(field_row(spec_fields, "cgroup.items", strlen("cgroup.items")), &l->spec);
		return 0;
	}
	r = cg_user_unit(h, "creel", l->c->id, &l->cgroup, NULL);
	if (r < 0)
		r = cg_oci_path(h, NULL, true, l->c->id, &l->cgroup, e);
	l->opts.cgroup = l->cgroup;
	return r;
}

static int pick_group(struct life *l, struct err *e)
{
	const char *parent = value_text(l->c->host, "CgroupParent");
	_cleanup_free_ char *path = NULL;
	struct cg_host *h;
	int r;

	r = engine_cgroups(l->d->engine, &h, e);
	if (r < 0 || cg_host_layout(h) == CG_NONE)
		return r;
	if (l->opts.rootless)
		return pick_user_group(l, h, e);
	/* No group above of our own: it would be made and removed with each, in every hierarchy. */
	if (asprintf(&path, "%s%s%s%s", isempty(parent) || *parent != '/' ? "/" : "",
		     isempty(parent) ? "creel" : parent, isempty(parent) ? "-" : "/", l->c->id) < 0)
		return err_oom(e);
	r = cg_oci_path(h, path, false, l->c->id, &l->cgroup, e);
	l->opts.cgroup = l->cgroup;
	return r;
}

static int make_plan(struct life *l, struct err *e)
{
	char paths[NS_MAX][FD_PATH_MAX];
	int r;

	l->opts = (struct plan_opts){ .id = l->c->id,
				      .run_dir = l->d->engine->run_dir,
				      .uid = -1,
				      .gid = -1,
				      .rootless = engine_rootless(),
				      .oci = true };
	l->opts.given = l->held.given;
	l->opts.n_given = l->held.n_given;
	for (int i = 0; i < NS_MAX; i++)
		if (l->held.ns[i] >= 0)
			l->opts.share[i] = fd_path(l->held.ns[i], paths[i]);
	r = pick_group(l, e);
	if (r == 0)
		r = plan_compile(&l->spec, &l->opts, &l->plan, e);
	l->planned = r == 0;
	return r;
}

static int make_streams(struct life *l, struct err *e)
{
	_cleanup_close_ int null = -EBADF;

	if (l->tty)
		return 0;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_set(e, -errno, "open /dev/null");
	for (int i = 0; i < 3; i++) {
		int p[2];

		if (i == 0 && !l->input) {
			l->theirs[0] = TAKE_FD(null);
			continue;
		}
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_set(e, -errno, "make a pipe");
		l->theirs[i] = p[i != 0];
		l->ours[i] = p[i == 0];
	}
	memcpy(l->run.stdio, l->theirs, sizeof(l->theirs));
	return 0;
}

static int say(int ctl, struct keeper_msg *m, const int *fds, size_t n, struct err *e)
{
	ssize_t r = fd_send(ctl, m, sizeof(*m), fds, n);

	return r < 0 ? err_set(e, (int)r, "tell the keeper") : 0;
}

static int tell_keeper(void *arg, int ctl, struct run *run, struct err *e)
{
	struct life *l = arg;
	struct keeper_msg m = { .type = KM_STREAMS, .flags = l->once ? KEEPER_ONCE : 0 };
	_cleanup_close_ int log = -EBADF;
	int fds[3], r = 0;
	size_t n = 0;

	for (int i = 0; i < 3; i++)
		if (l->ours[i] >= 0) {
			fds[n++] = l->ours[i];
			m.flags |= 1u << i;
		}
	if (!l->tty)
		r = say(ctl, &m, fds, n, e);
	if (r == 0)
		r = docker_log_open(l->d, l->c, &log, &m, e);
	if (r == 0 && log >= 0)
		r = say(ctl, &m, &log, 1, e);
	if (r == 0 && l->probe) {
		m = (struct keeper_msg){ .type = KM_PROBE, .max = (uint64_t)l->probe };
		r = say(ctl, &m, NULL, 0, e);
	}
	/* Two ends of each pipe are in the first process and in the keeper: ours would keep it from ending. */
	return r == 0 ? docker_give_clients(l->dirfd, ctl, e) : r;
}

static int copy_to(char **at, const char *s, struct err *e)
{
	if (!s)
		return 0;
	*at = strdup(s);
	return *at ? 0 : err_oom(e);
}

static int fill_record(struct life *l, struct err *e)
{
	struct record *rec = &l->run.rec;
	int r;

	rec->ns_cloned = l->plan.ns_cloned;
	rec->cap_mask = l->plan.cap_mask;
	rec->has_userns = l->plan.has_userns;
	r = copy_to(&rec->id, l->c->id, e);
	if (r == 0)
		r = copy_to(&rec->name, l->c->name, e);
	if (r == 0)
		r = copy_to(&rec->cgroup, l->cgroup, e);
	if (r == 0)
		r = copy_to(&rec->data, l->d->images->root, e);
	for (unsigned i = 0; i < l->plan.n_nets && r == 0; i++) {
		const struct net_dev *d = &l->plan.nets[i];

		r = strv_push(&rec->host_ifs, *d->host_name ? d->host_name : "-", e);
		if (r == 0)
			r = strv_push(&rec->links, "-", e);
	}
	return r;
}

static int prepare(struct life *l, int ctl_fd, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct run *run = &l->run;
	int r;

	l->run_fd = record_open_dir(l->c->id, true, e);
	if (l->run_fd < 0)
		return l->run_fd;
	run->plan = &l->plan;
	run->spec = &l->spec;
	run->opts = &l->opts;
	run->log = l->d->log;
	run->dirfd = l->run_fd;
	l->keeper = engine_resource(RES_KEEPER, "creel-keeper");
	l->self = engine_self();
	if (!l->keeper || !l->self)
		return err_kind(e, ERR_MISSING, -ENOENT, "the program creel-keeper is not installed");
	l->sup = (struct supervise){ .keeper = l->keeper,
				     .creel = l->self,
				     .peer_fd = -EBADF,
				     .commands_fd = -EBADF,
				     .ctl_fd = ctl_fd,
				     .more = tell_keeper,
				     .arg = l };
	r = spec_dump(&l->spec, &text, e);
	if (r == 0)
		r = file_replace(run->dirfd, "spec", buf_str(&text), text.len, 0600, false, e);
	if (r == 0)
		r = fill_record(l, e);
	if (r == 0 && l->plan.seccomp.len)
		r = seccomp_prog_save(&l->plan.seccomp, run->dirfd, "seccomp", e);
	if (r == 0 && l->plan.rootfs_mount && mkdir(l->plan.rootfs_mount, 0755) < 0 && errno != EEXIST)
		r = err_set(e, -errno, "create %s", l->plan.rootfs_mount);
	if (r == 0 && l->cgroup) {
		r = engine_cgroups(l->d->engine, &run->cg_host, e);
		l->d->engine->cg_host = NULL; /* the run's from here on */
	}
	return r == 0 ? make_streams(l, e) : r;
}

static int live(struct docker *d, struct docker_row *c, int dirfd, int ctl_fd, bool *ret_health, struct err *e)
{
	_cleanup_life_ struct life l = { .d = d,
					 .c = c,
					 .dirfd = dirfd,
					 .ours = { -EBADF, -EBADF, -EBADF },
					 .theirs = { -EBADF, -EBADF, -EBADF },
					 .run_fd = -EBADF };
	struct container_config config;
	int r;

	run_init(&l.run);
	spec_init(&l.spec);
	for (int i = 0; i < NS_MAX; i++)
		l.held.ns[i] = -EBADF;
	r = docker_config(c, &config, e);
	l.tty = config.tty;
	l.input = config.open_stdin;
	l.once = config.stdin_once;
	l.probe = docker_health_first(&config);
	*ret_health = l.probe > 0;
	container_config_done(&config);
	if (r == 0)
		r = docker_spec_of(d, c, &l.spec, &l.held, e);
	if (r == 0)
		r = make_plan(&l, e);
	if (r == 0)
		r = prepare(&l, ctl_fd, e);
	if (r == 0)
		r = ctl_fd >= 0 ? start_again(&l.run, &l.sup, e) : start_detached(&l.run, &l.sup, e);
	if (r < 0) {
		_cleanup_free_ char *dir = path_join(d->engine->run_dir, c->id);

		if (dir && l.run_fd >= 0 && !file_exists(l.run_fd, "journal"))
			(void)tree_remove(AT_FDCWD, dir, NULL);
	}
	return r;
}

/* As a shell has it, and Docker's client. */
static int failed_code(int r, const struct err *e)
{
	return r == -ENOENT && e && startswith(e->msg, "exec:") ? 127
	       : r == -EACCES || r == -ENOEXEC			? 126
	       : r == -ENOENT					? 127
								: 128;
}

int docker_start_locked(struct docker *d, struct docker_row *c, int dirfd, struct docker_state *st, int ctl_fd,
			struct err *e)
{
	struct err own = { 0 };
	bool health = false;
	int r;

	e = e ?: &own;
	/* Said before, so that what ends at once, and whose keeper writes after us, is not overwritten. */
	*st = (struct docker_state){ .status = DS_RUNNING,
				     .started_ns = docker_now(),
				     .restarts = st->restarts,
				     .finished_ns = st->finished_ns };
	r = docker_state_write(dirfd, st, e);
	if (r == 0)
		r = live(d, c, dirfd, ctl_fd, &health, e);
	if (r < 0) {
		/* What cannot be executed is the request's fault, and not something that is not found here. */
		if (startswith(e->msg, "exec:")) {
			e->kind = ERR_INVALID;
			r = e->code = r == -EISDIR ? -EACCES : r;
		}
		st->status = DS_CREATED;
		st->started_ns = 0;
		st->exit_code = failed_code(r, e);
		st->error = strdup(e->msg);
		(void)docker_state_write(dirfd, st, NULL);
		docker_net_stopped(d, c->id);
		docker_volumes_unmount(d, c);
		/* Who waited for it to begin waits in vain. */
		(void)docker_give_clients(dirfd, -EBADF, NULL);
		return r;
	}
	if (health) {
		st->health = DH_STARTING;
		unlinkat(dirfd, "health", 0);
		(void)docker_state_write(dirfd, st, NULL);
	}
	docker_event(d, c, "start", NULL);
	return 0;
}

static int start(struct docker *d, struct docker_row *c, int dirfd, struct err *e)
{
	_cleanup_state_ struct docker_state st = { 0 };
	int r = docker_state_read(dirfd, c->id, &st, e);

	if (r < 0)
		return r;
	if (st.status == DS_PAUSED)
		return err_kind(e, ERR_STATE, -EBUSY, "cannot start a paused container, try unpause instead");
	if (st.status == DS_RUNNING)
		return 1;
	if (st.status == DS_REMOVING || st.status == DS_DEAD)
		return err_kind(e, ERR_STATE, -EBUSY, "container is marked for removal and cannot be started");
	r = docker_recover(d, c->id, e);
	if (r < 0)
		return r;
	st.restarts = 0;
	return docker_start_locked(d, c, dirfd, &st, -EBADF, e);
}

int docker_start(struct docker *d, const char *id, struct err *e)
{
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_close_ int lock = -EBADF, dirfd = -EBADF;
	_cleanup_(container_freep) struct container *lxc = NULL;
	int r = docker_find(d, id, &c, e);

	if (r == -ENOENT && (lxc = docker_lxc_load(d, id, e)))
		return docker_lxc_start(lxc, e);
	if (r < 0)
		return r;
	lock = record_lock(c.id, true, e);
	if (lock < 0)
		return lock;
	dirfd = docker_dir(d, c.id, e);
	if (dirfd < 0)
		return dirfd == -ENOENT ? err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such container: %s", id) : dirfd;
	r = start(d, &c, dirfd, e);
	/* Who waits for it to begin, and may be the one who asked for it, waits in vain. */
	if (r < 0)
		(void)docker_give_clients(dirfd, -EBADF, NULL);
	return r;
}
