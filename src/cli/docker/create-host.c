/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HostConfig: what the host gives and keeps from a container. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/docker/create.h"
#include "dialect/docker/docker.h"
#include "cli/docker/seccomp.h"
#include "cli/docker/units.h"

#define BAD(...) err_kind(e, ERR_INVALID, -EINVAL, __VA_ARGS__)

static void number(struct json *j, const char *key, int64_t v)
{
	if (v)
		json_kv_i64(j, key, v);
}

static void switched(struct json *j, const char *key, bool on)
{
	if (on)
		json_kv_bool(j, key, true);
}

/* -v with a source; one that begins with a dot is the caller's. */
static int binds(const struct create_args *a, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	_cleanup_free_ char *cwd = getcwd(NULL, 0);
	int r = 0;

	for (size_t i = 0; i < a->volumes.n && r >= 0; i++) {
		const char *v = a->volumes.v[i];
		unsigned colons = 0;
		size_t before = 0;

		/* Said twice in the same words is said once. */
		while (before < i && !streq(a->volumes.v[before], v))
			before++;
		if (before < i)
			continue;
		for (const char *s = v; *s; s++)
			colons += *s == ':';
		if (colons == 0)
			continue;
		if (colons > 2)
			return BAD("invalid spec: %s: too many colons", v);
		if (*v == '.' && cwd) {
			if (startswith(v, "./") || startswith(v, ".:"))
				v++;
			r = strv_pushf(&all, e, "%s%s%s", cwd, strchr("/:", *v) ? "" : "/", v);
		} else {
			r = strv_push(&all, v, e);
		}
	}
	if (r >= 0)
		json_list(j, "Binds", &all);
	return r;
}

static int mounts(const struct create_args *a, struct json *j, struct err *e)
{
	int r = 0;

	if (a->mounts.n == 0)
		return 0;
	json_key(j, "Mounts");
	json_array(j);
	for (size_t i = 0; i < a->mounts.n && r >= 0; i++)
		r = mount_option(a->mounts.v[i], j, e);
	json_end_array(j);
	return r;
}

static void tmpfs(const struct create_args *a, struct json *j)
{
	if (a->tmpfs.n == 0)
		return;
	json_key(j, "Tmpfs");
	json_object(j);
	for (size_t i = 0; i < a->tmpfs.n; i++) {
		const char *v = a->tmpfs.v[i], *colon = strchr(v, ':');
		_cleanup_free_ char *path = strndup(v, colon ? (size_t)(colon - v) : strlen(v));

		if (path)
			json_kv_string(j, path, colon ? colon + 1 : "");
	}
	json_end_object(j);
}

/* Exposed ports stand in the Config, but are known only together with those that are published. */
static int ports(const struct create_args *a, struct json *j, const struct strv *bindings)
{
	const char *last = NULL;

	if (bindings->n == 0)
		return 0;
	json_key(j, "PortBindings");
	json_object(j);
	for (size_t i = 0; i < bindings->n; i++) {
		const char *b = bindings->v[i];
		size_t len = strcspn(b, " ");
		_cleanup_free_ char *key = strndup(b, len);
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = strncmp(bindings->v[k], b, len + 1) == 0;
		if (seen || !key)
			continue;
		json_key(j, key);
		json_array(j);
		for (size_t k = i; k < bindings->n; k++) {
			const char *ip = bindings->v[k] + len + 1;
			_cleanup_free_ char *addr = NULL;

			if (strncmp(bindings->v[k], b, len + 1) != 0)
				continue;
			last = strchr(ip, '|');
			addr = strndup(ip, (size_t)(last - ip));
			json_object(j);
			json_kv_string(j, "HostIp", addr ?: "");
			json_kv_string(j, "HostPort", last + 1);
			json_end_object(j);
		}
		json_end_array(j);
	}
	json_end_object(j);
	return 0;
}

static bool device_mode(const char *s)
{
	return *s && !s[strspn(s, "rwm")];
}

static int device(const char *arg, struct json *j, struct err *e)
{
	_cleanup_free_ char *copy = strdup(arg);
	char *inside = NULL, *mode = NULL;

	if (!copy)
		return err_oom(e);
	inside = strchr(copy, ':');
	if (inside)
		*inside++ = '\0';
	mode = inside ? strchr(inside, ':') : NULL;
	if (mode)
		*mode++ = '\0';
	if (!*copy || (mode && strchr(mode, ':')))
		return BAD("bad format for path: %s", arg);
	if (inside && !mode && device_mode(inside)) {
		mode = inside;
		inside = NULL;
	}
	if (mode && !device_mode(mode))
		return BAD("bad mode specified: %s", mode);
	if (*(inside ?: copy) != '/')
		return BAD("%s is not an absolute path", inside ?: copy);
	json_object(j);
	json_kv_string(j, "PathOnHost", copy);
	json_kv_string(j, "PathInContainer", inside ?: copy);
	json_kv_string(j, "CgroupPermissions", mode ?: "rwm");
	json_end_object(j);
	return 0;
}

