/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Containers inside of containers: lxc-ls --nesting asks the lxc-ls that is in there, whosever it is, and reads its table.
 * Nothing of the host's runs in there; what comes out is untrusted text, and only ever shown.
 */

#include "cli/cli.h"

/* The columns asked for, in this order; lxc-ls' own table of columns has the same. */
#define LS_COLUMNS "NAME,STATE,PID,RAM,SWAP,AUTOSTART,GROUPS,INTERFACE,IPV4,IPV6,UNPRIVILEGED"
enum { LS_N_COLUMNS = 11 };

/* The cells of the running container NAME's own containers, LS_N_COLUMNS a row, "" for none; LEVELS: how deep it shall look in
 * turn. Without an lxc-ls in there it has none. -ENOMEM, -ETIMEDOUT where it does not answer, or 0. */
int ls_nested(const char *lxcpath, const char *name, unsigned levels, struct strv *cells, struct err *e);
/* The same from the table's text. */
int ls_nested_parse(const char *text, struct strv *cells, struct err *e);
