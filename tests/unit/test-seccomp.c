/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "security/arch.h"
#include "security/policy.h"
#include "security/security.h"
#include "unit/bpf-run.h"
#include "unit/test.h"

#define _cleanup_prog_ _cleanup_(seccomp_prog_done)

#define ALLOW	       SECCOMP_RET_ALLOW
#define KILL	       SECCOMP_RET_KILL_THREAD
#define KILL_PROCESS   SECCOMP_RET_KILL_PROCESS
#define ERR(n)	       (SECCOMP_RET_ERRNO | (n))
#define X32	       0x40000000

static uint32_t run(const struct seccomp_prog *p, uint32_t token, uint32_t nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = token, .args = { a0, a1, a2 } };

	/* The audit's machine and the test's are two, and agree. */
	CHECK(seccomp_verdict(p, &d) == bpf_run(p->insns, p->len, &d));
	return bpf_run(p->insns, p->len, &d);
}
#define RUN64(p, nr, ...) run((p), AUDIT_ARCH_X86_64, (nr), __VA_ARGS__)
#define RUN32(p, nr, ...) run((p), AUDIT_ARCH_I386, (nr), __VA_ARGS__)

static void need_x86_64(void)
{
	if (arch_native() != SCMP_ARCH_X86_64)
		SKIP("the numbers in this test are x86_64's");
}

static struct seccomp_prog compile(const char *text)
{
	struct seccomp_prog p = { 0 };
	struct err e = { 0 };

	if (seccomp_compile_text(text, "policy", &p, &e) < 0)
		printf("# %s (%s)\n", e.msg, e.hint);
	return p;
}

TEST(denylist_of_version_2)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };

	need_x86_64();
	p = compile("2\ndenylist\n# a comment\nreject_force_umount  # another\n\n[all]\nkexec_load errno 1\nmkdir "
		    "errno 38\n"
		    "[x86]\nchmod kill\n[x86_64]\nrmdir trap\n[arm64]\nread kill\n");
	CHECK(p.insns);
	CHECK(RUN64(&p, 0, 0, 0, 0) == ALLOW);
	CHECK(RUN64(&p, 246, 0, 0, 0) == ERR(1));
	CHECK(RUN64(&p, 83, 0, 0, 0) == ERR(38));
	CHECK(RUN64(&p, X32 | 83, 0, 0, 0) == ERR(38));
	CHECK(RUN64(&p, X32 | 528, 0, 0, 0) == ERR(1));
	CHECK(RUN64(&p, X32 | 0, 0, 0, 0) == ALLOW);
	CHECK(RUN32(&p, 283, 0, 0, 0) == ERR(1));
	CHECK(RUN32(&p, 39, 0, 0, 0) == ERR(38));
	CHECK(RUN32(&p, 83, 0, 0, 0) == ALLOW);
	/* sections */
	CHECK(RUN32(&p, 15, 0, 0, 0) == KILL);
	CHECK(RUN64(&p, 90, 0, 0, 0) == ALLOW);
	CHECK(RUN64(&p, 84, 0, 0, 0) == SECCOMP_RET_TRAP);
	CHECK(RUN64(&p, X32 | 84, 0, 0, 0) == SECCOMP_RET_TRAP);
	CHECK(RUN32(&p, 40, 0, 0, 0) == ALLOW);
	/* umount2(…, MNT_FORCE | MNT_DETACH), also with rubbish in the upper half that the kernel ignores */
	CHECK(RUN64(&p, 166, 0, 3, 0) == ERR(EACCES));
	CHECK(RUN64(&p, 166, 0, 0x100000001, 0) == ERR(EACCES));
	CHECK(RUN64(&p, 166, 0, 2, 0) == ALLOW);
	CHECK(RUN32(&p, 52, 0, 1, 0) == ERR(EACCES));
	/* foreign machines */
	CHECK(run(&p, AUDIT_ARCH_AARCH64, 0, 0, 0, 0) == KILL_PROCESS);
	CHECK(RUN64(&p, UINT32_MAX, 0, 0, 0) == ALLOW);
	CHECK(!p.has_notify && p.flags == 0);
}

