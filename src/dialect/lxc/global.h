/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The system's lxc.conf (not a container's): where containers live and what new ones are made from. Same line grammar
 * as a container's file, a table of its own, no includes.
 */

#include "base/buf.h"
#include "base/strv.h"

struct lxc_global {
	const char *name;
	const char *root; /* default of the administrator, NULL: not set */
	const char *user; /* below an ordinary user's home; NULL: as the administrator's */
	bool path;	  /* must be absolute */
};

/* All items, in the order lxc-config -l prints them, ended by a NULL name. */
extern const struct lxc_global lxc_globals[];
const struct lxc_global *lxc_global_find(const char *name); /* NULL: there is no such item */

/*
 * HOME: the home of an ordinary user, NULL for the administrator. PATH: the file, NULL: the one that goes with HOME
 * (/etc/lxc/lxc.conf, HOME/.config/lxc/lxc.conf), which may be missing. Appends "NAME=VALUE" of every item that has a
 * value, defaults included: read them with strv_env_get(). RET is untouched on failure.
 */
int lxc_global_load(const char *path, const char *home, struct strv *ret, struct err *e);
/* The same from memory; NAME is used in messages. */
int lxc_global_parse(const char *text, size_t len, const char *name, const char *home, struct strv *ret, struct err *e);
