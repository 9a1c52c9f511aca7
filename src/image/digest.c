/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libcrypto's plain SHA functions, not EVP: they need no set-up (providers, openssl.cnf), which would cost each command
 * more than what it hashes, and linked statically they bring nothing else along.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "image/digest.h"

#include <openssl/sha.h>

struct algorithm {
	const char *name;
	unsigned digits;
	bool wide;
};

static const struct algorithm algorithms[] = {
	{ "sha256", 64, false },
	{ "sha512", 128, true },
};

struct hasher {
	const struct algorithm *algorithm;
	union {
		SHA256_CTX narrow;
		SHA512_CTX wide;
	} c;
};

static const struct algorithm *find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(algorithms); i++)
		if (strlen(algorithms[i].name) == len && memcmp(algorithms[i].name, name, len) == 0)
			return &algorithms[i];
	return NULL;
}

/* What is wrong with it, or NULL. */
static const char *wrong(const char *digest)
{
	size_t n = strcspn(digest, ":");
	const struct algorithm *a;

	if (!digest[n] || strnlen(digest, DIGEST_MAX) == DIGEST_MAX)
		return "expected ALGORITHM:HEX";
	a = find(digest, n);
	if (!a)
		return "expected sha256 or sha512";
	digest += n + 1;
	if (strlen(digest) != a->digits)
		return "a wrong number of digits";
	return strspn(digest, "0123456789abcdef") == a->digits ? NULL : "expected digits of 0-9 and a-f";
}

int digest_check(const char *digest, struct err *e)
{
	const char *why = digest ? wrong(digest) : "there is none";

	return why ? err_kind(e, ERR_INVALID, -EINVAL, "invalid digest '%.140s': %s", digest ?: "", why) : 0;
}

bool digest_valid(const char *digest)
{
	return digest && !wrong(digest);
}

const char *digest_hex(const char *digest)
{
	return strchr(digest, ':') + 1;
}

int hasher_new(const char *algorithm, struct hasher **ret, struct err *e)
{
	const struct algorithm *a = algorithm ? find(algorithm, strlen(algorithm)) : &algorithms[0];
	struct hasher *h;

	if (!a)
		return err_kind(e, ERR_INVALID, -EINVAL, "digest: unknown algorithm '%.32s'", algorithm);
	h = malloc(sizeof(*h));
	if (!h)
		return err_oom(e);
	h->algorithm = a;
	if (a->wide)
		SHA512_Init(&h->c.wide);
	else
		SHA256_Init(&h->c.narrow);
	*ret = h;
	return 0;
}

bool hasher_is(const struct hasher *h, const char *digest)
{
	const size_t n = strlen(h->algorithm->name);

	return strncmp(digest, h->algorithm->name, n) == 0 && digest[n] == ':';
}

void hasher_add(struct hasher *h, const void *data, size_t len)
{
	if (h->algorithm->wide)
		SHA512_Update(&h->c.wide, data, len);
	else
		SHA256_Update(&h->c.narrow, data, len);
}

void hasher_end(struct hasher *h, char ret[static DIGEST_MAX])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[SHA512_DIGEST_LENGTH];
	size_t n = strlen(h->algorithm->name);

	if (h->algorithm->wide)
		SHA512_Final(sum, &h->c.wide);
	else
		SHA256_Final(sum, &h->c.narrow);
	memcpy(ret, h->algorithm->name, n);
	ret[n++] = ':';
	for (unsigned i = 0; i < h->algorithm->digits / 2; i++) {
		ret[n++] = digits[sum[i] >> 4];
		ret[n++] = digits[sum[i] & 15];
	}
	ret[n] = '\0';
}

struct hasher *hasher_free(struct hasher *h)
{
	free(h);
	return NULL;
}

void digest_of(const void *data, size_t len, char ret[static DIGEST_MAX])
{
	struct hasher h = { .algorithm = &algorithms[0] };

	SHA256_Init(&h.c.narrow);
	SHA256_Update(&h.c.narrow, data, len);
	hasher_end(&h, ret);
}
