/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The executor. It walks the plan's stages, writes each undo down before the operation it belongs to, and speaks the
 * handshake of run.h with the first process. It decides nothing: what is done is the plan's.
 */

#include "runtime/run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "runtime/hook.h"
#include "runtime/journal.h"
#include "runtime/ops.h"
#include "sys/syscalls.h"

void run_init(struct run *r)
{
	*r = (struct run){
		.dirfd = -EBADF,
		.journal_fd = -EBADF,
		.sync = -EBADF,
		.child_sync = -EBADF,
		.pidfd = -EBADF,
		.netns_fd = -EBADF,
		.init_helper_fd = -EBADF,
		.start_fd = -EBADF,
		.lock_fd = -EBADF,
		.root_fd = -EBADF,
		.dev_fd = -EBADF,
		.proc_fd = -EBADF,
		.devpts_fd = -EBADF,
		.mask_fd = -EBADF,
		.null_fd = -EBADF,
		.console_slave = -EBADF,
		.notify_fd = -EBADF,
		.stdio = { -EBADF, -EBADF, -EBADF },
		.rec = { .exit_status = -1 },
	};
	for (size_t i = 0; i < RUN_SLOTS; i++)
		r->slots[i] = -EBADF;
	for (size_t i = 0; i < NS_MAX; i++)
		r->share_fds[i] = -EBADF;
}

void run_done(struct run *r)
{
	fds_close_many(r->slots, r->plan ? (size_t)r->plan->n_slots : 0);
	fds_close_many(r->share_fds, NS_MAX);
	fds_close_many(r->ptys, r->n_ptys);
	fd_close(r->journal_fd);
	fd_close(r->sync);
	fd_close(r->child_sync);
	fd_close(r->pidfd);
	fd_close(r->netns_fd);
	fd_close(r->init_helper_fd);
	fd_close(r->start_fd);
	fd_close(r->notify_fd);
	cg_free(r->cg);
	cg_host_free(r->cg_host);
	free(r->lsm_label);
	free(r->lsm_loaded);
	record_done(&r->rec);
}

int run_send_step(int sock, enum step step, const int *fds, size_t n, const struct err *err)
{
	struct step_msg m = { .step = step, .n = (uint32_t)n };
	/* Only an error carries a body; the rest is two words. */
	size_t len = offsetof(struct step_msg, err);
	ssize_t r;

	if (err) {
		m.err = *err;
		len = sizeof(m);
	}
	r = fd_send(sock, &m, len, fds, n);
	return r < 0 ? (int)r : 0;
}

int run_recv_step(int sock, int *ret_fds, size_t *ret_n, struct err *e)
{
	struct step_msg m = { 0 };
	ssize_t n = fd_recv(sock, &m, sizeof(m), ret_fds, ret_n);

	if (n < 0)
		return err_set(e, (int)n, "hear from the other side of the start");
	if (n == 0)
		return -EPIPE;
	if ((size_t)n < offsetof(struct step_msg, err))
		return err_kind(e, ERR_STATE, -EPROTO, "short message during the start");
	if (m.step != STEP_ERROR)
		return (int)m.step;
	/* Text from the other side: bounded and terminated before it is believed. */
	m.err.msg[sizeof(m.err.msg) - 1] = '\0';
	m.err.hint[sizeof(m.err.hint) - 1] = '\0';
	if (m.err.code >= 0 || m.err.code < -4095)
		m.err.code = -EIO;
	if ((unsigned)m.err.kind > ERR_LIMIT)
		m.err.kind = ERR_SYSTEM;
	if (e)
		*e = m.err;
	return m.err.code;
}

