/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OCI containers: where they are, what is known of them. Questions only; oci-create.c and oci-life.c change things. */

#include "engine/oci-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cgroup/metrics.h"
#include "runtime/run.h"
#include "spec/field.h"
#include "sys/passwd.h"

#define NAME_LEN_MAX 1024

const char *const oci_status_names[] = {
	[OCI_CREATING] = "creating", [OCI_CREATED] = "created", [OCI_RUNNING] = "running",
	[OCI_PAUSED] = "paused",     [OCI_STOPPED] = "stopped", NULL
};

/* --- the root ------------------------------------------------------------------------------------------------------------ */

/* Absolute and in one spelling, whether it is there or not: ids are made from it. */
static char *one_spelling(const char *root)
{
	_cleanup_free_ char *here = NULL;
	char *real = realpath(root, NULL);

	if (real || *root == '/')
		return real ?: strdup(root);
	here = getcwd(NULL, 0);
	return here ? path_join(here, root) : NULL;
}

int oci_open(const struct oci_opts *o, struct oci **ret, struct err *e)
{
	_cleanup_(oci_freep) struct oci *r = calloc(1, sizeof(*r));
	_cleanup_free_ char *all = NULL;
	int x;

	if (!r)
		return err_oom(e);
	r->log = o->log;
	r->systemd_cgroup = o->systemd_cgroup;
	r->no_cgroup = o->no_cgroup;
	r->crun = o->crun;
	x = run_dir(false, &all, e);
	if (x < 0)
		return x;
	r->root = isempty(o->root) ? strdup(all) : one_spelling(o->root);
	if (!r->root)
		return err_oom(e);
	r->shared = streq(r->root, all);
	*ret = TAKE_PTR(r);
	return 0;
}

struct oci *oci_free(struct oci *r)
{
	if (!r)
		return NULL;
	free(r->root);
	cg_host_free(r->cg_host);
	free(r);
	return NULL;
}

int oci_cgroups(struct oci *r, struct cg_host **ret, struct err *e)
{
	if (!r->cg_host) {
		int x = cg_host_open(NULL, &r->cg_host, e);

		if (x < 0)
			return x;
		cg_host_oci(r->cg_host, &r->cg_oci);
	}
	*ret = r->cg_host;
	return 0;
}

int oci_name_check(const char *name, struct err *e)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
	size_t n = strlen(name), ok = strspn(name, good);

	if (!n)
		return err_kind(e, ERR_INVALID, -EINVAL, "container id cannot be empty");
	if (ok != n && name[ok] > ' ' && name[ok] < 0x7f)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"invalid container ID format: invalid character `%c` in the ID", name[ok]);
	if (ok != n || n > NAME_LEN_MAX || streq(name, ".") || streq(name, ".."))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid container ID format");
	if (n > NAME_MAX)
		return err_kind(e, ERR_LIMIT, -ENAMETOOLONG, "invalid container ID format: longer than %d bytes",
				NAME_MAX);
	return 0;
}

int oci_id(struct oci *r, const char *name, char **ret, struct err *e)
{
	/* An LXC container of another lxcpath is asked for by its id. */
	if (r->shared && strchr(name, '@') && path_is_component(name)) {
		*ret = strdup(name);
		return *ret ? 0 : err_oom(e);
	}
	return record_id(r->shared ? NULL : r->root, name, ret, e);
}

int oci_open_dir(struct oci *r, const char *name, bool make, struct err *e)
{
	_cleanup_free_ char *id = NULL;
	int fd;

	if (!r->shared)
		return record_open_root(r->root, name, make, e);
	fd = oci_id(r, name, &id, e);
	if (fd < 0)
		return fd;
	if (make) {
		_cleanup_free_ char *all = NULL, *dir = NULL;

		fd = run_dir(true, &all, e);
		if (fd < 0)
			return fd;
		dir = path_join(all, id);
		if (!dir)
			return err_oom(e);
		if (mkdir(dir, 0700) < 0)
			return errno == EEXIST
				       ? err_kind(e, ERR_EXISTS, -EEXIST, "container with given ID already exists")
				       : err_set(e, -errno, "create %s", dir);
	}
	return record_open_dir(id, false, e);
}

int oci_dir_path(struct oci *r, const char *name, const char *id, char **ret, struct err *e)
{
	_cleanup_free_ char *all = NULL;
	int x = r->shared ? run_dir(false, &all, e) : 0;

	if (x < 0)
		return x;
	*ret = r->shared ? path_join(all, id) : path_join(r->root, name);
	return *ret ? 0 : err_oom(e);
}

