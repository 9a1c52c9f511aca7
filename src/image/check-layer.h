/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside src/image only. */

#include "base/err.h"

/* Whether the trees A and B, fds, are the same to the last byte: 1 or 0. */
int trees_same(int a, int b, struct err *e);
