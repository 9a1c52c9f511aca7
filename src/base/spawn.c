/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"

#define OUTPUT_MAX (1u << 20)

extern char **environ;

char *spawn_find(const char *name)
{
	static const char *const dirs[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					    "/usr/bin",	       "/sbin",		 "/bin" };

	if (strchr(name, '/'))
		return access(name, X_OK) == 0 ? strdup(name) : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_free_ char *p = path_join(dirs[i], name);

		if (p && access(p, X_OK) == 0)
			return TAKE_PTR(p);
	}
	return NULL;
}

static int cmp_int(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

/* Closes all above 2 except the few to keep. Runs between fork and exec. */
static void close_others(const struct spawn *s, int status_fd)
{
	int keep[FD_PASS_MAX + 1];
	unsigned from = 3;
	size_t n = 0;

	for (size_t i = 0; i < s->n_keep_fds && n < FD_PASS_MAX; i++) {
		keep[n++] = s->keep_fds[i];
		fd_set_cloexec(s->keep_fds[i], false);
	}
	keep[n++] = status_fd;
	qsort(keep, n, sizeof(int), cmp_int);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if (keep[i] > (int)from)
			syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0);
		from = (unsigned)keep[i] + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
}

/* Where they cannot be given up, a user who mapped none but himself has no more by them than before. */
static int drop_groups(void)
{
	return setgroups(0, NULL) < 0 && errno != EPERM ? -1 : 0;
}

static _noreturn_ void child(const struct spawn *s, const char *path, int in, int out, int err, int status_fd,
			     pid_t parent)
{
	sigset_t none;
	int r;

	/* A change of ids forgets what follows. */
	if (s->userns_fd > 0 && (setns(s->userns_fd, CLONE_NEWUSER) < 0 || setresgid(0, 0, 0) < 0 ||
				 setresuid(0, 0, 0) < 0 || drop_groups() < 0))
		goto fail;
	if (s->detach)
		setsid();
	else if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() != parent)
		_exit(127);
	for (int sig = 1; sig < SIGRTMAX; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!s->inherit_stdio && (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0))
		goto fail;
	close_others(s, status_fd);
	if (s->cwd && chdir(s->cwd) < 0)
		goto fail;
	execve(path, s->argv, s->envp ?: environ);
fail:
	r = -errno;
	(void)fd_write_all(status_fd, &r, sizeof(r));
	_exit(127);
}

/* A sealed-enough place for the text: a pipe could block on long input. */
static int input_fd(const char *text, struct err *e)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0) {
		fd_close(fd);
		return err_set(e, -errno, "prepare standard input");
	}
	return fd;
}

int spawn_start(const struct spawn *s, pid_t *ret_pid, struct err *e)
{
	_cleanup_free_ char *path = spawn_find(s->path);
	_cleanup_close_ int in = -EBADF, null = -EBADF, rd = -EBADF, wr = -EBADF;
	pid_t pid, self = getpid();
	int p[2], r;
	ssize_t n;

	if (!path)
		return err_kind(e, ERR_MISSING, -ENOENT, "program '%s' is not installed", s->path);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_set(e, -errno, "open /dev/null");
	if (s->input) {
		in = input_fd(s->input, e);
		if (in < 0)
			return in;
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, -errno, "make a pipe");
	rd = p[0];
	wr = p[1];
	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "fork for %s", path);
	if (pid == 0)
		child(s, path,
		      in >= 0		? in
		      : s->stdin_fd > 0 ? s->stdin_fd
					: null,
		      s->stdout_fd > 0 ? s->stdout_fd : null, s->stderr_fd > 0 ? s->stderr_fd : null, wr, self);
	wr = fd_close(wr);
	n = fd_read_full(rd, &r, sizeof(r));
	if (n == (ssize_t)sizeof(r)) {
		waitpid(pid, NULL, 0);
		return err_set(e, r, "execute %s", path);
	}
	*ret_pid = pid;
	return 0;
}

int spawn_wait(pid_t pid, struct err *e)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "wait for process %d", pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* To its end. Past the limit the rest is read and dropped, so that the program can end. */
static int read_output(int fd, int timeout_ms, struct buf *out)
{
	int64_t end = timeout_ms > 0 ? now_ms() + timeout_ms : 0;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end ? end - now_ms() : -1;
		char chunk[4096];
		ssize_t n;

		if (end && (left <= 0 || poll(&p, 1, (int)left) == 0))
			return -ETIMEDOUT;
		if (end && !p.revents)
			continue;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (out->len + (size_t)n < OUTPUT_MAX)
			buf_add(out, chunk, (size_t)n);
	}
}

int spawn_run(const struct spawn *s, char **ret_output, struct err *e)
{
	_cleanup_buf_ struct buf out = { .limit = OUTPUT_MAX };
	_cleanup_close_ int rd = -EBADF, wr = -EBADF;
	struct spawn copy = *s;
	pid_t pid;
	int p[2], r;

	if (!ret_output) {
		r = spawn_start(s, &pid, e);
		return r < 0 ? r : spawn_wait(pid, e);
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, -errno, "make a pipe");
	rd = p[0];
	wr = p[1];
	copy.stdout_fd = copy.stderr_fd = wr;
	copy.inherit_stdio = false;
	r = spawn_start(&copy, &pid, e);
	if (r < 0)
		return r;
	wr = fd_close(wr);
	r = read_output(rd, s->timeout_ms, &out);
	if (r < 0) {
		kill(pid, SIGKILL);
		(void)spawn_wait(pid, NULL);
		return err_set(e, r, "read what %s says", s->path);
	}
	r = spawn_wait(pid, e);
	if (r < 0)
		return r;
	*ret_output = buf_take(&out);
	return *ret_output ? r : err_oom(e);
}
