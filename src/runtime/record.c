/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/record.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "sys/proc.h"

#define DEFAULT_LXCPATH "/var/lib/lxc"
#define STATE_MAX	(64u << 10)
#define EVENTS_MAX	(64 << 10)

const char *const run_state_names[] = { "STOPPED",  "STARTING", "RUNNING", "STOPPING", "ABORTING",
					"FREEZING", "FROZEN",	"THAWED",  NULL };

int run_state_parse(const char *s, enum run_state *ret)
{
	for (int i = 0; i < RUN_STATE_MAX; i++)
		if (strcasecmp(s, run_state_names[i]) == 0) {
			*ret = (enum run_state)i;
			return 0;
		}
	return -EINVAL;
}

void record_done(struct record *r)
{
	free(r->id);
	free(r->name);
	free(r->lxcpath);
	free(r->config);
	free(r->cgroup);
	free(r->lsm_label);
	free(r->bundle);
	free(r->version);
	free(r->root);
	free(r->data);
	strv_done(&r->host_ifs);
	strv_done(&r->links);
	*r = (struct record){ .exit_status = -1 };
}

int run_dir(bool do_make, char **ret, struct err *e)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	_cleanup_free_ char *dir = NULL, *locks = NULL;
	int r;

	if (geteuid() == 0 && !proc_user_entered())
		dir = strdup("/run/creel");
	else if (!isempty(xdg) && *xdg == '/')
		dir = path_join(xdg, "creel");
	else if (asprintf(&dir, "/run/user/%u/creel", geteuid()) < 0)
		dir = NULL;
	if (!dir)
		return err_oom(e);
	if (do_make) {
		locks = path_join(dir, "locks");
		if (!locks)
			return err_oom(e);
		r = dir_make_all(dir, 0711, e);
		if (r == 0)
			r = dir_make_all(locks, 0700, e);
		if (r < 0 && geteuid() != 0)
			return err_hint(e, r, "set XDG_RUNTIME_DIR to a directory of your own, on a tmpfs");
		if (r < 0)
			return r;
	}
	*ret = TAKE_PTR(dir);
	return 0;
}

uint64_t record_hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h;
}

int record_id(const char *lxcpath, const char *name, char **ret, struct err *e)
{
	static const char *const ours[] = { "locks", "rootfs", "net", "cache", "userns" };
	bool taken = false;
	char *id;

	if (!path_is_component(name))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is not a container name: one word without slashes",
				name);
	/* The names that our own directories beside the containers' have are nobody's id. */
	for (size_t i = 0; i < ARRAY_SIZE(ours) && !taken; i++)
		taken = streq(name, ours[i]);
	if (!taken && (!lxcpath || streq(lxcpath, DEFAULT_LXCPATH)))
		id = strdup(name);
	else if (asprintf(&id, "%s@%016" PRIx64, name, record_hash(lxcpath ?: DEFAULT_LXCPATH)) < 0)
		id = NULL;
	if (!id)
		return err_oom(e);
	*ret = id;
	return 0;
}

int record_open_dir(const char *id, bool do_make, struct err *e)
{
	_cleanup_free_ char *base = NULL, *dir = NULL;
	int fd, r;

	r = run_dir(do_make, &base, e);
	if (r < 0)
		return r;
	dir = path_join(base, id);
	if (!dir)
		return err_oom(e);
	if (do_make && mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "create %s", dir);
	/* A link is one of ours: nobody else may write here. */
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (strchr(id, '@') ? 0 : O_NOFOLLOW));
	return fd < 0 ? err_set(e, -errno, "open %s", dir) : fd;
}

/* The link among all run directories. free() */
static int root_link(const char *root, const char *name, bool do_make, char **ret, struct err *e)
{
	_cleanup_free_ char *base = NULL, *id = NULL;
	int r = run_dir(do_make, &base, e);

	if (r == 0)
		r = record_id(root, name, &id, e);
	if (r < 0)
		return r;
	*ret = path_join(base, id);
	return *ret ? 0 : err_oom(e);
}

