/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/macros.h"
#include "base/parse.h"
#include "base/strv.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

#define MOUNTINFO_MAX (16u << 20)

static const struct ns_info *find_ns(const char *name)
{
	const struct ns_info *ns = ns_table;

	while (!streq(ns->name, name))
		ns++;
	return ns;
}

static int enter(int fd, const char *name, struct err *e)
{
	return setns(fd, find_ns(name)->flag) < 0 ? err_set(e, -errno, "join the %s name space", name) : 0;
}

/* Where things are mounted, in the order in which they were. The host's PROC: inside there may be none. */
static int mount_points(int proc, struct strv *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r;

	r = file_read(proc, "self/mountinfo", MOUNTINFO_MAX, &text, NULL, e);
	for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &save); line && r >= 0;
	     line = strtok_r(NULL, "\n", &save)) {
		char *word = line, *end;

		for (int i = 0; i < 4 && word; i++)
			word = (word = strchr(word, ' ')) ? word + 1 : NULL;
		end = word ? strchr(word, ' ') : NULL;
		if (!end)
			continue;
		*end = '\0';
		unescape_octal(word);
		r = strv_push(ret, word, e);
	}
	return r;
}

/* The root stays, and so does what whoever made the container mounted for it: /dev is in use by itself (/dev/pts), and what
 * came from a name space of more rights is locked. */
static bool stays(const char *point, int r)
{
	const char *below = startswith(point, "/dev");

	return streq(point, "/") || (below && (*below == '\0' || *below == '/')) || r == -EINVAL;
}

int mount_unmount_all(const char *mnt_ns, const char *user_ns, struct buf *done, struct err *e)
{
	_cleanup_close_ int proc = -EBADF, mnt = -EBADF, user = -EBADF;
	_cleanup_strv_ struct strv points = STRV_INIT;
	int r, failed = 0;

	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return err_set(e, -errno, "open /proc");
	mnt = ns_open(mnt_ns, find_ns("mnt"), e);
	if (mnt < 0)
		return mnt;
	if (user_ns) {
		user = ns_open(user_ns, find_ns("user"), e);
		if (user < 0)
			return user;
	}
	/* Root of the host needs no user name space to enter the mounts, and could not leave it again. */
	r = user >= 0 && geteuid() != 0 ? enter(user, "user", e) : 0;
	if (r == 0)
		r = enter(mnt, "mnt", e);
	if (r == 0)
		r = mount_points(proc, &points, e);
	if (r < 0)
		return r;
	for (size_t i = points.n; i-- > 0;) {
		r = sys_umount2(points.v[i], UMOUNT_NOFOLLOW);
		if (r == 0)
			buf_printf(done, "%s\n", points.v[i]);
		else if (!stays(points.v[i], r) && failed == 0)
			failed = err_set(e, r, "unmount %s in the container", points.v[i]);
	}
	return failed < 0 ? failed : buf_error(done, e);
}
