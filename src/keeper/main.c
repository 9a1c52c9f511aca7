/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * creel-keeper ID CREEL CTL-FD LISTEN-FD: the program around the loop. The runtime has forked us, made the container's
 * first process our child, and tells us of it over CTL-FD. When init has gone we start CREEL to clean up (or, after a
 * reboot from inside, to start again), and leave when there is nothing left to keep.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/inner.h"

/* The runtime that began the last life has gone, and its end of the control socket with it: the helper gets a new one. */
static pid_t start_helper(struct keeper *k, const char *creel, const char *id, int status)
{
	char code[16], ctl[16];
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (k->ctl >= 0)
		close(k->ctl);
	k->ctl = pair[0];
	snprintf(code, sizeof(code), "%d", status);
	snprintf(ctl, sizeof(ctl), "%d", pair[1]);
	pid = fork();
	if (pid == 0) {
		char *argv[] = { (char *)"creel", (char *)"keeper-exit", (char *)id, code, ctl, NULL };

		fcntl(pair[1], F_SETFD, 0);
		keeper_exec(creel, argv);
	}
	close(pair[1]);
	return pid;
}

int main(int argc, char **argv)
{
	static struct keeper k;
	int null, status;

	if (argc != 5)
		return 2;
	keeper_init(&k);
	k.ctl = (int)strtol(argv[3], NULL, 10);
	k.listen = (int)strtol(argv[4], NULL, 10);
	k.id = argv[1];
	k.creel = argv[2];
	fcntl(k.ctl, F_SETFD, FD_CLOEXEC);
	fcntl(k.listen, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_DUMPABLE, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	if (null > 2)
		close(null);
	if (chdir("/") < 0 || keeper_signals(&k) < 0)
		return 1;
	/* Children that died before the signals were ours. */
	kill(getpid(), SIGCHLD);
	do {
		status = keeper_run(&k);
		/* The start failed: its runtime has cleaned up itself. */
		if (!k.generation)
			break;
		if (keeper_hand_over(&k))
			break;
		k.helper = start_helper(&k, argv[2], argv[1], status);
	} while (k.helper > 0 && keeper_wait_helper(&k));
	keeper_finish(&k);
	return 0;
}
