/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the commands print: the example, a container's state, the features. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "dialect/oci/rows.h"

/* "a b c" as an array. */
static void put_words(struct json *j, const char *key, const char *words)
{
	json_key(j, key);
	json_array(j);
	while (*words) {
		char word[128];
		size_t n = strcspn(words, " ");

		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		json_string(j, word);
		words += n + (words[n] == ' ');
	}
	json_end_array(j);
}

/* --- the example ---------------------------------------------------------------------------------------------------- */

static void put_process(struct json *j)
{
	static const char *const sets[] = { "bounding", "effective", "permitted", "ambient" };

	json_key(j, "process");
	json_object(j);
	json_kv_bool(j, "terminal", true);
	json_key(j, "user");
	json_object(j);
	json_kv_u64(j, "uid", 0);
	json_kv_u64(j, "gid", 0);
	json_end_object(j);
	put_words(j, "args", "sh");
	put_words(j, "env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=xterm");
	json_kv_string(j, "cwd", "/");
	json_key(j, "capabilities");
	json_object(j);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		put_words(j, sets[i], "CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE");
	json_end_object(j);
	json_key(j, "rlimits");
	json_array(j);
	json_object(j);
	json_kv_string(j, "type", "RLIMIT_NOFILE");
	json_kv_u64(j, "hard", 1024);
	json_kv_u64(j, "soft", 1024);
	json_end_object(j);
	json_end_array(j);
	json_kv_bool(j, "noNewPrivileges", true);
	json_end_object(j);
}

static void put_mounts(struct json *j, bool rootless)
{
	static const struct {
		const char *destination, *type, *source, *options, *rootless;
	} mounts[] = {
		{ "/proc", "proc", "proc", NULL, NULL },
		{ "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k", NULL },
		{ "/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5",
		  "nosuid noexec newinstance ptmxmode=0666 mode=0620" },
		{ "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k", NULL },
		{ "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev", NULL },
		{ "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro", NULL },
		{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro", NULL },
	};

	json_key(j, "mounts");
	json_array(j);
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		const char *options = rootless && mounts[i].rootless ? mounts[i].rootless : mounts[i].options;
		bool host_sys = rootless && streq(mounts[i].destination, "/sys");

		/* A user without a network name space of his own may not mount a sysfs. */
		json_object(j);
		json_kv_string(j, "destination", mounts[i].destination);
		json_kv_string(j, "type", host_sys ? "none" : mounts[i].type);
		json_kv_string(j, "source", host_sys ? "/sys" : mounts[i].source);
		if (options)
			put_words(j, "options", host_sys ? "rbind nosuid noexec nodev ro" : options);
		json_end_object(j);
	}
	json_end_array(j);
}

static void put_id_map(struct json *j, const char *key, uint32_t id)
{
	json_key(j, key);
	json_array(j);
	json_object(j);
	json_kv_u64(j, "containerID", 0);
	json_kv_u64(j, "hostID", id);
	json_kv_u64(j, "size", 1);
	json_end_object(j);
	json_end_array(j);
}

static void put_linux(struct json *j, bool rootless, uint32_t uid, uint32_t gid)
{
	static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "user" };

	json_key(j, "linux");
	json_object(j);
	if (rootless) {
		put_id_map(j, "uidMappings", uid);
		put_id_map(j, "gidMappings", gid);
	} else {
		json_key(j, "resources");
		json_object(j);
		json_key(j, "devices");
		json_array(j);
		json_object(j);
		json_kv_bool(j, "allow", false);
		json_kv_string(j, "access", "rwm");
		json_end_object(j);
		json_end_array(j);
		json_end_object(j);
	}
	json_key(j, "namespaces");
	json_array(j);
	for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++) {
		if (streq(namespaces[i], rootless ? "network" : "user"))
			continue;
		json_object(j);
		json_kv_string(j, "type", namespaces[i]);
		json_end_object(j);
	}
	json_end_array(j);
	put_words(j, "maskedPaths",
		  "/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list "
		  "/proc/timer_stats /proc/sched_debug /sys/firmware /proc/scsi");
	put_words(j, "readonlyPaths", "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger");
	json_end_object(j);
}