TEST(allowlist_of_version_1)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };

	need_x86_64();
	p = compile("1\nallowlist\n0\n1\n60\n\n# end\n231\n");
	CHECK(p.insns);
	for (uint32_t nr = 0; nr < 500; nr++)
		CHECK(RUN64(&p, nr, 0, 0, 0) == (nr <= 1 || nr == 60 || nr == 231 ? ALLOW : KILL));
	CHECK(RUN64(&p, X32 | 1, 0, 0, 0) == KILL_PROCESS);
	CHECK(RUN64(&p, UINT32_MAX, 0, 0, 0) == KILL);
	CHECK(RUN32(&p, 1, 0, 0, 0) == KILL_PROCESS);
}

TEST(arguments)
{
	static const struct {
		const char *rule;
		uint64_t yes[4], no[4];
	} cases[] = {
		{ "[0,5,SCMP_CMP_EQ]", { 5, 5, 5, 5 }, { 4, 6, 0x100000005, UINT64_MAX } },
		{ "[0,0x500000005]",
		  { 0x500000005, 0x500000005, 0x500000005, 0x500000005 },
		  { 5, 0x500000004, 0, UINT64_MAX } },
		{ "[0,5,!=]", { 4, 6, 0x100000005, UINT64_MAX }, { 5, 5, 5, 5 } },
		{ "[0,5,<]", { 4, 0, 1, 2 }, { 5, 6, 0x100000000, UINT64_MAX } },
		{ "[0,0x500000005,<]",
		  { 4, 0x500000004, 0x4ffffffff, 0 },
		  { 0x500000005, 0x600000000, 0x500000006, UINT64_MAX } },
		{ "[0,0x500000005,<=]",
		  { 4, 0x500000005, 0x4ffffffff, 0 },
		  { 0x500000006, 0x600000000, 0x5ffffffff, UINT64_MAX } },
		{ "[0,0x500000005,>]",
		  { 0x500000006, 0x600000000, 0x5ffffffff, UINT64_MAX },
		  { 4, 0x500000005, 0x4ffffffff, 0 } },
		{ "[0,0x500000005,SCMP_CMP_GE]",
		  { 0x500000005, 0x600000000, 0x5ffffffff, UINT64_MAX },
		  { 4, 0x500000004, 0x4ffffffff, 0 } },
		{ "[0,8192,SCMP_CMP_MASKED_EQ,61440]",
		  { 8192, 8193, 0x2fff, 0x100002000 },
		  { 4096, 0, 0x3000, UINT64_MAX } },
		{ "[0,0x100000000,&=,0xf00000000]",
		  { 0x100000000, 0x100000005, 0x11ffffffff, 0x100000001 },
		  { 1, 0, 0x300000000, UINT64_MAX } },
		{ "[ 0 , 3 , == ] [1,0,==]", { 3, 3, 3, 3 }, { 4, 0, 1, 2 } },
		{ "[0,3,>=][0,9,<=]", { 3, 4, 9, 5 }, { 2, 10, 0, UINT64_MAX } },
	};

	need_x86_64();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_prog_ struct seccomp_prog p = { 0 };
		char text[256];

		snprintf(text, sizeof(text), "2\ndenylist\nclone errno 7 %s\n", cases[i].rule);
		p = compile(text);
		CHECK(p.insns);
		for (size_t j = 0; j < 4; j++) {
			if (RUN64(&p, 56, cases[i].yes[j], 0, 0) != ERR(7) ||
			    RUN64(&p, 56, cases[i].no[j], 0, 0) != ALLOW)
				printf("# case %zu value %zu\n", i, j);
			CHECK(RUN64(&p, 56, cases[i].yes[j], 0, 0) == ERR(7));
			CHECK(RUN64(&p, 56, cases[i].no[j], 0, 0) == ALLOW);
		}
	}
}

