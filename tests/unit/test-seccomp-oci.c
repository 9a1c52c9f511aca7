/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Policies of OCI containers: what runc would make of them with libseccomp, against what we make. */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <poll.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/child.h"
#include "runtime/compile.h"
#include "runtime/run.h"
#include "security/arch.h"
#include "security/policy.h"
#include "spec/field.h"
#include "unit/bpf-run.h"
#include "unit/test.h"

#define _cleanup_prog_ _cleanup_(seccomp_prog_done)
#define X32	       0x40000000u
#define RET(a)	       SECCOMP_RET_##a
#define ERR(n)	       (SECCOMP_RET_ERRNO | (n))

/* --- policies to try ---------------------------------------------------------------------------------------------- */

static struct spec_seccomp *policy_new(struct spec *s, const char *action, uint32_t value, const char *archs)
{
	struct spec_seccomp *p = &s->security.seccomp;

	spec_init(s);
	p->action = strdup(action);
	p->errno_ret = value;
	CHECK(strv_split(&p->archs, archs, " ", NULL) == 0);
	return p;
}

static struct spec_syscall *rule_add(struct spec_seccomp *p, const char *names, const char *action, uint32_t value)
{
	struct spec_syscall *r = list_add(&p->rules, NULL);

	CHECK(r && strv_split(&r->names, names, " ", NULL) == 0);
	r->action = strdup(action);
	r->errno_ret = value;
	return r;
}

static int compile(const struct spec_seccomp *s, struct seccomp_prog *ret, struct strv *ignored, struct err *e)
{
	_cleanup_policy_ struct policy p = { 0 };
	int r = seccomp_policy_of(s, &p, ignored, e);

	return r < 0 ? r : policy_compile(&p, ret, e);
}

static uint32_t verdict(const struct seccomp_prog *p, uint32_t token, uint32_t nr, uint64_t a0, uint64_t a1)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = token, .args = { a0, a1 } };

	CHECK(seccomp_verdict(p, &d) == bpf_run(p->insns, p->len, &d));
	return bpf_run(p->insns, p->len, &d);
}
#define RUN64(p, nr, a0, a1) verdict((p), AUDIT_ARCH_X86_64, (nr), (a0), (a1))
#define RUN32(p, nr, a0, a1) verdict((p), AUDIT_ARCH_I386, (nr), (a0), (a1))

static void need_x86_64(void)
{
	if (arch_native() != SCMP_ARCH_X86_64)
		SKIP("the numbers in this test are x86_64's");
}

/* A profile of the size and the shape that container engines use by default: some 380 calls are permitted, a few of
 * them with conditions, and the rest is EPERM. */
