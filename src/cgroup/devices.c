/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Device rules as a v2 program.
 *
 * The program looks at the rules from the last to the first and keeps in r3 the accesses nobody has decided yet. A
 * matching deny that touches one of them forbids; a matching allow takes its own off, and when none is left the access
 * is granted. So a later rule wins bit by bit: "deny c 1:3 w" after "allow c 1:3 rwm" leaves reading. What no rule
 * decides goes by the last 'a' rule, and without one is allowed, as in a fresh v1 group.
 */

#include <errno.h>
#include <stdlib.h>

#include "base/parse.h"
#include "cgroup/driver.h"
#include "sys/bpf.h"

#define RULES_MAX      4096
#define INSNS_PROLOGUE 6
#define INSNS_RULE     8

enum { R_RESULT = 0, R_CTX = 1, R_TYPE = 2, R_ACCESS = 3, R_MAJOR = 4, R_MINOR = 5 };

static int bad_rule(const char *text, struct err *e)
{
	err_kind(e, ERR_INVALID, -EINVAL, "device rule '%.64s' is not valid", text);
	return err_hint(e, -EINVAL, "write 'a', or 'c 1:3 rwm' (c or b, major:minor or *, some of rwm)");
}

static int parse_number(const char *s, size_t len, uint32_t *ret)
{
	char text[16];

	if (len == 1 && *s == '*') {
		*ret = CG_DEV_ANY;
		return 0;
	}
	if (len == 0 || len >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, len);
	text[len] = '\0';
	/* Linux has 12 bits of major and 20 of minor: also keeps the program's compares below 2^31. */
	return parse_u32(text, ret) < 0 || *ret > 0xfffff ? -EINVAL : 0;
}

int cg_dev_parse(bool allow, const char *text, struct cg_dev_rule *ret, struct err *e)
{
	struct cg_dev_rule rule = { .allow = allow, .major = CG_DEV_ANY, .minor = CG_DEV_ANY, .access = 7 };
	const char *s = text + strspn(text, " \t");
	size_t n;

	rule.type = *s;
	if (!*s || !strchr("abc", *s))
		return bad_rule(text, e);
	s++;
	/* The kernel ignores what stands after 'a'; only the blank "*:* rwm" means the same. */
	if (rule.type == 'a') {
		if (*s && !strchr(" \t\n", *s))
			return bad_rule(text, e);
		*ret = rule;
		return 0;
	}
	n = strspn(s, " \t");
	s += n;
	if (n == 0 || parse_number(s, strcspn(s, ":"), &rule.major) < 0 || !(s = strchr(s, ':')))
		return bad_rule(text, e);
	s++;
	n = strcspn(s, " \t");
	if (parse_number(s, n, &rule.minor) < 0)
		return bad_rule(text, e);
	s += n;
	s += strspn(s, " \t");
	for (rule.access = 0; *s && !strchr(" \t\n", *s); s++) {
		uint32_t bit = *s == 'r' ? CG_DEV_READ : *s == 'w' ? CG_DEV_WRITE : *s == 'm' ? CG_DEV_MKNOD : 0;

		if (!bit)
			return bad_rule(text, e);
		rule.access |= bit;
	}
	if (!rule.access || s[strspn(s, " \t\n")])
		return bad_rule(text, e);
	*ret = rule;
	return 0;
}

int cg_dev_add(struct cg *g, const struct cg_dev_rule *rule, struct err *e)
{
	/* 'a' forgets what was said before: so does the list. */
	if (rule->type == 'a')
		g->n_rules = 0;
	if (g->n_rules == g->cap_rules) {
		size_t cap = g->cap_rules ? g->cap_rules * 2 : 32;
		struct cg_dev_rule *p = reallocarray(g->rules, cap, sizeof(*p));

		if (!p)
			return err_oom(e);
		g->rules = p;
		g->cap_rules = cap;
	}
	g->rules[g->n_rules++] = *rule;
	return 0;
}

