/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A registry and its mirrors: where they are, what they speak, and single requests to them, which log in when they are told to
 * and are repeated when that may help.
 */
#include "image/registry-inner.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"

#define HUB_HOST	"registry-1.docker.io"
#define RETRIES		5u
#define PAUSE_FIRST_MS	250u
#define PAUSE_MAX_MS	8000u
#define RETRY_AFTER_MAX 60u
#define CERT_MAX	(1u << 20)
#define TAG_PAGES	1000u

/* --- where ---------------------------------------------------------------------------------------------------------------------- */

static bool in_network(const char *host, const char *cidr)
{
	char net[64], addr[64];
	const char *slash = strchr(cidr, '/'), *close;
	unsigned char a[16], b[16];
	uint32_t bits;
	int family;

	if (!slash || (size_t)(slash - cidr) >= sizeof(net) || parse_u32(slash + 1, &bits) < 0)
		return false;
	snprintf(net, sizeof(net), "%.*s", (int)(slash - cidr), cidr);
	family = strchr(net, ':') ? AF_INET6 : AF_INET;
	close = host[0] == '[' ? strchr(host, ']') : NULL;
	if (close)
		snprintf(addr, sizeof(addr), "%.*s", (int)(close - host - 1), host + 1);
	else
		snprintf(addr, sizeof(addr), "%.*s", (int)strcspn(host, ":"), host);
	if (inet_pton(family, net, a) != 1 || inet_pton(family, addr, b) != 1 || bits > (family == AF_INET ? 32 : 128))
		return false;
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & (0xff00 >> bits % 8 & 0xff)) == 0;
}

static bool is_listed(const char *host, const char *const *list)
{
	for (size_t i = 0; list && list[i]; i++)
		if (streq(host, list[i]) || in_network(host, list[i]))
			return true;
	return false;
}

/* Said by the caller or by the host's files, or on this host. */
static bool is_insecure(const struct registry *r, const char *host, const struct registry_opts *o)
{
	static const char *const ours[] = { "127.0.0.0/8", "::1/128", NULL };

	return is_listed(host, ours) || streq(host, "localhost") || startswith(host, "localhost:") ||
	       is_listed(host, o ? o->insecure : NULL) ||
	       is_listed(host, (const char *const *)strv_get(&r->hosts.insecure));
}

/* HOST.crt: an authority; NAME.cert with NAME.key: who we are. */
static int take_certificate(struct http_tls *tls, const char *dir, const char *name, struct buf *pem, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, name), *text = NULL;
	size_t n = strlen(name);
	int r;

	if (!path)
		return err_oom(e);
	if (n > 4 && streq(name + n - 4, ".crt")) {
		r = file_read(AT_FDCWD, path, CERT_MAX, &text, NULL, e);
		if (r < 0)
			return r;
		buf_puts(pem, text);
		buf_putc(pem, '\n');
	} else if (n > 5 && streq(name + n - 5, ".cert") && !tls->cert) {
		tls->cert = strdup(path);
		tls->key = strdup(path);
		if (!tls->cert || !tls->key)
			return err_oom(e);
		memcpy(tls->key + strlen(path) - 5, ".key", 5);
		if (!file_exists(AT_FDCWD, tls->key))
			return err_kind(e, ERR_NOT_FOUND, -ENOENT, "missing key %s for client certificate %s", tls->key,
					path);
	}
	return 0;
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int take_certificates(struct http_tls *tls, const char *certs, const char *host, struct buf *pem, struct err *e)
{
	_cleanup_free_ char *dir = path_join(certs, host);
	_cleanup_(closedirp) DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return err_oom(e);
	while (d && r >= 0 && (entry = readdir(d)))
		r = take_certificate(tls, dir, entry->d_name, pem, e);
	return r;
}

static int load_tls(struct endpoint *ep, const struct registry_opts *o, struct err *e)
{
	static const char *const places[] = { "/etc/docker/certs.d", "/etc/containers/certs.d" };
	_cleanup_buf_ struct buf pem = BUF_INIT;
	int r = 0;

	if (!path_is_component(ep->host))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no registry's name", ep->host);
	if (o && o->certs_dir)
		r = take_certificates(&ep->tls, o->certs_dir, ep->host, &pem, e);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(places) && !(o && o->certs_dir); i++)
		r = take_certificates(&ep->tls, places[i], ep->host, &pem, e);
	if (r < 0 || !pem.len)
		return r;
	ep->tls.ca_pem = buf_take(&pem);
	return ep->tls.ca_pem ? 0 : err_oom(e);
}

