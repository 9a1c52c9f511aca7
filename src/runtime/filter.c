/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Loading a seccomp filter and, when it has notify rules, handing its listener over.
 *
 * From the moment the filter is loaded any system call of the loading thread may wait for an answer of whoever listens,
 * and nobody does before the fd has arrived: the thread itself cannot be the one to send it. So a second thread, which
 * the filter is not loaded upon, sends the fd and ends, and the first waits for that without a system call.
 */

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/child.h"
#include "runtime/run.h"

#define STACK_SIZE 16384
#define NOT_YET	   (-1000000)

struct handover {
	int sock;
	int fd;	    /* NOT_YET, then the listener or a negative errno */
	int result; /* of sending it */
	int tid;    /* 0: the kernel's word that the sender is gone and its stack is ours again */
};

static void pause_briefly(void)
{
	for (volatile int i = 0; i < 50; i++)
		;
}

/* The thread. It has no storage of its own for errno; the first one looks at none while this runs. */
static int send_listener(void *arg)
{
	struct handover *h = arg;
	int fd;

	while ((fd = __atomic_load_n(&h->fd, __ATOMIC_ACQUIRE)) == NOT_YET)
		sched_yield();
	if (fd >= 0) {
		__atomic_store_n(&h->result, run_send_step(h->sock, STEP_NOTIFY, &fd, 1, NULL), __ATOMIC_RELEASE);
		/* When who listens has gone, so shall the listener be: calls then fail instead of waiting for ever. */
		close(fd);
	}
	syscall(SYS_exit, 0);
	return 0;
}

static int load_and_send(const struct seccomp_prog *p, int sock, struct err *e)
{
	struct handover h = { .sock = sock, .fd = NOT_YET, .tid = 1 };
	_Alignas(64) char stack[STACK_SIZE];
	int flags =
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
	int fd = -EBADF, r;

	if (clone(send_listener, stack + sizeof(stack), flags, &h, NULL, NULL, &h.tid) < 0)
		return err_set(e, -errno, "make a thread for the seccomp listener");
	r = seccomp_apply(p, &fd);
	__atomic_store_n(&h.fd, r < 0 ? r : fd, __ATOMIC_RELEASE);
	while (__atomic_load_n(&h.tid, __ATOMIC_ACQUIRE))
		pause_briefly();
	if (r < 0)
		return err_set(e, r, "load the seccomp policy");
	r = __atomic_load_n(&h.result, __ATOMIC_ACQUIRE);
	return r < 0 ? err_set(e, r, "hand over the seccomp listener") : 0;
}

int child_load_filter(const struct seccomp_prog *p, int sock, struct err *e)
{
	int r;

	if (p->has_notify)
		return load_and_send(p, sock, e);
	r = seccomp_apply(p, NULL);
	return r < 0 ? err_set(e, r, "load the seccomp policy") : 0;
}
