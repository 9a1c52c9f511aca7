/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of the keeper. */

#include "keeper/keeper.h"

/* Pieces of output that are read at a life's end before anything else is done: more than a pipe holds. Who shares its process
 * ids with others leaves processes that go on talking, until the clean-up kills them. */
#define KEEPER_DRAIN 1024

struct keeper_msg;
void keeper_close(int *fd);
void keeper_write_all(int fd, const char *p, size_t len);
void keeper_drop(struct keeper_client *c);
void keeper_reply(struct keeper_client *c, int ret, int value, int pass);
/* Who is connected there is root or our own user. *RET_PID: his process, as we count them. */
int keeper_trusts(int fd, pid_t *ret_pid);
/* In a child: becomes CREEL, with signals as a program expects them. */
void keeper_exec(const char *creel, char *const argv[]) __attribute__((noreturn));
void keeper_refuse(int fd); /* one client too many: it is told, and FD is closed */

/* streams.c */
void streams_init(struct keeper_streams *s);
void streams_done(struct keeper_streams *s); /* the last life's */
int streams_take(struct keeper *k, const struct keeper_msg *m, const int *fds, unsigned n);
void streams_lines(struct keeper *k, int stream, const char *p, size_t n); /* into the log of lines */
void streams_out(struct keeper *k, int stream, const char *p, size_t n);   /* to the clients */
void streams_type(struct keeper *k, const struct keeper_client *c, const char *p, size_t n);
void streams_input_ended(struct keeper *k, const struct keeper_client *c);
void streams_attach(struct keeper *k, struct keeper_client *c, int what);
/* Polling. HELD: nothing may be read from the container now; FULL: nothing from clients. */
int streams_held(const struct keeper *k);
int streams_full(const struct keeper *k);
void streams_flush(struct keeper *k);
void streams_typed(struct keeper *k);
int streams_read(struct keeper *k, int i); /* output I. 1: something, 0: nothing now, -1: its end */
void streams_ended(struct keeper *k);	   /* init has gone */
int streams_hand_over(struct keeper *k, struct keeper_client *c); /* KR_ENDED to C. 1: he has it */

/* commands.c */
void commands_accept(struct keeper *k);

/* probe.c */
void probe_set(struct keeper *k, uint64_t ns);
int probe_timeout(const struct keeper *k); /* ms until it is due, -1 */
int keeper_ms_until(uint64_t ns);	   /* of the monotonic clock, 0: never, -1 */
uint64_t keeper_now(void);
void probe_run(struct keeper *k); /* where it is due */
