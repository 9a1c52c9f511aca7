/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "dialect/docker/host.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "base/parse.h"
#include "dialect/oci/oci.h"

const char *const docker_masked_paths[] = {
	"/proc/asound",
	"/proc/acpi",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/sys/firmware",
	"/sys/devices/virtual/powercap",
	NULL,
};
const char *const docker_readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

/* Kinds of value, and what stands for one that is not said. */
enum kind { TEXT, NUMBER, FLAG, LIST, MAP, ANY };
enum def { EMPTY, NIL, LEFT_OUT };

static const struct member {
	const char *name;
	enum kind kind;
	enum def def;
} members[] = {
	{ "Binds", LIST, NIL },
	{ "ContainerIDFile", TEXT, EMPTY },
	{ "LogConfig", MAP, EMPTY },
	{ "NetworkMode", TEXT, EMPTY },
	{ "PortBindings", MAP, EMPTY },
	{ "RestartPolicy", MAP, EMPTY },
	{ "AutoRemove", FLAG, EMPTY },
	{ "VolumeDriver", TEXT, EMPTY },
	{ "VolumesFrom", LIST, NIL },
	{ "ConsoleSize", LIST, EMPTY },
	{ "Annotations", MAP, LEFT_OUT },
	{ "CapAdd", LIST, NIL },
	{ "CapDrop", LIST, NIL },
	{ "CgroupnsMode", TEXT, EMPTY },
	{ "Dns", LIST, EMPTY },
	{ "DnsOptions", LIST, EMPTY },
	{ "DnsSearch", LIST, EMPTY },
	{ "ExtraHosts", LIST, NIL },
	{ "GroupAdd", LIST, NIL },
	{ "IpcMode", TEXT, EMPTY },
	{ "Cgroup", TEXT, EMPTY },
	{ "Links", LIST, NIL },
	{ "OomScoreAdj", NUMBER, EMPTY },
	{ "PidMode", TEXT, EMPTY },
	{ "Privileged", FLAG, EMPTY },
	{ "PublishAllPorts", FLAG, EMPTY },
	{ "ReadonlyRootfs", FLAG, EMPTY },
	{ "SecurityOpt", LIST, NIL },
	{ "StorageOpt", MAP, LEFT_OUT },
	{ "Tmpfs", MAP, LEFT_OUT },
	{ "UTSMode", TEXT, EMPTY },
	{ "UsernsMode", TEXT, EMPTY },
	{ "ShmSize", NUMBER, EMPTY },
	{ "Sysctls", MAP, LEFT_OUT },
	{ "Runtime", TEXT, EMPTY },
	{ "Isolation", TEXT, EMPTY },
	{ "CpuShares", NUMBER, EMPTY },
	{ "Memory", NUMBER, EMPTY },
	{ "NanoCpus", NUMBER, EMPTY },
	{ "CgroupParent", TEXT, EMPTY },
	{ "BlkioWeight", NUMBER, EMPTY },
	{ "BlkioWeightDevice", LIST, EMPTY },
	{ "BlkioDeviceReadBps", LIST, EMPTY },
	{ "BlkioDeviceWriteBps", LIST, EMPTY },
	{ "BlkioDeviceReadIOps", LIST, EMPTY },
	{ "BlkioDeviceWriteIOps", LIST, EMPTY },
	{ "CpuPeriod", NUMBER, EMPTY },
	{ "CpuQuota", NUMBER, EMPTY },
	{ "CpuRealtimePeriod", NUMBER, EMPTY },
	{ "CpuRealtimeRuntime", NUMBER, EMPTY },
	{ "CpusetCpus", TEXT, EMPTY },
	{ "CpusetMems", TEXT, EMPTY },
	{ "Devices", LIST, EMPTY },
	{ "DeviceCgroupRules", LIST, NIL },
	{ "DeviceRequests", LIST, NIL },
	{ "MemoryReservation", NUMBER, EMPTY },
	{ "MemorySwap", NUMBER, EMPTY },
	{ "MemorySwappiness", NUMBER, NIL },
	{ "OomKillDisable", FLAG, NIL },
	{ "PidsLimit", NUMBER, NIL },
	{ "Ulimits", LIST, EMPTY },
	{ "CpuCount", NUMBER, EMPTY },
	{ "CpuPercent", NUMBER, EMPTY },
	{ "IOMaximumIOps", NUMBER, EMPTY },
	{ "IOMaximumBandwidth", NUMBER, EMPTY },
	{ "Mounts", LIST, LEFT_OUT },
	{ "MaskedPaths", LIST, EMPTY },
	{ "ReadonlyPaths", LIST, EMPTY },
	{ "Init", FLAG, LEFT_OUT },
};

