/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Config and HostConfig into the model. What Docker has by default is said here, so that the spec says all of it. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "dialect/docker/docker.h"
#include "dialect/oci/oci.h"
#include "spec/field.h"

static int set(char **at, const char *value, struct err *e)
{
	if (!value)
		return 0;
	free(*at);
	*at = strdup(value);
	return *at ? 0 : err_oom(e);
}

static bool has_word(const struct json_c_value *list, const char *word)
{
	for (size_t i = 0; i < value_len(list); i++)
		if (streq(value_text(value_elem(list, i), NULL) ?: "", word))
			return true;
	return false;
}

/* What follows "KEY=" or "KEY:" in SecurityOpt; NULL: not said. */
static const char *security_opt(const struct json_c_value *host, const char *key)
{
	const struct json_c_value *l = value_get(host, "SecurityOpt");
	const char *found = NULL;

	for (size_t i = 0; i < value_len(l); i++) {
		const char *rest = startswith(value_text(value_elem(l, i), NULL) ?: "", key);

		if (rest && (*rest == '=' || *rest == ':'))
			found = rest + 1;
	}
	return found;
}

/* --- mounts ------------------------------------------------------------------------------------------------------------- */

static int add_mount(struct spec *s, const char *fstype, const char *source, const char *target, const char *options,
		     struct err *e)
{
	struct spec_mount *m = list_add(&s->mounts, e);
	int r;

	if (!m)
		return -ENOMEM;
	r = set(&m->fstype, fstype, e);
	if (r == 0)
		r = set(&m->source, source, e);
	if (r == 0)
		r = set(&m->target, target, e);
	return r == 0 ? set(&m->options, options, e) : r;
}

static bool mounted_over(const struct docker_container *c, const char *target)
{
	for (size_t i = 0; i < value_len(c->mounts); i++)
		if (streq(value_text(value_elem(c->mounts, i), "Destination") ?: "", target))
			return true;
	return value_get(value_get(c->host, "Tmpfs"), target) != NULL;
}

bool docker_is_system(const struct json_c_value *host)
{
	return value_get(value_get(host, "Annotations"), DOCKER_SYSTEM) != NULL;
}

/* An init governs the groups below its own, and wants places that are empty at each boot. */
static int system_mounts(const struct docker_container *c, struct spec *s, struct err *e)
{
	static const char *const empty[] = { "/run", "/run/lock", "/tmp", "/var/log/journal" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(empty) && r == 0 && docker_is_system(c->host); i++)
		if (!mounted_over(c, empty[i]))
			r = add_mount(s, "tmpfs", "tmpfs", empty[i],
				      i == 2 ? "nosuid,nodev,mode=1777" : "nosuid,nodev,mode=755", e);
	return r;
}

