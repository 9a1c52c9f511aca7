/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Groups of systemd's on a machine that systemd runs: in the virtual machine of tests/vm. As root with the system's
 * manager, as anybody else with the user's.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "base/strv.h"
#include "cgroup/cgroup.h"
#include "cgroup/driver.h"
#include "cgroup/translate.h"
#include "sys/syscalls.h"
#include "unit/test.h"

static struct cg_host *host;
static struct cg *cg;
static pid_t child = -1;
static char *path;
static char unit[64];
static bool user;

static void clean(void)
{
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	child = -1;
	cg = cg_free(cg);
	if (host && path)
		cg_remove(host, path, NULL);
	free(TAKE_PTR(path));
	host = cg_host_free(host);
}

/* One property as systemctl says it. */
static const char *show(const char *property)
{
	static char out[256];
	_cleanup_free_ char *text = NULL;
	const char *const argv[] = {
		"systemctl", user ? "--user" : "--system", "show", "-p", property, "--value", "--", unit, NULL
	};
	const struct spawn s = { .path = "systemctl", .argv = (char *const *)argv };

	if (spawn_run(&s, &text, NULL) != 0)
		return "?";
	snprintf(out, sizeof(out), "%.*s", (int)strcspn(text, "\n"), text);
	return out;
}

static const char *file(const char *name)
{
	static char out[256];
	_cleanup_buf_ struct buf b = BUF_INIT;

	snprintf(out, sizeof(out), "%s", cg_get(cg, name, &b, NULL) < 0 ? "?" : buf_str(&b));
	return out;
}

/* A child that is put in from outside; root clones it into the group as the runtime does. */
static int start_child(struct err *e)
{
	_cleanup_close_ int fd = cg_v2_fd(cg);
	struct clone_args args = { .exit_signal = SIGCHLD };

	if (!user && fd >= 0) {
		args.flags = CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)fd;
	}
	fflush(stdout);
	child = sys_clone3(&args);
	if (child == 0)
		for (;;)
			pause();
	if (child < 0)
		return child;
	return cg_attach(cg, child, args.flags != 0, e);
}

static bool alone(void)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;

	return cg_pids(cg, &pids, &n, NULL) == 0 && n == 1 && pids[0] == child;
}

static bool gone(void)
{
	char p[PATH_MAX];

	/* systemd hears of an empty group a moment later. */
	for (unsigned i = 0; i < 200; i++) {
		snprintf(p, sizeof(p), "/sys/fs/cgroup/%.*s", (int)strcspn(path, ":") - (user ? 11 : 6), path);
		if (!file_exists(AT_FDCWD, p) && streq(show("ActiveState"), "inactive"))
			return true;
		usleep(20000);
	}
	return false;
}

