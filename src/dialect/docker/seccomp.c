/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What system calls a container of an image may make: Docker's profiles are read; the built-in policy names what is refused,
 * after Docker's documentation of its own default, so that a kernel's new calls need no new release. What a capability
 * stands for is not refused to who has it.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "dialect/docker/docker.h"
#include "dialect/oci/oci.h"

static const struct refusal {
	const char *cap, *cap2; /* lifts it, NULL: nothing does */
	const char *names;	/* blanks between */
	const char *arg;	/* only where it is so */
	uint32_t error;		/* 0: EPERM */
} refusals[] = {
	{ "sys_admin", "bpf", "bpf" },
	{ "sys_admin", "perfmon", "perf_event_open" },
	{ "sys_admin", "syslog", "syslog" },
	{ "sys_admin", NULL,
	  "mount umount umount2 mount_setattr move_mount open_tree open_tree_attr fsconfig fsmount fsopen fspick setns "
	  "unshare "
	  "sethostname setdomainname quotactl quotactl_fd fanotify_init lookup_dcookie" },
	{ "sys_admin", NULL, "clone" }, /* of name spaces */
	/* Its flags are in memory, where no filter looks: what is told that it is not there takes clone(2). */
	{ "sys_admin", NULL, "clone3", NULL, ENOSYS },
	{ "sys_boot", NULL, "reboot" },
	{ "sys_chroot", NULL, "chroot" },
	{ "sys_module", NULL, "init_module finit_module delete_module" },
	{ "sys_pacct", NULL, "acct" },
	/* Not ptrace and process_vm_readv: since Linux 4.8 the filter applies to what a tracer makes of a call, too. */
	{ "sys_ptrace", NULL, "kcmp pidfd_getfd process_madvise" },
	{ "sys_rawio", NULL, "iopl ioperm" },
	{ "sys_time", NULL, "settimeofday stime clock_settime clock_settime64" },
	{ "sys_tty_config", NULL, "vhangup" },
	{ "sys_nice", NULL, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node" },
	{ "dac_read_search", NULL, "open_by_handle_at" },
	{ NULL, NULL,
	  "add_key keyctl request_key kexec_load kexec_file_load nfsservctl create_module get_kernel_syms query_module "
	  "sysfs _sysctl uselib userfaultfd ustat swapon swapoff pivot_root vm86 vm86old move_pages migrate_pages" },
	/* Makes sockets and opens files without a system call that a filter sees. */
	{ NULL, NULL, "io_uring_setup io_uring_enter io_uring_register" },
	{ NULL, NULL, "socket", "0 eq 38", EAFNOSUPPORT }, /* AF_ALG (CVE-2026-31431) */
	{ NULL, NULL, "socket", "0 eq 40", 0 },		   /* AF_VSOCK */
};

static bool lifted(const struct refusal *x, const struct strv *caps)
{
	return (x->cap && strv_has(caps, x->cap)) || (x->cap2 && strv_has(caps, x->cap2));
}

static struct spec_syscall *add_rule(struct spec_seccomp *s, const char *action, uint32_t error, struct err *e)
{
	struct spec_syscall *c = list_add(&s->rules, e);

	if (!c)
		return NULL;
	c->errno_ret = error;
	c->action = strdup(action);
	if (!c->action) {
		err_oom(e);
		return NULL;
	}
	return c;
}

static int set(char **at, const char *s, struct err *e)
{
	free(*at);
	*at = strdup(s);
	return *at ? 0 : err_oom(e);
}

/* Where the argument's bits of MASK are those of VALUE. A rule has one condition: a second on the same argument would be an
 * alternative. */
static int refuse_bits(struct spec_seccomp *s, const char *name, uint32_t mask, uint32_t value, struct err *e)
{
	struct spec_syscall *c = add_rule(s, "errno", EPERM, e);
	int r = c ? strv_push(&c->names, name, e) : -ENOMEM;

	return r == 0 ? strv_pushf(&c->args, e, "0 masked_eq %u %u", mask, value) : r;
}

/* Any of the flags set. */
static int refuse_clone(struct spec_seccomp *s, struct err *e)
{
	static const uint32_t flags[] = { 0x00020000, 0x02000000, 0x04000000, 0x08000000,
					  0x10000000, 0x20000000, 0x40000000 };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flags) && r == 0; i++)
		r = refuse_bits(s, "clone", flags[i], flags[i], e);
	return r;
}

