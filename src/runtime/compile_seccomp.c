/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compiling the seccomp policy into the program that the first process loads last: a file in LXC's formats, the
 * built-in one, or the rules of an OCI container, which mean here what they mean to runc:
 *
 * - Conditions on the same argument in one rule are alternatives, and then so are all of that rule.
 * - Names that no kernel has are passed over; a rule that does what is done anyway is, too.
 * - Calls newer than all that the policy names get ENOSYS unless they are permitted: a C library that tries a new call
 *   before an old one looks for that and would give up at EPERM.
 * - With no word on flags a filter is loaded with SPEC_ALLOW, as the store bypass is the kernel's to mitigate.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/names.h"
#include "base/parse.h"
#include "runtime/compile.h"
#include "security/policy.h"

static const struct name actions[] = {
	{ "allow", SECCOMP_RET_ALLOW },
	{ "errno", SECCOMP_RET_ERRNO },
	{ "kill", SECCOMP_RET_KILL_THREAD },
	{ "kill_process", SECCOMP_RET_KILL_PROCESS },
	{ "kill_thread", SECCOMP_RET_KILL_THREAD },
	{ "log", SECCOMP_RET_LOG },
	{ "notify", SECCOMP_RET_USER_NOTIF },
	{ "trace", SECCOMP_RET_TRACE },
	{ "trap", SECCOMP_RET_TRAP },
	{ NULL },
};

static const struct name operators[] = {
	{ "eq", OP_EQ },
	{ "ne", OP_NE },
	{ "lt", OP_LT },
	{ "le", OP_LE },
	{ "gt", OP_GT },
	{ "ge", OP_GE },
	{ "masked_eq", OP_MASKED_EQ },
	{ NULL },
};

/* TSYNC: one thread loads the filter, and an exec leaves no other. */
static const struct name flags[] = {
	{ "tsync", 0 },
	{ "none", 0 },
	{ "log", SECCOMP_FILTER_FLAG_LOG },
	{ "spec_allow", SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ "wait_killable_recv", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV },
	{ NULL },
};

#define ERRNO_MAX      4095 /* the kernel's */
#define CONDITIONS_MAX 64

static int convert_action(const char *word, uint32_t value, uint32_t *ret, struct err *e)
{
	const struct name *n = word ? name_find(actions, word) : NULL;
	uint32_t action;

	if (!n)
		return err_kind(e, ERR_INVALID, -EINVAL, "linux.seccomp: '%s' is not an action", word ?: "");
	action = (uint32_t)n->value;
	if (action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE)
		action |= value == UNSET32 ? EPERM : value;
	else if (value != UNSET32)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"linux.seccomp: errnoRet %u with the action '%s', which has none", value, word);
	if (n->value == SECCOMP_RET_ERRNO && (action & SECCOMP_RET_DATA) > ERRNO_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "linux.seccomp: errnoRet %u is not an error number", value);
	*ret = action;
	return 0;
}

/* "INDEX OP VALUE [VALUE2]" */
static int convert_arg(const char *text, struct policy_arg *ret, struct err *e)
{
	_cleanup_strv_ struct strv w = STRV_INIT;
	struct policy_arg a = { 0 };
	const struct name *op;
	uint32_t index;
	int r = strv_split(&w, text, " ", e);

	if (r < 0)
		return r;
	op = w.n == 3 || w.n == 4 ? name_find(operators, w.v[1]) : NULL;
	if (!op || parse_u32(w.v[0], &index) < 0 || parse_u64(w.v[2], &a.value) < 0 ||
	    (w.n == 4 && parse_u64(w.v[3], &a.mask) < 0))
		return err_kind(e, ERR_INVALID, -EINVAL, "linux.seccomp: '%s' is not a condition", text);
	if (index >= POLICY_ARGS_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "linux.seccomp: a system call has no argument %u", index);
	a.index = (uint8_t)index;
	a.op = (enum policy_op)op->value;
	if (a.op == OP_MASKED_EQ) {
		/* The first number is the mask. */
		uint64_t mask = a.value;

		a.value = a.mask;
		a.mask = mask;
	}
	*ret = a;
	return 0;
}

