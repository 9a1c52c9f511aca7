/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiling the seccomp policy into the program that the first process loads last. */

#include "runtime/compile.h"

int compile_seccomp(struct compiler *c)
{
	const char *path = c->spec->security.seccomp_profile;

	if (isempty(path) || streq(path, "none"))
		return 0;
	if (streq(path, "default"))
		return seccomp_compile_default(&c->plan->seccomp, c->e);
	return seccomp_compile_file(path, &c->plan->seccomp, c->e);
}
