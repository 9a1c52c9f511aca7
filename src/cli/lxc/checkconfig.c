/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/spawn.h"
#include "cli/cli.h"

#define CONFIG_MAX  (4u << 20)
#define SYMBOLS_MAX (64u << 20)

/* How to find out on the running kernel, where its configuration is not to be had. */
enum probe { PROBE_PATH, PROBE_CONTROLLER, PROBE_MODULE };

struct check {
	const char *label;
	const char *config; /* CONFIG_x without the prefix */
	bool required;
	enum probe probe;
	const char *arg;
	const char *symbol; /* PROBE_MODULE: a function of it, for what is built in */
};

struct section {
	const char *title, *key;
	const struct check *checks; /* ended by a NULL label */
	void (*extra)(struct buf *out);
	unsigned extra_after; /* checks before the extra lines; the rest follows */
};

struct kernel {
	char *text; /* NULL: none was found */
	char *from, *modules_builtin, *modules_dep;
	char *symbols; /* of the running kernel; only where TEXT is NULL */
};

enum status { MISSING, ENABLED, ENABLED_LOADED, ENABLED_NOT_LOADED };
static const char *const status_names[] = { "missing", "enabled", "enabled, loaded", "enabled, not loaded" };

static const struct check namespaces[] = {
	{ "Namespaces", "NAMESPACES", true, PROBE_PATH, "/proc/self/ns" },
	{ "Utsname namespace", "UTS_NS", false, PROBE_PATH, "/proc/self/ns/uts" },
	{ "Ipc namespace", "IPC_NS", true, PROBE_PATH, "/proc/self/ns/ipc" },
	{ "Pid namespace", "PID_NS", true, PROBE_PATH, "/proc/self/ns/pid" },
	{ "User namespace", "USER_NS", false, PROBE_PATH, "/proc/self/ns/user" },
	{ "Network namespace", "NET_NS", false, PROBE_PATH, "/proc/self/ns/net" },
	{ NULL },
};
static const struct check cgroups[] = {
	{ "Cgroups", "CGROUPS", false, PROBE_PATH, "/proc/self/cgroup" },
	{ "Cgroup namespace", NULL, false, PROBE_PATH, "/proc/self/ns/cgroup" },
	{ "Cgroup device", "CGROUP_DEVICE", false, PROBE_CONTROLLER, "devices" },
	{ "Cgroup sched", "CGROUP_SCHED", false, PROBE_CONTROLLER, "cpu" },
	{ "Cgroup cpu account", "CGROUP_CPUACCT", false, PROBE_CONTROLLER, "cpuacct" },
	{ "Cgroup memory controller", "MEMCG", false, PROBE_CONTROLLER, "memory" },
	{ "Cgroup cpuset", "CPUSETS", false, PROBE_CONTROLLER, "cpuset" },
	{ NULL },
};
static const struct check misc[] = {
	{ "Veth pair device", "VETH", false, PROBE_MODULE, "veth", "veth_setup" },
	{ "Macvlan", "MACVLAN", false, PROBE_MODULE, "macvlan", "macvlan_setup" },
	{ "Vlan", "VLAN_8021Q", false, PROBE_MODULE, "8021q", "vlan_setup" },
	{ "Bridges", "BRIDGE", false, PROBE_MODULE, "bridge", "br_dev_setup" },
	{ "Advanced netfilter", "NETFILTER_ADVANCED", false, PROBE_PATH, "/proc/net/netfilter" },
	{ "CONFIG_IP_NF_TARGET_MASQUERADE", "IP_NF_TARGET_MASQUERADE", false, PROBE_MODULE, "ipt_MASQUERADE",
	  "masquerade_tg" },
	{ "CONFIG_IP6_NF_TARGET_MASQUERADE", "IP6_NF_TARGET_MASQUERADE", false, PROBE_MODULE, "ip6t_MASQUERADE",
	  "masquerade_tg6" },
	{ "CONFIG_NETFILTER_XT_TARGET_CHECKSUM", "NETFILTER_XT_TARGET_CHECKSUM", false, PROBE_MODULE, "xt_CHECKSUM",
	  "checksum_tg" },
	{ "CONFIG_NETFILTER_XT_MATCH_COMMENT", "NETFILTER_XT_MATCH_COMMENT", false, PROBE_MODULE, "xt_comment",
	  "comment_mt" },
	{ "FUSE (for use with lxcfs)", "FUSE_FS", false, PROBE_MODULE, "fuse", "fuse_get_tree" },
	{ NULL },
};
static const struct check checkpoint[] = {
	{ "checkpoint restore", "CHECKPOINT_RESTORE", false, PROBE_PATH, "/proc/self/map_files" },
	{ "CONFIG_FHANDLE", "FHANDLE", false, PROBE_PATH, "/proc/self/fdinfo" },
	{ "CONFIG_EVENTFD", "EVENTFD", false, PROBE_PATH, "/proc/self/fdinfo" },
	{ "CONFIG_EPOLL", "EPOLL", false, PROBE_PATH, "/proc/sys/fs/epoll" },
	{ "CONFIG_UNIX_DIAG", "UNIX_DIAG", false, PROBE_MODULE, "unix_diag", "unix_diag_handler_dump" },
	{ "CONFIG_INET_DIAG", "INET_DIAG", false, PROBE_MODULE, "inet_diag", "inet_diag_handler_cmd" },
	{ "CONFIG_PACKET_DIAG", "PACKET_DIAG", false, PROBE_MODULE, "af_packet_diag", "packet_diag_handler_dump" },
	{ "CONFIG_NETLINK_DIAG", "NETLINK_DIAG", false, PROBE_MODULE, "netlink_diag", "netlink_diag_dump" },
	{ "File capabilities", NULL, false, PROBE_PATH, "/proc/sys/kernel/cap_last_cap" },
	{ NULL },
};