static bool fits(enum kind kind, const struct json_c_value *v)
{
	switch (kind) {
	case TEXT:
		return value_text(v, NULL) != NULL;
	case NUMBER:
		return value_int(v, NULL, 0) == value_int(v, NULL, 1);
	case LIST:
		return value_is_array(v);
	case MAP:
		return value_is_object(v);
	case FLAG:
		return !value_text(v, NULL) && !value_is_array(v) && !value_is_object(v) &&
		       value_int(v, NULL, 0) != value_int(v, NULL, 1);
	default:
		return true;
	}
}

static const char *const kind_names[] = { "a string", "a number", "true or false", "an array", "an object" };

static void write_paths(struct json *out, const char *const *paths)
{
	json_array(out);
	for (; *paths; paths++)
		json_string(out, *paths);
	json_end_array(out);
}

static void write_log_config(const struct json_c_value *v, struct json *out)
{
	const char *type = value_text(v, "Type");

	json_object(out);
	json_kv_string(out, "Type", isempty(type) ? "json-file" : type);
	json_key(out, "Config");
	if (value_is_object(value_get(v, "Config"))) {
		value_write(value_get(v, "Config"), out);
	} else {
		json_object(out);
		json_end_object(out);
	}
	json_end_object(out);
}

static void write_restart(const struct json_c_value *v, struct json *out)
{
	const char *name = value_text(v, "Name");

	json_object(out);
	json_kv_string(out, "Name", isempty(name) ? "no" : name);
	json_kv_i64(out, "MaximumRetryCount", value_int(v, "MaximumRetryCount", 0));
	json_end_object(out);
}