static int devices(const struct create_args *a, struct json *j, struct err *e)
{
	int r = 0;

	if (a->devices.n == 0)
		return 0;
	json_key(j, "Devices");
	json_array(j);
	for (size_t i = 0; i < a->devices.n && r >= 0; i++)
		r = device(a->devices.v[i], j, e);
	json_end_array(j);
	return r;
}

/* "/dev/X:RATE" rows; they have been checked. */
static void rates(struct json *j, const char *key, const struct strv *rows, const char *what)
{
	if (rows->n == 0)
		return;
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < rows->n; i++) {
		const char *colon = strchr(rows->v[i], ':');
		_cleanup_free_ char *path = strndup(rows->v[i], (size_t)(colon - rows->v[i]));
		int64_t v = 0;

		(void)unit_bytes(colon + 1, &v);
		json_object(j);
		json_kv_string(j, "Path", path ?: "");
		json_kv_i64(j, what, v);
		json_end_object(j);
	}
	json_end_array(j);
}

static void ulimits(const struct create_args *a, struct json *j)
{
	if (a->ulimits.n == 0)
		return;
	json_key(j, "Ulimits");
	json_array(j);
	for (size_t i = 0; i < a->ulimits.n; i++) {
		const char *eq = strchr(a->ulimits.v[i], '='), *colon = strchr(eq, ':');
		_cleanup_free_ char *name = strndup(a->ulimits.v[i], (size_t)(eq - a->ulimits.v[i]));
		int64_t soft = strtoll(eq + 1, NULL, 10);

		json_object(j);
		json_kv_string(j, "Name", name ?: "");
		json_kv_i64(j, "Soft", soft);
		json_kv_i64(j, "Hard", colon ? strtoll(colon + 1, NULL, 10) : soft);
		json_end_object(j);
	}
	json_end_array(j);
}

static int security(const struct create_args *a, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	bool open_paths = false;
	int r = 0;

	for (size_t i = 0; i < a->security.n && r >= 0; i++) {
		const char *s = a->security.v[i], *v = startswith(s, "seccomp=") ?: startswith(s, "seccomp:");

		if (!streq(s, "no-new-privileges") && !strpbrk(s, "=:"))
			return BAD("Invalid --security-opt: \"%s\"", s);
		if (streq(s, "systempaths=unconfined"))
			open_paths = true;
		else if (v && !streq(v, "unconfined") && !streq(v, "builtin"))
			r = seccomp_inline(v, &all, e);
		else
			r = strv_push(&all, s, e);
	}
	if (r < 0)
		return r;
	json_list(j, "SecurityOpt", &all);
	if (open_paths) {
		json_key(j, "MaskedPaths");
		json_array(j);
		json_end_array(j);
		json_key(j, "ReadonlyPaths");
		json_array(j);
		json_end_array(j);
	}
	return 0;
}

static int restart(const char *policy, struct json *j, struct err *e)
{
	const char *colon = strchr(policy, ':');
	_cleanup_free_ char *name = strndup(policy, colon ? (size_t)(colon - policy) : strlen(policy));
	int32_t n = 0;

	if (!name)
		return err_oom(e);
	if (colon && strchr(colon + 1, ':'))
		return BAD("invalid restart policy format");
	if (colon && parse_i32(colon + 1, &n) < 0)
		return BAD("invalid restart policy format: maximum retry count must be an integer");
	json_key(j, "RestartPolicy");
	json_object(j);
	json_kv_string(j, "Name", name);
	json_kv_i64(j, "MaximumRetryCount", n);
	json_end_object(j);
	return 0;
}

static int modes(const struct create_args *a, struct json *j, struct err *e)
{
	if (!isempty(a->pid) && !streq(a->pid, "host") && !startswith(a->pid, "container:"))
		return BAD("--pid: invalid PID mode");
	if (!isempty(a->uts) && !streq(a->uts, "host"))
		return BAD("--uts: invalid UTS mode");
	if (!isempty(a->userns) && !streq(a->userns, "host"))
		return BAD("--userns: invalid USER mode");
	if (!isempty(a->cgroupns) && !streq(a->cgroupns, "host") && !streq(a->cgroupns, "private"))
		return BAD("--cgroupns: invalid CGROUP mode");
	json_text(j, "PidMode", a->pid);
	json_text(j, "UTSMode", a->uts);
	json_text(j, "UsernsMode", a->userns);
	json_text(j, "CgroupnsMode", a->cgroupns);
	json_text(j, "IpcMode", a->ipc);
	return 0;
}

