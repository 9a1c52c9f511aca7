/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who may: everybody, those of an htpasswd file (bcrypt, as docker-registry has it), or who has a token (JWT) of the server that
 * is named in the challenge. A password that was right is remembered by a keyed hash, for bcrypt is slow on purpose.
 */

#include <crypt.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "api/registry/inner.h"
#include "api/registry/jwt.h"
#include "base/base64.h"
#include "base/file.h"
#include "dialect/docker/jread.h"
#include "dialect/oci/json-c.h"

#define REMEMBERED    64
#define LEEWAY_S      60
#define TOKEN_MAX     (32u << 10)
#define FILE_SIZE_MAX (4u << 20)

struct auth {
	char *htpasswd, *realm, *token_realm, *service, *issuer;
	struct jwt_keys *keys;
	pthread_mutex_t lock;
	struct strv users; /* "name:hash" */
	struct timespec read_at;
	uint8_t secret[32];
	char right[REMEMBERED][DIGEST_MAX];
	unsigned next;
};

/* --- keys ------------------------------------------------------------------------------------------------------------------ */

static int read_keys(struct auth *a, const char *path, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(AT_FDCWD, path, FILE_SIZE_MAX, &text, &len, e);

	if (r < 0)
		return r;
	a->keys = jwt_keys_new(text, len);
	return a->keys ? 0 : err_kind(e, ERR_INVALID, -EINVAL, "%s has no public key and no certificate (PEM)", path);
}

static int read_users(struct auth *a, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char *next, *line;
	struct stat st;
	int r;

	if (stat(a->htpasswd, &st) < 0)
		return err_set(e, -errno, "look at %s", a->htpasswd);
	if (a->read_at.tv_sec == st.st_mtim.tv_sec && a->read_at.tv_nsec == st.st_mtim.tv_nsec)
		return 0;
	r = file_read(AT_FDCWD, a->htpasswd, FILE_SIZE_MAX, &text, NULL, e);
	strv_done(&a->users);
	a->users = (struct strv){ 0 };
	memset(a->right, 0, sizeof(a->right));
	next = text;
	while (r == 0 && (line = strsep(&next, "\n"))) {
		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#' && strchr(line, ':'))
			r = strv_push(&a->users, line, e);
	}
	a->read_at = st.st_mtim;
	return r;
}

static int copy(char **to, const char *s, struct err *e)
{
	*to = s ? strdup(s) : NULL;
	return s && !*to ? err_oom(e) : 0;
}

