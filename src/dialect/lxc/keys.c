/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of all keys, today's and legacy, and what the outside does with it. */
#include "dialect/lxc/keys.h"

#include <errno.h>

#include "base/names.h"

/* clang-format off */

#define K(text, k, f, ...) { .name = (text), .len = sizeof(text) - 1, .kind = &lxc_kind_##k, .field = (f), __VA_ARGS__ }
#define OLD(text, now)	   { .name = (text), .len = sizeof(text) - 1, .alias = (now) }
#define GONE(text)	   { .name = (text), .len = sizeof(text) - 1, .kind = &lxc_kind_dropped }

const struct lxc_key lxc_keys[] = {
	K("lxc.arch", plain, "process.arch"),
	K("lxc.apparmor.profile", plain, "security.apparmor_profile"),
	K("lxc.apparmor.allow_incomplete", plain, "security.apparmor_incomplete", .def = "0"),
	K("lxc.apparmor.allow_nesting", plain, "security.apparmor_nesting", .def = "0"),
	K("lxc.apparmor.raw", plain, "security.apparmor_raw"),
	K("lxc.autodev", plain, "dev.autodev", .def = "1"),
	K("lxc.autodev.tmpfs.size", plain, "dev.tmpfs_size", .def = "500000"),
	K("lxc.cap.drop", words, "process.cap_drop"),
	K("lxc.cap.keep", words, "process.cap_keep"),
	K("lxc.cgroup.", cgroup, "cgroup.items", .version = 1),
	K("lxc.cgroup2.", cgroup, "cgroup.items", .version = 2),
	K("lxc.cgroup.dir", plain, "cgroup.dir"),
	K("lxc.cgroup.dir.monitor", plain, "cgroup.dir_monitor"),
	K("lxc.cgroup.dir.monitor.pivot", plain, "cgroup.dir_monitor_pivot"),
	K("lxc.cgroup.dir.container", plain, "cgroup.dir_container"),
	K("lxc.cgroup.dir.container.inner", plain, "cgroup.dir_inner"),
	K("lxc.cgroup.relative", plain, "cgroup.relative", .def = "0"),
	K("lxc.console.path", plain, "dev.console_path"),
	K("lxc.console.logfile", plain, "dev.console_logfile"),
	K("lxc.console.rotate", plain, "dev.console_rotate", .def = "0"),
	K("lxc.console.size", buffer, "dev.console_log_size", .def = "0"),
	K("lxc.console.buffer.size", buffer, "dev.console_buffer_size", .def = "0"),
	K("lxc.environment", plain, "process.env"),
	K("lxc.environment.runtime", plain, "process.env_runtime"),
	K("lxc.environment.hooks", plain, "process.env_hooks"),
	K("lxc.ephemeral", plain, "ephemeral", .def = "0"),
	K("lxc.execute.cmd", plain, "process.execute_cmd"),
	K("lxc.group", words, "groups"),
	K("lxc.hook", hooks, NULL),
	K("lxc.hook.pre-start", plain, "hooks.pre-start"),
	K("lxc.hook.pre-mount", plain, "hooks.pre-mount"),
	K("lxc.hook.mount", plain, "hooks.mount"),
	K("lxc.hook.autodev", plain, "hooks.autodev"),
	K("lxc.hook.start-host", plain, "hooks.start-host"),
	K("lxc.hook.start", plain, "hooks.start"),
	K("lxc.hook.stop", plain, "hooks.stop"),
	K("lxc.hook.post-stop", plain, "hooks.post-stop"),
	K("lxc.hook.clone", plain, "hooks.clone"),
	K("lxc.hook.destroy", plain, "hooks.destroy"),
	K("lxc.hook.version", plain, "hook_version", .def = "0"),
	K("lxc.idmap", idmap, "idmaps"),
	K("lxc.include", include, NULL),
	K("lxc.init.cmd", plain, "process.init_cmd"),
	K("lxc.init.uid", plain, "process.uid", .def = "0"),
	K("lxc.init.gid", plain, "process.gid", .def = "0"),
	K("lxc.init.groups", commas, "process.groups"),
	K("lxc.init.cwd", plain, "process.cwd"),
	K("lxc.keyring.session", plain, "process.keyring_session", .def = "0"),
	K("lxc.log.file", plain, "log.file"),
	K("lxc.log.level", level, "log.level", .def = "NOTSET"),
	K("lxc.log.syslog", plain, "log.syslog"),
	K("lxc.monitor.unshare", plain, "monitor.unshare", .def = "0"),
	K("lxc.monitor.signal.pdeath", signal, "monitor.pdeath", .def = "0"),
	K("lxc.mount.auto", auto, "mount_auto"),
	K("lxc.mount.entry", mount, "mounts"),
	K("lxc.mount.fstab", plain, "fstab"),
	K("lxc.namespace.clone", ns, "ns.clone"),
	K("lxc.namespace.keep", ns, "ns.keep"),
	K("lxc.namespace.share.", share, "ns.share."),
	K("lxc.net.", net, "net"),
	K("lxc.no_new_privs", plain, "process.no_new_privs", .def = "0"),
	K("lxc.prlimit.", rlimit, "process.rlimits"),
	K("lxc.proc.", map, "process.procs"),
	K("lxc.pty.max", plain, "dev.pty_max", .def = "0"),
	K("lxc.rootfs.managed", plain, "rootfs.managed", .def = "1"),
	K("lxc.rootfs.mount", plain, "rootfs.mount"),
	K("lxc.rootfs.options", plain, "rootfs.options"),
	K("lxc.rootfs.path", rootfs, "rootfs.path"),
	K("lxc.sched.core", plain, "process.sched_core", .def = "0"),
	K("lxc.seccomp.allow_nesting", plain, "security.seccomp_nesting", .def = "0"),
	K("lxc.seccomp.notify.cookie", plain, "security.seccomp_cookie"),
	K("lxc.seccomp.notify.proxy", proxy, "security.seccomp_proxy"),
	K("lxc.seccomp.profile", plain, "security.seccomp_profile"),
	K("lxc.selinux.context", plain, "security.selinux_context"),
	K("lxc.selinux.context.keyring", plain, "security.selinux_keyring"),
	K("lxc.signal.halt", signal, "process.sig_halt", .def = "0"),
	K("lxc.signal.reboot", signal, "process.sig_reboot", .def = "0"),
	K("lxc.signal.stop", signal, "process.sig_stop", .def = "0"),
	K("lxc.start.auto", plain, "start.auto", .def = "0"),
	K("lxc.start.delay", plain, "start.delay", .def = "0"),
	K("lxc.start.order", plain, "start.order", .def = "0"),
	K("lxc.sysctl.", map, "process.sysctls"),
	K("lxc.time.offset.boot", clock, "time.boot", .def = "0ns"),
	K("lxc.time.offset.monotonic", clock, "time.monotonic", .def = "0ns"),
	K("lxc.tty.dir", plain, "dev.tty_dir"),
	K("lxc.tty.max", plain, "dev.tty_max", .def = "0"),
	K("lxc.uts.name", plain, "hostname"),

	/* Up to LXC 2.1. */
	OLD("lxc.aa_allow_incomplete", "lxc.apparmor.allow_incomplete"),
	OLD("lxc.aa_profile", "lxc.apparmor.profile"),
	OLD("lxc.console", "lxc.console.path"),
	OLD("lxc.devttydir", "lxc.tty.dir"),
	OLD("lxc.haltsignal", "lxc.signal.halt"),
	OLD("lxc.id_map", "lxc.idmap"),
	OLD("lxc.init_cmd", "lxc.init.cmd"),
	OLD("lxc.init_gid", "lxc.init.gid"),
	OLD("lxc.init_uid", "lxc.init.uid"),
	OLD("lxc.limit.", "lxc.prlimit."),
	OLD("lxc.logfile", "lxc.log.file"),
	OLD("lxc.loglevel", "lxc.log.level"),
	OLD("lxc.mount", "lxc.mount.fstab"),
	OLD("lxc.pts", "lxc.pty.max"),
	OLD("lxc.rebootsignal", "lxc.signal.reboot"),
	OLD("lxc.se_context", "lxc.selinux.context"),
	OLD("lxc.seccomp", "lxc.seccomp.profile"),
	OLD("lxc.stopsignal", "lxc.signal.stop"),
	OLD("lxc.syslog", "lxc.log.syslog"),
	OLD("lxc.tty", "lxc.tty.max"),
	OLD("lxc.utsname", "lxc.uts.name"),
	K("lxc.network.", network, "net"),
	K("lxc.rootfs", rootfs_legacy, "rootfs.path"),
	K("lxc.rootfs.backend", backend, "rootfs.path"),
	GONE("lxc.kmsg"),
	GONE("lxc.pivotdir"),
	{ 0 },
};

