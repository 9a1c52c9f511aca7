/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One container: its definition and its record, and the questions that change nothing. */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "dialect/oci/oci.h"
#include "engine/copy-inner.h"
#include "net/net.h"
#include "spec/field.h"
#include "store/swap.h"
#include "sys/ns.h"

struct container *container_free(struct container *c)
{
	if (!c)
		return NULL;
	free(c->name);
	free(c->lxcpath);
	free(c->id);
	free(c->dir);
	free(c->config);
	spec_done(&c->spec);
	record_done(&c->rec);
	free(c);
	return NULL;
}

int container_refresh(struct container *c, struct err *e)
{
	_cleanup_close_ int dirfd = record_open_dir(c->id, false, NULL);
	struct record rec = { .exit_status = -1 };
	int r;

	if (dirfd < 0) {
		record_done(&c->rec);
		return 0;
	}
	r = record_read(dirfd, &rec, e);
	if (r == -ENOENT) {
		/* A start that has made the directory and not yet written the record, or a create. */
		err_clear(e);
		r = 0;
	}
	if (r < 0)
		return r;
	record_done(&c->rec);
	c->rec = rec;
	return 0;
}

/* The spec of a container that runs is what it was started with, whatever the file says by now. */
static int load_running_spec(struct container *c, struct err *e)
{
	_cleanup_close_ int dirfd = record_open_dir(c->id, false, e);
	_cleanup_free_ char *text = NULL;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = file_read(dirfd, "spec", 16u << 20, &text, NULL, e);
	/* An OCI container that is still being created. */
	if (r == -ENOENT && c->rec.state == RUN_STARTING)
		return err_clear(e), 0;
	return r < 0 ? r : spec_load(&c->spec, text, e);
}

static int load_config(struct container *c, struct err *e)
{
	_cleanup_(lxc_config_freep) struct lxc_config *conf = NULL;
	int r = lxc_config_load(c->config, &conf, e);

	return r < 0 ? r : spec_copy(&c->spec, lxc_config_spec(conf), e);
}

static bool is_over(const struct record *rec)
{
	return rec->state == RUN_STOPPED || rec->state == RUN_STOPPING || rec->state == RUN_ABORTING;
}

static int load_spec(struct container *c, struct err *e)
{
	int r = c->rec.state != RUN_STOPPED ? load_running_spec(c, e) : -ENOENT;

	if (r == -ENOENT && c->rec.state != RUN_STOPPED) {
		/* Its end, since the record was read, takes what it was started with before it says so. */
		r = container_refresh(c, NULL);
		if (r == 0 && !is_over(&c->rec))
			return -ENOENT;
		err_clear(e);
		r = -ENOENT;
	}
	return r == -ENOENT ? (c->defined ? load_config(c, e) : 0) : r;
}

/* One that an image was made into has an id that nobody types: *RET is the id of the one by that name, NULL: none runs. */
static int id_of_image_container(const char *run_dir, const char *name, char **ret, struct err *e)
{
	DIR *d = opendir(run_dir);
	struct dirent *de;
	int r = 0;

	while (d && r == 0 && !*ret && (de = readdir(d))) {
		_cleanup_record_ struct record rec = { .exit_status = -1 };
		_cleanup_close_ int fd = -EBADF;

		if (strlen(de->d_name) != 64)
			continue;
		fd = record_open_dir(de->d_name, false, NULL);
		if (fd < 0 || record_read(fd, &rec, NULL) < 0 || !rec.data || !streq(rec.name, name))
			continue;
		*ret = strdup(de->d_name);
		r = *ret ? 0 : err_oom(e);
	}
	if (d)
		closedir(d);
	return r;
}

