/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * create: what was asked and what the image says become one row. The row comes last: what a kill leaves before it is a
 * folder that no row has, and which the next docker_sweep() removes.
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"
#include "sys/proc.h"

#define BODY_MAX (16u << 20)

struct making {
	struct docker *d;
	struct json_c_value *body; /* of the request */
	struct image image;
	bool has_image;
	struct image_config ic;
	struct container_config config;
	struct docker_row row;
	char *dir, *rootfs;
	struct strv warnings;
	int lock;
	bool made, shell_only; /* shell_only: nobody asked for a command */
};

static void making_done(struct making *m)
{
	value_free(m->body);
	if (m->has_image)
		image_done(&m->image);
	image_config_done(&m->ic);
	container_config_done(&m->config);
	docker_row_done(&m->row);
	strv_done(&m->warnings);
	free(m->dir);
	free(m->rootfs);
	fd_close(m->lock);
}

/* --- the image's configuration below what was asked ---------------------------------------------------------------------- */

static int inherit_text(char **to, const char *from, struct err *e)
{
	if (!isempty(*to) || isempty(from))
		return 0;
	free(*to);
	*to = strdup(from);
	return *to ? 0 : err_oom(e);
}

static int inherit_list(struct strv *to, const struct strv *from, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < from->n && r == 0; i++)
		if (!strv_has(to, from->v[i]))
			r = strv_push(to, from->v[i], e);
	return r;
}

/* "K=V" of FROM whose K is none of TO's. */
static int inherit_map(struct strv *to, const struct strv *from, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < from->n && r == 0; i++) {
		size_t n = strcspn(from->v[i], "=");
		bool said = false;

		for (size_t k = 0; k < to->n; k++)
			said |= strncmp(to->v[k], from->v[i], n) == 0 && (to->v[k][n] == '=' || !to->v[k][n]);
		if (!said)
			r = strv_push(to, from->v[i], e);
	}
	return r;
}

static int inherit_command(struct container_config *c, const struct container_config *image, struct err *e)
{
	int r = 0;

	/* --entrypoint "": none, not the image's either. */
	if (c->entrypoint.n == 1 && !*c->entrypoint.v[0]) {
		strv_remove(&c->entrypoint, 0);
		return 0;
	}
	if (c->entrypoint.n)
		return 0;
	if (!c->cmd.n && image->cmd.n) {
		strv_done(&c->cmd);
		r = strv_copy(&c->cmd, &image->cmd, e);
		c->cmd_set = true;
	}
	if (r == 0 && !c->entrypoint_set && image->entrypoint.n) {
		strv_done(&c->entrypoint);
		r = strv_copy(&c->entrypoint, &image->entrypoint, e);
		c->entrypoint_set = true;
	}
	return r;
}

static int inherit_health(struct container_config *c, const struct container_config *image, struct err *e)
{
	struct health_config *h = &c->health;
	const struct health_config *from = &image->health;

	if (!image->has_health)
		return 0;
	if (!c->has_health) {
		c->has_health = true;
		*h = *from;
		h->test = STRV_INIT;
		return strv_copy(&h->test, &from->test, e);
	}
	h->interval_ns = h->interval_ns ?: from->interval_ns;
	h->timeout_ns = h->timeout_ns ?: from->timeout_ns;
	h->start_period_ns = h->start_period_ns ?: from->start_period_ns;
	h->start_interval_ns = h->start_interval_ns ?: from->start_interval_ns;
	h->retries = h->retries ?: from->retries;
	return h->test.n ? 0 : strv_copy(&h->test, &from->test, e);
}

static int inherit(struct container_config *c, const struct container_config *image, struct err *e)
{
	int r = inherit_text(&c->user, image->user, e);

	if (r == 0)
		r = inherit_text(&c->working_dir, image->working_dir, e);
	if (r == 0)
		r = inherit_text(&c->stop_signal, image->stop_signal, e);
	if (r == 0)
		r = inherit_list(&c->exposed_ports, &image->exposed_ports, e);
	if (r == 0)
		r = inherit_list(&c->volumes, &image->volumes, e);
	if (r == 0)
		r = inherit_map(&c->env, &image->env, e);
	if (r == 0)
		r = inherit_map(&c->labels, &image->labels, e);
	if (r == 0 && !c->shell.n)
		r = strv_copy(&c->shell, &image->shell, e);
	if (r == 0)
		r = inherit_command(c, image, e);
	return r == 0 ? inherit_health(c, image, e) : r;
}

/* --- checks -------------------------------------------------------------------------------------------------------------- */