static int standard_mounts(const struct docker_container *c, struct spec *s, struct err *e)
{
	const char *groups = security_opt(c->host, "writable-cgroups");
	bool privileged = value_bool(c->host, "Privileged"),
	     governs = privileged || docker_is_system(c->host) ||
		       (groups && (streq(groups, "true") || streq(groups, "1"))) ||
		       has_word(value_get(c->host, "SecurityOpt"), "writable-cgroups");
	const char *ipc = value_text(c->host, "IpcMode") ?: "";
	bool joined = startswith(ipc, "container:") != NULL; /* then the engine gives the other's */
	char shm[64];
	const struct {
		const char *fstype, *source, *target, *options;
		bool skip;
	} all[] = {
		{ "proc", "proc", "/proc", "nosuid,noexec,nodev" },
		{ "tmpfs", "tmpfs", "/dev", "nosuid,strictatime,mode=755,size=65536k" },
		{ "devpts", "devpts", "/dev/pts",
		  c->no_tty_group ? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"
				  : "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5" },
		{ "sysfs", "sysfs", "/sys", privileged ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro" },
		{ "cgroup", "cgroup", "/sys/fs/cgroup", governs ? "nosuid,noexec,nodev" : "ro,nosuid,noexec,nodev" },
		{ "mqueue", "mqueue", "/dev/mqueue", "nosuid,noexec,nodev", s->ns_share[NS_IPC] },
		{ "bind", "/dev/mqueue", "/dev/mqueue", "rbind,nosuid,noexec,nodev", !streq(ipc, "host") },
		{ "tmpfs", "shm", "/dev/shm", shm, streq(ipc, "none") || streq(ipc, "host") || joined },
		{ "bind", "/dev/shm", "/dev/shm", "rbind,nosuid,noexec,nodev", !streq(ipc, "host") && !joined },
	};
	int r = 0;

	snprintf(shm, sizeof(shm), "nosuid,noexec,nodev,mode=1777,size=%" PRId64,
		 value_int(c->host, "ShmSize", DOCKER_SHM_SIZE));
	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		if (!all[i].skip && (i < 2 || !mounted_over(c, all[i].target)))
			r = add_mount(s, all[i].fstype, all[i].source, all[i].target, all[i].options, e);
	return r;
}

static int name_files(const struct docker_container *c, struct spec *s, struct err *e)
{
	const struct {
		const char *source, *target;
	} all[] = {
		{ c->resolv, "/etc/resolv.conf" },
		{ c->hostname, "/etc/hostname" },
		{ c->hosts, "/etc/hosts" },
	};
	/* Of a root that is read only they are a part. */
	const char *options = value_bool(c->host, "ReadonlyRootfs") ? "rbind,ro,rprivate" : "rbind,rprivate";
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		if (all[i].source && !mounted_over(c, all[i].target))
			r = add_mount(s, "bind", all[i].source, all[i].target, options, e);
	return r;
}

/* A path with fewer parts first: what lies in another mount comes after it. */
static unsigned parts(const char *path)
{
	unsigned n = 0;

	for (; *path; path++)
		n += *path == '/' && path[1];
	return n;
}

static int one_mount(const struct json_c_value *m, struct spec *s, struct err *e)
{
	const char *type = value_text(m, "Type") ?: "bind", *source = value_text(m, "Source"),
		   *target = value_text(m, "Destination"), *propagation = value_text(m, "Propagation");
	_cleanup_buf_ struct buf o = BUF_INIT;
	int r;

	if (streq(type, "tmpfs")) {
		buf_puts(&o, "nosuid,nodev,noexec");
		if (!isempty(value_text(m, "Options")))
			buf_printf(&o, ",%s", value_text(m, "Options"));
		r = buf_error(&o, e);
		return r < 0 ? r : add_mount(s, "tmpfs", "tmpfs", target, buf_str(&o), e);
	}
	buf_puts(&o, value_bool(m, "NonRecursive") ? "bind" : "rbind");
	if (!value_bool(m, "RW"))
		buf_puts(&o, value_bool(m, "Shallow") ? ",ro" : ",rro");
	buf_printf(&o, ",%s", isempty(propagation) ? "rprivate" : propagation);
	r = buf_error(&o, e);
	return r < 0 ? r : add_mount(s, "bind", source, target, buf_str(&o), e);
}

struct tmpfs_walk {
	struct spec *s;
	struct err *e;
	unsigned depth;
};

static int one_tmpfs(void *arg, const char *target, struct json_c_value *v)
{
	struct tmpfs_walk *w = arg;
	const char *said = value_text(v, NULL);
	_cleanup_buf_ struct buf o = BUF_INIT;

	if (parts(target) != w->depth)
		return 0;
	buf_printf(&o, "nosuid,nodev,noexec%s%s", isempty(said) ? "" : ",", said ?: "");
	return buf_error(&o, w->e) < 0 ? -ENOMEM : add_mount(w->s, "tmpfs", "tmpfs", target, buf_str(&o), w->e);
}

static int user_mounts(const struct docker_container *c, struct spec *s, struct err *e)
{
	unsigned deepest = 1;
	int r = 0;

	for (size_t i = 0; i < value_len(c->mounts); i++) {
		unsigned n = parts(value_text(value_elem(c->mounts, i), "Destination") ?: "");

		deepest = n > deepest ? n : deepest;
	}
	if (value_members(value_get(c->host, "Tmpfs")) && deepest < 64)
		deepest = 64;
	for (unsigned depth = 0; depth <= deepest && r == 0; depth++) {
		struct tmpfs_walk w = { s, e, depth };

		for (size_t i = 0; i < value_len(c->mounts) && r == 0; i++) {
			const struct json_c_value *m = value_elem(c->mounts, i);

			if (parts(value_text(m, "Destination") ?: "") == depth)
				r = one_mount(m, s, e);
		}
		if (r == 0)
			r = value_each(value_get(c->host, "Tmpfs"), one_tmpfs, &w);
		/* A volume at /etc does not hide them. */
		if (r == 0 && depth == 1)
			r = name_files(c, s, e);
	}
	return r;
}

/* --- devices and limits ------------------------------------------------------------------------------------------------- */

static int add_item(struct spec *s, const char *key, struct err *e, const char *fmt, ...) _printf_(4, 5);
static int add_item(struct spec *s, const char *key, struct err *e, const char *fmt, ...)
{
	struct spec_cgroup_item *i = list_add(&s->cgroup.items, e);
	va_list ap;
	int n;

	if (!i)
		return -ENOMEM;
	i->version = 1;
	i->key = strdup(key);
	va_start(ap, fmt);
	n = vasprintf(&i->value, fmt, ap);
	va_end(ap);
	if (n < 0)
		i->value = NULL;
	return i->key && i->value ? 0 : err_oom(e);
}

static int device_rules(const struct docker_container *c, struct spec *s, struct err *e)
{
	static const char *const allowed[] = {
		"c *:* m",   "b *:* m",	  "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm",   "c 1:8 rwm",
		"c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",
	};
	const struct json_c_value *rules = value_get(c->host, "DeviceCgroupRules");
	bool privileged = value_bool(c->host, "Privileged");
	int r;

	if (privileged)
		return add_item(s, "devices.allow", e, "a");
	r = add_item(s, "devices.deny", e, "a");
	for (size_t i = 0; i < ARRAY_SIZE(allowed) && r == 0; i++)
		r = add_item(s, "devices.allow", e, "%s", allowed[i]);
	for (size_t i = 0; i < c->n_devices && r == 0; i++)
		r = add_item(s, "devices.allow", e, "%c %u:%u %s", c->devices[i].type, c->devices[i].major,
			     c->devices[i].minor, c->devices[i].access);
	for (size_t i = 0; i < value_len(rules) && r == 0; i++)
		r = add_item(s, "devices.allow", e, "%s", value_text(value_elem(rules, i), NULL) ?: "");
	return r;
}

static int device_nodes(const struct docker_container *c, struct spec *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < c->n_devices && r == 0; i++) {
		const struct docker_device *from = &c->devices[i];
		struct spec_device *d = list_add(&s->dev.devices, e);

		if (!d)
			return -ENOMEM;
		*d = (struct spec_device){ .type = from->type,
					   .major = from->major,
					   .minor = from->minor,
					   .mode = from->mode,
					   .uid = from->uid,
					   .gid = from->gid };
		r = set(&d->path, from->path, e);
	}
	s->dev.standard = TRI_YES;
	return r;
}

