/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPEC, passwd and group in one input, a NUL between them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/passwd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct passwd_user *u, const char *spec)
{
	size_t digits = strspn(spec, "0123456789");

	if (u->uid == UINT32_MAX || u->gid == UINT32_MAX || *u->home != '/' || *u->shell != '/')
		abort();
	if (u->n_groups < 1 || u->n_groups > PASSWD_GROUPS_MAX || u->groups[0] != u->gid)
		abort();
	/* Digits are that number, whatever the files say. */
	if (digits && (!spec[digits] || spec[digits] == ':') && u->uid != strtoul(spec, NULL, 10))
		abort();
	if (u->name[0] && memchr(u->name, 0, sizeof(u->name)) == NULL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t spec_len = strnlen(text, size), passwd_len = 0, group_len = 0;
	const char *passwd = "", *group = "";
	static struct passwd_user u;
	char *spec = strndup(text, spec_len);
	struct err e = { 0 };

	if (!spec)
		return 0;
	if (spec_len < size) {
		passwd = text + spec_len + 1;
		passwd_len = strnlen(passwd, size - spec_len - 1);
		if (spec_len + 1 + passwd_len < size) {
			group = passwd + passwd_len + 1;
			group_len = size - spec_len - passwd_len - 2;
		}
	}
	if (passwd_find_text(passwd, passwd_len, group, group_len, spec, &u, &e) == 0)
		check(&u, spec);
	else if (!e.msg[0])
		abort();
	free(spec);
	return 0;
}
