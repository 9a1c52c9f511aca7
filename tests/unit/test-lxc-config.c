/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

#include "base/file.h"
#include "config.h"
#include "dialect/lxc/global.h"
#include "dialect/lxc/keys.h"
#include "unit/test.h"

/* --- every key ----------------------------------------------------------------------------------------------------- */

/* A value, what get shows of it, and what get shows of nothing. One row at least for every key there is. */
static const struct sample {
	const char *key, *value, *shown, *unset;
} samples[] = {
	{ "lxc.arch", "amd64", "amd64", "" },
	{ "lxc.apparmor.profile", "unconfined", "unconfined", "" },
	{ "lxc.apparmor.allow_incomplete", "1", "1", "0" },
	{ "lxc.apparmor.allow_nesting", "1", "1", "0" },
	{ "lxc.apparmor.raw", "mount,", "mount,\n", "" },
	{ "lxc.autodev", "0", "0", "1" },
	{ "lxc.autodev.tmpfs.size", "1000", "1000", "500000" },
	{ "lxc.autodev.tmpfs.size", "1 MB", "1048576", "500000" },
	{ "lxc.cap.drop", "sys_time  sys_module", "sys_time\nsys_module\n", "" },
	{ "lxc.cap.keep", "none", "none\n", "" },
	{ "lxc.cgroup.memory.limit_in_bytes", "256M", "256M\n", "" },
	{ "lxc.cgroup2.devices.allow", "c 1:3 rwm", "c 1:3 rwm\n", "" },
	{ "lxc.cgroup.dir", "a/b", "a/b", "" },
	{ "lxc.cgroup.dir.monitor", "a", "a", "" },
	{ "lxc.cgroup.dir.monitor.pivot", "a", "a", "" },
	{ "lxc.cgroup.dir.container", "a", "a", "" },
	{ "lxc.cgroup.dir.container.inner", "a", "a", "" },
	{ "lxc.cgroup.relative", "1", "1", "0" },
	{ "lxc.console.path", "none", "none", "" },
	{ "lxc.console.logfile", "/var/log/c1", "/var/log/c1", "" },
	{ "lxc.console.rotate", "1", "1", "0" },
	{ "lxc.console.size", "auto", "131072", "0" },
	{ "lxc.console.size", "5000", "8192", "0" },
	{ "lxc.console.buffer.size", "1 MB", "1048576", "0" },
	{ "lxc.environment", "A=a b", "A=a b\n", "" },
	{ "lxc.environment.runtime", "HOME", "HOME\n", "" },
	{ "lxc.environment.hooks", "B=", "B=\n", "" },
	{ "lxc.ephemeral", "1", "1", "0" },
	{ "lxc.execute.cmd", "/bin/sh -c 'a b'", "/bin/sh -c 'a b'", "" },
	{ "lxc.group", "onboot web", "onboot\nweb\n", "" },
	{ "lxc.hook.pre-start", "/h a", "/h a\n", "" },
	{ "lxc.hook.pre-mount", "/h", "/h\n", "" },
	{ "lxc.hook.mount", "/h", "/h\n", "" },
	{ "lxc.hook.autodev", "/h", "/h\n", "" },
	{ "lxc.hook.start-host", "/h", "/h\n", "" },
	{ "lxc.hook.start", "/h", "/h\n", "" },
	{ "lxc.hook.stop", "/h", "/h\n", "" },
	{ "lxc.hook.post-stop", "/h", "/h\n", "" },
	{ "lxc.hook.clone", "/h", "/h\n", "" },
	{ "lxc.hook.destroy", "/h", "/h\n", "" },
	{ "lxc.hook.version", "1", "1", "0" },
	{ "lxc.idmap", "u 0 100000 65536", "u 0 100000 65536", "" },
	{ "lxc.init.cmd", "/sbin/init", "/sbin/init", "" },
	{ "lxc.init.uid", "5", "5", "0" },
	{ "lxc.init.gid", "6", "6", "0" },
	{ "lxc.init.groups", "1,2, 3", "1,2,3", "" },
	{ "lxc.init.cwd", "/x", "/x", "" },
	{ "lxc.keyring.session", "1", "1", "0" },
	{ "lxc.log.file", "/l", "/l", "" },
	{ "lxc.log.level", "3", "NOTICE", "NOTSET" },
	{ "lxc.log.level", "debug", "DEBUG", "NOTSET" },
	{ "lxc.log.syslog", "daemon", "daemon", "" },
	{ "lxc.monitor.unshare", "1", "1", "0" },
	{ "lxc.monitor.signal.pdeath", "SIGTERM", "15", "0" },
	{ "lxc.mount.auto", "proc sys:ro", "proc:mixed sys:ro", "" },
	{ "lxc.mount.entry", "a\\040b c none bind 0 0", "a\\040b c none bind 0 0\n", "" },
	{ "lxc.mount.fstab", "/f", "/f", "" },
	{ "lxc.namespace.clone", "pid mnt", "mnt\npid\n", "" },
	{ "lxc.namespace.keep", "user net", "user\nnet\n", "" },
	{ "lxc.namespace.share.net", "c2", "c2", "" },
	{ "lxc.namespace.share.user", "c2", "c2", "" },
	{ "lxc.namespace.share.mnt", "c2", "c2", "" },
	{ "lxc.namespace.share.pid", "c2", "c2", "" },
	{ "lxc.namespace.share.uts", "c2", "c2", "" },
	{ "lxc.namespace.share.ipc", "c2", "c2", "" },
	{ "lxc.namespace.share.cgroup", "c2", "c2", "" },
	{ "lxc.namespace.share.time", "c2", "c2", "" },
	{ "lxc.net.0.type", "veth", "veth", "" },
	{ "lxc.net.0.flags", "up", "up", "" },
	{ "lxc.net.0.link", "lxcbr0", "lxcbr0", "" },
	{ "lxc.net.0.name", "eth0", "eth0", "" },
	{ "lxc.net.0.mtu", "1500", "1500", "" },
	{ "lxc.net.0.hwaddr", "10:66:6a:xx:xx:xx", "10:66:6a:xx:xx:xx", "" },
	{ "lxc.net.0.ipv4.address", "10.0.0.2/24 10.0.0.255", "10.0.0.2/24", "" },
	{ "lxc.net.0.ipv4.address", "172.16.0.2", "172.16.0.2/16", "" },
	{ "lxc.net.0.ipv6.address", "2001:db8::1/64", "2001:db8::1/64", "" },
	{ "lxc.net.0.ipv6.address", "2001:db8:0::0:1", "2001:db8::1/64", "" },
	{ "lxc.net.0.ipv4.gateway", "auto", "auto", "" },
	{ "lxc.net.0.ipv6.gateway", "dev", "dev", "" },
	{ "lxc.net.0.l2proxy", "1", "1", "0" },
	{ "lxc.net.0.script.up", "/u", "/u", "" },
	{ "lxc.net.0.script.down", "/d", "/d", "" },
	{ "lxc.net.0.veth.mode", "router", "router", "bridge" },
	{ "lxc.net.0.veth.pair", "v0", "v0", "" },
	{ "lxc.net.0.veth.n_rxqueues", "4", "4", "" },
	{ "lxc.net.0.veth.n_txqueues", "4", "4", "" },
	{ "lxc.net.0.veth.ipv4.route", "10.1.0.0/16", "10.1.0.0/16", "" },
	{ "lxc.net.0.veth.ipv6.route", "2001:db8::/32", "2001:db8::/32", "" },
	{ "lxc.net.0.veth.vlan.id", "none", "none", "" },
	{ "lxc.net.0.veth.vlan.tagged.id", "7", "7", "" },
	{ "lxc.net.0.vlan.id", "5", "5", "0" },
	{ "lxc.net.0.macvlan.mode", "vepa", "vepa", "private" },
	{ "lxc.net.0.ipvlan.mode", "l2", "l2", "l3" },
	{ "lxc.net.0.ipvlan.isolation", "vepa", "vepa", "bridge" },
	{ "lxc.no_new_privs", "1", "1", "0" },
	{ "lxc.prlimit.nofile", "1024:2048", "1024:2048", "" },
	{ "lxc.prlimit.core", "unlimited", "unlimited", "" },
	{ "lxc.prlimit.as", "1:unlimited", "1:unlimited", "" },
	{ "lxc.prlimit.cpu", "7", "7", "" },
	{ "lxc.proc.oom_score_adj", "10", "10", "" },
	{ "lxc.pty.max", "1024", "1024", "0" },
	{ "lxc.rootfs.managed", "0", "0", "1" },
	{ "lxc.rootfs.mount", "/mnt", "/mnt", "" },
	{ "lxc.rootfs.options", "ro,idmap=container", "ro,idmap=container", "" },
	{ "lxc.rootfs.path", "overlay:/a:/b", "/a:/b", "" },
	{ "lxc.rootfs.path", "/a", "/a", "" },
	{ "lxc.sched.core", "1", "1", "0" },
	{ "lxc.seccomp.allow_nesting", "1", "1", "0" },
	{ "lxc.seccomp.notify.cookie", "c", "c", "" },
	{ "lxc.seccomp.notify.proxy", "unix:/run/p", "/run/p", "" },
	{ "lxc.seccomp.notify.proxy", "unix:@p", "p", "" },
	{ "lxc.seccomp.profile", "/p", "/p", "" },
	{ "lxc.selinux.context", "u:r:t:s0", "u:r:t:s0", "" },
	{ "lxc.selinux.context.keyring", "u:r:t:s0", "u:r:t:s0", "" },
	{ "lxc.signal.halt", "SIGRTMIN+3", "37", "0" },
	{ "lxc.signal.reboot", "2", "2", "0" },
	{ "lxc.signal.stop", "SIGKILL", "9", "0" },
	{ "lxc.start.auto", "1", "1", "0" },
	{ "lxc.start.delay", "5", "5", "0" },
	{ "lxc.start.order", "-5", "-5", "0" },
	{ "lxc.sysctl.net.ipv4.ip_forward", "1", "1", "" },
	{ "lxc.time.offset.boot", "-10m", "-600s", "0ns" },
	{ "lxc.time.offset.monotonic", "5s", "5s", "0ns" },
	{ "lxc.time.offset.monotonic", "-3us", "-3000ns", "0ns" },
	{ "lxc.tty.dir", "lxc", "lxc", "" },
	{ "lxc.tty.max", "4", "4", "0" },
	{ "lxc.uts.name", "c1", "c1", "" },
};

