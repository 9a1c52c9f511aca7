/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Uploads: POST begins one, PATCH goes on with it, PUT ends it. Its id is the key of its ingest, so what was received
 * survives us; while we run, the writer of one that is being sent in pieces stays open with its hash.
 */

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "api/registry/inner.h"
#include "base/parse.h"

#define ID_LEN	      32
#define UPLOADS_OPEN  256    /* writers that are kept open between requests */
#define IDLE_S	      300    /* … and for how long */
#define UPLOADS_LIMIT 100000 /* known ids */

struct upload {
	char id[ID_LEN + 1];
	char repo[REG_NAME_MAX + 1];
	struct blob_writer *w; /* NULL: none open */
	bool single;	       /* of one request, in no table */
	bool busy;
	time_t used;
	struct upload *next;
};

struct uploads {
	pthread_mutex_t lock;
	struct upload *first;
	unsigned n;
};

int uploads_open(struct registry_server *s, struct err *e)
{
	s->uploads = calloc(1, sizeof(*s->uploads));
	if (!s->uploads)
		return err_oom(e);
	pthread_mutex_init(&s->uploads->lock, NULL);
	return 0;
}

static void upload_free(struct upload *u)
{
	blob_writer_free(u->w);
	free(u);
}

void uploads_close(struct registry_server *s)
{
	struct upload *u, *next;

	if (!s->uploads)
		return;
	for (u = s->uploads->first; u; u = next) {
		next = u->next;
		upload_free(u);
	}
	pthread_mutex_destroy(&s->uploads->lock);
	free(s->uploads);
	s->uploads = NULL;
}