static void life(void)
{
	const struct cg_item items[] = { { 1, "memory.limit_in_bytes", "67108864" },
					 { 1, "memory.memsw.limit_in_bytes", "100663296" },
					 { 1, "cpu.shares", "2048" },
					 { 1, "cpu.cfs_quota_us", "20000" },
					 { 1, "pids.max", "50" } };
	const struct cg_item update[] = { { 1, "memory.limit_in_bytes", "134217728" },
					  { 1, "memory.memsw.limit_in_bytes", "268435456" },
					  { 1, "pids.max", "-1" } };
	_cleanup_strv_ struct strv props = STRV_INIT;
	const struct cg_oci oci = { .systemd = true,
				    .user = geteuid() != 0,
				    .description = "a test of creel's",
				    .items = items,
				    .n_items = ARRAY_SIZE(items),
				    .unit_props = &props };
	struct cg *again = NULL;
	struct err e = { 0 };
	char text[64];

	user = oci.user;
	CHECK(strv_push(&props, "TimeoutStopSec=7", &e) == 0 &&
	      strv_push(&props, "CollectMode='inactive-or-failed'", &e) == 0);
	snprintf(unit, sizeof(unit), "creeltest-%d.scope", (int)getpid());
	snprintf(text, sizeof(text), "creelt-x.slice:creeltest:%d", (int)getpid());
	CHECK(cg_host_open(NULL, &host, &e) == 0);
	cg_host_oci(host, &oci);
	if (cg_oci_path(host, text, false, "id", &path, &e) < 0)
		printf("# %s\n", e.msg);
	CHECK(path && strstr(path, "creelt.slice/creelt-x.slice/creeltest-"));
	if (cg_create(host, path, &cg, &e) < 0)
		printf("# %s\n", e.msg);
	CHECK(cg);
	CHECK_STR(show("ActiveState"), "active");
	CHECK_STR(show("Description"), "a test of creel's");
	CHECK_STR(show("Slice"), "creelt-x.slice");
	CHECK_STR(show("Delegate"), "yes");
	CHECK_STR(show("MemoryMax"), "67108864");
	CHECK_STR(show("MemorySwapMax"), "33554432");
	snprintf(text, sizeof(text), "%u", (unsigned)cg_shares_to_weight(2048));
	CHECK_STR(show("CPUWeight"), text);
	CHECK_STR(show("CPUQuotaPerSecUSec"), "200ms");
	CHECK_STR(show("TasksMax"), "50");
	CHECK_STR(show("TimeoutStopUSec"), "7s");
	CHECK_STR(show("CollectMode"), "inactive-or-failed");
	CHECK_STR(file("memory.max"), "67108864");
	CHECK_STR(file("pids.max"), "50");
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		if (cg_set(cg, 1, items[i].key, items[i].value, &e) < 0)
			/* The user's manager has no cpu of the system's by default. */
			CHECK(user && startswith(items[i].key, "cpu."));

	if (start_child(&e) < 0)
		printf("# %s\n", e.msg);
	CHECK(child > 0);
	cg = cg_free(cg);
	CHECK(cg_open(host, path, &cg, &e) == 0);
	CHECK(alone());
	CHECK_STR(show("ActiveState"), "active");

	/* The unit's name is taken. */
	CHECK(cg_create(host, path, &again, &e) == -EBUSY && strstr(e.msg, "container's cgroup is not empty"));
	CHECK(alone());

	if (cg_apply(cg, update, ARRAY_SIZE(update), &e) < 0)
		printf("# %s\n", e.msg);
	CHECK_STR(show("MemoryMax"), "134217728");
	CHECK_STR(show("MemorySwapMax"), "134217728");
	CHECK_STR(show("TasksMax"), "infinity");
	CHECK_STR(file("memory.max"), "134217728");
	CHECK_STR(file("memory.swap.max"), "134217728");
	CHECK_STR(file("pids.max"), "max");

	/* What is in it goes with it. */
	CHECK(cg_remove(host, path, &e) == 0);
	CHECK(waitpid(child, NULL, 0) == child);
	child = -1;
	CHECK(gone());
	CHECK(cg_remove(host, path, &e) == 0);
}

static void bad(void)
{
	_cleanup_strv_ struct strv props = STRV_INIT;
	struct cg_oci oci = { .systemd = true, .user = geteuid() != 0, .unit_props = &props };
	struct err e = { 0 };

	user = oci.user;
	CHECK(strv_push(&props, "NoSuchProperty=true", &e) == 0);
	snprintf(unit, sizeof(unit), "creel-bad%d.scope", (int)getpid());
	CHECK(cg_host_open(NULL, &host, &e) == 0);
	cg_host_oci(host, &oci);
	CHECK(cg_oci_path(host, "not:systemd", false, "id", &path, &e) == -EINVAL);
	CHECK(cg_oci_path(host, NULL, false, unit + 6, &path, &e) == 0);
	CHECK(cg_create(host, path, &cg, &e) < 0 && strstr(e.msg, "NoSuchProperty"));
	CHECK_STR(show("ActiveState"), "inactive");
}

#define SYSTEMD_TEST(name)                                         \
	TEST(name)                                                 \
	{                                                          \
		jmp_buf out;                                       \
		int r;                                             \
                                                                   \
		if (!file_exists(AT_FDCWD, "/run/systemd/system")) \
			SKIP("systemd does not run this machine"); \
		memcpy(&out, &test_out, sizeof(out));              \
		r = setjmp(test_out);                              \
		if (r == 0)                                        \
			name();                                    \
		memcpy(&test_out, &out, sizeof(out));              \
		clean();                                           \
		if (r != 0)                                        \
			longjmp(test_out, r);                      \
	}

SYSTEMD_TEST(life)
SYSTEMD_TEST(bad)

/* Without systemd the answer is one line. */
TEST(no_systemd)
{
	const struct cg_oci oci = { .systemd = true };
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	struct cg *g = NULL;
	struct err e = { 0 };

	if (file_exists(AT_FDCWD, "/run/systemd/system"))
		SKIP("systemd runs this machine");
	CHECK(cg_host_open(NULL, &h, &e) == 0);
	if (cg_host_layout(h) == CG_NONE)
		SKIP("no control groups");
	cg_host_oci(h, &oci);
	CHECK(cg_create(h, "system.slice/creel-x.scope//unit:creel-x.scope", &g, &e) == -ENOENT && e.hint[0]);
	CHECK(cg_remove(h, "system.slice/creel-x.scope//unit:creel-x.scope", &e) == 0);
}
