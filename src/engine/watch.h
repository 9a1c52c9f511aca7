/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What happens to the containers of some lxcpaths, as it happens: follows the files `events` of all run directories.
 *
 * watch_open → poll watch_fd() → watch_next() until it returns 0 → … → watch_free. What was before watch_open() is not
 * told. A life that begins and is forgotten between two looks may be told in part; each told event did happen.
 */

#include "engine/engine.h"

struct watch;

struct watch_event {
	const char *name, *lxcpath; /* valid until the next call */
	enum run_state state;
	int64_t time_ns; /* realtime */
	int status;	 /* STOPPING, STOPPED: init's wait status, -1: not known */
};

/* LXCPATHS: those of interest, as engine_lxcpath() spells them; copied. */
int watch_open(const struct strv *lxcpaths, struct watch **ret, struct err *e);
struct watch *watch_free(struct watch *w);
DEFINE_CLEANUP(struct watch *, watch_free);
int watch_fd(const struct watch *w);
/* 1: *RET is the next event, 0: there is none now. */
int watch_next(struct watch *w, struct watch_event *ret, struct err *e);
