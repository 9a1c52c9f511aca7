/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * creel-init [OPTION…] -- COMMAND [ARGUMENT…]: pid 1 of an application container. Runs the command as its child,
 * passes signals on to it, reaps what is left to pid 1, and exits with the command's status (128 + signal when killed).
 * Also installed as init.lxc; the options of that (-n, -q, -P, -o, -l with their values) are accepted and mean nothing.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int command_index(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1;
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--usage") == 0) {
			puts("Usage: init.lxc [--name NAME] [--quiet] [--lxcpath PATH] -- COMMAND [ARGUMENT...]");
			exit(0);
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("6.0.4"); /* as LXC's init.lxc; cli.h has the same */
			exit(0);
		}
		if (argv[i][0] != '-')
			return i;
		if (argv[i][1] && strchr("nPol", argv[i][1]) && !argv[i][2])
			i++;
	}
	return i;
}

static pid_t start(char **argv, const sigset_t *old)
{
	pid_t pid = fork();

	if (pid == 0) {
		/* A group of its own, in front of the terminal where there is one; SIGTTOU is still blocked here. */
		setpgid(0, 0);
		if (isatty(0))
			tcsetpgrp(0, getpid());
		sigprocmask(SIG_SETMASK, old, NULL);
		execvp(argv[0], argv);
		dprintf(2, "init.lxc: cannot execute %s: %m\n", argv[0]);
		_exit(errno == ENOENT ? 127 : 126);
	}
	return pid;
}

int main(int argc, char **argv)
{
	int at = command_index(argc, argv), result = 0;
	sigset_t all, old;
	pid_t child;

	if (at >= argc) {
		dprintf(2, "init.lxc: no command given\n");
		return 1;
	}
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	child = start(argv + at, &old);
	if (child < 0) {
		dprintf(2, "init.lxc: cannot fork: %m\n");
		return 1;
	}
	for (;;) {
		int sig = sigwaitinfo(&all, NULL), status;
		pid_t pid;

		if (sig > 0 && sig != SIGCHLD) {
			/* A power failure means: go down in order. */
			kill(child, sig == SIGPWR ? SIGTERM : sig);
			continue;
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == child) {
				result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
				/* The others of this container go with pid 1. */
				return result;
			}
		if (pid < 0 && errno == ECHILD)
			return result;
	}
}
