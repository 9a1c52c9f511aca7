/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/monitord.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/watch.h"

#define IDLE_MS	    30000
#define CLIENTS_MAX 256
#define QUIT	    "quit"
/* The name of the socket is a hash and as much of the path as fits beside it. */
#define SOCK_NAME_MAX 105

_Static_assert(sizeof(struct monitor_msg) == 264, "the wire format");

struct monitord {
	struct watch *watch;
	int listen_fd, fifo_fd, sig_fd;
	char *fifo;
	int clients[CLIENTS_MAX];
	size_t n_clients;
	bool quit;
};

static void monitord_done(struct monitord *m)
{
	for (size_t i = 0; i < m->n_clients; i++)
		fd_close(m->clients[i]);
	fd_close(m->listen_fd);
	fd_close(m->sig_fd);
	if (m->fifo_fd >= 0)
		unlink(m->fifo);
	fd_close(m->fifo_fd);
	free(m->fifo);
	watch_free(m->watch);
}

static int sock_address(const char *lxcpath, struct sockaddr_un *ret, socklen_t *ret_len, struct err *e)
{
	_cleanup_free_ char *full = NULL;
	int n;

	if (asprintf(&full, "lxc/%s/monitor-sock", lxcpath) < 0)
		return err_oom(e);
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path + 1, SOCK_NAME_MAX + 1, "lxc/%016" PRIx64 "/%s", record_hash(full), lxcpath);
	if (n > SOCK_NAME_MAX)
		n = SOCK_NAME_MAX;
	*ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return 0;
}

static int open_socket(struct monitord *m, const char *lxcpath, struct err *e)
{
	struct sockaddr_un sa;
	socklen_t len;
	int r = sock_address(lxcpath, &sa, &len, e);

	if (r < 0)
		return r;
	m->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->listen_fd < 0)
		return err_set(e, -errno, "make a socket");
	if (bind(m->listen_fd, (struct sockaddr *)&sa, len) < 0) {
		if (errno == EADDRINUSE)
			return err_kind(e, ERR_EXISTS, -EADDRINUSE, "there is a monitor of %s already", lxcpath);
		return err_set(e, -errno, "bind the monitor's socket of %s", lxcpath);
	}
	return listen(m->listen_fd, 100) < 0 ? err_set(e, -errno, "listen for clients of %s", lxcpath) : 0;
}

