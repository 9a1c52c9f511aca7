/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Blobs that are there: given and taken away. */

#include "api/registry/inner.h"
#include "base/fd.h"

enum MHD_Result blob_serve(struct request *q)
{
	struct registry_server *s = q->s;
	uint64_t size;
	int fd, r;

	if (digest_check(q->ref, &q->e) < 0)
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "%s", q->e.msg);
	r = store_has_blob(s, q->repo, q->ref, &q->e);
	if (r == 0 && s->o.proxy)
		r = proxy_blob(s, q->repo, q->ref, &q->e) == 0;
	if (r < 0)
		return answer_err(q, "BLOB_UNKNOWN", &q->e);
	if (r == 0 || blobs_stat(s->blobs, q->ref, &size, NULL) < 0)
		return answer_error(q, MHD_HTTP_NOT_FOUND, "BLOB_UNKNOWN", "blob %s unknown to registry", q->ref);
	fd = blobs_fd(s->blobs, q->ref, &q->e);
	if (fd < 0)
		return answer_err(q, "BLOB_UNKNOWN", &q->e);
	return answer_fd(q, fd, size, "application/octet-stream", q->ref);
}

/* The content stays until a collection finds it in no repository. */
enum MHD_Result blob_remove(struct request *q)
{
	int r;

	if (digest_check(q->ref, &q->e) < 0)
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "%s", q->e.msg);
	r = store_unlink_blob(q->s, q->repo, q->ref, &q->e);
	if (r < 0)
		return answer_err(q, "BLOB_UNKNOWN", &q->e);
	if (r == 0)
		return answer_error(q, MHD_HTTP_NOT_FOUND, "BLOB_UNKNOWN", "blob %s unknown to registry", q->ref);
	return answer(q, MHD_HTTP_ACCEPTED, NULL, NULL, NULL);
}
