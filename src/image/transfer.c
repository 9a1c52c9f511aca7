/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One libcurl handle a request, kept for the next one with its connection. Answers are HTTP/1.1: a connection a transfer, so
 * that a slow one does not hold up others.
 */
#include "image/transfer.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "config.h"

#define IDLE_MAX      16u
#define ERROR_BODY    (64u << 10) /* of an answer that is an error: more is not kept */
#define TRANSFER_UNIT (512l << 10)

/* What we use of libcurl. */
#define CURL_CALLS(X)          \
	X(curl_global_init)    \
	X(curl_easy_init)      \
	X(curl_easy_cleanup)   \
	X(curl_easy_reset)     \
	X(curl_easy_perform)   \
	X(curl_easy_strerror)  \
	X(curl_slist_append)   \
	X(curl_slist_free_all) \
	X(curl_url)            \
	X(curl_url_set)        \
	X(curl_url_get)        \
	X(curl_url_cleanup)

/* These two are macros as well, which check types. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

struct http {
#define MEMBER(name) typeof(&(name)) name;
	CURL_CALLS(MEMBER)
#undef MEMBER
	CURLcode (*setopt)(CURL *, CURLoption, ...);
	CURLcode (*getinfo)(CURL *, CURLINFO, ...);
	const atomic_bool *stop;
	pthread_mutex_t lock;
	CURL *idle[IDLE_MAX];
	unsigned n_idle;
};

static int load_symbol(void *lib, const char *name, void *ret, struct err *e)
{
	void *p = dlsym(lib, name);

	if (!p)
		return err_kind(e, ERR_MISSING, -ENOSYS, "libcurl has no %s: it is too old", name);
	memcpy(ret, &p, sizeof(p));
	return 0;
}

static int load(struct http *h, struct err *e)
{
	/* Never unloaded: TLS libraries below it leave handlers for the end of the process. */
	void *lib = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	int r = 0;

	if (!lib)
		return err_kind(e, ERR_MISSING, -ENOENT, "libcurl is not installed (Debian: libcurl4)");
#define LOAD(name) r = r < 0 ? r : load_symbol(lib, #name, &h->name, e);
	CURL_CALLS(LOAD)
#undef LOAD
	if (r >= 0)
		r = load_symbol(lib, "curl_easy_setopt", &h->setopt, e);
	if (r >= 0)
		r = load_symbol(lib, "curl_easy_getinfo", &h->getinfo, e);
	dlclose(lib);
	if (r >= 0 && h->curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		r = err_kind(e, ERR_SYSTEM, -EIO, "libcurl cannot be initialised");
	return r;
}

int http_new(const atomic_bool *stop, struct http **ret, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return err_oom(e);
	r = load(h, e);
	if (r < 0) {
		free(h);
		return r;
	}
	h->stop = stop;
	pthread_mutex_init(&h->lock, NULL);
	*ret = h;
	return 0;
}

struct http *http_free(struct http *h)
{
	if (!h)
		return NULL;
	while (h->n_idle)
		h->curl_easy_cleanup(h->idle[--h->n_idle]);
	pthread_mutex_destroy(&h->lock);
	free(h);
	return NULL;
}

static CURL *take_handle(struct http *h)
{
	CURL *c = NULL;

	pthread_mutex_lock(&h->lock);
	if (h->n_idle)
		c = h->idle[--h->n_idle];
	pthread_mutex_unlock(&h->lock);
	return c ?: h->curl_easy_init();
}

static void give_handle(struct http *h, CURL *c)
{
	h->curl_easy_reset(c);
	pthread_mutex_lock(&h->lock);
	if (h->n_idle < IDLE_MAX)
		h->idle[h->n_idle++] = TAKE_PTR(c);
	pthread_mutex_unlock(&h->lock);
	if (c)
		h->curl_easy_cleanup(c);
}

void http_tls_done(struct http_tls *t)
{
	free(t->ca_pem);
	free(t->cert);
	free(t->key);
	*t = (struct http_tls){ 0 };
}

void http_reply_done(struct http_reply *r)
{
	strv_done(&r->headers);
	buf_done(&r->body);
	free(r->url);
	*r = (struct http_reply){ 0 };
}

const char *http_header(const struct http_reply *r, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < r->headers.n; i++)
		if (strncasecmp(r->headers.v[i], name, n) == 0 && r->headers.v[i][n] == ':')
			return r->headers.v[i] + n + 1 + strspn(r->headers.v[i] + n + 1, " \t");
	return NULL;
}

