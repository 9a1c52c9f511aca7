/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* exec: a further process, ours until it is handed over or waited for. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/oci-internal.h"
#include "runtime/exec.h"
#include "sys/syscalls.h"

static int check_state(const struct oci_container *c, const struct oci_exec_opts *o, struct err *e)
{
	if (c->status == OCI_STOPPED)
		return err_kind(e, ERR_STATE, -ESRCH, "cannot exec in a stopped container");
	if (c->status == OCI_CREATING)
		return err_kind(e, ERR_STATE, -EBUSY, "cannot exec in a container that is still being created");
	if (c->status == OCI_PAUSED && !o->ignore_paused)
		return err_kind(e, ERR_STATE, -EBUSY,
				"cannot exec in a paused container (use --ignore-paused to override)");
	return 0;
}

static int check_terminal(const struct oci_exec_opts *o, struct err *e)
{
	bool terminal = o->spec->process.terminal == TRI_YES;

	if (o->detach && terminal && isempty(o->console_socket))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"cannot allocate tty if runc will detach without setting console socket");
	if ((!o->detach || !terminal) && !isempty(o->console_socket))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"cannot use console socket if runc will not detach or allocate tty");
	return 0;
}

static int notify(void *arg, pid_t pid, int fd, struct err *e)
{
	const struct oci_container *c = arg;

	return oci_send_listener(c->oci, &c->spec, &c->rec, "running", pid, fd, e);
}

/* What the caller wants to have of it, before it is let go. */
static int hand_over(const struct oci_exec_opts *o, pid_t pid, int master, struct err *e)
{
	char name[32];
	int r = 0;

	if (!isempty(o->console_socket)) {
		_cleanup_close_ int sock = oci_connect(o->console_socket, "console socket", e);

		oci_pts_name(master, name);
		r = sock < 0 ? sock : oci_send_fd(sock, name, master, "terminal", e);
	}
	if (r == 0 && !isempty(o->pidfd_socket)) {
		_cleanup_close_ int sock = oci_connect(o->pidfd_socket, "pidfd socket", e), fd = -EBADF;

		if (sock < 0)
			return sock;
		fd = sys_pidfd_open(pid, 0);
		r = fd < 0 ? err_set(e, fd, "open process %d", pid) : oci_send_fd(sock, "pidfd", fd, "pidfd", e);
	}
	if (r == 0 && !isempty(o->pidfile))
		r = oci_write_pidfile(o->pidfile, pid, e);
	return r;
}

static int run(struct oci_container *c, const struct oci_exec_opts *o, const struct exec_req *q, int *ret_status,
	       struct err *e)
{
	_cleanup_close_ int master = -EBADF;
	pid_t pid = 0;
	int r = exec_start(c->dirfd, &c->rec, q, &pid, &master, e);

	if (r < 0)
		return r;
	r = hand_over(o, pid, master, e);
	if (r < 0) {
		(void)kill(pid, SIGKILL);
		(void)oci_wait_child(pid, false, -EBADF, NULL);
		return r;
	}
	if (o->detach)
		return 0;
	*ret_status = oci_wait_child(pid, false, master, NULL);
	return 0;
}

int oci_exec(struct oci_container *c, const struct oci_exec_opts *o, int *ret_status, struct err *e)
{
	struct exec_req q = {
		.spec = o->spec,
		.label = o->label,
		.ignore_paused = o->ignore_paused,
		.relayed = isempty(o->console_socket),
		.preserve_fds = o->preserve_fds + oci_listen_fds(),
		.stdio = { 0, 1, 2 },
		.cgroups = o->cgroups,
		.log = c->oci->log,
		.notify = notify,
		.notify_arg = c,
	};
	_cleanup_(cg_freep) struct cg *group = NULL;
	sigset_t all, old;
	int r = check_state(c, o, e);

	if (r == 0)
		r = check_terminal(o, e);
	if (r == 0)
		r = oci_check_fds(o->preserve_fds, e);
	if (r == 0 && c->rec.cgroup)
		r = oci_cgroup(c, &group, e);
	q.cg = group;
	if (r < 0)
		return r;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	r = run(c, o, &q, ret_status, e);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (r == 0 && o->done)
		o->done(o->arg, *ret_status);
	return r;
}
