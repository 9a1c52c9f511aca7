/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What several of LXC's commands share. */

#include "cli/cli.h"

/* --share-*: targets are char pointers by NS_x, from OFFSET on. */
#define SHARE_OPT(what, ns, at)                                                                                        \
	{                                                                                                              \
		0, "share-" what, "NAME|PID", "Use the " what " name space of another container or process.", OPT_STR, \
			(at) + (ns) * sizeof(char *), .complete = COMPLETE_NAME                                        \
	}
#define SHARE_OPTS(at)                                                                            \
	SHARE_OPT("net", NS_NET, at), SHARE_OPT("ipc", NS_IPC, at), SHARE_OPT("uts", NS_UTS, at), \
		SHARE_OPT("pid", NS_PID, at)

/* Each must be KEY=VALUE: -1, or the exit code after the message. */
int lxc_check_defines(const struct cli *c, const struct strv *defines);

/* A user or group id: digits, no name, no -1. */
int lxc_parse_id(int64_t *ret, const char *what, const char *arg, struct err *e);

/* "652.00 KiB": as lxc-info writes sizes. */
const char *lxc_size(uint64_t bytes, bool raw, char buf[static 32]);

/* "12", "12M", "1 GiB": megabytes where no unit is given. */
int lxc_parse_fssize(const char *arg, uint64_t *ret, struct err *e);

/* The addresses of FAMILY ('4' or '6') as a list, from container_ips(). */
int lxc_addresses(const struct strv *ips, char family, struct strv *ret, struct err *e);
/* Joined with SEP. free(). */
char *lxc_join(const struct strv *l, const char *sep);
