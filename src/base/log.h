/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A log sink that main() makes and passes down. Library code logs at LOG_DEBUG and below only; what went wrong is
 * told by struct err, never by the log. A NULL sink swallows everything.
 */

#include <sys/types.h>

#include "base/err.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARN, LOG_ERROR, LOG_CRIT, LOG_ALERT, LOG_FATAL };

struct log {
	int fd;		      /* -EBADF: nowhere */
	enum log_level level; /* lowest level written */
	const char *ident;    /* container's or program's name, for the line's head */
	/* In place of FD: who has a format of his own gets the bare message. */
	void (*write)(void *arg, enum log_level level, const char *msg);
	void *arg;
};

void log_msg(const struct log *log, enum log_level level, const char *fmt, ...) _printf_(3, 4);
#define log_debug(log, ...) log_msg(log, LOG_DEBUG, __VA_ARGS__)

/* A log's file, to be appended to; the folders that it is to lie in are made. A descriptor, or -errno. */
int log_file_open(const char *path, mode_t mode, struct err *e);

/* "TRACE" … "FATAL" (any case) or 0–8. 0 or -EINVAL. */
int log_level_parse(const char *s, enum log_level *ret);
const char *log_level_name(enum log_level level);
