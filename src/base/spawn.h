/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Running helper programs of the host (nft, dnsmasq, newuidmap, templates, hooks). Never for code of a container.
 * Every fd above 2 is closed in the new program, signals are reset, its parent's death kills it unless .detach.
 */

#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"

struct spawn {
	const char *path;  /* absolute, or a name looked up in the fixed path /usr/sbin:/usr/bin:/sbin:/bin … */
	char *const *argv; /* argv[0] included */
	char *const *envp; /* NULL: the caller's environment */
	const char *input; /* text for standard input; NULL: /dev/null unless stdin_fd >= 0 is given */
	int stdin_fd;	   /* 0 means "not given" for the three; inherited fds are duplicated */
	int stdout_fd, stderr_fd;
	bool inherit_stdio;  /* leave 0, 1, 2 as they are */
	bool detach;	     /* own session, survives its parent */
	int userns_fd;	     /* > 0: as root of that user name space */
	const char *cwd;     /* NULL: as it is */
	const int *keep_fds; /* passed on under the same numbers */
	size_t n_keep_fds;
	int timeout_ms; /* 0: none. For a spawn_run() that reads the output: it is killed then, and that is -ETIMEDOUT */
};

/* Starts it. 0, or a negative errno when it cannot be executed (missing: ERR_MISSING, with the program's name). */
int spawn_start(const struct spawn *s, pid_t *ret_pid, struct err *e);

/* Waits; returns the exit status as a shell has it: 0–255, 128+signal. */
int spawn_wait(pid_t pid, struct err *e);

/* start + wait; *RET_OUTPUT (may be NULL; free()) is what it printed on both streams, at most 1 MiB. Status as above:
 * a non-zero status is not an error here. */
int spawn_run(const struct spawn *s, char **ret_output, struct err *e);

/* Full path of a host program, from the fixed search path. NULL when it is not there (free()). */
char *spawn_find(const char *name);
