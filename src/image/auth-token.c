/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a challenge to what lets us in: basic authentication, or a token of the registry's token server (Docker's token
 * specification; OAuth 2 where there is an identity token). Tokens are kept by scope until shortly before they end.
 */
#include <json-c/json.h>
#include <strings.h>

#include "base/base64.h"
#include "image/registry-inner.h"

#define TOKEN_LIFE  60 /* seconds, where the server does not say */
#define TOKEN_EARLY 5
#define CLIENT_ID   "creel"

static time_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static char *basic_of(const struct credential *c)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, out = BUF_INIT;

	buf_printf(&plain, "%s:%s", c->user, c->secret ?: "");
	buf_puts(&out, "Basic ");
	base64_encode(buf_str(&plain), plain.len, false, &out);
	if (plain.data)
		explicit_bzero(plain.data, plain.len);
	return buf_take(&out);
}

static void drop_grant(struct endpoint *ep, unsigned i)
{
	free(ep->grants[i].scope);
	free(ep->grants[i].header);
	ep->grants[i] = ep->grants[--ep->n_grants];
}

/* Under the lock. */
static const char *find_grant(struct endpoint *ep, const char *scope)
{
	for (unsigned i = 0; i < ep->n_grants; i++) {
		if (!streq(ep->grants[i].scope, scope))
			continue;
		if (ep->grants[i].until > now())
			return ep->grants[i].header;
		drop_grant(ep, i);
		break;
	}
	return NULL;
}

char *endpoint_grant(struct endpoint *ep, const char *scope)
{
	const char *header;
	char *copy = NULL;

	pthread_mutex_lock(&ep->lock);
	header = find_grant(ep, scope);
	if (header)
		copy = strdup(header);
	else if (ep->basic && ep->credential.user)
		copy = basic_of(&ep->credential);
	pthread_mutex_unlock(&ep->lock);
	return copy;
}

static int add_grant(struct endpoint *ep, const char *scope, const char *token, uint32_t life, struct err *e)
{
	_cleanup_buf_ struct buf header = BUF_INIT;
	struct grant g = { .until = now() + (life > 2 * TOKEN_EARLY ? life - TOKEN_EARLY : life) };

	for (const char *s = token; *s; s++)
		if (*s <= ' ' || *s > '~')
			return err_kind(e, ERR_INVALID, -EINVAL, "the token has characters that no header may have");
	buf_printf(&header, "Bearer %s", token);
	g.scope = strdup(scope);
	g.header = buf_take(&header);
	if (!g.scope || !g.header) {
		free(g.scope);
		free(g.header);
		return err_oom(e);
	}
	for (unsigned i = 0; i < ep->n_grants; i++)
		if (streq(ep->grants[i].scope, scope)) {
			drop_grant(ep, i);
			break;
		}
	if (ep->n_grants == TOKENS_MAX)
		drop_grant(ep, 0);
	ep->grants[ep->n_grants++] = g;
	return 0;
}

/* --- the token server ------------------------------------------------------------------------------------------------------------ */

/* What was said of scopes, each once: ours, then those of the challenge, SEP before each. */
static void add_scopes(const char *scope, const char *more, const char *sep, struct buf *out)
{
	_cleanup_strv_ struct strv done = STRV_INIT;
	const char *const lists[] = { scope, more };

	for (size_t k = 0; k < ARRAY_SIZE(lists); k++) {
		for (const char *s = lists[k]; s && *s; s += strspn(s, " ")) {
			_cleanup_free_ char *word = strndup(s, strcspn(s, " "));

			s += strcspn(s, " ");
			if (!word || strv_has(&done, word) || strv_push(&done, word, NULL) < 0)
				continue;
			buf_puts(out, sep);
			http_escape(word, ":/,", out);
		}
	}
}

static void add_field(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	if (b->len && b->data[b->len - 1] != '?')
		buf_putc(b, '&');
	buf_printf(b, "%s=", name);
	http_escape(value, NULL, b);
}

