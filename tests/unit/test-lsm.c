/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "sys/syscalls.h"
#include "unit/test.h"

/* A host made of plain files. */
struct fake {
	char dir[64], sys[128], cache[128], parser[128];
	struct lsm_host host;
};

static void put(const struct fake *f, const char *path, const char *text)
{
	_cleanup_free_ char *full = path_join(f->dir, path), *parent = strdup(full);
	struct err e = { 0 };

	*strrchr(parent, '/') = '\0';
	CHECK(dir_make_all(parent, 0755, &e) == 0);
	CHECK(file_replace(AT_FDCWD, full, text, strlen(text), 0755, false, &e) == 0);
}

static char *get(const struct fake *f, const char *path)
{
	_cleanup_free_ char *full = path_join(f->dir, path);
	char *text = NULL;

	return file_read(AT_FDCWD, full, 1 << 20, &text, NULL, NULL) == 0 ? text : strdup("");
}

static void fake_new(struct fake *f)
{
	strcpy(f->dir, "/tmp/test-lsm.XXXXXX");
	CHECK(mkdtemp(f->dir));
	snprintf(f->sys, sizeof(f->sys), "%s/sys", f->dir);
	snprintf(f->cache, sizeof(f->cache), "%s/cache", f->dir);
	snprintf(f->parser, sizeof(f->parser), "%s/parser", f->dir);
	f->host = (struct lsm_host){ .sys = f->sys, .proc = "/proc", .cache = f->cache, .parser = f->parser };
}

static void fake_done(struct fake *f)
{
	tree_remove(AT_FDCWD, f->dir, NULL);
}
#define _cleanup_fake_ _cleanup_(fake_done)

static void fake_apparmor(struct fake *f)
{
	put(f, "sys/module/apparmor/parameters/enabled", "Y\n");
	put(f, "sys/kernel/security/apparmor/profiles",
	    "/usr/bin/man (enforce)\nlxc-container-default (enforce)\nmine (complain)\nmine2 (enforce)\n");
	put(f, "sys/kernel/security/apparmor/features/mount/mask", "mount umount pivot_root\n");
	put(f, "sys/kernel/security/apparmor/.replace", "");
	put(f, "sys/kernel/security/apparmor/.remove", "");
	/* counts its runs, and "compiles" */
	put(f, "parser",
	    "#!/bin/sh\necho x >>\"${0%/*}/runs\"\n"
	    "while [ $# -gt 1 ]; do [ \"$1\" != --ofile ] || out=$2; shift; done\n"
	    "if grep -q BROKEN \"$1\"; then echo \"syntax error in line 3\"; exit 1; fi\n"
	    "{ echo binary of; cat \"$1\"; } >\"$out\"\n");
}

/* What is wanted and what comes of it: a label, NULL, or a message. */
static void expect(const struct fake *f, const struct lsm_want *w, const char *label, const char *message)
{
	_cleanup_free_ char *got = NULL, *loaded = NULL;
	struct err e = { 0 };
	int r = lsm_prepare_on(&f->host, w, &got, &loaded, &e);

	if (message) {
		if (r >= 0 || !strstr(e.msg, message))
			printf("# %d %s\n", r, e.msg);
		CHECK(r < 0 && strstr(e.msg, message) && !got);
		return;
	}
	if (r < 0)
		printf("# %s\n", e.msg);
	CHECK(r == 0);
	if (!streq_ptr(got, label))
		printf("# got %s\n", got ?: "(null)");
	CHECK(streq_ptr(got, label));
}
#define WANT(...) (&(struct lsm_want){ .container = "ct", __VA_ARGS__ })

TEST(no_module_writes_nothing)
{
	_cleanup_fake_ struct fake f;

	fake_new(&f);
	CHECK(lsm_active_on(&f.host) == LSM_NONE);
	expect(&f, WANT(.apparmor_profile = "generated", .selinux_context = "x"), NULL, NULL);
	put(&f, "sys/module/apparmor/parameters/enabled", "N\n");
	CHECK(lsm_active_on(&f.host) == LSM_NONE);
	CHECK(lsm_unload_on(&f.host, "x", NULL) == 0);
}