/* A container that an OCI runtime made, or an image, has no lxcpath. The first goes by its id alone. */
static int maybe_oci(struct container *c, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int own = record_open_dir(c->id, false, NULL), dirfd = -EBADF;
	_cleanup_free_ char *id = NULL;
	int r = 0;

	if (own >= 0 || c->defined)
		return 0;
	if (!streq(c->id, c->name))
		dirfd = record_open_dir(c->name, false, NULL);
	if (dirfd >= 0 && record_read(dirfd, &rec, NULL) == 0 && (rec.bundle || rec.data))
		r = (id = strdup(c->name)) ? 0 : err_oom(e);
	else if (dirfd < 0 && c->engine->usual_path)
		r = id_of_image_container(c->engine->run_dir, c->name, &id, e);
	if (!id)
		return r;
	free(c->id);
	c->id = TAKE_PTR(id);
	return 0;
}

/* *RET: the id of the one container of this name that lies in an OCI runtime's other root; NULL: there is none. */
static int find_elsewhere(const char *run, const char *name, char **ret, struct err *e)
{
	DIR *d = opendir(run);
	struct dirent *de;
	size_t len = strlen(name);
	int r = 0;

	while (d && r == 0 && (de = readdir(d))) {
		_cleanup_record_ struct record rec = { .exit_status = -1 };
		_cleanup_close_ int fd = -EBADF;

		if (strncmp(de->d_name, name, len) != 0 || de->d_name[len] != '@')
			continue;
		fd = record_open_dir(de->d_name, false, NULL);
		if (fd < 0 || record_read(fd, &rec, NULL) < 0 || !rec.bundle || !streq_ptr(rec.name, name))
			continue;
		if (*ret) {
			r = err_kind(e, ERR_INVALID, -EEXIST, "several roots have a container '%s'", name);
			r = err_hint(e, r, "say which: %s or %s", *ret, de->d_name);
		} else {
			*ret = strdup(de->d_name);
			r = *ret ? 0 : err_oom(e);
		}
	}
	if (d)
		closedir(d);
	return r;
}

/* For who asks for one that is there: wherever it is. */
static int look_elsewhere(struct container *c, struct err *e)
{
	_cleanup_free_ char *id = NULL;
	int r;

	if (c->defined || c->rec.id)
		return 0;
	r = find_elsewhere(c->engine->run_dir, c->name, &id, e);
	if (r < 0 || !id)
		return r;
	free(c->id);
	c->id = TAKE_PTR(id);
	return container_refresh(c, e);
}

static int fill(struct container *c, struct engine *g, const char *lxcpath, const char *name, const char *rcfile,
		struct err *e)
{
	int r = spec_name_check(name, e);

	if (r < 0)
		return r;
	c->engine = g;
	c->name = strdup(name);
	c->lxcpath = strdup(lxcpath);
	c->dir = path_join(lxcpath, name);
	if (!c->name || !c->lxcpath || !c->dir)
		return err_oom(e);
	r = record_id(lxcpath, name, &c->id, e);
	if (r < 0)
		return r;
	if (rcfile)
		c->config = strdup(rcfile);
	else if (asprintf(&c->config, "%s/config", c->dir) < 0)
		c->config = NULL;
	if (!c->config)
		return err_oom(e);
	/* A rename or a restore was killed: it is finished, or what there is of it dropped. Who is at it holds the lock. */
	if (!g->dry_run && swap_pending(c->dir)) {
		_cleanup_close_ int lock = record_lock(c->id, false, NULL);

		if (lock >= 0)
			(void)copy_settle(c->dir, NULL);
	}
	c->defined = file_exists(AT_FDCWD, c->config) && (rcfile || !copy_is_partial(c->dir));
	return maybe_oci(c, e);
}

int container_check_finished(const struct container *c, struct err *e)
{
	if (!copy_is_partial(c->dir))
		return 0;
	err_kind(e, ERR_STATE, -EBUSY, "it is being made, or its making was interrupted");
	return err_hint(e, -EBUSY, "what nobody is at work on is removed by lxc-destroy, or by creel doctor --fix");
}