static void namespace_limits(struct buf *out)
{
	static const char *const kinds[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };

	if (access("/proc/sys/user", F_OK) < 0)
		return;
	buf_puts(out, "Namespace limits:\n");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char path[64], text[32];

		snprintf(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", kinds[i]);
		if (file_read_small(AT_FDCWD, path, text, sizeof(text)) > 0)
			buf_printf(out, "  %s: %s\n", kinds[i], text);
	}
}

/* Mount points of FSTYPE, from /proc/self/mounts: "SOURCE TARGET FSTYPE ...". */
static void mount_points(struct buf *out, const char *mounts, const char *fstype)
{
	for (const char *l = mounts; *l; l += strcspn(l, "\n"), l += *l == '\n') {
		const char *target = l + strcspn(l, " \n"), *type;
		size_t len;

		if (*target != ' ')
			continue;
		target++;
		len = strcspn(target, " \n");
		type = target + len;
		if (*type != ' ' || !startswith(type + 1, fstype) || type[1 + strlen(fstype)] != ' ')
			continue;
		buf_printf(out, " - %.*s\n", (int)len, target);
	}
}

static void cgroup_mounts(struct buf *out)
{
	_cleanup_free_ char *mounts = NULL;
	char text[16];

	if (file_read(AT_FDCWD, "/proc/self/mounts", CONFIG_MAX, &mounts, NULL, NULL) < 0)
		return;
	buf_puts(out, "Cgroup v1 mount points: \n");
	mount_points(out, mounts, "cgroup");
	buf_puts(out, "Cgroup v2 mount points: \n");
	mount_points(out, mounts, "cgroup2");
	if (file_read_small(AT_FDCWD, "/sys/fs/cgroup/cpuset/cgroup.clone_children", text, sizeof(text)) >= 0)
		buf_puts(out, "Cgroup v1 clone_children flag: enabled\n");
}

static const struct section sections[] = {
	{ "Namespaces", "namespaces", namespaces, namespace_limits, 6 },
	{ "Control groups", "cgroups", cgroups, cgroup_mounts, 2 },
	{ "Misc", "misc", misc, NULL, 0 },
	{ "Checkpoint/Restore", "checkpoint", checkpoint, NULL, 0 },
};

