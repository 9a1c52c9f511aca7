/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of net/nat*.c. */

#include "base/names.h"

#define NAT_TABLE "creel-nat"