int auth_open(const struct registry_server_opts *o, struct auth **ret, struct err *e)
{
	struct auth *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_oom(e);
	pthread_mutex_init(&a->lock, NULL);
	r = copy(&a->htpasswd, o->htpasswd, e);
	if (r == 0)
		r = copy(&a->realm, o->realm ?: "creel", e);
	if (r == 0)
		r = copy(&a->token_realm, o->token_realm, e);
	if (r == 0)
		r = copy(&a->service, o->token_service, e);
	if (r == 0)
		r = copy(&a->issuer, o->token_issuer, e);
	if (r == 0 && a->token_realm && (!a->service || !a->issuer || !o->token_key))
		r = err_kind(e, ERR_INVALID, -EINVAL, "tokens need a service, an issuer and a key beside the realm");
	if (r == 0 && a->token_realm && a->htpasswd)
		r = err_kind(e, ERR_INVALID, -EINVAL, "either htpasswd or tokens");
	if (r == 0 && a->token_realm)
		r = read_keys(a, o->token_key, e);
	if (r == 0 && a->htpasswd)
		r = read_users(a, e);
	if (r == 0 && getrandom(a->secret, sizeof(a->secret), 0) != (ssize_t)sizeof(a->secret))
		r = err_set(e, -errno, "get random bytes");
	if (r < 0) {
		auth_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

struct auth *auth_free(struct auth *a)
{
	if (!a)
		return NULL;
	jwt_keys_free(a->keys);
	free(a->htpasswd);
	free(a->realm);
	free(a->token_realm);
	free(a->service);
	free(a->issuer);
	strv_done(&a->users);
	pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

/* --- basic ------------------------------------------------------------------------------------------------------------------ */

/* In the same time whatever the difference. */
static bool same_bytes(const char *a, const char *b, size_t n)
{
	unsigned char d = 0;

	for (size_t i = 0; i < n; i++)
		d |= (unsigned char)(a[i] ^ b[i]);
	return d == 0;
}

/* bcrypt's "$2y$" and whatever else crypt(3) of this machine knows; nothing weaker than what begins with a dollar. */
static bool password_right(const char *user_line, const char *password)
{
	const char *hash = strchr(user_line, ':') + 1, *got;
	struct crypt_data data = { 0 };
	bool right;

	if (*hash != '$')
		return false;
	got = crypt_r(password, hash, &data);
	right = got && strlen(got) == strlen(hash) && same_bytes(got, hash, strlen(hash));
	explicit_bzero(&data, sizeof(data));
	return right;
}

static bool basic_right(struct auth *a, const char *header)
{
	const char *b64 = startswith(header, "Basic ");
	_cleanup_free_ char *pair = NULL, *line = NULL;
	_cleanup_buf_ struct buf keyed = BUF_INIT;
	char digest[DIGEST_MAX], *colon;
	bool known = false;
	size_t len;

	if (!b64 || strlen(b64) > 4096 || base64_decode(b64, strlen(b64), &pair, &len) < 0 || memchr(pair, '\0', len) ||
	    !(colon = strchr(pair, ':')))
		return false;
	buf_add(&keyed, a->secret, sizeof(a->secret));
	buf_add(&keyed, pair, len);
	if (buf_error(&keyed, NULL) < 0)
		return false;
	digest_of(keyed.data, keyed.len, digest);
	pthread_mutex_lock(&a->lock);
	(void)read_users(a, NULL);
	for (unsigned i = 0; i < REMEMBERED && !known; i++)
		known = streq(a->right[i], digest);
	for (size_t i = 0; i < a->users.n && !known && !line; i++)
		if (strncmp(a->users.v[i], pair, (size_t)(colon - pair) + 1) == 0)
			line = strdup(a->users.v[i]);
	pthread_mutex_unlock(&a->lock);
	if (known || !line)
		return known;
	if (!password_right(line, colon + 1))
		return false;
	pthread_mutex_lock(&a->lock);
	memcpy(a->right[a->next++ % REMEMBERED], digest, sizeof(digest));
	pthread_mutex_unlock(&a->lock);
	return true;
}

/* --- tokens ----------------------------------------------------------------------------------------------------------------- */

static struct json_c_value *part(const char *text, size_t len)
{
	_cleanup_free_ char *json = NULL;
	struct json_c_value *v = NULL;
	size_t n;

	if (base64_decode(text, len, &json, &n) < 0 || jread_text(json, n, "token", &v, NULL) < 0)
		return NULL;
	return v;
}

/* exp and nbf, iss and aud. */
static bool claims_fit(const struct auth *a, struct json_c_value *claims)
{
	_cleanup_free_ char *iss = NULL;
	_cleanup_strv_ struct strv aud = STRV_INIT;
	int64_t exp = 0, nbf = 0;
	const time_t now = time(NULL);
	bool set;

	return jread_string(claims, "iss", &iss, NULL) == 0 && streq_ptr(iss, a->issuer) &&
	       jread_strv(claims, "aud", &aud, &set, NULL) == 0 && strv_has(&aud, a->service) &&
	       jread_i64(claims, "exp", 0, INT64_MAX, &exp, NULL) == 0 && exp > now - LEEWAY_S &&
	       jread_i64(claims, "nbf", 0, INT64_MAX, &nbf, NULL) == 0 && nbf <= now + LEEWAY_S;
}

static bool access_given(struct json_c_value *claims, const char *repo, const char *action)
{
	const char *type = *repo ? "repository" : "registry", *name = *repo ? repo : "catalog";
	struct json_c_value *list = NULL;
	size_t n = 0;

	if (jread_array(claims, "access", &list, &n, NULL) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct json_c_value *one = json_object_array_get_idx(list, i);
		_cleanup_free_ char *t = NULL, *who = NULL;
		_cleanup_strv_ struct strv actions = STRV_INIT;
		bool set;

		if (jread_string(one, "type", &t, NULL) == 0 && jread_string(one, "name", &who, NULL) == 0 &&
		    jread_strv(one, "actions", &actions, &set, NULL) == 0 && streq_ptr(t, type) &&
		    streq_ptr(who, name) && (strv_has(&actions, action) || strv_has(&actions, "*")))
			return true;
	}
	return false;
}

/* ACTION "": any good token. */
static bool token_right(const struct auth *a, const char *header, const char *repo, const char *action)
{
	const char *token = startswith(header, "Bearer "), *dot, *dot2;
	_cleanup_(jread_freep) struct json_c_value *head = NULL, *claims = NULL;
	_cleanup_free_ char *sig = NULL, *alg = NULL;
	bool good = false;
	size_t sig_len;

	if (!token || strlen(token) > TOKEN_MAX || !(dot = strchr(token, '.')) || !(dot2 = strchr(dot + 1, '.')))
		return false;
	if (base64_decode(dot2 + 1, strlen(dot2 + 1), &sig, &sig_len) < 0)
		return false;
	head = part(token, (size_t)(dot - token));
	claims = part(dot + 1, (size_t)(dot2 - dot - 1));
	if (!head || !claims || jread_string(head, "alg", &alg, NULL) < 0 || !alg)
		return false;
	good = jwt_signed(a->keys, alg, token, (size_t)(dot2 - token), sig, sig_len);
	return good && claims_fit(a, claims) && (!*action || access_given(claims, repo, action));
}

int auth_check(struct auth *a, const char *header, const char *repo, const char *action, struct buf *challenge)
{
	if (!a->htpasswd && !a->token_realm)
		return 1;
	if (a->htpasswd) {
		if (header && basic_right(a, header))
			return 1;
		buf_printf(challenge, "Basic realm=\"%s\"", a->realm);
		return 0;
	}
	if (header && token_right(a, header, repo, action))
		return 1;
	buf_printf(challenge, "Bearer realm=\"%s\",service=\"%s\"", a->token_realm, a->service);
	if (*repo && *action)
		buf_printf(challenge, ",scope=\"repository:%s:%s\"", repo,
			   streq(action, "push") ? "pull,push" : action);
	else if (*action)
		buf_puts(challenge, ",scope=\"registry:catalog:*\"");
	if (header)
		buf_puts(challenge, ",error=\"invalid_token\"");
	return 0;
}
