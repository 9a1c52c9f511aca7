/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Docker's policy of system calls, as config.json has it: of a RUN. */
#include "base/parse.h"
#include "dialect/docker/docker.h"
#include "dialect/oci/oci.h"
#include "engine/build-inner.h"

/* The name that config.json has for a word of the model. */
static const char *name_of(const struct oci_word *words, const char *word)
{
	for (; word && words->name; words++)
		if (streq(words->word, word))
			return words->name;
	return NULL;
}

/* "INDEX OP VALUE [VALUE2]" */
static int seccomp_arg(struct json *j, const char *text, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	uint64_t n[3] = { 0 };
	const char *op = NULL;
	int r = strv_split(&words, text, " ", e);

	if (r < 0)
		return r;
	if (words.n == 3 || words.n == 4)
		op = name_of(oci_seccomp_operators, words.v[1]);
	if (!op || parse_u64(words.v[0], &n[0]) < 0 || parse_u64(words.v[2], &n[1]) < 0 ||
	    (words.n == 4 && parse_u64(words.v[3], &n[2]) < 0))
		return err_kind(e, ERR_INVALID, -EINVAL, "a seccomp rule with the argument '%s'", text);
	json_object(j);
	json_kv_u64(j, "index", n[0]);
	json_kv_u64(j, "value", n[1]);
	if (words.n == 4)
		json_kv_u64(j, "valueTwo", n[2]);
	json_kv_string(j, "op", op);
	json_end_object(j);
	return 0;
}

static int seccomp_rule(struct json *j, const struct spec_syscall *c, struct err *e)
{
	int r = 0;

	json_object(j);
	build_strings(j, "names", (const char *const *)strv_get(&c->names));
	json_kv_string(j, "action", name_of(oci_seccomp_actions, c->action));
	if (c->errno_ret != UNSET32)
		json_kv_u64(j, "errnoRet", c->errno_ret);
	if (c->args.n) {
		json_key(j, "args");
		json_array(j);
		for (size_t i = 0; i < c->args.n && r >= 0; i++)
			r = seccomp_arg(j, c->args.v[i], e);
		json_end_array(j);
	}
	json_end_object(j);
	return r;
}

/* The policy that every container of Docker's has, for the capabilities of a RUN. */
int build_seccomp(const char *const *caps, struct json *j, struct err *e)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	_cleanup_spec_ struct spec s;
	const struct spec_seccomp *p = &s.security.seccomp;
	int r = 0;

	spec_init(&s);
	for (; *caps && r >= 0; caps++)
		r = strv_push(&words, oci_cap_word(*caps), e);
	if (r >= 0)
		r = docker_seccomp_default(&words, &s.security.seccomp, e);
	if (r < 0)
		return r;
	json_key(j, "seccomp");
	json_object(j);
	json_kv_string(j, "defaultAction", name_of(oci_seccomp_actions, p->action));
	json_key(j, "architectures");
	json_array(j);
	for (size_t i = 0; i < p->archs.n; i++)
		json_string(j, name_of(oci_seccomp_archs, p->archs.v[i]));
	json_end_array(j);
	json_key(j, "syscalls");
	json_array(j);
	for (size_t i = 0; i < p->rules.n && r >= 0; i++)
		r = seccomp_rule(j, LIST_AT(&p->rules, struct spec_syscall, i), e);
	json_end_array(j);
	json_end_object(j);
	return r;
}
