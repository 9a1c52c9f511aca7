/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The user name space in which an ordinary user has his images and their containers. He is root in there; ids above are
 * those that /etc/subuid and /etc/subgid give him, or none where they give none. All who work at the same time are in the
 * same one, or they could not signal or enter what another one started; it lasts as long as somebody is in it: a command
 * that works, or the keeper of a container.
 */

#include "base/err.h"

/*
 * For a program of one thread, before it opens anything: goes in there, with mounts of its own. The caller executes itself
 * anew after this, for only then may the next command look at what name space it is in, and with an environment that says
 * whose it is: XDG_RUNTIME_DIR, and no USER that is root (proc_user_entered()).
 */
int engine_user_enter(struct err *e);