static void check_get(const struct spec *s, const char *key, const char *want)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err e = { 0 };
	int r = lxc_key_get(s, key, &b, &e);

	if (r < 0 || !streq(buf_str(&b), want))
		printf("# %s: '%s', not '%s' %s\n", key, buf_str(&b), want, e.msg);
	CHECK(r == 0);
	CHECK_STR(buf_str(&b), want);
}

static bool is_net(const char *key)
{
	return startswith(key, "lxc.net.") != NULL;
}

TEST(set_get_clear)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *m = &samples[i];
		_cleanup_spec_ struct spec s;
		struct err e = { 0 };

		spec_init(&s);
		if (is_net(m->key))
			CHECK(lxc_key_set(&s, "lxc.net.0.script.up", "/x", NULL) == 0 &&
			      lxc_key_clear(&s, "lxc.net.0.script.up", NULL) == 0);
		CHECK(lxc_key_known(m->key));
		check_get(&s, m->key, m->unset);
		if (lxc_key_set(&s, m->key, m->value, &e) < 0)
			printf("# %s\n", e.msg);
		CHECK(!e.code);
		check_get(&s, m->key, m->shown);
		/* Twice: a list has both, everything else has the last. */
		CHECK(lxc_key_set(&s, m->key, m->value, NULL) == 0);
		CHECK(lxc_key_clear(&s, m->key, &e) == 0);
		check_get(&s, m->key, m->unset);
	}
}