static int host_name(char **ret, struct err *e)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) < 0)
		return err_set(e, -errno, "read the host's name");
	free(*ret);
	*ret = strdup(name);
	return *ret ? 0 : err_oom(e);
}

/* "0-2,5": the highest number of a list as the kernel writes it. */
static unsigned long last_cpu(const char *list)
{
	unsigned long max = 0;
	char *end;

	for (const char *s = list; *s; s = *end ? end + 1 : end) {
		unsigned long n = strtoul(s, &end, 10);

		max = n > max ? n : max;
	}
	return max;
}

static int check_cpus(const char *wanted, struct err *e)
{
	_cleanup_free_ char *online = NULL;
	size_t len;

	if (isempty(wanted) || file_read(AT_FDCWD, "/sys/devices/system/cpu/online", 4096, &online, &len, NULL) < 0)
		return 0;
	if (wanted[strspn(wanted, "0123456789,-")])
		return err_kind(e, ERR_INVALID, -EINVAL, "Invalid value %s for cpuset cpus", wanted);
	online[strcspn(online, "\n")] = '\0';
	return last_cpu(wanted) <= last_cpu(online)
		       ? 0
		       : err_kind(e, ERR_INVALID, -EINVAL,
				  "Requested CPUs are not available - requested %s, available: %s", wanted, online);
}

int docker_check_machine(const struct json_c_value *host, struct err *e)
{
	int64_t cpus = sysconf(_SC_NPROCESSORS_ONLN), nano = value_int(host, "NanoCpus", 0);

	if (nano < 0 || nano > cpus * 1000000000)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"Range of CPUs is from 0.01 to %lld.00, as there are only %lld CPUs available",
				(long long)cpus, (long long)cpus);
	return check_cpus(value_text(host, "CpusetCpus"), e);
}

static int check_health(const struct health_config *h, struct err *e)
{
	const struct {
		const char *name;
		int64_t ns;
	} times[] = { { "Interval", h->interval_ns },
		      { "Timeout", h->timeout_ns },
		      { "StartPeriod", h->start_period_ns },
		      { "StartInterval", h->start_interval_ns } };

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (times[i].ns && times[i].ns < 1000000)
			return err_kind(e, ERR_INVALID, -EINVAL, "%s in Healthcheck cannot be less than 1ms",
					times[i].name);
	return h->retries < 0 ? err_kind(e, ERR_INVALID, -EINVAL, "Retries in Healthcheck cannot be negative") : 0;
}

static int check_env(const struct strv *env, struct err *e)
{
	for (size_t i = 0; i < env->n; i++)
		if (!*env->v[i] || *env->v[i] == '=')
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid environment variable: %s", env->v[i]);
	return 0;
}

/* Those whose name spaces are to be shared. */
static int check_shared(const struct making *m, const struct json_c_value *host, struct err *e)
{
	static const char *const shared[] = { "PidMode", "IpcMode" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(shared) && r == 0; i++) {
		const char *other = startswith(value_text(host, shared[i]) ?: "", "container:");
		_cleanup_row_ struct docker_row row = { 0 };

		if (other)
			r = docker_find(m->d, other, &row, e);
	}
	return r;
}

/* What is the other's of a network that is shared, and cannot be chosen once more. */
static int check_net_mode(const struct making *m, const struct json_c_value *host, struct err *e)
{
	const char *mode = value_text(host, "NetworkMode") ?: "", *other = startswith(mode, "container:");
	const struct json_c_value *ports = value_get(host, "PortBindings");
	const struct {
		bool said;
		const char *what;
	} conflicts[] = {
		{ !isempty(value_text(m->body, "Hostname")), "hostname and the network mode" },
		{ value_len(value_get(host, "Links")),
		  "container type network can't be used with links. This would result in "
		  "undefined behavior" },
		{ value_len(value_get(host, "Dns")), "dns and the network mode" },
		{ value_len(value_get(host, "ExtraHosts")), "custom host-to-IP mapping and the network mode" },
		{ !isempty(value_text(m->body, "MacAddress")), "mac-address and the network mode" },
		{ value_members(ports) || value_bool(host, "PublishAllPorts"),
		  "port publishing and the container type network mode" },
		{ value_members(value_get(m->body, "ExposedPorts")),
		  "port exposing and the container type network mode" },
	};

	if (!other)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++)
		if (conflicts[i].said)
			return err_kind(e, ERR_INVALID, -EINVAL, "conflicting options: %s", conflicts[i].what);
	return streq(other, m->row.name) ? err_kind(e, ERR_INVALID, -EINVAL, "cannot join own network") : 0;
}