/* Limits of block devices: [{"Path", "Rate" or "Weight"}]; the engine has put "Major" and "Minor" in. */
static int block_limits(const struct json_c_value *h, struct spec *s, struct err *e)
{
	static const struct {
		const char *name, *key, *value;
	} lists[] = {
		{ "BlkioWeightDevice", "blkio.weight_device", "Weight" },
		{ "BlkioDeviceReadBps", "blkio.throttle.read_bps_device", "Rate" },
		{ "BlkioDeviceWriteBps", "blkio.throttle.write_bps_device", "Rate" },
		{ "BlkioDeviceReadIOps", "blkio.throttle.read_iops_device", "Rate" },
		{ "BlkioDeviceWriteIOps", "blkio.throttle.write_iops_device", "Rate" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const struct json_c_value *l = value_get(h, lists[i].name);

		for (size_t k = 0; k < value_len(l) && r == 0; k++) {
			const struct json_c_value *d = value_elem(l, k);

			if (value_get(d, "Major"))
				r = add_item(s, lists[i].key, e, "%" PRId64 ":%" PRId64 " %" PRId64,
					     value_int(d, "Major", 0), value_int(d, "Minor", 0),
					     value_int(d, lists[i].value, 0));
		}
	}
	return r;
}

static int cpu_limits(const struct json_c_value *h, struct spec *s, struct err *e)
{
	int64_t nano = value_int(h, "NanoCpus", 0), quota = value_int(h, "CpuQuota", 0),
		period = value_int(h, "CpuPeriod", 0), shares = value_int(h, "CpuShares", 0);
	int r = 0;

	if (nano > 0) {
		period = 100000;
		quota = nano / 10000;
	}
	if (shares > 0)
		r = add_item(s, "cpu.shares", e, "%" PRId64, shares < 2 ? 2 : shares);
	if (r == 0 && period > 0)
		r = add_item(s, "cpu.cfs_period_us", e, "%" PRId64, period);
	if (r == 0 && quota)
		r = add_item(s, "cpu.cfs_quota_us", e, "%" PRId64, quota);
	if (r == 0 && !isempty(value_text(h, "CpusetCpus")))
		r = add_item(s, "cpuset.cpus", e, "%s", value_text(h, "CpusetCpus"));
	if (r == 0 && !isempty(value_text(h, "CpusetMems")))
		r = add_item(s, "cpuset.mems", e, "%s", value_text(h, "CpusetMems"));
	return r;
}

int docker_resources(const struct json_c_value *h, bool zero, struct spec *s, struct err *e)
{
	int64_t memory = value_int(h, "Memory", 0), swap = value_int(h, "MemorySwap", 0),
		reserved = value_int(h, "MemoryReservation", 0), pids = value_int(h, "PidsLimit", 0);
	int r = cpu_limits(h, s, e);

	/* As Docker has it: as much swap again as memory where nothing is said of it. */
	if (memory > 0 && !swap && !zero)
		swap = memory * 2;
	if (r == 0 && memory)
		r = add_item(s, "memory.limit_in_bytes", e, "%" PRId64, memory);
	if (r == 0 && swap)
		r = add_item(s, "memory.memsw.limit_in_bytes", e, "%" PRId64, swap);
	if (r == 0 && reserved)
		r = add_item(s, "memory.soft_limit_in_bytes", e, "%" PRId64, reserved);
	if (r == 0 && value_get(h, "PidsLimit") && pids)
		r = pids < 0 ? add_item(s, "pids.max", e, "max") : add_item(s, "pids.max", e, "%" PRId64, pids);
	if (r == 0 && value_int(h, "BlkioWeight", 0))
		r = add_item(s, "blkio.weight", e, "%" PRId64, value_int(h, "BlkioWeight", 0));
	return r == 0 ? block_limits(h, s, e) : r;
}

/* --- what it may --------------------------------------------------------------------------------------------------------- */

static const char *const default_caps[] = {
	"chown",   "dac_override",     "fowner",  "fsetid",	"kill",	 "setgid",	"setuid",
	"setpcap", "net_bind_service", "net_raw", "sys_chroot", "mknod", "audit_write", "setfcap",
};

static int cap_named(const struct json_c_value *v, const char **ret, struct err *e)
{
	const char *said = value_text(v, NULL) ?: "", *word = oci_cap_word(said);
	char full[64];

	if (!word && snprintf(full, sizeof(full), "CAP_%s", said) < (int)sizeof(full))
		word = oci_cap_word(full);
	if (!word)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid capability: \"%s\"", said);
	*ret = word;
	return 0;
}