static void big_profile(struct spec *s)
{
	static const char *const refused[] = {
		"acct",
		"add_key",
		"bpf",
		"clock_adjtime",
		"clone",
		"clone3",
		"create_module",
		"delete_module",
		"finit_module",
		"fsconfig",
		"fsmount",
		"fsopen",
		"fspick",
		"get_kernel_syms",
		"init_module",
		"io_uring_enter",
		"io_uring_setup",
		"io_uring_register",
		"ioperm",
		"iopl",
		"kcmp",
		"kexec_file_load",
		"kexec_load",
		"keyctl",
		"lookup_dcookie",
		"mount",
		"mount_setattr",
		"move_mount",
		"nfsservctl",
		"open_by_handle_at",
		"open_tree",
		"perf_event_open",
		"personality",
		"pivot_root",
		"process_madvise",
		"query_module",
		"quotactl",
		"quotactl_fd",
		"reboot",
		"request_key",
		"setdomainname",
		"sethostname",
		"setns",
		"settimeofday",
		"socket",
		"swapoff",
		"swapon",
		"syslog",
		"umount2",
		"unshare",
		"userfaultfd",
		"ustat",
		"vhangup",
		"_sysctl",
		"sysfs",
	};
	static const char *const narrow[] = { "chown32",  "fcntl64",	"fstat64",	   "getegid32",	  "mmap2",
					      "statfs64", "waitpid",	"socketcall",	   "ipc",	  "sigreturn",
					      "_llseek",  "ugetrlimit", "clock_gettime64", "futex_time64" };
	static const char *const personalities[] = { "0 eq 0", "0 eq 8", "0 eq 131072", "0 eq 131080",
						     "0 eq 4294967295" };
	static const char *const families[] = { "0 lt 38", "0 eq 39", "0 gt 40" };
	struct spec_seccomp *p = policy_new(s, "errno", EPERM, "x86_64 x86 x32");
	struct spec_syscall *r = rule_add(p, "", "allow", UNSET32);

	for (int nr = 0; nr < 450; nr++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, nr);
		bool skip = !name;

		for (size_t i = 0; i < ARRAY_SIZE(refused) && !skip; i++)
			skip = streq(name, refused[i]);
		if (!skip)
			strv_push(&r->names, name, NULL);
		free(name);
	}
	for (size_t i = 0; i < ARRAY_SIZE(narrow); i++)
		strv_push(&r->names, narrow[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(personalities); i++)
		strv_push(&rule_add(p, "personality", "allow", UNSET32)->args, personalities[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		strv_push(&rule_add(p, "socket", "allow", UNSET32)->args, families[i], NULL);
	strv_push(&rule_add(p, "clone", "allow", UNSET32)->args, "0 masked_eq 2114060288 0", NULL);
	rule_add(p, "clone3", "errno", ENOSYS);
}

/* --- what runc does, on libseccomp --------------------------------------------------------------------------------- */

struct theirs {
	struct sock_filter code[BPF_MAXINSNS];
	size_t n;
	bool stub;
	uint32_t last[3]; /* x86_64, x86, x32 */
};

static const uint32_t scmp[3] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 };
static const char *const scmp_words[3] = { "x86_64", "x86", "x32" };

static const struct arch *find_arch(uint32_t want)
{
	const struct arch *a = arch_table;

	while (a->scmp != want)
		a++;
	return a;
}

static int their_rule(scmp_filter_ctx ctx, const struct policy_rule *r)
{
	static const enum scmp_compare ops[] = { SCMP_CMP_EQ, SCMP_CMP_NE, SCMP_CMP_LT,	      SCMP_CMP_LE,
						 SCMP_CMP_GT, SCMP_CMP_GE, SCMP_CMP_MASKED_EQ };
	struct scmp_arg_cmp args[POLICY_ARGS_MAX];

	for (unsigned j = 0; j < r->n_args; j++) {
		const struct policy_arg *a = &r->args[j];

		args[j] = a->op == OP_MASKED_EQ ? SCMP_CMP64(a->index, ops[a->op], a->mask, a->value)
						: SCMP_CMP64(a->index, ops[a->op], a->value);
	}
	return seccomp_rule_add_array(ctx, r->action, seccomp_syscall_resolve_name(r->name), r->n_args, args);
}

static bool theirs(const struct spec_seccomp *s, const struct policy *p, struct theirs *t)
{
	scmp_filter_ctx ctx = seccomp_init(p->default_action);
	_cleanup_close_ int fd = memfd_create("program", MFD_CLOEXEC);
	bool ok = ctx != NULL;
	ssize_t n;

	*t = (struct theirs){ .stub = p->newer_enosys };
	for (unsigned i = 0; i < 3; i++) {
		if (i && !strv_has(&s->archs, scmp_words[i]))
			continue;
		if (i)
			ok &= seccomp_arch_add(ctx, scmp[i]) == 0;
		for (size_t j = 0; j < p->n_rules; j++) {
			struct call c;

			/* not libseccomp's numbers: it knows none for what socketcall and ipc do as well */
			if (call_find(find_arch(scmp[i]), p->rules[j].name, &c) == 0 && c.nr > t->last[i])
				t->last[i] = (uint32_t)c.nr;
		}
	}
	for (size_t i = 0; i < p->n_rules && ok; i++)
		if (!p->rules[i].names_only)
			ok &= their_rule(ctx, &p->rules[i]) == 0;
	ok = ok && seccomp_export_bpf(ctx, fd) == 0;
	seccomp_release(ctx);
	n = ok ? pread(fd, t->code, sizeof(t->code), 0) : 0;
	t->n = n > 0 ? (size_t)n / sizeof(*t->code) : 0;
	return t->n > 0;
}

static uint32_t their_verdict(const struct theirs *t, const struct seccomp_data *d)
{
	unsigned kind = d->arch == AUDIT_ARCH_I386 ? 1 : (uint32_t)d->nr & X32 ? 2 : 0;

	if (t->stub && t->last[kind] && (d->arch == AUDIT_ARCH_I386 || d->arch == AUDIT_ARCH_X86_64) &&
	    (uint32_t)d->nr > t->last[kind])
		return ERR(ENOSYS);
	return bpf_run(t->code, t->n, d);
}

/* --- the comparison -------------------------------------------------------------------------------------------------- */

/* Where ours is stricter on purpose. */
static bool deliberate(const struct seccomp_data *d, uint32_t ours, uint32_t other)
{
	/* An architecture that is not admitted: the process, not one thread of it. */
	if (ours == RET(KILL_PROCESS) && other == RET(KILL_THREAD))
		return true;
	/* Calls by socketcall and ipc, whose arguments a filter cannot see. */
	return d->arch == AUDIT_ARCH_I386 && (d->nr == 102 || d->nr == 117) &&
	       policy_action_rank(ours) <= policy_action_rank(other);
}

static bool agree(const struct seccomp_prog *p, const struct theirs *t, const struct seccomp_data *d)
{
	uint32_t ours = bpf_run(p->insns, p->len, d), other = their_verdict(t, d);

	return ours == other || deliberate(d, ours, other);
}

static bool same(const struct seccomp_prog *p, const struct theirs *t, const struct seccomp_data *d)
{
	uint32_t ours = bpf_run(p->insns, p->len, d), other = their_verdict(t, d);

	if (agree(p, t, d))
		return true;
	printf("# arch %x nr %x args %llx %llx %llx: ours %x, theirs %x\n", d->arch, (unsigned)d->nr, d->args[0],
	       d->args[1], d->args[2], ours, other);
	return false;
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

static const uint32_t tokens[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_X86_64, AUDIT_ARCH_AARCH64 };
static const uint32_t bases[] = { 0, 0, X32, 0 };

TEST(big_profile_agrees_with_libseccomp)
{
	static struct theirs t;
	_cleanup_spec_ struct spec s;
	_cleanup_policy_ struct policy p = { 0 };
	_cleanup_strv_ struct strv ignored = STRV_INIT;
	_cleanup_prog_ struct seccomp_prog prog = { 0 };
	struct err e = { 0 };
	unsigned seed = 7, compared = 0, bad = 0;

	need_x86_64();
	big_profile(&s);
	CHECK(seccomp_policy_of(&s.security.seccomp, &p, &ignored, &e) == 0 && ignored.n == 0);
	CHECK(policy_compile(&p, &prog, &e) == 0);
	CHECK(theirs(&s.security.seccomp, &p, &t));
	printf("# %zu rules, %u instructions, libseccomp %zu\n", p.n_rules, prog.len, t.n);
	/* Every number, and for each all values that a rule compares with and their neighbours. */
	for (unsigned k = 0; k < ARRAY_SIZE(tokens); k++) {
		for (uint32_t nr = 0; nr < 1100; nr++) {
			for (unsigned v = 0; v < 60; v++) {
				struct seccomp_data d = { .arch = tokens[k], .nr = (int)(bases[k] + nr) };

				d.args[0] = v < 45 ? v : v < 50 ? 131072u + 2 * v - 90 : pick_word(&seed);
				d.args[1] = pick_value(&seed);
				bad += !same(&prog, &t, &d);
				compared++;
			}
		}
	}
	for (unsigned k = 0; k < 100000; k++) {
		struct seccomp_data d = { .arch = tokens[k % 4],
					  .nr = (int)pick_word(&seed),
					  .args = { pick_word(&seed) } };

		bad += !same(&prog, &t, &d);
		compared++;
	}
	printf("# %u calls compared\n", compared);
	CHECK(bad == 0);
}

/* A condition on an argument whose every value the kernel looks at, in words of the model. */
static char *random_condition(unsigned *seed, unsigned index, uint64_t wide)
{
	static const char *const ops[] = { "eq", "ne", "lt", "le", "gt", "ge", "masked_eq" };
	const char *op = ops[(unsigned)rand_r(seed) % 7];
	uint64_t value = pick_value(seed) & wide, second = pick_value(seed) & wide;
	char *text = NULL;

	/* libseccomp goes wrong where what is compared with has bits outside the mask. */
	if (streq(op, "masked_eq"))
		second &= value;
	if (asprintf(&text, "%u %s %" PRIu64 " %" PRIu64, index, op, value, second) < 0)
		abort();
	return text;
}

/* On x86 and x32 libseccomp compares with the lower half of a value alone: WIDE policies are of x86_64 only. */
static void random_policy(struct spec *s, unsigned *seed, bool wide)
{
	/* None whose arguments we compare in 32 bits. */
	static const char *const calls[] = { "read",	"write",   "lseek", "mmap",   "clone",	    "kill",    "dup",
					     "chmod",	"mkdirat", "futex", "waitid", "sendto",	    "connect", "semget",
					     "unshare", "getppid", "statx", "clone3", "membarrier", "mprotect" };
	static const char *const acts[] = { "allow",	   "errno", "kill",  "kill_process",
					    "kill_thread", "log",   "trace", "trap" };
	static const char *const archs[] = { "", "x86_64 aarch64", "x86", "x86_64 x32", "x86_64 x86 x32", "x86 s390x" };
	const char *action = acts[(unsigned)rand_r(seed) % 8];
	bool data = streq(action, "errno") || streq(action, "trace");
	struct spec_seccomp *p =
		policy_new(s, action, data && rand_r(seed) % 2 ? (uint32_t)rand_r(seed) % 200 : UNSET32,
			   archs[(unsigned)rand_r(seed) % (wide ? 2 : ARRAY_SIZE(archs))]);

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		struct spec_syscall *r;
		unsigned n = rand_r(seed) % 2 ? 0 : 1 + (unsigned)rand_r(seed) % 4;

		if (rand_r(seed) % 2)
			continue;
		action = acts[(unsigned)rand_r(seed) % 8];
		data = streq(action, "errno") || streq(action, "trace");
		r = rule_add(p, calls[i], action, data && rand_r(seed) % 2 ? (uint32_t)rand_r(seed) % 200 : UNSET32);
		/* Sometimes an argument twice. */
		for (unsigned j = 0; j < n; j++)
			strv_push_take(&r->args,
				       random_condition(seed, rand_r(seed) % 4 ? j : 0, wide ? UINT64_MAX : UINT32_MAX),
				       NULL);
	}
}

static bool holds(const struct policy_arg *a, uint64_t v)
{
	switch (a->op) {
	case OP_EQ:
		return v == a->value;
	case OP_NE:
		return v != a->value;
	case OP_LT:
		return v < a->value;
	case OP_LE:
		return v <= a->value;
	case OP_GT:
		return v > a->value;
	case OP_GE:
		return v >= a->value;
	case OP_MASKED_EQ:
		return (v & a->mask) == a->value;
	}
	return false;
}

/* What the specification says becomes of a call: the arbiter. */
static uint32_t by_the_book(const struct policy *p, uint32_t arch, const struct seccomp_data *d)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		const struct policy_rule *r = &p->rules[i];
		bool all = !r->names_only && seccomp_syscall_resolve_name_arch(arch, r->name) == d->nr;

		for (unsigned j = 0; j < r->n_args && all; j++)
			all = holds(&r->args[j], d->args[r->args[j].index]);
		if (all)
			return r->action;
	}
	return p->default_action;
}