/* WHERE: "host[:port]", or a mirror's URL, whose path goes before the names of repositories. */
static int add_endpoint(struct registry *r, const char *where, const struct registry_opts *o, struct err *e)
{
	struct endpoint *ep = &r->endpoints[r->n_endpoints];
	const char *tls = startswith(where, "https://"), *plain = startswith(where, "http://");
	const char *host = tls ?: plain ?: where, *path;
	size_t n = strcspn(host, "/");

	if (r->n_endpoints == ENDPOINTS_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %u mirrors of %s", ENDPOINTS_MAX - 1, r->domain);
	*ep = (struct endpoint){ .mirror = tls || plain };
	pthread_mutex_init(&ep->lock, NULL);
	r->n_endpoints++;
	path = host + n + strspn(host + n, "/");
	ep->host = strndup(host, n);
	ep->prefix = strdup(path);
	if (!ep->host || !ep->prefix)
		return err_oom(e);
	while (*ep->prefix && ep->prefix[strlen(ep->prefix) - 1] == '/')
		ep->prefix[strlen(ep->prefix) - 1] = '\0';
	if (*ep->prefix) {
		char *slash = path_join(ep->prefix, "");

		if (!slash)
			return err_oom(e);
		free(ep->prefix);
		ep->prefix = slash;
	}
	ep->insecure = is_insecure(r, ep->host, o);
	ep->tls.insecure = ep->insecure;
	if (plain || tls || !ep->insecure) {
		ep->base = malloc(n + 16);
		if (!ep->base)
			return err_oom(e);
		snprintf(ep->base, n + 16, "%s%s", plain ? "http://" : "https://", ep->host);
	}
	return load_tls(ep, o, e);
}

static int add_mirrors(struct registry *r, const char *const *list, const struct registry_opts *o, struct err *e)
{
	for (size_t i = 0; list && list[i]; i++) {
		const char *m = list[i], *url = strchr(m, '=');
		int rc;

		if (!url || !(startswith(url + 1, "http://") || startswith(url + 1, "https://")))
			return err_kind(e, ERR_INVALID, -EINVAL, "mirror '%s': expected DOMAIN=URL", m);
		if ((size_t)(url - m) != strlen(r->domain) || memcmp(m, r->domain, (size_t)(url - m)) != 0)
			continue;
		rc = add_endpoint(r, url + 1, o, e);
		if (rc < 0)
			return err_wrap(e, rc, "mirror '%s'", m);
	}
	return 0;
}

/* Those of a mirror are its own. */
static int add_credentials(struct registry *r, const struct registry_opts *o, const struct credential *given,
			   struct err *e)
{
	for (unsigned i = 0; i < r->n_endpoints; i++) {
		struct endpoint *ep = &r->endpoints[i];
		bool self = ep == registry_self(r);
		int rc;

		if (self && given) {
			ep->credential = *given;
			rc = 1;
		} else if (self && o && o->auth) {
			rc = auth_header_decode(o->auth, &ep->credential, e);
		} else {
			rc = auth_get(o ? o->config_dir : NULL, self ? r->domain : ep->host, &ep->credential, e);
		}
		if (rc < 0)
			return rc;
		ep->has_credential = !credential_is_empty(&ep->credential);
	}
	return 0;
}

/* GIVEN is taken over where this succeeds: its strings are the registry's then. */
int registry_open_as(const char *domain, const struct registry_opts *o, const struct credential *given,
		     struct registry **ret, struct err *e)
{
	_cleanup_(registry_freep) struct registry *r = calloc(1, sizeof(*r));
	int rc;

	if (!r || !(r->domain = strdup(domain)))
		return err_oom(e);
	r->retries = o && o->retries ? o->retries : RETRIES;
	rc = http_new(&r->stop, &r->http, e);
	if (rc >= 0)
		rc = registry_hosts_load(o ? o->hosts_file : NULL, &r->hosts, e);
	if (rc >= 0)
		rc = add_mirrors(r, o ? o->mirrors : NULL, o, e);
	if (rc >= 0)
		rc = add_mirrors(r, (const char *const *)strv_get(&r->hosts.mirrors), o, e);
	if (rc >= 0)
		rc = add_endpoint(r, streq(domain, REFERENCE_DOCKER) ? HUB_HOST : domain, o, e);
	if (rc >= 0)
		rc = add_credentials(r, o, given, e);
	if (rc < 0) {
		if (given && r->n_endpoints)
			registry_self(r)->credential = (struct credential){ 0 };
		return rc;
	}
	*ret = TAKE_PTR(r);
	return 0;
}

int registry_open(const char *domain, const struct registry_opts *o, struct registry **ret, struct err *e)
{
	return registry_open_as(domain, o, NULL, ret, e);
}

static void endpoint_done(struct endpoint *ep)
{
	for (unsigned i = 0; i < ep->n_grants; i++) {
		free(ep->grants[i].scope);
		free(ep->grants[i].header);
	}
	free(ep->host);
	free(ep->prefix);
	free(ep->base);
	http_tls_done(&ep->tls);
	credential_done(&ep->credential);
	pthread_mutex_destroy(&ep->lock);
}

struct registry *registry_free(struct registry *r)
{
	if (!r)
		return NULL;
	for (unsigned i = 0; i < r->n_endpoints; i++)
		endpoint_done(&r->endpoints[i]);
	registry_hosts_done(&r->hosts);
	http_free(r->http);
	free(r->domain);
	free(r);
	return NULL;
}

/* --- what it speaks --------------------------------------------------------------------------------------------------------------- */

/* TLS first, also where it need not be. Under the lock. */
static int find_base(struct registry *r, struct endpoint *ep, struct err *e)
{
	static const char *const schemes[] = { "https://", "http://" };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(schemes) && !ep->base; i++) {
		_cleanup_http_reply_ struct http_reply reply = { 0 };
		_cleanup_buf_ struct buf url = BUF_INIT;

		buf_printf(&url, "%s%s/v2/", schemes[i], ep->host);
		rc = buf_error(&url, e);
		if (rc < 0)
			return rc;
		rc = http_do(r->http, &(struct http_request){ .method = "GET", .url = buf_str(&url), .tls = &ep->tls },
			     &reply, e);
		if (rc < 0 && !(reply.no_tls || reply.transient))
			return rc;
		if (rc >= 0 && !(ep->base = strndup(buf_str(&url), url.len - 4)))
			return err_oom(e);
	}
	return ep->base ? 0 : rc;
}