TEST(cve_2019_10063_upper_half_of_ioctl)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };

	need_x86_64();
	p = compile("2\ndenylist\nioctl errno 1 [1,0x5412,SCMP_CMP_EQ]\n");
	CHECK(RUN64(&p, 16, 0, 0x5412, 0) == ERR(1));
	CHECK(RUN64(&p, 16, 0, 0x100005412, 0) == ERR(1));
	CHECK(RUN64(&p, 16, 0, 0xffffffff00005412, 0) == ERR(1));
	CHECK(RUN64(&p, X32 | 514, 0, 0x5412, 0) == ERR(1));
	CHECK(RUN32(&p, 54, 0, 0x5412, 0) == ERR(1));
	CHECK(RUN64(&p, 16, 0, 0x5413, 0) == ALLOW);
}

TEST(socketcall_hides_arguments)
{
	_cleanup_prog_ struct seccomp_prog deny = { 0 }, allow = { 0 }, plain = { 0 };

	need_x86_64();
	deny = compile("2\ndenylist\nsocket errno 97 [0,38,SCMP_CMP_EQ]\n");
	CHECK(RUN64(&deny, 41, 38, 0, 0) == ERR(97) && RUN64(&deny, 41, 2, 0, 0) == ALLOW);
	CHECK(RUN64(&deny, 41, 0x100000026, 0, 0) == ERR(97));
	CHECK(RUN32(&deny, 359, 38, 0, 0) == ERR(97) && RUN32(&deny, 359, 2, 0, 0) == ALLOW);
	CHECK(RUN32(&deny, 102, 1, 0xffffd000, 0) == ERR(97));
	CHECK(RUN32(&deny, 102, 3, 0xffffd000, 0) == ALLOW);
	allow = compile("2\nallowlist errno 1\nsocket allow [0,1,SCMP_CMP_EQ]\n");
	CHECK(RUN64(&allow, 41, 1, 0, 0) == ALLOW && RUN64(&allow, 41, 2, 0, 0) == ERR(1));
	CHECK(RUN32(&allow, 359, 1, 0, 0) == ALLOW && RUN32(&allow, 102, 1, 0, 0) == ERR(1));
	plain = compile("2\nallowlist errno 1\nsocket\nsemget\n");
	CHECK(RUN32(&plain, 359, 9, 0, 0) == ALLOW && RUN32(&plain, 102, 1, 0, 0) == ALLOW);
	CHECK(RUN32(&plain, 102, 2, 0, 0) == ERR(1));
	/* the version in ipc's upper half is no way round */
	CHECK(RUN32(&plain, 117, 2, 0, 0) == ALLOW && RUN32(&plain, 117, 0x10002, 0, 0) == ALLOW);
	CHECK(RUN32(&plain, 117, 3, 0, 0) == ERR(1) && RUN32(&plain, 393, 0, 0, 0) == ALLOW);
}

TEST(order_of_rules)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };

	need_x86_64();
	p = compile("2\nallowlist errno 1\nclone allow\nclone errno 5 [0,1,==]\nclone kill [0,1,==] [1,1,==]\n"
		    "read errno 9\nread allow [0,3,==]\nwrite allow\nwrite errno 4\n");
	CHECK(RUN64(&p, 56, 0, 0, 0) == ALLOW);
	CHECK(RUN64(&p, 56, 1, 0, 0) == ERR(5));
	CHECK(RUN64(&p, 56, 1, 1, 0) == KILL);
	CHECK(RUN64(&p, 0, 3, 0, 0) == ALLOW);
	CHECK(RUN64(&p, 0, 4, 0, 0) == ERR(9));
	CHECK(RUN64(&p, 1, 0, 0, 0) == ERR(4));
}