/* Each call has one kind of rule here, so that order is no question. libseccomp 2.5 merges some alternatives on one
 * argument wrongly: where it is of another opinion the rules themselves are asked. */
TEST(random_policies_agree_with_libseccomp)
{
	static struct theirs t;
	unsigned seed = 20261125, compared = 0, refused = 0, bad = 0, wrong = 0;

	need_x86_64();
	for (unsigned round = 0; round < 400; round++) {
		_cleanup_spec_ struct spec s;
		_cleanup_policy_ struct policy p = { 0 };
		_cleanup_strv_ struct strv ignored = STRV_INIT;
		_cleanup_prog_ struct seccomp_prog prog = { 0 };
		struct err e = { 0 };

		random_policy(&s, &seed, round % 2);
		CHECK(seccomp_policy_of(&s.security.seccomp, &p, &ignored, &e) == 0);
		CHECK(policy_compile(&p, &prog, &e) == 0);
		if (!theirs(&s.security.seccomp, &p, &t)) {
			refused++;
			continue;
		}
		for (unsigned probe = 0; probe < 2000; probe++) {
			const struct policy_rule *r = p.n_rules ? &p.rules[(unsigned)rand_r(&seed) % p.n_rules] : NULL;
			unsigned k = probe % 4;
			struct seccomp_data d = { .arch = tokens[k], .nr = (int)bases[k] + rand_r(&seed) % 500 };
			int nr = r && probe % 3 && k < 3 ? seccomp_syscall_resolve_name_arch(scmp[k], r->name) : -1;

			if (nr >= 0)
				d.nr = nr;
			for (unsigned i = 0; i < 6; i++)
				d.args[i] = pick_value(&seed);
			for (unsigned i = 0; r && i < r->n_args; i++)
				if (rand_r(&seed) % 2)
					d.args[r->args[i].index] = r->args[i].value + (uint64_t)(rand_r(&seed) % 3) - 1;
			for (unsigned i = 0; i < 6 && (k == 1 || k == 2); i++)
				d.args[i] &= UINT32_MAX;
			compared++;
			if (agree(&prog, &t, &d))
				continue;
			if (k < 3 && bpf_run(prog.insns, prog.len, &d) == by_the_book(&p, scmp[k], &d))
				wrong++;
			else
				bad += !same(&prog, &t, &d);
		}
	}
	printf("# %u calls compared, libseccomp wrong on %u; %u policies that it refuses\n", compared, wrong, refused);
	CHECK(bad == 0 && compared > 500000 && wrong < compared / 100);
}