static bool says_all(const struct json_c_value *l)
{
	return has_word(l, "ALL") || has_word(l, "all") || has_word(l, "CAP_ALL");
}

static void take_out(struct strv *l, const char *s)
{
	for (size_t i = l->n; i-- > 0;)
		if (streq(l->v[i], s))
			strv_remove(l, i);
}

static bool is_builtin(const char *profile)
{
	return !profile || streq(profile, "builtin") || streq(profile, "default");
}

/* An init ends by reboot(2), which in a pid name space of its own reaches no further; what else the capability stands for, loading
 * another kernel, the built-in policy refuses to everybody. */
static bool may_reboot(const struct json_c_value *host)
{
	return docker_is_system(host) && !streq(value_text(host, "PidMode") ?: "", "host") &&
	       is_builtin(security_opt(host, "seccomp"));
}

int docker_caps(const struct json_c_value *host, struct strv *ret, struct err *e)
{
	const struct json_c_value *add = value_get(host, "CapAdd"), *drop = value_get(host, "CapDrop");
	bool all = value_bool(host, "Privileged") || says_all(add);
	int r = 0;

	if (all)
		for (const struct oci_word *w = oci_caps; w->name && r == 0; w++)
			r = strv_push(ret, w->word, e);
	else if (!says_all(drop))
		for (size_t i = 0; i < ARRAY_SIZE(default_caps) && r == 0; i++)
			r = strv_push(ret, default_caps[i], e);
	if (r == 0 && !all && !says_all(drop) && may_reboot(host))
		r = strv_push(ret, "sys_boot", e);
	for (size_t i = 0; i < value_len(add) && r == 0 && !all; i++) {
		const char *word = NULL;

		r = cap_named(value_elem(add, i), &word, e);
		if (r == 0 && !strv_has(ret, word))
			r = strv_push(ret, word, e);
	}
	for (size_t i = 0; i < value_len(drop) && r == 0 && !value_bool(host, "Privileged"); i++) {
		const char *word = NULL;

		if (says_all(drop) && strcasecmp(value_text(value_elem(drop, i), NULL) ?: "", "all") == 0)
			continue;
		r = cap_named(value_elem(drop, i), &word, e);
		if (r == 0)
			take_out(ret, word);
	}
	return r;
}

