/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Layers on their way in. Threads fetch them into the content store, several at once; the caller's thread unpacks them in their
 * order. The next to be unpacked need not be there whole: another thread feeds what there is of its file into a pipe, at the pace of
 * the download, and what layer_unpack() reads there it inflates, hashes and unpacks at once. Nothing waits for a whole layer.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/registry-inner.h"

#define PIPE_SIZE   (1 << 20)
#define TELL_BYTES  (1u << 20)
#define THREADS_MAX 16u

/* --- several at once ------------------------------------------------------------------------------------------------------------------ */

struct crew {
	struct registry *r;
	int (*fn)(void *arg, size_t i, struct err *e);
	void *arg;
	size_t n, next;
	pthread_mutex_t lock;
	int rc;
	struct err err;
};

static void *crew_main(void *arg)
{
	struct crew *c = arg;

	for (;;) {
		struct err e = { 0 };
		size_t i;
		int rc;

		pthread_mutex_lock(&c->lock);
		i = c->rc < 0 ? c->n : c->next;
		if (i < c->n)
			c->next++;
		pthread_mutex_unlock(&c->lock);
		if (i >= c->n)
			return NULL;
		rc = c->fn(c->arg, i, &e);
		if (rc >= 0)
			continue;
		pthread_mutex_lock(&c->lock);
		/* What was cancelled because of the first error is not an error of its own. */
		if (c->rc >= 0) {
			c->rc = rc;
			c->err = e;
		}
		pthread_mutex_unlock(&c->lock);
		atomic_store(&c->r->stop, true);
	}
}

/* Signals are for the threads of the caller. */
static int start_thread(pthread_t *ret, void *(*fn)(void *), void *arg)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(ret, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

static unsigned crew_start(struct crew *c, unsigned parallel, pthread_t threads[static THREADS_MAX])
{
	unsigned n = 0;

	pthread_mutex_init(&c->lock, NULL);
	while (n < parallel && n < c->n && n < THREADS_MAX && start_thread(&threads[n], crew_main, c) == 0)
		n++;
	return n;
}

static int crew_end(struct crew *c, pthread_t *threads, unsigned n, struct err *e)
{
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&c->lock);
	if (c->rc < 0 && e)
		*e = c->err;
	return c->rc;
}

int registry_each(struct registry *r, size_t n, unsigned parallel, int (*fn)(void *arg, size_t i, struct err *e),
		  void *arg, struct err *e)
{
	struct crew c = { .r = r, .fn = fn, .arg = arg, .n = n };
	pthread_t threads[THREADS_MAX];
	unsigned started = crew_start(&c, parallel, threads);

	if (!started)
		crew_main(&c);
	return crew_end(&c, threads, started, e);
}

/* --- what is told ------------------------------------------------------------------------------------------------------------------------ */

static void tell_locked(void *arg, const struct progress_event *ev)
{
	struct told *t = arg;

	pthread_mutex_lock(&t->lock);
	t->to->event(t->to->arg, ev);
	pthread_mutex_unlock(&t->lock);
}

void told_init(struct told *t, const struct progress *to)
{
	*t = (struct told){ .to = to };
	pthread_mutex_init(&t->lock, NULL);
	if (to)
		t->progress = (struct progress){ .event = tell_locked, .arg = t };
}

void told_done(struct told *t)
{
	pthread_mutex_destroy(&t->lock);
}

const char *short_id(const char *digest, char buf[static SHORT_ID])
{
	const char *colon = strchr(digest, ':');

	snprintf(buf, SHORT_ID, "%s", colon ? colon + 1 : digest);
	return buf;
}

/* --- the layers of one image --------------------------------------------------------------------------------------------------------------- */

struct job {
	const struct descriptor *d;
	struct pull *pull;
	const char *diff;
	char chain[DIGEST_MAX], id[SHORT_ID];
	bool unpacked; /* there since before */
	/* Under the lock: */
	int fd;		/* of the file that is being written */
	uint64_t bytes; /* of it that may be read */
	unsigned begun; /* how often: more than once, what was read before may be wrong */
	bool done, failed;
	uint64_t told;
};

struct pull {
	struct registry *r;
	struct images *s;
	const char *path;
	const struct progress *p;
	struct job *jobs;
	size_t n;
	pthread_mutex_t lock;
	pthread_cond_t moved;
};

