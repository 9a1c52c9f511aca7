/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files from before LXC 2.1 in the words of today. Only the keys change (and the values that have other words today): all
 * else, comments and blanks included, stays byte for byte. What is commented out is converted as well.
 */

#include "base/buf.h"

/* *RET_CHANGED: how many lines are other than before. A file of today comes out as it went in. */
int lxc_update_text(const char *text, size_t len, struct buf *out, unsigned *ret_changed, struct err *e);
