/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sd_notify(3). A service manager that waits for our caller's word (NOTIFY_SOCKET) is told when the container says that it
 * is ready. The manager's own socket stays outside: inside is one of ours, in a folder of the state directory that is
 * mounted there, and of all that comes through it only READY=1 goes on, in our words and once. What pids a container
 * would name mean nothing outside; nor is it to hand file descriptors to the manager.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/oci-internal.h"
#include "spec/field.h"
#include "sys/proc.h"

#define NOTIFY_DIR	   "notify"
#define NOTIFY_MAX	   4096 /* systemd's own limit of one message */
#define BARRIER_TIMEOUT_MS 5000

/* --- before it is made -------------------------------------------------------------------------------------------------- */

static int add_mount(struct spec *s, const char *source, const char *target, struct err *e)
{
	struct spec_mount *m = field_list_add(field_row(spec_fields, "mounts", strlen("mounts")), s, e);

	if (!m)
		return -ENOMEM;
	m->source = strdup(source);
	m->target = strdup(target);
	m->fstype = strdup("bind");
	m->options = strdup("bind,nosuid,nodev,noexec,ro");
	return m->source && m->target && m->fstype && m->options ? 0 : err_oom(e);
}

int oci_notify_spec(struct spec *s, const char *dir, bool crun, struct err *e)
{
	_cleanup_free_ char *source = NULL, *assignment = NULL;
	const char *host = getenv("NOTIFY_SOCKET"), *target = "/run/notify";
	int r;

	if (isempty(host))
		return 0;
	/* crun mounts the folder over what is the socket's place on the host. An abstract one has none. */
	crun &= *host == '/';
	if (crun)
		target = host;
	source = path_join(dir, NOTIFY_DIR);
	if (!source || asprintf(&assignment, "NOTIFY_SOCKET=%s/notify%s", target, crun ? "" : ".sock") < 0)
		return err_oom(e);
	r = add_mount(s, source, target, e);
	if (r == 0)
		r = strv_env_set(&s->process.env, assignment, e);
	return r < 0 ? r : 1;
}

int oci_notify_make_dir(int dirfd, struct err *e)
{
	/* May be there already: of a create that was killed. Whoever runs inside may look for the socket. */
	if ((mkdirat(dirfd, NOTIFY_DIR, 0755) < 0 && errno != EEXIST) || fchmodat(dirfd, NOTIFY_DIR, 0755, 0) < 0)
		return err_set(e, -errno, "create the folder of NOTIFY_SOCKET");
	return 0;
}

/* --- listening ---------------------------------------------------------------------------------------------------------- */

void oci_notify_done(struct oci_notify *n)
{
	n->fd = fd_close(n->fd);
}

int oci_notify_listen(struct oci_notify *n, const struct spec *s, int dirfd, const struct log *log, struct err *e)
{
	const char *inside = strv_env_get(&s->process.env, "NOTIFY_SOCKET"), *name;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -EBADF;
	char path[64];

	*n = (struct oci_notify){ .fd = -EBADF, .host = getenv("NOTIFY_SOCKET"), .log = log };
	if (isempty(n->host))
		return 0;
	name = inside ? strrchr(inside, '/') : NULL;
	if (!name || !file_exists(dirfd, NOTIFY_DIR)) {
		log_debug(log, "NOTIFY_SOCKET: the container was created without it");
		return 0;
	}
	snprintf(path, sizeof(path), NOTIFY_DIR "%s", name);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/%s", dirfd, path);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "make a socket");
	unlinkat(dirfd, path, 0);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 || fchmodat(dirfd, path, 0777, 0) < 0)
		return err_set(e, -errno, "bind the container's NOTIFY_SOCKET");
	n->fd = TAKE_FD(fd);
	return 0;
}

static bool says_ready(const char *text)
{
	static const char ready[] = "READY=1";

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (startswith(text, ready) && (text[strlen(ready)] == '\n' || !text[strlen(ready)]))
			return true;
	}
	return false;
}

/* The manager looks up who sent a message when it reads it: we stay until then, or it would know nobody of our pid. The end
 * of the pipe that it closes is its answer. */
static void barrier(int sock, const struct sockaddr_un *addr, unsigned len)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, text[] = "BARRIER=1";
	struct iovec iov = { text, strlen(text) };
	struct msghdr msg = {
		.msg_name = (void *)addr,
		.msg_namelen = len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct pollfd p = { .events = 0 };
	int pair[2];
	ssize_t n;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return;
	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), &pair[1], sizeof(int));
	n = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	fd_close(pair[1]);
	p.fd = pair[0];
	if (n >= 0)
		(void)poll(&p, 1, BARRIER_TIMEOUT_MS);
	fd_close(pair[0]);
}

/* A manager that has gone is no failure of the container's. */
static void tell(const struct oci_notify *n, pid_t main_pid, bool wait)
{
	_cleanup_close_ int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), at = -EBADF;
	char main_is[32], ready[] = "READY=1";
	struct sockaddr_un addr;
	struct err e = { 0 };
	unsigned len;

	snprintf(main_is, sizeof(main_is), "MAINPID=%d", main_pid);
	if (sock < 0 || oci_address(n->host, &addr, &len, &at, &e) < 0) {
		log_debug(n->log, "NOTIFY_SOCKET: %s", sock < 0 ? "no socket" : e.msg);
		return;
	}
	if (sendto(sock, ready, strlen(ready), MSG_NOSIGNAL, (struct sockaddr *)&addr, len) < 0 ||
	    sendto(sock, main_is, strlen(main_is), MSG_NOSIGNAL, (struct sockaddr *)&addr, len) < 0) {
		log_debug(n->log, "NOTIFY_SOCKET %s: %m", n->host);
		return;
	}
	log_debug(n->log, "told %s that the container is ready, %s", n->host, main_is);
	if (wait)
		barrier(sock, &addr, len);
}

void oci_notify_take(struct oci_notify *n, pid_t main_pid, bool wait)
{
	char text[NOTIFY_MAX + 1];
	ssize_t len;

	/* What else it says is read, too: its queue is short, and who finds it full waits. Fds that come along are closed by
	 * the kernel, which is what a sender that waits at a barrier waits for. */
	while ((len = recv(n->fd, text, sizeof(text) - 1, MSG_DONTWAIT)) >= 0) {
		text[len] = '\0';
		if (n->told || !says_ready(text))
			continue;
		n->told = true;
		tell(n, main_pid, wait);
	}
}

void oci_notify_wait(struct oci_notify *n, const struct record *rec)
{
	struct pollfd p[] = { { .fd = n->fd, .events = POLLIN }, { .events = POLLIN } };

	if (n->fd < 0)
		return;
	p[1].fd = proc_open(rec->pid, rec->pid_start);
	while (!n->told) {
		if (poll(p, ARRAY_SIZE(p), p[1].fd < 0 ? 0 : -1) < 0 && errno != EINTR)
			break;
		oci_notify_take(n, rec->pid, true);
		if (p[1].fd < 0 || p[1].revents)
			break;
	}
	fd_close(p[1].fd);
}
