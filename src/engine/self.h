/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Path of the creel program, which stays when we have gone: what a keeper calls at the end, what templates call. free(). It
 * is defined by who is linked: the program knows itself (engine/self.c), a library of ours looks beside itself. Other
 * programs and data are found from there, too. */
char *engine_self(void);