/* Texts whose default is a word. */
static const char *default_word(const char *name, const char *said, bool privileged)
{
	static const struct {
		const char *name, *word, *privileged;
	} words[] = {
		{ "NetworkMode", "bridge", "bridge" },
		{ "CgroupnsMode", "private", "host" },
		{ "IpcMode", "private", "private" },
		{ "Runtime", "creel", "creel" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(name, words[i].name) && (isempty(said) || (i == 0 && streq(said, "default"))))
			return privileged ? words[i].privileged : words[i].word;
	return NULL;
}

/* Those whose default is more than nothing. True: written. */
static bool write_special(const char *name, const struct json_c_value *given, const struct json_c_value *v,
			  struct json *out)
{
	bool privileged = value_bool(given, "Privileged");
	const char *word = default_word(name, value_text(v, NULL), privileged);

	if (word)
		json_string(out, word);
	else if (streq(name, "LogConfig"))
		write_log_config(v, out);
	else if (streq(name, "RestartPolicy"))
		write_restart(v, out);
	else if (streq(name, "ShmSize") && value_int(v, NULL, 0) <= 0)
		json_i64(out, DOCKER_SHM_SIZE);
	else if (streq(name, "MaskedPaths") && !v && !privileged)
		write_paths(out, docker_masked_paths);
	else if (streq(name, "ReadonlyPaths") && !v && !privileged)
		write_paths(out, docker_readonly_paths);
	else if (streq(name, "ConsoleSize") && !v)
		(json_array(out), json_i64(out, 0), json_i64(out, 0), json_end_array(out));
	else if ((streq(name, "PidsLimit") && value_int(v, NULL, 0) == 0) ||
		 (streq(name, "MemorySwappiness") && value_int(v, NULL, -1) == -1))
		json_null(out);
	else
		return false;
	return true;
}

static void write_default(const struct member *m, struct json *out)
{
	if (m->def == NIL) {
		json_null(out);
		return;
	}
	switch (m->kind) {
	case TEXT:
		json_string(out, "");
		break;
	case NUMBER:
		json_i64(out, 0);
		break;
	case FLAG:
		json_bool(out, false);
		break;
	case LIST:
		json_array(out);
		json_end_array(out);
		break;
	default:
		json_object(out);
		json_end_object(out);
	}
}

/* --- what cannot be meant ------------------------------------------------------------------------------------------------ */

static int check_restart(const struct json_c_value *host, struct err *e)
{
	const struct json_c_value *p = value_get(host, "RestartPolicy");
	const char *name = value_text(p, "Name") ?: "";
	int64_t max = value_int(p, "MaximumRetryCount", 0);

	if (!*name || streq(name, "no") || streq(name, "always") || streq(name, "unless-stopped")) {
		if (max != 0)
			return err_kind(
				e, ERR_INVALID, -EINVAL,
				"invalid restart policy: maximum retry count can only be used with 'on-failure'");
	} else if (!streq(name, "on-failure")) {
		return err_kind(
			e, ERR_INVALID, -EINVAL,
			"invalid restart policy: unknown policy '%s'; use one of 'no', 'always', 'on-failure', or "
			"'unless-stopped'",
			name);
	} else if (max < 0) {
		return err_kind(e, ERR_INVALID, -EINVAL,
				"invalid restart policy: maximum retry count cannot be negative");
	}
	if (value_bool(host, "AutoRemove") && *name && !streq(name, "no"))
		return err_kind(e, ERR_INVALID, -EINVAL, "can't create 'AutoRemove' container with restart policy");
	return 0;
}

static int check_cpu(const struct json_c_value *h, struct err *e)
{
	int64_t period = value_int(h, "CpuPeriod", 0), quota = value_int(h, "CpuQuota", 0);

	if (value_int(h, "NanoCpus", 0) && (quota || period))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"Conflicting options: Nano CPUs and CPU %s cannot both be set.",
				quota ? "Quota" : "Period");
	if (period && (period < 1000 || period > 1000000))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
	if (quota > 0 && quota < 1000)
		return err_kind(e, ERR_INVALID, -EINVAL, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	return 0;
}

static int check_numbers(const struct json_c_value *h, struct err *e)
{
	int64_t memory = value_int(h, "Memory", 0), swap = value_int(h, "MemorySwap", 0),
		reserved = value_int(h, "MemoryReservation", 0), swappiness = value_int(h, "MemorySwappiness", -1),
		weight = value_int(h, "BlkioWeight", 0), oom = value_int(h, "OomScoreAdj", 0);

	if (memory && memory < (6 << 20))
		return err_kind(e, ERR_INVALID, -EINVAL, "Minimum memory limit allowed is 6MB");
	if (memory > 0 && swap > 0 && swap < memory)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"Minimum memoryswap limit should be larger than memory limit, see usage");
	if (!memory && swap > 0)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"You should always set the Memory limit when using Memoryswap limit, see usage");
	if (reserved > 0 && reserved < (6 << 20))
		return err_kind(e, ERR_INVALID, -EINVAL, "Minimum memory reservation allowed is 6MB");
	if (memory && reserved > memory)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"Minimum memory limit can not be less than memory reservation limit, see usage");
	if (swappiness < -1 || swappiness > 100)
		return err_kind(e, ERR_INVALID, -EINVAL, "Invalid value: %lld, valid memory swappiness range is 0-100",
				(long long)swappiness);
	if (weight && (weight < 10 || weight > 1000))
		return err_kind(e, ERR_INVALID, -EINVAL, "Range of blkio weight is from 10 to 1000");
	if (oom < -1000 || oom > 1000)
		return err_kind(e, ERR_INVALID, -EINVAL, "Invalid value %lld, range for oom score adj is [-1000, 1000]",
				(long long)oom);
	if (value_int(h, "ShmSize", 0) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "SHM size can not be less than 0");
	return 0;
}