int record_open_root(const char *root, const char *name, bool do_make, struct err *e)
{
	_cleanup_free_ char *dir = path_join(root, name), *link = NULL;
	int fd, r;

	if (!dir)
		return err_oom(e);
	r = root_link(root, name, do_make, &link, e);
	if (r < 0)
		return r;
	if (do_make) {
		r = dir_make_all(root, 0711, e);
		if (r < 0)
			return r;
		if (mkdir(dir, 0700) < 0)
			return errno == EEXIST
				       ? err_kind(e, ERR_EXISTS, -EEXIST, "container with given ID already exists")
				       : err_set(e, -errno, "create %s", dir);
		/* One that points to nothing is of a root that was thrown away. */
		(void)unlink(link);
		if (symlink(dir, link) < 0) {
			r = err_set(e, -errno, "link %s to %s", link, dir);
			(void)rmdir(dir);
			return r;
		}
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_set(e, -errno, "open %s", dir) : fd;
}

int record_forget_root(const char *root, const char *name, struct err *e)
{
	_cleanup_free_ char *dir = path_join(root, name), *link = NULL;
	int r;

	if (!dir)
		return err_oom(e);
	r = root_link(root, name, false, &link, e);
	if (r == 0)
		r = tree_remove(AT_FDCWD, dir, e);
	if (r == 0 && unlink(link) < 0 && errno != ENOENT)
		r = err_set(e, -errno, "remove %s", link);
	return r;
}

/* --- the state file: one table says what it holds ------------------------------------------------------------------ */

enum rec_type { RT_STR, RT_I32, RT_U32, RT_I64, RT_U64, RT_BOOL, RT_STATE, RT_STRV };

static const struct rec_field {
	const char *key;
	enum rec_type type;
	size_t offset;
} rec_fields[] = {
#define F(name, type)                                      \
	{                                                  \
#name, type, offsetof(struct record, name) \
	}
	F(id, RT_STR),
	F(name, RT_STR),
	F(lxcpath, RT_STR),
	F(config, RT_STR),
	F(state, RT_STATE),
	F(pid, RT_I32),
	F(pid_start, RT_U64),
	F(keeper, RT_I32),
	F(keeper_start, RT_U64),
	F(started_ns, RT_I64),
	F(ns_cloned, RT_U32),
	F(cgroup, RT_STR),
	F(lsm_label, RT_STR),
	F(cap_mask, RT_U64),
	F(has_userns, RT_BOOL),
	F(ttys, RT_U32),
	F(host_ifs, RT_STRV),
	F(links, RT_STRV),
	F(exit_status, RT_I32),
	F(restarts, RT_U32),
	F(bundle, RT_STR),
	F(version, RT_STR),
	F(root, RT_STR),
	F(created_ns, RT_I64),
	F(systemd_cgroup, RT_BOOL),
	F(data, RT_STR),
#undef F
};

static void put_field(const struct rec_field *f, const struct record *r, struct buf *b)
{
	const void *p = (const char *)r + f->offset;

	switch (f->type) {
	case RT_STR:
		if (*(char *const *)p)
			buf_printf(b, "%s=%s\n", f->key, *(char *const *)p);
		break;
	case RT_I32:
		buf_printf(b, "%s=%" PRId32 "\n", f->key, *(const int32_t *)p);
		break;
	case RT_U32:
		buf_printf(b, "%s=%" PRIu32 "\n", f->key, *(const uint32_t *)p);
		break;
	case RT_I64:
		buf_printf(b, "%s=%" PRId64 "\n", f->key, *(const int64_t *)p);
		break;
	case RT_U64:
		buf_printf(b, "%s=%" PRIu64 "\n", f->key, *(const uint64_t *)p);
		break;
	case RT_BOOL:
		buf_printf(b, "%s=%d\n", f->key, *(const bool *)p);
		break;
	case RT_STATE:
		buf_printf(b, "%s=%s\n", f->key, run_state_names[*(const enum run_state *)p]);
		break;
	case RT_STRV:
		for (size_t i = 0; i < ((const struct strv *)p)->n; i++)
			buf_printf(b, "%s=%s\n", f->key, ((const struct strv *)p)->v[i]);
		break;
	}
}

static int take_field(const struct rec_field *f, struct record *r, const char *value)
{
	void *p = (char *)r + f->offset;
	uint64_t u = 0;
	int v = 0;

	switch (f->type) {
	case RT_STR:
		free(*(char **)p);
		*(char **)p = strdup(value);
		return *(char **)p ? 0 : -ENOMEM;
	case RT_I32:
		return parse_i32(value, p);
	case RT_U32:
		return parse_u32(value, p);
	case RT_I64:
		return parse_i64(value, p);
	case RT_U64:
		return parse_u64(value, p);
	case RT_BOOL:
		v = parse_u64(value, &u);
		*(bool *)p = u != 0;
		return v;
	case RT_STATE:
		return run_state_parse(value, p);
	case RT_STRV:
		return strv_push(p, value, NULL);
	}
	return -EINVAL;
}

/* A path with a line break would read back as another field. */
static bool one_line(const struct rec_field *f, const struct record *r)
{
	const void *p = (const char *)r + f->offset;
	const struct strv *l = p;

	if (f->type == RT_STR)
		return !*(char *const *)p || !strchr(*(char *const *)p, '\n');
	for (size_t i = 0; f->type == RT_STRV && i < l->n; i++)
		if (strchr(l->v[i], '\n'))
			return false;
	return true;
}

int record_write(int dirfd, const struct record *r, struct err *e)
{
	_cleanup_buf_ struct buf b = { .limit = STATE_MAX };
	int x;

	for (size_t i = 0; i < ARRAY_SIZE(rec_fields); i++)
		if (!one_line(&rec_fields[i], r))
			return err_kind(e, ERR_INVALID, -EINVAL, "%s with a line break cannot be recorded",
					rec_fields[i].key);
	for (size_t i = 0; i < ARRAY_SIZE(rec_fields); i++)
		put_field(&rec_fields[i], r, &b);
	x = buf_error(&b, e);
	if (x < 0)
		return x;
	return file_replace(dirfd, "state", b.data, b.len, 0600, false, e);
}

bool record_alive(const struct record *r)
{
	return proc_alive(r->pid, r->pid_start);
}

bool record_kept(const struct record *r)
{
	return proc_alive(r->keeper, r->keeper_start);
}

int record_read(int dirfd, struct record *ret, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r;

	r = file_read(dirfd, "state", STATE_MAX, &text, NULL, e);
	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *eq = strchr(line, '=');

		if (!eq)
			return err_kind(e, ERR_INVALID, -EINVAL, "state record: line without '='");
		*eq = '\0';
		/* Keys that this version does not know come from a newer one: skipped, so that either can read. */
		for (size_t i = 0; i < ARRAY_SIZE(rec_fields); i++)
			if (streq(rec_fields[i].key, line)) {
				r = take_field(&rec_fields[i], &rec, eq + 1);
				if (r < 0)
					return err_kind(e, ERR_INVALID, r, "state record: bad value of %s", line);
			}
	}
	if (!rec.id || !rec.name)
		return err_kind(e, ERR_INVALID, -EINVAL, "state record: no id");
	/* Nothing of it lives any more: it was killed, and nobody could write that down. */
	if (rec.state != RUN_STOPPED && !record_alive(&rec) && !record_kept(&rec))
		rec.state = RUN_STOPPED;
	*ret = rec;
	rec = (struct record){ 0 };
	return 0;
}