TEST(newer_calls_and_numbers)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };

	need_x86_64();
	p = compile("2\ndenylist\nmseal errno 1\nlistns errno 2\n257 errno 3\n999 errno 4\n");
	CHECK(RUN64(&p, 462, 0, 0, 0) == ERR(1) && RUN32(&p, 462, 0, 0, 0) == ERR(1));
	CHECK(RUN64(&p, X32 | 462, 0, 0, 0) == ERR(1));
	CHECK(RUN64(&p, 470, 0, 0, 0) == ERR(2));
	/* openat is 295 on x86 */
	CHECK(RUN64(&p, 257, 0, 0, 0) == ERR(3) && RUN32(&p, 295, 0, 0, 0) == ERR(3) &&
	      RUN32(&p, 257, 0, 0, 0) == ALLOW);
	CHECK(RUN64(&p, 999, 0, 0, 0) == ERR(4));
}

TEST(bad_policies)
{
	static const struct {
		const char *text, *message, *hint;
	} cases[] = {
		{ "", "p:1: ends before the format's version", NULL },
		{ "3\ndenylist\n", "p:1: '3' where the format's version, 1 or 2, was expected", NULL },
		{ "2\n", "p:2: ends before allowlist or denylist", NULL },
		{ "2\nblocklist\n", "p:2: 'blocklist' where allowlist or denylist was expected", NULL },
		{ "1\ndenylist\n", "p:2: 'denylist' where allowlist was expected", NULL },
		{ "1\nallowlist\nread\n", "p:3: 'read' is not the number of a system call, which version 1 wants",
		  NULL },
		{ "1\nallowlist\n99999999\n", "p:3: 99999999 is not the number of a system call", NULL },
		{ "2\ndenylist debug\n", "p:2: 'debug' is not an action", NULL },
		{ "2\nallowlist errno 1 x\n", "p:2: 'x' after the default action", NULL },
		{ "2\ndenylist\n\nmkdri errno 1\n", "p:4: 'mkdri' is not a system call", "did you mean 'mkdir'?" },
		{ "2\ndenylist\n[arm64]\nmkdri errno 1\n", "p:4: 'mkdri' is not a system call", "mkdir" },
		{ "2\ndenylist\nqqqqqqqqqqqqqq\n", "p:3: 'qqqqqqqqqqqqqq' is not a system call", "by its number" },
		{ "2\ndenylist\nmkdir deny\n", "p:3: 'deny' is not an action (allow, kill, errno N", NULL },
		{ "2\ndenylist\nmkdir errno\n", "p:3: errno without a number", NULL },
		{ "2\ndenylist\nmkdir errno 4096\n", "p:3: '4096' is not an error number (0 to 4095)", NULL },
		{ "2\ndenylist\nmkdir errno -1\n", "p:3: '-1' is not an error number", NULL },
		{ "2\ndenylist\n[vax]\n", "p:3: 'vax' is not an architecture known here", NULL },
		{ "2\ndenylist\n[x86_64\n", "p:3: '[x86_64' is not a section", NULL },
		{ "2\ndenylist\nread errno 1 [6,0]\n", "p:3: '6' is not an argument's index (0 to 5)", NULL },
		{ "2\ndenylist\nread errno 1 [0]\n", "p:3: an argument is [index,value,operator]", NULL },
		{ "2\ndenylist\nread errno 1 [0,1,==,2,3]\n", "p:3: an argument is [index,value,operator]", NULL },
		{ "2\ndenylist\nread errno 1 [0,-1]\n", "p:3: '-1' is not an argument's value", NULL },
		{ "2\ndenylist\nread errno 1 [0,1,~]\n", "p:3: '~' is not a comparison", NULL },
		{ "2\ndenylist\nread errno 1 [0,99999999999999999999]\n", "is not an argument's value", NULL },
		{ "2\ndenylist\nread errno 1 [0,3,&=,1]\n", "would never match", NULL },
		{ "2\ndenylist\nread errno 1 [0,1\n", "p:3: a '[' without ']'", NULL },
		{ "2\ndenylist\nread errno 1 [0,1] x\n", "p:3: 'x' where an argument in [] or the end was expected",
		  NULL },
		{ "2\ndenylist\nread errno 1 [0,1][0,1][0,1][0,1][0,1][0,1][0,1]\n", "p:3: more than 6 arguments",
		  NULL },
		{ "2\ndenylist\nreject_force_umount errno 1\n", "p:3: reject_force_umount takes no action", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_prog_ struct seccomp_prog p = { 0 };
		struct err e = { 0 };
		int r = seccomp_compile_text(cases[i].text, "p", &p, &e);

		if (r >= 0 || !strstr(e.msg, cases[i].message) || (cases[i].hint && !strstr(e.hint, cases[i].hint)))
			printf("# case %zu: %d %s (%s)\n", i, r, e.msg, e.hint);
		CHECK(r < 0 && r == e.code && !p.insns);
		CHECK(strstr(e.msg, cases[i].message));
		CHECK(!cases[i].hint || strstr(e.hint, cases[i].hint));
	}
}

TEST(too_long_for_the_kernel)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	_cleanup_free_ char *text = malloc(1 << 20);
	struct err e = { 0 };
	size_t n = 0;

	n += (size_t)sprintf(text, "2\ndenylist\n");
	for (unsigned i = 0; i < 1000; i++)
		n += (size_t)sprintf(text + n, "clone errno %u [0,%u]\n", i % 100, i);
	CHECK(seccomp_compile_text(text, "p", &p, &e) == -E2BIG && e.kind == ERR_LIMIT && strstr(e.msg, "4096"));
	for (unsigned i = 0; i < 30000; i++)
		n += (size_t)sprintf(text + n, "clone kill\n");
	CHECK(seccomp_compile_text(text, "p", &p, &e) == -E2BIG && strstr(e.msg, "rules"));
}