TEST(every_key_has_a_sample)
{
	_cleanup_strv_ struct strv keys = STRV_INIT;
	_cleanup_spec_ struct spec s;

	spec_init(&s);
	CHECK(lxc_key_list(&s, "", &keys, NULL) == 0);
	CHECK(keys.n > 80);
	for (size_t k = 0; k < keys.n; k++) {
		bool found = streq(keys.v[k], "lxc.hook") || streq(keys.v[k], "lxc.include");

		for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
			const char *rest = startswith(samples[i].key, keys.v[k]);

			found |= rest && (!*rest || *rest == '.');
		}
		if (!found)
			printf("# %s\n", keys.v[k]);
		CHECK(found);
	}
}

static void fill(struct spec *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		CHECK(lxc_key_set(s, samples[i].key, samples[i].value, NULL) == 0);
}

TEST(every_field_is_reached)
{
	_cleanup_spec_ struct spec s;

	spec_init(&s);
	fill(&s);
	for (const struct field *f = spec_fields; f->name; f++) {
		if (field_is_set(f, &s) == !!(f->flags & F_INTERNAL))
			printf("# %s\n", f->name);
		CHECK(field_is_set(f, &s) == !(f->flags & F_INTERNAL));
		if (!f->sub)
			continue;
		for (const struct field *m = f->sub; m->name; m++) {
			const struct list *l = (const struct list *)((const char *)&s + f->offset);
			bool found = false;

			for (size_t i = 0; i < l->n; i++)
				found |= field_is_set(m, (const char *)l->v + i * l->size);
			if (found == !!((f->flags | m->flags) & F_INTERNAL))
				printf("# %s.%s\n", f->name, m->name);
			CHECK(found == !((f->flags | m->flags) & F_INTERNAL));
		}
	}
}

TEST(rows_name_fields)
{
	for (const struct lxc_key *k = lxc_keys; k->name; k++) {
		CHECK(k->len == strlen(k->name));
		CHECK(!k->alias != !k->kind);
		CHECK(!k->alias || lxc_key_known(k->alias));
		if (k->field && !streq(k->field, "ns.share."))
			CHECK(lxc_key_field(k));
		for (const struct lxc_key *o = lxc_keys; o < k; o++)
			CHECK(!streq(o->name, k->name));
	}
}

/* --- legacy names --------------------------------------------------------------------------------------------------- */