TEST(apparmor_labels)
{
	_cleanup_fake_ struct fake f;

	fake_new(&f);
	fake_apparmor(&f);
	CHECK(lsm_active_on(&f.host) == LSM_APPARMOR);
	expect(&f, WANT(.apparmor_profile = "unchanged"), NULL, NULL);
	expect(&f, WANT(.apparmor_profile = "unconfined"), "unconfined", NULL);
	expect(&f, WANT(.apparmor_profile = "mine"), "mine", NULL);
	expect(&f, WANT(.apparmor_profile = "mine//&mine2"), "mine//&mine2", NULL);
	expect(&f, WANT(.apparmor_profile = "min"), NULL, "AppArmor profile 'min' is not loaded");
	expect(&f, WANT(.apparmor_profile = "mine3"), NULL, "AppArmor profile 'mine3' is not loaded");
	expect(&f, WANT(.apparmor_profile = "mine3", .apparmor_incomplete = true), NULL, NULL);
	expect(&f, WANT(), "lxc-container-default", NULL);
	put(&f, "sys/kernel/security/apparmor/profiles",
	    "lxc-container-default (enforce)\nlxc-container-default-cgns (enforce)\n");
	expect(&f, WANT(), "lxc-container-default-cgns", NULL);
	put(&f, "sys/kernel/security/apparmor/profiles", "");
	expect(&f, WANT(), NULL, NULL);
}

TEST(apparmor_without_mount_mediation)
{
	_cleanup_fake_ struct fake f;
	_cleanup_free_ char *mask = NULL;

	fake_new(&f);
	fake_apparmor(&f);
	mask = path_join(f.sys, "kernel/security/apparmor/features/mount/mask");
	CHECK(unlink(mask) == 0);
	expect(&f, WANT(.apparmor_profile = "mine"), NULL, "does not confine mounts");
	expect(&f, WANT(.apparmor_profile = "mine", .apparmor_incomplete = true), "mine", NULL);
	expect(&f, WANT(.apparmor_profile = "unconfined"), "unconfined", NULL);
}

TEST(generated_profile_is_compiled_once)
{
	_cleanup_fake_ struct fake f;
	_cleanup_free_ char *blob = NULL, *runs = NULL, *removed = NULL;
	_cleanup_strv_ struct strv raw = STRV_INIT, broken = STRV_INIT;
	struct err e = { 0 };

	fake_new(&f);
	fake_apparmor(&f);
	expect(&f, WANT(.apparmor_profile = "generated"), "creel-ct", NULL);
	blob = get(&f, "sys/kernel/security/apparmor/.replace");
	CHECK(startswith(blob, "binary of\nprofile \"creel-ct\" "));
	expect(&f, WANT(.apparmor_profile = "generated"), "creel-ct", NULL);
	runs = get(&f, "runs");
	CHECK_STR(runs, "x\n");
	/* another text is another program */
	CHECK(strv_push(&raw, "deny /secret rw,", &e) == 0);
	expect(&f, WANT(.apparmor_profile = "generated", .apparmor_raw = &raw), "creel-ct", NULL);
	free(runs);
	runs = get(&f, "runs");
	CHECK_STR(runs, "x\nx\n");
	free(blob);
	blob = get(&f, "sys/kernel/security/apparmor/.replace");
	CHECK(strstr(blob, "\n  deny /secret rw,\n}"));
	/* a failure is told and not remembered */
	CHECK(strv_push(&broken, "BROKEN", &e) == 0);
	expect(&f, WANT(.apparmor_profile = "generated", .apparmor_raw = &broken), NULL,
	       "AppArmor profile creel-ct: apparmor_parser: syntax error in line 3");
	expect(&f, WANT(.apparmor_profile = "generated", .apparmor_raw = &broken), NULL, "syntax error");

	CHECK(lsm_unload_on(&f.host, "creel-ct", &e) == 0);
	removed = get(&f, "sys/kernel/security/apparmor/.remove");
	CHECK_STR(removed, "creel-ct");
}

TEST(parser_missing_or_cache_open_to_others)
{
	_cleanup_fake_ struct fake f;

	fake_new(&f);
	fake_apparmor(&f);
	CHECK(unlink(f.parser) == 0);
	f.host.parser = "no-such-apparmor-parser";
	expect(&f, WANT(.apparmor_profile = "generated"), NULL, "no-such-apparmor-parser");
	CHECK(chmod(f.cache, 0777) == 0);
	expect(&f, WANT(.apparmor_profile = "generated"), NULL, "could have been written by others");
}

