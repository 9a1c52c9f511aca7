/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* File systems: what of the kernel's is writable inside, and what of the host's is mounted there. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "engine/audit-internal.h"

/* Paths that make a container the host's root when it can write to them. */
static const char *const precious[] = { "/",	 "/bin",   "/boot", "/dev",  "/etc",	 "/home",
					"/lib",	 "/lib64", "/opt",  "/proc", "/root",	 "/run",
					"/sbin", "/sys",   "/usr",  "/var",  "/var/lib", "/var/run" };

static bool has_option(const char *options, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = options ?: ""; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ',')) {
		size_t len = strcspn(p, ", \t");

		if (len == n && strncmp(p, word, n) == 0)
			return true;
	}
	return false;
}

static bool is_bind(const struct spec_mount *m)
{
	return streq_ptr(m->fstype, "bind") || has_option(m->options, "bind") || has_option(m->options, "rbind");
}

static bool is_precious(const char *path)
{
	char clean[4096];
	size_t n;

	snprintf(clean, sizeof(clean), "%s", path);
	n = strlen(clean);
	while (n > 1 && clean[n - 1] == '/')
		clean[--n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(precious); i++)
		if (streq(clean, precious[i]))
			return true;
	return startswith(clean, "/etc/") || startswith(clean, "/boot/") || startswith(clean, "/root/") ||
	       startswith(clean, "/usr/") || startswith(clean, "/dev/disk") || startswith(clean, "/proc/") ||
	       startswith(clean, "/sys/");
}

/* What of the host's listens there decides what is done with the host. */
static bool is_control_socket(const char *path)
{
	static const char *const names[] = {
		"docker.sock",	   "containerd.sock",	     "crio.sock",    "podman.sock",
		"systemd/private", "dbus/system_bus_socket", "libvirt-sock", "unix.socket"
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(path), k = strlen(names[i]);

		if (n > k && streq(path + n - k, names[i]))
			return true;
	}
	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int one_mount(struct auditor *x, const struct spec_mount *m)
{
	struct stat st;
	bool ro = has_option(m->options, "ro") || has_option(m->options, "rro"), dir;
	const char *where = audit_key(x, "lxc.mount.entry", "mounts");

	if (!is_bind(m) || !m->source || *m->source != '/')
		return 0;
	if (is_control_socket(m->source))
		return audit_add(x, AUDIT_HIGH, "mount.socket",
				 audit_text("%s of the host is at %s", m->source, m->target),
				 "who speaks to it asks the host's services, read-only or not",
				 audit_text("%s: take %s out", where, m->source));
	if (ro)
		return 0;
	dir = stat(m->source, &st) == 0 && S_ISDIR(st.st_mode);
	if (is_precious(m->source) && dir)
		return audit_add(x, x->userns ? AUDIT_MEDIUM : AUDIT_HIGH, "mount.precious",
				 audit_text("%s of the host is at %s, writable", m->source, m->target),
				 "what is written there, the host reads or runs",
				 audit_text("%s: take it out, or add the option ro", where));
	return audit_add(x, dir ? AUDIT_MEDIUM : AUDIT_LOW, "mount.writable",
			 audit_text("%s of the host is at %s, writable", m->source, m->target),
			 "data of the host can be changed from inside, and filled up",
			 audit_text("%s: add the option ro where it is only read", where));
}

/* Lines of lxc.mount.fstab: four words each are enough. */
static int fstab(struct auditor *x)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = 0;

	if (isempty(x->s->fstab) || file_read(AT_FDCWD, x->s->fstab, 1u << 20, &text, NULL, NULL) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line && r == 0; line = strtok_r(NULL, "\n", &save)) {
		char *words[4], *inner = NULL;
		struct spec_mount m = { 0 };
		unsigned n = 0;

		for (char *w = strtok_r(line, " \t", &inner); w && n < 4; w = strtok_r(NULL, " \t", &inner))
			words[n++] = w;
		if (n < 4 || *words[0] == '#')
			continue;
		m.source = words[0];
		m.target = words[1];
		m.fstype = words[2];
		m.options = words[3];
		r = one_mount(x, &m);
	}
	return r;
}

