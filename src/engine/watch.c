/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"

#define LINE_MAX_BYTES 128
/* A directory tells of the files in it, so that one watch a container is enough. */
#define DIR_EVENTS (IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_ONLYDIR)

/*
 * One container. Its events file stays open: an undefined one's run directory goes away with its last line, which is
 * read all the same.
 */
struct entry {
	char *id, *name, *lxcpath; /* the latter two from the record, once it is there */
	int wd, fd;
	off_t offset;
	bool gone, dirty, unwanted;
	struct entry *next;
};

struct watch {
	char *base;
	struct strv lxcpaths;
	int in, base_wd;
	struct entry *entries;
	bool rescan;
	struct entry *told; /* whose names the last event points to */
};

static struct entry *entry_free(struct entry *t)
{
	fd_close(t->fd);
	free(t->id);
	free(t->name);
	free(t->lxcpath);
	free(t);
	return NULL;
}

struct watch *watch_free(struct watch *w)
{
	if (!w)
		return NULL;
	for (struct entry *t = w->entries, *next; t; t = next) {
		next = t->next;
		entry_free(t);
	}
	fd_close(w->in);
	strv_done(&w->lxcpaths);
	free(w->base);
	free(w);
	return NULL;
}

int watch_fd(const struct watch *w)
{
	return w->in;
}

