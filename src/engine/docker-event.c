/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What happened: DATA/events, an object a line, appended in one write; at EVENTS_MAX it becomes events.1. Those who follow use
 * inotify. And wait, which finds there how a container ended that is gone already.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/docker-inner.h"

#define EVENTS_MAX (4 << 20)
#define LINE_MAX_  (256u << 10)

static char *events_path(const struct docker *d, const char *suffix)
{
	char *path;

	return asprintf(&path, "%s/events%s", d->images->root, suffix) < 0 ? NULL : path;
}

static void put_line(const struct docker *d, const struct buf *line)
{
	_cleanup_free_ char *path = events_path(d, ""), *old = events_path(d, ".1");
	_cleanup_close_ int fd = -EBADF;
	struct stat st;

	if (!path || !old || line->error || line->len > LINE_MAX_)
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > EVENTS_MAX) {
		(void)rename(path, old);
		fd_close(fd);
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	if (fd >= 0)
		(void)fd_write_all(fd, buf_str(line), line->len);
}

static int put_label(void *arg, const char *name, struct json_c_value *v)
{
	json_kv_string(arg, name, value_text(v, NULL) ?: "");
	return 0;
}

static void write_event(struct docker *d, const char *type, const char *action, const char *id,
			const struct docker_row *c, const char *const *extra)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	int64_t now = docker_now();
	struct json j;

	json_init(&j, &line, false);
	json_object(&j);
	if (c) {
		json_kv_string(&j, "status", action);
		json_kv_string(&j, "id", id);
		json_kv_string(&j, "from", value_text(c->config, "Image") ?: "");
	}
	json_kv_string(&j, "Type", type);
	json_kv_string(&j, "Action", action);
	json_key(&j, "Actor");
	json_object(&j);
	json_kv_string(&j, "ID", id);
	json_key(&j, "Attributes");
	json_object(&j);
	for (const char *const *x = extra; x && *x; x++) {
		size_t n = strcspn(*x, "=");
		char key[64];

		snprintf(key, sizeof(key), "%.*s", (int)n, *x);
		json_kv_string(&j, key, (*x)[n] ? *x + n + 1 : "");
	}
	if (c) {
		(void)value_each(value_get(c->config, "Labels"), put_label, &j);
		json_kv_string(&j, "image", value_text(c->config, "Image") ?: "");
		json_kv_string(&j, "name", c->name);
	}
	json_end_object(&j);
	json_end_object(&j);
	json_kv_string(&j, "scope", "local");
	json_kv_i64(&j, "time", now / 1000000000);
	json_kv_i64(&j, "timeNano", now);
	json_end_object(&j);
	buf_putc(&line, '\n');
	put_line(d, &line);
}

void docker_event(struct docker *d, const struct docker_row *c, const char *action, const char *const *extra)
{
	write_event(d, "container", action, c->id, c, extra);
}

void docker_event_of(struct docker *d, const char *type, const char *action, const char *id, const char *const *extra)
{
	write_event(d, type, action, id, NULL, extra);
}

/* --- reading it ---------------------------------------------------------------------------------------------------------- */

/* Lines of one file as they come. */
struct reader {
	int fd;
	struct buf held;
};

static void reader_done(struct reader *r)
{
	fd_close(r->fd);
	buf_done(&r->held);
}

/* Calls FN on each whole line there is. */
static int read_lines(struct reader *r, int (*fn)(void *arg, char *line, size_t len), void *arg, struct err *e)
{
	char chunk[16384];
	ssize_t n;

	while (r->fd >= 0 && (n = read(r->fd, chunk, sizeof(chunk))) > 0) {
		char *at, *nl;

		buf_add(&r->held, chunk, (size_t)n);
		if (buf_error(&r->held, e) < 0)
			return r->held.error;
		at = r->held.data;
		while ((nl = strchr(at, '\n'))) {
			int x;

			*nl = '\0';
			x = fn(arg, at, (size_t)(nl - at));
			if (x)
				return x;
			at = nl + 1;
		}
		n = r->held.data + r->held.len - at;
		memmove(r->held.data, at, (size_t)n + 1);
		r->held.len = (size_t)n;
		/* A line without an end is no event. */
		if (r->held.len > LINE_MAX_)
			buf_reset(&r->held);
	}
	return 0;
}

