/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The keeper between a runtime and clients that say anything. Input: packets, each a byte of destination (control
 * socket, one of two clients, console; how many fds come along) and a byte of length, then that many bytes. Whatever
 * comes, the keeper ends when the runtime hangs up without a container, and no fd of it is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "keeper/inner.h"
#include "runtime/keeper_proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LIMIT 512

static int spare[3]; /* what is sent along: harmless ones */

static void prepare(void)
{
	int slave;

	if (spare[0])
		return;
	spare[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (openpty(&spare[1], &slave, NULL, NULL, NULL) < 0)
		spare[1] = dup(spare[0]);
	spare[2] = dup(spare[0]);
}

/* A message's path and pid are not for the fuzzer: they would be a file and a process of this machine. */
static void defuse(uint8_t *packet, size_t len)
{
	struct keeper_msg m;

	if (len < sizeof(m))
		return;
	memcpy(&m, packet, sizeof(m));
	memset(m.path, 0, sizeof(m.path));
	m.pid = m.pid & 1 ? 0 : -1;
	memcpy(packet, &m, sizeof(m));
}

static void feed(struct keeper *k, const uint8_t *data, size_t size)
{
	while (size >= 2) {
		struct keeper_msg m = { 0 };
		uint8_t packet[sizeof(m) + 64] = { 0 };
		size_t take = data[1], fds = (data[0] >> 2) & 3;
		int passed[3];

		data += 2;
		size -= 2;
		if (take > size)
			take = size;
		memcpy(packet, data, take);
		data += take;
		size -= take;
		defuse(packet, sizeof(m));
		memcpy(&m, packet, sizeof(m));
		for (size_t i = 0; i < fds; i++)
			passed[i] = fcntl(spare[i % 2], F_DUPFD_CLOEXEC, 3);
		if (keeper_take(k, &m, passed, (unsigned)fds) < 0)
			fds_close_many(passed, fds);
		if (k->n_ttys > KEEPER_TTYS)
			abort();
	}
}

static void drop(struct keeper *k)
{
	fd_close(k->ctl);
	fd_close(k->listen);
	fd_close(k->commands);
	fd_close(k->seccomp);
	fd_close(k->sigfd);
	fd_close(k->init_fd);
	fd_close(k->console);
	fd_close(k->console_peer);
	fd_close(k->log);
	fd_close(k->out);
	streams_done(&k->s);
	fd_close(k->s.lines);
	for (unsigned i = 0; i < k->n_ttys; i++)
		fd_close(k->ttys[i]);
	for (unsigned i = 0; i < k->n_ns; i++)
		fd_close(k->ns[i]);
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		fd_close(k->clients[i].fd);
	if (k->ring)
		munmap(k->ring, k->ring_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keeper k;
	int pair[2], client[2], before, after;
	const uint8_t *p = data;

	prepare();
	if (size > LIMIT)
		size = LIMIT;
	before = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(before);
	/* First what the runtime says, straight into the function … */
	keeper_init(&k);
	feed(&k, data, size);
	drop(&k);
	/* … then over the sockets, into the loop, which ends when the control socket does. */
	keeper_init(&k);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, client) < 0) {
		close(pair[0]);
		close(pair[1]);
		return 0;
	}
	k.ctl = pair[0];
	k.clients[0] = (struct keeper_client){ .fd = client[0], .kind = KC_NEW };
	for (size_t left = size; left >= 2;) {
		uint8_t packet[sizeof(struct keeper_msg) + 64] = { 0 };
		size_t take = p[1] > left - 2 ? left - 2 : p[1], fds = (p[0] >> 2) & 3;
		int to = p[0] & 1 ? client[1] : pair[1];

		memcpy(packet, p + 2, take);
		/* Mostly of the right length, so that more than the length check is tried. */
		if (!(p[0] & 1) && p[0] & 2)
			take = sizeof(struct keeper_msg);
		defuse(packet, take);
		(void)fd_send(to, packet, take ?: 1, spare, fds);
		left -= 2 + (p[1] > left - 2 ? left - 2 : p[1]);
		p = data + (size - left);
	}
	close(client[1]);
	close(pair[1]);
	/* A new life would be waited for: one that was never taken over is none. */
	if (keeper_run(&k) != 0)
		abort();
	drop(&k);
	after = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(after);
	if (after != before)
		abort();
	return 0;
}