static void put_number(struct buf *out, uint32_t n)
{
	if (n == CG_DEV_ANY)
		buf_putc(out, '*');
	else
		buf_printf(out, "%u", n);
}

void cg_dev_format(const struct cg_dev_rule *rules, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const struct cg_dev_rule *r = &rules[i];

		buf_printf(out, "%s %c ", r->allow ? "allow" : "deny", r->type);
		put_number(out, r->major);
		buf_putc(out, ':');
		put_number(out, r->minor);
		buf_printf(out, " %s%s%s\n", r->access & CG_DEV_READ ? "r" : "", r->access & CG_DEV_WRITE ? "w" : "",
			   r->access & CG_DEV_MKNOD ? "m" : "");
	}
}

int cg_dev_load(struct cg *g, char *text, struct err *e)
{
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *allow = startswith(line, "allow "), *rule = allow ?: startswith(line, "deny ");
		struct cg_dev_rule parsed;
		int r = rule ? cg_dev_parse(allow != NULL, rule, &parsed, e) : bad_rule(line, e);

		if (r == 0)
			r = cg_dev_add(g, &parsed, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static struct bpf_insn result(bool allow)
{
	return bpf_alu32(BPF_MOV, R_RESULT, allow);
}

/* Appends one rule; returns how many instructions. Each compare that fails skips the rest of the rule. */
static size_t add_rule(struct bpf_insn *p, const struct cg_dev_rule *r)
{
	size_t n = 0, tests, body = 4;
	int type = r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;

	tests = 1 + (r->major != CG_DEV_ANY) + (r->minor != CG_DEV_ANY);
	p[n++] = bpf_jump(BPF_JNE, R_TYPE, type, (int16_t)(--tests + body));
	if (r->major != CG_DEV_ANY)
		p[n++] = bpf_jump(BPF_JNE, R_MAJOR, (int32_t)r->major, (int16_t)(--tests + body));
	if (r->minor != CG_DEV_ANY)
		p[n++] = bpf_jump(BPF_JNE, R_MINOR, (int32_t)r->minor, (int16_t)(--tests + body));
	if (r->allow) {
		p[n++] = bpf_alu32(BPF_AND, R_ACCESS, (int32_t)(~r->access & 7));
		p[n++] = bpf_jump(BPF_JNE, R_ACCESS, 0, 2);
	} else {
		p[n++] = bpf_jump(BPF_JSET, R_ACCESS, (int32_t)r->access, 1);
		p[n++] = bpf_ins(BPF_JMP | BPF_JA, 0, 0, 2, 0);
	}
	p[n++] = result(r->allow);
	p[n++] = bpf_exit();
	return n;
}

int cg_dev_program(const struct cg_dev_rule *rules, size_t n_rules, struct bpf_insn **ret, size_t *ret_n, struct err *e)
{
	_cleanup_free_ struct bpf_insn *p = NULL;
	size_t n = 0, first = 0;
	bool fallback = true;

	if (n_rules > RULES_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %u device rules", RULES_MAX);
	p = calloc(INSNS_PROLOGUE + n_rules * INSNS_RULE + 2, sizeof(*p));
	if (!p)
		return err_oom(e);
	for (size_t i = 0; i < n_rules; i++)
		if (rules[i].type == 'a') {
			fallback = rules[i].allow;
			first = i + 1;
		}
	p[n++] = bpf_load32(R_TYPE, R_CTX, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	p[n++] = bpf_move32(R_ACCESS, R_TYPE);
	p[n++] = bpf_alu32(BPF_AND, R_TYPE, 0xffff);
	p[n++] = bpf_alu32(BPF_RSH, R_ACCESS, 16);
	p[n++] = bpf_load32(R_MAJOR, R_CTX, offsetof(struct bpf_cgroup_dev_ctx, major));
	p[n++] = bpf_load32(R_MINOR, R_CTX, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = n_rules; i > first; i--)
		n += add_rule(p + n, &rules[i - 1]);
	p[n++] = result(fallback);
	p[n++] = bpf_exit();
	*ret = TAKE_PTR(p);
	*ret_n = n;
	return 0;
}