TEST(one_profile_for_all_containers_of_images)
{
	_cleanup_fake_ struct fake f;
	_cleanup_free_ char *blob = NULL, *again = NULL;

	fake_new(&f);
	fake_apparmor(&f);
	expect(&f, WANT(.apparmor_profile = APPARMOR_SHARED), APPARMOR_SHARED, NULL);
	blob = get(&f, "sys/kernel/security/apparmor/.replace");
	CHECK(startswith(blob, "binary of\nprofile \"creel-default\" ") && strstr(blob, "\n  deny mount,\n"));
	/* Loaded, it is taken as it is. */
	put(&f, "sys/kernel/security/apparmor/profiles", "creel-default (enforce)\n");
	put(&f, "sys/kernel/security/apparmor/.replace", "");
	expect(&f, WANT(.apparmor_profile = APPARMOR_SHARED), APPARMOR_SHARED, NULL);
	again = get(&f, "sys/kernel/security/apparmor/.replace");
	CHECK_STR(again, "");
	/* Nobody compiles it: then without, as nobody has asked for it. */
	put(&f, "sys/kernel/security/apparmor/profiles", "");
	f.host.parser = "no-such-apparmor-parser";
	expect(&f, WANT(.apparmor_profile = APPARMOR_SHARED), NULL, NULL);
}

TEST(profile_names)
{
	_cleanup_free_ char *plain = NULL, *odd = NULL, *odder = NULL, *lengthy = NULL;
	char name[300];

	CHECK(apparmor_profile_name("web-1.example_x", &plain, NULL) == 0);
	CHECK_STR(plain, "creel-web-1.example_x");
	CHECK(apparmor_profile_name("a\" {\n", &odd, NULL) == 0 && apparmor_profile_name("a' {\n", &odder, NULL) == 0);
	CHECK(!strpbrk(odd, "\"{ \n") && !streq(odd, odder));
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	CHECK(apparmor_profile_name(name, &lengthy, NULL) == 0 && strlen(lengthy) < 255);
}

/* Whether a denying rule for a tree is about PATH or a directory above it, as AppArmor has it. */
static bool denied(const char *text, const char *path)
{
	for (const char *at = text; (at = strstr(at, "  deny /")); at++) {
		const char *end = strstr(at, "{,/"
					     "**} wklx,\n");
		char glob[128], part[128];

		if (!end || end > strchr(at, '\n'))
			continue;
		snprintf(glob, sizeof(glob), "%.*s", (int)(end - at - 7), at + 7);
		for (size_t len = 1; len <= strlen(path); len++) {
			if (path[len] && path[len] != '/')
				continue;
			snprintf(part, sizeof(part), "%.*s", (int)len, path);
			if (fnmatch(glob, part, FNM_PATHNAME) == 0)
				return true;
		}
	}
	return false;
}

