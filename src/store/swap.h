/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Several entries of a folder replaced as one: by all of the new ones or by none, whenever we are killed.
 *
 *   swap_begin    makes DIR/.swap/new, to be filled with the entries that DIR shall have
 *   swap_made     what was made elsewhere for it, before it is made (a volume): it goes if nothing comes of all this
 *   swap_commit   from here on it is to be; FOR is what DIR is called when the new entries are right, OLD a root that is
 *                 not needed any more ("TYPE:PATH", NULL: none)
 *   swap_settle   puts them in place and removes the old ones; or, where nothing was committed for this DIR, drops all
 *
 * Whoever finds a DIR/.swap that nobody works on calls swap_settle(), any number of times.
 */

#include "base/err.h"

#define SWAP_NAME ".swap"

int swap_begin(const char *dir, char **ret_new, struct err *e);
int swap_made(const char *dir, const char *root, struct err *e);
int swap_commit(const char *dir, const char *for_dir, const char *old, struct err *e);
int swap_settle(const char *dir, struct err *e);
bool swap_pending(const char *dir);
