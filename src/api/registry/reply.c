/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers. */

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "api/registry/inner.h"
#include "base/fd.h"
#include "base/parse.h"

#define VERSION_HEADER "Docker-Distribution-API-Version"

const char *request_arg(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->c, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_header(const struct request *q, const char *name)
{
	return MHD_lookup_connection_value(q->c, MHD_HEADER_KIND, name);
}

static enum MHD_Result queue(struct request *q, unsigned status, struct MHD_Response *resp, uint64_t size)
{
	enum MHD_Result r;

	if (!resp)
		return MHD_NO;
	MHD_add_response_header(resp, VERSION_HEADER, "registry/2.0");
	MHD_add_response_header(resp, "X-Content-Type-Options", "nosniff");
	r = MHD_queue_response(q->c, status, resp);
	MHD_destroy_response(resp);
	q->answered = true;
	q->status = status;
	q->sent = streq(q->method, "HEAD") ? 0 : size;
	return r;
}

enum MHD_Result answer(struct request *q, unsigned status, const struct buf *body, const char *type,
		       const char *const *headers)
{
	const char *text = body ? buf_str(body) : "";
	struct MHD_Response *resp;

	if (body && buf_error(body, NULL) < 0)
		return MHD_NO;
	resp = MHD_create_response_from_buffer(body ? body->len : 0, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	if (resp && type)
		MHD_add_response_header(resp, "Content-Type", type);
	for (size_t i = 0; resp && headers && headers[i]; i += 2)
		if (headers[i + 1])
			MHD_add_response_header(resp, headers[i], headers[i + 1]);
	return queue(q, status, resp, body ? body->len : 0);
}

static enum MHD_Result error_body(struct request *q, unsigned status, const char *code, const char *message)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json j;

	json_init(&j, &b, false);
	json_object(&j);
	json_key(&j, "errors");
	json_array(&j);
	json_object(&j);
	json_kv_string(&j, "code", code);
	json_kv_string(&j, "message", message);
	json_end_object(&j);
	json_end_array(&j);
	json_end_object(&j);
	return answer(q, status, &b, "application/json", NULL);
}

enum MHD_Result answer_error(struct request *q, unsigned status, const char *code, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_body(q, status, code, text);
}

enum MHD_Result answer_err(struct request *q, const char *code, const struct err *e)
{
	switch (e->kind) {
	case ERR_INVALID:
		return error_body(q, MHD_HTTP_BAD_REQUEST, code, e->msg);
	case ERR_NOT_FOUND:
		return error_body(q, MHD_HTTP_NOT_FOUND, code, e->msg);
	case ERR_LIMIT:
		return error_body(q, MHD_HTTP_CONTENT_TOO_LARGE, code, e->msg);
	case ERR_DENIED:
		return error_body(q, MHD_HTTP_FORBIDDEN, "DENIED", e->msg);
	case ERR_SYSTEM:
	case ERR_EXISTS:
	case ERR_STATE:
	case ERR_MISSING:
		break;
	}
	log_msg(q->s->o.log, LOG_ERROR, "%s %s: %s", q->method, q->url, e->msg);
	return error_body(q, MHD_HTTP_INTERNAL_SERVER_ERROR, "UNKNOWN", e->msg);
}

/* "bytes=A-B", "bytes=A-", "bytes=-N" of SIZE bytes. 1: that range; 0: the header says nothing that counts; -1: none of it is there. */
static int scan_range(const char *text, uint64_t size, uint64_t *ret_from, uint64_t *ret_len)
{
	const char *p = text ? startswith(text, "bytes=") : NULL, *dash;
	char first[24];
	uint64_t a = 0, b = size ? size - 1 : 0;

	if (!p || strchr(p, ',') || !(dash = strchr(p, '-')) || (size_t)(dash - p) >= sizeof(first))
		return 0;
	memcpy(first, p, (size_t)(dash - p));
	first[dash - p] = '\0';
	if (!*first) {
		if (parse_u64(dash + 1, &b) < 0)
			return 0;
		if (b == 0 || size == 0)
			return -1;
		a = b < size ? size - b : 0;
		b = size - 1;
	} else if (parse_u64(first, &a) < 0 || (dash[1] && (parse_u64(dash + 1, &b) < 0 || b < a)))
		return 0;
	if (a >= size)
		return -1;
	if (b >= size)
		b = size - 1;
	*ret_from = a;
	*ret_len = b - a + 1;
	return 1;
}

/* FD is the callee's. The kernel copies it to the socket, where that is not encrypted. */
enum MHD_Result answer_fd(struct request *q, int fd, uint64_t size, const char *type, const char *digest)
{
	char range[80], etag[DIGEST_MAX + 4];
	const char *match = request_header(q, "If-None-Match");
	uint64_t from = 0, len = size;
	struct MHD_Response *resp;
	int part = scan_range(request_header(q, "Range"), size, &from, &len);

	snprintf(etag, sizeof(etag), "\"%s\"", digest);
	if (match && strstr(match, digest)) {
		fd_close(fd);
		return answer(q, MHD_HTTP_NOT_MODIFIED, NULL, NULL, (const char *const[]){ "ETag", etag, NULL });
	}
	if (part < 0) {
		fd_close(fd);
		snprintf(range, sizeof(range), "bytes */%" PRIu64, size);
		return answer(q, MHD_HTTP_RANGE_NOT_SATISFIABLE, NULL, NULL,
			      (const char *const[]){ "Content-Range", range, NULL });
	}
	resp = MHD_create_response_from_fd_at_offset64(len, fd, from);
	if (!resp) {
		fd_close(fd);
		return MHD_NO;
	}
	MHD_add_response_header(resp, "Content-Type", type);
	MHD_add_response_header(resp, "Docker-Content-Digest", digest);
	MHD_add_response_header(resp, "ETag", etag);
	MHD_add_response_header(resp, "Accept-Ranges", "bytes");
	MHD_add_response_header(resp, "Cache-Control", "max-age=31536000");
	if (part > 0) {
		snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, from, from + len - 1, size);
		MHD_add_response_header(resp, "Content-Range", range);
	}
	return queue(q, part > 0 ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, resp, len);
}
