/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an OCI runtime hands to its caller: terminals, pidfds and seccomp listeners over sockets, process ids in files. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/oci-internal.h"
#include "runtime/relay.h"
#include "sys/pty.h"

int oci_address(const char *path, struct sockaddr_un *ret, unsigned *ret_len, int *ret_at, struct err *e)
{
	size_t n = strlen(path);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*ret_at = -EBADF;
	*ret_len = sizeof(*ret);
	if (*path == '@') {
		if (n > sizeof(ret->sun_path))
			return err_set(e, -ENAMETOOLONG, "%s", path);
		memcpy(ret->sun_path + 1, path + 1, n - 1);
		*ret_len = (unsigned)(offsetof(struct sockaddr_un, sun_path) + n);
	} else if (n < sizeof(ret->sun_path)) {
		memcpy(ret->sun_path, path, n + 1);
	} else {
		/* Longer than an address can be: through an fd of it. */
		*ret_at = open(path, O_PATH | O_CLOEXEC);
		if (*ret_at < 0)
			return err_set(e, -errno, "open %s", path);
		fd_path(*ret_at, ret->sun_path);
	}
	return 0;
}

int oci_connect(const char *path, const char *what, struct err *e)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), at = -EBADF;
	struct sockaddr_un addr;
	unsigned len;
	int r;

	if (fd < 0)
		return err_set(e, -errno, "make a socket");
	r = oci_address(path, &addr, &len, &at, e);
	if (r < 0)
		return err_wrap(e, r, "failed to connect with %s", what);
	if (connect(fd, (struct sockaddr *)&addr, len) < 0)
		return err_set(e, -errno, "failed to connect with %s %s", what, path);
	return TAKE_FD(fd);
}

int oci_send_fd(int sock, const char *name, int fd, const char *what, struct err *e)
{
	ssize_t r = fd_send(sock, name, strlen(name), &fd, 1);

	return r < 0 ? err_set(e, (int)r, "hand over the %s", what) : 0;
}

void oci_pts_name(int fd, char buf[static 32])
{
	unsigned n;

	if (ioctl(fd, TIOCGPTN, &n) == 0)
		snprintf(buf, 32, "/dev/pts/%u", n);
	else
		snprintf(buf, 32, "/dev/ptmx");
}

int oci_write_pidfile(const char *path, pid_t pid, struct err *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid), r;
	struct stat st;

	/* Whoever waits for it shall see it whole; what is no file, /dev/null say, cannot be replaced. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

		r = fd < 0 ? -errno : fd_write_all(fd, text, (size_t)n);
		return r < 0 ? err_set(e, r, "write %s", path) : 0;
	}
	return file_replace(AT_FDCWD, path, text, (size_t)n, 0644, false, e);
}

int oci_send_listener(const struct oci *rt, const struct spec *spec, const struct record *rec, const char *status,
		      pid_t pid, int listener, struct err *e)
{
	const struct spec_seccomp *s = &spec->security.seccomp;
	_cleanup_close_ int fd = listener, sock = -EBADF;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct oci_state state = {
		.version = rec->version,
		.id = rec->name,
		.status = status,
		.bundle = rec->bundle,
		.pid = rec->pid,
		.annotations = &spec->annotations,
	};
	struct json j;
	int r;

	if (isempty(s->listener))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"linux.seccomp.listenerPath: a rule says SCMP_ACT_NOTIFY, and nobody listens");
	json_init(&j, &text, false);
	json_object(&j);
	/* crun has a number of its own for this message. */
	json_kv_string(&j, "ociVersion", rt->crun ? "0.2.0" : rec->version ?: OCI_VERSION);
	json_key(&j, "fds");
	json_array(&j);
	json_string(&j, "seccompFd");
	json_end_array(&j);
	json_kv_i64(&j, "pid", pid);
	if (s->listener_metadata)
		json_kv_string(&j, "metadata", s->listener_metadata);
	json_key(&j, "state");
	oci_state_put(&j, &state);
	json_end_object(&j);
	r = buf_error(&text, e);
	if (r < 0)
		return r;
	sock = oci_connect(s->listener, "seccomp agent", e);
	if (sock < 0)
		return sock;
	return oci_send_fd(sock, buf_str(&text), fd, "seccomp listener", e);
}