static int read_config(const char *path, char **ret)
{
	const char *dot = strrchr(path, '.');

	if (access(path, R_OK) < 0)
		return -errno;
	if (dot && streq(dot, ".gz")) {
		_cleanup_free_ char *file = strdup(path);
		char *const argv[] = { (char[]){ "gzip" }, (char[]){ "-dc" }, (char[]){ "--" }, file, NULL };
		struct spawn s = { .path = "gzip", .argv = argv };
		int r = file ? spawn_run(&s, ret, NULL) : -ENOMEM;

		if (r > 0) {
			free(TAKE_PTR(*ret));
			r = -EINVAL;
		}
		return r;
	}
	return file_read(AT_FDCWD, path, CONFIG_MAX, ret, NULL, NULL);
}

static void kernel_load(struct kernel *k)
{
	const char *env = getenv("CONFIG");
	struct utsname u = { 0 };
	char path[256];

	uname(&u);
	for (unsigned i = 0; i < 4 && !k->text; i++) {
		if (!isempty(env))
			snprintf(path, sizeof(path), "%s", env);
		else if (i == 0)
			snprintf(path, sizeof(path), "/proc/config.gz");
		else if (i == 1)
			snprintf(path, sizeof(path), "/boot/config-%s", u.release);
		else if (i == 2)
			snprintf(path, sizeof(path), "/lib/modules/%s/config", u.release);
		else
			snprintf(path, sizeof(path), "/lib/modules/%s/build/.config", u.release);
		if (read_config(path, &k->text) >= 0 && k->text && !strstr(k->text, "CONFIG_"))
			free(TAKE_PTR(k->text));
		if (k->text)
			k->from = strdup(path);
		if (!isempty(env))
			break;
	}
	if (!k->text)
		file_read(AT_FDCWD, "/proc/kallsyms", SYMBOLS_MAX, &k->symbols, NULL, NULL);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin", u.release);
	file_read(AT_FDCWD, path, CONFIG_MAX, &k->modules_builtin, NULL, NULL);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	file_read(AT_FDCWD, path, CONFIG_MAX, &k->modules_dep, NULL, NULL);
}

static void kernel_done(struct kernel *k)
{
	free(k->text);
	free(k->from);
	free(k->modules_builtin);
	free(k->modules_dep);
	free(k->symbols);
}

/* 'y', 'm', or 0. */
static char config_value(const char *text, const char *option)
{
	char key[80];
	size_t len = snprintf(key, sizeof(key), "CONFIG_%s=", option);

	for (const char *at = strstr(text, key); at; at = strstr(at + 1, key))
		if ((at == text || at[-1] == '\n') && (at[len] == 'y' || at[len] == 'm'))
			return at[len];
	return 0;
}