TEST(legacy_keys)
{
	static const struct {
		const char *old, *now, *value;
	} keys[] = {
		{ "lxc.utsname", "lxc.uts.name", "c1" },
		{ "lxc.tty", "lxc.tty.max", "4" },
		{ "lxc.pts", "lxc.pty.max", "1024" },
		{ "lxc.devttydir", "lxc.tty.dir", "lxc" },
		{ "lxc.rootfs", "lxc.rootfs.path", "/r" },
		{ "lxc.mount", "lxc.mount.fstab", "/f" },
		{ "lxc.console", "lxc.console.path", "none" },
		{ "lxc.haltsignal", "lxc.signal.halt", "SIGPWR" },
		{ "lxc.rebootsignal", "lxc.signal.reboot", "SIGINT" },
		{ "lxc.stopsignal", "lxc.signal.stop", "SIGKILL" },
		{ "lxc.init_cmd", "lxc.init.cmd", "/i" },
		{ "lxc.init_uid", "lxc.init.uid", "1" },
		{ "lxc.init_gid", "lxc.init.gid", "2" },
		{ "lxc.logfile", "lxc.log.file", "/l" },
		{ "lxc.loglevel", "lxc.log.level", "1" },
		{ "lxc.syslog", "lxc.log.syslog", "daemon" },
		{ "lxc.id_map", "lxc.idmap", "u 0 1 2" },
		{ "lxc.aa_profile", "lxc.apparmor.profile", "p" },
		{ "lxc.aa_allow_incomplete", "lxc.apparmor.allow_incomplete", "1" },
		{ "lxc.se_context", "lxc.selinux.context", "c" },
		{ "lxc.seccomp", "lxc.seccomp.profile", "/s" },
		{ "lxc.limit.nofile", "lxc.prlimit.nofile", "5" },
		{ "lxc.network.0.flags", "lxc.net.0.flags", "up" },
		{ "lxc.network.link", "lxc.net.0.link", "br0" },
		{ "lxc.network.name", "lxc.net.0.name", "eth0" },
		{ "lxc.network.mtu", "lxc.net.0.mtu", "1500" },
		{ "lxc.network.hwaddr", "lxc.net.0.hwaddr", "00:16:3e:xx:xx:xx" },
		{ "lxc.network.ipv4", "lxc.net.0.ipv4.address", "10.0.0.1/8" },
		{ "lxc.network.0.ipv6", "lxc.net.0.ipv6.address", "::1" },
		{ "lxc.network.ipv4.gateway", "lxc.net.0.ipv4.gateway", "auto" },
		{ "lxc.network.ipv6.gateway", "lxc.net.0.ipv6.gateway", "auto" },
		{ "lxc.network.veth.pair", "lxc.net.0.veth.pair", "v" },
		{ "lxc.network.vlan.id", "lxc.net.0.vlan.id", "2" },
		{ "lxc.network.macvlan.mode", "lxc.net.0.macvlan.mode", "bridge" },
		{ "lxc.network.script.up", "lxc.net.0.script.up", "/u" },
		{ "lxc.network.script.down", "lxc.net.0.script.down", "/d" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		_cleanup_spec_ struct spec a, b;
		_cleanup_buf_ struct buf t = BUF_INIT;
		struct err e = { 0 };

		spec_init(&a);
		spec_init(&b);
		if (startswith(keys[i].old, "lxc.network.")) {
			const char *type = strstr(keys[i].old, "macvlan") ? "macvlan"
					   : strstr(keys[i].old, "vlan")  ? "vlan"
									  : "veth";

			CHECK(lxc_key_set(&a, "lxc.network.type", type, NULL) == 0);
			CHECK(lxc_key_set(&b, "lxc.net.0.type", type, NULL) == 0);
		}
		if (lxc_key_set(&a, keys[i].old, keys[i].value, &e) < 0)
			printf("# %s\n", e.msg);
		CHECK(lxc_key_set(&b, keys[i].now, keys[i].value, NULL) == 0);
		CHECK(spec_equal(&a, &b));
		CHECK(lxc_key_get(&b, keys[i].now, &t, NULL) == 0);
		check_get(&a, keys[i].old, buf_str(&t));
		CHECK(lxc_key_clear(&a, keys[i].old, NULL) == 0);
		CHECK(lxc_key_clear(&b, keys[i].now, NULL) == 0);
		CHECK(spec_equal(&a, &b));
	}
	CHECK(lxc_key_known("lxc.kmsg") && lxc_key_known("lxc.pivotdir"));
	CHECK(!lxc_key_known("lxc.bogus") && !lxc_key_known("lxc.") && !lxc_key_known(""));
}

TEST(backend_in_any_order)
{
	static const char *const texts[] = {
		"lxc.rootfs = /dev/vg/c1\nlxc.rootfs.backend = lvm\n",
		"lxc.rootfs.backend = lvm\nlxc.rootfs = /dev/vg/c1\n",
		"lxc.rootfs.path = lvm:/dev/vg/c1\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;

		CHECK(lxc_config_parse(texts[i], strlen(texts[i]), "t", &c, NULL) == 0);
		CHECK_STR(lxc_config_spec(c)->rootfs.path, "lvm:/dev/vg/c1");
	}
}

/* --- families ---------------------------------------------------------------------------------------------------------- */

TEST(families_list_and_clear)
{
	static const struct {
		const char *family, *shown;
	} families[] = {
		{ "lxc.cgroup", "lxc.cgroup.memory.limit_in_bytes = 256M\n" },
		{ "lxc.cgroup2", "lxc.cgroup2.devices.allow = c 1:3 rwm\n" },
		{ "lxc.prlimit", "lxc.prlimit.nofile = 1024:2048\nlxc.prlimit.core = unlimited\n"
				 "lxc.prlimit.as = 1:unlimited\nlxc.prlimit.cpu = 7\n" },
		{ "lxc.sysctl", "lxc.sysctl.net.ipv4.ip_forward = 1\n" },
		{ "lxc.proc", "lxc.proc.oom_score_adj = 10\n" },
		{ "lxc.net", "veth\n" },
	};
	_cleanup_spec_ struct spec s;

	spec_init(&s);
	fill(&s);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		check_get(&s, families[i].family, families[i].shown);
		CHECK(lxc_key_set(&s, families[i].family, "x", NULL) == -EINVAL);
		CHECK(lxc_key_clear(&s, families[i].family, NULL) == 0);
		check_get(&s, families[i].family, "");
	}
	CHECK(lxc_key_clear(&s, "lxc.hook", NULL) == 0);
	for (int i = 0; i < HOOK_MAX; i++)
		CHECK(!s.hooks[i].n);
}