int oci_default(struct buf *out, bool rootless, uint32_t uid, uint32_t gid, struct err *e)
{
	struct json j;

	json_init(&j, out, true);
	j.indent = "\t";
	json_object(&j);
	json_kv_string(&j, "ociVersion", "1.2.0");
	put_process(&j);
	json_key(&j, "root");
	json_object(&j);
	json_kv_string(&j, "path", "rootfs");
	json_kv_bool(&j, "readonly", true);
	json_end_object(&j);
	json_kv_string(&j, "hostname", "runc");
	put_mounts(&j, rootless);
	put_linux(&j, rootless, uid, gid);
	json_end_object(&j);
	return buf_error(out, e);
}

/* --- state ---------------------------------------------------------------------------------------------------------- */

static void put_annotations(struct json *j, const struct strv *l)
{
	if (!l || !l->n)
		return;
	json_key(j, "annotations");
	json_object(j);
	for (size_t i = 0; i < l->n; i++) {
		const char *eq = strchrnul(l->v[i], '=');
		char *key = strndup(l->v[i], (size_t)(eq - l->v[i]));

		if (!key) {
			j->out->error = j->out->error ?: -ENOMEM;
			break;
		}
		json_kv_string(j, key, *eq ? eq + 1 : eq);
		free(key);
	}
	json_end_object(j);
}

/* RFC 3339, in UTC, without the zeros at the end of the fraction. */
static void put_time(struct json *j, const char *key, uint64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	char text[64], fraction[16];
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(fraction, sizeof(fraction), ".%09u", (unsigned)(ns % 1000000000));
	for (size_t k = strlen(fraction); k && (fraction[k - 1] == '0' || fraction[k - 1] == '.'); k--) {
		bool point = fraction[k - 1] == '.';

		fraction[k - 1] = '\0';
		if (point)
			break;
	}
	snprintf(text + n, sizeof(text) - n, "%sZ", fraction);
	json_kv_string(j, key, text);
}

void oci_state_put(struct json *j, const struct oci_state *state)
{
	bool whole = state->rootfs != NULL;

	json_object(j);
	json_kv_string(j, "ociVersion", state->version ?: OCI_VERSION);
	json_kv_string(j, "id", state->id);
	if (whole)
		json_kv_i64(j, "pid", state->pid);
	json_kv_string(j, "status", state->status);
	if (!whole && state->pid)
		json_kv_i64(j, "pid", state->pid);
	json_kv_string(j, "bundle", state->bundle);
	if (whole) {
		json_kv_string(j, "rootfs", state->rootfs);
		put_time(j, "created", state->created_ns);
	}
	put_annotations(j, state->annotations);
	if (whole)
		json_kv_string(j, "owner", state->owner ?: "");
	json_end_object(j);
}

int oci_state_json(struct buf *out, const struct oci_state *state, bool pretty, struct err *e)
{
	struct json j;

	json_init(&j, out, pretty);
	oci_state_put(&j, state);
	return buf_error(out, e);
}

/* --- features ------------------------------------------------------------------------------------------------------- */

static int put_sorted(struct json *j, const char *key, const struct strv *l, struct err *e)
{
	_cleanup_strv_ struct strv sorted = STRV_INIT;
	int r;

	r = strv_copy(&sorted, l, e);
	if (r < 0)
		return r;
	strv_sort(&sorted);
	json_key(j, key);
	json_array(j);
	for (size_t i = 0; i < sorted.n; i++)
		json_string(j, sorted.v[i]);
	json_end_array(j);
	return 0;
}

