/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>

/* Parses "create …" as the command does: the body, or "! message". Apart, because of json-c's names. */
void rig_create(const char *line, char *ret, size_t size);