TEST(nets_in_order)
{
	static const uint32_t indexes[] = { 0, 3, 7, 8 };
	_cleanup_spec_ struct spec s;
	_cleanup_strv_ struct strv names = STRV_INIT;

	spec_init(&s);
	CHECK(lxc_key_set(&s, "lxc.net.7.type", "phys", NULL) == 0);
	CHECK(lxc_key_set(&s, "lxc.net.0.type", "veth", NULL) == 0);
	CHECK(lxc_key_set(&s, "lxc.net.3.link", "br0", NULL) == 0);
	CHECK(lxc_key_set(&s, "lxc.network.type", "empty", NULL) == 0);
	CHECK(s.nets.n == 4);
	for (size_t i = 0; i < 4; i++)
		CHECK(LIST_AT(&s.nets, struct spec_net, i)->index == indexes[i]);
	check_get(&s, "lxc.net", "veth\n\nphys\nempty\n");
	CHECK(lxc_key_set(&s, "lxc.net.5.type", "bad", NULL) == -EINVAL);
	CHECK(s.nets.n == 4);
	CHECK(lxc_key_get(&s, "lxc.net.5.type", NULL, NULL) == -ENOENT);
	CHECK(lxc_key_get(&s, "lxc.net.0.macvlan.mode", NULL, NULL) == -EINVAL);
	CHECK(lxc_key_list(&s, "lxc.net.0", &names, NULL) == 0);
	CHECK(strv_has(&names, "type") && strv_has(&names, "veth.pair") && !strv_has(&names, "vlan.id"));
	CHECK(lxc_key_clear(&s, "lxc.net.3", NULL) == 0);
	CHECK(s.nets.n == 3);
	CHECK(LIST_AT(&s.nets, struct spec_net, 1)->index == 7);
}

/* A value of several words is taken whole or not at all. */
TEST(failure_changes_nothing)
{
	static const char *const bad[][2] = {
		{ "lxc.cap.drop", "mknod Sys_time" },
		{ "lxc.group", "a \001" },
		{ "lxc.mount.auto", "proc sys:bad" },
		{ "lxc.mount.entry", "ab" },
		{ "lxc.idmap", "b 0 1 2" },
		{ "lxc.idmap", "u 0 1 2 3" },
		{ "lxc.prlimit.nofile", "5:4" },
		{ "lxc.prlimit.bad", "5" },
		{ "lxc.namespace.clone", "pid bad" },
		{ "lxc.namespace.share.bad", "1" },
		{ "lxc.cgroup2.memory/max", "1" },
		{ "lxc.net.1.mtu", "x" },
		{ "lxc.net.x.type", "veth" },
		{ "lxc.net.0.bogus", "1" },
		{ "lxc.hook", "/x" },
		{ "lxc.net", "x" },
		{ "lxc.hook.bad", "/x" },
		{ "lxc.sysctl.a/../b", "1" },
		{ "lxc.init.groups", "1,x" },
		{ "lxc.console.size", "-1" },
		{ "lxc.rootfs.backend", "floppy" },
		{ "lxc.uts.name", "a\nb" },
		{ "lxc.prlimit.nofile", "5:6:7" },
		{ "lxc.ephemeral", "yes" },
	};
	_cleanup_spec_ struct spec a, b;

	spec_init(&a);
	spec_init(&b);
	fill(&a);
	fill(&b);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		CHECK(lxc_key_set(&a, bad[i][0], bad[i][1], &e) < 0);
		CHECK(spec_equal(&a, &b));
		CHECK(startswith(e.msg, bad[i][0]));
		CHECK(strstr(e.msg, ": expected "));
	}
}

/* --- save ------------------------------------------------------------------------------------------------------------ */

static void saves_and_reads_back(const struct spec *s)
{
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;
	_cleanup_buf_ struct buf t = BUF_INIT;
	struct err e = { 0 };

	CHECK(lxc_save(s, &t, &e) == 0);
	if (lxc_config_parse(buf_str(&t), t.len, "saved", &c, &e) < 0)
		printf("# %s\n", e.msg);
	CHECK(!e.code);
	if (!spec_equal(s, lxc_config_spec(c)))
		printf("# not the same after:\n# %s\n", buf_str(&t));
	CHECK(spec_equal(s, lxc_config_spec(c)));
}