/* POST, as OAuth 2 has it. */
static void oauth_form(const struct endpoint *ep, const struct challenge *c, const char *scope, struct buf *form)
{
	_cleanup_buf_ struct buf scopes = BUF_INIT;

	add_field(form, "grant_type", ep->credential.identity_token ? "refresh_token" : "password");
	add_field(form, "service", c->service ?: "");
	add_field(form, "client_id", CLIENT_ID);
	add_scopes(scope, c->scope, "+", &scopes);
	if (ep->credential.identity_token) {
		add_field(form, "refresh_token", ep->credential.identity_token);
	} else {
		add_field(form, "username", ep->credential.user);
		add_field(form, "password", ep->credential.secret ?: "");
	}
	if (scopes.len > 1)
		buf_printf(form, "&scope=%s", buf_str(&scopes) + 1);
}

static void token_query(const struct endpoint *ep, const struct challenge *c, const char *scope, struct buf *url)
{
	buf_puts(url, c->realm);
	buf_puts(url, strchr(c->realm, '?') ? "" : "?");
	add_field(url, "service", c->service);
	add_scopes(scope, c->scope, "&scope=", url);
	add_field(url, "account", ep->credential.user);
	if (ep->offline) {
		add_field(url, "offline_token", "true");
		add_field(url, "client_id", CLIENT_ID);
	}
}

static const char *text_in(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && json_object_is_type(v, json_type_string)
		       ? json_object_get_string(v)
		       : NULL;
}

static int take_token(struct endpoint *ep, const char *scope, const struct http_reply *reply, struct err *e)
{
	struct json_object *o = json_tokener_parse(buf_str(&reply->body)), *life = NULL;
	const char *token = NULL, *refresh;
	int rc = 0;

	if (json_object_is_type(o, json_type_object)) {
		token = text_in(o, "token") ?: text_in(o, "access_token");
		json_object_object_get_ex(o, "expires_in", &life);
	}
	if (isempty(token)) {
		rc = err_kind(e, ERR_INVALID, -EINVAL, "the token server's answer has no token");
	} else {
		int64_t n = life ? json_object_get_int64(life) : TOKEN_LIFE;

		rc = add_grant(ep, scope, token, n > 0 && n < 86400 ? (uint32_t)n : TOKEN_LIFE, e);
		refresh = text_in(o, "refresh_token");
		if (rc >= 0 && ep->offline && refresh && *refresh) {
			free(ep->credential.identity_token);
			ep->credential.identity_token = strdup(refresh);
		}
	}
	json_object_put(o);
	return rc;
}

static int check_realm(const struct endpoint *ep, const struct challenge *c, struct err *e)
{
	_cleanup_free_ char *host = c->realm ? http_host(c->realm) : NULL;

	if (!host)
		return err_kind(e, ERR_INVALID, -EINVAL, "the registry's token server '%s' is no URL", c->realm ?: "");
	/* What was not sent in the clear to the registry is not sent so to another. */
	if (startswith(c->realm, "http://") && startswith(ep->base ?: "", "https://") && !ep->insecure &&
	    ep->has_credential)
		return err_kind(e, ERR_DENIED, -EACCES,
				"the registry's token server %s would get the password unencrypted", host);
	return 0;
}

