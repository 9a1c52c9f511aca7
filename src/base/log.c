/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"

static const char *const level_names[] = {
	"TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRIT", "ALERT", "FATAL"
};

static void log_handed(const struct log *log, enum log_level level, const char *fmt, va_list ap) _printf_(3, 0);

static void log_handed(const struct log *log, enum log_level level, const char *fmt, va_list ap)
{
	char msg[1024];

	vsnprintf(msg, sizeof(msg), fmt, ap);
	log->write(log->arg, level, msg);
}

void log_msg(const struct log *log, enum log_level level, const char *fmt, ...)
{
	char line[1200];
	struct timespec ts;
	struct tm tm;
	va_list ap;
	int n;

	if (!log || level < log->level)
		return;
	if (log->write) {
		va_start(ap, fmt);
		log_handed(log, level, fmt, ap);
		va_end(ap);
		return;
	}
	if (log->fd < 0)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = snprintf(line, sizeof(line), "creel %s %04d%02d%02d%02d%02d%02d.%03ld %-6s ", log->ident ?: "-",
		     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		     ts.tv_nsec / 1000000, log_level_name(level));
	if (n < 0 || n >= (int)sizeof(line) - 2)
		return;
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - 1 - (size_t)n, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	/* One write() a line, so that two processes' lines do not mix. A log that cannot be written stops nothing. */
	(void)fd_write_all(log->fd, line, (size_t)n);
}

int log_level_parse(const char *s, enum log_level *ret)
{
	uint32_t v;

	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++)
		if (strcasecmp(s, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return 0;
		}
	if (parse_u32(s, &v) < 0 || v >= ARRAY_SIZE(level_names))
		return -EINVAL;
	*ret = (enum log_level)v;
	return 0;
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

int log_file_open(const char *path, mode_t mode, struct err *e)
{
	const int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY;
	const char *slash = strrchr(path, '/');
	int fd = open(path, flags, mode), r;

	if (fd < 0 && errno == ENOENT && slash && slash > path) {
		_cleanup_free_ char *dir = strndup(path, (size_t)(slash - path));

		if (!dir)
			return err_oom(e);
		r = dir_make_all(dir, 0755, e);
		if (r < 0)
			return r;
		fd = open(path, flags, mode);
	}
	return fd < 0 ? err_set(e, -errno, "open log file %s", path) : fd;
}
