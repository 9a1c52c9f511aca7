/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Hooks: the user's own programs at fixed moments of a container's life, with LXC's arguments and environment
 * (lxc.container.conf(5), "HOOKS"). A hook of the starting side that fails aborts the start.
 */

#include "base/log.h"
#include "runtime/plan.h"
#include "runtime/record.h"

struct hook_ctx {
	const struct spec *spec;
	const char *name, *config, *rootfs_mount;
	const char *target; /* "stop" or "reboot" for the stop hooks, else NULL */
	pid_t pid;	    /* 0: none yet */
	const char *log_level;
	const char *src_name;	     /* clone hook: what it is a clone of, else NULL */
	char *const *args;	     /* clone hook: further words, NULL-terminated, or NULL */
	const char *const *ns_paths; /* stop hook: "mnt:/proc/PID/fd/N" …, NULL-terminated, or NULL */
};

/* The shell command line and environment of one hook. Both are appended to. */
int hook_command(const struct hook_ctx *c, enum spec_hook type, const char *command, struct buf *out, struct err *e);
int hook_env(const struct hook_ctx *c, enum spec_hook type, struct strv *env, struct err *e);

/* Scripts of one interface. The line carries its environment in itself, so that it can be kept in the journal. */
struct hook_net {
	const char *script, *moment;	  /* "up" or "down" */
	const char *type, *parent, *peer; /* NULL: there is none */
};
int hook_net_line(const struct hook_ctx *c, const struct hook_net *n, struct buf *out, struct err *e);
int hook_net_run(const char *line, pid_t pid, struct err *e); /* PID: of init, 0: none */

/*
 * The hooks of the OCI runtime specification (exec_hook.c), by moment: "prestart" … . Those up to the exec are operations
 * of the plan, and those of poststop are due by the journal; only poststart is left to who starts.
 */
struct moment_ctx {
	pid_t pid; /* 0: none any more */
	const char *version, *bundle;
	char *const *env; /* where a hook says none; NULL: ours */
};
bool moments_any(const struct spec *s, const char *moment);
/* Runs all of MOMENT on the host. With GO_ON every one is run, failures are logged, and the first is returned. */
int moments_run(const struct spec *s, const char *moment, const struct moment_ctx *c, bool go_on, const struct log *log,
		struct err *e);
int moment_run(const struct op_moment *m, pid_t pid, struct err *e); /* one, with all words ready */

/* Runs all hooks of TYPE on the host. With GO_ON every one is run and the first failure returned. */
int hooks_run(const struct hook_ctx *c, enum spec_hook type, bool go_on, const struct log *log, struct err *e);
int hook_run_one(const struct hook_ctx *c, enum spec_hook type, const char *command, const struct log *log,
		 struct err *e);
