/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Manifests, tags, referrers and the catalog. */

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>

#include "api/registry/inner.h"
#include "base/parse.h"
#include "dialect/docker/jread.h"
#include "dialect/oci/json-c.h"
#include "image/reference.h"

/* --- what a manifest says -------------------------------------------------------------------------------------------- */

static bool may_be_elsewhere(const char *type)
{
	return type && (strstr(type, ".foreign.") || strstr(type, ".nondistributable."));
}

static int scan_descriptor(struct json_c_value *d, const char *what, struct part *ret, bool *ret_elsewhere,
			   struct err *e)
{
	_cleanup_free_ char *digest = NULL, *type = NULL;
	int64_t size = -1;
	int r = jread_string(d, "digest", &digest, e);

	if (r == 0)
		r = jread_string(d, "mediaType", &type, e);
	if (r == 0)
		r = jread_i64(d, "size", 0, INT64_MAX, &size, e);
	if (r < 0)
		return err_wrap(e, r, "%s", what);
	if (!digest || !type || size < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: a descriptor has digest, mediaType and size", what);
	r = digest_check(digest, e);
	if (r < 0)
		return err_wrap(e, r, "%s", what);
	snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	ret->size = (uint64_t)size;
	*ret_elsewhere = may_be_elsewhere(type);
	return 0;
}

static int add_part(struct parsed_manifest *m, struct json_c_value *d, const char *what, enum part_kind kind,
		    struct err *e)
{
	struct part *v = reallocarray(m->parts, m->n_parts + 1, sizeof(*v));
	bool elsewhere;
	int r;