/* --- one request ------------------------------------------------------------------------------------------------------------ */

struct exchange {
	struct http *h;
	CURL *curl;
	const struct http_request *q;
	struct http_reply *reply;
	struct curl_slist *headers;
	size_t header_bytes;
	uint64_t sent;
	int r; /* of our own side: what ended it */
	struct err *e;
	char why[CURL_ERROR_SIZE];
};

static size_t on_header(char *data, size_t one, size_t len, void *arg)
{
	struct exchange *x = arg;
	size_t n = len;

	/* Another answer: after a redirection, or after 100. */
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
		strv_done(&x->reply->headers);
		buf_reset(&x->reply->body);
		x->reply->status = 0;
		x->header_bytes = 0;
		return len;
	}
	while (n && (data[n - 1] == '\r' || data[n - 1] == '\n' || data[n - 1] == ' ' || data[n - 1] == '\t'))
		n--;
	x->header_bytes += len;
	if (x->header_bytes > HTTP_HEADERS_MAX) {
		x->r = err_kind(x->e, ERR_LIMIT, -E2BIG, "the header of the answer is longer than %u bytes",
				HTTP_HEADERS_MAX);
		return 0;
	}
	if (!n || memchr(data, '\0', n))
		return len;
	x->r = strv_pushf(&x->reply->headers, x->e, "%.*s", (int)n, data);
	return x->r < 0 ? 0 : len;
}

static int keep(struct http_reply *reply, const char *data, size_t len, struct err *e)
{
	if (reply->status / 100 != 2) {
		if (reply->body.len < ERROR_BODY)
			buf_add(&reply->body, data,
				len < ERROR_BODY - reply->body.len ? len : ERROR_BODY - reply->body.len);
		return 0;
	}
	if (reply->body.len + len > HTTP_SMALL_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "the answer is larger than %u bytes", HTTP_SMALL_MAX);
	buf_add(&reply->body, data, len);
	return buf_error(&reply->body, e);
}

static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
	struct exchange *x = arg;
	long status = 0;

	if (!x->reply->status) {
		x->h->getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
		x->reply->status = (int)status;
	}
	if (x->q->sink && x->reply->status / 100 == 2)
		x->r = x->q->sink(x->q->arg, x->reply, data, len, x->e);
	else
		x->r = keep(x->reply, data, len, x->e);
	return x->r < 0 ? 0 : len;
}

static size_t on_read(char *data, size_t one, size_t max, void *arg)
{
	struct exchange *x = arg;
	uint64_t left = x->q->length - x->sent;
	ssize_t n;

	if (!left)
		return 0;
	n = pread(x->q->fd, data, left < max ? left : max, (off_t)(x->q->offset + x->sent));
	if (n <= 0) {
		x->r = err_set(x->e, n < 0 ? -errno : -EIO, "read what is to be sent");
		return CURL_READFUNC_ABORT;
	}
	x->sent += (uint64_t)n;
	if (x->q->sent)
		x->q->sent(x->q->arg, x->sent);
	return (size_t)n;
}

/* A redirection, or a connection that was closed before use: from the beginning. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct exchange *x = arg;

	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_FAIL;
	x->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static int on_tick(void *arg, curl_off_t down, curl_off_t downed, curl_off_t up, curl_off_t uploaded)
{
	struct exchange *x = arg;

	return x->h->stop && atomic_load(x->h->stop);
}

static bool is_loopback(const char *url)
{
	_cleanup_free_ char *host = http_host(url);

	return host && (startswith(host, "127.") || startswith(host, "localhost") || startswith(host, "[::1]"));
}

static int add_header(struct exchange *x, const char *line)
{
	struct curl_slist *l = x->h->curl_slist_append(x->headers, line);

	if (!l)
		return err_oom(x->e);
	x->headers = l;
	return 0;
}

static int set_headers(struct exchange *x)
{
	const struct http_request *q = x->q;
	int r = add_header(x, "Expect:");

	if (r >= 0 && q->authorization) {
		_cleanup_buf_ struct buf b = BUF_INIT;

		buf_printf(&b, "Authorization: %s", q->authorization);
		r = buf_error(&b, x->e);
		if (r >= 0)
			r = add_header(x, buf_str(&b));
		if (b.data)
			explicit_bzero(b.data, b.len);
	}
	/* Not the type that libcurl says for posted data where none was said. */
	if (r >= 0 && q->data)
		r = add_header(x, "Content-Type:");
	for (size_t i = 0; r >= 0 && q->headers && q->headers[i]; i++)
		r = add_header(x, q->headers[i]);
	if (r >= 0)
		x->h->setopt(x->curl, CURLOPT_HTTPHEADER, x->headers);
	return r;
}

