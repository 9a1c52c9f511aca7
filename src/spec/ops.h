/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside src/spec only. */

#include "spec/field.h"

/* field_set() for which an empty value is a value: what a dump is read back with. */
int field_set_raw(const struct field *f, void *obj, const char *value, struct err *e);