static bool has_controller(const char *name)
{
	_cleanup_free_ char *v1 = NULL, *v2 = NULL;
	_cleanup_strv_ struct strv words = STRV_INIT;

	file_read(AT_FDCWD, "/proc/cgroups", CONFIG_MAX, &v1, NULL, NULL);
	file_read(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", CONFIG_MAX, &v2, NULL, NULL);
	if ((v1 && strv_split(&words, v1, " \t\n", NULL) < 0) || (v2 && strv_split(&words, v2, " \n", NULL) < 0))
		return false;
	return strv_has(&words, name);
}

static bool module_loaded(const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return access(path, F_OK) == 0;
}

/* A line of kallsyms: "ADDRESS TYPE NAME", then a tab and the module of what is not built in. */
static bool has_symbol(const struct kernel *k, const char *name)
{
	char word[64];
	size_t len = snprintf(word, sizeof(word), " %s", name);

	for (const char *at = k->symbols ? strstr(k->symbols, word) : NULL; at; at = strstr(at + 1, word))
		if (at[len] == '\n' || at[len] == '\t')
			return true;
	return false;
}

static enum status probe(const struct kernel *k, const struct check *c)
{
	char ko[64];

	if (c->probe == PROBE_PATH)
		return access(c->arg, F_OK) == 0 ? ENABLED : MISSING;
	if (c->probe == PROBE_CONTROLLER)
		return has_controller(c->arg) ? ENABLED : MISSING;
	snprintf(ko, sizeof(ko), "/%s.ko", c->arg);
	if (k->modules_builtin && strstr(k->modules_builtin, ko))
		return ENABLED;
	if (k->modules_dep && strstr(k->modules_dep, ko))
		return module_loaded(c->arg) ? ENABLED_LOADED : ENABLED_NOT_LOADED;
	return module_loaded(c->arg) || has_symbol(k, c->symbol) ? ENABLED : MISSING;
}

static enum status check(const struct kernel *k, const struct check *c)
{
	char v;

	if (!k->text || !c->config)
		return probe(k, c);
	v = config_value(k->text, c->config);
	if (v == 'm' && c->probe == PROBE_MODULE)
		return module_loaded(c->arg) ? ENABLED_LOADED : ENABLED_NOT_LOADED;
	return v ? ENABLED : MISSING;
}

static void print_check(struct buf *out, const struct kernel *k, const struct check *c, bool colour)
{
	enum status s = check(k, c);
	const char *word = s == MISSING && c->required ? "required" : status_names[s];

	buf_printf(out, "%s: %s%s%s\n", c->label,
		   !colour	  ? ""
		   : s != MISSING ? "\033[1;32m"
		   : c->required  ? "\033[1;31m"
				  : "\033[1;33m",
		   word, colour ? "\033[0;39m" : "");
}

static void print_text(struct buf *out, const struct kernel *k)
{
	bool colour = cli_colour();

	buf_puts(out, "LXC version " LXC_INTERFACE_VERSION "\n");
	if (!k->text)
		buf_puts(out, "Kernel configuration not found: the running kernel is probed instead\n");
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		const struct section *s = &sections[i];
		unsigned n = 0;

		buf_printf(out, "\n--- %s ---\n", s->title);
		for (const struct check *c = s->checks; c->label; c++) {
			print_check(out, k, c, colour);
			if (++n == s->extra_after)
				s->extra(out);
		}
	}
	buf_puts(out, "\nNote: Before booting a new kernel, you can check its configuration with:\n\n"
		      "  CONFIG=/path/to/config lxc-checkconfig\n\n");
}

static void print_json(struct buf *out, const struct kernel *k)
{
	struct json j;

	json_init(&j, out, true);
	json_object(&j);
	json_kv_string(&j, "kernel_config", k->from);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		json_key(&j, sections[i].key);
		json_array(&j);
		for (const struct check *c = sections[i].checks; c->label; c++) {
			json_object(&j);
			json_kv_string(&j, "label", c->label);
			json_kv_string(&j, "config", c->config);
			json_kv_string(&j, "status", status_names[check(k, c)]);
			json_kv_bool(&j, "required", c->required);
			json_end_object(&j);
		}
		json_end_array(&j);
	}
	json_end_object(&j);
	buf_putc(out, '\n');
}

static int run(struct cli *c)
{
	_cleanup_(kernel_done) struct kernel k = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *env = getenv("CONFIG");
	int code;

	code = cli_parse(c, NULL);
	if (code >= 0)
		return code;
	kernel_load(&k);
	if (!k.text && !isempty(env))
		return cli_error(c, NULL, "kernel configuration %s cannot be read", env);
	if (c->json)
		print_json(&out, &k);
	else
		print_text(&out, &k);
	return cli_print(c, &out, 0);
}

const struct command cmd_checkconfig = {
	.name = "lxc-checkconfig",
	.flags = CMD_LXC | CMD_NO_ENGINE | CMD_JSON,
	.synopsis = "[--format FORMAT]",
	.summary = "check what the kernel offers to containers",
	.description =
		"Prints which of the features that containers use the kernel has. The configuration is looked for in "
		"/proc/config.gz, /boot and /lib/modules; the variable CONFIG names another one. Where there is none, "
		"the running kernel itself is probed.",
	.examples = (const struct text_pair[]){ { "CONFIG=/boot/config-6.1.0-30-amd64 lxc-checkconfig",
						  "Checks a kernel that is not running." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Printed." },
					     { "1", "The file that CONFIG names cannot be read." },
					     { NULL, NULL } },
	.see_also = "creel-doctor(1)",
	.run = run,
};