static int capabilities(const struct docker_container *c, const struct strv *caps, struct spec *s, struct err *e)
{
	struct strv *sets[] = { &s->process.cap_bounding, &s->process.cap_effective, &s->process.cap_permitted };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sets) && r == 0; i++)
		r = caps->n ? strv_copy(sets[i], caps, e) : strv_push(sets[i], "none", e);
	return r;
}

static int seccomp(const struct docker_container *c, const struct strv *caps, struct spec *s, struct err *e)
{
	const char *said = security_opt(c->host, "seccomp");
	_cleanup_value_ struct json_c_value *profile = NULL;
	int r;

	if (value_bool(c->host, "Privileged") || (said && streq(said, "unconfined")))
		return 0;
	if (is_builtin(said))
		return docker_seccomp_default(caps, &s->security.seccomp, e);
	r = value_parse(said, strlen(said), "seccomp profile", &profile, e);
	if (r == 0)
		r = docker_seccomp_profile(profile, caps, c->kernel, &s->security.seccomp, e);
	return r < 0 ? err_wrap(e, r, "Decoding seccomp profile failed") : 0;
}

static int paths(const struct json_c_value *l, struct strv *ret, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < value_len(l) && r == 0; i++)
		r = strv_push(ret, value_text(value_elem(l, i), NULL) ?: "", e);
	return r;
}

/* label=user:U, role:R, type:T and level:L over what a container has by default. */
static int selinux_context(const struct docker_container *c, struct spec *s, struct err *e)
{
	static const char *const parts_of[] = { "user:", "role:", "type:", "level:" };
	const char *words[] = { "system_u", "system_r", "container_t", "s0" };
	const struct json_c_value *l = value_get(c->host, "SecurityOpt");
	_cleanup_free_ char *context = NULL;
	bool said = false;

	for (size_t i = 0; i < value_len(l); i++) {
		const char *text = value_text(value_elem(l, i), NULL) ?: "",
			   *label = startswith(text, "label=") ?: startswith(text, "label:");

		if (label && streq(label, "disable"))
			return 0;
		for (size_t k = 0; label && k < ARRAY_SIZE(parts_of); k++) {
			const char *value = startswith(label, parts_of[k]);

			words[k] = value ?: words[k];
			said |= value != NULL;
		}
	}
	if (!said)
		return 0;
	if (asprintf(&context, "%s:%s:%s:%s", words[0], words[1], words[2], words[3]) < 0) {
		context = NULL;
		return err_oom(e);
	}
	return set(&s->security.selinux_context, context, e);
}