void run_child(struct run *run)
{
	struct err e = { 0 };

	run->sync = fd_close(run->sync);
	run->lock_fd = fd_close(run->lock_fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(0);
	for (size_t i = 0; i < run->plan->n; i++) {
		const struct op *op = &run->plan->ops[i];
		int r;

		if (op->stage != OP_CHILD)
			continue;
		r = op->kind->apply(op, run, &e);
		if (r < 0) {
			if (!e.code)
				err_set(&e, r, "%s", op->kind->name);
			run_send_step(run->child_sync, STEP_ERROR, NULL, 0, &e);
			_exit(1);
		}
	}
	_exit(1); /* the last operation executes init and does not return */
}

/* As it stands in a printed plan. */
static void trace(const struct run *run, const struct op *op)
{
	_cleanup_buf_ struct buf what = BUF_INIT;

	if (!run->log || run->log->level > LOG_TRACE)
		return;
	op->kind->describe(op, &what);
	if (buf_error(&what, NULL) == 0)
		log_msg(run->log, LOG_TRACE, "%s %s", op->kind->name, buf_str(&what));
}

static int run_stage(struct run *run, enum op_stage stage, struct err *e)
{
	for (size_t i = 0; i < run->plan->n; i++) {
		const struct op *op = &run->plan->ops[i];
		int r = 0;

		if (op->stage != stage)
			continue;
		trace(run, op);
		if (op->undo_kind)
			r = journal_add(run->journal_fd, op->undo_kind, op->undo_arg, e);
		if (r == 0)
			r = op->kind->apply(op, run, e);
		if (r < 0 && op->undo_kind && op->kind->refuses && e && e->kind == ERR_EXISTS)
			journal_take_back(run->journal_fd, op->undo_kind, op->undo_arg);
		if (r < 0) {
			if (e && !e->code)
				err_set(e, r, "%s", op->kind->name);
			return r;
		}
	}
	return 0;
}

/* The child has gone without a word, or said why. */
static int child_failed(struct run *run, int r, struct err *e)
{
	if (r == -EPIPE && (!e || !e->code))
		return err_kind(e, ERR_STATE, -ECHILD, "the first process was killed while it was set up");
	return r;
}

/* Collects the terminals until the child says READY. */
static int await_ready(struct run *run, struct err *e)
{
	for (;;) {
		size_t n = RUN_TTYS_MAX + 1 - run->n_ptys;
		int r = run_recv_step(run->sync, run->ptys + run->n_ptys, &n, e);

		if (r == STEP_READY)
			return 0;
		if (r < 0)
			return child_failed(run, r, e);
		if (r == STEP_MOUNTED) {
			r = run_stage(run, OP_MOUNTED, e);
			if (r == 0 && run_send_step(run->sync, STEP_EXEC, NULL, 0, NULL) < 0)
				r = child_failed(run, -EPIPE, e);
			if (r < 0)
				return r;
			continue;
		}
		if (r != STEP_PTYS)
			return err_kind(e, ERR_STATE, -EPROTO, "unexpected step %d", r);
		run->n_ptys += (unsigned)n;
	}
}

/* Until the exec closes the child's end. */
static int await_exec(struct run *run, const struct run_supervisor *sup, struct err *e)
{
	for (;;) {
		int fd[1];
		size_t n = 1;
		int r = run_recv_step(run->sync, fd, &n, e);

		if (r == -EPIPE)
			return 0;
		if (r == -ECONNRESET)
			return child_failed(run, -EPIPE, (err_clear(e), e));
		if (r < 0)
			return r;
		if (r == STEP_NOTIFY && n == 1 && sup && sup->listener) {
			r = sup->listener(sup->arg, run, fd[0], e);
			if (r < 0)
				return r;
		} else if (r == STEP_NOTIFY && n == 1 && run->notify) {
			r = run->notify(run->notify_arg, run, fd[0], e);
			if (r < 0)
				return r;
		} else if (r == STEP_NOTIFY && n == 1) {
			run->notify_fd = fd[0];
		} else if (n) {
			fd_close(fd[0]);
		}
	}
}

static int64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* The interesting part of a start; the caller undoes it when it fails. */
static int execute(struct run *run, const struct run_supervisor *sup, struct err *e)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	run->sync = pair[0];
	run->child_sync = pair[1];
	r = run_stage(run, OP_HOST, e);
	if (r < 0)
		return r;
	/* The steps of the handshake are logged in runc's words, which are looked for in the log of an OCI runtime. */
	log_debug(run->log, "nsexec container setup: the first process, %d, is in its new name spaces", run->pid);
	/* Known to doctor from here on: a kill between clone and RUNNING leaves a pid to look at. */
	r = record_write(run->dirfd, &run->rec, e);
	if (r == 0)
		r = run_stage(run, OP_PARENT, e);
	if (r == 0) {
		r = run_send_step(run->sync, STEP_MAPPED, NULL, 0, NULL);
		if (r < 0 && r != -EPIPE && r != -ECONNRESET)
			return err_set(e, r, "let the first process go on");
		r = sup && sup->meanwhile ? sup->meanwhile(sup->arg, run, e) : 0;
	}
	if (r == 0)
		r = await_ready(run, e);
	if (r == 0)
		log_debug(run->log, "child process in init(): it is set up, only policy and exec remain");
	if (r == 0 && sup)
		r = sup->take(sup->arg, run, e);
	if (r == 0)
		r = run_stage(run, OP_READY, e);
	if (r < 0)
		return r;
	r = run_send_step(run->sync, STEP_EXEC, NULL, 0, NULL);
	if (r < 0)
		return child_failed(run, -EPIPE, e);
	r = await_exec(run, sup, e);
	if (r < 0)
		return r;
	log_debug(run->log, "init: closing the pipe to signal completion: it %s",
		  run->opts->wait_start ? "waits for its start" : "executes its command");
	/* Not before: a record without it is of a start that was killed. */
	run->rec.created_ns = realtime_ns();
	if (run->opts->wait_start)
		return record_write(run->dirfd, &run->rec, e);
	log_msg(run->log, LOG_INFO, "running, its first process is %d", run->pid);
	run->rec.started_ns = realtime_ns();
	return record_set_state(run->dirfd, &run->rec, RUN_RUNNING, e);
}

