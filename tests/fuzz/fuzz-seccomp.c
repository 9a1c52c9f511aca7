/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Seccomp policies from any text; what is accepted must be a program that ends, for every call, in an action of the
 * policy. */
#include <linux/audit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/bpf-run.h"
#include "security/arch.h"
#include "security/policy.h"
#include "security/security.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_action(const struct policy *p, uint32_t action)
{
	if (action == SECCOMP_RET_KILL_PROCESS || action == p->default_action)
		return true;
	for (size_t i = 0; i < p->n_rules; i++)
		if (p->rules[i].action == action)
			return true;
	return false;
}

static void probe(const struct policy *p, const struct seccomp_prog *prog, const struct arch *a, uint32_t nr,
		  const struct policy_rule *rule)
{
	struct seccomp_data d = { .nr = (int)nr, .arch = a->token };

	for (unsigned i = 0; rule && i < rule->n_args; i++)
		d.args[rule->args[i].index] = rule->args[i].value;
	if (!is_action(p, bpf_run(prog->insns, prog->len, &d)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_(seccomp_prog_done) struct seccomp_prog prog = { 0 };
	_cleanup_policy_ struct policy p = { 0 };
	struct err e = { 0 };

	if (!text || policy_parse(text, "policy", &p, &e) < 0)
		return 0;
	if (policy_compile(&p, &prog, &e) < 0) {
		if (!e.code || !*e.msg)
			abort();
		return 0;
	}
	if (!prog.len || prog.len > BPF_MAXINSNS)
		abort();
	for (const struct arch *a = arch_table; a->name; a++) {
		for (uint32_t nr = 0; nr < 512; nr += 7)
			probe(&p, &prog, a, nr, NULL);
		probe(&p, &prog, a, UINT32_MAX, NULL);
		for (size_t i = 0; i < p.n_rules && i < 64; i++) {
			struct call c = { .nr = p.rules[i].nr };

			if (p.rules[i].name && call_find(a, p.rules[i].name, &c) < 0)
				continue;
			probe(&p, &prog, a, (uint32_t)c.nr, &p.rules[i]);
		}
	}
	return 0;
}