/* --- one rule of the specification or of runc at a time -------------------------------------------------------------- */

static struct seccomp_prog compiled(struct spec *s)
{
	_cleanup_strv_ struct strv ignored = STRV_INIT;
	struct seccomp_prog prog = { 0 };
	struct err e = { 0 };

	if (compile(&s->security.seccomp, &prog, &ignored, &e) < 0)
		printf("# %s\n", e.msg);
	spec_done(s);
	return prog;
}

TEST(all_nine_actions)
{
	static const struct {
		const char *word;
		uint32_t value, plain, with_value;
	} cases[] = {
		{ "allow", UNSET32, RET(ALLOW), 0 },
		{ "errno", 38, ERR(EPERM), ERR(38) },
		{ "kill", UNSET32, RET(KILL_THREAD), 0 },
		{ "kill_process", UNSET32, RET(KILL_PROCESS), 0 },
		{ "kill_thread", UNSET32, RET(KILL_THREAD), 0 },
		{ "log", UNSET32, RET(LOG), 0 },
		{ "notify", UNSET32, RET(USER_NOTIF), 0 },
		{ "trace", 65535, RET(TRACE) | EPERM, RET(TRACE) | 65535 },
		{ "trap", UNSET32, RET(TRAP), 0 },
	};

	need_x86_64();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_prog_ struct seccomp_prog p = { 0 }, q = { 0 };
		struct spec s;

		policy_new(&s, "errno", 99, "")->listener = strdup("/run/agent");
		rule_add(&s.security.seccomp, "mkdir", cases[i].word, UNSET32);
		p = compiled(&s);
		CHECK(RUN64(&p, 83, 0, 0) == cases[i].plain && RUN64(&p, 0, 0, 0) == ERR(99));
		CHECK(p.has_notify == streq(cases[i].word, "notify"));
		CHECK(!(p.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) == !p.has_notify);
		if (cases[i].value == UNSET32)
			continue;
		policy_new(&s, "allow", UNSET32, "");
		rule_add(&s.security.seccomp, "mkdir", cases[i].word, cases[i].value);
		q = compiled(&s);
		CHECK(RUN64(&q, 83, 0, 0) == cases[i].with_value);
	}
}

