/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Programs that fill a new root file system; engine_template() of engine.h finds them by their names. */

#include "base/buf.h"

/* A template's status for "done, and no container is wanted" (a list, an emptied cache); templates/common.sh has it,
 * too. container_create() fails with -ENOMSG then. */
#define TEMPLATE_NO_CONTAINER 121

/* The comments that a new configuration begins with. PROGRAM: NULL for none. */
void template_header(struct buf *text, const char *program, char *const *argv);