static uint32_t pick_word(unsigned *seed)
{
	static const uint32_t words[] = { 0, 1, 2, 5, 0xff, 0x1000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };

	return rand_r(seed) % 3 ? words[(unsigned)rand_r(seed) % ARRAY_SIZE(words)] : (uint32_t)rand_r(seed);
}

static uint64_t pick_value(unsigned *seed)
{
	uint64_t high = rand_r(seed) % 2 ? 0 : pick_word(seed);

	return high << 32 | pick_word(seed);
}

/* libseccomp's program for one rule set of the native architecture, to be compared with ours. */
static size_t theirs(const struct policy *p, struct sock_filter *out, size_t room)
{
	scmp_filter_ctx ctx = seccomp_init(p->default_action);
	_cleanup_close_ int fd = memfd_create("program", MFD_CLOEXEC);
	ssize_t n;

	for (size_t i = 0; i < p->n_rules; i++) {
		const struct policy_rule *r = &p->rules[i];
		struct scmp_arg_cmp args[POLICY_ARGS_MAX];

		for (unsigned j = 0; j < r->n_args; j++) {
			static const enum scmp_compare ops[] = { SCMP_CMP_EQ,	    SCMP_CMP_NE, SCMP_CMP_LT,
								 SCMP_CMP_LE,	    SCMP_CMP_GT, SCMP_CMP_GE,
								 SCMP_CMP_MASKED_EQ };
			const struct policy_arg *a = &r->args[j];

			args[j] = a->op == OP_MASKED_EQ ? SCMP_CMP64(a->index, ops[a->op], a->mask, a->value)
							: SCMP_CMP64(a->index, ops[a->op], a->value);
		}
		if (seccomp_rule_add_exact_array(ctx, r->action, (int)r->nr, r->n_args, args) < 0)
			goto fail;
	}
	if (seccomp_export_bpf(ctx, fd) < 0)
		goto fail;
	seccomp_release(ctx);
	n = pread(fd, out, room * sizeof(*out), 0);
	return n > 0 ? (size_t)n / sizeof(*out) : 0;
fail:
	seccomp_release(ctx);
	return 0;
}

