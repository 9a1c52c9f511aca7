/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * lxc-user-nic: the one program of ours that is setuid root. An ordinary user's container gets a veth on a bridge by it, as
 * far as /etc/lxc/lxc-usernet allows. What is here is text in, text out; main.c has all that touches the system.
 *
 * lxc-usernet: "USER|@GROUP TYPE BRIDGE COUNT" a line. The database of what exists, one line each:
 *
 *   WHO TYPE BRIDGE NIC USER MAC
 *
 * WHO is whose allowance it is charged to (LXC's own lines end before USER: theirs is WHO), USER who had it made, and
 * MAC the hardware address of NIC, by which another interface of that name is told from it.
 */

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define USERNIC_WORD_MAX  64
#define USERNIC_ALLOT_MAX 32
#define USERNIC_FILE_MAX  (1u << 20)

struct allot {
	char who[USERNIC_WORD_MAX];
	uint32_t n;
};

/* What TEXT of lxc-usernet allows USER on BRIDGE, in its order; how many of RET are filled. */
size_t allot_find(const char *text, const char *user, bool (*is_member)(void *arg, const char *group), void *arg,
		  const char *type, const char *bridge, struct allot ret[static USERNIC_ALLOT_MAX]);

struct nic {
	char who[USERNIC_WORD_MAX], user[USERNIC_WORD_MAX];
	char type[16], bridge[16], name[16];
	uint8_t mac[6];
	bool has_mac;
};

/* The next entry of the database's text at *POS; lines that are none are passed over. False at the end. */
bool nic_next(const char **pos, struct nic *ret);
void nic_print(const struct nic *n, struct buf *out);

/* The allowance that has room for one more, by what DB holds; -1: there is none. */
int allot_pick(const struct allot *a, size_t n, const char *db, const char *type, const char *bridge);

/* Letters, digits and -_.: of an interface's length: stricter than the kernel, for it comes into files and command lines. */
bool nic_name_ok(const char *s);

/* Is N the interface NAME that USER had made? */
bool nic_is(const struct nic *n, const char *user, const char *type, const char *bridge, const char *name);