	if (!v)
		return err_oom(e);
	m->parts = v;
	r = scan_descriptor(d, what, &v[m->n_parts], &elsewhere, e);
	if (r < 0)
		return r;
	v[m->n_parts++].kind = kind == PART_BLOB && elsewhere ? PART_FOREIGN : kind;
	return 0;
}

static int scan_list(struct parsed_manifest *m, struct json_c_value *o, const char *name, enum part_kind kind,
		     bool *ret_there, struct err *e)
{
	struct json_c_value *a = NULL;
	size_t n = 0;
	int r = jread_array(o, name, &a, &n, e);

	*ret_there = a != NULL;
	for (size_t i = 0; i < n && r == 0; i++) {
		struct json_c_value *d = json_object_array_get_idx(a, i);

		if (!d || !json_object_is_type(d, json_type_object))
			return err_kind(e, ERR_INVALID, -EINVAL, "%s[%zu] is no object", name, i);
		r = add_part(m, d, name, kind, e);
	}
	return r;
}

static int scan_subject(struct json_c_value *o, struct parsed_manifest *m, struct err *e)
{
	struct json_c_value *subject = NULL;
	struct part one;
	bool elsewhere;
	int r = jread_object(o, "subject", &subject, e);

	if (r < 0 || !subject)
		return r;
	r = scan_descriptor(subject, "subject", &one, &elsewhere, e);
	if (r == 0)
		snprintf(m->subject, sizeof(m->subject), "%s", one.digest);
	return r;
}

/* The type of an artifact is its own, or what its configuration is. */
static int scan_artifact(struct json_c_value *o, struct json_c_value *config, struct parsed_manifest *m, struct err *e)
{
	struct json_c_value *annotations = NULL;
	int r = jread_string(o, "artifactType", &m->artifact_type, e);

	if (r == 0 && isempty(m->artifact_type) && config)
		r = jread_string(config, "mediaType", &m->artifact_type, e);
	if (r == 0)
		r = jread_object(o, "annotations", &annotations, e);
	if (r < 0 || !annotations)
		return r;
	m->annotations = strdup(
		json_object_to_json_string_ext(annotations, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	return m->annotations ? 0 : err_oom(e);
}

/* Its version, and what type it is: as its text says, or as the request does. */
static int scan_head(struct json_c_value *o, const char *type, struct parsed_manifest *ret, struct err *e)
{
	_cleanup_free_ char *own = NULL;
	int64_t version = 0;
	int r = jread_i64(o, "schemaVersion", INT32_MIN, INT32_MAX, &version, e);

	if (r == 0)
		r = jread_string(o, "mediaType", &own, e);
	if (r < 0)
		return r;
	if (version != 2)
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: schemaVersion %" PRIi64 " is not served", version);
	if (!isempty(own) && !isempty(type) && !streq(own, type))
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: its mediaType is %s, Content-Type %s", own, type);
	if (isempty(own) && isempty(type))
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: it says no media type");
	ret->type = strdup(isempty(type) ? own : type);
	return ret->type ? 0 : err_oom(e);
}

static int scan_parts(struct json_c_value *o, struct json_c_value *config, struct parsed_manifest *ret, struct err *e)
{
	bool layers = false, children = false;
	int r = config ? add_part(ret, config, "config", PART_BLOB, e) : 0;

	if (r == 0)
		r = scan_list(ret, o, "layers", PART_BLOB, &layers, e);
	/* Of the withdrawn artifact manifests, which some still push. */
	if (r == 0 && !layers)
		r = scan_list(ret, o, "blobs", PART_BLOB, &layers, e);
	if (r == 0)
		r = scan_list(ret, o, "manifests", PART_MANIFEST, &children, e);
	if (r < 0)
		return r;
	if (!config && !layers && !children)
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: neither an image's nor an index");
	/* Two readers would see two things (CVE-2021-41190). */
	if ((config || layers) && children)
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: an image's and an index at once");
	return 0;
}

int manifest_scan(const char *text, size_t len, const char *type, struct parsed_manifest *ret, struct err *e)
{
	_cleanup_(jread_freep) struct json_c_value *o = NULL;
	struct json_c_value *config = NULL;
	int r = jread_text(text, len, "manifest", &o, e);

	if (r < 0)
		return r;
	if (!json_object_is_type(o, json_type_object))
		return err_kind(e, ERR_INVALID, -EINVAL, "manifest: no JSON object");
	r = scan_head(o, type, ret, e);
	if (r == 0)
		r = jread_object(o, "config", &config, e);
	if (r == 0)
		r = scan_parts(o, config, ret, e);
	if (r == 0)
		r = scan_subject(o, ret, e);
	return r < 0 ? r : scan_artifact(o, config, ret, e);
}

/* --- given ------------------------------------------------------------------------------------------------------------- */

static bool ref_valid(struct request *q)
{
	return strchr(q->ref, ':') ? digest_check(q->ref, &q->e) == 0 : reference_tag_valid(q->ref);
}

static enum MHD_Result unknown(struct request *q)
{
	return answer_error(q, MHD_HTTP_NOT_FOUND, "MANIFEST_UNKNOWN", "manifest %s unknown to registry", q->ref);
}

enum MHD_Result manifest_serve(struct request *q)
{
	struct registry_server *s = q->s;
	struct stored_manifest m = { 0 };
	enum MHD_Result a;
	int r = 0, fd;

	if (!ref_valid(q))
		return answer_error(q, MHD_HTTP_NOT_FOUND, "MANIFEST_UNKNOWN", "'%s' is neither a tag nor a digest",
				    q->ref);
	/* A tag may have moved there; a digest never does. */
	if (s->o.proxy && !strchr(q->ref, ':'))
		(void)proxy_manifest(s, q->repo, q->ref, NULL);
	r = store_manifest(s, q->repo, q->ref, &m, &q->e);
	if (r == 0 && s->o.proxy && strchr(q->ref, ':') && proxy_manifest(s, q->repo, q->ref, NULL) == 0)
		r = store_manifest(s, q->repo, q->ref, &m, &q->e);
	if (r < 0)
		return answer_err(q, "MANIFEST_UNKNOWN", &q->e);
	fd = r > 0 ? blobs_fd(s->blobs, m.digest, NULL) : -ENOENT;
	a = fd < 0 ? unknown(q) : answer_fd(q, fd, m.size, m.type, m.digest);
	stored_manifest_done(&m);
	return a;
}

/* --- taken --------------------------------------------------------------------------------------------------------------- */

/* Everything that it names is in this repository. */
static int check_parts(struct request *q, const struct parsed_manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->n_parts; i++) {
		const struct part *p = &m->parts[i];
		struct stored_manifest there = { 0 };
		int r = 1;

		if (p->kind == PART_BLOB)
			r = store_has_blob(q->s, q->repo, p->digest, e);
		else if (p->kind == PART_MANIFEST)
			r = store_manifest(q->s, q->repo, p->digest, &there, e);
		stored_manifest_done(&there);
		if (r < 0)
			return r;
		if (r == 0)
			return err_kind(e, ERR_INVALID, -ENOENT, "%s %s unknown to repository %s",
					p->kind == PART_BLOB ? "blob" : "manifest", p->digest, q->repo);
	}
	return 0;
}

struct tag_list {
	struct strv tags;
	int r;
	struct err *e;
};

static enum MHD_Result take_tag(void *arg, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct tag_list *t = arg;

	if (!streq(key, "tag"))
		return MHD_YES;
	if (!value || !reference_tag_valid(value) || t->tags.n > 64)
		t->r = err_kind(t->e, ERR_INVALID, -EINVAL, "invalid tag '%s'", value ?: "");
	else if (t->r == 0)
		t->r = strv_push(&t->tags, value, t->e);
	return t->r < 0 ? MHD_NO : MHD_YES;
}

static enum MHD_Result put_reply(struct request *q, const char *digest, const struct parsed_manifest *m,
				 const struct strv *tags)
{
	const bool by_digest = strchr(q->ref, ':') != NULL;
	char location[REG_NAME_MAX + DIGEST_MAX + 16];
	_cleanup_buf_ struct buf list = BUF_INIT;

	for (size_t i = 0; by_digest && i < tags->n; i++)
		buf_printf(&list, "%s%s", i ? ", " : "", tags->v[i]);
	snprintf(location, sizeof(location), "/v2/%s/manifests/%s", q->repo, by_digest ? digest : q->ref);
	return answer(q, MHD_HTTP_CREATED, NULL, NULL,
		      (const char *const[]){ "Location", location, "Docker-Content-Digest", digest,
					     m->subject[0] ? "OCI-Subject" : "X-None",
					     m->subject[0] ? m->subject : NULL, "OCI-Tag",
					     list.len ? buf_str(&list) : NULL, NULL });
}

static int put(struct request *q, struct parsed_manifest *m, char digest[static DIGEST_MAX], const struct strv *tags)
{
	struct registry_server *s = q->s;
	const char *want = strchr(q->ref, ':') ? q->ref : NULL;
	struct blob_writer *w = NULL;
	char of[DIGEST_MAX];
	uint64_t at;
	int r;

	digest_of(q->body.data ?: "", q->body.len, of);
	pthread_rwlock_rdlock(&s->gc_lock);
	do {
		r = blob_begin(s->blobs, want ?: of, false, &w, &at, &q->e);
	} while (r == -EBUSY && sched_yield() == 0);
	if (r == 0)
		r = blob_write(w, q->body.data, q->body.len, &q->e);
	if (r == 0)
		r = blob_commit(w, want ?: of, digest, &q->e);
	blob_writer_free(w);
	if (r == 0)
		r = store_put_manifest(s, q->repo, digest, q->body.len, m, strv_get(tags), &q->e);
	pthread_rwlock_unlock(&s->gc_lock);
	return r;
}

enum MHD_Result manifest_put(struct request *q)
{
	const char *type = request_header(q, "Content-Type");
	struct parsed_manifest m = { 0 };
	struct tag_list t = { .e = &q->e };
	char digest[DIGEST_MAX] = "";
	enum MHD_Result a;
	int r;

	if (!ref_valid(q))
		return answer_error(q, MHD_HTTP_BAD_REQUEST, strchr(q->ref, ':') ? "DIGEST_INVALID" : "TAG_INVALID",
				    "'%s' is neither a tag nor a digest", q->ref);
	if (buf_error(&q->body, &q->e) < 0)
		return answer_error(q, MHD_HTTP_CONTENT_TOO_LARGE, "SIZE_INVALID", "a manifest has at most %u bytes",
				    REG_MANIFEST_MAX);
	r = manifest_scan(q->body.data ?: "", q->body.len, type, &m, &q->e);
	if (r == 0 && strchr(q->ref, ':'))
		MHD_get_connection_values(q->c, MHD_GET_ARGUMENT_KIND, take_tag, &t);
	else if (r == 0)
		r = strv_push(&t.tags, q->ref, &q->e);
	if (r == 0)
		r = t.r;
	if (r < 0)
		a = answer_err(q, "MANIFEST_INVALID", &q->e);
	else if ((r = check_parts(q, &m, &q->e)) < 0)
		a = answer_err(q, "MANIFEST_BLOB_UNKNOWN", &q->e);
	else if ((r = put(q, &m, digest, &t.tags)) < 0)
		a = answer_err(q, r == -EBADMSG ? "DIGEST_INVALID" : "MANIFEST_INVALID", &q->e);
	else
		a = put_reply(q, digest, &m, &t.tags);
	strv_done(&t.tags);
	parsed_manifest_done(&m);
	return a;
}

enum MHD_Result manifest_remove(struct request *q)
{
	int r;

	if (!ref_valid(q))
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "'%s' is neither a tag nor a digest",
				    q->ref);
	r = store_delete_manifest(q->s, q->repo, q->ref, &q->e);
	if (r < 0)
		return answer_err(q, "MANIFEST_UNKNOWN", &q->e);
	return r == 0 ? unknown(q) : answer(q, MHD_HTTP_ACCEPTED, NULL, NULL, NULL);
}

/* --- lists ---------------------------------------------------------------------------------------------------------------- */

/* n and last of the query. -1: answered. */
static int page_args(struct request *q, unsigned *ret_n, const char **ret_last, enum MHD_Result *a)
{
	const char *n = request_arg(q, "n");
	uint32_t v = REG_PAGE_MAX;

	*ret_last = request_arg(q, "last");
	if (n && parse_u32(n, &v) < 0) {
		*a = answer_error(q, MHD_HTTP_BAD_REQUEST, "PAGINATION_NUMBER_INVALID",
				  "invalid number of results requested");
		return -1;
	}
	*ret_n = v > REG_PAGE_MAX ? REG_PAGE_MAX : v;
	return 0;
}

static enum MHD_Result page_reply(struct request *q, const char *member, const struct strv *names, bool more,
				  const char *path, unsigned n)
{
	_cleanup_buf_ struct buf b = BUF_INIT, link = BUF_INIT;
	struct json j;

	json_init(&j, &b, false);
	json_object(&j);
	if (q->route == ROUTE_TAGS)
		json_kv_string(&j, "name", q->repo);
	json_key(&j, member);
	json_array(&j);
	for (size_t i = 0; i < names->n; i++)
		json_string(&j, names->v[i]);
	json_end_array(&j);
	json_end_object(&j);
	if (more && names->n)
		buf_printf(&link, "<%s?n=%u&last=%s>; rel=\"next\"", path, n, names->v[names->n - 1]);
	return answer(q, MHD_HTTP_OK, &b, "application/json",
		      (const char *const[]){ "Link", link.len ? buf_str(&link) : NULL, NULL });
}

enum MHD_Result list_tags(struct request *q)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	char path[REG_NAME_MAX + 24];
	enum MHD_Result a;
	const char *last;
	bool more = false;
	unsigned n;
	int r;

