/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who is whose child: the command forks K, K forks the runtime R and then executes the keeper program; R makes init
 * with CLONE_PARENT, so init is K's child. R shares nothing with K but the control socket, and the command waits for
 * R's word only. When R returns from here it is gone; K and init stay.
 */

#include "runtime/supervise.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/keeper_proto.h"
#include "runtime/seccomp_proxy.h"
#include "sys/ns.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

int open_console_log(const struct spec *s, struct keeper_msg *ret, struct err *e)
{
	const char *path = s->dev.console_logfile;
	struct keeper_msg m = { .type = KM_LOG };
	int fd;

	if (isempty(path) || streq(path, "none"))
		return -EBADF;
	m.max = s->dev.console_log_size == UNSET64 ? 0 : s->dev.console_log_size;
	m.flags = s->dev.console_rotate == TRI_YES;
	/* Only rotating needs the name: the keeper renames by it, and a cut one would be another file's. */
	if (snprintf(m.path, sizeof(m.path), "%s", path) >= (int)sizeof(m.path)) {
		if (m.flags)
			return err_kind(e, ERR_LIMIT, -ENAMETOOLONG, "console log %s: too long a name to rotate", path);
		*m.path = '\0';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (fd < 0)
		return err_set(e, -errno, "open console log %s", path);
	*ret = m;
	return fd;
}

uint64_t console_ring_size(const struct spec *s)
{
	return s->dev.console_buffer_size == UNSET64 ? 0 : s->dev.console_buffer_size;
}

struct handover {
	const struct supervise *s;
	int ctl, listen; /* listen: -1 unless the keeper's went with its last life */
};

static int say(int ctl, struct keeper_msg *m, const int *fds, size_t n)
{
	ssize_t r = fd_send(ctl, m, sizeof(*m), fds, n);

	return r < 0 ? (int)r : 0;
}

static int say_ptys(int ctl, struct run *run)
{
	bool console = run->plan->console;
	int r = 0;

	for (unsigned i = 0; i < run->n_ptys && r == 0; i += FD_PASS_MAX) {
		unsigned n = run->n_ptys - i < FD_PASS_MAX ? run->n_ptys - i : FD_PASS_MAX;
		struct keeper_msg m = { .type = KM_PTYS, .n = n, .flags = i == 0 && console };

		r = say(ctl, &m, run->ptys + i, n);
	}
	return r;
}

static int say_log(int ctl, const struct spec *s, struct err *e)
{
	struct keeper_msg m;
	_cleanup_close_ int fd = open_console_log(s, &m, e);

	if (fd == -EBADF)
		return 0;
	if (fd < 0)
		return fd;
	return say(ctl, &m, &fd, 1);
}

int open_stop_namespaces(const struct run *run, int fds[static NS_MAX])
{
	unsigned n = 0;

	if (!run->spec->hooks[HOOK_STOP].n)
		return 0;
	for (enum spec_ns ns = 0; ns < NS_MAX; ns++) {
		int fd = run->plan->ns_cloned & (1u << ns) ? ns_open_pid(run->pid, &ns_table[ns], NULL) : -EBADF;

		if (fd >= 0)
			fds[n++] = fd;
	}
	return (int)n;
}

int stop_namespaces(pid_t holder, struct strv *ret, struct err *e)
{
	char dir[64], link[340], text[64];
	struct dirent *de;
	DIR *d;
	int r = 0;

	snprintf(dir, sizeof(dir), "/proc/%d/fd", holder);
	d = opendir(dir);
	while (d && r == 0 && (de = readdir(d))) {
		ssize_t n;

		snprintf(link, sizeof(link), "%s/%s", dir, de->d_name);
		n = readlink(link, text, sizeof(text) - 1);
		if (n <= 0)
			continue;
		text[n] = '\0';
		for (const struct ns_info *ns = ns_table; ns->name && r == 0; ns++) {
			const char *rest = startswith(text, ns->name);

			if (rest && startswith(rest, ":["))
				r = strv_pushf(ret, e, "%s:%s", ns->name, link);
		}
	}
	if (d)
		closedir(d);
	return r;
}

void stop_namespaces_done(int ctl)
{
	struct keeper_msg m = { .type = KM_NS };

	if (ctl >= 0 && say(ctl, &m, NULL, 0) == 0)
		(void)fd_recv(ctl, &m, sizeof(m), NULL, NULL);
}

static int say_namespaces(int ctl, const struct run *run)
{
	int fds[NS_MAX], n = open_stop_namespaces(run, fds), r;
	struct keeper_msg m = { .type = KM_NS, .n = (uint32_t)n };

	if (!n)
		return 0;
	r = say(ctl, &m, fds, (size_t)n);
	fds_close_many(fds, (size_t)n);
	return r;
}

static int say_ring(int ctl, const struct spec *s)
{
	struct keeper_msg m = { .type = KM_RING, .max = console_ring_size(s) };

	return m.max ? say(ctl, &m, NULL, 0) : 0;
}

/* The run_supervisor of a detached start: the keeper takes the container over. */
static int hand_over(void *arg, struct run *run, struct err *e)
{
	struct handover *h = arg;
	struct keeper_msg m = { .type = KM_INIT, .pid = run->pid };
	ssize_t n;
	int r;

	r = say(h->ctl, &m, &run->pidfd, 1);
	if (r == 0)
		r = say_ptys(h->ctl, run);
	if (r == 0)
		r = say_log(h->ctl, run->spec, e);
	if (r == 0)
		r = say_namespaces(h->ctl, run);
	if (r == 0)
		r = say_ring(h->ctl, run->spec);
	if (r == 0 && h->s->more)
		r = h->s->more(h->s->arg, h->ctl, run, e);
	if (r == 0 && h->listen >= 0) {
		m = (struct keeper_msg){ .type = KM_LISTEN };
		r = say(h->ctl, &m, &h->listen, 1);
	}
	if (r == 0 && h->s->peer_fd >= 0) {
		m = (struct keeper_msg){ .type = KM_PEER };
		r = say(h->ctl, &m, &h->s->peer_fd, 1);
	}
	if (r == 0 && h->s->commands_fd >= 0) {
		m = (struct keeper_msg){ .type = KM_COMMANDS };
		r = say(h->ctl, &m, &h->s->commands_fd, 1);
	}
	if (r == 0) {
		m = (struct keeper_msg){ .type = KM_GO };
		r = say(h->ctl, &m, NULL, 0);
	}
	if (r == 0) {
		n = fd_recv(h->ctl, &m, sizeof(m), NULL, NULL);
		r = n < 0 ? (int)n : n == 0 || m.type != KM_ACK ? -EPIPE : 0;
	}
	if (r < 0 && (!e || !e->code))
		return err_set(e, r, "hand the container over to its keeper");
	return r;
}

int serve_listener(const struct run *run, int fd, struct keeper_msg *ret, struct err *e)
{
	const struct proxy_conf c = {
		.address = run->spec->security.seccomp_proxy,
		.cookie = run->spec->security.seccomp_cookie,
		.monitor = run->rec.keeper,
		.init = run->pid,
	};

	*ret = (struct keeper_msg){ .type = KM_SECCOMP };
	return c.address ? seccomp_proxy_start(&c, fd, &ret->pid, e) : 0;
}

/* The same of a detached start. */
static int hand_over_listener(void *arg, struct run *run, int fd, struct err *e)
{
	const struct handover *h = arg;
	struct keeper_msg m;
	int r = serve_listener(run, fd, &m, e);

	if (r == 0) {
		r = say(h->ctl, &m, &fd, 1);
		if (r < 0)
			err_set(e, r, "hand the seccomp listener to the keeper");
	}
	fd_close(fd);
	return r;
}

int keeper_listen(int dirfd, struct err *e)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_set(e, -errno, "make the keeper's socket");
	unlinkat(dirfd, "sock", 0);
	/* Through the directory's fd: the name fits whatever the path's length. */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/sock", dirfd);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(fd, 16) < 0)
		return err_set(e, -errno, "bind the keeper's socket");
	return TAKE_FD(fd);
}

