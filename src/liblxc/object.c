/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The object: its layout, life, lock and error. */

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <lxc/version.h>

#include "base/file.h"
#include "liblxc/liblxc.h"

/* Programs that were built with another header read and call by these numbers (x86-64, and every other LP64). */
#define AT(type, member, at) _Static_assert(offsetof(struct type, member) == (at), #member)
#define SIZE(type, size)     _Static_assert(sizeof(type) == (size), #type)
AT(lxc_container, name, 0);
AT(lxc_container, configfile, 8);
AT(lxc_container, pidfile, 16);
AT(lxc_container, slock, 24);
AT(lxc_container, privlock, 32);
AT(lxc_container, numthreads, 40);
AT(lxc_container, lxc_conf, 48);
AT(lxc_container, error_string, 56);
AT(lxc_container, error_num, 64);
AT(lxc_container, daemonize, 68);
AT(lxc_container, config_path, 72);
/* The functions, in order. */
#define FN(member, n) AT(lxc_container, member, 80 + 8 * (n))
FN(is_defined, 0);
FN(state, 1);
FN(is_running, 2);
FN(freeze, 3);
FN(unfreeze, 4);
FN(init_pid, 5);
FN(load_config, 6);
FN(start, 7);
FN(startl, 8);
FN(stop, 9);
FN(want_daemonize, 10);
FN(want_close_all_fds, 11);
FN(config_file_name, 12);
FN(wait, 13);
FN(set_config_item, 14);
FN(destroy, 15);
FN(save_config, 16);
FN(create, 17);
FN(createl, 18);
FN(rename, 19);
FN(reboot, 20);
FN(shutdown, 21);
FN(clear_config, 22);
FN(clear_config_item, 23);
FN(get_config_item, 24);
FN(get_running_config_item, 25);
FN(get_keys, 26);
FN(get_interfaces, 27);
FN(get_ips, 28);
FN(get_cgroup_item, 29);
FN(set_cgroup_item, 30);
FN(get_config_path, 31);
FN(set_config_path, 32);
FN(clone, 33);
FN(console_getfd, 34);
FN(console, 35);
FN(attach, 36);
FN(attach_run_wait, 37);
FN(attach_run_waitl, 38);
FN(snapshot, 39);
FN(snapshot_list, 40);
FN(snapshot_restore, 41);
FN(snapshot_destroy, 42);
FN(may_control, 43);
FN(add_device_node, 44);
FN(remove_device_node, 45);
FN(attach_interface, 46);
FN(detach_interface, 47);
FN(checkpoint, 48);
FN(restore, 49);
FN(destroy_with_snapshots, 50);
FN(snapshot_destroy_all, 51);
FN(migrate, 52);
FN(console_log, 53);
FN(reboot2, 54);
FN(mount, 55);
FN(umount, 56);
FN(seccomp_notify_fd, 57);
FN(seccomp_notify_fd_active, 58);
FN(init_pidfd, 59);
FN(devpts_fd, 60);
AT(lxc_container, rcv_timeout, 568);
AT(lxc_container, set_timeout, 576);
SIZE(struct lxc_container, 584);
SIZE(struct lxc_snapshot, 40);
SIZE(struct bdev_specs, 80);
SIZE(struct migrate_opts, 80);
SIZE(struct lxc_console_log, 24);
SIZE(struct lxc_log, 48);
SIZE(struct lxc_mount, 4);
SIZE(lxc_attach_options_t, 96);
SIZE(lxc_attach_command_t, 16);
SIZE(lxc_groups_t, 16);
AT(lxc_attach_options_t, namespaces, 4);
AT(lxc_attach_options_t, personality, 8);
AT(lxc_attach_options_t, initial_cwd, 16);
AT(lxc_attach_options_t, uid, 24);
AT(lxc_attach_options_t, gid, 28);
AT(lxc_attach_options_t, env_policy, 32);
AT(lxc_attach_options_t, extra_env_vars, 40);
AT(lxc_attach_options_t, extra_keep_env, 48);
AT(lxc_attach_options_t, stdin_fd, 56);
AT(lxc_attach_options_t, stdout_fd, 60);
AT(lxc_attach_options_t, stderr_fd, 64);
AT(lxc_attach_options_t, log_fd, 68);
AT(lxc_attach_options_t, lsm_label, 72);
AT(lxc_attach_options_t, groups, 80);

/* --- lock and references ------------------------------------------------------------------------------------------------- */

void api_lock(struct lxc_container *c)
{
	pthread_mutex_lock(&c->privlock->mutex);
}

void api_unlock(struct lxc_container *c)
{
	pthread_mutex_unlock(&c->privlock->mutex);
}

static struct lxc_lock *lock_new(void)
{
	struct lxc_lock *l = calloc(1, sizeof(*l));

	if (l)
		pthread_mutex_init(&l->mutex, NULL);
	return l;
}

static void lock_free(struct lxc_lock *l)
{
	if (l)
		pthread_mutex_destroy(&l->mutex);
	free(l);
}

static void object_free(struct lxc_container *c)
{
	free(c->name);
	free(c->configfile);
	free(c->pidfile);
	free(c->error_string);
	free(c->config_path);
	if (c->lxc_conf)
		lxc_config_free(c->lxc_conf->config);
	free(c->lxc_conf);
	lock_free(c->slock);
	lock_free(c->privlock);
	free(c);
}