static void on_begun(void *arg, struct blob_writer *w, bool again)
{
	struct job *j = arg;
	char path[FD_PATH_MAX];
	int fd = open(fd_path(blob_writer_fd(w), path), O_RDONLY | O_CLOEXEC);

	pthread_mutex_lock(&j->pull->lock);
	fd_close(j->fd);
	j->fd = fd;
	j->begun++;
	j->bytes = blob_written(w);
	pthread_cond_broadcast(&j->pull->moved);
	pthread_mutex_unlock(&j->pull->lock);
}

static void on_moved(void *arg, uint64_t bytes)
{
	struct job *j = arg;

	pthread_mutex_lock(&j->pull->lock);
	j->bytes = bytes;
	pthread_cond_broadcast(&j->pull->moved);
	pthread_mutex_unlock(&j->pull->lock);
	if (bytes - j->told >= TELL_BYTES || bytes < j->told || bytes == j->d->size) {
		j->told = bytes;
		progress_say(j->pull->p, j->id, "Downloading", bytes, j->d->size);
		if (bytes == j->d->size)
			progress_say(j->pull->p, j->id, "Verifying Checksum", 0, 0);
	}
}

static int fetch_job(void *arg, size_t i, struct err *e)
{
	struct pull *p = arg;
	struct job *j = &p->jobs[i];
	struct fetch_watch watch = { on_begun, on_moved, j };
	bool there = blobs_stat(p->s->blobs, j->d->digest, NULL, NULL) >= 0;
	int rc = there ? 0 : registry_fetch_watched(p->r, p->path, j->d, p->s->blobs, &watch, e);

	if (rc >= 0 && !there)
		progress_say(p->p, j->id, "Download complete", 0, 0);
	pthread_mutex_lock(&p->lock);
	j->done = true;
	j->failed = rc < 0;
	/* Now, so that whoever wakes up sees it. */
	if (rc < 0)
		atomic_store(&p->r->stop, true);
	pthread_cond_broadcast(&p->moved);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* --- unpacking what is not there yet -------------------------------------------------------------------------------------------------------- */

struct feeder {
	struct job *job;
	int to;
};

/* Until there is more than AT to read: how far. AT itself: no more will come. */
static uint64_t wait_for_more(struct job *j, uint64_t at)
{
	uint64_t bytes;

	pthread_mutex_lock(&j->pull->lock);
	while (j->bytes <= at && !j->done && j->begun == 1 && !atomic_load(&j->pull->r->stop))
		pthread_cond_wait(&j->pull->moved, &j->pull->lock);
	bytes = j->begun == 1 && !j->failed ? j->bytes : at;
	pthread_mutex_unlock(&j->pull->lock);
	return bytes;
}

static void *feed(void *arg)
{
	struct feeder *f = arg;
	off_t at = 0;

	while ((uint64_t)at < f->job->d->size) {
		uint64_t end = wait_for_more(f->job, (uint64_t)at);

		if (end <= (uint64_t)at)
			break;
		while ((uint64_t)at < end && sendfile(f->to, f->job->fd, &at, end - (uint64_t)at) > 0)
			;
		/* The reader has gone: it says why. */
		if ((uint64_t)at < end)
			break;
	}
	f->to = fd_close(f->to);
	return NULL;
}

/* While it still comes, what is told is how it comes. */
static void on_unpacked(void *arg, uint64_t bytes)
{
	struct job *j = arg;
	bool done;

	pthread_mutex_lock(&j->pull->lock);
	done = j->done;
	pthread_mutex_unlock(&j->pull->lock);
	if (done)
		progress_say(j->pull->p, j->id, "Extracting", bytes < j->d->size ? bytes : j->d->size, j->d->size);
}

static int unpack_from(struct job *j, const char *parent, int fd, struct err *e)
{
	struct layer_input in = { .fd = fd, .progress = on_unpacked, .arg = j };
	char diff[DIGEST_MAX], chain[DIGEST_MAX];

	return layer_unpack(j->pull->s->layers, parent, &in, j->diff, diff, chain, e);
}

static int unpack_as_it_comes(struct job *j, const char *parent, struct err *e)
{
	_cleanup_close_ int from = -EBADF;
	struct feeder f = { .job = j };
	pthread_t thread;
	int p[2], rc;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, -errno, "make a pipe");
	from = p[0];
	f.to = p[1];
	(void)fcntl(f.to, F_SETPIPE_SZ, PIPE_SIZE);
	rc = start_thread(&thread, feed, &f);
	if (rc < 0) {
		fd_close(f.to);
		return err_set(e, rc, "start a thread");
	}
	rc = unpack_from(j, parent, from, e);
	from = fd_close(from);
	pthread_join(thread, NULL);
	return rc;
}

