/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The hooks of the OCI runtime specification: programs without a shell, run at a named moment, with the state of the
 * container as JSON on their standard input. One function runs them all, on the host and between fork and exec: it
 * allocates nothing, for all words were made ready before.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "runtime/child.h"
#include "runtime/compile.h"
#include "runtime/hook.h"
#include "runtime/run.h"
#include "sys/syscalls.h"

/* --- running one -------------------------------------------------------------------------------------------------------- */

static int state_fd(const struct op_moment *m, pid_t pid, struct err *e)
{
	_cleanup_close_ int fd = memfd_create("state", MFD_CLOEXEC);
	char number[32];
	int r;

	if (fd < 0)
		return err_set(e, -errno, "make the state for a hook");
	snprintf(number, sizeof(number), ",\"pid\":%d", pid);
	r = fd_write_all(fd, m->json_head, strlen(m->json_head));
	if (r == 0 && pid > 0)
		r = fd_write_all(fd, number, strlen(number));
	if (r == 0)
		r = fd_write_all(fd, m->json_tail, strlen(m->json_tail));
	if (r < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, r < 0 ? r : -errno, "write the state for a hook");
	return TAKE_FD(fd);
}

static _noreturn_ void hook_child(const struct op_moment *m, int in, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	child_reset_signals();
	/* Above the three first: they may be among them. */
	in = fcntl(in, F_DUPFD_CLOEXEC, 3);
	out = fcntl(out, F_DUPFD_CLOEXEC, 3);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(127);
	sys_close_range(3, ~0u, 0);
	if (m->cwd && chdir(m->cwd) < 0)
		_exit(127);
	execve(m->path, m->argv, m->envp);
	dprintf(2, "%s: %s", m->path, errno == ENOENT ? "no such file or directory" : "cannot be executed");
	_exit(127);
}

/* Until it has ended, or its time is over. */
static int hook_wait(const struct op_moment *m, pid_t pid, int *ret_status, struct err *e)
{
	_cleanup_close_ int pidfd = sys_pidfd_open(pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	struct timespec end, now;
	bool late = false;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += m->timeout;
	for (long left = m->timeout * 1000L; m->timeout != UNSET32 && pidfd >= 0;) {
		int r = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);

		if (r == 0 || left <= 0) {
			late = true;
			sys_pidfd_send_signal(pidfd, SIGKILL);
		}
		if (r >= 0)
			break;
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = (end.tv_sec - now.tv_sec) * 1000L + (end.tv_nsec - now.tv_nsec) / 1000000L;
	}
	while (waitpid(pid, ret_status, __WALL) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "wait for a hook");
	if (late)
		return err_kind(e, ERR_STATE, -ETIME,
				"error running %s hook #%u: hook ran past specified timeout of %u.0s", m->moment,
				m->index, m->timeout);
	return 0;
}

int moment_run(const struct op_moment *m, pid_t pid, struct err *e)
{
	_cleanup_close_ int in = state_fd(m, pid, e), out = memfd_create("output", MFD_CLOEXEC);
	char said[256];
	int status, r;
	ssize_t n;
	pid_t child;

	if (in < 0)
		return in;
	if (out < 0)
		return err_set(e, -errno, "make room for a hook's output");
	child = fork();
	if (child < 0)
		return err_set(e, -errno, "fork for a hook");
	if (child == 0)
		hook_child(m, in, out);
	r = hook_wait(m, child, &status, e);
	if (r < 0 || status == 0)
		return r;
	n = pread(out, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	said[strcspn(said, "\n")] = '\0';
	if (WIFSIGNALED(status)) {
		const char *name = strsignal(WTERMSIG(status)) ?: "";

		/* runc's words, which are Go's. */
		return err_kind(e, ERR_STATE, -ECANCELED,
				"error running %s hook #%u: error running hook: %s: signal: %c%s%s%s", m->moment,
				m->index, m->path, *name | ' ', name + (*name != '\0'), *said ? ": " : "", said);
	}
	return err_kind(e, ERR_STATE, -ECANCELED, "error running %s hook #%u: %s: exit status %d%s%s", m->moment,
			m->index, m->path, WEXITSTATUS(status), *said ? ": " : "", said);
}

/* --- as operations -------------------------------------------------------------------------------------------------------- */

static void moment_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s:", op->moment->moment);
	for (size_t i = 0; op->moment->argv[i]; i++)
		buf_printf(out, " %s", op->moment->argv[i]);
}

static int moment_apply(const struct op *op, struct run *run, struct err *e)
{
	if (streq(op->moment->moment, "createContainer") && run->root_fd >= 0 && fchdir(run->root_fd) < 0)
		return err_set(e, -errno, "enter the root file system for a hook");
	/* Each side's pid is that of its own pid name space. */
	return moment_run(op->moment, op->stage == OP_CHILD ? getpid() : run->pid, e);
}

const struct op_kind op_moment = { "hook", moment_describe, moment_apply };

static void mounted_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "the mounts are made; until the host's hooks have run");
}

static int mounted_apply(const struct op *op, struct run *run, struct err *e)
{
	int r = run_send_step(run->child_sync, STEP_MOUNTED, NULL, 0, NULL);

	if (r < 0)
		return err_set(e, r, "report");
	r = run_recv_step(run->child_sync, NULL, NULL, e);
	if (r == STEP_EXEC)
		return 0;
	return r < 0 ? r : err_kind(e, ERR_STATE, -EPROTO, "unexpected step %d", r);
}

const struct op_kind op_mounted = { "mounted", mounted_describe, mounted_apply };

/* --- making the words ready ------------------------------------------------------------------------------------------------ */

