/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/strv.h"

/* Adds "seccomp=TEXT" with the profile that stands in PATH: the engine knows no files of the caller's. */
int seccomp_inline(const char *path, struct strv *out, struct err *e);
