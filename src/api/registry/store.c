/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is in which repository: rows of registry.db. */

#include <stdio.h>
#include <time.h>

#include "api/registry/inner.h"
#include "base/file.h"

static const char *const schema[] = {
	"CREATE TABLE blobs(repo TEXT NOT NULL, digest TEXT NOT NULL, linked_s INTEGER NOT NULL, PRIMARY KEY(repo, "
	"digest)) WITHOUT ROWID;"
	"CREATE INDEX blobs_by_digest ON blobs(digest);"
	"CREATE TABLE manifests(repo TEXT NOT NULL, digest TEXT NOT NULL, type TEXT NOT NULL, size INTEGER NOT NULL, "
	"subject TEXT,"
	" artifact_type TEXT, annotations TEXT, put_s INTEGER NOT NULL, PRIMARY KEY(repo, digest)) WITHOUT ROWID;"
	"CREATE INDEX manifests_by_digest ON manifests(digest);"
	"CREATE INDEX manifests_by_subject ON manifests(repo, subject);"
	"CREATE TABLE refs(repo TEXT NOT NULL, manifest TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL, "
	"PRIMARY KEY(repo, "
	"manifest, digest)) WITHOUT ROWID;"
	"CREATE INDEX refs_by_digest ON refs(repo, digest);"
	"CREATE TABLE tags(repo TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY(repo, tag)) "
	"WITHOUT ROWID;"
	"CREATE INDEX tags_by_digest ON tags(repo, digest);",
	NULL,
};

int store_open(struct registry_server *s, struct err *e)
{
	_cleanup_free_ char *file = path_join(s->o.root, "registry.db");
	int r;

	if (!file)
		return err_oom(e);
	r = db_open(file, true, &s->db, e);
	return r < 0 ? r : db_schema(s->db, "registry", schema, e);
}

void store_lock(struct registry_server *s)
{
	pthread_mutex_lock(&s->db_lock);
}

void store_unlock(struct registry_server *s)
{
	pthread_mutex_unlock(&s->db_lock);
}

static int exists(struct registry_server *s, struct err *e, const char *sql, const char *a, const char *b)
{
	_cleanup_free_ char *one = NULL;
	int r;

	store_lock(s);
	r = db_one(s->db, &one, e, sql, b ? "ss" : "s", a, b);
	store_unlock(s);
	return r;
}

int store_has_repo(struct registry_server *s, const char *repo, struct err *e)
{
	return exists(s, e,
		      "SELECT 1 FROM manifests WHERE repo = ?1 UNION ALL SELECT 1 FROM blobs WHERE repo = ?1 LIMIT 1",
		      repo, NULL);
}

int store_has_blob(struct registry_server *s, const char *repo, const char *digest, struct err *e)
{
	return exists(s, e, "SELECT 1 FROM blobs WHERE repo = ? AND digest = ?", repo, digest);
}

int store_find_blob(struct registry_server *s, const char *digest, struct err *e)
{
	return exists(s, e, "SELECT 1 FROM blobs WHERE digest = ? LIMIT 1", digest, NULL);
}

static int take_size(void *arg, const struct db_row *row)
{
	*(uint64_t *)arg = (uint64_t)db_int(row, 0);
	return 1;
}

int store_part_size(struct registry_server *s, const char *repo, const char *digest, uint64_t *ret, struct err *e)
{
	int r;

	store_lock(s);
	r = db_query(s->db, take_size, ret, e, "SELECT size FROM refs WHERE repo = ? AND digest = ? LIMIT 1", "ss",
		     repo, digest);
	store_unlock(s);
	return r;
}

int store_link_blob(struct registry_server *s, const char *repo, const char *digest, struct err *e)
{
	int r;

	store_lock(s);
	r = db_exec(s->db, e,
		    "INSERT INTO blobs(repo, digest, linked_s) VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET linked_s = "
		    "excluded.linked_s",
		    "ssi", repo, digest, (int64_t)time(NULL));
	store_unlock(s);
	return r;
}

int store_unlink_blob(struct registry_server *s, const char *repo, const char *digest, struct err *e)
{
	int r;

	store_lock(s);
	r = db_exec(s->db, e, "DELETE FROM blobs WHERE repo = ? AND digest = ?", "ss", repo, digest);
	if (r == 0)
		r = db_changes(s->db) > 0;
	store_unlock(s);
	return r;
}

/* --- manifests ------------------------------------------------------------------------------------------------------- */

void stored_manifest_done(struct stored_manifest *m)
{
	free(m->type);
	*m = (struct stored_manifest){ 0 };
}

void parsed_manifest_done(struct parsed_manifest *m)
{
	free(m->type);
	free(m->artifact_type);
	free(m->annotations);
	free(m->parts);
	*m = (struct parsed_manifest){ 0 };
}

static int take_manifest(void *arg, const struct db_row *row)
{
	struct stored_manifest *m = arg;

	snprintf(m->digest, sizeof(m->digest), "%s", db_text(row, 0));
	m->type = strdup(db_text(row, 1));
	m->size = (uint64_t)db_int(row, 2);
	return m->type ? 1 : -ENOMEM;
}

int store_manifest(struct registry_server *s, const char *repo, const char *ref, struct stored_manifest *ret,
		   struct err *e)
{
	int r;

	store_lock(s);
	if (strchr(ref, ':'))
		r = db_query(s->db, take_manifest, ret, e,
			     "SELECT digest, type, size FROM manifests WHERE repo = ? AND digest = ?", "ss", repo, ref);
	else
		r = db_query(s->db, take_manifest, ret, e,
			     "SELECT m.digest, m.type, m.size FROM tags t JOIN manifests m ON m.repo = t.repo AND "
			     "m.digest = t.digest"
			     " WHERE t.repo = ? AND t.tag = ?",
			     "ss", repo, ref);
	store_unlock(s);
	return r == -ENOMEM ? err_oom(e) : r;
}

