/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Collection while it serves. Rows first: links of blobs that no manifest of the repository names. Then content that no row of
 * any repository has. What is younger than the grace stays, since a push sends its blobs before their manifest; and each piece of
 * content is looked up and removed with the lock that linking takes for reading.
 */

#include <time.h>

#include "api/registry/inner.h"

struct collecting {
	struct registry_server *s;
	struct registry_gc *ret;
	time_t before;
	struct strv dead;
	struct err *e;
};

static int drop_rows(struct collecting *c)
{
	struct registry_server *s = c->s;
	int r = 0;

	store_lock(s);
	r = db_begin(s->db, c->e);
	if (r == 0 && s->o.gc_untagged) {
		/* Without a tag, in no index, and no referrer of what is there. */
		r = db_exec(s->db, c->e,
			    "DELETE FROM manifests AS m WHERE put_s < ? AND"
			    " NOT EXISTS(SELECT 1 FROM tags t WHERE t.repo = m.repo AND t.digest = m.digest) AND"
			    " NOT EXISTS(SELECT 1 FROM refs f WHERE f.repo = m.repo AND f.digest = m.digest) AND"
			    " NOT EXISTS(SELECT 1 FROM manifests x WHERE x.repo = m.repo AND x.digest = m.subject)",
			    "i", (int64_t)c->before);
		if (r == 0)
			c->ret->manifests += (unsigned)db_changes(s->db);
		if (r == 0)
			r = db_exec(s->db, c->e,
				    "DELETE FROM refs AS f WHERE"
				    " NOT EXISTS(SELECT 1 FROM manifests m WHERE m.repo = f.repo AND m.digest = "
				    "f.manifest)",
				    "");
		r = db_end(s->db, r, c->e);
		if (r == 0)
			r = db_begin(s->db, c->e);
	}
	if (r == 0) {
		r = db_exec(s->db, c->e,
			    "DELETE FROM blobs AS b WHERE linked_s < ? AND"
			    " NOT EXISTS(SELECT 1 FROM refs f WHERE f.repo = b.repo AND f.digest = b.digest)",
			    "i", (int64_t)c->before);
		r = db_end(s->db, r, c->e);
	}
	store_unlock(s);
	return r;
}

static int is_used(struct registry_server *s, const char *digest, struct err *e)
{
	_cleanup_free_ char *one = NULL;
	int r;

	store_lock(s);
	r = db_one(s->db, &one, e,
		   "SELECT 1 FROM blobs WHERE digest = ?1 UNION ALL SELECT 1 FROM manifests WHERE digest = ?1 LIMIT 1",
		   "s", digest);
	store_unlock(s);
	return r;
}

static int look_at(void *arg, const char *digest, uint64_t size, const struct timespec *mtime)
{
	struct collecting *c = arg;
	int r;

	if (mtime->tv_sec >= c->before)
		return 0;
	r = is_used(c->s, digest, c->e);
	if (r != 0)
		return r < 0 ? r : 0;
	pthread_rwlock_wrlock(&c->s->gc_lock);
	r = is_used(c->s, digest, c->e);
	if (r == 0)
		r = blobs_delete(c->s->blobs, digest, c->e);
	else if (r > 0)
		size = 0;
	pthread_rwlock_unlock(&c->s->gc_lock);
	if (r == 0) {
		c->ret->blobs++;
		c->ret->bytes += size;
	}
	return r < 0 ? r : 0;
}

int registry_server_gc(struct registry_server *s, struct registry_gc *ret, struct err *e)
{
	struct collecting c = { .s = s, .ret = ret, .before = time(NULL) - (time_t)s->o.gc_grace_s, .e = e };
	int r;

	*ret = (struct registry_gc){ 0 };
	/* A grace of nothing is one of those who know that nobody pushes: this very second counts, too. */
	if (!s->o.gc_grace_s)
		c.before++;
	r = drop_rows(&c);
	if (r == 0)
		r = blobs_each(s->blobs, look_at, &c, e);
	if (r == 0)
		r = blobs_sweep_ingest(s->blobs, time(NULL) - 7 * 86400, e);
	return r;
}

static void *gc_main(void *arg)
{
	struct registry_server *s = arg;

	pthread_mutex_lock(&s->end_lock);
	while (!s->ending) {
		struct registry_gc done;
		struct timespec at;
		struct err e = { 0 };

		clock_gettime(CLOCK_REALTIME, &at);
		at.tv_sec += s->o.gc_interval_s;
		if (pthread_cond_timedwait(&s->end_cond, &s->end_lock, &at) == 0 || s->ending)
			continue;
		pthread_mutex_unlock(&s->end_lock);
		if (registry_server_gc(s, &done, &e) < 0)
			log_msg(s->o.log, LOG_ERROR, "collection: %s", e.msg);
		else if (done.blobs || done.manifests)
			log_msg(s->o.log, LOG_INFO, "collected %u blobs of %llu bytes, %u manifests", done.blobs,
				(unsigned long long)done.bytes, done.manifests);
		pthread_mutex_lock(&s->end_lock);
	}
	pthread_mutex_unlock(&s->end_lock);
	return NULL;
}

int gc_start(struct registry_server *s, struct err *e)
{
	int r;

	if (!s->o.gc_interval_s)
		return 0;
	r = pthread_create(&s->gc_thread, NULL, gc_main, s);
	if (r)
		return err_set(e, -r, "start a thread");
	s->gc_running = true;
	return 0;
}

void gc_stop(struct registry_server *s)
{
	if (!s->gc_running)
		return;
	pthread_mutex_lock(&s->end_lock);
	s->ending = true;
	pthread_cond_signal(&s->end_cond);
	pthread_mutex_unlock(&s->end_lock);
	pthread_join(s->gc_thread, NULL);
	s->gc_running = false;
}
