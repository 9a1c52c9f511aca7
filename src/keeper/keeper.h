/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The keeper: stays with one container. It holds the pty masters, so that nothing is lost when every other process of
 * ours is killed or replaced; writes the console log; hands terminals to clients; reaps, and remembers init's status.
 *
 * Built twice: statically without our libraries as creel-keeper (one process a container, so its pages count), and into
 * creel for a start in the foreground. It allocates nothing (a console buffer that is asked for is mapped once) and changes nothing on the host: the clean-up is done by
 * the runtime, which the program starts when init has gone.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KEEPER_TTYS    64
#define KEEPER_CLIENTS 32 /* bits of keeper_streams.owed */
#define KEEPER_NS      8
#define KEEPER_LINE    16384 /* longer ones are several in the log */

enum keeper_client_kind { KC_NONE, KC_NEW, KC_TTY, KC_CONSOLE, KC_STREAMS };

struct keeper_client {
	int fd;
	enum keeper_client_kind kind;
	int tty; /* of KC_STREAMS: KEEPER_IN … */
};

/* One output of the container, a terminal being the first. */
struct keeper_output {
	int fd; /* -1; the terminal's is keeper.console */
	size_t used;
};

/* Streams without a terminal, the log of lines, and clients that lose nothing. */
struct keeper_streams {
	struct keeper_output out[2];
	int in; /* what the container reads, -1 */
	int once;
	int ending; /* init has gone: what is there still is passed on, then the clients are let go */

	int lines; /* log, -1 */
	uint64_t lines_size, lines_max;
	unsigned lines_files;
	char lines_path[256];

	uint32_t owed; /* what is held is not yet taken by these clients (a bit each): nothing more is read before */
	size_t held_len, text_used;
	size_t typed_at, typed_len; /* from a client, and not yet read by the container */
	int typed_end;		    /* … and that is its end */

	/* Never cleared: pages that nobody writes to cost nothing. */
	char held[8 + 4096], typed[4096];
	char line[2][KEEPER_LINE]; /* what has come of a line of each output */
	char text[6 * KEEPER_LINE + 4096];
};

struct keeper {
	int ctl;      /* -1: none (foreground, before the control socket is there) */
	int listen;   /* -1: none */
	int commands; /* where programs of LXC's library ask, -1 */
	int sigfd;
	pid_t init;
	int init_status; /* wait status, valid once init == 0 */
	int init_fd;
	pid_t helper;	   /* the runtime that cleans up, 0: none */
	int console;	   /* master, -1 */
	int console_peer;  /* its other end, while init lives: one that nobody has open could not be waited for, -1 */
	int seccomp;	   /* listener, -1 */
	pid_t proxy;	   /* who answers there, 0: nobody that we know of */
	int ns[KEEPER_NS]; /* held until the runtime says so, or the next life */
	unsigned n_ns;
	int ttys[KEEPER_TTYS];
	unsigned n_ttys;
	int log;
	uint64_t log_size, log_max;
	int log_rotate;
	char log_path[256];
	char *ring; /* the last that the console showed: ring_size bytes, ring_used of them from ring_at on. NULL: none */
	size_t ring_size, ring_at, ring_used;
	int in, out; /* foreground: the caller's terminal; or the peer device. -1 */
	int escape_raw;
	struct keeper_client clients[KEEPER_CLIENTS];
	unsigned generation; /* counts KM_INIT */

	int seen_to;	  /* a client has cleaned up */
	uint64_t ends_at; /* until when it may take him, 0: nobody is at it */

	const char *id, *creel; /* for what it starts: the container, and the program by its path */
	pid_t probe;
	uint64_t probe_every, probe_at; /* ns of the monotonic clock, 0: never */

	struct keeper_streams s; /* the last */
};

void keeper_init(struct keeper *k);

/* Blocks the signals the loop takes by signalfd. 0 or -errno. */
int keeper_signals(struct keeper *k);

/* Serves until init has been reaped and its console is drained. Returns init's wait status. */
int keeper_run(struct keeper *k);

/* After keeper_run(): a client that sees to the end of this life does so. 1: it is done, 0: nobody has. */
int keeper_hand_over(struct keeper *k);

/* Serves until the helper has been reaped or a new KM_INIT came. 1: a new life, 0: it is over. */
int keeper_wait_helper(struct keeper *k);

/* Takes what the runtime says. In the foreground it is called directly. 0 or -errno. */
struct keeper_msg;
int keeper_take(struct keeper *k, const struct keeper_msg *m, const int *fds, unsigned n);

/* Serves until the last client has what is his. */
void keeper_finish(struct keeper *k);

void keeper_winsize(struct keeper *k); /* copies the terminal's size to the console */