	if (page_args(q, &n, &last, &a) < 0)
		return a;
	r = store_has_repo(q->s, q->repo, &q->e);
	if (r > 0)
		r = store_tags(q->s, q->repo, last, n, &names, &more, &q->e);
	else if (r == 0)
		return answer_error(q, MHD_HTTP_NOT_FOUND, "NAME_UNKNOWN", "repository name %s not known to registry",
				    q->repo);
	snprintf(path, sizeof(path), "/v2/%s/tags/list", q->repo);
	return r < 0 ? answer_err(q, "NAME_UNKNOWN", &q->e) : page_reply(q, "tags", &names, more, path, n);
}

enum MHD_Result list_repos(struct request *q)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	enum MHD_Result a;
	const char *last;
	bool more = false;
	unsigned n;
	int r;

	if (page_args(q, &n, &last, &a) < 0)
		return a;
	r = store_repos(q->s, last, n, &names, &more, &q->e);
	return r < 0 ? answer_err(q, "UNSUPPORTED", &q->e)
		     : page_reply(q, "repositories", &names, more, "/v2/_catalog", n);
}

enum MHD_Result list_referrers(struct request *q)
{
	const char *type = request_arg(q, "artifactType");
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json j;
	int r;

	if (digest_check(q->ref, &q->e) < 0)
		return answer_error(q, MHD_HTTP_BAD_REQUEST, "DIGEST_INVALID", "%s", q->e.msg);
	json_init(&j, &b, false);
	json_object(&j);
	json_kv_i64(&j, "schemaVersion", 2);
	json_kv_string(&j, "mediaType", MT_OCI_INDEX);
	json_key(&j, "manifests");
	json_array(&j);
	r = store_referrers(q->s, q->repo, q->ref, isempty(type) ? NULL : type, &j, &q->e);
	json_end_array(&j);
	json_end_object(&j);
	if (r < 0)
		return answer_err(q, "MANIFEST_UNKNOWN", &q->e);
	return answer(q, MHD_HTTP_OK, &b, MT_OCI_INDEX,
		      (const char *const[]){ "OCI-Filters-Applied", isempty(type) ? NULL : "artifactType", NULL });
}