/* PER_LINUX and PER_LINUX32, with UNAME26 or without, are fine, and the question, of which all bits are set. Anything else has
 * one of the other bits set and some bit clear: two of the others that are neighbours in a ring, or one of them and a fine
 * one. */
static int personality(struct spec_seccomp *s, struct err *e)
{
	static const uint32_t fine[] = { 0x0008, 0x20000 };
	uint32_t others = ~(fine[0] | fine[1]);
	int r = 0;

	for (unsigned i = 0; i < 32 && r == 0; i++) {
		uint32_t bit = 1u << i, next = bit;

		if (!(others & bit))
			continue;
		do
			next = next << 1 | next >> 31;
		while (!(others & next));
		r = refuse_bits(s, "personality", bit | next, bit, e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fine) && r == 0; i++)
		r = refuse_bits(s, "personality", 1 | fine[i], 1, e);
	return r;
}

/* The families of system calls that this machine has, in the model's words, and what profiles call the machine. */
#if defined(__x86_64__)
static const char *const own_archs[] = { "x86_64", "x86", "x32", NULL };
static const char *const own_names[] = { "amd64", "x86", "x32", "x86_64", NULL };
#elif defined(__aarch64__)
static const char *const own_archs[] = { "arm64", "arm", NULL };
static const char *const own_names[] = { "arm64", "arm", "aarch64", NULL };
#else
static const char *const own_archs[] = { NULL };
static const char *const own_names[] = { NULL };
#endif

static int native_archs(struct spec_seccomp *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; own_archs[i] && r == 0; i++)
		r = strv_push(&s->archs, own_archs[i], e);
	return r;
}

int docker_seccomp_default(const struct strv *caps, struct spec_seccomp *s, struct err *e)
{
	int r = set(&s->action, "allow", e);

	s->errno_ret = UINT32_MAX;
	if (r == 0)
		r = native_archs(s, e);
	for (size_t i = 0; i < ARRAY_SIZE(refusals) && r == 0; i++) {
		const struct refusal *x = &refusals[i];
		struct spec_syscall *c;

		if (lifted(x, caps))
			continue;
		if (streq(x->names, "clone")) {
			r = refuse_clone(s, e);
			continue;
		}
		c = add_rule(s, "errno", x->error ?: EPERM, e);
		r = c ? strv_split(&c->names, x->names, " ", e) : -ENOMEM;
		if (r == 0 && x->arg)
			r = strv_push(&c->args, x->arg, e);
	}
	return r == 0 ? personality(s, e) : r;
}

/* --- profiles ----------------------------------------------------------------------------------------------------------- */

static const char *word(const struct oci_word *words, const char *name)
{
	for (; name && words->name; words++)
		if (streq(words->name, name))
			return words->word;
	return NULL;
}

static bool any_cap(const struct json_c_value *l, const struct strv *caps)
{
	for (size_t i = 0; i < value_len(l); i++) {
		const char *w = oci_cap_word(value_text(value_elem(l, i), NULL) ?: "");

		if (w && strv_has(caps, w))
			return true;
	}
	return false;
}

static bool all_caps(const struct json_c_value *l, const struct strv *caps)
{
	for (size_t i = 0; i < value_len(l); i++) {
		const char *w = oci_cap_word(value_text(value_elem(l, i), NULL) ?: "");

		if (!w || !strv_has(caps, w))
			return false;
	}
	return true;
}

static bool this_arch(const struct json_c_value *l)
{
	for (size_t i = 0; i < value_len(l); i++)
		for (size_t k = 0; own_names[k]; k++)
			if (streq(value_text(value_elem(l, i), NULL) ?: "", own_names[k]))
				return true;
	return false;
}

/* "4.8" of a KERNEL "6.1.0-13"; unknown: it is new enough. */
static bool kernel_has(const char *kernel, const char *min)
{
	unsigned have[2] = { 0 }, want[2] = { 0 };

	if (!kernel || !min || sscanf(kernel, "%u.%u", &have[0], &have[1]) < 1 ||
	    sscanf(min, "%u.%u", &want[0], &want[1]) < 1)
		return true;
	return have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]);
}

