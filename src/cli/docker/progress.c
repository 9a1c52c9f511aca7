/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/docker/progress.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/docker/units.h"

#define LINES_MAX 200 /* layers that have a line each; further ones are told by plain lines */
#define BAR	  50
#define PERIOD_NS 50000000 /* a line is drawn anew so often at most */

struct line {
	char id[80], status[64];
	uint64_t first, total; /* bytes that were there when this step began */
	int64_t since_ns, drawn_ns;
};

struct progress_view {
	int fd;
	bool quiet, terminal;
	pthread_mutex_t lock;
	struct progress progress;
	struct line lines[LINES_MAX];
	unsigned n;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void bar(const struct line *l, uint64_t current, uint64_t total, unsigned columns, struct buf *out)
{
	char have[UNIT_TEXT_MAX], all[UNIT_TEXT_MAX];
	unsigned done = total ? (unsigned)((double)(current < total ? current : total) / (double)total * BAR) : 0;
	double seconds = (double)(now_ns() - l->since_ns) / 1e9, rate;

	if (columns > 110 && total) {
		buf_puts(out, " [");
		for (unsigned i = 0; i < BAR; i++)
			buf_putc(out, i < done ? '=' : i == done ? '>' : ' ');
		buf_putc(out, ']');
	}
	if (!total) {
		buf_printf(out, " %s", unit_size((double)current, 4, have));
		return;
	}
	buf_printf(out, " %8s/%s", unit_size((double)current, 4, have), unit_size((double)total, 4, all));
	rate = seconds > 0.25 && current > l->first ? (double)(current - l->first) / seconds : 0;
	if (rate > 0 && current < total) {
		double left = (double)(total - current) / rate;

		if (left < 60)
			buf_printf(out, " %.0fs", left + 0.5);
		else if (left < 3600 * 100)
			buf_printf(out, " %dm%02ds", (int)(left / 60), (int)left % 60);
	}
}

/* Up to the line of index I, which is drawn anew, and down again. */
static void draw(struct progress_view *v, unsigned i, const struct progress_event *ev)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct winsize ws = { 0 };
	unsigned up = v->n - i;

	(void)ioctl(v->fd, TIOCGWINSZ, &ws);
	buf_printf(&out, "\033[%uA\r\033[2K%s: %s", up, v->lines[i].id, ev->status);
	if (ev->current || ev->total)
		bar(&v->lines[i], ev->current, ev->total, ws.ws_col ?: 80, &out);
	buf_printf(&out, "\r\033[%uB", up);
	(void)fd_write_all(v->fd, buf_str(&out), out.len);
}

static void plain(struct progress_view *v, const struct progress_event *ev)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	/* How far it is says something on a terminal only. */
	if (ev->current || ev->total)
		return;
	if (!isempty(ev->id))
		buf_printf(&out, "%s: ", ev->id);
	buf_printf(&out, "%s\n", ev->status);
	(void)fd_write_all(v->fd, buf_str(&out), out.len);
}

static void on_terminal(struct progress_view *v, const struct progress_event *ev)
{
	int64_t now = now_ns();
	struct line *l;
	unsigned i = 0;

	if (isempty(ev->id)) {
		plain(v, ev);
		v->n = 0; /* what comes now stands below */
		return;
	}
	while (i < v->n && !streq(v->lines[i].id, ev->id))
		i++;
	if (i == LINES_MAX) {
		plain(v, ev);
		return;
	}
	l = &v->lines[i];
	if (i == v->n) {
		*l = (struct line){ 0 };
		snprintf(l->id, sizeof(l->id), "%s", ev->id);
		v->n++;
		(void)!write(v->fd, "\n", 1);
	}
	if (!streq(l->status, ev->status)) {
		snprintf(l->status, sizeof(l->status), "%s", ev->status);
		l->first = ev->current;
		l->since_ns = now;
	} else if (now - l->drawn_ns < PERIOD_NS && ev->current < ev->total) {
		return;
	}
	l->drawn_ns = now;
	draw(v, i, ev);
}

static void event(void *arg, const struct progress_event *ev)
{
	struct progress_view *v = arg;

	if (v->quiet)
		return;
	pthread_mutex_lock(&v->lock);
	if (v->terminal)
		on_terminal(v, ev);
	else
		plain(v, ev);
	pthread_mutex_unlock(&v->lock);
}

int progress_view_new(int fd, bool quiet, struct progress_view **ret, struct err *e)
{
	struct progress_view *v = calloc(1, sizeof(*v));
	const char *term = getenv("TERM");

	if (!v)
		return err_oom(e);
	v->fd = fd;
	v->quiet = quiet;
	v->terminal = isatty(fd) && !isempty(term) && !streq(term, "dumb");
	pthread_mutex_init(&v->lock, NULL);
	v->progress = (struct progress){ .event = event, .arg = v };
	*ret = v;
	return 0;
}

struct progress_view *progress_view_free(struct progress_view *v)
{
	if (!v)
		return NULL;
	pthread_mutex_destroy(&v->lock);
	free(v);
	return NULL;
}

const struct progress *progress_view_get(struct progress_view *v)
{
	return &v->progress;
}
