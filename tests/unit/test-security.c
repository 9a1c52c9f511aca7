/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/security.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parse.h"
#include "sys/caps.h"
#include "unit/test.h"

#define BIT(c) (1ULL << (c))

static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int st;

	if (pid == 0)
		_exit(fn());
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

static uint64_t status_line(const char *key)
{
	char text[8192];
	const char *p;

	if (file_read_small(AT_FDCWD, "/proc/self/status", text, sizeof(text)) < 0)
		return 0;
	p = strstr(text, key);
	return p ? strtoull(p + strlen(key), NULL, 16) : 0;
}

TEST(names_go_both_ways)
{
	struct err e = { 0 };

	for (unsigned c = 0; c <= cap_last(); c++) {
		char text[64], *upper;
		unsigned got = 99;

		snprintf(text, sizeof(text), "%u", c);
		CHECK(cap_parse(text, &got, &e) == 0 && got == c);
		if (!cap_name(c))
			continue;
		CHECK(cap_parse(cap_name(c), &got, &e) == 0 && got == c);
		snprintf(text, sizeof(text), "CAP_%s", cap_name(c));
		for (upper = text; *upper; upper++)
			*upper = (char)toupper((unsigned char)*upper);
		CHECK(cap_parse(text, &got, &e) == 0 && got == c);
	}
	CHECK(cap_name(cap_last() + 24) == NULL && cap_name(~0u) == NULL);
	CHECK_STR(cap_name(CAP_SYS_ADMIN), "sys_admin");
	CHECK_STR(cap_name(CAP_CHECKPOINT_RESTORE), "checkpoint_restore");
}

TEST(names_are_the_library_s)
{
	for (unsigned c = 0; c <= cap_last() && cap_name(c); c++) {
		char *name = cap_to_name((cap_value_t)c);

		if (isdigit((unsigned char)*name)) {
			cap_free(name);
			break;
		}
		CHECK(strncmp(name, "cap_", 4) == 0);
		CHECK_STR(cap_name(c), name + 4);
		cap_free(name);
	}
}

TEST(last_is_the_kernel_s)
{
	char text[32];
	uint32_t n;

	CHECK(file_read_small(AT_FDCWD, "/proc/sys/kernel/cap_last_cap", text, sizeof(text)) > 0);
	CHECK(parse_u32(text, &n) == 0 && n == cap_last());
}

TEST(bad_names)
{
	static const char *const names[] = { "",   "cap_",	 "sys_admn", "sys_admin ", "-1",
					     "64", "4294967296", "1x",	     "cap_1" };
	struct err e = { 0 };
	unsigned c = 77;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		err_clear(&e);
		CHECK(cap_parse(names[i], &c, &e) == -EINVAL && e.code == -EINVAL && c == 77);
	}
	err_clear(&e);
	CHECK(cap_parse("sys_admn", &c, &e) < 0);
	CHECK_STR(e.msg, "'sys_admn' is not a capability");
	CHECK_STR(e.hint, "did you mean 'sys_admin'?");
}

static uint64_t mask_of(const char *drop, const char *keep, int *ret)
{
	_cleanup_strv_ struct strv d = STRV_INIT, k = STRV_INIT;
	uint64_t mask = 0;
	struct err e = { 0 };

	strv_split(&d, drop, " ", &e);
	strv_split(&k, keep, " ", &e);
	*ret = cap_mask(&d, &k, &mask, &e);
	return mask;
}

TEST(masks)
{
	uint64_t all = (1ULL << (cap_last() + 1)) - 1;
	int r;

	CHECK(mask_of("", "", &r) == all && r == 0);
	CHECK(mask_of("sys_module 0 CAP_SYS_MODULE", "", &r) == (all & ~BIT(CAP_SYS_MODULE) & ~BIT(0)) && r == 0);
	CHECK(mask_of("", "chown kill", &r) == (BIT(CAP_CHOWN) | BIT(CAP_KILL)) && r == 0);
	CHECK(mask_of("", "none", &r) == 0 && r == 0);
	CHECK(mask_of("", "chown none kill", &r) == BIT(CAP_KILL) && r == 0);
	mask_of("none", "", &r);
	CHECK(r == -EINVAL);
	mask_of("chown", "kill", &r);
	CHECK(r == -EINVAL);
	mask_of("", "nonsense", &r);
	CHECK(r == -EINVAL);
	CHECK(cap_mask(NULL, NULL, &all, NULL) == 0);
}

/* Every subset that is tried is what remains, and exactly that. */
static int bounding(void)
{
	uint64_t had = status_line("CapBnd:"), keep = 0x5555555555555555, got;
	struct err e;

	if (cap_apply_bounding(keep) < 0)
		return 1;
	if (status_line("CapBnd:") != (had & keep))
		return 2;
	if (cap_bounding_of(getpid(), &got, &e) < 0 || got != (had & keep))
		return 3;
	/* without CAP_SETPCAP: nothing more to drop is no failure, more to drop is one */
	if (cap_apply_final(BIT(CAP_CHOWN)) < 0)
		return 4;
	if (cap_apply_bounding(keep) < 0)
		return 5;
	return cap_apply_bounding(0) == -EPERM ? 0 : 6;
}