TEST(conditions_on_one_argument_are_alternatives)
{
	_cleanup_prog_ struct seccomp_prog all = { 0 }, any = { 0 };
	struct spec_syscall *r;
	struct spec s;

	need_x86_64();
	policy_new(&s, "allow", UNSET32, "");
	r = rule_add(&s.security.seccomp, "kill", "errno", 7);
	CHECK(strv_push(&r->args, "0 eq 5", NULL) == 0 && strv_push(&r->args, "1 eq 9", NULL) == 0);
	all = compiled(&s);
	CHECK(RUN64(&all, 62, 5, 9) == ERR(7) && RUN64(&all, 62, 5, 8) == RET(ALLOW) &&
	      RUN64(&all, 62, 4, 9) == RET(ALLOW));

	policy_new(&s, "allow", UNSET32, "");
	r = rule_add(&s.security.seccomp, "kill", "errno", 7);
	CHECK(strv_push(&r->args, "0 eq 5", NULL) == 0 && strv_push(&r->args, "0 eq 6", NULL) == 0);
	/* and then, as with runc, so are the others */
	CHECK(strv_push(&r->args, "1 eq 9", NULL) == 0);
	any = compiled(&s);
	CHECK(RUN64(&any, 62, 5, 0) == ERR(7) && RUN64(&any, 62, 6, 0) == ERR(7) && RUN64(&any, 62, 0, 9) == ERR(7));
	CHECK(RUN64(&any, 62, 7, 8) == RET(ALLOW));
}

TEST(architectures)
{
	_cleanup_prog_ struct seccomp_prog native = { 0 }, two = { 0 }, foreign = { 0 };
	struct spec s;

	need_x86_64();
	rule_add(policy_new(&s, "allow", UNSET32, ""), "mkdir", "errno", UNSET32);
	native = compiled(&s);
	CHECK(RUN64(&native, 83, 0, 0) == ERR(EPERM) && RUN64(&native, 0, 0, 0) == RET(ALLOW));
	CHECK(RUN32(&native, 0, 0, 0) == RET(KILL_PROCESS) && RUN64(&native, X32 | 0, 0, 0) == RET(KILL_PROCESS));
	CHECK(RUN64(&native, UINT32_MAX, 0, 0) == RET(ALLOW));

	/* the native one need not be named */
	rule_add(policy_new(&s, "allow", UNSET32, "x86"), "mkdir", "errno", UNSET32);
	two = compiled(&s);
	CHECK(RUN64(&two, 83, 0, 0) == ERR(EPERM) && RUN32(&two, 39, 0, 0) == ERR(EPERM));
	CHECK(RUN32(&two, 3, 0, 0) == RET(ALLOW) && RUN64(&two, X32 | 83, 0, 0) == RET(KILL_PROCESS));

	rule_add(policy_new(&s, "allow", UNSET32, "aarch64 arm mips64n32 s390x ppc64le riscv64 loongarch64 x32"),
		 "mkdir", "errno", UNSET32);
	foreign = compiled(&s);
	CHECK(RUN64(&foreign, X32 | 83, 0, 0) == ERR(EPERM) && RUN32(&foreign, 3, 0, 0) == RET(KILL_PROCESS));
}

