/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/kept.h"

#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "runtime/keeper_proto.h"
#include "runtime/relay.h"

static int take_text(int fd, struct buf *out, struct err *e)
{
	char chunk[4096];
	ssize_t n;

	while ((n = fd_read_full(fd, chunk, sizeof(chunk))) > 0)
		buf_add(out, chunk, (size_t)n);
	return n < 0 ? err_set(e, (int)n, "read what the console showed") : buf_error(out, e);
}

/* *RET_FD: what came with the answer, or -EBADF. */
static int ask_keeper(struct container *c, const void *q, size_t len, int *ret_fd, struct err *e)
{
	_cleanup_close_ int dirfd = -EBADF, sock = -EBADF;
	struct keeper_rep rep = { 0 };
	int fd[1], r = container_refresh(c, e);
	size_t n = 1;
	ssize_t x;

	if (r < 0)
		return r;
	if (c->rec.state == RUN_STOPPED)
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	dirfd = record_open_dir(c->id, false, e);
	if (dirfd < 0)
		return dirfd;
	sock = keeper_connect(dirfd, e);
	if (sock < 0)
		return sock;
	x = fd_send(sock, q, len, NULL, 0);
	if (x >= 0)
		x = fd_recv(sock, &rep, sizeof(rep), fd, &n);
	if (x < 0)
		return err_set(e, (int)x, "ask the keeper");
	if (x != (ssize_t)sizeof(rep))
		return err_kind(e, ERR_STATE, -EPIPE, "the keeper hung up");
	*ret_fd = n ? fd[0] : -EBADF;
	return rep.ret < 0 ? err_set(e, rep.ret, "the keeper says no") : 0;
}

int container_seccomp_listener(struct container *c, int *ret_fd, struct err *e)
{
	const struct keeper_req q = { .type = KR_SECCOMP };
	_cleanup_close_ int fd = -EBADF;
	int r = ask_keeper(c, &q, sizeof(q), &fd, e);

	if (r == -EBADF || (r == 0 && fd < 0))
		return err_kind(e, ERR_NOT_FOUND, -EBADF, "its seccomp policy has no rule that notifies");
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

int container_console_log(struct container *c, bool read, bool clear, uint64_t max, struct buf *out, struct err *e)
{
	struct keeper_log_req q = {
		.head = { .type = KR_LOG, .arg = (read ? KEEPER_LOG_READ : 0) | (clear ? KEEPER_LOG_CLEAR : 0) },
		.max = max,
	};
	_cleanup_close_ int file = -EBADF;
	int r = ask_keeper(c, &q, sizeof(q), &file, e);

	if (r == -EFAULT)
		return err_kind(e, ERR_NOT_FOUND, -EFAULT, "nothing is kept of the console (lxc.console.buffer.size)");
	if (r == -ENODATA)
		return err_kind(e, ERR_NOT_FOUND, -ENODATA, "the console has shown nothing");
	if (r < 0)
		return r;
	return file < 0 ? 0 : take_text(file, out, e);
}