TEST(save_reads_back)
{
	_cleanup_spec_ struct spec all;

	spec_init(&all);
	saves_and_reads_back(&all);
	fill(&all);
	saves_and_reads_back(&all);
	/* Each alone, then random sets: 3 of 4 keys left out. */
	for (unsigned round = 0; round < 400; round++) {
		_cleanup_spec_ struct spec s;

		spec_init(&s);
		for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
			if (round < ARRAY_SIZE(samples) ? i == round : rand() % 4 == 0)
				CHECK(lxc_key_set(&s, samples[i].key, samples[i].value, NULL) == 0);
		saves_and_reads_back(&s);
	}
}

TEST(save_odd_values)
{
	static const char *const values[] = { " leading", "trailing\t", "'quoted'", "\"quoted\"", "\"",
					      "'",	  "a = b",	"# c",	    "\"a\" \"b\"" };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		_cleanup_spec_ struct spec s;

		spec_init(&s);
		CHECK(lxc_key_set(&s, "lxc.init.cmd", values[i], NULL) == 0);
		CHECK(strv_pushf(&s.process.env, NULL, "A=%s", values[i]) == 0);
		CHECK(strv_push(&s.hooks[HOOK_START], values[i], NULL) == 0);
		saves_and_reads_back(&s);
	}
}

TEST(save_says_what_it_cannot_say)
{
	_cleanup_spec_ struct spec s;
	_cleanup_buf_ struct buf t = BUF_INIT;

	spec_init(&s);
	CHECK(spec_load(&s,
			"name=c1\nannotations=a=b\nprocess.args=sh\nprocess.args=-c\nprocess.args=echo \"a b\"\n"
			"rootfs.read_only=1\nrootfs.options=noatime\nsecurity.masked_paths=/proc/kcore\n"
			"process.env=A=1\\n2\nidmaps.0.type=b\nidmaps.0.nsid=0\nidmaps.0.hostid=1\nidmaps.0.range=2\n",
			NULL) == 0);
	CHECK(lxc_save(&s, &t, NULL) == 0);
	CHECK_STR(buf_str(&t), "# not expressible: process.env=A=1\n# not expressible: process.env=2\n"
			       "lxc.idmap = u 0 1 2\nlxc.idmap = g 0 1 2\n"
			       "lxc.init.cmd = sh -c \"echo \\\"a b\\\"\"\nlxc.rootfs.options = noatime,ro\n"
			       "# not expressible: annotations=a=b\n"
			       "# not expressible: security.masked_paths=/proc/kcore\n");
}

/* --- edits ------------------------------------------------------------------------------------------------------------- */

static void check_text(const struct lxc_config *c, const char *want)
{
	_cleanup_buf_ struct buf t = BUF_INIT;

	CHECK(lxc_config_text(c, &t, NULL) == 0);
	CHECK_STR(buf_str(&t), want);
}

/* Whatever is edited, the text reads back as the spec beside it. */
TEST(random_edits_keep_text_and_spec_together)
{
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;

	CHECK(lxc_config_new(&c, NULL) == 0);
	for (unsigned round = 0; round < 500; round++) {
		const struct sample *m = &samples[rand() % (int)ARRAY_SIZE(samples)];
		_cleanup_(lxc_config_freep) struct lxc_config *again = NULL;
		_cleanup_buf_ struct buf t = BUF_INIT;

		CHECK(lxc_config_set(c, m->key, rand() % 3 ? m->value : "", NULL) == 0);
		CHECK(lxc_config_text(c, &t, NULL) == 0);
		CHECK(lxc_config_parse(buf_str(&t), t.len, "t", &again, NULL) == 0);
		CHECK(spec_equal(lxc_config_spec(c), lxc_config_spec(again)));
	}
}

TEST(failed_edit_changes_nothing)
{
	static const char text[] = "# mine\nlxc.uts.name = a\n";
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;
	struct err e = { 0 };

	CHECK(lxc_config_parse(text, strlen(text), "t", &c, NULL) == 0);
	CHECK(lxc_config_set(c, "lxc.uts.name", "a b", &e) == -EINVAL);
	CHECK_STR(e.msg,
		  "lxc.uts.name: expected a host name of at most 64 letters, digits, '-', '.' or '_', not 'a b'");
	CHECK(lxc_config_set(c, "lxc.utsnam", "b", &e) == -ENOENT);
	CHECK_STR(e.msg, "lxc.utsnam: expected a known key");
	CHECK_STR(e.hint, "did you mean 'lxc.utsname'?");
	CHECK(lxc_config_set(c, "lxc.init.cmd", "a\nlxc.init.uid = 0", &e) == -EINVAL);
	check_text(c, text);
	CHECK_STR(lxc_config_spec(c)->hostname, "a");
}

/* --- limits -------------------------------------------------------------------------------------------------------------- */