static char *const *copy_words(struct plan *p, const struct strv *l, const char *first, struct err *e)
{
	char **copy = plan_alloc(p, (l->n + 2) * sizeof(*copy), e);
	size_t n = 0;

	if (copy && first && !l->n && !(copy[n++] = plan_strdup(p, first, e)))
		return NULL;
	for (size_t i = 0; copy && i < l->n; i++)
		if (!(copy[n++] = plan_strdup(p, l->v[i], e)))
			return NULL;
	return copy;
}

/* The state around the pid, which only the moment knows. */
static int state_text(struct plan *p, const struct spec *s, const struct moment_ctx *c, const char *status,
		      struct op_moment *m, struct err *e)
{
	_cleanup_buf_ struct buf head = BUF_INIT, tail = BUF_INIT;
	struct json j;
	int r;

	json_init(&j, &head, false);
	json_object(&j);
	json_kv_string(&j, "ociVersion", c->version ?: "1.0.2");
	json_kv_string(&j, "id", s->name);
	json_kv_string(&j, "status", status);
	json_end_object(&j);
	json_init(&j, &tail, false);
	json_object(&j);
	json_kv_string(&j, "bundle", c->bundle ?: "");
	if (s->annotations.n) {
		json_key(&j, "annotations");
		json_object(&j);
		for (size_t i = 0; i < s->annotations.n; i++) {
			const char *word = s->annotations.v[i], *eq = strchr(word, '=');
			_cleanup_free_ char *key = eq ? strndup(word, (size_t)(eq - word)) : strdup(word);

			if (!key)
				return err_oom(e);
			json_kv_string(&j, key, eq ? eq + 1 : "");
		}
		json_end_object(&j);
	}
	json_end_object(&j);
	r = buf_error(&head, e);
	if (r == 0)
		r = buf_error(&tail, e);
	if (r < 0)
		return r;
	m->json_head = plan_printf(p, e, "%.*s", (int)head.len - 1, buf_str(&head));
	m->json_tail = plan_printf(p, e, ",%s", buf_str(&tail) + 1);
	return m->json_head && m->json_tail ? 0 : -ENOMEM;
}

static const char *status_of(const char *moment)
{
	/* prestart is of a time when it was part of the start. */
	if (streq(moment, "startContainer") || streq(moment, "prestart"))
		return "created";
	if (streq(moment, "poststart"))
		return "running";
	return streq(moment, "poststop") ? "stopped" : "creating";
}

/* The I-th of a moment. */
static struct op_moment *make_moment(struct plan *p, const struct spec *s, const struct spec_exec_hook *h,
				     unsigned index, const struct moment_ctx *c, struct err *e)
{
	struct op_moment *m = plan_alloc(p, sizeof(*m), e);

	if (!m)
		return NULL;
	*m = (struct op_moment){ .moment = h->moment, .index = index, .path = h->path, .timeout = h->timeout };
	/* Those two are in the container's name spaces: the first in its root as it is seen from outside, where the program
	 * is found, the second inside, where the bundle is not. */
	m->cwd = streq(h->moment, "createContainer") || streq(h->moment, "startContainer") ? NULL : c->bundle;
	m->argv = copy_words(p, &h->args, h->path, e);
	/* Nothing said: the caller's on the host, the container's inside. */
	m->envp = h->env.n || h->env_exact == TRI_YES ? copy_words(p, &h->env, NULL, e) : c->env ?: environ;
	if (!m->argv || !m->envp || state_text(p, s, c, status_of(h->moment), m, e) < 0)
		return NULL;
	return m;
}

int compile_moments(struct compiler *c, enum op_stage stage, const char *moment)
{
	const struct moment_ctx ctx = {
		.version = c->opts->version,
		.bundle = c->opts->bundle,
		.env = streq(moment, "startContainer") ? c->env : NULL,
	};
	unsigned n = 0;

	LIST_EACH(h, &c->spec->exec_hooks, struct spec_exec_hook) {
		struct op_moment *m;
		struct op *op;

		if (!h->moment || !streq(h->moment, moment))
			continue;
		if (!h->path || *h->path != '/')
			return err_kind(c->e, ERR_INVALID, -EINVAL, "%s hook #%u: the path must be absolute", moment,
					n);
		m = make_moment(c->plan, c->spec, h, n++, &ctx, c->e);
		op = m ? plan_add(c->plan, stage, &op_moment, c->e) : NULL;
		if (!op)
			return -ENOMEM;
		op->moment = m;
	}
	return 0;
}

bool moments_any(const struct spec *s, const char *moment)
{
	LIST_EACH(h, &s->exec_hooks, struct spec_exec_hook)
		if (h->moment && streq(h->moment, moment))
			return true;
	return false;
}

int moments_run(const struct spec *s, const char *moment, const struct moment_ctx *c, bool go_on, const struct log *log,
		struct err *e)
{
	struct plan arena = { 0 };
	unsigned n = 0;
	int first = 0;

	LIST_EACH(h, &s->exec_hooks, struct spec_exec_hook) {
		struct op_moment *m;
		struct err he = { 0 };
		int r;

		if (!h->moment || !streq(h->moment, moment) || !h->path)
			continue;
		m = make_moment(&arena, s, h, n++, c, &he);
		r = m ? moment_run(m, c->pid, &he) : -ENOMEM;
		if (r == 0)
			continue;
		if (first == 0 && e)
			*e = he;
		first = first ?: r;
		if (!go_on)
			break;
		log_msg(log, LOG_WARN, "%s", he.msg);
	}
	plan_done(&arena);
	return first;
}