static int open_at(struct engine *g, const char *lxcpath, const char *name, const char *rcfile, unsigned flags,
		   struct container **ret, struct err *e)
{
	_cleanup_(container_freep) struct container *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_oom(e);
	c->rec.exit_status = -1;
	spec_init(&c->spec);
	r = fill(c, g, lxcpath, name, rcfile, e);
	if (r == 0)
		r = container_refresh(c, e);
	if (r < 0)
		return r;
	if (flags & OPEN_MUST_EXIST)
		r = look_elsewhere(c, e);
	if (r == 0 && (flags & OPEN_MUST_EXIST) && !c->rec.id)
		r = container_check_finished(c, e);
	if (r < 0)
		return r;
	if ((flags & OPEN_MUST_EXIST) && !c->defined && !c->rec.id)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "no such container (looked for %s)", c->config);
	if (rcfile && !c->defined)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "configuration file %s does not exist", rcfile);
	if (!(flags & OPEN_NO_CONFIG)) {
		r = rcfile ? load_config(c, e) : load_spec(c, e);
		if (r < 0)
			return r;
	}
	if (!c->spec.name) {
		c->spec.name = strdup(name);
		if (!c->spec.name)
			return err_oom(e);
	}
	*ret = TAKE_PTR(c);
	return 0;
}

int container_open(struct engine *g, const char *name, const char *rcfile, unsigned flags, struct container **ret,
		   struct err *e)
{
	return open_at(g, g->lxcpath, name, rcfile, flags, ret, e);
}

int container_open_in(struct engine *g, const char *lxcpath, const char *name, unsigned flags, struct container **ret,
		      struct err *e)
{
	_cleanup_free_ char *real = realpath(lxcpath, NULL);

	return open_at(g, real ?: lxcpath, name, NULL, flags, ret, e);
}

bool container_has_data(const struct container *c)
{
	return c->rec.data;
}

enum run_state container_state(struct container *c)
{
	return c->rec.state;
}

int container_wait(struct container *c, unsigned states, int timeout_ms, enum run_state *ret, struct err *e)
{
	return record_wait(c->id, states, timeout_ms, ret, e);
}

/* --- figures ------------------------------------------------------------------------------------------------------------- */

int container_cgroup(struct container *c, struct cg **ret, struct err *e)
{
	struct cg_host *h;
	int r;

	if (c->rec.state == RUN_STOPPED)
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	if (!c->rec.cgroup)
		return err_hint(e, err_kind(e, ERR_STATE, -EOPNOTSUPP, "container has no control group of its own"),
				"an ordinary user's container has one where a group has been delegated to him");
	r = engine_cgroups(c->engine, &h, e);
	return r < 0 ? r : cg_open(h, c->rec.cgroup, ret, e);
}

int container_cgroup_get(struct container *c, const char *key, struct buf *out, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r = container_cgroup(c, &g, e);

	return r < 0 ? r : cg_get(g, key, out, e);
}

int container_cgroup_set(struct container *c, const char *key, const char *value, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r = container_cgroup(c, &g, e);

	if (r < 0)
		return r;
	if (engine_dry(c->engine, "cgroup.set %s = %s in %s", key, value, c->rec.cgroup))
		return 0;
	r = cg_set(g, 0, key, value, e);
	if (r == 0 && startswith(key, "devices."))
		r = cg_devices_commit(g, e);
	return r;
}