/* Of one whose network it is to be in: they are one machine to whoever asks. */
static int host_name_of(struct making *m, const char *other, struct err *e)
{
	struct container_config *c = &m->config;
	_cleanup_row_ struct docker_row row = { 0 };

	/* It need not be there before the start. */
	if (docker_find(m->d, other, &row, NULL) < 0)
		return 0;
	free(c->hostname);
	free(c->domainname);
	c->hostname = strdup(value_text(row.config, "Hostname") ?: "");
	c->domainname = strdup(value_text(row.config, "Domainname") ?: "");
	return c->hostname && c->domainname ? 0 : err_oom(e);
}

static int choose_host_name(struct making *m, const struct json_c_value *host, struct err *e)
{
	struct container_config *c = &m->config;
	const char *mode = value_text(host, "NetworkMode") ?: "";

	if (streq(mode, "host") || streq(value_text(host, "UTSMode") ?: "", "host")) {
		if (!isempty(c->hostname) && streq(value_text(host, "UTSMode") ?: "", "host"))
			return err_kind(e, ERR_INVALID, -EINVAL, "conflicting options: hostname and the UTS mode");
		return isempty(c->hostname) ? host_name(&c->hostname, e) : 0;
	}
	if (startswith(mode, "container:")) {
		int r = host_name_of(m, mode + strlen("container:"), e);

		if (r < 0)
			return r;
	}
	if (isempty(c->hostname)) {
		free(c->hostname);
		c->hostname = strndup(m->row.id, 12);
	}
	return c->hostname ? 0 : err_oom(e);
}

static int check_config(struct making *m, struct err *e)
{
	const struct json_c_value *host = value_get(m->body, "HostConfig");
	struct container_config *c = &m->config;
	int sig;

	if (docker_is_system(host) && !c->entrypoint.n && (!c->cmd.n || m->shell_only)) {
		strv_done(&c->cmd);
		c->cmd = STRV_INIT;
		if (strv_push(&c->cmd, "/sbin/init", e) < 0)
			return -ENOMEM;
	}
	if (!c->cmd.n && !c->entrypoint.n)
		return err_kind(e, ERR_INVALID, -EINVAL, "no command specified");
	if (!isempty(c->working_dir) && *c->working_dir != '/')
		return err_kind(e, ERR_INVALID, -EINVAL,
				"the working directory '%s' is invalid, it needs to be an absolute path",
				c->working_dir);
	if (check_env(&c->env, e) < 0 || check_shared(m, host, e) < 0 || check_net_mode(m, host, e) < 0 ||
	    check_health(&c->health, e) < 0)
		return -EINVAL;
	if (!isempty(c->stop_signal) && docker_signal(c->stop_signal, &sig, e) < 0)
		return -EINVAL;
	return choose_host_name(m, host, e);
}

static bool name_taken(struct docker *d, const char *name, char **ret_id)
{
	return db_one(d->images->db, ret_id, NULL, "SELECT id FROM containers WHERE name = ?", "s", name) > 0;
}

int docker_name_free(struct docker *d, const char *name, struct err *e)
{
	_cleanup_free_ char *other = NULL;

	if (!name_taken(d, name, &other))
		return 0;
	return err_kind(
		e, ERR_EXISTS, -EEXIST,
		"Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to remove (or "
		"rename) that container to be able to reuse that name.",
		name, other);
}

static int choose_name(struct making *m, const char *name, struct err *e)
{
	uint64_t seed = strtoull(m->row.id + 48, NULL, 16);

	if (!isempty(name)) {
		name += *name == '/';
		if (!docker_name_valid(name))
			return err_kind(e, ERR_INVALID, -EINVAL,
					"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
					name);
		m->row.name = strdup(name);
		return m->row.name ? docker_name_free(m->d, name, e) : err_oom(e);
	}
	for (unsigned i = 0; i < 100; i++, seed = seed * 6364136223846793005u + 1442695040888963407u) {
		_cleanup_free_ char *taken = NULL;

		free(m->row.name);
		m->row.name = docker_random_name(seed, i > 2);
		if (!m->row.name)
			return err_oom(e);
		if (!name_taken(m->d, m->row.name, &taken))
			return 0;
	}
	return err_kind(e, ERR_EXISTS, -EEXIST, "no name is free");
}

/* --- making it ----------------------------------------------------------------------------------------------------------- */

static int open_root(void *arg, struct err *e)
{
	struct making *m = arg;

	return rootfs_open(m->d->images->layers, m->row.id, NULL, false, e);
}