struct stream {
	struct docker *d;
	int64_t since_ns, until_ns;
	struct json_c_value *filters;
	const struct docker_sink *out;
	bool follow_only; /* what is there already is not asked for */
	bool over;
};

static bool like_event(void *arg, const char *want)
{
	const struct json_c_value *v = arg;
	const char *action = value_text(v, "Action") ?: "";

	/* "exec_create" is like "exec_create: sh". */
	return streq(action, want) || (startswith(action, want) && action[strlen(want)] == ':');
}

static bool like_type(void *arg, const char *want)
{
	return streq(value_text(arg, "Type") ?: "", want);
}

static bool like_actor(const struct json_c_value *v, const char *type, const char *want)
{
	const char *id = value_text(value_get(v, "Actor"), "ID") ?: "",
		   *name = value_text(value_at(v, "Actor.Attributes"), "name") ?: "";

	return streq(value_text(v, "Type") ?: "", type) && (startswith(id, want) || streq(name, want));
}

static bool like_container(void *arg, const char *want)
{
	const char *of = value_text(value_at(arg, "Actor.Attributes"), "container") ?: "";

	return like_actor(arg, "container", want) || (*of && startswith(of, want));
}

static bool like_image(void *arg, const char *want)
{
	const char *image = value_text(value_at(arg, "Actor.Attributes"), "image") ?: "";

	return like_actor(arg, "image", want) || streq(image, want) ||
	       (startswith(image, want) && image[strlen(want)] == ':');
}

static bool like_volume(void *arg, const char *want)
{
	return like_actor(arg, "volume", want);
}

static bool like_network(void *arg, const char *want)
{
	return like_actor(arg, "network", want);
}

static bool like_label(void *arg, const char *want)
{
	return docker_label_match(value_at(arg, "Actor.Attributes"), want);
}

static bool wanted(const struct stream *s, struct json_c_value *v)
{
	const struct json_c_value *f = s->filters;

	return docker_filter(f, "event", like_event, v) && docker_filter(f, "type", like_type, v) &&
	       docker_filter(f, "container", like_container, v) && docker_filter(f, "image", like_image, v) &&
	       docker_filter(f, "volume", like_volume, v) && docker_filter(f, "network", like_network, v) &&
	       docker_filter(f, "label", like_label, v);
}

static int pass_line(void *arg, char *line, size_t len)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	struct stream *s = arg;
	int64_t at;

	/* Half a line of a writer that was killed. */
	if (s->follow_only || value_parse(line, len, "event", &v, NULL) < 0)
		return 0;
	at = value_int(v, "timeNano", 0);
	if (at < s->since_ns)
		return 0;
	if (s->until_ns && at > s->until_ns) {
		s->over = true;
		return 0;
	}
	if (!wanted(s, v))
		return 0;
	line[len] = '\n';
	return s->out->write(s->out->arg, 1, line, len + 1);
}

static int open_file(const char *path, struct reader *r)
{
	*r = (struct reader){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_CREAT, 0600) };
	return r->fd < 0 ? -errno : 0;
}

