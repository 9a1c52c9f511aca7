/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* logs: the keeper's file of lines, and its older ones. */

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/docker-inner.h"
#include "runtime/keeper_proto.h"

#define DEFAULT_SIZE  (10ull << 20) /* a log that nobody bounds fills the disk */
#define DEFAULT_FILES 3
#define CHUNK	      65536
#define LOG_LINE_MAX  (256u << 10)

static const char *log_type(const struct docker_row *c)
{
	return value_text(value_get(c->host, "LogConfig"), "Type") ?: "json-file";
}

char *docker_log_path(const struct docker *d, const struct docker_row *c)
{
	_cleanup_free_ char *name = NULL;

	if (streq(log_type(c), "none") || asprintf(&name, "%s-json.log", c->id) < 0)
		return NULL;
	return docker_path(d, c->id, name);
}

int docker_log_open(const struct docker *d, const struct docker_row *c, int *ret_fd, struct keeper_msg *ret,
		    struct err *e)
{
	const struct json_c_value *conf = value_get(value_get(c->host, "LogConfig"), "Config");
	const char *size = value_text(conf, "max-size"), *files = value_text(conf, "max-file");
	_cleanup_free_ char *path = docker_log_path(d, c);
	uint64_t max = DEFAULT_SIZE, n = size && !files ? 1 : DEFAULT_FILES;

	*ret_fd = -EBADF;
	if (!path)
		return streq(log_type(c), "none") ? 0 : err_oom(e);
	*ret = (struct keeper_msg){ .type = KM_LINES };
	if (strlen(path) >= sizeof(ret->path) - 4)
		return err_kind(e, ERR_LIMIT, -ENAMETOOLONG, "%s: too long a name for a log", path);
	memcpy(ret->path, path, strlen(path) + 1);
	if (size && streq(size, "-1"))
		max = 0;
	else if (size)
		(void)parse_size(size, &max);
	if (files)
		(void)parse_u64(files, &n);
	ret->max = max;
	ret->n = (uint32_t)n;
	*ret_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	return *ret_fd < 0 ? err_set(e, -errno, "open %s", path) : 0;
}

/* --- reading --------------------------------------------------------------------------------------------------------------- */

struct reading {
	const struct docker_logs *o;
	const struct docker_sink *out;
	const struct docker_row *c;
	int64_t skip;	 /* lines before the tail */
	bool count_only; /* how many there are */
	int64_t n;
	struct buf held; /* the rest of a line */
};

/* Nanoseconds since the epoch; -1: no time. */
static int64_t time_of(const char *s)
{
	struct tm tm = { 0 };
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	int64_t ns = 0, unit = 100000000;

	if (!rest)
		return -1;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ns += (*rest - '0') * unit;
	return (int64_t)timegm(&tm) * 1000000000 + ns;
}

static int put_detail(void *arg, const char *name, struct json_c_value *v)
{
	struct buf *b = arg;

	buf_printf(b, "%s%s=%s", b->len ? "," : "", name, value_text(v, NULL) ?: "");
	return 0;
}

static void add_variable(const struct json_c_value *env, const char *name, struct buf *b)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < value_len(env); i++) {
		const char *s = value_text(value_elem(env, i), NULL) ?: "";

		if (strncmp(s, name, n) == 0 && s[n] == '=')
			buf_printf(b, "%s%s", b->len ? "," : "", s);
	}
}

static void add_details(const struct reading *x, struct buf *line)
{
	const struct json_c_value *conf = value_get(value_get(x->c->host, "LogConfig"), "Config");
	_cleanup_buf_ struct buf b = BUF_INIT;
	const char *labels = value_text(conf, "labels"), *env = value_text(conf, "env");

	if (env) {
		_cleanup_strv_ struct strv l = STRV_INIT;

		if (strv_split(&l, env, ",", NULL) == 0)
			for (size_t i = 0; i < l.n; i++)
				add_variable(value_get(x->c->config, "Env"), l.v[i], &b);
	}
	if (labels) {
		_cleanup_strv_ struct strv l = STRV_INIT;

		if (strv_split(&l, labels, ",", NULL) == 0)
			for (size_t i = 0; i < l.n; i++) {
				struct json_c_value *v = value_get(value_get(x->c->config, "Labels"), l.v[i]);

				if (v)
					(void)put_detail(&b, l.v[i], v);
			}
	}
	buf_printf(line, "%s ", buf_str(&b));
}

