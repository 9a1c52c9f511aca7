/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What runtime, keeper and clients say to each other. Numbers are frozen: keepers outlive upgrades. Native byte order,
 * one SOCK_SEQPACKET message each. No dependency: the keeper is built without our libraries.
 */

#include <stdint.h>

/* runtime → keeper, over the inherited control socket. Only KM_GO is answered (by KM_ACK): from then on the keeper
 * owns the container. */
enum keeper_msg_type {
	KM_INIT = 1, /* pid of init; fd: its pidfd. Begins a new life: what was kept of the last one is dropped */
	KM_PTYS = 2, /* fds: pty masters; n of them, flags bit 0: the first one is the console */
	KM_LOG = 3, /* fd: console log; max: size in bytes, 0 unlimited; flags bit 0: rotate to PATH.1, else truncate */
	KM_PEER = 4, /* fd: the device that lxc.console.path names: relayed to and from the console */
	KM_GO = 5,
	KM_ACK = 6,    /* keeper → runtime */
	KM_LISTEN = 7, /* fd: the socket for clients, in place of the last life's */
	KM_NS = 8,     /* fds: name spaces to hold for the hooks of the end; none: let those go */
	KM_RING = 9,   /* max: how many bytes of what the console showed are kept in memory */
	/* fds: the keeper's ends of init's streams where it has no terminal, in the order of flags: KEEPER_IN (written to),
	 * KEEPER_OUT, KEEPER_ERR; KEEPER_ONCE: its input ends with the first client that ends his */
	KM_STREAMS = 10,
	/* fd: a log of lines, a JSON object each (Docker's json-file); max: size in bytes at which it is PATH.1, 0 unlimited;
	 * n: how many files there are, flags and pid unused */
	KM_LINES = 11,
	KM_CLIENT = 12, /* fd: a client of before the start, as if he had said KR_ATTACH; flags: what to */
	KM_PROBE = 13,	/* max: nanoseconds until CREEL keeper-probe ID is run, again and again; 0: no more */
	/* fd: listener of init's seccomp policy, kept until the next life; pid: who answers there, 0: nobody yet. When he has
	 * gone it is closed, so that calls fail instead of waiting for ever. */
	KM_SECCOMP = 14,
	/* fd: a listening stream socket of LXC's command protocol, for all lives; who connects is served by CREEL keeper-command
	 * ID FD, FD being the connection */
	KM_COMMANDS = 15,
};

/* KEEPER_ENDS: of a client: he sees to the end of this life himself, see KR_ENDED. */
enum { KEEPER_IN = 1, KEEPER_OUT = 2, KEEPER_ERR = 4, KEEPER_ONCE = 8, KEEPER_ENDS = 16 };

struct keeper_msg {
	uint32_t type;
	int32_t pid;
	uint32_t n, flags;
	uint64_t max;
	char path[256];
};

/* client → keeper, over <run dir>/sock. The peer must be root or the keeper's own user. */
enum keeper_req_type {
	KR_TTY = 1, /* arg: terminal 1…n, or -1 first free. Reply value: which; fd: its master. Busy until hang-up */
	KR_CONSOLE = 2, /* reply 0; then KR_DATA both ways until hang-up; several may watch, all may type */
	KR_DATA = 3,	/* bytes follow the header */
	KR_WINSIZE = 4, /* arg: rows << 16 | columns of the console */
	KR_PING = 5,	/* reply value: pid of init */
	/* What KM_RING kept; keeper_log_req. Reply -EFAULT: nothing is, -ENODATA: it is empty; else fd: a file with the text,
	 * oldest first. What was read is forgotten, and with KEEPER_LOG_CLEAR all of it. */
	KR_LOG = 6,
	/* arg: KEEPER_IN | KEEPER_OUT | KEEPER_ERR. Reply 0, then KR_DATA both ways, that to the client with the stream (1, 2;
	 * a terminal's is 1) in arg. Nothing is lost: who does not read holds the container up. Ends with this life. */
	KR_ATTACH = 7,
	KR_END = 8,	 /* of KR_ATTACH: no more input from this client */
	KR_PROBE = 9,	 /* arg: milliseconds until the next keeper-probe */
	KR_SECCOMP = 10, /* reply 0; fd: what KM_SECCOMP brought. -EBADF: nothing */
	/* keeper → client with KEEPER_ENDS, after all output: keeper_ended. He cleans up and says KR_ENDED: the keeper leaves. When
	 * he goes without, or takes KEEPER_ENDS_MS, it starts keeper-exit as ever. */
	KR_ENDED = 11,
};

struct keeper_req {
	uint32_t type;
	int32_t arg;
};

enum { KEEPER_LOG_READ = 1, KEEPER_LOG_CLEAR = 2 }; /* arg of KR_LOG */

struct keeper_log_req {
	struct keeper_req head;
	uint64_t max; /* at most so many bytes; 0: all */
};

struct keeper_ended {
	struct keeper_req head; /* arg: init's wait status */
	int32_t keeper;
};

struct keeper_rep {
	int32_t ret; /* 0 or a negative errno */
	int32_t value;
};

#define KEEPER_DATA_MAX 4096
#define KEEPER_ENDS_MS	2000