/* runc's stub: a C library that tries a new call first looks for ENOSYS. */
TEST(newer_calls_are_enosys)
{
	static const struct {
		const char *action;
		uint32_t value, newer, known;
	} cases[] = {
		{ "errno", UNSET32, ERR(ENOSYS), ERR(EPERM) },
		{ "errno", ENXIO, ERR(ENOSYS), ERR(ENXIO) },
		{ "kill", UNSET32, ERR(ENOSYS), RET(KILL_THREAD) },
		{ "trap", UNSET32, ERR(ENOSYS), RET(TRAP) },
		{ "log", UNSET32, RET(LOG), RET(LOG) },
		{ "trace", UNSET32, RET(TRACE) | EPERM, RET(TRACE) | EPERM },
	};

	need_x86_64();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_prog_ struct seccomp_prog p = { 0 };
		struct spec s;

		policy_new(&s, cases[i].action, cases[i].value, "x86 x32");
		rule_add(&s.security.seccomp, "read write openat2 no_such_call", "allow", UNSET32);
		/* does what is done anyway: counts for what is new, and for nothing else */
		rule_add(&s.security.seccomp, "close_range", cases[i].action, cases[i].value);
		p = compiled(&s);
		CHECK(RUN64(&p, 0, 0, 0) == RET(ALLOW) && RUN64(&p, 437, 0, 0) == RET(ALLOW));
		CHECK(RUN64(&p, 436, 0, 0) == cases[i].known && RUN64(&p, 83, 0, 0) == cases[i].known);
		CHECK(RUN64(&p, 438, 0, 0) == cases[i].newer && RUN64(&p, 5000, 0, 0) == cases[i].newer);
		CHECK(RUN32(&p, 436, 0, 0) == cases[i].known && RUN32(&p, 438, 0, 0) == cases[i].newer);
		CHECK(RUN64(&p, X32 | 436, 0, 0) == cases[i].known && RUN64(&p, X32 | 438, 0, 0) == cases[i].newer);
	}
}

TEST(newer_than_a_skipped_rule)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	struct spec s;

	need_x86_64();
	policy_new(&s, "errno", UNSET32, "");
	rule_add(&s.security.seccomp, "read", "allow", UNSET32);
	rule_add(&s.security.seccomp, "openat2", "errno", EPERM);
	p = compiled(&s);
	CHECK(RUN64(&p, 437, 0, 0) == ERR(EPERM) && RUN64(&p, 1, 0, 0) == ERR(EPERM) &&
	      RUN64(&p, 438, 0, 0) == ERR(ENOSYS));
	CHECK(RUN64(&p, UINT32_MAX, 0, 0) == ERR(EPERM));
}

TEST(flags_of_the_filter)
{
	static const struct {
		const char *words;
		bool notify;
		unsigned flags;
	} cases[] = {
		{ "", false, SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "none", false, 0 },
		{ "tsync", false, 0 },
		{ "log", false, SECCOMP_FILTER_FLAG_LOG },
		{ "log spec_allow", false, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW },
		{ "wait_killable_recv", false, 0 },
		{ "wait_killable_recv", true,
		  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | SECCOMP_FILTER_FLAG_NEW_LISTENER },
	};

	CHECK(seccomp_supported_flags() & SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	CHECK(seccomp_supports(RET(USER_NOTIF)) && !seccomp_supports(0x12340000));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_prog_ struct seccomp_prog p = { 0 };
		struct spec s;

		policy_new(&s, "allow", UNSET32, "")->listener = strdup("/run/agent");
		CHECK(strv_split(&s.security.seccomp.flags, cases[i].words, " ", NULL) == 0);
		rule_add(&s.security.seccomp, "mkdir", cases[i].notify ? "notify" : "errno", UNSET32);
		p = compiled(&s);
		CHECK(p.insns && p.flags == cases[i].flags);
	}
}

TEST(unknown_calls_are_listed)
{
	_cleanup_spec_ struct spec s;
	_cleanup_strv_ struct strv ignored = STRV_INIT;
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	struct err e = { 0 };

	policy_new(&s, "errno", UNSET32, "");
	rule_add(&s.security.seccomp, "read frobnicate mseal write call_of_2031", "allow", UNSET32);
	CHECK(compile(&s.security.seccomp, &p, &ignored, &e) == 0);
	CHECK(ignored.n == 2 && streq(ignored.v[0], "frobnicate") && streq(ignored.v[1], "call_of_2031"));
	need_x86_64();
	CHECK(RUN64(&p, 462, 0, 0) == RET(ALLOW));
}