static int fetch_token(struct registry *r, struct endpoint *ep, const struct challenge *c, const char *scope,
		       struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_free_ char *basic = NULL, *registry = NULL, *realm = NULL;
	_cleanup_buf_ struct buf url = BUF_INIT, form = BUF_INIT;
	static const char *const form_type[] = { "Content-Type: application/x-www-form-urlencoded", NULL };
	struct http_request q = { .method = "GET" };
	int rc = check_realm(ep, c, e);

	if (rc < 0)
		return rc;
	registry = http_host(ep->base);
	realm = http_host(c->realm);
	if (streq_ptr(registry, realm))
		q.tls = &ep->tls;
	if (ep->credential.identity_token && !ep->offline) {
		oauth_form(ep, c, scope, &form);
		q.method = "POST";
		q.url = c->realm;
		q.data = buf_str(&form);
		q.stay = true;
		q.headers = form_type;
	} else {
		token_query(ep, c, scope, &url);
		q.url = buf_str(&url);
		if (ep->credential.user)
			q.authorization = basic = basic_of(&ep->credential);
	}
	rc = buf_error(&url, e);
	if (rc >= 0)
		rc = buf_error(&form, e);
	for (unsigned attempt = 0; rc >= 0; attempt++) {
		http_reply_done(&reply);
		rc = http_do(r->http, &q, &reply, e);
		if (attempt >= r->retries || !reply_may_pass(ep, &reply, rc))
			break;
		rc = registry_pause(r, attempt, &reply, e);
	}
	if (rc < 0)
		return err_wrap(e, rc, "get a token");
	if (reply.status != 200)
		return reply_error(&reply, "get a token", e);
	return take_token(ep, scope, &reply, e);
}

/* --- a challenge ------------------------------------------------------------------------------------------------------------------- */

/* The first of a kind, among all fields of the header. */
static int find_challenge(const struct http_reply *reply, const char *scheme, struct challenge **ret, size_t *ret_n,
			  size_t *ret_at, struct err *e)
{
	static const char name[] = "www-authenticate:";

	for (size_t i = 0; i < reply->headers.n; i++) {
		const char *line = reply->headers.v[i];
		int rc;

		if (strncasecmp(line, name, strlen(name)) != 0)
			continue;
		rc = challenges_parse(line + strlen(name), ret, ret_n, e);
		if (rc < 0)
			return rc;
		for (*ret_at = 0; *ret_at < *ret_n; (*ret_at)++)
			if (streq((*ret)[*ret_at].scheme, scheme))
				return 1;
		challenges_free(*ret, *ret_n);
		*ret = NULL;
	}
	return 0;
}

/* Under the lock: another thread may have been here first, so what is there and is not USED is better. */
static int answer_bearer(struct registry *r, struct endpoint *ep, const char *scope, const struct challenge *c,
			 const char *used, char **ret, struct err *e)
{
	const char *known = find_grant(ep, scope);
	int rc = 0;

	if (ep->credential.registry_token) {
		/* It is as good as it gets. */
		if (used)
			return 0;
		rc = add_grant(ep, scope, ep->credential.registry_token, 86400, e);
	} else if (!known || streq_ptr(known, used)) {
		rc = fetch_token(r, ep, c, scope, e);
	}
	if (rc < 0)
		return rc;
	known = find_grant(ep, scope);
	*ret = known && !streq_ptr(known, used) ? strdup(known) : NULL;
	return 0;
}

static int answer_basic(struct endpoint *ep, const char *used, char **ret)
{
	_cleanup_free_ char *basic = ep->credential.user ? basic_of(&ep->credential) : NULL;

	ep->basic = true;
	if (basic && !streq_ptr(basic, used))
		*ret = TAKE_PTR(basic);
	return 0;
}

int endpoint_answer(struct registry *r, struct endpoint *ep, const char *scope, const struct http_reply *reply,
		    const char *used, char **ret, struct err *e)
{
	struct challenge *list = NULL;
	size_t n = 0, at = 0;
	bool bearer = true;
	int rc = find_challenge(reply, "bearer", &list, &n, &at, e);

	*ret = NULL;
	if (rc == 0) {
		bearer = false;
		rc = find_challenge(reply, "basic", &list, &n, &at, e);
	}
	if (rc <= 0)
		return rc;
	pthread_mutex_lock(&ep->lock);
	rc = bearer ? answer_bearer(r, ep, scope, &list[at], used, ret, e) : answer_basic(ep, used, ret);
	pthread_mutex_unlock(&ep->lock);
	challenges_free(list, n);
	return rc;
}
