/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * lxc.seccomp.notify.proxy: a process of ours that asks a program of the user's about each system call that a container's
 * policy has notify for. It lives as long as a process is under the filter, as a child of the keeper in the end.
 *
 * Each question is one message on a SOCK_SEQPACKET socket at unix:PATH or unix:@NAME: struct proxy_msg, the kernel's
 * seccomp_notif and an empty seccomp_notif_resp, the cookie; with it go fds of /proc/PID, /proc/PID/mem and the
 * listener. The answer is the same message (the cookie may be left out) with the response filled in. While nobody
 * answers, calls fail with ENOSYS.
 */

#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Native, as programs written for LXC know it. */
struct proxy_msg {
	uint64_t reserved;
	pid_t monitor_pid, init_pid;
	struct seccomp_notif_sizes sizes;
	uint64_t cookie_len;
};

struct proxy_conf {
	const char *address; /* "unix:PATH", "unix:@NAME" */
	const char *cookie;  /* NULL: none */
	pid_t monitor, init;
};

/* Forks the process, *RET_PID; LISTENER stays the caller's. */
int seccomp_proxy_start(const struct proxy_conf *c, int listener, pid_t *ret_pid, struct err *e);