static void set_body(struct exchange *x)
{
	const struct http_request *q = x->q;
	CURLcode (*set)(CURL *, CURLoption, ...) = x->h->setopt;

	if (q->data) {
		set(x->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(q->data));
		set(x->curl, CURLOPT_POSTFIELDS, q->data);
	} else if (q->length) {
		set(x->curl, CURLOPT_UPLOAD, 1l);
		set(x->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)q->length);
		set(x->curl, CURLOPT_READFUNCTION, on_read);
		set(x->curl, CURLOPT_READDATA, x);
		set(x->curl, CURLOPT_SEEKFUNCTION, on_seek);
		set(x->curl, CURLOPT_SEEKDATA, x);
		set(x->curl, CURLOPT_UPLOAD_BUFFERSIZE, TRANSFER_UNIT);
		/* On a connection that was used before, libcurl repeats by itself what broke off, from its beginning; of what
		 * appends, a part may have arrived. */
		if (streq(q->method, "PATCH"))
			set(x->curl, CURLOPT_FRESH_CONNECT, 1l);
	} else if (streq(q->method, "HEAD")) {
		set(x->curl, CURLOPT_NOBODY, 1l);
	}
	if (!streq(q->method, "GET") && !streq(q->method, "HEAD"))
		set(x->curl, CURLOPT_CUSTOMREQUEST, q->method);
}

static void set_tls(struct exchange *x)
{
	const struct http_tls *t = x->q->tls;
	CURLcode (*set)(CURL *, CURLoption, ...) = x->h->setopt;

	if (!t)
		return;
	if (t->insecure) {
		set(x->curl, CURLOPT_SSL_VERIFYPEER, 0l);
		set(x->curl, CURLOPT_SSL_VERIFYHOST, 0l);
	}
	if (t->ca_pem) {
		struct curl_blob blob = { t->ca_pem, strlen(t->ca_pem), CURL_BLOB_COPY };

		set(x->curl, CURLOPT_CAINFO_BLOB, &blob);
	}
	if (t->cert)
		set(x->curl, CURLOPT_SSLCERT, t->cert);
	if (t->key)
		set(x->curl, CURLOPT_SSLKEY, t->key);
}