/* Up to 40 calls, each with one rule of up to three different arguments: there both must agree on everything. */
static void random_policy(struct policy *p, unsigned *seed)
{
	uint32_t nr = 0;

	*p = (struct policy){ .path = "random",
			      .native_only = true,
			      .default_action = rand_r(seed) % 2 ? ALLOW : ERR(99) };
	for (unsigned n = 1 + (unsigned)rand_r(seed) % 40; n--;) {
		struct policy_arg args[3];
		struct policy_rule r = { .action = rand_r(seed) % 2 ? ERR(1) : KILL, .args = args };

		nr += 1 + (unsigned)rand_r(seed) % 6;
		/* Calls with arguments of 32 bits are compared on purpose otherwise. */
		if (nr == SYS_ioctl || nr == SYS_open || nr == SYS_fcntl || nr == SYS_socket || nr == SYS_socketpair ||
		    nr == SYS_getsockopt || nr == SYS_setsockopt || nr == SYS_mknod || nr == SYS_personality ||
		    nr == SYS_prctl || nr == SYS_arch_prctl || nr == SYS_syslog || nr == SYS_reboot ||
		    nr == SYS_umount2)
			continue;
		r.nr = nr;
		if (rand_r(seed) % 2)
			r.n_args = 1 + (unsigned)rand_r(seed) % 3;
		for (unsigned i = 0; i < r.n_args; i++) {
			struct policy_arg *a = &args[i];

			*a = (struct policy_arg){ .index = (uint8_t)i, .op = (enum policy_op)(rand_r(seed) % 7) };
			a->value = pick_value(seed);
			if (a->op == OP_MASKED_EQ) {
				a->mask = pick_value(seed) | 1;
				a->value &= a->mask;
			}
		}
		policy_add(p, &r, NULL);
	}
}

TEST(agrees_with_libseccomp)
{
	static struct sock_filter other[BPF_MAXINSNS];
	unsigned seed = 20240611, compared = 0;

	need_x86_64();
	for (unsigned round = 0; round < 300; round++) {
		_cleanup_policy_ struct policy p = { 0 };
		_cleanup_prog_ struct seccomp_prog ours = { 0 };
		struct err e = { 0 };
		size_t n;

		random_policy(&p, &seed);
		CHECK(policy_compile(&p, &ours, &e) == 0);
		n = theirs(&p, other, ARRAY_SIZE(other));
		if (n == 0)
			continue;
		for (unsigned probe = 0; probe < 2000; probe++) {
			const struct policy_rule *r = p.n_rules ? &p.rules[(unsigned)rand_r(&seed) % p.n_rules] : NULL;
			struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64, .nr = rand_r(&seed) % 300 };

			if (r && probe % 2)
				d.nr = (int)r->nr;
			for (unsigned i = 0; i < 6; i++)
				d.args[i] = pick_value(&seed);
			for (unsigned i = 0; r && i < r->n_args; i++)
				if (rand_r(&seed) % 2)
					d.args[r->args[i].index] = r->args[i].value + (uint64_t)(rand_r(&seed) % 3) - 1;
			if (bpf_run(ours.insns, ours.len, &d) != bpf_run(other, n, &d))
				printf("# round %u nr %d args %llx %llx %llx: ours %x, libseccomp's %x\n", round, d.nr,
				       d.args[0], d.args[1], d.args[2], bpf_run(ours.insns, ours.len, &d),
				       bpf_run(other, n, &d));
			CHECK(bpf_run(ours.insns, ours.len, &d) == bpf_run(other, n, &d));
			compared++;
		}
	}
	printf("# %u calls compared\n", compared);
	CHECK(compared > 100000);
}

/* --- the kernel's word ------------------------------------------------------------------------------------------- */

static int in_child(const struct seccomp_prog *p, int (*fn)(int notify_fd))
{
	pid_t pid = fork();
	int st;

	if (pid == 0) {
		int fd = -EBADF;

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
			_exit(90);
		if (seccomp_apply(p, &fd) < 0)
			_exit(91);
		/* _exit() does more than one call under a sanitizer. */
		syscall(SYS_exit_group, fn(fd));
	}
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}

static int mkdir_errno(int fd)
{
	return mkdir("/proc/self/nowhere", 0700) < 0 ? errno : 0;
}

static int has_no_fd(int fd)
{
	return fd;
}

