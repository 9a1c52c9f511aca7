/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "runtime/exec.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/compile.h"
#include "runtime/join.h"
#include "runtime/run.h"
#include "sys/inroot.h"
#include "sys/proc.h"
#include "sys/pty.h"

static void describe_a(const struct op *op, struct buf *out)
{
	buf_puts(out, op->args.a ?: "");
}

/* --- operations of its own ------------------------------------------------------------------------------------------- */

/* Its control group, and all name spaces. What is of the host and still needed is opened before. */
static int enter_apply(const struct op *op, struct run *run, struct err *e)
{
	int r;

	/* Nobody in there may look at us while we hold fds of the host (CVE-2016-9962). */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = join_group(run->join, e);
	if (r < 0)
		return r;
	run->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (run->proc_fd < 0)
		return err_set(e, -errno, "open /proc");
	r = join_rest(run->join, e);
	if (r < 0)
		return r;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (run->root_fd < 0 || chdir("/") < 0)
		return err_set(e, -errno, "open the container's root");
	return 0;
}

static const struct op_kind op_enter = { "enter", describe_a, enter_apply };

/* A terminal of the container's own devpts instance, so that it has a name in there; n: shown by us, m: its size */
static int pty_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int dev = inroot_open_nolinks(run->root_fd, "/dev/pts", O_DIRECTORY), master = -EBADF;
	int r;

	/* What is no devpts is refused there. */
	r = dev < 0 ? dev : pty_open(dev, &master, &run->console_slave);
	if (r < 0)
		return err_set(e, r, "allocate a terminal in the container");
	if (op->args.n)
		pty_plain_output(master);
	if (op->args.m) {
		struct winsize size = { .ws_row = (unsigned short)(op->args.m >> 16),
					.ws_col = (unsigned short)op->args.m };

		if (ioctl(run->console_slave, TIOCSWINSZ, &size) < 0)
			return err_set(e, -errno, "size of the terminal");
	}
	r = run_send_step(run->child_sync, STEP_PTYS, &master, 1, NULL);
	return r < 0 ? err_set(e, r, "hand over the terminal") : 0;
}

static const struct op_kind op_exec_pty = { "pty", describe_a, pty_apply };

/* --- the plan --------------------------------------------------------------------------------------------------------- */

static int compile(const struct record *rec, const struct exec_req *q, struct plan_opts *o, struct plan *p,
		   struct err *e)
{
	struct compiler c = { .spec = q->spec, .opts = o, .plan = p, .e = e };
	const struct spec_process *s = &q->spec->process;
	int r;

	*o = (struct plan_opts){
		.id = rec->id,
		.uid = -1,
		.gid = -1,
		.oci = true,
		.preserve_fds = q->preserve_fds,
		.no_new_keyring = q->no_new_keyring,
		.files_stay = q->files_stay,
		.bundle = rec->bundle,
		.version = rec->version,
	};
	p->ns_cloned = rec->ns_cloned;
	p->has_userns = rec->has_userns;
	p->cap_mask = rec->cap_mask;
	p->console = tri_or(s->terminal, false);
	r = spec_five_caps(s) ? cap_list(&s->cap_bounding, &p->cap_mask, e) : 0;
	if (r == 0)
		r = compile_exec_before(&c);
	if (r == 0)
		r = compile_add(&c, OP_CHILD, &op_enter, rec->cgroup, NULL, 0, 0);
	if (r == 0 && p->console)
		r = compile_add(&c, OP_CHILD, &op_exec_pty, NULL, NULL, q->relayed, terminal_size(s));
	return r == 0 ? compile_exec_inside(&c) : r;
}

int exec_describe(const struct record *rec, const struct exec_req *q, struct buf *out, struct err *e)
{
	struct plan p = { 0 };
	struct plan_opts o;
	int r = compile(rec, q, &o, &p, e);

	if (r == 0)
		plan_print(&p, out);
	plan_done(&p);
	return r < 0 ? r : buf_error(out, e);
}

/* --- our side ----------------------------------------------------------------------------------------------------------- */

