/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The terminal and the signals of a command whose streams are a container's. Signals are written into a pipe by a handler,
 * which is gone in whatever is executed (a blocked signal would be inherited), and a thread passes them on by an engine of
 * its own, while the command itself sits in docker_attach().
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/docker/dcli.h"

struct streams {
	struct streams_opts o;
	struct termios was;
	bool is_raw, has_thread, running;
	pthread_t thread;
	int pipe[2];
};

/* The handler's end; one command has one container. */
static int signal_pipe = -1;

static void handler(int sig)
{
	unsigned char byte = (unsigned char)sig;
	int saved = errno;

	(void)!write(signal_pipe, &byte, 1);
	errno = saved;
}

static bool passed_on(int sig)
{
	static const int not [] = { SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGURG, SIGWINCH, SIGSEGV, SIGBUS,
				    SIGFPE,  SIGILL,  SIGTRAP, SIGABRT, SIGSYS, SIGTTIN,  SIGTTOU, SIGTSTP };

	for (size_t i = 0; i < ARRAY_SIZE(not ); i++)
		if (sig == not [i])
			return false;
	return sig < SIGSYS;
}

static void resize(struct streams *s, struct docker *d)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) < 0)
		return;
	if (s->o.exec)
		(void)docker_exec_resize(d, s->o.exec, ws.ws_row, ws.ws_col, NULL);
	else
		(void)docker_resize(d, s->o.id, ws.ws_row, ws.ws_col, NULL);
}

static void pass_on(struct streams *s, struct docker *d, int sig)
{
	char name[16];

	if (sig == SIGWINCH) {
		if (s->o.tty)
			resize(s, d);
		return;
	}
	snprintf(name, sizeof(name), "%d", sig);
	if (s->o.id)
		(void)docker_kill(d, s->o.id, name, NULL);
}

static void *serve(void *arg)
{
	struct streams *s = arg;
	_cleanup_(docker_freep) struct docker *d = NULL;
	unsigned char sig;

	while (read(s->pipe[0], &sig, 1) == 1 && sig != 0) {
		if (!d && dk_open(s->o.cli, &d, NULL) < 0)
			continue;
		pass_on(s, d, sig);
	}
	return NULL;
}

static int raw_mode(struct streams *s, struct err *e)
{
	struct termios raw;

	if (!isatty(STDIN_FILENO))
		return 0;
	if (tcgetattr(STDIN_FILENO, &s->was) < 0)
		return err_set(e, -errno, "read the terminal's settings");
	raw = s->was;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return err_set(e, -errno, "change the terminal's settings");
	s->is_raw = true;
	return 0;
}

/* What comes before the thread does waits in the pipe: a start is a fork, and of one thread that is cheaper. */
static int listen_for_signals(struct streams *s, struct err *e)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	if (pipe2(s->pipe, O_CLOEXEC) < 0)
		return err_set(e, -errno, "make a pipe");
	signal_pipe = s->pipe[1];
	sigfillset(&sa.sa_mask);
	if (s->o.tty)
		sigaction(SIGWINCH, &sa, NULL);
	for (int sig = 1; s->o.proxy && sig < SIGSYS; sig++)
		if (passed_on(sig))
			sigaction(sig, &sa, NULL);
	return 0;
}

int streams_begin(const struct streams_opts *o, struct streams **ret, struct err *e)
{
	struct streams *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return err_oom(e);
	s->o = *o;
	s->pipe[0] = s->pipe[1] = -EBADF;
	if (o->tty || o->proxy)
		r = listen_for_signals(s, e);
	if (r >= 0 && o->raw)
		r = raw_mode(s, e);
	if (r < 0) {
		streams_end(s);
		return r;
	}
	*ret = s;
	return 0;
}

void streams_started(struct streams *s)
{
	s->has_thread = signal_pipe >= 0 && !s->has_thread && pthread_create(&s->thread, NULL, serve, s) == 0;
	if (s->o.tty)
		resize(s, s->o.docker);
}

struct streams *streams_end(struct streams *s)
{
	unsigned char end = 0;

	if (!s)
		return NULL;
	if (s->is_raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->was);
	for (int sig = 1; signal_pipe >= 0 && sig < SIGSYS; sig++)
		if (passed_on(sig) || sig == SIGWINCH)
			signal(sig, SIG_DFL);
	if (s->has_thread && write(s->pipe[1], &end, 1) == 1)
		pthread_join(s->thread, NULL);
	signal_pipe = -1;
	fd_close(s->pipe[0]);
	fd_close(s->pipe[1]);
	free(s);
	return NULL;
}