int record_set_state(int dirfd, struct record *r, enum run_state s, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct timespec ts;
	char line[128];
	int n, x;

	r->state = s;
	x = record_write(dirfd, r, e);
	if (x < 0)
		return x;
	fd = openat(dirfd, "events", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, -errno, "open events of %s", r->id);
	/* It grows by a few lines a life: a new life drops those of the last ones now and then. Who waits notices. */
	if (s == RUN_STARTING && lseek(fd, 0, SEEK_END) > EVENTS_MAX && ftruncate(fd, 0) < 0)
		return err_set(e, -errno, "shorten events of %s", r->id);
	clock_gettime(CLOCK_REALTIME, &ts);
	n = snprintf(line, sizeof(line), "%s %lld%09ld %d\n", run_state_names[s], (long long)ts.tv_sec, ts.tv_nsec,
		     s == RUN_STOPPING || s == RUN_STOPPED ? r->exit_status : -1);
	x = fd_write_all(fd, line, (size_t)n);
	return x < 0 ? err_set(e, x, "write events of %s", r->id) : 0;
}

int record_lock(const char *id, bool wait, struct err *e)
{
	_cleanup_free_ char *base = NULL, *path = NULL;
	int r;

	r = run_dir(true, &base, e);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/locks/%s", base, id) < 0)
		return err_oom(e);
	for (;;) {
		_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		struct stat mine, there;

		if (fd < 0)
			return err_set(e, -errno, "open %s", path);
		if (flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0) {
			if (errno == EINTR)
				continue;
			return err_kind(e, ERR_STATE, -errno, "container %s is busy: another command is working on it",
					id);
		}
		/* Who destroys a container removes its lock file: then this lock protects nothing, take the new one. */
		if (fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino)
			return TAKE_FD(fd);
	}
}

bool record_lock_exists(const char *id)
{
	_cleanup_free_ char *base = NULL, *path = NULL;

	return run_dir(false, &base, NULL) == 0 && asprintf(&path, "%s/locks/%s", base, id) >= 0 &&
	       file_exists(AT_FDCWD, path);
}

