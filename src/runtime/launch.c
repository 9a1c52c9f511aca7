/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Between create and start. The first process of a created container waits on a socket in its run directory that it alone
 * listens on; whoever starts it connects. Over that connection come a seccomp listener and errors; STEP_LAUNCH is the last
 * word before the exec, whose success is the end of file behind it.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "runtime/ops.h"
#include "runtime/run.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

/* Through the directory's fd the name fits, whatever the path's length. */
static struct sockaddr_un address(int dirfd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/" RUN_START_NAME, dirfd);
	return addr;
}

static void listen_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, RUN_START_NAME);
}

static int listen_apply(const struct op *op, struct run *run, struct err *e)
{
	struct sockaddr_un addr = address(run->dirfd);

	run->start_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (run->start_fd < 0)
		return err_set(e, -errno, "make the socket to wait on");
	unlinkat(run->dirfd, RUN_START_NAME, 0);
	if (bind(run->start_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(run->start_fd, 1) < 0)
		return err_set(e, -errno, "bind the socket to wait on");
	return 0;
}

const struct op_kind op_start_listen = { "start.listen", listen_describe, listen_apply };

static void wait_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "created; until started");
}

/* The wait may be long: nothing of the host stays open meanwhile but the socket, not even what the caller left open. */
static int keep_only(struct run *run, struct err *e)
{
	unsigned first = 3 + run->opts->preserve_fds, at;
	int fd = fcntl(run->start_fd, F_DUPFD_CLOEXEC, (int)first);

	if (fd < 0)
		return err_set(e, -errno, "move the socket to wait on");
	at = (unsigned)fd;
	if ((at > first && sys_close_range(first, at - 1, 0) < 0) || sys_close_range(at + 1, ~0u, 0) < 0)
		return err_set(e, -errno, "close what is not needed any more");
	run->start_fd = fd;
	run->root_fd = run->dev_fd = run->proc_fd = run->devpts_fd = run->null_fd = run->mask_fd = run->console_slave =
		-EBADF;
	return 0;
}

static void end_by(int sig)
{
	_exit(128 + sig);
}

/* The first process of a name space gets only those signals that it handles: who ends a container that was never started need
 * not wait until he tries SIGKILL. */
static void heed_signals(bool heed)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction sa = { .sa_handler = heed ? end_by : SIG_DFL };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		sigaction(ends[i], &sa, NULL);
		sigaddset(&set, ends[i]);
	}
	sigprocmask(heed ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

static int wait_apply(const struct op *op, struct run *run, struct err *e)
{
	int fd, r;

	prctl(PR_SET_PDEATHSIG, 0);
	/* The end of this one tells the creator that all is well. */
	run->child_sync = fd_close(run->child_sync);
	r = keep_only(run, e);
	if (r < 0)
		return r;
	heed_signals(true);
	do
		fd = accept4(run->start_fd, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	r = -errno;
	heed_signals(false);
	if (fd < 0)
		return err_set(e, r, "wait to be started");
	run->start_fd = fd_close(run->start_fd);
	run->child_sync = fd;
	return 0;
}

const struct op_kind op_start_wait = { "start.wait", wait_describe, wait_apply };

static void no_process_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "an error: process is not set");
}

static int no_process_apply(const struct op *op, struct run *run, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "process: it is not set, there is nothing to start");
}

const struct op_kind op_no_process = { "start.nothing", no_process_describe, no_process_apply };

/* --- who starts ----------------------------------------------------------------------------------------------------------- */

bool run_created(int dirfd, const struct record *rec)
{
	return rec->state != RUN_STOPPED && record_alive(rec) && file_exists(dirfd, RUN_START_NAME);
}

/* Until the end of file behind STEP_LAUNCH. */
static int await_launch(int sock, const struct record *rec,
			int (*notify)(void *arg, const struct record *rec, int fd, struct err *e), void *arg,
			struct err *e)
{
	bool launched = false;

	for (;;) {
		int fd[1];
		size_t n = 1;
		int r = run_recv_step(sock, fd, &n, e);

		if (r == STEP_LAUNCH) {
			launched = true;
		} else if (r == STEP_NOTIFY && n == 1) {
			r = notify ? notify(arg, rec, fd[0], e)
				   : err_kind(e, ERR_MISSING, -EOPNOTSUPP, "nobody takes the seccomp listener");
			if (r < 0)
				return r;
			continue;
		} else if ((r == -EPIPE || r == -ECONNRESET) && launched) {
			err_clear(e);
			return 0;
		} else if (r < 0) {
			return r != -EPIPE && r != -ECONNRESET
				       ? r
				       : (err_clear(e), err_kind(e, ERR_STATE, -ECHILD,
								 "the first process was killed before it began"));
		}
		if (n)
			fd_close(fd[0]);
	}
}

int run_start(int dirfd, struct record *rec, int (*notify)(void *arg, const struct record *rec, int fd, struct err *e),
	      void *arg, struct err *e)
{
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = address(dirfd);
	struct timespec ts;
	int r;

	if (sock < 0)
		return err_set(e, -errno, "make a socket");
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		if (errno == ENOENT)
			return err_kind(e, ERR_STATE, -EALREADY, "cannot start an already running container");
		if (errno == ECONNREFUSED)
			return err_kind(e, ERR_STATE, -ESRCH, "cannot start a container that has stopped");
		return err_set(e, -errno, "reach the first process");
	}
	/* Whoever comes second finds a running container. */
	unlinkat(dirfd, RUN_START_NAME, 0);
	r = await_launch(sock, rec, notify, arg, e);
	if (r < 0) {
		_cleanup_close_ int init = proc_open(rec->pid, rec->pid_start);

		if (init >= 0)
			(void)sys_pidfd_send_signal(init, SIGKILL);
		return r;
	}
	clock_gettime(CLOCK_REALTIME, &ts);
	rec->started_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	return record_set_state(dirfd, rec, RUN_RUNNING, e);
}
