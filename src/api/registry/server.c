/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The registry's HTTP side: which request is which, and its way from the first header to the last byte. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/registry/inner.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "image/reference.h"

#define STACK_SIZE	(512u << 10)
#define CONNECTIONS_MAX 4096u
#define CONNECTION_BUF	(128u << 10) /* so much of a body comes at once */
#define IDLE_TIMEOUT_S	120u
#define PEM_SIZE_MAX	(1u << 20)

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- which request ----------------------------------------------------------------------------------------------------- */

/* [a-z0-9]+ with ., _, __ or -… between, components by slashes (distribution-spec, "Pulling manifests"). */
static bool name_valid(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > REG_NAME_MAX)
		return false;
	for (size_t i = 0; i < n;) {
		size_t run = strspn(s + i, "abcdefghijklmnopqrstuvwxyz0123456789"), sep;

		if (run == 0)
			return false;
		i += run;
		sep = strspn(s + i, "._-/");
		if (sep == 0)
			return i == n;
		if (i + sep == n ||
		    !(sep == 1 || (sep == 2 && s[i] == '_' && s[i + 1] == '_') || strspn(s + i, "-") == sep))
			return false;
		i += sep;
	}
	return true;
}

/* "…/WORD/REST" from the right. *RET_REST: behind it; the name's length, or -1. */
static ssize_t split_at(const char *path, const char *word, const char **ret_rest)
{
	const size_t len = strlen(word);

	for (const char *p = path + strlen(path); p-- > path;)
		if (strncmp(p, word, len) == 0) {
			*ret_rest = p + len;
			return p - path;
		}
	return -1;
}

static int set_route(struct request *q, enum route route, const char *name, size_t len, const char *ref)
{
	if (len >= sizeof(q->repo))
		return -EINVAL;
	memcpy(q->repo, name, len);
	q->repo[len] = '\0';
	q->route = route;
	q->ref = strdup(ref);
	return !q->ref ? -ENOMEM : name_valid(q->repo) ? 0 : -EINVAL;
}

/* 0, -ENOENT: no such thing; -EINVAL: a bad name. */
static int find_route(struct request *q)
{
	const char *path = startswith(q->url, "/v2"), *rest;
	ssize_t n;

	if (!path)
		return -ENOENT;
	if (streq(path, "") || streq(path, "/")) {
		q->route = ROUTE_BASE;
		return 0;
	}
	if (*path++ != '/')
		return -ENOENT;
	if (streq(path, "_catalog")) {
		q->route = ROUTE_CATALOG;
		return 0;
	}
	if ((n = split_at(path, "/tags/list", &rest)) > 0 && !*rest)
		return set_route(q, ROUTE_TAGS, path, (size_t)n, "");
	if ((n = split_at(path, "/referrers/", &rest)) > 0 && *rest && !strchr(rest, '/'))
		return set_route(q, ROUTE_REFERRERS, path, (size_t)n, rest);
	if ((n = split_at(path, "/manifests/", &rest)) > 0 && *rest && !strchr(rest, '/'))
		return set_route(q, ROUTE_MANIFEST, path, (size_t)n, rest);
	if ((n = split_at(path, "/blobs/uploads", &rest)) > 0 && (!*rest || streq(rest, "/")))
		return set_route(q, ROUTE_UPLOADS, path, (size_t)n, "");
	if ((n = split_at(path, "/blobs/uploads/", &rest)) > 0 && *rest && !strchr(rest, '/'))
		return set_route(q, ROUTE_UPLOAD, path, (size_t)n, rest);
	if ((n = split_at(path, "/blobs/", &rest)) > 0 && *rest && !strchr(rest, '/'))
		return set_route(q, ROUTE_BLOB, path, (size_t)n, rest);
	return -ENOENT;
}

/* --- may he ------------------------------------------------------------------------------------------------------------- */

static bool is_read(const struct request *q)
{
	return streq(q->method, "GET") || streq(q->method, "HEAD");
}

bool mount_allowed(struct request *q, const char *other)
{
	_cleanup_buf_ struct buf challenge = BUF_INIT;

	/* From anywhere: for who may read everything. */
	if (!other)
		return !q->s->o.token_realm;
	return name_valid(other) &&
	       auth_check(q->s->auth, request_header(q, "Authorization"), other, "pull", &challenge) > 0;
}

