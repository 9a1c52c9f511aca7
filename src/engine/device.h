/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Devices and network interfaces of a container that runs: added and taken away again. It must run (ERR_STATE), and the
 * caller must be root of the host. What is still there when it stops goes, or comes back to the host, with the rest.
 */

#include "engine/engine.h"

/* Makes the device node DST in the container what SRC is on the host, and allows its use. DST NULL: SRC. A device that is
 * there already is replaced; anything else is ERR_EXISTS. Where a user name space may use no node that is made inside,
 * the host's own is mounted there. */
int container_device_add(struct container *c, const char *src, const char *dst, struct err *e);
/* The opposite: forbids the use of the device DST (NULL: SRC) and removes its node. Where the container has none, SRC
 * says which device is meant. */
int container_device_remove(struct container *c, const char *src, const char *dst, struct err *e);

/* Moves the host's interface IFNAME into the container's network name space as DST (NULL: IFNAME). It is down then. */
int container_interface_attach(struct container *c, const char *ifname, const char *dst, struct err *e);
/* Moves the container's interface IFNAME to the host as DST (NULL: the name that it had on the host, else IFNAME). */
int container_interface_detach(struct container *c, const char *ifname, const char *dst, struct err *e);