/* SKIP: what is in the file by now is not news. */
static int entry_add(struct watch *w, const char *id, bool skip, struct err *e)
{
	_cleanup_free_ char *dir = path_join(w->base, id), *events = NULL;
	struct entry *t;
	struct stat st;
	int wd;

	if (!dir || asprintf(&events, "%s/events", dir) < 0)
		return err_oom(e);
	wd = inotify_add_watch(w->in, dir, DIR_EVENTS);
	if (wd < 0) {
		/* It is gone again, or another user's. */
		if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
			return 0;
		return err_hint(e, err_set(e, -errno, "watch %s", dir),
				errno == ENOSPC ? "raise fs.inotify.max_user_watches" : "");
	}
	for (t = w->entries; t; t = t->next)
		if (t->wd == wd && !t->gone)
			return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return err_oom(e);
	*t = (struct entry){ .id = strdup(id), .wd = wd, .fd = -EBADF, .dirty = true, .next = w->entries };
	if (!t->id) {
		entry_free(t);
		return err_oom(e);
	}
	if (skip) {
		t->fd = open(events, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (t->fd >= 0 && fstat(t->fd, &st) == 0)
			t->offset = st.st_size;
		t->dirty = false;
	}
	w->entries = t;
	return 0;
}

/* All that have a run directory. */
static int scan_base(struct watch *w, bool skip, struct err *e)
{
	DIR *d = opendir(w->base);
	struct dirent *de;
	int r = 0;

	if (!d)
		return err_set(e, -errno, "open %s", w->base);
	while (r == 0 && (de = readdir(d)))
		if (de->d_name[0] != '.' && !streq(de->d_name, "locks"))
			r = entry_add(w, de->d_name, skip, e);
	closedir(d);
	return r;
}

int watch_open(const struct strv *lxcpaths, struct watch **ret, struct err *e)
{
	_cleanup_(watch_freep) struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_oom(e);
	w->in = -EBADF;
	r = strv_copy(&w->lxcpaths, lxcpaths, e);
	if (r == 0)
		r = run_dir(true, &w->base, e);
	if (r < 0)
		return r;
	w->in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->in < 0)
		return err_set(e, -errno, "watch for state changes");
	w->base_wd = inotify_add_watch(w->in, w->base, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	if (w->base_wd < 0)
		return err_set(e, -errno, "watch %s", w->base);
	r = scan_base(w, true, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(w);
	return 0;
}

/* Names come from the record, which is written before the first event. False: not there yet, or not ours. */
static bool entry_names(struct watch *w, struct entry *t)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int dirfd = -EBADF;

	if (t->name || t->unwanted)
		return !t->unwanted;
	dirfd = record_open_dir(t->id, false, NULL);
	if (dirfd < 0 || record_read(dirfd, &rec, NULL) < 0)
		return false;
	if (!rec.lxcpath || !strv_has(&w->lxcpaths, rec.lxcpath)) {
		t->unwanted = true;
		return false;
	}
	t->name = TAKE_PTR(rec.name);
	t->lxcpath = TAKE_PTR(rec.lxcpath);
	return true;
}

/* "RUNNING 1700000000000000000 -1". */
static bool parse_line(char *line, struct watch_event *ret)
{
	char *save = NULL, *state = strtok_r(line, " ", &save), *time = strtok_r(NULL, " ", &save),
	     *status = strtok_r(NULL, " ", &save);

	if (!state || !time || run_state_parse(state, &ret->state) < 0)
		return false;
	ret->time_ns = strtoll(time, NULL, 10);
	ret->status = status ? (int)strtol(status, NULL, 10) : -1;
	return true;
}

/* The next whole line of the entry's file. */
static bool entry_read(struct watch *w, struct entry *t, struct watch_event *ret)
{
	char line[LINE_MAX_BYTES + 1];
	struct stat st;

	if (!entry_names(w, t))
		return false;
	if (t->fd < 0) {
		_cleanup_close_ int dirfd = record_open_dir(t->id, false, NULL);

		t->fd = dirfd < 0 ? -EBADF : openat(dirfd, "events", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (t->fd < 0 || fstat(t->fd, &st) < 0)
		return false;
	/* A new life dropped the lines of old ones. */
	if (st.st_size < t->offset)
		t->offset = 0;
	for (;;) {
		ssize_t n = pread(t->fd, line, LINE_MAX_BYTES, t->offset);
		char *nl;

		if (n <= 0)
			return false;
		line[n] = '\0';
		nl = strchr(line, '\n');
		if (!nl)
			return false;
		*nl = '\0';
		t->offset += nl + 1 - line;
		if (!parse_line(line, ret))
			continue;
		ret->name = t->name;
		ret->lxcpath = t->lxcpath;
		return true;
	}
}

static void take_one(struct watch *w, const struct inotify_event *ev)
{
	if (ev->mask & IN_Q_OVERFLOW) {
		w->rescan = true;
		for (struct entry *t = w->entries; t; t = t->next)
			t->dirty = true;
		return;
	}
	if (ev->wd == w->base_wd) {
		w->rescan = true;
		return;
	}
	for (struct entry *t = w->entries; t; t = t->next) {
		if (t->wd != ev->wd || t->gone)
			continue;
		t->dirty = true;
		t->gone = ev->mask & IN_IGNORED;
		return;
	}
}

static void take_notices(struct watch *w)
{
	char buf[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n;

	while ((n = read(w->in, buf, sizeof(buf))) > 0)
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *ev = (const struct inotify_event *)p;

			take_one(w, ev);
			p += sizeof(*ev) + ev->len;
		}
}

/* What is gone and read to its end is forgotten. */
static void forget_gone(struct watch *w)
{
	for (struct entry **at = &w->entries; *at;) {
		struct entry *t = *at;

		if (t->gone && !t->dirty && t != w->told) {
			*at = t->next;
			entry_free(t);
		} else {
			at = &t->next;
		}
	}
}

int watch_next(struct watch *w, struct watch_event *ret, struct err *e)
{
	take_notices(w);
	if (w->rescan) {
		int r = scan_base(w, false, e);

		if (r < 0)
			return r;
		w->rescan = false;
	}
	w->told = NULL;
	for (struct entry *t = w->entries; t; t = t->next) {
		if (!t->dirty)
			continue;
		if (entry_read(w, t, ret)) {
			w->told = t;
			return 1;
		}
		t->dirty = false;
	}
	forget_gone(w);
	return 0;
}