TEST(what_is_wrong_is_said)
{
	static const struct {
		const char *action;
		uint32_t value;
		const char *names, *rule, *arg, *archs, *flags, *message;
		uint32_t rule_value;
	} cases[] = {
		{ "deny", UNSET32, "read", "allow", "", "", "", "'deny' is not an action", UNSET32 },
		{ "allow", 5, "read", "errno", "", "", "", "errnoRet 5 with the action 'allow'", UNSET32 },
		{ "allow", UNSET32, "read", "kill", "", "", "", "errnoRet 1 with the action 'kill'", 1 },
		{ "allow", UNSET32, "read", "errno", "", "", "", "errnoRet 4096 is not an error number", 4096 },
		{ "allow", UNSET32, "read", "errno", "6 eq 1", "", "", "has no argument 6", UNSET32 },
		{ "allow", UNSET32, "read", "errno", "0 like 1", "", "", "'0 like 1' is not a condition", UNSET32 },
		{ "allow", UNSET32, "read", "errno", "", "vax", "", "architecture 'vax' is not known", UNSET32 },
		{ "allow", UNSET32, "read", "errno", "", "", "fast", "flag 'fast' is not known", UNSET32 },
		{ "notify", UNSET32, "read", "allow", "", "", "", "cannot be used as default action", UNSET32 },
		{ "allow", UNSET32, "read write", "notify", "", "", "", "listenerPath is not set", UNSET32 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_spec_ struct spec s;
		_cleanup_strv_ struct strv ignored = STRV_INIT;
		_cleanup_prog_ struct seccomp_prog p = { 0 };
		struct err e = { 0 };
		struct spec_syscall *r;

		policy_new(&s, cases[i].action, cases[i].value, cases[i].archs);
		r = rule_add(&s.security.seccomp, cases[i].names, cases[i].rule, cases[i].rule_value);
		if (*cases[i].arg)
			strv_push(&r->args, cases[i].arg, NULL);
		strv_split(&s.security.seccomp.flags, cases[i].flags, " ", NULL);
		CHECK(compile(&s.security.seccomp, &p, &ignored, &e) < 0 && !p.insns);
		if (!strstr(e.msg, cases[i].message))
			printf("# case %zu: %s\n", i, e.msg);
		CHECK(strstr(e.msg, cases[i].message) && startswith(e.msg, "linux.seccomp: "));
	}
}

TEST(write_cannot_be_notified)
{
	_cleanup_spec_ struct spec s;
	_cleanup_strv_ struct strv ignored = STRV_INIT;
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	struct err e = { 0 };

	policy_new(&s, "allow", UNSET32, "")->listener = strdup("/run/agent");
	rule_add(&s.security.seccomp, "mkdir write", "notify", UNSET32);
	CHECK(compile(&s.security.seccomp, &p, &ignored, &e) == -EINVAL);
	CHECK(strstr(e.msg, "SCMP_ACT_NOTIFY cannot be used for the write syscall"));
}

/* --- the listener ------------------------------------------------------------------------------------------------------ */

/* Answers N calls with "go on"; whether they all came. */
static bool answer(int listener, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct pollfd pfd = { .fd = listener, .events = POLLIN };
		struct seccomp_notif req = { 0 };
		struct seccomp_notif_resp resp = { 0 };

		if (poll(&pfd, 1, 10000) != 1 || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
			return false;
		resp.id = req.id;
		resp.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &resp) < 0)
			return false;
	}
	return true;
}

/* Every call that could carry the listener waits for an answer of whoever gets it. */
TEST(listener_comes_whatever_is_notified)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	int pair[2], listener = -EBADF, status;
	size_t n = 1;
	struct spec s;
	pid_t pid;

	policy_new(&s, "allow", UNSET32, "")->listener = strdup("/run/agent");
	rule_add(&s.security.seccomp, "sendmsg sendto read readv writev close futex sched_yield getppid exit", "notify",
		 UNSET32);
	p = compiled(&s);
	CHECK(p.has_notify && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		struct err e = { 0 };
		int fd = dup(2);

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || child_load_filter(&p, pair[1], &e) < 0)
			syscall(SYS_exit_group, 1);
		/* The listener is not ours any more: it would have had the next number. */
		if (fcntl(fd + 1, F_GETFD) >= 0)
			syscall(SYS_exit_group, 2);
		syscall(SYS_exit_group, syscall(SYS_getppid) > 0 && syscall(SYS_close, fd) == 0 ? 0 : 3);
	}
	close(pair[1]);
	CHECK(run_recv_step(pair[0], &listener, &n, NULL) == STEP_NOTIFY && n == 1 && listener >= 0);
	CHECK(fcntl(listener, F_GETFD) & FD_CLOEXEC);
	CHECK(answer(listener, 2));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	close(listener);
	close(pair[0]);
}

TEST(no_listener_no_message)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	int pair[2], status;
	struct spec s;
	pid_t pid;

	policy_new(&s, "allow", UNSET32, "");
	rule_add(&s.security.seccomp, "sendmsg getppid", "errno", 77);
	p = compiled(&s);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (child_load_filter(&p, pair[1], NULL) < 0 || syscall(SYS_getppid) != -1 || errno != 77)
			syscall(SYS_exit_group, 1);
		syscall(SYS_exit_group, 0);
	}
	close(pair[1]);
	CHECK(run_recv_step(pair[0], NULL, NULL, NULL) == -EPIPE);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	close(pair[0]);
}