static enum MHD_Result check_access(struct request *q, bool *ret_answered)
{
	const char *action = is_read(q)						      ? "pull"
			     : streq(q->method, "DELETE") && q->route != ROUTE_UPLOAD ? "delete"
										      : "push";
	_cleanup_buf_ struct buf challenge = BUF_INIT, body = BUF_INIT;

	*ret_answered = true;
	if (q->route == ROUTE_BASE)
		action = "";
	else if (q->route == ROUTE_CATALOG)
		action = "*";
	if (auth_check(q->s->auth, request_header(q, "Authorization"), q->repo, action, &challenge) <= 0) {
		buf_puts(&body, "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"authentication required\"}]}");
		return answer(q, MHD_HTTP_UNAUTHORIZED, &body, "application/json",
			      (const char *const[]){ "WWW-Authenticate", buf_str(&challenge), NULL });
	}
	if (!is_read(q) && (q->s->o.read_only || q->s->o.proxy))
		return answer_error(q, MHD_HTTP_METHOD_NOT_ALLOWED, "UNSUPPORTED", "this registry is read-only");
	if (streq(q->method, "DELETE") && q->s->o.no_delete && q->route != ROUTE_UPLOAD)
		return answer_error(q, MHD_HTTP_METHOD_NOT_ALLOWED, "UNSUPPORTED",
				    "nothing is deleted in this registry");
	*ret_answered = false;
	return MHD_YES;
}

/* --- its way -------------------------------------------------------------------------------------------------------------- */

static enum MHD_Result not_allowed(struct request *q)
{
	return answer_error(q, MHD_HTTP_METHOD_NOT_ALLOWED, "UNSUPPORTED", "%s is not supported here", q->method);
}

/* With the headers only: an answer, or (not answered) a body is waited for. */
static enum MHD_Result begin_request(struct request *q, bool *ret_answered)
{
	const bool get = is_read(q), del = streq(q->method, "DELETE");

	*ret_answered = true;
	switch (q->route) {
	case ROUTE_BASE: {
		_cleanup_buf_ struct buf empty = BUF_INIT;

		buf_puts(&empty, "{}");
		return get ? answer(q, MHD_HTTP_OK, &empty, "application/json", NULL) : not_allowed(q);
	}
	case ROUTE_CATALOG:
		return get ? list_repos(q) : not_allowed(q);
	case ROUTE_TAGS:
		return get ? list_tags(q) : not_allowed(q);
	case ROUTE_REFERRERS:
		return get ? list_referrers(q) : not_allowed(q);
	case ROUTE_BLOB:
		return get ? blob_serve(q) : del ? blob_remove(q) : not_allowed(q);
	case ROUTE_MANIFEST:
		if (get || del)
			return get ? manifest_serve(q) : manifest_remove(q);
		*ret_answered = false;
		q->body.limit = REG_MANIFEST_MAX;
		return streq(q->method, "PUT") ? MHD_YES : (*ret_answered = true, not_allowed(q));
	case ROUTE_UPLOADS:
		return streq(q->method, "POST") ? upload_post(q, ret_answered) : not_allowed(q);
	case ROUTE_UPLOAD:
		if (get || del)
			return get ? upload_status(q) : upload_cancel(q);
		return streq(q->method, "PATCH") || streq(q->method, "PUT") ? upload_open(q, ret_answered)
									    : not_allowed(q);
	}
	return not_allowed(q);
}

static enum MHD_Result first_call(struct request *q)
{
	bool answered;
	enum MHD_Result r;
	int found = find_route(q);

	q->begun = true;
	if (found == -ENOENT)
		return answer_error(q, MHD_HTTP_NOT_FOUND, "NAME_UNKNOWN", "no such page");
	if (found < 0)
		return answer_error(
			q, q->route == ROUTE_MANIFEST && !is_read(q) ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_NOT_FOUND,
			"NAME_INVALID", "invalid repository name");
	r = check_access(q, &answered);
	if (answered)
		return r;
	return begin_request(q, &answered);
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *c, const char *url, const char *method,
			      const char *version, const char *data, size_t *len, void **state)
{
	struct request *q = *state;

	if (!q)
		return MHD_NO;
	q->url = url;
	q->method = method;
	/* An answer at the first call is one before the body: the connection ends with it. Where none comes, it waits. */
	if (!q->begun && (is_read(q) || streq(method, "DELETE"))) {
		q->begun = true;
		return MHD_YES;
	}
	if (!q->begun || (!*len && (is_read(q) || streq(method, "DELETE"))))
		return first_call(q);
	if (*len) {
		if (q->route == ROUTE_MANIFEST)
			buf_add(&q->body, data, *len);
		else
			upload_data(q, data, *len);
		*len = 0;
		return MHD_YES;
	}
	return q->route == ROUTE_MANIFEST ? manifest_put(q) : upload_end(q);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url, const char *method,
				  const char *version, const char *data, size_t *len, void **state)
{
	enum MHD_Result r = handle(arg, c, url, method, version, data, len, state);
	struct request *q = *state;

	/* Whoever has the answer may ask for the same upload at once. */
	if (q && q->answered)
		upload_release(q);
	return r;
}