int endpoint_url(struct registry *r, struct endpoint *ep, const char *path, struct buf *out, struct err *e)
{
	int rc = 0;

	pthread_mutex_lock(&ep->lock);
	if (!ep->base)
		rc = find_base(r, ep, e);
	pthread_mutex_unlock(&ep->lock);
	if (rc < 0)
		return rc;
	if (path)
		buf_printf(out, "%s/v2/%s%s/", ep->base, ep->prefix, path);
	else
		buf_printf(out, "%s/v2/", ep->base);
	return buf_error(out, e);
}

int endpoint_scope(const struct endpoint *ep, const char *path, bool push, const char *from, struct buf *out,
		   struct err *e)
{
	buf_printf(out, "repository:%s%s:%s", ep->prefix, path, push ? "pull,push" : "pull");
	if (from)
		buf_printf(out, " repository:%s%s:pull", ep->prefix, from);
	return buf_error(out, e);
}

/* --- requests ----------------------------------------------------------------------------------------------------------------------- */

/* A Location may lead anywhere: what lets us into the endpoint is for its own host and scheme only. */
static bool is_own_url(const struct endpoint *ep, const char *url)
{
	_cleanup_free_ char *own = ep->base ? http_host(ep->base) : NULL, *asked = http_host(url);

	return own && asked && streq(own, asked) && strncmp(ep->base, url, strlen("https")) == 0;
}

int endpoint_try(struct registry *r, struct endpoint *ep, const char *scope, const struct http_request *q,
		 struct http_reply *reply, struct err *e)
{
	_cleanup_free_ char *used = NULL;

	if (!is_own_url(ep, q->url)) {
		struct http_request with = *q;

		with.authorization = NULL;
		with.tls = NULL;
		return http_do(r->http, &with, reply, e);
	}
	used = endpoint_grant(ep, scope);

