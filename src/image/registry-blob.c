/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Blobs. A download goes on behind what is there of it, from this try, an earlier one or another mirror; the digest of the whole
 * decides. An upload that breaks off goes on where the registry says that it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "image/registry-inner.h"

#define PROGRESS_BYTES (256u << 10) /* an attempt that got that far does not count */
#define ONE_PUT	       (1u << 20)   /* up to here an upload is one request */
#define WAIT_OTHER_MS  100

/* --- download ------------------------------------------------------------------------------------------------------------------------ */

struct download {
	struct registry *r;
	const struct descriptor *d;
	struct blob_writer *w;
	const struct fetch_watch *watch;
	uint64_t skip; /* bytes of the answer that are there already */
	bool begun;
};

/* The number that follows PREFIX, and what follows it. */
static bool number_after(const char *s, const char *prefix, uint64_t *ret, char *ret_next)
{
	char digits[24];
	size_t n;

	s = s ? startswith(s, prefix) : NULL;
	n = s ? strspn(s, "0123456789") : 0;
	if (!n || n >= sizeof(digits))
		return false;
	memcpy(digits, s, n);
	digits[n] = '\0';
	*ret_next = s[n];
	return parse_u64(digits, ret) >= 0;
}

/* Where the answer begins: a range as asked for, or all of it. */
static int first_bytes(struct download *x, const struct http_reply *reply, struct err *e)
{
	const char *range = http_header(reply, "Content-Range");
	uint64_t at = blob_written(x->w), from = 0;
	char next;

	x->begun = true;
	x->skip = at;
	if (reply->status != 206)
		return 0;
	if (!number_after(range, "bytes ", &from, &next) || next != '-' || from > at)
		return err_kind(e, ERR_INVALID, -EPROTO,
				"the answer's Content-Range '%.100s' is not what was asked for", range ?: "");
	x->skip = at - from;
	return 0;
}

static int on_bytes(void *arg, const struct http_reply *reply, const void *data, size_t len, struct err *e)
{
	struct download *x = arg;
	int rc = x->begun ? 0 : first_bytes(x, reply, e);

	if (rc < 0)
		return rc;
	if (x->skip) {
		size_t n = x->skip < len ? (size_t)x->skip : len;

		x->skip -= n;
		data = (const char *)data + n;
		len -= n;
	}
	if (len > x->d->size - blob_written(x->w))
		return err_kind(e, ERR_INVALID, -EBADMSG,
				"blob %s is longer than the %" PRIu64 " bytes that its manifest says", x->d->digest,
				x->d->size);
	rc = len ? blob_write(x->w, data, len, e) : 0;
	if (rc >= 0 && x->watch && x->watch->moved)
		x->watch->moved(x->watch->arg, blob_written(x->w));
	return rc;
}

/* One request. 0: the answer came to its end. */
static int fetch_once(struct download *x, struct endpoint *ep, const char *path, struct http_reply *reply,
		      struct err *e)
{
	_cleanup_buf_ struct buf url = BUF_INIT, scope = BUF_INIT;
	uint64_t at = blob_written(x->w);
	char range[64];
	const char *headers[2] = { at ? range : NULL, NULL };
	int rc = endpoint_url(x->r, ep, path, &url, e);

	if (rc >= 0)
		rc = endpoint_scope(ep, path, false, NULL, &scope, e);
	if (rc < 0)
		return rc;
	buf_printf(&url, "blobs/%s", x->d->digest);
	snprintf(range, sizeof(range), "Range: bytes=%" PRIu64 "-", at);
	x->begun = false;
	return endpoint_try(
		x->r, ep, buf_str(&scope),
		&(struct http_request){
			.method = "GET", .url = buf_str(&url), .headers = headers, .sink = on_bytes, .arg = x },
		reply, e);
}

static int short_body(const struct download *x, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EBADMSG, "blob %s: the registry sent %" PRIu64 " bytes of %" PRIu64,
			x->d->digest, blob_written(x->w), x->d->size);
}