static int write_doc(struct making *m, struct buf *out, struct err *e)
{
	const struct json_c_value *host = value_get(m->body, "HostConfig");
	struct docker_mounts mounts = { .config = &m->config, .id = m->row.id, .open_root = open_root, .arg = m };
	_cleanup_value_ struct json_c_value *whole = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json j;
	int r;

	json_init(&j, &text, false);
	r = docker_host_write(host, &j, e);
	if (r == 0)
		r = docker_check_machine(host, e);
	if (r == 0)
		r = buf_error(&text, e);
	if (r == 0)
		r = value_parse(buf_str(&text), text.len, "HostConfig", &whole, e);
	if (r < 0)
		return r;
	json_init(&j, out, false);
	json_object(&j);
	json_key(&j, "Config");
	container_config_write(&m->config, &j, true);
	json_key(&j, "HostConfig");
	value_write(whole, &j);
	json_key(&j, "Networks");
	value_write(value_get(m->body, "NetworkingConfig"), &j);
	json_key(&j, "Mounts");
	mounts.host = whole;
	r = docker_mounts(m->d, &mounts, &j, e);
	json_kv_string(&j, "Rootfs", m->rootfs);
	json_kv_string(&j, "Driver", layers_driver(m->d->images->layers));
	json_end_object(&j);
	return r == 0 ? buf_error(out, e) : r;
}

static int make_dir(struct making *m, struct err *e)
{
	_cleanup_close_ int dirfd = -EBADF;
	struct docker_state st = { .status = DS_CREATED };
	int r;

	m->dir = docker_path(m->d, m->row.id, NULL);
	if (!m->dir)
		return err_oom(e);
	r = mkdir(m->dir, 0710) < 0 ? -errno : 0;
	if (r == -ENOENT) {
		_cleanup_free_ char *all = docker_path(m->d, "", NULL);

		r = all ? dir_make_all(all, 0710, e) : err_oom(e);
		if (r < 0)
			return r;
		r = mkdir(m->dir, 0710) < 0 ? -errno : 0;
	}
	if (r < 0)
		return err_set(e, r, "create %s", m->dir);
	dirfd = docker_dir(m->d, m->row.id, e);
	return dirfd < 0 ? dirfd : docker_state_write(dirfd, &st, e);
}

static int insert(struct making *m, struct err *e)
{
	struct db *db = m->d->images->db;
	int r = db_begin(db, e);

	if (r < 0)
		return r;
	/* Another one may have taken it since. */
	r = docker_name_free(m->d, m->row.name, e);
	if (r == 0)
		r = image_use(m->d->images, m->image.id, m->row.id, e);
	if (r == 0)
		r = db_exec(db, e, "INSERT INTO containers (id, name, image, created, doc) VALUES (?, ?, ?, ?, ?)",
			    "sssis", m->row.id, m->row.name, m->row.image, m->row.created_ns, m->row.text);
	if (r == 0)
		r = docker_net_created(m->d, &m->row, e);
	return db_end(db, r, e);
}

static void undo(struct making *m)
{
	_cleanup_free_ char *lock = NULL;

	if (!m->made)
		return;
	docker_net_removed(m->d, m->row.id);
	(void)docker_volumes_leave(m->d, m->row.id, true, NULL);
	(void)rootfs_remove(m->d->images->layers, m->row.id, NULL);
	(void)tree_remove(AT_FDCWD, m->dir, NULL);
	if (asprintf(&lock, "%s/locks/%s", m->d->engine->run_dir, m->row.id) > 0)
		unlink(lock);
	else
		lock = NULL;
}

static int read_body(struct making *m, const char *body, struct err *e)
{
	size_t len = strlen(body);
	int r;

	if (len > BODY_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "the request is too long");
	r = value_parse(body, len, "config", &m->body, e);
	if (r == 0)
		r = container_config_read(m->body, &m->config, e);
	if (r < 0)
		return r;
	if (isempty(m->config.image))
		return err_kind(e, ERR_INVALID, -EINVAL, "Config cannot be empty in order to create a container");
	return 0;
}

static int find_image(struct making *m, const char *platform, struct err *e)
{
	int r = image_find(m->d->images, m->config.image, &m->image, e);

	if (r < 0)
		return r;
	m->has_image = true;
	r = image_config_of(m->d->images, &m->image, &m->ic, e);
	if (r < 0)
		return r;
	m->row.image = strdup(m->image.id);
	if (!m->row.image)
		return err_oom(e);
	if (!isempty(platform)) {
		struct platform want = { 0 };

		r = platform_parse(platform, &want, e);
		if (r == 0 && want.arch && m->ic.architecture && !streq(want.arch, m->ic.architecture))
			r = err_kind(e, ERR_NOT_FOUND, -ENOENT,
				     "image with reference %s was found but does not match the specified platform: "
				     "wanted %s, "
				     "actual: %s/%s",
				     m->config.image, platform, m->ic.os ?: "", m->ic.architecture);
		platform_done(&want);
	}
	return r;
}

