/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * File descriptors: closing, reading and writing whole things, passing them over sockets.
 * An empty fd is -EBADF. Every fd made here is O_CLOEXEC.
 */

#include <errno.h>
#include <sys/types.h>

#include "base/err.h"

/* Keeps errno; accepts any negative value. Returns -EBADF. */
int fd_close(int fd);

static inline void closep(int *fd)
{
	fd_close(*fd);
}
#define _cleanup_close_ _cleanup_(closep)

void fds_close_many(int *fds, size_t n);

/* Writes all of it, over short writes and EINTR. 0 or -errno. */
int fd_write_all(int fd, const void *data, size_t len);
/* Reads until LEN or end of file. Bytes read, or -errno. */
ssize_t fd_read_full(int fd, void *data, size_t len);

/* Sends/receives one SOCK_SEQPACKET message with up to 16 fds. recv: *RET_NFDS in: room, out: how many came; received
 * fds are O_CLOEXEC and the caller's. Returns bytes (0: the peer has closed), or -errno. -EMSGSIZE on truncation. */
#define FD_PASS_MAX 16
ssize_t fd_send(int sock, const void *data, size_t len, const int *fds, size_t nfds);
ssize_t fd_recv(int sock, void *data, size_t len, int *ret_fds, size_t *ret_nfds);

int fd_set_nonblock(int fd, bool on);
int fd_set_cloexec(int fd, bool on);

/* "/proc/self/fd/N", for the few calls that take no fd. */
#define FD_PATH_MAX 32
const char *fd_path(int fd, char buf[static FD_PATH_MAX]);