/* A child that is waited for, and what is heard meanwhile. */
struct waiting {
	pid_t pid;
	bool reap;
	struct oci_notify *notify;
};

static void pass_signal(void *arg, int sig)
{
	const struct waiting *w = arg;
	siginfo_t si;

	if (sig != SIGCHLD) {
		/* Window sizes and such have been dealt with, or mean nothing inside. */
		if (sig > 0 && sig != SIGWINCH && sig != SIGPIPE && sig != SIGURG)
			(void)kill(w->pid, sig);
		return;
	}
	/* Its own end is for the loop that returns it. */
	for (si.si_pid = 0; w->reap && waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0; si.si_pid = 0)
		if (si.si_pid == 0 || si.si_pid == w->pid || waitpid(si.si_pid, NULL, WNOHANG | __WALL) <= 0)
			break;
}

static void pass_notice(void *arg)
{
	const struct waiting *w = arg;

	oci_notify_take(w->notify, getpid(), false);
}

/* The next signal, 0: none yet, the container has said something. */
static int next_signal(const struct waiting *w, const sigset_t *all, int sigfd)
{
	struct pollfd p[] = { { .fd = sigfd, .events = POLLIN }, { .events = POLLIN } };
	struct signalfd_siginfo si;

	if (sigfd < 0)
		return sigwaitinfo(all, NULL);
	p[1].fd = w->notify->fd;
	if (poll(p, ARRAY_SIZE(p), -1) < 0)
		return 0;
	if (p[1].revents)
		pass_notice((void *)w);
	return p[0].revents && read(sigfd, &si, sizeof(si)) == sizeof(si) ? (int)si.ssi_signo : 0;
}

int oci_wait_child(pid_t pid, bool reap, int master, struct oci_notify *notify)
{
	struct waiting w = { .pid = pid, .reap = reap, .notify = notify };
	bool notices = notify && notify->fd >= 0;
	_cleanup_close_ int sigfd = -EBADF;
	sigset_t all;
	int status;

	sigfillset(&all);
	/* The end of what it writes shows at the terminal, too: nothing of it is lost that way. */
	if (master >= 0) {
		struct relay_watch watch = {
			.signal = pass_signal, .ready = pass_notice, .fd = notices ? notify->fd : -EBADF, .arg = &w
		};

		(void)relay_terminal(master, NULL, NULL, &watch, NULL);
	}
	if (notices)
		sigfd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	for (;;) {
		pid_t got;
		int sig;

		/* Asked first: it may have ended before there was anybody to be told. */
		while ((got = waitpid(reap ? -1 : pid, &status, WNOHANG | __WALL)) > 0)
			if (got == pid) {
				/* What it said last. */
				if (notices)
					pass_notice(&w);
				return status;
			}
		if (got < 0 && errno == ECHILD)
			return 255 << 8;
		sig = next_signal(&w, &all, sigfd);
		if (sig != SIGCHLD)
			pass_signal(&w, sig);
	}
}

unsigned oci_listen_fds(void)
{
	const char *fds = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint32_t n, who;

	if (isempty(fds) || parse_u32(fds, &n) < 0 || n > 4096)
		return 0;
	/* runc passes them on whoever they were for; a pid that is another's is a leftover of an earlier program. */
	if (!isempty(pid) && parse_u32(pid, &who) == 0 && (pid_t)who != getpid())
		return 0;
	return n;
}

int oci_check_fds(unsigned n, struct err *e)
{
	unsigned first = 3 + oci_listen_fds();

	for (unsigned i = 0; i < n; i++)
		if (fcntl((int)(first + i), F_GETFD) < 0)
			return err_kind(e, ERR_INVALID, -EBADF, "please check that preserved-fd %u (of %u) is present",
					i, n);
	return 0;
}
