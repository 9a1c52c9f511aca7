/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * lxc.log.*: where a container's log goes when the command line names no place for it. syslog's socket is spoken to
 * directly: syslog(3) keeps its state in the process, and a process may start more than one container.
 */

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"
#include "engine/internal.h"

static const struct name facilities[] = {
	{ "kern", 0 },	  { "user", 1 },    { "mail", 2 },    { "daemon", 3 },	{ "auth", 4 },	  { "security", 4 },
	{ "syslog", 5 },  { "lpr", 6 },	    { "news", 7 },    { "uucp", 8 },	{ "cron", 9 },	  { "authpriv", 10 },
	{ "ftp", 11 },	  { "local0", 16 }, { "local1", 17 }, { "local2", 18 }, { "local3", 19 }, { "local4", 20 },
	{ "local5", 21 }, { "local6", 22 }, { "local7", 23 }, { NULL, 0 },
};

static int severity(enum log_level level)
{
	static const int severities[] = { 7, 7, 6, 5, 4, 3, 2, 1, 0 };

	return severities[level];
}

static void to_syslog(const struct container_log *l, enum log_level level, const char *msg)
{
	const struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	time_t now = time(NULL);
	char when[32] = "", line[1400];
	struct tm tm;
	int n;

	localtime_r(&now, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	n = snprintf(line, sizeof(line), "<%d>%s creel[%d]: %s: %s", l->facility * 8 + severity(level), when, getpid(),
		     l->file.ident, msg);
	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	/* A log that cannot be written stops nothing. */
	(void)sendto(l->sock, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&addr,
		     sizeof(addr));
}

static void write_both(void *arg, enum log_level level, const char *msg)
{
	const struct container_log *l = arg;

	log_msg(&l->file, level, "%s", msg);
	if (l->sock >= 0)
		to_syslog(l, level, msg);
}

/* What the command line says goes before the container's own words. */
static bool is_given(const struct log *l)
{
	return l && (l->fd >= 0 || l->write);
}

const char *container_log_level(const struct container *c)
{
	return is_given(c->engine->log) ? log_level_name(c->engine->log->level) : c->spec.log_level;
}

const struct log *container_log_open(struct container *c, struct container_log *l, struct err *e)
{
	const struct log *given = c->engine->log;
	const struct spec *s = &c->spec;
	const struct name *f = s->log_syslog ? name_find(facilities, s->log_syslog) : NULL;

	*l = (struct container_log){ .sock = -EBADF };
	l->file = (struct log){ .fd = -EBADF, .level = LOG_ERROR, .ident = c->name };
	if (is_given(given) || (isempty(s->log_file) && !f))
		return given;
	if (s->log_level && log_level_parse(s->log_level, &l->file.level) < 0)
		l->file.level = LOG_FATAL;
	if (!isempty(s->log_file) && !streq(s->log_file, "none")) {
		l->file.fd = log_file_open(s->log_file, 0640, e);
		if (l->file.fd < 0)
			return NULL;
	}
	if (f) {
		l->facility = (int)f->value;
		l->sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	}
	l->both = (struct log){ .fd = -EBADF, .level = l->file.level, .ident = c->name, .write = write_both, .arg = l };
	return &l->both;
}

void container_log_done(struct container_log *l)
{
	fd_close(l->file.fd);
	fd_close(l->sock);
}
