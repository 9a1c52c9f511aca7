/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A RUN is a container as an OCI runtime has it, in the foreground of the stage's process, by the RUN's id: what a kill leaves of it
 * is found and ended by that id.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parse.h"
#include "dialect/docker/docker.h"
#include "dialect/docker/host.h"
#include "dialect/oci/oci.h"
#include "engine/build-host.h"
#include "engine/build-inner.h"
#include "engine/oci.h"
#include "image/transfer.h"
#include "sys/passwd.h"

static const char *const caps[] = { "CAP_CHOWN",
				    "CAP_DAC_OVERRIDE",
				    "CAP_FSETID",
				    "CAP_FOWNER",
				    "CAP_MKNOD",
				    "CAP_NET_RAW",
				    "CAP_SETGID",
				    "CAP_SETUID",
				    "CAP_SETFCAP",
				    "CAP_SETPCAP",
				    "CAP_NET_BIND_SERVICE",
				    "CAP_SYS_CHROOT",
				    "CAP_KILL",
				    "CAP_AUDIT_WRITE",
				    NULL };
static const char *const more_caps[] = {
	"CAP_SYS_ADMIN",       "CAP_NET_ADMIN",	      "CAP_SYS_PTRACE",	   "CAP_SYS_MODULE",   "CAP_SYS_RAWIO",
	"CAP_DAC_READ_SEARCH", "CAP_LINUX_IMMUTABLE", "CAP_NET_BROADCAST", "CAP_IPC_LOCK",     "CAP_IPC_OWNER",
	"CAP_SYS_PACCT",       "CAP_SYS_BOOT",	      "CAP_SYS_NICE",	   "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
	"CAP_SYS_TTY_CONFIG",  "CAP_LEASE",	      "CAP_AUDIT_CONTROL", "CAP_SYSLOG",       NULL
};

static const struct {
	const char *target, *type, *source, *options;
} usual[] = {
	{ "/proc", "proc", "proc", "nosuid,noexec,nodev" },
	{ "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k" },
	{ "/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev" },
	{ "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro" },
};

void build_strings(struct json *j, const char *key, const char *const *list)
{
	json_key(j, key);
	json_array(j);
	for (; list && *list; list++)
		json_string(j, *list);
	json_end_array(j);
}

static void mount_row(struct json *j, const char *target, const char *type, const char *source, const char *options)
{
	_cleanup_strv_ struct strv list = STRV_INIT;

	json_object(j);
	json_kv_string(j, "destination", target);
	json_kv_string(j, "type", type);
	json_kv_string(j, "source", source);
	json_key(j, "options");
	json_array(j);
	if (strv_split(&list, options, ",", NULL) >= 0)
		for (size_t i = 0; i < list.n; i++)
			json_string(j, list.v[i]);
	json_end_array(j);
	json_end_object(j);
}

/* NAME=SOFT[:HARD] */
static int rlimits(struct json *j, const struct strv *list, struct err *e)
{
	json_key(j, "rlimits");
	json_array(j);
	for (size_t i = 0; list && i < list->n; i++) {
		const char *sign = strchr(list->v[i], '=');
		_cleanup_free_ char *name = sign ? strndup(list->v[i], (size_t)(sign - list->v[i])) : NULL;
		_cleanup_free_ char *soft = sign ? strndup(sign + 1, strcspn(sign + 1, ":")) : NULL;
		char type[32];
		int64_t s, h;

		if (!name || !soft || parse_i64(soft, &s) < 0 ||
		    (strchr(sign, ':') && parse_i64(strchr(sign, ':') + 1, &h) < 0) || strlen(name) > 16)
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid ulimit argument: %s", list->v[i]);
		if (!strchr(sign, ':'))
			h = s;
		snprintf(type, sizeof(type), "RLIMIT_%.16s", name);
		for (char *p = type; *p; p++)
			*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
		json_object(j);
		json_kv_string(j, "type", type);
		json_kv_u64(j, "soft", (uint64_t)s);
		json_kv_u64(j, "hard", (uint64_t)h);
		json_end_object(j);
	}
	json_end_array(j);
	return 0;
}