bool record_locked(const char *id)
{
	_cleanup_free_ char *base = NULL, *path = NULL;
	_cleanup_close_ int fd = -EBADF;

	if (run_dir(false, &base, NULL) < 0 || asprintf(&path, "%s/locks/%s", base, id) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

bool record_await(const char *id)
{
	_cleanup_free_ char *base = NULL, *path = NULL;
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (run_dir(false, &base, NULL) < 0 || asprintf(&path, "%s/locks/%s", base, id) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0)
		return false;
	do
		r = flock(fd, LOCK_SH);
	while (r < 0 && errno == EINTR);
	return r == 0;
}

/* --- waiting ------------------------------------------------------------------------------------------------------- */

struct waiter {
	char *base, *events;
	const char *id;
	off_t offset;
	ino_t ino; /* of the file that OFFSET is in */
};

/* Reads the lines that came since the last look. 1: one of STATES was there. */
static int scan_events(struct waiter *w, unsigned states, enum run_state *ret)
{
	_cleanup_close_ int fd = open(w->events, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char buf[4096];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (st.st_size < w->offset || st.st_ino != w->ino)
		w->offset = 0; /* a new life began */
	w->ino = st.st_ino;
	for (;;) {
		ssize_t n = pread(fd, buf, sizeof(buf) - 1, w->offset);
		char *line = buf, *nl;

		if (n <= 0)
			return 0;
		buf[n] = '\0';
		while ((nl = strchr(line, '\n'))) {
			enum run_state s;

			*nl = '\0';
			line[strcspn(line, " ")] = '\0';
			w->offset += nl + 1 - line;
			if (run_state_parse(line, &s) == 0 && (states & (1u << s))) {
				*ret = s;
				return 1;
			}
			line = nl + 1;
		}
		if (line == buf)
			return 0;
	}
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Watches whatever of base, container directory and events file exists by now. */
static void add_watches(int in, const struct waiter *w)
{
	_cleanup_free_ char *dir = path_join(w->base, w->id);

	inotify_add_watch(in, w->base, IN_CREATE | IN_MOVED_TO | IN_DELETE);
	if (dir && inotify_add_watch(in, dir, IN_CREATE | IN_MODIFY | IN_DELETE_SELF | IN_MOVED_TO) >= 0)
		inotify_add_watch(in, w->events, IN_MODIFY);
}

/* The state by the record. *RET_KEEPER (closed first) becomes a pidfd of the keeper, or of init where there is none: a
 * killed one writes nothing, but its pidfd wakes who waits. */
static enum run_state state_now(const char *id, int *ret_keeper)
{
	_cleanup_record_ struct record rec = { 0 };
	_cleanup_close_ int dirfd = record_open_dir(id, false, NULL);

	*ret_keeper = fd_close(*ret_keeper);
	if (dirfd < 0 || record_read(dirfd, &rec, NULL) < 0)
		return RUN_STOPPED;
	if (rec.state != RUN_STOPPED && rec.keeper > 0)
		*ret_keeper = proc_open(rec.keeper, rec.keeper_start);
	if (rec.state != RUN_STOPPED && *ret_keeper < 0 && rec.pid > 0)
		*ret_keeper = proc_open(rec.pid, rec.pid_start);
	return rec.state;
}

int record_wait(const char *id, unsigned states, int timeout_ms, enum run_state *ret_state, struct err *e)
{
	return record_wait_for(id, states, timeout_ms, -EBADF, ret_state, e);
}

int record_wait_for(const char *id, unsigned states, int timeout_ms, int client, enum run_state *ret_state,
		    struct err *e)
{
	_cleanup_free_ char *base = NULL, *events = NULL;
	_cleanup_close_ int in = -EBADF, keeper = -EBADF;
	int64_t deadline = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
	struct waiter w = { .id = id };
	struct stat st;
	int r;

	r = run_dir(true, &base, e);
	if (r < 0)
		return r;
	if (asprintf(&events, "%s/%s/events", base, id) < 0)
		return err_oom(e);
	w.base = base;
	w.events = events;
	if (stat(events, &st) == 0) {
		w.offset = st.st_size;
		w.ino = st.st_ino;
	}
	for (;;) {
		struct pollfd p[] = { { .events = POLLIN }, { .events = POLLIN }, { client, POLLIN, 0 } };
		int64_t left = deadline - now_ms();
		char drop[4096];
		enum run_state s;

		/* Watches first, looks second: what happens in between wakes the poll. */
		if (in >= 0)
			add_watches(in, &w);
		s = state_now(id, &keeper);
		if (states & (1u << s)) {
			*ret_state = s;
			return 1;
		}
		if (scan_events(&w, states, ret_state) == 1)
			return 1;
		if (left <= 0)
			return 0;
		/* Who waits for the end only has the keeper's, and is spared 10 ms: so long the kernel waits before it
		 * closes an inotify fd that watched something. */
		if (in < 0 && (states != 1u << RUN_STOPPED || keeper < 0)) {
			in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
			if (in < 0)
				return err_set(e, -errno, "watch for state changes");
			continue;
		}
		p[0].fd = in;
		p[1].fd = keeper;
		r = poll(p, ARRAY_SIZE(p), left > 1000 ? 1000 : (int)left);
		if (r < 0 && errno != EINTR)
			return err_set(e, -errno, "wait for a state of %s", id);
		if (p[2].revents)
			return 0;
		while (in >= 0 && read(in, drop, sizeof(drop)) > 0)
			;
	}
}