static int check_modes(const struct json_c_value *h, struct err *e)
{
	static const struct {
		const char *name, *title, *words[5];
		bool container;
	} modes[] = {
		{ "IpcMode", "IPC", { "", "private", "shareable", "host", "none" }, true },
		{ "PidMode", "PID", { "", "host" }, true },
		{ "UTSMode", "UTS", { "", "host" }, false },
		{ "UsernsMode", "userns", { "", "host" }, false },
		{ "CgroupnsMode", "cgroup namespace", { "", "private", "host" }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		const char *said = value_text(h, modes[i].name) ?: "";
		bool ok = modes[i].container && startswith(said, "container:") && said[10];

		for (size_t k = 0; k < ARRAY_SIZE(modes[i].words) && modes[i].words[k]; k++)
			ok |= streq(said, modes[i].words[k]);
		if (!ok)
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid %s mode: %s", modes[i].title, said);
	}
	return 0;
}

struct log_check {
	const char *type;
	struct err *e;
};

static int check_log_option(void *arg, const char *name, struct json_c_value *v)
{
	static const char *const known[] = { "max-size", "max-file",  "compress", "mode",	  "max-buffer-size",
					     "env",	 "env-regex", "labels",	  "labels-regex", "tag" };
	const struct log_check *c = arg;
	/* The driver `local` has neither attributes nor a tag. */
	size_t n = streq(c->type, "local") ? 5 : ARRAY_SIZE(known);

	for (size_t i = 0; i < n; i++)
		if (streq(name, known[i]))
			return 0;
	if (streq(c->type, "none"))
		return 0;
	return err_kind(c->e, ERR_INVALID, -EINVAL,
			streq(c->type, "local") ? "unknown log opt '%s' for log driver %s"
						: "unknown log opt '%s' for %s log driver",
			name, c->type);
}

static int check_log(const struct json_c_value *h, struct err *e)
{
	const struct json_c_value *conf = value_at(h, "LogConfig.Config");
	const char *type = value_at(h, "LogConfig") ? value_text(value_at(h, "LogConfig"), "Type") : NULL;
	const char *size = value_text(conf, "max-size"), *files = value_text(conf, "max-file");
	struct log_check check = { isempty(type) ? "json-file" : type, e };
	uint64_t n;
	int r;

	if (!streq(check.type, "json-file") && !streq(check.type, "local") && !streq(check.type, "none"))
		return err_kind(e, ERR_INVALID, -EINVAL, "error looking up logging plugin %s: plugin \"%s\" not found",
				type, type);
	r = value_each(conf, check_log_option, &check);
	if (r < 0)
		return r;
	if (size && !streq(size, "-1") && parse_size(size, &n) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "failed to initialize logging driver: invalid size: '%s'",
				size);
	if (files && (parse_u64(files, &n) < 0 || n < 1 || n > 999))
		return err_kind(e, ERR_INVALID, -EINVAL, "max-file cannot be less than 1 nor more than 999: '%s'",
				files);
	return 0;
}

/* Words of --tmpfs: of the mount, and of the file system, which have a value. */
static int check_tmpfs(void *arg, const char *path, struct json_c_value *v)
{
	static const char *const known[] = { "defaults",   "ro",       "rw",	     "suid",	    "nosuid",
					     "dev",	   "nodev",    "exec",	     "noexec",	    "sync",
					     "async",	   "dirsync",  "atime",	     "noatime",	    "diratime",
					     "nodiratime", "relatime", "norelatime", "strictatime", "nostrictatime",
					     "size=",	   "mode=",    "uid=",	     "gid=",	    "nr_inodes=",
					     "nr_blocks=", "mpol=",    "private",    "rprivate",    "shared",
					     "rshared",	   "slave",    "rslave",     "bind",	    "rbind",
					     "remount",	   "mand",     "nomand" };
	const char *s = value_text(v, NULL) ?: "";

	if (*path != '/')
		return err_kind(arg, ERR_INVALID, -EINVAL, "invalid mount path: '%s' mount path must be absolute",
				path);
	while (*s) {
		size_t n = strcspn(s, ","), name = strcspn(s, "=,");
		bool ok = !n;

		for (size_t i = 0; i < ARRAY_SIZE(known) && !ok; i++) {
			size_t len = strlen(known[i]);

			ok = known[i][len - 1] == '=' ? n > len && strncmp(s, known[i], len) == 0
						      : n == len && strncmp(s, known[i], n) == 0;
		}
		if (!ok)
			return err_kind(arg, ERR_INVALID, -EINVAL, "invalid tmpfs option \"%.*s\"", (int)name, s);
		s += n + (s[n] == ',');
	}
	return 0;
}

static int check_caps(const struct json_c_value *h, const char *member, struct err *e)
{
	const struct json_c_value *l = value_get(h, member);

	for (size_t i = 0; i < value_len(l); i++) {
		const char *said = value_text(value_elem(l, i), NULL) ?: "";
		char full[64];

		snprintf(full, sizeof(full), "%s%s", strncasecmp(said, "CAP_", 4) == 0 ? "" : "CAP_", said);
		for (char *s = full; *s; s++)
			*s = (char)toupper((unsigned char)*s);
		if (!streq(full, "CAP_ALL") && !oci_cap_word(full))
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid %s: unknown capability: \"%s\"", member,
					full);
	}
	return 0;
}