static void answer(const struct making *m, struct buf *ret)
{
	struct json j;

	json_init(&j, ret, false);
	json_object(&j);
	json_kv_string(&j, "Id", m->row.id);
	json_key(&j, "Warnings");
	json_array(&j);
	for (size_t i = 0; i < m->warnings.n; i++)
		json_string(&j, m->warnings.v[i]);
	json_end_array(&j);
	json_end_object(&j);
}

static int make(struct making *m, struct err *e)
{
	_cleanup_buf_ struct buf doc = BUF_INIT;
	int r = make_dir(m, e);

	if (r == 0)
		r = rootfs_make(m->d->images->layers, m->row.id, *m->image.chain ? m->image.chain : NULL, &m->rootfs,
				e);
	/* Whoever can unpack is asked to. */
	if (r == -ENOENT && *m->image.chain && !layers_have(m->d->images->layers, m->image.chain))
		r = e ? (e->code = -ESTALE) : -ESTALE;
	if (r == 0)
		r = write_doc(m, &doc, e);
	if (r < 0)
		return r;
	m->row.text = buf_take(&doc);
	r = m->row.text ? docker_row_parse(&m->row, e) : err_oom(e);
	return r == 0 ? insert(m, e) : r;
}

/* As podman says it of an ordinary user's. */
static int warn_of_limits(struct making *m, struct err *e)
{
	static const char *const limits[] = { "Memory",	   "MemorySwap", "MemoryReservation", "NanoCpus",   "CpuQuota",
					      "CpuPeriod", "CpuShares",	 "PidsLimit",	      "BlkioWeight" };
	const struct json_c_value *host = value_get(m->body, "HostConfig");
	bool any = !isempty(value_text(host, "CpusetCpus")) || !isempty(value_text(host, "CpusetMems"));
	struct cg_host *h;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		any |= value_int(host, limits[i], 0) != 0;
	if (!any || !engine_rootless())
		return 0;
	r = engine_cgroups(m->d->engine, &h, e);
	if (r < 0 || cg_host_layout(h) == CG_V2)
		return r;
	return strv_push(&m->warnings, "Resource limits are not supported and ignored on cgroups V1 rootless systems",
			 e);
}

int docker_create(struct docker *d, const char *name, const char *body, const char *platform, struct buf *ret,
		  struct err *e)
{
	_cleanup_(making_done) struct making m = { .d = d, .lock = -EBADF };
	char id[65];
	int r;

	container_config_init(&m.config);
	image_config_init(&m.ic);
	r = read_body(&m, body, e);
	if (r == 0)
		r = docker_new_id(id, e);
	if (r < 0)
		return r;
	m.row.id = strdup(id);
	m.row.created_ns = docker_now();
	if (!m.row.id)
		return err_oom(e);
	r = choose_name(&m, name, e);
	if (r == 0)
		r = find_image(&m, platform, e);
	m.shell_only = !m.config.cmd.n && !m.config.entrypoint.n;
	if (r == 0)
		r = inherit(&m.config, &m.ic.config, e);
	if (r == 0)
		r = check_config(&m, e);
	if (r == 0)
		r = docker_net_check(d, value_get(m.body, "HostConfig"),
				     value_at(m.body, "NetworkingConfig.EndpointsConfig"), e);
	if (r == 0)
		r = warn_of_limits(&m, e);
	if (r < 0)
		return r;
	/* Whoever looks for what nobody has leaves us alone. */
	m.lock = record_lock(id, true, e);
	if (m.lock < 0)
		return m.lock;
	docker_sweep(d);
	r = docker_making_begin(d, id, e);
	if (r < 0)
		return r;
	m.made = true;
	r = make(&m, e);
	if (r < 0)
		undo(&m);
	docker_making_end(d, id);
	if (r < 0)
		return r;
	docker_event(d, &m.row, "create", NULL);
	if (streq(value_text(value_get(m.body, "HostConfig"), "NetworkMode") ?: "", "host") &&
	    value_members(value_get(value_get(m.body, "HostConfig"), "PortBindings")))
		(void)strv_push(&m.warnings, "Published ports are discarded when using host network mode", NULL);
	answer(&m, ret);
	return buf_error(ret, e);
}