/* In the host's network CAP_NET_RAW would be the right to listen to all that the host says. */
static bool has_cap(const struct build_run *r, const char *cap)
{
	return r->insecure || !streq(cap, "CAP_NET_RAW") || !build_net_is_host(r);
}

static int process(struct json *j, const struct build_run *r, const struct passwd_user *u, struct err *e)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	int n;

	json_key(j, "process");
	json_object(j);
	json_kv_bool(j, "terminal", false);
	json_key(j, "user");
	json_object(j);
	json_kv_u64(j, "uid", u->uid);
	json_kv_u64(j, "gid", u->gid);
	json_key(j, "additionalGids");
	json_array(j);
	for (size_t i = 0; i < u->n_groups; i++)
		json_u64(j, u->groups[i]);
	json_end_array(j);
	json_end_object(j);
	build_strings(j, "args", (const char *const *)strv_get(r->argv));
	json_key(j, "env");
	json_array(j);
	for (size_t i = 0; i < r->env->n; i++)
		json_string(j, r->env->v[i]);
	if (!strv_env_get(r->env, "HOME")) {
		char home[4200];

		snprintf(home, sizeof(home), "HOME=%s", u->home);
		json_string(j, home);
	}
	json_end_array(j);
	json_kv_string(j, "cwd", r->cwd);
	json_key(j, "capabilities");
	json_object(j);
	for (size_t s = 0; s < ARRAY_SIZE(sets); s++) {
		json_key(j, sets[s]);
		json_array(j);
		for (const char *const *c = caps; *c; c++)
			if (has_cap(r, *c))
				json_string(j, *c);
		for (const char *const *c = more_caps; r->insecure && *c; c++)
			json_string(j, *c);
		json_end_array(j);
	}
	json_end_object(j);
	n = rlimits(j, r->limits->ulimits, e);
	json_end_object(j);
	return n;
}

static void number(struct json *j, const char *key, int64_t v)
{
	if (v)
		json_kv_i64(j, key, v);
}

static void resources(struct json *j, const struct build_limits *l)
{
	json_key(j, "resources");
	json_object(j);
	if (l->memory || l->memory_swap) {
		json_key(j, "memory");
		json_object(j);
		number(j, "limit", l->memory);
		number(j, "swap", l->memory_swap);
		json_end_object(j);
	}
	if (l->cpu_period || l->cpu_quota || l->cpu_shares || l->cpuset_cpus || l->cpuset_mems) {
		json_key(j, "cpu");
		json_object(j);
		number(j, "period", l->cpu_period);
		number(j, "quota", l->cpu_quota);
		number(j, "shares", l->cpu_shares);
		if (l->cpuset_cpus)
			json_kv_string(j, "cpus", l->cpuset_cpus);
		if (l->cpuset_mems)
			json_kv_string(j, "mems", l->cpuset_mems);
		json_end_object(j);
	}
	json_end_object(j);
}

static int linux_part(struct json *j, const struct build_run *r, struct err *e)
{
	static const char *const spaces[] = { "pid", "ipc", "uts", "mount", NULL };
	int n = 0;

	json_key(j, "linux");
	json_object(j);
	resources(j, r->limits);
	if (r->limits->cgroup_parent) {
		char path[512];

		snprintf(path, sizeof(path), "%.400s/%s", r->limits->cgroup_parent, r->id);
		json_kv_string(j, "cgroupsPath", path);
	}
	json_key(j, "namespaces");
	json_array(j);
	for (const char *const *s = spaces; *s; s++) {
		json_object(j);
		json_kv_string(j, "type", *s);
		json_end_object(j);
	}
	if (!build_net_is_host(r)) {
		json_object(j);
		json_kv_string(j, "type", "network");
		json_end_object(j);
	}
	json_end_array(j);
	if (!r->insecure) {
		build_strings(j, "maskedPaths", docker_masked_paths);
		build_strings(j, "readonlyPaths", docker_readonly_paths);
		n = build_seccomp(caps, j, e);
	}
	json_end_object(j);
	return n;
}

