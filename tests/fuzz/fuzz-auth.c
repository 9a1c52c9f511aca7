/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as WWW-Authenticate, as config.json and as X-Registry-Auth: refused with one line, or kept through a change. */
#include <stdint.h>
#include <stdlib.h>

#include "image/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static void challenges(const char *text)
{
	struct challenge *c = NULL;
	struct err e = { 0 };
	size_t n = 0;

	if (challenges_parse(text, &c, &n, &e) < 0) {
		MUST(e.code && !strchr(e.msg, '\n') && !c);
		return;
	}
	MUST(n && n <= CHALLENGES_MAX);
	for (size_t i = 0; i < n; i++)
		MUST(c[i].scheme && *c[i].scheme);
	challenges_free(c, n);
}

static void config(const char *text, size_t size)
{
	_cleanup_credential_ struct credential c = { 0 }, header = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT, again = BUF_INIT;
	struct err e = { 0 };
	char user[] = "u", secret[] = "p";
	struct credential ours = { .user = user, .secret = secret };

	(void)auth_header_decode(text, &header, NULL);
	(void)auth_text_get(text, size, "docker.io", &c, NULL);
	if (auth_text_change(text, size, "a.b", &ours, &out, &e) < 0) {
		MUST(e.code && !strchr(e.msg, '\n'));
		return;
	}
	credential_done(&c);
	MUST(auth_text_get(buf_str(&out), out.len, "a.b", &c, &e) == 1);
	MUST(streq(c.user, user) && streq(c.secret, secret));
	MUST(auth_text_change(buf_str(&out), out.len, "a.b", NULL, &again, &e) == 0);
	credential_done(&c);
	MUST(auth_text_get(buf_str(&again), again.len, "a.b", &c, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	challenges(text);
	config(text, size);
	free(text);
	return 0;
}
