/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A child that does one thing where its parent must not be (in a name space, as somebody else), and answers with an error
 * or a descriptor. It is killed with its parent's thread, and ends when its parent lets it go.
 *
 *	struct errand h;
 *	int r = errand_start(&h, fn, arg, e);
 *	if (r == 0)
 *		r = errand_answer(&h, NULL, "the process in the container", e);
 *	errand_end(&h);
 */

#include <sys/types.h>

#include "base/err.h"

struct errand {
	pid_t pid; /* 0: none */
	int sock;  /* SOCK_SEQPACKET; for what is said before the answer */
};

/*
 * Forks a child that calls FN and answers. FN gets the child's end of the socket; it returns 0 or a negative errno, and may
 * give a descriptor away by *RET_FD. 0 in the parent; on failure H is as after errand_end().
 */
int errand_start(struct errand *h, int (*fn)(int sock, int *ret_fd, void *arg, struct err *e), void *arg,
		 struct err *e);

/* Waits for the one byte that FN sends when it is so far. False when it ends without: errand_answer() says why. */
bool errand_word(struct errand *h);

/*
 * Waits for the answer. 0, or FN's error; ERR_STATE and -ECHILD when the child, which messages call WHAT, is gone without
 * one. RET_FD, where not NULL: what FN gave, the caller's, or -EBADF.
 */
int errand_answer(struct errand *h, int *ret_fd, const char *what, struct err *e);

/* Lets the child end and waits for that. May be called again, and for what was never started. */
void errand_end(struct errand *h);