static bool wait_until(struct job *j, bool done)
{
	bool ok;

	pthread_mutex_lock(&j->pull->lock);
	while (!j->done && (done || !j->begun || j->fd < 0) && !atomic_load(&j->pull->r->stop))
		pthread_cond_wait(&j->pull->moved, &j->pull->lock);
	ok = !j->failed && (j->done || !atomic_load(&j->pull->r->stop));
	pthread_mutex_unlock(&j->pull->lock);
	return ok;
}

/* 0, or an error; -ECANCELED where the download's own is to be told. */
static int unpack_job(struct job *j, const char *parent, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int rc;

	if (j->unpacked)
		return wait_until(j, true) ? 0 : -ECANCELED;
	if (!wait_until(j, false))
		return -ECANCELED;
	if (!j->done) {
		rc = unpack_as_it_comes(j, parent, e);
		if (!wait_until(j, true))
			return -ECANCELED;
		if (rc >= 0 || j->begun < 2)
			return rc;
		err_clear(e);
	}
	fd = blobs_fd(j->pull->s->blobs, j->d->digest, e);
	return fd < 0 ? fd : unpack_from(j, parent, fd, e);
}

static int unpack_all(struct pull *p, struct err *e)
{
	const char *parent = NULL;

	for (size_t i = 0; i < p->n; i++) {
		struct job *j = &p->jobs[i];
		int rc = unpack_job(j, parent, e);

		if (rc < 0)
			return rc;
		progress_say(p->p, j->id, j->unpacked ? "Already exists" : "Pull complete", 0, 0);
		parent = j->chain;
	}
	return 0;
}

static int make_jobs(struct pull *p, const struct manifest *m, const struct image_config *config, struct err *e)
{
	if (config->diff_ids.n != m->n_layers)
		return err_kind(e, ERR_INVALID, -EINVAL, "the image's configuration has %zu layers, its manifest %zu",
				config->diff_ids.n, m->n_layers);
	p->n = m->n_layers;
	p->jobs = calloc(p->n ?: 1, sizeof(*p->jobs));
	if (!p->jobs)
		return err_oom(e);
	for (size_t i = 0; i < p->n; i++) {
		struct job *j = &p->jobs[i];

		*j = (struct job){ .d = &m->layers[i], .pull = p, .diff = config->diff_ids.v[i], .fd = -EBADF };
		short_id(j->d->digest, j->id);
		chain_id(i ? p->jobs[i - 1].chain : NULL, j->diff, j->chain);
		j->unpacked = layers_have(p->s->layers, j->chain);
		if (!j->unpacked)
			progress_say(p->p, j->id, "Pulling fs layer", 0, 0);
	}
	return 0;
}

int registry_pull_layers(struct registry *r, struct images *s, const char *path, const struct manifest *m,
			 const struct image_config *config, unsigned parallel, const struct progress *progress,
			 struct err *e)
{
	struct pull p = { .r = r, .s = s, .path = path, .p = progress };
	struct crew c = { .r = r, .fn = fetch_job, .arg = &p };
	pthread_t threads[THREADS_MAX];
	unsigned started;
	int rc = make_jobs(&p, m, config, e), fetched;

	if (rc < 0)
		return rc;
	pthread_mutex_init(&p.lock, NULL);
	pthread_cond_init(&p.moved, NULL);
	c.n = p.n;
	started = crew_start(&c, parallel, threads);
	if (!started)
		crew_main(&c);
	rc = unpack_all(&p, e);
	if (rc < 0)
		atomic_store(&r->stop, true);
	fetched = crew_end(&c, threads, started, rc < 0 && rc != -ECANCELED ? NULL : e);
	atomic_store(&r->stop, false);
	for (size_t i = 0; i < p.n; i++)
		fd_close(p.jobs[i].fd);
	free(p.jobs);
	pthread_cond_destroy(&p.moved);
	pthread_mutex_destroy(&p.lock);
	return fetched < 0 && (rc >= 0 || rc == -ECANCELED) ? fetched : rc;
}