/* ONLY: the model's words that count, NULL: all. */
static void put_names(struct json *j, const char *key, const struct oci_word *words, const struct strv *only)
{
	json_key(j, key);
	json_array(j);
	for (; words->name; words++)
		if (!only || strv_has(only, words->word))
			json_string(j, words->name);
	json_end_array(j);
}

static void put_enabled(struct json *j, const char *key, bool enabled)
{
	json_key(j, key);
	json_object(j);
	json_kv_bool(j, "enabled", enabled);
	json_end_object(j);
}

static int put_namespaces(struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = 0;

	for (const struct oci_word *n = oci_namespaces; n->name && r >= 0; n++)
		r = strv_push(&names, n->name, e);
	return r < 0 ? r : put_sorted(j, "namespaces", &names, e);
}

static int put_linux_features(struct json *j, const struct oci_host *host, struct err *e)
{
	int r;

	json_key(j, "linux");
	json_object(j);
	r = put_namespaces(j, e);
	put_names(j, "capabilities", oci_caps, NULL);
	json_key(j, "cgroup");
	json_object(j);
	json_kv_bool(j, "v1", host->cgroup_v1);
	json_kv_bool(j, "v2", host->cgroup_v2);
	json_kv_bool(j, "systemd", host->systemd);
	json_kv_bool(j, "systemdUser", host->systemd_user);
	json_kv_bool(j, "rdma", host->rdma);
	json_end_object(j);
	json_key(j, "seccomp");
	json_object(j);
	json_kv_bool(j, "enabled", host->seccomp);
	if (host->seccomp) {
		put_names(j, "actions", oci_seccomp_actions, host->seccomp_actions);
		put_names(j, "operators", oci_seccomp_operators, NULL);
		put_names(j, "archs", oci_seccomp_archs, host->seccomp_archs);
		put_names(j, "knownFlags", oci_seccomp_flags, NULL);
		put_names(j, "supportedFlags", oci_seccomp_flags, host->seccomp_flags);
	}
	json_end_object(j);
	put_enabled(j, "apparmor", host->apparmor);
	put_enabled(j, "selinux", host->selinux);
	put_enabled(j, "intelRdt", false);
	json_key(j, "memoryPolicy");
	json_object(j);
	put_names(j, "modes", oci_mem_modes, NULL);
	put_names(j, "flags", oci_mem_flags, NULL);
	json_end_object(j);
	json_key(j, "mountExtensions");
	json_object(j);
	put_enabled(j, "idmap", host->idmap);
	json_end_object(j);
	put_enabled(j, "netDevices", true);
	json_end_object(j);
	return r;
}

int oci_features(struct buf *out, const struct oci_host *host, struct err *e)
{
	struct json j;
	int r;

	json_init(&j, out, true);
	j.indent = "    ";
	json_object(&j);
	json_kv_string(&j, "ociVersionMin", "1.0.0");
	json_kv_string(&j, "ociVersionMax", OCI_VERSION);
	put_names(&j, "hooks", oci_hooks, NULL);
	r = host->mount_options ? put_sorted(&j, "mountOptions", host->mount_options, e) : 0;
	r = r < 0 ? r : put_linux_features(&j, host, e);
	json_key(&j, "annotations");
	json_object(&j);
	if (host->seccomp_version)
		json_kv_string(&j, "io.github.seccomp.libseccomp.version", host->seccomp_version);
	if (host->commit)
		json_kv_string(&j, "org.creel.commit", host->commit);
	if (host->version)
		json_kv_string(&j, "org.creel.version", host->version);
	json_kv_string(&j, "org.opencontainers.runc.checkpoint.enabled", "false");
	json_end_object(&j);
	if (host->annotations) {
		json_key(&j, "potentiallyUnsafeConfigAnnotations");
		json_array(&j);
		for (const char *const *a = host->annotations; *a; a++)
			json_string(&j, *a);
		json_end_array(&j);
	}
	json_end_object(&j);
	return r < 0 ? r : buf_error(out, e);
}