/* What belongs to a request is made with its first line and goes with it, however it ends. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *c)
{
	struct request *q = calloc(1, sizeof(*q));

	if (q) {
		q->s = arg;
		q->c = c;
		q->began_ns = now_ns();
		atomic_fetch_add(&q->s->requests, 1);
	}
	return q;
}

static void remote_of(struct MHD_Connection *c, char buf[static INET6_ADDRSTRLEN])
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = i ? i->client_addr : NULL;

	buf[0] = '\0';
	if (a && a->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, buf, INET6_ADDRSTRLEN);
	else if (a && a->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, buf, INET6_ADDRSTRLEN);
}

/* A path or an agent is the client's to choose: what would break the line, or a terminal, is left out. */
static void clean(const char *s, char *buf, size_t size)
{
	size_t n = 0;

	for (; s && *s && n + 1 < size; s++)
		if ((unsigned char)*s >= 0x20 && *s != '"' && *s != '\\' && *s != 0x7f)
			buf[n++] = *s;
	buf[n] = '\0';
}

static void on_done(void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode why)
{
	struct request *q = *state;
	char remote[INET6_ADDRSTRLEN], url[600], agent[200];

	if (!q)
		return;
	if (q->s->o.access && q->begun) {
		remote_of(c, remote);
		clean(q->url, url, sizeof(url));
		clean(request_header(q, "User-Agent"), agent, sizeof(agent));
		log_msg(q->s->o.access, LOG_INFO,
			"remote=%s method=%s url=\"%s\" status=%u bytes=%llu ms=%.3f%s agent=\"%s\"", remote, q->method,
			url, q->status, (unsigned long long)q->sent, (double)(now_ns() - q->began_ns) / 1e6,
			why == MHD_REQUEST_TERMINATED_COMPLETED_OK ? "" : " cut=true", agent);
	}
	upload_release(q);
	atomic_fetch_sub(&q->s->requests, 1);
	buf_done(&q->body);
	free(q->ref);
	free(q);
	*state = NULL;
}

/* --- up and down ------------------------------------------------------------------------------------------------------------ */

/* "ADDRESS:PORT", "[V6]:PORT", "localhost:PORT", ":PORT" (all addresses of both families). */
static int scan_addr(const char *addr, struct sockaddr_storage *ret, socklen_t *ret_len, struct err *e)
{
	struct sockaddr_in *a4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *a6 = (struct sockaddr_in6 *)ret;
	const char *colon = strrchr(addr, ':');
	size_t n = colon ? (size_t)(colon - addr) : 0;
	char host[64] = "";
	uint32_t port;

	*ret = (struct sockaddr_storage){ 0 };
	if (!colon || n >= sizeof(host) || parse_u32(colon + 1, &port) < 0 || port > 65535)
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is not ADDRESS:PORT", addr);
	if (*addr == '[' && n > 2 && addr[n - 1] == ']')
		memcpy(host, addr + 1, n - 2);
	else
		memcpy(host, addr, n);
	if (streq(host, "localhost"))
		snprintf(host, sizeof(host), "127.0.0.1");
	*ret_len = sizeof(*a4);
	a4->sin_family = AF_INET;
	a4->sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &a4->sin_addr) == 1)
		return 0;
	*ret_len = sizeof(*a6);
	a6->sin6_family = AF_INET6;
	a6->sin6_port = htons((uint16_t)port);
	if (!*host || inet_pton(AF_INET6, host, &a6->sin6_addr) == 1)
		return 0;
	return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no address", host);
}