TEST(kernel_refuses_mkdir)
{
	_cleanup_prog_ struct seccomp_prog p = compile("2\ndenylist\nmkdir errno 77\nmkdirat errno 77\n");

	CHECK(p.insns);
	CHECK(in_child(&p, mkdir_errno) == 77);
	CHECK(in_child(&p, has_no_fd) == (uint8_t)-EBADF);
	CHECK(in_child(&(struct seccomp_prog){ 0 }, mkdir_errno) == ENOENT);
}

TEST(kernel_kills_and_traps)
{
	_cleanup_prog_ struct seccomp_prog kill = compile("2\ndenylist\nmkdir\nmkdirat\n");
	_cleanup_prog_ struct seccomp_prog trap = compile("2\ndenylist trap\n[all]\nread allow\nmkdir kill\n");
	_cleanup_prog_ struct seccomp_prog deny_trap = compile("2\ndenylist\nmkdir trap\nmkdirat trap\n");

	CHECK(in_child(&kill, mkdir_errno) == 128 + SIGSYS);
	CHECK(trap.insns);
	CHECK(in_child(&deny_trap, mkdir_errno) == 128 + SIGSYS);
}

TEST(kernel_takes_an_allowlist)
{
	_cleanup_prog_ struct seccomp_prog p =
		compile("2\nallowlist errno 55\nexit_group\nexit\nwrite\nrt_sigreturn\nrt_sigprocmask\n");

	CHECK(p.insns);
	CHECK(in_child(&p, mkdir_errno) == 55);
}

