/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The log of the process: where it goes is said once for all objects, as liblxc has it. Until then nothing is written. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "liblxc/liblxc.h"

/* Changed with the lock, read without: a line in the old file more or less. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log sink = { .fd = -EBADF, .level = LOG_ERROR };
static char ident[64];
static bool on, loud;

/* Exported under these names by LXC. */
extern int lxc_log_fd, lxc_log_use_global_fd;
PUBLIC int lxc_log_fd = -EBADF;
PUBLIC int lxc_log_use_global_fd;

const struct log *api_log(void)
{
	return on && sink.fd >= 0 ? &sink : NULL;
}

void api_log_error(const char *name, const struct err *e)
{
	char line[ERR_MSG_MAX + 256];
	int n;

	if (!on || !e->code)
		return;
	log_msg(api_log(), LOG_ERROR, "%s: %s", name ?: "liblxc", e->msg);
	if (!loud)
		return;
	n = snprintf(line, sizeof(line), "%s: %s%s%s\n", *ident ? ident : "liblxc", name ?: "", name ? ": " : "",
		     e->msg);
	if (n > 0)
		(void)fd_write_all(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

PUBLIC int lxc_log_init(struct lxc_log *log)
{
	enum log_level level = LOG_ERROR;
	int fd = -EBADF;

	if (!log || (log->level && log_level_parse(log->level, &level) < 0))
		return -1;
	if (log->file && !streq(log->file, "none")) {
		fd = log_file_open(log->file, 0660, NULL);
		if (fd < 0)
			return -1;
	}
	pthread_mutex_lock(&log_lock);
	fd_close(sink.fd);
	snprintf(ident, sizeof(ident), "%s", log->prefix ?: log->name ?: "");
	sink = (struct log){ .fd = fd, .level = level, .ident = *ident ? ident : NULL };
	lxc_log_fd = fd;
	loud = !log->quiet;
	on = true;
	pthread_mutex_unlock(&log_lock);
	return 0;
}

PUBLIC void lxc_log_close(void)
{
	pthread_mutex_lock(&log_lock);
	on = loud = false;
	lxc_log_fd = -EBADF;
	sink.fd = fd_close(sink.fd);
	pthread_mutex_unlock(&log_lock);
}