/* clang-format on */

const struct field *lxc_key_field(const struct lxc_key *k)
{
	return field_row(spec_fields, k->field, strlen(k->field));
}

int lxc_expected(struct err *e, const char *what, const char *value)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "expected %s, not '%.200s'", what, value);
}

int lxc_unknown(struct err *e, const char *what, const char *prefix, const char *const *names, size_t n)
{
	const char *near = nearest(what, names, n);
	int r = err_kind(e, ERR_INVALID, -ENOENT, "expected a known key");

	return near ? err_hint(e, r, "did you mean '%s%s'?", prefix, near) : r;
}

static const struct lxc_key *find_row(const char *key, size_t len, const char **ret_sub)
{
	const struct lxc_key *family = NULL;
	const char *sub = NULL;

	*ret_sub = NULL;
	if (len < 5)
		return NULL;
	for (const struct lxc_key *k = lxc_keys; k->name; k++) {
		/* All begin with "lxc.": the next letter rules most rows out. */
		if (k->name[4] != key[4])
			continue;
		if (k->len == len && memcmp(k->name, key, len) == 0)
			return k;
		if (k->name[k->len - 1] != '.' || k->len > len + 1 || memcmp(k->name, key, k->len - 1) != 0)
			continue;
		if (k->len == len + 1) {
			family = k;
			sub = NULL;
		} else if (key[k->len - 1] == '.' && (!family || k->len > family->len)) {
			family = k;
			sub = key + k->len;
		}
	}
	*ret_sub = sub;
	return family;
}