/* --- procfs and sysfs ---------------------------------------------------------------------------------------------- */

enum access { NOT_THERE, READ_ONLY, WRITABLE };

/* Of the last mount on PATH, by PID's mountinfo. */
static enum access live_access(pid_t pid, const char *path)
{
	_cleanup_free_ char *text = NULL;
	char file[40], *save = NULL;
	enum access a = NOT_THERE;

	snprintf(file, sizeof(file), "/proc/%d/mountinfo", pid);
	if (file_read(AT_FDCWD, file, 4u << 20, &text, NULL, NULL) < 0)
		return NOT_THERE;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char point[256], options[256], *tail = strstr(line, " - "), *super;

		if (!tail || sscanf(line, "%*d %*d %*s %*s %255s %255s", point, options) != 2 || !streq(point, path))
			continue;
		super = strrchr(tail, ' ');
		a = has_option(options, "ro") || (super && has_option(super + 1, "ro")) ? READ_ONLY : WRITABLE;
	}
	return a;
}

/* What lxc.mount.auto or the mounts make of it. */
static enum access said_access(const struct auditor *x, const char *fstype, bool settings)
{
	const struct strv *w = &x->s->mount_auto, *ro = &x->s->security.readonly_paths;
	enum access a = NOT_THERE;

	for (size_t i = 0; i < w->n; i++) {
		const char *mode = startswith(w->v[i], fstype);

		if (!mode || (*mode && *mode != ':'))
			continue;
		a = streq(mode, ":rw") ? WRITABLE : READ_ONLY;
	}
	LIST_EACH(m, &x->s->mounts, struct spec_mount)
		if (streq_ptr(m->fstype, streq(fstype, "sys") ? "sysfs" : fstype))
			a = has_option(m->options, "ro") || (settings && strv_has(ro, "/proc/sys")) ? READ_ONLY
												    : WRITABLE;
	return a;
}

static int kernel_files(struct auditor *x)
{
	enum access proc = x->pid ? live_access(x->pid, "/proc/sys") : said_access(x, "proc", true);
	enum access sys = x->pid ? live_access(x->pid, "/sys") : said_access(x, "sys", false);
	enum audit_level level = x->userns ? AUDIT_LOW : AUDIT_HIGH;
	int r = 0;

	if (x->pid && proc == NOT_THERE)
		proc = live_access(x->pid, "/proc");
	if (proc == WRITABLE)
		r = audit_add(
			x, level, "proc.writable", audit_text("/proc/sys is writable"),
			"settings there are the host's kernel's; core_pattern among them runs programs on the host",
			audit_text("%s",
				   audit_key(x, "lxc.mount.auto = proc:mixed", "linux.readonlyPaths: /proc/sys")));
	if (r == 0 && sys == WRITABLE)
		r = audit_add(
			x, level, "sys.writable", audit_text("/sys is writable"),
			"devices and the kernel's own parts are set there; uevent_helper runs programs on the host",
			audit_text("%s", audit_key(x, "lxc.mount.auto = sys:ro", "mounts: the option ro of /sys")));
	return r;
}

int audit_mounts(struct auditor *x)
{
	const char *prop = x->s->rootfs.propagation;
	int r = kernel_files(x);

	LIST_EACH(m, &x->s->mounts, struct spec_mount)
		if (r == 0)
			r = one_mount(x, m);
	if (r == 0)
		r = fstab(x);
	if (r == 0 && prop && (streq(prop, "shared") || streq(prop, "rshared")))
		r = audit_add(x, AUDIT_MEDIUM, "root.shared", audit_text("its mounts propagate to the host"),
			      "what is mounted inside appears outside", audit_text("linux.rootfsPropagation: slave"));
	return r;
}