/* From one endpoint, until all is there. */
static int fetch_from(struct download *x, struct endpoint *ep, const char *path, struct err *e)
{
	uint64_t last = blob_written(x->w);

	for (unsigned attempt = 0; blob_written(x->w) < x->d->size; attempt++) {
		_cleanup_http_reply_ struct http_reply reply = { 0 };
		int rc = fetch_once(x, ep, path, &reply, e), paused;

		if (rc >= 0 && reply.status / 100 == 2 && blob_written(x->w) == x->d->size)
			return 0;
		if (blob_written(x->w) - last >= PROGRESS_BYTES) {
			last = blob_written(x->w);
			attempt = 0;
		}
		/* An answer that ends too early is as good as one that broke off. */
		if (rc >= 0 && reply.status / 100 == 2)
			rc = short_body(x, e);
		else if (rc >= 0 && !reply_may_pass(ep, &reply, rc))
			return reply_error(&reply, x->d->digest, e);
		else if (rc < 0 && !reply_may_pass(ep, &reply, rc))
			return rc;
		if (attempt >= x->r->retries)
			return rc < 0 ? rc : reply_error(&reply, x->d->digest, e);
		paused = registry_pause(x->r, attempt, &reply, e);
		if (paused < 0)
			return paused;
	}
	return 0;
}

/* Another pull may be at the same blob: then it is waited for. 1: the blob is there. */
static int begin(struct download *x, struct blobs *b, bool resume, struct err *e)
{
	uint64_t at = 0;
	int rc;

	for (;;) {
		struct timespec t = { .tv_nsec = WAIT_OTHER_MS * 1000000l };

		if (blobs_stat(b, x->d->digest, NULL, NULL) >= 0)
			return 1;
		rc = blob_begin(b, x->d->digest, resume, &x->w, &at, e);
		if (rc != -EBUSY)
			break;
		if (atomic_load(&x->r->stop))
			return rc;
		nanosleep(&t, NULL);
	}
	if (rc >= 0 && at > x->d->size) {
		blob_drop(x->w);
		x->w = blob_writer_free(x->w);
		return begin(x, b, false, e);
	}
	if (rc < 0)
		return rc;
	if (x->watch && x->watch->begun)
		x->watch->begun(x->watch->arg, x->w, !resume);
	return 0;
}

static int fetch_all(struct download *x, const char *path, struct blobs *b, struct err *e)
{
	char digest[DIGEST_MAX];
	int rc = -ENOENT;

	/* Twice, where what an earlier one left, or a mirror gave, has spoilt the first. */
	for (unsigned round = 0; round < 2; round++) {
		uint64_t left;

		rc = begin(x, b, round == 0, e);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		left = blob_written(x->w);
		for (unsigned i = round ? x->r->n_endpoints - 1 : 0; i < x->r->n_endpoints; i++) {
			rc = fetch_from(x, &x->r->endpoints[i], path, e);
			if (rc >= 0 || rc == -ECANCELED)
				break;
		}
		if (rc == -EBADMSG)
			blob_drop(x->w);
		if (rc >= 0)
			rc = blob_commit(x->w, x->d->digest, digest, e);
		x->w = blob_writer_free(x->w);
		if (rc != -EBADMSG || (!left && x->r->n_endpoints == 1))
			return rc < 0 ? rc : 0;
		err_clear(e);
	}
	return rc;
}

int registry_fetch_watched(struct registry *r, const char *path, const struct descriptor *d, struct blobs *b,
			   const struct fetch_watch *watch, struct err *e)
{
	struct download x = { .r = r, .d = d, .watch = watch };
	int rc = digest_check(d->digest, e);

	if (rc >= 0)
		rc = fetch_all(&x, path, b, e);
	blob_writer_free(x.w);
	return rc;
}

struct teller {
	const struct progress *p;
	const char *id;
	uint64_t size, told;
};

static void tell(void *arg, uint64_t bytes)
{
	struct teller *t = arg;

	if (bytes - t->told < PROGRESS_BYTES && bytes != t->size)
		return;
	t->told = bytes;
	progress_say(t->p, t->id, "Downloading", bytes, t->size);
}