	/* Once with what is known, once with a new token, once more where that did not suffice: a password, say. */
	for (unsigned i = 0;; i++) {
		struct http_request with = *q;
		_cleanup_free_ char *better = NULL;
		int rc;

		with.authorization = used;
		with.tls = &ep->tls;
		rc = http_do(r->http, &with, reply, e);
		if (rc < 0)
			return rc;
		atomic_store(&ep->alive, true);
		if (reply->status != 401 || reply->redirected || i == 2)
			return 0;
		rc = endpoint_answer(r, ep, scope, reply, used, &better, e);
		if (rc < 0 || !better)
			return rc;
		http_reply_done(reply);
		free(used);
		used = TAKE_PTR(better);
	}
}

bool reply_may_pass(const struct endpoint *ep, const struct http_reply *reply, int rc)
{
	if (rc < 0)
		return reply->transient || (rc == -ECONNREFUSED && atomic_load(&ep->alive));
	switch (reply->status) {
	case 408:
	case 429:
	case 500:
	case 502:
	case 503:
	case 504:
		return true;
	default:
		return false;
	}
}

/* Seconds; a date is taken as "soon". */
static uint32_t retry_after(const struct http_reply *reply)
{
	const char *s = http_header(reply, "Retry-After");
	uint32_t n = 0;

	return s && parse_u32(s, &n) == 0 ? n : 0;
}

int registry_pause(struct registry *r, unsigned attempt, const struct http_reply *reply, struct err *e)
{
	uint32_t wanted = retry_after(reply);
	uint64_t ms = attempt < 6 ? PAUSE_FIRST_MS << attempt : PAUSE_MAX_MS;

	if (wanted > RETRY_AFTER_MAX)
		return err_kind(e, ERR_STATE, -EBUSY, "registry %s: too many requests, try again in %u seconds",
				r->domain, wanted);
	if (wanted)
		ms = wanted * 1000ull;
	for (uint64_t slept = 0; slept < ms; slept += 50) {
		struct timespec t = { .tv_nsec = 50000000 };

		if (atomic_load(&r->stop))
			return err_kind(e, ERR_STATE, -ECANCELED, "cancelled");
		nanosleep(&t, NULL);
	}
	return 0;
}

int endpoint_call(struct registry *r, struct endpoint *ep, const char *scope, const struct http_request *q,
		  struct http_reply *reply, struct err *e)
{
	for (unsigned attempt = 0;; attempt++) {
		int rc, paused;

		http_reply_done(reply);
		rc = endpoint_try(r, ep, scope, q, reply, e);
		if (attempt >= r->retries || !reply_may_pass(ep, reply, rc))
			return rc;
		paused = registry_pause(r, attempt, reply, e);
		if (paused < 0)
			return paused;
		err_clear(e);
	}
}

/* "code: message" of the first error in the body; false: it has none. */
static bool said(const struct http_reply *reply, char out[static 256])
{
	struct json_object *o = reply->body.len ? json_tokener_parse(buf_str(&reply->body)) : NULL, *list,
			   *first = NULL, *code = NULL, *msg = NULL;
	bool found = false;

	if (json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, "errors", &list) &&
	    json_object_is_type(list, json_type_array))
		first = json_object_array_get_idx(list, 0);
	if (json_object_is_type(first, json_type_object)) {
		json_object_object_get_ex(first, "code", &code);
		json_object_object_get_ex(first, "message", &msg);
		snprintf(out, 256, "%s%s%s", code ? json_object_get_string(code) : "", code && msg ? ": " : "",
			 msg ? json_object_get_string(msg) : "");
		/* Docker says MANIFEST_UNKNOWN as "manifest unknown". */
		for (char *s = out; *s && *s != ':'; s++)
			*s = *s == '_' ? ' ' : (*s >= 'A' && *s <= 'Z') ? (char)(*s - 'A' + 'a') : *s;
		found = code || msg;
	}
	json_object_put(o);
	return found;
}