TEST(long_lines)
{
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;
	size_t n = 10 << 20;
	_cleanup_free_ char *text = malloc(n + 1);
	struct err e = { 0 };

	CHECK(text);
	memset(text, 'a', n);
	memcpy(text, "lxc.uts.name=x\nlxc.init.cmd =", 29);
	text[n] = '\0';
	CHECK(lxc_config_parse(text, n, "big", &c, &e) == -E2BIG);
	CHECK_STR(e.msg, "big:2: expected lines of at most 1048576 bytes");
	CHECK(e.kind == ERR_LIMIT && !c);
	CHECK(lxc_config_parse(text, 17u << 20, "big", &c, &e) == -E2BIG);
	CHECK_STR(e.msg, "big: expected a file of at most 16777216 bytes");
	/* One that just fits. */
	CHECK(lxc_config_parse(text, 15 + (1 << 20), "big", &c, &e) == 0);
	CHECK(lxc_config_parse("lxc.uts.name=\0x\n", 16, "nul", (struct lxc_config *[]){ NULL }, &e) == -EINVAL);
	CHECK_STR(e.msg, "nul:1: expected text, not a NUL byte");
}

TEST(includes_end)
{
	char dir[] = "/tmp/creel-spec-XXXXXX", text[128], want[300];
	_cleanup_free_ char *file = NULL;
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	file = path_join(dir, "a.conf");
	snprintf(text, sizeof(text), "lxc.include = %s\nlxc.include = %s\n", dir, dir);
	CHECK(file_replace(AT_FDCWD, file, text, strlen(text), 0600, false, NULL) == 0);
	CHECK(lxc_config_load(file, &c, &e) == -ELOOP);
	CHECK(strstr(e.msg, "lxc.include: expected at most 16 files that include each other"));
	CHECK(e.kind == ERR_LIMIT && !c);
	/* Wide instead of deep. */
	CHECK(file_replace(AT_FDCWD, file, "", 0, 0600, false, NULL) == 0);
	{
		_cleanup_buf_ struct buf b = BUF_INIT;

		for (int i = 0; i < 1025; i++)
			buf_printf(&b, "lxc.include = %s\n", file);
		CHECK(lxc_config_parse(b.data, b.len, "wide", &c, &e) == -ELOOP);
	}
	CHECK_STR(e.msg, "wide:1025: lxc.include: expected at most 1024 included files");
	snprintf(text, sizeof(text), "lxc.include = %s/none\n", dir);
	CHECK(lxc_config_parse(text, strlen(text), "t", &c, &e) == -EINVAL);
	snprintf(want, sizeof(want), "t:1: lxc.include: expected a file or folder, and there is no %s/none", dir);
	CHECK_STR(e.msg, want);
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

TEST(unreadable_files)
{
	struct lxc_config *c = NULL;
	struct err e = { 0 };

	CHECK(lxc_config_load("/nowhere/config", &c, &e) == -ENOENT);
	CHECK_STR(e.msg, "open /nowhere/config: No such file or directory");
	CHECK(lxc_config_load("/tmp", &c, &e) == -EISDIR);
	CHECK(lxc_config_load("/dev/zero", &c, &e) == -EINVAL);
	CHECK(!c);
}

/* --- the cases in tests/conformance/lxc-config -------------------------------------------------------------------------- */

static void put_error(struct buf *out, const struct err *e)
{
	buf_printf(out, "error: %s\n", e->msg);
	if (*e->hint)
		buf_printf(out, "hint: %s\n", e->hint);
}

/* One line of a case's "command": dump, text, save, validate, get KEY, clear KEY, list PREFIX, set KEY = VALUE. */
static void run_command(struct lxc_config *c, char *line, struct buf *out)
{
	struct spec *s = lxc_config_spec(c);
	char *arg = strchr(line, ' '), *value;
	_cleanup_strv_ struct strv keys = STRV_INIT;
	struct err e = { 0 };
	int r = -EINVAL;

	if (arg)
		*arg++ = '\0';
	if (streq(line, "dump"))
		r = spec_dump(s, out, &e);
	else if (streq(line, "text"))
		r = lxc_config_text(c, out, &e);
	else if (streq(line, "save"))
		r = lxc_save(s, out, &e);
	else if (streq(line, "validate"))
		r = spec_validate(s, &e);
	else if (streq(line, "clear") && arg)
		r = lxc_config_clear(c, arg, &e);
	else if (streq(line, "get") && arg)
		r = lxc_key_get(s, arg, out, &e);
	else if (streq(line, "list"))
		r = lxc_key_list(s, arg ?: "", &keys, &e);
	else if (streq(line, "set") && arg && (value = strstr(arg, " = "))) {
		*value = '\0';
		r = lxc_config_set(c, arg, value + 3, &e);
	} else
		err_kind(&e, ERR_INVALID, r, "no command: %s", line);
	for (size_t i = 0; i < keys.n; i++)
		buf_printf(out, "%s\n", keys.v[i]);
	if (r < 0)
		put_error(out, &e);
	else if (streq(line, "get") && out->len && out->data[out->len - 1] != '\n')
		buf_putc(out, '\n');
}

static bool run_case(const char *name)
{
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;
	_cleanup_free_ char *commands = NULL, *want = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_strv_ struct strv lines = STRV_INIT;
	struct err e = { 0 };

	if (file_read(AT_FDCWD, "command", 1 << 20, &commands, NULL, NULL) == 0)
		CHECK(strv_split(&lines, commands, "\n", NULL) == 0);
	else
		CHECK(strv_push(&lines, "dump", NULL) == 0);
	if (lxc_config_load("input", &c, &e) < 0)
		put_error(&out, &e);
	for (size_t i = 0; c && i < lines.n; i++)
		run_command(c, lines.v[i], &out);
	if (getenv("CREEL_UPDATE_CASES"))
		CHECK(file_replace(AT_FDCWD, "expected", buf_str(&out), out.len, 0644, false, NULL) == 0);
	CHECK(file_read(AT_FDCWD, "expected", 1 << 20, &want, NULL, NULL) == 0);
	if (streq(want, buf_str(&out)))
		return true;
	printf("# case %s:\n# --- expected\n%s# --- got\n%s", name, want, buf_str(&out));
	return false;
}

TEST(cases)
{
	const char *source = __FILE__;
	char exe[PATH_MAX], dir[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct dirent **names;
	unsigned failed = 0;
	int count;

	/* __FILE__ is absolute, or relative to the build folder two above the program's. */
	CHECK(n > 0);
	exe[n] = '\0';
	if (*source == '/')
		snprintf(dir, sizeof(dir), "%s", source);
	else
		snprintf(dir, sizeof(dir), "%s/../../%s", dirname(exe), source);
	dir[strlen(dir) - strlen("unit/test-lxc-config.c")] = '\0';
	strcat(dir, "conformance/lxc-config");
	CHECK(chdir(dir) == 0);
	count = scandir(".", &names, NULL, alphasort);
	CHECK(count > 10);
	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.' && chdir(names[i]->d_name) == 0) {
			failed += !run_case(names[i]->d_name);
			CHECK(chdir("..") == 0);
		}
		free(names[i]);
	}
	free(names);
	CHECK(!failed);
}