PUBLIC int lxc_container_get(struct lxc_container *c)
{
	int got;

	if (!c || c->numthreads < 1)
		return 0;
	api_lock(c);
	got = c->numthreads > 0;
	c->numthreads += got;
	api_unlock(c);
	return got;
}

PUBLIC int lxc_container_put(struct lxc_container *c)
{
	bool last;

	if (!c)
		return -1;
	api_lock(c);
	last = --c->numthreads < 1;
	api_unlock(c);
	if (last)
		object_free(c);
	return last;
}

PUBLIC struct lxc_container *lxc_container_new(const char *name, const char *configpath)
{
	struct lxc_container *c;
	struct err e = { 0 };
	size_t n;

	if (!name)
		return NULL;
	if (!configpath)
		configpath = lxc_get_global_config_item("lxc.lxcpath");
	c = calloc(1, sizeof(*c));
	if (!c || !configpath) {
		free(c);
		return NULL;
	}
	c->numthreads = 1;
	c->daemonize = true;
	c->name = strdup(name);
	c->config_path = strdup(configpath);
	c->slock = lock_new();
	c->privlock = lock_new();
	n = c->config_path ? strlen(c->config_path) : 0;
	while (n > 1 && c->config_path[n - 1] == '/')
		c->config_path[--n] = '\0';
	if (!n || !c->name || !c->slock || !c->privlock || config_name(c, &e) < 0 ||
	    (file_exists(AT_FDCWD, c->configfile) && config_load(c, c->configfile, &e) < 0)) {
		api_log_error(name, &e);
		object_free(c);
		return NULL;
	}
	methods_config(c);
	methods_life(c);
	methods_info(c);
	methods_inside(c);
	methods_copy(c);
	methods_snapshot(c);
	return c;
}

/* --- errors ------------------------------------------------------------------------------------------------------------- */

bool api_fail(struct lxc_container *c, const struct err *e)
{
	char *text, *old;

	if (asprintf(&text, "%s%s%s%s", e->msg, *e->hint ? " (" : "", e->hint, *e->hint ? ")" : "") < 0)
		text = NULL;
	api_lock(c);
	old = c->error_string;
	c->error_string = text;
	c->error_num = -e->code;
	api_unlock(c);
	free(old);
	api_log_error(c->name, e);
	return false;
}

int api_unsupported(struct lxc_container *c, const char *what)
{
	struct err e = { 0 };

	err_kind(&e, ERR_MISSING, -EOPNOTSUPP, "%s is not built yet", what);
	api_fail(c, &e);
	return -EOPNOTSUPP;
}

/* --- small helpers --------------------------------------------------------------------------------------------------- */

int api_copy_out(const char *text, char *retv, int inlen)
{
	if (retv && inlen > 0) {
		memset(retv, 0, (size_t)inlen);
		snprintf(retv, (size_t)inlen, "%s", text);
	}
	return (int)strlen(text);
}

char **api_arguments(const char *first, va_list ap)
{
	char **v = NULL;
	size_t n = 0;

	for (const char *arg = first;; arg = va_arg(ap, const char *)) {
		char **more = reallocarray(v, n + 2, sizeof(*v));

		if (!more) {
			free(v);
			return NULL;
		}
		v = more;
		v[n] = (char *)(uintptr_t)arg;
		v[n + 1] = NULL;
		if (!arg)
			return v;
		n++;
	}
}

/* --- the library -------------------------------------------------------------------------------------------------------- */

PUBLIC const char *lxc_get_version(void)
{
	return LXC_VERSION;
}

PUBLIC int lxc_get_wait_states(const char **states)
{
	for (unsigned i = 0; states && i < RUN_STATE_MAX; i++)
		states[i] = run_state_names[i];
	return RUN_STATE_MAX;
}

PUBLIC bool lxc_has_api_extension(const char *extension)
{
	/* What LXC 6 names, and of LXC 7 what is here, too. */
	static const char *const known[] = {
		"lxc_log",
		"lxc_config_item_is_supported",
		"console_log",
		"reboot2",
		"mount_injection",
		"cgroup_relative",
		"mount_injection_file",
		"seccomp_allow_nesting",
		"seccomp_notify",
		"network_veth_routes",
		"network_ipvlan",
		"network_l2proxy",
		"network_gateway_device_route",
		"network_phys_macvlan_mtu",
		"network_veth_router",
		"cgroup2_devices",
		"cgroup2",
		"pidfd",
		"cgroup_advanced_isolation",
		"network_bridge_vlan",
		"time_namespace",
		"seccomp_allow_deny_syntax",
		"devpts_fd",
		"seccomp_notify_fd_active",
		"seccomp_proxy_send_notify_fd",
		"idmapped_mounts",
		"idmapped_mounts_v2",
		"core_scheduling",
		"cgroup2_auto_mounting",
		"environment_runtime_hooks",
	};

	for (size_t i = 0; extension && i < ARRAY_SIZE(known); i++)
		if (streq(known[i], extension))
			return true;
	return !extension;
}
