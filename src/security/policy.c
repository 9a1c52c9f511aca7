/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/policy.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/names.h"
#include "base/parse.h"
#include "security/arch.h"

#define LINE_LEN_MAX  4096
#define ERRNO_ARG_MAX 4095 /* the kernel's MAX_ERRNO */

static const struct name ops[] = {
	{ "SCMP_CMP_EQ", OP_EQ },
	{ "==", OP_EQ },
	{ "SCMP_CMP_NE", OP_NE },
	{ "!=", OP_NE },
	{ "SCMP_CMP_LT", OP_LT },
	{ "<", OP_LT },
	{ "SCMP_CMP_LE", OP_LE },
	{ "<=", OP_LE },
	{ "SCMP_CMP_GT", OP_GT },
	{ ">", OP_GT },
	{ "SCMP_CMP_GE", OP_GE },
	{ ">=", OP_GE },
	{ "SCMP_CMP_MASKED_EQ", OP_MASKED_EQ },
	{ "&=", OP_MASKED_EQ },
	{ NULL },
};

/* LXC's five, and three that the kernel has besides. "errno" takes a number. */
static const struct name actions[] = {
	{ "kill", SECCOMP_RET_KILL_THREAD },  { "errno", SECCOMP_RET_ERRNO },
	{ "allow", SECCOMP_RET_ALLOW },	      { "trap", SECCOMP_RET_TRAP },
	{ "notify", SECCOMP_RET_USER_NOTIF }, { "kill_process", SECCOMP_RET_KILL_PROCESS },
	{ "log", SECCOMP_RET_LOG },	      { NULL },
};

/* Where the reader stands: it knows the line for messages. */
struct reader {
	const char *path;
	unsigned line;
	struct policy *policy;
	uint32_t rule_action; /* of rules that name none */
	const char *arch;
	struct err *e;
};

void policy_done(struct policy *p)
{
	for (size_t i = 0; i < p->n_rules; i++) {
		if (p->rules[i].name && p->rules[i].call < 0)
			free((char *)p->rules[i].name);
		free((struct policy_arg *)p->rules[i].args);
	}
	free(p->rules);
	*p = (struct policy){ 0 };
}