/* includes and excludes. */
static bool applies(const struct json_c_value *rule, const struct strv *caps, const char *kernel)
{
	const struct json_c_value *in = value_get(rule, "includes"), *ex = value_get(rule, "excludes");

	if (!kernel_has(kernel, value_text(in, "minKernel")))
		return false;
	if (value_text(ex, "minKernel") && kernel_has(kernel, value_text(ex, "minKernel")))
		return false;
	if (value_len(value_get(ex, "caps")) && any_cap(value_get(ex, "caps"), caps))
		return false;
	if (value_len(value_get(ex, "arches")) && this_arch(value_get(ex, "arches")))
		return false;
	if (value_len(value_get(in, "caps")) && !all_caps(value_get(in, "caps"), caps))
		return false;
	return !value_len(value_get(in, "arches")) || this_arch(value_get(in, "arches"));
}

static int read_args(const struct json_c_value *l, struct spec_syscall *c, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < value_len(l) && r == 0; i++) {
		const struct json_c_value *a = value_elem(l, i);
		const char *op = word(oci_seccomp_operators, value_text(a, "op"));
		int64_t index = value_int(a, "index", 0);

		if (!op || index < 0 || index > 5)
			return err_kind(e, ERR_INVALID, -EINVAL, "seccomp profile: syscalls: args[%zu]", i);
		/* Docker's value is the mask of a masked comparison, as libseccomp has it. */
		if (streq(op, "masked_eq"))
			r = strv_pushf(&c->args, e, "%" PRId64 " %s %" PRIu64 " %" PRIu64, index, op,
				       (uint64_t)value_int(a, "value", 0), (uint64_t)value_int(a, "valueTwo", 0));
		else
			r = strv_pushf(&c->args, e, "%" PRId64 " %s %" PRIu64, index, op,
				       (uint64_t)value_int(a, "value", 0));
	}
	return r;
}

static int read_rule(const struct json_c_value *rule, const struct strv *caps, const char *kernel,
		     struct spec_seccomp *s, struct err *e)
{
	const char *action = word(oci_seccomp_actions, value_text(rule, "action"));
	const struct json_c_value *l = value_get(rule, "names");
	struct spec_syscall *c;
	int r = 0;

	if (!action)
		return err_kind(e, ERR_INVALID, -EINVAL, "seccomp profile: syscalls: unknown action '%s'",
				value_text(rule, "action") ?: "");
	if (!applies(rule, caps, kernel))
		return 0;
	c = add_rule(s, action, value_get(rule, "errnoRet") ? (uint32_t)value_int(rule, "errnoRet", EPERM) : UNSET32,
		     e);
	if (!c)
		return -ENOMEM;
	if (value_text(rule, "name"))
		r = strv_push(&c->names, value_text(rule, "name"), e);
	for (size_t i = 0; i < value_len(l) && r == 0; i++)
		r = strv_push(&c->names, value_text(value_elem(l, i), NULL) ?: "", e);
	return r == 0 ? read_args(value_get(rule, "args"), c, e) : r;
}

int docker_seccomp_profile(const struct json_c_value *p, const struct strv *caps, const char *kernel,
			   struct spec_seccomp *s, struct err *e)
{
	const char *action = word(oci_seccomp_actions, value_text(p, "defaultAction"));
	const struct json_c_value *rules = value_get(p, "syscalls"), *archs = value_get(p, "architectures");
	int r;

	if (!action)
		return err_kind(e, ERR_INVALID, -EINVAL, "seccomp profile: unknown defaultAction '%s'",
				value_text(p, "defaultAction") ?: "");
	r = set(&s->action, action, e);
	s->errno_ret = value_get(p, "defaultErrnoRet") ? (uint32_t)value_int(p, "defaultErrnoRet", EPERM) : UNSET32;
	for (size_t i = 0; i < value_len(archs) && r == 0; i++) {
		const char *w = word(oci_seccomp_archs, value_text(value_elem(archs, i), NULL));

		r = w ? strv_push(&s->archs, w, e) : 0;
	}
	if (r == 0 && !value_len(archs))
		r = native_archs(s, e);
	for (size_t i = 0; i < value_len(rules) && r == 0; i++)
		r = read_rule(value_elem(rules, i), caps, kernel, s, e);
	return r;
}