/* All must hold; or, when an argument stands there twice, each is a rule of its own. */
struct conditions {
	struct policy_arg v[CONDITIONS_MAX];
	unsigned n;
	bool alternatives;
};

static int convert_conditions(const struct strv *args, struct conditions *ret, struct err *e)
{
	unsigned used = 0;

	if (args->n > CONDITIONS_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "linux.seccomp: more than %d conditions in a rule",
				CONDITIONS_MAX);
	ret->n = 0;
	ret->alternatives = false;
	for (size_t i = 0; i < args->n; i++) {
		struct policy_arg *a = &ret->v[ret->n++];
		int r = convert_arg(args->v[i], a, e);

		if (r < 0)
			return r;
		ret->alternatives |= (used & 1u << a->index) != 0;
		used |= 1u << a->index;
	}
	return 0;
}

static int add_call(struct policy *p, struct policy_rule *rule, const struct conditions *c, const char *name,
		    struct err *e)
{
	int r;

	rule->name = name;
	rule->n_args = c->alternatives ? 1 : c->n;
	rule->args = c->v;
	r = policy_add(p, rule, e);
	for (unsigned i = 1; i < c->n && c->alternatives && r == 0; i++) {
		rule->args = &c->v[i];
		r = policy_add(p, rule, e);
	}
	return r;
}

/* The listener would never get its fd: what hands it over could wait for an answer already. runc's words. */
static int check_notify(const struct spec_seccomp *s, const char *name, struct err *e)
{
	if (streq(name, "write"))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"linux.seccomp: SCMP_ACT_NOTIFY cannot be used for the write syscall");
	if (isempty(s->listener))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"linux.seccomp: a rule for %s says SCMP_ACT_NOTIFY, and listenerPath is not set", name);
	return 0;
}

static int convert_rule(struct policy *p, const struct spec_seccomp *s, const struct spec_syscall *from,
			struct strv *ignored, struct err *e)
{
	struct policy_rule rule = { 0 };
	struct conditions c;
	int r;

	r = convert_action(from->action, from->errno_ret, &rule.action, e);
	if (r == 0)
		r = convert_conditions(&from->args, &c, e);
	rule.names_only = rule.action == p->default_action;
	for (size_t i = 0; i < from->names.n && r == 0; i++) {
		const char *name = from->names.v[i];

		r = add_call(p, &rule, &c, name, e);
		if (r == 1)
			r = strv_push(ignored, name, e);
		else if (r == 0 && rule.action == SECCOMP_RET_USER_NOTIF)
			r = check_notify(s, name, e);
	}
	return r;
}

static int convert_flags(const struct strv *words, unsigned *ret, struct err *e)
{
	unsigned supported = seccomp_supported_flags(), wanted = 0;

	if (!words->n)
		wanted = SECCOMP_FILTER_FLAG_SPEC_ALLOW & supported;
	for (size_t i = 0; i < words->n; i++) {
		const struct name *n = name_find(flags, words->v[i]);

		if (!n)
			return err_kind(e, ERR_INVALID, -EINVAL, "linux.seccomp: the flag '%s' is not known",
					words->v[i]);
		if ((unsigned)n->value & ~supported)
			return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "linux.seccomp: this kernel has no flag '%s'",
					words->v[i]);
		wanted |= (unsigned)n->value;
	}
	*ret = wanted;
	return 0;
}

static int convert_archs(struct policy *p, const struct strv *archs, struct err *e)
{
	int r = 0;

	(void)policy_add_arch(p, policy_native_arch());
	for (size_t i = 0; i < archs->n && r == 0; i++)
		if (policy_add_arch(p, archs->v[i]) < 0)
			r = err_kind(e, ERR_INVALID, -EINVAL, "linux.seccomp: the architecture '%s' is not known",
				     archs->v[i]);
	return r;
}

static bool permits(uint32_t action)
{
	action &= SECCOMP_RET_ACTION_FULL;
	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || action == SECCOMP_RET_TRACE;
}