static int put_rows(struct registry_server *s, const char *repo, const char *digest, uint64_t size,
		    const struct parsed_manifest *m, char *const *tags, struct err *e)
{
	int r = db_exec(
		s->db, e,
		"INSERT OR REPLACE INTO manifests(repo, digest, type, size, subject, artifact_type, annotations, put_s)"
		" VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
		"sssisssi", repo, digest, m->type, (int64_t)size, m->subject[0] ? m->subject : NULL, m->artifact_type,
		m->annotations, (int64_t)time(NULL));

	for (size_t i = 0; i < m->n_parts && r == 0; i++)
		r = db_exec(s->db, e, "INSERT OR IGNORE INTO refs(repo, manifest, digest, size) VALUES(?, ?, ?, ?)",
			    "sssi", repo, digest, m->parts[i].digest, (int64_t)m->parts[i].size);
	for (size_t i = 0; tags && tags[i] && r == 0; i++)
		r = db_exec(s->db, e, "INSERT OR REPLACE INTO tags(repo, tag, digest) VALUES(?, ?, ?)", "sss", repo,
			    tags[i], digest);
	return r;
}

int store_put_manifest(struct registry_server *s, const char *repo, const char *digest, uint64_t size,
		       const struct parsed_manifest *m, char *const *tags, struct err *e)
{
	int r;

	store_lock(s);
	r = db_begin(s->db, e);
	if (r == 0)
		r = db_end(s->db, put_rows(s, repo, digest, size, m, tags, e), e);
	store_unlock(s);
	return r;
}

static int delete_rows(struct registry_server *s, const char *repo, const char *digest, struct err *e)
{
	int64_t n;
	int r = db_exec(s->db, e, "DELETE FROM tags WHERE repo = ? AND digest = ?", "ss", repo, digest);

	if (r == 0)
		r = db_exec(s->db, e, "DELETE FROM refs WHERE repo = ? AND manifest = ?", "ss", repo, digest);
	if (r == 0)
		r = db_exec(s->db, e, "DELETE FROM manifests WHERE repo = ? AND digest = ?", "ss", repo, digest);
	n = r == 0 ? db_changes(s->db) : 0;
	return r < 0 ? r : n > 0;
}

int store_delete_manifest(struct registry_server *s, const char *repo, const char *ref, struct err *e)
{
	int r;

	store_lock(s);
	r = db_begin(s->db, e);
	if (r == 0 && strchr(ref, ':'))
		r = db_end(s->db, delete_rows(s, repo, ref, e), e);
	else if (r == 0) {
		r = db_exec(s->db, e, "DELETE FROM tags WHERE repo = ? AND tag = ?", "ss", repo, ref);
		if (r == 0)
			r = db_changes(s->db) > 0;
		r = db_end(s->db, r, e);
	}
	store_unlock(s);
	return r;
}

/* --- lists -------------------------------------------------------------------------------------------------------------- */

struct page {
	struct strv *ret;
	unsigned n;
	bool more;
	struct err *e;
};

static int take_name(void *arg, const struct db_row *row)
{
	struct page *p = arg;

	if (p->ret->n >= p->n) {
		p->more = true;
		return 1;
	}
	return strv_push(p->ret, db_text(row, 0), p->e);
}

int store_tags(struct registry_server *s, const char *repo, const char *last, unsigned n, struct strv *ret,
	       bool *ret_more, struct err *e)
{
	struct page p = { .ret = ret, .n = n, .e = e };
	int r;

	store_lock(s);
	r = db_query(s->db, take_name, &p, e, "SELECT tag FROM tags WHERE repo = ? AND tag > ? ORDER BY tag LIMIT ?",
		     "ssi", repo, last ?: "", (int64_t)n + 1);
	store_unlock(s);
	*ret_more = p.more;
	return r < 0 ? r : 0;
}

int store_repos(struct registry_server *s, const char *last, unsigned n, struct strv *ret, bool *ret_more,
		struct err *e)
{
	struct page p = { .ret = ret, .n = n, .e = e };
	int r;

	store_lock(s);
	r = db_query(s->db, take_name, &p, e,
		     "SELECT DISTINCT repo FROM manifests WHERE repo > ? ORDER BY repo LIMIT ?", "si", last ?: "",
		     (int64_t)n + 1);
	store_unlock(s);
	*ret_more = p.more;
	return r < 0 ? r : 0;
}

static int take_referrer(void *arg, const struct db_row *row)
{
	struct json *out = arg;

	json_object(out);
	json_kv_string(out, "mediaType", db_text(row, 1));
	json_kv_string(out, "digest", db_text(row, 0));
	json_kv_u64(out, "size", (uint64_t)db_int(row, 2));
	if (db_text(row, 3))
		json_kv_string(out, "artifactType", db_text(row, 3));
	if (db_text(row, 4)) {
		json_key(out, "annotations");
		json_verbatim(out, db_text(row, 4));
	}
	json_end_object(out);
	return 0;
}

int store_referrers(struct registry_server *s, const char *repo, const char *digest, const char *type, struct json *out,
		    struct err *e)
{
	int r;

	store_lock(s);
	r = db_query(
		s->db, take_referrer, out, e,
		"SELECT digest, type, size, artifact_type, annotations FROM manifests WHERE repo = ?1 AND subject = ?2"
		" AND (?3 IS NULL OR artifact_type = ?3) ORDER BY digest",
		"sss", repo, digest, type);
	store_unlock(s);
	return r;
}
