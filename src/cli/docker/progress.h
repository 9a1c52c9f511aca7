/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a pull, push, load or build tells while it works, shown: on a terminal a line for each layer with a bar, bytes and
 * the time that is left, elsewhere a line for each step. Events may come from several threads.
 */

#include "image/images.h"

struct progress_view;
/* FD: where to. QUIET: nowhere. */
int progress_view_new(int fd, bool quiet, struct progress_view **ret, struct err *e);
struct progress_view *progress_view_free(struct progress_view *v);
DEFINE_CLEANUP(struct progress_view *, progress_view_free);
const struct progress *progress_view_get(struct progress_view *v);