static int listen_at(const char *addr, unsigned *ret_port, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct sockaddr_storage at;
	const int one = 1;
	socklen_t len;
	int r = scan_addr(addr, &at, &len, e);

	if (r < 0)
		return r;
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "open a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (const struct sockaddr *)&at, len) < 0 || listen(fd, 512) < 0)
		return err_set(e, -errno, "listen at %s", addr);
	getsockname(fd, (struct sockaddr *)&at, &len);
	*ret_port = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
						   : ((struct sockaddr_in *)&at)->sin_port);
	return TAKE_FD(fd);
}

_printf_(2, 0) static void on_http_log(void *arg, const char *fmt, va_list ap)
{
	struct registry_server *s = arg;
	char text[400];

	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug(s->o.log, "%s", text);
}

static int start_http(struct registry_server *s, struct err *e)
{
	const bool tls = s->o.tls_cert != NULL;
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC |
			 MHD_USE_ERROR_LOG;
	int fd, r = 0;

	if (tls) {
		flags |= MHD_USE_TLS;
		r = file_read(AT_FDCWD, s->o.tls_cert, PEM_SIZE_MAX, &s->tls_cert, NULL, e);
		if (r == 0)
			r = file_read(AT_FDCWD, s->o.tls_key ?: s->o.tls_cert, PEM_SIZE_MAX, &s->tls_key, NULL, e);
		if (r < 0)
			return r;
	}
	fd = listen_at(s->o.addr ?: "127.0.0.1:5000", &s->port, e);
	if (fd < 0)
		return fd;
	s->http = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_http_log, s,
				   MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
				   MHD_OPTION_NOTIFY_COMPLETED, on_done, s, MHD_OPTION_CONNECTION_TIMEOUT,
				   IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
				   MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_SIZE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				   (size_t)CONNECTION_BUF, tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END,
				   s->tls_cert, MHD_OPTION_HTTPS_MEM_KEY, s->tls_key, MHD_OPTION_END);
	if (s->http)
		return 0;
	fd_close(fd);
	return err_kind(e, ERR_INVALID, -EINVAL,
			tls ? "start the server: is %s a certificate and its key there?" : "start the server%s",
			tls ? s->o.tls_cert : "");
}

int registry_server_open(const struct registry_server_opts *o, struct registry_server **ret, struct err *e)
{
	struct registry_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_oom(e);
	s->o = *o;
	pthread_mutex_init(&s->db_lock, NULL);
	pthread_rwlock_init(&s->gc_lock, NULL);
	pthread_mutex_init(&s->end_lock, NULL);
	pthread_cond_init(&s->end_cond, NULL);
	r = blobs_open(o->root, true, &s->blobs, e);
	s->lock_fd = r == 0 ? open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
	if (r == 0 && s->lock_fd < 0)
		r = err_set(e, -errno, "open %s", o->root);
	if (r == 0 && flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		r = err_kind(e, ERR_STATE, -EBUSY, "%s is being served by another registry", o->root);
	if (r == 0)
		r = store_open(s, e);
	if (r == 0)
		r = auth_open(o, &s->auth, e);
	if (r == 0)
		r = uploads_open(s, e);
	if (r == 0 && o->addr)
		r = start_http(s, e);
	if (r == 0)
		r = gc_start(s, e);
	if (r < 0) {
		registry_server_close(s, 0);
		return r;
	}
	*ret = s;
	return 0;
}

unsigned registry_server_port(const struct registry_server *s)
{
	return s->port;
}

struct registry_server *registry_server_close(struct registry_server *s, int timeout_ms)
{
	if (!s)
		return NULL;
	gc_stop(s);
	if (s->http) {
		int fd = MHD_quiesce_daemon(s->http);

		for (int waited = 0; waited < timeout_ms; waited += 20) {
			/* Connections that only wait for another request end with us. */
			if (atomic_load(&s->requests) == 0)
				break;
			nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
		}
		MHD_stop_daemon(s->http);
		fd_close(fd);
	}
	uploads_close(s);
	auth_free(s->auth);
	db_free(s->db);
	blobs_free(s->blobs);
	fd_close(s->lock_fd);
	free(s->tls_cert);
	free(s->tls_key);
	pthread_cond_destroy(&s->end_cond);
	pthread_mutex_destroy(&s->end_lock);
	pthread_rwlock_destroy(&s->gc_lock);
	pthread_mutex_destroy(&s->db_lock);
	free(s);
	return NULL;
}
