/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who may have how many interfaces, and who has them: the texts of /etc/lxc/lxc-usernet and of the data base, read and
 * written in memory. No system calls.
 *
 * lxc-usernet:  "USER|@GROUP TYPE BRIDGE COUNT", '#' comments. The counts of a user and of each of his groups are quotas of
 *               their own, used in the order of the file; a group's is shared by its members. A line of the user's own
 *               with 0 gives him nothing, whatever his groups have.
 * data base:    "OWNER TYPE BRIDGE NIC UID": OWNER is whose quota it counts against, UID who made it.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define QUOTAS_MAX   32
#define QUOTA_WORD   40 /* a user's or group's name with its '@', and the end */
#define NIC_FILE_MAX (1u << 20)

struct quota {
	char owner[QUOTA_WORD];
	uint32_t allowed;
};

/* Whether the user is in the group of that name. */
typedef bool quota_group_fn(void *arg, const char *group);

/* The quotas of USER for TYPE on BRIDGE. Lines that make no sense give nothing. Returns how many. */
size_t quota_find(const char *usernet, const char *user, quota_group_fn *in_group, void *arg, const char *type,
		  const char *bridge, struct quota ret[static QUOTAS_MAX]);

struct nic_entry {
	char owner[QUOTA_WORD], type[16], bridge[16], nic[16];
	uid_t uid;
};

/* One line of the data base (without its newline). False: it is none. */
bool nic_entry_scan(const char *line, size_t len, struct nic_entry *ret);
void nic_entry_print(const struct nic_entry *n, struct buf *out);

/* A copy of DB without what KEEP refuses, and without lines that are none. */
void nic_filter(const char *db, bool (*keep)(const struct nic_entry *n, void *arg), void *arg, struct buf *out);
/* How many count against that quota. */
uint32_t nic_count(const char *db, const char *owner, const char *type, const char *bridge);
/* The entry of interface NIC that UID made, in exactly these words. */
bool nic_find(const char *db, uid_t uid, const char *type, const char *bridge, const char *nic, struct nic_entry *ret);

/* An interface's name that can stand in these files: letters, digits, '-', '_', '.' and ':', at most 15. */
bool nic_name_ok(const char *s);