static int new_id(char ret[static ID_LEN + 1], struct err *e)
{
	uint8_t raw[ID_LEN / 2];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_set(e, -errno, "get random bytes");
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(ret + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

static bool id_valid(const char *s)
{
	return strlen(s) == ID_LEN && strspn(s, "0123456789abcdef") == ID_LEN;
}

/* An ingest belongs to the repository that it was begun for: the key has a hash of its name. */
static void key_of(const struct request *q, const char *id, char ret[static 80])
{
	char digest[DIGEST_MAX];

	digest_of(q->repo, strlen(q->repo), digest);
	snprintf(ret, 80, "upload-%s-%.16s", id, digest_hex(digest));
}

/* Writers that nobody has asked for in a while are closed; with the lock held. */
static void close_idle(struct uploads *t)
{
	const time_t now = time(NULL);
	struct upload **at = &t->first, *u;

	while ((u = *at)) {
		if (!u->busy && now - u->used > IDLE_S) {
			*at = u->next;
			t->n--;
			upload_free(u);
		} else
			at = &u->next;
	}
}

/* The upload ID, this request's alone. 0; 1: another request has it; -ENOENT: there is none. */
static int take(struct request *q, const char *id)
{
	struct uploads *t = q->s->uploads;
	struct upload *u;
	char key[80];
	uint64_t at;
	int r = 0;

	if (!id_valid(id))
		return -ENOENT;
	pthread_mutex_lock(&t->lock);
	close_idle(t);
	for (u = t->first; u && !(streq(u->id, id) && streq(u->repo, q->repo)); u = u->next)
		;
	if (u && u->busy)
		r = 1;
	else if (u)
		u->busy = true;
	pthread_mutex_unlock(&t->lock);
	if (r)
		return r;
	if (u) {
		q->upload = u;
		return 0;
	}
	key_of(q, id, key);
	if (blobs_ingest_size(q->s->blobs, key, &at, NULL) < 0)
		return -ENOENT;
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_oom(&q->e);
	snprintf(u->id, sizeof(u->id), "%s", id);
	snprintf(u->repo, sizeof(u->repo), "%s", q->repo);
	u->single = true;
	u->busy = true;
	r = blob_begin(q->s->blobs, key, true, &u->w, &at, &q->e);
	if (r < 0) {
		free(u);
		return r == -EBUSY ? 1 : r;
	}
	q->upload = u;
	return 0;
}

static int begin(struct request *q)
{
	struct upload *u = calloc(1, sizeof(*u));
	char key[80];
	uint64_t at;
	int r;

	if (!u)
		return err_oom(&q->e);
	snprintf(u->repo, sizeof(u->repo), "%s", q->repo);
	r = new_id(u->id, &q->e);
	key_of(q, u->id, key);
	if (r == 0)
		r = blob_begin(q->s->blobs, key, false, &u->w, &at, &q->e);
	if (r < 0) {
		free(u);
		return r;
	}
	u->single = true;
	u->busy = true;
	q->upload = u;
	return 0;
}

/* The request is over. One that goes on is put where the next request finds it. */
void upload_release(struct request *q)
{
	struct uploads *t = q->s->uploads;
	struct upload *u = q->upload, **at;

	q->upload = NULL;
	if (!u)
		return;
	pthread_mutex_lock(&t->lock);
	u->busy = false;
	u->used = time(NULL);
	if (u->w && u->single && t->n < UPLOADS_OPEN) {
		u->single = false;
		u->next = t->first;
		t->first = u;
		t->n++;
		u = NULL;
	} else if (!u->w && !u->single) {
		for (at = &t->first; *at != u; at = &(*at)->next)
			;
		*at = u->next;
		t->n--;
	} else if (!u->single)
		u = NULL;
	pthread_mutex_unlock(&t->lock);
	if (u)
		upload_free(u);
}

static void end_writer(struct upload *u)
{
	u->w = blob_writer_free(u->w);
}

/* --- answers ------------------------------------------------------------------------------------------------------------- */

static enum MHD_Result unknown(struct request *q)
{
	return answer_error(q, MHD_HTTP_NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry");
}

static enum MHD_Result place_reply(struct request *q, unsigned status)
{
	const uint64_t n = blob_written(q->upload->w);
	char location[REG_NAME_MAX + 80], range[40];

	snprintf(location, sizeof(location), "/v2/%s/blobs/uploads/%s", q->repo, q->upload->id);
	snprintf(range, sizeof(range), "0-%" PRIu64, n ? n - 1 : 0);
	return answer(q, status, NULL, NULL,
		      (const char *const[]){ "Location", location, "Range", range, "Docker-Upload-UUID", q->upload->id,
					     NULL });
}

static enum MHD_Result made_reply(struct request *q, const char *digest)
{
	char location[REG_NAME_MAX + DIGEST_MAX + 16];

	snprintf(location, sizeof(location), "/v2/%s/blobs/%s", q->repo, digest);
	return answer(q, MHD_HTTP_CREATED, NULL, NULL,
		      (const char *const[]){ "Location", location, "Docker-Content-Digest", digest, NULL });
}

/* Content that some repository has is linked into this one: 1. */
static int mount(struct request *q, const char *digest, const char *from)
{
	struct registry_server *s = q->s;
	int r;

	if (!digest_valid(digest))
		return 0;
	pthread_rwlock_rdlock(&s->gc_lock);
	r = from ? store_has_blob(s, from, digest, &q->e) : store_find_blob(s, digest, &q->e);
	if (r > 0 && blobs_stat(s->blobs, digest, NULL, NULL) < 0)
		r = 0;
	if (r > 0) {
		r = store_link_blob(s, q->repo, digest, &q->e);
		r = r < 0 ? r : 1;
	}
	pthread_rwlock_unlock(&s->gc_lock);
	return r;
}

enum MHD_Result upload_post(struct request *q, bool *ret_answered)
{
	const char *digest = request_arg(q, "digest"), *algorithm = request_arg(q, "digest-algorithm"),
		   *from = request_arg(q, "mount");
	int r = 0;

	*ret_answered = true;
	if (digest && digest_check(digest, &q->e) < 0)
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "%s", q->e.msg);
	if (algorithm && !streq(algorithm, "sha256") && !streq(algorithm, "sha512"))
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "unknown digest algorithm '%s'",
				    algorithm);
	if (from) {
		const char *other = request_arg(q, "from");

		/* What one may not read one may not mount: the tokens of this request have been checked for this repository only. */
		r = mount_allowed(q, other) ? mount(q, from, other) : 0;
		if (r > 0)
			return made_reply(q, from);
	}
	if (r == 0)
		r = begin(q);
	if (r < 0)
		return answer_err(q, "BLOB_UPLOAD_INVALID", &q->e);
	*ret_answered = false;
	return MHD_YES;
}

/* "A-B" of PATCH and PUT: it must begin where we are. */
static bool range_fits(const char *text, uint64_t at, const char *length)
{
	const char *dash = strchr(text, '-');
	char first[24];
	uint64_t a, b, n;

	text = startswith(text, "bytes ") ?: text;
	dash = strchr(text, '-');
	if (!dash || (size_t)(dash - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	if (parse_u64(first, &a) < 0 || parse_u64(dash + 1, &b) < 0 || a != at || b < a)
		return false;
	return !length || (parse_u64(length, &n) == 0 && n == b - a + 1);
}

enum MHD_Result upload_open(struct request *q, bool *ret_answered)
{
	const char *range = request_header(q, "Content-Range"), *digest = request_arg(q, "digest");
	int r = take(q, q->ref);

	*ret_answered = true;
	if (r == 1)
		return answer_error(q, MHD_HTTP_CONFLICT, "BLOB_UPLOAD_INVALID",
				    "another request is sending to this upload");
	if (r == -ENOENT)
		return unknown(q);
	if (r < 0)
		return answer_err(q, "BLOB_UPLOAD_INVALID", &q->e);
	if (streq(q->method, "PUT") && (!digest || digest_check(digest, &q->e) < 0))
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "%s",
				    digest ? q->e.msg : "the parameter digest is missing");
	if (range && !range_fits(range, blob_written(q->upload->w), request_header(q, "Content-Length"))) {
		const uint64_t n = blob_written(q->upload->w);
		char location[REG_NAME_MAX + 80], have[40];

		snprintf(location, sizeof(location), "/v2/%s/blobs/uploads/%s", q->repo, q->upload->id);
		snprintf(have, sizeof(have), "0-%" PRIu64, n ? n - 1 : 0);
		return answer(q, MHD_HTTP_RANGE_NOT_SATISFIABLE, NULL, NULL,
			      (const char *const[]){ "Location", location, "Range", have, NULL });
	}
	*ret_answered = false;
	return MHD_YES;
}

void upload_data(struct request *q, const char *data, size_t len)
{
	if (q->error == 0 && q->upload && q->upload->w)
		q->error = blob_write(q->upload->w, data, len, &q->e);
}

/* In place, and in the repository. */
static enum MHD_Result finish(struct request *q, const char *want)
{
	struct registry_server *s = q->s;
	char digest[DIGEST_MAX];
	int r;

	pthread_rwlock_rdlock(&s->gc_lock);
	r = blob_commit(q->upload->w, want, digest, &q->e);
	if (r == 0)
		r = store_link_blob(s, q->repo, digest, &q->e);
	pthread_rwlock_unlock(&s->gc_lock);
	end_writer(q->upload);
	if (r == -EBADMSG)
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "%s", q->e.msg);
	return r < 0 ? answer_err(q, "BLOB_UPLOAD_INVALID", &q->e) : made_reply(q, digest);
}

enum MHD_Result upload_end(struct request *q)
{
	const char *digest = request_arg(q, "digest");

	if (q->error < 0)
		return answer_err(q, "BLOB_UPLOAD_INVALID", &q->e);
	if (streq(q->method, "PUT") || (streq(q->method, "POST") && digest))
		return finish(q, digest);
	return place_reply(q, MHD_HTTP_ACCEPTED);
}

enum MHD_Result upload_status(struct request *q)
{
	int r = take(q, q->ref);

	if (r == 1)
		return answer_error(q, MHD_HTTP_CONFLICT, "BLOB_UPLOAD_INVALID",
				    "another request is sending to this upload");
	if (r < 0)
		return r == -ENOENT ? unknown(q) : answer_err(q, "BLOB_UPLOAD_UNKNOWN", &q->e);
	return place_reply(q, MHD_HTTP_NO_CONTENT);
}

enum MHD_Result upload_cancel(struct request *q)
{
	int r = take(q, q->ref);

	if (r == 1)
		return answer_error(q, MHD_HTTP_CONFLICT, "BLOB_UPLOAD_INVALID",
				    "another request is sending to this upload");
	if (r < 0)
		return r == -ENOENT ? unknown(q) : answer_err(q, "BLOB_UPLOAD_UNKNOWN", &q->e);
	blob_drop(q->upload->w);
	end_writer(q->upload);
	return answer(q, MHD_HTTP_NO_CONTENT, NULL, NULL, NULL);
}