TEST(profile_denies_all_but)
{
	static const char *const no[] = { "/proc/sys/kernel/core_pattern",
					  "/proc/sys/kernel/modprobe",
					  "/proc/sys/vm/overcommit_memory",
					  "/proc/sys/fs/file-max",
					  "/proc/sys/kernelx",
					  "/proc/sys/netx",
					  "/proc/sys/kernel/hotplug",
					  "/proc/sys/kernel/hostname2",
					  "/proc/sys/debug/exception-trace",
					  "/sys/kernel/uevent_helper",
					  "/sys/power/state",
					  "/sys/class/netx",
					  "/sys/class/block",
					  "/sys/fs/bpf",
					  "/sys/fs/cgroup2",
					  "/sys/fs/fuse/connections",
					  "/sys/devices/system/cpu/online",
					  "/sys/devices/virtual/block/loop0/uevent",
					  "/sys/module/x",
					  "/sys/bus/pci/rescan" };
	static const char *const yes[] = { "/proc/sys/kernel/hostname",	  "/proc/sys/kernel/domainname",
					   "/proc/sys/kernel/shmmax",	  "/proc/sys/kernel/sem",
					   "/proc/sys/kernel/msgmnb",	  "/proc/sys/net/ipv4/ip_forward",
					   "/proc/sys/fs/mqueue/msg_max", "/sys/fs/cgroup/system.slice/cgroup.procs",
					   "/sys/class/net/eth0/mtu",	  "/sys/devices/virtual/net/eth0/mtu" };
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err e = { 0 };

	CHECK(apparmor_profile_text(WANT(), "creel-ct", &text, &e) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		if (!denied(text.data, no[i]))
			printf("# %s is not denied\n", no[i]);
		CHECK(denied(text.data, no[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (denied(text.data, yes[i]))
			printf("# %s is denied\n", yes[i]);
		CHECK(!denied(text.data, yes[i]));
	}
}

TEST(profile_is_understood_by_the_parser)
{
	_cleanup_free_ char *parser = spawn_find("apparmor_parser"), *output = NULL;

	if (getenv("APPARMOR_PARSER")) {
		free(parser);
		parser = strdup(getenv("APPARMOR_PARSER"));
	}
	if (!parser)
		SKIP("apparmor_parser is not installed");
	for (unsigned nesting = 0; nesting < 3; nesting++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		struct err e = { 0 };
		char *const args[] = { parser, (char[]){ "-QK" }, (char[]){ "--ofile=/dev/null" }, NULL };
		int st;

		if (nesting == 2)
			CHECK(apparmor_shared_text("creel-ct", &text, &e) == 0);
		else
			CHECK(apparmor_profile_text(WANT(.apparmor_nesting = nesting), "creel-ct", &text, &e) == 0);
		st = spawn_run(&(struct spawn){ .path = parser, .argv = args, .input = text.data }, &output, &e);
		if (st != 0)
			printf("# %d %s %s\n", st, e.msg, output ?: "");
		CHECK(st == 0);
		free(TAKE_PTR(output));
	}
}

TEST(selinux_contexts)
{
	_cleanup_fake_ struct fake f;
	_cleanup_free_ char *asked = NULL;

	fake_new(&f);
	put(&f, "sys/fs/selinux/enforce", "1");
	put(&f, "sys/fs/selinux/context", "");
	CHECK(lsm_active_on(&f.host) == LSM_SELINUX);
	expect(&f, WANT(), NULL, NULL);
	expect(&f, WANT(.selinux_context = "unchanged"), NULL, NULL);
	expect(&f, WANT(.selinux_context = "system_u:system_r:container_t:s0:c1,c2", .apparmor_profile = "x"),
	       "system_u:system_r:container_t:s0:c1,c2", NULL);
	asked = get(&f, "sys/fs/selinux/context");
	CHECK_STR(asked, "system_u:system_r:container_t:s0:c1,c2");
}

TEST(label_goes_to_procfs_only)
{
	char dir[] = "/tmp/test-lsm.XXXXXX", path[128], text[64] = "";
	_cleanup_close_ int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), plain = -EBADF;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/self/attr/apparmor", dir);
	CHECK(dir_make_all(path, 0755, &e) == 0);
	plain = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	strcat(path, "/exec");
	close(creat(path, 0666));
	CHECK(lsm_apply_exec(LSM_APPARMOR, plain, "x") == -EXDEV);
	CHECK(file_read_small(AT_FDCWD, path, text, sizeof(text)) == 0);
	CHECK(tree_remove(AT_FDCWD, dir, &e) == 0);
	CHECK(lsm_apply_exec(LSM_NONE, proc, "x") == -EOPNOTSUPP);
	CHECK(lsm_apply_exec(LSM_APPARMOR, proc, "") == -EINVAL);
}

/* CVE-2019-16884 and CVE-2025-52881: another file over the attribute's takes nothing. */
static int over_mounted(void)
{
	char dir[] = "/tmp/test-lsm.XXXXXX", path[64], text[64];
	int before = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), proc, r;

	if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	if (!mkdtemp(dir) || sys_mount("none", dir, "tmpfs", 0, NULL) < 0)
		return 77;
	snprintf(path, sizeof(path), "%s/exec", dir);
	close(creat(path, 0666));
	r = 0;
	if (sys_mount(path, "/proc/self/attr/exec", NULL, MS_BIND, NULL) < 0)
		r = 77;
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && lsm_apply_exec(LSM_SELINUX, proc, "x") != -EXDEV)
		r = 2;
	/* An fd from before the mount looks below it: what it reaches is the kernel's own file. */
	if (r == 0 && lsm_apply_exec(LSM_SELINUX, before, "x") == -EXDEV)
		r = 4;
	if (r == 0 && file_read_small(AT_FDCWD, path, text, sizeof(text)) != 0)
		r = 3;
	sys_umount2(dir, MNT_DETACH);
	rmdir(dir);
	return r;
}

TEST(cve_2019_16884_attribute_is_mounted_over)
{
	pid_t pid;
	int st;

	if (geteuid() != 0)
		SKIP("needs root");
	pid = fork();
	if (pid == 0)
		_exit(over_mounted());
	CHECK(waitpid(pid, &st, 0) == pid && WIFEXITED(st));
	if (WEXITSTATUS(st) == 77)
		SKIP("cannot mount over /proc/self/attr here");
	CHECK(WEXITSTATUS(st) == 0);
}

TEST(label_of_processes)
{
	_cleanup_free_ char *label = NULL;
	struct err e = { 0 };

	CHECK(lsm_label_of(getpid(), &label, &e) == 0);
	CHECK((label != NULL) == (lsm_active() != LSM_NONE) || label);
	CHECK(lsm_label_of(0x7ffffff0, &label, &e) < 0);
}
