/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Work that has to be done in a running container's name spaces, by a process of its own: the caller, and the threads that
 * it may have, stay where they are. */

#include "runtime/record.h"

/*
 * Calls FN in a child that has joined the name spaces FLAGS (CLONE_NEW…) of REC's init, as root of the container where
 * CLONE_NEWUSER is among them; returns what FN did, with its error. With CLONE_NEWNS the child's root is the
 * container's: what FN looks up there goes through sys/inroot.h. What FN is to work on is opened before, and inherited.
 */
int inside_call(const struct record *rec, unsigned flags, int (*fn)(void *arg, struct err *e), void *arg,
		struct err *e);

/* O_PATH fd of the root directory that REC's init has; -ESRCH when it has gone. */
int inside_root(const struct record *rec, struct err *e);