int registry_fetch(struct registry *r, const char *path, const struct descriptor *d, struct blobs *b,
		   const struct progress *p, const char *id, struct err *e)
{
	struct teller t = { .p = p, .id = id, .size = d->size };

	return registry_fetch_watched(r, path, d, b, &(struct fetch_watch){ .moved = p ? tell : NULL, .arg = &t }, e);
}

/* --- upload --------------------------------------------------------------------------------------------------------------------------- */

struct upload {
	struct registry *r;
	struct endpoint *ep;
	const char *path;
	const struct descriptor *d;
	const struct progress *p;
	const char *id;
	struct buf scope;
	char *location;
	uint64_t at; /* the registry has it up to here */
	uint64_t told;
	int fd;
};

static void on_sent(void *arg, uint64_t bytes)
{
	struct upload *u = arg;

	bytes += u->at;
	if (bytes - u->told < PROGRESS_BYTES && bytes != u->d->size)
		return;
	u->told = bytes;
	progress_say(u->p, u->id, "Pushing", bytes, u->d->size);
}

/* Takes over where the upload goes on. */
static int take_location(struct upload *u, const struct http_reply *reply, struct err *e)
{
	const char *location = http_header(reply, "Location");
	char *next;
	int rc;

	if (!location)
		return err_kind(e, ERR_INVALID, -EPROTO, "the registry does not say where to upload to");
	rc = http_resolve(u->r->http, reply->url, location, &next, e);
	if (rc < 0)
		return rc;
	free(u->location);
	u->location = next;
	return 0;
}

int registry_has(struct registry *r, const char *path, const char *digest, struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_buf_ struct buf url = BUF_INIT, scope = BUF_INIT;
	struct endpoint *ep = registry_self(r);
	int rc = digest_check(digest, e);

	if (rc >= 0)
		rc = endpoint_url(r, ep, path, &url, e);
	if (rc >= 0)
		rc = endpoint_scope(ep, path, true, NULL, &scope, e);
	if (rc < 0)
		return rc;
	buf_printf(&url, "blobs/%s", digest);
	rc = endpoint_call(r, ep, buf_str(&scope), &(struct http_request){ .method = "HEAD", .url = buf_str(&url) },
			   &reply, e);
	if (rc < 0)
		return rc;
	if (reply.status == 404)
		return 0;
	return reply.status / 100 == 2 ? 1 : reply_error(&reply, buf_str(&url), e);
}

/* 1: mounted, nothing is to be sent. */
static int start_upload(struct upload *u, const char *from, struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_buf_ struct buf url = BUF_INIT, scope = BUF_INIT;
	int rc = endpoint_url(u->r, u->ep, u->path, &url, e);

	if (rc >= 0)
		rc = endpoint_scope(u->ep, u->path, true, from, &scope, e);
	if (rc < 0)
		return rc;
	buf_puts(&url, "blobs/uploads/");
	if (from) {
		buf_printf(&url, "?mount=%s&from=", u->d->digest);
		http_escape(from, "/", &url);
	}
	rc = buf_error(&url, e);
	if (rc >= 0)
		rc = endpoint_call(u->r, u->ep, buf_str(&scope),
				   &(struct http_request){ .method = "POST", .url = buf_str(&url), .data = "" }, &reply,
				   e);
	if (rc < 0)
		return rc;
	if (reply.status == 201 && from)
		return 1;
	if (reply.status != 202)
		return reply_error(&reply, "begin an upload", e);
	u->at = 0;
	return take_location(u, &reply, e);
}

/* How much the registry has, after an upload that broke off. False: it is to begin anew. */
static bool ask_offset(struct upload *u)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	const char *range;
	uint64_t last;
	char next;

	if (endpoint_try(u->r, u->ep, buf_str(&u->scope), &(struct http_request){ .method = "GET", .url = u->location },
			 &reply, NULL) < 0 ||
	    reply.status / 100 != 2)
		return false;
	range = http_header(&reply, "Range");
	if (!number_after(range, "0-", &last, &next) || next || last >= u->d->size)
		return false;
	/* "0-0" is said for nothing, too: then that byte is sent again, or all. */
	if (last == 0)
		return false;
	u->at = last + 1;
	return !http_header(&reply, "Location") || take_location(u, &reply, NULL) >= 0;
}