static int grow(struct policy *p, struct err *e)
{
	size_t cap = p->cap ? 2 * p->cap : 512;
	struct policy_rule *rules;

	if (p->n_rules >= POLICY_RULES_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %u seccomp rules", POLICY_RULES_MAX);
	if (p->n_rules < p->cap)
		return 0;
	rules = reallocarray(p->rules, cap, sizeof(*rules));
	if (!rules)
		return err_oom(e);
	p->rules = rules;
	p->cap = cap;
	return 0;
}

int policy_add(struct policy *p, const struct policy_rule *rule, struct err *e)
{
	_cleanup_free_ struct policy_arg *args = NULL;
	struct policy_rule own = *rule;
	int r;

	own.call = rule->name ? call_index(rule->name) : 0;
	if (own.call < 0 && p->skip_unknown)
		return 1;
	r = grow(p, e);
	if (r < 0)
		return r;
	if (rule->n_args) {
		args = calloc(rule->n_args, sizeof(*args));
		if (!args)
			return err_oom(e);
		memcpy(args, rule->args, rule->n_args * sizeof(*args));
	}
	own.args = args;
	if (rule->name) {
		own.name = own.call < 0 ? strdup(rule->name) : call_name(own.call);
		if (!own.name)
			return err_oom(e);
	}
	p->rules[p->n_rules++] = own;
	(void)TAKE_PTR(args);
	return 0;
}

unsigned policy_action_rank(uint32_t action)
{
	static const uint32_t order[] = { SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
					  SECCOMP_RET_ERRNO,	    SECCOMP_RET_USER_NOTIF,  SECCOMP_RET_TRACE,
					  SECCOMP_RET_LOG,	    SECCOMP_RET_ALLOW };

	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		if (order[i] == (action & SECCOMP_RET_ACTION_FULL))
			return i;
	return 0;
}

static int bad(const struct reader *r, const char *fmt, ...) _printf_(2, 3);
static int bad(const struct reader *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_kind(r->e, ERR_INVALID, -EINVAL, "%s:%u: %s", r->path, r->line, text);
}

/* Cuts the next word off *AT, ended by a blank or, without being eaten, by '['. NULL at the end. */
static char *next_word(char **at)
{
	char *s = *at + strspn(*at, " \t"), *end;

	if (!*s)
		return NULL;
	end = s + strcspn(s, " \t[");
	if (end == s)
		return NULL;
	*at = end;
	if (*end && *end != '[') {
		*end = '\0';
		*at = end + 1;
	}
	return s;
}

static int parse_errno(const struct reader *r, const char *word, uint32_t *ret)
{
	uint32_t n;

	if (!word)
		return bad(r, "errno without a number");
	if (parse_u32(word, &n) < 0 || n > ERRNO_ARG_MAX)
		return bad(r, "'%.32s' is not an error number (0 to %u)", word, ERRNO_ARG_MAX);
	*ret = SECCOMP_RET_ERRNO | n;
	return 0;
}

/* A word that ends at '[' is not terminated: it is copied. */
static void copy_word(char *to, size_t size, const char *word)
{
	snprintf(to, size, "%.*s", (int)strcspn(word, "["), word);
}

/* An optional action at *AT; *RET is left alone when there is none. */
static int parse_action(const struct reader *r, char **at, uint32_t *ret)
{
	char *word = next_word(at), text[64], number[32];
	const struct name *a;

	if (!word)
		return 0;
	copy_word(text, sizeof(text), word);
	a = name_find(actions, text);
	if (!a)
		return bad(r, "'%s' is not an action (allow, kill, errno N, trap, notify, kill_process, log)", text);
	if (a->value != SECCOMP_RET_ERRNO) {
		*ret = (uint32_t)a->value;
		return 0;
	}
	word = next_word(at);
	if (word)
		copy_word(number, sizeof(number), word);
	return parse_errno(r, word ? number : NULL, ret);
}

/* Decimal, 0x… or 0…, as LXC reads them; a minus sign is not for unsigned values. */
static int parse_value(const char *s, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	*ret = strtoull(s, &end, 0);
	return errno ? -errno : *end ? -EINVAL : 0;
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return s + strspn(s, " \t");
}

/* [index,value[,op[,mask]]], TEXT being what stands between the brackets. */
static int parse_arg(const struct reader *r, char *text, struct policy_arg *ret)
{
	char *field[4] = { 0 }, *at = text;
	struct policy_arg a = { 0 };
	const struct name *op;
	uint64_t index;
	size_t n = 0;

	while (at && n < ARRAY_SIZE(field))
		field[n++] = trim(strsep(&at, ","));
	if (at || n < 2)
		return bad(r, "an argument is [index,value,operator] or [index,value,operator,mask]");
	if (parse_value(field[0], &index) < 0 || index >= POLICY_ARGS_MAX)
		return bad(r, "'%.32s' is not an argument's index (0 to 5)", field[0]);
	if (parse_value(field[1], &a.value) < 0)
		return bad(r, "'%.32s' is not an argument's value", field[1]);
	op = name_find(ops, field[2] ?: "==");
	if (!op)
		return bad(r,
			   "'%.32s' is not a comparison (SCMP_CMP_ with NE LT LE EQ GE GT MASKED_EQ, or != < <= == >= "
			   "> &=)",
			   field[2]);
	if (field[3] && parse_value(field[3], &a.mask) < 0)
		return bad(r, "'%.32s' is not a mask", field[3]);
	a.index = (uint8_t)index;
	a.op = (enum policy_op)op->value;
	if (a.op == OP_MASKED_EQ && (a.value & ~a.mask))
		return bad(r, "the value 0x%llx has bits outside the mask 0x%llx and would never match",
			   (unsigned long long)a.value, (unsigned long long)a.mask);
	*ret = a;
	return 0;
}

static int parse_args(const struct reader *r, char *at, struct policy_arg *args, unsigned *ret_n)
{
	for (at = trim(at); *at; at = trim(at)) {
		char *end = strchr(at, ']');
		int n;

		if (*at != '[')
			return bad(r, "'%.32s' where an argument in [] or the end was expected", at);
		if (!end)
			return bad(r, "a '[' without ']'");
		if (*ret_n == POLICY_ARGS_MAX)
			return bad(r, "more than %u arguments", POLICY_ARGS_MAX);
		*end = '\0';
		n = parse_arg(r, at + 1, &args[*ret_n]);
		if (n < 0)
			return n;
		++*ret_n;
		at = end + 1;
	}
	return 0;
}

static int parse_rule(const struct reader *r, char *line)
{
	struct policy_arg args[POLICY_ARGS_MAX] = { 0 };
	struct policy_rule rule = { .action = r->rule_action, .arch = r->arch, .line = r->line, .args = args };
	char *at = line, *word = next_word(&at), name[128];
	int n;

	if (!word || strcspn(word, "[") >= sizeof(name))
		return bad(r, "'%.32s' is not a system call", line);
	copy_word(name, sizeof(name), word);
	if (streq(name, "reject_force_umount")) {
		rule.action = SECCOMP_RET_ERRNO | EACCES;
		args[rule.n_args++] =
			(struct policy_arg){ .index = 1, .op = OP_MASKED_EQ, .value = MNT_FORCE, .mask = MNT_FORCE };
		if (*trim(at))
			return bad(r, "reject_force_umount takes no action and no arguments");
		rule.name = "umount2";
		return policy_add(r->policy, &rule, r->e);
	}
	n = parse_action(r, &at, &rule.action);
	if (n == 0)
		n = parse_args(r, at, args, &rule.n_args);
	if (n < 0)
		return n;
	if (parse_u32(name, &rule.nr) < 0)
		rule.name = name;
	return policy_add(r->policy, &rule, r->e);
}

static int parse_section(struct reader *r, char *line)
{
	size_t len = strlen(line);
	const char *arch = NULL;

	if (len < 3 || line[len - 1] != ']')
		return bad(r, "'%.32s' is not a section like [all] or [x86_64]", line);
	line[len - 1] = '\0';
	if (strcasecmp(line + 1, "all") != 0) {
		arch = policy_arch(line + 1);
		if (!arch)
			return bad(r, "'%.32s' is not an architecture known here", line + 1);
	}
	r->arch = arch;
	return 0;
}

/* "allowlist" or "denylist" and, in version 2, what becomes of calls without a rule. */
static int parse_style(struct reader *r, unsigned version, char *line)
{
	char *at = line, *word = next_word(&at);
	struct policy *p = r->policy;
	int n;

	if (word && (streq(word, "allowlist") || streq(word, "whitelist"))) {
		p->default_action = SECCOMP_RET_KILL_THREAD;
		r->rule_action = SECCOMP_RET_ALLOW;
	} else if (version == 2 && word && (streq(word, "denylist") || streq(word, "blacklist"))) {
		p->default_action = SECCOMP_RET_ALLOW;
		r->rule_action = SECCOMP_RET_KILL_THREAD;
	} else {
		return bad(r, "'%.32s' where %s was expected", word ?: "",
			   version == 1 ? "allowlist" : "allowlist or denylist");
	}
	if (version == 1)
		return *trim(at) ? bad(r, "version 1 takes nothing after allowlist") : 0;
	n = parse_action(r, &at, &p->default_action);
	if (n == 0 && *trim(at))
		return bad(r, "'%.32s' after the default action", trim(at));
	return n;
}

static int parse_line(struct reader *r, unsigned version, char *line)
{
	struct policy_rule rule = { .action = SECCOMP_RET_ALLOW };

	if (version == 1) {
		if (parse_u32(line, &rule.nr) < 0)
			return bad(r, "'%.32s' is not the number of a system call, which version 1 wants", line);
		rule.line = r->line;
		return policy_add(r->policy, &rule, r->e);
	}
	return *line == '[' ? parse_section(r, line) : parse_rule(r, line);
}

static int parse_lines(struct reader *r, char *text)
{
	unsigned version = 0;
	bool styled = false;
	int n = 0;

	for (char *at = text, *raw; n == 0 && (raw = strsep(&at, "\n"));) {
		char *line;

		r->line++;
		if (strlen(raw) > LINE_LEN_MAX)
			return bad(r, "a line longer than %u bytes", LINE_LEN_MAX);
		raw[strcspn(raw, "#")] = '\0';
		line = trim(raw);
		if (!*line)
			continue;
		if (version == 0) {
			if (!streq(line, "1") && !streq(line, "2"))
				return bad(r, "'%.32s' where the format's version, 1 or 2, was expected", line);
			version = (unsigned)(*line - '0');
			r->policy->native_only = version == 1;
		} else if (!styled) {
			n = parse_style(r, version, line);
			styled = true;
		} else {
			n = parse_line(r, version, line);
		}
	}
	if (n == 0 && !styled)
		return bad(r, "ends before %s", version ? "allowlist or denylist" : "the format's version");
	return n;
}

int policy_parse(const char *text, const char *path, struct policy *ret, struct err *e)
{
	_cleanup_policy_ struct policy p = { .path = path };
	_cleanup_free_ char *copy = strdup(text);
	struct reader r = { .path = path, .policy = &p, .e = e };
	int n;

	if (!copy)
		return err_oom(e);
	n = parse_lines(&r, copy);
	if (n < 0)
		return n;
	*ret = p;
	p = (struct policy){ 0 };
	return 0;
}