static int prepare(struct exchange *x)
{
	CURLcode (*set)(CURL *, CURLoption, ...) = x->h->setopt;
	bool tls = startswith(x->q->url, "https://");

	set(x->curl, CURLOPT_URL, x->q->url);
	set(x->curl, CURLOPT_USERAGENT, "creel/" CREEL_VERSION);
	set(x->curl, CURLOPT_ERRORBUFFER, x->why);
	set(x->curl, CURLOPT_NOSIGNAL, 1l);
	set(x->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	set(x->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	set(x->curl, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
	set(x->curl, CURLOPT_FOLLOWLOCATION, x->q->stay ? 0l : 1l);
	set(x->curl, CURLOPT_MAXREDIRS, (long)HTTP_REDIRECTS);
	set(x->curl, CURLOPT_CONNECTTIMEOUT, 30l);
	set(x->curl, CURLOPT_LOW_SPEED_LIMIT, 1l);
	set(x->curl, CURLOPT_LOW_SPEED_TIME, 60l);
	set(x->curl, CURLOPT_BUFFERSIZE, TRANSFER_UNIT);
	set(x->curl, CURLOPT_HEADERFUNCTION, on_header);
	set(x->curl, CURLOPT_HEADERDATA, x);
	set(x->curl, CURLOPT_WRITEFUNCTION, on_body);
	set(x->curl, CURLOPT_WRITEDATA, x);
	set(x->curl, CURLOPT_XFERINFOFUNCTION, on_tick);
	set(x->curl, CURLOPT_XFERINFODATA, x);
	set(x->curl, CURLOPT_NOPROGRESS, 0l);
	if (is_loopback(x->q->url))
		set(x->curl, CURLOPT_NOPROXY, "*");
	set_tls(x);
	set_body(x);
	return set_headers(x);
}

static int failed(struct exchange *x, CURLcode code)
{
	const char *url = x->q->url, *why = *x->why ? x->why : x->h->curl_easy_strerror(code);
	/* A query may hold what lets anybody in. */
	int shown = (int)strcspn(url, "?");
	int r = -EIO;

	if (x->r < 0)
		return err_wrap(x->e, x->r, "%s %.*s", x->q->method, shown, url);
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return err_oom(x->e);
	case CURLE_ABORTED_BY_CALLBACK:
		return err_kind(x->e, ERR_STATE, -ECANCELED, "%s %.*s: cancelled", x->q->method, shown, url);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
		r = err_kind(x->e, ERR_DENIED, -EKEYREJECTED, "%s %.*s: %s", x->q->method, shown, url, why);
		return err_hint(x->e, r,
				"put the authority's certificate where the registry's certificates are: "
				"/etc/docker/certs.d/HOST[:PORT]/ca.crt");
	case CURLE_TOO_MANY_REDIRECTS:
		return err_kind(x->e, ERR_LIMIT, -ELOOP, "%s %.*s: more than %d redirections", x->q->method, shown, url,
				HTTP_REDIRECTS);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		r = -EHOSTUNREACH;
		break;
	case CURLE_COULDNT_CONNECT:
		r = -ECONNREFUSED;
		x->reply->no_tls = true;
		break;
	case CURLE_SSL_CONNECT_ERROR:
		x->reply->no_tls = true;
		break;
	case CURLE_OPERATION_TIMEDOUT:
		r = -ETIMEDOUT;
		x->reply->transient = true;
		break;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		x->reply->transient = true;
		break;
	default:
		break;
	}
	return err_kind(x->e, ERR_SYSTEM, r, "%s %.*s: %s", x->q->method, shown, url, why);
}

static int finish(struct exchange *x)
{
	_cleanup_free_ char *asked = http_host(x->q->url), *answered = NULL;
	char *url = NULL;
	long status = 0;

	x->h->getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
	x->h->getinfo(x->curl, CURLINFO_EFFECTIVE_URL, &url);
	x->reply->status = (int)status;
	x->reply->url = strdup(url ?: x->q->url);
	if (!x->reply->url)
		return err_oom(x->e);
	answered = http_host(x->reply->url);
	x->reply->redirected = !streq_ptr(asked, answered);
	return 0;
}

int http_do(struct http *h, const struct http_request *q, struct http_reply *reply, struct err *e)
{
	struct exchange x = { .h = h, .q = q, .reply = reply, .e = e };
	CURLcode code;
	int r;

	*reply = (struct http_reply){ 0 };
	x.curl = take_handle(h);
	if (!x.curl)
		return err_oom(e);
	r = prepare(&x);
	if (r >= 0) {
		code = h->curl_easy_perform(x.curl);
		r = code == CURLE_OK ? finish(&x) : failed(&x, code);
	}
	h->curl_slist_free_all(x.headers);
	give_handle(h, x.curl);
	return r;
}

/* --- URLs ------------------------------------------------------------------------------------------------------------------- */

int http_resolve(struct http *h, const char *base, const char *location, char **ret, struct err *e)
{
	CURLU *u = h->curl_url();
	char *whole = NULL;
	CURLUcode code;

	if (!u)
		return err_oom(e);
	code = h->curl_url_set(u, CURLUPART_URL, base, 0);
	if (code == CURLUE_OK)
		code = h->curl_url_set(u, CURLUPART_URL, location, 0);
	if (code == CURLUE_OK)
		code = h->curl_url_get(u, CURLUPART_URL, &whole, 0);
	h->curl_url_cleanup(u);
	if (code != CURLUE_OK || !(startswith(whole, "http://") || startswith(whole, "https://"))) {
		free(whole);
		return err_kind(e, ERR_INVALID, -EINVAL, "header Location: '%.200s' is no URL", location);
	}
	/* libcurl's memory is the C library's unless a program says otherwise. */
	*ret = whole;
	return 0;
}

void http_escape(const char *s, const char *keep_chars, struct buf *out)
{
	for (; *s; s++) {
		bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9');

		if (plain || strchr("-._~", *s) || (keep_chars && strchr(keep_chars, *s)))
			buf_putc(out, *s);
		else
			buf_printf(out, "%%%02X", (unsigned char)*s);
	}
}

char *http_host(const char *url)
{
	const char *s = startswith(url, "https://"), *port;
	bool tls = s;
	char *host;
	size_t n;

	s = s ?: startswith(url, "http://");
	n = s ? strcspn(s, "/?#") : 0;
	if (!n || memchr(s, '@', n))
		return NULL;
	port = tls ? ":443" : ":80";
	if (n > strlen(port) && memcmp(s + n - strlen(port), port, strlen(port)) == 0 && s[n - strlen(port) - 1] != ':')
		n -= strlen(port);
	host = strndup(s, n);
	for (char *p = host; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return host;
}
