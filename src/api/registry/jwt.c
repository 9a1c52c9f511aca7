/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "api/registry/jwt.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 16u

struct jwt_keys {
	EVP_PKEY *v[KEYS_MAX];
	unsigned n;
};

static EVP_PKEY *next_key(BIO *b, int kind)
{
	EVP_PKEY *key;
	X509 *cert;

	if (kind == 1)
		return PEM_read_bio_PUBKEY(b, NULL, NULL, NULL);
	cert = PEM_read_bio_X509(b, NULL, NULL, NULL);
	key = cert ? X509_get_pubkey(cert) : NULL;
	X509_free(cert);
	return key;
}

struct jwt_keys *jwt_keys_new(const char *pem, size_t len)
{
	struct jwt_keys *k = calloc(1, sizeof(*k));

	/* Certificates first, then what keys there are beside them. */
	for (int kind = 0; k && kind < 2; kind++) {
		BIO *b = BIO_new_mem_buf(pem, (int)len);
		EVP_PKEY *key;

		while (b && k->n < KEYS_MAX && (key = next_key(b, kind)))
			k->v[k->n++] = key;
		BIO_free(b);
	}
	if (k && !k->n) {
		free(k);
		return NULL;
	}
	return k;
}

void jwt_keys_free(struct jwt_keys *k)
{
	for (unsigned i = 0; k && i < k->n; i++)
		EVP_PKEY_free(k->v[i]);
	free(k);
}

/* r and s of a JWT's signature, side by side, as the DER that libcrypto checks. */
static int der_of(const uint8_t *raw, size_t len, uint8_t **ret)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, (int)(len / 2), NULL), *s = BN_bin2bn(raw + len / 2, (int)(len / 2), NULL);
	int n = -1;

	*ret = NULL;
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		r = s = NULL;
		n = i2d_ECDSA_SIG(sig, ret);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return n;
}

static bool is(const char *alg, const char *name)
{
	return strcmp(alg, name) == 0;
}

static bool signed_by(EVP_PKEY *key, const char *alg, const char *text, size_t len, const uint8_t *sig, size_t sig_len)
{
	const int type = EVP_PKEY_get_base_id(key);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	uint8_t *der = NULL;
	bool good = false;

	if (c && is(alg, "RS256") && type == EVP_PKEY_RSA)
		good = EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
		       EVP_DigestVerify(c, sig, sig_len, (const uint8_t *)text, len) == 1;
	else if (c && is(alg, "EdDSA") && type == EVP_PKEY_ED25519)
		good = EVP_DigestVerifyInit(c, NULL, NULL, NULL, key) == 1 &&
		       EVP_DigestVerify(c, sig, sig_len, (const uint8_t *)text, len) == 1;
	else if (c && is(alg, "ES256") && type == EVP_PKEY_EC && sig_len == 64) {
		int n = der_of(sig, sig_len, &der);

		good = n > 0 && EVP_DigestVerifyInit(c, NULL, EVP_sha256(), NULL, key) == 1 &&
		       EVP_DigestVerify(c, der, (size_t)n, (const uint8_t *)text, len) == 1;
	}
	OPENSSL_free(der);
	EVP_MD_CTX_free(c);
	return good;
}

bool jwt_signed(const struct jwt_keys *k, const char *alg, const char *text, size_t len, const char *sig,
		size_t sig_len)
{
	for (unsigned i = 0; i < k->n; i++)
		if (signed_by(k->v[i], alg, text, len, (const uint8_t *)sig, sig_len))
			return true;
	return false;
}