int reply_error(const struct http_reply *reply, const char *what, struct err *e)
{
	char text[256] = "";
	bool has = said(reply, text);

	switch (reply->status) {
	case 401:
		return err_kind(e, ERR_DENIED, -EACCES, "%s: %s", what,
				has ? text : "unauthorized: authentication required");
	case 403:
		return err_kind(e, ERR_DENIED, -EACCES, "%s: %s", what, has ? text : "denied: the registry refuses it");
	case 404:
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "%s: %s", what, has ? text : "not found");
	case 429:
		return err_kind(e, ERR_STATE, -EBUSY, "%s: %s", what,
				has ? text : "toomanyrequests: too many requests");
	default:
		return err_kind(e, ERR_SYSTEM, -EIO, "%s: unexpected status %d from the registry%s%s", what,
				reply->status, has ? ": " : "", text);
	}
}

/* One endpoint's answer to a GET or HEAD. */
static int get_at(struct registry *r, struct endpoint *ep, const char *method, const char *path, const char *rest,
		  const char *const *headers, struct http_reply *reply, struct err *e)
{
	_cleanup_buf_ struct buf url = BUF_INIT, scope = BUF_INIT;
	int rc = endpoint_url(r, ep, path, &url, e);

	if (rc >= 0)
		rc = endpoint_scope(ep, path, false, NULL, &scope, e);
	buf_puts(&url, rest);
	if (rc >= 0)
		rc = buf_error(&url, e);
	if (rc >= 0)
		rc = endpoint_call(r, ep, buf_str(&scope),
				   &(struct http_request){ .method = method, .url = buf_str(&url), .headers = headers },
				   reply, e);
	if (rc >= 0 && reply->status != 200) {
		char what[512];

		snprintf(what, sizeof(what), "%s %s", method, buf_str(&url));
		rc = reply_error(reply, what, e);
	}
	return rc;
}

int registry_get(struct registry *r, const char *method, const char *path, const char *rest, const char *const *headers,
		 struct http_reply *reply, struct err *e)
{
	int rc = -ENOENT;

	for (unsigned i = 0; i < r->n_endpoints; i++) {
		http_reply_done(reply);
		err_clear(e);
		rc = get_at(r, &r->endpoints[i], method, path, rest, headers, reply, e);
		if (rc >= 0 || rc == -ECANCELED)
			return rc;
	}
	return rc;
}

/* --- manifests, tags ---------------------------------------------------------------------------------------------------------------- */

static const char *const accept_manifests[] = {
	"Accept: " MT_OCI_INDEX ", " MT_DOCKER_LIST ", " MT_OCI_MANIFEST ", " MT_DOCKER_MANIFEST,
	NULL,
};

static int manifest_rest(const char *ref, struct buf *out, struct err *e)
{
	if (!reference_tag_valid(ref) && !digest_valid(ref))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is neither a tag nor a digest", ref);
	buf_printf(out, "manifests/%s", ref);
	return buf_error(out, e);
}

int registry_head(struct registry *r, const char *path, const char *ref, char ret_digest[static DIGEST_MAX],
		  struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_buf_ struct buf rest = BUF_INIT;
	const char *digest;
	int rc = manifest_rest(ref, &rest, e);

	if (rc >= 0)
		rc = registry_get(r, "HEAD", path, buf_str(&rest), accept_manifests, &reply, e);
	if (rc < 0)
		return rc;
	digest = http_header(&reply, "Docker-Content-Digest");
	if (!digest || !digest_valid(digest))
		return 0;
	snprintf(ret_digest, DIGEST_MAX, "%s", digest);
	return 1;
}

/* What the bytes are by the algorithm of WANT, and whether they are WANT. */
static int check_digest(const struct http_reply *reply, const char *want, const char *whose,
			char ret[static DIGEST_MAX], struct err *e)
{
	_cleanup_(hasher_freep) struct hasher *h = NULL;
	char algorithm[16] = "sha256";
	int rc;

	if (want)
		snprintf(algorithm, sizeof(algorithm), "%.*s", (int)strcspn(want, ":"), want);
	rc = hasher_new(algorithm, &h, e);
	if (rc < 0)
		return rc;
	hasher_add(h, buf_str(&reply->body), reply->body.len);
	hasher_end(h, ret);
	if (want && !streq(want, ret))
		return err_kind(e, ERR_INVALID, -EBADMSG,
				"manifest verification failed for digest %s, which %s: the content has %s", want, whose,
				ret);
	return 0;
}