static int open_group(struct run *run, const struct record *rec, const struct exec_req *q, struct err *e)
{
	struct cg *own = q->cg;
	bool frozen = false;
	int r = 0;

	if (!own && rec->cgroup) {
		r = cg_host_open(NULL, &run->cg_host, e);
		if (r == 0)
			r = cg_open(run->cg_host, rec->cgroup, &run->cg, e);
		own = run->cg;
	}
	if (r == 0 && !own && q->cgroups && q->cgroups[0])
		return err_kind(e, ERR_STATE, -ENOENT, "--cgroup=%s: the container has no control group",
				q->cgroups[0]);
	if (r < 0 || !own)
		return r;
	/* The freezer is the whole container's, whichever group is entered. */
	if (!q->ignore_paused && cg_is_frozen(own, &frozen, NULL) == 0 && frozen)
		return err_kind(e, ERR_STATE, -EAGAIN,
				"cannot exec in a paused container (use --ignore-paused to override)");
	if (q->cgroups && q->cgroups[0])
		r = cg_sub(own, q->cgroups, &run->join->sub, e);
	else
		r = cg_entry(own, rec->pid, &run->join->sub, e);
	run->join->cg = run->join->sub ?: own;
	return r;
}

static int prepare(struct run *run, struct join *j, int dirfd, const struct record *rec, const struct exec_req *q,
		   struct plan *p, struct err *e)
{
	const char *label = q->label ?: rec->lsm_label;
	int r;

	if (rec->state == RUN_STOPPED)
		return err_kind(e, ERR_STATE, -ESRCH, "cannot exec in a stopped container");
	j->pidfd = proc_open(rec->pid, rec->pid_start);
	if (j->pidfd < 0)
		return err_kind(e, ERR_STATE, j->pidfd, "cannot exec in a stopped container");
	r = join_flags(rec->pid, rec->ns_cloned, &j->flags, e);
	if (r == 0)
		r = open_group(run, rec, q, e);
	if (r == 0 && !q->no_seccomp)
		r = seccomp_prog_load(dirfd, "seccomp", &p->seccomp, e);
	if (r < 0)
		return r;
	run->lsm = lsm_active();
	if (run->lsm != LSM_NONE && label) {
		run->lsm_label = strdup(label);
		if (!run->lsm_label)
			return err_oom(e);
	}
	return 0;
}

/* Until the exec has closed the child's end. */
static int await_exec(struct run *run, const struct exec_req *q, pid_t pid, int *ret_master, struct err *e)
{
	for (;;) {
		int fd[1];
		size_t n = 1;
		int r = run_recv_step(run->sync, fd, &n, e);

		if (r == STEP_PTYS && n == 1) {
			fd_close(*ret_master);
			*ret_master = fd[0];
		} else if (r == STEP_NOTIFY && n == 1) {
			if (!q->notify) {
				fd_close(fd[0]);
				return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "nobody takes the seccomp listener");
			}
			r = q->notify(q->notify_arg, pid, fd[0], e);
			if (r < 0)
				return r;
		} else if (r == -EPIPE || r == -ECONNRESET) {
			err_clear(e);
			return 0;
		} else if (r < 0) {
			return r;
		}
	}
}

static int start(struct run *run, const struct exec_req *q, pid_t *ret_pid, int *ret_master, struct err *e)
{
	_cleanup_close_ int master = -EBADF;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	run->sync = pair[0];
	run->child_sync = pair[1];
	run->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (run->null_fd < 0)
		return err_set(e, -errno, "open /dev/null");
	pid = join_fork(run->join, e);
	if (pid == 0)
		run_child(run);
	run->null_fd = fd_close(run->null_fd);
	run->child_sync = fd_close(run->child_sync);
	if (pid < 0)
		return pid;
	/* As run.c does, in runc's words. */
	log_debug(run->log, "nsexec container setup: process %d is in the container's name spaces", pid);
	log_debug(run->log, "child process in init(): it becomes what it is to be");
	log_debug(run->log, "setns_init: about to exec");
	r = await_exec(run, q, pid, &master, e);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		return r;
	}
	*ret_pid = pid;
	*ret_master = TAKE_FD(master);
	return 0;
}

int exec_start(int dirfd, const struct record *rec, const struct exec_req *q, pid_t *ret_pid, int *ret_master,
	       struct err *e)
{
	struct join j = { .pidfd = -EBADF };
	struct plan_opts o;
	struct plan p = { 0 };
	struct run run;
	int r;

	run_init(&run);
	run.plan = &p;
	run.spec = q->spec;
	run.opts = &o;
	run.log = q->log;
	run.join = &j;
	for (int i = 0; i < 3 && !tri_or(q->spec->process.terminal, false); i++)
		run.stdio[i] = q->stdio[i];
	r = compile(rec, q, &o, &p, e);
	if (r == 0)
		r = prepare(&run, &j, dirfd, rec, q, &p, e);
	if (r == 0)
		r = start(&run, q, ret_pid, ret_master, e);
	fd_close(j.pidfd);
	cg_free(j.sub);
	run_done(&run);
	plan_done(&p);
	return r;
}