/* LOCATION with the digest in its query. */
static int final_url(const struct upload *u, struct buf *out, struct err *e)
{
	buf_puts(out, u->location);
	buf_printf(out, "%cdigest=", strchr(u->location, '?') ? '&' : '?');
	http_escape(u->d->digest, NULL, out);
	return buf_error(out, e);
}

/* One request with what is left; FINAL: it also ends the upload. */
static int send_rest(struct upload *u, bool final, struct http_reply *reply, struct err *e)
{
	_cleanup_buf_ struct buf url = BUF_INIT;
	char range[96];
	const char *headers[3] = { "Content-Type: application/octet-stream", u->at ? range : NULL, NULL };
	struct http_request q = {
		.method = final ? "PUT" : "PATCH", .url = u->location, .headers = headers, .sent = on_sent, .arg = u
	};
	int rc = 0;

	snprintf(range, sizeof(range), "Content-Range: %" PRIu64 "-%" PRIu64, u->at, u->d->size - 1);
	if (final) {
		rc = final_url(u, &url, e);
		q.url = buf_str(&url);
	}
	q.fd = u->fd;
	q.offset = u->at;
	q.length = u->d->size - u->at;
	if (!q.length)
		q.data = "";
	return rc < 0 ? rc : endpoint_try(u->r, u->ep, buf_str(&u->scope), &q, reply, e);
}

static int end_upload(struct upload *u, struct err *e)
{
	_cleanup_http_reply_ struct http_reply reply = { 0 };
	_cleanup_buf_ struct buf url = BUF_INIT;
	int rc = final_url(u, &url, e);

	if (rc >= 0)
		rc = endpoint_try(u->r, u->ep, buf_str(&u->scope),
				  &(struct http_request){ .method = "PUT", .url = buf_str(&url), .data = "" }, &reply,
				  e);
	if (rc < 0)
		return rc;
	return reply.status / 100 == 2 ? 0 : reply_error(&reply, "end an upload", e);
}

/* What broke off is taken up, or begun anew. */
static int send_blob(struct upload *u, struct err *e)
{
	bool final = u->d->size <= ONE_PUT;

	for (unsigned attempt = 0;; attempt++) {
		_cleanup_http_reply_ struct http_reply reply = { 0 };
		uint64_t before = u->at;
		int rc = send_rest(u, final, &reply, e);

		if (rc >= 0 && reply.status / 100 == 2) {
			if (final)
				return 0;
			rc = take_location(u, &reply, e);
			return rc < 0 ? rc : end_upload(u, e);
		}
		if (attempt >= u->r->retries || !(reply_may_pass(u->ep, &reply, rc) || reply.status == 416))
			return rc < 0 ? rc : reply_error(&reply, u->d->digest, e);
		rc = registry_pause(u->r, attempt, &reply, e);
		if (rc < 0)
			return rc;
		if (!ask_offset(u)) {
			rc = start_upload(u, NULL, e);
			if (rc < 0)
				return rc;
		}
		if (u->at > before + PROGRESS_BYTES)
			attempt = 0;
		final = u->d->size - u->at <= ONE_PUT && !u->at;
		err_clear(e);
	}
}

int registry_upload(struct registry *r, const char *path, const struct descriptor *d, const char *from, struct blobs *b,
		    const struct progress *p, const char *id, struct err *e)
{
	struct upload u = { .r = r, .ep = registry_self(r), .path = path, .d = d, .p = p, .id = id, .fd = -EBADF };
	_cleanup_close_ int fd = -EBADF;
	int rc = registry_has(r, path, d->digest, e);

	if (rc != 0)
		return rc;
	rc = endpoint_scope(u.ep, path, true, NULL, &u.scope, e);
	if (rc >= 0)
		rc = start_upload(&u, from, e);
	if (rc == 1)
		rc = 2;
	if (rc == 0) {
		u.fd = fd = blobs_fd(b, d->digest, e);
		rc = fd < 0 ? fd : send_blob(&u, e);
	}
	buf_done(&u.scope);
	free(u.location);
	return rc;
}