int oci_forget(struct oci *r, const char *name, const char *id, struct err *e)
{
	_cleanup_free_ char *all = NULL, *dir = NULL, *lock = NULL;
	int x = run_dir(false, &all, e);

	if (x < 0)
		return x;
	dir = path_join(all, id);
	if (!dir || asprintf(&lock, "%s/locks/%s", all, id) < 0)
		return err_oom(e);
	x = r->shared ? tree_remove(AT_FDCWD, dir, e) : record_forget_root(r->root, name, e);
	/* Who waits for the lock sees that its file has gone, and makes a new one. */
	unlink(lock);
	return x;
}

int oci_list(struct oci *r, struct strv *ret, struct err *e)
{
	DIR *d = opendir(r->root);
	struct dirent *de;
	int x = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", r->root);
	while (x == 0 && (de = readdir(d))) {
		char path[NAME_MAX + sizeof("/state")];

		/* A link is a container of another root. */
		if (streq(de->d_name, ".") || streq(de->d_name, "..") ||
		    (de->d_type != DT_DIR && de->d_type != DT_UNKNOWN))
			continue;
		snprintf(path, sizeof(path), "%s/state", de->d_name);
		if (faccessat(dirfd(d), path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			x = strv_push(ret, de->d_name, e);
	}
	closedir(d);
	strv_sort(ret);
	return x;
}

/* --- one container ------------------------------------------------------------------------------------------------------ */

struct oci_container *oci_container_free(struct oci_container *c)
{
	if (!c)
		return NULL;
	free(c->name);
	free(c->id);
	record_done(&c->rec);
	spec_done(&c->spec);
	fd_close(c->dirfd);
	fd_close(c->lock);
	free(c);
	return NULL;
}

static enum oci_status status_of(const struct oci_container *c)
{
	switch (c->rec.state) {
	case RUN_STOPPED:
		return OCI_STOPPED;
	case RUN_STARTING:
		if (!record_alive(&c->rec))
			return OCI_CREATING; /* by its keeper */
		return file_exists(c->dirfd, RUN_START_NAME) ? OCI_CREATED : OCI_CREATING;
	case RUN_FROZEN:
		return OCI_PAUSED;
	default:
		return OCI_RUNNING;
	}
}

int oci_container_spec(struct oci_container *c, bool whole, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r;

	if (c->loaded && (c->whole || !whole))
		return 0;
	spec_done(&c->spec);
	spec_init(&c->spec);
	r = file_read(c->dirfd, "spec", 16u << 20, &text, NULL, e);
	if (r == 0)
		r = spec_load_without(&c->spec, text, whole ? NULL : "security.seccomp.rules.", e);
	c->loaded = r == 0;
	c->whole = whole;
	return r < 0 ? err_wrap(e, r, "what is kept of container %s", c->name) : 0;
}

int oci_container_freezer(struct oci_container *c, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	bool frozen = false;

	/* Whoever froze it, ourselves or another. */
	if ((c->status != OCI_RUNNING && c->status != OCI_PAUSED && c->status != OCI_CREATED) || !c->rec.cgroup)
		return 0;
	if (oci_cgroup(c, &g, e) < 0 || cg_is_frozen(g, &frozen, e) < 0) {
		err_clear(e);
		return 0;
	}
	if (frozen)
		c->status = OCI_PAUSED;
	else if (c->status == OCI_PAUSED)
		c->status = OCI_RUNNING;
	return 0;
}

static int not_there(struct err *e)
{
	err_clear(e);
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "container does not exist");
}

int oci_container_open(struct oci *r, const char *name, unsigned flags, struct oci_container **ret, struct err *e)
{
	_cleanup_(oci_container_freep) struct oci_container *c = calloc(1, sizeof(*c));
	int x;

	if (!c)
		return err_oom(e);
	c->oci = r;
	c->dirfd = c->lock = -EBADF;
	c->rec.exit_status = -1;
	spec_init(&c->spec);
	/* No such name can be there; nor is it looked for. */
	if (!(r->shared && strchr(name, '@') && path_is_component(name)) && oci_name_check(name, e) < 0)
		return e ? e->code : -EINVAL;
	c->name = strdup(name);
	if (!c->name)
		return err_oom(e);
	x = oci_id(r, name, &c->id, e);
	if (x < 0)
		return x;
	c->dirfd = oci_open_dir(r, name, false, e);
	if (c->dirfd == -ENOENT || c->dirfd == -ENOTDIR || c->dirfd == -ELOOP)
		return not_there(e);
	if (c->dirfd < 0)
		return c->dirfd;
	if (flags & OCI_LOCK) {
		c->lock = record_lock(c->id, true, e);
		if (c->lock < 0)
			return c->lock;
	}
	x = record_read(c->dirfd, &c->rec, e);
	if (x == -ENOENT)
		return not_there(e);
	if (x < 0)
		return err_wrap(e, x, "container %s", name);
	c->status = status_of(c);
	if (flags & OCI_FREEZER)
		x = oci_container_freezer(c, e);
	/* Of one that is still being created nothing may be kept yet. */
	if (x == 0 && flags & OCI_SPEC && c->status != OCI_STOPPED && c->status != OCI_CREATING)
		x = oci_container_spec(c, false, e);
	if (x < 0)
		return x;
	*ret = TAKE_PTR(c);
	return 0;
}

void oci_words_done(struct oci_words *w)
{
	free(w->bundle);
	free(w->rootfs);
	free(w->owner);
}

/* As the host's passwd says it, and the number where it does not. */
static char *owner_of(int dirfd)
{
	_cleanup_close_ int root = -EBADF;
	_cleanup_free_ struct passwd_user *user = NULL;
	char spec[16], *out;
	struct stat st;

	if (fstat(dirfd, &st) < 0)
		return strdup("");
	if (st.st_uid == 0)
		return strdup("root");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	user = calloc(1, sizeof(*user));
	snprintf(spec, sizeof(spec), "%u", st.st_uid);
	if (user && passwd_find(root, spec, user, NULL) == 0 && *user->name)
		return strdup(user->name);
	return asprintf(&out, "#%u", st.st_uid) < 0 ? NULL : out;
}

int oci_describe(struct oci_container *c, struct oci_words *w, struct oci_state *ret, struct err *e)
{
	const char *rootfs;
	int r = 0;

	/* Of one that has ended and left no spec, the record is all there is. */
	if (oci_container_spec(c, false, e) < 0)
		err_clear(e);
	/* "dir:/path", "overlay:…". */
	rootfs = c->spec.rootfs.path ?: "";
	rootfs = startswith(rootfs, "dir:") ?: rootfs;
	if (c->rec.bundle)
		w->bundle = strdup(c->rec.bundle);
	else if (c->rec.lxcpath)
		w->bundle = path_join(c->rec.lxcpath, c->rec.name);
	else
		w->bundle = strdup("");
	w->rootfs = strdup(rootfs);
	w->owner = owner_of(c->dirfd);
	if (!w->bundle || !w->rootfs || !w->owner)
		return err_oom(e);
	*ret = (struct oci_state){
		.version = c->rec.version,
		.id = c->name,
		.status = oci_status_names[c->status],
		.bundle = w->bundle,
		.pid = c->status == OCI_STOPPED ? 0 : c->rec.pid,
		.annotations = &c->spec.annotations,
		.rootfs = w->rootfs,
		.owner = w->owner,
		.created_ns = (uint64_t)(c->rec.created_ns ?: c->rec.started_ns),
	};
	return r;
}

int oci_cgroup(struct oci_container *c, struct cg **ret, struct err *e)
{
	struct cg_host *h;
	int r;

	c->oci->cg_oci.systemd = c->rec.systemd_cgroup;
	if (!c->rec.cgroup)
		return err_kind(e, ERR_STATE, -ENOENT, "container %s has no control group", c->name);
	r = oci_cgroups(c->oci, &h, e);
	return r < 0 ? r : cg_open(h, c->rec.cgroup, ret, e);
}

int oci_pids(struct oci_container *c, pid_t **ret, size_t *ret_n, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r = oci_cgroup(c, &g, e);

	if (r == 0)
		return cg_pids(g, ret, ret_n, e);
	/* No group, no processes: of a container that has stopped that is no failure. */
	if (c->status != OCI_STOPPED)
		return r;
	err_clear(e);
	*ret = NULL;
	*ret_n = 0;
	return 0;
}

int oci_stats(struct oci_container *c, struct json *j, struct err *e)
{
	_cleanup_cg_metrics_ struct cg_metrics m = { 0 };
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r = oci_cgroup(c, &g, e);

	if (r == 0)
		r = cg_metrics_read(g, &m, e);
	if (r < 0)
		return r;
	json_object(j);
	cg_stats_json(&m, j);
	json_key(j, "intel_rdt");
	json_object(j);
	json_end_object(j);
	json_key(j, "network_interfaces");
	json_null(j);
	json_end_object(j);
	return 0;
}