static int write_config(const struct build_run *r, const struct build_net *net, const struct passwd_user *u,
			struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *path = path_join(r->dir, "config.json");
	char host[13], size[64];
	struct json j;
	int n;

	if (!path)
		return err_oom(e);
	snprintf(host, sizeof(host), "%s", r->id);
	json_init(&j, &text, false);
	json_object(&j);
	json_kv_string(&j, "ociVersion", "1.1.0");
	json_key(&j, "root");
	json_object(&j);
	json_kv_string(&j, "path", r->rootfs);
	json_end_object(&j);
	json_kv_string(&j, "hostname", host);
	n = process(&j, r, u, e);
	if (n < 0)
		return n;
	json_key(&j, "mounts");
	json_array(&j);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		mount_row(&j, usual[i].target, usual[i].type, usual[i].source, usual[i].options);
	snprintf(size, sizeof(size), "nosuid,noexec,nodev,mode=1777,size=%lld",
		 (long long)(r->limits->shm_size ?: 64 << 20));
	mount_row(&j, "/dev/shm", "tmpfs", "shm", size);
	if (net->resolv)
		mount_row(&j, "/etc/resolv.conf", "bind", net->resolv, "rbind,ro");
	mount_row(&j, "/etc/hosts", "bind", net->hosts, "rbind,ro");
	for (size_t i = 0; i < r->n_mounts; i++) {
		const struct build_mount *m = &r->mounts[i];

		snprintf(size, sizeof(size), m->size ? "nosuid,nodev,mode=1777,size=%llu" : "nosuid,nodev,mode=1777",
			 (unsigned long long)m->size);
		if (m->source)
			mount_row(&j, m->target, "bind", m->source, m->readonly ? "rbind,ro" : "rbind,rw");
		else
			mount_row(&j, m->target, "tmpfs", "tmpfs", size);
	}
	json_end_array(&j);
	n = linux_part(&j, r, e);
	json_end_object(&j);
	if (n >= 0)
		n = buf_error(&text, e);
	return n < 0 ? n : file_replace(AT_FDCWD, path, buf_str(&text), text.len, 0600, false, e);
}

static int open_oci(const struct build_env *env, struct oci **ret, struct err *e)
{
	const struct oci_opts o = { .log = env->log };

	return oci_open(&o, ret, e);
}

static int adjust(void *arg, struct spec *s, struct err *e)
{
	(void)e;
	build_net_give(arg, s);
	/* Whoever kills the build ends what it runs. */
	s->monitor_pdeath = SIGKILL;
	return 0;
}