/* --- class D of the security list ------------------------------------------------------------------------------------- */

/* Engines permit the families but AF_ALG (38) and AF_VSOCK (40). The kernel looks at 32 bits of the family; a filter
 * that compares 64 lets 1 << 32 | AF_ALG through as "greater than 40". */
TEST(cve_2026_31431_af_alg_with_a_high_half)
{
	_cleanup_spec_ struct spec s;
	_cleanup_strv_ struct strv ignored = STRV_INIT;
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	struct err e = { 0 };

	need_x86_64();
	big_profile(&s);
	CHECK(compile(&s.security.seccomp, &p, &ignored, &e) == 0);
	for (uint64_t high = 0; high < 3; high++) {
		CHECK(RUN64(&p, 41, high << 32 | 38, 0) == ERR(EPERM) &&
		      RUN64(&p, 41, high << 32 | 40, 0) == ERR(EPERM));
		CHECK(RUN64(&p, X32 | 41, high << 32 | 38, 0) == ERR(EPERM));
		CHECK(RUN64(&p, 41, high << 32 | 2, 0) == RET(ALLOW) &&
		      RUN64(&p, 41, high << 32 | 39, 0) == RET(ALLOW));
	}
	CHECK(RUN32(&p, 359, 38, 0) == ERR(EPERM) && RUN32(&p, 359, 2, 0) == RET(ALLOW));
}

/* The same family by socketcall(2): the rule with a condition permits nothing there, unless the profile names socketcall
 * itself, as Docker's does for the sake of 32-bit programs. */
TEST(af_alg_by_socketcall)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 }, q = { 0 };
	struct spec_syscall *r;
	struct spec s;

	need_x86_64();
	policy_new(&s, "errno", UNSET32, "x86");
	r = rule_add(&s.security.seccomp, "socket", "allow", UNSET32);
	CHECK(strv_push(&r->args, "0 ne 38", NULL) == 0);
	rule_add(&s.security.seccomp, "connect", "allow", UNSET32);
	p = compiled(&s);
	CHECK(RUN32(&p, 102, 1, 0) == ERR(EPERM) && RUN32(&p, 102, 3, 0) == RET(ALLOW));
	CHECK(RUN32(&p, 359, 38, 0) == ERR(EPERM) && RUN32(&p, 359, 2, 0) == RET(ALLOW));

	policy_new(&s, "allow", UNSET32, "x86");
	r = rule_add(&s.security.seccomp, "socket", "errno", EAFNOSUPPORT);
	CHECK(strv_push(&r->args, "0 eq 38", NULL) == 0);
	q = compiled(&s);
	CHECK(RUN32(&q, 102, 1, 0) == ERR(EAFNOSUPPORT) && RUN32(&q, 102, 3, 0) == RET(ALLOW));
}

TEST(cve_2019_10063_ioctl_with_a_high_half)
{
	_cleanup_prog_ struct seccomp_prog p = { 0 };
	struct spec s;

	need_x86_64();
	policy_new(&s, "allow", UNSET32, "x86 x32");
	CHECK(strv_push(&rule_add(&s.security.seccomp, "ioctl", "errno", UNSET32)->args, "1 eq 21522", NULL) == 0);
	p = compiled(&s);
	CHECK(RUN64(&p, 16, 0, 0x5412) == ERR(EPERM) && RUN64(&p, 16, 0, 0x100005412) == ERR(EPERM));
	CHECK(RUN64(&p, X32 | 514, 0, 0x5412) == ERR(EPERM) && RUN32(&p, 54, 0, 0x5412) == ERR(EPERM));
	CHECK(RUN64(&p, 16, 0, 0x5413) == RET(ALLOW));
}

/* --- speed ---------------------------------------------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

TEST(big_profile_is_compiled_at_once)
{
	_cleanup_spec_ struct spec s;
	uint64_t best = UINT64_MAX, first = 0;

	need_x86_64();
	big_profile(&s);
	for (unsigned i = 0; i < 20; i++) {
		_cleanup_strv_ struct strv ignored = STRV_INIT;
		_cleanup_prog_ struct seccomp_prog p = { 0 };
		uint64_t t = now_us();

		CHECK(compile(&s.security.seccomp, &p, &ignored, NULL) == 0);
		t = now_us() - t;
		if (i == 0)
			first = t;
		if (t < best)
			best = t;
	}
	printf("# first %llu us, best %llu us\n", (unsigned long long)first, (unsigned long long)best);
	/* Room for a busy machine and for sanitizers. */
	CHECK(best < 5000);
}