/* --- the system's lxc.conf -------------------------------------------------------------------------------------------- */

static void check_global(const struct strv *l, const char *name, const char *want)
{
	const char *value = strv_env_get(l, name);

	CHECK(lxc_global_find(name));
	CHECK_STR(value ?: "(not set)", want);
}

TEST(global_defaults)
{
	_cleanup_strv_ struct strv root = STRV_INIT, user = STRV_INIT;

	CHECK(lxc_global_parse("", 0, "lxc.conf", NULL, &root, NULL) == 0);
	check_global(&root, "lxc.lxcpath", "/var/lib/lxc");
	check_global(&root, "lxc.default_config", CREEL_SYSCONFDIR "/lxc/default.conf");
	check_global(&root, "lxc.bdev.lvm.vg", "lxc");
	check_global(&root, "lxc.bdev.lvm.thin_pool", "lxc");
	check_global(&root, "lxc.bdev.zfs.root", "lxc");
	check_global(&root, "lxc.bdev.rbd.rbdpool", "lxc");
	check_global(&root, "lxc.bdev.rbd.rbduser", "(not set)");
	check_global(&root, "lxc.cgroup.use", "(not set)");
	check_global(&root, "lxc.cgroup.pattern", "(not set)");
	CHECK(lxc_global_load(NULL, "/nowhere", &user, NULL) == 0);
	check_global(&user, "lxc.lxcpath", "/nowhere/.local/share/lxc");
	check_global(&user, "lxc.default_config", "/nowhere/.config/lxc/default.conf");
	check_global(&user, "lxc.bdev.zfs.root", "lxc");
	CHECK(!lxc_global_find("lxc.bdev"));
}

TEST(global_file)
{
	static const char text[] = "# c\nfoo = 1\n lxc.lxcpath = /srv/x//\nlxc.bdev.zfs.root=tank\nlxc.bdev.lvm.vg =\n"
				   "lxc.cgroup.pattern = a/%n\nlxc.bdev.zfs.root='pool/lxc'";
	_cleanup_strv_ struct strv l = STRV_INIT;

	CHECK(lxc_global_parse(text, strlen(text), "lxc.conf", NULL, &l, NULL) == 0);
	check_global(&l, "lxc.lxcpath", "/srv/x");
	check_global(&l, "lxc.bdev.zfs.root", "pool/lxc");
	check_global(&l, "lxc.bdev.lvm.vg", "lxc");
	check_global(&l, "lxc.cgroup.pattern", "a/%n");
}

TEST(global_refuses)
{
	static const char *const cases[][3] = {
		{ "\nlxc.lxcpth = /x\n", "lxc.conf:2: lxc.lxcpth: expected a known item",
		  "did you mean 'lxc.lxcpath'?" },
		{ "lxc.lxcpath = x\n", "lxc.conf:1: lxc.lxcpath: expected an absolute path, not 'x'", "" },
		{ "lxc.lxcpath\n", "lxc.conf:1: lxc.lxcpath: expected KEY = VALUE", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_strv_ struct strv l = STRV_INIT;
		struct err e = { 0 };

		CHECK(lxc_global_parse(cases[i][0], strlen(cases[i][0]), "lxc.conf", NULL, &l, &e) == -EINVAL);
		CHECK_STR(e.msg, cases[i][1]);
		CHECK_STR(e.hint, cases[i][2]);
		CHECK(!l.n);
	}
	CHECK(lxc_global_load("/nowhere/lxc.conf", NULL, &(struct strv){ 0 }, NULL) == -ENOENT);
}