static int answers_notification(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct seccomp_notif req = { 0 };
	struct seccomp_notif_resp resp = { 0 };
	pid_t pid;
	int st;

	if (fd < 0 || !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(mkdir("/proc/self/nowhere", 0) < 0 ? errno : 0);
	if (poll(&pfd, 1, 5000) != 1 || ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
		return 2;
	resp.id = req.id;
	resp.error = -66;
	if (req.pid != (unsigned)pid || ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0)
		return 3;
	if (waitpid(pid, &st, 0) != pid || !WIFEXITED(st) || WEXITSTATUS(st) != 66)
		return 4;
	return 0;
}

TEST(kernel_gives_a_listener)
{
	_cleanup_prog_ struct seccomp_prog p = compile("2\ndenylist\nmkdir notify\nmkdirat notify\n");

	CHECK(p.has_notify && p.flags == SECCOMP_FILTER_FLAG_NEW_LISTENER);
	CHECK(in_child(&p, answers_notification) == 0);
}

static int default_policy_holds(int fd)
{
	if (syscall(SYS_keyctl, 0, 0, 0) != -1 || errno != EPERM)
		return 1;
	if (socket(AF_ALG, SOCK_SEQPACKET, 0) >= 0 || errno != EAFNOSUPPORT)
		return 2;
	if (socket(AF_VSOCK, SOCK_STREAM, 0) >= 0 || errno != EAFNOSUPPORT)
		return 3;
	if (syscall(SYS_ioctl, 0, TIOCSTI | 1L << 32, "x") != -1 || errno != EPERM)
		return 4;
	if (syscall(SYS_open_by_handle_at, -1, NULL, 0) != -1 || errno != EPERM)
		return 5;
	if (syscall(SYS_io_uring_setup, 1, NULL) != -1 || errno != ENOSYS)
		return 6;
	if (syscall(SYS_userfaultfd, 0) != -1 || errno != EPERM)
		return 7;
	if (socket(AF_INET, SOCK_STREAM, 0) < 0 || socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		return 8;
	if (fork() == 0)
		_exit(0);
	return wait(NULL) < 0 ? 9 : 0;
}

TEST(default_policy)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 }, p32 = { 0 };
	struct err e = { 0 };

	CHECK(seccomp_compile_default(&p, &e) == 0 && seccomp_compile_default_32bit(&p32, &e) == 0);
	CHECK(in_child(&p, default_policy_holds) == 0);
	CHECK(in_child(&p32, default_policy_holds) == 0);
	need_x86_64();
	CHECK(RUN32(&p, 102, 1, 0, 0) == ERR(EAFNOSUPPORT) && RUN32(&p32, 102, 1, 0, 0) == ALLOW);
	CHECK(RUN32(&p, 102, 3, 0, 0) == ALLOW);
	CHECK(RUN32(&p32, 359, AF_ALG, 0, 0) == ERR(EAFNOSUPPORT));
	CHECK(RUN64(&p, X32 | 41, AF_ALG, 0, 0) == ERR(EAFNOSUPPORT));
	CHECK(RUN32(&p, 54, 0, 0x5412, 0) == ERR(EPERM));
}

TEST(save_and_load)
{
	_cleanup_prog_ struct seccomp_prog p = compile("2\ndenylist\nmkdir notify\n"), q = { 0 };
	char dir[] = "/tmp/test-seccomp.XXXXXX";
	_cleanup_close_ int dfd = -EBADF, fd = -EBADF;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	dfd = open(dir, O_DIRECTORY | O_CLOEXEC);
	CHECK(seccomp_prog_load(dfd, "prog", &q, &e) == 0 && !q.insns && !q.len);
	CHECK(seccomp_prog_save(&p, dfd, "prog", &e) == 0);
	CHECK(seccomp_prog_load(dfd, "prog", &q, &e) == 0);
	CHECK(q.len == p.len && q.flags == p.flags && q.has_notify &&
	      memcmp(q.insns, p.insns, p.len * sizeof(*p.insns)) == 0);

	fd = openat(dfd, "prog", O_RDWR | O_APPEND | O_CLOEXEC);
	CHECK(write(fd, "x", 1) == 1);
	seccomp_prog_done(&q);
	CHECK(seccomp_prog_load(dfd, "prog", &q, &e) == -EPROTO && !q.insns);
	CHECK(ftruncate(fd, 40) == 0 && seccomp_prog_load(dfd, "prog", &q, &e) == -EPROTO);
	CHECK(ftruncate(fd, 3) == 0 && seccomp_prog_load(dfd, "prog", &q, &e) == -EPROTO);

	CHECK(seccomp_prog_save(&p, dfd, "prog", &e) == 0 && fchmodat(dfd, "prog", 0620, 0) == 0);
	CHECK(seccomp_prog_load(dfd, "prog", &q, &e) == -EPERM);
	CHECK(unlinkat(dfd, "prog", 0) == 0 && symlinkat("/etc/passwd", dfd, "prog") == 0);
	CHECK(seccomp_prog_load(dfd, "prog", &q, &e) == -ELOOP);
	/* no filter: no file */
	CHECK(seccomp_prog_save(&(struct seccomp_prog){ 0 }, dfd, "prog", &e) == 0);
	CHECK(faccessat(dfd, "prog", F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT);
	CHECK(rmdir(dir) == 0);
}

TEST(policy_files)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	char path[] = "/tmp/test-seccomp.XXXXXX";
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
	struct err e = { 0 };

	CHECK(seccomp_compile_file("/nonexistent/policy", &p, &e) == -ENOENT && strstr(e.msg, "/nonexistent/policy"));
	CHECK(write(fd, "2\ndenylist\n\0kill", 16) == 16);
	CHECK(seccomp_compile_file(path, &p, &e) == -EINVAL && strstr(e.msg, "not a text file"));
	CHECK(ftruncate(fd, 11) == 0 && seccomp_compile_file(path, &p, &e) == 0 && p.len);
	unlink(path);
}

TEST(every_architecture_is_found)
{
	for (const struct arch *a = arch_table; a->name; a++) {
		struct call c;

		CHECK(policy_arch(a->name) == a->name);
		CHECK(call_find(a, "read", &c) == 0 && c.nr >= 0);
		CHECK(call_find(a, "socket", &c) == 0 && (c.nr >= 0 || c.via >= 0));
		CHECK(call_find(a, "no_such_call", &c) == -ENOENT);
	}
	CHECK(policy_arch("X86_64") && !policy_arch("vax"));
}