/* The profile of all containers of images, one of its own for who has an init; a privileged one is confined by what it names. */
static int confinement(const struct docker_container *c, struct spec *s, struct err *e)
{
	const char *said = security_opt(c->host, "apparmor");

	if (c->selinux && !value_bool(c->host, "Privileged"))
		return selinux_context(c, s, e);
	if (isempty(said) && !c->apparmor)
		return 0;
	if (isempty(said))
		said = value_bool(c->host, "Privileged") ? "unconfined"
		       : docker_is_system(c->host)	 ? "generated"
							 : DOCKER_APPARMOR;
	/* Nothing to do on a host that confines nobody. */
	if (streq(said, "unconfined") && !c->apparmor)
		return 0;
	return set(&s->security.apparmor_profile, said, e);
}

static int security(const struct docker_container *c, struct spec *s, struct err *e)
{
	const struct json_c_value *opts = value_get(c->host, "SecurityOpt");
	const char *nnp = security_opt(c->host, "no-new-privileges");
	bool privileged = value_bool(c->host, "Privileged");
	_cleanup_strv_ struct strv caps = STRV_INIT;
	int r = docker_caps(c->host, &caps, e);

	if (r == 0)
		r = capabilities(c, &caps, s, e);
	if (r == 0)
		r = seccomp(c, &caps, s, e);
	if (r == 0 && !privileged) {
		r = paths(value_get(c->host, "MaskedPaths"), &s->security.masked_paths, e);
		if (r == 0)
			r = paths(value_get(c->host, "ReadonlyPaths"), &s->security.readonly_paths, e);
	}
	if (has_word(opts, "no-new-privileges") || (nnp && (streq(nnp, "true") || streq(nnp, "1"))))
		s->process.no_new_privs = TRI_YES;
	return r == 0 ? confinement(c, s, e) : r;
}

/* --- the process --------------------------------------------------------------------------------------------------------- */

static int arguments(const struct docker_container *c, struct spec *s, struct err *e)
{
	const struct strv *lists[] = { &c->config->entrypoint, &c->config->cmd };
	int r = 0;

	if (c->init) {
		r = strv_push(&s->process.args, "/sbin/docker-init", e);
		if (r == 0)
			r = strv_push(&s->process.args, "--", e);
	}
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < lists[k]->n && r == 0; i++)
			r = strv_push(&s->process.args, lists[k]->v[i], e);
	return r;
}