/* The runtime as the keeper's child. */
static _noreturn_ void runtime_child(struct run *run, const struct supervise *s, int ctl, int status)
{
	struct handover h = { .s = s, .ctl = ctl, .listen = -EBADF };
	struct run_supervisor sup = { .take = hand_over, .listener = hand_over_listener, .arg = &h };
	struct err e = { 0 };
	int r;

	run->rec.keeper = getppid();
	(void)proc_start_time(run->rec.keeper, &run->rec.keeper_start);
	r = run_execute(run, &sup, &e);
	if (r < 0 && !e.code)
		err_set(&e, r, "start");
	run_send_step(status, r < 0 ? STEP_ERROR : STEP_READY, NULL, 0, r < 0 ? &e : NULL);
	_exit(r < 0 ? 1 : 0);
}

/* Hooks and scripts find what the caller's environment has, those of the end and of a next life too; and there are words
 * that the container inherits. */
static bool wants_environ(const struct spec *s)
{
	const struct strv *const lists[] = { &s->process.env, &s->process.env_runtime, &s->process.env_hooks };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (size_t k = 0; k < lists[i]->n; k++)
			if (!strchr(lists[i]->v[k], '='))
				return true;
	for (int i = HOOK_PRE_START; i <= HOOK_POST_STOP; i++)
		if (s->hooks[i].n)
			return true;
	LIST_EACH(n, &s->nets, struct spec_net) {
		if (n->script_up || n->script_down)
			return true;
	}
	return false;
}