static void resources(const struct create_args *a, struct json *j)
{
	number(j, "Memory", a->memory);
	number(j, "MemoryReservation", a->memory_reservation);
	number(j, "MemorySwap", a->memory_swap);
	json_kv_i64(j, "MemorySwappiness", a->swappiness);
	number(j, "NanoCpus", a->nano_cpus);
	number(j, "CpuShares", a->cpu_shares);
	number(j, "CpuPeriod", a->cpu_period);
	number(j, "CpuQuota", a->cpu_quota);
	number(j, "CpuRealtimePeriod", a->rt_period);
	number(j, "CpuRealtimeRuntime", a->rt_runtime);
	json_text(j, "CpusetCpus", a->cpuset_cpus);
	json_text(j, "CpusetMems", a->cpuset_mems);
	number(j, "PidsLimit", a->pids_limit);
	number(j, "BlkioWeight", a->blkio_weight);
	rates(j, "BlkioWeightDevice", &a->weight_devices, "Weight");
	rates(j, "BlkioDeviceReadBps", &a->read_bps, "Rate");
	rates(j, "BlkioDeviceWriteBps", &a->write_bps, "Rate");
	rates(j, "BlkioDeviceReadIOps", &a->read_iops, "Rate");
	rates(j, "BlkioDeviceWriteIOps", &a->write_iops, "Rate");
	number(j, "OomScoreAdj", a->oom_score_adj);
	switched(j, "OomKillDisable", a->oom_kill_disable);
	number(j, "ShmSize", a->shm_size);
	json_text(j, "CgroupParent", a->cgroup_parent);
	json_list(j, "DeviceCgroupRules", &a->device_rules);
	ulimits(a, j);
}

/* "a=1.2.3.4" and "a=[::1]" as the API has it, "a:::1". */
static int extra_hosts(const struct create_args *a, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv all = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < a->add_host.n && r >= 0; i++) {
		const char *s = a->add_host.v[i];
		size_t name = strcspn(s, "="), len;
		const char *ip;

		if (!s[name])
			name = strcspn(s, ":");
		ip = s + name + 1;
		len = strlen(ip);
		if (*ip == '[') {
			ip++;
			len -= 2;
		}
		r = strv_pushf(&all, e, "%.*s:%.*s", (int)name, s, (int)len, ip);
	}
	if (r >= 0)
		json_list(j, "ExtraHosts", &all);
	return r;
}

static int rest(const struct create_args *a, struct json *j, struct err *e)
{
	json_list(j, "CapAdd", &a->cap_add);
	json_list(j, "CapDrop", &a->cap_drop);
	json_list(j, "Dns", &a->dns);
	json_list(j, "DnsOptions", &a->dns_options);
	json_list(j, "DnsSearch", &a->dns_search);
	json_list(j, "GroupAdd", &a->group_add);
	json_list(j, "Links", &a->links);
	json_list(j, "VolumesFrom", &a->volumes_from);
	json_text(j, "VolumeDriver", a->volume_driver);
	json_text(j, "ContainerIDFile", a->cidfile);
	json_text(j, "Runtime", a->runtime);
	json_text(j, "Isolation", a->isolation);
	switched(j, "AutoRemove", a->rm);
	switched(j, "Privileged", a->privileged);
	switched(j, "PublishAllPorts", a->publish_all);
	switched(j, "ReadonlyRootfs", a->read_only);
	if (a->init != TRI_UNSAID)
		json_kv_bool(j, "Init", a->init == TRI_ON);
	if (a->annotations.n || a->system) {
		_cleanup_strv_ struct strv all = STRV_INIT;

		if (strv_copy(&all, &a->annotations, NULL) == 0 &&
		    (!a->system || strv_push(&all, DOCKER_SYSTEM "=1", NULL) == 0))
			json_map(j, "Annotations", &all);
	}
	if (a->sysctls.n)
		json_map(j, "Sysctls", &a->sysctls);
	for (size_t i = 0; i < a->storage.n; i++)
		if (!strchr(a->storage.v[i], '='))
			return BAD("invalid storage option");
	if (a->storage.n)
		json_map(j, "StorageOpt", &a->storage);
	if (!isempty(a->log_driver) || a->log_opts.n) {
		json_key(j, "LogConfig");
		json_object(j);
		json_kv_string(j, "Type", a->log_driver ?: "");
		json_map(j, "Config", &a->log_opts);
		json_end_object(j);
	}
	return 0;
}

int create_host_config(const struct create_args *a, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv exposed = STRV_INIT, bindings = STRV_INIT;
	char mode[256];
	int r;

	r = port_options(&a->publish, &a->expose, &exposed, &bindings, e);
	if (r < 0)
		return r;
	if (exposed.n) {
		json_key(j, "ExposedPorts");
		json_object(j);
		for (size_t i = 0; i < exposed.n; i++) {
			json_key(j, exposed.v[i]);
			json_object(j);
			json_end_object(j);
		}
		json_end_object(j);
	}
	json_key(j, "HostConfig");
	json_object(j);
	r = network_mode(a, mode, sizeof(mode), e);
	if (r < 0)
		return r;
	json_kv_string(j, "NetworkMode", mode);
	r = ports(a, j, &bindings);
	if (r >= 0)
		r = binds(a, j, e);
	if (r >= 0)
		r = mounts(a, j, e);
	if (r >= 0)
		r = devices(a, j, e);
	if (r >= 0)
		r = security(a, j, e);
	if (r >= 0)
		r = restart(isempty(a->restart) ? "no" : a->restart, j, e);
	if (r >= 0)
		r = modes(a, j, e);
	if (r >= 0)
		r = extra_hosts(a, j, e);
	if (r >= 0)
		r = rest(a, j, e);
	tmpfs(a, j);
	resources(a, j);
	json_end_object(j);
	return r;
}
