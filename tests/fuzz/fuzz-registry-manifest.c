/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any text as a manifest that is pushed, and as a token: refused with one line, or what is named has digests and sizes. */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/registry/inner.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static struct auth *open_auth(void)
{
	/* An Ed25519 key of nobody. */
	static const char key[] =
		"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END "
		"PUBLIC KEY-----\n";
	struct registry_server_opts o = { .token_realm = "r", .token_service = "s", .token_issuer = "i" };
	char path[] = "/tmp/creel-fuzz-key-XXXXXX";
	struct auth *a = NULL;
	int fd = mkstemp(path);

	MUST(fd >= 0 && write(fd, key, sizeof(key) - 1) == (ssize_t)sizeof(key) - 1);
	close(fd);
	o.token_key = path;
	MUST(auth_open(&o, &a, NULL) == 0);
	unlink(path);
	return a;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct auth *auth;
	_cleanup_buf_ struct buf header = BUF_INIT, challenge = BUF_INIT;
	struct parsed_manifest m = { 0 };
	struct err e = { 0 };

	auth = auth ?: open_auth();
	if (manifest_scan((const char *)data, size, NULL, &m, &e) < 0)
		MUST(e.code && *e.msg && !strchr(e.msg, '\n'));
	else
		for (size_t i = 0; i < m.n_parts; i++)
			MUST(digest_valid(m.parts[i].digest));
	parsed_manifest_done(&m);
	buf_puts(&header, "Bearer ");
	buf_add(&header, data, size);
	MUST(auth_check(auth, buf_str(&header), "app", "pull", &challenge) == 0 && challenge.len);
	return 0;
}