/* RUNDIR/lxc/LXCPATH/monitor-fifo. Only its owner may write; what lies there of a killed monitor is taken over. */
static int open_fifo(struct monitord *m, const char *lxcpath, struct err *e)
{
	const char *run = geteuid() == 0 ? "/run" : getenv("XDG_RUNTIME_DIR");
	_cleanup_free_ char *dir = NULL;
	struct stat st;
	int r;

	if (isempty(run))
		return err_hint(e, err_kind(e, ERR_NOT_FOUND, -ENOENT, "no run directory"),
				"set XDG_RUNTIME_DIR to a directory of your own, on a tmpfs");
	if (asprintf(&dir, "%s/lxc%s%s", run, *lxcpath == '/' ? "" : "/", lxcpath) < 0)
		return err_oom(e);
	r = dir_make_all(dir, 0755, e);
	if (r < 0)
		return r;
	m->fifo = path_join(dir, "monitor-fifo");
	if (!m->fifo)
		return err_oom(e);
	if (mkfifo(m->fifo, 0600) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make %s", m->fifo);
	/* Open for writing as well: it does not end when a writer leaves. */
	m->fifo_fd = open(m->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (m->fifo_fd < 0)
		return err_set(e, -errno, "open %s", m->fifo);
	if (fstat(m->fifo_fd, &st) < 0 || !S_ISFIFO(st.st_mode) || st.st_uid != geteuid())
		return err_kind(e, ERR_DENIED, -EPERM, "%s is not a FIFO of ours", m->fifo);
	return 0;
}

static int open_signals(struct monitord *m, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	m->sig_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return m->sig_fd < 0 ? err_set(e, -errno, "make a signal fd") : 0;
}

static void drop_client(struct monitord *m, size_t i)
{
	fd_close(m->clients[i]);
	m->clients[i] = m->clients[--m->n_clients];
}

/* Root's and our own user's programs only. */
static void accept_client(struct monitord *m)
{
	_cleanup_close_ int fd = accept4(m->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return;
	if ((cred.uid != 0 && cred.uid != geteuid()) || m->n_clients == CLIENTS_MAX)
		return;
	m->clients[m->n_clients++] = TAKE_FD(fd);
}

static void hear_client(struct monitord *m, size_t i)
{
	char buf[64];
	ssize_t n = recv(m->clients[i], buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n >= (ssize_t)strlen(QUIT) && memcmp(buf, QUIT, strlen(QUIT)) == 0)
		m->quit = true;
	if (n <= 0)
		drop_client(m, i);
}

/* To everybody. Who does not read for so long that the socket is full has gone. */
static void publish(struct monitord *m, const struct monitor_msg *msg)
{
	for (size_t i = 0; i < m->n_clients;) {
		if (send(m->clients[i], msg, sizeof(*msg), MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(*msg))
			i++;
		else
			drop_client(m, i);
	}
}

/* Writes of up to PIPE_BUF bytes are whole, and so is what is read in the same size. */
static void relay_fifo(struct monitord *m)
{
	struct monitor_msg msg;

	while (read(m->fifo_fd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg)) {
		msg.name[sizeof(msg.name) - 1] = '\0';
		publish(m, &msg);
	}
}

static int relay_events(struct monitord *m, struct err *e)
{
	struct watch_event ev;
	int r;

	while ((r = watch_next(m->watch, &ev, e)) > 0) {
		struct monitor_msg msg = { 0 };

		snprintf(msg.name, sizeof(msg.name), "%s", ev.name);
		if (ev.state == RUN_STOPPING && ev.status >= 0) {
			msg.type = MONITOR_EXIT_CODE;
			msg.value = ev.status;
			publish(m, &msg);
		}
		msg.type = MONITOR_STATE;
		msg.value = (int32_t)ev.state;
		publish(m, &msg);
	}
	return r;
}

static int serve_once(struct monitord *m, bool persistent, struct err *e)
{
	struct pollfd p[4 + CLIENTS_MAX] = { { .fd = m->listen_fd, .events = POLLIN },
					     { .fd = m->fifo_fd, .events = POLLIN },
					     { .fd = watch_fd(m->watch), .events = POLLIN },
					     { .fd = m->sig_fd, .events = POLLIN } };
	size_t n = m->n_clients;
	int r;

	for (size_t i = 0; i < n; i++)
		p[4 + i] = (struct pollfd){ .fd = m->clients[i], .events = POLLIN };
	r = poll(p, 4 + n, persistent || n ? -1 : IDLE_MS);
	if (r < 0)
		return errno == EINTR ? 0 : err_set(e, -errno, "wait for events");
	if ((r == 0 && !persistent && n == 0) || p[3].revents)
		m->quit = true;
	if (p[1].revents)
		relay_fifo(m);
	if (p[2].revents && relay_events(m, e) < 0)
		return e ? e->code : -EIO;
	/* From the last on: a client that is dropped is replaced by one that has been looked at. */
	for (size_t i = n; i-- > 0;)
		if (i < m->n_clients && m->clients[i] == p[4 + i].fd && p[4 + i].revents)
			hear_client(m, i);
	if (p[0].revents)
		accept_client(m);
	return 0;
}

int monitord_run(const char *lxcpath, bool persistent, int ready_fd, struct err *e)
{
	_cleanup_(monitord_done) struct monitord m = { .listen_fd = -EBADF, .fifo_fd = -EBADF, .sig_fd = -EBADF };
	_cleanup_close_ int ready = ready_fd;
	_cleanup_strv_ struct strv paths = STRV_INIT;
	int r;

	/* The socket first: a second monitor leaves the first one's FIFO alone. */
	r = open_socket(&m, lxcpath, e);
	if (r == 0)
		r = open_fifo(&m, lxcpath, e);
	if (r == 0)
		r = open_signals(&m, e);
	if (r == 0)
		r = strv_push(&paths, lxcpath, e);
	if (r == 0)
		r = watch_open(&paths, &m.watch, e);
	if (r < 0)
		return r;
	/* Whether it can be written does not matter: its closing says the same. */
	if (ready >= 0 && write(ready, "S", 1) < 0)
		errno = 0;
	ready = fd_close(ready);
	while (r == 0 && !m.quit)
		r = serve_once(&m, persistent, e);
	return r;
}

int monitord_quit(const char *lxcpath, struct err *e)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	socklen_t len;
	int r = sock_address(lxcpath, &sa, &len, e);

	if (r < 0)
		return r;
	if (fd < 0)
		return err_set(e, -errno, "make a socket");
	if (connect(fd, (struct sockaddr *)&sa, len) < 0)
		return err_kind(e, ERR_NOT_FOUND, -errno, "no lxc-monitord watches %s", lxcpath);
	r = fd_write_all(fd, QUIT, strlen(QUIT));
	return r < 0 ? err_set(e, r, "tell the monitor of %s to quit", lxcpath) : 0;
}