int run_execute(struct run *run, const struct run_supervisor *sup, struct err *e)
{
	struct err cleanup = { 0 };
	int r;

	/* Of another architecture, or younger than this program; a misspelt one shows here, too. */
	if (run->plan->seccomp_ignored)
		log_debug(run->log, "seccomp: unknown system calls in the policy are ignored: %s",
			  run->plan->seccomp_ignored);
	run->journal_fd = journal_open(run->dirfd, e);
	if (run->journal_fd < 0)
		return run->journal_fd;
	r = record_set_state(run->dirfd, &run->rec, RUN_STARTING, e);
	if (r == 0)
		r = execute(run, sup, e);
	if (r == 0)
		return 0;
	run->rec.exit_status = 1 << 8;
	(void)record_set_state(run->dirfd, &run->rec, RUN_ABORTING, NULL);
	if (run->pidfd >= 0) {
		sys_pidfd_send_signal(run->pidfd, SIGKILL);
		if (run->cg)
			(void)cg_kill(run->cg, NULL);
		/* Ours to reap where we play the keeper; what it held is let go by then. */
		if (run->own_supervisor)
			while (waitpid(run->pid, NULL, __WALL) < 0 && errno == EINTR)
				;
	}
	/* Our hold on the network name space would keep its devices from going with it. */
	run->netns_fd = fd_close(run->netns_fd);
	(void)run_cleanup(run->dirfd, &run->rec, run->spec, run->opts, run->log, &cleanup);
	return r;
}

int run_cleanup(int dirfd, struct record *rec, const struct spec *spec, const struct plan_opts *o,
		const struct log *log, struct err *e)
{
	struct undo_ctx ctx = { .dirfd = dirfd, .id = rec->id, .log = log };
	int r, x;

	r = journal_undo(&ctx, e);
	rec->pid = 0;
	/* Of a container of an image more is to be done, and said, before it is over: its keeper is at it still. */
	if (!rec->data)
		rec->keeper = 0;
	netns_unpin(dirfd);
	unlinkat(dirfd, "sock", 0);
	unlinkat(dirfd, "seccomp", 0);
	unlinkat(dirfd, RUN_START_NAME, 0);
	if (r == 0)
		unlinkat(dirfd, "spec", 0);
	x = record_set_state(dirfd, rec, RUN_STOPPED, r < 0 ? NULL : e);
	return r < 0 ? r : x;
}