/* Those that are in the first one's pid name space, where it is not ours: also of who has no group. */
static int pids_by_ns(pid_t init, pid_t **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ pid_t *all = NULL;
	struct stat its, ours, st;
	char path[64];
	struct dirent *de;
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)init);
	if (stat(path, &its) < 0 || stat("/proc/self/ns/pid", &ours) < 0)
		return err_set(e, -errno, "look at the pid name space of process %d", (int)init);
	d = its.st_ino == ours.st_ino ? NULL : opendir("/proc");
	if (!d)
		return err_kind(e, ERR_STATE, -EOPNOTSUPP,
				"container has neither a control group nor a pid name space of its own");
	while ((de = readdir(d))) {
		int32_t pid;
		pid_t *more;

		snprintf(path, sizeof(path), "/proc/%.16s/ns/pid", de->d_name);
		if (parse_i32(de->d_name, &pid) < 0 || stat(path, &st) < 0 || st.st_ino != its.st_ino)
			continue;
		more = n % 64 ? all : reallocarray(all, n + 64, sizeof(*all));
		if (!more) {
			closedir(d);
			return err_oom(e);
		}
		all = more;
		all[n++] = pid;
	}
	closedir(d);
	*ret = TAKE_PTR(all);
	*ret_n = n;
	return 0;
}

int container_pids(struct container *c, pid_t **ret, size_t *ret_n, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r;

	if (c->rec.state != RUN_STOPPED && !c->rec.cgroup)
		return pids_by_ns(c->rec.pid, ret, ret_n, e);
	r = container_cgroup(c, &g, e);
	return r < 0 ? r : cg_pids(g, ret, ret_n, e);
}

int container_stats(struct container *c, struct cg_stats *ret, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r = container_cgroup(c, &g, e);

	return r < 0 ? r : cg_stats(g, ret, e);
}

int container_if_stats(struct container *c, const char *name, uint64_t *ret_rx, uint64_t *ret_tx, struct err *e)
{
	_cleanup_free_ struct net_if_info *ifs = NULL;
	_cleanup_close_ int ns = ns_open_pid(c->rec.pid, &ns_table[NS_NET], e);
	size_t n;
	int r;

	if (ns < 0)
		return ns;
	r = net_list(ns, &ifs, &n, e);
	for (size_t i = 0; i < n && r >= 0; i++)
		if (streq(ifs[i].name, name)) {
			*ret_rx = ifs[i].rx_bytes;
			*ret_tx = ifs[i].tx_bytes;
			return 0;
		}
	return r < 0 ? r : err_kind(e, ERR_NOT_FOUND, -ENODEV, "the container has no interface '%s'", name);
}

int container_ips(struct container *c, struct strv *ret, struct err *e)
{
	_cleanup_close_ int ns = -EBADF;
	_cleanup_free_ struct net_if_info *ifs = NULL;
	size_t n;
	int r = 0;

	if (!record_alive(&c->rec))
		return 0;
	ns = ns_open_pid(c->rec.pid, &ns_table[NS_NET], e);
	if (ns < 0)
		return ns;
	r = net_list(ns, &ifs, &n, e);
	for (size_t i = 0; i < n && r == 0; i++)
		for (unsigned k = 0; k < ifs[i].n_addrs && r == 0; k++) {
			const struct net_addr *a = &ifs[i].addrs[k];
			char text[INET6_ADDRSTRLEN];

			if (streq(ifs[i].name, "lo") || !inet_ntop(a->family, a->addr, text, sizeof(text)))
				continue;
			if (a->family == AF_INET6 && a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80)
				continue; /* link-local */
			r = strv_pushf(ret, e, "%s %d %s", ifs[i].name, a->family == AF_INET ? 4 : 6, text);
		}
	return r;
}

/* --- words ---------------------------------------------------------------------------------------------------------------- */

int container_config_get(struct container *c, const char *key, struct buf *out, struct err *e)
{
	return lxc_key_get(&c->spec, key, out, e);
}

int container_show(struct container *c, const char *dialect, struct buf *out, struct strv *unsaid, struct err *e)
{
	if (streq(dialect, "lxc"))
		return lxc_save(&c->spec, out, e);
	if (streq(dialect, "oci"))
		return oci_save(&c->spec, out, unsaid, e);
	if (streq(dialect, "spec"))
		return spec_dump(&c->spec, out, e);
	err_kind(e, ERR_INVALID, -EINVAL, "unknown dialect '%s'", dialect);
	return err_hint(e, -EINVAL, "known: lxc, oci, spec");
}
