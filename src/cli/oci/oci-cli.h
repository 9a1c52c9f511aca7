/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the verbs of creel-oci share: runc's global options, its log, its words and exit codes for what is asked wrongly.
 *
 * Errors go to standard error as a line of logrus ("time=… level=error msg=…"); with --log the line goes into that file,
 * in the format asked for, and the bare message to standard error.
 */

#include "cli/cli.h"
#include "dialect/oci/oci.h"
#include "engine/oci.h"

struct oci_globals {
	const char *root, *log, *log_format, *log_level, *rootless, *cgroup_manager, *criu;
	bool debug, systemd_cgroup, help, version;
	bool no_cgroup;
	bool crun;  /* by its name, or by an option that it alone has */
	bool json;  /* the log */
	bool quiet; /* errors only */
	int log_fd; /* -EBADF: standard error */
	char *prog; /* "creel-oci", "runc", "creel oci" */
};

/*
 * Parses the verb's options into ARGS and checks that there are MIN to MAX operands (UINT_MAX: any number). Returns the
 * exit code when there is nothing more to do, else -1.
 */
int verb_parse(struct cli *c, void *args, unsigned min, unsigned max);

/* Opens what --root names. *RET is the caller's. */
int verb_runtime(struct cli *c, struct oci **ret, struct err *e);
/* The same and the container of the first operand. FLAGS as oci_container_open(). The container goes first. */
int verb_container(struct cli *c, unsigned flags, struct oci **ret, struct oci_container **ret_ct, struct err *e);

/* crun's --regex: FN for each container whose id matches the extended regular expression. Goes on after a failure, and
 * tells the first one. */
int verb_each_matching(struct oci *rt, const char *pattern,
		       int (*fn)(struct oci *rt, const char *name, void *arg, struct err *e), void *arg, struct err *e);

/* Logs PREFIX (may be NULL) and the error. Returns CODE. */
int verb_fail(const struct cli *c, const char *prefix, const struct err *e, int code);
int verb_error(const struct cli *c, const char *fmt, ...) _printf_(2, 3); /* returns 1 */
void verb_warn(const struct cli *c, const char *fmt, ...) _printf_(2, 3);
void verb_debug(const struct cli *c, const char *fmt, ...) _printf_(2, 3);
/* What a load left out, at the level runc has for it. */
void verb_log_info(const struct cli *c, const struct oci_info *info);

/* Writes OUT to standard output; the exit code. */
int verb_print(const struct cli *c, struct buf *out);

/* Help in the shape of runc's: what scripts look for in it stands on the same lines. */
void verb_help(const struct command *cmd, const char *prog, struct buf *out);
