/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Containers of images at the host's start and stop: what Docker's daemon does at its own. */

#include <time.h>

#include "base/fd.h"
#include "engine/docker-inner.h"

/* --- up --------------------------------------------------------------------------------------------------------------------- */

static bool is_wanted(const struct docker_row *c, const struct docker_state *st)
{
	int64_t max;

	if (!st->started_ns && !st->finished_ns)
		return false;
	switch (docker_restart_policy(c->host, &max)) {
	case RESTART_ALWAYS:
		return true;
	case RESTART_UNLESS_STOPPED:
		return !st->stopped;
	case RESTART_ON_FAILURE:
		return st->exit_code != 0 && (!max || st->restarts < max);
	default:
		return false;
	}
}

/* 1: it is to be started now. */
static int settle(struct docker *d, struct docker_row *c, struct err *e)
{
	_cleanup_close_ int lock = -EBADF, dirfd = docker_dir(d, c->id, e);
	_cleanup_state_ struct docker_state st = { 0 };
	int r = dirfd < 0 ? dirfd : docker_state_read(dirfd, c->id, &st, e);

	if (r < 0 || docker_sweep_row(d, c, &st))
		return r == -ENOENT ? 0 : r;
	r = docker_row_parse(c, e);
	if (r < 0)
		return r;
	lock = record_lock(c->id, true, e);
	if (lock < 0)
		return lock;
	docker_state_done(&st);
	r = docker_state_read(dirfd, c->id, &st, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (st.status == DS_RUNNING || st.status == DS_PAUSED || st.status == DS_RESTARTING)
		return 0;
	r = docker_recover(d, c->id, e);
	docker_net_stopped(d, c->id);
	docker_volumes_unmount(d, c);
	if (r == 0)
		r = docker_state_write(dirfd, &st, e);
	return r < 0 ? r : is_wanted(c, &st);
}

struct ups {
	struct docker *d;
	struct strv ids; /* newest first */
	docker_told_fn told;
	void *arg;
	int failed;
};

static int settle_one(void *arg, struct docker_row *c)
{
	struct ups *u = arg;
	struct err e = { 0 };
	int r = settle(u->d, c, &e);

	if (r < 0) {
		u->failed++;
		u->told(u->arg, c->name, r, &e);
	}
	return r > 0 ? strv_push(&u->ids, c->id, NULL) : 0;
}

static void start_one(struct ups *u, const char *id)
{
	_cleanup_row_ struct docker_row c = { 0 };
	struct err e = { 0 };
	int r = docker_find_id(u->d, id, &c, &e);

	/* Somebody was quicker. */
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = docker_start(u->d, id, &e);
	if (r < 0)
		u->failed++;
	if (r <= 0)
		u->told(u->arg, c.name ?: id, r, &e);
}

int docker_host_up(struct docker *d, docker_told_fn told, void *arg, struct err *e)
{
	struct ups u = { .d = d, .told = told, .arg = arg };
	int r;

	docker_sweep(d);
	/* All of them first: an address or a port that one has no more may be another's. */
	r = docker_each(d, settle_one, &u, e);
	/* The oldest first: what a container joins or is linked to was there before it. */
	for (size_t i = u.ids.n; r == 0 && i-- > 0;)
		start_one(&u, u.ids.v[i]);
	strv_done(&u.ids);
	return r == -ENOMEM ? err_oom(e) : r < 0 ? r : u.failed;
}

/* --- down ------------------------------------------------------------------------------------------------------------------- */

struct downs {
	struct docker *d;
	struct strv ids, names;
	docker_told_fn told;
	void *arg;
	int failed;
};

static void failed_down(struct downs *x, const char *name, int r, const struct err *e)
{
	x->failed++;
	x->told(x->arg, name, r, e);
}

static int ask_one(void *arg, struct docker_row *c)
{
	struct downs *x = arg;
	struct err e = { 0 };
	int r = docker_down_begin(x->d, c->id, &e);

	if (r < 0)
		failed_down(x, c->name, r, &e);
	if (r != 0)
		return 0;
	r = strv_push(&x->ids, c->id, NULL);
	return r < 0 ? r : strv_push(&x->names, c->name, NULL);
}

int docker_host_down(struct docker *d, docker_told_fn told, void *arg, struct err *e)
{
	struct downs x = { .d = d, .told = told, .arg = arg };
	struct timespec ts;
	int r = docker_each(d, ask_one, &x, e);

	clock_gettime(CLOCK_MONOTONIC, &ts);
	for (size_t i = 0; r == 0 && i < x.ids.n; i++) {
		struct err own = { 0 };
		int end = docker_down_end(d, x.ids.v[i], (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000, &own);

		if (end < 0)
			failed_down(&x, x.names.v[i], end, &own);
		else
			told(arg, x.names.v[i], 0, NULL);
	}
	strv_done(&x.ids);
	strv_done(&x.names);
	return r == -ENOMEM ? err_oom(e) : r < 0 ? r : x.failed;
}
