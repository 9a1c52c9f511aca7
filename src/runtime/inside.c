/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/inside.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/join.h"
#include "sys/errand.h"
#include "sys/proc.h"

struct inside_errand {
	struct join join;
	int (*fn)(void *arg, struct err *e);
	void *arg;
};

static int do_errand(int sock, int *ret_fd, void *arg, struct err *e)
{
	struct inside_errand *x = arg;
	int r;

	/* Nothing inside looks into us: we have the host's descriptors open (CVE-2016-9962). */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = join_rest(&x->join, e);
	return r < 0 ? r : x->fn(x->arg, e);
}

int inside_call(const struct record *rec, unsigned flags, int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	_cleanup_close_ int pidfd = proc_open(rec->pid, rec->pid_start);
	struct inside_errand x = { .join = { .flags = flags, .pidfd = pidfd }, .fn = fn, .arg = arg };
	struct errand h;
	int r;

	if (pidfd < 0)
		return err_kind(e, ERR_STATE, pidfd, "container %s is not running", rec->name);
	r = errand_start(&h, do_errand, &x, e);
	if (r == 0)
		r = errand_answer(&h, NULL, "the process in the container", e);
	errand_end(&h);
	return r;
}

int inside_root(const struct record *rec, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)rec->pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return err_set(e, -errno, "open the container's root");
	/* Looked at afterwards: the number was its own when we opened. */
	if (fd < 0 || !proc_alive(rec->pid, rec->pid_start))
		return err_kind(e, ERR_STATE, -ESRCH, "container %s is not running", rec->name);
	return TAKE_FD(fd);
}