TEST(bounding_set_is_cut)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK(in_child(bounding) == 0);
}

/* CVE-2022-24769 and its kin: whatever the caller had there, inheritable and ambient end empty. */
static int final(void)
{
	struct cap_sets s;

	if (caps_get(&s) < 0)
		return 1;
	s.inheritable = s.permitted;
	if (caps_set(&s) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) < 0)
		return 2;
	if (!status_line("CapInh:") || !status_line("CapAmb:"))
		return 3;
	if (cap_apply_final(BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_SYS_RESOURCE)) < 0)
		return 4;
	if (status_line("CapInh:") || status_line("CapAmb:"))
		return 5;
	if (status_line("CapPrm:") & ~(BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_SYS_RESOURCE)))
		return 6;
	if (status_line("CapPrm:") != status_line("CapEff:") || !(status_line("CapEff:") & BIT(CAP_CHOWN)))
		return 7;
	/* A set that is lowered does not come back. */
	if (cap_apply_final(~0ULL) < 0 || (status_line("CapPrm:") & BIT(CAP_SETPCAP)))
		return 8;
	return 0;
}

TEST(final_sets_leave_nothing_inheritable)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK(in_child(final) == 0);
}

/* The same seen by the program that is executed: uid 0 gets what the bounding set allows and no more. */
static int after_exec(void)
{
	uint64_t keep = BIT(CAP_CHOWN) | BIT(CAP_KILL);

	if (cap_apply_bounding(keep) < 0 || cap_apply_final(keep) < 0)
		return 1;
	execl("/bin/sh", "sh", "-ec",
	      "while read -r k v; do case $k in CapInh:|CapAmb:) [ $v = 0000000000000000 ];;"
	      " CapPrm:|CapEff:|CapBnd:) [ $v = 0000000000000021 ];; esac; done </proc/self/status",
	      NULL);
	return 2;
}

TEST(an_executed_program_has_no_more)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK(in_child(after_exec) == 0);
}

/* A caller with everything inheritable and ambient becomes somebody; what is left before and after an exec. */
static int become(uid_t uid, bool for_seccomp, bool drop_admin)
{
	uint64_t mask = BIT(CAP_CHOWN) | BIT(CAP_KILL) | (drop_admin ? 0 : BIT(CAP_SYS_ADMIN));
	uint64_t due = (uid ? 0 : mask) | (for_seccomp ? BIT(CAP_SYS_ADMIN) : 0), after = uid ? 0 : mask;
	struct seccomp_prog p = { 0 };
	struct cap_sets s;
	char script[256];
	int fd, r;

	if (seccomp_compile_text("2\ndenylist\ncapset errno 1\nmkdir errno 1\n", "p", &p, NULL) < 0 || caps_get(&s) < 0)
		return 1;
	s.inheritable = s.permitted;
	if (caps_set(&s) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) < 0)
		return 2;
	if (cap_apply_bounding(mask) < 0 || cap_become(uid, mask, for_seccomp) < 0 || getuid() != uid)
		return 3;
	if (status_line("CapPrm:") != due || status_line("CapEff:") != due || status_line("CapInh:") ||
	    status_line("CapAmb:"))
		return 4;
	r = seccomp_apply(&p, &fd);
	if (r != (due & BIT(CAP_SYS_ADMIN) ? 0 : -EACCES))
		return 5;
	snprintf(script, sizeof(script),
		 "while read -r k v; do case $k in CapInh:|CapAmb:) [ $v = 0000000000000000 ];;"
		 " CapPrm:|CapEff:) [ $v = %016llx ];; esac; done </proc/self/status",
		 (unsigned long long)after);
	execl("/bin/sh", "sh", "-ec", script, NULL);
	return 6;
}

static int become_root(void)
{
	return become(0, false, true);
}

static int become_root_for_seccomp(void)
{
	return become(0, true, true);
}

static int become_root_with_admin(void)
{
	return become(0, true, false);
}

static int become_user(void)
{
	return become(1000, false, true);
}

static int become_user_for_seccomp(void)
{
	return become(1000, true, false);
}

TEST(becoming_somebody)
{
	if (geteuid() != 0)
		SKIP("needs root");
	CHECK(in_child(become_root) == 0);
	CHECK(in_child(become_root_for_seccomp) == 0);
	CHECK(in_child(become_root_with_admin) == 0);
	CHECK(in_child(become_user) == 0);
	CHECK(in_child(become_user_for_seccomp) == 0);
}

TEST(bounding_set_of_others)
{
	struct err e = { 0 };
	uint64_t mask;

	CHECK(cap_bounding_of(getpid(), &mask, &e) == 0 && mask == status_line("CapBnd:") && mask);
	mask = 77;
	CHECK(cap_bounding_of(0x7ffffff0, &mask, &e) == -ENOENT && mask == 77);
}
