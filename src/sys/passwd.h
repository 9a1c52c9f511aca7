/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Users of a container, from the text of its own /etc/passwd and /etc/group. No NSS, no library of the container, and
 * nothing of it is believed beyond what the line says: both files are untrusted input.
 *
 * Digits are a number, always and first: "1" is uid 1 even where a user is called "1" (CVE-2016-3697).
 */

#include <sys/types.h>

#include "base/err.h"

#define PASSWD_FILE_MAX	  (1u << 20)
#define PASSWD_GROUPS_MAX 256

struct passwd_user {
	uid_t uid;
	gid_t gid;
	size_t n_groups;
	gid_t groups[PASSWD_GROUPS_MAX]; /* for setgroups(2); the first is gid */
	char name[256];			 /* "" when the files know no such uid */
	char home[4096], shell[4096];	 /* absolute; "/" and "/bin/sh" when they say nothing usable */
};

/* SPEC: "user", "uid", "user:group", "uid:gid" …, ":group"; NULL or "" is uid 0. Without a group it is the user's own, and
 * the supplementary ones are those that list the user by name; with one, it is the only one. A uid that is not listed is
 * fine and has group 0; a name that is not is -ENOENT. */
int passwd_find(int root_fd, const char *spec, struct passwd_user *ret, struct err *e);

/*
 * "HOME=" and the home of UID by the file at FD (-EBADF: there is none), or "HOME=/": into BUF, which has room for that at
 * least. For the child side: read line by line, nothing allocated, one that is too long says nothing.
 */
void passwd_home(int fd, uid_t uid, char *buf, size_t size);

/* The same on the files' text. */
int passwd_find_text(const char *passwd, size_t passwd_len, const char *group, size_t group_len, const char *spec,
		     struct passwd_user *ret, struct err *e);