int seccomp_policy_of(const struct spec_seccomp *s, struct policy *ret, struct strv *ignored, struct err *e)
{
	_cleanup_policy_ struct policy p = { .path = "linux.seccomp", .skip_unknown = true };
	int r;

	r = convert_action(s->action, s->errno_ret, &p.default_action, e);
	if (r == 0 && p.default_action == SECCOMP_RET_USER_NOTIF)
		r = err_kind(e, ERR_INVALID, -EINVAL,
			     "linux.seccomp: SCMP_ACT_NOTIFY cannot be used as default action");
	if (r == 0)
		r = convert_flags(&s->flags, &p.load_flags, e);
	if (r == 0)
		r = convert_archs(&p, &s->archs, e);
	if (r < 0)
		return r;
	/* A tracer answers ENOSYS by itself, if it means it. */
	p.newer_enosys = !permits(p.default_action) && p.default_action != (SECCOMP_RET_ERRNO | ENOSYS);
	LIST_EACH(rule, &s->rules, struct spec_syscall) {
		r = convert_rule(&p, s, rule, ignored, e);
		if (r < 0)
			return r;
	}
	*ret = p;
	p = (struct policy){ 0 };
	return 0;
}

/* What was passed over is for the log, on one line. */
static int note_ignored(struct compiler *c, const struct strv *ignored)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!ignored->n)
		return 0;
	for (size_t i = 0; i < ignored->n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", ignored->v[i]);
	c->plan->seccomp_ignored = plan_strdup(c->plan, buf_str(&b), c->e);
	return c->plan->seccomp_ignored ? 0 : -ENOMEM;
}

static int compile_rules(struct compiler *c, const struct spec_seccomp *s)
{
	_cleanup_policy_ struct policy p = { 0 };
	_cleanup_strv_ struct strv ignored = STRV_INIT;
	int r;

	r = seccomp_policy_of(s, &p, &ignored, c->e);
	if (r == 0)
		r = policy_compile(&p, &c->plan->seccomp, c->e);
	if (r == 0 && c->opts->always_listen && !isempty(s->listener))
		c->plan->seccomp.has_notify = true;
	return r < 0 ? r : note_ignored(c, &ignored);
}

int spec_seccomp(const struct spec *s, struct seccomp_prog *ret, struct err *e)
{
	_cleanup_policy_ struct policy p = { 0 };
	_cleanup_strv_ struct strv ignored = STRV_INIT;
	const char *path = s->security.seccomp_profile;
	int r;

	if (s->security.seccomp.action) {
		r = seccomp_policy_of(&s->security.seccomp, &p, &ignored, e);
		return r < 0 ? r : policy_compile(&p, ret, e);
	}
	if (isempty(path) || streq(path, "none"))
		return 0;
	return streq(path, "default") ? seccomp_compile_default(ret, e) : seccomp_compile_file(path, ret, e);
}

/* The caller is under a filter itself: ours would be stacked upon it. */
static bool confined(void)
{
	_cleanup_free_ char *text = NULL;
	const char *line;

	if (file_read(AT_FDCWD, "/proc/self/status", 1u << 16, &text, NULL, NULL) < 0)
		return false;
	line = strstr(text, "\nSeccomp:");
	return line && strtol(line + strlen("\nSeccomp:"), NULL, 10) != 0;
}

int compile_seccomp(struct compiler *c)
{
	if (!c->opts->oci && c->spec->security.seccomp_nesting == TRI_NO && confined())
		return 0;
	if (c->spec->security.seccomp.action)
		return compile_rules(c, &c->spec->security.seccomp);
	if (c->spec->security.seccomp.rules.n)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "linux.seccomp: there are rules, and no defaultAction");
	return spec_seccomp(c->spec, &c->plan->seccomp, c->e);
}

/* --- what there is --------------------------------------------------------------------------------------------------- */

int seccomp_words(struct strv *ret_actions, struct strv *ret_flags, struct err *e)
{
	unsigned known = seccomp_supported_flags();
	int r = 0;

	for (const struct name *n = actions; n->name && r == 0; n++)
		if (seccomp_supports((uint32_t)n->value))
			r = strv_push(ret_actions, n->name, e);
	for (const struct name *n = flags; n->name && r == 0; n++)
		if ((n->value & known) == n->value && !streq(n->name, "none"))
			r = strv_push(ret_flags, n->name, e);
	return r;
}