static int pass_line(struct reading *x, const char *text, size_t len)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	_cleanup_buf_ struct buf line = BUF_INIT;
	const char *log, *time;
	int64_t at;
	int stream;

	/* Half a line of a keeper that was killed. */
	if (value_parse(text, len, "log", &v, NULL) < 0)
		return 0;
	log = value_text(v, "log");
	time = value_text(v, "time") ?: "";
	stream = streq(value_text(v, "stream") ?: "", "stderr") ? 2 : 1;
	if (!log || (stream == 1 && !x->o->out) || (stream == 2 && !x->o->err))
		return 0;
	at = time_of(time);
	if ((x->o->since_ns && at < x->o->since_ns) || (x->o->until_ns && at > x->o->until_ns))
		return 0;
	x->n++;
	if (x->count_only)
		return 0;
	if (x->skip > 0) {
		x->skip--;
		return 0;
	}
	if (x->o->timestamps)
		buf_printf(&line, "%s ", time);
	if (x->o->details)
		add_details(x, &line);
	buf_puts(&line, log);
	return line.error ? line.error : x->out->write(x->out->arg, stream, buf_str(&line), line.len);
}

static int read_on(struct reading *x, int fd, struct err *e)
{
	_cleanup_free_ char *chunk = malloc(CHUNK);
	ssize_t n;

	if (!chunk)
		return err_oom(e);
	while ((n = read(fd, chunk, CHUNK)) > 0) {
		char *at, *nl;

		buf_add(&x->held, chunk, (size_t)n);
		if (x->held.error)
			return err_oom(e);
		at = x->held.data;
		while ((nl = memchr(at, '\n', (size_t)(x->held.data + x->held.len - at)))) {
			int r = pass_line(x, at, (size_t)(nl - at));

			if (r)
				return r;
			at = nl + 1;
		}
		n = x->held.data + x->held.len - at;
		memmove(x->held.data, at, (size_t)n);
		x->held.len = (size_t)n;
		x->held.data[n] = '\0';
		if (x->held.len > LOG_LINE_MAX)
			buf_reset(&x->held);
	}
	return 0;
}

/* The older files, the oldest first, then the one that is written; its fd stays open. */
static int read_all(struct reading *x, const char *path, int *ret_fd, struct err *e)
{
	int r = 0;

	for (int i = 999; i >= 1 && r == 0; i--) {
		_cleanup_free_ char *old = NULL;
		_cleanup_close_ int fd = -EBADF;

		if (asprintf(&old, "%s.%d", path, i) < 0)
			return err_oom(e);
		/* There are few, without gaps. */
		if (i > 1) {
			_cleanup_free_ char *less = NULL;

			if (i % 100 == 99 && asprintf(&less, "%s.%d", path, i - 98) >= 0 &&
			    !file_exists(AT_FDCWD, less)) {
				i -= 98;
				continue;
			}
		}
		fd = open(old, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		buf_reset(&x->held);
		if (fd >= 0)
			r = read_on(x, fd, e);
	}
	buf_reset(&x->held);
	if (r == 0)
		*ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return r == 0 && *ret_fd >= 0 ? read_on(x, *ret_fd, e) : r;
}

static bool has_ended(struct docker *d, const struct docker_row *c)
{
	_cleanup_close_ int dirfd = docker_dir(d, c->id, NULL);
	_cleanup_state_ struct docker_state st = { 0 };

	return dirfd < 0 || docker_state_read(dirfd, c->id, &st, NULL) < 0 ||
	       (st.status != DS_RUNNING && st.status != DS_PAUSED && st.status != DS_RESTARTING);
}

static int follow(struct docker *d, struct reading *x, const char *path, int *fd, struct err *e)
{
	_cleanup_close_ int ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_cleanup_free_ char *dir = docker_path(d, x->c->id, NULL);
	char waste[4096];
	int r = 0;

	if (!dir)
		return err_oom(e);
	if (ino < 0 || inotify_add_watch(ino, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF) < 0)
		return err_set(e, -errno, "watch %s", dir);
	while (r == 0) {
		struct pollfd p = { .fd = ino, .events = POLLIN };
		bool over = has_ended(d, x->c) || (x->o->until_ns && docker_now() > x->o->until_ns);
		struct stat st, named;

		r = *fd >= 0 ? read_on(x, *fd, e) : 0;
		if (r == 0 && stat(path, &named) == 0 &&
		    (*fd < 0 || fstat(*fd, &st) < 0 || st.st_ino != named.st_ino)) {
			/* What came to be in it before it was put away: it grows no more. */
			r = *fd >= 0 ? read_on(x, *fd, e) : 0;
			fd_close(*fd);
			buf_reset(&x->held);
			*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
			if (r == 0 && *fd >= 0)
				r = read_on(x, *fd, e);
		} else if (r == 0 && *fd >= 0 && fstat(*fd, &st) == 0 && st.st_size < lseek(*fd, 0, SEEK_CUR)) {
			/* The only file there may be: it was begun anew. */
			buf_reset(&x->held);
			(void)lseek(*fd, 0, SEEK_SET);
			r = read_on(x, *fd, e);
		}
		if (over || r)
			break;
		if (poll(&p, 1, 1000) < 0 && errno != EINTR)
			return err_set(e, -errno, "wait for the log");
		while (read(ino, waste, sizeof(waste)) > 0)
			;
	}
	return r;
}

/* --- of LXC --------------------------------------------------------------------------------------------------------------- */

static int64_t count_lines(int fd)
{
	char buf[1 << 14];
	int64_t lines = 0;
	char last = '\n';
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
		last = buf[n - 1];
	}
	return lines + (last != '\n');
}