struct sysctl_check {
	const struct json_c_value *host;
	struct err *e;
};

/* Exactly what has an instance in the container's own name spaces: anything else would be the host's. */
static int check_sysctl(void *arg, const char *name, struct json_c_value *v)
{
	static const char *const ipc[] = {
		"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
	};
	const struct sysctl_check *c = arg;
	bool net = startswith(name, "net.") != NULL, of_ipc = startswith(name, "fs.mqueue.") != NULL;

	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		of_ipc |= streq(name, ipc[i]);
	if ((!net && !of_ipc) || strstr(name, "..") || strchr(name, '/') || strpbrk(name, "= \t\n") ||
	    !value_text(v, NULL))
		return err_kind(c->e, ERR_INVALID, -EINVAL, "sysctl '%s' is not allowed", name);
	if (net && streq(value_text(c->host, "NetworkMode") ?: "", "host"))
		return err_kind(c->e, ERR_INVALID, -EINVAL, "sysctl '%s' not allowed in host network namespace", name);
	if (of_ipc && streq(value_text(c->host, "IpcMode") ?: "", "host"))
		return err_kind(c->e, ERR_INVALID, -EINVAL, "sysctl '%s' not allowed in host ipc namespace", name);
	return 0;
}

static size_t number_or_star(const char *s)
{
	return *s == '*' ? 1 : strspn(s, "0123456789");
}

/* "c 1:3 rwm". */
static int check_device_rules(const struct json_c_value *h, struct err *e)
{
	const struct json_c_value *l = value_get(h, "DeviceCgroupRules");

	for (size_t i = 0; i < value_len(l); i++) {
		const char *rule = value_text(value_elem(l, i), NULL) ?: "", *s = rule;
		size_t n;
		bool ok = *s && strchr("acb", *s) && s[1] == ' ';

		s += ok ? 2 : 0;
		n = number_or_star(s);
		ok = ok && n && s[n] == ':';
		s += ok ? n + 1 : 0;
		n = number_or_star(s);
		ok = ok && n && s[n] == ' ';
		s += ok ? n + 1 : 0;
		n = strspn(s, "rwm");
		if (!ok || !n || n > 3 || s[n])
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid device cgroup rule format: '%s'", rule);
	}
	return 0;
}

static bool is_label(const char *s)
{
	static const char *const keys[] = { "user:", "role:", "type:", "level:", "filetype:" };
	bool ok = streq(s, "disable") || streq(s, "nested");

	for (size_t i = 0; i < ARRAY_SIZE(keys) && !ok; i++)
		ok = !isempty(startswith(s, keys[i]));
	return ok;
}

static bool is_bool(const char *s)
{
	return streq(s, "true") || streq(s, "false") || streq(s, "1") || streq(s, "0");
}

static int check_security(const struct json_c_value *h, struct err *e)
{
	const struct json_c_value *l = value_get(h, "SecurityOpt");

	for (size_t i = 0; i < value_len(l); i++) {
		const char *s = value_text(value_elem(l, i), NULL) ?: "", *value = strpbrk(s, "=:");
		size_t n = value ? (size_t)(value - s) : strlen(s);
		bool nnp = strncmp(s, "no-new-privileges", n) == 0 && n == strlen("no-new-privileges"),
		     groups = strncmp(s, "writable-cgroups", n) == 0 && n == strlen("writable-cgroups");

		if (nnp || groups) {
			if (value && !is_bool(value + 1))
				return err_kind(e, ERR_INVALID, -EINVAL,
						"invalid --security-opt 2: \"%s\": true or false", s);
		} else if (!value) {
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid --security-opt 1: \"%s\"", s);
		} else if (n == 5 && memcmp(s, "label", n) == 0) {
			if (!is_label(value + 1))
				return err_kind(
					e, ERR_INVALID, -EINVAL,
					"bad label option \"%s\", valid options 'disable' or 'user, role, level, "
					"type, filetype' followed by ':' and a value",
					value + 1);
		} else if (!(n == 7 && memcmp(s, "seccomp", n) == 0) && !(n == 8 && memcmp(s, "apparmor", n) == 0)) {
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid --security-opt 2: \"%s\"", s);
		}
	}
	return 0;
}

