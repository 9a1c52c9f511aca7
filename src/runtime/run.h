/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One start in progress: what the executor and the operations share. Made by run_begin() on the host; after the clone
 * both sides have their own copy (the child's is copy-on-write and never flows back: what the parent must know travels
 * over the sync socket).
 */

#include "base/log.h"
#include "cgroup/cgroup.h"
#include "runtime/plan.h"
#include "runtime/record.h"

struct join;

#define RUN_SLOTS    256
#define RUN_TTYS_MAX 63

/*
 * The handshake, over a SOCK_SEQPACKET pair. Numbers are frozen. The death of either side is an error for the other.
 */
enum step {
	STEP_ERROR = 0,	 /* child → parent: body is struct err; nothing follows */
	STEP_MAPPED = 1, /* parent → child: id maps, cgroup and devices are in place; the child may become uid 0 */
	STEP_PTYS = 2,	 /* child → parent: pty masters attached, console first where there is one; may repeat */
	STEP_READY = 3,	 /* child → parent: set up; only policy and exec remain */
	STEP_EXEC = 4,	 /* parent → child: recorded, supervised, host hooks have run; go on */
	STEP_NOTIFY = 5, /* child → parent: seccomp listener attached */
	/* A successful exec is seen as end of file: the child's socket is close-on-exec. So is, with .wait_start, that the
	 * child has come to wait for run_start(): it closes this socket itself and goes on over the one of run_start(). */
	STEP_MOUNTED =
		6, /* child → parent: the mounts are made; the child waits for STEP_EXEC before it enters its root */
	STEP_LAUNCH = 7, /* child → run_start(): about to execute; end of file after it is success, before it death */
};

struct step_msg {
	uint32_t step;
	uint32_t n; /* STEP_PTYS: how many fds in this message */
	struct err err;
};

struct run {
	const struct plan *plan;
	const struct spec *spec;
	const struct plan_opts *opts;
	const struct log *log;
	struct record rec;
	int dirfd; /* run directory */
	int journal_fd;
	struct cg_host *cg_host;
	struct cg *cg;
	int slots[RUN_SLOTS];
	int share_fds[NS_MAX];
	int sync; /* this side's end */
	int child_sync;
	pid_t pid;
	int pidfd;
	int netns_fd;	     /* the container's, while devices are attached */
	bool into_cgroup;    /* cloned into the v2 group */
	bool own_supervisor; /* init is our child (foreground, OCI), else a child of the keeper */
	struct join *join;   /* of an exec: what is joined */
	int start_fd;	     /* .wait_start: where run_start() connects to */
	int lock_fd;	     /* the caller's lock, which init must not keep while it waits; -EBADF */
	int init_helper_fd;  /* creel-init from a read-only mount, -EBADF */
	char *lsm_label, *lsm_loaded;
	enum lsm_kind lsm;
	int stdio[3]; /* fds that become init's 0, 1, 2; -EBADF: the console (or /dev/null) */

	/* child side */
	int root_fd, dev_fd, proc_fd, devpts_fd;
	int mask_fd;		       /* what covers masked directories */
	int null_fd;		       /* the host's /dev/null, verified to be device 1:3 */
	int masters[RUN_TTYS_MAX + 1]; /* console first */
	unsigned n_masters;
	int console_slave;

	/* parent side, received */
	int ptys[RUN_TTYS_MAX + 1];
	unsigned n_ptys;
	int notify_fd;
	/* Called as soon as a seccomp listener has come, init waiting for answers from then on; FD is the callee's. NULL: it
	 * is kept in notify_fd. */
	int (*notify)(void *arg, struct run *r, int fd, struct err *e);
	void *notify_arg;
};

void run_init(struct run *r);
void run_done(struct run *r);
#define _cleanup_run_ _cleanup_(run_done)

/* How the supervisor takes over: called once init's pid is known and before it executes. Returns 0 or -errno; on failure
 * the start is aborted. */
struct run_supervisor {
	int (*take)(void *arg, struct run *r, struct err *e);
	/* What only has to be on disk when init is there, while the first process sets itself up. NULL: nothing. */
	int (*meanwhile)(void *arg, struct run *r, struct err *e);
	/* A seccomp listener has come, init waiting for answers from then on; FD is the callee's. NULL: as without SUP. */
	int (*listener)(void *arg, struct run *r, int fd, struct err *e);
	void *arg;
};

/*
 * Executes the plan of R: stages in order, every journalled operation written down first. On failure everything is
 * undone, the record says STOPPED, and *e tells what failed, wherever it did. Returns 0 when init has been executed, or
 * with .wait_start when it waits for run_start(); the record says STARTING until then. SUP may be NULL: the caller is
 * init's parent and takes run->ptys (a terminal's master) from there.
 */
int run_execute(struct run *r, const struct run_supervisor *sup, struct err *e);

/* What lies in a run directory while init waits for run_start(): a socket that only init listens on. */
#define RUN_START_NAME "exec.start"

/* True while init of *REC waits for run_start(). */
bool run_created(int dirfd, const struct record *rec);

/* Lets it execute. 0 once it has, and *REC says RUNNING; else the error from there, and init is gone. The caller holds the
 * container's lock. NOTIFY as in struct run (may be NULL: a seccomp listener is an error then). */
int run_start(int dirfd, struct record *rec, int (*notify)(void *arg, const struct record *rec, int fd, struct err *e),
	      void *arg, struct err *e);

/* The container has ended (or never began): undoes the journal, runs the stop hooks, writes STOPPED. */
int run_cleanup(int dirfd, struct record *rec, const struct spec *spec, const struct plan_opts *o,
		const struct log *log, struct err *e);

/* The child's half: never returns. */
_noreturn_ void run_child(struct run *r);
int run_send_step(int sock, enum step step, const int *fds, size_t n, const struct err *err);
/* Receives the next step; an error object from the other side becomes *e. Returns the step (>= 0), -errno, or -EPIPE
 * when the other side has gone. */
int run_recv_step(int sock, int *ret_fds, size_t *ret_n, struct err *e);