/* What C has shown on its console, as far as its file goes; all of it but the first SKIP lines. */
static int show_console(int fd, int64_t skip, const struct docker_sink *out)
{
	char buf[1 << 14];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, buf, sizeof(buf))) > 0) {
		char *p = buf, *end = buf + n;

		while (skip > 0 && p < end)
			skip -= *p++ == '\n';
		if (p < end)
			r = out->write(out->arg, 1, p, (size_t)(end - p));
	}
	return r;
}

/* 1: there is no such container. */
static int console_logs(struct docker *d, const char *name, const struct docker_logs *o, const struct docker_sink *out,
			struct err *e)
{
	_cleanup_(container_freep) struct container *c = NULL;
	_cleanup_close_ int fd = -EBADF;
	int64_t lines;

	if (container_open(d->engine, name, NULL, OPEN_MUST_EXIST, &c, NULL) < 0)
		return 1;
	if (o->timestamps || o->since_ns || o->until_ns || o->follow)
		return err_kind(e, ERR_INVALID, -EOPNOTSUPP,
				"%s is a container of LXC: the log of its console has no times and is not followed; "
				"lxc-console shows what comes",
				name);
	if (isempty(c->spec.dev.console_logfile))
		return err_kind(e, ERR_NOT_FOUND, -ENODATA,
				"%s is a container of LXC whose console goes to no file: lxc.console.logfile names one",
				name);
	if (!o->out)
		return 0;
	fd = open(c->spec.dev.console_logfile, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open %s", c->spec.dev.console_logfile);
	lines = o->tail >= 0 ? count_lines(fd) : 0;
	(void)lseek(fd, 0, SEEK_SET);
	return show_console(fd, lines > o->tail && o->tail >= 0 ? lines - o->tail : 0, out);
}

int docker_logs(struct docker *d, const char *id, const struct docker_logs *o, const struct docker_sink *out,
		struct err *e)
{
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -EBADF;
	struct reading x = { .o = o, .out = out, .c = &c };
	int r = docker_find(d, id, &c, e);

	if (r == -ENOENT) {
		int of_lxc = console_logs(d, id, o, out, e);

		return of_lxc == 1 ? r : of_lxc;
	}
	if (r < 0)
		return r;
	if (!o->out && !o->err)
		return err_kind(e, ERR_INVALID, -EINVAL, "Bad parameters: you must choose at least one stream");
	path = docker_log_path(d, &c);
	if (!path)
		return err_kind(e, ERR_INVALID, -EOPNOTSUPP, "configured logging driver does not support reading");
	if (o->tail >= 0) {
		_cleanup_close_ int counted = -EBADF;

		x.count_only = true;
		r = read_all(&x, path, &counted, e);
		x.skip = x.n > o->tail ? x.n - o->tail : 0;
		x.count_only = false;
		buf_reset(&x.held);
	}
	if (r == 0)
		r = read_all(&x, path, &fd, e);
	if (r == 0 && o->follow)
		r = follow(d, &x, path, &fd, e);
	buf_done(&x.held);
	return r;
}