/* What would be somebody else's to do: nobody is there who does it. */
static int check_drivers(const struct json_c_value *h, struct err *e)
{
	static const char *const runtimes[] = { "creel", "runc", "crun", "io.containerd.runc.v2" };
	const char *runtime = value_text(h, "Runtime"), *volumes = value_text(h, "VolumeDriver");
	bool known = isempty(runtime);

	for (size_t i = 0; i < ARRAY_SIZE(runtimes) && !known; i++)
		known = streq(runtime, runtimes[i]);
	if (!known)
		return err_kind(e, ERR_INVALID, -EINVAL, "unknown or invalid runtime name: %s", runtime);
	if (!isempty(volumes) && !streq(volumes, "local"))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "error looking up volume plugin %s: plugin \"%s\" not found",
				volumes, volumes);
	if (value_len(value_get(h, "DeviceRequests")))
		return err_kind(
			e, ERR_INVALID, -EOPNOTSUPP,
			"could not select device driver \"%s\" with capabilities: [[gpu]]: no driver hands out GPUs; "
			"--device gives the nodes themselves",
			value_text(value_elem(value_get(h, "DeviceRequests"), 0), "Driver") ?: "");
	if (value_members(value_get(h, "StorageOpt")))
		return err_kind(e, ERR_INVALID, -EOPNOTSUPP,
				"--storage-opt is not supported: no driver of layers limits the size of a root");
	return 0;
}

enum restart_policy docker_restart_policy(const struct json_c_value *host, int64_t *ret_max)
{
	const struct json_c_value *p = value_get(host, "RestartPolicy");
	const char *name = value_text(p, "Name") ?: "no";

	*ret_max = value_int(p, "MaximumRetryCount", 0);
	return streq(name, "always")	       ? RESTART_ALWAYS
	       : streq(name, "unless-stopped") ? RESTART_UNLESS_STOPPED
	       : streq(name, "on-failure")     ? RESTART_ON_FAILURE
					       : RESTART_NO;
}

int docker_host_write(const struct json_c_value *given, struct json *out, struct err *e)
{
	int r = check_restart(given, e);

	if (r == 0)
		r = check_numbers(given, e);
	if (r == 0)
		r = check_cpu(given, e);
	if (r == 0)
		r = check_modes(given, e);
	if (r == 0)
		r = check_log(given, e);
	if (r == 0)
		r = value_each(value_get(given, "Sysctls"), check_sysctl, &(struct sysctl_check){ given, e });
	if (r == 0)
		r = value_each(value_get(given, "Tmpfs"), check_tmpfs, e);
	if (r == 0)
		r = check_caps(given, "CapAdd", e);
	if (r == 0)
		r = check_caps(given, "CapDrop", e);
	if (r == 0)
		r = check_device_rules(given, e);
	if (r == 0)
		r = check_security(given, e);
	if (r == 0)
		r = check_drivers(given, e);
	for (size_t i = 0; i < ARRAY_SIZE(members) && r == 0; i++) {
		const struct member *m = &members[i];
		const struct json_c_value *v = value_get(given, m->name);

		if (v && m->kind != ANY && !fits(m->kind, v))
			r = err_kind(e, ERR_INVALID, -EINVAL, "invalid JSON: HostConfig.%s: expected %s", m->name,
				     kind_names[m->kind]);
	}
	if (r < 0)
		return r;
	json_object(out);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		const struct member *m = &members[i];
		const struct json_c_value *v = value_get(given, m->name);

		if (!v && m->def == LEFT_OUT)
			continue;
		json_key(out, m->name);
		if (write_special(m->name, given, v, out))
			continue;
		if (v)
			value_write(v, out);
		else
			write_default(m, out);
	}
	json_end_object(out);
	return 0;
}
