/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the console of a running container showed last: as much as lxc.console.buffer.size keeps. */

#include "engine/engine.h"

/* READ: appends the oldest MAX bytes (0: all) to OUT, which are then forgotten; CLEAR: all of it is. -EFAULT: no such
 * buffer is kept; -ENODATA: to read there is nothing. */
int container_console_log(struct container *c, bool read, bool clear, uint64_t max, struct buf *out, struct err *e);
