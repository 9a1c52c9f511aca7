/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The audit of one container: name spaces, identity, devices, limits; what is gathered elsewhere is put in order here. */

#include "engine/audit-internal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/file.h"
#include "base/parse.h"
#include "dialect/oci/oci.h"
#include "spec/field.h"
#include "sys/ns.h"

const char *const audit_level_names[] = { "low", "medium", "high", NULL };

void audit_done(struct audit *a)
{
	LIST_EACH(f, &a->findings, struct audit_finding) {
		free(f->what);
		free(f->fix);
	}
	free(a->findings.v);
	*a = (struct audit){ 0 };
}

char *audit_text(const char *fmt, ...)
{
	va_list ap;
	char *s;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

int audit_add(struct auditor *x, enum audit_level level, const char *id, char *what, const char *why, char *fix)
{
	struct audit_finding *f = what ? list_add(&x->a->findings, x->e) : NULL;

	if (!f) {
		free(what);
		free(fix);
		return what ? -ENOMEM : err_oom(x->e);
	}
	*f = (struct audit_finding){ .level = level, .id = id, .what = what, .why = why, .fix = fix };
	x->a->n[level]++;
	return 0;
}

void audit_status(pid_t pid, const char *field, char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	char path[40], *p;
	size_t n = strlen(field);

	*buf = '\0';
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read(AT_FDCWD, path, 1u << 16, &text, NULL, NULL) < 0)
		return;
	for (p = text; p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		if (strncmp(p, field, n) == 0 && p[n] == ':') {
			p += n + 1 + strspn(p + n + 1, " \t");
			snprintf(buf, size, "%.*s", (int)strcspn(p, "\n"), p);
			return;
		}
}

/* --- name spaces --------------------------------------------------------------------------------------------------- */

static const struct {
	enum spec_ns ns;
	enum audit_level level;
	const char *id, *what, *why;
} shared[] = {
	{ NS_MNT, AUDIT_HIGH, "ns.mnt", "the host's mounts are its own", "it mounts and unmounts for the host" },
	{ NS_PID, AUDIT_HIGH, "ns.pid", "it sees the host's processes",
	  "it signals and traces them, and reads their roots" },
	{ NS_NET, AUDIT_HIGH, "ns.net", "the host's network is its own",
	  "it listens on the host's addresses, reaches what listens on loopback and abstract sockets" },
	{ NS_IPC, AUDIT_MEDIUM, "ns.ipc", "it shares the host's IPC",
	  "it reads and removes others' shared memory and queues" },
	{ NS_UTS, AUDIT_LOW, "ns.uts", "it shares the host's name", "it can rename the host" },
	{ NS_CGROUP, AUDIT_LOW, "ns.cgroup", "it sees the host's control groups",
	  "their names tell of the other containers" },
};

static bool shares(const struct auditor *x, enum spec_ns ns)
{
	ino_t inside = 0, outside = 0;

	if (!x->pid)
		return !spec_makes_ns(x->s, ns) && !x->s->ns_share[ns];
	return ns_ino(x->pid, &ns_table[ns], &inside) == 0 && ns_ino(getpid(), &ns_table[ns], &outside) == 0 &&
	       inside == outside;
}

static int audit_namespaces(struct auditor *x)
{
	int r = 0;

	if (!x->userns)
		r = audit_add(x, AUDIT_MEDIUM, "ns.user", audit_text("root inside is root outside"),
			      "whatever way out there is, it leads to the host's root",
			      audit_text("%s", audit_key(x, "lxc.idmap = u 0 100000 65536 (and one for g)",
							 "linux.namespaces: user; linux.uidMappings, gidMappings")));
	for (size_t i = 0; i < ARRAY_SIZE(shared) && r == 0; i++) {
		const char *name = spec_ns_names[shared[i].ns];

		if (!shares(x, shared[i].ns))
			continue;
		r = audit_add(
			x, shared[i].level, shared[i].id, audit_text("%s", shared[i].what), shared[i].why,
			x->a->oci ? audit_text("linux.namespaces: add one of type %s", streq(name, "mnt")   ? "mount"
										       : streq(name, "net") ? "network"
													    : name)
			: shared[i].ns == NS_NET && !(x->s->ns_keep & 1u << NS_NET)
				? audit_text("lxc.net.0.type: veth, or empty, in place of none")
				: audit_text("lxc.namespace.keep: take %s out (or add it to lxc.namespace.clone)",
					     name));
	}
	if (r == 0 && !x->s->rootfs.path)
		r = audit_add(x, AUDIT_HIGH, "root.host", audit_text("it has no root file system of its own"),
			      "the host's files are there to be read and written",
			      audit_text("%s", audit_key(x, "lxc.rootfs.path", "root.path")));
	return r;
}

/* --- the processes --------------------------------------------------------------------------------------------------- */

static bool nosuid(const struct auditor *x)
{
	return strstr(x->s->rootfs.options ?: "", "nosuid") != NULL;
}

static int audit_process(struct auditor *x)
{
	const struct spec_process *p = &x->s->process;
	bool nnp = tri_or(p->no_new_privs, false);
	char text[16] = "";
	int r = 0;

	if (x->pid) {
		audit_status(x->pid, "NoNewPrivs", text, sizeof(text));
		nnp = streq(text, "1");
	}
	if (!nnp)
		r = audit_add(x, AUDIT_LOW, "no_new_privs.off", audit_text("no_new_privs is off"),
			      "programs can gain rights by setuid bits and file capabilities",
			      audit_text("%s", audit_key(x, "lxc.no_new_privs = 1", "process.noNewPrivileges: true")));
	if (r == 0 && !nnp && !nosuid(x))
		r = audit_add(
			x, AUDIT_LOW, "root.setuid", audit_text("setuid files work in its root file system"),
			"a user inside becomes root inside by any of them",
			audit_text("%s", audit_key(x, "lxc.rootfs.options = nosuid", "process.noNewPrivileges: true")));
	if (r == 0 && p->keyring_session == TRI_YES)
		r = audit_add(x, AUDIT_MEDIUM, "keyring.shared",
			      audit_text("it has the session keyring of who started it"),
			      "keys in there are read and used from inside", audit_text("lxc.keyring.session = 0"));
	if (r == 0 && !p->rlimits.n)
		r = audit_add(x, AUDIT_LOW, "rlimits.none",
			      audit_text("its resource limits are those of who started it"),
			      "open files, locked memory and core files are bounded by chance",
			      audit_text("%s", audit_key(x, "lxc.prlimit.nofile = 1024:524288", "process.rlimits")));
	return r;
}

static int audit_label(struct auditor *x)
{
	const struct spec_security *s = &x->s->security;
	_cleanup_free_ char *label = NULL;
	enum lsm_kind lsm = lsm_active();
	bool bare;

	if (lsm == LSM_NONE)
		return audit_add(x, AUDIT_LOW, "lsm.none",
				 audit_text("this host has neither AppArmor nor SELinux active"),
				 "a second line, where another part of the confinement fails, is missing", NULL);
	if (x->pid) {
		(void)lsm_label_of(x->pid, &label, NULL);
		bare = !label || startswith(label, "unconfined");
	} else {
		bare = lsm == LSM_APPARMOR ? streq_ptr(s->apparmor_profile, "unconfined") : isempty(s->selinux_context);
	}
	if (!bare)
		return 0;
	return audit_add(x, AUDIT_MEDIUM, "lsm.unconfined",
			 audit_text("%s does not confine it", lsm == LSM_APPARMOR ? "AppArmor" : "SELinux"),
			 "a second line, where another part of the confinement fails, is missing",
			 audit_text("%s", lsm == LSM_SELINUX
						  ? audit_key(x, "lxc.selinux.context", "process.selinuxLabel")
						  : audit_key(x, "lxc.apparmor.profile = generated",
							      "process.apparmorProfile")));
}

/* --- devices and limits -------------------------------------------------------------------------------------------- */

static bool is_default_device(const char *rule)
{
	for (size_t i = 0; default_devices[i]; i++)
		if (streq(rule, default_devices[i]))
			return true;
	return false;
}

/* "c 1:3 rwm" and the like of the standard ones, whatever the access. */
static bool is_harmless(const char *rule)
{
	char type, major[16], minor[16], access[8];

	if (is_default_device(rule))
		return true;
	if (sscanf(rule, "%c %15[^:]:%15s %7s", &type, major, minor, access) != 4)
		return false;
	for (size_t i = 0; default_devices[i]; i++) {
		char t, ma[16], mi[16];

		if (sscanf(default_devices[i], "%c %15[^:]:%15s", &t, ma, mi) == 3 && t == type && !streq(ma, "*") &&
		    streq(ma, major) && (streq(mi, minor) || streq(mi, "*")))
			return true;
	}
	/* Making a node that nothing may open harms nobody. */
	return streq(access, "m");
}

static int audit_devices(struct auditor *x)
{
	const char *where = audit_key(x, "lxc.cgroup2.devices.allow", "linux.resources.devices");
	bool said = false, denied = false;
	int r = 0;

	LIST_EACH(i, &x->s->cgroup.items, struct spec_cgroup_item) {
		if (!startswith(i->key, "devices."))
			continue;
		said = true;
		denied |= streq(i->key, "devices.deny") && *i->value == 'a';
		if (!streq(i->key, "devices.allow") || r < 0)
			continue;
		if (*i->value == 'a' || startswith(i->value, "b *:* r") || startswith(i->value, "c *:* r"))
			r = audit_add(x, AUDIT_HIGH, "device.all", audit_text("all devices are allowed: %s", i->value),
				      "the host's disks and memory are among them",
				      audit_text("%s: name those it needs", where));
		else if (!is_harmless(i->value))
			r = audit_add(x, *i->value == 'b' || startswith(i->value, "c 1:1 ") ? AUDIT_HIGH : AUDIT_MEDIUM,
				      "device.extra",
				      audit_text("a device beyond the standard ones is allowed: %s", i->value),
				      "who opens it speaks to a driver of the host, or to its data",
				      audit_text("%s: take '%s' out", where, i->value));
	}
	if (r == 0 && said && !denied)
		r = audit_add(x, AUDIT_HIGH, "device.all", audit_text("devices are not denied by default"),
			      "the host's disks and memory are among those that are allowed",
			      audit_text("%s", audit_key(x, "lxc.cgroup2.devices.deny = a, before the others",
							 "linux.resources.devices: deny all first")));
	return r;
}

static bool unlimited(const char *value)
{
	uint64_t v;

	return isempty(value) || startswith(value, "max") || startswith(value, "-1") ||
	       (parse_u64(value, &v) == 0 && v >= UINT64_C(1) << 60);
}

/* Said by either name, or, of one that runs, in force. */
static bool limited(struct auditor *x, const char *v1, const char *v2)
{
	bool yes = false;

	LIST_EACH(i, &x->s->cgroup.items, struct spec_cgroup_item)
		if (streq(i->key, v1) || streq(i->key, v2))
			yes = !unlimited(i->value);
	for (int k = 0; k < 2 && x->pid && !yes; k++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		char *value;

		if (container_cgroup_get(x->c, k ? v1 : v2, &b, NULL) < 0)
			continue;
		value = b.len ? b.data : NULL;
		if (value)
			value[strcspn(value, "\n")] = '\0';
		yes = !unlimited(value);
	}
	return yes;
}

static int audit_limits(struct auditor *x)
{
	int r = 0;

	if (!limited(x, "pids.max", "pids.max"))
		r = audit_add(
			x, AUDIT_MEDIUM, "limit.pids", audit_text("the number of its processes is not limited"),
			"a loop of forks takes the host down with it",
			audit_text("%s", audit_key(x, "lxc.cgroup2.pids.max = 4096", "linux.resources.pids.limit")));
	if (r == 0 && !limited(x, "memory.limit_in_bytes", "memory.max"))
		r = audit_add(
			x, AUDIT_MEDIUM, "limit.memory", audit_text("its memory is not limited"),
			"it takes all there is, and the kernel kills what others need",
			audit_text("%s", audit_key(x, "lxc.cgroup2.memory.max = 1G", "linux.resources.memory.limit")));
	if (r == 0 && !limited(x, "cpu.cfs_quota_us", "cpu.max"))
		r = audit_add(x, AUDIT_LOW, "limit.cpu", audit_text("its processor time is not limited"),
			      "it may take all of what others leave",
			      audit_text("%s", audit_key(x, "lxc.cgroup2.cpu.max = 200000 100000",
							 "linux.resources.cpu.quota")));
	return r;
}

/* --- all of it -------------------------------------------------------------------------------------------------------- */

/* Of an OCI container that has ended, only its bundle says what it was. */
static int load_bundle(struct container *c, struct err *e)
{
	_cleanup_free_ char *path = path_join(c->rec.bundle, "config.json"), *text = NULL;
	struct oci_info info = { 0 };
	size_t len = 0;
	int r = path ? file_read(AT_FDCWD, path, 16u << 20, &text, &len, e) : err_oom(e);

	if (r == 0)
		r = oci_load(text, len, path, c->rec.bundle, &c->spec, &info, e);
	oci_info_done(&info);
	return r;
}

static int by_gravity(const void *a, const void *b)
{
	const struct audit_finding *x = a, *y = b;

	return x->level != y->level ? (int)y->level - (int)x->level : strcmp(x->id, y->id);
}

int container_audit(struct container *c, struct audit *ret, struct err *e)
{
	static int (*const parts[])(struct auditor * x) = {
		audit_namespaces, audit_caps,  audit_seccomp, audit_mounts,
		audit_devices,	  audit_label, audit_process, audit_limits,
	};
	_cleanup_audit_ struct audit a = { .findings = LIST_OF(struct audit_finding), .oci = c->rec.bundle != NULL };
	struct auditor x = { .c = c, .s = &c->spec, .a = &a, .e = e };
	int r = 0;

	if (c->rec.state != RUN_STOPPED && record_alive(&c->rec))
		x.pid = c->rec.pid;
	else if (c->rec.bundle)
		r = load_bundle(c, e);
	x.userns = x.pid ? !shares(&x, NS_USER) : c->spec.idmaps.n || c->spec.ns_share[NS_USER];
	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = parts[i](&x);
	if (r < 0)
		return r;
	if (a.findings.n)
		qsort(a.findings.v, a.findings.n, sizeof(struct audit_finding), by_gravity);
	*ret = a;
	a = (struct audit){ 0 };
	return 0;
}
