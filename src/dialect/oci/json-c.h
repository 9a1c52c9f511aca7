/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* In .c files only: json-c, which reads. Two of its types are called like functions of base/json.h, which writes; here they
 * have names of their own. */

#define json_object json_c_value
#define json_bool   json_c_bool
/* clang-format off */
#include <json-c/json_object.h>
#include <json-c/json_object_iterator.h>
#include <json-c/json_tokener.h>
#include <json-c/json_util.h>
#include <json-c/linkhash.h>
/* clang-format on */
#undef json_object
#undef json_bool