int registry_manifest(struct registry *r, const char *path, const char *ref, char **ret, size_t *ret_len,
		      char **ret_type, char ret_digest[static DIGEST_MAX], struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_buf_ struct buf rest = BUF_INIT;
	_cleanup_free_ char *type = NULL;
	const char *header;
	int rc = manifest_rest(ref, &rest, e);

	if (rc >= 0)
		rc = registry_get(r, "GET", path, buf_str(&rest), accept_manifests, &reply, e);
	if (rc < 0)
		return rc;
	header = http_header(&reply, "Docker-Content-Digest");
	if (digest_valid(ref))
		rc = check_digest(&reply, ref, "was asked for", ret_digest, e);
	else
		rc = check_digest(&reply, header && digest_valid(header) ? header : NULL, "the registry says it has",
				  ret_digest, e);
	if (rc < 0)
		return rc;
	header = http_header(&reply, "Content-Type") ?: "";
	type = strndup(header, strcspn(header, "; \t"));
	if (!type)
		return err_oom(e);
	*ret_len = reply.body.len;
	*ret = buf_take(&reply.body);
	if (!*ret)
		return err_oom(e);
	*ret_type = TAKE_PTR(type);
	return 0;
}

int registry_put_manifest(struct registry *r, const char *path, const char *ref, const char *type, const char *text,
			  size_t len, struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_buf_ struct buf url = BUF_INIT, scope = BUF_INIT, header = BUF_INIT;
	struct endpoint *ep = registry_self(r);
	const char *headers[2] = { NULL, NULL };
	char what[512];
	int rc;

	if (strlen(text) != len)
		return err_kind(e, ERR_INVALID, -EINVAL, "a manifest with a NUL in it");
	rc = endpoint_url(r, ep, path, &url, e);
	if (rc >= 0)
		rc = manifest_rest(ref, &url, e);
	if (rc >= 0)
		rc = endpoint_scope(ep, path, true, NULL, &scope, e);
	buf_printf(&header, "Content-Type: %s", type);
	if (rc >= 0)
		rc = buf_error(&header, e);
	if (rc < 0)
		return rc;
	headers[0] = buf_str(&header);
	rc = endpoint_call(
		r, ep, buf_str(&scope),
		&(struct http_request){ .method = "PUT", .url = buf_str(&url), .data = text, .headers = headers },
		&reply, e);
	if (rc < 0 || reply.status / 100 == 2)
		return rc;
	snprintf(what, sizeof(what), "PUT %s", buf_str(&url));
	return reply_error(&reply, what, e);
}

static int take_tags(const struct http_reply *reply, struct strv *ret, struct err *e)
{
	struct json_object *o = json_tokener_parse(buf_str(&reply->body)), *tags = NULL;
	int rc = 0;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, "tags", &tags) ||
	    (tags && !json_object_is_type(tags, json_type_array)))
		rc = err_kind(e, ERR_INVALID, -EINVAL, "the registry's list of tags is not one");
	for (size_t i = 0; rc >= 0 && tags && i < json_object_array_length(tags); i++) {
		struct json_object *t = json_object_array_get_idx(tags, i);

		if (json_object_is_type(t, json_type_string) && reference_tag_valid(json_object_get_string(t)))
			rc = strv_push(ret, json_object_get_string(t), e);
	}
	json_object_put(o);
	return rc;
}

bool reply_next_page(const struct http_reply *reply, const char *rest, char out[static 512])
{
	const char *link = http_header(reply, "Link"), *query;
	size_t n;

	if (!link || *link != '<' || !strstr(link, "rel=\"next\""))
		return false;
	n = strcspn(link, ">");
	query = memchr(link, '?', n);
	if (!query || (size_t)(link + n - query) > 400)
		return false;
	snprintf(out, 512, "%s%.*s", rest, (int)(link + n - query), query);
	return true;
}

int registry_tags(struct registry *r, const char *path, struct strv *ret, struct err *e)
{
	char rest[512] = "tags/list?n=1000";

	for (unsigned page = 0; page < TAG_PAGES; page++) {
		_cleanup_http_reply_ struct http_reply reply = { 0 };
		int rc = registry_get(r, "GET", path, rest, NULL, &reply, e);

		if (rc >= 0)
			rc = take_tags(&reply, ret, e);
		if (rc < 0 || !reply_next_page(&reply, "tags/list", rest))
			return rc;
	}
	return err_kind(e, ERR_LIMIT, -E2BIG, "the list of tags has more than %u pages", TAG_PAGES);
}