static int run(void *arg, const struct build_run *r, int *ret_code, struct err *e)
{
	struct build_env *env = arg;
	_cleanup_(build_net_done) struct build_net net = { .run = r };
	const struct oci_create_opts o = { .bundle = r->dir, .start = true, .adjust = adjust, .arg = &net };
	_cleanup_close_ int root = open(r->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(oci_freep) struct oci *oci = NULL;
	struct passwd_user *u = calloc(1, sizeof(*u));
	int status = 0, n;

	if (!u)
		return err_oom(e);
	n = root < 0 ? err_set(e, -errno, "open %s", r->rootfs) : passwd_find(root, r->user, u, e);
	if (n >= 0)
		n = build_net_begin(&net, e);
	if (n >= 0)
		n = write_config(r, &net, u, e);
	free(u);
	if (n >= 0)
		n = open_oci(env, &oci, e);
	if (n >= 0)
		n = oci_create(oci, r->id, &o, &status, e);
	build_net_end(r->images, r->id);
	if (n < 0)
		return n;
	*ret_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

static int clean(void *arg, struct images *s, const char *id, struct err *e)
{
	struct build_env *env = arg;
	_cleanup_(oci_freep) struct oci *oci = NULL;
	_cleanup_(oci_container_freep) struct oci_container *c = NULL;
	int r = open_oci(env, &oci, e);

	if (r < 0)
		return r;
	r = oci_container_open(oci, id, OCI_LOCK | OCI_SPEC, &c, e);
	if (r < 0) {
		err_clear(e);
		r = oci_delete_remains(oci, id, e);
	} else {
		r = oci_delete(c, true, e);
	}
	/* Not before: until it has gone its address is nobody else's. */
	build_net_end(s, id);
	return r;
}

/* --- images and files of elsewhere ------------------------------------------------------------------------------------------------ */

static void pull_event(void *arg, const struct progress_event *ev)
{
	char line[256];
	int n;

	(void)arg;
	/* What goes on within a layer is for a terminal, which a build's output need not be. */
	if (ev->total || streq(ev->status, "Waiting"))
		return;
	n = snprintf(line, sizeof(line), "%s%s%s\n", ev->id ?: "", ev->id ? ": " : "", ev->status);
	if (n > 0)
		(void)fd_write_all(1, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static int pull(void *arg, struct images *s, const char *name, const char *platform, bool always, struct err *e)
{
	struct build_env *env = arg;
	_cleanup_reference_ struct reference ref = { 0 };
	struct platform p = { 0 };
	struct pull_opts o = { .registry = env->registry };
	const struct progress progress = { .event = pull_event };
	int r = reference_parse(name, &ref, e);

	(void)always;
	if (r >= 0)
		r = reference_default_tag(&ref, e);
	if (r >= 0 && platform) {
		r = platform_parse(platform, &p, e);
		o.platform = &p;
	}
	if (r >= 0)
		r = image_pull(s, &ref, &o, &progress, e);
	platform_done(&p);
	return r;
}

static void push_event(void *arg, const struct progress_event *ev)
{
	struct build_env *env = arg;
	_cleanup_buf_ struct buf line = BUF_INIT;

	if (ev->total || !env->say)
		return;
	buf_printf(&line, "%s%s%s\n", ev->id ?: "", ev->id ? ": " : "", ev->status);
	env->say(env->arg, buf_str(&line), line.len);
}

static int push(void *arg, struct images *s, const char *name, struct err *e)
{
	struct build_env *env = arg;
	_cleanup_reference_ struct reference ref = { 0 };
	const struct pull_opts o = { .registry = env->registry };
	const struct progress progress = { .event = push_event, .arg = env };
	int r = reference_parse(name, &ref, e);

	if (r >= 0)
		r = reference_default_tag(&ref, e);
	return r < 0 ? r : image_push(s, &ref, &o, &progress, e);
}

static int to_file(void *arg, const struct http_reply *reply, const void *data, size_t len, struct err *e)
{
	int r = fd_write_all(*(int *)arg, data, len);

	(void)reply;
	return r < 0 ? err_set(e, r, "write what is fetched") : 0;
}

static int fetch(void *arg, const char *url, int fd, int64_t *ret_mtime, struct err *e)
{
	struct http_request q = { .method = "GET", .url = url, .fd = -EBADF, .sink = to_file, .arg = &fd };
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_(http_freep) struct http *h = NULL;
	const char *modified;
	struct tm tm = { 0 };
	int r = http_new(NULL, &h, e);

	(void)arg;
	*ret_mtime = 0;
	if (r >= 0)
		r = http_do(h, &q, &reply, e);
	if (r < 0)
		return r;
	if (reply.status < 200 || reply.status > 299)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "failed to GET %s with status %d", url, reply.status);
	modified = http_header(&reply, "last-modified");
	if (modified && strptime(modified, "%a, %d %b %Y %H:%M:%S GMT", &tm))
		*ret_mtime = timegm(&tm);
	return 0;
}

static void say(void *arg, const char *text, size_t len)
{
	struct build_env *env = arg;

	if (env->say)
		env->say(env->arg, text, len);
}

void build_host_init(struct build_host *h, struct build_env *env)
{
	*h = (struct build_host){
		.run = run, .clean = clean, .pull = pull, .push = push, .fetch = fetch, .say = say, .arg = env
	};
}