static int follow(struct stream *s, const char *path, int ino, struct reader *now, struct err *e)
{
	char waste[4096];
	int r = 0;

	while (r == 0 && !s->over) {
		struct pollfd p = { .fd = ino, .events = POLLIN };
		int64_t left = s->until_ns ? (s->until_ns - docker_now()) / 1000000 : -1;
		struct stat st, named;

		if (s->until_ns && left <= 0)
			break;
		if (poll(&p, 1, left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return err_set(e, -errno, "wait for events");
		while (read(ino, waste, sizeof(waste)) > 0)
			;
		r = read_lines(now, pass_line, s, e);
		/* It has become the old one. */
		if (r == 0 && fstat(now->fd, &st) == 0 && stat(path, &named) == 0 && st.st_ino != named.st_ino) {
			reader_done(now);
			r = open_file(path, now);
			if (r == 0)
				r = read_lines(now, pass_line, s, e);
		}
	}
	return r;
}

int docker_events(struct docker *d, int64_t since_ns, int64_t until_ns, const char *filters,
		  const struct docker_sink *out, struct err *e)
{
	static const char *const known[] = { "config", "container", "daemon", "event",	"image",
					     "label",  "network",   "node",   "plugin", "scope",
					     "secret", "service",   "type",   "volume", NULL };
	_cleanup_free_ char *path = events_path(d, ""), *old = events_path(d, ".1");
	_cleanup_close_ int ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_cleanup_value_ struct json_c_value *f = NULL;
	_cleanup_(reader_done) struct reader now = { .fd = -EBADF }, before = { .fd = -EBADF };
	struct stream s = { .d = d, .since_ns = since_ns, .until_ns = until_ns, .out = out };
	int r = docker_filters_parse(filters, known, &f, e);

	if (r < 0)
		return r;
	if (!path || !old)
		return err_oom(e);
	s.filters = f;
	if (ino < 0 || inotify_add_watch(ino, d->images->root, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_set(e, -errno, "watch %s", d->images->root);
	/* Nobody asked for what has been: from here on. */
	s.follow_only = !since_ns && !until_ns;
	if (!s.follow_only && open_file(old, &before) == 0)
		r = read_lines(&before, pass_line, &s, e);
	if (r == 0 && open_file(path, &now) < 0)
		r = err_set(e, -errno, "open %s", path);
	if (r == 0)
		r = read_lines(&now, pass_line, &s, e);
	s.follow_only = false;
	return r == 0 ? follow(&s, path, ino, &now, e) : r;
}

/* --- wait -------------------------------------------------------------------------------------------------------------------- */

struct death {
	const char *id;
	int64_t after;
	int code;
	bool found;
};

static int look_for_death(void *arg, char *line, size_t len)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	struct death *x = arg;
	int32_t code;

	if (!strstr(line, x->id) || !strstr(line, "\"die\"") || value_parse(line, len, "event", &v, NULL) < 0)
		return 0;
	if (!streq(value_text(value_get(v, "Actor"), "ID") ?: "", x->id) || value_int(v, "timeNano", 0) < x->after)
		return 0;
	if (parse_i32(value_text(value_at(v, "Actor.Attributes"), "exitCode") ?: "", &code) == 0) {
		x->code = code;
		x->found = true;
	}
	return 0;
}

/* It is gone: how it ended is in the events. */
static int code_of_gone(struct docker *d, const char *id, int def)
{
	static const char *const suffixes[] = { "", ".1" };
	struct death x = { .id = id, .code = def };

	for (size_t i = 0; i < 2 && !x.found; i++) {
		_cleanup_free_ char *path = events_path(d, suffixes[i]);
		_cleanup_(reader_done) struct reader r = { .fd = -EBADF };
		struct stat st;

		if (!path || open_file(path, &r) < 0)
			continue;
		/* The last of them, and not all that ever happened. */
		if (i == 0 && fstat(r.fd, &st) == 0 && st.st_size > (256 << 10))
			(void)lseek(r.fd, st.st_size - (256 << 10), SEEK_SET);
		(void)read_lines(&r, look_for_death, &x, NULL);
		if (!x.found && i == 0 && lseek(r.fd, 0, SEEK_SET) == 0)
			(void)read_lines(&r, look_for_death, &x, NULL);
	}
	return x.code;
}

static bool reached(const char *condition, const struct docker_state *now, const struct docker_state *then)
{
	bool runs = now->status == DS_RUNNING || now->status == DS_PAUSED;

	if (streq(condition, "next-exit"))
		return now->finished_ns != then->finished_ns ||
		       (!runs && now->started_ns != then->started_ns && now->status != DS_RESTARTING) ||
		       /* it could not be started */
		       (now->error && !then->error);
	return streq(condition, "not-running") && !runs && now->status != DS_RESTARTING;
}

/* Waits for the change of life that is being made to ID, if one is. */
static bool under_way(const char *id, const struct docker_state *now, const struct docker_state *then)
{
	return now->finished_ns == then->finished_ns && now->status != DS_RUNNING && record_await(id);
}

struct docker_waiter {
	struct docker *d;
	char *id;
	char condition[16];
	struct docker_state then;
	int dirfd;
	struct container *lxc; /* one of LXC's in its place */
};

struct docker_waiter *docker_waiter_free(struct docker_waiter *w)
{
	if (!w)
		return NULL;
	docker_state_done(&w->then);
	fd_close(w->dirfd);
	container_free(w->lxc);
	free(w->id);
	free(w);
	return NULL;
}

int docker_wait_begin(struct docker *d, const char *id, const char *condition, struct docker_waiter **ret,
		      struct err *e)
{
	_cleanup_(docker_waiter_freep) struct docker_waiter *w = calloc(1, sizeof(*w));
	_cleanup_row_ struct docker_row c = { 0 };
	int r;

	if (!w)
		return err_oom(e);
	w->d = d;
	w->dirfd = -EBADF;
	condition = isempty(condition) ? "not-running" : condition;
	if (!streq(condition, "not-running") && !streq(condition, "next-exit") && !streq(condition, "removed"))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid condition: \"%s\"", condition);
	snprintf(w->condition, sizeof(w->condition), "%s", condition);
	r = docker_find(d, id, &c, e);
	if (r == -ENOENT && (w->lxc = docker_lxc_find(d, id, e))) {
		*ret = TAKE_PTR(w);
		return 0;
	}
	if (r < 0)
		return r;
	w->id = TAKE_PTR(c.id);
	w->dirfd = docker_dir(d, w->id, e);
	if (w->dirfd < 0)
		return w->dirfd;
	r = docker_state_read(w->dirfd, w->id, &w->then, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(w);
	return 0;
}

/* Once there is something to wait for: closing one that has watched costs the kernel's own waiting. */
static int watch(const struct docker_waiter *w, struct err *e)
{
	_cleanup_close_ int ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[FD_PATH_MAX];

	if (ino < 0 || (inotify_add_watch(ino, fd_path(w->dirfd, path), IN_MOVED_TO) < 0 && errno != ENOENT))
		return err_set(e, -errno, "watch the container");
	/* A folder that is held open is not told of its own end. */
	if (streq(w->condition, "removed")) {
		_cleanup_free_ char *all = docker_path(w->d, "", NULL);

		if (!all || inotify_add_watch(ino, all, IN_DELETE) < 0)
			return err_set(e, -errno, "watch all containers");
	}
	return TAKE_FD(ino);
}

int docker_wait_end(const struct docker_waiter *w, int *ret_code, struct err *e)
{
	_cleanup_close_ int ino = -EBADF;
	char waste[4096];

	if (w->lxc)
		return docker_lxc_wait(w->lxc, w->condition, ret_code, e);
	for (int code = w->then.exit_code;;) {
		_cleanup_state_ struct docker_state now = { 0 };
		struct pollfd p = { .events = POLLIN };
		struct stat st;
		int r = docker_state_read(w->dirfd, w->id, &now, NULL);

		if (r == 0)
			code = now.exit_code;
		/* A start that is under way has said RUNNING before there is anything to be seen of it: that is no end. */
		if (r == 0 && under_way(w->id, &now, &w->then))
			continue;
		if (r == 0 && reached(w->condition, &now, &w->then)) {
			*ret_code = code;
			return 0;
		}
		if (fstat(w->dirfd, &st) == 0 && st.st_nlink == 0) {
			*ret_code = code_of_gone(w->d, w->id, code);
			return 0;
		}
		if (ino < 0) {
			ino = watch(w, e);
			if (ino < 0)
				return ino;
			continue;
		}
		p.fd = ino;
		/* The death of a keeper is told by nobody. */
		if (poll(&p, 1, 1000) < 0 && errno != EINTR)
			return err_set(e, -errno, "wait for the container");
		while (read(ino, waste, sizeof(waste)) > 0)
			;
	}
}

int docker_wait(struct docker *d, const char *id, const char *condition, int *ret_code, struct err *e)
{
	_cleanup_(docker_waiter_freep) struct docker_waiter *w = NULL;
	int r = docker_wait_begin(d, id, condition, &w, e);

	return r < 0 ? r : docker_wait_end(w, ret_code, e);
}