static int environment(const struct docker_container *c, struct spec *s, struct err *e)
{
	const struct container_config *conf = c->config;
	struct strv *env = &s->process.env;
	int r = strv_push(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", e);

	if (r == 0)
		r = strv_pushf(env, e, "HOSTNAME=%s", conf->hostname ?: "");
	if (r == 0 && conf->tty)
		r = strv_push(env, "TERM=xterm", e);
	if (r == 0 && docker_is_system(c->host))
		r = strv_push(env, "container=creel", e);
	for (size_t i = 0; i < conf->env.n && r == 0; i++)
		if (strchr(conf->env.v[i], '='))
			r = strv_env_set(env, conf->env.v[i], e);
	s->process.env_exact = TRI_YES;
	return r;
}

static int ulimits(const struct docker_container *c, struct spec *s, struct err *e)
{
	const struct json_c_value *l = value_get(c->host, "Ulimits");

	for (size_t i = 0; i < value_len(l); i++) {
		const struct json_c_value *u = value_elem(l, i);
		struct spec_rlimit *x = list_add(&s->process.rlimits, e);
		int64_t soft = value_int(u, "Soft", 0), hard = value_int(u, "Hard", 0);
		int r;

		if (!x)
			return -ENOMEM;
		r = set(&x->resource, value_text(u, "Name") ?: "", e);
		if (r < 0)
			return r;
		x->soft = soft < 0 ? UINT64_MAX : (uint64_t)soft;
		x->hard = hard < 0 ? UINT64_MAX : (uint64_t)hard;
	}
	return 0;
}

struct sysctl_walk {
	struct spec *s;
	struct err *e;
};

static int one_sysctl(void *arg, const char *name, struct json_c_value *v)
{
	struct sysctl_walk *w = arg;

	return strv_pushf(&w->s->process.sysctls, w->e, "%s=%s", name, value_text(v, NULL) ?: "");
}

static int process(const struct docker_container *c, struct spec *s, struct err *e)
{
	const struct container_config *conf = c->config;
	int64_t oom = value_int(c->host, "OomScoreAdj", 0);
	int r = arguments(c, s, e);

	if (r == 0)
		r = environment(c, s, e);
	if (r == 0)
		r = set(&s->process.cwd, isempty(conf->working_dir) ? "/" : conf->working_dir, e);
	s->process.uid = c->uid;
	s->process.gid = c->gid;
	for (size_t i = 0; i < c->n_groups && r == 0; i++)
		r = strv_pushf(&s->process.groups, e, "%u", c->groups[i]);
	if (r == 0)
		r = ulimits(c, s, e);
	if (r == 0)
		r = value_each(value_get(c->host, "Sysctls"), one_sysctl, &(struct sysctl_walk){ s, e });
	if (r == 0 && oom)
		r = strv_pushf(&s->process.procs, e, "oom_score_adj=%" PRId64, oom);
	if (conf->tty) {
		const struct json_c_value *size = value_get(c->host, "ConsoleSize");
		int64_t rows = value_int(value_elem(size, 0), NULL, 0),
			columns = value_int(value_elem(size, 1), NULL, 0);

		s->process.terminal = TRI_YES;
		if (rows > 0 && columns > 0 && rows < 65536 && columns < 65536) {
			s->process.rows = (uint32_t)rows;
			s->process.columns = (uint32_t)columns;
		}
	}
	return r;
}

/* --- name spaces ----------------------------------------------------------------------------------------------------------- */

static int namespaces(const struct docker_container *c, struct spec *s, struct err *e)
{
	static const struct {
		enum spec_ns ns;
		const char *member;
	} modes[] = {
		{ NS_PID, "PidMode" },	   { NS_IPC, "IpcMode" },	  { NS_UTS, "UTSMode" },
		{ NS_NET, "NetworkMode" }, { NS_CGROUP, "CgroupnsMode" },
	};
	int r = 0;

	s->ns_clone = 1u << NS_MNT;
	for (size_t i = 0; i < ARRAY_SIZE(modes) && r == 0; i++) {
		enum spec_ns ns = modes[i].ns;

		if (c->share[ns])
			r = set(&s->ns_share[ns], c->share[ns], e);
		else if (!streq(value_text(c->host, modes[i].member) ?: "", "host"))
			s->ns_clone |= 1u << ns;
	}
	return r;
}

static int names(const struct docker_container *c, struct spec *s, struct err *e)
{
	int r = set(&s->name, c->id, e);

	if (r == 0 && s->ns_clone & (1u << NS_UTS)) {
		r = set(&s->hostname, c->config->hostname, e);
		if (r == 0 && !isempty(c->config->domainname))
			r = set(&s->domainname, c->config->domainname, e);
	}
	return r;
}

int docker_spec(const struct docker_container *c, struct spec *s, struct err *e)
{
	static int (*const parts_of[])(const struct docker_container *, struct spec *, struct err *) = {
		namespaces,    names,	    process,	  security,	standard_mounts,
		system_mounts, user_mounts, device_rules, device_nodes,
	};
	int r = set(&s->rootfs.path, c->rootfs, e);

	s->mounts.size = sizeof(struct spec_mount);
	for (size_t i = 0; i < ARRAY_SIZE(parts_of) && r == 0; i++)
		r = parts_of[i](c, s, e);
	if (r == 0 && c->init)
		r = add_mount(s, "bind", c->init, "/sbin/docker-init", "bind,ro", e);
	if (r == 0)
		r = docker_resources(c->host, false, s, e);
	if (value_bool(c->host, "ReadonlyRootfs"))
		s->rootfs.read_only = TRI_YES;
	s->mounts_create = TRI_YES;
	return r;
}
