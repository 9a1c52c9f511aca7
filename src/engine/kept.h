/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a running container's keeper has for others. */

#include "engine/engine.h"

/* What the console showed last, as much as lxc.console.buffer.size keeps. READ: appends the oldest MAX bytes (0: all) to OUT, which are then forgotten; CLEAR: all of it is. -EFAULT: no such
 * buffer is kept; -ENODATA: to read there is nothing. */
int container_console_log(struct container *c, bool read, bool clear, uint64_t max, struct buf *out, struct err *e);

/* The listener of its seccomp policy: who reads from it decides on the calls that have notify. -EBADF: none has. While
 * nobody does, and lxc.seccomp.notify.proxy names nobody, they wait. */
int container_seccomp_listener(struct container *c, int *ret_fd, struct err *e);
