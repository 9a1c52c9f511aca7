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
#define KEEPER_CLIENTS 16
#define KEEPER_NS      8

enum keeper_client_kind { KC_NONE, KC_NEW, KC_TTY, KC_CONSOLE };

struct keeper_client {
	int fd;
	enum keeper_client_kind kind;
	int tty;
};

struct keeper {
	int ctl;    /* -1: none (foreground, before the control socket is there) */
	int listen; /* -1: none */
	int sigfd;
	pid_t init;
	int init_status; /* wait status, valid once init == 0 */
	int init_fd;
	pid_t helper;	   /* the runtime that cleans up, 0: none */
	int console;	   /* master, -1 */
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
};

void keeper_init(struct keeper *k);

/* Blocks the signals the loop takes by signalfd. 0 or -errno. */
int keeper_signals(struct keeper *k);

/* Serves until init has been reaped and its console is drained. Returns init's wait status. */
int keeper_run(struct keeper *k);

/* Serves until the helper has been reaped or a new KM_INIT came. 1: a new life, 0: it is over. */
int keeper_wait_helper(struct keeper *k);

/* Takes what the runtime says. In the foreground it is called directly. 0 or -errno. */
struct keeper_msg;
int keeper_take(struct keeper *k, const struct keeper_msg *m, const int *fds, unsigned n);

void keeper_winsize(struct keeper *k); /* copies the terminal's size to the console */
