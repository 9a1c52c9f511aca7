/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs tests/conformance/seccomp: policies, and what becomes of calls under them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdio.h>

#include "base/file.h"
#include "security/arch.h"
#include "security/policy.h"
#include "security/security.h"
#include "unit/bpf-run.h"

static int fail(const char *what, const char *line)
{
	printf("# %s: %s\n", what, line);
	return 1;
}

static const struct arch *find_arch(const char *name)
{
	for (const struct arch *a = arch_table; a->name; a++)
		if (streq(a->name, name))
			return a;
	return NULL;
}

static const char *verdict(uint32_t action, char *buf, size_t size)
{
	static const struct {
		uint32_t action;
		const char *name;
	} names[] = {
		{ SECCOMP_RET_ALLOW, "allow" }, { SECCOMP_RET_KILL_THREAD, "kill" },
		{ SECCOMP_RET_TRAP, "trap" },	{ SECCOMP_RET_KILL_PROCESS, "kill_process" },
		{ SECCOMP_RET_LOG, "log" },	{ SECCOMP_RET_USER_NOTIF, "notify" },
	};

	snprintf(buf, size, "errno %u", action & SECCOMP_RET_DATA);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].action == action)
			return names[i].name;
	return buf;
}

/* "ARCH CALL [ARG…] = VERDICT" */
static int check_call(const struct seccomp_prog *prog, char *line)
{
	char *want = strstr(line, " = "), *at = line, *word, buf[32], shown[256];
	struct seccomp_data d = { 0 };
	const struct arch *a;
	struct call c;
	const char *got;

	snprintf(shown, sizeof(shown), "%s", line);
	if (!want)
		return fail("not an expectation", shown);
	*want = '\0';
	want += 3;
	a = find_arch(strsep(&at, " "));
	word = strsep(&at, " ");
	if (!a || !word)
		return fail("no such architecture, or no call", shown);
	if (word[0] >= '0' && word[0] <= '9')
		c.nr = (int64_t)strtoull(word, NULL, 0);
	else if (call_find(a, word, &c) < 0 || c.nr < 0)
		return fail("no such call", shown);
	d.arch = a->token;
	d.nr = (int)(uint32_t)c.nr;
	for (unsigned i = 0; i < 6 && (word = strsep(&at, " ")); i++)
		d.args[i] = strtoull(word, NULL, 0);
	got = verdict(bpf_run(prog->insns, prog->len, &d), buf, sizeof(buf));
	if (streq(got, want))
		return 0;
	printf("# %s, not %s: %s\n", got, want, shown);
	return 1;
}

static int run_case(int dirfd, const char *file)
{
	_cleanup_(seccomp_prog_done) struct seccomp_prog prog = { 0 };
	_cleanup_free_ char *text = NULL;
	struct err e = { 0 };
	char *expected, *line;
	unsigned lines = 0;
	int r, failed = 0;

	if (file_read(dirfd, file, 1 << 20, &text, NULL, &e) < 0)
		return fail("cannot read", e.msg);
	expected = strstr(text, "----\n");
	if (!expected)
		return fail("no line ---- in", file);
	*expected = '\0';
	expected += strlen("----\n");
	r = seccomp_compile_text(text, file, &prog, &e);
	while ((line = strsep(&expected, "\n"))) {
		const char *want = startswith(line, "error: ");

		if (!*line)
			continue;
		lines++;
		if (want && (r >= 0 || (!strstr(e.msg, want) && !strstr(e.hint, want))))
			failed |= fail(want, r < 0 ? e.msg : "was accepted");
		else if (!want && r < 0)
			return fail("was refused", e.msg);
		else if (!want)
			failed |= check_call(&prog, line);
	}
	return lines ? failed : fail("expects nothing", file);
}

static int is_case(const struct dirent *d)
{
	const char *dot = strrchr(d->d_name, '.');

	return dot && streq(dot, ".case");
}

int main(int argc, char **argv)
{
	struct dirent **list = NULL;
	int dirfd, n, failed = 0;

	if (argc != 2)
		return 2;
	if (arch_native() != SCMP_ARCH_X86_64) {
		printf("1..0 # SKIP the cases are x86_64's\n");
		return 0;
	}
	dirfd = open(argv[1], O_DIRECTORY | O_CLOEXEC);
	n = dirfd < 0 ? -1 : scandirat(dirfd, ".", &list, is_case, alphasort);
	if (n <= 0) {
		printf("Bail out! no cases in %s\n", argv[1]);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		int bad = run_case(dirfd, list[i]->d_name);

		failed |= bad;
		printf("%sok %d - %s\n", bad ? "not " : "", i + 1, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	printf("1..%d\n", n);
	return failed;
}
