/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Work on a root file system that is no directory: by a process of its own, in whose mount name space it is mounted. So
 * nobody else sees it, and a kill leaves nothing mounted. */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/copy-inner.h"
#include "sys/errand.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

int root_mount_here(const struct store_ref *root, const char *where, struct err *e)
{
	_cleanup_close_ int mnt = -EBADF, target = -EBADF;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "create a mount name space");
	r = sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
	if (r < 0)
		return err_set(e, r, "make mounts private");
	mnt = root->driver->open_tree(root, NULL, e);
	if (mnt < 0)
		return mnt;
	target = open(where, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return err_set(e, -errno, "open %s", where);
	return mount_attach(mnt, target, e);
}

struct mounted_work {
	const struct store_ref *root;
	const char *where;
	const sigset_t *signals;
	int (*fn)(void *arg, struct err *e);
	void *arg;
};

static int work_mounted(int sock, int *ret_fd, void *arg, struct err *e)
{
	const struct mounted_work *w = arg;
	int r;

	sigprocmask(SIG_SETMASK, w->signals, NULL);
	r = root_mount_here(w->root, w->where, e);
	return r < 0 ? r : w->fn(w->arg, e);
}

/* Until there is an answer. A signal that would end us ends the other first, so that we can clean up after it. */
static void pass_signals_on(const struct errand *h, const sigset_t *set)
{
	_cleanup_close_ int sigs = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

	for (;;) {
		struct pollfd p[] = { { .fd = h->sock, .events = POLLIN }, { .fd = sigs, .events = POLLIN } };
		struct signalfd_siginfo info;

		if ((poll(p, sigs < 0 ? 1 : 2, -1) < 0 && errno != EINTR) || p[0].revents)
			return;
		if (sigs >= 0 && p[1].revents && read(sigs, &info, sizeof(info)) == sizeof(info))
			kill(h->pid, SIGTERM);
	}
}

int with_root_mounted(const struct store_ref *root, const char *where, int (*fn)(void *arg, struct err *e), void *arg,
		      struct err *e)
{
	_cleanup_free_ char *what = NULL;
	sigset_t set, old;
	struct mounted_work w = { root, where, &old, fn, arg };
	struct errand h;
	int r;

	if (asprintf(&what, "the process that works on %s", root->src) < 0)
		return err_oom(e);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, &old);
	r = errand_start(&h, work_mounted, &w, e);
	if (r == 0) {
		pass_signals_on(&h, &set);
		r = errand_answer(&h, NULL, what, e);
		errand_end(&h);
		if (root->driver->release)
			(void)root->driver->release(root, NULL);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return r;
}