/* What is known of the caller when the container ends, long after. Where that is not all: his terminal's kind, and of an
 * ordinary user where his state is, his home, his programs and his service manager. */
static char *const *keeper_environ(const struct spec *s, char *few[static 6])
{
	static const char *const names[] = { "TERM=", "HOME=", "PATH=", "XDG_RUNTIME_DIR=",
					     "DBUS_SESSION_BUS_ADDRESS=" };
	const bool of_user = geteuid() != 0 || proc_user_entered();
	size_t n = 0;

	if (wants_environ(s))
		return environ;
	for (size_t i = 0; i < (of_user ? ARRAY_SIZE(names) : 1); i++)
		for (char **v = environ; *v; v++)
			if (startswith(*v, names[i])) {
				few[n++] = *v;
				break;
			}
	few[n] = NULL;
	return few;
}

/* Becomes the keeper program. Both fds go over as they are; everything else is close-on-exec or closed here. */
static _noreturn_ void keeper_child(struct run *run, const struct supervise *s, int ctl, int lis)
{
	char a[16], b[16];
	char *argv[] = { (char *)"creel-keeper", run->rec.id, (char *)s->creel, a, b, NULL };
	char *few[6];
	char *const *envp = keeper_environ(run->spec, few);

	snprintf(a, sizeof(a), "%d", ctl);
	snprintf(b, sizeof(b), "%d", lis);
	sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
	fd_set_cloexec(ctl, false);
	fd_set_cloexec(lis, false);
	execve(s->keeper, argv, envp);
	_exit(127);
}

int unshare_mounts(struct err *e)
{
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "make a mount name space for the keeper");
	r = sys_mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL);
	return r < 0 ? err_set(e, r, "keep the keeper's mounts to itself") : 0;
}

/* Between the command and its two children: may fail only here. */
static void keeper_begin(const struct run *run, int status)
{
	struct err e = { 0 };

	setsid();
	if (!tri_or(run->spec->monitor_unshare, false) || unshare_mounts(&e) == 0)
		return;
	run_send_step(status, STEP_ERROR, NULL, 0, &e);
	_exit(1);
}

int start_detached(struct run *run, const struct supervise *s, struct err *e)
{
	_cleanup_close_ int ctl_r = -EBADF, ctl_k = -EBADF, mine = -EBADF, theirs = -EBADF, lis = -EBADF;
	int pair[2], r;
	pid_t pid;

	if (access(s->keeper, X_OK) < 0)
		return err_set(e, -errno, "keeper program %s", s->keeper);
	lis = keeper_listen(run->dirfd, e);
	if (lis < 0)
		return lis;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	ctl_r = pair[0];
	ctl_k = pair[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, -errno, "make a socket pair");
	mine = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "fork the keeper");
	if (pid == 0) {
		keeper_begin(run, theirs);
		pid = fork();
		if (pid == 0) {
			ctl_k = fd_close(ctl_k);
			mine = fd_close(mine);
			runtime_child(run, s, ctl_r, theirs);
		}
		if (pid < 0)
			_exit(1);
		keeper_child(run, s, ctl_k, lis);
	}
	theirs = fd_close(theirs);
	ctl_r = fd_close(ctl_r);
	ctl_k = fd_close(ctl_k);
	r = run_recv_step(mine, NULL, NULL, e);
	if (r == -EPIPE && (!e || !e->code))
		return err_kind(e, ERR_STATE, -ECHILD, "the runtime was killed during the start");
	return r < 0 ? r : 0;
}

int start_again(struct run *run, const struct supervise *s, struct err *e)
{
	_cleanup_close_ int lis = keeper_listen(run->dirfd, e);
	struct handover h = { .s = s, .ctl = s->ctl_fd, .listen = lis };
	struct run_supervisor sup = { .take = hand_over, .listener = hand_over_listener, .arg = &h };

	if (lis < 0)
		return lis;
	run->rec.keeper = getppid();
	(void)proc_start_time(run->rec.keeper, &run->rec.keeper_start);
	return run_execute(run, &sup, e);
}