int lxc_key_find(const char *key, size_t len, struct lxc_ref *ret, struct err *e)
{
	const struct lxc_key *k;
	const char *names[192], *sub, *dummy;
	size_t n = 0;

	k = find_row(key, len, &sub);
	if (k && k->alias)
		k = find_row(k->alias, strlen(k->alias), &dummy);
	if (k) {
		*ret = (struct lxc_ref){ .key = k, .sub = sub };
		return 0;
	}
	for (k = lxc_keys; k->name && n < ARRAY_SIZE(names); k++)
		names[n++] = k->name;
	return lxc_unknown(e, key, "", names, n);
}

int lxc_ref_set(const struct lxc_ref *k, struct spec *s, const char *value, struct err *e)
{
	return *value ? k->key->kind->set(k, s, value, e) : k->key->kind->clear(k, s, e);
}

static int find(const char *key, struct lxc_ref *ret, struct err *e)
{
	int r = lxc_key_find(key, strlen(key), ret, e);

	return r < 0 ? err_wrap(e, r, "%s", key) : 0;
}

int lxc_key_set(struct spec *s, const char *key, const char *value, struct err *e)
{
	struct lxc_ref k;
	int r = find(key, &k, e);

	if (r < 0)
		return r;
	r = strchr(value, '\n') ? lxc_expected(e, "one line", value) : lxc_ref_set(&k, s, value, e);
	return r < 0 ? err_wrap(e, r, "%s", key) : 0;
}

int lxc_key_get(const struct spec *s, const char *key, struct buf *out, struct err *e)
{
	struct lxc_ref k;
	int r = find(key, &k, e);

	if (r < 0)
		return r;
	r = k.key->kind->get(&k, s, out, e);
	return r < 0 ? err_wrap(e, r, "%s", key) : buf_error(out, e);
}

int lxc_key_clear(struct spec *s, const char *key, struct err *e)
{
	return lxc_key_set(s, key, "", e);
}

bool lxc_key_known(const char *key)
{
	struct lxc_ref k;

	return lxc_key_find(key, strlen(key), &k, NULL) == 0;
}

static bool is_below(const char *name, size_t len, const char *prefix)
{
	size_t n = strlen(prefix);

	return !n || (len > n && name[n] == '.' && strncmp(name, prefix, n) == 0);
}

int lxc_key_list(const struct spec *s, const char *prefix, struct strv *ret, struct err *e)
{
	const char *index = startswith(prefix, "lxc.net.");
	size_t skip = *prefix ? strlen(prefix) + 1 : 0;
	int r;

	if (index && *index)
		return lxc_net_names(s, index, ret, e);
	for (const struct lxc_key *k = lxc_keys; k->name; k++) {
		bool legacy = k->alias || k->kind == &lxc_kind_dropped || k->kind == &lxc_kind_network ||
			      k->kind == &lxc_kind_rootfs_legacy || k->kind == &lxc_kind_backend;

		if (legacy || !is_below(k->name, k->len, prefix))
			continue;
		r = strv_push_take(ret, strndup(k->name + skip, k->len - skip - (k->name[k->len - 1] == '.')), e);
		if (r < 0)
			return r;
	}
	return 0;
}
